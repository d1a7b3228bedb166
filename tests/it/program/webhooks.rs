//! Webhooks: Pax8 is asked to tell of changes, and what it tells makes the lists that it is about be read again, once.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use concord::app::App;
use concord::environment::{Clock as _, FixedClock, SystemClock};
use concord::job::Scheduler;
use concord::sandbox::RunningSandbox;
use concord::storage::job;
use serde_json::{Value, json};

use super::harness::{self, Client, Hands, Integration, Program, codes, count_rows, each_database};
use crate::postgres::{self, TestDatabase};

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that was synced, and its administrator.
pub struct Synced {
    pub program: Program,
    pub admin: Client,
    pub integration: Integration,
}

impl Synced {
    async fn over(database: TestDatabase) -> Self {
        let program = Program::start_public(database, Hands::Working).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Told").await;
        let run = harness::sync(&admin, &integration).await;
        assert_eq!(run["status"], "SUCCEEDED");
        Self { program, admin, integration }
    }

    /// A program whose jobs are carried out when the test says so, with a webhook.
    async fn idle(database: TestDatabase) -> Self {
        Self::idle_on(Program::start_public(database, Hands::Idle).await).await
    }

    /// The same on a program whose jobs nobody carries out.
    pub async fn idle_on(program: Program) -> Self {
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Told").await;
        harness::start_sync(&admin, &integration).await;
        work_off(&program.app).await;
        let synced = Self { program, admin, integration };
        synced.register(json!({})).await;
        synced
    }

    pub async fn registered(database: TestDatabase) -> Self {
        let synced = Self::over(database).await;
        synced.register(json!({})).await;
        synced
    }

    /// Registers a webhook and returns the payload.
    pub async fn register(&self, more: Value) -> Value {
        let selection = "account { webhook { url } } webhook { url topics isManual registeredAt lastDeliveredAt } \
                         url authorization remarks";
        self.admin.done("providerWebhookRegister", selection, self.input(more)).await
    }

    pub fn input(&self, more: Value) -> Value {
        let mut input = json!({ "providerAccountId": self.integration.pax8 });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    }

    pub async fn webhook(&self) -> Value {
        let document = "query($id: ID!) { integration(id: $id) { pax8Account { webhook {
            url topics unknownTopics isManual lastDeliveredAt deliveryCount
        } } } }";
        let mut found = self.admin.ask(document, json!({ "id": self.integration.id })).await;
        found["integration"]["pax8Account"]["webhook"].take()
    }

    /// The runs, latest first.
    pub async fn runs(&self) -> Vec<Value> {
        let document = "query($id: ID!) { integration(id: $id) { syncRuns(first: 100) { nodes {
            id trigger status datasets requestedBy results { datasets { dataset read gone } }
        } } } }";
        let mut found = self.admin.ask(document, json!({ "id": self.integration.id })).await;
        let nodes = found["integration"]["syncRuns"]["nodes"].take();
        nodes.as_array().expect("a list").clone()
    }

    /// The runs that messages made, latest first, once there are so many and all have ended.
    async fn told_runs(&self, least: usize) -> Vec<Value> {
        let waiting = "SELECT count(*) AS count FROM webhook WHERE wanted <> ''";
        within(async || {
            // First: a run that takes what waits between the two looks would be in neither.
            let is_waiting = count_rows(&self.program.database.url, waiting).await > 0;
            let runs = self.runs().await;
            let is_over = runs.iter().all(|run| !matches!(run["status"].as_str(), Some("QUEUED" | "RUNNING")));
            let told: Vec<Value> = runs.into_iter().filter(|run| run["trigger"] == "WEBHOOK").collect();
            let is_quiet = is_over && !is_waiting;
            (is_quiet && told.len() >= least).then_some(told)
        })
        .await
    }

    /// The same, carrying out what waits.
    async fn told_runs_by_hand(&self, least: usize) -> Vec<Value> {
        let look = async {
            loop {
                work_off(&self.program.app).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            runs = self.told_runs(least) => runs,
            () = look => unreachable!("it looks for ever"),
        }
    }

    /// What Pax8 knows, secrets included.
    pub async fn remote(&self) -> Vec<Value> {
        remote(&self.program.sandbox).await
    }

    /// Lets Pax8 send messages of a topic, and says how many were taken.
    pub async fn deliver(&self, message: Value) -> Value {
        deliver(&self.program, message).await
    }
}

