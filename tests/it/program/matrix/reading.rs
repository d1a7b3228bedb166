//! Every field that can be asked for, with every role: in one's own organization, in another one and in none.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::document::{self, Asked, Document, With, kind_word};
use super::schema::Schema;
use super::verdict::{check_descriptions, complaints};
use super::world::{World, secrets};
use super::{Nobody, neutral, unknown_ids};
use crate::postgres;
use crate::program::harness::Client;

/// Types that no path leads to in this world, and why.
const UNREACHED: &[(&str, &str)] = &[(
    "ReportLeftOutRecord",
    "nothing in this world is left out: it takes a mapping, or a record, that the comparison cannot use",
)];

/// Ways to objects of one type that are followed: one of them may lead to what another one does not.
const WAYS_FOLLOWED: usize = 12;

/// A document for every type that can be reached, which has an object of it for its owner.
async fn documents(schema: &Schema, owner: &Client, with: With<'_>) -> Vec<Document> {
    let mut missing: BTreeSet<String> = schema.reachable("Query").into_iter().collect();
    UNREACHED.iter().for_each(|(object, _)| assert!(missing.remove(*object), "`{object}` is a type"));
    let mut found: BTreeMap<String, Document> = BTreeMap::new();
    let mut followed: BTreeMap<String, usize> = BTreeMap::new();
    let mut tried: BTreeMap<String, String> = BTreeMap::new();
    let mut ahead: VecDeque<(Vec<Asked>, String)> = VecDeque::from([(Vec::new(), "Query".to_owned())]);
    while let (false, Some((path, object))) = (missing.is_empty(), ahead.pop_front()) {
        if let Entry::Vacant(place) = found.entry(object.clone()) {
            let document = Document::at(schema, &path, &object);
            let text = document.text(with);
            let (_, answer) = owner.send(&text, json!({})).await;
            let code = &answer["errors"][0]["extensions"]["code"];
            // Pages inside lists come to too much, and there are other ways.
            assert!(code.is_null() || code == "LIMIT_EXCEEDED", "{text}\n{answer:#}");
            if document.found(&answer["data"]) == 0 {
                tried.entry(object).or_insert(text);
                continue;
            }
            assert!(missing.remove(&object), "`{object}` is reached: take it off UNREACHED");
            place.insert(document);
        }
        let ways = followed.entry(object.clone()).or_default();
        *ways += 1;
        if *ways <= WAYS_FOLLOWED {
            ahead.extend(beyond(schema, &path, &object));
        }
    }
    let complaints: Vec<String> = missing
        .iter()
        .map(|object| {
            let tried = tried.get(object).map_or("nothing", String::as_str);
            format!(
                "the world has no `{object}`: make one in `fill`, or say why not in UNREACHED; first tried: {tried}"
            )
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    found.into_values().collect()
}

/// Where the fields of an object lead to.
fn beyond(schema: &Schema, path: &[Asked], object: &str) -> Vec<(Vec<Asked>, String)> {
    let mut beyond = Vec::new();
    for field in schema.fields(object) {
        for way in document::ways(schema, object, field).into_iter().filter(|way| !way.is_narrowed) {
            for next in schema.objects(&field.type_name) {
                if way.kind.as_ref().is_none_or(|kind| *kind == kind_word(&next)) {
                    beyond.push((path.iter().cloned().chain([way.clone()]).collect(), next));
                }
            }
        }
    }
    beyond
}

/// All ids in what an owner sees.
fn collect_ids(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(id) if name == "id" => drop(ids.insert(id.to_owned())),
                    _ => collect_ids(value, ids),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_ids(value, ids)),
        _ => {}
    }
}

#[tokio::test]
async fn every_field_answers_as_role_and_organization_say() {
    let schema = Schema::exported();
    check_descriptions(&schema);
    let world = World::new(postgres::sqlite(), &schema).await;
    let own = With { asked: &world.ids, filters: &world.ids };
    let documents = documents(&schema, &world.owners[0].1, own).await;
    let ids = own_roles(&world, &documents).await;
    another_organization(&world, &documents, &ids).await;
    nobody(&world, &documents).await;
    world.stop().await;
}

/// Everyone sees what an administrator sees, less what needs a role that they lack. Returns all ids that were seen.
async fn own_roles(world: &World, documents: &[Document]) -> BTreeSet<String> {
    let own = With { asked: &world.ids, filters: &world.ids };
    let (mut wrong, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for document in documents {
        let text = document.text(own);
        let (_, owner) = world.owners[0].1.send(&text, json!({})).await;
        collect_ids(&owner["data"], &mut ids);
        for (role, client) in &world.owners {
            let (status, seen) = client.send(&text, json!({})).await;
            assert_eq!(status, 200, "{role}: {text}\n{seen}");
            wrong.extend(complaints(document, role, &owner, &seen));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    ids
}

/// Somebody else's ids answer like ids that nobody has, wherever they stand, and nothing of somebody else's shows.
async fn another_organization(world: &World, documents: &[Document], ids: &BTreeSet<String>) {
    let unknown = unknown_ids(&world.ids);
    let asked: BTreeSet<&str> = world.ids.values().filter_map(Value::as_str).collect();
    let hidden: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !asked.contains(id)).chain(secrets()).collect();
    let check = |role: &str, text: &str, answer: &Value| {
        let seen = answer.to_string();
        for secret in &hidden {
            assert!(!seen.contains(secret), "{role} of another organization sees `{secret}`: {text}\n{answer:#}");
        }
    };
    let mut own_ids = BTreeSet::new();
    for document in documents {
        let text = |asked, filters| document.text(With { asked, filters });
        for (role, rival) in &world.rivals {
            let pairs = [
                (text(&world.ids, &world.ids), text(&unknown, &unknown), true),
                (text(&world.rival_ids, &world.ids), text(&world.rival_ids, &unknown), document.is_narrowed()),
            ];
            for (foreign, missing, is_compared) in pairs {
                if !is_compared && *role != "ADMIN" {
                    continue;
                }
                let (_, answer) = rival.send(&foreign, json!({})).await;
                check(role, &foreign, &answer);
                collect_ids(&answer["data"], &mut own_ids);
                if is_compared {
                    let (_, expected) = rival.send(&missing, json!({})).await;
                    assert_eq!(neutral(answer, &world.ids), neutral(expected, &unknown), "{role}: {foreign}");
                }
            }
        }
    }
    // The rival has a world of its own, or nothing could have been mixed up.
    assert!(own_ids.len() > 20, "{own_ids:?}");
}

/// Without a token, and with one that nobody has, there is nothing to see.
async fn nobody(world: &World, documents: &[Document]) {
    let own = With { asked: &world.ids, filters: &world.ids };
    let nobody = Nobody::of(&world.program);
    for document in documents {
        nobody.learns_nothing(&document.text(own), &json!({})).await;
    }
    nobody.learns_nothing_by_address("%7B__typename%20integrations%7BtotalCount%7D%7D").await;
}
