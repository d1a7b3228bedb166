//! A dated price of an item, imported beside the PSA.

use entity::price_book_entry;
use entity::value::ExactDecimal;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Price, PriceBookEntry};
use crate::storage::StorageError;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct PriceBookEntryTable;

impl SourceTable for PriceBookEntryTable {
    type Entity = price_book_entry::Entity;
    type ActiveModel = price_book_entry::ActiveModel;
    type Record = PriceBookEntry;
    const KIND: &'static str = "price_book_entry";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(price_book_entry)
    }

    fn active(common: &Common, record: &PriceBookEntry) -> price_book_entry::ActiveModel {
        price_book_entry::ActiveModel {
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
            customer_external_id: Set(record.customer_external_id.as_ref().map(|id| id.as_str().to_owned())),
            price_currency: Set(record.currency.to_string()),
            unit_price: Set(ExactDecimal(record.unit_price.0)),
            effective_from: Set(record.effective_from),
            effective_to: Set(record.effective_to),
        }
    }

    fn identity(model: &price_book_entry::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: price_book_entry::Model) -> Result<PriceBookEntry, StorageError> {
        Ok(PriceBookEntry {
            product_external_id: model.product_external_id.into(),
            customer_external_id: model.customer_external_id.map(Into::into),
            currency: text::required_currency(&model.price_currency)?,
            unit_price: Price(model.unit_price.0),
            effective_from: model.effective_from,
            effective_to: model.effective_to,
        })
    }
}
