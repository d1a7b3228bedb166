//! `/downloads/TICKET`: files behind links that carry their own permission. A browser follows them without a token.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};

/// A page of a report has its style in it, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// A file to hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Name that it is kept under.
    pub file: &'static str,
    /// What it is.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDownload {
    /// The link is none of ours.
    Unknown,
    /// The link's time is over.
    Expired,
    /// Our fault, with the reason for the log.
    Failed(String),
}

/// Knows what is behind a ticket.
#[async_trait]
pub trait Downloads: Send + Sync + 'static {
    /// The file.
    async fn open(&self, ticket: &str) -> Result<Download, NoDownload>;
}

/// The route.
pub fn routes(downloads: Arc<dyn Downloads>) -> Router {
    Router::new().route("/downloads/{ticket}", get(download)).with_state(downloads)
}

async fn download(State(downloads): State<Arc<dyn Downloads>>, Path(ticket): Path<String>) -> Response {
    let Download { file, media_type, bytes } = match downloads.open(&ticket).await {
        Ok(download) => download,
        Err(reason) => return refusal(&reason),
    };
    let is_page = media_type.starts_with("text/html");
    let disposition = if is_page { "inline" } else { "attachment" };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(value) = HeaderValue::try_from(format!("{disposition}; filename=\"{file}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    // Amounts are nobody's business but the reader's.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if is_page {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    }
    response
}

fn refusal(reason: &NoDownload) -> Response {
    let (status, sentence) = match reason {
        NoDownload::Unknown => (StatusCode::NOT_FOUND, "There is no such file. Ask for a new link.\n"),
        NoDownload::Expired => (StatusCode::GONE, "This link has expired. Ask for a new one.\n"),
        NoDownload::Failed(reason) => {
            tracing::error!("a download failed: {reason}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong on our side. When you report it, give the id in the header `x-request-id`.\n",
            )
        }
    };
    (status, sentence).into_response()
}
