//! A stored, immutable reconciliation report.

use sea_orm::entity::prelude::*;

/// A stored, immutable reconciliation report.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "report")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub run_id: Uuid,
    pub is_complete: bool,
    pub period_from: String,
    pub period_to: String,
    pub as_of: Date,
    pub fingerprint: String,
    pub engine_version: String,
    pub verdict: String,
    pub summary: String,
    pub document: Vec<u8>,
    pub read_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub policy_version: Option<i64>,
    pub is_provisional: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
