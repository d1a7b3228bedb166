//! Reading rows of a file one by one, as JSON text with their place: JSON Lines as they are, CSV made into objects.
//!
//! A row that cannot be read is handed on as rejected with file, line and reason, and reading goes on behind it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::connector::json::Reason;
use crate::connector::{ConnectorError, Cursor, Page, Pulled, Rejected};

/// What stands for the provider's name in errors about files.
pub const PROVIDER: &str = "the directory";

/// Rows of one page.
const PAGE_ROWS: usize = 500;

/// Longest line that is read; a longer one is rejected and skipped.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// How the rows of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    JsonLines,
    /// A header row and rows of fields.
    Csv,
}

/// Gives a heading of a CSV file the name that the rest of the connector knows it by.
pub type Heading = fn(&str) -> String;

/// A file of rows.
#[derive(Debug, Clone)]
pub struct TableFile {
    /// Where it is.
    pub path: PathBuf,
    /// Name in messages, below the opened directory.
    pub name: String,
    /// How its rows are written.
    pub format: Format,
    /// Names of its headings, for CSV.
    pub heading: Heading,
}

impl TableFile {
    /// The file of this name below a directory, when it is there; the ending tells the format.
    pub fn find(directory: &Path, name: &str) -> Option<Self> {
        let path = directory.join(name);
        let is_csv = name.to_ascii_lowercase().ends_with(".csv");
        let format = if is_csv { Format::Csv } else { Format::JsonLines };
        path.is_file().then(|| Self { path, name: name.to_owned(), format, heading: str::to_owned })
    }

    /// The first of several files that is there.
    pub fn first(directory: &Path, names: &[&str]) -> Option<Self> {
        names.iter().find_map(|name| Self::find(directory, name))
    }

    /// Reads from the beginning.
    pub fn rows(&self) -> Result<RowReader, ConnectorError> {
        RowReader::open(self, None)
    }

    /// Reads from a place that an earlier row stood at.
    pub fn rows_from(&self, place: Place) -> Result<RowReader, ConnectorError> {
        RowReader::open(self, Some(place))
    }

    /// A rejection of the row at a line of this file.
    pub fn reject(&self, line: u64, reason: Reason) -> Rejected {
        Rejected { external_id: None, location: Some((self.name.clone(), line)), reason }
    }

    /// Adds the place to a rejection that was made from a row's text alone.
    pub fn located(&self, line: u64, rejected: Rejected) -> Rejected {
        Rejected { location: Some((self.name.clone(), line)), ..rejected }
    }

    fn failed(&self, error: impl std::fmt::Display) -> ConnectorError {
        let message = format!("cannot read `{}`: {error}", self.name);
        ConnectorError::Unavailable { provider: PROVIDER, message }
    }
}

/// A place in a file that reading can go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Byte in the file.
    pub byte: u64,
    /// Line that the reader counts there.
    pub line: u64,
}

/// A row as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The object.
    pub json: String,
    /// Line that it begins on, from 1, for people.
    pub line: u64,
    /// Where reading finds it again.
    pub place: Place,
}

/// Reads a file row by row.
pub struct RowReader {
    file: TableFile,
    source: Source,
}

enum Source {
    Lines { reader: BufReader<File>, next: Place },
    Csv { reader: Box<csv::Reader<File>>, headings: Vec<String>, gaps: Gaps },
}

/// Counts the line breaks between two rows of a CSV file: the reader takes them for the beginning of the next row (the
/// second half of CR LF, and blank lines), so that its line number is that of the row before.
struct Gaps {
    reader: BufReader<File>,
    byte: u64,
}

impl Gaps {
    fn breaks_at(&mut self, byte: u64) -> std::io::Result<u64> {
        // Moving within the buffer is cheap, and rows are read in order.
        self.reader.seek_relative(byte as i64 - self.byte as i64)?;
        self.byte = byte;
        let mut breaks = 0;
        loop {
            match self.reader.fill_buf()?.first() {
                Some(b'\n') => breaks += 1,
                Some(b'\r') => {}
                _ => return Ok(breaks),
            }
            self.reader.consume(1);
            self.byte += 1;
        }
    }
}

