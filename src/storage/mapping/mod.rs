//! Mappings: one row for each pair and scope, on which its states follow each other. Of the rows of one Pax8 record and
//! scope at most one is active; two people who confirm rivals at once meet at that unique index.

mod list;
mod review;

pub use list::{MappingFilter, MappingOrder, MappingSort, count, page, status_counts};
pub use review::{reviews, suggestions_below, surest_mistake};

use entity::mapping::{ActiveModel, Column, Entity, Model};
use entity::value::ExactDecimal;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::row_lock::RowLock as _;
use super::text::Word;
use super::{StorageError, Tx};
use crate::domain::id::{IntegrationId, MappingId, OrganizationId};
use crate::domain::mapping::{
    Decision, Evidence, Mapping, MappingKind, MappingOrigin, MappingRole, MappingScope, MappingState, MappingStatus,
};

/// Rows of one statement.
const BATCH: usize = 500;

/// States in which a mapping counts.
pub const ACTIVE: [MappingStatus; 2] = [MappingStatus::Suggested, MappingStatus::Confirmed];

fn active(mapping: &Mapping) -> ActiveModel {
    let evidence = mapping.state.evidence();
    let decision = mapping.state.decision();
    ActiveModel {
        id: Set(mapping.id.0),
        organization_id: Set(mapping.organization_id.0),
        integration_id: Set(mapping.integration_id.0),
        kind: Set(mapping.kind.word().to_owned()),
        pax8_record_id: Set(mapping.pax8_record_id),
        psa_record_id: Set(mapping.psa_record_id),
        billing_term: Set(mapping.scope.billing_term.clone()),
        commitment_term: Set(mapping.scope.commitment_term.clone()),
        customer_scope: Set(mapping.scope.customer.clone()),
        status: Set(mapping.state.status().word().to_owned()),
        origin: Set(mapping.origin.word().to_owned()),
        confidence: Set(evidence.map(|evidence| confidence_column(evidence.confidence))),
        evidence: Set(evidence.map(|evidence| evidence.explanation.clone())),
        is_replaced: Set(matches!(mapping.state, MappingState::Removed { is_replaced: true, .. })),
        factor: Set(ExactDecimal(mapping.factor)),
        role: Set(mapping.role.word().to_owned()),
        decided_by: Set(decision.map(|decision| decision.decided_by.clone())),
        decided_at: Set(decision.map(|decision| decision.decided_at)),
        reason: Set(decision.and_then(|decision| decision.reason.clone())),
        version: Set(mapping.version),
        created_at: Set(mapping.created_at),
        updated_at: Set(mapping.updated_at),
    }
}

pub(super) fn confidence_column(millionths: u32) -> i32 {
    i32::try_from(millionths).expect("a confidence is at most a million")
}

fn domain(model: Model) -> Result<Mapping, StorageError> {
    let corrupt = |what: &str| StorageError::Corrupt(format!("mapping `{}`: {what}", model.id));
    let evidence = match (model.confidence, model.evidence) {
        (Some(confidence), Some(explanation)) => Some(Evidence {
            confidence: u32::try_from(confidence).map_err(|_| corrupt("negative confidence"))?,
            explanation,
        }),
        _ => None,
    };
    let decision = match (model.decided_by, model.decided_at) {
        (Some(decided_by), Some(decided_at)) => Some(Decision { decided_by, decided_at, reason: model.reason }),
        _ => None,
    };
    let decided = || decision.clone().ok_or_else(|| corrupt("nobody decided it"));
    let state = match MappingStatus::read(&model.status)? {
        MappingStatus::Suggested => {
            MappingState::Suggested { evidence: evidence.ok_or_else(|| corrupt("suggested without evidence"))? }
        }
        MappingStatus::Confirmed => MappingState::Confirmed { evidence, decision: decided()? },
        MappingStatus::Rejected => MappingState::Rejected { evidence, decision: decided()? },
        MappingStatus::Removed => {
            MappingState::Removed { evidence, is_replaced: model.is_replaced, decision: decided()? }
        }
    };
    Ok(Mapping {
        id: MappingId(model.id),
        organization_id: OrganizationId(model.organization_id),
        integration_id: IntegrationId(model.integration_id),
        kind: MappingKind::read(&model.kind)?,
        pax8_record_id: model.pax8_record_id,
        psa_record_id: model.psa_record_id,
        scope: MappingScope {
            billing_term: model.billing_term,
            commitment_term: model.commitment_term,
            customer: model.customer_scope,
        },
        state,
        origin: MappingOrigin::read(&model.origin)?,
        factor: model.factor.0,
        role: MappingRole::read(&model.role)?,
        version: model.version,
        created_at: model.created_at,
        updated_at: model.updated_at,
    })
}

