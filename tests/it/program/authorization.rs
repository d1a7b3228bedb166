//! Connecting with the consent of a person: from the address that they open to the tokens that are renewed, ended and
//! given back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use concord::app::App;
use concord::domain::id::{OrganizationId, ProviderAccountId};
use concord::domain::provider::ProviderAccount;
use concord::environment::FixedClock;
use concord::sandbox::{RunningSandbox, Side, credentials};
use concord::service::Recording;
use concord::storage::account::{self, SealedCredentials};
use serde_json::{Value, json};
use url::Url;

use super::command::tamper;
use super::harness::{self, Client, Integration, Program, each_database};
use crate::postgres;
use crate::sandbox_browser::{Choice, consent};

/// What a client reads of an account.
pub const ACCOUNT: &str = "account { id status method nextAction failure failureMessage clientId grantedScopes
    consentDaysLeft remarks capabilities { kind state advice } displayName isProbed version }";

/// The input that sends a person to the Pax8 side of a sandbox.
pub fn pax8_application(sandbox: &RunningSandbox, account: &Value) -> Value {
    json!({
        "providerAccountId": account,
        "application": {
            "clientId": credentials::PAX8_APP_CLIENT_ID,
            "clientSecret": credentials::PAX8_APP_CLIENT_SECRET,
            "authorizeUrl": sandbox.oauth_authorize_url(Side::Pax8),
            "tokenUrl": sandbox.oauth_token_url(Side::Pax8),
            "revocationUrl": sandbox.oauth_revocation_url(Side::Pax8),
            "issuer": sandbox.oauth_issuer(Side::Pax8),
            "issuerRequired": true,
        },
        "pax8": { "baseUrl": sandbox.pax8_base_url() },
    })
}

/// The input that sends a person to the PSA side of a sandbox.
pub fn psa_application(sandbox: &RunningSandbox, account: &Value) -> Value {
    json!({
        "providerAccountId": account,
        "application": {
            "clientId": credentials::PSA_APP_CLIENT_ID,
            "clientSecret": credentials::PSA_APP_CLIENT_SECRET,
            "authorizeUrl": sandbox.oauth_authorize_url(Side::Psa),
            "tokenUrl": sandbox.oauth_token_url(Side::Psa),
            "scopes": ["psa:read", "offline_access"],
            "clientAuthentication": "BASIC",
        },
        "revioPsa": {
            "tenant": credentials::PSA_TENANT,
            "baseUrl": sandbox.psa_base_url(),
            "billingBaseUrl": sandbox.billing_base_url(),
            "billingUsername": credentials::BILLING_USER,
            "billingPassword": credentials::BILLING_PASSWORD,
        },
    })
}

/// Begins, and gives the address to open.
pub async fn begin(admin: &Client, input: Value) -> String {
    let payload = admin.done("providerAccountAuthorizationStart", "authorizationUrl", input).await;
    payload["authorizationUrl"].as_str().expect("an address").to_owned()
}

/// What a person sees at the address that they were sent back to: status and page.
pub async fn come_back(location: &str) -> (u16, String) {
    let answer = harness::http().get(location).send().await.expect("the server answers");
    let headers = answer.headers().clone();
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert!(headers["content-security-policy"].to_str().is_ok_and(|policy| policy.contains("default-src 'none'")));
    (answer.status().as_u16(), answer.text().await.expect("a page"))
}

/// Goes the whole way as a person of the sandbox.
pub async fn authorize(admin: &Client, input: Value, user: &str) -> String {
    let url = begin(admin, input).await;
    let location = consent(&url, user, Choice::Accept).await;
    let (status, page) = come_back(&location).await;
    assert_eq!(status, 200, "{page}");
    page
}

/// The account as it is.
pub async fn account_of(client: &Client, account: &Value) -> Value {
    let fields = ACCOUNT.trim_start_matches("account ");
    let document = format!("query($id: ID!) {{ node(id: $id) {{ ... on ProviderAccount {fields} }} }}");
    client.ask(&document, json!({ "id": account })).await["node"].take()
}

