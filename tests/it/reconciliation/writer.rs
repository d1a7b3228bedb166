//! The report as text and CSV.

use chrono::TimeDelta;
use concord::domain::access::Role;
use concord::report::Audience;
use concord::report::json::{pack, unpack};
use concord::report::text::{Style, render};
use concord::report::{csv, html, xlsx};

use concord::service::reconciliation::download::{DownloadError, ReportForm};

use super::world::World;

#[tokio::test]
async fn the_page_shows_totals_coverage_invoices_and_what_costs_most() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let document = world.document(run.report_id.expect("a report")).await;
    let page = render(&document, Style::default());
    let fingerprint: String = document.summary.fingerprint.chars().take(16).collect();
    let expected = format!(
        "\
Reconciliation of 2026-10, as of 2026-10-20: something is wrong
2 lines, 1 discrepancy; engine {}, fingerprint {fingerprint}

Totals
       Charged  Expected  Billed  Difference  Leakage  Overbilled
  USD   314.50    374.00  330.00      -44.00   -44.00        0.00
  Margin in USD: 15.50 (4.7 %).

Coverage
                      Pax8 lines  Charged  PSA lines  Billed
  USD
    Matched                    1    92.50          1  110.00
    Discrepant                 1   222.00          1  220.00
    All source lines           2   314.50          2  330.00
  Footing: every source line is in one class, and the classes add up to the source on both sides.

Invoices from Pax8 against their lines
  Invoice       Lines   Total  Residue  Outcome
  vi       USD      2  314.50     0.00  ties out

The discrepancy
  1  WARNING   QUANTITY_UNDER  2026-10
     Acme Inc / M365 Business Premium
     expected 264.00, billed 220.00, effect -44.00 USD; 12 units expected, 10 found
",
        document.summary.engine_version
    );
    let (shown, sentence) = page.split_at(expected.len().min(page.len()));
    assert_eq!(shown, expected);
    assert!(sentence.contains("Acme Inc"), "{sentence}");
    assert!(page.lines().all(|line| line.chars().count() <= 100));
}

#[tokio::test]
async fn a_page_without_cost_shows_none() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let document = world.document(run.report_id.expect("a report")).await;
    let page = render(&document, Style { audience: Audience::WithoutCost, is_colored: false });
    for cost in ["314.50", "222.00", "92.50", "Margin", "Charged"] {
        assert!(!page.contains(cost), "`{cost}` leaks:\n{page}");
    }
    assert!(page.contains("-44.00"));
}

#[tokio::test]
async fn color_is_used_when_asked_alone() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let document = world.document(run.report_id.expect("a report")).await;
    assert!(!render(&document, Style::default()).contains('\u{1b}'));
    assert!(render(&document, Style { is_colored: true, audience: Audience::WithCost }).contains("\u{1b}[31m"));
}

#[tokio::test]
async fn tables_have_the_columns_of_the_exchange_files() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let document = world.document(run.report_id.expect("a report")).await;
    let id = &document.discrepancies[0].id;
    assert_eq!(
        csv::keys(&document, Audience::WithCost),
        format!(
            "psaCustomerId,pax8CompanyIds,psaProductId,pax8ProductIds,period,currency,pax8CostTotal,expectedBilled,\
             actualBilled,difference,discrepancyIds\n\
             101,a,2001,p,2026-10,USD,222.00,264.00,220.00,-44.00,{id}\n\
             102,b,2001,p,2026-10,USD,92.50,110.00,110.00,0.00,\n"
        )
    );
    let discrepancies = csv::discrepancies(&document, Audience::WithCost);
    let mut lines = discrepancies.lines();
    assert_eq!(
        lines.next(),
        Some(
            "discrepancyId,type,side,psaCustomerId,psaCustomerName,pax8CompanyId,pax8CompanyName,psaProductId,\
             psaProductIdentifier,pax8ProductId,pax8ProductName,subscriptionId,period,currency,expectedQuantity,\
             actualQuantity,expectedAmount,actualAmount,effect,costEffect,pairId,note"
        )
    );
    let row = lines.next().expect("a row");
    let start = format!(
        "{id},quantity_under,psa,101,Acme Inc,a,Acme,2001,M365-BP,p,Microsoft 365 Business Premium,s1,2026-10,USD,12,10,\
         264.00,220.00,-44.00,0.00,,"
    );
    assert!(row.starts_with(&start), "{row}");
    assert_eq!(csv::observations(&document, Audience::WithCost).lines().count(), 1);
}

