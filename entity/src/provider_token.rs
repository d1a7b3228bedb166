//! The tokens that a provider account acts with, sealed, and who renews them.

use sea_orm::entity::prelude::*;

/// The tokens that a provider account acts with, sealed, and who renews them.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub method: String,
    pub origin: String,
    pub tokens: Option<String>,
    pub number: i64,
    pub issued_at: Option<DateTimeUtc>,
    pub access_expires_at: Option<DateTimeUtc>,
    pub lease_holder: Option<String>,
    pub lease_until: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
