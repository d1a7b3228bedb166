//! `concord reconcile`: a report from files alone, the same bytes each time, and a status that scripts can go by.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use super::harness::{tiny_world, tiny_world_but};

fn concord(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_concord"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CONCORD_")) {
        command.env_remove(name);
    }
    // Nothing may be written to where it is started.
    let nowhere = tempfile::tempdir().expect("a folder");
    let output = command.current_dir(nowhere.path()).arg("reconcile").args(arguments).output().expect("it runs");
    assert_eq!(std::fs::read_dir(nowhere.path()).expect("the folder is there").count(), 0, "something was left behind");
    output
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).expect("the report was written");
    entries
        .map(|entry| {
            let entry = entry.expect("the report was written");
            let bytes = std::fs::read(entry.path()).expect("a file");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

#[test]
fn the_same_files_give_the_same_bytes_with_their_own_mappings_too() {
    let world = tiny_world();
    let out = tempfile::tempdir().expect("a folder");
    let (first, second, third) = (out.path().join("1"), out.path().join("2"), out.path().join("3"));
    for directory in [&first, &second] {
        let output = concord(&["--data", text(&world), "--period", "2026-09", "--out", text(directory)]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("3 of 4 companies"), "{}", said(&output));
    }
    let written = files(&first);
    assert_eq!(written, files(&second));
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    let expected = [
        "customer_mapping.csv",
        "discrepancies.csv",
        "observations.csv",
        "product_mapping.csv",
        "reconciliation.csv",
        "report.html",
        "report.json",
        "report.xlsx",
    ];
    assert_eq!(names, expected);
    // What the machine mapped can be given back, and then nothing rests on unconfirmed mappings any more.
    let given = ["--data", text(&world), "--mappings", text(&first), "--out", text(&third)];
    let output = concord(&given);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!said(&output).contains("nobody has confirmed"), "{}", said(&output));
    for name in ["reconciliation.csv", "discrepancies.csv"] {
        assert_eq!(files(&third)[name], written[name], "{name}");
    }
}

#[test]
fn a_clean_month_ends_with_success() {
    let world = tiny_world_but(
        "psa/invoices.jsonl",
        r#""quantity":15,"unitPrice":26.4,"amount":396"#,
        r#""quantity":17,"unitPrice":26.4,"amount":448.8"#,
    );
    let mappings = world.path().join("gold");
    let customers = mappings.join("customer_mapping.csv");
    let rows = std::fs::read_to_string(&customers).expect("the mappings are there");
    // The bakery is left out, because nothing is resold to it.
    let rows: Vec<String> = rows
        .lines()
        .map(|row| if row.contains("Cobalt") { row.replace(",yes", ",no") } else { row.to_owned() })
        .collect();
    std::fs::write(&customers, rows.join("\n")).expect("the copy can be written");
    let output = concord(&["--data", text(world.path()), "--mappings", text(&mappings)]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("everything was compared, and nothing is wrong"), "{}", said(&output));
}

#[test]
fn a_draft_gives_a_provisional_report_before_the_invoice_comes() {
    let item = r#"{"type":"subscription","companyId":"COMPANY","productId":"PRODUCT","subscriptionId":"SUBSCRIPTION","startPeriod":"2026-10-01","endPeriod":"2026-10-31","term":"Monthly","quantity":17,"cost":22.0,"costTotal":374.0,"amountDue":374.0,"subTotal":448.8,"currencyCode":"USD"}"#;
    let world = tiny_world_but("pax8/companies.jsonl", "Acme Dental LLC", "Acme Dental LLC");
    let items = world.path().join("pax8/invoice_items");
    let first = std::fs::read_dir(&items).expect("items").next().expect("an invoice").expect("a file").path();
    let line = std::fs::read_to_string(first).expect("lines");
    let line: serde_json::Value = serde_json::from_str(line.lines().next().expect("a line")).expect("JSON");
    let member = |name: &str| line[name].as_str().expect("an id").to_owned();
    let item = item
        .replace("COMPANY", &member("companyId"))
        .replace("PRODUCT", &member("productId"))
        .replace("SUBSCRIPTION", &member("subscriptionId"));
    std::fs::write(world.path().join("pax8/draft_items.jsonl"), item).expect("the copy can be written");
    let out = tempfile::tempdir().expect("a folder");
    let (data, mappings) = (world.path(), world.path().join("gold"));
    let arguments = ["--data", text(data), "--mappings", text(&mappings), "--period", "2026-10"];
    let output = concord(&[&arguments[..], &["--as-of", "2026-10-02", "--out", text(out.path())]].concat());
    let sentence = "2026-10 in USD is provisional: 1 line of drafts of Pax8, 374.00 USD, count until the invoice comes";
    assert!(said(&output).split_whitespace().collect::<Vec<_>>().join(" ").contains(sentence), "{}", said(&output));
    let written = files(out.path());
    let page = String::from_utf8(written["report.html"].clone()).expect("text");
    assert!(page.contains(sentence), "{page}");
    let json: serde_json::Value = serde_json::from_slice(&written["report.json"]).expect("JSON");
    assert_eq!(json["summary"]["provisional"][0]["amount"], "374");
    assert_eq!(json["keys"][0]["isProvisional"], true);
    assert_ne!(json["summary"]["verdict"], "CLEAN");
    // The months with invoices know nothing of it.
    let output = concord(&["--data", text(data), "--mappings", text(&mappings)]);
    assert!(!said(&output).contains("provisional"), "{}", said(&output));
}

#[test]
fn a_row_that_cannot_be_read_is_in_the_report_and_nothing_else_is_lost() {
    let world = tiny_world_but("pax8/companies.jsonl", "Acme Dental LLC", "Acme \\q Dental");
    let out = tempfile::tempdir().expect("a folder");
    let mappings = tiny_world().join("gold");
    let output = concord(&["--data", text(world.path()), "--mappings", text(&mappings), "--out", text(out.path())]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("row pax8/companies.jsonl:1: "), "{}", said(&output));
    let json = String::from_utf8(files(out.path()).remove("report.json").expect("a report")).expect("text");
    assert!(json.contains("pax8/companies.jsonl:1"), "{json}");
    let keys = String::from_utf8(files(out.path()).remove("reconciliation.csv").expect("a report")).expect("text");
    assert_eq!(keys.lines().count(), 7, "{keys}");
}

#[test]
fn a_month_without_anything_is_not_called_clean() {
    let output = concord(&["--data", text(&tiny_world()), "--period", "2025-01"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("nothing could be compared"), "{}", said(&output));
}

#[test]
fn what_makes_a_report_impossible_is_said_with_status_2() {
    let empty = tempfile::tempdir().expect("a folder");
    let rules = empty.path().join("rules.toml");
    let world = tiny_world();
    std::fs::write(&rules, "toleranceAbsolute = 0.05").expect("the folder can be written");
    for (arguments, expected) in [
        (vec!["--data", "/nowhere"], "is not a directory"),
        (vec!["--data", text(empty.path())], "has no folder"),
        (vec!["--data", text(&world), "--mappings", text(empty.path())], "has neither customer_mapping.csv nor"),
        (vec!["--data", text(&world), "--policy", text(&rules)], "write the value of `toleranceAbsolute` in quotation"),
        (vec!["--data", text(&world), "--period", "2026-13"], "is not a month such as 2026-09"),
        (vec!["--data", text(&world), "--period", "2026-10..2026-08"], "is before"),
        (vec!["--data", text(&world), "--as-of", "tomorrow"], "invalid value"),
    ] {
        let output = concord(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(expected), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn rules_come_from_a_file_and_are_named_in_the_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rules, out) = (folder.path().join("rules.toml"), folder.path().join("out"));
    std::fs::write(&rules, "toleranceAbsolute = \"60\"\nmissingInvoiceCountsFromDay = 20\n")
        .expect("it can be written");
    let arguments =
        ["--data", text(&tiny_world()), "--policy", text(&rules), "--as-of", "2026-09-30", "--out", text(&out)]
            .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = concord(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("Within tolerance"), "{}", said(&output));
    let json = String::from_utf8(files(&out).remove("report.json").expect("a report")).expect("text");
    assert!(json.contains(r#"{"name":"toleranceAbsolute","value":"60"}"#), "{json}");
    let page = String::from_utf8(files(&out).remove("report.html").expect("a page")).expect("text");
    assert!(page.contains("toleranceAbsolute: <strong>60</strong>"));
}
