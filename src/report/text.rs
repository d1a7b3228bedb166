//! A report for a terminal: what it comes to, what was compared and what not, and what costs most. At most a hundred
//! columns wide.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::Audience;
use super::document::{DEFAULT_POLICY, Document, Finding, InvoiceTieOut, Summary, Totals};
use super::words::{self, Cell, amount, count, counted, label, percentage};
use crate::domain::money::{ExactSum, plain};

/// Columns of the page.
const WIDTH: usize = 100;

/// Discrepancies that are shown.
const SHOWN: usize = 10;

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether colors are used; for a terminal alone.
    pub is_colored: bool,
    /// Who reads it.
    pub audience: Audience,
}

impl Style {
    fn hides_cost(self) -> bool {
        self.audience == Audience::WithoutCost
    }
}

/// The report on a page.
pub fn render(document: &Document, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    page.title(&document.summary);
    for sentence in words::provisional(&document.summary, style.audience) {
        page.wrapped(&sentence);
    }
    page.totals(&document.summary);
    page.coverage(&document.summary);
    if !style.hides_cost() {
        page.tie_outs(&document.summary.tie_outs);
    }
    page.discrepancies(document);
    page.text
}

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
        let title = format!("Reconciliation of {}, as of {}: ", words::months(summary), summary.as_of);
        let color = match summary.verdict.as_str() {
            "CLEAN" => Color::Green,
            "DISCREPANT" => Color::Red,
            _ => Color::Yellow,
        };
        let verdict = words::verdict(&summary.verdict);
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
        if words::policy(summary) != DEFAULT_POLICY {
            self.wrapped(&format!("Policy: {}", words::policy(summary)));
        }
    }

    fn totals(&mut self, summary: &Summary) {
        self.heading("Totals");
        let mut columns = vec!["", "Charged", "Expected", "Billed", "Difference", "Leakage", "Overbilled"];
        if self.style.hides_cost() {
            columns.remove(1);
        }
        let mut rows = Vec::new();
        for totals in &summary.totals {
            let mut row = vec![totals.currency.clone()];
            if !self.style.hides_cost() {
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
        for sentence in words::hidden(summary) {
            self.wrapped(&sentence);
        }
    }

    fn remarks(&mut self, totals: &Totals) {
        let currency = &totals.currency;
        if !self.style.hides_cost() {
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
        if self.style.hides_cost() {
            columns.remove(2);
        }
        let by_currency = words::coverage(summary);
        let mut rows = Vec::new();
        for (currency, places) in &by_currency {
            let name = if currency.is_empty() { "No currency" } else { currency };
            rows.push(vec![name.to_owned()]);
            let mut sums: [(u64, ExactSum); 2] = Default::default();
            let row = |label: String, cells: [Option<Cell>; 2]| {
                let mut row = vec![label];
                for (at, cell) in cells.into_iter().enumerate() {
                    row.push(cell.map_or_else(String::new, |(lines, _)| count(lines)));
                    if at == 1 || !self.style.hides_cost() {
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
            let name: String = row.invoice_id.chars().take(36).collect();
            vec![
                name,
                currency.to_owned(),
                count(row.lines),
                shown(row.total),
                shown(row.residue),
                words::outcome(row).to_owned(),
            ]
        };
        let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        self.table(&["Invoice", "", "Lines", "Total", "Residue", "  Outcome"], &rows);
    }

    fn discrepancies(&mut self, document: &Document) {
        let found = document.costliest(self.style.audience);
        if found.is_empty() {
            return;
        }
        let shown = found.len().min(SHOWN);
        self.heading(&match found.len() {
            1 => "The discrepancy".to_owned(),
            all => format!("The {shown} discrepancies that cost most, of {}", count(all as u64)),
        });
        for (place, finding) in found.iter().take(SHOWN).enumerate() {
            self.discrepancy(place + 1, finding, document);
        }
    }

    fn discrepancy(&mut self, place: usize, found: &Finding, document: &Document) {
        let severity = found.severity_for(self.style.audience);
        let color = match severity {
            "CRITICAL" => Color::Red,
            "WARNING" => Color::Yellow,
            _ => Color::Cyan,
        };
        let severity = self.colored(&format!("{severity:<8}"), color);
        let kind = self.colored(&found.kind, Color::Bold);
        self.line(&format!("{place:>3}  {severity}  {kind}  {}", found.period));
        let (who, what) = words::parties(document, found);
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
        if !self.style.hides_cost() && !found.cost_effect.is_zero() {
            let _ = write!(figures, "; cost effect {} {currency}", amount(found.cost_effect, currency));
        }
        self.wrapped(&figures);
        self.wrapped(found.sentence_for(self.style.audience));
        if let Some(cause) = &found.root_cause {
            self.wrapped(&format!("Why: {cause}"));
        }
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
