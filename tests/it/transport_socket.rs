//! `graphql-transport-ws`: the order of messages, every close code, and bounds on what a socket may hold.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use concord::http::{Limits, SocketLimits};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::server::{Server, Setup, TOKEN, start};
use super::wire::post;

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

async fn open(server: &Server, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
    let mut request = format!("ws://{}/graphql", server.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    connect_async(request).await.map(|(stream, _)| Client(stream))
}

async fn connect(server: &Server) -> Client {
    open(server, &[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap()
}

/// A client that was let in.
async fn join(server: &Server) -> Client {
    let mut client = connect(server).await;
    client.say(json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {TOKEN}") } })).await;
    assert_eq!(client.hear().await, json!({ "type": "connection_ack" }));
    client
}

impl Client {
    async fn say(&mut self, message: Value) {
        self.say_text(&message.to_string()).await;
    }

    async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, document: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": document } })).await;
    }

    /// The next text message.
    async fn hear(&mut self) -> Value {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// The close code and reason; messages before it are passed over.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn operations_of_every_kind_run_over_one_socket() {
    let server = start().await;
    let mut client = join(&server).await;
    client.subscribe("q", "{ hello caller }").await;
    let data = json!({ "hello": "world", "caller": "caller good" });
    assert_eq!(client.hear().await, json!({ "id": "q", "type": "next", "payload": { "data": data } }));
    assert_eq!(client.hear().await, json!({ "id": "q", "type": "complete" }));
    client.subscribe("m", "mutation { change }").await;
    assert_eq!(client.hear().await["payload"]["data"]["change"], 1);
    assert_eq!(client.hear().await, json!({ "id": "m", "type": "complete" }));
    // An id may be used again as soon as its operation has ended.
    for _ in 0..50 {
        client.subscribe("s", "subscription { count(to: 2) }").await;
        assert_eq!(client.hear().await["payload"]["data"]["count"], 1);
        assert_eq!(client.hear().await["payload"]["data"]["count"], 2);
        assert_eq!(client.hear().await, json!({ "id": "s", "type": "complete" }));
    }
    client.subscribe("f", "{ hello failing }").await;
    let next = client.hear().await;
    assert_eq!(next["payload"]["data"], json!({ "hello": "world", "failing": null }));
    assert_eq!(next["payload"]["errors"][0]["path"], json!(["failing"]));
    assert_eq!(client.hear().await["type"], "complete");
}

#[tokio::test]
async fn a_refused_operation_ends_with_a_list_of_errors_and_the_socket_stays() {
    let server = start().await;
    let mut client = join(&server).await;
    for (id, document) in [("a", "{"), ("b", "{ nothing }"), ("c", "subscription { nothing }")] {
        client.subscribe(id, document).await;
        let message = client.hear().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!(id)));
        assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{message}");
    }
    client.subscribe("d", "subscription { panicking }").await;
    assert_eq!(client.hear().await["payload"]["data"]["panicking"], 1);
    let message = client.hear().await;
    assert_eq!((&message["type"], &message["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("INTERNAL")));
    client.subscribe("e", "subscription { refused }").await;
    let message = client.hear().await;
    assert!(message.to_string().contains("not yours"), "{message}");
    if message["type"] == "next" {
        assert_eq!(client.hear().await["type"], "complete");
    }
    client.subscribe("d", "{ hello }").await;
    assert_eq!(client.hear().await["payload"]["data"]["hello"], "world");
}

#[tokio::test]
async fn complete_stops_a_stream() {
    let server = start().await;
    let mut client = join(&server).await;
    client.subscribe("s", "subscription { flood(bytes: 1000) }").await;
    assert_eq!(client.hear().await["type"], "next");
    client.say(json!({ "type": "complete", "id": "s" })).await;
    client.say(json!({ "type": "ping", "payload": { "mark": 1 } })).await;
    while client.hear().await["type"] != "pong" {}
    let produced = server.switches.produced.load(Ordering::SeqCst);
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }), "nothing comes after the stream was stopped");
    assert_eq!(server.switches.produced.load(Ordering::SeqCst), produced);
    client.say(json!({ "type": "complete", "id": "never" })).await;
    client.subscribe("s", "{ hello }").await;
    assert_eq!(client.hear().await["payload"]["data"]["hello"], "world");
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_even_before_init() {
    let server = start().await;
    let mut client = connect(&server).await;
    client.say(json!({ "type": "ping", "payload": { "mark": 7 } })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong", "payload": { "mark": 7 } }));
    client.say(json!({ "type": "pong" })).await;
    client.0.send(Message::Ping(vec![1].into())).await.unwrap();
    assert_eq!(client.0.next().await.unwrap().unwrap(), Message::Pong(vec![1].into()));
}

#[tokio::test]
async fn what_cannot_be_understood_closes_with_4400() {
    let server = start().await;
    for text in
        ["nonsense", "[]", "{}", r#"{"type": "start"}"#, r#"{"type": "subscribe", "payload": {"query": "{a}"}}"#]
    {
        let mut client = join(&server).await;
        client.say_text(text).await;
        assert_eq!(client.closed().await.0, 4400, "{text}");
    }
    let mut client = join(&server).await;
    client.say(json!({ "type": "x".repeat(500) })).await;
    assert_eq!(client.closed().await.0, 4400, "a long type makes no over-long frame");
    let mut client = join(&server).await;
    client.0.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(client.closed().await.0, 4400);
}

#[tokio::test]
async fn the_first_messages_come_in_order() {
    let server = start().await;
    let mut early = connect(&server).await;
    early.subscribe("1", "{ hello }").await;
    assert_eq!(early.closed().await, (4401, "Unauthorized".to_owned()));
    let mut twice = join(&server).await;
    twice.say(json!({ "type": "connection_init", "payload": { "token": TOKEN } })).await;
    assert_eq!(twice.closed().await, (4429, "Too many initialisation requests".to_owned()));
    let mut same = join(&server).await;
    same.subscribe("1", "subscription { silence }").await;
    same.subscribe("1", "{ hello }").await;
    assert_eq!(same.closed().await, (4409, "Subscriber for 1 already exists".to_owned()));
}

#[tokio::test]
async fn a_socket_that_does_not_begin_closes_with_4408() {
    let socket = SocketLimits { init_timeout: Duration::from_secs(4), ..SocketLimits::default() };
    let server = Setup { limits: Limits { socket, ..Limits::default() }, ..Setup::default() }.start().await;
    let mut silent = connect(&server).await;
    assert_eq!(silent.closed().await, (4408, "Connection initialisation timeout".to_owned()));
    let mut joined = join(&server).await;
    tokio::time::sleep(Duration::from_millis(4500)).await;
    joined.subscribe("1", "{ hello }").await;
    assert_eq!(joined.hear().await["payload"]["data"]["hello"], "world");
}

#[tokio::test]
async fn another_subprotocol_closes_with_4406() {
    let server = start().await;
    let mut none = open(&server, &[]).await.unwrap();
    assert_eq!(none.closed().await.0, 4406);
    // A client that asked for another one sees that it was not chosen.
    let legacy = open(&server, &[("sec-websocket-protocol", "graphql-ws")]).await;
    assert!(matches!(legacy, Err(Error::Protocol(_))));
}

#[tokio::test]
async fn the_token_comes_in_the_payload_or_with_the_upgrade() {
    let server = start().await;
    for payload in [
        json!({ "authorization": "bearer good" }),
        json!({ "token": "good" }),
        json!({ "Authorization": "Bearer good" }),
    ] {
        let mut client = connect(&server).await;
        client.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(client.hear().await["type"], "connection_ack", "{payload}");
    }
    let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("authorization", "Bearer good")];
    let mut client = open(&server, &headers).await.unwrap();
    client.say(json!({ "type": "connection_init" })).await;
    assert_eq!(client.hear().await["type"], "connection_ack");
    for (payload, sentence) in [
        (json!(null), "needs a token"),
        (json!({ "Authorization": "good" }), "cannot be read"),
        (json!({ "token": 7 }), "cannot be read"),
        (json!({ "token": "nobody" }), "not known"),
        (json!({ "token": "expired" }), "expired"),
        (json!({ "token": "revoked" }), "revoked"),
    ] {
        let mut client = connect(&server).await;
        client.say(json!({ "type": "connection_init", "payload": payload })).await;
        let (code, reason) = client.closed().await;
        assert_eq!((code, reason.contains(sentence)), (4403, true), "{payload}: {reason}");
    }
    let mut client = connect(&server).await;
    client.say(json!({ "type": "connection_init", "payload": { "token": "unavailable" } })).await;
    assert_eq!(client.closed().await.0, 1013);
}

#[tokio::test]
async fn a_revoked_token_closes_an_open_socket() {
    let limits = Limits { recheck_interval: Duration::from_millis(10), ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let mut client = join(&server).await;
    client.subscribe("1", "subscription { silence }").await;
    server.switches.is_revoked.store(true, Ordering::SeqCst);
    let (code, reason) = client.closed().await;
    assert_eq!((code, reason.contains("revoked")), (4403, true), "{reason}");
}

#[tokio::test]
async fn a_reason_to_look_is_followed_at_once_and_does_no_harm_to_a_good_token() {
    let server = start().await;
    let mut client = join(&server).await;
    server.switches.look.notify_one();
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.hear().await["payload"]["data"]["hello"], "world");
    assert_eq!(client.hear().await["type"], "complete");
    let mut client = join(&server).await;
    server.switches.is_revoked.store(true, Ordering::SeqCst);
    server.switches.look.notify_one();
    let closed = tokio::time::timeout(Duration::from_secs(10), client.closed()).await;
    assert_eq!(closed.expect("long before the next look").0, 4403);
}

#[tokio::test]
async fn the_end_of_a_token_is_the_end_of_its_socket() {
    let server = start().await;
    let mut client = connect(&server).await;
    client.say(json!({ "type": "connection_init", "payload": { "token": "brief" } })).await;
    assert_eq!(client.hear().await["type"], "connection_ack");
    let closed = tokio::time::timeout(Duration::from_secs(10), client.closed()).await;
    let (code, reason) = closed.expect("long before the next look");
    assert_eq!((code, reason.contains("expired")), (4403, true), "{reason}");
}

#[tokio::test]
async fn web_pages_of_other_hosts_may_not_connect() {
    let server = Setup { origins: vec!["https://app.example.com"], ..Setup::default() }.start().await;
    let own = format!("http://{}", server.address);
    for (origin, may) in
        [(own.as_str(), true), ("https://app.example.com", true), ("https://evil.example", false), ("null", false)]
    {
        let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("origin", origin)];
        match open(&server, &headers).await {
            Ok(_) => assert!(may, "{origin}"),
            Err(Error::Http(response)) => assert_eq!((may, response.status().as_u16()), (false, 403), "{origin}"),
            Err(other) => panic!("{origin}: {other}"),
        }
    }
}

#[tokio::test]
async fn operations_and_messages_of_a_socket_are_bounded() {
    let socket = SocketLimits { operations: 2, message_bytes: 4096, ..SocketLimits::default() };
    let limits = Limits { socket, open_streams: 2, ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let mut client = join(&server).await;
    for id in ["1", "2", "3"] {
        client.subscribe(id, "subscription { silence }").await;
    }
    let message = client.hear().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("3")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    let _second = join(&server).await;
    let mut third = connect(&server).await;
    third.say(json!({ "type": "connection_init", "payload": { "token": TOKEN } })).await;
    assert_eq!(third.closed().await.0, 1013);
    client.subscribe("4", &"#".repeat(5000)).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn subscriptions_of_a_token_are_counted_over_all_its_sockets_and_streams() {
    let limits = Limits { open_subscriptions: 2, ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let (mut one, mut two) = (join(&server).await, join(&server).await);
    one.subscribe("1", "subscription { silence }").await;
    two.subscribe("1", "subscription { silence }").await;
    // An answer on each socket says that the subscription before it has begun.
    for client in [&mut one, &mut two] {
        client.subscribe("hello", "{ hello }").await;
        assert_eq!(client.hear().await["type"], "next");
        assert_eq!(client.hear().await["type"], "complete");
    }
    two.subscribe("2", "subscription { silence }").await;
    let message = two.hear().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("2")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    let stream = post("subscription { silence }").with("Accept", Some("text/event-stream")).send(&server).await;
    assert_eq!((stream.status, stream.code().as_str()), (429, "LIMIT_EXCEEDED"));
    one.say(json!({ "type": "complete", "id": "1" })).await;
    loop {
        two.subscribe("3", "subscription { count(to: 1) }").await;
        if two.hear().await["type"] == "next" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn operations_of_a_socket_keep_the_pace_of_their_token() {
    let limits = Limits { requests_per_minute: NonZeroU32::new(2).unwrap(), ..Limits::default() };
    let server = Setup { limits, ..Setup::default() }.start().await;
    let mut client = join(&server).await;
    client.subscribe("1", "{ hello }").await;
    assert_eq!(client.hear().await["type"], "next");
    assert_eq!(client.hear().await["type"], "complete");
    client.subscribe("2", "{ hello }").await;
    let message = client.hear().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("2")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    let mut another = connect(&server).await;
    another.say(json!({ "type": "connection_init", "payload": { "token": TOKEN } })).await;
    assert_eq!(another.closed().await.0, 1013);
}

#[tokio::test]
async fn a_slow_reader_is_told_and_resumes_without_a_gap() {
    let socket = SocketLimits {
        outgoing_bytes: 256 * 1024,
        stall_timeout: Duration::from_millis(50),
        close_timeout: Duration::from_secs(10),
        ..SocketLimits::default()
    };
    let server = Setup { limits: Limits { socket, ..Limits::default() }, ..Setup::default() }.start().await;
    let mut client = join(&server).await;
    client.subscribe("1", "subscription { flood(bytes: 65536) }").await;
    // Reading nothing: the kernel's buffers fill, then ours, then the stream itself waits.
    let produced = server.until_still().await;
    let (code, reason) = client.closed().await;
    assert_eq!((code, reason.contains("resume after the last one")), (4413, true), "{reason}");
    assert_eq!(server.switches.produced.load(Ordering::SeqCst), produced, "nothing was made to be thrown away");

    let mut client = join(&server).await;
    client.subscribe("1", "subscription { count(to: 5, after: 2) }").await;
    for number in 3..=5 {
        assert_eq!(client.hear().await["payload"]["data"]["count"], number);
    }
}

#[tokio::test]
async fn sockets_end_when_the_server_stops() {
    let server = start().await;
    let mut client = join(&server).await;
    client.subscribe("1", "subscription { silence }").await;
    server.shutdown.cancel();
    assert_eq!(client.closed().await.0, 1001);
    server.stopped().await;
}

#[tokio::test]
async fn a_goodbye_is_answered_and_stops_the_streams() {
    let server = start().await;
    let mut client = join(&server).await;
    client.subscribe("1", "subscription { flood(bytes: 10) }").await;
    assert_eq!(client.hear().await["type"], "next");
    client.0.close(None).await.unwrap();
    while let Some(Ok(_)) = client.0.next().await {}
    server.until_still().await;
}
