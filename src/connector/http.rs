//! The one place that builds HTTP clients, and the manners of every connector: a rate budget per account, few requests
//! at a time, patience with a provider that asks for it, no repeated write, a bounded answer, and no secret in a log.
//!
//! It knows no provider's records. Who it is talking to, and what proves that we may, is passed in.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::DateTime;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde::de::IgnoredAny;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::debug;
use url::Url;

use super::ConnectorError;
use super::address::{GuardedResolver, Network, NotPublic};
use super::failure::{failure_of, readable};
use crate::environment::Clock;
use crate::secret::{REDACTED, redact, redact_header};

/// Longest piece of a body that is logged or recorded.
const LOGGED_BODY: usize = 16 * 1024;

/// How a client behaves towards one account.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Provider as people call it.
    pub provider: &'static str,
    /// Address that every path is added to.
    pub base_url: Url,
    /// Rate budget of the account, below the provider's own limit.
    pub requests_per_minute: NonZeroU32,
    /// Requests under way at the same time.
    pub concurrency: usize,
    /// Time for one request with its answer.
    pub timeout: Duration,
    /// Largest answer that is read, in bytes, after decompression.
    pub max_body_bytes: usize,
    /// How often a read is tried, the first time included.
    pub max_tries: usize,
    /// Wait before the second try; it doubles from try to try, with jitter.
    pub first_delay: Duration,
    /// Longest wait of our own between two tries.
    pub max_delay: Duration,
    /// Longest wait that a provider may ask for; beyond it the caller is told instead.
    pub max_retry_after: Duration,
    /// Headers sent with every request.
    pub headers: HeaderMap,
    /// Where connections may go.
    pub network: Network,
}

impl ClientSettings {
    /// The defaults for a provider at an address.
    pub fn new(provider: &'static str, base_url: Url, requests_per_minute: NonZeroU32) -> Self {
        Self {
            provider,
            base_url,
            requests_per_minute,
            concurrency: 4,
            timeout: Duration::from_secs(60),
            max_body_bytes: 64 * 1024 * 1024,
            max_tries: 5,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(120),
            headers: HeaderMap::new(),
            network: Network::default(),
        }
    }
}

/// What proves to a provider that a request may be made.
#[derive(Clone)]
pub struct Credential {
    /// Value of the `Authorization` header, marked as sensitive.
    pub authorization: HeaderValue,
    /// Grows with every renewal, so that a refused credential is not confused with its successor.
    pub version: u64,
}

/// Gives out credentials and takes refused ones back.
#[async_trait]
pub trait Authorization: Send + Sync {
    /// The present credential; fetched when there is none.
    async fn credential(&self) -> Result<Credential, ConnectorError>;
    /// Gives up the credential of this version; whether asking again can give a better one.
    async fn give_up(&self, version: u64) -> bool;
}

/// One request and its answer, without secrets.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Provider as people call it.
    pub provider: &'static str,
    /// Method.
    pub method: String,
    /// Address with its query.
    pub url: String,
    /// Headers of the request.
    pub request_headers: Vec<(String, String)>,
    /// Body of the request; only that there was one when a token was asked for.
    pub request_body: Option<String>,
    /// Status; `None` when no answer came.
    pub status: Option<u16>,
    /// Body of the answer, cut when it is long and hidden when it may hold a token, or what went wrong.
    pub response: String,
}

/// Receives the traffic of a client while somebody wants to see it.
pub trait Recorder: Send + Sync {
    /// Takes one exchange; must not block.
    fn record(&self, exchange: Exchange);
}

/// Whether a request may be sent again when nobody knows what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// It only reads.
    Harmless,
    /// It may have been carried out.
    Forbidden,
}

/// Whether somebody who looks at traffic may see the bodies of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// Yes, with the secrets taken out that their names give away.
    Shown,
    /// No: a token is asked for, and the names of its fields may be anything.
    Hidden,
}

