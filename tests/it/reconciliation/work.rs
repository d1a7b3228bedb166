//! Work on discrepancies through GraphQL, on both databases: decisions and what the next report makes of them, rules that
//! hide, months that are closed, policies with versions, comparisons, totals, and why a number is what it is.

use async_graphql::{Request, Variables};
use chrono::TimeDelta;
use concord::domain::access::{Actor, Caller, Role, Roles};
use concord::domain::id::{ReportId, TokenId};
use concord::graphql::id::{NodeKind, encode};
use concord::graphql::{Schema, SchemaSettings, schema};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{World, worlds};

/// A person with a token of their own.
pub fn person(world: &World, name: &str) -> Caller {
    let id = TokenId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()));
    let actor = Actor::Token { id, name: name.to_owned() };
    Caller { actor, roles: Roles::from(Role::Finance), ..world.caller(Role::Finance) }
}

/// The schema, and the answers to documents.
pub struct Client<'a> {
    world: &'a World,
    schema: Schema,
}

impl<'a> Client<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, schema: schema(world.services.clone(), SchemaSettings::default()) }
    }

    pub async fn send(&self, caller: Caller, document: &str, variables: Value) -> Value {
        let request = Request::new(document).variables(Variables::from_json(variables)).data(caller);
        let answer = self.schema.execute(request).await;
        serde_json::to_value(&answer).expect("an answer is JSON")
    }

    /// What a document answers that must succeed.
    pub async fn ask(&self, document: &str, variables: Value) -> Value {
        let answer = self.send(person(self.world, "Ada"), document, variables).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// The payload of a mutation.
    pub async fn call(&self, caller: Caller, mutation: &str, fields: &str, input: Value) -> Value {
        let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let document = format!(
            "mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {fields}
             userErrors {{ code message field }} }} }}"
        );
        let answer = self.send(caller, &document, json!({ "input": input })).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"][mutation].clone()
    }

    /// The payload of a mutation that must do what it says.
    pub async fn done(&self, mutation: &str, fields: &str, input: Value) -> Value {
        let payload = self.call(person(self.world, "Ada"), mutation, fields, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        payload
    }

    /// The code of the only reason why a mutation was refused.
    pub async fn refused(&self, caller: Caller, mutation: &str, fields: &str, input: Value) -> (String, Value) {
        let payload = self.call(caller, mutation, fields, input).await;
        let errors = payload["userErrors"].as_array().expect("a list");
        assert_eq!(errors.len(), 1, "{payload}");
        (errors[0]["code"].as_str().expect("a code").to_owned(), errors[0]["field"].clone())
    }

    pub fn integration(&self) -> String {
        encode(NodeKind::Integration, self.world.integration_id.0).0
    }

    /// The only discrepancy there is.
    pub async fn discrepancy(&self) -> Value {
        let data = self
            .ask(
                "{ discrepancies { nodes { id status assignee dueOn version goneSince notes { author text }
                   decision { resolution scope until reason decidedBy periods { period effect { amount }
                   costEffect { amount } } } suppressionRule { id } occurrences { period effect { amount } } } } }",
                json!({}),
            )
            .await;
        let found = data["discrepancies"]["nodes"].as_array().expect("a list");
        assert_eq!(found.len(), 1, "{data}");
        found[0].clone()
    }

    pub async fn status(&self) -> String {
        self.discrepancy().await["status"].as_str().expect("a status").to_owned()
    }
}

pub fn report_id(id: Option<ReportId>) -> String {
    encode(NodeKind::ReconciliationReport, id.expect("a report").0).0
}

pub fn november(world: &World) -> concord::domain::period::Period {
    world.october().next()
}

