//! A report as one printable page: no script, nothing loaded from elsewhere, charts as SVG.
//!
//! Bars are drawn in whole units from exact ratios, so that equal reports give equal bytes.

use std::collections::BTreeMap;

use askama::Template;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::Audience;
use super::document::{Document, Finding, Totals};
use super::words::{self, amount, count, counted, label, percentage};
use crate::domain::money::{ExactSum, plain};

/// Discrepancies on the page, those that cost most first; a longer list is no page any more.
const SHOWN: usize = 200;

/// Bars of a chart; the others are one bar.
const BARS: usize = 10;

/// Length of the longest bar.
const LONGEST: u32 = 340;

/// The page of a report.
pub fn render(document: &Document, audience: Audience) -> String {
    Page::of(document, audience).render().expect("writing to memory cannot fail")
}

#[derive(Template)]
#[template(path = "report.html", config = "src/report/askama.toml")]
struct Page<'a> {
    months: String,
    as_of: &'a str,
    verdict: &'static str,
    verdict_word: &'a str,
    lines: String,
    found: String,
    engine: u32,
    fingerprint: &'a str,
    with_cost: bool,
    totals: Vec<TotalsRow>,
    notes: Vec<String>,
    charts: Vec<Chart>,
    coverage: Vec<CoverageGroup>,
    left_out: Vec<String>,
    invoices: Vec<InvoiceRow>,
    discrepancies: Vec<DiscrepancyRow>,
    not_shown: Option<String>,
    policy_name: &'a str,
    policy: Vec<(&'a str, &'a str)>,
}

struct TotalsRow {
    currency: String,
    cost: String,
    expected: String,
    billed: String,
    difference: String,
    leakage: String,
    overbilled: String,
    margin: String,
}

struct Chart {
    title: String,
    height: usize,
    bars: Vec<Bar>,
}

struct Bar {
    y: usize,
    label: String,
    value: String,
    length: u32,
    class: &'static str,
}

struct CoverageGroup {
    currency: String,
    rows: Vec<[String; 5]>,
}

struct InvoiceRow {
    id: String,
    currency: String,
    lines: String,
    total: String,
    residue: String,
    outcome: &'static str,
    ties: bool,
}

struct DiscrepancyRow {
    severity: String,
    kind: String,
    month: String,
    about: String,
    expected: String,
    billed: String,
    effect: String,
    currency: String,
    sentence: String,
    cause: Option<String>,
}

impl<'a> Page<'a> {
    fn of(document: &'a Document, audience: Audience) -> Self {
        let summary = &document.summary;
        let with_cost = audience == Audience::WithCost;
        let found = document.costliest(audience);
        let hidden = found.len().saturating_sub(SHOWN);
        Self {
            months: words::months(summary),
            as_of: &summary.as_of,
            verdict: words::verdict(&summary.verdict),
            verdict_word: &summary.verdict,
            lines: counted(summary.key_count, "line"),
            found: match summary.discrepancy_count {
                1 => "1 discrepancy".to_owned(),
                many => format!("{} discrepancies", count(many)),
            },
            engine: summary.engine_version,
            fingerprint: &summary.fingerprint,
            with_cost,
            totals: summary.totals.iter().map(totals_row).collect(),
            notes: words::provisional(summary, audience)
                .into_iter()
                .chain(summary.totals.iter().flat_map(|totals| notes(totals, with_cost)))
                .chain(words::hidden(summary))
                .collect(),
            charts: summary.totals.iter().flat_map(|totals| charts(document, &totals.currency, with_cost)).collect(),
            coverage: coverage(document),
            left_out: summary
                .left_out
                .iter()
                .take(SHOWN)
                .map(|record| format!("{} {}: {}", record.kind, record.id, record.reason))
                .collect(),
            invoices: if with_cost { invoices(document) } else { Vec::new() },
            discrepancies: found.iter().take(SHOWN).map(|finding| discrepancy(document, finding, audience)).collect(),
            not_shown: (hidden > 0)
                .then(|| format!("{} that cost less are in the table of discrepancies.", count(hidden as u64))),
            policy_name: words::policy(summary),
            policy: summary.policy.iter().map(|switch| (switch.name.as_str(), switch.value_for(audience))).collect(),
        }
    }
}

