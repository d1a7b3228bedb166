//! The Billing surface (Rev.io Billing): catalog, services with their products, bills with their charges.
//!
//! The public description of Billing lacks a few things that every PSA has (vendor, markup, currency of a bill); they
//! are sent as further members, which a tenant may have or not.

use axum::http::StatusCode;

use super::query::{Query, member};
use super::reply::Refusal;
use super::revio::{renamed, status};
use crate::sandbox::json::{array, members, text};
use crate::sandbox::world::derived::elements;
use crate::sandbox::world::{Record, Table, World};

/// The world in the shapes of Billing, made once.
pub struct Billing {
    customers: Table,
    contacts: Table,
    products: Table,
    services: Table,
    service_products: Table,
    bills: Table,
    charges: Table,
}

impl Billing {
    /// Translates a world.
    pub fn of(world: &World) -> Self {
        let agreement_of = |line: &Record| line.text("agreementId").and_then(|id| world.agreements.get(&id));
        Self {
            customers: table(world.customers.all().iter().map(customer), "customer_id"),
            contacts: table(world.customer_contacts.all().iter().map(contact), "contact_id"),
            products: table(world.psa_products.all().iter().map(product), "product_id"),
            services: table(world.agreements.all().iter().map(service), "service_id"),
            service_products: table(
                world.agreement_lines.all().iter().map(|line| service_product(world, line, agreement_of(line))),
                "service_product_id",
            ),
            bills: table(world.psa_invoices.all().iter().map(bill), "bill_id"),
            charges: table(world.psa_invoices.all().iter().flat_map(charges), "charge_id"),
        }
    }

    /// Answers a read; the segments are those behind the base address.
    pub fn read(&self, segments: &[&str], query: &Query) -> Result<String, Refusal> {
        let (entity, id) = match segments {
            [entity] => (*entity, None),
            [entity, id] => (*entity, Some(*id)),
            _ => return Err(Refusal::not_found("path")),
        };
        let empty = Table::default();
        let table = match entity {
            "Customers" => &self.customers,
            "Contacts" => &self.contacts,
            "Products" => &self.products,
            "Services" => &self.services,
            "ServiceProduct" => &self.service_products,
            "Bills" => &self.bills,
            "Charges" => &self.charges,
            // What is taken back stands among the charges with its sign.
            "Credits" => &empty,
            _ => return Err(Refusal::not_found("path")),
        };
        match id {
            None => list(table, query),
            Some(id) => {
                let record = table.get(id).ok_or_else(|| Refusal::not_found("record"))?;
                Ok(format!(r#"{{"ok":true,{}"#, &record.raw()[1..]))
            }
        }
    }
}

/// Filters that compare a member with one of the given values.
const FILTERS: &[&str] = &[
    "customer_id",
    "account_number",
    "product_id",
    "active",
    "service_id",
    "status",
    "description",
    "service_product_id",
];

fn list(table: &Table, query: &Query) -> Result<String, Refusal> {
    let number = query.number("search.page", 1, (1, 1_000_000))?;
    let size = query.number("search.page_size", 10, (1, 500))?;
    let known = |name: &str| {
        let name = name.strip_prefix("search.").unwrap_or_default();
        FILTERS.contains(&name) || ["page", "page_size", "sort", "bill_id"].contains(&name)
    };
    if let Some(unknown) = query.names().find(|name| !known(name)) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("{unknown} is not a parameter of this list")));
    }
    // Lines are always asked for by their bills, so these are looked up; all other filters compare.
    let bills: Vec<&str> = query.all("search.bill_id").collect();
    let mut rows: Vec<&Record> = if bills.is_empty() {
        table.all().iter().collect()
    } else {
        bills.iter().flat_map(|bill| table.group(bill)).collect()
    };
    for filter in FILTERS {
        let parameter = format!("search.{filter}");
        let wanted: Vec<&str> = query.all(&parameter).collect();
        if !wanted.is_empty() {
            rows.retain(|record| member(record, filter).is_some_and(|value| wanted.contains(&value.as_str())));
        }
    }
    if let Some(field) = query.get("search.sort") {
        let name = field.trim_start_matches('-');
        rows.sort_by_cached_key(|record| member(record, name));
        if field.starts_with('-') {
            rows.reverse();
        }
    }
    let total = rows.len();
    let page: Vec<&str> = rows.into_iter().skip((number - 1) * size).take(size).map(Record::raw).collect();
    let count = page.len();
    Ok(format!(
        r#"{{"ok":true,"has_more":{},"record_count":{count},"records":{}}}"#,
        (number - 1) * size + count < total,
        array(page),
    ))
}

fn table(rows: impl Iterator<Item = String>, id: &str) -> Table {
    let lines: Vec<String> = rows.collect();
    Table::read(&lines.join("\n"), id, "bill_id").expect("records are written as JSON")
}

