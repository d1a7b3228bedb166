//! Several months of a discrepancy, and reports that do not speak for them: what one month says must not hide another.

use concord::domain::access::{Caller, Role, Roles};
use concord::service::reconciliation::StartReconciliation;
use serde_json::{Value, json};

use super::work::{Client, november, person, report_id};
use super::world::{World, worlds};

async fn with_november(world: &World) {
    world.add_month("2026-11-05".parse().expect("a day")).await;
}

async fn rule(client: &Client<'_>, largest: &str) -> Value {
    let input = json!({ "integrationId": client.integration(), "types": ["QUANTITY_UNDER"], "largestAmount": largest,
        "reason": "Known.", "expiresOn": "2026-12-31" });
    client.done("suppressionRuleCreate", "suppressionRule { id }", input).await["suppressionRule"]["id"].take()
}

#[tokio::test]
async fn several_charges_of_one_month_are_decided_on_together() {
    for world in worlds().await {
        world.charge_acme_for_added_seats("2").await;
        world.change("UPDATE mapping SET status = 'REMOVED' WHERE kind = 'CUSTOMER'").await;
        world.reconcile().await;
        let client = Client::new(&world);
        let document = "{ discrepancies(filter: { types: [CUSTOMER_MISSING_IN_PSA] }) { nodes { id status
            pax8Company { name } occurrences { effect { amount } } } } }";
        let of_acme = async || {
            let data = client.ask(document, json!({})).await;
            let all = data["discrepancies"]["nodes"].as_array().expect("a list").clone();
            all.into_iter().find(|found| found["pax8Company"]["name"] == "Acme").expect("Acme's")
        };
        let found = of_acme().await;
        assert_eq!(found["occurrences"].as_array().map(Vec::len), Some(2), "{found}");
        let input = json!({ "discrepancyId": found["id"], "reason": "A friend." });
        let fields = "discrepancy { decision { periods { period effect { amount } } } }";
        let payload = client.done("discrepancyWriteOff", fields, input).await;
        let periods = &payload["discrepancy"]["decision"]["periods"];
        assert_eq!(periods.as_array().map(Vec::len), Some(1), "{periods}");
        world.change("UPDATE company SET name = 'Acme Corporation' WHERE name = 'Acme'").await;
        world.reconcile().await;
        let data = client.ask(document, json!({})).await;
        let statuses: Vec<&Value> =
            data["discrepancies"]["nodes"].as_array().expect("a list").iter().map(|found| &found["status"]).collect();
        assert!(statuses.contains(&&json!("WRITTEN_OFF")) && !statuses.contains(&&json!("REOPENED")), "{data}");
    }
}

#[tokio::test]
async fn nobody_decides_on_amounts_that_were_not_seen() {
    for world in worlds().await {
        world.reconcile().await;
        let client = Client::new(&world);
        let seen = client.discrepancy().await;
        world.bill_acme("2").await;
        world.reconcile().await;
        let input = json!({ "discrepancyId": seen["id"], "reason": "Small.", "expectedVersion": seen["version"] });
        let refused = client.refused(person(&world, "Ada"), "discrepancyWriteOff", "discrepancy { id }", input).await;
        assert_eq!(refused.0, "STALE_VERSION");
        let month = json!({ "integrationId": client.integration(), "period": "2026-10", "unsettledCount": 1 });
        let admin = Caller { roles: Roles::from(Role::Admin), ..person(&world, "Ada") };
        let two = json!({ "twoPersonPeriodClose": true });
        client.call(admin, "organizationSettingsUpdate", "organizationSettings { needsSecondPerson }", two).await;
        let fields = "billingPeriod { status version unsettledCount }";
        let asked = client.done("periodClose", fields, month.clone()).await["billingPeriod"].take();
        assert_eq!((&asked["status"], &asked["unsettledCount"]), (&json!("CLOSING"), &json!(1)));
        world.bill_acme("3").await;
        world.reconcile().await;
        // The second person would agree to a report that the first one never saw.
        let mut agreed = month;
        agreed["expectedVersion"] = asked["version"].clone();
        let refused = client.refused(person(&world, "Bob"), "periodClose", fields, agreed).await;
        assert_eq!(refused.0, "STALE_VERSION");
        let data = client.ask("{ billingPeriods { nodes { status } } }", json!({})).await;
        assert_eq!(data["billingPeriods"]["nodes"], json!([{ "status": "OPEN" }]));
    }
}

#[tokio::test]
async fn a_small_month_does_not_hide_a_large_one() {
    for world in worlds().await {
        world.bill_acme("2").await;
        world.reconcile().await;
        let client = Client::new(&world);
        rule(&client, "50").await;
        assert_eq!(client.status().await, "OPEN");
        with_november(&world).await;
        world.reconcile_months(Some(november(&world)), Some(november(&world))).await;
        let found = client.discrepancy().await;
        assert_eq!(found["status"], "OPEN");
        assert_eq!(found["occurrences"].as_array().map(Vec::len), Some(2));
    }
}

#[tokio::test]
async fn what_a_person_shows_stays_shown() {
    for world in worlds().await {
        world.reconcile().await;
        let client = Client::new(&world);
        rule(&client, "50").await;
        let id = client.discrepancy().await["id"].clone();
        client.done("discrepancyReopen", "discrepancy { status }", json!({ "discrepancyId": id })).await;
        assert_eq!(client.status().await, "IN_REVIEW");
        world.change("UPDATE psa_product SET name = 'Renamed'").await;
        world.reconcile().await;
        assert_eq!(client.status().await, "IN_REVIEW");
        let nobody = json!({ "discrepancyId": id, "assignee": null });
        client.done("discrepancyAssign", "discrepancy { status }", nobody).await;
        assert_eq!(client.status().await, "OPEN");
    }
}