fn totals_row(totals: &Totals) -> TotalsRow {
    let money = |sum: Decimal| amount(sum, &totals.currency);
    let margin = totals.margin().ok();
    let share = margin.and_then(|margin| percentage(margin, totals.billed));
    TotalsRow {
        currency: totals.currency.clone(),
        cost: money(totals.cost),
        expected: money(totals.expected),
        billed: money(totals.billed),
        difference: totals.difference().map_or_else(|_| "?".to_owned(), money),
        leakage: money(totals.leakage),
        overbilled: money(totals.overbilling),
        margin: match (margin, share) {
            (Some(margin), Some(share)) => format!("{} ({share} %)", money(margin)),
            (Some(margin), None) => money(margin),
            (None, _) => "?".to_owned(),
        },
    }
}

fn notes(totals: &Totals, with_cost: bool) -> Vec<String> {
    let (currency, mut notes) = (&totals.currency, Vec::new());
    if with_cost && !totals.cost_effect.is_zero() {
        let charged = amount(totals.cost_effect, currency);
        notes.push(format!("Pax8 charged {charged} {currency} that it should not have charged."));
    }
    if !totals.expected_on_suggested.is_zero() {
        let expected = amount(totals.expected_on_suggested, currency);
        notes
            .push(format!("{expected} {currency} of the expected amount rests on mappings that nobody has confirmed."));
    }
    if totals.incomplete_keys > 0 {
        let lines = counted(totals.incomplete_keys, "line");
        notes.push(format!("{lines} in {currency} with an unknown amount, which the sums leave out."));
    }
    notes
}

/// Sums by a name. A sum that leaves the range in which amounts are exact takes its chart with it.
#[derive(Default)]
struct Sums(BTreeMap<String, ExactSum>, bool);

impl Sums {
    fn add(&mut self, name: String, amount: Decimal) {
        self.1 |= self.0.entry(name).or_default().add(amount).is_err();
    }

    fn totals(self) -> Option<Vec<(String, Decimal)>> {
        if self.1 {
            return None;
        }
        let totals = self.0.into_iter().map(|(name, sum)| Some((name, sum.total().ok()?)));
        let totals: Option<Vec<_>> = totals.collect();
        totals.map(|totals| totals.into_iter().filter(|(_, sum)| !sum.is_zero()).collect())
    }

    /// The largest first, and what is left as one.
    fn largest(self) -> Option<Vec<(String, Decimal)>> {
        let mut totals = self.totals()?;
        totals.sort_by(|(left_name, left), (right_name, right)| {
            right.abs().cmp(&left.abs()).then_with(|| left_name.cmp(right_name))
        });
        if totals.len() > BARS + 1 {
            let rest = totals.split_off(BARS);
            let sum = ExactSum::of(rest.iter().map(|(_, sum)| *sum)).and_then(ExactSum::total).ok()?;
            totals.push((format!("{} others", count(rest.len() as u64)), sum));
        }
        Some(totals)
    }
}

fn charts(document: &Document, currency: &str, with_cost: bool) -> Vec<Chart> {
    let (mut customers, mut kinds, mut leakage, mut overbilling, mut margins) =
        (Sums::default(), Sums::default(), Sums::default(), Sums::default(), Sums::default());
    for found in document.discrepancies.iter().filter(|found| found.currency == currency) {
        if found.effect.is_sign_negative() {
            let (who, _) = words::parties(document, found);
            customers.add(who.unwrap_or_else(|| "no customer".to_owned()), found.effect);
            kinds.add(spoken(&found.kind), found.effect);
            leakage.add(found.period.clone(), found.effect);
        } else {
            overbilling.add(found.period.clone(), found.effect);
        }
    }
    for key in document.keys.iter().filter(|key| key.currency == currency) {
        if let Some(margin) = key.margin {
            margins.add(key.period.clone(), margin);
        }
    }
    let mut charts = vec![
        chart(format!("Billed too little, by customer, in {currency}"), customers.largest(), currency),
        chart(format!("Billed too little, by reason, in {currency}"), kinds.largest(), currency),
    ];
    // One month is no development.
    if document.summary.period_from != document.summary.period_to {
        charts.push(chart(format!("Billed too little, by month, in {currency}"), leakage.totals(), currency));
        charts.push(chart(format!("Billed too much, by month, in {currency}"), overbilling.totals(), currency));
        if with_cost {
            charts.push(chart(format!("Margin, by month, in {currency}"), margins.totals(), currency));
        }
    }
    charts.into_iter().flatten().collect()
}

