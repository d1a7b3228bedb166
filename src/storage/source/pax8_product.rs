//! A product in the Pax8 catalog.

use entity::pax8_product;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::Pax8Product;
use crate::storage::StorageError;
use crate::storage::search;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct Pax8ProductTable;

impl SourceTable for Pax8ProductTable {
    type Entity = pax8_product::Entity;
    type ActiveModel = pax8_product::ActiveModel;
    type Record = Pax8Product;
    const KIND: &'static str = "pax8_product";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(pax8_product)
    }

    fn active(common: &Common, record: &Pax8Product) -> pax8_product::ActiveModel {
        pax8_product::ActiveModel {
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
                record.sku.as_deref(),
                record.vendor_sku.as_deref(),
                record.vendor_name.as_deref(),
            ])),
            name: Set(record.name.clone()),
            vendor_name: Set(record.vendor_name.clone()),
            sku: Set(record.sku.clone()),
            vendor_sku: Set(record.vendor_sku.clone()),
            short_description: Set(record.short_description.clone()),
            requires_commitment: Set(record.requires_commitment),
        }
    }

    fn identity(model: &pax8_product::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: pax8_product::Model) -> Result<Pax8Product, StorageError> {
        Ok(Pax8Product {
            external_id: model.external_id.into(),
            name: model.name,
            vendor_name: model.vendor_name,
            sku: model.sku,
            vendor_sku: model.vendor_sku,
            short_description: model.short_description,
            requires_commitment: model.requires_commitment,
        })
    }
}
