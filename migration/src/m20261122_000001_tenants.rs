//! Organizations, tokens, integrations and provider accounts.

use sea_orm_migration::prelude::*;

use crate::table::{Kind::*, TableSpec};

/// This change.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "organization",
        primary_key: &["id"],
        columns: &[("id", Uuid), ("name", Key), ("created_at", Timestamp)],
        uniques: &[(&["name"], None)],
        indexes: &[],
        references: &[],
        is_source: false,
    },
    TableSpec {
        name: "api_token",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("name", Text),
            ("prefix", Text),
            ("hash", Key),
            ("roles", Text),
            ("created_at", Timestamp),
            ("expires_at", OptionalTimestamp),
            ("last_used_at", OptionalTimestamp),
            ("revoked_at", OptionalTimestamp),
        ],
        uniques: &[(&["hash"], None)],
        indexes: &[],
        references: &[(&["organization_id"], "organization", &["id"])],
        is_source: false,
    },
    TableSpec {
        name: "integration",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("name", Key),
            ("is_default", Boolean),
            ("setup_stage", Text),
            ("write_policy", Text),
            ("is_debug", Boolean),
            ("debug_until", OptionalTimestamp),
            ("schedule_cron", Text),
            ("schedule_time_zone", Text),
            ("is_schedule_enabled", Boolean),
            ("syncs_customers", Boolean),
            ("syncs_products", Boolean),
            ("mapping_floor", Integer),
            ("next_run_at", OptionalTimestamp),
            ("version", Big),
            ("created_at", Timestamp),
            ("completed_at", OptionalTimestamp),
            ("archived_at", OptionalTimestamp),
        ],
        uniques: &[
            (&["organization_id", "name"], Some("archived_at IS NULL")),
            (&["organization_id"], Some("is_default")),
            (&["organization_id", "id"], None),
        ],
        indexes: &[],
        references: &[(&["organization_id"], "organization", &["id"])],
        is_source: false,
    },
    TableSpec {
        name: "provider_account",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("side", Key),
            ("connector", OptionalText),
            ("status", Text),
            ("display_name", OptionalText),
            ("client_id", OptionalText),
            ("settings", Text),
            ("secret", OptionalText),
            ("time_zone", Text),
            ("failure_message", OptionalText),
            ("remarks", Text),
            ("connected_at", OptionalTimestamp),
            ("verified_at", OptionalTimestamp),
            ("version", Big),
            ("created_at", Timestamp),
            ("updated_at", Timestamp),
        ],
        uniques: &[(&["organization_id", "integration_id", "side"], None), (&["organization_id", "id"], None)],
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
