//! A report for a terminal: what it comes to, what was compared and what not, and what costs most. At most a hundred
//! columns wide.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::document::{Document, Finding, InvoiceTieOut, Summary, Totals};
use crate::domain::money::{Currency, ExactSum, plain};

/// Columns of the page.
const WIDTH: usize = 100;

/// Discrepancies that are shown.
const SHOWN: usize = 10;

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether colors are used; for a terminal alone.
    pub is_colored: bool,
    /// Whether cost and margin are left out, for readers who may not see them.
    pub hides_cost: bool,
}

/// The report on a page.
pub fn render(document: &Document, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    page.title(&document.summary);
    page.totals(&document.summary);
    page.coverage(&document.summary);
    if !style.hides_cost {
        page.tie_outs(&document.summary.tie_outs);
    }
    page.discrepancies(document);
    page.text
}

/// Lines and their amount.
type Cell = (u64, Decimal);

/// What the Pax8 side and the PSA side have of each class and reason.
type Places<'a> = BTreeMap<(usize, &'a str), [Option<Cell>; 2]>;

/// Colors by their number in ANSI terminals.
#[derive(Clone, Copy)]
enum Color {
    Bold = 1,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.text.push('\n');
        let heading = self.colored(text, Color::Bold);
        self.line(&heading);
    }

    fn colored(&self, text: &str, color: Color) -> String {
        if self.style.is_colored { format!("\u{1b}[{}m{text}\u{1b}[0m", color as u8) } else { text.to_owned() }
    }

    fn title(&mut self, summary: &Summary) {
        let period = if summary.period_from == summary.period_to {
            summary.period_from.clone()
        } else {
            format!("{} to {}", summary.period_from, summary.period_to)
        };
        let title = format!("Reconciliation of {period}, as of {}: ", summary.as_of);
        let (verdict, color) = match summary.verdict.as_str() {
            "CLEAN" => ("everything was compared, and nothing is wrong", Color::Green),
            "INCOMPLETE" => ("nothing wrong was found, but not everything could be compared", Color::Yellow),
            "DISCREPANT" => ("something is wrong", Color::Red),
            _ => ("nothing could be compared", Color::Yellow),
        };
        let line = format!("{}{}", self.colored(&title, Color::Bold), self.colored(verdict, color));
        self.line(&line);
        let short: String = summary.fingerprint.chars().take(16).collect();
        self.line(&format!(
            "{}, {}; engine {}, fingerprint {short}",
            counted(summary.key_count, "line"),
            match summary.discrepancy_count {
                1 => "1 discrepancy".to_owned(),
                many => format!("{} discrepancies", count(many)),
            },
            summary.engine_version
        ));
    }

    fn totals(&mut self, summary: &Summary) {
        self.heading("Totals");
        let mut columns = vec!["", "Charged", "Expected", "Billed", "Difference", "Leakage", "Overbilled"];
        if self.style.hides_cost {
            columns.remove(1);
        }
        let mut rows = Vec::new();
        for totals in &summary.totals {
            let mut row = vec![totals.currency.clone()];
            if !self.style.hides_cost {
                row.push(amount(totals.cost, &totals.currency));
            }
            row.push(amount(totals.expected, &totals.currency));
            row.push(amount(totals.billed, &totals.currency));
            row.push(totals.difference().map_or_else(|_| "?".to_owned(), |sum| amount(sum, &totals.currency)));
            row.push(amount(totals.leakage, &totals.currency));
            row.push(amount(totals.overbilling, &totals.currency));
            rows.push(row);
        }
        self.table(&columns, &rows);
        for totals in &summary.totals {
            self.remarks(totals);
        }
    }

    fn remarks(&mut self, totals: &Totals) {
        let currency = &totals.currency;
        if !self.style.hides_cost {
            if let Ok(margin) = totals.margin() {
                let share = percentage(margin, totals.billed).map_or_else(String::new, |share| format!(" ({share} %)"));
                self.line(&format!("  Margin in {currency}: {}{share}.", amount(margin, currency)));
            }
            if !totals.cost_effect.is_zero() {
                self.line(&format!(
                    "  Pax8 charged {} {currency} that it should not have charged.",
                    amount(totals.cost_effect, currency)
                ));
            }
        }
        if !totals.expected_on_suggested.is_zero() {
            self.line(&format!(
                "  {} {currency} of the expected amount rests on mappings that nobody has confirmed.",
                amount(totals.expected_on_suggested, currency)
            ));
        }
        if totals.incomplete_keys > 0 {
            self.line(&format!(
                "  {} in {currency} with an unknown amount, which the sums leave out.",
                counted(totals.incomplete_keys, "line")
            ));
        }
    }

    fn coverage(&mut self, summary: &Summary) {
        self.heading("Coverage");
        // Amounts of the vendor's lines are cost.
        let mut columns = vec!["", "Pax8 lines", "Charged", "PSA lines", "Billed"];
        if self.style.hides_cost {
            columns.remove(2);
        }
        let mut by_currency: BTreeMap<&str, Places<'_>> = BTreeMap::new();
        for row in &summary.coverage {
            let currency = row.currency.as_deref().unwrap_or("");
            let place = (class_place(&row.class), row.reason.as_deref().unwrap_or(""));
            let cells = by_currency.entry(currency).or_default().entry(place).or_default();
            cells[usize::from(row.side == "PSA")] = Some((row.count, row.amount));
        }
        let mut rows = Vec::new();
        for (currency, places) in &by_currency {
            let name = if currency.is_empty() { "No currency" } else { currency };
            rows.push(vec![name.to_owned()]);
            let mut sums: [(u64, ExactSum); 2] = Default::default();
            let row = |label: String, cells: [Option<Cell>; 2]| {
                let mut row = vec![label];
                for (at, cell) in cells.into_iter().enumerate() {
                    row.push(cell.map_or_else(String::new, |(lines, _)| count(lines)));
                    if at == 1 || !self.style.hides_cost {
                        row.push(cell.map_or_else(String::new, |(_, sum)| amount(sum, currency)));
                    }
                }
                row
            };
            for ((place, reason), cells) in places {
                for (sum, cell) in sums.iter_mut().zip(cells) {
                    if let Some((lines, amount)) = cell {
                        sum.0 += lines;
                        // A report exists only when its classes add up, so these sums fit too.
                        let _ = sum.1.add(*amount);
                    }
                }
                rows.push(row(format!("  {}", label(*place, reason)), *cells));
            }
            let total = sums.map(|(lines, sum)| sum.total().ok().map(|sum| (lines, sum)));
            rows.push(row("  All source lines".to_owned(), total));
        }
        self.table(&columns, &rows);
        self.line("  Footing: every source line is in one class, and the classes add up to the source on both sides.");
        if !summary.left_out.is_empty() {
            self.line(&format!(
                "  Could not be taken in, so nothing of it was compared: {} in all.",
                counted(summary.left_out.len() as u64, "record")
            ));
            for record in summary.left_out.iter().take(SHOWN) {
                self.line(&format!("    {} {}: {}", record.kind, record.id, record.reason));
            }
        }
    }

    fn tie_outs(&mut self, rows: &[InvoiceTieOut]) {
        if rows.is_empty() {
            return;
        }
        self.heading("Invoices from Pax8 against their lines");
        let row = |row: &InvoiceTieOut| {
            let currency = row.currency.as_deref().unwrap_or("");
            let shown = |sum: Option<Decimal>| sum.map_or_else(|| "?".to_owned(), |sum| amount(sum, currency));
            let outcome = match (row.ignored.as_deref(), row.ties.as_deref()) {
                (Some("CREDITED_INVOICE"), _) => "not counted: credited",
                (Some(_), _) => "not counted: void",
                (None, Some("AMOUNT_DUE")) => "ties out",
                (None, Some("AMOUNT_DUE_WITHOUT_TAX")) => "ties out without tax",
                (None, Some("COST_WITH_TAX")) => "ties out by cost and tax",
                (None, Some(_)) => "ties out by cost",
                (None, None) if row.total.is_none() => "no total to compare with",
                (None, None) => "DOES NOT TIE OUT",
            };
            let name: String = row.invoice_id.chars().take(36).collect();
            vec![name, currency.to_owned(), count(row.lines), shown(row.total), shown(row.residue), outcome.to_owned()]
        };
        let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        self.table(&["Invoice", "", "Lines", "Total", "Residue", "  Outcome"], &rows);
    }

    fn discrepancies(&mut self, document: &Document) {
        let mut found: Vec<(Decimal, usize, &Finding)> = Vec::with_capacity(document.discrepancies.len());
        for (at, finding) in document.discrepancies.iter().enumerate() {
            let magnitude =
                if self.style.hides_cost { finding.effect.abs() } else { finding.magnitude().unwrap_or(Decimal::MAX) };
            found.push((magnitude, at, finding));
        }
        if found.is_empty() {
            return;
        }
        found.sort_unstable_by_key(|(magnitude, at, _)| (std::cmp::Reverse(*magnitude), *at));
        let shown = found.len().min(SHOWN);
        self.heading(&match found.len() {
            1 => "The discrepancy".to_owned(),
            all => format!("The {shown} discrepancies that cost most, of {}", count(all as u64)),
        });
        for (place, (_, _, finding)) in found.iter().take(SHOWN).enumerate() {
            self.discrepancy(place + 1, finding, document);
        }
    }

    fn discrepancy(&mut self, place: usize, found: &Finding, document: &Document) {
        let color = match found.severity.as_str() {
            "CRITICAL" => Color::Red,
            "WARNING" => Color::Yellow,
            _ => Color::Cyan,
        };
        let severity = self.colored(&format!("{:<8}", found.severity), color);
        let kind = self.colored(&found.kind, Color::Bold);
        self.line(&format!("{place:>3}  {severity}  {kind}  {}", found.period));
        let names = &document.names;
        let name = |names: &BTreeMap<String, String>, id: &Option<String>| {
            id.as_ref().map(|id| names.get(id).filter(|name| !name.is_empty()).unwrap_or(id).clone())
        };
        let who = name(&names.customers, &found.customer_id).or_else(|| name(&names.companies, &found.company_id));
        let what = name(&names.items, &found.item_id).or_else(|| name(&names.products, &found.product_id));
        let about: Vec<String> = [who, what].into_iter().flatten().collect();
        self.wrapped(&about.join(" / "));
        let currency = &found.currency;
        let mut figures = format!(
            "expected {}, billed {}, effect {} {currency}",
            amount(found.expected, currency),
            amount(found.actual, currency),
            amount(found.effect, currency)
        );
        if let (Some(expected), Some(actual)) = (found.expected_quantity, found.actual_quantity) {
            let _ = write!(figures, "; {} units expected, {} found", plain(expected, 0), plain(actual, 0));
        }
        if !self.style.hides_cost && !found.cost_effect.is_zero() {
            let _ = write!(figures, "; cost effect {} {currency}", amount(found.cost_effect, currency));
        }
        self.wrapped(&figures);
        let sentence = found.cost_sentence.as_ref().filter(|_| !self.style.hides_cost).unwrap_or(&found.sentence);
        self.wrapped(sentence);
    }

    /// Text below a discrepancy, broken between words.
    fn wrapped(&mut self, text: &str) {
        const INDENT: &str = "     ";
        let mut line = String::from(INDENT);
        let mut width = INDENT.len();
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if width > INDENT.len() && width + 1 + length > WIDTH {
                let full = std::mem::replace(&mut line, String::from(INDENT));
                self.line(&full);
                width = INDENT.len();
            }
            if width > INDENT.len() {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += length;
        }
        if width > INDENT.len() {
            self.line(&line);
        }
    }

    /// A table whose first column is text and whose others are numbers; a heading that begins with a blank is text too.
    fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        let mut widths: Vec<usize> = columns.iter().map(|column| column.chars().count()).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let is_text = |at: usize| at == 0 || columns[at].starts_with(' ');
        let put = |cells: &[&str]| {
            let mut line = String::from("  ");
            for (at, cell) in cells.iter().enumerate() {
                let blanks = widths[at].saturating_sub(cell.chars().count());
                if at > 0 {
                    line.push_str("  ");
                }
                if is_text(at) {
                    line.push_str(cell);
                    line.extend(std::iter::repeat_n(' ', blanks));
                } else {
                    line.extend(std::iter::repeat_n(' ', blanks));
                    line.push_str(cell);
                }
            }
            line
        };
        let headings: Vec<&str> = columns.iter().map(|column| column.trim()).collect();
        let heading = put(&headings);
        self.line(&heading);
        for row in rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            let line = put(&cells);
            self.line(&line);
        }
    }
}

