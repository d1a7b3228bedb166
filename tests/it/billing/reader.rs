//! Reads a directory of Pax8 and PSA records with known answers, for the regression check alone. Decimals are taken
//! from the JSON text.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use concord::domain::id::ExternalId;
use concord::domain::money::{Currency, parse_decimal};
use concord::domain::record::*;
use concord::engine::billing::{CompanyMapping, ExclusionReason, InputBuilder, MappingRole, ProductMapping, Standing};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

pub type Row = HashMap<String, Box<RawValue>>;

fn text(row: &Row, field: &str) -> Option<String> {
    let raw = row.get(field)?.get();
    let text = match raw {
        "null" => return None,
        quoted if quoted.starts_with('"') => serde_json::from_str(quoted).expect("a text"),
        other => other.to_owned(),
    };
    (!text.is_empty()).then_some(text)
}

fn id(row: &Row, field: &str) -> Option<ExternalId> {
    text(row, field).map(ExternalId::from)
}

fn decimal(row: &Row, field: &str) -> Option<Decimal> {
    text(row, field).map(|text| parse_decimal(&text).expect("a decimal"))
}

fn day(row: &Row, field: &str) -> Option<NaiveDate> {
    text(row, field).map(|text| text[..10].parse().expect("a date"))
}

fn moment(row: &Row, field: &str) -> Option<DateTime<Utc>> {
    text(row, field).map(|text| text.parse().expect("a timestamp"))
}

fn currency(row: &Row, field: &str) -> Option<Currency> {
    text(row, field).map(|text| Currency::parse(&text).expect("a currency"))
}