/// Looks again and again until there is something.
async fn within<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it comes in time")
}

/// The webhooks that the Pax8 of a sandbox knows, secrets included.
pub async fn remote(sandbox: &RunningSandbox) -> Vec<Value> {
    let url = format!("{}/api/v2/webhooks?size=100", sandbox.origin());
    let request = harness::http().get(url).bearer_auth(pax8_token(sandbox).await);
    let found: Value = request.send().await.expect("an answer").json().await.expect("a list");
    found["content"].as_array().expect("a list").clone()
}

/// A token of the partner's keys.
pub async fn pax8_token(sandbox: &RunningSandbox) -> String {
    let credentials = json!({
        "client_id": concord::sandbox::credentials::PAX8_CLIENT_ID,
        "client_secret": concord::sandbox::credentials::PAX8_CLIENT_SECRET,
        "audience": concord::sandbox::credentials::PAX8_AUDIENCE,
        "grant_type": "client_credentials",
    });
    let request = harness::http().post(sandbox.pax8_token_url()).json(&credentials);
    let token: Value = request.send().await.expect("an answer").json().await.expect("a token");
    text(&token["access_token"]).to_owned()
}

async fn deliver(program: &Program, message: Value) -> Value {
    let url = format!("{}/sandbox/webhooks/deliver", program.sandbox.origin());
    let answer = harness::http().post(url).json(&message).send().await.expect("the sandbox answers");
    answer.json().await.expect("a summary")
}

