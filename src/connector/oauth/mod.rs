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
use oauth2::TokenResponse as _;
use oauth2::basic::{BasicTokenResponse, BasicTokenType};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use self::kept::{HeldToken, TokenKeeper, Unkept};
use super::ConnectorError;
use super::failure::{failure_of, plain};
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

/// What a source knows.
#[derive(Default)]
struct Known {
    outcome: Option<Result<(Credential, HeldToken), ConnectorError>>,
    /// The provider refused this one before its time.
    refused: Option<i64>,
}

/// Gives everybody who uses an account in this process one token.
///
/// Callers that find no usable token wait for the one who asks for it and share what that brings, an error too: a hundred
/// pages that start at once ask once, and a wrong secret is tried once, not a hundred times.
pub struct TokenSource {
    keeper: Arc<dyn TokenKeeper>,
    clock: Arc<dyn Clock>,
    /// How long before its end a token is no longer used.
    skew: TimeDelta,
    /// Number of times that the keeper has answered.
    answers: AtomicU64,
    /// Held while the keeper is asked.
    known: Mutex<Known>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").finish_non_exhaustive()
    }
}

impl TokenSource {
    /// A source that has no token yet, and fetches one whenever it needs it.
    pub fn new(fetch: Box<dyn TokenFetch>, clock: Arc<dyn Clock>, skew: Duration) -> Self {
        Self::over(Arc::new(Unkept::new(fetch, Arc::clone(&clock))), clock, skew)
    }

    /// A source that has no token yet, and asks whoever keeps them beyond the process.
    pub fn over(keeper: Arc<dyn TokenKeeper>, clock: Arc<dyn Clock>, skew: Duration) -> Self {
        let skew = TimeDelta::from_std(skew).unwrap_or(TimeDelta::zero());
        Self { keeper, clock, skew, answers: AtomicU64::new(0), known: Mutex::default() }
    }
}

#[async_trait]
impl Authorization for TokenSource {
    async fn credential(&self) -> Result<Credential, ConnectorError> {
        let seen = self.answers.load(Ordering::SeqCst);
        let mut known = self.known.lock().await;
        let is_shared = self.answers.load(Ordering::SeqCst) != seen;
        match &known.outcome {
            Some(Ok((credential, held))) if is_shared || self.clock.now() < held.use_until => {
                return Ok(credential.clone());
            }
            Some(Err(error)) if is_shared => return Err(error.clone()),
            _ => {}
        }
        let held = self.keeper.token(known.refused, self.skew).await;
        self.answers.fetch_add(1, Ordering::SeqCst);
        let outcome = held.and_then(|held| {
            let value = format!("Bearer {}", held.token.expose_secret());
            let authorization = secret_header(self.keeper.provider(), &value)?;
            Ok((Credential { authorization, version: held.number.unsigned_abs() }, held))
        });
        let answer = outcome.as_ref().map(|(credential, _)| credential.clone()).map_err(Clone::clone);
        known.outcome = Some(outcome);
        answer
    }

    async fn give_up(&self, version: u64) -> bool {
        let mut known = self.known.lock().await;
        // Somebody else may have renewed it meanwhile; their token is the better one.
        if let Some(Ok((credential, held))) = &known.outcome
            && credential.version == version
        {
            known.refused = Some(held.number);
            known.outcome = None;
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

/// The access token of a reply, which has to be a bearer token.
fn access_of(
    provider: &'static str,
    reply: &BasicTokenResponse,
    now: DateTime<Utc>,
) -> Result<FetchedToken, ConnectorError> {
    let token = reply.access_token().secret();
    if token.is_empty() || *reply.token_type() != BasicTokenType::Bearer {
        let message = "the token endpoint did not give a bearer token".to_owned();
        return Err(ConnectorError::Malformed { provider, message });
    }
    // A token that ends as it is given out would be of no use to anybody: nothing is said then.
    let lifetime = reply.expires_in().filter(|lifetime| !lifetime.is_zero());
    let lifetime = lifetime.and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
    let expires_at = lifetime.and_then(|lifetime| now.checked_add_signed(lifetime));
    Ok(FetchedToken { token: token.as_str().into(), expires_at })
}

/// As much as is kept of what a provider says of a refusal, in characters.
const LONGEST_REFUSAL: usize = 300;

/// A refusal (RFC 6749, sections 4.1.2.1 and 5.2) in the provider's words.
pub fn refusal(code: &str, description: Option<&str>) -> String {
    let words = description.map_or_else(|| code.to_owned(), |description| format!("{code}: {description}"));
    plain(&words, LONGEST_REFUSAL)
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
