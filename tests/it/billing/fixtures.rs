//! Every type of discrepancy and everything that only looks like one, as text under `tests/fixtures/billing`.
//!
//! `CONCORD_WRITE_FIXTURES=1` writes what the engine says below the line of each file; read it before it is kept.

use std::path::Path;
use std::{env, fs};

use concord::domain::discrepancy::{DiscrepancyType, Severity};
use concord::engine::billing::reconcile;

use super::case::{Case, render};

const SEPARATOR: &str = "---\n";

fn parts(path: &Path) -> (String, String) {
    let content = fs::read_to_string(path).unwrap();
    let (statements, expected) = content.split_once(SEPARATOR).unwrap_or((&content, ""));
    (statements.to_owned(), expected.to_owned())
}

fn check(path: &Path) {
    let (statements, expected) = parts(path);
    let case = Case::read(&statements);
    let policy = case.policy.clone();
    let input = case.input();
    let report = reconcile(&input, &policy).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let found = render(&input, &report);
    for discrepancy in &report.discrepancies {
        let (severity, by_effect) = (discrepancy.severity, discrepancy.effect_severity);
        if discrepancy.cost_effect.is_zero() {
            assert_eq!(by_effect, severity, "{}: cost plays no part", path.display());
        }
        if discrepancy.effect.is_zero() {
            assert_eq!(by_effect, Severity::Info, "{}: cost alone is at stake", path.display());
        }
    }
    if env::var_os("CONCORD_WRITE_FIXTURES").is_some() {
        fs::write(path, format!("{statements}{SEPARATOR}{found}")).unwrap();
    } else {
        assert_eq!(found, expected, "{}", path.display());
    }
}

fn all() -> Vec<std::path::PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/billing");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn cases_come_out_as_written() {
    let paths = all();
    assert!(paths.len() > 20, "only {} cases were found", paths.len());
    for path in paths {
        check(&path);
    }
}

#[test]
fn every_type_has_a_case() {
    let expected: String = all().iter().map(|path| parts(path).1).collect();
    for kind in DiscrepancyType::ALL {
        assert!(expected.contains(&format!(" {kind} ")), "no case shows {kind}");
    }
}
