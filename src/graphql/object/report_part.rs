//! The parts that a report says about the whole: totals, coverage, footing and tie-outs.

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Context, Enum, Object, SimpleObject};
use rust_decimal::RoundingStrategy;

use super::account::Provider;
use crate::domain::access::Role;
use crate::domain::money::{Currency, Money as Amount, OutOfRange};
use crate::domain::period::Period;
use crate::engine::billing::{Class, Reason, TieOutBasis, Verdict};
use crate::graphql::context::{caller, require};
use crate::graphql::error::Failure;
use crate::graphql::scalar::{CurrencyCode, Decimal, Money, Month};
use crate::report::Audience;
use crate::report::document::{Coverage, Footing, InvoiceTieOut, LeftOut, Provisional, Switch, Totals};
use crate::service::Internal;

/// Verdict on a whole report. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Verdict")]
pub enum ReportVerdict {
    /// Everything was compared, excluded or is not yet due, and nothing is wrong.
    Clean,
    /// Nothing wrong was found, but not everything could be compared, an invoice does not tie out, or a month rests on
    /// drafts.
    Incomplete,
    /// Something is wrong.
    Discrepant,
    /// Nothing could be compared.
    NotCompared,
}

/// Verdict on a line of a report, and on the source lines behind it. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Class")]
pub enum ReportClass {
    /// Billed is what was expected.
    Matched,
    /// The difference is within tolerance.
    Tolerated,
    /// Something is wrong.
    Discrepant,
    /// The PSA's invoice is not due yet.
    ExpectedLater,
    /// There is nothing to judge it on.
    Unmapped,
    /// Something needed to judge it is unknown.
    NotCompared,
    /// Left out on purpose.
    Excluded,
}

/// Why lines were not compared, were left out, or could not be placed. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Reason")]
pub enum ReportReason {
    /// A rebate, fee or credit of the account: never billed to customers.
    AccountLevel,
    /// On an invoice that was credited in full; its replacement counts.
    CreditedInvoice,
    /// On an invoice that was withdrawn.
    VoidInvoice,
    /// The company, customer or product is excluded.
    ExcludedRecord,
    /// An item of the MSP that no Pax8 product is mapped to.
    OwnItem,
    /// The line names no company.
    NoCompany,
    /// The line names no product or item.
    NoProduct,
    /// The head of the invoice is missing.
    NoInvoice,
    /// Neither line nor invoice names a currency.
    NoCurrency,
    /// The kind of charge is unknown to this version.
    UnknownKind,
    /// No reference price is known.
    NoPrice,
    /// A line has no amount or quantity.
    NoAmount,
    /// The PSA's invoice is not due yet.
    NotDueYet,
    /// On a draft of Pax8 whose invoice has come; the invoice counts.
    DraftSuperseded,
    /// Metered use billed in a month that Pax8 has only drafted; a draft leaves use out.
    UseNotInDraft,
}

/// Which sum of an invoice's lines equals its total. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "TieOutBasis")]
pub enum TieOutSum {
    /// Amounts due.
    AmountDue,
    /// Amounts due without sales tax.
    AmountDueWithoutTax,
    /// Costs and sales tax.
    CostWithTax,
    /// Costs.
    Cost,
}

/// The value of an enum by its name; a report that a newer version wrote may have names that this one does not know.
pub(super) fn named<E: EnumType>(name: &str) -> Result<E, UnknownName> {
    E::items().iter().find(|item| item.name == name).map(|item| item.value).ok_or_else(|| UnknownName(name.to_owned()))
}

/// A stored report has a word that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the stored report: `{0}` is not known to this version")]
pub struct UnknownName(String);

/// Our fault, logged.
pub(super) fn internal(ctx: &Context<'_>, error: &(dyn std::error::Error + 'static)) -> Failure {
    Internal::log(&caller(ctx).correlation_id, error).into()
}

fn currency(ctx: &Context<'_>, code: &str) -> Result<Currency, Failure> {
    Currency::parse(code).map_err(|error| internal(ctx, &error))
}

