//! The mistakes that are planted, one at a time: each has a subscription and a customer of its own, so that the
//! answer to "what is wrong here" is never a matter of taste.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::catalog::{Charging, decimal, product};
use super::customers::Relation;
use super::items::{Counterpart, Cycle};
use super::random::Random;
use super::subscriptions::{Ground, Subscription};
use super::vendor_billing::cents;
use crate::domain::money::{Fraction, RoundingMode, rounded};
use crate::domain::period::Period;

/// A kind of discrepancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained by its word, which is the word of the gold files")]
pub enum Kind {
    QuantityUnder,
    QuantityOver,
    WrongPrice,
    NeverBilled,
    NewNotBilled,
    ProductMissing,
    CustomerMissing,
    CanceledStillBilled,
    ProrationNotBilled,
    CreditNotPassed,
    UsageNotBilled,
    UsageStaleAmount,
    OneTimeNotBilled,
    DuplicateBilling,
    WrongBillingCycle,
    WrongProduct,
    WrongCustomer,
    Rounding,
    VendorDuplicateCharge,
    VendorQuantityMismatch,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::QuantityUnder,
        Self::QuantityOver,
        Self::WrongPrice,
        Self::NeverBilled,
        Self::NewNotBilled,
        Self::ProductMissing,
        Self::CustomerMissing,
        Self::CanceledStillBilled,
        Self::ProrationNotBilled,
        Self::CreditNotPassed,
        Self::UsageNotBilled,
        Self::UsageStaleAmount,
        Self::OneTimeNotBilled,
        Self::DuplicateBilling,
        Self::WrongBillingCycle,
        Self::WrongProduct,
        Self::WrongCustomer,
        Self::Rounding,
        Self::VendorDuplicateCharge,
        Self::VendorQuantityMismatch,
    ];

    /// Word of the gold files.
    pub fn word(self) -> &'static str {
        match self {
            Self::QuantityUnder => "quantity_under",
            Self::QuantityOver => "quantity_over",
            Self::WrongPrice => "wrong_price",
            Self::NeverBilled => "never_billed",
            Self::NewNotBilled => "new_not_billed",
            Self::ProductMissing => "product_missing_in_psa",
            Self::CustomerMissing => "customer_missing_in_psa",
            Self::CanceledStillBilled => "cancelled_still_billed",
            Self::ProrationNotBilled => "proration_not_billed",
            Self::CreditNotPassed => "credit_not_passed",
            Self::UsageNotBilled => "usage_not_billed",
            Self::UsageStaleAmount => "usage_stale_amount",
            Self::OneTimeNotBilled => "one_time_not_billed",
            Self::DuplicateBilling => "duplicate_billing",
            Self::WrongBillingCycle => "wrong_billing_cycle",
            Self::WrongProduct => "wrong_product",
            Self::WrongCustomer => "wrong_customer",
            Self::Rounding => "rounding",
            Self::VendorDuplicateCharge => "pax8_duplicate_charge",
            Self::VendorQuantityMismatch => "pax8_quantity_mismatch",
        }
    }
}

/// A mistake with what makes it concrete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// The recurring line has so many seats more or fewer.
    Quantity(i64),
    /// The recurring line has this price.
    Price(Decimal),
    /// The price was rounded to cents before multiplying.
    RoundedPrice,
    /// Nothing is billed; whether the subscription is new.
    Unbilled { is_new: bool },
    /// The recurring line goes on after the end.
    StillBilled,
    /// Prorations with more seats are not billed.
    NoProration,
    /// Prorations with fewer seats and credits are not passed on.
    NoCredit,
    /// Use is not billed.
    NoUsage,
    /// Use is billed with an amount of long ago.
    StaleUsage(Decimal),
    /// The purchase is not billed.
    NoPurchase,
    /// The line is on a second agreement, too.
    Twice,
    /// A yearly item is billed as a twelfth every month.
    Twelfths,
    /// Another item is billed.
    OtherItem(usize),
    /// Another customer is billed.
    OtherCustomer(usize),
    /// The vendor charged the month twice.
    VendorTwice(Period),
    /// The vendor charged so many seats too many.
    VendorQuantity(Period, i64),
}

impl Slip {
    /// What it is called.
    pub fn kind(self) -> Kind {
        match self {
            Self::Quantity(difference) if difference < 0 => Kind::QuantityUnder,
            Self::Quantity(_) => Kind::QuantityOver,
            Self::Price(_) => Kind::WrongPrice,
            Self::RoundedPrice => Kind::Rounding,
            Self::Unbilled { is_new: true } => Kind::NewNotBilled,
            Self::Unbilled { is_new: false } => Kind::NeverBilled,
            Self::StillBilled => Kind::CanceledStillBilled,
            Self::NoProration => Kind::ProrationNotBilled,
            Self::NoCredit => Kind::CreditNotPassed,
            Self::NoUsage => Kind::UsageNotBilled,
            Self::StaleUsage(_) => Kind::UsageStaleAmount,
            Self::NoPurchase => Kind::OneTimeNotBilled,
            Self::Twice => Kind::DuplicateBilling,
            Self::Twelfths => Kind::WrongBillingCycle,
            Self::OtherItem(_) => Kind::WrongProduct,
            Self::OtherCustomer(_) => Kind::WrongCustomer,
            Self::VendorTwice(_) => Kind::VendorDuplicateCharge,
            Self::VendorQuantity(..) => Kind::VendorQuantityMismatch,
        }
    }
}

