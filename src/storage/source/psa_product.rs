//! An item in the PSA's catalog.

use entity::psa_product;
use entity::value::ExactDecimal;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Cost, Price, PsaProduct};
use crate::storage::StorageError;
use crate::storage::search;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct PsaProductTable;

impl SourceTable for PsaProductTable {
    type Entity = psa_product::Entity;
    type ActiveModel = psa_product::ActiveModel;
    type Record = PsaProduct;
    const KIND: &'static str = "psa_product";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(psa_product)
    }

    fn active(common: &Common, record: &PsaProduct) -> psa_product::ActiveModel {
        psa_product::ActiveModel {
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
            search_text: Set(search::folded([
                Some(record.name.as_str()),
                Some(record.external_id.as_str()),
                record.identifier.as_deref(),
                record.sku.as_deref(),
                record.vendor_sku.as_deref(),
            ])),
            name: Set(record.name.clone()),
            identifier: Set(record.identifier.clone()),
            vendor_name: Set(record.vendor_name.clone()),
            sku: Set(record.sku.clone()),
            vendor_sku: Set(record.vendor_sku.clone()),
            category: Set(record.category.clone()),
            unit_price: Set(record.unit_price.map(|price| ExactDecimal(price.0))),
            unit_cost: Set(record.unit_cost.map(|cost| ExactDecimal(cost.0))),
            currency: Set(record.currency.map(|currency| currency.to_string())),
            bill_cycle: Set(record.bill_cycle.as_ref().map(text::of_known)),
            markup_percent: Set(record.markup_percent.map(ExactDecimal)),
            is_active: Set(record.is_active),
            provider_updated_at: Set(record.updated_at),
        }
    }

    fn identity(model: &psa_product::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: psa_product::Model) -> Result<PsaProduct, StorageError> {
        Ok(PsaProduct {
            external_id: model.external_id.into(),
            name: model.name,
            identifier: model.identifier,
            vendor_name: model.vendor_name,
            sku: model.sku,
            vendor_sku: model.vendor_sku,
            category: model.category,
            unit_price: model.unit_price.map(|value| Price(value.0)),
            unit_cost: model.unit_cost.map(|value| Cost(value.0)),
            currency: text::currency(model.currency.as_deref())?,
            bill_cycle: model.bill_cycle.map(text::known),
            markup_percent: model.markup_percent.map(|value| value.0),
            is_active: model.is_active,
            updated_at: model.provider_updated_at,
        })
    }
}
