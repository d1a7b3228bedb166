//! The mapping engine on fixtures a person can read, and its properties on arbitrary input.
//!
//! A fixture has the records of both sides, `---`, and the expected verdicts, one line for each. See `check_customers`
//! and `check_products`; a new case is a new file in `tests/fixtures/matching`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use concord::domain::id::ExternalId;
use concord::domain::money::{Currency, parse_decimal};
use concord::domain::record::{Address, BillCycle, BillingTerm, Cost, Known, Price};
use concord::engine::matching::{
    Candidate, Confidence, CustomerInput, CustomerMatch, CustomerMatcher, CustomerMatches, Decisions, ExclusionReason,
    ItemRecord, MatchingPolicy, OpenReason, Outcome, PartyRecord, ProductInput, ProductMatcher, ProductMatches,
    ProductRecord, ProductTerm, SignalKind, SoldVariant, Standing, Touched, VariantPrice, customer_digests,
    item_digests, match_customers, match_products, match_touched_customers, match_touched_products,
};
use proptest::prelude::*;

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/matching").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .expect("a folder of fixtures")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The fields of a line such as `psa 7 | Acme LLC | phone=236-555-0100 | status=inactive`.
struct Line<'a> {
    side: &'a str,
    key: &'a str,
    name: &'a str,
    fields: BTreeMap<&'a str, &'a str>,
    rest: Vec<&'a str>,
}

fn line(text: &str) -> Line<'_> {
    let mut parts = text.split('|').map(str::trim);
    let mut head = parts.next().unwrap_or_default().split_whitespace();
    let (side, key) = (head.next().unwrap_or_default(), head.next().unwrap_or_default());
    let name = parts.next().unwrap_or_default();
    let (mut fields, mut rest) = (BTreeMap::new(), Vec::new());
    for part in parts {
        match part.split_once('=') {
            Some((field, value)) => {
                fields.insert(field, value);
            }
            None => rest.push(part),
        }
    }
    Line { side, key, name, fields, rest }
}

#[derive(Default)]
struct Customers {
    companies: Vec<PartyRecord>,
    customers: Vec<PartyRecord>,
    decisions: Decisions<ExternalId>,
    policy: MatchingPolicy,
}

impl Customers {
    fn read(text: &str) -> Self {
        let mut world = Self::default();
        for text in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let line = line(text);
            match line.side {
                "pax8" => world.companies.push(party(&line)),
                "psa" => world.customers.push(party(&line)),
                "confirmed" => world.decisions.confirmed.push((line.key.into(), line.name.into())),
                "rejected" => world.decisions.rejected.push((line.key.into(), line.name.into())),
                "own" => world.policy.own_names.push(line.name.to_owned()),
                other => panic!("`{other}` does not start a line of a fixture"),
            }
        }
        world
    }

    fn matches(&self) -> CustomerMatches {
        match_customers(&self.input())
    }

    fn input(&self) -> CustomerInput<'_> {
        CustomerInput {
            companies: &self.companies,
            customers: &self.customers,
            decisions: &self.decisions,
            policy: &self.policy,
        }
    }
}

fn party(line: &Line<'_>) -> PartyRecord {
    let field = |name: &str| line.fields.get(name).map(|value| (*value).to_owned());
    PartyRecord {
        key: line.key.into(),
        name: line.name.to_owned(),
        references: field("reference").into_iter().collect(),
        website: field("web"),
        emails: field("email").into_iter().collect(),
        phone: field("phone"),
        address: Address {
            street: field("street"),
            city: field("city"),
            postal_code: field("zip"),
            ..Address::default()
        },
        standing: match line.fields.get("status") {
            None => Standing::Active,
            Some(&"prospect") => Standing::Prospect,
            Some(&"inactive") => Standing::Inactive,
            Some(&"deleted") => Standing::Deleted,
            Some(other) => panic!("`{other}` is no status"),
        },
        parent: field("parent").map(ExternalId::from),
        has_agreements: line.fields.get("agreements").map(|value| *value == "yes"),
        is_billed_by_pax8: line.rest.contains(&"billed by pax8"),
        is_own: line.rest.contains(&"owner"),
    }
}

