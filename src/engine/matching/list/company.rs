//! Features of two companies of two lists.

use std::collections::{BTreeSet, HashMap};

use super::super::abbreviation;
use super::super::company_name::AliasKind;
use super::super::customer_evidence::Party;
use super::super::domain_name;
use super::super::explain::{SignalKind, Veto};
use super::super::index::WordFrequencies;
use super::super::name::{self, NameComparison, Relation};
use super::super::normalize::squashed;
use super::model::{self, Feature};
use super::vectors::{hashed, hashed_trigrams};
use super::{Keys, ListRecord, Workers, in_order, region};

use SignalKind::{Acronym, City, Domain, LegalForm, Name, NameLeftover, Phone, PostalCode, SiteNumber, Street};

const THREE: &[f32] = &[-1.0, 0.0, 1.0];
const SHARE: &[f32] = &[0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0];
const LEFTOVER: &[f32] = &[0.0, 1.5, 3.0, 5.0, 8.0, 12.0, 20.0];

/// What is compared, in the order of [`Companies::features`].
pub(super) const FEATURES: &[Feature] = &[
    Feature { name: "spelling", kind: Name, knots: SHARE },
    Feature { name: "words", kind: Name, knots: SHARE },
    Feature { name: "share", kind: Name, knots: SHARE },
    Feature { name: "shared bits", kind: Name, knots: &[0.0, 2.0, 4.0, 7.0, 10.0, 14.0, 18.0, 24.0] },
    Feature { name: "leftover of one", kind: NameLeftover, knots: LEFTOVER },
    Feature { name: "leftover of both", kind: NameLeftover, knots: LEFTOVER },
    Feature { name: "sister words", kind: NameLeftover, knots: &[0.0, 1.0, 2.0] },
    Feature { name: "rarest leftover", kind: NameLeftover, knots: &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0] },
    Feature { name: "quality", kind: Name, knots: &[0.6, 0.7, 0.8, 0.9, 1.0] },
    Feature { name: "relation", kind: Name, knots: &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0] },
    Feature { name: "legal form", kind: LegalForm, knots: THREE },
    Feature { name: "numbers", kind: SiteNumber, knots: &[-2.0, -1.0, 0.0, 1.0] },
    Feature { name: "first word", kind: Name, knots: &[0.0, 0.5, 1.0] },
    Feature { name: "letters", kind: Name, knots: &[0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0] },
    Feature { name: "beginning", kind: Name, knots: &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0] },
    Feature { name: "acronym", kind: Acronym, knots: &[0.0, 1.0] },
    Feature { name: "other name", kind: Name, knots: &[0.0, 1.0, 2.0] },
    Feature { name: "namesakes", kind: Name, knots: &[0.0, 1.0, 2.0, 4.0] },
    Feature { name: "city", kind: City, knots: &[-1.0, 0.0, 1.0, 4.0, 8.0, 12.0] },
    Feature { name: "state", kind: City, knots: &[-1.0, 0.0, 1.0, 3.0, 6.0] },
    Feature { name: "country", kind: City, knots: THREE },
    Feature { name: "domain", kind: Domain, knots: &[-1.0, 0.0, 0.5, 1.0, 2.0] },
    Feature { name: "telephone", kind: Phone, knots: &[-1.0, 0.0, 1.0, 2.0] },
    Feature { name: "street", kind: Street, knots: &[-1.0, 0.0, 1.0, 2.0] },
    Feature { name: "postal code", kind: PostalCode, knots: THREE },
];

/// One company, taken apart once.
#[derive(Debug)]
struct Entry {
    party: Party,
    squashed: String,
    state: Option<String>,
    country: Option<String>,
    numbers: BTreeSet<String>,
    /// Names that are one short word, which may be initials.
    short: Vec<String>,
    initials: Vec<String>,
}

/// Both lists.
#[derive(Debug)]
pub(super) struct Companies {
    left: Vec<Entry>,
    right: Vec<Entry>,
    /// Bits that agreement on a word is worth.
    bits: HashMap<String, f64>,
    /// Records of the list that has more of them under a squashed name.
    namesakes: HashMap<String, u32>,
    cities: HashMap<String, u32>,
    states: HashMap<String, u32>,
    /// Records that have a value, on the side that has more of them.
    values: HashMap<String, u32>,
}

