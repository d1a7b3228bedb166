//! Another organization's ids answer exactly like ids that do not exist: for everything that takes one.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use concord::environment::{Clock, SystemClock};
use serde_json::{Value, json};

use super::harness::{self, Client, Program, each_database};
use super::roles::{TAKES_NO_ID, inputs, unknown};

/// An id of each kind of object that the other organization has.
async fn ids_of(admin: &Client, integration: &harness::Integration, report: &Value) -> BTreeMap<&'static str, Value> {
    let exclude = async |record: &Value| {
        let input = json!({ "recordId": record, "reason": "NOT_RESOLD" });
        admin.done("exclusionCreate", "exclusion { id }", input).await["exclusion"]["id"].take()
    };
    let document = "query($report: ID!) {
        integration {
            syncRuns { nodes { id } } pax8Companies { nodes { id } } psaCustomers { nodes { id } }
            pax8Products { nodes { id } } psaProducts { nodes { id } }
            customerMappings { nodes { id } } productMappings { nodes { id } }
        }
        pax8Subscriptions { nodes { id } }
        reconciliationRuns { nodes { id } }
        reconciliationReport(id: $report) { discrepancies { nodes { discrepancy { id } } } }
        auditEvents { nodes { id } }
        apiTokens { nodes { id } }
    }";
    let found = admin.ask(document, json!({ "report": report })).await;
    let of = &found["integration"];
    let first = |page: &Value| page["nodes"][0]["id"].clone();
    let discrepancy = found["reconciliationReport"]["discrepancies"]["nodes"][0]["discrepancy"]["id"].clone();
    let today = Clock::now(&SystemClock).date_naive();
    let input = json!({
        "integrationId": integration.id, "types": ["COST_INCREASE"], "reason": "Known.", "expiresOn": today.to_string(),
    });
    let rule =
        admin.done("suppressionRuleCreate", "suppressionRule { id }", input).await["suppressionRule"]["id"].take();
    let ids = BTreeMap::from([
        ("integration", integration.id.clone()),
        ("provider_account", integration.psa.clone()),
        ("sync_run", first(&of["syncRuns"])),
        ("pax8_company", first(&of["pax8Companies"])),
        ("pax8_product", first(&of["pax8Products"])),
        ("pax8_subscription", first(&found["pax8Subscriptions"])),
        ("psa_customer", first(&of["psaCustomers"])),
        ("psa_product", first(&of["psaProducts"])),
        ("customer_mapping", first(&of["customerMappings"])),
        ("product_mapping", first(&of["productMappings"])),
        ("exclusion", exclude(&of["pax8Companies"]["nodes"][3]["id"]).await),
        ("reconciliation_run", first(&found["reconciliationRuns"])),
        ("reconciliation_report", report.clone()),
        ("discrepancy", discrepancy),
        ("suppression_rule", rule),
        ("audit_event", first(&found["auditEvents"])),
        ("api_token", first(&found["apiTokens"])),
    ]);
    for (kind, id) in &ids {
        assert!(id.is_string(), "there is an object of the kind `{kind}`");
        assert!(harness::is_global_id(id, kind), "{id} is the id of a `{kind}`");
    }
    ids
}

/// Every query that takes an id, with the kind of it.
const QUERIES: &[(&str, &str, &str)] = &[
    ("integration", "integration", "integration(id: $id) { id }"),
    ("syncRun", "sync_run", "syncRun(id: $id) { id }"),
    ("mapping", "customer_mapping", "mapping(id: $id) { id }"),
    ("mapping", "product_mapping", "mapping(id: $id) { id }"),
    ("billingPeriods", "integration", "billingPeriods(integrationId: $id) { totalCount nodes { period } }"),
    (
        "billingTrend",
        "integration",
        "billingTrend(integrationId: $id, periodFrom: \"2026-10\", periodTo: \"2026-10\") { label }",
    ),
    ("reconciliationPolicy", "integration", "reconciliationPolicy(integrationId: $id) { version }"),
    ("reconciliationPolicies", "integration", "reconciliationPolicies(integrationId: $id) { totalCount }"),
    ("suppressionRules", "integration", "suppressionRules(integrationId: $id) { totalCount nodes { id } }"),
    ("discrepancy", "discrepancy", "discrepancy(id: $id) { id }"),
    ("discrepancies", "integration", "discrepancies(integrationId: $id) { totalCount nodes { id } }"),
    ("latestReconcilableMonth", "integration", "latestReconcilableMonth(integrationId: $id)"),
    ("pax8Subscriptions", "integration", "pax8Subscriptions(integrationId: $id) { totalCount nodes { id } }"),
    ("reconciliationReport", "reconciliation_report", "reconciliationReport(id: $id) { id }"),
    ("reconciliationRun", "reconciliation_run", "reconciliationRun(id: $id) { id }"),
    ("reconciliationRuns", "integration", "reconciliationRuns(integrationId: $id) { totalCount nodes { id } }"),
    ("auditEvents", "integration", "auditEvents(filter: { subjectId: $id }) { totalCount nodes { id } }"),
    (
        "integrations",
        "pax8_company",
        "integrations { nodes { customerMappings(filter: { pax8RecordIds: [$id] }) { totalCount } } }",
    ),
    (
        "integrations",
        "psa_customer",
        "integrations { nodes { customerMappings(filter: { psaRecordIds: [$id] }) { totalCount } } }",
    ),
    (
        "integrations",
        "pax8_product",
        "integrations { nodes { productMappings(filter: { pax8RecordIds: [$id] }) { totalCount } } }",
    ),
];

