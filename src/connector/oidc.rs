//! The keys of an OpenID Connect issuer: found through its discovery document, kept, and fetched again when they are
//! old or when a token names one that is not among them. Knows nothing of tokens or of who may do what.
//!
//! Strangers decide how often an unknown key is named, so they must not decide how often the issuer is asked: at most
//! once in half a minute, one request at a time, and everybody who waits shares its outcome. Keys that were once
//! fetched go on being used while the issuer cannot be reached, for a day at most.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tracing::{error, info, warn};
use url::Url;

use super::ConnectorError;
use super::address::{Network, Place, place_of_url};
use super::http::{ClientSettings, ProviderClient};
use crate::environment::Clock;
use crate::secret::jwt::{KeySet, NoKeySet};

/// How long keys are used before they are fetched again.
const FRESH: TimeDelta = TimeDelta::hours(1);

/// How long keys are used without having been fetched again. A night's outage of the issuer locks nobody out; but a key
/// that the issuer has taken back, because somebody stole it, must not be good for as long as a thief can keep the issuer
/// out of our reach.
const LONGEST_USE: TimeDelta = TimeDelta::hours(24);

/// Time between two requests to an issuer whose keys we have.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// Time between two requests while we have none: nobody is let in until then.
const IMPATIENT_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// Where keys are found below the issuer.
const DISCOVERY: &str = ".well-known/openid-configuration";

/// Nobody can say now whether a token is good. Why is in the log, once for each outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the keys of the issuer of tokens cannot be fetched")]
pub struct NoKeys;

/// Keys as they were fetched once.
#[derive(Clone)]
pub struct FetchedKeys {
    /// The keys.
    pub keys: Arc<KeySet>,
    fetch: u64,
}

/// The keys of one issuer.
#[derive(Clone)]
pub struct IssuerKeys(Arc<Inner>);

struct Inner {
    client: ProviderClient,
    issuer: String,
    discovery: Url,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held while the issuer is asked.
    asking: Arc<AsyncMutex<()>>,
}

#[derive(Default)]
struct State {
    /// The newest keys, and since when; gone when they are too old.
    fetched: Option<(FetchedKeys, DateTime<Utc>)>,
    /// How often keys were fetched.
    fetches: u64,
    asked_at: Option<DateTime<Utc>>,
    /// Whether the last request failed.
    is_out: bool,
}

/// The part of a discovery document that matters here.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Why the keys were not fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// It cannot be reached, or refuses.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// Its discovery document cannot be read.
    #[error("its discovery document is not one: {0}")]
    Malformed(serde_json::Error),
    /// It calls itself something else.
    #[error("its discovery document is that of the issuer `{0}`; the setting has to be equal to the last character")]
    OtherIssuer(String),
    /// Its keys are where nobody may be believed.
    #[error("its discovery document names keys at `{0}`, which is not an https address")]
    Address(String),
    /// Its keys are none.
    #[error("its keys cannot be read: {0}")]
    Keys(#[from] NoKeySet),
}

/// Whether an issuer or its keys may be at an address: over TLS, or on this machine.
pub fn is_trustworthy(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => place_of_url(url) == Some(Place::Loopback),
        _ => false,
    }
}

impl State {
    /// The keys that may be used now.
    fn usable(&self, now: DateTime<Utc>) -> Option<FetchedKeys> {
        self.fetched.as_ref().filter(|(_, at)| now - *at < LONGEST_USE).map(|(fetched, _)| fetched.clone())
    }

    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.fetched.as_ref().is_some_and(|(_, at)| now - *at < FRESH)
    }
}

impl IssuerKeys {
    /// The keys of the issuer with this name, which is also its address. Nobody is asked yet.
    pub fn new(issuer: &str, clock: Arc<dyn Clock>) -> Result<Self, ConnectorError> {
        let refused = || ConnectorError::Unsupported(format!("`{issuer}` is not the https address of an issuer"));
        let url = Url::parse(issuer).ok().filter(is_trustworthy).ok_or_else(refused)?;
        let discovery = Url::parse(&format!("{}/{DISCOVERY}", issuer.trim_end_matches('/'))).map_err(|_| refused())?;
        let per_minute = NonZeroU32::new(60).expect("sixty is not zero");
        let settings = ClientSettings {
            timeout: Duration::from_secs(5),
            max_body_bytes: 1 << 20,
            max_tries: 2,
            max_delay: Duration::from_secs(1),
            max_retry_after: Duration::from_secs(1),
            // The issuer is the operator's own word, and often runs in the operator's own network.
            network: Network::Private,
            ..ClientSettings::new("The issuer of tokens", url, per_minute)
        };
        let client = ProviderClient::new(settings, Arc::clone(&clock))?;
        let (issuer, state, asking) = (issuer.to_owned(), Mutex::default(), Arc::default());
        Ok(Self(Arc::new(Inner { client, issuer, discovery, clock, state, asking })))
    }

