//! The PSA's side of the world, and the true mappings, as the texts of an export.

use rust_decimal::Decimal;

use super::customers::{Customer, Place};
use super::items::{Cycle, Item};
use super::psa_billing::{Agreement, AgreementLine, InvoiceLine, PsaBilling};
use super::subscriptions::Ground;
use super::{Files, people_of};
use crate::domain::money::{ExactSum, plain};
use crate::domain::period::Period;
use crate::sandbox::json::{Object, array};

/// Writes every file of the PSA's side and the mappings.
pub fn write(seed: u64, ground: &Ground<'_>, billing: &PsaBilling) -> Files {
    let mut files = Files::new();
    let mut put = |path: &str, lines: Vec<String>| {
        files.insert(path.to_owned(), lines.into_iter().map(|line| line + "\n").collect());
    };
    let customers = &ground.people.customers;
    put("psa/customers.jsonl", customers.iter().map(customer).collect());
    put("psa/contacts.jsonl", contacts(seed, customers));
    put("psa/products.jsonl", ground.catalog.items.iter().map(item).collect());
    put("psa/agreements.jsonl", billing.agreements.iter().map(|of| agreement(ground, of)).collect());
    put("psa/agreement_lines.jsonl", billing.lines.iter().map(|line| agreement_line(ground, billing, line)).collect());
    put("psa/invoices.jsonl", invoices(ground, billing));
    put("psa/price_book.csv", price_book(ground));
    put("gold/customer_mapping.csv", customer_mapping(ground));
    put("gold/product_mapping.csv", product_mapping(ground));
    files
}

fn customer(customer: &Customer) -> String {
    let place = &customer.place;
    let website = if place.domain.is_empty() { String::new() } else { format!("https://www.{}", place.domain) };
    Object::new()
        .value("id", customer.id)
        .text("identifier", &customer.identifier)
        .text("name", &customer.name)
        .text("status", customer.status)
        .text("types", customer.kind)
        .text("addressLine1", &place.street)
        .text("addressLine2", &place.street2)
        .text("city", place.town.name)
        .text("state", place.town.state)
        .text("zip", &place.postal_code)
        .text("country", place.town.country)
        .text("phoneNumber", &bracketed(place))
        .text("website", &website)
        .text("accountNumber", &customer.account_number)
        .text("currency", customer.tender.code())
        .raw("parentId", &customer.parent.map_or_else(|| "null".to_owned(), |parent| parent.to_string()))
        .value("deletedFlag", customer.is_deleted)
        .finish()
}

fn bracketed(place: &Place) -> String {
    match (place.phone.as_str(), place.town.country) {
        ("", _) => String::new(),
        (digits, "GB") => format!("01632 960{}", &digits[7..]),
        (digits, _) => format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..]),
    }
}

fn contacts(seed: u64, customers: &[Customer]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, customer) in customers.iter().enumerate() {
        let people = people_of(seed, &format!("customer {index}"), &customer.place);
        for (position, person) in people.into_iter().enumerate() {
            lines.push(
                Object::new()
                    .value("id", 30_001 + lines.len())
                    .value("customerId", customer.id)
                    .text("firstName", person.given)
                    .text("lastName", person.family)
                    .text("email", &person.email)
                    .text("phone", &bracketed(&customer.place))
                    .value("primary", position == 0)
                    .finish(),
            );
        }
    }
    lines
}

fn item(item: &Item) -> String {
    Object::new()
        .value("id", item.id)
        .text("identifier", &item.identifier)
        .text("name", &item.name)
        .text("vendorName", &item.vendor_name)
        .text("manufacturerPartNumber", &item.part_number)
        .text("category", &item.category)
        .number("unitPrice", item.unit_price)
        .number("unitCost", item.unit_cost)
        .text("currency", "USD")
        .text("unitOfMeasure", item.unit)
        .value("recurringFlag", matches!(item.cycle, Cycle::Monthly | Cycle::Annual))
        .text("billCycle", item.cycle.word())
        .text("pricingMethod", if item.markup.is_some() { "markup" } else { "fixed" })
        .raw("markupPercent", &item.markup.map_or_else(|| "null".to_owned(), |markup| plain(markup, 0)))
        .value("inactiveFlag", item.is_inactive)
        .finish()
}

fn agreement(ground: &Ground<'_>, agreement: &Agreement) -> String {
    let customer = &ground.people.customers[agreement.customer];
    Object::new()
        .value("id", agreement.id)
        .text("name", &agreement.name)
        .text("type", agreement.kind)
        .value("customerId", customer.id)
        .text("startDate", &agreement.start.to_string())
        .raw("endDate", "null")
        .value("noEndingDateFlag", true)
        .text("billCycle", "Monthly")
        .text("billTime", "Advance")
        .text("currency", customer.tender.code())
        .value("cancelledFlag", false)
        .finish()
}

