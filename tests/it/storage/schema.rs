//! Opening a database: several processes at once, and URLs that cannot be used.

use std::time::Duration;

use concord::storage::{StorageError, Store};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, TransactionTrait as _};

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

/// The first one to open a file changes how it is written, for which SQLite lets nobody wait: it refuses at once.
#[tokio::test]
async fn a_file_that_somebody_else_prepares_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/new.db?mode=rwc", folder.path().display());
    let other = Database::connect(ConnectOptions::new(&url).max_connections(1).to_owned()).await.expect("it opens");
    other.execute_unprepared("CREATE TABLE something (id INTEGER)").await.expect("the file exists");
    let writing = other.begin().await.expect("a transaction");
    writing.execute_unprepared("INSERT INTO something VALUES (1)").await.expect("it writes");
    let opening = tokio::spawn(async move { Store::connect(&url).await?.ping().await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!opening.is_finished(), "it waits");
    writing.commit().await.expect("the writer ends");
    opening.await.expect("it ends").expect("the store opens");
}

#[tokio::test]
async fn a_database_that_only_one_connection_would_see_is_refused() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite://x?mode=memory", "mysql://localhost/x"] {
        assert!(matches!(Store::connect(url).await, Err(StorageError::Url(_))), "{url}");
    }
}
