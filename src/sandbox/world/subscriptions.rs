//! What the companies subscribe to, and how it changed.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, Months, NaiveDate};

use super::catalog::{Charging, Product, Tender};
use super::customers::{Company, People, Relation};
use super::items::{Counterpart, ItemCatalog};
use super::random::Random;
use crate::domain::period::Period;

/// The months that the world tells about.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Day on which both systems are read.
    pub today: NaiveDate,
    /// Three months with invoices; the last is that of `today`.
    pub months: [Period; 3],
}

impl Window {
    /// The window that ends with the month of a day.
    pub fn ending(today: NaiveDate) -> Self {
        let last = Period::of(today);
        Self { today, months: [last.previous().previous(), last.previous(), last] }
    }

    /// The month before the first one: its changes are on the first invoice.
    pub fn before(&self) -> Period {
        self.months[0].previous()
    }

    /// First day of the oldest prices.
    pub fn oldest_day(&self) -> NaiveDate {
        let day = self.months[0].first_day() - Months::new(24);
        day.with_month(1).expect("the first of January exists in every year")
    }
}

/// A subscription with all its states.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Id at the vendor's marketplace.
    pub id: String,
    /// Id at the vendor itself.
    pub vendor_subscription_id: String,
    /// Id of the commitment.
    pub commitment_id: String,
    /// Company, by position.
    pub company: usize,
    /// Product, by position.
    pub product: usize,
    /// Offer of the product, by position.
    pub offer: usize,
    /// First day.
    pub start: NaiveDate,
    /// Quantities with the day from which each holds; the first is that of `start`.
    pub history: Vec<(NaiveDate, i64)>,
    /// Last day.
    pub end: Option<NaiveDate>,
    /// Seats that the vendor took back for a whole month.
    pub credits: Vec<(Period, i64)>,
}

impl Subscription {
    /// Seats on a day; zero outside the subscription.
    pub fn quantity_on(&self, day: NaiveDate) -> i64 {
        if self.end.is_some_and(|end| end < day) {
            return 0;
        }
        self.history.iter().rev().find(|(from, _)| *from <= day).map_or(0, |(_, quantity)| *quantity)
    }

    /// Changes with the difference that each made; the beginning is one.
    pub fn changes(&self) -> impl Iterator<Item = (NaiveDate, i64)> {
        let earlier = std::iter::once(0).chain(self.history.iter().map(|(_, quantity)| *quantity));
        self.history.iter().zip(earlier).map(|((day, quantity), before)| (*day, quantity - before))
    }

    /// Whether the quantity was always the same.
    pub fn is_constant(&self) -> bool {
        self.history.len() == 1
    }
}

/// Everything that subscriptions are made from.
pub struct Ground<'a> {
    /// Window of the world.
    pub window: Window,
    /// Vendor's catalog.
    pub products: &'a [Product],
    /// PSA's catalog.
    pub catalog: &'a ItemCatalog,
    /// Companies and customers.
    pub people: &'a People,
}

impl Ground<'_> {
    /// What a subscription is at the PSA.
    pub fn counterpart(&self, subscription: &Subscription) -> Counterpart {
        self.catalog.counterparts[subscription.product][subscription.offer]
    }

    /// The company of a subscription.
    pub fn company(&self, subscription: &Subscription) -> &Company {
        &self.people.companies[subscription.company]
    }

    /// The customer of a subscription, by position, when it pays the MSP.
    pub fn paying_customer(&self, subscription: &Subscription) -> Option<usize> {
        let company = self.company(subscription);
        company.customer.filter(|_| company.relation.is_billable())
    }

    /// Term of a subscription in the vendor's word.
    pub fn billing_term(&self, subscription: &Subscription) -> &'static str {
        self.products[subscription.product].offers[subscription.offer].billing_term
    }

    /// Reference price of an item for the company's customer on a day.
    pub fn reference_price(&self, company: &Company, item: usize, day: NaiveDate) -> rust_decimal::Decimal {
        let customer = company.customer.map(|customer| self.people.customers[customer].id);
        self.catalog.reference_price(item, customer, company.tender, day)
    }
}

/// At least this many subscriptions are made.
const TARGET: usize = 640;

