//! The Rev.io connector at mocks of its two surfaces: tokens, pages, joins, settings, and what is missing.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use concord::connector::http::Recorder;
use concord::connector::psa::revio::{BillingSettings, Revio, RevioSecrets, RevioSettings, Surface};
use concord::connector::{ConnectorError, Cursor, Psa};
use concord::domain::id::ExternalId;
use concord::domain::record::{BillCycle, CustomerStatus, Known, PsaInvoiceStatus};
use wiremock::matchers::{body_json, header, method, path, query_param, query_param_is_missing};
use wiremock::{Match, Mock, MockServer, Request, ResponseTemplate};

use crate::connector_support::{Tape, clock, json, json_text, mount, noon};

fn settings(server: &MockServer) -> RevioSettings {
    let mut settings = RevioSettings {
        auth_url: format!("{}/api/v1/auth/api-key/exchange", server.uri()),
        api_base: server.uri(),
        tenant: "acme.psarev.io".to_owned(),
        billing: Some(BillingSettings {
            base_url: format!("{}/v1", server.uri()),
            user: "jo@acme".to_owned(),
            ..BillingSettings::default()
        }),
        ..RevioSettings::default()
    };
    settings.limits.first_delay_milliseconds = 1;
    settings
}

fn secrets() -> RevioSecrets {
    RevioSecrets {
        api_key: Some("k3y".into()),
        billing_password: Some("pa:ss".into()),
        subscription_key: Some("sub".into()),
        consent: None,
    }
}

fn connect(settings: &RevioSettings) -> Revio {
    Revio::connect(settings, &secrets(), clock(), None).unwrap()
}

