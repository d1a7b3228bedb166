//! A price that Pax8 asks, for one term, commitment, currency and range of quantity.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// A price that Pax8 asks, for one term, commitment, currency and range of quantity.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vendor_price")]
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
    pub billing_term: Option<String>,
    pub commitment_term: Option<String>,
    pub currency: Option<String>,
    pub range_start: Option<ExactDecimal>,
    pub range_end: Option<ExactDecimal>,
    pub cost: Option<ExactDecimal>,
    pub suggested_price: Option<ExactDecimal>,
    pub charge_type: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
