//! An entry of the audit chain.

use async_graphql::{Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::audit::{ActorKind, AuditEvent};
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::page::page_types;

/// What kind of actor made a change. More kinds may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AuditActorKind {
    /// A program or person with an API token.
    Token,
    /// A person with a token of an issuer that the operator trusts.
    User,
    /// Somebody at the machine, with the command line.
    CommandLine,
    /// The server itself, because a schedule said so.
    Schedule,
    /// The server itself, in the course of a job that somebody else started.
    Job,
}

impl From<ActorKind> for AuditActorKind {
    fn from(kind: ActorKind) -> Self {
        match kind {
            ActorKind::Token => Self::Token,
            ActorKind::User => Self::User,
            ActorKind::CommandLine => Self::CommandLine,
            ActorKind::Schedule => Self::Schedule,
            ActorKind::Job => Self::Job,
        }
    }
}

/// Who changed what, when and why. Each event's hash covers the one before, so that a removed one is missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEventObject(pub AuditEvent);

/// Who changed what, when and why. Each event's hash covers the one before, so that a removed one is missed.
#[Object(name = "AuditEvent")]
impl AuditEventObject {
    /// Global ID of the event.
    pub async fn id(&self) -> ID {
        encode(NodeKind::AuditEvent, self.0.id)
    }

    /// Place in the organization's chain, from 1, without gaps.
    async fn sequence(&self) -> i64 {
        self.0.sequence
    }

    /// Timestamp of the change.
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.0.occurred_at
    }

    /// What kind of actor it was.
    async fn actor_kind(&self) -> AuditActorKind {
        self.0.actor_kind.into()
    }

    /// Who acted.
    async fn actor_name(&self) -> &str {
        &self.0.actor_name
    }

    /// What was done, as object and verb, for example `mapping.confirm`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// Type of the object that was changed, for example `mapping`.
    async fn subject_kind(&self) -> &str {
        &self.0.subject_kind
    }

    /// Global ID of the object that was changed; null for work on many objects and for the organization itself.
    async fn subject_id(&self) -> Option<ID> {
        let id = Uuid::parse_str(self.0.subject_id.as_deref()?).ok()?;
        Some(encode(subject_node(&self.0)?, id))
    }

    /// State before as JSON text; null when there was none.
    async fn before(&self) -> Option<&str> {
        self.0.before.as_deref()
    }

    /// State after as JSON text; null when there is none.
    async fn after(&self) -> Option<&str> {
        self.0.after.as_deref()
    }

    /// Why, in the caller's words; null when no reason was given.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// ID of the request, under which the logs are found.
    async fn correlation_id(&self) -> &str {
        &self.0.correlation_id
    }

    /// SHA-256 over this event and the one before, in hexadecimal.
    async fn hash(&self) -> &str {
        &self.0.hash
    }
}

/// What an event is about, among the objects that have global ids.
fn subject_node(event: &AuditEvent) -> Option<NodeKind> {
    Some(match event.subject_kind.as_str() {
        "integration" => NodeKind::Integration,
        "provider_account" => NodeKind::ProviderAccount,
        "sync_run" => NodeKind::SyncRun,
        "reconciliation_run" => NodeKind::ReconciliationRun,
        "discrepancy" => NodeKind::Discrepancy,
        "suppression_rule" => NodeKind::SuppressionRule,
        "exclusion" => NodeKind::Exclusion,
        "token" => NodeKind::ApiToken,
        // The event says itself which of the two kinds it is.
        "mapping" => {
            let state: Value = serde_json::from_str(event.after.as_deref().or(event.before.as_deref())?).ok()?;
            match state.get("kind")?.as_str()? {
                "CUSTOMER" => NodeKind::CustomerMapping,
                "PRODUCT" => NodeKind::ProductMapping,
                _ => return None,
            }
        }
        _ => return None,
    })
}

page_types!(AuditEventConnection, AuditEventEdge, AuditEventObject);

/// Conditions on audit events. An event has to satisfy every one that is given.
#[derive(Debug, Clone, Default, InputObject)]
pub struct AuditEventFilter {
    /// Global ID of the object that was changed.
    pub subject_id: Option<ID>,
    /// What was done, for example `mapping.confirm`.
    pub action: Option<String>,
    /// What the name of who acted contains, in any case.
    pub actor: Option<String>,
    /// ID of the request, as `correlationId` of an event and the header `x-request-id` of an answer show it.
    pub correlation_id: Option<String>,
    /// Events from this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Events up to this moment.
    pub until: Option<DateTime<Utc>>,
}
