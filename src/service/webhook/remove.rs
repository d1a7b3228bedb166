//! Removing a webhook because a person wants it, and taking away what is said of one that an account had.

use serde_json::json;

use super::part::{Forgotten, Leftover, Parting};
use super::{WebhookError, WebhookService};
use crate::domain::access::{Caller, Role};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::{AccountStatus, ProviderAccount};
use crate::service::{Internal, OrInternal as _};

/// What came of removing.
#[derive(Debug)]
pub struct Removed {
    /// Account, which has no webhook any more.
    pub account: ProviderAccount,
    /// Why a webhook is still at the provider; where it can be asked, removing again tries again.
    pub left_behind: Option<WebhookError>,
}

impl WebhookService {
    /// Removes the webhook of an account. What came in over it and waits is forgotten with it, and what was said of one that
    /// it had is said no longer, unless the provider was asked and has not deleted it.
    pub async fn remove(&self, caller: &Caller, id: ProviderAccountId) -> Result<Removed, WebhookError> {
        caller.require(Role::Admin)?;
        let known = self.account(caller, id).await?;
        let had_reminder = known.webhook_reminder.is_some();
        let forgotten = self.forget_at_once(caller, &known).await?;
        let Forgotten { account, webhooks } = forgotten.ok_or(WebhookError::NotFound)?;
        let was_something = had_reminder || !webhooks.is_empty() || !account.webhooks_left.is_empty();
        let is_connected = account.status.is_usable();
        // Where nobody can be asked, a person has seen to it.
        let is_seen_to = account.status == AccountStatus::NotConnected
            || (account.webhooks_left.is_empty() && webhooks.iter().all(|webhook| webhook.is_manual));
        let undeleted = match self.clear(caller, &account).await {
            Ok(0) if !was_something => return Err(WebhookError::NotRegistered),
            Ok(_) => None,
            Err(error @ WebhookError::Internal(_)) => return Err(error),
            // An account that never was one of Pax8, or cannot ask it any more, has nothing to look for there.
            Err(error) if !was_something && (!is_connected || matches!(error, WebhookError::NotPax8)) => {
                return Err(WebhookError::NotRegistered);
            }
            Err(_) if was_something && is_seen_to => None,
            Err(error) => Some(error),
        };
        let mut left = self.leftovers(&webhooks);
        let is_more_left = !left.is_empty();
        left.extend(undeleted.as_ref().map(|error| Leftover::Undeleted(error.to_string())));
        let left = Parting { had_one: true, left }.reminder();
        // What was said before of others is not known better now.
        let said_before = account.webhook_reminder.clone().filter(|_| webhooks.is_empty());
        let reminder = undeleted.as_ref().and_then(|_| said_before.or_else(|| left.clone()));
        if webhooks.is_empty() {
            self.record_seen_to(caller, &known, reminder.as_deref()).await?;
        }
        let account = self.settle(caller, account, undeleted.is_none(), reminder).await?;
        let left_behind = undeleted.filter(|_| !is_more_left).or_else(|| left.map(WebhookError::LeftToPerson));
        Ok(Removed { account, left_behind })
    }

    /// Remembers who took away what was said of a webhook that is forgotten already.
    async fn record_seen_to(
        &self,
        caller: &Caller,
        known: &ProviderAccount,
        reminder: Option<&str>,
    ) -> Result<(), Internal> {
        let tx = self.core.store.begin().await.internal(caller)?;
        let change = (Some(json!({ "reminder": known.webhook_reminder })), json!({ "reminder": reminder }));
        self.record_change(&tx, caller, known, "provider_webhook.reminder_change", change).await?;
        tx.commit().await.internal(caller)
    }
}
