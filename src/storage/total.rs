//! The sums of reports by customer, product, vendor, type and month, as they were when the report was made.

use entity::billing_period;
use entity::report_total::{ActiveModel, Column, Entity, Model};
use entity::value::ExactDecimal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationDef, Select,
};

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::text::Word as _;
use super::{StorageError, Tx, text};
use crate::domain::id::{IntegrationId, OrganizationId, ReportId};
use crate::domain::money::Currency;
use crate::domain::period::Period;
use crate::report::totals::{Dimension, GroupTotals};

/// Rows of one statement.
const BATCH: usize = 500;

/// Adds the sums of a report that is not complete.
pub async fn insert(
    tx: &Tx,
    organization_id: OrganizationId,
    report_id: ReportId,
    first_position: i32,
    groups: &[GroupTotals],
) -> Result<(), StorageError> {
    let mut position = first_position;
    for chunk in groups.chunks(BATCH) {
        let mut rows = Vec::with_capacity(chunk.len());
        for group in chunk {
            let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            rows.push(ActiveModel {
                organization_id: Set(organization_id.0),
                report_id: Set(report_id.0),
                position: Set(position),
                dimension: Set(group.dimension.word().to_owned()),
                subject: Set(group.subject.clone()),
                label: Set(group.label.clone()),
                currency: Set(group.currency.clone()),
                keys: Set(count(group.keys)),
                incomplete_keys: Set(count(group.incomplete_keys)),
                discrepancies: Set(count(group.discrepancies)),
                cost: Set(ExactDecimal(group.cost)),
                expected: Set(ExactDecimal(group.expected)),
                billed: Set(ExactDecimal(group.billed)),
                leakage: Set(ExactDecimal(group.leakage)),
                overbilling: Set(ExactDecimal(group.overbilling)),
                cost_effect: Set(ExactDecimal(group.cost_effect)),
            });
            position += 1;
        }
        Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

fn domain(model: Model) -> Result<GroupTotals, StorageError> {
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(GroupTotals {
        dimension: Dimension::read(&model.dimension)?,
        subject: model.subject,
        label: model.label,
        currency: text::required_currency(&model.currency)?.to_string(),
        keys: count(model.keys),
        incomplete_keys: count(model.incomplete_keys),
        discrepancies: count(model.discrepancies),
        cost: model.cost.0,
        expected: model.expected.0,
        billed: model.billed.0,
        leakage: model.leakage.0,
        overbilling: model.overbilling.0,
        cost_effect: model.cost_effect.0,
    })
}

/// Which sums of a report.
#[derive(Debug, Clone, Copy)]
pub struct TotalFilter {
    /// What they are made over.
    pub dimension: Dimension,
    /// Currency.
    pub currency: Option<Currency>,
}

fn of_report(organization_id: OrganizationId, report_id: ReportId, filter: TotalFilter) -> Select<Entity> {
    let query = Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::ReportId.eq(report_id.0))
        .filter(Column::Dimension.eq(filter.dimension.word()));
    match filter.currency {
        Some(currency) => query.filter(Column::Currency.eq(currency.as_str())),
        None => query,
    }
}

/// A page of the sums of a report, by currency, those with the largest effects first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: TotalFilter,
    window: &Window,
) -> Result<Slice<GroupTotals>, StorageError> {
    let keys = [SortKey::ascending(Expr::col(Column::Position))];
    let position = |model: &Model| Position(vec![SortValue::Integer(i64::from(model.position))]);
    page::read(db, of_report(organization_id, report_id, filter), &keys, window, position).await?.try_map(domain)
}

/// How many sums a report has.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: TotalFilter,
) -> Result<u64, StorageError> {
    Ok(of_report(organization_id, report_id, filter).count(db).await?)
}

/// The sums of each month of an integration, from the report that speaks for it, in order.
pub async fn by_month(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    (from, to): (Period, Period),
) -> Result<Vec<GroupTotals>, StorageError> {
    let speaking: RelationDef = Entity::belongs_to(billing_period::Entity)
        .from((Column::OrganizationId, Column::ReportId, Column::Subject))
        .to((billing_period::Column::OrganizationId, billing_period::Column::ReportId, billing_period::Column::Period))
        .into();
    let query = Entity::find()
        .join(JoinType::InnerJoin, speaking)
        .filter(billing_period::Column::OrganizationId.eq(organization_id.0))
        .filter(billing_period::Column::IntegrationId.eq(integration_id.0))
        .filter(billing_period::Column::Period.between(from.to_string(), to.to_string()))
        .filter(Column::Dimension.eq(Dimension::Month.word()))
        .order_by_asc(Column::Subject)
        .order_by_asc(Column::Currency);
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Takes away the sums of a report that is not kept.
pub async fn discard(tx: &Tx, organization_id: OrganizationId, report_id: ReportId) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::ReportId.eq(report_id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}
