//! The kept tokens of accounts: handed out while they last, renewed once for everybody, and ended when the provider accepts
//! them no longer. Those of keys are fetched anew with the keys, those of a consent are renewed with a refresh token.
//!
//! Tokens belong to the keys that were set or to the consent that was given, their *origin*. Whoever still acts for an
//! earlier one finds that the row is no longer theirs: they neither use nor end what is somebody else's.
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
use crate::connector::oauth::delegated::{GrantError, GrantedTokens, TokenRenewal};
use crate::connector::oauth::kept::{HeldToken, TokenKeeper};
use crate::connector::oauth::usable_until;
use crate::domain::access::{Actor, Caller};
use crate::domain::audit::Change;
use crate::domain::id::{OrganizationId, ProviderAccountId};
use crate::domain::provider::{AccountFailure, AccountStatus, ConnectionMethod};
use crate::environment::{Clock, Ids};
use crate::secret::{KeyRing, Sealed};
use crate::storage::audit::{self as chain, Seal};
use crate::storage::provider_token::{self, InUse, NewTokens, StoredTokens, TokenKey};
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
    origin: &str,
    now: DateTime<Utc>,
) -> NewTokens {
    let refresh = tokens.refresh.as_ref().map(|refresh| refresh.expose_secret().to_owned());
    let pair = TokenPair { access: tokens.access.expose_secret().to_owned(), refresh };
    let text = SecretString::from(serde_json::to_string(&pair).expect("texts are always JSON"));
    let associated = SealedPlace::Tokens.associated(organization_id, account_id);
    NewTokens {
        origin: origin.to_owned(),
        sealed: keys.seal(&text, &associated).0,
        issued_at: now,
        access_expires_at: tokens.expires_at,
    }
}

/// The refresh token among sealed tokens, or the access token when there is none: what ends a consent at the provider.
pub fn revocable(
    keys: &KeyRing,
    (organization_id, account_id): (OrganizationId, ProviderAccountId),
    sealed: &str,
) -> Result<SecretString, ConnectorError> {
    let unreadable = |why: String| ConnectorError::Unsupported(format!("the stored tokens cannot be opened: {why}"));
    let associated = SealedPlace::Tokens.associated(organization_id, account_id);
    let opened = keys.open(&Sealed(sealed.to_owned()), &associated).map_err(|error| unreadable(error.to_string()))?;
    let pair: TokenPair =
        serde_json::from_str(opened.expose_secret()).map_err(|_| unreadable("they are not tokens".to_owned()))?;
    Ok(pair.refresh.unwrap_or(pair.access).into())
}

/// What the kept tokens of every account stand on.
#[derive(Clone)]
pub struct KeeperParts {
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
pub struct KeptTokens {
    parts: KeeperParts,
    key: TokenKey,
    /// The keys or the consent that this acts for.
    origin: String,
    renewal: Arc<dyn TokenRenewal>,
    /// Names this process and account among those who take the lease.
    holder: String,
}

impl KeptTokens {
    /// The tokens of an account, and what renews them.
    pub fn new(parts: KeeperParts, key: TokenKey, origin: String, renewal: Arc<dyn TokenRenewal>) -> Self {
        let holder = parts.ids.next().to_string();
        Self { parts, key, origin, renewal, holder }
    }

    fn owner(&self) -> (OrganizationId, ProviderAccountId) {
        (self.key.organization_id, self.key.account_id)
    }

    fn unauthorized(&self, message: &str) -> ConnectorError {
        ConnectorError::Unauthorized { provider: self.renewal.provider(), message: message.to_owned() }
    }

    /// The database failed; what it said is for the log.
    fn lost(&self, failure: &StorageError) -> ConnectorError {
        let id = self.key.account_id;
        error!(provider_account.id = %id, "the tokens of account `{id}` cannot be read or stored: {failure}");
        let message = "the tokens of the account cannot be read or stored at the moment".to_owned();
        ConnectorError::Unavailable { provider: self.renewal.provider(), message }
    }

