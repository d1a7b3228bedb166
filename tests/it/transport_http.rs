//! GraphQL over HTTP: media types, methods, statuses, tokens, limits.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use concord::http::Limits;
use serde_json::json;

use super::server::{Setup, start};
use super::wire::{get, post, post_json, request};

#[tokio::test]
async fn the_answer_has_the_media_type_that_was_asked_for() {
    let server = start().await;
    for (accept, expected) in [
        (None, "application/json; charset=utf-8"),
        (Some("*/*"), "application/json; charset=utf-8"),
        (Some("application/json"), "application/json; charset=utf-8"),
        (
            Some("application/graphql-response+json, application/json"),
            "application/graphql-response+json; charset=utf-8",
        ),
        (Some("application/graphql-response+json;q=0.1, application/json"), "application/json; charset=utf-8"),
    ] {
        let response = post("{ hello }").with("Accept", accept).send(&server).await;
        assert_eq!((response.status, response.header("content-type")), (200, Some(expected)), "{accept:?}");
        assert_eq!(response.json(), json!({ "data": { "hello": "world" } }));
    }
    let response = post("{ hello }").with("Accept", Some("image/png")).send(&server).await;
    assert_eq!((response.status, response.code().as_str()), (406, "BAD_USER_INPUT"));
}

#[tokio::test]
async fn faults_of_the_document_are_200_in_json_and_400_where_the_status_speaks() {
    let server = start().await;
    for document in ["{", "{ nothing }", "query Q($id: ID!) { __typename }", "query A { hello } query B { hello }"] {
        let json = post(document).send(&server).await;
        let strict = post(document).strict().send(&server).await;
        assert_eq!((json.status, strict.status), (200, 400), "{document}");
        for response in [json, strict] {
            assert_eq!(response.code(), "BAD_USER_INPUT", "{document}");
            assert!(response.json().get("data").is_none(), "{document}");
        }
    }
    let unknown =
        post_json(&json!({ "query": "query A { hello }", "operationName": "B" })).strict().send(&server).await;
    assert_eq!((unknown.status, unknown.message().contains("`B`")), (400, true));
    let chosen = post_json(&json!({ "query": "query A { hello } query B { caller }", "operationName": "B" }));
    assert_eq!(chosen.send(&server).await.json(), json!({ "data": { "caller": "caller good" } }));
}

#[tokio::test]
async fn malformed_parameters_are_400_in_every_media_type() {
    let server = start().await;
    for body in [
        "",
        "{",
        "7",
        "{}",
        r#"[{"query": "{ hello }"}]"#,
        r#"{"query": 1}"#,
        r#"{"query": ""}"#,
        r#"{"query": "{ hello }", "variables": []}"#,
        r#"{"query": "{ hello }", "operationName": 1}"#,
        r#"{"query": "{ hello }", "extensions": "x"}"#,
    ] {
        let request = post("").body(body.as_bytes());
        for response in [request.send(&server).await, request.clone().strict().send(&server).await] {
            assert_eq!((response.status, response.code().as_str()), (400, "BAD_USER_INPUT"), "{body}");
            assert!(response.json().get("data").is_none(), "{body}");
        }
    }
    let extended = post_json(&json!({ "query": "{ hello }", "variables": null, "extensions": { "some": "value" } }));
    assert_eq!(extended.send(&server).await.status, 200);
}

#[tokio::test]
async fn only_json_bodies_are_read() {
    let server = start().await;
    for content_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")]
    {
        let response = post("mutation { change }").with("Content-Type", content_type).send(&server).await;
        assert_eq!((response.status, response.code().as_str()), (415, "BAD_USER_INPUT"), "{content_type:?}");
    }
    assert_eq!(server.switches.changes.load(Ordering::SeqCst), 0);
    let utf8 = post("{ hello }").with("Content-Type", Some("application/json; charset=UTF-8")).send(&server).await;
    assert_eq!(utf8.status, 200);
    let utf16 = post("{ hello }").with("Content-Type", Some("application/json; charset=utf-16")).send(&server).await;
    assert_eq!(utf16.status, 415);
}

