//! The one function that takes secrets out of traffic before it is logged or recorded.

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Names whose values are secrets, in lower case without `_` and `-`.
const SECRET_NAMES: [&str; 17] = [
    "accesstoken",
    "apikey",
    "authorization",
    "clientassertion",
    "clientsecret",
    "codeverifier",
    "cookie",
    "idtoken",
    "ocpapimsubscriptionkey",
    "password",
    "proxyauthorization",
    "refreshtoken",
    "secret",
    "setcookie",
    "token",
    "xhooksecret",
    "xapikey",
];

/// The text without secrets: values of secret names in JSON, in form bodies and queries, in header lines, and every
/// JSON web token wherever it stands.
pub fn redacted(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !is_word(first) {
            clean.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        if let Some(end) = web_token_end(rest) {
            clean.push_str(REDACTED);
            rest = &rest[end..];
            continue;
        }
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        clean.push_str(word);
        rest = after;
        if let Some((lead, value)) = secret_value(word, after) {
            clean.push_str(&after[..lead]);
            clean.push_str(REDACTED);
            rest = &after[lead + value..];
        }
    }
    clean
}

/// The value of a header for a log line.
pub fn redacted_header(name: &str, value: &str) -> String {
    if is_secret(name) { REDACTED.to_owned() } else { redacted(value) }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_secret(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.contains(&folded.as_str())
}

/// Where a JSON web token that begins here ends: three dotted parts, the first one an encoded `{"`.
fn web_token_end(text: &str) -> Option<usize> {
    if !text.starts_with("eyJ") {
        return None;
    }
    let end = text.find(|c: char| !is_word(c) && c != '.').unwrap_or(text.len());
    (text[..end].matches('.').count() >= 2).then_some(end)
}

/// Length of what stands between a secret name and its value, and of the value.
fn secret_value(word: &str, after: &str) -> Option<(usize, usize)> {
    let unquoted = after.trim_start_matches(['"', '\\', '\'']);
    let separated = unquoted.trim_start();
    let separator = separated.chars().next().filter(|c| matches!(c, ':' | '='))?;
    // An authorization code is a secret in a form or a query, while `code` in JSON is an error's name.
    let is_code = separator == '=' && word == "code";
    if !is_code && !is_secret(word) {
        return None;
    }
    let value = separated[1..].trim_start_matches([' ', '\t']);
    let was_quoted = unquoted.len() < after.len();
    if let Some(quoted) = value.strip_prefix('"') {
        let lead = after.len() - quoted.len();
        return Some((lead, quoted_length(quoted)));
    }
    let lead = after.len() - value.len();
    let length = match separator {
        '=' => value.find(|c: char| c == '&' || c == '"' || c.is_whitespace()),
        _ if was_quoted => value.find([',', '}', ']', '\n']),
        _ => value.find(['\r', '\n']),
    };
    Some((lead, length.unwrap_or(value.len())))
}

/// Length of a quoted text up to its closing quote.
fn quoted_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_pass() {
        let cases = [
            (
                r#"{"client_id":"abc","client_secret":"s3","x":1}"#,
                r#"{"client_id":"abc","client_secret":"[redacted]","x":1}"#,
            ),
            (r#"{"apiKey" : "a\"b", "n": 2}"#, r#"{"apiKey" : "[redacted]", "n": 2}"#),
            ("grant_type=refresh_token&refresh_token=abc&x=1", "grant_type=refresh_token&refresh_token=[redacted]&x=1"),
            ("Authorization: Bearer abc.def\nAccept: */*", "Authorization: [redacted]\nAccept: */*"),
            ("Set-Cookie: a=b; Path=/", "Set-Cookie: [redacted]"),
            (r#"{"data":{"token":"t"}}"#, r#"{"data":{"token":"[redacted]"}}"#),
            ("got eyJhbGciOi.eyJleHAi.c2ln back", "got [redacted] back"),
            ("?code=abc&state=x", "?code=[redacted]&state=x"),
            (
                r#"{"code":"NOT_FOUND","message":"no token today"}"#,
                r#"{"code":"NOT_FOUND","message":"no token today"}"#,
            ),
            (r#"{"access_token":null,"expires_in":1}"#, r#"{"access_token":[redacted],"expires_in":1}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(redacted(text), expected);
        }
        assert_eq!(redacted_header("Ocp-Apim-Subscription-Key", "k"), REDACTED);
        assert_eq!(redacted_header("Accept", "application/json"), "application/json");
    }
}
