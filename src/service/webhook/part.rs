//! Parting from what a webhook was made with: an account is disconnected, or becomes somebody else's. The provider is asked
//! to delete it as long as we may still ask; here it is forgotten in the transaction that forgets or replaces the secrets,
//! whatever the provider said, so that what it sends is answered like a message to nobody.

use std::time::Duration;

use serde_json::json;
use url::Url;

use super::{WebhookError, WebhookService};
use crate::connector::pax8::Pax8Settings;
use crate::domain::access::Caller;
use crate::domain::provider::{ConnectorKind, ProviderAccount};
use crate::domain::webhook::Webhook;
use crate::service::{Internal, OrInternal as _};
use crate::storage::{Tx, webhook};

/// How long a person waits for the provider.
const PATIENCE: Duration = Duration::from_secs(15);

/// What became of the webhook of an account at the provider.
#[derive(Debug)]
pub enum Parting {
    /// There was none, or it stays.
    Nothing,
    /// The provider has none of ours any more.
    Removed,
    /// A person set it up there and has to remove it there.
    ByHand,
    /// It does not lead here, so that it may be another installation's, and was left alone.
    Elsewhere(String),
    /// It is still there, or may be.
    Left(String),
}

impl Parting {
    /// What a person has to know of it when the account is disconnected.
    pub fn reminder(&self) -> Option<String> {
        match self {
            Self::Nothing | Self::Removed => None,
            Self::ByHand => {
                Some("The webhook was set up by hand at Pax8. Delete it there; what it sends is refused.".to_owned())
            }
            Self::Elsewhere(reminder) => Some(reminder.clone()),
            Self::Left(why) => Some(format!(
                "The webhook could not be removed at Pax8 ({why}). Delete it there yourself; what it sends is refused."
            )),
        }
    }

    /// The same when the account has become somebody else's: then it has lost a webhook that nobody meant to remove.
    pub fn reminder_of_replaced(&self) -> Option<String> {
        let ended = match self {
            Self::Nothing => return None,
            Self::Removed => "The webhook belonged to the credentials before and was removed.".to_owned(),
            Self::ByHand | Self::Elsewhere(_) | Self::Left(_) => {
                format!("The webhook belonged to the credentials before. {}", self.reminder().unwrap_or_default())
            }
        };
        Some(format!("{ended} Register a new one to be told of changes."))
    }
}

impl WebhookService {
    /// Asks the provider to delete the webhook of an account, with the credentials that are about to be forgotten. Nothing
    /// that it answers stands in the way.
    pub async fn part(&self, caller: &Caller, account: &ProviderAccount) -> Result<Parting, Internal> {
        let read = self.core.store.read();
        let known = webhook::of_account(read, caller.organization_id, account.id).await.internal(caller)?;
        if known.is_empty() {
            return Ok(Parting::Nothing);
        }
        if known.iter().all(|webhook| webhook.is_manual) {
            return Ok(Parting::ByHand);
        }
        // Here first, so that nobody takes it for a working one when what comes after it fails.
        self.forget_at_once(caller, account).await?;
        Ok(match tokio::time::timeout(PATIENCE, self.clear(caller, account, &known)).await {
            Ok(Ok(())) => self.elsewhere(&known).map_or(Parting::Removed, Parting::Elsewhere),
            Ok(Err(WebhookError::Internal(internal))) => return Err(internal),
            Ok(Err(error)) => Parting::Left(error.to_string()),
            Err(_) => Parting::Left("it did not answer in time".to_owned()),
        })
    }

    /// The same when an account goes over to other credentials, unless they are those of the same partner.
    pub async fn part_from(
        &self,
        caller: &Caller,
        before: &ProviderAccount,
        after: &ProviderAccount,
    ) -> Result<Parting, Internal> {
        if is_same_partner(before, after) { Ok(Parting::Nothing) } else { self.part(caller, before).await }
    }

    /// Forgets the webhook of an account here, with what came in over it and waits; returns what there was.
    pub async fn forget(&self, tx: &Tx, caller: &Caller, account: &ProviderAccount) -> Result<Vec<Webhook>, Internal> {
        let found = webhook::lock_of_account(tx, caller.organization_id, account.id).await.internal(caller)?;
        for known in &found {
            webhook::delete(tx, caller.organization_id, known.id).await.internal(caller)?;
        }
        if !found.is_empty() {
            let ids: Vec<&str> = found.iter().filter_map(|known| known.external_id.as_deref()).collect();
            let before = json!({ "system": "Pax8", "webhookIds": ids });
            let change = (Some(before), json!({ "system": "Pax8", "webhookIds": [] }));
            self.record_change(tx, caller, account, "provider_webhook.remove", change).await?;
        }
        Ok(found)
    }

    /// The same by itself, before the provider is asked to delete it.
    async fn forget_at_once(&self, caller: &Caller, account: &ProviderAccount) -> Result<(), Internal> {
        let tx = self.core.store.begin().await.internal(caller)?;
        self.forget(&tx, caller, account).await?;
        tx.commit().await.internal(caller)
    }

    /// The same when an account goes over to other credentials, unless they are those of the same partner.
    pub async fn forget_replaced(
        &self,
        tx: &Tx,
        caller: &Caller,
        before: &ProviderAccount,
        after: &ProviderAccount,
    ) -> Result<(), Internal> {
        if is_same_partner(before, after) { Ok(()) } else { self.forget(tx, caller, after).await.map(drop) }
    }

    /// Deletes at the provider whatever this installation made there for an account; these are known here.
    async fn clear(&self, caller: &Caller, account: &ProviderAccount, known: &[Webhook]) -> Result<(), WebhookError> {
        let provider = self.provider(caller, account).await?;
        self.delete_known(&*provider, known).await?;
        for (remote, _) in self.ours(account, &*provider).await? {
            provider.delete(&remote.id).await?;
        }
        Ok(())
    }
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
