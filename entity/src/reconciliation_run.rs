//! One execution of a reconciliation.

use sea_orm::entity::prelude::*;

/// One execution of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation_run")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub status: String,
    pub period_from: String,
    pub period_to: String,
    pub as_of: Date,
    pub phase: String,
    pub report_id: Option<Uuid>,
    pub requested_by: Option<String>,
    pub failure: Option<String>,
    pub is_cancel_requested: bool,
    pub created_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
    pub policy_version: Option<i64>,
    pub previous_report_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
