//! The whole job from files against a data set with known answers, where `CONCORD_DEV_DATA` names one; skipped otherwise.
//! The answers are read from `gold` in it; the report is judged by the files that it is written to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use concord::domain::period::Period;
use concord::report::document::Document;
use concord::report::{Audience, csv};
use concord::service::offline::{ReconcileDirectory, reconcile};
use concord::service::reconciliation::intake::NamedPolicy;

/// A row of a CSV file, by its headings.
type Row = HashMap<String, String>;

fn data() -> Option<PathBuf> {
    let directory = std::env::var_os("CONCORD_DEV_DATA").filter(|path| !path.is_empty());
    if directory.is_none() {
        eprintln!("skipped: CONCORD_DEV_DATA names no directory with known answers");
    }
    directory.map(PathBuf::from)
}

fn gold(directory: &Path, file: &str) -> (String, Vec<Row>) {
    let path = directory.join("gold").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = rows(&text);
    (text, rows)
}

fn rows(text: &str) -> Vec<Row> {
    ::csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.expect("a row of texts")).collect()
}

fn headings(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end()
}

fn periods(directory: &Path) -> Vec<Period> {
    let (_, rows) = gold(directory, "reconciliation.csv");
    let periods: BTreeSet<&str> = rows.iter().map(|row| row["period"].as_str()).collect();
    periods.into_iter().map(|period| Period::parse(period).unwrap()).collect()
}

async fn run(directory: &Path, periods: &[Period]) -> Document {
    let command = ReconcileDirectory {
        data: directory.to_owned(),
        periods: Some((periods[0], periods[periods.len() - 1])),
        mappings: Some(directory.join("gold")),
        policy: NamedPolicy::default(),
        as_of: None,
    };
    reconcile(command).await.expect("there is a report").document
}

/// All months together, and each alone: what is right does not depend on the window.
async fn windows(directory: &Path) -> Vec<(Vec<Period>, Document)> {
    let all = periods(directory);
    let mut windows = vec![(all.clone(), run(directory, &all).await)];
    for period in all {
        windows.push((vec![period], run(directory, &[period]).await));
    }
    windows
}

fn is_in(row: &Row, periods: &[Period]) -> bool {
    periods.contains(&Period::parse(&row["period"]).expect("a month"))
}

type Key = [String; 4];

fn keys(rows: &[Row], periods: &[Period]) -> BTreeMap<Key, [String; 4]> {
    let fields = |row: &Row, names: [&str; 4]| names.map(|name| row[name].clone());
    let mut keys = BTreeMap::new();
    for row in rows.iter().filter(|row| is_in(row, periods)) {
        let key = fields(row, ["psaCustomerId", "psaProductId", "period", "currency"]);
        let figures = fields(row, ["pax8CostTotal", "expectedBilled", "actualBilled", "difference"]);
        assert_eq!(keys.insert(key.clone(), figures), None, "{key:?} is listed twice");
    }
    keys
}

#[tokio::test]
async fn every_key_of_the_reference_is_right_to_the_cent() {
    let Some(directory) = data() else { return };
    let (text, gold) = gold(&directory, "reconciliation.csv");
    for (periods, document) in windows(&directory).await {
        let written = csv::keys(&document, Audience::WithCost);
        assert_eq!(headings(&written), headings(&text));
        let (ours, expected) = (keys(&rows(&written), &periods), keys(&gold, &periods));
        let wrong: Vec<String> = ours
            .keys()
            .chain(expected.keys())
            .filter(|key| ours.get(*key) != expected.get(*key))
            .map(|key| format!("{key:?}: expected {:?}, found {:?}", expected.get(key), ours.get(key)))
            .collect();
        println!("{} keys, {} wrong", expected.len(), wrong.len());
        assert!(wrong.is_empty(), "{} of {} keys are wrong:\n{}", wrong.len(), expected.len(), wrong.join("\n"));
    }
}

/// What makes two rows the same finding, with its units and amounts.
fn findings(rows: &[Row], periods: &[Period]) -> BTreeMap<[String; 9], usize> {
    let mut found = BTreeMap::new();
    for row in rows.iter().filter(|row| is_in(row, periods)) {
        // One month alone shows less, and what is new depends on the window.
        let kind = match row["type"].as_str() {
            "never_billed" | "new_not_billed" if periods.len() == 1 => "not_billed",
            kind => kind,
        };
        let item = if row["psaProductId"].is_empty() { &row["pax8ProductId"] } else { &row["psaProductId"] };
        let text = |name: &str| row[name].clone();
        let key = [
            kind.to_owned(),
            text("psaCustomerId"),
            item.clone(),
            text("period"),
            text("currency"),
            text("expectedQuantity"),
            text("actualQuantity"),
            text("effect"),
            text("costEffect"),
        ];
        *found.entry(key).or_default() += 1;
    }
    found
}

#[tokio::test]
async fn discrepancies_of_the_reference_are_found_and_no_others() {
    let Some(directory) = data() else { return };
    let (text, gold) = gold(&directory, "discrepancies.csv");
    for (periods, document) in windows(&directory).await {
        let written = csv::discrepancies(&document, Audience::WithCost);
        assert_eq!(headings(&written), headings(&text));
        let (ours, expected) = (findings(&rows(&written), &periods), findings(&gold, &periods));
        let (mut right, mut differences) = (0, Vec::new());
        for key in ours.keys().chain(expected.keys()).collect::<BTreeSet<_>>() {
            let (found, wanted) = (ours.get(key).copied().unwrap_or(0), expected.get(key).copied().unwrap_or(0));
            right += found.min(wanted);
            if found != wanted {
                differences.push(format!("{key:?}: found {found}, expected {wanted}"));
            }
        }
        let (found, wanted) = (ours.values().sum::<usize>(), expected.values().sum::<usize>());
        println!("{periods:?}: {right} right of {found} found and {wanted} expected\n{differences:#?}");
        assert!(100 * right >= 98 * found, "precision: {} of {found} invented", found - right);
        assert!(100 * right >= 98 * wanted, "recall: {} of {wanted} missed", wanted - right);
    }
}

#[tokio::test]
async fn what_only_looks_wrong_is_not_reported() {
    let Some(directory) = data() else { return };
    let all = periods(&directory);
    let document = run(&directory, &all).await;
    let (_, planted) = gold(&directory, "discrepancies.csv");
    let planted: BTreeSet<&str> = planted.iter().map(|row| row["subscriptionId"].as_str()).collect();
    let (_, traps) = gold(&directory, "traps.csv");
    // A subscription with a planted error besides the trap is rightly reported.
    let traps: BTreeSet<&str> =
        traps.iter().map(|row| row["subscriptionId"].as_str()).filter(|id| !planted.contains(id)).collect();
    assert!(!traps.is_empty());
    let reported: Vec<String> = rows(&csv::discrepancies(&document, Audience::WithCost))
        .iter()
        .filter(|row| traps.contains(row["subscriptionId"].as_str()))
        .map(|row| format!("{} {} {}", row["type"], row["subscriptionId"], row["note"]))
        .collect();
    assert!(reported.is_empty(), "{reported:#?}");
}
