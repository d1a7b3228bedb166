//! The words of `graphql-transport-ws`: what a client may say, what we say, and how a socket closes.

use async_graphql::{Response, ServerError};
use axum::extract::ws::{CloseFrame, Utf8Bytes};
use serde_json::{Map, Value, json};

use super::answer::{body_of, body_of_refusal};
use super::parameters::Parameters;

/// The name of the subprotocol.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// The longest reason a close frame can carry, in bytes.
const LONGEST_REASON: usize = 123;

/// How a socket ends: a code and a reason that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    code: u16,
    reason: String,
}

impl Close {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The client is gone or said goodbye.
    pub(super) fn normal() -> Self {
        Self::new(1000, "")
    }

    /// The server stops, or the client no longer answers.
    pub(super) fn going_away(reason: &str) -> Self {
        Self::new(1001, reason)
    }

    /// A message is larger than the limit.
    pub(super) fn too_big() -> Self {
        Self::new(1009, "The message is too large")
    }

    /// The caller has too many sockets open.
    pub(super) fn too_many_sockets() -> Self {
        Self::new(1013, "Too many streams of this token are open: close one, then try again")
    }

    /// The caller asks too often.
    pub(super) fn too_many_requests() -> Self {
        Self::new(1013, "Too many requests of this token: try again in a minute")
    }

    /// The token could not be checked.
    pub(super) fn try_again() -> Self {
        Self::new(1013, "The token could not be checked right now: try again in a moment")
    }

    /// A message cannot be understood.
    pub(super) fn bad_message(reason: impl Into<String>) -> Self {
        Self::new(4400, reason)
    }

    /// Something was asked before the connection was acknowledged.
    pub(super) fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    /// The token is missing or wrong, or holds no longer.
    pub(super) fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(4403, reason)
    }

    /// The client does not speak the subprotocol.
    pub(super) fn subprotocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable: ask for graphql-transport-ws")
    }

    /// The client did not begin in time.
    pub(super) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// An operation with the same id is still open.
    pub(super) fn duplicate(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// The client reads more slowly than events come. Our own code: the protocol names none.
    pub(super) fn slow_reader() -> Self {
        Self::new(4413, "Events come faster than they are read: connect again and resume after the last one")
    }

    /// The client began twice.
    pub(super) fn too_many_inits() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    /// The frame; a reason that is too long is cut, because an over-long frame is invalid.
    pub(super) fn into_frame(self) -> CloseFrame {
        let mut end = self.reason.len().min(LONGEST_REASON);
        while !self.reason.is_char_boundary(end) {
            end -= 1;
        }
        CloseFrame { code: self.code, reason: Utf8Bytes::from(&self.reason[..end]) }
    }
}

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// Begins, with the `Authorization` value or token of the payload if there is one.
    Init(Option<Credential>),
    /// Asks for a sign of life; the payload goes back.
    Ping(Option<Value>),
    /// Gives a sign of life.
    Pong,
    /// Starts an operation.
    Subscribe { id: String, parameters: Parameters },
    /// Stops an operation.
    Complete { id: String },
}

/// What a client shows to be let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// `Bearer TOKEN`, as in the header.
    Authorization(String),
    /// The token alone.
    Token(String),
    /// Something that is no text.
    Malformed,
}

impl Incoming {
    /// Reads a message.
    pub(super) fn parse(text: &str) -> Result<Self, Close> {
        let invalid = || Close::bad_message("Invalid message received");
        let Ok(Value::Object(mut message)) = serde_json::from_str(text) else { return Err(invalid()) };
        let Some(Value::String(kind)) = message.remove("type") else { return Err(invalid()) };
        match kind.as_str() {
            "connection_init" => Ok(Self::Init(credential_of(optional_object(message.remove("payload"))?.as_ref()))),
            "ping" => Ok(Self::Ping(optional_object(message.remove("payload"))?.map(Value::Object))),
            "pong" => optional_object(message.remove("payload")).map(|_| Self::Pong),
            "subscribe" => {
                let id = id_of(&mut message)?;
                let payload = message.remove("payload").filter(Value::is_object).ok_or_else(invalid)?;
                let parameters =
                    Parameters::from_value(payload).map_err(|error| Close::bad_message(error.to_string()))?;
                Ok(Self::Subscribe { id, parameters })
            }
            "complete" => Ok(Self::Complete { id: id_of(&mut message)? }),
            _ => Err(invalid()),
        }
    }
}

