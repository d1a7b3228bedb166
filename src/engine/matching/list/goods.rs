//! Features of two products of two lists that are sold by name, maker and model number.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::prelude::ToPrimitive;

use super::super::explain::SignalKind;
use super::super::index::WordFrequencies;
use super::super::name;
use super::super::normalize::{fold, words};
use super::model::Feature;
use super::vectors::{hashed, hashed_trigrams};
use super::{Keys, ListRecord};

use SignalKind::{Edition, Name, NameLeftover, PartNumber, Price, Vendor};

const SHARE: &[f32] = &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
const LEFTOVER: &[f32] = &[0.0, 3.0, 6.0, 12.0, 20.0, 30.0, 45.0];
const COUNT: &[f32] = &[0.0, 1.0, 2.0, 3.0];

/// What is compared, in the order of [`Goods::features`].
pub(super) const FEATURES: &[Feature] = &[
    Feature { name: "spelling", kind: Name, knots: SHARE },
    Feature { name: "words", kind: Name, knots: SHARE },
    Feature { name: "share of the fuller", kind: Name, knots: SHARE },
    Feature { name: "share of the shorter", kind: Name, knots: SHARE },
    Feature { name: "shared bits", kind: Name, knots: &[0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0] },
    Feature { name: "leftover of one", kind: NameLeftover, knots: LEFTOVER },
    Feature { name: "leftover of both", kind: NameLeftover, knots: LEFTOVER },
    Feature { name: "model number", kind: PartNumber, knots: &[-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0] },
    Feature { name: "model spelled", kind: PartNumber, knots: &[0.0, 0.5, 0.65, 0.8, 0.9, 1.0] },
    Feature { name: "part number", kind: PartNumber, knots: &[-1.0, 0.0, 1.0, 2.0, 3.0] },
    Feature { name: "numbers in common", kind: Edition, knots: COUNT },
    Feature { name: "numbers against", kind: Edition, knots: COUNT },
    Feature { name: "numbers of one", kind: Edition, knots: COUNT },
    Feature { name: "editions against", kind: Edition, knots: &[0.0, 1.0, 2.0] },
    Feature { name: "editions of one", kind: Edition, knots: COUNT },
    Feature { name: "color", kind: Edition, knots: &[-1.0, 0.0, 1.0] },
    Feature { name: "maker", kind: Vendor, knots: &[-1.0, 0.0, 1.0] },
    Feature { name: "price", kind: Price, knots: &[-2.0, -1.0, 0.0, 0.1, 0.3, 0.6, 1.0, 2.0] },
    Feature { name: "letters", kind: Name, knots: &[0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0] },
    Feature { name: "first word", kind: Name, knots: &[0.0, 1.0] },
    Feature { name: "description", kind: Name, knots: &[-1.0, 0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0] },
    Feature { name: "namesakes", kind: Name, knots: &[0.0, 1.0, 2.0, 4.0] },
    Feature { name: "slip", kind: Name, knots: &[0.6, 0.8, 0.9, 1.0] },
];

/// Words that make another edition, with the spelling that counts.
const EDITIONS: &[(&str, &str)] = &[
    ("academic", "education"),
    ("edu", "education"),
    ("education", "education"),
    ("educational", "education"),
    ("student", "education"),
    ("teacher", "education"),
    ("school", "education"),
    ("upgrade", "upgrade"),
    ("upg", "upgrade"),
    ("mac", "mac"),
    ("macintosh", "mac"),
    ("osx", "mac"),
    ("full", "full"),
    ("oem", "oem"),
    ("professional", "pro"),
    ("pro", "pro"),
    ("standard", "standard"),
    ("std", "standard"),
    ("premium", "premium"),
    ("prem", "premium"),
    ("home", "home"),
    ("deluxe", "deluxe"),
    ("dlx", "deluxe"),
    ("basic", "basic"),
    ("enterprise", "enterprise"),
    ("server", "server"),
    ("ultimate", "ultimate"),
    ("business", "business"),
    ("lite", "lite"),
    ("le", "lite"),
    ("platinum", "platinum"),
    ("gold", "gold"),
    ("suite", "suite"),
    ("extended", "extended"),
    ("elements", "elements"),
    ("studio", "studio"),
    ("complete", "complete"),
    ("collection", "collection"),
    ("refurbished", "refurbished"),
    ("remanufactured", "remanufactured"),
    ("renewal", "renewal"),
    ("subscription", "subscription"),
    ("expansion", "expansion"),
    ("starter", "starter"),
];

