//! What is billed too much in one place and too little in another is one error, not two: wrong customer, wrong item,
//! wrong currency.

use std::collections::BTreeMap;

use super::amount::Amount;
use super::expected::Charge;
use super::finding::{Counterpart, Finding};
use super::judge::{Explanation, Extra, Judge, Outcome, Unbilled};
use super::report::{KeyCustomer, KeyItem};
use super::{adhoc, key::AccountKey};
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::OutOfRange;

/// Judges what the accounts left: pairs first, then lines without and subscriptions without a partner.
pub(super) fn settle(judge: &Judge<'_>, outcome: Outcome) -> Result<Vec<Finding>, OutOfRange> {
    let Outcome { mut findings, unbilled, extras } = outcome;
    let mut unbilled: Vec<Option<Unbilled>> = unbilled.into_iter().map(Some).collect();
    let mut extras: Vec<Option<Extra>> = extras.into_iter().map(Some).collect();
    let candidates = candidates(judge, &extras, &unbilled)?;
    let mut pairs = 0;
    // A line that took effect when the subscription started goes before other explanations, unless it took effect
    // with one that ended; without that sign, an ended subscription or a twin line explains it better than a likeness
    // somewhere else.
    for wants_start in [true, false] {
        for candidate in candidates.iter().filter(|candidate| candidate.starts_together == wants_start) {
            let (extra_slot, unbilled_slot) = (&mut extras[candidate.extra], &mut unbilled[candidate.unbilled]);
            let (Some(extra), Some(missing)) = (extra_slot.as_ref(), unbilled_slot.as_ref()) else { continue };
            let explains_better = match extra.explanation {
                Explanation::Ended(ended) => !wants_start || judge.began_with(&extra.chain, ended),
                Explanation::Duplicate(..) => !wants_start,
                Explanation::Unknown => false,
            };
            if explains_better {
                continue;
            }
            pairs += 1;
            report_pair(candidate.kind, pairs, extra, missing, &mut findings)?;
            (*extra_slot, *unbilled_slot) = (None, None);
        }
    }
    for extra in extras.into_iter().flatten() {
        report_extra(judge, &extra, &mut findings)?;
    }
    for missing in unbilled.into_iter().flatten() {
        report_unbilled(judge, &missing, &mut findings);
    }
    Ok(findings)
}

struct Candidate {
    starts_together: bool,
    kind: Type,
    extra: usize,
    unbilled: usize,
}

/// Every likely pair, the likeliest first.
fn candidates(
    judge: &Judge<'_>,
    extras: &[Option<Extra>],
    unbilled: &[Option<Unbilled>],
) -> Result<Vec<Candidate>, OutOfRange> {
    let mut by_customer: BTreeMap<KeyCustomer, Vec<usize>> = BTreeMap::new();
    let mut by_item: BTreeMap<KeyItem, Vec<usize>> = BTreeMap::new();
    for (at, missing) in unbilled.iter().enumerate() {
        let Some(missing) = missing else { continue };
        by_customer.entry(missing.account.customer()).or_default().push(at);
        by_item.entry(missing.account.item()).or_default().push(at);
    }
    let mut found = Vec::new();
    for (extra_at, extra) in extras.iter().enumerate() {
        let Some(extra) = extra else { continue };
        let own = by_customer.get(&extra.account.customer()).map_or(&[][..], Vec::as_slice);
        let others = by_item.get(&extra.account.item()).map_or(&[][..], Vec::as_slice);
        for unbilled_at in own.iter().chain(others) {
            let Some(missing) = &unbilled[*unbilled_at] else { continue };
            let Some(kind) = kind_of(extra.account, missing.account) else { continue };
            if !is_alike(judge, kind, extra, missing)? {
                continue;
            }
            let starts_together =
                missing.recurring.subscription.is_some_and(|subscription| judge.began_with(&extra.chain, subscription));
            found.push(Candidate { starts_together, kind, extra: extra_at, unbilled: *unbilled_at });
        }
    }
    found.sort_by_key(|candidate| (!candidate.starts_together, candidate.extra, candidate.unbilled));
    Ok(found)
}

fn kind_of(extra: AccountKey, missing: AccountKey) -> Option<Type> {
    let same_customer = extra.customer() == missing.customer();
    let same_item = extra.item() == missing.item();
    match (same_customer, same_item, extra.currency() == missing.currency()) {
        (true, false, true) => Some(Type::WrongProduct),
        (false, true, true) => Some(Type::WrongCustomer),
        (true, true, false) => Some(Type::CurrencyMismatch),
        _ => None,
    }
}

/// The same quantity in every month; for another customer also the price that the owner should pay.
fn is_alike(judge: &Judge<'_>, kind: Type, extra: &Extra, missing: &Unbilled) -> Result<bool, OutOfRange> {
    let wanted = judge.wanted(&missing.recurring)?.months;
    if wanted != judge.billed(&extra.chain).months || wanted.iter().all(Option::is_none) {
        return Ok(false);
    }
    if kind != Type::WrongCustomer {
        return Ok(true);
    }
    for (charges, month) in missing.recurring.months.iter().zip(&extra.chain.months) {
        let Some(month) = month else { continue };
        if expected_of(charges)? != month.amount {
            return Ok(false);
        }
    }
    Ok(true)
}

