//! The end of a list of Pax8: found whatever its counters say, never for ever away, and never taken for complete when it
//! is not.

use concord::connector::{Cursor, Marketplace, Page};
use concord::domain::id::ExternalId;
use concord::domain::record::{Pax8Product, VendorInvoice};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::connector_support::{clock, json_text, mount_token, pax8, pax8_settings, pax8_with};

/// Products with these ids, and what the answer says about its page.
fn products(ids: std::ops::Range<u32>, page: &str) -> ResponseTemplate {
    let rows: Vec<String> = ids.map(|id| format!(r#"{{"id":"p{id}","name":"P"}}"#)).collect();
    let page = if page.is_empty() { String::new() } else { format!(r#","page":{page}"#) };
    json_text(200, format!(r#"{{"content":[{}]{page}}}"#, rows.join(",")))
}

async fn answer(server: &MockServer, number: &str, answer: ResponseTemplate) {
    Mock::given(path("/v1/products")).and(query_param("page", number)).respond_with(answer).mount(server).await;
}

/// All pages of the products, in pages of two.
async fn read(server: &MockServer) -> Vec<Page<Pax8Product>> {
    mount_token(server).await;
    let mut settings = pax8_settings(server);
    settings.page_size = 2;
    let pax8 = pax8_with(&settings, clock());
    let (mut pages, mut next) = (Vec::new(), None);
    loop {
        let page = pax8.products(next.take()).await.unwrap();
        next.clone_from(&page.next);
        pages.push(page);
        assert!(pages.len() < 10, "the list has no end");
        if next.is_none() {
            return pages;
        }
    }
}

fn ids(pages: &[Page<Pax8Product>]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.records).map(|pulled| pulled.record.external_id.to_string()).collect()
}

fn reasons(pages: &[Page<Pax8Product>]) -> Vec<&str> {
    pages.iter().flat_map(|page| &page.rejected).map(|rejected| rejected.reason.as_str()).collect()
}

#[tokio::test]
async fn a_full_page_without_counters_is_followed_by_another() {
    let server = MockServer::start().await;
    answer(&server, "0", products(0..2, "")).await;
    answer(&server, "1", products(2..4, "")).await;
    answer(&server, "2", products(4..5, "")).await;
    let pages = read(&server).await;
    assert_eq!(ids(&pages), ["p0", "p1", "p2", "p3", "p4"]);
    assert_eq!(reasons(&pages), [""; 0]);
}

#[tokio::test]
async fn a_count_that_an_earlier_page_told_is_not_forgotten() {
    let server = MockServer::start().await;
    answer(&server, "0", products(0..2, r#"{"totalPages":2,"totalElements":4,"number":0}"#)).await;
    answer(&server, "1", json_text(200, r#"{"content":[]}"#)).await;
    let pages = read(&server).await;
    assert_eq!(pages.last().unwrap().total, Some(4), "so that two records are known to be missing");
}

#[tokio::test]
async fn a_page_that_does_not_move_ends_the_list_and_says_that_it_is_not_whole() {
    for page in [r#"{"number":0,"totalPages":2}"#, r#"{"number":0,"totalPages":18446744073709551615}"#, ""] {
        let server = MockServer::start().await;
        Mock::given(path("/v1/products")).respond_with(products(0..2, page)).mount(&server).await;
        let pages = read(&server).await;
        assert_eq!(ids(&pages), ["p0", "p1"], "{page}");
        let reason = "page 2 of the list brought the records of page 1 again, so that what follows could not be read";
        assert_eq!(reasons(&pages), [reason], "{page}");
    }
}

#[tokio::test]
async fn a_wrong_number_of_the_page_does_not_matter() {
    for number in ["0", "7", "18446744073709551615"] {
        let server = MockServer::start().await;
        answer(&server, "0", products(0..2, &format!(r#"{{"number":{number},"totalPages":2}}"#))).await;
        answer(&server, "1", products(2..3, &format!(r#"{{"number":{number},"totalPages":2}}"#))).await;
        let pages = read(&server).await;
        assert_eq!(ids(&pages), ["p0", "p1", "p2"], "{number}");
        assert_eq!(reasons(&pages), [""; 0], "{number}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_connector_is_refused_and_a_huge_one_harmless() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/invoices/i-1/items"))
        .respond_with(json_text(200, r#"{"content":[{}]}"#))
        .mount(&server)
        .await;
    let pax8 = pax8(&server).await;
    for text in ["nonsense", "", "1:x:", "-1::"] {
        assert!(pax8.products(Some(Cursor(text.to_owned()))).await.is_err(), "{text}");
    }
    let invoice = VendorInvoice {
        external_id: ExternalId::from("i-1"),
        invoice_date: "2026-06-01".parse().unwrap(),
        due_date: None,
        status: None,
        total: None,
        balance: None,
        carried_balance: None,
        currency: None,
        company_external_id: None,
    };
    let page = pax8.invoice_lines(&invoice, Some(Cursor(format!("{}::", u64::MAX)))).await.unwrap();
    assert_eq!(page.next, None);
}
