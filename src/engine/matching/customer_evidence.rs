//! The evidence for and against one pair of company and customer.

use std::collections::BTreeSet;

use super::abbreviation;
use super::address::Place;
use super::assign::Scored;
use super::company_name::{AliasKind, CompanyName};
use super::domain_name;
use super::explain::{Signal, SignalKind, Veto};
use super::index::{Postings, WordFrequencies};
use super::lesson::{LearnedAlias, Lessons};
use super::name::{self, NameComparison, Relation};
use super::normalize::{fold, squashed};
use super::party::{PartyRecord, Standing};
use super::phone;
use super::score::Weight;

/// A record, normalized once.
#[derive(Debug, Clone)]
pub(super) struct Party {
    pub record: PartyRecord,
    pub name: CompanyName,
    pub domains: BTreeSet<String>,
    pub phone: Option<String>,
    pub place: Place,
    pub references: BTreeSet<String>,
}

impl Party {
    pub fn new(record: PartyRecord) -> Self {
        let written = record.website.iter().chain(&record.emails);
        let domains = written.filter_map(|text| domain_name::registrable(text)).collect();
        let references = record.references.iter().map(|text| reference(text)).filter(|text| !text.is_empty()).collect();
        // Some companies are entered under nothing but their web site.
        let spelled =
            domain_name::registrable(&record.name).filter(|_| !record.name.trim().contains(char::is_whitespace));
        let name = CompanyName::parse(
            spelled.as_deref().map_or(&record.name, |domain| domain.split('.').next().unwrap_or(domain)),
        );
        Self {
            name,
            domains,
            phone: record.phone.as_deref().and_then(phone::national),
            place: Place::of(&record.address),
            references,
            record,
        }
    }

    /// Words of all spellings, each once.
    pub fn words(&self) -> BTreeSet<&str> {
        self.name.aliases.iter().flat_map(|alias| alias.words.iter().map(String::as_str)).collect()
    }
}

/// A reference in the form in which it is compared.
pub(super) fn reference(text: &str) -> String {
    fold(text).replace(' ', "")
}

/// What a pair is judged against: frequencies of words and of attribute values.
#[derive(Debug, Default)]
pub(super) struct Background {
    pub words: WordFrequencies,
    /// Customers by attribute; keys carry the attribute's name, such as `phone 2365550100`.
    pub customers: Postings,
    /// Companies by attribute.
    pub companies: Postings,
}

/// Keys under which a record's attributes are counted and found.
pub(super) fn attribute_keys(party: &Party) -> Vec<String> {
    let mut keys: Vec<String> = party.domains.iter().map(|domain| format!("domain {domain}")).collect();
    keys.extend(party.phone.iter().map(|phone| format!("phone {phone}")));
    keys.extend(party.place.street.iter().map(|street| street_key(street, &party.place)));
    keys.extend(party.place.postal_code.iter().map(|code| format!("postal {code}")));
    keys
}

fn street_key(street: &str, place: &Place) -> String {
    format!("street {street} {}", place.postal_code.as_deref().or(place.city.as_deref()).unwrap_or_default())
}

/// What agreed beside the name.
#[derive(Default)]
struct Agreement {
    /// Attributes that agree on a value that few records have.
    own: u32,
    /// Attributes that agree on a value that several records have, or that agree weakly.
    shared: u32,
    /// Attributes that both sides have and that differ.
    against: u32,
}

