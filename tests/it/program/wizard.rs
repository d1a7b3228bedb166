//! One story, from the first click to the report.

use chrono::{Datelike as _, NaiveDate};
use serde_json::{Value, json};

use super::harness::{self, Program, each_database, sequences};

/// The rows of `[name, number]` that a count of a run has.
fn read_by_dataset(run: &Value) -> Vec<(String, i64)> {
    let datasets = run["results"]["datasets"].as_array().expect("a run counts its lists");
    let row = |count: &Value| (count["dataset"].as_str().unwrap_or("").to_owned(), count["read"].as_i64().unwrap_or(0));
    datasets.iter().map(row).collect()
}

#[tokio::test]
async fn from_the_first_click_to_the_report() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = connect(&program, &admin).await;
        sync(&admin, &integration).await;
        let operator = program.client("OPERATOR,FINANCE").await;
        review(&operator, &integration).await;
        reconcile(&operator, &integration, program.sandbox.world().today()).await;
        audit(&admin).await;
        program.stop().await;
    }
}

async fn connect(program: &Program, admin: &harness::Client) -> harness::Integration {
    let stage = async |expected: &str| {
        let found = admin.ask("{ integration { setupStage isDefault } }", json!({})).await;
        assert_eq!(found["integration"], json!({ "setupStage": expected, "isDefault": true }));
    };
    let none = admin.ask("{ integration { id } integrations { totalCount nodes { id } } }", json!({})).await;
    assert_eq!(none, json!({ "integration": null, "integrations": { "totalCount": 0, "nodes": [] } }));

    let integration = harness::integration(admin, "Harborlight").await;
    stage("CONNECT_PAX8").await;
    let start = json!({ "integrationId": integration.id });
    let payload = admin.change("syncRunStart", "syncRun { id }", start).await;
    assert_eq!(harness::codes(&payload), ["PROVIDER_NOT_AUTHORIZED"], "nothing is connected yet");

    let selection = "account { status displayName clientId failureMessage connectedAt }";
    let pax8 = harness::pax8_credentials(&program.sandbox, &integration.pax8);
    let payload = admin.done("providerCredentialsSet", selection, pax8).await;
    assert_eq!(payload["account"]["status"], "CONNECTED");
    assert_eq!(payload["account"]["clientId"], "sandbox-client");
    assert!(payload["account"]["connectedAt"].is_string());
    stage("CONNECT_PSA").await;
    let psa = harness::psa_credentials(&program.sandbox, &integration.psa);
    let payload = admin.done("providerCredentialsSet", selection, psa).await;
    assert_eq!(payload["account"]["status"], "CONNECTED");
    stage("FIRST_SYNC").await;
    for account in [&integration.pax8, &integration.psa] {
        let input = json!({ "providerAccountId": account });
        let payload = admin.done("providerAccountVerify", "account { status lastVerifiedAt }", input).await;
        assert_eq!(payload["account"]["status"], "CONNECTED");
    }

    let input = json!({
        "integrationId": integration.id,
        "debug": true,
        "schedule": { "cron": "30 4 29 2 *", "timeZone": "America/Denver", "isEnabled": true },
        "mappingFloor": "0.97",
    });
    let selection = "integration { settings {
        debug mappingFloor syncCustomers schedule { cron timeZone isEnabled nextRunAt }
    } }";
    let payload = admin.done("integrationSettingsUpdate", selection, input).await;
    let settings = &payload["integration"]["settings"];
    assert_eq!((&settings["debug"], &settings["syncCustomers"]), (&json!(true), &json!(true)));
    assert_eq!(settings["mappingFloor"], "0.97");
    assert_eq!(settings["schedule"]["timeZone"], "America/Denver");
    assert!(settings["schedule"]["nextRunAt"].is_string());
    integration
}

async fn sync(admin: &harness::Client, integration: &harness::Integration) {
    let run = harness::start_sync(admin, integration).await;
    let events = admin.sync_events(&run, None).await;
    let numbers = sequences(&events);
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
    let last = events.last().expect("there are events");
    assert_eq!((&last["__typename"], &last["status"]), (&json!("SyncRunFinished"), &json!("SUCCEEDED")));
    assert_eq!(events.iter().filter(|event| event["__typename"] == "SyncRunFinished").count(), 1);

    let run = admin.finished_sync(&run).await;
    assert_eq!((&run["status"], &run["phase"], &run["issueCount"]), (&json!("SUCCEEDED"), &json!("DONE"), &json!(0)));
    let read = read_by_dataset(&run);
    let expected = [
        ("COMPANIES", 4),
        ("PAX8_PRODUCTS", 3),
        ("SUBSCRIPTIONS", 6),
        ("SUBSCRIPTION_HISTORY", 7),
        ("VENDOR_INVOICES", 1),
        ("VENDOR_INVOICE_LINES", 6),
        ("CUSTOMERS", 4),
        ("PSA_PRODUCTS", 4),
        ("AGREEMENT_LINES", 4),
        ("PSA_INVOICES", 2),
    ];
    for (dataset, count) in expected {
        assert!(read.contains(&(dataset.to_owned(), count)), "{count} {dataset} in {read:?}");
    }
    let found = admin.ask("{ integration { setupStage } }", json!({})).await;
    assert_eq!(found["integration"]["setupStage"], "REVIEW_AUTOMATIC");

    // A second sync of the same world changes nothing.
    let again = harness::sync(admin, integration).await;
    for count in again["results"]["datasets"].as_array().expect("counts") {
        assert_eq!(
            (&count["created"], &count["changed"], &count["gone"]),
            (&json!(0), &json!(0), &json!(0)),
            "{count}"
        );
    }
}

