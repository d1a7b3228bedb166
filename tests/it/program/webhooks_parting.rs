//! Webhooks of accounts that are disconnected or become somebody else's, and of installations that were copied.

use std::sync::Arc;
use std::time::Duration;

use concord::app::App;
use concord::domain::access::Caller;
use concord::domain::id::ProviderAccountId;
use concord::environment::SystemClock;
use concord::sandbox::credentials;
use concord::service::webhook::RegisterWebhook;
use serde_json::{Value, json};

use super::authorization::{account_of, authorize, begin, come_back, pax8_application};
use super::command::tamper;
use super::harness::{self, codes, count_rows, each_database};
use super::webhooks::{Synced, pax8_token, remote, tell, text};
use crate::postgres;
use crate::sandbox_browser::{Choice, consent};

const ACCOUNT: &str = "account { status remarks webhook { url } }";

impl Synced {
    /// Whether a message to a webhook as Pax8 knew it is answered as one to nobody.
    async fn is_unknown(&self, there: &Value) -> bool {
        let rows = "SELECT count(*) AS count FROM webhook";
        let answer = tell(text(&there["url"]), text(&there["authorization"]), "{}").await;
        answer == (404, "There is nothing here.\n".to_owned())
            && count_rows(&self.program.database.url, rows).await == 0
    }

    async fn account(&self) -> Value {
        account_of(&self.admin, &self.integration.pax8).await
    }

    async fn remove(&self) -> Value {
        self.admin.done("providerWebhookRemove", ACCOUNT, self.input(json!({}))).await["account"].take()
    }

    /// Changes the webhook at Pax8 as a person can who works there.
    async fn configure(&self, there: &Value, configuration: Value) {
        let sandbox = &self.program.sandbox;
        let url = format!("{}/api/v2/webhooks/{}/configuration", sandbox.origin(), text(&there["id"]));
        let request = harness::http().post(url).bearer_auth(pax8_token(sandbox).await).json(&configuration);
        let answer = request.send().await.expect("the sandbox answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    async fn disconnect(&self) -> Value {
        self.admin.done("providerAccountDisconnect", ACCOUNT, self.input(json!({}))).await["account"].take()
    }

    /// Connects with keys again, after something in them was replaced.
    async fn set_keys(&self, more: &Value) -> Value {
        let mut input = harness::pax8_credentials(&self.program.sandbox, &self.integration.pax8);
        let keys = input["credentials"]["pax8"].as_object_mut().expect("an object");
        keys.extend(more.as_object().expect("an object").clone());
        self.admin.change("providerCredentialsSet", ACCOUNT, input).await
    }
}

fn remarks(account: &Value) -> String {
    account["remarks"].to_string()
}

#[tokio::test]
async fn a_disconnected_account_is_told_nothing_any_more() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        let there = synced.remote().await.remove(0);
        let account = synced.disconnect().await;
        assert_eq!((&account["webhook"], &account["remarks"]), (&Value::Null, &json!([])));
        assert_eq!(synced.remote().await, [Value::Null; 0], "it is gone at Pax8");
        assert!(synced.is_unknown(&there).await);
        let audit = synced.admin.ask("{ auditEvents(first: 100) { nodes { action } } }", json!({})).await.to_string();
        assert!(audit.contains("provider_webhook.remove"), "{audit}");
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_webhook_that_pax8_keeps_does_not_keep_a_person_from_disconnecting() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        let there = synced.remote().await.remove(0);
        synced.program.fault(json!({ "path": "/api/v2/webhooks", "status": 403, "times": 100 })).await;
        let account = synced.disconnect().await;
        assert_eq!((&account["status"], &account["webhook"]), (&json!("NOT_CONNECTED"), &Value::Null));
        assert!(remarks(&account).contains("could not be removed at Pax8"), "{account}");
        assert!(synced.is_unknown(&there).await);

