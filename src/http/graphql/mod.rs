//! GraphQL over HTTP, WebSocket (`graphql-transport-ws`) and event streams (`graphql-sse`), all at `/graphql`.
//!
//! Knows no schema: any executor of the library will do. Knows no tokens: the authenticator does. Every operation,
//! whatever it came by, is parsed once, measured (`guard`), and executed through this module.

mod accept;
mod answer;
mod event_stream;
mod gate;
mod guard;
mod over_http;
pub(in crate::http) mod pace;
mod parameters;
mod socket;
mod socket_message;
mod socket_writer;
mod vigil;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Executor, Request, Response, ServerError};
use axum::Router;
use axum::routing::any;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderValue, Method, StatusCode, header};
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;

use self::answer::{Code, Outcome, Refusal};
use self::gate::{Gate, Pass};
use self::pace::Pace;
use self::parameters::Parameters;
use super::graphiql::GraphiqlPage;
use super::identity::{AuthenticationFailure, Authenticator, Identity};
use super::limits::Limits;
use super::origin::AllowedOrigins;
use super::request_id::{self, RequestId};
use crate::environment::Ids;
use crate::secret::redact;

/// The path of the endpoint.
pub const PATH: &str = "/graphql";

/// How the endpoint is set up.
#[derive(Clone)]
pub struct EndpointSettings {
    /// What one caller may ask for.
    pub limits: Limits,
    /// Web pages of other hosts that may call.
    pub origins: AllowedOrigins,
    /// The page for a person in a browser; without it a browser is told to send a query.
    pub page: Option<GraphiqlPage>,
    /// Cancelled when the server stops: open sockets and event streams then end.
    pub shutdown: CancellationToken,
    /// Makes correlation ids.
    pub ids: Arc<dyn Ids>,
}

/// The GraphQL endpoint.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    executor: Box<dyn Execute>,
    authenticator: Arc<dyn Authenticator>,
    settings: EndpointSettings,
    pace: Pace,
    operations: Gate,
    streams: Gate,
    subscriptions: Gate,
}

impl Endpoint {
    /// An endpoint over a schema, or anything else that executes requests.
    pub fn new(executor: impl Executor, authenticator: Arc<dyn Authenticator>, settings: EndpointSettings) -> Self {
        let limits = &settings.limits;
        let pace = Pace::new(limits.requests_per_minute);
        let operations = Gate::new(limits.concurrent_operations);
        let streams = Gate::new(limits.open_streams);
        let subscriptions = Gate::new(limits.open_subscriptions);
        let executor = Box::new(executor);
        Self(Arc::new(Inner { executor, authenticator, settings, pace, operations, streams, subscriptions }))
    }

