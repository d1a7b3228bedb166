//! Bad input, of people and of providers: each gives a clear error of the right kind, nothing is lost, and the neighbours
//! in the same document keep their results.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::harness::{self, Client, Program, codes, each_database, error_at, tiny_world_but};
use super::roles::unknown;
use crate::postgres;

#[tokio::test]
async fn a_token_that_does_not_work_is_refused_and_says_why() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let expired = program.token("default", "ADMIN", Some(TimeDelta::seconds(-1))).await;
    let good = program.token("default", "ADMIN", None).await;
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 3.., "xyz");
    for (token, word) in [("", "token"), ("nonsense", "not known"), (&forged, "not known"), (&expired, "expired")] {
        let (status, answer) = program.client_with(token).send("{ viewer { displayName } }", json!({})).await;
        assert_eq!(status, 401, "{token}: {answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert!(answer["errors"][0]["message"].to_string().to_lowercase().contains(word), "{answer}");
        assert!(answer.get("data").is_none_or(Value::is_null), "{answer}");
    }
    assert_eq!(program.client_with(&good).send("{ viewer { displayName } }", json!({})).await.0, 200);
    program.stop().await;
}

#[tokio::test]
async fn ids_and_cursors_that_are_none_leave_the_neighbours_alone() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    harness::integration(&admin, "Neighbour").await;
    let document = "query($id: ID!, $many: [ID!]!) {
        integration(id: $id) { id } node(id: $id) { id } syncRun(id: $id) { id } mapping(id: $id) { id }
        none: nodes(ids: [$id]) { id }
        many: nodes(ids: $many) { id }
        malformed: integrations(after: \"nonsense\") { totalCount }
        foreign: auditEvents(after: \"WyJ0QSJd\") { totalCount }
        zero: integrations(first: 0) { totalCount }
        both: integrations(first: 1, last: 1) { totalCount }
        integrations { totalCount nodes { name } }
    }";
    for id in ["", "1", "nonsense", "aW50ZWdyYXRpb246MQ"] {
        let many = vec![unknown("integration"); 101];
        let (status, answer) = admin.send(document, json!({ "id": id, "many": many })).await;
        assert_eq!(status, 200, "{answer}");
        let data = &answer["data"];
        for field in ["integration", "node", "syncRun", "mapping", "many", "malformed", "foreign", "zero", "both"] {
            assert!(data[field].is_null(), "{field}: {answer}");
        }
        for field in ["many", "malformed", "foreign", "zero", "both"] {
            let error = error_at(&answer, &json!([field]));
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{error}");
            assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.')), "{error}");
        }
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(5), "an unknown id is null and no error: {answer}");
        assert_eq!(data["none"], json!([null]));
        assert_eq!(data["integrations"], json!({ "totalCount": 1, "nodes": [{ "name": "Neighbour" }] }));
    }
    program.stop().await;
}

