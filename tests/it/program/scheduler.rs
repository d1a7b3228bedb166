//! Schedules and leases: what is due starts once, however many replicas look, and a worker that lost its lease is done.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use concord::app::App;
use concord::domain::access::Caller;
use concord::domain::id::IntegrationId;
use concord::domain::run::SyncTrigger;
use concord::environment::FixedClock;
use concord::job::Scheduler;
use concord::storage::page::{End, Window};
use concord::storage::{StorageError, integration, job, sync_run};
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::Value;

use super::harness::{self, Program, each_database};

fn noon() -> DateTime<Utc> {
    "2026-10-03T12:00:30Z".parse().expect("a good moment")
}

/// A program with a connected integration whose database two idle replicas share.
struct Replicas {
    one: App,
    two: App,
    clock: Arc<FixedClock>,
    caller: Caller,
    integration_id: IntegrationId,
    _program: Program,
}

async fn replicas(database: crate::postgres::TestDatabase) -> Replicas {
    let program = Program::start_idle(database).await;
    let admin = program.client("ADMIN").await;
    harness::connected(&program, &admin, "Scheduled").await;
    let clock = Arc::new(FixedClock::at(noon()));
    let one = harness::app(&program.database.url, clock.clone()).await;
    let two = harness::app(&program.database.url, clock.clone()).await;
    let caller = one.access.operator("default").await.expect("the organization is there");
    let found = one.services.setup.page(&caller, &everything()).await.expect("a page").items;
    let integration_id = found[0].1.id;
    Replicas { one, two, clock, caller, integration_id, _program: program }
}

fn everything() -> Window {
    Window { end: End::First, limit: 100, after: None, before: None }
}

impl Replicas {
    /// Plans the next sync for a moment.
    async fn plan(&self, moment: DateTime<Utc>) {
        let store = &self.one.services.core.store;
        let tx = store.begin().await.expect("a transaction");
        let found = integration::lock(&tx, self.caller.organization_id, self.integration_id).await.expect("a row");
        let mut found = found.expect("the integration is there");
        found.settings.is_schedule_enabled = true;
        found.settings.schedule_cron = "0 * * * *".to_owned();
        found.next_run_at = Some(moment);
        integration::update(&tx, &found).await.expect("it is updated");
        tx.commit().await.expect("it is kept");
    }

    async fn next_run_at(&self) -> Option<DateTime<Utc>> {
        let found = self.one.services.setup.find(&self.caller, self.integration_id).await.expect("a row");
        found.expect("the integration is there").next_run_at
    }

    async fn runs(&self) -> u64 {
        self.one.services.sync.count(&self.caller, self.integration_id).await.expect("a number")
    }
}

#[tokio::test]
async fn what_is_due_starts_once_and_what_is_not_does_not() {
    for database in each_database().await {
        let replicas = replicas(database).await;
        let (one, two) = (Scheduler::new(replicas.one.services.clone()), Scheduler::new(replicas.two.services.clone()));
        replicas.plan(noon() + TimeDelta::seconds(1)).await;
        one.look().await.expect("a look");
        assert_eq!(replicas.runs().await, 0, "it is not due yet");
        replicas.clock.advance(TimeDelta::seconds(1));
        let (first, second) = tokio::join!(one.look(), two.look());
        first.and(second).expect("both look");
        assert_eq!(replicas.runs().await, 1, "two replicas that look at once start one run");
        let next = replicas.next_run_at().await;
        assert_eq!(next, Some("2026-10-03T13:00:00Z".parse().expect("a good moment")), "the next hour is planned");
        let page = replicas.one.services.sync.page(&replicas.caller, replicas.integration_id, &everything()).await;
        let run = &page.expect("a page").items[0].1;
        assert_eq!((run.trigger, run.requested_by.as_deref()), (SyncTrigger::Schedule, None));
    }
}

