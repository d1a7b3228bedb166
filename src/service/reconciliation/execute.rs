//! Carrying out a run that a worker has claimed.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::error;

use super::ReconciliationService;
use super::intake::NamedPolicy;
use super::keep::Kept;
use super::load::{Loaded, load};
use crate::domain::id::{ReconciliationRunId, ReportId};
use crate::domain::run::{ReconciliationEvent, ReconciliationPhase, ReconciliationRun, RunStatus};
use crate::engine::billing::ReconcileError;
use crate::report::json;
use crate::service::{Core, policy};
use crate::storage::job::{self, Claim};
use crate::storage::{StorageError, Tx, reconciliation, report};

/// How often a worker renews its lease, looks whether it is to stop, and tells how far it is.
const BEAT: Duration = Duration::from_secs(5);

/// Why a run ended without a report.
pub(super) enum Stop {
    /// The worker must not write any more, or cannot; another worker begins again.
    Storage(StorageError),
    /// There can be no report; the sentence says why.
    Failed(String),
    /// A person asked for it.
    Canceled,
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooLarge(amount) => Self::Failed(format!(
                "The amount {amount} is too large to be stored. Look for the line that it comes from: nine million \
                 million is the limit."
            )),
            error => Self::Storage(error),
        }
    }
}

/// Keeps a long step alive: renews the lease, hears of a cancellation, and tells how far it is.
pub(super) struct Pulse {
    core: Core,
    claim: Claim,
    phase: ReconciliationPhase,
    last: Instant,
    /// Lines read so far.
    pub(super) lines: u64,
}

impl Pulse {
    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// Does nothing while the last time is recent.
    pub(super) async fn beat(&mut self) -> Result<(), Stop> {
        if self.last.elapsed() < BEAT {
            return Ok(());
        }
        self.enter(self.phase).await
    }

    /// Tells of a step at its beginning, and of how far it is later.
    pub(super) async fn enter(&mut self, phase: ReconciliationPhase) -> Result<(), Stop> {
        let tx = self.core.store.begin().await?;
        let mut run = held(&self.core, &tx, &self.claim).await?;
        self.phase = phase;
        if run.phase != phase {
            run.phase = phase;
            reconciliation::update(&tx, &run).await?;
        }
        let event = ReconciliationEvent::Progressed { status: run.status, phase, lines: self.lines };
        reconciliation::append_event(&tx, run.organization_id, run.id, self.core.clock.now(), &event).await?;
        tx.commit().await?;
        self.last = Instant::now();
        Ok(())
    }
}

/// The run, locked, in a transaction of a worker that still holds the job.
pub(super) async fn held(core: &Core, tx: &Tx, claim: &Claim) -> Result<ReconciliationRun, Stop> {
    job::hold(tx, claim, core.clock.now()).await?;
    let run_id = ReconciliationRunId(claim.subject_id);
    let found = reconciliation::lock(tx, claim.organization_id, run_id).await?;
    let run = found.ok_or_else(|| StorageError::Corrupt(format!("reconciliation run `{run_id}` vanished")))?;
    if run.status.is_final() {
        return Err(StorageError::LeaseLost.into());
    }
    if run.is_cancel_requested {
        return Err(Stop::Canceled);
    }
    Ok(run)
}

/// Ends a run and its job.
pub(super) async fn finish(
    core: &Core,
    tx: &Tx,
    claim: &Claim,
    run: &mut ReconciliationRun,
    (status, report_id, failure): (RunStatus, Option<ReportId>, Option<String>),
) -> Result<(), StorageError> {
    let now = core.clock.now();
    run.status = status;
    run.phase = ReconciliationPhase::Done;
    run.report_id = report_id;
    run.failure.clone_from(&failure);
    run.finished_at = Some(now);
    reconciliation::update(tx, run).await?;
    let event = ReconciliationEvent::Finished { status, report_id, failure: failure.clone() };
    reconciliation::append_event(tx, run.organization_id, run.id, now, &event).await?;
    job::finish(tx, claim, failure.as_deref(), now).await
}

impl ReconciliationService {
    /// Carries out a run, from the beginning. An error means that the work could not be recorded; it is done again by
    /// whoever claims the job next. Everything else ends in a final status of the run.
    pub async fn execute(&self, claim: &Claim) -> Result<(), StorageError> {
        let (status, failure) = match self.work(claim).await {
            Ok(()) => return Ok(()),
            Err(Stop::Storage(error)) => return Err(error),
            Err(Stop::Failed(sentence)) => (RunStatus::Failed, Some(sentence)),
            Err(Stop::Canceled) => (RunStatus::Canceled, None),
        };
        self.end(claim, status, failure).await
    }

    /// Ends a run that cannot be finished, with the reason as a sentence, and takes away what there is of its report.
    pub async fn fail(&self, claim: &Claim, sentence: String) -> Result<(), StorageError> {
        self.end(claim, RunStatus::Failed, Some(sentence)).await
    }

