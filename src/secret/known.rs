//! The secrets that this process has in its hands, so that they are hidden wherever they turn up: a provider may repeat
//! a secret inside a sentence, where no name gives it away.
//!
//! What is sealed or opened is remembered by itself. It is one list for the process and not one for each connection, because
//! the places that have to hide a secret (a log, a panic) do not know whose it is.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{LazyLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;

use super::redact::REDACTED;

/// Shorter ones are words, and hiding them everywhere would make logs unreadable.
const SHORTEST: usize = 8;

/// As many as are looked for; the oldest is forgotten first.
const MOST: usize = 1_000;

/// How a secret may be written.
enum Form {
    /// As a text of its own.
    Whole(Zeroizing<String>),
    /// Inside a longer text in base64, whose neighbors hold some of its bits.
    Base64(Zeroizing<String>),
}

struct Known {
    secret: SecretString,
    forms: Vec<Form>,
}

static KNOWN: LazyLock<RwLock<VecDeque<Known>>> = LazyLock::new(RwLock::default);

/// Remembers a secret; of a JSON object, each of its texts.
pub fn remember(secret: &SecretString) {
    let text = secret.expose_secret();
    if text.starts_with('{')
        && let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(text)
    {
        for value in fields.values().filter_map(serde_json::Value::as_str) {
            remember_text(value);
        }
        return;
    }
    remember_text(text);
}

fn remember_text(text: &str) {
    if text.len() < SHORTEST {
        return;
    }
    let is_known = |known: &VecDeque<Known>| known.iter().any(|known| known.secret.expose_secret() == text);
    if is_known(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if is_known(&known) {
        return;
    }
    if known.len() == MOST {
        known.pop_front();
    }
    known.push_back(Known { secret: SecretString::from(text), forms: forms(text) });
}

/// Every way of writing a secret, the longest first: the plain one may be part of another.
fn forms(text: &str) -> Vec<Form> {
    let mut whole = vec![text.to_owned()];
    // Inside a text in JSON, and inside a document that is such a text.
    let mut escaped = text.to_owned();
    for _ in 0..2 {
        escaped = serde_json::to_string(&escaped).expect("a text is always JSON");
        escaped = escaped[1..escaped.len() - 1].to_owned();
        whole.push(escaped.clone());
    }
    let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    whole.push(encoded.replace('+', "%20"));
    whole.push(lower_case_escapes(&encoded.replace('+', "%20")));
    whole.push(lower_case_escapes(&encoded));
    whole.push(encoded);
    whole.retain(|form| form.len() >= SHORTEST);
    whole.sort_by_key(|form| std::cmp::Reverse(form.len()));
    whole.dedup();
    let mut forms: Vec<Form> = whole.into_iter().map(|form| Form::Whole(Zeroizing::new(form))).collect();
    for encoded in base64_cores(text.as_bytes()) {
        forms.push(Form::Base64(Zeroizing::new(encoded)));
    }
    forms
}

fn lower_case_escapes(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let end = rest.len().min(at + 3);
        lower.push_str(&rest[..at]);
        lower.push_str(&rest[at..end].to_ascii_lowercase());
        rest = &rest[end..];
    }
    lower + rest
}

/// What base64 makes of some bytes wherever they stand in a longer text: for each of the three places in a group, the
/// characters that depend on these bytes alone.
fn base64_cores(bytes: &[u8]) -> Vec<String> {
    let mut cores = Vec::new();
    for before in 0..3 {
        let mut padded = Zeroizing::new(vec![0_u8; before]);
        padded.extend_from_slice(bytes);
        // A character that also holds bits of a neighbor is left out at both ends.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(padded.as_slice()), URL_SAFE_NO_PAD.encode(padded.as_slice())] {
            let core = encoded[first..last].to_owned();
            if core.len() >= SHORTEST && !cores.contains(&core) {
                cores.push(core);
            }
        }
    }
    cores
}

/// The text with every secret that this process knows replaced by `[redacted]`.
pub fn hide_known(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut hidden = Cow::Borrowed(text);
    for form in known.iter().flat_map(|known| &known.forms) {
        match form {
            Form::Whole(form) if hidden.contains(form.as_str()) => {
                hidden = Cow::Owned(hidden.replace(form.as_str(), REDACTED));
            }
            Form::Base64(core) if hidden.contains(core.as_str()) => hidden = Cow::Owned(without_words(&hidden, core)),
            Form::Whole(_) | Form::Base64(_) => {}
        }
    }
    hidden
}

/// The text without the words of base64 that a core stands in.
fn without_words(text: &str, core: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(core) {
        let start = rest[..at]
            .rfind(|c| !is_base64(c))
            .map_or(0, |before| before + rest[before..].chars().next().map_or(1, char::len_utf8));
        let behind = at + core.len();
        let end = rest[behind..].find(|c| !is_base64(c)).map_or(rest.len(), |length| behind + length);
        output.push_str(&rest[..start]);
        output.push_str(REDACTED);
        rest = &rest[end..];
    }
    output.push_str(rest);
    output
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "Known/only \"here\"+50%=é";

    fn check(text: &str) {
        remember(&SecretString::from(SECRET));
        let hidden = hide_known(text);
        assert!(hidden.contains(REDACTED), "{text}");
        assert!(!hidden.contains("only") && !hidden.contains("here"), "{hidden}");
    }

    #[test]
    fn a_known_secret_is_hidden_however_it_is_written() {
        check(&format!("the value {SECRET} was refused"));
        let json = serde_json::json!({ "what": SECRET }).to_string();
        check(&json);
        check(&serde_json::json!({ "body": json }).to_string());
        let encoded: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        check(&format!("q={encoded}&x=1"));
        check(&encoded.replace('+', "%20"));
        check(&lower_case_escapes(&encoded));
    }

    #[test]
    fn what_is_near_stays() {
        remember(&SecretString::from("near-the-others"));
        assert_eq!(hide_known("a near-the-others, b"), "a [redacted], b");
        assert_eq!(hide_known("near the others"), "near the others");
        remember(&SecretString::from("short"));
        assert_eq!(hide_known("a short text"), "a short text");
    }

    #[test]
    fn each_text_of_an_object_is_a_secret() {
        remember(&SecretString::from(r#"{"api_key":"object-one-1","billing_password":"object-two-2","none":null}"#));
        assert_eq!(hide_known("object-one-1 object-two-2"), "[redacted] [redacted]");
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_it_in_base64(before in "\\PC{0,9}", after in "\\PC{0,9}") {
            let secret = "in-base64-somewhere";
            remember(&SecretString::from(secret));
            let text = format!("{before}{secret}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let said = format!("(\"Basic {encoded}\")");
                prop_assert_eq!(hide_known(&said), "(\"Basic [redacted]\")");
            }
        }
    }
}