fn describe(outcome: &Outcome, candidates: &[Candidate]) -> String {
    let best = candidates.first();
    match outcome {
        Outcome::Confirmed { target } => format!("confirmed {target}"),
        Outcome::Mapped { target, .. } => format!("mapped {target}"),
        Outcome::Open { reason: OpenReason::NoCandidate } => "open, no candidate".to_owned(),
        Outcome::Open { reason: OpenReason::BelowFloor } => {
            format!("open, {} is not sure enough", best.map_or(String::new(), |best| best.target.to_string()))
        }
        Outcome::Open { reason: OpenReason::Ambiguous } => {
            let names: Vec<String> = candidates.iter().take(2).map(|candidate| candidate.target.to_string()).collect();
            format!("open between {}", names.join(" and "))
        }
        Outcome::Open { reason: OpenReason::Vetoed } => {
            let best = best.expect("a veto has a candidate");
            let veto = best.explanation.veto.as_ref().expect("a vetoed candidate has its veto");
            format!("open, not {}: {veto}", best.target)
        }
    }
}

fn check(path: &Path, expected: &str, found: &[String]) {
    let expected: Vec<&str> = expected.trim().lines().collect();
    assert_eq!(found, expected, "in {}", path.display());
}

fn check_customers(path: &Path) {
    let text = std::fs::read_to_string(path).expect("a fixture");
    let (given, expected) = text.split_once("---\n").expect("a fixture has a line `---`");
    let result = Customers::read(given).matches();
    let mut found: Vec<String> = Vec::new();
    for verdict in &result.matches {
        let exclusion = match verdict.exclusion {
            None => "",
            Some(ExclusionReason::InternalUse) => " (internal use)",
            Some(ExclusionReason::BilledByPax8) => " (billed by Pax8)",
        };
        found.push(format!("{} {}{exclusion}", verdict.company, describe(&verdict.outcome, &verdict.candidates)));
    }
    for duplicate in &result.duplicates {
        let others: Vec<String> = duplicate.others.iter().map(ToString::to_string).collect();
        found.push(format!("{} is duplicated by {}", duplicate.counts, others.join(", ")));
    }
    check(path, expected, &found);
}

#[test]
fn customers_as_in_the_fixtures() {
    for path in fixtures("customers") {
        check_customers(&path);
    }
}

#[derive(Default)]
struct Products {
    products: Vec<ProductRecord>,
    items: Vec<ItemRecord>,
    decisions: Decisions<ProductTerm>,
    policy: MatchingPolicy,
}

/// Reads `P1`, or `P1 Monthly/1-Year`.
fn product_term(key: &str, term: &str) -> ProductTerm {
    match term.split_once('/') {
        None => ProductTerm::whole(key.into()),
        Some((billing, commitment)) => ProductTerm {
            product: key.into(),
            billing_term: BillingTerm::parse(billing).known().copied(),
            commitment_term: Some(commitment.to_owned()),
        },
    }
}

impl Products {
    fn read(text: &str) -> Self {
        let mut world = Self::default();
        for text in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let line = line(text);
            match line.side {
                "pax8" => world.products.push(product(&line)),
                "psa" => world.items.push(item(&line)),
                "confirmed" => world.decisions.confirmed.push((product_term(line.key, line.name), line.rest[0].into())),
                "rejected" => world.decisions.rejected.push((product_term(line.key, line.name), line.rest[0].into())),
                other => panic!("`{other}` does not start a line of a fixture"),
            }
        }
        world
    }

    fn matches(&self) -> ProductMatches {
        match_products(&self.input())
    }

    fn input(&self) -> ProductInput<'_> {
        ProductInput { products: &self.products, items: &self.items, decisions: &self.decisions, policy: &self.policy }
    }
}

/// Terms stand in parts of their own: `Monthly/1-Year cost 5.54 price 6.30`.
fn product(line: &Line<'_>) -> ProductRecord {
    let variant = |text: &&str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let amount = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            Some(parse_decimal(words[at + 1]).expect("an amount"))
        };
        let term = product_term(line.key, words[0]);
        SoldVariant {
            billing_term: term.billing_term,
            commitment_term: term.commitment_term,
            prices: vec![VariantPrice {
                currency: Some(Currency::USD),
                cost: amount("cost").map(Cost),
                price: amount("price").map(Price),
            }],
        }
    };
    ProductRecord {
        key: line.key.into(),
        name: line.name.to_owned(),
        vendor: line.fields.get("vendor").map(|vendor| (*vendor).to_owned()),
        part_numbers: line.fields.get("sku").map(|sku| (*sku).to_owned()).into_iter().collect(),
        variants: line.rest.iter().map(variant).collect(),
    }
}

