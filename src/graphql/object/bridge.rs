//! Why billed and expected differ: the difference taken apart.

use async_graphql::SimpleObject;

use crate::domain::discrepancy::DiscrepancyType;
use crate::domain::money::{Currency, ExactSum, Money as Amount, OutOfRange};
use crate::engine::billing::{BridgePart, bridge_part};
use crate::graphql::scalar::Money;

use rust_decimal::Decimal;

/// A difference taken apart by what caused it. The parts add up to it, to the last digit.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct VarianceBridge {
    /// Other number of units, missing lines included.
    pub quantity: Money,
    /// Other price.
    pub price: Money,
    /// Changes inside a period that were not billed.
    pub proration: Money,
    /// Credits that were not given.
    pub credit: Money,
    /// Prices that were rounded before they were multiplied.
    pub rounding: Money,
    /// The rest: billed on another customer or item, in another cycle, within tolerance, or on lines of a report with an
    /// unknown amount.
    pub other: Money,
    /// Sum of the parts: billed less expected.
    pub difference: Money,
}

impl VarianceBridge {
    /// The bridge over a difference whose discrepancies have these effects; what they do not explain is other.
    pub(super) fn over(
        difference: Decimal,
        effects: impl IntoIterator<Item = (DiscrepancyType, Decimal)>,
        currency: Currency,
    ) -> Result<Self, OutOfRange> {
        let mut parts = [ExactSum::default(); BridgePart::ALL.len()];
        let mut rest = ExactSum::of([difference])?;
        for (kind, effect) in effects {
            parts[bridge_part(kind) as usize].add(effect)?;
            rest.subtract(effect)?;
        }
        parts[BridgePart::Other as usize].merge(rest)?;
        let money = |part: BridgePart| parts[part as usize].total().map(|part| Amount::new(part, currency).into());
        Ok(Self {
            quantity: money(BridgePart::Quantity)?,
            price: money(BridgePart::Price)?,
            proration: money(BridgePart::Proration)?,
            credit: money(BridgePart::Credit)?,
            rounding: money(BridgePart::Rounding)?,
            other: money(BridgePart::Other)?,
            difference: Amount::new(difference, currency).into(),
        })
    }
}