        // That stays said, also when the account works again, until somebody deals with the webhook.
        harness::clear_faults(&synced.program.sandbox).await;
        let account = synced.set_keys(&json!({})).await["account"].take();
        assert!(
            account["status"] == "CONNECTED" && remarks(&account).contains("could not be removed at Pax8"),
            "{account}"
        );
        assert_eq!(synced.remote().await, std::slice::from_ref(&there));
        synced.register(json!({})).await;
        assert!(!remarks(&synced.account().await).contains("webhook"), "a new one was registered");
        assert!(!synced.remote().await.contains(&there), "with that, the old one is gone too");

        // One that was set up by hand is removed by hand.
        let selection = "url authorization";
        let manual = synced.admin.done("providerWebhookRegister", selection, synced.input(json!({ "manual": true })));
        let manual = manual.await;
        let account = synced.disconnect().await;
        assert!(remarks(&account).contains("set up by hand"), "{account}");
        assert!(synced.is_unknown(&manual).await);
        let account = synced.remove().await;
        assert_eq!((&account["remarks"], &account["webhook"]), (&json!([]), &Value::Null), "somebody has seen to it");
        let payload = synced.admin.change("providerWebhookRemove", ACCOUNT, synced.input(json!({}))).await;
        assert_eq!(codes(&payload), ["INVALID_INPUT"], "{payload}");
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_webhook_that_was_renamed_at_pax8_is_removed_there_all_the_same() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        for end in ["remove", "replace", "disconnect"] {
            let there = synced.remote().await.remove(0);
            let renamed = json!({ "displayName": "Changes for billing", "url": there["url"],
                "authorization": there["authorization"] });
            synced.configure(&there, renamed).await;
            match end {
                "remove" => {
                    synced.remove().await;
                    assert_eq!(synced.remote().await, [Value::Null; 0]);
                    synced.register(json!({})).await;
                }
                "replace" => {
                    synced.register(json!({})).await;
                    let left = synced.remote().await;
                    assert!(left.len() == 1 && left[0]["id"] != there["id"], "{left:?}");
                }
                _ => {
                    assert_eq!(synced.disconnect().await["remarks"], json!([]));
                    assert_eq!(synced.remote().await, [Value::Null; 0]);
                }
            }
        }
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn keys_of_somebody_else_end_the_webhook_and_say_so() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        let there = synced.remote().await.remove(0);
        let elsewhere = harness::sandbox(&harness::tiny_world(), Duration::ZERO).await;
        // The same keys once more, with an address that is written in another way, are nobody else.
        let same = format!("{}/", synced.program.sandbox.pax8_base_url());
        let payload = synced.set_keys(&json!({ "baseUrl": same })).await;
        assert!(payload["account"]["webhook"]["url"].is_string(), "{payload}");
        assert!(!remarks(&payload["account"]).contains("webhook"), "{payload}");
        assert_eq!(synced.remote().await, std::slice::from_ref(&there));

        let moved = json!({ "baseUrl": elsewhere.pax8_base_url(), "tokenUrl": elsewhere.pax8_token_url() });
        let payload = synced.set_keys(&moved).await;
        assert_eq!(payload["account"]["status"], "CONNECTED");
        assert_eq!(payload["account"]["webhook"], Value::Null);
        assert!(remarks(&payload["account"]).contains("was removed"), "{payload}");
        assert_eq!(synced.remote().await.len(), 0, "it is gone where it was made");
        assert!(synced.is_unknown(&there).await);

