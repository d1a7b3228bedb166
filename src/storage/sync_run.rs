//! Sync runs, their issues, and how their counts and events are written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::sync_run::{ActiveModel, Column, Entity, Model};
use entity::{sync_issue, sync_run};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{self, StoredEvent};
use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::row_lock::RowLock as _;
use super::text::Word;
use super::{StorageError, Tx};
use crate::domain::id::{IntegrationId, OrganizationId, SyncRunId};
use crate::domain::provider::Side;
use crate::domain::run::{
    Dataset, DatasetCount, Datasets, MatchCount, Numbered, RunStatus, SyncCounts, SyncEvent, SyncIssue, SyncPhase,
    SyncRun, SyncTrigger,
};

#[derive(Serialize, Deserialize)]
struct CountsRow {
    datasets: Vec<(String, DatasetRow)>,
    customers: MatchRow,
    products: MatchRow,
}

#[derive(Serialize, Deserialize)]
struct DatasetRow {
    read: u64,
    created: u64,
    changed: u64,
    gone: u64,
    rejected: u64,
    total: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct MatchRow {
    suggested: u64,
    kept: u64,
    with_candidates: u64,
    unmatched: u64,
}

#[derive(Serialize, Deserialize)]
struct EventRow {
    status: Option<String>,
    phase: Option<String>,
    dataset: Option<String>,
    counts: Option<CountsRow>,
    failure: Option<String>,
    issue: Option<IssueRow>,
}

#[derive(Serialize, Deserialize)]
struct IssueRow {
    side: String,
    dataset: String,
    external_id: Option<String>,
    location: Option<String>,
    message: String,
    is_rejected: bool,
}

impl From<MatchCount> for MatchRow {
    fn from(count: MatchCount) -> Self {
        let MatchCount { suggested, kept, with_candidates, unmatched } = count;
        Self { suggested, kept, with_candidates, unmatched }
    }
}

impl From<MatchRow> for MatchCount {
    fn from(row: MatchRow) -> Self {
        let MatchRow { suggested, kept, with_candidates, unmatched } = row;
        Self { suggested, kept, with_candidates, unmatched }
    }
}

fn counts_row(counts: &SyncCounts) -> CountsRow {
    let dataset = |(dataset, count): &(Dataset, DatasetCount)| {
        let DatasetCount { read, created, changed, gone, rejected, total } = *count;
        (dataset.word().to_owned(), DatasetRow { read, created, changed, gone, rejected, total })
    };
    CountsRow {
        datasets: counts.datasets.iter().map(dataset).collect(),
        customers: counts.customers.into(),
        products: counts.products.into(),
    }
}

fn counts(row: CountsRow) -> Result<SyncCounts, StorageError> {
    let dataset = |(word, row): (String, DatasetRow)| {
        let DatasetRow { read, created, changed, gone, rejected, total } = row;
        Ok((Dataset::read(&word)?, DatasetCount { read, created, changed, gone, rejected, total }))
    };
    Ok(SyncCounts {
        datasets: row.datasets.into_iter().map(dataset).collect::<Result<_, StorageError>>()?,
        customers: row.customers.into(),
        products: row.products.into(),
    })
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("rows of texts and numbers are always JSON")
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::Corrupt(format!("a run's JSON: {error}")))
}

/// Lists as a column has them: words with commas.
pub(super) fn datasets_text(lists: Datasets) -> String {
    lists.iter().map(Dataset::word).collect::<Vec<_>>().join(",")
}

/// The lists of a column.
pub(super) fn datasets(text: &str) -> Result<Datasets, StorageError> {
    let words = text.split(',').filter(|word| !word.is_empty());
    Ok(Datasets::of(&words.map(Dataset::read).collect::<Result<Vec<_>, _>>()?))
}

fn domain(model: Model) -> Result<SyncRun, StorageError> {
    Ok(SyncRun {
        id: SyncRunId(model.id),
        organization_id: OrganizationId(model.organization_id),
        integration_id: IntegrationId(model.integration_id),
        status: RunStatus::read(&model.status)?,
        phase: SyncPhase::read(&model.phase)?,
        trigger: SyncTrigger::read(&model.trigger)?,
        datasets: model.datasets.as_deref().map_or(Ok(Datasets::ALL), datasets)?,
        requested_by: model.requested_by,
        counts: counts(parse(&model.counts)?)?,
        issue_count: model.issue_count,
        failure: model.failure,
        is_cancel_requested: model.is_cancel_requested,
        created_at: model.created_at,
        started_at: model.started_at,
        finished_at: model.finished_at,
    })
}

