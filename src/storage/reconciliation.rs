//! Reconciliation runs and their events.

use chrono::{DateTime, Utc};
use entity::reconciliation_run::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    AccessMode, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    IsolationLevel, PaginatorTrait, QueryFilter, Select, TransactionOptions,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{self, StoredEvent};
use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::row_lock::RowLock as _;
use super::text::Word;
use super::{StorageError, Store, Tx, begun};
use crate::domain::id::{IntegrationId, OrganizationId, ReconciliationRunId, ReportId};
use crate::domain::period::Period;
use crate::domain::run::{Numbered, ReconciliationEvent, ReconciliationPhase, ReconciliationRun, RunStatus};

/// A month in a column of our own.
pub(super) fn period(text: &str) -> Result<Period, StorageError> {
    Period::parse(text).map_err(|error| StorageError::Corrupt(error.to_string()))
}

fn domain(model: Model) -> Result<ReconciliationRun, StorageError> {
    Ok(ReconciliationRun {
        id: ReconciliationRunId(model.id),
        organization_id: OrganizationId(model.organization_id),
        integration_id: IntegrationId(model.integration_id),
        status: RunStatus::read(&model.status)?,
        phase: ReconciliationPhase::read(&model.phase)?,
        period_from: period(&model.period_from)?,
        period_to: period(&model.period_to)?,
        as_of: model.as_of,
        report_id: model.report_id.map(ReportId),
        requested_by: model.requested_by,
        failure: model.failure,
        is_cancel_requested: model.is_cancel_requested,
        created_at: model.created_at,
        started_at: model.started_at,
        finished_at: model.finished_at,
        // Runs of before there were versions went by the default policy.
        policy_version: model.policy_version.unwrap_or(0),
        previous_report_id: model.previous_report_id.map(ReportId),
    })
}

fn active(run: &ReconciliationRun) -> ActiveModel {
    ActiveModel {
        id: Set(run.id.0),
        organization_id: Set(run.organization_id.0),
        integration_id: Set(run.integration_id.0),
        status: Set(run.status.word().to_owned()),
        phase: Set(run.phase.word().to_owned()),
        period_from: Set(run.period_from.to_string()),
        period_to: Set(run.period_to.to_string()),
        as_of: Set(run.as_of),
        report_id: Set(run.report_id.map(|id| id.0)),
        requested_by: Set(run.requested_by.clone()),
        failure: Set(run.failure.clone()),
        created_at: Set(run.created_at),
        started_at: Set(run.started_at),
        finished_at: Set(run.finished_at),
        policy_version: Set(Some(run.policy_version)),
        previous_report_id: Set(run.previous_report_id.map(|id| id.0)),
        ..ActiveModel::default()
    }
}

/// Adds a run.
pub async fn insert(tx: &Tx, run: &ReconciliationRun) -> Result<(), StorageError> {
    let row = ActiveModel { is_cancel_requested: Set(false), ..active(run) };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Replaces a run's row. Whether it is to be canceled is left as it is: a person may just have asked for it.
pub async fn update(tx: &Tx, run: &ReconciliationRun) -> Result<(), StorageError> {
    Entity::update_many()
        .set(active(run))
        .filter(Column::Id.eq(run.id.0))
        .filter(Column::OrganizationId.eq(run.organization_id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Asks a run to stop.
pub async fn request_cancel(
    tx: &Tx,
    organization_id: OrganizationId,
    id: ReconciliationRunId,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::IsCancelRequested, Expr::value(true))
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.eq(id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// A run of the tenant, held against other writers until the transaction ends.
pub async fn lock(
    tx: &Tx,
    organization_id: OrganizationId,
    id: ReconciliationRunId,
) -> Result<Option<ReconciliationRun>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0)).held();
    query.one(&**tx).await?.map(domain).transpose()
}

/// A run of the tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: ReconciliationRunId,
) -> Result<Option<ReconciliationRun>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
    query.one(db).await?.map(domain).transpose()
}

