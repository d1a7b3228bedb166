//! Discrepancies: what somebody has to understand, over all its months and in each of them.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal as Number;

use super::company::Pax8CompanyObject;
use super::customer::PsaCustomerObject;
use super::decision::{DiscrepancyDecision, DiscrepancyNote};
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use super::record_reference::{
    pax8_companies, pax8_company, pax8_product, psa_customer, psa_customers, psa_product, psa_products,
};
use super::report::{ReconciliationReportObject, ReportSources};
use super::report_part::{for_finance, internal};
use super::suppression_rule::SuppressionRuleObject;
use crate::domain::access::Role;
use crate::domain::decision::DiscrepancyState;
use crate::domain::discrepancy::{DiscrepancyStatus as Status, DiscrepancyType as Kind, Severity};
use crate::domain::id::IntegrationId;
use crate::domain::money::{Currency, Money as Amount};
use crate::graphql::context::caller;
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::loader_node::SuppressionRuleKey;
use crate::graphql::page::{SortDirection, page_types};
use crate::graphql::record_loader::{DiscrepancyKey, NotesKey, OccurrencesKey, ReportKey, load_one};
use crate::graphql::scalar::{CurrencyCode, Date, Decimal, Money, Month};
use crate::storage::discrepancy::{
    DiscrepancyFilter, EffectSum, Occurrence, OccurrenceFilter, OccurrenceOrder, StoredDiscrepancy,
};
use crate::storage::sum::MicrosSum;

/// What is wrong. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum DiscrepancyType {
    /// The recurring PSA line has fewer units than the subscription.
    QuantityUnder,
    /// The recurring PSA line has more units than the subscription.
    QuantityOver,
    /// Right item and quantity, another unit price than the reference price.
    WrongPrice,
    /// The unit price was rounded before it was multiplied.
    Rounding,
    /// An old subscription that no PSA line bills.
    NeverBilled,
    /// A recent subscription that no PSA line bills.
    NewNotBilled,
    /// The product has no PSA item.
    ProductMissingInPsa,
    /// The company has no PSA customer.
    CustomerMissingInPsa,
    /// The subscription ended and the PSA goes on billing it.
    CanceledStillBilled,
    /// An increase inside a period was not billed.
    ProrationNotBilled,
    /// A credit of the vendor was not given to the customer.
    CreditNotPassed,
    /// Metered use was not billed.
    UsageNotBilled,
    /// Metered use was billed with another amount.
    UsageStaleAmount,
    /// A purchase was not billed.
    OneTimeNotBilled,
    /// The recurring line is also on a second agreement of the customer.
    DuplicateBilling,
    /// A yearly item is billed as a twelfth every month.
    WrongBillingCycle,
    /// Billed on another item.
    WrongProduct,
    /// Billed to another customer.
    WrongCustomer,
    /// Pax8 charged the same subscription and period twice.
    #[graphql(name = "PAX8_DUPLICATE_CHARGE")]
    Pax8DuplicateCharge,
    /// Pax8 charged another quantity than the subscription's.
    #[graphql(name = "PAX8_QUANTITY_MISMATCH")]
    Pax8QuantityMismatch,
    /// Billed, with nothing at Pax8 that explains it.
    OrphanedBilling,
    /// The unit cost rose from one period to the next.
    CostIncrease,
    /// The margin is lower than the policy asks for.
    BelowMarginFloor,
    /// Charged in one currency, billed in another.
    CurrencyMismatch,
    /// Metered use that Pax8 links to no company.
    UsageUnassigned,
}

/// How much a discrepancy weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Severity")]
pub enum DiscrepancySeverity {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warning,
    /// To be settled first.
    Critical,
}

/// What was decided about a discrepancy. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum DiscrepancyStatus {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks into it.
    InReview,
    /// Settled, with a decision, or closed by itself because no report finds it any more.
    Resolved,
    /// Given up, with a reason.
    WrittenOff,
    /// Hidden by a rule.
    Suppressed,
    /// Was settled, and was found again.
    Reopened,
}

/// A difference that somebody has to understand. It stays the same from month to month; its months are occurrences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscrepancyObject(pub StoredDiscrepancy);

/// A difference that somebody has to understand. It stays the same from month to month; its months are occurrences.
#[Object(name = "Discrepancy")]
impl DiscrepancyObject {
    /// Global ID of the discrepancy.
    pub async fn id(&self) -> ID {
        encode(NodeKind::Discrepancy, self.0.id.0)
    }

