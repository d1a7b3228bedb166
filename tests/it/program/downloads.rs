//! Reports as files: links that a browser follows without a token, for a short time, with what their reader may see.

use serde_json::{Value, json};

use super::harness::{self, Client, Program, each_database};
use crate::postgres;

const LINK: &str = "query($id: ID!, $format: ReportFormat!) {
    node(id: $id) { ... on ReconciliationReport { download(format: $format) { path fileName expiresAt hasCost } } }
}";

async fn link(client: &Client, report: &Value, format: &str) -> (Value, Value) {
    let (_, mut answer) = client.send(LINK, json!({ "id": report, "format": format })).await;
    (answer["data"]["node"]["download"].take(), answer["errors"].take())
}

async fn get(program: &Program, path: &str) -> reqwest::Response {
    let url = format!("http://{}{path}", program.address);
    harness::http().get(url).send().await.expect("the server answers")
}

#[tokio::test]
async fn a_link_gives_the_file_to_whoever_has_it_and_no_more_than_its_reader_may_see() {
    for database in each_database().await {
        let program = Program::start(database).await;
        let (admin, viewer) = (program.client("ADMIN").await, program.client("VIEWER").await);
        let integration = harness::connected(&program, &admin, "Downloads").await;
        harness::sync(&admin, &integration).await;
        let report = harness::reconciled(&admin, &integration).await;
        for (format, file, media_type) in [
            ("LINES_CSV", "reconciliation.csv", "text/csv; charset=utf-8"),
            ("DISCREPANCIES_CSV", "discrepancies.csv", "text/csv; charset=utf-8"),
            ("OBSERVATIONS_CSV", "observations.csv", "text/csv; charset=utf-8"),
            ("XLSX", "report.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ("HTML", "report.html", "text/html; charset=utf-8"),
            ("JSON", "report.json", "application/json"),
        ] {
            let (download, errors) = link(&admin, &report, format).await;
            assert_eq!(
                (&errors, &download["fileName"], &download["hasCost"]),
                (&Value::Null, &json!(file), &json!(true))
            );
            let answer = get(&program, download["path"].as_str().expect("a path")).await;
            assert_eq!(answer.status(), 200, "{format}");
            assert_eq!(answer.headers()["content-type"], media_type);
            assert_eq!(answer.headers()["cache-control"], "private, no-store");
            assert!(answer.headers()["content-disposition"].to_str().expect("text").ends_with(&format!("\"{file}\"")));
            assert!(!answer.bytes().await.expect("a body").is_empty());
        }
        // What Pax8 charged is in nobody's file who may not see it.
        let (download, _) = link(&viewer, &report, "LINES_CSV").await;
        assert_eq!(download["hasCost"], false);
        let text = get(&program, download["path"].as_str().expect("a path")).await.text().await.expect("text");
        assert!(text.contains("expectedBilled") && !text.contains("pax8CostTotal"), "{text}");
        let (download, errors) = link(&viewer, &report, "JSON").await;
        assert_eq!((download, &errors[0]["extensions"]["code"]), (Value::Null, &json!("FORBIDDEN")));
        program.stop().await;
    }
}

#[tokio::test]
async fn a_link_that_was_changed_or_made_up_gives_nothing() {
    let program = Program::start(postgres::sqlite()).await;
    let admin = program.client("ADMIN").await;
    let integration = harness::connected(&program, &admin, "Downloads").await;
    harness::sync(&admin, &integration).await;
    let report = harness::reconciled(&admin, &integration).await;
    let (download, _) = link(&admin, &report, "HTML").await;
    let path = download["path"].as_str().expect("a path").to_owned();
    let page = get(&program, &path).await;
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'"), "{policy}");
    let ticket = path.strip_prefix("/downloads/").expect("a path of downloads");
    let middle = ticket.len() / 2;
    let other = if ticket.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let changed = format!("{}{other}{}", &ticket[..middle], &ticket[middle + 1..]);
    for ticket in [changed.as_str(), "x", "%7C%7C%7C%7C%7C%7C", "fHx8fHx8fHw"] {
        let answer = get(&program, &format!("/downloads/{ticket}")).await;
        assert_eq!(answer.status(), 404, "{ticket}");
        assert_eq!(answer.text().await.expect("text"), "There is no such file. Ask for a new link.\n");
    }
    // Another tenant has no such report.
    let stranger = program.client_of("Elsewhere", "ADMIN").await;
    let (_, mut answer) = stranger.send(LINK, json!({ "id": report, "format": "HTML" })).await;
    assert_eq!(answer["data"]["node"].take(), Value::Null);
    program.stop().await;
}
