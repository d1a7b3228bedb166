//! Mappings, candidates and exclusions.

use sea_orm_migration::prelude::*;

use crate::table::{Kind::*, TableSpec};

/// This change.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "mapping",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("kind", Key),
            ("pax8_record_id", Uuid),
            ("psa_record_id", Uuid),
            ("billing_term", Key),
            ("commitment_term", Key),
            ("customer_scope", Key),
            ("status", Key),
            ("origin", Text),
            ("confidence", OptionalInteger),
            ("evidence", OptionalText),
            ("factor", Text),
            ("role", Text),
            ("decided_by", OptionalText),
            ("decided_at", OptionalTimestamp),
            ("reason", OptionalText),
            ("version", Big),
            ("created_at", Timestamp),
            ("updated_at", Timestamp),
        ],
        uniques: &[
            (
                &[
                    "organization_id",
                    "integration_id",
                    "kind",
                    "pax8_record_id",
                    "billing_term",
                    "commitment_term",
                    "customer_scope",
                ],
                Some("status IN ('SUGGESTED','CONFIRMED')"),
            ),
            (
                &[
                    "organization_id",
                    "integration_id",
                    "kind",
                    "pax8_record_id",
                    "billing_term",
                    "commitment_term",
                    "customer_scope",
                    "psa_record_id",
                ],
                None,
            ),
        ],
        indexes: &[
            &["organization_id", "integration_id", "kind", "status", "confidence", "id"],
            &["organization_id", "integration_id", "kind", "psa_record_id"],
        ],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "mapping_candidate",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("kind", Key),
            ("pax8_record_id", Uuid),
            ("psa_record_id", Uuid),
            ("billing_term", Key),
            ("commitment_term", Key),
            ("position", Integer),
            ("confidence", Integer),
            ("evidence", Text),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "integration_id", "kind", "pax8_record_id", "position"]],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "exclusion",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("record_kind", Key),
            ("record_id", Uuid),
            ("reason", Text),
            ("note", OptionalText),
            ("created_by", Text),
            ("created_at", Timestamp),
            ("ended_at", OptionalTimestamp),
            ("ended_by", OptionalText),
        ],
        uniques: &[(&["organization_id", "integration_id", "record_kind", "record_id"], Some("ended_at IS NULL"))],
        indexes: &[],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            table.create(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(crate::forward_only())
    }
}
