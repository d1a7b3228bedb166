//! What should have been billed for each charge of the vendor, by the rules of the policy.

use chrono::{Days, NaiveDate};

use super::amount::{Amount, Maybe, Rounding};
use super::input::{Change, Cycle, Input, LineKind, PeriodEnd, SubscriptionRow, VendorLine};
use super::intern::{CompanyRef, ItemRef, NumberMap, ProductRef, Reference, SubscriptionRef, VendorLineRef};
use super::key::{AccountKey, Resolver};
use super::policy::{Credits, Policy, PriceSource, Proration, QuantitySource};
use super::price::{PriceQuestion, Prices};
use crate::domain::money::{Currency, Fraction, OutOfRange};
use crate::domain::period::Period;
use crate::domain::record::BillingTerm;

/// What kind of thing is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ChargeKind {
    /// A period of a subscription: a month, a year, or the month of a year that is billed monthly.
    Recurring,
    /// A change inside a period.
    Prorate,
    /// Seats taken back.
    Credit,
    /// Metered use.
    Usage,
    /// A purchase.
    OneTime,
}

/// Why a charge expects nothing, or that it does expect something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is to be billed.
    Billable,
    /// A second identical line.
    Duplicate,
    /// Its company or product is excluded.
    Excluded,
    /// Nothing is expected, by policy or by contract: absorbed, kept, included, or billed monthly instead.
    Covered,
}

/// Something that is or should be billed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charge {
    /// The vendor's line; `None` for the month of a year that is billed monthly.
    pub(super) line: Option<VendorLineRef>,
    pub(super) subscription: Option<SubscriptionRef>,
    pub(super) company: CompanyRef,
    pub(super) product: ProductRef,
    pub(super) period: u16,
    pub(super) kind: ChargeKind,
    pub(super) standing: Standing,
    pub(super) term: Option<BillingTerm>,
    pub(super) is_flat: bool,
    pub(super) is_suggested: bool,
    /// Units that should be billed.
    pub(super) quantity: Maybe,
    /// Units that the vendor charged.
    pub(super) charged: Maybe,
    /// Units of the subscription, where its history says.
    pub(super) subscribed: Maybe,
    pub(super) price: Maybe,
    pub(super) expected: Maybe,
    pub(super) unit_cost: Maybe,
    pub(super) cost: Maybe,
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
}

/// Makes charges.
pub(super) struct Calculator<'a> {
    pub(super) input: &'a Input,
    pub(super) policy: &'a Policy,
    pub(super) resolver: &'a Resolver<'a>,
    prices: Prices<'a>,
    /// Agreement lines with included seats, by customer and item.
    included: NumberMap<(u32, u32), Vec<u32>>,
}

impl<'a> Calculator<'a> {
    pub(super) fn new(resolver: &'a Resolver<'a>) -> Self {
        let input = resolver.input;
        let mut included: NumberMap<(u32, u32), Vec<u32>> = NumberMap::default();
        for (at, line) in (0_u32..).zip(&input.agreement_lines.rows) {
            let Some(line) = line else { continue };
            let (Some(item), Some(quantity), Some(seats)) = (line.item, line.quantity.known(), line.included.known())
            else {
                continue;
            };
            if seats > Amount::ZERO && seats >= quantity {
                included.entry((input.counting_customer(line.customer).0, item.0)).or_default().push(at);
            }
        }
        let prices = Prices::new(input, resolver.policy.price_source);
        Self { input, policy: resolver.policy, resolver, prices, included }
    }

    pub(super) fn rounding(&self, currency: Currency) -> Rounding {
        let scale = self.policy.rounding_scale.unwrap_or_else(|| currency.minor_digits());
        Rounding { scale, mode: self.policy.rounding_mode }
    }

