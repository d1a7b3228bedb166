//! Reports: written once, in many transactions, and seen by nobody before the last of them.
//!
//! A report's row holds what is shown of the whole; its lines and discrepancies are rows of their own, and the report
//! in full is kept beside them, compressed, as it was made.

use chrono::{DateTime, NaiveDate, Utc};
use entity::report::{ActiveModel, Column, Entity};
use entity::value::{ExactDecimal, Micros};
use entity::{discrepancy, discrepancy_occurrence, report_line};
use rust_decimal::Decimal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QuerySelect, QueryTrait as _, Select,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::reconciliation::period;
use super::text::{self, Word};
use super::{StorageError, Tx, total};
use crate::domain::id::{IntegrationId, OrganizationId, ReconciliationRunId, ReportId};
use crate::domain::money::{self, Currency, RoundingMode};
use crate::domain::period::Period;
use crate::engine::billing::{Class, Reason, Verdict};

/// Rows of one statement: few enough for SQLite's 32,766 parameters.
pub const BATCH: usize = 500;

/// What is kept of a report as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// Id.
    pub id: ReportId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// Run that made it first.
    pub run_id: ReconciliationRunId,
    /// First month.
    pub period_from: Period,
    /// Last month.
    pub period_to: Period,
    /// The day that counted as today.
    pub as_of: NaiveDate,
    /// What it was made from, as one number in hexadecimal.
    pub fingerprint: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Verdict on the whole.
    pub verdict: Verdict,
    /// Whether a month of it rests on drafts.
    pub is_provisional: bool,
    /// Totals, footing, coverage and the rest of what is shown of the whole, as the service writes and reads it.
    pub summary: String,
    /// When the records were read: each source line is the version that held at that moment.
    pub read_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Version of the integration's policy; 0 is the default policy.
    pub policy_version: i64,
}

/// A report's row without the report in full, which is large.
#[derive(FromQueryResult)]
struct Head {
    id: Uuid,
    organization_id: Uuid,
    integration_id: Uuid,
    run_id: Uuid,
    period_from: String,
    period_to: String,
    as_of: NaiveDate,
    fingerprint: String,
    engine_version: String,
    verdict: String,
    is_provisional: bool,
    summary: String,
    read_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    policy_version: Option<i64>,
}

impl TryFrom<Head> for StoredReport {
    type Error = StorageError;

    fn try_from(head: Head) -> Result<Self, StorageError> {
        Ok(Self {
            id: ReportId(head.id),
            organization_id: OrganizationId(head.organization_id),
            integration_id: IntegrationId(head.integration_id),
            run_id: ReconciliationRunId(head.run_id),
            period_from: period(&head.period_from)?,
            period_to: period(&head.period_to)?,
            as_of: head.as_of,
            fingerprint: head.fingerprint,
            engine_version: head.engine_version,
            verdict: Verdict::read(&head.verdict)?,
            is_provisional: head.is_provisional,
            summary: head.summary,
            read_at: head.read_at,
            created_at: head.created_at,
            policy_version: head.policy_version.unwrap_or(0),
        })
    }
}

/// External ids of the source lines behind a figure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sources {
    /// Lines of the vendor's invoices.
    pub vendor: Vec<String>,
    /// Lines of the PSA's invoices.
    pub psa: Vec<String>,
}

impl Sources {
    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).expect("lists of texts are always JSON")
    }

    pub(super) fn read(text: &str) -> Result<Self, StorageError> {
        serde_json::from_str(text).map_err(|error| StorageError::Corrupt(format!("the sources of a figure: {error}")))
    }
}

