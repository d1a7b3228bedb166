//! Features of two licences of two lists: siblings differ in one word, so facts count more than resemblance.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::prelude::ToPrimitive;

use super::super::explain::{SignalKind, Veto};
use super::super::index::WordFrequencies;
use super::super::license::{License, Term, canonical_vendor, vendor_words};
use super::super::name;
use super::super::normalize::words;
use super::super::product_family::EDITIONS;
use super::goods::price_distance;
use super::model::{self, Feature};
use super::vectors::{hashed, hashed_trigrams};
use super::{Keys, ListRecord};

use SignalKind::{Edition, Family, NameLeftover, Price, Renamed, Vendor};

const SHARE: &[f32] = &[0.0, 0.3, 0.5, 0.7, 0.85, 1.0];
const FACT: &[f32] = &[-2.0, -1.0, 0.0, 1.0];
const LEFTOVER: &[f32] = &[0.0, 4.0, 8.0, 14.0, 24.0];
const COUNT: &[f32] = &[0.0, 1.0, 2.0];

/// What is compared, in the order of [`Licenses::features`].
pub(super) const FEATURES: &[Feature] = &[
    Feature { name: "spelling", kind: Family, knots: SHARE },
    Feature { name: "words", kind: Family, knots: SHARE },
    Feature { name: "letters", kind: Family, knots: SHARE },
    Feature { name: "share of the fuller", kind: Family, knots: SHARE },
    Feature { name: "share of the shorter", kind: Family, knots: SHARE },
    Feature { name: "shared bits", kind: Family, knots: &[0.0, 4.0, 8.0, 14.0, 24.0] },
    Feature { name: "leftover of one", kind: NameLeftover, knots: LEFTOVER },
    Feature { name: "leftover of both", kind: NameLeftover, knots: LEFTOVER },
    Feature { name: "editions of one", kind: Edition, knots: COUNT },
    Feature { name: "editions against", kind: Edition, knots: &[0.0, 1.0] },
    Feature { name: "plan", kind: Edition, knots: FACT },
    Feature { name: "segment", kind: Edition, knots: FACT },
    Feature { name: "qualifiers", kind: Edition, knots: COUNT },
    Feature { name: "numbers", kind: Edition, knots: FACT },
    Feature { name: "term", kind: SignalKind::Term, knots: &[-2.0, -1.0, 0.0, 1.0, 2.0] },
    Feature { name: "vendor", kind: Vendor, knots: &[-1.0, 0.0, 1.0] },
    Feature { name: "renamed", kind: Renamed, knots: COUNT },
    Feature { name: "same facts", kind: Family, knots: &[0.0, 1.0] },
    Feature { name: "price", kind: Price, knots: &[-1.0, 0.0, 0.15, 0.3, 0.6, 1.5] },
    Feature { name: "namesakes", kind: Family, knots: COUNT },
];

#[derive(Debug)]
struct Entry {
    name: String,
    license: License,
    key: String,
    vendor: Option<String>,
    vendor_words: Vec<String>,
    family: Vec<String>,
    sorted: String,
    /// Words of the family that the name says again, as in `Archiving for Exchange Online` behind `Exchange Online`.
    repeated: Vec<String>,
    price: Option<f64>,
}

/// Both lists.
#[derive(Debug)]
pub(super) struct Licenses {
    left: Vec<Entry>,
    right: Vec<Entry>,
    words: WordFrequencies,
    namesakes: [HashMap<String, u32>; 2],
}

/// Whether a record looks like a licence of the cloud rather than a thing in a box.
pub(super) fn is_license(record: &ListRecord) -> bool {
    let license = License::parse(&record.name, record.vendor.as_deref());
    let is_cloud = |word: &String| {
        matches!(word.as_str(), "m365" | "o365" | "exchange" | "sharepoint" | "azure" | "entra" | "dynamic" | "intune")
    };
    let stated = license.term.commitment.is_some() || license.term.billing.is_some();
    stated || !license.plans.is_empty() || license.renamed.is_some() || license.family.iter().any(is_cloud)
}

