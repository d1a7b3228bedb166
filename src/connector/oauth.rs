//! Tokens: fetching one with the client credentials grant, and keeping one for all callers of an account until it
//! runs out or is refused.
//!
//! Pax8 takes the grant as JSON with an `audience`; the `oauth2` crate writes a form, so the transport between them
//! decodes the form and writes it again as JSON. It knows no records.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use oauth2::basic::{BasicClient, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RequestTokenError, TokenResponse,
    TokenUrl,
};
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::ConnectorError;
use super::failure::failure_of;
use super::http::{Authorization, Bodies, Credential, Outgoing, ProviderClient, Repetition, Reply, secret_header};
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
            // A token that lives no longer than the skew is used for half its life instead of never.
            let half = now + (expires_at - now) / 2;
            let use_until = expires_at.checked_sub_signed(self.skew).map_or(half, |until| until.max(half));
            Ok((Credential { authorization, version }, use_until))
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

/// The client credentials grant at a token endpoint that takes JSON.
pub struct ClientCredentials {
    /// Client of the token endpoint, without credentials.
    pub client: ProviderClient,
    /// Token endpoint.
    pub token_url: Url,
    /// What the token is for.
    pub audience: String,
    /// Public half of the credentials.
    pub client_id: String,
    /// Secret half.
    pub client_secret: SecretString,
    /// Tells when a token runs out.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl TokenFetch for ClientCredentials {
    fn provider(&self) -> &'static str {
        self.client.provider()
    }

    async fn fetch(&self) -> Result<FetchedToken, ConnectorError> {
        let provider = self.client.provider();
        let transport = JsonTransport { client: &self.client, secret: &self.client_secret };
        let reply = BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_client_secret(ClientSecret::new(self.client_secret.expose_secret().to_owned()))
            .set_token_uri(TokenUrl::from_url(self.token_url.clone()))
            .set_auth_type(AuthType::RequestBody)
            .exchange_client_credentials()
            .add_extra_param("audience", self.audience.clone())
            .request_async(&transport)
            .await
            .map_err(|error| self.token_error(error))?;
        let token = reply.access_token().secret();
        if token.is_empty() || *reply.token_type() != BasicTokenType::Bearer {
            let message = "the token endpoint did not give a bearer token".to_owned();
            return Err(ConnectorError::Malformed { provider, message });
        }
        let expires_at = reply
            .expires_in()
            .and_then(|lifetime| TimeDelta::from_std(lifetime).ok())
            .and_then(|lifetime| self.clock.now().checked_add_signed(lifetime));
        Ok(FetchedToken { token: token.as_str().into(), expires_at })
    }
}

impl ClientCredentials {
    fn token_error<T: oauth2::ErrorResponse + 'static>(
        &self,
        error: RequestTokenError<ConnectorError, T>,
    ) -> ConnectorError {
        let provider = self.client.provider();
        match error {
            RequestTokenError::Request(error) => error,
            // The body is not shown: it may hold a token under a name that nobody knows.
            RequestTokenError::Parse(error, _) => {
                ConnectorError::Malformed { provider, message: format!("the token endpoint gave no token ({error})") }
            }
            // Failing statuses are turned into errors by the transport, so that this is an odd reply with status 200.
            RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => {
                let message = "the token endpoint gave no token".to_owned();
                ConnectorError::Malformed { provider, message }
            }
        }
    }
}

/// Carries the crate's form as JSON, and gives every failing status its meaning before the crate judges the body.
struct JsonTransport<'client> {
    client: &'client ProviderClient,
    secret: &'client SecretString,
}

impl JsonTransport<'_> {
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let provider = self.client.provider();
        let malformed = |message: &str| ConnectorError::Malformed { provider, message: message.to_owned() };
        let fields: BTreeMap<String, String> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        let body = serde_json::to_string(&fields).expect("a map of texts is JSON");
        let url = Url::parse(&request.uri().to_string()).map_err(|_| malformed("the token address is not one"))?;
        let what = url.path().to_owned();
        let headers = HeaderMap::new();
        // Asking for a token changes nothing, so that it may be repeated.
        let repetition = Repetition::Harmless;
        let bodies = Bodies::Hidden;
        let outgoing = Outgoing { method: Method::POST, url, headers, body: Some(body), repetition, bodies };
        let Reply { status, body } = self.client.send(outgoing).await?;
        if !status.is_success() {
            return Err(failed_exchange(provider, &what, Reply { status, body }, self.secret));
        }
        http::Response::builder()
            .status(status)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.into_bytes())
            .map_err(|_| malformed("the token endpoint's answer cannot be read"))
    }
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

impl<'call> AsyncHttpClient<'call> for JsonTransport<'_> {
    type Error = ConnectorError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'call>>;

    fn call(&'call self, request: HttpRequest) -> Self::Future {
        Box::pin(self.carry(request))
    }
}
