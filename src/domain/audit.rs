//! What is remembered of a change: who, what, before, after, why.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::access::Actor;

/// What kind of actor made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are those of `Actor`")]
pub enum ActorKind {
    Token,
    User,
    CommandLine,
    Schedule,
    Job,
}

impl ActorKind {
    /// The kind of an actor.
    pub fn of(actor: &Actor) -> Self {
        match actor {
            Actor::Token { .. } => Self::Token,
            Actor::User(_) => Self::User,
            Actor::CommandLine => Self::CommandLine,
            Actor::Schedule => Self::Schedule,
            Actor::Job => Self::Job,
        }
    }
}

/// A change as a service reports it; storage numbers and chains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was done, as object and verb: `mapping.confirm`.
    pub action: &'static str,
    /// Type of the object: `mapping`.
    pub subject_kind: &'static str,
    /// Object; `None` for bulk work.
    pub subject_id: Option<Uuid>,
    /// State before as JSON, without secrets.
    pub before: Option<String>,
    /// State after as JSON, without secrets.
    pub after: Option<String>,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

/// A change as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Id.
    pub id: Uuid,
    /// Place in the organization's chain, from 1.
    pub sequence: i64,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// Kind of who acted.
    pub actor_kind: ActorKind,
    /// Name of who acted.
    pub actor_name: String,
    /// What was done.
    pub action: String,
    /// Type of the object.
    pub subject_kind: String,
    /// Object.
    pub subject_id: Option<String>,
    /// State before as JSON.
    pub before: Option<String>,
    /// State after as JSON.
    pub after: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Id of the request.
    pub correlation_id: String,
    /// Hash of this event and the one before, in hexadecimal.
    pub hash: String,
}
