//! Discrepancies, which live from month to month, and their occurrences, which belong to a month of a report.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use entity::value::{ExactDecimal, Micros};
use entity::{discrepancy, discrepancy_occurrence, report};

use rust_decimal::Decimal;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait as _, RelationTrait as _, Select, Statement,
};
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::reconciliation::period;
use super::report::{Sources, amount, micros};
use super::state;
use super::sum::{self, MicrosSum};
use super::text::{self, Word};
use super::{StorageError, Tx};
use crate::domain::decision::DiscrepancyState;
use crate::domain::discrepancy::{DiscrepancyStatus, DiscrepancyType, Severity};
use crate::domain::id::{DiscrepancyId, IntegrationId, OrganizationId, ReportId, SuppressionRuleId};
use crate::domain::money::Currency;
use crate::domain::period::Period;

/// A difference that somebody has to understand, over all its months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDiscrepancy {
    /// Id, derived from what makes it the same from month to month.
    pub id: DiscrepancyId,
    /// Integration that found it first. Two that join the same accounts find the same discrepancies.
    pub integration_id: IntegrationId,
    /// What is wrong.
    pub kind: DiscrepancyType,
    /// PSA customer; `None` when there is none.
    pub customer_external_id: Option<String>,
    /// Company at Pax8.
    pub company_external_id: Option<String>,
    /// PSA item; `None` when there is none.
    pub psa_product_external_id: Option<String>,
    /// Product at Pax8.
    pub pax8_product_external_id: Option<String>,
    /// Currency.
    pub currency: Currency,
    /// Subscription at Pax8.
    pub subscription_external_id: Option<String>,
    /// First line of the chain of agreement lines at the PSA.
    pub agreement_line_external_id: Option<String>,
    /// What became of it.
    pub state: DiscrepancyState,
    /// Name of who looks after it.
    pub assignee: Option<String>,
    /// Day by which it is to be settled.
    pub due_on: Option<NaiveDate>,
    /// First month in which it was found.
    pub first_period: Period,
    /// Last month in which it was found.
    pub last_period: Period,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was found first.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A discrepancy in one month, as one report found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Report.
    pub report_id: ReportId,
    /// Place in the report.
    pub position: i32,
    /// Discrepancy.
    pub discrepancy_id: DiscrepancyId,
    /// Place of the report's line that it explains; `None` when it belongs to none.
    pub report_line_position: Option<i32>,
    /// Month.
    pub period: Period,
    /// How much it weighs, with what Pax8 charged too much. It tells about cost.
    pub severity: Severity,
    /// How much it weighs by the effect alone.
    pub effect_severity: Severity,
    /// Units that should be there.
    pub expected_quantity: Option<Decimal>,
    /// Units that are there.
    pub actual_quantity: Option<Decimal>,
    /// Amount that should have been billed.
    pub expected: Decimal,
    /// Amount that was billed.
    pub actual: Decimal,
    /// Billed minus expected.
    pub effect: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
    /// What happened and what to do, without any cost.
    pub sentence: String,
    /// The same with cost.
    pub cost_sentence: Option<String>,
    /// Why it arose, where the history shows it, without any cost.
    pub root_cause: Option<String>,
    /// Number that the two halves of a pair share.
    pub pair: Option<i32>,
    /// Whether a mapping that nobody confirmed stands behind it.
    pub is_on_suggested_mapping: bool,
    /// Source lines.
    pub sources: Sources,
    /// Rule that hid it when the report was made.
    pub suppressed_by: Option<SuppressionRuleId>,
}

const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

fn severity_rank(severity: Severity) -> i32 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

fn severity(rank: i32) -> Result<Severity, StorageError> {
    let found = SEVERITIES.into_iter().find(|severity| severity_rank(*severity) == rank);
    found.ok_or_else(|| StorageError::Corrupt(format!("`{rank}` is not a severity")))
}

fn kind(word: &str) -> Result<DiscrepancyType, StorageError> {
    DiscrepancyType::parse(word).ok_or_else(|| StorageError::Corrupt(format!("`{word}` is not a type of discrepancy")))
}

