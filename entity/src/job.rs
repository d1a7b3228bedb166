//! A unit of durable work, claimed with a lease.

use sea_orm::entity::prelude::*;

/// A unit of durable work, claimed with a lease.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub kind: String,
    pub subject_id: Uuid,
    pub status: String,
    pub run_after: DateTimeUtc,
    pub claim: i64,
    pub lease_until: Option<DateTimeUtc>,
    pub worker: Option<String>,
    pub attempts: i32,
    pub failure: Option<String>,
    pub created_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
