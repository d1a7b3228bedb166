//! Versions of an integration's policy: added, never changed.

use chrono::{DateTime, Utc};
use entity::policy::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Select};

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::{StorageError, Tx};
use crate::domain::id::{IntegrationId, OrganizationId};

/// A version of the rules of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Integration.
    pub integration_id: IntegrationId,
    /// Number, from 1; 0 is the default policy, which is not stored.
    pub version: i64,
    /// Name.
    pub name: String,
    /// Every switch with its value, in a fixed order.
    pub switches: Vec<(String, String)>,
    /// Why it was made.
    pub reason: Option<String>,
    /// Name of who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

fn domain(model: Model) -> Result<PolicyVersion, StorageError> {
    let switches = serde_json::from_str(&model.switches)
        .map_err(|error| StorageError::Corrupt(format!("policy version {}: {error}", model.version)))?;
    Ok(PolicyVersion {
        integration_id: IntegrationId(model.integration_id),
        version: model.version,
        name: model.name,
        switches,
        reason: model.reason,
        created_by: model.created_by,
        created_at: model.created_at,
    })
}

/// Adds a version; one with a number that is there already is a conflict.
pub async fn insert(tx: &Tx, organization_id: OrganizationId, policy: &PolicyVersion) -> Result<(), StorageError> {
    let row = ActiveModel {
        organization_id: Set(organization_id.0),
        integration_id: Set(policy.integration_id.0),
        version: Set(policy.version),
        name: Set(policy.name.clone()),
        switches: Set(serde_json::to_string(&policy.switches).expect("a list of texts is always JSON")),
        reason: Set(policy.reason.clone()),
        created_by: Set(policy.created_by.clone()),
        created_at: Set(policy.created_at),
    };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

fn of_integration(organization_id: OrganizationId, integration_id: IntegrationId) -> Select<Entity> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
}

/// The version in force; `None` while it is the default policy.
pub async fn current(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<Option<PolicyVersion>, StorageError> {
    let query = of_integration(organization_id, integration_id).order_by_desc(Column::Version);
    query.one(db).await?.map(domain).transpose()
}

/// A version.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    version: i64,
) -> Result<Option<PolicyVersion>, StorageError> {
    let query = of_integration(organization_id, integration_id).filter(Column::Version.eq(version));
    query.one(db).await?.map(domain).transpose()
}

/// A page of the versions, the latest first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    window: &Window,
) -> Result<Slice<PolicyVersion>, StorageError> {
    let keys = [SortKey::descending(Expr::col(Column::Version))];
    let position = |model: &Model| Position(vec![SortValue::Integer(model.version)]);
    page::read(db, of_integration(organization_id, integration_id), &keys, window, position).await?.try_map(domain)
}
