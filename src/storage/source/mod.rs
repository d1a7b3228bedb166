//! Synced records: current rows, their versions, and what a page of a pull does to them.
//!
//! A page is applied as a whole: every record's row is written anew, and where the provider's text has changed its old
//! version is closed and another one opened. Reading the same page twice changes nothing, which is what lets a killed
//! run read it again.

pub mod agreement_line;
pub mod company;
pub mod customer;
pub mod pax8_product;
pub mod price_book_entry;
pub mod psa_invoice;
pub mod psa_invoice_line;
pub mod psa_product;
pub mod subscription;
pub mod vendor_invoice;
pub mod vendor_invoice_line;
pub mod vendor_price;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{provider_account, record_version};
use sea_orm::sea_query::{Condition, Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, ExprTrait,
    FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::row_lock::RowLock as _;
use super::{StorageError, Tx};
use crate::digest::sha256;
use crate::domain::id::{OrganizationId, ProviderAccountId, SyncRunId};
use crate::environment::Ids;

/// Rows of one statement: few enough for SQLite's 32,766 parameters with the widest table.
const BATCH: usize = 500;

/// The columns that every synced record has, of one table.
pub struct CommonColumns<E: EntityTrait> {
    pub(super) id: E::Column,
    pub(super) organization_id: E::Column,
    pub(super) account_id: E::Column,
    pub(super) external_id: E::Column,
    pub(super) content_hash: E::Column,
    pub(super) last_seen_run: E::Column,
    pub(super) last_seen_at: E::Column,
    pub(super) gone_at: E::Column,
    pub(super) first_seen_run: E::Column,
    pub(super) first_seen_at: E::Column,
}

macro_rules! common_columns {
    ($table:ident) => {
        super::CommonColumns {
            id: $table::Column::Id,
            organization_id: $table::Column::OrganizationId,
            account_id: $table::Column::AccountId,
            external_id: $table::Column::ExternalId,
            content_hash: $table::Column::ContentHash,
            last_seen_run: $table::Column::LastSeenRun,
            last_seen_at: $table::Column::LastSeenAt,
            gone_at: $table::Column::GoneAt,
            first_seen_run: $table::Column::FirstSeenRun,
            first_seen_at: $table::Column::FirstSeenAt,
        }
    };
}
use common_columns;

macro_rules! identity {
    ($model:ident) => {
        super::Identity {
            id: $model.id,
            external_id: $model.external_id.clone(),
            content_hash: $model.content_hash.clone(),
            first_seen_at: $model.first_seen_at,
            last_seen_at: $model.last_seen_at,
            gone_at: $model.gone_at,
        }
    };
}
use identity;

/// Values of the common columns of a new or changed row.
#[derive(Debug, Clone)]
pub struct Common {
    id: Uuid,
    organization_id: Uuid,
    account_id: Uuid,
    external_id: String,
    content_hash: String,
    first_seen_run: Option<Uuid>,
    last_seen_run: Option<Uuid>,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
}

/// Who a stored record is, and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our id.
    pub id: Uuid,
    /// The provider's id, or the key made where it has none.
    pub external_id: String,
    /// SHA-256 of the raw text, in hexadecimal.
    pub content_hash: String,
    /// When it was read first.
    pub first_seen_at: DateTime<Utc>,
    /// When it was read last.
    pub last_seen_at: DateTime<Utc>,
    /// When a complete pull no longer found it; cleared when it returns.
    pub gone_at: Option<DateTime<Utc>>,
}

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<R> {
    /// Who it is.
    pub identity: Identity,
    /// What it says.
    pub record: R,
}

/// A table of synced records.
pub trait SourceTable: Send + Sync + 'static {
    /// Its SeaORM entity.
    type Entity: EntityTrait<Model: FromQueryResult + Send + Sync>;
    /// Its SeaORM active model.
    type ActiveModel: ActiveModelTrait<Entity = Self::Entity> + Send;
    /// The neutral record it keeps.
    type Record: Send + Sync;
    /// Its word in `record_version`.
    const KIND: &'static str;

    /// Its common columns.
    fn columns() -> CommonColumns<Self::Entity>;
    /// A row.
    fn active(common: &Common, record: &Self::Record) -> Self::ActiveModel;
    /// Who a row is.
    fn identity(model: &<Self::Entity as EntityTrait>::Model) -> Identity;
    /// What a row says.
    fn record(model: <Self::Entity as EntityTrait>::Model) -> Result<Self::Record, StorageError>;
    /// Which rows the list of these records accounts for: a complete pull marks those of them that it did not find.
    fn listed() -> Condition {
        Condition::all()
    }
    /// A row as a stored record.
    fn stored(model: <Self::Entity as EntityTrait>::Model) -> Result<Stored<Self::Record>, StorageError> {
        Ok(Stored { identity: Self::identity(&model), record: Self::record(model)? })
    }
}

