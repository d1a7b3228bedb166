//! What surrounds every request: health, correlation ids, headers, CORS, compression, stopping.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as route;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{PATIENCE, Setup, start};
use super::wire::{Response, get, post, request};

#[tokio::test]
async fn health_needs_no_token_and_tells_no_reason() {
    let server = start().await;
    assert_eq!(request("GET", "/healthz").send(&server).await.status, 200);
    let away = request("GET", "/readyz").send(&server).await;
    assert_eq!((away.status, away.text().contains("secret")), (503, false));
    server.switches.is_ready.store(true, Ordering::SeqCst);
    assert_eq!(request("GET", "/readyz").send(&server).await.status, 200);
}

#[tokio::test]
async fn a_request_keeps_its_id() {
    let server = start().await;
    let given = post("{ requestId }").header("X-Request-Id", "trace-1").send(&server).await;
    assert_eq!(given.header("x-request-id"), Some("trace-1"));
    assert_eq!(given.json()["data"]["requestId"], "trace-1");
    let made = post("{ requestId }").header("X-Request-Id", "not a plain id").send(&server).await;
    let id = made.header("x-request-id").unwrap();
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
    assert_eq!(made.json()["data"]["requestId"], id);
}

#[tokio::test]
async fn every_response_has_the_careful_headers() {
    let server = start().await;
    for request in [request("GET", "/healthz"), post("{ hello }"), request("GET", "/"), request("GET", "/nowhere")] {
        let response = request.send(&server).await;
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
        {
            assert_eq!(response.header(name), Some(value), "{name}");
        }
        assert!(response.header("content-security-policy").is_some());
    }
    assert_eq!(post("{ hello }").send(&server).await.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn other_hosts_may_call_only_when_they_are_named() {
    let preflight = request("OPTIONS", "/graphql")
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization,content-type");
    let server = start().await;
    assert_eq!(preflight.send(&server).await.header("access-control-allow-origin"), None);
    let call = post("{ hello }").header("Origin", "https://app.example.com");
    check_refused(&call.send(&server).await);
    check_refused(&get("{ hello }").header("Origin", "https://app.example.com").send(&server).await);
    let stream = post("{ hello }").header("Origin", "https://app.example.com").header("Accept", "text/event-stream");
    check_refused(&stream.send(&server).await);
    let own = format!("http://{}", server.address);
    assert_eq!(post("{ hello }").header("Origin", &own).send(&server).await.status, 200);

    let server = Setup { origins: vec!["https://app.example.com"], ..Setup::default() }.start().await;
    let response = preflight.send(&server).await;
    assert_eq!(response.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert!(response.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert_eq!(call.send(&server).await.header("access-control-allow-origin"), Some("https://app.example.com"));
    check_refused(&post("{ hello }").header("Origin", "https://evil.example").send(&server).await);
}

/// A page of a host that nobody named is told nothing, on whatever way it asks.
#[track_caller]
fn check_refused(response: &Response) {
    assert_eq!((response.status, response.header("access-control-allow-origin")), (403, None));
    assert!(response.text().contains("Web pages of this origin may not call"), "{}", response.text());
}

#[tokio::test]
async fn large_answers_are_compressed() {
    let server = start().await;
    let response =
        get("{ __schema { types { name fields { name } } } }").header("Accept-Encoding", "gzip").send(&server).await;
    assert_eq!((response.header("content-encoding"), &response.body[..2]), (Some("gzip"), &[0x1f, 0x8b][..]));
}

#[tokio::test]
async fn other_parts_bring_their_routes_and_a_panic_there_is_an_answer() {
    let others = Router::new()
        .route("/webhooks/pax8", route(|| async { "taken" }))
        .route("/broken", route(|| async { if true { panic!("a secret in a panic") } else { "" } }));
    let server = Setup { others, ..Setup::default() }.start().await;
    let taken = request("GET", "/webhooks/pax8").send(&server).await;
    assert_eq!((taken.text().as_str(), taken.header("x-request-id").is_some()), ("taken", true));
    let broken = request("GET", "/broken").send(&server).await;
    assert_eq!((broken.status, broken.code().as_str(), broken.text().contains("secret")), (500, "INTERNAL", false));
}

#[tokio::test]
async fn stopping_lets_requests_end() {
    let server = Setup { grace: Some(PATIENCE), ..Setup::default() }.start().await;
    let calling = post("{ waiting }");
    let stopping = async {
        server.until("it runs", |switches| switches.running.load(Ordering::SeqCst) == 1).await;
        server.shutdown.cancel();
        tokio::time::sleep(Duration::from_millis(10)).await;
        server.switches.release.notify_waiters();
    };
    let (response, ()) = tokio::join!(calling.send(&server), stopping);
    assert_eq!(response.text(), r#"{"data":{"waiting":true}}"#);
    server.stopped().await;
}

#[tokio::test]
async fn who_sends_the_head_of_a_request_slowly_is_cut_off() {
    let head = Duration::from_millis(500);
    let server = Setup { head: Some(head), ..Setup::default() }.start().await;
    let begun = Instant::now();
    let mut slow = TcpStream::connect(server.address).await.expect("it is accepted");
    let mut silent = TcpStream::connect(server.address).await.expect("it is accepted");
    let dripping = async {
        slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.expect("it is sent");
        let (mut reader, mut writer) = slow.split();
        let mut rest = Vec::new();
        let drip = async {
            while writer.write_all(b"x-drip: 1\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            read = reader.read_to_end(&mut rest) => drop(read),
            () = drip => {}
        }
        rest
    };
    let waiting = async {
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest).await;
        rest
    };
    let both = tokio::time::timeout(PATIENCE, async { tokio::join!(dripping, waiting) });
    let (answered, unasked) = both.await.expect("both are cut off");
    assert!(begun.elapsed() >= head, "each had the time that it is given");
    assert!(!String::from_utf8_lossy(&answered).contains("200 OK"));
    assert_eq!(unasked, b"");
    // Whoever asks in time is answered.
    assert_eq!(request("GET", "/healthz").send(&server).await.status, 200);
}
