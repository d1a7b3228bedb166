//! Mapping through the schema: payloads, errors, and what a page costs.

use async_graphql::{Request, Variables};
use concord::domain::access::{Caller, Role};
use concord::graphql::id::{NodeKind, encode};
use concord::graphql::{Schema, SchemaSettings, schema};
use serde_json::{Value as Json, json};

use crate::mapping_world::{World, caller};
use crate::postgres::{databases, sqlite};

async fn ask(schema: &Schema, caller: &Caller, document: &str, variables: Json) -> Json {
    let request = Request::new(document).variables(Variables::from_json(variables)).data(caller.clone());
    serde_json::to_value(schema.execute(request).await).expect("an answer is JSON")
}

/// A world with this many companies that were mapped by the machine.
async fn world_of(count: usize, database: crate::postgres::TestDatabase) -> World {
    let names = ["Kettle", "Ocotillo", "Saguaro", "Quartz", "Juniper", "Mesquite", "Cobalt", "Lantern"];
    let world = World::open(database).await;
    let rows: Vec<(String, String, String)> = names[..count]
        .iter()
        .enumerate()
        .map(|(at, name)| (format!("{at}"), format!("{name} Workshop"), format!("{}.example", name.to_lowercase())))
        .collect();
    let rows: Vec<(&str, &str, &str)> =
        rows.iter().map(|(id, name, domain)| (id.as_str(), name.as_str(), domain.as_str())).collect();
    world.companies(&rows).await;
    world.customers(&rows).await;
    world.rematch().await.expect("the matching ends");
    world
}

const PAGE: &str = r"
query ($id: ID!) {
  integration(id: $id) {
    customerMappings(first: 100, filter: { statuses: [SUGGESTED] }) {
      totalCount
      nodes {
        id version status confidence { score level }
        explanation { summary signals { kind pax8Value psaValue contribution } }
        pax8Company { name mapping { id } mappingCandidates { psaCustomer { name } } exclusion { reason } }
        psaCustomer { name mappings { id pax8Company { name } } exclusion { reason } }
      }
    }
  }
}";

#[tokio::test]
async fn a_page_costs_the_same_however_many_rows_it_has() {
    let mut costs = Vec::new();
    for count in [2, 8] {
        let world = world_of(count, sqlite()).await;
        let schema = schema(world.services.clone(), SchemaSettings::default());
        let variables = json!({ "id": encode(NodeKind::Integration, world.integration.id.0).to_string() });
        let (mut answer, mut fewest) = (Json::Null, u64::MAX);
        // On a busy machine, references that are loaded together may come in two batches.
        for _ in 0..5 {
            let before = world.services.core.store.read_statements();
            answer = ask(&schema, &world.caller, PAGE, variables.clone()).await;
            fewest = fewest.min(world.services.core.store.read_statements() - before);
        }
        costs.push(fewest);
        assert!(answer["errors"].is_null(), "{answer}");
        let page = &answer["data"]["integration"]["customerMappings"];
        assert_eq!(page["totalCount"], count, "{page}");
        let node = &page["nodes"][0];
        assert_eq!(node["confidence"]["level"], "HIGH", "{node}");
        assert_eq!(node["pax8Company"]["mapping"]["id"], node["id"]);
        assert!(node["explanation"]["signals"].as_array().is_some_and(|signals| !signals.is_empty()));
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0] <= 12, "the page costs {} statements", costs[0]);
}

const CONFIRM: &str = r"
mutation ($id: ID!, $version: Int) {
  mappingConfirm(input: { mappingId: $id, expectedVersion: $version }) {
    mapping { id status version decidedBy }
    userErrors { code message field ... on StaleVersionError { subject { id } } }
  }
}";

#[tokio::test]
async fn a_decision_has_a_payload_and_a_stale_one_an_error_with_the_present_state() {
    for database in databases().await {
        let world = world_of(2, database).await;
        let schema = schema(world.services.clone(), SchemaSettings::default());
        let mapping = &world.mappings(concord::domain::mapping::MappingKind::Customer).await[0];
        let id = encode(NodeKind::CustomerMapping, mapping.id.0).to_string();
        let variables = json!({ "id": id, "version": mapping.version });

        let viewer = caller(world.caller.organization_id, "viewer", Role::Viewer);
        let answer = ask(&schema, &viewer, CONFIRM, variables.clone()).await;
        assert_eq!(answer["data"]["mappingConfirm"], Json::Null);
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");

        let answer = ask(&schema, &world.caller, CONFIRM, variables.clone()).await;
        let payload = &answer["data"]["mappingConfirm"];
        assert_eq!(payload["mapping"]["status"], "CONFIRMED", "{answer}");
        assert_eq!((&payload["mapping"]["decidedBy"], &payload["userErrors"]), (&json!("Ann"), &json!([])));

        let answer = ask(&schema, &world.caller, CONFIRM, variables).await;
        let error = &answer["data"]["mappingConfirm"]["userErrors"][0];
        assert_eq!(error["code"], "STALE_VERSION", "{answer}");
        assert_eq!((&error["subject"]["id"], &error["field"]), (&json!(id), &json!(["input", "expectedVersion"])));

        for unknown in ["nonsense".to_owned(), encode(NodeKind::Integration, mapping.id.0).to_string()] {
            let answer = ask(&schema, &world.caller, CONFIRM, json!({ "id": unknown, "version": null })).await;
            assert_eq!(answer["data"]["mappingConfirm"]["userErrors"][0]["code"], "NOT_FOUND", "{answer}");
        }
    }
}

