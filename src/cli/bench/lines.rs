//! Lines of both sides in any number, made in memory from a seed: charges and bills on a fifth as many keys, shuffled.
//! One line in twenty is billed with another quantity, one in fifty at another price, and one in fifty not at all; one
//! charge in a hundred is a change inside the month.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::domain::id::ExternalId;
use crate::domain::money::Currency;
use crate::domain::period::Period;
use crate::domain::record::{
    BillCycle, BillingTerm, Cost, Known, Price, PsaInvoice, PsaInvoiceLine, PsaProduct, VendorInvoice,
    VendorInvoiceLine, VendorLineKind,
};
use crate::engine::billing::{CompanyMapping, Input, InputBuilder, InputError, MappingRole, ProductMapping, Standing};

const ITEMS: u64 = 200;

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A charge and what was billed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// Number of company and customer.
    pub customer: u64,
    /// Number of product and item.
    pub item: u64,
    /// Units charged.
    pub quantity: u64,
    /// Cost of a unit, in ten-thousandths.
    pub cost: i64,
    /// Reference price of a unit, in hundredths.
    pub price: i64,
    /// Units and price that were billed, if any were.
    pub billed: Option<(u64, i64)>,
    /// Whether it is a change inside the month.
    pub is_change: bool,
}

impl Line {
    /// What the charge comes to.
    pub fn cost_total(&self) -> Decimal {
        Decimal::new(self.cost * self.quantity as i64, 4)
    }

    /// What was billed.
    pub fn billed_total(&self) -> Option<Decimal> {
        self.billed.map(|(quantity, price)| Decimal::new(price * quantity as i64, 2))
    }
}

fn keys(lines: u64) -> u64 {
    (lines / 5).max(1)
}

/// The lines, in an order that has nothing to do with their keys.
pub fn lines(count: u64, seed: u64) -> impl Iterator<Item = Line> {
    let keys = keys(count);
    let mut numbers = Numbers(seed);
    let mut order: Vec<u64> = (0..count).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, numbers.below(at as u64 + 1) as usize);
    }
    order.into_iter().map(move |number| {
        let key = number % keys;
        let (customer, item) = (key / ITEMS, key % ITEMS);
        let (quantity, price) = (1 + number % 40, 2200 + item as i64);
        let billed = match numbers.below(100) {
            0..5 => Some((quantity + 1, price)),
            5..7 => Some((quantity, price + 25)),
            7..9 => None,
            _ => Some((quantity, price)),
        };
        let is_change = numbers.below(100) == 0;
        Line { number, customer, item, quantity, cost: 185_000 + item as i64, price, billed, is_change }
    })
}

/// The month of the lines.
pub fn month() -> Period {
    Period::of(NaiveDate::from_ymd_opt(2026, 10, 1).expect("a day of the calendar"))
}

/// The id of a record of a kind.
pub fn id(kind: &str, number: u64) -> ExternalId {
    ExternalId::from(format!("{kind}-{number:08x}-4b1e-8f77-64d2a9c3b512"))
}

/// How many companies and customers so many lines have.
pub fn customers(count: u64) -> u64 {
    keys(count).div_ceil(ITEMS)
}

/// How many products and items there are.
pub fn items() -> u64 {
    ITEMS
}

/// The one invoice of Pax8.
pub fn vendor_invoice() -> VendorInvoice {
    VendorInvoice {
        external_id: id("vendor", 0),
        invoice_date: month().first_day() + chrono::Days::new(4),
        due_date: None,
        status: None,
        total: None,
        balance: None,
        carried_balance: None,
        currency: Some(Currency::USD),
        company_external_id: None,
    }
}

/// The invoice of a customer, which has the customer's id.
pub fn psa_invoice(customer: u64) -> PsaInvoice {
    PsaInvoice {
        external_id: id("customer", customer),
        number: None,
        customer_external_id: id("customer", customer),
        invoice_date: month().first_day(),
        currency: Some(Currency::USD),
        total: None,
        status: None,
    }
}

/// An item.
pub fn item(number: u64) -> PsaProduct {
    PsaProduct {
        external_id: id("item", number),
        name: format!("Item {number}"),
        identifier: None,
        vendor_name: None,
        sku: None,
        vendor_sku: None,
        category: None,
        unit_price: Some(Price(Decimal::new(2200 + number as i64, 2))),
        unit_cost: None,
        currency: Some(Currency::USD),
        bill_cycle: Some(Known::Known(BillCycle::Monthly)),
        markup_percent: None,
        is_active: true,
        updated_at: None,
    }
}

/// A charge as Pax8 writes it.
pub fn charge(line: &Line) -> VendorInvoiceLine {
    let kind = if line.is_change { VendorLineKind::Prorate } else { VendorLineKind::Subscription };
    VendorInvoiceLine {
        external_id: id("line", line.number),
        invoice_external_id: id("vendor", 0),
        kind: Known::Known(kind),
        company_external_id: Some(id("company", line.customer)),
        company_name: None,
        subscription_external_id: Some(id("subscription", line.number)),
        product_external_id: Some(id("product", line.item)),
        product_name: None,
        sku: None,
        description: None,
        period_start: Some(month().first_day()),
        period_end: Some(month().last_day()),
        term: Some(Known::Known(BillingTerm::Monthly)),
        quantity: Some(Decimal::from(line.quantity)),
        charge_type: None,
        price: Some(Price(Decimal::new(line.price, 2))),
        subtotal: None,
        cost: Some(Cost(Decimal::new(line.cost, 4))),
        cost_total: Some(Cost(line.cost_total())),
        amount_due: Some(Cost(line.cost_total())),
        sales_tax: None,
        currency: Some(Currency::USD),
        is_billed_by_pax8: false,
    }
}

/// What was billed for a charge, as the PSA writes it; `None` when nothing was.
pub fn bill(line: &Line) -> Option<PsaInvoiceLine> {
    let (quantity, price) = line.billed?;
    Some(PsaInvoiceLine {
        external_id: id("billed", line.number),
        invoice_external_id: id("customer", line.customer),
        agreement_line_external_id: (!line.is_change).then(|| id("agreement", line.number)),
        product_external_id: Some(id("item", line.item)),
        description: None,
        quantity: Some(Decimal::from(quantity)),
        unit_price: Some(Price(Decimal::new(price, 2))),
        amount: line.billed_total().map(Price),
        period_start: Some(month().first_day()),
        period_end: Some(month().last_day()),
    })
}

/// The input of a comparison of so many charges with as many bills, in one month.
pub fn input(count: u64, seed: u64) -> Result<Input, InputError> {
    let mut builder = InputBuilder::new();
    builder.add_vendor_invoice(&vendor_invoice())?;
    for customer in 0..customers(count) {
        let (company, customer_id) = (id("company", customer), id("customer", customer));
        builder.map_company(CompanyMapping {
            company: &company,
            customer: &customer_id,
            standing: Standing::Confirmed,
        });
        builder.add_psa_invoice(&psa_invoice(customer));
    }
    for number in 0..ITEMS {
        builder.add_psa_product(&item(number))?;
        builder.map_product(ProductMapping {
            product: &id("product", number),
            billing_term: Some(BillingTerm::Monthly),
            commitment_term: None,
            customer: None,
            item: &id("item", number),
            factor: Decimal::ONE,
            role: MappingRole::Billed,
            standing: Standing::Confirmed,
        })?;
    }
    for line in lines(count, seed) {
        builder.add_vendor_line(&charge(&line))?;
        if let Some(bill) = bill(&line) {
            builder.add_psa_line(&bill)?;
        }
    }
    Ok(builder.build(month(), month(), month().last_day()))
}
