//! A directory in the place of an API: both forms of every file, pages, bad rows, and what is missing.

use std::fs;
use std::path::{Path, PathBuf};

use concord::connector::file::{FileMarketplace, FilePsa};
use concord::connector::{ConnectorError, Cursor, Marketplace, Page, Psa, Pulled, Rejected};
use concord::domain::id::ExternalId;
use concord::domain::record::{BillCycle, CustomerStatus, Known, PsaInvoiceStatus};
use tempfile::TempDir;

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// Reads a list to its end.
macro_rules! all {
    ($list:expr) => {{
        let (mut records, mut rejected, mut next, mut pages) = (Vec::new(), Vec::new(), None::<Cursor>, 0);
        loop {
            let page: Page<_> = $list(next).await.unwrap();
            records.extend(page.records);
            rejected.extend(page.rejected);
            next = page.next;
            pages += 1;
            if next.is_none() {
                break;
            }
        }
        (records, rejected, pages)
    }};
}

fn ids<T>(records: &[Pulled<T>], id: impl Fn(&T) -> &ExternalId) -> Vec<String> {
    records.iter().map(|pulled| id(&pulled.record).to_string()).collect()
}

fn places(rejected: &[Rejected]) -> Vec<String> {
    let place = |rejected: &Rejected| rejected.location.clone().map_or_else(String::new, |(f, l)| format!("{f}:{l} "));
    rejected.iter().map(|rejected| format!("{}{}", place(rejected), rejected.reason)).collect()
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_an_error_and_a_missing_file_is_a_remark() {
    let error = FileMarketplace::open(Path::new("/nowhere/at/all")).unwrap_err();
    assert_eq!(error.to_string(), "the directory cannot be reached: `/nowhere/at/all` is not a directory");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(FilePsa::open(empty.path()), Err(ConnectorError::Unavailable { .. })));
    let files = directory(&[("pax8/companies.jsonl", r#"{"id":"c-1","name":"Acme"}"#)]);
    let marketplace = FileMarketplace::open(files.path()).unwrap();
    let check = marketplace.verify().await.unwrap();
    assert!(check.remarks.iter().any(|remark| remark.starts_with("The file `pricing.jsonl` is missing")));
    assert!(!check.remarks.iter().any(|remark| remark.contains("companies.jsonl")));
    assert_eq!(marketplace.subscriptions(None).await.unwrap().records.len(), 0);
}

#[tokio::test]
async fn bad_rows_are_reported_with_file_and_line_and_nothing_else_is_lost() {
    let companies =
        "{\"id\":\"c-1\",\"name\":\"A\"}\n\n{\"id\":\"c-2\"\n{\"id\":\"c-3\"}\n{\"id\":\"c-4\",\"name\":\"D\"}";
    let files = directory(&[
        ("pax8/companies.jsonl", companies),
        (
            "pax8/subscription_history.jsonl",
            "{\"id\":\"s-1\",\"companyId\":\"c-1\",\"productId\":\"p\",\"quantity\":\"x\"}\nnonsense",
        ),
    ]);
    let marketplace = FileMarketplace::open(files.path()).unwrap();
    let (records, rejected, _) = all!(|next| marketplace.companies(next));
    assert_eq!(ids(&records, |company| &company.external_id), ["c-1", "c-4"]);
    let reasons = places(&rejected);
    assert!(reasons[0].starts_with("companies.jsonl:3 "), "{reasons:?}");
    assert_eq!(reasons[1], "companies.jsonl:4 name is missing");
    assert_eq!(rejected[1].external_id, Some(ExternalId::from("c-3")));
    let history = marketplace.subscription_history(&ExternalId::from("s-1")).await.unwrap();
    assert_eq!(places(&history.rejected), ["subscription_history.jsonl:1 quantity `x` is not a decimal"]);
    // A row that names no subscription belongs to no history; the list of subscriptions reports it.
    let (_, orphans, _) = all!(|next| marketplace.subscriptions(next));
    assert!(places(&orphans)[0].starts_with("subscription_history.jsonl:2 "), "{orphans:?}");
}

#[tokio::test]
async fn pages_join_without_loss_or_repetition() {
    let rows: String = (0..1203).map(|n| format!("{{\"id\":\"c-{n}\",\"name\":\"Company {n}\"}}\r\n")).collect();
    let csv: String = (0..1203).map(|n| format!("{n},\"Customer\n{n}\"\n")).collect();
    let csv = format!("\u{feff}external_id,name\n{csv}");
    let files = directory(&[("pax8/companies.jsonl", &rows), ("psa/customers.csv", &csv)]);
    let marketplace = FileMarketplace::open(files.path()).unwrap();
    let (records, rejected, pages) = all!(|next| marketplace.companies(next));
    assert_eq!((records.len(), rejected.len(), pages), (1203, 0, 3));
    assert_eq!(records[1202].record.name, "Company 1202");
    let psa = FilePsa::open(files.path()).unwrap();
    let (records, rejected, pages) = all!(|next| psa.customers(next));
    assert_eq!((records.len(), rejected.len(), pages), (1203, 0, 3));
    assert_eq!(records[1202].record.name, "Customer\n1202");
    assert!(marketplace.companies(Some(Cursor("nonsense".to_owned()))).await.is_err());
}

#[tokio::test]
async fn joined_rows_are_found_by_their_key() {
    let files = directory(&[
        (
            "pax8/pricing.jsonl",
            r#"{"productId":"p-1","content":[{"billingTerm":"Monthly","currencyCode":"GBP","rates":[{"partnerBuyRate":6.336},{"partnerBuyRate":6}]}]}
{"productId":"p-2","billingTerm":"Annual","rates":[{"partnerBuyRate":60}]}"#,
        ),
        ("pax8/usage_summaries.jsonl", r#"{"id":"u-1","subscriptionId":"s-1","partnerTotal":115.367841}"#),
        (
            "pax8/usage_lines.jsonl",
            "{\"usageSummaryId\":\"u-1\",\"usageDate\":\"2026-07-31\",\"quantity\":2.9921}
{\"usageSummaryId\":\"u-1\",\"usageDate\":\"2026-08-31\",\"quantity\":1}",
        ),
        ("pax8/invoices.jsonl", r#"{"id":"i-1","invoiceDate":"2026-08-05","currencyCode":"GBP"}"#),
        (
            "pax8/invoice_items/i-1.jsonl",
            "{\"type\":\"rebate\",\"costTotal\":-1.5}\n{\"id\":\"l-2\",\"type\":\"prorate\"}",
        ),
    ]);
    let marketplace = FileMarketplace::open(files.path()).unwrap();
    let prices = marketplace.prices(&ExternalId::from("p-1"), None).await.unwrap();
    assert_eq!(prices.records.len(), 2);
    assert_eq!(prices.records[0].record.cost.unwrap().0.to_string(), "6.336");
    assert_eq!(marketplace.prices(&ExternalId::from("p-2"), None).await.unwrap().records.len(), 1);
    assert_eq!(marketplace.usage_summaries(&ExternalId::from("s-1"), None).await.unwrap().records.len(), 1);
    let day = "2026-08-31".parse().unwrap();
    assert_eq!(marketplace.usage_lines(&ExternalId::from("u-1"), day, None).await.unwrap().records.len(), 1);
    let invoice = marketplace.invoices(None, None).await.unwrap().records.remove(0).record;
    let lines = marketplace.invoice_lines(&invoice, None).await.unwrap();
    assert_eq!(ids(&lines.records, |line| &line.external_id), ["i-1/item-0", "l-2"]);
    assert_eq!(lines.records[0].record.currency.unwrap().as_str(), "GBP");
    let later = marketplace.invoices(Some("2026-09-01".parse().unwrap()), None).await.unwrap();
    assert_eq!(later.records.len(), 0);
    let mut elsewhere = invoice;
    elsewhere.external_id = ExternalId::from("../companies");
    assert_eq!(marketplace.invoice_lines(&elsewhere, None).await.unwrap().records.len(), 0);
}

#[tokio::test]
async fn the_portal_s_download_is_enough_for_companies_products_invoices_and_lines() {
    let csv = "invoice_id,line_id,type,company_id,company_name,sku,product_id,product_name,start_period,end_period,term,quantity,charge_type,price,subtotal,cost,cost_total,amount_due,currency_code,billed_by_pax8
i-9,l-1,subscription,c-1,Harbor Dental,MST-1,p-1,Premium,2026-09-01,2026-09-30,Monthly,25,per,22,550,18.04,451,451,USD,false
i-9,l-2,prorate,c-1,Harbor Dental,MST-1,p-1,Premium,2026-08-18,2026-08-31,Monthly,-2,per,6.77,-13.55,4.97,-9.935,-9.935,USD,false
i-9,l-3,subscription,c-1,Harbor Dental,MST-1,p-1,Premium,2026-09-01,2026-09-30,Monthly,\"1,5\",per,22,550,18.04,451,451,USD,false
";
    let files = directory(&[("pax8/invoice_csv/invoice-2026-09-USD.csv", csv)]);
    let marketplace = FileMarketplace::open(files.path()).unwrap();
    let company = marketplace.companies(None).await.unwrap().records.remove(0).record;
    assert_eq!((company.external_id.as_str(), company.name.as_str()), ("c-1", "Harbor Dental"));
    let product = marketplace.products(None).await.unwrap().records.remove(0).record;
    assert_eq!((product.name.as_str(), product.sku.as_deref()), ("Premium", Some("MST-1")));
    let invoices = marketplace.invoices(None, None).await.unwrap();
    assert_eq!(invoices.records[0].record.invoice_date.to_string(), "2026-09-01");
    assert_eq!(invoices.records[0].record.total, None);
    let lines = marketplace.invoice_lines(&invoices.records[0].record, None).await.unwrap();
    assert_eq!(ids(&lines.records, |line| &line.external_id), ["l-1", "l-2"]);
    assert_eq!(lines.records[1].record.cost_total.unwrap().0.to_string(), "-9.935");
    assert_eq!(places(&lines.rejected), ["invoice_csv/invoice-2026-09-USD.csv:4 quantity `1,5` is not a decimal"]);
}

const AGREEMENT: &str = r#"{"id":501,"name":"Cloud","customerId":104,"billCycle":"Monthly","billTime":"Arrears","currency":"GBP","endDate":"2026-12-31"}"#;
const LINE: &str = r#"{"id":9001,"agreementId":501,"productId":2015,"quantity":33,"lessIncluded":3,"unitPrice":26.4,"unitCost":23.23,"billCustomer":"NoCharge","effectiveDate":"2026-02-01","cancelledDate":null,"billCycle":"Annual"}"#;
const INVOICE: &str = r#"{"id":10001,"invoiceNumber":"INV-1","date":"2026-08-01","customerId":104,"currency":"USD","total":3404.370,"status":"Sent","lines":[{"id":1,"productId":2015,"agreementLineId":9001,"quantity":33,"unitPrice":26.4,"amount":871.2,"servicePeriodStart":"2026-08-01","servicePeriodEnd":"2026-08-31"},{"id":2,"amount":"lots"}]}"#;

#[tokio::test]
async fn a_psa_s_lines_are_joined_to_agreements_and_invoices() {
    let files = directory(&[
        (
            "psa/customers.jsonl",
            r#"{"id":104,"identifier":"ACME","name":"Acme","status":"Prospect","types":"Client","zip":"85719","parentId":7,"currency":"GBP","deletedFlag":true}"#,
        ),
        (
            "psa/products.jsonl",
            r#"{"id":2015,"identifier":"AZURE","name":"Azure","manufacturerPartNumber":"","unitPrice":0,"billCycle":"Usage","markupPercent":15,"inactiveFlag":true}"#,
        ),
        ("psa/agreements.jsonl", AGREEMENT),
        ("psa/agreement_lines.jsonl", &format!("{LINE}\n{}", LINE.replace("501", "502"))),
        ("psa/invoices.jsonl", INVOICE),
    ]);
    let psa = FilePsa::open(files.path()).unwrap();
    assert_eq!(psa.verify().await.unwrap().remarks, Vec::<String>::new());
    let customer = psa.customers(None).await.unwrap().records.remove(0).record;
    assert_eq!(customer.status, Some(Known::Known(CustomerStatus::Prospect)));
    assert_eq!(customer.parent_external_id, Some(ExternalId::from("7")));
    assert!(customer.is_deleted);
    let product = psa.products(None).await.unwrap().records.remove(0).record;
    assert_eq!(product.bill_cycle, Some(Known::Known(BillCycle::Usage)));
    assert_eq!((product.is_active, product.vendor_sku), (false, None));
    let lines = psa.agreement_lines(None).await.unwrap();
    let line = &lines.records[0].record;
    assert_eq!(line.customer_external_id, ExternalId::from("104"));
    assert_eq!((line.currency.unwrap().as_str(), line.agreement_name.as_deref()), ("GBP", Some("Cloud")));
    assert_eq!((line.is_billable, line.bills_in_arrears), (false, true));
    assert_eq!(line.bill_cycle, Some(Known::Known(BillCycle::Annual)));
    assert_eq!(line.effective_to, Some("2026-12-31".parse().unwrap()));
    assert_eq!(line.included_quantity.unwrap().to_string(), "3");
    assert_eq!(
        places(&lines.rejected),
        ["agreement_lines.jsonl:2 neither the line nor agreement `502` names a customer"]
    );
    let invoice = psa.invoices(None, None).await.unwrap().records.remove(0);
    assert_eq!(invoice.record.invoice.total.unwrap().0.to_string(), "3404.370");
    assert_eq!(invoice.record.invoice.status, Some(Known::Known(PsaInvoiceStatus::Open)));
    assert_eq!(invoice.record.lines[0].record.external_id, ExternalId::from("10001/1"));
    assert_eq!(invoice.raw, INVOICE);
    let bad = "invoices.jsonl:1 line 2 of invoice `10001`: amount `lots` is not a decimal";
    assert_eq!(places(&invoice.record.rejected), [bad]);
    assert_eq!(psa.invoices(Some("2026-09-01".parse().unwrap()), None).await.unwrap().records.len(), 0);
}

#[tokio::test]
async fn the_neutral_csv_form_is_read() {
    let files = directory(&[
        ("psa/customers.csv", "external_id,name,status,postal_code,parent_external_id\nC1,Acme,Closed,85719,\n"),
        (
            "psa/products.csv",
            "external_id,name,sku,unit_price,recurring,billing_period,active\nP1,Premium,SKU-1,26.40,true,month,true\nP2,Setup,SKU-2,10,false,,false\n",
        ),
        (
            "psa/agreement_lines.csv",
            "line_id,agreement_id,agreement_name,customer_external_id,sku,quantity,unit_price,currency,billing_period,effective_date,cancel_date,billable\nL1,A1,Cloud,C1,SKU-1,5,26.40,USD,month,2026-01-01,,true\n",
        ),
        (
            "psa/invoices.csv",
            "line_id,invoice_number,invoice_date,period_start,period_end,customer_external_id,product_external_id,quantity,unit_price,total,currency\n1,INV-1,2026-09-01,2026-09-01,2026-09-30,C1,P1,5,26.40,132.00,USD\n1,INV-2,2026-09-01,,,C1,P1,1,1,1,USD\n2,INV-1,2026-09-01,,,C1,P1,-1,26.40,-26.40,USD\n",
        ),
    ]);
    let psa = FilePsa::open(files.path()).unwrap();
    let customer = psa.customers(None).await.unwrap().records.remove(0).record;
    assert_eq!(customer.status, Some(Known::Known(CustomerStatus::Inactive)));
    let products = psa.products(None).await.unwrap().records;
    assert_eq!(products[0].record.bill_cycle, Some(Known::Known(BillCycle::Monthly)));
    assert_eq!(products[1].record.bill_cycle, Some(Known::Known(BillCycle::OneTime)));
    assert!(!products[1].record.is_active);
    let line = psa.agreement_lines(None).await.unwrap().records.remove(0).record;
    assert_eq!(line.product_external_id, Some(ExternalId::from("P1")));
    let invoices = psa.invoices(None, None).await.unwrap().records;
    assert_eq!(invoices.len(), 2);
    assert_eq!(ids(&invoices[0].record.lines, |line| &line.external_id), ["INV-1/1", "INV-1/2"]);
    assert_eq!(invoices[0].record.lines[1].record.amount.unwrap().0.to_string(), "-26.40");
}

#[tokio::test]
async fn a_development_world_is_read_without_a_rejected_row() {
    let Some(data) = std::env::var_os("CONCORD_DEV_DATA").map(PathBuf::from) else {
        eprintln!("skipped: set CONCORD_DEV_DATA to a directory with `pax8` and `psa` to run this");
        return;
    };
    let marketplace = FileMarketplace::open(&data).unwrap();
    let psa = FilePsa::open(&data).unwrap();
    let mut bad: Vec<Rejected> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    let mut counts = Vec::new();
    macro_rules! count {
        ($name:literal, $list:expr) => {{
            let (records, rejected, _) = all!($list);
            counts.push(format!("{}={}", $name, records.len()));
            bad.extend(rejected);
            notes.extend(records.iter().flat_map(|pulled| pulled.notes.clone()));
            records
        }};
    }
    count!("companies", |next| marketplace.companies(next));
    let products = count!("products", |next| marketplace.products(next));
    let (mut prices, mut states, mut summaries, mut usage, mut items) = (0, 0, Vec::new(), 0, 0);
    for product in products {
        let page = marketplace.prices(&product.record.external_id, None).await.unwrap();
        prices += usize::from(!page.records.is_empty());
        bad.extend(page.rejected);
    }
    for subscription in count!("subscriptions", |next| marketplace.subscriptions(next)) {
        let id = &subscription.record.external_id;
        let history = marketplace.subscription_history(id).await.unwrap();
        states += history.records.len();
        bad.extend(history.rejected);
        summaries.extend(marketplace.usage_summaries(id, None).await.unwrap().records);
    }
    let mut day: chrono::NaiveDate = "2026-07-01".parse().unwrap();
    while day <= "2026-10-31".parse().unwrap() {
        for summary in &summaries {
            usage += marketplace.usage_lines(&summary.record.external_id, day, None).await.unwrap().records.len();
        }
        day = day.succ_opt().unwrap();
    }
    for invoice in count!("invoices", |next| marketplace.invoices(None, next)) {
        let (lines, rejected, _) = all!(|next| marketplace.invoice_lines(&invoice.record, next));
        let amounts = lines.iter().filter_map(|line| Some(line.record.amount_due?.0));
        let total = concord::domain::money::ExactSum::of(amounts).unwrap().total().unwrap();
        if let Some(stated) = invoice.record.total {
            assert_eq!(total.normalize(), stated.normalize(), "{}", invoice.record.external_id);
        }
        items += lines.len();
        bad.extend(rejected);
        notes.extend(lines.iter().flat_map(|line| line.notes.clone()));
    }
    counts.push(format!("pricing={prices} history={states} summaries={} usage={usage} items={items}", summaries.len()));
    count!("customers", |next| psa.customers(next));
    count!("items", |next| psa.products(next));
    count!("agreement_lines", |next| psa.agreement_lines(next));
    let invoices = count!("psa_invoices", |next| psa.invoices(None, next));
    counts.push(format!("psa_lines={}", invoices.iter().map(|pulled| pulled.record.lines.len()).sum::<usize>()));
    bad.extend(invoices.into_iter().flat_map(|pulled| pulled.record.rejected));
    println!("{}", counts.join(" "));
    assert_eq!(places(&bad), Vec::<String>::new());
    assert_eq!(notes, Vec::<String>::new());
}
