//! A report: what a reconciliation found.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use rust_decimal::Decimal as Number;

use super::bridge::VarianceBridge;
use super::company::Pax8CompanyObject;
use super::comparison::ReportComparisonObject;
use super::customer::PsaCustomerObject;
use super::discrepancy::{
    DiscrepancyOccurrenceConnection, DiscrepancyOccurrenceObject, DiscrepancyOrderInput, DiscrepancyTotals,
    OccurrenceFilterInput,
};
use super::invoice_line::{Pax8InvoiceLineObject, PsaInvoiceLineObject};
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use super::record_reference::{
    all, pax8_company, pax8_product, psa_customer, psa_customers, psa_product, psa_products, stored,
};
use super::report_download::{ReportDownload, ReportFormat};
use super::report_part::{
    BillingTotals, PolicySwitch, ReportClass, ReportCoverage, ReportLeftOutRecord, ReportProvisionalPart, ReportReason,
    ReportTieOut, ReportVerdict, for_finance, internal,
};
use super::report_total::{ReportDimension, ReportGroupTotals, ReportGroupTotalsConnection};
use super::suppression_rule::HiddenTotals;
use crate::domain::id::{IntegrationId, ReportId};
use crate::domain::money::{Currency, Money as Amount};
use crate::domain::provider::Side;
use crate::domain::run::ReconciliationRun;
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::loader_node::ReconciliationRunKey;
use crate::graphql::page::{self, List, PageArguments, SortDirection, page_types};
use crate::graphql::record_loader::{DiscrepancyKey, LineKey, PsaLineKey, VendorLineKey, load_one};
use crate::graphql::scalar::{CurrencyCode, Date, Decimal, Money, Month};
use crate::report::document::{DEFAULT_POLICY, Summary, Totals};
use crate::service::reconciliation::order_for;
use crate::storage::discrepancy::OccurrenceFilter;
use crate::storage::page::SortValue;
use crate::storage::report::{LineFilter, LineOrder, ReportLine, StoredReport};
use crate::storage::total::TotalFilter;

/// What a reconciliation found. Never changes, apart from decisions on discrepancies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationReportObject {
    stored: StoredReport,
    summary: Summary,
}

impl ReconciliationReportObject {
    /// The object of a stored report.
    pub fn read(ctx: &Context<'_>, stored: StoredReport) -> Result<Self, Failure> {
        let summary = serde_json::from_str(&stored.summary).map_err(|error| internal(ctx, &error))?;
        Ok(Self { stored, summary })
    }
}

/// What a reconciliation found. Never changes, apart from decisions on discrepancies.
#[Object(name = "ReconciliationReport")]
impl ReconciliationReportObject {
    /// Global ID of the report.
    pub async fn id(&self) -> ID {
        encode(NodeKind::ReconciliationReport, self.stored.id.0)
    }

    /// First month that is compared.
    async fn period_from(&self) -> Month {
        Month(self.stored.period_from)
    }

    /// Last month that is compared.
    async fn period_to(&self) -> Month {
        Month(self.stored.period_to)
    }

    /// Day that counted as today.
    async fn as_of(&self) -> Date {
        Date(self.stored.as_of)
    }

    /// Verdict on the whole.
    async fn verdict(&self) -> ReportVerdict {
        self.stored.verdict.into()
    }

    /// What the report was made from, as one number in hexadecimal: equal inputs, mappings, policy, day and engine give
    /// equal fingerprints.
    async fn fingerprint(&self) -> &str {
        &self.stored.fingerprint
    }

    /// Version of the engine that made it.
    async fn engine_version(&self) -> &str {
        &self.stored.engine_version
    }

    /// Name of the policy that it was made by, with its version where it has one.
    async fn policy_name(&self) -> &str {
        match self.summary.policy_name.as_str() {
            "" => DEFAULT_POLICY,
            name => name,
        }
    }

    /// Version of the integration's policy that it was made by; 0 is the default policy.
    async fn policy_version(&self) -> i64 {
        self.stored.policy_version
    }

