//! A report as a workbook: a sheet for the whole, the lines, the discrepancies, the coverage and the vendor's invoices.
//!
//! A workbook knows binary numbers alone. An amount becomes one when it has at most fifteen significant digits, which
//! every spreadsheet keeps, and is a text otherwise; a currency is never left to a format. Equal reports give equal bytes:
//! the moment in the properties is the day that the report takes for today.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::Audience;
use super::document::{Document, Summary};
use super::totals::Dimension;
use super::words::{self, class_place, label, months, outcome, verdict};
use crate::domain::money::{Currency, plain};

/// Rows of a sheet below its headings; a spreadsheet ends a little later.
const SHEET_ROWS: usize = 1_000_000;

/// Longest text that a cell takes.
const CELL_CHARACTERS: usize = 32_767;

/// The workbook of a report.
pub fn render(document: &Document, audience: Audience) -> Result<Vec<u8>, XlsxError> {
    let mut book = Book::new(&document.summary)?;
    summary(&mut book, &document.summary, audience)?;
    lines(&mut book, document, audience)?;
    discrepancies(&mut book, document, audience)?;
    coverage(&mut book, &document.summary, audience)?;
    totals(&mut book, document, audience)?;
    if audience == Audience::WithCost {
        invoices(&mut book, &document.summary)?;
    }
    book.workbook.save_to_buffer()
}

/// A cell.
enum Cell<'a> {
    Text(&'a str),
    Owned(String),
    Count(u64),
    /// An exact number, shown with at least so many decimal places; unknown is empty.
    Exact(Option<Decimal>, u32),
}

impl Cell<'_> {
    fn money(amount: Option<Decimal>, currency: &str) -> Self {
        Self::Exact(amount, Currency::parse(currency).map_or(2, |currency| currency.minor_digits()))
    }
}

/// The sums by customer, product, vendor, type and month.
fn totals(book: &mut Book, document: &Document, audience: Audience) -> Result<(), XlsxError> {
    let columns = [
        ("By", 12, false),
        ("What", 40, false),
        ("Currency", 10, false),
        ("Lines", 10, false),
        ("Lines with an unknown amount", 14, false),
        ("Discrepancies", 14, false),
        ("Charged by Pax8", 18, true),
        ("Expected", 18, false),
        ("Billed", 18, false),
        ("Leakage", 18, false),
        ("Overbilled", 18, false),
        ("Charged too much by Pax8", 18, true),
    ];
    let rows = document.groups.iter().map(|group| {
        let money = |amount: Decimal| Cell::money(Some(amount), &group.currency);
        vec![
            Cell::Text(match group.dimension {
                Dimension::Customer => "Customer",
                Dimension::Product => "Product",
                Dimension::Vendor => "Vendor",
                Dimension::Type => "Type",
                Dimension::Month => "Month",
            }),
            Cell::Text(&group.label),
            Cell::Text(&group.currency),
            Cell::Count(group.keys),
            Cell::Count(group.incomplete_keys),
            Cell::Count(group.discrepancies),
            money(group.cost),
            money(group.expected),
            money(group.billed),
            money(group.leakage),
            money(group.overbilling),
            money(group.cost_effect),
        ]
    });
    book.table("Totals by", &columns, audience, rows)
}

/// The one place where an amount becomes a binary number, and only when reading it back gives the amount.
fn binary(amount: Decimal) -> Option<f64> {
    let amount = amount.normalize();
    let digits = amount.mantissa().unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    let number: f64 = amount.to_string().parse().ok()?;
    (digits <= 15 && format!("{number}").parse() == Ok(amount)).then_some(number)
}

