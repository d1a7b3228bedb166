//! The run itself: places lines on keys, judges account by account, and adds up. Neighbouring accounts make a stretch,
//! and stretches are judged on several threads at once; what they come to is joined in their order.

use std::collections::HashSet;

use chrono::Days;

use super::ENGINE_VERSION;
use super::amount::{Amount, Maybe};
use super::chain::Chains;
use super::expected::{Calculator, Charge, ChargeKind, Standing};
use super::finding::Finding;
use super::fingerprint;
use super::input::Input;
use super::intern::{CustomerRef, PsaLineRef, SubscriptionRef, VendorLineRef};
use super::judge::{Account, Bill, Judge, Outcome};
use super::key::{AccountKey, Place, Resolver, shifted};
use super::pair;
use super::place::{Places, Stretch};
use super::policy::Policy;
use super::provisional::{self, Provisional};
use super::report::{Class, KeyResult, Reason, ReconcileError, Report};
use super::summary;
use super::threads::Threads;
use super::tie_out::tie_out;
use crate::domain::money::OutOfRange;
use crate::domain::period::Period;

/// Longest range of a run in months.
const LONGEST: usize = 600;

/// Compares what Pax8 charged with what the PSA billed, on one thread.
pub fn reconcile(input: &Input, policy: &Policy) -> Result<Report, ReconcileError> {
    reconcile_on(Threads::ONE, input, policy)
}

/// The same on several threads. The report does not depend on how many there are.
pub fn reconcile_on(threads: Threads, input: &Input, policy: &Policy) -> Result<Report, ReconcileError> {
    let periods: Vec<Period> = input.first.through(input.last).take(LONGEST + 1).collect();
    if periods.is_empty() || periods.len() > LONGEST {
        return Err(ReconcileError::BadPeriods { first: input.first, last: input.last });
    }
    let count = u16::try_from(periods.len()).expect("at most 600 periods");
    let resolver = Resolver::new(input, policy, count);
    let calculator = Calculator::new(&resolver);
    let (tie_out, chains) = threads.both(|| tie_out(input), || Chains::new(input));
    let judge = Judge::new(&calculator, &chains, periods);
    let due = Due::new(input, policy, &resolver);

    let places = Places::of(&resolver, threads)?;
    let provisional = Provisional::of(input, &places.vendor, &places.psa)?;
    let run = || Run::new(&judge, &due, &provisional);
    let judged = threads.each(places.stretches(threads), |stretch| run().stretch(stretch));
    let Places { footing, unassigned, .. } = places;
    let (mut keys, mut outcome) = (Vec::with_capacity(judged.len()), Outcome::default());
    for stretch in judged {
        let Judged { keys: own_keys, outcome: own_outcome } = stretch?;
        keys.push(own_keys);
        outcome.append(own_outcome);
    }
    let settle = || -> Result<Vec<Finding>, OutOfRange> {
        let mut findings = pair::settle(&judge, outcome)?;
        findings.extend(unassigned);
        summary::sort(&mut findings);
        Ok(findings)
    };
    let (Keys { keys, accounts, vendor_lines, psa_lines }, findings) = threads.both(|| Keys::joined(keys), settle);
    let mut report = Report {
        first: input.first,
        last: input.last,
        as_of: input.as_of,
        engine_version: ENGINE_VERSION,
        fingerprint: fingerprint::of_report(input, policy),
        policy: policy.clone(),
        period_end: input.period_end,
        verdict: super::report::Verdict::NotCompared,
        keys,
        discrepancies: Vec::new(),
        totals: Vec::new(),
        footing: Vec::new(),
        coverage: Vec::new(),
        provisional: provisional.rows(&judge.periods)?,
        tie_out: tie_out?,
        key_vendor_lines: vendor_lines,
        key_psa_lines: psa_lines,
    };
    summary::complete(threads, &judge, &mut report, &accounts, findings?, footing)?;
    Ok(report)
}

/// Which customers have an invoice in which period, and from which day a missing one counts.
struct Due {
    invoiced: HashSet<(CustomerRef, u16)>,
    /// Periods in which a missing invoice is not due yet.
    open: Vec<bool>,
}

