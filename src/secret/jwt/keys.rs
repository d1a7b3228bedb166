//! The public keys of an issuer (JWK Set, RFC 7517), and which of them a signature may be checked with.
//!
//! A key is bound to the algorithms of its kind when it is read. What a token says can therefore never make a key be
//! used as something else, such as the public key as a shared secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use thiserror::Error;

use super::{JwtError, SigningAlgorithm};

/// Most keys that are read; more are a mistake or a trick.
const MAX_KEYS: usize = 100;

/// Lengths of an RSA modulus in bytes that can be trusted and that are still quick to check.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// The text is no set of keys.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the answer is not a set of keys")]
pub struct NoKeySet;

/// The keys that can be used; the others of the issuer are left out.
#[derive(Clone)]
pub struct KeySet(Vec<PublicKey>);

#[derive(Clone)]
struct PublicKey {
    id: Option<String>,
    kind: Kind,
    /// The one algorithm that it is for, where the issuer says so.
    algorithm: Option<String>,
    key: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    fn signs_with(self, algorithm: SigningAlgorithm) -> bool {
        use SigningAlgorithm as A;
        match algorithm {
            A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512 => self == Self::Rsa,
            A::Es256 => self == Self::P256,
            A::Es384 => self == Self::P384,
            A::EdDsa => self == Self::Ed25519,
        }
    }
}

impl PublicKey {
    /// Reads a key; `None` for one that is not for signatures, or not of a kind that we know.
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let operations = jwk.get("key_ops").and_then(Value::as_array);
        if operations.is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
            return None;
        }
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let coordinate = |name: &str, length: usize| bytes(name).filter(|bytes| bytes.len() == length).and(text(name));
        let (kind, key) = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let modulus = bytes("n")?;
                let leading = modulus.iter().take_while(|byte| **byte == 0).count();
                if !MODULUS.contains(&(modulus.len() - leading)) {
                    return None;
                }
                (Kind::Rsa, DecodingKey::from_rsa_raw_components(&modulus, &bytes("e")?))
            }
            ("EC", Some("P-256")) => {
                let point = (coordinate("x", 32)?, coordinate("y", 32)?);
                (Kind::P256, DecodingKey::from_ec_components(point.0, point.1).ok()?)
            }
            ("EC", Some("P-384")) => {
                let point = (coordinate("x", 48)?, coordinate("y", 48)?);
                (Kind::P384, DecodingKey::from_ec_components(point.0, point.1).ok()?)
            }
            // The library takes the length for granted.
            ("OKP", Some("Ed25519")) => (Kind::Ed25519, DecodingKey::from_ed_components(coordinate("x", 32)?).ok()?),
            _ => return None,
        };
        Some(Self { id: text("kid").map(str::to_owned), kind, algorithm: text("alg").map(str::to_owned), key })
    }

    fn fits(&self, id: Option<&str>, algorithm: SigningAlgorithm) -> bool {
        let is_named = id.is_none() || self.id.as_deref() == id;
        let is_meant = self.algorithm.as_deref().is_none_or(|meant| meant == algorithm.as_str());
        is_named && is_meant && self.kind.signs_with(algorithm)
    }
}

impl KeySet {
    /// Reads the set that an issuer publishes.
    pub fn read(json: &str) -> Result<Self, NoKeySet> {
        let set: Value = serde_json::from_str(json).map_err(|_| NoKeySet)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(NoKeySet)?;
        Ok(Self(keys.iter().take(MAX_KEYS).filter_map(PublicKey::read).collect()))
    }

    /// How many keys there are that some of these algorithms can be checked with.
    pub fn usable(&self, algorithms: &[SigningAlgorithm]) -> usize {
        self.0.iter().filter(|key| algorithms.iter().any(|algorithm| key.fits(None, *algorithm))).count()
    }

    /// Checks a signature with the key of that id. A token that names none is checked where the issuer has one key
    /// that fits, and where it has several nobody can say which was meant.
    pub(super) fn check(
        &self,
        id: Option<&str>,
        algorithm: SigningAlgorithm,
        message: &[u8],
        signature: &str,
    ) -> Result<(), JwtError> {
        let mut fitting = self.0.iter().filter(|key| key.fits(id, algorithm));
        let (Some(key), None) = (fitting.next(), fitting.next()) else { return Err(JwtError::UnknownKey) };
        match jsonwebtoken::crypto::verify(signature, message, &key.key, of_library(algorithm)) {
            Ok(true) => Ok(()),
            // Without an id, the key that fits may be the one before a rotation.
            _ if id.is_none() => Err(JwtError::UnknownKey),
            _ => Err(JwtError::BadSignature),
        }
    }
}

fn of_library(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::Rs384 => Algorithm::RS384,
        SigningAlgorithm::Rs512 => Algorithm::RS512,
        SigningAlgorithm::Ps256 => Algorithm::PS256,
        SigningAlgorithm::Ps384 => Algorithm::PS384,
        SigningAlgorithm::Ps512 => Algorithm::PS512,
        SigningAlgorithm::Es256 => Algorithm::ES256,
        SigningAlgorithm::Es384 => Algorithm::ES384,
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}
