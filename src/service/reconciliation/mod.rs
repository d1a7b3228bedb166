//! Reconciling: compare what Pax8 charged with what the PSA billed, and keep the report.
//!
//! A run reads everything in one snapshot, compares it in memory and stores the report in small transactions. A run that
//! is killed begins again; what it had stored of a report is taken away first, and nobody sees a report before its last
//! row is there. A report that is equal to an earlier one is that one.

mod comparison;
pub mod download;
mod execute;
pub mod intake;
mod keep;
mod load;
mod read;
mod settle;

use chrono::NaiveDate;
use thiserror::Error;

use super::{Core, Internal, OrInternal as _};
use crate::domain::access::{Actor, Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{IntegrationId, JobId, ReconciliationRunId};
use crate::domain::period::Period;
use crate::domain::run::{JobKind, ReconciliationEvent, ReconciliationPhase, ReconciliationRun, RunStatus};
use crate::storage::text::Word as _;
use crate::storage::{account, billing, integration, job, policy, reconciliation};

pub use self::read::order_for;
pub use super::ReadError;

/// Most months of a run.
const MOST_MONTHS: usize = 36;

/// Reconciling.
#[derive(Clone)]
pub struct ReconciliationService {
    core: Core,
}

/// What is to be reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartReconciliation {
    /// Integration.
    pub integration_id: IntegrationId,
    /// First month; the last one when left out.
    pub period_from: Option<Period>,
    /// Last month; the latest month with invoices on both sides when left out.
    pub period_to: Option<Period>,
    /// The day that counts as today; today when left out.
    pub as_of: Option<NaiveDate>,
    /// Version of the integration's policy; the one in force when left out, and 0 for the default one.
    pub policy_version: Option<i64>,
}

/// Why a run was not started or stopped.
#[derive(Debug, Error)]
pub enum ReconciliationError {
    /// No such integration, or no such run.
    #[error("there is no such integration or run")]
    NotFound,
    /// The integration is archived.
    #[error("the integration is archived")]
    Archived,
    /// No month has invoices on both sides.
    #[error("no month has invoices on both sides")]
    NoPeriod,
    /// The last month lies before the first, or the range is too long.
    #[error("the months from {from} to {to} cannot be reconciled in one run of at most {MOST_MONTHS}")]
    BadPeriods {
        /// First month.
        from: Period,
        /// Last month.
        to: Period,
    },
    /// The integration has no such version of its policy.
    #[error("the integration has no version {0} of its policy")]
    NoPolicy(i64),
    /// The run has already ended.
    #[error("the run has already ended")]
    Ended(Box<ReconciliationRun>),
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl ReconciliationService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Starts a run. It goes on by itself, also when the caller goes away.
    pub async fn start(
        &self,
        caller: &Caller,
        command: StartReconciliation,
    ) -> Result<ReconciliationRun, ReconciliationError> {
        may_run(caller)?;
        let (core, organization) = (&self.core, caller.organization_id);
        let now = core.clock.now();
        let read = core.store.read();
        let found = integration::find(read, organization, command.integration_id).await.internal(caller)?;
        let owner = found.ok_or(ReconciliationError::NotFound)?;
        if owner.archived_at.is_some() {
            return Err(ReconciliationError::Archived);
        }
        let (period_from, period_to) = self.months(caller, &command).await?;
        let policy_version = self.policy_version(caller, &command).await?;
        let run = ReconciliationRun {
            id: ReconciliationRunId(core.ids.next()),
            organization_id: organization,
            integration_id: command.integration_id,
            status: RunStatus::Queued,
            phase: ReconciliationPhase::Waiting,
            period_from,
            period_to,
            // Today is where the people are who read the report.
            as_of: command.as_of.unwrap_or_else(|| now.with_timezone(&owner.settings.schedule_time_zone).date_naive()),
            report_id: None,
            requested_by: match &caller.actor {
                Actor::Schedule | Actor::Job => None,
                actor => Some(actor.name().to_owned()),
            },
            failure: None,
            is_cancel_requested: false,
            created_at: now,
            started_at: None,
            finished_at: None,
            policy_version,
            previous_report_id: None,
        };
        let tx = core.store.begin().await.internal(caller)?;
        reconciliation::insert(&tx, &run).await.internal(caller)?;
        let job_id = JobId(core.ids.next());
        job::enqueue(&tx, organization, job_id, JobKind::Reconcile, run.id.0, now).await.internal(caller)?;
        let event = ReconciliationEvent::Progressed { status: run.status, phase: run.phase, lines: 0 };
        reconciliation::append_event(&tx, organization, run.id, now, &event).await.internal(caller)?;
        core.audit(&tx, caller, change("reconciliation_run.start", None, &run)).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        core.work.notify_one();
        Ok(run)
    }

