//! Takes secrets out of a text before it is logged, stored for debugging or shown.
//!
//! It works on any text (JSON, also cut off or escaped inside another string; headers; forms; URLs; sentences), because
//! what is logged is rarely well formed when it matters. Where it cannot be sure it hides too much. A secret under a
//! harmless name is found only where this process has it in its hands (`known`).

use super::known::hide_known;
use super::token::TOKEN_PREFIX;

/// Stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// Endings of names whose values are secret, compared without case, `-`, `_` and a plural's `s`.
const SECRET_ENDINGS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "authorization",
    "credential",
    "cookie",
    "privatekey",
    "secretkey",
    "subscriptionkey",
    "clientassertion",
    "codeverifier",
    "signature",
];
/// Names that are secret in a query or a form alone; elsewhere they are everyday words.
const SECRET_IN_QUERY: [&str; 3] = ["code", "state", "sig"];
/// Names whose bare value goes to the end of the line: `Authorization: Basic dXNlcjpwYXNz`.
const WHOLE_LINE_ENDINGS: [&str; 2] = ["authorization", "cookie"];
/// Stands before the secret part of a webhook's address.
const WEBHOOK_PATH: &str = "/webhooks/pax8/";

/// The text with every secret that is known, or that its surroundings give away, replaced by `[redacted]`.
pub fn redact(text: &str) -> String {
    let hidden = hide_known(text);
    let text = hidden.as_ref();
    let mut output = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let begins_word = !text[..at].ends_with(is_word);
        if begins_word && rest.starts_with(is_word) {
            at += copy_word(text, at, &mut output);
        } else if let Some(user_info) = rest.strip_prefix("://").and_then(user_info) {
            output.push_str("://");
            if let Some((user, _)) = user_info.split_once(':') {
                output.push_str(user);
                output.push(':');
                output.push_str(REDACTED);
            } else if text[..at].ends_with("postgres") || text[..at].ends_with("postgresql") {
                output.push_str(user_info);
            } else {
                // On the web, a name without a password is a token.
                output.push_str(REDACTED);
            }
            at += "://".len() + user_info.len();
        } else {
            let character = rest.chars().next().expect("the rest is not empty");
            output.push(character);
            at += character.len_utf8();
        }
    }
    output
}

