//! What people decide about a discrepancy, for which months a decision holds, and what the next report makes of it.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::discrepancy::{DiscrepancyStatus, EffectSums};
use super::id::SuppressionRuleId;
use super::money::OutOfRange;
use super::period::Period;

/// How a discrepancy was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// The PSA bills it rightly now.
    CorrectedInPsa,
    /// The vendor corrected its charge.
    CorrectedByVendor,
    /// A mapping was wrong.
    MappingFixed,
    /// The contract says so.
    AcceptedByContract,
    /// The MSP uses it itself.
    InternalUse,
    /// It evens out in another month.
    Timing,
    /// Too small to matter.
    Immaterial,
    /// Claimed from the vendor, or contested by the customer.
    Disputed,
    /// The data were wrong, not the billing.
    DataError,
}

/// The months that a decision holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecisionScope {
    /// Those that it was made on, with the amounts that they had.
    ThesePeriods,
    /// These and all after the first of them that begin on this day or before, whatever their amounts.
    Until(NaiveDate),
    /// These and the following ones, as long as the amounts of a month stay those of the last month it was made on.
    WhileUnchanged,
}

/// What somebody decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Months that it holds for.
    pub scope: DecisionScope,
    /// Why, in the words of the person.
    pub reason: Option<String>,
    /// Name of who decided.
    pub decided_by: String,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Months that it was made on, with the amounts that they had.
    pub months: Vec<DecidedMonth>,
}

/// A month that a decision was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecidedMonth {
    /// Month.
    pub period: Period,
    /// Billed minus expected.
    pub effect: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
}

/// What became of a discrepancy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DiscrepancyState {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks into it.
    InReview,
    /// Settled by a person.
    Resolved {
        /// How.
        resolution: Resolution,
        /// By whom, why, and for which months.
        decision: Decision,
    },
    /// No report finds it any more; it closed itself.
    Gone {
        /// When a report first did not find it.
        since: DateTime<Utc>,
    },
    /// Given up by a person.
    WrittenOff {
        /// By whom, why, and for which months.
        decision: Decision,
    },
    /// Hidden by a rule.
    Suppressed {
        /// Rule.
        rule_id: SuppressionRuleId,
    },
    /// Was settled or gone, and is there again.
    Reopened,
}

impl DiscrepancyState {
    /// The status that a reader sees.
    pub fn status(&self) -> DiscrepancyStatus {
        match self {
            Self::Open => DiscrepancyStatus::Open,
            Self::InReview => DiscrepancyStatus::InReview,
            Self::Resolved { .. } | Self::Gone { .. } => DiscrepancyStatus::Resolved,
            Self::WrittenOff { .. } => DiscrepancyStatus::WrittenOff,
            Self::Suppressed { .. } => DiscrepancyStatus::Suppressed,
            Self::Reopened => DiscrepancyStatus::Reopened,
        }
    }

