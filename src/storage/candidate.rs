//! Candidates: possible partners of a Pax8 record that nobody mapped. They are the machine's own, replaced whenever it
//! looks again.

use std::collections::HashSet;

use entity::mapping_candidate::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::mapping::confidence_column;
use super::text::Word;
use super::{StorageError, Tx};
use crate::domain::id::{IntegrationId, OrganizationId};
use crate::domain::mapping::{Evidence, MappingKind, MappingScope};

/// Rows of one statement.
const BATCH: usize = 500;

/// A possible partner of a Pax8 record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Company or product at Pax8 (our id).
    pub pax8_record_id: Uuid,
    /// Customer or item at the PSA (our id).
    pub psa_record_id: Uuid,
    /// Term that it would be mapped for.
    pub scope: MappingScope,
    /// Place among the candidates of the record and term, the best first, from 0.
    pub position: i32,
    /// How sure, and why.
    pub evidence: Evidence,
}

/// Where candidates belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// What would be mapped.
    pub kind: MappingKind,
}

/// Derived from the pair, so that looking again gives the same rows.
fn id(owner: Owner, candidate: &Candidate) -> Uuid {
    let scope = &candidate.scope;
    let name = format!(
        "{}\n{}\n{}\n{}\n{}",
        owner.kind.word(),
        candidate.pax8_record_id,
        candidate.psa_record_id,
        scope.billing_term,
        scope.commitment_term
    );
    Uuid::new_v5(&owner.integration_id.0, name.as_bytes())
}

fn active(owner: Owner, candidate: &Candidate) -> ActiveModel {
    ActiveModel {
        id: Set(id(owner, candidate)),
        organization_id: Set(owner.organization_id.0),
        integration_id: Set(owner.integration_id.0),
        kind: Set(owner.kind.word().to_owned()),
        pax8_record_id: Set(candidate.pax8_record_id),
        psa_record_id: Set(candidate.psa_record_id),
        billing_term: Set(candidate.scope.billing_term.clone()),
        commitment_term: Set(candidate.scope.commitment_term.clone()),
        position: Set(candidate.position),
        confidence: Set(confidence_column(candidate.evidence.confidence)),
        evidence: Set(candidate.evidence.explanation.clone()),
    }
}

fn domain(model: Model) -> Result<Candidate, StorageError> {
    let confidence = u32::try_from(model.confidence)
        .map_err(|_| StorageError::Corrupt(format!("candidate `{}`: negative confidence", model.id)))?;
    Ok(Candidate {
        pax8_record_id: model.pax8_record_id,
        psa_record_id: model.psa_record_id,
        scope: MappingScope {
            billing_term: model.billing_term,
            commitment_term: model.commitment_term,
            customer: String::new(),
        },
        position: model.position,
        evidence: Evidence { confidence, explanation: model.evidence },
    })
}

/// The candidates of Pax8 records, by record, term and place.
pub async fn of_pax8_records(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    records: &[Uuid],
) -> Result<Vec<Candidate>, StorageError> {
    let mut candidates = Vec::new();
    for chunk in records.chunks(BATCH) {
        let query = Entity::find()
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::Pax8RecordId.is_in(chunk.iter().copied()))
            .order_by_asc(Column::Pax8RecordId)
            .order_by_asc(Column::BillingTerm)
            .order_by_asc(Column::CommitmentTerm)
            .order_by_asc(Column::Position);
        for model in query.all(db).await? {
            candidates.push(domain(model)?);
        }
    }
    Ok(candidates)
}

/// Replaces the candidates of Pax8 records.
pub async fn replace(tx: &Tx, owner: Owner, records: &[Uuid], candidates: &[Candidate]) -> Result<(), StorageError> {
    for chunk in records.chunks(BATCH) {
        Entity::delete_many()
            .filter(Column::OrganizationId.eq(owner.organization_id.0))
            .filter(Column::IntegrationId.eq(owner.integration_id.0))
            .filter(Column::Kind.eq(owner.kind.word()))
            .filter(Column::Pax8RecordId.is_in(chunk.iter().copied()))
            .exec(&**tx)
            .await?;
    }
    for chunk in candidates.chunks(BATCH) {
        Entity::insert_many(chunk.iter().map(|candidate| active(owner, candidate)))
            .exec_without_returning(&**tx)
            .await?;
    }
    Ok(())
}

/// The records and terms that have candidates.
pub async fn terms(db: &impl ConnectionTrait, owner: Owner) -> Result<HashSet<(Uuid, MappingScope)>, StorageError> {
    let query = Entity::find()
        .select_only()
        .column(Column::Pax8RecordId)
        .column(Column::BillingTerm)
        .column(Column::CommitmentTerm)
        .filter(Column::OrganizationId.eq(owner.organization_id.0))
        .filter(Column::IntegrationId.eq(owner.integration_id.0))
        .filter(Column::Kind.eq(owner.kind.word()))
        .filter(Column::Position.eq(0));
    let rows: Vec<(Uuid, String, String)> = query.into_tuple().all(db).await?;
    let term = |(record, billing_term, commitment_term)| {
        (record, MappingScope { billing_term, commitment_term, customer: String::new() })
    };
    Ok(rows.into_iter().map(term).collect())
}

/// The Pax8 records whose candidates name one of these PSA records.
pub async fn naming(db: &impl ConnectionTrait, owner: Owner, records: &[Uuid]) -> Result<Vec<Uuid>, StorageError> {
    let mut found = Vec::new();
    for chunk in records.chunks(BATCH) {
        let query = Entity::find()
            .select_only()
            .column(Column::Pax8RecordId)
            .filter(Column::OrganizationId.eq(owner.organization_id.0))
            .filter(Column::IntegrationId.eq(owner.integration_id.0))
            .filter(Column::Kind.eq(owner.kind.word()))
            .filter(Column::PsaRecordId.is_in(chunk.iter().copied()));
        found.extend(query.into_tuple::<Uuid>().all(db).await?);
    }
    Ok(found)
}

/// The Pax8 records that have candidates.
pub async fn owners(db: &impl ConnectionTrait, owner: Owner) -> Result<Vec<Uuid>, StorageError> {
    let query = Entity::find()
        .select_only()
        .column(Column::Pax8RecordId)
        .distinct()
        .filter(Column::OrganizationId.eq(owner.organization_id.0))
        .filter(Column::IntegrationId.eq(owner.integration_id.0))
        .filter(Column::Kind.eq(owner.kind.word()))
        .order_by_asc(Column::Pax8RecordId);
    Ok(query.into_tuple().all(db).await?)
}
