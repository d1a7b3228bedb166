//! API tokens: making them, and finding out who holds one.

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tracing::warn;

use super::Core;
use crate::domain::access::{Actor, Caller, Role, Roles};
use crate::domain::audit::Change;
use crate::domain::id::{OrganizationId, TokenId};
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
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// API tokens.
#[derive(Clone)]
pub struct AccessService {
    core: Core,
}

impl AccessService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Makes a token. It is shown once, here; only its hash is kept.
    pub async fn create_token(&self, random: &dyn Random, command: CreateToken) -> Result<ApiToken, StorageError> {
        let core = &self.core;
        let now = core.clock.now();
        // Decisions carry the name of who took them, and the machine's own carry this one.
        let name = if command.name.trim() == Actor::Job.name() { "A token".to_owned() } else { command.name };
        let secret = ApiToken::generate(random);
        let tx = core.store.begin().await?;
        let new_id = OrganizationId(core.ids.next());
        let organization_id = organization::find_or_create(&tx, new_id, &command.organization, now).await?;
        let stored = StoredToken {
            id: TokenId(core.ids.next()),
            organization_id,
            name,
            prefix: secret.prefix().to_owned(),
            hash: secret.hash(),
            roles: command.roles,
            created_at: now,
            expires_at: command.lifetime.map(|lifetime| now + lifetime),
            revoked_at: None,
        };
        token::insert(&tx, &stored).await?;
        let caller = operator(core, organization_id);
        let after =
            serde_json::json!({ "name": stored.name, "roles": stored.roles.to_string(), "prefix": stored.prefix });
        let change = Change {
            action: "token.create",
            subject_kind: "token",
            subject_id: Some(stored.id.0),
            before: None,
            after: Some(after.to_string()),
            reason: None,
        };
        core.audit(&tx, &caller, change).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Who holds a token. The correlation id is the request's, which the transport knows.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, TokenFailure> {
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
        Ok(Caller {
            organization_id: stored.organization_id,
            actor: Actor::Token { id: stored.id, name: stored.name },
            roles: stored.roles,
            correlation_id: String::new(),
        })
    }

    /// Whether a token that opened a stream still works.
    pub async fn still_valid(&self, id: TokenId) -> Result<(), TokenFailure> {
        let stored = token::find(self.core.store.read(), id).await?.ok_or(TokenFailure::Unknown)?;
        check(&stored, self.core.clock.now())
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
