//! The request that sends a person here: what it has to say, and to whom a refusal may go. It knows nothing about who
//! logs in.

use url::form_urlencoded;

use super::failure::Failure;
use super::side::Side;
use crate::sandbox::http::query::Query;

/// Hosts of the machine itself, on which an application may listen at any port.
const LOOPBACK: [&str; 3] = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];

/// A request that can be put before a person.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub way_back: WayBack,
    /// What is asked for, in the order of the request.
    pub scopes: Vec<&'static str>,
    /// SHA-256 of the verifier that has to come with the code.
    pub challenge: String,
}

/// Where an answer goes, and what it has to repeat.
#[derive(Debug, Clone)]
pub struct WayBack {
    /// Registered address of the application.
    pub redirect_uri: String,
    /// Text of the application, given back as it came.
    pub state: Option<String>,
    /// Who answers.
    pub issuer: String,
}

/// Why a request is not put before a person.
#[derive(Debug)]
pub enum Unacceptable {
    /// It is not known whose request this is, so the person is told and nobody else.
    Stranger(&'static str),
    /// The application is told.
    Told(WayBack, Failure),
}

impl AuthorizationRequest {
    /// Reads the query of a request.
    pub fn read(side: Side, issuer: &str, registered: &[String], query: &Query) -> Result<Self, Unacceptable> {
        let stranger = |what| Unacceptable::Stranger(what);
        match single(query, "client_id") {
            Ok(Some(client)) if client == side.client_id() => {}
            _ => return Err(stranger("The application that sent you here is not known.")),
        }
        let redirect_uri = match single(query, "redirect_uri") {
            Ok(Some(uri)) if is_registered(side, registered, uri) => uri.to_owned(),
            _ => return Err(stranger("The address to return to is not registered for the application.")),
        };
        let state = query.get("state").map(str::to_owned);
        let way_back = WayBack { redirect_uri, state, issuer: issuer.to_owned() };
        match Self::rest(side, query) {
            Ok((scopes, challenge)) => Ok(Self { way_back, scopes, challenge }),
            Err(failure) => Err(Unacceptable::Told(way_back, failure)),
        }
    }

    fn rest(side: Side, query: &Query) -> Result<(Vec<&'static str>, String), Failure> {
        single(query, "state")?;
        match single(query, "response_type")? {
            Some("code") => {}
            Some(_) => return Err(Failure::new("unsupported_response_type", "response_type has to be code")),
            None => return Err(Failure::request("response_type is missing")),
        }
        if single(query, "code_challenge_method")? != Some("S256") {
            return Err(Failure::request("code_challenge_method has to be S256"));
        }
        let challenge = single(query, "code_challenge")?.unwrap_or_default();
        // The length of a SHA-256 in base64url without padding.
        if challenge.len() != 43 || !challenge.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(Failure::request("code_challenge is missing or not a SHA-256 in base64url"));
        }
        let audience = single(query, "audience")?;
        if side.audience().is_some_and(|expected| audience != Some(expected)) {
            return Err(Failure::request("audience is missing or not the API of this provider"));
        }
        Ok((scopes(side, single(query, "scope")?.unwrap_or_default())?, challenge.to_owned()))
    }
}

/// The scopes that a text names.
pub fn scopes(side: Side, text: &str) -> Result<Vec<&'static str>, Failure> {
    let mut scopes = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let known = side.scopes().iter().find(|scope| scope.name == word);
        let name = known.ok_or_else(|| Failure::new("invalid_scope", "scope names something unknown"))?.name;
        if !scopes.contains(&name) {
            scopes.push(name);
        }
    }
    if scopes.is_empty() {
        return Err(Failure::new("invalid_scope", "scope is missing"));
    }
    Ok(scopes)
}

/// A parameter that must not come twice; an empty one counts as none.
pub fn single<'a>(query: &'a Query, name: &'a str) -> Result<Option<&'a str>, Failure> {
    let mut values = query.all(name);
    let first = values.next().filter(|value| !value.is_empty());
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Failure::request(format!("{name} is there more than once"))),
    }
}

fn is_registered(side: Side, registered: &[String], uri: &str) -> bool {
    let is_on_this_machine = LOOPBACK.iter().filter_map(|host| uri.strip_prefix(host)).any(|rest| {
        let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_port = port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok();
        is_port && path == format!("oauth/callback/{}", side.name())
    });
    is_on_this_machine || registered.iter().any(|one| one == uri)
}

impl WayBack {
    /// The address with a code.
    pub fn with_code(&self, code: &str) -> String {
        self.with(&[("code", code)])
    }

    /// The address with an error.
    pub fn with_failure(&self, failure: &Failure) -> String {
        self.with(&[("error", failure.error), ("error_description", &failure.description)])
    }

    fn with(&self, parameters: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let rest = state.into_iter().chain([("iss", self.issuer.as_str())]);
        let pairs = parameters.iter().copied().chain(rest);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{separator}{query}", self.redirect_uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_addresses_are_returned_to() {
        let registered = ["https://concord.example/oauth/callback/pax8".to_owned()];
        for uri in [
            "http://127.0.0.1:8080/oauth/callback/pax8",
            "http://localhost:1/oauth/callback/pax8",
            "http://[::1]:65535/oauth/callback/pax8",
            "https://concord.example/oauth/callback/pax8",
        ] {
            assert!(is_registered(Side::Pax8, &registered, uri), "{uri}");
        }
        for uri in [
            "http://127.0.0.1/oauth/callback/pax8",
            "http://127.0.0.1:/oauth/callback/pax8",
            "http://127.0.0.1:65536/oauth/callback/pax8",
            "http://127.0.0.1:+80/oauth/callback/pax8",
            "http://127.0.0.1:80@evil.example/oauth/callback/pax8",
            "http://127.0.0.1:8080/oauth/callback/psa",
            "http://127.0.0.1:8080/oauth/callback/pax8/",
            "http://127.0.0.1:8080/oauth/callback/pax8?x=1",
            "http://127.0.0.1:8080/oauth/callback/pax8#x",
            "https://127.0.0.1:8080/oauth/callback/pax8",
            "http://evil.example:8080/oauth/callback/pax8",
            "https://concord.example/oauth/callback/pax8/",
            "https://CONCORD.example/oauth/callback/pax8",
            "",
        ] {
            assert!(!is_registered(Side::Pax8, &registered, uri), "{uri}");
        }
    }

    #[test]
    fn an_answer_is_added_to_the_address() {
        let way = |uri: &str, state: Option<&str>| WayBack {
            redirect_uri: uri.to_owned(),
            state: state.map(str::to_owned),
            issuer: "http://s".to_owned(),
        };
        assert_eq!(way("http://a/b", Some("x&y")).with_code("c"), "http://a/b?code=c&state=x%26y&iss=http%3A%2F%2Fs");
        assert_eq!(way("http://a/b?k=1", None).with_code("c"), "http://a/b?k=1&code=c&iss=http%3A%2F%2Fs");
    }
}
