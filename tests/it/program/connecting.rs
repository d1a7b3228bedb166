//! Setting credentials: what cannot work is refused before it takes the place of what works.

use concord::sandbox::Options;
use serde_json::{Value, json};

use super::harness::{self, Client, Program, codes, each_database};
use crate::postgres;

fn pax8(changes: &Value) -> Value {
    let mut input = json!({ "clientId": "a", "clientSecret": "b" });
    input.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    json!({ "pax8": input })
}

fn revio(changes: &Value) -> Value {
    let mut input = json!({ "tenant": "acme.psarev.io", "apiKey": "k" });
    input.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    json!({ "revioPsa": input })
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_and_working_credentials_stay() {
    for database in each_database().await {
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Refused").await;
        let state = "{ integration {
            pax8Account { status displayName failureMessage } psaAccount { status failureMessage }
        } auditEvents(first: 50) { nodes { action } } }";
        let before = admin.ask(state, json!({})).await;

        let long = "x".repeat(17_000);
        let cases = [
            ("baseUrl", pax8(&json!({ "baseUrl": "https://10.0.0.1/v1", "tokenUrl": "https://10.0.0.1/t" }))),
            ("baseUrl", pax8(&json!({ "baseUrl": "not a url" }))),
            ("baseUrl", pax8(&json!({ "baseUrl": "https://user:word@api.pax8.com" }))),
            ("tokenUrl", pax8(&json!({ "tokenUrl": "http://api.pax8.com/token" }))),
            ("requestsPerMinute", pax8(&json!({ "requestsPerMinute": 0 }))),
            ("requestsPerMinute", pax8(&json!({ "requestsPerMinute": 1001 }))),
            ("clientId", pax8(&json!({ "clientId": " " }))),
            ("clientSecret", pax8(&json!({ "clientSecret": "" }))),
            ("apiKey", revio(&json!({ "apiKey": "" }))),
            ("tenant", revio(&json!({ "tenant": "" }))),
            ("clientSecret", pax8(&json!({ "clientSecret": long }))),
            ("apiKey", revio(&json!({ "apiKey": long }))),
            ("billingSubscriptionKey", revio(&json!({ "billingSubscriptionKey": long }))),
            ("baseUrl", revio(&json!({ "baseUrl": "https://vault.internal." }))),
            ("authUrl", revio(&json!({ "authUrl": "https://169.254.169.254/latest" }))),
            (
                "billingBaseUrl",
                revio(&json!({ "billingUsername": "a@b", "billingPassword": "p", "billingBaseUrl": "x" })),
            ),
            ("requestsPerMinute", revio(&json!({ "requestsPerMinute": 501 }))),
        ];
        let advanced = [
            "[]",
            r#"{"api_base":"https://10.0.0.1"}"#,
            r#"{"limits":{"requests_per_minute":0}}"#,
            r#"{"limits":{"requests_per_minute":501}}"#,
            r#"{"limits":{"concurrency":4000000000000000000}}"#,
            r#"{"limits":{"concurrency":0}}"#,
            r#"{"limits":{"timeout_seconds":18446744073709551615}}"#,
            r#"{"limits":{"max_tries":18446744073709551615}}"#,
            r#"{"limits":{"max_retry_after_seconds":18446744073709551615}}"#,
            r#"{"limits":{"first_delay_milliseconds":18446744073709551615}}"#,
            r#"{"token_skew_seconds":9000000000000000}"#,
            r#"{"colour":"red"}"#,
            r#"{"extra_headers":{"no header":"x"}}"#,
            r#"{"api_base_by_prefix":{"/x":"ftp://example.com"}}"#,
        ];
        let advanced = advanced.map(|text| ("advancedSettings", revio(&json!({ "advancedSettings": text }))));
        let files = ("directory", json!({ "files": { "directory": "missing" } }));
        for (field, credentials) in cases.into_iter().chain(advanced).chain([files]) {
            let is_psa = credentials.get("revioPsa").is_some();
            let account = if is_psa { &integration.psa } else { &integration.pax8 };
            let input = json!({ "providerAccountId": account, "credentials": credentials });
            let payload = admin.change("providerCredentialsSet", "account { id }", input).await;
            assert_eq!(codes(&payload), ["INVALID_INPUT"], "{field}, {credentials}: {payload}");
            assert!(payload["account"].is_null(), "{payload}");
            let error = &payload["userErrors"][0];
            let kind = credentials.as_object().and_then(|kinds| kinds.keys().next()).expect("one kind");
            assert_eq!(error["field"], json!(["input", "credentials", kind, field]), "{credentials}: {payload}");
            assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.')), "{payload}");
            assert!(!error["message"].to_string().contains("word@"), "{payload}");
        }
        assert_eq!(admin.ask(state, json!({})).await, before, "nothing was stored");
        for account in [&integration.pax8, &integration.psa] {
            let input = json!({ "providerAccountId": account });
            let payload = admin.done("providerAccountVerify", "account { status }", input).await;
            assert_eq!(payload["account"]["status"], "CONNECTED", "the old secret works");
        }
        program.stop().await;
    }
}

