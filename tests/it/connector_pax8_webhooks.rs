//! Asking Pax8 for webhooks: what is sent, that nothing is sent twice, and that secrets stay between the two.

use std::sync::Arc;

use concord::connector::ConnectorError;
use concord::connector::http::Recorder;
use concord::connector::pax8::{Pax8, Pax8Proof, Pax8Settings};
use concord::connector::webhook::{NewWebhook, ProviderWebhooks as _};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, method, path};
use wiremock::{Mock, MockServer};

use crate::connector_support::{Tape, clock, json_text, mount_token, pax8, pax8_settings};

const URL: &str = "https://concord.example/webhooks/pax8/the-secret-of-the-path";
const AUTHORIZATION: &str = "Bearer the-secret-of-the-header";

fn new() -> NewWebhook {
    NewWebhook {
        display_name: "Concord one".to_owned(),
        url: URL.into(),
        authorization: AUTHORIZATION.into(),
        topics: vec!["INVOICE".to_owned(), "CLIENT".to_owned()],
    }
}

fn remote(name: &str, is_active: bool) -> Value {
    json!({
        "id": "w-1", "accountId": "a", "displayName": name, "url": URL, "authorization": AUTHORIZATION,
        "active": is_active, "errorThreshold": 3,
        "webhookTopics": [{ "id": "t", "topic": "INVOICE", "filters": [] }],
        "createdAt": "2026-06-01T00:00:00Z", "updatedAt": "2026-06-01T00:00:00Z",
    })
}

async fn answer(server: &MockServer, verb: &str, at: &str, status: u16, body: &Value) {
    let answer = json_text(status, body.to_string());
    Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(server).await;
}

/// How often something was asked for.
async fn asked(server: &MockServer, verb: &str, at: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests.iter().filter(|request| request.method.as_str() == verb && request.url.path() == at).count()
}

#[tokio::test]
async fn a_webhook_is_asked_for_with_everything_that_it_needs() {
    let server = MockServer::start().await;
    mount_token(&server).await;
    let wanted = json!({
        "displayName": "Concord one", "url": URL, "authorization": AUTHORIZATION, "active": true,
        "integrationId": "77aa",
        "webhookTopics": [{ "topic": "INVOICE", "filters": [] }, { "topic": "CLIENT", "filters": [] }],
    });
    let made = json_text(200, remote("Concord one", true).to_string());
    Mock::given(method("POST"))
        .and(path("/api/v2/webhooks"))
        .and(body_json(wanted))
        .respond_with(made)
        .mount(&server)
        .await;
    let tape = Arc::new(Tape::default());
    let recorder: Arc<dyn Recorder> = tape.clone();
    let settings = Pax8Settings { webhook_integration_id: Some("77aa".into()), ..pax8_settings(&server) };
    let proof = Pax8Proof::ClientSecret("s3cret".into());
    let account = Pax8::connect(&settings, proof, clock(), Some(recorder)).unwrap();
    let made = account.create(&new()).await.unwrap();
    assert_eq!((made.id.as_str(), made.is_active, made.topics), ("w-1", true, vec!["INVOICE".to_owned()]));
    let traffic = format!("{:?}", tape.0.lock().unwrap());
    assert!(traffic.contains("/api/v2/webhooks"), "{traffic}");
    assert!(!traffic.contains("the-secret-of"), "{traffic}");
}

#[tokio::test]
async fn a_webhook_of_which_nobody_knows_is_looked_for_and_never_asked_for_twice() {
    let at = "/api/v2/webhooks";
    for (status, body) in [(502, json!({})), (500, json!({ "message": URL })), (200, json!("not a webhook"))] {
        let server = MockServer::start().await;
        let account = pax8(&server).await;
        answer(&server, "POST", at, status, &body).await;
        let list = json!({ "content": [remote("Concord other", true), remote("Concord one", false)] });
        answer(&server, "GET", at, 200, &list).await;
        let found = account.create(&new()).await.unwrap();
        assert_eq!((found.display_name.as_str(), found.is_active), ("Concord one", false));
        assert_eq!(asked(&server, "POST", at).await, 1, "{status}");
    }
    // It is not there: then the first answer counts, without what it repeats.
    let server = MockServer::start().await;
    let account = pax8(&server).await;
    answer(&server, "POST", at, 500, &json!({ "message": format!("cannot reach {URL} with {AUTHORIZATION}") })).await;
    answer(&server, "GET", at, 200, &json!({ "content": [], "page": {} })).await;
    let error = account.create(&new()).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Unavailable { .. }), "{error}");
    assert!(!error.to_string().contains("the-secret-of"), "{error}");
    // What was refused was not made, and is not looked for.
    let server = MockServer::start().await;
    let account = pax8(&server).await;
    answer(&server, "POST", at, 400, &json!({ "type": "BAD_REQUEST", "message": format!("`{URL}` is bad") })).await;
    let error = account.create(&new()).await.unwrap_err();
    let said = "Pax8 refused the request: `https://concord.example/webhooks/pax8/[redacted]` is bad";
    assert_eq!(error.to_string(), said);
    assert_eq!(asked(&server, "GET", at).await, 0);
}

#[tokio::test]
async fn deleting_and_activating_look_at_what_became_of_it() {
    let (one, status) = ("/api/v2/webhooks/w-1", "/api/v2/webhooks/w-1/status");
    let server = MockServer::start().await;
    let account = pax8(&server).await;
    answer(&server, "DELETE", one, 503, &json!({})).await;
    answer(&server, "POST", status, 503, &json!({})).await;
    answer(&server, "GET", one, 200, &remote("Concord one", true)).await;
    account.activate("w-1").await.expect("it is active all the same");
    account.delete("w-1").await.expect_err("it is still there");
    assert_eq!((asked(&server, "DELETE", one).await, asked(&server, "POST", status).await), (1, 1));

    let server = MockServer::start().await;
    let account = pax8(&server).await;
    answer(&server, "DELETE", one, 503, &json!({})).await;
    answer(&server, "GET", one, 404, &json!({})).await;
    account.delete("w-1").await.expect("it is gone all the same");
    answer(&server, "DELETE", "/api/v2/webhooks/w-2", 404, &json!({})).await;
    account.delete("w-2").await.expect("it was gone before");
}