/// How often the sandbox was asked for something on the Pax8 side.
pub async fn count(sandbox: &RunningSandbox, what: &str) -> u64 {
    let url = format!("{}/sandbox/tokens", sandbox.origin());
    let answer: Value = harness::http().get(url).send().await.expect("it answers").json().await.expect("JSON");
    answer["pax8"][what].as_u64().unwrap_or_else(|| panic!("`{what}` is counted: {answer}"))
}

pub async fn tell(sandbox: &RunningSandbox, what: &str) {
    let url = format!("{}/sandbox/{what}", sandbox.origin());
    let answer = harness::http().delete(url).send().await.expect("it answers");
    assert!(answer.status().is_success());
}

/// The Pax8 account of an integration of the organization `default`.
pub async fn pax8_of(program: &Program, integration: &Integration) -> (OrganizationId, ProviderAccountId) {
    let organization = harness::organization(program, "default").await;
    (organization, ProviderAccountId(harness::uuid_of(&integration.pax8)))
}

/// An account as it is stored, with what it proves itself with.
pub async fn stored(
    app: &App,
    organization: OrganizationId,
    id: ProviderAccountId,
) -> (ProviderAccount, SealedCredentials) {
    let read = app.services.core.store.read();
    let known = account::find(read, organization, id).await.expect("it reads").expect("the account is there");
    (known, account::credentials(read, organization, id).await.expect("it reads"))
}

/// Asks for companies, so many times at once; how many were answered.
pub async fn ask_at_once(app: &App, organization: OrganizationId, id: ProviderAccountId, times: usize) -> usize {
    let (known, sealed) = stored(app, organization, id).await;
    let connectors = &app.services.core.connectors;
    let calls = (0..times).map(|_| async {
        let pax8 = connectors.marketplace(&known, &sealed, Recording::Off).await?;
        pax8.companies(None).await
    });
    futures_util::future::join_all(calls).await.into_iter().filter(Result::is_ok).count()
}

#[tokio::test]
async fn a_person_connects_both_sides_with_a_login() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::integration(&admin, "Delegated").await;
        let before = account_of(&admin, &integration.pax8).await;
        assert_eq!((&before["status"], &before["nextAction"]), (&json!("NOT_CONNECTED"), &json!("AUTHORIZE")));
        let document = "subscription($id: ID!) { providerAccountChanged(providerAccountId: $id) { status } }";
        let mut following = admin.subscribe(document, json!({ "id": integration.pax8 })).await;
        let mut statuses = Vec::new();
        let mut next = async |statuses: &mut Vec<Value>| {
            let mut seen = following.next().await.expect("the account is followed");
            statuses.push(seen["data"]["providerAccountChanged"]["status"].take());
        };
        next(&mut statuses).await;

        let url = begin(&admin, pax8_application(&program.sandbox, &integration.pax8)).await;
        next(&mut statuses).await;
        let parsed = Url::parse(&url).expect("an address");
        let given = |name: &str| parsed.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(given("code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(given("audience").as_deref(), Some("https://api.pax8.com"));
        assert_eq!(given("scope").as_deref(), Some("Manage:Pax8Data offline_access"));
        assert_eq!(given("response_type").as_deref(), Some("code"));
        let redirect = format!("http://{}/oauth/callback/pax8", program.address);
        assert_eq!(given("redirect_uri"), Some(redirect.clone()));
        assert_eq!(given("state").map(|state| state.len()), Some(43), "256 random bits");
        assert!(!url.contains(credentials::PAX8_APP_CLIENT_SECRET));

        let location = consent(&url, credentials::PARTNER_USER, Choice::Accept).await;
        assert!(location.starts_with(&format!("{redirect}?")), "{location}");
        let (status, page) = come_back(&location).await;
        assert_eq!(status, 200);
        assert!(page.contains("Pax8 is connected") && page.contains("You can close this tab."), "{page}");
        // Whoever was sent a link by somebody else sees what it was for.
        assert!(page.contains("in the integration “Delegated” of the organization “default”"), "{page}");
        assert!(page.contains("begun by “ADMIN of default”"), "{page}");
        while statuses.last() != Some(&json!("CONNECTED")) {
            next(&mut statuses).await;
        }
        assert_eq!(statuses[..2], [json!("NOT_CONNECTED"), json!("AUTHORIZING")]);
        assert!(statuses[1..statuses.len() - 1].iter().all(|seen| seen == "AUTHORIZING"), "{statuses:?}");

        let psa = psa_application(&program.sandbox, &integration.psa);
        let page = authorize(&admin, psa, credentials::PARTNER_USER).await;
        assert!(page.contains("The PSA is connected"), "{page}");
        let connected = account_of(&admin, &integration.pax8).await;
        assert_eq!(connected["method"], "DELEGATED");
        assert_eq!(connected["clientId"], credentials::PAX8_APP_CLIENT_ID);
        assert_eq!(connected["consentDaysLeft"], 89, "a moment less than ninety days");
        assert_eq!(connected["grantedScopes"], json!(["Manage:Pax8Data", "offline_access"]));
        assert_eq!(connected["nextAction"], Value::Null);
        assert_eq!(connected["isProbed"], true, "{connected}");
        let run = harness::sync(&admin, &integration).await;
        assert!(run["status"].as_str().is_some_and(|status| status.starts_with("SUCCEEDED")), "{run}");
        program.stop().await;
    }
}

