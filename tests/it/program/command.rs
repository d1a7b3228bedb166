//! Commands of the program as it is shipped, over a database, and what somebody with the database's password could do to it.

use std::process::Output;

use sea_orm::ConnectionTrait as _;
use tokio::process::Command;

use super::harness;

/// What a command said and how it ended.
pub struct Said {
    pub code: Option<i32>,
    pub text: String,
}

impl Said {
    pub fn of(output: &Output) -> Self {
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Self { code: output.status.code(), text }
    }

    /// Fails unless the command ended so and said this.
    #[track_caller]
    pub fn check(&self, code: i32, expected: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for expected in expected {
            assert!(self.text.contains(expected), "`{expected}` is missing in:\n{}", self.text);
        }
    }
}

/// The program over a database, with these secret keys and nothing else from outside.
pub fn concord(url: &str, keys: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_concord"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CONCORD_")) {
        command.env_remove(name);
    }
    command.env("CONCORD_SECRET_KEYS", keys).env("CONCORD_DATABASE", url).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command.env("CONCORD_LOG_LEVEL", "error");
    command
}

/// Runs a command to its end, with the keys of the harness.
pub async fn run(url: &str, arguments: &[&str]) -> Said {
    run_with(url, harness::SECRET_KEYS, arguments).await
}

/// Runs a command to its end, with other keys.
///
/// A test must not block its thread on it: a server of the same test may be in the middle of a transaction, for which
/// the command would wait until SQLite gives up.
pub async fn run_with(url: &str, keys: &str, arguments: &[&str]) -> Said {
    Said::of(&concord(url, keys).args(arguments).output().await.expect("the command runs"))
}

/// Carries statements out behind the program's back.
pub async fn tamper(url: &str, statements: &[&str]) {
    let connection = sea_orm::Database::connect(url).await.expect("the database opens");
    for statement in statements {
        let done = connection.execute_unprepared(statement).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    connection.close().await.expect("the database closes");
}