impl Due {
    fn new(input: &Input, policy: &Policy, resolver: &Resolver<'_>) -> Self {
        let open: Vec<bool> = input
            .first
            .through(input.last)
            .map(|period| {
                let days = Days::new(u64::from(policy.missing_invoice_counts_from_day.saturating_sub(1)));
                // A PSA that bills a month later is due a month later.
                let month = shifted(period, policy.psa_period.shift_months.saturating_neg());
                let due = month.and_then(|month| month.first_day().checked_add_days(days));
                due.is_some_and(|due| input.as_of < due)
            })
            .collect();
        let mut invoiced = HashSet::new();
        if open.contains(&true) {
            for invoice in input.psa_invoices.rows.iter().flatten() {
                let shift = policy.psa_period.shift_months;
                let period = shifted(Period::of(invoice.date), shift).and_then(|period| resolver.index_of(period));
                if let Some(period) = period {
                    invoiced.insert((input.counting_customer(invoice.customer), period));
                }
            }
        }
        Self { invoiced, open }
    }

    fn is_later(&self, customer: Option<CustomerRef>, period: u16) -> bool {
        let is_open = self.open[usize::from(period)];
        is_open && customer.is_some_and(|customer| !self.invoiced.contains(&(customer, period)))
    }
}

/// What a stretch of accounts comes to.
#[derive(Default)]
struct Judged {
    keys: Keys,
    outcome: Outcome,
}

/// Keys of neighbouring accounts, with the lines behind them.
#[derive(Default)]
struct Keys {
    keys: Vec<KeyResult>,
    /// Account of each key.
    accounts: Vec<(AccountKey, u16)>,
    vendor_lines: Vec<VendorLineRef>,
    psa_lines: Vec<PsaLineRef>,
}

impl Keys {
    /// The keys of all stretches, in their order.
    fn joined(stretches: Vec<Self>) -> Self {
        let total = |length: fn(&Self) -> usize| stretches.iter().map(length).sum();
        let mut all = Self {
            keys: Vec::with_capacity(total(|own| own.keys.len())),
            accounts: Vec::with_capacity(total(|own| own.accounts.len())),
            vendor_lines: Vec::with_capacity(total(|own| own.vendor_lines.len())),
            psa_lines: Vec::with_capacity(total(|own| own.psa_lines.len())),
        };
        for own in stretches {
            let (vendor_start, psa_start) = (place_of(all.vendor_lines.len()), place_of(all.psa_lines.len()));
            all.keys.extend(own.keys.into_iter().map(|mut key| {
                key.vendor_lines = key.vendor_lines.start + vendor_start..key.vendor_lines.end + vendor_start;
                key.psa_lines = key.psa_lines.start + psa_start..key.psa_lines.end + psa_start;
                key
            }));
            all.accounts.extend(own.accounts);
            all.vendor_lines.extend(own.vendor_lines);
            all.psa_lines.extend(own.psa_lines);
        }
        all
    }
}

fn place_of(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than four billion lines")
}

struct Run<'a> {
    judge: &'a Judge<'a>,
    due: &'a Due,
    provisional: &'a Provisional,
    judged: Judged,
    charges: Vec<Charge>,
    bills: Vec<Bill>,
}

/// Why the lines of one period of an account cannot be judged.
type Verdicts = Vec<(u16, Option<(Class, Option<Reason>)>)>;

impl<'a> Run<'a> {
    fn new(judge: &'a Judge<'a>, due: &'a Due, provisional: &'a Provisional) -> Self {
        Self { judge, due, provisional, judged: Judged::default(), charges: Vec::new(), bills: Vec::new() }
    }

    /// Judges a stretch of accounts, one after the other.
    fn stretch(mut self, mut stretch: Stretch<'_>) -> Result<Judged, ReconcileError> {
        self.judged.keys.vendor_lines.reserve(stretch.vendor.len());
        self.judged.keys.psa_lines.reserve(stretch.psa.len());
        while let Some((account, own)) = stretch.next_account() {
            self.account(account, own)?;
        }
        Ok(self.judged)
    }

