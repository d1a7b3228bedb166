//! Whatever somebody changes is in the audit under the request that changed it: who, what, before, after and why. The list
//! of what can be changed is the schema's own.

use std::collections::BTreeSet;

use concord::job::Runner;
use concord::sandbox::credentials;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::authorization::{come_back, pax8_application};
use super::harness::{self, Client, Hands, Integration, Program, each_database};
use super::roles::fields_of;
use crate::sandbox_browser::{Choice, consent};

/// Mutations that leave no event, each with the reason; none at present.
const LEAVE_NONE: [(&str, &str); 0] = [];

/// Mutations that make something, so that there was nothing before.
const MAKE: [&str; 12] = [
    "apiTokenCreate",
    "providerWebhookRegister",
    // It makes a message.
    "providerWebhookTest",
    "customerMappingCreate",
    "productMappingCreate",
    "discrepancyNoteAdd",
    "exclusionCreate",
    "integrationCreate",
    "reconciliationRunStart",
    "suppressionRuleCreate",
    "syncRunStart",
    // Rows of a file: the records and mappings themselves keep what was before, in their versions and decisions.
    "mappingsImport",
];

/// Mutations whose events do not say yet what was before.
const BEFORE_IS_ELSEWHERE: [&str; 2] = [
    "pricesImport",
    // What was found out may be what was known.
    "providerAccountVerify",
];

/// Somebody who changes things, one request after the other.
struct Hand {
    client: Client,
    admin: Client,
    done: BTreeSet<String>,
    requests: u64,
}

impl Hand {
    /// Carries a mutation out and looks for its event.
    async fn change(&mut self, mutation: &str, selection: &str, input: Value) -> Value {
        self.requests += 1;
        let request_id = format!("request-{}", self.requests);
        let type_name = format!("{}{}", mutation[..1].to_uppercase(), &mutation[1..]);
        let document = format!(
            "mutation($input: {type_name}Input!) {{ {mutation}(input: $input) {{ {selection} \
             userErrors {{ code message field }} }} }}"
        );
        let mut answer = self.client.send_as(&request_id, &document, json!({ "input": input })).await;
        let payload = answer["data"][mutation].take();
        assert_eq!(payload["userErrors"], json!([]), "{mutation} {input}: {answer:#}");
        if let Some(results) = payload["results"].as_array() {
            assert!(results.iter().all(|result| result["userErrors"] == json!([])), "{results:?}");
        }
        if self.done.insert(mutation.to_owned()) {
            self.look(mutation, &request_id, &input).await;
        }
        payload
    }

    async fn look(&self, mutation: &str, request_id: &str, input: &Value) {
        let document = "query($id: String!) { auditEvents(filter: { correlationId: $id }) { nodes {
            action actorKind actorName subjectKind subjectId before after reason correlationId
        } } }";
        let mut found = self.admin.ask(document, json!({ "id": request_id })).await;
        let found = found["auditEvents"]["nodes"].take();
        let events = found.as_array().expect("a page");
        if LEAVE_NONE.iter().any(|(name, _)| *name == mutation) {
            assert!(events.is_empty(), "{mutation} leaves events by now: {found:#}");
            return;
        }
        let first = events.last().unwrap_or_else(|| panic!("{mutation} left no event"));
        assert_eq!(
            (&first["actorKind"], &first["actorName"]),
            (&json!("TOKEN"), &json!("ADMIN of default")),
            "{mutation}"
        );
        let subject = &first["subjectId"];
        let is_of_the_whole = first["subjectKind"] == "organization";
        assert_eq!(subject.is_null(), is_of_the_whole, "{mutation} does not say what it changed: {first:#}");
        if !is_of_the_whole {
            let found = self.admin.ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": subject })).await;
            assert_eq!(found["node"]["id"], *subject, "{mutation}");
        }
        let json_of = |name: &str| -> Option<Value> {
            first[name].as_str().map(|text| serde_json::from_str(text).expect("a state is JSON"))
        };
        let (before, after) = (json_of("before"), json_of("after"));
        assert!(after.as_ref().is_some_and(Value::is_object), "{mutation} does not say what is now: {first:#}");
        if !MAKE.contains(&mutation) && !BEFORE_IS_ELSEWHERE.contains(&mutation) {
            assert!(
                before.as_ref().is_some_and(Value::is_object),
                "{mutation} does not say what was before: {first:#}"
            );
            assert_ne!(before, after, "{mutation}");
        }
        // An exclusion has a reason of a list; the words are in the note.
        let words = if mutation == "exclusionCreate" { &input["note"] } else { &input["reason"] };
        if words.is_string() {
            assert_eq!(first["reason"], *words, "{mutation}");
        }
    }
}

