//! Reconciliation runs from the records in the database to the stored report, on every database of this machine.

mod drafts;
mod money;
mod months;
mod schema;
mod work;
mod world;
mod writer;

use chrono::NaiveDate;
use concord::domain::access::Role;
use concord::domain::period::Period;
use concord::domain::run::{ReconciliationEvent, ReconciliationPhase, RunStatus};
use concord::engine::billing::Verdict;
use concord::report::text::{Style, render};
use concord::service::reconciliation::{ReconciliationError, StartReconciliation};
use concord::storage::discrepancy::{OccurrenceFilter, OccurrenceOrder};
use concord::storage::page::Window;
use concord::storage::report::{LineFilter, LineOrder};
use concord::storage::{StorageError, reconciliation};

use world::{World, worlds};

#[tokio::test]
async fn a_run_finds_the_missing_seats_and_keeps_a_report_that_foots() {
    for world in worlds().await {
        let run = world.reconcile().await;
        assert_eq!((run.status, run.phase), (RunStatus::Succeeded, ReconciliationPhase::Done));
        assert_eq!((run.period_from, run.period_to), (world.october(), world.october()));
        let caller = world.caller(Role::Finance);
        let service = &world.services.reconciliation;
        let id = run.report_id.expect("a run that succeeded has a report");
        let report = service.report(&caller, id).await.expect("readable").expect("there");
        assert_eq!(report.verdict, Verdict::Discrepant);

        let document = service.document(&caller, id).await.expect("readable").expect("there");
        let short: Vec<(&str, String)> =
            document.discrepancies.iter().map(|found| (found.kind.as_str(), found.effect.to_string())).collect();
        assert_eq!(short, [("QUANTITY_UNDER", "-44".to_owned())], "12 seats at 22.00, 10 billed");
        let totals = &document.summary.totals[0];
        assert_eq!(
            (totals.cost.to_string(), totals.expected.to_string(), totals.billed.to_string()),
            ("314.5".into(), "374".into(), "330".into())
        );
        for side in ["PAX8", "PSA"] {
            let lines: u64 = document.summary.footing.iter().filter(|row| row.side == side).map(|row| row.count).sum();
            assert_eq!(lines, 2, "{side}");
        }

        let lines = service
            .lines(&caller, id, &LineFilter::default(), (LineOrder::Difference, true), &Window::first(10))
            .await
            .expect("readable");
        let shown: Vec<(Option<&str>, Option<String>)> = lines
            .items
            .iter()
            .map(|(_, line)| (line.customer_external_id.as_deref(), line.difference.map(|sum| sum.to_string())))
            .collect();
        assert_eq!(shown, [(Some("101"), Some("-44".into())), (Some("102"), Some("0".into()))]);
        assert_eq!(lines.items[0].1.sources.vendor, ["v1"]);
    }
}

#[tokio::test]
async fn the_same_inputs_give_the_same_report_once() {
    for world in worlds().await {
        let first = world.reconcile().await;
        let second = world.reconcile().await;
        assert_ne!(first.id, second.id);
        assert_eq!(first.report_id, second.report_id);

        world.bill_acme("12").await;
        let third = world.reconcile().await;
        assert_ne!(third.report_id, first.report_id);
        let caller = world.caller(Role::Viewer);
        let report = world
            .services
            .reconciliation
            .report(&caller, third.report_id.expect("a report"))
            .await
            .expect("readable")
            .expect("there");
        assert_eq!(report.verdict, Verdict::Clean);
    }
}

#[tokio::test]
async fn a_discrepancy_stays_the_same_from_month_to_month() {
    for world in worlds().await {
        let caller = world.caller(Role::Finance);
        let service = &world.services.reconciliation;
        let october = world.reconcile().await;
        world.add_month(NaiveDate::from_ymd_opt(2026, 9, 5).expect("a day")).await;
        let september = Period::parse("2026-09").expect("a month");
        let both = world.reconcile_months(Some(september), Some(world.october())).await;
        let found = service
            .discrepancies(&caller, world.integration_id, &Default::default(), &Window::first(10))
            .await
            .expect("readable");
        assert_eq!(found.items.len(), 1, "one discrepancy, whatever the number of months and reports");
        let (_, discrepancy) = &found.items[0];
        assert_eq!((discrepancy.first_period, discrepancy.last_period), (september, world.october()));
        let months =
            service.latest_occurrences(&caller, world.integration_id, &[discrepancy.id]).await.expect("readable");
        let months: Vec<_> = months.iter().map(|month| (month.period, Some(month.report_id))).collect();
        assert_eq!(months, [(world.october(), both.report_id), (september, both.report_id)]);
        assert_ne!(october.report_id, both.report_id);
    }
}

