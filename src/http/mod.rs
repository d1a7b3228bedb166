//! The transport: one router for GraphQL, the page for a browser, health, and whatever other parts bring along
//! (webhooks, the OAuth callback, downloads). It knows no business; it knows who calls, how much they may ask for,
//! and how to answer.

pub mod authorization;
pub mod download;
pub mod graphiql;
pub mod graphql;
mod health;
mod identity;
mod limits;
mod origin;
mod request_id;
mod serve;
pub mod webhook;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::secret::redact;

pub use self::graphiql::{GraphiqlAssets, GraphiqlAssetsError, GraphiqlPage, ReadyOperation};
pub use self::graphql::{Endpoint, EndpointSettings};
pub use self::health::{NotReady, Readiness};
pub use self::identity::{AuthenticationFailure, Authenticator, Identity};
pub use self::limits::{DocumentLimits, Limits, SocketLimits};
pub use self::origin::{AllowedOrigins, NotAnOrigin, Origin};
pub use self::request_id::{HEADER as REQUEST_ID_HEADER, RequestId};
pub use self::serve::{Patience, serve, serve_with, shutdown_on_signal};

/// Everything the server answers to.
pub struct Site {
    /// GraphQL, and the page for a browser.
    pub endpoint: Endpoint,
    /// What `/readyz` asks.
    pub readiness: Arc<dyn Readiness>,
    /// Routes with rules of their own: webhooks, the OAuth callback, downloads.
    pub others: Router,
}

/// The router with everything that surrounds a request: its id, its span, headers, compression, and an answer even
/// when the handler panics.
pub fn router(site: Site) -> Router {
    let Site { endpoint, readiness, others } = site;
    let mut router = endpoint.routes().merge(health::routes(readiness)).merge(others);
    if let Some(page) = endpoint.page() {
        router = router.merge(page.routes());
    }
    router
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(CompressionLayer::new().gzip(true))
        .layer(default_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(default_header(header::REFERRER_POLICY, "no-referrer"))
        .layer(default_header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(default_header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(TraceLayer::new_for_http().make_span_with(span_of).on_request(()).on_response(log_response))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(endpoint.ids()), request_id::assign))
}

/// A header for responses that have not set it themselves.
fn default_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// The span of a request. The query string is left out, because variables may be in it; headers and bodies too, and the
/// secret part of a webhook's address.
fn span_of(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>().map(RequestId::as_str).unwrap_or_default();
    tracing::info_span!("request", request.id = id, method = %request.method(), path = webhook::shown(request.uri().path()))
}

fn log_response(response: &Response, latency: Duration, span: &Span) {
    let status = response.status().as_u16();
    tracing::info!(parent: span, status, latency_ms = latency.as_millis() as u64, "answered {status}");
}

/// The last resort; GraphQL operations have a net of their own, which keeps the shape of the answer.
fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!("a handler panicked: {}", redact(text.unwrap_or("no message")));
    let body = r#"{"errors":[{"message":"Something went wrong on our side. When you report it, give the id in the header `x-request-id`.","extensions":{"code":"INTERNAL"}}]}"#;
    (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body)
        .into_response()
}