    /// The charge of a vendor line on its account.
    pub(super) fn of_line(&self, account: AccountKey, period: u16, at: u32) -> Result<Charge, OutOfRange> {
        let reference = VendorLineRef(at);
        let line = self.input.vendor_line(reference);
        let company = line.company.expect("a line with a key has a company");
        let product = line.product.expect("a line with a key has a product");
        let target = self.resolver.line_target(line, product, account.customer());
        let kind = match line.kind {
            LineKind::Prorate => ChargeKind::Prorate,
            LineKind::ServiceCredit => ChargeKind::Credit,
            LineKind::OneTime => ChargeKind::OneTime,
            _ if line.term == Some(BillingTerm::Arrears) => ChargeKind::Usage,
            _ => ChargeKind::Recurring,
        };
        let mut charge = Charge {
            line: Some(reference),
            subscription: line.subscription,
            company,
            product,
            period,
            kind,
            standing: Standing::Billable,
            term: line.term,
            is_flat: line.is_flat,
            is_suggested: self.resolver.customer_is_suggested(company) || target.is_suggested(),
            quantity: line.quantity,
            charged: line.quantity,
            subscribed: Maybe::UNKNOWN,
            price: Maybe::UNKNOWN,
            expected: Maybe::UNKNOWN,
            unit_cost: line.cost,
            cost: line.cost_total,
            start: line.start,
            end: self.last_day(line),
        };
        self.set_quantity(&mut charge);
        charge.standing = self.standing(&charge, line, account, target.is_included());
        if charge.standing == Standing::Billable {
            let factor = target.rule.map_or(Amount::ONE, |rule| rule.factor);
            self.set_expected(&mut charge, line, account, factor)?;
        } else {
            charge.expected = Amount::ZERO.into();
        }
        Ok(charge)
    }

    /// Last day of a line's service period, included.
    fn last_day(&self, line: &VendorLine) -> Option<NaiveDate> {
        match self.input.period_end {
            PeriodEnd::Inclusive => line.end,
            PeriodEnd::Exclusive => line.end.and_then(|end| end.checked_sub_days(Days::new(1))),
        }
    }

    fn set_quantity(&self, charge: &mut Charge) {
        if charge.kind != ChargeKind::Recurring {
            return;
        }
        let subscription = charge.subscription.and_then(|subscription| self.input.subscriptions.get(subscription));
        let (Some(subscription), Some(start)) = (subscription, charge.start) else { return };
        let Some(quantity) = subscription.quantity_on(start) else { return };
        charge.subscribed = quantity.into();
        let is_monthly = charge.term == Some(BillingTerm::Monthly);
        if is_monthly && !charge.is_flat && self.policy.quantity_source == QuantitySource::SubscriptionHistory {
            charge.quantity = quantity.into();
        }
    }

    fn standing(&self, charge: &Charge, line: &VendorLine, account: AccountKey, is_included: bool) -> Standing {
        if line.is_billed_by_pax8
            || self.resolver.excluded_companies[charge.company.index()].is_some()
            || self.resolver.excluded_products[charge.product.index()]
        {
            return Standing::Excluded;
        }
        let is_negative = line.quantity.known().is_some_and(Amount::is_negative);
        let is_absorbed = charge.kind == ChargeKind::Prorate && self.policy.proration == Proration::Absorb;
        let is_kept = self.policy.credits == Credits::Keep
            && (charge.kind == ChargeKind::Credit || (charge.kind == ChargeKind::Prorate && is_negative));
        if is_included || is_absorbed || is_kept || self.is_spread(account, charge) {
            return Standing::Covered;
        }
        Standing::Billable
    }

    /// Whether the PSA bills a yearly charge month by month, so that the charge itself expects nothing.
    fn is_spread(&self, account: AccountKey, charge: &Charge) -> bool {
        let is_yearly = charge.term.and_then(years).is_some();
        is_yearly
            && matches!(charge.kind, ChargeKind::Recurring | ChargeKind::Prorate)
            && account.known_item().is_some_and(|item| self.input.item_cycle(item) == Some(Cycle::Monthly))
    }