    /// Asks a run to stop. No report comes of it.
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: ReconciliationRunId,
    ) -> Result<ReconciliationRun, ReconciliationError> {
        may_run(caller)?;
        let core = &self.core;
        let tx = core.store.begin().await.internal(caller)?;
        let found = reconciliation::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let mut run = found.ok_or(ReconciliationError::NotFound)?;
        if run.status.is_final() {
            return Err(ReconciliationError::Ended(Box::new(run)));
        }
        reconciliation::request_cancel(&tx, caller.organization_id, id).await.internal(caller)?;
        let before = run.clone();
        run.is_cancel_requested = true;
        core.audit(&tx, caller, change("reconciliation_run.cancel", Some(&before), &run)).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        core.work.notify_one();
        Ok(run)
    }

    /// The latest month that has invoices on both sides.
    pub async fn latest_month(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
    ) -> Result<Option<Period>, ReconciliationError> {
        caller.require(Role::Viewer)?;
        let (read, organization) = (self.core.store.read(), caller.organization_id);
        if integration::find(read, organization, integration_id).await.internal(caller)?.is_none() {
            return Err(ReconciliationError::NotFound);
        }
        let (pax8, psa) = account::pair(read, organization, integration_id).await.internal(caller)?;
        let charged = billing::vendor_months(read, organization, pax8.id).await.internal(caller)?;
        let billed = billing::psa_months(read, organization, psa.id).await.internal(caller)?;
        Ok(charged.intersection(&billed).max().copied())
    }

    async fn policy_version(&self, caller: &Caller, command: &StartReconciliation) -> Result<i64, ReconciliationError> {
        let (read, organization) = (self.core.store.read(), caller.organization_id);
        let integration_id = command.integration_id;
        match command.policy_version {
            None => {
                let found = policy::current(read, organization, integration_id).await.internal(caller)?;
                Ok(found.map_or(0, |found| found.version))
            }
            Some(0) => Ok(0),
            Some(version) => {
                let found = policy::find(read, organization, integration_id, version).await.internal(caller)?;
                found.map(|found| found.version).ok_or(ReconciliationError::NoPolicy(version))
            }
        }
    }

    async fn months(
        &self,
        caller: &Caller,
        command: &StartReconciliation,
    ) -> Result<(Period, Period), ReconciliationError> {
        let to = match (command.period_to, command.period_from) {
            (Some(to), _) => to,
            (None, _) => {
                let latest = self.latest_month(caller, command.integration_id).await?;
                latest.ok_or(ReconciliationError::NoPeriod)?
            }
        };
        let from = command.period_from.unwrap_or(to);
        let months = from.through(to).take(MOST_MONTHS + 1).count();
        if months == 0 || months > MOST_MONTHS {
            return Err(ReconciliationError::BadPeriods { from, to });
        }
        Ok((from, to))
    }
}

/// Both who keeps the mappings and who answers for the money may ask for a report.
fn may_run(caller: &Caller) -> Result<(), Forbidden> {
    caller.require(Role::Finance).or_else(|_| caller.require(Role::Operator))
}

fn change(action: &'static str, old: Option<&ReconciliationRun>, new: &ReconciliationRun) -> Change {
    let snapshot = |run: &ReconciliationRun| {
        serde_json::json!({
            "integrationId": run.integration_id.0,
            "periodFrom": run.period_from.to_string(),
            "periodTo": run.period_to.to_string(),
            "asOf": run.as_of.to_string(),
            "policyVersion": run.policy_version,
            "status": run.status.word(),
            "cancelRequested": run.is_cancel_requested,
        })
        .to_string()
    };
    Change {
        action,
        subject_kind: "reconciliation_run",
        subject_id: Some(new.id.0),
        before: old.map(snapshot),
        after: Some(snapshot(new)),
        reason: None,
    }
}
