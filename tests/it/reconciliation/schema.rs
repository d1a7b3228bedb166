//! Reports and discrepancies through GraphQL: who sees what, and at what price in statements.

use async_graphql::{Request, Response, Value, Variables};
use concord::domain::access::{Caller, Role};
use concord::graphql::id::{NodeKind, encode};
use concord::graphql::{Schema, SchemaSettings, schema};
use futures_util::StreamExt as _;
use serde_json::json;

use super::world::{World, worlds};

const REPORT: &str = "query($id: ID!) { reconciliationReport(id: $id) {
    verdict fingerprint policy { name value }
    totals { currencyCode expected { amount } billed { amount } difference { amount } cost { amount } marginRate }
    coverage { provider class reason lineCount amount { amount } }
    footing { provider class lineCount }
    tieOuts { invoiceExternalId lineCount tiesBy total { amount currencyCode } }
    lines(first: 1) { totalCount nodes { class expected { amount } cost { amount } margin { amount }
        psaCustomer { name } pax8Companies { name } discrepancies { type } } }
    discrepancies(first: 10) { totalCount nodes { type severity status period effect { amount currencyCode }
        costEffect { amount } sentence costSentence psaCustomer { name } psaProduct { externalId }
        discrepancy { firstPeriod lastPeriod occurrences { period } } } }
    discrepancyTotals { type count leakage { amount } costEffect { amount } } } }";

fn schema_of(world: &World) -> Schema {
    schema(world.services.clone(), SchemaSettings::default())
}

async fn ask(schema: &Schema, caller: Caller, document: &str, variables: serde_json::Value) -> Response {
    schema.execute(Request::new(document).variables(Variables::from_json(variables)).data(caller)).await
}

async fn reported(world: &World) -> serde_json::Value {
    let run = world.reconcile().await;
    json!({ "id": encode(NodeKind::ReconciliationReport, run.report_id.expect("a report").0).0 })
}

#[tokio::test]
async fn finance_reads_the_whole_report() {
    for world in worlds().await {
        let variables = reported(&world).await;
        let answer = ask(&schema_of(&world), world.caller(Role::Finance), REPORT, variables).await;
        assert_eq!(answer.errors, [], "{answer:?}");
        let data = answer.data.into_json().expect("JSON");
        let report = &data["reconciliationReport"];
        assert_eq!(report["verdict"], "DISCREPANT");
        assert_eq!(
            report["totals"],
            json!([{
                "currencyCode": "USD", "expected": { "amount": "374.00" }, "billed": { "amount": "330.00" },
                "difference": { "amount": "-44.00" }, "cost": { "amount": "314.50" }, "marginRate": "0.047"
            }])
        );
        assert_eq!(
            report["tieOuts"],
            json!([{ "invoiceExternalId": "vi", "lineCount": 2, "tiesBy": "AMOUNT_DUE",
 "total": { "amount": "314.50", "currencyCode": "USD" } }])
        );
        assert_eq!(report["lines"]["totalCount"], 2);
        let line = &report["lines"]["nodes"][0];
        assert_eq!(
            (&line["psaCustomer"]["name"], &line["pax8Companies"][0]["name"]),
            (&json!("Acme Inc"), &json!("Acme"))
        );
        assert_eq!(line["discrepancies"], json!([{ "type": "QUANTITY_UNDER" }]));
        let found = &report["discrepancies"]["nodes"][0];
        assert_eq!(
            (&found["type"], &found["status"], &found["period"]),
            (&json!("QUANTITY_UNDER"), &json!("OPEN"), &json!("2026-10"))
        );
        assert_eq!(found["effect"], json!({ "amount": "-44.00", "currencyCode": "USD" }));
        assert_eq!(found["discrepancy"]["occurrences"], json!([{ "period": "2026-10" }]));
        assert_eq!(report["discrepancyTotals"][0]["leakage"]["amount"], "-44.00");
    }
}

