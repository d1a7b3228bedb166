//! The audit chain. Each event's hash covers the one before, a digest of what changed, and a length-prefixed encoding of
//! the rest; the digest lets personal data be erased later without breaking the chain. A keyed hash beside it shows
//! that nobody rebuilt the chain without the key.

use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use entity::{audit_event, audit_head};
use ring::digest::{Context, SHA256};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use thiserror::Error;
use tracing::info;
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::{StorageError, Tx};
use crate::digest::hexadecimal;
use crate::domain::access::{Actor, Caller};
use crate::domain::audit::{AuditEvent, Change};
use crate::domain::id::OrganizationId;
use crate::environment::Ids;

/// The end of a chain, as it is logged: a chain whose last events were cut off is whole in itself, and the log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    organization_id: Uuid,
    sequence: i64,
    hash: String,
}

impl Head {
    pub(super) fn log(&self) {
        let Self { organization_id, sequence, hash } = self;
        info!(
            organization.id = %organization_id, audit.sequence = sequence, audit.hash = hash,
            "the audit chain of organization `{organization_id}` ends with event {sequence}, hash {hash}"
        );
    }
}

/// Version of the encoding that is hashed.
const ENCODING: &str = "concord-audit-1";

/// What the hashes of the chain are made for.
const PURPOSE: &str = "audit";

/// Computes a keyed hash; the key stays where it is.
pub trait Seal: Send + Sync {
    /// The keyed hash of some bytes, as text. A hash made for one purpose is none for another.
    fn mac(&self, purpose: &'static str, bytes: &[u8]) -> String;

    /// Whether a keyed hash is the one of these bytes. With several keys, also when it was made with one that was
    /// replaced since; an error says that the key is not there.
    fn is_mac(&self, purpose: &'static str, bytes: &[u8], mac: &str) -> Result<bool, String> {
        Ok(self.mac(purpose, bytes) == mac)
    }
}

/// Hashes parts with their lengths, so that no two lists of parts read the same.
fn digest(parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hexadecimal(context.finish().as_ref())
}

/// Hash of an event, from the one before it.
fn chained(previous: &str, model: &audit_event::Model) -> String {
    let (sequence, moment) = (model.sequence.to_string(), model.occurred_at.timestamp_micros().to_string());
    digest(&[
        ENCODING,
        previous,
        &model.organization_id.to_string(),
        &sequence,
        &model.id.to_string(),
        &moment,
        &model.actor_kind,
        model.actor_id.as_deref().unwrap_or(""),
        &model.actor_name,
        &model.action,
        &model.subject_kind,
        model.subject_id.as_deref().unwrap_or(""),
        model.reason.as_deref().unwrap_or(""),
        &model.correlation_id,
        &model.digest,
    ])
}

/// Appends a change to the chain of the caller's organization. Call it last: it holds the end of the chain until the
/// transaction ends.
pub async fn record(
    tx: &Tx,
    seal: &dyn Seal,
    ids: &dyn Ids,
    caller: &Caller,
    now: DateTime<Utc>,
    change: Change,
) -> Result<(), StorageError> {
    let organization = caller.organization_id.0;
    let head =
        audit_head::ActiveModel { organization_id: Set(organization), sequence: Set(0), hash: Set(String::new()) };
    audit_head::Entity::insert(head)
        .on_conflict(OnConflict::column(audit_head::Column::OrganizationId).do_nothing().to_owned())
        .exec_without_returning(&**tx)
        .await?;
    let query = audit_head::Entity::find_by_id(organization).lock_exclusive();
    let head = query.one(&**tx).await?.ok_or_else(|| StorageError::Corrupt("the audit chain has no end".to_owned()))?;
    let (actor_kind, actor_id) = match &caller.actor {
        Actor::Token { id, .. } => ("TOKEN", Some(id.to_string())),
        Actor::User(user) => ("USER", Some(user.key())),
        Actor::CommandLine => ("COMMAND_LINE", None),
        Actor::Schedule => ("SCHEDULE", None),
        Actor::Job => ("JOB", None),
    };
    let mut model = audit_event::Model {
        organization_id: organization,
        sequence: head.sequence + 1,
        id: ids.next(),
        occurred_at: now,
        actor_kind: actor_kind.to_owned(),
        actor_id,
        actor_name: caller.actor.name().to_owned(),
        action: change.action.to_owned(),
        subject_kind: change.subject_kind.to_owned(),
        subject_id: change.subject_id.map(|id| id.to_string()),
        digest: digest(&[change.before.as_deref().unwrap_or(""), change.after.as_deref().unwrap_or("")]),
        before: change.before,
        after: change.after,
        reason: change.reason,
        correlation_id: caller.correlation_id.clone(),
        hash: String::new(),
        mac: String::new(),
    };
    model.hash = chained(&head.hash, &model);
    model.mac = seal.mac(PURPOSE, model.hash.as_bytes());
    let (sequence, hash) = (model.sequence, model.hash.clone());
    let end = Head { organization_id: organization, sequence, hash: hash.clone() };
    let row: audit_event::ActiveModel = model.into();
    audit_event::Entity::insert(row.reset_all()).exec_without_returning(&**tx).await?;
    audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Sequence, Expr::value(sequence))
        .col_expr(audit_head::Column::Hash, Expr::value(hash))
        .filter(audit_head::Column::OrganizationId.eq(organization))
        .exec(&**tx)
        .await?;
    tx.audited.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    Ok(())
}

