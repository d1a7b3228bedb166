//! Two lists against each other: fixtures a person can read, and properties on arbitrary lists.
//!
//! A fixture names the kind, then the records of both lists, `---`, and a line for each left record: `a = 1` is mapped,
//! `a ~ 1: reason` is a candidate (with what keeps it from being mapped, where it is a contradiction), `a alone` has none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use concord::domain::money::parse_decimal;
use concord::domain::record::Address;
use concord::engine::matching::MatchingPolicy;
use concord::engine::matching::list::{ListInput, ListKind, ListPair, ListRecord, OneByOne, match_lists};
use proptest::prelude::*;

fn pairs(kind: ListKind, left: &[ListRecord], right: &[ListRecord]) -> Vec<ListPair> {
    match_lists(&ListInput { kind, left, right, policy: &MatchingPolicy::default() }, &OneByOne)
}

/// Reads a line such as `left a | Acme LLC | city=Tucson`.
fn record(text: &str) -> (&str, ListRecord) {
    let mut parts = text.split(" | ").map(str::trim);
    let (side, key) = parts.next().and_then(|head| head.split_once(' ')).expect("a side and an id");
    let name = parts.next().expect("a name").to_owned();
    let fields: BTreeMap<&str, &str> = parts.map(|part| part.split_once('=').expect("field=value")).collect();
    let field = |name: &str| fields.get(name).map(|value| (*value).to_owned());
    let record = ListRecord {
        key: key.to_owned(),
        name,
        vendor: field("vendor"),
        part_numbers: field("sku").into_iter().collect(),
        price: field("price").map(|price| parse_decimal(&price).expect("a price")),
        website: field("web"),
        phone: field("phone"),
        address: Address {
            city: field("city"),
            region: field("state"),
            postal_code: field("zip"),
            country: field("country"),
            ..Address::default()
        },
        ..ListRecord::default()
    };
    (side, record)
}

/// What is found in the lists of a fixture, a line for each left record.
pub fn verdicts(given: &str) -> Vec<String> {
    let mut lines = given.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let kind = match lines.next().expect("a kind") {
        "customers" => ListKind::Customers,
        "products" => ListKind::Products,
        other => panic!("`{other}` is no kind"),
    };
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for line in lines {
        match record(line) {
            ("left", record) => left.push(record),
            ("right", record) => right.push(record),
            (other, _) => panic!("`{other}` does not start a line of a fixture"),
        }
    }
    let found = pairs(kind, &left, &right);
    left.iter()
        .map(|record| match found.iter().find(|pair| pair.left == record.key) {
            Some(pair) if pair.is_mapped => format!("{} = {}", pair.left, pair.right),
            Some(pair) => match &pair.explanation.veto {
                Some(veto) => format!("{} ~ {}: {veto}", pair.left, pair.right),
                None => format!("{} ~ {}", pair.left, pair.right),
            },
            None => format!("{} alone", record.key),
        })
        .collect()
}

#[test]
fn lists_as_in_the_fixtures() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/matching/lists");
    for entry in std::fs::read_dir(directory).expect("a folder of fixtures") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a fixture");
        let (given, expected) = text.split_once("---\n").expect("a fixture has a line `---`");
        assert_eq!(verdicts(given), expected.trim().lines().collect::<Vec<_>>(), "in {}", path.display());
    }
}

#[test]
fn an_explanation_of_a_pair_adds_up() {
    let left = [record("left a | Acme Plumbing LLC | city=Tucson").1];
    let right = [record("right 1 | Acme Plumbing | city=Tucson").1, record("right 2 | Acme Roofing | city=Mesa").1];
    let found = pairs(ListKind::Customers, &left, &right);
    let explanation = &found[0].explanation;
    assert!(explanation.summary.starts_with("Same name"), "{}", explanation.summary);
    let runner_up = explanation.runner_up.as_ref().expect("there are two");
    assert!(runner_up.target.as_str() == "2" && runner_up.distance.millibits() > 0);
}

const NAMES: &[&str] = &[
    "Acme Plumbing LLC",
    "Acme Plumbing Group",
    "Acme Plumbing #2",
    "Zephyr Dental Inc",
    "Zephyr Dental - Tucson",
    "Müller & Söhne GmbH",
    "Mueller Soehne",
    "Quartz dba Onyx Pizza",
    "Onyx Pizza",
    "Kestrel Industrial Coatings",
    "KIC",
    "Microsoft 365 E3 - Annual",
    "M365 E3 yearly",
    "Denon AVR-1609 Receiver",
    "Denon Receiver AVR1609",
];