/// Compares a pair; the target is left as the customer itself.
pub(super) fn judge(
    company: &Party,
    customer: &Party,
    background: &Background,
    lessons: &Lessons,
    points_elsewhere: bool,
) -> Scored {
    let mut signals = vec![signal(SignalKind::Prior, "", "", -background.words.prior_bits())];
    let names = compare_names(company, customer, background, lessons);
    let mut agreement = Agreement::default();
    let mut veto = None;

    let acronym = names.comparison.relation < Relation::Contained && is_acronym(company, customer);
    push_name_signals(&names, acronym, company, customer, &mut signals);
    signals.extend(names.learned.iter().cloned());
    push_legal_form(company, customer, &mut signals);
    push_domain(company, customer, background, &mut agreement, &mut signals);
    push_phone(company, customer, background, &mut agreement, &mut signals);
    push_place(company, customer, background, &mut agreement, &mut signals);
    push_reference(company, customer, points_elsewhere, names.comparison.relation, &mut agreement, &mut signals);

    let site = (company.name.site.as_deref(), customer.name.site.as_deref());
    match site {
        (Some(left), Some(right)) if left == right => {
            signals.push(signal(SignalKind::SiteNumber, left, right, 2.0));
        }
        (None, None) => {}
        (left, right) => {
            let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
            signals.push(signal(SignalKind::SiteNumber, left, right, -4.0));
            // A second account of the same office is the same customer; a branch has its own telephone and address.
            let spelled = signals.iter().any(|signal| signal.kind == SignalKind::DomainSpellsName);
            let is_branch = !right.is_empty() || agreement.own * 2 + agreement.shared + u32::from(spelled) < 4;
            if is_branch {
                veto = Some(Veto::SiteNumber { left: left.to_owned(), right: right.to_owned() });
            }
        }
    }
    let leftovers = names.comparison.left_over.iter().chain(&names.comparison.right_over);
    if veto.is_none()
        && names.comparison.relation != Relation::Different
        && let Some(word) = leftovers.filter(|word| abbreviation::names_sibling(word)).min()
    {
        signals.push(signal(SignalKind::NameLeftover, word, word, -3.0));
        veto = Some(Veto::SiblingWord(word.clone()));
    }
    let veto = veto.or_else(|| evidence_veto(&names, acronym, &signals, &agreement));
    Scored { target: customer.record.key.clone(), signals, veto, learned: Weight::ZERO }
}

/// The penalty of a record that is not in use.
pub(super) fn push_standing(customer: &Party, scored: &mut Scored) {
    let standing =
        customer.record.standing.max(if customer.name.is_closed { Standing::Inactive } else { Standing::Active });
    let (text, bits) = match standing {
        Standing::Active => ("active", 0.0),
        Standing::Pending => ("pending", -1.0),
        Standing::Prospect => ("prospect", -7.0),
        Standing::Inactive => ("inactive", -10.0),
        Standing::Deleted => ("deleted", -14.0),
    };
    if bits < 0.0 {
        scored.signals.push(signal(SignalKind::Standing, "", text, bits));
    }
    match customer.record.has_agreements {
        Some(true) => scored.signals.push(signal(SignalKind::Standing, "", "has agreements", 1.0)),
        Some(false) => scored.signals.push(signal(SignalKind::Standing, "", "has no agreements", -4.0)),
        None => {}
    }
    if standing >= Standing::Prospect && scored.veto.is_none() {
        scored.veto = Some(Veto::NotServed);
    }
}

fn evidence_veto(names: &BestNames, acronym: bool, signals: &[Signal], agreement: &Agreement) -> Option<Veto> {
    // Words that mean the same only because this integration's pairs say so need another attribute beside them.
    let name_is_own = names.comparison.relation == Relation::Equal
        && names.kind != AliasKind::WithoutTail
        && names.learned.is_empty();
    let spells = signals.iter().any(|signal| signal.kind == SignalKind::DomainSpellsName);
    let name_agrees = names.comparison.relation >= Relation::Contained || acronym || spells;
    if name_is_own {
        return (agreement.against >= 2 && agreement.own + agreement.shared == 0).then_some(Veto::AttributesDisagree);
    }
    let attributes = agreement.own * 2 + agreement.shared;
    let needed = if name_agrees { 2 } else { 4 };
    if attributes < needed {
        return Some(Veto::SingleEvidence);
    }
    (!name_agrees && agreement.against > 0).then_some(Veto::AttributesDisagree)
}

/// The two spellings that agree best.
struct BestNames {
    comparison: NameComparison,
    kind: AliasKind,
    left: String,
    right: String,
    bits: f64,
    /// Words that differ and count as equal.
    learned: Vec<Signal>,
}

