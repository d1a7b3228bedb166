//! The partner API of Pax8: every path that reads.
//!
//! Answers are functions of the world, the path and the query; who asks and how often is decided before.

use axum::http::StatusCode;
use chrono::NaiveDate;

use super::query::{Direction, Order, Query, keep_equal, member, page, page_of, sort};
use super::reply::Refusal;
use crate::domain::money::parse_decimal;
use crate::sandbox::json::{Object, array, members, text};
use crate::sandbox::world::derived::{dependencies, elements, provision_details};
use crate::sandbox::world::{Record, Table, World};

/// Answers a read; the segments are those behind `/v1`.
pub fn read(world: &World, segments: &[&str], query: &Query) -> Result<String, Refusal> {
    match segments {
        ["companies"] => companies(world, query),
        ["companies", id] => whole(&world.companies, id, "Company"),
        ["companies", id, "contacts"] => {
            found(&world.companies, id, "Company")?;
            let contacts = contacts(world, id);
            page(&contacts.iter().map(String::as_str).collect::<Vec<_>>(), query)
        }
        ["companies", id, "contacts", contact] => {
            found(&world.companies, id, "Company")?;
            let is_wanted =
                |raw: &String| members(raw).ok().and_then(|members| text(&members, "id")).as_deref() == Some(contact);
            contacts(world, id).into_iter().find(is_wanted).ok_or_else(|| Refusal::not_found("Contact"))
        }
        ["products"] => products(world, query),
        ["products", id] => product(found(&world.products, id, "Product")?),
        ["products", id, "provision-details"] => Ok(provision_details(found(&world.products, id, "Product")?)),
        ["products", id, "dependencies"] => {
            Ok(dependencies(found(&world.products, id, "Product")?, world.pricing.get(id)))
        }
        ["products", id, "pricing"] => pricing(world, id, query),
        ["orders"] => orders(world, query),
        ["orders", id] => whole(&world.orders, id, "Order"),
        ["subscriptions"] => subscriptions(world, query),
        ["subscriptions", id] => whole(&world.subscriptions, id, "Subscription"),
        ["subscriptions", id, "history"] => {
            found(&world.subscriptions, id, "Subscription")?;
            let mut states = world.history.group(id);
            // Newest first, and not paged.
            states.reverse();
            Ok(Object::new().raw("content", &array(states.into_iter().map(Record::raw))).finish())
        }
        ["subscriptions", id, "usage-summaries"] => usage_summaries(world, id, query),
        ["usage-summaries", id] => whole(&world.usage_summaries, id, "Usage summary"),
        ["usage-summaries", id, "usage-lines"] => usage_lines(world, id, query),
        ["invoices"] => invoices(world, query),
        // Before the ids, or the draft would be looked up as an invoice.
        ["invoices", "draftItems"] => draft_items(world, query),
        ["invoices", id] => whole(&world.invoices, id, "Invoice"),
        ["invoices", id, "items"] => {
            found(&world.invoices, id, "Invoice")?;
            let items = world.invoice_items.get(*id).map_or(&[][..], Table::all);
            page_of(&items.iter().collect::<Vec<_>>(), query)
        }
        _ => Err(Refusal::not_found("Resource")),
    }
}

/// Refuses a write: the world of the sandbox is read-only.
pub fn write(segments: &[&str]) -> Refusal {
    let is_known = matches!(
        segments,
        ["companies" | "orders"]
            | ["companies" | "subscriptions", _]
            | ["companies", _, "contacts"]
            | ["companies", _, "contacts", _]
    );
    if is_known {
        Refusal::new(StatusCode::NOT_IMPLEMENTED, "the sandbox does not change its world")
    } else {
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path only reads")
    }
}

fn found<'a>(table: &'a Table, id: &str, what: &str) -> Result<&'a Record, Refusal> {
    table.get(id).ok_or_else(|| Refusal::not_found(what))
}

fn whole(table: &Table, id: &str, what: &str) -> Result<String, Refusal> {
    Ok(found(table, id, what)?.raw().to_owned())
}

