//! A rule that hides discrepancies until it expires.

use sea_orm::entity::prelude::*;

use crate::value::Micros;

/// A rule that hides discrepancies until it expires.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suppression_rule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub kinds: String,
    pub customer_external_id: Option<String>,
    pub psa_product_external_id: Option<String>,
    pub pax8_product_external_id: Option<String>,
    pub currency: Option<String>,
    pub largest_amount: Option<Micros>,
    pub owner: String,
    pub reason: String,
    pub expires_on: Date,
    pub created_by: String,
    pub created_at: DateTimeUtc,
    pub ended_by: Option<String>,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