fn list(side: &'static str) -> impl Strategy<Value = Vec<ListRecord>> {
    let name = (0..NAMES.len()).prop_map(|at| NAMES[at].to_owned());
    let record = (name, 0..3_u32, any::<bool>()).prop_map(|(name, city, has_city)| ListRecord {
        name,
        address: Address { city: has_city.then(|| format!("City {city}")), ..Address::default() },
        ..ListRecord::default()
    });
    proptest::collection::vec(record, 1..12).prop_map(move |mut records| {
        for (position, record) in records.iter_mut().enumerate() {
            record.key = format!("{side}{position}");
        }
        records
    })
}

fn kinds() -> impl Strategy<Value = ListKind> {
    prop_oneof![Just(ListKind::Customers), Just(ListKind::Products)]
}

fn mapped(pairs: &[ListPair]) -> BTreeSet<(String, String)> {
    pairs.iter().filter(|pair| pair.is_mapped).map(|pair| (pair.left.clone(), pair.right.clone())).collect()
}

proptest! {
    #[test]
    fn a_record_is_in_one_pair_at_most(kind in kinds(), left in list("L"), right in list("R")) {
        let found = pairs(kind, &left, &right);
        let (lefts, rights): (BTreeSet<_>, BTreeSet<_>) = found.iter().map(|pair| (&pair.left, &pair.right)).unzip();
        prop_assert_eq!((lefts.len(), rights.len()), (found.len(), found.len()));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(kind in kinds(), left in list("L"), right in list("R")) {
        let (mut left_turned, mut right_turned) = (left.clone(), right.clone());
        left_turned.reverse();
        right_turned.reverse();
        prop_assert_eq!(pairs(kind, &left, &right), pairs(kind, &left_turned, &right_turned));
    }

    #[test]
    fn exchanged_lists_give_the_mirrored_pairs(kind in kinds(), left in list("L"), right in list("R")) {
        let mirrored: BTreeSet<(String, String)> =
            mapped(&pairs(kind, &right, &left)).into_iter().map(|(a, b)| (b, a)).collect();
        prop_assert_eq!(mapped(&pairs(kind, &left, &right)), mirrored);
    }

    #[test]
    fn arbitrary_text_does_no_harm(
        kind in kinds(),
        left in proptest::collection::vec((any::<String>(), any::<String>(), any::<String>()), 0..6),
        right in proptest::collection::vec((any::<String>(), any::<String>(), any::<String>()), 0..6),
    ) {
        let list = |rows: Vec<(String, String, String)>| -> Vec<ListRecord> {
            let record = |(at, (name, field, other)): (usize, (String, String, String))| ListRecord {
                key: at.to_string(),
                name,
                vendor: Some(field.clone()),
                part_numbers: vec![other.clone()],
                description: Some(field.clone()),
                website: Some(other.clone()),
                email: Some(field.clone()),
                phone: Some(other.clone()),
                address: Address { street: Some(field.clone()), city: Some(other), region: Some(field), ..Address::default() },
                ..ListRecord::default()
            };
            rows.into_iter().enumerate().map(record).collect()
        };
        let found = pairs(kind, &list(left), &list(right));
        prop_assert!(found.iter().all(|pair| pair.confidence.millionths() <= 1_000_000));
    }
}

/// Nothing in common with anything else: it may change how rare a word is, and nothing else.
#[test]
fn an_unrelated_record_changes_no_verdict() {
    let left: Vec<ListRecord> = NAMES.iter().enumerate().map(|(at, name)| named("L", at, name)).collect();
    let mut right: Vec<ListRecord> = NAMES.iter().rev().enumerate().map(|(at, name)| named("R", at, name)).collect();
    let before = mapped(&pairs(ListKind::Customers, &left, &right));
    right.push(named("R", 99, "Ytterbium Xylophone Works"));
    assert_eq!(mapped(&pairs(ListKind::Customers, &left, &right)), before);
    assert!(!before.is_empty());
}

fn named(side: &str, at: usize, name: &str) -> ListRecord {
    ListRecord { key: format!("{side}{at:02}"), name: name.to_owned(), ..ListRecord::default() }
}
