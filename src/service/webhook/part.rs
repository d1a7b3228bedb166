//! Parting from what a webhook was made with: it is removed, replaced, or its account is disconnected or becomes somebody
//! else's. Three steps, so that a crash between two of them loses nothing:
//!
//! 1. It is forgotten here, in one transaction with the provider's id of it, which the account keeps, and with a sentence
//!    that says that it may still be at the provider. What it sends from now on is answered like a message to nobody.
//! 2. The provider is asked to delete it, as long as we may still ask.
//! 3. What came of that is remembered.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::{WebhookError, WebhookService};
use crate::connector::pax8::Pax8Settings;
use crate::domain::access::Caller;
use crate::domain::provider::{ConnectorKind, ProviderAccount};
use crate::domain::webhook::Webhook;
use crate::service::{Internal, OrInternal as _};
use crate::storage::{Tx, account, webhook};

/// How long a person who connects or disconnects an account waits for the provider.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a webhook may still be at the provider, as long as nothing else is known.
pub(super) const UNANSWERED: &str = "it has not answered yet";

/// Something that is left to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftover {
    /// A person set the webhook up at the provider, so that we do not know it there.
    ByHand,
    /// It leads to this address, which is not ours: it was made before the address of this server changed, or by the
    /// installation that this one was copied from.
    Elsewhere(String),
    /// It is still at the provider, or may be, and why.
    Undeleted(String),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByHand => {
                f.write_str("The webhook was set up by hand at Pax8. Delete it there; what it sends is refused.")
            }
            Self::Elsewhere(url) => write!(
                f,
                "The webhook that the account had sends to {url}, which is not the address of this server, so it was left \
                 at Pax8. Delete it there, unless it belongs to another installation."
            ),
            Self::Undeleted(why) => write!(
                f,
                "The webhook could not be removed at Pax8 ({why}). Delete it there yourself, or remove it here once more \
                 when Pax8 can be asked; what it sends is refused."
            ),
        }
    }
}

/// What became of the webhook of an account.
#[derive(Debug, Default)]
pub struct Parting {
    /// Whether there was one.
    pub had_one: bool,
    /// What is left to a person.
    pub left: Vec<Leftover>,
}

impl Parting {
    /// What a person has to know of it; `None` when there is nothing.
    pub fn reminder(&self) -> Option<String> {
        let sentences: Vec<String> = self.left.iter().map(Leftover::to_string).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// The same when the account goes on: then it has lost a webhook that nobody meant to remove.
    fn reminder_of_replaced(&self) -> Option<String> {
        let ended = match self.reminder() {
            _ if !self.had_one => return None,
            None => "The webhook belonged to the credentials before and was removed.".to_owned(),
            Some(left) => format!("The webhook belonged to the credentials before. {left}"),
        };
        Some(format!("{ended} Register a new one to be told of changes."))
    }
}

/// A webhook that was forgotten here.
pub(super) struct Forgotten {
    /// The account, which keeps what the provider may still have.
    pub account: ProviderAccount,
    /// Webhooks that it had.
    pub webhooks: Vec<Webhook>,
}

impl WebhookService {
    /// Parts from the webhook of an account, with the credentials that are about to be forgotten. Nothing that the provider
    /// answers stands in the way.
    pub async fn part(&self, caller: &Caller, account: &ProviderAccount) -> Result<Parting, Internal> {
        let read = self.core.store.read();
        let known = webhook::of_account(read, caller.organization_id, account.id).await.internal(caller)?;
        if known.is_empty() && account.webhooks_left.is_empty() {
            return Ok(Parting::default());
        }
        let Some(Forgotten { account, webhooks }) = self.forget_at_once(caller, account).await? else {
            return Ok(Parting::default());
        };
        let mut left = self.leftovers(&webhooks);
        let cleared = if has_automatic(&account, &webhooks) {
            match tokio::time::timeout(PATIENCE, self.clear(caller, &account)).await {
                Ok(Err(WebhookError::Internal(internal))) => return Err(internal),
                Ok(outcome) => outcome.map(drop).map_err(|error| error.to_string()),
                Err(_) => Err("it did not answer in time".to_owned()),
            }
        } else {
            Ok(())
        };
        let is_cleared = cleared.is_ok();
        left.extend(cleared.err().map(Leftover::Undeleted));
        let parting = Parting { had_one: true, left };
        // Should what comes after this fail, the account goes on without its webhook.
        self.settle(caller, account, is_cleared, parting.reminder_of_replaced()).await?;
        Ok(parting)
    }

    /// The same when an account goes over to other credentials, unless they are those of the same partner.
    pub async fn part_from(
        &self,
        caller: &Caller,
        before: &ProviderAccount,
        after: &ProviderAccount,
    ) -> Result<(), Internal> {
        if is_same_partner(before, after) { Ok(()) } else { self.part(caller, before).await.map(drop) }
    }

    /// Forgets the webhook of an account, with what came in over it and waits. The account is held, and has to be stored
    /// after this.
    pub async fn forget(
        &self,
        tx: &Tx,
        caller: &Caller,
        account: &mut ProviderAccount,
    ) -> Result<Vec<Webhook>, Internal> {
        let found = webhook::lock_of_account(tx, caller.organization_id, account.id).await.internal(caller)?;
        if found.is_empty() {
            return Ok(found);
        }
        for known in &found {
            webhook::delete(tx, caller.organization_id, known.id).await.internal(caller)?;
        }
        let ids: Vec<&str> = found.iter().filter_map(|known| known.external_id.as_deref()).collect();
        let before = json!({ "system": "Pax8", "webhookIds": ids });
        let change = (Some(before), json!({ "system": "Pax8", "webhookIds": [] }));
        self.record_change(tx, caller, account, "provider_webhook.remove", change).await?;
        account.webhooks_left.extend(self.ids_here(&found));
        let mut left = self.leftovers(&found);
        if has_automatic(account, &found) {
            left.push(Leftover::Undeleted(UNANSWERED.to_owned()));
        }
        account.webhook_reminder = Parting { had_one: true, left }.reminder();
        Ok(found)
    }