    /// What is wrong.
    #[graphql(name = "type")]
    async fn kind(&self) -> DiscrepancyType {
        self.0.kind.into()
    }

    /// What was decided about it.
    async fn status(&self) -> DiscrepancyStatus {
        self.0.state.status().into()
    }

    /// Customer at the PSA; null when there is none.
    async fn psa_customer(&self, ctx: &Context<'_>) -> Option<Result<PsaCustomerObject, Failure>> {
        psa_customer(ctx, self.0.integration_id, self.0.customer_external_id.as_deref()).await
    }

    /// Company at Pax8; null when there is none.
    async fn pax8_company(&self, ctx: &Context<'_>) -> Option<Result<Pax8CompanyObject, Failure>> {
        pax8_company(ctx, self.0.integration_id, self.0.company_external_id.as_deref()).await
    }

    /// Item at the PSA; null when there is none.
    async fn psa_product(&self, ctx: &Context<'_>) -> Option<Result<PsaProductObject, Failure>> {
        psa_product(ctx, self.0.integration_id, self.0.psa_product_external_id.as_deref()).await
    }

    /// Product at Pax8; null when there is none.
    async fn pax8_product(&self, ctx: &Context<'_>) -> Option<Result<Pax8ProductObject, Failure>> {
        pax8_product(ctx, self.0.integration_id, self.0.pax8_product_external_id.as_deref()).await
    }

    /// ID of the subscription at Pax8; null when it is about none.
    async fn pax8_subscription_external_id(&self) -> Option<&str> {
        self.0.subscription_external_id.as_deref()
    }

    /// ID at the PSA of the agreement line that bills it, the first of its successors; null when it is about none.
    async fn agreement_line_external_id(&self) -> Option<&str> {
        self.0.agreement_line_external_id.as_deref()
    }

    /// Currency of all amounts.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.0.currency)
    }

    /// First month in which it was found.
    async fn first_period(&self) -> Month {
        Month(self.0.first_period)
    }

    /// Last month in which it was found.
    async fn last_period(&self) -> Month {
        Month(self.0.last_period)
    }

    /// Its months, each as the latest report of that month found it, the latest first; a month in which it is no longer
    /// found has none.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn occurrences(&self, ctx: &Context<'_>) -> Option<Result<Vec<DiscrepancyOccurrenceObject>, Failure>> {
        let integration_id = self.0.integration_id;
        let key = OccurrencesKey(caller(ctx).organization_id, integration_id, self.0.id);
        let found = load_one(ctx, key).await;
        let object = |occurrence| DiscrepancyOccurrenceObject { occurrence, integration_id };
        Some(found.map(|found| found.unwrap_or_default().into_iter().map(object).collect()))
    }

    /// Name of who looks after it; null for nobody.
    async fn assignee(&self) -> Option<&str> {
        self.0.assignee.as_deref()
    }

    /// Day by which it is to be settled; null when none was set.
    async fn due_on(&self) -> Option<Date> {
        self.0.due_on.map(Date)
    }

    /// What somebody decided about it; null while nobody has, and when it closed itself.
    async fn decision(&self) -> Option<DiscrepancyDecision> {
        DiscrepancyDecision::of(&self.0.state, self.0.currency)
    }

    /// Timestamp of when a report first did not find it any more, so that it closed itself; null otherwise.
    async fn gone_since(&self) -> Option<DateTime<Utc>> {
        match &self.0.state {
            DiscrepancyState::Gone { since } => Some(*since),
            _ => None,
        }
    }

    /// Rule that hides it; null unless `status` is `SUPPRESSED`.
    async fn suppression_rule(&self, ctx: &Context<'_>) -> Option<Result<SuppressionRuleObject, Failure>> {
        let DiscrepancyState::Suppressed { rule_id } = &self.0.state else { return None };
        let found = load_one(ctx, SuppressionRuleKey(caller(ctx).organization_id, rule_id.0)).await;
        found.transpose().map(|found| found.map(SuppressionRuleObject))
    }

    /// What people wrote about it, the latest first; at most the latest 100.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn notes(&self, ctx: &Context<'_>) -> Option<Result<Vec<DiscrepancyNote>, Failure>> {
        let found = load_one(ctx, NotesKey(caller(ctx).organization_id, self.0.id)).await;
        Some(found.map(|notes| notes.unwrap_or_default().into_iter().map(Into::into).collect()))
    }

    /// Grows by one with every change.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Timestamp of when it was found first.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Timestamp of when it last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

page_types!(DiscrepancyConnection, DiscrepancyEdge, DiscrepancyObject);

