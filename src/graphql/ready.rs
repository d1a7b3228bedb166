//! Operations that stand ready in GraphiQL and in the README; a test runs each of them through the schema.

use crate::http::ReadyOperation;

macro_rules! operations {
    ($($file:literal: $title:literal),* $(,)?) => {
        /// Every ready operation: title, document, and variables as JSON.
        pub const OPERATIONS: &[(&str, &str, &str)] = &[$((
            $title,
            include_str!(concat!("../../examples/operations/", $file, ".graphql")),
            include_str!(concat!("../../examples/operations/", $file, ".json")),
        )),*];
    };
}

operations! {
    "integrations": "Integrations",
    "create": "Create an integration",
    "connect": "Connect an account",
    "authorize": "Connect with a login",
    "sync": "Start a sync",
    "follow_sync": "Follow a sync",
    "review": "Review mappings",
    "confirm": "Confirm a mapping",
    "reconcile": "Start a reconciliation",
    "report": "Read the report",
    "why": "Why a number is what it is",
    "discrepancies": "Discrepancies",
    "resolve": "Settle a discrepancy",
    "close": "Close a month",
    "floor": "Try another floor",
    "audit": "Who changed what",
}

/// The operations for the page.
pub fn operations() -> Vec<ReadyOperation> {
    OPERATIONS
        .iter()
        .map(|(title, document, variables)| ReadyOperation {
            title: (*title).to_owned(),
            document: (*document).to_owned(),
            variables: (*variables).trim().to_owned(),
        })
        .collect()
}
