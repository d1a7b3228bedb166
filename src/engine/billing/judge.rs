//! What is wrong on one account: everything billed and charged for one customer, item and currency.

use chrono::NaiveDate;

use super::adhoc;
use super::amount::{Amount, Maybe};
use super::assign::{Group, Months, Track, assign};
use super::chain::Chains;
use super::compare::{self, Both};
use super::expected::{Calculator, Charge, ChargeKind, Standing, years};
use super::finding::Finding;
use super::input::{Cycle, Input};
use super::intern::{AgreementLineRef, CustomerRef, ItemRef, NumberMap, PsaLineRef, SubscriptionRef};
use super::key::AccountKey;
use super::report::{KeyCustomer, KeyItem};
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::{Fraction, OutOfRange};
use crate::domain::period::Period;

/// A PSA line on an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bill {
    pub(super) line: PsaLineRef,
    pub(super) period: u16,
    /// First line of the chain of agreement lines that caused it.
    pub(super) chain: Option<AgreementLineRef>,
    pub(super) quantity: Maybe,
    pub(super) unit_price: Maybe,
    pub(super) amount: Amount,
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
}

/// What one chain of lines bills in one period.
#[derive(Debug, Clone, Default)]
pub(super) struct Billed {
    pub(super) quantity: Option<Amount>,
    pub(super) amount: Amount,
    /// Unit price, where all lines have the same.
    pub(super) unit_price: Option<Amount>,
    pub(super) lines: Vec<PsaLineRef>,
}

/// A chain of agreement lines, or lines without one that stand in the same place every month.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) head: Option<AgreementLineRef>,
    pub(super) since: Option<NaiveDate>,
    pub(super) months: Vec<Option<Billed>>,
}

/// The recurring charges of one subscription.
#[derive(Debug, Clone)]
pub(super) struct Recurring {
    pub(super) subscription: Option<SubscriptionRef>,
    pub(super) since: Option<NaiveDate>,
    pub(super) months: Vec<Vec<Charge>>,
}

/// A subscription that no PSA line of its account bills.
#[derive(Debug, Clone)]
pub(super) struct Unbilled {
    pub(super) account: AccountKey,
    pub(super) recurring: Recurring,
    pub(super) adhoc: Vec<Charge>,
}

/// Why a chain has no subscription, as far as its own account knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Explanation {
    /// A subscription ended that had this quantity.
    Ended(SubscriptionRef),
    /// The same quantity is on another agreement, on the chain at this place.
    Duplicate(Option<SubscriptionRef>, usize),
    Unknown,
}

/// A chain of PSA lines without a subscription of its account.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    pub(super) account: AccountKey,
    pub(super) chain: Chain,
    pub(super) explanation: Explanation,
    /// The chain that bills the same already.
    pub(super) twin: Option<Chain>,
}

/// What accounts leave to be judged together.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) unbilled: Vec<Unbilled>,
    pub(super) extras: Vec<Extra>,
}

impl Outcome {
    /// Takes what the accounts after these leave.
    pub(super) fn append(&mut self, next: Self) {
        self.findings.extend(next.findings);
        self.unbilled.extend(next.unbilled);
        self.extras.extend(next.extras);
    }
}

/// Judges accounts one at a time.
pub(super) struct Judge<'a> {
    pub(super) calculator: &'a Calculator<'a>,
    pub(super) input: &'a Input,
    pub(super) chains: &'a Chains,
    /// Customers and items that have an agreement line, whether it billed in these periods or not, with the day on which
    /// the last one ends.
    agreed: NumberMap<(u32, u32), Option<NaiveDate>>,
    pub(super) periods: Vec<Period>,
}

/// One account.
#[derive(Clone, Copy)]
pub(super) struct Account<'a> {
    pub(super) key: AccountKey,
    pub(super) charges: &'a [Charge],
    pub(super) bills: &'a [Bill],
    pub(super) subscriptions: &'a [SubscriptionRef],
}