const COLORS: &[&str] = &[
    "beige", "black", "blue", "bronze", "brown", "charcoal", "clear", "cyan", "gray", "green", "grey", "magenta",
    "orange", "pink", "purple", "red", "silver", "tan", "titanium", "white", "yellow",
];

/// Units that stand behind a number, which then is a size and no model.
const UNITS: &[&str] = &[
    "gb",
    "mb",
    "tb",
    "kb",
    "ghz",
    "mhz",
    "hz",
    "inch",
    "in",
    "ft",
    "foot",
    "mm",
    "cm",
    "mp",
    "mah",
    "w",
    "watt",
    "watts",
    "v",
    "x",
    "p",
    "i",
    "pack",
    "pk",
    "sheet",
    "sheets",
    "oz",
    "lb",
    "lbs",
    "bit",
    "fps",
    "rpm",
    "gbps",
    "mbps",
    "g",
    "m",
    "k",
    "ch",
    "pc",
    "pcs",
    "port",
    "user",
    "users",
    "way",
    "sq",
    "th",
    "nd",
    "st",
    "rd",
    "d",
    "s",
    "megapixel",
    "megapixels",
    "year",
    "yr",
    "dvd",
    "cd",
    "pin",
    "ply",
];

/// One product, taken apart once.
#[derive(Debug)]
struct Entry {
    name: String,
    words: Vec<String>,
    sorted: String,
    models: BTreeSet<String>,
    part_numbers: BTreeSet<String>,
    squashed: String,
    numbers: BTreeSet<String>,
    editions: BTreeSet<&'static str>,
    colors: BTreeSet<&'static str>,
    maker: Vec<String>,
    price: Option<f64>,
    description: BTreeSet<String>,
}

/// Both lists.
#[derive(Debug)]
pub(super) struct Goods {
    left: Vec<Entry>,
    right: Vec<Entry>,
    words: WordFrequencies,
    models: [HashMap<String, u32>; 2],
    namesakes: [HashMap<String, u32>; 2],
}

impl Goods {
    /// Takes the records of both lists apart.
    pub fn new(left: &[&ListRecord], right: &[&ListRecord]) -> Self {
        let entries = |records: &[&ListRecord]| records.iter().map(|record| Entry::new(record)).collect::<Vec<_>>();
        let (left, right) = (entries(left), entries(right));
        let mut words = WordFrequencies::default();
        for entry in left.iter().chain(&right) {
            words.add(&entry.words.iter().map(String::as_str).collect());
        }
        let count = |entries: &[Entry], values: &dyn Fn(&Entry) -> Vec<String>| {
            let mut counts: HashMap<String, u32> = HashMap::new();
            for value in entries.iter().flat_map(values) {
                *counts.entry(value).or_default() += 1;
            }
            counts
        };
        let models = |entry: &Entry| entry.models.iter().cloned().collect();
        let name = |entry: &Entry| vec![entry.sorted.clone()];
        let (models, namesakes) =
            ([count(&left, &models), count(&right, &models)], [count(&left, &name), count(&right, &name)]);
        Self { left, right, words, models, namesakes }
    }

