//! GraphQL over HTTP: GET for queries, POST with a JSON body for everything, each answered in the media type that
//! the client asked for. The same route hands browsers the page, and upgrades to a socket.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::accept::{Accepted, Media};
use super::answer::{Code, Outcome, Refusal, body_of, body_of_refusal};
use super::parameters::{BadParameters, Parameters};
use super::{ALLOWED_METHODS, Call, Endpoint, OperationType, event_stream, socket};
use crate::http::identity::bearer_of;
use crate::http::request_id::RequestId;

/// How many times the limit a body may be to be read to its end nevertheless.
const THROWN_AWAY: usize = 16;

/// Answers every request to the endpoint.
pub(super) async fn handle(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = parts.extensions.get::<RequestId>().cloned().unwrap_or_else(|| RequestId::new(endpoint.ids().as_ref()));
    let accepted = Accepted::of(&parts.headers);
    if wants_socket(&parts.headers) {
        return match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => socket::accept(endpoint, upgrade, &parts.headers, id),
            Err(rejection) => {
                let refusal = Refusal::new(rejection.status(), Code::BadUserInput, rejection.body_text());
                refused(refusal, accepted.for_errors())
            }
        };
    }
    if parts.method == Method::OPTIONS {
        return (StatusCode::NO_CONTENT, [(header::ALLOW, ALLOWED_METHODS)]).into_response();
    }
    if !endpoint.0.settings.origins.admits(&parts.headers) {
        return refused(Refusal::origin(), accepted.for_errors());
    }
    let is_read = parts.method == Method::GET || parts.method == Method::HEAD;
    if is_read
        && accepted.prefers_html()
        && !has_query(&parts)
        && let Some(page) = endpoint.page()
    {
        return page.response();
    }
    match answer(&endpoint, &parts, body, &accepted, id).await {
        Ok(response) => response,
        Err(refusal) => refused(refusal, accepted.for_errors()),
    }
}

fn wants_socket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn has_query(parts: &Parts) -> bool {
    let query_string = parts.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query_string.as_bytes()).any(|(name, _)| name == "query")
}

async fn answer(
    endpoint: &Endpoint,
    parts: &Parts,
    body: Body,
    accepted: &Accepted,
    id: RequestId,
) -> Result<Response, Refusal> {
    let is_read = match parts.method {
        Method::GET | Method::HEAD => true,
        Method::POST => false,
        _ => {
            let sentence = "The method is not allowed: send queries with GET or POST, everything else with POST.";
            let allowed = ALLOWED_METHODS.to_str().unwrap_or_default().to_owned();
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, sentence)
                .with_header(header::ALLOW, &allowed));
        }
    };
    let media = accepted.single().ok_or_else(|| {
        let sentence = "Nothing in the `Accept` header can be answered: accept `application/graphql-response+json`, \
                        `application/json` or `text/event-stream`.";
        Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, sentence)
    })?;
    // Strangers are turned away before anything of theirs is read.
    let identity = endpoint.0.authenticator.authenticate(bearer_of(&parts.headers)?).await?;
    endpoint.pace(&identity)?;
    let call = Call { identity, id };
    let parameters = if is_read {
        Parameters::from_query_string(parts.uri.query().unwrap_or_default())?
    } else {
        require_json(&parts.headers)?;
        Parameters::from_json(&read(endpoint, &parts.headers, body).await?)?
    };
    let operation = match endpoint.prepare(parameters) {
        Ok(operation) => operation,
        // An `EventSource` cannot read the body of a failed request, so its stream tells.
        Err(refusal) if media == Media::EventStream => return Ok(event_stream::of_refusal(refusal)),
        Err(refusal) => return Err(refusal),
    };
    if is_read && operation.kind == OperationType::Mutation {
        let sentence = "A mutation cannot be sent with GET: send it with POST.";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, sentence)
            .with_header(header::ALLOW, "POST"));
    }
    if operation.kind == OperationType::Subscription {
        if accepted.allows_event_stream() {
            return event_stream::of_subscription(endpoint, operation, call);
        }
        let sentence = "A subscription needs a stream: accept `text/event-stream`, or connect a WebSocket with the \
                        subprotocol `graphql-transport-ws`.";
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, sentence));
    }
    let outcome = endpoint.execute(operation, &call).await;
    if media == Media::EventStream {
        return Ok(event_stream::of_outcome(outcome));
    }
    match outcome {
        Outcome::Executed(response) => Ok(written(StatusCode::OK, media, body_of(&response))),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

/// Anything but JSON is refused, because browsers send the other types across origins without asking first.
fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if is_json && is_utf8 {
        return Ok(());
    }
    let sentence = "The body must be JSON in UTF-8: send it with `Content-Type: application/json`.";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, sentence))
}

async fn read(endpoint: &Endpoint, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refusal> {
    let limits = endpoint.limits();
    let too_large = || {
        let sentence = format!("The body is larger than {} bytes: split the request.", limits.body_bytes);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::LimitExceeded, sentence)
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        let sentence = "A compressed body is not supported: send it as it is.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, sentence));
    }
    match tokio::time::timeout(limits.body_timeout, collect(body, limits.body_bytes)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_large()),
        Ok(Err(_)) => {
            let sentence = "The body ended early: send the request again.";
            Err(Refusal::new(StatusCode::BAD_REQUEST, Code::BadUserInput, sentence))
        }
        Err(_) => {
            let sentence = "The body did not arrive in time: send the request again.";
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::Timeout, sentence))
        }
    }
}

/// The whole body; none when it is larger than `limit`. Somewhat larger bodies are read to their end and thrown
/// away, because many clients read no answer before they have sent everything.
async fn collect(body: Body, limit: usize) -> Result<Option<Vec<u8>>, axum::Error> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        length = length.saturating_add(chunk.len());
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length > limit.saturating_mul(THROWN_AWAY) {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    Ok((length <= limit).then_some(bytes))
}

impl From<BadParameters> for Refusal {
    fn from(bad: BadParameters) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadUserInput, bad.to_string())
    }
}

/// The response to a request that was not executed.
pub(super) fn refused(refusal: Refusal, media: Media) -> Response {
    // Clients that ask for plain JSON take any other status for a broken transport.
    let status = if refusal.is_document_fault && media == Media::Json { StatusCode::OK } else { refusal.status };
    let mut response = written(status, media, body_of_refusal(&refusal.errors));
    if let Some((name, value)) = refusal.header {
        response.headers_mut().insert(name, value);
    }
    response
}

fn written(status: StatusCode, media: Media, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media.content_type()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("Accept, Authorization")),
    ];
    (status, headers, body).into_response()
}
