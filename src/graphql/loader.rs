//! Loaders: references of one kind on a page are read with one statement. Keys carry the tenant, so that one loader
//! serves all callers and none sees another's rows. Nothing is cached: a row may change between two requests.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::error::Failure;
use crate::domain::id::{IntegrationId, OrganizationId};
use crate::domain::provider::ProviderAccount;
use crate::service::Internal;
use crate::storage::{StorageError, Store, account};

/// Loads through the database.
#[derive(Clone)]
pub struct StoreLoader(pub Store);

/// A failed batch; every field that waited for it answers with it.
#[derive(Debug, Clone)]
pub struct LoadError(Arc<StorageError>);

impl From<StorageError> for LoadError {
    fn from(error: StorageError) -> Self {
        Self(Arc::new(error))
    }
}

impl LoadError {
    /// Logs the failure under the request's id.
    pub fn logged(self, correlation_id: &str) -> Failure {
        Internal::log(correlation_id, &*self.0).into()
    }
}

/// The two accounts of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountsOf(pub OrganizationId, pub IntegrationId);

/// Keys by tenant: one statement reads one tenant's rows.
pub fn by_tenant<K: Copy, I>(keys: &[K], split: impl Fn(K) -> (OrganizationId, I)) -> HashMap<OrganizationId, Vec<I>> {
    let mut tenants: HashMap<OrganizationId, Vec<I>> = HashMap::new();
    for (organization, id) in keys.iter().copied().map(split) {
        tenants.entry(organization).or_default().push(id);
    }
    tenants
}

impl Loader<AccountsOf> for StoreLoader {
    type Value = Vec<ProviderAccount>;
    type Error = LoadError;

    async fn load(&self, keys: &[AccountsOf]) -> Result<HashMap<AccountsOf, Self::Value>, LoadError> {
        let mut found: HashMap<AccountsOf, Self::Value> = HashMap::new();
        for (organization, integrations) in by_tenant(keys, |key| (key.0, key.1)) {
            for account in account::of_integrations(self.0.read(), organization, &integrations).await? {
                found.entry(AccountsOf(organization, account.integration_id)).or_default().push(account);
            }
        }
        Ok(found)
    }
}