fn item(line: &Line<'_>) -> ItemRecord {
    let field = |name: &str| line.fields.get(name).map(|value| (*value).to_owned());
    let amount = |name: &str| line.fields.get(name).map(|value| parse_decimal(value).expect("an amount"));
    ItemRecord {
        key: line.key.into(),
        name: line.name.to_owned(),
        identifier: field("code"),
        vendor: field("vendor"),
        category: field("category"),
        part_numbers: field("part").into_iter().collect(),
        price: amount("price").map(Price),
        cost: amount("cost").map(Cost),
        currency: Some(Currency::USD),
        bill_cycle: line.fields.get("cycle").map(|cycle| match *cycle {
            "monthly" => BillCycle::Monthly,
            "annual" => BillCycle::Annual,
            "once" => BillCycle::OneTime,
            "usage" => BillCycle::Usage,
            other => panic!("`{other}` is no bill cycle"),
        }),
        is_active: !line.rest.contains(&"inactive"),
    }
}

fn check_products(path: &Path) {
    let text = std::fs::read_to_string(path).expect("a fixture");
    let (given, expected) = text.split_once("---\n").expect("a fixture has a line `---`");
    let result = Products::read(given).matches();
    let found: Vec<String> = result
        .matches
        .iter()
        .map(|verdict| {
            let term = &verdict.term;
            let term = match (term.billing_term, &term.commitment_term) {
                (Some(billing), commitment) => {
                    format!(" {}/{}", billing.as_str(), commitment.as_deref().unwrap_or("none"))
                }
                (None, _) => String::new(),
            };
            format!("{}{term} {}", verdict.term.product, describe(&verdict.outcome, &verdict.candidates))
        })
        .collect();
    check(path, expected, &found);
}

#[test]
fn products_as_in_the_fixtures() {
    for path in fixtures("products") {
        check_products(&path);
    }
}

#[test]
fn an_explanation_names_values_weights_runner_up_and_version() {
    let world = Customers::read(
        "pax8 a | Acme Plumbing LLC | phone=236-555-0100 | web=acmeplumbing.example\n\
         psa 1 | Acme Plumbing | phone=(236) 555-0100 | web=www.acmeplumbing.example\n\
         psa 2 | Acme Roofing | phone=(236) 555-0199\n",
    );
    let result = world.matches();
    let Outcome::Mapped { target, confidence, explanation } = &result.matches[0].outcome else {
        panic!("{:?}", result.matches[0].outcome)
    };
    assert_eq!(target.as_str(), "1");
    assert!(*confidence >= Confidence::from_millionths(980_000));
    let phone = explanation.signals.iter().find(|signal| signal.kind == SignalKind::Phone).expect("telephones agree");
    assert_eq!(
        (phone.left.as_str(), phone.right.as_str(), phone.weight.to_string().as_str()),
        ("2365550100", "2365550100", "+9.000")
    );
    let runner_up = explanation.runner_up.as_ref().expect("there are two customers");
    assert!(runner_up.target.as_str() == "2" && runner_up.distance.millibits() > 0);
    assert_eq!(explanation.rules_version, concord::engine::matching::RULES_VERSION);
    assert_eq!(explanation.summary, "Same name, web domain and telephone.");
}

#[test]
fn one_pair_and_one_record_are_judged_as_in_the_whole_run() {
    let world = Customers::read(
        "pax8 a | Acme Plumbing LLC | phone=236-555-0100\npsa 1 | Acme Plumbing | phone=(236) 555-0100\npsa 2 | Zephyr Dental\n",
    );
    let (input, whole) = (world.input(), world.matches());
    let matcher = CustomerMatcher::new(&input);
    assert_eq!(matcher.candidates_for(&world.companies[0]), whole.matches[0].candidates);
    let pair = matcher.explain_pair(&world.companies[0], &"2".into()).expect("both records exist");
    assert!(pair.confidence < Confidence::from_millionths(1_000), "{}", pair.confidence);
    assert!(matcher.explain_pair(&world.companies[0], &"3".into()).is_none());

    let world = Products::read(
        "pax8 p | Visio Plan 1 | vendor=Microsoft | Monthly/Monthly cost 5.28\npsa 1 | Visio P1 | vendor=Microsoft | cycle=monthly | cost=5.28\n",
    );
    let (input, whole) = (world.input(), world.matches());
    let matcher = ProductMatcher::new(&input);
    let term = product_term("p", "Monthly/Monthly");
    assert_eq!(matcher.candidates_for(&world.products[0], &term), whole.matches[0].candidates);
    assert_eq!(
        matcher.explain_pair(&world.products[0], &term, &"1".into()).as_ref(),
        whole.matches[0].candidates.first()
    );
}

