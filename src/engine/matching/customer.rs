//! Matching of Pax8 companies with PSA customers. Several companies may belong to one customer; each is judged alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::assign::{Scored, decide};
use super::customer_evidence::{Background, Party, attribute_keys, judge, push_standing, reference, words_left_over};
use super::explain::{Signal, SignalKind, Veto};
use super::index::{Postings, trigrams};
use super::lesson::{self, AliasCounts, Lessons, MAX_OBSERVATIONS, Observation};
use super::normalize::squashed;
use super::party::PartyRecord;
use super::score::Weight;
use super::{Candidate, Decisions, ExclusionReason, MatchingPolicy, Outcome, Touched};
use crate::domain::id::ExternalId;

/// Everything that the verdicts on companies depend on.
#[derive(Debug, Clone, Copy)]
pub struct CustomerInput<'a> {
    /// Companies at Pax8.
    pub companies: &'a [PartyRecord],
    /// Customers at the PSA, also closed ones: they lead to the record that counts.
    pub customers: &'a [PartyRecord],
    /// What people decided.
    pub decisions: &'a Decisions<ExternalId>,
    /// What the integration wants.
    pub policy: &'a MatchingPolicy,
}

/// The verdict on one company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerMatch {
    /// Company at Pax8.
    pub company: ExternalId,
    /// What became of it.
    pub outcome: Outcome,
    /// Possible customers, best first.
    pub candidates: Vec<Candidate>,
    /// A reason to expect no billing of it.
    pub exclusion: Option<ExclusionReason>,
}

/// PSA records that seem to stand for one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateCustomers {
    /// The record that counts.
    pub counts: ExternalId,
    /// The others.
    pub others: Vec<ExternalId>,
}

/// The verdicts on all companies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerMatches {
    /// One for each company, ordered by id.
    pub matches: Vec<CustomerMatch>,
    /// Duplicates seen on the PSA's side, ordered by id.
    pub duplicates: Vec<DuplicateCustomers>,
    /// What the decisions taught.
    pub lessons: Lessons,
}

/// Matches all companies.
pub fn match_customers(input: &CustomerInput<'_>) -> CustomerMatches {
    matches(CustomerMatcher::new(input), input.companies.iter().collect())
}

/// Matches the companies whose verdict may have changed, as [`match_customers`] would, but for what follows from how often
/// words and values occur among all the others.
pub fn match_touched_customers(input: &CustomerInput<'_>, touched: &Touched) -> CustomerMatches {
    let matcher = CustomerMatcher::new(input);
    let rows: BTreeSet<usize> = touched.psa.iter().filter_map(|customer| matcher.row(customer)).collect();
    let rows: BTreeSet<usize> = rows.iter().map(|row| matcher.roots[*row]).chain(rows.iter().copied()).collect();
    let changed = input.companies.iter().filter(|company| touched.pax8.contains(&company.key));
    let shared: BTreeSet<String> = changed.flat_map(|company| attribute_keys(&Party::new(company.clone()))).collect();
    let is_affected = |record: &&PartyRecord| {
        if touched.pax8.contains(&record.key) || touched.named.contains(&record.key) {
            return true;
        }
        let company = Party::new((*record).clone());
        attribute_keys(&company).iter().any(|key| shared.contains(key))
            || (!rows.is_empty()
                && matcher
                    .rows_near(&company)
                    .iter()
                    .any(|row| rows.contains(row) || rows.contains(&matcher.roots[*row])))
    };
    let affected = input.companies.iter().filter(is_affected).collect();
    matches(matcher, affected)
}

fn matches(matcher: CustomerMatcher<'_>, mut companies: Vec<&PartyRecord>) -> CustomerMatches {
    companies.sort_by(|a, b| a.key.cmp(&b.key));
    companies.dedup_by(|a, b| a.key == b.key);
    let mut duplicates: BTreeMap<ExternalId, BTreeSet<ExternalId>> = BTreeMap::new();
    let mut matches = Vec::with_capacity(companies.len());
    for company in companies {
        let (verdict, others) = matcher.verdict(company);
        if let Some(target) = verdict.outcome.target().filter(|_| !others.is_empty()) {
            duplicates.entry(target.clone()).or_default().extend(others);
        }
        matches.push(verdict);
    }
    let duplicates = duplicates
        .into_iter()
        .map(|(counts, others)| DuplicateCustomers { counts, others: others.into_iter().collect() })
        .collect();
    CustomerMatches { matches, duplicates, lessons: matcher.lessons }
}

/// How many rows each way of looking may bring to the comparison.
const ROWS_PER_KEY: usize = 20;

