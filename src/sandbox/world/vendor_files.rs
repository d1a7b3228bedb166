//! The vendor's side of the world as the texts that its API would send.

use chrono::{Datelike, Days, Months, NaiveDate};
use rust_decimal::Decimal;

use super::catalog::{Charging, Product, Tender, decimal, product};
use super::customers::{Company, MSP, Place};
use super::random::Random;
use super::subscriptions::{Ground, Subscription};
use super::vendor_billing::{AccountLine, Charge, UsageSummary, VendorBilling, VendorLine};
use super::{Files, people_of};
use crate::domain::money::{ExactSum, RoundingMode, extended};
use crate::domain::period::Period;
use crate::sandbox::json::{Object, array};

/// Writes every file of the vendor's side.
pub fn write(seed: u64, ground: &Ground<'_>, subscriptions: &[Subscription], billing: &VendorBilling) -> Files {
    let mut files = Files::new();
    let mut random = Random::for_part(seed, "vendor files");
    let mut put = |path: &str, lines: Vec<String>| {
        files.insert(path.to_owned(), lines.into_iter().map(|line| line + "\n").collect());
    };
    put("pax8/companies.jsonl", ground.people.companies.iter().map(company).collect());
    let contacts = ground.people.companies.iter().enumerate();
    put(
        "pax8/contacts.jsonl",
        contacts.map(|(index, company)| contacts_of(seed, index, company, &mut random)).collect(),
    );
    put("pax8/products.jsonl", ground.products.iter().map(product_record).collect());
    put("pax8/pricing.jsonl", ground.products.iter().map(pricing).collect());
    let numbered = || subscriptions.iter().enumerate();
    put(
        "pax8/subscriptions.jsonl",
        numbered().map(|(index, subscription)| present_state(ground, index, subscription)).collect(),
    );
    put(
        "pax8/subscription_history.jsonl",
        numbered().flat_map(|(index, subscription)| past_states(ground, index, subscription)).collect(),
    );
    let mut invoices = Vec::new();
    for month in ground.window.months {
        for tender in Tender::ALL {
            let id = random.uuid();
            let (items, total) = invoice_items(ground, subscriptions, billing, month, tender);
            invoices.push(invoice(ground, &id, month, tender, total));
            put(&format!("pax8/invoice_items/{id}.jsonl"), items);
        }
    }
    put("pax8/invoices.jsonl", invoices);
    let usage = |summary: &UsageSummary| usage_summary(ground, subscriptions, summary);
    put("pax8/usage_summaries.jsonl", billing.usage.iter().map(usage).collect());
    put(
        "pax8/usage_lines.jsonl",
        billing.usage.iter().flat_map(|summary| usage_lines(ground, subscriptions, summary)).collect(),
    );
    files
}

fn company(company: &Company) -> String {
    let website =
        if company.place.domain.is_empty() { String::new() } else { format!("https://www.{}", company.place.domain) };
    Object::new()
        .text("id", &company.id)
        .text("name", &company.name)
        .raw("address", &address(&company.place))
        .text("phone", &dashed(&company.place))
        .text("website", &website)
        .text("externalId", &company.external_id)
        .value("billOnBehalfOfEnabled", company.relation == super::customers::Relation::BilledByVendor)
        .value("selfServiceAllowed", false)
        .value("orderApprovalRequired", false)
        .text("status", "Active")
        .text("updatedDate", &format!("{}T11:33:12.314-0600", company.updated))
        .finish()
}

fn address(place: &Place) -> String {
    Object::new()
        .text("street", &place.street)
        .text("street2", &place.street2)
        .text("city", place.town.name)
        .text("stateOrProvince", place.town.state)
        .text("postalCode", &place.postal_code)
        .text("country", place.town.country)
        .finish()
}

fn dashed(place: &Place) -> String {
    match (place.phone.as_str(), place.town.country) {
        ("", _) => String::new(),
        // The range that the British regulator keeps for fiction.
        (digits, "GB") => format!("+44 1632 960{}", &digits[7..]),
        (digits, _) => format!("{}-{}-{}", &digits[..3], &digits[3..6], &digits[6..]),
    }
}

