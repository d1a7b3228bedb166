//! The schema as a contract: its text, its shape, and the operations that stand ready.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, ServiceDocument, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use concord::graphql::ready::OPERATIONS;
use serde_json::Value;

use crate::program::harness::Program;

/// Rewrites the schema file instead of comparing it.
const WRITE_VARIABLE: &str = "CONCORD_WRITE_SCHEMA";

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn document() -> ServiceDocument {
    parse_schema(concord::graphql::sdl()).expect("the exported schema is a schema")
}

fn types(document: &ServiceDocument) -> BTreeMap<&str, &TypeDefinition> {
    let types = document.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(found) => Some((found.node.name.node.as_str(), &found.node)),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types.collect()
}

fn fields(found: &TypeDefinition) -> &[Positioned<FieldDefinition>] {
    match &found.kind {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        _ => &[],
    }
}

fn arguments(found: &TypeDefinition) -> Vec<&InputValueDefinition> {
    let of_fields = fields(found).iter().flat_map(|field| &field.node.arguments);
    let own = match &found.kind {
        TypeKind::InputObject(input) => input.fields.as_slice(),
        _ => &[],
    };
    of_fields.chain(own).map(|argument| &argument.node).collect()
}

/// Everything of a type that carries a description, by its place.
fn described(name: &str, found: &TypeDefinition) -> Vec<(String, Option<String>)> {
    let text = |description: &Option<Positioned<String>>| description.as_ref().map(|found| found.node.clone());
    let mut places = vec![(name.to_owned(), text(&found.description))];
    for field in fields(found) {
        let place = format!("{name}.{}", field.node.name.node);
        places.push((place.clone(), text(&field.node.description)));
        for argument in &field.node.arguments {
            let argument = &argument.node;
            places.push((format!("{place}({})", argument.name.node), text(&argument.description)));
        }
    }
    match &found.kind {
        TypeKind::InputObject(input) => {
            for field in &input.fields {
                places.push((format!("{name}.{}", field.node.name.node), text(&field.node.description)));
            }
        }
        TypeKind::Enum(values) => {
            for value in &values.values {
                places.push((format!("{name}.{}", value.node.value.node), text(&value.node.description)));
            }
        }
        _ => {}
    }
    places
}