/// The PSA's customers, indexed once; judges companies one by one, also a single changed one.
#[derive(Debug)]
pub struct CustomerMatcher<'a> {
    policy: &'a MatchingPolicy,
    confirmed: HashMap<&'a ExternalId, &'a ExternalId>,
    rejected: BTreeSet<(&'a ExternalId, &'a ExternalId)>,
    /// Ordered by id, so that rows can stand for ids in ties.
    customers: Vec<Party>,
    /// The row that counts, for each row.
    roots: Vec<usize>,
    background: Background,
    words: Postings,
    trigrams: Postings,
    references: Postings,
    own_names: BTreeSet<String>,
    lessons: Lessons,
}

impl<'a> CustomerMatcher<'a> {
    /// Indexes the customers, counts how often words and values occur on both sides, and learns from the decisions.
    pub fn new(input: &CustomerInput<'a>) -> Self {
        let mut customers: Vec<Party> = input.customers.iter().cloned().map(Party::new).collect();
        customers.sort_by(|a, b| a.record.key.cmp(&b.record.key));
        customers.dedup_by(|a, b| a.record.key == b.record.key);
        let roots = roots(&customers);
        let mut matcher = Self {
            policy: input.policy,
            confirmed: input.decisions.confirmed.iter().map(|(company, customer)| (company, customer)).collect(),
            rejected: input.decisions.rejected.iter().map(|(company, customer)| (company, customer)).collect(),
            customers,
            roots,
            background: Background::default(),
            words: Postings::default(),
            trigrams: Postings::default(),
            references: Postings::default(),
            own_names: input.policy.own_names.iter().flat_map(|name| own_name(name)).collect(),
            lessons: Lessons::default(),
        };
        matcher.index_customers();
        matcher.count_companies(input.companies);
        matcher.learn(input);
        matcher
    }

    fn row(&self, customer: &ExternalId) -> Option<usize> {
        self.customers.binary_search_by(|party| party.record.key.cmp(customer)).ok()
    }

    fn learn(&mut self, input: &CustomerInput<'_>) {
        let decisions = input.decisions;
        if decisions.confirmed.is_empty() && decisions.rejected.is_empty() {
            return;
        }
        let companies: HashMap<&ExternalId, &PartyRecord> =
            input.companies.iter().map(|company| (&company.key, company)).collect();
        let mut decided: Vec<(Party, usize, bool)> = Vec::new();
        for (pairs, is_right) in [(&decisions.confirmed, true), (&decisions.rejected, false)] {
            for (company, customer) in pairs {
                if let (Some(company), Some(row)) = (companies.get(company), self.row(customer)) {
                    decided.push((Party::new((*company).clone()), row, is_right));
                }
            }
        }
        // Neither the order of the decisions nor that of the rows matters. Rejections tell most, and are few.
        decided.sort_by(|a, b| (a.2, &a.0.record.key, a.1).cmp(&(b.2, &b.0.record.key, b.1)));
        let mut aliases = AliasCounts::default();
        for (company, row, is_right) in &decided {
            let customer = &self.customers[*row];
            match words_left_over(company, customer, &self.background) {
                Some((left, right)) if *is_right => {
                    aliases.confirmed(&left, &right, company.record.key.as_str(), customer.record.key.as_str());
                }
                Some((left, right)) => {
                    aliases.rejected(&left, &right, company.record.key.as_str(), customer.record.key.as_str());
                }
                None => {}
            }
        }
        self.lessons.aliases = aliases.learned();
        let observations = decided.iter().take(MAX_OBSERVATIONS).filter_map(|(company, row, is_right)| {
            let mut rows = self.rows_near(company);
            rows.insert(*row);
            let scored = self.score(company, &rows, |_| true);
            let target = &self.customers[self.roots[*row]].record.key;
            let subject = scored.iter().position(|candidate| candidate.target == *target)?;
            Some(Observation::new(&scored, subject, *is_right))
        });
        self.lessons.factors = lesson::factors(&observations.collect::<Vec<_>>());
    }

    fn index_customers(&mut self) {
        for (row, customer) in self.customers.iter().enumerate() {
            let row = u32::try_from(row).expect("fewer than four thousand million customers");
            let root = u32::try_from(self.roots[row as usize]).expect("a root is a row");
            self.background.words.add(&customer.words());
            for word in customer.words() {
                self.words.add(word, row);
            }
            for alias in &customer.name.aliases {
                for gram in trigrams(&squashed(&alias.words)) {
                    self.trigrams.add(&gram, row);
                }
                self.references.add(&format!("name {}", squashed(&alias.words)), row);
                if let Some(initials) = super::name::initials(&alias.words) {
                    self.words.add(&initials, row);
                }
            }
            for key in attribute_keys(customer) {
                // A merged record and the one that counts are one owner of a value. A value of very many customers says
                // nothing anyway, and comparing them all would take the square of their number.
                let owners = self.background.customers.rows(&key);
                let is_known =
                    owners.len() < 500 && owners.iter().any(|other| self.roots[*other as usize] == root as usize);
                if !is_known {
                    self.background.customers.add(&key, row);
                }
                self.references.add(&key, row);
            }
            self.references.add(&format!("id {}", reference(customer.record.key.as_str())), row);
            for text in &customer.references {
                self.references.add(&format!("id {text}"), row);
            }
        }
    }

