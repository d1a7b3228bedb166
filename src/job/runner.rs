//! The workers.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{reconcile, sync};
use crate::domain::run::JobKind;
use crate::service::Services;
use crate::storage::StorageError;
use crate::storage::job::{self, Claim};

/// How often an idle worker looks for work that nobody woke it for: another replica's, or one whose lease ran out.
const LOOK: Duration = Duration::from_secs(1);

/// How often a working worker renews its lease; well within it.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How often a job is begun before it is given up. A job that brings its worker down must not do so for ever.
const MAX_ATTEMPTS: i32 = 20;

/// Wait after a failure of the database or of ourselves.
const PAUSE: Duration = Duration::from_secs(2);

/// The workers of this process.
pub struct Runner {
    services: Services,
    name: String,
}

impl Runner {
    /// Workers named after this process.
    pub fn new(services: Services, name: String) -> Self {
        Self { services, name }
    }

    /// Works until told to stop. What is under way then is dropped, with the transaction it is in, and put back for
    /// whoever claims it next.
    pub async fn run(self, workers: usize, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        for number in 0..workers {
            let (services, shutdown) = (self.services.clone(), shutdown.clone());
            let name = format!("{}/{number}", self.name);
            tasks.spawn(async move {
                work(&services, &name, &shutdown).await;
            });
        }
        while tasks.join_next().await.is_some() {}
    }
}

async fn work(services: &Services, name: &str, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        // Not dropped half-way: a claim that nobody carries out would wait for its lease to run out.
        let idle = match claim(services, name).await {
            Ok(Some(claim)) => {
                tokio::select! {
                    () = shutdown.cancelled() => put_back(services, &claim, Duration::ZERO).await,
                    () = carry_out(services, &claim) => {}
                }
                continue;
            }
            Ok(None) => LOOK,
            Err(error) => {
                error!("worker `{name}` cannot look for work: {error}");
                PAUSE
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = services.core.work.notified(), if idle == LOOK => {}
            () = sleep(idle) => {}
        }
    }
}

async fn claim(services: &Services, name: &str) -> Result<Option<Claim>, StorageError> {
    let core = &services.core;
    // Looking takes no write lock; only what is there is claimed.
    if !job::is_waiting(core.store.read(), core.clock.now()).await? {
        return Ok(None);
    }
    let tx = core.store.begin().await?;
    let claim = job::claim(&tx, name, core.clock.now()).await?;
    tx.commit().await?;
    Ok(claim)
}

async fn carry_out(services: &Services, claim: &Claim) {
    let Claim { job_id, number, attempts, .. } = *claim;
    info!(job.id = %job_id, job.claim = number, "job `{job_id}` begins, attempt {attempts}");
    let outcome = tokio::select! {
        outcome = std::panic::AssertUnwindSafe(execute(services, claim)).catch_unwind() => outcome,
        () = keep_alive(services, claim) => Ok(Err(StorageError::LeaseLost)),
    };
    match outcome {
        Ok(Ok(())) => info!(job.id = %job_id, job.claim = number, "job `{job_id}` is done"),
        Ok(Err(StorageError::LeaseLost)) => {
            warn!(job.id = %job_id, job.claim = number, "job `{job_id}` was taken over by another worker");
        }
        Ok(Err(error)) => {
            error!(job.id = %job_id, job.claim = number, "job `{job_id}` could not be recorded: {error}");
            put_back(services, claim, PAUSE).await;
        }
        Err(_) => {
            error!(job.id = %job_id, job.claim = number, "job `{job_id}` panicked");
            put_back(services, claim, PAUSE).await;
        }
    }
}

async fn execute(services: &Services, claim: &Claim) -> Result<(), StorageError> {
    if claim.attempts > MAX_ATTEMPTS {
        let sentence = format!(
            "The work was begun {MAX_ATTEMPTS} times without coming to an end. Look for job {} in the server's log, \
             then start it again.",
            claim.job_id
        );
        return match claim.kind {
            JobKind::Sync => sync::give_up(services, claim, sentence).await,
            JobKind::Reconcile => reconcile::give_up(services, claim, sentence).await,
        };
    }
    match claim.kind {
        JobKind::Sync => sync::execute(services, claim).await,
        JobKind::Reconcile => reconcile::execute(services, claim).await,
    }
}

/// Renews the lease while the job works; ends when it was lost.
async fn keep_alive(services: &Services, claim: &Claim) {
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let renewed = async {
            let tx = services.core.store.begin().await?;
            job::hold(&tx, claim, services.core.clock.now()).await?;
            tx.commit().await
        };
        match renewed.await {
            Ok(()) => {}
            Err(StorageError::LeaseLost) => return,
            // The database may be busy; the job's own transactions will tell.
            Err(error) => warn!(job.id = %claim.job_id, "the lease of job `{}` was not renewed: {error}", claim.job_id),
        }
    }
}

async fn put_back(services: &Services, claim: &Claim, wait: Duration) {
    let core = &services.core;
    let wait = TimeDelta::from_std(wait).expect("a pause of seconds");
    let postponed = async {
        let tx = core.store.begin().await?;
        job::postpone(&tx, claim, core.clock.now(), wait).await?;
        tx.commit().await
    };
    if let Err(error) = postponed.await {
        // Its lease runs out all the same, and then somebody claims it.
        warn!(job.id = %claim.job_id, "job `{}` could not be put back: {error}", claim.job_id);
    }
}
