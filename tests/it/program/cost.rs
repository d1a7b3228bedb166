//! What one operation may come to: what a screen asks for goes through, what multiplies does not.

use concord::app::App;
use concord::domain::access::Caller;
use concord::environment::SystemClock;
use concord::graphql::ready::OPERATIONS;
use serde_json::{Value, json};

use super::harness::{Program, app};
use crate::postgres;

/// The largest page of a screen: every line of the report with all that it shows, and what explains it.
const RICH: &str = "query { reconciliationRuns(first: 1) { nodes { status report {
    verdict fingerprint asOf periodFrom periodTo
    totals { currencyCode expected { amount } billed { amount } leakage { amount } overbilling { amount } }
    coverage { currencyCode provider class reason lineCount }
    lines(first: 100) { totalCount pageInfo { hasNextPage endCursor } nodes {
        position period currencyCode class reason
        expected { amount currencyCode } billed { amount currencyCode } difference { amount currencyCode }
        subscribedQuantity chargedQuantity billedQuantity restsOnUnconfirmedMapping
        psaCustomer { id name } psaProduct { id name } pax8Companies { id name } pax8Products { id name }
        discrepancies { type severity status sentence effect { amount currencyCode } expectedQuantity actualQuantity }
    } } } } } }";

/// A review of a hundred mappings and of a hundred records without one.
const REVIEW: &str = "query { integration {
    customerMappings(filter: { statuses: [SUGGESTED] }, first: 100) { totalCount nodes {
        id version status origin confidence { score level }
        pax8Company { id name externalId } psaCustomer { id name externalId }
        explanation { summary signals { kind pax8Value psaValue contribution } }
    } }
    pax8Companies(filter: { isMapped: false }, first: 100) { totalCount nodes {
        id name mappingCandidates { confidence { score } psaCustomer { id name } explanation { summary } }
    } } } }";

/// Pages inside pages, and a circle that goes through lists without pages.
const TOO_MUCH: &[&str] = &[
    "query { integrations(first: 100) { nodes { customerMappings(first: 100) { nodes { pax8Company { mapping { id } }
        psaCustomer { mappings { id } } } } } } }",
    "query { integrations(first: 100) { nodes { syncRuns(first: 100) { nodes { issues(first: 100) { nodes { message
        } } } } } } }",
    "query { integrations(last: 100) { edges { node { syncRuns(last: 100) { edges { node { issues(last: 100) { nodes {
        message } } } } } } } } }",
    "query { discrepancies(first: 100) { nodes { occurrences { report { discrepancies(first: 100) { nodes { id: type
        } } } } } } }",
    "query { a: discrepancies(first: 50) { nodes { occurrences { discrepancy { occurrences { discrepancy { occurrences {
        type } } } } } } } }",
    "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Integration { pax8Companies(first: 100) { nodes { id name
        externalId mapping { id } } } } } }",
    "query { integrations(first: 2147483647) { nodes { syncRuns(first: 2147483647) { nodes { issues(first: 2147483647)
        { nodes { message } } } } } } }",
    // Sizes below one are refused where they stand, and lower nothing before.
    "query { integrations(first: 100) { nodes { syncRuns(first: -1000000) { nodes { id } } a: syncRuns(first: 100) {
        nodes { issues(first: 100) { nodes { message } } } } } } }",
];

async fn refusal(app: &App, caller: &Caller, document: &str, variables: Value) -> Option<String> {
    let variables = async_graphql::Variables::from_json(variables);
    let request = async_graphql::Request::new(document).variables(variables).data(caller.clone());
    let answer = app.schema.execute(request).await;
    answer.errors.into_iter().map(|error| error.message).find(|message| message.contains("too"))
}

#[tokio::test]
async fn what_a_screen_asks_for_goes_through_and_what_multiplies_does_not() {
    let database = postgres::sqlite();
    let app = app(&database.url, std::sync::Arc::new(SystemClock)).await;
    let caller = app.access.operator("default").await.expect("the organization is made");
    for (title, document, variables) in OPERATIONS {
        let variables = serde_json::from_str(variables).expect("variables are JSON");
        if !document.contains("subscription") {
            assert_eq!(refusal(&app, &caller, document, variables).await, None, "{title}");
        }
    }
    for document in [RICH, REVIEW] {
        assert_eq!(refusal(&app, &caller, document, json!({})).await, None, "{document}");
    }
    let ids: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    for document in TOO_MUCH {
        let refused = refusal(&app, &caller, document, json!({ "ids": ids })).await;
        assert_eq!(refused.as_deref(), Some("Query is too complex."), "{document}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_limit_before_anything_runs() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let (status, answer) = program.client("ADMIN").await.send(TOO_MUCH[1], json!({})).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (200, &json!("LIMIT_EXCEEDED")), "{answer}");
    assert!(answer.get("data").is_none(), "{answer}");
    let message = answer["errors"][0]["message"].as_str().expect("a message");
    assert!(message.starts_with("Query is too complex: ") && message.contains("--operation-cost"), "{message}");
    program.stop().await;
}