/// Adds the discrepancies that are not known yet; at most [`super::report::BATCH`] at once. Those that are keep what people decided,
/// and learn of their new months when the report is complete.
pub async fn insert_new(
    tx: &Tx,
    organization_id: OrganizationId,
    discrepancies: &[StoredDiscrepancy],
) -> Result<(), StorageError> {
    if discrepancies.is_empty() {
        return Ok(());
    }
    let rows = discrepancies.iter().map(|found| discrepancy::ActiveModel {
        id: Set(found.id.0),
        organization_id: Set(organization_id.0),
        integration_id: Set(found.integration_id.0),
        kind: Set(found.kind.as_str().to_owned()),
        customer_external_id: Set(found.customer_external_id.clone()),
        company_external_id: Set(found.company_external_id.clone()),
        psa_product_external_id: Set(found.psa_product_external_id.clone()),
        pax8_product_external_id: Set(found.pax8_product_external_id.clone()),
        currency: Set(found.currency.to_string()),
        subscription_external_id: Set(found.subscription_external_id.clone()),
        agreement_line_external_id: Set(found.agreement_line_external_id.clone()),
        status: Set(found.state.status().word().to_owned()),
        first_period: Set(found.first_period.to_string()),
        last_period: Set(found.last_period.to_string()),
        version: Set(found.version),
        created_at: Set(found.created_at),
        updated_at: Set(found.updated_at),
        ..Default::default()
    });
    discrepancy::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([discrepancy::Column::OrganizationId, discrepancy::Column::Id]).do_nothing().to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

/// Adds occurrences of discrepancies that are there; at most [`super::report::BATCH`] at once.
pub async fn insert_occurrences(
    tx: &Tx,
    organization_id: OrganizationId,
    occurrences: &[Occurrence],
) -> Result<(), StorageError> {
    let row = |found: &Occurrence| -> Result<discrepancy_occurrence::ActiveModel, StorageError> {
        let (effect, cost_effect) = (micros(found.effect)?, micros(found.cost_effect)?);
        let effect_size = effect.0.saturating_abs();
        Ok(discrepancy_occurrence::ActiveModel {
            organization_id: Set(organization_id.0),
            report_id: Set(found.report_id.0),
            position: Set(found.position),
            discrepancy_id: Set(found.discrepancy_id.0),
            report_line_position: Set(found.report_line_position),
            period: Set(found.period.to_string()),
            severity: Set(severity_rank(found.severity)),
            effect_severity: Set(severity_rank(found.effect_severity)),
            expected_quantity: Set(found.expected_quantity.map(ExactDecimal)),
            actual_quantity: Set(found.actual_quantity.map(ExactDecimal)),
            expected: Set(micros(found.expected)?),
            actual: Set(micros(found.actual)?),
            effect: Set(effect),
            effect_size: Set(Micros(effect_size)),
            cost_effect: Set(cost_effect),
            magnitude: Set(Micros(effect_size.saturating_add(cost_effect.0.saturating_abs()))),
            sentence: Set(found.sentence.clone()),
            cost_sentence: Set(found.cost_sentence.clone()),
            root_cause: Set(found.root_cause.clone()),
            pair: Set(found.pair),
            is_on_suggested_mapping: Set(found.is_on_suggested_mapping),
            sources: Set(found.sources.write()),
            suppression_rule_id: Set(found.suppressed_by.map(|rule| rule.0)),
        })
    };
    if occurrences.is_empty() {
        return Ok(());
    }
    let rows = occurrences.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    discrepancy_occurrence::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Widens the months of the discrepancies that a report found in months that it speaks for.
pub async fn widen(
    tx: &Tx,
    organization_id: OrganizationId,
    report_id: ReportId,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    for (column, edge, sooner) in [("last_period", "MAX", "<"), ("first_period", "MIN", ">")] {
        // Months are compared as texts; `2026-09` sorts as it should.
        let found = format!(
            "(SELECT {edge}(o.period) FROM discrepancy_occurrence o JOIN billing_period m ON m.organization_id = \
             o.organization_id AND m.report_id = o.report_id AND m.period = o.period WHERE o.organization_id = \
             discrepancy.organization_id AND o.discrepancy_id = discrepancy.id AND o.report_id = $2)"
        );
        let sql = format!(
            "UPDATE discrepancy SET {column} = {found}, updated_at = $3 WHERE organization_id = $1 AND id IN \
             (SELECT discrepancy_id FROM discrepancy_occurrence WHERE organization_id = $1 AND report_id = $2) \
             AND {column} {sooner} {found}"
        );
        let values = [organization_id.0.into(), report_id.0.into(), now.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        tx.execute_raw(statement).await?;
    }
    Ok(())
}

pub(super) fn domain(model: discrepancy::Model) -> Result<StoredDiscrepancy, StorageError> {
    Ok(StoredDiscrepancy {
        id: DiscrepancyId(model.id),
        integration_id: IntegrationId(model.integration_id),
        kind: kind(&model.kind)?,
        state: state::read(&model)?,
        customer_external_id: model.customer_external_id,
        company_external_id: model.company_external_id,
        psa_product_external_id: model.psa_product_external_id,
        pax8_product_external_id: model.pax8_product_external_id,
        currency: text::required_currency(&model.currency)?,
        subscription_external_id: model.subscription_external_id,
        agreement_line_external_id: model.agreement_line_external_id,
        assignee: model.assignee,
        due_on: model.due_on,
        first_period: period(&model.first_period)?,
        last_period: period(&model.last_period)?,
        version: model.version,
        created_at: model.created_at,
        updated_at: model.updated_at,
    })
}

fn occurrence(model: discrepancy_occurrence::Model) -> Result<Occurrence, StorageError> {
    Ok(Occurrence {
        report_id: ReportId(model.report_id),
        position: model.position,
        discrepancy_id: DiscrepancyId(model.discrepancy_id),
        report_line_position: model.report_line_position,
        period: period(&model.period)?,
        severity: severity(model.severity)?,
        effect_severity: severity(model.effect_severity)?,
        expected_quantity: model.expected_quantity.map(|quantity| quantity.0),
        actual_quantity: model.actual_quantity.map(|quantity| quantity.0),
        expected: amount(model.expected),
        actual: amount(model.actual),
        effect: amount(model.effect),
        cost_effect: amount(model.cost_effect),
        sentence: model.sentence,
        cost_sentence: model.cost_sentence,
        root_cause: model.root_cause,
        pair: model.pair,
        is_on_suggested_mapping: model.is_on_suggested_mapping,
        sources: Sources::read(&model.sources)?,
        suppressed_by: model.suppression_rule_id.map(SuppressionRuleId),
    })
}

/// Conditions on discrepancies; every one that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct DiscrepancyFilter {
    /// Any of these types.
    pub kinds: Option<Vec<DiscrepancyType>>,
    /// Any of these states.
    pub statuses: Option<Vec<DiscrepancyStatus>>,
    /// Any of these PSA customers, by their ids there.
    pub customers: Option<Vec<String>>,
    /// Any of these companies, by their ids at Pax8.
    pub companies: Option<Vec<String>>,
    /// Any of these PSA items, by their ids there.
    pub psa_products: Option<Vec<String>>,
    /// Currency.
    pub currency: Option<Currency>,
}

impl DiscrepancyFilter {
    fn is_empty(&self) -> bool {
        let Self { kinds, statuses, customers, companies, psa_products, currency } = self;
        kinds.is_none()
            && statuses.is_none()
            && customers.is_none()
            && companies.is_none()
            && psa_products.is_none()
            && currency.is_none()
    }

    fn apply(&self, mut query: Select<discrepancy::Entity>) -> Select<discrepancy::Entity> {
        if let Some(kinds) = &self.kinds {
            query = query.filter(discrepancy::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())));
        }
        if let Some(statuses) = &self.statuses {
            query = query.filter(discrepancy::Column::Status.is_in(statuses.iter().map(|status| status.word())));
        }
        if let Some(customers) = &self.customers {
            query = query.filter(discrepancy::Column::CustomerExternalId.is_in(customers));
        }
        if let Some(companies) = &self.companies {
            query = query.filter(discrepancy::Column::CompanyExternalId.is_in(companies));
        }
        if let Some(items) = &self.psa_products {
            query = query.filter(discrepancy::Column::PsaProductExternalId.is_in(items));
        }
        if let Some(currency) = self.currency {
            query = query.filter(discrepancy::Column::Currency.eq(currency.as_str()));
        }
        query
    }
}

