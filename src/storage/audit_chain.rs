//! Walking whole audit chains: checking them, and reading them as they are stored.

use chrono::{DateTime, Utc};
use entity::{api_token, audit_event, audit_head, integration, organization};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect,
    RuntimeErr,
};
use thiserror::Error;
use uuid::Uuid;

use super::StorageError;
use super::audit::{PURPOSE, Seal, chained, content_digest};
use crate::domain::id::OrganizationId;

/// Events of one statement.
const BATCH: u64 = 1_000;

/// An event as it is named when something about it has to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEvent {
    /// Place in the chain, from 1.
    pub sequence: i64,
    /// Id.
    pub id: Uuid,
    /// When, as it says.
    pub occurred_at: DateTime<Utc>,
    /// What was done, as it says.
    pub action: String,
}

impl From<&audit_event::Model> for NamedEvent {
    fn from(model: &audit_event::Model) -> Self {
        Self { sequence: model.sequence, id: model.id, occurred_at: model.occurred_at, action: model.action.clone() }
    }
}

/// A chain that was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intact {
    /// Events of the chain.
    pub events: i64,
    /// Hash of the last one; empty where there is none.
    pub hash: String,
    /// Events whose content was erased, as the law may ask; that they happened is still known.
    pub erased: Vec<NamedEvent>,
}

/// An event that was noted outside the database: a chain that was rebuilt, or cut off together with its recorded end,
/// does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Place in the chain, from 1.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

/// What is wrong at a place of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    /// An event is not there.
    #[error("the event is missing")]
    Missing,
    /// What it says is not what was written.
    #[error("the event was changed, or put here from elsewhere, or the one before it was taken away")]
    Changed,
    /// Its content is not what was written.
    #[error("what the event says of before and after was changed")]
    ContentChanged,
    /// The chain was rebuilt by somebody without the key.
    #[error("the event was written by somebody without the secret key")]
    Forged,
    /// The key is not there.
    #[error("the event cannot be checked: {0}")]
    Unverifiable(String),
    /// The chain goes on beyond its recorded end, or ends before it.
    #[error("the chain does not end where its end is recorded")]
    WrongEnd,
    /// Something stands in a column that cannot stand there (SQLite lets it).
    #[error("the event cannot be read: what was written there is no event")]
    Unreadable,
    /// Another event was noted for this place.
    #[error("the event is not the one whose hash was noted")]
    NotAsNoted,
}

/// The first place at which a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Place in the chain, from 1.
    pub sequence: i64,
    /// Event that stands there, when there is one.
    pub event: Option<NamedEvent>,
    /// What is wrong.
    pub flaw: Flaw,
}

/// At most a batch of the events of a tenant behind a place, as they are stored.
async fn after(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    sequence: i64,
) -> Result<Vec<audit_event::Model>, StorageError> {
    Ok(few_after(db, organization_id, sequence, BATCH).await?)
}

async fn few_after(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    sequence: i64,
    limit: u64,
) -> Result<Vec<audit_event::Model>, DbErr> {
    let query = audit_event::Entity::find()
        .filter(audit_event::Column::OrganizationId.eq(organization_id.0))
        .filter(audit_event::Column::Sequence.gt(sequence))
        .order_by_asc(audit_event::Column::Sequence)
        .limit(limit);
    query.all(db).await
}

/// The same, as far as the events can be read; `None` when the next one cannot.
async fn readable_after(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    sequence: i64,
) -> Result<Option<Vec<audit_event::Model>>, StorageError> {
    match few_after(db, organization_id, sequence, BATCH).await {
        Err(error) if is_unreadable(&error) => {}
        read => return Ok(Some(read?)),
    }
    // One by one up to the one that cannot.
    match few_after(db, organization_id, sequence, 1).await {
        Err(error) if is_unreadable(&error) => Ok(None),
        read => Ok(Some(read?)),
    }
}