    /// What rules hid when it was made, by rule and currency. All sums of the report contain it.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn hidden(&self, ctx: &Context<'_>) -> Result<Vec<HiddenTotals>, Failure> {
        self.summary.hidden.iter().map(|row| HiddenTotals::read(ctx, row)).collect()
    }

    /// What the run that made it found otherwise than the run before; null for the first run.
    async fn comparison(&self, ctx: &Context<'_>) -> Option<Result<ReportComparisonObject, Failure>> {
        let key = ReconciliationRunKey(caller(ctx).organization_id, self.stored.run_id.0);
        let run = load_one(ctx, key).await.transpose()?;
        let of =
            |run: ReconciliationRun| Some(ReportComparisonObject { run_id: run.id, previous: run.previous_report_id? });
        run.map(of).transpose()
    }

    /// Difference of each currency taken apart by what caused it; the parts add up to it.
    #[graphql(complexity = "cost::listed_statements(child_complexity)")]
    async fn bridges(&self, ctx: &Context<'_>) -> Option<Result<Vec<VarianceBridge>, Failure>> {
        Some(bridges(ctx, &self.stored, &self.summary).await)
    }

    /// Sums by customer, product, vendor, type or month: by currency, those with the largest effects first, and months in
    /// order.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a page has four arguments of its own")]
    async fn group_totals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the sums are made over.")] by: ReportDimension,
        #[graphql(desc = "Keeps sums in this currency.")] currency_code: Option<CurrencyCode>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<ReportGroupTotalsConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let list = List::new("group totals", &[SortValue::Integer(0)]).of(self.stored.id.0).by(by, false);
            let window = page.window(&list)?;
            let filter = TotalFilter { dimension: by.into(), currency: currency_code.map(|code| code.0) };
            let service = &services(ctx).reconciliation;
            let slice = service.totals(caller(ctx), self.stored.id, filter, &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                true => Some(service.total_count(caller(ctx), self.stored.id, filter).await?),
                false => None,
            };
            Ok(ReportGroupTotalsConnection::new(page::parts(slice, &list, ReportGroupTotals::from), total))
        };
        Some(found.await)
    }

    /// Rules that it was made by, as named switches.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn policy(&self, ctx: &Context<'_>) -> Vec<PolicySwitch> {
        self.summary.policy.iter().map(|switch| PolicySwitch::read(ctx, switch)).collect()
    }

    /// Totals over all lines, one entry per currency. Amounts in different currencies are never added up.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn totals(&self, ctx: &Context<'_>) -> Result<Vec<BillingTotals>, Failure> {
        self.summary.totals.iter().map(|totals| BillingTotals::read(ctx, totals.clone())).collect()
    }

    /// What was compared, what was not, and why, in lines and money.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn coverage(&self, ctx: &Context<'_>) -> Result<Vec<ReportCoverage>, Failure> {
        self.summary.coverage.iter().map(|row| ReportCoverage::coverage(ctx, row.clone())).collect()
    }

    /// Proof that nothing is missing: per currency and side, the classes add up to all source lines.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn footing(&self, ctx: &Context<'_>) -> Result<Vec<ReportCoverage>, Failure> {
        self.summary.footing.iter().map(|row| ReportCoverage::footing(ctx, row.clone())).collect()
    }

    /// Months that rest on drafts, by currency and side: their figures may still change, and such a report is never
    /// clean. Empty when every line is on an invoice.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn provisional(&self, ctx: &Context<'_>) -> Result<Vec<ReportProvisionalPart>, Failure> {
        self.summary.provisional.iter().map(|row| ReportProvisionalPart::read(ctx, row.clone())).collect()
    }

    /// Every invoice from Pax8 in these months against its own lines.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn tie_outs(&self, ctx: &Context<'_>) -> Result<Vec<ReportTieOut>, Failure> {
        self.summary.tie_outs.iter().map(|row| ReportTieOut::read(ctx, row.clone())).collect()
    }

    /// Records that could not be taken in, so that nothing of them was compared; at most 100 of them.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn left_out_records(&self) -> Vec<ReportLeftOutRecord> {
        self.summary.left_out.iter().take(100).cloned().map(Into::into).collect()
    }

    /// Number of records that could not be taken in.
    async fn left_out_record_count(&self) -> u64 {
        self.summary.left_out.len() as u64
    }

    /// Link to the report as a file, for a browser to follow; null with an error when the caller may not have it.
    async fn download(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Form of the file.")] format: ReportFormat,
    ) -> Option<Result<ReportDownload, Failure>> {
        let link = services(ctx).reconciliation.download_link(caller(ctx), self.stored.id, format.into()).await;
        link.map_err(Failure::from).transpose().map(|link| link.map(ReportDownload::from))
    }

    /// Number of lines.
    async fn line_count(&self) -> u64 {
        self.summary.key_count
    }

    /// Number of discrepancies.
    async fn discrepancy_count(&self) -> u64 {
        self.summary.discrepancy_count
    }

    /// Lines of the comparison: one per PSA customer, PSA item, month and currency.
    #[expect(clippy::too_many_arguments, reason = "a page has four arguments of its own")]
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the lines that satisfy every given condition.")] filter: Option<
            ReconciliationReportLineFilter,
        >,
        #[graphql(desc = "Order of the list; largest difference first when omitted.")] order_by: Option<
            ReconciliationReportLineOrder,
        >,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<ReconciliationReportLineConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(
            async {
                let order = order_by.unwrap_or_default();
                let like = match order.field {
                    ReconciliationReportLineOrderField::Difference => {
                        vec![SortValue::Integer(0), SortValue::Integer(0)]
                    }
                    ReconciliationReportLineOrderField::Key => vec![SortValue::Integer(0)],
                };
                let list = List::new("lines", &like).of(self.stored.id.0);
                let list = list.by(order.field, order.direction.is_descending());
                let window = page.window(&list)?;
                let filter = filter.unwrap_or_default().into_filter(ctx, self.stored.integration_id).await?;
                let (service, caller) = (&services(ctx).reconciliation, caller(ctx));
                let id = self.stored.id;
                let by = (order.field.into(), order.direction.is_descending());
                let slice = service.lines(caller, id, &filter, by, &window).await?;
                let total = match page::is_selected(ctx, "totalCount") {
                    true => Some(service.line_count(caller, id, &filter).await?),
                    false => None,
                };
                let integration_id = self.stored.integration_id;
                let object = |line| ReconciliationReportLineObject { line, report_id: id, integration_id };
                Ok(ReconciliationReportLineConnection::new(page::parts(slice, &list, object), total))
            }
            .await,
        )
    }

    /// Discrepancies that the report found, each month of one by itself.
    #[expect(clippy::too_many_arguments, reason = "a page has four arguments of its own")]
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn discrepancies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the discrepancies that satisfy every given condition.")] filter: Option<
            OccurrenceFilterInput,
        >,
        #[graphql(desc = "Order of the list; those that cost most first when omitted.")] order_by: Option<
            DiscrepancyOrderInput,
        >,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<DiscrepancyOccurrenceConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(discrepancies(ctx, &self.stored, filter.unwrap_or_default(), order_by.unwrap_or_default(), page).await)
    }

    /// Sums over the discrepancies per type and currency, exact to the last digit.
    #[graphql(complexity = "cost::listed_statements(child_complexity)")]
    async fn discrepancy_totals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Counts the discrepancies that satisfy every given condition.")] filter: Option<
            OccurrenceFilterInput,
        >,
    ) -> Option<Result<Vec<DiscrepancyTotals>, Failure>> {
        let sums = async {
            let filter = filter.unwrap_or_default().into_filter(ctx, self.stored.integration_id).await?;
            let sums = services(ctx).reconciliation.effect_sums(caller(ctx), self.stored.id, &filter).await?;
            Ok(sums.into_iter().map(DiscrepancyTotals).collect())
        };
        Some(sums.await)
    }

    /// Timestamp of when the records were read; a source line is the version that held at that moment.
    async fn read_at(&self) -> DateTime<Utc> {
        self.stored.read_at
    }

    /// Timestamp of when the report was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.stored.created_at
    }
}

