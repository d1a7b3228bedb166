//! Where a provider tells us of changes; its secrets are kept as hashes alone.

use sea_orm::entity::prelude::*;

/// Where a provider tells us of changes.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub account_id: Uuid,
    pub status: String,
    pub path_hash: String,
    pub authorization_mac: String,
    pub url: String,
    pub is_manual: bool,
    pub external_id: Option<String>,
    pub topics: String,
    pub unknown_topics: String,
    pub wanted: String,
    pub wanted_since: Option<DateTimeUtc>,
    pub reading: String,
    pub put_off: String,
    pub retry_at: Option<DateTimeUtc>,
    pub delivery_count: i64,
    pub last_delivered_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