fn contacts_of(seed: u64, index: usize, company: &Company, random: &mut Random) -> String {
    let owner = company.customer.map_or_else(|| format!("company {index}"), |customer| format!("customer {customer}"));
    let contacts = people_of(seed, &owner, &company.place).into_iter().enumerate().map(|(position, person)| {
        let roles: &[&str] = if position == 0 { &["Admin", "Billing", "Technical"] } else { &["Technical"] };
        let types: Vec<String> = roles
            .iter()
            .map(|role| Object::new().text("type", role).value("primary", position == 0).finish())
            .collect();
        Object::new()
            .text("id", &random.uuid())
            .text("firstName", person.given)
            .text("lastName", person.family)
            .text("email", &person.email)
            .text("phone", &dashed(&company.place))
            .text("createdDate", &(company.updated - Days::new(90)).to_string())
            .raw("types", &array(types.iter().map(String::as_str)))
            .finish()
    });
    let contacts: Vec<String> = contacts.collect();
    Object::new().text("companyId", &company.id).raw("content", &array(contacts.iter().map(String::as_str))).finish()
}

fn product_record(of: &Product) -> String {
    // Some vendor numbers of the marketplace are JSON inside a string.
    let vendor_sku = match of.vendor_sku.split_once(':') {
        Some((product, sku)) if of.sku.ends_with("7-C100") => {
            Object::new().text("productId", product).text("skuId", sku).text("segment", "Commercial").finish()
        }
        _ => of.vendor_sku.to_owned(),
    };
    Object::new()
        .text("id", &of.id)
        .text("name", &of.name)
        .text("vendorName", of.vendor)
        .text("shortDescription", &format!("{} from {}", of.plain_name, of.vendor))
        .text("sku", &of.sku)
        .text("vendorSku", &vendor_sku)
        .value("requiresCommitment", of.requires_commitment)
        .finish()
}

fn pricing(of: &Product) -> String {
    let mut prices = Vec::new();
    for offer in &of.offers {
        for tender in Tender::ALL {
            let (cost, price) = (tender.converted(offer.cost, 4), tender.converted(offer.price, 2));
            let charge = if of.charging == Charging::Flat { "Flat Rate" } else { "Per Unit" };
            let rate = |cost: Decimal, start: u32, end: Option<u32>| {
                Object::new()
                    .number("partnerBuyRate", cost)
                    .number("suggestedRetailPrice", price)
                    .value("startQuantityRange", start)
                    .raw("endQuantityRange", &end.map_or_else(|| "null".to_owned(), |end| end.to_string()))
                    .text("chargeType", charge)
                    .finish()
            };
            let (kind, rates) = match of.charging {
                Charging::PerUnit | Charging::Flat => ("Flat", vec![rate(cost, 0, None)]),
                Charging::Usage => ("Mark-Up", vec![rate(cost, 0, None)]),
                Charging::Volume => {
                    let cheaper = product(cost, decimal("0.9"), 4);
                    ("Volume", vec![rate(cost, 0, Some(100)), rate(cheaper, 101, None)])
                }
            };
            let months = match offer.commitment {
                "1-Year" => 12,
                "Monthly" => 1,
                _ => 0,
            };
            prices.push(
                Object::new()
                    .text("productId", &of.id)
                    .text("productName", &of.name)
                    .text("billingTerm", offer.billing_term)
                    .text("commitmentTerm", offer.commitment)
                    .value("commitmentTermInMonths", months)
                    .text("type", kind)
                    .text("unitOfMeasurement", of.unit)
                    .text("currencyCode", tender.code())
                    .raw("rates", &array(rates.iter().map(String::as_str)))
                    .finish(),
            );
        }
    }
    Object::new().text("productId", &of.id).raw("content", &array(prices.iter().map(String::as_str))).finish()
}

/// A state of a subscription: when it began, seats, status.
struct State {
    since: NaiveDate,
    hour: &'static str,
    quantity: i64,
    status: &'static str,
}

fn present_state(ground: &Ground<'_>, index: usize, subscription: &Subscription) -> String {
    let (since, quantity) = *subscription.history.last().expect("a subscription has a first state");
    let has_ended = subscription.end.is_some_and(|end| end < ground.window.today);
    let status = if has_ended { "Cancelled" } else { "Active" };
    subscription_record(ground, index, subscription, &State { since, hour: "09:05:00Z", quantity, status })
}

fn past_states(ground: &Ground<'_>, index: usize, subscription: &Subscription) -> Vec<String> {
    let mut states: Vec<State> = subscription
        .history
        .iter()
        .map(|&(since, quantity)| State { since, hour: "09:05:00Z", quantity, status: "Active" })
        .collect();
    if let (Some(end), Some(last)) = (subscription.end, subscription.history.last()) {
        states.push(State { since: end, hour: "18:00:00Z", quantity: last.1, status: "Cancelled" });
    }
    states.iter().map(|state| subscription_record(ground, index, subscription, state)).collect()
}