    /// What is stored, opened; a row without tokens where there is none yet.
    async fn stored(&self) -> Result<(StoredTokens, Option<TokenPair>), ConnectorError> {
        let mut found = self.found().await?;
        let is_own = found.as_ref().is_some_and(|stored| stored.origin == self.origin);
        if !is_own && !self.renewal.needs_refresh_token() {
            self.adopt().await.map_err(|failure| self.lost(&failure))?;
            found = self.found().await?;
        }
        let Some(stored) = found else {
            return Err(self.unauthorized("the account was not authorized"));
        };
        if stored.origin != self.origin {
            return Err(ConnectorError::Superseded { provider: self.renewal.provider() });
        }
        let Some(sealed) = stored.sealed.clone() else {
            if self.renewal.needs_refresh_token() {
                return Err(self.unauthorized("the consent has ended"));
            }
            return Ok((stored, None));
        };
        let associated = SealedPlace::Tokens.associated(self.key.organization_id, self.key.account_id);
        match self.parts.keys.open(&Sealed(sealed), &associated) {
            Ok(opened) => {
                let pair = serde_json::from_str(opened.expose_secret())
                    .map_err(|_| ConnectorError::Unsupported("the stored tokens cannot be read".to_owned()))?;
                Ok((stored, Some(pair)))
            }
            // Keys fetch new ones; a consent cannot be had again so.
            Err(_) if !self.renewal.needs_refresh_token() => Ok((stored, None)),
            Err(error) => Err(ConnectorError::Unsupported(format!("the stored tokens cannot be opened: {error}"))),
        }
    }

    async fn found(&self) -> Result<Option<StoredTokens>, ConnectorError> {
        let found = provider_token::find(self.parts.store.read(), self.key).await;
        found.map_err(|failure| self.lost(&failure))
    }

    /// Makes the row of tokens that of the keys that this acts for, as long as they are those of the account: there is none
    /// before keys were used for the first time, and one of others where an older version of the program made it.
    async fn adopt(&self) -> Result<(), StorageError> {
        let (organization_id, account_id) = self.owner();
        let tx = self.parts.store.begin().await?;
        // The account first, as everybody who replaces or forgets its keys does.
        if account::lock(&tx, organization_id, account_id).await?.is_none() {
            return Ok(());
        }
        let present = account::credentials(&*tx, organization_id, account_id).await?.keys;
        if present.is_none_or(|keys| keys.origin != self.origin) {
            return Ok(());
        }
        let found = provider_token::find(&*tx, self.key).await?;
        // Somebody else may have been faster.
        if found.is_none_or(|stored| stored.origin != self.origin) {
            provider_token::void(&tx, self.key, &self.origin).await?;
        }
        tx.commit().await
    }

    fn in_use(&self, number: i64) -> InUse<'_> {
        InUse { key: self.key, origin: &self.origin, number }
    }

    fn use_until(stored: &StoredTokens, margin: TimeDelta) -> DateTime<Utc> {
        let issued_at = stored.issued_at.unwrap_or(DateTime::UNIX_EPOCH);
        usable_until(issued_at, stored.access_expires_at.unwrap_or(issued_at + UNSTATED_LIFETIME), margin)
    }

    async fn take_lease(&self, number: i64) -> Result<bool, StorageError> {
        let tx = self.parts.store.begin().await?;
        let now = self.parts.clock.now();
        let is_taken = provider_token::take_lease(&tx, self.in_use(number), &self.holder, now).await?;
        tx.commit().await?;
        Ok(is_taken)
    }

