//! One group of subscriptions and lines in one period: is the difference one of quantity, of price, or of rounding?

use super::amount::{Amount, Rounding};
use super::expected::Charge;
use super::finding::Finding;
use super::intern::{AgreementLineRef, SubscriptionRef};
use super::judge::{Billed, Judge};
use super::key::AccountKey;
use super::policy::{Policy, PriceSource};
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::{Fraction, OutOfRange, RoundingMode};

/// Both sides of a group in a period.
#[derive(Clone, Copy)]
pub(super) struct Both<'a> {
    pub(super) account: AccountKey,
    pub(super) period: u16,
    /// First line of the chain.
    pub(super) head: Option<AgreementLineRef>,
    pub(super) charges: &'a [&'a Charge],
    pub(super) billed: &'a [&'a Billed],
}

/// Whether a difference is none, or one that the policy accepts.
pub(super) fn is_tolerated(policy: &Policy, expected: Amount, actual: Amount) -> Result<bool, OutOfRange> {
    let off = actual.minus(expected)?.absolute();
    if off.is_zero() || off <= Amount::from_decimal(policy.tolerance.absolute)? {
        return Ok(true);
    }
    let percent = Amount::from_decimal(policy.tolerance.percent)?;
    let exact = Rounding { scale: 12, mode: RoundingMode::TowardZero };
    let share = Fraction { numerator: 1, denominator: 100 };
    Ok(!percent.is_zero() && off <= expected.absolute().extended(percent, share, exact)?)
}

/// Compares the recurring charges of a group with its lines.
pub(super) fn recurring(
    judge: &Judge<'_>,
    both: Both<'_>,
    subscriptions: &[SubscriptionRef],
    findings: &mut Vec<Finding>,
) -> Result<(), OutOfRange> {
    let (mut expected, mut wanted, mut actual) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
    let mut billed_quantity = Some(Amount::ZERO);
    for charge in both.charges {
        expected = expected.plus(charge.expected.known().unwrap_or_default())?;
        wanted = wanted.plus(charge.quantity.known().unwrap_or_default())?;
    }
    for billed in both.billed {
        actual = actual.plus(billed.amount)?;
        billed_quantity = billed_quantity.zip(billed.quantity).and_then(|(left, right)| left.plus(right).ok());
    }
    if is_tolerated(judge.calculator.policy, expected, actual)? {
        return Ok(());
    }
    let price = both.charges.first().and_then(|charge| charge.price.known());
    let unit_price = both.billed.first().and_then(|billed| billed.unit_price);
    let mut finding = Finding::new(Type::WrongPrice, both.account, both.period);
    finding.chain = both.head;
    finding.subscription = subscriptions.first().copied();
    for charge in both.charges {
        finding = finding.about(charge);
    }
    if let Some(subject) = finding.subscription
        && both.charges.is_empty()
        && let Some(state) = judge.input.subscriptions.get(subject).and_then(|row| row.revisions.last())
    {
        finding.company = Some(state.company);
        finding.product = Some(state.product);
    }
    finding.psa_lines = both.billed.iter().flat_map(|billed| billed.lines.iter().copied()).collect();
    (finding.expected_quantity, finding.actual_quantity) = (wanted.into(), billed_quantity.into());
    (finding.expected, finding.actual) = (expected, actual);
    (finding.expected_price, finding.actual_price) = (price.into(), unit_price.into());

    if both.charges.is_empty() {
        finding.kind = without_charge(judge, both.period, subscriptions);
        findings.push(finding);
        return Ok(());
    }
    let Some(billed_quantity) = billed_quantity.filter(|billed| *billed != wanted) else {
        finding.kind = price_type(judge, both.account, price, unit_price);
        findings.push(finding);
        return Ok(());
    };
    finding.kind = if billed_quantity < wanted { Type::QuantityUnder } else { Type::QuantityOver };
    blame(judge, both, wanted.minus(billed_quantity)?, &mut finding);
    // The other quantity may hide another price: then there are two causes, each with its own amount.
    let rounding = judge.calculator.rounding(both.account.currency());
    let at_reference = match price {
        Some(price) => billed_quantity.extended(price, Fraction::ONE, rounding)?,
        None => actual,
    };
    let cent = Amount(Amount::ONE.0 / 100);
    let lines = both.billed.iter().map(|billed| billed.lines.len()).sum::<usize>().max(both.charges.len());
    let slack = Amount(cent.0.saturating_mul(lines as i128));
    if both.billed.is_empty() || at_reference.minus(actual)?.absolute() <= slack {
        findings.push(finding);
        return Ok(());
    }
    let mut by_price = finding.clone();
    by_price.kind = price_type(judge, both.account, price, unit_price);
    by_price.expected = at_reference;
    by_price.expected_quantity = billed_quantity.into();
    finding.actual = at_reference;
    findings.push(finding);
    if !is_tolerated(judge.calculator.policy, by_price.expected, by_price.actual)? {
        findings.push(by_price);
    } else if let Some(last) = findings.last_mut() {
        last.actual = actual;
    }
    Ok(())
}

/// Of several subscriptions on one line, the one whose own change the line missed; else the first.
fn blame(judge: &Judge<'_>, both: Both<'_>, missing: Amount, finding: &mut Finding) {
    if both.charges.len() < 2 {
        return;
    }
    let culprit = both.charges.iter().find(|charge| {
        let row = charge.subscription.and_then(|subscription| judge.input.subscriptions.get(subscription));
        let Some((row, quantity)) = row.zip(charge.quantity.known()) else { return false };
        quantity.minus(missing).is_ok_and(|before| row.quantities().any(|earlier| earlier == before))
    });
    if let Some(culprit) = culprit {
        finding.subscription = culprit.subscription;
        finding.company = Some(culprit.company);
        finding.product = Some(culprit.product);
    }
}

/// Billed in a month in which Pax8 charged nothing.
fn without_charge(judge: &Judge<'_>, period: u16, subscriptions: &[SubscriptionRef]) -> Type {
    let first_day = judge.periods[usize::from(period)].first_day();
    let all_ended = !subscriptions.is_empty()
        && subscriptions.iter().all(|subscription| {
            let end = judge.input.subscriptions.get(*subscription).and_then(|row| row.end());
            end.is_some_and(|end| end < first_day)
        });
    if all_ended { Type::CanceledStillBilled } else { Type::OrphanedBilling }
}

/// Rounded before multiplying, or simply another price.
fn price_type(judge: &Judge<'_>, account: AccountKey, price: Option<Amount>, unit_price: Option<Amount>) -> Type {
    let minor = Rounding { scale: account.currency().minor_digits(), mode: RoundingMode::HalfAwayFromZero };
    let rounded = price.and_then(|price| price.rounded(minor).ok());
    if judge.calculator.policy.price_source != PriceSource::AgreementLine && rounded != price && rounded == unit_price {
        Type::Rounding
    } else {
        Type::WrongPrice
    }
}
