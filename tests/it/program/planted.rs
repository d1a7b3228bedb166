//! Secrets that are easy to recognize go through a whole run of the program as it is shipped, in good and in bad ways; then
//! everything that came out of it is searched for them, however they may be written.
//!
//! Between the program and the sandbox stands a gateway. It turns the planted secrets into those that the sandbox knows,
//! or repeats whatever it was given inside answers that no connector expects.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use concord::sandbox::{RunningSandbox, credentials};
use concord::service::secrets::PLACES;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Child;

use super::command::{concord, run_with};
use super::harness::{self, Client, each_database, tiny_world};

const CLIENT_SECRET: &str = "Planted/client \"secret\"+50%=&x";
const API_KEY: &str = "Planted\\api\"key/+=%20&y";
const SUBSCRIPTION_KEY: &str = "Planted-subscription-key-of-billing";
const BILLING_PASSWORD: &str = "Planted:billing\"password\\&1+/";
const SUBSCRIPTION_LIKE: &str = "PlantedHeaderValue-7";
const KEY: &str = "UGxhbnRlZC1rZXktb2YtdGhlLXRlc3QtLTMyLWJ5dGU=";
const KEY_BYTES: &str = "Planted-key-of-the-test--32-byte";
const DATABASE_PASSWORD: &str = "Planted%2Fdatabase%2Bpassword";
const DATABASE_PASSWORD_DECODED: &str = "Planted/database+password";

/// How the gateway answers.
const FORWARDS: usize = 0;
/// Bad ways, each with a status and a kind of body.
const BAD: [(usize, u16); 6] = [(1, 401), (2, 400), (3, 200), (4, 500), (5, 403), (6, 200)];

struct Gateway {
    origin: String,
    /// Where it listens itself.
    address: SocketAddr,
    mode: AtomicUsize,
    http: reqwest::Client,
}

/// The text with the planted secrets turned into those that the sandbox knows.
fn exchanged(text: &str) -> String {
    let escaped = |secret: &str| {
        let text = json!(secret).to_string();
        text[1..text.len() - 1].to_owned()
    };
    let pairs = [
        (CLIENT_SECRET, credentials::PAX8_CLIENT_SECRET),
        (API_KEY, credentials::PSA_API_KEY),
        (BILLING_PASSWORD, credentials::BILLING_PASSWORD),
    ];
    let mut text = text.to_owned();
    for (planted, known) in pairs {
        text = text.replace(&escaped(planted), known).replace(planted, known);
    }
    text
}

async fn pass(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a request is short");
    let body = String::from_utf8(body.to_vec()).expect("a request is text");
    let mode = gateway.mode.load(Ordering::SeqCst);
    if mode != FORWARDS {
        let headers: Vec<String> =
            parts.headers.iter().map(|(name, value)| format!("{name} {}", value.to_str().unwrap_or("?"))).collect();
        let basic = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let decoded = basic.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok()).unwrap_or_default();
        let decoded = String::from_utf8_lossy(&decoded).into_owned();
        // The whole of a body is too much for some answers: what matters stands first.
        let said = ["client_secret", "api_key", "apiKey", "key"].iter().find_map(|name| {
            serde_json::from_str::<Value>(&body).ok().and_then(|body| body[name].as_str().map(str::to_owned))
        });
        let said = said.unwrap_or(decoded);
        let status = BAD.iter().find(|(bad, _)| *bad == mode).map_or(500, |(_, status)| *status);
        let answer = match mode {
            1 => json!({ "error": "invalid_client", "error_description": format!("the value {said} is not right") }).to_string(),
            2 => json!({ "message": format!("cannot use {said}"), "details": [{ "message": said }, { "message": body }] }).to_string(),
            3 => format!("<html>{said} {body} {headers:?}</html>"),
            4 => format!("{said}\n{body}\n{}", headers.join("\n")),
            5 => json!([{ "message": body, "code": said }]).to_string(),
            _ => format!("{{\"access_token\": [\"{said}\", {body:?}"),
        };
        return reply(status, "application/json", answer.into());
    }
    let url = format!("{}{}", gateway.origin, parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let mut request = gateway.http.request(parts.method.as_str().parse().expect("a method"), url);
    for (name, value) in &parts.headers {
        let mut text = value.to_str().expect("a header is text").to_owned();
        if ["host", "content-length", "accept-encoding", "connection"].contains(&name.as_str()) {
            continue;
        }
        if let Some(pair) = text.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok()) {
            text = format!("Basic {}", STANDARD.encode(exchanged(&String::from_utf8_lossy(&pair))));
        }
        request = request.header(name.as_str(), exchanged(&text));
    }
    let answer = request.body(exchanged(&body)).send().await.expect("the sandbox answers");
    let (status, kind) = (answer.status().as_u16(), answer.headers().get("content-type").cloned());
    let kind = kind.and_then(|kind| kind.to_str().ok().map(str::to_owned)).unwrap_or_default();
    reply(status, &kind, answer.bytes().await.expect("the sandbox answers whole"))
}

