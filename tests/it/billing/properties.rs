//! What holds for any input: small worlds with every kind of line, in any order.

use std::num::NonZeroUsize;

use concord::domain::money::{ExactSum, RoundingMode};
use concord::engine::billing::*;
use proptest::prelude::*;

use super::case::{Case, decimal, render};

const HEAD: &str = "period 2026-09..2026-10 as-of=2026-10-06
company Acme
company Beta
company Gone customer=none
company Own internal
item BP price=22.00
item BS price=4.825
item YR price=96.00 cycle=annual
item AZ cycle=usage markup=15
product P1 item=BP
product P2 item=BS
product P3 item=YR term=Annual
product P4 item=AZ
product P5
";

/// Charges and bills on few customers and items, so that they meet.
fn statements() -> impl Strategy<Value = Vec<String>> {
    let company = prop::sample::select(vec!["Acme", "Beta", "Gone", "Own"]);
    let product = prop::sample::select(vec!["P1", "P2", "P3", "P4", "P5"]);
    let customer = prop::sample::select(vec!["Acme", "Beta"]);
    let item = prop::sample::select(vec!["BP", "BS", "YR", "AZ", "Desk", "none"]);
    let month = prop::sample::select(vec!["2026-09", "2026-10", "2026-12"]);
    let kind = prop::sample::select(vec!["subscription", "prorate", "one-time", "service-credit", "rebate", "odd"]);
    let days = prop::sample::select(vec!["2026-09-10..2026-09-30", "2026-10-01..2026-10-31", "2026-09-01..2027-08-31"]);
    let price = prop::sample::select(vec!["22.00", "4.825", "4.83", "8.00", "-3.10", "0"]);
    let term = prop::sample::select(vec!["Monthly", "Annual", "Arrears", "3-Year"]);
    let head = (prop::sample::select(vec!["Acme", "Beta", "Gone", "Own"]), 0_usize..5, 1_u32..20, 1_u32..20, 0_u32..3);
    let subscription = (head, 1_u32..29, 1_u32..13).prop_map(|((company, product, first, second, ends), day, month)| {
        let term = if product == 2 { "term=Annual commitment=1-Year" } else { "" };
        let end = if ends == 0 { "end=2026-09-15" } else { "" };
        format!(
            "subscription S{} company={company} product=P{} {first} {second}@2026-09-{day:02} start=2025-{month:02}-10 {term} {end}",
            product + 10 * first as usize,
            product + 1
        )
    });
    let vendor = (company, product, month.clone(), kind, days.clone(), -3_i32..20, price.clone(), term).prop_map(
        |(company, product, month, kind, days, quantity, price, term)| {
            let subject = format!("S{}", 10 * quantity.unsigned_abs());
            format!("pax8 {month} {subject} {kind} company={company} product={product} term={term} qty={quantity} cost={price} days={days} subtotal={price}")
        },
    );
    let line = prop::option::of(1_u32..6);
    let psa = (customer, item, month, days, -3_i32..20, price, line).prop_map(
        |(customer, item, month, days, quantity, price, line)| {
            let line = line.map_or(String::new(), |line| format!("line=L{line}"));
            format!("psa {month} {customer} {item} {line} qty={quantity} price={price} days={days}")
        },
    );
    let agreement = (1_u32..6, 1_u32..20, 1_u32..4, 0_u32..2).prop_map(|(line, quantity, agreement, ends)| {
        let item = ["BP", "BS", "YR"][line as usize % 3];
        let to = if ends == 0 { "to=2026-09-30" } else { "" };
        format!("agreement L{line} agreement=A{agreement} customer=Acme item={item} qty={quantity} price=22.00 from=2025-01-01 {to}")
    });
    let charges = prop::collection::vec(vendor, 0..16);
    let bills = prop::collection::vec(psa, 0..16);
    let lines = prop::collection::vec(agreement, 0..4);
    (prop::collection::vec(subscription, 0..6), charges, bills, lines).prop_map(|(mut all, charges, bills, lines)| {
        all.extend(charges);
        all.extend(bills);
        all.extend(lines);
        all
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    let prices = prop::sample::select(vec![
        PriceSource::PriceBook,
        PriceSource::AgreementLine,
        PriceSource::ItemPrice,
        PriceSource::VendorSuggested,
        PriceSource::CostPlus(decimal("12.5")),
    ]);
    let modes =
        prop::sample::select(vec![RoundingMode::HalfAwayFromZero, RoundingMode::HalfToEven, RoundingMode::TowardZero]);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (prop::option::of(0_u32..8), prop::sample::select(vec!["0", "0.05", "5"]), -2_i32..3, 1_u32..40);
    (prices, modes, switches, numbers).prop_map(|(price_source, rounding_mode, switches, numbers)| {
        let (absorbs, keeps, by_invoice, by_service, has_floor) = switches;
        let (rounding_scale, tolerance, shift_months, day) = numbers;
        let basis = if by_service { PeriodBasis::ServiceStart } else { PeriodBasis::InvoiceDate };
        Policy {
            price_source,
            rounding_mode,
            rounding_scale,
            quantity_source: if by_invoice {
                QuantitySource::VendorInvoice
            } else {
                QuantitySource::SubscriptionHistory
            },
            proration: if absorbs { Proration::Absorb } else { Proration::PassThrough },
            credits: if keeps { Credits::Keep } else { Credits::PassThrough },
            tolerance: Tolerance { absolute: decimal(tolerance), percent: decimal(tolerance) },
            margin_floor: has_floor.then(|| decimal("0.2")),
            psa_period: PeriodRule { basis, shift_months },
            arrears_shift_months: -shift_months,
            missing_invoice_counts_from_day: day,
            ..Policy::default()
        }
    })
}

fn run(text: &str) -> (Input, Report) {
    let input = Case::read(text).input();
    let report = reconcile(&input, &Policy::default()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    (input, report)
}

/// Ids of lines are made from their position, so a shuffled text has to carry them along: only statements whose
/// position does not matter are moved.
fn is_movable(statement: &str) -> bool {
    statement.starts_with("subscription") || statement.starts_with("agreement") || statement.starts_with("product")
}

fn text(statements: &[String]) -> String {
    // Subscriptions first: vendor lines take their company from them.
    let (first, rest): (Vec<&String>, Vec<&String>) =
        statements.iter().partition(|statement| statement.starts_with("subscription"));
    let all: Vec<&str> = first.into_iter().chain(rest).map(String::as_str).collect();
    format!("{HEAD}{}\n", all.join("\n"))
}

proptest! {
    // `PROPTEST_CASES=100000` tries harder.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn classes_add_up_and_discrepancies_explain_every_difference(statements in statements()) {
        // Both are proved inside `reconcile`, which refuses to report otherwise; here the parts are added up again.
        let (input, report) = run(&text(&statements));
        let (vendor, psa) = input.line_counts();
        let outside = statements.iter().filter(|one| one.contains(" 2026-12 ")).count() as u64;
        let counted: u64 = report.footing.iter().map(|row| row.count).sum();
        prop_assert_eq!(counted + outside, (vendor + psa) as u64);
        for side in [Side::Vendor, Side::Psa] {
            let classes = report.footing.iter().filter(|row| row.side == side).map(|row| row.amount);
            let reasons = report.coverage.iter().filter(|row| row.side == side).map(|row| row.amount);
            prop_assert_eq!(ExactSum::of(classes).unwrap(), ExactSum::of(reasons).unwrap());
        }
        for key in &report.keys {
            let bridge = report.bridge(key).unwrap();
            let parts = [bridge.quantity, bridge.price, bridge.proration, bridge.credit, bridge.rounding, bridge.other];
            if let Some(difference) = key.difference {
                prop_assert_eq!(ExactSum::of(parts).unwrap().total().unwrap(), difference);
            }
        }
    }

    #[test]
    fn every_policy_foots(statements in statements(), policy in policies()) {
        let input = Case::read(&text(&statements)).input();
        reconcile(&input, &policy).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn the_number_of_threads_does_not_matter(statements in statements(), policy in policies(), lines in 1_usize..9) {
        let input = Case::read(&text(&statements)).input();
        let whole = reconcile(&input, &policy).unwrap_or_else(|error| panic!("{error}"));
        for count in [1, 2, 3, 7] {
            // Parts of a few lines, so that there is something to share.
            let [count, lines] = [count, lines].map(|number| NonZeroUsize::new(number).unwrap());
            let threads = Threads::up_to(count).with_parts_of(lines);
            let shared = reconcile_on(threads, &input, &policy).unwrap_or_else(|error| panic!("{error}"));
            prop_assert_eq!(render(&input, &shared), render(&input, &whole));
            prop_assert_eq!(&shared, &whole);
        }
    }

    #[test]
    fn amounts_at_the_edge_are_reported_or_refused(digits in 1_usize..27, point in 0_usize..27, more in statements()) {
        // What does not fit is an error with a message; nothing panics and nothing wraps around. The builder refuses
        // numbers that are longer still.
        let number = "9".repeat(digits);
        let (whole, part) = number.split_at(point.min(digits).max(digits.saturating_sub(12)));
        let number = format!("{}.{}", if whole.is_empty() { "0" } else { whole }, if part.is_empty() { "0" } else { part });
        let mut all = more;
        all.push(format!("item BP price={number}"));
        all.push(format!("pax8 2026-10 S0 subscription company=Acme product=P1 term=Monthly qty={number} cost=1 total=1"));
        all.push(format!("psa 2026-10 Acme BP qty=1 price=1 amount={number}"));
        let input = Case::read(&text(&all)).input();
        if let Err(error) = reconcile(&input, &Policy::default()) {
            prop_assert!(matches!(error, ReconcileError::OutOfRange(_)), "{error}");
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(statements in statements(), turn in 0_usize..8) {
        let (fixed, mut moved): (Vec<String>, Vec<String>) =
            statements.into_iter().partition(|statement| !is_movable(statement));
        let before: Vec<String> = moved.iter().cloned().chain(fixed.iter().cloned()).collect();
        let turn = turn.min(moved.len());
        moved.rotate_left(turn);
        moved.reverse();
        let after: Vec<String> = fixed.into_iter().chain(moved).collect();
        let ((left_input, left), (right_input, right)) = (run(&text(&before)), run(&text(&after)));
        prop_assert_eq!(left.fingerprint, right.fingerprint);
        prop_assert_eq!(render(&left_input, &left), render(&right_input, &right));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn what_is_billed_as_charged_is_clean(seats in prop::collection::vec(1_u32..500, 1..12), cents in 1_u32..9999) {
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let mut statements = format!("period 2026-10\nitem BP price={price}\nproduct P1 item=BP\n");
        for (at, seats) in seats.iter().enumerate() {
            statements += &format!(
                "company C{at}\nsubscription S{at} company=C{at} product=P1 {seats}\n\
                 pax8 2026-10 S{at} qty={seats} cost={price}\n\
                 agreement L{at} customer=C{at} item=BP qty={seats} price={price} from=2025-01-01\n\
                 psa 2026-10 C{at} BP line=L{at} qty={seats} price={price}\n"
            );
        }
        let (_, report) = run(&statements);
        prop_assert_eq!(report.verdict, Verdict::Clean);
        prop_assert!(report.keys.iter().all(|key| key.class == Class::Matched));
    }

    #[test]
    fn splitting_a_psa_line_changes_no_amount(seats in 2_u32..200, part in 1_u32..200, billed in 2_u32..200) {
        let part = part % billed;
        prop_assume!(part > 0);
        let head = format!(
            "{HEAD}subscription S1 company=Acme product=P1 {seats}\npax8 2026-10 S1 qty={seats} cost=18.50\n\
             agreement L1 customer=Acme item=BP qty={billed} price=22.00 from=2025-01-01\n"
        );
        let line = |quantity: u32| format!("psa 2026-10 Acme BP line=L1 qty={quantity} price=22.00\n");
        let (_, whole) = run(&format!("{head}{}", line(billed)));
        let (_, split) = run(&format!("{head}{}{}", line(part), line(billed - part)));
        let figures = |report: &Report| -> Vec<_> {
            let keys = report.keys.iter().map(|key| (key.cost, key.expected, key.billed, key.class));
            keys.zip(report.discrepancies.iter().map(|one| (one.kind, one.effect)).chain(std::iter::repeat(
                (concord::domain::discrepancy::DiscrepancyType::Rounding, decimal("0")),
            ))).collect()
        };
        prop_assert_eq!(figures(&whole), figures(&split));
        prop_assert_eq!(whole.totals, split.totals);
    }

    #[test]
    fn renaming_changes_nothing_but_the_names(statements in statements()) {
        let before = text(&statements);
        // Each in an order of its own, so that nothing hangs on who comes first.
        let rename = |text: &str, names: &[(&str, &str)]| -> String {
            let word = |word: &str| -> String {
                let (name, value) = word.split_once('=').map_or(("", word), |(name, value)| (name, value));
                let value = names.iter().find(|(old, _)| *old == value).map_or(value, |(_, new)| *new);
                if name.is_empty() { value.to_owned() } else { format!("{name}={value}") }
            };
            let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
            text.lines().map(line).collect::<Vec<_>>().join("\n")
        };
        let customers = rename(&before, &[("Acme", "Zeta"), ("Beta", "Alfa"), ("Gone", "Back"), ("Own", "Mine")]);
        let items = rename(&before, &[("BP", "ZZ"), ("BS", "AA"), ("YR", "MM"), ("AZ", "CC"), ("Desk", "Anvil")]);
        let currency: String = before.lines().map(|line| format!("{line} currency=CAD\n")).collect();
        let (_, report) = run(&before);
        for renamed in [customers, items, currency] {
            let (_, other) = run(&renamed);
            prop_assert_eq!(figures(&report), figures(&other), "{}", renamed);
        }
    }
}

/// What a report says without any name, in an order that depends on none.
fn figures(report: &Report) -> (Vec<String>, Vec<String>, Vec<String>) {
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    let keys = report.keys.iter().map(|key| {
        let (amounts, quantities) = (
            (key.cost, key.expected, key.billed, key.difference, key.margin),
            (key.subscribed_quantity, key.charged_quantity, key.billed_quantity),
        );
        format!("{} {:?} {amounts:?} {quantities:?} {:?}", key.period, key.class, key.reason)
    });
    let found = report
        .discrepancies
        .iter()
        .map(|one| format!("{} {} {} {} {}", one.period, one.kind, one.severity, one.effect, one.cost_effect));
    let footing =
        report.footing.iter().map(|row| format!("{:?} {:?} {} {}", row.side, row.class, row.count, row.amount));
    (sorted(keys.collect()), sorted(found.collect()), sorted(footing.collect()))
}
