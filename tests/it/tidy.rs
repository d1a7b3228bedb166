//! How the house is laid out, as tests over the sources: a rule that nobody checks is soon none.
//!
//! Each rule is a small function from a source to complaints, with an example that breaks it.

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use source::{Source, line_at, sources, words};

/// More lines than this are two things in one file.
const LONGEST_FILE: usize = 700;

type Rule = fn(&Source) -> Vec<String>;

/// Fails with all complaints of a rule about the checkout.
fn check(rule: Rule) {
    report(sources().iter().flat_map(rule).collect());
}

fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n\n{}\n", complaints.join("\n"));
}

/// `path:line: what` for each place where one of the words stands.
fn named(source: &Source, text: &str, forbidden: &[&str], advice: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for word in forbidden {
        for at in words(text, word) {
            complaints.push((line_at(text, at), format!("`{word}` {advice}")));
        }
    }
    complaints.sort();
    complaints.into_iter().map(|(line, complaint)| format!("{}:{line}: {complaint}", source.path)).collect()
}

fn pure_part_is_pure(source: &Source) -> Vec<String> {
    if !source.is_in(&["src/domain", "src/engine"]) {
        return Vec::new();
    }
    let outside = [
        "async",
        "await",
        "tokio",
        "sea_orm",
        "sqlx",
        "entity::",
        "reqwest",
        "axum",
        "async_graphql",
        "rand",
        "ring::rand",
        "Utc::now",
        "Local::now",
        "Instant",
        "SystemTime",
        "now_v7",
        "new_v4",
        "RandomState",
        "std::fs",
        "std::env",
        "std::net",
        "std::thread",
        "std::process",
    ];
    // This one file may start threads: they take fixed parts and give them back in order, so that no result depends on
    // them, which a property of the billing engine shows.
    let is_allowed = |word: &str| word == "std::thread" && source.path == "src/engine/billing/threads.rs";
    let outside: Vec<&str> = outside.into_iter().filter(|word| !is_allowed(word)).collect();
    named(source, &source.program, &outside, "in the pure part: pass in what it gives, and use it in `service`")
}

fn floats_stay_with_scores(source: &Source) -> Vec<String> {
    if source.is_in(&["src/engine/matching"]) || !source.is_in(&["src", "entity", "migration"]) {
        return Vec::new();
    }
    let floats = ["f64", "f32"];
    if source.path == "src/report/xlsx.rs" {
        let functions: BTreeSet<String> = floats
            .iter()
            .flat_map(|float| words(&source.program, float).collect::<Vec<_>>())
            .map(|at| function_before(&source.program, at))
            .collect();
        return match functions.len() {
            0 | 1 => Vec::new(),
            _ => vec![format!(
                "{}:1: more than one function names a float ({}): only the one that proves the round trip may",
                source.path,
                functions.into_iter().collect::<Vec<_>>().join(", ")
            )],
        };
    }
    named(
        source,
        &source.code,
        &floats,
        "is for the scores in `engine/matching`: take `Decimal`, `Money` or a whole number",
    )
}