impl<'a> Judge<'a> {
    pub(super) fn new(calculator: &'a Calculator<'a>, chains: &'a Chains, periods: Vec<Period>) -> Self {
        let input = calculator.input;
        let mut agreed: NumberMap<(u32, u32), Option<NaiveDate>> = NumberMap::default();
        for line in input.agreement_lines.rows.iter().flatten() {
            if let Some(item) = line.item {
                let end = agreed.entry((input.counting_customer(line.customer).0, item.0)).or_insert(line.to);
                *end = end.zip(line.to).map(|(one, other)| one.max(other));
            }
        }
        Self { calculator, input, chains, agreed, periods }
    }

    /// The day on which the last agreement line of a customer for an item ends, `Some(None)` when one has no end, and
    /// `None` when there is no line.
    pub(super) fn agreed_until(&self, customer: CustomerRef, item: ItemRef) -> Option<Option<NaiveDate>> {
        self.agreed.get(&(customer.0, item.0)).copied()
    }

    /// Errors of the vendor: they show whatever the PSA did.
    pub(super) fn vendor_errors(
        &self,
        account: AccountKey,
        charges: &[Charge],
        outcome: &mut Outcome,
    ) -> Result<(), OutOfRange> {
        for charge in charges {
            if charge.standing == Standing::Duplicate {
                let first = charges.iter().find(|other| {
                    other.standing != Standing::Duplicate
                        && (other.period, other.subscription, other.kind)
                            == (charge.period, charge.subscription, charge.kind)
                        && (other.start, other.end, other.term) == (charge.start, charge.end, charge.term)
                });
                let mut finding = Finding::new(Type::Pax8DuplicateCharge, account, charge.period).about(charge);
                let once = first.and_then(|first| first.charged.known());
                finding.expected_quantity = once.into();
                finding.actual_quantity = match (once, charge.charged.known()) {
                    (Some(once), Some(again)) => once.plus(again)?.into(),
                    _ => Maybe::UNKNOWN,
                };
                finding.vendor_lines.extend(first.and_then(|first| first.line));
                finding.cost_effect = charge.cost.known().unwrap_or_default();
                outcome.findings.push(finding);
            } else if let (Some(subscribed), Some(charged)) = (charge.subscribed.known(), charge.charged.known())
                && charge.line.is_some()
                && !charge.is_flat
                && charge.term.and_then(years).is_none()
                && subscribed != charged
            {
                let mut finding = Finding::new(Type::Pax8QuantityMismatch, account, charge.period).about(charge);
                finding.expected_quantity = subscribed.into();
                finding.actual_quantity = charged.into();
                if let (Some(unit), Some(cost)) = (charge.unit_cost.known(), charge.cost.known()) {
                    let rounding = self.calculator.rounding(account.currency());
                    finding.cost_effect = cost.minus(subscribed.extended(unit, Fraction::ONE, rounding)?)?;
                }
                outcome.findings.push(finding);
            }
        }
        Ok(())
    }

    /// Unit costs of recurring charges that rose from one period to the next: not wrong, but worth knowing.
    pub(super) fn cost_increases(&self, account: AccountKey, charges: &[Charge], outcome: &mut Outcome) {
        if self.periods.len() < 2 {
            return;
        }
        let mut recurring: Vec<&Charge> = charges
            .iter()
            .filter(|charge| charge.kind == ChargeKind::Recurring && charge.line.is_some() && !charge.is_flat)
            .filter(|charge| charge.subscription.is_some())
            .collect();
        recurring.sort_by_key(|charge| (charge.subscription, charge.term, charge.period));
        for pair in recurring.windows(2) {
            let [before, after] = pair else { continue };
            let same = (before.subscription, before.term) == (after.subscription, after.term);
            let (Some(old), Some(new)) = (before.unit_cost.known(), after.unit_cost.known()) else { continue };
            if same && before.period < after.period && old < new {
                let mut finding = Finding::new(Type::CostIncrease, account, after.period).about(after);
                (finding.expected_price, finding.actual_price) = (old.into(), new.into());
                (finding.expected_quantity, finding.actual_quantity) = (after.charged, after.charged);
                outcome.findings.push(finding);
            }
        }
    }

