//! Reports as files, behind links that work without a token for a short time: a browser cannot send one with a download.
//!
//! A link says which report in which form for which reader until when, under a keyed hash, so that nothing about it can be
//! changed and nothing has to be remembered. What the caller may not see is not in the file either.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::{ReadError, ReconciliationService};
use crate::domain::access::{Caller, Role};
use crate::domain::id::{OrganizationId, ReportId};
use crate::report::document::Document;
use crate::report::{Audience, csv, html, json, xlsx};
use crate::service::OrInternal as _;
use crate::storage::{StorageError, report};

/// How long a link works.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// What the hashes of links are made for.
const PURPOSE: &str = "download";

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// Lines, as CSV.
    LinesCsv,
    /// What somebody has to settle, as CSV.
    DiscrepanciesCsv,
    /// What is worth knowing beside it, as CSV.
    ObservationsCsv,
    /// Everything, as a workbook.
    Xlsx,
    /// Everything, as a printable page.
    Html,
    /// Everything, as JSON; for readers who may see cost.
    Json,
}

impl ReportForm {
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::LinesCsv, "reconciliation.csv", "text/csv; charset=utf-8"),
        (Self::DiscrepanciesCsv, "discrepancies.csv", "text/csv; charset=utf-8"),
        (Self::ObservationsCsv, "observations.csv", "text/csv; charset=utf-8"),
        (Self::Xlsx, "report.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (Self::Html, "report.html", "text/html; charset=utf-8"),
        (Self::Json, "report.json", "application/json"),
    ];

    fn words(self) -> (&'static str, &'static str) {
        let found = Self::ALL.into_iter().find(|(form, ..)| *form == self);
        found.map(|(_, file, media_type)| (file, media_type)).expect("every form is listed")
    }

    fn parse(file: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == file).map(|(form, ..)| form)
    }
}

/// A link to a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadLink {
    /// What stands for it in an address; of letters that need no encoding.
    pub ticket: String,
    /// Name of the file.
    pub file: &'static str,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
    /// Whether cost is in it.
    pub audience: Audience,
}

/// A report as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadedReport {
    /// Name of the file.
    pub file: &'static str,
    /// What it is.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why a link gives nothing.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// It is none of ours, or was changed.
    #[error("the link is not one of this server's")]
    Unknown,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The report could not be written.
    #[error("the report cannot be written: {0}")]
    Broken(String),
}

/// What a link says.
struct Ticket {
    organization_id: OrganizationId,
    report_id: ReportId,
    form: ReportForm,
    audience: Audience,
    expires_at: DateTime<Utc>,
}

impl Ticket {
    fn text(&self) -> String {
        let audience = match self.audience {
            Audience::WithCost => "cost",
            Audience::WithoutCost => "nocost",
        };
        let (file, _) = self.form.words();
        format!("1|{}|{}|{file}|{audience}|{}", self.organization_id, self.report_id, self.expires_at.timestamp())
    }

    fn parse(text: &str) -> Option<Self> {
        let ["1", organization, report, file, audience, expires_at] = text.split('|').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Self {
            organization_id: OrganizationId(Uuid::try_parse(organization).ok()?),
            report_id: ReportId(Uuid::try_parse(report).ok()?),
            form: ReportForm::parse(file)?,
            audience: match audience {
                "cost" => Audience::WithCost,
                "nocost" => Audience::WithoutCost,
                _ => return None,
            },
            expires_at: DateTime::from_timestamp(expires_at.parse().ok()?, 0)?,
        })
    }
}

impl ReconciliationService {
    /// A link to a report of the caller's tenant, with cost where the caller may see it; `None` when there is no such
    /// report. JSON, which is the report in full, needs FINANCE.
    pub async fn download_link(
        &self,
        caller: &Caller,
        report_id: ReportId,
        form: ReportForm,
    ) -> Result<Option<DownloadLink>, ReadError> {
        caller.require(Role::Viewer)?;
        let audience = if caller.roles.allow(Role::Finance) { Audience::WithCost } else { Audience::WithoutCost };
        if form == ReportForm::Json {
            caller.require(Role::Finance)?;
        }
        let core = &self.core;
        let found = report::find(core.store.read(), caller.organization_id, report_id).await.internal(caller)?;
        if found.is_none() {
            return Ok(None);
        }
        let expires_at = core.clock.now() + LIFETIME;
        let organization_id = caller.organization_id;
        let text = Ticket { organization_id, report_id, form, audience, expires_at }.text();
        let mac = core.seal.mac(PURPOSE, text.as_bytes());
        let ticket = URL_SAFE_NO_PAD.encode(format!("{text}|{mac}"));
        Ok(Some(DownloadLink { ticket, file: form.words().0, expires_at, audience }))
    }

    /// What is behind a link.
    pub async fn download(&self, ticket: &str) -> Result<DownloadedReport, DownloadError> {
        let bytes = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| DownloadError::Unknown)?;
        let signed = String::from_utf8(bytes).map_err(|_| DownloadError::Unknown)?;
        let ticket = self.proved(&signed).ok_or(DownloadError::Unknown)?;
        if ticket.expires_at <= self.core.clock.now() {
            return Err(DownloadError::Expired);
        }
        let found = report::document(self.core.store.read(), ticket.organization_id, ticket.report_id).await?;
        let packed = found.ok_or(DownloadError::Unknown)?;
        // A large report takes a while to write, and must not hold up other requests.
        let written = tokio::task::spawn_blocking(move || {
            let document = json::unpack(&packed).map_err(|error| error.to_string())?;
            write(&document, ticket.form, ticket.audience)
        });
        let bytes = written.await.map_err(|error| error.to_string()).flatten().map_err(DownloadError::Broken)?;
        let (file, media_type) = ticket.form.words();
        Ok(DownloadedReport { file, media_type, bytes })
    }

    fn proved(&self, signed: &str) -> Option<Ticket> {
        // The hash may have a separator of its own, so it is what follows the sixth.
        let (at, _) = signed.match_indices('|').nth(5)?;
        let (text, mac) = (&signed[..at], &signed[at + 1..]);
        let is_ours = self.core.seal.is_mac(PURPOSE, text.as_bytes(), mac).unwrap_or(false);
        is_ours.then(|| Ticket::parse(text)).flatten()
    }
}

fn write(document: &Document, form: ReportForm, audience: Audience) -> Result<Vec<u8>, String> {
    Ok(match form {
        ReportForm::LinesCsv => csv::keys(document, audience).into_bytes(),
        ReportForm::DiscrepanciesCsv => csv::discrepancies(document, audience).into_bytes(),
        ReportForm::ObservationsCsv => csv::observations(document, audience).into_bytes(),
        ReportForm::Xlsx => xlsx::render(document, audience).map_err(|error| error.to_string())?,
        ReportForm::Html => html::render(document, audience).into_bytes(),
        ReportForm::Json => json::render(document).into_bytes(),
    })
}