/// Makes all subscriptions.
pub fn subscriptions(seed: u64, ground: &Ground<'_>) -> Vec<Subscription> {
    let mut maker =
        Maker { random: Random::for_part(seed, "subscriptions"), ground, taken: BTreeSet::new(), made: Vec::new() };
    let companies = 0..ground.people.companies.len();
    let buyers: Vec<usize> =
        companies.clone().filter(|&company| maker.relation(company) == Relation::OneToOne).collect();
    let missing = maker.missing_products();
    for (position, &product) in missing.iter().enumerate() {
        for copy in 0..2 {
            maker.add(buyers[7 * position + copy + 1], product);
        }
    }
    let azure = maker.where_charged(|product| product.charging == Charging::Usage);
    for (position, &buyer) in buyers.iter().enumerate() {
        // Every fifth customer, and so that customers in pounds are among them.
        if position % 5 == 0 {
            maker.add(buyer, azure[0]);
        }
    }
    let purchases = maker.where_charged(|product| product.offers[0].billing_term == "One-Time");
    for (position, &buyer) in buyers.iter().enumerate().filter(|(position, _)| position % 3 == 1) {
        let product = purchases[(position / 3 + maker.random.below(3)) % purchases.len()];
        maker.add(buyer, product);
    }
    let recurring = maker
        .where_charged(|product| product.charging != Charging::Usage && product.offers[0].billing_term != "One-Time");
    // What has no item was only ever sold to a few, or somebody would have noticed.
    let recurring: Vec<usize> = recurring.into_iter().filter(|product| !missing.contains(product)).collect();
    // Half of what small businesses buy is among the first twenty licenses.
    let popular: Vec<usize> = recurring.iter().copied().take(20).collect();
    let mut companies = companies.cycle();
    while maker.made.len() < TARGET {
        let company = companies.next().expect("a cycle does not end");
        let choices = if maker.random.chance(45) { &popular } else { &recurring };
        let product = maker.random.pick(choices);
        maker.add(company, product);
    }
    maker.credits();
    maker.made
}

struct Maker<'a> {
    random: Random,
    ground: &'a Ground<'a>,
    taken: BTreeSet<(usize, usize)>,
    made: Vec<Subscription>,
}

impl Maker<'_> {
    fn relation(&self, company: usize) -> Relation {
        self.ground.people.companies[company].relation
    }

    fn where_charged(&self, wanted: impl Fn(&Product) -> bool) -> Vec<usize> {
        (0..self.ground.products.len()).filter(|&product| wanted(&self.ground.products[product])).collect()
    }

    fn missing_products(&self) -> Vec<usize> {
        let is_missing = |offers: &Vec<Counterpart>| offers.contains(&Counterpart::Missing);
        let counterparts = self.ground.catalog.counterparts.iter();
        counterparts.enumerate().filter(|(_, offers)| is_missing(offers)).map(|(product, _)| product).collect()
    }

    /// One company has a product once; so the next call for the same pair does nothing.
    fn add(&mut self, company: usize, product: usize) {
        if !self.taken.insert((company, product)) {
            return;
        }
        let offer = self.random.below(self.ground.products[product].offers.len());
        let terms = &self.ground.products[product].offers[offer];
        let charging = self.ground.products[product].charging;
        let seats = match (charging, terms.billing_term) {
            (Charging::Usage | Charging::Flat, _) => 1,
            (_, "One-Time") => self.random.between(1, 6),
            _ if self.random.chance(60) => self.random.between(3, 18),
            _ => self.random.between(12, 58),
        };
        let (start, history, end) = match (charging, terms.billing_term) {
            (Charging::Usage, _) => (self.long_ago(), Vec::new(), None),
            (_, "One-Time") => (self.day_of_change(), Vec::new(), None),
            (_, "Annual") => self.yearly(seats),
            _ => self.monthly(seats, charging),
        };
        let history = if history.is_empty() { vec![(start, seats)] } else { history };
        self.made.push(Subscription {
            id: self.random.uuid(),
            vendor_subscription_id: self.random.uuid(),
            commitment_id: self.random.uuid(),
            company,
            product,
            offer,
            start,
            history,
            end,
            credits: Vec::new(),
        });
    }

    /// A day before everything that the invoices tell about.
    fn long_ago(&mut self) -> NaiveDate {
        let months = u32::try_from(self.random.between(1, 20)).expect("months are positive");
        let month = Period::of(self.ground.window.before().first_day() - Months::new(months));
        if self.random.chance(45) { month.first_day() } else { self.day_in(month, 2, 28) }
    }

    fn day_in(&mut self, month: Period, low: i64, high: i64) -> NaiveDate {
        let day = u32::try_from(self.random.between(low, high)).expect("days are positive");
        month.first_day().with_day(day).expect("every month has 28 days")
    }

    /// A day whose change is on one of the three invoices.
    fn day_of_change(&mut self) -> NaiveDate {
        let window = self.ground.window;
        let month = self.random.pick(&[window.before(), window.months[0], window.months[1]]);
        self.day_in(month, 6, 27)
    }

    fn monthly(&mut self, seats: i64, charging: Charging) -> (NaiveDate, Vec<(NaiveDate, i64)>, Option<NaiveDate>) {
        let window = self.ground.window;
        let long_ago = self.long_ago();
        let is_flat = charging == Charging::Flat;
        let more = seats + self.random.between(1, 5);
        let fewer = (seats - self.random.between(1, 3)).max(1);
        match self.random.below(100) {
            0..6 => (self.day_of_change(), Vec::new(), None),
            6..10 => {
                let last = self.random.pick(&window.months[..2]).last_day();
                (long_ago, Vec::new(), Some(last))
            }
            _ if is_flat => (long_ago, Vec::new(), None),
            10..24 => (long_ago, vec![(long_ago, seats), (self.day_of_change(), more)], None),
            24..31 if fewer < seats => (long_ago, vec![(long_ago, seats), (self.day_of_change(), fewer)], None),
            31..35 => {
                let first = self.random.pick(&window.months[1..]).first_day();
                (long_ago, vec![(long_ago, seats), (first, more)], None)
            }
            // Changed since the last invoice: nothing of it can be billed yet.
            35..38 if window.today.day() > 1 => (long_ago, vec![(long_ago, seats), (window.today, more)], None),
            _ => (long_ago, Vec::new(), None),
        }
    }

    fn yearly(&mut self, seats: i64) -> (NaiveDate, Vec<(NaiveDate, i64)>, Option<NaiveDate>) {
        let window = self.ground.window;
        let years = Months::new(if self.random.chance(70) { 12 } else { 24 });
        match self.random.below(100) {
            0..30 => {
                let month = self.random.pick(&window.months);
                let day = if self.random.chance(70) { month.first_day() } else { self.day_in(month, 2, 28) };
                (day - years, Vec::new(), None)
            }
            30..40 => (self.day_of_change(), Vec::new(), None),
            other => {
                // The anniversary lies outside the window, so that no change meets it.
                let back = Months::new(u32::try_from(self.random.between(1, 7)).expect("months are positive"));
                let month = Period::of(window.before().first_day() - back);
                let day = if self.random.chance(60) { month.first_day() } else { self.day_in(month, 2, 28) };
                let start = if self.random.chance(50) { day } else { day - Months::new(12) };
                let more = seats + self.random.between(1, 4);
                let history = if other < 55 { vec![(start, seats), (self.day_of_change(), more)] } else { Vec::new() };
                (start, history, None)
            }
        }
    }

    /// A few monthly subscriptions had seats taken back for a month.
    fn credits(&mut self) {
        let ground = self.ground;
        let window = ground.window;
        let fitting: Vec<usize> = (0..self.made.len())
            .filter(|&index| {
                let subscription = &self.made[index];
                ground.billing_term(subscription) == "Monthly"
                    && ground.products[subscription.product].charging == Charging::PerUnit
                    && subscription.is_constant()
                    && subscription.end.is_none()
                    && subscription.history[0].1 > 4
                    && subscription.start < window.before().first_day()
                    && ground.paying_customer(subscription).is_some()
                    && matches!(ground.counterpart(subscription), Counterpart::Own(_))
            })
            .collect();
        for index in self.random.shuffled(fitting).into_iter().take(9) {
            let credit = (self.random.pick(&window.months), self.random.between(1, 2));
            self.made[index].credits.push(credit);
        }
    }
}

