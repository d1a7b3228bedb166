//! Registering a webhook: our row first, so that whatever the provider sends is taken from its first message on; then
//! the provider; then the webhook before is let go.

use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::part::{Leftover, UNANSWERED, is_same_partner};
use super::{HIDDEN, Secrets, WebhookError, WebhookService};
use crate::connector::ConnectorError;
use crate::connector::webhook::{NewWebhook, ProviderWebhooks, RemoteWebhook};
use crate::domain::access::{Caller, Role};
use crate::domain::id::{ProviderAccountId, WebhookId};
use crate::domain::provider::{ConnectorKind, ProviderAccount};
use crate::domain::webhook::{Webhook, WebhookStatus, lists_of};
use crate::service::{Internal, OrInternal as _};
use crate::storage::{account, integration, webhook};

/// After which time a registration that has not come to an end does not keep others waiting: its process has died.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);

/// What is to be registered.
#[derive(Debug, Clone)]
pub struct RegisterWebhook {
    /// Account.
    pub account_id: ProviderAccountId,
    /// Topics in the provider's words; those that this version knows when `None`.
    pub topics: Option<Vec<String>>,
    /// Whether a person sets it up at the provider.
    pub is_manual: bool,
}

/// What a person pastes at the provider.
#[derive(Debug, Clone)]
pub struct Address {
    /// Address, with its secret.
    pub url: SecretString,
    /// Value of the header `Authorization`.
    pub authorization: SecretString,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Account.
    pub account: ProviderAccount,
    /// Webhook.
    pub webhook: Webhook,
    /// What a person pastes at the provider; shown once, and only where they have to.
    pub address: Option<Address>,
    /// What is left to do, as sentences.
    pub remarks: Vec<String>,
}

/// A webhook that took the place of those before.
struct Established {
    account: ProviderAccount,
    webhook: Webhook,
    replaced: Vec<Webhook>,
}

impl WebhookService {
    /// Registers a webhook with new secrets; the one before is deleted at the provider when the new one is there.
    pub async fn register(&self, caller: &Caller, command: RegisterWebhook) -> Result<Registered, WebhookError> {
        caller.require(Role::Admin)?;
        let account = self.account(caller, command.account_id).await?;
        if matches!(account.connector, Some(ConnectorKind::RevioPsa | ConnectorKind::Files)) {
            return Err(WebhookError::NotPax8);
        }
        let secrets = self.secrets();
        let url: SecretString = self.address(secrets.path.expose_secret())?.to_string().into();
        if command.is_manual {
            let topics = command.topics.unwrap_or_default();
            let prepared = self.prepare(caller, &account, &secrets, topics, true).await?;
            let established = self.establish(caller, &account, prepared.id, None).await?.ok_or(WebhookError::Busy)?;
            let address = Some(Address { url, authorization: secrets.authorization });
            return Ok(self.finish(caller, established, address).await?);
        }
        if !account.status.is_usable() {
            return Err(WebhookError::NotConnected(Box::new(account)));
        }
        let provider = self.provider(caller, &account).await?;
        let topics = chosen(&*provider, command.topics).await?;
        let prepared = self.prepare(caller, &account, &secrets, topics.clone(), false).await?;
        let new = NewWebhook {
            // The address was made of the same setting.
            display_name: format!("{}{}", self.name_prefix(account.id).unwrap_or_default(), prepared.id),
            url,
            authorization: secrets.authorization,
            topics,
        };
        let remote = match make(&*provider, &new).await {
            Ok(remote) => remote,
            Err(error) => {
                self.give_up(caller, &account, prepared.id, &error).await?;
                return Err(error.into());
            }
        };
        let Some(established) = self.establish(caller, &account, prepared.id, Some(&remote)).await? else {
            // Somebody thought that we had died and began anew; theirs counts.
            if let Err(error) = provider.delete(&remote.id).await {
                self.keep_left(caller, &account, remote.id, &error).await?;
            }
            return Err(WebhookError::Busy);
        };
        Ok(self.finish(caller, established, None).await?)
    }

