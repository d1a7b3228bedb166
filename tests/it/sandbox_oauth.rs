//! The authorization servers of the sandbox: what a person and an application meet, and every way to be refused.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use concord::environment::FixedClock;
use concord::sandbox::{Options, RunningSandbox, Side, World, WorldSource, credentials, default_today, start};
use reqwest::{Client, RequestBuilder, StatusCode};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::sandbox_browser::{Browser, Choice, Page, Sight, consent};

const VERIFIER: &str = "a-verifier-of-this-test-which-is-long-enough-0123456789";
const STATE: &str = "state of the test & more";
const REGISTERED: &str = "https://concord.example/oauth/callback/pax8?from=sandbox";

fn world() -> Arc<World> {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    Arc::clone(WORLD.get_or_init(|| Arc::new(World::seeded(11, default_today()).expect("a good day"))))
}

/// An application that asks one side for access.
struct Application {
    sandbox: RunningSandbox,
    clock: Arc<FixedClock>,
    client: Client,
    side: Side,
}

type Parameters = BTreeMap<&'static str, String>;

impl Application {
    async fn at(side: Side) -> Self {
        let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH));
        let options = Options {
            world: WorldSource::Ready(world()),
            clock: Arc::clone(&clock) as _,
            redirect_uris: vec![REGISTERED.to_owned()],
            ..Options::default()
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "a test speaks to the sandbox as a stranger would")]
        let client = Client::new();
        Self { sandbox: start(options).await.expect("a free port"), clock, client, side }
    }

    fn client_id(&self) -> &'static str {
        match self.side {
            Side::Pax8 => credentials::PAX8_APP_CLIENT_ID,
            Side::Psa => credentials::PSA_APP_CLIENT_ID,
        }
    }

    fn client_secret(&self) -> &'static str {
        match self.side {
            Side::Pax8 => credentials::PAX8_APP_CLIENT_SECRET,
            Side::Psa => credentials::PSA_APP_CLIENT_SECRET,
        }
    }

    fn redirect_uri(&self) -> String {
        let side = if self.side == Side::Pax8 { "pax8" } else { "psa" };
        format!("http://127.0.0.1:9/oauth/callback/{side}")
    }

    /// The parameters of a request that is in order.
    fn parameters(&self) -> Parameters {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let mut parameters = Parameters::from([
            ("response_type", "code".to_owned()),
            ("client_id", self.client_id().to_owned()),
            ("redirect_uri", self.redirect_uri()),
            ("scope", credentials::PSA_APP_SCOPE.to_owned()),
            ("state", STATE.to_owned()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".to_owned()),
        ]);
        if self.side == Side::Pax8 {
            parameters.insert("audience", credentials::PAX8_AUDIENCE.to_owned());
            parameters.insert("scope", credentials::PAX8_APP_SCOPE.to_owned());
        }
        parameters
    }

    fn address(&self, parameters: &Parameters) -> String {
        Url::parse_with_params(&self.sandbox.oauth_authorize_url(self.side), parameters).expect("an address").into()
    }

    fn address_with(&self, name: &'static str, value: &str) -> String {
        let mut parameters = self.parameters();
        parameters.insert(name, value.to_owned());
        self.address(&parameters)
    }

    fn address_without(&self, name: &str) -> String {
        let mut parameters = self.parameters();
        parameters.remove(name);
        self.address(&parameters)
    }

    /// A code that a person agreed to.
    async fn code(&self, user: &str) -> String {
        let location = consent(&self.address(&self.parameters()), user, Choice::Accept).await;
        answer(&location)["code"].clone()
    }

    /// The form of an exchange of a code that is in order.
    fn exchange(&self, code: &str) -> Parameters {
        Parameters::from([
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect_uri()),
            ("code_verifier", VERIFIER.to_owned()),
            ("client_id", self.client_id().to_owned()),
            ("client_secret", self.client_secret().to_owned()),
        ])
    }

    fn refreshing(&self, refresh_token: &Value) -> Parameters {
        Parameters::from([
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", refresh_token.as_str().expect("a refresh token").to_owned()),
            ("client_id", self.client_id().to_owned()),
            ("client_secret", self.client_secret().to_owned()),
        ])
    }

    async fn ask(&self, form: &Parameters) -> (u16, Value) {
        outcome(posted(&self.client, &self.sandbox.oauth_token_url(self.side), form)).await
    }

    /// Tokens for a person.
    async fn tokens(&self, user: &str) -> Value {
        let code = self.code(user).await;
        let (status, tokens) = self.ask(&self.exchange(&code)).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    async fn revoke(&self, token: &Value) -> u16 {
        let form = Parameters::from([("token", token.as_str().expect("a token").to_owned())]);
        let request = posted(&self.client, &self.sandbox.oauth_revocation_url(self.side), &form);
        let request = request.basic_auth(self.client_id(), Some(self.client_secret()));
        request.send().await.expect("an answer").status().as_u16()
    }

    /// Reads a list with the access token of an answer.
    async fn read(&self, path: &str, tokens: &Value) -> (u16, Value) {
        let base = match self.side {
            Side::Pax8 => self.sandbox.pax8_base_url(),
            Side::Psa => self.sandbox.psa_base_url(),
        };
        let token = tokens["access_token"].as_str().expect("an access token");
        let request = self.client.get(format!("{base}{path}")).bearer_auth(token);
        outcome(request.header("X-Revio-Host", credentials::PSA_TENANT)).await
    }

    async fn counts(&self) -> Value {
        let answer = self.client.get(format!("{}/sandbox/tokens", self.sandbox.origin()));
        outcome(answer).await.1
    }

    async fn control(&self, path: &str) {
        let url = format!("{}/sandbox/{path}", self.sandbox.origin());
        let answer = self.client.delete(url).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

fn posted(client: &Client, url: &str, form: &Parameters) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
}

async fn outcome(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// What an application is told in the address that the browser is sent to.
fn answer(location: &str) -> BTreeMap<String, String> {
    Url::parse(location).expect("an address").query_pairs().into_owned().collect()
}

fn error(outcome: &(u16, Value)) -> (u16, &str) {
    assert!(outcome.1["error_description"].is_string(), "{outcome:?}");
    (outcome.0, outcome.1["error"].as_str().expect("an error"))
}

#[tokio::test]
async fn whoever_accepts_opens_the_lists() {
    for (side, path) in [(Side::Pax8, "/companies"), (Side::Psa, "/billing/api/v1/customers")] {
        let application = Application::at(side).await;
        let location =
            consent(&application.address(&application.parameters()), credentials::PARTNER_USER, Choice::Accept).await;
        assert!(location.starts_with(&format!("{}?code=", application.redirect_uri())), "{location}");
        let answer = answer(&location);
        assert_eq!(answer["state"], STATE);
        assert_eq!(answer["iss"], application.sandbox.oauth_issuer(side));
        assert_eq!(answer.len(), 3);

        let form = application.exchange(&answer["code"]);
        let request = posted(&application.client, &application.sandbox.oauth_token_url(side), &form);
        let response = request.send().await.expect("an answer");
        assert_eq!(
            (response.status(), response.headers()["cache-control"].as_bytes()),
            (StatusCode::OK, &b"no-store"[..])
        );
        let tokens: Value = response.json().await.expect("JSON");
        let (lifetime, scope) = match side {
            Side::Pax8 => (86_400, credentials::PAX8_APP_SCOPE),
            Side::Psa => (3_600, credentials::PSA_APP_SCOPE),
        };
        assert_eq!(tokens["expires_in"], lifetime);
        assert_eq!((&tokens["token_type"], &tokens["scope"]), (&json!("Bearer"), &json!(scope)));
        assert_eq!(application.read(path, &tokens).await.0, 200);

        application.clock.advance(TimeDelta::seconds(lifetime));
        assert_eq!(application.read(path, &tokens).await.0, 401, "it has expired");
        let (status, next) = application.ask(&application.refreshing(&tokens["refresh_token"])).await;
        assert_eq!(status, 200, "{next}");
        assert_eq!(application.read(path, &next).await.0, 200);
    }
}

#[tokio::test]
async fn a_token_of_one_side_does_not_open_the_other() {
    let application = Application::at(Side::Pax8).await;
    let tokens = application.tokens(credentials::PARTNER_USER).await;
    let url = format!("{}/billing/api/v1/customers", application.sandbox.psa_base_url());
    let request = application.client.get(url).header("X-Revio-Host", credentials::PSA_TENANT);
    assert_eq!(outcome(request.bearer_auth(tokens["access_token"].as_str().expect("text"))).await.0, 401);
    let elsewhere = application.sandbox.oauth_token_url(Side::Psa);
    let mut form = application.refreshing(&tokens["refresh_token"]);
    form.insert("client_id", credentials::PSA_APP_CLIENT_ID.to_owned());
    form.insert("client_secret", credentials::PSA_APP_CLIENT_SECRET.to_owned());
    assert_eq!(error(&outcome(posted(&application.client, &elsewhere, &form)).await), (400, "invalid_grant"));
}

#[tokio::test]
async fn whoever_denies_gives_nothing() {
    let application = Application::at(Side::Pax8).await;
    let address = application.address(&application.parameters());
    let answer = answer(&consent(&address, credentials::PARTNER_USER, Choice::Deny).await);
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("access_denied", STATE));
    assert_eq!(answer["iss"], application.sandbox.oauth_issuer(Side::Pax8));
    assert!(!answer.contains_key("code"));
}

#[tokio::test]
async fn strangers_are_never_returned_to() {
    let application = Application::at(Side::Pax8).await;
    let browser = Browser::at(&application.sandbox.origin());
    let evil = "http://evil.example/oauth/callback/pax8";
    let twice = format!("{}&redirect_uri={evil}", application.address(&application.parameters()));
    for address in [
        application.address_without("client_id"),
        application.address_with("client_id", credentials::PSA_APP_CLIENT_ID),
        application.address_without("redirect_uri"),
        application.address_with("redirect_uri", evil),
        application.address_with("redirect_uri", "http://127.0.0.1:9/oauth/callback/psa"),
        application.address_with("redirect_uri", "http://127.0.0.1:9@evil.example/oauth/callback/pax8"),
        application.address_with("redirect_uri", &format!("{REGISTERED}&more=1")),
        twice,
    ] {
        let page = browser.open(&address).await.page();
        assert_eq!(page.status, 400, "{address}");
        assert!(page.complaint().is_some() && !page.text.contains("<form"), "{}", page.text);
    }
    let address = application.address_with("redirect_uri", REGISTERED);
    let location = consent(&address, credentials::PARTNER_USER, Choice::Accept).await;
    assert!(location.starts_with(&format!("{REGISTERED}&code=")), "{location}");
}

#[tokio::test]
async fn applications_are_told_what_is_wrong_with_their_request() {
    let application = Application::at(Side::Pax8).await;
    let browser = Browser::at(&application.sandbox.origin());
    let twice = format!("{}&scope=openid", application.address(&application.parameters()));
    for (address, expected) in [
        (application.address_without("response_type"), "invalid_request"),
        (application.address_with("response_type", "token"), "unsupported_response_type"),
        (application.address_without("code_challenge"), "invalid_request"),
        (application.address_with("code_challenge", "short"), "invalid_request"),
        (application.address_without("code_challenge_method"), "invalid_request"),
        (application.address_with("code_challenge_method", "plain"), "invalid_request"),
        (application.address_without("audience"), "invalid_request"),
        (application.address_with("audience", "https://api.example"), "invalid_request"),
        (application.address_without("scope"), "invalid_scope"),
        (application.address_with("scope", "Manage:Pax8Data everything"), "invalid_scope"),
        (twice, "invalid_request"),
    ] {
        let location = browser.open(&address).await.location();
        assert!(location.starts_with(&application.redirect_uri()), "{location}");
        let answer = answer(&location);
        assert_eq!((answer["error"].as_str(), answer["state"].as_str()), (expected, STATE), "{address}");
        assert_eq!(answer["iss"], application.sandbox.oauth_issuer(Side::Pax8));
        assert!(!answer["error_description"].is_empty());
    }
    let without_state = browser.open(&application.address_without("scope")).await;
    assert!(answer(&without_state.location()).contains_key("state"));
    let mut parameters = application.parameters();
    parameters.retain(|name, _| *name != "state" && *name != "scope");
    assert!(!answer(&browser.open(&application.address(&parameters)).await.location()).contains_key("state"));
    let psa = Application::at(Side::Psa).await;
    let page = Browser::at(&psa.sandbox.origin()).open(&psa.address_with("audience", "anything")).await.page();
    assert!(page.asks_for("password"), "the PSA has no audience to be wrong about");
}

/// The login page of a new request.
async fn first_page(application: &Application, browser: &Browser) -> Page {
    browser.open(&application.address(&application.parameters())).await.page()
}

const RIGHT: [(&str, &str); 2] = [("user", credentials::PARTNER_USER), ("password", credentials::USER_PASSWORD)];

#[tokio::test]
async fn a_wrong_password_or_code_can_be_put_right_a_few_times() {
    let application = Application::at(Side::Pax8).await;
    let browser = Browser::at(&application.sandbox.origin());
    let mut page = first_page(&application, &browser).await;
    for attempt in 1..5 {
        page = browser.send(&page, &[("user", "\"><script>x"), ("password", "wrong")]).await.page();
        assert_eq!(page.complaint(), Some("Email or password is wrong. Try again."), "attempt {attempt}");
        assert!(page.text.contains("value=\"&quot;&gt;&lt;script&gt;x\"") && !page.text.contains("<script"));
    }
    let last = page.clone();
    let ended = browser.send(&page, &[("user", credentials::PARTNER_USER), ("password", "wrong")]).await.page();
    assert!(ended.status == 400 && !ended.text.contains("<form"), "{}", ended.text);
    assert_eq!(browser.send(&last, &RIGHT).await.page().status, 400, "the last page was used up");

    let page = first_page(&application, &browser).await;
    let mut page = browser.send(&page, &RIGHT).await.page();
    for _ in 1..5 {
        assert!(page.asks_for("code") && !page.asks_for("password"));
        page = browser.send(&page, &[("code", "123456")]).await.page();
        assert_eq!(page.complaint(), Some("That code is wrong. Try again."));
    }
    let page = browser.send(&page, &[("code", credentials::ONE_TIME_CODE)]).await.page();
    let location = browser.decide(&page, Choice::Accept).await;
    assert!(answer(&location).contains_key("code"), "the fifth try was right: {location}");
}

#[tokio::test]
async fn steps_are_good_once_and_in_their_order_and_for_ten_minutes() {
    let application = Application::at(Side::Pax8).await;
    let browser = Browser::at(&application.sandbox.origin());
    let first = first_page(&application, &browser).await;
    let second = browser.send(&first, &RIGHT).await.page();
    assert_eq!(browser.send(&first, &RIGHT).await.page().status, 400, "answered before");

    // The transaction of one step does not answer another.
    let skipped = Page { text: second.text.replace("/authorize/code", "/authorize/consent"), ..second.clone() };
    assert_eq!(browser.send(&skipped, &[("choice", "accept")]).await.page().status, 400);
    let made_up = Page { text: second.text.replace(second.transaction(), "step-x"), ..second };
    assert_eq!(browser.send(&made_up, &[("code", credentials::ONE_TIME_CODE)]).await.page().status, 400);

    let page = browser.log_in(&first_page(&application, &browser).await, credentials::PARTNER_USER).await;
    application.clock.advance(TimeDelta::minutes(10));
    assert_eq!(browser.send(&page, &[("choice", "accept")]).await.page().status, 400, "it waited too long");

    let page = browser.log_in(&first_page(&application, &browser).await, credentials::PARTNER_USER).await;
    let again = page.clone();
    browser.decide(&page, Choice::Accept).await;
    assert!(matches!(browser.send(&again, &[("choice", "accept")]).await, Sight::Page(page) if page.status == 400));
}

#[tokio::test]
async fn the_pages_say_what_is_asked_and_protect_themselves() {
    let application = Application::at(Side::Pax8).await;
    let browser = Browser::at(&application.sandbox.origin());
    let page = browser.log_in(&first_page(&application, &browser).await, credentials::PARTNER_USER).await;
    for wanted in [
        "Concord",
        "Lanternfield IT Partners",
        credentials::PARTNER_USER,
        "companies, subscriptions, orders and invoices",
        "while you are away",
        "value=\"accept\"",
        "value=\"deny\"",
    ] {
        assert!(page.text.contains(wanted), "{wanted} is not on {}", page.text);
    }
    for (uri, target) in [
        (application.redirect_uri().as_str(), "http://127.0.0.1:9"),
        ("http://[::1]:9/oauth/callback/pax8", "http:"),
        (REGISTERED, "https://concord.example"),
    ] {
        let url = application.address_with("redirect_uri", uri);
        let answer = application.client.get(url).send().await.expect("an answer");
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"), "{policy}");
        assert!(policy.contains(&format!("form-action 'self' {target};")), "{policy}");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_a_minute_and_for_its_own_request() {
    let application = Application::at(Side::Pax8).await;
    for (name, value, expected) in [
        ("redirect_uri", REGISTERED, (400, "invalid_grant")),
        ("code_verifier", "another-verifier-which-is-long-enough-as-well-0123", (400, "invalid_grant")),
        ("code_verifier", "short", (400, "invalid_request")),
        ("code_verifier", "", (400, "invalid_request")),
        ("code", "made-up", (400, "invalid_grant")),
        ("code", "", (400, "invalid_request")),
        ("grant_type", "password", (400, "unsupported_grant_type")),
        ("grant_type", "", (400, "invalid_request")),
        ("client_id", credentials::PSA_APP_CLIENT_ID, (401, "invalid_client")),
        ("client_secret", "wrong", (401, "invalid_client")),
        ("client_secret", "", (401, "invalid_client")),
    ] {
        let mut form = application.exchange(&application.code(credentials::PARTNER_USER).await);
        form.insert(name, value.to_owned());
        assert_eq!(error(&application.ask(&form).await), expected, "{name} = `{value}`");
    }

    let form = application.exchange(&application.code(credentials::PARTNER_USER).await);
    application.clock.advance(TimeDelta::seconds(60));
    assert_eq!(error(&application.ask(&form).await), (400, "invalid_grant"), "it is too late");

    let form = application.exchange(&application.code(credentials::PARTNER_USER).await);
    application.clock.advance(TimeDelta::seconds(59));
    let (status, tokens) = application.ask(&form).await;
    assert_eq!((status, application.read("/companies", &tokens).await.0), (200, 200));
    assert_eq!(error(&application.ask(&form).await), (400, "invalid_grant"), "it was used");
    assert_eq!(application.read("/companies", &tokens).await.0, 401, "what it gave is revoked");
    let refreshed = application.ask(&application.refreshing(&tokens["refresh_token"])).await;
    assert_eq!(error(&refreshed), (400, "invalid_grant"));
    assert_eq!(application.counts().await["pax8"]["reuse_detected"], 1);
}

#[tokio::test]
async fn a_failed_exchange_uses_the_code_up() {
    let application = Application::at(Side::Pax8).await;
    let form = application.exchange(&application.code(credentials::PARTNER_USER).await);
    let mut wrong = form.clone();
    wrong.insert("code_verifier", "another-verifier-which-is-long-enough-as-well-0123".to_owned());
    assert_eq!(error(&application.ask(&wrong).await), (400, "invalid_grant"));
    assert_eq!(error(&application.ask(&form).await), (400, "invalid_grant"));
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_second_use_ends_the_family() {
    let application = Application::at(Side::Psa).await;
    let path = "/billing/api/v1/customers";
    let first = application.tokens(credentials::PARTNER_USER).await;
    let other = application.tokens(credentials::PARTNER_USER).await;
    let (status, second) = application.ask(&application.refreshing(&first["refresh_token"])).await;
    assert_eq!(status, 200);
    assert!(first["refresh_token"] != second["refresh_token"] && first["access_token"] != second["access_token"]);
    let (status, third) = application.ask(&application.refreshing(&second["refresh_token"])).await;
    assert_eq!(status, 200);
    for tokens in [&first, &second, &third] {
        assert_eq!(application.read(path, tokens).await.0, 200);
    }
    let reused = application.ask(&application.refreshing(&first["refresh_token"])).await;
    assert_eq!(error(&reused), (400, "invalid_grant"));
    for tokens in [&first, &second, &third] {
        assert_eq!(application.read(path, tokens).await.0, 401, "the whole family ended");
    }
    let newest = application.ask(&application.refreshing(&third["refresh_token"])).await;
    assert_eq!(error(&newest), (400, "invalid_grant"));
    assert_eq!(application.read(path, &other).await.0, 200, "another grant is untouched");
    let expected = json!({
        "client_credentials": 0, "api_key_exchange": 0, "authorization_code": 2, "refresh_token": 4,
        "refused": 2, "revocation": 0, "reuse_detected": 1,
    });
    assert_eq!(application.counts().await["psa"], expected);
}

#[tokio::test]
async fn refresh_tokens_end_ninety_days_after_the_consent() {
    let application = Application::at(Side::Pax8).await;
    let first = application.tokens(credentials::PARTNER_USER).await;
    application.clock.advance(TimeDelta::days(89));
    let (status, second) = application.ask(&application.refreshing(&first["refresh_token"])).await;
    assert_eq!(status, 200, "{second}");
    application.clock.advance(TimeDelta::days(1));
    let late = application.ask(&application.refreshing(&second["refresh_token"])).await;
    assert_eq!(error(&late), (400, "invalid_grant"));
}

#[tokio::test]
async fn scopes_decide_what_there_is() {
    let application = Application::at(Side::Pax8).await;
    let address = application.address_with("scope", "Manage:Pax8Data openid");
    let code = answer(&consent(&address, credentials::PARTNER_USER, Choice::Accept).await)["code"].clone();
    let (_, tokens) = application.ask(&application.exchange(&code)).await;
    assert_eq!(tokens["scope"], "Manage:Pax8Data openid");
    assert!(tokens.get("refresh_token").is_none(), "without offline_access there is none");
    assert_eq!(application.read("/companies", &tokens).await.0, 200);

    let address = application.address_with("scope", "openid offline_access");
    let code = answer(&consent(&address, credentials::PARTNER_USER, Choice::Accept).await)["code"].clone();
    let (_, tokens) = application.ask(&application.exchange(&code)).await;
    let (status, body) = application.read("/companies", &tokens).await;
    assert_eq!((status, &body["type"]), (403, &json!("FORBIDDEN")));
    let mut form = application.refreshing(&tokens["refresh_token"]);
    form.insert("scope", "Manage:Pax8Data".to_owned());
    assert_eq!(error(&application.ask(&form).await), (400, "invalid_scope"));
    form.insert("scope", "openid".to_owned());
    let (status, narrowed) = application.ask(&form).await;
    assert_eq!((status, &narrowed["scope"]), (200, &json!("openid")), "the refusal did not use it up");
    assert_eq!(
        application.ask(&application.refreshing(&narrowed["refresh_token"])).await.1["scope"],
        "openid offline_access"
    );
}

#[tokio::test]
async fn a_vendor_and_a_reader_see_less() {
    let application = Application::at(Side::Pax8).await;
    let vendor = application.tokens(credentials::VENDOR_USER).await;
    for path in ["/companies", "/products", "/subscriptions", "/invoices"] {
        let (status, body) = application.read(path, &vendor).await;
        let expected = json!({
            "type": "FORBIDDEN", "message": "Access denied for this account type",
            "instance": format!("/public/v1{path}"), "status": 403, "details": [],
        });
        assert_eq!((status, body), (403, expected));
    }
    let reader = application.tokens(credentials::READER_USER).await;
    for path in ["/companies", "/products", "/subscriptions"] {
        assert_eq!(application.read(path, &reader).await.0, 200, "{path}");
    }
    for path in ["/invoices", "/invoices/draftItems"] {
        let (status, body) = application.read(path, &reader).await;
        assert_eq!((status, &body["type"]), (403, &json!("FORBIDDEN")), "{path}");
    }
    let (_, refreshed) = application.ask(&application.refreshing(&reader["refresh_token"])).await;
    assert_eq!(application.read("/invoices", &refreshed).await.0, 403);

    let psa = Application::at(Side::Psa).await;
    let vendor = psa.tokens(credentials::VENDOR_USER).await;
    let (status, body) = psa.read("/billing/api/v1/customers", &vendor).await;
    assert_eq!((status, body), (403, json!({ "message": "Access denied for this account type" })));
    let reader = psa.tokens(credentials::READER_USER).await;
    assert_eq!(psa.read("/billing/api/v1/customers", &reader).await.0, 200);
    assert_eq!(psa.read("/billing/api/v1/contacts", &reader).await.0, 403);
}

#[tokio::test]
async fn clients_authenticate_in_one_way() {
    let application = Application::at(Side::Pax8).await;
    let url = application.sandbox.oauth_token_url(Side::Pax8);
    let (id, secret) = (application.client_id(), application.client_secret());
    let mut form = application.exchange(&application.code(credentials::PARTNER_USER).await);
    let both = posted(&application.client, &url, &form).basic_auth(id, Some(secret));
    assert_eq!(error(&outcome(both).await), (400, "invalid_request"));
    form.remove("client_secret");
    let wrong = posted(&application.client, &url, &form).basic_auth(id, Some("wrong")).send().await;
    let wrong = wrong.expect("an answer");
    assert!(wrong.status() == StatusCode::UNAUTHORIZED && wrong.headers().contains_key("www-authenticate"));
    let other = posted(&application.client, &url, &form).basic_auth("other", Some(secret));
    assert_eq!(error(&outcome(other).await), (401, "invalid_client"));
    // In the header, id and secret are written as in a form.
    let encoded = id.replace('-', "%2D");
    let right = posted(&application.client, &url, &form).basic_auth(encoded, Some(secret));
    assert_eq!(outcome(right).await.0, 200);

    let as_json = application.client.post(&url).json(&json!({ "grant_type": "refresh_token" }));
    assert_eq!(error(&outcome(as_json).await), (400, "invalid_request"));
    assert_eq!(application.client.get(&url).send().await.expect("an answer").status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn revoking_either_token_ends_both() {
    let application = Application::at(Side::Pax8).await;
    for name in ["refresh_token", "access_token"] {
        let tokens = application.tokens(credentials::PARTNER_USER).await;
        let other = application.tokens(credentials::PARTNER_USER).await;
        assert_eq!(application.revoke(&tokens[name]).await, 200);
        assert_eq!(application.read("/companies", &tokens).await.0, 401);
        let refreshed = application.ask(&application.refreshing(&tokens["refresh_token"])).await;
        assert_eq!(error(&refreshed), (400, "invalid_grant"));
        assert_eq!(application.read("/companies", &other).await.0, 200);
        assert_eq!(application.revoke(&tokens[name]).await, 200, "again");
    }
    assert_eq!(application.revoke(&json!("unknown")).await, 200);
    let form = Parameters::from([("token", "x".to_owned())]);
    let url = application.sandbox.oauth_revocation_url(Side::Pax8);
    assert_eq!(error(&outcome(posted(&application.client, &url, &form)).await), (401, "invalid_client"));
    let nothing = posted(&application.client, &url, &Parameters::new());
    let nothing = nothing.basic_auth(application.client_id(), Some(application.client_secret()));
    assert_eq!(error(&outcome(nothing).await), (400, "invalid_request"));
    let counts = application.counts().await;
    assert_eq!((&counts["pax8"]["revocation"], &counts["pax8"]["reuse_detected"]), (&json!(7), &json!(0)));
}

#[tokio::test]
async fn the_controls_end_grants_and_tokens() {
    let application = Application::at(Side::Pax8).await;
    let body = json!({
        "client_id": credentials::PAX8_CLIENT_ID, "client_secret": credentials::PAX8_CLIENT_SECRET,
        "audience": credentials::PAX8_AUDIENCE, "grant_type": "client_credentials",
    });
    let own = outcome(application.client.post(application.sandbox.pax8_token_url()).json(&body)).await.1;
    for (control, of_credentials) in [("grants", 200), ("tokens", 401)] {
        let tokens = application.tokens(credentials::PARTNER_USER).await;
        let code = application.code(credentials::PARTNER_USER).await;
        application.control(control).await;
        assert_eq!(application.read("/companies", &tokens).await.0, 401);
        let refreshed = application.ask(&application.refreshing(&tokens["refresh_token"])).await;
        assert_eq!(error(&refreshed), (400, "invalid_grant"));
        assert_eq!(error(&application.ask(&application.exchange(&code)).await), (400, "invalid_grant"));
        assert_eq!(application.read("/companies", &own).await.0, of_credentials);
    }
    assert_eq!(application.counts().await["pax8"]["client_credentials"], 1);
}

#[tokio::test]
async fn faults_and_budgets_reach_the_login_too() {
    let application = Application::at(Side::Pax8).await;
    let tokens = application.tokens(credentials::PARTNER_USER).await;
    let url = format!("{}/sandbox/faults", application.sandbox.origin());
    for (fault, expected) in [
        (json!({ "path": "/oauth/pax8/token", "status": 503 }), (503, "temporarily_unavailable")),
        (json!({ "path": "/oauth/pax8/token", "status": 500 }), (500, "server_error")),
        (json!({ "path": "/oauth/pax8/token", "status": 429, "retry_after": 3 }), (429, "too_many_requests")),
    ] {
        outcome(application.client.post(&url).json(&fault)).await;
        assert_eq!(error(&application.ask(&application.refreshing(&tokens["refresh_token"])).await), expected);
    }
    let (status, _) = application.ask(&application.refreshing(&tokens["refresh_token"])).await;
    assert_eq!(status, 200, "no fault used the token up");
}

#[tokio::test]
async fn the_servers_describe_themselves() {
    let application = Application::at(Side::Psa).await;
    let sandbox = &application.sandbox;
    let issuer = sandbox.oauth_issuer(Side::Psa);
    assert_eq!(issuer, format!("{}/oauth/psa", sandbox.origin()));
    for url in [
        format!("{issuer}/.well-known/oauth-authorization-server"),
        format!("{}/.well-known/oauth-authorization-server/oauth/psa", sandbox.origin()),
    ] {
        let (status, document) = outcome(application.client.get(url)).await;
        assert_eq!(status, 200);
        assert_eq!(document["issuer"], issuer);
        assert_eq!(document["authorization_endpoint"], sandbox.oauth_authorize_url(Side::Psa));
        assert_eq!(document["token_endpoint"], sandbox.oauth_token_url(Side::Psa));
        assert_eq!(document["revocation_endpoint"], sandbox.oauth_revocation_url(Side::Psa));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    }
}
