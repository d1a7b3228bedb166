//! Two lists against each other, one to one: companies by their names and attributes, products by theirs.
//!
//! The same steps for every kind: records are taken apart (`company`, `goods`, `licenses`), the nearest ones meet
//! (`vectors` and exact keys), each pair becomes features, the features become bits (`model`, `weights`), the distance to
//! the rivals on both sides becomes part of the confidence (`assign`), and a contradiction keeps a pair from being mapped.
//!
//! Nothing here is asymmetric: exchanging the lists gives the mirrored answer.

mod assign;
mod company;
pub mod fit;
mod goods;
mod licenses;
mod made;
mod model;
mod region;
mod vectors;
mod weights;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use rust_decimal::Decimal;

use super::explain::{Explanation, RunnerUp, Signal, SignalKind, Veto, summarize};
use super::party::{PartyRecord, Standing};
use super::score::{Confidence, Weight};
use super::{MatchingPolicy, RULES_VERSION};
use crate::domain::id::ExternalId;
use crate::domain::record::Address;
use assign::{Compared, Judged};
use model::{Feature, Weights};
use vectors::{Scratch, Vectors, cosine};

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRecord {
    /// Id in its list.
    pub key: String,
    /// Name.
    pub name: String,
    /// Vendor, manufacturer or brand.
    pub vendor: Option<String>,
    /// Stock keeping unit, model number.
    pub part_numbers: Vec<String>,
    /// Unit price.
    pub price: Option<Decimal>,
    /// Description.
    pub description: Option<String>,
    /// Web site.
    pub website: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Address.
    pub address: Address,
}

impl ListRecord {
    fn as_party(&self) -> PartyRecord {
        PartyRecord {
            key: self.key.as_str().into(),
            name: self.name.clone(),
            references: Vec::new(),
            website: self.website.clone(),
            emails: self.email.iter().cloned().collect(),
            phone: self.phone.clone(),
            address: self.address.clone(),
            standing: Standing::Active,
            parent: None,
            has_agreements: None,
            is_billed_by_pax8: false,
            is_own: false,
        }
    }
}

/// What the lines of two lists are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Companies.
    Customers,
    /// Things and licences that are sold.
    Products,
}

/// Everything that the pairs depend on.
#[derive(Debug, Clone, Copy)]
pub struct ListInput<'a> {
    /// What the records are.
    pub kind: ListKind,
    /// One list.
    pub left: &'a [ListRecord],
    /// The other.
    pub right: &'a [ListRecord],
    /// Least confidence at which a pair is mapped.
    pub policy: &'a MatchingPolicy,
}

/// Two records that belong together, perhaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPair {
    /// Record of the left list.
    pub left: String,
    /// Record of the right list.
    pub right: String,
    /// How sure.
    pub confidence: Confidence,
    /// Whether it may be taken without a look.
    pub is_mapped: bool,
    /// Why.
    pub explanation: Explanation,
}

/// Who does the work: the engine itself starts no threads.
pub trait Workers: Sync {
    /// Calls `work` once with every number below `chunks`, in any order, and returns when all are done.
    fn run(&self, chunks: usize, work: &(dyn Fn(usize) + Sync));
}

/// One after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneByOne;

impl Workers for OneByOne {
    fn run(&self, chunks: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..chunks).for_each(work);
    }
}

/// Pairs the records of two lists; each record is in one pair at most. Best pairs first.
pub fn match_lists(input: &ListInput<'_>, workers: &dyn Workers) -> Vec<ListPair> {
    let lists = Lists::new(input.kind, input.left, input.right, workers);
    let judged = lists.judge(workers);
    let chosen = assign::choose(&judged);
    in_order(workers, &chosen, |at| lists.pair(&judged, *at, input.policy))
}