#[tokio::test]
async fn an_amount_is_a_decimal_in_a_string_and_nothing_else() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Amounts").await;
    let document = |floor: &str| {
        format!(
            "mutation($id: ID!) {{
                bad: integrationSettingsUpdate(input: {{ integrationId: $id, mappingFloor: {floor} }}) {{
                    integration {{ name }} userErrors {{ code field }}
                }}
                good: integrationSettingsUpdate(input: {{ integrationId: $id, name: \"After {}\" }}) {{
                    integration {{ name }}
                }}
            }}",
            floor.replace('"', "")
        )
    };
    for floor in ["0.9", "1", "\"0,9\"", "\"abc\"", "\"\"", "\"1e-1x\"", "\"NaN\"", "true"] {
        let (status, answer) = admin.send(&document(floor), json!({ "id": integration.id })).await;
        assert_eq!(status, 200, "{floor}: {answer}");
        let error = error_at(&answer, &json!(["bad"]));
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{floor}: {error}");
        assert!(error["message"].to_string().contains("decimal"), "{floor}: {error}");
        assert!(answer["data"]["bad"].is_null());
        let name = format!("After {}", floor.replace('"', ""));
        assert_eq!(
            answer["data"]["good"]["integration"]["name"],
            *name.trim(),
            "the neighbour is carried out: {answer}"
        );
    }
    // Well-formed, but not what it is for: the caller can put it right.
    for floor in ["\"0.49\"", "\"1.000001\"", "\"-1\"", "\"0.1234567\"", "\"79228162514264337593543950335\""] {
        let (_, answer) = admin.send(&document(floor), json!({ "id": integration.id })).await;
        let errors = &answer["data"]["bad"]["userErrors"];
        assert_eq!(errors[0]["field"], json!(["input", "mappingFloor"]), "{floor}: {answer}");
    }
    // The same in a variable.
    let document = "mutation($input: IntegrationSettingsUpdateInput!) {
        bad: integrationSettingsUpdate(input: $input) { userErrors { code } }
    }";
    for floor in [json!(0.9), json!("abc"), json!(true), json!([])] {
        let input = json!({ "integrationId": integration.id, "mappingFloor": floor });
        let (_, answer) = admin.send(document, json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{floor}: {answer}");
    }
    let settings = admin.ask("{ integration { settings { mappingFloor } } }", json!({})).await;
    assert_eq!(settings["integration"]["settings"]["mappingFloor"], "0.98", "nothing of it was stored");

    let csv = "productId,customerId,currency,unitPrice,effectiveDate,endDate\n\
               2001,,USD,26.40,2025-01-01,\n2002,,USD,\"7,00\",2025-01-01,\n2003,,USD,5,2025-02-30,\n";
    let input = json!({ "integrationId": integration.id, "csv": csv });
    let selection = "prices { createdCount rejectedCount rejected { line reason } }";
    let prices = admin.done("pricesImport", selection, input).await["prices"].take();
    assert_eq!((&prices["createdCount"], &prices["rejectedCount"]), (&json!(0), &json!(3)), "{prices}");
    for (at, word) in ["no product `2001`", "`7,00`", "`2025-02-30`"].into_iter().enumerate() {
        let rejected = &prices["rejected"][at];
        assert_eq!(rejected["line"], at + 2, "{rejected}");
        assert!(rejected["reason"].as_str().is_some_and(|reason| reason.contains(word)), "{rejected}");
    }
    program.stop().await;
}

/// A synced integration with the id of Acme's mapping and what else could be mapped.
async fn synced(program: &Program, admin: &Client) -> (Value, Value) {
    let integration = harness::connected(program, admin, "Decisions").await;
    harness::sync(admin, &integration).await;
    let document = "{ integration {
        customerMappings { nodes { id version pax8Company { id name } psaCustomer { id name } } }
        psaCustomers { nodes { id name } }
    } }";
    let found = admin.ask(document, json!({})).await["integration"].take();
    let mappings = found["customerMappings"]["nodes"].as_array().expect("a page");
    let acme = mappings.iter().find(|mapping| mapping["pax8Company"]["name"] == "Acme Dental LLC");
    (acme.expect("the machine maps Acme").clone(), found["psaCustomers"]["nodes"].clone())
}

#[tokio::test]
async fn who_decides_on_an_old_version_is_shown_the_new_one() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let (acme, _) = synced(&program, &admin).await;
        let input = |version: &Value| json!({ "mappingId": acme["id"], "expectedVersion": version });
        let selection = "mapping { status version }";
        let first = admin.done("mappingConfirm", selection, input(&acme["version"])).await;
        assert_eq!(first["mapping"]["status"], "CONFIRMED");

        let document = "mutation($old: MappingRejectInput!, $new: MappingRejectInput!) {
            old: mappingReject(input: $old) { mapping { id } userErrors { code message field
                ... on StaleVersionError { subject { ... on CustomerMapping { status version } } } } }
            new: mappingReject(input: $new) { mapping { status } userErrors { code } }
        }";
        let variables = json!({ "old": input(&acme["version"]), "new": input(&first["mapping"]["version"]) });
        let data = admin.ask(document, variables).await;
        assert_eq!(codes(&data["old"]), ["STALE_VERSION"]);
        assert_eq!(data["old"]["userErrors"][0]["subject"], first["mapping"], "the present state comes along");
        assert!(data["old"]["mapping"].is_null());
        assert_eq!(data["new"]["mapping"]["status"], "REJECTED", "the neighbour is carried out");
        program.stop().await;
    }
}

