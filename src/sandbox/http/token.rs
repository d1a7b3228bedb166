//! Tokens that the sandbox has issued, what they open and until when they are good.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::account::Rights;
use super::credentials;
use crate::environment::Clock;
use crate::sandbox::json::Object;
use crate::sandbox::world::unguessable;

/// Texts that differ every time, also within one moment.
pub struct Unguessables {
    clock: Arc<dyn Clock>,
    serial: AtomicU64,
}

impl Unguessables {
    /// A source that reads this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, serial: AtomicU64::new(0) }
    }

    /// The next text.
    pub fn next(&self) -> String {
        let moment = self.clock.now().timestamp_micros().unsigned_abs();
        unguessable(moment.rotate_left(20) ^ self.serial.fetch_add(1, Ordering::Relaxed))
    }
}

/// How the tokens of a surface look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text without meaning, as at Pax8.
    Opaque,
    /// An unsigned JWT, as at the PSA, whose clients read the expiry in it.
    Jwt,
}

/// Issued tokens of one surface.
pub struct Tokens {
    clock: Arc<dyn Clock>,
    form: Form,
    lifetime: TimeDelta,
    unguessables: Unguessables,
    issued: Mutex<HashMap<String, Issued>>,
    /// What the endpoints that give tokens were asked for.
    pub counts: Counts,
}

/// What is known about a token.
struct Issued {
    expires: DateTime<Utc>,
    rights: Rights,
    /// The grant that it belongs to, where a person gave one.
    grant: Option<u64>,
}

/// What the token endpoint of Pax8 is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClientCredentials {
    client_id: String,
    client_secret: String,
    audience: String,
    grant_type: String,
}

/// What the PSA's exchange is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ApiKey {
    api_key: String,
}

impl Tokens {
    /// No token yet.
    pub fn new(clock: Arc<dyn Clock>, form: Form, lifetime: Duration) -> Self {
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::days(1));
        let unguessables = Unguessables::new(Arc::clone(&clock));
        Self { clock, form, lifetime, unguessables, issued: Mutex::default(), counts: Counts::default() }
    }

    /// Answers the token endpoint of Pax8; `None` when the credentials or the audience are not accepted.
    pub fn for_client(&self, body: &[u8]) -> Option<String> {
        self.counts.client_credentials.add_one();
        let asked: Option<ClientCredentials> = serde_json::from_slice(body).ok();
        let is_good = asked.is_some_and(|asked| {
            asked.client_id == credentials::PAX8_CLIENT_ID
                && asked.client_secret == credentials::PAX8_CLIENT_SECRET
                && asked.audience == credentials::PAX8_AUDIENCE
                && asked.grant_type == "client_credentials"
        });
        if !is_good {
            self.counts.refused.add_one();
            return None;
        }
        let object = Object::new()
            .text("access_token", &self.issue(Rights::Everything, None))
            .value("expires_in", self.seconds())
            .text("token_type", "Bearer");
        Some(object.finish())
    }

    /// Answers the PSA's exchange; `None` for a wrong key.
    pub fn for_api_key(&self, body: &[u8]) -> Option<String> {
        self.counts.api_key_exchange.add_one();
        let asked: Option<ApiKey> = serde_json::from_slice(body).ok();
        if asked.is_none_or(|asked| asked.api_key != credentials::PSA_API_KEY) {
            self.counts.refused.add_one();
            return None;
        }
        let data = Object::new().text("token", &self.issue(Rights::Everything, None)).finish();
        Some(Object::new().raw("data", &data).finish())
    }

    /// A new token.
    pub fn issue(&self, rights: Rights, grant: Option<u64>) -> String {
        let now = self.clock.now();
        let expires = now + self.lifetime;
        let token = match self.form {
            Form::Opaque => format!("sandbox-{}", self.unguessables.next()),
            Form::Jwt => self.jwt(now, expires),
        };
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, one| now < one.expires);
        issued.insert(token.clone(), Issued { expires, rights, grant });
        token
    }

    /// For how many seconds a new token is good.
    pub fn seconds(&self) -> i64 {
        self.lifetime.num_seconds()
    }

    /// What the token of the request opens; `None` unless it carries one that is still good.
    pub fn rights(&self, headers: &HeaderMap) -> Option<Rights> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "))?;
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.get(token).filter(|one| self.clock.now() < one.expires).map(|one| one.rights)
    }

    /// The grant that a token belongs to.
    pub fn grant_of(&self, token: &str) -> Option<u64> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).get(token).and_then(|one| one.grant)
    }

    /// Forgets every token, as if all had been revoked.
    pub fn revoke_all(&self) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Forgets the tokens of one grant.
    pub fn revoke_grant(&self, grant: u64) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, one| one.grant != Some(grant));
    }

    fn jwt(&self, now: DateTime<Utc>, expires: DateTime<Utc>) -> String {
        let payload = Object::new()
            .text("sub", "sandbox")
            .text("tenant", credentials::PSA_TENANT)
            .value("iat", now.timestamp())
            .value("exp", expires.timestamp())
            .finish();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let head = part(r#"{"alg":"none","typ":"JWT"}"#);
        format!("{head}.{}.{}", part(&payload), part(&self.unguessables.next()))
    }
}

/// How often something happened.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// It happened again.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the endpoints that give tokens were asked for, refused requests among them.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests with client credentials.
    pub client_credentials: Count,
    /// Requests with an API key.
    pub api_key_exchange: Count,
    /// Requests with an authorization code.
    pub authorization_code: Count,
    /// Requests with a refresh token.
    pub refresh_token: Count,
    /// Requests that were refused, of whichever kind.
    pub refused: Count,
    /// Requests to revoke.
    pub revocation: Count,
    /// Grants that ended because a code or a refresh token came a second time.
    pub reuse_detected: Count,
}

impl Counts {
    /// As JSON.
    pub fn list(&self) -> String {
        let counts = [
            ("client_credentials", &self.client_credentials),
            ("api_key_exchange", &self.api_key_exchange),
            ("authorization_code", &self.authorization_code),
            ("refresh_token", &self.refresh_token),
            ("refused", &self.refused),
            ("revocation", &self.revocation),
            ("reuse_detected", &self.reuse_detected),
        ];
        counts.iter().fold(Object::new(), |object, (name, count)| object.value(name, count.read())).finish()
    }
}

/// Whether the request carries user and password of Billing.
pub fn has_billing_password(headers: &HeaderMap) -> bool {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(encoded) = header.and_then(|value| value.strip_prefix("Basic ")) else { return false };
    let expected = format!("{}:{}", credentials::BILLING_USER, credentials::BILLING_PASSWORD);
    STANDARD.decode(encoded).is_ok_and(|given| given == expected.as_bytes())
}
