//! What a run found otherwise than the run before it.

use entity::run_change::{ActiveModel, Column, Entity, Model};
use entity::{discrepancy_occurrence, reconciliation_run};
use rust_decimal::Decimal;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::reconciliation::period;
use super::report::{amount, micros};
use super::text::Word as _;
use super::{StorageError, Tx};
use crate::domain::id::{DiscrepancyId, IntegrationId, OrganizationId, ReconciliationRunId, ReportId};
use crate::domain::period::Period;
use crate::domain::run::ChangeKind;

/// Rows of one statement.
const BATCH: usize = 500;

/// Sums of a discrepancy over the months of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Billed minus expected.
    pub effect: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
}

/// A discrepancy that a run found otherwise than the run before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunChange {
    /// Discrepancy.
    pub discrepancy_id: DiscrepancyId,
    /// How it changed.
    pub kind: ChangeKind,
    /// Sums that it had; `None` when it was not there.
    pub before: Option<Amounts>,
    /// Sums that it has; `None` when it is not there.
    pub after: Option<Amounts>,
}

/// An occurrence as a comparison looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Discrepancy.
    pub discrepancy_id: DiscrepancyId,
    /// Month.
    pub period: Period,
    /// Amounts.
    pub amounts: Amounts,
}

/// What a report found, in no order.
pub async fn compared(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
) -> Result<Vec<Compared>, StorageError> {
    use discrepancy_occurrence::Column as Found;
    #[derive(FromQueryResult)]
    struct Row {
        discrepancy_id: Uuid,
        period: String,
        effect: entity::value::Micros,
        cost_effect: entity::value::Micros,
    }
    let rows: Vec<Row> = discrepancy_occurrence::Entity::find()
        .select_only()
        .columns([Found::DiscrepancyId, Found::Period, Found::Effect, Found::CostEffect])
        .filter(Found::OrganizationId.eq(organization_id.0))
        .filter(Found::ReportId.eq(report_id.0))
        .into_model()
        .all(db)
        .await?;
    let read = |row: Row| {
        Ok(Compared {
            discrepancy_id: DiscrepancyId(row.discrepancy_id),
            period: period(&row.period)?,
            amounts: Amounts { effect: amount(row.effect), cost_effect: amount(row.cost_effect) },
        })
    };
    rows.into_iter().map(read).collect()
}

/// A report and its months.
pub type Spanned = (ReportId, (Period, Period));

/// The reports of the latest runs of an integration that had one, the latest first; at most `limit`, and not of this
/// run.
pub async fn earlier_reports(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    other_than: ReconciliationRunId,
    limit: u64,
) -> Result<Vec<Spanned>, StorageError> {
    use reconciliation_run::Column as Run;
    let rows: Vec<(Option<Uuid>, String, String)> = reconciliation_run::Entity::find()
        .select_only()
        .columns([Run::ReportId, Run::PeriodFrom, Run::PeriodTo])
        .filter(Run::OrganizationId.eq(organization_id.0))
        .filter(Run::IntegrationId.eq(integration_id.0))
        .filter(Run::ReportId.is_not_null())
        .filter(Run::Id.ne(other_than.0))
        .order_by_desc(Run::FinishedAt)
        .order_by_desc(Run::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let rows = rows.into_iter().filter_map(|(report, from, to)| Some((ReportId(report?), from, to)));
    rows.map(|(report, from, to)| Ok((report, (period(&from)?, period(&to)?)))).collect()
}

/// Adds the changes of a run, in their order.
pub async fn insert(
    tx: &Tx,
    organization_id: OrganizationId,
    run_id: ReconciliationRunId,
    changes: &[RunChange],
) -> Result<(), StorageError> {
    let mut position = 0_i32;
    for chunk in changes.chunks(BATCH) {
        let mut rows = Vec::with_capacity(chunk.len());
        for change in chunk {
            let of = |amounts: Option<Amounts>, read: fn(Amounts) -> Decimal| {
                amounts.map(|amounts| micros(read(amounts))).transpose()
            };
            rows.push(ActiveModel {
                organization_id: Set(organization_id.0),
                run_id: Set(run_id.0),
                position: Set(position),
                discrepancy_id: Set(change.discrepancy_id.0),
                change: Set(change.kind.word().to_owned()),
                effect_before: Set(of(change.before, |amounts| amounts.effect)?),
                cost_effect_before: Set(of(change.before, |amounts| amounts.cost_effect)?),
                effect_after: Set(of(change.after, |amounts| amounts.effect)?),
                cost_effect_after: Set(of(change.after, |amounts| amounts.cost_effect)?),
            });
            position += 1;
        }
        Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

fn domain(model: Model) -> Result<RunChange, StorageError> {
    let amounts = |effect: Option<entity::value::Micros>, cost_effect: Option<entity::value::Micros>| {
        effect.zip(cost_effect).map(|(effect, cost)| Amounts { effect: amount(effect), cost_effect: amount(cost) })
    };
    Ok(RunChange {
        discrepancy_id: DiscrepancyId(model.discrepancy_id),
        kind: ChangeKind::read(&model.change)?,
        before: amounts(model.effect_before, model.cost_effect_before),
        after: amounts(model.effect_after, model.cost_effect_after),
    })
}

/// Which changes of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeFilter {
    /// Kind.
    pub kind: Option<ChangeKind>,
    /// Whether changes of the cost effect alone are left out, because the reader may not know about cost.
    pub is_about_effects: bool,
}

fn of_run(organization_id: OrganizationId, run_id: ReconciliationRunId, filter: ChangeFilter) -> Select<Entity> {
    let mut query =
        Entity::find().filter(Column::OrganizationId.eq(organization_id.0)).filter(Column::RunId.eq(run_id.0));
    if let Some(kind) = filter.kind {
        query = query.filter(Column::Change.eq(kind.word()));
    }
    if filter.is_about_effects {
        let differs = Condition::any()
            .add(Column::EffectBefore.is_null())
            .add(Column::EffectAfter.is_null())
            .add(Expr::col(Column::EffectBefore).ne(Expr::col(Column::EffectAfter)));
        query = query.filter(differs);
    }
    query
}

/// A page of the changes of a run.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    run_id: ReconciliationRunId,
    filter: ChangeFilter,
    window: &Window,
) -> Result<Slice<RunChange>, StorageError> {
    let keys = [SortKey::ascending(Expr::col(Column::Position))];
    let position = |model: &Model| Position(vec![SortValue::Integer(i64::from(model.position))]);
    page::read(db, of_run(organization_id, run_id, filter), &keys, window, position).await?.try_map(domain)
}

/// How many changes of each kind a run has.
pub async fn counts(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    run_id: ReconciliationRunId,
    filter: ChangeFilter,
) -> Result<Vec<(ChangeKind, u64)>, StorageError> {
    let rows: Vec<(String, i64)> = of_run(organization_id, run_id, filter)
        .select_only()
        .column(Column::Change)
        .column_as(Column::Position.count(), "count")
        .group_by(Column::Change)
        .into_tuple()
        .all(db)
        .await?;
    let read = |(word, count): (String, i64)| Ok((ChangeKind::read(&word)?, u64::try_from(count).unwrap_or(0)));
    rows.into_iter().map(read).collect()
}
