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
