//! The seeded world: its size, its sums, its mistakes, and that it is the same everywhere.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use chrono::NaiveDate;
use concord::domain::money::{ExactSum, parse_decimal};
use concord::sandbox::world::{Record, Table};
use concord::sandbox::{DEFAULT_SEED, Kind, World, WorldError, default_today};
use rust_decimal::Decimal;

fn seeded(seed: u64) -> World {
    World::seeded(seed, default_today()).expect("the default day is a good one")
}

/// The default world, made once.
fn usual() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| seeded(DEFAULT_SEED))
}

fn number(record: &Record, name: &str) -> Decimal {
    parse_decimal(&record.text(name).unwrap_or_default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn lines_of(invoice: &Record) -> Table {
    let members = invoice.members();
    let lines: Vec<&serde_json::value::RawValue> = serde_json::from_str(members["lines"].get()).expect("an array");
    let lines: Vec<&str> = lines.iter().map(|line| line.get()).collect();
    Table::read(&lines.join("\n"), "id", "productId").expect("objects")
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let (one, two, other) = (seeded(7), seeded(7), seeded(8));
    assert_eq!(one.files(), two.files());
    assert_eq!(one.planted(), two.planted());
    for path in ["pax8/companies.jsonl", "pax8/subscriptions.jsonl", "psa/invoices.jsonl"] {
        assert_ne!(one.files()[path], other.files()[path], "{path}");
    }
}

#[test]
fn the_world_has_the_promised_size_whatever_the_seed() {
    for seed in [0, 1] {
        let world = seeded(seed);
        let sizes = [&world.companies, &world.products, &world.subscriptions, &world.invoices, &world.customers];
        let sizes = sizes.map(|table| table.all().len());
        assert!(
            sizes[0] >= 120 && sizes[1] >= 150 && sizes[2] >= 600 && sizes[3] == 6 && sizes[4] >= 140,
            "seed {seed}: {sizes:?}"
        );
    }
}

#[test]
fn every_kind_of_discrepancy_is_planted() {
    for seed in 0..4 {
        let world = seeded(seed);
        let planted: BTreeSet<Kind> = world.planted().iter().map(|planted| planted.kind).collect();
        let missing: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !planted.contains(kind)).collect();
        assert!(missing.is_empty(), "seed {seed} lacks {missing:?}");
    }
}

#[test]
fn invoices_are_the_sums_of_their_lines() {
    let world = usual();
    for invoice in world.invoices.all() {
        let items = world.invoice_items[invoice.id()].all();
        let sum = ExactSum::of(items.iter().map(|item| number(item, "amountDue"))).and_then(ExactSum::total);
        assert_eq!(sum, Ok(number(invoice, "total")), "{}", invoice.raw());
    }
    for invoice in world.psa_invoices.all() {
        let lines = lines_of(invoice);
        let sum = ExactSum::of(lines.all().iter().map(|line| number(line, "amount"))).and_then(ExactSum::total);
        assert_eq!(sum, Ok(number(invoice, "total")), "{}", invoice.raw());
    }
}

#[test]
fn arrears_are_the_rounded_sum_of_their_use() {
    let world = usual();
    let mut checked = 0;
    for items in world.invoice_items.values() {
        for item in items.all().iter().filter(|item| item.text("term").as_deref() == Some("Arrears")) {
            let (subscription, end) = (item.text("subscriptionId").expect("given"), item.text("endPeriod"));
            let used = world.usage_summaries.group(&subscription).into_iter().flat_map(|summary| {
                world.usage_lines.group(summary.id()).into_iter().filter(|line| line.text("usageDate") == end)
            });
            let sum = ExactSum::of(used.map(|line| number(line, "partnerTotal"))).and_then(ExactSum::total);
            let sum =
                sum.expect("small").round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
            assert_eq!(sum, number(item, "costTotal"), "{}", item.raw());
            checked += 1;
        }
    }
    assert!(checked >= 30, "only {checked} lines of use");
}

#[test]
fn today_moves_every_date() {
    let day = NaiveDate::from_ymd_opt(2027, 3, 3).expect("a day");
    let world = World::seeded(DEFAULT_SEED, day).expect("a good day");
    let dates: BTreeSet<String> = world.invoices.all().iter().filter_map(|one| one.text("invoiceDate")).collect();
    assert_eq!(dates.into_iter().collect::<Vec<_>>(), ["2027-01-05", "2027-02-05", "2027-03-03"]);
    let planted: BTreeSet<String> = world.planted().iter().map(|planted| planted.period.to_string()).collect();
    assert_eq!(planted.into_iter().collect::<Vec<_>>(), ["2027-01", "2027-02", "2027-03"]);
    let far = NaiveDate::from_ymd_opt(9000, 1, 1).expect("a day");
    assert!(matches!(World::seeded(1, far), Err(WorldError::Day(_))));
}

#[test]
fn the_first_of_a_leap_day_month_and_a_year_end_make_worlds_too() {
    for (year, month, day) in [(2028, 2, 29), (2026, 12, 31), (2027, 1, 1)] {
        let day = NaiveDate::from_ymd_opt(year, month, day).expect("a day");
        let world = World::seeded(3, day).expect("a good day");
        assert_eq!(world.invoices.all().len(), 6, "{day}");
    }
}

#[test]
fn a_written_world_is_read_back_the_same() {
    let world = usual();
    let directory = tempfile::tempdir().expect("a directory");
    world.write_to(directory.path()).expect("written");
    let read = World::from_directory(directory.path()).expect("read");
    assert_eq!(read.files(), world.files());
    assert_eq!(
        (&read.invoice_items, &read.orders, &read.history),
        (&world.invoice_items, &world.orders, &world.history)
    );
}

#[test]
fn a_directory_may_lack_files_and_a_bad_line_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let pax8 = directory.path().join("pax8");
    std::fs::create_dir(&pax8).expect("made");
    std::fs::write(pax8.join("companies.jsonl"), "{\"id\":\"a\",\"name\":\"Alder Peak\"}\n\n").expect("written");
    let world = World::from_directory(directory.path()).expect("read");
    assert_eq!((world.companies.all().len(), world.customers.all().len()), (1, 0));
    std::fs::write(pax8.join("products.jsonl"), "{\"id\":\"p\"}\n{\"id\":\n").expect("written");
    let error = World::from_directory(directory.path()).expect_err("a bad line").to_string();
    assert!(error.starts_with("cannot read line 2 of `pax8/products.jsonl`"), "{error}");
    assert!(World::from_directory(&directory.path().join("nowhere")).is_err());
}

