//! Which PostgreSQL the tests can use: one that was named, one they start themselves, or none.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Names a server whose user may create databases.
pub const URL_VARIABLE: &str = "CONCORD_TEST_POSTGRES_URL";
/// Makes it a failure that there is none.
pub const REQUIRE_VARIABLE: &str = "CONCORD_REQUIRE_POSTGRES";

/// Where a server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Available {
    /// A running server.
    Named(String),
    /// The folder of `initdb`, `pg_ctl` and `postgres`.
    Installed(PathBuf),
    /// No server; the tests on PostgreSQL are skipped.
    Missing,
}

impl Available {
    /// Looks at the environment and the places where systems install PostgreSQL.
    pub fn on_this_machine() -> Self {
        if let Ok(url) = std::env::var(URL_VARIABLE)
            && !url.is_empty()
        {
            return Self::Named(url);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        installed(&path, Path::new("/")).map_or(Self::Missing, Self::Installed)
    }
}

impl fmt::Display for Available {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(_) => write!(f, "the tests on PostgreSQL use the server that {URL_VARIABLE} names"),
            Self::Installed(folder) => {
                write!(f, "the tests on PostgreSQL use a cluster of their own, started from `{}`", folder.display())
            }
            Self::Missing => write!(
                f,
                "THE TESTS ON POSTGRESQL WERE SKIPPED: there is no PostgreSQL on this machine. To run them, install it \
                 (`apt-get install postgresql`), or set {URL_VARIABLE} to a server whose user may create databases"
            ),
        }
    }
}

/// Whether a missing server is a failure.
pub fn is_required() -> bool {
    std::env::var(REQUIRE_VARIABLE).is_ok_and(|value| !matches!(value.as_str(), "" | "0"))
}

/// The first folder of the path that has the programs, else the newest version below `root`.
fn installed(path: &OsString, root: &Path) -> Option<PathBuf> {
    let has_programs =
        |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file());
    if let Some(folder) = std::env::split_paths(path).find(|folder| folder.is_absolute() && has_programs(folder)) {
        return Some(folder);
    }
    // Debian keeps these programs out of the path, in a folder per version; so do the others.
    let mut folders: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, begins) in [
        ("usr/lib/postgresql", ""),
        ("usr", "pgsql-"),
        ("usr/local", "pgsql"),
        ("opt/homebrew/opt", "postgresql"),
        ("usr/local/opt", "postgresql"),
        ("Library/PostgreSQL", ""),
    ] {
        let Ok(entries) = std::fs::read_dir(root.join(parent)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let version = name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
            let folder = entry.path().join("bin");
            if name.starts_with(begins) && has_programs(&folder) {
                folders.push((version, folder));
            }
        }
    }
    folders.sort();
    folders.pop().map(|(_, folder)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(folder: &Path) {
        std::fs::create_dir_all(folder).expect("a folder");
        for program in ["initdb", "pg_ctl", "postgres"] {
            std::fs::write(folder.join(program), "").expect("a file");
        }
    }

    #[test]
    fn the_path_goes_first_and_then_the_newest_version() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let at = |path: &str| root.path().join(path);
        let path = std::env::join_paths([at("nothing"), at("tools")]).expect("a path");
        assert_eq!(installed(&path, root.path()), None);
        for version in ["9", "17", "15"] {
            install(&at("usr/lib/postgresql").join(version).join("bin"));
        }
        std::fs::create_dir_all(at("usr/lib/postgresql/18/bin")).expect("a client without a server");
        assert_eq!(installed(&path, root.path()), Some(at("usr/lib/postgresql/17/bin")));
        install(&at("tools"));
        assert_eq!(installed(&path, root.path()), Some(at("tools")));
    }

    #[test]
    fn a_missing_server_says_what_to_install() {
        let notice = Available::Missing.to_string();
        assert!(notice.contains("SKIPPED") && notice.contains("apt-get install postgresql"), "{notice}");
    }
}
