//! The secret keys over time: sealing again with another key, and which key is still needed for what.
//!
//! Every column of sealed values is a place in [`PLACES`]; what is missing there is not sealed again. Nothing here knows
//! what a secret is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Core;
use super::access::operator;
use super::sealing::SealedPlace;
use crate::domain::audit::Change;
use crate::domain::id::ProviderAccountId;
use crate::secret::{KeyRing, OpenError, Sealed};
use crate::storage::sealed::{self, KeyUse, SealedColumn, SealedRow};
use crate::storage::{StorageError, Store};

/// Where sealed values stand, and what each is bound to.
pub struct Stored {
    /// Column.
    pub column: SealedColumn,
    /// What binds a value to its account: moved to another one, it does not open.
    pub place: SealedPlace,
}

impl Stored {
    const fn of(table: &'static str, key: &'static str, column: &'static str, place: SealedPlace) -> Self {
        Self { column: SealedColumn { table, key, part: None, column }, place }
    }
}

/// Every place. A new column of sealed values needs a line here; a test looks for columns that have none.
pub const PLACES: &[Stored] = &[
    Stored::of("provider_account", "id", "secret", SealedPlace::Secret),
    Stored::of("provider_authorization", "account_id", "application_secret", SealedPlace::ApplicationSecret),
    // One row for each way of connecting.
    Stored {
        column: SealedColumn { table: "provider_token", key: "account_id", part: Some("method"), column: "tokens" },
        place: SealedPlace::Tokens,
    },
    // An account has one attempt at most.
    Stored::of("authorization_attempt", "account_id", "application_secret", SealedPlace::ApplicationSecret),
    Stored::of("authorization_attempt", "account_id", "code_verifier", SealedPlace::CodeVerifier),
    Stored::of("authorization_attempt", "account_id", "secret", SealedPlace::Secret),
];

/// Values of one transaction: few enough that a server beside it does not wait.
const BATCH: usize = 50;

/// How often a value that somebody else replaces at the same moment is tried again.
const ATTEMPTS: usize = 5;

/// A value that stayed as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// What a person calls its row.
    pub owner: String,
    /// Why.
    pub reason: OpenError,
}

/// What sealing again did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Values that were sealed again.
    pub resealed: u64,
    /// Values that the first key had sealed already.
    pub already: u64,
    /// Values that could not be opened.
    pub unopened: Vec<Unopened>,
    /// Values that others kept replacing; the next run takes them.
    pub contended: u64,
}

/// A key and what it is needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// Id.
    pub key_id: String,
    /// Its place among the keys of this server, from 0; `None` when it is not there.
    pub position: Option<usize>,
    /// Stored secrets that it seals.
    pub secrets: u64,
    /// Audit events that it proves.
    pub events: u64,
}

/// The secret keys over time.
#[derive(Clone)]
pub struct SecretsService {
    core: Core,
    keys: Arc<KeyRing>,
}

impl SecretsService {
    /// A service over the core and the keys.
    pub fn new(core: Core, keys: Arc<KeyRing>) -> Self {
        Self { core, keys }
    }

    /// Id of the key that seals.
    pub fn sealing_key_id(&self) -> &str {
        self.keys.sealing_key_id()
    }

    /// Seals every stored secret with the first key. Runs beside a server, may be stopped at any moment and started
    /// again: a value is replaced only where it still is the one that was opened, and what the first key has sealed
    /// stays. What was done is in the audit of each organization.
    pub async fn rotate(&self) -> Result<Rotation, StorageError> {
        let mut rotation = Rotation::default();
        for place in PLACES {
            let mut after: Option<SealedRow> = None;
            loop {
                let rows = sealed::batch(self.core.store.read(), place.column, after.as_ref(), BATCH as u64).await?;
                let Some(last) = rows.last().cloned() else { break };
                for rows in rows.chunk_by(|one, other| one.organization_id == other.organization_id) {
                    self.reseal(place, rows, &mut rotation).await?;
                }
                after = Some(last);
            }
        }
        Ok(rotation)
    }

