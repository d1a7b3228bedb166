//! Webhooks: asking a provider to tell us of changes, and taking what it tells.
//!
//! A webhook has two secrets of 256 random bits: one in its address, one in the header that the provider sends along.
//! Both are shown to the provider alone (or, once, to the person who pastes them there); what is kept are hashes.
//!
//! What is ours at the provider is told by its id there, as long as we know it and the webhook leads here; and what we do
//! not know any more by its name, which has the host of this installation and the account in it, together with its address,
//! which has to lie under our own. So two installations of which one is a copy of the other, with the same
//! ids, leave each other's webhooks alone as long as each has a public address of its own; and an installation that moved
//! to another address leaves its old webhook to a person, because it cannot tell itself from a copy.

mod part;
mod receive;
mod register;
mod remove;
mod try_out;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use url::Url;

use super::{Core, Internal, OrInternal as _, ReadError, Recording};
use crate::connector::ConnectorError;
use crate::connector::address::{Place, place_of_url};
use crate::connector::http::extended;
use crate::connector::webhook::{ProviderWebhooks, RemoteWebhook};
use crate::digest::sha256;
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{ProviderAccountId, WebhookId};
use crate::domain::provider::{ConnectorKind, ProviderAccount};
use crate::domain::webhook::Webhook;
use crate::secret::unguessable;
use crate::storage::{Tx, account, integration, webhook};

pub use part::{Leftover, Parting};
pub use receive::{NotKept, Sender};
pub use register::{Address, RegisterWebhook, Registered};
pub use remove::Removed;

/// What the keyed hash of a header is for.
const PURPOSE: &str = "webhook";

/// Stands for the secret part of an address.
const HIDDEN: &str = "********";

/// Webhooks.
#[derive(Clone)]
pub struct WebhookService {
    core: Core,
}