async fn bridges(ctx: &Context<'_>, report: &StoredReport, summary: &Summary) -> Result<Vec<VarianceBridge>, Failure> {
    let filter = OccurrenceFilter::default();
    let sums = services(ctx).reconciliation.effect_sums(caller(ctx), report.id, &filter).await?;
    let bridge = |totals: &Totals| -> Result<VarianceBridge, Failure> {
        let currency = Currency::parse(&totals.currency).map_err(|error| internal(ctx, &error))?;
        let mut effects = Vec::new();
        for sum in sums.iter().filter(|sum| sum.currency == currency) {
            for part in [sum.leakage, sum.overbilling] {
                effects.push((sum.kind, part.to_decimal().map_err(|error| internal(ctx, &error))?));
            }
        }
        let bridge = totals.difference().and_then(|whole| VarianceBridge::over(whole, effects, currency));
        bridge.map_err(|error| internal(ctx, &error))
    };
    summary.totals.iter().map(bridge).collect()
}

async fn discrepancies(
    ctx: &Context<'_>,
    report: &StoredReport,
    filter: OccurrenceFilterInput,
    order: DiscrepancyOrderInput,
    page: PageArguments,
) -> Result<DiscrepancyOccurrenceConnection, Failure> {
    let (service, caller) = (&services(ctx).reconciliation, caller(ctx));
    let (by, is_descending) = order.parts();
    let by = order_for(caller, by);
    let list = List::new("discrepancies", &[SortValue::Integer(0), SortValue::Integer(0)]);
    let list = list.of(report.id.0).by(by, is_descending);
    let window = page.window(&list)?;
    let filter = filter.into_filter(ctx, report.integration_id).await?;
    let slice = service.occurrences(caller, report.id, &filter, (by, is_descending), &window).await?;
    let total = match page::is_selected(ctx, "totalCount") {
        true => Some(service.occurrence_count(caller, report.id, &filter).await?),
        false => None,
    };
    let integration_id = report.integration_id;
    let object = |occurrence| DiscrepancyOccurrenceObject { occurrence, integration_id };
    Ok(DiscrepancyOccurrenceConnection::new(page::parts(slice, &list, object), total))
}

