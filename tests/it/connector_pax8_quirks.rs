//! Where Pax8's answers differ from its documents: one test for every quirk that concerns reading, by its number in
//! the table of `connector/pax8/mod.rs`.

use concord::connector::Marketplace;
use concord::domain::id::ExternalId;
use concord::domain::record::{
    BillingTerm, Cost, Known, SubscriptionStatus, VendorInvoice, VendorInvoiceStatus, VendorLineKind,
};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer};

use crate::connector_support::{json, json_text, mount, pax8, pax8_settings, pax8_with};

fn id(text: &str) -> ExternalId {
    ExternalId::from(text)
}

fn invoice() -> VendorInvoice {
    VendorInvoice {
        external_id: id("i-1"),
        invoice_date: "2026-06-01".parse().unwrap(),
        due_date: None,
        status: None,
        total: None,
        balance: None,
        carried_balance: None,
        currency: Some(concord::domain::money::Currency::parse("GBP").unwrap()),
        company_external_id: None,
    }
}

#[tokio::test]
async fn quirk_01_commitment_is_read_under_both_names() {
    let server = MockServer::start().await;
    mount(&server, "/v1/subscriptions", "pax8/subscriptions.json").await;
    let page = pax8(&server).await.subscriptions(None).await.unwrap();
    let terms: Vec<_> = page.records.iter().map(|pulled| pulled.record.commitment_term.as_deref()).collect();
    assert_eq!(terms, [Some("1-Year"), Some("3-Year"), None]);
    assert_eq!(page.records[0].record.commitment_end, Some("2026-08-31".parse().unwrap()));
}