impl Companies {
    /// Takes the records of both lists apart.
    pub fn new(left: &[&ListRecord], right: &[&ListRecord], workers: &dyn Workers) -> Self {
        let entries = |records: &[&ListRecord]| in_order(workers, records, |record| Entry::new(record));
        let (left, right) = (entries(left), entries(right));
        let mut words = WordFrequencies::default();
        let (mut cities, mut states) = (HashMap::new(), HashMap::new());
        for entry in left.iter().chain(&right) {
            words.add(&entry.party.words());
            if let Some(city) = &entry.party.place.city {
                *cities.entry(city.clone()).or_default() += 1;
            }
            if let Some(state) = &entry.state {
                *states.entry(state.clone()).or_default() += 1;
            }
        }
        let namesakes = most_of_either(&left, &right, |entry| vec![entry.squashed.clone()]);
        let values = most_of_either(&left, &right, Entry::values);
        let all = left.iter().chain(&right).flat_map(|entry| entry.party.words());
        let bits = all.map(|word| (word.to_owned(), words.bits(word, abbreviation::is_common(word)))).collect();
        Self { left, right, bits, namesakes, cities, states, values }
    }

    /// The terms under which the records of both lists are found: spelling, words, exact keys.
    pub fn keys(&self, workers: &dyn Workers) -> Keys {
        let side = |entries: &[Entry]| {
            let trigrams = in_order(workers, entries, |entry| {
                let mut terms: Vec<u64> =
                    entry.party.name.aliases.iter().flat_map(|alias| hashed_trigrams(&alias.words)).collect();
                if terms.is_empty() {
                    terms.push(hashed(&entry.squashed));
                }
                terms
            });
            let words = in_order(workers, entries, |entry| entry.party.words().into_iter().map(hashed).collect());
            (trigrams, words, in_order(workers, entries, Entry::exact_keys))
        };
        let (left, right) = (side(&self.left), side(&self.right));
        Keys { trigrams: (left.0, right.0), words: (left.1, right.1), exact: (left.2, right.2) }
    }

    /// Compares two records; the cosines of spelling and words come from the search.
    pub fn features(&self, left: usize, right: usize, cosines: [f32; 2], values: &mut Vec<f32>) {
        let (a, b) = (&self.left[left], &self.right[right]);
        let (names, kind) = self.best_names(a, b);
        let leftover = |words: &[String]| words.iter().map(|word| self.bits(word)).sum::<f64>();
        let (over_left, over_right) = (leftover(&names.left_over), leftover(&names.right_over));
        let all_over = || names.left_over.iter().chain(&names.right_over);
        let rarest = all_over().map(|word| self.bits(word)).fold(0.0, f64::max);
        let sisters = all_over().filter(|word| abbreviation::names_sibling(word)).count();
        let is_squashed_equal = a.squashed == b.squashed;
        let is_ordered = a.party.name.aliases[0].words == b.party.name.aliases[0].words;
        let relation = match names.relation {
            _ if is_ordered => 5.0,
            _ if is_squashed_equal => 4.0,
            Relation::Equal => 3.0,
            Relation::Contained => 2.0,
            Relation::Overlapping => 1.0,
            Relation::Different => 0.0,
        };
        let legal = match (a.party.name.legal_form, b.party.name.legal_form) {
            (Some(left), Some(right)) if left == right => 1.0,
            (Some(_), Some(_)) => -1.0,
            _ => 0.0,
        };
        let first = |entry: &Entry| entry.party.name.aliases[0].words.first().cloned().unwrap_or_default();
        let (first_left, first_right) = (first(a), first(b));
        let first_word = if first_left == first_right {
            1.0
        } else if first_left.starts_with(&first_right) || first_right.starts_with(&first_left) {
            0.5
        } else {
            0.0
        };
        let letters = rapidfuzz::distance::jaro_winkler::normalized_similarity(a.squashed.chars(), b.squashed.chars());
        let namesakes = self.namesakes.get(&a.squashed).max(self.namesakes.get(&b.squashed)).copied().unwrap_or(1);
        let shared = names.shared_bits;
        values.clear();
        values.extend([
            cosines[0],
            cosines[1],
            (shared / (shared + over_left + over_right).max(0.1)) as f32,
            shared as f32,
            over_left.max(over_right) as f32,
            over_left.min(over_right) as f32,
            sisters as f32,
            rarest as f32,
            names.quality as f32,
            relation,
            legal,
            numbers(a, b),
            first_word,
            letters as f32,
            beginning(&a.squashed, &b.squashed),
            if is_acronym(a, b) || is_acronym(b, a) { 1.0 } else { 0.0 },
            match kind {
                AliasKind::Full => 0.0,
                AliasKind::TradingName => 1.0,
                AliasKind::WithoutTail => 2.0,
            },
            (namesakes as f32).log2(),
        ]);
        self.attributes(a, b, values);
    }

