//! Keeping no longer than was said: what goes and what stays, and that reports and syncs do not notice.

use std::sync::Arc;

use chrono::TimeDelta;
use concord::environment::{Clock as _, FixedClock, SystemClock};
use serde_json::{Value, json};

use super::command::{run, tamper};
use super::harness::{self, Client, Program, count_rows, each_database};

/// How many rows a condition keeps.
async fn count(url: &str, from: &str) -> i64 {
    count_rows(url, &format!("SELECT count(*) AS count FROM {from}")).await
}

const FLAGS: [&str; 6] =
    ["--retention-raw-days", "30", "--retention-event-days", "30", "--retention-contact-days", "30"];

async fn purge(url: &str, more: &[&str]) -> super::command::Said {
    let mut arguments = vec!["purge"];
    arguments.extend(more);
    arguments.extend(FLAGS);
    run(url, &arguments).await
}

/// Everything happened so long ago.
async fn age(url: &str, days: u32) {
    let before = |column: &str| match url.starts_with("sqlite") {
        true => format!("strftime('%Y-%m-%d %H:%M:%S', {column}, '-{days} days') || '+00:00'"),
        false => format!("{column} - interval '{days} days'"),
    };
    let mut statements = Vec::new();
    for (table, columns) in [
        ("record_version", &["observed_from", "observed_to"][..]),
        ("sync_run", &["finished_at"]),
        ("reconciliation_run", &["finished_at"]),
        ("company", &["gone_at"]),
        ("customer", &["gone_at"]),
    ] {
        for column in columns {
            statements.push(format!("UPDATE {table} SET {column} = {} WHERE {column} IS NOT NULL", before(column)));
        }
    }
    tamper(url, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

async fn report(client: &Client, integration: &harness::Integration) -> Value {
    let id = harness::reconciled(client, integration).await;
    let document = "query($id: ID!) { reconciliationReport(id: $id) {
        fingerprint verdict totals { expected { amount } billed { amount } }
        discrepancies { nodes { sentence pax8Company { name } psaCustomer { name } } }
    } }";
    client.ask(document, json!({ "id": id })).await["reconciliationReport"].take()
}