    async fn end(&self, claim: &Claim, status: RunStatus, failure: Option<String>) -> Result<(), StorageError> {
        let core = &self.core;
        let run_id = ReconciliationRunId(claim.subject_id);
        let tx = core.store.begin().await?;
        job::hold(&tx, claim, core.clock.now()).await?;
        let Some(mut run) = reconciliation::lock(&tx, claim.organization_id, run_id).await? else {
            return Err(StorageError::Corrupt(format!("reconciliation run `{run_id}` vanished")));
        };
        if run.status.is_final() {
            job::finish(&tx, claim, failure.as_deref(), core.clock.now()).await?;
        } else {
            report::discard(&tx, claim.organization_id, run_id).await?;
            finish(core, &tx, claim, &mut run, (status, None, failure)).await?;
        }
        tx.commit().await
    }

    async fn work(&self, claim: &Claim) -> Result<(), Stop> {
        let core = &self.core;
        let Some(run) = self.begin(claim).await? else { return Ok(()) };
        let mut pulse = Pulse {
            core: core.clone(),
            claim: *claim,
            phase: ReconciliationPhase::Loading,
            last: Instant::now(),
            lines: 0,
        };
        let policy = policy::of_run(&core.store, run.organization_id, run.integration_id, run.policy_version).await?;
        let loaded = load(&mut pulse, &run, &policy.policy).await?;
        pulse.enter(ReconciliationPhase::Comparing).await?;
        let kept = compare(&mut pulse, &run, loaded, policy).await?;
        pulse.enter(ReconciliationPhase::Storing).await?;
        self.keep(claim, &run, kept).await
    }

    /// The run, now running; `None` when it had ended already.
    async fn begin(&self, claim: &Claim) -> Result<Option<ReconciliationRun>, Stop> {
        let core = &self.core;
        let now = core.clock.now();
        let tx = core.store.begin().await?;
        job::hold(&tx, claim, now).await?;
        let run_id = ReconciliationRunId(claim.subject_id);
        let found = reconciliation::lock(&tx, claim.organization_id, run_id).await?;
        let mut run = found.ok_or_else(|| StorageError::Corrupt(format!("reconciliation run `{run_id}` vanished")))?;
        if run.status.is_final() {
            job::finish(&tx, claim, None, now).await?;
            tx.commit().await?;
            return Ok(None);
        }
        if run.is_cancel_requested {
            return Err(Stop::Canceled);
        }
        // What a worker before this one stored may be of other data than there are now.
        report::discard(&tx, claim.organization_id, run_id).await?;
        run.status = RunStatus::Running;
        run.phase = ReconciliationPhase::Loading;
        run.started_at = run.started_at.or(Some(now));
        reconciliation::update(&tx, &run).await?;
        let event = ReconciliationEvent::Progressed { status: run.status, phase: run.phase, lines: 0 };
        reconciliation::append_event(&tx, run.organization_id, run.id, now, &event).await?;
        tx.commit().await?;
        Ok(Some(run))
    }
}

/// Compares on a thread of its own, because it takes the processor for as long as it needs.
async fn compare(
    pulse: &mut Pulse,
    run: &ReconciliationRun,
    loaded: Loaded,
    policy: NamedPolicy,
) -> Result<Kept, Stop> {
    let (first, last, as_of, run_id) = (run.period_from, run.period_to, run.as_of, run.id);
    let mut comparing = tokio::task::spawn_blocking(move || {
        let Loaded { intake, read_at } = loaded;
        let document = intake.compare((first, last), as_of, policy)?;
        Ok(Kept { packed: json::pack(&document), document, read_at })
    });
    loop {
        match timeout(BEAT, &mut comparing).await {
            Err(_) => pulse.beat().await?,
            Ok(Ok(Ok(kept))) => return Ok(kept),
            Ok(Ok(Err(error))) => return Err(Stop::Failed(sentence(run_id, &error))),
            Ok(Err(error)) => {
                error!(reconciliation_run.id = %run_id, "reconciliation run `{run_id}` broke off: {error}");
                return Err(Stop::Failed(our_fault(run_id)));
            }
        }
    }
}

fn our_fault(run_id: ReconciliationRunId) -> String {
    format!(
        "The comparison broke off, which is a fault of Concord and not of your data. Tell your operator the run \
         {run_id}."
    )
}

fn sentence(run_id: ReconciliationRunId, failure: &ReconcileError) -> String {
    match failure {
        ReconcileError::OutOfRange(_) => {
            "A sum left the range in which amounts are exact, so there is no report. Look for an amount or a quantity \
             with too many digits on either side."
                .to_owned()
        }
        ReconcileError::BadPeriods { first, last } => {
            format!("The months from {first} to {last} cannot be reconciled together. Choose a shorter range.")
        }
        ReconcileError::DoesNotFoot { .. } | ReconcileError::DoesNotExplain { .. } => {
            error!(reconciliation_run.id = %run_id, "reconciliation run `{run_id}` does not add up: {failure}");
            format!(
                "The report did not add up, which is a fault of Concord and not of your data, so it was not kept. Tell \
                 your operator the run {run_id}."
            )
        }
    }
}
