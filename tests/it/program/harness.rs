//! A running program: a sandbox, a server over a database of its own, and clients that speak to it as a stranger would.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use concord::app::{App, Parts, SiteSettings};
use concord::domain::access::Roles;
use concord::domain::id::ProviderAccountId;
use concord::domain::provider::{ConnectorKind, ProviderAccount};
use concord::environment::{Clock, RandomIds, SystemClock};
use concord::graphql::SchemaSettings;
use concord::http::{AllowedOrigins, Limits};
use concord::sandbox::{Options, RunningSandbox, WorldSource, credentials, start};
use concord::secret::{KeyRing, SystemRandom};
use concord::service::access::CreateToken;
use concord::service::reach::Reach;
use concord::service::setup::{AccountError, Credentials, CredentialsSet};
use concord::storage::Store;
use futures_util::{SinkExt as _, StreamExt as _};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, Statement};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::postgres::{self, TestDatabase};

/// The key of every test; it protects nothing.
pub const SECRET_KEYS: &str = "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tiny world: four companies, six subscriptions, one month.
pub fn tiny_world() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny")
}

/// The tiny world with one text of one file replaced, in a directory of its own.
pub fn tiny_world_but(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("the temporary folder can be written");
    copy_directory(&tiny_world(), copy.path());
    let path = copy.path().join(file);
    let text = std::fs::read_to_string(&path).expect("the file is part of the world");
    assert!(text.contains(from), "`{file}` has no `{from}`");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("the copy can be written");
    copy
}

/// Copies a directory with all that is in it.
pub fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the copy is new");
    for entry in std::fs::read_dir(from).expect("the fixture is there") {
        let entry = entry.expect("the fixture is there");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("the copy can be written");
        }
    }
}

/// A sandbox over a directory, in no hurry and without limits.
pub async fn sandbox(directory: &Path, latency: Duration) -> RunningSandbox {
    let world = WorldSource::Directory(directory.to_owned());
    start(Options { world, requests_per_minute: None, latency, ..Options::default() }).await.expect("a free port")
}

/// A new, migrated database of each kind that this machine has.
pub async fn each_database() -> Vec<TestDatabase> {
    let mut databases = vec![postgres::sqlite()];
    let migrate = async |url: &str| {
        // Not through the store, which listens to the server and would keep the template open.
        let connection = sea_orm::Database::connect(url).await.expect("the template opens");
        Migrator::up(&connection, None).await.expect("the template is migrated");
        connection.close().await.expect("the template is left");
    };
    databases.extend(postgres::migrated("program", migrate).await);
    databases
}

/// A running program. It stops with this value, and its database and sandbox go with it.
pub struct Program {
    pub app: App,
    pub sandbox: RunningSandbox,
    pub database: TestDatabase,
    pub address: SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port")
}

/// Whether jobs are carried out.
pub enum Hands {
    Working,
    Idle,
}

/// Puts the program together over a database, without starting anything.
pub async fn app(url: &str, clock: Arc<dyn Clock>) -> App {
    app_over(Store::connect(url).await.expect("the database opens"), clock, None, Reach::default()).await
}

/// The same of a program whose operator said what its connections may reach.
pub async fn app_reaching(url: &str, reach: Reach) -> App {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    app_over(Store::connect(url).await.expect("the database opens"), Arc::new(SystemClock), Some(nowhere), reach).await
}

/// The same of a program that others reach at an address.
pub async fn app_at(url: &str, clock: Arc<dyn Clock>, address: SocketAddr) -> App {
    let store = Store::connect(url).await.expect("the database opens");
    app_over(store, clock, Some(address), Reach::default()).await
}

async fn app_over(store: Store, clock: Arc<dyn Clock>, address: Option<SocketAddr>, reach: Reach) -> App {
    let _ = rustls::crypto::ring::default_provider().install_default();
    store.migrate().await.expect("the database is migrated");
    let keys = KeyRing::parse(&SecretString::from(SECRET_KEYS), "the test", Arc::new(SystemRandom));
    App::new(Parts {
        store,
        keys: Arc::new(keys.expect("a good key")),
        clock,
        ids: Arc::new(RandomIds),
        reach,
        connectors: None,
        schema: SchemaSettings::default(),
        public_url: address.and_then(|address| format!("http://{address}").parse().ok()),
    })
}