    /// The decision of a person that holds.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Resolved { decision, .. } | Self::WrittenOff { decision } => Some(decision),
            Self::Open | Self::InReview | Self::Gone { .. } | Self::Suppressed { .. } | Self::Reopened => None,
        }
    }

    /// Somebody takes it up. What is settled or hidden stays so.
    pub fn take_up(self) -> Self {
        match self {
            Self::Open | Self::Reopened => Self::InReview,
            other @ (Self::InReview
            | Self::Resolved { .. }
            | Self::Gone { .. }
            | Self::WrittenOff { .. }
            | Self::Suppressed { .. }) => other,
        }
    }

    /// Nobody looks into it any more.
    pub fn put_down(self) -> Self {
        match self {
            Self::InReview => Self::Open,
            other @ (Self::Open
            | Self::Resolved { .. }
            | Self::Gone { .. }
            | Self::WrittenOff { .. }
            | Self::Suppressed { .. }
            | Self::Reopened) => other,
        }
    }

    /// Takes a decision back, or shows what a rule hides; the rule does not hide it again, because a person looks into
    /// it. What nobody has settled stays as it is, and so does what is not found any more.
    pub fn reopen(self) -> Self {
        match self {
            Self::Resolved { .. } | Self::WrittenOff { .. } => Self::Reopened,
            Self::Suppressed { .. } => Self::InReview,
            other @ (Self::Open | Self::InReview | Self::Reopened | Self::Gone { .. }) => other,
        }
    }

    /// What the reports make of it that speak for its months. `found` are all months in which they find it, each once;
    /// none when no report finds it any more.
    pub fn after_report(self, found: &[FoundMonth], now: DateTime<Utc>) -> Self {
        let Some(latest) = found.iter().max_by_key(|month| month.period) else {
            return match self {
                Self::Open | Self::InReview | Self::Suppressed { .. } | Self::Reopened => Self::Gone { since: now },
                // What a person settled stays settled as it was.
                other @ (Self::Resolved { .. } | Self::WrittenOff { .. } | Self::Gone { .. }) => other,
            };
        };
        match self {
            Self::Resolved { ref decision, .. } | Self::WrittenOff { ref decision } => {
                if found.iter().all(|month| decision.holds_for(month)) { self } else { Self::Reopened }
            }
            // A rule hides what nobody has taken up, and shows it again when it no longer holds.
            Self::Open | Self::Reopened | Self::Suppressed { .. } | Self::Gone { .. } => match latest.suppressed_by {
                Some(rule_id) if found.iter().all(|month| month.suppressed_by.is_some()) => {
                    Self::Suppressed { rule_id }
                }
                _ if matches!(self, Self::Suppressed { .. } | Self::Gone { .. }) => Self::Reopened,
                _ => self,
            },
            Self::InReview => self,
        }
    }
}

/// A month of a discrepancy as the report that speaks for the month found it, everything in the month added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundMonth {
    /// Month.
    pub period: Period,
    /// Billed minus expected.
    pub effect: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
    /// Rule that hides all of it.
    pub suppressed_by: Option<SuppressionRuleId>,
}

impl FoundMonth {
    /// Takes in more of the same month; a rule hides it as long as all of it is hidden.
    pub fn add(&mut self, other: &Self) -> Result<(), OutOfRange> {
        let mut sums = EffectSums::default();
        for part in [&*self, other] {
            sums.add(part.effect, part.cost_effect)?;
        }
        (self.effect, self.cost_effect) = sums.totals()?;
        self.suppressed_by = self.suppressed_by.and(other.suppressed_by);
        Ok(())
    }
}

impl DecidedMonth {
    fn has_amounts_of(&self, found: &FoundMonth) -> bool {
        (self.effect, self.cost_effect) == (found.effect, found.cost_effect)
    }
}

