//! Two organizations: one with an object of nearly every type, and its rival, whose world has other names and sums.

use std::path::Path;

use concord::environment::{Clock, SystemClock};
use concord::sandbox::RunningSandbox;
use serde_json::{Value, json};

use super::document::{Ids, kind_word};
use super::schema::Schema;
use crate::postgres::TestDatabase;
use crate::program::harness::{self, Client, Hands, Integration, Program, copy_directory};
use crate::program::roles::ROLES;

/// Words of the first organization's world, and what stands for them in the rival's.
const RENAMED: &[(&str, &str)] = &[
    ("Acme Dental", "Quarry Optics"),
    ("ACMEDENTAL", "QUARRYOPTICS"),
    ("acmedental", "quarryoptics"),
    ("Borealis Freight", "Umber Logistics"),
    ("BOREALIS", "UMBER"),
    ("borealisfreight", "umberlogistics"),
    ("Cobalt Bakery", "Zinnia Florist"),
    ("Delta Yoga", "Omega Judo"),
    ("DELTAYOGA", "OMEGAJUDO"),
    ("deltayoga", "omegajudo"),
    ("Harborlight", "Lanternway"),
    ("HARBORLIGHT", "LANTERNWAY"),
    ("harborlight", "lanternway"),
    ("Managed Workstation", "Tended Laptop"),
    ("0000000-0000-4000-8000-", "1111111-1111-4111-8111-"),
    ("23.232", "24.343"),
    ("278.78", "292.11"),
    ("394.94", "413.83"),
    ("811.13", "846.57"),
];

/// The name of the first organization's integration, and what it writes about its objects.
const PLANTED: &[&str] = &["Velvet", "Foxglove", "Larkspur", "of default"];

/// Companies and customers of the first organization beside those of the tiny world, by what tells them apart from the
/// first one there: its number, its name and the name of its site. Two pairs teach what their words have in common, and
/// the last customer is there twice.
const COMPANIES: &[(&str, &str, &str)] =
    &[("11", "Foxglove Chambers", "foxglove"), ("12", "Larkspur Chambers", "larkspur")];
const CUSTOMERS: &[(&str, &str, &str)] = &[
    ("11", "Foxglove Lawyers", "foxglove"),
    ("12", "Larkspur Lawyers", "larkspur"),
    ("13", "Acme Dental", "acmedental"),
];