    /// The terms under which the records of both lists are found.
    pub fn keys(&self) -> Keys {
        let side = |entries: &[Entry]| {
            let trigrams = entries.iter().map(|entry| hashed_trigrams(&entry.words)).collect();
            let words = entries.iter().map(|entry| {
                let maker = entry.maker.iter().filter(|word| !entry.words.contains(word));
                entry.words.iter().chain(maker).chain(&entry.models).map(|word| hashed(word)).collect()
            });
            let exact = entries.iter().map(|entry| entry.models.iter().chain(&entry.part_numbers).cloned().collect());
            (trigrams, words.collect(), exact.collect())
        };
        let (left, right) = (side(&self.left), side(&self.right));
        Keys { trigrams: (left.0, right.0), words: (left.1, right.1), exact: (left.2, right.2) }
    }

    /// Compares two records; the cosines of spelling and words come from the search.
    pub fn features(&self, left: usize, right: usize, cosines: [f32; 2], values: &mut Vec<f32>) {
        let (a, b) = (&self.left[left], &self.right[right]);
        let bits_of = |word: &str| self.words.bits(word, false);
        let names = name::compare(&a.words, &b.words, &bits_of);
        let leftover = |words: &[String]| words.iter().map(|word| bits_of(word)).sum::<f64>();
        let (over_left, over_right) = (leftover(&names.left_over), leftover(&names.right_over));
        let shared = names.shared_bits;
        let share = |over: f64| (shared / (shared + over).max(0.1)) as f32;
        let only = |left: usize, right: usize| (left.min(right) as f32, left.abs_diff(right) as f32);
        let lacking = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).count();
        let numbers_against = only(lacking(&a.numbers, &b.numbers), lacking(&b.numbers, &a.numbers));
        let editions_against =
            only(a.editions.difference(&b.editions).count(), b.editions.difference(&a.editions).count());
        let namesakes = |side: usize, entry: &Entry| self.namesakes[side].get(&entry.sorted).copied().unwrap_or(1);
        let letters = rapidfuzz::distance::indel::normalized_similarity(a.sorted.chars(), b.sorted.chars());
        values.clear();
        values.extend([
            cosines[0],
            cosines[1],
            share(over_left.max(over_right)),
            share(over_left.min(over_right)),
            shared as f32,
            over_left.max(over_right) as f32,
            over_left.min(over_right) as f32,
            self.model(a, b),
            spelled(a, b).max(spelled(b, a)),
            part_number(a, b),
            a.numbers.intersection(&b.numbers).count() as f32,
            numbers_against.0,
            numbers_against.1,
            editions_against.0,
            editions_against.1,
            match (a.colors.is_empty(), b.colors.is_empty()) {
                (false, false) if a.colors.is_disjoint(&b.colors) => -1.0,
                (false, false) => 1.0,
                _ => 0.0,
            },
            maker(a, b),
            price_distance(a.price, b.price),
            letters as f32,
            if a.words.first() == b.words.first() { 1.0 } else { 0.0 },
            self.described(a, b),
            (namesakes(0, a).max(namesakes(1, b)) as f32).log2(),
            names.quality as f32,
        ]);
    }

    /// How much of one name's weight the other's description has; -1 where nobody describes anything.
    fn described(&self, a: &Entry, b: &Entry) -> f32 {
        let one_way = |named: &Entry, described: &Entry| {
            if described.description.is_empty() {
                return -1.0;
            }
            let (mut found, mut all) = (0.0, 0.1);
            for word in &named.words {
                let bits = self.words.bits(word, false);
                all += bits;
                if described.description.contains(word) || described.words.contains(word) {
                    found += bits;
                }
            }
            (found / all) as f32
        };
        one_way(a, b).max(one_way(b, a))
    }

    /// How the model numbers relate: from two that differ in a letter (-2) to one that nobody else has (4).
    fn model(&self, a: &Entry, b: &Entry) -> f32 {
        let mut best = 0;
        for model in a.models.intersection(&b.models) {
            let owners = |side: usize| self.models[side].get(model).copied().unwrap_or(1);
            let grade = match owners(0).max(owners(1)) {
                1 => 4,
                2 => 3,
                _ => 2,
            };
            best = best.max(grade);
        }
        if best > 0 {
            return best as f32;
        }
        if a.models.is_empty() || b.models.is_empty() {
            return 0.0;
        }
        let mut nearest = -1.0;
        for left in &a.models {
            for right in &b.models {
                let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
                if short.len() >= 5 && long.starts_with(short.as_str()) {
                    return 1.0;
                }
                if short.len() >= 4
                    && short.len() == long.len()
                    && rapidfuzz::distance::hamming::distance(short.chars(), long.chars()).is_ok_and(|slips| slips <= 1)
                {
                    nearest = -2.0;
                }
            }
        }
        nearest
    }

    /// The names of a pair, as they stand in the lists.
    pub fn names(&self, left: usize, right: usize) -> (&str, &str) {
        (&self.left[left].name, &self.right[right].name)
    }
}

