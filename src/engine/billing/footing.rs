//! Every source line is counted once, in one class, and the classes add up to the source (law 1).

use std::collections::BTreeMap;

use super::amount::{Amount, Maybe};
use super::report::{Class, CoverageRow, FootingRow, Reason, ReconcileError, Side};
use crate::domain::money::{Currency, OutOfRange};

#[derive(Default, Clone, Copy)]
struct Sum {
    count: u64,
    unknown: u64,
    amount: Amount,
}

impl Sum {
    fn add(&mut self, amount: Maybe) -> Result<(), OutOfRange> {
        self.count += 1;
        match amount.known() {
            Some(amount) => self.amount = self.amount.plus(amount)?,
            None => self.unknown += 1,
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<(), OutOfRange> {
        self.count += other.count;
        self.unknown += other.unknown;
        self.amount = self.amount.plus(other.amount)?;
        Ok(())
    }
}

/// Counts lines as they get their class, and apart from that as they are read.
#[derive(Default)]
pub(super) struct Footing {
    classed: BTreeMap<(Option<Currency>, Side, Class, Option<Reason>), Sum>,
    source: BTreeMap<(Option<Currency>, Side), Sum>,
}

/// Lines of one key on one side.
pub(super) struct KeyLines {
    pub(super) currency: Currency,
    pub(super) side: Side,
    pub(super) class: Class,
    pub(super) reason: Option<Reason>,
}

impl Footing {
    /// Counts a line of the source.
    pub(super) fn source(&mut self, currency: Option<Currency>, side: Side, amount: Maybe) -> Result<(), OutOfRange> {
        self.source.entry((currency, side)).or_default().add(amount)
    }

    /// Counts a line that has a class of its own.
    pub(super) fn aside(
        &mut self,
        currency: Option<Currency>,
        side: Side,
        (class, reason): (Class, Reason),
        amount: Maybe,
    ) -> Result<(), OutOfRange> {
        self.classed.entry((currency, side, class, Some(reason))).or_default().add(amount)
    }

    /// Counts the lines of a key.
    pub(super) fn key(&mut self, lines: KeyLines, amounts: impl Iterator<Item = Maybe>) -> Result<(), OutOfRange> {
        let mut sum = Sum::default();
        for amount in amounts {
            sum.add(amount)?;
        }
        if sum.count > 0 {
            self.classed
                .entry((Some(lines.currency), lines.side, lines.class, lines.reason))
                .or_default()
                .merge(sum)?;
        }
        Ok(())
    }

    /// Takes what was counted elsewhere.
    pub(super) fn merge(&mut self, other: Self) -> Result<(), OutOfRange> {
        for (place, sum) in other.classed {
            self.classed.entry(place).or_default().merge(sum)?;
        }
        for (place, sum) in other.source {
            self.source.entry(place).or_default().merge(sum)?;
        }
        Ok(())
    }

    /// The rows of the report, or an error when they do not add up to the source.
    pub(super) fn close(self) -> Result<(Vec<FootingRow>, Vec<CoverageRow>), ReconcileError> {
        let mut by_side: BTreeMap<(Option<Currency>, Side), Sum> = BTreeMap::new();
        let mut by_class: BTreeMap<(Option<Currency>, Side, Class), Sum> = BTreeMap::new();
        for ((currency, side, class, _), sum) in &self.classed {
            by_side.entry((*currency, *side)).or_default().merge(*sum)?;
            by_class.entry((*currency, *side, *class)).or_default().merge(*sum)?;
        }
        let sides: std::collections::BTreeSet<_> = by_side.keys().chain(self.source.keys()).copied().collect();
        for (currency, side) in sides {
            let classes = by_side.get(&(currency, side)).copied().unwrap_or_default();
            let source = self.source.get(&(currency, side)).copied().unwrap_or_default();
            let foots =
                (classes.count, classes.unknown, classes.amount) == (source.count, source.unknown, source.amount);
            if !foots {
                return Err(ReconcileError::DoesNotFoot {
                    side: match side {
                        Side::Vendor => "vendor",
                        Side::Psa => "PSA",
                    },
                    currency: currency.map_or_else(|| "?".to_owned(), |currency| currency.to_string()),
                    classes: classes.amount.to_decimal()?,
                    source_total: source.amount.to_decimal()?,
                });
            }
        }
        let mut footing = Vec::with_capacity(by_class.len());
        for ((currency, side, class), sum) in by_class {
            let amount = sum.amount.to_decimal()?;
            footing.push(FootingRow { currency, side, class, count: sum.count, unknown: sum.unknown, amount });
        }
        let mut coverage = Vec::with_capacity(self.classed.len());
        for ((currency, side, class, reason), sum) in self.classed {
            let amount = sum.amount.to_decimal()?;
            coverage.push(CoverageRow { currency, side, class, reason, count: sum.count, amount });
        }
        Ok((footing, coverage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_class_is_an_error() {
        let mut footing = Footing::default();
        footing.source(Some(Currency::USD), Side::Psa, Amount::ONE.into()).unwrap();
        let error = footing.close().unwrap_err();
        assert_eq!(error.to_string(), "cannot reconcile: the PSA side in USD does not foot: classes 0, source 1");
    }
}
