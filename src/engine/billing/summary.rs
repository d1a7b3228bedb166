//! Turns findings into discrepancies, gives every key its class, and adds everything up.

use std::collections::BTreeMap;

use super::amount::{Amount, Maybe, Rounding};
use super::cause::History;
use super::finding::Finding;
use super::footing::{Footing, KeyLines};
use super::input::Input;
use super::judge::Judge;
use super::key::AccountKey;
use super::policy::Policy;
use super::report::{
    Class, CurrencyTotals, Discrepancy, KeyCustomer, KeyItem, KeyResult, ReconcileError, Report, Side, Verdict,
};
use super::sentence;
use crate::domain::discrepancy::{DiscrepancyIdentity, DiscrepancyType as Type, Severity};
use crate::domain::money::{Currency, Fraction, OutOfRange, RoundingMode};

/// Completes a report whose keys, lines and invoices are there. `accounts` names the account of each key.
pub(super) fn complete(
    judge: &Judge<'_>,
    report: &mut Report,
    accounts: &[(AccountKey, u16)],
    mut findings: Vec<Finding>,
    mut footing: Footing,
) -> Result<(), ReconcileError> {
    let (input, policy) = (judge.input, judge.calculator.policy);
    add_low_margins(policy, report, accounts, &mut findings)?;
    findings.sort_by_cached_key(order);
    let words = Wording { input, policy, report, history: History { judge, report, accounts } };
    let discrepancies = findings.iter().map(|finding| words.discrepancy(finding)).collect::<Result<Vec<_>, _>>()?;
    report.discrepancies = discrepancies;
    for (position, finding) in (0_u32..).zip(&findings) {
        // Both are sorted by account and period. What has no key is charged to nobody.
        if let Ok(at) = accounts.binary_search(&(finding.account, finding.period)) {
            report.keys[at].discrepancies.push(position);
        }
    }
    for key in &mut report.keys {
        classify(policy, key, &report.discrepancies)?;
    }
    for key in &report.keys {
        let lines = |side| KeyLines { currency: key.currency, side, class: key.class, reason: key.reason };
        let vendor = report.vendor_lines(key).iter().map(|line| input.vendor_line(*line).cost_total);
        footing.key(lines(Side::Vendor), vendor)?;
        let psa = report.psa_lines(key).iter().map(|line| input.psa_line(*line).amount);
        footing.key(lines(Side::Psa), psa)?;
    }
    (report.footing, report.coverage) = footing.close()?;
    report.totals = totals(report)?;
    report.verdict = verdict(report);
    Ok(())
}

/// By key, then by what is wrong and with what: no two findings that differ are equal here.
fn order(finding: &Finding) -> impl Ord + use<> {
    (
        (finding.account, finding.period, finding.kind),
        (finding.subscription, finding.chain, finding.pair, finding.actual.is_zero()),
        (finding.expected, finding.actual, finding.vendor_lines.first().copied(), finding.psa_lines.first().copied()),
    )
}

fn add_low_margins(
    policy: &Policy,
    report: &Report,
    accounts: &[(AccountKey, u16)],
    findings: &mut Vec<Finding>,
) -> Result<(), OutOfRange> {
    let Some(floor) = policy.margin_floor else { return Ok(()) };
    let floor = Amount::from_decimal(floor)?;
    let exact = Rounding { scale: 12, mode: RoundingMode::TowardZero };
    for (key, (account, period)) in report.keys.iter().zip(accounts) {
        let (Some(cost), Some(billed), Class::Matched) = (key.cost, key.billed, key.class) else { continue };
        let (cost, billed) = (Amount::from_decimal(cost)?, Amount::from_decimal(billed)?);
        if billed > Amount::ZERO && billed.minus(cost)? < billed.extended(floor, Fraction::ONE, exact)? {
            let mut finding = Finding::new(Type::BelowMarginFloor, *account, *period);
            finding.company = key.companies.first().copied();
            finding.product = key.products.first().copied();
            (finding.expected_price, finding.actual_price) = (Maybe::from(cost), Maybe::from(billed));
            findings.push(finding);
        }
    }
    Ok(())
}

