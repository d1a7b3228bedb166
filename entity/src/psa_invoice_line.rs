//! A line of an invoice at the PSA.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// A line of an invoice at the PSA.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "psa_invoice_line")]
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
    pub agreement_line_external_id: Option<String>,
    pub product_external_id: Option<String>,
    pub description: Option<String>,
    pub quantity: Option<ExactDecimal>,
    pub unit_price: Option<ExactDecimal>,
    pub amount: Option<ExactDecimal>,
    pub period_start: Option<Date>,
    pub period_end: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
