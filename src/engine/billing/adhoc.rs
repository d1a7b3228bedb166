//! Charges that do not recur (prorations, credits, use, purchases) and the PSA lines that bill them: they belong
//! together by service period and amount.

use super::amount::{Amount, Maybe};
use super::compare;
use super::expected::{Charge, ChargeKind};
use super::finding::Finding;
use super::judge::{Account, Bill, Judge};
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::OutOfRange;

/// What is left when lines have been matched.
pub(super) struct Matched {
    /// Charges that nothing bills.
    pub(super) unbilled: Vec<Charge>,
    /// Lines that bill none of these charges: recurring ones, and those without a reason.
    pub(super) bills: Vec<Bill>,
}

/// What it is called when nothing bills a charge that does not recur.
pub(super) fn unbilled_type(charge: &Charge) -> Type {
    let is_negative = charge.expected.known().is_some_and(Amount::is_negative);
    match charge.kind {
        ChargeKind::Usage => Type::UsageNotBilled,
        ChargeKind::OneTime => Type::OneTimeNotBilled,
        ChargeKind::Prorate | ChargeKind::Credit | ChargeKind::Recurring if is_negative => Type::CreditNotPassed,
        ChargeKind::Prorate | ChargeKind::Credit | ChargeKind::Recurring => Type::ProrationNotBilled,
    }
}

/// A way in which a line and a charge may belong together; the first that holds for any pair wins.
type Test = fn(&Charge, &Bill) -> bool;

fn same_days(charge: &Charge, bill: &Bill) -> bool {
    charge.start.is_some() && charge.start == bill.start && charge.end == bill.end
}

fn same_amount(charge: &Charge, bill: &Bill) -> bool {
    charge.expected == bill.amount.into()
}

fn same_sign(charge: &Charge, bill: &Bill) -> bool {
    charge.expected.known().is_some_and(|expected| expected.is_negative() == bill.amount.is_negative())
}

const TESTS: [Test; 5] = [
    |charge, bill| same_days(charge, bill) && same_amount(charge, bill),
    |charge, bill| same_amount(charge, bill) && bill.chain.is_none(),
    |charge, bill| {
        bill.chain.is_none() && same_days(charge, bill) && same_sign(charge, bill) && charge.quantity == bill.quantity
    },
    |charge, bill| bill.chain.is_none() && same_days(charge, bill) && same_sign(charge, bill),
    |charge, bill| charge.kind == ChargeKind::Usage && same_days(charge, bill),
];

/// Matches them within each period.
pub(super) fn matched(
    account: &Account<'_>,
    judge: &Judge<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Matched, OutOfRange> {
    let mut charges: Vec<Charge> =
        account.charges.iter().filter(|charge| charge.kind != ChargeKind::Recurring).copied().collect();
    let mut bills: Vec<Bill> = account.bills.to_vec();
    // Without a recurring charge, a line on an agreement can only be meant for use or a purchase.
    let recurs = account.charges.iter().any(|charge| charge.kind == ChargeKind::Recurring);
    let extra_test: Test = |charge, _| charge.kind == ChargeKind::Usage;
    let tests = TESTS.iter().copied().chain((!recurs).then_some(extra_test));
    for test in tests {
        let mut at = 0;
        while at < charges.len() {
            let charge = charges[at];
            let found = bills.iter().position(|bill| bill.period == charge.period && test(&charge, bill));
            let Some(found) = found else {
                at += 1;
                continue;
            };
            let bill = bills.remove(found);
            charges.remove(at);
            compare_one(account, judge, &charge, &bill, findings)?;
        }
    }
    settle_sums(&mut charges, &mut bills)?;
    charges.retain(|charge| charge.expected != Amount::ZERO.into());
    Ok(Matched { unbilled: charges, bills })
}

fn compare_one(
    account: &Account<'_>,
    judge: &Judge<'_>,
    charge: &Charge,
    bill: &Bill,
    findings: &mut Vec<Finding>,
) -> Result<(), OutOfRange> {
    let expected = charge.expected.known().unwrap_or_default();
    if compare::is_tolerated(judge.calculator.policy, expected, bill.amount)? {
        return Ok(());
    }
    let kind = match charge.kind {
        ChargeKind::Usage => Type::UsageStaleAmount,
        _ => match (charge.quantity.known(), bill.quantity.known()) {
            (Some(wanted), Some(billed)) if billed < wanted => Type::QuantityUnder,
            (Some(wanted), Some(billed)) if billed > wanted => Type::QuantityOver,
            _ => Type::WrongPrice,
        },
    };
    let mut finding = Finding::unbilled(kind, account.key, charge);
    finding.actual = bill.amount;
    finding.actual_quantity = bill.quantity;
    finding.actual_price = if kind == Type::WrongPrice { bill.unit_price } else { Maybe::UNKNOWN };
    finding.psa_lines.push(bill.line);
    findings.push(finding);
    Ok(())
}

/// One line may bill all that is left of a month, or several lines one charge.
fn settle_sums(charges: &mut Vec<Charge>, bills: &mut Vec<Bill>) -> Result<(), OutOfRange> {
    let mut periods: Vec<u16> = charges.iter().map(|charge| charge.period).collect();
    periods.dedup();
    for period in periods {
        let mut wanted = Amount::ZERO;
        for charge in charges.iter().filter(|charge| charge.period == period) {
            wanted = wanted.plus(charge.expected.known().unwrap_or_default())?;
        }
        let mut billed = Amount::ZERO;
        let mut count = 0;
        for bill in bills.iter().filter(|bill| bill.period == period && bill.chain.is_none()) {
            billed = billed.plus(bill.amount)?;
            count += 1;
        }
        if count > 0 && wanted == billed {
            charges.retain(|charge| charge.period != period);
            bills.retain(|bill| bill.period != period || bill.chain.is_some());
        }
    }
    Ok(())
}
