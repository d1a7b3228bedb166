//! Months of an integration: the report that speaks for each, and whether it is closed.

use entity::billing_period::{ActiveModel, Column, Entity, Model};
use entity::{discrepancy, discrepancy_occurrence};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait as _, Select,
};
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::reconciliation::period;
use super::row_lock::RowLock as _;
use super::text::Word as _;
use super::{StorageError, Tx};
use crate::domain::closing::{BillingPeriod, Closing, ClosingRequest, PeriodState, PeriodStatus, Person};
use crate::domain::discrepancy::DiscrepancyStatus;
use crate::domain::id::{IntegrationId, OrganizationId, ReportId, TokenId};
use crate::domain::period::Period;

/// Statuses of discrepancies that somebody still has to settle.
pub const UNSETTLED: [DiscrepancyStatus; 3] =
    [DiscrepancyStatus::Open, DiscrepancyStatus::InReview, DiscrepancyStatus::Reopened];

fn state(model: &Model) -> Result<PeriodState, StorageError> {
    let corrupt = |what: &str| StorageError::Corrupt(format!("the month {}: {what}", model.period));
    let request = || -> Result<ClosingRequest, StorageError> {
        Ok(ClosingRequest {
            by: Person {
                name: model.requested_by.clone().ok_or_else(|| corrupt("asked for by nobody"))?,
                token_id: model.requested_by_id.map(TokenId),
                user_key: model.requested_by_user.clone(),
            },
            at: model.requested_at.ok_or_else(|| corrupt("asked for at no time"))?,
            reason: model.request_reason.clone(),
            unsettled: unsettled(model),
        })
    };
    let closing = || -> Result<Closing, StorageError> {
        Ok(Closing {
            by: model.closed_by.clone().ok_or_else(|| corrupt("closed by nobody"))?,
            at: model.closed_at.ok_or_else(|| corrupt("closed at no time"))?,
            reason: model.close_reason.clone(),
            unsettled: unsettled(model),
            is_single_handed: model.is_single_handed,
        })
    };
    Ok(match PeriodStatus::read(&model.status)? {
        PeriodStatus::Open => PeriodState::Open,
        PeriodStatus::Closing => PeriodState::Closing(request()?),
        PeriodStatus::Closed => PeriodState::Closed(closing()?),
        PeriodStatus::Reopening => PeriodState::Reopening { closing: closing()?, request: request()? },
    })
}

