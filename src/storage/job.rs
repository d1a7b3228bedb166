//! Durable work: a row is claimed with a lease, and every claim has a number that grows. A worker that slept past its
//! lease finds a larger number and must not write.

use chrono::{DateTime, TimeDelta, Utc};
use entity::job;
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, LockBehavior, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::text::Word;
use super::{StorageError, Tx, lease};
use crate::domain::id::{JobId, OrganizationId};
use crate::domain::run::JobKind;

/// How long a claim lasts unless it is renewed. The worker renews it while it works, so this is how long a killed
/// worker's job waits for the next one.
pub const LEASE: TimeDelta = TimeDelta::seconds(15);

const QUEUED: &str = "QUEUED";
const RUNNING: &str = "RUNNING";
const DONE: &str = "DONE";
const FAILED: &str = "FAILED";

impl Word for JobKind {
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Sync, "SYNC"), (Self::Reconcile, "RECONCILE")];

    fn word(self) -> &'static str {
        match self {
            Self::Sync => "SYNC",
            Self::Reconcile => "RECONCILE",
        }
    }
}

/// Work that this worker has claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Job.
    pub job_id: JobId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// What is to be done.
    pub kind: JobKind,
    /// Run that it is done for.
    pub subject_id: Uuid,
    /// Number of the claim.
    pub number: i64,
    /// How often the job was begun, this time included.
    pub attempts: i32,
}

/// Adds work, in the transaction that makes the run it is for.
pub async fn enqueue(
    tx: &Tx,
    organization_id: OrganizationId,
    id: JobId,
    kind: JobKind,
    subject_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let row = job::ActiveModel {
        id: Set(id.0),
        organization_id: Set(organization_id.0),
        kind: Set(kind.word().to_owned()),
        subject_id: Set(subject_id),
        status: Set(QUEUED.to_owned()),
        run_after: Set(now),
        claim: Set(0),
        lease_until: Set(None),
        worker: Set(None),
        attempts: Set(0),
        failure: Set(None),
        created_at: Set(now),
        finished_at: Set(None),
    };
    job::Entity::insert(row).exec_without_returning(&**tx).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        // Due by the clock that says what is due; this replica's own may be fast.
        job::Entity::update_many()
            .col_expr(job::Column::RunAfter, lease::time(DbBackend::Postgres, now))
            .filter(job::Column::Id.eq(id.0))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

fn ready(backend: DbBackend, now: DateTime<Utc>) -> Condition {
    let time = || lease::time(backend, now);
    // Work of a newer program is left to it.
    let kinds = JobKind::WORDS.iter().map(|(_, word)| *word);
    let waits = Condition::all().add(job::Column::Status.eq(QUEUED)).add(Expr::col(job::Column::RunAfter).lte(time()));
    let silent =
        Condition::all().add(job::Column::Status.eq(RUNNING)).add(Expr::col(job::Column::LeaseUntil).lt(time()));
    Condition::all().add(job::Column::Kind.is_in(kinds)).add(Condition::any().add(waits).add(silent))
}

/// Whether there seems to be work; [`claim`] decides.
pub async fn is_waiting(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool, StorageError> {
    Ok(job::Entity::find().filter(ready(db.get_database_backend(), now)).limit(1).one(db).await?.is_some())
}

/// Claims the next piece of work: one that waits, or one whose worker let its lease run out.
pub async fn claim(tx: &Tx, worker: &str, now: DateTime<Utc>) -> Result<Option<Claim>, StorageError> {
    let backend = tx.get_database_backend();
    let query = job::Entity::find()
        .filter(ready(backend, now))
        .order_by_asc(job::Column::RunAfter)
        .order_by_asc(job::Column::Id)
        .limit(1)
        .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    let Some(found) = query.one(&**tx).await? else {
        return Ok(None);
    };
    let (number, attempts) = (found.claim + 1, found.attempts + 1);
    job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(RUNNING))
        .col_expr(job::Column::Claim, Expr::value(number))
        .col_expr(job::Column::Attempts, Expr::value(attempts))
        .col_expr(job::Column::LeaseUntil, lease::end(backend, now, LEASE))
        .col_expr(job::Column::Worker, Expr::value(worker))
        .filter(job::Column::Id.eq(found.id))
        .exec(&**tx)
        .await?;
    Ok(Some(Claim {
        job_id: JobId(found.id),
        organization_id: OrganizationId(found.organization_id),
        kind: JobKind::read(&found.kind)?,
        subject_id: found.subject_id,
        number,
        attempts,
    }))
}

/// Makes sure that the claim still stands and renews its lease; the first thing in every transaction of a job.
pub async fn hold(tx: &Tx, claim: &Claim, now: DateTime<Utc>) -> Result<(), StorageError> {
    let held = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, lease::end(tx.get_database_backend(), now, LEASE))
        .filter(job::Column::Id.eq(claim.job_id.0))
        .filter(job::Column::Status.eq(RUNNING))
        .filter(job::Column::Claim.eq(claim.number))
        .exec(&**tx)
        .await?;
    if held.rows_affected == 1 { Ok(()) } else { Err(StorageError::LeaseLost) }
}

/// Puts work back, to be begun again after a while.
pub async fn postpone(tx: &Tx, claim: &Claim, now: DateTime<Utc>, wait: TimeDelta) -> Result<(), StorageError> {
    let run_after = match tx.get_database_backend() {
        DbBackend::Postgres => {
            Expr::cust(format!("clock_timestamp() + interval '{} milliseconds'", wait.num_milliseconds()))
        }
        _ => Expr::value(now + wait),
    };
    let postponed = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(QUEUED))
        .col_expr(job::Column::RunAfter, run_after)
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(job::Column::Id.eq(claim.job_id.0))
        .filter(job::Column::Claim.eq(claim.number))
        .exec(&**tx)
        .await?;
    if postponed.rows_affected == 1 { Ok(()) } else { Err(StorageError::LeaseLost) }
}

/// Ends work; `failure` says why it could not be done.
pub async fn finish(tx: &Tx, claim: &Claim, failure: Option<&str>, now: DateTime<Utc>) -> Result<(), StorageError> {
    let finished = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(if failure.is_some() { FAILED } else { DONE }))
        .col_expr(job::Column::Failure, Expr::value(failure.map(str::to_owned)))
        .col_expr(job::Column::FinishedAt, Expr::value(now))
        .filter(job::Column::Id.eq(claim.job_id.0))
        .filter(job::Column::Status.eq(RUNNING))
        .filter(job::Column::Claim.eq(claim.number))
        .exec(&**tx)
        .await?;
    if finished.rows_affected == 1 { Ok(()) } else { Err(StorageError::LeaseLost) }
}
