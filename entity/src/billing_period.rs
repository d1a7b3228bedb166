//! A month of an integration: the report that speaks for it, and whether it is closed.

use sea_orm::entity::prelude::*;

/// A month of an integration: the report that speaks for it, and whether it is closed.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "billing_period")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub integration_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: String,
    pub report_id: Option<Uuid>,
    pub status: String,
    pub requested_by: Option<String>,
    pub requested_by_id: Option<Uuid>,
    pub requested_by_user: Option<String>,
    pub requested_at: Option<DateTimeUtc>,
    pub request_reason: Option<String>,
    pub closed_by: Option<String>,
    pub closed_at: Option<DateTimeUtc>,
    pub close_reason: Option<String>,
    pub unsettled: Option<i32>,
    pub is_single_handed: bool,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