    /// Compares what was billed on an account with what should have been. `charges` are billable, with a known
    /// amount, in periods that can be judged; so are `bills`.
    pub(super) fn account(&self, account: Account<'_>, outcome: &mut Outcome) -> Result<(), OutOfRange> {
        if is_plain(&account) {
            return Ok(());
        }
        let missing = match (account.key.customer(), account.key.item()) {
            (KeyCustomer::Missing(_), _) => Some(Type::CustomerMissingInPsa),
            (_, KeyItem::Missing(_)) => Some(Type::ProductMissingInPsa),
            _ => None,
        };
        if let Some(kind) = missing {
            let rows = account.charges.iter().filter(|charge| charge.expected != Amount::ZERO.into());
            outcome.findings.extend(rows.map(|charge| Finding::unbilled(kind, account.key, charge)));
            return Ok(());
        }
        let matched = adhoc::matched(&account, self, &mut outcome.findings)?;
        let mut chains = self.chains_of(matched.bills)?;
        let mut recurring = self.recurring_of(account.charges);
        self.yearly_billed_monthly(&account, &mut recurring, &mut chains, outcome)?;

        let subscription_tracks: Vec<Track> = recurring.iter().map(|one| self.wanted(one)).collect::<Result<_, _>>()?;
        let line_tracks: Vec<Track> = chains.iter().map(|chain| self.billed(chain)).collect();
        let ended = |at: usize| self.ended_with(account.subscriptions, &chains[at]);
        let groups = assign(&subscription_tracks, &line_tracks, |line| ended(line).is_none());

        let mut owners: Vec<Option<SubscriptionRef>> = vec![None; chains.len()];
        for group in &groups {
            for line in &group.lines {
                owners[*line] = recurring[group.subscriptions[0]].subscription;
            }
            self.compare_group(account.key, group, &recurring, &chains, outcome)?;
        }
        self.leave_unbilled(&account, recurring, &groups, matched.unbilled, &chains, outcome);
        for at in 0..chains.len() {
            if !groups.iter().any(|group| group.lines.contains(&at)) {
                let explanation = self.explanation(account.subscriptions, at, &chains, &owners);
                let twin = match explanation {
                    Explanation::Duplicate(_, twin) => Some(chains[twin].clone()),
                    Explanation::Ended(_) | Explanation::Unknown => None,
                };
                outcome.extras.push(Extra { account: account.key, chain: chains[at].clone(), explanation, twin });
            }
        }
        Ok(())
    }

    fn compare_group(
        &self,
        account: AccountKey,
        group: &Group,
        recurring: &[Recurring],
        chains: &[Chain],
        outcome: &mut Outcome,
    ) -> Result<(), OutOfRange> {
        let head = group.lines.iter().find_map(|line| chains[*line].head);
        for period in 0..self.periods.len() {
            let charges: Vec<&Charge> =
                group.subscriptions.iter().flat_map(|at| recurring[*at].months[period].iter()).collect();
            let billed: Vec<&Billed> =
                group.lines.iter().filter_map(|at| chains[*at].months[period].as_ref()).collect();
            if charges.is_empty() && billed.is_empty() {
                continue;
            }
            let subscriptions = group.subscriptions.iter().filter_map(|at| recurring[*at].subscription);
            let both = Both { account, period: period as u16, head, charges: &charges, billed: &billed };
            compare::recurring(self, both, &subscriptions.collect::<Vec<_>>(), &mut outcome.findings)?;
        }
        Ok(())
    }