/// Status and body of the answer to a message of a stranger.
pub async fn tell(url: &str, authorization: &str, body: &str) -> (u16, String) {
    let request = harness::http().post(url).header("authorization", authorization);
    let request = request.header("content-type", "application/json").body(body.to_owned());
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The lists that a run has read.
pub fn lists(run: &Value) -> Vec<&str> {
    let datasets = run["results"]["datasets"].as_array().expect("a list");
    datasets.iter().map(|list| text(&list["dataset"])).collect()
}

const INVOICES: [&str; 3] = ["VENDOR_INVOICES", "VENDOR_INVOICE_LINES", "DRAFT_INVOICES"];
const SUBSCRIPTIONS: [&str; 3] = ["SUBSCRIPTIONS", "SUBSCRIPTION_HISTORY", "VENDOR_PRICES"];

#[tokio::test]
async fn a_registered_webhook_is_tried_and_reads_again_what_it_is_about() {
    for database in each_database().await {
        let synced = Synced::over(database).await;
        assert_eq!(synced.webhook().await, Value::Null);
        let payload = synced.register(json!({})).await;
        let topics = json!(["CLIENT", "INVOICE", "PRODUCT", "PROVISIONING", "SUBSCRIPTION"]);
        assert_eq!(payload["webhook"]["topics"], topics, "those that this version knows");
        let shown = format!("http://{}/webhooks/pax8/********", synced.program.address);
        assert_eq!(payload["webhook"]["url"], shown);
        assert_eq!(payload["account"]["webhook"]["url"], shown);
        assert_eq!(
            (&payload["url"], &payload["authorization"], &payload["remarks"]),
            (&Value::Null, &Value::Null, &json!([]))
        );
        let there = synced.remote().await;
        assert_eq!((there.len(), &there[0]["active"]), (1, &json!(true)));
        let path = text(&there[0]["url"]).rsplit('/').next().expect("a path");
        assert_eq!(path.len(), 43, "256 bits in base64");

        let tried =
            synced.admin.done("providerWebhookTest", "isDelivered", synced.input(json!({ "topic": "INVOICE" }))).await;
        assert_eq!(tried["isDelivered"], true);
        let runs = synced.told_runs(1).await;
        assert_eq!(runs.len(), 1);
        assert_eq!((&runs[0]["status"], &runs[0]["requestedBy"]), (&json!("SUCCEEDED"), &Value::Null));
        assert_eq!(runs[0]["datasets"], json!(INVOICES));
        assert_eq!(lists(&runs[0]), INVOICES, "exactly the lists of its topic were read");
        for table in [
            "company",
            "pax8_product",
            "subscription",
            "vendor_invoice",
            "vendor_invoice_line",
            "vendor_price",
            "customer",
            "psa_product",
            "agreement_line",
            "psa_invoice",
            "psa_invoice_line",
        ] {
            let gone = format!("SELECT count(*) AS count FROM {table} WHERE gone_at IS NOT NULL");
            assert_eq!(count_rows(&synced.program.database.url, &gone).await, 0, "nothing of `{table}` was lost");
        }

        // The same sample once more, sent later, is read again once more.
        let tried =
            synced.admin.done("providerWebhookTest", "isDelivered", synced.input(json!({ "topic": "INVOICE" }))).await;
        assert_eq!(tried["isDelivered"], true);
        assert_eq!(synced.told_runs(2).await.len(), 2);
        let webhook = synced.webhook().await;
        assert_eq!((&webhook["deliveryCount"], &webhook["unknownTopics"]), (&json!(2), &json!([])));
        assert!(webhook["lastDeliveredAt"].is_string());

        let audit =
            synced.admin.ask("{ auditEvents(first: 100) { nodes { action after } } }", json!({})).await.to_string();
        for action in ["provider_webhook.register", "provider_webhook.test"] {
            assert!(audit.contains(action), "{audit}");
        }
        assert!(!audit.contains(path), "the secret is in no audit event");
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn each_topic_reads_its_lists_and_an_unknown_one_those_that_money_hangs_on() {
    for database in each_database().await {
        let synced = Synced::over(database).await;
        synced.register(json!({ "topics": ["CLIENT", "SUBSCRIPTION", "QUOTE"] })).await;
        let unknown = ["SUBSCRIPTIONS", "SUBSCRIPTION_HISTORY", "VENDOR_INVOICES", "VENDOR_INVOICE_LINES"];
        let cases = [("CLIENT", &["COMPANIES"][..]), ("SUBSCRIPTION", &SUBSCRIPTIONS), ("QUOTE", &unknown)];
        for (number, (topic, expected)) in cases.into_iter().enumerate() {
            let told = synced.deliver(json!({ "topic": topic })).await;
            assert_eq!(told, json!({ "taken": 1, "refused": 0 }), "{topic}");
            let runs = synced.told_runs(number + 1).await;
            assert_eq!(lists(&runs[0]), expected, "{topic}");
            assert_eq!(runs[0]["datasets"], json!(expected), "{topic}");
        }
        assert_eq!(synced.webhook().await["unknownTopics"], json!(["QUOTE"]));
        // A run that a person starts reads everything, as ever.
        let run = harness::sync(&synced.admin, &synced.integration).await;
        assert_eq!(run["datasets"].as_array().map(Vec::len), Some(12));
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn strangers_are_told_nothing_and_change_nothing() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        let other = synced.program.client_of("other", "ADMIN").await;
        let others = harness::connected(&synced.program, &other, "Other").await;
        let input = json!({ "providerAccountId": others.pax8, "manual": true });
        let hers = other.done("providerWebhookRegister", "url authorization", input).await;
        let there = synced.remote().await;
        let (url, header) = (text(&there[0]["url"]), text(&there[0]["authorization"]));
        let nothing = (404, "There is nothing here.\n".to_owned());
        let wrong_path = format!("{}x", &url[..url.len() - 1]);
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(300 * 1024));
        for (url, header) in [
            (url, "Bearer wrong"),
            (url, ""),
            (wrong_path.as_str(), header),
            // Another tenant's header is no key to this door, nor the other way round.
            (url, text(&hers["authorization"])),
            (text(&hers["url"]), header),
        ] {
            assert_eq!(tell(url, header, "{}").await, nothing, "{url}");
            assert_eq!(tell(url, header, &large).await, nothing, "{url}");
        }
        assert_eq!(tell(url, header, &large).await.0, 413);
        assert_eq!(tell(url, header, "[]").await.0, 400);
        let method = harness::http().get(url).header("authorization", header).send().await.expect("an answer");
        assert_eq!(method.status(), 405);
        let kept = "SELECT count(*) AS count FROM webhook_delivery";
        assert_eq!(count_rows(&synced.program.database.url, kept).await, 0);
        assert_eq!(synced.webhook().await["deliveryCount"], 0);
        // A message without a topic is kept all the same.
        assert_eq!(tell(url, header, "{}").await, (204, String::new()));
        assert_eq!(count_rows(&synced.program.database.url, kept).await, 1);
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn what_comes_while_a_run_works_makes_one_more_run() {
    for database in each_database().await {
        let synced = Synced::idle(database).await;
        synced.program.fault(json!({ "path": "/v1/invoices", "delay_milliseconds": 60_000, "times": 1 })).await;
        let run = harness::start_sync(&synced.admin, &synced.integration).await;
        let app = synced.program.app.clone();
        let worker = tokio::spawn(async move { work_off(&app).await });
        let mut events = synced.admin.follow_sync(&run, None).await;
        // It has read what the messages are about before the change.
        while events.next().await.expect("the run works")["data"]["syncRunEvents"]["dataset"] != "SUBSCRIPTIONS" {}
        worker.abort();
        for topic in ["SUBSCRIPTION", "CLIENT", "SUBSCRIPTION"] {
            assert_eq!(synced.deliver(json!({ "topic": topic, "times": 2 })).await["taken"], 2);
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(synced.runs().await[0]["id"], run, "nothing begins beside it");
        harness::clear_faults(&synced.program.sandbox).await;
        let database = sea_orm::Database::connect(&synced.program.database.url).await.expect("it opens");
        let forget = "UPDATE job SET lease_until = created_at";
        sea_orm::ConnectionTrait::execute_unprepared(&database, forget).await.expect("the worker is given up");
        let runs = synced.told_runs_by_hand(1).await;
        assert_eq!(runs.len(), 1);
        let all = ["COMPANIES", "SUBSCRIPTIONS", "SUBSCRIPTION_HISTORY", "VENDOR_PRICES"];
        assert_eq!(lists(&runs[0]), all, "one run reads what all messages were about");
        assert_eq!(synced.runs().await[1]["status"], "SUCCEEDED");
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_flood_of_messages_makes_few_runs() {
    for database in each_database().await {
        let synced = Synced::idle(database).await;
        let told = synced.deliver(json!({ "topic": "CLIENT", "times": 200 })).await;
        assert_eq!(told, json!({ "taken": 200, "refused": 0 }));
        // One may have begun after the first ones; the others wait together.
        let before = synced.told_runs_by_hand(1).await.len();
        assert!(before <= 2, "{before} runs");
        assert_eq!(synced.webhook().await["deliveryCount"], 200);
        // The same message a hundred times is kept once, and all of them together are read again once or twice.
        let there = synced.remote().await.remove(0);
        let same = r#"{"sentAt":"2026-06-05T02:11:09Z","webhookTopic":{"topic":"PRODUCT"},"payloadData":{}}"#;
        for _ in 0..100 {
            assert_eq!(tell(text(&there["url"]), text(&there["authorization"]), same).await.0, 204);
        }
        let runs = synced.told_runs_by_hand(before + 1).await;
        assert!((before + 1..=before + 2).contains(&runs.len()), "{} runs", runs.len());
        assert_eq!(lists(&runs[0]), ["PAX8_PRODUCTS"]);
        let kept = "SELECT count(*) AS count FROM webhook_delivery WHERE topic = 'PRODUCT' AND times = 100";
        assert_eq!(count_rows(&synced.program.database.url, kept).await, 1);
        synced.program.stop().await;
    }
}

/// Carries out what waits, as a worker would.
pub async fn work_off(app: &App) {
    let core = &app.services.core;
    loop {
        let tx = core.store.begin().await.expect("a transaction");
        let claim = job::claim(&tx, "worker", core.clock.now()).await.expect("a look");
        tx.commit().await.expect("it is kept");
        let Some(claim) = claim else { return };
        app.services.sync.execute(&claim).await.expect("it works");
    }
}

#[tokio::test]
async fn what_came_in_before_a_crash_is_read_after_it_once() {
    for database in each_database().await {
        let synced = Synced::idle(database).await;
        let (url, runs) = (synced.program.database.url.as_str(), "SELECT count(*) AS count FROM sync_run");
        assert_eq!(synced.deliver(json!({ "topic": "CLIENT" })).await["taken"], 1);
        // Two new processes look at the same time at what the old one left.
        let clock = Arc::new(FixedClock::at(SystemClock.now() + TimeDelta::seconds(30)));
        let (one, two) = (harness::app(url, clock.clone()).await, harness::app(url, clock).await);
        let schedulers = (Scheduler::new(one.services.clone()), Scheduler::new(two.services.clone()));
        let (first, second) = tokio::join!(schedulers.0.look(), schedulers.1.look());
        first.and(second).expect("both look");
        assert_eq!(count_rows(url, runs).await, 2, "one of them began");
        work_off(&two).await;
        schedulers.0.look().await.expect("a look");
        assert_eq!(count_rows(url, runs).await, 2, "and nobody begins again");
        let told = synced.runs().await;
        assert_eq!((&told[0]["trigger"], &told[0]["status"]), (&json!("WEBHOOK"), &json!("SUCCEEDED")));
        assert_eq!(lists(&told[0]), ["COMPANIES"]);
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn what_comes_before_the_first_sync_waits_for_it() {
    let program = Program::start_public(postgres::sqlite(), Hands::Idle).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "New").await;
    let synced = Synced { program, admin, integration };
    synced.register(json!({})).await;
    assert_eq!(synced.deliver(json!({ "topic": "CLIENT" })).await["taken"], 1);
    let clock = Arc::new(FixedClock::at(SystemClock.now() + TimeDelta::seconds(30)));
    let later = harness::app(&synced.program.database.url, clock).await;
    Scheduler::new(later.services.clone()).look().await.expect("a look");
    assert_eq!(synced.runs().await.len(), 0, "there is nothing yet to be brought up to date");
    harness::start_sync(&synced.admin, &synced.integration).await;
    let waiting = "SELECT count(*) AS count FROM webhook WHERE wanted <> ''";
    assert_eq!(count_rows(&synced.program.database.url, waiting).await, 0, "the first sync reads it");
    synced.program.stop().await;
}

#[tokio::test]
async fn registering_again_replaces_and_removing_ends_it() {
    for database in each_database().await {
        let synced = Synced::registered(database).await;
        let old = synced.remote().await.remove(0);
        synced.register(json!({ "topics": ["INVOICE"] })).await;
        let new = synced.remote().await;
        assert_eq!(new.len(), 1, "the old one is deleted at Pax8");
        assert_ne!(new[0]["id"], old["id"]);
        for secret in ["url", "authorization"] {
            assert_ne!(new[0][secret], old[secret], "the {secret} is new");
        }
        assert_eq!(tell(text(&old["url"]), text(&old["authorization"]), "{}").await.0, 404);
        assert_eq!(tell(text(&new[0]["url"]), text(&new[0]["authorization"]), "{}").await.0, 204);

        // By hand: Pax8 is not asked, and what has to be pasted there is shown once.
        let manual = synced.register(json!({ "manual": true })).await;
        assert_eq!(synced.remote().await.len(), 0);
        assert_eq!(tell(text(&manual["url"]), text(&manual["authorization"]), "{}").await.0, 204);
        let tried = synced
            .admin
            .change("providerWebhookTest", "isDelivered", synced.input(json!({ "topic": "INVOICE" })))
            .await;
        assert_eq!((codes(&tried), &tried["isDelivered"]), (vec!["INVALID_INPUT"], &Value::Null));

        synced.register(json!({})).await;
        let last = synced.remote().await.remove(0);
        let gone =
            synced.admin.done("providerWebhookRemove", "account { webhook { url } }", synced.input(json!({}))).await;
        assert_eq!(gone["account"]["webhook"], Value::Null);
        assert_eq!(synced.remote().await.len(), 0);
        assert_eq!(tell(text(&last["url"]), text(&last["authorization"]), "{}").await.0, 404);
        for mutation in ["providerWebhookRemove", "providerWebhookTest"] {
            let topic = if mutation == "providerWebhookTest" { json!({ "topic": "INVOICE" }) } else { json!({}) };
            let refused = synced.admin.change(mutation, "account { id }", synced.input(topic)).await;
            assert_eq!(codes(&refused), ["INVALID_INPUT"], "{mutation}");
        }
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_registered_is_said_and_leaves_nothing_behind() {
    for database in each_database().await {
        let synced = Synced::over(database).await;
        let attempt = async |input: Value| {
            let refused = synced.admin.change("providerWebhookRegister", "webhook { url }", input).await;
            assert_eq!(refused["webhook"], Value::Null);
            refused["userErrors"][0].clone()
        };
        let unknown = attempt(synced.input(json!({ "topics": ["INVOICE", "WEATHER"] }))).await;
        assert_eq!(unknown["field"], json!(["input", "topics"]));
        assert!(
            text(&unknown["message"]).contains("no topic `WEATHER`. Choose from: INVOICE, SUBSCRIPTION"),
            "{unknown}"
        );
        assert_eq!(attempt(synced.input(json!({ "topics": [] }))).await["code"], "INVALID_INPUT");
        let psa = attempt(json!({ "providerAccountId": synced.integration.psa })).await;
        assert!(text(&psa["message"]).contains("Only accounts that are connected to Pax8"), "{psa}");

        // Pax8 breaks the connection off; it is looked for, and is not there.
        let topics = json!({ "path": "/api/v2/webhooks/topic-definitions", "delay_milliseconds": 1, "times": 1 });
        synced.program.fault(topics).await;
        synced.program.fault(json!({ "path": "/api/v2/webhooks", "drop": true, "times": 1 })).await;
        assert_eq!(attempt(synced.input(json!({}))).await["code"], "PROVIDER_UNAVAILABLE");
        let rows = "SELECT count(*) AS count FROM webhook";
        assert_eq!(count_rows(&synced.program.database.url, rows).await, 0);

        // A webhook that is left at Pax8 takes nothing, and goes with the next one.
        synced.register(json!({})).await;
        let fault = json!({ "path": "/api/v2/webhooks/", "status": 403, "times": 100 });
        let left = synced.remote().await.remove(0);
        synced.program.fault(fault).await;
        let removed =
            synced.admin.change("providerWebhookRemove", "account { webhook { url } }", synced.input(json!({}))).await;
        assert_eq!((codes(&removed), &removed["account"]["webhook"]), (vec!["PROVIDER_REJECTED"], &Value::Null));
        assert_eq!(tell(text(&left["url"]), text(&left["authorization"]), "{}").await.0, 404);
        harness::clear_faults(&synced.program.sandbox).await;
        synced.admin.done("providerWebhookRemove", "account { id }", synced.input(json!({}))).await;
        assert_eq!(synced.remote().await.len(), 0);
        synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_nobody_can_reach_says_so() {
    let program = Program::start(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Hidden").await;
    let input = json!({ "providerAccountId": integration.pax8 });
    let refused = admin.change("providerWebhookRegister", "webhook { url }", input).await;
    assert!(text(&refused["userErrors"][0]["message"]).contains("CONCORD_PUBLIC_URL"), "{refused}");
    program.stop().await;
}

#[tokio::test]
async fn the_secrets_of_a_webhook_are_in_no_log_and_in_no_row() {
    let log = super::log::Log::default();
    let _logging = log.take_down();
    let synced = Synced::over(postgres::sqlite()).await;
    let input = json!({ "integrationId": synced.integration.id, "debug": true });
    synced.admin.done("integrationSettingsUpdate", "integration { id }", input).await;
    synced.register(json!({})).await;
    synced.admin.done("providerWebhookTest", "isDelivered", synced.input(json!({ "topic": "INVOICE" }))).await;
    let there = synced.remote().await.remove(0);
    let path = text(&there["url"]).rsplit('/').next().expect("a path").to_owned();
    let header = text(&there["authorization"]).trim_start_matches("Bearer ").to_owned();
    tell(text(&there["url"]), "Bearer wrong", "{}").await;
    let url = synced.program.database.url.trim_start_matches("sqlite://").to_owned();
    let said = log.text();
    assert!(said.contains("/webhooks/pax8/") && said.contains("received a message"), "{said}");
    synced.program.app.services.core.store.ping().await.expect("it answers");
    let rows: Vec<u8> =
        ["", "-wal"].iter().flat_map(|end| std::fs::read(format!("{url}{end}")).unwrap_or_default()).collect();
    for secret in [&path, &header] {
        assert!(!said.contains(secret.as_str()), "a secret is in the log");
        assert!(!rows.windows(secret.len()).any(|part| part == secret.as_bytes()), "a secret is in the database");
    }
    synced.program.stop().await;
}
