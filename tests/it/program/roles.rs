//! What each role may do, and what it may not: the descriptions of the schema say it, and the program keeps to it.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use super::harness::{self, Client, Program, each_database, error_at};
use crate::postgres;

/// Every role.
pub const ROLES: [&str; 5] = ["VIEWER", "OPERATOR", "FINANCE", "BUYER", "ADMIN"];

/// The fields of a type of the schema.
pub fn fields_of(type_name: &str) -> Vec<FieldDefinition> {
    let document = parse_schema(concord::graphql::sdl()).expect("the exported schema is a schema");
    let found = document.definitions.into_iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(found) if found.node.name.node == type_name => Some(found.node.kind),
        _ => None,
    });
    match found {
        Some(TypeKind::Object(object)) => object.fields.into_iter().map(|field| field.node).collect(),
        _ => panic!("`{type_name}` is an object of the schema"),
    }
}

/// The roles that a description asks for; any of them will do.
fn needed(field: &FieldDefinition) -> Vec<&'static str> {
    named_in(field.description.as_ref().map(|text| text.node.as_str()).unwrap_or_default())
}

/// The roles that a description of the schema asks for; any of them will do.
pub fn named_in(description: &str) -> Vec<&'static str> {
    let words = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((_, after)) = words.split_once("Needs the role ") else { return Vec::new() };
    let sentence = after.split('.').next().unwrap_or_default();
    ROLES.into_iter().filter(|role| sentence.contains(role)).collect()
}

/// An input of each mutation that could be carried out if only its ids existed.
pub fn inputs(id: impl Fn(&str) -> Value) -> BTreeMap<&'static str, Value> {
    let mapping = json!({ "mappingId": id("customer_mapping") });
    BTreeMap::from([
        ("apiTokenCreate", json!({ "name": "", "roles": ["VIEWER"] })),
        ("apiTokenRevoke", json!({ "apiTokenId": id("api_token") })),
        ("customerMappingCreate", json!({ "pax8CompanyId": id("pax8_company"), "psaCustomerId": id("psa_customer") })),
        ("discrepancyAssign", json!({ "discrepancyId": id("discrepancy"), "assignee": "Ada" })),
        ("discrepancyNoteAdd", json!({ "discrepancyId": id("discrepancy"), "text": "Looked at." })),
        ("discrepancyReopen", json!({ "discrepancyId": id("discrepancy") })),
        ("discrepancyResolve", json!({ "discrepancyId": id("discrepancy"), "resolution": "TIMING" })),
        ("discrepancyWriteOff", json!({ "discrepancyId": id("discrepancy"), "reason": "Small." })),
        ("exclusionCreate", json!({ "recordId": id("pax8_company"), "reason": "NOT_RESOLD" })),
        ("exclusionEnd", json!({ "exclusionId": id("exclusion") })),
        ("integrationCreate", json!({ "name": "" })),
        ("integrationDefaultSet", json!({ "integrationId": id("integration") })),
        ("integrationSettingsUpdate", json!({ "integrationId": id("integration"), "debug": true })),
        ("mappingBulkDecide", json!({ "mappingIds": [id("customer_mapping")], "decision": "CONFIRM" })),
        ("mappingConfirm", mapping.clone()),
        (
            "mappingConfirmAll",
            json!({
                "integrationId": id("integration"), "kind": "CUSTOMER", "expectedCount": 0, "expectedFingerprint": "",
            }),
        ),
        ("mappingReject", mapping.clone()),
        ("mappingRemove", mapping.clone()),
        ("mappingReopen", mapping),
        ("mappingsImport", json!({ "integrationId": id("integration"), "customerMappingCsv": "" })),
        ("organizationSettingsUpdate", json!({})),
        ("periodClose", json!({ "integrationId": id("integration"), "period": "2026-10" })),
        ("periodReopen", json!({ "integrationId": id("integration"), "period": "2026-10" })),
        ("periodRequestWithdraw", json!({ "integrationId": id("integration"), "period": "2026-10" })),
        ("pricesImport", json!({ "integrationId": id("integration"), "csv": "" })),
        ("productMappingCreate", json!({ "pax8ProductId": id("pax8_product"), "psaProductId": id("psa_product") })),
        (
            "providerAccountAuthorizationStart",
            json!({ "providerAccountId": id("provider_account"), "application": { "clientId": "app" } }),
        ),
        ("providerAccountDisconnect", json!({ "providerAccountId": id("provider_account") })),
        ("providerAccountMethodSelect", json!({ "providerAccountId": id("provider_account"), "method": "KEYS" })),
        ("providerAccountVerify", json!({ "providerAccountId": id("provider_account") })),
        (
            "providerCredentialsSet",
            json!({
                "providerAccountId": id("provider_account"), "credentials": { "files": { "directory": "nowhere" } },
            }),
        ),
        ("providerWebhookRegister", json!({ "providerAccountId": id("provider_account"), "topics": ["INVOICE"] })),
        ("providerWebhookRemove", json!({ "providerAccountId": id("provider_account") })),
        ("providerWebhookTest", json!({ "providerAccountId": id("provider_account"), "topic": "INVOICE" })),
        ("reconciliationPolicyUpdate", json!({ "integrationId": id("integration"), "name": "Ours" })),
        ("reconciliationRunCancel", json!({ "reconciliationRunId": id("reconciliation_run") })),
        ("reconciliationRunStart", json!({ "integrationId": id("integration") })),
        (
            "suppressionRuleCreate",
            json!({
                "integrationId": id("integration"), "types": ["ROUNDING"], "reason": "Known.",
                "expiresOn": "2026-12-31",
            }),
        ),
        ("suppressionRuleEnd", json!({ "suppressionRuleId": id("suppression_rule") })),
        ("syncRunCancel", json!({ "syncRunId": id("sync_run") })),
        ("syncRunStart", json!({ "integrationId": id("integration") })),
    ])
}

