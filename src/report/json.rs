//! A report as JSON: one fixed order of fields and rows, decimals as texts, so that equal reports are equal bytes.

use std::io::{BufWriter, Read as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use thiserror::Error;

use super::document::Document;

/// A stored report cannot be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// The compressed bytes are damaged.
    #[error("cannot unpack the report: {0}")]
    Packing(#[from] std::io::Error),
    /// The text is not a report of this version.
    #[error("cannot read the report: {0}")]
    Json(#[from] serde_json::Error),
}

/// The report as one line of JSON.
pub fn render(document: &Document) -> String {
    serde_json::to_string(document).expect("a document of texts and numbers is always JSON")
}

/// The JSON compressed; equal reports give equal bytes.
pub fn pack(document: &Document) -> Vec<u8> {
    // JSON is written a few bytes at a time; the compression wants more at once.
    let mut writer = BufWriter::with_capacity(1 << 16, GzEncoder::new(Vec::new(), Compression::default()));
    serde_json::to_writer(&mut writer, document).expect("a document of texts and numbers is always JSON");
    let encoder = writer.into_inner().expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

/// The report of its compressed JSON.
pub fn unpack(packed: &[u8]) -> Result<Document, Unreadable> {
    let mut text = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