impl Program {
    /// A program over the tiny world.
    pub async fn start(database: TestDatabase) -> Self {
        Self::over(database, &tiny_world()).await
    }

    /// A program over a world of files.
    pub async fn over(database: TestDatabase, world: &Path) -> Self {
        let app = app(&database.url, Arc::new(SystemClock)).await;
        Self::of(app, database, world, Hands::Working).await
    }

    /// A program over the tiny world whose jobs nobody carries out.
    pub async fn start_idle(database: TestDatabase) -> Self {
        let app = app(&database.url, Arc::new(SystemClock)).await;
        Self::of(app, database, &tiny_world(), Hands::Idle).await
    }

    /// A program over the tiny world whose clock the test holds, and whose jobs nobody carries out.
    pub async fn start_idle_at(database: TestDatabase, clock: Arc<dyn Clock>) -> Self {
        let app = app(&database.url, clock).await;
        Self::of(app, database, &tiny_world(), Hands::Idle).await
    }

    /// A program over the tiny world whose statements are counted.
    pub async fn start_counting(database: TestDatabase) -> (Self, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let store = Store::connect(&database.url).await.expect("the database opens");
        let store = store.watched(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let app = app_over(store, Arc::new(SystemClock), None, Reach::default()).await;
        (Self::of(app, database, &tiny_world(), Hands::Working).await, count)
    }

    /// A program over the tiny world that knows under which address others reach it.
    pub async fn start_public(database: TestDatabase, hands: Hands) -> Self {
        Self::public_over(database, &tiny_world(), hands).await
    }

    /// The same over a world of files.
    pub async fn public_over(database: TestDatabase, world: &Path, hands: Hands) -> Self {
        let listener = listener().await;
        let address = listener.local_addr().expect("a bound listener has an address");
        let app = app_at(&database.url, Arc::new(SystemClock), address).await;
        Self::on(listener, app, database, world, hands).await
    }

    /// The same over the tiny world with a clock that the test holds, whose jobs nobody carries out.
    pub async fn public_idle_at(database: TestDatabase, clock: Arc<dyn Clock>) -> Self {
        let listener = listener().await;
        let address = listener.local_addr().expect("a bound listener has an address");
        let app = app_at(&database.url, clock, address).await;
        Self::on(listener, app, database, &tiny_world(), Hands::Idle).await
    }

    async fn of(app: App, database: TestDatabase, world: &Path, hands: Hands) -> Self {
        Self::on(listener().await, app, database, world, hands).await
    }

    async fn on(listener: TcpListener, app: App, database: TestDatabase, world: &Path, hands: Hands) -> Self {
        let sandbox = sandbox(world, Duration::ZERO).await;
        let address = listener.local_addr().expect("a bound listener has an address");
        let site = SiteSettings { limits: Limits::default(), origins: AllowedOrigins::new(Vec::new()), page: None };
        let shutdown = CancellationToken::new();
        app.services.core.public_address.fall_back_to(address);
        let (serving, stop) = (app.clone(), shutdown.clone());
        let server = tokio::spawn(async move {
            match hands {
                Hands::Working => serving.serve(listener, site, 2, stop).await,
                Hands::Idle => concord::http::serve(listener, serving.router(site, stop.clone()), stop).await,
            }
        });
        Self { app, sandbox, database, address, shutdown, server }
    }

    /// A client of the organization `default` with these roles, separated by commas.
    pub async fn client(&self, roles: &str) -> Client {
        self.client_of("default", roles).await
    }

    /// A client of an organization with these roles.
    pub async fn client_of(&self, organization: &str, roles: &str) -> Client {
        Client::new(self.address, self.token(organization, roles, None).await)
    }

    /// A token of an organization with these roles; for ever when there is no lifetime.
    pub async fn token(&self, organization: &str, roles: &str, lifetime: Option<TimeDelta>) -> String {
        let command = CreateToken {
            organization: organization.to_owned(),
            name: format!("{roles} of {organization}"),
            roles: roles.parse::<Roles>().expect("a test names good roles"),
            lifetime,
        };
        let token = self.app.access.create_token(&SystemRandom, command).await.expect("a token is made");
        token.expose().to_owned()
    }

    /// A client with a token as it is.
    pub fn client_with(&self, token: &str) -> Client {
        Client::new(self.address, token.to_owned())
    }

    /// Orders a fault of the sandbox.
    pub async fn fault(&self, fault: Value) {
        order_fault(&self.sandbox, fault).await;
    }

    /// Stops, waiting for what is under way.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.server.await.expect("the server does not panic").expect("the server ends well");
        self.sandbox.shutdown().await;
    }
}