/// A program whose clock stands, with a Pax8 account that a person connected.
pub async fn consented(database: postgres::TestDatabase) -> (Program, Arc<FixedClock>, Client, Integration) {
    let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)));
    let program = Program::start_idle_at(database, clock.clone()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Consented").await;
    let input = pax8_application(&program.sandbox, &integration.pax8);
    authorize(&admin, input, credentials::PARTNER_USER).await;
    (program, clock, admin, integration)
}

#[tokio::test]
async fn many_calls_at_the_end_of_a_token_renew_it_once_over_all_replicas() {
    for database in each_database().await {
        let url = database.url.clone();
        let (program, clock, _, integration) = consented(database).await;
        let (organization, id) = pax8_of(&program, &integration).await;
        assert_eq!(ask_at_once(&program.app, organization, id, 50).await, 50);
        assert_eq!(count(&program.sandbox, "refresh_token").await, 0);
        clock.advance(TimeDelta::days(1));
        assert_eq!(ask_at_once(&program.app, organization, id, 50).await, 50);
        assert_eq!(count(&program.sandbox, "refresh_token").await, 1, "fifty calls renew once");

        // Another process over the same database, as after a restart: it goes on with what was stored.
        let other = harness::app(&url, clock.clone()).await;
        assert_eq!(ask_at_once(&other, organization, id, 50).await, 50);
        assert_eq!(count(&program.sandbox, "refresh_token").await, 1, "the stored token is still good");
        for day in 2..=4 {
            clock.advance(TimeDelta::days(1));
            let (here, there) = tokio::join!(
                ask_at_once(&program.app, organization, id, 25),
                ask_at_once(&other, organization, id, 25)
            );
            assert_eq!((here, there), (25, 25));
            assert_eq!(count(&program.sandbox, "refresh_token").await, day, "two processes renew once");
        }
        assert_eq!(count(&program.sandbox, "reuse_detected").await, 0);
        program.stop().await;
    }
}