    fn count_companies(&mut self, companies: &[PartyRecord]) {
        for (row, company) in companies.iter().enumerate() {
            let row = u32::try_from(row).expect("fewer than four thousand million companies");
            let company = Party::new(company.clone());
            self.background.words.add(&company.words());
            for key in attribute_keys(&company) {
                self.background.companies.add(&key, row);
            }
        }
    }

    /// Possible customers of one company, best first: what a search box or a changed record needs.
    pub fn candidates_for(&self, company: &PartyRecord) -> Vec<Candidate> {
        self.verdict(company).0.candidates
    }

    /// The reasons for and against one pair, whether or not it would be proposed.
    pub fn explain_pair(&self, company: &PartyRecord, customer: &ExternalId) -> Option<Candidate> {
        let row = self.row(customer)?;
        let company = Party::new(company.clone());
        let mut rows = self.rows_near(&company);
        rows.insert(row);
        let scored = self.score(&company, &rows, |_| true);
        let target = &self.customers[self.roots[row]].record.key;
        let everything = MatchingPolicy { candidates_per_record: usize::MAX, ..self.policy.clone() };
        decide(scored, &everything).1.into_iter().find(|candidate| candidate.target == *target)
    }

    /// Judges one company; also gives the customers that seem to duplicate the one it belongs to.
    pub(super) fn verdict(&self, record: &PartyRecord) -> (CustomerMatch, Vec<ExternalId>) {
        let company = Party::new(record.clone());
        let rows = self.rows_near(&company);
        let scored = self.score(&company, &rows, |target| !self.rejected.contains(&(&record.key, target)));
        let (mut outcome, candidates) = decide(scored.clone(), self.policy);
        if let Some(target) = self.confirmed.get(&record.key) {
            outcome = Outcome::Confirmed { target: (*target).clone() };
        }
        let others = outcome.target().map(|target| duplicates_of(target, &scored)).unwrap_or_default();
        let exclusion = self.exclusion(&company, outcome.target());
        (CustomerMatch { company: record.key.clone(), outcome, candidates, exclusion }, others)
    }

    fn exclusion(&self, company: &Party, target: Option<&ExternalId>) -> Option<ExclusionReason> {
        let target_is_own = target
            .and_then(|target| self.row(target))
            .is_some_and(|row| self.customers[row].record.is_own || self.customers[row].name.is_internal);
        let is_named_own = own_name(&company.record.name).iter().any(|name| self.own_names.contains(name));
        if company.name.is_internal || company.record.is_own || target_is_own || is_named_own {
            Some(ExclusionReason::InternalUse)
        } else {
            company.record.is_billed_by_pax8.then_some(ExclusionReason::BilledByPax8)
        }
    }

    /// Rows that share a rare word, a spelling, an attribute or a reference with the company.
    fn rows_near(&self, company: &Party) -> BTreeSet<usize> {
        let mut rows: BTreeSet<usize> = BTreeSet::new();
        let mut take = |found: &[u32]| rows.extend(found.iter().map(|row| *row as usize));
        for alias in &company.name.aliases {
            let mut keys: Vec<String> = alias.words.clone();
            keys.extend(super::name::initials(&alias.words));
            // Equal names are found however common their words are.
            let equal = self.references.rows(&format!("name {}", squashed(&alias.words)));
            take(&equal[..equal.len().min(ROWS_PER_KEY)]);
            take(&self.words.nearest(&keys, ROWS_PER_KEY));
            take(&self.trigrams.nearest(&trigrams(&squashed(&alias.words)), ROWS_PER_KEY));
        }
        // A site may be spelled by the name of the other side alone.
        for domain in &company.domains {
            take(&self.trigrams.nearest(&trigrams(&super::domain_name::label(domain)), 5));
        }
        for key in attribute_keys(company) {
            let found = self.references.rows(&key);
            take(&found[..found.len().min(ROWS_PER_KEY)]);
        }
        for text in &company.references {
            let found = self.references.rows(&format!("id {text}"));
            take(&found[..found.len().min(ROWS_PER_KEY)]);
        }
        rows
    }

