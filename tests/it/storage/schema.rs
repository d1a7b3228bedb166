//! Opening a database: several processes at once, and URLs that cannot be used.

use concord::storage::{StorageError, Store};

use crate::postgres::databases;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_together_make_the_schema_once() {
    for database in databases().await {
        let replicas = (0..5).map(|_| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let store = Store::connect(&url).await?;
                store.migrate().await?;
                store.ping().await
            })
        });
        for replica in replicas.collect::<Vec<_>>() {
            replica.await.expect("the replica ends").unwrap_or_else(|error| panic!("{error} on {}", database.url));
        }
    }
}

#[tokio::test]
async fn a_database_that_only_one_connection_would_see_is_refused() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite://x?mode=memory", "mysql://localhost/x"] {
        assert!(matches!(Store::connect(url).await, Err(StorageError::Url(_))), "{url}");
    }
}
