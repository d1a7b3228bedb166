//! A month that rests on drafts: named on purpose, provisional in every field, and final once the invoice has come.

use async_graphql::{Request, Variables};
use chrono::NaiveDate;
use concord::domain::access::Role;
use concord::domain::period::Period;
use concord::engine::billing::Verdict;
use concord::graphql::id::{NodeKind, encode};
use concord::graphql::{SchemaSettings, schema};
use serde_json::{Value, json};

use super::world::{World, worlds};

const REPORT: &str = "query ($id: ID!) { reconciliationReport(id: $id) { verdict
    provisional { period currencyCode provider lineCount amount { amount } }
    coverage { provider class reason lineCount }
    lines { nodes { isProvisional psaCustomer { name } class } }
    discrepancies { nodes { type rootCause } } } }";

fn november() -> Period {
    Period::parse("2026-11").expect("a month")
}

async fn read(world: &World, role: Role, months: Option<Period>) -> (Value, usize) {
    let run = world.reconcile_months(months, months).await;
    let id = encode(NodeKind::ReconciliationReport, run.report_id.expect("a report").0).0;
    let request = Request::new(REPORT).variables(Variables::from_json(json!({ "id": id }))).data(world.caller(role));
    let answer = schema(world.services.clone(), SchemaSettings::default()).execute(request).await;
    let errors = answer.errors.len();
    (answer.data.into_json().expect("JSON")["reconciliationReport"].take(), errors)
}

/// A world whose November is drafted at Pax8, and billed.
async fn drafted() -> Vec<World> {
    let worlds = worlds().await;
    for world in &worlds {
        world.add_month(NaiveDate::from_ymd_opt(2026, 11, 5).expect("a day")).await;
        world.change("UPDATE vendor_invoice SET status = 'DRAFT' WHERE external_id = 'vi-2026-11'").await;
    }
    worlds
}

#[tokio::test]
async fn a_drafted_month_is_provisional_wherever_it_is_read() {
    for world in drafted().await {
        let (report, errors) = read(&world, Role::Finance, Some(november())).await;
        assert_eq!(errors, 0);
        assert_eq!(
            report["provisional"],
            json!([{ "period": "2026-11", "currencyCode": "USD", "provider": "PAX8", "lineCount": 2,
                     "amount": { "amount": "314.50" } }])
        );
        assert!(report["lines"]["nodes"].as_array().expect("lines").iter().all(|line| line["isProvisional"] == true));
        let causes = &report["discrepancies"]["nodes"];
        assert!(causes[0].get("rootCause").is_some(), "asked for and answered, if with null: {causes}");

        let (without, errors) = read(&world, Role::Viewer, Some(november())).await;
        assert_eq!(errors, 1, "what Pax8 is going to charge is cost");
        assert!(without["provisional"][0]["amount"].is_null());

        let run = world.reconcile_months(Some(november()), Some(november())).await;
        let service = &world.services.reconciliation;
        let id = run.report_id.expect("a report");
        let stored = service.report(&world.caller(Role::Viewer), id).await.expect("readable").expect("there");
        assert!(stored.is_provisional);
    }
}

#[tokio::test]
async fn a_month_without_an_invoice_is_not_taken_for_the_latest() {
    for world in drafted().await {
        let (report, _) = read(&world, Role::Finance, None).await;
        assert_eq!(report["provisional"], json!([]));
        let run = world.reconcile().await;
        assert_eq!(run.period_to, world.october());
        let before = world.document(run.report_id.expect("a report")).await.summary.fingerprint;
        world.change("UPDATE vendor_invoice SET invoice_date = '2026-11-04' WHERE external_id = 'vi-2026-11'").await;
        let again = world.reconcile().await;
        let after = world.document(again.report_id.expect("a report")).await.summary.fingerprint;
        assert_eq!(before, after, "a draft of another month changes nothing");
    }
}

#[tokio::test]
async fn once_the_invoice_has_come_the_draft_is_set_aside() {
    for world in drafted().await {
        world.bill_acme("12").await;
        world.add_month(NaiveDate::from_ymd_opt(2026, 12, 5).expect("a day")).await;
        // The invoice of the drafted month comes, with another date than the draft's.
        world.change("UPDATE vendor_invoice SET invoice_date = '2026-11-04' WHERE external_id = 'vi-2026-12'").await;
        let (report, _) = read(&world, Role::Finance, Some(november())).await;
        assert_eq!(report["provisional"], json!([]));
        let aside = json!({ "provider": "PAX8", "class": "EXCLUDED", "reason": "DRAFT_SUPERSEDED", "lineCount": 2 });
        assert!(report["coverage"].as_array().expect("rows").contains(&aside), "{}", report["coverage"]);
        let run = world.reconcile_months(Some(november()), Some(november())).await;
        let document = world.document(run.report_id.expect("a report")).await;
        assert_eq!(document.summary.totals[0].cost.to_string(), "314.5", "the draft is in no total");
        let lines = |side: &str| -> u64 {
            document.summary.footing.iter().filter(|row| row.side == side).map(|row| row.count).sum()
        };
        assert_eq!((lines("PAX8"), lines("PSA")), (4, 2), "and the report foots with it");
        let draft = document.summary.tie_outs.iter().find(|row| row.invoice_id == "vi-2026-11").expect("named");
        assert_eq!(draft.ignored.as_deref(), Some("DRAFT_SUPERSEDED"));
        assert_eq!(draft.replacement_id.as_deref(), Some("vi-2026-12"));
    }
}

#[tokio::test]
async fn a_clean_month_is_not_clean_while_it_rests_on_drafts() {
    for world in worlds().await {
        world.bill_acme("12").await;
        let service = &world.services.reconciliation;
        for (status, verdict) in [("NULL", Verdict::Clean), ("'DRAFT'", Verdict::Incomplete)] {
            for table in ["vendor_invoice", "psa_invoice"] {
                world.change(&format!("UPDATE {table} SET status = {status}")).await;
                let run = world.reconcile_months(Some(world.october()), Some(world.october())).await;
                let id = run.report_id.expect("a report");
                let report = service.report(&world.caller(Role::Viewer), id).await.expect("readable").expect("there");
                assert_eq!(report.verdict, verdict, "{table} is {status}");
                world.change(&format!("UPDATE {table} SET status = NULL")).await;
            }
        }
    }
}
