//! An item in the PSA's catalog.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// An item in the PSA's catalog.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "psa_product")]
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
    pub name: String,
    pub search_text: String,
    pub identifier: Option<String>,
    pub vendor_name: Option<String>,
    pub sku: Option<String>,
    pub vendor_sku: Option<String>,
    pub category: Option<String>,
    pub unit_price: Option<ExactDecimal>,
    pub unit_cost: Option<ExactDecimal>,
    pub currency: Option<String>,
    pub bill_cycle: Option<String>,
    pub markup_percent: Option<ExactDecimal>,
    pub is_active: bool,
    pub provider_updated_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