    /// Stores a webhook that the provider does not know yet.
    async fn prepare(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
        secrets: &Secrets,
        topics: Vec<String>,
        is_manual: bool,
    ) -> Result<Webhook, WebhookError> {
        let (core, organization) = (&self.core, caller.organization_id);
        let now = core.clock.now();
        let (id, owner) = (WebhookId(core.ids.next()), (organization, account.integration_id, account.id));
        let new = Webhook::registering(id, owner, self.address(HIDDEN)?.to_string(), now);
        let mut prepared = Webhook { is_manual, topics, ..new };
        let tx = core.store.begin().await.internal(caller)?;
        // Everybody holds the integration before its accounts, and a new webhook refers to it.
        integration::lock(&tx, organization, account.integration_id).await.internal(caller)?;
        // The account stands for all its webhooks: of two registrations, one waits here.
        let found = account::lock(&tx, organization, account.id).await.internal(caller)?;
        let present = found.ok_or(WebhookError::NotFound)?;
        // Connected anew or disconnected since the provider was asked: it would be made at somebody else's.
        if !is_same_partner(account, &present) {
            return Err(WebhookError::Busy);
        }
        if !is_manual && !present.status.is_usable() {
            return Err(WebhookError::NotConnected(Box::new(present)));
        }
        for other in webhook::lock_of_account(&tx, organization, account.id).await.internal(caller)? {
            if other.status == WebhookStatus::Registering {
                if other.created_at > now - PATIENCE {
                    return Err(WebhookError::Busy);
                }
                // Whatever it took waits at this one.
                prepared.inherit(&other);
                webhook::delete(&tx, organization, other.id).await.internal(caller)?;
            }
        }
        let (path_hash, mac) = (secrets.path_hash(), secrets.authorization_mac(core, prepared.id));
        webhook::insert(&tx, &prepared, path_hash, mac).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(prepared)
    }

