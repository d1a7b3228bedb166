//! Rules that hide discrepancies. Ended and expired ones stay as their history.

use chrono::NaiveDate;
use entity::discrepancy;
use entity::suppression_rule::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Select,
};
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::report::{amount, micros};
use super::row_lock::RowLock as _;
use super::{StorageError, Tx, text};
use crate::domain::discrepancy::DiscrepancyType;
use crate::domain::id::{IntegrationId, OrganizationId, SuppressionRuleId};
use crate::domain::suppression::{SuppressionConditions, SuppressionRule};

/// Between the types of a rule.
const SEPARATOR: &str = ",";

fn domain(model: Model) -> Result<SuppressionRule, StorageError> {
    let kind = |word: &str| {
        DiscrepancyType::parse(word)
            .ok_or_else(|| StorageError::Corrupt(format!("`{word}` is not a type of discrepancy")))
    };
    let kinds = model.kinds.split(SEPARATOR).filter(|word| !word.is_empty()).map(kind).collect::<Result<_, _>>()?;
    Ok(SuppressionRule {
        id: SuppressionRuleId(model.id),
        organization_id: OrganizationId(model.organization_id),
        integration_id: IntegrationId(model.integration_id),
        conditions: SuppressionConditions {
            kinds,
            customer: model.customer_external_id,
            psa_product: model.psa_product_external_id,
            pax8_product: model.pax8_product_external_id,
            currency: text::currency(model.currency.as_deref())?,
            largest_amount: model.largest_amount.map(amount),
        },
        owner: model.owner,
        reason: model.reason,
        expires_on: model.expires_on,
        created_by: model.created_by,
        created_at: model.created_at,
        ended: model.ended_by.zip(model.ended_at),
        version: model.version,
    })
}

/// Adds a rule.
pub async fn insert(tx: &Tx, rule: &SuppressionRule) -> Result<(), StorageError> {
    let conditions = &rule.conditions;
    let kinds: Vec<&str> = conditions.kinds.iter().map(|kind| kind.as_str()).collect();
    let row = ActiveModel {
        id: Set(rule.id.0),
        organization_id: Set(rule.organization_id.0),
        integration_id: Set(rule.integration_id.0),
        kinds: Set(kinds.join(SEPARATOR)),
        customer_external_id: Set(conditions.customer.clone()),
        psa_product_external_id: Set(conditions.psa_product.clone()),
        pax8_product_external_id: Set(conditions.pax8_product.clone()),
        currency: Set(conditions.currency.map(|currency| currency.to_string())),
        largest_amount: Set(conditions.largest_amount.map(micros).transpose()?),
        owner: Set(rule.owner.clone()),
        reason: Set(rule.reason.clone()),
        expires_on: Set(rule.expires_on),
        created_by: Set(rule.created_by.clone()),
        created_at: Set(rule.created_at),
        ended_by: Set(rule.ended.as_ref().map(|(by, _)| by.clone())),
        ended_at: Set(rule.ended.as_ref().map(|(_, at)| *at)),
        version: Set(rule.version),
    };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Writes that a rule has ended.
pub async fn end(tx: &Tx, rule: &SuppressionRule) -> Result<(), StorageError> {
    let Some((by, at)) = &rule.ended else { return Ok(()) };
    Entity::update_many()
        .col_expr(Column::EndedBy, Expr::value(by.as_str()))
        .col_expr(Column::EndedAt, Expr::value(*at))
        .col_expr(Column::Version, Expr::value(rule.version))
        .filter(Column::OrganizationId.eq(rule.organization_id.0))
        .filter(Column::Id.eq(rule.id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// A rule of the tenant, held against other writers until the transaction ends.
pub async fn lock(
    tx: &Tx,
    organization_id: OrganizationId,
    id: SuppressionRuleId,
) -> Result<Option<SuppressionRule>, StorageError> {
    let query = Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization_id.0)).held();
    query.one(&**tx).await?.map(domain).transpose()
}

/// The rules with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<SuppressionRule>, StorageError> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.is_in(ids.iter().copied()));
    query.all(db).await?.into_iter().map(domain).collect()
}

fn of_integration(organization_id: OrganizationId, integration_id: IntegrationId) -> Select<Entity> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
}

/// The rules of an integration that hold on a day, the oldest first: where several would hide a discrepancy, that one
/// does.
pub async fn holding_on(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    day: NaiveDate,
) -> Result<Vec<SuppressionRule>, StorageError> {
    let query = of_integration(organization_id, integration_id)
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresOn.gte(day))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Rules of every tenant that have expired before a day and still hide something, the oldest first.
pub async fn expired_that_hide(
    db: &impl ConnectionTrait,
    today: NaiveDate,
) -> Result<Vec<SuppressionRule>, StorageError> {
    let hides = Query::select()
        .expr(Expr::value(1))
        .from(discrepancy::Entity)
        .and_where(
            Expr::col((discrepancy::Entity, discrepancy::Column::OrganizationId))
                .equals((Entity, Column::OrganizationId)),
        )
        .and_where(
            Expr::col((discrepancy::Entity, discrepancy::Column::SuppressionRuleId)).equals((Entity, Column::Id)),
        )
        .to_owned();
    let query = Entity::find()
        .filter(Column::ExpiresOn.lt(today))
        .filter(Expr::exists(hides))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(domain).collect()
}

/// A page of the rules of an integration, the latest first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    window: &Window,
) -> Result<Slice<SuppressionRule>, StorageError> {
    let keys = [SortKey::descending(Expr::col(Column::CreatedAt)), SortKey::descending(Expr::col(Column::Id))];
    let position = |model: &Model| Position(vec![SortValue::Instant(model.created_at), SortValue::Id(model.id)]);
    page::read(db, of_integration(organization_id, integration_id), &keys, window, position).await?.try_map(domain)
}

/// How many rules an integration has had.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<u64, StorageError> {
    Ok(of_integration(organization_id, integration_id).count(db).await?)
}