#[tokio::test]
async fn a_decision_holds_for_the_months_and_amounts_that_were_seen() {
    for world in worlds().await {
        world.reconcile().await;
        let client = Client::new(&world);
        let id = client.discrepancy().await["id"].clone();
        let fields = "discrepancy { status version }";
        let input = json!({ "discrepancyId": id, "reason": "Agreed with Acme.", "expectedVersion": 1 });
        let payload = client.done("discrepancyWriteOff", fields, input.clone()).await;
        assert_eq!(payload["discrepancy"], json!({ "status": "WRITTEN_OFF", "version": 2 }));
        let decision = client.discrepancy().await["decision"].clone();
        assert_eq!(decision["scope"], "THESE_PERIODS");
        assert_eq!(
            decision["periods"],
            json!([{ "period": "2026-10", "effect": { "amount": "-44.00" }, "costEffect": { "amount": "0.00" } }])
        );

        // The same again is harmless, another decision is not, and neither is an old version.
        let again = json!({ "discrepancyId": id, "reason": "Agreed with Acme." });
        let payload = client.done("discrepancyWriteOff", fields, again).await;
        assert_eq!(payload["discrepancy"]["version"], 2);
        let other = json!({ "discrepancyId": id, "resolution": "TIMING" });
        let refused = client.refused(person(&world, "Ada"), "discrepancyResolve", fields, other).await;
        assert_eq!(refused.0, "INVALID_TRANSITION");
        let refused = client.refused(person(&world, "Ada"), "discrepancyWriteOff", fields, input).await;
        assert_eq!(refused, ("STALE_VERSION".to_owned(), json!(["input", "expectedVersion"])));

        // Another look at the same month changes nothing; other amounts reopen it, and it says why.
        world.change("UPDATE psa_product SET name = 'Renamed'").await;
        world.reconcile().await;
        assert_eq!(client.status().await, "WRITTEN_OFF");
        world.bill_acme("9").await;
        world.reconcile().await;
        let found = client.discrepancy().await;
        assert_eq!((&found["status"], &found["decision"]), (&json!("REOPENED"), &Value::Null));
        assert_eq!(found["notes"][0]["author"], "Concord");
        assert!(found["notes"][0]["text"].as_str().is_some_and(|text| text.contains("2026-10")), "{found}");
    }
}

#[tokio::test]
async fn the_next_month_reopens_a_decision_unless_it_was_made_for_it() {
    for scope in ["THESE_PERIODS", "WHILE_UNCHANGED", "UNTIL"] {
        for world in worlds().await {
            world.reconcile().await;
            let client = Client::new(&world);
            let id = client.discrepancy().await["id"].clone();
            let until = (scope == "UNTIL").then_some("2026-11-01");
            let input =
                json!({ "discrepancyId": id, "resolution": "ACCEPTED_BY_CONTRACT", "scope": scope, "until": until });
            client.done("discrepancyResolve", "discrepancy { status }", input).await;
            world.add_month("2026-11-05".parse().expect("a day")).await;
            world.reconcile().await;
            let expected = if scope == "THESE_PERIODS" { "REOPENED" } else { "RESOLVED" };
            assert_eq!(client.status().await, expected, "{scope}");
            assert_eq!(client.discrepancy().await["occurrences"].as_array().map(Vec::len), Some(2));
        }
    }
}

#[tokio::test]
async fn what_is_put_right_closes_itself_and_comes_back() {
    for world in worlds().await {
        world.reconcile().await;
        let client = Client::new(&world);
        let id = client.discrepancy().await["id"].clone();
        let input = json!({ "discrepancyId": id, "assignee": "Bob", "dueOn": "2026-11-15" });
        let payload = client.done("discrepancyAssign", "discrepancy { status assignee dueOn }", input).await;
        let expected = json!({ "status": "IN_REVIEW", "assignee": "Bob", "dueOn": "2026-11-15" });
        assert_eq!(payload["discrepancy"], expected);
        world.bill_acme("12").await;
        world.reconcile().await;
        let found = client.discrepancy().await;
        assert_eq!((&found["status"], found["goneSince"].is_null()), (&json!("RESOLVED"), false));
        assert_eq!(found["occurrences"], json!([]));

        let comparison =
            "query($id: ID!) { reconciliationReport(id: $id) { comparison { newCount changedCount goneCount
            changes { totalCount nodes { kind effectBefore { amount } effectAfter { amount }
            discrepancy { type } } } previousReport { id } } } }";
        world.bill_acme("10").await;
        let run = world.reconcile().await;
        assert_eq!(client.status().await, "REOPENED");
        // The report is the one of the first run; the comparison is that of this one.
        let document = "query($id: ID!) { reconciliationRun(id: $id) { comparison { newCount goneCount
            changes(kind: NEW) { nodes { kind effectBefore { amount } effectAfter { amount } } } } } }";
        let data = client.ask(document, json!({ "id": encode(NodeKind::ReconciliationRun, run.id.0).0 })).await;
        assert_eq!(
            data["reconciliationRun"]["comparison"],
            json!({ "newCount": 1, "goneCount": 0, "changes": { "nodes": [
                { "kind": "NEW", "effectBefore": null, "effectAfter": { "amount": "-44.00" } } ] } })
        );
        world.bill_acme("8").await;
        let run = world.reconcile().await;
        let data = client.ask(comparison, json!({ "id": report_id(run.report_id) })).await;
        let found = &data["reconciliationReport"]["comparison"];
        assert_eq!(
            (&found["newCount"], &found["changedCount"], &found["goneCount"]),
            (&json!(0), &json!(1), &json!(0))
        );
        assert_eq!(
            found["changes"]["nodes"],
            json!([{ "kind": "CHANGED", "effectBefore": { "amount": "-44.00" }, "effectAfter": { "amount": "-88.00" },
                "discrepancy": { "type": "QUANTITY_UNDER" } }])
        );
    }
}