fn id_of(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        _ => Err(Close::bad_message("The message has no id")),
    }
}

fn optional_object(payload: Option<Value>) -> Result<Option<Map<String, Value>>, Close> {
    match payload {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::bad_message("The payload must be an object")),
    }
}

fn credential_of(payload: Option<&Map<String, Value>>) -> Option<Credential> {
    let payload = payload?;
    let found = |key: &str, make: fn(String) -> Credential| match payload.get(key)? {
        Value::String(text) => Some(make(text.clone())),
        Value::Null => None,
        _ => Some(Credential::Malformed),
    };
    found("Authorization", Credential::Authorization)
        .or_else(|| found("authorization", Credential::Authorization))
        .or_else(|| found("token", Credential::Token))
}

/// The answer to `connection_init`.
pub(super) fn ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// The answer to `ping`.
pub(super) fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}

/// A result of an operation.
pub(super) fn next(id: &str, response: &Response) -> String {
    // The payload is written once, as text, because a tree of it would cost as much again.
    format!(r#"{{"id":{},"type":"next","payload":{}}}"#, json!(id), text(body_of(response)))
}

/// The end of an operation that was executed.
pub(super) fn complete(id: &str) -> String {
    json!({ "id": id, "type": "complete" }).to_string()
}

/// The end of an operation that was refused.
pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    let body: Value = serde_json::from_slice(&body_of_refusal(errors)).expect("we wrote it");
    json!({ "id": id, "type": "error", "payload": body["errors"] }).to_string()
}

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<u16> {
        Incoming::parse(text).err().map(|close| close.code)
    }

    #[test]
    fn malformed_messages_close_with_4400() {
        for malformed in [
            "",
            "nonsense",
            "[]",
            "{}",
            r#"{"type": 1}"#,
            r#"{"type": "start", "id": "1"}"#,
            r#"{"type": "connection_ack"}"#,
            r#"{"type": "connection_init", "payload": "token"}"#,
            r#"{"type": "subscribe", "payload": {"query": "{a}"}}"#,
            r#"{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}"#,
            r#"{"type": "subscribe", "id": 1, "payload": {"query": "{a}"}}"#,
            r#"{"type": "subscribe", "id": "1"}"#,
            r#"{"type": "subscribe", "id": "1", "payload": {"query": 1}}"#,
            r#"{"type": "complete"}"#,
        ] {
            assert_eq!(code(malformed), Some(4400), "{malformed}");
        }
    }

    #[test]
    fn a_credential_is_found_under_three_names() {
        let credential =
            |payload: &str| match Incoming::parse(&format!(r#"{{"type": "connection_init", "payload": {payload}}}"#))
                .unwrap()
            {
                Incoming::Init(credential) => credential,
                other => panic!("{other:?}"),
            };
        let authorization = || Some(Credential::Authorization("Bearer a".to_owned()));
        assert_eq!(credential(r#"{"Authorization": "Bearer a"}"#), authorization());
        assert_eq!(credential(r#"{"authorization": "Bearer a"}"#), authorization());
        assert_eq!(credential(r#"{"token": "a"}"#), Some(Credential::Token("a".to_owned())));
        assert_eq!(credential(r#"{"token": 7}"#), Some(Credential::Malformed));
        assert_eq!(credential("null"), None);
    }

    #[test]
    fn a_reason_fits_its_frame() {
        let frame = Close::duplicate(&"ä".repeat(200)).into_frame();
        assert!(frame.reason.len() <= LONGEST_REASON);
        assert!(frame.reason.as_str().starts_with("Subscriber for ä"));
        for close in [Close::slow_reader(), Close::too_many_sockets(), Close::try_again(), Close::subprotocol()] {
            assert_eq!(close.clone().into_frame().reason.as_str(), close.reason, "no reason of ours is cut");
        }
    }
}