fn unsettled(model: &Model) -> u32 {
    model.unsettled.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

fn domain(model: Model) -> Result<BillingPeriod, StorageError> {
    Ok(BillingPeriod {
        integration_id: IntegrationId(model.integration_id),
        period: period(&model.period)?,
        report_id: model.report_id.map(ReportId),
        state: state(&model)?,
        version: model.version,
    })
}

/// Months of an integration, held against other writers until the transaction ends, in order. What is not there yet is
/// made.
pub async fn hold(
    tx: &Tx,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    months: &[Period],
) -> Result<Vec<BillingPeriod>, StorageError> {
    let rows = months.iter().map(|month| ActiveModel {
        organization_id: Set(organization_id.0),
        integration_id: Set(integration_id.0),
        period: Set(month.to_string()),
        status: Set(PeriodStatus::Open.word().to_owned()),
        is_single_handed: Set(false),
        version: Set(1),
        ..ActiveModel::default()
    });
    Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([Column::OrganizationId, Column::IntegrationId, Column::Period])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    let query = of_integration(organization_id, integration_id)
        .filter(Column::Period.is_in(months.iter().map(ToString::to_string)))
        .order_by_asc(Column::Period)
        .held();
    query.all(&**tx).await?.into_iter().map(domain).collect()
}

/// Writes the report and the state of a month that is held.
pub async fn update(tx: &Tx, organization_id: OrganizationId, month: &BillingPeriod) -> Result<(), StorageError> {
    let (request, closing) = match &month.state {
        PeriodState::Open => (None, None),
        PeriodState::Closing(request) => (Some(request), None),
        PeriodState::Closed(closing) => (None, Some(closing)),
        PeriodState::Reopening { closing, request } => (Some(request), Some(closing)),
    };
    let unsettled = closing.map(|closing| closing.unsettled).or(request.map(|request| request.unsettled));
    let row = ActiveModel {
        report_id: Set(month.report_id.map(|id| id.0)),
        status: Set(month.state.status().word().to_owned()),
        requested_by: Set(request.map(|request| request.by.name.clone())),
        requested_by_id: Set(request.and_then(|request| request.by.token_id).map(|id| id.0)),
        requested_by_user: Set(request.and_then(|request| request.by.user_key.clone())),
        requested_at: Set(request.map(|request| request.at)),
        request_reason: Set(request.and_then(|request| request.reason.clone())),
        closed_by: Set(closing.map(|closing| closing.by.clone())),
        closed_at: Set(closing.map(|closing| closing.at)),
        close_reason: Set(closing.and_then(|closing| closing.reason.clone())),
        unsettled: Set(unsettled.and_then(|count| i32::try_from(count).ok())),
        is_single_handed: Set(closing.is_some_and(|closing| closing.is_single_handed)),
        version: Set(month.version),
        ..ActiveModel::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(month.integration_id.0))
        .filter(Column::Period.eq(month.period.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn of_integration(organization_id: OrganizationId, integration_id: IntegrationId) -> Select<Entity> {
    Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::IntegrationId.eq(integration_id.0))
}

/// A page of the months of an integration, the latest first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    window: &Window,
) -> Result<Slice<BillingPeriod>, StorageError> {
    let keys = [SortKey::descending(Expr::col(Column::Period))];
    let position = |model: &Model| Position(vec![SortValue::Text(model.period.clone())]);
    page::read(db, of_integration(organization_id, integration_id), &keys, window, position).await?.try_map(domain)
}

/// How many months an integration has.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<u64, StorageError> {
    Ok(of_integration(organization_id, integration_id).count(db).await?)
}

/// How many discrepancies somebody still has to settle, in each of these months of reports.
pub async fn unsettled_counts(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    reports: &[ReportId],
) -> Result<Vec<(ReportId, Period, u64)>, StorageError> {
    use discrepancy_occurrence::Column as Found;
    let rows: Vec<(Uuid, String, i64)> = discrepancy_occurrence::Entity::find()
        .select_only()
        .column(Found::ReportId)
        .column(Found::Period)
        .column_as(Expr::col((discrepancy_occurrence::Entity, Found::DiscrepancyId)).count_distinct(), "unsettled")
        .join(JoinType::InnerJoin, discrepancy_occurrence::Relation::Discrepancy.def())
        .filter(Found::OrganizationId.eq(organization_id.0))
        .filter(Found::ReportId.is_in(reports.iter().map(|id| id.0)))
        .filter(discrepancy::Column::Status.is_in(UNSETTLED.map(|status| status.word())))
        .group_by(Found::ReportId)
        .group_by(Found::Period)
        .into_tuple()
        .all(db)
        .await?;
    let read = |(report, month, count): (Uuid, String, i64)| {
        Ok((ReportId(report), period(&month)?, u64::try_from(count).unwrap_or(0)))
    };
    rows.into_iter().map(read).collect()
}

/// Discrepancies of a month that somebody still has to settle, as the report that speaks for it found them.
pub async fn unsettled_count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    month: Period,
) -> Result<u64, StorageError> {
    let counts = unsettled_counts(db, organization_id, &[report_id]).await?;
    Ok(counts.into_iter().find(|(_, found, _)| *found == month).map_or(0, |(.., count)| count))
}

/// The report that speaks for each month of an integration.
pub async fn speaking(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
) -> Result<Vec<(Period, ReportId)>, StorageError> {
    let rows: Vec<(String, Option<Uuid>)> = of_integration(organization_id, integration_id)
        .select_only()
        .columns([Column::Period, Column::ReportId])
        .order_by_asc(Column::Period)
        .into_tuple()
        .all(db)
        .await?;
    let rows = rows.into_iter().filter_map(|(month, report)| Some((month, ReportId(report?))));
    rows.map(|(month, report)| Ok((period(&month)?, report))).collect()
}
