//! Sums of a report over one customer, product, vendor, type or month.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// Sums of a report over one customer, product, vendor, type or month.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "report_total")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub report_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    pub dimension: String,
    pub subject: Option<String>,
    pub label: String,
    pub currency: String,
    pub keys: i64,
    pub incomplete_keys: i64,
    pub discrepancies: i64,
    pub cost: ExactDecimal,
    pub expected: ExactDecimal,
    pub billed: ExactDecimal,
    pub leakage: ExactDecimal,
    pub overbilling: ExactDecimal,
    pub cost_effect: ExactDecimal,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
