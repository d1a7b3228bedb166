//! Opening a database: several processes at once, and URLs that cannot be used.

use std::time::Duration;

use chrono::{DateTime, Utc};
use concord::domain::id::{IntegrationId, OrganizationId, ProviderAccountId};
use concord::domain::integration::Integration;
use concord::domain::provider::ConnectionMethod;
use concord::storage::provider_token::{self, TokenKey};
use concord::storage::{StorageError, Store, account, integration, organization, webhook};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, TransactionTrait as _};
use uuid::Uuid;

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

/// An installation of before consents had origins goes on: nobody has to connect anything again.
#[tokio::test]
async fn connected_accounts_of_an_older_schema_go_on() {
    for database in databases().await {
        let before =
            Migrator::migrations().iter().position(|change| change.name().starts_with("m20261128")).expect("one");
        let options = ConnectOptions::new(database.url.replace(".db", ".db?mode=rwc")).max_connections(1).to_owned();
        let old = Database::connect(options).await.expect("it opens");
        Migrator::up(&old, Some(u32::try_from(before).expect("a few"))).await.expect("the schema of before");
        let store = Store::connect(&database.url).await.expect("the store opens");
        let moment = DateTime::<Utc>::UNIX_EPOCH;
        let tx = store.begin().await.expect("a transaction");
        let organization_id = OrganizationId(Uuid::from_u128(1));
        let organization_id =
            organization::find_or_create(&tx, organization_id, "default", moment).await.expect("made");
        let owner = Integration::new(IntegrationId(Uuid::from_u128(2)), organization_id, "Older".into(), moment);
        integration::insert(&tx, &owner).await.expect("made");
        // The account has the id of its integration.
        let account_id = ProviderAccountId(owner.id.0);
        // Ids as the database keeps them.
        let ids = "SELECT organization_id, id";
        for statement in [
            "INSERT INTO provider_account (id, organization_id, integration_id, side, method, status, settings, secret, \
             time_zone, remarks, capabilities, granted_scopes, version, created_at, updated_at) SELECT id, \
             organization_id, id, 'PAX8', 'KEYS', 'CONNECTED', '{}', 'v1.k.sealed', 'UTC', '[]', '[]', '[]', 1, created_at, \
             created_at FROM integration"
                .to_owned(),
            format!(
                "INSERT INTO provider_authorization (organization_id, account_id, application) {ids}, '{{}}' FROM \
                 provider_account"
            ),
            format!(
                "INSERT INTO provider_token (organization_id, account_id, method, origin, tokens, number) {ids}, \
                 'DELEGATED', '', 'v1.k.consent', 3 FROM provider_account"
            ),
            format!(
                "INSERT INTO provider_token (organization_id, account_id, method, origin, tokens, number) {ids}, 'KEYS', \
                 'a digest of before', 'v1.k.keys', 5 FROM provider_account"
            ),
            "INSERT INTO webhook (id, organization_id, integration_id, account_id, status, path_hash, authorization_mac, url, \
             is_manual, topics, unknown_topics, wanted, delivery_count, created_at, version) SELECT id, organization_id, \
             integration_id, id, 'ACTIVE', 'hash', 'mac', 'https://x', false, '[]', '[]', '', 0, created_at, 1 FROM \
             provider_account"
                .to_owned(),
        ] {
            tx.execute_unprepared(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        tx.commit().await.expect("stored");

        store.migrate().await.expect("the schema of today");
        let read = store.read();
        let kept = account::credentials(read, organization_id, account_id).await.expect("it reads");
        let (keys, consent) = (kept.keys.expect("the keys are kept"), kept.authorization.expect("the consent is kept"));
        let key = TokenKey { organization_id, account_id, method: ConnectionMethod::Delegated };
        let tokens = provider_token::find(read, key).await.expect("it reads").expect("the tokens are kept");
        assert_eq!((&tokens.origin, tokens.number), (&consent.origin, 3), "they belong to the consent");
        let fetched = provider_token::find(read, TokenKey { method: ConnectionMethod::Keys, ..key }).await;
        assert_eq!(fetched.expect("it reads"), None, "a token of keys is fetched anew");
        assert_eq!((keys.origin.as_str(), keys.addresses), ("", None));
        let webhooks = webhook::of_account(read, organization_id, account_id).await.expect("it reads");
        assert_eq!(webhooks.len(), 1, "the webhook is kept");
        old.close().await.expect("it closes");
    }
}
