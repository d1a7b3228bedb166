//! The words that reports for people share: verdicts, classes, outcomes, and amounts as they are printed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Audience;
use super::document::{DEFAULT_POLICY, Document, Finding, InvoiceTieOut, Provisional, Summary};
use super::hidden::Hidden;
use crate::domain::money::{Currency, plain};

/// The months of a report.
pub fn months(summary: &Summary) -> String {
    if summary.period_from == summary.period_to {
        summary.period_from.clone()
    } else {
        format!("{} to {}", summary.period_from, summary.period_to)
    }
}

/// What a verdict means.
pub fn verdict(verdict: &str) -> &'static str {
    match verdict {
        "CLEAN" => "everything was compared, and nothing is wrong",
        "INCOMPLETE" => "nothing wrong was found, but not everything could be compared",
        "DISCREPANT" => "something is wrong",
        _ => "nothing could be compared",
    }
}

/// What is provisional and why, a sentence for each month, currency and side.
pub fn provisional(summary: &Summary, audience: Audience) -> Vec<String> {
    let sentence = |row: &Provisional| {
        let lines = counted(row.count, "line");
        let (whose, until, is_cost) = match row.side.as_str() {
            "PAX8" => ("Pax8", "until the invoice comes, and leave metered use out", true),
            _ => ("the PSA", "as they are", false),
        };
        let sum = match audience {
            Audience::WithoutCost if is_cost => String::new(),
            _ => format!(", {} {},", amount(row.amount, &row.currency), row.currency),
        };
        format!(
            "{} in {} is provisional: {lines} of drafts of {whose}{sum} count {until}; the figures may still change.",
            row.period, row.currency
        )
    };
    summary.provisional.iter().map(sentence).collect()
}

/// Lines and their amount.
pub type Cell = (u64, Decimal);

/// What the Pax8 side and the PSA side have of each class and reason.
pub type Places<'a> = BTreeMap<(usize, &'a str), [Option<Cell>; 2]>;

/// The coverage by currency, class and reason, both sides on one line; no currency is an empty one.
pub fn coverage(summary: &Summary) -> BTreeMap<&str, Places<'_>> {
    let mut by_currency: BTreeMap<&str, Places<'_>> = BTreeMap::new();
    for row in &summary.coverage {
        let place = (class_place(&row.class), row.reason.as_deref().unwrap_or_default());
        let places = by_currency.entry(row.currency.as_deref().unwrap_or_default()).or_default();
        places.entry(place).or_default()[usize::from(row.side == "PSA")] = Some((row.count, row.amount));
    }
    by_currency
}

/// How an invoice's lines compare with its head.
pub fn outcome(row: &InvoiceTieOut) -> &'static str {
    match (row.ignored.as_deref(), row.ties.as_deref()) {
        (Some("CREDITED_INVOICE"), _) => "not counted: credited",
        (Some("DRAFT_SUPERSEDED"), _) => "not counted: its invoice has come",
        (Some(_), _) => "not counted: void",
        (None, Some("AMOUNT_DUE")) => "ties out",
        (None, Some("AMOUNT_DUE_WITHOUT_TAX")) => "ties out without tax",
        (None, Some("COST_WITH_TAX")) => "ties out by cost and tax",
        (None, Some(_)) => "ties out by cost",
        (None, None) if row.total.is_none() => "no total to compare with",
        (None, None) => "DOES NOT TIE OUT",
    }
}

/// Names of the customer and the item that a discrepancy is about, or their ids where they have none.
pub fn parties(document: &Document, found: &Finding) -> (Option<String>, Option<String>) {
    let names = &document.names;
    let name = |names: &BTreeMap<String, String>, id: &Option<String>| {
        id.as_ref().map(|id| names.get(id).filter(|name| !name.is_empty()).unwrap_or(id).clone())
    };
    let who = name(&names.customers, &found.customer_id).or_else(|| name(&names.companies, &found.company_id));
    let what = name(&names.items, &found.item_id).or_else(|| name(&names.products, &found.product_id));
    (who, what)
}