impl Licenses {
    /// Takes the records of both lists apart.
    pub fn new(left: &[&ListRecord], right: &[&ListRecord]) -> Self {
        let entries = |records: &[&ListRecord]| records.iter().map(|record| Entry::new(record)).collect::<Vec<_>>();
        let (left, right) = (entries(left), entries(right));
        let mut words = WordFrequencies::default();
        for entry in left.iter().chain(&right) {
            words.add(&entry.family.iter().map(String::as_str).collect());
        }
        let count = |entries: &[Entry]| {
            let mut counts: HashMap<String, u32> = HashMap::new();
            for entry in entries {
                *counts.entry(entry.whole_key()).or_default() += 1;
            }
            counts
        };
        let namesakes = [count(&left), count(&right)];
        Self { left, right, words, namesakes }
    }

    /// The terms under which the records of both lists are found.
    pub fn keys(&self) -> Keys {
        let side = |entries: &[Entry]| {
            let trigrams = entries.iter().map(|entry| hashed_trigrams(&words(&entry.name))).collect();
            let facts = entries.iter().map(|entry| {
                let license = &entry.license;
                license.family.iter().chain(&license.plans).chain(&license.numbers).map(|word| hashed(word)).collect()
            });
            let exact = entries.iter().map(|entry| vec![entry.key.clone()]);
            (trigrams, facts.collect(), exact.collect())
        };
        let (left, right) = (side(&self.left), side(&self.right));
        Keys { trigrams: (left.0, right.0), words: (left.1, right.1), exact: (left.2, right.2) }
    }

    /// Compares two records; the cosines of spelling and words come from the search.
    pub fn features(&self, left: usize, right: usize, cosines: [f32; 2], values: &mut Vec<f32>) {
        let (a, b) = (&self.left[left], &self.right[right]);
        let bits_of = |word: &str| self.words.bits(word, false);
        let telling = |entry: &Entry, other: &Entry| -> Vec<String> {
            entry.family.iter().filter(|word| !other.vendor_words.contains(word)).cloned().collect()
        };
        let names = name::compare(&telling(a, b), &telling(b, a), &bits_of);
        let leftover = |words: &[String]| words.iter().map(|word| bits_of(word)).sum::<f64>();
        let (over_left, over_right) = (leftover(&names.left_over), leftover(&names.right_over));
        let shared = names.shared_bits;
        let share = |over: f64| (shared / (shared + over).max(0.1)) as f32;
        let editions = |words: &[String]| words.iter().filter(|word| EDITIONS.contains(&word.as_str())).count();
        let (editions_left, editions_right) = (editions(&names.left_over), editions(&names.right_over));
        let letters = rapidfuzz::distance::indel::normalized_similarity(a.sorted.chars(), b.sorted.chars());
        let namesakes = |side: usize, entry: &Entry| self.namesakes[side].get(&entry.whole_key()).copied().unwrap_or(1);
        values.clear();
        values.extend([
            cosines[0],
            cosines[1],
            letters as f32,
            share(over_left.max(over_right)),
            share(over_left.min(over_right)),
            shared as f32,
            over_left.max(over_right) as f32,
            over_left.min(over_right) as f32,
            editions_left.abs_diff(editions_right) as f32,
            editions_left.min(editions_right) as f32,
            fact(&a.license.plans, &b.license.plans),
            fact(&a.license.segments, &b.license.segments),
            a.license.qualifiers.symmetric_difference(&b.license.qualifiers).count() as f32,
            fact(&a.license.numbers, &b.license.numbers),
            term(a.license.term, b.license.term),
            match (&a.vendor, &b.vendor) {
                (Some(left), Some(right)) if left == right => 1.0,
                (Some(_), Some(_)) => -1.0,
                _ => 0.0,
            },
            match super::super::product_family::rename_between(&a.license, &b.license) {
                None => 0.0,
                Some(renamed) if renamed.is_trap => 2.0,
                Some(_) => 1.0,
            },
            if a.key == b.key && a.repeated == b.repeated { 1.0 } else { 0.0 },
            price_distance(a.price, b.price),
            (namesakes(0, a).max(namesakes(1, b)) as f32).log2(),
        ]);
    }

