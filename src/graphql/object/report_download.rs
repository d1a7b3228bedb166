//! Links to a report as a file.

use async_graphql::{Enum, SimpleObject};
use chrono::{DateTime, Utc};

use crate::report::Audience;
use crate::service::reconciliation::download::{DownloadLink, ReportForm};

/// Form of a report as a file. New forms may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ReportFormat {
    /// Lines of the comparison, as CSV.
    LinesCsv,
    /// Discrepancies, as CSV.
    DiscrepanciesCsv,
    /// What is worth knowing beside the discrepancies, as CSV.
    ObservationsCsv,
    /// Everything, as a workbook for a spreadsheet.
    Xlsx,
    /// Everything, as a printable page with charts.
    Html,
    /// Everything, as JSON. Needs the role FINANCE.
    Json,
}

impl From<ReportFormat> for ReportForm {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::LinesCsv => Self::LinesCsv,
            ReportFormat::DiscrepanciesCsv => Self::DiscrepanciesCsv,
            ReportFormat::ObservationsCsv => Self::ObservationsCsv,
            ReportFormat::Xlsx => Self::Xlsx,
            ReportFormat::Html => Self::Html,
            ReportFormat::Json => Self::Json,
        }
    }
}

/// A link to a report as a file. It works without a token for ten minutes, so hand it to nobody else.
#[derive(Debug, Clone, SimpleObject)]
pub struct ReportDownload {
    /// Path on this server, such as `/downloads/...`.
    path: String,
    /// Name of the file.
    file_name: String,
    /// Timestamp of the moment at which the link stops working.
    expires_at: DateTime<Utc>,
    /// Whether cost and margin are in the file: they are when the caller has the role FINANCE.
    has_cost: bool,
}

impl From<DownloadLink> for ReportDownload {
    fn from(link: DownloadLink) -> Self {
        Self {
            path: format!("/downloads/{}", link.ticket),
            file_name: link.file.to_owned(),
            expires_at: link.expires_at,
            has_cost: link.audience == Audience::WithCost,
        }
    }
}