    /// The route of the endpoint, with its own CORS rules.
    pub fn routes(&self) -> Router {
        let router = Router::new().route(PATH, any(over_http::handle)).with_state(self.clone());
        match self.0.settings.origins.header_values() {
            None => router,
            Some(origins) => router.layer(
                CorsLayer::new()
                    .allow_origin(AllowOrigin::list(origins))
                    .allow_methods([Method::GET, Method::POST])
                    .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, request_id::HEADER])
                    .expose_headers([request_id::HEADER]),
            ),
        }
    }

    pub(super) fn page(&self) -> Option<&GraphiqlPage> {
        self.0.settings.page.as_ref()
    }

    pub(super) fn ids(&self) -> &Arc<dyn Ids> {
        &self.0.settings.ids
    }

    fn limits(&self) -> &Limits {
        &self.0.settings.limits
    }

    /// Parses, measures and chooses; the operation can then be executed without parsing again.
    fn prepare(&self, parameters: Parameters) -> Result<Operation, Refusal> {
        let limits = &self.limits().document;
        guard::check_text(parameters.query(), limits)?;
        let document = parse_query(parameters.query()).map_err(|error| Refusal::document(vec![error.into()]))?;
        guard::check_document(&document, limits)?;
        let kind = kind_of(&document, parameters.operation_name())?;
        let mut request = parameters.into_request();
        request.set_parsed_query(document);
        Ok(Operation { kind, request })
    }

    /// Executes a query or mutation.
    async fn execute(&self, operation: Operation, caller: &Call) -> Outcome {
        let limits = self.limits();
        let Some(pass) = self.0.operations.enter(caller.identity.key(), limits.queue_timeout).await else {
            let sentence = format!(
                "More than {} operations of this token are running: wait for one to end, then try again.",
                limits.concurrent_operations
            );
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::LimitExceeded, sentence);
            return Outcome::Refused(refusal.with_header(header::RETRY_AFTER, "1"));
        };
        let is_mutation = operation.kind == OperationType::Mutation;
        let running = run(self.0.executor.execute(caller.fill(operation.request)), caller.id.clone(), pass);
        let response = if is_mutation {
            // A change that has begun is finished even when the caller hangs up or waits no longer.
            let task = tokio::spawn(running.in_current_span());
            tokio::time::timeout(limits.execution_timeout, task).await.map(|ended| match ended {
                Ok(response) => response,
                Err(_) => Response::from_errors(vec![answer::internal(caller.id.as_str())]),
            })
        } else {
            tokio::time::timeout(limits.execution_timeout, running).await
        };
        match response {
            Ok(response) => Outcome::of(response),
            Err(_) => Outcome::Refused(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Code::Timeout,
                if is_mutation {
                    "The mutation takes too long: it goes on, so look at its outcome before you send it again."
                } else {
                    "The query takes too long: ask for fewer fields or a smaller page."
                },
            )),
        }
    }

    /// Starts a subscription, when the caller has a place for one more.
    fn subscribe(&self, operation: Operation, caller: &Call) -> Result<BoxStream<'static, Response>, Refusal> {
        let Some(pass) = self.0.subscriptions.try_enter(caller.identity.key()) else {
            let sentence = format!(
                "More than {} subscriptions of this token are open: end one, then try again.",
                self.limits().open_subscriptions
            );
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::LimitExceeded, sentence));
        };
        let stream = AssertUnwindSafe(self.0.executor.execute_stream(caller.fill(operation.request))).catch_unwind();
        let id = caller.id.clone();
        let responses = stream.map(move |item| {
            // The place is taken as long as the stream is there.
            let _pass = &pass;
            item.unwrap_or_else(|panic| after_panic(panic.as_ref(), &id))
        });
        Ok(responses.boxed())
    }

    /// Counts a request of a caller, and refuses it when it comes too soon.
    fn pace(&self, identity: &Identity) -> Result<(), Refusal> {
        self.0.pace.step(identity.key()).map_err(|wait| {
            let seconds = wait.as_secs().saturating_add(1);
            let sentence = format!(
                "This token sent more than {} requests in a minute: wait {seconds} seconds, then try again.",
                self.limits().requests_per_minute
            );
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::LimitExceeded, sentence);
            refusal.with_header(header::RETRY_AFTER, &seconds.to_string())
        })
    }

    /// Asks whether a caller may go on. When nobody can say, the caller goes on until somebody can.
    async fn recheck(&self, identity: &Identity) -> Result<(), AuthenticationFailure> {
        match self.0.authenticator.still_valid(identity).await {
            Err(AuthenticationFailure::Unavailable(reason)) => {
                tracing::warn!(reason, "cannot check an open stream's token again: {reason}");
                Ok(())
            }
            Err(AuthenticationFailure::Undecided) => Ok(()),
            verdict => verdict,
        }
    }

    /// Takes one of the caller's places for open streams and sockets.
    fn open_stream(&self, identity: &Identity) -> Option<Pass> {
        self.0.streams.try_enter(identity.key())
    }
}

/// Runs to the end, holding the caller's turn, and turns a panic into an error.
async fn run(execution: BoxFuture<'static, Response>, id: RequestId, pass: Pass) -> Response {
    let response = AssertUnwindSafe(execution).catch_unwind().await;
    drop(pass);
    response.unwrap_or_else(|panic| after_panic(panic.as_ref(), &id))
}

fn after_panic(panic: &(dyn Any + Send), id: &RequestId) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    tracing::error!(request.id = %id, "request `{id}` panicked: {}", redact(text));
    Response::from_errors(vec![answer::internal(id.as_str())])
}

/// An operation that was parsed and measured.
struct Operation {
    kind: OperationType,
    request: Request,
}

/// Who calls, and under which correlation id.
#[derive(Clone)]
struct Call {
    identity: Identity,
    id: RequestId,
}

impl Call {
    /// Puts the caller and the correlation id where resolvers find them.
    fn fill(&self, mut request: Request) -> Request {
        self.identity.put_into(&mut request.data);
        request.data.insert(self.id.clone());
        request
    }
}

/// The type of the operation that will run.
fn kind_of(document: &ExecutableDocument, name: Option<&str>) -> Result<OperationType, Refusal> {
    let unknown = |name: &str| ServerError::new(format!("The document has no operation named `{name}`."), None);
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation),
        (DocumentOperations::Single(_), Some(name)) => Err(unknown(name)),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).ok_or_else(|| unknown(name)),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            Ok(operations.values().next().expect("the map has one operation"))
        }
        (DocumentOperations::Multiple(_), None) => {
            Err(ServerError::new("The document has several operations: say in `operationName` which one to run.", None))
        }
    };
    operation.map(|operation| operation.node.ty).map_err(|error| Refusal::document(vec![error]))
}

/// The library's executor without its type, so that everything here is compiled once.
trait Execute: Send + Sync {
    fn execute(&self, request: Request) -> BoxFuture<'static, Response>;
    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response>;
}

impl<E: Executor> Execute for E {
    fn execute(&self, request: Request) -> BoxFuture<'static, Response> {
        let executor = self.clone();
        async move { Executor::execute(&executor, request).await }.boxed()
    }

    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response> {
        Executor::execute_stream(self, request, None)
    }
}

/// The header value that names the methods of the endpoint.
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
