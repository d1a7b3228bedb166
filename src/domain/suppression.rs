//! Rules that hide discrepancies which are known and accepted, until a day. What they hide stays counted.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::discrepancy::DiscrepancyType;
use super::id::{IntegrationId, OrganizationId, SuppressionRuleId};
use super::money::Currency;

/// What a discrepancy has to be like for a rule to hide it; every condition that is given has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SuppressionConditions {
    /// Any of these types; none for every type.
    pub kinds: Vec<DiscrepancyType>,
    /// PSA customer, by its id there.
    pub customer: Option<String>,
    /// PSA item, by its id there.
    pub psa_product: Option<String>,
    /// Product, by its id at Pax8.
    pub pax8_product: Option<String>,
    /// Currency.
    pub currency: Option<Currency>,
    /// Largest size of the effect and of the cost effect together, in the month, in major units.
    pub largest_amount: Option<Decimal>,
}

/// A discrepancy in one month, as far as a rule looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuppressionFacts<'a> {
    /// Type.
    pub kind: DiscrepancyType,
    /// PSA customer.
    pub customer: Option<&'a str>,
    /// PSA item.
    pub psa_product: Option<&'a str>,
    /// Product at Pax8.
    pub pax8_product: Option<&'a str>,
    /// Currency.
    pub currency: Currency,
    /// Size of the effect and of the cost effect together.
    pub magnitude: Decimal,
}

impl SuppressionConditions {
    /// Whether it names anything at all: a rule that hides everything is none.
    pub fn is_empty(&self) -> bool {
        let Self { kinds, customer, psa_product, pax8_product, currency: _, largest_amount } = self;
        kinds.is_empty()
            && customer.is_none()
            && psa_product.is_none()
            && pax8_product.is_none()
            && largest_amount.is_none()
    }

    /// Whether the conditions hold for a discrepancy.
    pub fn hold_for(&self, facts: &SuppressionFacts<'_>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|id| found == Some(id));
        (self.kinds.is_empty() || self.kinds.contains(&facts.kind))
            && is(&self.customer, facts.customer)
            && is(&self.psa_product, facts.psa_product)
            && is(&self.pax8_product, facts.pax8_product)
            && self.currency.is_none_or(|currency| currency == facts.currency)
            && self.largest_amount.is_none_or(|largest| facts.magnitude <= largest)
    }
}

/// A rule that hides discrepancies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionRule {
    /// Id.
    pub id: SuppressionRuleId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// What it hides.
    pub conditions: SuppressionConditions,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Last day on which it holds.
    pub expires_on: NaiveDate,
    /// Name of who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who ended it before its time, and when.
    pub ended: Option<(String, DateTime<Utc>)>,
    /// Grows by one with every change.
    pub version: i64,
}

impl SuppressionRule {
    /// Whether it holds on a day.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.ended.is_none() && day <= self.expires_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> SuppressionFacts<'static> {
        SuppressionFacts {
            kind: DiscrepancyType::Rounding,
            customer: Some("104"),
            psa_product: Some("2015"),
            pax8_product: None,
            currency: Currency::USD,
            magnitude: Decimal::new(5, 2),
        }
    }

    #[test]
    fn every_condition_has_to_hold() {
        let rule = SuppressionConditions {
            kinds: vec![DiscrepancyType::Rounding],
            customer: Some("104".to_owned()),
            largest_amount: Some(Decimal::new(5, 2)),
            ..SuppressionConditions::default()
        };
        assert!(rule.hold_for(&facts()));
        assert!(!rule.hold_for(&SuppressionFacts { kind: DiscrepancyType::WrongPrice, ..facts() }));
        assert!(!rule.hold_for(&SuppressionFacts { customer: None, ..facts() }));
        assert!(!rule.hold_for(&SuppressionFacts { magnitude: Decimal::new(6, 2), ..facts() }));
        let of_product = SuppressionConditions { pax8_product: Some("p".to_owned()), ..rule };
        assert!(!of_product.hold_for(&facts()));
    }

    #[test]
    fn a_currency_alone_is_no_rule() {
        let currency = Some(Currency::USD);
        assert!(SuppressionConditions { currency, ..SuppressionConditions::default() }.is_empty());
    }
}