#[tokio::test]
async fn credentials_of_an_account_that_is_not_there_are_not_looked_at() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let account = super::roles::unknown("provider_account");
    let input = json!({ "providerAccountId": account, "credentials": pax8(&json!({ "baseUrl": "not a url" })) });
    let payload = admin.change("providerCredentialsSet", "account { id }", input).await;
    assert_eq!(codes(&payload), ["NOT_FOUND"]);
    program.stop().await;
}

/// What an account has to say about itself after credentials were set.
async fn remarks(admin: &Client, input: Value) -> String {
    let payload = admin.done("providerCredentialsSet", "account { status remarks }", input).await;
    assert_eq!(payload["account"]["status"], "CONNECTED", "{payload}");
    payload["account"]["remarks"].to_string()
}

#[tokio::test]
async fn a_login_of_somebody_else_is_noticed_before_it_is_synced() {
    let others = Options { requests_per_minute: None, ..Options::default() };
    let others = concord::sandbox::start(others).await.expect("a free port");
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::integration(&admin, "Ours").await;
        let of = |sandbox| harness::pax8_credentials(sandbox, &integration.pax8);
        // Nothing was read yet that it could be compared with.
        assert_eq!(remarks(&admin, of(&others)).await, "[]");
        harness::connect(&admin, &integration, &program.sandbox).await;
        harness::sync(&admin, &integration).await;
        let said = "None of the first 50 companies that this login shows was read with this account before";
        assert!(remarks(&admin, of(&others)).await.contains(said));
        let input = json!({ "providerAccountId": integration.pax8 });
        let verified = admin.done("providerAccountVerify", "account { remarks }", input).await;
        assert!(verified.to_string().contains(said), "{verified}");
        assert_eq!(remarks(&admin, of(&program.sandbox)).await, "[]");
        program.stop().await;
    }
    others.shutdown().await;
}

#[tokio::test]
async fn an_outage_that_somebody_looked_into_keeps_no_sync_from_running() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Out of reach").await;
        program.fault(json!({ "path": "/v1/companies", "html": "<html>maintenance</html>", "times": 20 })).await;
        let input = json!({ "providerAccountId": integration.pax8 });
        let selection = "account { status failure failureMessage }";
        let payload = admin.change("providerAccountVerify", selection, input.clone()).await;
        assert_eq!(
            (&payload["account"]["status"], &payload["account"]["failure"]),
            (&json!("FAILED"), &json!("CONNECTION"))
        );
        harness::clear_faults(&program.sandbox).await;
        harness::sync(&admin, &integration).await;
        let document = "{ integration { pax8Account { status failure failureMessage } } }";
        let seen = admin.ask(document, json!({})).await;
        let expected = json!({ "status": "CONNECTED", "failure": null, "failureMessage": null });
        assert_eq!(seen["integration"]["pax8Account"], expected);

        // A refusal that comes after the first answer is remembered as ever.
        program.fault(json!({ "path": "/v1/companies", "html": "<html>maintenance</html>", "times": 20 })).await;
        admin.change("providerAccountVerify", selection, input.clone()).await;
        harness::clear_faults(&program.sandbox).await;
        program.fault(json!({ "path": "/v1/subscriptions", "status": 401, "times": 20 })).await;
        let run = harness::start_sync(&admin, &integration).await;
        assert_eq!(admin.finished_sync(&run).await["status"], "FAILED");
        let seen = admin.ask(document, json!({})).await;
        assert_eq!(seen["integration"]["pax8Account"]["status"], "RECONNECT_NEEDED");
        harness::clear_faults(&program.sandbox).await;

        // What has never worked is not asked: it may be somebody else's.
        program.fault(json!({ "path": "/v1/companies", "html": "<html>maintenance</html>", "times": 20 })).await;
        let keys = harness::pax8_credentials(&program.sandbox, &integration.pax8);
        let payload = admin.change("providerCredentialsSet", selection, keys).await;
        assert_eq!(payload["account"]["failure"], "CONNECTION");
        harness::clear_faults(&program.sandbox).await;
        let start = json!({ "integrationId": integration.id });
        let payload = admin.change("syncRunStart", "syncRun { id }", start).await;
        assert_eq!(codes(&payload), ["PROVIDER_NOT_AUTHORIZED"]);

        // Keys that are refused are another matter.
        let mut wrong = harness::pax8_credentials(&program.sandbox, &integration.pax8);
        wrong["credentials"]["pax8"]["clientSecret"] = json!("wrong");
        admin.change("providerCredentialsSet", selection, wrong).await;
        let start = json!({ "integrationId": integration.id });
        let payload = admin.change("syncRunStart", "syncRun { id }", start).await;
        assert_eq!(codes(&payload), ["PROVIDER_NOT_AUTHORIZED"]);
        let message = payload["userErrors"][0]["message"].to_string();
        assert!(message.contains("the one of Pax8 is not"), "{message}");
        program.stop().await;
    }
}
