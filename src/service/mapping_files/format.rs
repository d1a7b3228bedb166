//! The form of the files: CSV with a row of headings, whose order and case do not matter. Other columns are ignored.
//!
//! People look the files through with a spreadsheet, so a text that it would run as a formula is written with an
//! apostrophe before it, and read without it ([`crate::spreadsheet`]).

use chrono::NaiveDate;
use csv::StringRecord;
use rust_decimal::Decimal;
use thiserror::Error;

use super::export::UNDECIDED;
use crate::domain::mapping::{ExclusionReason, MappingRole};
use crate::domain::money::{Currency, parse_decimal};
use crate::domain::record::{Price, PriceBookEntry};
use crate::spreadsheet::{Cell, unguarded, written};
use crate::storage::text::Word;

/// Name of the file of customer mappings.
pub(in crate::service) const CUSTOMERS: &str = "customer_mapping.csv";

/// Name of the file of product mappings.
pub(in crate::service) const PRODUCTS: &str = "product_mapping.csv";

/// Name of the file of prices.
pub(in crate::service) const PRICES: &str = "price_book.csv";

/// Longest id or text that is taken from a field.
const MAX_TEXT: usize = 500;

/// A row that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// File.
    pub file: &'static str,
    /// Line in the file, from 1.
    pub line: u64,
    /// Why, as a sentence.
    pub reason: String,
}

/// Why a file could not be read at all; the text is a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct FileError {
    /// File.
    pub file: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// A row with the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Line<T> {
    pub line: u64,
    pub row: T,
}

/// A row of `customer_mapping.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::service) struct CustomerRow {
    pub company: String,
    pub company_name: String,
    pub customer: Option<String>,
    pub customer_name: String,
    pub relation: String,
    /// `None` when the file does not say.
    pub is_billable: Option<bool>,
    pub exclusion: Option<ExclusionReason>,
    /// Confidence of the engine, where it said.
    pub confidence: String,
    /// `map` or `candidate`, where the engine said.
    pub band: String,
}

/// A row of `product_mapping.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::service) struct ProductRow {
    pub product: String,
    pub product_name: String,
    pub sku: String,
    pub billing_term: String,
    pub commitment_term: String,
    pub item: Option<String>,
    pub identifier: String,
    pub item_name: String,
    pub relation: String,
    /// Customer at the PSA that the mapping is limited to.
    pub customer_scope: String,
    pub factor: Option<Decimal>,
    pub role: Option<MappingRole>,
    pub exclusion: Option<ExclusionReason>,
    /// Confidence of the engine, where it said.
    pub confidence: String,
    /// `map` or `candidate`, where the engine said.
    pub band: String,
}

/// A pair that nobody confirmed and the engine is not sure of.
pub(in crate::service) const CANDIDATE: &str = "candidate";

const CUSTOMER_COLUMNS: [&str; 7] =
    ["pax8CompanyId", "pax8CompanyName", "psaCustomerId", "psaCustomerName", "relation", "billable", "exclusion"];

const PRODUCT_COLUMNS: [&str; 13] = [
    "pax8ProductId",
    "pax8ProductName",
    "pax8Sku",
    "billingTerm",
    "commitmentTerm",
    "psaProductId",
    "psaIdentifier",
    "psaName",
    "relation",
    "limitedToPsaCustomerId",
    "factor",
    "role",
    "exclusion",
];

/// The fields of one row by heading.
struct Fields<'a> {
    headings: &'a [String],
    record: &'a StringRecord,
}

