//! What a message of a provider asks for is wanted until a run has read it: equal messages, and runs that fail.

use std::sync::Arc;

use chrono::TimeDelta;
use concord::app::App;
use concord::domain::id::IntegrationId;
use concord::domain::run::{RunStatus, SyncTrigger};
use concord::environment::{Clock as _, FixedClock, SystemClock};
use concord::job::Scheduler;
use concord::service::sync::SyncError;
use concord::storage::{integration, job};
use serde_json::{Value, json};

use super::command::tamper;
use super::harness::{self, Program, count_rows, each_database};
use super::webhooks::{Synced, lists, tell, text, work_off};
use crate::postgres::{self, TestDatabase};

/// A program with a webhook whose clock the test holds.
struct Held {
    synced: Synced,
    clock: Arc<FixedClock>,
    url: String,
    authorization: String,
}

impl Held {
    async fn over(database: TestDatabase) -> Self {
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let synced = Synced::idle_on(Program::public_idle_at(database, clock.clone()).await).await;
        let there = synced.remote().await.remove(0);
        let (url, authorization) = (text(&there["url"]).to_owned(), text(&there["authorization"]).to_owned());
        Self { synced, clock, url, authorization }
    }

    /// Sends a message of a company that tells the same each time but for the moment of sending. No run begins for it until
    /// the test moves its clock.
    async fn tell(&self, sent_at: Option<&str>) {
        self.tell_of("CLIENT", sent_at).await;
    }

    async fn tell_of(&self, topic: &str, sent_at: Option<&str>) {
        let mut message = json!({ "webhookTopic": { "topic": topic }, "payloadData": { "quantity": 5 } });
        if let Some(sent_at) = sent_at {
            message["sentAt"] = json!(sent_at);
        }
        assert_eq!(tell(&self.url, &self.authorization, &message.to_string()).await.0, 204);
    }

    /// The runs that messages made, latest first.
    async fn told(&self) -> Vec<Value> {
        self.synced.runs().await.into_iter().filter(|run| run["trigger"] == "WEBHOOK").collect()
    }

    /// The runs that two replicas make when they look so many seconds later, latest first.
    async fn runs_after(&self, seconds: i64) -> Vec<Value> {
        let before = self.told().await.len();
        self.clock.advance(TimeDelta::seconds(seconds));
        let other = harness::app(&self.synced.program.database.url, self.clock.clone()).await;
        let look = async |app: &App| Scheduler::new(app.services.clone()).look().await.expect("a look");
        tokio::join!(look(&self.synced.program.app), look(&other));
        work_off(&other).await;
        let mut runs = self.told().await;
        runs.truncate(runs.len() - before);
        runs
    }

    /// The states of the same.
    async fn states_after(&self, seconds: i64) -> Vec<String> {
        self.runs_after(seconds).await.iter().map(|run| text(&run["status"]).to_owned()).collect()
    }

    /// Lets Pax8 refuse a list from now on.
    async fn refuse(&self, path: &str) {
        self.synced.program.fault(json!({ "path": path, "status": 403, "times": 1000 })).await;
    }

    async fn allow(&self) {
        harness::clear_faults(&self.synced.program.sandbox).await;
    }
}

const FAILED: [&str; 1] = ["FAILED"];
const SUCCEEDED: [&str; 1] = ["SUCCEEDED"];

