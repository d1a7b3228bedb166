//! The endpoint in the hands of clients that others wrote: `tests/clients/run` says how.

use tokio::process::Command;

use super::server::{Setup, TOKEN};

#[tokio::test]
#[ignore = "needs node and the npm packages; run tests/clients/run"]
async fn clients_that_others_wrote_are_content() {
    let server = Setup::default().start().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
    for script in ["graphql-http/audit.mjs", "streams/check.mjs"] {
        let status = Command::new("node")
            .arg(format!("{folder}/{script}"))
            .env("CONCORD_URL", format!("http://{}/graphql", server.address))
            .env("CONCORD_TOKEN", TOKEN)
            .status()
            .await
            .expect("node starts");
        assert!(status.success(), "{script} is not content");
    }
}
