//! The audit chain: whole after many hands at once, and broken wherever somebody touched it.

use concord::domain::audit::Change;
use concord::domain::id::OrganizationId;
use concord::environment::{Clock as _, Ids, RandomIds};
use concord::storage::audit;
use concord::storage::audit_chain::{self, Break, Flaw, Intact};

use super::world::{World, seal, worlds};

async fn record(world: &World, text: &str) {
    let change = Change {
        action: "test.change",
        subject_kind: "test",
        subject_id: Some(RandomIds.next()),
        before: Some(format!("{{\"text\":\"{text}\"}}")),
        after: Some("{}".to_owned()),
        reason: Some(text.to_owned()),
    };
    let tx = world.store.begin().await.expect("a transaction");
    let now = world.clock.now();
    audit::record(&tx, &seal(), &RandomIds, &world.caller, now, change).await.expect("recorded");
    tx.commit().await.expect("kept");
}

async fn verify(world: &World) -> Result<Intact, Break> {
    audit_chain::verify(world.store.read(), &seal(), world.organization(), &[]).await.expect("the chain is read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_chain_is_whole_after_concurrent_appends() {
    for world in worlds().await {
        let before = verify(&world).await.expect("the chain of a new tenant is whole").events;
        let world = std::sync::Arc::new(world);
        let appenders = (0..8).map(|number| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                for round in 0..10 {
                    record(&world, &format!("{number} {round} é 🦀")).await;
                    if let Err(broken) = verify(&world).await {
                        panic!("{broken:?} while others append, on {}", world.database.url);
                    }
                }
            })
        });
        for appender in appenders.collect::<Vec<_>>() {
            appender.await.expect("an appender ends");
        }
        let whole = verify(&world).await.unwrap_or_else(|broken| panic!("{broken:?} on {}", world.database.url));
        assert_eq!((whole.events, whole.erased.len()), (before + 80, 0), "on {}", world.database.url);
        let nobody = audit_chain::verify(world.store.read(), &seal(), OrganizationId(RandomIds.next()), &[]).await;
        assert_eq!(nobody.expect("read"), Ok(Intact { events: 0, hash: String::new(), erased: Vec::new() }));
    }
}

#[tokio::test]
async fn a_changed_removed_inserted_or_cut_row_is_found_at_its_place() {
    let columns = "organization_id, occurred_at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, \
                   before, after, reason, correlation_id, digest, hash, mac";
    let copied = |sequence: i64, id: &str| {
        format!(
            "INSERT INTO audit_event (sequence, id, {columns}) SELECT {sequence}, {id}, {columns} FROM audit_event \
             WHERE sequence = 8"
        )
    };
    for world in worlds().await {
        for number in 0..6 {
            record(&world, &number.to_string()).await;
        }
        let end = verify(&world).await.expect("the chain is whole").events;
        let id = if world.database.url.starts_with("sqlite") { "randomblob(16)" } else { "gen_random_uuid()" };
        let tampered: [(String, i64, Flaw); 10] = [
            ("UPDATE audit_event SET reason = 'other' WHERE sequence = 8".to_owned(), 8, Flaw::Changed),
            ("UPDATE audit_event SET actor_name = '' WHERE sequence = 8".to_owned(), 8, Flaw::Changed),
            ("UPDATE audit_event SET before = 'other' WHERE sequence = 8".to_owned(), 8, Flaw::ContentChanged),
            ("UPDATE audit_event SET after = NULL WHERE sequence = 8".to_owned(), 8, Flaw::ContentChanged),
            ("UPDATE audit_event SET mac = 'other' WHERE sequence = 8".to_owned(), 8, Flaw::Forged),
            ("UPDATE audit_event SET hash = 'other' WHERE sequence = 8".to_owned(), 8, Flaw::Changed),
            ("DELETE FROM audit_event WHERE sequence = 8".to_owned(), 8, Flaw::Missing),
            ("DELETE FROM audit_event WHERE sequence = 1".to_owned(), 1, Flaw::Missing),
            (copied(end + 1, id), end + 1, Flaw::Changed),
            (format!("DELETE FROM audit_event WHERE sequence = {end}"), end, Flaw::Missing),
        ];
        for (statement, sequence, flaw) in tampered {
            world.run("CREATE TABLE kept AS SELECT * FROM audit_event").await.expect("a copy");
            world.run(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
            let found = verify(&world).await.expect_err(&statement);
            assert_eq!((found.sequence, &found.flaw), (sequence, &flaw), "{statement} on {}", world.database.url);
            world.run("DELETE FROM audit_event").await.expect("emptied");
            world.run("INSERT INTO audit_event SELECT * FROM kept").await.expect("restored");
            world.run("DROP TABLE kept").await.expect("the copy goes");
            assert_eq!(verify(&world).await.expect("restored").events, end);
        }
        // What the law asks to be erased is no break, and is counted.
        world.run("UPDATE audit_event SET before = NULL, after = NULL WHERE sequence = 8").await.expect("erased");
        let whole = verify(&world).await.expect("the chain is whole");
        let erased: Vec<i64> = whole.erased.iter().map(|event| event.sequence).collect();
        assert_eq!((whole.events, erased), (end, vec![8]));
        // A tail that was cut together with its recorded end is whole in itself; the log and a longer chain tell.
        world.run("UPDATE audit_head SET sequence = sequence - 1").await.expect("the end is moved");
        let found = verify(&world).await.expect_err("the chain goes on behind its end");
        assert_eq!(found.flaw, Flaw::WrongEnd);
    }
}