/// The words that a pair of records leaves over on both sides, where its names have a word in common.
pub(super) fn words_left_over(
    company: &Party,
    customer: &Party,
    background: &Background,
) -> Option<(Vec<String>, Vec<String>)> {
    let NameComparison { shared_bits, left_over, right_over, .. } =
        compare_names(company, customer, background, &Lessons::default()).comparison;
    (shared_bits > 0.0).then_some((left_over, right_over))
}

fn compare_names(company: &Party, customer: &Party, background: &Background, lessons: &Lessons) -> BestNames {
    let bits_of = |word: &str| background.words.bits(word, abbreviation::is_common(word));
    let mut best: Option<BestNames> = None;
    for left in &company.name.aliases {
        for right in &customer.name.aliases {
            let mut comparison = name::compare(&left.words, &right.words, &bits_of);
            if comparison.relation != Relation::Equal
                && !left.words.is_empty()
                && squashed(&left.words) == squashed(&right.words)
            {
                let shared_bits = left.words.iter().map(|word| bits_of(word)).sum();
                comparison = NameComparison {
                    relation: Relation::Equal,
                    shared_bits,
                    leftover_bits: 0.0,
                    left_over: Vec::new(),
                    right_over: Vec::new(),
                    quality: 1.0,
                };
            }
            let learned = excuse(&mut comparison, lessons, &bits_of);
            let kind = left.kind.max(right.kind);
            // A tail that names a sister company or stands for another place stays a difference.
            let dropped: f64 =
                left.dropped.iter().chain(&right.dropped).map(|word| tail_bits(word, company, customer)).sum();
            if left.dropped.iter().chain(&right.dropped).any(|word| abbreviation::names_sibling(word)) {
                comparison.right_over.extend(left.dropped.iter().chain(&right.dropped).cloned());
                comparison.relation = comparison.relation.min(Relation::Contained);
            }
            // The whole name, word for word, is more than the sum of its words.
            let whole = match kind {
                _ if left.words != right.words || left.words.is_empty() => 0.0,
                AliasKind::Full => 5.0,
                AliasKind::TradingName => 4.0,
                AliasKind::WithoutTail => 0.0,
            };
            let bits = name_bits(&comparison) + whole - dropped.min(4.0);
            if best.as_ref().is_none_or(|best| bits > best.bits) {
                let text = |words: &[String]| words.join(" ");
                let (left, right) = (text(&left.words), text(&right.words));
                best = Some(BestNames { comparison, kind, left, right, bits, learned });
            }
        }
    }
    best.expect("every name has at least one spelling")
}

/// Takes out what the integration's own pairs show to mean the same.
fn excuse(comparison: &mut NameComparison, lessons: &Lessons, bits_of: &dyn Fn(&str) -> f64) -> Vec<Signal> {
    let NameComparison { left_over, right_over, .. } = comparison;
    let used: Vec<Signal> = lessons.excuse(left_over, right_over).into_iter().map(LearnedAlias::signal).collect();
    if !used.is_empty() {
        comparison.leftover_bits = left_over.iter().chain(right_over.iter()).map(|word| bits_of(word)).sum();
        comparison.relation = match (left_over.is_empty(), right_over.is_empty()) {
            _ if comparison.shared_bits <= 0.0 => Relation::Different,
            (true, true) => Relation::Equal,
            (false, false) => comparison.relation.max(Relation::Overlapping),
            _ => Relation::Contained,
        };
    }
    used
}

/// What leaving out a word of a tail costs: nothing for the city of either side.
fn tail_bits(word: &str, company: &Party, customer: &Party) -> f64 {
    let cities = [&company.place.city, &customer.place.city];
    if cities.iter().any(|city| city.as_deref().is_some_and(|city| city.split(' ').any(|part| part == word))) {
        0.5
    } else {
        1.5
    }
}

