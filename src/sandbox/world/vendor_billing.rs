//! What the vendor charges: subscriptions in advance, changes prorated, use in arrears, purchases and credits.

use chrono::{Datelike, Days, Months, NaiveDate};
use rust_decimal::Decimal;

use super::catalog::{Charging, Tender, decimal, product};
use super::customers::Relation;
use super::errors::{Slip, Slips};
use super::random::Random;
use super::subscriptions::{Ground, Subscription, anniversary_in, end_of_year};
use crate::domain::money::{ExactSum, Fraction, RoundingMode, extended, rounded};
use crate::domain::period::Period;

/// What a line of the vendor's invoice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// A period of a subscription.
    Subscription,
    /// A change inside a period.
    Proration,
    /// A purchase.
    Purchase,
    /// Seats taken back.
    Credit,
    /// Use of the month before.
    Usage,
}

/// A line of the vendor's invoice for a subscription.
#[derive(Debug, Clone)]
pub struct VendorLine {
    /// Id.
    pub id: String,
    /// Month of the invoice.
    pub month: Period,
    /// What it is for.
    pub charge: Charge,
    /// Subscription, by position.
    pub subscription: usize,
    /// First day.
    pub start: NaiveDate,
    /// Last day.
    pub end: NaiveDate,
    /// Units; those of a flat charge are 1 or -1.
    pub quantity: i64,
    /// Part of the term that is charged.
    pub share: Fraction,
    /// Cost of a whole term's unit; of all use, for use.
    pub unit_cost: Decimal,
    /// Suggested price of a whole term's unit.
    pub unit_price: Decimal,
    /// Cost of the line.
    pub cost_total: Decimal,
    /// Suggested price of the line.
    pub subtotal: Decimal,
    /// Sales tax.
    pub sales_tax: Decimal,
    /// Fee for billing the customer.
    pub billing_fee: Decimal,
    /// What it adds to the invoice.
    pub amount_due: Decimal,
}

/// Use of one resource group in one month.
#[derive(Debug, Clone)]
pub struct UsageSummary {
    /// Id.
    pub id: String,
    /// Subscription, by position.
    pub subscription: usize,
    /// Group.
    pub resource_group: &'static str,
    /// Metered uses.
    pub lines: Vec<UsageLine>,
}

/// One metered use.
#[derive(Debug, Clone)]
pub struct UsageLine {
    /// Id of what was used.
    pub product_id: String,
    /// Its name.
    pub name: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Day.
    pub day: NaiveDate,
    /// Units.
    pub quantity: Decimal,
    /// Cost of a unit.
    pub rate: Decimal,
    /// What the MSP pays.
    pub cost: Decimal,
    /// What the customer is suggested to pay.
    pub charges: Decimal,
}

/// A line for the account itself.
#[derive(Debug, Clone)]
pub struct AccountLine {
    /// Id.
    pub id: String,
    /// Month of the invoice.
    pub month: Period,
    /// Currency.
    pub tender: Tender,
    /// Type in the vendor's word.
    pub kind: &'static str,
    /// Term in the vendor's word.
    pub term: &'static str,
    /// Text.
    pub description: &'static str,
    /// Amount.
    pub amount: Decimal,
}

/// Everything that the vendor charged.
#[derive(Debug, Clone, Default)]
pub struct VendorBilling {
    /// Lines for subscriptions.
    pub lines: Vec<VendorLine>,
    /// Lines for the account.
    pub account_lines: Vec<AccountLine>,
    /// Use.
    pub usage: Vec<UsageSummary>,
}

/// An amount in cents: quantity x rate x share, rounded once.
pub fn cents(quantity: i64, rate: Decimal, share: Fraction) -> Decimal {
    extended(Decimal::from(quantity), rate, share, 2, RoundingMode::HalfAwayFromZero)
        .expect("amounts of the sandbox are small")
}

/// Charges everything.
pub fn bill(seed: u64, ground: &Ground<'_>, subscriptions: &[Subscription], slips: &Slips) -> VendorBilling {
    let mut biller = Biller {
        random: Random::for_part(seed, "vendor billing"),
        ground,
        billing: VendorBilling::default(),
        meters: Vec::new(),
    };
    biller.meters = METERS.iter().map(|_| biller.random.uuid()).collect();
    for month in ground.window.months {
        for (index, subscription) in subscriptions.iter().enumerate() {
            biller.subscription(index, subscription, month, slips.get(&index).copied());
        }
        biller.account(month);
    }
    biller.billing
}