/// Orders a fault of a sandbox.
pub async fn order_fault(sandbox: &RunningSandbox, fault: Value) {
    let url = format!("{}/sandbox/faults", sandbox.origin());
    let answer = http().post(url).json(&fault).send().await.expect("the sandbox answers");
    assert!(answer.status().is_success(), "{fault}");
}

/// Calls all faults of a sandbox off.
pub async fn clear_faults(sandbox: &RunningSandbox) {
    let url = format!("{}/sandbox/faults", sandbox.origin());
    let answer = http().delete(url).send().await.expect("the sandbox answers");
    assert!(answer.status().is_success());
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test speaks to the server as a stranger would")]
    reqwest::Client::new()
}

/// A client of the API.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    token: String,
}

impl Client {
    pub fn new(address: SocketAddr, token: String) -> Self {
        Self { http: http(), address, token }
    }

    /// The same client of a server at another address.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// Status and body of the answer to an operation.
    pub async fn send(&self, document: &str, variables: Value) -> (u16, Value) {
        let request = self.http.post(format!("http://{}/graphql", self.address));
        self.answer(request, document, variables).await
    }

    /// Body of the answer to an operation that names its request.
    pub async fn send_as(&self, request_id: &str, document: &str, variables: Value) -> Value {
        let request = self.http.post(format!("http://{}/graphql", self.address));
        self.answer(request.header("x-request-id", request_id), document, variables).await.1
    }

    async fn answer(&self, request: reqwest::RequestBuilder, document: &str, variables: Value) -> (u16, Value) {
        let request = request.bearer_auth(&self.token);
        let body = json!({ "query": document, "variables": variables });
        let answer = request.json(&body).send().await.expect("the server answers");
        (answer.status().as_u16(), answer.json().await.expect("the answer is JSON"))
    }

    /// The data of an operation that has to go well.
    pub async fn ask(&self, document: &str, variables: Value) -> Value {
        let (_, mut answer) = self.send(document, variables).await;
        assert!(answer.get("errors").is_none(), "{document}\n{answer:#}");
        answer["data"].take()
    }

    /// What a mutation with one `input` answered; the selection is that of its payload.
    pub async fn change(&self, mutation: &str, selection: &str, input: Value) -> Value {
        let (_, mut answer) = self.attempt(mutation, selection, input).await;
        assert!(answer.get("errors").is_none(), "{mutation}\n{answer:#}");
        answer["data"][mutation].take()
    }

    /// The same of one that was done: no user errors.
    pub async fn done(&self, mutation: &str, selection: &str, input: Value) -> Value {
        let payload = self.change(mutation, selection, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}");
        payload
    }

    /// Status and body of a mutation with one `input`.
    pub async fn attempt(&self, mutation: &str, selection: &str, input: Value) -> (u16, Value) {
        let mut type_name = mutation.to_owned();
        type_name[..1].make_ascii_uppercase();
        let document = format!(
            "mutation($input: {type_name}Input!) {{ {mutation}(input: $input) {{ {selection} \
             userErrors {{ __typename code message field }} }} }}"
        );
        self.send(&document, json!({ "input": input })).await
    }

