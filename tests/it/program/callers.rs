//! Who is let in, and for how long: API tokens made and revoked by mutation, and tokens of an issuer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use concord::app::{App, SiteSettings};
use concord::environment::{Clock, FixedClock, SystemClock};
use concord::http::{AllowedOrigins, Limits};
use concord::secret::SystemRandom;
use concord::service::access::CreateToken;
use concord::service::user::{IssuerSettings, Membership};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::command::{self, Said, concord};
use super::harness::{self, Client, app, codes, count_rows, each_database, global_id};
use super::issuer::{AUDIENCE, Issuer, Key, signed, unsigned};
use crate::postgres;

/// What happens at once happens long before this; the next look at open streams is half a minute away.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A server over a database, which may have others.
pub struct Server {
    pub app: App,
    pub address: SocketAddr,
    _stop: DropGuard,
}

impl Server {
    async fn start(url: &str) -> Self {
        Self::of(app(url, Arc::new(SystemClock)).await).await
    }

    async fn trusting(url: &str, clock: Arc<dyn Clock>, issuer: IssuerSettings) -> Self {
        Self::of(app(url, clock).await.trusting(issuer).expect("a good issuer")).await
    }

    pub async fn of(app: App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let site = SiteSettings { limits: Limits::default(), origins: AllowedOrigins::new(Vec::new()), page: None };
        let stop = CancellationToken::new();
        tokio::spawn(concord::http::serve(listener, app.router(site, stop.clone()), stop.clone()));
        Self { app, address, _stop: stop.drop_guard() }
    }

    pub async fn token(&self, organization: &str, roles: &str, lifetime: Option<TimeDelta>) -> String {
        let (roles, name) = (roles.parse().expect("good roles"), format!("{roles} of {organization}"));
        let command = CreateToken { organization: organization.to_owned(), name, roles, lifetime };
        self.app.access.create_token(&SystemRandom, command).await.expect("a token").expose().to_owned()
    }

    pub fn client(&self, token: &str) -> Client {
        Client::new(self.address, token.to_owned())
    }

    /// An event stream that stays open.
    async fn events(&self, token: &str, account: &Value) -> reqwest::Response {
        let document = "subscription($id: ID!) { providerAccountChanged(providerAccountId: $id) { status } }";
        let body = json!({ "query": document, "variables": { "id": account } });
        let request = harness::http().post(format!("http://{}/graphql", self.address)).bearer_auth(token);
        request.header("Accept", "text/event-stream").json(&body).send().await.expect("the server answers")
    }
}

/// The rest of an event stream, which has to end.
async fn rest(stream: reqwest::Response) -> String {
    tokio::time::timeout(AT_ONCE, stream.text()).await.expect("the stream ends at once").expect("a text")
}

async fn closed(socket: &mut harness::Subscription) -> (u16, String) {
    tokio::time::timeout(AT_ONCE, socket.closed()).await.expect("the socket closes at once")
}