/// The value of a header, for a log line.
pub fn redact_header(name: &str, value: &str) -> String {
    if secret_kind(name, false).is_some() { REDACTED.to_owned() } else { redact(value) }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// Copies the word at `at`, and redacts it or what it announces. Returns how many bytes of the text were used.
fn copy_word(text: &str, at: usize, output: &mut String) -> usize {
    let rest = &text[at..];
    let word = &rest[..length_while(rest, is_word)];
    let after = &rest[word.len()..];
    if let Some(used) = token_of_ours(word) {
        output.push_str(TOKEN_PREFIX);
        output.push_str(REDACTED);
        return used;
    }
    if text[..at].ends_with(WEBHOOK_PATH) {
        output.push_str(REDACTED);
        return word.len();
    }
    if let Some(used) = json_web_token(rest) {
        output.push_str(REDACTED);
        return used;
    }
    if word.eq_ignore_ascii_case("bearer") {
        let space = length_while(after, |c| c == ' ' || c == '\t');
        let token = bare_length(&after[space..], |c| !ends_bare_value(c));
        if space > 0 && token > 0 {
            output.push_str(word);
            output.push(' ');
            output.push_str(REDACTED);
            return word.len() + space + token;
        }
    }
    let is_in_query = (at == 0 || text[..at].ends_with(['?', '&'])) && after.starts_with('=');
    if let Some(kind) = secret_kind(word, is_in_query)
        && let Some(used) = copy_value(after, kind, output, word)
    {
        return word.len() + used;
    }
    output.push_str(word);
    word.len()
}

#[derive(Clone, Copy, PartialEq)]
enum SecretKind {
    /// The bare value is one word.
    Word,
    /// The bare value goes to the end of the line.
    Line,
}

fn secret_kind(name: &str, is_in_query: bool) -> Option<SecretKind> {
    let folded: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase();
    let singular = folded.strip_suffix('s').unwrap_or(&folded);
    let ends_in =
        |endings: &[&str]| endings.iter().any(|ending| singular.ends_with(ending) || folded.ends_with(ending));
    if ends_in(&WHOLE_LINE_ENDINGS) {
        Some(SecretKind::Line)
    } else if ends_in(&SECRET_ENDINGS) || (is_in_query && SECRET_IN_QUERY.contains(&folded.as_str())) {
        Some(SecretKind::Word)
    } else {
        None
    }
}

/// Writes name, separator and `[redacted]` when a value follows the name; returns how much of `after` that used.
fn copy_value(after: &str, kind: SecretKind, output: &mut String, name: &str) -> Option<usize> {
    let closing = quote_at(after).map_or(0, str::len);
    let mut value_at = closing + length_while(&after[closing..], char::is_whitespace);
    let separator = ["=>", "=", ":"].into_iter().find(|separator| after[value_at..].starts_with(separator))?;
    value_at += separator.len();
    value_at += length_while(&after[value_at..], char::is_whitespace);
    // How Rust prints an optional value.
    if after[value_at..].starts_with("Some(") {
        value_at += "Some(".len();
    }
    let value = &after[value_at..];

    let (length, quote) = if let Some(quote) = quote_at(value) {
        (quoted_length(value, quote), quote)
    } else if value.starts_with(['{', '[']) && !value.starts_with(REDACTED) {
        (nested_length(value), if closing > 0 { &after[..closing] } else { "" })
    } else {
        let length = match kind {
            SecretKind::Word => bare_length(value, |c| !ends_bare_value(c)),
            SecretKind::Line => bare_length(value, |c| c != '\n' && c != '\r' && c != '"'),
        };
        // Nothing is hidden by hiding that nothing is there.
        if length == 0 || &value[..length] == "null" || &value[..length] == "None" {
            return None;
        }
        (length, if closing > 0 { &after[..closing] } else { "" })
    };
    output.push_str(name);
    output.push_str(&after[..value_at]);
    output.push_str(quote);
    output.push_str(REDACTED);
    output.push_str(quote);
    Some(value_at + length)
}

/// Length of a value without quotation marks; one that is redacted already stays as it is.
fn bare_length(value: &str, belongs: impl Fn(char) -> bool) -> usize {
    if value.starts_with(REDACTED) { REDACTED.len() } else { length_while(value, belongs) }
}

fn ends_bare_value(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, ',' | ';' | '&' | '"' | '\'' | '`' | '}' | ']' | ')' | '<' | '>' | '\\')
}

/// The quotation mark that the text begins with, and the backslashes before it where it is itself inside a string.
fn quote_at(text: &str) -> Option<&str> {
    let slashes = length_while(text, |c| c == '\\');
    text[slashes..].starts_with(['"', '\'']).then(|| &text[..=slashes])
}

/// Length of a quoted value with its quotation marks; all of the text where it does not end.
fn quoted_length(value: &str, quote: &str) -> usize {
    let (slashes, mark) = (quote.len() - 1, quote.as_bytes()[quote.len() - 1]);
    let mut before = 0;
    for (at, byte) in value.bytes().enumerate().skip(quote.len()) {
        let ends = byte == mark && if slashes == 0 { before % 2 == 0 } else { before <= slashes };
        if ends {
            return at + 1;
        }
        before = if byte == b'\\' { before + 1 } else { 0 };
    }
    value.len()
}

