//! Loaders of objects by the id that their global id names: whatever the order in which `nodes` is asked for them, one
//! statement reads all of a kind.

use std::collections::{BTreeSet, HashMap};

use async_graphql::dataloader::Loader;
use uuid::Uuid;

use super::loader::{LoadError, StoreLoader, by_tenant};
use crate::domain::audit::AuditEvent;
use crate::domain::id::{IntegrationId, OrganizationId};
use crate::domain::integration::Integration;
use crate::domain::mapping::Mapping;
use crate::domain::provider::ProviderAccount;
use crate::domain::record::Subscription;
use crate::domain::run::{ReconciliationRun, SyncRun};
use crate::domain::suppression::SuppressionRule;
use crate::domain::webhook::Webhook;
use crate::storage::exclusion::{self, Exclusion};
use crate::storage::source::Stored;
use crate::storage::token::{self, StoredToken};
use crate::storage::{account, audit, billing, integration, mapping, reconciliation, suppression, sync_run, webhook};

macro_rules! node_loaders {
    ($($(#[$doc:meta])* $key:ident: $read:path => $object:ty, $id:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $key(pub OrganizationId, pub Uuid);

        impl Loader<$key> for StoreLoader {
            type Value = $object;
            type Error = LoadError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, LoadError> {
                let id: fn(&$object) -> Uuid = $id;
                let mut found = HashMap::with_capacity(keys.len());
                for (organization, ids) in by_tenant(keys, |key| (key.0, key.1)) {
                    for object in $read(self.0.read(), organization, &ids).await? {
                        found.insert($key(organization, id(&object)), object);
                    }
                }
                Ok(found)
            }
        }
    )*};
}

node_loaders! {
    /// An integration.
    IntegrationKey: integration::by_ids => Integration, |integration| integration.id.0;
    /// The webhook of an account.
    WebhookKey: webhook::of_accounts => Webhook, |webhook| webhook.account_id.0;
    /// A provider account.
    AccountKey: account::by_ids => ProviderAccount, |account| account.id.0;
    /// A sync run.
    SyncRunKey: sync_run::by_ids => SyncRun, |run| run.id.0;
    /// A reconciliation run.
    ReconciliationRunKey: reconciliation::by_ids => ReconciliationRun, |run| run.id.0;
    /// A mapping, in whatever status.
    MappingKey: mapping::by_ids => Mapping, |mapping| mapping.id.0;
    /// An exclusion, also an ended one.
    ExclusionKey: exclusion::by_ids => Exclusion, |exclusion| exclusion.id.0;
    /// A rule that hides discrepancies, also an ended one.
    SuppressionRuleKey: suppression::by_ids => SuppressionRule, |rule| rule.id.0;
    /// An audit event.
    AuditEventKey: audit::by_ids => AuditEvent, |event| event.id;
    /// An API token, also one that works no longer.
    ApiTokenKey: token::by_ids => StoredToken, |token| token.id.0;
}

/// A subscription at Pax8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubscriptionKey(pub OrganizationId, pub Uuid);

impl Loader<SubscriptionKey> for StoreLoader {
    /// The integration whose account it was read from, and the subscription.
    type Value = (IntegrationId, Stored<Subscription>);
    type Error = LoadError;

    async fn load(&self, keys: &[SubscriptionKey]) -> Result<HashMap<SubscriptionKey, Self::Value>, LoadError> {
        let mut found = HashMap::with_capacity(keys.len());
        for (organization, ids) in by_tenant(keys, |key| (key.0, key.1)) {
            let read = billing::subscriptions_by_ids(self.0.read(), organization, &ids).await?;
            let accounts: BTreeSet<Uuid> = read.iter().map(|(account, _)| account.0).collect();
            let accounts = Vec::from_iter(accounts);
            let owners = account::by_ids(self.0.read(), organization, &accounts).await?;
            for (account_id, stored) in read {
                let Some(owner) = owners.iter().find(|owner| owner.id == account_id) else { continue };
                found.insert(SubscriptionKey(organization, stored.identity.id), (owner.integration_id, stored));
            }
        }
        Ok(found)
    }
}
