//! The head of an invoice from Pax8.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// The head of an invoice from Pax8.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vendor_invoice")]
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
    pub invoice_date: Date,
    pub due_date: Option<Date>,
    pub status: Option<String>,
    pub total: Option<ExactDecimal>,
    pub balance: Option<ExactDecimal>,
    pub carried_balance: Option<ExactDecimal>,
    pub currency: Option<String>,
    pub company_external_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
