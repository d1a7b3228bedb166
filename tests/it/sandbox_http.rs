//! The sandbox over a real socket: what it serves, and how it refuses.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use concord::domain::money::{ExactSum, parse_decimal};
use concord::environment::FixedClock;
use concord::sandbox::{Options, RunningSandbox, Side, World, WorldSource, credentials, default_today, start};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// One world for all tests here; none of them changes it.
fn world() -> Arc<World> {
    static WORLD: OnceLock<Arc<World>> = OnceLock::new();
    Arc::clone(WORLD.get_or_init(|| Arc::new(World::seeded(11, default_today()).expect("a good day"))))
}

struct Caller {
    sandbox: RunningSandbox,
    client: Client,
    pax8_token: String,
    psa_token: String,
}

fn client() -> Client {
    // A second installation by another test is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test speaks to the sandbox as a stranger would")]
    Client::new()
}

impl Caller {
    async fn of(options: Options) -> Self {
        let options = Options { world: WorldSource::Ready(world()), ..options };
        let sandbox = start(options).await.expect("a free port");
        let mut caller = Self { sandbox, client: client(), pax8_token: String::new(), psa_token: String::new() };
        let token = caller.ask_pax8_token(credentials::PAX8_CLIENT_SECRET, credentials::PAX8_AUDIENCE).await;
        caller.pax8_token = token.json::<Value>().await.expect("JSON")["access_token"].as_str().unwrap_or("").into();
        let token = caller.ask_psa_token(credentials::PSA_API_KEY).await;
        caller.psa_token = token.json::<Value>().await.expect("JSON")["data"]["token"].as_str().unwrap_or("").into();
        caller
    }

    async fn new() -> Self {
        Self::of(Options::default()).await
    }

    async fn ask_pax8_token(&self, secret: &str, audience: &str) -> Response {
        let body = json!({
            "client_id": credentials::PAX8_CLIENT_ID,
            "client_secret": secret,
            "audience": audience,
            "grant_type": "client_credentials",
        });
        self.client.post(self.sandbox.pax8_token_url()).json(&body).send().await.expect("an answer")
    }

    async fn ask_psa_token(&self, key: &str) -> Response {
        let url = format!("{}/api/v1/auth/api-key/exchange", self.sandbox.psa_base_url());
        let request = self.client.post(url).header("X-Revio-Host", credentials::PSA_TENANT);
        request.json(&json!({ "apiKey": key })).send().await.expect("an answer")
    }

    fn pax8(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.sandbox.pax8_base_url())).bearer_auth(&self.pax8_token)
    }

    fn psa(&self, path: &str) -> RequestBuilder {
        let request = self.client.get(format!("{}/billing/api/v1{path}", self.sandbox.psa_base_url()));
        request.bearer_auth(&self.psa_token).header("X-Revio-Host", credentials::PSA_TENANT)
    }

    fn billing(&self, path: &str) -> RequestBuilder {
        let request = self.client.get(format!("{}{path}", self.sandbox.billing_base_url()));
        request.basic_auth(credentials::BILLING_USER, Some(credentials::BILLING_PASSWORD))
    }

    async fn order_fault(&self, fault: Value) {
        let url = format!("{}/sandbox/faults", self.sandbox.origin());
        let answer = self.client.post(url).json(&fault).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{fault}");
    }
}

/// The JSON of an answer that has to be good.
async fn good(request: RequestBuilder) -> Value {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.url());
    answer.json().await.expect("JSON")
}

fn number(value: &Value) -> Decimal {
    parse_decimal(&value.to_string()).expect("a number")
}

async fn status_and_body(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn tokens_of_pax8_are_given_for_the_right_secret_and_audience_alone() {
    let caller = Caller::new().await;
    let good = caller.ask_pax8_token(credentials::PAX8_CLIENT_SECRET, credentials::PAX8_AUDIENCE).await;
    let body: Value = good.json().await.expect("JSON");
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(86400), &json!("Bearer")));
    for (secret, audience) in [("wrong", credentials::PAX8_AUDIENCE), (credentials::PAX8_CLIENT_SECRET, "")] {
        let answer = caller.ask_pax8_token(secret, audience).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body, json!({ "error": "access_denied", "error_description": "Unauthorized" }));
    }
}