/// What can be used: name, unit, cost of a unit, units of a small month.
const METERS: &[(&str, &str, &str, i64)] = &[
    ("D2s v5 - West US 2", "1 Hour", "0.096", 640),
    ("B2ms - West US 2", "1 Hour", "0.0832", 700),
    ("E10 LRS Disk", "1/Month", "9.6", 2),
    ("P10 LRS Disk", "1/Month", "19.71", 1),
    ("Standard LRS Data Stored", "1 GB/Month", "0.0208", 900),
    ("Standard Data Transfer Out", "1 GB", "0.087", 140),
    ("Standard IPv4 Static Public IP", "1 Hour", "0.005", 720),
    ("VPN Gateway Basic", "1 Hour", "0.04", 700),
    ("SQL Database S0 DTUs", "1/Day", "0.4839", 30),
    ("Log Analytics Data Ingestion", "1 GB", "2.3", 12),
];

const RESOURCE_GROUPS: &[&str] = &["rg-backup", "rg-desktop", "rg-files", "rg-web", "rg-sql"];

struct Biller<'a> {
    random: Random,
    ground: &'a Ground<'a>,
    billing: VendorBilling,
    /// Ids of what can be used.
    meters: Vec<String>,
}

impl Biller<'_> {
    fn subscription(&mut self, index: usize, subscription: &Subscription, month: Period, slip: Option<Slip>) {
        let previous = month.previous();
        let is_in_previous = |day: NaiveDate| Period::of(day) == previous;
        match self.ground.billing_term(subscription) {
            _ if self.ground.products[subscription.product].charging == Charging::Usage => {
                self.usage(index, subscription, month);
            }
            "One-Time" if is_in_previous(subscription.start) => {
                let (start, quantity) = (subscription.start, subscription.history[0].1);
                self.line(index, subscription, month, Charge::Purchase, (start, start), quantity, Fraction::ONE);
            }
            "One-Time" => {}
            "Annual" => self.yearly(index, subscription, month),
            _ => self.monthly(index, subscription, month, slip),
        }
    }

    fn monthly(&mut self, index: usize, subscription: &Subscription, month: Period, slip: Option<Slip>) {
        let (first, last) = (month.first_day(), month.last_day());
        let previous = month.previous();
        for (day, difference) in subscription.changes() {
            if Period::of(day) == previous && day != previous.first_day() && difference != 0 {
                let days = (previous.last_day() - day).num_days() + 1;
                let share = Fraction { numerator: days, denominator: previous.days() };
                let span = (day, previous.last_day());
                self.line(index, subscription, month, Charge::Proration, span, difference, share);
            }
        }
        let mut quantity = subscription.quantity_on(first);
        if quantity == 0 {
            return;
        }
        if let Some(Slip::VendorQuantity(when, extra)) = slip
            && when == month
        {
            quantity += extra;
        }
        let copies = if slip == Some(Slip::VendorTwice(month)) { 2 } else { 1 };
        for _ in 0..copies {
            self.line(index, subscription, month, Charge::Subscription, (first, last), quantity, Fraction::ONE);
        }
        for &(when, seats) in &subscription.credits {
            if when == month {
                self.line(index, subscription, month, Charge::Credit, (first, last), -seats, Fraction::ONE);
            }
        }
    }

    fn yearly(&mut self, index: usize, subscription: &Subscription, month: Period) {
        let previous = month.previous();
        let is_new = Period::of(subscription.start) == previous;
        let begins = if is_new { Some(subscription.start) } else { anniversary_in(subscription.start, month) };
        if let Some(begins) = begins {
            let span = (begins, begins + Months::new(12) - Days::new(1));
            // A change inside the first month is prorated beside it.
            let quantity = if is_new { subscription.history[0].1 } else { subscription.quantity_on(month.first_day()) };
            self.line(index, subscription, month, Charge::Subscription, span, quantity, Fraction::ONE);
        }
        for (day, difference) in subscription.changes().skip(1) {
            if Period::of(day) == previous && difference != 0 {
                let last = end_of_year(subscription.start, day);
                let share = Fraction { numerator: (last - day).num_days() + 1, denominator: 365 };
                self.line(index, subscription, month, Charge::Proration, (day, last), difference, share);
            }
        }
    }

    fn usage(&mut self, index: usize, subscription: &Subscription, month: Period) {
        let previous = month.previous();
        let tender = self.ground.company(subscription).tender;
        let groups = 1 + self.random.below(2);
        let mut total = ExactSum::default();
        for group in 0..groups {
            let offset = self.random.below(RESOURCE_GROUPS.len() - 1);
            let mut lines = Vec::new();
            for (meter, &(name, unit, rate, units)) in METERS.iter().enumerate() {
                if !self.random.chance(45) && meter != offset {
                    continue;
                }
                let rate = tender.converted(decimal(rate), 4);
                let quantity = Decimal::new(units * self.random.between(7_000, 24_000), 4);
                let cost = product(quantity, rate, 6);
                total.add(cost).expect("amounts of the sandbox are small");
                lines.push(UsageLine {
                    product_id: self.meters[meter].clone(),
                    name,
                    unit,
                    day: previous.last_day(),
                    quantity,
                    rate,
                    cost,
                    charges: product(cost, decimal("1.15"), 6),
                });
            }
            self.billing.usage.push(UsageSummary {
                id: self.random.uuid(),
                subscription: index,
                resource_group: RESOURCE_GROUPS[(offset + group) % RESOURCE_GROUPS.len()],
                lines,
            });
        }
        let total = total.total().expect("amounts of the sandbox are small");
        let cost = rounded(total, 2, RoundingMode::HalfAwayFromZero).expect("amounts of the sandbox are small");
        let price = product(cost, decimal("1.15"), 2);
        let span = (previous.first_day(), previous.last_day());
        self.push(index, subscription, month, Charge::Usage, span, (1, Fraction::ONE), (cost, price));
    }

    #[expect(clippy::too_many_arguments, reason = "one call per kind of charge, each value has its own type")]
    fn line(
        &mut self,
        index: usize,
        subscription: &Subscription,
        month: Period,
        charge: Charge,
        span: (NaiveDate, NaiveDate),
        quantity: i64,
        share: Fraction,
    ) {
        let tender = self.ground.company(subscription).tender;
        let terms = &self.ground.products[subscription.product].offers[subscription.offer];
        let rates = (tender.converted(terms.cost, 4), tender.converted(terms.price, 2));
        self.push(index, subscription, month, charge, span, (quantity, share), rates);
    }

    #[expect(clippy::too_many_arguments, reason = "one call per kind of charge, each value has its own type")]
    fn push(
        &mut self,
        index: usize,
        subscription: &Subscription,
        month: Period,
        charge: Charge,
        (start, end): (NaiveDate, NaiveDate),
        (quantity, share): (i64, Fraction),
        (unit_cost, unit_price): (Decimal, Decimal),
    ) {
        let cost_total = cents(quantity, unit_cost, share);
        let subtotal = cents(quantity, unit_price, share);
        let relation = self.ground.company(subscription).relation;
        let is_internal = relation == Relation::Internal;
        let is_billed_by_vendor = relation == Relation::BilledByVendor;
        let sales_tax = if is_internal { product(cost_total, decimal("0.0725"), 2) } else { Decimal::ZERO };
        let billing_fee = if is_billed_by_vendor { product(subtotal, decimal("0.03"), 2) } else { Decimal::ZERO };
        let amount_due = if is_billed_by_vendor { Decimal::ZERO } else { cost_total + sales_tax };
        self.billing.lines.push(VendorLine {
            id: self.random.uuid(),
            month,
            charge,
            subscription: index,
            start,
            end,
            quantity,
            share,
            unit_cost,
            unit_price,
            cost_total,
            subtotal,
            sales_tax,
            billing_fee,
            amount_due,
        });
    }

    /// Rebates, fees and payments, which no customer sees.
    fn account(&mut self, month: Period) {
        for tender in Tender::ALL {
            let scale = if tender == Tender::Usd { 5 } else { 1 };
            let rebate = Decimal::new(-scale * self.random.between(1_500, 4_500), 2);
            self.account_line(month, tender, ("rebate", "Rebate", "Microsoft CSP incentive rebate"), rebate);
            if tender == Tender::Usd {
                let fee = decimal("99");
                self.account_line(month, tender, ("service-charge", "One-time", "Partner peer group membership"), fee);
            } else if month.first_day().month().is_multiple_of(2) {
                let paid = Decimal::new(-self.random.between(120, 900), 2);
                self.account_line(month, tender, ("payment-credit", "One-time", "Early payment credit"), paid);
            }
        }
    }

    fn account_line(
        &mut self,
        month: Period,
        tender: Tender,
        (kind, term, description): (&'static str, &'static str, &'static str),
        amount: Decimal,
    ) {
        let id = self.random.uuid();
        self.billing.account_lines.push(AccountLine { id, month, tender, kind, term, description, amount });
    }
}
