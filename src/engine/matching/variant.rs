//! Whether an item bills a product at one of its terms: the term itself, price and cost.

use rust_decimal::prelude::ToPrimitive;

use super::explain::{Signal, SignalKind, Veto};
use super::license::Term;
use super::license::term::{self, of_code};
use super::product_record::{ItemRecord, SoldVariant, VariantPrice};
use super::score::Weight;
use crate::domain::record::{BillCycle, BillingTerm};

/// The term of a variant or an item in months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cadence {
    /// Paid every so many months, bound for so many.
    Periodic { billing: u16, commitment: u16 },
    /// Bought once.
    OneTime,
    /// By use.
    Usage,
    /// What the product's name says.
    Named(Term),
    /// Nothing that an item could be compared with.
    Unknown,
}

impl Cadence {
    /// The cadence at which Pax8 sells.
    pub fn of_variant(variant: &SoldVariant) -> Self {
        let commitment = variant.commitment_term.as_deref().and_then(term::months);
        let billing = match variant.billing_term {
            Some(BillingTerm::Monthly) => 1,
            Some(BillingTerm::Annual) => 12,
            Some(BillingTerm::TwoYear) => 24,
            Some(BillingTerm::ThreeYear) => 36,
            Some(BillingTerm::OneTime) => return Self::OneTime,
            Some(BillingTerm::Arrears) => return Self::Usage,
            Some(BillingTerm::Trial | BillingTerm::Activation | BillingTerm::Rebate) | None => return Self::Unknown,
        };
        // Who pays a year at once is bound for it, whether or not Pax8 writes so.
        Self::Periodic { billing, commitment: commitment.unwrap_or(billing).max(billing) }
    }

    fn describe(self) -> String {
        match self {
            Self::Periodic { billing, commitment } => {
                Term { commitment: Some(commitment), billing: Some(billing), ..Term::default() }.describe()
            }
            Self::OneTime => "one-time".to_owned(),
            Self::Usage => "by use".to_owned(),
            Self::Named(term) => term.describe(),
            Self::Unknown => "unknown".to_owned(),
        }
    }
}

/// What an item says about its term, in its name, its code and the field of the PSA.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemTerm {
    term: Term,
    cycle: Option<BillCycle>,
}

impl ItemTerm {
    pub fn of(item: &ItemRecord, name: Term) -> Self {
        let code = item.identifier.as_deref().map(of_code).unwrap_or_default();
        Self { term: name.or(code), cycle: item.bill_cycle }
    }

    fn billing(&self) -> Option<u16> {
        match self.cycle {
            // Who writes `1-year, paid monthly` into a name and bills it monthly agrees with himself.
            Some(BillCycle::Monthly) => Some(1),
            Some(BillCycle::Annual) => Some(12),
            Some(BillCycle::OneTime | BillCycle::Usage) => None,
            None => self.term.billing,
        }
    }

    /// Whether the words themselves say that a longer commitment is paid by the month.
    pub fn says_paid_monthly(&self) -> bool {
        self.term.commitment.is_some_and(|months| months > 1) && self.term.billing == Some(1)
    }

    /// Whether the words name a longer commitment and nothing else, and the item is billed monthly.
    pub fn says_commitment_alone(&self) -> bool {
        self.term.commitment.is_some_and(|months| months > 1)
            && self.term.billing.is_none()
            && self.billing() == Some(1)
    }

    fn describe(&self) -> String {
        match self.cycle {
            Some(BillCycle::OneTime) => "one-time".to_owned(),
            Some(BillCycle::Usage) => "by use".to_owned(),
            Some(BillCycle::Monthly) => Term { billing: Some(1), ..self.term }.describe(),
            Some(BillCycle::Annual) => Term { billing: Some(12), ..self.term }.describe(),
            None => self.term.describe(),
        }
    }
}

/// How near an amount of the item is to the one that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nearness {
    Far,
    Near,
    /// Equal to the cent.
    Exact,
}

/// Amounts of an item against those of a variant.
#[derive(Debug, Clone, Copy)]
pub(super) struct AmountEvidence {
    /// Cost at the PSA over expected cost.
    pub cost: Option<(f64, Nearness)>,
    /// Price at the PSA over suggested price.
    pub price: Option<(f64, Nearness)>,
}

impl AmountEvidence {
    /// Whether cost or price is equal to the cent.
    pub fn is_exact(&self) -> bool {
        [self.cost, self.price].into_iter().flatten().any(|(_, nearness)| nearness == Nearness::Exact)
    }
}

/// Compares amounts, brought to the item's bill cycle.
pub(super) fn amounts(
    variant: &SoldVariant,
    cadence: Cadence,
    item: &ItemRecord,
    item_term: &ItemTerm,
) -> AmountEvidence {
    let same_currency = |price: &&VariantPrice| match (price.currency, item.currency) {
        (Some(left), Some(right)) => left == right,
        _ => true,
    };
    let Some(offered) = variant.prices.iter().find(same_currency) else {
        return AmountEvidence { cost: None, price: None };
    };
    let share = match (cadence, item_term.billing()) {
        (Cadence::Periodic { billing, .. }, Some(months)) => f64::from(months) / f64::from(billing),
        _ => 1.0,
    };
    let near = |have: Option<rust_decimal::Decimal>, want: Option<rust_decimal::Decimal>| {
        let (have, want) = (have?.to_f64()?, want?.to_f64()? * share);
        if have <= 0.0 || want <= 0.0 {
            return None;
        }
        let (ratio, gap) = (have / want, (have - want).abs());
        // PSAs keep two decimals, so half a cent is equal, unless half a cent is much.
        let nearness = if gap <= 0.0051 && (0.97..=1.03).contains(&ratio) {
            Nearness::Exact
        } else if (0.92..=1.08).contains(&ratio) {
            Nearness::Near
        } else {
            Nearness::Far
        };
        Some((ratio, nearness))
    };
    AmountEvidence {
        cost: near(item.cost.map(|cost| cost.0), offered.cost.map(|cost| cost.0)),
        price: near(item.price.map(|price| price.0), offered.price.map(|price| price.0)),
    }
}

