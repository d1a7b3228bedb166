//! The head of an invoice at the PSA.

use entity::psa_invoice;
use entity::value::ExactDecimal;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Price, PsaInvoice};
use crate::storage::StorageError;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct PsaInvoiceTable;

impl SourceTable for PsaInvoiceTable {
    type Entity = psa_invoice::Entity;
    type ActiveModel = psa_invoice::ActiveModel;
    type Record = PsaInvoice;
    const KIND: &'static str = "psa_invoice";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(psa_invoice)
    }

    fn active(common: &Common, record: &PsaInvoice) -> psa_invoice::ActiveModel {
        psa_invoice::ActiveModel {
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
            number: Set(record.number.clone()),
            customer_external_id: Set(record.customer_external_id.as_str().to_owned()),
            invoice_date: Set(record.invoice_date),
            currency: Set(record.currency.map(|currency| currency.to_string())),
            total: Set(record.total.map(|price| ExactDecimal(price.0))),
            status: Set(record.status.as_ref().map(text::of_known)),
        }
    }

    fn identity(model: &psa_invoice::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: psa_invoice::Model) -> Result<PsaInvoice, StorageError> {
        Ok(PsaInvoice {
            external_id: model.external_id.into(),
            number: model.number,
            customer_external_id: model.customer_external_id.into(),
            invoice_date: model.invoice_date,
            currency: text::currency(model.currency.as_deref())?,
            total: model.total.map(|value| Price(value.0)),
            status: model.status.map(text::known),
        })
    }
}
