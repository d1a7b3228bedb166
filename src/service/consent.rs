//! The kept tokens of accounts that a person consented to: handed out while they last, renewed once for everybody, and
//! ended when the provider accepts them no longer.
//!
//! A refresh token is good for one use, so three things hold. Nobody renews without the lease, which is a row that all
//! replicas see. A renewed token is stored before anybody uses it. And a renewal that has begun is carried to its end,
//! even when the caller that asked for it has gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use super::sealing::SealedPlace;
use crate::connector::ConnectorError;
use crate::connector::oauth::consent::{HeldToken, TokenKeeper};
use crate::connector::oauth::delegated::{Authorizer, GrantError, GrantedTokens};
use crate::connector::oauth::usable_until;
use crate::domain::access::{Actor, Caller};
use crate::domain::audit::Change;
use crate::domain::id::{OrganizationId, ProviderAccountId};
use crate::domain::provider::{AccountFailure, AccountStatus, ConnectionMethod, ProviderAccount};
use crate::environment::{Clock, Ids};
use crate::secret::{KeyRing, Sealed};
use crate::storage::audit::{self as chain, Seal};
use crate::storage::authorization::{self, NewTokens, StoredAuthorization};
use crate::storage::{StorageError, Store, account};

/// For how long a token is used whose provider does not say how long it lives. A refusal ends it sooner.
const UNSTATED_LIFETIME: TimeDelta = TimeDelta::hours(1);

/// How long to wait for somebody else's renewal: a little longer than their lease.
const PATIENCE: TimeDelta = TimeDelta::seconds(75);

/// How often to look whether it has ended.
const LOOK: Duration = Duration::from_millis(100);

/// Both tokens of a consent as they are sealed.
#[derive(Serialize, Deserialize)]
struct TokenPair {
    access: String,
    refresh: Option<String>,
}

/// Seals the tokens of an account.
pub fn sealed_tokens(
    keys: &KeyRing,
    (organization_id, account_id): (OrganizationId, ProviderAccountId),
    tokens: &GrantedTokens,
    now: DateTime<Utc>,
) -> NewTokens {
    let refresh = tokens.refresh.as_ref().map(|refresh| refresh.expose_secret().to_owned());
    let pair = TokenPair { access: tokens.access.expose_secret().to_owned(), refresh };
    let text = SecretString::from(serde_json::to_string(&pair).expect("texts are always JSON"));
    let associated = SealedPlace::Tokens.associated(organization_id, account_id);
    NewTokens { sealed: keys.seal(&text, &associated).0, issued_at: now, access_expires_at: tokens.expires_at }
}

/// The refresh token among sealed tokens, or the access token when there is none: what ends a consent at the provider.
pub fn revocable(
    keys: &KeyRing,
    (organization_id, account_id): (OrganizationId, ProviderAccountId),
    sealed: &str,
) -> Option<SecretString> {
    let associated = SealedPlace::Tokens.associated(organization_id, account_id);
    let opened = keys.open(&Sealed(sealed.to_owned()), &associated).ok()?;
    let pair: TokenPair = serde_json::from_str(opened.expose_secret()).ok()?;
    Some(pair.refresh.unwrap_or(pair.access).into())
}

/// What the kept tokens of every account stand on.
#[derive(Clone)]
pub struct ConsentParts {
    /// Database.
    pub store: Store,
    /// Opens and seals the tokens.
    pub keys: Arc<KeyRing>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// Key of the audit chain.
    pub seal: Arc<dyn Seal>,
    /// Renewals that are under way; whoever stops the process waits for them.
    pub renewals: TaskTracker,
}

/// The kept tokens of one account.
#[derive(Clone)]
pub struct StoredConsent {
    parts: ConsentParts,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    authorizer: Arc<Authorizer>,
    /// Names this process and account among those who take the lease.
    holder: String,
}

impl StoredConsent {
    /// The tokens of an account, renewed by its application.
    pub fn new(parts: ConsentParts, account: &ProviderAccount, authorizer: Arc<Authorizer>) -> Self {
        let holder = parts.ids.next().to_string();
        Self { parts, organization_id: account.organization_id, account_id: account.id, authorizer, holder }
    }

    fn key(&self) -> (OrganizationId, ProviderAccountId) {
        (self.organization_id, self.account_id)
    }

    fn unauthorized(&self, message: &str) -> ConnectorError {
        ConnectorError::Unauthorized { provider: self.authorizer.provider(), message: message.to_owned() }
    }

    /// The database failed; what it said is for the log.
    fn lost(&self, failure: &StorageError) -> ConnectorError {
        error!(provider_account.id = %self.account_id, "the tokens of account `{}` cannot be read or stored: {failure}", self.account_id);
        let message = "the tokens of the account cannot be read or stored at the moment".to_owned();
        ConnectorError::Unavailable { provider: self.authorizer.provider(), message }
    }

    async fn stored(&self) -> Result<(StoredAuthorization, TokenPair), ConnectorError> {
        let found = authorization::find(self.parts.store.read(), self.organization_id, self.account_id).await;
        let found = found.map_err(|failure| self.lost(&failure))?;
        let ended = || self.unauthorized("the consent has ended; authorize the account again");
        let stored = found.ok_or_else(ended)?;
        let sealed = Sealed(stored.tokens.clone().ok_or_else(ended)?);
        let associated = SealedPlace::Tokens.associated(self.organization_id, self.account_id);
        let opened = self
            .parts
            .keys
            .open(&sealed, &associated)
            .map_err(|error| ConnectorError::Unsupported(format!("the stored tokens cannot be opened: {error}")))?;
        let pair = serde_json::from_str(opened.expose_secret())
            .map_err(|_| ConnectorError::Unsupported("the stored tokens cannot be read".to_owned()))?;
        Ok((stored, pair))
    }

