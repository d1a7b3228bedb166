//! Arbitrary records: whatever a provider sends, the engine reports or refuses, and never panics.
//!
//! `CONCORD_FUZZ_SECONDS` says for how long; 2 seconds by default, 30 in `.ci/run`, and ten minutes are
//! `CONCORD_FUZZ_SECONDS=600 cargo test --test it billing::fuzz -- --nocapture`.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use concord::domain::id::ExternalId;
use concord::domain::money::Currency;
use concord::domain::period::Period;
use concord::domain::record::*;
use concord::engine::billing::*;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;

fn id() -> impl Strategy<Value = ExternalId> {
    // Few names, so that records meet; now and then one that nobody expects.
    prop_oneof![9 => "[abc]", 1 => "\\PC{0,6}"].prop_map(ExternalId::from)
}

fn number() -> impl Strategy<Value = Option<Decimal>> {
    let usual = (-500_i64..500, 0_u32..3).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale));
    let odd = (any::<i64>(), 0_u32..=28).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale));
    let edge = prop::sample::select(vec![Decimal::MAX, Decimal::MIN, Decimal::ZERO, Decimal::new(1, 28)]);
    prop::option::weighted(0.9, prop_oneof![8 => usual, 1 => odd, 1 => edge])
}

fn day() -> impl Strategy<Value = NaiveDate> {
    let day = |year, ordinal| NaiveDate::from_yo_opt(year, ordinal).expect("every year has 365 days");
    prop_oneof![
        9 => (2026_i32..=2026, 240_u32..310).prop_map(move |(year, ordinal)| day(year, ordinal)),
        1 => (1_i32..9999, 1_u32..=365).prop_map(move |(year, ordinal)| day(year, ordinal)),
    ]
}

fn known<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Known<T>> {
    prop_oneof![
        9 => prop::sample::select(values).prop_map(Known::Known),
        1 => "\\PC{0,8}".prop_map(Known::Unrecognized),
    ]
}

fn currency() -> impl Strategy<Value = Option<Currency>> {
    let currencies = ["USD", "GBP", "JPY"].map(|text| Currency::parse(text).expect("a currency"));
    prop::option::weighted(0.9, prop::sample::select(currencies.to_vec()))
}

fn term() -> impl Strategy<Value = Option<Known<BillingTerm>>> {
    use BillingTerm as Term;
    prop::option::of(known(vec![
        Term::Monthly,
        Term::Annual,
        Term::TwoYear,
        Term::ThreeYear,
        Term::OneTime,
        Term::Arrears,
    ]))
}

fn vendor_line() -> impl Strategy<Value = VendorInvoiceLine> {
    use VendorLineKind as Kind;
    let kinds = vec![Kind::Subscription, Kind::Prorate, Kind::OneTime, Kind::ServiceCredit, Kind::Rebate];
    let ids = (id(), id(), prop::option::of(id()), prop::option::of(id()), prop::option::of(id()));
    let days = (prop::option::of(day()), prop::option::of(day()));
    let numbers = (number(), number(), number(), number(), number(), number());
    (ids, known(kinds), days, numbers, (term(), currency(), any::<bool>(), any::<bool>())).prop_map(
        |((line, invoice, company, subscription, product), kind, days, numbers, (term, currency, is_flat, by_pax8))| {
            VendorInvoiceLine {
                external_id: line,
                invoice_external_id: invoice,
                kind,
                company_external_id: company,
                company_name: None,
                subscription_external_id: subscription,
                product_external_id: product,
                product_name: None,
                sku: None,
                description: None,
                period_start: days.0,
                period_end: days.1,
                term,
                quantity: numbers.0,
                charge_type: is_flat.then_some(Known::Known(ChargeType::Flat)),
                price: numbers.1.map(Price),
                subtotal: numbers.2.map(Price),
                cost: numbers.3.map(Cost),
                cost_total: numbers.4.map(Cost),
                amount_due: numbers.5.map(Cost),
                sales_tax: None,
                currency,
                is_billed_by_pax8: by_pax8,
            }
        },
    )
}