#[test]
fn the_schema_file_is_what_the_program_exports() {
    let path = at_root("schema.graphql");
    let exported = concord::graphql::sdl();
    if std::env::var(WRITE_VARIABLE).is_ok_and(|value| value == "1") {
        std::fs::write(&path, &exported).expect("the schema file can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let line = kept.lines().zip(exported.lines()).position(|(kept, exported)| kept != exported);
    let line = line.unwrap_or_else(|| kept.lines().count().min(exported.lines().count()));
    assert!(
        kept == exported,
        "`schema.graphql` differs from the schema in line {}:\n  file:   {}\n  schema: {}\nIf the change is meant, run \
         `{WRITE_VARIABLE}=1 cargo test --test it contract` and commit the file.",
        line + 1,
        kept.lines().nth(line).unwrap_or(""),
        exported.lines().nth(line).unwrap_or("")
    );
    assert_eq!(exported, concord::graphql::sdl(), "the export is the same every time");
}

#[test]
fn everything_is_described_in_full_sentences() {
    let document = document();
    let mut bad = Vec::new();
    for (name, found) in types(&document) {
        // A schema's roots are described by their fields.
        for (place, description) in described(name, found) {
            let description = description.unwrap_or_default();
            let is_root = matches!(place.as_str(), "Query" | "Mutation" | "Subscription");
            if !is_root && (!description.trim_end().ends_with('.') || description.trim() == "See the type.") {
                bad.push(format!("{place}: {description:?}"));
            }
        }
    }
    assert!(bad.is_empty(), "these have no description that ends in a full stop:\n{}", bad.join("\n"));
}

#[test]
fn every_mutation_takes_one_input_and_answers_with_a_payload() {
    let document = document();
    let types = types(&document);
    let mut inputs = BTreeSet::new();
    for field in fields(types["Mutation"]) {
        let (name, field) = (field.node.name.node.as_str(), &field.node);
        let mut pascal = name.to_owned();
        pascal[..1].make_ascii_uppercase();
        let taken: Vec<(&str, String)> = field
            .arguments
            .iter()
            .map(|argument| (argument.node.name.node.as_str(), argument.node.ty.node.to_string()))
            .collect();
        assert_eq!(taken, [("input", format!("{pascal}Input!"))], "{name}");
        assert!(inputs.insert(format!("{pascal}Input")), "{name}");
        let payload = field.ty.node.to_string();
        assert_eq!(payload, format!("{pascal}Payload"), "{name} answers with a nullable payload of its own");
        let of_payload = fields(types[payload.as_str()]);
        for part in of_payload {
            let (part, ty) = (part.node.name.node.as_str(), part.node.ty.node.to_string());
            match part {
                "userErrors" => assert_eq!(ty, "[UserError!]!", "{payload}"),
                _ => assert!(!ty.ends_with('!'), "`{payload}.{part}` is null when nothing was done, but is {ty}"),
            }
        }
        assert!(of_payload.iter().any(|part| part.node.name.node == "userErrors"), "{payload}");
    }
    assert!(inputs.len() > 5, "the mutations are found");
}

#[test]
fn no_amount_is_a_float() {
    let document = document();
    for (name, found) in types(&document) {
        for field in fields(found) {
            assert!(!field.node.ty.node.to_string().contains("Float"), "{name}.{}", field.node.name.node);
        }
        for argument in arguments(found) {
            assert!(!argument.ty.node.to_string().contains("Float"), "{name}: {}", argument.name.node);
        }
    }
}

#[test]
fn every_page_is_built_alike() {
    let document = document();
    let types = types(&document);
    let mut pages = 0;
    for (name, found) in &types {
        let Some(item) = name.strip_suffix("Connection") else { continue };
        pages += 1;
        let shape: BTreeMap<&str, String> =
            fields(found).iter().map(|field| (field.node.name.node.as_str(), field.node.ty.node.to_string())).collect();
        assert_eq!(shape["edges"], format!("[{item}Edge!]!"), "{name}");
        assert_eq!(shape["nodes"], format!("[{item}!]!"), "{name}");
        assert_eq!(shape["pageInfo"], "PageInfo!", "{name}");
        assert!(shape.contains_key("totalCount"), "{name}");
    }
    assert!(pages >= 3, "the pages are found");
    for found in types.values() {
        for field in fields(found) {
            if field.node.ty.node.to_string().trim_end_matches('!').ends_with("Connection") {
                let arguments: BTreeSet<&str> =
                    field.node.arguments.iter().map(|argument| argument.node.name.node.as_str()).collect();
                let wanted = BTreeSet::from(["first", "after", "last", "before"]);
                assert!(wanted.is_subset(&arguments), "`{}` takes {arguments:?}", field.node.name.node);
            }
        }
    }
}

/// Whatever may fail by itself must be nullable, so that what stands beside it survives: the roots above all.
#[test]
fn what_is_asked_at_the_top_may_be_null() {
    let document = document();
    let types = types(&document);
    for root in ["Query", "Mutation"] {
        for field in fields(types[root]) {
            let (name, ty) = (field.node.name.node.as_str(), field.node.ty.node.to_string());
            // Who calls is known before any resolver runs, so this cannot fail.
            assert!(name == "viewer" || !ty.ends_with('!'), "`{root}.{name}` takes its neighbours along: {ty}");
        }
    }
}

#[test]
fn every_sample_operation_stands_ready() {
    let folder = at_root("examples/operations");
    let files: BTreeSet<String> = std::fs::read_dir(&folder)
        .expect("the sample operations are there")
        .map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    for file in files.iter().filter_map(|file| file.strip_suffix(".graphql")) {
        assert!(files.contains(&format!("{file}.json")), "`{file}` has no variables");
        let text = std::fs::read_to_string(folder.join(format!("{file}.graphql"))).expect("it can be read");
        assert!(OPERATIONS.iter().any(|(_, document, _)| *document == text), "`{file}` is not offered");
    }
    assert_eq!(files.len(), 2 * OPERATIONS.len());
}

/// An error of a field has a path; one of a document that does not fit the schema has none.
#[tokio::test]
async fn every_ready_operation_fits_the_schema() {
    let program = Program::start(crate::postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    for (title, document, variables) in OPERATIONS {
        let variables: Value = serde_json::from_str(variables).expect("variables are JSON");
        let answer = if document.contains("subscription ") {
            let mut subscription = admin.subscribe(document, variables).await;
            subscription.next().await.unwrap_or_default()
        } else {
            admin.send(document, variables).await.1
        };
        let errors = match &answer {
            Value::Array(errors) => errors.clone(),
            answer => answer["errors"].as_array().cloned().unwrap_or_default(),
        };
        for error in errors {
            assert!(error.get("path").is_some(), "`{title}` does not fit the schema: {error}");
        }
    }
    program.stop().await;
}
