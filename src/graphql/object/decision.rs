//! What people decided and wrote about a discrepancy.

use async_graphql::{ComplexObject, Context, Enum, SimpleObject};
use chrono::{DateTime, Utc};

use super::report_part::for_finance;
use crate::domain::decision::{DecidedMonth, Decision, DecisionScope, DiscrepancyState, Resolution as Settled};
use crate::domain::money::{Currency, Money as Amount};
use crate::graphql::error::Failure;
use crate::graphql::scalar::{Date, Money, Month};
use crate::storage::note::Note;

/// How a discrepancy was settled. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Settled")]
pub enum Resolution {
    /// The PSA bills it rightly now.
    CorrectedInPsa,
    /// Pax8 corrected its charge.
    CorrectedByVendor,
    /// A mapping was wrong and has been put right.
    MappingFixed,
    /// The contract says so.
    AcceptedByContract,
    /// The MSP uses it itself.
    InternalUse,
    /// It evens out in another month.
    Timing,
    /// Too small to matter.
    Immaterial,
    /// Claimed from Pax8, or contested by the customer.
    Disputed,
    /// The data were wrong, not the billing.
    DataError,
}

/// Months that a decision holds for. Found in any other way, the discrepancy is reopened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[graphql(name = "DecisionScope")]
pub enum ScopeKind {
    /// Those that it was made on, with the amounts that they had.
    #[default]
    ThesePeriods,
    /// These and the following ones up to a day, whatever their amounts.
    Until,
    /// These and the following ones, as long as a month has the amounts of the last one that it was made on.
    WhileUnchanged,
}

/// A month that a decision was made on.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct DecidedPeriod {
    /// Month.
    pub period: Month,
    /// Billed less expected at that time.
    pub effect: Money,
    #[graphql(skip)]
    cost_effect: Money,
}

#[ComplexObject]
impl DecidedPeriod {
    /// What Pax8 charged too much at that time; negative when it charged too little. Needs the role FINANCE.
    async fn cost_effect(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        Some(for_finance(ctx, || self.cost_effect))
    }
}

/// What somebody decided about a discrepancy.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct DiscrepancyDecision {
    /// How it was settled; null when it was written off.
    pub resolution: Option<Resolution>,
    /// Months that the decision holds for.
    pub scope: ScopeKind,
    /// Last day on which a month may begin that the decision holds for; null unless `scope` is `UNTIL`.
    pub until: Option<Date>,
    /// Why, in the words of the person; null when nothing was said.
    pub reason: Option<String>,
    /// Name of who decided.
    pub decided_by: String,
    /// Timestamp of the decision.
    pub decided_at: DateTime<Utc>,
    /// Months that it was made on, with the amounts that they had.
    pub periods: Vec<DecidedPeriod>,
}

impl DiscrepancyDecision {
    /// The decision that a state carries.
    pub(super) fn of(state: &DiscrepancyState, currency: Currency) -> Option<Self> {
        let resolution = match state {
            DiscrepancyState::Resolved { resolution, .. } => Some((*resolution).into()),
            _ => None,
        };
        let Decision { scope, reason, decided_by, decided_at, months } = state.decision()?.clone();
        let (scope, until) = match scope {
            DecisionScope::ThesePeriods => (ScopeKind::ThesePeriods, None),
            DecisionScope::Until(day) => (ScopeKind::Until, Some(Date(day))),
            DecisionScope::WhileUnchanged => (ScopeKind::WhileUnchanged, None),
        };
        let period = |DecidedMonth { period, effect, cost_effect }: DecidedMonth| DecidedPeriod {
            period: Month(period),
            effect: Amount::new(effect, currency).into(),
            cost_effect: Amount::new(cost_effect, currency).into(),
        };
        let periods = months.into_iter().map(period).collect();
        Some(Self { resolution, scope, until, reason, decided_by, decided_at, periods })
    }
}

/// What somebody wrote about a discrepancy.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct DiscrepancyNote {
    /// Name of who wrote it; `Concord` for what the server says itself.
    pub author: String,
    /// Text.
    pub text: String,
    /// Timestamp of when it was written.
    pub created_at: DateTime<Utc>,
}

impl From<Note> for DiscrepancyNote {
    fn from(note: Note) -> Self {
        let Note { id: _, discrepancy_id: _, author, text, created_at } = note;
        Self { author, text, created_at }
    }
}