fn psa_line() -> impl Strategy<Value = PsaInvoiceLine> {
    let ids = (id(), id(), prop::option::of(id()), prop::option::of(id()));
    let days = (prop::option::of(day()), prop::option::of(day()));
    (ids, (number(), number(), number()), days).prop_map(|((line, invoice, agreement, item), numbers, days)| {
        PsaInvoiceLine {
            external_id: line,
            invoice_external_id: invoice,
            agreement_line_external_id: agreement,
            product_external_id: item,
            description: None,
            quantity: numbers.0,
            unit_price: numbers.1.map(Price),
            amount: numbers.2.map(Price),
            period_start: days.0,
            period_end: days.1,
        }
    })
}

fn subscription() -> impl Strategy<Value = Subscription> {
    let days = (prop::option::of(day()), prop::option::of(day()), prop::option::of(day()), prop::option::of(day()));
    let commitment = prop::option::of(prop::sample::select(vec!["1-Year", "3-Year", "Monthly", "", "no term"]));
    ((id(), id(), id()), number(), days, term(), commitment, (currency(), number(), number())).prop_map(
        |((subscription, company, product), quantity, days, billing_term, commitment, (currency, price, cost))| {
            let noon = |day: NaiveDate| day.and_hms_opt(12, 0, 0).expect("noon").and_utc();
            Subscription {
                external_id: subscription,
                company_external_id: company,
                product_external_id: product,
                parent_external_id: None,
                quantity,
                start_date: days.0,
                end_date: days.1,
                created_at: None,
                updated_at: days.2.map(noon),
                billing_start: days.3,
                status: None,
                price: price.map(Price),
                cost: cost.map(Cost),
                currency,
                billing_term,
                commitment_term: commitment.map(str::to_owned),
                commitment_end: None,
            }
        },
    )
}

fn agreement_line() -> impl Strategy<Value = AgreementLine> {
    let ids = (id(), id(), id(), prop::option::of(id()));
    let days = (prop::option::of(day()), prop::option::of(day()));
    (ids, (number(), number(), number()), days, (currency(), any::<bool>())).prop_map(
        |((line, agreement, customer, item), numbers, days, (currency, bills_in_arrears))| AgreementLine {
            external_id: line,
            agreement_external_id: agreement,
            agreement_name: None,
            customer_external_id: customer,
            product_external_id: item,
            description: None,
            quantity: numbers.0,
            included_quantity: numbers.1,
            unit_price: numbers.2.map(Price),
            unit_cost: None,
            currency,
            bill_cycle: None,
            bills_in_arrears,
            is_billable: true,
            effective_from: days.0,
            effective_to: days.1,
        },
    )
}

/// What heads and items say.
type Head = (NaiveDate, Option<Known<BillCycle>>, Option<Decimal>, Statuses);

/// States of the invoices of the few names, of Pax8 and of the PSA.
type Statuses = Vec<(Option<Known<VendorInvoiceStatus>>, Option<Known<PsaInvoiceStatus>>)>;

fn statuses() -> impl Strategy<Value = Statuses> {
    use {PsaInvoiceStatus as Psa, VendorInvoiceStatus as Vendor};
    let vendor = known(vec![Vendor::Unpaid, Vendor::Draft, Vendor::Draft, Vendor::Credited, Vendor::Void]);
    let psa = known(vec![Psa::Open, Psa::Draft, Psa::Void]);
    prop::collection::vec((prop::option::of(vendor), prop::option::of(psa)), 3)
}