#[tokio::test]
async fn a_rule_hides_until_its_day_and_every_report_says_what() {
    for world in worlds().await {
        let first = world.reconcile().await;
        let client = Client::new(&world);
        let input = json!({ "integrationId": client.integration(), "types": ["QUANTITY_UNDER"], "largestAmount": "50",
            "reason": "Acme pays for two by another contract.", "expiresOn": "2026-12-31" });
        let payload =
            client.done("suppressionRuleCreate", "suppressionRule { id owner isActive }", input.clone()).await;
        assert_eq!(
            (&payload["suppressionRule"]["owner"], &payload["suppressionRule"]["isActive"]),
            (&json!("Ada"), &json!(true))
        );
        assert_eq!(client.status().await, "SUPPRESSED");

        let hidden = "query($id: ID!) { reconciliationReport(id: $id) { verdict totals { leakage { amount } }
            hidden { owner reason count leakage { amount } costEffect { amount } } } }";
        let before = client.ask(hidden, json!({ "id": report_id(first.report_id) })).await;
        assert_eq!(before["reconciliationReport"]["hidden"], json!([]), "a report never changes");
        let second = world.reconcile().await;
        assert_ne!(first.report_id, second.report_id);
        let after = client.ask(hidden, json!({ "id": report_id(second.report_id) })).await;
        let report = &after["reconciliationReport"];
        assert_eq!(
            (&report["verdict"], &report["totals"][0]["leakage"]["amount"]),
            (&json!("DISCREPANT"), &json!("-44.00"))
        );
        assert_eq!(report["hidden"][0]["leakage"]["amount"], "-44.00");
        assert_eq!(client.status().await, "SUPPRESSED");

        // More than the rule allows is shown.
        world.bill_acme("8").await;
        world.reconcile().await;
        assert_eq!(client.status().await, "REOPENED");
        world.bill_acme("10").await;
        world.reconcile().await;
        assert_eq!(client.status().await, "SUPPRESSED");

        // After its day the server shows by itself what it hid.
        world.clock.advance(TimeDelta::days(90));
        world.services.discrepancy.show_expired().await.expect("shown");
        assert_eq!(client.status().await, "REOPENED");

        let end = json!({ "suppressionRuleId": payload["suppressionRule"]["id"] });
        client.done("suppressionRuleEnd", "suppressionRule { endedBy isActive }", end.clone()).await;
        client.done("suppressionRuleEnd", "suppressionRule { endedBy }", end).await;
        for (change, code, field) in [
            (json!({ "types": [], "largestAmount": null }), "INVALID_INPUT", json!(["input"])),
            (json!({ "reason": " " }), "INVALID_INPUT", json!(["input", "reason"])),
            (json!({ "expiresOn": "2026-10-01" }), "INVALID_INPUT", json!(["input", "expiresOn"])),
            (json!({ "expiresOn": "2030-01-01" }), "INVALID_INPUT", json!(["input", "expiresOn"])),
            (json!({ "largestAmount": "-1" }), "INVALID_INPUT", json!(["input", "largestAmount"])),
            (json!({ "psaCustomerId": "eA" }), "NOT_FOUND", json!(["input", "psaCustomerId"])),
            (json!({ "integrationId": "eA" }), "NOT_FOUND", json!(["input", "integrationId"])),
        ] {
            let mut bad = input.clone();
            bad.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            let fields = "suppressionRule { id }";
            let refused = client.refused(person(&world, "Ada"), "suppressionRuleCreate", fields, bad).await;
            assert_eq!(refused, (code.to_owned(), field), "{change}");
        }
    }
}

