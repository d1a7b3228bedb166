//! A report as CSV: one table of keys, one of discrepancies, one of observations.
//!
//! A customer or item that is missing in the PSA stands as `pax8:ID` among the keys, where it identifies the row, and
//! is empty among the discrepancies, where the company or product has a column of its own.
//!
//! A text that a spreadsheet would run as a formula gets an apostrophe before it ([`crate::spreadsheet`]); amounts and
//! quantities are numbers.

use rust_decimal::Decimal;

use super::Audience;
use super::document::{Document, Finding, Key};
use super::words::or_missing;
use crate::domain::discrepancy::DiscrepancyType;
use crate::domain::money::Currency;
use crate::spreadsheet::{Cell, written};

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
    let rows = document.keys.iter().filter(|key| is_listed(key)).map(|key| {
        let amount = |amount: Option<Decimal>| amount.map_or(Cell::EMPTY, |amount| money(amount, &key.currency));
        let ids: Vec<&str> =
            key.discrepancies.iter().map(|at| document.discrepancies[*at as usize].id.as_str()).collect();
        [
            id_or_missing(key.customer_id.as_deref(), key.unmapped_company_id.as_deref()),
            Cell::text(key.company_ids.join(";")),
            id_or_missing(key.item_id.as_deref(), key.unmapped_product_id.as_deref()),
            Cell::text(key.product_ids.join(";")),
            Cell::text(&key.period),
            Cell::text(&key.currency),
            amount(key.cost),
            amount(key.expected),
            amount(key.billed),
            amount(key.difference),
            Cell::text(ids.join(";")),
        ]
    });
    table(KEY_COLUMNS, rows, audience)
}

/// What somebody has to settle.
pub fn discrepancies(document: &Document, audience: Audience) -> String {
    findings(document, audience, DiscrepancyType::is_in_discrepancy_file)
}

/// What is worth knowing beside it.
pub fn observations(document: &Document, audience: Audience) -> String {
    findings(document, audience, |kind| !kind.is_in_discrepancy_file())
}

fn id_or_missing<'a>(id: Option<&'a str>, unmapped: Option<&str>) -> Cell<'a> {
    or_missing(id, unmapped).map_or(Cell::EMPTY, Cell::text)
}

fn is_listed(key: &Key) -> bool {
    // An unknown amount is not zero.
    [key.cost, key.expected, key.billed].into_iter().any(|amount| amount.is_none_or(|amount| !amount.is_zero()))
}

fn findings(document: &Document, audience: Audience, is_wanted: impl Fn(DiscrepancyType) -> bool) -> String {
    let wanted = document.discrepancies.iter().filter_map(|found| {
        let kind = DiscrepancyType::parse(&found.kind).filter(|kind| is_wanted(*kind))?;
        Some((found, kind))
    });
    let rows = wanted.map(|(found, kind)| {
        let text = |text: &Option<String>| text.clone().map_or(Cell::EMPTY, Cell::text);
        let name = |names: &std::collections::BTreeMap<String, String>, id: &Option<String>| {
            text(&id.as_ref().and_then(|id| names.get(id)).cloned())
        };
        let quantity = |quantity: Option<Decimal>| quantity.map_or(Cell::EMPTY, |quantity| Cell::amount(quantity, 0));
        let names = &document.names;
        [
            Cell::text(&found.id),
            Cell::text(kind.file_name()),
            Cell::word(side(kind)),
            text(&found.customer_id),
            name(&names.customers, &found.customer_id),
            text(&found.company_id),
            name(&names.companies, &found.company_id),
            text(&found.item_id),
            name(&names.item_codes, &found.item_id),
            text(&found.product_id),
            name(&names.products, &found.product_id),
            text(&found.subscription_id),
            Cell::text(&found.period),
            Cell::text(&found.currency),
            quantity(found.expected_quantity),
            quantity(found.actual_quantity),
            money(found.expected, &found.currency),
            money(found.actual, &found.currency),
            money(found.effect, &found.currency),
            money(found.cost_effect, &found.currency),
            Cell::text(pair(found)),
            Cell::text(note(found)),
        ]
    });
    table(DISCREPANCY_COLUMNS, rows, audience)
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

fn money(amount: Decimal, currency: &str) -> Cell<'static> {
    Cell::amount(amount, Currency::parse(currency).map_or(2, |currency| currency.minor_digits()))
}

/// Columns that tell about cost.
const COST_COLUMNS: [&str; 2] = ["pax8CostTotal", "costEffect"];

/// The columns that the reader may see.
fn table<'a, const N: usize>(
    columns: [&'static str; N],
    rows: impl Iterator<Item = [Cell<'a>; N]>,
    audience: Audience,
) -> String {
    let is_shown = columns.map(|column| audience == Audience::WithCost || !COST_COLUMNS.contains(&column));
    let headings = columns.into_iter().zip(is_shown).filter_map(|(column, is_shown)| is_shown.then_some(column));
    let shown =
        |row: [Cell<'a>; N]| row.into_iter().zip(is_shown).filter_map(|(cell, is)| is.then_some(cell)).collect();
    written(headings, rows.map(shown))
}
