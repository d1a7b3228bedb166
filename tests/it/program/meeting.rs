//! People and runs of two replicas who do something with one account at the same time.

use std::sync::Arc;
use std::time::Duration;

use concord::connector::ConnectorError;
use concord::domain::provider::{AccountStatus, ConnectionMethod, ProviderAccount};
use concord::environment::SystemClock;
use concord::sandbox::credentials;
use concord::service::Recording;
use concord::service::webhook::{RegisterWebhook, WebhookError};
use concord::storage::account::{self, StoredKeys};
use concord::storage::provider_token::{self, TokenKey};
use serde_json::{Value, json};

use super::authorization::{
    account_of, ask_at_once, authorize, begin, come_back, pax8_application, pax8_of, stored, tell,
};
use super::callers::Server;
use super::command::tamper;
use super::harness::{self, Program, each_database};
use super::log::Log;
use super::webhooks::Synced;
use crate::sandbox_browser::{Choice, consent};

/// Time enough for whoever was let go to come to what is held.
const A_WHILE: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_webhook_is_not_made_for_an_account_that_became_somebody_elses_meanwhile() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        synced.admin.done("providerWebhookRemove", "account { id }", synced.input(json!({}))).await;
        let (organization, id) = pax8_of(&synced.program, &synced.integration).await;
        let core = &synced.program.app.services.core;
        let caller = synced.program.app.access.operator("default").await.expect("the organization is there");
        let change = |known: ProviderAccount, what: &str| match what {
            "other keys" => ProviderAccount { client_id: Some("somebody else".into()), ..known },
            _ => ProviderAccount { status: AccountStatus::NotConnected, ..known },
        };
        for what in ["other keys", "disconnected"] {
            let tx = core.store.begin().await.expect("a transaction");
            let known = account::lock(&tx, organization, id).await.expect("held").expect("it is there");
            let command = RegisterWebhook { account_id: id, topics: None, is_manual: false };
            let registering = synced.program.app.services.webhook.register(&caller, command);
            let changing = async {
                tokio::time::sleep(A_WHILE).await;
                account::update(&tx, &change(known.clone(), what), core.clock.now()).await.expect("changed");
                tx.commit().await.expect("stored");
            };
            let (outcome, ()) = tokio::join!(registering, changing);
            let is_refused = match what {
                "other keys" => matches!(outcome, Err(WebhookError::Busy)),
                _ => matches!(outcome, Err(WebhookError::NotConnected(_))),
            };
            assert!(is_refused, "{what}: {outcome:?}");
            assert_eq!(synced.remote().await, [Value::Null; 0]);
            let tx = core.store.begin().await.expect("a transaction");
            account::update(&tx, &known, core.clock.now()).await.expect("changed back");
            tx.commit().await.expect("stored");
        }
        synced.program.stop().await;
    }
}

/// Everybody holds the account before its tokens: in the other order the two would wait for each other.
#[tokio::test]
async fn whoever_uses_keys_for_the_first_time_waits_for_those_who_replace_them() {
    for database in each_database().await {
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Replaced").await;
        let (organization_id, account_id) = pax8_of(&program, &integration).await;
        let other = harness::app(&program.database.url, Arc::new(SystemClock)).await;
        let (known, sealed) = stored(&other, organization_id, account_id).await;
        let connectors = &other.services.core.connectors;
        let pax8 = connectors.marketplace(&known, &sealed, Recording::Off).await.expect("it is connected");
        tamper(&program.database.url, &["DELETE FROM provider_token"]).await;
        let core = &program.app.services.core;
        let key = TokenKey { organization_id, account_id, method: ConnectionMethod::Keys };
        let tx = core.store.begin().await.expect("a transaction");
        account::lock(&tx, organization_id, account_id).await.expect("held");
        let using = pax8.companies(None);
        let replacing = async {
            tokio::time::sleep(A_WHILE).await;
            provider_token::void(&tx, key, "the new keys").await.expect("they do not wait for each other");
            let keys = StoredKeys { sealed: "v1.test.new".into(), origin: "the new keys".into(), addresses: None };
            account::set_keys(&tx, organization_id, account_id, Some(keys)).await.expect("replaced");
            tx.commit().await.expect("stored");
        };
        let (outcome, ()) = tokio::join!(using, replacing);
        assert!(matches!(outcome, Err(ConnectorError::Superseded { .. })), "{:?}", outcome.err());
        let row = provider_token::find(core.store.read(), key).await.expect("it reads").expect("it is there");
        assert_eq!((row.origin.as_str(), row.sealed), ("the new keys", None), "the keys of before stored nothing");
        program.stop().await;
    }
}