const SUBSCRIPTIONS: &[(&str, &str, &str)] = &[
    ("syncRunEvents", "sync_run", "syncRunEvents(syncRunId: $id) { __typename }"),
    ("providerAccountChanged", "provider_account", "providerAccountChanged(providerAccountId: $id) { id }"),
    (
        "reconciliationRunEvents",
        "reconciliation_run",
        "reconciliationRunEvents(reconciliationRunId: $id) { __typename }",
    ),
];

/// Names of the fields of a root that take an id as an argument of their own.
fn fields_with_ids(root: &str) -> Vec<String> {
    let document = parse_schema(concord::graphql::sdl()).expect("the exported schema is a schema");
    let found = document.definitions.into_iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(found) if found.node.name.node == root => Some(found.node.kind),
        _ => None,
    });
    let Some(TypeKind::Object(object)) = found else { panic!("`{root}` is a root of the schema") };
    let fields = object.fields.into_iter().map(|field| field.node);
    fields
        .filter(|field| field.arguments.iter().any(|argument| argument.node.ty.node.to_string().contains("ID")))
        .map(|field| field.name.node.to_string())
        .collect()
}

/// An answer without what differs from request to request.
fn without(mut answer: Value, id: &Value) -> String {
    if let Some(extensions) = answer.get_mut("extensions") {
        extensions.take();
    }
    answer.to_string().replace(id.as_str().expect("an id is a text"), "ID")
}

#[tokio::test]
async fn foreign_ids_answer_like_ids_that_do_not_exist() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let victim = program.client_of("victim", "ADMIN").await;
        let integration = harness::connected(&program, &victim, "Secret").await;
        harness::sync(&victim, &integration).await;
        let report = harness::reconciled(&victim, &integration).await;
        let ids = ids_of(&victim, &integration, &report).await;

        let rival = program.client_of("rival", "ADMIN").await;
        let own = harness::connected(&program, &rival, "Rival").await;
        harness::sync(&rival, &own).await;
        compare_queries(&rival, &victim, &ids).await;
        compare_mutations(&rival, &own, &ids).await;
        compare_subscriptions(&rival, &ids).await;
        let totals = "{ integrations { totalCount } auditEvents { nodes { after } } }";
        let seen = rival.ask(totals, json!({})).await;
        assert_eq!(seen["integrations"]["totalCount"], 1);
        assert!(!seen.to_string().contains("Secret"), "{seen}");
        program.stop().await;
    }
}

async fn compare_queries(rival: &Client, victim: &Client, ids: &BTreeMap<&'static str, Value>) {
    let mut asked: Vec<&str> = vec!["node", "nodes"];
    for (name, kind, field) in QUERIES {
        asked.push(name);
        let document = format!("query($id: ID!) {{ {field} viewer {{ displayName }} }}");
        let foreign = rival.send(&document, json!({ "id": ids[kind] })).await;
        let missing = rival.send(&document, json!({ "id": unknown(kind) })).await;
        assert_eq!(without(foreign.1, &ids[kind]), without(missing.1, &unknown(kind)), "{document}");
        let owned = victim.ask(&document, json!({ "id": ids[kind] })).await;
        assert!(!owned[name].is_null(), "its owner sees it: {document}");
    }
    for field in fields_with_ids("Query") {
        assert!(asked.contains(&field.as_str()), "`{field}` is not in this test");
    }
    let all: Vec<&Value> = ids.values().collect();
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let owned = victim.ask(document, json!({ "ids": all })).await;
    for (id, found) in all.iter().zip(owned["nodes"].as_array().expect("a list")) {
        assert_eq!(found["id"], **id, "every object with an id is a node");
    }
    let foreign = rival.ask(document, json!({ "ids": all })).await;
    assert!(foreign["nodes"].as_array().expect("a list").iter().all(Value::is_null), "{foreign}");
    for id in all {
        let found = rival.ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(found, json!({ "node": null }));
    }
}

