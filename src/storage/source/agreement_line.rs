//! A recurring line of an agreement at the PSA.

use entity::agreement_line;
use entity::value::ExactDecimal;
use sea_orm::ActiveValue::Set;

use super::{Common, SourceTable};
use crate::domain::record::{AgreementLine, Cost, Price};
use crate::storage::StorageError;
use crate::storage::text;

/// The table of these records.
#[derive(Debug, Clone, Copy)]
pub struct AgreementLineTable;

impl SourceTable for AgreementLineTable {
    type Entity = agreement_line::Entity;
    type ActiveModel = agreement_line::ActiveModel;
    type Record = AgreementLine;
    const KIND: &'static str = "agreement_line";

    fn columns() -> super::CommonColumns<Self::Entity> {
        super::common_columns!(agreement_line)
    }

    fn active(common: &Common, record: &AgreementLine) -> agreement_line::ActiveModel {
        agreement_line::ActiveModel {
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
            agreement_external_id: Set(record.agreement_external_id.as_str().to_owned()),
            agreement_name: Set(record.agreement_name.clone()),
            customer_external_id: Set(record.customer_external_id.as_str().to_owned()),
            product_external_id: Set(record.product_external_id.as_ref().map(|id| id.as_str().to_owned())),
            description: Set(record.description.clone()),
            quantity: Set(record.quantity.map(ExactDecimal)),
            included_quantity: Set(record.included_quantity.map(ExactDecimal)),
            unit_price: Set(record.unit_price.map(|price| ExactDecimal(price.0))),
            unit_cost: Set(record.unit_cost.map(|cost| ExactDecimal(cost.0))),
            currency: Set(record.currency.map(|currency| currency.to_string())),
            bill_cycle: Set(record.bill_cycle.as_ref().map(text::of_known)),
            bills_in_arrears: Set(record.bills_in_arrears),
            is_billable: Set(record.is_billable),
            effective_from: Set(record.effective_from),
            effective_to: Set(record.effective_to),
        }
    }

    fn identity(model: &agreement_line::Model) -> super::Identity {
        super::identity!(model)
    }

    fn record(model: agreement_line::Model) -> Result<AgreementLine, StorageError> {
        Ok(AgreementLine {
            external_id: model.external_id.into(),
            agreement_external_id: model.agreement_external_id.into(),
            agreement_name: model.agreement_name,
            customer_external_id: model.customer_external_id.into(),
            product_external_id: model.product_external_id.map(Into::into),
            description: model.description,
            quantity: model.quantity.map(|value| value.0),
            included_quantity: model.included_quantity.map(|value| value.0),
            unit_price: model.unit_price.map(|value| Price(value.0)),
            unit_cost: model.unit_cost.map(|value| Cost(value.0)),
            currency: text::currency(model.currency.as_deref())?,
            bill_cycle: model.bill_cycle.map(text::known),
            bills_in_arrears: model.bills_in_arrears,
            is_billable: model.is_billable,
            effective_from: model.effective_from,
            effective_to: model.effective_to,
        })
    }
}