const RECORDS: &str = r#"
query ($id: ID!, $after: String) {
  integration(id: $id) {
    summary { customers { pax8Count suggestedCount unmappedCount excludedCount } }
    byName: customerMappings(first: 3, after: $after, orderBy: { field: PAX8_NAME }) {
      pageInfo { hasNextPage endCursor } nodes { pax8Company { name } }
    }
    found: pax8Companies(filter: { search: "quartz WORK" }) { totalCount nodes { name provider externalId } }
    unmapped: pax8Companies(filter: { isMapped: false }) { totalCount }
    wrong: psaCustomers(first: 1000) { totalCount }
    last: psaCustomers(last: 2, orderBy: { field: NAME, direction: DESC }) { nodes { name } }
  }
}"#;

#[tokio::test]
async fn lists_are_searched_ordered_and_paged_and_a_bad_one_spoils_no_other() {
    for database in databases().await {
        let world = world_of(5, database).await;
        let schema = schema(world.services.clone(), SchemaSettings::default());
        let id = encode(NodeKind::Integration, world.integration.id.0).to_string();
        let answer = ask(&schema, &world.caller, RECORDS, json!({ "id": id })).await;
        let data = &answer["data"]["integration"];
        assert_eq!(
            data["summary"]["customers"],
            json!({ "pax8Count": 5, "suggestedCount": 5, "unmappedCount": 0, "excludedCount": 0 }),
            "{answer}"
        );
        let names = |list: &Json| -> Vec<String> {
            let names = list["nodes"].as_array().expect("a list").iter();
            names.map(|node| node["pax8Company"]["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(names(&data["byName"]), ["Juniper Workshop", "Kettle Workshop", "Ocotillo Workshop"]);
        assert_eq!(data["byName"]["pageInfo"]["hasNextPage"], true);
        let found = json!({
            "totalCount": 1,
            "nodes": [{ "name": "Quartz Workshop", "provider": "PAX8", "externalId": "3" }],
        });
        assert_eq!(data["found"], found);
        assert_eq!(data["unmapped"]["totalCount"], 0);
        assert_eq!(data["wrong"], Json::Null);
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1));
        assert_eq!(data["last"]["nodes"], json!([{ "name": "Kettle Workshop" }, { "name": "Juniper Workshop" }]));
        let after = data["byName"]["pageInfo"]["endCursor"].clone();
        for list in [
            "customerMappings(after: $after, orderBy: { field: PAX8_NAME, direction: DESC })",
            "customerMappings(before: $after, orderBy: { field: UPDATED_AT })",
            "productMappings(after: $after, orderBy: { field: PAX8_NAME })",
            "pax8Companies(after: $after)",
            "psaCustomers(before: $after, orderBy: { field: NAME })",
        ] {
            let document = format!(
                "query ($id: ID!, $after: String) {{ integration(id: $id) {{ list: {list} {{ totalCount }} }} }}"
            );
            let answer = ask(&schema, &world.caller, &document, json!({ "id": id, "after": after })).await;
            assert_eq!(answer["data"]["integration"]["list"], Json::Null, "{list}");
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{list}: {answer}");
        }
        let answer = ask(&schema, &world.caller, RECORDS, json!({ "id": id, "after": after })).await;
        let rest = &answer["data"]["integration"]["byName"];
        assert_eq!(names(rest), ["Quartz Workshop", "Saguaro Workshop"]);
        assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    }
}

const EXCLUDE: &str = r"
mutation ($id: ID!) {
  exclusionCreate(input: { recordId: $id, reason: NOT_RESOLD }) {
    exclusion { id reason createdBy record { name } }
    userErrors { code }
  }
}";

const BRING_BACK: &str = r"
mutation ($id: ID!) {
  exclusionEnd(input: { exclusionId: $id }) { exclusion { endedBy } userErrors { code } }
}";

#[tokio::test]
async fn a_record_is_left_out_and_brought_back() {
    for database in databases().await {
        let world = world_of(2, database).await;
        let schema = schema(world.services.clone(), SchemaSettings::default());
        let company = world.id::<concord::storage::source::company::CompanyTable>(&world.pax8, "0").await;
        let id = encode(NodeKind::Pax8Company, company).to_string();
        for _ in 0..2 {
            let answer = ask(&schema, &world.caller, EXCLUDE, json!({ "id": id })).await;
            let exclusion = &answer["data"]["exclusionCreate"]["exclusion"];
            assert_eq!(exclusion["record"]["name"], "Kettle Workshop", "{answer}");
            assert_eq!(exclusion["reason"], "NOT_RESOLD");
        }
        let answer = ask(&schema, &world.caller, EXCLUDE, json!({ "id": id })).await;
        let exclusion = answer["data"]["exclusionCreate"]["exclusion"]["id"].clone();
        let answer = ask(&schema, &world.caller, BRING_BACK, json!({ "id": exclusion })).await;
        assert_eq!(answer["data"]["exclusionEnd"]["exclusion"]["endedBy"], "Ann", "{answer}");
        let node = r"query ($id: ID!) { node(id: $id) { ... on Pax8Company { exclusion { id } } } }";
        let answer = ask(&schema, &world.caller, node, json!({ "id": id })).await;
        assert_eq!(answer["data"]["node"], json!({ "exclusion": null }), "{answer}");
    }
}

const SIGNALS: &str = r"
query ($id: ID!) { integration(id: $id) { productMappings { nodes { explanation { signals {
  kind pax8Value psaValue contribution
} } } } } }";

#[tokio::test]
async fn what_costs_say_about_a_pair_is_for_finance_and_hidden_is_not_unknown() {
    for database in databases().await {
        let world = World::open(database).await;
        world.products(&[("p", "Microsoft 365 Business Premium", &["Monthly/Monthly"])]).await;
        world.items(&[("2001", "Microsoft 365 Business Premium")]).await;
        world.rematch().await.expect("the matching ends");
        let schema = schema(world.services.clone(), SchemaSettings::default());
        let variables = json!({ "id": encode(NodeKind::Integration, world.integration.id.0).to_string() });
        let path = "/data/integration/productMappings/nodes/0/explanation/signals";
        let finance = caller(world.caller.organization_id, "finance", Role::Finance);
        let answer = ask(&schema, &finance, SIGNALS, variables.clone()).await;
        let signals = answer.pointer(path).and_then(Json::as_array).expect("signals").clone();
        let at = signals.iter().position(|signal| signal["kind"] == "COST").expect("the costs were compared");
        assert!(signals[at]["contribution"].is_string() && signals[at]["psaValue"].is_string(), "{answer}");
        assert_eq!(answer["errors"], Json::Null);

        let viewer = caller(world.caller.organization_id, "viewer", Role::Viewer);
        let answer = ask(&schema, &viewer, SIGNALS, variables).await;
        let hidden = json!({ "kind": "COST", "pax8Value": null, "psaValue": null, "contribution": null });
        let seen = answer.pointer(path).and_then(Json::as_array).expect("signals");
        assert_eq!(seen[at], hidden);
        for (signal, known) in seen.iter().zip(&signals).filter(|(_, known)| known["kind"] != "COST") {
            assert_eq!(signal, known);
        }
        let errors = answer["errors"].as_array().expect("errors");
        for field in ["pax8Value", "psaValue", "contribution"] {
            let end = json!(["explanation", "signals", at, field]);
            let found = errors.iter().find(|error| {
                error["path"].as_array().is_some_and(|path| path.ends_with(end.as_array().expect("a path")))
            });
            assert_eq!(found.expect("an error at the field")["extensions"]["code"], "FORBIDDEN");
        }
    }
}

#[test]
fn what_was_added_is_described() {
    let sdl = concord::graphql::sdl();
    for name in ["mappingConfirm(", "mappingsImport(", "pricesImport(", "type MatchSignal", "interface Mapping"] {
        assert!(sdl.contains(name), "`{name}` is not in the schema");
    }
}

const BULK: &str = r"
mutation ($ids: [ID!]!, $versions: [Int!]) {
  mappingBulkDecide(input: { mappingIds: $ids, expectedVersions: $versions, decision: CONFIRM }) {
    results { mapping { status } userErrors { code field } }
    userErrors { code field }
  }
}";

#[tokio::test]
async fn a_bulk_decision_says_which_of_its_arguments_was_wrong() {
    for database in databases().await {
        let world = world_of(2, database).await;
        let schema = schema(world.services.clone(), SchemaSettings::default());
        let mappings = world.mappings(concord::domain::mapping::MappingKind::Customer).await;
        let id = |at: usize| encode(NodeKind::CustomerMapping, mappings[at].id.0).to_string();
        let variables = json!({ "ids": [id(0), "nonsense", id(1)], "versions": [mappings[0].version, 1, 99] });
        let answer = ask(&schema, &world.caller, BULK, variables).await;
        let payload = &answer["data"]["mappingBulkDecide"];
        assert_eq!(payload["userErrors"], json!([]), "{answer}");
        let expected = json!([
            { "mapping": { "status": "CONFIRMED" }, "userErrors": [] },
            { "mapping": null, "userErrors": [{ "code": "NOT_FOUND", "field": ["input", "mappingIds", "1"] }] },
            { "mapping": null, "userErrors": [{ "code": "STALE_VERSION", "field": ["input", "expectedVersions", "2"] }] },
        ]);
        assert_eq!(payload["results"], expected, "{answer}");
    }
}

const REJECT: &str = r"
mutation ($id: ID!) {
  mappingReject(input: { mappingId: $id }) {
    mapping { status }
    floor { chosen inForce reviewedCount wrongCount precisionAtLeast explanation mistake { id } }
    userErrors { code }
  }
}";

const PREVIEW: &str = r"
query ($id: ID!, $floor: Decimal!) {
  integration(id: $id) {
    summary { customers { floor { inForce } } products { floor { inForce explanation } } }
    mappingPreview(kind: CUSTOMER, floor: $floor) {
      floor floorInForce mappedCount gainedCount lostCount
      lost { confidence { score } }
      replay {
        rightCount wrongCount openCount precisionAtLeast
        wrong { pax8Record { id ... on Pax8Company { name } } psaRecord { ... on PsaCustomer { name } } }
      }
      lessons { aliases { pax8Words } weights { kind factor } }
    }
  }
}";

#[tokio::test]
async fn a_rejection_answers_with_the_floor_and_a_preview_tries_another() {
    for database in databases().await {
        let world = world_of(3, database).await;
        let schema = schema(world.services.clone(), SchemaSettings::default());
        let mapping = &world.mappings(concord::domain::mapping::MappingKind::Customer).await[0];
        let id = encode(NodeKind::CustomerMapping, mapping.id.0).to_string();
        let integration = encode(NodeKind::Integration, world.integration.id.0).to_string();
        let answer = ask(&schema, &world.caller, REJECT, json!({ "id": id })).await;
        let floor = &answer["data"]["mappingReject"]["floor"];
        assert_eq!((&floor["chosen"], &floor["inForce"]), (&json!("0.98"), &json!("0.9999")), "{answer}");
        assert_eq!((&floor["reviewedCount"], &floor["wrongCount"]), (&json!(1), &json!(1)));
        assert_eq!((&floor["mistake"]["id"], &floor["precisionAtLeast"]), (&json!(id), &json!("0")));
        let answer = ask(&schema, &world.caller, REJECT, json!({ "id": "nonsense" })).await;
        assert_eq!(answer["data"]["mappingReject"]["floor"], Json::Null, "{answer}");

        let answer = ask(&schema, &world.caller, PREVIEW, json!({ "id": integration, "floor": "1" })).await;
        let data = &answer["data"]["integration"];
        let preview = &data["mappingPreview"];
        assert_eq!((&preview["floor"], &preview["floorInForce"]), (&json!("1"), &json!("0.9999")), "{answer}");
        assert_eq!(
            (&preview["mappedCount"], &preview["lostCount"]),
            (&json!(0), &json!(2)),
            "nothing is certain: {answer}"
        );
        let answer = ask(&schema, &world.caller, PREVIEW, json!({ "id": integration, "floor": "0.9" })).await;
        let preview = &answer["data"]["integration"]["mappingPreview"];
        assert_eq!((&preview["mappedCount"], &preview["lostCount"]), (&json!(2), &json!(0)), "{answer}");
        let wrong = &preview["replay"]["wrong"][0];
        assert!(wrong["pax8Record"]["name"].as_str().is_some_and(|name| name.ends_with("Workshop")), "{answer}");
        assert_eq!(wrong["pax8Record"]["name"], wrong["psaRecord"]["name"]);
        let data = &answer["data"]["integration"];
        assert_eq!(data["summary"]["products"]["floor"]["inForce"], "0.98");
        for outside in ["1.000001", "-0.1", "99999999999999999999999999"] {
            let answer = ask(&schema, &world.caller, PREVIEW, json!({ "id": integration, "floor": outside })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
            assert!(!answer["data"]["integration"]["summary"].is_null(), "{answer}");
        }
    }
}
