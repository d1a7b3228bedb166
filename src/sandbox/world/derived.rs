//! What the vendor would also show and no file holds: orders, drafts of coming invoices, commitments on offer.

use chrono::{Datelike, Months, NaiveDate};
use uuid::Uuid;

use super::table::{Record, Table};
use crate::domain::money::{Fraction, RoundingMode, extended, parse_decimal};
use crate::domain::period::Period;
use crate::sandbox::json::{Object, array, members, scalar, text};

/// An id that follows from another one.
fn id_from(what: &str, of: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("https://sandbox.example/{what}/{of}").as_bytes()).to_string()
}

/// The order by which each subscription began.
pub fn orders(subscriptions: &Table) -> Table {
    let lines: String = subscriptions.all().iter().map(|subscription| order(subscription) + "\n").collect();
    Table::read(&lines, "id", "companyId").expect("orders are written as JSON")
}

fn order(subscription: &Record) -> String {
    let members = subscription.members();
    let member = |name: &str| text(&members, name).unwrap_or_default();
    let commitment = members
        .get("commitment")
        .or_else(|| members.get("commitmentTerm"))
        .and_then(|commitment| crate::sandbox::json::members(commitment.get()).ok())
        .and_then(|commitment| text(&commitment, "id"));
    let mut line = Object::new()
        .text("id", &id_from("order-line", subscription.id()))
        .text("productId", &member("productId"))
        .text("subscriptionId", subscription.id());
    if let Some(commitment) = commitment {
        line = line.text("commitmentTermId", &commitment);
    }
    // The vendor writes one word for a purchase when reading orders and another one elsewhere.
    let term = member("billingTerm");
    let line = line
        .text("provisionStartDate", &member("startDate"))
        .text("billingTerm", if term == "One-Time" { "1-Time" } else { &term })
        .raw("quantity", members.get("quantity").map_or("0", |quantity| quantity.get()))
        .finish();
    let created: String = member("createdDate").chars().take(10).collect();
    Object::new()
        .text("id", &id_from("order", subscription.id()))
        .text("companyId", &member("companyId"))
        .text("createdDate", &created)
        .text("orderedBy", "Pax8Partner")
        .text("orderedByUserEmail", "orders@lanternfield.example")
        .value("isScheduled", false)
        .raw("lineItems", &array([line.as_str()]))
        .finish()
}

/// Drafts of the invoices of this month and of the next one. What has an invoice is drafted no more.
pub fn drafts(
    subscriptions: &Table,
    products: &Table,
    companies: &Table,
    invoices: &Table,
    today: NaiveDate,
) -> [Table; 2] {
    let month = Period::of(today);
    let dates = invoices.all().iter().filter_map(|invoice| invoice.text("invoiceDate")?.get(..10)?.parse().ok());
    let last = dates.map(|date: NaiveDate| Period::of(date)).max();
    [month, month.next()].map(|month| {
        let items: String = subscriptions
            .all()
            .iter()
            .filter(|_| last.is_none_or(|last| last < month))
            .filter_map(|subscription| draft_item(subscription, products, companies, month))
            .map(|item| item + "\n")
            .collect();
        Table::read(&items, "", "companyId").expect("draft items are written as JSON")
    })
}

