//! What is refused when a person comes back, as RFC 9700 asks: a state that is wrong, old or used, an answer of somebody
//! else, a person who declined. Numbered as in `docs/security.md`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use concord::environment::FixedClock;
use concord::sandbox::credentials;
use serde_json::{Value, json};
use url::Url;

use super::authorization::{account_of, begin, come_back, count, pax8_application};
use super::harness::{self, Client, Integration, Program, each_database};
use crate::postgres::{self, TestDatabase};
use crate::sandbox_browser::{Choice, consent};

async fn ready(database: TestDatabase) -> (Program, Arc<FixedClock>, Client, Integration) {
    let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)));
    let program = Program::start_idle_at(database, clock.clone()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Refused").await;
    (program, clock, admin, integration)
}

/// The address with one parameter replaced, or left out.
pub fn with(location: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(location).expect("an address");
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(value.map(|value| (name, value)));
    url.into()
}

async fn accepted(program: &Program, admin: &Client, integration: &Integration) -> String {
    let url = begin(admin, pax8_application(&program.sandbox, &integration.pax8)).await;
    consent(&url, credentials::PARTNER_USER, Choice::Accept).await
}

async fn exchanges(program: &Program) -> u64 {
    count(&program.sandbox, "authorization_code").await
}

/// RFC 9700, 2.1.1 and 4.7 (R1, R2): the state is good once.
#[tokio::test]
async fn r1_a_callback_that_is_replayed_changes_nothing() {
    for database in each_database().await {
        let (program, _, admin, integration) = ready(database).await;
        let location = accepted(&program, &admin, &integration).await;
        assert_eq!(come_back(&location).await.0, 200);
        let before = account_of(&admin, &integration.pax8).await;
        let (status, page) = come_back(&location).await;
        assert_eq!(status, 400);
        assert!(page.contains("was finished before"), "{page}");
        assert_eq!(account_of(&admin, &integration.pax8).await, before);
        assert_eq!(exchanges(&program).await, 1, "the code was sent once");
        program.stop().await;
    }
}

/// RFC 9700, 4.7 (R2): a state that was not begun here, or is missing.
#[tokio::test]
async fn r2_a_wrong_state_is_refused() {
    let (program, _, admin, integration) = ready(postgres::sqlite()).await;
    let location = accepted(&program, &admin, &integration).await;
    let before = account_of(&admin, &integration.pax8).await;
    let long = "x".repeat(5_000);
    for state in [None, Some(""), Some("wrong"), Some(long.as_str())] {
        let (status, page) = come_back(&with(&location, "state", state)).await;
        assert_eq!(status, 400);
        assert!(page.contains("was not begun here"), "{page}");
    }
    assert_eq!(account_of(&admin, &integration.pax8).await, before);
    assert_eq!(exchanges(&program).await, 0);
    assert_eq!(come_back(&location).await.0, 200, "the right one is still good");
    program.stop().await;
}

/// RFC 9700, 4.7 (R3): ten minutes are enough for a person.
#[tokio::test]
async fn r3_a_state_expires_after_ten_minutes() {
    for database in each_database().await {
        let (program, clock, admin, integration) = ready(database).await;
        let location = accepted(&program, &admin, &integration).await;
        clock.advance(TimeDelta::minutes(10));
        assert_eq!(account_of(&admin, &integration.pax8).await["status"], "NOT_CONNECTED", "nobody is on the way");
        let (status, page) = come_back(&location).await;
        assert_eq!(status, 400);
        assert!(page.contains("longer than 10 minutes"), "{page}");
        assert_eq!(exchanges(&program).await, 0);
        program.stop().await;
    }
}