fn customer(record: &Record) -> String {
    let members = record.members();
    let address = renamed(
        &members,
        &[
            ("company_name", "name"),
            ("line_1", "addressLine1"),
            ("line_2", "addressLine2"),
            ("city", "city"),
            ("state_or_province", "state"),
            ("postal_code", "zip"),
        ],
    );
    let names = [
        ("customer_id", "id"),
        ("parent_customer_id", "parentId"),
        ("account_number", "accountNumber"),
        ("identifier", "identifier"),
        ("type", "types"),
        ("country", "country"),
        ("phone", "phoneNumber"),
        ("website", "website"),
        ("email", "email"),
        ("currency", "currency"),
        ("isDeleted", "deletedFlag"),
    ];
    let status = status(&members).map(|status| status.to_uppercase());
    renamed(&members, &names)
        .text_or_null("status", status.as_deref())
        .raw("billing_address", &address.finish())
        .finish()
}

fn contact(record: &Record) -> String {
    let names = [
        ("contact_id", "id"),
        ("customer_id", "customerId"),
        ("first_name", "firstName"),
        ("last_name", "lastName"),
        ("email", "email"),
        ("phone", "phone"),
        ("primary", "primary"),
    ];
    renamed(&record.members(), &names).finish()
}

fn product(record: &Record) -> String {
    let members = record.members();
    let names = [
        ("product_id", "id"),
        ("description", "name"),
        ("code_1", "identifier"),
        ("code_2", "manufacturerPartNumber"),
        ("sku", "sku"),
        ("provider_name", "vendorName"),
        ("product_type", "category"),
        ("rate", "unitPrice"),
        ("cost", "unitCost"),
        ("currency_code", "currency"),
        ("bill_cycle", "billCycle"),
        ("markup_percent", "markupPercent"),
    ];
    let cycle = text(&members, "billCycle");
    let every = if cycle.as_deref() == Some("Annual") { "ONE_YEAR" } else { "FOLLOW_BILL_PROFILE" };
    let mut product = renamed(&members, &names);
    if cycle.is_none() && text(&members, "recurringFlag").as_deref() == Some("false") {
        product = product.text("bill_cycle", "OneTime");
    }
    product
        .text("bill_every", every)
        .value("active", text(&members, "inactiveFlag").as_deref() != Some("true"))
        .value("bills_in_arrears", cycle.as_deref() == Some("Usage"))
        .finish()
}

fn service(record: &Record) -> String {
    let members = record.members();
    let names = [
        ("service_id", "id"),
        ("customer_id", "customerId"),
        ("description", "name"),
        ("activated_date", "startDate"),
        ("disconnected_date", "endDate"),
        ("currency_code", "currency"),
        ("bill_cycle", "billCycle"),
    ];
    renamed(&members, &names)
        .value("bills_in_arrears", text(&members, "billTime").as_deref() == Some("Arrears"))
        .finish()
}

fn service_product(world: &World, line: &Record, agreement: Option<&Record>) -> String {
    let members = line.members();
    let names = [
        ("service_product_id", "id"),
        ("service_id", "agreementId"),
        ("product_id", "productId"),
        ("description", "description"),
        ("quantity", "quantity"),
        ("included_quantity", "lessIncluded"),
        ("rate", "unitPrice"),
        ("cost", "unitCost"),
        ("bill_cycle", "billCycle"),
        ("activated_date", "effectiveDate"),
        ("canceled_date", "cancelledDate"),
        ("bill_customer", "billCustomer"),
    ];
    let last = text(&members, "cancelledDate");
    let has_ended = last.is_some_and(|last| last < world.today().to_string());
    let mut service_product =
        renamed(&members, &names).text("status", if has_ended { "DISCONNECTED" } else { "ACTIVE" });
    if let Some(agreement) = agreement {
        let of_agreement = agreement.members();
        for (name, from) in [("customer_id", "customerId"), ("currency_code", "currency")] {
            if let Some(value) = of_agreement.get(from) {
                service_product = service_product.raw(name, value.get());
            }
        }
    }
    service_product.finish()
}

fn bill(record: &Record) -> String {
    let names = [
        ("bill_id", "id"),
        ("bill_number", "invoiceNumber"),
        ("customer_id", "customerId"),
        ("bill_date", "date"),
        ("cycle_date", "date"),
        ("created_date", "date"),
        ("total", "total"),
        ("amount_due", "total"),
        ("currency_code", "currency"),
        ("status", "status"),
    ];
    renamed(&record.members(), &names).finish()
}

fn charges(invoice: &Record) -> Vec<String> {
    let of_invoice = invoice.members();
    let lines = elements(invoice, "lines").into_iter().enumerate().filter_map(|(position, line)| {
        let members = members(&line).ok()?;
        // Some systems number lines within their invoice, so a line's own id need not be enough.
        let own_id = text(&members, "id").unwrap_or_else(|| format!("line-{}", position + 1));
        let id = format!("{}/{own_id}", invoice.id());
        let names = [
            ("service_product_id", "agreementLineId"),
            ("product_id", "productId"),
            ("description", "description"),
            ("quantity", "quantity"),
            ("rate", "unitPrice"),
            ("amount", "amount"),
            ("start_date", "servicePeriodStart"),
            ("end_date", "servicePeriodEnd"),
        ];
        let mut charge = renamed(&members, &names).text("charge_id", &id);
        for (name, from) in [("bill_id", "id"), ("customer_id", "customerId")] {
            if let Some(value) = of_invoice.get(from) {
                charge = charge.raw(name, value.get());
            }
        }
        Some(charge.finish())
    });
    lines.collect()
}
