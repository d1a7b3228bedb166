//! The statement that a Pax8 record and a PSA record are the same, and who decided it.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// The statement that a Pax8 record and a PSA record are the same, and who decided it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapping")]
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
    pub customer_scope: String,
    pub status: String,
    pub origin: String,
    pub confidence: Option<i32>,
    pub evidence: Option<String>,
    pub is_replaced: bool,
    pub factor: ExactDecimal,
    pub role: String,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
    pub reason: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
