//! A product in the Pax8 catalog.

use async_graphql::Context;

use super::candidate::{ProductMappingCandidate, products_for};
use super::mapping::{ProductMappingObject, of_pax8};
use super::record::{RecordArguments, record_object, records};
use crate::domain::integration::Integration;
use crate::domain::provider::Side;
use crate::domain::record::Pax8Product;
use crate::graphql::error::Failure;
use crate::graphql::page::page_types;
use crate::storage::source::pax8_product::Pax8ProductTable;

record_object! {
    /// A product in the Pax8 catalog.
    Pax8ProductObject(Pax8Product), "Pax8Product", Pax8Product, Pax8, {
        /// Name of the vendor; null when Pax8 did not say.
        async fn vendor_name(&self) -> Option<&str> {
            self.0.record.vendor_name.as_deref()
        }

        /// Stock keeping unit at Pax8; null when there is none.
        async fn sku(&self) -> Option<&str> {
            self.0.record.sku.as_deref()
        }

        /// Stock keeping unit at the vendor, as written; null when there is none.
        async fn vendor_sku(&self) -> Option<&str> {
            self.0.record.vendor_sku.as_deref()
        }

        /// Description in one paragraph; null when there is none.
        async fn short_description(&self) -> Option<&str> {
            self.0.record.short_description.as_deref()
        }

        /// Whether ordering binds the buyer for a term; null when Pax8 did not say.
        async fn requires_commitment(&self) -> Option<bool> {
            self.0.record.requires_commitment
        }
    }, lists {
        /// Suggested and confirmed mappings: a product is mapped for each term at which it is bought, or as a whole.
        async fn mappings(&self, ctx) -> ProductMappingObject {
            let found = of_pax8(ctx, self.0.identity.id).await;
            Some(found.map(|mappings| mappings.into_iter().map(ProductMappingObject).collect()))
        }

        /// PSA products that may be the same and were not mapped, for each term the best first; at most five for each.
        /// More are found by searching `psaProducts`.
        async fn mapping_candidates(&self, ctx) -> ProductMappingCandidate {
            Some(products_for(ctx, self.0.identity.id).await)
        }
    }
}

page_types!(Pax8ProductConnection, Pax8ProductEdge, Pax8ProductObject);

/// Products at Pax8 of an integration.
pub async fn pax8_products(
    ctx: &Context<'_>,
    integration: &Integration,
    arguments: RecordArguments,
) -> Result<Pax8ProductConnection, Failure> {
    let (parts, total) =
        records::<Pax8ProductTable, _>(ctx, integration, Side::Pax8, arguments, Pax8ProductObject).await?;
    Ok(Pax8ProductConnection::new(parts, total))
}
