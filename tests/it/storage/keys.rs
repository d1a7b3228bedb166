//! Keys of records that have no id of their own, and orders that must be the same in Rust and in every database.

use chrono::{DateTime, Utc};
use concord::domain::provider::Side;
use concord::environment::{Clock as _, RandomIds};
use concord::storage::source::subscription::SubscriptionTable;
use concord::storage::source::vendor_invoice_line::VendorInvoiceLineTable;
use concord::storage::source::{self, Incoming};
use concord::storage::sync_work;

use super::provider::{page, price, pulled, subscription, vendor_line};
use super::world::worlds;

#[tokio::test]
async fn the_order_of_an_answer_changes_no_record() {
    for world in worlds().await {
        let moment = DateTime::<Utc>::UNIX_EPOCH;
        let state = |quantity| {
            pulled(concord::domain::record::Subscription {
                updated_at: Some(moment),
                ..subscription("s1", "p1", quantity)
            })
        };
        // Two changes in one second, told newest first and then oldest first.
        world.provider.script().histories.insert("s1".to_owned(), vec![state(5), state(7)]);
        world.provider.script().subscriptions = vec![page(vec![state(5)])];
        world.provider.script().prices.insert("p1".to_owned(), vec![price("p1", 5), price("p1", 6)]);
        world.sync().await;
        let versions = "SELECT content_hash FROM record_version WHERE kind IN ('vendor_price', 'subscription_revision') \
                        ORDER BY content_hash";
        let before = world.texts(versions).await;
        assert_eq!(before.len(), 4);
        world.provider.script().histories.insert("s1".to_owned(), vec![state(7), state(5)]);
        world.provider.script().prices.insert("p1".to_owned(), vec![price("p1", 6), price("p1", 5)]);
        // A change of the subscription lets its history be read again.
        world.provider.script().subscriptions = vec![page(vec![state(7)])];
        world.sync().await;
        assert_eq!(world.texts(versions).await, before, "on {}", world.database.url);
    }
}

#[tokio::test]
async fn products_are_walked_in_one_order_whatever_the_language_of_the_database() {
    for world in worlds().await {
        if !world.database.url.starts_with("sqlite") {
            // What a cluster with the locale of its machine does; byte order is a, B, c.
            let is_text = "ALTER TABLE vendor_invoice_line ALTER COLUMN product_external_id TYPE text";
            let collated = world
                .texts(
                    "SELECT COALESCE(collation_name, '') FROM information_schema.columns WHERE table_name = \
                        'vendor_invoice_line' AND column_name = 'product_external_id'",
                )
                .await;
            assert_eq!(collated, ["C"], "`{is_text}` would follow the locale of the cluster");
        }
        let pull = world.pull(Side::Pax8);
        let tx = world.store.begin().await.expect("a transaction");
        let line = |product: &str| {
            let line = vendor_line(&format!("l{product}"), "v1", product);
            Incoming { external_id: line.record.external_id.to_string(), raw: line.raw, record: line.record }
        };
        let lines = ["b", "B", "a", "Z", "ä", "z"].map(line).into();
        source::apply::<VendorInvoiceLineTable>(&tx, &RandomIds, pull, lines).await.expect("applied");
        let state = pulled(subscription("s1", "Y", 1));
        let state = Incoming { external_id: "s1".to_owned(), raw: state.raw, record: state.record };
        source::apply::<SubscriptionTable>(&tx, &RandomIds, pull, vec![state]).await.expect("applied");
        tx.commit().await.expect("kept");
        let (mut seen, db): (Vec<String>, _) = (Vec::new(), world.store.read());
        loop {
            let after = seen.last().map(String::as_str);
            let next = sync_work::products_in_use(db, world.organization(), world.pax8.id, after, 2).await;
            let next = next.expect("products are read");
            if next.is_empty() {
                break;
            }
            seen.extend(next);
        }
        assert_eq!(seen, ["B", "Y", "Z", "a", "b", "z", "ä"], "on {}", world.database.url);
    }
}

#[tokio::test]
async fn rows_are_read_anew_when_the_zone_of_the_account_changes() {
    for world in worlds().await {
        let mut state = pulled(subscription("s1", "p1", 5));
        state.raw = r#"{"id":"s1","billingStart":"2026-03-01T02:00:00Z"}"#.to_owned();
        state.record.billing_start = chrono::NaiveDate::from_ymd_opt(2026, 3, 1);
        world.provider.script().subscriptions = vec![page(vec![state.clone()])];
        world.sync().await;
        // The same text, read in another zone, is another day.
        world.connect(world.pax8.clone(), Some(chrono_tz::America::Denver)).await;
        state.record.billing_start = chrono::NaiveDate::from_ymd_opt(2026, 2, 28);
        world.provider.script().subscriptions = vec![page(vec![state])];
        world.sync().await;
        let days = world.texts("SELECT CAST(billing_start AS text) FROM subscription").await;
        assert_eq!(days, ["2026-02-28"], "on {}", world.database.url);
        let versions = world.texts("SELECT external_id FROM record_version WHERE kind = 'subscription'").await;
        assert_eq!(versions.len(), 1, "the provider's text is the same");
        let _ = world.clock.now();
    }
}
