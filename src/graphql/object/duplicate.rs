//! Customers that are in the PSA twice.

use async_graphql::{Context, SimpleObject};

use super::customer::PsaCustomerObject;
use crate::domain::integration::Integration;
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::loader_mapping::{CustomerKey, load};

/// Customers of the PSA that seem to be one: the same name and attributes, or merged records. A person decides; mappings go
/// to the one that counts.
#[derive(Clone, SimpleObject)]
pub struct DuplicateCustomers {
    /// Record that counts: in use, with agreements.
    pub counts: PsaCustomerObject,
    /// Records beside it.
    #[graphql(complexity = "cost::list(child_complexity)")]
    pub others: Vec<PsaCustomerObject>,
}

/// Customers that duplicate one to which a company belongs.
pub(super) async fn duplicate_customers(
    ctx: &Context<'_>,
    integration: &Integration,
) -> Result<Vec<DuplicateCustomers>, Failure> {
    let found = services(ctx).mapping.duplicate_customers(caller(ctx), integration.id).await?;
    let ids = found.iter().flat_map(|duplicate| std::iter::once(&duplicate.counts).chain(&duplicate.others));
    let customers = ids.map(|id| load(ctx, |organization| CustomerKey(organization, *id)));
    // All at once, so that they wait for the same statement.
    let mut customers = futures_util::future::try_join_all(customers).await?.into_iter();
    let mut duplicates = Vec::with_capacity(found.len());
    for duplicate in &found {
        let counts = customers.next().flatten();
        let others = customers.by_ref().take(duplicate.others.len()).flatten().map(PsaCustomerObject).collect();
        duplicates.extend(counts.map(|counts| DuplicateCustomers { counts: PsaCustomerObject(counts), others }));
    }
    Ok(duplicates)
}
