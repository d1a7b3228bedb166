//! Carrying out a run that a worker has claimed.

use chrono::{DateTime, Utc};

use super::checkpoint::Checkpoint;
use super::fetch::{Batch, FetchError, Source};
use super::rows::{self, Completion};
use super::{SyncService, refetch};
use crate::connector::ConnectorError;
use crate::domain::id::{OrganizationId, SyncRunId};
use crate::domain::integration::SetupStage;
use crate::domain::provider::{AccountFailure, AccountStatus, ProviderAccount, Side};
use crate::domain::run::{Dataset, DatasetCount, Datasets, RunStatus, SyncEvent, SyncIssue, SyncPhase, SyncRun};
use crate::service::Recording;
use crate::service::mapping::{MappingService, Rematch, RematchError};
use crate::storage::job::{self, Claim};
use crate::storage::source::Pull;
use crate::storage::{StorageError, Tx, account, integration, sync_run};

/// Why a run ended without being finished.
enum Stop {
    /// The worker must not write any more, or cannot; another worker goes on.
    Storage(StorageError),
    /// The provider or its settings stand in the way; the run has failed.
    Failed {
        /// Why, for a person.
        sentence: String,
        /// The list that was refused, when the others may be readable all the same.
        refused: Option<Dataset>,
    },
    /// A person asked for it.
    Canceled,
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl SyncService {
    /// Carries out a run from where it stands. An error means that the work could not be recorded; it is done again by
    /// whoever claims the job next. Everything else ends in a final status of the run.
    pub async fn execute(&self, claim: &Claim) -> Result<(), StorageError> {
        let run_id = SyncRunId(claim.subject_id);
        match self.work(claim, run_id).await {
            Ok(()) => {}
            Err(Stop::Storage(error)) => return Err(error),
            Err(Stop::Failed { sentence, refused }) => {
                self.end(claim, RunStatus::Failed, Some(sentence), refused).await?;
            }
            Err(Stop::Canceled) => self.fail(claim, RunStatus::Canceled, None).await?,
        }
        self.go_on(claim.organization_id, run_id).await;
        Ok(())
    }

    /// Ends a run that cannot be finished, with the reason.
    pub async fn fail(&self, claim: &Claim, status: RunStatus, failure: Option<String>) -> Result<(), StorageError> {
        self.end(claim, status, failure, None).await
    }

    async fn end(
        &self,
        claim: &Claim,
        status: RunStatus,
        failure: Option<String>,
        refused: Option<Dataset>,
    ) -> Result<(), StorageError> {
        let run_id = SyncRunId(claim.subject_id);
        let vanished = || StorageError::Corrupt(format!("sync run `{run_id}` vanished"));
        let known =
            sync_run::find(self.core.store.read(), claim.organization_id, run_id).await?.ok_or_else(vanished)?;
        let tx = self.core.store.begin().await?;
        let now = self.core.clock.now();
        // First, as whoever starts the next run does: in the other order the two would wait for each other.
        integration::lock(&tx, claim.organization_id, known.integration_id).await?;
        job::hold(&tx, claim, now).await?;
        let found = sync_run::lock(&tx, claim.organization_id, run_id).await?;
        let (mut run, checkpoint) = found.ok_or_else(vanished)?;
        if !run.status.is_final() {
            let ending = Ending { status, failure: failure.clone(), refused };
            finish(&tx, &mut run, ending, &checkpoint, now).await?;
        }
        job::finish(&tx, claim, failure.as_deref(), now).await?;
        tx.commit().await
    }

    async fn work(&self, claim: &Claim, run_id: SyncRunId) -> Result<(), Stop> {
        let core = &self.core;
        let organization = claim.organization_id;
        let (mut run, mut checkpoint) = self.begin(claim, run_id).await?;
        if run.status.is_final() {
            let tx = core.store.begin().await?;
            job::finish(&tx, claim, None, core.clock.now()).await?;
            tx.commit().await?;
            return Ok(());
        }
        let read = core.store.read();
        let (pax8, psa) = account::pair(read, organization, run.integration_id).await?;
        let pax8_credentials = account::credentials(read, organization, pax8.id).await?;
        let psa_credentials = account::credentials(read, organization, psa.id).await?;
        let found = integration::find(read, organization, run.integration_id).await?;
        let settings = found
            .ok_or_else(|| StorageError::Corrupt(format!("integration `{}` vanished", run.integration_id)))?
            .settings;
        let recording = Recording::of(&settings, core.clock.now());
        let marketplace = match core.connectors.marketplace(&pax8, &pax8_credentials, recording).await {
            Ok(marketplace) => marketplace,
            Err(error) => return Err(self.refused(claim, &pax8, None, &error).await?),
        };
        let psa_connection = match core.connectors.psa(&psa, &psa_credentials, recording).await {
            Ok(connection) => connection,
            Err(error) => return Err(self.refused(claim, &psa, None, &error).await?),
        };
        let source = Source {
            store: &core.store,
            pax8_account: &pax8,
            marketplace: &*marketplace,
            psa: &*psa_connection,
            today: core.clock.now().with_timezone(&pax8.time_zone).date_naive(),
        };
        let mut has_answered = false;
        // The accounts as they are since their providers answered, where they were out of reach.
        let mut answered: Vec<ProviderAccount> = Vec::new();
        while let Some(dataset) = checkpoint.current(run.datasets) {
            let is_wanted = match dataset {
                Dataset::Customers | Dataset::Companies => settings.syncs_customers,
                Dataset::Pax8Products | Dataset::PsaProducts => settings.syncs_products,
                _ => true,
            };
            let known = if dataset.side() == Side::Pax8 { &pax8 } else { &psa };
            let mut owner = answered.iter().find(|account| account.id == known.id).unwrap_or(known).clone();
            let fetched = if is_wanted { source.fetch(dataset, &checkpoint.place).await } else { Ok(Batch::skipped()) };
            let batch = match fetched {
                Ok(batch) => batch,
                Err(FetchError::Storage(error)) => return Err(error.into()),
                // Files and smaller PSAs do not have every list; what is missing is said, and not compared later.
                Err(FetchError::Provider(ConnectorError::Unsupported(message))) => unsupported(dataset, message),
                Err(FetchError::Provider(error)) => {
                    let list = is_about_one_list(&error, has_answered).then_some(dataset);
                    return Err(self.refused(claim, &owner, list, &error).await?);
                }
            };
            has_answered |= batch.is_pulled && batch.next.is_none();
            if batch.is_pulled && owner.is_out_of_reach() {
                owner = self.answered(claim, owner).await?;
                answered.retain(|account| account.id != owner.id);
                answered.push(owner.clone());
            }
            (run, checkpoint) = self.apply(claim, run_id, &owner, dataset, batch).await?;
        }
        self.matching(claim, run).await
    }

    async fn begin(&self, claim: &Claim, run_id: SyncRunId) -> Result<(SyncRun, Checkpoint), Stop> {
        let tx = self.core.store.begin().await?;
        let now = self.core.clock.now();
        let (mut run, checkpoint) = self.held(&tx, claim, run_id, now).await?;
        if run.status == RunStatus::Queued {
            run.status = RunStatus::Running;
            run.phase = SyncPhase::ReadingPax8;
            run.started_at = Some(now);
            sync_run::update(&tx, &run, &checkpoint.write()).await?;
            progressed(&tx, &run, None, now).await?;
            tx.commit().await?;
        }
        Ok((run, checkpoint))
    }

    /// The run, locked, in a transaction of a worker that still holds the job.
    async fn held(
        &self,
        tx: &Tx,
        claim: &Claim,
        run_id: SyncRunId,
        now: DateTime<Utc>,
    ) -> Result<(SyncRun, Checkpoint), Stop> {
        job::hold(tx, claim, now).await?;
        let found = sync_run::lock(tx, claim.organization_id, run_id).await?;
        let (run, checkpoint) = found.ok_or_else(|| StorageError::Corrupt(format!("sync run `{run_id}` vanished")))?;
        if run.is_cancel_requested && !run.status.is_final() {
            return Err(Stop::Canceled);
        }
        Ok((run, Checkpoint::read(&checkpoint)?))
    }

    /// Applies a page with its counters, checkpoint, issues and event, all or nothing.
    async fn apply(
        &self,
        claim: &Claim,
        run_id: SyncRunId,
        owner: &ProviderAccount,
        dataset: Dataset,
        batch: Batch,
    ) -> Result<(SyncRun, Checkpoint), Stop> {
        let core = &self.core;
        let tx = core.store.begin().await?;
        let now = core.clock.now();
        let (mut run, mut checkpoint) = self.held(&tx, claim, run_id, now).await?;
        if checkpoint.current(run.datasets) != Some(dataset) {
            return Err(StorageError::LeaseLost.into());
        }
        let pull = Pull { organization_id: claim.organization_id, account_id: owner.id, run_id: Some(run_id), now };
        let Batch { rows, mut issues, total, next, is_pulled } = batch;
        let rejected = issues.iter().filter(|issue| issue.is_rejected).count() as u64;
        let read = rows.len() as u64;
        let count = dataset_count(&mut run, dataset);
        // An invoice may have several pages: a row that was rejected on an earlier one is not gone either.
        let is_clean = count.rejected == 0 && rejected == 0;
        let outcome = rows.apply(&tx, &*core.ids, pull, is_clean).await?;

        issues.extend(outcome.shortfall.map(|shortfall| rows::shortfall_issue(dataset, shortfall)));
        count.read += read;
        count.created += outcome.created;
        count.changed += outcome.changed;
        count.gone += outcome.gone;
        count.rejected += rejected;
        // The largest count that any page told: a list that shrank while it was read moved records past the reader.
        count.total = count.total.max(total);
        if next.is_none() && is_pulled && count.rejected == 0 {
            match rows::mark_gone(&tx, pull, dataset, count.total).await? {
                Completion::Gone(gone) => count.gone += gone,
                Completion::Shifted(shortfall) => issues.push(rows::shortfall_issue(dataset, shortfall)),
                Completion::Empty => issues.push(SyncIssue {
                    side: dataset.side(),
                    dataset,
                    external_id: None,
                    location: None,
                    message: "the list came back empty and without a count; the records known so far are kept"
                        .to_owned(),
                    is_rejected: false,
                }),
            }
        }
        sync_run::raise_issues(&tx, claim.organization_id, run_id, run.issue_count, now, &issues).await?;
        run.issue_count += i64::try_from(issues.len()).expect("a page in memory has fewer issues");
        checkpoint.advance(dataset, next);
        run.phase = match checkpoint.current(run.datasets).map(Dataset::side) {
            Some(Side::Pax8) => SyncPhase::ReadingPax8,
            Some(Side::Psa) => SyncPhase::ReadingPsa,
            None => SyncPhase::Matching,
        };
        sync_run::update(&tx, &run, &checkpoint.write()).await?;
        progressed(&tx, &run, Some(dataset), now).await?;
        tx.commit().await?;
        Ok((run, checkpoint))
    }

    async fn matching(&self, claim: &Claim, run: SyncRun) -> Result<(), Stop> {
        let core = &self.core;
        let rematch = Rematch {
            organization_id: run.organization_id,
            integration_id: run.integration_id,
            run_id: Some(run.id),
            claim: Some(claim),
        };
        let (customers, products) = match MappingService::new(core.clone()).rematch(rematch).await {
            Ok(counts) => counts,
            Err(RematchError::Storage(error)) => return Err(error.into()),
            Err(error) => return Err(StorageError::Corrupt(error.to_string()).into()),
        };
        let tx = core.store.begin().await?;
        let now = core.clock.now();
        // Before the run's row, as whoever starts the next run does: in the other order the two would wait for each other.
        let owner = integration::lock(&tx, run.organization_id, run.integration_id).await?;
        let (mut run, checkpoint) = self.held(&tx, claim, run.id, now).await?;
        run.counts.customers = customers;
        run.counts.products = products;
        let status = if run.issue_count > 0 { RunStatus::SucceededWithIssues } else { RunStatus::Succeeded };
        let ending = Ending { status, failure: None, refused: None };
        finish(&tx, &mut run, ending, &checkpoint.write(), now).await?;
        // Some lists alone are not the first sync.
        if let Some(mut owner) = owner
            && run.datasets == Datasets::ALL
            && owner.setup_stage < SetupStage::ReviewAutomatic
        {
            owner.setup_stage = SetupStage::ReviewAutomatic;
            owner.version += 1;
            integration::update(&tx, &owner).await?;
        }
        job::finish(&tx, claim, None, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Remembers at an account that was out of reach that its provider has answered; gives the account as it is then.
    async fn answered(&self, claim: &Claim, asked: ProviderAccount) -> Result<ProviderAccount, StorageError> {
        let tx = self.core.store.begin().await?;
        let now = self.core.clock.now();
        job::hold(&tx, claim, now).await?;
        let found = account::lock(&tx, claim.organization_id, asked.id).await?;
        // What somebody did to it meanwhile counts.
        let Some(mut changed) = found.filter(|found| found.version == asked.version) else { return Ok(asked) };
        changed.status = AccountStatus::Connected;
        changed.failure = None;
        changed.failure_message = None;
        changed.version += 1;
        account::update(&tx, &changed, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Remembers at the account that a provider refused, and says why the run ends; `list` is what was refused, when that
    /// says nothing of others.
    async fn refused(
        &self,
        claim: &Claim,
        asked: &ProviderAccount,
        list: Option<Dataset>,
        error: &ConnectorError,
    ) -> Result<Stop, StorageError> {
        if matches!(error, ConnectorError::Unauthorized { .. }) {
            let tx = self.core.store.begin().await?;
            let now = self.core.clock.now();
            job::hold(&tx, claim, now).await?;
            if let Some(mut changed) = account::lock(&tx, claim.organization_id, asked.id).await?
                && changed.version == asked.version
            {
                changed.status = AccountStatus::ReconnectNeeded;
                changed.failure = Some(AccountFailure::Authorization);
                changed.failure_message = Some(error.to_string());
                changed.version += 1;
                account::update(&tx, &changed, now).await?;
            }
            tx.commit().await?;
        }
        Ok(Stop::Failed { sentence: sentence(error), refused: list })
    }
}

/// Whether an answer says nothing of other lists; `has_answered` says whether the provider has given another one before.
fn is_about_one_list(error: &ConnectorError, has_answered: bool) -> bool {
    match error {
        ConnectorError::Forbidden { .. }
        | ConnectorError::NotFound { .. }
        | ConnectorError::Refused { .. }
        | ConnectorError::Malformed { .. } => true,
        // A provider that has given another list is there.
        ConnectorError::Unavailable { .. } => has_answered,
        ConnectorError::Unauthorized { .. }
        | ConnectorError::Unsupported(_)
        | ConnectorError::RateLimited { .. }
        | ConnectorError::Superseded { .. } => false,
    }
}

/// The sentence for a person that a run ended with, from what a provider answered.
fn sentence(error: &ConnectorError) -> String {
    let advice = match error {
        ConnectorError::Unauthorized { .. } => "Set the credentials of the account again, then start a new sync.",
        ConnectorError::Forbidden { .. } => "Ask for the missing permission there, then start a new sync.",
        ConnectorError::NotFound { .. } | ConnectorError::Malformed { .. } => {
            "Check the address in the settings of the account, then start a new sync."
        }
        ConnectorError::Refused { .. } => "Check the settings of the account, then start a new sync.",
        ConnectorError::RateLimited { .. } | ConnectorError::Unavailable { .. } => {
            "Start a new sync later; what was read so far is kept."
        }
        ConnectorError::Superseded { .. } => {
            "Look at the account, then start a new sync; what was read so far is kept."
        }
        ConnectorError::Unsupported(_) => "Complete the settings of the account, then start a new sync.",
    };
    let mut text = error.to_string();
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    format!("{text}. {advice}")
}

fn unsupported(dataset: Dataset, message: String) -> Batch {
    let issue =
        SyncIssue { side: dataset.side(), dataset, external_id: None, location: None, message, is_rejected: false };
    Batch { issues: vec![issue], ..Batch::skipped() }
}

fn dataset_count(run: &mut SyncRun, dataset: Dataset) -> &mut DatasetCount {
    let datasets = &mut run.counts.datasets;
    let at = match datasets.iter().position(|(known, _)| *known == dataset) {
        Some(at) => at,
        None => {
            datasets.push((dataset, DatasetCount::default()));
            datasets.len() - 1
        }
    };
    &mut datasets[at].1
}

async fn progressed(tx: &Tx, run: &SyncRun, dataset: Option<Dataset>, now: DateTime<Utc>) -> Result<(), StorageError> {
    let event = SyncEvent::Progressed { status: run.status, phase: run.phase, dataset, counts: run.counts.clone() };
    append(tx, run.organization_id, run.id, now, &event).await
}

async fn append(
    tx: &Tx,
    organization: OrganizationId,
    run_id: SyncRunId,
    now: DateTime<Utc>,
    event: &SyncEvent,
) -> Result<(), StorageError> {
    sync_run::append_event(tx, organization, run_id, now, event).await.map(|_| ())
}

/// How a run ends.
struct Ending {
    status: RunStatus,
    /// Why it did not succeed, for a person.
    failure: Option<String>,
    /// The one list that was refused.
    refused: Option<Dataset>,
}

async fn finish(
    tx: &Tx,
    run: &mut SyncRun,
    ending: Ending,
    checkpoint: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let Ending { status, failure, refused } = ending;
    run.status = status;
    run.phase = SyncPhase::Done;
    run.failure.clone_from(&failure);
    run.finished_at = Some(now);
    sync_run::update(tx, run, checkpoint).await?;
    refetch::settle(tx, run, refused, now).await?;
    let event = SyncEvent::Finished { status, counts: run.counts.clone(), failure };
    append(tx, run.organization_id, run.id, now, &event).await
}
