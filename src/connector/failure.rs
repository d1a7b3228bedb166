//! What a provider says when it refuses: every shape of an error body that was seen, turned into the one error type.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ConnectorError;
use super::http::{Reply, excerpt};
use crate::secret::redact;

/// The union of the error shapes: Pax8's envelope, OAuth's pair, older lists, and Rev.io's.
#[derive(Deserialize, Default)]
struct ErrorBody<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_description: Option<&'a RawValue>,
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    errors: Option<&'a RawValue>,
}

/// A text that every database takes: providers write U+0000 too, and PostgreSQL refuses it.
pub fn readable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// As much of a provider's words as is kept, in characters.
const LONGEST_WORDS: usize = 1_000;

/// What a provider said as a text for a person, which can be stored and shown: on one line, without secrets and cut after so
/// many characters.
pub fn plain(words: &str, longest: usize) -> String {
    let words = readable(words);
    let printed = words.split(char::is_control).filter(|part| !part.trim().is_empty());
    let line = printed.collect::<Vec<_>>().join(" ");
    redact(&line.chars().take(longest).collect::<String>())
}

/// The error that an answer with a failing status means. `what` names the record or list that was asked for.
pub fn failure_of(
    provider: &'static str,
    what: &str,
    reply: &Reply,
    retry_after: Option<std::time::Duration>,
) -> ConnectorError {
    let (code, words) = words_of(&reply.body);
    let message = if words.is_empty() {
        let empty = reply.body.trim().is_empty();
        if empty {
            format!("status {}", reply.status)
        } else {
            format!("status {}: {}", reply.status, excerpt(&reply.body))
        }
    } else {
        plain(&words, LONGEST_WORDS)
    };
    match reply.status {
        StatusCode::UNAUTHORIZED => ConnectorError::Unauthorized { provider, message },
        StatusCode::FORBIDDEN => ConnectorError::Forbidden { provider, message },
        StatusCode::NOT_FOUND => ConnectorError::NotFound { provider, what: format!("`{what}`") },
        StatusCode::TOO_MANY_REQUESTS => ConnectorError::RateLimited { provider, retry_after },
        StatusCode::REQUEST_TIMEOUT => ConnectorError::Unavailable { provider, message },
        status if status.is_server_error() => ConnectorError::Unavailable { provider, message },
        status if status.is_client_error() => ConnectorError::Refused { provider, code, message },
        status => {
            let message = format!("`{what}` answered with status {status}: {}", excerpt(&reply.body));
            ConnectorError::Malformed { provider, message }
        }
    }
}

/// The provider's code and its words; empty when the body is none of the known shapes.
fn words_of(body: &str) -> (Option<String>, String) {
    // Rev.io was seen to answer with a list of errors. A list is asked for first, because a struct can be read from a
    // list too, value by value.
    let parsed = match serde_json::from_str::<Vec<ErrorBody<'_>>>(body) {
        Ok(errors) => errors.into_iter().next(),
        Err(_) => serde_json::from_str(body).ok(),
    };
    let Some(error) = parsed else { return (None, String::new()) };
    let mut words: Vec<String> = Vec::new();
    for text in [error.message, error.error_description].into_iter().flatten().filter_map(text_of) {
        push_new(&mut words, text);
    }
    for list in [error.details, error.errors].into_iter().flatten() {
        for element in serde_json::from_str::<Vec<&RawValue>>(list.get()).unwrap_or_default() {
            let text = text_of(element).or_else(|| {
                let inner = serde_json::from_str::<ErrorBody<'_>>(element.get()).ok()?;
                inner.message.and_then(text_of)
            });
            if let Some(text) = text {
                push_new(&mut words, text);
            }
        }
    }
    let code = [error.kind, error.code, error.error].into_iter().flatten().find_map(text_of);
    if words.is_empty() {
        words.extend(code.clone());
    }
    (code, words.join("; "))
}

fn push_new(words: &mut Vec<String>, text: String) {
    if !text.trim().is_empty() && !words.contains(&text) {
        words.push(text);
    }
}

fn text_of(raw: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(raw.get()).ok().filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(body: &str) -> String {
        words_of(body).1
    }

    #[test]
    fn every_shape_of_an_error_gives_its_words() {
        let pax8 = r#"{"type":"INVALID_PARAM","message":"size is wrong","instance":"/public/v1/x","status":400,
            "details":[{"message":"must be at most 200"},{"message":"size is wrong"}]}"#;
        assert_eq!(words(pax8), "size is wrong; must be at most 200");
        assert_eq!(words_of(pax8).0.as_deref(), Some("INVALID_PARAM"));
        assert_eq!(words(r#"{"error":"access_denied","error_description":"Unauthorized"}"#), "Unauthorized");
        assert_eq!(words(r#"{"errors":["no such customer"]}"#), "no such customer");
        assert_eq!(words(r#"{"errors":[{"message":"no"}]}"#), "no");
        assert_eq!(words(r#"[{"ok":false,"message":"bad filter"}]"#), "bad filter");
        assert_eq!(words(r#"{"error":"nope"}"#), "nope");
        assert_eq!(words(""), "");
        assert_eq!(words("<html>"), "");
    }
}