/// The mistake of each subscription that has one.
pub type Slips = BTreeMap<usize, Slip>;

/// Chooses the mistakes; the rare occasions are served first.
pub fn slips(seed: u64, ground: &Ground<'_>, subscriptions: &[Subscription]) -> Slips {
    let mut keys: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for subscription in subscriptions {
        if let (Some(customer), Some(item)) =
            (ground.company(subscription).customer, ground.counterpart(subscription).item())
        {
            *keys.entry((customer, item)).or_default() += 1;
        }
    }
    let mut random = Random::for_part(seed, "errors");
    let order = random.shuffled((0..subscriptions.len()).collect());
    let mut planter = Planter {
        random,
        ground,
        subscriptions,
        order,
        keys,
        used_customers: BTreeSet::new(),
        used_items: BTreeSet::new(),
        slips: Slips::new(),
    };
    planter.plant_all();
    planter.slips
}

struct Planter<'a> {
    random: Random,
    ground: &'a Ground<'a>,
    subscriptions: &'a [Subscription],
    order: Vec<usize>,
    /// How many subscriptions bill on a customer's item.
    keys: BTreeMap<(usize, usize), usize>,
    used_customers: BTreeSet<usize>,
    /// Items of lines that a reader must trace to their subscription by quantity.
    used_items: BTreeSet<usize>,
    slips: Slips,
}

/// A subscription on which a mistake can be seen.
#[derive(Clone, Copy)]
struct Occasion<'a> {
    subscription: &'a Subscription,
    customer: usize,
    item: usize,
    price: Decimal,
}

impl<'a> Planter<'a> {
    fn plant_all(&mut self) {
        let window = self.ground.window;
        let [first, second, third] = window.months;
        self.plant(4, |this, at| {
            let cut = rounded(at.price, 2, RoundingMode::HalfAwayFromZero).expect("prices of the sandbox are small");
            let is_seen = cents(at.quantity(), at.price, Fraction::ONE) != cents(at.quantity(), cut, Fraction::ONE);
            (this.is_steady(at) && is_seen).then_some(Slip::RoundedPrice)
        });
        self.plant(3, |this, at| (at.subscription.end.is_some() && this.is_monthly(at)).then_some(Slip::StillBilled));
        self.plant(2, |this, at| this.is_usage(at).then_some(Slip::NoUsage));
        let mut stale = [decimal("61.4"), decimal("118.75")].into_iter();
        self.plant(2, |this, at| if this.is_usage(at) { stale.next().map(Slip::StaleUsage) } else { None });
        self.plant(3, |this, at| {
            let is_yearly = this.ground.catalog.items[at.item].cycle == Cycle::Annual;
            let is_old = at.subscription.start < this.ground.window.before().first_day();
            (is_yearly && is_old && at.subscription.is_constant()).then_some(Slip::Twelfths)
        });
        self.plant(4, |this, at| {
            let is_purchase = this.ground.catalog.items[at.item].cycle == Cycle::OneTime;
            is_purchase.then_some(Slip::NoPurchase)
        });
        self.plant(4, |this, at| {
            let is_new = at.subscription.start >= this.ground.window.before().first_day();
            (this.is_monthly(at) && is_new && at.subscription.end.is_none()).then_some(Slip::Unbilled { is_new })
        });
        self.plant(2, |_, at| (!at.subscription.credits.is_empty()).then_some(Slip::NoCredit));
        self.plant(3, |this, at| {
            let has_decrease = this.has_change(at, |difference| difference < 0);
            (this.is_monthly(at) && has_decrease).then_some(Slip::NoCredit)
        });
        self.plant(5, |this, at| {
            let has_increase = this.has_change(at, |difference| difference > 0) && !at.subscription.is_constant();
            (this.is_monthly(at) && has_increase).then_some(Slip::NoProration)
        });
        self.plant(3, |this, at| this.other_customer(at).map(Slip::OtherCustomer));
        self.plant(3, |this, at| this.other_item(at).map(Slip::OtherItem));
        self.plant(5, |this, at| this.is_steady(at).then_some(Slip::Unbilled { is_new: false }));
        self.plant(4, |this, at| this.is_steady(at).then_some(Slip::Twice));
        self.plant(6, |this, at| {
            let fewer = this.random.between(1, (at.quantity() - 1).clamp(1, 5));
            (this.is_steady(at) && at.quantity() > 1).then_some(Slip::Quantity(-fewer))
        });
        self.plant(4, |this, at| this.is_steady(at).then_some(Slip::Quantity(1 + at.quantity() / 6)));
        self.plant(4, |this, at| {
            let wrong = product(at.price, decimal("0.94"), 2);
            (this.is_steady(at) && at.price >= Decimal::ONE).then_some(Slip::Price(wrong))
        });
        let mut months = [second, third, first].into_iter();
        self.plant(3, |this, at| if this.is_steady(at) { months.next().map(Slip::VendorTwice) } else { None });
        let mut months = [first, third, second].into_iter();
        self.plant(3, |this, at| {
            if this.is_steady(at) { months.next().map(|month| Slip::VendorQuantity(month, 3)) } else { None }
        });
    }