#[tokio::test]
async fn quirk_02_an_empty_list_may_lack_its_content() {
    let server = MockServer::start().await;
    let empty = json_text(200, r#"{"page":{"size":200,"totalElements":0,"totalPages":0,"number":0}}"#);
    Mock::given(method("GET")).and(path("/v1/invoices")).respond_with(empty).mount(&server).await;
    let page = pax8(&server).await.invoices(None, None).await.unwrap();
    assert_eq!((page.records.len(), page.next, page.total), (0, None, Some(0)));
}

#[tokio::test]
async fn quirk_04_terms_are_read_in_every_spelling() {
    let server = MockServer::start().await;
    mount(&server, "/v1/subscriptions", "pax8/subscriptions.json").await;
    mount(&server, "/v1/invoices/i-1/items", "pax8/items.json").await;
    let pax8 = pax8(&server).await;
    let subscriptions = pax8.subscriptions(None).await.unwrap();
    assert_eq!(subscriptions.records[2].record.billing_term, Some(Known::Known(BillingTerm::OneTime)));
    let lines = pax8.invoice_lines(&invoice(), None).await.unwrap();
    assert_eq!(lines.records[1].record.term, Some(Known::Known(BillingTerm::TwoYear)));
    assert_eq!(lines.records[2].record.term, Some(Known::Known(BillingTerm::OneTime)));
}

#[tokio::test]
async fn quirk_06_a_company_may_lack_most_fields() {
    let server = MockServer::start().await;
    mount(&server, "/v1/companies", "pax8/companies.json").await;
    let page = pax8(&server).await.companies(None).await.unwrap();
    let minimal = &page.records.last().unwrap().record;
    assert_eq!(minimal.name, "Minimal");
    assert_eq!(
        (minimal.is_self_service_allowed, minimal.phone.as_deref(), minimal.status.as_ref()),
        (None, None, None)
    );
    assert_eq!(page.records[0].record.is_self_service_allowed, Some(true));
}

#[tokio::test]
async fn quirk_07_a_contact_s_number_may_stand_in_other_fields() {
    let server = MockServer::start().await;
    mount(&server, "/v1/companies/c-1/contacts", "pax8/contacts.json").await;
    let page = pax8(&server).await.contacts(&id("c-1"), None).await.unwrap();
    let contact = &page.records[0].record;
    assert_eq!(contact.phone.as_deref(), Some("+1 2075550100"));
    assert_eq!(contact.roles, [("Admin".to_owned(), true), ("Billing".to_owned(), false)]);
}

#[tokio::test]
async fn quirk_08_words_are_compared_without_case_and_joints() {
    let server = MockServer::start().await;
    mount(&server, "/v1/invoices/i-1/items", "pax8/items.json").await;
    let lines = pax8(&server).await.invoice_lines(&invoice(), None).await.unwrap();
    assert_eq!(lines.records[2].record.kind, Known::Known(VendorLineKind::ServiceCredit));
    let unknown = &lines.records[3];
    assert_eq!(unknown.record.kind, Known::Unrecognized("loyalty-bonus".to_owned()));
    assert_eq!(unknown.notes, ["type `loyalty-bonus` is not known to this version and was kept as written"]);
}

#[tokio::test]
async fn quirk_09_usage_lines_have_pages() {
    let server = MockServer::start().await;
    let line = r#"{"usageDate":"2026-05-31","productName":"P10 LRS Disk","quantity":2.9921,"partnerTotal":28.72416}"#;
    for (number, next) in [("0", r#"{"totalPages":2,"number":0}"#), ("1", r#"{"totalPages":2,"number":1}"#)] {
        Mock::given(path("/v1/usage-summaries/u-1/usage-lines"))
            .and(query_param("page", number))
            .and(query_param("usageDate", "2026-05-31"))
            .respond_with(json_text(200, format!(r#"{{"content":[{line}],"page":{next}}}"#)))
            .expect(1)
            .mount(&server)
            .await;
    }
    let pax8 = pax8(&server).await;
    let day = "2026-05-31".parse().unwrap();
    let first = pax8.usage_lines(&id("u-1"), day, None).await.unwrap();
    assert_eq!(first.records[0].record.summary_external_id, id("u-1"));
    assert_eq!(first.records[0].record.cost.unwrap().0.to_string(), "28.72416");
    let second = pax8.usage_lines(&id("u-1"), day, first.next).await.unwrap();
    assert_eq!((second.records.len(), second.next), (1, None));
}

#[tokio::test]
async fn quirk_10_a_summary_gets_the_subscription_that_was_asked_for() {
    let server = MockServer::start().await;
    mount(&server, "/v1/subscriptions/s-1/usage-summaries", "pax8/usage_summaries.json").await;
    let page = pax8(&server).await.usage_summaries(&id("s-1"), None).await.unwrap();
    let summary = &page.records[0].record;
    assert_eq!(
        (summary.company_external_id.clone(), summary.subscription_external_id.clone()),
        (None, Some(id("s-1")))
    );
    assert_eq!(summary.cost.unwrap().0.to_string(), "86.456");
}

#[tokio::test]
async fn quirk_11_a_vendor_sku_is_kept_as_written() {
    let server = MockServer::start().await;
    mount(&server, "/v1/products", "pax8/products.json").await;
    let page = pax8(&server).await.products(None).await.unwrap();
    let skus: Vec<_> = page.records.iter().filter_map(|pulled| pulled.record.vendor_sku.as_deref()).collect();
    assert_eq!(
        skus,
        [r#"{"productId":"CFQ7TTC0LCHC","skuId":2,"segment":"Commercial"}"#, "CFQ7TTC0LCHC:0002", "MST-EOA-103"]
    );
}

#[tokio::test]
async fn quirk_12_an_annual_term_goes_with_a_one_year_commitment() {
    let server = MockServer::start().await;
    mount(&server, "/v1/products/p-1/pricing", "pax8/pricing.json").await;
    let page = pax8(&server).await.prices(&id("p-1"), None).await.unwrap();
    let (first, second) = (&page.records[0].record, &page.records[1].record);
    assert_eq!(first.billing_term, Some(Known::Known(BillingTerm::Annual)));
    assert_eq!(first.commitment_term.as_deref(), Some("1-Year"));
    assert_eq!(first.cost.map(|Cost(amount)| amount.to_string()).as_deref(), Some("18.0412345"));
    assert_eq!((first.range_end.map(|end| end.to_string()).as_deref(), second.range_end), (Some("99"), None));
    assert_eq!(page.records[0].raw, page.records[1].raw);
}

#[tokio::test]
async fn quirk_13_an_invoice_s_status_is_read_and_a_new_one_kept() {
    let server = MockServer::start().await;
    mount(&server, "/v1/invoices", "pax8/invoices.json").await;
    let page = pax8(&server).await.invoices(None, None).await.unwrap();
    assert_eq!(page.records[0].record.status, Some(Known::Known(VendorInvoiceStatus::NothingDue)));
    assert_eq!(page.records[1].record.status, Some(Known::Unrecognized("Disputed".to_owned())));
    assert_eq!(page.records[1].notes.len(), 1);
}

#[tokio::test]
async fn quirk_15_a_history_may_be_a_bare_list() {
    let server = MockServer::start().await;
    mount(&server, "/v1/subscriptions/s-1/history", "pax8/history_bare.json").await;
    mount(&server, "/v1/subscriptions/s-2/history", "pax8/subscriptions.json").await;
    let pax8 = pax8(&server).await;
    let bare = pax8.subscription_history(&id("s-1")).await.unwrap();
    let quantities: Vec<_> = bare.records.iter().map(|pulled| pulled.record.quantity.unwrap().to_string()).collect();
    assert_eq!(quantities, ["30", "25"]);
    assert_eq!(pax8.subscription_history(&id("s-2")).await.unwrap().records.len(), 3);
}

#[tokio::test]
async fn quirk_19_drafts_are_read_at_the_documented_path() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/invoices/draftItems"))
        .and(query_param("monthOffset", "0"))
        .respond_with(json("pax8/items.json"))
        .mount(&server)
        .await;
    let page = pax8(&server).await.draft_lines(0, None).await.unwrap();
    assert_eq!(page.records[1].record.external_id, id("draft-0/item-1"));
    assert_eq!(page.records[1].record.currency, None);
}

#[tokio::test]
async fn quirk_20_no_page_is_larger_than_200() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/products"))
        .and(query_param("size", "200"))
        .respond_with(json("pax8/products.json"))
        .mount(&server)
        .await;
    crate::connector_support::mount_token(&server).await;
    let mut settings = pax8_settings(&server);
    settings.page_size = 5000;
    let pax8 = pax8_with(&settings, crate::connector_support::clock());
    assert_eq!(pax8.products(None).await.unwrap().records.len(), 3);
}

#[tokio::test]
async fn quirk_21_contacts_are_read_below_their_company() {
    let server = MockServer::start().await;
    // An id that tries to leave its place is encoded, so that it cannot reach another path.
    mount(&server, "/v1/companies/..%2Fusers/contacts", "pax8/contacts.json").await;
    let page = pax8(&server).await.contacts(&id("../users"), None).await.unwrap();
    assert_eq!(page.records.len(), 1);
}

#[tokio::test]
async fn quirk_22_only_the_number_of_pages_ends_a_list() {
    let server = MockServer::start().await;
    mount(&server, "/v1/companies", "pax8/companies.json").await;
    let page = pax8(&server).await.companies(None).await.unwrap();
    assert_eq!((page.total, page.next), (Some(115), None));
}

#[tokio::test]
async fn quirk_23_names_are_kept_whole() {
    let server = MockServer::start().await;
    mount(&server, "/v1/products", "pax8/products.json").await;
    let page = pax8(&server).await.products(None).await.unwrap();
    assert_eq!(page.records[0].record.name, "Microsoft 365 Business Premium (Government) [New Commerce Experience]");
}

#[tokio::test]
async fn quirk_24_the_external_id_is_a_reference_of_unknown_meaning() {
    let server = MockServer::start().await;
    mount(&server, "/v1/companies", "pax8/companies.json").await;
    let page = pax8(&server).await.companies(None).await.unwrap();
    assert_eq!(page.records[0].record.partner_reference.as_deref(), Some("10442"));
}

#[tokio::test]
async fn quirk_25_an_old_line_gets_currency_and_id_from_its_invoice() {
    let server = MockServer::start().await;
    mount(&server, "/v1/invoices/i-1/items", "pax8/items.json").await;
    let page = pax8(&server).await.invoice_lines(&invoice(), None).await.unwrap();
    let old = &page.records[1].record;
    assert_eq!(old.external_id, id("i-1/item-1"));
    assert_eq!(old.currency.unwrap().as_str(), "GBP");
    assert_eq!((old.subscription_external_id.clone(), old.sales_tax), (None, None));
    assert_eq!(page.records[0].record.currency.unwrap().as_str(), "USD");
}

#[tokio::test]
async fn states_are_kept_apart_from_what_this_version_does_not_know() {
    let server = MockServer::start().await;
    mount(&server, "/v1/subscriptions", "pax8/subscriptions.json").await;
    let page = pax8(&server).await.subscriptions(None).await.unwrap();
    assert_eq!(page.records[1].record.status, Some(Known::Known(SubscriptionStatus::PendingManual)));
    assert_eq!(page.records[2].record.status, Some(Known::Unrecognized("Paused".to_owned())));
}