/// RFC 9700, 4.4 (R4): mix-up. Another issuer, or none where one is always named; and the other provider's address.
#[tokio::test]
async fn r4_an_answer_of_somebody_else_is_refused() {
    for database in each_database().await {
        let (program, _, admin, integration) = ready(database).await;
        for issuer in [Some("https://evil.example"), Some(""), None] {
            let location = accepted(&program, &admin, &integration).await;
            let (status, page) = come_back(&with(&location, "iss", issuer)).await;
            assert_eq!(status, 400);
            assert!(page.contains("does not come from the provider"), "{page}");
            let account = account_of(&admin, &integration.pax8).await;
            assert_eq!((&account["status"], &account["nextAction"]), (&json!("FAILED"), &json!("AUTHORIZE")));
            assert_eq!(come_back(&location).await.0, 400, "the state is used up");
        }
        // Nobody said what the provider calls itself: it has to be where the person was sent to.
        let mut input = pax8_application(&program.sandbox, &integration.pax8);
        let application = input["application"].as_object_mut().expect("an application");
        application.retain(|name, _| !name.starts_with("issuer"));
        let url = begin(&admin, input).await;
        let location = consent(&url, credentials::PARTNER_USER, Choice::Accept).await;
        assert_eq!(come_back(&with(&location, "iss", Some("https://evil.example"))).await.0, 400);
        assert_eq!(exchanges(&program).await, 0, "no code left the server");

        let location = accepted(&program, &admin, &integration).await;
        let (status, page) = come_back(&location.replace("/oauth/callback/pax8", "/oauth/callback/psa")).await;
        assert_eq!(status, 400, "{page}");
        assert_eq!(exchanges(&program).await, 0, "no code left the server");
        assert_eq!(come_back(&location).await.0, 200);
        program.stop().await;
    }
}

/// Whoever came back is not on the way any more, also when the consent ended while it was tried.
#[tokio::test]
async fn a_consent_that_ends_while_it_is_tried_leaves_nobody_on_the_way() {
    let (program, _, admin, integration) = ready(postgres::sqlite()).await;
    let mut input = pax8_application(&program.sandbox, &integration.pax8);
    // Without a token to renew with, the first refusal is the end.
    input["application"]["scopes"] = json!(["Manage:Pax8Data"]);
    let location = consent(&begin(&admin, input).await, credentials::PARTNER_USER, Choice::Accept).await;
    program.fault(json!({ "path": "/v1/companies", "status": 401, "times": 10 })).await;
    let (status, page) = come_back(&location).await;
    assert!(status == 200 && page.contains("does not work yet"), "{page}");
    let account = account_of(&admin, &integration.pax8).await;
    assert_eq!((&account["status"], &account["nextAction"]), (&json!("RECONNECT_NEEDED"), &json!("REAUTHORIZE")));
    program.stop().await;
}

/// RFC 6749, 4.1.2.1 (R5): the person, or the provider, says no.
#[tokio::test]
async fn r5_a_person_who_declines_is_told_so_and_what_works_goes_on() {
    let (program, _, admin, integration) = ready(postgres::sqlite()).await;
    let input = pax8_application(&program.sandbox, &integration.pax8);
    let url = begin(&admin, input.clone()).await;
    let location = consent(&url, credentials::PARTNER_USER, Choice::Deny).await;
    let (status, page) = come_back(&location).await;
    assert_eq!(status, 200);
    assert!(page.contains("You declined") && page.contains("You can close this tab."), "{page}");
    let account = account_of(&admin, &integration.pax8).await;
    assert_eq!(account["status"], "FAILED");
    assert!(account["failureMessage"].to_string().contains("You declined"), "{account}");

    harness::connect(&admin, &integration, &program.sandbox).await;
    let url = begin(&admin, input).await;
    come_back(&consent(&url, credentials::PARTNER_USER, Choice::Deny).await).await;
    let account = account_of(&admin, &integration.pax8).await;
    assert_eq!((&account["status"], &account["method"]), (&json!("CONNECTED"), &json!("KEYS")));
    program.stop().await;
}

/// RFC 9700, 4.16 and 4.11 (R6): what a provider says is text on a page that leads nowhere.
#[tokio::test]
async fn r6_nothing_in_the_answer_becomes_part_of_the_page_or_leads_elsewhere() {
    let (program, _, admin, integration) = ready(postgres::sqlite()).await;
    let location = accepted(&program, &admin, &integration).await;
    let location = with(&location, "code", None);
    let location = with(&location, "error", Some("server_error"));
    let location = with(&location, "error_description", Some("<img src=x onerror=alert(1)> https://evil.example"));
    let location = with(&location, "redirect_uri", Some("https://evil.example"));
    let answer = harness::http().get(&location).send().await.expect("an answer");
    assert!(answer.headers().get("location").is_none(), "nobody is sent anywhere");
    let page = answer.text().await.expect("a page");
    assert!(!page.contains("<img"), "{page}");
    assert!(!page.contains("href"), "{page}");
    program.stop().await;
}

