//! What the matching saw last, so that a changed record is matched alone.

use crate::table::{ColumnSpec, Kind::*, TableSpec};

/// What it makes.
pub const TABLES: &[TableSpec] = &[TableSpec {
    name: "matching_memory",
    primary_key: &["organization_id", "integration_id", "kind"],
    columns: &[
        ("organization_id", Uuid),
        ("integration_id", Uuid),
        ("kind", Key),
        // Digest of rules and policy.
        ("context", Text),
        // Sum of the versions of all mappings, which grows with every change.
        ("mapping_versions", Big),
        // Digest of what the decisions taught.
        ("lessons", Big),
        // Our id and a digest of every record on both sides.
        ("records", Blob),
        // Records that were matched alone since all were.
        ("matched_alone", Big),
    ],
    uniques: &[],
    indexes: &[],
    references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
    is_source: false,
}];

/// What mappings get besides.
pub const COLUMNS: &[ColumnSpec] =
    &[ColumnSpec { table: "mapping", name: "is_replaced", kind: Boolean, default: Some("FALSE") }];