fn domain(model: audit_event::Model) -> AuditEvent {
    AuditEvent {
        id: model.id,
        sequence: model.sequence,
        occurred_at: model.occurred_at,
        actor_name: model.actor_name,
        action: model.action,
        subject_kind: model.subject_kind,
        subject_id: model.subject_id,
        before: model.before,
        after: model.after,
        reason: model.reason,
        correlation_id: model.correlation_id,
        hash: model.hash,
    }
}

/// Conditions on audit events; every one that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Object that was changed.
    pub subject_id: Option<Uuid>,
    /// What was done.
    pub action: Option<String>,
    /// From this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Up to this moment.
    pub until: Option<DateTime<Utc>>,
}

fn matching(organization_id: OrganizationId, filter: &AuditFilter) -> sea_orm::Select<audit_event::Entity> {
    let mut query = audit_event::Entity::find().filter(audit_event::Column::OrganizationId.eq(organization_id.0));
    if let Some(subject) = filter.subject_id {
        query = query.filter(audit_event::Column::SubjectId.eq(subject.to_string()));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_event::Column::Action.eq(action.as_str()));
    }
    if let Some(since) = filter.since {
        query = query.filter(audit_event::Column::OccurredAt.gte(since));
    }
    if let Some(until) = filter.until {
        query = query.filter(audit_event::Column::OccurredAt.lte(until));
    }
    query
}

/// A page of events, latest first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    filter: &AuditFilter,
    window: &Window,
) -> Result<Slice<AuditEvent>, StorageError> {
    let keys = [SortKey::descending(Expr::col(audit_event::Column::Sequence))];
    let position = |model: &audit_event::Model| Position(vec![SortValue::Integer(model.sequence)]);
    page::read(db, matching(organization_id, filter), &keys, window, position).await?.try_map(|model| Ok(domain(model)))
}

/// How many events a filter keeps.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    filter: &AuditFilter,
) -> Result<u64, StorageError> {
    Ok(matching(organization_id, filter).count(db).await?)
}

/// The events with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<AuditEvent>, StorageError> {
    let query = audit_event::Entity::find()
        .filter(audit_event::Column::OrganizationId.eq(organization_id.0))
        .filter(audit_event::Column::Id.is_in(ids.iter().copied()));
    Ok(query.all(db).await?.into_iter().map(domain).collect())
}

