//! Lists in CSV files: read with clear errors, matched, and written as pairs.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::money::parse_decimal;
use crate::engine::matching::MatchingPolicy;
use crate::engine::matching::list::{ListInput, ListKind, ListPair, ListRecord, Workers, match_lists, repeated_keys};
use crate::spreadsheet::{Cell, written};

/// Two files to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchFiles {
    /// What the records are.
    pub kind: ListKind,
    /// One list.
    pub left: PathBuf,
    /// The other.
    pub right: PathBuf,
}

/// Why a list cannot be used. The text is a sentence.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ListError {
    /// The file cannot be read.
    #[error("{file}: the file cannot be read: {reason}.")]
    Unreadable {
        /// File.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// A line cannot be used.
    #[error("{file}, line {line}: {reason}.")]
    Line {
        /// File.
        file: String,
        /// Line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads both files and pairs their records.
pub fn match_files(files: &MatchFiles, workers: &dyn Workers) -> Result<Vec<ListPair>, ListError> {
    let (left, right) = (read_list(&files.left)?, read_list(&files.right)?);
    let policy = MatchingPolicy::default();
    Ok(match_lists(&ListInput { kind: files.kind, left: &left, right: &right, policy: &policy }, workers))
}

/// The pairs as CSV: `left_id,right_id,confidence,band`.
pub fn write_pairs(pairs: &[ListPair]) -> String {
    let rows = pairs.iter().map(|pair| {
        let band = if pair.is_mapped { "map" } else { "candidate" };
        vec![Cell::text(&pair.left), Cell::text(&pair.right), Cell::number(pair.confidence), Cell::word(band)]
    });
    written(["left_id", "right_id", "confidence", "band"], rows)
}

/// The reasons as CSV: one line for each signal of each pair, and its sentence.
pub fn write_explanations(pairs: &[ListPair]) -> String {
    let mut rows = Vec::new();
    for pair in pairs {
        let reasons = &pair.explanation;
        let rival = reasons.runner_up.as_ref();
        for signal in &reasons.signals {
            rows.push(vec![
                Cell::text(&pair.left),
                Cell::text(&pair.right),
                Cell::number(pair.confidence),
                Cell::text(&reasons.summary),
                Cell::text(signal.kind.to_string()),
                Cell::text(&signal.left),
                Cell::text(&signal.right),
                Cell::number(signal.weight),
                rival.map_or(Cell::EMPTY, |rival| Cell::text(rival.target.to_string())),
                rival.map_or(Cell::EMPTY, |rival| Cell::number(rival.distance)),
            ]);
        }
    }
    let header = [
        "left_id",
        "right_id",
        "confidence",
        "summary",
        "signal",
        "left_value",
        "right_value",
        "bits",
        "runner_up_right_id",
        "bits_to_runner_up",
    ];
    written(header, rows)
}

/// Names of columns, each with those that mean the same.
const COLUMNS: &[(&str, &[&str])] = &[
    ("id", &["id"]),
    ("name", &["name", "title"]),
    ("vendor", &["vendor", "manufacturer", "brand", "maker"]),
    ("sku", &["sku", "part_number", "vendor_sku", "mpn"]),
    ("modelno", &["modelno", "model", "model_number"]),
    ("price", &["price", "unit_price"]),
    ("description", &["description"]),
    ("website", &["website", "domain", "url"]),
    ("email", &["email"]),
    ("phone", &["phone", "telephone"]),
    ("street", &["street", "address"]),
    ("city", &["city"]),
    ("state", &["state", "region", "province"]),
    ("postcode", &["postcode", "postal_code", "zip"]),
    ("country", &["country"]),
];

/// Reads a list. Columns may come in any order and case; those that are not known are passed over.
pub fn read_list(path: &Path) -> Result<Vec<ListRecord>, ListError> {
    let file = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| ListError::Unreadable { file: file.clone(), reason: error.to_string() })?;
    parse_list(&file, &bytes)
}

fn parse_list(file: &str, bytes: &[u8]) -> Result<Vec<ListRecord>, ListError> {
    let refuse = |line: u64, reason: String| ListError::Line { file: file.to_owned(), line, reason };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let unreadable = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let reason = match error.kind() {
            csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        refuse(line, reason)
    };
    let header: Vec<String> =
        reader.headers().map_err(unreadable)?.iter().map(|name| name.trim().to_lowercase()).collect();
    let column = |wanted: &str| {
        let (_, names) = COLUMNS.iter().find(|(name, _)| *name == wanted)?;
        names.iter().find_map(|name| header.iter().position(|found| found == name))
    };
    let at: Vec<Option<usize>> = COLUMNS.iter().map(|(name, _)| column(name)).collect();
    for required in ["id", "name"] {
        if column(required).is_none() {
            return Err(refuse(1, format!("there is no column `{required}`")));
        }
    }
    let mut records = Vec::new();
    let mut lines = Vec::new();
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != header.len() {
            return Err(refuse(line, format!("there are {} fields where the header has {}", row.len(), header.len())));
        }
        let field = |wanted: &str| {
            let position = COLUMNS.iter().position(|(name, _)| *name == wanted)?;
            let text = row.get(at[position]?)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let Some(key) = field("id") else { return Err(refuse(line, "the id is empty".to_owned())) };
        records.push(ListRecord {
            key,
            name: field("name").map(|name| without_entities(&name)).unwrap_or_default(),
            vendor: field("vendor"),
            part_numbers: [field("sku"), field("modelno")].into_iter().flatten().collect(),
            price: field("price").and_then(|text| price(&text)),
            description: field("description").map(|text| without_entities(&text)),
            website: field("website"),
            email: field("email"),
            phone: field("phone"),
            address: crate::domain::record::Address {
                street: field("street"),
                street2: None,
                city: field("city"),
                region: field("state"),
                postal_code: field("postcode"),
                country: field("country"),
            },
        });
        lines.push(line);
    }
    if let Some(key) = repeated_keys(&records).first() {
        let last = records.iter().rposition(|record| record.key == **key).expect("the id occurs");
        return Err(refuse(lines[last], format!("the id `{key}` occurs twice")));
    }
    Ok(records)
}

/// A text from a web page without what stands for a character: `Dillard&#8217;s`, `AT&amp;T`.
fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let entity = rest[at..].find(';').filter(|length| *length <= 8).map(|length| &rest[at + 1..at + length]);
        let character = entity.and_then(|entity| match entity {
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" | "lsquo" | "rsquo" => Some('\''),
            "nbsp" => Some(' '),
            "lt" => Some('<'),
            "gt" => Some('>'),
            _ => entity.strip_prefix('#').and_then(|number| {
                let number = match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16).ok(),
                    None => number.parse().ok(),
                };
                number.and_then(char::from_u32)
            }),
        });
        match (character, entity) {
            (Some(character), Some(entity)) => {
                plain.push(character);
                rest = &rest[at + entity.len() + 2..];
            }
            _ => {
                plain.push('&');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// The number in `21.22 gbp`, `$1,299.00` or `12`; what is no price counts as none.
fn price(text: &str) -> Option<rust_decimal::Decimal> {
    let number: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    parse_decimal(number.trim_matches('.')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<ListRecord>, String> {
        parse_list("left.csv", text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_come_in_any_order_and_unknown_ones_are_passed_over() {
        let records = read("\u{feff}Price,Name,shipweight,ID,Brand\n\"$1,299.50\",Desk,3,7,Acme\n").expect("a list");
        assert_eq!((records[0].key.as_str(), records[0].name.as_str()), ("7", "Desk"));
        assert_eq!(records[0].vendor.as_deref(), Some("Acme"));
        assert_eq!(records[0].price.map(|price| price.to_string()).as_deref(), Some("1299.50"));
    }

    #[test]
    fn a_spreadsheet_runs_no_text_as_a_formula() {
        let list = read("id,name\n=1+1,Northgate Dental Group\n").expect("a list");
        let input =
            ListInput { kind: ListKind::Customers, left: &list, right: &list, policy: &MatchingPolicy::default() };
        let pairs = match_lists(&input, &crate::engine::matching::list::OneByOne);
        assert!(write_pairs(&pairs).contains("\n'=1+1,'=1+1,"), "{}", write_pairs(&pairs));
        assert!(write_explanations(&pairs).contains("\n'=1+1,'=1+1,"), "{}", write_explanations(&pairs));
    }

    #[test]
    fn characters_of_web_pages_are_read() {
        for (text, expected) in
            [("Dillard&#8217;s", "Dillard’s"), ("AT&amp;T", "AT&T"), ("A & B; C", "A & B; C"), ("R&D", "R&D")]
        {
            assert_eq!(without_entities(text), expected);
        }
    }

    #[test]
    fn mistakes_are_named_with_file_and_line() {
        for (text, expected) in [
            ("", "left.csv, line 1: there is no column `id`."),
            ("id\n1\n", "left.csv, line 1: there is no column `name`."),
            ("id,name\n1,a\n,b\n", "left.csv, line 3: the id is empty."),
            ("id,name\n1,a\n2,b,c\n", "left.csv, line 3: there are 3 fields where the header has 2."),
            ("id,name\n1,a\n1,b\n", "left.csv, line 3: the id `1` occurs twice."),
        ] {
            assert_eq!(read(text).expect_err("a mistake"), expected, "of `{text}`");
        }
        let missing = read_list(Path::new("/nowhere/left.csv")).expect_err("no such file").to_string();
        assert!(missing.starts_with("/nowhere/left.csv: the file cannot be read:"), "{missing}");
    }
}
