//! What a Pax8 account needs to be read, with the documented defaults.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::connector::address::{Network, Place, place_of_url};
use crate::connector::oauth::kept::TokenKeeper;
use crate::connector::setting::{LONGEST_SKEW_SECONDS, Manners, SettingError, between};

/// Requests a minute that Pax8 allows.
pub const REQUESTS_PER_MINUTE: u32 = 1000;

/// Settings of a Pax8 account without its secret; stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pax8Settings {
    /// Address of the partner API.
    pub base_url: String,
    /// Token endpoint.
    pub token_url: String,
    /// Address of the API of webhooks; `/api/v2` beside the partner API when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_base_url: Option<String>,
    /// Id that Pax8 gave an integrator, whose webhooks have to name it; an MSP's own have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_integration_id: Option<String>,
    /// What the token is for.
    pub audience: String,
    /// Public half of the credentials.
    pub client_id: String,
    /// Records asked for at a time, at most 200: what Pax8 does beyond that is unknown.
    pub page_size: u32,
    /// Rate budget; Pax8 allows 1,000 requests a minute.
    pub requests_per_minute: NonZeroU32,
    /// Requests under way at the same time.
    pub concurrency: usize,
    /// How long before its end a token is replaced, in seconds.
    pub token_skew_seconds: u64,
    /// Time for one request, in seconds.
    pub timeout_seconds: u64,
    /// How often a read is tried, the first time included.
    pub max_tries: usize,
    /// Wait before the second try, in milliseconds; it doubles from try to try.
    pub first_delay_milliseconds: u64,
    /// Longest wait that Pax8 may ask for, in seconds; beyond it the read ends and says how long to wait.
    pub max_retry_after_seconds: u64,
    /// IANA time zone of the account: a moment becomes the day that it is there.
    pub time_zone: String,
    /// Where connections may go; the operator's word and not a setting of the account.
    #[serde(skip)]
    pub network: Network,
}

impl Default for Pax8Settings {
    fn default() -> Self {
        Self {
            base_url: "https://api.pax8.com/v1".to_owned(),
            token_url: "https://api.pax8.com/v1/token".to_owned(),
            webhook_base_url: None,
            webhook_integration_id: None,
            audience: "https://api.pax8.com".to_owned(),
            client_id: String::new(),
            page_size: 200,
            requests_per_minute: NonZeroU32::new(700).expect("700 is not zero"),
            concurrency: 4,
            token_skew_seconds: 300,
            timeout_seconds: 60,
            max_tries: 5,
            first_delay_milliseconds: 500,
            max_retry_after_seconds: 120,
            time_zone: "UTC".to_owned(),
            network: Network::default(),
        }
    }
}

/// What proves to Pax8 that we may act for an account.
#[derive(Clone)]
pub enum Pax8Proof {
    /// The secret of the client credentials, whose tokens are kept by this connection alone.
    ClientSecret(SecretString),
    /// Kept tokens, of those keys or of the consent of a person.
    Kept(Arc<dyn TokenKeeper>),
}

impl Pax8Settings {
    /// Records asked for at a time, within the documented limit.
    pub fn bounded_page_size(&self) -> u32 {
        self.page_size.clamp(1, 200)
    }

    /// Whether every number can be used.
    pub fn check(&self) -> Result<(), SettingError> {
        let url = Url::parse(&self.base_url).ok();
        let is_on_this_machine = url.as_ref().and_then(place_of_url) == Some(Place::Loopback);
        let manners = Manners {
            requests_per_minute: self.requests_per_minute.get(),
            documented_per_minute: REQUESTS_PER_MINUTE,
            concurrency: self.concurrency,
            timeout_seconds: self.timeout_seconds,
            max_tries: self.max_tries,
            first_delay_milliseconds: self.first_delay_milliseconds,
            max_retry_after_seconds: self.max_retry_after_seconds,
        };
        manners.check("", is_on_this_machine)?;
        between("page_size", self.page_size, (1, 200))?;
        between("token_skew_seconds", self.token_skew_seconds, (0, LONGEST_SKEW_SECONDS))
    }

    /// How long before its end a token is replaced.
    pub fn token_skew(&self) -> Duration {
        Duration::from_secs(self.token_skew_seconds)
    }
}