#[tokio::test]
async fn what_is_kept_no_longer_goes_and_nothing_else_does() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let url = program.database.url.clone();
        let admin = program.client("ADMIN").await;
        let integration = harness::connected(&program, &admin, "Purged").await;
        let run_id = harness::sync(&admin, &integration).await["id"].clone();
        let before = report(&admin, &integration).await;
        // Two companies and a customer are gone, and every product of the PSA had another text once.
        let gone = |table: &str, ids: &str| {
            format!("UPDATE {table} SET gone_at = first_seen_at, phone = '2365550100' WHERE external_id IN ({ids})")
        };
        tamper(
            &url,
            &[
                &gone("company", "'c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000002'"),
                &gone("customer", "'101'"),
                "UPDATE record_version SET observed_to = observed_from WHERE kind = 'psa_product'",
            ],
        )
        .await;
        let products = count(&url, "record_version WHERE kind = 'psa_product'").await;
        assert!(products > 0);
        run(&url, &["purge"]).await.check(0, &["Everything is kept"]);
        purge(&url, &[]).await.check(0, &["There is nothing to remove."]);
        age(&url, 31).await;

        let (events, texts) = (count(&url, "event").await, count(&url, "record_version WHERE raw <> ''").await);
        let would = purge(&url, &["--dry-run"]).await;
        let expected = format!(
            "default: {products} texts of record versions, {} events of runs and the contact data of 2 companies and 1 \
             customers",
            events - 2
        );
        would.check(0, &[&format!("{expected} would be removed.")]);
        assert_eq!(count(&url, "event").await, events, "nothing is removed");
        let audited = count(&url, "audit_event").await;
        purge(&url, &[]).await.check(0, &[&format!("{expected} were removed.")]);
        purge(&url, &[]).await.check(0, &["There is nothing to remove."]);
        assert_eq!(count(&url, "audit_event").await, audited + 1);
        let sql = "audit_event WHERE action = 'retention.purge' AND actor_kind = 'COMMAND_LINE' AND before LIKE '%\"companyContacts\":2%'";
        assert_eq!(count(&url, sql).await, 1);

        // Of each run its end is still told.
        assert_eq!(count(&url, "event").await, 2);
        let told = admin.sync_events(&run_id, None).await;
        assert_eq!((told.len(), &told[0]["__typename"]), (1, &json!("SyncRunFinished")));
        let left = count(&url, "record_version WHERE raw <> ''").await;
        assert_eq!(left, texts - products - 3, "the texts of the three gone ones went as well");
        for table in ["company", "customer"] {
            let gone = format!(
                "{table} WHERE gone_at IS NOT NULL AND (phone IS NOT NULL OR street IS NOT NULL OR city IS NOT NULL OR website IS NOT NULL)"
            );
            assert_eq!(count(&url, &gone).await, 0);
            assert!(count(&url, &format!("{table} WHERE gone_at IS NULL AND city IS NOT NULL")).await > 0);
        }
        // The report of the past says the same, with the names.
        assert_eq!(report(&admin, &integration).await, before, "on {url}");
        // Whoever comes back brings it along.
        let again = harness::sync(&admin, &integration).await;
        assert_eq!(again["status"], "SUCCEEDED", "{again:#}");
        assert_eq!(count(&url, "company WHERE gone_at IS NOT NULL").await, 0);
        run(&url, &["audit", "verify"]).await.check(0, &["default: intact"]);
        program.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_is_told_purges_by_itself() {
    let database = crate::postgres::sqlite();
    let app = harness::app(&database.url, Arc::new(SystemClock)).await;
    let caller = app.access.operator("default").await.expect("the organization is made");
    let core = &app.services.core;
    let old = core.clock.now() - TimeDelta::days(40);
    let sql = format!(
        "INSERT INTO sync_run (id, organization_id, integration_id, status, phase, trigger, checkpoint, counts, issue_count, \
         is_cancel_requested, created_at, finished_at) SELECT randomblob(16), organization_id, id, 'SUCCEEDED', 'DONE', \
         'MANUAL', '{{}}', '{{}}', 0, false, '{0}', '{0}' FROM integration",
        old.format("%Y-%m-%d %H:%M:%S+00:00")
    );
    let command = concord::service::setup::CreateIntegration { name: "Purged".to_owned() };
    app.services.setup.create(&caller, command).await.expect("an integration");
    let stream =
        "INSERT INTO event_stream (id, organization_id, last_sequence) SELECT id, organization_id, 2 FROM sync_run";
    let event = |sequence: i64| {
        format!(
            "INSERT INTO event (organization_id, stream_id, sequence, occurred_at, kind, payload) SELECT organization_id, \
             id, {sequence}, created_at, 'x', '{{}}' FROM sync_run"
        )
    };
    tamper(&database.url, &[&sql, stream, &event(1), &event(2)]).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let kept_for = concord::domain::retention::Retention { event_days: Some(30), ..Default::default() };
    let purging = tokio::spawn(concord::job::purge_daily(app.retention.clone(), kept_for, stop.clone()));
    let mut looks = 0;
    while count(&database.url, "event").await > 1 {
        looks += 1;
        assert!(looks < 1000, "the server does not purge");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(
        count(&database.url, "audit_event WHERE action = 'retention.purge' AND actor_kind = 'SCHEDULE'").await,
        1
    );
    stop.cancel();
    purging.await.expect("it ends");
}

#[tokio::test]
async fn a_recording_of_traffic_ends_by_itself_and_lasts_longer_when_it_is_asked_for_again() {
    for database in each_database().await {
        let clock = Arc::new(FixedClock::at(SystemClock.now()));
        let app = harness::app(&database.url, clock.clone()).await;
        let caller = app.access.operator("default").await.expect("the organization is made");
        let command = concord::service::setup::CreateIntegration { name: "Recorded".to_owned() };
        let made = app.services.setup.create(&caller, command).await.expect("an integration");
        let record = async || {
            let command = concord::service::setup::UpdateSettings {
                integration_id: Some(made.id),
                is_debug: Some(true),
                ..Default::default()
            };
            app.services.setup.update_settings(&caller, command).await.expect("the settings change").settings
        };
        let settings = record().await;
        let start = clock.now();
        assert_eq!(settings.debug_until, Some(start + TimeDelta::hours(24)));
        assert!(settings.records_at(start + TimeDelta::hours(23)));
        assert!(!settings.records_at(start + TimeDelta::hours(24)));
        clock.advance(TimeDelta::hours(20));
        let settings = record().await;
        assert!(
            settings.records_at(start + TimeDelta::hours(43)) && !settings.records_at(start + TimeDelta::hours(44))
        );
        // That it lasts longer is a change too.
        let sql = "SELECT count(*) AS count FROM audit_event WHERE action = 'integration.settings_update' AND before <> after";
        assert_eq!(count_rows(&database.url, sql).await, 2);
    }
}