    fn attributes(&self, a: &Entry, b: &Entry, values: &mut Vec<f32>) {
        let records = (self.left.len() + self.right.len()) as f32;
        let rarity = |left: &Option<String>, right: &Option<String>, counts: &HashMap<String, u32>| match (left, right)
        {
            (Some(left), Some(right)) if left == right => {
                (records / counts.get(left).copied().unwrap_or(1) as f32).log2().max(1.0)
            }
            (Some(_), Some(_)) => -1.0,
            _ => 0.0,
        };
        values.push(rarity(&a.party.place.city, &b.party.place.city, &self.cities));
        values.push(rarity(&a.state, &b.state, &self.states));
        values.push(agreement(&a.country, &b.country));
        let owned = |key: String| if self.values.get(&key).copied().unwrap_or(1) <= 1 { 2.0 } else { 1.0 };
        let (left, right) = (&a.party.domains, &b.party.domains);
        let spells = |entry: &Entry, domains: &BTreeSet<String>| {
            entry.squashed.len() >= 5 && domains.iter().any(|domain| domain_name::label(domain) == entry.squashed)
        };
        values.push(match left.intersection(right).next() {
            Some(domain) => owned(format!("domain {domain}")),
            None if spells(a, right) || spells(b, left) => 0.5,
            None if left.is_empty() || right.is_empty() => 0.0,
            None => -1.0,
        });
        values.push(match (&a.party.phone, &b.party.phone) {
            (Some(left), Some(right)) if left == right => owned(format!("phone {left}")),
            (Some(_), Some(_)) => -1.0,
            _ => 0.0,
        });
        values.push(match (&a.party.place.street, &b.party.place.street) {
            (Some(left), Some(right)) if left == right => owned(format!("street {left}")),
            (Some(_), Some(_)) => -1.0,
            _ => 0.0,
        });
        values.push(agreement(&a.party.place.postal_code, &b.party.place.postal_code));
    }

    fn bits(&self, word: &str) -> f64 {
        self.bits.get(word).copied().unwrap_or(0.0)
    }

    fn best_names(&self, a: &Entry, b: &Entry) -> (NameComparison, AliasKind) {
        let bits_of = |word: &str| self.bits(word);
        let mut best: Option<(f64, NameComparison, AliasKind)> = None;
        for left in &a.party.name.aliases {
            for right in &b.party.name.aliases {
                let comparison = name::compare(&left.words, &right.words, &bits_of);
                let kind = left.kind.max(right.kind);
                let rank = comparison.shared_bits - comparison.leftover_bits;
                if best.as_ref().is_none_or(|(known, _, _)| rank > *known) {
                    best = Some((rank, comparison, kind));
                }
            }
        }
        let (_, comparison, kind) = best.expect("every name has at least one spelling");
        (comparison, kind)
    }

