//! Work on a directory of records alone: no server, no account, and nothing left in a database.
//!
//! It reads the directory through the same connector that a server reads it through, maps as files or the engine say,
//! and compares with the same engine. There is no caller and no tenant: whoever may read the files may see the report.

pub mod lists;
mod mappings;
mod records;

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use thiserror::Error;

pub use self::mappings::WrittenMappings;
use self::records::Records;
use super::mapping_files::FileError;
use super::reconciliation::intake::NamedPolicy;
use crate::connector::ConnectorError;
use crate::domain::period::Period;
use crate::engine::billing::ReconcileError;
use crate::report::document::Document;

/// What is to be reconciled.
#[derive(Debug, Clone)]
pub struct ReconcileDirectory {
    /// Directory of the records, with `pax8` and `psa` in it.
    pub data: PathBuf,
    /// First and last month; the latest month with invoices on both sides when left out.
    pub periods: Option<(Period, Period)>,
    /// Directory of mapping files; the engine's own mappings when left out.
    pub mappings: Option<PathBuf>,
    /// Rules.
    pub policy: NamedPolicy,
    /// The day that counts as today; the latest day of a record when left out.
    pub as_of: Option<NaiveDate>,
}

/// What came of it.
#[derive(Debug)]
pub struct ReconciledDirectory {
    /// The report.
    pub document: Document,
    /// The mappings that it rests on, when the engine made them.
    pub mappings: Option<WrittenMappings>,
}

/// Why there is no report. The text is a sentence.
#[derive(Debug, Error)]
pub enum OfflineError {
    /// The directory cannot be used.
    #[error("The records cannot be read: {0}.")]
    Connector(#[from] ConnectorError),
    /// A mapping file cannot be read.
    #[error("{0}")]
    File(#[from] FileError),
    /// The directory of mappings has none of its files, or one that cannot be opened.
    #[error("{0}")]
    Mappings(String),
    /// No month has invoices on both sides, and none was named.
    #[error("No month has invoices on both sides. Name the months to reconcile.")]
    NoPeriod,
    /// No record says which day it is.
    #[error("No record has a date, so that today is not known. Name the day to take for today.")]
    NoDate,
    /// The engine refuses.
    #[error("There can be no report: {0}.")]
    Reconcile(#[from] ReconcileError),
}

/// Reconciles a directory. The same files, months, day and policy give the same report.
pub async fn reconcile(command: ReconcileDirectory) -> Result<ReconciledDirectory, OfflineError> {
    let mut records = Records::read(&command.data).await?;
    let periods = match command.periods {
        Some(periods) => periods,
        None => records.latest_common_month().map(|month| (month, month)).ok_or(OfflineError::NoPeriod)?,
    };
    let as_of = command.as_of.or(records.latest_day).ok_or(OfflineError::NoDate)?;
    let mappings = match &command.mappings {
        Some(directory) => {
            mappings::take_files(&mut records, directory)?;
            None
        }
        None => Some(mappings::make(&mut records)),
    };
    let document = records.intake.compare(periods, as_of, command.policy)?;
    Ok(ReconciledDirectory { document, mappings })
}

/// Matches the companies and products of a directory with its customers and items, candidates included.
pub async fn match_directory(directory: &Path) -> Result<WrittenMappings, OfflineError> {
    let mut records = Records::read(directory).await?;
    Ok(mappings::make_with_candidates(&mut records))
}

/// The text of a file, when there is one.
fn text_of(directory: &Path, file: &str) -> Result<Option<String>, std::io::Error> {
    match std::fs::read(directory.join(file)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
