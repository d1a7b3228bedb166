//! Exclusions: records left out of the worklists, with the reason. A record has at most one that holds; ended ones stay
//! as its history.

use chrono::{DateTime, Utc};
use entity::exclusion::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::row_lock::RowLock as _;
use super::text::Word;
use super::{StorageError, Tx};
use crate::domain::id::{ExclusionId, IntegrationId, OrganizationId};
use crate::domain::mapping::{ExclusionReason, RecordKind};

/// Rows of one statement.
const BATCH: usize = 500;

/// A record that is left out, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Id.
    pub id: ExclusionId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// Kind of the record.
    pub record_kind: RecordKind,
    /// Record (our id).
    pub record_id: Uuid,
    /// Why.
    pub reason: ExclusionReason,
    /// Why, in the words of the person.
    pub note: Option<String>,
    /// Name of who left it out.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was brought back.
    pub ended_at: Option<DateTime<Utc>>,
    /// Name of who brought it back.
    pub ended_by: Option<String>,
}

fn active(exclusion: &Exclusion) -> ActiveModel {
    ActiveModel {
        id: Set(exclusion.id.0),
        organization_id: Set(exclusion.organization_id.0),
        integration_id: Set(exclusion.integration_id.0),
        record_kind: Set(exclusion.record_kind.word().to_owned()),
        record_id: Set(exclusion.record_id),
        reason: Set(exclusion.reason.word().to_owned()),
        note: Set(exclusion.note.clone()),
        created_by: Set(exclusion.created_by.clone()),
        created_at: Set(exclusion.created_at),
        ended_at: Set(exclusion.ended_at),
        ended_by: Set(exclusion.ended_by.clone()),
    }
}

fn domain(model: Model) -> Result<Exclusion, StorageError> {
    Ok(Exclusion {
        id: ExclusionId(model.id),
        organization_id: OrganizationId(model.organization_id),
        integration_id: IntegrationId(model.integration_id),
        record_kind: RecordKind::read(&model.record_kind)?,
        record_id: model.record_id,
        reason: ExclusionReason::read(&model.reason)?,
        note: model.note,
        created_by: model.created_by,
        created_at: model.created_at,
        ended_at: model.ended_at,
        ended_by: model.ended_by,
    })
}

/// Adds exclusions; a record that is left out already is a conflict.
pub async fn insert(tx: &Tx, exclusions: &[Exclusion]) -> Result<(), StorageError> {
    for chunk in exclusions.chunks(BATCH) {
        Entity::insert_many(chunk.iter().map(active)).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// Brings a record back. An exclusion that ended before stays as it is.
pub async fn end(
    tx: &Tx,
    organization_id: OrganizationId,
    id: ExclusionId,
    ended_by: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::EndedBy, Expr::value(ended_by))
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.eq(id.0))
        .filter(Column::EndedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(())
}

/// The exclusions with these ids, ended ones too, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<Exclusion>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// An exclusion of the tenant, held against other writers until the transaction ends.
pub async fn lock(
    tx: &Tx,
    organization_id: OrganizationId,
    id: ExclusionId,
) -> Result<Option<Exclusion>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0)).held();
    query.one(&**tx).await?.map(domain).transpose()
}

/// The exclusions of these records that hold, in no order.
pub async fn of_records(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    records: &[Uuid],
) -> Result<Vec<Exclusion>, StorageError> {
    let mut exclusions = Vec::new();
    for chunk in records.chunks(BATCH) {
        let query = Entity::find()
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::RecordId.is_in(chunk.iter().copied()))
            .filter(Column::EndedAt.is_null());
        for model in query.all(db).await? {
            exclusions.push(domain(model)?);
        }
    }
    Ok(exclusions)
}

/// All exclusions of an integration that hold, by kind and id.
pub async fn all(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<Vec<Exclusion>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
        .filter(Column::EndedAt.is_null())
        .order_by_asc(Column::RecordKind)
        .order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(domain).collect()
}
