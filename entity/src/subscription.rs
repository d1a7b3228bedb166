//! A subscription at Pax8 in its present state.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// A subscription at Pax8 in its present state.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription")]
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
    pub company_external_id: String,
    pub product_external_id: String,
    pub parent_external_id: Option<String>,
    pub quantity: Option<ExactDecimal>,
    pub start_date: Option<Date>,
    pub end_date: Option<Date>,
    pub provider_created_at: Option<DateTimeUtc>,
    pub provider_updated_at: Option<DateTimeUtc>,
    pub billing_start: Option<Date>,
    pub status: Option<String>,
    pub price: Option<ExactDecimal>,
    pub cost: Option<ExactDecimal>,
    pub currency: Option<String>,
    pub billing_term: Option<String>,
    pub commitment_term: Option<String>,
    pub commitment_end: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
