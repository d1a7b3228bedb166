//! Signed tokens of an issuer (JWT, RFC 7519): reading one, checking its signature and the claims that every one has.
//!
//! Nothing here knows where keys come from, what time it is, or what a claim means to us. A token is read as what a
//! stranger sent: nothing of it is believed before [`SignedToken::verify`] has found the signature good, and the
//! algorithm that it names only chooses among those that the operator accepts.

mod keys;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use thiserror::Error;

pub use keys::{KeySet, NoKeySet};

/// Longest token that is read, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;

/// Longest subject, in characters; OpenID Connect allows no longer one.
const MAX_SUBJECT: usize = 255;

/// How far the issuer's clock and ours may differ.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// How a token may be signed. Only such that take a private key: whoever can check a signature cannot make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of RFC 7518 and RFC 8037")]
pub enum SigningAlgorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no algorithm that may be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not an algorithm that can be trusted; write some of {list}", list = SigningAlgorithm::ALL.map(SigningAlgorithm::as_str).join(", "))]
pub struct NotAnAlgorithm(String);

impl FromStr for SigningAlgorithm {
    type Err = NotAnAlgorithm;

    fn from_str(text: &str) -> Result<Self, NotAnAlgorithm> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        found.ok_or_else(|| NotAnAlgorithm(text.chars().take(32).collect()))
    }
}

/// Why a token is not accepted. The texts complete a sentence and show nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JwtError {
    /// It is longer than anybody needs.
    #[error("it is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// It cannot be read.
    #[error("it cannot be read as a signed token")]
    Malformed,
    /// It is signed in a way that is not accepted, or not signed at all.
    #[error("it is not signed with an algorithm that this server accepts")]
    Algorithm,
    /// It asks for extensions.
    #[error("it asks for an extension (`crit`) that this server does not know")]
    Critical,
    /// No key of the issuer fits.
    #[error("it is signed with a key that the issuer does not publish")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("its signature is wrong")]
    BadSignature,
    /// It tells a program who signed in, and is no permission to call anybody.
    #[error("it is an ID token, which says who signed in; send the access token instead")]
    IdToken,
    /// It says that it is something else.
    #[error("its type (`typ`) is not that of an access token")]
    WrongType,
    /// It does not say what it is.
    #[error("it does not say that it is an access token (`typ` has to be `at+jwt`), which this server asks for")]
    NoType,
    /// Another issuer made it.
    #[error("it is of another issuer than this server trusts")]
    WrongIssuer,
    /// It is meant for somebody else.
    #[error("it is meant for another audience")]
    WrongAudience,
    /// It says nothing about its end.
    #[error("it does not say when it expires")]
    NoExpiry,
    /// It worked once.
    #[error("it has expired")]
    Expired,
    /// It will work later.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It names nobody.
    #[error("it does not say whose it is (`sub`)")]
    NoSubject,
}

/// Whose tokens are accepted, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The issuer, exactly as its tokens name it.
    pub issuer: String,
    /// The audience that a token has to be meant for.
    pub audience: String,
    /// How it may be signed.
    pub algorithms: Vec<SigningAlgorithm>,
    /// Whether it has to say that it is an access token (RFC 9068); many issuers leave that out.
    pub is_type_required: bool,
}

/// A token that was read and not yet believed. Its claims come out by [`SignedToken::verify`] alone.
pub struct SignedToken<'a> {
    /// What is signed: the first two parts with their dot.
    message: &'a [u8],
    signature: &'a str,
    algorithm: SigningAlgorithm,
    key_id: Option<String>,
    claims: Map<String, Value>,
}

/// A token that was found good.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The issuer's id of whose it is.
    pub subject: String,
    /// From this moment on it is good no longer.
    pub ends_at: DateTime<Utc>,
    /// Everything that it says.
    pub claims: Map<String, Value>,
}

/// Without what it says, which may be private.
impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}