#[tokio::test]
async fn a_consent_that_was_withdrawn_ends_quietly_and_a_new_one_keeps_everything() {
    for database in each_database().await {
        let (program, clock, admin, integration) = consented(database).await;
        let (organization, id) = pax8_of(&program, &integration).await;
        tell(&program.sandbox, "grants").await;
        clock.advance(TimeDelta::days(1));
        assert_eq!(ask_at_once(&program.app, organization, id, 50).await, 0);
        let asked = count(&program.sandbox, "refresh_token").await;
        assert_eq!(ask_at_once(&program.app, organization, id, 50).await, 0);
        assert!(count(&program.sandbox, "refresh_token").await <= 1 && asked <= 1, "nobody asks again");
        let ended = account_of(&admin, &integration.pax8).await;
        assert_eq!(ended["status"], "RECONNECT_NEEDED");
        assert_eq!(ended["nextAction"], "REAUTHORIZE");
        assert_eq!(ended["failure"], "AUTHORIZATION");
        let message = ended["failureMessage"].as_str().expect("a message");
        assert!(message.contains("Authorize the account again"), "{message}");
        // Verifying says the same and asks nobody.
        let payload = admin.change("providerAccountVerify", ACCOUNT, json!({ "providerAccountId": integration.pax8 }));
        let payload = payload.await;
        assert_eq!(harness::codes(&payload), ["PROVIDER_REJECTED"]);
        let told = payload["userErrors"][0]["message"].as_str().expect("a message");
        assert!(told.contains("Authorize the account again") && !told.contains("Check the keys"), "{told}");
        let message = payload["account"]["failureMessage"].as_str().expect("a message").to_lowercase();
        assert_eq!(message.matches("authorize the account again").count(), 1, "{message}");
        assert_eq!(ended["capabilities"], json!([]), "nobody knows what could be read");
        assert!(count(&program.sandbox, "refresh_token").await <= 1);

        // The application is kept: one click is enough.
        let input = json!({ "providerAccountId": integration.pax8 });
        let page = authorize(&admin, input, credentials::PARTNER_USER).await;
        assert!(page.contains("Pax8 is connected"), "{page}");
        let again = account_of(&admin, &integration.pax8).await;
        assert_eq!((&again["id"], &again["status"]), (&integration.pax8, &json!("CONNECTED")));
        assert_eq!(ask_at_once(&program.app, organization, id, 5).await, 5);
        program.stop().await;
    }
}