/// Lets the jobs that wait be done.
async fn work(program: &Program, hand: &Hand, run: &Value, field: &str) {
    let stop = CancellationToken::new();
    let runner = Runner::new(program.app.services.clone(), "worker".to_owned());
    let working = tokio::spawn(runner.run(2, stop.clone()));
    let document = match field {
        "syncRunEvents" => "subscription($run: ID!) { syncRunEvents(syncRunId: $run) { __typename } }",
        _ => "subscription($run: ID!) { reconciliationRunEvents(reconciliationRunId: $run) { __typename } }",
    };
    hand.admin.subscribe(document, json!({ "run": run })).await.rest(field).await;
    stop.cancel();
    working.await.expect("the runner does not panic");
}

const STATE: &str = "{ integration {
    customerMappings(filter: { statuses: [SUGGESTED] }, orderBy: { field: PAX8_NAME }) {
        nodes { id pax8Company { id } psaCustomer { id } }
    }
    productMappings(filter: { statuses: [SUGGESTED] }, orderBy: { field: PAX8_NAME }) { nodes { id pax8Product { id } psaProduct { id } } }
    pax8Companies { nodes { id name } }
    summary { customers { suggestionFingerprint suggestedCount } products { suggestionFingerprint suggestedCount } }
} }";

async fn connect(hand: &mut Hand, program: &Program) -> Integration {
    hand.change("organizationSettingsUpdate", "", json!({ "twoPersonPeriodClose": true })).await;
    let selection = "integration { id pax8Account { id } psaAccount { id } }";
    let made = hand.change("integrationCreate", selection, json!({ "name": "Audited" })).await["integration"].take();
    let integration = Integration {
        id: made["id"].clone(),
        pax8: made["pax8Account"]["id"].clone(),
        psa: made["psaAccount"]["id"].clone(),
    };
    hand.change("providerCredentialsSet", "", harness::pax8_credentials(&program.sandbox, &integration.pax8)).await;
    hand.change("providerCredentialsSet", "", harness::psa_credentials(&program.sandbox, &integration.psa)).await;
    hand.change("providerAccountVerify", "", json!({ "providerAccountId": integration.psa })).await;
    let application = pax8_application(&program.sandbox, &integration.pax8);
    let begun = hand.change("providerAccountAuthorizationStart", "authorizationUrl", application).await;
    let url = begun["authorizationUrl"].as_str().expect("an address");
    come_back(&consent(url, credentials::PARTNER_USER, Choice::Accept).await).await;
    let keys = json!({ "providerAccountId": integration.pax8, "method": "KEYS" });
    hand.change("providerAccountMethodSelect", "", keys).await;
    let told = json!({ "providerAccountId": integration.pax8, "topics": ["INVOICE"] });
    hand.change("providerWebhookRegister", "", told).await;
    hand.change("providerWebhookTest", "", json!({ "providerAccountId": integration.pax8, "topic": "INVOICE" })).await;
    hand.change("providerWebhookRemove", "", json!({ "providerAccountId": integration.pax8 })).await;
    let other = harness::integration(&hand.admin, "Other").await;
    hand.change("integrationDefaultSet", "", json!({ "integrationId": other.id })).await;
    hand.change("integrationDefaultSet", "", json!({ "integrationId": integration.id })).await;
    let token = json!({ "name": "For the audit", "roles": ["VIEWER"] });
    let mut made = hand.change("apiTokenCreate", "apiToken { id }", token).await;
    hand.change("apiTokenRevoke", "", json!({ "apiTokenId": made["apiToken"]["id"].take() })).await;
    hand.change("integrationSettingsUpdate", "", json!({ "integrationId": integration.id, "debug": true })).await;
    let start = json!({ "integrationId": integration.id });
    let run = hand.change("syncRunStart", "syncRun { id }", start.clone()).await["syncRun"]["id"].take();
    hand.change("syncRunCancel", "", json!({ "syncRunId": run })).await;
    work(program, hand, &run, "syncRunEvents").await;
    let run = hand.change("syncRunStart", "syncRun { id }", start).await["syncRun"]["id"].take();
    work(program, hand, &run, "syncRunEvents").await;
    integration
}