#[tokio::test]
async fn an_administrator_makes_and_revokes_tokens() {
    for database in each_database().await {
        let server = Server::start(&database.url).await;
        let admin = server.client(&server.token("default", "admin", None).await);
        let selection = "secret apiToken { id name prefix roles createdBy createdAt expiresAt lastUsedAt revokedAt }";
        for (input, field, code) in [
            (json!({ "name": " ", "roles": ["VIEWER"] }), "name", "INVALID_INPUT"),
            (json!({ "name": "é".repeat(201), "roles": ["VIEWER"] }), "name", "INVALID_INPUT"),
            (json!({ "name": "concord ", "roles": ["VIEWER"] }), "name", "INVALID_INPUT"),
            (json!({ "name": "portal", "roles": [] }), "roles", "INVALID_INPUT"),
            (json!({ "name": "portal", "roles": ["VIEWER"], "expiresInDays": 0 }), "expiresInDays", "INVALID_INPUT"),
            (json!({ "name": "portal", "roles": ["VIEWER"], "expiresInDays": 3651 }), "expiresInDays", "INVALID_INPUT"),
        ] {
            let payload = admin.change("apiTokenCreate", selection, input.clone()).await;
            assert_eq!(codes(&payload), [code], "{input}");
            assert_eq!(payload["userErrors"][0]["field"], json!(["input", field]), "{input}");
            assert_eq!((&payload["secret"], &payload["apiToken"]), (&Value::Null, &Value::Null));
        }
        let input = json!({ "name": " portal ", "roles": ["FINANCE", "OPERATOR"], "expiresInDays": 90 });
        let made = admin.done("apiTokenCreate", selection, input).await;
        let (secret, token) = (made["secret"].as_str().expect("a secret"), &made["apiToken"]);
        assert_eq!((&token["name"], &token["roles"]), (&json!("portal"), &json!(["OPERATOR", "FINANCE"])));
        assert_eq!((&token["createdBy"], &token["revokedAt"]), (&json!("admin of default"), &Value::Null));
        assert!(secret.starts_with(token["prefix"].as_str().expect("a prefix")) && secret.len() == 57);
        let moment = |field: &str| token[field].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        assert_eq!(
            moment("expiresAt").zip(moment("createdAt")).map(|(end, start)| end - start),
            Some(TimeDelta::days(90))
        );
        let viewer = server.client(secret).ask("{ viewer { displayName roles } }", json!({})).await;
        assert_eq!(viewer["viewer"], json!({ "displayName": "portal", "roles": ["OPERATOR", "FINANCE"] }));

        let list = "query($id: ID!) { apiTokens(first: 1) { totalCount nodes { name } }
            node(id: $id) { ... on ApiToken { name } } auditEvents { nodes { action after } } }";
        let (_, refused) = server.client(secret).send(list, json!({ "id": token["id"] })).await;
        for field in ["apiTokens", "node"] {
            assert_eq!(harness::error_at(&refused, &json!([field]))["extensions"]["code"], "FORBIDDEN", "{field}");
        }
        let seen = admin.ask(list, json!({ "id": token["id"] })).await;
        assert_eq!(seen["apiTokens"], json!({ "totalCount": 2, "nodes": [{ "name": "portal" }] }));
        assert_eq!(seen["node"]["name"], "portal");

        // Another organization's administrator sees nothing of it.
        let stranger = server.client(&server.token("Other", "admin", None).await);
        let foreign = stranger.change("apiTokenRevoke", "apiToken { id }", json!({ "apiTokenId": token["id"] })).await;
        assert_eq!(codes(&foreign), ["NOT_FOUND"]);
        let revoke = json!({ "apiTokenId": token["id"] });
        let first = admin.done("apiTokenRevoke", "apiToken { revokedAt }", revoke.clone()).await;
        let second = admin.done("apiTokenRevoke", "apiToken { revokedAt }", revoke).await;
        assert!(first["apiToken"]["revokedAt"].is_string());
        assert_eq!(first, second, "a repetition changes nothing");
        let (status, answer) = server.client(secret).send("{ __typename }", json!({})).await;
        assert_eq!((status, answer["errors"][0]["message"].as_str().expect("why").contains("revoked")), (401, true));

        let events = admin.ask("{ auditEvents { nodes { action actorName before after } } }", json!({})).await;
        let text = events.to_string();
        assert!(!text.contains(secret) && !text.contains("hash"), "the audit has no secret: {text}");
        let actions: Vec<&Value> =
            events["auditEvents"]["nodes"].as_array().expect("events").iter().map(|e| &e["action"]).collect();
        assert_eq!(actions, ["token.revoke", "token.create", "token.create"]);
    }
}