#[tokio::test]
async fn a_replica_that_looked_long_ago_does_not_start_a_second_run() {
    for database in each_database().await {
        let replicas = replicas(database).await;
        replicas.plan(noon()).await;
        Scheduler::new(replicas.one.services.clone()).look().await.expect("a look");
        // The first run is over before the other replica, which read the schedules at the same time, comes to start one.
        let page = replicas.one.services.sync.page(&replicas.caller, replicas.integration_id, &everything()).await;
        let run = page.expect("a page").items.remove(0).1;
        let store = &replicas.one.services.core.store;
        let tx = store.begin().await.expect("a transaction");
        let claim = job::claim(&tx, "worker", noon()).await.expect("a look").expect("the run's job waits");
        tx.commit().await.expect("it is claimed");
        replicas.one.services.sync.fail(&claim, concord::domain::run::RunStatus::Failed, None).await.expect("it ends");
        assert_eq!(claim.subject_id, run.id.0);
        let sync = &replicas.two.services.sync;
        let started = sync.start(&replicas.caller, replicas.integration_id, SyncTrigger::Schedule).await;
        assert!(started.is_err(), "nothing is due any more");
        assert_eq!(replicas.runs().await, 1);
    }
}

#[tokio::test]
async fn a_schedule_that_cannot_start_waits_for_its_next_time() {
    for database in each_database().await {
        let replicas = replicas(database).await;
        replicas.plan(noon()).await;
        let sync = &replicas.one.services.sync;
        sync.start(&replicas.caller, replicas.integration_id, SyncTrigger::Manual).await.expect("a run");
        Scheduler::new(replicas.one.services.clone()).look().await.expect("a look");
        assert_eq!(replicas.runs().await, 1, "the run of the person is enough");
        assert_eq!(replicas.next_run_at().await, Some("2026-10-03T13:00:00Z".parse().expect("a good moment")));
    }
}

/// Everything that a run leaves behind, to compare.
async fn traces(app: &App, caller: &Caller, run: &sync_run_id::Id) -> (Value, usize) {
    let read = app.services.core.store.read();
    let found = sync_run::find(read, caller.organization_id, *run).await.expect("a row").expect("the run is there");
    let events = sync_run::events_after(read, caller.organization_id, *run, 0, 1000).await.expect("events");
    (Value::String(format!("{found:?}")), events.len())
}

mod sync_run_id {
    pub type Id = concord::domain::id::SyncRunId;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_writes_nothing() {
    for database in each_database().await {
        let replicas = replicas(database).await;
        let (one, two) = (&replicas.one.services, &replicas.two.services);
        let run = one.sync.start(&replicas.caller, replicas.integration_id, SyncTrigger::Manual).await.expect("a run");
        let claim = async |app: &App, worker: &str| {
            let tx = app.services.core.store.begin().await.expect("a transaction");
            let claim = job::claim(&tx, worker, app.services.core.clock.now()).await.expect("a look");
            tx.commit().await.expect("it is kept");
            claim
        };
        let old = claim(&replicas.one, "one").await.expect("the job waits");
        assert_eq!(claim(&replicas.two, "two").await, None, "the first one holds it");

        // The first worker sleeps past its lease.
        let database = Database::connect(&replicas._program.database.url).await.expect("it opens");
        database.execute_unprepared("UPDATE job SET lease_until = created_at").await.expect("the lease ends");
        replicas.clock.advance(job::LEASE + TimeDelta::seconds(1));
        let new = claim(&replicas.two, "two").await.expect("the lease is over");
        assert!(new.number > old.number);
        assert_eq!((new.job_id, new.attempts), (old.job_id, 2));

        let before = traces(&replicas.two, &replicas.caller, &run.id).await;
        let outcome = one.sync.execute(&old).await;
        assert!(matches!(outcome, Err(StorageError::LeaseLost)), "{outcome:?}");
        let outcome = one.sync.fail(&old, concord::domain::run::RunStatus::Failed, Some("No.".to_owned())).await;
        assert!(matches!(outcome, Err(StorageError::LeaseLost)), "{outcome:?}");
        assert_eq!(traces(&replicas.two, &replicas.caller, &run.id).await, before, "nothing was written");

        two.sync.execute(&new).await.expect("the second worker finishes");
        let (after, _) = traces(&replicas.two, &replicas.caller, &run.id).await;
        assert!(after.to_string().contains("status: Succeeded"), "{after}");
        assert!(matches!(one.sync.execute(&old).await, Err(StorageError::LeaseLost)));
    }
}
