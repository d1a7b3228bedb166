//! The head of an invoice from Pax8.

use entity::value::ExactDecimal;
use entity::vendor_invoice;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::sea_query::Condition;

use super::{Common, SourceTable};
use crate::domain::record::{VendorInvoice, VendorInvoiceStatus};
use crate::storage::StorageError;
use crate::storage::text::{self, Word as _};

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct VendorInvoiceTable;

impl SourceTable for VendorInvoiceTable {
    type Entity = vendor_invoice::Entity;
    type ActiveModel = vendor_invoice::ActiveModel;
    type Record = VendorInvoice;
    const KIND: &'static str = "vendor_invoice";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(vendor_invoice)
    }

    fn active(common: &Common, record: &VendorInvoice) -> vendor_invoice::ActiveModel {
        vendor_invoice::ActiveModel {
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
            invoice_date: Set(record.invoice_date),
            due_date: Set(record.due_date),
            status: Set(record.status.as_ref().map(text::of_known)),
            total: Set(record.total.map(ExactDecimal)),
            balance: Set(record.balance.map(ExactDecimal)),
            carried_balance: Set(record.carried_balance.map(ExactDecimal)),
            currency: Set(record.currency.map(|currency| currency.to_string())),
            company_external_id: Set(record.company_external_id.as_ref().map(|id| id.as_str().to_owned())),
        }
    }

    /// Drafts are no part of the list of invoices.
    fn listed() -> Condition {
        let status = vendor_invoice::Column::Status;
        Condition::any().add(status.is_null()).add(status.ne(VendorInvoiceStatus::Draft.word()))
    }

    fn identity(model: &vendor_invoice::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: vendor_invoice::Model) -> Result<VendorInvoice, StorageError> {
        Ok(VendorInvoice {
            external_id: model.external_id.into(),
            invoice_date: model.invoice_date,
            due_date: model.due_date,
            status: model.status.map(text::known),
            total: model.total.map(|value| value.0),
            balance: model.balance.map(|value| value.0),
            carried_balance: model.carried_balance.map(|value| value.0),
            currency: text::currency(model.currency.as_deref())?,
            company_external_id: model.company_external_id.map(Into::into),
        })
    }
}