/// A value that tells about cost: for readers with FINANCE alone.
pub(super) fn for_finance<T>(ctx: &Context<'_>, value: impl FnOnce() -> T) -> Result<T, Failure> {
    require(ctx, Role::Finance).map(|()| value())
}

/// What was charged, expected and billed, in one currency.
pub struct BillingTotals {
    pub(super) totals: Totals,
    currency: Currency,
}

impl BillingTotals {
    /// The totals of a stored report.
    pub(super) fn read(ctx: &Context<'_>, totals: Totals) -> Result<Self, Failure> {
        Ok(Self { currency: currency(ctx, &totals.currency)?, totals })
    }

    fn money(&self, amount: rust_decimal::Decimal) -> Money {
        Amount::new(amount, self.currency).into()
    }

    fn computed(&self, ctx: &Context<'_>, amount: Result<rust_decimal::Decimal, OutOfRange>) -> Result<Money, Failure> {
        amount.map(|amount| self.money(amount)).map_err(|error| internal(ctx, &error))
    }
}

/// What was charged, expected and billed, in one currency. Amounts in different currencies are never added up.
#[Object]
impl BillingTotals {
    /// Currency of all amounts.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.currency)
    }

    /// Lines of the report in this currency.
    async fn line_count(&self) -> u64 {
        self.totals.keys
    }

    /// Lines with an unknown amount; the sums leave unknown amounts out.
    async fn incomplete_line_count(&self) -> u64 {
        self.totals.incomplete_keys
    }

    /// What Pax8 charged, without tax. Needs the role FINANCE.
    async fn cost(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(for_finance(ctx, || self.money(self.totals.cost)))
    }

    /// What should have been billed.
    async fn expected(&self) -> Money {
        self.money(self.totals.expected)
    }

    /// What the PSA billed.
    async fn billed(&self) -> Money {
        self.money(self.totals.billed)
    }

    /// Billed less expected: negative when too little was billed. Leakage and overbilling cancel out in it.
    async fn difference(&self, ctx: &Context<'_>) -> Result<Money, Failure> {
        self.computed(ctx, self.totals.difference())
    }

    /// What was billed too little, as an amount below zero.
    async fn leakage(&self) -> Money {
        self.money(self.totals.leakage)
    }

    /// What was billed too much.
    async fn overbilling(&self) -> Money {
        self.money(self.totals.overbilling)
    }

    /// What Pax8 charged too much; negative when it charged too little. Needs the role FINANCE.
    async fn cost_effect(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(for_finance(ctx, || self.money(self.totals.cost_effect)))
    }

    /// Billed less cost. Needs the role FINANCE.
    async fn margin(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(match require(ctx, Role::Finance) {
            Ok(()) => self.computed(ctx, self.totals.margin()),
            Err(error) => Err(error),
        })
    }

    /// Margin divided by what was billed, to four decimal places, for example `"0.1525"`; null when nothing was billed.
    /// Needs the role FINANCE.
    async fn margin_rate(&self, ctx: &Context<'_>) -> Option<Result<Decimal, Failure>> {
        if let Err(error) = require(ctx, Role::Finance) {
            return Some(Err(error));
        }
        let margin = match self.totals.margin() {
            Ok(margin) => margin,
            Err(error) => return Some(Err(internal(ctx, &error))),
        };
        let rate = margin.checked_div(self.totals.billed)?;
        Some(Ok(Decimal(rate.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero).normalize())))
    }

    /// Part of the expected amount that rests on mappings nobody has confirmed.
    async fn expected_on_unconfirmed_mappings(&self) -> Money {
        self.money(self.totals.expected_on_suggested)
    }
}

/// Source lines of one currency, side, class and reason.
pub struct ReportCoverage {
    row: Coverage,
    provider: Provider,
    class: ReportClass,
    reason: Option<ReportReason>,
    currency: Option<Currency>,
    unknown: Option<u64>,
}

