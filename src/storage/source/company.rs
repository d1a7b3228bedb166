//! A company at Pax8.

use entity::company;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Address, Company};
use crate::storage::StorageError;
use crate::storage::search;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct CompanyTable;

impl SourceTable for CompanyTable {
    type Entity = company::Entity;
    type ActiveModel = company::ActiveModel;
    type Record = Company;
    const KIND: &'static str = "company";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(company)
    }

    fn active(common: &Common, record: &Company) -> company::ActiveModel {
        company::ActiveModel {
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
                record.partner_reference.as_deref(),
                record.website.as_deref(),
            ])),
            name: Set(record.name.clone()),
            status: Set(record.status.as_ref().map(text::of_known)),
            street: Set(record.address.street.clone()),
            street2: Set(record.address.street2.clone()),
            city: Set(record.address.city.clone()),
            region: Set(record.address.region.clone()),
            postal_code: Set(record.address.postal_code.clone()),
            country: Set(record.address.country.clone()),
            phone: Set(record.phone.clone()),
            website: Set(record.website.clone()),
            partner_reference: Set(record.partner_reference.clone()),
            is_billed_by_pax8: Set(record.is_billed_by_pax8),
            is_self_service_allowed: Set(record.is_self_service_allowed),
            is_order_approval_required: Set(record.is_order_approval_required),
            provider_updated_at: Set(record.updated_at),
        }
    }

    fn identity(model: &company::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: company::Model) -> Result<Company, StorageError> {
        Ok(Company {
            external_id: model.external_id.into(),
            name: model.name,
            status: model.status.map(text::known),
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
            partner_reference: model.partner_reference,
            is_billed_by_pax8: model.is_billed_by_pax8,
            is_self_service_allowed: model.is_self_service_allowed,
            is_order_approval_required: model.is_order_approval_required,
            updated_at: model.provider_updated_at,
        })
    }
}
