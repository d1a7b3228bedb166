//! What the PSA billed: what should have been billed, except for the planted mistakes.
//!
//! The rules: one rounding per line of the vendor, reference price of the day on which the line begins, prorations by
//! days, use with the item's markup, yearly charges on monthly items spread over the months.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;

use super::customers::Relation;
use super::errors::{Kind, Slip, Slips};
use super::items::{Counterpart, Cycle};
use super::random::Random;
use super::subscriptions::{Ground, Subscription};
use super::vendor_billing::{Charge, VendorBilling, VendorLine, cents};
use crate::domain::money::{ExactSum, Fraction, RoundingMode, extended, rounded};
use crate::domain::period::Period;

/// A contract.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// Id at the PSA.
    pub id: u32,
    /// Name.
    pub name: String,
    /// Kind in the PSA's word.
    pub kind: &'static str,
    /// Customer, by position.
    pub customer: usize,
    /// First day.
    pub start: NaiveDate,
}

/// A recurring line.
#[derive(Debug, Clone)]
pub struct AgreementLine {
    /// Id at the PSA.
    pub id: u32,
    /// Agreement, by position.
    pub agreement: usize,
    /// Item, by position.
    pub item: usize,
    /// Units.
    pub quantity: i64,
    /// Price of a unit.
    pub price: Decimal,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// How often it is billed.
    pub cycle: Cycle,
}

/// A line of an invoice.
#[derive(Debug, Clone)]
pub struct InvoiceLine {
    /// Item, by position.
    pub item: usize,
    /// Recurring line, by its id.
    pub agreement_line: Option<u32>,
    /// What is added to the item's name.
    pub suffix: &'static str,
    /// Units.
    pub quantity: i64,
    /// Price of a unit.
    pub price: Decimal,
    /// Amount.
    pub amount: Decimal,
    /// First day of the service.
    pub start: NaiveDate,
    /// Last day of the service.
    pub end: NaiveDate,
}

/// A discrepancy that was put into the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// What it is.
    pub kind: Kind,
    /// Month of the invoice.
    pub period: Period,
    /// Customer at the PSA; `None` where there is none.
    pub customer_id: Option<String>,
    /// Item at the PSA; `None` where there is none.
    pub item_id: Option<String>,
    /// Company at the vendor.
    pub company_id: String,
    /// Product at the vendor.
    pub product_id: String,
    /// Subscription at the vendor.
    pub subscription_id: String,
    /// Currency.
    pub currency: &'static str,
    /// Billed minus expected on the key of customer and item.
    pub effect: Decimal,
    /// What the vendor charged too much.
    pub cost_effect: Decimal,
}

/// Everything that the PSA holds about billing.
#[derive(Debug, Clone, Default)]
pub struct PsaBilling {
    /// Contracts.
    pub agreements: Vec<Agreement>,
    /// Recurring lines.
    pub lines: Vec<AgreementLine>,
    /// Lines of invoices by customer and month.
    pub invoices: BTreeMap<(usize, Period), Vec<InvoiceLine>>,
    /// What is wrong.
    pub planted: Vec<Planted>,
}

/// Bills everything.
pub fn bill(
    seed: u64,
    ground: &Ground<'_>,
    subscriptions: &[Subscription],
    vendor: &VendorBilling,
    slips: &Slips,
) -> PsaBilling {
    let mut biller = Biller {
        random: Random::for_part(seed, "psa billing"),
        ground,
        billing: PsaBilling::default(),
        agreement_of: BTreeMap::new(),
    };
    let mut by_subscription: BTreeMap<usize, Vec<&VendorLine>> = BTreeMap::new();
    for line in &vendor.lines {
        by_subscription.entry(line.subscription).or_default().push(line);
    }
    for (index, subscription) in subscriptions.iter().enumerate() {
        let lines = by_subscription.get(&index).map_or(&[][..], Vec::as_slice);
        biller.subscription(subscription, lines, slips.get(&index).copied());
    }
    biller.own_services();
    biller.billing
}