/// Conditions on the discrepancies of a report; every one that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct OccurrenceFilter {
    /// Month.
    pub period: Option<Period>,
    /// Any of these severities. They tell about cost.
    pub severities: Option<Vec<Severity>>,
    /// Any of these severities by the effect alone.
    pub effect_severities: Option<Vec<Severity>>,
    /// Conditions on the discrepancy itself.
    pub discrepancy: DiscrepancyFilter,
}

/// What the discrepancies of a report are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OccurrenceOrder {
    /// Size of the effect and of the cost effect together. It tells about cost.
    Magnitude,
    /// Size of the effect, whatever its sign.
    EffectSize,
    /// Effect with its sign.
    Effect,
    /// Severity. It tells about cost.
    Severity,
    /// Severity by the effect alone.
    EffectSeverity,
    /// Place in the report: customer, item, currency, month and type.
    Key,
}

fn occurrences(
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: &OccurrenceFilter,
) -> Select<discrepancy_occurrence::Entity> {
    use discrepancy_occurrence::Column;
    let mut query = discrepancy_occurrence::Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::ReportId.eq(report_id.0));
    if let Some(period) = filter.period {
        query = query.filter(Column::Period.eq(period.to_string()));
    }
    for (column, severities) in
        [(Column::Severity, &filter.severities), (Column::EffectSeverity, &filter.effect_severities)]
    {
        if let Some(severities) = severities {
            query = query.filter(column.is_in(severities.iter().map(|severity| severity_rank(*severity))));
        }
    }
    if !filter.discrepancy.is_empty() {
        let of_tenant = discrepancy::Entity::find()
            .select_only()
            .column(discrepancy::Column::Id)
            .filter(discrepancy::Column::OrganizationId.eq(organization_id.0));
        let matching = filter.discrepancy.apply(of_tenant).into_query();
        query = query.filter(Column::DiscrepancyId.in_subquery(matching));
    }
    query
}