impl RowReader {
    fn open(file: &TableFile, place: Option<Place>) -> Result<Self, ConnectorError> {
        let opened = File::open(&file.path).map_err(|error| file.failed(error))?;
        let source = match file.format {
            Format::JsonLines => {
                let mut reader = BufReader::new(opened);
                let next = place.unwrap_or(Place { byte: 0, line: 1 });
                reader.seek(SeekFrom::Start(next.byte)).map_err(|error| file.failed(error))?;
                Source::Lines { reader, next }
            }
            Format::Csv => {
                // Flexible, so that a row with a missing field is rejected alone instead of ending the file.
                let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(opened);
                let header = reader.byte_headers().map_err(|error| file.failed(error))?.clone();
                let mut seen = HashSet::new();
                let headings = header
                    .iter()
                    .map(|heading| (file.heading)(String::from_utf8_lossy(heading).trim()))
                    // A second column of the same name would make an object that says two things.
                    .map(|name| if seen.insert(name.clone()) { name } else { String::new() })
                    .collect();
                if let Some(Place { byte, line }) = place {
                    let mut position = csv::Position::new();
                    position.set_byte(byte).set_line(line).set_record(1);
                    reader.seek(position).map_err(|error| file.failed(error))?;
                }
                let gaps = File::open(&file.path).map_err(|error| file.failed(error))?;
                let gaps = Gaps { reader: BufReader::new(gaps), byte: 0 };
                Source::Csv { reader: Box::new(reader), headings, gaps }
            }
        };
        Ok(Self { file: file.clone(), source })
    }

    /// Where the next row will be looked for.
    pub fn place(&self) -> Place {
        match &self.source {
            Source::Lines { next, .. } => *next,
            Source::Csv { reader, .. } => Place { byte: reader.position().byte(), line: reader.position().line() },
        }
    }

    /// The next row, or why it cannot be read; `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<Result<Row, Rejected>>, ConnectorError> {
        let file = &self.file;
        match &mut self.source {
            Source::Lines { reader, next } => loop {
                let mut bytes = Vec::new();
                let place = *next;
                let length = (&mut *reader)
                    .take(MAX_LINE_BYTES)
                    .read_until(b'\n', &mut bytes)
                    .map_err(|error| file.failed(error))? as u64;
                if length == 0 {
                    return Ok(None);
                }
                *next = Place { byte: place.byte + length, line: place.line + 1 };
                if length == MAX_LINE_BYTES && bytes.last() != Some(&b'\n') {
                    next.byte += reader.skip_until(b'\n').map_err(|error| file.failed(error))? as u64;
                    return Ok(Some(Err(file.reject(place.line, "the line is too long".to_owned()))));
                }
                let text = match std::str::from_utf8(&bytes) {
                    Ok(text) => text,
                    Err(_) => return Ok(Some(Err(file.reject(place.line, "the line is not UTF-8".to_owned())))),
                };
                let text = if place.byte == 0 { text.trim_start_matches('\u{feff}') } else { text };
                // A file without its last line break may end in the middle of a row; JSON shows that, blanks do not.
                let json = text.trim();
                if !json.is_empty() {
                    return Ok(Some(Ok(Row { json: json.to_owned(), line: place.line, place })));
                }
            },
            Source::Csv { reader, headings, gaps } => {
                let mut record = csv::ByteRecord::new();
                if !reader.read_byte_record(&mut record).map_err(|error| file.failed(error))? {
                    return Ok(None);
                }
                let place = record.position().map_or(Place { byte: 0, line: 0 }, |position| Place {
                    byte: position.byte(),
                    line: position.line(),
                });
                let breaks = gaps.breaks_at(place.byte).map_err(|error| file.failed(error))?;
                let line = place.line + breaks;
                let row = row_of(headings, &record).map(|json| Row { json, line, place });
                Ok(Some(row.map_err(|reason| file.reject(line, reason))))
            }
        }
    }
}

/// A JSON object made of a CSV row, with every field as text and U+0000 replaced.
fn row_of(headings: &[String], record: &csv::ByteRecord) -> Result<String, Reason> {
    if record.len() != headings.len() {
        return Err(format!("the row has {} fields where the header has {}", record.len(), headings.len()));
    }
    let mut object = String::from("{");
    for (heading, field) in headings.iter().zip(record) {
        if heading.is_empty() {
            continue;
        }
        let field = std::str::from_utf8(field).map_err(|_| format!("{heading} is not UTF-8"))?;
        if object.len() > 1 {
            object.push(',');
        }
        let quoted = |text: &str| serde_json::to_string(text).expect("a text is JSON");
        object.push_str(&quoted(heading));
        object.push(':');
        object.push_str(&quoted(field));
    }
    object.push('}');
    Ok(object)
}

/// What a row became: a record, a rejection, or nothing because it belongs to another list.
pub type Taken<T> = Option<Result<Pulled<T>, Rejected>>;

