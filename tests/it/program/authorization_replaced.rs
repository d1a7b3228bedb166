//! Accounts that are connected anew, or disconnected, while something is under way with what they had before: nobody uses,
//! ends or brings back what is somebody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use concord::connector::{ConnectorError, Marketplace};
use concord::environment::SystemClock;
use concord::sandbox::credentials;
use concord::service::Recording;
use serde_json::{Value, json};

use super::authorization::{
    ACCOUNT, account_of, ask_at_once, authorize, begin, come_back, consented, count, pax8_application, pax8_of,
    psa_application, stored, tell,
};
use super::command::tamper;
use super::harness::{self, Integration, Program, each_database};
use crate::postgres;
use crate::sandbox_browser::{Choice, consent};

/// The connection that a run holds while it is under way.
async fn held(program: &Program, integration: &Integration) -> Arc<dyn Marketplace> {
    let (organization, id) = pax8_of(program, integration).await;
    let (known, sealed) = stored(&program.app, organization, id).await;
    program.app.services.core.connectors.marketplace(&known, &sealed, Recording::Off).await.expect("it is connected")
}

fn is_superseded<T>(outcome: &Result<T, ConnectorError>) -> bool {
    matches!(outcome, Err(ConnectorError::Superseded { .. }))
}

#[tokio::test]
async fn what_began_before_a_new_consent_neither_uses_nor_ends_it() {
    for database in each_database().await {
        let (program, clock, admin, integration) = consented(database).await;
        let (organization, id) = pax8_of(&program, &integration).await;
        let before = held(&program, &integration).await;
        assert!(before.companies(None).await.is_ok());
        // The consent of before ends at the provider, and so does the token that the run holds.
        tell(&program.sandbox, "grants").await;
        clock.advance(TimeDelta::days(1));
        authorize(&admin, json!({ "providerAccountId": integration.pax8 }), credentials::PARTNER_USER).await;
        let renewed = count(&program.sandbox, "refresh_token").await;

        let outcome = before.companies(None).await;
        assert!(is_superseded(&outcome), "{:?}", outcome.err());
        assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED", "the new consent goes on");
        assert_eq!(ask_at_once(&program.app, organization, id, 5).await, 5);
        assert_eq!(count(&program.sandbox, "refresh_token").await, renewed, "nobody renewed for the run of before");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_run_with_keys_that_were_forgotten_stores_no_token_again() {
    for database in each_database().await {
        let url = database.url.clone();
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Forgotten").await;
        let running = held(&program, &integration).await;
        assert!(running.companies(None).await.is_ok());
        let input = json!({ "providerAccountId": integration.pax8 });
        admin.done("providerAccountDisconnect", "account { status }", input).await;
        tell(&program.sandbox, "tokens").await;
        let outcome = running.companies(None).await;
        assert!(is_superseded(&outcome), "{:?}", outcome.err());
        let kept = "SELECT COUNT(*) AS count FROM provider_token WHERE tokens IS NOT NULL";
        assert_eq!(harness::count_rows(&url, kept).await, 0);
        program.stop().await;
    }
}

#[tokio::test]
async fn the_tokens_of_an_account_are_numbered_on_after_it_was_disconnected() {
    for database in each_database().await {
        let url = database.url.clone();
        let (program, _, admin, integration) = consented(database).await;
        let number = "SELECT MAX(number) AS count FROM provider_token WHERE method = 'DELEGATED'";
        let before = harness::count_rows(&url, number).await;
        let input = json!({ "providerAccountId": integration.pax8 });
        admin.done("providerAccountDisconnect", "account { status }", input).await;
        let again = pax8_application(&program.sandbox, &integration.pax8);
        authorize(&admin, again, credentials::PARTNER_USER).await;
        assert!(harness::count_rows(&url, number).await > before, "nobody takes the new tokens for those they hold");
        program.stop().await;
    }
}

#[tokio::test]
async fn keys_that_are_set_while_a_person_is_away_stay() {
    for database in each_database().await {
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::integration(&admin, "Away").await;
        let url = begin(&admin, pax8_application(&program.sandbox, &integration.pax8)).await;
        let location = consent(&url, credentials::PARTNER_USER, Choice::Accept).await;
        harness::connect(&admin, &integration, &program.sandbox).await;
        let before = account_of(&admin, &integration.pax8).await;
        assert_eq!((&before["status"], &before["method"]), (&json!("CONNECTED"), &json!("KEYS")));
        let (status, page) = come_back(&location).await;
        assert_eq!(status, 400);
        assert!(page.contains("begun again since"), "{page}");
        assert_eq!(account_of(&admin, &integration.pax8).await, before);
        assert_eq!(count(&program.sandbox, "authorization_code").await, 0, "the code was not used");
        program.stop().await;
    }
}

#[tokio::test]
async fn an_attempt_keeps_no_secret_once_it_was_used() {
    for database in each_database().await {
        let url = database.url.clone();
        let (program, ..) = consented(database).await;
        let attempts = "SELECT COUNT(*) AS count FROM authorization_attempt";
        assert_eq!(harness::count_rows(&url, attempts).await, 1, "it is known to be used");
        let sealed =
            format!("{attempts} WHERE secret IS NOT NULL OR application_secret IS NOT NULL OR code_verifier <> ''");
        assert_eq!(harness::count_rows(&url, &sealed).await, 0);
        // Nothing is left to be sealed again, and that is no fault.
        let status = program.app.secrets.status().await.expect("the status is read");
        assert!(status.iter().all(|key| key.position.is_some()), "{status:?}");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_consent_that_cannot_be_stored_is_given_back() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Unstored").await;
    let location = consent(
        &begin(&admin, pax8_application(&program.sandbox, &integration.pax8)).await,
        credentials::PARTNER_USER,
        Choice::Accept,
    )
    .await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON provider_authorization BEGIN SELECT RAISE(ABORT, 'full'); END";
    tamper(&program.database.url, &[refuse]).await;
    let (status, page) = come_back(&location).await;
    assert_eq!(status, 500);
    assert!(page.contains("on our side"), "{page}");
    assert_eq!(count(&program.sandbox, "authorization_code").await, 1);
    assert_eq!(count(&program.sandbox, "revocation").await, 1, "nobody would know of it");
    let account = account_of(&admin, &integration.pax8).await;
    assert_eq!((&account["status"], &account["nextAction"]), (&json!("FAILED"), &json!("AUTHORIZE")));
    program.stop().await;
}

/// Keys can be written and not read: changing where they are sent would be a way of reading them.
#[tokio::test]
async fn kept_keys_and_consents_do_not_follow_the_account_to_other_addresses() {
    for database in each_database().await {
        let program = Program::start_idle(database).await;
        let elsewhere = harness::sandbox(&harness::tiny_world(), std::time::Duration::ZERO).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Moved").await;
        let select = async |method: &str| {
            let input = json!({ "providerAccountId": integration.pax8, "method": method });
            admin.change("providerAccountMethodSelect", ACCOUNT, input).await
        };
        let moved = pax8_application(&elsewhere, &integration.pax8);
        authorize(&admin, moved, credentials::PARTNER_USER).await;
        assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED");
        let refused = select("KEYS").await;
        assert_eq!(harness::codes(&refused), ["INVALID_INPUT"]);
        assert!(refused["userErrors"][0]["message"].to_string().contains("other addresses"), "{refused}");
        assert_eq!(count(&program.sandbox, "client_credentials").await, 1, "the keys were used once, to connect");
        assert_eq!(account_of(&admin, &integration.pax8).await["method"], "DELEGATED", "what works goes on");

        // Back at the addresses that the keys were given for, they are good again; the consent is not.
        let back = harness::pax8_credentials(&program.sandbox, &integration.pax8);
        admin.done("providerCredentialsSet", "account { status }", back).await;
        let refused = select("DELEGATED").await;
        assert_eq!(harness::codes(&refused), ["INVALID_INPUT"], "{refused}");
        assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED");
        program.stop().await;
        elsewhere.shutdown().await;
    }
}

#[tokio::test]
async fn a_kept_password_is_not_sent_to_another_address_of_its_surface() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = elsewhere.local_addr().expect("it is bound");
    let called = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&called);
    tokio::spawn(async move {
        while elsewhere.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Surface").await;
    let mut moved = psa_application(&program.sandbox, &integration.psa);
    moved["revioPsa"]["billingBaseUrl"] = json!(format!("http://{address}/v1"));
    let password = moved["revioPsa"]["billingPassword"].take();
    let page = authorize(&admin, moved.clone(), credentials::PARTNER_USER).await;
    assert!(page.contains("password of the Billing surface is not set"), "{page}");
    assert_eq!(called.load(Ordering::SeqCst), 0, "the kept password stays where it was given for");
    // Given for that address, it goes there.
    moved["revioPsa"]["billingPassword"] = password;
    authorize(&admin, moved, credentials::PARTNER_USER).await;
    assert!(called.load(Ordering::SeqCst) > 0);
    program.stop().await;
}

#[tokio::test]
async fn a_login_that_brings_a_password_leaves_the_key_that_was_kept() {
    for database in each_database().await {
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::integration(&admin, "Key alone").await;
        let mut key_alone = harness::psa_credentials(&program.sandbox, &integration.psa);
        let psa = key_alone["credentials"]["revioPsa"].as_object_mut().expect("an object");
        psa.retain(|name, _| !name.starts_with("billing"));
        admin.done("providerCredentialsSet", "account { status }", key_alone).await;
        let login = psa_application(&program.sandbox, &integration.psa);
        authorize(&admin, login.clone(), credentials::PARTNER_USER).await;
        // A form that leaves the password out, now or later, takes nothing away.
        let mut without = login;
        without["revioPsa"]["billingPassword"] = json!("");
        authorize(&admin, without, credentials::PARTNER_USER).await;
        let input = json!({ "providerAccountId": integration.psa, "method": "KEYS" });
        let payload = admin.done("providerAccountMethodSelect", ACCOUNT, input).await;
        let account = &payload["account"];
        assert_eq!((&account["status"], &account["method"]), (&json!("CONNECTED"), &json!("KEYS")), "{payload}");
        let states: Vec<&Value> =
            account["capabilities"].as_array().expect("a list").iter().map(|c| &c["state"]).collect();
        assert_eq!(states, [&json!("AVAILABLE"); 4], "both the key and the password work: {payload}");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_row_of_tokens_that_an_older_version_made_is_taken_over() {
    for database in each_database().await {
        let url = database.url.clone();
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Older").await;
        let (organization, id) = pax8_of(&program, &integration).await;
        tamper(&url, &["UPDATE provider_token SET origin = 'a digest of the keys' WHERE method = 'KEYS'"]).await;
        let other = harness::app(&url, Arc::new(SystemClock)).await;
        let (here, there) =
            tokio::join!(ask_at_once(&program.app, organization, id, 5), ask_at_once(&other, organization, id, 5));
        assert_eq!((here, there), (5, 5), "on {url}");
        assert_eq!(count(&program.sandbox, "client_credentials").await, 2, "one more for everybody");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_new_consent_that_cannot_be_stored_leaves_the_one_before() {
    let (program, clock, admin, integration) = consented(postgres::sqlite()).await;
    let (organization, id) = pax8_of(&program, &integration).await;
    let url = begin(&admin, json!({ "providerAccountId": integration.pax8 })).await;
    let location = consent(&url, credentials::PARTNER_USER, Choice::Accept).await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON provider_authorization BEGIN SELECT RAISE(ABORT, 'full'); END";
    tamper(&program.database.url, &[refuse]).await;
    assert_eq!(come_back(&location).await.0, 500);
    assert_eq!(count(&program.sandbox, "revocation").await, 0, "a provider may end with it what works");
    clock.advance(TimeDelta::days(1));
    assert_eq!(ask_at_once(&program.app, organization, id, 3).await, 3);
    program.stop().await;
}
