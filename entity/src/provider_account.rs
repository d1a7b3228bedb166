//! One side's connection; the secret is sealed.

use sea_orm::entity::prelude::*;

/// One side's connection; the secret is sealed.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub integration_id: Uuid,
    pub side: String,
    pub connector: Option<String>,
    pub status: String,
    pub display_name: Option<String>,
    pub client_id: Option<String>,
    pub settings: String,
    pub secret: Option<String>,
    pub secret_origin: Option<String>,
    pub secret_addresses: Option<String>,
    pub time_zone: String,
    pub failure_message: Option<String>,
    pub remarks: String,
    pub webhook_reminder: Option<String>,
    pub webhooks_left: String,
    pub consent_reminder: Option<String>,
    pub connected_at: Option<DateTimeUtc>,
    pub verified_at: Option<DateTimeUtc>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub method: String,
    pub application_id: Option<String>,
    pub granted_scopes: String,
    pub consent_ends_at: Option<DateTimeUtc>,
    pub authorizing_until: Option<DateTimeUtc>,
    pub failure: Option<String>,
    pub capabilities: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
