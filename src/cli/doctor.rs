//! Checks of what the server would start with, the database and the issuer of tokens included. They look and change
//! nothing.

use std::fmt;
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use url::Url;

use super::database::DatabaseAddress;
use super::settings::{KeySource, ServerArguments, Settings, SettingsError};
use crate::connector::address::{AllowedHosts, Place, place_of_url};
use crate::connector::oidc::IssuerKeys;
use crate::domain::schedule::Schedule;
use crate::environment::{Clock as _, SystemClock};
use crate::secret::SystemRandom;
use crate::service::reach::FilesRoot;
use crate::service::secrets::{KeyStatus, statuses, used_keys};
use crate::storage::{Store, organization};

/// Prints what is found, the answers of the database and of the issuer included; ends with status 1 when something has to
/// be put right first.
pub(super) async fn run(arguments: &ServerArguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(arguments)?;
    let mut findings = examine(&settings, SystemClock.now());
    findings.extend(ask_database(&settings).await);
    findings.extend(ask_issuer(&settings).await);
    for finding in &findings {
        println!("{finding}");
    }
    let is_well = findings.iter().all(|finding| finding.severity != Severity::Error);
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the database answers, and whether what it holds can be opened. A SQLite file that does not exist yet is left
/// alone: nothing is changed here.
async fn ask_database(settings: &Settings) -> Vec<Finding> {
    let database = &settings.database;
    if database.file().is_some_and(|file| !file.exists()) {
        return Vec::new();
    }
    let url = database.connect_url();
    let silent = |problem| vec![error(format!("The database `{database}` does not answer: {problem}."))];
    let store = match Store::connect(url.expose_secret()).await {
        Ok(store) => store,
        Err(problem) => return silent(problem),
    };
    match store.ping().await {
        Ok(()) => {
            let mut findings = vec![ok("The database answers.")];
            findings.extend(missing_keys(settings, &store).await);
            findings.extend(shared_files(settings, &store).await);
            findings
        }
        Err(problem) => silent(problem),
    }
}

/// Keys that were used in the database and are not here.
async fn missing_keys(settings: &Settings, store: &Store) -> Vec<Finding> {
    if let Some(KeySource::FileOrNew(path)) = &settings.keys
        && !path.exists()
    {
        let used = used_keys(store).await.unwrap_or_default();
        let is_needed = (!used.is_empty()).then(|| {
            error(format!(
                "The key file `{}` is not there, and the database was used with it. The server does not start without: \
                 copy it back from a backup.",
                path.display()
            ))
        });
        return is_needed.into_iter().collect();
    }
    let Ok((keys, _)) = settings.open_keys(Arc::new(SystemRandom)) else { return Vec::new() };
    // Before its first migration a database has nothing that could be missing.
    let Ok(statuses) = statuses(store, &keys).await else { return Vec::new() };
    not_here(statuses)
}

/// What is said of keys that were used in a database and are not here.
pub(super) fn not_here(statuses: Vec<KeyStatus>) -> Vec<Finding> {
    let missing = statuses.into_iter().filter(|key| key.position.is_none());
    missing
        .map(|key| match key.secrets {
            0 => warning(format!(
                "The secret key `{}` is missing: {} audit events cannot be checked without it. Put it back behind the \
                 first key.",
                key.key_id, key.events
            )),
            secrets => error(format!(
                "The secret key `{}` is missing: stored secrets that it seals, {secrets} in number, cannot be opened. Put \
                 it back behind the first key, or enter them again.",
                key.key_id
            )),
        })
        .collect()
}

/// Organizations that could name each other's files, so that accounts of files are refused.
async fn shared_files(settings: &Settings, store: &Store) -> Option<Finding> {
    let is_shared = settings.files_root.as_ref().is_some_and(FilesRoot::is_shared);
    // Before its first migration a database has no organization.
    let organizations = organization::count(store.read()).await.unwrap_or_default();
    (is_shared && organizations > 1).then(|| {
        warning(format!(
            "There are {organizations} organizations and one files_root for all of them, so none can connect an account of \
             files any more. Give each its own with {{organization}} in the path, which stands for the organization's id."
        ))
    })
}

/// Whether the issuer of tokens answers with keys that can be used. Its users are refused as long as it does not.
async fn ask_issuer(settings: &Settings) -> Option<Finding> {
    // What is wrong with the settings themselves is said elsewhere.
    let expectation = settings.oidc.understood().ok()??.expectation;
    let issuer = &expectation.issuer;
    let unfetched = |reason: String| {
        error(format!(
            "The keys of the issuer `{issuer}` cannot be fetched, so its tokens are refused: {reason}. Check oidc_issuer, \
             and whether this machine reaches it."
        ))
    };
    let fetched = match IssuerKeys::new(issuer, Arc::new(SystemClock)) {
        Ok(keys) => keys.try_to_fetch().await.map_err(|problem| problem.to_string()),
        Err(problem) => Err(problem.to_string()),
    };
    let keys = match fetched {
        Ok(keys) => keys,
        Err(reason) => return Some(unfetched(reason)),
    };
    let algorithms = &expectation.algorithms;
    let names = algorithms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Some(match keys.usable(algorithms) {
        0 => error(format!(
            "The issuer `{issuer}` answers, but none of its keys can be used with {names}, so its tokens are refused. Name \
             the algorithm that it signs with in oidc_algorithms."
        )),
        usable => {
            let each = algorithms.iter().map(|algorithm| (algorithm, keys.usable(&[*algorithm])));
            let each: Vec<String> = each.map(|(algorithm, count)| format!("{count} for {algorithm}")).collect();
            ok(format!("The issuer `{issuer}` answers, and {usable} of its keys can be used: {}.", each.join(", ")))
        }
    })
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// The server starts, and somebody should look.
    Warning,
    /// The server will not start, or not work.
    Error,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found and what to do, as full sentences.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Ok => "ok",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity:<8} {}", self.sentence)
    }
}

