//! A product of the PSA.

use async_graphql::{Context, Enum};

use super::mapping::{ProductMappingObject, of_psa};
use super::record::{RecordArguments, record_object, records};
use crate::domain::access::Role;
use crate::domain::integration::Integration;
use crate::domain::money::Money as Amount;
use crate::domain::provider::Side;
use crate::domain::record::{BillCycle, Known, PsaProduct};
use crate::graphql::context::require;
use crate::graphql::error::Failure;
use crate::graphql::page::page_types;
use crate::graphql::scalar::Money;
use crate::storage::source::psa_product::PsaProductTable;

/// How often an item of the PSA is billed. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PsaBillCycle {
    /// Every month.
    Monthly,
    /// Every year.
    Annual,
    /// Once.
    OneTime,
    /// By use, in arrears.
    Usage,
    /// The PSA reported a cycle that this API does not know yet.
    Unrecognized,
}

impl From<&Known<BillCycle>> for PsaBillCycle {
    fn from(cycle: &Known<BillCycle>) -> Self {
        match cycle {
            Known::Known(BillCycle::Monthly) => Self::Monthly,
            Known::Known(BillCycle::Annual) => Self::Annual,
            Known::Known(BillCycle::OneTime) => Self::OneTime,
            Known::Known(BillCycle::Usage) => Self::Usage,
            Known::Unrecognized(_) => Self::Unrecognized,
        }
    }
}

record_object! {
    /// A product at the PSA.
    PsaProductObject(PsaProduct), "PsaProduct", PsaProduct, Psa, {
        /// Short code that the PSA shows beside the name; null when there is none.
        async fn identifier(&self) -> Option<&str> {
            self.0.record.identifier.as_deref()
        }

        /// Name of the vendor, as noted at the PSA; null when there is none.
        async fn vendor_name(&self) -> Option<&str> {
            self.0.record.vendor_name.as_deref()
        }

        /// Stock keeping unit at the PSA; null when there is none.
        async fn sku(&self) -> Option<&str> {
            self.0.record.sku.as_deref()
        }

        /// Stock keeping unit of the vendor, as noted at the PSA; null when there is none.
        async fn vendor_sku(&self) -> Option<&str> {
            self.0.record.vendor_sku.as_deref()
        }

        /// Category as the PSA names it; null when there is none.
        async fn category(&self) -> Option<&str> {
            self.0.record.category.as_deref()
        }

        /// Price that the partner asks for one unit; null when the PSA named no price or no currency.
        async fn unit_price(&self) -> Option<Money> {
            let record = &self.0.record;
            Some(Amount::new(record.unit_price?.0, record.currency?).into())
        }

        /// What the partner pays for one unit, as noted at the PSA; null when the PSA named no cost or no currency.
        /// Needs the role FINANCE.
        async fn unit_cost(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
            if let Err(failure) = require(ctx, Role::Finance) {
                return Some(Err(failure));
            }
            let record = &self.0.record;
            Some(Ok(Amount::new(record.unit_cost?.0, record.currency?).into()))
        }

        /// How often the item is billed; null when the PSA did not say.
        async fn bill_cycle(&self) -> Option<PsaBillCycle> {
            self.0.record.bill_cycle.as_ref().map(Into::into)
        }

        /// Whether the item may still be sold.
        async fn is_active(&self) -> bool {
            self.0.record.is_active
        }
    }, lists {
        /// Suggested and confirmed mappings; several products may be billed as one item.
        async fn mappings(&self, ctx) -> ProductMappingObject {
            let found = of_psa(ctx, self.0.identity.id).await;
            Some(found.map(|mappings| mappings.into_iter().map(ProductMappingObject).collect()))
        }
    }
}

page_types!(PsaProductConnection, PsaProductEdge, PsaProductObject);

/// Products at the PSA of an integration.
pub async fn psa_products(
    ctx: &Context<'_>,
    integration: &Integration,
    arguments: RecordArguments,
) -> Result<PsaProductConnection, Failure> {
    let (parts, total) =
        records::<PsaProductTable, _>(ctx, integration, Side::Psa, arguments, PsaProductObject).await?;
    Ok(PsaProductConnection::new(parts, total))
}
