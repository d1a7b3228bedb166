//! Reconciliation runs, reports and discrepancies.

use sea_orm_migration::prelude::*;

use crate::table::{Kind::*, TableSpec};

/// This change.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "reconciliation_run",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("status", Key),
            ("period_from", Key),
            ("period_to", Key),
            ("as_of", Date),
            ("phase", Key),
            ("report_id", OptionalUuid),
            ("requested_by", OptionalText),
            ("failure", OptionalText),
            ("is_cancel_requested", Boolean),
            ("created_at", Timestamp),
            ("started_at", OptionalTimestamp),
            ("finished_at", OptionalTimestamp),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "integration_id", "created_at", "id"]],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "report",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            // The run whose rows these are; an equal report of a later run is this one.
            ("run_id", Uuid),
            // Rows are written in many transactions; nobody sees the report before the last of them.
            ("is_complete", Boolean),
            ("period_from", Key),
            ("period_to", Key),
            ("as_of", Date),
            ("fingerprint", Key),
            ("engine_version", Text),
            ("verdict", Key),
            ("summary", Text),
            ("document", Blob),
            ("read_at", Timestamp),
            ("created_at", Timestamp),
        ],
        uniques: &[
            (&["organization_id", "integration_id", "fingerprint"], Some("is_complete")),
            (&["organization_id", "run_id"], None),
            (&["organization_id", "id"], None),
        ],
        indexes: &[&["organization_id", "integration_id", "created_at", "id"]],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "report_line",
        primary_key: &["organization_id", "report_id", "position"],
        columns: &[
            ("organization_id", Uuid),
            ("report_id", Uuid),
            ("position", Integer),
            ("period", Key),
            ("currency", Key),
            ("customer_external_id", OptionalKey),
            ("company_external_ids", Text),
            ("psa_product_external_id", OptionalKey),
            ("pax8_product_external_ids", Text),
            ("class", Key),
            ("class_reason", OptionalText),
            ("cost", OptionalBig),
            ("expected", OptionalBig),
            ("billed", OptionalBig),
            ("difference", OptionalBig),
            ("magnitude", Big),
            ("margin", OptionalBig),
            ("subscribed_quantity", OptionalText),
            ("charged_quantity", OptionalText),
            ("billed_quantity", OptionalText),
            ("is_on_suggested_mapping", Boolean),
            ("sources", Text),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "report_id", "magnitude", "position"]],
        references: &[(&["organization_id", "report_id"], "report", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "discrepancy",
        primary_key: &["organization_id", "id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("kind", Key),
            ("customer_external_id", OptionalKey),
            ("company_external_id", OptionalKey),
            ("psa_product_external_id", OptionalKey),
            ("pax8_product_external_id", OptionalKey),
            ("currency", Key),
            ("subscription_external_id", OptionalKey),
            ("agreement_line_external_id", OptionalKey),
            ("status", Key),
            ("first_period", Key),
            ("last_period", Key),
            ("version", Big),
            ("created_at", Timestamp),
            ("updated_at", Timestamp),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "integration_id", "last_period", "id"]],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "discrepancy_occurrence",
        primary_key: &["organization_id", "report_id", "position"],
        columns: &[
            ("organization_id", Uuid),
            ("report_id", Uuid),
            ("position", Integer),
            ("discrepancy_id", Uuid),
            ("report_line_position", OptionalInteger),
            ("period", Key),
            ("severity", Integer),
            ("expected_quantity", OptionalText),
            ("actual_quantity", OptionalText),
            ("expected", Big),
            ("actual", Big),
            ("effect", Big),
            ("effect_size", Big),
            ("cost_effect", Big),
            ("magnitude", Big),
            ("sentence", Text),
            ("cost_sentence", OptionalText),
            ("pair", OptionalInteger),
            ("is_on_suggested_mapping", Boolean),
            ("sources", Text),
        ],
        uniques: &[],
        indexes: &[
            &["organization_id", "report_id", "magnitude", "position"],
            &["organization_id", "report_id", "effect_size", "position"],
            &["organization_id", "discrepancy_id", "period"],
        ],
        references: &[
            (&["organization_id", "report_id"], "report", &["organization_id", "id"]),
            (&["organization_id", "discrepancy_id"], "discrepancy", &["organization_id", "id"]),
        ],
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