fn name_bits(comparison: &NameComparison) -> f64 {
    let shared = comparison.shared_bits;
    let leftover = comparison.leftover_bits;
    match comparison.relation {
        Relation::Equal => shared.min(16.0) + if comparison.quality >= 1.0 { 1.5 } else { -0.5 },
        Relation::Contained => (shared * 0.7).min(11.0) - (leftover * 0.3).min(6.0),
        Relation::Overlapping => (shared * 0.4).min(6.0) - (leftover * 0.5).min(10.0),
        Relation::Different => -7.0,
    }
}

fn push_name_signals(names: &BestNames, acronym: bool, company: &Party, customer: &Party, signals: &mut Vec<Signal>) {
    let (left, right) = (company.record.name.as_str(), customer.record.name.as_str());
    if acronym {
        signals.push(signal(SignalKind::Acronym, left, right, 2.0));
        return;
    }
    let (left, right) =
        if names.kind == AliasKind::Full { (left, right) } else { (names.left.as_str(), names.right.as_str()) };
    let comparison = &names.comparison;
    if comparison.relation == Relation::Contained || comparison.relation == Relation::Overlapping {
        let for_it = match comparison.relation {
            Relation::Contained => (comparison.shared_bits * 0.7).min(11.0),
            _ => (comparison.shared_bits * 0.4).min(6.0),
        };
        signals.push(signal(SignalKind::Name, left, right, for_it));
        let (left_over, right_over) = (comparison.left_over.join(" "), comparison.right_over.join(" "));
        signals.push(signal(SignalKind::NameLeftover, &left_over, &right_over, names.bits - for_it));
    } else {
        signals.push(signal(SignalKind::Name, left, right, names.bits));
    }
}

fn is_acronym(company: &Party, customer: &Party) -> bool {
    let one_way = |short: &Party, long: &Party| {
        short.name.aliases.iter().any(|alias| match alias.words.as_slice() {
            [word] if (3..=6).contains(&word.chars().count()) => {
                long.name.aliases.iter().any(|long| name::initials(&long.words).as_deref() == Some(word))
            }
            _ => false,
        })
    };
    one_way(company, customer) || one_way(customer, company)
}

fn push_legal_form(company: &Party, customer: &Party, signals: &mut Vec<Signal>) {
    if let (Some(left), Some(right)) = (company.name.legal_form, customer.name.legal_form) {
        let bits = if left == right { 1.0 } else { -2.0 };
        signals.push(signal(SignalKind::LegalForm, &format!("{left:?}"), &format!("{right:?}"), bits));
    }
}

/// Weight of agreeing on a value: `full` where one customer has it, less the more have it.
fn agreed(full: f64, step: f64, key: &str, background: &Background, agreement: &mut Agreement) -> f64 {
    let customers = background.customers.rows(key).len().max(1) as f64;
    // A few companies of one customer share everything; a value of many companies belongs to their supplier.
    let companies = (background.companies.rows(key).len() as f64 / 3.0).max(1.0);
    let bits = full - step * customers.log2() - step * companies.log2();
    if customers <= 2.0 && companies <= 1.0 && full >= 5.0 {
        agreement.own += 1;
    } else if bits >= 1.0 {
        agreement.shared += 1;
    }
    bits.max(0.0)
}

fn push_domain(
    company: &Party,
    customer: &Party,
    background: &Background,
    agreement: &mut Agreement,
    signals: &mut Vec<Signal>,
) {
    let mut common = company.domains.intersection(&customer.domains);
    if let Some(domain) = common.next() {
        let bits = agreed(10.0, 3.0, &format!("domain {domain}"), background, agreement);
        signals.push(signal(SignalKind::Domain, domain, domain, bits));
        return;
    }
    if let Some(domain) = spelled(company, customer) {
        signals.push(signal(SignalKind::DomainSpellsName, domain, &customer.record.name, 4.0));
    } else if let Some(domain) = spelled(customer, company) {
        signals.push(signal(SignalKind::DomainSpellsName, &company.record.name, domain, 4.0));
    }
    if let (Some(left), Some(right)) = (company.domains.first(), customer.domains.first()) {
        let (a, b) = (domain_name::label(left), domain_name::label(right));
        // `acme.example` and `acme-old.example` are old and new sites of one owner more often than not.
        let is_variant = a.len() >= 5 && b.len() >= 5 && (a.starts_with(&b) || b.starts_with(&a));
        if !is_variant {
            agreement.against += 1;
            signals.push(signal(SignalKind::Domain, left, right, -3.0));
        }
    }
}