/// A chain that was found whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intact {
    /// Events of the chain.
    pub events: i64,
    /// Events whose content was erased, as the law may ask; that they happened is still known.
    pub erased: i64,
}

/// What is wrong at a place of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    /// An event is not there.
    #[error("the event is missing")]
    Missing,
    /// What it says is not what was written.
    #[error("the event was changed, or the one before it")]
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
}

/// The first place at which a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Place in the chain, from 1.
    pub sequence: i64,
    /// Event that stands there, when there is one.
    pub event_id: Option<Uuid>,
    /// What is wrong.
    pub flaw: Flaw,
}

/// Checks the whole chain of a tenant from its beginning: every event against the one before, its content and the key,
/// and the last one against the recorded end. Says the first place that is broken.
pub async fn verify(
    db: &impl ConnectionTrait,
    seal: &dyn Seal,
    organization_id: OrganizationId,
) -> Result<Result<Intact, Break>, StorageError> {
    const BATCH: u64 = 1_000;
    // The end is read first: events that are appended while the chain is walked lie behind it.
    let head = audit_head::Entity::find_by_id(organization_id.0).one(db).await?;
    let mut intact = Intact { events: 0, erased: 0 };
    let mut previous = String::new();
    loop {
        let events = audit_event::Entity::find()
            .filter(audit_event::Column::OrganizationId.eq(organization_id.0))
            .filter(audit_event::Column::Sequence.gt(if intact.events == 0 { i64::MIN } else { intact.events }))
            .order_by_asc(audit_event::Column::Sequence)
            .limit(BATCH)
            .all(db)
            .await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            let expected = intact.events + 1;
            if event.sequence > expected {
                return Ok(Err(Break { sequence: expected, event_id: None, flaw: Flaw::Missing }));
            }
            let is_erased = match flaw(seal, &previous, &event) {
                Ok(is_erased) if event.sequence == expected => is_erased,
                Ok(_) => {
                    let flaw = Flaw::WrongEnd;
                    return Ok(Err(Break { sequence: event.sequence, event_id: Some(event.id), flaw }));
                }
                Err(flaw) => return Ok(Err(Break { sequence: event.sequence, event_id: Some(event.id), flaw })),
            };
            intact.erased += i64::from(is_erased);
            intact.events = expected;
            previous = event.hash;
            if let Some(head) = head.as_ref().filter(|head| head.sequence == expected)
                && head.hash != previous
            {
                return Ok(Err(Break { sequence: expected, event_id: Some(event.id), flaw: Flaw::WrongEnd }));
            }
        }
    }
    match head {
        // Events after the end that was read first may have been appended meanwhile; the present end covers them.
        Some(head) if head.sequence > intact.events => {
            Ok(Err(Break { sequence: intact.events + 1, event_id: None, flaw: Flaw::Missing }))
        }
        head => {
            let now = audit_head::Entity::find_by_id(organization_id.0).one(db).await?.or(head);
            let end = now.map_or(0, |head| head.sequence);
            if end < intact.events {
                return Ok(Err(Break { sequence: end + 1, event_id: None, flaw: Flaw::WrongEnd }));
            }
            Ok(Ok(intact))
        }
    }
}

/// What is wrong with an event; whether its content was erased when nothing is.
fn flaw(seal: &dyn Seal, previous: &str, event: &audit_event::Model) -> Result<bool, Flaw> {
    if chained(previous, event) != event.hash {
        return Err(Flaw::Changed);
    }
    match seal.is_mac(PURPOSE, event.hash.as_bytes(), &event.mac) {
        Ok(true) => {}
        Ok(false) => return Err(Flaw::Forged),
        Err(why) => return Err(Flaw::Unverifiable(why)),
    }
    let content = digest(&[event.before.as_deref().unwrap_or(""), event.after.as_deref().unwrap_or("")]);
    if content == event.digest {
        return Ok(false);
    }
    if event.before.is_none() && event.after.is_none() { Ok(true) } else { Err(Flaw::ContentChanged) }
}