#[tokio::test]
async fn an_access_token_that_is_refused_before_its_time_is_renewed_once() {
    let (program, _, _, integration) = consented(postgres::sqlite()).await;
    let (organization, id) = pax8_of(&program, &integration).await;
    program.fault(json!({ "path": "/v1/companies", "status": 401, "times": 3 })).await;
    // One connection, so that the callers share their token as the pages of a run do.
    let (known, sealed) = stored(&program.app, organization, id).await;
    let connectors = &program.app.services.core.connectors;
    let pax8 = connectors.marketplace(&known, &sealed, Recording::Off).await.expect("connected");
    let calls = futures_util::future::join_all((0..20).map(|_| pax8.companies(None))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(count(&program.sandbox, "refresh_token").await, 1);
    program.stop().await;
}

#[tokio::test]
async fn a_consent_near_its_end_says_so() {
    let (program, clock, admin, integration) = consented(postgres::sqlite()).await;
    let seen = async |days: i64| {
        clock.advance(TimeDelta::days(days));
        let account = account_of(&admin, &integration.pax8).await;
        (account["status"].clone(), account["consentDaysLeft"].clone(), account["nextAction"].clone())
    };
    assert_eq!(seen(75).await, (json!("CONNECTED"), json!(15), Value::Null));
    assert_eq!(seen(2).await, (json!("EXPIRING"), json!(13), json!("REAUTHORIZE")));
    program.stop().await;
}

#[tokio::test]
async fn who_may_see_too_little_is_told_what_to_do() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Too little").await;
    let input = pax8_application(&program.sandbox, &integration.pax8);
    let page = authorize(&admin, input, credentials::VENDOR_USER).await;
    assert!(page.contains("Pax8 does not work yet") && page.contains("vendor login"), "{page}");
    let vendor = account_of(&admin, &integration.pax8).await;
    assert_eq!((&vendor["status"], &vendor["failure"]), (&json!("FAILED"), &json!("PERMISSION")));
    assert!(vendor["failureMessage"].to_string().contains("login of the partner is needed"), "{vendor}");

    let again = json!({ "providerAccountId": integration.pax8 });
    let page = authorize(&admin, again, credentials::READER_USER).await;
    assert!(page.contains("Pax8 is connected") && page.contains("may not read invoices"), "{page}");
    let reader = account_of(&admin, &integration.pax8).await;
    assert_eq!((&reader["status"], &reader["isProbed"]), (&json!("CONNECTED"), &json!(false)));
    let states: Vec<&Value> = reader["capabilities"].as_array().expect("a list").iter().map(|c| &c["state"]).collect();
    assert_eq!(states, [&json!("AVAILABLE"), &json!("AVAILABLE"), &json!("FORBIDDEN")]);

    // A scope that lets nothing be read, and no Billing to read from instead.
    let mut input = psa_application(&program.sandbox, &integration.psa);
    input["application"]["scopes"] = json!(["offline_access"]);
    for field in ["billingBaseUrl", "billingUsername", "billingPassword"] {
        input["revioPsa"].as_object_mut().expect("settings").remove(field);
    }
    let page = authorize(&admin, input, credentials::PARTNER_USER).await;
    assert!(page.contains("does not work yet"), "{page}");
    let nothing = account_of(&admin, &integration.psa).await;
    assert_eq!((&nothing["status"], &nothing["failure"]), (&json!("FAILED"), &json!("PERMISSION")), "{nothing}");
    assert!(nothing["failureMessage"].to_string().contains("may read no customers"), "{nothing}");
    program.stop().await;
}

#[tokio::test]
async fn an_account_goes_over_from_keys_to_a_login_and_back() {
    for database in each_database().await {
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Both ways").await;
        let select = async |method: &str| {
            let input = json!({ "providerAccountId": integration.pax8, "method": method });
            admin.change("providerAccountMethodSelect", ACCOUNT, input).await
        };
        assert_eq!(harness::codes(&select("DELEGATED").await), ["INVALID_INPUT"], "nothing is kept yet");
        let input = pax8_application(&program.sandbox, &integration.pax8);
        // What works goes on working while the person is away.
        let url = begin(&admin, input).await;
        assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED");
        come_back(&consent(&url, credentials::PARTNER_USER, Choice::Accept).await).await;
        let delegated = account_of(&admin, &integration.pax8).await;
        assert_eq!((&delegated["method"], &delegated["status"]), (&json!("DELEGATED"), &json!("CONNECTED")));
        for (method, client_id) in [
            ("KEYS", credentials::PAX8_CLIENT_ID),
            ("DELEGATED", credentials::PAX8_APP_CLIENT_ID),
            ("KEYS", credentials::PAX8_CLIENT_ID),
        ] {
            let payload = select(method).await;
            assert_eq!(payload["userErrors"], json!([]));
            assert_eq!(payload["account"]["status"], "CONNECTED", "{method}: {payload}");
            assert_eq!(payload["account"]["clientId"], client_id);
        }
        // A refused key names the other way.
        let mut wrong = harness::pax8_credentials(&program.sandbox, &integration.pax8);
        wrong["credentials"]["pax8"]["clientSecret"] = json!("not-the-secret");
        let payload = admin.change("providerCredentialsSet", ACCOUNT, wrong).await;
        assert_eq!(harness::codes(&payload), ["PROVIDER_REJECTED"]);
        assert!(payload["userErrors"][0]["message"].to_string().contains("login at the provider"), "{payload}");
        assert!(payload["account"]["failureMessage"].to_string().contains("login at the provider"), "{payload}");
        assert_eq!(payload["account"]["nextAction"], "REAUTHORIZE");
        assert_eq!(payload["account"]["clientId"], credentials::PAX8_CLIENT_ID, "the client id stays visible");
        assert_eq!(select("DELEGATED").await["account"]["status"], "CONNECTED", "the consent was kept");
        program.stop().await;
    }
}