    /// Opens a subscription on a socket of its own.
    pub async fn subscribe(&self, document: &str, variables: Value) -> Subscription {
        let mut subscription = self.join().await;
        let payload = json!({ "query": document, "variables": variables });
        subscription.say(&json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
        subscription
    }

    async fn open(&self) -> Subscription {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().expect("a good address");
        let protocol = "graphql-transport-ws".parse().expect("a good header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (socket, _) = connect_async(request).await.expect("the server accepts the socket");
        Subscription(socket)
    }

    /// Code and reason with which a socket is closed that begins with the client's token.
    pub async fn refused_socket(&self) -> (u16, String) {
        let mut socket = self.open().await;
        let credentials = json!({ "Authorization": format!("Bearer {}", self.token) });
        socket.say(&json!({ "type": "connection_init", "payload": credentials })).await;
        socket.closed().await
    }

    /// Follows a sync run after an event.
    pub async fn follow_sync(&self, run: &Value, after: Option<i64>) -> Subscription {
        let document = "subscription($run: ID!, $after: Int) {
            syncRunEvents(syncRunId: $run, afterSequence: $after) {
                __typename
                ... on SyncRunProgressed { sequence phase dataset progress { done } }
                ... on SyncRunIssueRaised { sequence issue { dataset externalId message isRejected } }
                ... on SyncRunFinished { sequence status failureMessage }
            }
        }";
        self.subscribe(document, json!({ "run": run, "after": after })).await
    }

    /// Opens a socket and asks nothing.
    pub async fn join(&self) -> Subscription {
        let mut socket = self.open().await;
        socket.begin(&self.token).await;
        socket
    }

    /// All events of a sync run that follow one, once it has ended.
    pub async fn sync_events(&self, run: &Value, after: Option<i64>) -> Vec<Value> {
        self.follow_sync(run, after).await.rest("syncRunEvents").await
    }

    /// The run, once it has ended.
    pub async fn finished_sync(&self, run: &Value) -> Value {
        self.sync_events(run, None).await;
        let document = "query($run: ID!) { syncRun(id: $run) {
            id status phase trigger datasets issueCount failureMessage finishedAt
            results {
                datasets { dataset read created changed gone rejected total }
                customers { suggested kept withCandidates unmatched }
                products { suggested kept withCandidates unmatched }
            }
            issues { totalCount nodes { provider dataset externalId message isRejected } }
        } }";
        self.ask(document, json!({ "run": run })).await["syncRun"].take()
    }
}

