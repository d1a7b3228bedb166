//! What a report or a subscription refers to: a record at either provider, found by the id it has there.

use async_graphql::Context;

use super::company::Pax8CompanyObject;
use super::customer::PsaCustomerObject;
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use crate::domain::id::IntegrationId;
use crate::domain::provider::Side;
use crate::graphql::error::Failure;
use crate::graphql::record_loader::{CompanyKey, CustomerKey, Pax8ProductKey, PsaProductKey, load_one, record_key};

macro_rules! references {
    ($($(#[$doc:meta])* $function:ident: $side:ident $key:ident $object:ident;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $function(
            ctx: &Context<'_>,
            integration_id: IntegrationId,
            external_id: Option<&str>,
        ) -> Option<Result<$object, Failure>> {
            let external_id = external_id?;
            let found = async {
                let Some(key) = record_key(ctx, integration_id, Side::$side, external_id).await? else {
                    return Ok(None);
                };
                load_one(ctx, $key(key)).await
            };
            let found = found.await.transpose()?;
            Some(found.map($object))
        }
    )*};
}

references! {
    /// A company at Pax8; `None` when it is not stored.
    pax8_company: Pax8 CompanyKey Pax8CompanyObject;
    /// A product at Pax8; `None` when it is not stored.
    pax8_product: Pax8 Pax8ProductKey Pax8ProductObject;
    /// A customer at the PSA; `None` when it is not stored.
    psa_customer: Psa CustomerKey PsaCustomerObject;
    /// An item at the PSA; `None` when it is not stored.
    psa_product: Psa PsaProductKey PsaProductObject;
}

/// The records with these ids, in order, without those that are not stored.
pub(super) async fn all<'a, F, O>(external_ids: &'a [String], load: impl Fn(&'a str) -> F) -> Result<Vec<O>, Failure>
where
    F: Future<Output = Option<Result<O, Failure>>>,
{
    // All at once, so that they wait for the same statement.
    let found = futures_util::future::join_all(external_ids.iter().map(|id| load(id))).await;
    found.into_iter().flatten().collect()
}
