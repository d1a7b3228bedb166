//! Events: numbered without gaps, whoever appends, and visible in the order of their numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use concord::domain::id::SyncRunId;
use concord::domain::run::{Dataset, SyncEvent, SyncIssue};
use concord::environment::{Ids, RandomIds};
use concord::storage::{event, sync_run};

use super::world::{morning, worlds};

const APPENDERS: usize = 8;
const EACH: usize = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_have_no_gaps_and_appear_in_order_under_concurrent_appenders() {
    for world in worlds().await {
        let (stream, organization) = (RandomIds.next(), world.organization());
        let is_over = Arc::new(AtomicBool::new(false));
        let (store, over) = (world.store.clone(), Arc::clone(&is_over));
        let reader = tokio::spawn(async move {
            let mut seen: Vec<i64> = Vec::new();
            loop {
                let is_last_look = over.load(Ordering::SeqCst);
                let after = seen.last().copied().unwrap_or(0);
                let events = event::after(store.read(), organization, stream, after, 7).await.expect("events are read");
                if events.is_empty() && is_last_look {
                    return seen;
                }
                seen.extend(events.iter().map(|event| event.sequence));
                tokio::task::yield_now().await;
            }
        });
        let appenders = (0..APPENDERS).map(|number| {
            let store = world.store.clone();
            tokio::spawn(async move {
                for round in 0..EACH {
                    let tx = store.begin().await.expect("a transaction");
                    for part in 0..2 {
                        let payload = format!("{{\"by\":{number},\"round\":{round},\"part\":{part}}}");
                        event::append(&tx, organization, stream, morning(), "TEST", payload).await.expect("appended");
                    }
                    // Some change their mind, and leave no gap.
                    if (number + round).is_multiple_of(5) {
                        drop(tx);
                    } else {
                        tx.commit().await.expect("it is kept");
                    }
                }
            })
        });
        for appender in appenders.collect::<Vec<_>>() {
            appender.await.expect("an appender ends");
        }
        is_over.store(true, Ordering::SeqCst);
        let seen = reader.await.expect("the reader ends");
        let kept = (0..APPENDERS * EACH).filter(|place| !(place / EACH + place % EACH).is_multiple_of(5)).count() * 2;
        let expected: Vec<i64> = (1..=i64::try_from(kept).expect("few")).collect();
        assert_eq!(seen, expected, "on {}", world.database.url);
    }
}

#[tokio::test]
async fn another_tenant_reads_no_event_and_a_far_place_is_an_empty_answer() {
    for world in worlds().await {
        let run = SyncRunId(RandomIds.next());
        let issue = SyncIssue {
            side: concord::domain::provider::Side::Psa,
            dataset: Dataset::Customers,
            external_id: None,
            location: None,
            message: "odd".to_owned(),
            is_rejected: false,
        };
        let tx = world.store.begin().await.expect("a transaction");
        let event = SyncEvent::IssueRaised(issue);
        sync_run::append_event(&tx, world.organization(), run, morning(), &event).await.expect("appended");
        tx.commit().await.expect("kept");
        let stranger = world.app.access.operator("stranger").await.expect("another tenant").organization_id;
        let db = world.store.read();
        assert!(sync_run::events_after(db, stranger, run, 0, 10).await.expect("an answer").is_empty());
        assert_eq!(sync_run::events_after(db, world.organization(), run, 0, 10).await.expect("an answer").len(), 1);
        let far = sync_run::events_after(db, world.organization(), run, i64::MAX, 10).await;
        assert!(far.expect("an answer").is_empty());
    }
}