    /// Asks the issuer at once and keeps nothing, for somebody who wants to know whether it works.
    pub async fn try_to_fetch(&self) -> Result<KeySet, FetchError> {
        self.0.fetch().await
    }

    /// The present keys.
    pub async fn present(&self) -> Result<FetchedKeys, NoKeys> {
        let now = self.0.clock.now();
        let (kept, is_fresh) = {
            let state = self.0.state();
            (state.usable(now), state.is_fresh(now))
        };
        match kept {
            Some(kept) if is_fresh => Ok(kept),
            Some(kept) => match Arc::clone(&self.0.asking).try_lock_owned() {
                Ok(turn) if self.0.may_ask(now) => Ok(self.ask(turn).await.unwrap_or(kept)),
                // Somebody is asking already, or has just asked in vain.
                _ => Ok(kept),
            },
            None => {
                let turn = Arc::clone(&self.0.asking).lock_owned().await;
                let now = self.0.clock.now();
                if let Some(fetched) = self.0.state().usable(now) {
                    return Ok(fetched);
                }
                if self.0.may_ask(now) { self.ask(turn).await } else { Err(NoKeys) }
            }
        }
    }

    /// Newer keys than these, for a token that none of them fits; `None` when these are the newest that may be had now.
    pub async fn newer_than(&self, old: &FetchedKeys) -> Result<Option<FetchedKeys>, NoKeys> {
        let turn = Arc::clone(&self.0.asking).lock_owned().await;
        let is_out = {
            let state = self.0.state();
            if let Some(fetched) = state.usable(self.0.clock.now()).filter(|fetched| fetched.fetch > old.fetch) {
                return Ok(Some(fetched));
            }
            state.is_out
        };
        if self.0.may_ask(self.0.clock.now()) {
            return self.ask(turn).await.map(Some);
        }
        if is_out { Err(NoKeys) } else { Ok(None) }
    }

    /// Asks the issuer, in a task of its own: a caller who hangs up must not leave the others without an answer.
    async fn ask(&self, turn: OwnedMutexGuard<()>) -> Result<FetchedKeys, NoKeys> {
        let inner = Arc::clone(&self.0);
        let asking = tokio::spawn(async move {
            inner.state().asked_at = Some(inner.clock.now());
            let outcome = inner.fetch().await;
            let answer = inner.settle(outcome);
            drop(turn);
            answer
        });
        asking.await.unwrap_or(Err(NoKeys))
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_ask(&self, now: DateTime<Utc>) -> bool {
        let state = self.state();
        let pause = if state.usable(now).is_some() { PAUSE } else { IMPATIENT_PAUSE };
        state.asked_at.is_none_or(|at| now - at >= pause)
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let document = self.client.get_url(self.discovery.clone(), &[]).await?;
        let document: Discovery = serde_json::from_str(&document).map_err(FetchError::Malformed)?;
        if document.issuer != self.issuer {
            return Err(FetchError::OtherIssuer(document.issuer.chars().take(200).collect()));
        }
        let address = Url::parse(&document.jwks_uri).ok().filter(is_trustworthy);
        let address = address.ok_or_else(|| FetchError::Address(document.jwks_uri.chars().take(200).collect()))?;
        Ok(KeySet::read(&self.client.get_url(address, &[]).await?)?)
    }

    fn settle(&self, outcome: Result<KeySet, FetchError>) -> Result<FetchedKeys, NoKeys> {
        let issuer = &self.issuer;
        let mut state = self.state();
        match outcome {
            Ok(keys) => {
                state.fetches += 1;
                let fetched = FetchedKeys { keys: Arc::new(keys), fetch: state.fetches };
                state.fetched = Some((fetched.clone(), self.clock.now()));
                if std::mem::take(&mut state.is_out) {
                    info!("the keys of the issuer `{issuer}` can be fetched again");
                }
                Ok(fetched)
            }
            Err(error) => {
                if !std::mem::replace(&mut state.is_out, true) {
                    warn!("the keys of the issuer `{issuer}` cannot be fetched: {error}");
                }
                if state.usable(self.clock.now()).is_none() && state.fetched.take().is_some() {
                    error!(
                        "the keys of the issuer `{issuer}` were fetched more than {} hours ago, so its users are not let \
                         in until they can be fetched again",
                        LONGEST_USE.num_hours()
                    );
                }
                Err(NoKeys)
            }
        }
    }
}
