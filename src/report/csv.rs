//! A report as CSV: one table of keys, one of discrepancies, one of observations.
//!
//! A customer or item that is missing in the PSA stands as `pax8:ID` among the keys, where it identifies the row, and
//! is empty among the discrepancies, where the company or product has a column of its own.

use rust_decimal::Decimal;

use super::Audience;
use super::document::{Document, Finding, Key};
use super::words::or_missing;
use crate::domain::discrepancy::DiscrepancyType;
use crate::domain::money::{Currency, plain};

const KEY_COLUMNS: [&str; 11] = [
    "psaCustomerId",
    "pax8CompanyIds",
    "psaProductId",
    "pax8ProductIds",
    "period",
    "currency",
    "pax8CostTotal",
    "expectedBilled",
    "actualBilled",
    "difference",
    "discrepancyIds",
];

const DISCREPANCY_COLUMNS: [&str; 22] = [
    "discrepancyId",
    "type",
    "side",
    "psaCustomerId",
    "psaCustomerName",
    "pax8CompanyId",
    "pax8CompanyName",
    "psaProductId",
    "psaProductIdentifier",
    "pax8ProductId",
    "pax8ProductName",
    "subscriptionId",
    "period",
    "currency",
    "expectedQuantity",
    "actualQuantity",
    "expectedAmount",
    "actualAmount",
    "effect",
    "costEffect",
    "pairId",
    "note",
];

/// The keys. One whose cost, expected and billed amounts are all zero is not listed.
pub fn keys(document: &Document, audience: Audience) -> String {
    let mut table = Table::new(&KEY_COLUMNS, audience);
    for key in document.keys.iter().filter(|key| is_listed(key)) {
        let amount = |amount: Option<Decimal>| amount.map_or_else(String::new, |amount| money(amount, &key.currency));
        let ids: Vec<&str> =
            key.discrepancies.iter().map(|at| document.discrepancies[*at as usize].id.as_str()).collect();
        table.row(&[
            &or_missing(key.customer_id.as_deref(), key.unmapped_company_id.as_deref()).unwrap_or_default(),
            &key.company_ids.join(";"),
            &or_missing(key.item_id.as_deref(), key.unmapped_product_id.as_deref()).unwrap_or_default(),
            &key.product_ids.join(";"),
            &key.period,
            &key.currency,
            &amount(key.cost),
            &amount(key.expected),
            &amount(key.billed),
            &amount(key.difference),
            &ids.join(";"),
        ]);
    }
    table.finish()
}

/// What somebody has to settle.
pub fn discrepancies(document: &Document, audience: Audience) -> String {
    findings(document, audience, DiscrepancyType::is_in_discrepancy_file)
}

/// What is worth knowing beside it.
pub fn observations(document: &Document, audience: Audience) -> String {
    findings(document, audience, |kind| !kind.is_in_discrepancy_file())
}

fn is_listed(key: &Key) -> bool {
    // An unknown amount is not zero.
    [key.cost, key.expected, key.billed].into_iter().any(|amount| amount.is_none_or(|amount| !amount.is_zero()))
}

fn findings(document: &Document, audience: Audience, is_wanted: impl Fn(DiscrepancyType) -> bool) -> String {
    let mut table = Table::new(&DISCREPANCY_COLUMNS, audience);
    let name = |names: &std::collections::BTreeMap<String, String>, id: &Option<String>| {
        id.as_ref().and_then(|id| names.get(id)).cloned().unwrap_or_default()
    };
    for found in &document.discrepancies {
        let Some(kind) = DiscrepancyType::parse(&found.kind).filter(|kind| is_wanted(*kind)) else { continue };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let quantity = |quantity: Option<Decimal>| quantity.map_or_else(String::new, |quantity| plain(quantity, 0));
        let names = &document.names;
        table.row(&[
            &found.id,
            &kind.file_name(),
            side(kind),
            &text(&found.customer_id),
            &name(&names.customers, &found.customer_id),
            &text(&found.company_id),
            &name(&names.companies, &found.company_id),
            &text(&found.item_id),
            &name(&names.item_codes, &found.item_id),
            &text(&found.product_id),
            &name(&names.products, &found.product_id),
            &text(&found.subscription_id),
            &found.period,
            &found.currency,
            &quantity(found.expected_quantity),
            &quantity(found.actual_quantity),
            &money(found.expected, &found.currency),
            &money(found.actual, &found.currency),
            &money(found.effect, &found.currency),
            &money(found.cost_effect, &found.currency),
            &pair(found),
            &note(found),
        ]);
    }
    table.finish()
}

/// Where the error is.
fn side(kind: DiscrepancyType) -> &'static str {
    use DiscrepancyType as Type;
    match kind {
        Type::Pax8DuplicateCharge | Type::Pax8QuantityMismatch | Type::CostIncrease | Type::UsageUnassigned => "pax8",
        _ => "psa",
    }
}

fn pair(found: &Finding) -> String {
    found.pair.map_or_else(String::new, |pair| format!("P{pair:05}"))
}

/// What happened and what to do, and why where that is known.
fn note(found: &Finding) -> String {
    match &found.root_cause {
        Some(cause) => format!("{} {cause}", found.sentence),
        None => found.sentence.clone(),
    }
}

fn money(amount: Decimal, currency: &str) -> String {
    plain(amount, Currency::parse(currency).map_or(2, |currency| currency.minor_digits()))
}

/// Columns that tell about cost.
const COST_COLUMNS: [&str; 2] = ["pax8CostTotal", "costEffect"];

struct Table {
    writer: csv::Writer<Vec<u8>>,
    /// Whether the reader sees the column at each place.
    is_shown: Vec<bool>,
}

impl Table {
    fn new(columns: &[&str], audience: Audience) -> Self {
        let is_shown =
            columns.iter().map(|column| audience == Audience::WithCost || !COST_COLUMNS.contains(column)).collect();
        let mut table = Self { writer: csv::Writer::from_writer(Vec::new()), is_shown };
        table.row(columns);
        table
    }

    fn row(&mut self, fields: &[&str]) {
        let shown = fields.iter().zip(&self.is_shown).filter(|(_, is_shown)| **is_shown).map(|(field, _)| field);
        self.writer.write_record(shown).expect("every row of a table has its columns, and memory takes them all");
    }

    fn finish(self) -> String {
        let bytes = self.writer.into_inner().expect("writing to memory cannot fail");
        String::from_utf8(bytes).expect("fields are texts")
    }
}
