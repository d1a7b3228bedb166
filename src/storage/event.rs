//! Streams of numbered events. The number comes from a counter row that is locked in the same transaction, so that a
//! stream has no gaps and its events become visible in order.

use chrono::{DateTime, Utc};
use entity::{event, event_stream};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{StorageError, Tx};
use crate::domain::id::OrganizationId;

/// A stored event; the payload is JSON that the owner of the stream writes and reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Place in the stream, from 1.
    pub sequence: i64,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// Word for what happened.
    pub kind: String,
    /// The rest, as JSON.
    pub payload: String,
}

/// Rows of one statement.
const BATCH: usize = 500;

/// Appends an event and returns its place.
pub async fn append(
    tx: &Tx,
    organization_id: OrganizationId,
    stream: Uuid,
    occurred_at: DateTime<Utc>,
    kind: &str,
    payload: String,
) -> Result<i64, StorageError> {
    append_all(tx, organization_id, stream, occurred_at, vec![(kind.to_owned(), payload)]).await
}

/// Appends events, each a kind with a payload, with as many statements as one takes, and returns the last place.
pub async fn append_all(
    tx: &Tx,
    organization_id: OrganizationId,
    stream: Uuid,
    occurred_at: DateTime<Utc>,
    events: Vec<(String, String)>,
) -> Result<i64, StorageError> {
    let count = i64::try_from(events.len()).expect("a list in memory has fewer events");
    let counter =
        event_stream::ActiveModel { id: Set(stream), organization_id: Set(organization_id.0), last_sequence: Set(0) };
    event_stream::Entity::insert(counter)
        .on_conflict(
            OnConflict::columns([event_stream::Column::OrganizationId, event_stream::Column::Id])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    let counters = event_stream::Entity::update_many()
        .col_expr(event_stream::Column::LastSequence, Expr::col(event_stream::Column::LastSequence).add(count))
        .filter(event_stream::Column::OrganizationId.eq(organization_id.0))
        .filter(event_stream::Column::Id.eq(stream))
        .exec_with_returning(&**tx)
        .await?;
    let sequence = counters
        .first()
        .map(|counter| counter.last_sequence)
        .ok_or_else(|| StorageError::Corrupt(format!("the event stream `{stream}` has no counter")))?;
    let mut rows = (sequence - count + 1..).zip(events).map(|(sequence, (kind, payload))| event::ActiveModel {
        organization_id: Set(organization_id.0),
        stream_id: Set(stream),
        sequence: Set(sequence),
        occurred_at: Set(occurred_at),
        kind: Set(kind),
        payload: Set(payload),
    });
    loop {
        let batch: Vec<event::ActiveModel> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        event::Entity::insert_many(batch).exec_without_returning(&**tx).await?;
    }
    tx.touch(stream).await?;
    Ok(sequence)
}

/// At most `limit` events after a place, in order.
pub async fn after(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    stream: Uuid,
    sequence: i64,
    limit: u64,
) -> Result<Vec<StoredEvent>, StorageError> {
    let models = event::Entity::find()
        .filter(event::Column::OrganizationId.eq(organization_id.0))
        .filter(event::Column::StreamId.eq(stream))
        .filter(event::Column::Sequence.gt(sequence))
        .order_by_asc(event::Column::Sequence)
        .limit(limit)
        .all(db)
        .await?;
    let event = |model: event::Model| StoredEvent {
        sequence: model.sequence,
        occurred_at: model.occurred_at,
        kind: model.kind,
        payload: model.payload,
    };
    Ok(models.into_iter().map(event).collect())
}