/// Prices of their own for some customers, on items that they have.
pub fn customer_prices(seed: u64, ground: &Ground<'_>, subscriptions: &[Subscription]) -> Vec<super::items::PriceRow> {
    let mut random = Random::for_part(seed, "customer prices");
    let mut seen = BTreeSet::new();
    let fitting: Vec<(usize, u32, Tender)> = subscriptions
        .iter()
        .filter(|subscription| ground.billing_term(subscription) == "Monthly")
        .filter_map(|subscription| {
            let item = match ground.counterpart(subscription) {
                Counterpart::Own(item) if !ground.catalog.has_price_change(item) => item,
                _ => return None,
            };
            let customer = &ground.people.customers[ground.paying_customer(subscription)?];
            let is_fixed = ground.catalog.items[item].markup.is_none();
            (is_fixed && seen.insert((item, customer.id))).then_some((item, customer.id, customer.tender))
        })
        .collect();
    let from = ground.window.oldest_day();
    let rows = random.shuffled(fitting).into_iter().take(27).map(|(item, customer, tender)| {
        let usual = ground.catalog.reference_price(item, None, tender, ground.window.today);
        let price = super::catalog::product(usual, super::catalog::decimal("0.92"), 2);
        super::items::PriceRow { item, customer: Some(customer), tender, price, from, to: None }
    });
    rows.collect()
}

/// The anniversary of a start that lies in a month, at least a year later.
pub fn anniversary_in(start: NaiveDate, month: Period) -> Option<NaiveDate> {
    let is_same_month = start.month() == month.first_day().month();
    let day = start.with_year(month.first_day().year())?;
    (is_same_month && day > start).then_some(day)
}

/// The last day of the year of a yearly subscription that a day lies in.
pub fn end_of_year(start: NaiveDate, day: NaiveDate) -> NaiveDate {
    let mut next = start;
    while next <= day {
        next = next + Months::new(12);
    }
    next - Days::new(1)
}