    fn set_expected(
        &self,
        charge: &mut Charge,
        line: &VendorLine,
        account: AccountKey,
        factor: Amount,
    ) -> Result<(), OutOfRange> {
        let rounding = self.rounding(account.currency());
        let Some(item) = account.known_item() else {
            // Without an item the price that Pax8 suggests is the only one there is.
            charge.expected = line.subtotal;
            return Ok(());
        };
        if let PriceSource::CostPlus(percent) = self.policy.price_source {
            charge.expected = marked_up(charge.cost, Amount::from_decimal(percent)?, rounding)?;
            return Ok(());
        }
        if charge.kind == ChargeKind::Usage {
            let markup = self.input.items.get(item).and_then(|row| row.markup_percent.known());
            charge.expected = marked_up(charge.cost, markup.unwrap_or_default(), rounding)?;
            return Ok(());
        }
        let Some(quantity) = charge.quantity.known() else { return Ok(()) };
        let quantity = match (charge.is_flat, quantity.is_negative()) {
            (false, _) => quantity.times(factor)?,
            (true, false) => Amount::ONE,
            (true, true) => Amount::ONE.negated(),
        };
        charge.quantity = quantity.into();
        let Some(day) = charge.start.or_else(|| self.invoice_date(line)) else { return Ok(()) };
        let Some(price) = self.price(charge, account, item, day, quantity) else { return Ok(()) };
        charge.price = price.into();
        let share = match charge.kind {
            ChargeKind::Prorate => match self.share(charge) {
                Some(share) => share,
                None => return Ok(()),
            },
            _ => Fraction::ONE,
        };
        charge.expected = quantity.extended(price, share, rounding)?.into();
        Ok(())
    }

    fn invoice_date(&self, line: &VendorLine) -> Option<NaiveDate> {
        self.input.vendor_invoices.get(line.invoice).map(|invoice| invoice.date)
    }

    fn price(
        &self,
        charge: &Charge,
        account: AccountKey,
        item: ItemRef,
        day: NaiveDate,
        quantity: Amount,
    ) -> Option<Amount> {
        let subscription = charge.subscription.and_then(|subscription| self.input.subscriptions.get(subscription));
        let state = subscription.and_then(|subscription| subscription.state_near(day));
        let term = charge.term.filter(|term| *term != BillingTerm::Arrears);
        let term = term.or_else(|| state.and_then(|state| state.term)).unwrap_or(BillingTerm::Monthly);
        // Only a vendor's list price depends on the commitment.
        let needs_list = self.policy.price_source == PriceSource::VendorSuggested;
        let commitment = needs_list.then(|| {
            let known = subscription.and_then(|subscription| subscription.commitment_on(day, term));
            known.unwrap_or_else(|| super::quantity::default_commitment(term))
        });
        self.prices.of(&PriceQuestion {
            customer: account.known_customer(),
            item,
            currency: account.currency(),
            day,
            quantity: quantity.absolute(),
            product: commitment.as_ref().map(|commitment| (charge.product, term, commitment)),
            subscription_price: state.and_then(|state| state.price.known()),
        })
    }

    /// The reference price of an account for a subscription on a day.
    pub(super) fn reference_price(
        &self,
        account: AccountKey,
        subscription: SubscriptionRef,
        day: NaiveDate,
    ) -> Option<Amount> {
        let row = self.input.subscriptions.get(subscription)?;
        let state = row.state_near(day)?;
        let term = state.term.unwrap_or(BillingTerm::Monthly);
        let commitment = row.commitment_on(day, term)?;
        self.prices.of(&PriceQuestion {
            customer: account.known_customer(),
            item: account.known_item()?,
            currency: account.currency(),
            day,
            quantity: row.quantity_on(day).unwrap_or_default(),
            product: Some((state.product, term, &commitment)),
            subscription_price: state.price.known(),
        })
    }

    /// Changes of the dated price of an account up to a day, the oldest first.
    pub(super) fn price_changes(&self, account: AccountKey, day: NaiveDate) -> Vec<Change> {
        let Some(item) = account.known_item() else { return Vec::new() };
        self.prices.changes(&PriceQuestion {
            customer: account.known_customer(),
            item,
            currency: account.currency(),
            day,
            quantity: Amount::ONE,
            product: None,
            subscription_price: None,
        })
    }