/// Conditions on the lines of a report. A line has to satisfy every one that is given.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ReconciliationReportLineFilter {
    /// Keeps lines of this month.
    period: Option<Month>,
    /// Keeps lines in one of these classes.
    classes: Option<Vec<ReportClass>>,
    /// Keeps lines of any of these PSA customers; global IDs, at most 100. An unknown one matches nothing.
    psa_customer_ids: Option<Vec<ID>>,
    /// Keeps lines of any of these PSA products; global IDs, at most 100. An unknown one matches nothing.
    psa_product_ids: Option<Vec<ID>>,
    /// Keeps lines in this currency.
    currency_code: Option<CurrencyCode>,
}

impl ReconciliationReportLineFilter {
    async fn into_filter(self, ctx: &Context<'_>, of: IntegrationId) -> Result<LineFilter, Failure> {
        Ok(LineFilter {
            period: self.period.map(|month| month.0),
            classes: self.classes.map(|classes| classes.into_iter().map(Into::into).collect()),
            customers: psa_customers(ctx, of, "psaCustomerIds", self.psa_customer_ids).await?,
            psa_products: psa_products(ctx, of, "psaProductIds", self.psa_product_ids).await?,
            currency: self.currency_code.map(|code| code.0),
        })
    }
}

/// What the lines of a report can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[graphql(remote = "LineOrder")]
pub enum ReconciliationReportLineOrderField {
    /// Size of the difference, whatever its sign.
    #[default]
    Difference,
    /// Customer, item, currency and month, by their ids.
    Key,
}

/// Order of the lines of a report.
#[derive(Debug, Clone, Copy, Default, InputObject)]
pub struct ReconciliationReportLineOrder {
    /// What to sort by.
    field: ReconciliationReportLineOrderField,
    /// Direction of the sort.
    #[graphql(default)]
    direction: SortDirection,
}