struct Wording<'a> {
    input: &'a Input,
    policy: &'a Policy,
    report: &'a Report,
    history: History<'a>,
}

impl Wording<'_> {
    fn discrepancy(&self, finding: &Finding) -> Result<Discrepancy, OutOfRange> {
        let mut periods = self.report.first.through(self.report.last);
        let period = periods.nth(usize::from(finding.period)).expect("a finding lies in the run");
        let currency = finding.account.currency();
        let customer = (!finding.account.is_nobody()).then(|| finding.account.customer());
        let item = finding.account.item();
        let words = sentence::of(self.input, finding, period)?;
        let effect = finding.actual.minus(finding.expected)?;
        let decimal = |amount: Maybe| amount.known().map(Amount::to_decimal).transpose();
        let customer_text = match customer {
            Some(KeyCustomer::Customer(customer)) => self.input.customer_id(customer).to_owned(),
            Some(KeyCustomer::Missing(company)) => format!("pax8:{}", self.input.company_id(company)),
            None => String::new(),
        };
        let item_text = match item {
            KeyItem::Item(item) => self.input.item_id(item).to_owned(),
            KeyItem::Missing(product) => format!("pax8:{}", self.input.product_id(product)),
        };
        let identity = DiscrepancyIdentity {
            kind: finding.kind,
            customer: &customer_text,
            item: &item_text,
            currency,
            subject: self.subject(finding),
        };
        Ok(Discrepancy {
            id: identity.id(),
            kind: finding.kind,
            severity: self.severity(finding, effect.absolute().plus(finding.cost_effect.absolute())?)?,
            effect_severity: self.severity(finding, effect.absolute())?,
            customer,
            item,
            period,
            currency,
            company: finding.company,
            product: finding.product,
            subscription: finding.subscription,
            agreement_line: finding.chain,
            expected_quantity: decimal(finding.expected_quantity)?,
            actual_quantity: decimal(finding.actual_quantity)?,
            expected_amount: finding.expected.to_decimal()?,
            actual_amount: finding.actual.to_decimal()?,
            effect: effect.to_decimal()?,
            cost_effect: finding.cost_effect.to_decimal()?,
            pair: finding.pair,
            sentence: words.sentence,
            cost_sentence: words.cost_sentence,
            // A cause is worth having, but a figure that leaves the range on the way to it is no reason for no report.
            root_cause: self.history.cause(finding).ok().flatten(),
            vendor_lines: finding.vendor_lines.clone(),
            psa_lines: finding.psa_lines.clone(),
        })
    }

    /// What stays the same from month to month: the subscription, else the chain of agreement lines, else the line.
    fn subject(&self, finding: &Finding) -> &str {
        if let Some(subscription) = finding.subscription {
            return self.input.subscription_id(subscription);
        }
        if let Some(chain) = finding.chain {
            return self.input.agreement_line_id(chain);
        }
        if let Some(line) = finding.psa_lines.first() {
            return self.input.psa_line_id(*line);
        }
        finding.vendor_lines.first().map_or("", |line| self.input.vendor_line_id(*line))
    }

    fn severity(&self, finding: &Finding, weight: Amount) -> Result<Severity, OutOfRange> {
        if finding.kind.is_observation() {
            return Ok(Severity::Info);
        }
        let limits = self.policy.severity;
        Ok(if weight >= Amount::from_decimal(limits.critical)? {
            Severity::Critical
        } else if weight >= Amount::from_decimal(limits.warning)? {
            Severity::Warning
        } else {
            Severity::Info
        })
    }
}

