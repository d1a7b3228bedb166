//! The server: one listener, three surfaces, two authorization servers and the controls of the sandbox.

mod account;
mod billing;
pub mod credentials;
mod faults;
mod limits;
mod oauth;
mod page;
mod pax8;
mod query;
mod reply;
mod revio;
mod token;
mod webhook;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use chrono::NaiveDate;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::billing::Billing;
use self::faults::{Effect, Fault, Faults};
use self::limits::Budget;
pub use self::oauth::Side;
use self::oauth::{AuthorizationServer, Foundation};
use self::query::Query;
use self::reply::Refusal;
use self::token::{Form, Tokens};
use super::json::Object;
use super::world::{DEFAULT_SEED, World, WorldError, default_today};
use crate::environment::{Clock, SystemClock};

/// Where the records come from.
#[derive(Debug, Clone)]
pub enum WorldSource {
    /// Made by the program.
    Seeded {
        /// Seed.
        seed: u64,
        /// Day on which both systems are read.
        today: NaiveDate,
    },
    /// A directory in the layout of [`World::write_to`].
    Directory(PathBuf),
    /// Made before.
    Ready(Arc<World>),
}

impl Default for WorldSource {
    fn default() -> Self {
        Self::Seeded { seed: DEFAULT_SEED, today: default_today() }
    }
}

/// How the sandbox behaves.
#[derive(Clone)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Records.
    pub world: WorldSource,
    /// Requests in a minute on each surface before 429; `None` for no limit.
    pub requests_per_minute: Option<u32>,
    /// Time that every answer takes at least.
    pub latency: Duration,
    /// For how long a token of Pax8 is good.
    pub pax8_token_lifetime: Duration,
    /// For how long a token of the PSA is good.
    pub psa_token_lifetime: Duration,
    /// Clock by which tokens expire and minutes pass.
    pub clock: Arc<dyn Clock>,
    /// Addresses that people may be returned to from a login, beside `/oauth/callback/pax8` and `/oauth/callback/psa` on
    /// this machine.
    pub redirect_uris: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            world: WorldSource::default(),
            requests_per_minute: Some(1000),
            latency: Duration::ZERO,
            pax8_token_lifetime: Duration::from_hours(24),
            psa_token_lifetime: Duration::from_hours(1),
            clock: Arc::new(SystemClock),
            redirect_uris: Vec::new(),
        }
    }
}

/// Why the sandbox did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Address.
        address: SocketAddr,
        /// Reason.
        source: io::Error,
    },
    /// There is no world.
    #[error(transparent)]
    World(#[from] WorldError),
}

/// A sandbox that answers until it is shut down or dropped.
#[derive(Debug)]
pub struct RunningSandbox {
    address: SocketAddr,
    world: Arc<World>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl RunningSandbox {
    /// Address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Records that it serves.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Scheme, host and port; the page about the sandbox is at `/sandbox`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Base address of the partner API of Pax8.
    pub fn pax8_base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// Address of the token endpoint of Pax8.
    pub fn pax8_token_url(&self) -> String {
        format!("{}/v1/token", self.origin())
    }

    /// Base address of the PSA surface.
    pub fn psa_base_url(&self) -> String {
        format!("{}/psa", self.origin())
    }

    /// Base address of the Billing surface.
    pub fn billing_base_url(&self) -> String {
        format!("{}/billing/v1", self.origin())
    }

    /// Who a side is as an authorization server.
    pub fn oauth_issuer(&self, side: Side) -> String {
        side.issuer(&self.origin())
    }

    /// Address to which an application sends people.
    pub fn oauth_authorize_url(&self, side: Side) -> String {
        format!("{}/authorize", self.oauth_issuer(side))
    }

    /// Address at which an application gets tokens.
    pub fn oauth_token_url(&self, side: Side) -> String {
        format!("{}/token", self.oauth_issuer(side))
    }

    /// Address at which an application gives tokens back.
    pub fn oauth_revocation_url(&self, side: Side) -> String {
        format!("{}/revoke", self.oauth_issuer(side))
    }

    /// Waits until the server ends, which it does not by itself.
    pub async fn wait(&mut self) {
        // The only other outcome is a panic inside the server, which has been reported by then.
        let _ = (&mut self.server).await;
    }

    /// Stops listening and lets running answers end, for a moment.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.server).await;
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}

struct Sandbox {
    world: Arc<World>,
    billing_records: Billing,
    origin: String,
    latency: Duration,
    faults: Faults,
    pax8_tokens: Arc<Tokens>,
    psa_tokens: Arc<Tokens>,
    pax8_login: Arc<AuthorizationServer>,
    psa_login: Arc<AuthorizationServer>,
    pax8_budget: Arc<Budget>,
    psa_budget: Arc<Budget>,
    billing_budget: Budget,
    webhooks: webhook::Webhooks,
}

/// Reads or makes the world and starts to listen.
pub async fn start(options: Options) -> Result<RunningSandbox, StartError> {
    let world = match options.world {
        WorldSource::Seeded { seed, today } => Arc::new(World::seeded(seed, today)?),
        WorldSource::Directory(directory) => Arc::new(World::from_directory(&directory)?),
        WorldSource::Ready(world) => world,
    };
    let failed = |source| StartError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let origin = format!("http://{address}");
    let budget = || Budget::new(Arc::clone(&options.clock), options.requests_per_minute);
    let tokens = |form, lifetime| Arc::new(Tokens::new(Arc::clone(&options.clock), form, lifetime));
    let login = |side, tokens, budget| {
        let (clock, redirect_uris) = (&options.clock, &options.redirect_uris);
        let foundation = Foundation { origin: &origin, redirect_uris, clock, tokens, budget };
        Arc::new(AuthorizationServer::new(side, foundation))
    };
    let (pax8_budget, psa_budget) = (Arc::new(budget()), Arc::new(budget()));
    let pax8_tokens = tokens(Form::Opaque, options.pax8_token_lifetime);
    let psa_tokens = tokens(Form::Jwt, options.psa_token_lifetime);
    let sandbox = Arc::new(Sandbox {
        billing_records: Billing::of(&world),
        world: Arc::clone(&world),
        latency: options.latency,
        faults: Faults::default(),
        pax8_login: login(Side::Pax8, &pax8_tokens, &pax8_budget),
        psa_login: login(Side::Psa, &psa_tokens, &psa_budget),
        pax8_tokens,
        psa_tokens,
        pax8_budget,
        psa_budget,
        billing_budget: budget(),
        origin,
        webhooks: webhook::Webhooks::new(Arc::clone(&options.clock)),
    });
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let service = router(sandbox).into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the sandbox stopped");
        }
    });
    info!(%address, "the sandbox listens on {address}");
    Ok(RunningSandbox { address, world, stop, server })
}