    /// A contradiction that keeps the pair from being mapped.
    pub fn veto(&self, left: usize, right: usize, values: &[f32]) -> Option<Veto> {
        let (a, b) = (&self.left[left], &self.right[right]);
        let value = |name: &str| model::value(FEATURES, values, name);
        let (left, right) = (a.party.name.site.clone(), b.party.name.site.clone());
        if left != right {
            return Some(Veto::SiteNumber { left: left.unwrap_or_default(), right: right.unwrap_or_default() });
        }
        let has_proof = value("domain") >= 2.0 || value("telephone") >= 2.0 || value("street") >= 2.0;
        let is_against = ["domain", "telephone", "postal code"].iter().filter(|name| value(name) < 0.0).count();
        if is_against >= 2 && !has_proof {
            return Some(Veto::AttributesDisagree);
        }
        None
    }

    /// The names of a pair, as they stand in the lists.
    pub fn names(&self, left: usize, right: usize) -> (&str, &str) {
        (&self.left[left].party.record.name, &self.right[right].party.record.name)
    }
}

impl Entry {
    fn new(record: &ListRecord) -> Self {
        let party = Party::new(record.as_party());
        let numbers = party
            .name
            .aliases
            .iter()
            .flat_map(|alias| &alias.words)
            .filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
            .cloned()
            .chain(party.name.site.clone())
            .collect();
        let mut short = Vec::new();
        let mut initials = Vec::new();
        for alias in &party.name.aliases {
            match alias.words.as_slice() {
                [word] if (3..=6).contains(&word.chars().count()) => short.push(word.clone()),
                words => initials.extend(name::initials(words)),
            }
        }
        Self {
            short,
            initials,
            squashed: squashed(&party.name.aliases[0].words),
            state: record.address.region.as_deref().and_then(region::state).or_else(|| register_state(&record.name)),
            country: record.address.country.as_deref().and_then(region::country),
            numbers,
            party,
        }
    }

    fn values(&self) -> Vec<String> {
        let mut values: Vec<String> = self.party.domains.iter().map(|domain| format!("domain {domain}")).collect();
        values.extend(self.party.phone.iter().map(|phone| format!("phone {phone}")));
        values.extend(self.party.place.street.iter().map(|street| format!("street {street}")));
        values
    }

    fn exact_keys(&self) -> Vec<String> {
        let mut keys = self.values();
        keys.extend(self.party.name.aliases.iter().map(|alias| format!("name {}", squashed(&alias.words))));
        keys.extend(self.short.iter().chain(&self.initials).map(|initials| format!("initials {initials}")));
        keys
    }
}

fn is_acronym(short: &Entry, long: &Entry) -> bool {
    short.short.iter().any(|word| long.initials.contains(word))
}

fn agreement(left: &Option<String>, right: &Option<String>) -> f32 {
    match (left, right) {
        (Some(left), Some(right)) => {
            if left == right {
                1.0
            } else {
                -1.0
            }
        }
        _ => 0.0,
    }
}

/// How much of the shorter name both begin with.
fn beginning(a: &str, b: &str) -> f32 {
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    common as f32 / a.chars().count().min(b.chars().count()).max(1) as f32
}

/// The state that a register puts behind a name, as in `First Bancorp /ME/`.
fn register_state(name: &str) -> Option<String> {
    let tail = name.trim_end().strip_suffix(['/', ')'])?;
    let code = &tail[tail.rfind(['/', '('])? + 1..];
    region::is_state_code(code).then(|| region::state(code)).flatten()
}

fn numbers(a: &Entry, b: &Entry) -> f32 {
    match (a.numbers.is_empty(), b.numbers.is_empty()) {
        (true, true) => 0.0,
        (false, false) if a.numbers == b.numbers => 1.0,
        (false, false) => -2.0,
        _ => -1.0,
    }
}

/// How many records of the list that has more of them have a value.
fn most_of_either(left: &[Entry], right: &[Entry], values: impl Fn(&Entry) -> Vec<String>) -> HashMap<String, u32> {
    let count = |entries: &[Entry]| {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for value in entries.iter().flat_map(&values) {
            *counts.entry(value).or_default() += 1;
        }
        counts
    };
    let mut most = count(left);
    for (value, number) in count(right) {
        let known = most.entry(value).or_default();
        *known = (*known).max(number);
    }
    most
}