fn of_integration(organization_id: OrganizationId, integration_id: IntegrationId, kind: MappingKind) -> Select<Entity> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
        .filter(Column::Kind.eq(kind.word()))
}

fn words(statuses: &[MappingStatus]) -> impl Iterator<Item = &'static str> + '_ {
    statuses.iter().map(|status| status.word())
}

/// Adds a mapping; a rival that is active is a conflict.
pub async fn insert(tx: &Tx, mapping: &Mapping) -> Result<(), StorageError> {
    Entity::insert(active(mapping)).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Adds mappings; a rival that is active is a conflict.
pub async fn insert_all(tx: &Tx, mappings: &[Mapping]) -> Result<(), StorageError> {
    for chunk in mappings.chunks(BATCH) {
        Entity::insert_many(chunk.iter().map(active)).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// Replaces a mapping's row by its next version; a rival that became active is a conflict, and so is a change that came
/// between.
pub async fn update(tx: &Tx, mapping: &Mapping) -> Result<(), StorageError> {
    let updated = Entity::update_many()
        .set(active(mapping))
        .filter(Column::Id.eq(mapping.id.0))
        .filter(Column::OrganizationId.eq(mapping.organization_id.0))
        .filter(Column::Version.eq(mapping.version - 1))
        .exec(&**tx)
        .await?;
    if updated.rows_affected == 0 {
        return Err(StorageError::Conflict(format!("mapping `{}` was changed in between", mapping.id)));
    }
    Ok(())
}

/// A mapping of the tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: MappingId,
) -> Result<Option<Mapping>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
    query.one(db).await?.map(domain).transpose()
}

/// The mappings with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<Mapping>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// A mapping of the tenant, held against other writers until the transaction ends.
pub async fn lock(tx: &Tx, organization_id: OrganizationId, id: MappingId) -> Result<Option<Mapping>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
    query.held().one(&**tx).await?.map(domain).transpose()
}

/// Which pair is meant, and for which charges.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PairKey {
    /// What is mapped.
    pub kind: MappingKind,
    /// Company or product at Pax8 (our id).
    pub pax8_record_id: Uuid,
    /// Customer or item at the PSA (our id).
    pub psa_record_id: Uuid,
    /// For which charges.
    pub scope: MappingScope,
}

fn of_scope(
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
    pax8_record_id: Uuid,
    scope: &MappingScope,
) -> Select<Entity> {
    of_integration(organization_id, integration_id, kind)
        .filter(Column::Pax8RecordId.eq(pax8_record_id))
        .filter(Column::BillingTerm.eq(scope.billing_term.as_str()))
        .filter(Column::CommitmentTerm.eq(scope.commitment_term.as_str()))
        .filter(Column::CustomerScope.eq(scope.customer.as_str()))
}

/// The row of a pair in whatever state, held against other writers until the transaction ends.
pub async fn lock_pair(
    tx: &Tx,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    pair: &PairKey,
) -> Result<Option<Mapping>, StorageError> {
    let query = of_scope(organization_id, integration_id, pair.kind, pair.pax8_record_id, &pair.scope)
        .filter(Column::PsaRecordId.eq(pair.psa_record_id));
    query.held().one(&**tx).await?.map(domain).transpose()
}

