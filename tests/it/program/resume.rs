//! Nothing is lost and nothing is done twice: a subscriber that reconnects, and a server that is killed.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use concord::sandbox::RunningSandbox;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, Database, Statement};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use super::command::{concord, run};
use super::harness::{self, Client, Ending, Program, each_database, sequences, tiny_world};
use crate::postgres::{self, TestDatabase};

/// A client that follows an account is told when it cannot be read, and its stream ends, so that it opens a new one.
#[tokio::test]
async fn a_stream_of_an_account_ends_with_its_error() {
    let database = postgres::sqlite();
    let program = Program::start_idle(database).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "A").await;
    let document = "subscription($id: ID!) { providerAccountChanged(providerAccountId: $id) { id } }";
    let variables = json!({ "id": integration.pax8 });
    let mut stream = admin.subscribe(document, variables.clone()).await;
    assert_eq!(stream.next().await.expect("the account")["data"]["providerAccountChanged"]["id"], integration.pax8);
    let connection = sea_orm::Database::connect(&program.database.url).await.expect("the database opens");
    let rename = async |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        connection.execute_unprepared(&sql).await.expect("the table is renamed");
    };
    rename("provider_account", "away").await;
    let failed = stream.next().await.expect("the error");
    assert_eq!(failed["errors"][0]["extensions"]["code"], "INTERNAL", "{failed}");
    assert_eq!(stream.next().await, None);
    rename("away", "provider_account").await;
    let mut again = admin.subscribe(document, variables).await;
    assert_eq!(again.next().await.expect("the account")["data"]["providerAccountChanged"]["id"], integration.pax8);
    program.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_reconnects_sees_every_event_once() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Resume").await;
        program.fault(serde_json::json!({ "path": "/", "delay_milliseconds": 5, "times": 1000 })).await;
        let run = harness::start_sync(&admin, &integration).await;
        // A new connection for every two events, while the run goes on.
        let mut seen = Vec::new();
        loop {
            let mut subscription = admin.follow_sync(&run, seen.last().copied()).await;
            let mut is_over = true;
            for _ in 0..2 {
                match subscription.next().await {
                    Some(payload) => {
                        is_over = false;
                        seen.extend(payload["data"]["syncRunEvents"]["sequence"].as_i64());
                    }
                    None => break,
                }
            }
            if is_over {
                break;
            }
        }
        let all = admin.sync_events(&run, None).await;
        assert_eq!(seen, sequences(&all));
        assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>());
        for after in [1, 5, seen.len() as i64] {
            let rest = admin.sync_events(&run, Some(after)).await;
            assert_eq!(rest, all[usize::try_from(after).expect("it is positive")..]);
        }
        program.stop().await;
    }
}

/// The server as it is shipped, in a process of its own.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    async fn start(database: &TestDatabase) -> Self {
        let mut command = concord(&database.url, harness::SECRET_KEYS);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "info"]).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its errors are piped")).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next_line().await.expect("its errors are text");
            let line = line.unwrap_or_else(|| panic!("the server ended before it listened:\n{said}"));
            if let Some((_, after)) = line.split_once("listening on http://") {
                let address = after.split(',').next().unwrap_or_default();
                break address.parse().unwrap_or_else(|_| panic!("`{line}` names no address"));
            }
            said.push_str(&line);
            said.push('\n');
        };
        // A full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// SIGKILL: nothing of it gets to do anything more.
    async fn kill(mut self) {
        self.child.kill().await.expect("the server is killed");
    }
}

async fn token(database: &TestDatabase) -> String {
    let made = run(&database.url, &["token", "create", "--role", "admin"]).await;
    assert_eq!(made.code, Some(0), "{}", made.text);
    made.text.trim().to_owned()
}