#[tokio::test]
async fn a_report_that_asks_what_if_changes_nothing() {
    for world in worlds().await {
        let real = world.reconcile().await;
        let client = Client::new(&world);
        let fields = "reconciliationPolicy { version }";
        let policy = |amount: &str| json!({ "integrationId": client.integration(), "switches": [{ "name": "toleranceAbsolute", "value": amount }] });
        client.done("reconciliationPolicyUpdate", fields, policy("50")).await;
        client.done("reconciliationPolicyUpdate", fields, policy("0.01")).await;
        let october = Some(world.october());
        let start = async |policy_version, as_of: Option<&str>| {
            let command = StartReconciliation {
                integration_id: world.integration_id,
                period_from: october,
                period_to: october,
                as_of: as_of.map(|day| day.parse().expect("a day")),
                policy_version,
            };
            let service = &world.services.reconciliation;
            let run = service.start(&world.caller(Role::Operator), command).await.expect("started");
            let claim = world.claim().await.expect("a job waits");
            service.execute(&claim).await.expect("finishes");
            world.find(run.id).await
        };
        let lenient = start(Some(1), None).await;
        assert_ne!(lenient.report_id, real.report_id);
        let earlier = start(None, Some("2026-10-01")).await;
        assert!(earlier.report_id.is_some());
        let data = client.ask("{ billingPeriods { nodes { report { id } } } }", json!({})).await;
        assert_eq!(data["billingPeriods"]["nodes"], json!([{ "report": { "id": report_id(real.report_id) } }]));
        assert_eq!(client.status().await, "OPEN");
        let now = start(None, None).await;
        let data = client.ask("{ billingPeriods { nodes { report { id } } } }", json!({})).await;
        assert_eq!(data["billingPeriods"]["nodes"], json!([{ "report": { "id": report_id(now.report_id) } }]));
    }
}

#[tokio::test]
async fn a_closed_month_binds_no_open_one_and_is_not_touched_by_a_rule_that_ends() {
    for world in worlds().await {
        with_november(&world).await;
        world.reconcile().await;
        world.reconcile_months(Some(world.october()), Some(world.october())).await;
        let client = Client::new(&world);
        let close = |month: &str, unsettled: u32| json!({ "integrationId": client.integration(), "period": month, "unsettledCount": unsettled });
        client.done("periodClose", "billingPeriod { status }", close("2026-11", 1)).await;
        let id = client.discrepancy().await["id"].clone();
        let input = json!({ "discrepancyId": id, "resolution": "TIMING" });
        client.done("discrepancyResolve", "discrepancy { status }", input).await;
        client.done("discrepancyReopen", "discrepancy { status }", json!({ "discrepancyId": id })).await;

        let hides = rule(&client, "50").await;
        assert_eq!(client.status().await, "SUPPRESSED");
        client.done("periodClose", "billingPeriod { status }", close("2026-10", 0)).await;
        let end = json!({ "suppressionRuleId": hides });
        client.done("suppressionRuleEnd", "suppressionRule { id }", end).await;
        assert_eq!(client.status().await, "SUPPRESSED");
        let refused = client
            .refused(person(&world, "Ada"), "discrepancyReopen", "discrepancy { id }", json!({ "discrepancyId": id }))
            .await;
        assert_eq!(refused.0, "INVALID_TRANSITION");
        let again = json!({ "integrationId": client.integration(), "period": "2026-10" });
        client.done("periodReopen", "billingPeriod { status }", again).await;
        world.change("UPDATE psa_product SET name = 'Renamed'").await;
        world.reconcile_months(Some(world.october()), Some(world.october())).await;
        assert_eq!(client.status().await, "REOPENED");
    }
}

#[tokio::test]
async fn a_markup_on_cost_is_not_told_to_who_may_not_see_cost() {
    for world in worlds().await {
        let client = Client::new(&world);
        let input = json!({ "integrationId": client.integration(), "switches": [
            { "name": "priceSource", "value": "COST_PLUS 20" }, { "name": "marginFloor", "value": "0.1" } ] });
        client.done("reconciliationPolicyUpdate", "reconciliationPolicy { version }", input).await;
        let run = world.reconcile().await;
        let document = "query($id: ID!) { reconciliationPolicy { switches { name value } }
            reconciliationReport(id: $id) { policy { name value } } }";
        let variables = json!({ "id": report_id(run.report_id) });
        let finance = client.ask(document, variables.clone()).await.to_string();
        assert!(finance.contains("COST_PLUS 20") && finance.contains("\"0.1\""), "{finance}");
        let viewer = client.send(world.caller(Role::Viewer), document, variables).await.to_string();
        assert!(viewer.contains("COST_PLUS") && !viewer.contains("COST_PLUS 20"), "{viewer}");
        assert!(!viewer.contains("\"0.1\""), "{viewer}");
        let tiny = json!({ "integrationId": client.integration(), "switches": [
            { "name": "toleranceAbsolute", "value": "0.0000000000001" } ] });
        let fields = "reconciliationPolicy { version }";
        let refused = client.refused(person(&world, "Ada"), "reconciliationPolicyUpdate", fields, tiny).await;
        assert_eq!(refused.0, "INVALID_INPUT");
    }
}
