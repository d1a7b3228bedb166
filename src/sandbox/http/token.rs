//! Tokens that the sandbox has issued, and until when they are good.

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

use super::credentials;
use crate::environment::Clock;
use crate::sandbox::json::Object;
use crate::sandbox::world::unguessable;

/// Issued tokens of one surface.
pub struct Tokens {
    clock: Arc<dyn Clock>,
    lifetime: TimeDelta,
    serial: AtomicU64,
    issued: Mutex<HashMap<String, DateTime<Utc>>>,
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
    pub fn new(clock: Arc<dyn Clock>, lifetime: Duration) -> Self {
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::days(1));
        Self { clock, lifetime, serial: AtomicU64::new(0), issued: Mutex::default() }
    }

    /// Answers the token endpoint of Pax8; `None` when the credentials or the audience are not accepted.
    pub fn for_client(&self, body: &[u8]) -> Option<String> {
        let asked: ClientCredentials = serde_json::from_slice(body).ok()?;
        let is_good = asked.client_id == credentials::PAX8_CLIENT_ID
            && asked.client_secret == credentials::PAX8_CLIENT_SECRET
            && asked.audience == credentials::PAX8_AUDIENCE
            && asked.grant_type == "client_credentials";
        is_good.then(|| {
            let token = format!("sandbox-{}", self.unguessable());
            self.remember(token.clone());
            Object::new()
                .text("access_token", &token)
                .value("expires_in", self.lifetime.num_seconds())
                .text("token_type", "Bearer")
                .finish()
        })
    }

    /// Answers the PSA's exchange with a token in the form of an unsigned JWT; `None` for a wrong key.
    pub fn for_api_key(&self, body: &[u8]) -> Option<String> {
        let asked: ApiKey = serde_json::from_slice(body).ok()?;
        (asked.api_key == credentials::PSA_API_KEY).then(|| {
            let expires = self.clock.now() + self.lifetime;
            let payload = Object::new()
                .text("sub", "sandbox")
                .text("tenant", credentials::PSA_TENANT)
                .value("iat", self.clock.now().timestamp())
                .value("exp", expires.timestamp())
                .finish();
            let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
            let head = part(r#"{"alg":"none","typ":"JWT"}"#);
            let token = format!("{head}.{}.{}", part(&payload), part(&self.unguessable()));
            self.remember(token.clone());
            let data = Object::new().text("token", &token).finish();
            Object::new().raw("data", &data).finish()
        })
    }

    /// Whether the request carries a token that is still good.
    pub fn accepts(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.get(token).is_some_and(|expires| self.clock.now() < *expires)
    }

    /// Forgets every token, as if all had been revoked.
    pub fn revoke_all(&self) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remember(&self, token: String) {
        let now = self.clock.now();
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, expires| now < *expires);
        issued.insert(token, now + self.lifetime);
    }

    /// Another text for every token, also within one moment.
    fn unguessable(&self) -> String {
        let moment = self.clock.now().timestamp_micros().unsigned_abs();
        unguessable(moment.rotate_left(20) ^ self.serial.fetch_add(1, Ordering::Relaxed))
    }
}

/// Whether the request carries user and password of Billing.
pub fn has_billing_password(headers: &HeaderMap) -> bool {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(encoded) = header.and_then(|value| value.strip_prefix("Basic ")) else { return false };
    let expected = format!("{}:{}", credentials::BILLING_USER, credentials::BILLING_PASSWORD);
    STANDARD.decode(encoded).is_ok_and(|given| given == expected.as_bytes())
}
