//! A record that a sync run had to leave out, or found odd.

use sea_orm::entity::prelude::*;

/// A record that a sync run had to leave out, or found odd.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_issue")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub sync_run_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub side: String,
    pub record_kind: String,
    pub external_id: Option<String>,
    pub location: Option<String>,
    pub message: String,
    pub is_rejected: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
