//! Syncing: pull both sides page by page into our own rows, then match.
//!
//! Every page is fetched outside a transaction and applied inside one, together with the counters, the checkpoint and
//! the event that tell of it. A run that is killed between two pages goes on at the next one; killed inside one, it reads
//! that page again, which changes nothing.

mod checkpoint;
mod execute;
mod fetch;
mod refetch;
mod rows;

use thiserror::Error;

use super::{Core, Internal, OrInternal as _};
use crate::domain::access::{Actor, Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{IntegrationId, JobId, SyncRunId};
use crate::domain::integration::Integration;
use crate::domain::provider::ProviderAccount;
use crate::domain::run::{JobKind, RunStatus, SyncCounts, SyncEvent, SyncIssue, SyncPhase, SyncRun, SyncTrigger};
use crate::storage::page::{Slice, Window};
use crate::storage::text::Word as _;
use crate::storage::{StorageError, account, integration, job, sync_run};

/// Syncing.
#[derive(Clone)]
pub struct SyncService {
    core: Core,
}

/// Why a run was not started or stopped.
#[derive(Debug, Error)]
pub enum SyncError {
    /// No such integration, or no such run.
    #[error("there is no such integration or run")]
    NotFound,
    /// A side is not connected.
    #[error("a provider account is not connected")]
    NotConnected(Box<ProviderAccount>),
    /// The integration is archived.
    #[error("the integration is archived")]
    Archived,
    /// The schedule asks for no run now, or no message waits: another replica has started it, or a person changed the
    /// schedule.
    #[error("no sync is due")]
    NotDue,
    /// Another run waits or works.
    #[error("a sync run of this integration is already active")]
    AlreadyRunning(Option<Box<SyncRun>>),
    /// The run has already ended.
    #[error("the run has already ended")]
    Ended(Box<SyncRun>),
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl SyncService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Starts a run. It goes on by itself, also when the caller goes away.
    pub async fn start(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        trigger: SyncTrigger,
    ) -> Result<SyncRun, SyncError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let now = core.clock.now();
        let tx = core.store.begin().await.internal(caller)?;
        let found = integration::lock(&tx, caller.organization_id, integration_id).await.internal(caller)?;
        let mut owner = found.ok_or(SyncError::NotFound)?;
        if owner.archived_at.is_some() {
            return Err(SyncError::Archived);
        }
        let is_due = owner.settings.is_schedule_enabled && owner.next_run_at.is_some_and(|at| at <= now);
        if trigger == SyncTrigger::Schedule && !is_due {
            return Err(SyncError::NotDue);
        }
        let datasets = self.lists(&tx, caller, &owner, trigger, is_due).await?;
        let (pax8, psa) = account::pair(&*tx, caller.organization_id, integration_id).await.internal(caller)?;
        for account in [pax8, psa] {
            if !account.may_be_asked() {
                return Err(SyncError::NotConnected(Box::new(account)));
            }
        }
        let run = SyncRun {
            id: SyncRunId(core.ids.next()),
            organization_id: caller.organization_id,
            integration_id,
            status: RunStatus::Queued,
            phase: SyncPhase::Waiting,
            trigger,
            datasets,
            requested_by: match &caller.actor {
                Actor::Schedule | Actor::Job => None,
                actor => Some(actor.name().to_owned()),
            },
            counts: SyncCounts::default(),
            issue_count: 0,
            failure: None,
            is_cancel_requested: false,
            created_at: now,
            started_at: None,
            finished_at: None,
        };
        match sync_run::insert(&tx, &run).await {
            Err(StorageError::Conflict(_)) => {
                drop(tx);
                let read = core.store.read();
                let active = sync_run::running(read, caller.organization_id, integration_id).await.internal(caller)?;
                return Err(SyncError::AlreadyRunning(active.map(Box::new)));
            }
            other => other.internal(caller)?,
        }
        let job_id = JobId(core.ids.next());
        job::enqueue(&tx, caller.organization_id, job_id, JobKind::Sync, run.id.0, now).await.internal(caller)?;
        let event =
            SyncEvent::Progressed { status: run.status, phase: run.phase, dataset: None, counts: run.counts.clone() };
        sync_run::append_event(&tx, caller.organization_id, run.id, now, &event).await.internal(caller)?;
        if trigger == SyncTrigger::Schedule {
            self.reschedule(&tx, caller, &mut owner).await?;
        }
        let change = change("sync_run.start", None, &run);
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        core.work.notify_one();
        Ok(run)
    }

    /// Asks a run to stop at its next page. What it has read stays.
    pub async fn cancel(&self, caller: &Caller, id: SyncRunId) -> Result<SyncRun, SyncError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let tx = core.store.begin().await.internal(caller)?;
        let found = sync_run::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let (mut run, _) = found.ok_or(SyncError::NotFound)?;
        if run.status.is_final() {
            return Err(SyncError::Ended(Box::new(run)));
        }
        sync_run::request_cancel(&tx, caller.organization_id, id).await.internal(caller)?;
        let before = run.clone();
        run.is_cancel_requested = true;
        let change = change("sync_run.cancel", Some(&before), &run);
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        core.work.notify_one();
        Ok(run)
    }

    /// A run of the caller's tenant.
    pub async fn find(&self, caller: &Caller, id: SyncRunId) -> Result<Option<SyncRun>, SyncError> {
        caller.require(Role::Viewer)?;
        Ok(sync_run::find(self.core.store.read(), caller.organization_id, id).await.internal(caller)?)
    }

    /// A page of an integration's runs, latest first.
    pub async fn page(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        window: &Window,
    ) -> Result<Slice<SyncRun>, SyncError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(sync_run::page(read, caller.organization_id, integration_id, window).await.internal(caller)?)
    }

    /// How many runs an integration has had.
    pub async fn count(&self, caller: &Caller, integration_id: IntegrationId) -> Result<u64, SyncError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(sync_run::count(read, caller.organization_id, integration_id).await.internal(caller)?)
    }

    /// A page of a run's issues, in the order in which they were found.
    pub async fn issues(
        &self,
        caller: &Caller,
        run_id: SyncRunId,
        window: &Window,
    ) -> Result<Slice<SyncIssue>, SyncError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(sync_run::issues(read, caller.organization_id, run_id, window).await.internal(caller)?)
    }

    /// Plans the next scheduled run. A time that was missed while nothing ran is not made up for.
    async fn reschedule(
        &self,
        tx: &crate::storage::Tx,
        caller: &Caller,
        owner: &mut Integration,
    ) -> Result<(), SyncError> {
        owner.next_run_at = super::next_run(owner, self.core.clock.now());
        integration::update(tx, owner).await.internal(caller)?;
        Ok(())
    }
}

fn change(action: &'static str, old: Option<&SyncRun>, new: &SyncRun) -> Change {
    let snapshot = |run: &SyncRun| {
        let SyncRun { integration_id, status, trigger, is_cancel_requested, .. } = run;
        serde_json::json!({
            "integrationId": integration_id.0,
            "trigger": trigger.word(),
            "status": status.word(),
            "cancelRequested": is_cancel_requested,
        })
        .to_string()
    };
    Change {
        action,
        subject_kind: "sync_run",
        subject_id: Some(new.id.0),
        before: old.map(snapshot),
        after: Some(snapshot(new)),
        reason: None,
    }
}
