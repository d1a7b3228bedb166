//! Disconnecting: the consent is given back where the provider offers it, the webhook is removed, and every secret of the
//! account is forgotten.

use super::SetupService;
use super::account::AccountError;
use crate::connector::ConnectorError;
use crate::connector::oauth::application::Application;
use crate::domain::access::{Caller, Role};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::{AccountStatus, ConnectionMethod, ProviderAccount};
use crate::service::OrInternal as _;
use crate::service::sealing::SealedPlace;
use crate::storage::authorization::{self, StoredAuthorization};
use crate::storage::provider_token::{self, StoredTokens, TokenKey};
use crate::storage::{account, integration};

/// An account after it was disconnected.
#[derive(Debug, Clone)]
pub struct Disconnected {
    /// The account.
    pub account: ProviderAccount,
    /// Whether the consent was given back at the provider; `None` when there was none, or the provider offers no way.
    pub is_revoked: Option<bool>,
}

/// What became of giving a consent back.
enum Revocation {
    Done,
    NotOffered,
    Failed(ConnectorError),
}

impl Revocation {
    /// What is left to a person.
    fn reminder(&self) -> Option<String> {
        match self {
            Self::Done | Self::NotOffered => None,
            Self::Failed(error) => Some(unreturned(&error.to_string())),
        }
    }
}

fn unreturned(why: &str) -> String {
    format!("The consent could not be given back at the provider ({why}). Withdraw it there yourself.")
}

impl SetupService {
    /// Gives the consent back where the provider offers it, removes the webhook, and forgets every secret of the account.
    /// Its data, mappings, settings and client id stay.
    pub async fn disconnect(&self, caller: &Caller, id: ProviderAccountId) -> Result<Disconnected, AccountError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let read = core.store.read();
        let found = account::find(read, caller.organization_id, id).await.internal(caller)?;
        let known = found.ok_or(AccountError::NotFound)?;
        // With the secrets that are forgotten below.
        let parting = self.webhooks().part(caller, &known).await?;
        let mut revoked = Revocation::NotOffered;
        let mut given_back = None;
        let consent =
            TokenKey { organization_id: caller.organization_id, account_id: id, method: ConnectionMethod::Delegated };
        let application = authorization::find(read, caller.organization_id, id).await.internal(caller)?;
        if let Some(application) = &application
            && let Some(stored) = provider_token::find(read, consent).await.internal(caller)?
        {
            revoked = self.revoke(&known, application, &stored).await;
            given_back = Some(stored.number);
        }
        let tx = core.store.begin().await.internal(caller)?;
        // Everybody holds the integration before its accounts, so that nobody waits in a circle.
        integration::lock(&tx, caller.organization_id, known.integration_id).await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let before = found.ok_or(AccountError::NotFound)?;
        let present = provider_token::find(&*tx, consent).await.internal(caller)?;
        // For an origin that nobody acts for.
        provider_token::void(&tx, consent, &core.ids.next().to_string()).await.internal(caller)?;
        self.replace_keys(&tx, caller, id, None).await?;
        authorization::remove(&tx, caller.organization_id, id).await.internal(caller)?;
        // Somebody renewed the tokens between the two: the newer ones are given back too, once they are nobody's here.
        let newer = present.filter(|stored| stored.sealed.is_some() && Some(stored.number) != given_back);
        let newer = application.as_ref().zip(newer);
        let mut changed = ProviderAccount {
            status: AccountStatus::NotConnected,
            failure: None,
            failure_message: None,
            remarks: Vec::new(),
            webhook_reminder: if parting.had_one { parting.reminder() } else { before.webhook_reminder.clone() },
            consent_reminder: match &newer {
                Some(_) => Some(unreturned("the tokens were renewed at the same moment")),
                None => revoked.reminder(),
            },
            capabilities: Vec::new(),
            granted_scopes: Vec::new(),
            consent_ends_at: None,
            authorizing_until: None,
            verified_at: None,
            version: before.version + 1,
            ..before.clone()
        };
        // Registered since it was parted from.
        self.webhooks().forget(&tx, caller, &mut changed).await?;
        account::update(&tx, &changed, core.clock.now()).await.internal(caller)?;
        self.audit_account(&tx, caller, "provider_account.disconnect", Some(&before), &changed).await?;
        tx.commit().await.internal(caller)?;
        core.connectors.forget(id);
        let mut disconnected = changed;
        if let Some((application, stored)) = newer {
            revoked = self.revoke(&known, application, &stored).await;
            disconnected = self.remind_of_consent(caller, disconnected, revoked.reminder()).await?;
        }
        let is_revoked = match revoked {
            Revocation::Done => Some(true),
            Revocation::NotOffered => None,
            Revocation::Failed(_) => Some(false),
        };
        Ok(Disconnected { account: disconnected, is_revoked })
    }

    /// Says at an account what is left to do about a consent that it had, unless somebody has connected it since.
    async fn remind_of_consent(
        &self,
        caller: &Caller,
        disconnected: ProviderAccount,
        reminder: Option<String>,
    ) -> Result<ProviderAccount, AccountError> {
        let tx = self.core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, disconnected.id).await.internal(caller)?;
        let Some(mut changed) = found.filter(|found| found.version == disconnected.version) else {
            return Ok(disconnected);
        };
        changed.consent_reminder = reminder;
        account::update(&tx, &changed, self.core.clock.now()).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(changed)
    }

    /// Gives back the consent behind stored tokens.
    async fn revoke(
        &self,
        known: &ProviderAccount,
        authorization: &StoredAuthorization,
        stored: &StoredTokens,
    ) -> Revocation {
        let connectors = &self.core.connectors;
        let Ok(application) = serde_json::from_str::<Application>(&authorization.application) else {
            return Revocation::NotOffered;
        };
        let token = match stored.sealed.as_deref().map(|sealed| connectors.revocable(known, sealed)) {
            Some(Ok(token)) => token,
            Some(Err(error)) if application.revocation_url.is_some() => return Revocation::Failed(error),
            Some(Err(_)) | None => return Revocation::NotOffered,
        };
        let secret = authorization.application_secret.as_deref();
        let secret = secret.map(|sealed| connectors.open(known, SealedPlace::ApplicationSecret, sealed)).transpose();
        let authorizer = match secret.map(|secret| connectors.authorizer(known, application, secret)) {
            Ok(Ok(authorizer)) => authorizer,
            Ok(Err(error)) => return Revocation::Failed(error.into()),
            Err(error) => return Revocation::Failed(error),
        };
        match authorizer.revoke(&token).await {
            Ok(true) => Revocation::Done,
            Ok(false) => Revocation::NotOffered,
            Err(error) => Revocation::Failed(error),
        }
    }
}