/// A column: heading, width in characters, and whether it shows cost.
type Column = (&'static str, u16, bool);

struct Book {
    workbook: Workbook,
    heading: Format,
    text: Format,
    right: Format,
    /// Formats by decimal places.
    numbers: Vec<Format>,
}

impl Book {
    fn new(summary: &Summary) -> Result<Self, XlsxError> {
        let mut workbook = Workbook::new();
        let day: Option<NaiveDate> = summary.as_of.parse().ok();
        let mut properties = DocProperties::new().set_title(format!("Reconciliation of {}", months(summary)));
        if let Some((year, day)) = day.and_then(|day| Some((u16::try_from(day.year()).ok()?, day))) {
            let (month, day) = (u8::try_from(day.month()).unwrap_or(1), u8::try_from(day.day()).unwrap_or(1));
            properties = properties.set_creation_datetime(&ExcelDateTime::from_ymd(year, month, day)?);
        }
        workbook.set_properties(&properties);
        let places = |places: usize| match places {
            0 => "#,##0".to_owned(),
            places => format!("#,##0.{}", "0".repeat(places)),
        };
        Ok(Self {
            workbook,
            heading: Format::new().set_bold().set_background_color("DDE6F0").set_text_wrap(),
            text: Format::new().set_align(FormatAlign::Top),
            right: Format::new().set_align(FormatAlign::Right),
            numbers: (0..=12).map(|decimals| Format::new().set_num_format(places(decimals))).collect(),
        })
    }

    /// Adds a table, over several sheets when it is too long for one.
    fn table<'a>(
        &mut self,
        name: &str,
        columns: &[Column],
        audience: Audience,
        rows: impl Iterator<Item = Vec<Cell<'a>>>,
    ) -> Result<(), XlsxError> {
        let is_shown: Vec<bool> =
            columns.iter().map(|(.., is_cost)| !is_cost || audience == Audience::WithCost).collect();
        let mut rows = rows.peekable();
        for number in 1.. {
            let name = if number == 1 { name.to_owned() } else { format!("{name} {number}") };
            let sheet = self.workbook.add_worksheet_with_low_memory()?;
            sheet.set_name(name)?;
            sheet.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
            sheet.set_freeze_panes(1, 0)?;
            let shown = columns.iter().zip(&is_shown).filter(|(_, is_shown)| **is_shown);
            for (at, ((heading, width, _), _)) in (0_u16..).zip(shown) {
                sheet.set_column_width(at, *width)?;
                sheet.write_string_with_format(0, at, *heading, &self.heading)?;
            }
            let mut at: u32 = 0;
            while at < SHEET_ROWS as u32 {
                let Some(row) = rows.next() else { break };
                at += 1;
                let shown = row.into_iter().zip(&is_shown).filter(|(_, is_shown)| **is_shown);
                for (column, (cell, _)) in (0_u16..).zip(shown) {
                    put(sheet, (at, column), &cell, (&self.text, &self.right, &self.numbers))?;
                }
            }
            let last = u16::try_from(is_shown.iter().filter(|is_shown| **is_shown).count()).unwrap_or(1);
            sheet.autofilter(0, 0, at.max(1), last.saturating_sub(1))?;
            if rows.peek().is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &Cell<'_>,
    (text, right, numbers): (&Format, &Format, &[Format]),
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(value) => drop(sheet.write_string_with_format(row, column, cut(value), text)?),
        Cell::Owned(value) => drop(sheet.write_string_with_format(row, column, cut(value), text)?),
        Cell::Count(count) => match binary(Decimal::from(*count)) {
            Some(number) => drop(sheet.write_number_with_format(row, column, number, &numbers[0])?),
            None => drop(sheet.write_string_with_format(row, column, count.to_string(), right)?),
        },
        Cell::Exact(None, _) => {}
        Cell::Exact(Some(amount), least) => {
            let places = amount.normalize().scale().max(*least) as usize;
            match (binary(*amount), numbers.get(places)) {
                (Some(number), Some(format)) => drop(sheet.write_number_with_format(row, column, number, format)?),
                _ => drop(sheet.write_string_with_format(row, column, plain(*amount, *least), right)?),
            }
        }
    }
    Ok(())
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(CELL_CHARACTERS).map_or(text, |(end, _)| &text[..end])
}

fn summary(book: &mut Book, summary: &Summary, audience: Audience) -> Result<(), XlsxError> {
    let mut rows: Vec<(String, String)> = vec![
        ("Months".to_owned(), months(summary)),
        ("As of".to_owned(), summary.as_of.clone()),
        ("Verdict".to_owned(), verdict(&summary.verdict).to_owned()),
        ("Lines".to_owned(), summary.key_count.to_string()),
        ("Discrepancies".to_owned(), summary.discrepancy_count.to_string()),
        ("Engine".to_owned(), summary.engine_version.to_string()),
        ("Fingerprint".to_owned(), summary.fingerprint.clone()),
        ("End of service periods".to_owned(), summary.period_end.clone()),
    ];
    rows.push(("Policy".to_owned(), words::policy(summary).to_owned()));
    rows.extend(words::hidden(summary).into_iter().map(|sentence| ("Hidden".to_owned(), sentence)));
    rows.extend(
        summary.policy.iter().map(|switch| (format!("Policy: {}", switch.name), switch.value_for(audience).to_owned())),
    );
    rows.extend(words::provisional(summary, audience).into_iter().map(|text| ("Provisional".to_owned(), text)));
    rows.extend(
        summary
            .left_out
            .iter()
            .map(|record| (format!("Left out: {} {}", record.kind, record.id), record.reason.clone())),
    );
    let rows = rows.into_iter().map(|(name, value)| vec![Cell::Owned(name), Cell::Owned(value)]);
    book.table("Report", &[("What", 32, false), ("Value", 80, false)], audience, rows)?;
    let columns = [
        ("Currency", 10, false),
        ("Charged by Pax8", 18, true),
        ("Expected", 18, false),
        ("Billed", 18, false),
        ("Difference", 18, false),
        ("Leakage", 18, false),
        ("Overbilled", 18, false),
        ("Margin", 18, true),
        ("Charged too much by Pax8", 18, true),
        ("Expected on unconfirmed mappings", 18, false),
    ];
    let rows = summary.totals.iter().map(|totals| {
        let money = |amount: Option<Decimal>| Cell::money(amount, &totals.currency);
        vec![
            Cell::Text(&totals.currency),
            money(Some(totals.cost)),
            money(Some(totals.expected)),
            money(Some(totals.billed)),
            money(totals.difference().ok()),
            money(Some(totals.leakage)),
            money(Some(totals.overbilling)),
            money(totals.margin().ok()),
            money(Some(totals.cost_effect)),
            money(Some(totals.expected_on_suggested)),
        ]
    });
    book.table("Totals", &columns, audience, rows)
}

fn lines(book: &mut Book, document: &Document, audience: Audience) -> Result<(), XlsxError> {
    let columns = [
        ("Customer", 32, false),
        ("Customer ID", 14, false),
        ("Item", 40, false),
        ("Item ID", 14, false),
        ("Month", 10, false),
        ("Currency", 10, false),
        ("Subscribed", 12, false),
        ("Charged units", 12, false),
        ("Billed units", 12, false),
        ("Charged by Pax8", 14, true),
        ("Expected", 14, false),
        ("Billed", 14, false),
        ("Difference", 14, false),
        ("Margin", 14, true),
        ("Class", 30, false),
        ("On unconfirmed mapping", 14, false),
        ("Provisional", 12, false),
        ("Discrepancies", 14, false),
    ];
    let names = &document.names;
    let name = |names: &std::collections::BTreeMap<String, String>, id: Option<&str>| {
        Cell::Owned(id.and_then(|id| names.get(id)).cloned().unwrap_or_default())
    };
    let rows = document.keys.iter().map(|key| {
        let money = |amount: Option<Decimal>| Cell::money(amount, &key.currency);
        let (customer, company) = (key.customer_id.as_deref(), key.unmapped_company_id.as_deref());
        let (item, product) = (key.item_id.as_deref(), key.unmapped_product_id.as_deref());
        vec![
            if customer.is_some() { name(&names.customers, customer) } else { name(&names.companies, company) },
            Cell::Owned(words::or_missing(customer, company).unwrap_or_default().into_owned()),
            if item.is_some() { name(&names.items, item) } else { name(&names.products, product) },
            Cell::Owned(words::or_missing(item, product).unwrap_or_default().into_owned()),
            Cell::Text(&key.period),
            Cell::Text(&key.currency),
            Cell::Exact(key.subscribed_quantity, 0),
            Cell::Exact(key.charged_quantity, 0),
            Cell::Exact(key.billed_quantity, 0),
            money(key.cost),
            money(key.expected),
            money(key.billed),
            money(key.difference),
            money(key.margin),
            Cell::Owned(label(class_place(&key.class), key.reason.as_deref().unwrap_or_default())),
            Cell::Text(if key.rests_on_suggested { "yes" } else { "" }),
            Cell::Text(if key.is_provisional { "yes" } else { "" }),
            Cell::Count(key.discrepancies.len() as u64),
        ]
    });
    book.table("Lines", &columns, audience, rows)
}

fn discrepancies(book: &mut Book, document: &Document, audience: Audience) -> Result<(), XlsxError> {
    let columns = [
        ("Severity", 10, false),
        ("Type", 26, false),
        ("Customer", 32, false),
        ("Item", 40, false),
        ("Month", 10, false),
        ("Currency", 10, false),
        ("Expected units", 12, false),
        ("Found units", 12, false),
        ("Expected", 14, false),
        ("Billed", 14, false),
        ("Effect", 14, false),
        ("Charged too much by Pax8", 14, true),
        ("What happened, and what to do", 110, false),
        ("Why", 80, false),
        ("Subscription", 38, false),
        ("ID", 38, false),
    ];
    let rows = document.discrepancies.iter().map(|found| {
        let money = |amount: Decimal| Cell::money(Some(amount), &found.currency);
        let (who, what) = super::words::parties(document, found);
        vec![
            Cell::Text(found.severity_for(audience)),
            Cell::Text(&found.kind),
            Cell::Owned(who.unwrap_or_default()),
            Cell::Owned(what.unwrap_or_default()),
            Cell::Text(&found.period),
            Cell::Text(&found.currency),
            Cell::Exact(found.expected_quantity, 0),
            Cell::Exact(found.actual_quantity, 0),
            money(found.expected),
            money(found.actual),
            money(found.effect),
            money(found.cost_effect),
            Cell::Text(found.sentence_for(audience)),
            Cell::Text(found.root_cause.as_deref().unwrap_or_default()),
            Cell::Text(found.subscription_id.as_deref().unwrap_or_default()),
            Cell::Text(&found.id),
        ]
    });
    book.table("Discrepancies", &columns, audience, rows)
}

fn coverage(book: &mut Book, summary: &Summary, audience: Audience) -> Result<(), XlsxError> {
    let columns = [
        ("Currency", 10, false),
        ("Side", 8, false),
        ("Class", 40, false),
        ("Lines", 12, false),
        ("Amount", 18, false),
    ];
    let is_shown = |side: &str| audience == Audience::WithCost || side != "PAX8";
    let rows = summary.coverage.iter().map(|row| {
        let currency = row.currency.as_deref().unwrap_or_default();
        vec![
            Cell::Text(currency),
            Cell::Text(&row.side),
            Cell::Owned(label(class_place(&row.class), row.reason.as_deref().unwrap_or_default())),
            Cell::Count(row.count),
            // Amounts of the vendor's lines are cost.
            Cell::money(is_shown(&row.side).then_some(row.amount), currency),
        ]
    });
    book.table("Coverage", &columns, audience, rows)
}

fn invoices(book: &mut Book, summary: &Summary) -> Result<(), XlsxError> {
    let columns = [
        ("Invoice", 38, true),
        ("Currency", 10, true),
        ("Lines", 10, true),
        ("Total", 18, true),
        ("Carried balance", 18, true),
        ("Sum of amounts due", 18, true),
        ("Sum of costs", 18, true),
        ("Sales tax", 18, true),
        ("Residue", 18, true),
        ("Outcome", 30, true),
        ("Replaced by", 38, true),
    ];
    let rows = summary.tie_outs.iter().map(|row| {
        let money = |amount: Option<Decimal>| Cell::money(amount, row.currency.as_deref().unwrap_or_default());
        vec![
            Cell::Text(&row.invoice_id),
            Cell::Text(row.currency.as_deref().unwrap_or_default()),
            Cell::Count(row.lines),
            money(row.total),
            money(row.carried_balance),
            money(Some(row.amount_due)),
            money(Some(row.cost_total)),
            money(Some(row.sales_tax)),
            money(row.residue),
            Cell::Text(outcome(row)),
            Cell::Text(row.replacement_id.as_deref().unwrap_or_default()),
        ]
    });
    book.table("Pax8 invoices", &columns, Audience::WithCost, rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_a_spreadsheet_keeps_becomes_a_number() {
        let read = |text: &str| binary(text.parse().expect("a decimal"));
        assert_eq!(read("1234567890123.45"), Some(1_234_567_890_123.45));
        assert_eq!(read("-0.10"), Some(-0.1));
        assert_eq!(read("0"), Some(0.0));
        assert_eq!(read("12345678901234.567"), None);
        assert_eq!(read("9007199254740993"), None);
    }

    proptest! {
        #[test]
        fn a_number_is_the_amount(mantissa in -999_999_999_999_999_i64..=999_999_999_999_999, scale in 0_u32..=12) {
            let amount = Decimal::new(mantissa, scale);
            let number = binary(amount).expect("fifteen digits are kept");
            prop_assert_eq!(format!("{number}").parse::<Decimal>(), Ok(amount.normalize()));
        }
    }
}