fn ok(sentence: impl Into<String>) -> Finding {
    Finding { severity: Severity::Ok, sentence: sentence.into() }
}

fn warning(sentence: impl Into<String>) -> Finding {
    Finding { severity: Severity::Warning, sentence: sentence.into() }
}

fn error(sentence: impl Into<String>) -> Finding {
    Finding { severity: Severity::Error, sentence: sentence.into() }
}

/// All checks, in the order in which a person would put things right. Whether database and issuer answer is asked
/// elsewhere.
pub fn examine(settings: &Settings, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = check_variables(settings);
    findings.extend(check_database(&settings.database));
    findings.extend(check_keys(settings));
    findings.extend(check_listening(settings));
    findings.extend(check_private_networks(settings));
    findings.extend(check_provider_hosts(settings));
    findings.extend(check_issuer(settings));
    findings.push(check_time(now));
    findings
}

fn check_variables(settings: &Settings) -> Vec<Finding> {
    let unknown = |name| warning(format!("The variable {name} is not a setting. Check how it is written."));
    settings.unknown_variables.iter().map(unknown).collect()
}

fn check_database(database: &DatabaseAddress) -> Vec<Finding> {
    match database {
        DatabaseAddress::Sqlite(file) => check_sqlite(file),
        DatabaseAddress::Postgres(url) => {
            let mut findings = vec![ok(format!("The database is `{database}`."))];
            if crosses_a_network_in_the_clear(url.expose_secret()) {
                findings.push(warning(
                    "The connection to PostgreSQL may be without encryption. Add `?sslmode=verify-full` to the \
                     database URL.",
                ));
            }
            findings
        }
    }
}

fn check_sqlite(file: &Path) -> Vec<Finding> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (file_shown, folder_shown) = (file.display(), folder.display());
    if !folder.is_dir() {
        return vec![error(format!(
            "The folder `{folder_shown}` of the database does not exist. Create it: `mkdir -p {folder_shown}`."
        ))];
    }
    if file.is_dir() {
        return vec![error(format!("The database `{file_shown}` is a folder. Name a file in it."))];
    }
    if !file.exists() {
        return vec![ok(format!("The database `{file_shown}` does not exist yet and is made on the first start."))];
    }
    let mut findings = vec![ok(format!("The database is `{file_shown}`."))];
    if let Some(mode) = mode_for_others(file) {
        findings.push(warning(format!(
            "The database `{file_shown}` can be read by others (mode {mode:04o}), and it holds prices and contacts. \
             Run `chmod 600 {file_shown}`."
        )));
    }
    findings
}

fn crosses_a_network_in_the_clear(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let host = parameter("host").unwrap_or_else(|| url.host_str().unwrap_or_default().to_owned());
    let is_local = host.is_empty() || host.starts_with('/') || host == "localhost" || host.starts_with("127.");
    let mode = parameter("sslmode").or_else(|| parameter("ssl-mode")).unwrap_or_default();
    !is_local && !matches!(mode.as_str(), "require" | "verify-ca" | "verify-full")
}

