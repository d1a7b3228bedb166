//! The run itself: places lines on keys, judges account by account, and adds up.

use std::collections::HashSet;

use chrono::Days;

use super::ENGINE_VERSION;
use super::amount::{Amount, Maybe};
use super::chain::Chains;
use super::expected::{Calculator, Charge, ChargeKind, Standing};
use super::finding::Finding;
use super::fingerprint;
use super::footing::Footing;
use super::input::Input;
use super::intern::{CustomerRef, PsaLineRef, SubscriptionRef, VendorLineRef};
use super::judge::{Account, Bill, Judge, Outcome};
use super::key::{AccountKey, Place, Placement, Resolver, shifted};
use super::pair;
use super::policy::Policy;
use super::provisional::{self, Provisional};
use super::report::{Class, KeyResult, Reason, ReconcileError, Report, Side};
use super::summary;
use super::tie_out::tie_out;
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::{Currency, OutOfRange};
use crate::domain::period::Period;
use crate::domain::record::BillingTerm;

/// Longest range of a run in months.
const LONGEST: usize = 600;

/// Compares what Pax8 charged with what the PSA billed.
pub fn reconcile(input: &Input, policy: &Policy) -> Result<Report, ReconcileError> {
    let periods: Vec<Period> = input.first.through(input.last).take(LONGEST + 1).collect();
    if periods.is_empty() || periods.len() > LONGEST {
        return Err(ReconcileError::BadPeriods { first: input.first, last: input.last });
    }
    let count = u16::try_from(periods.len()).expect("at most 600 periods");
    let resolver = Resolver::new(input, policy, count);
    let calculator = Calculator::new(&resolver);
    let chains = Chains::new(input);
    let judge = Judge::new(&calculator, &chains, periods.clone());

    let mut footing = Footing::default();
    let (vendor, unassigned) = place_vendor_lines(&resolver, &mut footing)?;
    let psa = place_psa_lines(&resolver, &mut footing)?;
    let subscriptions = place_subscriptions(&resolver);
    let provisional = Provisional::of(input, &vendor, &psa)?;
    let mut run = Run {
        judge: &judge,
        due: Due::new(input, policy, &resolver),
        provisional: &provisional,
        keys: Vec::new(),
        key_vendor_lines: Vec::with_capacity(vendor.len()),
        key_psa_lines: Vec::with_capacity(psa.len()),
        accounts: Vec::new(),
        outcome: Outcome::default(),
        charges: Vec::new(),
        bills: Vec::new(),
    };
    let (mut vendor, mut psa, mut subscriptions) = (&vendor[..], &psa[..], &subscriptions[..]);
    loop {
        let next = [vendor, psa, subscriptions].into_iter().filter_map(|side| side.first()).min();
        let Some(account) = next.map(|place| place.account()) else { break };
        let vendor_part = split(&mut vendor, account);
        let psa_part = split(&mut psa, account);
        let subscription_part = split(&mut subscriptions, account);
        run.account(account, vendor_part, psa_part, subscription_part)?;
    }
    let Run { keys, key_vendor_lines, key_psa_lines, accounts, outcome, .. } = run;
    let mut findings = pair::settle(&judge, outcome)?;
    findings.extend(unassigned);
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
        tie_out: tie_out(input)?,
        key_vendor_lines,
        key_psa_lines,
    };
    summary::complete(&judge, &mut report, &accounts, findings, footing)?;
    Ok(report)
}

fn split<'a>(side: &mut &'a [Place], account: AccountKey) -> &'a [Place] {
    let end = side.iter().position(|place| place.account() != account).unwrap_or(side.len());
    let (part, rest) = side.split_at(end);
    *side = rest;
    part
}

fn place_vendor_lines(
    resolver: &Resolver<'_>,
    footing: &mut Footing,
) -> Result<(Vec<Place>, Vec<Finding>), OutOfRange> {
    let input = resolver.input;
    let mut places = Vec::with_capacity(input.vendor_lines.len());
    let mut unassigned = Vec::new();
    for (at, line) in (0_u32..).zip(&input.vendor_lines) {
        match resolver.place_vendor_line(at) {
            Placement::Keyed(place) => {
                footing.source(Some(place.account().currency()), Side::Vendor, line.cost_total)?;
                places.push(place);
            }
            Placement::Aside(class, reason, currency) => {
                footing.source(currency, Side::Vendor, line.cost_total)?;
                footing.aside(currency, Side::Vendor, (class, reason), line.cost_total)?;
                if reason == Reason::NoCompany && line.term == Some(BillingTerm::Arrears) {
                    unassigned.extend(unassigned_use(resolver, at, currency));
                }
            }
            Placement::Outside => {}
        }
    }
    places.sort_unstable();
    Ok((places, unassigned))
}

/// Use that Pax8 links to no company: it has a product, but nobody to bill.
fn unassigned_use(resolver: &Resolver<'_>, at: u32, currency: Option<Currency>) -> Option<Finding> {
    let line = resolver.input.vendor_line(VendorLineRef(at));
    let (product, currency) = (line.product?, currency?);
    let invoice = resolver.input.vendor_invoices.get(line.invoice)?;
    let period = resolver.period_of(resolver.policy.vendor_period, invoice.date, line.start)?;
    let item = super::report::KeyItem::Missing(product);
    let mut finding = Finding::new(Type::UsageUnassigned, AccountKey::nobody(item, currency), period);
    finding.subscription = line.subscription;
    finding.product = Some(product);
    finding.vendor_lines.push(VendorLineRef(at));
    Some(finding)
}