    /// Subscriptions without a line, and their prorations and credits; for the others the prorations and credits
    /// that nothing bills.
    fn leave_unbilled(
        &self,
        account: &Account<'_>,
        recurring: Vec<Recurring>,
        groups: &[Group],
        adhoc: Vec<Charge>,
        chains: &[Chain],
        outcome: &mut Outcome,
    ) {
        let mut unbilled: Vec<Unbilled> = Vec::new();
        let mut has_line: Vec<Option<SubscriptionRef>> = Vec::new();
        for (at, one) in recurring.into_iter().enumerate() {
            if groups.iter().any(|group| group.subscriptions.contains(&at)) {
                has_line.push(one.subscription);
            } else {
                unbilled.push(Unbilled { account: account.key, recurring: one, adhoc: Vec::new() });
            }
        }
        let is_agreed = match (account.key.known_customer(), account.key.known_item()) {
            (Some(customer), Some(item)) => self.agreed_until(customer, item).is_some(),
            _ => false,
        };
        for charge in adhoc {
            match charge.kind {
                ChargeKind::Usage | ChargeKind::OneTime => {
                    outcome.findings.push(Finding::unbilled(adhoc::unbilled_type(&charge), account.key, &charge));
                    continue;
                }
                ChargeKind::Recurring | ChargeKind::Prorate | ChargeKind::Credit => {}
            }
            if let Some(one) = unbilled.iter_mut().find(|one| one.recurring.subscription == charge.subscription) {
                one.adhoc.push(charge);
            } else if has_line.contains(&charge.subscription) || is_agreed || !chains.is_empty() {
                outcome.findings.push(Finding::unbilled(adhoc::unbilled_type(&charge), account.key, &charge));
            } else {
                let since = self.since(charge.subscription);
                let months = vec![Vec::new(); self.periods.len()];
                let recurring = Recurring { subscription: charge.subscription, since, months };
                unbilled.push(Unbilled { account: account.key, recurring, adhoc: vec![charge] });
            }
        }
        outcome.unbilled.extend(unbilled);
    }

    fn since(&self, subscription: Option<SubscriptionRef>) -> Option<NaiveDate> {
        self.input.subscriptions.get(subscription?)?.start()
    }

    fn chains_of(&self, bills: Vec<Bill>) -> Result<Vec<Chain>, OutOfRange> {
        let mut chains: Vec<Chain> = Vec::new();
        let mut loose: Vec<Bill> = Vec::new();
        for bill in bills {
            match bill.chain {
                Some(head) => {
                    let at = chains.iter().position(|chain| chain.head == Some(head)).unwrap_or_else(|| {
                        let since = self.input.agreement_lines.get(head).and_then(|row| row.from);
                        chains.push(Chain { head: Some(head), since, months: vec![None; self.periods.len()] });
                        chains.len() - 1
                    });
                    add_bill(&mut chains[at], &bill)?;
                }
                None => loose.push(bill),
            }
        }
        // Lines without an agreement line: the largest of each month belong together, then the next ones.
        loose.sort_by_key(|bill| (bill.period, std::cmp::Reverse(bill.amount), bill.line));
        let first = chains.len();
        let (mut period, mut rank) = (None, 0);
        for bill in loose {
            rank = if period == Some(bill.period) { rank + 1 } else { 0 };
            period = Some(bill.period);
            if first + rank == chains.len() {
                chains.push(Chain { head: None, since: None, months: vec![None; self.periods.len()] });
            }
            add_bill(&mut chains[first + rank], &bill)?;
        }
        Ok(chains)
    }

    fn recurring_of(&self, charges: &[Charge]) -> Vec<Recurring> {
        let mut all: Vec<Recurring> = Vec::new();
        for charge in charges.iter().filter(|charge| charge.kind == ChargeKind::Recurring) {
            let at = all.iter().position(|one| one.subscription == charge.subscription).unwrap_or_else(|| {
                all.push(Recurring {
                    subscription: charge.subscription,
                    since: self.since(charge.subscription),
                    months: vec![Vec::new(); self.periods.len()],
                });
                all.len() - 1
            });
            all[at].months[usize::from(charge.period)].push(*charge);
        }
        all
    }

    pub(super) fn wanted(&self, recurring: &Recurring) -> Result<Track, OutOfRange> {
        let mut months: Months = vec![None; recurring.months.len()];
        for (month, charges) in months.iter_mut().zip(&recurring.months) {
            for charge in charges {
                let quantity = charge.quantity.known().unwrap_or_default();
                *month = Some(month.unwrap_or_default().plus(quantity)?);
            }
        }
        Ok(Track { months, since: recurring.since, agreement: None })
    }

    pub(super) fn billed(&self, chain: &Chain) -> Track {
        let months = chain.months.iter().map(|month| Some(month.as_ref()?.quantity.unwrap_or_default())).collect();
        let agreement = chain.head.and_then(|head| Some(self.input.agreement_lines.get(head)?.agreement));
        Track { months, since: chain.since, agreement }
    }

