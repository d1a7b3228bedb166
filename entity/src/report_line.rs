//! One key of a report: customer, item, period and currency.

use sea_orm::entity::prelude::*;

use crate::value::{ExactDecimal, Micros};

/// One key of a report: customer, item, period and currency.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "report_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub report_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    pub period: String,
    pub currency: String,
    pub customer_external_id: Option<String>,
    pub company_external_ids: String,
    pub psa_product_external_id: Option<String>,
    pub pax8_product_external_ids: String,
    pub class: String,
    pub class_reason: Option<String>,
    pub cost: Option<Micros>,
    pub expected: Option<Micros>,
    pub billed: Option<Micros>,
    pub difference: Option<Micros>,
    pub magnitude: Micros,
    pub margin: Option<Micros>,
    pub subscribed_quantity: Option<ExactDecimal>,
    pub charged_quantity: Option<ExactDecimal>,
    pub billed_quantity: Option<ExactDecimal>,
    pub is_on_suggested_mapping: bool,
    pub sources: String,
    pub is_provisional: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
