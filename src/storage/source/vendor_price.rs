//! A price that Pax8 asks, for one term, commitment, currency and range of quantity.

use entity::value::ExactDecimal;
use entity::vendor_price;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Cost, Price, VendorPrice};
use crate::storage::StorageError;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct VendorPriceTable;

impl SourceTable for VendorPriceTable {
    type Entity = vendor_price::Entity;
    type ActiveModel = vendor_price::ActiveModel;
    type Record = VendorPrice;
    const KIND: &'static str = "vendor_price";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(vendor_price)
    }

    fn active(common: &Common, record: &VendorPrice) -> vendor_price::ActiveModel {
        vendor_price::ActiveModel {
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
            product_external_id: Set(record.product_external_id.as_str().to_owned()),
            billing_term: Set(record.billing_term.as_ref().map(text::of_known)),
            commitment_term: Set(record.commitment_term.clone()),
            currency: Set(record.currency.map(|currency| currency.to_string())),
            range_start: Set(record.range_start.map(ExactDecimal)),
            range_end: Set(record.range_end.map(ExactDecimal)),
            cost: Set(record.cost.map(|cost| ExactDecimal(cost.0))),
            suggested_price: Set(record.suggested_price.map(|price| ExactDecimal(price.0))),
            charge_type: Set(record.charge_type.as_ref().map(text::of_known)),
        }
    }

    fn identity(model: &vendor_price::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: vendor_price::Model) -> Result<VendorPrice, StorageError> {
        Ok(VendorPrice {
            product_external_id: model.product_external_id.into(),
            billing_term: model.billing_term.map(text::known),
            commitment_term: model.commitment_term,
            currency: text::currency(model.currency.as_deref())?,
            range_start: model.range_start.map(|value| value.0),
            range_end: model.range_end.map(|value| value.0),
            cost: model.cost.map(|value| Cost(value.0)),
            suggested_price: model.suggested_price.map(|value| Price(value.0)),
            charge_type: model.charge_type.map(text::known),
        })
    }
}
