//! Two people, two replicas, two tenants.

use std::sync::Arc;

use chrono::TimeDelta;
use concord::domain::id::SyncRunId;
use concord::domain::run::{RunStatus, SyncTrigger};
use concord::environment::{Clock as _, Ids, RandomIds};
use concord::job::Scheduler;
use concord::service::setup::{CreateIntegration, UpdateSettings};
use concord::service::sync::SyncError;
use concord::storage::{StorageError, Store, integration, job, sync_run};

use super::world::{WAITING, World, replica, worlds};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_integrations_of_two_people_are_both_made_and_one_is_the_default() {
    for world in worlds().await {
        for round in 0..5 {
            let caller = world.app.access.operator(&format!("new {round}")).await.expect("a tenant");
            let made = (0..4).map(|number| {
                let (setup, caller) = (world.app.services.setup.clone(), caller.clone());
                let command = CreateIntegration { name: format!("number {number}") };
                tokio::spawn(async move { setup.create(&caller, command).await })
            });
            let mut defaults = 0;
            for made in made.collect::<Vec<_>>() {
                let made = made.await.expect("it ends").unwrap_or_else(|e| panic!("{e} on {}", world.database.url));
                defaults += u32::from(made.is_default);
            }
            assert_eq!(defaults, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_and_a_run_that_starts_do_not_wait_for_each_other() {
    for world in worlds().await {
        if world.database.url.starts_with("sqlite") {
            // One writer at a time cannot meet another.
            continue;
        }
        let sync = &world.app.services.sync;
        let run = sync.start(&world.caller, world.integration.id, SyncTrigger::Manual).await.expect("it starts");
        let tx = world.store.begin().await.expect("a transaction");
        let claim = job::claim(&tx, "test", world.clock.now()).await.expect("jobs are read").expect("a job waits");
        tx.commit().await.expect("the claim stands");
        // Somebody starts another run: the integration is held first.
        let starting = world.store.begin().await.expect("a transaction");
        integration::lock(&starting, world.organization(), world.integration.id).await.expect("the lock comes");
        let ending = {
            let sync = sync.clone();
            tokio::spawn(async move { sync.execute(&claim).await })
        };
        while world.texts(WAITING).await.is_empty() {
            tokio::task::yield_now().await;
        }
        let second = concord::domain::run::SyncRun { id: SyncRunId(RandomIds.next()), ..run.clone() };
        let refused = sync_run::insert(&starting, &second).await;
        assert!(matches!(refused, Err(StorageError::Conflict(_))), "{refused:?}");
        drop(starting);
        ending.await.expect("it ends").expect("the end is recorded");
        let run = sync.find(&world.caller, run.id).await.expect("it is read").expect("it is there");
        assert_eq!(run.status, RunStatus::Succeeded);
    }
}

async fn schedule(world: &World) {
    let command = UpdateSettings {
        integration_id: Some(world.integration.id),
        is_schedule_enabled: Some(true),
        schedule_cron: Some("0 * * * *".to_owned()),
        ..UpdateSettings::default()
    };
    world.app.services.setup.update_settings(&world.caller, command).await.expect("scheduled");
    world.clock.advance(TimeDelta::hours(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_schedulers_of_several_replicas_start_one_run() {
    for world in worlds().await {
        schedule(&world).await;
        let mut looks = Vec::new();
        for _ in 0..4 {
            let store = Store::connect(&world.database.url).await.expect("one more replica");
            let app = replica(store, Arc::clone(&world.clock), world.provider.clone());
            looks.push(tokio::spawn(async move { Scheduler::new(app.services).look().await }));
        }
        for look in looks {
            look.await.expect("it ends").expect("the schedules are read");
        }
        assert_eq!(world.texts("SELECT status FROM sync_run").await, ["QUEUED"], "on {}", world.database.url);
    }
}

#[tokio::test]
async fn a_time_that_another_replica_has_served_is_not_served_again() {
    for world in worlds().await {
        schedule(&world).await;
        let start = || world.app.services.sync.start(&world.caller, world.integration.id, SyncTrigger::Schedule);
        let run = start().await.expect("it is due");
        // It ends before the other replica, which read the schedule at the same moment, comes to it.
        world.run("UPDATE sync_run SET status = 'FAILED'").await.expect("it ended");
        let again = start().await;
        assert!(matches!(again, Err(SyncError::NotDue)), "{again:?} on {}", world.database.url);
        assert_eq!(world.texts("SELECT 'run' FROM sync_run").await.len(), 1);
        let stranger = world.app.access.operator("stranger").await.expect("another tenant");
        let sync = &world.app.services.sync;
        assert!(sync.find(&stranger, run.id).await.expect("an answer").is_none());
        assert!(matches!(sync.cancel(&stranger, run.id).await, Err(SyncError::NotFound)));
        let other = sync.start(&stranger, world.integration.id, SyncTrigger::Manual).await;
        assert!(matches!(other, Err(SyncError::NotFound)));
    }
}

#[tokio::test]
async fn a_cancel_that_comes_between_two_pages_is_not_overwritten() {
    for world in worlds().await {
        let sync = &world.app.services.sync;
        let run = sync.start(&world.caller, world.integration.id, SyncTrigger::Manual).await.expect("it starts");
        let tx = world.store.begin().await.expect("a transaction");
        let claim = job::claim(&tx, "test", world.clock.now()).await.expect("jobs are read").expect("a job waits");
        let (held, checkpoint) =
            sync_run::lock(&tx, world.organization(), run.id).await.expect("it is read").expect("it is there");
        tx.commit().await.expect("the claim stands");
        sync.cancel(&world.caller, run.id).await.expect("asked to stop");
        // A worker writes what it read before.
        let tx = world.store.begin().await.expect("a transaction");
        sync_run::update(&tx, &held, &checkpoint).await.expect("written");
        tx.commit().await.expect("kept");
        sync.execute(&claim).await.expect("the end is recorded");
        let run = sync.find(&world.caller, run.id).await.expect("it is read").expect("it is there");
        assert_eq!(run.status, RunStatus::Canceled);
    }
}
