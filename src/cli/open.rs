//! Opening what the settings name: the keys, the database, the program.

use std::sync::Arc;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::settings::Settings;
use crate::app::{App, Parts};
use crate::environment::{RandomIds, SystemClock};
use crate::graphql::{Introspection, SchemaSettings};
use crate::secret::{KeyFile, SystemRandom};
use crate::service::reach::Reach;
use crate::storage::Store;

/// Opens the program over its database, migrated.
pub(super) async fn app(settings: &Settings) -> anyhow::Result<App> {
    let (keys, key_file) = settings.open_keys(Arc::new(SystemRandom))?;
    if let KeyFile::Created = key_file {
        eprintln!(
            "A key file was made beside the database. Keep a copy of it in a safe place: stored credentials cannot be \
             read without it."
        );
    }
    let store = store(settings).await?;
    Ok(App::new(Parts {
        store,
        keys: Arc::new(keys),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        reach: Reach {
            private_networks: settings.allow_private_networks,
            hosts: settings.allowed_provider_hosts.clone(),
            files_root: settings.files_root.clone(),
        },
        connectors: None,
        schema: SchemaSettings {
            introspection: if settings.introspection { Introspection::Open } else { Introspection::Closed },
            cost_limit: settings.limits.cost,
        },
        public_url: settings.public_url.clone(),
    }))
}

/// Opens the database and brings it up to date.
pub(super) async fn store(settings: &Settings) -> anyhow::Result<Store> {
    let url = settings.database.connect_url();
    let opening = || format!("The database {} cannot be opened", settings.database);
    let store = Store::connect(url.expose_secret()).await.with_context(opening)?;
    let migrating = || format!("The database {} cannot be brought up to date", settings.database);
    store.migrate().await.with_context(migrating)?;
    Ok(store)
}