#[tokio::test]
async fn tokens_expire_and_can_be_revoked() {
    let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH));
    let caller = Caller::of(Options { clock: Arc::clone(&clock) as _, ..Options::default() }).await;
    assert_eq!(caller.pax8("/companies").send().await.expect("an answer").status(), StatusCode::OK);
    clock.advance(TimeDelta::hours(2));
    assert_eq!(caller.pax8("/companies").send().await.expect("an answer").status(), StatusCode::OK);
    assert_eq!(caller.psa("/customers").send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    clock.advance(TimeDelta::hours(22));
    let (status, body) = status_and_body(caller.pax8("/companies")).await;
    assert_eq!(status, 401);
    let expected = json!({
        "type": "UNAUTHORIZED", "message": "Unauthorized", "instance": "/public/v1/companies", "status": 401, "details": [],
    });
    assert_eq!(body, expected);

    let caller = Caller::new().await;
    let url = format!("{}/sandbox/tokens", caller.sandbox.origin());
    caller.client.delete(url).send().await.expect("an answer");
    assert_eq!(caller.pax8("/companies").send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn pages_of_pax8_cover_every_record_once() {
    let caller = Caller::new().await;
    let mut ids = BTreeSet::new();
    let first = good(caller.pax8("/subscriptions")).await;
    assert_eq!(first["page"]["size"], 10);
    let total = first["page"]["totalElements"].as_u64().expect("a number");
    let pages = total.div_ceil(150);
    for number in 0..pages {
        let page = good(caller.pax8(&format!("/subscriptions?page={number}&size=150"))).await;
        assert_eq!((&page["page"]["number"], &page["page"]["totalPages"]), (&json!(number), &json!(pages)));
        ids.extend(page["content"].as_array().expect("rows").iter().map(|row| row["id"].to_string()));
    }
    assert_eq!(ids.len(), world().subscriptions.all().len());
    let beyond = good(caller.pax8("/subscriptions?page=9999")).await;
    assert!(beyond.get("content").is_none(), "a list without rows has no content");
    for query in ["size=0", "size=201", "size=ten", "page=-1"] {
        let (status, body) = status_and_body(caller.pax8(&format!("/companies?{query}"))).await;
        assert_eq!((status, &body["type"]), (400, &json!("BAD_REQUEST")), "{query}");
    }
}

#[tokio::test]
async fn records_of_pax8_are_sent_character_by_character() {
    let caller = Caller::new().await;
    let world = world();
    let invoice = &world.invoices.all()[0];
    for (path, raw) in [
        (format!("/companies/{}", world.companies.all()[0].id()), world.companies.all()[0].raw()),
        (format!("/invoices/{}", invoice.id()), invoice.raw()),
        (format!("/subscriptions/{}", world.subscriptions.all()[5].id()), world.subscriptions.all()[5].raw()),
        (format!("/usage-summaries/{}", world.usage_summaries.all()[0].id()), world.usage_summaries.all()[0].raw()),
    ] {
        let text = caller.pax8(&path).send().await.expect("an answer").text().await.expect("text");
        assert_eq!(text, raw, "{path}");
    }
    let items = caller.pax8(&format!("/invoices/{}/items?size=200", invoice.id())).send().await.expect("an answer");
    let items = items.text().await.expect("text");
    for item in world.invoice_items[invoice.id()].all().iter().take(200) {
        assert!(items.contains(item.raw()), "{}", item.raw());
    }
}

#[tokio::test]
async fn filters_and_sorting_of_pax8() {
    let caller = Caller::new().await;
    let world = world();
    let all = |value: &Value, name: &str| -> Vec<Value> {
        value["content"].as_array().map_or_else(Vec::new, |rows| rows.iter().map(|row| row[name].clone()).collect())
    };
    let canceled = good(caller.pax8("/subscriptions?status=Cancelled&size=200")).await;
    let canceled = all(&canceled, "status");
    assert!(!canceled.is_empty() && canceled.iter().all(|status| status == "Cancelled"));
    let company = world.subscriptions.all()[0].text("companyId").expect("given");
    let of_company = good(caller.pax8(&format!("/subscriptions?companyId={company}&billingTerm=Monthly"))).await;
    assert!(all(&of_company, "companyId").iter().all(|id| *id == company));
    let dear = good(caller.pax8("/subscriptions?sort=price,desc&size=50")).await;
    let prices: Vec<Decimal> = all(&dear, "price").iter().map(number).collect();
    assert!(prices.len() == 50 && prices.is_sorted_by(|left, right| left >= right), "{prices:?}");
    let named = all(&good(caller.pax8("/companies?sort=name&size=30")).await, "name");
    let lower: Vec<String> = named.iter().map(|name| name.as_str().unwrap_or("").to_lowercase()).collect();
    assert!(lower.is_sorted(), "{lower:?}");
    let british = good(caller.pax8("/companies?country=GB&size=200")).await;
    assert!(all(&british, "address").iter().all(|address| address["country"] == "GB"));
    let found = all(&good(caller.pax8("/products?search=huntress&size=200")).await, "vendorName");
    assert!(found.len() == 4 && found.iter().all(|vendor| vendor == "Huntress"), "{found:?}");
    let range = good(caller.pax8("/invoices?invoiceDateRangeStart=2026-09-01&invoiceDateRangeEnd=2026-09-30")).await;
    assert_eq!(all(&range, "invoiceDate"), ["2026-09-05", "2026-09-05"]);
    let total = world.invoices.all()[3].text("total").expect("given");
    assert_eq!(
        all(&good(caller.pax8(&format!("/invoices?total={total}"))).await, "id"),
        [world.invoices.all()[3].id()]
    );
    for path in [
        "/companies?sort=phone",
        "/companies?sort=name,up",
        "/companies?status=Gone",
        "/companies?selfServiceAllowed=yes",
        // Of all lists, only this one is documented to want the direction.
        "/subscriptions?sort=price",
        "/subscriptions?sort=price,",
        "/subscriptions?sort=name,asc",
        "/subscriptions?billingTerm=1-Time",
        "/invoices?total=1,5",
        "/invoices?dueDate=soon",
        "/invoices/draftItems?monthOffset=2",
    ] {
        assert_eq!(status_and_body(caller.pax8(path)).await.0, 400, "{path}");
    }
}

#[tokio::test]
async fn the_smaller_paths_of_pax8() {
    let caller = Caller::new().await;
    let world = world();
    let company = world.companies.all()[5].id();
    let contacts = good(caller.pax8(&format!("/companies/{company}/contacts"))).await;
    let contact = &contacts["content"][0];
    assert_eq!(contact["types"][0], json!({ "type": "Admin", "primary": true }));
    let id = contact["id"].as_str().expect("text");
    assert_eq!(&good(caller.pax8(&format!("/companies/{company}/contacts/{id}"))).await, contact);

    let license = world.products.all()[0].id();
    let detail = good(caller.pax8(&format!("/products/{license}"))).await;
    assert!(detail["description"].is_string() && detail["sku"].is_string());
    let prices = good(caller.pax8(&format!("/products/{license}/pricing?companyId={company}"))).await;
    assert_eq!(prices["content"].as_array().map(Vec::len), Some(6));
    assert!(prices.get("page").is_none());
    let dependencies = good(caller.pax8(&format!("/products/{license}/dependencies"))).await;
    assert_eq!(dependencies["commitmentDependencies"][1]["term"], "1-Year");
    let details = good(caller.pax8(&format!("/products/{license}/provision-details"))).await;
    assert_eq!(details["content"][0]["key"], "msDomain");

    let changed = world.subscriptions.all().iter().find(|one| world.history.group(one.id()).len() > 1);
    let changed = changed.expect("some subscription changed").id();
    let history = good(caller.pax8(&format!("/subscriptions/{changed}/history"))).await;
    let days: Vec<&str> =
        history["content"].as_array().expect("states").iter().filter_map(|s| s["updatedDate"].as_str()).collect();
    assert!(days.len() > 1 && days.is_sorted_by(|left, right| left >= right), "newest first: {days:?}");

    let orders = good(caller.pax8(&format!("/orders?companyId={company}"))).await;
    let order = orders["content"][0]["id"].as_str().expect("text");
    assert_eq!(good(caller.pax8(&format!("/orders/{order}"))).await["orderedBy"], "Pax8Partner");

    let summary = &world.usage_summaries.all()[0];
    let subscription = summary.text("subscriptionId").expect("given");
    let summaries = good(caller.pax8(&format!("/subscriptions/{subscription}/usage-summaries"))).await;
    assert!(summaries["page"]["totalElements"].as_u64() >= Some(3));
    let day = world.usage_lines.group(summary.id())[0].text("usageDate").expect("given");
    let lines = good(caller.pax8(&format!("/usage-summaries/{}/usage-lines?usageDate={day}", summary.id()))).await;
    assert_eq!(lines["content"].as_array().map(Vec::len), Some(world.usage_lines.group(summary.id()).len()));
    let without_day = caller.pax8(&format!("/usage-summaries/{}/usage-lines", summary.id()));
    assert_eq!(status_and_body(without_day).await.0, 400);

    let next = good(caller.pax8("/invoices/draftItems?size=200")).await;
    assert_eq!(next["content"][0]["startPeriod"], "2026-11-01");
    assert!(next["content"][0].get("id").is_none(), "draft items have no id");
    let this = good(caller.pax8("/invoices/draftItems?monthOffset=0")).await;
    assert_eq!(this["page"]["totalElements"], 0, "October has its invoices");
}

#[tokio::test]
async fn what_pax8_does_not_know_or_allow() {
    let caller = Caller::new().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    for path in [
        "/companies/ID",
        "/companies/ID/contacts",
        "/products/ID",
        "/products/ID/pricing",
        "/orders/ID",
        "/subscriptions/ID",
        "/subscriptions/ID/history",
        "/subscriptions/ID/usage-summaries",
        "/usage-summaries/ID",
        "/usage-summaries/ID/usage-lines",
        "/invoices/ID",
        "/invoices/ID/items",
        "/invoices?companyId=ID",
        "/nothing",
    ] {
        let (status, body) = status_and_body(caller.pax8(&path.replace("ID", nobody))).await;
        assert_eq!((status, &body["type"], &body["status"]), (404, &json!("NOT_FOUND"), &json!(404)), "{path}");
    }
    for path in ["/subscriptions?companyId=ID", "/invoices/draftItems?companyId=ID"] {
        let (status, body) = status_and_body(caller.pax8(&path.replace("ID", nobody))).await;
        assert_eq!((status, &body["type"]), (403, &json!("FORBIDDEN")), "{path}");
    }
    let base = caller.sandbox.pax8_base_url();
    let order = caller.client.post(format!("{base}/orders")).bearer_auth(&caller.pax8_token).json(&json!({}));
    assert_eq!(status_and_body(order).await.0, 501);
    let delete = caller.client.delete(format!("{base}/invoices/x")).bearer_auth(&caller.pax8_token);
    assert_eq!(status_and_body(delete).await.0, 405);
    assert_eq!(status_and_body(caller.client.get(format!("{base}/companies"))).await.0, 401);
}

#[tokio::test]
async fn the_psa_wants_key_tenant_and_token() {
    let caller = Caller::new().await;
    assert_eq!(caller.psa_token.split('.').count(), 3, "in the form of a JWT");
    let refused = caller.ask_psa_token("wrong").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.json::<Value>().await.expect("JSON")["message"].is_string());
    let url = format!("{}/billing/api/v1/customers", caller.sandbox.psa_base_url());
    let without_tenant = caller.client.get(&url).bearer_auth(&caller.psa_token);
    assert_eq!(status_and_body(without_tenant).await.0, 400);
    let stranger = caller.client.get(&url).bearer_auth(&caller.psa_token).header("X-Revio-Host", "other.psarev.io");
    assert_eq!(status_and_body(stranger).await.0, 403);
    let without_token = caller.client.get(&url).header("X-Revio-Host", credentials::PSA_TENANT);
    assert_eq!(status_and_body(without_token).await.0, 401);
}

#[tokio::test]
async fn customers_of_the_psa_come_in_pages_with_its_words() {
    let caller = Caller::new().await;
    let world = world();
    let mut customers = Vec::new();
    for page in 1.. {
        let answer = good(caller.psa(&format!("/customers?page={page}&perPage=50"))).await;
        let rows = answer["data"].as_array().expect("rows").clone();
        let is_last = rows.len() < 50;
        customers.extend(rows);
        if is_last {
            break;
        }
    }
    assert_eq!(customers.len(), world.customers.all().len());
    for (customer, record) in customers.iter().zip(world.customers.all()) {
        assert_eq!(customer["customerId"].to_string(), record.id());
        let expected = match record.text("status").as_deref() {
            Some("Active") => "Open",
            Some("Inactive") => "Closed",
            _ => "Prospect",
        };
        assert_eq!(customer["status"], expected);
    }
    assert!(customers.iter().any(|customer| customer["parentCustomerId"].is_number()));
    let contacts = good(caller.psa("/contacts?customerId=107")).await;
    assert!(contacts["data"].as_array().is_some_and(|rows| !rows.is_empty()));
    assert!(contacts["data"].as_array().is_some_and(|rows| rows.iter().all(|row| row["customerId"] == 107)));
    assert_eq!(good(caller.psa("/customers/107")).await["data"]["customerId"], 107);
    assert_eq!(status_and_body(caller.psa("/customers/99999")).await.0, 404);
}

#[tokio::test]
async fn billing_lists_everything_that_the_psa_bills() {
    let caller = Caller::new().await;
    let world = world();
    for (entity, count) in [
        ("Customers", world.customers.all().len()),
        ("Products", world.psa_products.all().len()),
        ("Services", world.agreements.all().len()),
        ("ServiceProduct", world.agreement_lines.all().len()),
        ("Bills", world.psa_invoices.all().len()),
        ("Credits", 0),
    ] {
        let mut seen = 0;
        for page in 1.. {
            let answer = good(caller.billing(&format!("/{entity}?search.page={page}&search.page_size=400"))).await;
            assert_eq!(answer["ok"], true);
            let rows = answer["records"].as_array().expect("rows").len();
            assert_eq!(answer["record_count"], rows);
            seen += rows;
            if answer["has_more"] == false {
                break;
            }
        }
        assert_eq!(seen, count, "{entity}");
    }
    let bills = good(caller.billing("/Bills?search.page_size=2")).await;
    let (first, second) = (&bills["records"][0], &bills["records"][1]);
    let path = format!(
        "/Charges?search.bill_id={}&search.bill_id={}&search.page_size=500",
        first["bill_id"], second["bill_id"]
    );
    let charges = good(caller.billing(&path)).await;
    for bill in [first, second] {
        let of_bill =
            charges["records"].as_array().expect("rows").iter().filter(|row| row["bill_id"] == bill["bill_id"]);
        let sum = ExactSum::of(of_bill.map(|row| number(&row["amount"]))).and_then(ExactSum::total);
        assert_eq!(sum, Ok(number(&bill["total"])), "{bill}");
    }
    let charge = &charges["records"][0];
    assert_eq!(charge["charge_id"].as_str(), Some(format!("{}/1", charge["bill_id"]).as_str()));
    let line = good(caller.billing("/ServiceProduct?search.page_size=1")).await["records"][0].clone();
    for name in ["service_id", "customer_id", "product_id", "quantity", "rate", "currency_code", "activated_date"] {
        assert!(!line[name].is_null(), "{name} of {line}");
    }
    let one = good(caller.billing(&format!("/Products/{}", line["product_id"]))).await;
    assert_eq!((&one["ok"], &one["product_id"]), (&json!(true), &line["product_id"]));
}

#[tokio::test]
async fn billing_refuses_in_its_own_words() {
    let caller = Caller::new().await;
    let url = format!("{}/Products", caller.sandbox.billing_base_url());
    let (status, body) = status_and_body(caller.client.get(&url).basic_auth("x", Some("y"))).await;
    assert_eq!((status, &body["ok"]), (401, &json!(false)));
    assert_eq!(status_and_body(caller.billing("/Products/1")).await.0, 404);
    assert_eq!(status_and_body(caller.billing("/Nothing")).await.0, 404);
    assert_eq!(status_and_body(caller.billing("/Products?search.page_size=501")).await.0, 400);
    assert_eq!(status_and_body(caller.billing("/Products?search.colour=red")).await.0, 400);
    let write = caller.client.post(&url).basic_auth(credentials::BILLING_USER, Some(credentials::BILLING_PASSWORD));
    assert_eq!(status_and_body(write).await.0, 405);
}

#[tokio::test]
async fn a_spent_budget_is_refused_until_the_minute_is_over() {
    let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH));
    let options = Options { requests_per_minute: Some(3), clock: Arc::clone(&clock) as _, ..Options::default() };
    let caller = Caller::of(options).await;
    // The token was the first request of the three.
    for _ in 0..2 {
        good(caller.pax8("/companies")).await;
    }
    clock.advance(TimeDelta::seconds(20));
    let answer = caller.pax8("/companies").send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()["retry-after"], "41");
    assert_eq!(answer.json::<Value>().await.expect("JSON")["type"], "TOO_MANY_REQUESTS");
    good(caller.billing("/Products")).await;
    clock.advance(TimeDelta::seconds(41));
    good(caller.pax8("/companies")).await;
}