impl<'a> SignedToken<'a> {
    /// Reads a token and refuses what could never be good, before anybody is asked for a key.
    pub fn read(text: &'a str, expectation: &Expectation) -> Result<Self, JwtError> {
        if text.len() > MAX_TOKEN {
            return Err(JwtError::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(JwtError::Malformed)?;
        let header = object(header)?;
        if header.contains_key("crit") {
            return Err(JwtError::Critical);
        }
        let named = header.get("alg").and_then(Value::as_str).ok_or(JwtError::Algorithm)?;
        let algorithm: SigningAlgorithm = named.parse().map_err(|_| JwtError::Algorithm)?;
        if !expectation.algorithms.contains(&algorithm) {
            return Err(JwtError::Algorithm);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(JwtError::Malformed),
        };
        let claims = object(claims)?;
        // A token of somebody else's issuer is no reason to look for new keys of ours.
        if claims.get("iss").and_then(Value::as_str) != Some(expectation.issuer.as_str()) {
            return Err(JwtError::WrongIssuer);
        }
        check_type(&header, &claims, expectation)?;
        Ok(Self { message: message.as_bytes(), signature, algorithm, key_id, claims })
    }

    /// Checks the signature, then what the token says about itself.
    pub fn verify(
        &self,
        keys: &KeySet,
        expectation: &Expectation,
        now: DateTime<Utc>,
    ) -> Result<VerifiedToken, JwtError> {
        keys.check(self.key_id.as_deref(), self.algorithm, self.message, self.signature)?;
        let claims = &self.claims;
        let is_for_us = match claims.get("aud") {
            Some(Value::String(audience)) => *audience == expectation.audience,
            Some(Value::Array(audiences)) => {
                audiences.iter().any(|audience| audience.as_str() == Some(expectation.audience.as_str()))
            }
            _ => false,
        };
        if !is_for_us {
            return Err(JwtError::WrongAudience);
        }
        let ends_at = moment(claims, "exp")?.ok_or(JwtError::NoExpiry)?;
        let ends_at = ends_at.checked_add_signed(LEEWAY).ok_or(JwtError::Malformed)?;
        if ends_at <= now {
            return Err(JwtError::Expired);
        }
        if moment(claims, "nbf")?.is_some_and(|begins_at| now + LEEWAY < begins_at) {
            return Err(JwtError::NotYetValid);
        }
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.trim().is_empty() || subject.chars().count() > MAX_SUBJECT || subject.contains(char::is_control) {
            return Err(JwtError::NoSubject);
        }
        Ok(VerifiedToken { subject: subject.to_owned(), ends_at, claims: claims.clone() })
    }
}

/// Refuses what is no access token: with one issuer, one key and one audience, only this tells its tokens apart.
fn check_type(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    expectation: &Expectation,
) -> Result<(), JwtError> {
    let is_typed = match header.get("typ") {
        None => false,
        Some(Value::String(name)) => {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("application/").unwrap_or(&name) {
                "at+jwt" => true,
                // What issuers write that do not follow RFC 9068, into every kind of token.
                "jwt" => false,
                _ => return Err(JwtError::WrongType),
            }
        }
        Some(_) => return Err(JwtError::Malformed),
    };
    // Keycloak says in a claim what a token is. Before version 25 it put the nonce of the sign-in into access tokens too.
    let kind = claims.get("typ").and_then(Value::as_str);
    let is_access_token = is_typed || kind == Some("Bearer");
    let has = |name: &str| claims.contains_key(name);
    if kind == Some("ID") || has("at_hash") || has("c_hash") || (has("nonce") && !is_access_token) {
        return Err(JwtError::IdToken);
    }
    if expectation.is_type_required && !is_typed { Err(JwtError::NoType) } else { Ok(()) }
}

/// The object that a part of a token is.
fn object(part: &str) -> Result<Map<String, Value>, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed)
}

/// A claim that counts seconds since 1970, whose fractions are left out.
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, JwtError> {
    let number = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(JwtError::Malformed),
    };
    let whole = number.split_once('.').map_or(number.as_str(), |(whole, _)| whole);
    let seconds = whole.parse().map_err(|_| JwtError::Malformed)?;
    DateTime::from_timestamp(seconds, 0).map(Some).ok_or(JwtError::Malformed)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
