//! A line of an invoice at the PSA.

use entity::psa_invoice_line;
use entity::value::ExactDecimal;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Price, PsaInvoiceLine};
use crate::storage::StorageError;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct PsaInvoiceLineTable;

impl SourceTable for PsaInvoiceLineTable {
    type Entity = psa_invoice_line::Entity;
    type ActiveModel = psa_invoice_line::ActiveModel;
    type Record = PsaInvoiceLine;
    const KIND: &'static str = "psa_invoice_line";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(psa_invoice_line)
    }

    fn active(common: &Common, record: &PsaInvoiceLine) -> psa_invoice_line::ActiveModel {
        psa_invoice_line::ActiveModel {
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
            invoice_external_id: Set(record.invoice_external_id.as_str().to_owned()),
            agreement_line_external_id: Set(record
                .agreement_line_external_id
                .as_ref()
                .map(|id| id.as_str().to_owned())),
            product_external_id: Set(record.product_external_id.as_ref().map(|id| id.as_str().to_owned())),
            description: Set(record.description.clone()),
            quantity: Set(record.quantity.map(ExactDecimal)),
            unit_price: Set(record.unit_price.map(|price| ExactDecimal(price.0))),
            amount: Set(record.amount.map(|price| ExactDecimal(price.0))),
            period_start: Set(record.period_start),
            period_end: Set(record.period_end),
        }
    }

    fn identity(model: &psa_invoice_line::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: psa_invoice_line::Model) -> Result<PsaInvoiceLine, StorageError> {
        Ok(PsaInvoiceLine {
            external_id: model.external_id.into(),
            invoice_external_id: model.invoice_external_id.into(),
            agreement_line_external_id: model.agreement_line_external_id.map(Into::into),
            product_external_id: model.product_external_id.map(Into::into),
            description: model.description,
            quantity: model.quantity.map(|value| value.0),
            unit_price: model.unit_price.map(|value| Price(value.0)),
            amount: model.amount.map(|value| Price(value.0)),
            period_start: model.period_start,
            period_end: model.period_end,
        })
    }
}