    /// Lets the new webhook take the place of the one before; `None` when it was given up in the meantime.
    async fn establish(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
        id: WebhookId,
        remote: Option<&RemoteWebhook>,
    ) -> Result<Option<Established>, WebhookError> {
        let (core, organization) = (&self.core, caller.organization_id);
        let tx = core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, organization, account.id).await.internal(caller)?;
        let mut account = found.ok_or(WebhookError::NotFound)?;
        let found = webhook::lock_of_account(&tx, organization, account.id).await.internal(caller)?;
        let (new, old): (Vec<Webhook>, Vec<Webhook>) = found.into_iter().partition(|webhook| webhook.id == id);
        let Some(mut new) = new.into_iter().next() else { return Ok(None) };
        let replaced: Vec<Webhook> = old.into_iter().filter(|old| old.status == WebhookStatus::Active).collect();
        for old in &replaced {
            // What it was told waits at the new one.
            new.inherit(old);
            webhook::delete(&tx, organization, old.id).await.internal(caller)?;
        }
        account.webhooks_left.extend(self.ids_here(&replaced));
        // Until it is known that what it had before is gone.
        let is_left = !account.webhooks_left.is_empty();
        account.webhook_reminder = is_left.then(|| older_left(UNANSWERED));
        account::update(&tx, &account, core.clock.now()).await.internal(caller)?;
        new.status = WebhookStatus::Active;
        new.external_id = remote.map(|remote| remote.id.clone());
        new.version += 1;
        webhook::update(&tx, &new).await.internal(caller)?;
        let external = json!({
            "system": if new.is_manual { "none: to be set up by hand" } else { "Pax8" },
            "webhookId": new.external_id,
            "url": new.url,
            "topics": new.topics,
        });
        self.record(&tx, caller, &account, "provider_webhook.register", external).await?;
        tx.commit().await.internal(caller)?;
        Ok(Some(Established { account, webhook: new, replaced }))
    }

    /// Forgets a webhook that the provider did not make. Should it have made it after all, the next registration or
    /// removal deletes it there; what it sends until then is not taken.
    async fn give_up(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
        id: WebhookId,
        error: &ConnectorError,
    ) -> Result<(), WebhookError> {
        let tx = self.core.store.begin().await.internal(caller)?;
        // Should it have been made after all, it may be sent to at this moment.
        webhook::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        webhook::delete(&tx, caller.organization_id, id).await.internal(caller)?;
        let external = json!({ "system": "Pax8", "failure": error.to_string() });
        self.record(&tx, caller, account, "provider_webhook.register_failed", external).await?;
        Ok(tx.commit().await.internal(caller)?)
    }

    /// Remembers a webhook that was made for nobody and could not be deleted.
    async fn keep_left(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
        remote_id: String,
        error: &ConnectorError,
    ) -> Result<(), WebhookError> {
        let tx = self.core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, account.id).await.internal(caller)?;
        let mut present = found.ok_or(WebhookError::NotFound)?;
        // For another partner it is not there.
        present.webhooks_left.extend(is_same_partner(account, &present).then_some(remote_id));
        present.webhook_reminder = Some(Leftover::Undeleted(error.to_string()).to_string());
        account::update(&tx, &present, self.core.clock.now()).await.internal(caller)?;
        Ok(tx.commit().await.internal(caller)?)
    }

    /// Lets the webhooks before go at the provider, and says what is left of them.
    async fn finish(
        &self,
        caller: &Caller,
        established: Established,
        address: Option<Address>,
    ) -> Result<Registered, Internal> {
        let Established { account, webhook, replaced } = established;
        // One that a person set up by hand has become the new one there, if it is one by hand again.
        let is_left = |left: &Leftover| !(webhook.is_manual && *left == Leftover::ByHand);
        let mut remarks: Vec<String> =
            self.leftovers(&replaced).iter().filter(|left| is_left(left)).map(Leftover::to_string).collect();
        let (is_cleared, reminder) = match self.clear(caller, &account).await {
            Ok(_) => (true, None),
            // Nothing is known of an older one, and nobody could look.
            Err(_) if webhook.is_manual && account.webhooks_left.is_empty() => (false, None),
            // Also a fault of ours, which was logged: the new one works, and its address is shown only now.
            Err(error) => (false, Some(older_left(&error.to_string()))),
        };
        remarks.extend(reminder.clone());
        let account = if account.webhook_reminder == reminder && account.webhooks_left.is_empty() {
            account
        } else {
            self.settle(caller, account, is_cleared, reminder).await?
        };
        Ok(Registered { account, webhook, address, remarks })
    }
}

/// What is said of a webhook before that the provider may still have.
fn older_left(why: &str) -> String {
    format!(
        "The new webhook is registered, but an older one could not be deleted at Pax8 ({why}). What it sends is refused; \
         delete it there, or register again later."
    )
}

/// The topics to be told of: those asked for, or those that this version knows, as far as the provider has them.
async fn chosen(provider: &dyn ProviderWebhooks, wanted: Option<Vec<String>>) -> Result<Vec<String>, WebhookError> {
    let known: Vec<String> = provider.topics().await?.into_iter().map(|topic| topic.topic).collect();
    let mut chosen = match wanted {
        Some(wanted) => wanted,
        None => known.iter().filter(|topic| lists_of(topic).is_some()).cloned().collect(),
    };
    if let Some(at) = chosen.iter().position(|topic| !known.contains(topic)) {
        return Err(WebhookError::UnknownTopic { topic: chosen.swap_remove(at), known });
    }
    // Pax8 takes a topic only once.
    chosen.sort_unstable();
    chosen.dedup();
    if chosen.is_empty() { Err(WebhookError::NoTopic) } else { Ok(chosen) }
}

/// Makes a webhook at the provider that is sent to.
async fn make(provider: &dyn ProviderWebhooks, new: &NewWebhook) -> Result<RemoteWebhook, ConnectorError> {
    let mut remote = provider.create(new).await?;
    if !remote.is_active {
        if let Err(error) = provider.activate(&remote.id).await {
            // It is of no use, and nobody would know of it.
            drop(provider.delete(&remote.id).await);
            return Err(error);
        }
        remote.is_active = true;
    }
    Ok(remote)
}