/// Both organizations in one program.
pub struct World {
    pub program: Program,
    /// A client of the first organization for each role; the administrator comes first.
    pub owners: Vec<(&'static str, Client)>,
    /// The same of the rival.
    pub rivals: Vec<(&'static str, Client)>,
    /// An object of each kind that the first organization has.
    pub ids: Ids,
    /// Objects of the rival.
    pub rival_ids: Ids,
    rival_sandbox: RunningSandbox,
}

impl World {
    /// Makes both.
    pub async fn new(database: TestDatabase, schema: &Schema) -> Self {
        let directory = own_world();
        let program = Program::public_over(database, directory.path(), Hands::Working).await;
        let owners = clients(&program, "default").await;
        let rivals = clients(&program, "rival").await;
        let (owner, rival) = (&owners[0].1, &rivals[0].1);

        let integration = harness::connected(&program, owner, "Velvet Integration").await;
        fill(owner, &integration).await;
        let ids = ids(owner, &integration).await;
        for object in schema.objects("Node") {
            let kind = kind_word(&object);
            let id = ids.get(kind.as_str()).unwrap_or_else(|| panic!("the world has no `{kind}`: give it one"));
            let found = owner.ask("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id })).await;
            assert_eq!(found["node"], json!({ "__typename": object, "id": id }));
        }

        let directory = rival_world();
        let rival_sandbox = harness::sandbox(directory.path(), std::time::Duration::ZERO).await;
        let integration = harness::integration(rival, "Rival").await;
        harness::connect(rival, &integration, &rival_sandbox).await;
        harness::sync(rival, &integration).await;
        harness::reconciled(rival, &integration).await;
        let rival_ids = rival_ids(rival, &integration).await;
        Self { program, owners, rivals, ids, rival_ids, rival_sandbox }
    }

    /// Stops the program and both sandboxes.
    pub async fn stop(self) {
        self.program.stop().await;
        self.rival_sandbox.shutdown().await;
    }
}

/// Texts that are the first organization's own, and that the rival must never see.
pub fn secrets() -> Vec<&'static str> {
    RENAMED.iter().map(|(own, _)| *own).chain(PLANTED.iter().copied()).collect()
}

async fn clients(program: &Program, organization: &str) -> Vec<(&'static str, Client)> {
    let mut clients = Vec::new();
    for role in ROLES.into_iter().rev() {
        clients.push((role, program.client_of(organization, role).await));
    }
    for (_, client) in &clients {
        // The first request of a token notes its use.
        client.ask("{ viewer { displayName } }", json!({})).await;
    }
    clients
}

/// The tiny world with a cost that cannot be read, and with more companies and customers.
fn own_world() -> tempfile::TempDir {
    let items = "pax8/invoice_items/10000000-0000-4000-8000-000000000001.jsonl";
    let world = harness::tiny_world_but(items, "\"costTotal\":278.78", "\"costTotal\":\"278,78\"");
    for (file, number, name, added) in [
        ("pax8/companies.jsonl", "000000000001", "Acme Dental LLC", COMPANIES),
        ("psa/customers.jsonl", "\"id\":101", "Acme Dental", CUSTOMERS),
    ] {
        let path = world.path().join(file);
        let mut text = std::fs::read_to_string(&path).expect("the file is part of the world");
        let first = text.lines().next().expect("a line").to_owned();
        for (digits, other, site) in added {
            let other_number = format!("{}{digits}", &number[..number.len() - 2]);
            let line = first.replace(number, &other_number).replace(name, other).replace("acmedental", site);
            // Whoever is there twice shares telephone and street, others do not.
            let line = if *other == name {
                line
            } else {
                line.replace("555-0101", &format!("555-02{digits}")).replace("100 Main", &format!("{digits}00 Side"))
            };
            text.push_str(&line);
            text.push('\n');
        }
        std::fs::write(&path, text).expect("the copy can be written");
    }
    world
}

/// The tiny world under other names.
fn rival_world() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("the temporary folder can be written");
    copy_directory(&harness::tiny_world(), copy.path());
    let mut all = String::new();
    rename(copy.path(), &mut all);
    for (own, _) in RENAMED {
        assert!(!all.contains(own), "`{own}` is in the rival's world");
    }
    copy
}

fn rename(directory: &Path, all: &mut String) {
    let renamed = |text: &str| RENAMED.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    for entry in std::fs::read_dir(directory).expect("the copy is there") {
        let path = entry.expect("the copy is there").path();
        if path.is_dir() {
            rename(&path, all);
            continue;
        }
        let text = renamed(&std::fs::read_to_string(&path).expect("the fixture is text"));
        std::fs::remove_file(&path).expect("the copy can be written");
        let name = renamed(path.file_name().and_then(|name| name.to_str()).expect("a name"));
        std::fs::write(path.with_file_name(name), &text).expect("the copy can be written");
        all.push_str(&text);
    }
}

/// Does something of everything.
async fn fill(owner: &Client, integration: &Integration) {
    harness::sync(owner, integration).await;
    // Nothing is ever told to one that is set up by hand, so that the world stays as it is.
    let input = json!({ "providerAccountId": integration.pax8, "manual": true });
    owner.done("providerWebhookRegister", "webhook { url }", input).await;
    let records = map(owner, integration).await;
    harness::reconciled(owner, integration).await;
    settle(owner, integration).await;
    // What a mapping no longer holds together changes the next report, and the pair is offered again.
    for list in ["customerMappings", "productMappings"] {
        let mapping = node(&records[list], |node| node["status"] == "SUGGESTED");
        owner.done("mappingRemove", "mapping { id }", json!({ "mappingId": mapping["id"] })).await;
    }
    harness::sync(owner, integration).await;
    harness::reconciled(owner, integration).await;
    let id = &integration.id;
    let input = json!({ "integrationId": id, "periodFrom": "2026-10", "periodTo": "2026-10", "asOf": "2026-10-02" });
    let run = owner.done("reconciliationRunStart", "reconciliationRun { id }", input).await;
    let document = "subscription($run: ID!) { reconciliationRunEvents(reconciliationRunId: $run) { __typename } }";
    let variables = json!({ "run": run["reconciliationRun"]["id"] });
    owner.subscribe(document, variables).await.rest("reconciliationRunEvents").await;
    let input = json!({ "integrationId": id, "period": "2026-09", "unsettledCount": 0, "reason": "Velvet reason" });
    owner.change("periodClose", "billingPeriod { status }", input).await;
}

/// The first node of a page that is of this sort.
fn node(page: &Value, is_this: impl Fn(&Value) -> bool) -> &Value {
    let nodes = page["nodes"].as_array().expect("a page");
    nodes.iter().find(|node| is_this(node)).unwrap_or_else(|| panic!("there is one in {page:#}"))
}

/// Decides about mappings and returns the records and mappings as they are afterwards.
async fn map(owner: &Client, integration: &Integration) -> Value {
    let prices = std::fs::read_to_string(harness::tiny_world().join("psa/price_book.csv")).expect("a price book");
    let input = json!({ "integrationId": integration.id, "csv": prices });
    owner.done("pricesImport", "prices { createdCount }", input).await;
    let document = "{ integration {
        customerMappings { nodes { id status pax8Company { name } } } productMappings { nodes { id status } }
        pax8Companies { nodes { id name } } psaCustomers { nodes { id name } }
    } }";
    let records = owner.ask(document, json!({})).await["integration"].take();
    let named = |list: &str, name: &str| node(&records[list], |node| node["name"] == name)["id"].clone();
    for (company, customer) in [
        ("Foxglove Chambers", "Foxglove Lawyers"),
        ("Larkspur Chambers", "Larkspur Lawyers"),
        ("Acme Dental LLC", "Acme Dental"),
    ] {
        let (company, customer) = (named("pax8Companies", company), named("psaCustomers", customer));
        let input = json!({ "pax8CompanyId": company, "psaCustomerId": customer });
        owner.change("customerMappingCreate", "customerMapping { id }", input).await;
    }
    for list in ["customerMappings", "productMappings"] {
        let input = json!({ "mappingId": records[list]["nodes"][0]["id"], "reason": "Velvet reason" });
        owner.done("mappingConfirm", "mapping { id }", input).await;
    }
    let input = json!({ "mappingId": records["productMappings"]["nodes"][1]["id"], "reason": "Velvet reason" });
    owner.done("mappingReject", "mapping { id }", input).await;
    let record = named("psaCustomers", "Delta Yoga Studio");
    let input = json!({ "recordId": record, "reason": "OTHER", "note": "Velvet note" });
    owner.done("exclusionCreate", "exclusion { id }", input).await;
    owner.ask(document, json!({})).await["integration"].take()
}