/// The answers for some items in their order, worked out piece by piece.
fn in_order<T: Sync, U: Send>(workers: &dyn Workers, items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let pieces: Vec<&[T]> = items.chunks(CHUNK).collect();
    let found: Vec<Mutex<Vec<U>>> = pieces.iter().map(|_| Mutex::default()).collect();
    workers.run(pieces.len(), &|at| {
        let answers = pieces[at].iter().map(&work).collect();
        *found[at].lock().unwrap_or_else(PoisonError::into_inner) = answers;
    });
    found.into_iter().flat_map(|piece| piece.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Terms of every record of both lists.
struct Keys {
    trigrams: (Vec<Vec<u64>>, Vec<Vec<u64>>),
    words: (Vec<Vec<u64>>, Vec<Vec<u64>>),
    exact: (Vec<Vec<String>>, Vec<Vec<String>>),
}

/// How many rows each way of looking brings to the comparison, from each side.
const BY_SPELLING: usize = 8;
const BY_WORDS: usize = 6;

/// Rows under one exact key beyond which it says nothing.
const SHARED_KEY: usize = 20;

/// Rows that one call of a worker judges.
const CHUNK: usize = 512;

enum Kind {
    Companies(company::Companies),
    Goods(goods::Goods),
    Licenses(licenses::Licenses),
}

/// Both lists, ordered by id, with everything that judging a pair needs.
struct Lists<'a> {
    left: Vec<&'a ListRecord>,
    right: Vec<&'a ListRecord>,
    kind: Kind,
    spelling: Vectors,
    words: Vectors,
    exact: (Vec<Vec<String>>, Vec<Vec<String>>),
}

fn ordered(records: &[ListRecord]) -> Vec<&ListRecord> {
    let mut records: Vec<&ListRecord> = records.iter().collect();
    records.sort_by(|a, b| a.key.cmp(&b.key));
    records.dedup_by(|a, b| a.key == b.key);
    records
}

impl<'a> Lists<'a> {
    fn new(kind: ListKind, left: &'a [ListRecord], right: &'a [ListRecord], workers: &dyn Workers) -> Self {
        let (left, right) = (ordered(left), ordered(right));
        let licenses = || left.iter().chain(&right).filter(|record| licenses::is_license(record)).count();
        let kind = match kind {
            ListKind::Customers => Kind::Companies(company::Companies::new(&left, &right, workers)),
            // Licences are sold in lists of licences.
            ListKind::Products if licenses() * 2 > left.len() + right.len() => {
                Kind::Licenses(licenses::Licenses::new(&left, &right))
            }
            ListKind::Products => Kind::Goods(goods::Goods::new(&left, &right)),
        };
        let keys = match &kind {
            Kind::Companies(lists) => lists.keys(workers),
            Kind::Goods(lists) => lists.keys(),
            Kind::Licenses(lists) => lists.keys(),
        };
        let terms = [keys.trigrams, keys.words].map(|terms| Mutex::new((terms, Vectors::default())));
        workers.run(terms.len(), &|at| {
            let mut terms = terms[at].lock().unwrap_or_else(PoisonError::into_inner);
            let (left, right) = std::mem::take(&mut terms.0);
            terms.1 = Vectors::new(left, right);
        });
        let [spelling, words] = terms.map(|terms| terms.into_inner().unwrap_or_else(PoisonError::into_inner).1);
        Self { left, right, kind, spelling, words, exact: keys.exact }
    }

    fn model(&self) -> (&'static [Feature], Weights<'static>, assign::Rivals<'static>) {
        match &self.kind {
            Kind::Companies(_) => (company::FEATURES, weights::COMPANY, weights::COMPANY_RIVALS),
            Kind::Goods(_) => (goods::FEATURES, weights::GOODS, weights::GOODS_RIVALS),
            Kind::Licenses(_) => (licenses::FEATURES, weights::LICENSES, weights::LICENSES_RIVALS),
        }
    }

    fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Companies(_) => "company",
            Kind::Goods(_) => "goods",
            Kind::Licenses(_) => "licenses",
        }
    }

    /// Pairs of rows worth comparing, ordered.
    fn candidates(&self, workers: &dyn Workers) -> Vec<(u32, u32)> {
        let mut pairs = self.exact_candidates();
        for from_left in [true, false] {
            let rows = if from_left { self.left.len() } else { self.right.len() };
            let found = Mutex::new(Vec::new());
            workers.run(rows.div_ceil(CHUNK), &|chunk| {
                let (mut scratch, mut near, mut pairs) = (Scratch::default(), Vec::new(), Vec::new());
                for row in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
                    near.clear();
                    for (vectors, limit) in [(&self.spelling, BY_SPELLING), (&self.words, BY_WORDS)] {
                        let (own, other) =
                            if from_left { (&vectors.left, &vectors.right) } else { (&vectors.right, &vectors.left) };
                        other.nearest(own.row(row), limit, &mut scratch, &mut near);
                    }
                    near.sort_unstable();
                    near.dedup();
                    let row = row as u32;
                    pairs.extend(near.iter().map(|other| if from_left { (row, *other) } else { (*other, row) }));
                }
                found.lock().unwrap_or_else(PoisonError::into_inner).extend(pairs);
            });
            pairs.extend(found.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn exact_candidates(&self) -> Vec<(u32, u32)> {
        let by_key = |rows: &'_ [Vec<String>]| {
            let mut by_key: HashMap<String, Vec<u32>> = HashMap::new();
            for (row, keys) in rows.iter().enumerate() {
                for key in keys {
                    by_key.entry(key.clone()).or_default().push(row as u32);
                }
            }
            by_key
        };
        let (left, right) = (by_key(&self.exact.0), by_key(&self.exact.1));
        let mut pairs = Vec::new();
        for (key, left) in &left {
            let Some(right) = right.get(key) else { continue };
            if left.len() * right.len() <= SHARED_KEY * 2 {
                pairs.extend(left.iter().flat_map(|left| right.iter().map(|right| (*left, *right))));
            }
        }
        pairs
    }

    fn features(&self, (left, right): (u32, u32), values: &mut Vec<f32>) {
        let (left, right) = (left as usize, right as usize);
        let cosines = [
            cosine(self.spelling.left.row(left), self.spelling.right.row(right)),
            cosine(self.words.left.row(left), self.words.right.row(right)),
        ];
        match &self.kind {
            Kind::Companies(lists) => lists.features(left, right, cosines, values),
            Kind::Goods(lists) => lists.features(left, right, cosines, values),
            Kind::Licenses(lists) => lists.features(left, right, cosines, values),
        }
    }

    fn judge(&self, workers: &dyn Workers) -> Vec<Judged> {
        let (features, weights, rivals) = self.model();
        let pairs = self.candidates(workers);
        let compared = Mutex::new(vec![Compared { left: 0, right: 0, total: 0 }; pairs.len()]);
        workers.run(pairs.len().div_ceil(CHUNK), &|chunk| {
            let range = chunk * CHUNK..pairs.len().min((chunk + 1) * CHUNK);
            let mut values = Vec::new();
            let found: Vec<Compared> = pairs[range.clone()]
                .iter()
                .map(|&(left, right)| {
                    self.features((left, right), &mut values);
                    let total = weights.total(features, &values);
                    Compared { left, right, total }
                })
                .collect();
            compared.lock().unwrap_or_else(PoisonError::into_inner)[range].copy_from_slice(&found);
        });
        let compared = compared.into_inner().unwrap_or_else(PoisonError::into_inner);
        assign::judge(&compared, &rivals)
    }

    fn veto(&self, (left, right): (u32, u32), values: &[f32]) -> Option<Veto> {
        match &self.kind {
            Kind::Companies(lists) => lists.veto(left as usize, right as usize, values),
            Kind::Licenses(lists) => lists.veto(left as usize, right as usize, values),
            Kind::Goods(_) => None,
        }
    }

    fn names(&self, (left, right): (u32, u32)) -> (&str, &str) {
        match &self.kind {
            Kind::Companies(lists) => lists.names(left as usize, right as usize),
            Kind::Goods(lists) => lists.names(left as usize, right as usize),
            Kind::Licenses(lists) => lists.names(left as usize, right as usize),
        }
    }

    fn pair(&self, judged: &[Judged], at: usize, policy: &MatchingPolicy) -> ListPair {
        let (features, weights, _) = self.model();
        let one = &judged[at];
        let rows = (one.left, one.right);
        let mut values = Vec::new();
        self.features(rows, &mut values);
        let veto = self.veto(rows, &values);
        let confidence = match &veto {
            Some(_) => one.confidence.min(Confidence::from_millionths(VETOED)),
            None => one.confidence,
        };
        let mut signals: Vec<Signal> = Vec::new();
        let (left_name, right_name) = self.names(rows);
        let mut push = |kind: SignalKind, millibits: i32| {
            let weight = Weight::from_millibits(millibits);
            match signals.iter_mut().find(|signal| signal.kind == kind) {
                Some(known) => known.weight += weight,
                None => signals.push(Signal { kind, left: left_name.to_owned(), right: right_name.to_owned(), weight }),
            }
        };
        for (at, (feature, value)) in features.iter().zip(&values).enumerate() {
            push(feature.kind, weights.contribution(features, at, *value));
        }
        signals.retain(|signal| signal.weight != Weight::ZERO);
        signals.sort_by_key(|signal| (-i64::from(signal.weight.millibits()).abs(), signal.kind));
        signals.push(Signal {
            kind: SignalKind::Prior,
            left: String::new(),
            right: String::new(),
            weight: Weight::from_millibits(weights.prior),
        });
        let runner_up = one.rival.map(|(row, millibits)| RunnerUp {
            target: ExternalId::from(self.right[row as usize].key.as_str()),
            confidence: assign::confidence_of(judged, one.left, row),
            distance: Weight::from_millibits(one.total - millibits),
        });
        ListPair {
            left: self.left[one.left as usize].key.clone(),
            right: self.right[one.right as usize].key.clone(),
            confidence,
            is_mapped: confidence >= policy.floor && veto.is_none() && one.is_mutual,
            explanation: Explanation {
                summary: summarize(&signals, veto.as_ref()),
                signals,
                runner_up,
                veto,
                learned: Weight::ZERO,
                rules_version: RULES_VERSION,
            },
        }
    }
}

/// Confidence that a contradicted pair cannot exceed, in millionths.
const VETOED: u32 = 900_000;

/// Ids that occur in a list more than once; only the first line of each counts.
pub fn repeated_keys(records: &[ListRecord]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    records.iter().map(|record| record.key.as_str()).filter(|key| !seen.insert(*key)).collect()
}
