//! A difference that somebody has to understand, over all its months.

use sea_orm::entity::prelude::*;

/// A difference that somebody has to understand, over all its months.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "discrepancy")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub kind: String,
    pub customer_external_id: Option<String>,
    pub company_external_id: Option<String>,
    pub psa_product_external_id: Option<String>,
    pub pax8_product_external_id: Option<String>,
    pub currency: String,
    pub subscription_external_id: Option<String>,
    pub agreement_line_external_id: Option<String>,
    pub status: String,
    pub first_period: String,
    pub last_period: String,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub assignee: Option<String>,
    pub due_on: Option<Date>,
    pub resolution: Option<String>,
    pub decision_scope: Option<String>,
    pub decision_until: Option<Date>,
    pub decision_reason: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
    pub decided_months: Option<String>,
    pub suppression_rule_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