/// One line of the comparison: a PSA customer, a PSA item, a month and a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationReportLineObject {
    line: ReportLine,
    report_id: ReportId,
    integration_id: IntegrationId,
}

impl ReconciliationReportLineObject {
    fn money(&self, amount: Option<Number>) -> Option<Money> {
        amount.map(|amount| Amount::new(amount, self.line.currency).into())
    }

    fn cost_money(&self, ctx: &Context<'_>, amount: Option<Number>) -> Option<Result<Money, Failure>> {
        for_finance(ctx, || self.money(amount)).transpose()
    }

    async fn bridge_over(&self, ctx: &Context<'_>, difference: Number) -> Result<VarianceBridge, Failure> {
        let organization = caller(ctx).organization_id;
        let key = LineKey(organization, self.report_id, self.line.position);
        let found = load_one(ctx, key).await?.unwrap_or_default();
        let kinds = found.iter().map(|found| load_one(ctx, DiscrepancyKey(organization, found.discrepancy_id)));
        // All at once, so that they wait for the same statement.
        let kinds = try_join_all(kinds).await?;
        let effects = found.iter().zip(kinds).filter_map(|(found, of)| Some((of?.kind, found.effect)));
        VarianceBridge::over(difference, effects, self.line.currency).map_err(|error| internal(ctx, &error))
    }
}

/// Invoice lines behind a figure that are shown at once.
const SHOWN_LINES: usize = 100;

/// External ids of the invoice lines behind a figure.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ReportSources {
    /// IDs of the lines on invoices from Pax8.
    pub pax8_invoice_line_external_ids: Vec<String>,
    /// IDs of the lines on invoices of the PSA.
    pub psa_invoice_line_external_ids: Vec<String>,
}

/// One line of the comparison: a PSA customer, a PSA item, a month and a currency.
#[Object(name = "ReconciliationReportLine")]
impl ReconciliationReportLineObject {
    /// Place in the report, from 0.
    async fn position(&self) -> i32 {
        self.line.position
    }

    /// Month.
    async fn period(&self) -> Month {
        Month(self.line.period)
    }