#[tokio::test]
async fn without_finance_cost_is_refused_where_it_stands_and_nothing_else_is_lost() {
    for world in worlds().await {
        let variables = reported(&world).await;
        let answer = ask(&schema_of(&world), world.caller(Role::Operator), REPORT, variables).await;
        assert!(!answer.errors.is_empty());
        for error in &answer.errors {
            let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
            assert_eq!(code, Some(&Value::from("FORBIDDEN")), "{error:?}");
        }
        let mut paths: Vec<String> = answer
            .errors
            .iter()
            .filter_map(|error| match error.path.last() {
                Some(async_graphql::PathSegment::Field(name)) => Some(name.clone()),
                _ => None,
            })
            .collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths, ["amount", "cost", "costEffect", "costSentence", "margin", "marginRate", "total"]);
        let data = answer.data.into_json().expect("JSON");
        let report = &data["reconciliationReport"];
        assert_eq!(report["totals"][0]["expected"]["amount"], "374.00");
        assert!(report["totals"][0]["cost"].is_null() && report["totals"][0]["marginRate"].is_null());
        assert_eq!(report["lines"]["nodes"][0]["expected"]["amount"], "264.00");
        assert!(report["lines"]["nodes"][0]["margin"].is_null());
        let coverage = report["coverage"].as_array().expect("rows");
        for row in coverage {
            assert_eq!(row["amount"].is_null(), row["provider"] == "PAX8", "{row}");
        }
        let found = &report["discrepancies"]["nodes"][0];
        assert!(found["costEffect"].is_null() && found["costSentence"].is_null());
        assert_eq!(found["effect"]["amount"], "-44.00");
    }
}

#[tokio::test]
async fn another_tenant_gets_null_for_every_id() {
    for world in worlds().await {
        let run = world.reconcile().await;
        let schema = schema_of(&world);
        let report = encode(NodeKind::ReconciliationReport, run.report_id.expect("a report").0).0;
        let id = encode(NodeKind::ReconciliationRun, run.id.0).0;
        let document = "query($run: ID!, $report: ID!) {
            reconciliationRun(id: $run) { id } reconciliationReport(id: $report) { id }
            a: node(id: $run) { id } b: node(id: $report) { id } pax8Subscriptions { totalCount } }";
        let variables = json!({ "run": id, "report": report });
        let answer = ask(&schema, world.stranger(Role::Admin), document, variables.clone()).await;
        assert_eq!(answer.errors, []);
        let data = answer.data.into_json().expect("JSON");
        let nothing = json!({ "reconciliationRun": null, "reconciliationReport": null, "a": null, "b": null,
            "pax8Subscriptions": null });
        assert_eq!(data, nothing);
        let own = ask(&schema, world.caller(Role::Viewer), document, variables).await;
        assert_eq!(own.errors, []);
        assert_eq!(own.data.into_json().expect("JSON")["pax8Subscriptions"]["totalCount"], 2);
    }
}

#[tokio::test]
async fn a_run_is_started_and_followed_to_its_end_and_resumed_without_repeats() {
    for world in worlds().await {
        let schema = schema_of(&world);
        let integration = encode(NodeKind::Integration, world.integration_id.0).0;
        let start = "mutation($id: ID!) { reconciliationRunStart(input: { integrationId: $id, asOf: \"2026-10-20\" }) {
            reconciliationRun { id status phase periodTo asOf report { id } } userErrors { code message field } } }";
        let answer = ask(&schema, world.caller(Role::Finance), start, json!({ "id": integration })).await;
        assert_eq!(answer.errors, []);
        let data = answer.data.into_json().expect("JSON");
        let run = &data["reconciliationRunStart"]["reconciliationRun"];
        assert_eq!((&run["status"], &run["periodTo"]), (&json!("QUEUED"), &json!("2026-10")));
        let claim = world.claim().await.expect("a job waits");
        world.services.reconciliation.execute(&claim).await.expect("finishes");

        let follow = "subscription($id: ID!, $after: Int) { reconciliationRunEvents(reconciliationRunId: $id, afterSequence: $after) {
            __typename ... on ReconciliationRunProgressed { sequence phase lineCount }
            ... on ReconciliationRunFinished { sequence status report { verdict } } } }";
        let request = |after: i64| {
            let variables = Variables::from_json(json!({ "id": run["id"], "after": after }));
            Request::new(follow).variables(variables).data(world.caller(Role::Viewer))
        };
        let events: Vec<Response> = schema.execute_stream(request(0)).collect().await;
        let events: Vec<serde_json::Value> = events
            .into_iter()
            .map(|event| event.data.into_json().expect("JSON")["reconciliationRunEvents"].clone())
            .collect();
        let phases: Vec<_> = events.iter().filter_map(|event| event["phase"].as_str()).collect();
        assert_eq!(phases, ["WAITING", "LOADING", "COMPARING", "STORING"]);
        let numbers: Vec<_> = events.iter().map(|event| event["sequence"].as_i64()).collect();
        assert_eq!(numbers, (1..=5).map(Some).collect::<Vec<_>>());
        assert_eq!(events[4]["report"]["verdict"], "DISCREPANT");
        let rest: Vec<Response> = schema.execute_stream(request(3)).collect().await;
        assert_eq!(rest.len(), 2);
    }
}

