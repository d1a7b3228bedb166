//! Webhooks: where a provider tells us of changes, what it told, and which lists a run reads.

use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use crate::table::{ColumnSpec, Kind::*, TableSpec};

/// What it makes.
const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "webhook",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("account_id", Uuid),
            // REGISTERING until the provider knows it, then ACTIVE.
            ("status", Key),
            ("path_hash", Key),
            // Keyed hash of the header that the provider sends; the header itself is kept nowhere.
            ("authorization_mac", Text),
            // Without the secret part.
            ("url", Text),
            ("is_manual", Boolean),
            // The provider's id of it.
            ("external_id", OptionalText),
            ("topics", Text),
            ("unknown_topics", Text),
            // Lists to be read again, in words with commas; empty when nothing waits.
            ("wanted", Key),
            ("wanted_since", OptionalTimestamp),
            ("delivery_count", Big),
            ("last_delivered_at", OptionalTimestamp),
            ("created_at", Timestamp),
            ("version", Big),
        ],
        uniques: &[
            (&["path_hash"], None),
            (&["organization_id", "id"], None),
            (&["organization_id", "account_id", "status"], None),
        ],
        indexes: &[],
        references: &[
            (&["organization_id", "integration_id"], "integration", &["organization_id", "id"]),
            (&["organization_id", "account_id"], "provider_account", &["organization_id", "id"]),
        ],
        is_source: false,
    },
    TableSpec {
        name: "webhook_delivery",
        primary_key: &["organization_id", "webhook_id", "body_hash"],
        columns: &[
            ("organization_id", Uuid),
            ("webhook_id", Uuid),
            // Digest of the body: the provider gives its messages no ids.
            ("body_hash", Key),
            ("topic", Key),
            ("received_at", Timestamp),
            ("last_received_at", Timestamp),
            ("times", Big),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "webhook_id", "received_at"]],
        references: &[(&["organization_id", "webhook_id"], "webhook", &["organization_id", "id"])],
        is_source: false,
    },
];

/// Lists that a run reads, in words with commas; all of them where it is null.
const COLUMNS: &[ColumnSpec] = &[ColumnSpec { table: "sync_run", name: "datasets", kind: OptionalText, default: None }];

/// The change.
pub struct Webhooks;

impl MigrationName for Webhooks {
    fn name(&self) -> &str {
        "m20261127_000013_webhooks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Webhooks {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            table.create(manager).await?;
        }
        for column in COLUMNS {
            column.add(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(crate::forward_only())
    }
}