    /// Renews, with the lease in hand. What becomes of it is stored by the time this ends.
    async fn renew(self, number: i64, refresh: Option<SecretString>) -> Result<(), ConnectorError> {
        match self.renewal.renew(refresh.as_ref()).await {
            Ok(mut tokens) => {
                // A provider that does not rotate gives none; the one that was used is still good.
                tokens.refresh = tokens.refresh.or(refresh);
                let new = sealed_tokens(&self.parts.keys, self.owner(), &tokens, &self.origin, self.parts.clock.now());
                // The old token is spent by now: giving up would lose the consent.
                let patience = ExponentialBuilder::default().with_max_times(8).with_jitter();
                let store = || self.store(number, new.clone());
                match store.retry(patience).await {
                    Ok(true) => {
                        let id = self.key.account_id;
                        info!(provider_account.id = %id, "the tokens of account `{id}` were renewed");
                        Ok(())
                    }
                    Ok(false) => self.dispose(&tokens).await,
                    Err(failure) => Err(self.lost(&failure)),
                }
            }
            Err(GrantError::InvalidGrant(words)) => {
                if self.end(number, &words).await.map_err(|failure| self.lost(&failure))? {
                    return Err(self.unauthorized(&words));
                }
                // Somebody stored newer tokens meanwhile; whoever asked looks again.
                Ok(())
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
        let is_stored = provider_token::renew(&tx, self.in_use(number), &self.holder, new).await?;
        tx.commit().await?;
        Ok(is_stored)
    }

    /// Somebody connected or disconnected the account meanwhile, and what they did counts. Where nothing is kept any more
    /// the new tokens are given back; beside a newer consent they are not, because a provider may end with them all that
    /// the person ever consented to.
    async fn dispose(&self, tokens: &GrantedTokens) -> Result<(), ConnectorError> {
        let present = provider_token::find(self.parts.store.read(), self.key).await;
        if present.map_err(|failure| self.lost(&failure))?.is_none_or(|present| present.sealed.is_none()) {
            self.renewal.give_back(tokens.refresh.as_ref().unwrap_or(&tokens.access)).await?;
        }
        Ok(())
    }

    async fn release(&self) -> Result<(), StorageError> {
        let tx = self.parts.store.begin().await?;
        provider_token::release_lease(&tx, self.key, &self.holder).await?;
        tx.commit().await
    }

    /// The provider accepts the consent no longer: nobody asks again, and a person has to connect the account anew. False
    /// when the tokens of this number are not the newest.
    async fn end(&self, number: i64, words: &str) -> Result<bool, StorageError> {
        let parts = &self.parts;
        let (organization_id, account_id) = self.owner();
        let tx = parts.store.begin().await?;
        let now = parts.clock.now();
        let found = account::lock(&tx, organization_id, account_id).await?;
        if !provider_token::forget(&tx, self.in_use(number)).await? {
            return Ok(false);
        }
        if let Some(mut changed) = found
            && changed.method == ConnectionMethod::Delegated
        {
            let provider = self.renewal.provider();
            changed.status = AccountStatus::ReconnectNeeded;
            changed.failure = Some(AccountFailure::Authorization);
            changed.failure_message = Some(format!(
                "{provider} no longer accepts the consent that was given ({words}). Authorize the account again; data and \
                 mappings stay."
            ));
            changed.consent_ends_at = None;
            changed.capabilities = Vec::new();
            changed.version += 1;
            account::update(&tx, &changed, now).await?;
            let caller = Caller::server(organization_id, Actor::Job, parts.ids.next().to_string());
            let change = Change {
                action: "provider_account.consent_ended",
                subject_kind: "provider_account",
                subject_id: Some(account_id.0),
                before: None,
                after: Some(serde_json::json!({ "status": "RECONNECT_NEEDED" }).to_string()),
                reason: Some(words.to_owned()),
            };
            chain::record(&tx, &*parts.seal, &*parts.ids, &caller, now, change).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

#[async_trait]
impl TokenKeeper for KeptTokens {
    fn provider(&self) -> &'static str {
        self.renewal.provider()
    }

    async fn token(&self, refused: Option<i64>, margin: TimeDelta) -> Result<HeldToken, ConnectorError> {
        let begun = self.parts.clock.now();
        // What was there when this began. A token that came since is used, however short it lives, because asking for
        // another would bring no better one.
        let mut first = None;
        loop {
            let (stored, pair) = self.stored().await?;
            let is_new = *first.get_or_insert(stored.number) < stored.number;
            let use_until = Self::use_until(&stored, margin);
            let now = self.parts.clock.now();
            let refresh = match pair {
                Some(pair) if refused != Some(stored.number) && (is_new || now < use_until) => {
                    return Ok(HeldToken { token: pair.access.into(), number: stored.number, use_until });
                }
                pair => pair.and_then(|pair| pair.refresh),
            };
            if refresh.is_none() && self.renewal.needs_refresh_token() {
                let words = "the access token has ended and there is no refresh token";
                if !self.end(stored.number, words).await.map_err(|failure| self.lost(&failure))? {
                    continue;
                }
                return Err(self.unauthorized(words));
            }
            if self.take_lease(stored.number).await.map_err(|failure| self.lost(&failure))? {
                let renewing = self.clone().renew(stored.number, refresh.map(SecretString::from));
                let broken = |_| {
                    let message = "renewing the tokens broke off".to_owned();
                    ConnectorError::Unavailable { provider: self.renewal.provider(), message }
                };
                self.parts.renewals.spawn(renewing).await.map_err(broken)??;
                continue;
            }
            if now - begun > PATIENCE {
                let message = "somebody else is renewing the tokens of the account and does not end".to_owned();
                return Err(ConnectorError::Unavailable { provider: self.renewal.provider(), message });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