    /// A subscription that ended and had the quantity of a chain in its last month; of several the one that began with
    /// the chain.
    fn ended_with(&self, subscriptions: &[SubscriptionRef], chain: &Chain) -> Option<SubscriptionRef> {
        let (period, billed) =
            chain.months.iter().enumerate().rev().find_map(|(at, month)| Some((at, month.as_ref()?)))?;
        let first_day = self.periods[period].first_day();
        let fits = |subscription: &SubscriptionRef| {
            self.input.subscriptions.get(*subscription).is_some_and(|row| {
                row.end().is_some_and(|end| end < first_day)
                    && row.quantities().any(|quantity| Some(quantity) == billed.quantity)
            })
        };
        let ended = || subscriptions.iter().copied().filter(fits);
        ended().find(|subscription| self.began_with(chain, *subscription)).or_else(|| ended().next())
    }

    /// Whether a chain took effect in the month in which a subscription started.
    pub(super) fn began_with(&self, chain: &Chain, subscription: SubscriptionRef) -> bool {
        let month = |day: Option<NaiveDate>| day.map(Period::of);
        chain.since.is_some() && month(chain.since) == month(self.since(Some(subscription)))
    }

    fn explanation(
        &self,
        subscriptions: &[SubscriptionRef],
        at: usize,
        chains: &[Chain],
        owners: &[Option<SubscriptionRef>],
    ) -> Explanation {
        let chain = &chains[at];
        if let Some(ended) = self.ended_with(subscriptions, chain) {
            return Explanation::Ended(ended);
        }
        let agreement = |chain: &Chain| Some(self.input.agreement_lines.get(chain.head?)?.agreement);
        let twin = chains.iter().enumerate().find(|(other_at, other)| {
            *other_at != at
                && (chain.head.is_none() || agreement(chain) != agreement(other))
                && chain.months.iter().zip(&other.months).any(|(left, right)| match (left, right) {
                    (Some(left), Some(right)) => left.quantity == right.quantity,
                    _ => false,
                })
        });
        match twin {
            Some((twin, _)) => Explanation::Duplicate(owners[twin], twin),
            None => Explanation::Unknown,
        }
    }

    /// A yearly item that is billed as a twelfth every month. The finding takes the whole subscription.
    fn yearly_billed_monthly(
        &self,
        account: &Account<'_>,
        recurring: &mut Vec<Recurring>,
        chains: &mut Vec<Chain>,
        outcome: &mut Outcome,
    ) -> Result<(), OutOfRange> {
        let is_yearly = account.key.known_item().and_then(|item| self.input.item_cycle(item)) == Some(Cycle::Annual);
        if !is_yearly {
            return Ok(());
        }
        let mut at = 0;
        while at < chains.len() {
            let Some((subscription, price)) = self.twelfth(account, &chains[at])? else {
                at += 1;
                continue;
            };
            let chain = chains.remove(at);
            let own = recurring.iter().position(|one| one.subscription == Some(subscription));
            let own = own.map(|at| recurring.remove(at));
            for (period, billed) in chain.months.iter().enumerate() {
                let charges = own.as_ref().map_or(&[][..], |own| &own.months[period]);
                if billed.is_none() && charges.is_empty() {
                    continue;
                }
                let billed = billed.clone().unwrap_or_default();
                let mut finding = Finding::new(Type::WrongBillingCycle, account.key, period as u16);
                finding.subscription = Some(subscription);
                if let Some(state) = self.input.subscriptions.get(subscription).and_then(|row| row.revisions.last()) {
                    finding.company = Some(state.company);
                    finding.product = Some(state.product);
                }
                finding.chain = chain.head;
                let mut quantity = Amount::ZERO;
                for charge in charges {
                    finding.expected = finding.expected.plus(charge.expected.known().unwrap_or_default())?;
                    quantity = quantity.plus(charge.quantity.known().unwrap_or_default())?;
                    finding.vendor_lines.extend(charge.line);
                }
                finding.expected_quantity = quantity.into();
                finding.actual_quantity = billed.quantity.into();
                finding.actual = billed.amount;
                finding.expected_price = price.into();
                finding.actual_price = billed.unit_price.into();
                finding.psa_lines = billed.lines;
                if finding.expected != finding.actual {
                    outcome.findings.push(finding);
                }
            }
        }
        Ok(())
    }