    fn account(&mut self, account: AccountKey, own: Stretch<'_>) -> Result<(), ReconcileError> {
        let calculator = self.judge.calculator;
        let mut charges = std::mem::take(&mut self.charges);
        let mut bills = std::mem::take(&mut self.bills);
        charges.clear();
        bills.clear();
        for place in own.vendor {
            charges.push(calculator.of_line(account, place.period(), place.line())?);
        }
        calculator.mark_duplicates(&mut charges);
        let subscriptions: Vec<SubscriptionRef> =
            own.subscriptions.iter().map(|place| SubscriptionRef(place.line())).collect();
        let from_lines = charges.len();
        for subscription in &subscriptions {
            for (at, period) in (0_u16..).zip(&self.judge.periods) {
                charges.extend(calculator.of_spread(account, *subscription, at, *period)?);
            }
        }
        if charges.len() > from_lines {
            charges.sort_by_key(|charge| charge.period);
        }
        for place in own.psa {
            bills.push(self.bill(place)?);
        }
        for group in charges.chunk_by_mut(|left, right| left.period == right.period) {
            calculator.mark_included(account, self.judge.periods[usize::from(group[0].period)], group);
        }
        if charges.is_empty() && bills.is_empty() {
            (self.charges, self.bills) = (charges, bills);
            return Ok(());
        }
        self.judge.vendor_errors(account, &charges, &mut self.judged.outcome)?;
        self.judge.cost_increases(account, &charges, &mut self.judged.outcome);
        let verdicts = self.add_keys(account, &charges, &bills)?;

        let is_judged = |period: u16| verdicts.iter().any(|(other, verdict)| *other == period && verdict.is_none());
        charges.retain(|charge| charge.standing == Standing::Billable && is_judged(charge.period));
        bills.retain(|bill| is_judged(bill.period));
        let judged = Account { key: account, charges: &charges, bills: &bills, subscriptions: &subscriptions };
        self.judge.account(judged, &mut self.judged.outcome)?;
        (self.charges, self.bills) = (charges, bills);
        Ok(())
    }

    fn bill(&self, place: &Place) -> Result<Bill, OutOfRange> {
        let reference = PsaLineRef(place.line());
        let line = self.judge.input.psa_line(reference);
        Ok(Bill {
            line: reference,
            period: place.period(),
            chain: line.agreement_line.map(|line| self.judge.chains.head(line)),
            quantity: line.quantity,
            unit_price: line.unit_price,
            // An unknown amount keeps the whole period from being judged; it never counts as nothing.
            amount: line.amount.known().unwrap_or_default(),
            start: line.start,
            end: line.end,
        })
    }

    /// Adds the keys of an account, period by period.
    fn add_keys(&mut self, account: AccountKey, charges: &[Charge], bills: &[Bill]) -> Result<Verdicts, OutOfRange> {
        let mut verdicts = Verdicts::new();
        let is_metered = provisional::is_metered(self.judge.input, account, charges);
        let (mut charges, mut bills) = (charges, bills);
        loop {
            let next = charges.first().map(|charge| charge.period).into_iter();
            let Some(period) = next.chain(bills.first().map(|bill| bill.period)).min() else { break };
            let end = charges.iter().position(|charge| charge.period != period).unwrap_or(charges.len());
            let (own_charges, rest) = charges.split_at(end);
            charges = rest;
            let end = bills.iter().position(|bill| bill.period != period).unwrap_or(bills.len());
            let (own_bills, rest) = bills.split_at(end);
            bills = rest;
            let mut key = self.key(account, period, own_charges, own_bills)?;
            if is_metered {
                self.provisional.await_use(&mut key, period, own_charges, own_bills);
            }
            let is_final = matches!(key.class, Class::Excluded | Class::ExpectedLater | Class::NotCompared);
            verdicts.push((period, is_final.then_some((key.class, key.reason))));
            self.judged.keys.keys.push(key);
            self.judged.keys.accounts.push((account, period));
        }
        Ok(verdicts)
    }