#[tokio::test]
async fn a_revocation_ends_open_sockets_and_streams_at_once() {
    for database in each_database().await {
        let mut servers = vec![Server::start(&database.url).await];
        if database.url.starts_with("postgres") {
            servers.push(Server::start(&database.url).await);
        }
        let admin = servers[0].client(&servers[0].token("default", "admin", None).await);
        let integration = harness::integration(&admin, "A").await;
        let input = json!({ "name": "portal", "roles": ["VIEWER"] });
        let made = admin.done("apiTokenCreate", "secret apiToken { id }", input).await;
        let secret = made["secret"].as_str().expect("a secret");
        let mut open = Vec::new();
        for server in &servers {
            let mut stream = server.events(secret, &integration.pax8).await;
            let chunk = stream.chunk().await.expect("the stream is read").expect("the present state");
            assert!(String::from_utf8_lossy(&chunk).contains("NOT_CONNECTED"));
            open.push((server.client(secret).join().await, stream, admin_socket(server, &admin).await));
        }
        let before = Instant::now();
        admin.done("apiTokenRevoke", "apiToken { id }", json!({ "apiTokenId": made["apiToken"]["id"] })).await;
        for (mut socket, stream, mut other) in open {
            let (code, reason) = closed(&mut socket).await;
            assert_eq!((code, reason.contains("revoked")), (4403, true), "{reason}");
            let text = rest(stream).await;
            assert!(text.contains("UNAUTHENTICATED") && text.contains("event: complete"), "{text}");
            assert_eq!(other.next().await.expect("an answer")["data"]["__typename"], "Query", "others go on");
        }
        assert!(before.elapsed() < AT_ONCE);
    }
}

/// A socket of the administrator with a question asked.
async fn admin_socket(server: &Server, admin: &Client) -> harness::Subscription {
    admin.at(server.address).subscribe("{ __typename }", json!({})).await
}

#[tokio::test]
async fn a_token_ends_while_its_socket_and_its_stream_are_open() {
    let database = postgres::sqlite();
    let server = Server::start(&database.url).await;
    let admin = server.client(&server.token("default", "admin", None).await);
    let integration = harness::integration(&admin, "A").await;
    let brief = server.token("default", "viewer", Some(TimeDelta::milliseconds(2500))).await;
    let mut socket = server.client(&brief).join().await;
    let stream = server.events(&brief, &integration.pax8).await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!((code, reason.contains("expired")), (4403, true), "{reason}");
    assert!(rest(stream).await.contains("has expired"));
}

#[tokio::test]
async fn tokens_are_listed_and_revoked_at_the_command_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = format!("sqlite://{}/concord.db", folder.path().display());
    let run = async |arguments: &[&str]| command::run(&database, &[&["token"], arguments].concat()).await;
    let made = run(&["create", "--role", "viewer", "--name", "portal"]).await;
    let secret = made.text.trim().to_owned();
    run(&["create", "--role", "viewer", "--name", "Concord"]).await.check(1, &["Choose a different one"]);
    let listed = run(&["list"]).await.text;
    let line = listed.lines().nth(1).expect("a token");
    assert!(line.contains("  works     never             VIEWER  portal"), "{listed}");
    assert!(!listed.contains(&secret) && line.contains(&secret[..16]), "{listed}");
    run(&["list", "--organization", "Acme"]).await.check(1, &["There is no organization `Acme`"]);
    run(&["revoke", "concord_nobody12"]).await.check(1, &["No working token"]);
    let server = Server::start(&database).await;
    assert_eq!(server.client(&secret).send("{ __typename }", json!({})).await.0, 200);
    run(&["revoke", &secret[..16]]).await.check(0, &["is revoked"]);
    assert_eq!(server.client(&secret).send("{ __typename }", json!({})).await.0, 401, "also in a running server");
    let listed = run(&["list"]).await.text;
    assert!(listed.lines().nth(1).expect("a token").contains("  revoked   "), "{listed}");
}

/// A clock that a test moves, at the present.
fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(SystemClock.now()))
}

