//! The page for a person in a browser: GraphiQL with tabs of ready operations.
//!
//! The page is ours; its editor is two well-known npm packages and React, in pinned versions. By default the browser
//! gets them from a public CDN and checks their hashes; without internet the operator points at a directory. The
//! token never reaches the server by way of the page's address: it stands behind the `#`, which browsers keep.

mod assets;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use self::assets::{FILES, Loaded};
pub use self::assets::{GraphiqlAssets, GraphiqlAssetsError};
use super::graphql::PATH;

const TEMPLATE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// An operation that stands ready in a tab of the page.
#[derive(Debug, Clone, Serialize)]
pub struct ReadyOperation {
    /// What the tab is called: the name of the operation in the document is shown when it has one.
    pub title: String,
    /// The GraphQL document.
    pub document: String,
    /// Its variables, as JSON text.
    pub variables: String,
}

/// The page, ready to be served.
#[derive(Clone)]
pub struct GraphiqlPage(Arc<Inner>);

struct Inner {
    assets: Loaded,
    operations: Vec<ReadyOperation>,
    random: SystemRandom,
}

impl GraphiqlPage {
    /// Prepares the page; fails when the assets are a directory that lacks a file.
    pub fn new(assets: &GraphiqlAssets, operations: Vec<ReadyOperation>) -> Result<Self, GraphiqlAssetsError> {
        let assets = assets.load()?;
        Ok(Self(Arc::new(Inner { assets, operations, random: SystemRandom::new() })))
    }

    /// The routes besides the endpoint's own: the root, and the assets when they come from a directory.
    pub(super) fn routes(&self) -> Router {
        Router::new()
            .route("/", get(|State(page): State<Self>| async move { page.response() }))
            .route(&format!("{}{{name}}", assets::LOCAL_BASE), get(asset))
            .with_state(self.clone())
    }

    /// The page, with a nonce of its own.
    pub(super) fn response(&self) -> Response {
        let mut bytes = [0_u8; 18];
        if self.0.random.fill(&mut bytes).is_err() {
            // Without randomness the policy would be worth nothing.
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let nonce = STANDARD.encode(bytes);
        let source = self.0.assets.source();
        // The editor sets style attributes and adds style elements at run time, which cannot carry the nonce.
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline' {source}; font-src data: {source}; \
             img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let Ok(policy) = HeaderValue::from_str(&policy) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::VARY, HeaderValue::from_static("Accept")),
        ];
        (headers, self.html(&nonce)).into_response()
    }

    fn html(&self, nonce: &str) -> String {
        #[derive(Serialize)]
        struct Settings<'a> {
            endpoint: &'a str,
            source: String,
            operations: &'a [ReadyOperation],
        }
        let source = self.0.assets.description();
        let settings = Settings { endpoint: PATH, source: source.clone(), operations: &self.0.operations };
        // `<` would end the element that holds the settings.
        let settings = serde_json::to_string(&settings).expect("strings are always JSON").replace('<', "\\u003c");
        let tags: Vec<String> = FILES.iter().map(|file| self.0.assets.tag(file, nonce)).collect();
        TEMPLATE
            .replace("{{assets}}", &tags.join("\n  "))
            .replace("{{nonce}}", nonce)
            .replace("{{style}}", STYLE)
            .replace("{{source}}", &escaped(&source))
            .replace("{{packages}}", &assets::packages())
            .replace("{{script}}", SCRIPT)
            .replace("{{settings}}", &settings)
    }
}

/// Text for an HTML element or a quoted attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One of the editor's files, when they come from a directory.
async fn asset(State(page): State<GraphiqlPage>, Path(name): Path<String>) -> Response {
    match page.0.assets.file(&name) {
        Some((content_type, content)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
                (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
            ];
            (headers, content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
