//! A provider account.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::webhook::ProviderWebhookObject;
use crate::domain::provider::{
    AccountAction, AccountFailure, AccountStatus, Capability, CapabilityKind, CapabilityState, ConnectionMethod,
    ConnectorKind, ProviderAccount, Side,
};
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::loader::StoreLoader;
use crate::graphql::loader_node::WebhookKey;
use crate::graphql::scalar::TimeZone;

/// A system this API talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Side")]
pub enum Provider {
    /// The Pax8 marketplace.
    #[graphql(name = "PAX8")]
    Pax8,
    /// The professional services automation system.
    Psa,
}

/// Software that speaks to a provider. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ConnectorKind")]
pub enum Connector {
    /// The Pax8 partner API.
    #[graphql(name = "PAX8")]
    Pax8,
    /// Rev.io PSA with Rev.io Billing behind it.
    RevioPsa,
    /// A directory of files on the server.
    Files,
}

/// Whether Concord may act for an account at this moment. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "AccountStatus")]
pub enum ProviderAccountStatus {
    /// Never connected, or disconnected.
    NotConnected,
    /// A person was sent to the provider, and has not come back or what they brought is being tried.
    Authorizing,
    /// Works: the green dot.
    Connected,
    /// Works, but the consent ends soon.
    Expiring,
    /// The credentials were refused; connect again. Data and mappings stay.
    ReconnectNeeded,
    /// The last attempt to connect failed; see `failureMessage`.
    Failed,
}

/// How an account proves to its provider that we may act for it. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ConnectionMethod", remote = "ConnectionMethod")]
pub enum ConnectionMethodObject {
    /// With keys that a person copied from the provider.
    Keys,
    /// With the consent that a person gave at the provider (OAuth).
    Delegated,
}

/// What a person can do for an account next. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ProviderAccountAction", remote = "AccountAction")]
pub enum ProviderAccountAction {
    /// Connect for the first time: with a login at the provider, or with keys.
    Authorize,
    /// Connect again, because the consent ends soon or because the credentials are no longer accepted.
    Reauthorize,
    /// Put right what `failureMessage` says, then verify again.
    Verify,
}

/// What stands in the way of an account. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ProviderAccountFailure", remote = "AccountFailure")]
pub enum ProviderAccountFailure {
    /// The provider does not accept the credentials or the consent.
    Authorization,
    /// The provider cannot be reached, or something else answers at its address.
    Connection,
    /// The provider knows who asks and shows too little of the account.
    Permission,
    /// The settings cannot be used.
    Settings,
}

/// A list that an account is read for. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ProviderCapabilityKind", remote = "CapabilityKind")]
pub enum ProviderCapabilityKind {
    /// Companies or customers.
    Customers,
    /// Products or items.
    Products,
    /// Subscriptions.
    Subscriptions,
    /// Recurring lines of agreements.
    Agreements,
    /// Invoices.
    Invoices,
}

/// What asking for one page of a list showed. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ProviderCapabilityState", remote = "CapabilityState")]
pub enum ProviderCapabilityState {
    /// It can be read, and there is something in it.
    Available,
    /// It can be read, and nothing is in it.
    Empty,
    /// The login or key may not read it.
    Forbidden,
    /// The provider, or the settings of the account, have no such list.
    Unsupported,
}

/// What a verification found out about one list of a provider.
#[derive(SimpleObject)]
pub struct ProviderCapability {
    /// List.
    kind: ProviderCapabilityKind,
    /// What was found.
    state: ProviderCapabilityState,
    /// What to do about it, as a sentence; null when there is nothing to do.
    advice: Option<String>,
}

/// Our access to an account at a provider. Secrets are write-only and never returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccountObject(pub ProviderAccount);

/// Our access to an account at a provider. Secrets are write-only and never returned.
#[Object(name = "ProviderAccount")]
impl ProviderAccountObject {
    /// Global ID of the account.
    pub async fn id(&self) -> ID {
        encode(NodeKind::ProviderAccount, self.0.id.0)
    }