/// One billed position of a subscription: where, when and how much.
struct Account {
    customer: usize,
    item: usize,
    amounts: BTreeMap<Period, ExactSum>,
}

struct Biller<'a> {
    random: Random,
    ground: &'a Ground<'a>,
    billing: PsaBilling,
    /// Agreement of a customer by its purpose.
    agreement_of: BTreeMap<(usize, &'static str), usize>,
}

const NAMES: &[&str] =
    &["Microsoft 365 / Cloud Licensing", "Cloud Services", "Monthly Cloud Subscriptions", "Licenses"];

impl Biller<'_> {
    fn subscription(&mut self, subscription: &Subscription, lines: &[&VendorLine], slip: Option<Slip>) {
        let expected = self.expected(subscription, lines, slip);
        let customer = self.ground.company(subscription).customer;
        let is_billable = self.ground.company(subscription).relation.is_billable();
        let (Some(customer), Some(item)) = (customer, self.ground.counterpart(subscription).item()) else {
            if is_billable {
                let is_orphan = self.ground.company(subscription).relation == Relation::Orphan;
                let kind = if is_orphan { Kind::CustomerMissing } else { Kind::ProductMissing };
                self.plant_differences(
                    kind,
                    subscription,
                    (customer, self.ground.counterpart(subscription).item()),
                    &expected,
                    &BTreeMap::new(),
                );
            }
            return;
        };
        if !is_billable {
            return;
        }
        let mut account = Account { customer, item, amounts: BTreeMap::new() };
        match slip {
            Some(Slip::OtherCustomer(other)) => account.customer = other,
            Some(Slip::OtherItem(other)) => account.item = other,
            _ => {}
        }
        if !matches!(slip, Some(Slip::Unbilled { .. })) {
            self.recurring(subscription, lines, slip, &mut account);
            self.singular(subscription, lines, slip, &mut account);
        }
        let Some(slip) = slip else { return };
        let billed = account.amounts;
        match slip {
            Slip::OtherCustomer(_) | Slip::OtherItem(_) => {
                let nothing = BTreeMap::new();
                self.plant_differences(slip.kind(), subscription, (Some(customer), Some(item)), &expected, &nothing);
                let wrong = (Some(account.customer), Some(account.item));
                self.plant_differences(slip.kind(), subscription, wrong, &nothing, &billed);
            }
            Slip::VendorTwice(month) | Slip::VendorQuantity(month, _) => {
                self.plant_overcharge(slip, subscription, (customer, item), lines, month);
            }
            _ => self.plant_differences(slip.kind(), subscription, (Some(customer), Some(item)), &expected, &billed),
        }
    }

    /// What should have been billed in each month.
    fn expected(
        &self,
        subscription: &Subscription,
        lines: &[&VendorLine],
        slip: Option<Slip>,
    ) -> BTreeMap<Period, ExactSum> {
        let mut expected: BTreeMap<Period, ExactSum> = BTreeMap::new();
        let mut add = |month: Period, amount: Decimal| {
            expected.entry(month).or_default().add(amount).expect("amounts of the sandbox are small");
        };
        let counterpart = self.ground.counterpart(subscription);
        let company = self.ground.company(subscription);
        match counterpart {
            Counterpart::Spread(item) => {
                for month in self.ground.window.months {
                    let quantity = subscription.quantity_on(month.first_day());
                    let price = self.ground.reference_price(company, item, month.first_day());
                    add(month, cents(quantity, price, Fraction::ONE));
                }
            }
            Counterpart::Missing => lines.iter().for_each(|line| add(line.month, line.subtotal)),
            Counterpart::Own(item) | Counterpart::Group(item) => {
                let mut is_second_charge = false;
                for line in lines {
                    let is_repeated = slip == Some(Slip::VendorTwice(line.month)) && is_second_charge;
                    is_second_charge |=
                        line.charge == Charge::Subscription && slip == Some(Slip::VendorTwice(line.month));
                    if !is_repeated {
                        add(line.month, self.expected_for(subscription, line, item));
                    }
                }
            }
        }
        expected
    }

    fn expected_for(&self, subscription: &Subscription, line: &VendorLine, item: usize) -> Decimal {
        let price = self.ground.reference_price(self.ground.company(subscription), item, line.start);
        match line.charge {
            Charge::Usage => self.marked_up(item, line.cost_total),
            Charge::Subscription if self.ground.billing_term(subscription) == "Monthly" => {
                cents(subscription.quantity_on(line.start), price, line.share)
            }
            Charge::Subscription | Charge::Proration | Charge::Purchase | Charge::Credit => {
                cents(line.quantity, price, line.share)
            }
        }
    }

    fn marked_up(&self, item: usize, cost: Decimal) -> Decimal {
        let markup = self.ground.catalog.items[item].markup.unwrap_or_default();
        let share = Fraction { numerator: 1, denominator: 100 };
        extended(cost, Decimal::ONE_HUNDRED + markup, share, 2, RoundingMode::HalfAwayFromZero)
            .expect("amounts of the sandbox are small")
    }

    /// The lines of the agreement, and what they put on the invoices.
    fn recurring(
        &mut self,
        subscription: &Subscription,
        lines: &[&VendorLine],
        slip: Option<Slip>,
        account: &mut Account,
    ) {
        let cycle = match self.ground.catalog.items[account.item].cycle {
            Cycle::Annual if slip == Some(Slip::Twelfths) => Cycle::Monthly,
            cycle @ (Cycle::Monthly | Cycle::Annual) => cycle,
            Cycle::OneTime | Cycle::Usage => return,
        };
        let mut agreements = vec![self.agreement(account.customer, "cloud", subscription.start)];
        if slip == Some(Slip::Twice) {
            agreements.push(self.agreement(account.customer, "legacy", subscription.start));
        }
        for agreement in agreements {
            let mut open: Option<usize> = None;
            let first = Period::of(subscription.start);
            let first = if subscription.start == first.first_day() { first } else { first.next() };
            for month in first.through(self.ground.window.months[2]) {
                let state = self.state(subscription, month, slip, account.item);
                let is_same = match (open, state) {
                    (Some(line), Some((quantity, price))) => {
                        let line = &self.billing.lines[line];
                        line.quantity == quantity && line.price == price
                    }
                    (None, None) => true,
                    _ => false,
                };
                if !is_same {
                    if let Some(line) = open.take() {
                        self.billing.lines[line].to = Some(month.first_day() - Days::new(1));
                    }
                    open = state.map(|(quantity, price)| {
                        let from = month.first_day();
                        self.agreement_line(agreement, account.item, (quantity, price), from, cycle)
                    });
                }
                if let Some(line) = open {
                    self.bill_recurring(line, month, lines, account);
                }
            }
        }
    }

    /// Seats and price of the recurring line in a month.
    fn state(
        &self,
        subscription: &Subscription,
        month: Period,
        slip: Option<Slip>,
        item: usize,
    ) -> Option<(i64, Decimal)> {
        let first = month.first_day();
        let mut quantity = subscription.quantity_on(first);
        if quantity == 0 && slip == Some(Slip::StillBilled) {
            quantity = subscription.history.last().map_or(0, |(_, quantity)| *quantity);
        }
        let mut price = self.ground.reference_price(self.ground.company(subscription), item, first);
        match slip {
            Some(Slip::Quantity(difference)) => quantity += difference,
            Some(Slip::Price(wrong)) => price = wrong,
            Some(Slip::RoundedPrice) => {
                price = rounded(price, 2, RoundingMode::HalfAwayFromZero).expect("prices of the sandbox are small");
            }
            Some(Slip::Twelfths) => price = cents(1, price, Fraction { numerator: 1, denominator: 12 }),
            _ => {}
        }
        (quantity > 0).then_some((quantity, price))
    }

    /// Puts a recurring line on the invoice of a month, when it is due.
    fn bill_recurring(&mut self, line: usize, month: Period, vendor: &[&VendorLine], account: &mut Account) {
        let line = self.billing.lines[line].clone();
        if !self.ground.window.months.contains(&month) {
            return;
        }
        let (start, end) = if line.cycle == Cycle::Annual {
            let due = vendor.iter().find(|charged| charged.month == month && charged.charge == Charge::Subscription);
            match due {
                Some(charged) => (charged.start, charged.end),
                None => return,
            }
        } else {
            (month.first_day(), month.last_day())
        };
        // A yearly price is the one of the day on which the year begins.
        let price = line.price;
        let amount = cents(line.quantity, price, Fraction::ONE);
        let (quantity, agreement_line) = (line.quantity, Some(line.id));
        let item = line.item;
        self.invoice(
            account,
            month,
            InvoiceLine { item, agreement_line, suffix: "", quantity, price, amount, start, end },
        );
    }

    /// Prorations, credits, purchases and use: what the vendor charged once is billed once.
    fn singular(
        &mut self,
        subscription: &Subscription,
        lines: &[&VendorLine],
        slip: Option<Slip>,
        account: &mut Account,
    ) {
        if matches!(self.ground.counterpart(subscription), Counterpart::Spread(_)) || slip == Some(Slip::Twelfths) {
            return;
        }
        for line in lines.iter().filter(|line| line.charge != Charge::Subscription) {
            let is_forgotten = match slip {
                Some(Slip::NoProration) => line.charge == Charge::Proration && line.quantity > 0,
                Some(Slip::NoCredit) => line.quantity < 0,
                Some(Slip::NoUsage) => line.charge == Charge::Usage,
                Some(Slip::NoPurchase) => line.charge == Charge::Purchase,
                _ => false,
            };
            if is_forgotten {
                continue;
            }
            let item = account.item;
            let mut amount = self.expected_for(subscription, line, item);
            if let Some(Slip::StaleUsage(old)) = slip {
                amount = old;
            }
            let (suffix, price) = match line.charge {
                Charge::Proration => (" (prorated)", self.prorated_price(subscription, line, item)),
                Charge::Credit => (" - credit", self.prorated_price(subscription, line, item)),
                Charge::Usage => (" - usage", amount),
                Charge::Purchase | Charge::Subscription => ("", self.prorated_price(subscription, line, item)),
            };
            let (quantity, start, end) = (line.quantity, line.start, line.end);
            let month = line.month;
            self.invoice(
                account,
                month,
                InvoiceLine { item, agreement_line: None, suffix, quantity, price, amount, start, end },
            );
        }
    }

    fn prorated_price(&self, subscription: &Subscription, line: &VendorLine, item: usize) -> Decimal {
        let price = self.ground.reference_price(self.ground.company(subscription), item, line.start);
        extended(Decimal::ONE, price, line.share, 4, RoundingMode::HalfAwayFromZero)
            .expect("prices of the sandbox are small")
    }

    fn invoice(&mut self, account: &mut Account, month: Period, line: InvoiceLine) {
        account.amounts.entry(month).or_default().add(line.amount).expect("amounts of the sandbox are small");
        self.billing.invoices.entry((account.customer, month)).or_default().push(line);
    }

    fn agreement(&mut self, customer: usize, purpose: &'static str, start: NaiveDate) -> usize {
        if let Some(&agreement) = self.agreement_of.get(&(customer, purpose)) {
            let known = &mut self.billing.agreements[agreement];
            known.start = known.start.min(start);
            return agreement;
        }
        let (name, kind) = match purpose {
            "own" => ("Managed Services", "Managed Services"),
            "legacy" => (self.random.pick(&["Legacy Office 365", "Cloud Services (old)", "Licenses - misc"]), "Cloud"),
            _ => (self.random.pick(NAMES), "Cloud"),
        };
        let id = 501 + u32::try_from(self.billing.agreements.len()).expect("there are few agreements");
        self.billing.agreements.push(Agreement { id, name: name.to_owned(), kind, customer, start });
        let agreement = self.billing.agreements.len() - 1;
        self.agreement_of.insert((customer, purpose), agreement);
        agreement
    }

    fn agreement_line(
        &mut self,
        agreement: usize,
        item: usize,
        (quantity, price): (i64, Decimal),
        from: NaiveDate,
        cycle: Cycle,
    ) -> usize {
        let id = 9001 + u32::try_from(self.billing.lines.len()).expect("there are few agreement lines");
        self.billing.lines.push(AgreementLine { id, agreement, item, quantity, price, from, to: None, cycle });
        self.billing.lines.len() - 1
    }

    /// What the MSP does itself, for about half of its active clients.
    fn own_services(&mut self) {
        let since = self.ground.window.oldest_day();
        for customer in 0..self.ground.people.customers.len() {
            let record = &self.ground.people.customers[customer];
            let is_served = record.status == "Active" && record.kind == "Client" && record.parent.is_none();
            if !is_served || !self.random.chance(50) {
                continue;
            }
            let agreement = self.agreement(customer, "own", since);
            let services = self.random.shuffled(self.ground.catalog.own_services.clone());
            let count = 2 + self.random.below(3);
            for item in services.into_iter().take(count) {
                let quantity = self.random.between(1, 24);
                let price = self.ground.catalog.reference_price(item, None, record.tender, self.ground.window.today);
                let line = self.agreement_line(agreement, item, (quantity, price), since, Cycle::Monthly);
                let mut account = Account { customer, item, amounts: BTreeMap::new() };
                for month in self.ground.window.months {
                    self.bill_recurring(line, month, &[], &mut account);
                }
            }
        }
    }

    fn plant_differences(
        &mut self,
        kind: Kind,
        subscription: &Subscription,
        (customer, item): (Option<usize>, Option<usize>),
        expected: &BTreeMap<Period, ExactSum>,
        billed: &BTreeMap<Period, ExactSum>,
    ) {
        for period in self.ground.window.months {
            let amount = |amounts: &BTreeMap<Period, ExactSum>| {
                let sum = amounts.get(&period).copied().unwrap_or_default();
                sum.total().expect("amounts of the sandbox are small")
            };
            let effect = amount(billed) - amount(expected);
            if !effect.is_zero() {
                self.plant(kind, period, subscription, (customer, item), (effect, Decimal::ZERO));
            }
        }
    }

    fn plant_overcharge(
        &mut self,
        slip: Slip,
        subscription: &Subscription,
        (customer, item): (usize, usize),
        lines: &[&VendorLine],
        month: Period,
    ) {
        let charged = lines.iter().find(|line| line.month == month && line.charge == Charge::Subscription);
        let too_much = charged.map_or(Decimal::ZERO, |line| match slip {
            Slip::VendorQuantity(_, extra) => {
                line.cost_total - cents(line.quantity - extra, line.unit_cost, Fraction::ONE)
            }
            _ => line.cost_total,
        });
        let place = (Some(customer), Some(item));
        self.plant(slip.kind(), month, subscription, place, (Decimal::ZERO, too_much));
    }

    fn plant(
        &mut self,
        kind: Kind,
        period: Period,
        subscription: &Subscription,
        (customer, item): (Option<usize>, Option<usize>),
        (effect, cost_effect): (Decimal, Decimal),
    ) {
        let company = self.ground.company(subscription);
        self.billing.planted.push(Planted {
            kind,
            period,
            customer_id: customer.map(|customer| self.ground.people.customers[customer].id.to_string()),
            item_id: item.map(|item| self.ground.catalog.items[item].id.to_string()),
            company_id: company.id.clone(),
            product_id: self.ground.products[subscription.product].id.clone(),
            subscription_id: subscription.id.clone(),
            currency: company.tender.code(),
            effect,
            cost_effect,
        });
    }
}
