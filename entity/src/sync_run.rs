//! One execution of a sync.

use sea_orm::entity::prelude::*;

/// One execution of a sync.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_run")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub status: String,
    pub phase: String,
    pub trigger: String,
    pub requested_by: Option<String>,
    pub checkpoint: String,
    pub datasets: Option<String>,
    pub counts: String,
    pub issue_count: i64,
    pub failure: Option<String>,
    pub is_cancel_requested: bool,
    pub created_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
