//! Rules that hide discrepancies.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::customer::PsaCustomerObject;
use super::discrepancy::DiscrepancyType;
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use super::record_reference::{pax8_product, psa_customer, psa_product};
use super::report_part::{for_finance, internal};
use crate::domain::money::{Currency, Money as Amount};
use crate::domain::suppression::SuppressionRule;
use crate::graphql::context::{caller, services};
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::loader_node::SuppressionRuleKey;
use crate::graphql::page::page_types;
use crate::graphql::record_loader::load_one;
use crate::graphql::scalar::{CurrencyCode, Date, Decimal, Money};
use crate::report::hidden::Hidden;

/// A rule that hides discrepancies which are known and accepted. What it hides still counts in every sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionRuleObject(pub SuppressionRule);

/// A rule that hides discrepancies which are known and accepted. What it hides still counts in every sum.
#[Object(name = "SuppressionRule")]
impl SuppressionRuleObject {
    /// Global ID of the rule.
    pub async fn id(&self) -> ID {
        encode(NodeKind::SuppressionRule, self.0.id.0)
    }

    /// Types that it hides; empty for every type.
    async fn types(&self) -> Vec<DiscrepancyType> {
        self.0.conditions.kinds.iter().map(|kind| (*kind).into()).collect()
    }

    /// Customer at the PSA that it is about; null for every customer.
    async fn psa_customer(&self, ctx: &Context<'_>) -> Option<Result<PsaCustomerObject, Failure>> {
        psa_customer(ctx, self.0.integration_id, self.0.conditions.customer.as_deref()).await
    }

    /// Item at the PSA that it is about; null for every item.
    async fn psa_product(&self, ctx: &Context<'_>) -> Option<Result<PsaProductObject, Failure>> {
        psa_product(ctx, self.0.integration_id, self.0.conditions.psa_product.as_deref()).await
    }

    /// Product at Pax8 that it is about; null for every product.
    async fn pax8_product(&self, ctx: &Context<'_>) -> Option<Result<Pax8ProductObject, Failure>> {
        pax8_product(ctx, self.0.integration_id, self.0.conditions.pax8_product.as_deref()).await
    }

    /// Currency that it is about; null for every currency.
    async fn currency_code(&self) -> Option<CurrencyCode> {
        self.0.conditions.currency.map(CurrencyCode)
    }

    /// Largest amount of a month that it hides, in major units: effect and cost effect together, whatever their signs;
    /// null for every amount. What it hides would tell about cost, so it needs the role FINANCE.
    async fn largest_amount(&self, ctx: &Context<'_>) -> Option<Result<Decimal, Failure>> {
        for_finance(ctx, || self.0.conditions.largest_amount.map(Decimal)).transpose()
    }

    /// Name of who answers for it.
    async fn owner(&self) -> &str {
        &self.0.owner
    }

    /// Why it hides.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Last day on which it holds.
    async fn expires_on(&self) -> Date {
        Date(self.0.expires_on)
    }

    /// Whether it holds today.
    async fn is_active(&self, ctx: &Context<'_>) -> bool {
        self.0.holds_on(services(ctx).core.clock.now().date_naive())
    }

    /// Name of who made it.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// Timestamp of when it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Name of who ended it before its time; null when nobody did.
    async fn ended_by(&self) -> Option<&str> {
        self.0.ended.as_ref().map(|(by, _)| by.as_str())
    }

    /// Timestamp of when it was ended before its time; null when it was not.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended.as_ref().map(|(_, at)| *at)
    }

    /// Grows by one with every change.
    async fn version(&self) -> i64 {
        self.0.version
    }
}

page_types!(SuppressionRuleConnection, SuppressionRuleEdge, SuppressionRuleObject);

/// What one rule hides in a report, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct HiddenTotals {
    /// Who answers for the rule.
    pub owner: String,
    /// Why it hides.
    pub reason: String,
    /// Last day on which it holds.
    pub expires_on: Date,
    /// Number of discrepancies, each month by itself.
    pub count: u64,
    /// What was billed too little, as an amount below zero.
    pub leakage: Money,
    /// What was billed too much.
    pub overbilling: Money,
    #[graphql(skip)]
    rule_id: Uuid,
    #[graphql(skip)]
    cost_effect: Money,
}

#[async_graphql::ComplexObject]
impl HiddenTotals {
    /// Rule, as it is now; null when it is not there any more.
    async fn suppression_rule(&self, ctx: &Context<'_>) -> Option<Result<SuppressionRuleObject, Failure>> {
        let found = load_one(ctx, SuppressionRuleKey(caller(ctx).organization_id, self.rule_id)).await;
        found.transpose().map(|found| found.map(SuppressionRuleObject))
    }

    /// What Pax8 charged too much. Needs the role FINANCE.
    async fn cost_effect(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(for_finance(ctx, || self.cost_effect))
    }
}

impl HiddenTotals {
    /// What a stored report says.
    pub(super) fn read(ctx: &Context<'_>, hidden: &Hidden) -> Result<Self, Failure> {
        let currency = Currency::parse(&hidden.currency).map_err(|error| internal(ctx, &error))?;
        let money = |amount| Amount::new(amount, currency).into();
        Ok(Self {
            owner: hidden.owner.clone(),
            reason: hidden.reason.clone(),
            expires_on: Date(hidden.expires_on.parse().map_err(|error: chrono::ParseError| internal(ctx, &error))?),
            count: hidden.discrepancies,
            leakage: money(hidden.leakage),
            overbilling: money(hidden.overbilling),
            rule_id: Uuid::try_parse(&hidden.rule_id).map_err(|error| internal(ctx, &error))?,
            cost_effect: money(hidden.cost_effect),
        })
    }
}