fn companies(world: &World, query: &Query) -> Result<String, Refusal> {
    let mut rows: Vec<&Record> = world.companies.all().iter().collect();
    for name in ["city", "country", "stateOrProvince", "postalCode"] {
        keep_equal(&mut rows, &format!("address.{name}"), query.get(name));
    }
    for name in ["selfServiceAllowed", "billOnBehalfOfEnabled", "orderApprovalRequired"] {
        keep_equal(&mut rows, name, query.one_of(name, &["true", "false"])?);
    }
    keep_equal(&mut rows, "status", query.one_of("status", &["Active", "Inactive", "Deleted"])?);
    let fields = [
        ("name", "name", Order::Text),
        ("city", "address.city", Order::Text),
        ("country", "address.country", Order::Text),
        ("stateOrProvince", "address.stateOrProvince", Order::Text),
        ("postalCode", "address.postalCode", Order::Text),
    ];
    sort(&mut rows, query, &fields, Direction::Optional)?;
    page_of(&rows, query)
}

fn contacts(world: &World, company: &str) -> Vec<String> {
    world.company_contacts.get(company).map_or_else(Vec::new, |record| elements(record, "content"))
}

fn products(world: &World, query: &Query) -> Result<String, Refusal> {
    let mut rows: Vec<&Record> = world.products.all().iter().collect();
    if let Some(wanted) = query.get("search") {
        let wanted = wanted.to_lowercase();
        let matches =
            |record: &Record, name| member(record, name).is_some_and(|it| it.to_lowercase().contains(&wanted));
        rows.retain(|record| ["name", "vendorName", "sku", "id"].into_iter().any(|name| matches(record, name)));
    }
    keep_equal(&mut rows, "vendorName", query.get("vendorName"));
    let fields = [("name", "name", Order::Text), ("vendor", "vendorName", Order::Text)];
    sort(&mut rows, query, &fields, Direction::Optional)?;
    page_of(&rows, query)
}

/// One product has a long description beside what the list shows.
fn product(record: &Record) -> Result<String, Refusal> {
    let raw = record.raw();
    let name = record.text("name").unwrap_or_default();
    if record.members().contains_key("description") || !raw.ends_with('}') || raw.len() < 3 {
        return Ok(raw.to_owned());
    }
    let description = Object::new().text("description", &format!("{name}, sold by the month or the year.")).finish();
    Ok(format!("{},{}", &raw[..raw.len() - 1], &description[1..]))
}

fn pricing(world: &World, id: &str, query: &Query) -> Result<String, Refusal> {
    found(&world.products, id, "Product")?;
    if let Some(company) = query.get("companyId") {
        found(&world.companies, company, "Company")?;
    }
    let prices = world.pricing.get(id).map_or_else(Vec::new, |record| elements(record, "content"));
    Ok(Object::new().raw("content", &array(prices.iter().map(String::as_str))).finish())
}

fn orders(world: &World, query: &Query) -> Result<String, Refusal> {
    let rows = match query.get("companyId") {
        Some(company) => {
            found(&world.companies, company, "Company")?;
            world.orders.group(company)
        }
        None => world.orders.all().iter().collect(),
    };
    page_of(&rows, query)
}

/// The vendor does not say whether somebody else's company exists.
fn own_company<'a>(world: &World, query: &'a Query) -> Result<Option<&'a str>, Refusal> {
    match query.get("companyId") {
        Some(company) if world.companies.get(company).is_none() => {
            Err(Refusal::new(StatusCode::FORBIDDEN, "Access to the company is denied"))
        }
        company => Ok(company),
    }
}

const SUBSCRIPTION_STATUSES: &[&str] = &[
    "Active",
    "Cancelled",
    "PendingManual",
    "PendingAutomated",
    "PendingCancel",
    "WaitingForDetails",
    "Trial",
    "Converted",
    "PendingActivation",
    "Activated",
];

const BILLING_TERMS: &[&str] = &["Monthly", "Annual", "2-Year", "3-Year", "One-Time", "Trial", "Activation"];