#[tokio::test]
async fn a_closed_month_stays_and_two_people_close_it() {
    for world in worlds().await {
        world.reconcile().await;
        let client = Client::new(&world);
        let fields = "billingPeriod { status requestedBy closedBy unsettledCount isSingleHanded report { id } }";
        let month = |unsettled: u32| json!({ "integrationId": client.integration(), "period": "2026-10", "unsettledCount": unsettled });
        let (ada, bob) = (person(&world, "Ada"), person(&world, "Bob"));
        let admin = Caller { roles: Roles::from(Role::Admin), ..ada.clone() };
        let two = json!({ "twoPersonPeriodClose": true });
        let payload =
            client.call(admin, "organizationSettingsUpdate", "organizationSettings { needsSecondPerson }", two).await;
        assert_eq!(payload["organizationSettings"]["needsSecondPerson"], true);

        let refused = client.refused(ada.clone(), "periodClose", fields, month(0)).await;
        assert_eq!(refused, ("INVALID_INPUT".to_owned(), json!(["input", "unsettledCount"])));
        let payload = client.call(ada.clone(), "periodClose", fields, month(1)).await;
        assert_eq!(
            (&payload["billingPeriod"]["status"], &payload["billingPeriod"]["requestedBy"]),
            (&json!("CLOSING"), &json!("Ada"))
        );
        let refused = client.refused(ada.clone(), "periodClose", fields, month(1)).await;
        assert_eq!(refused.0, "INVALID_TRANSITION");
        let payload = client.call(bob.clone(), "periodClose", fields, month(1)).await;
        let closed = payload["billingPeriod"].clone();
        assert_eq!(
            (&closed["status"], &closed["closedBy"], &closed["unsettledCount"], &closed["isSingleHanded"]),
            (&json!("CLOSED"), &json!("Ada and Bob"), &json!(1), &json!(false))
        );

        // A later report of the month is made and changes nothing that is said about it; nor does a person.
        world.bill_acme("12").await;
        let run = world.reconcile().await;
        assert_ne!(json!(report_id(run.report_id)), closed["report"]["id"]);
        assert_eq!(client.status().await, "OPEN");
        let data =
            client.ask("{ billingPeriods { totalCount nodes { period status report { id } } } }", json!({})).await;
        assert_eq!(data["billingPeriods"]["nodes"][0]["report"]["id"], closed["report"]["id"]);
        let id = client.discrepancy().await["id"].clone();
        let input = json!({ "discrepancyId": id, "resolution": "TIMING" });
        let refused = client.refused(ada.clone(), "discrepancyResolve", "discrepancy { id }", input).await;
        assert_eq!(refused.0, "INVALID_TRANSITION");

        let again = json!({ "integrationId": client.integration(), "period": "2026-10", "reason": "A credit came." });
        let payload = client.call(ada.clone(), "periodReopen", fields, again.clone()).await;
        assert_eq!(payload["billingPeriod"]["status"], "REOPENING");
        let payload = client.call(bob.clone(), "periodRequestWithdraw", fields, again.clone()).await;
        assert_eq!(payload["billingPeriod"]["status"], "CLOSED");
        client.call(ada.clone(), "periodReopen", fields, again.clone()).await;
        let payload = client.call(bob, "periodReopen", fields, again).await;
        assert_eq!(payload["billingPeriod"]["status"], "OPEN");
        world.reconcile().await;
        assert_eq!(client.status().await, "RESOLVED");
        let never = json!({ "integrationId": client.integration(), "period": "2020-01" });
        let refused = client.refused(ada, "periodClose", fields, never).await;
        assert_eq!(refused, ("INVALID_INPUT".to_owned(), json!(["input", "period"])));
    }
}

#[tokio::test]
async fn one_person_closes_alone_where_nobody_else_may_and_it_is_marked() {
    for world in worlds().await {
        world.reconcile().await;
        let client = Client::new(&world);
        let input = json!({ "integrationId": client.integration(), "period": "2026-10", "unsettledCount": 1 });
        let fields = "billingPeriod { status closedBy isSingleHanded }";
        let payload = client.done("periodClose", fields, input).await;
        assert_eq!(payload["billingPeriod"], json!({ "status": "CLOSED", "closedBy": "Ada", "isSingleHanded": true }));
    }
}

