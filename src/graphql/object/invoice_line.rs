//! Lines of invoices: what a figure of a report is made of.

use async_graphql::{Context, Object};
use rust_decimal::Decimal as Number;

use super::report_part::for_finance;
use crate::domain::money::{Currency, Money as Amount};
use crate::domain::record::{Known, PsaInvoiceLine, VendorInvoiceLine};
use crate::graphql::error::Failure;
use crate::graphql::scalar::{Date, Decimal, Money};
use crate::storage::text::Word;

/// The provider's word for a value, or ours where we know it.
fn word<T: Word>(value: &Known<T>) -> String {
    match value {
        Known::Known(value) => value.word().to_owned(),
        Known::Unrecognized(text) => text.clone(),
    }
}

/// A line on an invoice from Pax8, as it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pax8InvoiceLineObject {
    pub(super) line: VendorInvoiceLine,
    pub(super) currency: Currency,
}

impl Pax8InvoiceLineObject {
    fn cost_money(&self, ctx: &Context<'_>, amount: Option<Number>) -> Option<Result<Money, Failure>> {
        let currency = self.line.currency.unwrap_or(self.currency);
        for_finance(ctx, || amount.map(|amount| Amount::new(amount, currency).into())).transpose()
    }
}

/// A line on an invoice from Pax8, as it was last read.
#[Object(name = "Pax8InvoiceLine")]
impl Pax8InvoiceLineObject {
    /// ID of the line at Pax8, or one made from invoice and position where Pax8 gave none.
    async fn external_id(&self) -> &str {
        self.line.external_id.as_str()
    }

    /// ID of the invoice at Pax8.
    async fn invoice_external_id(&self) -> &str {
        self.line.invoice_external_id.as_str()
    }

    /// Kind of charge, such as `SUBSCRIPTION` or `PRORATE`; another word is Pax8's own.
    async fn kind(&self) -> String {
        word(&self.line.kind)
    }

    /// Product as printed on the invoice.
    async fn product_name(&self) -> Option<&str> {
        self.line.product_name.as_deref()
    }

    /// Text of the line.
    async fn description(&self) -> Option<&str> {
        self.line.description.as_deref()
    }

    /// ID of the subscription at Pax8; null where there is none.
    async fn subscription_external_id(&self) -> Option<&str> {
        self.line.subscription_external_id.as_ref().map(|id| id.as_str())
    }

    /// First day of the service period.
    async fn period_start(&self) -> Option<Date> {
        self.line.period_start.map(Date)
    }

    /// Last day of the service period, as Pax8 writes it.
    async fn period_end(&self) -> Option<Date> {
        self.line.period_end.map(Date)
    }

    /// Term, such as `MONTHLY` or `ANNUAL`; another word is Pax8's own.
    async fn term(&self) -> Option<String> {
        self.line.term.as_ref().map(word)
    }

    /// Units; fractional for use, negative on credits.
    async fn quantity(&self) -> Option<Decimal> {
        self.line.quantity.map(Decimal)
    }

    /// Unit cost as printed; on prorated lines it is already prorated and cut. Needs the role FINANCE.
    async fn unit_cost(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost_money(ctx, self.line.cost.map(|cost| cost.0))
    }

    /// Cost of the line, without tax. Needs the role FINANCE.
    async fn cost_total(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost_money(ctx, self.line.cost_total.map(|cost| cost.0))
    }
}

/// A line on an invoice of the PSA, as it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsaInvoiceLineObject {
    pub(super) line: PsaInvoiceLine,
    pub(super) currency: Currency,
}

impl PsaInvoiceLineObject {
    fn money(&self, amount: Option<Number>) -> Option<Money> {
        amount.map(|amount| Amount::new(amount, self.currency).into())
    }
}

/// A line on an invoice of the PSA, as it was last read.
#[Object(name = "PsaInvoiceLine")]
impl PsaInvoiceLineObject {
    /// ID of the line at the PSA, or one made from invoice and line number.
    async fn external_id(&self) -> &str {
        self.line.external_id.as_str()
    }

    /// ID of the invoice at the PSA.
    async fn invoice_external_id(&self) -> &str {
        self.line.invoice_external_id.as_str()
    }

    /// ID at the PSA of the agreement line that caused it; null for what does not recur.
    async fn agreement_line_external_id(&self) -> Option<&str> {
        self.line.agreement_line_external_id.as_ref().map(|id| id.as_str())
    }

    /// Text on the bill.
    async fn description(&self) -> Option<&str> {
        self.line.description.as_deref()
    }

    /// First day of the service period.
    async fn period_start(&self) -> Option<Date> {
        self.line.period_start.map(Date)
    }

    /// Last day of the service period, included.
    async fn period_end(&self) -> Option<Date> {
        self.line.period_end.map(Date)
    }

    /// Units.
    async fn quantity(&self) -> Option<Decimal> {
        self.line.quantity.map(Decimal)
    }

    /// Price of one unit.
    async fn unit_price(&self) -> Option<Money> {
        self.money(self.line.unit_price.map(|price| price.0))
    }

    /// Amount of the line.
    async fn amount(&self) -> Option<Money> {
        self.money(self.line.amount.map(|price| price.0))
    }
}
