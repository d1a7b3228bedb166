//! Every subscription, with every role: in one's own organization, in another one and in none.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::document::{self, Asked, Document, With};
use super::schema::Schema;
use super::verdict::complaints;
use super::world::{World, secrets};
use super::{Nobody, beside_queries, neutral, unknown_ids};
use crate::postgres;
use crate::program::harness::Subscription;

/// How long nothing has to come for a stream that goes on to be done for now.
const SILENCE: Duration = Duration::from_secs(1);

/// Events that no stream of this world has, and why.
const UNREACHED: &[(&str, &str)] = &[];

/// Every way to ask for every subscription, with all fields of what it sends.
fn documents(schema: &Schema) -> Vec<Document> {
    let own = beside_queries(schema, "Subscription");
    let fields = schema.fields("Subscription").iter();
    let ways = fields.flat_map(|field| document::ways(schema, "Subscription", field));
    ways.map(|way| {
        let below = document::all_of(schema, &way.field.type_name, &|object| own.contains(object));
        Document::of(vec![Asked { below, ..way }])
    })
    .collect()
}

/// What comes until the stream completes or falls silent.
async fn all(mut stream: Subscription) -> Vec<Value> {
    let mut payloads = Vec::new();
    while let Ok(Some(payload)) = tokio::time::timeout(SILENCE, stream.next()).await {
        payloads.push(payload);
    }
    payloads
}

/// Names of all objects in an answer.
fn collect_types(value: &Value, types: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            types.extend(fields.get("__typename").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect_types(value, types));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_types(value, types)),
        _ => {}
    }
}

#[tokio::test]
async fn every_subscription_is_for_its_organization_alone() {
    let schema = Schema::exported();
    let world = World::new(postgres::sqlite(), &schema).await;
    let (nobody, unknown) = (Nobody::of(&world.program), unknown_ids(&world.ids));
    let own = With { asked: &world.ids, filters: &world.ids };
    let mut types = BTreeSet::new();
    for document in documents(&schema) {
        let text = document.subscription(own);
        let owner = all(world.owners[0].1.subscribe(&text, json!({})).await).await;
        assert!(!owner.is_empty(), "{text}");
        owner.iter().for_each(|payload| collect_types(payload, &mut types));
        for (role, client) in &world.owners {
            let seen = all(client.subscribe(&text, json!({})).await).await;
            assert_eq!(seen.len(), owner.len(), "{role}: {text}");
            for (owner, seen) in owner.iter().zip(&seen) {
                let wrong = complaints(&document, role, owner, seen);
                assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            }
        }
        for (role, rival) in &world.rivals {
            let mut answers = Vec::new();
            for ids in [&world.ids, &unknown] {
                let text = document.subscription(With { asked: ids, filters: ids });
                let first = rival.subscribe(&text, json!({})).await.next().await.expect("there is an answer");
                assert!(secrets().iter().all(|secret| !first.to_string().contains(secret)), "{role}: {first}");
                answers.push(neutral(first, ids));
            }
            assert_eq!(answers[0], answers[1], "{role}: {text}");
            assert!(answers[0].contains("BAD_USER_INPUT"), "{role}: {answers:?}");
        }
        nobody.learns_nothing(&text, &json!({})).await;
        refused_sockets(&world, &text).await;
    }
    for object in beside_queries(&schema, "Subscription") {
        let is_known = UNREACHED.iter().any(|(known, _)| *known == object);
        assert_ne!(types.contains(&object), is_known, "`{object}` comes in no stream, or is on UNREACHED and does");
    }
    world.stop().await;
}

/// A socket without a token, with one that nobody has, and one that asks before it says who it is, are closed.
async fn refused_sockets(world: &World, text: &str) {
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": text } });
    let nobody = json!({ "Authorization": format!("Bearer {}", Nobody::TOKEN) });
    for (first, code) in [
        (json!({ "type": "connection_init" }), 4403),
        (json!({ "type": "connection_init", "payload": nobody }), 4403),
        (subscribe.clone(), 4401),
    ] {
        let url = format!("ws://{}/graphql", world.program.address);
        let mut request = url.into_client_request().expect("a good address");
        let protocol = "graphql-transport-ws".parse().expect("a good header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = connect_async(request).await.expect("the server accepts the socket");
        for message in [&first, &subscribe] {
            // The second may find the socket closed, which is what is expected.
            let _ = socket.send(Message::text(message.to_string())).await;
        }
        let mut closed = None;
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Close(frame) => closed = frame.map(|frame| u16::from(frame.code)),
                Message::Text(text) => panic!("nobody is answered {text}"),
                _ => {}
            }
        }
        assert_eq!(closed, Some(code), "{first}");
    }
}
