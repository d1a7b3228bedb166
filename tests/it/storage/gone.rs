//! Marks of what is gone: set by a complete pull alone, and never on the strength of a list that hid something.

use concord::connector::ConnectorError;
use concord::domain::provider::Side;
use concord::domain::run::{Dataset, RunStatus};
use concord::service::setup::UpdateSettings;

use super::provider::{
    company, draft_line, page, pages, price, psa_invoice, pulled, rejected, subscription, vendor_invoice, vendor_line,
};
use super::world::{World, worlds};

/// External ids of a table that are present.
async fn present(world: &World, table: &str) -> Vec<String> {
    world.texts(&format!("SELECT external_id FROM {table} WHERE gone_at IS NULL ORDER BY external_id")).await
}

#[tokio::test]
async fn a_record_is_marked_when_it_is_missing_and_returns_as_itself() {
    for world in worlds().await {
        world.provider.script().companies = vec![page(vec![company("a", "A"), company("b", "B")])];
        world.sync().await;
        world.provider.script().companies = vec![page(vec![company("a", "A")])];
        let run = world.sync().await;
        let (_, count) =
            run.counts.datasets.iter().find(|(dataset, _)| *dataset == Dataset::Companies).expect("counted");
        assert_eq!(count.gone, 1);
        assert_eq!(present(&world, "company").await, ["a"]);
        world.provider.script().companies = vec![page(vec![company("a", "A"), company("b", "B")])];
        world.sync().await;
        assert_eq!(present(&world, "company").await, ["a", "b"]);
        let versions = world.texts("SELECT external_id FROM record_version WHERE kind = 'company'").await;
        assert_eq!(versions.len(), 2, "it came back as it was");
    }
}

#[tokio::test]
async fn a_list_that_shrank_while_it_was_read_hides_nothing() {
    for world in worlds().await {
        let (a, b, c) = (company("a", "A"), company("b", "B"), company("c", "C"));
        world.provider.script().companies = vec![page(vec![a.clone(), b, c.clone()])];
        world.sync().await;
        // `a` is deleted between the pages, so that `b` moves up to the page that was read already.
        world.provider.script().companies = pages(vec![(vec![a], Some(3)), (vec![c], Some(2))]);
        let run = world.sync().await;
        assert_eq!(present(&world, "company").await, ["a", "b", "c"], "on {}", world.database.url);
        assert_eq!(run.issue_count, 1, "somebody should look");
        let message = "the provider counts 3 records and 2 different ones were read; the records known so far are kept";
        assert_eq!(world.texts("SELECT message FROM sync_issue").await, [message]);
    }
}

#[tokio::test]
async fn an_answer_without_records_or_count_is_no_proof_that_all_are_gone() {
    for world in worlds().await {
        world.provider.script().companies = vec![page(vec![company("a", "A"), company("b", "B")])];
        world.sync().await;
        world.provider.script().companies = pages(vec![(vec![], None)]);
        let run = world.sync().await;
        assert_eq!(present(&world, "company").await, ["a", "b"], "on {}", world.database.url);
        assert_eq!(run.issue_count, 1, "somebody should look");
        world.provider.script().companies = pages(vec![(vec![], Some(0))]);
        world.sync().await;
        assert_eq!(present(&world, "company").await, [""; 0], "the provider counts none");
    }
}

#[tokio::test]
async fn what_is_switched_off_or_unreadable_stays() {
    for world in worlds().await {
        world.provider.script().companies = vec![page(vec![company("a", "A"), company("b", "B")])];
        world.sync().await;
        let mut broken = page(vec![company("a", "A")]);
        broken.rejected.push(rejected("the name is missing"));
        world.provider.script().companies = vec![broken];
        world.sync().await;
        assert_eq!(present(&world, "company").await, ["a", "b"]);
        let command = UpdateSettings {
            integration_id: Some(world.integration.id),
            syncs_customers: Some(false),
            ..UpdateSettings::default()
        };
        world.app.services.setup.update_settings(&world.caller, command).await.expect("switched off");
        world.provider.script().companies = vec![page(vec![company("a", "A")])];
        world.sync().await;
        assert_eq!(present(&world, "company").await, ["a", "b"]);
    }
}

