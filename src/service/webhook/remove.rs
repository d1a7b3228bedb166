//! Removing a webhook: here first, so that nothing more is taken, then at the provider.

use super::{WebhookError, WebhookService};
use crate::domain::access::{Caller, Role};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::ProviderAccount;

/// What came of removing.
#[derive(Debug)]
pub struct Removed {
    /// Account, which has no webhook any more.
    pub account: ProviderAccount,
    /// Why the webhook is still at the provider; removing again tries again.
    pub left_behind: Option<WebhookError>,
}

impl WebhookService {
    /// Removes the webhook of an account. What came in over it and waits is forgotten with it.
    pub async fn remove(&self, caller: &Caller, id: ProviderAccountId) -> Result<Removed, WebhookError> {
        caller.require(Role::Admin)?;
        let account = self.account(caller, id).await?;
        let found = self.forget_at_once(caller, &account).await?;
        let swept = match self.provider(caller, &account).await {
            Ok(provider) => self.sweep(caller, &account, &*provider).await,
            Err(error) => Err(error),
        };
        if let Some(elsewhere) = self.elsewhere(&found) {
            return Ok(Removed { account, left_behind: Some(WebhookError::Elsewhere(elsewhere)) });
        }
        let is_only_here = found.iter().all(|known| known.is_manual);
        match swept {
            Ok(0) if found.is_empty() => Err(WebhookError::NotRegistered),
            Ok(_) => Ok(Removed { account, left_behind: None }),
            // An account that never was one of Pax8, or is none any more, has nothing to look for there.
            Err(WebhookError::NotPax8 | WebhookError::NotConnected(_)) if found.is_empty() => {
                Err(WebhookError::NotRegistered)
            }
            Err(error @ WebhookError::Internal(_)) => Err(error),
            Err(_) if is_only_here && !found.is_empty() => Ok(Removed { account, left_behind: None }),
            Err(error) => Ok(Removed { account, left_behind: Some(error) }),
        }
    }
}