fn check_keys(settings: &Settings) -> Vec<Finding> {
    match &settings.keys {
        // Opening would make the file, and a check changes nothing.
        Some(KeySource::FileOrNew(path)) if !path.exists() => {
            let path_shown = path.display();
            let has_database = settings.database.file().is_some_and(Path::exists);
            vec![if has_database {
                warning(format!(
                    "The database exists, but its key file `{path_shown}` does not. Copy it back from a backup; a server \
                     does not start without the keys that a database was used with."
                ))
            } else {
                ok(format!("The key file `{path_shown}` does not exist yet and is made on the first start."))
            }]
        }
        _ => match settings.open_keys(Arc::new(SystemRandom)) {
            Ok((ring, _)) => vec![ok(format!("Secrets are sealed with the key `{}`.", ring.sealing_key_id()))],
            Err(failure @ (SettingsError::NoKeys | SettingsError::Keys(_))) => vec![error(failure.to_string())],
            Err(other) => vec![error(format!("The secret keys cannot be opened: {other}"))],
        },
    }
}

fn check_listening(settings: &Settings) -> Vec<Finding> {
    let address = settings.listen;
    let mut findings = vec![match TcpListener::bind(address) {
        Ok(_) => ok(format!("The address {address} is free.")),
        Err(failure) => error(format!(
            "The server cannot listen on {address}: {failure}. Stop what uses it, or choose another with --listen."
        )),
    }];
    let is_public_https = settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if !address.ip().is_loopback() && !is_public_https {
        findings.push(warning(format!(
            "The server listens on {address} for other machines, and speaks no TLS itself: tokens could be read on the \
             way. Put a proxy with TLS before it, and set --public-url to its https address."
        )));
    }
    findings
}

fn check_private_networks(settings: &Settings) -> Vec<Finding> {
    if !settings.allow_private_networks {
        return Vec::new();
    }
    vec![warning(
        "Addresses of providers may lie in private networks, so an administrator of Concord can make this machine ask \
         others there. Turn allow_private_networks off unless a PSA runs in your own network.",
    )]
}

/// Whoever calls a server from elsewhere has no business with the other services of its machine.
fn check_provider_hosts(settings: &Settings) -> Option<Finding> {
    let is_for_others = settings.public_url.as_ref().is_some_and(|url| place_of_url(url) != Some(Place::Loopback));
    (is_for_others && settings.allowed_provider_hosts == AllowedHosts::Any).then(|| {
        warning(
            "Administrators of Concord may connect accounts at any host of the internet, and at other services of this \
             machine. Name the hosts of your providers in allowed_provider_hosts, such as `*.pax8.com`.",
        )
    })
}

fn check_issuer(settings: &Settings) -> Vec<Finding> {
    match settings.oidc.understood() {
        Ok(None) if settings.oidc.is_begun() => vec![warning(
            "There are settings of an issuer of tokens (oidc_...), but no oidc_issuer, so they do nothing. Name the \
             issuer, or remove them.",
        )],
        Ok(None) => Vec::new(),
        Ok(Some(issuer)) => vec![ok(format!(
            "Tokens of the issuer `{}` for the audience `{}` are accepted beside API tokens.",
            issuer.expectation.issuer, issuer.expectation.audience
        ))],
        Err(failure) => vec![error(failure.to_string())],
    }
}

/// The zones are part of the program; this finds a clock that is far off, and a build without them.
fn check_time(now: DateTime<Utc>) -> Finding {
    let built = env!("CARGO_PKG_VERSION");
    let earliest = DateTime::from_timestamp(1_767_225_600, 0).expect("2026 began");
    if now < earliest {
        return error(format!(
            "The clock of this machine says {}, before this program was written. Set the clock, or tokens and \
             schedules go wrong.",
            now.format("%Y-%m-%d")
        ));
    }
    match Schedule::parse("30 2 * * *", "America/New_York") {
        Ok(_) => ok(format!(
            "Version {built} knows the time zones of release {}; the clock says {} UTC.",
            chrono_tz::IANA_TZDB_VERSION,
            now.format("%Y-%m-%d %H:%M")
        )),
        Err(failure) => error(format!("Time zones are missing from this build. {failure}")),
    }
}