/// Two administrators, two replicas, a person at the provider, calls with the account, and webhooks: whatever the order,
/// nobody waits in a circle, nobody sees a fault of ours, and the account works once somebody connects it.
#[tokio::test]
async fn everything_at_once_ends_well() {
    const ROUNDS: usize = 6;
    for database in each_database().await {
        let one = Program::start_public(database, harness::Hands::Idle).await;
        let clock = Arc::new(SystemClock);
        let two = Server::of(harness::app_at(&one.database.url, clock, one.address).await).await;
        let admin = one.client("ADMIN").await;
        let other = admin.at(two.address);
        let integration = harness::connected(&one, &admin, "Together").await;
        let beside = harness::connected(&one, &admin, "Beside").await;
        authorize(&admin, pax8_application(&one.sandbox, &integration.pax8), credentials::PARTNER_USER).await;
        let (organization, id) = pax8_of(&one, &integration).await;
        let url = one.database.url.as_str();
        let input = || json!({ "providerAccountId": integration.pax8 });
        let keys = || harness::pax8_credentials(&one.sandbox, &integration.pax8);
        let select = |method: &str| json!({ "providerAccountId": integration.pax8, "method": method });

        let with_keys = async {
            for _ in 0..ROUNDS {
                admin.change("providerCredentialsSet", "account { status }", keys()).await;
                other.change("providerAccountMethodSelect", "account { status }", select("DELEGATED")).await;
            }
        };
        let with_logins = async {
            for _ in 0..ROUNDS {
                let url = begin(&other, pax8_application(&one.sandbox, &integration.pax8)).await;
                let location = consent(&url, credentials::PARTNER_USER, Choice::Accept).await;
                // Done, or somebody has set keys or disconnected the account since.
                let (status, page) = come_back(&location).await;
                assert!(matches!(status, 200 | 400), "{status}: {page}");
            }
        };
        let beside_them = async {
            for _ in 0..ROUNDS {
                // Attempts of the tenant that ended long ago are swept out by whoever begins another.
                tamper(url, &["UPDATE authorization_attempt SET expires_at = '2001-01-01 00:00:00+00:00'"]).await;
                begin(&admin, pax8_application(&one.sandbox, &beside.pax8)).await;
            }
        };
        let verifying = async {
            for _ in 0..2 * ROUNDS {
                other.change("providerAccountVerify", "account { status }", input()).await;
            }
        };
        let webhooks = async {
            for _ in 0..ROUNDS {
                admin.change("providerWebhookRegister", "webhook { url }", input()).await;
                other.change("providerWebhookRemove", "account { id }", input()).await;
            }
        };
        let calls = async {
            for _ in 0..ROUNDS {
                ask_at_once(&one.app, organization, id, 5).await;
                ask_at_once(&two.app, organization, id, 5).await;
                tell(&one.sandbox, "tokens").await;
            }
        };
        let disconnecting = async {
            for _ in 0..ROUNDS / 2 {
                tokio::time::sleep(A_WHILE).await;
                other.change("providerAccountDisconnect", "account { status }", input()).await;
            }
        };
        let log = Log::default();
        let logging = log.take_down();
        tokio::join!(with_keys, with_logins, beside_them, verifying, webhooks, calls, disconnecting);
        drop(logging);
        let faults: Vec<String> = log.text().lines().filter(|line| line.contains("ERROR")).map(str::to_owned).collect();
        assert_eq!(faults, [""; 0]);

        authorize(&admin, pax8_application(&one.sandbox, &integration.pax8), credentials::PARTNER_USER).await;
        let account = account_of(&admin, &integration.pax8).await;
        assert_eq!((&account["status"], &account["method"]), (&json!("CONNECTED"), &json!("DELEGATED")), "{account}");
        for app in [&one.app, &two.app] {
            assert_eq!(ask_at_once(app, organization, id, 5).await, 5);
        }
        one.stop().await;
    }
}