const MAPPINGS: &str = "query($status: MappingStatus!) { integration {
    customerMappings(filter: { statuses: [$status] }, orderBy: { field: PAX8_NAME }) {
        totalCount nodes { id version pax8Company { name } psaCustomer { name } confidence { level } }
    }
    productMappings(filter: { statuses: [$status] }, orderBy: { field: PAX8_NAME }) {
        totalCount nodes { id version billingTerm pax8Product { name } psaProduct { name } }
    }
    summary {
        customers { suggestionFingerprint suggestedCount confirmedCount unmappedCount excludedCount }
        products { suggestionFingerprint suggestedCount confirmedCount unmappedCount excludedCount }
    }
} }";

/// Pairs of names.
fn pairs(mappings: &Value, pax8: &str, psa: &str) -> Vec<(String, String)> {
    let name = |mapping: &Value, side: &str| mapping[side]["name"].as_str().unwrap_or("?").to_owned();
    let nodes = mappings["nodes"].as_array().expect("a page");
    nodes.iter().map(|mapping| (name(mapping, pax8), name(mapping, psa))).collect()
}

async fn review(operator: &harness::Client, integration: &harness::Integration) {
    let found = operator.ask(MAPPINGS, json!({ "status": "SUGGESTED" })).await["integration"].take();
    let customers = pairs(&found["customerMappings"], "pax8Company", "psaCustomer");
    assert_eq!(
        customers[..2],
        [
            ("Acme Dental LLC".to_owned(), "Acme Dental".to_owned()),
            ("Borealis Freight, Inc.".to_owned(), "Borealis Freight Inc".to_owned()),
        ]
    );
    let products = pairs(&found["productMappings"], "pax8Product", "psaProduct");
    for (pax8, psa) in &products {
        let is_right = matches!(
            (pax8.split(" [").next().unwrap_or(""), psa.as_str()),
            ("Microsoft 365 Business Premium", "Microsoft 365 Business Premium (Monthly)")
                | ("Cloud Backup 100 GB", "Acronis Cloud Backup 100 GB")
                | ("Exchange Online (Plan 1)", "Exchange Online Plan 1")
        );
        assert!(is_right, "`{pax8}` is not `{psa}`");
    }

    // What the machine left to a person: a product and the house's own company.
    let records = "{ integration {
        pax8Companies { nodes { id name mapping { id } } }
        pax8Products { nodes { id name mappings { id } } }
        psaProducts { nodes { id name } }
        exclusionSuggestions { pax8Company { id name } reason }
    } }";
    let records = operator.ask(records, json!({})).await["integration"].take();
    let id_of = |list: &str, name: &str| {
        let nodes = records[list]["nodes"].as_array().expect("a page");
        let found = nodes.iter().find(|node| node["name"].as_str().is_some_and(|found| found.starts_with(name)));
        found.unwrap_or_else(|| panic!("`{name}` is among {list}"))["id"].clone()
    };
    for suggestion in records["exclusionSuggestions"].as_array().expect("a list") {
        let input = json!({ "recordId": suggestion["pax8Company"]["id"], "reason": suggestion["reason"] });
        operator.done("exclusionCreate", "exclusion { reason }", input).await;
    }
    let own = json!({ "recordId": id_of("pax8Companies", "Harborlight"), "reason": "INTERNAL_USE" });
    operator.change("exclusionCreate", "exclusion { reason }", own).await;
    for (pax8, psa) in [
        ("Microsoft 365 Business Premium", "Microsoft 365 Business Premium (Monthly)"),
        ("Cloud Backup 100 GB", "Acronis Cloud Backup 100 GB"),
        ("Exchange Online (Plan 1)", "Exchange Online Plan 1"),
    ] {
        if products.iter().all(|(mapped, _)| !mapped.starts_with(pax8)) {
            let input = json!({
                "pax8ProductId": id_of("pax8Products", pax8),
                "psaProductId": id_of("psaProducts", psa),
            });
            operator.done("productMappingCreate", "productMapping { id status }", input).await;
        }
    }

    for (kind, list) in [("CUSTOMER", "customers"), ("PRODUCT", "products")] {
        let found = operator.ask(MAPPINGS, json!({ "status": "SUGGESTED" })).await["integration"].take();
        let summary = &found["summary"][list];
        let input = |count: i64| {
            json!({
                "integrationId": integration.id,
                "kind": kind,
                "expectedCount": count,
                "expectedFingerprint": summary["suggestionFingerprint"],
            })
        };
        let count = summary["suggestedCount"].as_i64().expect("a number");
        let payload = operator.change("mappingConfirmAll", "confirmedCount", input(count + 1)).await;
        assert_eq!(harness::codes(&payload), ["LIST_CHANGED"], "the list has to be the one that was seen");
        let payload = operator.done("mappingConfirmAll", "confirmedCount", input(count)).await;
        assert_eq!(payload["confirmedCount"], count);
    }
    let found = operator.ask(MAPPINGS, json!({ "status": "SUGGESTED" })).await["integration"].take();
    assert_eq!(found["customerMappings"]["totalCount"], 0);
    assert_eq!(found["productMappings"]["totalCount"], 0);
}