    fn use_until(stored: &StoredAuthorization, margin: TimeDelta) -> DateTime<Utc> {
        let issued_at = stored.issued_at.unwrap_or(DateTime::UNIX_EPOCH);
        usable_until(issued_at, stored.access_expires_at.unwrap_or(issued_at + UNSTATED_LIFETIME), margin)
    }

    async fn take_lease(&self, number: i64) -> Result<bool, StorageError> {
        let tx = self.parts.store.begin().await?;
        let (organization_id, account_id) = self.key();
        let now = self.parts.clock.now();
        let is_taken = authorization::take_lease(&tx, organization_id, account_id, number, &self.holder, now).await?;
        tx.commit().await?;
        Ok(is_taken)
    }

    /// Renews, with the lease in hand. What becomes of it is stored by the time this ends.
    async fn renew(self, number: i64, refresh: SecretString) -> Result<(), ConnectorError> {
        match self.authorizer.renew(&refresh).await {
            Ok(mut tokens) => {
                // A provider that does not rotate gives none; the one that was used is still good.
                tokens.refresh.get_or_insert(refresh);
                let new = sealed_tokens(&self.parts.keys, self.key(), &tokens, self.parts.clock.now());
                // The old token is spent by now: giving up would lose the consent.
                let patience = ExponentialBuilder::default().with_max_times(8).with_jitter();
                let store = || self.store(number, new.clone());
                match store.retry(patience).await {
                    Ok(true) => {
                        info!(provider_account.id = %self.account_id, "the tokens of account `{}` were renewed", self.account_id);
                        Ok(())
                    }
                    // Somebody connected or disconnected the account meanwhile; what they did counts.
                    Ok(false) => Ok(()),
                    Err(failure) => Err(self.lost(&failure)),
                }
            }
            Err(GrantError::InvalidGrant(words)) => {
                self.end(number, &words).await.map_err(|failure| self.lost(&failure))?;
                Err(self.unauthorized(&words))
            }
            Err(GrantError::Connector(error)) => {
                // Whoever comes next may try again.
                self.release().await.map_err(|failure| self.lost(&failure))?;
                Err(error)
            }
        }
    }

    async fn store(&self, number: i64, new: NewTokens) -> Result<bool, StorageError> {
        let tx = self.parts.store.begin().await?;
        let (organization_id, account_id) = self.key();
        let is_stored = authorization::renew(&tx, organization_id, account_id, number, &self.holder, new).await?;
        tx.commit().await?;
        Ok(is_stored)
    }

    async fn release(&self) -> Result<(), StorageError> {
        let tx = self.parts.store.begin().await?;
        authorization::release_lease(&tx, self.organization_id, self.account_id, &self.holder).await?;
        tx.commit().await
    }

    /// The provider accepts the consent no longer: nobody asks again, and a person has to connect the account anew.
    async fn end(&self, number: i64, words: &str) -> Result<(), StorageError> {
        let parts = &self.parts;
        let tx = parts.store.begin().await?;
        let now = parts.clock.now();
        let found = account::lock(&tx, self.organization_id, self.account_id).await?;
        if !authorization::forget_tokens(&tx, self.organization_id, self.account_id, number).await? {
            return Ok(());
        }
        if let Some(mut changed) = found
            && changed.method == ConnectionMethod::Delegated
        {
            let provider = self.authorizer.provider();
            changed.status = AccountStatus::ReconnectNeeded;
            changed.failure = Some(AccountFailure::Authorization);
            changed.failure_message = Some(format!(
                "{provider} no longer accepts the consent that was given ({words}). Authorize the account again; data and \
                 mappings stay."
            ));
            changed.consent_ends_at = None;
            changed.version += 1;
            account::update(&tx, &changed, now).await?;
            let caller = Caller::server(self.organization_id, Actor::Job, parts.ids.next().to_string());
            let change = Change {
                action: "provider_account.consent_ended",
                subject_kind: "provider_account",
                subject_id: Some(self.account_id.0),
                before: None,
                after: Some(serde_json::json!({ "status": "RECONNECT_NEEDED" }).to_string()),
                reason: Some(words.to_owned()),
            };
            chain::record(&tx, &*parts.seal, &*parts.ids, &caller, now, change).await?;
        }
        tx.commit().await
    }
}

#[async_trait]
impl TokenKeeper for StoredConsent {
    fn provider(&self) -> &'static str {
        self.authorizer.provider()
    }

    async fn token(&self, refused: Option<i64>, margin: TimeDelta) -> Result<HeldToken, ConnectorError> {
        let begun = self.parts.clock.now();
        loop {
            let (stored, pair) = self.stored().await?;
            let use_until = Self::use_until(&stored, margin);
            let now = self.parts.clock.now();
            if refused != Some(stored.number) && now < use_until {
                return Ok(HeldToken { token: pair.access.into(), number: stored.number, use_until });
            }
            let Some(refresh) = pair.refresh else {
                let words = "the access token has ended and there is no refresh token";
                self.end(stored.number, words).await.map_err(|failure| self.lost(&failure))?;
                return Err(self.unauthorized(words));
            };
            if self.take_lease(stored.number).await.map_err(|failure| self.lost(&failure))? {
                let renewal = self.parts.renewals.spawn(self.clone().renew(stored.number, refresh.into()));
                let broken = |_| {
                    let message = "renewing the tokens broke off".to_owned();
                    ConnectorError::Unavailable { provider: self.authorizer.provider(), message }
                };
                renewal.await.map_err(broken)??;
                continue;
            }
            if now - begun > PATIENCE {
                let message = "somebody else is renewing the tokens of the account and does not end".to_owned();
                return Err(ConnectorError::Unavailable { provider: self.authorizer.provider(), message });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
