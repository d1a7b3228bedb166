//! API tokens. Only a hash is kept, so a stolen database opens no door.

use chrono::{DateTime, Utc};
use entity::api_token::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Select,
};
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::row_lock::RowLock as _;
use super::{StorageError, Store, Tx};
use crate::domain::access::Roles;
use crate::domain::id::{OrganizationId, TokenId};

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// Id.
    pub id: TokenId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Name given to it.
    pub name: String,
    /// First characters, by which a person recognizes it.
    pub prefix: String,
    /// Hash of the whole.
    pub hash: String,
    /// Rights.
    pub roles: Roles,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute; `None` when it never was.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Name of who made it; `None` where nobody noted it.
    pub created_by: Option<String>,
}

fn domain(model: Model) -> Result<StoredToken, StorageError> {
    Ok(StoredToken {
        id: TokenId(model.id),
        organization_id: OrganizationId(model.organization_id),
        roles: model.roles.parse::<Roles>().map_err(|error| StorageError::Corrupt(error.to_string()))?,
        name: model.name,
        prefix: model.prefix,
        hash: model.hash,
        created_at: model.created_at,
        expires_at: model.expires_at,
        last_used_at: model.last_used_at,
        revoked_at: model.revoked_at,
        created_by: model.created_by,
    })
}

/// Adds a token.
pub async fn insert(tx: &Tx, token: &StoredToken) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(token.id.0),
        organization_id: Set(token.organization_id.0),
        name: Set(token.name.clone()),
        prefix: Set(token.prefix.clone()),
        hash: Set(token.hash.clone()),
        roles: Set(token.roles.to_string()),
        created_at: Set(token.created_at),
        expires_at: Set(token.expires_at),
        last_used_at: Set(token.last_used_at),
        revoked_at: Set(token.revoked_at),
        created_by: Set(token.created_by.clone()),
    };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// The token with this hash, whoever owns it: this is how a caller's tenant is found.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<StoredToken>, StorageError> {
    Entity::find().filter(Column::Hash.eq(hash)).one(db).await?.map(domain).transpose()
}

/// Notes the use of a token, at most once a minute: a write for every request would queue behind the syncs.
pub async fn note_use(store: &Store, id: TokenId, now: DateTime<Utc>) -> Result<(), StorageError> {
    let last: Option<Option<DateTime<Utc>>> =
        Entity::find_by_id(id.0).one(store.read()).await?.map(|model| model.last_used_at);
    let is_recent = last.flatten().is_some_and(|last| now - last < chrono::TimeDelta::minutes(1));
    if is_recent {
        return Ok(());
    }
    let tx = store.begin().await?;
    let is_due = Condition::any()
        .add(Column::LastUsedAt.is_null())
        .add(Column::LastUsedAt.lte(now - chrono::TimeDelta::minutes(1)));
    let noted = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(now)).filter(Column::Id.eq(id.0));
    noted.filter(is_due).exec(&*tx).await?;
    tx.commit().await
}

/// A token.
pub async fn find(db: &impl ConnectionTrait, id: TokenId) -> Result<Option<StoredToken>, StorageError> {
    Entity::find_by_id(id.0).one(db).await?.map(domain).transpose()
}

/// The tokens of a tenant that work at a moment, in no order.
pub async fn working(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    now: DateTime<Utc>,
) -> Result<Vec<StoredToken>, StorageError> {
    let lives = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now));
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::RevokedAt.is_null())
        .filter(lives);
    query.all(db).await?.into_iter().map(domain).collect()
}

/// A token of the tenant, held against other writers until the transaction ends.
pub async fn lock(tx: &Tx, organization_id: OrganizationId, id: TokenId) -> Result<Option<StoredToken>, StorageError> {
    let query = of(organization_id).filter(Column::Id.eq(id.0)).held();
    query.one(&**tx).await?.map(domain).transpose()
}

/// Takes a token back. Whoever follows its notifications hears of it with the commit, at once and in every replica.
pub async fn revoke(tx: &Tx, id: TokenId, now: DateTime<Utc>) -> Result<(), StorageError> {
    Entity::update_many().col_expr(Column::RevokedAt, Expr::value(now)).filter(Column::Id.eq(id.0)).exec(&**tx).await?;
    tx.touch(id.0).await
}

/// The tokens with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<StoredToken>, StorageError> {
    let query = of(organization_id).filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// The tokens of a tenant that begin like this and were not taken back, in no order: in all likelihood one.
pub async fn by_prefix(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    prefix: &str,
) -> Result<Vec<StoredToken>, StorageError> {
    let query = of(organization_id).filter(Column::Prefix.eq(prefix)).filter(Column::RevokedAt.is_null());
    query.all(db).await?.into_iter().map(domain).collect()
}

fn of(organization_id: OrganizationId) -> Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(organization_id.0))
}

/// A page of the tokens of a tenant, the latest first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    window: &Window,
) -> Result<Slice<StoredToken>, StorageError> {
    let keys = [SortKey::descending(Expr::col(Column::CreatedAt)), SortKey::descending(Expr::col(Column::Id))];
    let position = |model: &Model| Position(vec![SortValue::Instant(model.created_at), SortValue::Id(model.id)]);
    page::read(db, of(organization_id), &keys, window, position).await?.try_map(domain)
}

/// How many tokens a tenant has, those that were taken back included.
pub async fn count(db: &impl ConnectionTrait, organization_id: OrganizationId) -> Result<u64, StorageError> {
    Ok(of(organization_id).count(db).await?)
}