    fn key(
        &mut self,
        account: AccountKey,
        period: u16,
        charges: &[Charge],
        bills: &[Bill],
    ) -> Result<KeyResult, OutOfRange> {
        let (vendor_start, psa_start) = (self.judged.keys.vendor_lines.len(), self.judged.keys.psa_lines.len());
        self.judged.keys.vendor_lines.extend(charges.iter().filter_map(|charge| charge.line));
        self.judged.keys.psa_lines.extend(bills.iter().map(|bill| bill.line));
        let is_later = bills.is_empty() && self.due.is_later(account.known_customer(), period);
        let amounts = bills.iter().map(|bill| self.judge.input.psa_line(bill.line).amount);
        let cost = total(charges.iter().map(|charge| charge.cost))?;
        let expected = total(charges.iter().map(|charge| charge.expected))?;
        let billed = if is_later { None } else { total(amounts)? };
        let is_excluded = bills.is_empty()
            && !charges.is_empty()
            && charges.iter().all(|charge| charge.standing == Standing::Excluded);
        let (class, reason) = match (expected, billed) {
            _ if is_excluded => (Class::Excluded, Some(Reason::ExcludedRecord)),
            _ if is_later => (Class::ExpectedLater, Some(Reason::NotDueYet)),
            (None, _) => (Class::NotCompared, Some(Reason::NoPrice)),
            (_, None) => (Class::NotCompared, Some(Reason::NoAmount)),
            // The final word is spoken when discrepancies are known.
            (Some(_), Some(_)) => (Class::Matched, None),
        };
        let recurring = || {
            charges
                .iter()
                .filter(|charge| charge.kind == ChargeKind::Recurring && charge.standing != Standing::Duplicate)
        };
        let decimal = |amount: Option<Amount>| amount.map(Amount::to_decimal).transpose();
        let minus = |left: Option<Amount>, right: Option<Amount>| {
            left.zip(right).map(|(left, right)| left.minus(right)).transpose()
        };
        Ok(KeyResult {
            customer: account.customer(),
            item: account.item(),
            period: self.judge.periods[usize::from(period)],
            currency: account.currency(),
            companies: distinct(charges.iter().map(|charge| charge.company)),
            products: distinct(charges.iter().map(|charge| charge.product)),
            cost: decimal(cost)?,
            expected: decimal(expected)?,
            billed: decimal(billed)?,
            difference: decimal(minus(billed, expected)?)?,
            margin: decimal(minus(billed, cost)?)?,
            subscribed_quantity: decimal(total(recurring().map(|charge| charge.subscribed))?)?,
            charged_quantity: decimal(total(recurring().map(|charge| charge.charged))?)?,
            billed_quantity: if is_later {
                None
            } else {
                let lines = bills.iter().filter(|bill| bill.chain.is_some());
                decimal(total(lines.map(|bill| bill.quantity))?)?
            },
            class,
            reason,
            rests_on_suggested: charges.iter().any(|charge| charge.is_suggested),
            is_provisional: self.provisional.has(period, account.currency()),
            discrepancies: Vec::new(),
            vendor_lines: place_of(vendor_start)..place_of(self.judged.keys.vendor_lines.len()),
            psa_lines: place_of(psa_start)..place_of(self.judged.keys.psa_lines.len()),
        })
    }
}

/// Each value once, in order.
fn distinct<T: Copy + Ord>(values: impl Iterator<Item = T>) -> Box<[T]> {
    // Neighbours are nearly always equal, so that nothing grows beyond what is kept.
    let mut found: Vec<T> = Vec::new();
    for value in values {
        match found.last() {
            Some(last) if *last == value => {}
            Some(_) => found.push(value),
            None => found = vec![value],
        }
    }
    found.sort_unstable();
    found.dedup();
    found.into()
}

/// The sum, unknown as soon as one part is.
fn total(amounts: impl Iterator<Item = Maybe>) -> Result<Option<Amount>, OutOfRange> {
    let mut sum = Amount::ZERO;
    for amount in amounts {
        match amount.known() {
            Some(amount) => sum = sum.plus(amount)?,
            None => return Ok(None),
        }
    }
    Ok(Some(sum))
}
