//! One Pax8 account and one PSA account, joined.

use sea_orm::entity::prelude::*;

/// One Pax8 account and one PSA account, joined.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "integration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    pub is_default: bool,
    pub setup_stage: String,
    pub write_policy: String,
    pub is_debug: bool,
    pub debug_until: Option<DateTimeUtc>,
    pub schedule_cron: String,
    pub schedule_time_zone: String,
    pub is_schedule_enabled: bool,
    pub syncs_customers: bool,
    pub syncs_products: bool,
    pub mapping_floor: i32,
    pub next_run_at: Option<DateTimeUtc>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub completed_at: Option<DateTimeUtc>,
    pub archived_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
