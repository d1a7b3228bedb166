//! `graphql-transport-ws`: many operations over one WebSocket. This file is the reading half and the operations; the
//! sending half is `socket_writer`.
//!
//! A token that stops being valid closes the socket, and so does a reader that is too slow: events are never dropped
//! in silence, and a subscription that numbers its events is resumed after the last one seen.
//!
//! | code | why the socket closes |
//! |------|-----------------------|
//! | 1000 | the client said goodbye |
//! | 1001 | the server stops, or pings stay unanswered: connect again |
//! | 1009 | a message is larger than the limit |
//! | 1013 | too many streams or requests of the token, or the token cannot be checked now: try again later |
//! | 4400 | a message is not understood |
//! | 4401 | an operation came before `connection_ack` |
//! | 4403 | the token is missing, wrong, expired or revoked, now or since the socket was opened |
//! | 4406 | the client does not speak `graphql-transport-ws` |
//! | 4408 | `connection_init` did not come in time |
//! | 4409 | an operation with the same id is open |
//! | 4413 | the client reads too slowly: connect again and resume (our own code) |
//! | 4429 | `connection_init` came twice |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Error;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::response::Response;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tracing::Instrument;

use super::accept::Media;
use super::answer::{Code, Outcome, Refusal, error as coded_error};
use super::gate::Pass;
use super::over_http::refused;
use super::parameters::Parameters;
use super::socket_message::{self as message, Close, Credential, Incoming, SUBPROTOCOL};
use super::socket_writer::{self, Gone, Outgoing};
use super::vigil::{self, Due, Vigil};
use super::{Call, Endpoint, Operation, OperationType};
use crate::http::identity::{AuthenticationFailure, Identity, bearer_in};
use crate::http::request_id::RequestId;

/// A silent socket is given up after this many pings.
const PINGS_UNANSWERED: u32 = 3;

/// Upgrades a request to a socket.
pub(super) fn accept(endpoint: Endpoint, upgrade: WebSocketUpgrade, headers: &HeaderMap, id: RequestId) -> Response {
    if !endpoint.0.settings.origins.admits(headers) {
        return refused(Refusal::origin(), Media::Json);
    }
    // A program may send its token with the upgrade; a browser cannot, and sends it in `connection_init`.
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let limits = &endpoint.limits().socket;
    let upgrade = upgrade.max_message_size(limits.message_bytes).max_frame_size(limits.message_bytes);
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    let span = tracing::Span::current();
    upgrade.on_upgrade(move |socket| serve(endpoint, socket, authorization, id).instrument(span))
}

async fn serve(endpoint: Endpoint, socket: WebSocket, authorization: Option<String>, id: RequestId) {
    let speaks = socket.protocol().is_some_and(|protocol| protocol == SUBPROTOCOL);
    let (sink, stream) = socket.split();
    let (close, closing) = watch::channel(None);
    let (outgoing, writer) = socket_writer::queue(&endpoint.limits().socket, closing);
    let mut writing = tokio::spawn(writer.run(sink).in_current_span());
    let mut session = Session {
        endpoint,
        id,
        authorization,
        outgoing,
        state: State::Waiting,
        operations: Operations::default(),
        _pass: None,
    };
    let reason = if speaks {
        tokio::select! {
            reason = session.read(stream) => reason,
            // The writer ends by itself when the line breaks or the reader is too slow.
            _ = &mut writing => Close::normal(),
        }
    } else {
        Close::subprotocol()
    };
    session.operations.stop_all();
    close.send_replace(Some(reason));
    drop(session);
    if !writing.is_finished() {
        // A writer that panicked has nothing left to write.
        let _ = writing.await;
    }
}

enum State {
    Waiting,
    Acknowledged(Identity, Vigil),
}

impl State {
    /// Waits until something is due about who was let in.
    async fn due(&mut self) -> Due {
        match self {
            Self::Waiting => std::future::pending().await,
            Self::Acknowledged(_, vigil) => vigil.due().await,
        }
    }
}

struct Session {
    endpoint: Endpoint,
    id: RequestId,
    authorization: Option<String>,
    outgoing: Outgoing,
    state: State,
    operations: Operations,
    _pass: Option<Pass>,
}

