//! Starts what a schedule asks for. Safe to run on every replica: one active run per integration is a rule of the
//! database, and the next time is planned in the transaction that starts the run.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::access::{Actor, Caller, Role};
use crate::domain::integration::Integration;
use crate::domain::run::SyncTrigger;
use crate::service::Services;
use crate::service::sync::SyncError;
use crate::storage::{StorageError, integration};

/// How often the schedules are looked at. A cron expression knows minutes, so this is often enough.
const LOOK: Duration = Duration::from_secs(15);

/// The scheduler of this process.
pub struct Scheduler {
    services: Services,
}

impl Scheduler {
    /// A scheduler over the services.
    pub fn new(services: Services) -> Self {
        Self { services }
    }

    /// Looks at the schedules until told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.look().await {
                warn!("the schedules could not be read: {error}");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Starts every sync that is due or that a provider asked for, and shows again what rules hid that have expired.
    pub async fn look(&self) -> Result<(), StorageError> {
        let core = &self.services.core;
        for due in integration::due(core.store.read(), core.clock.now()).await? {
            let caller = Caller {
                organization_id: due.organization_id,
                actor: Actor::Schedule,
                roles: Role::Operator.into(),
                correlation_id: core.ids.next().to_string(),
            };
            match self.services.sync.start(&caller, due.id, SyncTrigger::Schedule).await {
                Ok(run) => info!(sync_run.id = %run.id, "the schedule of `{}` started sync run `{}`", due.name, run.id),
                Err(SyncError::NotDue) => {}
                Err(SyncError::AlreadyRunning(_)) => self.plan(&due).await?,
                Err(error) => {
                    warn!("the schedule of `{}` could not start a sync: {error}", due.name);
                    self.plan(&due).await?;
                }
            }
        }
        self.services.sync.start_wanted().await?;
        self.services.discrepancy.show_expired().await
    }

    /// Plans the next time without starting anything.
    async fn plan(&self, due: &Integration) -> Result<(), StorageError> {
        let core = &self.services.core;
        let tx = core.store.begin().await?;
        if let Some(mut found) = integration::lock(&tx, due.organization_id, due.id).await?
            && found.next_run_at == due.next_run_at
        {
            found.next_run_at = crate::service::next_run(&found, core.clock.now());
            integration::update(&tx, &found).await?;
        }
        tx.commit().await
    }
}