/// What is being pulled, for whom and when.
#[derive(Debug, Clone, Copy)]
pub struct Pull {
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Account that is read.
    pub account_id: ProviderAccountId,
    /// Run that reads; `None` for an import by hand.
    pub run_id: Option<SyncRunId>,
    /// When.
    pub now: DateTime<Utc>,
}

/// A record as it arrives.
#[derive(Debug, Clone)]
pub struct Incoming<R> {
    /// The provider's id, or a key made where it has none.
    pub external_id: String,
    /// The provider's own text.
    pub raw: String,
    /// What it says.
    pub record: R,
}

/// What a page did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Records that were new.
    pub created: u64,
    /// Records that had changed.
    pub changed: u64,
    /// Records that were as before.
    pub unchanged: u64,
}

/// SHA-256 of a raw record, in hexadecimal.
pub fn content_hash(raw: &str) -> String {
    sha256(raw.as_bytes())
}

/// Applies a page. Where a page names a record twice, the later one counts: lists may shift while they are read.
pub async fn apply<T: SourceTable>(
    tx: &Tx,
    ids: &dyn Ids,
    pull: Pull,
    page: Vec<Incoming<T::Record>>,
) -> Result<Applied, StorageError> {
    hold_account(tx, pull).await?;
    let mut latest: HashMap<String, usize> = HashMap::with_capacity(page.len());
    for (at, incoming) in page.iter().enumerate() {
        latest.insert(incoming.external_id.clone(), at);
    }
    let unique: Vec<Incoming<T::Record>> = page
        .into_iter()
        .enumerate()
        .filter(|(at, incoming)| latest.get(&incoming.external_id) == Some(at))
        .map(|(_, incoming)| incoming)
        .collect();
    let mut applied = Applied::default();
    let mut rest = unique;
    while !rest.is_empty() {
        let tail = rest.split_off(rest.len().min(BATCH));
        let batch = std::mem::replace(&mut rest, tail);
        apply_batch::<T>(tx, ids, pull, batch, &mut applied).await?;
    }
    Ok(applied)
}

/// Two imports of one account by hand at once would each make a new record of its own, with versions that belong to
/// neither; the second waits. SQLite has one writer anyway.
async fn hold_account(tx: &Tx, pull: Pull) -> Result<(), StorageError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        provider_account::Entity::find_by_id(pull.account_id.0)
            .select_only()
            .column(provider_account::Column::Id)
            .filter(provider_account::Column::OrganizationId.eq(pull.organization_id.0))
            .held()
            .into_tuple::<Uuid>()
            .one(&**tx)
            .await?;
    }
    Ok(())
}