fn chart(title: String, values: Option<Vec<(String, Decimal)>>, currency: &str) -> Option<Chart> {
    const ROW: usize = 22;
    let values = values.filter(|values| !values.is_empty())?;
    let longest = values.iter().map(|(_, value)| value.abs()).max()?;
    let bars: Vec<Bar> = values
        .into_iter()
        .enumerate()
        .map(|(at, (name, value))| {
            let share = value.abs().checked_div(longest).and_then(|share| share.checked_mul(LONGEST.into()));
            Bar {
                y: at * ROW,
                label: shortened(&name),
                value: amount(value, currency),
                // What is there is seen.
                length: share.and_then(|share| share.to_u32()).unwrap_or(0).max(1),
                class: if value.is_sign_negative() { "below" } else { "above" },
            }
        })
        .collect();
    Some(Chart { title, height: bars.len() * ROW, bars })
}

fn shortened(name: &str) -> String {
    const LABEL: usize = 29;
    if name.chars().count() <= LABEL {
        return name.to_owned();
    }
    name.chars().take(LABEL - 1).chain(['…']).collect()
}

/// `NEVER_BILLED` as words.
fn spoken(kind: &str) -> String {
    kind.to_lowercase().replace('_', " ").replace("pax8", "Pax8").replace("psa", "PSA")
}

fn coverage(document: &Document) -> Vec<CoverageGroup> {
    let by_currency = words::coverage(&document.summary);
    let group = |(currency, places): (&str, words::Places<'_>)| CoverageGroup {
        currency: if currency.is_empty() { "No currency".to_owned() } else { currency.to_owned() },
        rows: places
            .into_iter()
            .map(|((place, reason), [vendor, psa])| {
                let lines = |cell: Option<(u64, Decimal)>| cell.map_or_else(String::new, |(lines, _)| count(lines));
                let money =
                    |cell: Option<(u64, Decimal)>| cell.map_or_else(String::new, |(_, sum)| amount(sum, currency));
                [label(place, reason), lines(vendor), money(vendor), lines(psa), money(psa)]
            })
            .collect(),
    };
    by_currency.into_iter().map(group).collect()
}

fn invoices(document: &Document) -> Vec<InvoiceRow> {
    let row = |row: &super::document::InvoiceTieOut| {
        let currency = row.currency.as_deref().unwrap_or_default();
        let money = |sum: Option<Decimal>| sum.map_or_else(|| "?".to_owned(), |sum| amount(sum, currency));
        InvoiceRow {
            id: row.invoice_id.clone(),
            currency: currency.to_owned(),
            lines: count(row.lines),
            total: money(row.total),
            residue: money(row.residue),
            outcome: words::outcome(row),
            ties: row.ties.is_some() || row.ignored.is_some(),
        }
    };
    document.summary.tie_outs.iter().map(row).collect()
}

fn discrepancy(document: &Document, found: &Finding, audience: Audience) -> DiscrepancyRow {
    let (who, what) = words::parties(document, found);
    let units = |units: Option<Decimal>| units.map(|units| plain(units, 0));
    let quantity = match (units(found.expected_quantity), units(found.actual_quantity)) {
        (Some(expected), Some(actual)) if expected != actual => format!(" ({expected} units expected, {actual} found)"),
        _ => String::new(),
    };
    let about: Vec<String> = [who, what].into_iter().flatten().collect();
    DiscrepancyRow {
        severity: found.severity_for(audience).to_lowercase(),
        kind: spoken(&found.kind),
        month: found.period.clone(),
        about: format!("{}{quantity}", about.join(" / ")),
        expected: amount(found.expected, &found.currency),
        billed: amount(found.actual, &found.currency),
        effect: amount(found.effect, &found.currency),
        currency: found.currency.clone(),
        sentence: found.sentence_for(audience).to_owned(),
        cause: found.root_cause.clone(),
    }
}
