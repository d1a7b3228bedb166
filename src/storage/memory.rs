//! What the matching of an integration saw last: a digest of every record, and of everything else that it depends on.

use std::collections::HashMap;

use entity::matching_memory::{ActiveModel, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use uuid::Uuid;

use super::candidate::Owner;
use super::text::Word as _;
use super::{StorageError, Tx};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Digest of rules and policy.
    pub context: String,
    /// Sum of the versions of all mappings, which grows with every change.
    pub mapping_versions: u64,
    /// Digest of what the decisions taught.
    pub lessons: u64,
    /// Digests of the records of both sides by our id.
    pub records: HashMap<Uuid, u64>,
    /// Records that were matched alone since all were.
    pub matched_alone: u64,
}

/// Bytes of one record: its id and its digest.
const ENTRY: usize = 16 + 8;

/// What was seen last; `None` where nothing was, or in a form that this version does not know.
pub async fn find(db: &impl ConnectionTrait, owner: Owner) -> Result<Option<Memory>, StorageError> {
    let key = (owner.organization_id.0, owner.integration_id.0, owner.kind.word().to_owned());
    let Some(model) = Entity::find_by_id(key).one(db).await? else { return Ok(None) };
    let (entries, rest) = model.records.as_chunks::<ENTRY>();
    let counts = (u64::try_from(model.matched_alone), u64::try_from(model.mapping_versions));
    let (Ok(matched_alone), Ok(mapping_versions)) = counts else { return Ok(None) };
    if !rest.is_empty() {
        return Ok(None);
    }
    let records = entries.iter().map(|entry| {
        let (id, digest) = entry.split_at(16);
        let id = Uuid::from_slice(id).expect("an id has sixteen bytes");
        (id, u64::from_be_bytes(digest.try_into().expect("a digest has eight bytes")))
    });
    let lessons = model.lessons.cast_unsigned();
    let records = records.collect();
    Ok(Some(Memory { context: model.context, mapping_versions, lessons, records, matched_alone }))
}

/// Remembers what was seen.
pub async fn save(tx: &Tx, owner: Owner, memory: &Memory) -> Result<(), StorageError> {
    let mut records: Vec<(&Uuid, &u64)> = memory.records.iter().collect();
    records.sort_unstable();
    let bytes = records.into_iter().flat_map(|(id, digest)| id.as_bytes().iter().copied().chain(digest.to_be_bytes()));
    let row = ActiveModel {
        organization_id: Set(owner.organization_id.0),
        integration_id: Set(owner.integration_id.0),
        kind: Set(owner.kind.word().to_owned()),
        context: Set(memory.context.clone()),
        mapping_versions: Set(i64::try_from(memory.mapping_versions).unwrap_or(i64::MAX)),
        lessons: Set(memory.lessons.cast_signed()),
        records: Set(bytes.collect()),
        matched_alone: Set(i64::try_from(memory.matched_alone).unwrap_or(i64::MAX)),
    };
    let mut conflict = OnConflict::columns([Column::OrganizationId, Column::IntegrationId, Column::Kind]);
    conflict.update_columns([
        Column::Context,
        Column::MappingVersions,
        Column::Lessons,
        Column::Records,
        Column::MatchedAlone,
    ]);
    Entity::insert(row).on_conflict(conflict).exec_without_returning(&**tx).await?;
    Ok(())
}