/// A domain of one record that spells the name of the other.
fn spelled<'a>(owner: &'a Party, named: &Party) -> Option<&'a String> {
    owner.domains.iter().find(|domain| {
        let label = domain_name::label(domain);
        named.name.aliases.iter().any(|alias| spells(&label, &alias.words))
    })
}

/// Whether a domain's label is the name without blanks, or a long beginning of it.
fn spells(label: &str, words: &[String]) -> bool {
    let name = squashed(words);
    let length = label.chars().count();
    (length >= 6 && label == name) || (length >= 16 && name.starts_with(label))
}

fn push_phone(
    company: &Party,
    customer: &Party,
    background: &Background,
    agreement: &mut Agreement,
    signals: &mut Vec<Signal>,
) {
    let (Some(left), Some(right)) = (&company.phone, &customer.phone) else { return };
    if left == right {
        let bits = agreed(9.0, 3.0, &format!("phone {left}"), background, agreement);
        signals.push(signal(SignalKind::Phone, left, right, bits));
    } else if rapidfuzz::distance::osa::distance(left.chars(), right.chars()) > 2 {
        agreement.against += 1;
        signals.push(signal(SignalKind::Phone, left, right, -1.5));
    }
}

fn push_place(
    company: &Party,
    customer: &Party,
    background: &Background,
    agreement: &mut Agreement,
    signals: &mut Vec<Signal>,
) {
    let (left, right) = (&company.place, &customer.place);
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    let postal_agrees = same(&left.postal_code, &right.postal_code);
    if same(&left.street, &right.street) && (postal_agrees || same(&left.city, &right.city)) {
        let street = left.street.as_deref().unwrap_or_default();
        let bits = agreed(7.0, 2.0, &street_key(street, left), background, agreement);
        signals.push(signal(SignalKind::Street, street, street, bits));
    }
    match (&left.postal_code, &right.postal_code) {
        (Some(a), Some(b)) if a == b => {
            let bits = agreed(3.0, 0.5, &format!("postal {a}"), background, agreement);
            signals.push(signal(SignalKind::PostalCode, a, b, bits));
        }
        (Some(a), Some(b)) => {
            agreement.against += 1;
            signals.push(signal(SignalKind::PostalCode, a, b, -1.5));
        }
        _ if same(&left.city, &right.city) => {
            let city = left.city.as_deref().unwrap_or_default();
            signals.push(signal(SignalKind::City, city, city, 1.0));
        }
        _ => {}
    }
}

fn push_reference(
    company: &Party,
    customer: &Party,
    points_elsewhere: bool,
    relation: Relation,
    agreement: &mut Agreement,
    signals: &mut Vec<Signal>,
) {
    let key = reference(customer.record.key.as_str());
    let hit = company.references.iter().find(|text| **text == key || customer.references.contains(*text));
    if let Some(text) = hit {
        // Evidence, not proof: the field is filled by hand and may hold anything.
        let bits = if relation >= Relation::Overlapping { 3.5 } else { 1.0 };
        agreement.shared += u32::from(relation >= Relation::Overlapping);
        signals.push(signal(SignalKind::Reference, text, customer.record.key.as_str(), bits));
    } else if points_elsewhere {
        let left = company.references.iter().next().map_or("", String::as_str);
        signals.push(signal(SignalKind::Reference, left, customer.record.key.as_str(), -1.0));
    }
}

fn signal(kind: SignalKind, left: &str, right: &str, bits: f64) -> Signal {
    Signal { kind, left: left.to_owned(), right: right.to_owned(), weight: Weight::of_bits(bits) }
}