    /// The best evidence for each record that counts.
    fn score(&self, company: &Party, rows: &BTreeSet<usize>, is_allowed: impl Fn(&ExternalId) -> bool) -> Vec<Scored> {
        let mut best: BTreeMap<usize, Scored> = BTreeMap::new();
        for &row in rows {
            let (customer, root) = (&self.customers[row], self.roots[row]);
            let target = &self.customers[root].record.key;
            if !is_allowed(target) || !is_allowed(&customer.record.key) {
                continue;
            }
            let points_elsewhere = company.references.iter().any(|text| {
                let named = self.references.rows(&format!("id {text}"));
                !named.is_empty() && !named.iter().any(|other| self.roots[*other as usize] == root)
            });
            let mut scored = judge(company, customer, &self.background, &self.lessons, points_elsewhere);
            if root == row {
                push_standing(customer, &mut scored);
            } else {
                push_standing(&self.customers[root], &mut scored);
                scored.signals.push(Signal {
                    kind: SignalKind::MergedInto,
                    left: customer.record.name.clone(),
                    right: self.customers[root].record.name.clone(),
                    weight: Weight::ZERO,
                });
                scored.target = target.clone();
            }
            let is_better = best.get(&root).is_none_or(|known| {
                let rank = |scored: &Scored| (scored.veto.is_none(), scored.total());
                rank(&scored) > rank(known)
            });
            if is_better {
                best.insert(root, scored);
            }
        }
        let mut scored: Vec<Scored> = best.into_values().collect();
        refuse_lesser_names(&mut scored);
        scored.iter_mut().for_each(|scored| self.lessons.weigh(scored));
        scored
    }
}

/// Where one candidate has the very name and still loses, the others contradict it (law 8).
fn refuse_lesser_names(scored: &mut [Scored]) {
    let has_leftover =
        |candidate: &Scored| candidate.signals.iter().any(|signal| signal.kind == SignalKind::NameLeftover);
    let exact = |candidate: &&Scored| {
        !has_leftover(candidate)
            && candidate
                .signals
                .iter()
                .any(|signal| signal.kind == SignalKind::Name && signal.weight >= Weight::of_bits(10.0))
            && candidate.veto.as_ref().is_none_or(|veto| *veto == Veto::AttributesDisagree)
    };
    let name_of = |candidate: &Scored| {
        candidate.signals.iter().find(|signal| signal.kind == SignalKind::Name).map(|signal| signal.right.clone())
    };
    let Some(name) = scored.iter().find(exact).and_then(name_of) else { return };
    for candidate in scored.iter_mut().filter(|candidate| candidate.veto.is_none() && has_leftover(candidate)) {
        candidate.veto = Some(Veto::BetterName(name.clone()));
    }
}

/// Candidates with the same name and an attribute of the company, beside the one that was chosen.
fn duplicates_of(target: &ExternalId, scored: &[Scored]) -> Vec<ExternalId> {
    let weight = |candidate: &Scored, kinds: &[SignalKind]| {
        candidate
            .signals
            .iter()
            .filter(|signal| kinds.contains(&signal.kind))
            .map(|signal| signal.weight.bits())
            .sum::<f64>()
    };
    let has_name = |candidate: &Scored| weight(candidate, &[SignalKind::Name]) >= 8.0;
    // Someone may have confirmed a customer of quite another name; the rest is no duplicate of that.
    if !scored.iter().any(|candidate| candidate.target == *target && has_name(candidate)) {
        return Vec::new();
    }
    scored
        .iter()
        .filter(|candidate| candidate.target != *target && has_name(candidate))
        .filter(|candidate| candidate.veto.as_ref().is_none_or(|veto| *veto == Veto::NotServed))
        .filter(|candidate| !candidate.signals.iter().any(|signal| signal.kind == SignalKind::NameLeftover))
        .filter(|candidate| weight(candidate, &[SignalKind::Domain, SignalKind::Phone, SignalKind::Street]) >= 4.0)
        .map(|candidate| candidate.target.clone())
        .collect()
}

/// The row that counts for each row, by following parents; a circle or a missing parent ends the way.
fn roots(customers: &[Party]) -> Vec<usize> {
    let parent_of = |row: usize| {
        let parent = customers[row].record.parent.as_ref()?;
        customers.binary_search_by(|party| party.record.key.cmp(parent)).ok()
    };
    (0..customers.len())
        .map(|row| {
            let mut seen = BTreeSet::from([row]);
            let mut at = row;
            while let Some(parent) = parent_of(at) {
                if !seen.insert(parent) {
                    return row;
                }
                at = parent;
            }
            at
        })
        .collect()
}

/// The words of a name without legal form and tail, as one text.
fn own_name(name: &str) -> Option<String> {
    let name = super::company_name::CompanyName::parse(name);
    name.aliases.last().map(|alias| alias.words.join(" ")).filter(|name| !name.is_empty())
}