#[test]
fn a_digest_changes_with_what_leads_to_a_record_and_with_who_owns_a_part_number() {
    let world = |text: &str| customer_digests(&Customers::read(text).customers);
    let both = world("psa 1 | Acme\npsa 2 | Old Acme | parent=1\npsa 3 | Zephyr\n");
    let renamed = world("psa 1 | Acme\npsa 2 | Older Acme | parent=1\npsa 3 | Zephyr\n");
    let alone = world("psa 1 | Acme\npsa 3 | Zephyr\n");
    assert!(both[0] != renamed[0] && both[0] != alone[0] && both[2] == renamed[2] && both[2] == alone[1]);
    // Two that lead to each other end somewhere.
    assert_eq!(world("psa 1 | Acme | parent=2\npsa 2 | Acme | parent=1\n").len(), 2);

    let items = |text: &str| {
        let world = Products::read(text);
        item_digests(&world.items, &world.products)
    };
    let owned = items("pax8 p | Visio | sku=ABC-100\npsa 1 | Visio | part=ABC-100\npsa 2 | Project\n");
    let free = items("pax8 p | Visio | sku=ABC-200\npsa 1 | Visio | part=ABC-100\npsa 2 | Project\n");
    assert!(owned[0] != free[0] && owned[1] == free[1]);
}

#[test]
fn only_what_meets_a_change_is_matched_again() {
    let mut world = Customers::read(
        "pax8 a | Acme Plumbing LLC | phone=236-555-0100\npax8 b | Zephyr Dental\npax8 c | Fjord Club\n\
         psa 1 | Acme Plumbing | phone=(236) 555-0100\npsa 2 | Zephyr Dental\npsa 3 | Fjord Club\n",
    );
    let again = |world: &Customers, touched: &Touched| -> Vec<String> {
        let found = match_touched_customers(&world.input(), touched).matches;
        found.into_iter().map(|verdict| verdict.company.to_string()).collect()
    };
    assert!(again(&world, &Touched::default()).is_empty());
    world.customers[1].name = "Zephyr Dentistry".into();
    assert_eq!(again(&world, &Touched { psa: ["2".into()].into(), ..Touched::default() }), ["b"]);
    assert_eq!(again(&world, &Touched { pax8: ["c".into()].into(), ..Touched::default() }), ["c"]);
    // A company that shares a telephone with a changed one no longer has it for itself.
    world.companies[2].phone = Some("236-555-0100".into());
    assert_eq!(again(&world, &Touched { pax8: ["c".into()].into(), ..Touched::default() }), ["a", "c"]);

    let world = Products::read(
        "pax8 p | Visio Plan 1 | vendor=Microsoft | Monthly/Monthly cost 5.28\npax8 q | Huntress EDR | vendor=Huntress | Monthly/Monthly\n\
         psa 1 | Visio P1 | vendor=Microsoft | cycle=monthly\npsa 2 | Huntress EDR | cycle=monthly\n",
    );
    let touched = Touched { psa: ["1".into()].into(), ..Touched::default() };
    let found = match_touched_products(&world.input(), &touched).matches;
    let products: Vec<String> = found.iter().map(|verdict| verdict.term.product.to_string()).collect();
    assert_eq!(products, ["p"]);
    assert_eq!(found[0], world.matches().matches[0]);
}

const NAMES: &[&str] = &[
    "Acme Plumbing LLC",
    "Acme Plumbing Group",
    "Zephyr Dental Inc",
    "Zephyr Dental - Tucson",
    "Kestrel Law LLP #2",
    "Kestrel Law LLP",
    "Müller & Söhne GmbH",
    "Mueller Soehne",
    "Quartz dba Onyx Pizza",
    "Onyx Pizza",
];