#[tokio::test]
async fn why_a_difference_arose_is_stored_with_its_month() {
    for world in worlds().await {
        world.change("UPDATE psa_invoice_line SET gone_at = last_seen_at WHERE external_id = 'b1'").await;
        let run = world.reconcile().await;
        let (caller, service) = (world.caller(Role::Viewer), &world.services.reconciliation);
        let id = run.report_id.expect("a report");
        let document = world.document(id).await;
        let written: Vec<Option<&str>> =
            document.discrepancies.iter().map(|found| found.root_cause.as_deref()).collect();
        assert_eq!(written, [Some("The subscription began on 2026-01-01; nothing in the PSA bills it.")]);
        let page = service
            .occurrences(&caller, id, &OccurrenceFilter::default(), (OccurrenceOrder::Key, false), &Window::first(10))
            .await
            .expect("readable");
        let stored: Vec<Option<&str>> = page.items.iter().map(|(_, found)| found.root_cause.as_deref()).collect();
        assert_eq!(stored, written);
    }
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_writes_nothing() {
    for world in worlds().await {
        let run = world.start().await;
        let asleep = world.claim().await.expect("a job waits");
        world.let_leases_run_out().await;
        let awake = world.claim().await.expect("the lease ran out");
        assert_eq!((awake.number, awake.attempts), (2, 2));
        let lost = world.services.reconciliation.execute(&asleep).await;
        assert!(matches!(lost, Err(StorageError::LeaseLost)), "{lost:?}");
        let before = world.events(run.id).await;
        assert_eq!(before.len(), 1, "{before:?}");
        world.services.reconciliation.execute(&awake).await.expect("the second worker finishes");
        let late = world.services.reconciliation.execute(&asleep).await;
        assert!(matches!(late, Err(StorageError::LeaseLost)), "{late:?}");
        assert_eq!(world.report_count().await, 1);
    }
}

#[tokio::test]
async fn a_run_killed_anywhere_gives_the_same_report_and_no_half_of_one() {
    let undisturbed = World::on_sqlite().await;
    let run = undisturbed.reconcile().await;
    let expected = undisturbed.document(run.report_id.expect("a report")).await;
    // Dropping the work after so many polls is a kill at another place each time.
    for polls in [1, 3, 6, 12, 24, 48, 96, 192] {
        for world in worlds().await {
            let run = world.start().await;
            let claim = world.claim().await.expect("a job waits");
            let is_done = world.execute_for(&claim, polls).await;
            // A commit whose worker is gone may still be carried out.
            if !is_done && !world.settled(run.id).await.status.is_final() {
                assert_eq!(world.visible_report_count().await, 0, "killed after {polls} polls");
                world.let_leases_run_out().await;
                let again = world.claim().await.expect("the lease ran out");
                world.services.reconciliation.execute(&again).await.expect("finishes");
            }
            assert_eq!(world.report_count().await, 1, "killed after {polls} polls");
            let run = world.find(run.id).await;
            let document = world.document(run.report_id.expect("a report")).await;
            assert_eq!(document, expected, "killed after {polls} polls");
            let numbers: Vec<i64> = world.events(run.id).await.iter().map(|event| event.sequence).collect();
            assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<i64>>());
        }
    }
}

#[tokio::test]
async fn a_run_that_is_canceled_ends_without_a_report() {
    for world in worlds().await {
        let run = world.start().await;
        let caller = world.caller(Role::Operator);
        world.services.reconciliation.cancel(&caller, run.id).await.expect("it waits");
        let claim = world.claim().await.expect("a job waits");
        world.services.reconciliation.execute(&claim).await.expect("ends");
        let run = world.find(run.id).await;
        assert_eq!((run.status, run.report_id), (RunStatus::Canceled, None));
        let last = world.events(run.id).await.pop().expect("events");
        assert!(matches!(last.event, ReconciliationEvent::Finished { status: RunStatus::Canceled, .. }));
        let again = world.services.reconciliation.cancel(&caller, run.id).await;
        assert!(matches!(again, Err(ReconciliationError::Ended(_))), "{again:?}");
    }
}

