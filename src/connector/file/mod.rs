//! A directory of files in the place of an API: Pax8's records as JSON Lines or as the portal's invoice CSV, and a
//! PSA's as JSON Lines or CSV, also in the neutral CSV form that any PSA can be exported to.
//!
//! ```text
//! DIR/pax8/{companies,products,pricing,subscriptions,subscription_history,invoices,usage_summaries,usage_lines}.jsonl
//! DIR/pax8/invoice_items/ID.jsonl      or  DIR/pax8/invoice_csv/*.csv
//! DIR/psa/{customers,products,agreements,agreement_lines,invoices}.jsonl
//!                                      or  DIR/psa/csv/*.csv  or  DIR/psa/*.csv
//! ```
//!
//! Mappings and price books are imported beside a connection, by the service of mapping files.
//!
//! JSON Lines win where both forms are there. A file is read page by page; what is kept in memory are the places of
//! rows that something is looked up in. A missing file is an empty list and a remark of `verify`.

mod fields;
mod index;
mod marketplace;
mod portal_csv;
mod psa;
mod psa_convert;
mod table;

use std::path::{Path, PathBuf};

pub use marketplace::FileMarketplace;
pub use psa::FilePsa;

use self::table::PROVIDER;
use super::ConnectorError;

/// The folder of one side below the given directory, or the directory itself when it is that folder already.
fn side_of(directory: &Path, side: &str, marks: &[&str]) -> Result<PathBuf, ConnectorError> {
    if !directory.is_dir() {
        let message = format!("`{}` is not a directory", directory.display());
        return Err(ConnectorError::Unavailable { provider: PROVIDER, message });
    }
    let below = directory.join(side);
    if below.is_dir() {
        return Ok(below);
    }
    if marks.iter().any(|mark| directory.join(mark).exists()) {
        return Ok(directory.to_owned());
    }
    let message = format!("`{}` has no folder `{side}`", directory.display());
    Err(ConnectorError::Unavailable { provider: PROVIDER, message })
}

/// Runs work on files where it does not hold up other tasks.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ConnectorError> + Send + 'static,
) -> Result<T, ConnectorError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = format!("reading was interrupted: {error}");
        Err(ConnectorError::Unavailable { provider: PROVIDER, message })
    })
}