/// One key of a report: customer, item, period and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// Place in the report.
    pub position: i32,
    /// Month.
    pub period: Period,
    /// Currency.
    pub currency: Currency,
    /// PSA customer; `None` when there is none.
    pub customer_external_id: Option<String>,
    /// Companies at Pax8.
    pub company_external_ids: Vec<String>,
    /// PSA item; `None` when there is none.
    pub psa_product_external_id: Option<String>,
    /// Products at Pax8.
    pub pax8_product_external_ids: Vec<String>,
    /// Verdict.
    pub class: Class,
    /// Why it was not compared or was left out.
    pub reason: Option<Reason>,
    /// What Pax8 charged; like every amount here to six decimal places, with all digits in the report in full.
    pub cost: Option<Decimal>,
    /// What should have been billed.
    pub expected: Option<Decimal>,
    /// What was billed.
    pub billed: Option<Decimal>,
    /// Billed minus expected.
    pub difference: Option<Decimal>,
    /// Billed minus cost.
    pub margin: Option<Decimal>,
    /// Seats of the subscriptions.
    pub subscribed_quantity: Option<Decimal>,
    /// Units on the vendor's invoice.
    pub charged_quantity: Option<Decimal>,
    /// Units on the PSA's invoice.
    pub billed_quantity: Option<Decimal>,
    /// Whether a mapping that nobody confirmed stands behind it.
    pub is_on_suggested_mapping: bool,
    /// Whether its month and currency rest on drafts.
    pub is_provisional: bool,
    /// Source lines.
    pub sources: Sources,
}

/// An amount in millionths. A source may have more decimal places (metered cost does); those are rounded here, half
/// away from zero, and kept in the report in full.
pub(super) fn micros(amount: Decimal) -> Result<Micros, StorageError> {
    money::rounded(amount, money::Micros::SCALE, RoundingMode::HalfAwayFromZero)
        .and_then(money::Micros::from_decimal)
        .map(|micros| Micros(micros.0))
        .map_err(|_| StorageError::TooLarge(amount.to_string()))
}

/// The amount of a column in millionths.
pub(super) fn amount(micros: Micros) -> Decimal {
    money::Micros(micros.0).to_decimal()
}

fn list(values: &[String]) -> String {
    serde_json::to_string(values).expect("a list of texts is always JSON")
}

fn read_list(text: &str) -> Result<Vec<String>, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::Corrupt(format!("the ids of a report line: {error}")))
}

/// Adds a report that nobody sees yet. `document` is the report in full, compressed.
pub async fn insert(tx: &Tx, report: &StoredReport, document: Vec<u8>) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(report.id.0),
        organization_id: Set(report.organization_id.0),
        integration_id: Set(report.integration_id.0),
        run_id: Set(report.run_id.0),
        is_complete: Set(false),
        period_from: Set(report.period_from.to_string()),
        period_to: Set(report.period_to.to_string()),
        as_of: Set(report.as_of),
        fingerprint: Set(report.fingerprint.clone()),
        engine_version: Set(report.engine_version.clone()),
        verdict: Set(report.verdict.word().to_owned()),
        is_provisional: Set(report.is_provisional),
        summary: Set(report.summary.clone()),
        document: Set(document),
        read_at: Set(report.read_at),
        created_at: Set(report.created_at),
        policy_version: Set(Some(report.policy_version)),
    };
    Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Adds lines of a report that is not complete; at most [`BATCH`] at once.
