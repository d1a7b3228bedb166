//! API tokens as an administrator sees them: making, listing and revoking. Who holds one is found out in `access`.

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{Core, Internal, OrInternal as _, ReadError};
use crate::domain::access::{Caller, Forbidden, MAX_NAME, Role, Roles, is_own_name};
use crate::domain::audit::Change;
use crate::domain::id::{OrganizationId, TokenId};
use crate::secret::{ApiToken, Random};
use crate::storage::page::{Slice, Window};
use crate::storage::token::{self, StoredToken};
use crate::storage::{StorageError, Tx};

/// Longest life of a token that ends at all, in days.
pub const MAX_DAYS: u32 = 3650;

/// Why a name cannot be that of a token. Each is a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadTokenName {
    /// It is empty or too long.
    #[error("Give the token a name of 1 to {MAX_NAME} characters.")]
    Length,
    /// Decisions carry names, and the program signs its own with this one.
    #[error("This name is one that Concord signs with itself. Choose a different one.")]
    OurOwn,
}

/// A name of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(String);

impl TokenName {
    /// Reads a name, without the blanks around it.
    pub fn parse(text: &str) -> Result<Self, BadTokenName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_NAME || text.contains('\0') {
            return Err(BadTokenName::Length);
        }
        if is_own_name(text) { Err(BadTokenName::OurOwn) } else { Ok(Self(text.to_owned())) }
    }
}

/// A token to make in the caller's own organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Name that tells it apart.
    pub name: String,
    /// Rights.
    pub roles: Roles,
    /// Days until it stops working; it works until it is revoked when `None`.
    pub days: Option<i32>,
}

/// Why a token was not made or revoked.
#[derive(Debug, Error)]
pub enum ApiTokenError {
    /// The name cannot be used.
    #[error(transparent)]
    Name(#[from] BadTokenName),
    /// It would be allowed nothing.
    #[error("a token needs a role")]
    NoRole,
    /// It would end at no sensible time.
    #[error("a token ends after 1 to {MAX_DAYS} days, or not at all")]
    Lifetime,
    /// No such token.
    #[error("there is no such token")]
    NotFound,
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// API tokens.
#[derive(Clone)]
pub struct ApiTokenService {
    core: Core,
}

impl ApiTokenService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Makes a token of the caller's organization. Its secret is here and nowhere else.
    pub async fn create(
        &self,
        caller: &Caller,
        random: &dyn Random,
        command: NewToken,
    ) -> Result<(StoredToken, ApiToken), ApiTokenError> {
        caller.require(Role::Admin)?;
        let name = TokenName::parse(&command.name)?;
        if command.roles.is_empty() {
            return Err(ApiTokenError::NoRole);
        }
        let days = command.days.map(|days| match u32::try_from(days) {
            Ok(days @ 1..=MAX_DAYS) => Ok(TimeDelta::days(i64::from(days))),
            _ => Err(ApiTokenError::Lifetime),
        });
        let lifetime = days.transpose()?;
        let tx = self.core.store.begin().await.internal(caller)?;
        let made = insert(&self.core, &tx, caller, random, name, (command.roles, lifetime)).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(made)
    }

    /// Takes a token back, at once and for good. Repeating it changes nothing.
    pub async fn revoke(&self, caller: &Caller, id: TokenId) -> Result<StoredToken, ApiTokenError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let tx = core.store.begin().await.internal(caller)?;
        let found = token::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let old = found.ok_or(ApiTokenError::NotFound)?;
        if old.revoked_at.is_some() {
            return Ok(old);
        }
        let now = core.clock.now();
        token::revoke(&tx, id, now).await.internal(caller)?;
        let new = StoredToken { revoked_at: Some(now), ..old };
        let change = Change {
            action: "token.revoke",
            subject_kind: "token",
            subject_id: Some(id.0),
            before: Some(snapshot(&new, None)),
            after: Some(snapshot(&new, new.revoked_at)),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(new)
    }

    /// The tokens that a person means by the beginning of one or by its id.
    pub async fn named(&self, caller: &Caller, text: &str) -> Result<Vec<StoredToken>, ReadError> {
        caller.require(Role::Admin)?;
        let (read, organization) = (self.core.store.read(), caller.organization_id);
        match Uuid::try_parse(text) {
            Ok(id) => Ok(token::by_ids(read, organization, &[id]).await.internal(caller)?),
            Err(_) => Ok(token::by_prefix(read, organization, text).await.internal(caller)?),
        }
    }

    /// A page of the tokens of the caller's organization, the latest first.
    pub async fn page(&self, caller: &Caller, window: &Window) -> Result<Slice<StoredToken>, ReadError> {
        caller.require(Role::Admin)?;
        Ok(token::page(self.core.store.read(), caller.organization_id, window).await.internal(caller)?)
    }

    /// How many there are, those that work no longer included.
    pub async fn count(&self, caller: &Caller) -> Result<u64, ReadError> {
        caller.require(Role::Admin)?;
        Ok(token::count(self.core.store.read(), caller.organization_id).await.internal(caller)?)
    }
}

/// Makes a token of the caller's organization and audits it.
pub(super) async fn insert(
    core: &Core,
    tx: &Tx,
    caller: &Caller,
    random: &dyn Random,
    name: TokenName,
    (roles, lifetime): (Roles, Option<TimeDelta>),
) -> Result<(StoredToken, ApiToken), StorageError> {
    let now = core.clock.now();
    let secret = ApiToken::generate(random);
    let organization_id: OrganizationId = caller.organization_id;
    let stored = StoredToken {
        id: TokenId(core.ids.next()),
        organization_id,
        name: name.0,
        prefix: secret.prefix().to_owned(),
        hash: secret.hash(),
        roles,
        created_at: now,
        expires_at: lifetime.map(|lifetime| now + lifetime),
        last_used_at: None,
        revoked_at: None,
        created_by: Some(caller.actor.name().to_owned()),
    };
    token::insert(tx, &stored).await?;
    let change = Change {
        action: "token.create",
        subject_kind: "token",
        subject_id: Some(stored.id.0),
        before: None,
        after: Some(snapshot(&stored, None)),
        reason: None,
    };
    core.audit(tx, caller, change).await?;
    Ok((stored, secret))
}

/// A token as the audit shows it: without its hash.
fn snapshot(token: &StoredToken, revoked_at: Option<DateTime<Utc>>) -> String {
    serde_json::json!({
        "name": token.name,
        "roles": token.roles.to_string(),
        "prefix": token.prefix,
        "expiresAt": token.expires_at,
        "revokedAt": revoked_at,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_none_of_ours() {
        assert_eq!(TokenName::parse("  billing portal "), Ok(TokenName("billing portal".to_owned())));
        assert!(TokenName::parse(&"é".repeat(MAX_NAME)).is_ok());
        for (text, expected) in [
            (" \t", BadTokenName::Length),
            ("a\0b", BadTokenName::Length),
            (&"é".repeat(MAX_NAME + 1), BadTokenName::Length),
            (" Concord ", BadTokenName::OurOwn),
            ("command line", BadTokenName::OurOwn),
        ] {
            assert_eq!(TokenName::parse(text), Err(expected), "{text:?}");
        }
    }
}
