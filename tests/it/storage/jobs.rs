//! Jobs: claimed once, taken over when a worker is silent, and refused to the one that slept.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use concord::domain::id::JobId;
use concord::domain::run::JobKind;
use concord::environment::{Clock as _, Ids, RandomIds};
use concord::storage::job::{self, Claim};
use concord::storage::{StorageError, Store};

use super::world::{WAITING, World, morning, worlds};

async fn enqueue(world: &World, now: chrono::DateTime<Utc>) -> JobId {
    let (id, tx) = (JobId(RandomIds.next()), world.store.begin().await.expect("a transaction"));
    let run = RandomIds.next();
    job::enqueue(&tx, world.organization(), id, JobKind::Sync, run, now).await.expect("enqueued");
    tx.commit().await.expect("kept");
    id
}

async fn claim(store: &Store, worker: &str, now: chrono::DateTime<Utc>) -> Option<Claim> {
    let tx = store.begin().await.expect("a transaction");
    let claim = job::claim(&tx, worker, now).await.expect("jobs are read");
    tx.commit().await.expect("the claim stands");
    claim
}

/// The lease of every claimed job runs out, by whatever clock it is measured.
async fn expire(world: &World) {
    world.clock.advance(TimeDelta::seconds(60));
    world.run("UPDATE job SET lease_until = created_at WHERE status = 'RUNNING'").await.expect("the time is set");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_workers_claim_two_hundred_jobs_each_once() {
    for world in worlds().await {
        for _ in 0..200 {
            enqueue(&world, morning()).await;
        }
        let now = world.clock.now();
        let workers = (0..4).map(|number| {
            let store = world.store.clone();
            tokio::spawn(async move {
                let mut claimed = Vec::new();
                while let Some(claim) = claim(&store, &format!("worker {number}"), now).await {
                    claimed.push(claim);
                    let tx = store.begin().await.expect("a transaction");
                    job::hold(&tx, &claim, now).await.expect("the claim stands");
                    job::finish(&tx, &claim, None, now).await.expect("finished");
                    tx.commit().await.expect("kept");
                }
                claimed
            })
        });
        let mut times: BTreeMap<JobId, u32> = BTreeMap::new();
        for worker in workers.collect::<Vec<_>>() {
            for claim in worker.await.expect("the worker ends") {
                assert_eq!((claim.number, claim.attempts), (1, 1));
                *times.entry(claim.job_id).or_default() += 1;
            }
        }
        assert_eq!(times.len(), 200, "on {}", world.database.url);
        assert!(times.values().all(|times| *times == 1), "on {}", world.database.url);
    }
}

#[tokio::test]
async fn a_silent_workers_job_is_taken_over_and_the_sleeper_is_refused() {
    for world in worlds().await {
        enqueue(&world, morning()).await;
        let sleeper = claim(&world.store, "sleeper", world.clock.now()).await.expect("a job waits");
        assert_eq!(claim(&world.store, "early", world.clock.now()).await, None, "its lease has not run out");
        expire(&world).await;
        let next = claim(&world.store, "next", world.clock.now()).await.expect("its lease has run out");
        assert_eq!((next.job_id, next.number, next.attempts), (sleeper.job_id, 2, 2));
        let now = world.clock.now();
        let tx = world.store.begin().await.expect("a transaction");
        assert!(matches!(job::hold(&tx, &sleeper, now).await, Err(StorageError::LeaseLost)));
        assert!(matches!(job::finish(&tx, &sleeper, None, now).await, Err(StorageError::LeaseLost)));
        job::hold(&tx, &next, now).await.expect("the new claim stands");
        job::finish(&tx, &next, None, now).await.expect("it ends the job");
        assert!(matches!(job::hold(&tx, &next, now).await, Err(StorageError::LeaseLost)), "an ended job is nobody's");
        tx.commit().await.expect("kept");
        expire(&world).await;
        assert_eq!(claim(&world.store, "late", world.clock.now()).await, None);
    }
}

#[tokio::test]
async fn a_job_of_a_replica_whose_clock_is_fast_does_not_wait() {
    for world in worlds().await {
        if world.database.url.starts_with("sqlite") {
            // One machine, one clock.
            continue;
        }
        #[expect(clippy::disallowed_methods, reason = "the database's clock cannot be set")]
        let fast = Utc::now() + TimeDelta::hours(2);
        let id = enqueue(&world, fast).await;
        let slow = morning();
        assert!(job::is_waiting(world.store.read(), slow).await.expect("an answer"), "a slow replica sees it as well");
        assert_eq!(claim(&world.store, "worker", slow).await.map(|claim| claim.job_id), Some(id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_waited_for_its_own_job_renews_from_the_end_of_the_wait() {
    for world in worlds().await {
        if world.database.url.starts_with("sqlite") {
            // Writers wait before they look at the clock.
            continue;
        }
        enqueue(&world, morning()).await;
        let claimed = claim(&world.store, "worker", world.clock.now()).await.expect("a job waits");
        let tx = world.store.begin().await.expect("a transaction");
        job::hold(&tx, &claimed, world.clock.now()).await.expect("the claim stands");
        let (store, now) = (world.store.clone(), world.clock.now());
        let beat = tokio::spawn(async move {
            let tx = store.begin().await.expect("a transaction");
            job::hold(&tx, &claimed, now).await.expect("the claim stands");
            tx.commit().await.expect("kept");
        });
        while world.texts(WAITING).await.is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let released = world.texts("SELECT clock_timestamp()::text").await.remove(0);
        tx.commit().await.expect("kept");
        beat.await.expect("the heartbeat ends");
        let is_fresh =
            format!("SELECT (lease_until >= '{released}'::timestamptz + interval '15 seconds')::text FROM job");
        assert_eq!(world.texts(&is_fresh).await, ["true"]);
    }
}
