//! Trying a webhook: the provider is asked for a sample, and what comes in tells whether the way is open.

use std::time::Duration;

use serde_json::json;

use super::{WebhookError, WebhookService};
use crate::domain::access::{Caller, Role};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::ProviderAccount;
use crate::service::OrInternal as _;
use crate::storage::webhook;

/// How long to wait for the sample. Pax8 may take minutes, but then the way is open all the same.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often to look.
const LOOK: Duration = Duration::from_millis(100);

impl WebhookService {
    /// Asks the provider for the sample message of a topic, and whether it came in within a few seconds.
    pub async fn test(
        &self,
        caller: &Caller,
        id: ProviderAccountId,
        topic: &str,
    ) -> Result<(ProviderAccount, bool), WebhookError> {
        caller.require(Role::Admin)?;
        let account = self.account(caller, id).await?;
        let (store, organization) = (&self.core.store, caller.organization_id);
        let found = webhook::of_accounts(store.read(), organization, &[id.0]).await.internal(caller)?;
        let found = found.into_iter().next().ok_or(WebhookError::NotRegistered)?;
        let external_id = found.external_id.as_deref().ok_or(WebhookError::Manual)?;
        let provider = self.provider(caller, &account).await?;
        if !found.topics.iter().any(|known| known == topic) {
            return Err(WebhookError::UnknownTopic { topic: topic.to_owned(), known: found.topics });
        }
        let times = async || webhook::times(store.read(), organization, found.id, topic).await.internal(caller);
        let before = times().await?;
        let asked = provider.test(external_id, topic).await;
        let tx = store.begin().await.internal(caller)?;
        let external = json!({ "system": "Pax8", "webhookId": external_id, "topic": topic, "isAsked": asked.is_ok() });
        self.record(&tx, caller, &account, "provider_webhook.test", external).await?;
        tx.commit().await.internal(caller)?;
        asked?;
        let arrival = async {
            while times().await? <= before {
                tokio::time::sleep(LOOK).await;
            }
            Ok::<_, WebhookError>(())
        };
        match tokio::time::timeout(PATIENCE, arrival).await {
            Ok(Ok(())) => Ok((account, true)),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok((account, false)),
        }
    }
}
