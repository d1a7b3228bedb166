//! The composition root: what the program is made of, put together once, for `main` and for every test.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::connector::ConnectorError;
use crate::domain::access::{Actor, Caller};
use crate::domain::provider::Side;
use crate::domain::retention::Retention;
use crate::environment::{Clock, Ids};
use crate::graphql::executor::CallerExecutor;
use crate::graphql::{self, Schema, SchemaSettings};
use crate::http::authorization::{self, Callback, CallbackPage, CallbackSide, Parameters};
use crate::http::download::{self, Download, Downloads, NoDownload};
use crate::http::webhook::{self, NotTaken, Webhooks};
use crate::http::{
    AllowedOrigins, AuthenticationFailure, Authenticator, Endpoint, EndpointSettings, GraphiqlPage, Identity, Limits,
    NotReady, Readiness, RequestId, Site, router,
};
use crate::job::{Runner, Scheduler, purge_daily};
use crate::secret::{KeyRing, OpenError};
use crate::service::access::{AccessService, Admission, TokenFailure};
use crate::service::connections::Connections;
use crate::service::kept_tokens::KeeperParts;
use crate::service::reach::Reach;
use crate::service::reconciliation::ReconciliationService;
use crate::service::reconciliation::download::{DownloadError, DownloadedReport};
use crate::service::retention::RetentionService;
use crate::service::secrets::SecretsService;
use crate::service::setup::{Authorized, ReturnError, Returned, SetupService};
use crate::service::user::{Issuer, IssuerSettings};
use crate::service::webhook::{NotKept, Sender, WebhookService};
use crate::service::{Connectors, Core, PublicAddress, Services};
use crate::storage::Store;
use crate::storage::audit::Seal;

/// What differs between a server, a command and a test.
pub struct Parts {
    /// Database, migrated.
    pub store: Store,
    /// Secret keys.
    pub keys: Arc<KeyRing>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// What connections may reach.
    pub reach: Reach,
    /// Address under which others reach the server; the one that it listens on when `None`.
    pub public_url: Option<Url>,
    /// Connections of a test; the real ones when `None`.
    pub connectors: Option<Arc<dyn Connectors>>,
    /// How the schema answers.
    pub schema: SchemaSettings,
}

/// How the site answers.
pub struct SiteSettings {
    /// Limits of the transport.
    pub limits: Limits,
    /// Web pages that may call.
    pub origins: AllowedOrigins,
    /// The page for a browser.
    pub page: Option<GraphiqlPage>,
}

/// The program.
#[derive(Clone)]
pub struct App {
    /// Use cases.
    pub services: Services,
    /// Who is let in.
    pub access: AccessService,
    /// The secret keys over time.
    pub secrets: SecretsService,
    /// Keeping no longer than was said.
    pub retention: RetentionService,
    /// How long the server keeps what it no longer works with; for ever, unless it is told.
    pub kept_for: Retention,
    /// Schema.
    pub schema: Schema,
    /// Renewals of tokens that are under way: a process that ended in the middle of one would lose a consent.
    renewals: TaskTracker,
}

/// Makes keyed hashes with the secret keys.
pub struct KeyedSeal(pub Arc<KeyRing>);

impl Seal for KeyedSeal {
    fn mac(&self, purpose: &'static str, bytes: &[u8]) -> String {
        self.0.hmac(purpose, bytes)
    }

    fn is_mac(&self, purpose: &'static str, bytes: &[u8], mac: &str) -> Result<bool, String> {
        match self.0.verify_hmac(purpose, bytes, mac) {
            Ok(is_good) => Ok(is_good),
            // What is no code of ours was not written by us.
            Err(OpenError::Malformed | OpenError::Refused { .. }) => Ok(false),
            Err(OpenError::UnknownKey { key_id }) => {
                Err(format!("the key `{key_id}` is not among the secret keys of this server"))
            }
        }
    }
}

