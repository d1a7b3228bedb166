//! A company at Pax8.

use sea_orm::entity::prelude::*;

/// A company at Pax8.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "company")]
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
    pub status: Option<String>,
    pub street: Option<String>,
    pub street2: Option<String>,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub phone: Option<String>,
    pub website: Option<String>,
    pub partner_reference: Option<String>,
    pub is_billed_by_pax8: Option<bool>,
    pub is_self_service_allowed: Option<bool>,
    pub is_order_approval_required: Option<bool>,
    pub provider_updated_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
