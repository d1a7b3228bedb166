//! A reconciliation run and what it reports.

use async_graphql::{Context, Enum, ID, Object, SimpleObject, Union};
use chrono::{DateTime, Utc};

use super::comparison::ReportComparisonObject;
use super::job::JobStatus;
use super::report::ReconciliationReportObject;
use crate::domain::run::{Numbered, ReconciliationEvent, ReconciliationPhase as Phase, ReconciliationRun};
use crate::graphql::context::caller;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::page::page_types;
use crate::graphql::record_loader::{ReportKey, load_one};
use crate::graphql::scalar::{Date, Month};

/// Step of a reconciliation run. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Phase")]
pub enum ReconciliationPhase {
    /// Not begun.
    Waiting,
    /// Reads the records.
    Loading,
    /// Compares them.
    Comparing,
    /// Stores the report.
    Storing,
    /// Finished.
    Done,
}

/// One comparison of what Pax8 charged with what the PSA billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationRunObject(pub ReconciliationRun);

/// One comparison of what Pax8 charged with what the PSA billed.
#[Object(name = "ReconciliationRun")]
impl ReconciliationRunObject {
    /// Global ID of the run.
    pub async fn id(&self) -> ID {
        encode(NodeKind::ReconciliationRun, self.0.id.0)
    }

    /// Status.
    async fn status(&self) -> JobStatus {
        self.0.status.into()
    }

    /// What it is doing.
    async fn phase(&self) -> ReconciliationPhase {
        self.0.phase.into()
    }

    /// First month that is compared.
    async fn period_from(&self) -> Month {
        Month(self.0.period_from)
    }

    /// Last month that is compared.
    async fn period_to(&self) -> Month {
        Month(self.0.period_to)
    }

    /// Day that counts as today: what is not due by then is expected later.
    async fn as_of(&self) -> Date {
        Date(self.0.as_of)
    }

    /// Report; null until the run has succeeded. A run that finds nothing new has the report of the run before it.
    async fn report(&self, ctx: &Context<'_>) -> Option<Result<ReconciliationReportObject, Failure>> {
        let id = self.0.report_id?;
        let found = load_one(ctx, ReportKey(caller(ctx).organization_id, id)).await;
        found.transpose().map(|found| ReconciliationReportObject::read(ctx, found?))
    }

    /// Who asked for it; null when the server did by itself.
    async fn requested_by(&self) -> Option<&str> {
        self.0.requested_by.as_deref()
    }

    /// Why it failed, as a sentence that says what to do; null unless it failed.
    async fn failure_message(&self) -> Option<&str> {
        self.0.failure.as_deref()
    }

    /// Whether somebody asked it to stop.
    async fn is_cancel_requested(&self) -> bool {
        self.0.is_cancel_requested
    }

    /// Timestamp of when it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Timestamp of when it began; null before.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// Version of the integration's policy that it goes by; 0 is the default policy.
    async fn policy_version(&self) -> i64 {
        self.0.policy_version
    }

    /// What it found otherwise than the run before it; null before it ended, and for the first run.
    async fn comparison(&self) -> Option<ReportComparisonObject> {
        Some(ReportComparisonObject { run_id: self.0.id, previous: self.0.previous_report_id? })
    }

    /// Timestamp of when it ended; null before.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}

page_types!(ReconciliationRunConnection, ReconciliationRunEdge, ReconciliationRunObject);

/// Something a reconciliation run reports.
#[derive(Debug, Clone, PartialEq, Eq, Union)]
pub enum ReconciliationRunEvent {
    /// See the type.
    Progressed(ReconciliationRunProgressed),
    /// See the type.
    Finished(ReconciliationRunFinished),
}

/// The run moved on.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ReconciliationRunProgressed {
    /// Position in the run's stream of events, from 1, without gaps.
    pub sequence: i64,
    /// Timestamp of the event.
    pub occurred_at: DateTime<Utc>,
    /// Status at that moment.
    pub status: JobStatus,
    /// Step at that moment.
    pub phase: ReconciliationPhase,
    /// Invoice lines of both sides read by then.
    pub line_count: u64,
}

/// The run reached a final status. The stream completes after this event.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct ReconciliationRunFinished {
    /// Position in the run's stream of events, from 1, without gaps.
    pub sequence: i64,
    /// Timestamp of the event.
    pub occurred_at: DateTime<Utc>,
    /// Final status.
    pub status: JobStatus,
    /// Why it failed, as a sentence that says what to do; null unless it failed.
    pub failure_message: Option<String>,
    #[graphql(skip)]
    report_id: Option<crate::domain::id::ReportId>,
}

#[async_graphql::ComplexObject]
impl ReconciliationRunFinished {
    /// Report; null when there is none.
    async fn report(&self, ctx: &Context<'_>) -> Option<Result<ReconciliationReportObject, Failure>> {
        let found = load_one(ctx, ReportKey(caller(ctx).organization_id, self.report_id?)).await;
        found.transpose().map(|found| ReconciliationReportObject::read(ctx, found?))
    }
}

impl From<Numbered<ReconciliationEvent>> for ReconciliationRunEvent {
    fn from(numbered: Numbered<ReconciliationEvent>) -> Self {
        let Numbered { sequence, occurred_at, event } = numbered;
        match event {
            ReconciliationEvent::Progressed { status, phase, lines } => Self::Progressed(ReconciliationRunProgressed {
                sequence,
                occurred_at,
                status: status.into(),
                phase: phase.into(),
                line_count: lines,
            }),
            ReconciliationEvent::Finished { status, report_id, failure } => Self::Finished(ReconciliationRunFinished {
                sequence,
                occurred_at,
                status: status.into(),
                failure_message: failure,
                report_id,
            }),
        }
    }
}