/// A token that ends so many seconds after noon.
fn token(name: &str, seconds: i64) -> String {
    let payload = format!(r#"{{"sub":"{name}","exp":{}}}"#, noon().timestamp() + seconds);
    format!("eyJh.{}.{name}", BASE64_URL_SAFE_NO_PAD.encode(payload))
}

fn exchanged(token: &str) -> ResponseTemplate {
    json_text(200, format!(r#"{{"data":{{"token":"{token}"}}}}"#))
}

async fn mount_exchange(server: &MockServer) {
    Mock::given(method("POST"))
        .and(path("/api/v1/auth/api-key/exchange"))
        .and(header("x-revio-host", "acme.psarev.io"))
        .and(body_json(serde_json::json!({"apiKey": "k3y"})))
        .respond_with(exchanged(&token("one", 3600)))
        .mount(server)
        .await;
}

async fn mount_billing(server: &MockServer) {
    mount(server, "/v1/Products", "psa/revio_products.json").await;
    mount(server, "/v1/ServiceProduct", "psa/revio_service_products.json").await;
    for (number, name) in [("1", "psa/revio_services_1.json"), ("2", "psa/revio_services_2.json")] {
        Mock::given(path("/v1/Services"))
            .and(query_param("search.page", number))
            .respond_with(json(name))
            .mount(server)
            .await;
    }
    mount(server, "/v1/Bills", "psa/revio_bills.json").await;
}

fn id(text: &str) -> ExternalId {
    ExternalId::from(text)
}

#[tokio::test]
async fn customers_are_read_with_documented_names_and_extensions() {
    let server = MockServer::start().await;
    mount_exchange(&server).await;
    Mock::given(path("/billing/api/v1/customers"))
        .and(header("authorization", format!("Bearer {}", token("one", 3600))))
        .and(header("x-revio-host", "acme.psarev.io"))
        .and(query_param("page", "1"))
        .and(query_param("perPage", "100"))
        .respond_with(json("psa/revio_customers.json"))
        .expect(1)
        .mount(&server)
        .await;
    let page = connect(&settings(&server)).customers(None).await.unwrap();
    assert_eq!((page.records.len(), page.next), (3, None));
    let first = &page.records[0].record;
    assert_eq!((first.external_id.as_str(), first.name.as_str()), ("104", "Harbor Dental"));
    assert_eq!(first.status, Some(Known::Known(CustomerStatus::Active)));
    assert_eq!((first.identifier.as_deref(), first.currency.unwrap().as_str()), (Some("HARBOR"), "GBP"));
    assert_eq!(first.address.postal_code.as_deref(), Some("04101"));
    let person = &page.records[1].record;
    assert_eq!((person.name.as_str(), person.parent_external_id.clone()), ("Ada Lovelace", Some(id("104"))));
    assert_eq!(page.records[2].record.status, Some(Known::Unrecognized("Hibernating".to_owned())));
    assert_eq!(page.rejected[0].reason, "name is missing");
    assert_eq!(page.rejected[0].external_id, Some(id("107")));
}

#[tokio::test]
async fn the_token_is_kept_until_a_minute_before_its_end_and_renewed_once_when_refused() {
    let server = MockServer::start().await;
    let exchange = |name, seconds, times| {
        Mock::given(path("/api/v1/auth/api-key/exchange"))
            .respond_with(exchanged(&token(name, seconds)))
            .up_to_n_times(times)
    };
    exchange("one", 600, 1).mount(&server).await;
    exchange("two", 7200, 1).mount(&server).await;
    exchange("three", 7200, 1).mount(&server).await;
    let answer = |name, seconds, body| {
        Mock::given(path("/billing/api/v1/customers"))
            .and(header("authorization", format!("Bearer {}", token(name, seconds))))
            .respond_with(body)
    };
    answer("one", 600, json("psa/revio_customers.json")).expect(2).mount(&server).await;
    answer("two", 7200, json_text(401, r#"{"message":"expired"}"#)).expect(1).mount(&server).await;
    answer("three", 7200, json("psa/revio_customers.json")).expect(1).mount(&server).await;
    let clock = clock();
    let revio = Revio::connect(&settings(&server), &secrets(), Arc::clone(&clock) as _, None).unwrap();
    revio.customers(None).await.unwrap();
    clock.advance(TimeDelta::seconds(539));
    revio.customers(None).await.unwrap();
    clock.advance(TimeDelta::seconds(1));
    revio.customers(None).await.unwrap();
}

#[tokio::test]
async fn a_refused_key_is_unauthorized_and_an_odd_reply_malformed() {
    for (status, body, expected) in [
        (401, r#"{"message":"unknown key"}"#, "Rev.io PSA refused the credentials: unknown key"),
        (400, r#"{"errors":[{"message":"bad key"}]}"#, "Rev.io PSA refused the credentials: bad key"),
        (
            200,
            r#"{"token":"x"}"#,
            "Rev.io PSA answered something that is not its API: the key exchange gave no token at `/data/token`",
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(json_text(status, body)).mount(&server).await;
        let error = connect(&settings(&server)).customers(None).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn pages_of_the_psa_end_with_a_short_one_or_with_a_repetition() {
    let server = MockServer::start().await;
    mount_exchange(&server).await;
    let two = r#"{"data":[{"id":1,"name":"A"},{"id":2,"name":"B"}]}"#;
    let one = r#"{"data":[{"id":3,"name":"C"}]}"#;
    for (number, body) in [("1", two), ("2", one)] {
        Mock::given(path("/billing/api/v1/customers"))
            .and(query_param("page", number))
            .respond_with(json_text(200, body))
            .mount(&server)
            .await;
    }
    // A list that ignores the page answers the same for ever.
    Mock::given(path("/billing/api/v1/contacts")).respond_with(json_text(200, two)).mount(&server).await;
    let mut settings = settings(&server);
    settings.paging.size = 2;
    let revio = connect(&settings);
    let first = revio.customers(None).await.unwrap();
    assert!(first.next.is_some());
    let second = revio.customers(first.next).await.unwrap();
    assert_eq!((second.records.len(), second.next), (1, None));
    let first = revio.contacts(&id("1"), None).await.unwrap();
    let second = revio.contacts(&id("1"), first.next).await.unwrap();
    assert_eq!((second.records.len(), second.next), (0, None));
    assert!(revio.customers(Some(Cursor("nonsense".to_owned()))).await.is_err());
}

#[tokio::test]
async fn contacts_are_asked_for_by_customer_on_either_surface() {
    let server = MockServer::start().await;
    mount_exchange(&server).await;
    let contact = r#"{"id":7,"name":"Ada King Lovelace","email":"ada@x.example","primary":true}"#;
    Mock::given(path("/billing/api/v1/contacts"))
        .and(query_param("customerId", "104"))
        .respond_with(json_text(200, format!(r#"{{"data":[{contact}]}}"#)))
        .mount(&server)
        .await;
    let billing = r#"{"ok":true,"has_more":false,"records":[{"contact_id":8,"first_name":"Bo","last_name":"Ek"}]}"#;
    Mock::given(path("/v1/Contacts"))
        .and(query_param("search.customer_id", "104"))
        .respond_with(json_text(200, billing))
        .mount(&server)
        .await;
    let mut settings = settings(&server);
    let page = connect(&settings).contacts(&id("104"), None).await.unwrap();
    let contact = &page.records[0].record;
    assert_eq!((contact.first_name.as_deref(), contact.last_name.as_deref()), (Some("Ada King"), Some("Lovelace")));
    assert_eq!(contact.roles, [("Primary".to_owned(), true)]);
    settings.entity_surface.customers = Surface::Billing;
    let page = connect(&settings).contacts(&id("104"), None).await.unwrap();
    assert_eq!(page.records[0].record.first_name.as_deref(), Some("Bo"));
}

#[tokio::test]
async fn products_are_read_from_billing_with_user_password_and_key() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/Products"))
        .and(header("authorization", format!("Basic {}", BASE64_STANDARD.encode("jo@acme:pa:ss"))))
        .and(header("ocp-apim-subscription-key", "sub"))
        .and(query_param("search.page", "1"))
        .and(query_param("search.page_size", "500"))
        .respond_with(json("psa/revio_products.json"))
        .expect(1)
        .mount(&server)
        .await;
    let page = connect(&settings(&server)).products(None).await.unwrap();
    let cycles: Vec<_> = page.records.iter().map(|pulled| pulled.record.bill_cycle.clone().unwrap()).collect();
    assert_eq!(
        cycles,
        [
            Known::Known(BillCycle::Annual),
            Known::Known(BillCycle::Usage),
            Known::Unrecognized("THREE_MONTHS".to_owned())
        ]
    );
    let premium = &page.records[0].record;
    assert_eq!(premium.unit_price.unwrap().0.to_string(), "26.4000");
    assert_eq!(
        (premium.identifier.as_deref(), premium.vendor_sku.as_deref()),
        (Some("M365-BP"), Some("CFQ7TTC0LCHC:0002"))
    );
    let azure = &page.records[1].record;
    assert_eq!((azure.is_active, azure.markup_percent.unwrap().to_string()), (false, "15".to_owned()));
}

#[tokio::test]
async fn agreement_lines_are_joined_from_services_lines_and_products() {
    let server = MockServer::start().await;
    mount_billing(&server).await;
    let page = connect(&settings(&server)).agreement_lines(None).await.unwrap();
    let lines: Vec<_> = page.records.iter().map(|pulled| &pulled.record).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!((lines[0].agreement_name.as_deref(), lines[0].currency.unwrap().as_str()), (Some("Cloud"), "GBP"));
    assert_eq!(lines[0].bill_cycle, Some(Known::Known(BillCycle::Annual)));
    assert!(lines[0].bills_in_arrears && lines[0].is_billable);
    assert_eq!((lines[0].included_quantity.unwrap().to_string(), lines[0].effective_to), ("3".to_owned(), None));
    // The customer is the service's, the currency the product's, and the end that of the line's own state.
    assert_eq!((lines[1].customer_external_id.as_str(), lines[1].currency.unwrap().as_str()), ("105", "USD"));
    assert_eq!(lines[1].effective_to, Some("2026-05-31".parse().unwrap()));
    assert!(!lines[1].bills_in_arrears, "the service says no, whatever the product says");
    assert_eq!(lines[1].bill_cycle, Some(Known::Known(BillCycle::Monthly)));
    assert!(!lines[2].is_billable && !lines[3].is_billable);
    let reasons: Vec<_> = page.rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
    assert_eq!(reasons, ["neither the line nor service `777` names a customer", "service id is missing"]);
}

#[tokio::test]
async fn bills_get_their_charges_and_credits() {
    let server = MockServer::start().await;
    mount_billing(&server).await;
    mount(&server, "/v1/Charges", "psa/revio_charges.json").await;
    mount(&server, "/v1/Credits", "psa/revio_credits.json").await;
    let revio = connect(&settings(&server));
    let page = revio.invoices(Some("2026-01-01".parse().unwrap()), None).await.unwrap();
    assert_eq!(page.records.len(), 2);
    let first = &page.records[0].record;
    assert_eq!(first.invoice.invoice_date.to_string(), "2026-08-01");
    assert_eq!(first.invoice.total.unwrap().0.to_string(), "871.20");
    let lines: Vec<_> = first.lines.iter().map(|line| &line.record).collect();
    assert_eq!((lines[0].external_id.as_str(), lines[1].external_id.as_str()), ("1", "credit-1"));
    assert_eq!(lines[0].agreement_line_external_id, Some(id("9001")));
    assert_eq!(lines[0].amount.unwrap().0.to_string(), "871.200");
    assert_eq!(
        (lines[1].quantity.unwrap().to_string(), lines[1].amount.unwrap().0.to_string()),
        ("-2".into(), "-52.80".into())
    );
    let second = &page.records[1].record;
    assert_eq!(second.invoice.status, Some(Known::Known(PsaInvoiceStatus::Void)));
    assert_eq!(second.lines[0].record.amount.unwrap().0.to_string(), "-4.88");
    assert_eq!(second.rejected[0].reason, "quantity `many` is not a decimal");
    // Both bills were asked for together, and the old one not at all.
    let requests = server.received_requests().await.unwrap();
    let charges = requests.iter().find(|request| request.url.path() == "/v1/Charges").unwrap();
    let asked: Vec<_> =
        charges.url.query_pairs().filter(|(name, _)| name == "search.bill_id").map(|(_, id)| id.into_owned()).collect();
    assert_eq!(asked, ["10001", "10002"]);
}

/// Matches requests that ask for the lines of exactly one bill.
struct OneBill(&'static str);

impl Match for OneBill {
    fn matches(&self, request: &Request) -> bool {
        let asked: Vec<_> = request.url.query_pairs().filter(|(name, _)| name == "search.bill_id").collect();
        asked.len() == 1 && asked[0].1 == self.0
    }
}

#[tokio::test]
async fn bills_are_asked_for_singly_where_a_repeated_filter_finds_nothing() {
    let server = MockServer::start().await;
    mount_billing(&server).await;
    Mock::given(path("/v1/Charges"))
        .and(OneBill("10001"))
        .respond_with(json("psa/revio_charges.json"))
        .mount(&server)
        .await;
    Mock::given(path("/v1/Charges"))
        .and(OneBill("10002"))
        .respond_with(json("psa/revio_charges.json"))
        .mount(&server)
        .await;
    mount(&server, "/v1/Charges", "psa/revio_empty.json").await;
    mount(&server, "/v1/Credits", "psa/revio_empty.json").await;
    let revio = connect(&settings(&server));
    let page = revio.invoices(None, None).await.unwrap();
    let counts: Vec<_> = page.records.iter().map(|pulled| pulled.record.lines.len()).collect();
    assert_eq!(counts, [1, 1, 0]);
}

#[tokio::test]
async fn what_is_not_set_is_unsupported_and_named() {
    let server = MockServer::start().await;
    mount_exchange(&server).await;
    mount(&server, "/billing/api/v1/customers", "psa/revio_customers.json").await;
    let mut settings = settings(&server);
    settings.billing = None;
    settings.entity_surface.products = Surface::Psa;
    let revio = connect(&settings);
    let error = revio.products(None).await.unwrap_err();
    let expected = "the setting `paths.products` is not set, so that Rev.io PSA cannot be asked for this";
    assert_eq!(error, ConnectorError::Unsupported(expected.to_owned()));
    let error = revio.invoices(None, None).await.unwrap_err();
    assert!(error.to_string().contains("(`billing`) are not set"), "{error}");
    let check = revio.verify().await.unwrap();
    assert_eq!(check.display_name.as_deref(), Some("acme.psarev.io"));
    assert_eq!(check.remarks.len(), 3, "{:?}", check.remarks);
    assert!(check.remarks[0].contains("paths.products"), "{:?}", check.remarks);
    settings.paths.products = Some("/billing/api/v1/products".to_owned());
    let body = r#"{"records":[{"id":1,"name":"Premium"}]}"#;
    Mock::given(path("/billing/api/v1/products")).respond_with(json_text(200, body)).mount(&server).await;
    assert_eq!(connect(&settings).products(None).await.unwrap().records[0].record.name, "Premium");
    settings.tenant = " ".to_owned();
    let error = Revio::connect(&settings, &secrets(), clock(), None).unwrap_err();
    assert!(error.to_string().contains("`tenant` is empty"), "{error}");
}

#[tokio::test]
async fn a_tenant_without_the_list_of_customers_is_told_what_to_do() {
    let server = MockServer::start().await;
    mount_exchange(&server).await;
    mount_billing(&server).await;
    let check = connect(&settings(&server)).verify().await.unwrap();
    assert_eq!(check.remarks.len(), 1, "{:?}", check.remarks);
    assert!(check.remarks[0].starts_with("The customers cannot be read because `/billing/api/v1/customers`"));
}

#[tokio::test]
async fn billing_errors_keep_their_words() {
    for (status, body, expected) in [
        (401, r#"{"ok":false,"message":"bad login"}"#, "Rev.io Billing refused the credentials: bad login"),
        (400, r#"[{"ok":false,"message":"bad filter"}]"#, "Rev.io Billing refused the request: bad filter"),
        (
            200,
            r#"{"ok":false,"records":[]}"#,
            "Rev.io Billing answered something that is not its API: a list says that it is not ok",
        ),
    ] {
        let server = MockServer::start().await;
        let reply = json_text(status, body);
        let request = Mock::given(path("/v1/Products")).and(query_param_is_missing("nothing"));
        request.respond_with(reply).expect(1).mount(&server).await;
        let error = connect(&settings(&server)).products(None).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn settings_are_stored_as_json_with_defaults_and_typing_errors_show() {
    let settings: RevioSettings = serde_json::from_str(
        r#"{"tenant":"acme.psarev.io","billing":{"user":"jo@acme"},"entity_surface":{"customers":"billing"},
            "fields":{"product":{"sku":["/code_1"]}}}"#,
    )
    .unwrap();
    assert_eq!(settings.billing.as_ref().unwrap().base_url, "https://restapi.rev.io/v1");
    assert_eq!(
        (settings.entity_surface.customers, settings.entity_surface.products),
        (Surface::Billing, Surface::Billing)
    );
    assert_eq!(settings.fields.product.sku, ["/code_1"]);
    assert_eq!(settings.fields.product.identifier, ["/code_1", "/identifier"]);
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<RevioSettings>(&text).unwrap(), settings);
    assert!(serde_json::from_str::<RevioSettings>(r#"{"tennant":"x"}"#).is_err());
}

#[tokio::test]
async fn an_exchange_of_the_key_is_never_shown_whatever_its_fields_are_called() {
    let server = MockServer::start().await;
    let answers = [
        json_text(200, r#"{"jwt":"op4que"}"#),
        json_text(400, r#"{"message":"the key k3y is not known"}"#),
        json_text(200, r#"{"other":"op4que"}"#),
    ];
    for answer in answers {
        server.reset().await;
        Mock::given(path("/api/v1/auth/api-key/exchange")).respond_with(answer).mount(&server).await;
        Mock::given(path("/billing/api/v1/customers")).respond_with(json_text(200, "[]")).mount(&server).await;
        let tape = Arc::new(Tape::default());
        let mut settings = settings(&server);
        settings.auth_request_field = "key".to_owned();
        settings.auth_token_pointer = "/jwt".to_owned();
        settings.billing = None;
        let recorder: Arc<dyn Recorder> = Arc::clone(&tape) as Arc<dyn Recorder>;
        let revio = Revio::connect(&settings, &secrets(), clock(), Some(recorder)).unwrap();
        let outcome = revio.customers(None).await;
        let everything = format!("{:?} {outcome:?}", tape.0.lock().unwrap());
        assert!(everything.contains("/exchange"), "{everything}");
        assert!(!everything.contains("k3y") && !everything.contains("op4que"), "{everything}");
    }
}