#[tokio::test]
async fn disconnecting_gives_the_consent_back_and_forgets_every_secret() {
    for database in each_database().await {
        let url = database.url.clone();
        let (program, _, admin, integration) = consented(database).await;
        let (organization, id) = pax8_of(&program, &integration).await;
        let input = json!({ "providerAccountId": integration.pax8 });
        let payload = admin.done("providerAccountDisconnect", &format!("isRevoked {ACCOUNT}"), input.clone()).await;
        assert_eq!(payload["isRevoked"], true);
        assert_eq!(payload["account"]["status"], "NOT_CONNECTED");
        assert_eq!(payload["account"]["nextAction"], "AUTHORIZE");
        assert_eq!(payload["account"]["clientId"], credentials::PAX8_APP_CLIENT_ID, "the client id stays visible");
        let left = "SELECT COUNT(*) AS count FROM provider_token WHERE tokens IS NOT NULL";
        assert_eq!(harness::count_rows(&url, left).await, 0);
        let secrets = "SELECT COUNT(*) AS count FROM provider_account WHERE secret IS NOT NULL";
        assert_eq!(harness::count_rows(&url, secrets).await, 0);
        assert_eq!(ask_at_once(&program.app, organization, id, 3).await, 0);
        // Once more does no harm: there is nothing left to give back.
        let payload = admin.done("providerAccountDisconnect", "isRevoked account { status }", input).await;
        assert_eq!(payload["isRevoked"], Value::Null);
        program.stop().await;
    }
}

