//! The manners of the HTTP client that no provider's test shows: bounds, encodings, and what is never sent twice.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use concord::connector::ConnectorError;
use concord::connector::http::{Authorization as _, Bodies, ClientSettings, Outgoing, ProviderClient, Repetition};
use concord::connector::oauth::{FetchedToken, TokenFetch, TokenSource};
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::connector_support::{clock, json_text};

fn client(server: &MockServer, change: impl FnOnce(&mut ClientSettings)) -> ProviderClient {
    client_of(&server.uri(), change)
}

fn client_of(address: &str, change: impl FnOnce(&mut ClientSettings)) -> ProviderClient {
    let base = Url::parse(&format!("{address}/base/")).unwrap();
    let mut settings = ClientSettings::new("Somebody", base, NonZeroU32::new(6000).unwrap());
    settings.first_delay = Duration::from_millis(1);
    change(&mut settings);
    ProviderClient::new(settings, clock()).unwrap()
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = MockServer::start().await;
    let large = json_text(200, format!("[\"{}\"]", "x".repeat(5000)));
    Mock::given(path("/base/list")).respond_with(large).expect(1).mount(&server).await;
    let error = client(&server, |settings| settings.max_body_bytes = 4096).get(&["list"], &[]).await.unwrap_err();
    let message = "the answer is larger than 4096 bytes".to_owned();
    assert_eq!(error, ConnectorError::Malformed { provider: "Somebody", message });
}

#[tokio::test]
async fn an_answer_that_is_not_utf_8_is_refused_instead_of_repaired() {
    let server = MockServer::start().await;
    let latin = ResponseTemplate::new(200).set_body_raw(b"[\"caf\xe9\"]".to_vec(), "application/json");
    Mock::given(path("/base/list")).respond_with(latin).mount(&server).await;
    let error = client(&server, |_| {}).get(&["list"], &[]).await.unwrap_err();
    assert!(error.to_string().ends_with("the answer is not UTF-8"), "{error}");
}

#[tokio::test]
async fn a_secret_is_taken_out_before_a_text_is_cut() {
    let secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    for before in 60..160 {
        let server = MockServer::start().await;
        let page = ResponseTemplate::new(200).set_body_raw(format!("{} {secret}", "x".repeat(before)), "text/html");
        Mock::given(path("/base/list")).respond_with(page).mount(&server).await;
        let error = client(&server, |_| {}).get(&["list"], &[]).await.unwrap_err().to_string();
        assert!(!error.contains("eyJ"), "{error}");
    }
}

#[tokio::test]
async fn a_silent_provider_is_given_up() {
    // The kernel takes the connections, however busy the machine is; nobody ever answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&format!("http://{}", listener.local_addr().unwrap()), |settings| {
        settings.timeout = Duration::from_millis(300);
        settings.max_tries = 2;
    });
    let error = client.get(&["list"], &[]).await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Unavailable { message, .. } if message.contains("in time")), "{error}");
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.incoming().map_while(Result::ok).count(), 2, "it is tried as often as it may be");
}

#[tokio::test]
async fn numbers_without_measure_do_not_panic() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", u64::MAX.to_string());
    Mock::given(path("/base/list")).respond_with(limited).expect(1).mount(&server).await;
    let client = client(&server, |settings| {
        settings.concurrency = usize::MAX;
        settings.timeout = Duration::MAX;
        settings.max_delay = Duration::MAX;
        settings.max_retry_after = Duration::from_secs(60);
    });
    let error = client.get(&["list"], &[]).await.unwrap_err();
    assert!(matches!(error, ConnectorError::RateLimited { .. }), "{error}");
}

/// Gives tokens that end at a moment.
struct EndingAt(DateTime<Utc>);

#[async_trait]
impl TokenFetch for EndingAt {
    fn provider(&self) -> &'static str {
        "Somebody"
    }

    async fn fetch(&self) -> Result<FetchedToken, ConnectorError> {
        Ok(FetchedToken { token: "t".into(), expires_at: Some(self.0) })
    }
}

#[tokio::test]
async fn a_token_of_any_age_and_any_skew_can_be_used() {
    for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH] {
        for skew in [0, 60, 9_000_000_000_000_000, u64::MAX] {
            let source = TokenSource::new(Box::new(EndingAt(end)), clock(), Duration::from_secs(skew));
            source.credential().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_write_is_never_sent_twice() {
    for status in [429, 503, 408] {
        let server = MockServer::start().await;
        let failing = ResponseTemplate::new(status).insert_header("retry-after", "0");
        Mock::given(method("POST")).respond_with(failing).expect(1).mount(&server).await;
        let client = client(&server, |_| {});
        let outcome = client
            .send(Outgoing {
                method: Method::POST,
                url: client.url(&["orders"]),
                headers: HeaderMap::new(),
                body: Some("{}".to_owned()),
                repetition: Repetition::Forbidden,
                bodies: Bodies::Shown,
            })
            .await;
        match outcome {
            Ok(reply) => assert_eq!(reply.status.as_u16(), status),
            Err(error) => assert!(matches!(error, ConnectorError::RateLimited { .. }), "{error}"),
        }
    }
}

#[tokio::test]
async fn parts_of_a_path_are_encoded_and_cannot_leave_it() {
    let server = MockServer::start().await;
    let client = client(&server, |_| {});
    let url = client.url(&["companies", "a/../b?x=1#y", "contacts"]);
    assert_eq!(url.path(), "/base/companies/a%2F..%2Fb%3Fx=1%23y/contacts");
    assert_eq!((url.query(), url.fragment()), (None, None));
    // A part that is only dots would be resolved away.
    assert_eq!(client.url(&["companies", "..", "contacts"]).path(), "/base/companies/contacts");
}
