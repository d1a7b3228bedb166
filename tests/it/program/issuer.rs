//! A stand-in for an OpenID Connect issuer, whose keys a test changes and whose requests it counts.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use concord::secret::jwt::{Expectation, SigningAlgorithm};
use concord::service::user::{IssuerSettings, Membership};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The audience of every test.
pub const AUDIENCE: &str = "concord";

/// A key of the issuer.
#[derive(Clone)]
pub struct Key {
    pub id: &'static str,
    pub algorithm: Algorithm,
    secret: EncodingKey,
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).expect("a key file is base64")
}

impl Key {
    pub fn elliptic(id: &'static str) -> Self {
        let secret = EncodingKey::from_ec_der(&der(include_str!("../../fixtures/jwt/p256.pem")));
        Self { id, algorithm: Algorithm::ES256, secret }
    }

    pub fn rsa(id: &'static str) -> Self {
        let secret = EncodingKey::from_rsa_der(&der(include_str!("../../fixtures/jwt/rsa.pem")));
        Self { id, algorithm: Algorithm::RS256, secret }
    }

    pub fn another_rsa(id: &'static str) -> Self {
        let secret = EncodingKey::from_rsa_der(&der(include_str!("../../fixtures/jwt/rsa_other.pem")));
        Self { id, algorithm: Algorithm::RS256, secret }
    }

    /// The public half, as it is published.
    pub fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.secret, self.algorithm).expect("the key is good");
        let mut jwk = serde_json::to_value(&jwk).expect("a key is JSON");
        jwk["use"] = json!("sig");
        jwk["kid"] = json!(self.id);
        jwk
    }

    /// A token that says this, signed with the key.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": format!("{:?}", self.algorithm), "kid": self.id, "typ": "JWT" });
        signed(&header, claims, self.algorithm, &self.secret)
    }
}

/// A token with any header, signed in any way.
pub fn signed(header: &Value, claims: &Value, algorithm: Algorithm, secret: &EncodingKey) -> String {
    let message = unsigned(header, claims);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), secret, algorithm).expect("it is signed");
    format!("{message}.{signature}")
}

/// The first two parts of a token.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The issuer.
pub struct Issuer {
    server: MockServer,
    keys: Arc<Mutex<Option<Vec<Key>>>>,
}

impl Issuer {
    pub async fn start(keys: &[Key]) -> Self {
        let server = MockServer::start().await;
        let issuer = server.uri();
        let published = Arc::new(Mutex::new(Some(keys.to_vec())));
        let discovery = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") });
        let answer = Arc::clone(&published);
        let found = move |body: Value| match *answer.lock().expect("the keys") {
            Some(_) => ResponseTemplate::new(200).set_body_json(body),
            None => ResponseTemplate::new(404),
        };
        let discover = found.clone();
        Mock::given(path("/.well-known/openid-configuration"))
            .respond_with(move |_: &Request| discover(discovery.clone()))
            .mount(&server)
            .await;
        let answer = Arc::clone(&published);
        let publish = move |_: &Request| {
            let keys = answer.lock().expect("the keys").clone().unwrap_or_default();
            found(json!({ "keys": keys.iter().map(Key::public).collect::<Vec<_>>() }))
        };
        Mock::given(path("/keys")).respond_with(publish).mount(&server).await;
        Self { server, keys: published }
    }

    /// The issuer as its tokens name it.
    pub fn name(&self) -> String {
        self.server.uri()
    }

    /// Changes the keys; without any, the issuer is out of order.
    pub fn publish(&self, keys: Option<&[Key]>) {
        *self.keys.lock().expect("the keys") = keys.map(<[Key]>::to_vec);
    }

    /// How often its keys were fetched, and how often somebody began to.
    pub async fn fetches(&self) -> (usize, usize) {
        let requests = self.server.received_requests().await.expect("requests are recorded");
        let of = |path: &str| requests.iter().filter(|request| request.url.path() == path).count();
        (of("/keys"), of("/.well-known/openid-configuration"))
    }

    /// Settings that trust it.
    pub fn settings(&self) -> IssuerSettings {
        let algorithms = vec![SigningAlgorithm::Rs256, SigningAlgorithm::Es256];
        IssuerSettings {
            expectation: Expectation {
                issuer: self.name(),
                audience: AUDIENCE.to_owned(),
                algorithms,
                is_type_required: false,
            },
            roles_claim: "roles".to_owned(),
            membership: Membership::Everybody("default".to_owned()),
        }
    }
}