fn agreement_line(ground: &Ground<'_>, billing: &PsaBilling, line: &AgreementLine) -> String {
    let item = &ground.catalog.items[line.item];
    let tender = ground.people.customers[billing.agreements[line.agreement].customer].tender;
    Object::new()
        .value("id", line.id)
        .value("agreementId", billing.agreements[line.agreement].id)
        .value("productId", item.id)
        .text("productIdentifier", &item.identifier)
        .text("description", &item.name)
        .value("quantity", line.quantity)
        .value("lessIncluded", 0)
        .number("unitPrice", line.price)
        .number("unitCost", tender.converted(item.unit_cost, 2))
        .text("billCustomer", "Billable")
        .text("effectiveDate", &line.from.to_string())
        .text_or_null("cancelledDate", line.to.map(|to| to.to_string()).as_deref())
        .text("billCycle", line.cycle.word())
        .value("taxable", false)
        .finish()
}

fn invoices(ground: &Ground<'_>, billing: &PsaBilling) -> Vec<String> {
    let mut written = Vec::new();
    let mut line_id = 0;
    for ((customer, month), lines) in &billing.invoices {
        let id = 10_001 + written.len();
        let lines: Vec<String> = lines
            .iter()
            .map(|line| {
                line_id += 1;
                invoice_line(ground, line_id, line)
            })
            .collect();
        let total = ExactSum::of(billing.invoices[&(*customer, *month)].iter().map(|line| line.amount))
            .and_then(ExactSum::total)
            .expect("amounts of the sandbox are small");
        written.push(invoice(ground, id, (*customer, *month), total, &lines));
    }
    written
}

fn invoice(
    ground: &Ground<'_>,
    id: usize,
    (customer, month): (usize, Period),
    total: Decimal,
    lines: &[String],
) -> String {
    let customer = &ground.people.customers[customer];
    Object::new()
        .value("id", id)
        .text("invoiceNumber", &format!("INV-{id}"))
        .text("date", &month.first_day().to_string())
        .value("customerId", customer.id)
        .text("currency", customer.tender.code())
        .number("total", total)
        .text("status", if month == ground.window.months[2] { "Sent" } else { "Paid" })
        .raw("lines", &array(lines.iter().map(String::as_str)))
        .finish()
}

fn invoice_line(ground: &Ground<'_>, id: usize, line: &InvoiceLine) -> String {
    let item = &ground.catalog.items[line.item];
    Object::new()
        .value("id", id)
        .value("productId", item.id)
        .text("productIdentifier", &item.identifier)
        .raw("agreementLineId", &line.agreement_line.map_or_else(|| "null".to_owned(), |id| id.to_string()))
        .text("description", &format!("{}{}", item.name, line.suffix))
        .value("quantity", line.quantity)
        .number("unitPrice", line.price)
        .number("amount", line.amount)
        .text("servicePeriodStart", &line.start.to_string())
        .text("servicePeriodEnd", &line.end.to_string())
        .finish()
}

fn price_book(ground: &Ground<'_>) -> Vec<String> {
    let mut rows = vec!["productId,customerId,currency,unitPrice,effectiveDate,endDate".to_owned()];
    for row in &ground.catalog.price_book {
        rows.push(csv_row(&[
            &ground.catalog.items[row.item].id.to_string(),
            &row.customer.map(|id| id.to_string()).unwrap_or_default(),
            row.tender.code(),
            &plain(row.price, 2),
            &row.from.to_string(),
            &row.to.map(|to| to.to_string()).unwrap_or_default(),
        ]));
    }
    rows
}

fn customer_mapping(ground: &Ground<'_>) -> Vec<String> {
    let mut rows =
        vec!["pax8CompanyId,pax8CompanyName,psaCustomerId,psaCustomerName,relation,nameNoise,billable".to_owned()];
    for company in &ground.people.companies {
        let customer = company.customer.map(|customer| &ground.people.customers[customer]);
        rows.push(csv_row(&[
            &company.id,
            &company.name,
            &customer.map(|customer| customer.id.to_string()).unwrap_or_default(),
            customer.map_or("", |customer| &customer.name),
            company.relation.word(),
            &company.noise,
            if company.relation.is_billable() { "yes" } else { "no" },
        ]));
    }
    rows
}

fn product_mapping(ground: &Ground<'_>) -> Vec<String> {
    let head =
        "pax8ProductId,pax8ProductName,pax8Sku,billingTerm,commitmentTerm,psaProductId,psaIdentifier,psaName,relation";
    let mut rows = vec![head.to_owned()];
    for (product, counterparts) in ground.products.iter().zip(&ground.catalog.counterparts) {
        for (offer, counterpart) in product.offers.iter().zip(counterparts) {
            let item = counterpart.item().map(|item| &ground.catalog.items[item]);
            rows.push(csv_row(&[
                &product.id,
                &product.name,
                &product.sku,
                offer.billing_term,
                offer.commitment,
                &item.map(|item| item.id.to_string()).unwrap_or_default(),
                item.map_or("", |item| &item.identifier),
                item.map_or("", |item| &item.name),
                counterpart.relation(),
            ]));
        }
    }
    rows
}

fn csv_row(cells: &[&str]) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(cells).expect("writing to memory succeeds");
    let bytes = writer.into_inner().expect("writing to memory succeeds");
    let row = String::from_utf8(bytes).expect("cells are text");
    row.trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_are_quoted() {
        assert_eq!(csv_row(&["Roofing, Cedar Creek", "", "GBP"]), "\"Roofing, Cedar Creek\",,GBP");
    }
}
