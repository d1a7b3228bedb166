//! Opening what the settings name: the keys, the database, the program.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret as _;

use super::settings::{KeySource, Settings};
use crate::app::{App, Parts};
use crate::environment::{RandomIds, SystemClock};
use crate::graphql::{Introspection, SchemaSettings};
use crate::secret::{KeyFile, SystemRandom};
use crate::service::reach::Reach;
use crate::service::secrets::used_keys;
use crate::storage::Store;

/// Opens the program over its database, migrated.
pub(super) async fn app(settings: &Settings) -> anyhow::Result<App> {
    let mut store = None;
    if let Some(KeySource::FileOrNew(path)) = &settings.keys
        && !path.try_exists().with_context(|| format!("The key file {} cannot be looked for", path.display()))?
    {
        let opened = self::store(settings).await?;
        check_new_key_may_be_made(&opened, path).await?;
        store = Some(opened);
    }
    let (keys, key_file) = settings.open_keys(Arc::new(SystemRandom))?;
    if let KeyFile::Created = key_file {
        eprintln!(
            "A key file was made beside the database. Keep a copy of it in a safe place: stored credentials cannot be \
             read without it."
        );
    }
    let store = match store {
        Some(store) => store,
        None => self::store(settings).await?,
    };
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

/// Refuses to go on with a new key where a database needs the one that is not there: a lost file would be replaced without a
/// word, and come back too late from its backup.
async fn check_new_key_may_be_made(store: &Store, path: &Path) -> anyhow::Result<()> {
    let used = used_keys(store).await.context("The keys that the database was used with cannot be looked up")?;
    // Another process may have made the file, and used it, since it was looked for.
    if used.is_empty() || path.exists() {
        return Ok(());
    }
    let names: Vec<String> = used.iter().map(|key| format!("`{}`", key.key_id)).collect();
    bail!(
        "The key file `{}` is not there, but the database needs the key {}: it seals {} secrets and proves {} audit events. \
         Copy the file back from a backup. If it is lost for good, start with a new key in CONCORD_SECRET_KEYS (a name, a \
         colon, and 32 random bytes in base64) and enter the credentials again.",
        path.display(),
        names.join(" and "),
        used.iter().map(|key| key.secrets).sum::<u64>(),
        used.iter().map(|key| key.events).sum::<u64>(),
    )
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