#[tokio::test]
async fn an_amount_with_too_many_decimals_is_left_out_and_said_to_be() {
    for world in worlds().await {
        world.bill_acme_with_amount("0.0000000000001").await;
        let run = world.reconcile().await;
        assert_eq!(run.status, RunStatus::SucceededWithIssues);
        let caller = world.caller(Role::Finance);
        let id = run.report_id.expect("a report");
        let document = world.services.reconciliation.document(&caller, id).await.expect("readable").expect("there");
        assert_eq!(document.summary.left_out.len(), 1);
        assert_ne!(document.summary.verdict, "CLEAN");
        assert!(render(&document, Style::default()).contains("nothing of it was compared: 1 record in all."));
    }
}

#[tokio::test]
async fn months_are_chosen_or_refused() {
    for world in worlds().await {
        let caller = world.caller(Role::Operator);
        let start = async |from: Option<&str>, to: Option<&str>| {
            let month = |text: Option<&str>| text.map(|text| Period::parse(text).expect("a month"));
            let command = StartReconciliation {
                integration_id: world.integration_id,
                period_from: month(from),
                period_to: month(to),
                as_of: None,
                policy_version: None,
            };
            world.services.reconciliation.start(&caller, command).await
        };
        assert_eq!(start(None, None).await.expect("october").period_to, world.october());
        for (from, to) in [("2026-10", "2026-09"), ("2020-01", "2026-10")] {
            let refused = start(Some(from), Some(to)).await;
            assert!(matches!(refused, Err(ReconciliationError::BadPeriods { .. })), "{refused:?}");
        }
        let viewer = world.caller(Role::Viewer);
        let command = StartReconciliation {
            integration_id: world.integration_id,
            period_from: None,
            period_to: None,
            as_of: None,
            policy_version: None,
        };
        let refused = world.services.reconciliation.start(&viewer, command.clone()).await;
        assert!(matches!(refused, Err(ReconciliationError::Forbidden(_))), "{refused:?}");
        let stranger = world.stranger(Role::Admin);
        let refused = world.services.reconciliation.start(&stranger, command).await;
        assert!(matches!(refused, Err(ReconciliationError::NotFound)), "{refused:?}");
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    for world in worlds().await {
        let run = world.reconcile().await;
        let id = run.report_id.expect("a report");
        let stranger = world.stranger(Role::Admin);
        let service = &world.services.reconciliation;
        assert_eq!(service.find(&stranger, run.id).await.expect("readable"), None);
        assert_eq!(service.report(&stranger, id).await.expect("readable"), None);
        assert_eq!(service.document(&stranger, id).await.expect("readable"), None);
        let found = service
            .occurrences(
                &stranger,
                id,
                &OccurrenceFilter::default(),
                (OccurrenceOrder::Magnitude, true),
                &Window::first(10),
            )
            .await
            .expect("readable");
        assert!(found.items.is_empty());
        let events =
            reconciliation::events_after(world.services.core.store.read(), stranger.organization_id, run.id, 0, 10);
        assert!(events.await.expect("readable").is_empty());
    }
}

#[tokio::test]
async fn without_finance_there_is_no_document() {
    for world in worlds().await {
        let run = world.reconcile().await;
        let id = run.report_id.expect("a report");
        assert!(world.services.reconciliation.document(&world.caller(Role::Operator), id).await.is_err());
    }
}

#[tokio::test]
async fn what_only_a_report_found_that_nobody_saw_was_never_found() {
    for world in worlds().await {
        let run = world.start().await;
        let claim = world.claim().await.expect("a job waits");
        let mut polls = 1;
        // Killed at the first place at which discrepancies are stored and the report is not complete.
        while world.stored_discrepancies().await == 0 {
            world.execute_for(&claim, polls).await;
            polls += 1;
            if world.settled(run.id).await.status.is_final() {
                break;
            }
        }
        if world.find(run.id).await.status.is_final() {
            continue;
        }
        world.services.reconciliation.fail(&claim, "Enough.".to_owned()).await.expect("it ends");
        assert_eq!(world.stored_discrepancies().await, 0);
    }
}
