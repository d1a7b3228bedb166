//! Reading some lists again because a provider told of changes. Messages that come together, or while a run works, make
//! one run: what they are about waits at the webhook until a run takes it, and waits again when that run does not succeed;
//! the rules are in [`crate::domain::webhook`]. Every step is part of the transaction that makes or ends the run, so that a
//! crash loses nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::{SyncError, SyncService};
use crate::domain::access::{Actor, Caller, Role};
use crate::domain::id::{IntegrationId, OrganizationId, SyncRunId};
use crate::domain::integration::{Integration, SetupStage};
use crate::domain::run::{Dataset, Datasets, RunStatus, SyncRun, SyncTrigger};
use crate::service::OrInternal as _;
use crate::storage::{StorageError, Tx, sync_run, webhook};

/// How long after a message its run begins: longer than messages are gathered, because clocks do not agree to the
/// millisecond.
const SOON: Duration = Duration::from_millis(1_100);

impl SyncService {
    /// The lists that a run reads; `is_due` says whether the schedule is about to make one that reads all. What waits at a
    /// webhook and is read by this run is taken by it; all in the transaction that makes the run, so that of several
    /// replicas one makes it.
    pub(super) async fn lists(
        &self,
        tx: &Tx,
        caller: &Caller,
        owner: &Integration,
        trigger: SyncTrigger,
        is_due: bool,
    ) -> Result<Datasets, SyncError> {
        let now = self.core.clock.now();
        let found = webhook::lock_of_integration(tx, owner.organization_id, owner.id).await.internal(caller)?;
        let lists = if trigger == SyncTrigger::Webhook {
            // Before the first sync there is nothing that could be brought up to date.
            let is_known = owner.setup_stage >= SetupStage::ReviewAutomatic;
            let due = found.iter().fold(Datasets::NONE, |lists, webhook| lists.with(webhook.due(now)));
            // And messages that come all the time do not keep the schedule from its run, which reads what they are about.
            if !is_known || is_due || due.is_empty() {
                return Err(SyncError::NotDue);
            }
            due
        } else {
            Datasets::ALL
        };
        for mut webhook in found {
            if !webhook.unread().is_empty() {
                webhook.take(lists);
                webhook::update(tx, &webhook).await.internal(caller)?;
            }
        }
        Ok(lists)
    }

    /// Starts every run that a message asks for. Safe to run on every replica.
    pub async fn start_wanted(&self) -> Result<(), StorageError> {
        let waiting = webhook::waiting(self.core.store.read(), self.core.clock.now()).await?;
        for (organization_id, integration_id) in waiting {
            self.refetch(organization_id, integration_id).await;
        }
        Ok(())
    }

    /// Starts a run for the first of several messages, when it had time to become several. Should the process end
    /// before, the scheduler of the next one finds what waits.
    pub fn refetch_soon(&self, organization_id: OrganizationId, integration_id: IntegrationId) {
        let sync = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SOON).await;
            sync.refetch(organization_id, integration_id).await;
        });
    }

    /// Goes on with what providers told while a run worked. What a failed run was to read waits for the scheduler.
    pub(super) async fn go_on(&self, organization_id: OrganizationId, ended: SyncRunId) {
        let read = self.core.store.read();
        let waits = async {
            let Some(run) = sync_run::find(read, organization_id, ended).await? else { return Ok(None) };
            let now = self.core.clock.now();
            let is_waiting = webhook::is_waiting(read, organization_id, run.integration_id, now).await?;
            Ok::<_, StorageError>(is_waiting.then_some(run.integration_id))
        };
        match waits.await {
            Ok(Some(integration_id)) => self.refetch_soon(organization_id, integration_id),
            Ok(None) => {}
            // The scheduler looks again.
            Err(error) => warn!(sync_run.id = %ended, "what waits after sync run `{ended}` cannot be read: {error}"),
        }
    }

    async fn refetch(&self, organization_id: OrganizationId, integration_id: IntegrationId) {
        let caller = Caller {
            organization_id,
            actor: Actor::Job,
            roles: Role::Operator.into(),
            correlation_id: self.core.ids.next().to_string(),
        };
        match self.start(&caller, integration_id, SyncTrigger::Webhook).await {
            Ok(run) => info!(sync_run.id = %run.id, "a message of the provider started sync run `{}`", run.id),
            // Whatever waits is taken by the run that works, by the next one, or when the accounts are connected.
            Err(
                SyncError::NotDue | SyncError::AlreadyRunning(_) | SyncError::NotConnected(_) | SyncError::Archived,
            ) => {}
            Err(error) => warn!("integration `{integration_id}` could not be read again: {error}"),
        }
    }
}

/// What a run that ends had taken from webhooks is done when it succeeded, and waits again when it did not; `refused` is the
/// list that it ended with, if one alone was refused. The integration is held, as it is by whoever makes a run: they hold
/// webhooks and runs in the other order.
pub(super) async fn settle(
    tx: &Tx,
    run: &SyncRun,
    refused: Option<Dataset>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    for mut webhook in webhook::lock_of_integration(tx, run.organization_id, run.integration_id).await? {
        let before = webhook.clone();
        match run.status {
            RunStatus::Succeeded | RunStatus::SucceededWithIssues => webhook.succeed(),
            // Whoever stops a run does not want it at once again, and does not take back what the provider told.
            RunStatus::Failed | RunStatus::Canceled => webhook.fail(refused, now),
            RunStatus::Queued | RunStatus::Running => {}
        }
        if webhook != before {
            webhook::update(tx, &webhook).await?;
        }
    }
    Ok(())
}