impl Session {
    /// Reads until the socket has to close, and says how.
    async fn read(&mut self, mut stream: impl Stream<Item = Result<Message, Error>> + Unpin) -> Close {
        let limits = self.endpoint.limits().clone();
        let shutdown = self.endpoint.0.settings.shutdown.clone();
        let init_deadline = Instant::now() + limits.socket.init_timeout;
        let mut ping = interval_at(Instant::now() + limits.ping_interval, limits.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        loop {
            let is_waiting = matches!(self.state, State::Waiting);
            let done = tokio::select! {
                biased;
                () = shutdown.cancelled() => Err(Close::going_away("The server stops: connect again in a moment")),
                () = sleep_until(init_deadline), if is_waiting => Err(Close::init_timeout()),
                due = self.state.due() => self.look(due).await,
                _ = ping.tick() => {
                    unanswered += 1;
                    if unanswered > PINGS_UNANSWERED {
                        Err(Close::going_away("No answer to pings"))
                    } else {
                        self.outgoing.ping().await.map_err(Close::from)
                    }
                }
                received = stream.next() => {
                    unanswered = 0;
                    self.receive(received).await
                }
            };
            if let Err(close) = done {
                return close;
            }
        }
    }

    async fn look(&mut self, due: Due) -> Result<(), Close> {
        match &self.state {
            State::Waiting => Ok(()),
            State::Acknowledged(identity, _) => {
                let verdict = vigil::verdict(&self.endpoint, identity, due).await;
                verdict.map_err(|failure| Close::forbidden(failure.to_string()))
            }
        }
    }

    async fn receive(&mut self, received: Option<Result<Message, Error>>) -> Result<(), Close> {
        match received {
            Some(Ok(Message::Text(text))) => self.handle(Incoming::parse(&text)?).await,
            Some(Ok(Message::Binary(_))) => Err(Close::bad_message("Send messages as text")),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Err(error)) if is_too_large(&error) => Err(Close::too_big()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Close::normal()),
        }
    }

    async fn handle(&mut self, incoming: Incoming) -> Result<(), Close> {
        match incoming {
            Incoming::Init(credential) => self.begin(credential).await,
            Incoming::Ping(payload) => Ok(self.outgoing.send(message::pong(payload)).await?),
            Incoming::Pong => Ok(()),
            Incoming::Subscribe { id, parameters } => self.start(id, parameters).await,
            Incoming::Complete { id } => {
                self.operations.stop(&id);
                Ok(())
            }
        }
    }

    async fn begin(&mut self, credential: Option<Credential>) -> Result<(), Close> {
        if let State::Acknowledged(..) = self.state {
            return Err(Close::too_many_inits());
        }
        let failed = |failure: AuthenticationFailure| match &failure {
            AuthenticationFailure::Unavailable(reason) => {
                tracing::error!(reason, "cannot check a token: {reason}");
                Close::try_again()
            }
            AuthenticationFailure::Undecided => Close::try_again(),
            _ => Close::forbidden(failure.to_string()),
        };
        let bearer = match &credential {
            Some(Credential::Token(token)) => Ok(token.as_str()),
            Some(Credential::Authorization(authorization)) => bearer_in(authorization),
            Some(Credential::Malformed) => Err(AuthenticationFailure::Malformed),
            None => self.authorization.as_deref().map_or(Err(AuthenticationFailure::Missing), bearer_in),
        };
        let identity = match bearer {
            Ok(bearer) => self.endpoint.0.authenticator.authenticate(bearer).await.map_err(failed)?,
            Err(failure) => return Err(failed(failure)),
        };
        self.endpoint.pace(&identity).map_err(|_| Close::too_many_requests())?;
        self._pass = Some(self.endpoint.open_stream(&identity).ok_or_else(Close::too_many_sockets)?);
        let vigil = Vigil::over(&self.endpoint, &identity);
        self.state = State::Acknowledged(identity, vigil);
        Ok(self.outgoing.send(message::ack()).await?)
    }