    /// Seals values of one organization again, in as few transactions as others let it.
    async fn reseal(&self, place: &Stored, rows: &[SealedRow], rotation: &mut Rotation) -> Result<(), StorageError> {
        let core = &self.core;
        let mut rows = rows.to_vec();
        for _ in 0..ATTEMPTS {
            let mut fresh: Vec<(SealedRow, String)> = Vec::new();
            for row in rows {
                let associated = place.place.associated(row.organization_id, ProviderAccountId(row.id));
                let stored = Sealed(row.text.clone());
                match self.keys.open(&stored, &associated) {
                    // Opened all the same: another key with the same id must not pass for the one that sealed it.
                    Ok(_) if stored.key_id() == Some(self.sealing_key_id()) => rotation.already += 1,
                    Ok(secret) => fresh.push((row, self.keys.seal(&secret, &associated).0)),
                    Err(reason) => {
                        let owner = sealed::describe(core.store.read(), place.column, &row).await?;
                        rotation.unopened.push(Unopened { owner, reason });
                    }
                }
            }
            let Some(organization_id) = fresh.first().map(|(row, _)| row.organization_id) else { return Ok(()) };
            let (mut from, mut overtaken) = (BTreeMap::<String, u64>::new(), Vec::new());
            let tx = core.store.begin().await?;
            for (row, text) in fresh {
                if sealed::replace(&tx, place.column, &row, &text).await? {
                    *from.entry(Sealed(row.text.clone()).key_id().unwrap_or_default().to_owned()).or_default() += 1;
                } else {
                    overtaken.push(row);
                }
            }
            let count: u64 = from.values().sum();
            if count > 0 {
                let change = Change {
                    action: "secrets.rotate",
                    subject_kind: "organization",
                    subject_id: Some(organization_id.0),
                    before: Some(serde_json::json!({ "place": place.column.table, "sealedBy": from }).to_string()),
                    after: Some(
                        serde_json::json!({
                            "place": place.column.table, "sealedBy": { (self.sealing_key_id()): count },
                        })
                        .to_string(),
                    ),
                    reason: None,
                };
                core.audit(&tx, &operator(core, organization_id), change).await?;
            }
            tx.commit().await?;
            rotation.resealed += count;
            rows = Vec::new();
            for row in overtaken {
                rows.extend(sealed::find(core.store.read(), place.column, &row).await?);
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
        rotation.contended += rows.len() as u64;
        Ok(())
    }

    /// Every key that is here or was used, and what it is needed for: those of this server in their order, then the
    /// missing ones.
    pub async fn status(&self) -> Result<Vec<KeyStatus>, StorageError> {
        statuses(&self.core.store, &self.keys).await
    }
}

/// Every key that is in a ring or was used in a database, and what it is needed for.
pub async fn statuses(store: &Store, keys: &KeyRing) -> Result<Vec<KeyStatus>, StorageError> {
    let here: Vec<&str> = keys.key_ids().collect();
    used(store, &here).await
}

/// The keys that a database was used with, without any that would be here.
pub async fn used_keys(store: &Store) -> Result<Vec<KeyStatus>, StorageError> {
    used(store, &[]).await
}

async fn used(store: &Store, here: &[&str]) -> Result<Vec<KeyStatus>, StorageError> {
    let db = store.read();
    let mut secrets = Vec::new();
    for place in PLACES {
        secrets.extend(sealed::sealing_keys(db, place.column).await?);
    }
    let events = sealed::audit_keys(db).await?;
    Ok(key_statuses(here, &secrets, &events))
}

fn key_statuses(here: &[&str], secrets: &[KeyUse], events: &[KeyUse]) -> Vec<KeyStatus> {
    let status = |key_id: &str, position: Option<usize>| {
        let count =
            |uses: &[KeyUse]| uses.iter().filter(|used| used.key_id == key_id).map(|used| used.count).sum::<u64>();
        KeyStatus { key_id: key_id.to_owned(), position, secrets: count(secrets), events: count(events) }
    };
    let mut missing: Vec<&str> = secrets.iter().chain(events).map(|used| used.key_id.as_str()).collect();
    missing.retain(|key_id| !here.contains(key_id));
    missing.sort_unstable();
    missing.dedup();
    let mut statuses: Vec<KeyStatus> =
        here.iter().enumerate().map(|(position, key_id)| status(key_id, Some(position))).collect();
    statuses.extend(missing.into_iter().map(|key_id| status(key_id, None)));
    statuses
}