/// Reads one page of the rows of several files, in the order of the files.
pub fn page<T>(
    files: &[TableFile],
    after: Option<&Cursor>,
    mut take: impl FnMut(&TableFile, &Row, &mut u64) -> Taken<T>,
) -> Result<Page<T>, ConnectorError> {
    let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
    let start = after.map(parse_cursor).transpose()?;
    let mut index = 0;
    let (mut place, mut position) = (None, 0);
    if let Some((name, from, rows)) = start {
        index = files.iter().position(|file| file.name == name).ok_or_else(|| {
            ConnectorError::Unsupported(format!("the file `{name}` is gone since the last page was read"))
        })?;
        (place, position) = (Some(from), rows);
    }
    while let Some(file) = files.get(index) {
        let mut reader = match place.take() {
            Some(place) => file.rows_from(place)?,
            None => file.rows()?,
        };
        while let Some(row) = reader.next_row()? {
            match row {
                Ok(row) => match take(file, &row, &mut position) {
                    Some(Ok(pulled)) => page.records.push(pulled),
                    Some(Err(rejected)) => page.rejected.push(file.located(row.line, rejected)),
                    None => {}
                },
                Err(rejected) => page.rejected.push(rejected),
            }
            if page.records.len() + page.rejected.len() >= PAGE_ROWS {
                let Place { byte, line } = reader.place();
                page.next = Some(Cursor(format!("{byte}:{line}:{position}:{}", file.name)));
                return Ok(page);
            }
        }
        index += 1;
    }
    Ok(page)
}

fn parse_cursor(cursor: &Cursor) -> Result<(&str, Place, u64), ConnectorError> {
    let mut parts = cursor.0.splitn(4, ':');
    let mut number = || parts.next()?.parse::<u64>().ok();
    let parsed = match (number(), number(), number()) {
        (Some(byte), Some(line), Some(position)) => parts.next().map(|name| (name, Place { byte, line }, position)),
        _ => None,
    };
    parsed.ok_or_else(|| ConnectorError::Unsupported(format!("`{}` is not a place in a directory", cursor.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, TableFile) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), bytes).unwrap();
        let file = TableFile::find(directory.path(), name).unwrap();
        (directory, file)
    }

    fn all(file: &TableFile) -> Vec<String> {
        let mut rows = Vec::new();
        let mut reader = file.rows().unwrap();
        while let Some(row) = reader.next_row().unwrap() {
            rows.push(match row {
                Ok(row) => format!("{} {}", row.line, row.json),
                Err(rejected) => format!("{} ! {}", rejected.location.unwrap().1, rejected.reason),
            });
        }
        rows
    }

    #[test]
    fn json_lines_survive_marks_blank_lines_and_bad_bytes() {
        let (_directory, file) =
            written("a.jsonl", b"\xef\xbb\xbf{\"id\":1}\r\n\r\n{\"id\":\"\xff\"}\n{\"id\":3}\n\n{\"id\":4}");
        assert_eq!(all(&file), ["1 {\"id\":1}", "3 ! the line is not UTF-8", "4 {\"id\":3}", "6 {\"id\":4}"]);
    }

    #[test]
    fn csv_rows_become_objects_and_odd_ones_are_rejected_alone() {
        let (_directory, file) = written(
            "a.csv",
            b"\xef\xbb\xbfid,name,id\r\n1,\"a \"\"b\"\"\nc\",x\r\n2,short\r\n\r\n3,\xff,x\r\n4,d,x\r\n",
        );
        assert_eq!(
            all(&file),
            [
                r#"2 {"id":"1","name":"a \"b\"\nc"}"#,
                "4 ! the row has 2 fields where the header has 3",
                "6 ! name is not UTF-8",
                r#"7 {"id":"4","name":"d"}"#,
            ]
        );
    }

    #[test]
    fn reading_goes_on_at_a_remembered_place() {
        for (name, bytes) in [
            ("a.csv", "\u{feff}id\n1\n\n\"2\n2\"\n3\n".as_bytes()),
            ("a.jsonl", "\u{feff}{\"id\":\"1\"}\n\n{\"id\":\"2\\n2\"}\n{\"id\":\"3\"}\n".as_bytes()),
        ] {
            let (_directory, file) = written(name, bytes);
            let mut whole = Vec::new();
            let mut reader = file.rows().unwrap();
            while let Some(row) = reader.next_row().unwrap() {
                whole.push(row.unwrap());
                let mut rest = file.rows_from(reader.place()).unwrap();
                let next = rest.next_row().unwrap().map(Result::unwrap);
                let again = whole.last().unwrap();
                assert_eq!(
                    &file.rows_from(again.place).unwrap().next_row().unwrap().unwrap().unwrap().json,
                    &again.json
                );
                assert_eq!(next.is_none(), whole.len() == 3, "{name}");
            }
            let ids: Vec<_> = whole.iter().map(|row| row.json.as_str()).collect();
            assert_eq!(ids, [r#"{"id":"1"}"#, r#"{"id":"2\n2"}"#, r#"{"id":"3"}"#]);
        }
    }
}