/// Signals of the amounts.
pub(super) fn push_amounts(evidence: &AmountEvidence, signals: &mut Vec<Signal>) {
    let mut push = |kind, ratio: f64, bits: f64| {
        let right = format!(
            "{}.{:02} of the expected",
            (ratio * 100.0).round() as i64 / 100,
            (ratio * 100.0).round() as i64 % 100
        );
        signals.push(Signal { kind, left: "1.00".to_owned(), right, weight: Weight::of_bits(bits) });
    };
    if let Some((ratio, nearness)) = evidence.cost {
        push(
            SignalKind::Cost,
            ratio,
            match nearness {
                Nearness::Exact => 5.0,
                Nearness::Near => 1.0,
                Nearness::Far if (0.75..=1.35).contains(&ratio) => -1.0,
                Nearness::Far => -4.0,
            },
        );
    }
    if let Some((ratio, nearness)) = evidence.price {
        push(
            SignalKind::Price,
            ratio,
            match nearness {
                Nearness::Exact => 3.0,
                Nearness::Near => 0.5,
                // A margin is the MSP's own business; another order of magnitude is another product.
                Nearness::Far if (0.7..=2.2).contains(&ratio) => -0.3,
                Nearness::Far => -3.0,
            },
        );
    }
}

/// Compares the terms.
pub(super) fn compare_terms(
    cadence: Cadence,
    item: &ItemTerm,
    evidence: &AmountEvidence,
    costs_nothing: bool,
) -> (Signal, Option<Veto>) {
    let (left, right) = (cadence.describe(), item.describe());
    let (bits, is_refused) = match (cadence, item.cycle) {
        (Cadence::Unknown, _) => (-2.0, true),
        (Cadence::Named(term), _) => named(term, Term { billing: item.billing(), ..item.term }),
        (Cadence::OneTime, Some(BillCycle::OneTime)) => (3.0, false),
        (Cadence::OneTime, None) if item.term == Term::default() || item.term.is_one_time => (0.0, false),
        (Cadence::Usage, Some(BillCycle::Usage)) => (3.0, false),
        (Cadence::Usage, None) if item.term == Term::default() => (0.0, false),
        // Azure is sold monthly at price zero and charged by use.
        (Cadence::Periodic { .. }, Some(BillCycle::Usage)) if costs_nothing => (2.0, false),
        (Cadence::OneTime | Cadence::Usage, _) | (_, Some(BillCycle::OneTime | BillCycle::Usage)) => (-12.0, true),
        (Cadence::Periodic { billing, commitment }, _) => periodic(billing, commitment, item, evidence),
    };
    let veto = is_refused.then(|| Veto::Term(left.clone(), right.clone()));
    (Signal { kind: SignalKind::Term, left, right, weight: Weight::of_bits(bits) }, veto)
}

/// Compares the terms that two names state.
fn named(left: Term, right: Term) -> (f64, bool) {
    let is_stated = |term: Term| term.commitment.is_some() || term.billing.is_some() || term.is_one_time;
    let agree = |a: Option<u16>, b: Option<u16>| match (a, b) {
        (Some(a), Some(b)) => Some(a == b),
        _ => None,
    };
    match (is_stated(left), is_stated(right)) {
        (false, false) => (0.0, false),
        // Which of its terms an unspecific product means shows only where there is a single item.
        (false, true) => (-1.0, false),
        (true, false) => (-3.0, true),
        (true, true) if left.is_one_time != right.is_one_time => (-12.0, true),
        (true, true) => match (agree(left.commitment, right.commitment), agree(left.billing, right.billing)) {
            (Some(false), _) | (_, Some(false)) => (-12.0, true),
            (Some(true), Some(true)) => (4.0, false),
            // `Annual` and `annual, paid monthly` may be two items of one list.
            _ => (0.0, left.commitment != right.commitment || left.billing != right.billing),
        },
    }
}

/// Bits for the term, and whether it is refused.
fn periodic(billing: u16, commitment: u16, item: &ItemTerm, evidence: &AmountEvidence) -> (f64, bool) {
    let is_structured = item.cycle.is_some();
    let item_billing = item.billing();
    let item_commitment = item.term.commitment;
    let billing_agrees = item_billing.is_none_or(|months| months == billing);
    match item_commitment {
        _ if item_billing.is_some_and(|months| months > billing) => (-12.0, true),
        Some(months) if months == commitment && billing_agrees => {
            (if item_billing.is_some() { 5.0 } else { 1.5 }, item_billing.is_none() && commitment > 1 && !is_structured)
        }
        // A yearly charge that the MSP passes on in twelfths.
        Some(months) if months == commitment => {
            let bits = match (evidence.is_exact(), item.says_paid_monthly()) {
                (true, _) => 3.0,
                (false, true) => 0.0,
                (false, false) => -2.0,
            };
            (bits, false)
        }
        // The monthly item serves the yearly commitment where there is no item of its own.
        Some(1) if billing_agrees && is_structured => (-0.5, false),
        None if billing_agrees && item_billing.is_some() && is_structured => {
            (if commitment == billing { 2.0 } else { -0.5 }, false)
        }
        None if !billing_agrees && evidence.is_exact() => (0.0, false),
        None if item_billing.is_none() => (-1.0, true),
        _ => (-12.0, true),
    }
}