impl App {
    /// Puts the program together.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, keys, clock, ids, reach, public_url, connectors, schema } = parts;
        let seal: Arc<dyn Seal> = Arc::new(KeyedSeal(Arc::clone(&keys)));
        let renewals = TaskTracker::new();
        let connectors = connectors.unwrap_or_else(|| {
            let parts = KeeperParts {
                store: store.clone(),
                keys: Arc::clone(&keys),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                seal: Arc::clone(&seal),
                renewals: renewals.clone(),
            };
            Arc::new(Connections::new(parts, reach))
        });
        let public_address = PublicAddress::new(public_url);
        let (random, work) = (keys.random(), Arc::new(Notify::new()));
        let core = Core { store, clock, ids, seal, connectors, public_address, work, random };
        let services = Services::new(core.clone());
        let schema = graphql::schema(services.clone(), schema);
        let secrets = SecretsService::new(core.clone(), keys);
        let retention = RetentionService::new(core.clone());
        Self {
            services,
            access: AccessService::new(core),
            secrets,
            retention,
            kept_for: Retention::default(),
            schema,
            renewals,
        }
    }

    /// The same program, which also lets in the users of an issuer of tokens.
    pub fn trusting(self, settings: IssuerSettings) -> Result<Self, ConnectorError> {
        let issuer = Issuer::new(settings, Arc::clone(&self.services.core.clock))?;
        Ok(Self { access: self.access.trusting(issuer), ..self })
    }

    /// The routes of the server.
    pub fn router(&self, settings: SiteSettings, shutdown: CancellationToken) -> Router {
        let SiteSettings { limits, origins, page } = settings;
        let ids = Arc::clone(&self.services.core.ids);
        let clock = Arc::clone(&self.services.core.clock);
        let authenticator = Arc::new(TokenAuthenticator { access: self.access.clone(), clock });
        let settings = EndpointSettings { limits, origins, page, shutdown, ids };
        let endpoint = Endpoint::new(CallerExecutor(self.schema.clone()), authenticator, settings);
        let readiness = Arc::new(DatabaseReadiness(self.services.core.store.clone()));
        let callback = Arc::new(AuthorizationCallback(self.services.setup.clone()));
        let others = download::routes(Arc::new(ReportDownloads(self.services.reconciliation.clone())))
            .merge(authorization::routes(callback))
            .merge(webhook::routes(ProviderMessages(self.services.webhook.clone()), webhook::PER_MINUTE));
        router(Site { endpoint, readiness, others })
    }

    /// Serves until told to stop, with workers, scheduler and the daily purge.
    pub async fn serve(
        &self,
        listener: TcpListener,
        settings: SiteSettings,
        workers: usize,
        shutdown: CancellationToken,
    ) -> std::io::Result<()> {
        self.services.core.public_address.fall_back_to(listener.local_addr()?);
        let name = format!("{}-{}", std::process::id(), self.services.core.ids.next());
        let runner = tokio::spawn(Runner::new(self.services.clone(), name).run(workers, shutdown.clone()));
        let scheduler = tokio::spawn(Scheduler::new(self.services.clone()).run(shutdown.clone()));
        let purge = tokio::spawn(purge_daily(self.retention.clone(), self.kept_for, shutdown.clone()));
        let router = self.router(settings, shutdown.clone());
        let served = crate::http::serve(listener, router, shutdown.clone()).await;
        // Also when serving failed, nobody may go on working.
        shutdown.cancel();
        let _ = tokio::join!(runner, scheduler, purge);
        self.renewals.close();
        self.renewals.wait().await;
        served
    }
}

struct TokenAuthenticator {
    access: AccessService,
    clock: Arc<dyn Clock>,
}

impl TokenAuthenticator {
    /// When the transport's clock, which nobody sets, shows a moment of ours.
    fn instant(&self, moment: chrono::DateTime<chrono::Utc>) -> Option<Instant> {
        let left = (moment - self.clock.now()).to_std().unwrap_or_default();
        // An end that no clock can hold is none.
        Instant::now().checked_add(left)
    }
}

fn failure(failure: TokenFailure) -> AuthenticationFailure {
    match failure {
        TokenFailure::Unknown => AuthenticationFailure::Unknown,
        TokenFailure::Expired => AuthenticationFailure::Expired,
        TokenFailure::Revoked => AuthenticationFailure::Revoked,
        TokenFailure::Jwt(_) | TokenFailure::NoOrganization | TokenFailure::UnknownOrganization => {
            AuthenticationFailure::Refused(format!("The token is not accepted: {failure}."))
        }
        TokenFailure::NoKeys(_) => AuthenticationFailure::Undecided,
        TokenFailure::Storage(error) => AuthenticationFailure::Unavailable(error.to_string()),
    }
}

#[async_trait]
impl Authenticator for TokenAuthenticator {
    async fn authenticate(&self, bearer: &str) -> Result<Identity, AuthenticationFailure> {
        let Admission { caller, ends_at } = self.access.admit(bearer).await.map_err(failure)?;
        let key = match &caller.actor {
            Actor::Token { id, .. } => id.to_string(),
            Actor::User(user) => user.key(),
            Actor::CommandLine | Actor::Schedule | Actor::Job => caller.organization_id.to_string(),
        };
        Ok(Identity::new(key, caller).ending_at(ends_at.and_then(|moment| self.instant(moment))))
    }