/// The tables that a sync fills from the providers.
const TABLES: [&str; 13] = [
    "company",
    "customer",
    "pax8_product",
    "psa_product",
    "subscription",
    "subscription_revision",
    "vendor_invoice",
    "vendor_invoice_line",
    "vendor_price",
    "agreement_line",
    "psa_invoice",
    "psa_invoice_line",
    "record_version",
];

/// What a sync leaves behind, as (table, external id, content hash); a row that is there twice stands here twice.
async fn records(url: &str) -> Vec<(String, String, String)> {
    let connection = Database::connect(url).await.expect("the database opens");
    let mut records = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT external_id, content_hash FROM {table} ORDER BY external_id, content_hash");
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        for row in connection.query_all_raw(statement).await.expect("the table is there") {
            let text = |column: &str| row.try_get::<String>("", column).expect("a text");
            records.push((table.to_owned(), text("external_id"), text("content_hash")));
        }
    }
    connection.close().await.expect("the database closes");
    records
}

async fn undisturbed(sandbox: &RunningSandbox) -> (Vec<(String, String, String)>, Value) {
    let program = Program::start(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Undisturbed").await;
    harness::set_pax8_settings(&program, &integration, harness::pax8_settings(sandbox, 2)).await.expect("it works");
    let run = harness::sync(&admin, &integration).await;
    assert_eq!(run["status"], "SUCCEEDED");
    let records = records(&program.database.url).await;
    program.stop().await;
    (records, run["results"].clone())
}

/// Kills the server when a subscriber has seen so many events, starts it again and returns what is there in the end.
async fn killed(
    database: TestDatabase,
    sandbox: &RunningSandbox,
    events: usize,
) -> (Vec<(String, String, String)>, Value) {
    let server = Server::start(&database).await;
    let token = token(&database).await;
    let admin = Client::new(server.address, token.clone());
    let integration = harness::integration(&admin, "Killed").await;
    harness::connect(&admin, &integration, sandbox).await;
    let app = harness::app(&database.url, std::sync::Arc::new(concord::environment::SystemClock)).await;
    harness::set_pax8_settings_of(&app, &integration, harness::pax8_settings(sandbox, 2)).await.expect("it works");
    drop(app);

    let run = harness::start_sync(&admin, &integration).await;
    let mut subscription = admin.follow_sync(&run, None).await;
    let mut seen = Vec::new();
    while seen.len() < events {
        let mut payload = subscription.next().await.expect("the run is not over yet");
        seen.push(payload["data"]["syncRunEvents"].take());
    }
    server.kill().await;
    let (rest, ending) = subscription.until_lost("syncRunEvents").await;
    assert_eq!(ending, Ending::Lost, "the server was killed in the middle");
    seen.extend(rest);

    let server = Server::start(&database).await;
    let admin = Client::new(server.address, token);
    let last = sequences(&seen).pop();
    seen.extend(admin.sync_events(&run, last).await);
    let numbers = sequences(&seen);
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "each event once, without gaps");
    assert_eq!(seen, admin.sync_events(&run, None).await, "and they are the stored ones");
    let run = admin.finished_sync(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let records = records(&database.url).await;
    server.kill().await;
    (records, run["results"].clone())
}

#[tokio::test]
async fn a_sync_whose_server_is_killed_completes_by_itself() {
    // Slow enough that the kill always falls into the run.
    let sandbox = harness::sandbox(&tiny_world(), Duration::from_millis(50)).await;
    let (expected, results) = undisturbed(&sandbox).await;
    let mut duplicates = expected.clone();
    duplicates.dedup();
    assert_eq!(duplicates, expected, "no row is there twice");
    // All at once, because each waits until the lease of the killed worker is over.
    let mut runs = Vec::new();
    for events in [2, 7, 13] {
        for database in each_database().await {
            let sandbox = &sandbox;
            runs.push(async move { (events, killed(database, sandbox, events).await) });
        }
    }
    for (events, (records, found)) in join_all(runs).await {
        assert_eq!(records, expected, "killed after {events} events");
        assert_eq!(found, results, "killed after {events} events");
    }
}