/// Length of an object or list; all of the text where it does not end.
fn nested_length(value: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < value.len() {
        let rest = &value[at..];
        if let Some(quote) = quote_at(rest) {
            at += quoted_length(rest, quote);
            continue;
        }
        let character = rest.chars().next().expect("the rest is not empty");
        at += character.len_utf8();
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    value.len()
}

/// User and password of a URL, given what follows its `://`.
fn user_info(after: &str) -> Option<&str> {
    let authority = &after[..length_while(after, |c| !c.is_whitespace() && !"/?#\"'<>`".contains(c))];
    authority.rsplit_once('@').map(|(user_info, _)| user_info)
}

fn token_of_ours(word: &str) -> Option<usize> {
    let body = word.strip_prefix(TOKEN_PREFIX)?;
    // Shorter words are names, such as `concord_test_database`.
    (body.len() >= 32).then_some(word.len())
}

/// Three parts of base64url, the first one being JSON (`{"` is `eyJ`).
fn json_web_token(text: &str) -> Option<usize> {
    if !text.starts_with("eyJ") {
        return None;
    }
    let token = text[..length_while(text, |c| is_word(c) || c == '.')].trim_end_matches('.');
    (token.matches('.').count() >= 2).then_some(token.len())
}

fn length_while(text: &str, holds: impl Fn(char) -> bool) -> usize {
    text.find(|c| !holds(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::{ApiToken, CountingRandom};

    fn check(text: &str, expected: &str) {
        assert_eq!(redact(text), expected);
    }

    #[test]
    fn values_of_secret_names_in_json() {
        check(
            r#"{"client_id":"abc","client_secret":"s3cr3t","audience":"api://p8p.client"}"#,
            r#"{"client_id":"abc","client_secret":"[redacted]","audience":"api://p8p.client"}"#,
        );
        check(
            r#"{ "access_token" : "a\"b\\", "refreshToken":"x", "token_type": "Bearer", "expires_in": 86400 }"#,
            r#"{ "access_token" : "[redacted]", "refreshToken":"[redacted]", "token_type": "Bearer", "expires_in": 86400 }"#,
        );
        check(
            r#"{"apiKey":12345,"X-Api-Key":"k","password":null,"id_token":true}"#,
            r#"{"apiKey":"[redacted]","X-Api-Key":"[redacted]","password":null,"id_token":"[redacted]"}"#,
        );
        check(
            r#"{"secrets":["a",{"b":"]"}],"name":"Acme","credential":{"user":"u","key":"k"}}"#,
            r#"{"secrets":"[redacted]","name":"Acme","credential":"[redacted]"}"#,
        );
    }

    #[test]
    fn json_inside_a_json_string() {
        check(
            r#"{"body":"{\"password\":\"p\\\"w\",\"name\":\"Acme\"}","status":200}"#,
            r#"{"body":"{\"password\":\"[redacted]\",\"name\":\"Acme\"}","status":200}"#,
        );
    }

    #[test]
    fn json_that_was_cut_off() {
        check(r#"{"name":"Acme","client_secret":"s3cr"#, r#"{"name":"Acme","client_secret":"[redacted]""#);
        check(r#"{"secrets":["a","b"#, r#"{"secrets":"[redacted]""#);
    }

    #[test]
    fn headers_and_bearer_tokens() {
        check("authorization: Basic dXNlcjpwYXNz\naccept: */*", "authorization: [redacted]\naccept: */*");
        check("Proxy-Authorization: Digest a=\"b\"", "Proxy-Authorization: [redacted]\"b\"");
        check("set-cookie: sid=1; path=/", "set-cookie: [redacted]");
        check("Ocp-Apim-Subscription-Key: k", "Ocp-Apim-Subscription-Key: [redacted]");
        for (name, value, expected) in [
            ("Ocp-Apim-Subscription-Key", "k", REDACTED),
            ("X-Api-Key", "k", REDACTED),
            ("x-hook-secret", "k", REDACTED),
            ("Authorization", "Basic dXNlcjpwYXNz", REDACTED),
            ("Accept", "application/json", "application/json"),
            ("Location", "/callback?code=abc&x=1", "/callback?code=[redacted]&x=1"),
        ] {
            assert_eq!(redact_header(name, value), expected, "{name}");
        }
        check("sent with bearer abc.def-ghi", "sent with bearer [redacted]");
        check(r#"("authorization", "Bearer abc")"#, r#"("authorization", "Bearer [redacted]")"#);
    }

    #[test]
    fn addresses_of_webhooks() {
        check("https://c.example/webhooks/pax8/Abc-1_2 is down", "https://c.example/webhooks/pax8/[redacted] is down");
        check("https://c.example/webhooks/pax8/********", "https://c.example/webhooks/pax8/********");
        check("https://api.pax8.com/api/v2/webhooks/7f", "https://api.pax8.com/api/v2/webhooks/7f");
    }

    #[test]
    fn forms_queries_and_urls() {
        check(
            "grant_type=refresh_token&refresh_token=abc%26d&client_id=7",
            "grant_type=refresh_token&refresh_token=[redacted]&client_id=7",
        );
        check("GET /callback?code=abc&state=xyz&page=2", "GET /callback?code=[redacted]&state=[redacted]&page=2");
        check("code=abc&redirect_uri=x", "code=[redacted]&redirect_uri=x");
        check("country code=US state: TX", "country code=US state: TX");
        check("code: 12, state=open", "code: 12, state=open");
        check(
            r#"{"code":"NOT_FOUND","message":"no token today"}"#,
            r#"{"code":"NOT_FOUND","message":"no token today"}"#,
        );
        check("postgres://concord:p@ss:w@db.example/concord", "postgres://concord:[redacted]@db.example/concord");
        check("postgres://concord@db.example/concord", "postgres://concord@db.example/concord");
        check("https://token@api.example/v1", "https://[redacted]@api.example/v1");
        check("https://api.example/v1?page=0@2", "https://api.example/v1?page=0@2");
    }

    #[test]
    fn rust_debug_and_sentences() {
        check(r#"Login { user: "u", password: Some("x") }"#, r#"Login { user: "u", password: Some("[redacted]") }"#);
        check("the password is not set", "the password is not set");
        check("password: hunter2, user: u", "password: [redacted], user: u");
        check("the token: is missing", "the token: [redacted] missing");
    }

    #[test]
    fn tokens_known_by_their_form() {
        let token = ApiToken::generate(&CountingRandom::default());
        check(&format!("used {} twice", token.expose()), "used concord_[redacted] twice");
        check("database concord_test_12345", "database concord_test_12345");
        check("got eyJhbGciOi.eyJzdWIiOi.sig-nature.", "got [redacted].");
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "Microsoft 365 Business Basic",
            r#"{"secretary":"Ann","tokenUrl":"https://x.example/token","authorizationUrl":"https://x.example/a"}"#,
            "Ünïcödé – “quoted” ✓",
            "",
        ] {
            check(text, text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC{0,80}") {
            redact(&text);
        }

        #[test]
        fn nothing_before_a_secret_hides_it_from_us(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "\"", "\\\"", "\\", "'", "{", "}", "[", "]", ":", "=", "=>", ",", " ", "\n", "&", "?", "@", "://",
                    "password", "secret", "Bearer", "Authorization", "code", "Some(", "null", "[redacted]", "x", "é",
                ]),
                0..24,
            )
        ) {
            let redacted = redact(&format!("{}password=planted", pieces.concat()));
            prop_assert!(!redacted.contains("planted"), "{}", redacted);
        }

        #[test]
        fn a_secret_in_json_is_gone_and_the_json_still_reads(value in "\\PC{1,40}", name in "[a-z]{0,5}_?(secret|password|token)") {
            let planted = format!("planted{value}");
            let document = serde_json::json!({"name": "Acme", &name: planted, "list": [{&name: planted}]});
            let redacted = redact(&document.to_string());
            prop_assert!(!redacted.contains("planted"), "{}", redacted);
            let read: serde_json::Value = serde_json::from_str(&redacted).expect("it is still JSON");
            prop_assert_eq!(read["name"].as_str(), Some("Acme"));
            let nested = redact(&serde_json::json!({"body": document.to_string()}).to_string());
            prop_assert!(!nested.contains("planted"), "{}", nested);
        }
    }
}
