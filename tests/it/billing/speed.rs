//! A million lines on each side: how long the run takes and how much memory it needs. Not run by default; optimized,
//! it is `cargo test --config 'profile.dev.package.concord.opt-level=3' --test it billing::speed -- --ignored --nocapture`.

use std::fs;
use std::time::Instant;

use chrono::NaiveDate;
use concord::domain::id::ExternalId;
use concord::domain::money::Currency;
use concord::domain::period::Period;
use concord::domain::record::*;
use concord::engine::billing::*;
use rust_decimal::Decimal;

/// A generator of numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown").to_owned()
}

/// `lines` charges and bills on a fifth as many keys, shuffled, with one error in twenty.
fn world(lines: u64) -> Input {
    const ITEMS: u64 = 200;
    let keys = (lines / 5).max(1);
    let customers = keys.div_ceil(ITEMS);
    let mut numbers = Numbers(7);
    let mut builder = InputBuilder::new();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let (first, last) = (day("2026-10-01"), day("2026-10-31"));
    let id = |kind: &str, number: u64| ExternalId::from(format!("{kind}-{number:08x}-4b1e-8f77-64d2a9c3b512"));
    builder
        .add_vendor_invoice(&VendorInvoice {
            external_id: id("vendor", 0),
            invoice_date: day("2026-10-05"),
            due_date: None,
            status: None,
            total: None,
            balance: None,
            carried_balance: None,
            currency: Some(Currency::USD),
            company_external_id: None,
        })
        .unwrap();
    for customer in 0..customers {
        let (company, customer) = (id("company", customer), id("customer", customer));
        builder.map_company(CompanyMapping { company: &company, customer: &customer, standing: Standing::Confirmed });
        builder.add_psa_invoice(&PsaInvoice {
            external_id: customer.clone(),
            number: None,
            customer_external_id: customer,
            invoice_date: first,
            currency: Some(Currency::USD),
            total: None,
            status: None,
        });
    }
    for item in 0..ITEMS {
        builder
            .add_psa_product(&PsaProduct {
                external_id: id("item", item),
                name: format!("Item {item}"),
                identifier: None,
                vendor_name: None,
                sku: None,
                vendor_sku: None,
                category: None,
                unit_price: Some(Price(Decimal::new(2200 + item as i64, 2))),
                unit_cost: None,
                currency: Some(Currency::USD),
                bill_cycle: Some(Known::Known(BillCycle::Monthly)),
                markup_percent: None,
                is_active: true,
                updated_at: None,
            })
            .unwrap();
        builder
            .map_product(ProductMapping {
                product: &id("product", item),
                billing_term: Some(BillingTerm::Monthly),
                commitment_term: None,
                customer: None,
                item: &id("item", item),
                factor: Decimal::ONE,
                role: MappingRole::Billed,
                standing: Standing::Confirmed,
            })
            .unwrap();
    }
    let mut order: Vec<u64> = (0..lines).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, numbers.below(at as u64 + 1) as usize);
    }
    for line in order {
        let key = line % keys;
        let (customer, item) = (key / ITEMS, key % ITEMS);
        let quantity = 1 + line % 40;
        let price = Decimal::new(2200 + item as i64, 2);
        let cost = Decimal::new(18_5000 + item as i64, 4);
        let billed = if numbers.below(20) == 0 { quantity + 1 } else { quantity };
        builder
            .add_vendor_line(&VendorInvoiceLine {
                external_id: id("line", line),
                invoice_external_id: id("vendor", 0),
                kind: Known::Known(VendorLineKind::Subscription),
                company_external_id: Some(id("company", customer)),
                company_name: None,
                subscription_external_id: Some(id("subscription", line)),
                product_external_id: Some(id("product", item)),
                product_name: None,
                sku: None,
                description: None,
                period_start: Some(first),
                period_end: Some(last),
                term: Some(Known::Known(BillingTerm::Monthly)),
                quantity: Some(Decimal::from(quantity)),
                charge_type: None,
                price: Some(Price(price)),
                subtotal: None,
                cost: Some(Cost(cost)),
                cost_total: Some(Cost(cost * Decimal::from(quantity))),
                amount_due: Some(Cost(cost * Decimal::from(quantity))),
                sales_tax: None,
                currency: Some(Currency::USD),
                is_billed_by_pax8: false,
            })
            .unwrap();
        builder
            .add_psa_line(&PsaInvoiceLine {
                external_id: id("billed", line),
                invoice_external_id: id("customer", customer),
                agreement_line_external_id: Some(id("agreement", line)),
                product_external_id: Some(id("item", item)),
                description: None,
                quantity: Some(Decimal::from(billed)),
                unit_price: Some(Price(price)),
                amount: Some(Price(price * Decimal::from(billed))),
                period_start: Some(first),
                period_end: Some(last),
            })
            .unwrap();
    }
    let month = Period::of(first);
    builder.build(month, month, last)
}

#[test]
#[ignore = "takes a million lines; run it by name"]
fn a_million_lines_on_each_side() {
    let lines = std::env::var("CONCORD_SPEED_LINES").ok().map_or(1_000_000, |lines| lines.parse().unwrap());
    let started = Instant::now();
    let input = world(lines);
    println!("input of {lines} lines on each side in {:?}, {}", started.elapsed(), peak_memory());
    let started = Instant::now();
    let report = reconcile(&input, &Policy::default()).unwrap();
    let took = started.elapsed();
    println!("{} keys, {} discrepancies in {took:?}, {}", report.keys.len(), report.discrepancies.len(), peak_memory());
    assert_eq!(report.keys.len() as u64, (lines / 5).max(1));
}
