//! The seeded world against the accounting rules, worked out here a second time from the written files alone: on every
//! key, what is billed differs from what should be by the planted effects and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use concord::domain::money::{ExactSum, Fraction, RoundingMode, extended, parse_decimal};
use concord::domain::period::Period;
use concord::sandbox::World;
use concord::sandbox::world::{Record, Table};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

type Row = BTreeMap<String, String>;
/// Customer, item (or the vendor's company and product where there is none), month, currency.
type Key = (String, String, String, String);

struct Books<'a> {
    world: &'a World,
    items: BTreeMap<String, &'a Record>,
    prices: Vec<Row>,
    customers: BTreeMap<String, Row>,
    products: BTreeMap<(String, String, String), Row>,
}

fn rows(text: &str) -> Vec<Row> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().expect("a table")
}

fn number(record: &Record, name: &str) -> Decimal {
    parse_decimal(&record.text(name).unwrap_or_default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn text(record: &Record, name: &str) -> String {
    record.text(name).unwrap_or_default()
}

fn day(text: &str) -> NaiveDate {
    text[..10].parse().expect("a day")
}

fn cents(quantity: Decimal, rate: Decimal, numerator: i64, denominator: i64) -> Decimal {
    let share = Fraction { numerator, denominator };
    extended(quantity, rate, share, 2, RoundingMode::HalfAwayFromZero).expect("small")
}

impl<'a> Books<'a> {
    fn of(world: &'a World) -> Self {
        let files = world.files();
        let products = rows(&files["gold/product_mapping.csv"]).into_iter().map(|row| {
            ((row["pax8ProductId"].clone(), row["billingTerm"].clone(), row["commitmentTerm"].clone()), row)
        });
        let customers = rows(&files["gold/customer_mapping.csv"]);
        Self {
            world,
            items: world.psa_products.all().iter().map(|item| (item.id().to_owned(), item)).collect(),
            prices: rows(&files["psa/price_book.csv"]),
            customers: customers.into_iter().map(|row| (row["pax8CompanyId"].clone(), row)).collect(),
            products: products.collect(),
        }
    }

    fn item_of(&self, subscription: &Record) -> &Row {
        let commitment = ["commitmentTerm", "commitment"].into_iter().find_map(|name| {
            let written = subscription.members().get(name).map(|value| value.get().to_owned())?;
            let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&written).ok()?;
            serde_json::from_str::<String>(members["term"].get()).ok()
        });
        let term = text(subscription, "billingTerm");
        let usual = if term == "One-Time" { "One-Time" } else { "Monthly" };
        let commitment = commitment.unwrap_or_else(|| usual.to_owned());
        &self.products[&(text(subscription, "productId"), term, commitment)]
    }

    fn price(&self, customer: &str, item: &str, currency: &str, on: NaiveDate) -> Decimal {
        let valid = |row: &&Row| {
            row["productId"] == item
                && row["currency"] == currency
                && day(&row["effectiveDate"]) <= on
                && (row["endDate"].is_empty() || on <= day(&row["endDate"]))
        };
        let own = self.prices.iter().filter(valid).find(|row| !customer.is_empty() && row["customerId"] == customer);
        let row = own.or_else(|| self.prices.iter().filter(valid).find(|row| row["customerId"].is_empty()));
        row.map_or_else(
            || number(self.items[item], "unitPrice"),
            |row| parse_decimal(&row["unitPrice"]).expect("a price"),
        )
    }

    fn quantity(&self, subscription: &str, on: NaiveDate) -> Decimal {
        let mut quantity = Decimal::ZERO;
        for state in self.world.history.group(subscription) {
            let since = day(&text(state, "updatedDate"));
            match text(state, "status").as_str() {
                "Cancelled" if since < on => quantity = Decimal::ZERO,
                "Cancelled" => {}
                _ if since <= on => quantity = number(state, "quantity"),
                _ => {}
            }
        }
        quantity
    }

    fn expected_of(&self, line: &Record, customer: &str, item: &str, currency: &str) -> Decimal {
        let (start, end) = (day(&text(line, "startPeriod")), day(&text(line, "endPeriod")));
        let (kind, term) = (text(line, "type"), text(line, "term"));
        if term == "Arrears" {
            let markup = number(self.items[item], "markupPercent");
            return cents(number(line, "cost"), Decimal::ONE_HUNDRED + markup, 1, 100);
        }
        let price = self.price(customer, item, currency, start);
        let mut quantity = number(line, "quantity");
        if text(line, "chargeType") != "flat" && (kind.as_str(), term.as_str()) == ("subscription", "Monthly") {
            quantity = self.quantity(&text(line, "subscriptionId"), start);
        }
        let days = (end - start).num_days() + 1;
        match (kind.as_str(), term.as_str()) {
            ("prorate", "Annual") => cents(quantity, price, days, 365),
            ("prorate", _) => cents(quantity, price, days, Period::of(start).days()),
            _ => cents(quantity, price, 1, 1),
        }
    }

    /// The key of a line of the vendor, unless nobody pays for it.
    fn key(&self, company: &str, subscription: &Record, month: &str) -> Option<(Key, &Row)> {
        let customer = &self.customers[company];
        if customer["billable"] == "no" {
            return None;
        }
        let item = self.item_of(subscription);
        let or = |id: &String, other: &str| if id.is_empty() { format!("pax8:{other}") } else { id.clone() };
        let customer = or(&customer["psaCustomerId"], company);
        let product = or(&item["psaProductId"], &text(subscription, "productId"));
        Some(((customer, product, month.to_owned(), text(subscription, "currencyCode")), item))
    }

    fn expected(&self) -> BTreeMap<Key, ExactSum> {
        let mut expected: BTreeMap<Key, ExactSum> = BTreeMap::new();
        let mut months = BTreeSet::new();
        for invoice in self.world.invoices.all() {
            let month = text(invoice, "invoiceDate")[..7].to_owned();
            let mut seen = BTreeSet::new();
            for line in self.world.invoice_items[invoice.id()].all() {
                let Some(company) = line.text("companyId") else { continue };
                let subscription = text(line, "subscriptionId");
                let is_first =
                    seen.insert(["type", "startPeriod", "term"].map(|name| text(line, name)).join("/") + &subscription);
                let record = self.world.subscriptions.get(&subscription).expect("every line has its subscription");
                let Some((key, item)) = self.key(&company, record, &month) else { continue };
                let amount = match item["relation"].as_str() {
                    "spread_monthly" => continue,
                    _ if !is_first => continue,
                    "missing_in_psa" => number(line, "subTotal"),
                    _ => self.expected_of(
                        line,
                        &self.customers[&company]["psaCustomerId"],
                        &item["psaProductId"],
                        &key.3,
                    ),
                };
                expected.entry(key).or_default().add(amount).expect("small");
            }
            months.insert(month);
        }
        for (record, month) in
            self.world.subscriptions.all().iter().flat_map(|one| months.iter().map(move |m| (one, m)))
        {
            let company = text(record, "companyId");
            let Some((key, item)) = self.key(&company, record, month) else { continue };
            if item["relation"] == "spread_monthly" {
                let first = day(&format!("{month}-01"));
                let price = self.price(&self.customers[&company]["psaCustomerId"], &key.1, &key.3, first);
                let amount = cents(self.quantity(record.id(), first), price, 1, 1);
                expected.entry(key).or_default().add(amount).expect("small");
            }
        }
        expected
    }

    fn billed(&self) -> BTreeMap<Key, ExactSum> {
        let mut billed: BTreeMap<Key, ExactSum> = BTreeMap::new();
        for invoice in self.world.psa_invoices.all() {
            let members = invoice.members();
            let lines: Vec<&RawValue> = serde_json::from_str(members["lines"].get()).expect("an array");
            let lines: Vec<&str> = lines.iter().map(|line| line.get()).collect();
            for line in Table::read(&lines.join("\n"), "id", "").expect("objects").all() {
                let item = text(line, "productId");
                if text(self.items[&item], "category") != "Managed Services" {
                    let month = text(invoice, "date")[..7].to_owned();
                    let key = (text(invoice, "customerId"), item, month, text(invoice, "currency"));
                    billed.entry(key).or_default().add(number(line, "amount")).expect("small");
                }
            }
        }
        billed
    }

    fn planted(&self) -> BTreeMap<Key, ExactSum> {
        let mut planted: BTreeMap<Key, ExactSum> = BTreeMap::new();
        for one in self.world.planted() {
            let customer = one.customer_id.clone().unwrap_or_else(|| format!("pax8:{}", one.company_id));
            let item = one.item_id.clone().unwrap_or_else(|| format!("pax8:{}", one.product_id));
            let key = (customer, item, one.period.to_string(), one.currency.to_owned());
            planted.entry(key).or_default().add(one.effect).expect("small");
        }
        planted
    }
}

#[test]
fn every_key_is_right_to_the_cent_but_for_what_was_planted() {
    for (seed, today) in [(5, "2026-10-06"), (6, "2028-02-29"), (7, "2027-01-02")] {
        let today = day(today);
        let world = World::seeded(seed, today).expect("a good day");
        let books = Books::of(&world);
        let (expected, billed, planted) = (books.expected(), books.billed(), books.planted());
        let keys: BTreeSet<&Key> = expected.keys().chain(billed.keys()).chain(planted.keys()).collect();
        assert!(keys.len() > 1000, "seed {seed}, {}: only {} keys", today.year(), keys.len());
        for key in keys {
            let amount = |amounts: &BTreeMap<Key, ExactSum>| {
                amounts.get(key).copied().unwrap_or_default().total().expect("small")
            };
            let (expected, billed, effect) = (amount(&expected), amount(&billed), amount(&planted));
            assert_eq!(billed - expected, effect, "seed {seed}: {key:?} expects {expected}, is billed {billed}");
        }
    }
}