/// Whether a row was found with something in it that its columns cannot hold.
fn is_unreadable(error: &DbErr) -> bool {
    match error {
        DbErr::Type(_) | DbErr::TryIntoErr { .. } => true,
        DbErr::Query(RuntimeErr::SqlxError(error)) => {
            matches!(**error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        }
        _ => false,
    }
}

async fn head(db: &impl ConnectionTrait, organization_id: OrganizationId) -> Result<Option<audit_head::Model>, DbErr> {
    audit_head::Entity::find_by_id(organization_id.0).one(db).await
}

/// Whether somebody of a tenant could do what is in the audit: tokens and integrations are made with an event.
async fn has_acted(db: &impl ConnectionTrait, organization_id: OrganizationId) -> Result<bool, StorageError> {
    let tokens = api_token::Entity::find().filter(api_token::Column::OrganizationId.eq(organization_id.0));
    let integrations = integration::Entity::find().filter(integration::Column::OrganizationId.eq(organization_id.0));
    Ok(tokens.count(db).await? > 0 || integrations.count(db).await? > 0)
}

/// Checks the whole chain of a tenant from its beginning: every event against the one before, its content and the key,
/// those that were noted against their notes, and the last one against the recorded end. Says the first place that is
/// broken.
pub async fn verify(
    db: &impl ConnectionTrait,
    seal: &dyn Seal,
    organization_id: OrganizationId,
    anchors: &[Anchor],
) -> Result<Result<Intact, Break>, StorageError> {
    // The end is read first: events that are appended while the chain is walked lie behind it.
    let (end, is_end_readable) = match head(db, organization_id).await {
        Err(error) if is_unreadable(&error) => (None, false),
        read => (read?, true),
    };
    let has_acted = has_acted(db, organization_id).await?;
    let mut intact = Intact { events: 0, hash: String::new(), erased: Vec::new() };
    loop {
        // Also what somebody put before the first place.
        let behind = if intact.events == 0 { i64::MIN } else { intact.events };
        let Some(events) = readable_after(db, organization_id, behind).await? else {
            return Ok(Err(Break { sequence: intact.events + 1, event: None, flaw: Flaw::Unreadable }));
        };
        if events.is_empty() {
            break;
        }
        for event in events {
            let expected = intact.events + 1;
            if event.sequence > expected {
                return Ok(Err(Break { sequence: expected, event: None, flaw: Flaw::Missing }));
            }
            let broken = |flaw| Break { sequence: event.sequence, event: Some(NamedEvent::from(&event)), flaw };
            match flaw(seal, &intact.hash, &event) {
                Err(flaw) => return Ok(Err(broken(flaw))),
                Ok(_) if event.sequence != expected => return Ok(Err(broken(Flaw::WrongEnd))),
                Ok(is_erased) => intact.erased.extend(is_erased.then(|| NamedEvent::from(&event))),
            }
            let is_noted_otherwise =
                |anchor: &Anchor| anchor.sequence == expected && !anchor.hash.eq_ignore_ascii_case(&event.hash);
            if anchors.iter().any(is_noted_otherwise) {
                return Ok(Err(broken(Flaw::NotAsNoted)));
            }
            if end.as_ref().is_some_and(|end| end.sequence == expected && end.hash != event.hash) {
                return Ok(Err(broken(Flaw::WrongEnd)));
            }
            intact.events = expected;
            intact.hash = event.hash;
        }
    }
    let missing = |sequence| Ok(Err(Break { sequence, event: None, flaw: Flaw::Missing }));
    if !is_end_readable {
        return Ok(Err(Break { sequence: intact.events, event: None, flaw: Flaw::WrongEnd }));
    }
    if intact.events == 0 && has_acted {
        return missing(1);
    }
    // Events after the end that was read first may have been appended meanwhile; the present end covers them.
    if end.as_ref().is_some_and(|end| end.sequence > intact.events) {
        return missing(intact.events + 1);
    }
    let now = head(db, organization_id).await?.or(end);
    if now.map_or(0, |head| head.sequence) < intact.events {
        return Ok(Err(Break { sequence: intact.events, event: None, flaw: Flaw::WrongEnd }));
    }
    if anchors.iter().any(|anchor| anchor.sequence > intact.events) {
        return missing(intact.events + 1);
    }
    Ok(Ok(intact))
}

/// What is wrong with an event; whether its content was erased when nothing is.
fn flaw(seal: &dyn Seal, previous: &str, event: &audit_event::Model) -> Result<bool, Flaw> {
    if chained(previous, event) != event.hash {
        return Err(Flaw::Changed);
    }
    // Nothing and an empty text have one hash, and an empty text is never written.
    let is_empty = |text: &Option<String>| text.as_ref().is_some_and(String::is_empty);
    if [&event.actor_id, &event.subject_id, &event.reason].into_iter().any(is_empty) {
        return Err(Flaw::Changed);
    }
    match seal.is_mac(PURPOSE, event.hash.as_bytes(), &event.mac) {
        Ok(true) => {}
        Ok(false) => return Err(Flaw::Forged),
        Err(why) => return Err(Flaw::Unverifiable(why)),
    }
    let is_content_whole = content_digest(event.before.as_deref(), event.after.as_deref()) == event.digest;
    if is_content_whole && !is_empty(&event.before) && !is_empty(&event.after) {
        return Ok(false);
    }
    if event.before.is_none() && event.after.is_none() { Ok(true) } else { Err(Flaw::ContentChanged) }
}

/// A tenant whose chain can be walked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainOwner {
    /// Name; `None` where the tenant itself is gone.
    pub name: Option<String>,
    /// Id.
    pub id: OrganizationId,
}

