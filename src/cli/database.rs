//! The address of the database, as a person writes it.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::Url;

use crate::secret::{redact, remember_for_good};

/// The text is not the address of a database that the server can use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it is not the address of a database: {0}")]
pub struct NotADatabase(String);

/// A SQLite file or a PostgreSQL database.
#[derive(Clone)]
pub enum DatabaseAddress {
    /// A file, which is made when missing.
    Sqlite(PathBuf),
    /// A database on a server; the URL may have a password in it.
    Postgres(SecretString),
}

/// A part of a URL as it was meant.
fn percent_decoded(text: &str) -> String {
    // A form writes a blank as `+`, which is itself in a password.
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}

impl DatabaseAddress {
    /// Reads `sqlite://FILE` or `postgres://...`.
    pub fn parse(text: &str) -> Result<Self, NotADatabase> {
        let refuse = |reason: &str| NotADatabase(reason.to_owned());
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let file = rest.strip_prefix("//").unwrap_or(rest);
            let file = file.split_once('?').map_or(file, |(file, _)| file);
            if file.contains(":memory:") {
                return Err(refuse("a database in memory is lost with the server; write `sqlite://FILE`"));
            }
            return match file {
                "" => Err(refuse("the file is missing; write `sqlite://FILE`, such as `sqlite:///srv/concord.db`")),
                file => Ok(Self::Sqlite(PathBuf::from(file))),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
            if url.path().trim_matches('/').is_empty() {
                return Err(refuse("the name of the database is missing; write `postgres://USER@HOST/DATABASE`"));
            }
            if let Some(password) = url.password() {
                remember_for_good(&SecretString::from(password));
                let decoded = percent_decoded(password);
                remember_for_good(&SecretString::from(decoded));
            }
            return Ok(Self::Postgres(SecretString::from(text)));
        }
        Err(refuse("write `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`"))
    }

    /// The address for whoever connects; it may hold a password, so it is for nobody's eyes.
    pub fn connect_url(&self) -> SecretString {
        match self {
            Self::Sqlite(file) => SecretString::from(format!("sqlite://{}", file.display())),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// The file, for SQLite.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            Self::Postgres(_) => None,
        }
    }
}

/// Without a password.
impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(self.connect_url().expose_secret()))
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_read() {
        for (text, expected) in [
            ("sqlite://concord.db", "sqlite://concord.db"),
            (" sqlite:///srv/a b.db?mode=rwc ", "sqlite:///srv/a b.db"),
            ("sqlite:concord.db", "sqlite://concord.db"),
            ("postgres://concord@localhost/concord?host=/run/pg", "postgres://concord@localhost/concord?host=/run/pg"),
            ("postgresql:///concord", "postgresql:///concord"),
        ] {
            let address = DatabaseAddress::parse(text).expect("it is an address");
            assert_eq!(address.to_string(), expected);
            assert_eq!(address.connect_url().expose_secret(), expected);
        }
    }

    #[test]
    fn a_password_is_for_connecting_alone() {
        let address = DatabaseAddress::parse("postgres://concord:hunter2@db/concord?password=hunter3").expect("it is");
        assert_eq!(address.connect_url().expose_secret(), "postgres://concord:hunter2@db/concord?password=hunter3");
        for shown in [format!("{address}"), format!("{address:?}")] {
            assert!(!shown.contains("hunter"), "{shown}");
            assert!(shown.contains("postgres://concord:[redacted]@db/concord"), "{shown}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for (text, expected) in [
            ("", "write `sqlite://FILE` or"),
            ("concord.db", "write `sqlite://FILE` or"),
            ("mysql://db/x", "write `sqlite://FILE` or"),
            ("sqlite://", "the file is missing"),
            ("sqlite::memory:", "a database in memory is lost"),
            ("postgres://db", "the name of the database is missing"),
            ("postgres://db:port/x", "invalid port"),
        ] {
            let error = DatabaseAddress::parse(text).expect_err("it is no address").to_string();
            assert!(error.contains(expected), "`{text}` gave: {error}");
        }
    }
}