    /// A contradiction that keeps the pair from being mapped.
    pub fn veto(&self, left: usize, right: usize, values: &[f32]) -> Option<Veto> {
        let (a, b) = (&self.left[left].license, &self.right[right].license);
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let value = |name: &str| model::value(FEATURES, values, name);
        if value("vendor") < 0.0 {
            let vendor = |entry: &Entry| entry.vendor.clone().unwrap_or_default();
            return Some(Veto::Vendor(vendor(&self.left[left]), vendor(&self.right[right])));
        }
        if a.plans != b.plans {
            return Some(Veto::Edition(join(&a.plans), join(&b.plans)));
        }
        if a.segments != b.segments {
            let name = |license: &License| {
                let names: Vec<&str> = license.segments.iter().map(|segment| segment.as_str()).collect();
                if names.is_empty() { "commercial".to_owned() } else { names.join(" ") }
            };
            return Some(Veto::Segment(name(a), name(b)));
        }
        if let Some(qualifier) = a.qualifiers.symmetric_difference(&b.qualifiers).next() {
            return Some(Veto::Qualifier((*qualifier).to_owned()));
        }
        if a.numbers != b.numbers {
            return Some(Veto::Number(join(&a.numbers), join(&b.numbers)));
        }
        // A term that only one side states may be any of its siblings.
        if value("term") < 0.0 {
            return Some(Veto::Term(a.term.describe(), b.term.describe()));
        }
        if value("editions of one") > 0.0 || value("editions against") > 0.0 {
            return Some(Veto::Edition(join(&a.family), join(&b.family)));
        }
        if value("renamed") > 1.0 {
            let renamed = a.renamed.or(b.renamed).map(|renamed| renamed.former.to_owned());
            return Some(Veto::UnprovenRename(renamed.unwrap_or_default()));
        }
        None
    }

    /// The names of a pair, as they stand in the lists.
    pub fn names(&self, left: usize, right: usize) -> (&str, &str) {
        (&self.left[left].name, &self.right[right].name)
    }
}

fn fact<T: Ord>(left: &BTreeSet<T>, right: &BTreeSet<T>) -> f32 {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => 0.0,
        (false, false) if left == right => 1.0,
        (false, false) => -2.0,
        _ => -1.0,
    }
}

/// From a known difference (-2) over a term on one side alone (-1) to one that is the same in every part (2).
fn term(left: Term, right: Term) -> f32 {
    let is_stated = |term: Term| term.commitment.is_some() || term.billing.is_some() || term.is_one_time;
    let differ = |a: Option<u16>, b: Option<u16>| matches!((a, b), (Some(a), Some(b)) if a != b);
    match (is_stated(left), is_stated(right)) {
        (false, false) => 0.0,
        (true, true)
            if left.is_one_time != right.is_one_time
                || differ(left.commitment, right.commitment)
                || differ(left.billing, right.billing) =>
        {
            -2.0
        }
        (true, true) if left.commitment == right.commitment && left.billing == right.billing => 2.0,
        (true, true) => 1.0,
        _ => -1.0,
    }
}

impl Entry {
    fn new(record: &ListRecord) -> Self {
        let license = License::parse(&record.name, record.vendor.as_deref());
        let vendor = record.vendor.as_deref().map(canonical_vendor).filter(|vendor| !vendor.is_empty());
        let vendor_words = record.vendor.as_deref().map(vendor_words).unwrap_or_default();
        let family: Vec<String> = license.family.iter().filter(|word| !vendor_words.contains(word)).cloned().collect();
        let mut sorted: Vec<&str> = license
            .family
            .iter()
            .chain(&license.plans)
            .chain(&license.numbers)
            .map(String::as_str)
            .chain(license.segments.iter().map(|segment| segment.as_str()))
            .chain(license.qualifiers.iter().copied())
            .collect();
        sorted.sort_unstable();
        Self {
            name: record.name.clone(),
            key: license.key(),
            sorted: sorted.join(" "),
            repeated: repeated(&record.name, &license),
            price: record.price.and_then(|price| price.to_f64()).filter(|price| *price > 0.0),
            license,
            vendor,
            vendor_words,
            family,
        }
    }

    fn whole_key(&self) -> String {
        format!("{}|{}", self.key, self.license.term.describe())
    }
}

/// What a set of words loses: `Archiving` and `Archiving for Archiving` are two licences.
fn repeated(name: &str, license: &License) -> Vec<String> {
    let mut words: Vec<String> = words(name).into_iter().filter(|word| license.family.contains(word)).collect();
    words.sort_unstable();
    let mut again: Vec<String> =
        words.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    again.dedup();
    again
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_family_that_come_again_are_known() {
        let again = |name: &str| repeated(name, &License::parse(name, None));
        assert!(again("Exchange Online Archiving - Monthly Commit, Monthly Billing").is_empty());
        assert_eq!(again("Exchange Online Archiving for Exchange Online"), ["exchange", "online"]);
    }
}
