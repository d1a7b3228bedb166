//! A possible partner of a Pax8 record, below the floor.

use sea_orm::entity::prelude::*;

/// A possible partner of a Pax8 record, below the floor.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapping_candidate")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub kind: String,
    pub pax8_record_id: Uuid,
    pub psa_record_id: Uuid,
    pub billing_term: String,
    pub commitment_term: String,
    pub position: i32,
    pub confidence: i32,
    pub evidence: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