/// A request before it is sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Method.
    pub method: Method,
    /// Full address.
    pub url: Url,
    /// Headers of this request alone.
    pub headers: HeaderMap,
    /// Body: JSON, unless the headers say otherwise.
    pub body: Option<String>,
    /// Whether it may be repeated.
    pub repetition: Repetition,
    /// Whether its body and that of the answer may be shown.
    pub bodies: Bodies,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Body.
    pub body: String,
}

/// An HTTP client for one account of one provider.
pub struct ProviderClient {
    settings: ClientSettings,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    authorization: Option<Arc<dyn Authorization>>,
    recorder: Option<Arc<dyn Recorder>>,
    budget: Arc<DefaultDirectRateLimiter>,
    permits: Semaphore,
    /// The provider asked for silence until then; it counts for every request, not only for the one that heard it.
    silent_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for ProviderClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderClient").field("provider", &self.settings.provider).finish_non_exhaustive()
    }
}

/// Chooses the TLS implementation once for the process; a second call finds it chosen.
fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Fails only when somebody else chose one before, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
}

impl ProviderClient {
    /// A client with its own rate budget.
    pub fn new(settings: ClientSettings, clock: Arc<dyn Clock>) -> Result<Self, ConnectorError> {
        install_tls();
        #[expect(clippy::disallowed_methods, reason = "the one place that builds HTTP clients")]
        let builder = reqwest::Client::builder();
        let http = builder
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            // A redirect would carry the credential to an address that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(GuardedResolver { network: settings.network }))
            .user_agent(concat!("concord/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unavailable(settings.provider, &error))?;
        // A small burst: a full minute's budget at once, followed by the steady rate, would be twice the limit.
        let burst = NonZeroU32::new(settings.requests_per_minute.get() / 10).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(settings.requests_per_minute).allow_burst(burst);
        let budget = Arc::new(RateLimiter::direct(quota));
        let permits = Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        let silent_until = Mutex::new(None);
        Ok(Self { settings, http, clock, authorization: None, recorder: None, budget, permits, silent_until })
    }

    /// The same client with credentials.
    pub fn with_authorization(mut self, authorization: Arc<dyn Authorization>) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// The same client, showing its traffic.
    pub fn with_recorder(mut self, recorder: Option<Arc<dyn Recorder>>) -> Self {
        self.recorder = recorder;
        self
    }

    /// The same client, living on the rate budget of another one for the same account.
    pub fn sharing_budget_of(mut self, other: &Self) -> Self {
        self.budget = Arc::clone(&other.budget);
        self
    }

    /// Provider as people call it.
    pub fn provider(&self) -> &'static str {
        self.settings.provider
    }

    /// Address of a path below the base address; the parts are encoded, so that an id cannot leave its place.
    pub fn url(&self, segments: &[&str]) -> Url {
        extended(&self.settings.base_url, segments)
    }

    /// Reads JSON below the base address.
    pub async fn get(&self, segments: &[&str], query: &[(&str, String)]) -> Result<String, ConnectorError> {
        self.get_url(self.url(segments), query).await
    }

    /// Reads JSON from an address of the provider.
    pub async fn get_url(&self, mut url: Url, query: &[(&str, String)]) -> Result<String, ConnectorError> {
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let what = url.path().to_owned();
        let headers = HeaderMap::new();
        let (repetition, bodies) = (Repetition::Harmless, Bodies::Shown);
        let outgoing = Outgoing { method: Method::GET, url, headers, body: None, repetition, bodies };
        let reply = self.send(outgoing).await?;
        if !reply.status.is_success() {
            return Err(failure_of(self.settings.provider, &what, &reply, None));
        }
        if let Err(error) = serde_json::from_str::<IgnoredAny>(&reply.body) {
            let message = format!("`{what}` is not JSON ({error}): {}", excerpt(&reply.body));
            return Err(ConnectorError::Malformed { provider: self.settings.provider, message });
        }
        Ok(reply.body)
    }

    /// Sends a request with the account's credentials and gives back the answer, whatever its status, after waiting,
    /// trying again and renewing the credential as far as that is allowed.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Reply, ConnectorError> {
        let mut is_renewed = false;
        loop {
            let credential = match &self.authorization {
                None => None,
                Some(authorization) => Some(authorization.credential().await?),
            };
            let reply = self.send_patiently(&outgoing, credential.as_ref()).await?;
            let (Some(authorization), Some(credential)) = (&self.authorization, credential) else {
                return Ok(reply);
            };
            // A refused credential means that nothing was done, so that even a write may be sent again.
            if reply.status != StatusCode::UNAUTHORIZED
                || is_renewed
                || !authorization.give_up(credential.version).await
            {
                return Ok(reply);
            }
            is_renewed = true;
        }
    }

