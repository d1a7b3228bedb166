//! Subscriptions at Pax8: a table of their present states, and one of every state they have been in.

use entity::value::ExactDecimal;
use entity::{subscription, subscription_revision};
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Cost, Price, Subscription};
use crate::storage::StorageError;
use crate::storage::text;

/// Both tables have the same columns; a revision has an id of its own besides the one of its subscription.
macro_rules! subscription_tables {
    ($($(#[$doc:meta])* $table:ident, $entity:ident, $kind:literal, $id:ident $(set $set:ident)?;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $table;

        impl SourceTable for $table {
            type Entity = $entity::Entity;
            type ActiveModel = $entity::ActiveModel;
            type Record = Subscription;
            const KIND: &'static str = $kind;

            fn columns() -> super::CommonColumns<Self::Entity> {
                super::common_columns!($entity)
            }

            fn active(common: &Common, record: &Subscription) -> $entity::ActiveModel {
                $entity::ActiveModel {
                    id: Set(common.id),
                    organization_id: Set(common.organization_id),
                    account_id: Set(common.account_id),
                    external_id: Set(common.external_id.clone()),
                    content_hash: Set(common.content_hash.clone()),
                    first_seen_run: Set(common.first_seen_run),
                    last_seen_run: Set(common.last_seen_run),
                    first_seen_at: Set(common.first_seen_at),
                    last_seen_at: Set(common.last_seen_at),
                    gone_at: Set(None),
                    $($set: Set(record.external_id.as_str().to_owned()),)?
                    company_external_id: Set(record.company_external_id.as_str().to_owned()),
                    product_external_id: Set(record.product_external_id.as_str().to_owned()),
                    parent_external_id: Set(record.parent_external_id.as_ref().map(|id| id.as_str().to_owned())),
                    quantity: Set(record.quantity.map(ExactDecimal)),
                    start_date: Set(record.start_date),
                    end_date: Set(record.end_date),
                    provider_created_at: Set(record.created_at),
                    provider_updated_at: Set(record.updated_at),
                    billing_start: Set(record.billing_start),
                    status: Set(record.status.as_ref().map(text::of_known)),
                    price: Set(record.price.map(|price| ExactDecimal(price.0))),
                    cost: Set(record.cost.map(|cost| ExactDecimal(cost.0))),
                    currency: Set(record.currency.map(|currency| currency.to_string())),
                    billing_term: Set(record.billing_term.as_ref().map(text::of_known)),
                    commitment_term: Set(record.commitment_term.clone()),
                    commitment_end: Set(record.commitment_end),
                }
            }

            fn identity(model: &$entity::Model) -> super::Identity {
                super::identity!(model)
            }

            fn record(model: $entity::Model) -> Result<Subscription, StorageError> {
                Ok(Subscription {
                    external_id: model.$id.into(),
                    company_external_id: model.company_external_id.into(),
                    product_external_id: model.product_external_id.into(),
                    parent_external_id: model.parent_external_id.map(Into::into),
                    quantity: model.quantity.map(|value| value.0),
                    start_date: model.start_date,
                    end_date: model.end_date,
                    created_at: model.provider_created_at,
                    updated_at: model.provider_updated_at,
                    billing_start: model.billing_start,
                    status: model.status.map(text::known),
                    price: model.price.map(|value| Price(value.0)),
                    cost: model.cost.map(|value| Cost(value.0)),
                    currency: text::currency(model.currency.as_deref())?,
                    billing_term: model.billing_term.map(text::known),
                    commitment_term: model.commitment_term,
                    commitment_end: model.commitment_end,
                })
            }
        }
    )*};
}

subscription_tables! {
    /// Subscriptions in their present state.
    SubscriptionTable, subscription, "subscription", external_id;
    /// States of subscriptions, present and past.
    SubscriptionRevisionTable, subscription_revision, "subscription_revision", subscription_external_id
        set subscription_external_id;
}