/// Every tenant, and also what has events without being one, by name.
pub async fn owners(db: &impl ConnectionTrait) -> Result<Vec<ChainOwner>, StorageError> {
    let tenants = organization::Entity::find().all(db).await?;
    let mut owners: Vec<ChainOwner> = tenants
        .into_iter()
        .map(|tenant| ChainOwner { name: Some(tenant.name), id: OrganizationId(tenant.id) })
        .collect();
    let mut others: Vec<Uuid> = audit_event::Entity::find()
        .select_only()
        .column(audit_event::Column::OrganizationId)
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    others.retain(|id| owners.iter().all(|owner| owner.id.0 != *id));
    owners.extend(others.into_iter().map(|id| ChainOwner { name: None, id: OrganizationId(id) }));
    owners.sort();
    Ok(owners)
}

/// An event with every column, as texts that can be kept outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Place in the chain.
    pub sequence: i64,
    /// Every column with its name, in their order; `None` where there is nothing in it.
    pub columns: Vec<(&'static str, Option<String>)>,
}

/// Names of the columns of a stored event, in their order.
pub const COLUMNS: [&str; 17] = [
    "organizationId",
    "sequence",
    "id",
    "occurredAt",
    "actorKind",
    "actorId",
    "actorName",
    "action",
    "subjectKind",
    "subjectId",
    "before",
    "after",
    "reason",
    "correlationId",
    "digest",
    "hash",
    "mac",
];

/// A batch of the events of a tenant behind a place, in their order; empty at the end.
pub async fn batch(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    sequence: i64,
) -> Result<Vec<StoredEvent>, StorageError> {
    let stored = |model: audit_event::Model| {
        let values = [
            Some(model.organization_id.to_string()),
            Some(model.sequence.to_string()),
            Some(model.id.to_string()),
            // In microseconds, which is what the hash covers.
            Some(model.occurred_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
            Some(model.actor_kind),
            model.actor_id,
            Some(model.actor_name),
            Some(model.action),
            Some(model.subject_kind),
            model.subject_id,
            model.before,
            model.after,
            model.reason,
            Some(model.correlation_id),
            Some(model.digest),
            Some(model.hash),
            Some(model.mac),
        ];
        StoredEvent { sequence: model.sequence, columns: COLUMNS.into_iter().zip(values).collect() }
    };
    Ok(after(db, organization_id, sequence).await?.into_iter().map(stored).collect())
}
