//! Event streams: `graphql-sse` in its distinct connections mode.

use std::sync::atomic::Ordering;
use std::time::Duration;

use concord::http::Limits;
use serde_json::json;

use super::server::{Setup, start};
use super::wire::{get, post};

#[tokio::test]
async fn a_subscription_streams_and_completes() {
    let server = start().await;
    for request in [post("subscription { count(to: 2) }"), get("subscription { count(to: 2) }")] {
        let request = request.with("Accept", Some("text/event-stream")).header("Accept-Encoding", "gzip");
        let mut stream = request.open(&server).await;
        assert_eq!((stream.status, stream.header("content-type")), (200, Some("text/event-stream")));
        assert_eq!(stream.header("content-encoding"), None);
        for number in [1, 2] {
            let event = ("next".to_owned(), json!({ "data": { "count": number } }));
            assert_eq!(stream.event().await, Some(event));
        }
        assert_eq!(stream.event().await, Some(("complete".to_owned(), json!({}))));
        assert_eq!(stream.event().await, None);
    }
    // A client that takes both gets a stream for what needs one, and a plain answer for the rest.
    let either = "application/json, text/event-stream";
    let stream = post("subscription { count(to: 1) }").with("Accept", Some(either)).open(&server).await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    let plain = post("{ hello }").with("Accept", Some(either)).send(&server).await;
    assert_eq!(plain.json(), json!({ "data": { "hello": "world" } }));
}

#[tokio::test]
async fn the_last_event_has_data_that_browsers_do_not_drop() {
    let server = start().await;
    let mut stream = post("{ hello }").with("Accept", Some("text/event-stream")).open(&server).await;
    let mut lines = Vec::new();
    while let Some(line) = stream.line().await {
        lines.push(line);
    }
    let expected = ["event: next", r#"data: {"data":{"hello":"world"}}"#, "", "event: complete", "data: {}", ""];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn errors_come_as_events_and_strangers_get_401() {
    let server = start().await;
    for document in ["{", "{ nothing }", "subscription { nothing }"] {
        let mut stream = post(document).with("Accept", Some("text/event-stream")).open(&server).await;
        let (name, body) = stream.event().await.unwrap();
        assert_eq!((stream.status, name.as_str()), (200, "next"), "{document}");
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{document}");
        assert!(body.get("data").is_none(), "{document}");
        assert_eq!(stream.event().await.map(|(name, _)| name).as_deref(), Some("complete"));
    }
    let mut stream = post("subscription { panicking }").with("Accept", Some("text/event-stream")).open(&server).await;
    assert_eq!(stream.event().await.unwrap().1, json!({ "data": { "panicking": 1 } }));
    assert_eq!(stream.event().await.unwrap().1["errors"][0]["extensions"]["code"], "INTERNAL");
    assert_eq!(stream.event().await.unwrap().0, "complete");
    let stranger = post("subscription { silence }").with("Accept", Some("text/event-stream"));
    assert_eq!(stranger.with("Authorization", None).send(&server).await.status, 401);
    let mutation = get("mutation { change }").with("Accept", Some("text/event-stream")).send(&server).await;
    assert_eq!((mutation.status, server.switches.changes.load(Ordering::SeqCst)), (405, 0));
}

#[tokio::test]
async fn an_idle_stream_is_kept_alive_until_its_token_is_revoked() {
    let limits = Limits {
        ping_interval: Duration::from_millis(5),
        recheck_interval: Duration::from_millis(20),
        open_streams: 1,
        ..Limits::default()
    };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let request = post("subscription { silence }").with("Accept", Some("text/event-stream"));
    let mut stream = request.open(&server).await;
    assert_eq!(stream.line().await.as_deref(), Some(":"), "a comment keeps proxies from closing the line");
    let second = request.send(&server).await;
    assert_eq!((second.status, second.code().as_str()), (429, "LIMIT_EXCEEDED"));
    server.switches.is_revoked.store(true, Ordering::SeqCst);
    let (name, body) = stream.event().await.unwrap();
    assert_eq!((name.as_str(), &body["errors"][0]["extensions"]["code"]), ("next", &json!("UNAUTHENTICATED")));
    assert_eq!(stream.event().await.unwrap().0, "complete");
    assert_eq!(stream.line().await, None);
    server.switches.is_revoked.store(false, Ordering::SeqCst);
    let mut again = request.open(&server).await;
    assert_eq!((again.status, again.line().await.as_deref()), (200, Some(":")), "the place was given back");
}

#[tokio::test]
async fn a_stream_cut_by_a_stopping_server_does_not_look_complete() {
    let server = start().await;
    let request = post("subscription { flood(bytes: 10) }").with("Accept", Some("text/event-stream"));
    let mut stream = request.open(&server).await;
    assert_eq!(stream.event().await.unwrap().0, "next");
    server.shutdown.cancel();
    while let Some((name, _)) = stream.event().await {
        assert_eq!(name, "next");
    }
    server.stopped().await;
}