/// A discrepancy in one month, as one report found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscrepancyOccurrenceObject {
    /// What was found.
    pub occurrence: Occurrence,
    /// Integration of the report.
    pub integration_id: IntegrationId,
}

impl DiscrepancyOccurrenceObject {
    async fn of(&self, ctx: &Context<'_>) -> Result<StoredDiscrepancy, Failure> {
        let key = DiscrepancyKey(caller(ctx).organization_id, self.occurrence.discrepancy_id);
        let found = load_one(ctx, key).await?;
        found.ok_or_else(|| internal(ctx, &VanishedDiscrepancy(self.occurrence.discrepancy_id.0)))
    }

    async fn money(&self, ctx: &Context<'_>, amount: Number) -> Result<Money, Failure> {
        Ok(Amount::new(amount, self.of(ctx).await?.currency).into())
    }
}

/// The database keeps this from happening.
#[derive(Debug, thiserror::Error)]
#[error("an occurrence belongs to discrepancy `{0}`, which is not there")]
struct VanishedDiscrepancy(uuid::Uuid);

/// A discrepancy in one month, as one report found it.
#[Object(name = "DiscrepancyOccurrence")]
impl DiscrepancyOccurrenceObject {
    /// Discrepancy over all its months, with what was decided about it.
    async fn discrepancy(&self, ctx: &Context<'_>) -> Result<DiscrepancyObject, Failure> {
        self.of(ctx).await.map(DiscrepancyObject)
    }

    /// What is wrong.
    #[graphql(name = "type")]
    async fn kind(&self, ctx: &Context<'_>) -> Result<DiscrepancyType, Failure> {
        Ok(self.of(ctx).await?.kind.into())
    }

    /// How much it weighs: the effect and the cost effect together. Without the role FINANCE the effect alone decides.
    async fn severity(&self, ctx: &Context<'_>) -> DiscrepancySeverity {
        let may_know = caller(ctx).roles.allow(Role::Finance);
        if may_know { self.occurrence.severity.into() } else { self.occurrence.effect_severity.into() }
    }

    /// What was decided about the discrepancy.
    async fn status(&self, ctx: &Context<'_>) -> Result<DiscrepancyStatus, Failure> {
        Ok(self.of(ctx).await?.state.status().into())
    }

    /// Month.
    async fn period(&self) -> Month {
        Month(self.occurrence.period)
    }