fn active(run: &SyncRun) -> ActiveModel {
    ActiveModel {
        id: Set(run.id.0),
        organization_id: Set(run.organization_id.0),
        integration_id: Set(run.integration_id.0),
        status: Set(run.status.word().to_owned()),
        phase: Set(run.phase.word().to_owned()),
        trigger: Set(run.trigger.word().to_owned()),
        datasets: Set((run.datasets != Datasets::ALL).then(|| datasets_text(run.datasets))),
        requested_by: Set(run.requested_by.clone()),
        counts: Set(json(&counts_row(&run.counts))),
        issue_count: Set(run.issue_count),
        failure: Set(run.failure.clone()),
        created_at: Set(run.created_at),
        started_at: Set(run.started_at),
        finished_at: Set(run.finished_at),
        ..ActiveModel::default()
    }
}

/// Adds a run; a second active one of the same integration is a conflict.
pub async fn insert(tx: &Tx, run: &SyncRun) -> Result<(), StorageError> {
    let row = ActiveModel {
        checkpoint: Set(json(&BTreeMap::<String, String>::new())),
        is_cancel_requested: Set(false),
        ..active(run)
    };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Replaces a run's row with its checkpoint: which lists are done, and where each unfinished one goes on.
/// Whether it is to be canceled is left as it is: a person may just have asked for it.
pub async fn update(tx: &Tx, run: &SyncRun, checkpoint: &str) -> Result<(), StorageError> {
    let row = ActiveModel { checkpoint: Set(checkpoint.to_owned()), ..active(run) };
    let id = run.id.0;
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .filter(Column::OrganizationId.eq(run.organization_id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Asks a run to stop.
pub async fn request_cancel(tx: &Tx, organization_id: OrganizationId, id: SyncRunId) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::IsCancelRequested, Expr::value(true))
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.eq(id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// A run with its checkpoint, held against other writers until the transaction ends.
pub async fn lock(
    tx: &Tx,
    organization_id: OrganizationId,
    id: SyncRunId,
) -> Result<Option<(SyncRun, String)>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0)).held();
    let Some(model) = query.one(&**tx).await? else {
        return Ok(None);
    };
    let checkpoint = model.checkpoint.clone();
    Ok(Some((domain(model)?, checkpoint)))
}

/// A run of the tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: SyncRunId,
) -> Result<Option<SyncRun>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
    query.one(db).await?.map(domain).transpose()
}

/// The runs with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<SyncRun>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// The run of an integration that waits or works.
pub async fn running(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<Option<SyncRun>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
        .filter(Column::Status.is_in([RunStatus::Queued.word(), RunStatus::Running.word()]));
    query.one(db).await?.map(domain).transpose()
}

/// A page of an integration's runs, latest first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    window: &Window,
) -> Result<Slice<SyncRun>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0));
    let keys = [SortKey::descending(Expr::col(Column::CreatedAt)), SortKey::descending(Expr::col(Column::Id))];
    let position = |model: &Model| Position(vec![SortValue::Instant(model.created_at), SortValue::Id(model.id)]);
    page::read(db, query, &keys, window, position).await?.try_map(domain)
}

/// How many runs an integration has had.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<u64, StorageError> {
    let query = sync_run::Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0));
    Ok(query.count(db).await?)
}

/// Rows of one statement.
const BATCH: usize = 500;

/// Adds issues behind the `before` that the run has already, and an event for each.
pub async fn raise_issues(
    tx: &Tx,
    organization_id: OrganizationId,
    run_id: SyncRunId,
    before: i64,
    occurred_at: DateTime<Utc>,
    issues: &[SyncIssue],
) -> Result<(), StorageError> {
    let mut position = before;
    for batch in issues.chunks(BATCH) {
        let row = |issue: &SyncIssue| {
            position += 1;
            sync_issue::ActiveModel {
                organization_id: Set(organization_id.0),
                sync_run_id: Set(run_id.0),
                position: Set(position),
                side: Set(issue.side.word().to_owned()),
                record_kind: Set(issue.dataset.word().to_owned()),
                external_id: Set(issue.external_id.clone()),
                location: Set(issue.location.clone()),
                message: Set(issue.message.clone()),
                is_rejected: Set(issue.is_rejected),
            }
        };
        let rows: Vec<sync_issue::ActiveModel> = batch.iter().map(row).collect();
        sync_issue::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
        let events = batch.iter().map(|issue| written(&SyncEvent::IssueRaised(issue.clone()))).collect();
        event::append_all(tx, organization_id, run_id.0, occurred_at, events).await?;
    }
    Ok(())
}