#[tokio::test]
async fn lines_of_a_psa_invoice_go_with_it_and_stay_when_it_was_only_hidden() {
    for world in worlds().await {
        let (one, two) = (psa_invoice("i1", &["l1", "l2"]), psa_invoice("i2", &["l3"]));
        world.provider.script().psa_invoices = vec![page(vec![one.clone(), two.clone()])];
        world.sync().await;
        // Two are counted and one is shown.
        world.provider.script().psa_invoices = pages(vec![(vec![one.clone()], Some(2))]);
        world.sync().await;
        assert_eq!(present(&world, "psa_invoice").await, ["i1", "i2"]);
        assert_eq!(present(&world, "psa_invoice_line").await, ["l1", "l2", "l3"], "on {}", world.database.url);
        world.provider.script().psa_invoices = vec![page(vec![one])];
        world.sync().await;
        assert_eq!(present(&world, "psa_invoice_line").await, ["l1", "l2"]);
    }
}

#[tokio::test]
async fn a_line_that_left_its_psa_invoice_is_gone_also_when_another_invoice_is_unreadable() {
    for world in worlds().await {
        world.provider.script().psa_invoices = vec![page(vec![psa_invoice("i1", &["l1", "l2"])])];
        world.sync().await;
        let mut shrunk = page(vec![psa_invoice("i1", &["l1", "l4"])]);
        shrunk.rejected.push(rejected("the date is missing"));
        world.provider.script().psa_invoices = vec![shrunk];
        world.sync().await;
        assert_eq!(present(&world, "psa_invoice_line").await, ["l1", "l4"], "on {}", world.database.url);
        let mut unreadable = psa_invoice("i1", &["l1"]);
        unreadable.record.rejected.push(rejected("the amount is no decimal"));
        world.provider.script().psa_invoices = vec![page(vec![unreadable])];
        world.sync().await;
        assert_eq!(present(&world, "psa_invoice_line").await, ["l1", "l4"], "`l4` may be the unreadable one");
    }
}

#[tokio::test]
async fn drafts_come_and_go_with_their_lines_and_stay_while_they_cannot_be_read() {
    let (one, two) = (draft_line("s1", "2026-04-01"), draft_line("s2", "2026-04-01"));
    let denied = || ConnectorError::Forbidden { provider: "Pax8", message: "no billing access".to_owned() };
    for world in worlds().await {
        world.provider.script().vendor_invoices = vec![page(vec![vendor_invoice("v1")])];
        world.provider.script().vendor_lines.insert("v1".to_owned(), Vec::new());
        world.provider.script().drafts.insert(1, Ok(page(vec![one.clone(), two.clone()])));
        let run = world.sync().await;
        assert_eq!((run.status, run.issue_count), (RunStatus::Succeeded, 0), "on {}", world.database.url);
        assert_eq!(present(&world, "vendor_invoice").await, ["draft-2026-04-USD", "v1"]);
        let (first, second) =
            ("draft-2026-04-USD/s1/subscription/2026-04-01/1", "draft-2026-04-USD/s2/subscription/2026-04-01/1");
        assert_eq!(present(&world, "vendor_invoice_line").await, [first, second]);

        world.provider.script().drafts.insert(1, Err(denied()));
        let run = world.sync().await;
        assert_eq!(run.status, RunStatus::SucceededWithIssues, "a forecast is no reason to fail");
        let message =
            "the draft of the next month's invoice cannot be read: Pax8 does not allow this: no billing access";
        assert_eq!(world.texts("SELECT message FROM sync_issue").await, [message]);
        assert_eq!(present(&world, "vendor_invoice_line").await, [first, second]);

        world.provider.script().drafts.insert(1, Ok(page(vec![two.clone()])));
        world.sync().await;
        assert_eq!(present(&world, "vendor_invoice_line").await, [second]);
        // The list of invoices says nothing about drafts.
        let late = ConnectorError::Unavailable { provider: "Pax8", message: "status 408".to_owned() };
        world.provider.script().drafts.insert(0, Err(late));
        world.provider.script().vendor_invoices = vec![page(Vec::new())];
        world.sync().await;
        assert_eq!(present(&world, "vendor_invoice").await, ["draft-2026-04-USD"]);

        world.provider.script().drafts.clear();
        world.sync().await;
        assert_eq!(present(&world, "vendor_invoice").await, [""; 0], "nothing is forecast any more");
        assert_eq!(present(&world, "vendor_invoice_line").await, [""; 0]);
    }
}

