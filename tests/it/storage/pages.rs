//! Lists page by page: every row once and in order, from both ends, while rows are added.

use concord::domain::provider::Side;
use concord::environment::RandomIds;
use concord::storage::page::{End, Window};
use concord::storage::record::{self, RecordFilter, RecordOrder, RecordSort};
use concord::storage::source::company::CompanyTable;
use concord::storage::source::{self, Incoming};

use super::provider::company;
use super::world::{World, worlds};

/// Names in which the order of bytes and that of a language differ, and one that three companies share.
const NAMES: [&str; 11] =
    ["zebra", "Zebra", "Ärzte", "arzt", "same", "same", "same", "🦀 crab", "café", "cafe\u{301}", "_ 100%"];

async fn add(world: &World, names: &[(String, &str)]) {
    let incoming = |(id, name): &(String, &str)| {
        let record = company(id, name);
        Incoming { external_id: id.clone(), raw: record.raw, record: record.record }
    };
    let (pull, tx) = (world.pull(Side::Pax8), world.store.begin().await.expect("a transaction"));
    let records = names.iter().map(incoming).collect();
    source::apply::<CompanyTable>(&tx, &RandomIds, pull, records).await.expect("they are added");
    tx.commit().await.expect("they are kept");
}

/// Walks through the list, adding a row after each page, and says which external ids came.
async fn walk(world: &World, order: RecordOrder, end: End, late: &str) -> Vec<String> {
    let mut window = Window { end, limit: 2, after: None, before: None };
    let (mut seen, filter) = (Vec::new(), RecordFilter::default());
    loop {
        let (db, organization, account) = (world.store.read(), world.organization(), world.pax8.id);
        let slice = record::page::<CompanyTable>(db, organization, account, &filter, order, &window);
        let slice = slice.await.expect("a page");
        let ids: Vec<String> = slice.items.iter().map(|(_, stored)| stored.identity.external_id.clone()).collect();
        let edge = match end {
            End::First => slice.items.last().map(|(position, _)| position.clone()),
            End::Last => slice.items.first().map(|(position, _)| position.clone()),
        };
        match end {
            End::First => {
                seen.extend(ids);
                window.after = edge;
            }
            End::Last => {
                seen.splice(0..0, ids);
                window.before = edge;
            }
        }
        if !(if end == End::First { slice.has_next } else { slice.has_previous }) {
            return seen;
        }
        let number = seen.len();
        // Some fall before the place that was reached and some after it; at last nothing more is added.
        if number > 12 {
            continue;
        }
        add(world, &[(format!("{late}{number}"), "same"), (format!("{late}{number}b"), "Zebra")]).await;
    }
}

#[tokio::test]
async fn every_row_comes_once_and_in_order_while_rows_are_added() {
    for world in worlds().await {
        // One by one, so that each was read at another moment.
        for (number, name) in NAMES.into_iter().enumerate() {
            add(&world, &[(format!("c{number}"), name)]).await;
        }
        let mut by_bytes: Vec<(&str, String)> =
            NAMES.into_iter().enumerate().map(|(number, name)| (name, format!("c{number}"))).collect();
        by_bytes.sort();
        for sort in [RecordSort::Name, RecordSort::LastSeenAt] {
            for is_descending in [false, true] {
                for end in [End::First, End::Last] {
                    let case = format!("{sort:?} {is_descending} {end:?}");
                    let seen = walk(&world, RecordOrder { sort, is_descending }, end, &case).await;
                    let mut old: Vec<&str> = seen.iter().filter(|id| id.starts_with('c')).map(String::as_str).collect();
                    if is_descending {
                        old.reverse();
                    }
                    let mut unique = seen.clone();
                    unique.sort();
                    unique.dedup();
                    assert_eq!(unique.len(), seen.len(), "{case} gave a row twice on {}", world.database.url);
                    match sort {
                        RecordSort::LastSeenAt => {
                            let expected: Vec<String> = (0..NAMES.len()).map(|number| format!("c{number}")).collect();
                            assert_eq!(old, expected, "{case} on {}", world.database.url);
                        }
                        RecordSort::Name => {
                            // The three of one name come in the order of their ids, which is the order of adding.
                            let expected: Vec<&str> = by_bytes.iter().map(|(_, id)| id.as_str()).collect();
                            assert_eq!(old, expected, "{case} on {}", world.database.url);
                        }
                    }
                }
            }
        }
    }
}
