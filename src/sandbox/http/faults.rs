//! Faults on order, so that a person or a test sees what a client makes of a bad day of the provider.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;

use super::reply::Refusal;
use crate::sandbox::json::{Object, array};

/// A fault as it is ordered: exactly one of `status`, `delay_milliseconds`, `html` and `drop`, with `delay_milliseconds`
/// allowed beside the others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Beginning of the paths that it concerns, such as `/v1/companies`.
    pub path: String,
    /// Answers with this status and the surface's own envelope.
    pub status: Option<u16>,
    /// Seconds of the header `Retry-After` beside a status.
    pub retry_after: Option<u64>,
    /// Waits so long before answering.
    pub delay_milliseconds: Option<u64>,
    /// Answers with this page instead of JSON, with `status` or 200.
    pub html: Option<String>,
    /// Breaks the connection off inside the answer.
    #[serde(default)]
    pub drop: bool,
    /// For how many requests.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Refused in the words of its surface.
    Refuse(Refusal),
    /// Another answer.
    Page(StatusCode, String),
    /// No whole answer.
    Drop,
}

/// Faults that wait for their requests.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Orders a fault.
    pub fn order(&self, fault: Fault) -> Result<(), Refusal> {
        let refuse = |reason: &str| Err(Refusal::new(StatusCode::BAD_REQUEST, reason));
        if !fault.path.starts_with('/') {
            return refuse("path: must begin with a slash");
        }
        if fault.status.is_some_and(|status| StatusCode::from_u16(status).is_err()) {
            return refuse("status: is not a status of HTTP");
        }
        if fault.status.is_none() && fault.html.is_none() && fault.delay_milliseconds.is_none() && !fault.drop {
            return refuse("one of status, html, drop and delay_milliseconds is needed");
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
        Ok(())
    }

    /// Calls all faults off.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The first fault that concerns a path, counted down.
    pub fn take(&self, path: &str) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.retain(|fault| fault.times > 0);
        let fault = faults.iter_mut().find(|fault| path.starts_with(&fault.path))?;
        fault.times -= 1;
        Some(fault.clone())
    }

    /// The waiting faults as JSON.
    pub fn list(&self) -> String {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let faults: Vec<String> = faults
            .iter()
            .filter(|fault| fault.times > 0)
            .map(|fault| Object::new().text("path", &fault.path).value("times", fault.times).finish())
            .collect();
        Object::new().raw("faults", &array(faults.iter().map(String::as_str))).finish()
    }
}

impl Fault {
    /// How long to wait first.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_milliseconds.unwrap_or(0))
    }

    /// What happens then; `None` when the delay was all.
    pub fn effect(&self) -> Option<Effect> {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        if self.drop {
            return Some(Effect::Drop);
        }
        if let Some(page) = &self.html {
            return Some(Effect::Page(status.unwrap_or(StatusCode::OK), page.clone()));
        }
        let refusal = Refusal::new(status?, "a fault that was ordered");
        Some(Effect::Refuse(Refusal { retry_after: self.retry_after, ..refusal }))
    }
}

/// An answer that ends in the middle.
pub fn broken_off() -> Response {
    let parts = [Ok(Bytes::from_static(b"{\"content\":[")), Err(io::Error::other("a fault that was ordered"))];
    Response::new(Body::from_stream(futures_util::stream::iter(parts)))
}