    /// Customer at the PSA; null when there is none.
    async fn psa_customer(&self, ctx: &Context<'_>) -> Option<Result<PsaCustomerObject, Failure>> {
        match self.of(ctx).await {
            Ok(found) => psa_customer(ctx, self.integration_id, found.customer_external_id.as_deref()).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// Company at Pax8; null when there is none.
    async fn pax8_company(&self, ctx: &Context<'_>) -> Option<Result<Pax8CompanyObject, Failure>> {
        match self.of(ctx).await {
            Ok(found) => pax8_company(ctx, self.integration_id, found.company_external_id.as_deref()).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// Item at the PSA; null when there is none.
    async fn psa_product(&self, ctx: &Context<'_>) -> Option<Result<PsaProductObject, Failure>> {
        match self.of(ctx).await {
            Ok(found) => psa_product(ctx, self.integration_id, found.psa_product_external_id.as_deref()).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// Product at Pax8; null when there is none.
    async fn pax8_product(&self, ctx: &Context<'_>) -> Option<Result<Pax8ProductObject, Failure>> {
        match self.of(ctx).await {
            Ok(found) => pax8_product(ctx, self.integration_id, found.pax8_product_external_id.as_deref()).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// Units that should be there; null when unknown.
    async fn expected_quantity(&self) -> Option<Decimal> {
        self.occurrence.expected_quantity.map(Decimal)
    }

    /// Units that are there; null when unknown.
    async fn actual_quantity(&self) -> Option<Decimal> {
        self.occurrence.actual_quantity.map(Decimal)
    }

    /// Amount that should have been billed.
    async fn expected(&self, ctx: &Context<'_>) -> Result<Money, Failure> {
        self.money(ctx, self.occurrence.expected).await
    }

    /// Amount that was billed.
    async fn billed(&self, ctx: &Context<'_>) -> Result<Money, Failure> {
        self.money(ctx, self.occurrence.actual).await
    }

    /// Billed less expected: negative when the customer was billed too little.
    async fn effect(&self, ctx: &Context<'_>) -> Result<Money, Failure> {
        self.money(ctx, self.occurrence.effect).await
    }

    /// What Pax8 charged too much; negative when it charged too little. Needs the role FINANCE.
    async fn cost_effect(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        if let Err(error) = for_finance(ctx, || ()) {
            return Some(Err(error));
        }
        Some(self.money(ctx, self.occurrence.cost_effect).await)
    }

    /// What happened and what to do, in words, without any cost.
    async fn sentence(&self) -> &str {
        &self.occurrence.sentence
    }

    /// The same with cost; null where cost plays no part. Needs the role FINANCE.
    async fn cost_sentence(&self, ctx: &Context<'_>) -> Option<Result<String, Failure>> {
        for_finance(ctx, || self.occurrence.cost_sentence.clone()).transpose()
    }

    /// Why the difference arose, as far as the history of Pax8 and of the PSA shows it, without any cost: which change
    /// one side made, on which day, and how the other side stood to it. Null where the history shows no cause.
    async fn root_cause(&self) -> Option<&str> {
        self.occurrence.root_cause.as_deref()
    }

    /// Number that the two halves of a pair share, such as a line billed to the wrong customer and missing at the right
    /// one; null without a pair.
    async fn pair(&self) -> Option<i32> {
        self.occurrence.pair
    }

    /// Whether a mapping that nobody has confirmed stands behind it.
    async fn rests_on_unconfirmed_mapping(&self) -> bool {
        self.occurrence.is_on_suggested_mapping
    }

    /// Invoice lines that show it.
    async fn sources(&self) -> ReportSources {
        ReportSources {
            pax8_invoice_line_external_ids: self.occurrence.sources.vendor.clone(),
            psa_invoice_line_external_ids: self.occurrence.sources.psa.clone(),
        }
    }

    /// Report that found it; null when it is not there any more.
    async fn report(&self, ctx: &Context<'_>) -> Option<Result<ReconciliationReportObject, Failure>> {
        let found = load_one(ctx, ReportKey(caller(ctx).organization_id, self.occurrence.report_id)).await;
        found.transpose().map(|found| ReconciliationReportObject::read(ctx, found?))
    }
}

page_types!(DiscrepancyOccurrenceConnection, DiscrepancyOccurrenceEdge, DiscrepancyOccurrenceObject);

/// Sums over discrepancies of one type and currency.
pub struct DiscrepancyTotals(pub EffectSum);

impl DiscrepancyTotals {
    fn money(&self, ctx: &Context<'_>, sum: MicrosSum) -> Result<Money, Failure> {
        let currency: Currency = self.0.currency;
        sum.to_decimal().map(|sum| Amount::new(sum, currency).into()).map_err(|error| internal(ctx, &error))
    }
}

/// Sums over discrepancies of one type and currency.
#[Object]
impl DiscrepancyTotals {
    /// Type.
    #[graphql(name = "type")]
    async fn kind(&self) -> DiscrepancyType {
        self.0.kind.into()
    }

    /// Currency of all amounts.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.0.currency)
    }

    /// Number of discrepancies, each month by itself.
    async fn count(&self) -> u64 {
        self.0.count
    }

    /// What was billed too little, as an amount below zero.
    async fn leakage(&self, ctx: &Context<'_>) -> Result<Money, Failure> {
        self.money(ctx, self.0.leakage)
    }

    /// What was billed too much.
    async fn overbilling(&self, ctx: &Context<'_>) -> Result<Money, Failure> {
        self.money(ctx, self.0.overbilling)
    }

    /// What Pax8 charged too much. Needs the role FINANCE.
    async fn cost_effect(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(for_finance(ctx, || self.money(ctx, self.0.cost_effect)).and_then(|sum| sum))
    }
}

/// Conditions on discrepancies. A discrepancy has to satisfy every one that is given.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "DiscrepancyFilter")]
pub struct DiscrepancyFilterInput {
    /// Keeps discrepancies of one of these types.
    types: Option<Vec<DiscrepancyType>>,
    /// Keeps discrepancies in one of these statuses.
    statuses: Option<Vec<DiscrepancyStatus>>,
    /// Keeps discrepancies of any of these PSA customers; global IDs, at most 100. An unknown one matches nothing.
    psa_customer_ids: Option<Vec<ID>>,
    /// Keeps discrepancies of any of these Pax8 companies; global IDs, at most 100. An unknown one matches nothing.
    pax8_company_ids: Option<Vec<ID>>,
    /// Keeps discrepancies of any of these PSA products; global IDs, at most 100. An unknown one matches nothing.
    psa_product_ids: Option<Vec<ID>>,
    /// Keeps discrepancies in this currency.
    currency_code: Option<CurrencyCode>,
}

impl DiscrepancyFilterInput {
    /// The filter as storage takes it, for the records of an integration.
    pub async fn into_filter(self, ctx: &Context<'_>, of: IntegrationId) -> Result<DiscrepancyFilter, Failure> {
        Ok(DiscrepancyFilter {
            kinds: self.types.map(|types| types.into_iter().map(Into::into).collect()),
            statuses: self.statuses.map(|statuses| statuses.into_iter().map(Into::into).collect()),
            customers: psa_customers(ctx, of, "psaCustomerIds", self.psa_customer_ids).await?,
            companies: pax8_companies(ctx, of, "pax8CompanyIds", self.pax8_company_ids).await?,
            psa_products: psa_products(ctx, of, "psaProductIds", self.psa_product_ids).await?,
            currency: self.currency_code.map(|code| code.0),
        })
    }
}

/// Conditions on the discrepancies of a report. A discrepancy has to satisfy every one that is given.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "DiscrepancyOccurrenceFilter")]
pub struct OccurrenceFilterInput {
    /// Keeps discrepancies of this month.
    period: Option<Month>,
    /// Keeps discrepancies of one of these types.
    types: Option<Vec<DiscrepancyType>>,
    /// Keeps discrepancies of one of these severities. Without the role FINANCE the effect alone decides.
    severities: Option<Vec<DiscrepancySeverity>>,
    /// Keeps discrepancies in one of these statuses.
    statuses: Option<Vec<DiscrepancyStatus>>,
    /// Keeps discrepancies of any of these PSA customers; global IDs, at most 100. An unknown one matches nothing.
    psa_customer_ids: Option<Vec<ID>>,
    /// Keeps discrepancies of any of these Pax8 companies; global IDs, at most 100. An unknown one matches nothing.
    pax8_company_ids: Option<Vec<ID>>,
    /// Keeps discrepancies of any of these PSA products; global IDs, at most 100. An unknown one matches nothing.
    psa_product_ids: Option<Vec<ID>>,
    /// Keeps discrepancies in this currency.
    currency_code: Option<CurrencyCode>,
}

impl OccurrenceFilterInput {
    /// The filter as storage takes it, for the records of an integration.
    pub async fn into_filter(self, ctx: &Context<'_>, of: IntegrationId) -> Result<OccurrenceFilter, Failure> {
        let Self {
            period,
            types,
            severities,
            statuses,
            psa_customer_ids,
            pax8_company_ids,
            psa_product_ids,
            currency_code,
        } = self;
        let discrepancy = DiscrepancyFilterInput {
            types,
            statuses,
            psa_customer_ids,
            pax8_company_ids,
            psa_product_ids,
            currency_code,
        };
        Ok(OccurrenceFilter {
            period: period.map(|month| month.0),
            severities: severities.map(|severities| severities.into_iter().map(Into::into).collect()),
            effect_severities: None,
            discrepancy: discrepancy.into_filter(ctx, of).await?,
        })
    }
}

/// What the discrepancies of a report can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub enum DiscrepancyOrderField {
    /// What it costs, whoever pays: the size of the effect and of the cost effect together. Without the role FINANCE
    /// the effect alone decides.
    #[default]
    Magnitude,
    /// Effect with its sign: with ascending order, what was billed too little comes first.
    Effect,
    /// How much it weighs. Without the role FINANCE the effect alone decides.
    Severity,
    /// Customer, item, currency, month and type, by their ids.
    Key,
}

/// Order of the discrepancies of a report.
#[derive(Debug, Clone, Copy, Default, InputObject)]
#[graphql(name = "DiscrepancyOrder")]
pub struct DiscrepancyOrderInput {
    /// What to sort by.
    field: DiscrepancyOrderField,
    /// Direction of the sort.
    #[graphql(default)]
    direction: SortDirection,
}

impl DiscrepancyOrderInput {
    /// What storage sorts by, and whether larger values come first.
    pub fn parts(self) -> (OccurrenceOrder, bool) {
        let order = match self.field {
            DiscrepancyOrderField::Magnitude => OccurrenceOrder::Magnitude,
            DiscrepancyOrderField::Effect => OccurrenceOrder::Effect,
            DiscrepancyOrderField::Severity => OccurrenceOrder::Severity,
            DiscrepancyOrderField::Key => OccurrenceOrder::Key,
        };
        (order, self.direction.is_descending())
    }
}
