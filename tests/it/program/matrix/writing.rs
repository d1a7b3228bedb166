//! Every mutation, with every role: in one's own organization, in another one and in none.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::{Value, json};

use super::document::{self, With};
use super::schema::{Field, Schema};
use super::verdict::is_enough;
use super::world::{World, secrets};
use super::{Nobody, beside_queries, neutral, unknown_ids};
use crate::postgres;
use crate::program::roles::{TAKES_NO_ID, inputs, unknown};

/// Columns that change without anybody's doing.
const RESTLESS: &[(&str, &str)] = &[("api_token", "last_used_at")];

/// A mutation with every field of its payload, and of what only mutations lead to.
fn document(schema: &Schema, mutation: &Field, with: With<'_>) -> String {
    let own = beside_queries(schema, "Mutation");
    let below = document::all_of(schema, &mutation.type_name, &|object| own.contains(object));
    let [input] = &mutation.arguments[..] else { panic!("`{}` has one argument, `input`", mutation.name) };
    let (name, input_type) = (&mutation.name, &input.type_name);
    format!("mutation($input: {input_type}!) {{ {name}(input: $input) {} }}", document::selection(&below, with))
}

/// Everything in the database.
struct Contents {
    connection: DatabaseConnection,
    /// One statement for each table.
    statements: Vec<String>,
}

impl Contents {
    async fn of(url: &str) -> Self {
        let connection = sea_orm::Database::connect(url).await.expect("the database opens");
        let mut of = Self { connection, statements: Vec::new() };
        let tables = "SELECT group_concat(name) AS found FROM sqlite_master WHERE type = 'table'";
        for table in of.text(tables).await.split(',') {
            let names = format!("SELECT group_concat(name) AS found FROM pragma_table_info('{table}')");
            let columns = of.text(&names).await;
            let columns: Vec<String> = columns
                .split(',')
                .filter(|column| !RESTLESS.contains(&(table, column)))
                .map(|column| format!("quote(\"{column}\")"))
                .collect();
            of.statements.push(format!(
                "SELECT '{table}: ' || coalesce(group_concat(line, char(10)), '') AS found
                 FROM (SELECT {} AS line FROM \"{table}\" ORDER BY 1)",
                columns.join(" || ',' || ")
            ));
        }
        assert!(of.statements.len() > 20, "{:?}", of.statements);
        of
    }

    async fn text(&self, sql: &str) -> String {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        let row = self.connection.query_one_raw(statement).await.expect("the statement runs").expect("a row");
        row.try_get("", "found").expect("a text")
    }

    async fn all(&self) -> Vec<String> {
        let mut all = Vec::new();
        for statement in &self.statements {
            all.push(self.text(statement).await);
        }
        all
    }
}

/// Fails when something has changed, and says what.
fn check_unchanged(what: &str, before: &[String], after: &[String]) {
    for (before, after) in before.iter().zip(after) {
        let is_new = |line: &&str| !before.contains(*line);
        let changed: Vec<&str> = after.lines().filter(is_new).collect();
        assert!(before == after, "{what} changed `{}`: {changed:?}", before.split(':').next().unwrap_or_default());
    }
}

#[tokio::test]
async fn every_mutation_is_for_its_roles_and_its_organization_alone() {
    let schema = Schema::exported();
    for object in beside_queries(&schema, "Mutation") {
        for field in schema.fields(&object) {
            assert!(field.needed().is_empty(), "nothing looks at the role for `{object}.{}`: do so here", field.name);
        }
    }
    let world = World::new(postgres::sqlite(), &schema).await;
    let (nobody, unknown_ids) = (Nobody::of(&world.program), unknown_ids(&world.ids));
    let own = With { asked: &world.ids, filters: &world.ids };
    let (real, missing) = (inputs(|kind| world.ids[kind].clone()), inputs(unknown));
    let contents = Contents::of(&world.program.database.url).await;
    let mut before = contents.all().await;
    for mutation in schema.fields("Mutation") {
        let name = mutation.name.as_str();
        let text = document(&schema, mutation, own);
        let input = |of: &std::collections::BTreeMap<&'static str, Value>| {
            let input =
                of.get(name).unwrap_or_else(|| panic!("`{name}` has no input: add one to `inputs` of roles.rs"));
            json!({ "input": input })
        };
        let needed = mutation.needed();
        assert!(!needed.is_empty(), "the description of `{name}` names no role");
        for (role, owner) in &world.owners {
            if is_enough(role, &needed) {
                // What it would do to its own objects is for other tests.
                let (_, answer) = owner.send(&text, input(&missing)).await;
                assert!(answer.get("errors").is_none(), "{role} may `{name}`: {answer:#}");
                assert!(answer["data"][name].is_object(), "{role} may `{name}`: {answer:#}");
            } else {
                let (_, answer) = owner.send(&text, input(&real)).await;
                assert_refused(role, name, &needed, &answer);
            }
        }
        for (role, rival) in &world.rivals {
            let (_, foreign) = rival.send(&text, input(&real)).await;
            let (_, absent) = rival.send(&text, input(&missing)).await;
            if !is_enough(role, &needed) {
                assert_refused(role, name, &needed, &foreign);
            }
            let seen = foreign.to_string();
            assert!(secrets().iter().all(|secret| !seen.contains(secret)), "{role} of another organization: {seen}");
            assert_eq!(neutral(foreign, &world.ids), neutral(absent, &unknown_ids), "{role}: {name}");
        }
        nobody.learns_nothing(&text, &input(&real)).await;
        let after = contents.all().await;
        if !TAKES_NO_ID.contains(&name) {
            check_unchanged(name, &before, &after);
        }
        before = after;
    }
    world.stop().await;
}

/// There is nothing but one refusal, which names a role that would do.
fn assert_refused(role: &str, name: &str, needed: &[&str], answer: &Value) {
    let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{role} may not `{name}`: {answer:#}"));
    assert_eq!(errors.len(), 1, "{role} may not `{name}`: {answer:#}");
    assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN", "{role} may not `{name}`: {answer:#}");
    let message = errors[0]["message"].as_str().unwrap_or_default();
    assert!(needed.iter().any(|role| message.contains(role)), "`{name}` needs {needed:?}: {message}");
    assert_eq!(answer["data"], json!({ name: null }), "{role}: {name}");
}
