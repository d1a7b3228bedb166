//! API tokens.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use crate::graphql::id::{NodeKind, encode};
use crate::graphql::page::page_types;
use crate::graphql::query::node::UserRole;
use crate::storage::token::StoredToken;

/// A token of the API, without its secret, which is shown once when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiTokenObject(pub StoredToken);

/// A token of the API, without its secret, which is shown once when it is made.
#[Object(name = "ApiToken")]
impl ApiTokenObject {
    /// Global ID of the token.
    pub async fn id(&self) -> ID {
        encode(NodeKind::ApiToken, self.0.id.0)
    }

    /// Name that tells it apart, and under which its decisions are kept.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How the token begins, by which people recognize it.
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Roles as granted. ADMIN includes every role, every role includes VIEWER.
    async fn roles(&self) -> Vec<UserRole> {
        self.0.roles.iter().map(Into::into).collect()
    }

    /// Timestamp of when it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Name of who made it; null for tokens older than this note.
    async fn created_by(&self) -> Option<&str> {
        self.0.created_by.as_deref()
    }

    /// Timestamp from which it works no longer; null when it works until it is revoked.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// Timestamp of its last use, to the minute; null when it was never used.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// Timestamp of when it was revoked; null when it was not.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }
}

page_types!(ApiTokenConnection, ApiTokenEdge, ApiTokenObject);