async fn map(hand: &mut Hand, integration: &Integration) {
    let state = hand.admin.ask(STATE, json!({})).await["integration"].take();
    let (one, other) = (&state["customerMappings"]["nodes"][0], &state["customerMappings"]["nodes"][1]);
    let decide = |mapping: &Value| json!({ "mappingId": mapping["id"], "reason": "Looked at it." });
    hand.change("mappingConfirm", "", decide(one)).await;
    hand.change("mappingReopen", "", decide(one)).await;
    hand.change("mappingRemove", "", decide(one)).await;
    let pair = json!({ "pax8CompanyId": one["pax8Company"]["id"], "psaCustomerId": one["psaCustomer"]["id"] });
    hand.change("customerMappingCreate", "", pair).await;
    let both = json!({ "mappingIds": [other["id"]], "decision": "CONFIRM", "reason": "Known." });
    hand.change("mappingBulkDecide", "results { userErrors { code } }", both).await;
    hand.change("mappingReject", "", decide(other)).await;
    let file = std::fs::read_to_string(harness::tiny_world().join("gold/customer_mapping.csv")).expect("the fixture");
    let import = json!({ "integrationId": integration.id, "customerMappingCsv": file, "replaceConfirmed": true });
    hand.change("mappingsImport", "", import).await;

    let product = &state["productMappings"]["nodes"][0];
    hand.change("mappingRemove", "", decide(product)).await;
    let pair = json!({ "pax8ProductId": product["pax8Product"]["id"], "psaProductId": product["psaProduct"]["id"] });
    hand.change("productMappingCreate", "", pair).await;
    let companies = state["pax8Companies"]["nodes"].as_array().expect("a page");
    let cobalt = companies.iter().find(|company| company["name"] == "Cobalt Bakery").expect("it is there");
    let exclude = json!({ "recordId": cobalt["id"], "reason": "NOT_RESOLD", "note": "Ours." });
    let mut made = hand.change("exclusionCreate", "exclusion { id }", exclude).await;
    hand.change("exclusionEnd", "", json!({ "exclusionId": made["exclusion"]["id"].take() })).await;
    let now = hand.admin.ask(STATE, json!({})).await["integration"].take();
    let products = &now["summary"]["products"];
    let all = json!({
        "integrationId": integration.id, "kind": "PRODUCT", "expectedCount": products["suggestedCount"],
        "expectedFingerprint": products["suggestionFingerprint"], "reason": "All of them.",
    });
    hand.change("mappingConfirmAll", "", all).await;
    let prices = "productId,customerId,currency,unitPrice,effectiveDate,endDate\n2002,,USD,7,2025-01-01,\n";
    hand.change("pricesImport", "", json!({ "integrationId": integration.id, "csv": prices })).await;
}