/// The active mapping of the same Pax8 record and scope as `mapping`, other than itself.
pub async fn rival(db: &impl ConnectionTrait, mapping: &Mapping) -> Result<Option<Mapping>, StorageError> {
    let query =
        of_scope(mapping.organization_id, mapping.integration_id, mapping.kind, mapping.pax8_record_id, &mapping.scope)
            .filter(Column::Status.is_in(words(&ACTIVE)))
            .filter(Column::Id.ne(mapping.id.0));
    query.one(db).await?.map(domain).transpose()
}

/// The active mapping of a Pax8 record and scope, whichever PSA record it names.
pub async fn holder(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    pair: &PairKey,
) -> Result<Option<Mapping>, StorageError> {
    let query = of_scope(organization_id, integration_id, pair.kind, pair.pax8_record_id, &pair.scope)
        .filter(Column::Status.is_in(words(&ACTIVE)));
    query.one(db).await?.map(domain).transpose()
}

/// The mappings of an integration in these states, by id; all of them at once, for what works on the whole.
pub async fn all(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
    statuses: &[MappingStatus],
) -> Result<Vec<Mapping>, StorageError> {
    const SIZE: u64 = 5_000;
    let mut mappings: Vec<Mapping> = Vec::new();
    loop {
        let mut query = of_integration(organization_id, integration_id, kind)
            .filter(Column::Status.is_in(words(statuses)))
            .order_by_asc(Column::Id)
            .limit(SIZE);
        if let Some(last) = mappings.last() {
            query = query.filter(Column::Id.gt(last.id.0));
        }
        let models = query.all(db).await?;
        let is_last = (models.len() as u64) < SIZE;
        for model in models {
            mappings.push(domain(model)?);
        }
        if is_last {
            return Ok(mappings);
        }
    }
}

/// The active mappings of Pax8 records, in the order of scope and id.
pub async fn active_of_pax8_records(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    records: &[Uuid],
) -> Result<Vec<Mapping>, StorageError> {
    active_of(db, organization_id, Column::Pax8RecordId, records).await
}

/// The active mappings of PSA records, in the order of scope and id.
pub async fn active_of_psa_records(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    records: &[Uuid],
) -> Result<Vec<Mapping>, StorageError> {
    active_of(db, organization_id, Column::PsaRecordId, records).await
}

async fn active_of(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    column: Column,
    records: &[Uuid],
) -> Result<Vec<Mapping>, StorageError> {
    let mut mappings = Vec::new();
    for chunk in records.chunks(BATCH) {
        let query = Entity::find()
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::Status.is_in(words(&ACTIVE)))
            .filter(column.is_in(chunk.iter().copied()))
            .order_by_asc(Column::CustomerScope)
            .order_by_asc(Column::BillingTerm)
            .order_by_asc(Column::CommitmentTerm)
            .order_by_asc(Column::Id);
        for model in query.all(db).await? {
            mappings.push(domain(model)?);
        }
    }
    Ok(mappings)
}

/// Adds suggestions of the machine. One whose place a person took in the meantime is left out.
pub async fn insert_suggestions(tx: &Tx, suggestions: &[Mapping]) -> Result<u64, StorageError> {
    let mut inserted = 0;
    for chunk in suggestions.chunks(BATCH) {
        inserted += Entity::insert_many(chunk.iter().map(active))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(&**tx)
            .await?;
    }
    Ok(inserted)
}