#[tokio::test]
async fn get_is_for_queries_alone() {
    let server = start().await;
    assert_eq!(get("{ hello }").send(&server).await.json(), json!({ "data": { "hello": "world" } }));
    let mutation = get("mutation { change }").strict().send(&server).await;
    assert_eq!((mutation.status, mutation.header("allow")), (405, Some("POST")));
    let hidden = get("query A { hello } mutation B { change }");
    let path = "/graphql?query=query+A+%7Bhello%7D+mutation+B+%7Bchange%7D&operationName=B";
    let named = request("GET", path).header("Authorization", "Bearer good").send(&server).await;
    assert_eq!((hidden.send(&server).await.status, named.status), (200, 405));
    assert_eq!(server.switches.changes.load(Ordering::SeqCst), 0);
    let subscription = get("subscription { count(to: 1) }").send(&server).await;
    assert_eq!((subscription.status, subscription.message().contains("text/event-stream")), (406, true));
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let server = start().await;
    let head = get("{ hello }").send(&server).await;
    let length = head.header("content-length").map(str::to_owned);
    let path = "/graphql?query=%7B+hello+%7D";
    let head = request("HEAD", path).header("Authorization", "Bearer good").send(&server).await;
    assert_eq!((head.status, head.header("content-length").map(str::to_owned)), (200, length));
    let options = request("OPTIONS", "/graphql").send(&server).await;
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, POST, OPTIONS")));
    for method in ["PUT", "DELETE", "PATCH"] {
        let response = request(method, "/graphql").header("Authorization", "Bearer good").send(&server).await;
        assert_eq!((response.status, response.code().as_str()), (405, "BAD_USER_INPUT"), "{method}");
    }
}