async fn reconcile(client: &harness::Client, integration: &harness::Integration, today: NaiveDate) {
    let month = client.ask("{ latestReconcilableMonth }", json!({})).await;
    assert_eq!(month["latestReconcilableMonth"], "2026-09");
    let input = json!({ "integrationId": integration.id, "asOf": today.with_day(28) });
    let selection = "reconciliationRun { id status periodFrom periodTo }";
    let mut payload = client.done("reconciliationRunStart", selection, input).await;
    assert_eq!(payload["reconciliationRun"]["periodTo"], "2026-09");
    let run = payload["reconciliationRun"]["id"].take();
    let document = "subscription($run: ID!) { reconciliationRunEvents(reconciliationRunId: $run) {
        __typename
        ... on ReconciliationRunProgressed { sequence phase }
        ... on ReconciliationRunFinished { sequence status failureMessage report { id } }
    } }";
    let events = client.subscribe(document, json!({ "run": run })).await.rest("reconciliationRunEvents").await;
    let numbers = sequences(&events);
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
    let last = events.last().expect("there are events");
    assert_eq!(last["status"], "SUCCEEDED", "{last}");

    let document = "query($id: ID!) { reconciliationReport(id: $id) {
        verdict
        totals { currencyCode lineCount expected { amount } billed { amount } cost { amount } difference { amount }
            leakage { amount } overbilling { amount } }
        tieOuts { tiesBy residue { amount } total { amount } }
        discrepancies(orderBy: { field: MAGNITUDE }) { totalCount nodes {
            type severity sentence expectedQuantity actualQuantity
            expected { amount currencyCode } billed { amount } effect { amount }
            psaCustomer { name } pax8Company { name } psaProduct { name }
        } }
    } }";
    let report = client.ask(document, json!({ "id": last["report"]["id"] })).await["reconciliationReport"].take();
    assert_eq!(report["verdict"], "DISCREPANT");
    let discrepancies = report["discrepancies"]["nodes"].as_array().expect("a page");
    let rows: Vec<Value> = discrepancies
        .iter()
        .map(|found| {
            json!([found["type"], found["pax8Company"]["name"], found["expected"]["amount"], found["effect"]["amount"]])
        })
        .collect();
    assert_eq!(
        rows,
        [
            // Seventeen seats since August, fifteen billed: two at 26.40.
            json!(["QUANTITY_UNDER", "Borealis Freight, Inc.", "448.80", "-52.80"]),
            // Nobody at the PSA pays for two mailboxes at 5.00, the item's price.
            json!(["CUSTOMER_MISSING_IN_PSA", "Cobalt Bakery", "10.00", "-10.00"]),
        ],
        "{report:#}"
    );
    assert_eq!(discrepancies[0]["expectedQuantity"], "17");
    assert_eq!(discrepancies[0]["actualQuantity"], "15");
    assert_eq!(report["totals"][0]["leakage"]["amount"], "-62.80");
    assert_eq!(report["totals"][0]["overbilling"]["amount"], "0.00");
    assert_eq!(report["tieOuts"][0]["tiesBy"], "AMOUNT_DUE");
}

async fn audit(admin: &harness::Client) {
    let document = "{ auditEvents(last: 3) { totalCount nodes { sequence action subjectKind hash } } }";
    let found = admin.ask(document, json!({})).await["auditEvents"].take();
    let total = found["totalCount"].as_i64().expect("a number");
    assert!(total > 10, "every change is there");
    // Latest first, so the last ones of the list are the first of the chain.
    let numbers: Vec<i64> = sequences(found["nodes"].as_array().expect("a page"));
    assert_eq!(numbers, [3, 2, 1]);
}