/// A subscription on a socket of its own.
pub struct Subscription(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Subscription {
    async fn begin(&mut self, token: &str) {
        let credentials = json!({ "Authorization": format!("Bearer {token}") });
        self.say(&json!({ "type": "connection_init", "payload": credentials })).await;
        assert_eq!(self.hear().await["type"], "connection_ack");
    }

    /// Code and reason with which the server closes the socket.
    pub async fn closed(&mut self) -> (u16, String) {
        let closed = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                    Some(Ok(_)) => {}
                    other => panic!("a close frame, not {other:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the socket closes in time")
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.expect("the socket is open");
    }

    async fn hear(&mut self) -> Value {
        self.hear_or_lose().await.expect("the server does not close the socket")
    }

    /// The next message; `None` when the connection is lost.
    async fn hear_or_lose(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Some(serde_json::from_str(&text).expect("a message is JSON"));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => return None,
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("the next message comes in time")
    }

    /// The payload of the next result; `None` after the last one.
    pub async fn next(&mut self) -> Option<Value> {
        let mut message = self.hear().await;
        match message["type"].as_str() {
            Some("next" | "error") => Some(message["payload"].take()),
            Some("complete") => None,
            _ => panic!("a message of the protocol, not {message}"),
        }
    }

    /// The field of the results until the stream completes.
    pub async fn rest(mut self, field: &str) -> Vec<Value> {
        let mut results = Vec::new();
        while let Some(mut payload) = self.next().await {
            assert!(payload.get("errors").is_none(), "{payload}");
            results.push(payload["data"][field].take());
        }
        results
    }

    /// The field of the results until the stream completes or the connection is lost, and which of the two it was.
    pub async fn until_lost(mut self, field: &str) -> (Vec<Value>, Ending) {
        let mut results = Vec::new();
        loop {
            match self.hear_or_lose().await {
                None => return (results, Ending::Lost),
                Some(mut message) if message["type"] == "next" => {
                    results.push(message["payload"]["data"][field].take());
                }
                Some(message) if message["type"] == "complete" => return (results, Ending::Complete),
                Some(message) => panic!("a result, not {message}"),
            }
        }
    }
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Complete,
    Lost,
}

/// An integration as a client knows it.
#[derive(Debug, Clone)]
pub struct Integration {
    pub id: Value,
    pub pax8: Value,
    pub psa: Value,
}

/// Makes an integration without connecting it.
pub async fn integration(admin: &Client, name: &str) -> Integration {
    let selection = "integration { id pax8Account { id } psaAccount { id } }";
    let mut made = admin.done("integrationCreate", selection, json!({ "name": name })).await["integration"].take();
    Integration { id: made["id"].take(), pax8: made["pax8Account"]["id"].take(), psa: made["psaAccount"]["id"].take() }
}

/// The input that connects the Pax8 account to a sandbox.
pub fn pax8_credentials(sandbox: &RunningSandbox, account: &Value) -> Value {
    json!({ "providerAccountId": account, "credentials": { "pax8": {
        "clientId": credentials::PAX8_CLIENT_ID,
        "clientSecret": credentials::PAX8_CLIENT_SECRET,
        "baseUrl": sandbox.pax8_base_url(),
        "tokenUrl": sandbox.pax8_token_url(),
        "requestsPerMinute": 1000,
    } } })
}

/// The input that connects the PSA account to a sandbox.
pub fn psa_credentials(sandbox: &RunningSandbox, account: &Value) -> Value {
    json!({ "providerAccountId": account, "credentials": { "revioPsa": {
        "tenant": credentials::PSA_TENANT,
        "apiKey": credentials::PSA_API_KEY,
        "baseUrl": sandbox.psa_base_url(),
        "billingBaseUrl": sandbox.billing_base_url(),
        "billingUsername": credentials::BILLING_USER,
        "billingPassword": credentials::BILLING_PASSWORD,
        "requestsPerMinute": 500,
    } } })
}

/// Connects both sides to a sandbox.
pub async fn connect(admin: &Client, integration: &Integration, sandbox: &RunningSandbox) {
    let inputs = [pax8_credentials(sandbox, &integration.pax8), psa_credentials(sandbox, &integration.psa)];
    for input in inputs {
        let payload = admin.done("providerCredentialsSet", "account { status }", input).await;
        assert_eq!(payload["account"]["status"], "CONNECTED");
    }
}

/// Settings of the Pax8 connector over a sandbox, with pages of so many records.
pub fn pax8_settings(sandbox: &RunningSandbox, page_size: u32) -> Value {
    json!({
        "base_url": sandbox.pax8_base_url(),
        "token_url": sandbox.pax8_token_url(),
        "requests_per_minute": 600_000,
        "page_size": page_size,
    })
}

/// Sets what the API does not offer: the finer settings of the Pax8 connector.
pub async fn set_pax8_settings(
    program: &Program,
    integration: &Integration,
    settings: Value,
) -> Result<ProviderAccount, AccountError> {
    set_pax8_settings_of(&program.app, integration, settings).await
}

/// The same of an app whose server may be elsewhere.
pub async fn set_pax8_settings_of(
    app: &App,
    integration: &Integration,
    settings: Value,
) -> Result<ProviderAccount, AccountError> {
    let caller = app.access.operator("default").await.expect("the organization is there");
    let credentials = Credentials {
        connector: ConnectorKind::Pax8,
        client_id: Some(credentials::PAX8_CLIENT_ID.to_owned()),
        settings: settings.to_string(),
        secret: Some(SecretString::from(credentials::PAX8_CLIENT_SECRET)),
    };
    let account_id = ProviderAccountId(uuid_of(&integration.pax8));
    app.services.setup.set_credentials(&caller, CredentialsSet { account_id, time_zone: None, credentials }).await
}

/// The number that a statement counts, as `count`.
pub async fn count_rows(url: &str, sql: &str) -> i64 {
    let connection = sea_orm::Database::connect(url).await.expect("the database opens");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.expect("the statement runs").expect("a row");
    connection.close_by_ref().await.expect("the database closes");
    row.try_get("", "count").expect("a number")
}

/// Makes an integration that is connected to the program's sandbox.
pub async fn connected(program: &Program, admin: &Client, name: &str) -> Integration {
    let integration = integration(admin, name).await;
    connect(admin, &integration, &program.sandbox).await;
    integration
}

/// Starts a sync and returns the run's id.
pub async fn start_sync(client: &Client, integration: &Integration) -> Value {
    let input = json!({ "integrationId": integration.id });
    client.done("syncRunStart", "syncRun { id status }", input).await["syncRun"]["id"].take()
}

/// Syncs to the end and returns the run.
pub async fn sync(client: &Client, integration: &Integration) -> Value {
    let run = start_sync(client, integration).await;
    client.finished_sync(&run).await
}

/// Reconciles the latest month and returns the report's id.
pub async fn reconciled(client: &Client, integration: &Integration) -> Value {
    let input = json!({ "integrationId": integration.id, "asOf": "2026-09-28" });
    let mut payload = client.done("reconciliationRunStart", "reconciliationRun { id }", input).await;
    let document = "subscription($run: ID!) { reconciliationRunEvents(reconciliationRunId: $run) {
        ... on ReconciliationRunFinished { status report { id } }
    } }";
    let variables = json!({ "run": payload["reconciliationRun"]["id"].take() });
    let mut events = client.subscribe(document, variables).await.rest("reconciliationRunEvents").await;
    let mut last = events.pop().expect("there are events");
    assert_eq!(last["status"], "SUCCEEDED", "{last}");
    last["report"]["id"].take()
}