    async fn start(&mut self, id: String, parameters: Parameters) -> Result<(), Close> {
        let State::Acknowledged(identity, _) = &self.state else { return Err(Close::unauthorized()) };
        if self.operations.is_open(&id) {
            return Err(Close::duplicate(&id));
        }
        let limit = self.endpoint.limits().socket.operations;
        if self.operations.count() >= limit {
            let sentence = format!("More than {limit} operations are open on this socket: complete one first.");
            let errors = [coded_error(Code::LimitExceeded, sentence)];
            return Ok(self.outgoing.send(message::error(&id, &errors)).await?);
        }
        let paced = self.endpoint.pace(identity);
        match paced.and_then(|()| self.endpoint.prepare(parameters)) {
            Err(refusal) => Ok(self.outgoing.send(message::error(&id, &refusal.errors)).await?),
            Ok(operation) => {
                let caller = Call { identity: identity.clone(), id: self.id.clone() };
                let (endpoint, outgoing) = (self.endpoint.clone(), self.outgoing.clone());
                self.operations.start(id, |place| async move {
                    // The reading half notices by itself that nobody listens any more.
                    let _ = follow(endpoint, operation, caller, outgoing, place).await;
                });
                Ok(())
            }
        }
    }
}

impl From<Gone> for Close {
    fn from(_: Gone) -> Self {
        Self::normal()
    }
}

fn is_too_large(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("too large") || error.to_string().contains("too long") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Runs one operation and sends what comes of it.
async fn follow(
    endpoint: Endpoint,
    operation: Operation,
    caller: Call,
    outgoing: Outgoing,
    place: Place,
) -> Result<(), Gone> {
    if operation.kind != OperationType::Subscription {
        let outcome = endpoint.execute(operation, &caller).await;
        return finish(outcome, &outgoing, place).await;
    }
    let mut responses = match endpoint.subscribe(operation, &caller) {
        Ok(responses) => responses,
        Err(refusal) => return finish(Outcome::Refused(refusal), &outgoing, place).await,
    };
    while let Some(response) = responses.next().await {
        match Outcome::of(response) {
            Outcome::Executed(response) => outgoing.send(message::next(&place.id, &response)).await?,
            refused @ Outcome::Refused(_) => return finish(refused, &outgoing, place).await,
        }
    }
    let id = place.id.clone();
    if place.vacate() { outgoing.send(message::complete(&id)).await } else { Ok(()) }
}

async fn finish(outcome: Outcome, outgoing: &Outgoing, place: Place) -> Result<(), Gone> {
    let id = place.id.clone();
    match outcome {
        Outcome::Executed(response) => {
            outgoing.send(message::next(&id, &response)).await?;
            if place.vacate() { outgoing.send(message::complete(&id)).await } else { Ok(()) }
        }
        Outcome::Refused(refusal) => {
            if place.vacate() {
                outgoing.send(message::error(&id, &refusal.errors)).await
            } else {
                Ok(())
            }
        }
    }
}

/// The open operations of a socket, by the client's ids.
#[derive(Default)]
struct Operations {
    open: Arc<Mutex<HashMap<String, (u64, AbortHandle)>>>,
    started: u64,
}

impl Operations {
    fn is_open(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    fn count(&self) -> usize {
        self.lock().len()
    }

    fn start<F: Future<Output = ()> + Send + 'static>(&mut self, id: String, run: impl FnOnce(Place) -> F) {
        self.started += 1;
        let place = Place { id: id.clone(), number: self.started, open: Arc::clone(&self.open) };
        let future = run(place).in_current_span();
        // Locked while it starts, so that an operation that ends at once still finds its place to vacate.
        let mut open = self.lock();
        open.insert(id, (self.started, tokio::spawn(future).abort_handle()));
    }

    fn stop(&self, id: &str) {
        if let Some((_, operation)) = self.lock().remove(id) {
            operation.abort();
        }
    }

    fn stop_all(&self) {
        for (_, (_, operation)) in self.lock().drain() {
            operation.abort();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u64, AbortHandle)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation's entry among the open ones. It is given up before the last message is queued, because a client may
/// use the id again as soon as it has read that message.
struct Place {
    id: String,
    number: u64,
    open: Arc<Mutex<HashMap<String, (u64, AbortHandle)>>>,
}

impl Place {
    /// Gives the place up; false when the client has completed the operation and may have used the id again.
    fn vacate(self) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = open.get(&self.id).is_some_and(|(number, _)| *number == self.number);
        if is_ours {
            open.remove(&self.id);
        }
        is_ours
    }
}
