//! How the endpoints for programs refuse: the errors of RFC 6749 as JSON. It knows nothing about pages.

use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::sandbox::http::reply::{self, Refusal};
use crate::sandbox::json::Object;

/// A refusal with the code of the standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Code of the standard.
    pub error: &'static str,
    /// What is wrong, for whoever writes the client.
    pub description: String,
}

impl Failure {
    /// A refusal.
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }

    /// A parameter is missing, twice there or not usable.
    pub fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    /// The code or refresh token does not hold.
    pub fn grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }

    /// As an answer.
    pub fn response(&self) -> Response {
        let is_stranger = self.error == "invalid_client";
        let status = if is_stranger { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let mut response = document(status, self.body());
        if is_stranger {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"sandbox\""));
        }
        response
    }

    fn body(&self) -> String {
        Object::new().text("error", self.error).text("error_description", &self.description).finish()
    }
}

/// A JSON answer that nobody may keep.
pub fn document(status: StatusCode, body: String) -> Response {
    let mut response = reply::json(status, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A refusal that has nothing to do with OAuth, such as a fault that was ordered, in the words of these endpoints.
pub fn outage(refusal: &Refusal) -> Response {
    let error = match refusal.status {
        StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
        StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        status if status.is_server_error() => "server_error",
        StatusCode::UNAUTHORIZED => "invalid_client",
        StatusCode::FORBIDDEN => "access_denied",
        _ => "invalid_request",
    };
    let mut response = document(refusal.status, Failure::new(error, refusal.message.clone()).body());
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