/// The numbers of events, which have to go up by one.
pub fn sequences(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["sequence"].as_i64().expect("an event has a number")).collect()
}

/// The global id of an object. Clients must not make ids; a test of what is not there has to.
pub fn global_id(kind: &str, id: &str) -> Value {
    Value::String(URL_SAFE_NO_PAD.encode(format!("{kind}:{id}")))
}

/// The UUID inside a global id.
pub fn uuid_of(id: &Value) -> uuid::Uuid {
    let bytes = id.as_str().and_then(|id| URL_SAFE_NO_PAD.decode(id).ok()).expect("a global id");
    let text = String::from_utf8(bytes).expect("a global id is text");
    text.split(':').nth(1).and_then(|id| id.parse().ok()).expect("a global id ends in a UUID")
}

/// The id of an organization.
pub async fn organization(program: &Program, name: &str) -> concord::domain::id::OrganizationId {
    program.app.access.operator(name).await.expect("the organization is there").organization_id
}

/// Whether an id is one of an object of this kind.
pub fn is_global_id(id: &Value, kind: &str) -> bool {
    let bytes = id.as_str().and_then(|id| URL_SAFE_NO_PAD.decode(id).ok()).unwrap_or_default();
    bytes.starts_with(format!("{kind}:").as_bytes())
}

/// The codes of a payload's user errors.
pub fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().expect("a payload has user errors");
    errors.iter().map(|error| error["code"].as_str().expect("an error has a code")).collect()
}

/// The code of the error at a path of an answer.
pub fn error_at<'a>(answer: &'a Value, path: &Value) -> &'a Value {
    let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("there are errors in {answer:#}"));
    let found = errors.iter().find(|error| error["path"] == *path);
    found.unwrap_or_else(|| panic!("there is an error at {path} in {answer:#}"))
}