pub async fn insert_lines(
    tx: &Tx,
    organization_id: OrganizationId,
    report_id: ReportId,
    lines: &[ReportLine],
) -> Result<(), StorageError> {
    let row = |line: &ReportLine| -> Result<report_line::ActiveModel, StorageError> {
        let of = |amount: Option<Decimal>| amount.map(micros).transpose();
        let difference = of(line.difference)?;
        Ok(report_line::ActiveModel {
            organization_id: Set(organization_id.0),
            report_id: Set(report_id.0),
            position: Set(line.position),
            period: Set(line.period.to_string()),
            currency: Set(line.currency.to_string()),
            customer_external_id: Set(line.customer_external_id.clone()),
            company_external_ids: Set(list(&line.company_external_ids)),
            psa_product_external_id: Set(line.psa_product_external_id.clone()),
            pax8_product_external_ids: Set(list(&line.pax8_product_external_ids)),
            class: Set(line.class.word().to_owned()),
            class_reason: Set(line.reason.map(|reason| reason.word().to_owned())),
            cost: Set(of(line.cost)?),
            expected: Set(of(line.expected)?),
            billed: Set(of(line.billed)?),
            difference: Set(difference),
            magnitude: Set(Micros(difference.map_or(0, |difference| difference.0.saturating_abs()))),
            margin: Set(of(line.margin)?),
            subscribed_quantity: Set(line.subscribed_quantity.map(ExactDecimal)),
            charged_quantity: Set(line.charged_quantity.map(ExactDecimal)),
            billed_quantity: Set(line.billed_quantity.map(ExactDecimal)),
            is_on_suggested_mapping: Set(line.is_on_suggested_mapping),
            is_provisional: Set(line.is_provisional),
            sources: Set(line.sources.write()),
        })
    };
    if lines.is_empty() {
        return Ok(());
    }
    let rows = lines.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    report_line::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Lets everybody see a report whose rows are all there. One that is equal to another is a conflict.
pub async fn complete(tx: &Tx, organization_id: OrganizationId, id: ReportId) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::IsComplete, Expr::value(true))
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::Id.eq(id.0))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Takes away what a run that was interrupted had written of its report.
pub async fn discard(
    tx: &Tx,
    organization_id: OrganizationId,
    run_id: ReconciliationRunId,
) -> Result<(), StorageError> {
    let begun: Vec<(Uuid, Uuid)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::IntegrationId])
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::RunId.eq(run_id.0))
        .filter(Column::IsComplete.eq(false))
        .into_tuple()
        .all(&**tx)
        .await?;
    for (id, integration_id) in begun {
        discrepancy_occurrence::Entity::delete_many()
            .filter(discrepancy_occurrence::Column::OrganizationId.eq(organization_id.0))
            .filter(discrepancy_occurrence::Column::ReportId.eq(id))
            .exec(&**tx)
            .await?;
        // What no other report found was never found: nobody has seen it, so nobody has decided about it either.
        let others = discrepancy_occurrence::Entity::find()
            .select_only()
            .column(discrepancy_occurrence::Column::DiscrepancyId)
            .filter(discrepancy_occurrence::Column::OrganizationId.eq(organization_id.0))
            .into_query();
        discrepancy::Entity::delete_many()
            .filter(discrepancy::Column::OrganizationId.eq(organization_id.0))
            .filter(discrepancy::Column::IntegrationId.eq(integration_id))
            .filter(discrepancy::Column::Id.not_in_subquery(others))
            .exec(&**tx)
            .await?;
        total::discard(tx, organization_id, ReportId(id)).await?;
        report_line::Entity::delete_many()
            .filter(report_line::Column::OrganizationId.eq(organization_id.0))
            .filter(report_line::Column::ReportId.eq(id))
            .exec(&**tx)
            .await?;
        Entity::delete_many()
            .filter(Column::OrganizationId.eq(organization_id.0))
            .filter(Column::Id.eq(id))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

/// Complete reports of the tenant, without the report in full.
fn heads(organization_id: OrganizationId) -> Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(organization_id.0)).filter(Column::IsComplete.eq(true))
}

fn without_document(query: Select<Entity>) -> Select<Entity> {
    query.select_only().columns([
        Column::Id,
        Column::OrganizationId,
        Column::IntegrationId,
        Column::RunId,
        Column::PeriodFrom,
        Column::PeriodTo,
        Column::AsOf,
        Column::Fingerprint,
        Column::EngineVersion,
        Column::Verdict,
        Column::IsProvisional,
        Column::Summary,
        Column::ReadAt,
        Column::CreatedAt,
        Column::PolicyVersion,
    ])
}

/// The report of an integration that was made from the same.
pub async fn equal(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    fingerprint: &str,
) -> Result<Option<StoredReport>, StorageError> {
    let query = heads(organization_id)
        .filter(Column::IntegrationId.eq(integration_id.0))
        .filter(Column::Fingerprint.eq(fingerprint));
    without_document(query).into_model::<Head>().one(db).await?.map(StoredReport::try_from).transpose()
}

/// A report of the tenant.
pub async fn find(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: ReportId,
) -> Result<Option<StoredReport>, StorageError> {
    let query = heads(organization_id).filter(Column::Id.eq(id.0));
    without_document(query).into_model::<Head>().one(db).await?.map(StoredReport::try_from).transpose()
}

/// The reports with these ids, in no order.
pub async fn by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[ReportId],
) -> Result<Vec<StoredReport>, StorageError> {
    let query = heads(organization_id).filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    without_document(query).into_model::<Head>().all(db).await?.into_iter().map(StoredReport::try_from).collect()
}

/// The report in full, compressed.
pub async fn document(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: ReportId,
) -> Result<Option<Vec<u8>>, StorageError> {
    let query = heads(organization_id).filter(Column::Id.eq(id.0)).select_only().column(Column::Document);
    Ok(query.into_tuple().one(db).await?)
}

