//! What a run found otherwise than the run before it.

use sea_orm::entity::prelude::*;

use crate::value::Micros;

/// What a run found otherwise than the run before it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "run_change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    pub discrepancy_id: Uuid,
    pub change: String,
    pub effect_before: Option<Micros>,
    pub cost_effect_before: Option<Micros>,
    pub effect_after: Option<Micros>,
    pub cost_effect_after: Option<Micros>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
