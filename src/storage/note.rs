//! Notes on discrepancies: written once, never changed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::discrepancy_note::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{StorageError, Tx};
use crate::domain::id::{DiscrepancyId, DiscrepancyNoteId, OrganizationId};

/// Rows of one statement.
const BATCH: usize = 500;

/// What somebody wrote about a discrepancy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Id.
    pub id: DiscrepancyNoteId,
    /// Discrepancy.
    pub discrepancy_id: DiscrepancyId,
    /// Name of who wrote it.
    pub author: String,
    /// What.
    pub text: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

fn domain(model: Model) -> Note {
    Note {
        id: DiscrepancyNoteId(model.id),
        discrepancy_id: DiscrepancyId(model.discrepancy_id),
        author: model.author,
        text: model.text,
        created_at: model.created_at,
    }
}

/// Adds notes.
pub async fn insert(tx: &Tx, organization_id: OrganizationId, notes: &[Note]) -> Result<(), StorageError> {
    for chunk in notes.chunks(BATCH) {
        let rows = chunk.iter().map(|note| ActiveModel {
            id: Set(note.id.0),
            organization_id: Set(organization_id.0),
            discrepancy_id: Set(note.discrepancy_id.0),
            author: Set(note.author.clone()),
            text: Set(note.text.clone()),
            created_at: Set(note.created_at),
        });
        Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// The latest notes of each of these discrepancies, at most `limit` of one, the latest first.
pub async fn latest(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[DiscrepancyId],
    limit: usize,
) -> Result<HashMap<DiscrepancyId, Vec<Note>>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::DiscrepancyId.is_in(ids.iter().map(|id| id.0)))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id);
    let mut found: HashMap<DiscrepancyId, Vec<Note>> = HashMap::new();
    for note in query.all(db).await?.into_iter().map(domain) {
        let notes = found.entry(note.discrepancy_id).or_default();
        if notes.len() < limit {
            notes.push(note);
        }
    }
    Ok(found)
}
