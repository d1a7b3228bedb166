//! A subscription at Pax8 in its present state.

use entity::subscription;
use entity::value::ExactDecimal;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Cost, Price, Subscription};
use crate::storage::StorageError;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionTable;

impl SourceTable for SubscriptionTable {
    type Entity = subscription::Entity;
    type ActiveModel = subscription::ActiveModel;
    type Record = Subscription;
    const KIND: &'static str = "subscription";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(subscription)
    }

    fn active(common: &Common, record: &Subscription) -> subscription::ActiveModel {
        subscription::ActiveModel {
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

    fn identity(model: &subscription::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: subscription::Model) -> Result<Subscription, StorageError> {
        Ok(Subscription {
            external_id: model.external_id.into(),
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