/// A page of the discrepancies of a report.
pub async fn occurrence_page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: &OccurrenceFilter,
    (order, is_descending): (OccurrenceOrder, bool),
    window: &Window,
) -> Result<Slice<Occurrence>, StorageError> {
    use discrepancy_occurrence::{Column, Model};
    type Value = fn(&Model) -> i64;
    let (column, value): (Column, Value) = match order {
        OccurrenceOrder::Magnitude => (Column::Magnitude, |model| model.magnitude.0),
        OccurrenceOrder::EffectSize => (Column::EffectSize, |model| model.effect_size.0),
        OccurrenceOrder::Effect => (Column::Effect, |model| model.effect.0),
        OccurrenceOrder::Severity => (Column::Severity, |model| i64::from(model.severity)),
        OccurrenceOrder::EffectSeverity => (Column::EffectSeverity, |model| i64::from(model.effect_severity)),
        OccurrenceOrder::Key => (Column::Position, |model| i64::from(model.position)),
    };
    let keys =
        [SortKey { expression: Expr::col(column), is_descending }, SortKey::ascending(Expr::col(Column::Position))];
    let position =
        |model: &Model| Position(vec![SortValue::Integer(value(model)), SortValue::Integer(i64::from(model.position))]);
    let query = occurrences(organization_id, report_id, filter);
    page::read(db, query, &keys, window, position).await?.try_map(occurrence)
}