/// Claims of a good token, with others in their place.
fn claims(issuer: &Issuer, clock: &FixedClock, but: Value) -> Value {
    let mut claims = json!({
        "iss": issuer.name(), "aud": AUDIENCE, "sub": "s-1", "name": "Ada", "roles": ["admin"],
        "exp": clock.now().timestamp() + 300,
    });
    for (name, value) in but.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    claims
}

/// What the server says to a token, the same on every way in.
async fn said(server: &Server, token: &str) -> (u16, String) {
    let client = server.client(token);
    let (status, answer) = client.send("{ __typename }", json!({})).await;
    let message = answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(!message.contains(token), "a token is never shown: {message}");
    for accept in ["application/json", "text/event-stream"] {
        let url = format!("http://{}/graphql?query=%7B__typename%7D", server.address);
        let answer =
            harness::http().get(url).header("Accept", accept).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "GET, {accept}");
        let text = answer.text().await.expect("a text");
        assert!(text.contains(&message), "GET, {accept}: {text}");
    }
    match status {
        200 => drop(client.join().await),
        503 => assert_eq!(client.refused_socket().await.0, 1013),
        _ => {
            let (code, reason) = client.refused_socket().await;
            assert!(code == 4403 && message.starts_with(&reason), "{code} {reason}");
        }
    }
    (status, message)
}

