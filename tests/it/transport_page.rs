//! The page for a person in a browser.

use concord::http::GraphiqlAssets;

use super::server::{Setup, start};
use super::wire::{get, request};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn a_browser_gets_the_page_and_a_program_an_answer() {
    let server = start().await;
    for path in ["/", "/graphql"] {
        let page = request("GET", path).header("Accept", BROWSER).send(&server).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
    }
    let query = get("{ hello }").header("Accept", BROWSER).send(&server).await;
    assert_eq!(query.text(), r#"{"data":{"hello":"world"}}"#);
    let program = request("GET", "/graphql").header("Authorization", "Bearer good").send(&server).await;
    assert_eq!((program.status, program.code().as_str()), (400, "BAD_USER_INPUT"));
}

#[tokio::test]
async fn only_the_pages_own_scripts_may_run() {
    let server = start().await;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let page = request("GET", "/").send(&server).await;
        let policy = page.header("content-security-policy").unwrap();
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
        let text = page.text();
        let is_marked = |tag: &str| tag.contains(&format!("nonce=\"{nonce}\""));
        assert!(text.match_indices("<script").all(|(at, _)| is_marked(text[at..].split('>').next().unwrap())));
        assert_eq!(text.matches("integrity=\"sha384-").count(), 4, "each file of another host is checked");
        assert!(!policy.contains("unsafe-eval") && policy.starts_with("default-src 'none'"), "{policy}");
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn ready_operations_cannot_break_out_of_the_page() {
    let server = start().await;
    let text = request("GET", "/").send(&server).await.text();
    assert!(text.contains("query Greeting"));
    assert!(text.contains(r"Follow \u003c/script>\u003cb>"));
    assert!(!text.contains("{{"), "every place of the template is filled");
}

#[tokio::test]
async fn a_directory_of_packages_is_served_by_the_server_itself() {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in [
        ("graphiql/graphiql.min.css", "body {}"),
        ("graphiql/graphiql.min.js", "editor"),
        ("react/umd/react.production.min.js", "react"),
        ("react-dom/umd/react-dom.production.min.js", "react-dom"),
        ("secret", "secret"),
    ] {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let assets = GraphiqlAssets::Directory(directory.path().to_owned());
    let server = Setup { assets, ..Setup::default() }.start().await;
    let page = request("GET", "/").send(&server).await;
    assert!(!page.text().contains("https://cdn"), "nothing is asked of another host");
    assert!(!page.header("content-security-policy").unwrap().contains("http"));
    let script = request("GET", "/graphiql-assets/graphiql.min.js").send(&server).await;
    assert_eq!(
        (script.text().as_str(), script.header("content-type")),
        ("editor", Some("text/javascript; charset=utf-8"))
    );
    for path in ["/graphiql-assets/secret", "/graphiql-assets/..%2Fsecret", "/graphiql-assets/"] {
        assert_eq!(request("GET", path).send(&server).await.status, 404, "{path}");
    }
}
