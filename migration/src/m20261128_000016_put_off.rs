//! Lists that could not be read wait apart from the others, each for as long as it has failed.

use crate::table::{ColumnSpec, Kind::*};

/// What webhooks get besides.
pub const COLUMNS: &[ColumnSpec] =
    // As JSON: the lists with their failures and the moments when they are tried again, of which `retry_at` is the first.
    &[ColumnSpec { table: "webhook", name: "put_off", kind: Text, default: Some("'[]'") }];

/// What waited after a failure is tried at once.
pub const STATEMENTS: &[&str] =
    &["UPDATE webhook SET retry_at = NULL", "ALTER TABLE webhook DROP COLUMN failure_count"];