/// The last word on a key, and the proof that its discrepancies explain its difference.
fn classify(policy: &Policy, key: &mut KeyResult, discrepancies: &[Discrepancy]) -> Result<(), ReconcileError> {
    if key.class != Class::Matched {
        return Ok(());
    }
    let Some(difference) = key.difference else { return Ok(()) };
    let mut explained = Amount::ZERO;
    let mut is_discrepant = false;
    for at in &key.discrepancies {
        let discrepancy = &discrepancies[*at as usize];
        explained = explained.plus(Amount::from_decimal(discrepancy.effect)?)?;
        is_discrepant |= !discrepancy.kind.is_observation();
    }
    let is_strict = policy.tolerance.absolute.is_zero() && policy.tolerance.percent.is_zero();
    if is_strict && explained != Amount::from_decimal(difference)? {
        return Err(ReconcileError::DoesNotExplain {
            key: format!("{:?} {:?} {} {}", key.customer, key.item, key.period, key.currency),
            explained: explained.to_decimal()?,
            difference,
        });
    }
    key.class = match (is_discrepant, difference.is_zero()) {
        (true, _) => Class::Discrepant,
        (false, false) => Class::Tolerated,
        (false, true) => Class::Matched,
    };
    Ok(())
}

#[derive(Default)]
struct Sums {
    keys: u64,
    incomplete_keys: u64,
    cost: Amount,
    expected: Amount,
    billed: Amount,
    leakage: Amount,
    overbilling: Amount,
    cost_effect: Amount,
    expected_on_suggested: Amount,
}

fn totals(report: &Report) -> Result<Vec<CurrencyTotals>, OutOfRange> {
    let mut by_currency: BTreeMap<Currency, Sums> = BTreeMap::new();
    for key in &report.keys {
        let sums = by_currency.entry(key.currency).or_default();
        sums.keys += 1;
        sums.incomplete_keys += u64::from(key.cost.is_none() || key.expected.is_none() || key.billed.is_none());
        sums.cost = sums.cost.plus(Amount::from_decimal(key.cost.unwrap_or_default())?)?;
        sums.expected = sums.expected.plus(Amount::from_decimal(key.expected.unwrap_or_default())?)?;
        sums.billed = sums.billed.plus(Amount::from_decimal(key.billed.unwrap_or_default())?)?;
        if key.rests_on_suggested {
            sums.expected_on_suggested =
                sums.expected_on_suggested.plus(Amount::from_decimal(key.expected.unwrap_or_default())?)?;
        }
    }
    for discrepancy in &report.discrepancies {
        let sums = by_currency.entry(discrepancy.currency).or_default();
        // Leakage and overbilling are never netted.
        let side = if discrepancy.effect.is_sign_negative() { &mut sums.leakage } else { &mut sums.overbilling };
        *side = side.plus(Amount::from_decimal(discrepancy.effect)?)?;
        sums.cost_effect = sums.cost_effect.plus(Amount::from_decimal(discrepancy.cost_effect)?)?;
    }
    by_currency
        .into_iter()
        .map(|(currency, sums)| {
            Ok(CurrencyTotals {
                currency,
                keys: sums.keys,
                incomplete_keys: sums.incomplete_keys,
                cost: sums.cost.to_decimal()?,
                expected: sums.expected.to_decimal()?,
                billed: sums.billed.to_decimal()?,
                leakage: sums.leakage.to_decimal()?,
                overbilling: sums.overbilling.to_decimal()?,
                cost_effect: sums.cost_effect.to_decimal()?,
                expected_on_suggested: sums.expected_on_suggested.to_decimal()?,
            })
        })
        .collect()
}

fn verdict(report: &Report) -> Verdict {
    let has = |class: Class| report.footing.iter().any(|row| row.class == class && row.count > 0);
    let is_wrong = report.discrepancies.iter().any(|discrepancy| !discrepancy.kind.is_observation());
    let is_compared =
        report.keys.iter().any(|key| matches!(key.class, Class::Matched | Class::Tolerated | Class::Discrepant));
    let ties = report.tie_out.iter().all(|row| row.ignored.is_some() || row.total.is_none() || row.ties.is_some());
    match (is_compared, is_wrong) {
        (false, _) => Verdict::NotCompared,
        (true, true) => Verdict::Discrepant,
        (true, false) if has(Class::Unmapped) || has(Class::NotCompared) || !ties || !report.provisional.is_empty() => {
            Verdict::Incomplete
        }
        (true, false) => Verdict::Clean,
    }
}