/// The discrepancies of these lines of a report, in their order in the report.
pub async fn of_lines(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    positions: &[i32],
) -> Result<Vec<Occurrence>, StorageError> {
    use discrepancy_occurrence::Column;
    let query = occurrences(organization_id, report_id, &OccurrenceFilter::default())
        .filter(Column::ReportLinePosition.is_in(positions.iter().copied()))
        .order_by_asc(Column::Position);
    query.all(db).await?.into_iter().map(occurrence).collect()
}

/// How many discrepancies of a report a filter keeps.
pub async fn occurrence_count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: &OccurrenceFilter,
) -> Result<u64, StorageError> {
    Ok(occurrences(organization_id, report_id, filter).count(db).await?)
}

/// Exact sums over the discrepancies of one type and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectSum {
    /// Type.
    pub kind: DiscrepancyType,
    /// Currency.
    pub currency: Currency,
    /// How many.
    pub count: u64,
    /// Sum of the effects below zero.
    pub leakage: MicrosSum,
    /// Sum of the effects above zero.
    pub overbilling: MicrosSum,
    /// Sum of the cost effects.
    pub cost_effect: MicrosSum,
}

/// The discrepancies of a report that a filter keeps, added up in the database per type and currency.
pub async fn effect_sums(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: &OccurrenceFilter,
) -> Result<Vec<EffectSum>, StorageError> {
    use discrepancy_occurrence::Column;
    #[derive(FromQueryResult)]
    struct Row {
        kind: String,
        currency: String,
        count: i64,
        leakage_high: Option<i64>,
        leakage_low: Option<i64>,
        overbilling_high: Option<i64>,
        overbilling_low: Option<i64>,
        cost_effect_high: Option<i64>,
        cost_effect_low: Option<i64>,
    }
    let effect = || Expr::col((discrepancy_occurrence::Entity, Column::Effect));
    let below: Expr = CaseStatement::new().case(effect().lt(0_i64), effect()).finally(0_i64).into();
    let above: Expr = CaseStatement::new().case(effect().gt(0_i64), effect()).finally(0_i64).into();
    let mut query = occurrences(organization_id, report_id, filter)
        .join(JoinType::InnerJoin, discrepancy_occurrence::Relation::Discrepancy.def())
        .select_only()
        .column_as(discrepancy::Column::Kind, "kind")
        .column_as(discrepancy::Column::Currency, "currency")
        .column_as(Expr::col((discrepancy_occurrence::Entity, Column::Position)).count(), "count");
    query = sum::select(query, below, "leakage_high", "leakage_low");
    query = sum::select(query, above, "overbilling_high", "overbilling_low");
    let cost_effect = Expr::col((discrepancy_occurrence::Entity, Column::CostEffect));
    query = sum::select(query, cost_effect, "cost_effect_high", "cost_effect_low");
    let rows: Vec<Row> = query
        .group_by(discrepancy::Column::Kind)
        .group_by(discrepancy::Column::Currency)
        .order_by_asc(discrepancy::Column::Kind)
        .order_by_asc(discrepancy::Column::Currency)
        .into_model()
        .all(db)
        .await?;
    let sum = |row: Row| {
        Ok(EffectSum {
            kind: kind(&row.kind)?,
            currency: text::required_currency(&row.currency)?,
            count: u64::try_from(row.count).unwrap_or(0),
            leakage: MicrosSum::of(row.leakage_high, row.leakage_low),
            overbilling: MicrosSum::of(row.overbilling_high, row.overbilling_low),
            cost_effect: MicrosSum::of(row.cost_effect_high, row.cost_effect_low),
        })
    };
    rows.into_iter().map(sum).collect()
}

/// A discrepancy of the tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: DiscrepancyId,
) -> Result<Option<StoredDiscrepancy>, StorageError> {
    Ok(by_ids(db, organization_id, &[id]).await?.pop())
}

