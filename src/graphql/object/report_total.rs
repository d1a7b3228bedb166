//! Sums of a report by customer, product, vendor, type and month, and over the months of an integration.

use async_graphql::{Context, Enum, Object};
use rust_decimal::Decimal as Number;

use super::report_part::{for_finance, internal};
use crate::domain::money::{Currency, Money as Amount, difference};
use crate::graphql::context::require;
use crate::graphql::error::Failure;
use crate::graphql::page::page_types;
use crate::graphql::scalar::{CurrencyCode, Money};
use crate::report::totals::{Dimension, GroupTotals};

/// What sums are made over. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Dimension")]
pub enum ReportDimension {
    /// Customer at the PSA, or the company at Pax8 that has none.
    Customer,
    /// Item at the PSA, or the product at Pax8 that has none.
    Product,
    /// Vendor of the products at Pax8.
    Vendor,
    /// Type of discrepancy.
    Type,
    /// Month.
    Month,
}

/// Sums over one customer, product, vendor, type or month, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportGroupTotals {
    group: GroupTotals,
    currency: Currency,
}

impl From<GroupTotals> for ReportGroupTotals {
    fn from(group: GroupTotals) -> Self {
        let currency = Currency::parse(&group.currency).expect("storage reads nothing else in a column of currencies");
        Self { group, currency }
    }
}

impl ReportGroupTotals {
    fn money(&self, amount: Number) -> Money {
        Amount::new(amount, self.currency).into()
    }

    fn computed(&self, ctx: &Context<'_>, left: Number, right: Number) -> Result<Money, Failure> {
        difference(left, right).map(|amount| self.money(amount)).map_err(|error| internal(ctx, &error))
    }
}

/// Sums over one customer, product, vendor, type or month, in one currency.
#[Object]
impl ReportGroupTotals {
    /// What the sums are made over.
    async fn dimension(&self) -> ReportDimension {
        self.group.dimension.into()
    }

    /// ID of the customer or item at the PSA; `pax8:` and the ID there for one that the PSA does not have; otherwise the
    /// vendor, type or month. Null for lines of several vendors or of one that is not known, and for what belongs to
    /// nobody.
    async fn subject(&self) -> Option<&str> {
        self.group.subject.as_deref()
    }

    /// Name for people, as it was when the report was made.
    async fn label(&self) -> &str {
        &self.group.label
    }

    /// Currency of all amounts.
    async fn currency_code(&self) -> CurrencyCode {
        CurrencyCode(self.currency)
    }

    /// Lines of the report; of a type, those with such a discrepancy.
    async fn line_count(&self) -> u64 {
        self.group.keys
    }

    /// Lines with an unknown amount; the sums leave unknown amounts out.
    async fn incomplete_line_count(&self) -> u64 {
        self.group.incomplete_keys
    }

    /// Discrepancies, each month by itself.
    async fn discrepancy_count(&self) -> u64 {
        self.group.discrepancies
    }

    /// What Pax8 charged, without tax. Needs the role FINANCE.
    async fn cost(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(for_finance(ctx, || self.money(self.group.cost)))
    }

    /// What should have been billed.
    async fn expected(&self) -> Money {
        self.money(self.group.expected)
    }

    /// What the PSA billed.
    async fn billed(&self) -> Money {
        self.money(self.group.billed)
    }

    /// Billed less expected: negative when too little was billed. Leakage and overbilling cancel out in it.
    async fn difference(&self, ctx: &Context<'_>) -> Result<Money, Failure> {
        self.computed(ctx, self.group.billed, self.group.expected)
    }

    /// Billed less cost. Needs the role FINANCE.
    async fn margin(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(match require(ctx, crate::domain::access::Role::Finance) {
            Ok(()) => self.computed(ctx, self.group.billed, self.group.cost),
            Err(error) => Err(error),
        })
    }

    /// What was billed too little, as an amount below zero.
    async fn leakage(&self) -> Money {
        self.money(self.group.leakage)
    }

    /// What was billed too much.
    async fn overbilling(&self) -> Money {
        self.money(self.group.overbilling)
    }

    /// What Pax8 charged too much. Needs the role FINANCE.
    async fn cost_effect(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(for_finance(ctx, || self.money(self.group.cost_effect)))
    }
}

page_types!(ReportGroupTotalsConnection, ReportGroupTotalsEdge, ReportGroupTotals);
