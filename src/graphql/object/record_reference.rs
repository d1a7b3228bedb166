//! What a report or a subscription refers to: a record at either provider, found by the id it has there; and the other
//! way round, for filters, which name records by their global ids.

use std::hash::Hash;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID};
use futures_util::future::join_all;

use super::company::Pax8CompanyObject;
use super::customer::PsaCustomerObject;
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use crate::domain::id::IntegrationId;
use crate::domain::provider::Side;
use crate::graphql::error::Failure;
use crate::graphql::id::NodeKind;
use crate::graphql::loader::{LoadError, StoreLoader};
use crate::graphql::loader_mapping::{self, decode_all, load};
use crate::graphql::record_loader::{
    CompanyKey, CustomerKey, Pax8ProductKey, PsaProductKey, RecordKey, load_one, record_key,
};

/// A record of one side of an integration; `None` when it is not stored.
pub(super) async fn stored<K>(
    ctx: &Context<'_>,
    (integration_id, side): (IntegrationId, Side),
    external_id: &str,
    key: fn(RecordKey) -> K,
) -> Option<Result<<StoreLoader as Loader<K>>::Value, Failure>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    StoreLoader: Loader<K, Error = LoadError>,
{
    let found = async {
        let Some(record) = record_key(ctx, integration_id, side, external_id).await? else { return Ok(None) };
        load_one(ctx, key(record)).await
    };
    found.await.transpose()
}

macro_rules! references {
    ($($(#[$doc:meta])* $function:ident: $side:ident $key:ident $object:ident;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $function(
            ctx: &Context<'_>,
            integration_id: IntegrationId,
            external_id: Option<&str>,
        ) -> Option<Result<$object, Failure>> {
            let found = stored(ctx, (integration_id, Side::$side), external_id?, $key).await?;
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
    let found = join_all(external_ids.iter().map(|id| load(id))).await;
    found.into_iter().flatten().collect()
}

macro_rules! named_records {
    ($($(#[$doc:meta])* $function:ident: $side:ident $key:ident $kind:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) async fn $function(
            ctx: &Context<'_>,
            integration_id: IntegrationId,
            field: &str,
            ids: Option<Vec<ID>>,
        ) -> Result<Option<Vec<String>>, Failure> {
            let Some(ids) = ids else { return Ok(None) };
            let ids = decode_all(&ids, &[NodeKind::$kind], field)?;
            let external_id = async |id| {
                let Some(named) = load(ctx, |organization| loader_mapping::$key(organization, id)).await? else {
                    return Ok(None);
                };
                let external_id = named.identity.external_id;
                let Some(key) = record_key(ctx, integration_id, Side::$side, &external_id).await? else {
                    return Ok(None);
                };
                // A record of another integration may have the same id at its provider.
                let own = load_one(ctx, $key(key)).await?;
                Ok(own.filter(|own| own.identity.id == id).map(|_| external_id))
            };
            // All at once, so that they wait for the same statements.
            let found = join_all(ids.into_iter().map(external_id)).await;
            found.into_iter().filter_map(Result::transpose).collect::<Result<_, Failure>>().map(Some)
        }
    )*};
}

named_records! {
    /// IDs at Pax8 of the integration's companies with these global ids; others stand for nothing.
    pax8_companies: Pax8 CompanyKey Pax8Company;
    /// IDs at Pax8 of the integration's products there with these global ids; others stand for nothing.
    pax8_products: Pax8 Pax8ProductKey Pax8Product;
    /// IDs at the PSA of the integration's customers with these global ids; others stand for nothing.
    psa_customers: Psa CustomerKey PsaCustomer;
    /// IDs at the PSA of the integration's items there with these global ids; others stand for nothing.
    psa_products: Psa PsaProductKey PsaProduct;
}
