//! Integrations.

use chrono::{DateTime, Utc};
use entity::integration::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::row_lock::RowLock as _;
use super::text::Word;
use super::{StorageError, Tx};
use crate::domain::id::{IntegrationId, OrganizationId};
use crate::domain::integration::{Integration, IntegrationSettings, SetupStage, WritePolicy};

fn active(integration: &Integration) -> ActiveModel {
    let settings = &integration.settings;
    ActiveModel {
        id: Set(integration.id.0),
        organization_id: Set(integration.organization_id.0),
        name: Set(integration.name.clone()),
        is_default: Set(integration.is_default),
        setup_stage: Set(integration.setup_stage.word().to_owned()),
        write_policy: Set(integration.write_policy.word().to_owned()),
        is_debug: Set(settings.is_debug),
        debug_until: Set(settings.debug_until),
        schedule_cron: Set(settings.schedule_cron.clone()),
        schedule_time_zone: Set(settings.schedule_time_zone.name().to_owned()),
        is_schedule_enabled: Set(settings.is_schedule_enabled),
        syncs_customers: Set(settings.syncs_customers),
        syncs_products: Set(settings.syncs_products),
        mapping_floor: Set(i32::try_from(settings.mapping_floor).expect("a floor is at most a million")),
        next_run_at: Set(integration.next_run_at),
        version: Set(integration.version),
        created_at: Set(integration.created_at),
        completed_at: Set(integration.completed_at),
        archived_at: Set(integration.archived_at),
    }
}

fn domain(model: Model) -> Result<Integration, StorageError> {
    let corrupt = |what: &str| StorageError::Corrupt(format!("integration `{}`: {what}", model.id));
    Ok(Integration {
        id: IntegrationId(model.id),
        organization_id: OrganizationId(model.organization_id),
        is_default: model.is_default,
        setup_stage: SetupStage::read(&model.setup_stage)?,
        write_policy: WritePolicy::read(&model.write_policy)?,
        settings: IntegrationSettings {
            is_debug: model.is_debug,
            debug_until: model.debug_until,
            schedule_time_zone: model.schedule_time_zone.parse().map_err(|_| corrupt("unknown time zone"))?,
            is_schedule_enabled: model.is_schedule_enabled,
            syncs_customers: model.syncs_customers,
            syncs_products: model.syncs_products,
            mapping_floor: u32::try_from(model.mapping_floor).map_err(|_| corrupt("negative mapping floor"))?,
            schedule_cron: model.schedule_cron,
        },
        name: model.name,
        next_run_at: model.next_run_at,
        version: model.version,
        created_at: model.created_at,
        completed_at: model.completed_at,
        archived_at: model.archived_at,
    })
}

/// Adds an integration; a name that is taken is a conflict.
pub async fn insert(tx: &Tx, integration: &Integration) -> Result<(), StorageError> {
    Entity::insert(active(integration)).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Replaces an integration's row.
pub async fn update(tx: &Tx, integration: &Integration) -> Result<(), StorageError> {
    Entity::update_many()
        .set(active(integration))
        .filter(Column::Id.eq(integration.id.0))
        .filter(Column::OrganizationId.eq(integration.organization_id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// An integration of the tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: IntegrationId,
) -> Result<Option<Integration>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
    query.one(db).await?.map(domain).transpose()
}

/// The same, held against other writers until the transaction ends.
pub async fn lock(
    tx: &Tx,
    organization_id: OrganizationId,
    id: IntegrationId,
) -> Result<Option<Integration>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0)).held();
    query.one(&**tx).await?.map(domain).transpose()
}

/// Holds an integration against others who hold it too, until the transaction ends: for what is said about several of
/// its months at once.
pub async fn hold(tx: &Tx, organization_id: OrganizationId, id: IntegrationId) -> Result<(), StorageError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0));
        query.held().one(&**tx).await?;
    }
    Ok(())
}

/// The integrations with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<Integration>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// The integration that operations without one use.
pub async fn default(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
) -> Result<Option<Integration>, StorageError> {
    let query = Entity::find().filter(Column::OrganizationId.eq(organization_id.0)).filter(Column::IsDefault.eq(true));
    query.one(db).await?.map(domain).transpose()
}

/// A page of the tenant's integrations, by name.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    window: &Window,
) -> Result<Slice<Integration>, StorageError> {
    let query = Entity::find().filter(Column::OrganizationId.eq(organization_id.0));
    let keys = [SortKey::ascending(Expr::col(Column::Name)), SortKey::ascending(Expr::col(Column::Id))];
    let position = |model: &Model| Position(vec![SortValue::Text(model.name.clone()), SortValue::Id(model.id)]);
    page::read(db, query, &keys, window, position).await?.try_map(domain)
}

/// How many integrations the tenant has.
pub async fn count(db: &impl ConnectionTrait, organization_id: OrganizationId) -> Result<u64, StorageError> {
    Ok(Entity::find().filter(Column::OrganizationId.eq(organization_id.0)).count(db).await?)
}

/// Integrations of every tenant whose scheduled sync is due.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<Integration>, StorageError> {
    let query = Entity::find()
        .filter(Column::IsScheduleEnabled.eq(true))
        .filter(Column::ArchivedAt.is_null())
        .filter(Column::NextRunAt.lte(now))
        .order_by_asc(Column::NextRunAt)
        .order_by_asc(Column::Id)
        .limit(100);
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Who owns an integration, whoever asks: for the operator's command line, which belongs to no tenant.
pub async fn organization(
    db: &impl ConnectionTrait,
    id: IntegrationId,
) -> Result<Option<OrganizationId>, StorageError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(|model| OrganizationId(model.organization_id)))
}
