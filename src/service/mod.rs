//! Use cases: each owns its transaction, permission and audit entry. A service knows storage, connectors and engines; it
//! knows nothing of GraphQL or HTTP.

pub mod access;
pub mod api_token;
pub mod audit;
pub mod closing;
pub mod connections;
pub mod discrepancy;
pub mod kept_tokens;
pub mod mapping;
pub mod mapping_files;
pub mod offline;
pub mod policy;
pub mod reach;
pub mod reconciliation;
pub mod retention;
pub mod sealing;
pub mod secrets;
pub mod setup;
pub mod sync;
pub mod user;
pub mod webhook;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::Notify;
use tracing::error;
use url::Url;

use self::api_token::ApiTokenService;
use self::audit::AuditService;
use self::closing::ClosingService;
use self::discrepancy::DiscrepancyService;
use self::mapping::MappingService;
use self::mapping_files::MappingFilesService;
use self::policy::PolicyService;
use self::reconciliation::ReconciliationService;
use self::sealing::SealedPlace;
use self::setup::SetupService;
use self::sync::SyncService;
use self::webhook::WebhookService;
use crate::connector::oauth::application::Application;
use crate::connector::oauth::delegated::{Authorizer, GrantedTokens};
use crate::connector::setting::SettingError;
use crate::connector::webhook::ProviderWebhooks;
use crate::connector::{ConnectorError, Marketplace, Psa};
use crate::domain::access::{Caller, Forbidden};
use crate::domain::audit::Change;
use crate::domain::id::ProviderAccountId;
use crate::domain::integration::{Integration, IntegrationSettings};
use crate::domain::provider::{ConnectionMethod, ProviderAccount};
use crate::domain::schedule::Schedule;
use crate::environment::{Clock, Ids};
use crate::secret::Random;
use crate::storage::account::SealedCredentials;
use crate::storage::audit::{self as chain, Seal};
use crate::storage::provider_token::NewTokens;
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

/// Opens the connection of an account: unseals its secrets and builds the connector that its settings name. Stand-ins of
/// tests that connect to nobody need the first two alone.
#[async_trait]
pub trait Connectors: Send + Sync {
    /// The marketplace behind an account.
    async fn marketplace(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Arc<dyn Marketplace>, ConnectorError>;

    /// The PSA behind an account.
    async fn psa(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Arc<dyn Psa>, ConnectorError>;

    /// What asks the provider behind an account to tell of changes.
    async fn webhooks(
        &self,
        _: &ProviderAccount,
        _: &SealedCredentials,
        _: Recording,
    ) -> Result<Arc<dyn ProviderWebhooks>, ConnectorError> {
        Err(ConnectorError::Unsupported("the account's connector knows no webhooks".to_owned()))
    }

    /// Whether an account could be connected with these settings and these keys, as far as that can be known without
    /// asking the provider.
    fn check(&self, _: &ProviderAccount, _: Option<&SecretString>) -> Result<(), SettingError> {
        Ok(())
    }

    /// The same of the settings, and of keys that a consent does not cover.
    fn check_settings(&self, _: &ProviderAccount, _: Option<&SecretString>) -> Result<(), SettingError> {
        Ok(())
    }

    /// Whether organizations could name each other's files.
    fn shares_files(&self) -> bool {
        false
    }

    /// What speaks for an application at the provider of an account.
    fn authorizer(
        &self,
        _: &ProviderAccount,
        _: Application,
        _: Option<SecretString>,
    ) -> Result<Authorizer, SettingError> {
        Err(SettingError::new("", "nobody can be connected here"))
    }

    /// Seals a secret for a place of an account.
    fn seal(&self, account: &ProviderAccount, place: SealedPlace, secret: &SecretString) -> String;

    /// Opens what was sealed for a place of an account.
    fn open(&self, _: &ProviderAccount, _: SealedPlace, _: &str) -> Result<SecretString, ConnectorError> {
        Err(ConnectorError::Unsupported("nothing is sealed here".to_owned()))
    }

    /// Lets go of the open connection of an account, with the secrets in it.
    fn forget(&self, _: ProviderAccountId) {}

    /// Seals what a provider granted with the consent that `origin` names.
    fn seal_tokens(&self, account: &ProviderAccount, tokens: &GrantedTokens, origin: &str) -> NewTokens;

    /// The addresses that an account's keys, or the tokens of its consent, are sent to by its settings, as text to be
    /// compared: what was given for some addresses is never sent to others.
    fn addresses(&self, _: &ProviderAccount, _: ConnectionMethod) -> Result<String, SettingError> {
        Ok(String::new())
    }

    /// The token among sealed ones that ends the consent when it is given back.
    fn revocable(&self, _: &ProviderAccount, _: &str) -> Result<SecretString, ConnectorError> {
        Err(ConnectorError::Unsupported("nothing is sealed here".to_owned()))
    }
}

/// The address under which others reach the server: links and callbacks begin with it.
#[derive(Debug, Clone, Default)]
pub struct PublicAddress {
    configured: Option<Url>,
    listening: Arc<OnceLock<Url>>,
}

impl PublicAddress {
    /// The configured address, where there is one.
    pub fn new(configured: Option<Url>) -> Self {
        Self { configured, listening: Arc::default() }
    }

    /// What the operator said; `None` when nobody did.
    pub fn configured(&self) -> Option<&Url> {
        self.configured.as_ref()
    }

    /// Uses the address that the server listens on, unless one was configured.
    pub fn fall_back_to(&self, listening: SocketAddr) {
        let host = if listening.ip().is_unspecified() { "localhost".to_owned() } else { listening.ip().to_string() };
        let host = if listening.is_ipv6() && host != "localhost" { format!("[{host}]") } else { host };
        if let Ok(url) = Url::parse(&format!("http://{host}:{}/", listening.port())) {
            // A server listens once.
            let _ = self.listening.set(url);
        }
    }

    /// A path below the address; `None` before the server listens.
    pub fn join(&self, path: &str) -> Option<Url> {
        let mut url = self.configured.as_ref().or_else(|| self.listening.get())?.clone();
        let whole = format!("{}/{}", url.path().trim_end_matches('/'), path.trim_start_matches('/'));
        url.set_path(&whole);
        Some(url)
    }
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
    /// Where others reach the server.
    pub public_address: PublicAddress,
    /// Wakes the workers when there is something to do.
    pub work: Arc<Notify>,
    /// Unpredictable bytes.
    pub random: Arc<dyn Random>,
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
    /// API tokens.
    pub api_token: ApiTokenService,
    /// What providers tell by themselves.
    pub webhook: WebhookService,
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
            api_token: ApiTokenService::new(core.clone()),
            webhook: WebhookService::new(core.clone()),
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