/// The runs with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<ReconciliationRun>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

fn of_integration(organization_id: OrganizationId, integration_id: IntegrationId) -> Select<Entity> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
}

/// A page of an integration's runs, latest first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    window: &Window,
) -> Result<Slice<ReconciliationRun>, StorageError> {
    let keys = [SortKey::descending(Expr::col(Column::CreatedAt)), SortKey::descending(Expr::col(Column::Id))];
    let position = |model: &Model| Position(vec![SortValue::Instant(model.created_at), SortValue::Id(model.id)]);
    page::read(db, of_integration(organization_id, integration_id), &keys, window, position).await?.try_map(domain)
}

/// How many runs an integration has had.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<u64, StorageError> {
    Ok(of_integration(organization_id, integration_id).count(db).await?)
}

/// Begins a transaction that reads everything as it is now, whatever others write meanwhile.
pub async fn snapshot(store: &Store) -> Result<DatabaseTransaction, StorageError> {
    let db = store.read();
    // On SQLite every transaction reads a snapshot, and a level is not known there.
    let options = match db.get_database_backend() {
        DbBackend::Postgres => TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        },
        _ => TransactionOptions::default(),
    };
    Ok(begun(db, options).await?)
}

#[derive(Serialize, Deserialize)]
struct EventRow {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_id: Option<uuid::Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

const PROGRESSED: &str = "PROGRESSED";
const FINISHED: &str = "FINISHED";

/// Appends an event to the run's stream, in the transaction that changes the run.
pub async fn append_event(
    tx: &Tx,
    organization_id: OrganizationId,
    run_id: ReconciliationRunId,
    occurred_at: DateTime<Utc>,
    event: &ReconciliationEvent,
) -> Result<i64, StorageError> {
    let (kind, row) = match event {
        ReconciliationEvent::Progressed { status, phase, lines } => (
            PROGRESSED,
            EventRow {
                status: status.word().to_owned(),
                phase: Some(phase.word().to_owned()),
                lines: Some(*lines),
                report_id: None,
                failure: None,
            },
        ),
        ReconciliationEvent::Finished { status, report_id, failure } => (
            FINISHED,
            EventRow {
                status: status.word().to_owned(),
                phase: None,
                lines: None,
                report_id: report_id.map(|id| id.0),
                failure: failure.clone(),
            },
        ),
    };
    let payload = serde_json::to_string(&row).expect("a row of texts and numbers is always JSON");
    event::append(tx, organization_id, run_id.0, occurred_at, kind, payload).await
}

/// At most `limit` events of a run after a place, in order.
pub async fn events_after(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    run_id: ReconciliationRunId,
    sequence: i64,
    limit: u64,
) -> Result<Vec<Numbered<ReconciliationEvent>>, StorageError> {
    event::after(db, organization_id, run_id.0, sequence, limit).await?.into_iter().map(read_event).collect()
}

fn read_event(stored: StoredEvent) -> Result<Numbered<ReconciliationEvent>, StorageError> {
    let corrupt =
        |what: &str| StorageError::Corrupt(format!("event {} of a reconciliation run: {what}", stored.sequence));
    let row: EventRow = serde_json::from_str(&stored.payload).map_err(|error| corrupt(&error.to_string()))?;
    let status = RunStatus::read(&row.status)?;
    let event = match stored.kind.as_str() {
        PROGRESSED => ReconciliationEvent::Progressed {
            status,
            phase: ReconciliationPhase::read(row.phase.as_deref().ok_or_else(|| corrupt("no phase"))?)?,
            lines: row.lines.ok_or_else(|| corrupt("no count of lines"))?,
        },
        FINISHED => {
            ReconciliationEvent::Finished { status, report_id: row.report_id.map(ReportId), failure: row.failure }
        }
        other => return Err(corrupt(&format!("`{other}` is not a kind"))),
    };
    Ok(Numbered { sequence: stored.sequence, occurred_at: stored.occurred_at, event })
}