fn parties() -> impl Strategy<Value = Vec<PartyRecord>> {
    let record = (0..NAMES.len(), 0..6_u32, 0..4_u32, any::<bool>()).prop_map(|(name, phone, zip, has_web)| {
        let text = format!("pax8 x | {} | phone=236-555-010{phone} | zip=8570{zip}", NAMES[name]);
        let mut record = party(&line(&text));
        record.website =
            has_web.then(|| format!("https://{}{phone}.example", &NAMES[name][..4].to_lowercase().replace(' ', "")));
        record
    });
    proptest::collection::vec(record, 1..9).prop_map(|mut records| {
        for (position, record) in records.iter_mut().enumerate() {
            record.key = format!("{position}").into();
        }
        records
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rows_does_not_matter(companies in parties(), customers in parties()) {
        let mut world = Customers { companies, customers, ..Customers::default() };
        let forward = world.matches();
        world.companies.reverse();
        world.customers.reverse();
        prop_assert_eq!(forward, world.matches());
    }

    #[test]
    fn a_rejected_pair_never_returns_and_a_confirmed_one_stays(companies in parties(), customers in parties()) {
        let mut world = Customers { companies, customers, ..Customers::default() };
        let first = world.matches().matches.into_iter().next().expect("there is a company");
        if let Some(best) = first.candidates.first() {
            world.decisions.rejected.push((first.company.clone(), best.target.clone()));
            let after = world.matches();
            prop_assert!(after.matches[0].candidates.iter().all(|candidate| candidate.target != best.target));
            prop_assert!(after.matches[0].outcome.target() != Some(&best.target));
        }
        world.decisions = Decisions { confirmed: vec![(first.company.clone(), "0".into())], rejected: Vec::new() };
        prop_assert_eq!(&world.matches().matches[0].outcome, &Outcome::Confirmed { target: "0".into() });
    }

    #[test]
    fn the_order_of_decisions_does_not_matter_and_none_teach_nothing(
        companies in parties(),
        customers in parties(),
        pairs in proptest::collection::vec((0..8_usize, 0..8_usize, any::<bool>()), 0..6),
    ) {
        let mut world = Customers { companies, customers, ..Customers::default() };
        let untaught = world.matches();
        for (company, customer, is_right) in &pairs {
            let pair = (company.to_string().into(), customer.to_string().into());
            let list = if *is_right { &mut world.decisions.confirmed } else { &mut world.decisions.rejected };
            if !list.iter().any(|(known, _)| *known == pair.0) {
                list.push(pair);
            }
        }
        let forward = world.matches();
        world.decisions.confirmed.reverse();
        world.decisions.rejected.reverse();
        prop_assert_eq!(&forward, &world.matches());
        prop_assert!(forward.lessons.factors.values().all(|factor| (500..=1500).contains(factor)));
        world.decisions = Decisions::default();
        prop_assert_eq!(untaught, world.matches());
    }

    #[test]
    fn a_changed_record_is_matched_alone_and_as_in_a_whole_run(
        companies in parties(),
        customers in parties(),
        others in (parties(), parties()),
    ) {
        let mut world = Customers { companies, customers, ..Customers::default() };
        let before = world.matches();
        let changed = |record: &PartyRecord, key: &PartyRecord| PartyRecord { key: key.key.clone(), ..record.clone() };
        world.companies[0] = changed(&others.0[0], &world.companies[0]);
        world.customers[0] = changed(&others.1[0], &world.customers[0]);
        let (company, customer) = (world.companies[0].key.clone(), world.customers[0].key.clone());
        let names = |verdict: &&CustomerMatch| {
            verdict.outcome.target() == Some(&customer)
                || verdict.candidates.iter().any(|candidate| candidate.target == customer)
        };
        let touched = Touched {
            pax8: [company].into(),
            psa: [customer.clone()].into(),
            named: before.matches.iter().filter(names).map(|verdict| verdict.company.clone()).collect(),
        };
        let (again, whole) = (match_touched_customers(&world.input(), &touched), world.matches());
        let before: BTreeMap<_, _> = before.matches.iter().map(|verdict| (&verdict.company, verdict)).collect();
        let again: BTreeMap<_, _> = again.matches.iter().map(|verdict| (&verdict.company, verdict)).collect();
        for verdict in &whole.matches {
            match again.get(&verdict.company) {
                Some(found) => prop_assert_eq!(*found, verdict),
                None => prop_assert_eq!(verdict.outcome.target(), before[&verdict.company].outcome.target()),
            }
        }
    }

    #[test]
    fn an_unrelated_record_changes_no_verdict(companies in parties(), customers in parties()) {
        let mut world = Customers { companies, customers, ..Customers::default() };
        let before = world.matches();
        world.customers.push(party(&line("psa 99 | Wyvern Xylophones | phone=917-555-0142 | zip=10001 | web=wyvern.example")));
        let after = world.matches();
        for (before, after) in before.matches.iter().zip(&after.matches) {
            prop_assert_eq!(before.outcome.target(), after.outcome.target());
        }
    }

    #[test]
    fn no_name_makes_it_panic(names in proptest::collection::vec("\\PC{0,24}", 1..5), others in proptest::collection::vec(any::<String>(), 1..5)) {
        let record = |(position, name): (usize, &String)| {
            let mut record = party(&line("pax8 x | x"));
            (record.key, record.name, record.website) = (position.to_string().into(), name.clone(), Some(name.clone()));
            (record.phone, record.address.street, record.references) = (Some(name.clone()), Some(name.clone()), vec![name.clone()]);
            record
        };
        let companies = names.iter().enumerate().map(record).collect();
        let customers = others.iter().chain(&names).enumerate().map(record).collect();
        let result = Customers { companies, customers, ..Customers::default() }.matches();
        prop_assert_eq!(result.matches.len(), names.len());
        let product = |(position, name): (usize, &String)| {
            let mut product = product(&line("pax8 p | p | Monthly/1-Year cost 1"));
            (product.key, product.name, product.vendor) = (position.to_string().into(), name.clone(), Some(name.clone()));
            (product.part_numbers, product.variants[0].commitment_term) = (vec![name.clone()], Some(name.clone()));
            product
        };
        let item = |(position, name): (usize, &String)| {
            let mut item = item(&line("psa 1 | i"));
            (item.key, item.name, item.identifier, item.part_numbers) = (position.to_string().into(), name.clone(), Some(name.clone()), vec![name.clone()]);
            item
        };
        let products = Products {
            products: names.iter().enumerate().map(product).collect(),
            items: others.iter().chain(&names).enumerate().map(item).collect(),
            ..Products::default()
        };
        prop_assert_eq!(products.matches().matches.len(), names.len());
    }

    #[test]
    fn products_in_any_order_get_the_same_verdicts(order in Just(PRODUCT_LINES.to_vec()).prop_shuffle()) {
        let text = order.join("\n");
        prop_assert_eq!(Products::read(&text).matches(), Products::read(&PRODUCT_LINES.join("\n")).matches());
    }
}

const PRODUCT_LINES: &[&str] = &[
    "pax8 a | Microsoft 365 E3 [New Commerce Experience] | vendor=Microsoft | Monthly/Monthly cost 38.02 | Annual/1-Year cost 380.16",
    "pax8 b | Microsoft 365 E5 [New Commerce Experience] | vendor=Microsoft | Monthly/Monthly cost 60.19",
    "psa 1 | M365 E3 (Monthly) | cycle=monthly | cost=38.02",
    "psa 2 | M365 E3 (Annual) | cycle=annual | cost=380.16",
    "psa 3 | M365 E5 | cycle=monthly | cost=60.19",
    "psa 4 | M365 E3 (Monthly) | cycle=monthly | cost=38.02",
];

/// Keeps the reading of statuses that a connector could not name: an unknown state is not a closed one.
#[test]
fn an_unknown_status_counts_as_in_use() {
    let record = PartyRecord::from(&concord::domain::record::Company {
        external_id: "a".into(),
        name: "Acme".to_owned(),
        status: Some(Known::Unrecognized("Paused".to_owned())),
        address: Address::default(),
        phone: None,
        website: None,
        partner_reference: Some("A01".to_owned()),
        is_billed_by_pax8: None,
        is_self_service_allowed: None,
        is_order_approval_required: None,
        updated_at: None,
    });
    assert_eq!((record.standing, record.references), (Standing::Active, vec!["A01".to_owned()]));
}