    async fn send_patiently(
        &self,
        outgoing: &Outgoing,
        credential: Option<&Credential>,
    ) -> Result<Reply, ConnectorError> {
        let tries = match outgoing.repetition {
            Repetition::Harmless => self.settings.max_tries.max(1),
            Repetition::Forbidden => 1,
        };
        let mut delays = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(self.settings.first_delay)
            .with_max_delay(self.settings.max_delay)
            .with_max_times(tries - 1)
            .build();
        loop {
            let outcome = self.send_once(outgoing, credential).await;
            let told = match &outcome {
                Ok((reply, told)) if is_passing(reply.status) => *told,
                Ok(_) => return outcome.map(|(reply, _)| reply),
                Err(error @ ConnectorError::Unavailable { .. }) => {
                    debug!(provider = self.settings.provider, "{error}");
                    None
                }
                Err(_) => return outcome.map(|(reply, _)| reply),
            };
            let limited = matches!(&outcome, Ok((reply, _)) if reply.status == StatusCode::TOO_MANY_REQUESTS);
            let delay = delays.next();
            let wait = told.or(delay);
            match wait {
                Some(wait) if delay.is_some() && wait <= self.settings.max_retry_after => {
                    if limited && told.is_some() {
                        self.fall_silent(wait);
                    } else {
                        tokio::time::sleep(wait).await;
                    }
                }
                _ if limited => {
                    let provider = self.settings.provider;
                    return Err(ConnectorError::RateLimited { provider, retry_after: told });
                }
                _ => return outcome.map(|(reply, _)| reply),
            }
        }
    }

    /// One try: the answer with the wait that it asks for.
    async fn send_once(
        &self,
        outgoing: &Outgoing,
        credential: Option<&Credential>,
    ) -> Result<(Reply, Option<Duration>), ConnectorError> {
        self.keep_silence().await;
        self.budget.until_ready().await;
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let mut headers = self.settings.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(outgoing.headers.clone());
        if let Some(credential) = credential {
            headers.insert(reqwest::header::AUTHORIZATION, credential.authorization.clone());
        }
        let mut request = self.http.request(outgoing.method.clone(), outgoing.url.clone());
        if let Some(body) = &outgoing.body {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            request = request.body(body.clone());
        }
        let outcome = self.receive(request.headers(headers.clone())).await;
        self.show(outgoing, &headers, &outcome);
        outcome
    }

