//! `/webhooks/pax8/SECRET`: where Pax8 tells of changes. It proves who it is by the address and by a header that was
//! agreed on; until both are right, every answer is the same, and nothing of the message is read.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::graphql::pace::Pace;

/// Begins every address of a webhook; what follows is a secret and stands in no log.
pub const PATH: &str = "/webhooks/pax8/";

/// Largest message that is read.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Messages that one sender may send in a minute.
pub const PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("600 is not zero");

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// The address or the header is not one that was agreed on.
    Unknown,
    /// It is not a JSON object.
    NotAnObject,
    /// Our fault, with the reason for the log.
    Failed(String),
}

/// Takes what providers tell.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Who sends, once that is known.
    type Sender: Send;
    /// Finds out who sends, by the secret part of the address and the header, and gives a name that differs from those
    /// of other senders.
    async fn admit(&self, path: &str, authorization: &[u8]) -> Result<(Arc<str>, Self::Sender), NotTaken>;
    /// Stores a message.
    async fn keep(&self, sender: Self::Sender, body: &[u8]) -> Result<(), NotTaken>;
}

struct Desk<W> {
    webhooks: W,
    pace: Pace,
}

/// The route.
pub fn routes<W: Webhooks>(webhooks: W, per_minute: NonZeroU32) -> Router {
    let desk = Desk { webhooks, pace: Pace::new(per_minute) };
    Router::new().route(&format!("{PATH}{{secret}}"), post(receive::<W>)).with_state(Arc::new(desk))
}

/// A path for a log: without the secret of a webhook.
pub(super) fn shown(path: &str) -> &str {
    if path.starts_with(PATH) { PATH } else { path }
}

async fn receive<W: Webhooks>(
    State(desk): State<Arc<Desk<W>>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    // What is no text is not an address of ours either.
    let secret = path.map(|Path(secret)| secret).unwrap_or_default();
    let (name, sender) = match desk.webhooks.admit(&secret, authorization).await {
        Ok(admitted) => admitted,
        Err(reason) => return refusal(&reason),
    };
    if let Err(wait) = desk.pace.step(&name) {
        let seconds = HeaderValue::from(wait.as_secs() + 1);
        let sentence = "Too many messages in this minute.\n";
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)], sentence).into_response();
    }
    if !is_json(&headers) {
        let sentence = "A message has the content type application/json.\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence).into_response();
    }
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        // Too large, or broken off, in which case nobody reads this.
        return (StatusCode::PAYLOAD_TOO_LARGE, "A message has at most 256 KiB.\n").into_response();
    };
    match desk.webhooks.keep(sender, &body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(reason) => refusal(&reason),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn refusal(reason: &NotTaken) -> Response {
    let (status, sentence) = match reason {
        NotTaken::Unknown => (StatusCode::NOT_FOUND, "There is nothing here.\n"),
        NotTaken::NotAnObject => (StatusCode::BAD_REQUEST, "A message is a JSON object.\n"),
        NotTaken::Failed(reason) => {
            tracing::error!("a message of a webhook could not be taken: {reason}");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side. Send it again.\n")
        }
    };
    (status, sentence).into_response()
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use tower::ServiceExt as _;

    use super::*;

    /// Knows one sender, and keeps nothing.
    struct One;

    #[async_trait]
    impl Webhooks for One {
        type Sender = ();

        async fn admit(&self, path: &str, authorization: &[u8]) -> Result<(Arc<str>, ()), NotTaken> {
            let is_known = (path, authorization) == ("path", b"header".as_slice());
            if is_known { Ok(("one".into(), ())) } else { Err(NotTaken::Unknown) }
        }

        async fn keep(&self, (): (), body: &[u8]) -> Result<(), NotTaken> {
            if body.starts_with(b"{") { Ok(()) } else { Err(NotTaken::NotAnObject) }
        }
    }

    async fn answer(router: &Router, request: Request) -> (u16, String) {
        let answer = router.clone().oneshot(request).await.expect("a router always answers");
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1000).await.expect("a short answer");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    fn message(path: &str, authorization: &str, kind: &str, body: impl Into<Body>) -> Request {
        let request = Request::post(format!("{PATH}{path}"));
        let request = request.header("authorization", authorization).header("content-type", kind);
        request.body(body.into()).expect("a request")
    }

    #[tokio::test]
    async fn a_stranger_learns_nothing_and_a_sender_learns_what_is_wrong() {
        let router = routes(One, PER_MINUTE);
        let json = "application/json; charset=utf-8";
        let large = || format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES));
        let nothing = (404, "There is nothing here.\n".to_owned());
        let strangers = [("path", "wrong"), ("wrong", "header"), ("path", ""), ("wrong", "wrong"), ("%FF", "header")];
        for (path, header) in strangers {
            for (kind, body) in [(json, "{}".to_owned()), (json, large()), ("text/plain", "no".to_owned())] {
                assert_eq!(answer(&router, message(path, header, kind, body)).await, nothing, "{path} {header}");
            }
        }
        for (kind, body, status) in [
            (json, "{}".to_owned(), 204),
            ("APPLICATION/JSON", "{}".to_owned(), 204),
            (json, "[]".to_owned(), 400),
            (json, large(), 413),
            ("text/plain", "{}".to_owned(), 415),
            ("", "{}".to_owned(), 415),
        ] {
            assert_eq!(answer(&router, message("path", "header", kind, body)).await.0, status, "{kind}");
        }
        let other = Request::get(format!("{PATH}path")).header("authorization", "header").body(Body::empty());
        assert_eq!(answer(&router, other.expect("a request")).await.0, 405);
    }

    #[tokio::test]
    async fn a_sender_in_a_hurry_is_told_to_wait_and_strangers_do_not_count() {
        let router = routes(One, NonZeroU32::new(3).expect("three is not zero"));
        for _ in 0..10 {
            assert_eq!(answer(&router, message("path", "wrong", "application/json", "{}")).await.0, 404);
        }
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(answer(&router, message("path", "header", "application/json", "{}")).await.0);
        }
        assert_eq!(statuses, [204, 204, 204, 429]);
        assert_eq!(answer(&router, message("path", "wrong", "application/json", "{}")).await.0, 404);
    }

    #[test]
    fn the_secret_of_an_address_is_not_logged() {
        assert_eq!(shown("/webhooks/pax8/abc"), "/webhooks/pax8/");
        assert_eq!(shown("/graphql"), "/graphql");
    }
}