/// Heads, items, prices and mappings of the few names.
fn frame(builder: &mut InputBuilder, (day, cycle, price, statuses): Head) {
    for (name, (vendor_status, psa_status)) in ["a", "b", "c"].map(ExternalId::from).into_iter().zip(statuses) {
        let _ = builder.add_vendor_invoice(&VendorInvoice {
            external_id: name.clone(),
            invoice_date: day,
            due_date: None,
            status: vendor_status,
            total: price,
            balance: None,
            carried_balance: None,
            currency: None,
            company_external_id: None,
        });
        builder.add_psa_invoice(&PsaInvoice {
            external_id: name.clone(),
            number: None,
            customer_external_id: name.clone(),
            invoice_date: day,
            currency: Some(Currency::USD),
            total: None,
            status: psa_status,
        });
        let _ = builder.add_psa_product(&PsaProduct {
            external_id: name.clone(),
            name: name.to_string(),
            identifier: None,
            vendor_name: None,
            sku: None,
            vendor_sku: None,
            category: None,
            unit_price: price.map(Price),
            unit_cost: None,
            currency: Some(Currency::USD),
            bill_cycle: cycle.clone(),
            markup_percent: price,
            is_active: true,
            updated_at: None,
        });
        if name.as_str() != "c" {
            builder.map_company(CompanyMapping { company: &name, customer: &name, standing: Standing::Suggested });
            let mapping = ProductMapping {
                product: &name,
                billing_term: None,
                commitment_term: None,
                customer: None,
                item: &name,
                factor: price.unwrap_or(Decimal::ONE),
                role: MappingRole::Billed,
                standing: Standing::Confirmed,
            };
            let _ = builder.map_product(mapping);
        }
    }
}

#[test]
fn arbitrary_records_are_reported_or_refused() {
    let seconds =
        std::env::var("CONCORD_FUZZ_SECONDS").ok().map_or(2, |text| text.parse().expect("a number of seconds"));
    let until = Instant::now() + Duration::from_secs(seconds);
    let cycles = known(vec![BillCycle::Monthly, BillCycle::Annual, BillCycle::OneTime, BillCycle::Usage]);
    let worlds = (
        prop::collection::vec(vendor_line(), 0..24),
        prop::collection::vec(psa_line(), 0..24),
        prop::collection::vec(subscription(), 0..12),
        prop::collection::vec(agreement_line(), 0..12),
        (day(), prop::option::of(cycles), number(), statuses()),
    );
    let (mut worlds_seen, mut reports) = (0_u64, 0_u64);
    while worlds_seen == 0 || Instant::now() < until {
        let mut runner = TestRunner::new(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() });
        let made = std::cell::Cell::new(0);
        let ran = runner.run(&worlds, |(charges, bills, states, lines, head)| {
            let mut builder = InputBuilder::new();
            frame(&mut builder, head);
            // What the builder refuses is reported by whoever reads; what it takes is judged.
            charges.iter().for_each(|line| drop(builder.add_vendor_line(line)));
            bills.iter().for_each(|line| drop(builder.add_psa_line(line)));
            states.iter().for_each(|state| drop(builder.add_subscription(state)));
            lines.iter().for_each(|line| drop(builder.add_agreement_line(line)));
            let (first, last) = (Period::parse("2026-09").unwrap(), Period::parse("2026-10").unwrap());
            match reconcile(&builder.build(first, last, last.last_day()), &Policy::default()) {
                Ok(report) => {
                    made.set(made.get() + 1);
                    let rests_on_drafts = !report.provisional.is_empty();
                    prop_assert!(!(rests_on_drafts && report.verdict == Verdict::Clean), "clean, and may change");
                    prop_assert_eq!(rests_on_drafts, report.keys.iter().any(|key| key.is_provisional));
                }
                Err(ReconcileError::OutOfRange(_)) => {}
                Err(fault) => return Err(TestCaseError::fail(fault.to_string())),
            }
            Ok(())
        });
        if let Err(failure) = ran {
            panic!("{failure}");
        }
        worlds_seen += 64;
        reports += made.get();
    }
    println!("{worlds_seen} worlds, {reports} reports");
    assert!(2 * reports > worlds_seen, "{reports} reports of {worlds_seen} worlds: too few to prove anything");
}
