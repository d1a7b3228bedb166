//! Whether an item is the same product as one of Pax8's, whatever the term: words, plan, segment, vendor.

use std::collections::{BTreeMap, BTreeSet};

use super::explain::{Signal, SignalKind, Veto};
use super::index::WordFrequencies;
use super::lesson::{LearnedAlias, Lessons};
use super::license::{License, Rename};
use super::score::Weight;

/// Words that make another edition of a product.
pub(super) const EDITIONS: &[&str] = &[
    "advanced",
    "advantage",
    "basic",
    "beginner",
    "business",
    "complete",
    "control",
    "core",
    "datacenter",
    "device",
    "elite",
    "enterprise",
    "essential",
    "express",
    "foundation",
    "lite",
    "max",
    "mini",
    "plus",
    "premier",
    "premium",
    "pro",
    "server",
    "standard",
    "starter",
    "suite",
    "team",
    "ultimate",
    "unlimited",
    "user",
    "workstation",
];

/// How often words occur, in all names and within each vendor's products.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    pub words: WordFrequencies,
    /// Families seen, so that a list with a row for each term counts them once.
    seen: BTreeSet<(String, BTreeSet<String>)>,
    /// Families of a vendor.
    products: BTreeMap<String, u32>,
    /// Families of a vendor that have a word.
    with_word: BTreeMap<(String, String), u32>,
}

impl Vocabulary {
    /// Counts a product's words.
    pub fn add_product(&mut self, vendor: &str, license: &License) {
        if !self.seen.insert((vendor.to_owned(), license.family.clone())) {
            return;
        }
        *self.products.entry(vendor.to_owned()).or_default() += 1;
        for word in &license.family {
            *self.with_word.entry((vendor.to_owned(), word.clone())).or_default() += 1;
        }
    }

    /// Whether most products of a vendor have a word, so that it tells none from another.
    fn is_brand(&self, vendor: &str, word: &str) -> bool {
        let products = self.products.get(vendor).copied().unwrap_or(0);
        let with_word = self.with_word.get(&(vendor.to_owned(), word.to_owned())).copied().unwrap_or(0);
        with_word >= 2 && with_word * 4 >= products * 3
    }
}

/// The result of comparing families.
#[derive(Debug, Clone)]
pub(super) struct FamilyEvidence {
    pub signals: Vec<Signal>,
    pub veto: Option<Veto>,
    /// Words only in the product's name that only a part number or an exact cost can excuse.
    pub left_over: Vec<String>,
    /// The same in the item's name.
    pub right_over: Vec<String>,
    /// Whether the names have a word in common and nothing but words tells the two apart.
    pub differs_in_words: bool,
}

impl FamilyEvidence {
    /// Whether words differ that only a part number or an exact cost can excuse.
    pub fn has_leftovers(&self) -> bool {
        !(self.left_over.is_empty() && self.right_over.is_empty())
    }
}

/// One side of the comparison.
pub(super) struct Side<'a> {
    pub name: &'a str,
    pub license: &'a License,
    /// Vendor under its one name, where known.
    pub vendor: Option<&'a str>,
}

/// Compares families.
pub(super) fn compare(
    product: &Side<'_>,
    item: &Side<'_>,
    vendor_words: &[String],
    vocabulary: &Vocabulary,
    lessons: &Lessons,
) -> FamilyEvidence {
    let prior = Signal {
        kind: SignalKind::Prior,
        left: String::new(),
        right: String::new(),
        weight: Weight::of_bits(-vocabulary.words.prior_bits()),
    };
    let mut evidence = FamilyEvidence {
        signals: vec![prior],
        veto: None,
        left_over: Vec::new(),
        right_over: Vec::new(),
        differs_in_words: false,
    };
    let names_vendor = compare_vendors(product, item, vendor_words, &mut evidence);
    compare_facts(product.license, item.license, &mut evidence);
    compare_words(product, item, vendor_words, names_vendor, vocabulary, lessons, &mut evidence);
    if let Some(renamed) = rename_between(product.license, item.license) {
        let bits = if renamed.is_trap { -1.5 } else { -0.5 };
        evidence.push(SignalKind::Renamed, renamed.former, product.name, bits);
    }
    evidence
}

/// The former name that only one side uses.
pub(super) fn rename_between(left: &License, right: &License) -> Option<Rename> {
    if left.renamed == right.renamed { None } else { left.renamed.or(right.renamed) }
}

impl FamilyEvidence {
    fn push(&mut self, kind: SignalKind, left: &str, right: &str, bits: f64) {
        self.signals.push(Signal {
            kind,
            left: left.to_owned(),
            right: right.to_owned(),
            weight: Weight::of_bits(bits),
        });
    }

    fn refuse(&mut self, kind: SignalKind, left: &str, right: &str, bits: f64, veto: Veto) {
        self.push(kind, left, right, bits);
        self.veto.get_or_insert(veto);
    }
}

/// Whether the item is known to be of the product's vendor.
fn compare_vendors(
    product: &Side<'_>,
    item: &Side<'_>,
    vendor_words: &[String],
    evidence: &mut FamilyEvidence,
) -> bool {
    match (product.vendor, item.vendor) {
        (Some(left), Some(right)) if left == right => {
            evidence.push(SignalKind::Vendor, left, right, 2.0);
            true
        }
        (Some(left), Some(right)) => {
            evidence.refuse(SignalKind::Vendor, left, right, -12.0, Veto::Vendor(left.to_owned(), right.to_owned()));
            false
        }
        (Some(left), None) => {
            let words = super::normalize::words(item.name);
            let named = words.iter().any(|word| vendor_words.contains(word))
                || item.license.family.iter().any(|word| word == "m365" || word == "o365") && left == "microsoft";
            if named {
                evidence.push(SignalKind::Vendor, left, item.name, 1.5);
            }
            named
        }
        _ => false,
    }
}

