//! The head of an invoice at the PSA.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// The head of an invoice at the PSA.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "psa_invoice")]
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
    pub number: Option<String>,
    pub customer_external_id: String,
    pub invoice_date: Date,
    pub currency: Option<String>,
    pub total: Option<ExactDecimal>,
    pub status: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