#[tokio::test]
async fn bad_input_is_answered_with_what_to_do() {
    for world in worlds().await {
        let schema = schema_of(&world);
        let start = "mutation($input: ReconciliationRunStartInput!) { reconciliationRunStart(input: $input) {
            reconciliationRun { id } userErrors { code field } } }";
        let integration = encode(NodeKind::Integration, world.integration_id.0).0;
        let cases = [
            (json!({ "integrationId": "nonsense" }), "NOT_FOUND", json!(["input", "integrationId"])),
            (
                json!({ "integrationId": integration, "periodFrom": "2026-10", "periodTo": "2026-09" }),
                "INVALID_INPUT",
                json!(["input", "periodFrom"]),
            ),
        ];
        for (input, code, field) in cases {
            let answer = ask(&schema, world.caller(Role::Operator), start, json!({ "input": input })).await;
            let data = answer.data.into_json().expect("JSON");
            let error = &data["reconciliationRunStart"]["userErrors"][0];
            assert_eq!((&error["code"], &error["field"]), (&json!(code), &field));
        }
        let refused =
            ask(&schema, world.caller(Role::Viewer), start, json!({ "input": { "integrationId": integration } })).await;
        assert_eq!(refused.errors.len(), 1);
        assert_eq!(refused.data.into_json().expect("JSON"), json!({ "reconciliationRunStart": null }));
    }
}

