//! Where the rows of one key stand in a file, so that a join reads only those: the history of a subscription, the
//! prices of a product, the lines of an invoice in a CSV file. Holds places, never rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::fields::Fields;
use super::table::{Place, Row, TableFile};
use crate::connector::json::text;
use crate::connector::{ConnectorError, Rejected};

/// The places of the rows of each key, over several files.
#[derive(Debug, Default)]
pub struct Index {
    files: Vec<TableFile>,
    places: HashMap<Arc<str>, Vec<(usize, Place)>>,
    order: Vec<Arc<str>>,
    /// Rows that belong to no key because they cannot be read.
    pub rejected: Vec<Rejected>,
}

impl Index {
    /// Reads the files once; `key` names the field that holds the key, in any of its spellings (folded).
    pub fn build(files: Vec<TableFile>, key: &[&str]) -> Result<Self, ConnectorError> {
        let mut index = Self::default();
        for (number, file) in files.iter().enumerate() {
            let mut rows = file.rows()?;
            while let Some(row) = rows.next_row()? {
                match row.and_then(|row| keyed(file, key, row)) {
                    Ok((key, place)) => index.add(key, (number, place)),
                    Err(rejected) => index.rejected.push(rejected),
                }
            }
        }
        index.files = files;
        Ok(index)
    }

    fn add(&mut self, key: String, place: (usize, Place)) {
        let key: Arc<str> = key.into();
        let places = self.places.entry(Arc::clone(&key)).or_default();
        if places.is_empty() {
            self.order.push(key);
        }
        places.push(place);
    }

    /// The keys in the order in which they first occur.
    pub fn keys(&self) -> &[Arc<str>] {
        &self.order
    }

    /// The rows of a key, each with its file and in the order of the files.
    pub fn rows(&self, key: &str) -> Result<Vec<(&TableFile, Row)>, ConnectorError> {
        let mut found = Vec::new();
        let mut reader = None;
        for (number, place) in self.places.get(key).map_or(&[][..], Vec::as_slice) {
            let file = &self.files[*number];
            let mut rows = match reader.take() {
                // Rows of a key mostly stand together; then one opened file serves all of them.
                Some((open, rows)) if open == *number && super::table::RowReader::place(&rows) == *place => rows,
                _ => file.rows_from(*place)?,
            };
            if let Some(Ok(row)) = rows.next_row()? {
                found.push((file, row));
            }
            reader = Some((*number, rows));
        }
        Ok(found)
    }
}

fn keyed(file: &TableFile, key: &[&str], row: Row) -> Result<(String, Place), Rejected> {
    let reject = |reason| file.reject(row.line, reason);
    let fields = Fields::parse(&row.json).map_err(reject)?;
    let value = text(key[0], fields.get(key)).map_err(reject)?;
    let value = value.ok_or_else(|| reject(format!("{} is missing", key[0])))?;
    Ok((value.trim().to_owned(), row.place))
}