/// Classes in the order in which a reader wants them.
const CLASSES: [(&str, &str); 7] = [
    ("MATCHED", "Matched"),
    ("TOLERATED", "Within tolerance"),
    ("DISCREPANT", "Discrepant"),
    ("EXPECTED_LATER", "Expected later"),
    ("UNMAPPED", "Unmapped"),
    ("NOT_COMPARED", "Not compared"),
    ("EXCLUDED", "Excluded"),
];

fn class_place(class: &str) -> usize {
    CLASSES.iter().position(|(word, _)| *word == class).unwrap_or(CLASSES.len())
}

fn label(place: usize, reason: &str) -> String {
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

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(number)) }
}

fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn amount(amount: Decimal, currency: &str) -> String {
    let text = plain(amount, Currency::parse(currency).map_or(2, |currency| currency.minor_digits()));
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    match digits.split_once('.') {
        Some((whole, decimals)) => format!("{sign}{}.{decimals}", grouped(whole)),
        None => format!("{sign}{}", grouped(digits)),
    }
}

/// A part of a whole with one decimal place; `None` when the whole is zero.
fn percentage(part: Decimal, whole: Decimal) -> Option<String> {
    let share = part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)?;
    Some(plain(share.round_dp_with_strategy(1, rust_decimal::RoundingStrategy::MidpointAwayFromZero), 1))
}