    /// Currency of all amounts.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.line.currency)
    }

    /// Customer at the PSA; null when the company has none.
    async fn psa_customer(&self, ctx: &Context<'_>) -> Option<Result<PsaCustomerObject, Failure>> {
        psa_customer(ctx, self.integration_id, self.line.customer_external_id.as_deref()).await
    }

    /// Item at the PSA; null when the product has none.
    async fn psa_product(&self, ctx: &Context<'_>) -> Option<Result<PsaProductObject, Failure>> {
        psa_product(ctx, self.integration_id, self.line.psa_product_external_id.as_deref()).await
    }

    /// Companies at Pax8 whose charges or subscriptions are on the line.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn pax8_companies(&self, ctx: &Context<'_>) -> Result<Vec<Pax8CompanyObject>, Failure> {
        all(&self.line.company_external_ids, |id| pax8_company(ctx, self.integration_id, Some(id))).await
    }

    /// Products at Pax8 whose charges or subscriptions are on the line.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn pax8_products(&self, ctx: &Context<'_>) -> Result<Vec<Pax8ProductObject>, Failure> {
        all(&self.line.pax8_product_external_ids, |id| pax8_product(ctx, self.integration_id, Some(id))).await
    }

    /// Verdict.
    async fn class(&self) -> ReportClass {
        self.line.class.into()
    }

    /// Why it was not compared or was left out; null when it was compared.
    async fn reason(&self) -> Option<ReportReason> {
        self.line.reason.map(Into::into)
    }

    /// What Pax8 charged, without tax; null when a charge does not say. Needs the role FINANCE.
    async fn cost(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost_money(ctx, self.line.cost)
    }

    /// What should have been billed; null when a price is unknown.
    async fn expected(&self) -> Option<Money> {
        self.money(self.line.expected)
    }

    /// What was billed; null when a line has no amount, or the invoice is not due yet.
    async fn billed(&self) -> Option<Money> {
        self.money(self.line.billed)
    }

    /// Billed less expected: negative when too little was billed; null when one of them is unknown.
    async fn difference(&self) -> Option<Money> {
        self.money(self.line.difference)
    }

    /// Billed less cost; null when one of them is unknown. Needs the role FINANCE.
    async fn margin(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost_money(ctx, self.line.margin)
    }

    /// Seats of the subscriptions behind recurring charges; null when the history does not say.
    async fn subscribed_quantity(&self) -> Option<Decimal> {
        self.line.subscribed_quantity.map(Decimal)
    }

    /// Units of recurring charges on the invoice from Pax8; null when a charge does not say.
    async fn charged_quantity(&self) -> Option<Decimal> {
        self.line.charged_quantity.map(Decimal)
    }

    /// Units of recurring lines on the PSA's invoice; null when a line does not say.
    async fn billed_quantity(&self) -> Option<Decimal> {
        self.line.billed_quantity.map(Decimal)
    }

    /// Whether a mapping that nobody has confirmed stands behind the line.
    async fn rests_on_unconfirmed_mapping(&self) -> bool {
        self.line.is_on_suggested_mapping
    }

    /// Difference taken apart by what caused it; null when it is unknown.
    #[graphql(complexity = "cost::statements(child_complexity)")]
    async fn bridge(&self, ctx: &Context<'_>) -> Option<Result<VarianceBridge, Failure>> {
        let difference = self.line.difference?;
        Some(self.bridge_over(ctx, difference).await)
    }

    /// Lines on invoices from Pax8 behind the figures, as they were last read; at most the first 100.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn pax8_invoice_lines(&self, ctx: &Context<'_>) -> Option<Result<Vec<Pax8InvoiceLineObject>, Failure>> {
        let ids = &self.line.sources.vendor[..self.line.sources.vendor.len().min(SHOWN_LINES)];
        let found = all(ids, async |id| {
            let found = stored(ctx, (self.integration_id, Side::Pax8), id, VendorLineKey).await?;
            Some(found.map(|stored| Pax8InvoiceLineObject { line: stored.record, currency: self.line.currency }))
        });
        Some(found.await)
    }

    /// Lines on invoices of the PSA behind the figures, as they were last read; at most the first 100.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn psa_invoice_lines(&self, ctx: &Context<'_>) -> Option<Result<Vec<PsaInvoiceLineObject>, Failure>> {
        let ids = &self.line.sources.psa[..self.line.sources.psa.len().min(SHOWN_LINES)];
        let found = all(ids, async |id| {
            let found = stored(ctx, (self.integration_id, Side::Psa), id, PsaLineKey).await?;
            Some(found.map(|stored| PsaInvoiceLineObject { line: stored.record, currency: self.line.currency }))
        });
        Some(found.await)
    }

    /// Whether the month rests on drafts in this currency, so that the figures may still change.
    async fn is_provisional(&self) -> bool {
        self.line.is_provisional
    }

    /// Invoice lines behind the figures.
    async fn sources(&self) -> ReportSources {
        ReportSources {
            pax8_invoice_line_external_ids: self.line.sources.vendor.clone(),
            psa_invoice_line_external_ids: self.line.sources.psa.clone(),
        }
    }

    /// Discrepancies that explain the difference of this line, in their order in the report.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn discrepancies(&self, ctx: &Context<'_>) -> Option<Result<Vec<DiscrepancyOccurrenceObject>, Failure>> {
        let key = LineKey(caller(ctx).organization_id, self.report_id, self.line.position);
        let found = load_one(ctx, key).await;
        let integration_id = self.integration_id;
        let object = |occurrence| DiscrepancyOccurrenceObject { occurrence, integration_id };
        Some(found.map(|found| found.unwrap_or_default().into_iter().map(object).collect()))
    }
}

page_types!(ReconciliationReportLineConnection, ReconciliationReportLineEdge, ReconciliationReportLineObject);