#[tokio::test]
async fn a_spreadsheet_runs_no_name_as_a_formula() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let mut document = world.document(run.report_id.expect("a report")).await;
    for name in document.names.customers.values_mut() {
        *name = "=HYPERLINK(\"http://x\")".to_owned();
    }
    for name in document.names.companies.values_mut() {
        *name = "+1".to_owned();
    }
    for found in &mut document.discrepancies {
        found.sentence = "@SUM(A1)".to_owned();
    }
    let text = csv::discrepancies(&document, Audience::WithCost);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let row = reader.records().next().expect("a row").expect("it reads");
    assert_eq!((row.get(4), row.get(6)), (Some("'=HYPERLINK(\"http://x\")"), Some("'+1")));
    assert!(row.get(21).expect("a note").starts_with("'@SUM"), "{row:?}");
    assert_eq!(row.get(18), Some("-44.00"), "an amount stays a number");
}

#[tokio::test]
async fn packed_reports_are_equal_bytes_and_read_back() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let document = world.document(run.report_id.expect("a report")).await;
    let packed = pack(&document);
    assert_eq!(packed, pack(&document.clone()));
    assert_eq!(unpack(&packed).expect("readable"), document);
    assert!(unpack(b"no report").is_err());
}

#[tokio::test]
async fn the_printable_page_escapes_names_and_hides_cost_when_told() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let mut document = world.document(run.report_id.expect("a report")).await;
    for name in document.names.customers.values_mut() {
        *name = "<script>alert(1)</script>".to_owned();
    }
    let page = html::render(&document, Audience::WithCost);
    assert!(!page.contains("<script"), "a name became markup");
    assert!(page.contains("&#60;script&#62;"), "{page}");
    for shown in ["314.50", "15.50 (4.7 %)", "<svg", "ties out", "quantity under"] {
        assert!(page.contains(shown), "`{shown}` is missing:\n{page}");
    }
    let page = html::render(&document, Audience::WithoutCost);
    for cost in ["314.50", "222.00", "92.50", "Margin", "Charged"] {
        assert!(!page.contains(cost), "`{cost}` leaks:\n{page}");
    }
    assert!(page.contains("-44.00"));
}

#[tokio::test]
async fn the_workbook_is_the_same_each_time_and_has_no_cost_for_readers_who_may_not_see_it() {
    let world = World::on_sqlite().await;
    let run = world.reconcile().await;
    let document = world.document(run.report_id.expect("a report")).await;
    let book = |audience| xlsx::render(&document, audience).expect("a workbook");
    assert_eq!(book(Audience::WithCost), book(Audience::WithCost));
    assert!(book(Audience::WithCost).len() > book(Audience::WithoutCost).len());
}

#[tokio::test]
async fn a_link_expires() {
    let world = World::on_sqlite().await;
    let report = world.reconcile().await.report_id.expect("a report");
    let service = &world.services.reconciliation;
    let link = service.download_link(&world.caller(Role::Viewer), report, ReportForm::Html).await;
    let link = link.expect("readable").expect("a report of the tenant");
    world.clock.advance(TimeDelta::seconds(599));
    assert_eq!(service.download(&link.ticket).await.expect("it works").file, "report.html");
    world.clock.advance(TimeDelta::seconds(1));
    assert!(matches!(service.download(&link.ticket).await, Err(DownloadError::Expired)));
    let foreign = service.download_link(&world.stranger(Role::Admin), report, ReportForm::Html).await;
    assert_eq!(foreign.expect("readable"), None);
}
