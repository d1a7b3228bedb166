//! What became of a discrepancy: its columns, and changing them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use entity::value::Micros;
use entity::{billing_period, discrepancy, discrepancy_occurrence};
use rust_decimal::Decimal;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait as _,
    RelationDef,
};
use uuid::Uuid;

use super::discrepancy::{StoredDiscrepancy, domain};
use super::reconciliation::period;
use super::report::amount;
use super::row_lock::RowLock as _;
use super::text::Word as _;
use super::{StorageError, Tx};
use crate::domain::closing::PeriodStatus;
use crate::domain::decision::{DecidedMonth, Decision, DecisionScope, DiscrepancyState, FoundMonth, Resolution};
use crate::domain::discrepancy::DiscrepancyStatus;
use crate::domain::id::{DiscrepancyId, IntegrationId, OrganizationId, ReportId, SuppressionRuleId};
use crate::domain::money::OutOfRange;
use crate::domain::period::Period;

/// Rows of one statement.
pub const BATCH: usize = 500;

const THESE_PERIODS: &str = "THESE_PERIODS";
const UNTIL: &str = "UNTIL";
const WHILE_UNCHANGED: &str = "WHILE_UNCHANGED";

/// A month of a decision as it is written: month, effect, cost effect.
type MonthRow = (String, Decimal, Decimal);

fn write_months(months: &[DecidedMonth]) -> String {
    let rows: Vec<MonthRow> =
        months.iter().map(|month| (month.period.to_string(), month.effect, month.cost_effect)).collect();
    serde_json::to_string(&rows).expect("a list of texts is always JSON")
}

fn read_months(text: &str) -> Result<Vec<DecidedMonth>, String> {
    let rows: Vec<MonthRow> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let month = |(month, effect, cost_effect): MonthRow| {
        let period = Period::parse(&month).map_err(|error| error.to_string())?;
        Ok(DecidedMonth { period, effect, cost_effect })
    };
    rows.into_iter().map(month).collect()
}

/// The state that a row has.
pub(super) fn read(model: &discrepancy::Model) -> Result<DiscrepancyState, StorageError> {
    let corrupt = |what: &str| StorageError::Corrupt(format!("discrepancy `{}`: {what}", model.id));
    let decision = || -> Result<Decision, StorageError> {
        let scope = match (model.decision_scope.as_deref(), model.decision_until) {
            (Some(THESE_PERIODS), _) => DecisionScope::ThesePeriods,
            (Some(WHILE_UNCHANGED), _) => DecisionScope::WhileUnchanged,
            (Some(UNTIL), Some(day)) => DecisionScope::Until(day),
            _ => return Err(corrupt("a decision without its months")),
        };
        Ok(Decision {
            scope,
            reason: model.decision_reason.clone(),
            decided_by: model.decided_by.clone().ok_or_else(|| corrupt("a decision of nobody"))?,
            decided_at: model.decided_at.ok_or_else(|| corrupt("a decision without its time"))?,
            months: read_months(model.decided_months.as_deref().unwrap_or("[]")).map_err(|what| corrupt(&what))?,
        })
    };
    Ok(match DiscrepancyStatus::read(&model.status)? {
        DiscrepancyStatus::Open => DiscrepancyState::Open,
        DiscrepancyStatus::InReview => DiscrepancyState::InReview,
        DiscrepancyStatus::Reopened => DiscrepancyState::Reopened,
        DiscrepancyStatus::WrittenOff => DiscrepancyState::WrittenOff { decision: decision()? },
        DiscrepancyStatus::Suppressed => {
            let rule = model.suppression_rule_id.ok_or_else(|| corrupt("hidden by no rule"))?;
            DiscrepancyState::Suppressed { rule_id: SuppressionRuleId(rule) }
        }
        DiscrepancyStatus::Resolved => match model.resolution.as_deref() {
            Some(word) => DiscrepancyState::Resolved { resolution: Resolution::read(word)?, decision: decision()? },
            None => DiscrepancyState::Gone { since: model.decided_at.ok_or_else(|| corrupt("gone at no time"))? },
        },
    })
}

