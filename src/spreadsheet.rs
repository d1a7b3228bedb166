//! Tables for people as CSV, which they open with a spreadsheet.
//!
//! A spreadsheet runs a cell as a formula when it begins with `=`, `+`, `-`, `@`, a tab or a line break, also where the
//! cell is the name that a customer of a customer chose (OWASP calls it CSV injection). Such a text therefore gets an
//! apostrophe before it: `=1+1` becomes `'=1+1`. So does one that begins so behind apostrophes of its own, which makes it
//! possible to take back exactly what was put there ([`unguarded`]). Numbers stay numbers: `-5.00` is none of this.
//!
//! Only this module writes such files, and a text that the program did not write itself becomes a [`Cell`] in one way
//! alone, so that no column can forget it.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use rust_decimal::Decimal;

use crate::domain::money::plain;
use crate::engine::matching::{Confidence, Weight};

/// What a formula begins with: for a spreadsheet, or after it was read as another script's signs or as a new cell.
const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Stands before a text that could be a formula.
const GUARD: char = '\'';

fn could_be_formula(text: &str) -> bool {
    text.trim_start_matches(GUARD).starts_with(BEGINNINGS)
}

/// The text of a cell that was written here, without what was put before it.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix(GUARD).filter(|text| could_be_formula(text)).unwrap_or(cell)
}

/// What is written as a number, digits and at most a sign and a point.
pub trait Number: fmt::Display {}

impl Number for Decimal {}
impl Number for Confidence {}
impl Number for Weight {}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell<'a>(Cow<'a, str>);

impl<'a> Cell<'a> {
    /// Nothing.
    pub const EMPTY: Self = Self(Cow::Borrowed(""));

    /// A text of whoever, which a spreadsheet has to read as a text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        Self(if could_be_formula(&text) { Cow::Owned(format!("{GUARD}{text}")) } else { text })
    }

    /// A word of ours.
    pub const fn word(word: &'static str) -> Self {
        Self(Cow::Borrowed(word))
    }

    /// A number as it is.
    pub fn number(number: impl Number) -> Self {
        Self(Cow::Owned(number.to_string()))
    }

    /// An amount or a quantity with at least so many decimals.
    pub fn amount(amount: Decimal, places: u32) -> Self {
        Self(Cow::Owned(plain(amount, places)))
    }
}

/// A table that is being written.
pub struct Table<W: Write>(csv::Writer<W>);

impl<W: Write> Table<W> {
    /// Begins a table with its headings.
    pub fn new(file: W, headings: impl IntoIterator<Item = &'static str>) -> io::Result<Self> {
        let mut table = Self(csv::Writer::from_writer(file));
        table.row(headings.into_iter().map(Cell::word))?;
        Ok(table)
    }

    /// Writes a row, which has as many cells as there are headings.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> io::Result<()> {
        Ok(self.0.write_record(cells.into_iter().map(|Cell(text)| text.into_owned()))?)
    }

    /// Writes what is still in memory.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A whole table as text. Every row has as many cells as there are headings.
pub fn written<'a>(
    headings: impl IntoIterator<Item = &'static str>,
    rows: impl IntoIterator<Item = Vec<Cell<'a>>>,
) -> String {
    let mut table = Table::new(Vec::new(), headings).expect("memory takes the headings");
    for row in rows {
        table.row(row).expect("memory takes every row, and a row has its columns");
    }
    let bytes = table.0.into_inner().expect("memory takes every row");
    String::from_utf8(bytes).expect("texts make text")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_spreadsheet_reads_no_text_as_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "-"] {
            let Cell(cell) = Cell::text(formula);
            assert_eq!((cell.as_ref(), unguarded(&cell)), (format!("'{formula}").as_str(), formula));
        }
        for text in ["", "a", "a=1", " =1", "'", "'a", "O'Neill", "1-2", "2026-10"] {
            assert_eq!((Cell::text(text), unguarded(text)), (Cell(text.into()), text));
        }
    }

    #[test]
    fn a_number_stays_a_number() {
        assert_eq!(Cell::amount(Decimal::new(-5, 0), 2), Cell("-5.00".into()));
        assert_eq!(Cell::number(Decimal::new(-125, 2)), Cell("-1.25".into()));
    }

    proptest! {
        #[test]
        fn what_was_guarded_comes_back(text in "['=+@\\t\\r\\n-]{0,4}\\PC{0,8}") {
            let Cell(cell) = Cell::text(text.as_str());
            prop_assert!(!cell.starts_with(BEGINNINGS), "{}", cell);
            prop_assert_eq!(unguarded(&cell), &text);
        }
    }
}
