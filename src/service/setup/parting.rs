//! What becomes of the webhook of an account that goes over to the consent of somebody else; the rules are in
//! [`crate::service::webhook`].

use super::SetupService;
use crate::connector::oauth::application::Application;
use crate::domain::access::Caller;
use crate::domain::provider::{ConnectorKind, ProviderAccount};
use crate::service::webhook::WebhookService;
use crate::service::{Internal, OrInternal as _};
use crate::storage::authorization::{self, Attempt};
use crate::storage::text::Word as _;

impl SetupService {
    /// Webhooks.
    pub(super) fn webhooks(&self) -> WebhookService {
        WebhookService::new(self.core.clone())
    }

    /// Parts from the webhook of an account that is about to go over to the consent of a person.
    pub(super) async fn part_before_consent(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        known: &ProviderAccount,
        application: &Application,
    ) -> Result<(), Internal> {
        // Somebody disconnected the account, or began anew, while the person was away: then nothing is gone over to.
        if !authorization::is_attempt(self.core.store.read(), &attempt.state_hash).await.internal(caller)? {
            return Ok(());
        }
        let after = ProviderAccount {
            connector: Some(ConnectorKind::read(&attempt.connector).internal(caller)?),
            application_id: Some(application.client_id.clone()),
            settings: attempt.settings.clone(),
            ..known.clone()
        };
        self.webhooks().part_from(caller, known, &after).await
    }
}
