//! A customer at the PSA.

use entity::customer;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Address, Customer};
use crate::storage::StorageError;
use crate::storage::search;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct CustomerTable;

impl SourceTable for CustomerTable {
    type Entity = customer::Entity;
    type ActiveModel = customer::ActiveModel;
    type Record = Customer;
    const KIND: &'static str = "customer";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(customer)
    }

    fn active(common: &Common, record: &Customer) -> customer::ActiveModel {
        customer::ActiveModel {
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
                record.account_number.as_deref(),
                record.website.as_deref(),
            ])),
            name: Set(record.name.clone()),
            identifier: Set(record.identifier.clone()),
            status: Set(record.status.as_ref().map(text::of_known)),
            kind: Set(record.kind.clone()),
            street: Set(record.address.street.clone()),
            street2: Set(record.address.street2.clone()),
            city: Set(record.address.city.clone()),
            region: Set(record.address.region.clone()),
            postal_code: Set(record.address.postal_code.clone()),
            country: Set(record.address.country.clone()),
            phone: Set(record.phone.clone()),
            website: Set(record.website.clone()),
            email: Set(record.email.clone()),
            account_number: Set(record.account_number.clone()),
            currency: Set(record.currency.map(|currency| currency.to_string())),
            parent_external_id: Set(record.parent_external_id.as_ref().map(|id| id.as_str().to_owned())),
            is_deleted: Set(record.is_deleted),
            provider_updated_at: Set(record.updated_at),
        }
    }

    fn identity(model: &customer::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: customer::Model) -> Result<Customer, StorageError> {
        Ok(Customer {
            external_id: model.external_id.into(),
            name: model.name,
            identifier: model.identifier,
            status: model.status.map(text::known),
            kind: model.kind,
            address: Address {
                street: model.street,
                street2: model.street2,
                city: model.city,
                region: model.region,
                postal_code: model.postal_code,
                country: model.country,
            },
            phone: model.phone,
            website: model.website,
            email: model.email,
            account_number: model.account_number,
            currency: text::currency(model.currency.as_deref())?,
            parent_external_id: model.parent_external_id.map(Into::into),
            is_deleted: model.is_deleted,
            updated_at: model.provider_updated_at,
        })
    }
}