/// Conditions on the lines of a report; every one that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    /// Month.
    pub period: Option<Period>,
    /// Any of these verdicts.
    pub classes: Option<Vec<Class>>,
    /// Any of these PSA customers, by their ids there.
    pub customers: Option<Vec<String>>,
    /// Any of these PSA items, by their ids there.
    pub psa_products: Option<Vec<String>>,
    /// Currency.
    pub currency: Option<Currency>,
}

/// What the lines of a report are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOrder {
    /// Customer, item, currency and month, as in the report in full.
    Key,
    /// Size of the difference, whatever its sign.
    Difference,
}

fn lines(organization_id: OrganizationId, report_id: ReportId, filter: &LineFilter) -> Select<report_line::Entity> {
    let mut query = report_line::Entity::find()
        .filter(report_line::Column::OrganizationId.eq(organization_id.0))
        .filter(report_line::Column::ReportId.eq(report_id.0));
    if let Some(period) = filter.period {
        query = query.filter(report_line::Column::Period.eq(period.to_string()));
    }
    if let Some(classes) = &filter.classes {
        query = query.filter(report_line::Column::Class.is_in(classes.iter().map(|class| class.word())));
    }
    if let Some(customers) = &filter.customers {
        query = query.filter(report_line::Column::CustomerExternalId.is_in(customers));
    }
    if let Some(items) = &filter.psa_products {
        query = query.filter(report_line::Column::PsaProductExternalId.is_in(items));
    }
    if let Some(currency) = filter.currency {
        query = query.filter(report_line::Column::Currency.eq(currency.as_str()));
    }
    query
}

/// A page of the lines of a report.
pub async fn line_page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: &LineFilter,
    (order, is_descending): (LineOrder, bool),
    window: &Window,
) -> Result<Slice<ReportLine>, StorageError> {
    let place = SortKey { expression: Expr::col(report_line::Column::Position), is_descending: false };
    let (keys, position): (Vec<SortKey>, fn(&report_line::Model) -> Position) = match order {
        LineOrder::Key => (vec![SortKey { is_descending, ..place }], |model| {
            Position(vec![SortValue::Integer(i64::from(model.position))])
        }),
        LineOrder::Difference => {
            let size = SortKey { expression: Expr::col(report_line::Column::Magnitude), is_descending };
            (vec![size, place], |model| {
                Position(vec![SortValue::Integer(model.magnitude.0), SortValue::Integer(i64::from(model.position))])
            })
        }
    };
    page::read(db, lines(organization_id, report_id, filter), &keys, window, position).await?.try_map(line)
}

/// How many lines of a report a filter keeps.
pub async fn line_count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    filter: &LineFilter,
) -> Result<u64, StorageError> {
    Ok(lines(organization_id, report_id, filter).count(db).await?)
}

/// The lines at these places of a report, in order.
pub async fn lines_at(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    report_id: ReportId,
    positions: &[i32],
) -> Result<Vec<ReportLine>, StorageError> {
    let query = lines(organization_id, report_id, &LineFilter::default())
        .filter(report_line::Column::Position.is_in(positions.iter().copied()));
    query.all(db).await?.into_iter().map(line).collect()
}

fn line(model: report_line::Model) -> Result<ReportLine, StorageError> {
    Ok(ReportLine {
        position: model.position,
        period: period(&model.period)?,
        currency: text::required_currency(&model.currency)?,
        customer_external_id: model.customer_external_id,
        company_external_ids: read_list(&model.company_external_ids)?,
        psa_product_external_id: model.psa_product_external_id,
        pax8_product_external_ids: read_list(&model.pax8_product_external_ids)?,
        class: Class::read(&model.class)?,
        reason: model.class_reason.as_deref().map(Reason::read).transpose()?,
        cost: model.cost.map(amount),
        expected: model.expected.map(amount),
        billed: model.billed.map(amount),
        difference: model.difference.map(amount),
        margin: model.margin.map(amount),
        subscribed_quantity: model.subscribed_quantity.map(|quantity| quantity.0),
        charged_quantity: model.charged_quantity.map(|quantity| quantity.0),
        billed_quantity: model.billed_quantity.map(|quantity| quantity.0),
        is_on_suggested_mapping: model.is_on_suggested_mapping,
        is_provisional: model.is_provisional,
        sources: Sources::read(&model.sources)?,
    })
}