impl ReportCoverage {
    /// A row of a stored report's coverage.
    pub(super) fn coverage(ctx: &Context<'_>, row: Coverage) -> Result<Self, Failure> {
        let read = |error: UnknownName| internal(ctx, &error);
        Ok(Self {
            provider: named(&row.side).map_err(read)?,
            class: named(&row.class).map_err(read)?,
            reason: row.reason.as_deref().map(named).transpose().map_err(read)?,
            currency: row.currency.as_deref().map(|code| currency(ctx, code)).transpose()?,
            unknown: None,
            row,
        })
    }

    /// A row of a stored report's footing.
    pub(super) fn footing(ctx: &Context<'_>, row: Footing) -> Result<Self, Failure> {
        let Footing { currency, side, class, count, unknown, amount } = row;
        let row = Self::coverage(ctx, Coverage { currency, side, class, reason: None, count, amount })?;
        Ok(Self { unknown: Some(unknown), ..row })
    }
}

/// Source lines of one currency, side and class.
#[Object]
impl ReportCoverage {
    /// Side that the lines are on.
    async fn provider(&self) -> Provider {
        self.provider
    }

    /// Class of the lines; each source line has exactly one.
    async fn class(&self) -> ReportClass {
        self.class
    }

    /// Why they were not compared or were left out; null for what was compared, and in the footing, which adds the
    /// reasons of a class up.
    async fn reason(&self) -> Option<ReportReason> {
        self.reason
    }

    /// Currency of the amount; null for lines that name none.
    async fn currency_code(&self) -> Option<CurrencyCode> {
        self.currency.map(CurrencyCode)
    }

    /// Lines.
    async fn line_count(&self) -> u64 {
        self.row.count
    }

    /// Lines among them whose amount is unknown; null in the coverage.
    async fn unknown_amount_count(&self) -> Option<u64> {
        self.unknown
    }

    /// Sum of the known amounts; null for lines that name no currency, because their amounts may be of different ones
    /// and are not added up. What Pax8 charged is cost and needs the role FINANCE; what the PSA billed does not.
    async fn amount(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        let amount = || self.currency.map(|currency| Amount::new(self.row.amount, currency).into());
        match self.provider {
            Provider::Pax8 => for_finance(ctx, amount).transpose(),
            Provider::Psa => amount().map(Ok),
        }
    }
}

/// Lines of drafts that a report compares, because no invoice has taken their place.
pub struct ReportProvisionalPart {
    row: Provisional,
    provider: Provider,
    period: Period,
    currency: Currency,
}

impl ReportProvisionalPart {
    /// A row of a stored report.
    pub(super) fn read(ctx: &Context<'_>, row: Provisional) -> Result<Self, Failure> {
        Ok(Self {
            provider: named(&row.side).map_err(|error| internal(ctx, &error))?,
            period: Period::parse(&row.period).map_err(|error| internal(ctx, &error))?,
            currency: currency(ctx, &row.currency)?,
            row,
        })
    }
}

/// Lines of drafts that a report compares, because no invoice has taken their place: the figures of their month and
/// currency may still change.
#[Object]
impl ReportProvisionalPart {
    /// Month that is provisional.
    async fn period(&self) -> Month {
        Month(self.period)
    }

    /// Currency in which it is.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.currency)
    }

    /// Side whose drafts they are. Drafts of Pax8 leave metered use out.
    async fn provider(&self) -> Provider {
        self.provider
    }

    /// Lines.
    async fn line_count(&self) -> u64 {
        self.row.count
    }

    /// Sum of the known amounts. What Pax8 is going to charge is cost and needs the role FINANCE; what the PSA is going
    /// to bill does not.
    async fn amount(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        let amount = || Amount::new(self.row.amount, self.currency).into();
        Some(match self.provider {
            Provider::Pax8 => for_finance(ctx, amount),
            Provider::Psa => Ok(amount()),
        })
    }
}

/// How the lines of an invoice from Pax8 compare with its head.
pub struct ReportTieOut {
    row: InvoiceTieOut,
    currency: Option<Currency>,
    ties: Option<TieOutSum>,
    ignored: Option<ReportReason>,
}

