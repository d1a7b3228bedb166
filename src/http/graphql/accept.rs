//! Which media type to answer in, from the `Accept` header. Knows nothing about GraphQL documents.

use http::{HeaderMap, HeaderValue, header};

/// A media type this endpoint can answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status says what happened.
    GraphqlResponse,
    /// `application/json`: well-formed requests are answered 200 whatever the document was.
    Json,
    /// `text/event-stream`: `graphql-sse`.
    EventStream,
    /// `text/html`: a person in a browser.
    Html,
}

impl Media {
    /// The value of `Content-Type`.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::EventStream => "text/event-stream; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        })
    }
}

/// What a client accepts, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted(Vec<Media>);

impl Accepted {
    /// Reads the `Accept` header; without one, JSON is assumed.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let ranges: Vec<&str> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|range| !range.is_empty())
            .collect();
        if ranges.is_empty() {
            return Self(vec![Media::Json]);
        }
        let mut found: Vec<(u16, Media)> = Vec::new();
        for range in ranges {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let media = match name.as_str() {
                "application/graphql-response+json" => Media::GraphqlResponse,
                // Older clients know only JSON, so a wildcard means JSON.
                "application/json" | "application/*" | "*/*" => Media::Json,
                "text/event-stream" => Media::EventStream,
                "text/html" | "text/*" => Media::Html,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths).unwrap_or(0);
            if weight > 0 && found.iter().all(|(_, known)| *known != media) {
                found.push((weight, media));
            }
        }
        found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        Self(found.into_iter().map(|(_, media)| media).collect())
    }

    /// Whether a person in a browser asks.
    pub(super) fn prefers_html(&self) -> bool {
        self.0.first() == Some(&Media::Html)
    }

    /// Whether an event stream will do.
    pub(super) fn allows_event_stream(&self) -> bool {
        self.0.contains(&Media::EventStream)
    }

    /// The media type for a single answer; none when nothing we can write is accepted.
    pub(super) fn single(&self) -> Option<Media> {
        self.0.iter().copied().find(|media| *media != Media::Html)
    }

    /// The media type for an error that comes before negotiation can fail.
    pub(super) fn for_errors(&self) -> Media {
        let json = |media: &Media| matches!(media, Media::GraphqlResponse | Media::Json);
        self.0.iter().copied().find(json).unwrap_or(Media::Json)
    }
}

/// A quality value such as `0.8`, in thousandths; none when it is malformed.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u16 = whole.parse().ok()?;
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    (whole <= 1).then(|| (whole * 1000 + fraction).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Accepted {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Accepted::of(&headers)
    }

    #[test]
    fn the_best_range_wins() {
        let single = |accept| accepted(accept).single();
        assert_eq!(Accepted::of(&HeaderMap::new()).single(), Some(Media::Json));
        assert_eq!(single("*/*"), Some(Media::Json));
        assert_eq!(single("application/json"), Some(Media::Json));
        assert_eq!(single("application/graphql-response+json; charset=utf-8"), Some(Media::GraphqlResponse));
        assert_eq!(single("application/json;q=0.5, application/graphql-response+json"), Some(Media::GraphqlResponse));
        assert_eq!(single("application/json;q=0, text/event-stream"), Some(Media::EventStream));
        assert_eq!(single("image/png"), None);
        assert_eq!(single("text/html"), None);
        assert!(accepted("text/html,application/xhtml+xml,*/*;q=0.8").prefers_html());
        assert!(!accepted("application/json, text/html;q=0.9").prefers_html());
    }

    #[test]
    fn quality_values_are_exact() {
        assert_eq!(thousandths("1"), Some(1000));
        assert_eq!(thousandths("0.8"), Some(800));
        assert_eq!(thousandths("0.001"), Some(1));
        assert_eq!(thousandths("1.5"), Some(1000));
        for malformed in ["", "2", "x", "0.1234", "0.-1"] {
            assert_eq!(thousandths(malformed), None, "{malformed}");
        }
    }
}