/// The charge of a running subscription in a month. Use is not in drafts; it is not known yet.
fn draft_item(subscription: &Record, products: &Table, companies: &Table, month: Period) -> Option<String> {
    let members = subscription.members();
    let member = |name: &str| text(&members, name);
    let day = |name: &str| -> Option<NaiveDate> { member(name)?.get(..10)?.parse().ok() };
    let (start, first) = (day("startDate")?, month.first_day());
    let term = member("billingTerm")?;
    let (from, to) = match term.as_str() {
        "Monthly" if start <= first => (first, month.last_day()),
        "Annual" if start.month() == first.month() && start.year() < first.year() => {
            let from = start.with_year(first.year())?;
            (from, (from + Months::new(12)).pred_opt()?)
        }
        _ => return None,
    };
    if day("endDate").is_some_and(|end| end < from) {
        return None;
    }
    let number = |name: &str| parse_decimal(&member(name)?).ok();
    let (quantity, cost, price) = (number("quantity")?, number("partnerCost")?, number("price")?);
    if cost.is_zero() {
        return None;
    }
    let total = |rate| extended(quantity, rate, Fraction::ONE, 2, RoundingMode::HalfAwayFromZero).ok();
    let (cost_total, subtotal) = (total(cost)?, total(price)?);
    let company = companies.get(&member("companyId")?)?;
    let product = products.get(&member("productId")?)?;
    let product_name = product.text("name").unwrap_or_default();
    let is_billed_by_pax8 = company.text("billOnBehalfOfEnabled").as_deref() == Some("true");
    let item = Object::new()
        .text("type", "subscription")
        .text("purchaseOrderNumber", "N/A")
        .text("companyId", company.id())
        .text("companyName", &company.text("name").unwrap_or_default())
        .text("externalId", &company.text("externalId").unwrap_or_default())
        .text("startPeriod", &from.to_string())
        .text("endPeriod", &to.to_string())
        .number("quantity", quantity)
        .text("term", &term)
        .text("sku", &product.text("sku").unwrap_or_default())
        .text("description", &product_name)
        .text("details", "")
        .text("rateType", "flat")
        .text("chargeType", "per")
        .number("price", price)
        .number("subTotal", subtotal)
        .number("cost", cost)
        .number("costTotal", cost_total)
        .text("offeredBy", "Pax8")
        .value("billedByPax8", is_billed_by_pax8)
        .number("total", subtotal)
        .text("productId", product.id())
        .text("productName", &product_name)
        .value("billingFee", 0)
        .value("billingFeeRate", 0)
        .raw("amountDue", &if is_billed_by_pax8 { "0".to_owned() } else { crate::domain::money::plain(cost_total, 0) })
        .text("currencyCode", &member("currencyCode").unwrap_or_default())
        .value("salesTax", 0)
        .text("subscriptionId", subscription.id())
        .text("vendorName", &product.text("vendorName").unwrap_or_default());
    Some(item.finish())
}

/// The answer to the question what a product depends on: the commitments that its prices name.
pub fn dependencies(product: &Record, pricing: Option<&Record>) -> String {
    let mut terms: Vec<String> = Vec::new();
    if product.text("requiresCommitment").as_deref() == Some("true") {
        for price in pricing.map_or_else(Vec::new, |pricing| elements(pricing, "content")) {
            let term = members(&price).ok().and_then(|price| text(&price, "commitmentTerm"));
            terms.extend(term.filter(|term| !terms.contains(term)));
        }
    }
    let commitments: Vec<String> = terms
        .iter()
        .map(|term| {
            Object::new()
                .text("id", &id_from("commitment", &format!("{}/{term}", product.id())))
                .text("term", term)
                .value("autoRenew", true)
                .value("renewalWindowDaysBeforeTermEnd", 30)
                .value("renewalWindowDaysAfterTermEnd", 7)
                .value("allowForQuantityIncrease", true)
                .value("allowForQuantityDecrease", false)
                .value("allowForEarlyCancellation", false)
                .value("cancellationFeeApplied", true)
                .value("isTransferable", false)
                .finish()
        })
        .collect();
    Object::new()
        .raw("commitmentDependencies", &array(commitments.iter().map(String::as_str)))
        .raw("productDependencies", "[]")
        .finish()
}

/// What an order for a product has to say; Microsoft wants to know the tenant and hear its agreement accepted.
pub fn provision_details(product: &Record) -> String {
    if product.text("vendorName").as_deref() != Some("Microsoft") {
        return r#"{"content":[]}"#.to_owned();
    }
    let detail = |label: &str, key: &str, description: &str, kind: &str, values: &str| {
        Object::new()
            .text("label", label)
            .text("key", key)
            .text("description", description)
            .text("valueType", kind)
            .raw("possibleValues", values)
            .finish()
    };
    let details = [
        detail("Microsoft domain", "msDomain", "Tenant's first domain, such as name.onmicrosoft.com", "Input", "null"),
        detail(
            "Customer agreement",
            "msCustomerAgreement",
            "Whether the customer has accepted the Microsoft Customer Agreement",
            "Single-Value",
            r#"["I confirm that the customer has accepted the agreement."]"#,
        ),
    ];
    Object::new().raw("content", &array(details.iter().map(String::as_str))).finish()
}

/// The elements of a member that is an array, each as its text.
pub fn elements(record: &Record, name: &str) -> Vec<String> {
    let members = record.members();
    let Some(array) = members.get(name) else { return Vec::new() };
    let elements: Vec<&serde_json::value::RawValue> = serde_json::from_str(array.get()).unwrap_or_default();
    elements.into_iter().filter(|element| scalar(element).is_some()).map(|element| element.get().to_owned()).collect()
}
