//! How Rev.io is convinced: an API key that is exchanged for a short-lived token on the PSA surface, and a user with a
//! password on the Billing surface.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::wire::lookup;
use super::{BILLING, PROVIDER};
use crate::connector::ConnectorError;
use crate::connector::http::{Authorization, Bodies, Credential, Outgoing, ProviderClient, Repetition, secret_header};
use crate::connector::oauth::{FetchedToken, TokenFetch, failed_exchange};

/// Exchanges the API key for a token.
pub struct KeyExchange {
    /// Client of the PSA surface, without credentials but with the tenant's header.
    pub client: ProviderClient,
    /// Where the exchange happens.
    pub url: Url,
    /// Field that holds the key.
    pub request_field: String,
    /// Where the token stands in the reply.
    pub token_pointer: String,
    /// The key.
    pub api_key: SecretString,
}

#[async_trait]
impl TokenFetch for KeyExchange {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    async fn fetch(&self) -> Result<FetchedToken, ConnectorError> {
        let key = self.api_key.expose_secret();
        let body = serde_json::json!({ self.request_field.as_str(): key }).to_string();
        let reply = self
            .client
            .send(Outgoing {
                method: Method::POST,
                url: self.url.clone(),
                headers: HeaderMap::new(),
                body: Some(body),
                // Asking for a token changes nothing.
                repetition: Repetition::Harmless,
                bodies: Bodies::Hidden,
            })
            .await?;
        if !reply.status.is_success() {
            return Err(failed_exchange(PROVIDER, self.url.path(), reply, &self.api_key));
        }
        let token = lookup(&reply.body, &self.token_pointer)
            .and_then(|raw| serde_json::from_str::<String>(raw.get()).ok())
            .filter(|token| !token.is_empty());
        let Some(token) = token else {
            let message = format!("the key exchange gave no token at `{}`", self.token_pointer);
            return Err(ConnectorError::Malformed { provider: PROVIDER, message });
        };
        Ok(FetchedToken { expires_at: expiry_of(&token), token: token.into() })
    }
}

/// When a JSON web token says that it ends. Its signature is not ours to check: we only hand it back.
fn expiry_of(token: &str) -> Option<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct Payload {
        exp: i64,
    }
    let payload = token.split('.').nth(1)?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    DateTime::from_timestamp(serde_json::from_slice::<Payload>(&payload).ok()?.exp, 0)
}

/// A user with a password.
pub struct BasicUser(Credential);

impl BasicUser {
    /// The user `username@clientcode` with a password.
    pub fn new(user: &str, password: &SecretString) -> Result<Arc<Self>, ConnectorError> {
        let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        let authorization = secret_header(BILLING, &format!("Basic {pair}"))?;
        Ok(Arc::new(Self(Credential { authorization, version: 0 })))
    }
}

#[async_trait]
impl Authorization for BasicUser {
    async fn credential(&self) -> Result<Credential, ConnectorError> {
        Ok(self.0.clone())
    }

    /// There is no other password.
    async fn give_up(&self, _: u64) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_from_its_payload() {
        let token = |payload: &str| format!("eyJh.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(payload));
        assert_eq!(expiry_of(&token(r#"{"exp":1780747200}"#)).unwrap().to_rfc3339(), "2026-06-06T12:00:00+00:00");
        assert_eq!(expiry_of(&token("{}")), None);
        assert_eq!(expiry_of("opaque"), None);
    }
}
