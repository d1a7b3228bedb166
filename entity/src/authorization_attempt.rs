//! A person on the way to the provider and back; the state that brings them back is kept as a hash.

use sea_orm::entity::prelude::*;

/// A person on the way to the provider and back; the state that brings them back is kept as a hash.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: String,
    pub organization_id: Uuid,
    pub account_id: Uuid,
    pub starter: String,
    pub connector: String,
    pub settings: String,
    pub secret: Option<String>,
    pub time_zone: String,
    pub application: String,
    pub application_secret: Option<String>,
    pub code_verifier: String,
    pub redirect_uri: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