/// A page of a run's issues, in the order in which they were found.
pub async fn issues(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    run_id: SyncRunId,
    window: &Window,
) -> Result<Slice<SyncIssue>, StorageError> {
    let query = sync_issue::Entity::find()
        .filter(sync_issue::Column::OrganizationId.eq(organization_id.0))
        .filter(sync_issue::Column::SyncRunId.eq(run_id.0));
    let keys = [SortKey::ascending(Expr::col(sync_issue::Column::Position))];
    let position = |model: &sync_issue::Model| Position(vec![SortValue::Integer(model.position)]);
    page::read(db, query, &keys, window, position).await?.try_map(|model| {
        Ok(SyncIssue {
            side: Side::read(&model.side)?,
            dataset: Dataset::read(&model.record_kind)?,
            external_id: model.external_id,
            location: model.location,
            message: model.message,
            is_rejected: model.is_rejected,
        })
    })
}

/// The latest finished run of an integration that succeeded.
pub async fn latest_success(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<Option<SyncRun>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
        .filter(Column::Status.is_in([RunStatus::Succeeded.word(), RunStatus::SucceededWithIssues.word()]))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(1);
    query.one(db).await?.map(domain).transpose()
}

const PROGRESSED: &str = "PROGRESSED";
const ISSUE_RAISED: &str = "ISSUE_RAISED";
const FINISHED: &str = "FINISHED";

/// Appends an event to the run's stream, in the transaction that changes the run.
pub async fn append_event(
    tx: &Tx,
    organization_id: OrganizationId,
    run_id: SyncRunId,
    occurred_at: DateTime<Utc>,
    event: &SyncEvent,
) -> Result<i64, StorageError> {
    event::append_all(tx, organization_id, run_id.0, occurred_at, vec![written(event)]).await
}

/// The kind and the payload of an event.
fn written(event: &SyncEvent) -> (String, String) {
    let empty = EventRow { status: None, phase: None, dataset: None, counts: None, failure: None, issue: None };
    let (kind, row) = match event {
        SyncEvent::Progressed { status, phase, dataset, counts } => (
            PROGRESSED,
            EventRow {
                status: Some(status.word().to_owned()),
                phase: Some(phase.word().to_owned()),
                dataset: dataset.map(|dataset| dataset.word().to_owned()),
                counts: Some(counts_row(counts)),
                ..empty
            },
        ),
        SyncEvent::IssueRaised(issue) => (
            ISSUE_RAISED,
            EventRow {
                issue: Some(IssueRow {
                    side: issue.side.word().to_owned(),
                    dataset: issue.dataset.word().to_owned(),
                    external_id: issue.external_id.clone(),
                    location: issue.location.clone(),
                    message: issue.message.clone(),
                    is_rejected: issue.is_rejected,
                }),
                ..empty
            },
        ),
        SyncEvent::Finished { status, counts, failure } => (
            FINISHED,
            EventRow {
                status: Some(status.word().to_owned()),
                counts: Some(counts_row(counts)),
                failure: failure.clone(),
                ..empty
            },
        ),
    };
    (kind.to_owned(), json(&row))
}

/// At most `limit` events of a run after a place, in order.
pub async fn events_after(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    run_id: SyncRunId,
    sequence: i64,
    limit: u64,
) -> Result<Vec<Numbered<SyncEvent>>, StorageError> {
    event::after(db, organization_id, run_id.0, sequence, limit).await?.into_iter().map(read_event).collect()
}

fn read_event(stored: StoredEvent) -> Result<Numbered<SyncEvent>, StorageError> {
    let row: EventRow = parse(&stored.payload)?;
    let missing = || StorageError::Corrupt(format!("event {} of a sync run lacks a part", stored.sequence));
    let status = row.status.as_deref().map(RunStatus::read).transpose()?;
    let counted = row.counts.map(counts).transpose()?;
    let event = match stored.kind.as_str() {
        PROGRESSED => SyncEvent::Progressed {
            status: status.ok_or_else(missing)?,
            phase: SyncPhase::read(row.phase.as_deref().ok_or_else(missing)?)?,
            dataset: row.dataset.as_deref().map(Dataset::read).transpose()?,
            counts: counted.ok_or_else(missing)?,
        },
        ISSUE_RAISED => {
            let issue = row.issue.ok_or_else(missing)?;
            SyncEvent::IssueRaised(SyncIssue {
                side: Side::read(&issue.side)?,
                dataset: Dataset::read(&issue.dataset)?,
                external_id: issue.external_id,
                location: issue.location,
                message: issue.message,
                is_rejected: issue.is_rejected,
            })
        }
        FINISHED => SyncEvent::Finished {
            status: status.ok_or_else(missing)?,
            counts: counted.ok_or_else(missing)?,
            failure: row.failure,
        },
        other => return Err(StorageError::Corrupt(format!("`{other}` is not an event of a sync run"))),
    };
    Ok(Numbered { sequence: stored.sequence, occurred_at: stored.occurred_at, event })
}