/// How much of the longest model number of one side the name of the other spells, from its beginning.
fn spelled(owner: &Entry, other: &Entry) -> f32 {
    let share = |model: &String| {
        let (mut length, mut has_digit) = (0, false);
        for (at, letter) in model.char_indices() {
            let end = at + letter.len_utf8();
            if !other.squashed.contains(&model[..end]) {
                break;
            }
            length = end;
            has_digit |= letter.is_ascii_digit();
        }
        if has_digit && length >= 4 { length as f32 / model.len() as f32 } else { 0.0 }
    };
    owner.models.iter().map(share).fold(0.0, f32::max)
}

fn part_number(a: &Entry, b: &Entry) -> f32 {
    let named = |owner: &Entry, other: &Entry| {
        owner
            .part_numbers
            .iter()
            .any(|number| other.models.contains(number) || (number.len() >= 5 && other.squashed.contains(number)))
    };
    let resembles = || {
        a.part_numbers.iter().any(|left| {
            b.part_numbers.iter().any(|right| {
                let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
                short.len() >= 4 && long.contains(short.as_str())
            })
        })
    };
    if a.part_numbers.intersection(&b.part_numbers).next().is_some() {
        3.0
    } else if named(a, b) || named(b, a) {
        2.0
    } else if a.part_numbers.is_empty() || b.part_numbers.is_empty() {
        0.0
    } else if resembles() {
        1.0
    } else {
        -1.0
    }
}

fn maker(a: &Entry, b: &Entry) -> f32 {
    let named = |owner: &Entry, other: &Entry| {
        owner.maker.iter().any(|word| other.maker.contains(word) || other.words.contains(word))
    };
    if a.maker.is_empty() && b.maker.is_empty() {
        0.0
    } else if named(a, b) || named(b, a) {
        1.0
    } else if a.maker.is_empty() || b.maker.is_empty() {
        0.0
    } else {
        -1.0
    }
}

/// The distance of two prices as the logarithm of their ratio; -1 where one is missing, -2 where one alone is nothing.
pub(super) fn price_distance(left: Option<f64>, right: Option<f64>) -> f32 {
    match (left, right) {
        (Some(left), Some(right)) if left <= 0.0 && right <= 0.0 => -1.0,
        (Some(left), Some(right)) if left <= 0.0 || right <= 0.0 => -2.0,
        (Some(left), Some(right)) => (left / right).ln().abs() as f32,
        _ => -1.0,
    }
}

