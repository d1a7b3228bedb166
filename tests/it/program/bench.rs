//! `concord bench`: the measurements run, on few lines, and say what they found.

use tokio::process::Command;

use crate::postgres::databases;

async fn concord(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_concord"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CONCORD_")) {
        command.env_remove(name);
    }
    let output = command.arg("bench").args(arguments).output().await.expect("it runs");
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test]
async fn the_comparison_is_measured() {
    let said = concord(&["reconcile", "--lines", "100", "--repeat", "1", "--threads", "2"]).await;
    assert!(said.contains("threads: 2") && said.contains("20 keys"), "{said}");
}

#[tokio::test]
async fn a_run_is_measured_beside_its_rows_alone() {
    let said = concord(&["server", "--lines", "100", "--repeat", "1"]).await;
    assert!(said.contains("round 1: 100 lines on each side") && said.contains("\nratio "), "{said}");
    for database in databases().await {
        // The second round finds an organization of the first in the same database.
        let said = concord(&["server", "--lines", "1200", "--repeat", "2", "--database", &database.url]).await;
        assert!(said.contains("round 2: reported in ") && said.contains("lines per second"), "{said}");
    }
}
