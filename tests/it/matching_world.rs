//! Measures the engine on a directory with known answers; the directory comes from `CONCORD_DEV_DATA`, and without it
//! nothing is measured. Prints precision and recall of what was mapped, and every wrong or open record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use concord::domain::id::ExternalId;
use concord::domain::money::{Currency, parse_decimal};
use concord::domain::record::{
    Address, BillCycle, BillingTerm, Company, Cost, Customer, CustomerStatus, Known, Pax8Product, Price, PsaProduct,
    VendorPrice,
};
use concord::engine::matching::{
    Candidate, CustomerInput, CustomerMatch, Decisions, ItemRecord, MatchingPolicy, Outcome, PartyRecord, ProductInput,
    ProductMatch, ProductRecord, match_customers, match_products,
};
use rust_decimal::Decimal;
use serde_json::Value;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("a CSV file");
    let header = reader.headers().expect("a header").clone();
    let row =
        |record: csv::StringRecord| header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| row(record.expect("a row"))).collect()
}

fn text(value: &Value, key: &str) -> Option<String> {
    match &value[key] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn company(value: &Value) -> Company {
    let address = &value["address"];
    Company {
        external_id: text(value, "id").expect("an id").into(),
        name: text(value, "name").unwrap_or_default(),
        status: None,
        address: Address {
            street: text(address, "street"),
            street2: text(address, "street2"),
            city: text(address, "city"),
            region: text(address, "stateOrProvince"),
            postal_code: text(address, "postalCode"),
            country: text(address, "country"),
        },
        phone: text(value, "phone"),
        website: text(value, "website"),
        partner_reference: text(value, "externalId"),
        is_billed_by_pax8: value["billOnBehalfOfEnabled"].as_bool(),
        is_self_service_allowed: None,
        is_order_approval_required: None,
        updated_at: None,
    }
}

fn customer(value: &Value) -> Customer {
    let status = match value["status"].as_str().unwrap_or_default() {
        "Active" => Known::Known(CustomerStatus::Active),
        "Prospect" => Known::Known(CustomerStatus::Prospect),
        "Inactive" => Known::Known(CustomerStatus::Inactive),
        other => Known::Unrecognized(other.to_owned()),
    };
    Customer {
        external_id: text(value, "id").expect("an id").into(),
        name: text(value, "name").unwrap_or_default(),
        identifier: text(value, "identifier"),
        status: Some(status),
        kind: text(value, "types"),
        address: Address {
            street: text(value, "addressLine1"),
            street2: text(value, "addressLine2"),
            city: text(value, "city"),
            region: text(value, "state"),
            postal_code: text(value, "zip"),
            country: text(value, "country"),
        },
        phone: text(value, "phoneNumber"),
        website: text(value, "website"),
        email: None,
        account_number: text(value, "accountNumber"),
        currency: None,
        parent_external_id: text(value, "parentId").map(ExternalId::from),
        is_deleted: value["deletedFlag"].as_bool().unwrap_or(false),
        updated_at: None,
    }
}

#[test]
fn customers_of_a_world_with_known_answers() {
    let Some(directory) = std::env::var_os("CONCORD_DEV_DATA") else { return };
    let directory = Path::new(&directory);
    let with_agreements: BTreeSet<String> =
        lines(&directory.join("psa/agreements.jsonl")).iter().filter_map(|line| text(line, "customerId")).collect();
    let companies: Vec<PartyRecord> =
        lines(&directory.join("pax8/companies.jsonl")).iter().map(|line| PartyRecord::from(&company(line))).collect();
    let customers: Vec<PartyRecord> = lines(&directory.join("psa/customers.jsonl"))
        .iter()
        .map(|line| {
            let mut record = PartyRecord::from(&customer(line));
            if !with_agreements.is_empty() {
                record.has_agreements = Some(with_agreements.contains(record.key.as_str()));
            }
            record
        })
        .collect();
    let (decisions, policy) = (Decisions::default(), MatchingPolicy::default());
    let started = std::time::Instant::now();
    let result = match_customers(&CustomerInput {
        companies: &companies,
        customers: &customers,
        decisions: &decisions,
        policy: &policy,
    });
    let elapsed = started.elapsed();
    let by_company: BTreeMap<&str, &CustomerMatch> =
        result.matches.iter().map(|verdict| (verdict.company.as_str(), verdict)).collect();
    let (mut right, mut wrong, mut all) = (0, 0, 0);
    for gold in rows(&directory.join("gold/customer_mapping.csv")) {
        let verdict = by_company[gold["pax8CompanyId"].as_str()];
        let expected = gold["psaCustomerId"].as_str();
        all += usize::from(!expected.is_empty());
        let found = verdict.outcome.target().map(ExternalId::as_str);
        match found {
            Some(target) if target == expected => right += 1,
            Some(_) => wrong += 1,
            None => {}
        }
        if found != Some(expected).filter(|expected| !expected.is_empty()) {
            let kind = if found.is_some() { "WRONG" } else { "open" };
            println!(
                "{kind} {} [{} {}] expected {expected}: {}",
                gold["pax8CompanyName"],
                gold["relation"],
                gold["nameNoise"],
                describe(&verdict.outcome, &verdict.candidates)
            );
        }
    }
    println!("duplicates {:?}", result.duplicates);
    println!(
        "excluded {:?}",
        result
            .matches
            .iter()
            .filter_map(|verdict| verdict.exclusion.map(|reason| (verdict.company.as_str(), reason)))
            .collect::<Vec<_>>()
    );
    report("customers", right, wrong, all);
    println!("in {elapsed:?}");
}

fn report(what: &str, right: usize, wrong: usize, all: usize) {
    println!(
        "{what}: {all} to find, {right} right, {wrong} wrong, precision {:.4}, recall {:.4}",
        right as f64 / (right + wrong).max(1) as f64,
        right as f64 / all.max(1) as f64
    );
}

fn describe(outcome: &Outcome, candidates: &[Candidate]) -> String {
    let reason = match outcome {
        Outcome::Open { reason } => format!("{reason:?}"),
        Outcome::Mapped { target, .. } | Outcome::Confirmed { target } => format!("mapped to {target}"),
    };
    let mut text = reason;
    for candidate in candidates.iter().take(2) {
        text.push_str(&format!(
            "\n     {} {} {}",
            candidate.target, candidate.confidence, candidate.explanation.summary
        ));
        for signal in &candidate.explanation.signals {
            text.push_str(&format!("\n        {} {} | {} | {}", signal.weight, signal.kind, signal.left, signal.right));
        }
    }
    text
}

fn decimal(value: &Value, key: &str) -> Option<Decimal> {
    parse_decimal(&value[key].as_number()?.to_string()).ok()
}

fn products(directory: &Path) -> Vec<ProductRecord> {
    let mut prices: BTreeMap<String, Vec<VendorPrice>> = BTreeMap::new();
    for line in lines(&directory.join("pax8/pricing.jsonl")) {
        for row in line["content"].as_array().expect("prices") {
            let rate = &row["rates"][0];
            let product = text(&line, "productId").expect("a product");
            prices.entry(product.clone()).or_default().push(VendorPrice {
                product_external_id: product.into(),
                billing_term: text(row, "billingTerm").map(|term| BillingTerm::parse(&term)),
                commitment_term: text(row, "commitmentTerm"),
                currency: text(row, "currencyCode").and_then(|code| Currency::parse(&code).ok()),
                range_start: None,
                range_end: None,
                cost: decimal(rate, "partnerBuyRate").map(Cost),
                suggested_price: decimal(rate, "suggestedRetailPrice").map(Price),
                charge_type: None,
            });
        }
    }
    let product = |line: &Value| {
        let product = Pax8Product {
            external_id: text(line, "id").expect("an id").into(),
            name: text(line, "name").unwrap_or_default(),
            vendor_name: text(line, "vendorName"),
            sku: text(line, "sku"),
            vendor_sku: text(line, "vendorSku"),
            short_description: None,
            requires_commitment: None,
        };
        ProductRecord::new(&product, prices.get(product.external_id.as_str()).into_iter().flatten())
    };
    lines(&directory.join("pax8/products.jsonl")).iter().map(product).collect()
}

fn item(line: &Value) -> ItemRecord {
    let cycle = match line["billCycle"].as_str().unwrap_or_default() {
        "Monthly" => Some(BillCycle::Monthly),
        "Annual" => Some(BillCycle::Annual),
        "OneTime" => Some(BillCycle::OneTime),
        "Usage" => Some(BillCycle::Usage),
        _ => None,
    };
    ItemRecord::from(&PsaProduct {
        external_id: text(line, "id").expect("an id").into(),
        name: text(line, "name").unwrap_or_default(),
        identifier: text(line, "identifier"),
        vendor_name: text(line, "vendorName"),
        sku: None,
        vendor_sku: text(line, "manufacturerPartNumber"),
        category: text(line, "category"),
        unit_price: decimal(line, "unitPrice").map(Price),
        unit_cost: decimal(line, "unitCost").map(Cost),
        currency: text(line, "currency").and_then(|code| Currency::parse(&code).ok()),
        bill_cycle: cycle.map(Known::Known),
        markup_percent: None,
        is_active: !line["inactiveFlag"].as_bool().unwrap_or(false),
        updated_at: None,
    })
}

#[test]
fn products_of_a_world_with_known_answers() {
    let Some(directory) = std::env::var_os("CONCORD_DEV_DATA") else { return };
    let directory = Path::new(&directory);
    if !directory.join("gold/product_mapping.csv").exists() {
        return;
    }
    let products = products(directory);
    let items: Vec<ItemRecord> = lines(&directory.join("psa/products.jsonl")).iter().map(item).collect();
    let (decisions, policy) = (Decisions::default(), MatchingPolicy::default());
    let started = std::time::Instant::now();
    let result =
        match_products(&ProductInput { products: &products, items: &items, decisions: &decisions, policy: &policy });
    println!("in {:?}", started.elapsed());
    let by_term: BTreeMap<(String, String, String), &ProductMatch> = result
        .matches
        .iter()
        .map(|verdict| {
            let term = &verdict.term;
            let billing = term.billing_term.map_or("", BillingTerm::as_str).to_owned();
            ((term.product.to_string(), billing, term.commitment_term.clone().unwrap_or_default()), verdict)
        })
        .collect();
    let (mut right, mut wrong, mut all) = (0, 0, 0);
    for gold in rows(&directory.join("gold/product_mapping.csv")) {
        let key = (gold["pax8ProductId"].clone(), gold["billingTerm"].clone(), gold["commitmentTerm"].clone());
        let Some(verdict) = by_term.get(&key) else {
            println!("LOST {key:?}");
            continue;
        };
        let expected = gold["psaProductId"].as_str();
        all += usize::from(!expected.is_empty());
        let found = verdict.outcome.target().map(ExternalId::as_str);
        match found {
            Some(target) if target == expected => right += 1,
            Some(_) => wrong += 1,
            None => {}
        }
        if found != Some(expected).filter(|expected| !expected.is_empty()) {
            let kind = if found.is_some() { "WRONG" } else { "open" };
            println!(
                "{kind} {} {}/{} expected {expected} {} [{}]: {}",
                gold["pax8ProductName"],
                key.1,
                key.2,
                gold["psaName"],
                gold["relation"],
                describe(&verdict.outcome, &verdict.candidates)
            );
        }
    }
    report("products", right, wrong, all);
}

/// `left.csv`, `right.csv` and `gold.csv` of a directory named by `CONCORD_PAIR_DATA`; `CONCORD_PAIR_KIND` says whether
/// the rows are `customers` or `products`.
#[test]
fn pairs_of_a_set_with_known_answers() {
    let Some(directory) = std::env::var_os("CONCORD_PAIR_DATA") else { return };
    let directory = Path::new(&directory);
    let gold: BTreeMap<String, String> = rows(&directory.join("gold.csv"))
        .into_iter()
        .map(|row| (row["left_id"].clone(), row["right_id"].clone()))
        .collect();
    let (left, right) = (rows(&directory.join("left.csv")), rows(&directory.join("right.csv")));
    let started = std::time::Instant::now();
    let verdicts: Vec<(String, Outcome, Vec<Candidate>)> = if std::env::var("CONCORD_PAIR_KIND")
        .is_ok_and(|kind| kind == "products")
    {
        let product = |row: &BTreeMap<String, String>| ProductRecord {
            key: row["id"].as_str().into(),
            name: row["name"].clone(),
            vendor: row.get("vendor").cloned(),
            part_numbers: Vec::new(),
            variants: Vec::new(),
        };
        let item = |row: &BTreeMap<String, String>| ItemRecord {
            key: row["id"].as_str().into(),
            name: row["name"].clone(),
            identifier: None,
            vendor: row.get("vendor").cloned(),
            category: None,
            part_numbers: Vec::new(),
            price: None,
            cost: None,
            currency: None,
            bill_cycle: None,
            is_active: true,
        };
        let (left, right): (Vec<_>, Vec<_>) = (left.iter().map(product).collect(), right.iter().map(item).collect());
        let input = ProductInput {
            products: &left,
            items: &right,
            decisions: &Decisions::default(),
            policy: &MatchingPolicy::default(),
        };
        match_products(&input)
            .matches
            .into_iter()
            .map(|verdict| (verdict.term.product.to_string(), verdict.outcome, verdict.candidates))
            .collect()
    } else {
        let party = |row: &BTreeMap<String, String>| {
            PartyRecord::from(&Customer {
                external_id: row["id"].as_str().into(),
                name: row["name"].clone(),
                address: Address {
                    city: row.get("city").cloned(),
                    region: row.get("state").cloned(),
                    ..Address::default()
                },
                ..customer(&serde_json::json!({"id": "x"}))
            })
        };
        let (left, right): (Vec<_>, Vec<_>) = (left.iter().map(party).collect(), right.iter().map(party).collect());
        let input = CustomerInput {
            companies: &left,
            customers: &right,
            decisions: &Decisions::default(),
            policy: &MatchingPolicy::default(),
        };
        match_customers(&input)
            .matches
            .into_iter()
            .map(|verdict| (verdict.company.to_string(), verdict.outcome, verdict.candidates))
            .collect()
    };
    println!("in {:?}", started.elapsed());
    let name = |rows: &[BTreeMap<String, String>], id: &str| {
        rows.iter().find(|row| row["id"] == id).map_or(String::new(), |row| row["name"].clone())
    };
    let (mut correct, mut wrong, mut first, mut listed) = (0, 0, 0, 0);
    for (id, outcome, candidates) in &verdicts {
        let expected = gold.get(id);
        let is_expected = |candidate: &Candidate| Some(candidate.target.as_str()) == expected.map(String::as_str);
        first += usize::from(candidates.first().is_some_and(is_expected));
        listed += usize::from(candidates.iter().any(is_expected));
        match outcome.target() {
            Some(target) if Some(target.as_str()) == expected.map(String::as_str) => correct += 1,
            Some(target) => {
                wrong += 1;
                println!(
                    "WRONG {} => {} expected {}",
                    name(&left, id),
                    name(&right, target.as_str()),
                    expected.map_or(String::new(), |id| name(&right, id))
                );
            }
            None => {
                if let Some(expected) = expected {
                    let best = candidates.first();
                    println!(
                        "open {} => {} {:?} {}",
                        name(&left, id),
                        name(&right, expected),
                        outcome,
                        best.map_or(String::new(), |best| format!(
                            "{} {} {}",
                            best.confidence,
                            name(&right, best.target.as_str()),
                            best.explanation.summary
                        ))
                    );
                }
            }
        }
    }
    println!("{first} right ones are the first candidate, {listed} are listed");
    report("pairs", correct, wrong, gold.len());
}