#[tokio::test]
async fn without_a_budget_nothing_is_refused() {
    let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH));
    let caller = Caller::of(Options { requests_per_minute: None, clock: clock as _, ..Options::default() }).await;
    for _ in 0..30 {
        good(caller.pax8("/invoices")).await;
    }
}

#[tokio::test]
async fn faults_happen_as_often_as_ordered() {
    let caller = Caller::new().await;
    caller.order_fault(json!({ "path": "/v1/companies", "status": 503, "times": 2 })).await;
    good(caller.pax8("/products")).await;
    for _ in 0..2 {
        let (status, body) = status_and_body(caller.pax8("/companies")).await;
        assert_eq!((status, &body["type"]), (503, &json!("INTERNAL_SERVER_ERROR")));
    }
    good(caller.pax8("/companies")).await;

    caller.order_fault(json!({ "path": "/psa/", "status": 429, "retry_after": 7 })).await;
    let answer = caller.psa("/customers").send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (429, &b"7"[..]));

    caller.order_fault(json!({ "path": "/billing/", "html": "<h1>Maintenance</h1>" })).await;
    let answer = caller.billing("/Products").send().await.expect("an answer");
    assert!(answer.headers()["content-type"].to_str().is_ok_and(|kind| kind.starts_with("text/html")));
    assert_eq!(answer.text().await.expect("text"), "<h1>Maintenance</h1>");

    caller.order_fault(json!({ "path": "/v1/", "drop": true })).await;
    let broken = async { caller.pax8("/companies").send().await?.text().await };
    assert!(broken.await.is_err(), "the answer should have broken off");

    caller.order_fault(json!({ "path": "/v1/", "delay_milliseconds": 30 })).await;
    let waited = std::time::Instant::now();
    good(caller.pax8("/companies")).await;
    assert!(waited.elapsed() >= Duration::from_millis(30));

    caller.order_fault(json!({ "path": "/v1/", "status": 500, "times": 100 })).await;
    let url = format!("{}/sandbox/faults", caller.sandbox.origin());
    assert_eq!(good(caller.client.get(&url)).await["faults"][0]["times"], 100);
    assert_eq!(good(caller.client.delete(&url)).await["faults"], json!([]));
    good(caller.pax8("/companies")).await;
    for bad in [json!({ "path": "/v1" }), json!({ "path": "v1", "status": 500 }), json!({ "path": "/", "status": 9 })] {
        assert_eq!(status_and_body(caller.client.post(&url).json(&bad)).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn the_page_names_addresses_and_credentials() {
    let caller = Caller::new().await;
    let url = format!("{}/sandbox", caller.sandbox.origin());
    let page = caller.client.get(url).send().await.expect("an answer").text().await.expect("text");
    for wanted in [
        caller.sandbox.pax8_base_url().as_str(),
        caller.sandbox.pax8_token_url().as_str(),
        caller.sandbox.psa_base_url().as_str(),
        caller.sandbox.billing_base_url().as_str(),
        credentials::PAX8_CLIENT_ID,
        credentials::PAX8_CLIENT_SECRET,
        credentials::PSA_API_KEY,
        credentials::PSA_TENANT,
        credentials::BILLING_USER,
        credentials::BILLING_PASSWORD,
        caller.sandbox.oauth_authorize_url(Side::Pax8).as_str(),
        caller.sandbox.oauth_token_url(Side::Psa).as_str(),
        caller.sandbox.oauth_revocation_url(Side::Psa).as_str(),
        credentials::PAX8_APP_CLIENT_ID,
        credentials::PAX8_APP_CLIENT_SECRET,
        credentials::PSA_APP_CLIENT_ID,
        credentials::PSA_APP_CLIENT_SECRET,
        credentials::PARTNER_USER,
        credentials::READER_USER,
        credentials::VENDOR_USER,
        credentials::USER_PASSWORD,
        credentials::ONE_TIME_CODE,
    ] {
        assert!(page.contains(wanted), "{wanted} is not on the page");
    }
}

#[tokio::test]
async fn a_written_world_gives_the_same_answers() {
    let directory = tempfile::tempdir().expect("a directory");
    world().write_to(directory.path()).expect("written");
    let made = Caller::new().await;
    let source = WorldSource::Directory(directory.path().to_owned());
    let read = start(Options { world: source, ..Options::default() }).await.expect("a free port");
    let read = Caller { sandbox: read, client: client(), pax8_token: String::new(), psa_token: String::new() };
    let token = read.ask_pax8_token(credentials::PAX8_CLIENT_SECRET, credentials::PAX8_AUDIENCE).await;
    let token = token.json::<Value>().await.expect("JSON")["access_token"].as_str().expect("text").to_owned();
    let read = Caller { pax8_token: token, ..read };
    for path in
        ["/companies?size=200", "/subscriptions?size=200&page=2", "/orders", "/invoices", "/products?search=365"]
    {
        assert_eq!(good(made.pax8(path)).await, good(read.pax8(path)).await, "{path}");
    }
    for path in ["/Products?search.page_size=500", "/Bills?search.page_size=500", "/Charges?search.page_size=500"] {
        assert_eq!(good(made.billing(path)).await, good(read.billing(path)).await, "{path}");
    }
}

#[tokio::test]
async fn a_sandbox_that_was_shut_down_is_gone() {
    let caller = Caller::new().await;
    let (url, client) = (caller.sandbox.origin(), caller.client.clone());
    caller.sandbox.shutdown().await;
    assert!(client.get(url).send().await.is_err());
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let listen = taken.local_addr().expect("an address");
    let error = start(Options { listen, world: WorldSource::Ready(world()), ..Options::default() }).await;
    let message = error.expect_err("the port is taken").to_string();
    assert!(message.starts_with(&format!("cannot listen on {listen}")), "{message}");
}

#[tokio::test]
async fn the_root_shows_the_page_and_other_paths_point_to_it() {
    let caller = Caller::new().await;
    let root = caller.client.get(caller.sandbox.origin()).send().await.expect("an answer");
    assert!(root.text().await.expect("text").contains("Concord sandbox"));
    let elsewhere = caller.client.get(format!("{}/nowhere", caller.sandbox.origin()));
    let (status, body) = status_and_body(elsewhere).await;
    assert!(status == 404 && body["message"].as_str().is_some_and(|message| message.contains("/sandbox")), "{body}");
}