#[test]
fn everything_invented_is_marked_as_such() {
    let world = usual();
    for company in world.companies.all() {
        let website = company.text("website").unwrap_or_default();
        assert!(website.is_empty() || website.ends_with(".example"), "{website}");
        let phone = company.text("phone").unwrap_or_default();
        assert!(phone.is_empty() || phone.contains("-555-01") || phone.starts_with("+44 1632 960"), "{phone}");
    }
}

#[test]
fn mistakes_of_the_vendor_have_a_cost_effect_and_the_others_an_effect() {
    for planted in usual().planted() {
        let is_vendors = matches!(planted.kind, Kind::VendorDuplicateCharge | Kind::VendorQuantityMismatch);
        assert_eq!(planted.effect.is_zero(), is_vendors, "{planted:?}");
        assert_eq!(planted.cost_effect > Decimal::ZERO, is_vendors, "{planted:?}");
    }
}

/// `CONCORD_WRITE_WORLD=DIR cargo test --test it write_world -- --ignored` leaves the default world in DIR.
#[test]
#[ignore = "writes a directory for a person to look at"]
fn write_world() {
    let directory = std::env::var_os("CONCORD_WRITE_WORLD").expect("a directory to write to");
    let world = usual();
    world.write_to(directory.as_ref()).expect("written");
    let planted: Vec<String> = world.planted().iter().map(|one| format!("{one:?}")).collect();
    std::fs::write(std::path::Path::new(&directory).join("planted.txt"), planted.join("\n")).expect("written");
}
