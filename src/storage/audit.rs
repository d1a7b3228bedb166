//! The audit chain. Each event's hash covers the one before, a digest of what changed, and a length-prefixed encoding of
//! the rest; the digest lets personal data be erased later without breaking the chain. A keyed hash beside it shows
//! that nobody rebuilt the chain without the key.

use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use entity::{audit_event, audit_head};
use ring::digest::{Context, SHA256};
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, LikeExpr, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
};
use tracing::info;
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::row_lock::RowLock as _;
use super::text::Word as _;
use super::{StorageError, Tx, search};
use crate::digest::hexadecimal;
use crate::domain::access::{Actor, Caller};
use crate::domain::audit::{ActorKind, AuditEvent, Change};
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
pub(super) const PURPOSE: &str = "audit";

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

/// Digest of what an event says of before and after.
pub(super) fn content_digest(before: Option<&str>, after: Option<&str>) -> String {
    digest(&[before.unwrap_or(""), after.unwrap_or("")])
}

/// Hash of an event, from the one before it.
pub(super) fn chained(previous: &str, model: &audit_event::Model) -> String {
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
    let query = audit_head::Entity::find_by_id(organization).held();
    let head = query.one(&**tx).await?.ok_or_else(|| StorageError::Corrupt("the audit chain has no end".to_owned()))?;
    let actor_id = match &caller.actor {
        Actor::Token { id, .. } => Some(id.to_string()),
        Actor::User(user) => Some(user.key()),
        Actor::CommandLine | Actor::Schedule | Actor::Job => None,
    };
    // The hashes know no difference between nothing and an empty text, so that only one of them is ever written.
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (before, after) = (said(change.before), said(change.after));
    let mut model = audit_event::Model {
        organization_id: organization,
        sequence: head.sequence + 1,
        id: ids.next(),
        occurred_at: now,
        actor_kind: ActorKind::of(&caller.actor).word().to_owned(),
        actor_id,
        actor_name: caller.actor.name().to_owned(),
        action: change.action.to_owned(),
        subject_kind: change.subject_kind.to_owned(),
        subject_id: change.subject_id.map(|id| id.to_string()),
        digest: content_digest(before.as_deref(), after.as_deref()),
        before,
        after,
        reason: said(change.reason),
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

fn domain(model: audit_event::Model) -> Result<AuditEvent, StorageError> {
    Ok(AuditEvent {
        id: model.id,
        sequence: model.sequence,
        occurred_at: model.occurred_at,
        actor_kind: ActorKind::read(&model.actor_kind)?,
        actor_name: model.actor_name,
        action: model.action,
        subject_kind: model.subject_kind,
        subject_id: model.subject_id,
        before: model.before,
        after: model.after,
        reason: model.reason,
        correlation_id: model.correlation_id,
        hash: model.hash,
    })
}

/// Conditions on audit events; every one that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Object that was changed.
    pub subject_id: Option<Uuid>,
    /// What was done.
    pub action: Option<String>,
    /// What the name of who acted contains, in any case.
    pub actor: Option<String>,
    /// Request.
    pub correlation_id: Option<String>,
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
    if let Some(actor) = &filter.actor {
        // As it is, because not every database knows the small letter of every capital; and in small letters.
        let name = || Expr::col(audit_event::Column::ActorName);
        let contains = |text: &str| LikeExpr::new(search::containing(text)).escape('\\');
        let small = Expr::expr(Func::lower(name())).like(contains(&actor.to_lowercase()));
        query = query.filter(name().like(contains(actor)).or(small));
    }
    if let Some(correlation_id) = &filter.correlation_id {
        query = query.filter(audit_event::Column::CorrelationId.eq(correlation_id.as_str()));
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
    let query = matching(organization_id, filter);
    page::read(db, query, &keys, window, position).await?.try_map(domain)
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
    query.all(db).await?.into_iter().map(domain).collect()
}
