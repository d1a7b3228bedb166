//! Event streams for `graphql-sse`, in its distinct connections mode: one request, one operation, one stream of
//! `next` events and a `complete` event at the end. The single connection mode is not offered; WebSocket is there
//! for clients that want one connection for many operations.

use std::convert::Infallible;
use std::time::Duration;

use async_graphql::ServerError;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use http::StatusCode;

use super::answer::{Code, Outcome, Refusal, body_of, body_of_refusal};
use super::gate::Pass;
use super::vigil::{self, Vigil};
use super::{Call, Endpoint, Operation};

/// The stream of a subscription.
pub(super) fn of_subscription(endpoint: &Endpoint, operation: Operation, call: Call) -> Result<Response, Refusal> {
    let Some(pass) = endpoint.open_stream(&call.identity) else {
        let sentence = format!(
            "More than {} streams of this token are open: close one, then try again.",
            endpoint.limits().open_streams
        );
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::LimitExceeded, sentence));
    };
    let responses = endpoint.subscribe(operation, &call)?;
    let limits = endpoint.limits();
    let following = Following {
        endpoint: endpoint.clone(),
        responses,
        vigil: Vigil::over(endpoint, &call.identity),
        is_over: false,
        call,
        _pass: pass,
    };
    Ok(written(following.into_events(), limits.ping_interval))
}

/// The stream of an operation with one outcome.
pub(super) fn of_outcome(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Executed(response) => at_once(next(body_of(&response))),
        Outcome::Refused(refusal) => of_refusal(refusal),
    }
}

/// The stream of an operation that was not executed.
pub(super) fn of_refusal(refusal: Refusal) -> Response {
    at_once(next(body_of_refusal(&refusal.errors)))
}

fn at_once(event: Event) -> Response {
    written(stream::iter([event, complete()]), Duration::from_secs(12))
}

fn written(events: impl Stream<Item = Event> + Send + 'static, ping_interval: Duration) -> Response {
    let mut response =
        Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(ping_interval)).into_response();
    // Some proxies hold back a stream until it ends unless they are told not to.
    response.headers_mut().insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    response
}

fn next(body: Vec<u8>) -> Event {
    Event::default().event("next").data(String::from_utf8(body).expect("JSON is UTF-8"))
}

/// The last event; browsers drop an event whose data is empty, so it has some.
fn complete() -> Event {
    Event::default().event("complete").data("{}")
}

/// How a stream goes on.
enum Step {
    Event(Event),
    /// The subscription has ended.
    Complete,
    /// The server stops. Without a `complete` event the client knows that there is more, and connects again.
    Cut,
}

struct Following {
    endpoint: Endpoint,
    responses: BoxStream<'static, async_graphql::Response>,
    vigil: Vigil,
    /// Whether the last thing to say was said.
    is_over: bool,
    call: Call,
    _pass: Pass,
}

impl Following {
    fn into_events(self) -> impl Stream<Item = Event> + Send {
        stream::unfold(Some(self), |following| async {
            let mut following = following?;
            match following.next().await {
                Step::Event(event) => Some((event, Some(following))),
                Step::Complete => Some((complete(), None)),
                Step::Cut => None,
            }
        })
    }

    async fn next(&mut self) -> Step {
        if self.is_over {
            return Step::Complete;
        }
        loop {
            tokio::select! {
                biased;
                () = self.endpoint.0.settings.shutdown.cancelled() => return Step::Cut,
                due = self.vigil.due() => {
                    if let Err(failure) = vigil::verdict(&self.endpoint, &self.call.identity, due).await {
                        let errors: Vec<ServerError> = Refusal::from(failure).errors;
                        self.is_over = true;
                        return Step::Event(next(body_of_refusal(&errors)));
                    }
                }
                response = self.responses.next() => {
                    return match response.map(Outcome::of) {
                        Some(Outcome::Executed(response)) => Step::Event(next(body_of(&response))),
                        Some(Outcome::Refused(refusal)) => Step::Event(next(body_of_refusal(&refusal.errors))),
                        None => Step::Complete,
                    };
                }
            }
        }
    }
}
