//! What goes back to the caller: the errors with their codes, and the two shapes of an answer. A request that was
//! never executed has no `data` at all; one that was executed has `data`, perhaps null, whatever failed in it.

use async_graphql::{ErrorExtensionValues, Name, PathSegment, Response, ServerError, Value};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::guard::Refused;
use crate::http::identity::AuthenticationFailure;

/// A machine-readable reason in `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The caller must say it in another way.
    BadUserInput,
    /// The caller is not known, or no longer.
    Unauthenticated,
    /// The request is above a limit of the server.
    LimitExceeded,
    /// The operation took too long.
    Timeout,
    /// The server cannot do it at the moment.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// An error with a code and a sentence.
pub(super) fn error(code: Code, sentence: impl Into<String>) -> ServerError {
    coded(ServerError::new(sentence, None), code)
}

fn coded(mut error: ServerError, code: Code) -> ServerError {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
    error
}

/// The error for a fault of ours, which the log explains under the same id.
pub(super) fn internal(correlation_id: &str) -> ServerError {
    let mut error = error(
        Code::Internal,
        format!("Something went wrong on our side. When you report it, give this id: {correlation_id}."),
    );
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("correlationId", correlation_id);
    error
}

/// A request that was not executed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The status, when the media type lets it speak.
    pub status: StatusCode,
    /// Whether `application/json` answers 200 nevertheless, as it does for faults of the document.
    pub is_document_fault: bool,
    /// What the caller is told.
    pub errors: Vec<ServerError>,
    /// A header that belongs to the status.
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal that keeps its status in every media type.
    pub(super) fn new(status: StatusCode, code: Code, sentence: impl Into<String>) -> Self {
        Self { status, is_document_fault: false, errors: vec![error(code, sentence)], header: None }
    }

    /// A page of a host that nobody named.
    pub(super) fn origin() -> Self {
        let sentence = "Web pages of this origin may not call: ask the operator to add it to allowed_origins, or, where it is \
                        the server's own, to set public_url.";
        Self::new(StatusCode::FORBIDDEN, Code::BadUserInput, sentence)
    }

    /// A fault of the document: it does not parse, does not validate, or names what is not there.
    pub(super) fn document(errors: Vec<ServerError>) -> Self {
        let errors = errors.into_iter().map(with_code).collect();
        Self { status: StatusCode::BAD_REQUEST, is_document_fault: true, errors, header: None }
    }

    /// The same refusal with a header.
    pub(super) fn with_header(self, name: HeaderName, value: &str) -> Self {
        Self { header: HeaderValue::from_str(value).ok().map(|value| (name, value)), ..self }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let error = ServerError::new(refused.message, refused.position);
        Self::document(vec![coded(error, Code::LimitExceeded)])
    }
}

impl From<AuthenticationFailure> for Refusal {
    fn from(failure: AuthenticationFailure) -> Self {
        let challenge = match &failure {
            AuthenticationFailure::Unavailable(_) | AuthenticationFailure::Undecided => {
                if let AuthenticationFailure::Unavailable(reason) = &failure {
                    tracing::error!(reason, "cannot check a token: {reason}");
                }
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, failure.to_string())
                    .with_header(header::RETRY_AFTER, "1");
            }
            AuthenticationFailure::Missing => r#"Bearer realm="concord""#,
            AuthenticationFailure::Malformed => r#"Bearer realm="concord", error="invalid_request""#,
            AuthenticationFailure::Unknown
            | AuthenticationFailure::Expired
            | AuthenticationFailure::Revoked
            | AuthenticationFailure::Refused(_) => r#"Bearer realm="concord", error="invalid_token""#,
        };
        Self::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, failure.to_string())
            .with_header(header::WWW_AUTHENTICATE, challenge)
    }
}

/// What came of a request that reached the library.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was executed; some fields may have failed.
    Executed(Response),
    /// It was refused before execution.
    Refused(Refusal),
}

impl Outcome {
    /// Tells a refused document from an executed one, and gives every error a code.
    pub(super) fn of(mut response: Response) -> Self {
        // The library does not say which it was. What fails in execution knows its path; what fails before has none.
        let was_executed = response.data != Value::Null
            || response.errors.is_empty()
            || response.errors.iter().any(|error| !error.path.is_empty());
        if was_executed {
            for error in &response.errors {
                restore_null(&mut response.data, &error.path);
            }
            response.errors = response.errors.into_iter().map(with_code).collect();
            return Self::Executed(response);
        }
        Self::Refused(Refusal::document(response.errors))
    }
}

/// Puts null where a failed field is: the library leaves out its key when a resolver returns a plain `Err`.
fn restore_null(data: &mut Value, path: &[PathSegment]) {
    match (data, path) {
        (Value::Object(fields), [PathSegment::Field(name), rest @ ..]) => {
            let field = fields.entry(Name::new(name)).or_insert(Value::Null);
            restore_null(field, rest);
        }
        (Value::List(items), [PathSegment::Index(index), rest @ ..]) => {
            if let Some(item) = items.get_mut(*index) {
                restore_null(item, rest);
            }
        }
        _ => {}
    }
}

/// What the library says of an operation whose cost is above the limit.
const TOO_COMPLEX: &str = "Query is too complex.";

/// The same, with what to do.
const TOO_COMPLEX_FULL: &str = "Query is too complex: it could bring more objects than one operation may cost \
    (--operation-cost). Ask for fewer items (`first`), for fewer lists inside lists, or in several operations.";

/// Gives an error a code when the schema did not.
fn with_code(mut error: ServerError) -> ServerError {
    if error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some()) {
        return error;
    }
    let code = match error.message.as_str() {
        TOO_COMPLEX | "Query is nested too deep." => Code::LimitExceeded,
        message if message.starts_with("The recursion depth of the query") => Code::LimitExceeded,
        // Scalars are read while the field runs, so a malformed one has a path and is still the caller's.
        message if error.path.is_empty() || is_about_input(message) => Code::BadUserInput,
        message => {
            tracing::warn!(path = ?error.path, "an error without a code left the schema: {message}");
            Code::Internal
        }
    };
    if error.message == TOO_COMPLEX {
        error.message = TOO_COMPLEX_FULL.to_owned();
    }
    coded(error, code)
}

/// Whether the library words an input error so; it has no other mark.
fn is_about_input(message: &str) -> bool {
    message.starts_with("Failed to parse \"") || message.starts_with("Expected input type \"")
}

/// The answer as JSON; `data` is there if, and only if, the request was executed.
pub(super) fn body_of(response: &Response) -> Vec<u8> {
    #[derive(Serialize)]
    struct Executed<'a> {
        #[serde(skip_serializing_if = "<[ServerError]>::is_empty")]
        errors: &'a [ServerError],
        data: &'a Value,
        #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        extensions: &'a std::collections::BTreeMap<String, Value>,
    }
    let Response { data, errors, extensions, .. } = response;
    serde_json::to_vec(&Executed { errors, data, extensions }).expect("a GraphQL value is always JSON")
}

/// The answer to a request that was not executed, as JSON.
pub(super) fn body_of_refusal(errors: &[ServerError]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Refused<'a> {
        errors: &'a [ServerError],
    }
    serde_json::to_vec(&Refused { errors }).expect("a GraphQL error is always JSON")
}