#[tokio::test]
async fn a_policy_has_versions_and_a_report_names_the_one_it_was_made_by() {
    for world in worlds().await {
        let first = world.reconcile().await;
        let client = Client::new(&world);
        let document = "query($version: Long) { reconciliationPolicy(version: $version) { version name createdBy
            switches { name value defaultValue description } } }";
        let document = document.replace("Long", "Int");
        let policy = client.ask(&document, json!({})).await["reconciliationPolicy"].clone();
        assert_eq!((&policy["version"], &policy["createdBy"]), (&json!(0), &Value::Null));
        for switch in policy["switches"].as_array().expect("a list") {
            assert_eq!(switch["value"], switch["defaultValue"]);
            assert!(switch["description"].as_str().is_some_and(|text| text.ends_with('.')), "{switch}");
        }
        let fields = "reconciliationPolicy { version name switches { name value } }";
        let input = json!({ "integrationId": client.integration(), "expectedVersion": 0, "name": "Lenient",
            "switches": [{ "name": "toleranceAbsolute", "value": "50" }], "reason": "Agreed." });
        let payload = client.done("reconciliationPolicyUpdate", fields, input.clone()).await;
        assert_eq!(payload["reconciliationPolicy"]["version"], 1);
        let refused = client.refused(person(&world, "Ada"), "reconciliationPolicyUpdate", fields, input.clone()).await;
        assert_eq!(refused.0, "STALE_VERSION");
        for (switches, field) in [
            (json!([{ "name": "colour", "value": "red" }]), json!(["input", "switches", "0", "value"])),
            (
                json!([{ "name": "credits", "value": "KEEP" }, { "name": "proration", "value": "MAYBE" }]),
                json!(["input", "switches", "1", "value"]),
            ),
        ] {
            let bad = json!({ "integrationId": client.integration(), "switches": switches });
            let refused = client.refused(person(&world, "Ada"), "reconciliationPolicyUpdate", fields, bad).await;
            assert_eq!(refused, ("INVALID_INPUT".to_owned(), field));
        }

        let second = world.reconcile().await;
        assert_ne!(first.report_id, second.report_id);
        let report = "query($id: ID!) { reconciliationReport(id: $id) { policyName policyVersion verdict
            bridges { other { amount } quantity { amount } difference { amount } } } }";
        let data = client.ask(report, json!({ "id": report_id(second.report_id) })).await;
        let report_two = &data["reconciliationReport"];
        assert_eq!(
            (&report_two["policyName"], &report_two["policyVersion"]),
            (&json!("Lenient, version 1"), &json!(1))
        );
        assert_eq!(report_two["verdict"], "CLEAN");
        assert_eq!(
            report_two["bridges"],
            json!([{ "other": { "amount": "-44.00" }, "quantity": { "amount": "0.00" }, "difference": { "amount": "-44.00" } }])
        );
        let data = client.ask(report, json!({ "id": report_id(first.report_id) })).await;
        assert_eq!(data["reconciliationReport"]["policyVersion"], 0);
    }
}