        synced.register(json!({})).await;
        let there = remote(&elsewhere).await.remove(0);
        let mut other = moved.clone();
        other["clientId"] = json!("somebody-else");
        let payload = synced.set_keys(&other).await;
        assert_eq!(codes(&payload), ["PROVIDER_REJECTED"], "the sandbox does not know them");
        assert!(remarks(&payload["account"]).contains("was removed"), "{payload}");
        // It was a slip of the pen; that the webhook is gone is said until there is one again.
        let payload = synced.set_keys(&moved).await;
        assert!(payload["account"]["status"] == "CONNECTED", "{payload}");
        assert!(remarks(&payload["account"]).contains("was removed"), "{payload}");
        assert_eq!(remote(&elsewhere).await.len(), 0);
        assert!(synced.is_unknown(&there).await);
        elsewhere.shutdown().await;
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_consent_to_another_application_ends_the_webhook_and_one_to_the_same_does_not() {
    let synced = Synced::registered(postgres::sqlite()).await;
    let there = synced.remote().await.remove(0);
    let application = pax8_application(&synced.program.sandbox, &synced.integration.pax8);
    authorize(&synced.admin, application.clone(), credentials::PARTNER_USER).await;
    let account = account_of(&synced.admin, &synced.integration.pax8).await;
    assert_eq!((&account["status"], &account["method"]), (&json!("CONNECTED"), &json!("DELEGATED")));
    // Going over from keys to a login keeps everything, and so does a new consent to the same application.
    authorize(&synced.admin, application.clone(), credentials::PARTNER_USER).await;
    let account = account_of(&synced.admin, &synced.integration.pax8).await;
    assert!(!remarks(&account).contains("webhook"), "{account}");
    assert!(synced.webhook().await["url"].is_string());
    assert_eq!(synced.remote().await, std::slice::from_ref(&there));

    // The consent of before was to another application.
    let database = &synced.program.database.url;
    let other = "UPDATE provider_account SET application_id = 'another application' WHERE application_id IS NOT NULL";
    tamper(database, &[other]).await;
    authorize(&synced.admin, application, credentials::PARTNER_USER).await;
    let account = account_of(&synced.admin, &synced.integration.pax8).await;
    assert!(remarks(&account).contains("was removed"), "{account}");
    assert_eq!(synced.remote().await.len(), 0);
    assert!(synced.is_unknown(&there).await);

    // When the consent cannot be stored, the webhook that is gone at Pax8 is not shown as a working one.
    synced.register(json!({})).await;
    let again = json!({ "providerAccountId": synced.integration.pax8 });
    let location = consent(&begin(&synced.admin, again).await, credentials::PARTNER_USER, Choice::Accept).await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON provider_authorization BEGIN SELECT RAISE(ABORT, 'full'); END";
    tamper(database, &[other, refuse]).await;
    assert_eq!(come_back(&location).await.0, 500);
    assert_eq!(synced.remote().await.len(), 0);
    assert_eq!(synced.webhook().await, Value::Null);
    let account = synced.account().await;
    assert!(account["status"] == "CONNECTED" && remarks(&account).contains("was removed"), "{account}");
    synced.program.stop().await;
}

#[tokio::test]
async fn a_webhook_that_pax8_did_not_delete_is_not_lost_sight_of() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        let there = synced.remote().await.remove(0);
        let renamed = json!({ "displayName": "Renamed", "url": there["url"], "authorization": there["authorization"] });
        synced.configure(&there, renamed).await;
        let refuse = async || synced.program.fault(json!({ "path": "/api/v2", "status": 403, "times": 100 })).await;
        let try_to_remove =
            async || synced.admin.change("providerWebhookRemove", ACCOUNT, synced.input(json!({}))).await;
        refuse().await;
        for _ in 0..2 {
            let payload = try_to_remove().await;
            assert_eq!(codes(&payload), ["PROVIDER_REJECTED"], "{payload}");
            assert!(remarks(&payload["account"]).contains("could not be removed at Pax8"), "{payload}");
        }
        // One by hand can be set up without Pax8, and that does not hide it.
        let selection = "account { remarks } remarks";
        let payload = synced.admin.done("providerWebhookRegister", selection, synced.input(json!({ "manual": true })));
        let payload = payload.await;
        assert!(remarks(&payload).contains("could not be deleted at Pax8"), "{payload}");
        assert!(remarks(&payload["account"]).contains("could not be deleted at Pax8"), "{payload}");
        // Once Pax8 answers, it is deleted, and the one by hand is left to whoever set it up.
        harness::clear_faults(&synced.program.sandbox).await;
        let payload = try_to_remove().await;
        assert!(payload["userErrors"][0]["message"].to_string().contains("set up by hand"), "{payload}");
        assert_eq!(payload["account"]["remarks"], json!([]));
        assert_eq!(synced.remote().await, [Value::Null; 0]);

