//! A company at Pax8.

use async_graphql::{Context, Enum};

use super::candidate::{CustomerMappingCandidate, customers_for};
use super::mapping::{CustomerMappingObject, of_pax8};
use super::record::{PostalAddress, RecordArguments, record_object, records};
use crate::domain::integration::Integration;
use crate::domain::provider::Side;
use crate::domain::record::{Company, CompanyStatus, Known};
use crate::graphql::error::Failure;
use crate::graphql::page::page_types;
use crate::storage::source::company::CompanyTable;

/// State of a company at Pax8. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Pax8CompanyStatus {
    /// May order.
    Active,
    /// Lacks contacts; may not order.
    Inactive,
    /// Deleted at Pax8.
    Deleted,
    /// Pax8 reported a state that this API does not know yet.
    Unrecognized,
}

impl From<&Known<CompanyStatus>> for Pax8CompanyStatus {
    fn from(status: &Known<CompanyStatus>) -> Self {
        match status {
            Known::Known(CompanyStatus::Active) => Self::Active,
            Known::Known(CompanyStatus::Inactive) => Self::Inactive,
            Known::Known(CompanyStatus::Deleted) => Self::Deleted,
            Known::Unrecognized(_) => Self::Unrecognized,
        }
    }
}

record_object! {
    /// A company at Pax8: a customer of the partner.
    Pax8CompanyObject(Company), "Pax8Company", Pax8Company, Pax8, {
        /// State of the company at Pax8; null when Pax8 did not say.
        async fn status(&self) -> Option<Pax8CompanyStatus> {
            self.0.record.status.as_ref().map(Into::into)
        }

        /// Address of the company.
        async fn address(&self) -> PostalAddress {
            (&self.0.record.address).into()
        }

        /// Telephone number as written; null when there is none.
        async fn phone(&self) -> Option<&str> {
            self.0.record.phone.as_deref()
        }

        /// Website as written; null when there is none.
        async fn website(&self) -> Option<&str> {
            self.0.record.website.as_deref()
        }

        /// Reference that the partner gave the company at Pax8, often its ID in the PSA; null when there is none.
        async fn partner_reference(&self) -> Option<&str> {
            self.0.record.partner_reference.as_deref()
        }

        /// Whether Pax8 bills the company for the partner; null when Pax8 did not say.
        async fn is_bill_on_behalf_of_enabled(&self) -> Option<bool> {
            self.0.record.is_billed_by_pax8
        }

        /// Whether the company may order for itself; null when Pax8 did not say.
        async fn is_self_service_allowed(&self) -> Option<bool> {
            self.0.record.is_self_service_allowed
        }

        /// Whether orders of the company need approval; null when Pax8 did not say.
        async fn is_order_approval_required(&self) -> Option<bool> {
            self.0.record.is_order_approval_required
        }

        /// Suggested or confirmed mapping; null when there is none.
        async fn mapping(&self, ctx: &Context<'_>) -> Option<Result<CustomerMappingObject, Failure>> {
            let found = of_pax8(ctx, self.0.identity.id).await;
            found.map(|mappings| mappings.into_iter().next().map(CustomerMappingObject)).transpose()
        }
    }, lists {
        /// PSA customers that may be the same and were not mapped, best first; at most five. More are found by
        /// searching `psaCustomers`.
        async fn mapping_candidates(&self, ctx) -> CustomerMappingCandidate {
            Some(customers_for(ctx, self.0.identity.id).await)
        }
    }
}

page_types!(Pax8CompanyConnection, Pax8CompanyEdge, Pax8CompanyObject);

/// Companies of an integration.
pub async fn companies(
    ctx: &Context<'_>,
    integration: &Integration,
    arguments: RecordArguments,
) -> Result<Pax8CompanyConnection, Failure> {
    let (parts, total) = records::<CompanyTable, _>(ctx, integration, Side::Pax8, arguments, Pax8CompanyObject).await?;
    Ok(Pax8CompanyConnection::new(parts, total))
}
