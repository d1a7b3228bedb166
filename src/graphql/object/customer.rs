//! A customer at the PSA.

use async_graphql::{Context, Enum};

use super::mapping::{CustomerMappingObject, of_psa};
use super::record::{PostalAddress, RecordArguments, record_object, records};
use crate::domain::integration::Integration;
use crate::domain::provider::Side;
use crate::domain::record::{Customer, CustomerStatus, Known};
use crate::graphql::error::Failure;
use crate::graphql::page::page_types;
use crate::graphql::scalar::CurrencyCode;
use crate::storage::source::customer::CustomerTable;

/// State of a customer at the PSA. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PsaCustomerStatus {
    /// A customer that is served.
    Active,
    /// Not a customer yet.
    Prospect,
    /// No longer served.
    Inactive,
    /// Being set up.
    Pending,
    /// The PSA reported a state that this API does not know yet.
    Unrecognized,
}

impl From<&Known<CustomerStatus>> for PsaCustomerStatus {
    fn from(status: &Known<CustomerStatus>) -> Self {
        match status {
            Known::Known(CustomerStatus::Active) => Self::Active,
            Known::Known(CustomerStatus::Prospect) => Self::Prospect,
            Known::Known(CustomerStatus::Inactive) => Self::Inactive,
            Known::Known(CustomerStatus::Pending) => Self::Pending,
            Known::Unrecognized(_) => Self::Unrecognized,
        }
    }
}

record_object! {
    /// A customer at the PSA.
    PsaCustomerObject(Customer), "PsaCustomer", PsaCustomer, Psa, {
        /// Short name or code that the PSA shows beside the name; null when there is none.
        async fn identifier(&self) -> Option<&str> {
            self.0.record.identifier.as_deref()
        }

        /// State of the customer at the PSA; null when the PSA did not say.
        async fn status(&self) -> Option<PsaCustomerStatus> {
            self.0.record.status.as_ref().map(Into::into)
        }

        /// Address of the customer.
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

        /// Account number; null when there is none.
        async fn account_number(&self) -> Option<&str> {
            self.0.record.account_number.as_deref()
        }

        /// Currency in which the customer is billed; null when the PSA did not say.
        async fn currency_code(&self) -> Option<CurrencyCode> {
            self.0.record.currency.map(CurrencyCode)
        }

        /// External ID of the customer that counts, where this one was merged into it or is its child; null otherwise.
        async fn parent_external_id(&self) -> Option<&str> {
            self.0.record.parent_external_id.as_ref().map(|id| id.as_str())
        }
    }, lists {
        /// Suggested and confirmed mappings; several companies may belong to one customer.
        async fn mappings(&self, ctx) -> CustomerMappingObject {
            let found = of_psa(ctx, self.0.identity.id).await;
            Some(found.map(|mappings| mappings.into_iter().map(CustomerMappingObject).collect()))
        }
    }
}

page_types!(PsaCustomerConnection, PsaCustomerEdge, PsaCustomerObject);

/// Customers of an integration.
pub async fn customers(
    ctx: &Context<'_>,
    integration: &Integration,
    arguments: RecordArguments,
) -> Result<PsaCustomerConnection, Failure> {
    let (parts, total) = records::<CustomerTable, _>(ctx, integration, Side::Psa, arguments, PsaCustomerObject).await?;
    Ok(PsaCustomerConnection::new(parts, total))
}
