//! The correlation id of a request: taken from `x-request-id` when it looks like one, made otherwise, sent back in
//! the same header, and the same id that a person sees in an internal error.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};

use crate::environment::Ids;

/// The header that carries the id in both directions.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 128;

/// The correlation id of a request; resolvers find it in the data of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new id.
    pub fn new(ids: &dyn Ids) -> Self {
        Self(ids.next().to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that a caller sent, unless it could upset a log line or a header.
    fn from_caller(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        (!text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_plain)).then(|| Self(text.into()))
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Gives every request an id, and every response the id of its request.
pub(super) async fn assign(State(ids): State<Arc<dyn Ids>>, mut request: Request, next: Next) -> Response {
    let id =
        request.headers().get(HEADER).and_then(RequestId::from_caller).unwrap_or_else(|| RequestId::new(ids.as_ref()));
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_upset_a_log_is_not_taken() {
        let taken = |text: &str| RequestId::from_caller(&HeaderValue::from_str(text).unwrap()).is_some();
        assert!(taken("0190-ab_c.d:1"));
        assert!(!taken(""));
        assert!(!taken("a b"));
        assert!(!taken("<script>"));
        assert!(!taken(&"x".repeat(129)));
    }
}