#[tokio::test]
async fn orders_and_filters_change_the_list_and_not_its_items() {
    for world in worlds().await {
        world.add_month("2026-09-05".parse().expect("a day")).await;
        let run = world
            .reconcile_months(
                Some(concord::domain::period::Period::parse("2026-09").expect("a month")),
                Some(world.october()),
            )
            .await;
        let id = encode(NodeKind::ReconciliationReport, run.report_id.expect("a report").0).0;
        let schema = schema_of(&world);
        let document =
            "query($id: ID!, $filter: DiscrepancyOccurrenceFilter, $order: DiscrepancyOrder, $after: String) {
            reconciliationReport(id: $id) { discrepancies(filter: $filter, orderBy: $order, first: 1, after: $after) {
                totalCount pageInfo { endCursor hasNextPage } nodes { period } } } }";
        let list = async |variables: serde_json::Value| {
            let answer = ask(&schema, world.caller(Role::Viewer), document, variables).await;
            assert_eq!(answer.errors, []);
            answer.data.into_json().expect("JSON")["reconciliationReport"]["discrepancies"].clone()
        };
        let first = list(json!({ "id": id, "order": { "field": "KEY", "direction": "ASC" } })).await;
        assert_eq!((&first["totalCount"], &first["nodes"][0]["period"]), (&json!(2), &json!("2026-09")));
        let after = first["pageInfo"]["endCursor"].clone();
        let second = list(json!({ "id": id, "order": { "field": "KEY", "direction": "ASC" }, "after": after })).await;
        assert_eq!(
            (&second["nodes"][0]["period"], &second["pageInfo"]["hasNextPage"]),
            (&json!("2026-10"), &json!(false))
        );
        let none = list(json!({ "id": id, "filter": { "types": ["NEVER_BILLED"] } })).await;
        assert_eq!(none["totalCount"], 0);
        let found = ask(
            &schema,
            world.caller(Role::Viewer),
            "{ integration { psaCustomers(filter: { search: \"Acme\" }) { nodes { id } }
                pax8Companies(filter: { search: \"Acme\" }) { nodes { id } } psaProducts { nodes { id } } } }",
            json!({}),
        );
        let records = found.await.data.into_json().expect("JSON")["integration"].clone();
        let record = |list: &str| records[list]["nodes"][0]["id"].clone();
        let (customer, company) = (record("psaCustomers"), record("pax8Companies"));
        let unknown = encode(NodeKind::PsaCustomer, uuid::Uuid::nil()).0;
        let cases = [
            (json!({ "period": "2026-10", "psaCustomerIds": [customer] }), 1),
            (json!({ "psaCustomerIds": [unknown, customer] }), 2),
            (json!({ "psaCustomerIds": [unknown, "nonsense", company] }), 0),
            (json!({ "psaCustomerIds": [] }), 0),
            (json!({ "pax8CompanyIds": [company] }), 2),
            (json!({ "pax8CompanyIds": [customer] }), 0),
            (json!({ "psaProductIds": [unknown] }), 0),
        ];
        for (filter, count) in cases {
            assert_eq!(list(json!({ "id": id, "filter": filter })).await["totalCount"], count, "{filter}");
        }
        let document = "query($customer: ID!, $company: ID!, $unknown: ID!, $id: ID!) {
            all: discrepancies(filter: { psaCustomerIds: [$customer] }) { totalCount }
            none: discrepancies(filter: { psaCustomerIds: [$unknown] }) { totalCount }
            some: pax8Subscriptions(filter: { pax8CompanyIds: [$company] }) { totalCount nodes { isArchived lastSyncedAt } }
            no: pax8Subscriptions(filter: { pax8ProductIds: [$unknown] }) { totalCount }
            reconciliationReport(id: $id) { lines(filter: { psaCustomerIds: [$customer] }) { totalCount }
                nothing: lines(filter: { psaProductIds: [$unknown] }) { totalCount } } }";
        let variables = json!({ "customer": customer, "company": company, "unknown": unknown, "id": id });
        let answer = ask(&schema, world.caller(Role::Viewer), document, variables).await;
        assert_eq!(answer.errors, []);
        let data = answer.data.into_json().expect("JSON");
        assert_eq!((&data["all"]["totalCount"], &data["none"]["totalCount"]), (&json!(1), &json!(0)));
        assert_eq!((&data["some"]["totalCount"], &data["no"]["totalCount"]), (&json!(1), &json!(0)));
        assert_eq!(data["some"]["nodes"][0]["isArchived"], false);
        let lines = &data["reconciliationReport"];
        assert_eq!((&lines["lines"]["totalCount"], &lines["nothing"]["totalCount"]), (&json!(2), &json!(0)));
    }
}