impl Entry {
    fn new(record: &ListRecord) -> Self {
        let words: Vec<String> = words(&record.name)
            .into_iter()
            .filter(|word| !matches!(word.as_str(), "and" | "the" | "for" | "of" | "with" | "a" | "in" | "w" | "to"))
            .collect();
        let mut sorted: Vec<&str> = words.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let sorted = sorted.join(" ");
        let part_numbers: BTreeSet<String> = record
            .part_numbers
            .iter()
            .map(|number| fold(number).replace(' ', ""))
            .filter(|number| number.len() >= 3)
            .collect();
        let mut models = models(&record.name);
        models.extend(part_numbers.iter().filter(|number| is_model(number)).cloned());
        let editions = words
            .iter()
            .filter_map(|word| EDITIONS.iter().find(|(edition, _)| edition == word).map(|(_, name)| *name))
            .collect();
        let colors = words.iter().filter_map(|word| COLORS.iter().find(|color| **color == word.as_str())).copied();
        let maker = record.vendor.as_deref().map(super::super::normalize::words).unwrap_or_default();
        let legal = ["inc", "ltd", "llc", "software", "corp", "co", "technologies", "entertainment", "systems"];
        Self {
            name: record.name.clone(),
            sorted,
            squashed: words.concat(),
            numbers: numbers(&words),
            editions,
            colors: colors.collect(),
            maker: maker.into_iter().filter(|word| word.len() >= 2 && !legal.contains(&word.as_str())).collect(),
            price: record.price.and_then(|price| price.to_f64()).filter(|price| *price >= 0.0),
            description: record
                .description
                .as_deref()
                .map(|text| super::super::normalize::words(text).into_iter().collect())
                .unwrap_or_default(),
            models,
            part_numbers,
            words,
        }
    }
}

/// The numbers of a name without their units; Roman ones count.
fn numbers(words: &[String]) -> BTreeSet<String> {
    words
        .iter()
        .filter_map(|word| match word.as_str() {
            "ii" => Some("2".to_owned()),
            "iii" => Some("3".to_owned()),
            "iv" => Some("4".to_owned()),
            "vi" => Some("6".to_owned()),
            word if word.len() <= 7 => {
                let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
                let digits = digits.trim_start_matches('0');
                (!digits.is_empty()).then(|| digits.to_owned())
            }
            _ => None,
        })
        .collect()
}

/// The model numbers in a name: pieces with digits, as written and without their hyphens.
fn models(name: &str) -> BTreeSet<String> {
    let mut models = BTreeSet::new();
    for piece in name.split(|c: char| c.is_whitespace() || ",;()[]\"|:".contains(c)) {
        let mut add = |text: &str| {
            let model: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            if is_model(&model) {
                models.insert(model);
            }
        };
        add(piece);
        if piece.contains(['-', '/']) {
            piece.split(['-', '/']).for_each(add);
        }
    }
    models
}

/// Whether a squashed text can only be a model number: long enough, with a digit, and no size.
fn is_model(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let length = text.chars().count();
    let is_number = digits == length;
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_size = unit.len() < text.len() && UNITS.contains(&unit);
    let is_year = is_number && length == 4 && (text.starts_with("19") || text.starts_with("20"));
    digits > 0 && length >= 4 && !is_size && !is_year && digits * 4 >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_numbers_are_found_in_every_spelling() {
        let found = |name: &str| models(name).into_iter().collect::<Vec<_>>();
        assert_eq!(found("Panasonic LM-AF30U3 Three Pack - LMAF30U3"), ["af30u3", "lmaf30u3"]);
        assert_eq!(found("Apple 1GB iPod Shuffle 2nd Gen - MB226LL/A"), ["mb226ll", "mb226lla"]);
        assert!(found("Samsung 52' Series 7 1080p 120Hz 16GB 2007").is_empty());
    }

    #[test]
    fn a_price_of_nothing_is_not_a_missing_one() {
        assert_eq!(price_distance(Some(8.0), Some(8.0)).to_bits(), 0.0_f32.to_bits());
        assert_eq!([(None, Some(8.0)), (Some(0.0), Some(0.0))].map(|(a, b)| price_distance(a, b)), [-1.0, -1.0]);
        assert_eq!([(Some(0.0), Some(8.0)), (Some(8.0), Some(0.0))].map(|(a, b)| price_distance(a, b)), [-2.0, -2.0]);
    }

    #[test]
    fn numbers_come_without_units() {
        assert_eq!(numbers(&words("Warlords III 16GB 05")), BTreeSet::from(["3", "16", "5"].map(str::to_owned)));
    }
}