    /// Goes through the subscriptions until `count` of them have the mistake.
    fn plant(&mut self, count: usize, mut choose: impl FnMut(&mut Self, Occasion<'a>) -> Option<Slip>) {
        let mut left = count;
        for position in 0..self.order.len() {
            let index = self.order[position];
            if left == 0 {
                return;
            }
            let Some(occasion) = self.occasion(index) else { continue };
            let Some(slip) = choose(self, occasion) else { continue };
            self.used_customers.insert(occasion.customer);
            if matches!(slip, Slip::Unbilled { .. } | Slip::OtherItem(_) | Slip::OtherCustomer(_) | Slip::StillBilled) {
                self.used_items.insert(occasion.item);
            }
            if let Slip::OtherCustomer(other) = slip {
                self.used_customers.insert(other);
            }
            self.slips.insert(index, slip);
            left -= 1;
        }
    }

    fn occasion(&self, index: usize) -> Option<Occasion<'a>> {
        let subscription = &self.subscriptions[index];
        let customer = self.ground.paying_customer(subscription)?;
        let item = match self.ground.counterpart(subscription) {
            Counterpart::Own(item) => item,
            Counterpart::Group(_) | Counterpart::Spread(_) | Counterpart::Missing => return None,
        };
        let company = self.ground.company(subscription);
        let is_free = company.relation == Relation::OneToOne
            && !self.slips.contains_key(&index)
            && !self.used_customers.contains(&customer)
            && !self.used_items.contains(&item)
            && !self.ground.catalog.has_price_change(item)
            && self.keys.get(&(customer, item)) == Some(&1);
        let price = self.ground.reference_price(company, item, self.ground.window.today);
        is_free.then_some(Occasion { subscription, customer, item, price })
    }

    fn is_usage(&self, at: Occasion<'_>) -> bool {
        self.ground.catalog.items[at.item].cycle == Cycle::Usage
    }

    fn is_monthly(&self, at: Occasion<'_>) -> bool {
        self.ground.billing_term(at.subscription) == "Monthly"
            && matches!(self.ground.products[at.subscription.product].charging, Charging::PerUnit | Charging::Volume)
    }

    /// Monthly and the same for the whole window, so that nothing but the mistake is to be seen.
    fn is_steady(&self, at: Occasion<'_>) -> bool {
        self.is_monthly(at)
            && at.subscription.is_constant()
            && at.subscription.end.is_none()
            && at.subscription.credits.is_empty()
            && at.subscription.start < self.ground.window.before().first_day()
    }

    /// Whether an invoice of the window has a proration of that direction.
    fn has_change(&self, at: Occasion<'_>, wanted: impl Fn(i64) -> bool) -> bool {
        let window = self.ground.window;
        let days = window.before().first_day()..=window.months[1].last_day();
        at.subscription
            .changes()
            .any(|(day, difference)| days.contains(&day) && day != Period::of(day).first_day() && wanted(difference))
    }

    fn other_customer(&mut self, at: Occasion<'_>) -> Option<usize> {
        if !self.is_steady(at) {
            return None;
        }
        let owner = &self.ground.people.customers[at.customer];
        let companies = self.ground.people.companies.iter();
        let fitting: Vec<usize> = companies
            .filter(|company| company.relation == Relation::OneToOne && company.tender == owner.tender)
            .filter_map(|company| company.customer)
            .filter(|&other| {
                other != at.customer
                    && !self.used_customers.contains(&other)
                    && !self.keys.contains_key(&(other, at.item))
            })
            .collect();
        (!fitting.is_empty()).then(|| self.random.pick(&fitting))
    }

    fn other_item(&mut self, at: Occasion<'_>) -> Option<usize> {
        if !self.is_steady(at) {
            return None;
        }
        let ground = self.ground;
        let fitting: Vec<usize> = ground
            .catalog
            .counterparts
            .iter()
            .flatten()
            .filter_map(|counterpart| match counterpart {
                Counterpart::Own(item) => Some(*item),
                Counterpart::Group(_) | Counterpart::Spread(_) | Counterpart::Missing => None,
            })
            .filter(|&other| {
                let item = &ground.catalog.items[other];
                let company = ground.company(at.subscription);
                item.cycle == Cycle::Monthly
                    && !ground.catalog.has_price_change(other)
                    && !self.used_items.contains(&other)
                    && !self.keys.contains_key(&(at.customer, other))
                    && ground.reference_price(company, other, ground.window.today) != at.price
            })
            .collect();
        (!fitting.is_empty()).then(|| self.random.pick(&fitting))
    }
}

impl Occasion<'_> {
    fn quantity(&self) -> i64 {
        self.subscription.history[0].1
    }
}