/// Name of the last function that begins before a place.
fn function_before(code: &str, at: usize) -> String {
    // The signature may name the type too, so the end of its line counts as inside.
    let end = code[at..].find('\n').map_or(code.len(), |length| at + length);
    let start = words(&code[..end], "fn").last().map_or(0, |at| at + "fn".len());
    code[start..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn only_storage_names_entity(source: &Source) -> Vec<String> {
    if !source.is_in(&["src"]) || source.is_in(&["src/storage"]) {
        return Vec::new();
    }
    let code = &source.code;
    let is_another_module = |at: usize| {
        let before = code[..at].strip_suffix("::").unwrap_or("");
        before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    };
    let places = words(code, "entity::").chain(words(code, "use entity;")).filter(|at| !is_another_module(*at));
    places
        .map(|at| {
            format!(
                "{}:{}: rows are for `storage` alone: give it a function that takes and returns domain types",
                source.path,
                line_at(code, at)
            )
        })
        .collect()
}

fn only_connector_http_builds_clients(source: &Source) -> Vec<String> {
    let is_concerned = source.is_in(&["src"]) && source.path != "src/connector/http.rs";
    if !is_concerned || words(&source.program, "reqwest").next().is_none() {
        return Vec::new();
    }
    let builders = ["Client::new", "Client::builder", "Client::default", "ClientBuilder", "reqwest::get"];
    let advice = "builds an HTTP client: take one from `connector/http.rs`, which sets limits and redacts";
    named(source, &source.program, &builders, advice)
}

fn only_spreadsheet_writes_tables(source: &Source) -> Vec<String> {
    // The sandbox plays a provider, who is not careful.
    if !source.is_in(&["src"]) || source.is_in(&["src/sandbox"]) || source.path == "src/spreadsheet.rs" {
        return Vec::new();
    }
    let writers = ["csv::Writer", "WriterBuilder"];
    named(source, &source.program, &writers, "writes CSV: `spreadsheet` does, which lets no text be a formula")
}

fn only_row_lock_holds_rows(source: &Source) -> Vec<String> {
    if !source.is_in(&["src"]) || source.path == "src/storage/row_lock.rs" {
        return Vec::new();
    }
    let locks = ["lock_exclusive", "lock_shared", "LockType::Update"];
    named(
        source,
        &source.program,
        &locks,
        "holds rows in another way than `held()`, which does not stop what refers to them",
    )
}

fn async_tests_await_processes(source: &Source) -> Vec<String> {
    if !source.is_in(&["tests"]) || words(&source.code, "tokio::test").next().is_none() {
        return Vec::new();
    }
    let blocking = source.code.lines().enumerate().filter(|(_, line)| {
        line.contains("std::process::Command") || line.starts_with("use std::process::{") && line.contains("Command")
    });
    let advice = "blocks the thread of a server that may hold the database the process waits for: use tokio's";
    blocking.map(|(index, _)| format!("{}:{}: `Command` {advice}", source.path, index + 1)).collect()
}

fn only_graphql_names_its_library(source: &Source) -> Vec<String> {
    if !source.is_in(&["src", "entity", "migration"]) || source.is_in(&["src/graphql", "src/http"]) {
        return Vec::new();
    }
    let libraries = ["async_graphql", "async_graphql_axum"];
    named(source, &source.code, &libraries, "is for `graphql` and `http` alone: give the type there a `From`")
}

fn domain_is_not_serialized(source: &Source) -> Vec<String> {
    if !source.is_in(&["src/domain"]) {
        return Vec::new();
    }
    let advice = "in `domain`: what crosses a border has a type of its own there (row, wire, GraphQL object)";
    named(source, &source.program, &["Serialize", "Deserialize", "serde", "serde_json"], advice)
}

fn modules_say_what_they_are_for(source: &Source) -> Vec<String> {
    if source.text.trim().is_empty() {
        return Vec::new();
    }
    let first = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_left_over = first.contains("Placeholder") && source.text.lines().count() > 1;
    let is_said = first.strip_prefix("//!").is_some_and(|doc| doc.trim().len() > 10) && !is_left_over;
    if is_said { Vec::new() } else { vec![format!("{}:1: begin with `//!` and what the module is for", source.path)] }
}

fn nothing_is_left_undone(source: &Source) -> Vec<String> {
    let mut complaints = named(
        source,
        &source.code,
        &["todo!", "unimplemented!", "dbg!", "#[ignore]"],
        "is unfinished work: finish it, or leave it out; a test that runs elsewhere says so with `#[ignore = \"…\"]`",
    );
    let advice = "outside tests: return an error, or `expect(\"why it cannot happen\")` for an invariant of our own";
    complaints.extend(named(source, &source.program, &[".unwrap()", ".unwrap_err()"], advice));
    complaints
}

fn files_are_short(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= LONGEST_FILE {
        return Vec::new();
    }
    vec![format!("{}:{lines}: {lines} lines, at most {LONGEST_FILE}: split it along its subjects", source.path)]
}

fn names_say_something(source: &Source) -> Vec<String> {
    let empty = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "core"];
    let mut parts = source.path.trim_end_matches(".rs").split('/');
    match parts.find(|part| empty.contains(part)) {
        Some(part) => vec![format!("{}:1: `{part}` says nothing: name the module after its subject", source.path)],
        None => Vec::new(),
    }
}

#[test]
fn domain_and_engine_know_nothing_of_the_outside() {
    check(pure_part_is_pure);
}

#[test]
fn binary_floats_are_for_scores_alone() {
    check(floats_stay_with_scores);
}

#[test]
fn rows_stay_in_storage() {
    check(only_storage_names_entity);
}

#[test]
fn http_clients_are_built_in_one_place() {
    check(only_connector_http_builds_clients);
}

#[test]
fn tables_are_written_in_one_place() {
    check(only_spreadsheet_writes_tables);
}

#[test]
fn rows_are_held_in_one_way() {
    check(only_row_lock_holds_rows);
}

#[test]
fn tests_do_not_wait_for_processes_that_wait_for_them() {
    check(async_tests_await_processes);
}

#[test]
fn the_graphql_library_stays_in_graphql_and_http() {
    check(only_graphql_names_its_library);
}

#[test]
fn domain_types_are_not_serialized() {
    check(domain_is_not_serialized);
}

#[test]
fn every_module_says_what_it_is_for() {
    check(modules_say_what_they_are_for);
}

#[test]
fn no_work_is_left_undone() {
    check(nothing_is_left_undone);
}

#[test]
fn no_file_is_too_long() {
    check(files_are_short);
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    check(names_say_something);
}

/// The lock file names one source, and no package that brings a second TLS stack.
fn lock_file(text: &str) -> Vec<String> {
    let banned = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];
    let official = concat!("registry+https://github.com/rust-lang/crates", ".io-index");
    let mut complaints = Vec::new();
    for (line, text) in text.lines().enumerate().map(|(index, text)| (index + 1, text)) {
        let value = |key: &str| text.strip_prefix(key).map(|value| value.trim_matches('"'));
        if let Some(name) = value("name = ").filter(|name| banned.contains(name)) {
            complaints.push(format!(
                "Cargo.lock:{line}: `{name}` is a second TLS stack beside rustls with ring: turn off the feature that \
                 brings it (`cargo tree -i {name}`)"
            ));
        }
        if let Some(source) = value("source = ").filter(|source| *source != official) {
            complaints.push(format!("Cargo.lock:{line}: `{source}` is not where everybody gets packages: lock again"));
        }
    }
    complaints
}

