//! `concord audit`: whatever somebody does to the rows, the command says where. And the events over GraphQL.

use std::sync::Arc;

use concord::app::App;
use concord::digest::sha256;
use concord::domain::access::Role;
use concord::environment::SystemClock;
use concord::secret::SystemRandom;
use concord::service::access::CreateToken;
use serde_json::{Value, json};

use super::command::{run, tamper};
use super::harness::{self, Program, each_database};

/// Tokens are made for an organization, each with an event.
async fn events(app: &App, organization: &str, count: usize) {
    for number in 0..count {
        let command = CreateToken {
            organization: organization.to_owned(),
            name: format!("Number {number}"),
            roles: Role::Viewer.into(),
            lifetime: None,
        };
        app.access.create_token(&SystemRandom, command).await.expect("a token is made");
    }
}

const KEEP: [&str; 2] =
    ["CREATE TABLE kept_event AS SELECT * FROM audit_event", "CREATE TABLE kept_head AS SELECT * FROM audit_head"];
const RESTORE: [&str; 6] = [
    "DELETE FROM audit_event",
    "DELETE FROM audit_head",
    "INSERT INTO audit_event SELECT * FROM kept_event",
    "INSERT INTO audit_head SELECT * FROM kept_head",
    "DROP TABLE kept_event",
    "DROP TABLE kept_head",
];

/// Every column but the key, with what comes into it.
const CHANGES: [(&str, &str); 13] = [
    ("actor_kind", "'TOKEN'"),
    ("actor_id", "''"),
    ("actor_name", "'Somebody else'"),
    ("action", "'token.delete'"),
    ("subject_kind", "'mapping'"),
    ("subject_id", "NULL"),
    ("before", "'{}'"),
    ("after", "'{}'"),
    ("reason", "''"),
    ("correlation_id", "'another'"),
    ("digest", "'00'"),
    ("hash", "'00'"),
    ("mac", "'v1.test.AAAA'"),
];