fn subscription_record(ground: &Ground<'_>, index: usize, subscription: &Subscription, state: &State) -> String {
    let of = &ground.products[subscription.product];
    let offer = &of.offers[subscription.offer];
    let company = ground.company(subscription);
    let start = subscription.start;
    let mut record = Object::new()
        .text("id", &subscription.id)
        .text("companyId", &company.id)
        .text("productId", &of.id)
        .text("vendorSubscriptionId", &subscription.vendor_subscription_id)
        .text("vendorSkuId", if of.vendor_sku.is_empty() { &of.sku } else { of.vendor_sku })
        .value("quantity", state.quantity)
        .text("startDate", &format!("{start}T00:00:00Z"))
        .text("createdDate", &format!("{start}T13:20:13.153-0700"))
        .text("updatedDate", &format!("{}T{}", state.since, state.hour))
        .text("billingStart", &start.to_string())
        .text("status", state.status)
        .number("price", company.tender.converted(offer.price, 2))
        .text("currencyCode", company.tender.code())
        .number("partnerCost", company.tender.converted(offer.cost, 4))
        .text("productName", &of.name)
        .text("billingTerm", offer.billing_term);
    if let (Some(end), "Cancelled") = (subscription.end, state.status) {
        record = record.text("endDate", &format!("{end}T00:00:00Z"));
    }
    // The specification and the wire disagree about the name of this member, and both are met.
    let name = if index.is_multiple_of(2) { "commitmentTerm" } else { "commitment" };
    if offer.commitment == "1-Year" {
        let mut end = start + Months::new(12);
        while end <= ground.window.today {
            end = end + Months::new(12);
        }
        let commitment = Object::new()
            .text("id", &subscription.commitment_id)
            .text("term", "1-Year")
            .text("endDate", &format!("{end}T00:00:00Z"))
            .finish();
        record = record.raw(name, &commitment);
    } else if index.is_multiple_of(3) {
        record = record.raw(name, "null");
    }
    record.finish()
}

fn invoice(ground: &Ground<'_>, id: &str, month: Period, tender: Tender, total: Decimal) -> String {
    let usual = month.first_day().with_day(5).expect("every month has a fifth day");
    // A world that is read before the fifth has its last invoice on the day itself.
    let date = usual.min(ground.window.today);
    let is_last = month == ground.window.months[2];
    Object::new()
        .text("id", id)
        .number("total", total)
        .text("currencyCode", tender.code())
        .number("balance", if is_last { total } else { Decimal::ZERO })
        .value("carriedBalance", 0)
        .text("status", if is_last { "Unpaid" } else { "Paid" })
        .text("invoiceDate", &date.to_string())
        .text("dueDate", &(date + Days::new(15)).to_string())
        .text("partnerName", MSP)
        .finish()
}

fn invoice_items(
    ground: &Ground<'_>,
    subscriptions: &[Subscription],
    billing: &VendorBilling,
    month: Period,
    tender: Tender,
) -> (Vec<String>, Decimal) {
    let mut total = ExactSum::default();
    let mut items = Vec::new();
    for line in billing.lines.iter().filter(|line| line.month == month) {
        let subscription = &subscriptions[line.subscription];
        if ground.company(subscription).tender == tender {
            total.add(line.amount_due).expect("amounts of the sandbox are small");
            items.push(item(ground, subscription, line));
        }
    }
    for line in billing.account_lines.iter().filter(|line| line.month == month && line.tender == tender) {
        total.add(line.amount).expect("amounts of the sandbox are small");
        items.push(account_item(line));
    }
    (items, total.total().expect("amounts of the sandbox are small"))
}