impl ReportTieOut {
    /// A row of a stored report.
    pub(super) fn read(ctx: &Context<'_>, row: InvoiceTieOut) -> Result<Self, Failure> {
        let unknown = |error: UnknownName| internal(ctx, &error);
        Ok(Self {
            currency: row.currency.as_deref().map(|code| currency(ctx, code)).transpose()?,
            ties: row.ties.as_deref().map(named).transpose().map_err(unknown)?,
            ignored: row.ignored.as_deref().map(named).transpose().map_err(unknown)?,
            row,
        })
    }

    fn cost(&self, ctx: &Context<'_>, amount: Option<rust_decimal::Decimal>) -> Option<Result<Money, Failure>> {
        let money = || Some(Amount::new(amount?, self.currency?).into());
        for_finance(ctx, money).transpose()
    }
}

/// How the lines of an invoice from Pax8 compare with its head.
#[Object]
impl ReportTieOut {
    /// ID of the invoice at Pax8.
    async fn invoice_external_id(&self) -> &str {
        &self.row.invoice_id
    }

    /// Currency of all amounts; null when neither head nor lines name one, and then all amounts are null too.
    async fn currency_code(&self) -> Option<CurrencyCode> {
        self.currency.map(CurrencyCode)
    }

    /// Lines.
    async fn line_count(&self) -> u64 {
        self.row.lines
    }

    /// Sum of the lines that equals the invoice's total; null when none does, or the invoice has no total.
    async fn ties_by(&self) -> Option<TieOutSum> {
        self.ties
    }

    /// Why the invoice does not count; null when it does.
    async fn ignored_reason(&self) -> Option<ReportReason> {
        self.ignored
    }

    /// ID at Pax8 of the invoice that replaces this one; null when none does.
    async fn replacement_external_id(&self) -> Option<&str> {
        self.row.replacement_id.as_deref()
    }

    /// Total of the head; null when it has none, or no currency is named. Needs the role FINANCE.
    async fn total(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost(ctx, self.row.total)
    }

    /// Balance carried over from earlier invoices; null when Pax8 does not say, or no currency is named. Needs the role FINANCE.
    async fn carried_balance(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost(ctx, self.row.carried_balance)
    }

    /// Sum of the amounts due; null when no currency is named. Needs the role FINANCE.
    async fn amount_due(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost(ctx, Some(self.row.amount_due))
    }

    /// Sum of the costs, without tax; null when no currency is named. Needs the role FINANCE.
    async fn cost_total(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost(ctx, Some(self.row.cost_total))
    }

    /// Sum of the sales tax; null when no currency is named. Needs the role FINANCE.
    async fn sales_tax(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost(ctx, Some(self.row.sales_tax))
    }

    /// Total less the sum of the amounts due; null when the head has no total, or no
    /// currency is named. Needs the role FINANCE.
    async fn residue(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost(ctx, self.row.residue)
    }
}

/// A named switch of the policy that a report was made by.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PolicySwitch {
    /// Name, such as `priceSource`.
    pub name: String,
    /// Value, such as `PRICE_BOOK`. Without the role FINANCE, the markup on cost and the lowest margin are left out of it.
    pub value: String,
}

impl PolicySwitch {
    /// A switch of a stored report, as far as the caller may see it.
    pub(super) fn read(ctx: &Context<'_>, switch: &Switch) -> Self {
        Self { name: switch.name.clone(), value: switch.value_for(audience(ctx)).to_owned() }
    }
}

/// How much of a report the caller may see.
pub(crate) fn audience(ctx: &Context<'_>) -> Audience {
    if caller(ctx).roles.allow(Role::Finance) { Audience::WithCost } else { Audience::WithoutCost }
}

/// A record that could not be taken in, so that nothing of it was compared.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ReportLeftOutRecord {
    /// Kind of record, in words.
    pub kind: String,
    /// ID of the record where it comes from.
    pub external_id: String,
    /// Why.
    pub reason: String,
}

impl From<LeftOut> for ReportLeftOutRecord {
    fn from(record: LeftOut) -> Self {
        let LeftOut { kind, id, reason } = record;
        Self { kind, external_id: id, reason }
    }
}
