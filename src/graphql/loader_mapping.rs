//! Loaders of records, mappings, candidates and exclusions: one statement for all references of a kind on a page.

use std::collections::HashMap;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, ID};
use uuid::Uuid;

use super::context::caller;
use super::error::Failure;
use super::loader::{LoadError, StoreLoader, by_tenant};
use crate::domain::id::OrganizationId;
use crate::domain::mapping::Mapping;
use crate::domain::record::{Company, Customer, Pax8Product, PsaProduct};
use crate::storage::candidate::{self, Candidate};
use crate::storage::exclusion::{self, Exclusion};
use crate::storage::mapping;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::{self, Stored};

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub OrganizationId, pub Uuid);
    )*};
}

keys! {
    /// A company at Pax8.
    CompanyKey,
    /// A customer at the PSA.
    CustomerKey,
    /// A product at Pax8.
    Pax8ProductKey,
    /// An item of the PSA.
    PsaProductKey,
    /// The active mappings of a Pax8 record.
    MappingsOfPax8,
    /// The active mappings of a PSA record.
    MappingsOfPsa,
    /// The candidates of a Pax8 record.
    CandidatesOf,
    /// The exclusion of a record.
    ExclusionOf,
}

macro_rules! record_loaders {
    ($($key:ident: $table:ident => $record:ident;)*) => {$(
        impl Loader<$key> for StoreLoader {
            type Value = Stored<$record>;
            type Error = LoadError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, LoadError> {
                let mut found = HashMap::with_capacity(keys.len());
                for (organization, ids) in by_tenant(keys, |key| (key.0, key.1)) {
                    for stored in source::by_ids::<$table>(self.0.read(), organization, &ids).await? {
                        found.insert($key(organization, stored.identity.id), stored);
                    }
                }
                Ok(found)
            }
        }
    )*};
}

record_loaders! {
    CompanyKey: CompanyTable => Company;
    CustomerKey: CustomerTable => Customer;
    Pax8ProductKey: Pax8ProductTable => Pax8Product;
    PsaProductKey: PsaProductTable => PsaProduct;
}

macro_rules! list_loaders {
    ($($key:ident: $read:path, $id:ident => $item:ident;)*) => {$(
        impl Loader<$key> for StoreLoader {
            type Value = Vec<$item>;
            type Error = LoadError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, LoadError> {
                let mut found: HashMap<$key, Self::Value> = HashMap::with_capacity(keys.len());
                for (organization, ids) in by_tenant(keys, |key| (key.0, key.1)) {
                    for item in $read(self.0.read(), organization, &ids).await? {
                        found.entry($key(organization, item.$id)).or_default().push(item);
                    }
                }
                Ok(found)
            }
        }
    )*};
}

list_loaders! {
    MappingsOfPax8: mapping::active_of_pax8_records, pax8_record_id => Mapping;
    MappingsOfPsa: mapping::active_of_psa_records, psa_record_id => Mapping;
    CandidatesOf: candidate::of_pax8_records, pax8_record_id => Candidate;
    ExclusionOf: exclusion::of_records, record_id => Exclusion;
}

/// Loads what a key names, of the caller's tenant.
pub async fn load<K>(ctx: &Context<'_>, key: impl FnOnce(OrganizationId) -> K) -> Result<Option<ValueOf<K>>, Failure>
where
    K: Send + Sync + Copy + Eq + std::hash::Hash + 'static,
    StoreLoader: Loader<K, Error = LoadError>,
{
    let caller = caller(ctx);
    let loader = ctx.data_unchecked::<DataLoader<StoreLoader>>();
    let loaded = loader.load_one(key(caller.organization_id)).await;
    loaded.map_err(|error| error.logged(&caller.correlation_id))
}

/// What a key loads.
pub type ValueOf<K> = <StoreLoader as Loader<K>>::Value;

/// A record that a mapping refers to. Nothing is ever deleted, so that it is missing is our fault.
pub async fn load_referred<K>(
    ctx: &Context<'_>,
    what: &str,
    key: impl FnOnce(OrganizationId) -> K,
) -> Result<ValueOf<K>, Failure>
where
    K: Send + Sync + Copy + Eq + std::hash::Hash + 'static,
    StoreLoader: Loader<K, Error = LoadError>,
{
    let correlation_id = &caller(ctx).correlation_id;
    load(ctx, key).await?.ok_or_else(|| {
        tracing::error!(correlation_id, "operation `{correlation_id}` failed: a mapping names a missing {what}");
        Failure::Internal { correlation_id: correlation_id.clone() }
    })
}

/// Global ids of at most so many objects of some kinds, as ours; unknown ones stand for nothing.
pub fn decode_all(ids: &[ID], kinds: &[super::id::NodeKind], field: &str) -> Result<Vec<Uuid>, Failure> {
    const MAX_IDS: usize = 100;
    if ids.len() > MAX_IDS {
        return Err(Failure::bad_input(format!("Give at most {MAX_IDS} IDs in `{field}`, not {}.", ids.len())));
    }
    let decoded = ids.iter().filter_map(super::id::decode);
    Ok(decoded.filter(|(kind, _)| kinds.contains(kind)).map(|(_, id)| id).collect())
}
