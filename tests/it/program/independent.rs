//! Against an authorization server that others wrote (`oidc-provider` of npm): it rotates refresh tokens and ends the
//! whole consent when one comes twice. `tests/clients/run` says how to run it.

use std::process::Stdio;
use std::time::Duration;

use concord::domain::id::ProviderAccountId;
use concord::environment::SystemClock;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::authorization::{self, account_of, begin, come_back};
use super::authorization_refused::with;
use super::harness::{self, Client, Integration, Program, each_database};

/// How long an access token of the provider lives.
const TOKEN_SECONDS: u64 = 3;

/// The provider, which ends with this value.
struct Provider {
    ready: Value,
    _process: Child,
}

impl Provider {
    async fn start(program: &Program) -> Self {
        let redirect = format!("http://{}/oauth/callback/pax8", program.address);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/oauth/provider.mjs");
        let seconds = TOKEN_SECONDS.to_string();
        let mut process = Command::new("node")
            .args([script, "--redirect-uri", &redirect, "--access-token-seconds", &seconds])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let output = process.stdout.take().expect("its output is read");
        let line = BufReader::new(output).lines().next_line().await.expect("it can be read");
        let ready = serde_json::from_str(&line.expect("it says that it is ready")).expect("a line of JSON");
        Self { ready, _process: process }
    }

    async fn control(&self, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.ready["control_url"].as_str().expect("an address"));
        let request = match body {
            None => harness::http().get(url),
            Some(body) => harness::http().post(url).json(&body),
        };
        request.send().await.expect("it answers").json().await.expect("it answers with JSON")
    }

    async fn renewals(&self) -> i64 {
        self.control("/counts", None).await["token"]["refresh_token"].as_i64().expect("a number")
    }

    /// Goes the way of a browser; gives where it is sent.
    async fn browse(&self, url: &str, choice: &str) -> String {
        let seen = self.control("/browse", Some(json!({ "url": url, "choice": choice }))).await;
        seen["location"].as_str().unwrap_or_else(|| panic!("the browser is sent back: {seen}")).to_owned()
    }

    fn application(&self, account: &Value) -> Value {
        let ready = &self.ready;
        json!({
            "providerAccountId": account,
            "application": {
                "clientId": ready["client_id"],
                "clientSecret": ready["client_secret"],
                "authorizeUrl": ready["authorize_url"],
                "tokenUrl": ready["token_url"],
                "revocationUrl": ready["revocation_url"],
                "issuer": ready["issuer"],
                "issuerRequired": true,
            },
            "pax8": { "baseUrl": ready["base_url"] },
        })
    }
}

async fn connected(program: &Program, provider: &Provider) -> (Client, Integration) {
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Independent").await;
    let url = begin(&admin, provider.application(&integration.pax8)).await;
    let (status, page) = come_back(&provider.browse(&url, "accept").await).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Pax8 is connected"), "{page}");
    assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED");
    (admin, integration)
}

/// Asks for companies, so many times at once; how many were answered.
async fn ask_at_once(app: &concord::app::App, integration: &Integration, times: usize) -> usize {
    let organization = app.access.operator("default").await.expect("it is there").organization_id;
    authorization::ask_at_once(app, organization, ProviderAccountId(harness::uuid_of(&integration.pax8)), times).await
}

async fn until_the_token_ends() {
    tokio::time::sleep(Duration::from_secs(TOKEN_SECONDS + 1)).await;
}

