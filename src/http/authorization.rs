//! `/oauth/callback/SIDE`: where a provider sends a person back to. The page says in plain words how it went, and that
//! the tab can be closed. It sends nobody anywhere: there is no address in it that a stranger could choose.

use std::sync::Arc;

use askama::Template;
use async_trait::async_trait;
use axum::extract::{Path, RawQuery, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderValue, StatusCode, header};
use secrecy::SecretString;

use super::request_id::RequestId;

/// Longest query that is looked at, in bytes.
const LONGEST_QUERY: usize = 16 * 1024;

/// The page has its style in it, and nothing else.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Which provider a person comes back from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackSide {
    /// Pax8.
    Pax8,
    /// The PSA.
    Psa,
}

/// What a person came back with.
#[derive(Default)]
pub struct Parameters {
    /// Brings back which sign-in this is.
    pub state: Option<String>,
    /// To be exchanged for tokens.
    pub code: Option<SecretString>,
    /// Who the provider says it is.
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub description: Option<String>,
}

/// How it went, in words for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackPage {
    /// Whether the account is connected.
    pub is_connected: bool,
    /// What happened, in a few words.
    pub title: String,
    /// The rest, each a full sentence.
    pub sentences: Vec<String>,
    /// Status of the answer.
    pub status: StatusCode,
}

/// Finishes what was begun when a person was sent away.
#[async_trait]
pub trait Callback: Send + Sync + 'static {
    /// Takes what the person came back with.
    async fn complete(&self, side: CallbackSide, parameters: Parameters, id: &RequestId) -> CallbackPage;
}

/// The route.
pub fn routes(callback: Arc<dyn Callback>) -> Router {
    Router::new().route("/oauth/callback/{side}", get(receive)).with_state(callback)
}

async fn receive(
    State(callback): State<Arc<dyn Callback>>,
    Path(side): Path<String>,
    RawQuery(query): RawQuery,
    Extension(id): Extension<RequestId>,
) -> Response {
    let side = match side.as_str() {
        "pax8" => CallbackSide::Pax8,
        "psa" => CallbackSide::Psa,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let page = match parameters(query.as_deref().unwrap_or_default()) {
        // A person who comes back is not made to wait until the work is done twice: it goes on when they close the tab.
        Some(parameters) => {
            let (callback, id) = (Arc::clone(&callback), id.clone());
            let working = tokio::spawn(async move { callback.complete(side, parameters, &id).await });
            working.await.unwrap_or_else(|_| failed())
        }
        None => unreadable(),
    };
    show(&page)
}

fn failed() -> CallbackPage {
    CallbackPage {
        is_connected: false,
        title: "Something went wrong".to_owned(),
        sentences: vec!["It is on our side. Go back to Concord and begin anew.".to_owned()],
        status: StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn unreadable() -> CallbackPage {
    CallbackPage {
        is_connected: false,
        title: "Not connected".to_owned(),
        sentences: vec!["The answer of the provider cannot be read. Go back to Concord and begin anew.".to_owned()],
        status: StatusCode::BAD_REQUEST,
    }
}

/// The parameters of a query. One that comes twice makes all of them doubtful (RFC 6749, section 3.1).
fn parameters(query: &str) -> Option<Parameters> {
    if query.len() > LONGEST_QUERY {
        return None;
    }
    let mut found = Parameters::default();
    let once = |place: &mut Option<String>, value: String| place.replace(value).is_none();
    let mut code = None;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = value.into_owned();
        let is_first = match &*name {
            "state" => once(&mut found.state, value),
            "code" => once(&mut code, value),
            "iss" => once(&mut found.issuer, value),
            "error" => once(&mut found.error, value),
            "error_description" => once(&mut found.description, value),
            _ => true,
        };
        if !is_first {
            return None;
        }
    }
    found.code = code.map(SecretString::from);
    Some(found)
}

#[derive(Template)]
#[template(path = "callback.html", config = "src/http/askama.toml")]
struct Page<'a> {
    title: &'a str,
    sentences: &'a [String],
    is_connected: bool,
}

fn show(page: &CallbackPage) -> Response {
    let CallbackPage { is_connected, title, sentences, status } = page;
    let text = Page { title, sentences, is_connected: *is_connected }.render();
    let text = text.expect("a page of texts can always be written");
    let mut response = (*status, Html(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    // The address has a code in it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn what_a_person_came_back_with_is_read_once() {
        let found = parameters("state=a%20b&code=c%2Bd&iss=https%3A%2F%2Fx&other=1").expect("it can be read");
        assert_eq!(found.state.as_deref(), Some("a b"));
        assert_eq!(found.code.expect("a code").expose_secret(), "c+d");
        assert_eq!(found.issuer.as_deref(), Some("https://x"));
        for twice in ["state=a&state=b", "code=a&state=s&code=b", "iss=a&iss=a", "error=a&error=b"] {
            assert!(parameters(twice).is_none(), "{twice}");
        }
        assert!(parameters(&"x".repeat(LONGEST_QUERY + 1)).is_none());
    }

    #[test]
    fn what_a_provider_says_is_text_and_no_page() {
        let page = CallbackPage {
            is_connected: false,
            title: "Not connected".to_owned(),
            sentences: vec!["<script>alert(1)</script> said & done".to_owned()],
            status: StatusCode::BAD_REQUEST,
        };
        let text = Page { title: &page.title, sentences: &page.sentences, is_connected: false }.render();
        let text = text.expect("it can be written");
        assert!(!text.contains("<script>"), "{text}");
        assert!(text.contains("You can close this tab."), "{text}");
    }
}