/// Mutations on what the caller belongs to; there is always one.
pub const TAKES_NO_ID: [&str; 1] = ["organizationSettingsUpdate"];

/// An id of an object that does not exist.
pub fn unknown(kind: &str) -> Value {
    harness::global_id(kind, "01890000-0000-7000-8000-000000000000")
}

#[tokio::test]
async fn each_mutation_takes_the_role_that_its_description_names() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let inputs = inputs(unknown);
    let mut clients: Vec<(&str, Client)> = Vec::new();
    for role in ROLES {
        clients.push((role, program.client(role).await));
    }
    for mutation in fields_of("Mutation") {
        let name = mutation.name.node.as_str();
        let needed = needed(&mutation);
        assert!(!needed.is_empty(), "the description of `{name}` names no role");
        let input = inputs.get(name).unwrap_or_else(|| panic!("`{name}` has no input in this test"));
        let selection = if name == "mappingBulkDecide" { "results { userErrors { code } }" } else { "" };
        for (role, client) in &clients {
            let (status, answer) = client.attempt(name, selection, input.clone()).await;
            assert_eq!(status, 200, "{name}: {answer}");
            let is_allowed = *role == "ADMIN" || needed.contains(role);
            if is_allowed {
                assert!(answer.get("errors").is_none(), "{role} may `{name}`: {answer}");
                let payload = &answer["data"][name];
                let errors = if selection.is_empty() { payload } else { &payload["results"][0] };
                let is_done = !harness::codes(errors).is_empty() || TAKES_NO_ID.contains(&name);
                assert!(is_done, "`{name}` found nothing to complain about: {answer}");
            } else {
                let error = error_at(&answer, &json!([name]));
                assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{role} may not `{name}`: {answer}");
                let message = error["message"].as_str().expect("a message");
                assert!(needed.iter().any(|role| message.contains(role)), "`{name}` needs {needed:?}: {message}");
                assert_eq!(answer["data"], json!({ name: null }));
            }
        }
    }
    program.stop().await;
}

/// The input with what only a look at its values finds wrong.
fn malformed(name: &str, input: &Value) -> Value {
    let mut input = input.clone();
    match name {
        "integrationSettingsUpdate" => input["mappingFloor"] = json!("7"),
        "discrepancyResolve" => input["until"] = json!("2026-12-31"),
        "discrepancyWriteOff" => input["reason"] = json!(""),
        "suppressionRuleCreate" => input["types"] = json!([]),
        "mappingBulkDecide" => input["mappingIds"] = json!([]),
        "mappingsImport" => input["customerMappingCsv"] = json!(null),
        "providerCredentialsSet" => {
            input["credentials"] = json!({ "revioPsa": { "tenant": "t", "apiKey": "k", "advancedSettings": "no" } });
        }
        _ => {}
    }
    input
}

#[tokio::test]
async fn who_may_not_do_it_learns_nothing_about_the_input() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let viewer = program.client("VIEWER").await;
    let admin = program.client("ADMIN").await;
    let nonsense = inputs(|_| json!("nonsense"));
    for mutation in fields_of("Mutation") {
        let name = mutation.name.node.as_str();
        let input = &nonsense[name];
        for input in [input.clone(), malformed(name, input)] {
            let (status, answer) = viewer.attempt(name, "", input.clone()).await;
            assert_eq!(status, 200, "{name}: {answer}");
            let codes: Vec<&Value> = answer["errors"]
                .as_array()
                .unwrap_or_else(|| panic!("`{name}` looked at {input}: {answer}"))
                .iter()
                .map(|error| &error["extensions"]["code"])
                .collect();
            assert_eq!(codes, [&json!("FORBIDDEN")], "{name}: {answer}");
            assert_eq!(answer["data"], json!({ name: null }), "{name}");
            // Whoever may is told what is wrong with it.
            let (_, answer) = admin.attempt(name, "", input).await;
            assert!(answer.get("errors").is_none(), "{name}: {answer}");
        }
    }
    program.stop().await;
}