fn place_psa_lines(resolver: &Resolver<'_>, footing: &mut Footing) -> Result<Vec<Place>, OutOfRange> {
    let input = resolver.input;
    let mut places = Vec::with_capacity(input.psa_lines.len());
    for (at, line) in (0_u32..).zip(&input.psa_lines) {
        match resolver.place_psa_line(at) {
            Placement::Keyed(place) => {
                footing.source(Some(place.account().currency()), Side::Psa, line.amount)?;
                places.push(place);
            }
            Placement::Aside(class, reason, currency) => {
                footing.source(currency, Side::Psa, line.amount)?;
                footing.aside(currency, Side::Psa, (class, reason), line.amount)?;
            }
            Placement::Outside => {}
        }
    }
    places.sort_unstable();
    Ok(places)
}

fn place_subscriptions(resolver: &Resolver<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for at in (0_u32..).take(resolver.input.subscriptions.ids.len()) {
        let accounts = resolver.subscription_accounts(SubscriptionRef(at));
        places.extend(accounts.into_iter().map(|account| account.at(0, at)));
    }
    places.sort_unstable();
    places
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

struct Run<'a> {
    judge: &'a Judge<'a>,
    due: Due,
    provisional: &'a Provisional,
    keys: Vec<KeyResult>,
    key_vendor_lines: Vec<VendorLineRef>,
    key_psa_lines: Vec<PsaLineRef>,
    /// Account of each key.
    accounts: Vec<(AccountKey, u16)>,
    outcome: Outcome,
    charges: Vec<Charge>,
    bills: Vec<Bill>,
}

/// Why the lines of one period of an account cannot be judged.
type Verdicts = Vec<(u16, Option<(Class, Option<Reason>)>)>;

impl Run<'_> {
    fn account(
        &mut self,
        account: AccountKey,
        vendor: &[Place],
        psa: &[Place],
        subscriptions: &[Place],
    ) -> Result<(), ReconcileError> {
        let calculator = self.judge.calculator;
        let mut charges = std::mem::take(&mut self.charges);
        let mut bills = std::mem::take(&mut self.bills);
        charges.clear();
        bills.clear();
        for place in vendor {
            charges.push(calculator.of_line(account, place.period(), place.line())?);
        }
        calculator.mark_duplicates(&mut charges);
        let subscriptions: Vec<SubscriptionRef> =
            subscriptions.iter().map(|place| SubscriptionRef(place.line())).collect();
        let from_lines = charges.len();
        for subscription in &subscriptions {
            for (at, period) in (0_u16..).zip(&self.judge.periods) {
                charges.extend(calculator.of_spread(account, *subscription, at, *period)?);
            }
        }
        if charges.len() > from_lines {
            charges.sort_by_key(|charge| charge.period);
        }
        for place in psa {
            bills.push(self.bill(place)?);
        }
        for group in charges.chunk_by_mut(|left, right| left.period == right.period) {
            calculator.mark_included(account, self.judge.periods[usize::from(group[0].period)], group);
        }
        if charges.is_empty() && bills.is_empty() {
            (self.charges, self.bills) = (charges, bills);
            return Ok(());
        }
        self.judge.vendor_errors(account, &charges, &mut self.outcome)?;
        self.judge.cost_increases(account, &charges, &mut self.outcome);
        let verdicts = self.add_keys(account, &charges, &bills)?;

        let is_judged = |period: u16| verdicts.iter().any(|(other, verdict)| *other == period && verdict.is_none());
        charges.retain(|charge| charge.standing == Standing::Billable && is_judged(charge.period));
        bills.retain(|bill| is_judged(bill.period));
        let judged = Account { key: account, charges: &charges, bills: &bills, subscriptions: &subscriptions };
        self.judge.account(judged, &mut self.outcome)?;
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
            self.keys.push(key);
            self.accounts.push((account, period));
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
        let (vendor_start, psa_start) = (self.key_vendor_lines.len(), self.key_psa_lines.len());
        self.key_vendor_lines.extend(charges.iter().filter_map(|charge| charge.line));
        self.key_psa_lines.extend(bills.iter().map(|bill| bill.line));
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
        let mut companies: Vec<_> = charges.iter().map(|charge| charge.company).collect();
        let mut products: Vec<_> = charges.iter().map(|charge| charge.product).collect();
        companies.sort_unstable();
        companies.dedup();
        products.sort_unstable();
        products.dedup();
        let end = |length: usize| u32::try_from(length).expect("fewer than four billion lines");
        Ok(KeyResult {
            customer: account.customer(),
            item: account.item(),
            period: self.judge.periods[usize::from(period)],
            currency: account.currency(),
            companies: companies.into(),
            products: products.into(),
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
            vendor_lines: end(vendor_start)..end(self.key_vendor_lines.len()),
            psa_lines: end(psa_start)..end(self.key_psa_lines.len()),
        })
    }
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
