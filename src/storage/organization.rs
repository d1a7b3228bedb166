//! Organizations: the tenants.

use chrono::{DateTime, Utc};
use entity::organization::{ActiveModel, Column, Entity};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait as _, QueryFilter,
};

use super::row_lock::RowLock as _;
use super::{StorageError, Tx};
use crate::domain::id::OrganizationId;

/// The organization of that name, made with `id` when there is none; safe against two callers at once.
pub async fn find_or_create(
    tx: &Tx,
    id: OrganizationId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<OrganizationId, StorageError> {
    let row = ActiveModel { id: Set(id.0), name: Set(name.to_owned()), created_at: Set(now), ..Default::default() };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
        .exec_without_returning(&**tx)
        .await?;
    let found = Entity::find().filter(Column::Name.eq(name)).one(&**tx).await?;
    found
        .map(|model| OrganizationId(model.id))
        .ok_or_else(|| StorageError::Corrupt(format!("organization `{name}` vanished")))
}

/// The organization of that name.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<OrganizationId>, StorageError> {
    let found = Entity::find().filter(Column::Name.eq(name)).one(db).await?;
    Ok(found.map(|model| OrganizationId(model.id)))
}

/// Holds an organization against others who hold it too, until the transaction ends: for rules over several of its rows.
pub async fn lock(tx: &Tx, id: OrganizationId) -> Result<(), StorageError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        Entity::find_by_id(id.0).held().one(&**tx).await?;
    }
    Ok(())
}

/// The name of an organization.
pub async fn name(db: &impl ConnectionTrait, id: OrganizationId) -> Result<Option<String>, StorageError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(|model| model.name))
}

/// How many there are.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, StorageError> {
    Ok(Entity::find().count(db).await?)
}

/// Whether two people have to close a month; `None` when nobody said so.
pub async fn needs_second_person(db: &impl ConnectionTrait, id: OrganizationId) -> Result<Option<bool>, StorageError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.and_then(|model| model.needs_second_person))
}

/// Says whether two people have to close a month.
pub async fn set_needs_second_person(tx: &Tx, id: OrganizationId, value: Option<bool>) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::NeedsSecondPerson, Expr::value(value))
        .filter(Column::Id.eq(id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}
