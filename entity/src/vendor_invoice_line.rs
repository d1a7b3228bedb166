//! A line of an invoice from Pax8.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// A line of an invoice from Pax8.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vendor_invoice_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub account_id: Uuid,
    pub external_id: String,
    pub content_hash: String,
    pub first_seen_run: Option<Uuid>,
    pub last_seen_run: Option<Uuid>,
    pub first_seen_at: DateTimeUtc,
    pub last_seen_at: DateTimeUtc,
    pub gone_at: Option<DateTimeUtc>,
    pub invoice_external_id: String,
    pub kind: String,
    pub company_external_id: Option<String>,
    pub company_name: Option<String>,
    pub subscription_external_id: Option<String>,
    pub product_external_id: Option<String>,
    pub product_name: Option<String>,
    pub sku: Option<String>,
    pub description: Option<String>,
    pub period_start: Option<Date>,
    pub period_end: Option<Date>,
    pub term: Option<String>,
    pub quantity: Option<ExactDecimal>,
    pub charge_type: Option<String>,
    pub price: Option<ExactDecimal>,
    pub subtotal: Option<ExactDecimal>,
    pub cost: Option<ExactDecimal>,
    pub cost_total: Option<ExactDecimal>,
    pub amount_due: Option<ExactDecimal>,
    pub sales_tax: Option<ExactDecimal>,
    pub currency: Option<String>,
    pub is_billed_by_pax8: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
