//! One version of a record as a provider sent it.

use sea_orm::entity::prelude::*;

/// One version of a record as a provider sent it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "record_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub account_id: Uuid,
    pub kind: String,
    pub record_id: Uuid,
    pub external_id: String,
    pub content_hash: String,
    pub raw: String,
    pub observed_from: DateTimeUtc,
    pub observed_to: Option<DateTimeUtc>,
    pub first_run_id: Option<Uuid>,
    pub last_run_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