/// Severity with cost would tell about cost: it is shown, filtered by, ordered by and counted for FINANCE alone.
#[tokio::test]
async fn without_finance_the_effect_alone_decides_about_severity() {
    for world in worlds().await {
        world.add_month("2026-09-05".parse().expect("a day")).await;
        let september = concord::domain::period::Period::parse("2026-09").expect("a month");
        let run = world.reconcile_months(Some(september), Some(world.october())).await;
        let id = encode(NodeKind::ReconciliationReport, run.report_id.expect("a report").0).0;
        // September is dear because of cost, October because of what was billed.
        for (period, both, effect) in [("2026-09", 2, 0), ("2026-10", 0, 1)] {
            world
                .change(&format!(
                    "UPDATE discrepancy_occurrence SET severity = {both}, effect_severity = {effect} \
                     WHERE period = '{period}'"
                ))
                .await;
        }
        let schema = schema_of(&world);
        let document = "query($id: ID!, $filter: DiscrepancyOccurrenceFilter) { reconciliationReport(id: $id) {
            discrepancies(filter: $filter, orderBy: { field: SEVERITY }) { totalCount nodes { period severity } }
            discrepancyTotals(filter: $filter) { count }
            lines { nodes { period discrepancies { severity } } } } }";
        let read = async |role: Role, filter: serde_json::Value| {
            let answer = ask(&schema, world.caller(role), document, json!({ "id": id, "filter": filter })).await;
            assert_eq!(answer.errors, []);
            answer.data.into_json().expect("JSON")["reconciliationReport"].clone()
        };
        let severe = |report: &serde_json::Value| {
            let nodes = report["discrepancies"]["nodes"].as_array().expect("a page").iter();
            let text = |node: &serde_json::Value, field: &str| node[field].as_str().expect("a text").to_owned();
            nodes.map(|node| (text(node, "period"), text(node, "severity"))).collect::<Vec<_>>()
        };
        let pair = |period: &str, severity: &str| (period.to_owned(), severity.to_owned());
        let finance = read(Role::Finance, json!(null)).await;
        assert_eq!(severe(&finance), [pair("2026-09", "CRITICAL"), pair("2026-10", "INFO")]);
        let viewer = read(Role::Viewer, json!(null)).await;
        assert_eq!(severe(&viewer), [pair("2026-10", "WARNING"), pair("2026-09", "INFO")]);
        for line in viewer["lines"]["nodes"].as_array().expect("a page") {
            for found in line["discrepancies"].as_array().expect("a list") {
                assert_ne!(found["severity"], "CRITICAL", "{line}");
            }
        }
        for (severity, for_finance, for_viewer) in [("CRITICAL", 1, 0), ("WARNING", 0, 1), ("INFO", 1, 1)] {
            for (role, expected) in [(Role::Finance, for_finance), (Role::Viewer, for_viewer)] {
                let report = read(role, json!({ "severities": [severity] })).await;
                assert_eq!(report["discrepancies"]["totalCount"], expected, "{severity} for {role}");
                let counted = report["discrepancyTotals"].as_array().expect("sums").iter();
                assert_eq!(counted.filter_map(|sum| sum["count"].as_i64()).sum::<i64>(), expected);
            }
        }
    }
}

#[test]
fn the_marketplace_is_spelled_as_it_spells_itself() {
    let sdl = concord::graphql::sdl();
    assert!(sdl.contains("PAX8_DUPLICATE_CHARGE") && !sdl.contains("PAX_8"));
}

#[tokio::test]
async fn a_longer_page_costs_no_more_statements() {
    for world in worlds().await {
        for month in 1..=9 {
            world.add_month(chrono::NaiveDate::from_ymd_opt(2026, month, 5).expect("a day")).await;
        }
        let january = concord::domain::period::Period::parse("2026-01").expect("a month");
        let run = world.reconcile_months(Some(january), Some(world.october())).await;
        let id = encode(NodeKind::ReconciliationReport, run.report_id.expect("a report").0).0;
        let schema = schema_of(&world);
        let document = "query($id: ID!, $first: Int) { reconciliationReport(id: $id) {
            lines(first: $first) { nodes { psaCustomer { name } psaProduct { name } pax8Companies { name }
                pax8Products { name } discrepancies { type severity psaCustomer { name } } } }
            discrepancies(first: $first) { nodes { type status psaCustomer { name } pax8Company { name }
                psaProduct { name } pax8Product { name } effect { amount } report { verdict }
                discrepancy { occurrences { period } } } } } }";
        let mut costs = Vec::new();
        for first in [1, 10] {
            let before = world.services.core.store.read_statements();
            let variables = json!({ "id": id, "first": first });
            let answer = ask(&schema, world.caller(Role::Viewer), document, variables).await;
            assert_eq!(answer.errors, []);
            let report = answer.data.into_json().expect("JSON")["reconciliationReport"].clone();
            assert_eq!(report["lines"]["nodes"].as_array().map(Vec::len), Some(first));
            costs.push(world.services.core.store.read_statements() - before);
        }
        // Batches may split where the machine is slow, so a little more is no harm; one for each item would be.
        assert!(costs[1] <= costs[0] + 8, "ten items cost {} statements, one costs {}", costs[1], costs[0]);
    }
}