/// The permission bits, when others than the owner may read or write.
#[cfg(unix)]
fn mode_for_others(file: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o066 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn mode_for_others(_file: &Path) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;
    use crate::cli::settings::ServerArguments;

    fn examined(variables: &[(&str, &str)]) -> String {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = Settings::resolve(&ServerArguments::default(), &variables).expect("the settings are good");
        let now = "2026-10-01T12:00:00Z".parse().expect("a moment");
        examine(&settings, now).iter().map(|finding| format!("{finding}\n")).collect()
    }

    fn folder() -> (TempDir, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = format!("sqlite://{}/concord.db", folder.path().display());
        (folder, database)
    }

    fn check(variables: &[(&str, &str)], expected: &str) {
        let found = examined(variables);
        assert!(found.contains(expected), "expected `{expected}` in:\n{found}");
    }

    #[test]
    fn a_new_installation_is_all_right_and_stays_untouched() {
        let (folder, database) = folder();
        let found = examined(&[("CONCORD_DATABASE", &database), ("CONCORD_LISTEN", "127.0.0.1:0")]);
        assert!(found.lines().all(|line| line.starts_with("ok ")), "{found}");
        assert_eq!(found.lines().count(), 4, "{found}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder lists").count(), 0);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let (folder, database) = folder();
        let postgres = ("CONCORD_DATABASE", "postgres://u@db.example/x");
        check(&[("CONCORD_DATABASE", "sqlite:///does/not/exist/x.db")], "error    The folder `/does/not/exist` of");
        check(&[("CONCORD_DATABASE", &format!("sqlite://{}", folder.path().display()))], "is a folder. Name a file");
        check(&[postgres], "error    No secret keys were given");
        check(&[postgres], "warning  The connection to PostgreSQL may be without encryption.");
        check(&[("CONCORD_SECRET_KEYS", "x"), ("CONCORD_DATABASE", &database)], "error    Entry 1 of CONCORD_SECRET");
        check(&[("CONCORD_LISEN", "x")], "warning  The variable CONCORD_LISEN is not a setting.");
        check(&[("CONCORD_LISTEN", "0.0.0.0:0")], "warning  The server listens on 0.0.0.0:0 for other machines");
        check(&[("CONCORD_ALLOW_PRIVATE_NETWORKS", "on")], "warning  Addresses of providers");
        let hosts = ("CONCORD_ALLOWED_PROVIDER_HOSTS", "*.pax8.com");
        for (url, is_said) in [("https://concord.example", true), ("http://127.0.0.1:8080", false)] {
            let public_url = ("CONCORD_PUBLIC_URL", url);
            let said = "warning  Administrators of Concord may connect accounts at any host";
            assert_eq!(examined(&[public_url]).contains(said), is_said, "{url}");
            assert!(!examined(&[public_url, hosts]).contains(said), "{url}");
        }
        let issuer = ("CONCORD_OIDC_ISSUER", "https://login.example");
        let audience = ("CONCORD_OIDC_AUDIENCE", "concord");
        check(&[issuer], "error    The setting oidc_issuer needs oidc_audience beside it");
        check(&[audience], "warning  There are settings of an issuer of tokens (oidc_...), but no oidc_issuer");
        check(&[issuer, audience], "ok       Tokens of the issuer `https://login.example` for the audience `concord`");
    }

    #[test]
    fn an_address_in_use_is_found() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("its address").to_string();
        check(&[("CONCORD_LISTEN", &address)], &format!("error    The server cannot listen on {address}"));
    }

    #[test]
    fn a_lost_key_file_is_noticed() {
        let (folder, database) = folder();
        std::fs::write(folder.path().join("concord.db"), "").expect("a database");
        check(&[("CONCORD_DATABASE", &database)], "warning  The database exists, but its key file");
    }

    #[cfg(unix)]
    #[test]
    fn files_that_others_may_read_are_found() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, database) = folder();
        for name in ["concord.db", "concord.db.key"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "").expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("the mode changes");
        }
        check(&[("CONCORD_DATABASE", &database)], "can be read by others (mode 0644), and it holds prices");
        check(&[("CONCORD_DATABASE", &database)], "error    The key file `");
    }

    #[test]
    fn encryption_is_asked_for_on_a_network_alone() {
        for (url, expected) in [
            ("postgres://u@db.example/x", true),
            ("postgres://u@db.example/x?sslmode=prefer", true),
            ("postgres://u@db.example/x?sslmode=verify-full", false),
            ("postgres://u@localhost/x", false),
            ("postgres:///x", false),
            ("postgres://u@db.example/x?host=/run/postgresql", false),
        ] {
            assert_eq!(crosses_a_network_in_the_clear(url), expected, "{url}");
        }
    }

    #[test]
    fn a_clock_that_is_far_off_is_found() {
        let found = check_time(DateTime::UNIX_EPOCH);
        assert_eq!(found.severity, Severity::Error);
        assert!(found.sentence.contains("says 1970-01-01"), "{found}");
    }
}