fn expected_of(charges: &[Charge]) -> Result<Amount, OutOfRange> {
    charges.iter().try_fold(Amount::ZERO, |sum, charge| sum.plus(charge.expected.known().unwrap_or_default()))
}

fn report_pair(
    kind: Type,
    pair: u32,
    extra: &Extra,
    missing: &Unbilled,
    findings: &mut Vec<Finding>,
) -> Result<(), OutOfRange> {
    let counterpart = |of: AccountKey| match kind {
        Type::WrongCustomer => Counterpart::Customer(of.customer()),
        Type::WrongProduct => Counterpart::Item(of.item()),
        _ => Counterpart::Currency(of.currency()),
    };
    for (period, (charges, month)) in missing.recurring.months.iter().zip(&extra.chain.months).enumerate() {
        let (Some(first), Some(month)) = (charges.first(), month) else { continue };
        let mut right = Finding::new(kind, missing.account, period as u16);
        for charge in charges {
            right = right.about(charge);
        }
        right.chain = extra.chain.head;
        right.expected = expected_of(charges)?;
        right.expected_quantity = month.quantity.into();
        right.actual_quantity = Amount::ZERO.into();
        right.expected_price = first.price;
        right.pair = Some(pair);
        right.counterpart = Some(counterpart(extra.account));
        let mut wrong = Finding::new(kind, extra.account, period as u16);
        wrong.subscription = right.subscription;
        wrong.company = right.company;
        wrong.product = right.product;
        wrong.chain = extra.chain.head;
        wrong.actual = month.amount;
        wrong.expected_quantity = Amount::ZERO.into();
        wrong.actual_quantity = month.quantity.into();
        wrong.actual_price = month.unit_price.into();
        wrong.pair = Some(pair);
        wrong.counterpart = Some(counterpart(missing.account));
        wrong.psa_lines.clone_from(&month.lines);
        findings.push(right);
        findings.push(wrong);
    }
    // The subscription has a line, if a wrong one; what was prorated stands by itself.
    let adhoc = missing.adhoc.iter();
    findings.extend(adhoc.map(|charge| Finding::unbilled(adhoc::unbilled_type(charge), missing.account, charge)));
    Ok(())
}

fn report_extra(judge: &Judge<'_>, extra: &Extra, findings: &mut Vec<Finding>) -> Result<(), OutOfRange> {
    for (period, month) in extra.chain.months.iter().enumerate() {
        let Some(month) = month else { continue };
        if month.amount.is_zero() {
            continue;
        }
        let (kind, subscription) = match extra.explanation {
            Explanation::Ended(subscription) => (Type::CanceledStillBilled, Some(subscription)),
            Explanation::Duplicate(subscription, _) => (Type::DuplicateBilling, subscription),
            Explanation::Unknown => (Type::OrphanedBilling, None),
        };
        let mut finding = Finding::new(kind, extra.account, period as u16);
        finding.subscription = subscription;
        if let Some(state) =
            subscription.and_then(|subscription| judge.input.subscriptions.get(subscription)?.revisions.last())
        {
            finding.company = Some(state.company);
            finding.product = Some(state.product);
        }
        finding.chain = extra.chain.head;
        finding.expected_quantity = Amount::ZERO.into();
        finding.actual_quantity = month.quantity.into();
        finding.actual = month.amount;
        finding.actual_price = month.unit_price.into();
        finding.psa_lines.clone_from(&month.lines);
        if let Some(once) = extra.twin.as_ref().and_then(|twin| twin.months[period].as_ref()) {
            // Billed once is right, billed twice is what happened.
            finding.expected = once.amount;
            finding.actual = once.amount.plus(month.amount)?;
            finding.expected_quantity = once.quantity.into();
            let twice = once.quantity.zip(month.quantity).map(|(once, again)| once.plus(again)).transpose()?;
            finding.actual_quantity = twice.into();
            finding.psa_lines.extend_from_slice(&once.lines);
        }
        findings.push(finding);
    }
    Ok(())
}

fn report_unbilled(judge: &Judge<'_>, missing: &Unbilled, findings: &mut Vec<Finding>) {
    // New is what started no earlier than in the month before the first period.
    let new_from = judge.input.first.previous().first_day();
    let is_new = missing.recurring.since.is_some_and(|since| since >= new_from);
    let kind = if is_new { Type::NewNotBilled } else { Type::NeverBilled };
    let charges = missing.recurring.months.iter().flatten().chain(&missing.adhoc);
    let charges = charges.filter(|charge| charge.expected != Amount::ZERO.into());
    findings.extend(charges.map(|charge| Finding::unbilled(kind, missing.account, charge)));
}
