//! The number of SQL statements of a page does not grow with the page.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::harness::{self, Client, Program, each_database};

/// Pages with everything that an item refers to.
const PAGES: &[(&str, &str)] = &[
    (
        "integrations",
        "query($first: Int!) { integrations(first: $first) { totalCount nodes {
            id pax8Account { status } psaAccount { status }
        } } }",
    ),
    (
        "companies",
        "query($first: Int!) { integration { pax8Companies(first: $first) { totalCount nodes {
            id name exclusion { reason } mapping { id psaCustomer { name exclusion { reason } } }
        } } } }",
    ),
    (
        "candidates",
        "query($first: Int!) { integration { pax8Companies(first: $first) { nodes {
            mappingCandidates { psaCustomer { name } confidence { level } }
        } } } }",
    ),
    (
        "customers",
        "query($first: Int!) { integration { psaCustomers(first: $first) { nodes {
            id name exclusion { reason } mappings { id pax8Company { name } }
        } } } }",
    ),
    (
        "pax8 products",
        "query($first: Int!) { integration { pax8Products(first: $first) { nodes {
            id name exclusion { reason } mappings { id psaProduct { name } } mappingCandidates { psaProduct { name } }
        } } } }",
    ),
    (
        "psa products",
        "query($first: Int!) { integration { psaProducts(first: $first) { nodes {
            id name exclusion { reason } mappings { id pax8Product { name } }
        } } } }",
    ),
    (
        "customer mappings",
        "query($first: Int!) { integration { customerMappings(first: $first) { totalCount nodes {
            id explanation { summary } pax8Company { name } psaCustomer { name }
        } } } }",
    ),
    (
        "product mappings",
        "query($first: Int!) { integration { productMappings(first: $first) { totalCount nodes {
            id explanation { summary } pax8Product { name } psaProduct { name }
        } } } }",
    ),
    (
        "subscriptions",
        "query($first: Int!) { pax8Subscriptions(first: $first) { totalCount nodes {
            id quantity pax8Company { name } pax8Product { name } history { quantity }
        } } }",
    ),
    (
        "lines of a report",
        "query($first: Int!) { reconciliationRuns(first: 1) { nodes { report { lines(first: $first) { totalCount nodes {
            class psaCustomer { name } psaProduct { name } pax8Companies { name } pax8Products { name }
            discrepancies { type }
        } } } } } }",
    ),
    (
        "what is behind the lines of a report",
        "query($first: Int!) { reconciliationRuns(first: 1) { nodes { report { lines(first: $first) { totalCount nodes {
            bridge { quantity { amount } other { amount } }
            pax8InvoiceLines { externalId } psaInvoiceLines { externalId }
        } } } } } }",
    ),
    (
        "discrepancies of a report",
        "query($first: Int!) { reconciliationRuns(first: 1) { nodes { report { discrepancies(first: $first) {
            totalCount nodes {
                type psaCustomer { name } psaProduct { name } pax8Company { name } pax8Product { name }
                discrepancy { status firstPeriod }
            }
        } } } } }",
    ),
    (
        "discrepancies",
        "query($first: Int!) { discrepancies(first: $first) { totalCount nodes {
            type psaCustomer { name } psaProduct { name } pax8Company { name } pax8Product { name }
            occurrences { period } notes { text } decision { reason } suppressionRule { reason }
        } } }",
    ),
    (
        "sync runs",
        "query($first: Int!) { integration { syncRuns(first: $first) { totalCount nodes { id results {
            datasets { read }
        } } } } }",
    ),
    (
        "audit events",
        "query($first: Int!) { auditEvents(first: $first) { totalCount nodes { action hash } } }",
    ),
    (
        "API tokens",
        "query($first: Int!) { apiTokens(first: $first) { totalCount nodes { name roles createdBy lastUsedAt } } }",
    ),
];

/// The number of items of the innermost page.
fn items(data: &Value) -> usize {
    match data {
        Value::Object(fields) => match fields.get("nodes").and_then(Value::as_array) {
            // The list of runs is only the way to the report.
            Some(nodes) if nodes.len() == 1 && nodes[0].get("report").is_some() => items(&nodes[0]),
            Some(nodes) => nodes.len(),
            None => fields.values().map(items).max().unwrap_or(0),
        },
        _ => 0,
    }
}

/// The answer to a query, and the fewest statements that it took of several times: workers that look for work in between
/// are counted too, and on a busy machine references that are loaded together may come in two batches.
async fn fewest(admin: &Client, count: &AtomicUsize, document: &str, variables: &Value) -> (Value, usize) {
    let (mut data, mut fewest) = (Value::Null, usize::MAX);
    for _ in 0..6 {
        let before = count.load(Ordering::SeqCst);
        data = admin.ask(document, variables.clone()).await;
        fewest = fewest.min(count.load(Ordering::SeqCst) - before);
    }
    (data, fewest)
}

