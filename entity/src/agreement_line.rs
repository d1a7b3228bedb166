//! A recurring line of an agreement at the PSA.

use sea_orm::entity::prelude::*;

use crate::value::ExactDecimal;

/// A recurring line of an agreement at the PSA.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agreement_line")]
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
    pub agreement_external_id: String,
    pub agreement_name: Option<String>,
    pub customer_external_id: String,
    pub product_external_id: Option<String>,
    pub description: Option<String>,
    pub quantity: Option<ExactDecimal>,
    pub included_quantity: Option<ExactDecimal>,
    pub unit_price: Option<ExactDecimal>,
    pub unit_cost: Option<ExactDecimal>,
    pub currency: Option<String>,
    pub bill_cycle: Option<String>,
    pub bills_in_arrears: bool,
    pub is_billable: bool,
    pub effective_from: Option<Date>,
    pub effective_to: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
