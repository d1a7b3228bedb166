//! What the connector tests share: a Pax8 account at a local mock, and fixtures.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use concord::connector::http::{Exchange, Recorder};
use concord::connector::pax8::{Pax8, Pax8Proof, Pax8Settings};
use concord::environment::FixedClock;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Keeps the traffic of a client.
#[derive(Default)]
pub struct Tape(pub Mutex<Vec<Exchange>>);

impl Recorder for Tape {
    fn record(&self, exchange: Exchange) {
        self.0.lock().unwrap().push(exchange);
    }
}

/// The text of a fixture.
pub fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// An answer with a fixture as its body.
pub fn json(name: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(fixture(name), "application/json")
}

/// An answer with a text as its JSON body.
pub fn json_text(status: u16, text: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(text.into(), "application/json")
}

pub fn noon() -> DateTime<Utc> {
    "2026-06-06T12:00:00Z".parse().unwrap()
}

pub fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(noon()))
}

pub fn pax8_settings(server: &MockServer) -> Pax8Settings {
    Pax8Settings {
        base_url: format!("{}/v1", server.uri()),
        token_url: format!("{}/v1/token", server.uri()),
        client_id: "client".to_owned(),
        first_delay_milliseconds: 1,
        ..Pax8Settings::default()
    }
}

pub fn pax8_with(settings: &Pax8Settings, clock: Arc<FixedClock>) -> Pax8 {
    let proof = Pax8Proof::ClientSecret("s3cret".into());
    Pax8::connect(settings, proof, clock, None).unwrap()
}

/// An account whose token endpoint always gives a token.
pub async fn pax8(server: &MockServer) -> Pax8 {
    mount_token(server).await;
    pax8_with(&pax8_settings(server), clock())
}

pub async fn mount_token(server: &MockServer) {
    let reply = json_text(200, r#"{"access_token":"t-1","expires_in":86400,"token_type":"Bearer"}"#);
    Mock::given(method("POST")).and(path("/v1/token")).respond_with(reply).mount(server).await;
}

/// Answers a GET with a fixture.
pub async fn mount(server: &MockServer, at: &str, name: &str) {
    Mock::given(method("GET")).and(path(at)).respond_with(json(name)).mount(server).await;
}