#[tokio::test]
async fn a_larger_page_takes_no_more_statements() {
    for database in each_database().await {
        let (program, count) = Program::start_counting(database).await;
        let admin = program.client("ADMIN").await;
        program.client("VIEWER").await;
        let integration = harness::connected(&program, &admin, "A").await;
        for name in ["B", "C"] {
            harness::integration(&admin, name).await;
        }
        harness::sync(&admin, &integration).await;
        harness::sync(&admin, &integration).await;
        harness::reconciled(&admin, &integration).await;
        // The first request of a token notes its use.
        admin.ask("{ viewer { displayName } }", json!({})).await;
        for (name, document) in PAGES {
            let mut statements = Vec::new();
            let mut sizes = Vec::new();
            for first in [1, 100] {
                let (data, fewest) = fewest(&admin, &count, document, &json!({ "first": first })).await;
                statements.push(fewest);
                sizes.push(items(&data));
            }
            assert_eq!(sizes[0], 1, "{name}");
            assert!(sizes[1] > 1, "{name} has several items");
            // An idle worker looks for work once a second; it may fall into one of the two all the same.
            let growth = statements[1].abs_diff(statements[0]);
            assert!(growth <= 1, "{name}: {statements:?} statements for pages of {sizes:?}");
            assert!(statements[0] < 20, "{name}: {statements:?}");
        }
        nodes_of_every_kind(&admin, &count).await;
        program.stop().await;
    }
}

/// Some objects of every kind that has an id, by kind.
async fn known_ids(admin: &Client) -> Vec<Vec<Value>> {
    let document = "{
        integrations { nodes { id pax8Account { id } psaAccount { id } } }
        integration {
            syncRuns { nodes { id } } pax8Companies { nodes { id } } psaCustomers { nodes { id } }
            pax8Products { nodes { id } } psaProducts { nodes { id } }
            customerMappings { nodes { id } } productMappings { nodes { id } }
        }
        reconciliationRuns { nodes { id report { id } } }
        discrepancies { nodes { id } } pax8Subscriptions { nodes { id } } auditEvents { nodes { id } }
        apiTokens { nodes { id } }
    }";
    let data = admin.ask(document, json!({})).await;
    let ids = |list: &Value, field: &str| -> Vec<Value> {
        let nodes = list["nodes"].as_array().expect("a page").iter();
        nodes.map(|node| node.pointer(field).expect("an id").clone()).collect()
    };
    let mut kinds = vec![
        ids(&data["integrations"], "/id"),
        ids(&data["integrations"], "/pax8Account/id"),
        ids(&data["reconciliationRuns"], "/id"),
        ids(&data["reconciliationRuns"], "/report/id"),
    ];
    kinds.extend(data["integration"].as_object().expect("an integration").values().map(|list| ids(list, "/id")));
    let lists = ["discrepancies", "pax8Subscriptions", "auditEvents", "apiTokens"];
    kinds.extend(lists.into_iter().map(|list| ids(&data[list], "/id")));
    let company = data["integration"]["pax8Companies"]["nodes"][0]["id"].clone();
    let input = json!({ "recordId": company, "reason": "NOT_RESOLD" });
    let excluded = admin.done("exclusionCreate", "exclusion { id }", input).await;
    kinds.push(vec![excluded["exclusion"]["id"].clone()]);
    kinds
}

/// However many objects of a kind are asked for by their ids, and in whatever order, one statement reads them.
async fn nodes_of_every_kind(admin: &Client, count: &AtomicUsize) {
    let kinds = known_ids(admin).await;
    assert_eq!(kinds.len(), 16, "the kinds that have ids");
    let longest = kinds.iter().map(Vec::len).max().expect("there are kinds");
    let one: Vec<&Value> = kinds.iter().map(|ids| &ids[0]).collect();
    let many: Vec<&Value> = (0..longest).flat_map(|at| kinds.iter().filter_map(move |ids| ids.get(at))).collect();
    let many = &many[..many.len().min(100)];
    assert!(many.len() > 2 * one.len(), "{}", many.len());
    let mut statements = Vec::new();
    for ids in [&one[..], many] {
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let (data, fewest) = fewest(admin, count, document, &json!({ "ids": ids })).await;
        statements.push(fewest);
        let found: Vec<&Value> = data["nodes"].as_array().expect("a list").iter().map(|node| &node["id"]).collect();
        assert_eq!(found, ids, "in the order in which they were asked for");
    }
    assert!(
        statements[1].abs_diff(statements[0]) <= 1,
        "{statements:?} statements for {} and {}",
        one.len(),
        many.len()
    );
    assert!(statements[0] < 24, "{statements:?}");
}
