//! Transactions whose callers go away.

use std::time::Duration;

use concord::storage::{Store, reconciliation};
use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait as _, Statement};

use crate::postgres::databases;

/// A connection that stayed in a transaction that nobody ends would come to somebody else from the pool.
#[tokio::test]
async fn who_goes_away_while_a_transaction_begins_leaves_no_open_one_behind() {
    for database in databases().await {
        let store = Store::connect(&database.url).await.expect("the store opens");
        store.migrate().await.expect("it is migrated");
        for _ in 0..50 {
            // Asked once, so that the beginning is under way, and then dropped.
            assert!(Box::pin(store.begin()).now_or_never().is_none());
            assert!(Box::pin(reconciliation::snapshot(&store)).now_or_never().is_none());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for _ in 0..20 {
            let reading = reconciliation::snapshot(&store).await.expect("it begins outside of a transaction");
            reading.rollback().await.expect("it ends");
            store.begin().await.expect("it begins").commit().await.expect("it ends");
        }
        if database.url.starts_with("postgres") {
            let sql = "SELECT COUNT(*) AS count FROM pg_stat_activity WHERE datname = current_database() \
                       AND state LIKE 'idle in transaction%'";
            let backend = store.read().get_database_backend();
            let row = store.read().query_one_raw(Statement::from_string(backend, sql)).await.expect("it reads");
            let open: i64 = row.expect("a row").try_get("", "count").expect("a number");
            assert_eq!(open, 0, "connections wait in transactions that nobody ends");
        }
    }
}