/// Gives discrepancies one state; every one of them gets a new version.
pub async fn set(
    tx: &Tx,
    organization_id: OrganizationId,
    ids: &[DiscrepancyId],
    state: &DiscrepancyState,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    use discrepancy::Column;
    let decision = state.decision();
    let (scope, until): (Option<&str>, Option<NaiveDate>) = match decision.map(|decision| decision.scope) {
        None => (None, None),
        Some(DecisionScope::ThesePeriods) => (Some(THESE_PERIODS), None),
        Some(DecisionScope::Until(day)) => (Some(UNTIL), Some(day)),
        Some(DecisionScope::WhileUnchanged) => (Some(WHILE_UNCHANGED), None),
    };
    let resolution = match state {
        DiscrepancyState::Resolved { resolution, .. } => Some(resolution.word()),
        _ => None,
    };
    let rule = match state {
        DiscrepancyState::Suppressed { rule_id } => Some(rule_id.0),
        _ => None,
    };
    let at = match state {
        DiscrepancyState::Gone { since } => Some(*since),
        _ => decision.map(|decision| decision.decided_at),
    };
    for chunk in ids.chunks(BATCH) {
        discrepancy::Entity::update_many()
            .col_expr(Column::Status, Expr::value(state.status().word()))
            .col_expr(Column::Resolution, Expr::value(resolution))
            .col_expr(Column::DecisionScope, Expr::value(scope))
            .col_expr(Column::DecisionUntil, Expr::value(until))
            .col_expr(Column::DecisionReason, Expr::value(decision.and_then(|decision| decision.reason.clone())))
            .col_expr(Column::DecidedBy, Expr::value(decision.map(|decision| decision.decided_by.clone())))
            .col_expr(Column::DecidedAt, Expr::value(at))
            .col_expr(Column::DecidedMonths, Expr::value(decision.map(|decision| write_months(&decision.months))))
            .col_expr(Column::SuppressionRuleId, Expr::value(rule))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

/// Says who looks after a discrepancy and until when; a new version.
pub async fn assign(
    tx: &Tx,
    organization_id: OrganizationId,
    id: DiscrepancyId,
    (assignee, due_on): (Option<&str>, Option<NaiveDate>),
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    use discrepancy::Column;
    discrepancy::Entity::update_many()
        .col_expr(Column::Assignee, Expr::value(assignee))
        .col_expr(Column::DueOn, Expr::value(due_on))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.eq(id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Discrepancies of the tenant, held against other writers until the transaction ends, always in one order so that two
/// who hold several do not wait for each other.
pub async fn lock(
    tx: &Tx,
    organization_id: OrganizationId,
    ids: &[DiscrepancyId],
) -> Result<Vec<StoredDiscrepancy>, StorageError> {
    let query = discrepancy::Entity::find()
        .filter(discrepancy::Column::OrganizationId.eq(organization_id.0))
        .filter(discrepancy::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .order_by_asc(discrepancy::Column::Id);
    query.held().all(&**tx).await?.into_iter().map(domain).collect()
}

/// A month of a discrepancy as the report that speaks for it found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpokenMonth {
    /// Integration whose month it is.
    pub integration_id: IntegrationId,
    /// Month, everything in it added up.
    pub found: FoundMonth,
    /// Whether the month is closed.
    pub is_closed: bool,
}

/// The months of discrepancies in the reports that speak for them, by discrepancy, each month of an integration once.
pub async fn spoken_months(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[DiscrepancyId],
) -> Result<HashMap<DiscrepancyId, Vec<SpokenMonth>>, StorageError> {
    use billing_period::Column as Month;
    use discrepancy_occurrence::Column as Found;
    type Row = (Uuid, Uuid, String, String, i64, i64, Option<Uuid>);
    let speaking: RelationDef = discrepancy_occurrence::Entity::belongs_to(billing_period::Entity)
        .from((Found::OrganizationId, Found::ReportId, Found::Period))
        .to((Month::OrganizationId, Month::ReportId, Month::Period))
        .into();
    let rows: Vec<Row> = discrepancy_occurrence::Entity::find()
        .select_only()
        .column(Found::DiscrepancyId)
        .column(Month::IntegrationId)
        .column(Found::Period)
        .column(Month::Status)
        .columns([Found::Effect, Found::CostEffect, Found::SuppressionRuleId])
        .join(JoinType::InnerJoin, speaking)
        .filter(Found::OrganizationId.eq(organization_id.0))
        .filter(Found::DiscrepancyId.is_in(ids.iter().map(|id| id.0)))
        .order_by_asc(Found::DiscrepancyId)
        .order_by_asc(Month::IntegrationId)
        .order_by_asc(Found::Period)
        .order_by_asc(Found::Position)
        .into_tuple()
        .all(db)
        .await?;
    let mut months: HashMap<DiscrepancyId, Vec<SpokenMonth>> = HashMap::new();
    for (id, integration, month, status, effect, cost_effect, rule) in rows {
        let status = PeriodStatus::read(&status)?;
        let new = SpokenMonth {
            integration_id: IntegrationId(integration),
            found: FoundMonth {
                period: period(&month)?,
                effect: amount(Micros(effect)),
                cost_effect: amount(Micros(cost_effect)),
                suppressed_by: rule.map(SuppressionRuleId),
            },
            is_closed: status.is_closed(),
        };
        let of_id = months.entry(DiscrepancyId(id)).or_default();
        let place = |month: &SpokenMonth| (month.integration_id, month.found.period);
        match of_id.last_mut().filter(|last| place(last) == place(&new)) {
            None => of_id.push(new),
            // Several charges of one month may make one discrepancy.
            Some(last) => last.found.add(&new.found).map_err(|OutOfRange| too_large(new.found.period))?,
        }
    }
    Ok(months)
}

fn too_large(month: Period) -> StorageError {
    StorageError::TooLarge(format!("of {month}"))
}

/// Whether what is said about these months stays: there are some, and all of them are closed.
pub fn are_closed(months: &[SpokenMonth]) -> bool {
    !months.is_empty() && months.iter().all(|month| month.is_closed)
}

/// The months of a discrepancy, those of several integrations added up, in order.
pub fn by_month(spoken: &[SpokenMonth]) -> Result<Vec<FoundMonth>, StorageError> {
    let mut months: BTreeMap<Period, FoundMonth> = BTreeMap::new();
    for SpokenMonth { found, .. } in spoken {
        match months.entry(found.period) {
            Entry::Vacant(place) => drop(place.insert(*found)),
            Entry::Occupied(mut place) => {
                place.get_mut().add(found).map_err(|OutOfRange| too_large(found.period))?;
            }
        }
    }
    Ok(months.into_values().collect())
}

/// Gives discrepancies a new version: what somebody read about them is no longer what is there.
pub async fn touch(
    tx: &Tx,
    organization_id: OrganizationId,
    ids: &[DiscrepancyId],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    use discrepancy::Column;
    for chunk in ids.chunks(BATCH) {
        discrepancy::Entity::update_many()
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

/// Those whose state a new report may change: found by it in one of these months, and settled, hidden, or to be hidden.
pub async fn touched(
    tx: &Tx,
    organization_id: OrganizationId,
    report_id: ReportId,
    months: &[Period],
) -> Result<Vec<DiscrepancyId>, StorageError> {
    use discrepancy::Column;
    let in_report = || {
        discrepancy_occurrence::Entity::find()
            .select_only()
            .column(discrepancy_occurrence::Column::DiscrepancyId)
            .filter(discrepancy_occurrence::Column::OrganizationId.eq(organization_id.0))
            .filter(discrepancy_occurrence::Column::ReportId.eq(report_id.0))
            .filter(discrepancy_occurrence::Column::Period.is_in(months.iter().map(ToString::to_string)))
    };
    let hidden = in_report().filter(discrepancy_occurrence::Column::SuppressionRuleId.is_not_null());
    let settled = [DiscrepancyStatus::Resolved, DiscrepancyStatus::WrittenOff, DiscrepancyStatus::Suppressed];
    let may_change =
        Column::Status.is_in(settled.map(DiscrepancyStatus::word)).or(Column::Id.in_subquery(hidden.into_query()));
    let ids: Vec<Uuid> = discrepancy::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.in_subquery(in_report().into_query()))
        .filter(may_change)
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(&**tx)
        .await?;
    Ok(ids.into_iter().map(DiscrepancyId).collect())
}

/// Those that a rule hides.
pub async fn hidden_by(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    rule_id: SuppressionRuleId,
) -> Result<Vec<DiscrepancyId>, StorageError> {
    use discrepancy::Column;
    let ids: Vec<Uuid> = discrepancy::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::SuppressionRuleId.eq(rule_id.0))
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(DiscrepancyId).collect())
}

/// The occurrences of the discrepancy at hand in reports that speak for their month.
pub(super) fn spoken_for() -> sea_orm::sea_query::SelectStatement {
    use discrepancy_occurrence::Column as Found;
    let (found, month) = (Alias::new("spoken"), Alias::new("spoken_month"));
    Query::select()
        .expr(Expr::value(1))
        .from_as(discrepancy_occurrence::Entity, found.clone())
        .join_as(
            sea_orm::JoinType::InnerJoin,
            billing_period::Entity,
            month.clone(),
            Expr::col((month.clone(), billing_period::Column::OrganizationId))
                .equals((found.clone(), Found::OrganizationId))
                .and(
                    Expr::col((month.clone(), billing_period::Column::ReportId))
                        .equals((found.clone(), Found::ReportId)),
                )
                .and(Expr::col((month, billing_period::Column::Period)).equals((found.clone(), Found::Period))),
        )
        .and_where(
            Expr::col((found.clone(), Found::OrganizationId))
                .equals((discrepancy::Entity, discrepancy::Column::OrganizationId)),
        )
        .and_where(Expr::col((found, Found::DiscrepancyId)).equals((discrepancy::Entity, discrepancy::Column::Id)))
        .to_owned()
}
