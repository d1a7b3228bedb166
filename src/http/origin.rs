//! Which web pages may call: those of this host, and those the operator named. Programs that are no browser send no
//! `Origin` and are not concerned.

use std::str::FromStr;

use http::{HeaderMap, HeaderValue, header};
use url::Url;

/// A scheme, host and port, for example `https://app.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read origin `{0}`: expected a scheme, host and optional port, as in `https://app.example.com`")]
pub struct NotAnOrigin(String);

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let origin = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(|url| {
            let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            (url.origin().ascii_serialization(), is_bare && url.username().is_empty())
        });
        match origin {
            Some((origin, true)) => Ok(Self(origin)),
            _ => Err(NotAnOrigin(text.to_owned())),
        }
    }
}

/// The web pages that may call from another host; empty unless configured.
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins(Vec<Origin>);

impl AllowedOrigins {
    /// Exactly these.
    pub fn new(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    /// The values for a CORS layer; none when no other host may call.
    pub(super) fn header_values(&self) -> Option<Vec<HeaderValue>> {
        let values: Vec<_> = self.0.iter().filter_map(|origin| HeaderValue::from_str(&origin.0).ok()).collect();
        (!values.is_empty()).then_some(values)
    }

    /// Whether a request comes from no web page, from a page of this host, or from one of these.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        if origins.next().is_some() {
            return false;
        }
        let Some(origin) = origin.to_str().ok().and_then(|text| Url::parse(text).ok()) else { return false };
        let serialized = origin.origin().ascii_serialization();
        if self.0.iter().any(|allowed| allowed.0 == serialized) {
            return true;
        }
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
        // The scheme is not compared: behind a proxy that ends TLS this server does not know its own.
        let own = Url::parse(&format!("{}://{host}/", origin.scheme())).ok();
        matches!(origin.scheme(), "http" | "https") && own.is_some_and(|own| own.origin() == origin.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(origin: Option<&str>, host: &str) -> bool {
        let allowed = AllowedOrigins::new(vec!["https://app.example.com".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        allowed.admits(&headers)
    }

    #[test]
    fn pages_of_other_hosts_are_not_admitted() {
        assert!(admits(None, "localhost:8080"));
        assert!(admits(Some("http://localhost:8080"), "localhost:8080"));
        assert!(admits(Some("https://concord.example.com"), "concord.example.com"));
        assert!(admits(Some("https://app.example.com"), "concord.example.com"));
        assert!(admits(Some("https://APP.example.com:443"), "concord.example.com"));
        for foreign in ["http://localhost:8081", "http://app.example.com", "https://evil.example", "null", "file:///"] {
            assert!(!admits(Some(foreign), "localhost:8080"), "{foreign}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!("https://app.example.com".parse::<Origin>().is_ok());
        assert!("http://localhost:3000/".parse::<Origin>().is_ok());
        for wrong in ["*", "app.example.com", "https://app.example.com/x", "ftp://a", "https://me@app.example.com"] {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }
}
