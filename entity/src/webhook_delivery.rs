//! A message that came in over a webhook, known by the digest of its body, moment of sending included.

use sea_orm::entity::prelude::*;

/// A message that came in over a webhook.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub webhook_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub body_hash: String,
    pub topic: String,
    pub received_at: DateTimeUtc,
    pub last_received_at: DateTimeUtc,
    pub times: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