/// The discrepancies with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[DiscrepancyId],
) -> Result<Vec<StoredDiscrepancy>, StorageError> {
    let query = discrepancy::Entity::find()
        .filter(discrepancy::Column::OrganizationId.eq(organization_id.0))
        .filter(discrepancy::Column::Id.is_in(ids.iter().map(|id| id.0)));
    query.all(db).await?.into_iter().map(domain).collect()
}

/// Discrepancies that a complete report of the integration found.
fn of_integration(
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    filter: &DiscrepancyFilter,
) -> Select<discrepancy::Entity> {
    let found = discrepancy_occurrence::Entity::find()
        .select_only()
        .column(discrepancy_occurrence::Column::DiscrepancyId)
        .join(JoinType::InnerJoin, discrepancy_occurrence::Relation::Report.def())
        .filter(discrepancy_occurrence::Column::OrganizationId.eq(organization_id.0))
        .filter(report::Column::IntegrationId.eq(integration_id.0))
        .filter(report::Column::IsComplete.eq(true))
        .into_query();
    // What only reports found that do not speak for its months was never told to anybody.
    let was_told = discrepancy::Column::Status.ne(DiscrepancyStatus::Open.word()).or(Expr::exists(state::spoken_for()));
    let query = discrepancy::Entity::find()
        .filter(discrepancy::Column::OrganizationId.eq(organization_id.0))
        .filter(discrepancy::Column::Id.in_subquery(found))
        .filter(was_told);
    filter.apply(query)
}

/// A page of an integration's discrepancies over all reports, those of the latest month first.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    filter: &DiscrepancyFilter,
    window: &Window,
) -> Result<Slice<StoredDiscrepancy>, StorageError> {
    let keys = [
        SortKey::descending(Expr::col(discrepancy::Column::LastPeriod)),
        SortKey::ascending(Expr::col(discrepancy::Column::Id)),
    ];
    let position = |model: &discrepancy::Model| {
        Position(vec![SortValue::Text(model.last_period.clone()), SortValue::Id(model.id)])
    };
    let query = of_integration(organization_id, integration_id, filter);
    page::read(db, query, &keys, window, position).await?.try_map(domain)
}

/// The ids of the discrepancies of an integration that a filter keeps, in order.
pub async fn ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    filter: &DiscrepancyFilter,
) -> Result<Vec<DiscrepancyId>, StorageError> {
    let ids: Vec<Uuid> = of_integration(organization_id, integration_id, filter)
        .select_only()
        .column(discrepancy::Column::Id)
        .order_by_asc(discrepancy::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(DiscrepancyId).collect())
}

/// How many discrepancies of an integration a filter keeps.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    filter: &DiscrepancyFilter,
) -> Result<u64, StorageError> {
    Ok(of_integration(organization_id, integration_id, filter).count(db).await?)
}

/// Occurrences of these discrepancies: each month as the report that speaks for it found them, the latest month first. A
/// month in which that report no longer finds a discrepancy has none.
pub async fn latest_occurrences(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    ids: &[DiscrepancyId],
) -> Result<Vec<Occurrence>, StorageError> {
    let latest: BTreeMap<Period, ReportId> =
        super::period::speaking(db, organization_id, integration_id).await?.into_iter().collect();
    let models = discrepancy_occurrence::Entity::find()
        .filter(discrepancy_occurrence::Column::OrganizationId.eq(organization_id.0))
        .filter(discrepancy_occurrence::Column::DiscrepancyId.is_in(ids.iter().map(|id| id.0)))
        .filter(discrepancy_occurrence::Column::ReportId.is_in(latest.values().map(|report| report.0)))
        .order_by_desc(discrepancy_occurrence::Column::Period)
        .order_by_asc(discrepancy_occurrence::Column::Position)
        .all(db)
        .await?;
    let mut found = Vec::with_capacity(models.len());
    for model in models {
        let occurrence = occurrence(model)?;
        if latest.get(&occurrence.period) == Some(&occurrence.report_id) {
            found.push(occurrence);
        }
    }
    Ok(found)
}