/// Classes in the order in which a reader wants them.
pub const CLASSES: [(&str, &str); 7] = [
    ("MATCHED", "Matched"),
    ("TOLERATED", "Within tolerance"),
    ("DISCREPANT", "Discrepant"),
    ("EXPECTED_LATER", "Expected later"),
    ("UNMAPPED", "Unmapped"),
    ("NOT_COMPARED", "Not compared"),
    ("EXCLUDED", "Excluded"),
];

/// Place of a class among them.
pub fn class_place(class: &str) -> usize {
    CLASSES.iter().position(|(word, _)| *word == class).unwrap_or(CLASSES.len())
}

/// A class and a reason in words.
pub fn label(place: usize, reason: &str) -> String {
    let class = CLASSES.get(place).map_or("Another class", |(_, label)| label);
    let reason = match reason {
        "" => return class.to_owned(),
        "ACCOUNT_LEVEL" => "fees and credits of the account",
        "CREDITED_INVOICE" => "invoice credited in full",
        "VOID_INVOICE" => "invoice void",
        "EXCLUDED_RECORD" => "excluded company or product",
        "OWN_ITEM" => "the MSP's own items",
        "NO_COMPANY" => "no company named",
        "NO_PRODUCT" => "no product named",
        "NO_INVOICE" => "invoice missing",
        "NO_CURRENCY" => "no currency named",
        "UNKNOWN_KIND" => "unknown kind of charge",
        "NO_PRICE" => "no reference price",
        "NO_AMOUNT" => "no amount or quantity",
        "NOT_DUE_YET" => "PSA invoice not due yet",
        "DRAFT_SUPERSEDED" => "draft whose invoice has come",
        "USE_NOT_IN_DRAFT" => "use, which drafts leave out",
        other => other,
    };
    format!("{class}: {reason}")
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things.
pub fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(number)) }
}

/// A number with its digits in groups.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// An amount with the decimal places of its currency, and its digits in groups.
pub fn amount(amount: Decimal, currency: &str) -> String {
    let text = plain(amount, Currency::parse(currency).map_or(2, |currency| currency.minor_digits()));
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    match digits.split_once('.') {
        Some((whole, decimals)) => format!("{sign}{}.{decimals}", grouped(whole)),
        None => format!("{sign}{}", grouped(digits)),
    }
}

/// A part of a whole with one decimal place; `None` when the whole is zero.
pub fn percentage(part: Decimal, whole: Decimal) -> Option<String> {
    let share = part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)?;
    Some(plain(share.round_dp_with_strategy(1, rust_decimal::RoundingStrategy::MidpointAwayFromZero), 1))
}
/// The id of a customer or an item, or `pax8:` and the id of what has none.
pub(super) fn or_missing<'a>(id: Option<&'a str>, missing: Option<&str>) -> Option<Cow<'a, str>> {
    id.map(Cow::Borrowed).or_else(|| missing.map(|missing| Cow::Owned(format!("pax8:{missing}"))))
}

/// What rules hide, one sentence for each rule and currency.
pub(super) fn hidden(summary: &Summary) -> Vec<String> {
    let sentence = |hidden: &Hidden| {
        let (currency, found) = (&hidden.currency, count(hidden.discrepancies));
        let mut sums = Vec::new();
        for (sum, what) in [(hidden.leakage, "billed too little"), (hidden.overbilling, "billed too much")] {
            if !sum.is_zero() {
                sums.push(format!("{} {currency} {what}", amount(sum.abs(), currency)));
            }
        }
        let sums = if sums.is_empty() { "no difference".to_owned() } else { sums.join(" and ") };
        let word = if hidden.discrepancies == 1 { "discrepancy" } else { "discrepancies" };
        format!(
            "Hidden until {} by a rule of {} ({}): {found} {word}, {sums}; all sums contain it.",
            hidden.expires_on, hidden.owner, hidden.reason
        )
    };
    summary.hidden.iter().map(sentence).collect()
}

/// Name of the policy of a report.
pub(super) fn policy(summary: &Summary) -> &str {
    if summary.policy_name.is_empty() { DEFAULT_POLICY } else { &summary.policy_name }
}