fn reply(status: u16, kind: &str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if !kind.is_empty() {
        response.headers_mut().insert("content-type", kind.parse().expect("a header"));
    }
    response
}

async fn gateway(sandbox: &RunningSandbox) -> Arc<Gateway> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let mode = AtomicUsize::new(FORWARDS);
    let gateway = Arc::new(Gateway { origin: sandbox.origin(), address, mode, http: harness::http() });
    let router = Router::new().fallback(pass).with_state(Arc::clone(&gateway));
    tokio::spawn(async move { axum::serve(listener, router).await });
    gateway
}

/// A secret and every way in which it may be written.
fn writings(secret: &str) -> Vec<String> {
    let escaped = |text: &str| {
        let text = json!(text).to_string();
        text[1..text.len() - 1].to_owned()
    };
    let percent = |is_allowed: fn(u8) -> bool| {
        secret
            .bytes()
            .map(|byte| if is_allowed(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
            .collect::<String>()
    };
    let strict = percent(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    let form = percent(|byte| byte.is_ascii_alphanumeric() || b"*-._ ".contains(&byte)).replace(' ', "+");
    let mut writings = vec![secret.to_owned(), escaped(secret), escaped(&escaped(secret))];
    writings.extend([strict.to_lowercase(), form.to_lowercase(), strict, form]);
    for before in 0..3 {
        let padded = [&b"xxx"[..before], secret.as_bytes()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            // Without the characters that also hold bits of a neighbor.
            writings.push(encoded[(before * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned());
        }
    }
    writings.sort();
    writings.dedup();
    writings
}

/// Everything that came out, by where it came out.
#[derive(Default)]
struct Heap(Mutex<BTreeMap<String, Vec<u8>>>);

impl Heap {
    fn add(&self, place: &str, bytes: impl AsRef<[u8]>) {
        let mut heap = self.0.lock().expect("nobody panicked here");
        let heap = heap.entry(place.to_owned()).or_default();
        heap.extend_from_slice(bytes.as_ref());
        heap.push(b'\n');
    }

    fn text(&self, place: &str) -> String {
        let heap = self.0.lock().expect("nobody panicked here");
        heap.get(place).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    /// Complains about every secret in every place.
    fn search(&self, secrets: &[(String, Vec<String>)]) {
        let mut complaints = Vec::new();
        for (place, bytes) in self.0.lock().expect("nobody panicked here").iter() {
            // Whatever is not text in it does not matter: every writing of a secret is.
            let text = String::from_utf8_lossy(bytes);
            for (name, writings) in secrets {
                let found = writings.iter().find_map(|writing| text.split_once(writing.as_str()));
                if let Some((before, _)) = found {
                    let before: String = before.chars().rev().take(200).collect();
                    complaints.push(format!("{name} in {place} after: {}", before.chars().rev().collect::<String>()));
                }
            }
        }
        assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n\n"));
    }
}

struct Server {
    child: Child,
    address: SocketAddr,
    output: PathBuf,
}

/// `concord serve` with its output in files.
async fn serve(url: &str, folder: &Path, format: &str) -> Server {
    let output = folder.join(format!("{format}.out"));
    let file = std::fs::File::create(&output).expect("the file is made");
    let mut command = concord(url, &format!("planted:{KEY}"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "debug", "--log-format", format]);
    // Also what the libraries below say.
    command.env("RUST_LOG", "debug").env_remove("CONCORD_LOG_LEVEL").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(file.try_clone().expect("a second handle")).stderr(file);
    let child = command.spawn().expect("the server starts");
    let address = loop {
        let said = std::fs::read_to_string(&output).expect("the file reads");
        let found = said.split_once("listening on http://").and_then(|(_, rest)| rest.split(',').next());
        if let Some(address) = found.and_then(|address| address.parse().ok()) {
            break address;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    Server { child, address, output }
}

/// Every row of every table as text, and the columns in which sealed values stand.
async fn rows(url: &str) -> (String, Vec<(String, String)>) {
    let connection = sea_orm::Database::connect(url).await.expect("the database opens");
    let backend = connection.get_database_backend();
    let columns = match backend {
        DbBackend::Postgres => {
            "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns \
             WHERE table_schema = 'public'"
        }
        _ => {
            "SELECT m.name AS t, p.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'"
        }
    };
    let found =
        connection.query_all_raw(Statement::from_string(backend, columns)).await.expect("the columns are known");
    let (mut text, mut sealed) = (String::new(), Vec::new());
    for row in found {
        let name = |column: &str| row.try_get::<String>("", column).expect("a name");
        let (table, column) = (name("t"), name("c"));
        let sql = format!("SELECT CAST(\"{column}\" AS TEXT) AS x FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
        for row in connection.query_all_raw(Statement::from_string(backend, sql)).await.expect("the table reads") {
            // On SQLite bytes are not always text; the file itself is searched there.
            let Ok(value) = row.try_get::<String>("", "x") else { continue };
            let parts: Vec<&str> = value.split('.').collect();
            if parts.len() == 4 && parts[0] == "v1" && parts[1] == "planted" {
                sealed.push((table.clone(), column.clone()));
            }
            text.push_str(&value);
            text.push('\n');
        }
    }
    connection.close().await.expect("the database closes");
    sealed.sort();
    sealed.dedup();
    (text, sealed)
}

/// An operation, with its answer on the heap.
async fn ask(heap: &Heap, client: &Client, document: &str, variables: Value) -> Value {
    let (_, answer) = client.send(document, variables).await;
    heap.add("GraphQL", answer.to_string());
    answer
}

fn pax8(gateway: &Gateway, account: &Value, secret: &Value) -> Value {
    json!({ "providerAccountId": account, "credentials": { "pax8": {
        "clientId": credentials::PAX8_CLIENT_ID, "clientSecret": secret,
        "baseUrl": format!("http://{}/v1", gateway.address), "tokenUrl": format!("http://{}/v1/token", gateway.address),
        "requestsPerMinute": 1000,
    } } })
}

fn psa(gateway: &Gateway, sandbox: &RunningSandbox, account: &Value, key: &Value) -> Value {
    let moved = |url: String| url.replace(&sandbox.origin(), &format!("http://{}", gateway.address));
    json!({ "providerAccountId": account, "credentials": { "revioPsa": {
        "tenant": credentials::PSA_TENANT, "apiKey": key, "baseUrl": moved(sandbox.psa_base_url()),
        "billingBaseUrl": moved(sandbox.billing_base_url()), "billingUsername": credentials::BILLING_USER,
        "billingPassword": BILLING_PASSWORD, "billingSubscriptionKey": SUBSCRIPTION_KEY, "requestsPerMinute": 500,
    } } })
}

const SET: &str = "mutation($input: ProviderCredentialsSetInput!) { providerCredentialsSet(input: $input) {
    account { id status failureMessage clientId displayName } userErrors { __typename code message field }
} }";

const VERIFY: &str = "mutation($input: ProviderAccountVerifyInput!) { providerAccountVerify(input: $input) {
    account { status failureMessage } userErrors { code message }
} }";

const OVERVIEW: &str = "{
    integration { id pax8Account { id status failureMessage clientId } psaAccount { id status failureMessage clientId }
        syncRuns { nodes { id status failureMessage issues { nodes { message } } } } }
    auditEvents(first: 100) { nodes { action before after reason actorName correlationId hash } }
} ";

/// Both sides connected in the bad ways: the provider repeats what it was given.
async fn fail(heap: &Heap, client: &Client, gateway: &Gateway, sandbox: &RunningSandbox, accounts: (&Value, &Value)) {
    // Refused before anybody is asked: not a text, and a setting that cannot be used.
    for wrong in [json!({ "x": CLIENT_SECRET }), json!([API_KEY])] {
        let _ = client.send(SET, json!({ "input": pax8(gateway, accounts.0, &wrong) })).await;
    }
    let mut refused = psa(gateway, sandbox, accounts.1, &json!(API_KEY));
    refused["credentials"]["revioPsa"]["baseUrl"] = json!("http://10.0.0.1/");
    ask(heap, client, SET, json!({ "input": refused })).await;
    for (mode, status) in BAD {
        gateway.mode.store(mode, Ordering::SeqCst);
        let (one, other) =
            (pax8(gateway, accounts.0, &json!(CLIENT_SECRET)), psa(gateway, sandbox, accounts.1, &json!(API_KEY)));
        // Together, because a server that fails is asked again after a while.
        let (one, other) = (json!({ "input": one }), json!({ "input": other }));
        tokio::join!(ask(heap, client, SET, one), ask(heap, client, SET, other));
        for account in [accounts.0, accounts.1].into_iter().filter(|_| status != 500) {
            ask(heap, client, VERIFY, json!({ "input": { "providerAccountId": account } })).await;
        }
    }
    gateway.mode.store(FORWARDS, Ordering::SeqCst);
    // What the provider said came through, all but the secret.
    assert!(heap.text("GraphQL").contains("the value [redacted] is not right"), "{}", heap.text("GraphQL"));
}

async fn go(heap: &Heap, url: &str, folder: &Path, format: &str) {
    let sandbox = harness::sandbox(&tiny_world(), Duration::ZERO).await;
    let gateway = gateway(&sandbox).await;
    let mut server = serve(url, folder, format).await;
    let key = format!("planted:{KEY}");
    let made = run_with(url, &key, &["token", "create", "--role", "admin"]).await;
    let token = made.text.trim().to_owned();
    assert!(token.starts_with("concord_"), "{token}");
    let client = Client::new(server.address, token.clone());

    let made = harness::integration(&client, "Planted").await;
    let debug = "mutation($id: ID!) { integrationSettingsUpdate(input: { integrationId: $id, debug: true }) {
        integration { settings { debug debugUntil } } userErrors { message } } }";
    ask(heap, &client, debug, json!({ "id": made.id })).await;
    fail(heap, &client, &gateway, &sandbox, (&made.pax8, &made.psa)).await;
    let inputs =
        [pax8(&gateway, &made.pax8, &json!(CLIENT_SECRET)), psa(&gateway, &sandbox, &made.psa, &json!(API_KEY))];
    for input in inputs {
        let answer = ask(heap, &client, SET, json!({ "input": input })).await;
        let account = &answer["data"]["providerCredentialsSet"]["account"];
        assert_eq!(account["status"], "CONNECTED", "{answer:#}");
    }
    // A sync in which the provider goes bad on the way, over its stream; then a good one, and a report.
    let run = harness::start_sync(&client, &made).await;
    gateway.mode.store(4, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    gateway.mode.store(1, Ordering::SeqCst);
    for event in client.sync_events(&run, None).await {
        heap.add("events", event.to_string());
    }
    gateway.mode.store(FORWARDS, Ordering::SeqCst);
    for input in
        [pax8(&gateway, &made.pax8, &json!(CLIENT_SECRET)), psa(&gateway, &sandbox, &made.psa, &json!(API_KEY))]
    {
        ask(heap, &client, SET, json!({ "input": input })).await;
    }
    let run = harness::sync(&client, &made).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    heap.add("GraphQL", run.to_string());
    let report = harness::reconciled(&client, &made).await;
    let link = "query($id: ID!, $format: ReportFormat!) {
        node(id: $id) { ... on ReconciliationReport { download(format: $format) { path } } }
    }";
    for format in ["LINES_CSV", "HTML", "JSON", "XLSX"] {
        let answer = ask(heap, &client, link, json!({ "id": report, "format": format })).await;
        let path = answer["data"]["node"]["download"]["path"].as_str().expect("a path").to_owned();
        let file = harness::http().get(format!("http://{}{path}", server.address)).send().await.expect("it answers");
        heap.add("downloads", file.bytes().await.expect("a body"));
    }
    ask(heap, &client, OVERVIEW, json!({})).await;
    // Server-sent events, and what a wrong token and a wrong path are told.
    let events = harness::http()
        .post(format!("http://{}/graphql", server.address))
        .bearer_auth(&token)
        .header("accept", "text/event-stream")
        .json(
            &json!({ "query": format!("subscription {{ syncRunEvents(syncRunId: {}) {{ __typename }} }}", run["id"]) }),
        )
        .send()
        .await
        .expect("the server answers");
    heap.add("server-sent events", events.bytes().await.expect("a body"));
    let _ = Client::new(server.address, format!("{token}x")).send("{ viewer { roles } }", json!({})).await;
    let _ = harness::http()
        .get(format!("http://{}/callback?code={SUBSCRIPTION_LIKE}&state={SUBSCRIPTION_LIKE}", server.address))
        .send()
        .await;

    server.child.kill().await.expect("the server is stopped");
    heap.add("output of the server", std::fs::read(&server.output).expect("the output reads"));
    let (jsonl, csv) = (folder.join("audit.jsonl"), folder.join("audit.csv"));
    let exports: [&[&str]; 6] = [
        &["audit", "export", "--organization", "default", "--out", &jsonl.to_string_lossy()],
        &["audit", "export", "--organization", "default", "--format", "csv", "--out", &csv.to_string_lossy()],
        &["audit", "verify"],
        &["secrets", "status"],
        &["secrets", "rotate"],
        &["doctor", "--listen", "127.0.0.1:0"],
    ];
    for arguments in exports {
        let said = run_with(url, &key, arguments).await;
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.text);
        heap.add(&arguments.join(" "), said.text);
    }
    heap.add("audit export", [std::fs::read(jsonl).expect("written"), std::fs::read(csv).expect("written")].concat());

    let (text, sealed) = rows(url).await;
    heap.add("rows", text);
    let places: Vec<(String, String)> =
        PLACES.iter().map(|place| (place.column.table.to_owned(), place.column.column.to_owned())).collect();
    for found in &sealed {
        assert!(places.contains(found), "{found:?} holds sealed values and is not in `PLACES`");
    }
    assert!(sealed.contains(&("provider_account".to_owned(), "secret".to_owned())), "{sealed:?}");
    if let Some(file) = url.strip_prefix("sqlite://") {
        for ending in ["", "-wal"] {
            if let Ok(bytes) = std::fs::read(format!("{file}{ending}")) {
                heap.add("the file of the database", bytes);
            }
        }
    }
    let secrets: Vec<(String, Vec<String>)> = [
        ("the client secret", CLIENT_SECRET),
        ("the API key", API_KEY),
        ("the password of Billing", BILLING_PASSWORD),
        ("the subscription key of Billing", SUBSCRIPTION_KEY),
        ("the code of a callback", SUBSCRIPTION_LIKE),
        ("the secret key", KEY),
        ("the bytes of the secret key", KEY_BYTES),
        ("the token", &token),
    ]
    .into_iter()
    .map(|(name, secret)| (name.to_owned(), writings(secret)))
    .collect();
    heap.search(&secrets);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn no_planted_secret_comes_out_anywhere() {
    let mut formats = ["json", "text"].into_iter().cycle();
    for database in each_database().await {
        let folder = tempfile::tempdir().expect("a temporary folder");
        go(&Heap::default(), &database.url, folder.path(), formats.next().expect("a cycle")).await;
    }
}

#[tokio::test]
async fn a_password_of_a_database_that_does_not_answer_is_not_said() {
    let heap = Heap::default();
    let url = format!("postgres://concord:{DATABASE_PASSWORD}@127.0.0.1:1/concord");
    let commands = [&["migrate", "--log-level", "trace"][..], &["doctor"], &["serve"], &["audit", "verify"]];
    // Together, because each asks for a while.
    join_all(commands.map(async |arguments| {
        let said = run_with(&url, &format!("planted:{KEY}"), arguments).await;
        assert_ne!(said.code, Some(0), "{}", said.text);
        heap.add(&arguments.join(" "), said.text);
    }))
    .await;
    let secrets = [DATABASE_PASSWORD, DATABASE_PASSWORD_DECODED, KEY];
    heap.search(&secrets.map(|secret| (secret.to_owned(), writings(secret))));
}

/// The search would find something.
#[test]
#[should_panic(expected = "the secret in an answer")]
fn a_secret_that_comes_out_in_base64_is_found() {
    let heap = Heap::default();
    heap.add("an answer", format!("{{\"x\":\"{}\"}}", STANDARD.encode(format!("user:{BILLING_PASSWORD}"))));
    heap.search(&[("the secret".to_owned(), writings(BILLING_PASSWORD))]);
}
