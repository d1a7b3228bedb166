//! The whole engine against a data set with known answers, where `CONCORD_DEV_DATA` names one; skipped otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use concord::domain::money::{parse_decimal, plain};
use concord::domain::period::Period;
use concord::engine::billing::{Input, KeyCustomer, KeyItem, Policy, Report, reconcile};

use super::reader;

fn data() -> Option<PathBuf> {
    let directory = std::env::var_os("CONCORD_DEV_DATA").filter(|path| !path.is_empty());
    if directory.is_none() {
        eprintln!("skipped: CONCORD_DEV_DATA names no directory with known answers");
    }
    directory.map(PathBuf::from)
}

fn periods(directory: &Path) -> Vec<Period> {
    let gold = reader::csv(&directory.join("gold/reconciliation.csv"));
    let periods: BTreeSet<&str> = gold.iter().map(|row| row["period"].as_str()).collect();
    periods.into_iter().map(|period| Period::parse(period).unwrap()).collect()
}

fn run(directory: &Path, periods: &[Period]) -> (Input, Report) {
    let (first, last) = (periods[0], periods[periods.len() - 1]);
    let as_of = last.first_day().checked_add_days(chrono::Days::new(5)).unwrap();
    let input = reader::read(directory).build(first, last, as_of);
    let report = reconcile(&input, &Policy::default()).unwrap();
    (input, report)
}

fn customer(input: &Input, customer: KeyCustomer) -> String {
    match customer {
        KeyCustomer::Customer(customer) => input.customer_id(customer).to_owned(),
        KeyCustomer::Missing(company) => format!("pax8:{}", input.company_id(company)),
    }
}

fn item(input: &Input, item: KeyItem) -> String {
    match item {
        KeyItem::Item(item) => input.item_id(item).to_owned(),
        KeyItem::Missing(product) => format!("pax8:{}", input.product_id(product)),
    }
}

type Key = (String, String, String, String);

#[test]
fn every_key_of_the_reference_is_right_to_the_cent() {
    let Some(directory) = data() else { return };
    let all = periods(&directory);
    check_keys(&directory, &all);
    // What is right does not depend on the window.
    for period in all {
        check_keys(&directory, &[period]);
    }
}

fn check_keys(directory: &Path, periods: &[Period]) {
    let (input, report) = run(directory, periods);
    let amount = |amount: Option<rust_decimal::Decimal>| amount.map_or("?".to_owned(), |amount| plain(amount, 2));
    let mut ours: BTreeMap<Key, [String; 4]> = BTreeMap::new();
    for key in &report.keys {
        let figures = [amount(key.cost), amount(key.expected), amount(key.billed), amount(key.difference)];
        if figures[..3].iter().any(|figure| figure != "0.00") {
            let id = (
                customer(&input, key.customer),
                item(&input, key.item),
                key.period.to_string(),
                key.currency.to_string(),
            );
            ours.insert(id, figures);
        }
    }
    let mut wrong = Vec::new();
    let gold = reader::csv(&directory.join("gold/reconciliation.csv"));
    for row in gold.iter().filter(|row| periods.contains(&Period::parse(&row["period"]).unwrap())) {
        let field = |name: &str| row[name].clone();
        let key = (field("psaCustomerId"), field("psaProductId"), field("period"), field("currency"));
        let figures = ["pax8CostTotal", "expectedBilled", "actualBilled", "difference"]
            .map(|name| plain(parse_decimal(&row[name]).unwrap(), 2));
        match ours.remove(&key) {
            Some(found) if found == figures => {}
            found => wrong.push(format!("{key:?}: expected {figures:?}, found {found:?}")),
        }
    }
    wrong.extend(ours.into_iter().map(|(key, figures)| format!("{key:?}: not expected, found {figures:?}")));
    println!("{} keys, {} wrong", gold.len(), wrong.len());
    assert!(wrong.is_empty(), "{} of {} keys are wrong:\n{}", wrong.len(), gold.len(), wrong.join("\n"));
}

type Found = (String, String, String, String, String);

#[test]
fn discrepancies_of_the_reference_are_found_and_no_others() {
    let Some(directory) = data() else { return };
    let all = periods(&directory);
    check_discrepancies(&directory, &all, 98);
    // One month alone shows less, and what is new depends on the window.
    for period in all {
        check_discrepancies(&directory, &[period], 98);
    }
}

fn check_discrepancies(directory: &Path, periods: &[Period], percent: usize) {
    let (input, report) = run(directory, periods);
    let is_whole = periods.len() > 1;
    let age = |kind: String| if is_whole { kind } else { kind.replace("never_billed", "new_not_billed") };
    let mut ours: BTreeMap<Found, Vec<String>> = BTreeMap::new();
    for discrepancy in report.discrepancies.iter() {
        // A line that nothing explains has no type in the reference: finding one is as wrong as an invented type.
        if discrepancy.kind.is_observation() {
            continue;
        }
        let kind = discrepancy.kind.file_name();
        let customer = match discrepancy.customer {
            Some(KeyCustomer::Customer(customer)) => input.customer_id(customer).to_owned(),
            _ => String::new(),
        };
        let item = match discrepancy.item {
            KeyItem::Item(item) => input.item_id(item).to_owned(),
            KeyItem::Missing(product) => input.product_id(product).to_owned(),
        };
        let found = (age(kind), customer, item, discrepancy.period.to_string(), discrepancy.currency.to_string());
        let figures = format!("{} {}", plain(discrepancy.effect, 2), plain(discrepancy.cost_effect, 2));
        ours.entry(found).or_default().push(figures);
    }
    let mut gold: BTreeMap<Found, Vec<String>> = BTreeMap::new();
    for row in reader::csv(&directory.join("gold/discrepancies.csv")) {
        if !periods.contains(&Period::parse(&row["period"]).unwrap()) {
            continue;
        }
        let item = if row["psaProductId"].is_empty() { &row["pax8ProductId"] } else { &row["psaProductId"] };
        let found = (
            age(row["type"].clone()),
            row["psaCustomerId"].clone(),
            item.clone(),
            row["period"].clone(),
            row["currency"].clone(),
        );
        gold.entry(found).or_default().push(format!("{} {}", row["effect"], row["costEffect"]));
    }
    let mut score: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut differences = Vec::new();
    let keys: BTreeSet<&Found> = ours.keys().chain(gold.keys()).collect();
    for key in keys {
        let mut left = ours.get(key).cloned().unwrap_or_default();
        let mut right = gold.get(key).cloned().unwrap_or_default();
        left.sort();
        right.sort();
        let counts = score.entry(key.0.clone()).or_default();
        let both = left.len().min(right.len());
        counts[0] += both;
        counts[1] += left.len() - both;
        counts[2] += right.len() - both;
        if left != right {
            differences.push(format!("{key:?}: found {left:?}, expected {right:?}"));
        }
    }
    let total = score.values().fold([0; 3], |sum, row| [sum[0] + row[0], sum[1] + row[1], sum[2] + row[2]]);
    for (kind, [right, invented, missed]) in &score {
        println!("{kind:28} right {right:4}  invented {invented:3}  missed {missed:3}");
    }
    println!("{differences:#?}");
    let [right, invented, missed] = total;
    println!("all: right {right}, invented {invented}, missed {missed}");
    assert!(100 * right >= percent * (right + invented), "precision: {invented} of {} invented", right + invented);
    assert!(100 * right >= percent * (right + missed), "recall: {missed} of {} missed", right + missed);
}
