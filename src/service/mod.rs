//! Use cases: each owns its transaction, permission and audit entry. A service knows storage, connectors and engines; it
//! knows nothing of GraphQL or HTTP.

pub mod access;
pub mod audit;
pub mod closing;
pub mod connections;
pub mod discrepancy;
pub mod mapping;
pub mod mapping_files;
pub mod offline;
pub mod policy;
pub mod reconciliation;
pub mod setup;
pub mod sync;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::sync::Notify;
use tracing::error;

use self::audit::AuditService;
use self::closing::ClosingService;
use self::discrepancy::DiscrepancyService;
use self::mapping::MappingService;
use self::mapping_files::MappingFilesService;
use self::policy::PolicyService;
use self::reconciliation::ReconciliationService;
use self::setup::SetupService;
use self::sync::SyncService;
use crate::connector::setting::SettingError;
use crate::connector::{ConnectorError, Marketplace, Psa};
use crate::domain::access::{Caller, Forbidden};
use crate::domain::audit::Change;
use crate::domain::integration::{Integration, IntegrationSettings};
use crate::domain::provider::ProviderAccount;
use crate::domain::schedule::Schedule;
use crate::environment::{Clock, Ids};
use crate::storage::audit::{self as chain, Seal};
use crate::storage::{StorageError, Store, Tx};

/// Something failed that the caller cannot put right. It has been logged, once, under the correlation id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("internal error, correlation id {correlation_id}")]
pub struct Internal {
    /// Id of the request.
    pub correlation_id: String,
}

impl Internal {
    /// Logs a failure with its causes and keeps what may be shown.
    pub fn log(correlation_id: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut causes = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            next = cause.source();
        }
        error!(correlation_id, "operation `{correlation_id}` failed: {causes}");
        Self { correlation_id: correlation_id.to_owned() }
    }
}

/// Why something was not read: all that can go wrong where nothing is changed.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// Turns a storage error into an internal one under the caller's correlation id.
pub(crate) trait OrInternal<T> {
    /// The value, or the logged failure.
    fn internal(self, caller: &Caller) -> Result<T, Internal>;
}

impl<T> OrInternal<T> for Result<T, StorageError> {
    fn internal(self, caller: &Caller) -> Result<T, Internal> {
        self.map_err(|error| Internal::log(&caller.correlation_id, &error))
    }
}

/// A text has more characters than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// What a person said, without blanks around it; `None` when nothing is left.
pub(crate) fn said(text: Option<String>, longest: usize) -> Result<Option<String>, TooLong> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > longest) { Err(TooLong) } else { Ok(text) }
}

/// Whether the traffic of a connection is written to the log, without secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// It is not.
    Off,
    /// It is: the integration's `debug` is on.
    On,
}

impl Recording {
    /// What an integration's settings ask for at a moment.
    pub fn of(settings: &IntegrationSettings, moment: DateTime<Utc>) -> Self {
        if settings.records_at(moment) { Self::On } else { Self::Off }
    }
}

/// Opens the connection of an account: unseals its secret and builds the connector that its settings name.
#[async_trait]
pub trait Connectors: Send + Sync {
    /// The marketplace behind an account.
    async fn marketplace(
        &self,
        account: &ProviderAccount,
        sealed_secret: Option<&str>,
        recording: Recording,
    ) -> Result<Arc<dyn Marketplace>, ConnectorError>;

    /// The PSA behind an account.
    async fn psa(
        &self,
        account: &ProviderAccount,
        sealed_secret: Option<&str>,
        recording: Recording,
    ) -> Result<Arc<dyn Psa>, ConnectorError>;

    /// Whether an account could be connected with these settings and this secret, as far as that can be known without
    /// asking the provider. Stand-ins that have no settings take any.
    fn check(&self, _: &ProviderAccount, _: Option<&secrecy::SecretString>) -> Result<(), SettingError> {
        Ok(())
    }

    /// Seals a secret for an account.
    fn seal(&self, account: &ProviderAccount, secret: &secrecy::SecretString) -> Result<String, ConnectorError>;
}

/// What every service stands on.
#[derive(Clone)]
pub struct Core {
    /// Database.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// Key of the audit chain.
    pub seal: Arc<dyn Seal>,
    /// Connections to the providers.
    pub connectors: Arc<dyn Connectors>,
    /// Wakes the workers when there is something to do.
    pub work: Arc<Notify>,
}

/// Every service, as the schema and the command line use them.
#[derive(Clone)]
pub struct Services {
    /// What they stand on.
    pub core: Core,
    /// Setting up.
    pub setup: SetupService,
    /// Syncing.
    pub sync: SyncService,
    /// Mapping.
    pub mapping: MappingService,
    /// Mappings and prices as files.
    pub mapping_files: MappingFilesService,
    /// Reconciling.
    pub reconciliation: ReconciliationService,
    /// The rules of reports.
    pub policy: PolicyService,
    /// Work on discrepancies.
    pub discrepancy: DiscrepancyService,
    /// Closing months.
    pub closing: ClosingService,
    /// The audit chain.
    pub audit: AuditService,
}

impl Services {
    /// The services over a core.
    pub fn new(core: Core) -> Self {
        Self {
            setup: SetupService::new(core.clone()),
            sync: SyncService::new(core.clone()),
            mapping: MappingService::new(core.clone()),
            mapping_files: MappingFilesService::new(core.clone()),
            reconciliation: ReconciliationService::new(core.clone()),
            policy: PolicyService::new(core.clone()),
            discrepancy: DiscrepancyService::new(core.clone()),
            closing: ClosingService::new(core.clone()),
            audit: AuditService::new(core.clone()),
            core,
        }
    }
}

/// When an integration's schedule next starts a sync; `None` when it does not.
pub(crate) fn next_run(integration: &Integration, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let settings = &integration.settings;
    if !settings.is_schedule_enabled {
        return None;
    }
    let schedule = Schedule::parse(&settings.schedule_cron, settings.schedule_time_zone.name());
    schedule.ok().and_then(|schedule| schedule.next_after(now))
}

impl Core {
    /// Appends a change to the caller's audit chain; the last thing in a transaction.
    pub(crate) async fn audit(&self, tx: &Tx, caller: &Caller, change: Change) -> Result<(), StorageError> {
        chain::record(tx, &*self.seal, &*self.ids, caller, self.clock.now(), change).await
    }
}
