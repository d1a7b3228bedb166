//! The records that a rule which hides is about.

use async_graphql::{Context, ID};

use crate::domain::id::IntegrationId;
use crate::domain::suppression::SuppressionConditions;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::record_reference::{pax8_products, psa_customers, psa_products};

/// The records of a rule, by their global ids.
pub(super) struct Subjects {
    pub customer: Option<ID>,
    pub psa_product: Option<ID>,
    pub pax8_product: Option<ID>,
}

impl Subjects {
    /// The conditions with the ids that the records have at their providers; an id that stands for nothing is refused,
    /// because the rule would hide nothing.
    pub async fn into_conditions(
        self,
        ctx: &Context<'_>,
        of: IntegrationId,
        conditions: SuppressionConditions,
    ) -> Result<Result<SuppressionConditions, UserError>, Failure> {
        let Self { customer, psa_product, pax8_product } = self;
        let (customer, psa_product, pax8_product) = (one(customer), one(psa_product), one(pax8_product));
        let customer = psa_customers(ctx, of, "psaCustomerId", customer).await?;
        let psa_product = psa_products(ctx, of, "psaProductId", psa_product).await?;
        let pax8_product = pax8_products(ctx, of, "pax8ProductId", pax8_product).await?;
        let found = [
            (&customer, "psaCustomerId", "PSA customer"),
            (&psa_product, "psaProductId", "PSA product"),
            (&pax8_product, "pax8ProductId", "Pax8 product"),
        ];
        for (ids, field, what) in found {
            if ids.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Err(UserError::not_found(&["input", field], what)));
            }
        }
        let first = |ids: Option<Vec<String>>| ids.and_then(|ids| ids.into_iter().next());
        Ok(Ok(SuppressionConditions {
            customer: first(customer),
            psa_product: first(psa_product),
            pax8_product: first(pax8_product),
            ..conditions
        }))
    }
}

fn one(id: Option<ID>) -> Option<Vec<ID>> {
    id.map(|id| vec![id])
}