async fn compare_mutations(rival: &Client, own: &harness::Integration, ids: &BTreeMap<&'static str, Value>) {
    let foreign = inputs(|kind| ids[kind].clone());
    let missing = inputs(unknown);
    let answers = async |name: &str, foreign: Value, missing: Value| {
        let (_, foreign) = rival.attempt(name, "", foreign).await;
        let (_, missing) = rival.attempt(name, "", missing).await;
        assert_eq!(foreign, missing, "{name}");
        assert!(foreign.to_string().contains("NOT_FOUND"), "{name}: {foreign}");
    };
    for (name, input) in &foreign {
        // These take no id; bulk answers for each item and is looked at below.
        if !matches!(*name, "apiTokenCreate" | "integrationCreate" | "mappingBulkDecide") && !TAKES_NO_ID.contains(name)
        {
            answers(name, input.clone(), missing[name].clone()).await;
        }
    }
    let document = "mutation($input: MappingBulkDecideInput!) { mappingBulkDecide(input: $input) {
        results { mapping { id } userErrors { code message field } } userErrors { code message field }
    } }";
    let bulk = |id: &Value| json!({ "input": { "mappingIds": [id], "decision": "REJECT" } });
    let (_, refused) = rival.send(document, bulk(&ids["customer_mapping"])).await;
    let (_, unheard_of) = rival.send(document, bulk(&unknown("customer_mapping"))).await;
    assert_eq!(refused, unheard_of);
    assert!(refused.to_string().contains("NOT_FOUND"), "{refused}");

    // One id of one's own and one of somebody else's.
    let of = "query($id: ID!) { integration(id: $id) { pax8Companies { nodes { id } } psaCustomers { nodes { id } }
        pax8Products { nodes { id } } psaProducts { nodes { id } } } }";
    let mine = rival.ask(of, json!({ "id": own.id })).await["integration"].take();
    let first = |list: &str| mine[list]["nodes"][0]["id"].clone();
    let (company, customer) = (first("pax8Companies"), first("psaCustomers"));
    let (product, item) = (first("pax8Products"), first("psaProducts"));
    let pair = |pax8: &Value, psa: &Value| json!({ "pax8CompanyId": pax8, "psaCustomerId": psa });
    let name = "customerMappingCreate";
    answers(name, pair(&company, &ids["psa_customer"]), pair(&company, &unknown("psa_customer"))).await;
    answers(name, pair(&ids["pax8_company"], &customer), pair(&unknown("pax8_company"), &customer)).await;
    let pair = |pax8: &Value, psa: &Value, limit: &Value| json!({ "pax8ProductId": pax8, "psaProductId": psa, "psaCustomerId": limit });
    let name = "productMappingCreate";
    let null = Value::Null;
    answers(name, pair(&product, &ids["psa_product"], &null), pair(&product, &unknown("psa_product"), &null)).await;
    answers(name, pair(&ids["pax8_product"], &item, &null), pair(&unknown("pax8_product"), &item, &null)).await;
    let limited = |id: &Value| pair(&product, &item, id);
    answers(name, limited(&ids["psa_customer"]), limited(&unknown("psa_customer"))).await;
}

async fn compare_subscriptions(rival: &Client, ids: &BTreeMap<&'static str, Value>) {
    let mut followed: Vec<&str> = Vec::new();
    for (name, kind, field) in SUBSCRIPTIONS {
        followed.push(name);
        let document = format!("subscription($id: ID!) {{ {field} }}");
        let mut answers = Vec::new();
        for id in [ids[kind].clone(), unknown(kind)] {
            let mut subscription = rival.subscribe(&document, json!({ "id": id })).await;
            answers.push(subscription.next().await.map(|answer| without(answer, &id)));
        }
        assert_eq!(answers[0], answers[1], "{name}");
        assert!(answers[0].as_ref().is_some_and(|answer| answer.contains("BAD_USER_INPUT")), "{answers:?}");
    }
    for field in fields_with_ids("Subscription") {
        assert!(followed.contains(&field.as_str()), "`{field}` is not in this test");
    }
}