    /// Units of an account's item for one seat of a subscription on a day.
    pub(super) fn factor(&self, account: AccountKey, row: &SubscriptionRow, day: NaiveDate) -> Amount {
        let Some(state) = row.state_near(day) else { return Amount::ONE };
        let term = state.term.unwrap_or(BillingTerm::Monthly);
        let commitment = row.commitment_on(day, term);
        let target = self.resolver.target(state.product, term, commitment.as_ref(), account.customer());
        target.rule.map_or(Amount::ONE, |rule| rule.factor)
    }

    /// The part of its term that a change inside the term covers; `None` when a day is missing.
    fn share(&self, charge: &Charge) -> Option<Fraction> {
        let (start, end) = (charge.start?, charge.end?);
        let days = (end - start).num_days() + 1;
        let whole = match charge.term.and_then(years) {
            Some(years) => 365 * years,
            None => Period::of(start).days(),
        };
        (days >= 0).then_some(Fraction { numerator: days, denominator: whole })
    }

    /// The month of a yearly subscription whose item is billed monthly.
    pub(super) fn of_spread(
        &self,
        account: AccountKey,
        subscription: SubscriptionRef,
        at: u16,
        period: Period,
    ) -> Result<Option<Charge>, OutOfRange> {
        let Some(item) = account.known_item() else { return Ok(None) };
        let Some(row) = self.input.subscriptions.get(subscription) else { return Ok(None) };
        let day = period.first_day();
        let Some(state) = row.state_near(day) else { return Ok(None) };
        if self.input.item_cycle(item) != Some(Cycle::Monthly)
            || state.term.and_then(years).is_none()
            || !row.is_active_on(day)
            || state.currency != Some(account.currency())
        {
            return Ok(None);
        }
        let term = state.term.unwrap_or(BillingTerm::Annual);
        let commitment = row.commitment_on(day, term);
        let target = self.resolver.target(state.product, term, commitment.as_ref(), account.customer());
        if self.resolver.customer(state.company) != account.customer() || target.item != account.item() {
            return Ok(None);
        }
        let is_excluded = self.resolver.excluded_companies[state.company.index()].is_some()
            || self.resolver.excluded_products[state.product.index()];
        if is_excluded || target.is_included() {
            return Ok(None);
        }
        let mut charge = Charge {
            line: None,
            subscription: Some(subscription),
            company: state.company,
            product: state.product,
            period: at,
            kind: ChargeKind::Recurring,
            standing: Standing::Billable,
            term: Some(BillingTerm::Monthly),
            is_flat: false,
            is_suggested: self.resolver.customer_is_suggested(state.company) || target.is_suggested(),
            quantity: Maybe::UNKNOWN,
            charged: Amount::ZERO.into(),
            subscribed: Maybe::UNKNOWN,
            price: Maybe::UNKNOWN,
            expected: Maybe::UNKNOWN,
            unit_cost: Maybe::UNKNOWN,
            cost: Amount::ZERO.into(),
            start: Some(day),
            end: Some(period.last_day()),
        };
        let Some(quantity) = row.quantity_on(day) else { return Ok(Some(charge)) };
        charge.subscribed = quantity.into();
        let quantity = quantity.times(target.rule.map_or(Amount::ONE, |rule| rule.factor))?;
        charge.quantity = quantity.into();
        if let PriceSource::CostPlus(_) = self.policy.price_source {
            // The yearly cost says nothing about a month: the price stays unknown.
            return Ok(Some(charge));
        }
        if let Some(price) = self.price(&charge, account, item, day, quantity) {
            charge.price = price.into();
            charge.expected = quantity.extended(price, Fraction::ONE, self.rounding(account.currency()))?.into();
        }
        Ok(Some(charge))
    }

