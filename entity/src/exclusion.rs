//! A record that is left out of worklists, with the reason.

use sea_orm::entity::prelude::*;

/// A record that is left out of worklists, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exclusion")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub record_kind: String,
    pub record_id: Uuid,
    pub reason: String,
    pub note: Option<String>,
    pub created_by: String,
    pub created_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub ended_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