impl<'a> Fields<'a> {
    fn get(&self, heading: &str) -> Option<&'a str> {
        let at = self.headings.iter().position(|known| known.eq_ignore_ascii_case(heading))?;
        self.record.get(at).map(str::trim).filter(|text| !text.is_empty()).map(unguarded)
    }

    fn text(&self, heading: &str) -> Result<Option<String>, String> {
        match self.get(heading) {
            Some(text) if text.chars().count() > MAX_TEXT => {
                Err(format!("`{heading}` has more than {MAX_TEXT} characters."))
            }
            Some(text) if text.contains('\0') => Err(format!("`{heading}` contains a NUL character.")),
            text => Ok(text.map(str::to_owned)),
        }
    }

    fn optional(&self, heading: &str) -> Result<String, String> {
        Ok(self.text(heading)?.unwrap_or_default())
    }

    fn required(&self, heading: &str) -> Result<String, String> {
        self.text(heading)?.ok_or_else(|| format!("`{heading}` is empty."))
    }

    fn decimal(&self, heading: &str) -> Result<Option<Decimal>, String> {
        self.text(heading)?
            .map(|text| parse_decimal(&text).map_err(|error| format!("`{heading}`: {error}.")))
            .transpose()
    }

    fn day(&self, heading: &str) -> Result<Option<NaiveDate>, String> {
        self.text(heading)?
            .map(|text| {
                NaiveDate::parse_from_str(&text, "%Y-%m-%d")
                    .map_err(|_| format!("`{heading}` is `{text}`, which is not a day such as 2026-09-01."))
            })
            .transpose()
    }

    fn word<T: Word>(&self, heading: &str) -> Result<Option<T>, String> {
        self.text(heading)?
            .map(|text| {
                let words: Vec<&str> = T::WORDS.iter().map(|(_, word)| *word).collect();
                T::from_word(&text.to_ascii_uppercase())
                    .ok_or_else(|| format!("`{heading}` is `{text}`, which is none of {}.", words.join(", ")))
            })
            .transpose()
    }

    fn yes_or_no(&self, heading: &str) -> Result<Option<bool>, String> {
        self.text(heading)?
            .map(|text| match text.to_ascii_lowercase().as_str() {
                "yes" | "true" | "1" => Ok(true),
                "no" | "false" | "0" => Ok(false),
                _ => Err(format!("`{heading}` is `{text}`; write yes or no.")),
            })
            .transpose()
    }
}

/// Rows that could be read, and those that could not.
pub(in crate::service) type Rows<T> = (Vec<Line<T>>, Vec<RejectedRow>);

fn read<T>(
    file: &'static str,
    text: &str,
    required: &[&str],
    convert: impl Fn(&Fields<'_>) -> Result<T, String>,
) -> Result<Rows<T>, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headings: Vec<String> = reader
        .headers()
        .map_err(|error| FileError { file, message: format!("The headings of `{file}` cannot be read: {error}.") })?
        .iter()
        .map(|heading| heading.trim().to_owned())
        .collect();
    let missing: Vec<String> = required
        .iter()
        .filter(|column| !headings.iter().any(|heading| heading.eq_ignore_ascii_case(column)))
        .map(|column| format!("`{column}`"))
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "`{file}` lacks the column {}. The first line must name the columns, separated by commas.",
            missing.join(" and ")
        );
        return Err(FileError { file, message });
    }
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let mut record = StringRecord::new();
    loop {
        let next = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok((rows, rejected)),
            Ok(true) => {
                let line = record.position().map_or(next, csv::Position::line);
                match convert(&Fields { headings: &headings, record: &record }) {
                    Ok(row) => rows.push(Line { line, row }),
                    Err(reason) => rejected.push(RejectedRow { file, line, reason }),
                }
            }
            Err(error) => {
                rejected.push(RejectedRow { file, line: next, reason: format!("The row cannot be read: {error}.") });
                // Only the row itself is malformed; anything worse ends the reading.
                if matches!(error.kind(), csv::ErrorKind::Io(_)) {
                    return Ok((rows, rejected));
                }
            }
        }
    }
}

/// Reads a file of customer mappings.
pub(in crate::service) fn read_customers(text: &str) -> Result<Rows<CustomerRow>, FileError> {
    read(CUSTOMERS, text, &["pax8CompanyId", "psaCustomerId"], |fields| {
        let is_candidate = fields.get("band") == Some(CANDIDATE);
        Ok(CustomerRow {
            company: fields.required("pax8CompanyId")?,
            company_name: fields.optional("pax8CompanyName")?,
            customer: fields.text("psaCustomerId")?.filter(|_| !is_candidate),
            customer_name: fields.optional("psaCustomerName")?,
            relation: if is_candidate { UNDECIDED.to_owned() } else { fields.optional("relation")? },
            is_billable: fields.yes_or_no("billable")?,
            exclusion: fields.word("exclusion")?,
            confidence: fields.optional("confidence")?,
            band: fields.optional("band")?,
        })
    })
}