    /// Marks second identical lines. `charges` are those of one account.
    pub(super) fn mark_duplicates(&self, charges: &mut [Charge]) {
        type Same =
            (u16, Option<SubscriptionRef>, ChargeKind, Option<NaiveDate>, Option<NaiveDate>, Option<BillingTerm>);
        let same = |charge: &Charge| -> Same {
            (charge.period, charge.subscription, charge.kind, charge.start, charge.end, charge.term)
        };
        // What is charged once for each subscription repeats nothing; the few charges of most accounts show it at once.
        let is_alone = |at: usize| charges[..at].iter().all(|before| before.subscription != charges[at].subscription);
        if charges.len() < 2 || (charges.len() <= 16 && (1..charges.len()).all(is_alone)) {
            return;
        }
        // Use may come as one line for each group of resources; only equal amounts make a duplicate.
        let amount = |charge: &Charge| match charge.kind {
            ChargeKind::Usage => charge.cost,
            _ => Maybe::UNKNOWN,
        };
        let mut order: Vec<usize> = (0..charges.len()).filter(|at| charges[*at].line.is_some()).collect();
        order.sort_by_key(|at| (same(&charges[*at]), amount(&charges[*at])));
        let mut count = 0;
        for position in 0..order.len() {
            let charge = charges[order[position]];
            let before = position.checked_sub(1).map(|before| charges[order[before]]);
            let repeats =
                before.is_some_and(|before| same(&before) == same(&charge) && amount(&before) == amount(&charge));
            count = if repeats { count + 1 } else { 1 };
            let (Some(subscription), Some(start)) = (charge.subscription, charge.start) else { continue };
            let allowed = match charge.kind {
                ChargeKind::Prorate => {
                    let row = self.input.subscriptions.get(subscription);
                    row.map_or(1, |row| row.changes_on(start)).max(1)
                }
                _ => 1,
            };
            if count > allowed && charge.standing != Standing::Excluded {
                charges[order[position]].standing = Standing::Duplicate;
                charges[order[position]].expected = Amount::ZERO.into();
            }
        }
    }

    /// Expects nothing for subscriptions whose seats an agreement line includes in another price.
    pub(super) fn mark_included(&self, account: AccountKey, period: Period, charges: &mut [Charge]) {
        let (Some(customer), Some(item)) = (account.known_customer(), account.known_item()) else { return };
        let Some(lines) = self.included.get(&(customer.0, item.0)) else { return };
        let day = period.first_day();
        let mut covered: Vec<SubscriptionRef> = Vec::new();
        for line in lines.iter().filter_map(|at| self.input.agreement_lines.rows[*at as usize].as_ref()) {
            if !line.is_active_on(day) {
                continue;
            }
            let mut candidates: Vec<SubscriptionRef> =
                charges.iter().filter_map(|charge| charge.subscription).filter(|one| !covered.contains(one)).collect();
            candidates.sort_unstable();
            candidates.dedup();
            let fitting = candidates.iter().copied().find(|subscription| {
                let row = self.input.subscriptions.get(*subscription);
                row.and_then(|row| row.quantity_on(day)) == line.quantity.known()
            });
            let only = (candidates.len() == 1).then(|| candidates[0]);
            covered.extend(fitting.or(only));
        }
        for charge in charges.iter_mut().filter(|charge| charge.standing == Standing::Billable) {
            if charge.subscription.is_some_and(|subscription| covered.contains(&subscription)) {
                charge.standing = Standing::Covered;
                charge.expected = Amount::ZERO.into();
            }
        }
    }
}

/// Years of a term that lasts longer than a month.
pub(super) fn years(term: BillingTerm) -> Option<i64> {
    match term {
        BillingTerm::Annual => Some(1),
        BillingTerm::TwoYear => Some(2),
        BillingTerm::ThreeYear => Some(3),
        BillingTerm::Monthly
        | BillingTerm::OneTime
        | BillingTerm::Arrears
        | BillingTerm::Trial
        | BillingTerm::Activation
        | BillingTerm::Rebate => None,
    }
}

/// `cost x (100 + percent) / 100`, rounded once.
fn marked_up(cost: Maybe, percent: Amount, rounding: Rounding) -> Result<Maybe, OutOfRange> {
    let Some(cost) = cost.known() else { return Ok(Maybe::UNKNOWN) };
    let factor = Amount(Amount::ONE.0 * 100).plus(percent)?;
    let share = Fraction { numerator: 1, denominator: 100 };
    cost.extended(factor, share, rounding).map(Maybe::from)
}