async fn apply_batch<T: SourceTable>(
    tx: &Tx,
    ids: &dyn Ids,
    pull: Pull,
    batch: Vec<Incoming<T::Record>>,
    applied: &mut Applied,
) -> Result<(), StorageError> {
    let columns = T::columns();
    let (organization, account, run) = (pull.organization_id.0, pull.account_id.0, pull.run_id.map(|run| run.0));
    let known: Vec<(String, Uuid, String, Option<Uuid>)> = T::Entity::find()
        .select_only()
        .column(columns.external_id)
        .column(columns.id)
        .column(columns.content_hash)
        .column(columns.last_seen_run)
        .filter(columns.organization_id.eq(organization))
        .filter(columns.account_id.eq(account))
        .filter(columns.external_id.is_in(batch.iter().map(|incoming| incoming.external_id.as_str())))
        .into_tuple()
        .all(&**tx)
        .await?;
    let known: HashMap<String, (Uuid, String, Option<Uuid>)> =
        known.into_iter().map(|(external_id, id, hash, seen)| (external_id, (id, hash, seen))).collect();

    let (mut rows, mut versions) = (Vec::with_capacity(batch.len()), Vec::new());
    // The run that saw a version last is known only when the next version arrives; a page has few such runs.
    let mut closed: HashMap<Option<Uuid>, Vec<Uuid>> = HashMap::new();
    for incoming in batch {
        let hash = content_hash(&incoming.raw);
        let (id, is_same) = match known.get(&incoming.external_id) {
            Some((id, known_hash, _)) if *known_hash == hash => {
                applied.unchanged += 1;
                (*id, true)
            }
            Some((id, _, last_seen)) => {
                applied.changed += 1;
                closed.entry(*last_seen).or_default().push(*id);
                (*id, false)
            }
            None => {
                applied.created += 1;
                (ids.next(), false)
            }
        };
        let common = Common {
            id,
            organization_id: organization,
            account_id: account,
            external_id: incoming.external_id.clone(),
            content_hash: hash.clone(),
            first_seen_run: run,
            last_seen_run: run,
            first_seen_at: pull.now,
            last_seen_at: pull.now,
        };
        // Also when the text is the same: what we make of it depends on the zone and the settings of the account, and on
        // the version of this program.
        rows.push(T::active(&common, &incoming.record));
        if is_same {
            continue;
        }
        versions.push(record_version::ActiveModel {
            id: Set(ids.next()),
            organization_id: Set(organization),
            account_id: Set(account),
            kind: Set(T::KIND.to_owned()),
            record_id: Set(id),
            external_id: Set(incoming.external_id),
            content_hash: Set(hash),
            raw: Set(incoming.raw),
            observed_from: Set(pull.now),
            observed_to: Set(None),
            first_run_id: Set(run),
            last_run_id: Set(None),
        });
    }
    for (last_seen, record_ids) in closed {
        record_version::Entity::update_many()
            .col_expr(record_version::Column::ObservedTo, Expr::value(pull.now))
            .col_expr(record_version::Column::LastRunId, Expr::value(last_seen))
            .filter(record_version::Column::OrganizationId.eq(organization))
            .filter(record_version::Column::Kind.eq(T::KIND))
            .filter(record_version::Column::RecordId.is_in(record_ids))
            .filter(record_version::Column::ObservedTo.is_null())
            .exec(&**tx)
            .await?;
    }
    T::Entity::insert_many(rows).on_conflict(replacing::<T>()).exec_without_returning(&**tx).await?;
    if !versions.is_empty() {
        record_version::Entity::insert_many(versions).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// On conflict every column is replaced but the id and when the record was first seen.
fn replacing<T: SourceTable>() -> OnConflict {
    use sea_orm::Iterable as _;
    let columns = T::columns();
    let kept = [columns.id, columns.first_seen_run, columns.first_seen_at].map(|column| format!("{column:?}"));
    let replaced = <T::Entity as EntityTrait>::Column::iter().filter(|column| !kept.contains(&format!("{column:?}")));
    let mut conflict = OnConflict::columns([columns.organization_id, columns.account_id, columns.external_id]);
    conflict.update_columns(replaced);
    conflict
}

/// Marks what a complete pull no longer found, and says how many records that were.
pub async fn mark_gone<T: SourceTable>(tx: &Tx, pull: Pull) -> Result<u64, StorageError> {
    mark_gone_where::<T>(tx, pull, T::listed()).await
}

/// Marks those of some records that a complete pull of them no longer found.
pub(super) async fn mark_gone_where<T: SourceTable>(
    tx: &Tx,
    pull: Pull,
    condition: Condition,
) -> Result<u64, StorageError> {
    let columns = T::columns();
    let unseen = Condition::any()
        .add(columns.last_seen_run.is_null())
        .add(columns.last_seen_run.ne(pull.run_id.map(|run| run.0)));
    let result = T::Entity::update_many()
        .col_expr(columns.gone_at, Expr::value(pull.now))
        .filter(columns.organization_id.eq(pull.organization_id.0))
        .filter(columns.account_id.eq(pull.account_id.0))
        .filter(columns.gone_at.is_null())
        .filter(unseen)
        .filter(condition)
        .exec(&**tx)
        .await?;
    Ok(result.rows_affected)
}

/// Marks what a complete pull of some parents (the lines of an invoice, the prices of a product) no longer found.
pub async fn mark_children_gone<T: SourceTable>(
    tx: &Tx,
    pull: Pull,
    parent: <T::Entity as EntityTrait>::Column,
    parents: &[String],
) -> Result<u64, StorageError> {
    let columns = T::columns();
    let unseen = Condition::any()
        .add(columns.last_seen_run.is_null())
        .add(columns.last_seen_run.ne(pull.run_id.map(|run| run.0)));
    let mut gone = 0;
    for chunk in parents.chunks(BATCH) {
        let result = T::Entity::update_many()
            .col_expr(columns.gone_at, Expr::value(pull.now))
            .filter(columns.organization_id.eq(pull.organization_id.0))
            .filter(columns.account_id.eq(pull.account_id.0))
            .filter(columns.gone_at.is_null())
            .filter(parent.is_in(chunk))
            .filter(unseen.clone())
            .exec(&**tx)
            .await?;
        gone += result.rows_affected;
    }
    Ok(gone)
}

/// How many records of an account a run has seen.
pub async fn seen<T: SourceTable>(tx: &Tx, pull: Pull) -> Result<u64, StorageError> {
    let columns = T::columns();
    let count: Option<i64> = T::Entity::find()
        .select_only()
        .expr(Expr::col(columns.id).count())
        .filter(columns.organization_id.eq(pull.organization_id.0))
        .filter(columns.account_id.eq(pull.account_id.0))
        .filter(columns.last_seen_run.eq(pull.run_id.map(|run| run.0)))
        .into_tuple()
        .one(&**tx)
        .await?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Whether gone records are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Only what the last complete pull found.
    Present,
    /// Everything ever seen.
    Everything,
}

/// The records of an account in the order of their external ids, in batches: `after` is the last external id seen.
pub async fn batch<T: SourceTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    presence: Presence,
    after: Option<&str>,
    size: u64,
) -> Result<Vec<Stored<T::Record>>, StorageError> {
    batch_where::<T>(db, organization_id, account_id, presence, Condition::all(), after, size).await
}

/// The same of the records that a condition keeps.
pub(super) async fn batch_where<T: SourceTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    presence: Presence,
    condition: Condition,
    after: Option<&str>,
    size: u64,
) -> Result<Vec<Stored<T::Record>>, StorageError> {
    let columns = T::columns();
    let mut query = T::Entity::find()
        .filter(columns.organization_id.eq(organization_id.0))
        .filter(columns.account_id.eq(account_id.0))
        .filter(condition)
        .order_by_asc(columns.external_id)
        .limit(size);
    if presence == Presence::Present {
        query = query.filter(columns.gone_at.is_null());
    }
    if let Some(after) = after {
        query = query.filter(columns.external_id.gt(after));
    }
    query.all(db).await?.into_iter().map(T::stored).collect()
}