#[tokio::test]
async fn totals_trends_and_the_lines_behind_a_number() {
    for world in worlds().await {
        world.add_month("2026-11-05".parse().expect("a day")).await;
        let run = world.reconcile_months(Some(world.october()), Some(november(&world))).await;
        let client = Client::new(&world);
        let document = "query($id: ID!, $by: ReportDimension!) { reconciliationReport(id: $id) {
            groupTotals(by: $by) { totalCount nodes { label subject lineCount discrepancyCount cost { amount }
            expected { amount } billed { amount } difference { amount } margin { amount } leakage { amount } } } } }";
        let id = report_id(run.report_id);
        for (by, labels) in [
            ("CUSTOMER", vec!["Acme Inc", "Birch Ltd"]),
            ("PRODUCT", vec!["M365 Business Premium"]),
            ("VENDOR", vec!["Several or unknown vendors"]),
            ("TYPE", vec!["QUANTITY_UNDER"]),
            ("MONTH", vec!["2026-10", "2026-11"]),
        ] {
            let data = client.ask(document, json!({ "id": id, "by": by })).await;
            let nodes = data["reconciliationReport"]["groupTotals"]["nodes"].as_array().expect("a list").clone();
            assert_eq!(
                nodes.iter().map(|node| node["label"].as_str().expect("a label")).collect::<Vec<_>>(),
                labels,
                "{by}"
            );
            let leakage: Vec<&str> =
                nodes.iter().map(|node| node["leakage"]["amount"].as_str().expect("an amount")).collect();
            let expected = if by == "MONTH" {
                vec!["-44.00", "-44.00"]
            } else if by == "CUSTOMER" {
                vec!["-88.00", "0.00"]
            } else {
                vec!["-88.00"]
            };
            assert_eq!(leakage, expected, "{by}");
        }
        let trend = client
            .ask(
                "{ billingTrend(periodFrom: \"2026-09\", periodTo: \"2026-12\") { subject billed { amount } } }",
                json!({}),
            )
            .await;
        assert_eq!(
            trend["billingTrend"],
            json!([{ "subject": "2026-10", "billed": { "amount": "330.00" } }, { "subject": "2026-11", "billed": { "amount": "330.00" } }])
        );
        let why = "query($id: ID!) { reconciliationReport(id: $id) { lines(first: 1, filter: { period: \"2026-10\" }) { nodes {
            bridge { quantity { amount } price { amount } other { amount } difference { amount } }
            pax8InvoiceLines { externalId kind quantity costTotal { amount } }
            psaInvoiceLines { externalId quantity unitPrice { amount } amount { amount } } } } } }";
        let data = client.ask(why, json!({ "id": id })).await;
        let line = &data["reconciliationReport"]["lines"]["nodes"][0];
        assert_eq!(
            line["bridge"],
            json!({ "quantity": { "amount": "-44.00" }, "price": { "amount": "0.00" }, "other": { "amount": "0.00" },
                "difference": { "amount": "-44.00" } })
        );
        assert_eq!(line["pax8InvoiceLines"][0]["kind"], "SUBSCRIPTION");
        assert_eq!(line["pax8InvoiceLines"][0]["quantity"], "12");
        assert_eq!(line["psaInvoiceLines"][0]["quantity"], "10");
        assert_eq!(line["psaInvoiceLines"][0]["amount"]["amount"], "220.00");
        let viewer = client.send(world.caller(Role::Viewer), why, json!({ "id": id })).await;
        let costs: Vec<&Value> =
            viewer["errors"].as_array().expect("errors").iter().map(|error| &error["path"][6]).collect();
        assert_eq!(costs, [&json!("costTotal")], "{viewer}");
    }
}

#[tokio::test]
async fn another_tenant_and_a_viewer_change_nothing() {
    for world in worlds().await {
        world.reconcile().await;
        let client = Client::new(&world);
        let id = client.discrepancy().await["id"].clone();
        let stranger = Caller { organization_id: world.stranger(Role::Admin).organization_id, ..person(&world, "Eve") };
        let resolve = json!({ "discrepancyId": id, "resolution": "TIMING" });
        let refused = client.refused(stranger.clone(), "discrepancyResolve", "discrepancy { id }", resolve).await;
        assert_eq!(refused.0, "NOT_FOUND");
        let note = json!({ "discrepancyId": id, "text": "Mine." });
        let refused = client.refused(stranger.clone(), "discrepancyNoteAdd", "note { text }", note.clone()).await;
        assert_eq!(refused.0, "NOT_FOUND");
        let month = json!({ "integrationId": client.integration(), "period": "2026-10" });
        let refused = client.refused(stranger.clone(), "periodClose", "billingPeriod { status }", month).await;
        assert_eq!(refused.0, "NOT_FOUND");
        let policy = json!({ "integrationId": client.integration(), "name": "Mine" });
        let refused = client
            .refused(stranger.clone(), "reconciliationPolicyUpdate", "reconciliationPolicy { name }", policy)
            .await;
        assert_eq!(refused.0, "NOT_FOUND");
        let lists = "query($id: ID!) { billingPeriods(integrationId: $id) { totalCount }
            suppressionRules(integrationId: $id) { totalCount } reconciliationPolicy(integrationId: $id) { version }
            billingTrend(integrationId: $id, periodFrom: \"2026-10\", periodTo: \"2026-10\") { subject } }";
        let answer = client.send(stranger, lists, json!({ "id": client.integration() })).await;
        for field in ["billingPeriods", "suppressionRules", "reconciliationPolicy", "billingTrend"] {
            assert!(answer["data"][field].is_null(), "{answer}");
        }
        let operator = Caller { roles: Roles::from(Role::Operator), ..person(&world, "Olaf") };
        let written = client.call(operator, "discrepancyNoteAdd", "note { author text }", note).await;
        assert_eq!(written["note"], json!({ "author": "Olaf", "text": "Mine." }));
        assert_eq!(client.discrepancy().await["status"], "OPEN");
    }
}