    /// The same by itself; `None` when the account is gone.
    pub(super) async fn forget_at_once(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
    ) -> Result<Option<Forgotten>, Internal> {
        let tx = self.core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, account.id).await.internal(caller)?;
        let Some(mut account) = found else { return Ok(None) };
        let webhooks = self.forget(&tx, caller, &mut account).await?;
        account::update(&tx, &account, self.core.clock.now()).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(Some(Forgotten { account, webhooks }))
    }

    /// The same when an account has gone over to other credentials, unless they are those of the same partner: what was
    /// registered since it was parted from cannot be deleted with them.
    pub async fn forget_replaced(
        &self,
        tx: &Tx,
        caller: &Caller,
        before: &ProviderAccount,
        changed: &mut ProviderAccount,
    ) -> Result<(), Internal> {
        if !is_same_partner(before, changed) {
            self.forget(tx, caller, changed).await?;
            let left = std::mem::take(&mut changed.webhooks_left);
            if !left.is_empty() {
                // The new credentials would not find it, and take it for gone.
                changed.webhook_reminder = Some(format!(
                    "A webhook of the credentials before could not be removed at Pax8 (its ID there is {}). Delete it there; \
                     what it sends is refused. Register a new one to be told of changes.",
                    left.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Deletes at the provider what the account keeps the ids of, and what this installation once made there for it and does
    /// not know any more: a webhook of which nobody knew whether it was made. Returns how many there were of the latter.
    pub(super) async fn clear(&self, caller: &Caller, account: &ProviderAccount) -> Result<usize, WebhookError> {
        let provider = self.provider(caller, account).await?;
        let mut refused = None;
        for id in &account.webhooks_left {
            // One that is refused keeps no other there.
            refused = provider.delete(id).await.err().or(refused);
        }
        if let Some(error) = refused {
            return Err(error.into());
        }
        let ours = self.ours(account, &*provider).await?;
        // After the list: a registration is stored before it is made there, so that a list never shows an unknown one
        // that is just being made.
        let known = webhook::of_account(self.core.store.read(), caller.organization_id, account.id);
        let known: Vec<String> = known.await.internal(caller)?.iter().map(|known| known.id.to_string()).collect();
        let mut swept = 0;
        for (remote, _) in ours.iter().filter(|(_, id)| !known.contains(id)) {
            provider.delete(&remote.id).await?;
            swept += 1;
        }
        Ok(swept)
    }

    /// Remembers what came of asking the provider; what somebody else has said of the account since stays.
    pub(super) async fn settle(
        &self,
        caller: &Caller,
        asked: ProviderAccount,
        is_cleared: bool,
        reminder: Option<String>,
    ) -> Result<ProviderAccount, Internal> {
        let tx = self.core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, asked.id).await.internal(caller)?;
        let Some(mut changed) = found else { return Ok(asked) };
        if is_cleared {
            changed.webhooks_left.retain(|id| !asked.webhooks_left.contains(id));
        }
        if changed.webhook_reminder == asked.webhook_reminder {
            changed.webhook_reminder = reminder;
        }
        account::update(&tx, &changed, self.core.clock.now()).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(changed)
    }

    /// The provider's ids of those that lead here.
    pub(super) fn ids_here(&self, webhooks: &[Webhook]) -> Vec<String> {
        webhooks.iter().filter(|known| self.is_here(known)).filter_map(|known| known.external_id.clone()).collect()
    }

    /// What is left to a person of webhooks that were forgotten, whatever the provider says.
    pub(super) fn leftovers(&self, webhooks: &[Webhook]) -> Vec<Leftover> {
        let left = |webhook: &Webhook| match webhook {
            webhook if webhook.is_manual => Some(Leftover::ByHand),
            webhook if !self.is_here(webhook) => Some(Leftover::Elsewhere(webhook.url.clone())),
            _ => None,
        };
        webhooks.iter().filter_map(left).collect()
    }
}

/// Whether the provider may have something that it was asked for, so that it is to be asked to delete it.
fn has_automatic(account: &ProviderAccount, webhooks: &[Webhook]) -> bool {
    !account.webhooks_left.is_empty() || webhooks.iter().any(|webhook| !webhook.is_manual)
}

/// Whether credentials are taken for those of the same partner: nothing that both of them name differs. An account that
/// goes over from keys to its first login, or back, keeps its webhook: which partner a person belongs to is not known.
pub(super) fn is_same_partner(before: &ProviderAccount, after: &ProviderAccount) -> bool {
    let differ =
        |before: &Option<String>, after: &Option<String>| before.is_some() && after.is_some() && before != after;
    before.connector == after.connector
        && addresses(before) == addresses(after)
        && !differ(&before.client_id, &after.client_id)
        && !differ(&before.application_id, &after.application_id)
}

/// The addresses that an account of Pax8 is reached at, however they are written.
fn addresses(account: &ProviderAccount) -> Option<[String; 2]> {
    if account.connector != Some(ConnectorKind::Pax8) {
        return None;
    }
    let settings: Pax8Settings = serde_json::from_str(&account.settings).ok()?;
    let plain = |text: String| {
        let url = Url::parse(&text).map_or(text, Into::into);
        url.trim_end_matches('/').to_owned()
    };
    Some([plain(settings.base_url), plain(settings.webhook_base_url.unwrap_or_default())])
}