    async fn still_valid(&self, identity: &Identity) -> Result<(), AuthenticationFailure> {
        match identity.caller::<Caller>().map(|caller| &caller.actor) {
            Some(Actor::Token { id, .. }) => self.access.still_valid(*id).await.map_err(failure),
            // The issuer's word holds until the token's end, which the transport keeps.
            Some(Actor::User(_)) => Ok(()),
            _ => Err(AuthenticationFailure::Unknown),
        }
    }

    fn changes(&self, identity: &Identity) -> BoxStream<'static, ()> {
        match identity.caller::<Caller>().map(|caller| &caller.actor) {
            Some(Actor::Token { id, .. }) => self.access.changes(*id).boxed(),
            _ => stream::pending().boxed(),
        }
    }
}

struct ReportDownloads(ReconciliationService);

#[async_trait]
impl Downloads for ReportDownloads {
    async fn open(&self, ticket: &str) -> Result<Download, NoDownload> {
        match self.0.download(ticket).await {
            Ok(DownloadedReport { file, media_type, bytes }) => Ok(Download { file, media_type, bytes }),
            Err(DownloadError::Unknown) => Err(NoDownload::Unknown),
            Err(DownloadError::Expired) => Err(NoDownload::Expired),
            Err(error @ (DownloadError::Storage(_) | DownloadError::Broken(_))) => {
                Err(NoDownload::Failed(error.to_string()))
            }
        }
    }
}

struct AuthorizationCallback(SetupService);

#[async_trait]
impl Callback for AuthorizationCallback {
    async fn complete(&self, side: CallbackSide, parameters: Parameters, id: &RequestId) -> CallbackPage {
        let (side, provider) = match side {
            CallbackSide::Pax8 => (Side::Pax8, "Pax8"),
            CallbackSide::Psa => (Side::Psa, "The PSA"),
        };
        let Parameters { state, code, issuer, error, description } = parameters;
        let returned = Returned { state, code, issuer, error, description };
        match self.0.complete_authorization(side, returned, id.as_str()).await {
            Ok(Authorized { account, integration_name, organization_name, starter }) => {
                let name = account.display_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                let place =
                    format!("in the integration “{integration_name}” of the organization “{organization_name}”");
                let (title, mut sentences) = match account.failure_message.clone() {
                    None => (
                        format!("{provider} is connected"),
                        vec![format!("Concord may now act for your account{name} {place}.")],
                    ),
                    Some(message) => (
                        format!("{provider} does not work yet"),
                        vec![format!("Your consent was stored {place}."), message],
                    ),
                };
                sentences.extend(account.sentences().map(str::to_owned));
                sentences.push(format!(
                    "This sign-in was begun by “{}”. If you did not mean to do this, withdraw your consent at {}, and tell \
                     your administrator.",
                    starter.name(),
                    if side == Side::Pax8 { provider } else { "the PSA" }
                ));
                let is_connected = account.status.is_usable();
                CallbackPage { is_connected, title, sentences, status: StatusCode::OK }
            }
            Err(error) => {
                let status = match &error {
                    ReturnError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
                    ReturnError::Denied | ReturnError::Provider(_) | ReturnError::StillTrying => StatusCode::OK,
                    _ => StatusCode::BAD_REQUEST,
                };
                let is_trying = matches!(error, ReturnError::StillTrying);
                let title = if is_trying { "Signed in" } else { "Not connected" }.to_owned();
                CallbackPage { is_connected: false, title, sentences: vec![error.to_string()], status }
            }
        }
    }
}

struct ProviderMessages(WebhookService);

#[async_trait]
impl Webhooks for ProviderMessages {
    type Sender = Sender;

    async fn admit(&self, path: &str, authorization: &[u8]) -> Result<(Arc<str>, Sender), NotTaken> {
        match self.0.admit(path, authorization).await {
            Ok(Some(sender)) => Ok((sender.webhook_id().to_string().into(), sender)),
            Ok(None) => Err(NotTaken::Unknown),
            Err(error) => Err(NotTaken::Failed(error.to_string())),
        }
    }

    async fn keep(&self, sender: Sender, body: &[u8]) -> Result<(), NotTaken> {
        self.0.keep(sender, body).await.map_err(|error| match error {
            NotKept::NotAnObject => NotTaken::NotAnObject,
            NotKept::Removed => NotTaken::Unknown,
            NotKept::Storage(error) => NotTaken::Failed(error.to_string()),
        })
    }
}

struct DatabaseReadiness(Store);

#[async_trait]
impl Readiness for DatabaseReadiness {
    async fn check(&self) -> Result<(), NotReady> {
        self.0.ping().await.map_err(|error| NotReady(error.to_string()))
    }
}
