//! The application that a person consented to for a provider account; its secret is sealed.

use sea_orm::entity::prelude::*;

/// The application that a person consented to for a provider account; its secret is sealed.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_authorization")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    pub application: String,
    pub application_secret: Option<String>,
    pub origin: String,
    pub addresses: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