#[tokio::test]
async fn every_manipulation_is_found_at_its_place() {
    for database in each_database().await {
        let url = &database.url;
        let app = harness::app(url, Arc::new(SystemClock)).await;
        events(&app, "Acme", 6).await;
        events(&app, "Borealis", 3).await;
        drop(app);
        let acme = "(SELECT id FROM organization WHERE name = 'Acme')";
        let borealis = "(SELECT id FROM organization WHERE name = 'Borealis')";
        let of_acme = format!("organization_id = {acme}");
        let others = "occurred_at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, before, after, \
                      reason, correlation_id, digest, hash, mac";
        let id = if url.starts_with("sqlite") { "randomblob(16)" } else { "gen_random_uuid()" };
        let copied = |organization: &str, sequence: &str, from: &str| {
            format!(
                "INSERT INTO audit_event (organization_id, sequence, id, {others}) SELECT {organization}, {sequence}, \
                 {id}, {others} FROM audit_event WHERE {from}"
            )
        };
        let second = if url.starts_with("sqlite") { "'2026-01-01 00:00:00+00:00'" } else { "'2026-01-01T00:00:00Z'" };

        let mut done: Vec<(Vec<String>, &str, &str)> = Vec::new();
        for (column, value) in CHANGES {
            let place = if column == "mac" || column == "before" || column == "after" { "" } else { "was changed" };
            done.push((
                vec![format!("UPDATE audit_event SET {column} = {value} WHERE {of_acme} AND sequence = 3")],
                "event 3",
                place,
            ));
        }
        done.extend([
            (vec![format!("UPDATE audit_event SET occurred_at = {second} WHERE {of_acme} AND sequence = 3")], "event 3", "was changed"),
            (vec![format!("UPDATE audit_event SET id = {id} WHERE {of_acme} AND sequence = 3")], "event 3", "was changed"),
            // What was erased is named, and is not taken for whole unless that is said.
            (vec![format!("UPDATE audit_event SET after = NULL WHERE {of_acme} AND sequence = 3")], "event 3", "its content was erased"),
            // Taken away: in the middle, the first, the last ones, all.
            (vec![format!("DELETE FROM audit_event WHERE {of_acme} AND sequence = 3")], "event 3", "is missing"),
            (vec![format!("DELETE FROM audit_event WHERE {of_acme} AND sequence = 1")], "event 1", "is missing"),
            (vec![format!("DELETE FROM audit_event WHERE {of_acme} AND sequence > 4")], "event 5", "is missing"),
            (vec![format!("DELETE FROM audit_event WHERE {of_acme}")], "event 1", "is missing"),
            // Taken away with the gap closed.
            (
                vec![
                    format!("DELETE FROM audit_event WHERE {of_acme} AND sequence = 3"),
                    format!("UPDATE audit_event SET sequence = sequence - 1000 WHERE {of_acme} AND sequence > 3"),
                    format!("UPDATE audit_event SET sequence = sequence + 999 WHERE {of_acme} AND sequence < 0"),
                    format!("UPDATE audit_head SET sequence = 5 WHERE {of_acme}"),
                ],
                "event 3",
                "was changed",
            ),
            // Put in: at the end, with the end moved, before the beginning, from another organization.
            (vec![copied(acme, "7", &format!("{of_acme} AND sequence = 6"))], "event 7", "was changed"),
            (
                vec![
                    copied(acme, "7", &format!("{of_acme} AND sequence = 6")),
                    format!("UPDATE audit_head SET sequence = 7 WHERE {of_acme}"),
                ],
                "event 7",
                "was changed",
            ),
            (vec![copied(acme, "0", &format!("{of_acme} AND sequence = 1"))], "event 0", "was changed"),
            (
                vec![
                    format!("UPDATE audit_event SET organization_id = {acme}, sequence = 7 WHERE organization_id = {borealis} AND sequence = 3"),
                    format!("UPDATE audit_head SET sequence = 7, hash = (SELECT hash FROM audit_event WHERE {of_acme} AND sequence = 7) WHERE {of_acme}"),
                ],
                "event 7",
                "put here from elsewhere",
            ),
            // Two have changed places.
            (
                vec![
                    format!("UPDATE audit_event SET sequence = -3 WHERE {of_acme} AND sequence = 3"),
                    format!("UPDATE audit_event SET sequence = 3 WHERE {of_acme} AND sequence = 4"),
                    format!("UPDATE audit_event SET sequence = 4 WHERE {of_acme} AND sequence = -3"),
                ],
                "event 3",
                "was changed",
            ),
            // The end alone.
            (vec![format!("UPDATE audit_head SET sequence = 4 WHERE {of_acme}")], "event 4", "does not end where"),
            (vec![format!("UPDATE audit_head SET hash = '00' WHERE {of_acme}")], "event 6", "does not end where"),
            (vec![format!("UPDATE audit_head SET sequence = 7 WHERE {of_acme}")], "event 7", "is missing"),
            (vec![format!("DELETE FROM audit_head WHERE {of_acme}")], "event 6", "does not end where"),
        ]);
        // All of it, the end too: there are tokens, whose making is an event.
        let all = ["audit_event", "audit_head"].map(|table| format!("DELETE FROM {table} WHERE {of_acme}"));
        done.push((all.to_vec(), "event 1", "is missing"));
        // SQLite keeps in a column what does not belong there.
        if url.starts_with("sqlite") {
            let unreadable = |change: &str| format!("UPDATE audit_event SET {change} WHERE {of_acme} AND sequence = 3");
            for change in ["occurred_at = 'not a time'", "digest = x'00ff'", "id = 7"] {
                done.push((vec![unreadable(change)], "event 3", "cannot be read"));
            }
            done.push((vec![unreadable("sequence = 'abc'")], "event 3", "is missing"));
            let end = format!("UPDATE audit_head SET sequence = 'abc' WHERE {of_acme}");
            done.push((vec![end], "event 6", "does not end where"));
        }
        let verify = ["audit", "verify", "--organization", "Acme"];
        run(url, &verify).await.check(0, &["Acme: intact, 6 events; keep this elsewhere: --expect \"Acme:6:"]);
        for (statements, place, flaw) in done {
            tamper(url, &KEEP).await;
            tamper(url, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
            let said = run(url, &verify).await;
            assert_eq!(said.code, Some(1), "{statements:?} on {url}:\n{}", said.text);
            let is_named = said.text.lines().any(|line| {
                line.starts_with("Acme: ") && line.contains(&format!("{place} (`"))
                    || line.contains(&format!("broken at {place}:"))
            });
            assert!(is_named && said.text.contains(flaw), "{place} {flaw}: {statements:?} on {url}:\n{}", said.text);
            assert!(!said.text.contains("intact"), "{statements:?} on {url}:\n{}", said.text);
            tamper(url, &RESTORE).await;
        }
        // The whole is asked for when no organization is named, and one that is broken does not hide the others.
        tamper(url, &[&format!("UPDATE audit_event SET reason = 'x' WHERE {of_acme} AND sequence = 2")]).await;
        run(url, &["audit", "verify"])
            .await
            .check(1, &["Acme: broken at event 2 (`", ", token.create): ", "Borealis: intact, 3 events"]);
        run(url, &["audit", "verify", "--organization", "Nobody"])
            .await
            .check(1, &["There is no organization `Nobody`."]);
    }
}

/// The hash of an event from the one before it, as the chain is defined.
fn chained(previous: &str, event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let moment = chrono::DateTime::parse_from_rfc3339(&text("occurredAt")).expect("a moment").timestamp_micros();
    let mut parts = vec!["concord-audit-1".to_owned(), previous.to_owned(), text("organizationId")];
    parts.extend([event["sequence"].to_string(), text("id"), moment.to_string()]);
    for name in ["actorKind", "actorId", "actorName", "action", "subjectKind", "subjectId", "reason", "correlationId"] {
        parts.push(text(name));
    }
    parts.push(text("digest"));
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    sha256(&bytes)
}

/// The events of an organization as `audit export` writes them.
async fn exported(url: &str, organization: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("audit.jsonl");
    run(url, &["audit", "export", "--organization", organization, "--out", &file.to_string_lossy()])
        .await
        .check(0, &[" events"]);
    let text = std::fs::read_to_string(&file).expect("the file is written");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[tokio::test]
async fn a_chain_that_was_rebuilt_or_cut_is_found_by_the_key_and_by_what_was_noted() {
    for database in each_database().await {
        let url = &database.url;
        let app = harness::app(url, Arc::new(SystemClock)).await;
        events(&app, "Acme: IT", 6).await;
        drop(app);
        let whole = run(url, &["audit", "verify"]).await;
        let noted =
            whole.text.split_once("--expect \"").and_then(|(_, rest)| rest.split_once('"')).expect("an anchor").0;
        assert!(noted.starts_with("Acme: IT:6:"), "{noted}");
        run(url, &["audit", "verify", "--expect", noted]).await.check(0, &["intact, 6 events"]);

        // The file is enough to check the chain elsewhere.
        let events = exported(url, "Acme: IT").await;
        let mut previous = String::new();
        for event in &events {
            assert_eq!(event["hash"], chained(&previous, event), "{event}");
            previous = event["hash"].as_str().expect("a hash").to_owned();
        }
        assert!(noted.ends_with(&previous));

        // Somebody takes the third event out and computes everything anew, the recorded end too. Only the key is missing.
        tamper(url, &KEEP).await;
        let mut statements = vec!["DELETE FROM audit_event WHERE sequence = 3".to_owned()];
        let mut previous = events[1]["hash"].as_str().expect("a hash").to_owned();
        for event in &events[3..] {
            let mut event = event.clone();
            let old = event["sequence"].as_i64().expect("a number");
            event["sequence"] = json!(old - 1);
            previous = chained(&previous, &event);
            statements.push(format!(
                "UPDATE audit_event SET sequence = {}, hash = '{previous}' WHERE sequence = {old}",
                old - 1
            ));
        }
        statements.push(format!("UPDATE audit_head SET sequence = 5, hash = '{previous}'"));
        tamper(url, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
        run(url, &["audit", "verify"])
            .await
            .check(1, &["broken at event 3 (`", "written by somebody without the secret key"]);
        tamper(url, &RESTORE).await;

        // Somebody cuts the last events off, and the recorded end with them: whole in itself, and missed where it was noted.
        tamper(
            url,
            &[
                "DELETE FROM audit_event WHERE sequence > 4",
                "UPDATE audit_head SET sequence = 4, hash = (SELECT hash FROM audit_event WHERE sequence = 4)",
            ],
        )
        .await;
        run(url, &["audit", "verify"]).await.check(0, &["intact, 4 events"]);
        run(url, &["audit", "verify", "--expect", noted]).await.check(1, &["broken at event 5: the event is missing"]);
        // The server goes on behind the cut, with the key: another event stands where the noted one stood.
        let app = harness::app(url, Arc::new(SystemClock)).await;
        self::events(&app, "Acme: IT", 2).await;
        run(url, &["audit", "verify"]).await.check(0, &["intact, 6 events"]);
        run(url, &["audit", "verify", "--expect", noted])
            .await
            .check(1, &["broken at event 6 (`", "whose hash was noted"]);
        run(url, &["audit", "verify", "--expect", "Nobody:1:00"]).await.check(2, &["64 hexadecimal digits"]);
    }
}

#[tokio::test]
async fn the_export_is_the_chain_and_a_spreadsheet_runs_none_of_it() {
    for database in each_database().await {
        let url = &database.url;
        let app = harness::app(url, Arc::new(SystemClock)).await;
        events(&app, "Acme", 1100).await;
        let caller = app.access.operator("Acme").await.expect("the organization is there");
        let change = concord::domain::audit::Change {
            action: "test.change",
            subject_kind: "test",
            subject_id: None,
            before: None,
            after: None,
            reason: Some("=HYPERLINK(\"http://x\")".to_owned()),
        };
        let core = &app.services.core;
        let tx = core.store.begin().await.expect("a transaction");
        concord::storage::audit::record(&tx, &*core.seal, &*core.ids, &caller, core.clock.now(), change)
            .await
            .expect("recorded");
        tx.commit().await.expect("kept");
        // More than one batch, each once, in order.
        let events = exported(url, "Acme").await;
        let numbers: Vec<i64> = events.iter().map(|event| event["sequence"].as_i64().expect("a number")).collect();
        assert_eq!(numbers, (1..=1101).collect::<Vec<_>>());
        assert_eq!(events[1100]["reason"], "=HYPERLINK(\"http://x\")");

        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("audit.csv");
        let arguments =
            ["audit", "export", "--organization", "Acme", "--format", "csv", "--out", &file.to_string_lossy()];
        run(url, &arguments).await.check(0, &["audit.csv: 1101 events"]);
        let mut table = csv::Reader::from_path(&file).expect("the file is written");
        assert!(table.headers().expect("a header").iter().any(|name| name == "mac"));
        let last = table.records().last().expect("a record").expect("it reads");
        assert_eq!(last.get(12), Some("'=HYPERLINK(\"http://x\")"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "nobody else reads it");
        }
    }
}

const FOUND: &str = "query($filter: AuditEventFilter) { auditEvents(filter: $filter, first: 100) { totalCount nodes {
    sequence actorKind actorName action subjectKind before after reason correlationId hash
} } }";

