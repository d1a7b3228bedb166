//! The audit chain.

use crate::table::{Kind::*, TableSpec};

/// What it makes.
pub const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "audit_event",
        primary_key: &["organization_id", "sequence"],
        columns: &[
            ("organization_id", Uuid),
            ("sequence", Big),
            ("id", Uuid),
            ("occurred_at", Timestamp),
            ("actor_kind", Text),
            ("actor_id", OptionalText),
            ("actor_name", Text),
            ("action", Key),
            ("subject_kind", Text),
            ("subject_id", OptionalText),
            ("before", OptionalText),
            ("after", OptionalText),
            ("reason", OptionalText),
            ("correlation_id", Text),
            ("digest", Text),
            ("hash", Text),
            ("mac", Text),
        ],
        uniques: &[(&["organization_id", "id"], None)],
        indexes: &[],
        references: &[(&["organization_id"], "organization", &["id"])],
        is_source: false,
    },
    TableSpec {
        name: "audit_head",
        primary_key: &["organization_id"],
        columns: &[("organization_id", Uuid), ("sequence", Big), ("hash", Text)],
        uniques: &[],
        indexes: &[],
        references: &[(&["organization_id"], "organization", &["id"])],
        is_source: false,
    },
];
