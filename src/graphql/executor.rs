//! Runs operations for the transport: gives the caller of a request the correlation id of that request, so that audit
//! events, logs and error messages name the same one.

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::{Error, Executor, Pos, Request, Response, Value, Variables};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use super::Schema;
use super::error::Failure;
use crate::domain::access::Caller;
use crate::http::RequestId;

/// The schema as the transport runs it.
#[derive(Clone)]
pub struct CallerExecutor(pub Schema);

fn correlated(mut request: Request) -> Request {
    let request_id = found::<RequestId>(&request).map(|id| id.as_str().to_owned());
    if let (Some(correlation_id), Some(caller)) = (request_id, found::<Caller>(&request).cloned()) {
        request.data.insert(Caller { correlation_id, ..caller });
    }
    request
}

fn found<T: 'static>(request: &Request) -> Option<&T> {
    request.data.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref())
}

/// U+0000 in a text of the caller. PostgreSQL stores none, and no name, reason or search has a use for it.
fn holds_nul(request: &Request) -> bool {
    fn in_value(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::List(values) => values.iter().any(in_value),
            Value::Object(fields) => fields.values().any(in_value),
            _ => false,
        }
    }
    request.query.contains('\0') || escapes_nul(&request.query) || request.variables.values().any(in_value)
}

/// Whether a document has the escape of U+0000; after an escaped backslash the same characters mean themselves.
fn escapes_nul(document: &str) -> bool {
    let mut rest = document;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with("u0000") {
            return true;
        }
        let length = escape.chars().next().map_or(0, char::len_utf8);
        rest = &escape[length..];
    }
    false
}

fn refused() -> Response {
    let sentence = "A text of the request contains the character U+0000. Remove it, then try again.";
    let error = Error::from(Failure::bad_input(sentence)).into_server_error(Pos::default());
    Response::from_errors(vec![error])
}

impl Executor for CallerExecutor {
    async fn execute(&self, request: Request) -> Response {
        if holds_nul(&request) {
            return refused();
        }
        self.0.execute(correlated(request)).await
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<async_graphql::Data>>,
    ) -> BoxStream<'static, Response> {
        if holds_nul(&request) {
            return stream::iter([refused()]).boxed();
        }
        Executor::execute_stream(&self.0, correlated(request), session_data)
    }
}

/// The answer to one operation of a caller inside this program, as JSON.
pub async fn answer(
    schema: &Schema,
    caller: &Caller,
    document: &str,
    variables: serde_json::Value,
) -> serde_json::Value {
    json(&schema.execute(request(caller, document, variables)).await)
}

/// The answers of a subscription of a caller inside this program, as JSON.
pub fn answers(
    schema: &Schema,
    caller: &Caller,
    document: &str,
    variables: serde_json::Value,
) -> BoxStream<'static, serde_json::Value> {
    schema.execute_stream(request(caller, document, variables)).map(|response| json(&response)).boxed()
}

fn request(caller: &Caller, document: &str, variables: serde_json::Value) -> Request {
    Request::new(document).variables(Variables::from_json(variables)).data(caller.clone())
}

fn json(response: &Response) -> serde_json::Value {
    serde_json::to_value(response).expect("a response is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_nul_is_found_wherever_it_stands() {
        let with = |query: &str, variables: serde_json::Value| {
            holds_nul(&Request::new(query).variables(Variables::from_json(variables)))
        };
        assert!(with(r#"{ a(name: "x\u0000") }"#, serde_json::json!({})));
        assert!(with("{ a }", serde_json::json!({ "input": { "names": ["good", "b\u{0}d"] } })));
        assert!(!with(r#"{ a(name: "x\\u0000 and \"this\"") }"#, serde_json::json!({ "input": "\\u0000" })));
    }
}