#[tokio::test]
#[ignore = "needs node and the npm packages; run tests/clients/run"]
async fn calls_at_the_end_of_a_token_renew_it_once_also_after_a_restart() {
    for database in each_database().await {
        let url = database.url.clone();
        let program = Program::start_idle(database).await;
        let provider = Provider::start(&program).await;
        let (admin, integration) = connected(&program, &provider).await;
        until_the_token_ends().await;
        let before = provider.renewals().await;
        assert_eq!(ask_at_once(&program.app, &integration, 50).await, 50);
        assert_eq!(provider.renewals().await, before + 1, "fifty calls at the end of the token renew it once");
        // A process that starts anew goes on with the refresh token that was stored, not with the one before.
        until_the_token_ends().await;
        let restarted = harness::app(&url, std::sync::Arc::new(SystemClock)).await;
        assert_eq!(ask_at_once(&restarted, &integration, 50).await, 50);
        assert_eq!(provider.renewals().await, before + 2);
        until_the_token_ends().await;
        let (here, there) =
            tokio::join!(ask_at_once(&program.app, &integration, 25), ask_at_once(&restarted, &integration, 25));
        assert_eq!((here, there), (25, 25), "the consent is not lost to two who renew at once");
        assert_eq!(provider.renewals().await, before + 3);
        let counts = provider.control("/counts", None).await;
        assert_eq!((&counts["reuse_detected"], &counts["refused"]), (&json!(0), &json!(0)), "{counts}");
        assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED");
        program.stop().await;
    }
}

#[tokio::test]
#[ignore = "needs node and the npm packages; run tests/clients/run"]
async fn what_a_person_brings_back_is_used_once_and_only_when_it_is_right() {
    let database = each_database().await.remove(0);
    let program = Program::start_idle(database).await;
    let provider = Provider::start(&program).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Independent").await;
    let exchanges = async || provider.control("/counts", None).await["token"]["authorization_code"].as_i64();
    let location = async |choice: &str| {
        let url = begin(&admin, provider.application(&integration.pax8)).await;
        provider.browse(&url, choice).await
    };
    let back = location("accept").await;
    assert_eq!(come_back(&with(&back, "state", Some("wrong"))).await.0, 400);
    let (status, page) = come_back(&with(&back, "iss", Some("https://evil.example"))).await;
    assert_eq!(status, 400);
    assert!(page.contains("does not come from the provider"), "{page}");
    assert_eq!(exchanges().await, Some(0), "no code left the server");

    let (status, page) = come_back(&location("deny").await).await;
    assert_eq!(status, 200);
    assert!(page.contains("You declined"), "{page}");
    assert_eq!(account_of(&admin, &integration.pax8).await["status"], "FAILED");

    let back = location("accept").await;
    assert_eq!(come_back(&back).await.0, 200);
    assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED");
    assert_eq!(come_back(&back).await.0, 400, "replayed");
    assert_eq!(exchanges().await, Some(1));
    assert_eq!(ask_at_once(&program.app, &integration, 3).await, 3, "the replay did not end the consent");
    program.stop().await;
}

#[tokio::test]
#[ignore = "needs node and the npm packages; run tests/clients/run"]
async fn a_consent_that_ended_is_not_asked_for_again_and_disconnecting_revokes() {
    let database = each_database().await.remove(0);
    let program = Program::start_idle(database).await;
    let provider = Provider::start(&program).await;
    let (admin, integration) = connected(&program, &provider).await;
    provider.control("/revoke", Some(json!({}))).await;
    until_the_token_ends().await;
    let before = provider.renewals().await;
    assert_eq!(ask_at_once(&program.app, &integration, 50).await, 0);
    assert_eq!(ask_at_once(&program.app, &integration, 50).await, 0);
    assert_eq!(provider.renewals().await, before + 1, "one refusal is enough");
    assert_eq!(account_of(&admin, &integration.pax8).await["status"], "RECONNECT_NEEDED");

    let url = begin(&admin, json!({ "providerAccountId": integration.pax8 })).await;
    assert_eq!(come_back(&provider.browse(&url, "accept").await).await.0, 200);
    assert_eq!(ask_at_once(&program.app, &integration, 3).await, 3);
    let input = json!({ "providerAccountId": integration.pax8 });
    let payload = admin.done("providerAccountDisconnect", "isRevoked", input).await;
    assert_eq!(payload["isRevoked"], true);
    assert_eq!(provider.control("/counts", None).await["revocation"], 1);
    program.stop().await;
}
