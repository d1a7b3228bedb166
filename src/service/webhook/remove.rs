//! Removing a webhook: here first, so that nothing more is taken, then at the provider.

use serde_json::json;

use super::{WebhookError, WebhookService};
use crate::domain::access::{Caller, Role};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::ProviderAccount;
use crate::domain::webhook::Webhook;
use crate::service::OrInternal as _;
use crate::storage::account;

/// What came of removing.
#[derive(Debug)]
pub struct Removed {
    /// Account, which has no webhook any more.
    pub account: ProviderAccount,
    /// Why the webhook is still at the provider; removing again tries again.
    pub left_behind: Option<WebhookError>,
}

/// What was forgotten here.
struct Forgotten {
    account: ProviderAccount,
    webhooks: Vec<Webhook>,
    had_reminder: bool,
}

impl WebhookService {
    /// Removes the webhook of an account. What came in over it and waits is forgotten with it, and what is said of one that
    /// it had is not said any more.
    pub async fn remove(&self, caller: &Caller, id: ProviderAccountId) -> Result<Removed, WebhookError> {
        caller.require(Role::Admin)?;
        let account = self.account(caller, id).await?;
        let Forgotten { account, webhooks: found, had_reminder } = self.forget_for_good(caller, account).await?;
        let was_something = had_reminder || !found.is_empty();
        let swept = match self.provider(caller, &account).await {
            Ok(provider) => self.sweep(caller, &account, &*provider, &found).await,
            Err(error) => Err(error),
        };
        if let Some(elsewhere) = self.elsewhere(&found) {
            return Ok(Removed { account, left_behind: Some(WebhookError::Elsewhere(elsewhere)) });
        }
        let is_connected = account.status.is_usable();
        // Set up by hand, or long gone and only spoken of: then a person removes it there.
        let is_only_here = found.iter().all(|known| known.is_manual) && (!found.is_empty() || !is_connected);
        match swept {
            Ok(0) if !was_something => Err(WebhookError::NotRegistered),
            Ok(_) => Ok(Removed { account, left_behind: None }),
            Err(error @ WebhookError::Internal(_)) => Err(error),
            // An account that never was one of Pax8, or cannot ask it any more, has nothing to look for there.
            Err(error) if !was_something && (!is_connected || matches!(error, WebhookError::NotPax8)) => {
                Err(WebhookError::NotRegistered)
            }
            Err(_) if was_something && is_only_here => Ok(Removed { account, left_behind: None }),
            Err(error) => Ok(Removed { account, left_behind: Some(error) }),
        }
    }

    /// Forgets the webhook of an account here, and what is still to be said of one that it had.
    async fn forget_for_good(&self, caller: &Caller, account: ProviderAccount) -> Result<Forgotten, WebhookError> {
        let tx = self.core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, account.id).await.internal(caller)?;
        let mut account = found.ok_or(WebhookError::NotFound)?;
        let webhooks = self.forget(&tx, caller, &account).await?;
        let reminder = account.webhook_reminder.take();
        if let Some(reminder) = &reminder {
            account.version += 1;
            account::update(&tx, &account, self.core.clock.now()).await.internal(caller)?;
            let change = (Some(json!({ "reminder": reminder })), json!({ "reminder": null }));
            self.record_change(&tx, caller, &account, "provider_webhook.reminder_remove", change).await?;
        }
        tx.commit().await.internal(caller)?;
        Ok(Forgotten { account, webhooks, had_reminder: reminder.is_some() })
    }
}