#[tokio::test]
async fn each_wrong_token_gets_its_own_sentence() {
    let server = start().await;
    for (authorization, challenge, sentence) in [
        (None, r#"Bearer realm="concord""#, "needs a token"),
        (Some("Basic Z29vZDo="), r#"Bearer realm="concord", error="invalid_request""#, "cannot be read"),
        (Some("Bearer nobody"), r#"Bearer realm="concord", error="invalid_token""#, "not known"),
        (Some("Bearer expired"), r#"Bearer realm="concord", error="invalid_token""#, "expired"),
        (Some("Bearer revoked"), r#"Bearer realm="concord", error="invalid_token""#, "revoked"),
    ] {
        for request in [post("{ hello }"), get("{ hello }"), post("{ hello }").strict()] {
            let response = request.with("Authorization", authorization).send(&server).await;
            assert_eq!((response.status, response.code().as_str()), (401, "UNAUTHENTICATED"), "{authorization:?}");
            assert_eq!(response.header("www-authenticate"), Some(challenge));
            assert!(response.message().contains(sentence), "{}", response.message());
        }
    }
    let response = post("{ hello }").with("Authorization", Some("Bearer unavailable")).send(&server).await;
    assert_eq!((response.status, response.code().as_str()), (503, "UNAVAILABLE"));
    assert!(!response.text().contains("database"));
}

#[tokio::test]
async fn neighbours_of_a_failing_field_survive() {
    let server = start().await;
    let response = post("{ hello failing itself { caller failing } }").strict().send(&server).await;
    let data = json!({ "hello": "world", "failing": null, "itself": { "caller": "caller good", "failing": null } });
    assert_eq!((response.status, response.json()["data"].clone()), (200, data));
    assert_eq!(response.json()["errors"][0]["path"], json!(["failing"]));
    let response = post("{ hello required }").strict().send(&server).await;
    let data = json!({ "hello": "world", "required": null });
    assert_eq!((response.status, response.json()["data"].clone()), (200, data), "a failed field never just disappears");
    let response = post("{ itself { hello required } }").send(&server).await;
    assert_eq!(response.json()["data"], json!({ "itself": { "hello": "world", "required": null } }));
    // A scalar is read while its field runs, so the fault is the field's and still the caller's.
    let response = post("{ hello echo(amount: 1.5) }").strict().send(&server).await;
    assert_eq!(response.code(), "BAD_USER_INPUT", "{}", response.text());
}

#[tokio::test]
async fn a_panic_is_an_error_with_the_correlation_id() {
    let server = start().await;
    for document in ["{ hello panicking }", "{ panicking }"] {
        let response = post(document).header("X-Request-Id", "my-request").send(&server).await;
        assert_eq!(response.code(), "INTERNAL");
        assert_eq!(response.json()["errors"][0]["extensions"]["correlationId"], "my-request");
        assert!(!response.text().contains("secret"), "{}", response.text());
    }
    assert_eq!(post("{ hello }").send(&server).await.status, 200);
}

#[tokio::test]
async fn a_fragment_bomb_is_refused_at_once() {
    let server = start().await;
    let mut bomb = "query { ...F0 }".to_owned();
    for n in 0..24 {
        bomb += &format!(" fragment F{n} on Query {{ ...F{} ...F{} }}", n + 1, n + 1);
    }
    bomb += " fragment F24 on Query { __typename }";
    let start = Instant::now();
    let response = post(&bomb).strict().send(&server).await;
    assert_eq!((response.status, response.code().as_str()), (400, "LIMIT_EXCEEDED"));
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    for (name, document) in [
        ("nesting", format!("{{ {}", "a {".repeat(30_000))),
        ("lists", format!("{{ echo(amount: {}", "[".repeat(60_000))),
        ("circle", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned()),
        ("aliases", format!("{{ {} }}", (0..600).map(|n| format!("a{n}: hello ")).collect::<String>())),
        ("length", format!("{{ hello }} # {}", "x".repeat(100_000))),
    ] {
        let response = post(&document).strict().send(&server).await;
        assert_eq!(response.status, 400, "{name}");
        let expected = if name == "circle" { "spreads itself" } else { "more than" };
        assert!(response.message().contains(expected), "{name}: {}", response.message());
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = start().await;
    let large = vec![b' '; 1024 * 1024 + 1];
    let response = post("").body(&large).send(&server).await;
    assert_eq!((response.status, response.code().as_str()), (413, "LIMIT_EXCEEDED"));
    // Without a length the limit is met while reading.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", large.len(), String::from_utf8(large).unwrap());
    let response = post("").header("Transfer-Encoding", "chunked").body(chunk.as_bytes()).send(&server).await;
    assert_eq!((response.status, response.code().as_str()), (413, "LIMIT_EXCEEDED"));
    let limits = Limits { body_timeout: Duration::from_millis(20), ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let response = post("").header("Content-Length", "100").body(b"{").send(&server).await;
    assert_eq!((response.status, response.code().as_str()), (408, "TIMEOUT"));
}

#[tokio::test]
async fn time_and_concurrency_are_bounded() {
    let limits = Limits { execution_timeout: Duration::from_millis(30), ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let response = post("{ waiting }").strict().send(&server).await;
    assert_eq!((response.status, response.code().as_str()), (503, "TIMEOUT"));

    let limits = Limits { concurrent_operations: 1, queue_timeout: Duration::from_millis(20), ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let first = async { post("{ waiting }").send(&server).await };
    let second = async {
        server.until("the first runs", |switches| switches.running.load(Ordering::SeqCst) == 1).await;
        let refused = post("{ hello }").send(&server).await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "LIMIT_EXCEEDED"));
        assert_eq!(refused.header("retry-after"), Some("1"));
        let other = post("{ hello }").with("Authorization", Some("Bearer other")).send(&server).await;
        assert_eq!(other.status, 200, "another token has its own turns");
        server.switches.release.notify_waiters();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.json(), json!({ "data": { "waiting": true } }));
    assert_eq!(post("{ hello }").send(&server).await.status, 200, "the turn was given back");
}

#[tokio::test]
async fn a_token_that_asks_too_often_is_told_how_long_to_wait() {
    let limits = Limits { requests_per_minute: NonZeroU32::new(2).unwrap(), ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    for _ in 0..2 {
        assert_eq!(post("{ hello }").send(&server).await.status, 200);
    }
    let refused = post("{ hello }").send(&server).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "LIMIT_EXCEEDED"));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&seconds), "{seconds}");
    assert!(refused.message().contains("2 requests in a minute"), "{}", refused.message());
    let other = post("{ hello }").with("Authorization", Some("Bearer other")).send(&server).await;
    assert_eq!(other.status, 200, "another token has its own pace");
    let stranger = post("{ hello }").with("Authorization", Some("Bearer nobody")).send(&server).await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn a_mutation_is_finished_when_its_caller_hangs_up() {
    let server = start().await;
    let calling = post("mutation { changeSlowly }");
    tokio::select! {
        _ = calling.send(&server) => panic!("it waits"),
        () = server.until("it runs", |switches| switches.running.load(Ordering::SeqCst) == 1) => {}
    }
    // Give the server time to see that the line is closed.
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.switches.release.notify_waiters();
    server.until("it is done", |switches| switches.changes.load(Ordering::SeqCst) == 1).await;
}