    /// The yearly subscription of which a chain bills a twelfth in some month, and its price for a year.
    fn twelfth(&self, account: &Account<'_>, chain: &Chain) -> Result<Option<(SubscriptionRef, Amount)>, OutOfRange> {
        let cent = Amount(Amount::ONE.0 / 100);
        for (period, billed) in chain.months.iter().enumerate() {
            let Some(billed) = billed else { continue };
            let Some(unit_price) = billed.unit_price else { continue };
            let day = self.periods[period].first_day();
            for subscription in account.subscriptions {
                let Some(row) = self.input.subscriptions.get(*subscription) else { continue };
                let is_yearly = row.state_near(day).and_then(|state| state.term).and_then(years).is_some();
                if !is_yearly || !row.is_active_on(day) {
                    continue;
                }
                let Some(price) = self.calculator.reference_price(account.key, *subscription, day) else { continue };
                let mut year = Amount::ZERO;
                for _ in 0..12 {
                    year = year.plus(unit_price)?;
                }
                // Half a cent of rounding on each of twelve months.
                let is_twelfth = year.minus(price)?.absolute() <= Amount(cent.0 * 6);
                if is_twelfth && (row.quantity_on(day) == billed.quantity || account.subscriptions.len() == 1) {
                    return Ok(Some((*subscription, price)));
                }
            }
        }
        Ok(None)
    }
}

/// Nothing but recurring charges and lines that agree: one of each every month, or any number in a single month. The
/// common case, judged without more ado.
fn is_plain(account: &Account<'_>) -> bool {
    let (charges, bills) = (account.charges, account.bills);
    let (Some(first_charge), Some(first_bill)) = (charges.first(), bills.first()) else { return false };
    if charges.len() != bills.len() {
        return false;
    }
    let is_recurring = charges.iter().all(|charge| charge.kind == ChargeKind::Recurring)
        && bills.iter().all(|bill| bill.chain.is_some());
    let agrees = |charge: &Charge, bill: &Bill| {
        charge.period == bill.period && charge.expected == bill.amount.into() && charge.quantity == bill.quantity
    };
    let is_single = || {
        charges.iter().all(|charge| charge.subscription == first_charge.subscription)
            && bills.iter().all(|bill| bill.chain == first_bill.chain)
    };
    if !is_recurring {
        return false;
    }
    if is_single() {
        return charges.iter().zip(bills).all(|(charge, bill)| agrees(charge, bill));
    }
    let in_one_month = charges.iter().all(|charge| charge.period == first_charge.period)
        && bills.iter().all(|bill| bill.period == first_charge.period);
    if !in_one_month || charges.len() > PLAIN_LINES {
        return false;
    }
    let mut is_taken = [false; PLAIN_LINES];
    charges.iter().all(|charge| {
        let found = bills.iter().enumerate().position(|(at, bill)| !is_taken[at] && agrees(charge, bill));
        found.inspect(|at| is_taken[*at] = true).is_some()
    })
}

/// Of more lines than this on one key none is compared with each.
const PLAIN_LINES: usize = 32;

fn add_bill(chain: &mut Chain, bill: &Bill) -> Result<(), OutOfRange> {
    let month = &mut chain.months[usize::from(bill.period)];
    let (quantity, unit_price) = (bill.quantity.known(), bill.unit_price.known());
    match month {
        None => *month = Some(Billed { quantity, amount: bill.amount, unit_price, lines: vec![bill.line] }),
        Some(billed) => {
            let total = billed.quantity.zip(quantity).and_then(|(left, right)| left.plus(right).ok());
            billed.quantity = total;
            billed.amount = billed.amount.plus(bill.amount)?;
            billed.unit_price = billed.unit_price.filter(|price| Some(*price) == unit_price);
            billed.lines.push(bill.line);
        }
    }
    Ok(())
}