#[tokio::test]
async fn lines_of_a_vendor_invoice_shrink_with_it_and_stay_when_it_cannot_be_opened() {
    for world in worlds().await {
        let lines = vec![vendor_line("l1", "v1", "p"), vendor_line("l2", "v1", "p")];
        world.provider.script().vendor_invoices = vec![page(vec![vendor_invoice("v1")])];
        world.provider.script().vendor_lines.insert("v1".to_owned(), lines);
        world.sync().await;
        world.provider.script().vendor_lines.insert("v1".to_owned(), vec![vendor_line("l1", "v1", "p")]);
        world.sync().await;
        assert_eq!(present(&world, "vendor_invoice_line").await, ["l1"]);
        world.provider.script().vendor_lines.clear();
        let run = world.sync().await;
        assert_eq!(present(&world, "vendor_invoice_line").await, ["l1"], "on {}", world.database.url);
        assert_eq!(run.issue_count, 1, "the run says that the invoice cannot be opened");
    }
}

#[tokio::test]
async fn lines_that_a_vendor_invoice_counts_but_does_not_show_stay() {
    for world in worlds().await {
        let lines = ["l1", "l2"].map(|id| vendor_line(id, "v1", "p"));
        world.provider.script().vendor_invoices = vec![page(vec![vendor_invoice("v1")])];
        world.provider.script().vendor_lines.insert("v1".to_owned(), lines.to_vec());
        world.sync().await;
        // The same line twice: two are counted, and one of those known before is not among them.
        let doubled = vec![vendor_line("l1", "v1", "p"), vendor_line("l1", "v1", "p")];
        world.provider.script().vendor_lines.insert("v1".to_owned(), doubled);
        let run = world.sync().await;
        assert_eq!(present(&world, "vendor_invoice_line").await, ["l1", "l2"], "on {}", world.database.url);
        assert_eq!(run.issue_count, 1, "the run says that a line is missing");
    }
}

#[tokio::test]
async fn prices_that_a_product_no_longer_has_are_gone() {
    for world in worlds().await {
        world.provider.script().subscriptions = vec![page(vec![pulled(subscription("s1", "p1", 1))])];
        world.provider.script().prices.insert("p1".to_owned(), vec![price("p1", 5), price("p1", 6)]);
        world.sync().await;
        assert_eq!(present(&world, "vendor_price").await.len(), 2);
        world.provider.script().prices.insert("p1".to_owned(), vec![price("p1", 6)]);
        world.sync().await;
        let left = world.texts("SELECT suggested_price FROM vendor_price WHERE gone_at IS NULL").await;
        assert_eq!(left, ["6"], "on {}", world.database.url);
        let _ = Side::Psa;
    }
}

#[tokio::test]
async fn the_lines_of_an_invoice_that_is_gone_are_gone_with_it() {
    for world in worlds().await {
        {
            let mut script = world.provider.script();
            script.vendor_invoices = vec![page(vec![vendor_invoice("i1"), vendor_invoice("i2")])];
            script.vendor_lines.insert("i1".to_owned(), vec![vendor_line("l1", "i1", "p")]);
            script.vendor_lines.insert("i2".to_owned(), vec![vendor_line("l2", "i2", "p")]);
        }
        world.sync().await;
        assert_eq!(present(&world, "vendor_invoice_line").await, ["l1", "l2"]);
        world.provider.script().vendor_invoices = vec![page(vec![vendor_invoice("i1")])];
        world.sync().await;
        assert_eq!(present(&world, "vendor_invoice").await, ["i1"]);
        assert_eq!(present(&world, "vendor_invoice_line").await, ["l1"], "on {}", world.database.url);
    }
}
