//! The authorization servers of the sandbox, one for each side: a person logs in, shows a second factor and accepts, and
//! the application gets tokens that open the surface as any others do.
//!
//! They know nothing about the world that the surfaces serve.

mod failure;
mod grants;
mod metadata;
mod pages;
mod people;
mod programs;
mod request;
mod side;
mod steps;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub use self::failure::outage;
use self::grants::Grants;
pub use self::side::Side;
use self::steps::Steps;
use super::limits::Budget;
use super::token::{Tokens, Unguessables};
use crate::environment::Clock;

/// The authorization server of one side.
pub struct AuthorizationServer {
    side: Side,
    issuer: String,
    /// Addresses beside those on this machine that applications may be returned to.
    redirect_uris: Vec<String>,
    steps: Steps,
    grants: Grants,
    tokens: Arc<Tokens>,
    budget: Arc<Budget>,
}

/// What an authorization server stands on.
pub struct Foundation<'a> {
    /// Scheme, host and port of the sandbox.
    pub origin: &'a str,
    /// Addresses beside those on this machine that applications may be returned to.
    pub redirect_uris: &'a [String],
    /// By which everything expires.
    pub clock: &'a Arc<dyn Clock>,
    /// Tokens of the surface.
    pub tokens: &'a Arc<Tokens>,
    /// Requests that the surface allows.
    pub budget: &'a Arc<Budget>,
}

impl AuthorizationServer {
    /// A server that knows of no grant yet.
    pub fn new(side: Side, foundation: Foundation<'_>) -> Self {
        let Foundation { origin, redirect_uris, clock, tokens, budget } = foundation;
        let unguessables = Arc::new(Unguessables::new(Arc::clone(clock)));
        Self {
            side,
            issuer: side.issuer(origin),
            redirect_uris: redirect_uris.to_vec(),
            steps: Steps::new(Arc::clone(clock), Arc::clone(&unguessables)),
            grants: Grants::new(side, Arc::clone(clock), unguessables, Arc::clone(tokens)),
            tokens: Arc::clone(tokens),
            budget: Arc::clone(budget),
        }
    }

    /// Ends every grant, with its tokens.
    pub fn revoke_grants(&self) {
        self.grants.revoke_all();
    }
}

/// The addresses of a server.
pub fn routes<S: Clone + Send + Sync + 'static>(server: Arc<AuthorizationServer>) -> Router<S> {
    let name = server.side.name();
    let at = |path: &str| format!("/oauth/{name}{path}");
    Router::new()
        .route(&at("/authorize"), get(people::authorize))
        .route(&at("/authorize/login"), post(people::log_in))
        .route(&at("/authorize/code"), post(people::check_code))
        .route(&at("/authorize/consent"), post(people::decide))
        .route(&at("/token"), post(programs::token))
        .route(&at("/revoke"), post(programs::revoke))
        .route(&at("/.well-known/oauth-authorization-server"), get(metadata::show))
        // Where RFC 8414 puts it for an issuer with a path.
        .route(&format!("/.well-known/oauth-authorization-server/oauth/{name}"), get(metadata::show))
        .with_state(server)
}
