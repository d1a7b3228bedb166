//! Who is let in: the holder of an API token, or of a token of the issuer that the operator trusts.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{Stream, StreamExt as _, stream};
use thiserror::Error;
use tokio_stream::wrappers::BroadcastStream;
use tracing::warn;

use super::Core;
use super::api_token::{self, BadTokenName, TokenName};
use super::user::Issuer;
use crate::connector::oidc::NoKeys;
use crate::domain::access::{Actor, Caller, Role, Roles};
use crate::domain::id::{OrganizationId, TokenId};
use crate::secret::jwt::JwtError;
use crate::secret::token::TOKEN_PREFIX;
use crate::secret::{ApiToken, Random};
use crate::storage::token::{self, StoredToken};
use crate::storage::{StorageError, organization};

/// A new token.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// Organization that it is for; made when missing.
    pub organization: String,
    /// Name that tells it apart.
    pub name: String,
    /// Rights.
    pub roles: Roles,
    /// How long it works; for ever when `None`.
    pub lifetime: Option<TimeDelta>,
}

/// Why a token was not made at the command line.
#[derive(Debug, Error)]
pub enum CreateTokenError {
    /// The name cannot be used.
    #[error(transparent)]
    Name(#[from] BadTokenName),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a bearer is not let in.
#[derive(Debug, Error)]
pub enum TokenFailure {
    /// Nobody made this token.
    #[error("the token is unknown")]
    Unknown,
    /// It worked once.
    #[error("the token has expired")]
    Expired,
    /// It was taken back.
    #[error("the token was revoked")]
    Revoked,
    /// The token of an issuer is not good.
    #[error(transparent)]
    Jwt(JwtError),
    /// The token of an issuer does not say for which organization it is.
    #[error("it names no organization")]
    NoOrganization,
    /// The token of an issuer is for an organization that nobody made here.
    #[error("it names an organization that this server does not have")]
    UnknownOrganization,
    /// Nobody can say now whether the token of an issuer is good.
    #[error(transparent)]
    NoKeys(#[from] NoKeys),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<JwtError> for TokenFailure {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::Expired => Self::Expired,
            other => Self::Jwt(other),
        }
    }
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Who it is. The correlation id is the request's, which the transport knows.
    pub caller: Caller,
    /// From this moment on they are let in no longer.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Who holds a token.
#[derive(Clone)]
pub struct AccessService {
    core: Core,
    issuer: Option<Issuer>,
}

impl AccessService {
    /// A service over the core, which lets in who has an API token.
    pub fn new(core: Core) -> Self {
        Self { core, issuer: None }
    }

    /// The same service, which also lets in the users of an issuer.
    pub fn trusting(self, issuer: Issuer) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    /// Makes a token for whoever is at the command line. It is shown once, here; only its hash is kept.
    pub async fn create_token(&self, random: &dyn Random, command: CreateToken) -> Result<ApiToken, CreateTokenError> {
        let core = &self.core;
        let name = TokenName::parse(&command.name)?;
        let tx = core.store.begin().await?;
        let new_id = OrganizationId(core.ids.next());
        let id = organization::find_or_create(&tx, new_id, &command.organization, core.clock.now()).await?;
        let rights = (command.roles, command.lifetime);
        let (_, secret) = api_token::insert(core, &tx, &operator(core, id), random, name, rights).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Who shows a bearer token: one of ours, or one of the issuer.
    pub async fn admit(&self, bearer: &str) -> Result<Admission, TokenFailure> {
        match &self.issuer {
            Some(issuer) if !bearer.starts_with(TOKEN_PREFIX) => issuer.admit(&self.core, bearer).await,
            _ => self.admit_token(bearer).await,
        }
    }

    async fn admit_token(&self, bearer: &str) -> Result<Admission, TokenFailure> {
        let secret = ApiToken::parse(bearer).map_err(|_| TokenFailure::Unknown)?;
        let core = &self.core;
        let now = core.clock.now();
        let stored = token::by_hash(core.store.read(), &secret.hash()).await?.ok_or(TokenFailure::Unknown)?;
        check(&stored, now)?;
        let (store, id) = (core.store.clone(), stored.id);
        // Not worth refusing a caller for, nor letting one wait who only reads: on SQLite a large write holds the lock.
        tokio::spawn(async move {
            if let Err(error) = token::note_use(&store, id, now).await {
                warn!("the use of token `{id}` could not be noted: {error}");
            }
        });
        let caller = Caller {
            organization_id: stored.organization_id,
            actor: Actor::Token { id: stored.id, name: stored.name },
            roles: stored.roles,
            correlation_id: String::new(),
        };
        Ok(Admission { caller, ends_at: stored.expires_at })
    }

    /// Whether a token that opened a stream still works.
    pub async fn still_valid(&self, id: TokenId) -> Result<(), TokenFailure> {
        let stored = token::find(self.core.store.read(), id).await?.ok_or(TokenFailure::Unknown)?;
        check(&stored, self.core.clock.now())
    }

    /// Has an item whenever a token was taken back, and whenever one may have been; the first at once, because that may
    /// have happened between the check of the token and the beginning of this.
    pub fn changes(&self, id: TokenId) -> impl Stream<Item = ()> + Send + 'static + use<> {
        let notifications = BroadcastStream::new(self.core.store.notifications());
        let changes = notifications.filter_map(move |touched| {
            let is_ours = touched.map_or(true, |touched| touched == id.0);
            std::future::ready(is_ours.then_some(()))
        });
        stream::once(std::future::ready(())).chain(changes)
    }

    /// The organization of that name, made when missing: for commands on the operator's own machine.
    pub async fn operator(&self, organization: &str) -> Result<Caller, StorageError> {
        let core = &self.core;
        let tx = core.store.begin().await?;
        let new_id = OrganizationId(core.ids.next());
        let id = organization::find_or_create(&tx, new_id, organization, core.clock.now()).await?;
        tx.commit().await?;
        Ok(operator(core, id))
    }
}

/// Somebody at the operator's command line, who may do everything: the database is theirs.
pub fn operator(core: &Core, organization_id: OrganizationId) -> Caller {
    Caller {
        organization_id,
        actor: Actor::CommandLine,
        roles: Role::Admin.into(),
        correlation_id: core.ids.next().to_string(),
    }
}

fn check(token: &StoredToken, now: DateTime<Utc>) -> Result<(), TokenFailure> {
    if token.revoked_at.is_some() {
        return Err(TokenFailure::Revoked);
    }
    match token.expires_at {
        Some(expires_at) if expires_at <= now => Err(TokenFailure::Expired),
        _ => Ok(()),
    }
}