#[tokio::test]
async fn the_audit_is_for_administrators_and_neighbours_survive() {
    let program = Program::start_idle(postgres::sqlite()).await;
    for role in ROLES {
        let client = program.client(role).await;
        let document = "{ viewer { roles } auditEvents { totalCount } integrations { totalCount } }";
        let (_, answer) = client.send(document, json!({})).await;
        assert_eq!(answer["data"]["viewer"]["roles"], json!([role]));
        assert_eq!(answer["data"]["integrations"]["totalCount"], 0);
        if role == "ADMIN" {
            assert!(answer["data"]["auditEvents"]["totalCount"].as_i64() > Some(0), "{answer}");
        } else {
            assert_eq!(error_at(&answer, &json!(["auditEvents"]))["extensions"]["code"], "FORBIDDEN");
        }
    }
    program.stop().await;
}

/// Cost and margin of every place that shows them.
const REPORT: &str = "query($id: ID!) { reconciliationReport(id: $id) {
    totals { expected { amount } billed { amount } cost { amount } margin { amount } marginRate costEffect { amount } }
    tieOuts { invoiceExternalId total { amount } amountDue { amount } costTotal { amount } residue { amount } }
    lines { nodes { billed { amount } cost { amount } margin { amount } } }
    discrepancies { nodes { type sentence effect { amount } costEffect { amount } costSentence } }
    discrepancyTotals { type leakage { amount } costEffect { amount } }
} }";

#[tokio::test]
async fn without_finance_cost_and_margin_are_forbidden_and_nothing_tells_them() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Costs").await;
        harness::sync(&admin, &integration).await;
        let report = harness::reconciled(&admin, &integration).await;
        let finance = program.client("FINANCE").await.ask(REPORT, json!({ "id": report })).await;
        let totals = &finance["reconciliationReport"]["totals"][0];
        assert!(totals["cost"]["amount"].is_string() && totals["margin"]["amount"].is_string(), "{totals}");

        let viewer = program.client("VIEWER").await;
        let (_, answer) = viewer.send(REPORT, json!({ "id": report })).await;
        let at = |path: Value| error_at(&answer, &path)["extensions"]["code"].clone();
        for field in ["cost", "margin", "marginRate", "costEffect"] {
            assert_eq!(at(json!(["reconciliationReport", "totals", 0, field])), "FORBIDDEN");
        }
        for field in ["total", "amountDue", "costTotal", "residue"] {
            assert_eq!(at(json!(["reconciliationReport", "tieOuts", 0, field])), "FORBIDDEN");
        }
        for field in ["cost", "margin"] {
            assert_eq!(at(json!(["reconciliationReport", "lines", "nodes", 0, field])), "FORBIDDEN");
        }
        let found = &answer["data"]["reconciliationReport"];
        assert_eq!(found["totals"][0]["billed"], finance["reconciliationReport"]["totals"][0]["billed"]);
        // What Pax8 charged stands nowhere in the answer, not even inside a sentence.
        let text = answer.to_string();
        for cost in ["811.13", "23.232", "394.94", "278.78", "4.224"] {
            assert!(!text.contains(cost), "{cost} shows in {answer:#}");
        }

        let document = "{ pax8Subscriptions { nodes { quantity unitPrice { amount } partnerCost { amount }
            history { partnerCost { amount } } } }
            integration { psaProducts { nodes { name unitCost { amount } } } } }";
        let (_, answer) = viewer.send(document, json!({})).await;
        assert!(answer["data"]["pax8Subscriptions"]["nodes"].as_array().is_some_and(|nodes| nodes.len() == 6));
        let code = &error_at(&answer, &json!(["pax8Subscriptions", "nodes", 0, "partnerCost"]))["extensions"]["code"];
        assert_eq!(code, "FORBIDDEN");
        let path = json!(["integration", "psaProducts", "nodes", 0, "unitCost"]);
        assert_eq!(error_at(&answer, &path)["extensions"]["code"], "FORBIDDEN");
        assert!(!answer.to_string().contains("23.232"), "{answer:#}");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_cost_that_cannot_be_read_is_quoted_for_finance_alone() {
    let items = "pax8/invoice_items/10000000-0000-4000-8000-000000000001.jsonl";
    let world = harness::tiny_world_but(items, "\"costTotal\":278.78", "\"costTotal\":\"278,78\"");
    let program = Program::over(postgres::sqlite(), world.path()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Issues").await;
    let run = harness::sync(&admin, &integration).await;
    let document = "query($run: ID!) { syncRun(id: $run) { issues { nodes { dataset message isRejected } } } }";
    for (role, may_know) in [("FINANCE", true), ("OPERATOR", false), ("VIEWER", false)] {
        let client = program.client(role).await;
        let answer = client.ask(document, json!({ "run": run["id"] })).await;
        let message = answer["syncRun"]["issues"]["nodes"][0]["message"].as_str().expect("a message");
        assert!(message.starts_with("costTotal ") && message.contains(" is not a decimal"), "{role}: {message}");
        assert_eq!(message.contains("278,78"), may_know, "{role}: {message}");
        assert_eq!(message.contains("hidden"), !may_know, "{role}: {message}");
        let events = client.sync_events(&run["id"], None).await;
        let raised: Vec<&Value> = events.iter().filter(|event| event["__typename"] == "SyncRunIssueRaised").collect();
        assert_eq!(raised.len(), 1, "{role}: {events:?}");
        assert_eq!(raised[0]["issue"]["message"], message, "{role}");
    }
    program.stop().await;
}
