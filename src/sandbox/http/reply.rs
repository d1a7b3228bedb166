//! Answers: JSON as text, and the shapes in which each of the three surfaces refuses.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::sandbox::json::{Object, quoted};

/// Why a request is refused; each surface puts it into its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// What is wrong.
    pub message: String,
    /// After how many seconds another attempt makes sense.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with a status.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// There is no such record or path.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    /// A parameter is missing or cannot be used.
    pub fn parameter(name: &str, reason: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("{name}: {reason}"))
    }

    /// Who is asking is not known.
    pub fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// In the envelope of Pax8.
    pub fn as_pax8(&self, path: &str) -> Response {
        let kind = match self.status {
            StatusCode::BAD_REQUEST => "BAD_REQUEST",
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::FORBIDDEN => "FORBIDDEN",
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
            StatusCode::NOT_IMPLEMENTED => "NOT_IMPLEMENTED",
            StatusCode::TOO_MANY_REQUESTS => "TOO_MANY_REQUESTS",
            _ => "INTERNAL_SERVER_ERROR",
        };
        let body = Object::new()
            .text("type", kind)
            .text("message", &self.message)
            // The vendor shows the path behind its gateway.
            .text("instance", &format!("/public{path}"))
            .value("status", self.status.as_u16())
            .raw("details", "[]")
            .finish();
        self.respond(body)
    }

    /// In the manner of the PSA.
    pub fn as_psa(&self) -> Response {
        self.respond(Object::new().text("message", &self.message).finish())
    }

    /// In the manner of Billing.
    pub fn as_billing(&self) -> Response {
        self.respond(format!(r#"{{"ok":false,"message":{}}}"#, quoted(&self.message)))
    }

    fn respond(&self, body: String) -> Response {
        let mut response = json(self.status, body);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }
}

/// A JSON answer.
pub fn json(status: StatusCode, body: String) -> Response {
    typed(status, "application/json", body)
}

/// An HTML page.
pub fn html(status: StatusCode, body: String) -> Response {
    typed(status, "text/html; charset=utf-8", body)
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