        // Where nobody can be asked any more, a person sees to it and says so.
        synced.register(json!({})).await;
        refuse().await;
        assert!(remarks(&synced.disconnect().await).contains("could not be removed at Pax8"));
        assert_eq!(synced.remove().await["remarks"], json!([]));
        harness::clear_faults(&synced.program.sandbox).await;
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_webhook_that_is_registered_while_its_account_is_disconnected_is_not_lost_sight_of() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        synced.remove().await;
        authorize(
            &synced.admin,
            pax8_application(&synced.program.sandbox, &synced.integration.pax8),
            credentials::PARTNER_USER,
        )
        .await;
        synced.program.fault(json!({ "path": "/oauth/pax8/revoke", "delay_milliseconds": 2500 })).await;
        let registering = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            synced.register(json!({})).await
        };
        let (account, registered) = tokio::join!(synced.disconnect(), registering);
        assert!(registered["webhook"]["url"].is_string(), "it was made while the consent was being given back");
        assert_eq!((&account["webhook"], synced.remote().await.len()), (&Value::Null, 1));
        assert!(remarks(&account).contains("could not be removed at Pax8"), "{account}");
        synced.program.stop().await;
    }
}

/// Another installation over a copy of the database, which Pax8 reaches elsewhere, and its administrator.
async fn copy(synced: &Synced, folder: &std::path::Path, name: &str) -> (App, Caller) {
    let path = folder.join(name);
    tamper(&synced.program.database.url, &[&format!("VACUUM INTO '{}'", path.display())]).await;
    let address = "127.0.0.1:9".parse().expect("an address");
    let app = harness::app_at(&format!("sqlite://{}", path.display()), Arc::new(SystemClock), address).await;
    let caller = app.access.operator("default").await.expect("the organization was copied");
    (app, caller)
}

#[tokio::test]
async fn installations_that_were_copied_leave_each_other_alone() {
    let synced = Synced::registered(postgres::sqlite()).await;
    let own = synced.remote().await.remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let account_id = ProviderAccountId(harness::uuid_of(&synced.integration.pax8));
    let address = synced.program.address.to_string();

    // The copy knows the webhook of the original, and lets go of it without touching it.
    let (other, caller) = copy(&synced, folder.path(), "one.db").await;
    let left = other.services.setup.disconnect(&caller, account_id).await.expect("it is disconnected");
    let said: String = left.account.sentences().collect();
    assert!(said.contains(&address), "{said}");
    assert_eq!(synced.remote().await, std::slice::from_ref(&own));

    let (other, caller) = copy(&synced, folder.path(), "two.db").await;
    let removed = other.services.webhook.remove(&caller, account_id).await.expect("it is removed here");
    let left = removed.left_behind.expect("it is left at Pax8").to_string();
    assert!(left.contains(&address) && left.contains("unless it belongs to another installation"), "{left}");
    assert_eq!(synced.remote().await, std::slice::from_ref(&own));

    let (other, caller) = copy(&synced, folder.path(), "three.db").await;
    let webhooks = &other.services.webhook;
    let register = async || {
        let command = RegisterWebhook { account_id, topics: None, is_manual: false };
        webhooks.register(&caller, command).await.expect("Pax8 makes one for the copy too")
    };
    let registered = register().await;
    assert!(registered.remarks.concat().contains(&address), "{:?}", registered.remarks);
    let both = synced.remote().await;
    assert_eq!((both.len(), &both[0]), (2, &own), "the one of the original stays");
    assert_ne!(both[0]["displayName"], both[1]["displayName"]);

    // Each replaces its own, and removes its own.
    assert_eq!(register().await.remarks, [""; 0]);
    let payload = synced.register(json!({})).await;
    assert_eq!(payload["remarks"], json!([]));
    let both = synced.remote().await;
    let is_there = |part: &str| both.iter().filter(|remote| text(&remote["url"]).contains(part)).count();
    assert_eq!((both.len(), is_there(&address), is_there("127.0.0.1:9/")), (2, 1, 1));
    webhooks.remove(&caller, account_id).await.expect("it is removed");
    assert_eq!(synced.remote().await.len(), 1);
    assert!(text(&synced.remote().await[0]["url"]).contains(&address));
    assert_eq!(tell(text(&own["url"]), text(&own["authorization"]), "{}").await.0, 404, "it was replaced");
    synced.program.stop().await;
}