fn router(sandbox: Arc<Sandbox>) -> Router {
    let controls = Router::new()
        .route("/", get(about))
        .route("/sandbox", get(about))
        .route("/sandbox/faults", post(order_fault).get(list_faults).delete(clear_faults))
        .route("/sandbox/tokens", get(count_tokens).delete(revoke_tokens))
        .route("/sandbox/grants", delete(revoke_grants))
        .route("/sandbox/webhooks/deliver", post(webhook::deliver))
        .layer(middleware::from_fn(only_from_this_machine));
    let surfaces = Router::new()
        .route("/v1/token", post(pax8_token))
        .route("/v1/{*path}", any(pax8))
        .route("/api/v2/{*path}", any(webhook::manage))
        .route("/psa/api/v1/auth/api-key/exchange", post(psa_token))
        .route("/psa/{*path}", any(psa))
        .route("/billing/v1/{*path}", any(billing))
        .merge(oauth::routes(Arc::clone(&sandbox.pax8_login)))
        .merge(oauth::routes(Arc::clone(&sandbox.psa_login)))
        .layer(middleware::from_fn_with_state(Arc::clone(&sandbox), with_faults));
    controls.merge(surfaces).fallback(nothing_here).with_state(sandbox)
}

async fn only_from_this_machine(ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    if peer.ip().is_loopback() {
        next.run(request).await
    } else {
        Refusal::new(StatusCode::FORBIDDEN, "the controls are for this machine only").as_psa()
    }
}

/// Lets time pass and what was ordered happen before a surface answers.
async fn with_faults(State(sandbox): State<Arc<Sandbox>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let fault = sandbox.faults.take(&path);
    let delay = fault.as_ref().map_or(Duration::ZERO, Fault::delay) + sandbox.latency;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match fault.and_then(|fault| fault.effect()) {
        None => next.run(request).await,
        Some(Effect::Refuse(refusal)) => refuse(&path, &refusal),
        Some(Effect::Page(status, body)) => reply::html(status, body),
        Some(Effect::Drop) => faults::broken_off(),
    }
}

/// A refusal in the words of the surface that a path belongs to.
fn refuse(path: &str, refusal: &Refusal) -> Response {
    if path.starts_with("/psa/") {
        refusal.as_psa()
    } else if path.starts_with("/billing/") {
        refusal.as_billing()
    } else if path.starts_with("/oauth/") {
        oauth::outage(refusal)
    } else {
        refusal.as_pax8(path)
    }
}

/// The outcome of a surface as an answer.
fn answer(path: &str, outcome: Result<String, Refusal>) -> Response {
    match outcome {
        Ok(body) => reply::json(StatusCode::OK, body),
        Err(refusal) => refuse(path, &refusal),
    }
}

async fn pax8_token(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    if let Err(refusal) = sandbox.pax8_budget.spend() {
        return refusal.as_pax8("/v1/token");
    }
    match sandbox.pax8_tokens.for_client(&body) {
        Some(token) => reply::json(StatusCode::OK, token),
        // Not the envelope of the other paths.
        None => reply::json(
            StatusCode::UNAUTHORIZED,
            r#"{"error":"access_denied","error_description":"Unauthorized"}"#.to_owned(),
        ),
    }
}