/// What has to be equal as a set: plan, segment, qualifiers, numbers.
fn compare_facts(left: &License, right: &License, evidence: &mut FamilyEvidence) {
    let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    if left.plans != right.plans {
        let (a, b) = (join(&left.plans), join(&right.plans));
        let bits = if a.is_empty() || b.is_empty() { -8.0 } else { -12.0 };
        evidence.refuse(SignalKind::Edition, &a, &b, bits, Veto::Edition(a.clone(), b.clone()));
    }
    if left.segments != right.segments {
        let name = |license: &License| {
            let names: Vec<&str> = license.segments.iter().map(|segment| segment.as_str()).collect();
            if names.is_empty() { "commercial".to_owned() } else { names.join(" ") }
        };
        let (a, b) = (name(left), name(right));
        evidence.refuse(SignalKind::Edition, &a, &b, -10.0, Veto::Segment(a.clone(), b.clone()));
    }
    let mut only_one = left.qualifiers.symmetric_difference(&right.qualifiers);
    if let Some(qualifier) = only_one.next() {
        let has = |license: &License| if license.qualifiers.contains(qualifier) { *qualifier } else { "" };
        evidence.refuse(SignalKind::Edition, has(left), has(right), -10.0, Veto::Qualifier((*qualifier).to_owned()));
    }
    if left.numbers != right.numbers {
        let (a, b) = (join(&left.numbers), join(&right.numbers));
        let bits = if a.is_empty() || b.is_empty() { -5.0 } else { -10.0 };
        evidence.refuse(SignalKind::Edition, &a, &b, bits, Veto::Number(a.clone(), b.clone()));
    }
}

fn compare_words(
    product: &Side<'_>,
    item: &Side<'_>,
    vendor_words: &[String],
    same_vendor: bool,
    vocabulary: &Vocabulary,
    lessons: &Lessons,
    evidence: &mut FamilyEvidence,
) {
    let words = |license: &License| -> Vec<String> {
        license.family.iter().filter(|word| !vendor_words.contains(word)).cloned().collect()
    };
    let (left, mut right) = (words(product.license), words(item.license));
    let (mut left_over, mut shared) = (Vec::new(), Vec::new());
    for word in &left {
        match right
            .iter()
            .position(|other| other == word)
            .or_else(|| right.iter().position(|other| is_typing_error(word, other)))
        {
            Some(at) => {
                right.remove(at);
                shared.push(word.clone());
            }
            None => left_over.push(word.clone()),
        }
    }
    let bits_of = |words: &[String]| words.iter().map(|word| vocabulary.words.bits(word, false)).sum::<f64>();
    let facts = product.license.plans.len() * 4 + product.license.numbers.len() * 2 + product.license.segments.len();
    // Names that say nothing but the vendor agree on very little.
    let shared_bits =
        (bits_of(&shared) + if shared.is_empty() && !left.is_empty() { 0.0 } else { facts as f64 }).min(17.0);
    let text = |words: &[String]| words.join(" ");
    if shared_bits > 0.0 {
        evidence.push(SignalKind::Family, product.name, item.name, shared_bits);
    } else {
        evidence.push(SignalKind::Family, product.name, item.name, -8.0);
    }
    let vendor = product.vendor.unwrap_or_default();
    let is_brand = |word: &String| same_vendor && vocabulary.is_brand(vendor, word);
    let brand = |words: &[String]| words.iter().filter(|word| is_brand(word)).cloned().collect::<Vec<String>>();
    let (left_brand, right_brand) = (brand(&left_over), brand(&right));
    let brand_words = left_brand.len() + right_brand.len();
    if brand_words > 0 {
        evidence.push(SignalKind::NameLeftover, &text(&left_brand), &text(&right_brand), -0.7 * brand_words as f64);
    }
    left_over.retain(|word| !is_brand(word));
    right.retain(|word| !is_brand(word));
    if !shared.is_empty() {
        evidence.signals.extend(lessons.excuse(&mut left_over, &mut right).into_iter().map(LearnedAlias::signal));
    }
    evidence.differs_in_words = evidence.veto.is_none() && !shared.is_empty();
    let telling: Vec<String> = left_over.iter().chain(&right).cloned().collect();
    if telling.is_empty() && evidence.veto.is_none() && !shared.is_empty() {
        // Every word, plan, segment and number is accounted for.
        evidence.push(SignalKind::Edition, product.name, item.name, 5.0);
    }
    if !telling.is_empty() {
        let cost = (2.0 * telling.len() as f64 + 0.4 * bits_of(&telling)).min(14.0);
        let is_edition = telling.iter().any(|word| EDITIONS.contains(&word.as_str()));
        let on_both = !left_over.is_empty() && !right.is_empty();
        let veto = Veto::Edition(text(&left_over), text(&right));
        evidence.push(SignalKind::NameLeftover, &text(&left_over), &text(&right), -cost);
        if is_edition || on_both {
            evidence.veto.get_or_insert(veto);
        }
    }
    (evidence.left_over, evidence.right_over) = (left_over, right);
}

/// One slip in a long word.
fn is_typing_error(a: &str, b: &str) -> bool {
    let length = a.chars().count().min(b.chars().count());
    let is_long = length >= 6 && !EDITIONS.contains(&a) && !EDITIONS.contains(&b);
    is_long && rapidfuzz::distance::osa::distance(a.chars(), b.chars()) <= 1
}

#[cfg(test)]
mod tests {
    use super::EDITIONS;

    #[test]
    fn editions_are_sorted_and_unique() {
        assert!(EDITIONS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
