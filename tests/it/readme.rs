//! What the README says about operations is what the program offers.

use concord::graphql::ready::OPERATIONS;

#[test]
fn every_ready_operation_stands_in_the_readme_as_it_is() {
    let readme = include_str!("../../README.md");
    for (title, document, _) in OPERATIONS {
        assert!(
            readme.contains(document.trim()),
            "the operation `{title}` differs between README.md and examples/operations; copy the file into the README"
        );
    }
}

/// The names of the functions in the tests of this repository.
fn functions() -> std::collections::BTreeSet<String> {
    fn add(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the folder lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                add(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source is text");
                let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
                found.extend(names.map(str::to_owned));
            }
        }
    }
    let mut found = std::collections::BTreeSet::new();
    for folder in ["src", "tests"] {
        add(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    found
}

#[test]
fn every_test_that_the_page_about_security_names_is_there() {
    let functions = functions();
    let page = include_str!("../../docs/security.md");
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #")) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().expect("a row has a last cell");
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test is named in: {row}");
        for name in names {
            assert!(functions.contains(name), "there is no test `{name}`: {row}");
            named += 1;
        }
    }
    assert!(named > 50, "the page was read");
}