/// Decides about one discrepancy, hides others, and changes the rules.
async fn settle(owner: &Client, integration: &Integration) {
    let id = &integration.id;
    let found = owner.ask("{ discrepancies { nodes { id type } } }", json!({})).await;
    // The bakery stays without a customer, so that the next report has something to hide.
    let hidden = "CUSTOMER_MISSING_IN_PSA";
    let one = node(&found["discrepancies"], |one| one["type"] != hidden);
    let input = json!({ "discrepancyId": one["id"], "text": "Velvet note" });
    owner.done("discrepancyNoteAdd", "note { text }", input).await;
    let input = json!({ "discrepancyId": one["id"], "assignee": "Ada", "dueOn": "2026-12-01" });
    owner.done("discrepancyAssign", "discrepancy { id }", input).await;
    let input = json!({ "discrepancyId": one["id"], "resolution": "TIMING", "reason": "Velvet reason" });
    owner.done("discrepancyResolve", "discrepancy { id }", input).await;
    let today = Clock::now(&SystemClock).date_naive();
    let input = json!({
        "integrationId": id, "types": [hidden], "reason": "Velvet reason", "largestAmount": "1000",
        "expiresOn": today.to_string(),
    });
    owner.done("suppressionRuleCreate", "suppressionRule { id }", input).await;
    let input = json!({
        "integrationId": id, "name": "Velvet rules", "switches": [{ "name": "toleranceAbsolute", "value": "0.02" }],
    });
    owner.done("reconciliationPolicyUpdate", "reconciliationPolicy { version }", input).await;
}

