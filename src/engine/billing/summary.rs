//! Turns findings into discrepancies, gives every key its class, and adds everything up.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

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
use super::threads::Threads;
use crate::domain::discrepancy::{DiscrepancyIdentity, DiscrepancyType as Type, Severity};
use crate::domain::money::{Currency, Fraction, OutOfRange, RoundingMode};

/// Completes a report whose keys, lines and invoices are there. `accounts` names the account of each key; findings are
/// sorted.
pub(super) fn complete(
    threads: Threads,
    judge: &Judge<'_>,
    report: &mut Report,
    accounts: &[(AccountKey, u16)],
    mut findings: Vec<Finding>,
    mut footing: Footing,
) -> Result<(), ReconcileError> {
    let (input, policy) = (judge.input, judge.calculator.policy);
    if let Some(floor) = policy.margin_floor {
        add_low_margins(floor, report, accounts, &mut findings)?;
        sort(&mut findings);
    }
    let words = Wording { input, policy, report, history: History { judge, report, accounts } };
    let made = threads.each(threads.chunks(&findings), |part| {
        part.iter().map(|finding| words.discrepancy(finding)).collect::<Result<Vec<_>, _>>()
    });
    let mut discrepancies = Vec::with_capacity(findings.len());
    for part in made {
        discrepancies.extend(part?);
    }
    report.discrepancies = discrepancies;
    let mut keys = std::mem::take(&mut report.keys);
    let parts = threads.chunks_mut(&mut keys).into_iter().zip(threads.chunks(accounts)).collect();
    let closed = threads.each(parts, |(keys, accounts)| {
        attach(keys, accounts, &findings);
        close(input, policy, report, keys)
    });
    report.keys = keys;
    let mut sums = Sums::default();
    for part in closed {
        let (part_footing, part_sums) = part?;
        footing.merge(part_footing)?;
        sums.merge(part_sums)?;
    }
    (report.footing, report.coverage) = footing.close()?;
    report.totals = sums.totals(&report.discrepancies)?;
    report.verdict = verdict(report);
    Ok(())
}

/// Tells some keys of their findings. Both are sorted by account and period; what is charged to nobody has no key.
fn attach(keys: &mut [KeyResult], accounts: &[(AccountKey, u16)], findings: &[Finding]) {
    let place = |finding: &Finding| (finding.account, finding.period);
    let Some(first) = accounts.first() else { return };
    let start = findings.partition_point(|finding| place(finding) < *first);
    let mut rest = (0_u32..).zip(findings).skip(start).peekable();
    for (key, account) in keys.iter_mut().zip(accounts) {
        while rest.next_if(|(_, finding)| place(finding) < *account).is_some() {}
        while let Some((position, _)) = rest.next_if(|(_, finding)| place(finding) == *account) {
            key.discrepancies.push(position);
        }
    }
}

/// The last word on each of some keys, and their lines and amounts counted.
fn close(
    input: &Input,
    policy: &Policy,
    report: &Report,
    keys: &mut [KeyResult],
) -> Result<(Footing, Sums), ReconcileError> {
    let (mut footing, mut sums) = (Footing::default(), Sums::default());
    for key in keys {
        classify(policy, key, &report.discrepancies)?;
        let lines = |side| KeyLines { currency: key.currency, side, class: key.class, reason: key.reason };
        let vendor = report.vendor_lines(key).iter().map(|line| input.vendor_line(*line).cost_total);
        footing.key(lines(Side::Vendor), vendor)?;
        let psa = report.psa_lines(key).iter().map(|line| input.psa_line(*line).amount);
        footing.key(lines(Side::Psa), psa)?;
        sums.add(key)?;
    }
    Ok((footing, sums))
}

/// Brings findings into the order of the report.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_cached_key(order);
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
    floor: Decimal,
    report: &Report,
    accounts: &[(AccountKey, u16)],
    findings: &mut Vec<Finding>,
) -> Result<(), OutOfRange> {
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
        let customer_text: Cow<'_, str> = match customer {
            Some(KeyCustomer::Customer(customer)) => self.input.customer_id(customer).into(),
            Some(KeyCustomer::Missing(company)) => format!("pax8:{}", self.input.company_id(company)).into(),
            None => "".into(),
        };
        let item_text: Cow<'_, str> = match item {
            KeyItem::Item(item) => self.input.item_id(item).into(),
            KeyItem::Missing(product) => format!("pax8:{}", self.input.product_id(product)).into(),
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

/// Sums over keys, by currency.
#[derive(Default)]
struct Sums(BTreeMap<Currency, CurrencySums>);

#[derive(Default)]
struct CurrencySums {
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

impl Sums {
    fn add(&mut self, key: &KeyResult) -> Result<(), OutOfRange> {
        let sums = self.0.entry(key.currency).or_default();
        let expected = Amount::from_decimal(key.expected.unwrap_or_default())?;
        sums.keys += 1;
        sums.incomplete_keys += u64::from(key.cost.is_none() || key.expected.is_none() || key.billed.is_none());
        sums.cost = sums.cost.plus(Amount::from_decimal(key.cost.unwrap_or_default())?)?;
        sums.expected = sums.expected.plus(expected)?;
        sums.billed = sums.billed.plus(Amount::from_decimal(key.billed.unwrap_or_default())?)?;
        if key.rests_on_suggested {
            sums.expected_on_suggested = sums.expected_on_suggested.plus(expected)?;
        }
        Ok(())
    }

    /// Takes the sums over other keys.
    fn merge(&mut self, other: Self) -> Result<(), OutOfRange> {
        for (currency, other) in other.0 {
            let sums = self.0.entry(currency).or_default();
            sums.keys += other.keys;
            sums.incomplete_keys += other.incomplete_keys;
            sums.cost = sums.cost.plus(other.cost)?;
            sums.expected = sums.expected.plus(other.expected)?;
            sums.billed = sums.billed.plus(other.billed)?;
            sums.expected_on_suggested = sums.expected_on_suggested.plus(other.expected_on_suggested)?;
        }
        Ok(())
    }

    /// The totals of a report, with the effects of its discrepancies.
    fn totals(mut self, discrepancies: &[Discrepancy]) -> Result<Vec<CurrencyTotals>, OutOfRange> {
        for discrepancy in discrepancies {
            let sums = self.0.entry(discrepancy.currency).or_default();
            // Leakage and overbilling are never netted.
            let side = if discrepancy.effect.is_sign_negative() { &mut sums.leakage } else { &mut sums.overbilling };
            *side = side.plus(Amount::from_decimal(discrepancy.effect)?)?;
            sums.cost_effect = sums.cost_effect.plus(Amount::from_decimal(discrepancy.cost_effect)?)?;
        }
        let totals = self.0.into_iter().map(|(currency, sums)| {
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
        });
        totals.collect()
    }
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