fn item(ground: &Ground<'_>, subscription: &Subscription, line: &VendorLine) -> String {
    let of = &ground.products[subscription.product];
    let company = ground.company(subscription);
    let (kind, term) = match (line.charge, of.offers[subscription.offer].billing_term) {
        (Charge::Usage, _) => ("subscription", "Arrears"),
        (Charge::Purchase, _) => ("one-time", "One-Time"),
        (Charge::Subscription, term) => ("subscription", term),
        (Charge::Proration, term) => ("prorate", term),
        (Charge::Credit, term) => ("service-credit", term),
    };
    let (rate_type, charge_type) = match of.charging {
        Charging::Flat => ("flat", "flat"),
        Charging::Usage => ("markup", "per"),
        Charging::Volume => ("volume", "per"),
        // The vendor writes the word in both manners.
        Charging::PerUnit if line.charge == Charge::Proration => ("Flat", "per"),
        Charging::PerUnit => ("flat", "per"),
    };
    let prorated = |rate, places| {
        extended(Decimal::ONE, rate, line.share, places, RoundingMode::HalfAwayFromZero)
            .expect("prices of the sandbox are small")
    };
    let details = if line.charge == Charge::Proration {
        format!("Prorated {}/{} days", line.share.numerator, line.share.denominator)
    } else {
        String::new()
    };
    Object::new()
        .text("id", &line.id)
        .text("purchaseOrderNumber", "N/A")
        .text("type", kind)
        .text("companyId", &company.id)
        .text("externalId", &company.external_id)
        .text("companyName", &company.name)
        .text("startPeriod", &line.start.to_string())
        .text("endPeriod", &line.end.to_string())
        .value("quantity", line.quantity)
        .text("unitOfMeasure", of.unit)
        .text("term", term)
        .text("sku", &of.sku)
        .text("description", &of.name)
        .text("details", &details)
        .text("rateType", rate_type)
        .text("chargeType", charge_type)
        .number("price", prorated(line.unit_price, 2))
        .number("subTotal", line.subtotal)
        .number("cost", prorated(line.unit_cost, 4))
        .number("costTotal", line.cost_total)
        .text("offeredBy", "Pax8")
        .value("billedByPax8", company.relation == super::customers::Relation::BilledByVendor)
        .number("total", line.subtotal + line.billing_fee)
        .text("productId", &of.id)
        .text("productName", &of.name)
        .number("billingFee", line.billing_fee)
        .raw("billingFeeRate", if line.billing_fee.is_zero() { "0" } else { "0.03" })
        .number("amountDue", line.amount_due)
        .text("currencyCode", company.tender.code())
        .number("salesTax", line.sales_tax)
        .text("subscriptionId", &subscription.id)
        .text("vendorName", of.vendor)
        .finish()
}

fn account_item(line: &AccountLine) -> String {
    let previous = line.month.previous();
    Object::new()
        .text("id", &line.id)
        .text("purchaseOrderNumber", "N/A")
        .text("type", line.kind)
        .raw("companyId", "null")
        .raw("externalId", "null")
        .raw("companyName", "null")
        .text("startPeriod", &previous.first_day().to_string())
        .text("endPeriod", &previous.last_day().to_string())
        .value("quantity", 1)
        .text("unitOfMeasure", "Each")
        .text("term", line.term)
        .text("sku", "PAX-ACCOUNT")
        .text("description", line.description)
        .text("details", "")
        .text("rateType", "flat")
        .text("chargeType", "flat")
        .number("price", line.amount)
        .number("subTotal", line.amount)
        .number("cost", line.amount)
        .number("costTotal", line.amount)
        .text("offeredBy", "Pax8")
        .value("billedByPax8", false)
        .number("total", line.amount)
        .raw("productId", "null")
        .raw("productName", "null")
        .value("billingFee", 0)
        .value("billingFeeRate", 0)
        .number("amountDue", line.amount)
        .text("currencyCode", line.tender.code())
        .value("salesTax", 0)
        .raw("subscriptionId", "null")
        .text("vendorName", "Pax8")
        .finish()
}

fn usage_summary(ground: &Ground<'_>, subscriptions: &[Subscription], summary: &UsageSummary) -> String {
    let subscription = &subscriptions[summary.subscription];
    let company = ground.company(subscription);
    let sum = |amounts: &mut dyn Iterator<Item = Decimal>| {
        ExactSum::of(amounts).and_then(ExactSum::total).expect("amounts of the sandbox are small")
    };
    Object::new()
        .text("id", &summary.id)
        .text("companyId", &company.id)
        .text("subscriptionId", &subscription.id)
        .text("productId", &ground.products[subscription.product].id)
        .text("resourceGroup", summary.resource_group)
        .text("vendorName", "Microsoft")
        .number("currentCharges", sum(&mut summary.lines.iter().map(|line| line.charges)))
        .text("currencyCode", company.tender.code())
        .number("partnerTotal", sum(&mut summary.lines.iter().map(|line| line.cost)))
        .value("isTrial", false)
        .finish()
}

fn usage_lines(ground: &Ground<'_>, subscriptions: &[Subscription], summary: &UsageSummary) -> Vec<String> {
    let currency = ground.company(&subscriptions[summary.subscription]).tender.code();
    let lines = summary.lines.iter().map(|line| {
        Object::new()
            .text("usageSummaryId", &summary.id)
            .text("usageDate", &line.day.to_string())
            .text("productName", line.name)
            .text("productId", &line.product_id)
            .text("unitOfMeasure", line.unit)
            .number("quantity", line.quantity)
            .number("currentCharges", line.charges)
            .number("currentProfit", line.charges - line.cost)
            .number("partnerTotal", line.cost)
            .number("unitPrice", line.rate)
            .text("currencyCode", currency)
            .value("isTrial", false)
            .finish()
    });
    lines.collect()
}