#[tokio::test]
async fn a_consent_whose_tokens_do_not_open_is_left_to_a_person() {
    let database = postgres::sqlite();
    let url = database.url.clone();
    let (program, _, admin, integration) = consented(database).await;
    tamper(&url, &["UPDATE provider_token SET tokens = 'v1.lost.AAAA' WHERE tokens IS NOT NULL"]).await;
    let input = json!({ "providerAccountId": integration.pax8 });
    let payload = admin.done("providerAccountDisconnect", &format!("isRevoked {ACCOUNT}"), input).await;
    assert_eq!((&payload["isRevoked"], &payload["account"]["status"]), (&json!(false), &json!("NOT_CONNECTED")));
    let said = payload["account"]["remarks"].to_string();
    assert!(said.contains("cannot be opened") && said.contains("Withdraw it there yourself"), "{said}");
    program.stop().await;
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_does_not_keep_a_person_from_disconnecting() {
    let (program, _, admin, integration) = consented(postgres::sqlite()).await;
    program.fault(json!({ "path": "/oauth/pax8/revoke", "status": 503, "times": 10 })).await;
    let input = json!({ "providerAccountId": integration.pax8 });
    let payload = admin.done("providerAccountDisconnect", &format!("isRevoked {ACCOUNT}"), input).await;
    assert_eq!((&payload["isRevoked"], &payload["account"]["status"]), (&json!(false), &json!("NOT_CONNECTED")));
    let is_reminded = |account: &Value| account["remarks"].to_string().contains("Withdraw it there yourself");
    assert!(is_reminded(&payload["account"]), "{payload}");

    // It is not forgotten because something else works: only a new consent takes the place of the old one.
    let keys = harness::pax8_credentials(&program.sandbox, &integration.pax8);
    let payload = admin.done("providerCredentialsSet", ACCOUNT, keys).await;
    assert!(payload["account"]["status"] == "CONNECTED" && is_reminded(&payload["account"]), "{payload}");
    let verify = json!({ "providerAccountId": integration.pax8 });
    assert!(is_reminded(&admin.done("providerAccountVerify", ACCOUNT, verify).await["account"]));
    authorize(&admin, pax8_application(&program.sandbox, &integration.pax8), credentials::PARTNER_USER).await;
    let account = account_of(&admin, &integration.pax8).await;
    assert!(account["status"] == "CONNECTED" && !is_reminded(&account), "{account}");
    program.stop().await;
}

#[tokio::test]
async fn tokens_that_are_renewed_while_a_consent_is_given_back_are_given_back_too() {
    for database in each_database().await {
        let (program, _, admin, integration) = consented(database).await;
        let refused = json!({ "path": "/oauth/pax8/revoke", "status": 400, "delay_milliseconds": 1500 });
        program.fault(refused).await;
        let renewing = async {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            let newer = "UPDATE provider_token SET number = number + 1 WHERE method = 'DELEGATED'";
            tamper(&program.database.url, &[newer]).await;
        };
        let input = json!({ "providerAccountId": integration.pax8 });
        let selection = format!("isRevoked {ACCOUNT}");
        let disconnecting = admin.done("providerAccountDisconnect", &selection, input);
        let (payload, ()) = tokio::join!(disconnecting, renewing);
        // The spent token was refused, the newest one was taken: nothing is left to a person.
        assert_eq!((&payload["isRevoked"], &payload["account"]["remarks"]), (&json!(true), &json!([])), "{payload}");
        assert_eq!(count(&program.sandbox, "revocation").await, 1);
        program.stop().await;
    }
}

#[tokio::test]
async fn a_renewal_that_fails_in_passing_is_tried_again_by_the_next_one() {
    let (program, clock, admin, integration) = consented(postgres::sqlite()).await;
    let (organization, id) = pax8_of(&program, &integration).await;
    clock.advance(TimeDelta::days(1));
    program.fault(json!({ "path": "/oauth/pax8/token", "status": 503, "times": 1 })).await;
    assert_eq!(ask_at_once(&program.app, organization, id, 1).await, 0);
    assert_eq!(account_of(&admin, &integration.pax8).await["status"], "CONNECTED", "the consent is not lost");
    assert_eq!(ask_at_once(&program.app, organization, id, 10).await, 10);
    program.stop().await;
}

#[tokio::test]
async fn replicas_and_restarts_share_the_token_of_keys_and_new_keys_bring_a_new_one() {
    for database in each_database().await {
        let url = database.url.clone();
        let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)));
        let program = Program::start_idle_at(database, clock.clone()).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Keys").await;
        let (organization, id) = pax8_of(&program, &integration).await;
        assert_eq!(count(&program.sandbox, "client_credentials").await, 1, "connecting fetches one");
        let other = harness::app(&url, clock.clone()).await;
        for day in 1..=3 {
            let (here, there) = tokio::join!(
                ask_at_once(&program.app, organization, id, 25),
                ask_at_once(&other, organization, id, 25)
            );
            assert_eq!((here, there), (25, 25));
            assert_eq!(count(&program.sandbox, "client_credentials").await, day, "two processes fetch once a day");
            clock.advance(TimeDelta::days(1));
        }
        // Revoked before its time: fetched once more, for everybody.
        let before = count(&program.sandbox, "client_credentials").await;
        assert_eq!(ask_at_once(&program.app, organization, id, 5).await, 5);
        tell(&program.sandbox, "tokens").await;
        assert_eq!(ask_at_once(&program.app, organization, id, 25).await, 25);
        assert_eq!(count(&program.sandbox, "client_credentials").await, before + 2);
        // The same keys entered anew may be somebody else's: what was fetched with the ones before is not used.
        let again = harness::pax8_credentials(&program.sandbox, &integration.pax8);
        admin.done("providerCredentialsSet", "account { status }", again).await;
        assert_eq!(count(&program.sandbox, "client_credentials").await, before + 3);
        program.stop().await;
    }
}