/// Why something about a webhook was not done.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// No such account.
    #[error("there is no such provider account")]
    NotFound,
    /// The connector of the account knows no webhooks.
    #[error("only accounts of Pax8 have webhooks")]
    NotPax8,
    /// The account is not connected.
    #[error("the provider account is not connected")]
    NotConnected(Box<ProviderAccount>),
    /// Nobody said how the provider can reach this server.
    #[error("the public address of this server is not set")]
    NoPublicUrl,
    /// The provider would send in the open.
    #[error("the public address of this server does not begin with https")]
    OpenPublicUrl,
    /// The provider has no such topic.
    #[error("there is no topic `{topic}`")]
    UnknownTopic {
        /// The topic.
        topic: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// No topic is left to be told of.
    #[error("no topic was chosen")]
    NoTopic,
    /// Somebody else is registering a webhook for the account.
    #[error("another registration of the account is under way")]
    Busy,
    /// The account has no webhook.
    #[error("the account has no webhook")]
    NotRegistered,
    /// A person set the webhook up at the provider, so that we do not know it there.
    #[error("the webhook was set up by hand")]
    Manual,
    /// The webhook was forgotten here, and deleting it at the provider is left to a person, whom the text is for.
    #[error("{0}")]
    LeftToPerson(String),
    /// The provider refused or did not answer.
    #[error(transparent)]
    Provider(#[from] ConnectorError),
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// The two secrets of a webhook, in the clear.
struct Secrets {
    path: SecretString,
    authorization: SecretString,
}

impl WebhookService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Every webhook of this installation: for the operator's command line.
    pub async fn all(&self, caller: &Caller) -> Result<Vec<Webhook>, ReadError> {
        caller.require(Role::Admin)?;
        Ok(webhook::all(self.core.store.read()).await.internal(caller)?)
    }

    fn secrets(&self) -> Secrets {
        let random = &*self.core.random;
        // In the form that every proxy on the way lets through, and that every log hides.
        let authorization = format!("Bearer {}", unguessable(random).expose_secret());
        Secrets { path: unguessable(random), authorization: authorization.into() }
    }

    /// The address of a webhook.
    fn address(&self, path: &str) -> Result<Url, WebhookError> {
        let base = self.core.public_address.configured().ok_or(WebhookError::NoPublicUrl)?;
        let is_safe = base.scheme() == "https" || place_of_url(base) == Some(Place::Loopback);
        if is_safe { Ok(extended(base, &["webhooks", "pax8", path])) } else { Err(WebhookError::OpenPublicUrl) }
    }

    async fn account(&self, caller: &Caller, id: ProviderAccountId) -> Result<ProviderAccount, WebhookError> {
        let found = account::find(self.core.store.read(), caller.organization_id, id).await.internal(caller)?;
        found.ok_or(WebhookError::NotFound)
    }

    /// What asks the account's provider.
    async fn provider(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
    ) -> Result<Arc<dyn ProviderWebhooks>, WebhookError> {
        match account.connector {
            Some(ConnectorKind::Pax8) => {}
            None => return Err(WebhookError::NotConnected(Box::new(account.clone()))),
            Some(ConnectorKind::RevioPsa | ConnectorKind::Files) => return Err(WebhookError::NotPax8),
        }
        let (read, organization) = (self.core.store.read(), caller.organization_id);
        let credentials = account::credentials(read, organization, account.id).await.internal(caller)?;
        let owner = integration::find(read, organization, account.integration_id).await.internal(caller)?;
        let settings = owner.ok_or(WebhookError::NotFound)?.settings;
        let recording = Recording::of(&settings, self.core.clock.now());
        Ok(self.core.connectors.webhooks(account, &credentials, recording).await?)
    }

    /// Where webhooks of this installation lead to, up to their secret.
    fn place(&self) -> Option<String> {
        self.core.public_address.configured().map(|base| extended(base, &["webhooks", "pax8", ""]).into())
    }

    /// Whether a webhook leads here.
    fn is_here(&self, webhook: &Webhook) -> bool {
        self.place().is_some_and(|place| webhook.url.starts_with(&place))
    }

    /// Begins the name of every webhook that we make for an account; `None` when nobody can reach us.
    fn name_prefix(&self, id: ProviderAccountId) -> Option<String> {
        let base = self.core.public_address.configured()?;
        let host = base.host_str().unwrap_or_default();
        let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("Concord {host}{port} {id} "))
    }

    /// What the provider has that this installation made for an account, each with its id here.
    async fn ours(
        &self,
        account: &ProviderAccount,
        provider: &dyn ProviderWebhooks,
    ) -> Result<Vec<(RemoteWebhook, String)>, WebhookError> {
        let (Some(prefix), Some(place)) = (self.name_prefix(account.id), self.place()) else { return Ok(Vec::new()) };
        let there = provider.list().await?.into_iter().filter(|remote| remote.place.as_ref() == Some(&place));
        let ours = |remote: RemoteWebhook| {
            let id = remote.display_name.strip_prefix(&prefix)?.to_owned();
            Some((remote, id))
        };
        Ok(there.filter_map(ours).collect())
    }

    /// Remembers what was done; `external` says what was asked of another system.
    async fn record(
        &self,
        tx: &Tx,
        caller: &Caller,
        account: &ProviderAccount,
        action: &'static str,
        after: serde_json::Value,
    ) -> Result<(), Internal> {
        self.record_change(tx, caller, account, action, (None, after)).await
    }

    async fn record_change(
        &self,
        tx: &Tx,
        caller: &Caller,
        account: &ProviderAccount,
        action: &'static str,
        (before, after): (Option<serde_json::Value>, serde_json::Value),
    ) -> Result<(), Internal> {
        let change = Change {
            action,
            subject_kind: "provider_account",
            subject_id: Some(account.id.0),
            before: before.map(|before| before.to_string()),
            after: Some(after.to_string()),
            reason: None,
        };
        self.core.audit(tx, caller, change).await.internal(caller)
    }
}

/// The hash by which an address is found.
fn path_hash(path: &str) -> String {
    sha256(path.as_bytes())
}

/// What the keyed hash of a header is made of: the header is good for its own webhook alone.
fn authorization_bytes(id: WebhookId, authorization: &[u8]) -> Vec<u8> {
    [id.0.as_bytes().as_slice(), authorization].concat()
}

impl Secrets {
    fn path_hash(&self) -> String {
        path_hash(self.path.expose_secret())
    }

    fn authorization_mac(&self, core: &Core, id: WebhookId) -> String {
        core.seal.mac(PURPOSE, &authorization_bytes(id, self.authorization.expose_secret().as_bytes()))
    }
}