fn subscriptions(world: &World, query: &Query) -> Result<String, Refusal> {
    let mut rows = match own_company(world, query)? {
        Some(company) => world.subscriptions.group(company),
        None => world.subscriptions.all().iter().collect(),
    };
    keep_equal(&mut rows, "productId", query.get("productId"));
    keep_equal(&mut rows, "status", query.one_of("status", SUBSCRIPTION_STATUSES)?);
    keep_equal(&mut rows, "billingTerm", query.one_of("billingTerm", BILLING_TERMS)?);
    let fields = [
        ("quantity", "quantity", Order::Number),
        ("startDate", "startDate", Order::Text),
        ("endDate", "endDate", Order::Text),
        ("createdDate", "createdDate", Order::Text),
        ("billingStart", "billingStart", Order::Text),
        ("price", "price", Order::Number),
    ];
    sort(&mut rows, query, &fields, Direction::Required)?;
    page_of(&rows, query)
}

fn usage_summaries(world: &World, subscription: &str, query: &Query) -> Result<String, Refusal> {
    found(&world.subscriptions, subscription, "Subscription")?;
    let mut rows = world.usage_summaries.group(subscription);
    keep_equal(&mut rows, "resourceGroup", query.get("resourceGroup"));
    keep_equal(&mut rows, "companyId", query.get("companyId"));
    let fields = [
        ("resourceGroup", "resourceGroup", Order::Text),
        ("currentCharges", "currentCharges", Order::Number),
        ("partnerTotal", "partnerTotal", Order::Number),
    ];
    sort(&mut rows, query, &fields, Direction::Optional)?;
    page_of(&rows, query)
}

fn usage_lines(world: &World, summary: &str, query: &Query) -> Result<String, Refusal> {
    found(&world.usage_summaries, summary, "Usage summary")?;
    let day = day(query, "usageDate")?.ok_or_else(|| Refusal::parameter("usageDate", "is required"))?;
    let mut rows = world.usage_lines.group(summary);
    keep_equal(&mut rows, "usageDate", Some(&day.to_string()));
    keep_equal(&mut rows, "productId", query.get("productId"));
    page_of(&rows, query)
}

fn invoices(world: &World, query: &Query) -> Result<String, Refusal> {
    let mut rows: Vec<&Record> = world.invoices.all().iter().collect();
    let statuses = ["Unpaid", "Paid", "Void", "Carried", "Nothing Due", "Credited"];
    keep_equal(&mut rows, "status", query.one_of("status", &statuses)?);
    for name in ["invoiceDate", "dueDate"] {
        keep_equal(&mut rows, name, day(query, name)?.map(|day| day.to_string()).as_deref());
    }
    let date = |record: &Record| member(record, "invoiceDate").and_then(|date| date.parse::<NaiveDate>().ok());
    if let Some(first) = day(query, "invoiceDateRangeStart")? {
        rows.retain(|record| date(record).is_some_and(|date| first <= date));
    }
    if let Some(last) = day(query, "invoiceDateRangeEnd")? {
        rows.retain(|record| date(record).is_some_and(|date| date <= last));
    }
    for name in ["total", "balance", "carriedBalance"] {
        let Some(wanted) = query.get(name) else { continue };
        let wanted = parse_decimal(wanted).map_err(|error| Refusal::parameter(name, &error.to_string()))?;
        rows.retain(|record| member(record, name).and_then(|it| parse_decimal(&it).ok()) == Some(wanted));
    }
    if let Some(company) = query.get("companyId") {
        found(&world.companies, company, "Company")?;
        keep_equal(&mut rows, "companyId", Some(company));
    }
    let fields = [
        ("invoiceDate", "invoiceDate", Order::Text),
        ("dueDate", "dueDate", Order::Text),
        ("status", "status", Order::Text),
        ("partnerName", "partnerName", Order::Text),
        ("total", "total", Order::Number),
        ("balance", "balance", Order::Number),
        ("carriedBalance", "carriedBalance", Order::Number),
    ];
    sort(&mut rows, query, &fields, Direction::Optional)?;
    page_of(&rows, query)
}

fn draft_items(world: &World, query: &Query) -> Result<String, Refusal> {
    let offset = query.number("monthOffset", 1, (0, 1))?;
    let drafts = &world.draft_items[offset];
    let rows = match own_company(world, query)? {
        Some(company) => drafts.group(company),
        None => drafts.all().iter().collect(),
    };
    page_of(&rows, query)
}

fn day(query: &Query, name: &str) -> Result<Option<NaiveDate>, Refusal> {
    let parse = |value: &str| value.parse().map_err(|_| Refusal::parameter(name, "must be a day such as 2026-09-05"));
    query.get(name).map(parse).transpose()
}
