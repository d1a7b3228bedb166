//! Jobs, sync runs and the events of runs.

use sea_orm_migration::prelude::*;

use crate::table::{Kind::*, TableSpec};

/// This change.
#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "job",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("kind", Key),
            ("subject_id", Uuid),
            ("status", Key),
            ("run_after", Timestamp),
            ("claim", Big),
            ("lease_until", OptionalTimestamp),
            ("worker", OptionalText),
            ("attempts", Integer),
            ("failure", OptionalText),
            ("created_at", Timestamp),
            ("finished_at", OptionalTimestamp),
        ],
        uniques: &[],
        indexes: &[&["status", "run_after", "id"]],
        references: &[(&["organization_id"], "organization", &["id"])],
        is_source: false,
    },
    TableSpec {
        name: "sync_run",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("status", Key),
            ("phase", Text),
            ("trigger", Text),
            ("requested_by", OptionalText),
            ("checkpoint", Text),
            ("counts", Text),
            ("issue_count", Big),
            ("failure", OptionalText),
            ("is_cancel_requested", Boolean),
            ("created_at", Timestamp),
            ("started_at", OptionalTimestamp),
            ("finished_at", OptionalTimestamp),
        ],
        uniques: &[
            (&["organization_id", "integration_id"], Some("status IN ('QUEUED','RUNNING')")),
            (&["organization_id", "id"], None),
        ],
        indexes: &[&["organization_id", "integration_id", "created_at", "id"]],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "sync_issue",
        primary_key: &["organization_id", "sync_run_id", "position"],
        columns: &[
            ("organization_id", Uuid),
            ("sync_run_id", Uuid),
            ("position", Big),
            ("side", Text),
            ("record_kind", Text),
            ("external_id", OptionalText),
            ("location", OptionalText),
            ("message", Text),
            ("is_rejected", Boolean),
        ],
        uniques: &[],
        indexes: &[],
        references: &[(&["organization_id", "sync_run_id"], "sync_run", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "event_stream",
        primary_key: &["organization_id", "id"],
        columns: &[("id", Uuid), ("organization_id", Uuid), ("last_sequence", Big)],
        uniques: &[],
        indexes: &[],
        references: &[(&["organization_id"], "organization", &["id"])],
        is_source: false,
    },
    TableSpec {
        name: "event",
        primary_key: &["organization_id", "stream_id", "sequence"],
        columns: &[
            ("organization_id", Uuid),
            ("stream_id", Uuid),
            ("sequence", Big),
            ("occurred_at", Timestamp),
            ("kind", Text),
            ("payload", Text),
        ],
        uniques: &[],
        indexes: &[],
        references: &[(&["organization_id", "stream_id"], "event_stream", &["organization_id", "id"])],
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
