//! Lists that were refused wait apart from the others.

use crate::table::{ColumnSpec, Kind::*};

/// What webhooks get besides.
pub const COLUMNS: &[ColumnSpec] =
    // Lists that could not be read: tried again at `retry_at`.
    &[ColumnSpec { table: "webhook", name: "put_off", kind: Key, default: Some("''") }];