#[tokio::test]
async fn an_equal_message_asks_again_unless_it_is_the_same_delivery() {
    for database in each_database().await {
        let held = Held::over(database).await;
        let (nothing, rows) = ([""; 0], "SELECT count(*) AS count FROM webhook_delivery WHERE times = 2");
        held.tell(Some("2026-06-05T02:11:09Z")).await;
        assert_eq!(held.states_after(5).await, SUCCEEDED);
        // From five seats to six and back to five, and so on: the bodies are equal, and something has changed.
        for sent_at in ["2026-06-05T02:11:12Z", "2026-06-05T02:11:14Z"] {
            held.tell(Some(sent_at)).await;
            assert_eq!(held.states_after(5).await, SUCCEEDED, "{sent_at}");
        }
        // Sent again because no answer came, or by somebody who has kept it: that was dealt with.
        held.tell(Some("2026-06-05T02:11:09Z")).await;
        assert_eq!(held.states_after(5).await, nothing);
        assert_eq!(count_rows(&held.synced.program.database.url, rows).await, 1, "it is known again");
        // Sooner than Pax8 sends again, it is another one of the same second.
        for _ in 0..2 {
            held.tell(Some("2026-06-05T02:12:00Z")).await;
            assert_eq!(held.states_after(5).await, SUCCEEDED);
        }
        // Without a moment, nothing tells a second change from a repetition.
        for _ in 0..2 {
            held.clock.advance(TimeDelta::seconds(60));
            held.tell(None).await;
            assert_eq!(held.states_after(5).await, SUCCEEDED);
        }
        // While it waits, it waits once.
        for sent_at in ["2026-06-05T02:13:00Z", "2026-06-05T02:13:01Z", "2026-06-05T02:13:02Z"] {
            held.tell(Some(sent_at)).await;
        }
        assert_eq!(held.states_after(5).await, SUCCEEDED);
        assert_eq!(held.states_after(60).await, nothing);
        held.synced.program.stop().await;
    }
}

#[tokio::test]
async fn what_a_failed_run_was_to_read_is_tried_again_later_and_later() {
    for database in each_database().await {
        let held = Held::over(database).await;
        let nothing = [""; 0];
        held.refuse("/v1/companies").await;
        held.tell(Some("2026-06-05T02:11:09Z")).await;
        assert_eq!(held.states_after(5).await, FAILED);
        // After a minute, then after two, then after four; two replicas make one run.
        for minutes in [1, 2, 4] {
            assert_eq!(held.states_after(5).await, nothing, "not at once");
            assert_eq!(held.states_after(60 * minutes - 10).await, nothing, "nor before {minutes} minutes");
            assert_eq!(held.states_after(10).await, FAILED);
        }
        // What comes meanwhile waits with it.
        held.tell(Some("2026-06-05T02:20:00Z")).await;
        assert_eq!(held.states_after(60).await, nothing);
        held.allow().await;
        let runs = held.runs_after(8 * 60).await;
        assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("SUCCEEDED")));
        assert_eq!(lists(&runs[0]), ["COMPANIES"]);
        assert_eq!(held.states_after(3600).await, nothing);
        // The next failure begins with the shortest wait.
        held.refuse("/v1/companies").await;
        held.tell(Some("2026-06-05T04:00:00Z")).await;
        assert_eq!(held.states_after(5).await, FAILED);
        assert_eq!(held.states_after(61).await, FAILED);
        held.synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_list_that_is_refused_for_good_keeps_no_other_waiting() {
    for database in each_database().await {
        let held = Held::over(database).await;
        held.refuse("/v1/companies").await;
        held.tell(Some("2026-06-05T02:11:09Z")).await;
        held.tell_of("PRODUCT", Some("2026-06-05T02:11:10Z")).await;
        let run = held.runs_after(5).await.remove(0);
        assert_eq!((&run["status"], &run["datasets"]), (&json!("FAILED"), &json!(["COMPANIES", "PAX8_PRODUCTS"])));
        // The other list is read by a run of its own, which matches what it found.
        let run = held.runs_after(5).await.remove(0);
        assert_eq!((&run["status"], lists(&run)), (&json!("SUCCEEDED"), vec!["PAX8_PRODUCTS"]));
        // And what comes later, too: also for the refused one, which keeps its wait.
        for sent_at in ["2026-06-05T02:11:20Z", "2026-06-05T02:11:30Z"] {
            held.tell(Some(sent_at)).await;
            held.tell_of("PRODUCT", Some(sent_at)).await;
            let runs = held.runs_after(5).await;
            assert_eq!(
                (runs.len(), &runs[0]["status"], lists(&runs[0])),
                (1, &json!("SUCCEEDED"), vec!["PAX8_PRODUCTS"])
            );
        }
        assert_eq!(held.states_after(30).await, [""; 0]);
        let run = held.runs_after(30).await.remove(0);
        assert_eq!((&run["status"], &run["datasets"]), (&json!("FAILED"), &json!(["COMPANIES"])));
        held.allow().await;
        let run = held.runs_after(121).await.remove(0);
        assert_eq!((&run["status"], lists(&run)), (&json!("SUCCEEDED"), vec!["COMPANIES"]));
        assert_eq!(held.states_after(7200).await, [""; 0]);

        // What stands in the way of all of them puts all of them off.
        held.synced.program.fault(json!({ "path": "/v1/companies", "status": 401, "times": 1000 })).await;
        held.tell(Some("2026-06-05T05:00:00Z")).await;
        held.tell_of("PRODUCT", Some("2026-06-05T05:00:00Z")).await;
        assert_eq!(held.states_after(5).await, FAILED);
        let rows =
            "SELECT count(*) AS count FROM webhook WHERE wanted = '' AND put_off <> '[]' AND retry_at IS NOT NULL";
        assert_eq!(count_rows(&held.synced.program.database.url, rows).await, 1);
        held.synced.program.stop().await;
    }
}