#[test]
fn the_lock_file_has_one_source_and_one_tls_stack() {
    report(lock_file(&read("Cargo.lock")));
}

#[test]
fn json_numbers_are_not_kept_as_text_behind_our_back() {
    // The feature `arbitrary_precision` of any dependency changes how every number is read and written, and breaks
    // numbers inside flattened and untagged types. Exact digits are taken from raw values instead.
    let number: serde_json::Value = serde_json::from_str("1.10").expect("it is a number");
    assert_eq!(number.to_string(), "1.1", "find who turns it on: cargo tree -e features -i serde_json");
}

/// Hosts of package registries. Written in two parts, because this file is looked at as well.
const REGISTRIES: [&str; 8] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("yarnpkg", ".com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("docker", ".io"),
];

fn registry_hosts(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate();
    let hits = lines.flat_map(|(index, line)| {
        REGISTRIES.iter().filter(move |host| line.contains(**host)).map(move |host| (index + 1, host))
    });
    hits.map(|(line, host)| format!("{path}:{line}: `{host}` names a registry: leave that to the user's own settings"))
        .collect()
}

#[test]
fn no_tracked_file_names_a_registry() {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // Sources that came without their history have just the Rust files looked at.
    let paths: Vec<String> = match listed {
        Some(listed) => listed.split_terminator('\0').map(str::to_owned).collect(),
        None => sources().into_iter().map(|source| source.path).collect(),
    };
    let text = |path: &str| fs::read(top().join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // Lock files are written by tools, and name the source of each package.
    let looked_at = paths.iter().filter(|path| !path.ends_with("Cargo.lock") && !path.ends_with("package-lock.json"));
    report(looked_at.filter_map(|path| Some(registry_hosts(path, &text(path)?))).flatten().collect());
}

#[test]
fn no_file_pins_the_compiler() {
    for name in ["rust-toolchain", "rust-toolchain.toml"] {
        assert!(!top().join(name).exists(), "remove `{name}`: `rust-version` in Cargo.toml says what is needed");
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
}

/// The rule complains about the text at that path, in these lines alone.
fn breaks(rule: Rule, path: &str, text: &str, lines: &[usize]) {
    let complaints = rule(&Source::new(path, text));
    let places: Vec<String> = lines.iter().map(|line| format!("{path}:{line}: ")).collect();
    let is_as_expected = complaints.len() == places.len()
        && complaints.iter().zip(&places).all(|(complaint, place)| complaint.starts_with(place));
    assert!(is_as_expected, "`{text}` at `{path}` gave {complaints:?} instead of lines {lines:?}");
}

#[test]
fn the_pure_part_is_watched() {
    let text = "//! async is fine here.\nasync fn x() { tokio::spawn() }\nlet now = Utc::now();\nlet asynchronous = 1;";
    breaks(pure_part_is_pure, "src/engine/billing/align.rs", text, &[2, 2, 3]);
    breaks(pure_part_is_pure, "src/domain/x.rs", "use sea_orm::X;\nuse std::time::Instant;", &[1, 2]);
    breaks(pure_part_is_pure, "src/service/x.rs", text, &[]);
    let threads = "use std::thread;\nlet now = Instant::now();";
    breaks(pure_part_is_pure, "src/engine/billing/judge.rs", threads, &[1, 2]);
    breaks(pure_part_is_pure, "src/engine/billing/threads.rs", threads, &[2]);
    breaks(pure_part_is_pure, "src/domain/x.rs", "#[cfg(test)]\nmod tests {\n async fn x() {}\n}", &[]);
}

#[test]
fn floats_are_watched() {
    let text = "// f64\nfn x(a: f64) -> f32 {}\nlet b = a as f64; let my_f64 = \"f64\";";
    breaks(floats_stay_with_scores, "src/domain/x.rs", text, &[2, 2, 3]);
    breaks(floats_stay_with_scores, "entity/src/x.rs", text, &[2, 2, 3]);
    breaks(floats_stay_with_scores, "src/engine/matching/score.rs", text, &[]);
    breaks(floats_stay_with_scores, "tests/it/x.rs", text, &[]);
    let one = "fn cell(a: f64) {\n let b: f64;\n}\nfn other() {}";
    breaks(floats_stay_with_scores, "src/report/xlsx.rs", one, &[]);
    breaks(floats_stay_with_scores, "src/report/xlsx.rs", &format!("{one}\nfn more() -> f64 {{}}"), &[1]);
}

#[test]
fn rows_are_watched() {
    let text = "use entity::company;\nlet a = ::entity::x;\nlet b = crate::graphql::entity::x;\n// entity::x";
    breaks(only_storage_names_entity, "src/service/x.rs", text, &[1, 2]);
    breaks(only_storage_names_entity, "src/storage/x.rs", text, &[]);
}

#[test]
fn clients_are_watched() {
    let text = "use reqwest::Client;\nlet a = Client::new();\nlet b = Pax8Client::new();";
    breaks(only_connector_http_builds_clients, "src/connector/pax8/client.rs", text, &[2]);
    breaks(only_connector_http_builds_clients, "src/connector/http.rs", text, &[]);
    breaks(only_connector_http_builds_clients, "src/job/x.rs", "let a = Client::new();", &[]);
}

#[test]
fn tables_are_watched() {
    let text = "let a = csv::Reader::from_reader(x);\nlet b = csv::Writer::from_writer(y);";
    breaks(only_spreadsheet_writes_tables, "src/report/csv.rs", text, &[2]);
    breaks(only_spreadsheet_writes_tables, "src/cli/x.rs", "let a = csv::WriterBuilder::new();", &[1]);
    breaks(only_spreadsheet_writes_tables, "src/spreadsheet.rs", text, &[]);
}

#[test]
fn row_locks_are_watched() {
    let text = "query.held();\nquery.lock_exclusive();\nquery.lock(LockType::Update);";
    breaks(only_row_lock_holds_rows, "src/storage/x.rs", text, &[2, 3]);
    breaks(only_row_lock_holds_rows, "src/storage/row_lock.rs", text, &[]);
}

#[test]
fn waiting_for_processes_is_watched() {
    let text = "use std::process::{Command, Output};\n#[tokio::test]\nasync fn x() { std::process::Command::new(a) }";
    breaks(async_tests_await_processes, "tests/it/x.rs", text, &[1, 3]);
    breaks(async_tests_await_processes, "tests/it/x.rs", "use std::process::Command;\n#[test]\nfn x() {}", &[]);
    breaks(
        async_tests_await_processes,
        "tests/it/x.rs",
        "use std::process::Stdio;\n#[tokio::test]\nasync fn x() {}",
        &[],
    );
}

#[test]
fn the_graphql_library_is_watched() {
    let text = "use async_graphql::Object;\nuse async_graphql_axum::X;";
    breaks(only_graphql_names_its_library, "src/service/x.rs", text, &[1, 2]);
    breaks(only_graphql_names_its_library, "src/graphql/object/x.rs", text, &[]);
    breaks(only_graphql_names_its_library, "src/http/graphql.rs", text, &[]);
}

#[test]
fn serialization_is_watched() {
    breaks(domain_is_not_serialized, "src/domain/x.rs", "#[derive(Debug, Serialize)]\nstruct X;", &[1]);
    breaks(domain_is_not_serialized, "src/connector/x.rs", "#[derive(Debug, Serialize)]\nstruct X;", &[]);
}

#[test]
fn module_docs_are_watched() {
    breaks(modules_say_what_they_are_for, "src/x.rs", "use x;\n//! Late.", &[1]);
    breaks(modules_say_what_they_are_for, "src/x.rs", "fn main() {}", &[1]);
    breaks(modules_say_what_they_are_for, "src/x.rs", "//! Placeholder.\nuse x;", &[1]);
    breaks(modules_say_what_they_are_for, "src/x.rs", "//! The words of the business.\n", &[]);
}

#[test]
fn unfinished_work_is_watched() {
    let text = "todo!();\nx.unwrap();\nx.unwrap_or(1);\n#[cfg(test)]\nmod tests {\n#[ignore = \"x\"]\n#[ignore]\nfn x() { y.unwrap(); }\n}";
    breaks(nothing_is_left_undone, "src/x.rs", text, &[1, 7, 2]);
    breaks(nothing_is_left_undone, "tests/it/x.rs", text, &[1, 7]);
}

#[test]
fn lengths_and_names_are_watched() {
    breaks(files_are_short, "src/x.rs", &"x\n".repeat(LONGEST_FILE), &[]);
    breaks(files_are_short, "src/x.rs", &"x\n".repeat(LONGEST_FILE + 1), &[LONGEST_FILE + 1]);
    breaks(names_say_something, "src/domain/utils.rs", "", &[1]);
    breaks(names_say_something, "src/core/money.rs", "", &[1]);
    breaks(names_say_something, "src/domain/money.rs", "", &[]);
}

#[test]
fn the_lock_file_is_watched() {
    let good = concat!("name = \"ring\"\nsource = \"registry+https://github.com/rust-lang/crates", ".io-index\"\n");
    assert_eq!(lock_file(good), Vec::<String>::new());
    assert!(lock_file(&format!("{good}name = \"openssl-sys\"")).concat().starts_with("Cargo.lock:3: `openssl-sys`"));
    assert!(lock_file("source = \"registry+https://mirror.example\"").concat().starts_with("Cargo.lock:1: `registry"));
}

#[test]
fn registry_hosts_are_watched() {
    let text = format!("a\nhttps://{}/x", REGISTRIES[0]);
    assert!(registry_hosts("README.md", &text).concat().starts_with("README.md:2: "));
    assert_eq!(registry_hosts("README.md", "https://docs.example"), Vec::<String>::new());
}