    async fn receive(&self, request: reqwest::RequestBuilder) -> Result<(Reply, Option<Duration>), ConnectorError> {
        let provider = self.settings.provider;
        let mut response = request.send().await.map_err(|error| unavailable(provider, &error))?;
        let status = response.status();
        let told = response.headers().get(RETRY_AFTER).and_then(|value| self.retry_after(value));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(provider, &error))? {
            if body.len() + chunk.len() > self.settings.max_body_bytes {
                let message = format!("the answer is larger than {} bytes", self.settings.max_body_bytes);
                return Err(ConnectorError::Malformed { provider, message });
            }
            body.extend_from_slice(&chunk);
        }
        let body = match String::from_utf8(body) {
            Ok(body) => body,
            // An error page in another encoding is still readable enough; a record would be damaged silently.
            Err(error) if !status.is_success() => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            Err(_) => {
                let message = "the answer is not UTF-8".to_owned();
                return Err(ConnectorError::Malformed { provider, message });
            }
        };
        Ok((Reply { status, body }, told))
    }

    fn retry_after(&self, value: &HeaderValue) -> Option<Duration> {
        let text = value.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let moment = DateTime::parse_from_rfc2822(text).ok()?;
        Some((moment.to_utc() - self.clock.now()).to_std().unwrap_or(Duration::ZERO))
    }

    fn fall_silent(&self, wait: Duration) {
        // A wait that no clock can hold is longer than anybody's patience, which was looked at before.
        let Some(until) = Instant::now().checked_add(wait) else { return };
        let mut silent_until = self.silent_until.lock().expect("no holder of this lock panics");
        *silent_until = Some(silent_until.map_or(until, |present| present.max(until)));
    }

    async fn keep_silence(&self) {
        loop {
            let until = *self.silent_until.lock().expect("no holder of this lock panics");
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    fn show(
        &self,
        outgoing: &Outgoing,
        headers: &HeaderMap,
        outcome: &Result<(Reply, Option<Duration>), ConnectorError>,
    ) {
        let provider = self.settings.provider;
        let status = outcome.as_ref().ok().map(|(reply, _)| reply.status.as_u16());
        if self.recorder.is_none() && !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let url = redact(outgoing.url.as_str());
        let method = outgoing.method.as_str();
        debug!(provider, method, url, status, "{provider} answered {method} {url} with {status:?}");
        if let Some(recorder) = &self.recorder {
            let shown = |name: &HeaderName, value: &HeaderValue| {
                let value = redact_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
                (name.as_str().to_owned(), value)
            };
            let body = |text: &str| match outgoing.bodies {
                Bodies::Shown => redacted_beginning(text, LOGGED_BODY),
                Bodies::Hidden => REDACTED.to_owned(),
            };
            recorder.record(Exchange {
                provider,
                method: method.to_owned(),
                url,
                request_headers: headers.iter().map(|(name, value)| shown(name, value)).collect(),
                request_body: outgoing.body.as_deref().map(body),
                status,
                response: match outcome {
                    Ok((reply, _)) => body(&reply.body),
                    Err(error) => error.to_string(),
                },
            });
        }
    }
}

/// Statuses that may be gone the next time.
fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

/// An address with more path segments, each encoded.
pub fn extended(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Reads an address of a setting.
pub fn parse_base_url(setting: &str, text: &str) -> Result<Url, ConnectorError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(ConnectorError::Unsupported(format!("the setting `{setting}` is not an http address: `{text}`"))),
    }
}

/// A sensitive header value, or an error that does not show it.
pub fn secret_header(provider: &'static str, value: &str) -> Result<HeaderValue, ConnectorError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| ConnectorError::Malformed {
        provider,
        message: "a secret holds characters that cannot stand in a header".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// The beginning of a text on one line, for a message.
pub fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    redacted_beginning(if line.is_empty() { "(empty)" } else { &line }, 160)
}

/// The beginning of a text without its secrets. They are taken out first: half a secret is not recognized as one.
fn redacted_beginning(text: &str, length: usize) -> String {
    cut(&redact(&readable(text)), length).to_owned()
}

fn cut(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn unavailable(provider: &'static str, error: &reqwest::Error) -> ConnectorError {
    // The chain holds the reason ("connection refused"); the address is left out because its query may be private.
    let mut message = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the connection failed".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<NotPublic>() {
            // Trying again would lead to the same machine.
            return ConnectorError::Unsupported(refused.to_string());
        }
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    ConnectorError::Unavailable { provider, message: redacted_beginning(&message, 400) }
}
