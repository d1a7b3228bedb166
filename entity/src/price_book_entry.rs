//! A dated price of an item, imported beside the PSA.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// A dated price of an item, imported beside the PSA.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "price_book_entry")]
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
    pub product_external_id: String,
    pub customer_external_id: Option<String>,
    pub price_currency: String,
    pub unit_price: ExactDecimal,
    pub effective_from: Option<Date>,
    pub effective_to: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