fn rows(path: &Path) -> Vec<Row> {
    let content = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    content.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

pub fn csv(path: &Path) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn subscription(row: &Row) -> Subscription {
    let commitment: Option<Row> =
        row.get("commitmentTerm").filter(|raw| raw.get() != "null").map(|raw| serde_json::from_str(raw.get()).unwrap());
    Subscription {
        external_id: id(row, "id").unwrap(),
        company_external_id: id(row, "companyId").unwrap(),
        product_external_id: id(row, "productId").unwrap(),
        parent_external_id: None,
        quantity: decimal(row, "quantity"),
        start_date: day(row, "startDate"),
        end_date: day(row, "endDate"),
        created_at: moment(row, "createdDate"),
        updated_at: moment(row, "updatedDate"),
        billing_start: day(row, "billingStart"),
        status: text(row, "status").map(|status| match status.as_str() {
            "Active" => Known::Known(SubscriptionStatus::Active),
            "Cancelled" => Known::Known(SubscriptionStatus::Canceled),
            _ => Known::Unrecognized(status),
        }),
        price: decimal(row, "price").map(Price),
        cost: decimal(row, "partnerCost").map(Cost),
        currency: currency(row, "currencyCode"),
        billing_term: text(row, "billingTerm").map(|term| BillingTerm::parse(&term)),
        commitment_term: commitment.as_ref().and_then(|commitment| text(commitment, "term")),
        commitment_end: None,
    }
}

fn vendor_line(row: &Row, invoice: &ExternalId) -> VendorInvoiceLine {
    let kind = text(row, "type").unwrap();
    VendorInvoiceLine {
        external_id: id(row, "id").unwrap(),
        invoice_external_id: invoice.clone(),
        kind: match kind.as_str() {
            "subscription" => Known::Known(VendorLineKind::Subscription),
            "prorate" => Known::Known(VendorLineKind::Prorate),
            "one-time" => Known::Known(VendorLineKind::OneTime),
            "rebate" => Known::Known(VendorLineKind::Rebate),
            "service-charge" => Known::Known(VendorLineKind::ServiceCharge),
            "service-credit" => Known::Known(VendorLineKind::ServiceCredit),
            "payment-credit" => Known::Known(VendorLineKind::PaymentCredit),
            _ => Known::Unrecognized(kind),
        },
        company_external_id: id(row, "companyId"),
        company_name: text(row, "companyName"),
        subscription_external_id: id(row, "subscriptionId"),
        product_external_id: id(row, "productId"),
        product_name: text(row, "productName"),
        sku: text(row, "sku"),
        description: text(row, "description"),
        period_start: day(row, "startPeriod"),
        period_end: day(row, "endPeriod"),
        term: text(row, "term").map(|term| BillingTerm::parse(&term)),
        quantity: decimal(row, "quantity"),
        charge_type: text(row, "chargeType")
            .map(|kind| Known::Known(if kind == "flat" { ChargeType::Flat } else { ChargeType::PerUnit })),
        price: decimal(row, "price").map(Price),
        subtotal: decimal(row, "subTotal").map(Price),
        cost: decimal(row, "cost").map(Cost),
        cost_total: decimal(row, "costTotal").map(Cost),
        amount_due: decimal(row, "amountDue").map(Cost),
        sales_tax: decimal(row, "salesTax").map(Cost),
        currency: currency(row, "currencyCode"),
        is_billed_by_pax8: text(row, "billedByPax8").as_deref() == Some("true"),
    }
}

fn bill_cycle(row: &Row) -> Option<Known<BillCycle>> {
    text(row, "billCycle").map(|cycle| match cycle.as_str() {
        "Monthly" => Known::Known(BillCycle::Monthly),
        "Annual" => Known::Known(BillCycle::Annual),
        "OneTime" => Known::Known(BillCycle::OneTime),
        "Usage" => Known::Known(BillCycle::Usage),
        _ => Known::Unrecognized(cycle),
    })
}

/// Everything of a directory, with its gold mappings as confirmed ones.
pub fn read(directory: &Path) -> InputBuilder {
    let mut builder = InputBuilder::new();
    read_pax8(&directory.join("pax8"), &mut builder);
    read_psa(&directory.join("psa"), &mut builder);
    for row in csv(&directory.join("gold/customer_mapping.csv")) {
        let company = ExternalId::from(row["pax8CompanyId"].as_str());
        if row["billable"] == "no" {
            builder.exclude_company(&company, ExclusionReason::InternalUse);
        }
        let customer = ExternalId::from(row["psaCustomerId"].as_str());
        if !customer.as_str().is_empty() {
            builder.map_company(CompanyMapping {
                company: &company,
                customer: &customer,
                standing: Standing::Confirmed,
            });
        }
    }
    for row in csv(&directory.join("gold/product_mapping.csv")) {
        let item = ExternalId::from(row["psaProductId"].as_str());
        if item.as_str().is_empty() {
            continue;
        }
        let mapping = ProductMapping {
            product: &ExternalId::from(row["pax8ProductId"].as_str()),
            billing_term: BillingTerm::parse(&row["billingTerm"]).known().copied(),
            commitment_term: Some(&row["commitmentTerm"]),
            customer: None,
            item: &item,
            factor: Decimal::ONE,
            role: MappingRole::Billed,
            standing: Standing::Confirmed,
        };
        builder.map_product(mapping).unwrap();
    }
    builder
}

fn read_pax8(directory: &Path, builder: &mut InputBuilder) {
    for row in rows(&directory.join("companies.jsonl")) {
        builder.add_company(&Company {
            external_id: id(&row, "id").unwrap(),
            name: text(&row, "name").unwrap(),
            status: None,
            address: Address::default(),
            phone: None,
            website: None,
            partner_reference: None,
            is_billed_by_pax8: None,
            is_self_service_allowed: None,
            is_order_approval_required: None,
            updated_at: None,
        });
    }
    for row in rows(&directory.join("products.jsonl")) {
        builder.add_pax8_product(&Pax8Product {
            external_id: id(&row, "id").unwrap(),
            name: text(&row, "name").unwrap(),
            vendor_name: None,
            sku: None,
            vendor_sku: None,
            short_description: None,
            requires_commitment: None,
        });
    }
    for file in ["subscriptions.jsonl", "subscription_history.jsonl"] {
        for row in rows(&directory.join(file)) {
            builder.add_subscription(&subscription(&row)).unwrap();
        }
    }
    for row in rows(&directory.join("invoices.jsonl")) {
        let invoice = id(&row, "id").unwrap();
        builder
            .add_vendor_invoice(&VendorInvoice {
                external_id: invoice.clone(),
                invoice_date: day(&row, "invoiceDate").unwrap(),
                due_date: None,
                status: text(&row, "status").map(|status| match status.as_str() {
                    "Void" => Known::Known(VendorInvoiceStatus::Void),
                    "Credited" => Known::Known(VendorInvoiceStatus::Credited),
                    _ => Known::Known(VendorInvoiceStatus::Paid),
                }),
                total: decimal(&row, "total"),
                balance: decimal(&row, "balance"),
                carried_balance: decimal(&row, "carriedBalance"),
                currency: currency(&row, "currencyCode"),
                company_external_id: None,
            })
            .unwrap();
        for line in rows(&directory.join(format!("invoice_items/{invoice}.jsonl"))) {
            builder.add_vendor_line(&vendor_line(&line, &invoice)).unwrap();
        }
    }
}

fn read_psa(directory: &Path, builder: &mut InputBuilder) {
    for row in rows(&directory.join("customers.jsonl")) {
        builder.add_customer(&Customer {
            external_id: id(&row, "id").unwrap(),
            name: text(&row, "name").unwrap(),
            identifier: None,
            status: None,
            kind: None,
            address: Address::default(),
            phone: None,
            website: None,
            email: None,
            account_number: None,
            currency: currency(&row, "currency"),
            parent_external_id: id(&row, "parentId"),
            is_deleted: false,
            updated_at: None,
        });
    }
    for row in rows(&directory.join("products.jsonl")) {
        let item = PsaProduct {
            external_id: id(&row, "id").unwrap(),
            name: text(&row, "name").unwrap(),
            identifier: None,
            vendor_name: None,
            sku: None,
            vendor_sku: None,
            category: None,
            unit_price: decimal(&row, "unitPrice").map(Price),
            unit_cost: decimal(&row, "unitCost").map(Cost),
            currency: currency(&row, "currency"),
            bill_cycle: bill_cycle(&row),
            markup_percent: decimal(&row, "markupPercent"),
            is_active: true,
            updated_at: None,
        };
        builder.add_psa_product(&item).unwrap();
    }
    let customers: HashMap<String, ExternalId> = rows(&directory.join("agreements.jsonl"))
        .iter()
        .map(|row| (text(row, "id").unwrap(), id(row, "customerId").unwrap()))
        .collect();
    for row in rows(&directory.join("agreement_lines.jsonl")) {
        let line = AgreementLine {
            external_id: id(&row, "id").unwrap(),
            agreement_external_id: id(&row, "agreementId").unwrap(),
            agreement_name: None,
            customer_external_id: customers[&text(&row, "agreementId").unwrap()].clone(),
            product_external_id: id(&row, "productId"),
            description: None,
            quantity: decimal(&row, "quantity"),
            included_quantity: decimal(&row, "lessIncluded"),
            unit_price: decimal(&row, "unitPrice").map(Price),
            unit_cost: None,
            currency: None,
            bill_cycle: bill_cycle(&row),
            bills_in_arrears: false,
            is_billable: true,
            effective_from: day(&row, "effectiveDate"),
            effective_to: day(&row, "cancelledDate"),
        };
        builder.add_agreement_line(&line).unwrap();
    }
    for row in csv(&directory.join("price_book.csv")) {
        let optional = |field: &str| (!row[field].is_empty()).then(|| row[field].as_str());
        let entry = PriceBookEntry {
            product_external_id: ExternalId::from(row["productId"].as_str()),
            customer_external_id: optional("customerId").map(ExternalId::from),
            currency: Currency::parse(&row["currency"]).unwrap(),
            unit_price: Price(parse_decimal(&row["unitPrice"]).unwrap()),
            effective_from: optional("effectiveDate").map(|day| day.parse().unwrap()),
            effective_to: optional("endDate").map(|day| day.parse().unwrap()),
        };
        builder.add_book_price(&entry).unwrap();
    }
    for row in rows(&directory.join("invoices.jsonl")) {
        let invoice = id(&row, "id").unwrap();
        builder.add_psa_invoice(&PsaInvoice {
            external_id: invoice.clone(),
            number: None,
            customer_external_id: id(&row, "customerId").unwrap(),
            invoice_date: day(&row, "date").unwrap(),
            currency: currency(&row, "currency"),
            total: decimal(&row, "total").map(Price),
            status: None,
        });
        let lines: Vec<Row> = serde_json::from_str(row["lines"].get()).unwrap();
        for line in &lines {
            let line = PsaInvoiceLine {
                external_id: ExternalId::from(format!("{invoice}/{}", text(line, "id").unwrap())),
                invoice_external_id: invoice.clone(),
                agreement_line_external_id: id(line, "agreementLineId"),
                product_external_id: id(line, "productId"),
                description: None,
                quantity: decimal(line, "quantity"),
                unit_price: decimal(line, "unitPrice").map(Price),
                amount: decimal(line, "amount").map(Price),
                period_start: day(line, "servicePeriodStart"),
                period_end: day(line, "servicePeriodEnd"),
            };
            builder.add_psa_line(&line).unwrap();
        }
    }
}