impl Decision {
    /// Whether it holds for a month as it is found now.
    fn holds_for(&self, month: &FoundMonth) -> bool {
        let first = self.months.iter().map(|other| other.period).min();
        if let DecisionScope::Until(day) = self.scope
            && first.is_some_and(|first| first <= month.period)
            && month.period.first_day() <= day
        {
            return true;
        }
        // A month that was decided on holds with the amounts it had: nobody agreed to larger ones.
        if let Some(same) = self.months.iter().find(|other| other.period == month.period) {
            return same.has_amounts_of(month);
        }
        let last = self.months.iter().max_by_key(|other| other.period);
        match self.scope {
            DecisionScope::ThesePeriods | DecisionScope::Until(_) => false,
            DecisionScope::WhileUnchanged => {
                last.is_some_and(|last| month.period > last.period && last.has_amounts_of(month))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn month(text: &str, effect: i64) -> FoundMonth {
        let period = Period::parse(text).expect("a month");
        FoundMonth { period, effect: Decimal::new(effect, 2), cost_effect: Decimal::ZERO, suppressed_by: None }
    }

    fn hidden(text: &str, effect: i64) -> FoundMonth {
        FoundMonth { suppressed_by: Some(SuppressionRuleId(Uuid::from_u128(9))), ..month(text, effect) }
    }

    fn written_off(scope: DecisionScope) -> DiscrepancyState {
        let decided = |text, effect| {
            let FoundMonth { period, effect, cost_effect, .. } = month(text, effect);
            DecidedMonth { period, effect, cost_effect }
        };
        let months = vec![decided("2026-08", -100), decided("2026-09", -120)];
        let (decided_by, decided_at) = ("Ada".to_owned(), DateTime::UNIX_EPOCH);
        DiscrepancyState::WrittenOff { decision: Decision { scope, reason: None, decided_by, decided_at, months } }
    }

    fn after(state: DiscrepancyState, found: &[FoundMonth]) -> DiscrepancyStatus {
        state.after_report(found, DateTime::UNIX_EPOCH).status()
    }

    #[test]
    fn a_decision_holds_for_its_months_and_their_amounts() {
        use DiscrepancyStatus::{Reopened, WrittenOff};
        let until = NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day");
        let cases = [
            (DecisionScope::ThesePeriods, month("2026-09", -120), WrittenOff),
            (DecisionScope::ThesePeriods, month("2026-09", -121), Reopened),
            (DecisionScope::ThesePeriods, month("2026-10", -120), Reopened),
            (DecisionScope::WhileUnchanged, month("2026-08", -100), WrittenOff),
            (DecisionScope::WhileUnchanged, month("2026-10", -120), WrittenOff),
            (DecisionScope::WhileUnchanged, month("2026-10", -100), Reopened),
            (DecisionScope::WhileUnchanged, month("2026-07", -120), Reopened),
            (DecisionScope::Until(until), month("2026-10", -9_900), WrittenOff),
            (DecisionScope::Until(until), month("2026-11", -9_900), WrittenOff),
            (DecisionScope::Until(until), month("2026-12", -120), Reopened),
            (DecisionScope::Until(until), month("2026-07", -120), Reopened),
        ];
        for (scope, found, expected) in cases {
            assert_eq!(after(written_off(scope), &[found]), expected, "{scope:?} {found:?}");
        }
    }

    #[test]
    fn what_no_report_finds_closes_itself_and_comes_back() {
        use DiscrepancyStatus::{Open, Reopened, Resolved, WrittenOff};
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(after(DiscrepancyState::Open, &[]), Resolved);
        assert_eq!(after(DiscrepancyState::InReview, &[]), Resolved);
        assert_eq!(after(written_off(DecisionScope::ThesePeriods), &[]), WrittenOff);
        assert_eq!(after(DiscrepancyState::Gone { since: now }, &[month("2026-09", 1)]), Reopened);
        assert_eq!(after(DiscrepancyState::Open, &[month("2026-09", 1)]), Open);
    }

    #[test]
    fn a_rule_hides_what_nobody_has_taken_up() {
        use DiscrepancyStatus::{InReview, Open, Reopened, Suppressed};
        let (shown, hidden) = (month("2026-09", 1), hidden("2026-10", 1));
        assert_eq!(after(DiscrepancyState::Open, &[hidden]), Suppressed);
        assert_eq!(after(DiscrepancyState::Open, &[hidden, shown]), Open);
        assert_eq!(after(DiscrepancyState::InReview, &[hidden]), InReview);
        let gone = DiscrepancyState::Gone { since: DateTime::UNIX_EPOCH };
        assert_eq!(after(gone, &[hidden]), Suppressed);
        let suppressed = DiscrepancyState::Open.after_report(&[hidden], DateTime::UNIX_EPOCH);
        assert_eq!(suppressed.clone().reopen().status(), InReview);
        assert_eq!(suppressed.clone().take_up().status(), Suppressed);
        assert_eq!(after(suppressed, &[shown]), Reopened);
    }
}
