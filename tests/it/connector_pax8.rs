//! How the Pax8 connector behaves on a bad day: refused and expired tokens, limits, outages, answers that are no API,
//! and rows that cannot be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use concord::connector::http::Recorder;
use concord::connector::pax8::{Pax8, Pax8Proof, Pax8Settings};
use concord::connector::{ConnectorError, Cursor, Marketplace};
use concord::domain::id::ExternalId;
use concord::sandbox::{Options as SandboxOptions, credentials, start};
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::connector_support::{Tape, clock, json, json_text, mount, mount_token, pax8, pax8_settings, pax8_with};

/// Answers with one template after the other, and with the last one for ever.
struct InTurn(Vec<ResponseTemplate>, AtomicUsize);

impl InTurn {
    fn new(answers: impl IntoIterator<Item = ResponseTemplate>) -> Self {
        Self(answers.into_iter().collect(), AtomicUsize::new(0))
    }
}

impl Respond for InTurn {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let turn = self.1.fetch_add(1, Ordering::SeqCst).min(self.0.len() - 1);
        self.0[turn].clone()
    }
}

fn token(name: &str, seconds: u32) -> ResponseTemplate {
    json_text(200, format!(r#"{{"access_token":"{name}","expires_in":{seconds},"token_type":"Bearer"}}"#))
}

async fn requests_to(server: &MockServer, at: &str) -> usize {
    server.received_requests().await.unwrap().iter().filter(|request| request.url.path() == at).count()
}

#[tokio::test]
async fn the_token_is_asked_for_as_json_with_its_audience_and_shared_by_all_callers() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/token"))
        .and(body_json(serde_json::json!({
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": "s3cret",
            "audience": "https://api.pax8.com",
        })))
        .respond_with(token("t-1", 86400).set_delay(Duration::from_millis(20)))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/v1/companies"))
        .and(header("authorization", "Bearer t-1"))
        .respond_with(json("pax8/companies.json"))
        .mount(&server)
        .await;
    let pax8 = Arc::new(pax8_with(&pax8_settings(&server), clock()));
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let pax8 = Arc::clone(&pax8);
            tokio::spawn(async move { pax8.companies(None).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_token_is_replaced_before_it_ends() {
    let server = MockServer::start().await;
    let tokens = InTurn::new([token("t-1", 3600), token("t-2", 3600)]);
    Mock::given(path("/v1/token")).respond_with(tokens).expect(2).mount(&server).await;
    mount(&server, "/v1/products", "pax8/products.json").await;
    let clock = clock();
    let pax8 = pax8_with(&pax8_settings(&server), Arc::clone(&clock));
    pax8.products(None).await.unwrap();
    clock.advance(TimeDelta::seconds(3600 - 301));
    pax8.products(None).await.unwrap();
    assert_eq!(requests_to(&server, "/v1/token").await, 1);
    clock.advance(TimeDelta::seconds(2));
    pax8.products(None).await.unwrap();
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = MockServer::start().await;
    let tokens = InTurn::new([token("old", 86400), token("new", 86400)]);
    Mock::given(path("/v1/token")).respond_with(tokens).mount(&server).await;
    let refusal = json_text(401, r#"{"type":"UNAUTHORIZED","message":"token revoked","status":401}"#);
    Mock::given(header("authorization", "Bearer old")).respond_with(refusal).mount(&server).await;
    Mock::given(header("authorization", "Bearer new")).respond_with(json("pax8/products.json")).mount(&server).await;
    let pax8 = pax8_with(&pax8_settings(&server), clock());
    assert_eq!(pax8.products(None).await.unwrap().records.len(), 3);
    assert_eq!(requests_to(&server, "/v1/token").await, 2);
}

#[tokio::test]
async fn a_token_refused_twice_is_an_error_that_names_the_reason() {
    let server = MockServer::start().await;
    mount_token(&server).await;
    let refusal = json_text(401, r#"{"type":"UNAUTHORIZED","message":"token revoked","status":401}"#);
    Mock::given(path("/v1/products")).respond_with(refusal).mount(&server).await;
    let error = pax8_with(&pax8_settings(&server), clock()).products(None).await.unwrap_err();
    assert_eq!(error, ConnectorError::Unauthorized { provider: "Pax8", message: "token revoked".to_owned() });
    assert_eq!(requests_to(&server, "/v1/products").await, 2);
}

#[tokio::test]
async fn wrong_credentials_are_tried_once_for_all_callers_and_never_shown() {
    let server = MockServer::start().await;
    let refusal = json_text(401, r#"{"error":"access_denied","error_description":"Unauthorized"}"#);
    Mock::given(path("/v1/token"))
        .respond_with(refusal.set_delay(Duration::from_millis(30)))
        .expect(1)
        .mount(&server)
        .await;
    let pax8 = pax8_with(&pax8_settings(&server), clock());
    let (left, right) = tokio::join!(pax8.companies(None), pax8.products(None));
    let error = left.unwrap_err();
    assert_eq!(error, ConnectorError::Unauthorized { provider: "Pax8", message: "Unauthorized".to_owned() });
    assert_eq!(right.unwrap_err(), error);
    assert!(!format!("{error} {pax8:?}").contains("s3cret"));
}

#[tokio::test]
async fn an_odd_token_reply_is_not_taken_for_a_token() {
    for body in ["<html>maintenance</html>", r#"{"token_type":"Bearer"}"#, r#"{"access_token":"x","token_type":"mac"}"#]
    {
        let server = MockServer::start().await;
        Mock::given(path("/v1/token")).respond_with(json_text(200, body)).mount(&server).await;
        let error = pax8_with(&pax8_settings(&server), clock()).companies(None).await.unwrap_err();
        assert!(matches!(error, ConnectorError::Malformed { .. }), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_limit_is_waited_out_as_told() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "0");
    let dated = ResponseTemplate::new(429).insert_header("retry-after", "Sat, 06 Jun 2026 11:59:59 GMT");
    let answers = InTurn::new([limited, dated, json("pax8/products.json")]);
    Mock::given(path("/v1/products")).respond_with(answers).expect(3).mount(&server).await;
    assert_eq!(pax8(&server).await.products(None).await.unwrap().records.len(), 3);
}

#[tokio::test]
async fn a_wait_beyond_the_limit_is_left_to_the_caller() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    Mock::given(path("/v1/products")).respond_with(limited).expect(1).mount(&server).await;
    let error = pax8(&server).await.products(None).await.unwrap_err();
    let retry_after = Some(Duration::from_secs(3600));
    assert_eq!(error, ConnectorError::RateLimited { provider: "Pax8", retry_after });
}

#[tokio::test]
async fn an_outage_is_tried_again_and_then_reported() {
    let server = MockServer::start().await;
    let answers = InTurn::new([ResponseTemplate::new(503), ResponseTemplate::new(408), json("pax8/products.json")]);
    Mock::given(path("/v1/products")).respond_with(answers).mount(&server).await;
    let gone = ResponseTemplate::new(502).set_body_raw("<html>Bad Gateway</html>", "text/html");
    Mock::given(path("/v1/companies")).respond_with(gone).expect(5).mount(&server).await;
    let pax8 = pax8(&server).await;
    assert_eq!(pax8.products(None).await.unwrap().records.len(), 3);
    let ConnectorError::Unavailable { message, .. } = pax8.companies(None).await.unwrap_err() else {
        panic!("a gateway's error is an outage")
    };
    assert_eq!(message, "status 502 Bad Gateway: <html>Bad Gateway</html>");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unavailable() {
    let mut settings = pax8_settings(&MockServer::start().await);
    settings.token_url = "http://127.0.0.1:1/v1/token".to_owned();
    settings.max_tries = 2;
    let error = pax8_with(&settings, clock()).companies(None).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn other_refusals_keep_the_provider_s_words_and_are_not_repeated() {
    let server = MockServer::start().await;
    let answers = [
        (403, "Forbidden", "Pax8 does not allow this: not yours"),
        (422, "Refused", "Pax8 refused the request: not yours"),
        (404, "NotFound", "Pax8 does not know `/v1/products`"),
    ];
    for (status, kind, sentence) in answers {
        server.reset().await;
        mount_token(&server).await;
        let body = r#"{"type":"X","message":"not yours","status":1,"details":[]}"#;
        Mock::given(path("/v1/products")).respond_with(json_text(status, body)).expect(1).mount(&server).await;
        let error = pax8_with(&pax8_settings(&server), clock()).products(None).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(kind), "{error:?}");
        assert_eq!(error.to_string(), sentence);
        server.verify().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_malformed() {
    let html = "<!doctype html><title>Sign in</title>";
    for body in [html, r#"{"content":[{"id":"#, r#"{"hello":1}"#, "7"] {
        let server = MockServer::start().await;
        Mock::given(path("/v1/products")).respond_with(json_text(200, body)).mount(&server).await;
        let error = pax8(&server).await.products(None).await.unwrap_err();
        assert!(matches!(error, ConnectorError::Malformed { .. }), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockServer::start().await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", format!("{}/v1/companies", server.uri()));
    Mock::given(path("/v1/products")).respond_with(elsewhere).mount(&server).await;
    Mock::given(path("/v1/companies")).respond_with(json("pax8/companies.json")).expect(0).mount(&server).await;
    let error = pax8(&server).await.products(None).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn pages_are_followed_to_the_last_and_an_empty_one_ends_the_list() {
    let server = MockServer::start().await;
    for (number, body) in [
        ("0", r#"{"content":[{"id":"a","name":"A"}],"page":{"totalPages":3,"totalElements":3,"number":0}}"#),
        ("1", r#"{"content":[{"id":"b","name":"B"}],"page":{"totalPages":3,"totalElements":3,"number":1}}"#),
        // Rows may move while a list is read: the last page that was promised can be empty.
        ("2", r#"{"page":{"totalPages":4,"totalElements":3,"number":2}}"#),
    ] {
        Mock::given(path("/v1/products"))
            .and(query_param("page", number))
            .and(query_param("sort", "name"))
            .respond_with(json_text(200, body))
            .expect(1)
            .mount(&server)
            .await;
    }
    let pax8 = pax8(&server).await;
    let mut next: Option<Cursor> = None;
    let mut ids = Vec::new();
    loop {
        let page = pax8.products(next).await.unwrap();
        ids.extend(page.records.into_iter().map(|pulled| pulled.record.external_id.to_string()));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(ids, ["a", "b"]);
}

#[tokio::test]
async fn a_malformed_row_is_rejected_with_its_reason_and_takes_nothing_along() {
    let server = MockServer::start().await;
    mount(&server, "/v1/companies", "pax8/companies.json").await;
    mount(&server, "/v1/invoices", "pax8/invoices.json").await;
    mount(&server, "/v1/invoices/i-1/items", "pax8/items.json").await;
    let pax8 = pax8(&server).await;
    let companies = pax8.companies(None).await.unwrap();
    assert_eq!((companies.records.len(), companies.rejected.len()), (3, 1));
    assert_eq!(companies.rejected[0].external_id, Some(ExternalId::from("c-3")));
    assert_eq!(companies.rejected[0].reason, "name is missing");
    let invoice = pax8.invoices(None, None).await.unwrap().records[0].record.clone();
    let lines = pax8.invoice_lines(&invoice, None).await.unwrap();
    assert_eq!((lines.records.len(), lines.rejected.len()), (4, 1));
    assert_eq!(lines.rejected[0].reason, "costTotal `12,50` is not a decimal");
}

#[tokio::test]
async fn amounts_keep_every_digit_and_the_raw_text_every_character() {
    let server = MockServer::start().await;
    mount(&server, "/v1/invoices", "pax8/invoices.json").await;
    mount(&server, "/v1/invoices/i-1/items", "pax8/items.json").await;
    mount(&server, "/v1/companies", "pax8/companies.json").await;
    let pax8 = pax8(&server).await;
    let invoice = pax8.invoices(None, None).await.unwrap().records.remove(0);
    assert!(invoice.raw.contains(r#""balance": 0, "carriedBalance": 0.000,"#), "{}", invoice.raw);
    let lines = pax8.invoice_lines(&invoice.record, None).await.unwrap();
    assert_eq!(lines.records[0].record.cost_total.unwrap().0.to_string(), "1234567890123.4567");
    assert_eq!(lines.records[3].record.cost_total.unwrap().0.to_string(), "12.50");
    let companies = pax8.companies(None).await.unwrap();
    assert_eq!(companies.records[1].record.name, "Nul\u{fffd}Byte LLC");
    assert!(companies.records[1].raw.contains("Nul\\ufffdByte"));
    assert_eq!(companies.records[1].notes.len(), 3, "{:?}", companies.records[1].notes);
    let updated_at = companies.records[0].record.updated_at.unwrap();
    assert_eq!(updated_at.to_rfc3339(), "2020-12-01T20:20:13.153+00:00");
}

#[tokio::test]
async fn an_invoice_since_a_day_asks_only_for_those() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/invoices"))
        .and(query_param("invoiceDateRangeStart", "2026-05-01"))
        .respond_with(json("pax8/invoices.json"))
        .expect(1)
        .mount(&server)
        .await;
    pax8(&server).await.invoices(Some("2026-05-01".parse().unwrap()), None).await.unwrap();
}

/// The sandbox refuses what the OpenAPI document does not allow, so that a parameter nobody documented fails here.
#[tokio::test]
async fn every_list_is_asked_for_as_the_document_allows() {
    let sandbox = start(SandboxOptions::default()).await.unwrap();
    let settings = Pax8Settings {
        base_url: sandbox.pax8_base_url(),
        token_url: sandbox.pax8_token_url(),
        client_id: credentials::PAX8_CLIENT_ID.to_owned(),
        ..Pax8Settings::default()
    };
    let proof = Pax8Proof::ClientSecret(credentials::PAX8_CLIENT_SECRET.into());
    let pax8 = Pax8::connect(&settings, proof, clock(), None).unwrap();
    let company = pax8.companies(None).await.unwrap().records.remove(0).record.external_id;
    let product = pax8.products(None).await.unwrap().records.remove(0).record.external_id;
    pax8.contacts(&company, None).await.unwrap();
    pax8.prices(&product, Some(&company)).await.unwrap();
    let subscriptions = pax8.subscriptions(None).await.unwrap();
    pax8.subscription_history(&subscriptions.records[0].record.external_id).await.unwrap();
    let invoice = pax8.invoices(Some("2026-09-01".parse().unwrap()), None).await.unwrap().records.remove(0).record;
    pax8.invoice_lines(&invoice, None).await.unwrap();
    for month_offset in [0, 1] {
        pax8.draft_lines(month_offset, None).await.unwrap();
    }
    let metered = ExternalId::from(sandbox.world().usage_summaries.all()[0].text("subscriptionId").unwrap());
    let summary = pax8.usage_summaries(&metered, None).await.unwrap().records.remove(0).record.external_id;
    pax8.usage_lines(&summary, "2026-09-30".parse().unwrap(), None).await.unwrap();
}

#[tokio::test]
async fn subscriptions_are_sorted_with_a_direction() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/subscriptions"))
        .and(query_param("sort", "createdDate,asc"))
        .respond_with(json("pax8/subscriptions.json"))
        .expect(1)
        .mount(&server)
        .await;
    pax8(&server).await.subscriptions(None).await.unwrap();
}

#[tokio::test]
async fn the_check_tells_the_account_s_name_and_what_is_missing() {
    let server = MockServer::start().await;
    mount(&server, "/v1/companies", "pax8/companies.json").await;
    mount(&server, "/v1/subscriptions", "pax8/subscriptions.json").await;
    let denied = json_text(403, r#"{"type":"FORBIDDEN","message":"billing is off","status":403}"#);
    let answers = InTurn::new([json("pax8/invoices.json"), denied]);
    Mock::given(path("/v1/invoices")).respond_with(answers).mount(&server).await;
    let pax8 = pax8(&server).await;
    assert_eq!(pax8.verify().await.unwrap().display_name.as_deref(), Some("Example MSP LLC"));
    let check = pax8.verify().await.unwrap();
    assert!(check.remarks[0].contains("billing is off"), "{:?}", check.remarks);
}

#[tokio::test]
async fn recorded_traffic_holds_no_secret() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/token")).respond_with(token("t0k3n", 86400)).mount(&server).await;
    mount(&server, "/v1/companies", "pax8/companies.json").await;
    let tape = Arc::new(Tape::default());
    let proof = Pax8Proof::ClientSecret("s3cret".into());
    let recorder: Arc<dyn Recorder> = Arc::clone(&tape) as Arc<dyn Recorder>;
    let pax8 = Pax8::connect(&pax8_settings(&server), proof, clock(), Some(recorder)).unwrap();
    pax8.companies(None).await.unwrap();
    let exchanges = tape.0.lock().unwrap();
    assert_eq!(exchanges.len(), 2);
    assert_eq!(exchanges[1].status, Some(200));
    let everything = format!("{exchanges:?}");
    assert!(everything.contains("Harbor Dental"), "{everything}");
    assert!(!everything.contains("s3cret") && !everything.contains("t0k3n"), "{everything}");
}

#[tokio::test]
async fn a_character_that_no_database_takes_is_replaced_in_the_provider_s_words() {
    let server = MockServer::start().await;
    let bodies = [r#"{"type":"X","message":"not\u0000yours","status":422,"details":[]}"#, "<html>not\u{0}yours</html>"];
    for body in bodies {
        server.reset().await;
        mount_token(&server).await;
        Mock::given(path("/v1/products")).respond_with(json_text(422, body)).mount(&server).await;
        let error = pax8_with(&pax8_settings(&server), clock()).products(None).await.unwrap_err().to_string();
        assert!(error.contains("not\u{fffd}yours"), "{error:?}");
    }
}