async fn pax8(State(sandbox): State<Arc<Sandbox>>, request: Request<Body>) -> Response {
    let (path, query) = (request.uri().path(), Query::parse(request.uri().query()));
    let outcome = sandbox.pax8_budget.spend().and_then(|()| {
        let rights = sandbox.pax8_tokens.rights(request.headers());
        let segments = segments(path, "/v1/");
        rights.ok_or_else(|| Refusal::unauthorized("Unauthorized"))?.check(&segments)?;
        match *request.method() {
            Method::GET => pax8::read(&sandbox.world, &segments, &query),
            _ => Err(pax8::write(&segments)),
        }
    });
    answer(path, outcome)
}

async fn psa_token(State(sandbox): State<Arc<Sandbox>>, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = sandbox.psa_budget.spend().and_then(|()| {
        check_tenant(&headers)?;
        sandbox.psa_tokens.for_api_key(&body).ok_or_else(|| Refusal::unauthorized("the API key is not valid"))
    });
    answer("/psa/", outcome)
}

async fn psa(State(sandbox): State<Arc<Sandbox>>, request: Request<Body>) -> Response {
    let (path, query) = (request.uri().path(), Query::parse(request.uri().query()));
    let outcome = sandbox.psa_budget.spend().and_then(|()| {
        check_tenant(request.headers())?;
        let rights = sandbox.psa_tokens.rights(request.headers());
        let segments = segments(path, "/psa/");
        rights.ok_or_else(|| Refusal::unauthorized("the token is missing, wrong or expired"))?.check(&segments)?;
        only_reads(request.method())?;
        revio::read(&sandbox.world, &segments, &query)
    });
    answer(path, outcome)
}

async fn billing(State(sandbox): State<Arc<Sandbox>>, request: Request<Body>) -> Response {
    let (path, query) = (request.uri().path(), Query::parse(request.uri().query()));
    let outcome = sandbox.billing_budget.spend().and_then(|()| {
        if !token::has_billing_password(request.headers()) {
            return Err(Refusal::unauthorized("user or password is wrong"));
        }
        only_reads(request.method())?;
        sandbox.billing_records.read(&segments(path, "/billing/v1/"), &query)
    });
    answer(path, outcome)
}

/// The tenant's header is required, and there is one tenant.
fn check_tenant(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("x-revio-host").map(|value| value.as_bytes()) {
        None => Err(Refusal::new(StatusCode::BAD_REQUEST, "the header X-Revio-Host is required")),
        Some(tenant) if tenant.eq_ignore_ascii_case(credentials::PSA_TENANT.as_bytes()) => Ok(()),
        Some(_) => Err(Refusal::new(StatusCode::FORBIDDEN, "the tenant in X-Revio-Host is not known")),
    }
}

fn only_reads(method: &Method) -> Result<(), Refusal> {
    if *method == Method::GET {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "the sandbox does not change its world"))
    }
}

fn segments<'a>(path: &'a str, base: &str) -> Vec<&'a str> {
    path.strip_prefix(base).unwrap_or_default().trim_end_matches('/').split('/').collect()
}

async fn nothing_here() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "nothing is served here; see /sandbox for the addresses").as_psa()
}

async fn about(State(sandbox): State<Arc<Sandbox>>) -> Response {
    reply::html(StatusCode::OK, page::page(&sandbox.world, &sandbox.origin))
}

async fn order_fault(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    let fault: Result<Fault, _> = serde_json::from_slice(&body);
    let ordered = fault
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, format!("cannot read the fault: {error}")))
        .and_then(|fault| sandbox.faults.order(fault));
    match ordered {
        Ok(()) => reply::json(StatusCode::OK, sandbox.faults.list()),
        Err(refusal) => refusal.as_psa(),
    }
}

async fn list_faults(State(sandbox): State<Arc<Sandbox>>) -> Response {
    reply::json(StatusCode::OK, sandbox.faults.list())
}

async fn clear_faults(State(sandbox): State<Arc<Sandbox>>) -> Response {
    sandbox.faults.clear();
    reply::json(StatusCode::OK, sandbox.faults.list())
}

async fn count_tokens(State(sandbox): State<Arc<Sandbox>>) -> Response {
    let (pax8, psa) = (sandbox.pax8_tokens.counts.list(), sandbox.psa_tokens.counts.list());
    reply::json(StatusCode::OK, Object::new().raw("pax8", &pax8).raw("psa", &psa).finish())
}

async fn revoke_tokens(State(sandbox): State<Arc<Sandbox>>) -> Response {
    sandbox.pax8_tokens.revoke_all();
    sandbox.psa_tokens.revoke_all();
    revoke_grants(State(sandbox)).await
}

async fn revoke_grants(State(sandbox): State<Arc<Sandbox>>) -> Response {
    sandbox.pax8_login.revoke_grants();
    sandbox.psa_login.revoke_grants();
    reply::json(StatusCode::OK, "{}".to_owned())
}