#[tokio::test]
async fn events_are_found_by_who_and_by_request() {
    for database in each_database().await {
        let program = Program::start_idle(database).await;
        let admin = program.client("ADMIN").await;
        let integration = harness::integration(&admin, "Acme").await;
        let found = async |filter: Value| {
            let mut answer = admin.ask(FOUND, json!({ "filter": filter })).await["auditEvents"].take();
            assert_eq!(answer["totalCount"], answer["nodes"].as_array().expect("a page").len());
            answer["nodes"].take()
        };
        let by_command = found(json!({ "actor": "mmand LI" })).await;
        assert_eq!(by_command[0]["actorKind"], "COMMAND_LINE");
        assert_eq!(by_command[0]["action"], "token.create");
        let by_token = found(json!({ "actor": "admin OF" })).await;
        assert_eq!(
            (&by_token[0]["actorKind"], &by_token[0]["action"]),
            (&json!("TOKEN"), &json!("integration.create"))
        );
        assert_eq!(found(json!({ "actor": "%" })).await, json!([]), "a wildcard is a character");
        let request = found(json!({ "correlationId": by_token[0]["correlationId"] })).await;
        assert_eq!(request, by_token);
        assert_eq!(found(json!({ "correlationId": "nobody's" })).await, json!([]));
        let filter = json!({ "actor": "admin", "action": "integration.create", "subjectId": integration.id });
        assert_eq!(found(filter).await, by_token);
        assert_eq!(found(json!({ "actor": "command", "subjectId": integration.id })).await, json!([]));
        program.stop().await;
    }
}