async fn reconcile(hand: &mut Hand, program: &Program, integration: &Integration) {
    let policy = json!({ "integrationId": integration.id, "name": "Ours", "reason": "A name of our own." });
    hand.change("reconciliationPolicyUpdate", "", policy).await;
    let start = json!({ "integrationId": integration.id, "asOf": "2026-09-28" });
    let selection = "reconciliationRun { id }";
    let run = hand.change("reconciliationRunStart", selection, start.clone()).await["reconciliationRun"]["id"].take();
    hand.change("reconciliationRunCancel", "", json!({ "reconciliationRunId": run })).await;
    work(program, hand, &run, "reconciliationRunEvents").await;
    let run = hand.change("reconciliationRunStart", selection, start).await["reconciliationRun"]["id"].take();
    work(program, hand, &run, "reconciliationRunEvents").await;

    let found = hand.admin.ask("{ discrepancies { nodes { id type } } }", json!({})).await["discrepancies"].take();
    let discrepancy = found["nodes"].as_array().and_then(|nodes| nodes.first()).expect("something was found").clone();
    let on = |more: Value| {
        let mut input = json!({ "discrepancyId": discrepancy["id"] });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    hand.change("discrepancyAssign", "", on(json!({ "assignee": "Ada" }))).await;
    hand.change("discrepancyNoteAdd", "", on(json!({ "text": "Looked at." }))).await;
    hand.change("discrepancyResolve", "", on(json!({ "resolution": "TIMING", "reason": "Next month." }))).await;
    hand.change("discrepancyReopen", "", on(json!({ "reason": "Not after all." }))).await;
    hand.change("discrepancyWriteOff", "", on(json!({ "reason": "Small." }))).await;
    hand.change("discrepancyReopen", "", on(json!({ "reason": "Once more." }))).await;
    let rule = json!({
        "integrationId": integration.id, "types": [discrepancy["type"]], "reason": "Known.", "expiresOn": in_a_month(program),
    });
    let mut made = hand.change("suppressionRuleCreate", "suppressionRule { id }", rule).await;
    let end = json!({ "suppressionRuleId": made["suppressionRule"]["id"].take(), "reason": "Over." });
    hand.change("suppressionRuleEnd", "", end).await;

    let month = json!({ "integrationId": integration.id, "period": "2026-09", "reason": "Done." });
    let closing = async |hand: &Hand| {
        let months = hand.admin.ask("{ billingPeriods { nodes { unsettledCount } } }", json!({})).await;
        let mut closing = month.clone();
        closing["unsettledCount"] = months["billingPeriods"]["nodes"][0]["unsettledCount"].clone();
        closing
    };
    let close = closing(hand).await;
    hand.change("periodClose", "", close.clone()).await;
    hand.change("periodRequestWithdraw", "", month.clone()).await;
    hand.change("organizationSettingsUpdate", "", json!({ "twoPersonPeriodClose": false })).await;
    hand.change("periodClose", "", close).await;
    hand.change("periodReopen", "", month).await;
}

fn in_a_month(program: &Program) -> String {
    let today = program.app.services.core.clock.now().date_naive();
    (today + chrono::Days::new(30)).to_string()
}

#[tokio::test]
async fn every_mutation_leaves_its_event_under_its_request() {
    for database in each_database().await {
        let program = Program::start_public(database, Hands::Idle).await;
        let client = program.client("ADMIN").await;
        let mut hand = Hand { admin: program.client("ADMIN").await, client, done: BTreeSet::new(), requests: 0 };
        let integration = connect(&mut hand, &program).await;
        map(&mut hand, &integration).await;
        reconcile(&mut hand, &program, &integration).await;
        hand.change("providerAccountDisconnect", "", json!({ "providerAccountId": integration.pax8 })).await;
        let all: BTreeSet<String> =
            fields_of("Mutation").into_iter().map(|field| field.name.node.to_string()).collect();
        let forgotten: Vec<&String> = all.difference(&hand.done).collect();
        assert!(forgotten.is_empty(), "carry these out in this test too: {forgotten:?}");
        program.stop().await;
    }
}