const IDS: &str = "query($id: ID!) {
    integration(id: $id) {
        pax8Account { id }
        syncRuns { nodes { id } } psaCustomers { nodes { id } } psaProducts { nodes { id } }
        pax8Companies { nodes { id mappingCandidates { psaCustomer { id } } } }
        pax8Products { nodes { id mappingCandidates { psaProduct { id } } } }
        customerMappings { nodes { id } } productMappings { nodes { id } }
    }
    pax8Subscriptions(integrationId: $id) { nodes { id } }
    reconciliationRuns(integrationId: $id) { nodes { id report { id } } }
    discrepancies(integrationId: $id) { nodes { id notes { text } } }
    suppressionRules(integrationId: $id) { nodes { id } }
    auditEvents(last: 1) { nodes { id } }
    apiTokens { nodes { id } }
}";

/// An object of each kind that has been made in the ordinary course of work; the kinds come from the tables here.
async fn usual_ids(owner: &Client, integration: &Integration) -> (Ids, Value) {
    let found = owner.ask(IDS, json!({ "id": integration.id })).await;
    let of = &found["integration"];
    let first = |page: &Value| page["nodes"][0]["id"].clone();
    let ids = Ids::from([
        ("integration", integration.id.clone()),
        ("provider_account", of["pax8Account"]["id"].clone()),
        ("sync_run", first(&of["syncRuns"])),
        ("pax8_company", first(&of["pax8Companies"])),
        ("pax8_product", first(&of["pax8Products"])),
        ("pax8_subscription", first(&found["pax8Subscriptions"])),
        ("psa_customer", first(&of["psaCustomers"])),
        ("psa_product", first(&of["psaProducts"])),
        ("customer_mapping", first(&of["customerMappings"])),
        ("product_mapping", first(&of["productMappings"])),
        ("reconciliation_run", first(&found["reconciliationRuns"])),
        ("reconciliation_report", found["reconciliationRuns"]["nodes"][0]["report"]["id"].clone()),
        ("audit_event", first(&found["auditEvents"])),
        ("api_token", first(&found["apiTokens"])),
    ]);
    (ids, found)
}

/// An object of each kind. A new kind has to be added here, and made in [`fill`].
async fn ids(owner: &Client, integration: &Integration) -> Ids {
    let (mut ids, found) = usual_ids(owner, integration).await;
    let excluded = "{ integration { psaCustomers { nodes { exclusion { id } } } } }";
    let excluded = owner.ask(excluded, json!({})).await;
    let exclusion = node(&excluded["integration"]["psaCustomers"], |node| node["exclusion"]["id"].is_string());
    let noted = node(&found["discrepancies"], |node| node["notes"][0]["text"].is_string());
    ids.insert("discrepancy", noted["id"].clone());
    ids.insert("exclusion", exclusion["exclusion"]["id"].clone());
    ids.insert("suppression_rule", found["suppressionRules"]["nodes"][0]["id"].clone());
    for (kind, list) in [("pax8_company", "pax8Companies"), ("pax8_product", "pax8Products")] {
        let unmapped = node(&found["integration"][list], |node| node["mappingCandidates"][0].is_object());
        ids.insert(kind, unmapped["id"].clone());
    }
    // The run of October is the latest; the report of September has more in it.
    ids.insert("reconciliation_report", found["reconciliationRuns"]["nodes"][1]["report"]["id"].clone());
    for (kind, id) in &ids {
        assert!(harness::is_global_id(id, kind), "{id} is the id of a `{kind}`");
    }
    ids
}

/// The rival has no more than what a sync and a report make; for the rest it asks for what is not there.
async fn rival_ids(rival: &Client, integration: &Integration) -> Ids {
    let (mut ids, found) = usual_ids(rival, integration).await;
    ids.insert("discrepancy", found["discrepancies"]["nodes"][0]["id"].clone());
    for kind in ["exclusion", "suppression_rule"] {
        ids.insert(kind, crate::program::roles::unknown(kind));
    }
    ids
}