/// Renews the reasons of suggestions. The pair is as before, so the version stays and decisions on it remain valid.
pub async fn refresh_evidence(tx: &Tx, suggestions: &[Mapping]) -> Result<(), StorageError> {
    for chunk in suggestions.chunks(BATCH) {
        let mut conflict = OnConflict::column(Column::Id);
        conflict
            .update_columns([Column::Confidence, Column::Evidence])
            .action_and_where(Expr::col((Entity, Column::Status)).eq(MappingStatus::Suggested.word()));
        Entity::insert_many(chunk.iter().map(active)).on_conflict(conflict).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// Brings back a suggestion that the machine had taken away, unless a person decided about it in the meantime.
pub async fn propose_again(tx: &Tx, mapping: &Mapping) -> Result<bool, StorageError> {
    let result = Entity::update_many()
        .set(active(mapping))
        .filter(Column::Id.eq(mapping.id.0))
        .filter(Column::OrganizationId.eq(mapping.organization_id.0))
        .filter(Column::Status.eq(MappingStatus::Removed.word()))
        .filter(Column::Version.eq(mapping.version - 1))
        .exec(&**tx)
        .await?;
    Ok(result.rows_affected == 1)
}

/// Why suggestions are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// A person decided for other records.
    Replaced,
    /// The machine has a reason of its own.
    Reconsidered,
}

/// Takes suggestions away by one decision; what a person decided in the meantime stays.
pub async fn withdraw_suggestions(
    tx: &Tx,
    organization_id: OrganizationId,
    ids: &[Uuid],
    why: Withdrawal,
    decision: &Decision,
) -> Result<u64, StorageError> {
    let mut withdrawn = 0;
    for chunk in ids.chunks(BATCH) {
        let result = decided(MappingStatus::Removed, decision)
            .col_expr(Column::IsReplaced, Expr::value(why == Withdrawal::Replaced))
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::Status.eq(MappingStatus::Suggested.word()))
            .filter(Column::Id.is_in(chunk.iter().copied()))
            .exec(&**tx)
            .await?;
        withdrawn += result.rows_affected;
    }
    Ok(withdrawn)
}

/// Confirms suggestions by one decision and says how many those were.
pub async fn confirm_suggestions(
    tx: &Tx,
    organization_id: OrganizationId,
    ids: &[Uuid],
    decision: &Decision,
) -> Result<u64, StorageError> {
    confirm_as(tx, organization_id, ids, decided(MappingStatus::Confirmed, decision)).await
}

/// The same for pairs that a person brought along: they count as chosen.
pub async fn adopt_suggestions(
    tx: &Tx,
    organization_id: OrganizationId,
    ids: &[Uuid],
    decision: &Decision,
) -> Result<u64, StorageError> {
    let update =
        decided(MappingStatus::Confirmed, decision).col_expr(Column::Origin, Expr::value(MappingOrigin::Manual.word()));
    confirm_as(tx, organization_id, ids, update).await
}

async fn confirm_as(
    tx: &Tx,
    organization_id: OrganizationId,
    ids: &[Uuid],
    update: sea_orm::UpdateMany<Entity>,
) -> Result<u64, StorageError> {
    let mut confirmed = 0;
    for chunk in ids.chunks(BATCH) {
        let result = update
            .clone()
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::Status.eq(MappingStatus::Suggested.word()))
            .filter(Column::Id.is_in(chunk.iter().copied()))
            .exec(&**tx)
            .await?;
        confirmed += result.rows_affected;
    }
    Ok(confirmed)
}

fn decided(status: MappingStatus, decision: &Decision) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(status.word()))
        .col_expr(Column::DecidedBy, Expr::value(decision.decided_by.as_str()))
        .col_expr(Column::DecidedAt, Expr::value(decision.decided_at))
        .col_expr(Column::Reason, Expr::value(decision.reason.clone()))
        .col_expr(Column::UpdatedAt, Expr::value(decision.decided_at))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
}

/// Ids and versions of the suggestions of an integration, by id.
pub async fn suggestion_versions(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
) -> Result<Vec<(Uuid, i64)>, StorageError> {
    let query = of_integration(organization_id, integration_id, kind)
        .select_only()
        .column(Column::Id)
        .column(Column::Version)
        .filter(Column::Status.eq(MappingStatus::Suggested.word()))
        .order_by_asc(Column::Id);
    Ok(query.into_tuple().all(db).await?)
}