/// Reads a file of product mappings.
pub(in crate::service) fn read_products(text: &str) -> Result<Rows<ProductRow>, FileError> {
    let required = ["pax8ProductId", "billingTerm", "commitmentTerm", "psaProductId"];
    read(PRODUCTS, text, &required, |fields| {
        let factor = fields.decimal("factor")?;
        if factor.is_some_and(|factor| factor <= Decimal::ZERO) {
            return Err("`factor` must be greater than zero.".to_owned());
        }
        let is_candidate = fields.get("band") == Some(CANDIDATE);
        Ok(ProductRow {
            product: fields.required("pax8ProductId")?,
            product_name: fields.optional("pax8ProductName")?,
            sku: fields.optional("pax8Sku")?,
            billing_term: fields.optional("billingTerm")?,
            commitment_term: fields.optional("commitmentTerm")?,
            item: fields.text("psaProductId")?.filter(|_| !is_candidate),
            identifier: fields.optional("psaIdentifier")?,
            item_name: fields.optional("psaName")?,
            relation: if is_candidate { UNDECIDED.to_owned() } else { fields.optional("relation")? },
            customer_scope: fields.optional("limitedToPsaCustomerId")?,
            factor,
            role: fields.word("role")?,
            exclusion: fields.word("exclusion")?,
            confidence: fields.optional("confidence")?,
            band: fields.optional("band")?,
        })
    })
}

/// Reads a price book.
pub(in crate::service) fn read_prices(text: &str) -> Result<Rows<PriceBookEntry>, FileError> {
    read(PRICES, text, &["productId", "currency", "unitPrice"], |fields| {
        let entry = PriceBookEntry {
            product_external_id: fields.required("productId")?.into(),
            customer_external_id: fields.text("customerId")?.map(Into::into),
            currency: Currency::parse(&fields.required("currency")?)
                .map_err(|error| format!("`currency`: {error}."))?,
            unit_price: Price(fields.decimal("unitPrice")?.ok_or("`unitPrice` is empty.")?),
            effective_from: fields.day("effectiveDate")?,
            effective_to: fields.day("endDate")?,
        };
        match (entry.effective_from, entry.effective_to) {
            (Some(from), Some(to)) if to < from => Err(format!("`endDate` {to} is before `effectiveDate` {from}.")),
            _ => Ok(entry),
        }
    })
}

fn word_of<T: Word>(value: Option<T>) -> Cell<'static> {
    value.map_or(Cell::EMPTY, |value| Cell::word(value.word()))
}

/// Writes a file of customer mappings.
pub(in crate::service) fn write_customers(rows: Vec<CustomerRow>) -> String {
    written(CUSTOMER_COLUMNS, rows.into_iter().map(|row| customer_cells(row).into()))
}

/// Writes a file of product mappings.
pub(in crate::service) fn write_products(rows: Vec<ProductRow>) -> String {
    written(PRODUCT_COLUMNS, rows.into_iter().map(|row| product_cells(row).into()))
}

/// Writes a file of what the engine thinks of customers, candidates included.
pub(in crate::service) fn write_matched_customers(rows: Vec<CustomerRow>) -> String {
    let columns = CUSTOMER_COLUMNS.into_iter().chain(["confidence", "band"]);
    let rows = rows.into_iter().map(|row| {
        let added = [row.confidence.clone(), row.band.clone()].map(Cell::text);
        customer_cells(row).into_iter().chain(added).collect()
    });
    written(columns, rows)
}

/// Writes a file of what the engine thinks of products, candidates included. Products have no reason not to be billed.
pub(in crate::service) fn write_matched_products(rows: Vec<ProductRow>) -> String {
    let columns = PRODUCT_COLUMNS.into_iter().chain(["billable", "confidence", "band"]);
    let rows = rows.into_iter().map(|row| {
        let added = [Cell::word("yes"), Cell::text(row.confidence.clone()), Cell::text(row.band.clone())];
        product_cells(row).into_iter().chain(added).collect()
    });
    written(columns, rows)
}

