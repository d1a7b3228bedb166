//! A line of an invoice from Pax8.

use entity::value::ExactDecimal;
use entity::vendor_invoice_line;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{Cost, Price, VendorInvoiceLine};
use crate::storage::StorageError;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct VendorInvoiceLineTable;

impl SourceTable for VendorInvoiceLineTable {
    type Entity = vendor_invoice_line::Entity;
    type ActiveModel = vendor_invoice_line::ActiveModel;
    type Record = VendorInvoiceLine;
    const KIND: &'static str = "vendor_invoice_line";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(vendor_invoice_line)
    }

    fn active(common: &Common, record: &VendorInvoiceLine) -> vendor_invoice_line::ActiveModel {
        vendor_invoice_line::ActiveModel {
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
            kind: Set(text::of_known(&record.kind)),
            company_external_id: Set(record.company_external_id.as_ref().map(|id| id.as_str().to_owned())),
            company_name: Set(record.company_name.clone()),
            subscription_external_id: Set(record.subscription_external_id.as_ref().map(|id| id.as_str().to_owned())),
            product_external_id: Set(record.product_external_id.as_ref().map(|id| id.as_str().to_owned())),
            product_name: Set(record.product_name.clone()),
            sku: Set(record.sku.clone()),
            description: Set(record.description.clone()),
            period_start: Set(record.period_start),
            period_end: Set(record.period_end),
            term: Set(record.term.as_ref().map(text::of_known)),
            quantity: Set(record.quantity.map(ExactDecimal)),
            charge_type: Set(record.charge_type.as_ref().map(text::of_known)),
            price: Set(record.price.map(|price| ExactDecimal(price.0))),
            subtotal: Set(record.subtotal.map(|price| ExactDecimal(price.0))),
            cost: Set(record.cost.map(|cost| ExactDecimal(cost.0))),
            cost_total: Set(record.cost_total.map(|cost| ExactDecimal(cost.0))),
            amount_due: Set(record.amount_due.map(|cost| ExactDecimal(cost.0))),
            sales_tax: Set(record.sales_tax.map(|cost| ExactDecimal(cost.0))),
            currency: Set(record.currency.map(|currency| currency.to_string())),
            is_billed_by_pax8: Set(record.is_billed_by_pax8),
        }
    }

    fn identity(model: &vendor_invoice_line::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: vendor_invoice_line::Model) -> Result<VendorInvoiceLine, StorageError> {
        Ok(VendorInvoiceLine {
            external_id: model.external_id.into(),
            invoice_external_id: model.invoice_external_id.into(),
            kind: text::known(model.kind),
            company_external_id: model.company_external_id.map(Into::into),
            company_name: model.company_name,
            subscription_external_id: model.subscription_external_id.map(Into::into),
            product_external_id: model.product_external_id.map(Into::into),
            product_name: model.product_name,
            sku: model.sku,
            description: model.description,
            period_start: model.period_start,
            period_end: model.period_end,
            term: model.term.map(text::known),
            quantity: model.quantity.map(|value| value.0),
            charge_type: model.charge_type.map(text::known),
            price: model.price.map(|value| Price(value.0)),
            subtotal: model.subtotal.map(|value| Price(value.0)),
            cost: model.cost.map(|value| Cost(value.0)),
            cost_total: model.cost_total.map(|value| Cost(value.0)),
            amount_due: model.amount_due.map(|value| Cost(value.0)),
            sales_tax: model.sales_tax.map(|value| Cost(value.0)),
            currency: text::currency(model.currency.as_deref())?,
            is_billed_by_pax8: model.is_billed_by_pax8,
        })
    }
}