#[tokio::test]
async fn what_is_read_for_the_rows_of_a_refused_list_is_read_after_it() {
    for database in each_database().await {
        let held = Held::over(database).await;
        let subscriptions = json!(["SUBSCRIPTIONS", "SUBSCRIPTION_HISTORY", "VENDOR_PRICES"]);
        held.refuse("/v1/subscriptions").await;
        held.tell_of("SUBSCRIPTION", Some("2026-06-05T02:11:09Z")).await;
        let run = held.runs_after(5).await.remove(0);
        assert_eq!((&run["status"], &run["datasets"]), (&json!("FAILED"), &subscriptions));
        assert_eq!(held.states_after(30).await, [""; 0], "the history of what is not known yet would be none");
        held.allow().await;
        let run = held.runs_after(30).await.remove(0);
        assert_eq!((&run["status"], &run["datasets"]), (&json!("SUCCEEDED"), &subscriptions));
        held.synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_provider_that_fails_for_one_list_alone_keeps_no_other_waiting() {
    let held = Held::over(postgres::sqlite()).await;
    held.synced.program.fault(json!({ "path": "/v1/subscriptions", "status": 500, "times": 1000 })).await;
    held.tell(Some("2026-06-05T02:11:09Z")).await;
    held.tell_of("SUBSCRIPTION", Some("2026-06-05T02:11:09Z")).await;
    let run = held.runs_after(5).await.remove(0);
    let wanted = json!(["COMPANIES", "SUBSCRIPTIONS", "SUBSCRIPTION_HISTORY", "VENDOR_PRICES"]);
    assert_eq!((&run["status"], &run["datasets"]), (&json!("FAILED"), &wanted));
    let run = held.runs_after(5).await.remove(0);
    assert_eq!((&run["status"], &run["datasets"]), (&json!("SUCCEEDED"), &json!(["COMPANIES"])));
    held.synced.program.stop().await;
}

#[tokio::test]
async fn messages_that_come_all_the_time_do_not_keep_the_schedule_from_its_run() {
    for database in each_database().await {
        let held = Held::over(database).await;
        let app = &held.synced.program.app;
        let caller = app.access.operator("default").await.expect("the organization is there");
        let id = IntegrationId(harness::uuid_of(&held.synced.integration.id));
        held.tell(Some("2026-06-05T02:11:09Z")).await;
        let tx = app.services.core.store.begin().await.expect("a transaction");
        let found = integration::lock(&tx, caller.organization_id, id).await.expect("held");
        let mut planned = found.expect("it is there");
        planned.settings.is_schedule_enabled = true;
        planned.settings.schedule_cron = "0 * * * *".to_owned();
        planned.next_run_at = Some(held.clock.now() + TimeDelta::seconds(1));
        integration::update(&tx, &planned).await.expect("planned");
        tx.commit().await.expect("planned");
        held.clock.advance(TimeDelta::seconds(5));
        let outcome = app.services.sync.start(&caller, id, SyncTrigger::Webhook).await;
        assert!(matches!(outcome, Err(SyncError::NotDue)), "{outcome:?}");
        assert_eq!(held.states_after(0).await, [""; 0], "the full run reads it");
        let runs = held.synced.runs().await;
        assert_eq!((&runs[0]["trigger"], &runs[0]["status"]), (&json!("SCHEDULE"), &json!("SUCCEEDED")));
        assert_eq!(held.states_after(60).await, [""; 0]);
        held.synced.program.stop().await;
    }
}

#[tokio::test]
async fn a_full_run_reads_what_is_wanted_when_it_succeeds_and_loses_nothing_when_it_does_not() {
    for database in each_database().await {
        let held = Held::over(database).await;
        let (synced, nothing) = (&held.synced, [""; 0]);
        let full = async || {
            let run = harness::start_sync(&synced.admin, &synced.integration).await;
            work_off(&synced.program.app).await;
            text(&synced.admin.finished_sync(&run).await["status"]).to_owned()
        };
        held.tell(Some("2026-06-05T02:11:09Z")).await;
        held.refuse("/v1/invoices").await;
        assert_eq!(full().await, "FAILED");
        let runs = held.runs_after(61).await;
        assert_eq!((runs.len(), &runs[0]["status"]), (1, &json!("SUCCEEDED")), "invoices were not asked for");
        assert_eq!(lists(&runs[0]), ["COMPANIES"]);

        held.refuse("/v1/companies").await;
        held.tell(Some("2026-06-05T03:00:00Z")).await;
        assert_eq!(held.states_after(5).await, FAILED);
        held.allow().await;
        // A person does not have to wait.
        assert_eq!(full().await, "SUCCEEDED");
        assert_eq!(held.states_after(7200).await, nothing, "the full run has read it");
        held.synced.program.stop().await;
    }
}

#[tokio::test]
async fn what_a_stopped_or_given_up_run_was_to_read_stays_wanted() {
    for database in each_database().await {
        let held = Held::over(database).await;
        let (synced, database) = (&held.synced, held.synced.program.database.url.as_str());
        let services = &synced.program.app.services;
        let begin = async |sent_at: &str| {
            held.tell(Some(sent_at)).await;
            held.clock.advance(TimeDelta::seconds(5));
            Scheduler::new(services.clone()).look().await.expect("a look");
            let run = held.told().await.remove(0);
            assert_eq!(run["status"], "QUEUED");
            run
        };
        // A person stops it.
        let run = begin("2026-06-05T02:11:09Z").await;
        synced.admin.done("syncRunCancel", "syncRun { id }", json!({ "syncRunId": run["id"] })).await;
        assert_eq!(held.states_after(0).await, [""; 0]);
        assert_eq!(held.told().await[0]["status"], "CANCELED");
        assert_eq!(held.states_after(61).await, SUCCEEDED);
        // Its worker dies, and another one goes on.
        begin("2026-06-05T03:00:00Z").await;
        let claim = async || {
            let store = &services.core.store;
            let tx = store.begin().await.expect("a transaction");
            let claim = job::claim(&tx, "one that dies", services.core.clock.now()).await.expect("a look");
            tx.commit().await.expect("it is kept");
            claim.expect("there is a job")
        };
        claim().await;
        // By whichever clock leases are measured.
        tamper(database, &["UPDATE job SET lease_until = '2001-01-01 00:00:00+00:00'"]).await;
        assert_eq!(held.states_after(30).await, [""; 0], "no other run begins");
        assert_eq!(held.told().await[0]["status"], "SUCCEEDED");
        // It is given up, as one is whose workers die time and again.
        begin("2026-06-05T04:00:00Z").await;
        let given_up = Some("It was begun too often.".to_owned());
        services.sync.fail(&claim().await, RunStatus::Failed, given_up).await.expect("it is recorded");
        assert_eq!(held.states_after(61).await, SUCCEEDED);
        let left = "SELECT count(*) AS count FROM webhook WHERE wanted <> '' OR put_off <> '[]'";
        assert_eq!(count_rows(database, left).await, 0);
        held.synced.program.stop().await;
    }
}