/// RFC 6749, 3.1 (R7): a parameter that comes twice makes the request doubtful.
#[tokio::test]
async fn r7_a_parameter_that_comes_twice_is_refused() {
    let (program, _, admin, integration) = ready(postgres::sqlite()).await;
    let location = accepted(&program, &admin, &integration).await;
    let (status, page) = come_back(&format!("{location}&code=another")).await;
    assert_eq!(status, 400, "{page}");
    assert_eq!(exchanges(&program).await, 0);
    assert_eq!(come_back(&location).await.0, 200);
    program.stop().await;
}

/// RFC 9700, 2.1.1 (R8): a code is bound to whoever began by PKCE, so that one of somebody else is not accepted.
#[tokio::test]
async fn r8_a_code_of_another_sign_in_is_refused() {
    let (program, _, admin, integration) = ready(postgres::sqlite()).await;
    let stolen = accepted(&program, &admin, &integration).await;
    let address = Url::parse(&stolen).expect("an address");
    let code = address.query_pairs().find(|(key, _)| key == "code").expect("a code").1.into_owned();
    let location = accepted(&program, &admin, &integration).await;
    let (_, page) = come_back(&with(&location, "code", Some(&code))).await;
    assert!(page.contains("Not connected") && page.contains("did not accept the sign-in"), "{page}");
    assert_eq!(account_of(&admin, &integration.pax8).await["status"], "FAILED");
    // The first sign-in was void as soon as the second one began.
    let (status, page) = come_back(&stolen).await;
    assert_eq!(status, 400);
    assert!(page.contains("begun again since"), "{page}");
    program.stop().await;
}

/// RFC 9700, 2.1 (R9): the sign-in belongs to whoever began it, who has to be allowed to still.
#[tokio::test]
async fn r9_a_sign_in_ends_with_the_right_of_whoever_began_it() {
    let (program, clock, _, _) = ready(postgres::sqlite()).await;
    let token = program.token("default", "ADMIN", Some(TimeDelta::minutes(5))).await;
    let admin = program.client_with(&token);
    let integration = harness::integration(&admin, "Short").await;
    let location = accepted(&program, &admin, &integration).await;
    clock.advance(TimeDelta::minutes(6));
    let (status, page) = come_back(&location).await;
    assert_eq!(status, 400);
    assert!(page.contains("may no longer connect accounts"), "{page}");
    assert_eq!(exchanges(&program).await, 0);
    let other = program.client("ADMIN").await;
    let account = account_of(&other, &integration.pax8).await;
    assert_eq!((&account["status"], &account["nextAction"]), (&json!("FAILED"), &json!("AUTHORIZE")), "{account}");
    let events = other.ask("{ auditEvents(first: 5) { nodes { action } } }", json!({})).await;
    assert!(events.to_string().contains("provider_account.authorization_failed"), "{events}");
    program.stop().await;
}

/// RFC 9700, 2.6 and 4.1 (R10): secrets travel over https, and never into the operator's own network.
#[tokio::test]
async fn r10_addresses_that_cannot_be_trusted_are_refused_before_anybody_is_sent() {
    let (program, _, admin, integration) = ready(postgres::sqlite()).await;
    for (field, value) in [
        ("authorizeUrl", "http://login.pax8.com/authorize"),
        ("tokenUrl", "http://login.pax8.com/oauth/token"),
        ("tokenUrl", "https://10.0.0.1/token"),
        ("tokenUrl", "https://169.254.169.254/latest"),
        ("revocationUrl", "https://vault.internal/revoke"),
        ("authorizeUrl", "javascript:alert(1)"),
        ("clientId", " "),
    ] {
        let mut input = pax8_application(&program.sandbox, &integration.pax8);
        input["application"][field] = json!(value);
        let payload = admin.change("providerAccountAuthorizationStart", "account { id } authorizationUrl", input).await;
        assert_eq!(harness::codes(&payload), ["INVALID_INPUT"], "{field} {value}: {payload}");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "application", field]), "{payload}");
        assert_eq!(payload["authorizationUrl"], Value::Null);
    }
    let account = account_of(&admin, &integration.pax8).await;
    assert_eq!(account["status"], "NOT_CONNECTED");
    program.stop().await;
}