/// All records of an account, read in batches.
pub async fn all<T: SourceTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    presence: Presence,
) -> Result<Vec<Stored<T::Record>>, StorageError> {
    const SIZE: u64 = 5_000;
    let mut records: Vec<Stored<T::Record>> = Vec::new();
    loop {
        let after = records.last().map(|stored| stored.identity.external_id.clone());
        let next = batch::<T>(db, organization_id, account_id, presence, after.as_deref(), SIZE).await?;
        let is_last = (next.len() as u64) < SIZE;
        records.extend(next);
        if is_last {
            return Ok(records);
        }
    }
}

/// The records with these ids, in no order; what another tenant owns is not found.
pub async fn by_ids<T: SourceTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<Stored<T::Record>>, StorageError> {
    let columns = T::columns();
    let mut records = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(BATCH) {
        let models = T::Entity::find()
            .filter(columns.organization_id.eq(organization_id.0))
            .filter(columns.id.is_in(chunk.iter().copied()))
            .all(db)
            .await?;
        for model in models {
            records.push(T::stored(model)?);
        }
    }
    Ok(records)
}

/// The records of an account with these external ids, in no order.
pub async fn by_external_ids<T: SourceTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    external_ids: &[String],
) -> Result<Vec<Stored<T::Record>>, StorageError> {
    let columns = T::columns();
    let mut records = Vec::with_capacity(external_ids.len());
    for chunk in external_ids.chunks(BATCH) {
        let models = T::Entity::find()
            .filter(columns.organization_id.eq(organization_id.0))
            .filter(columns.account_id.eq(account_id.0))
            .filter(columns.external_id.is_in(chunk))
            .all(db)
            .await?;
        for model in models {
            records.push(T::stored(model)?);
        }
    }
    Ok(records)
}

/// The number of present records of an account.
pub async fn count<T: SourceTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<u64, StorageError> {
    let columns = T::columns();
    let count: Option<i64> = T::Entity::find()
        .select_only()
        .expr(Expr::col(columns.id).count())
        .filter(columns.organization_id.eq(organization_id.0))
        .filter(columns.account_id.eq(account_id.0))
        .filter(columns.gone_at.is_null())
        .into_tuple()
        .one(db)
        .await?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}
