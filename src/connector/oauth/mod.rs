//! Tokens: keeping one for all callers of an account until it runs out or is refused. Where it comes from is in the
//! files beside: keys (`client_credentials`), or the consent of a person (`application`, `delegated`); `kept` shares tokens
//! that somebody keeps beyond the process.
//!
//! It knows no records and no storage.

pub mod application;
pub mod client_credentials;
pub mod delegated;
pub mod kept;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::ConnectorError;
use super::failure::failure_of;
use super::http::{Authorization, Credential, Reply, secret_header};
use crate::environment::Clock;
use crate::secret::REDACTED;

/// For how long a token is used whose reply does not say how long it lives.
const UNSTATED_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// A token as it was fetched.
#[derive(Debug, Clone)]
pub struct FetchedToken {
    /// The token.
    pub token: SecretString,
    /// When it runs out; `None` when the provider did not say.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Fetches tokens from one provider.
#[async_trait]
pub trait TokenFetch: Send + Sync {
    /// Provider as people call it.
    fn provider(&self) -> &'static str;
    /// A new token.
    async fn fetch(&self) -> Result<FetchedToken, ConnectorError>;
}

/// What the last fetch brought.
struct Kept {
    outcome: Result<(Credential, DateTime<Utc>), ConnectorError>,
}

/// Keeps one token for everybody who uses the account.
///
/// Callers that find no usable token wait for the one fetch that is under way and share what it brings, an error too:
/// a hundred pages that start at once ask for one token, and a wrong secret is tried once, not a hundred times.
pub struct TokenSource {
    fetch: Box<dyn TokenFetch>,
    clock: Arc<dyn Clock>,
    /// How long before its end a token is no longer used.
    skew: TimeDelta,
    /// Number of fetches that have ended; also the version of the token that the last one brought.
    fetches: AtomicU64,
    /// Held while a fetch is under way.
    kept: Mutex<Option<Kept>>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").finish_non_exhaustive()
    }
}

impl TokenSource {
    /// A source that has no token yet.
    pub fn new(fetch: Box<dyn TokenFetch>, clock: Arc<dyn Clock>, skew: Duration) -> Self {
        let skew = TimeDelta::from_std(skew).unwrap_or(TimeDelta::zero());
        Self { fetch, clock, skew, fetches: AtomicU64::new(0), kept: Mutex::new(None) }
    }
}

#[async_trait]
impl Authorization for TokenSource {
    async fn credential(&self) -> Result<Credential, ConnectorError> {
        let seen = self.fetches.load(Ordering::SeqCst);
        let mut kept = self.kept.lock().await;
        let is_shared = self.fetches.load(Ordering::SeqCst) != seen;
        match kept.as_ref().map(|kept| &kept.outcome) {
            Some(Ok((credential, use_until))) if is_shared || self.clock.now() < *use_until => {
                return Ok(credential.clone());
            }
            Some(Err(error)) if is_shared => return Err(error.clone()),
            _ => {}
        }
        let fetched = self.fetch.fetch().await;
        let version = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        let outcome = fetched.and_then(|fetched| {
            let value = format!("Bearer {}", fetched.token.expose_secret());
            let authorization = secret_header(self.fetch.provider(), &value)?;
            let now = self.clock.now();
            let expires_at = fetched.expires_at.unwrap_or(now + UNSTATED_LIFETIME);
            Ok((Credential { authorization, version }, usable_until(now, expires_at, self.skew)))
        });
        let answer = outcome.as_ref().map(|(credential, _)| credential.clone()).map_err(Clone::clone);
        *kept = Some(Kept { outcome });
        answer
    }

    async fn give_up(&self, version: u64) -> bool {
        let mut kept = self.kept.lock().await;
        let is_present = matches!(
            kept.as_ref(),
            Some(Kept { outcome: Ok((credential, _)) }) if credential.version == version
        );
        // Somebody else may have renewed it meanwhile; their token is the better one.
        if is_present {
            *kept = None;
        }
        true
    }
}

/// Until when a token is used: some time before its end. One that lives no longer than that is used for half its life
/// instead of never.
pub fn usable_until(issued_at: DateTime<Utc>, expires_at: DateTime<Utc>, skew: TimeDelta) -> DateTime<Utc> {
    let half = issued_at + (expires_at - issued_at) / 2;
    expires_at.checked_sub_signed(skew).map_or(half, |until| until.max(half))
}

/// At a token endpoint, a refusal of any kind means that the credentials are not good. Its words may repeat the secret
/// that was sent.
pub fn failed_exchange(provider: &'static str, what: &str, reply: Reply, secret: &SecretString) -> ConnectorError {
    let secret = secret.expose_secret();
    let body = if secret.is_empty() { reply.body } else { reply.body.replace(secret, REDACTED) };
    let reply = Reply { body, ..reply };
    match failure_of(provider, what, &reply, None) {
        ConnectorError::Refused { message, .. } | ConnectorError::Forbidden { message, .. } => {
            ConnectorError::Unauthorized { provider, message }
        }
        other => other,
    }
}