#[tokio::test]
async fn a_token_of_the_issuer_is_as_good_as_one_of_ours() {
    for database in each_database().await {
        let (clock, keys) = (clock(), [Key::elliptic("ec"), Key::rsa("rsa")]);
        let issuer = Issuer::start(&keys).await;
        let server = Server::trusting(&database.url, clock.clone(), issuer.settings()).await;
        for key in &keys {
            let good = key.sign(&claims(&issuer, &clock, json!({})));
            assert_eq!(said(&server, &good).await, (200, String::new()), "{}", key.id);
        }
        assert_eq!(issuer.fetches().await, (1, 1), "the keys are kept");
        let user = server.client(&keys[0].sign(&claims(&issuer, &clock, json!({ "roles": "operator other" }))));
        let seen = user.ask("{ viewer { displayName roles } }", json!({})).await;
        assert_eq!(seen["viewer"], json!({ "displayName": "Ada", "roles": ["OPERATOR"] }));
        let nobody = server.client(&keys[0].sign(&claims(&issuer, &clock, json!({ "roles": ["owner"] }))));
        let (_, refused) = nobody.send("{ apiTokens { totalCount } }", json!({})).await;
        assert!(
            refused["errors"][0]["message"].as_str().expect("why").contains("the user `Ada` has no role"),
            "{refused}"
        );

        // What a user does is remembered under who they are, whatever they are called.
        let admin = server.client(&keys[0].sign(&claims(&issuer, &clock, json!({ "name": "Concord" }))));
        harness::integration(&admin, "A").await;
        let sql = format!(
            "SELECT COUNT(*) AS count FROM audit_event WHERE actor_kind = 'USER' AND actor_id = '{} s-1' \
             AND actor_name = 's-1' AND action = 'integration.create'",
            issuer.name()
        );
        assert_eq!(count_rows(&database.url, &sql).await, 1);
        // API tokens go on working beside it.
        assert_eq!(said(&server, &server.token("default", "viewer", None).await).await.0, 200);
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_with_the_reason() {
    let (database, clock, keys) = (postgres::sqlite(), clock(), [Key::elliptic("ec"), Key::rsa("rsa")]);
    let issuer = Issuer::start(&keys).await;
    let server = Server::trusting(&database.url, clock.clone(), issuer.settings()).await;
    let now = clock.now().timestamp();
    for (but, reason) in [
        (json!({ "exp": now - 61 }), "has expired"),
        (json!({ "nbf": now + 120 }), "it is not valid yet"),
        (json!({ "aud": "other" }), "it is meant for another audience"),
        (json!({ "iss": "https://login.example" }), "it is of another issuer"),
        (json!({ "sub": "" }), "whose it is"),
        (json!({ "nonce": "n-1" }), "it is an ID token"),
        (json!({ "at_hash": "h" }), "it is an ID token"),
        (json!({ "filler": "x".repeat(17_000) }), "longer than 16384 bytes"),
    ] {
        let (status, message) = said(&server, &keys[0].sign(&claims(&issuer, &clock, but.clone()))).await;
        assert_eq!((status, message.contains(reason)), (401, true), "{but}: {message}");
    }
    let admin = claims(&issuer, &clock, json!({}));
    let secret = EncodingKey::from_secret(keys[1].public()["n"].as_str().expect("a modulus").as_bytes());
    let confused = signed(&json!({ "alg": "HS256", "kid": "rsa" }), &admin, Algorithm::HS256, &secret);
    let none = format!("{}.", unsigned(&json!({ "alg": "none" }), &admin));
    let crossed = signed(&json!({ "alg": "RS256", "kid": "ec" }), &admin, Algorithm::HS256, &secret);
    let forged = Key::another_rsa("rsa").sign(&admin);
    let critical = signed(&json!({ "alg": "HS256", "kid": "rsa", "crit": ["x"] }), &admin, Algorithm::HS256, &secret);
    for (token, reason) in [
        (confused, "algorithm"),
        (none, "algorithm"),
        (crossed, "a key that the issuer does not publish"),
        (forged, "its signature is wrong"),
        (critical, "crit"),
        ("not.a.token".to_owned(), "cannot be read"),
        ("nonsense".to_owned(), "cannot be read"),
    ] {
        let (status, message) = said(&server, &token).await;
        assert_eq!((status, message.contains(reason)), (401, true), "{message}");
    }
    let (status, message) = said(&server, "concord_nonsense").await;
    assert_eq!((status, message.contains("not known")), (401, true), "{message}");
}

#[tokio::test]
async fn new_keys_are_found_and_strangers_cannot_make_us_ask_for_them() {
    let (database, clock) = (postgres::sqlite(), clock());
    let (old, new) = (Key::elliptic("old"), Key::rsa("new"));
    let issuer = Issuer::start(std::slice::from_ref(&old)).await;
    let server = Arc::new(Server::trusting(&database.url, clock.clone(), issuer.settings()).await);
    let (old_token, new_token) =
        (old.sign(&claims(&issuer, &clock, json!({}))), new.sign(&claims(&issuer, &clock, json!({}))));
    assert_eq!(said(&server, &old_token).await.0, 200);
    // The keys are half a minute old: each unknown one could be new, and one question answers for all.
    let (status, message) = said(&server, &new_token).await;
    assert_eq!((status, message.contains("does not publish")), (401, true), "{message}");
    assert_eq!(issuer.fetches().await, (1, 1), "they were fetched just now");
    clock.advance(TimeDelta::seconds(31));
    issuer.publish(Some(&[old.clone(), new.clone()]));
    let storm: Vec<_> = (0..20)
        .map(|_| {
            let (server, token) = (Arc::clone(&server), new_token.clone());
            tokio::spawn(async move { server.client(&token).send("{ __typename }", json!({})).await.0 })
        })
        .collect();
    for answer in storm {
        assert_eq!(answer.await.expect("an answer"), 200);
    }
    assert_eq!(issuer.fetches().await, (2, 2));
    let stranger = Key::another_rsa("nobody").sign(&claims(&issuer, &clock, json!({})));
    for _ in 0..3 {
        assert_eq!(said(&server, &stranger).await.0, 401);
    }
    assert_eq!(issuer.fetches().await, (2, 2));
    clock.advance(TimeDelta::seconds(31));
    assert_eq!(said(&server, &stranger).await.0, 401);
    assert_eq!(issuer.fetches().await, (3, 3), "once in half a minute");

    // After an hour they are fetched again, and a key that was taken back is good no longer.
    issuer.publish(Some(std::slice::from_ref(&new)));
    clock.advance(TimeDelta::minutes(61));
    let later = |key: &Key| key.sign(&claims(&issuer, &clock, json!({})));
    assert_eq!(said(&server, &later(&old)).await.0, 401);
    assert_eq!(said(&server, &later(&new)).await.0, 200);
    assert_eq!(issuer.fetches().await, (4, 4));
    // While the issuer is away its keys go on being used.
    issuer.publish(None);
    clock.advance(TimeDelta::minutes(61));
    assert_eq!(said(&server, &later(&new)).await.0, 200);
    assert_eq!(issuer.fetches().await, (4, 5));
    let (status, message) = said(&server, &later(&old)).await;
    assert_eq!((status, message.contains("right now")), (503, true), "nobody can say: {message}");
}

#[tokio::test]
async fn keys_are_not_used_for_more_than_a_day_without_the_issuer() {
    let (database, clock, key) = (postgres::sqlite(), clock(), Key::elliptic("ec"));
    let issuer = Issuer::start(std::slice::from_ref(&key)).await;
    let server = Server::trusting(&database.url, clock.clone(), issuer.settings()).await;
    let token = || key.sign(&claims(&issuer, &clock, json!({})));
    assert_eq!(said(&server, &token()).await.0, 200);
    issuer.publish(None);
    clock.advance(TimeDelta::minutes(23 * 60 + 59));
    assert_eq!(said(&server, &token()).await.0, 200);
    clock.advance(TimeDelta::minutes(2));
    let (status, message) = said(&server, &token()).await;
    assert_eq!((status, message.contains("right now")), (503, true), "{message}");
    let (_, before) = issuer.fetches().await;
    assert_eq!(said(&server, &token()).await.0, 503);
    assert_eq!(issuer.fetches().await, (1, before), "nobody is asked again at once");
    issuer.publish(Some(std::slice::from_ref(&key)));
    clock.advance(TimeDelta::seconds(6));
    assert_eq!(said(&server, &token()).await.0, 200);
    // Nobody came for a day: the keys are too old at the first look too.
    issuer.publish(None);
    clock.advance(TimeDelta::hours(25));
    assert_eq!(said(&server, &token()).await.0, 503);
}

/// What `concord doctor` says of an issuer.
async fn doctor(issuer: &str, more: &[(&str, &str)]) -> Said {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = concord(&format!("sqlite://{}/concord.db", folder.path().display()), harness::SECRET_KEYS);
    command.args(["doctor", "--listen", "127.0.0.1:0"]).envs(more.iter().copied());
    command.env("CONCORD_OIDC_ISSUER", issuer).env("CONCORD_OIDC_AUDIENCE", AUDIENCE);
    Said::of(&command.output().await.expect("the program runs"))
}

#[tokio::test]
async fn the_doctor_asks_the_issuer_for_its_keys() {
    let issuer = Issuer::start(&[Key::elliptic("ec"), Key::rsa("one"), Key::another_rsa("two")]).await;
    let name = issuer.name();
    let expected =
        format!("ok       The issuer `{name}` answers, and 3 of its keys can be used: 2 for RS256, 1 for ES256.");
    doctor(&name, &[]).await.check(0, &[&expected]);
    doctor(&name, &[("CONCORD_OIDC_ALGORITHMS", "EdDSA")]).await.check(1, &["none of its keys can be used with EdDSA"]);
    doctor(&format!("{name}/"), &[]).await.check(1, &[&format!("discovery document is that of the issuer `{name}`")]);
    issuer.publish(None);
    doctor(&name, &[]).await.check(1, &[&format!("error    The keys of the issuer `{name}` cannot be fetched")]);
}

#[tokio::test]
async fn without_keys_nobody_can_say_and_nobody_learns_why() {
    let (database, clock, key) = (postgres::sqlite(), clock(), Key::elliptic("ec"));
    let issuer = Issuer::start(std::slice::from_ref(&key)).await;
    issuer.publish(None);
    let server = Server::trusting(&database.url, clock.clone(), issuer.settings()).await;
    let token = key.sign(&claims(&issuer, &clock, json!({})));
    let (status, message) = said(&server, &token).await;
    assert_eq!(status, 503);
    assert!(!message.contains("issuer") && !message.contains(&issuer.name()), "{message}");
    assert_eq!(issuer.fetches().await, (0, 1), "several callers, one question");
    issuer.publish(Some(std::slice::from_ref(&key)));
    clock.advance(TimeDelta::seconds(6));
    assert_eq!(said(&server, &token).await.0, 200);

    // An issuer under another name than the settings have is another issuer.
    let mut settings = issuer.settings();
    settings.expectation.issuer.push('/');
    let other = Server::trusting(&database.url, clock.clone(), settings).await;
    let slash = json!({ "iss": format!("{}/", issuer.name()) });
    assert_eq!(said(&other, &key.sign(&claims(&issuer, &clock, slash))).await.0, 503);
}

#[tokio::test]
async fn users_belong_to_organizations_that_are_there() {
    let (database, clock, key) = (postgres::sqlite(), clock(), Key::elliptic("ec"));
    let issuer = Issuer::start(std::slice::from_ref(&key)).await;
    let settings = IssuerSettings {
        membership: Membership::Claim("app.organization".to_owned()),
        roles_claim: "realm_access.roles".to_owned(),
        ..issuer.settings()
    };
    let server = Server::trusting(&database.url, clock.clone(), settings).await;
    let user = |organization: Value| {
        let but = json!({ "app": { "organization": organization }, "realm_access": { "roles": ["admin"] } });
        key.sign(&claims(&issuer, &clock, but))
    };
    for (organization, reason) in
        [(json!("Acme"), "does not have"), (json!(null), "names no organization"), (json!(["Acme"]), "names no")]
    {
        let (status, message) = said(&server, &user(organization)).await;
        assert_eq!((status, message.contains(reason)), (401, true), "{message}");
    }
    let sql = "SELECT COUNT(*) AS count FROM organization";
    assert_eq!(count_rows(&database.url, sql).await, 0, "a stranger makes no organization");
    for name in ["Acme", "Other"] {
        server.token(name, "viewer", None).await;
    }
    let (acme, other) = (server.client(&user(json!("Acme"))), server.client(&user(json!("Other"))));
    let integration = harness::integration(&acme, "A").await;
    let document = "query($id: ID!) { integration(id: $id) { name } integrations { totalCount } }";
    let seen = acme.ask(document, json!({ "id": integration.id })).await;
    assert_eq!(seen, json!({ "integration": { "name": "A" }, "integrations": { "totalCount": 1 } }));
    let seen = other.ask(document, json!({ "id": integration.id })).await;
    assert_eq!(seen, json!({ "integration": null, "integrations": { "totalCount": 0 } }));
    let unknown = global_id("integration", "01890000-0000-7000-8000-000000000000");
    assert_eq!(seen["integration"], other.ask(document, json!({ "id": unknown })).await["integration"]);
}

#[tokio::test]
async fn an_open_socket_ends_with_the_token_of_the_issuer() {
    let (database, key) = (postgres::sqlite(), Key::elliptic("ec"));
    let issuer = Issuer::start(std::slice::from_ref(&key)).await;
    let server = Server::trusting(&database.url, Arc::new(SystemClock), issuer.settings()).await;
    let account = {
        let admin = server.client(&server.token("default", "admin", None).await);
        harness::integration(&admin, "A").await.pax8
    };
    // Within the leeway of a minute for clocks that differ, of which four seconds are left.
    let now = clock();
    let token = key.sign(&claims(&issuer, &now, json!({ "exp": now.now().timestamp() - 56 })));
    let mut socket = server.client(&token).join().await;
    let stream = server.events(&token, &account).await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!((code, reason.contains("expired")), (4403, true), "{reason}");
    assert!(rest(stream).await.contains("has expired"));
    assert_eq!(said(&server, &token).await.0, 401);
}