#[tokio::test]
async fn of_two_rivals_at_once_one_is_mapped() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let (acme, customers) = synced(&program, &admin).await;
        let company = &acme["pax8Company"]["id"];
        let input = |mapping: &Value| json!({ "mappingId": mapping });
        admin.done("mappingReject", "mapping { id }", input(&acme["id"])).await;

        // Two people choose a partner for the same company.
        let customer = |name: &str| {
            let found = customers.as_array().and_then(|all| all.iter().find(|customer| customer["name"] == name));
            found.expect("the customer is there")["id"].clone()
        };
        let pair = |name: &str| json!({ "pax8CompanyId": company, "psaCustomerId": customer(name) });
        let selection = "customerMapping { id version }";
        let (one, two) = tokio::join!(
            admin.change("customerMappingCreate", selection, pair("Delta Yoga Studio")),
            admin.change("customerMappingCreate", selection, pair("Borealis Freight Inc")),
        );
        let (mut won, lost) = if codes(&one).is_empty() { (one, two) } else { (two, one) };
        assert_eq!((codes(&won).len(), codes(&lost)), (0, vec!["MAPPING_CONFLICT"]), "{won} {lost}");
        let chosen = won["customerMapping"]["id"].take();

        // Both pairs were put aside, and two people confirm one each.
        admin.done("mappingRemove", "mapping { status }", input(&chosen)).await;
        let selection = "mapping { id status }";
        let (one, two) = tokio::join!(
            admin.change("mappingConfirm", selection, input(&chosen)),
            admin.change("mappingConfirm", selection, input(&acme["id"])),
        );
        let (won, lost) = if codes(&one).is_empty() { (one, two) } else { (two, one) };
        assert_eq!((codes(&won).len(), codes(&lost)), (0, vec!["MAPPING_CONFLICT"]), "{won} {lost}");
        let document = "query($id: ID!) { node(id: $id) { ... on Pax8Company { mapping { id status } } } }";
        let mapped = admin.ask(document, json!({ "id": company })).await;
        assert_eq!(mapped["node"]["mapping"], won["mapping"], "exactly the one that won holds");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_provider_that_is_away_or_no_api_at_all_is_told_apart_from_wrong_credentials() {
    let program = Program::start_idle(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::integration(&admin, "Providers").await;
    let account = "query($id: ID!) { node(id: $id) { ... on ProviderAccount { status failureMessage } } }";
    let state = async || admin.ask(account, json!({ "id": integration.pax8 })).await["node"].take();

    // Nobody listens there, and no other test may.
    let address = "http://127.0.0.1:1/v1";
    let settings = json!({ "base_url": address, "token_url": format!("{address}/token"), "max_tries": 2,
        "first_delay_milliseconds": 1 });
    harness::set_pax8_settings(&program, &integration, settings).await.expect_err("nobody answers");
    let selection = "account { status }";
    let verify = json!({ "providerAccountId": integration.pax8 });
    let payload = admin.change("providerAccountVerify", selection, verify.clone()).await;
    assert_eq!(codes(&payload), ["PROVIDER_UNAVAILABLE"]);
    assert_eq!(payload["account"]["status"], "FAILED");
    let found = state().await;
    assert!(found["failureMessage"].to_string().contains("Pax8"), "{found}");

    let mut wrong = harness::pax8_credentials(&program.sandbox, &integration.pax8);
    wrong["credentials"]["pax8"]["clientSecret"] = json!("wrong");
    let payload = admin.change("providerCredentialsSet", selection, wrong).await;
    assert_eq!(codes(&payload), ["PROVIDER_REJECTED"]);

    let good = harness::pax8_credentials(&program.sandbox, &integration.pax8);
    admin.done("providerCredentialsSet", selection, good).await;
    let page = "<html><body>Please sign in</body></html>";
    program.fault(json!({ "path": "/v1/companies", "html": page, "times": 50 })).await;
    let payload = admin.change("providerAccountVerify", selection, verify.clone()).await;
    assert_eq!(codes(&payload), ["PROVIDER_UNAVAILABLE"], "{payload}");
    let message = payload["userErrors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("not its API") && message.ends_with('.'), "{message}");
    harness::clear_faults(&program.sandbox).await;
    assert_eq!(admin.done("providerAccountVerify", selection, verify).await["account"]["status"], "CONNECTED");

    let side = harness::psa_credentials(&program.sandbox, &integration.pax8);
    assert_eq!(codes(&admin.change("providerCredentialsSet", selection, side).await), ["INVALID_INPUT"]);
    program.stop().await;
}

#[tokio::test]
async fn credentials_that_end_in_the_middle_of_a_sync_end_the_run_and_keep_what_was_read() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Middle").await;
        program.fault(json!({ "path": "/v1/subscriptions", "status": 401, "times": 1000 })).await;
        let run = harness::sync(&admin, &integration).await;
        assert_eq!((&run["status"], &run["phase"]), (&json!("FAILED"), &json!("DONE")));
        let message = run["failureMessage"].as_str().expect("a reason");
        assert!(message.starts_with("Pax8") && message.contains("Set the credentials"), "{message}");
        let document = "{ integration {
            pax8Account { status failureMessage } psaAccount { status }
            pax8Companies { totalCount }
        } }";
        let found = admin.ask(document, json!({})).await["integration"].take();
        assert_eq!(found["pax8Account"]["status"], "RECONNECT_NEEDED", "{found}");
        assert!(found["pax8Account"]["failureMessage"].is_string());
        assert_eq!(found["psaAccount"]["status"], "CONNECTED", "the other side has nothing to do with it");
        assert_eq!(found["pax8Companies"]["totalCount"], 4, "what was read before is kept");
        let input = json!({ "integrationId": integration.id });
        let payload = admin.change("syncRunStart", "syncRun { id }", input).await;
        assert_eq!(codes(&payload), ["PROVIDER_NOT_AUTHORIZED"]);

        harness::clear_faults(&program.sandbox).await;
        harness::connect(&admin, &integration, &program.sandbox).await;
        let run = harness::sync(&admin, &integration).await;
        assert_eq!(run["status"], "SUCCEEDED");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_page_of_html_in_the_middle_of_a_sync_fails_the_run_with_advice() {
    let program = Program::start(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Html").await;
    program.fault(json!({ "path": "/billing/", "html": "<html>maintenance</html>", "times": 1000 })).await;
    let run = harness::sync(&admin, &integration).await;
    assert_eq!(run["status"], "FAILED");
    let message = run["failureMessage"].as_str().expect("a reason");
    assert!(message.starts_with("Rev.io") && message.contains("Check the address"), "{message}");
    let found = admin.ask("{ integration { psaAccount { status } } }", json!({})).await;
    assert_eq!(found["integration"]["psaAccount"]["status"], "CONNECTED", "the credentials are not to blame");
    program.stop().await;
}

/// What a run counted of one list.
fn count<'a>(run: &'a Value, dataset: &str) -> &'a Value {
    let counts = run["results"]["datasets"].as_array().expect("counts");
    counts.iter().find(|count| count["dataset"] == dataset).expect("the list was read")
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_reported_and_nothing_else_is_lost() {
    let items = "pax8/invoice_items/10000000-0000-4000-8000-000000000001.jsonl";
    let broken = [
        ("VENDOR_INVOICE_LINES", items, r#""quantity":17,"#, r#""quantity":"seventeen","#, "vendor_invoice_line"),
        ("SUBSCRIPTIONS", "pax8/subscriptions.jsonl", r#""quantity":17,"#, r#""quantity":[17],"#, "subscription"),
        ("COMPANIES", "pax8/companies.jsonl", r#""name":"Borealis Freight, Inc.""#, r#""name":{}"#, "company"),
    ];
    for database in each_database().await {
        let program = Program::start(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Rows").await;
        assert_eq!(harness::sync(&admin, &integration).await["status"], "SUCCEEDED");
        for (dataset, file, from, to, table) in broken {
            // Lines of drafts come with a list of their own.
            let present = format!(
                "SELECT COUNT(*) AS count FROM {table} WHERE gone_at IS NULL AND external_id NOT LIKE 'draft-%'"
            );
            let before = harness::count_rows(&program.database.url, &present).await;
            let world = tiny_world_but(file, from, to);
            let sandbox = harness::sandbox(world.path(), Duration::ZERO).await;
            // Pages of two, so that the row's page is neither the first nor the last.
            harness::set_pax8_settings(&program, &integration, harness::pax8_settings(&sandbox, 2))
                .await
                .expect("it works");
            let run = harness::sync(&admin, &integration).await;
            assert_eq!(run["status"], "SUCCEEDED_WITH_ISSUES", "{dataset}: {run:#}");
            let counted = count(&run, dataset);
            assert_eq!((&counted["rejected"], &counted["gone"]), (&json!(1), &json!(0)), "{counted}");
            assert_eq!(counted["read"].as_i64(), Some(before - 1), "{counted}");
            let issues = run["issues"]["nodes"].as_array().expect("a page");
            let rejected: Vec<&Value> = issues.iter().filter(|issue| issue["isRejected"] == true).collect();
            assert_eq!(rejected.len(), 1, "{issues:?}");
            assert_eq!((&rejected[0]["dataset"], &rejected[0]["provider"]), (&json!(dataset), &json!("PAX8")));
            assert!(rejected[0]["externalId"].is_string(), "{rejected:?}");
            let after = harness::count_rows(&program.database.url, &present).await;
            assert_eq!(after, before, "no {table} is gone");
            let gone: i64 = run["results"]["datasets"]
                .as_array()
                .map(|counts| {
                    // The stand-in forecasts from the subscriptions that it can read.
                    let counts = counts.iter().filter(|count| count["dataset"] != "DRAFT_INVOICES");
                    counts.filter_map(|count| count["gone"].as_i64()).sum()
                })
                .unwrap_or(-1);
            assert_eq!(gone, 0, "{run:#}");
            sandbox.shutdown().await;
        }
        program.stop().await;
    }
}

#[tokio::test]
async fn an_invoice_that_cannot_be_opened_is_reported_and_keeps_its_lines() {
    let program = Program::start(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Invoice").await;
    assert_eq!(harness::sync(&admin, &integration).await["status"], "SUCCEEDED");
    let path = "/v1/invoices/10000000-0000-4000-8000-000000000001/items";
    program.fault(json!({ "path": path, "status": 404, "times": 100 })).await;
    let run = harness::sync(&admin, &integration).await;
    assert_eq!(run["status"], "SUCCEEDED_WITH_ISSUES", "{run:#}");
    let counted = count(&run, "VENDOR_INVOICE_LINES");
    assert_eq!((&counted["rejected"], &counted["gone"]), (&json!(0), &json!(0)), "{counted}");
    assert_eq!(run["issues"]["nodes"][0]["externalId"], "10000000-0000-4000-8000-000000000001");
    let present =
        "SELECT COUNT(*) AS count FROM vendor_invoice_line WHERE gone_at IS NULL AND external_id NOT LIKE 'draft-%'";
    assert_eq!(harness::count_rows(&program.database.url, present).await, 6);
    program.stop().await;
}

#[tokio::test]
async fn a_draft_that_cannot_be_read_is_reported_and_the_sync_goes_on() {
    let program = Program::start(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Draft").await;
    let drafts =
        "SELECT COUNT(*) AS count FROM vendor_invoice_line WHERE gone_at IS NULL AND external_id LIKE 'draft-%'";
    for status in [403, 404] {
        program.fault(json!({ "path": "/v1/invoices/draftItems", "status": status, "times": 2 })).await;
        let run = harness::sync(&admin, &integration).await;
        assert_eq!(run["status"], "SUCCEEDED_WITH_ISSUES", "{run:#}");
        assert_eq!(run["issues"]["nodes"][0]["dataset"], "DRAFT_INVOICES", "{run:#}");
        assert_eq!(harness::count_rows(&program.database.url, drafts).await, 0);
    }
    let run = harness::sync(&admin, &integration).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert!(harness::count_rows(&program.database.url, drafts).await > 0, "the next month is drafted");
    program.stop().await;
}

#[tokio::test]
async fn a_record_that_a_complete_pull_no_longer_finds_is_gone_and_comes_back_as_the_same() {
    let program = Program::start(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Gone").await;
    harness::sync(&admin, &integration).await;
    let document = "{ integration { pax8Companies(filter: { search: \"Cobalt\" }) { nodes { id isArchived } } } }";
    let before = admin.ask(document, json!({})).await["integration"]["pax8Companies"]["nodes"][0].take();
    let world = tiny_world_but("pax8/companies.jsonl", "\"c0000000-0000-4000-8000-000000000003\"", "\"another\"");
    let sandbox = harness::sandbox(world.path(), Duration::ZERO).await;
    harness::set_pax8_settings(&program, &integration, harness::pax8_settings(&sandbox, 2)).await.expect("it works");
    let run = harness::sync(&admin, &integration).await;
    let counted = count(&run, "COMPANIES");
    assert_eq!((&counted["created"], &counted["gone"]), (&json!(1), &json!(1)), "{run:#}");
    harness::connect(&admin, &integration, &program.sandbox).await;
    let run = harness::sync(&admin, &integration).await;
    assert_eq!(count(&run, "COMPANIES")["gone"], 1, "the other one");
    let after = admin.ask(document, json!({})).await["integration"]["pax8Companies"]["nodes"].take();
    let found = after.as_array().expect("a page").iter().find(|company| company["id"] == before["id"]);
    assert_eq!(found, Some(&before), "the same row with the same id");
    program.stop().await;
}