fn customer_cells(row: CustomerRow) -> [Cell<'static>; 7] {
    let billable = if row.is_billable == Some(false) { "no" } else { "yes" };
    [
        Cell::text(row.company),
        Cell::text(row.company_name),
        row.customer.map_or(Cell::EMPTY, Cell::text),
        Cell::text(row.customer_name),
        Cell::text(row.relation),
        Cell::word(billable),
        word_of(row.exclusion),
    ]
}

fn product_cells(row: ProductRow) -> [Cell<'static>; 13] {
    [
        Cell::text(row.product),
        Cell::text(row.product_name),
        Cell::text(row.sku),
        Cell::text(row.billing_term),
        Cell::text(row.commitment_term),
        row.item.map_or(Cell::EMPTY, Cell::text),
        Cell::text(row.identifier),
        Cell::text(row.item_name),
        Cell::text(row.relation),
        Cell::text(row.customer_scope),
        row.factor.map_or(Cell::EMPTY, Cell::number),
        word_of(row.role),
        word_of(row.exclusion),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_no_formula(
            texts in proptest::collection::vec("['=+@\t\r\n-]{0,3}[a-z\"', =\\PC]{0,8}", 8),
        ) {
            let text = |at: usize| texts[at].trim().to_owned();
            let id = |at: usize| format!("{}x", text(at).trim_start());
            let customer = CustomerRow {
                company: id(0),
                company_name: text(1),
                customer: Some(id(2)),
                customer_name: text(3),
                relation: text(4),
                is_billable: Some(true),
                ..CustomerRow::default()
            };
            let product = ProductRow {
                product: id(0),
                product_name: text(1),
                sku: text(2),
                billing_term: text(3),
                commitment_term: text(4),
                item: Some(id(5)),
                identifier: text(6),
                item_name: text(7),
                factor: Some(Decimal::ONE),
                ..ProductRow::default()
            };
            let (customers, products) = (write_customers(vec![customer.clone()]), write_products(vec![product.clone()]));
            for written in [&customers, &products] {
                for record in csv::Reader::from_reader(written.as_bytes()).records() {
                    for cell in &record.expect("it reads") {
                        prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{}", cell);
                    }
                }
            }
            let (read, rejected) = read_customers(&customers).expect("the columns are there");
            prop_assert_eq!((&read[0].row, rejected.len()), (&customer, 0));
            let (read, rejected) = read_products(&products).expect("the columns are there");
            prop_assert_eq!((&read[0].row, rejected.len()), (&product, 0));
        }
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = read_products("pax8ProductId,psaProductId\na,b\n").expect_err("two columns are missing");
        assert!(error.message.contains("`billingTerm` and `commitmentTerm`"), "{error}");
        assert!(read_customers("").is_err());
    }

    #[test]
    fn a_bad_row_is_reported_with_its_line_and_the_others_are_kept() {
        let text = "\u{feff}PSACUSTOMERID,pax8CompanyId,billable,note\n\
                    7,\"a\nb\",no,x\n\
                    8,,yes,\n\
                    9,c,maybe,\n\
                    ,d\n";
        let (rows, rejected) = read_customers(text).expect("the columns are there");
        let rows: Vec<(u64, &str, Option<&str>)> =
            rows.iter().map(|line| (line.line, line.row.company.as_str(), line.row.customer.as_deref())).collect();
        assert_eq!(rows, [(2, "a\nb", Some("7")), (6, "d", None)]);
        let rejected: Vec<(u64, &str)> = rejected.iter().map(|row| (row.line, row.reason.as_str())).collect();
        assert_eq!(rejected, [(4, "`pax8CompanyId` is empty."), (5, "`billable` is `maybe`; write yes or no.")]);
    }

    #[test]
    fn prices_keep_every_digit() {
        let text = "productId,customerId,currency,unitPrice,effectiveDate,endDate\n\
                    1,,USD,12.3450,2026-01-01,\n\
                    1,2,USD,\"12,5\",,\n\
                    1,2,USD,1,2026-02-01,2026-01-01\n";
        let (rows, rejected) = read_prices(text).expect("the columns are there");
        assert_eq!(rows[0].row.unit_price.0.to_string(), "12.3450");
        assert_eq!(rejected.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4]);
    }
}