    /// System the account belongs to.
    async fn provider(&self) -> Provider {
        self.0.side.into()
    }

    /// Software that speaks to it; null until credentials were set.
    async fn connector(&self) -> Option<Connector> {
        self.0.connector.map(Into::into)
    }

    /// Whether we may act for the account at this moment.
    async fn status(&self, ctx: &Context<'_>) -> ProviderAccountStatus {
        self.0.status_at(services(ctx).core.clock.now()).into()
    }

    /// How the account proves that we may act for it.
    async fn method(&self) -> ConnectionMethodObject {
        self.0.method.into()
    }

    /// What a person can do next; null when there is nothing to do.
    async fn next_action(&self, ctx: &Context<'_>) -> Option<ProviderAccountAction> {
        self.0.next_action(services(ctx).core.clock.now()).map(Into::into)
    }

    /// Name of the account at the provider; null while it is not known.
    async fn display_name(&self) -> Option<&str> {
        self.0.display_name.as_deref()
    }

    /// Client ID or user name in use; null until credentials were set, and for files. The secret is never shown.
    async fn client_id(&self) -> Option<&str> {
        self.0.client_id_in_use()
    }

    /// What the person consented to, in the provider's words; empty for keys.
    async fn granted_scopes(&self) -> &[String] {
        &self.0.granted_scopes
    }

    /// Timestamp of when the consent ends; null for keys, and when the provider does not say.
    async fn consent_ends_at(&self) -> Option<DateTime<Utc>> {
        self.0.consent_ends_at.filter(|_| self.0.method == ConnectionMethod::Delegated)
    }

    /// Whole days that are left of the consent; null for keys, and when the provider does not say.
    async fn consent_days_left(&self, ctx: &Context<'_>) -> Option<i64> {
        self.0.days_of_consent(services(ctx).core.clock.now())
    }

    /// Time zone in which the provider's moments become days.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone)
    }

    /// What stands in the way; null while nothing does.
    async fn failure(&self) -> Option<ProviderAccountFailure> {
        self.0.failure.map(Into::into)
    }

    /// Why the account does not work and what to do about it, as sentences; null while it does.
    async fn failure_message(&self) -> Option<&str> {
        self.0.failure_message.as_deref()
    }

    /// What the last verification found out, such as missing permissions, and what is left to do at the provider, as
    /// sentences. What is left of a webhook is said until one is registered or removed; what is left of a consent, until
    /// the account is authorized or disconnected again.
    async fn remarks(&self) -> Vec<&str> {
        self.0.sentences().collect()
    }

    /// What the last verification found out about each list; empty before, and when the provider let nothing be asked.
    async fn capabilities(&self) -> Vec<ProviderCapability> {
        let found = self.0.capabilities.iter();
        found
            .map(|Capability { kind, state, advice }| ProviderCapability {
                kind: (*kind).into(),
                state: (*state).into(),
                advice: advice.clone(),
            })
            .collect()
    }

    /// Whether the last verification could read every list; nothing is written to a system before that.
    async fn is_probed(&self) -> bool {
        self.0.is_probed()
    }

    /// Timestamp of when the account was first connected; null before.
    async fn connected_at(&self) -> Option<DateTime<Utc>> {
        self.0.connected_at
    }

    /// Where the provider tells us of changes by itself; null while no webhook is registered.
    async fn webhook(&self, ctx: &Context<'_>) -> Option<Result<ProviderWebhookObject, Failure>> {
        let loader = ctx.data_unchecked::<DataLoader<StoreLoader>>();
        let found = loader.load_one(WebhookKey(self.0.organization_id, self.0.id.0)).await;
        match found {
            Ok(found) => found.map(|webhook| Ok(ProviderWebhookObject(webhook))),
            Err(error) => Some(Err(error.logged(&caller(ctx).correlation_id))),
        }
    }

    /// Timestamp of when the provider last answered a verification well; null before.
    async fn last_verified_at(&self) -> Option<DateTime<Utc>> {
        self.0.verified_at
    }

    /// Grows by one with every change.
    async fn version(&self) -> i64 {
        self.0.version
    }
}
