//! The settings of the server: a TOML file, then environment variables, then flags; the later wins.
//!
//! Every layer is read into texts by name first, and each text is understood once, at the end. So a value means the
//! same wherever it stands, and a mistake is reported with the place it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use thiserror::Error;
use url::Url;

use super::database::DatabaseAddress;
use super::oidc::{OidcArguments, OidcSettings, parse_algorithms, parse_issuer, parse_some};
use super::purge::RetentionArguments;
use crate::connector::address::{AllowedHosts, HostPattern};
use crate::domain::retention::Retention;
use crate::graphql::DEFAULT_COST_LIMIT;
use crate::http::Limits;
use crate::secret::{KeyError, KeyFile, KeyRing, Random, redact};
use crate::service::reach::FilesRoot;

/// Begins the name of every environment variable.
pub const VARIABLE_PREFIX: &str = "CONCORD_";
/// The keys, which are never in a flag (others see those) nor in the settings file (people mail that).
const SECRET_KEYS: &str = "secret_keys";
/// The settings, as the file writes them.
const NAMES: [&str; 32] = [
    "listen",
    "public_url",
    "database",
    "key_file",
    "log_level",
    "log_format",
    "graphiql",
    "graphiql_assets",
    "introspection",
    "allowed_origins",
    "workers",
    "allow_private_networks",
    "allowed_provider_hosts",
    "files_root",
    "body_bytes",
    "operation_seconds",
    "operations_per_token",
    "streams_per_token",
    "subscriptions_per_token",
    "requests_per_minute",
    "operation_cost",
    "oidc_issuer",
    "oidc_audience",
    "oidc_roles_claim",
    "oidc_organization_claim",
    "oidc_organization",
    "oidc_algorithms",
    "oidc_require_at_jwt",
    "retention_raw_days",
    "retention_event_days",
    "retention_contact_days",
    SECRET_KEYS,
];

/// Flags of every command that uses the database.
#[derive(Clone, Default, Args)]
pub struct StoreArguments {
    /// Settings file (TOML), also as CONCORD_CONFIG.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Database, as `sqlite://FILE` or `postgres://...` [default: sqlite://concord.db].
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// File of the secret keys [default: FILE.key beside the SQLite file]; on PostgreSQL give it, or CONCORD_SECRET_KEYS.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<String>,
    /// What is logged: error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How it is logged: text or json [default: text].
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// Without the password that the database's address may hold.
impl fmt::Debug for StoreArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreArguments")
            .field("config", &self.config)
            .field("database", &self.database.as_deref().map(redact))
            .field("key_file", &self.key_file)
            .field("log_level", &self.log_level)
            .field("log_format", &self.log_format)
            .finish()
    }
}

/// Flags of the server.
#[derive(Debug, Clone, Default, Args)]
pub struct ServerArguments {
    /// Flags of the database.
    #[command(flatten)]
    pub store: StoreArguments,
    /// Flags about how long things are kept.
    #[command(flatten)]
    pub retention: RetentionArguments,
    /// Address to listen on, as IP:PORT [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Address under which others reach the server, for links and callbacks [default: http:// and the address above].
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Whether a browser gets GraphiQL: on or off [default: on].
    #[arg(long, value_name = "ON|OFF")]
    pub graphiql: Option<String>,
    /// Where GraphiQL's scripts come from: a directory or a URL, for networks without internet [default: a public CDN].
    #[arg(long, value_name = "DIR|URL")]
    pub graphiql_assets: Option<String>,
    /// Whether the schema can be asked for: on or off [default: on].
    #[arg(long, value_name = "ON|OFF")]
    pub introspection: Option<String>,
    /// Web pages that may call the API, such as `https://portal.example`, separated by commas; those of the server itself and
    /// of --public-url always may [default: none].
    #[arg(long, value_name = "ORIGIN[,ORIGIN]")]
    pub allowed_origins: Option<String>,
    /// Jobs (syncs, reconciliations) that run at the same time, 0 to 64 [default: 2].
    #[arg(long, value_name = "NUMBER")]
    pub workers: Option<String>,
    /// Whether a provider's address may lie in a private network: on or off [default: off].
    #[arg(long, value_name = "ON|OFF")]
    pub allow_private_networks: Option<String>,
    /// Hosts that accounts may be connected at, this machine included, as HOST, HOST:PORT or *.DOMAIN, separated by commas
    /// [default: any on the internet, and this machine].
    #[arg(long, value_name = "HOST[,HOST]")]
    pub allowed_provider_hosts: Option<String>,
    /// Directory in which accounts of files must lie, with {organization} where each organization has its own by its id
    /// [default: none, and such accounts are switched off].
    #[arg(long, value_name = "DIR")]
    pub files_root: Option<String>,
    /// Largest request body in bytes [default: 1048576].
    #[arg(long, value_name = "NUMBER")]
    pub body_bytes: Option<String>,
    /// Seconds that a query or mutation may take [default: 60].
    #[arg(long, value_name = "NUMBER")]
    pub operation_seconds: Option<String>,
    /// Queries and mutations of one token that run at the same time [default: 16].
    #[arg(long, value_name = "NUMBER")]
    pub operations_per_token: Option<String>,
    /// Event streams and sockets of one token that are open at the same time [default: 64].
    #[arg(long, value_name = "NUMBER")]
    pub streams_per_token: Option<String>,
    /// Subscriptions of one token that are open at the same time, over all its streams and sockets [default: 256].
    #[arg(long, value_name = "NUMBER")]
    pub subscriptions_per_token: Option<String>,
    /// Requests, sockets and operations on sockets of one token in a minute [default: 6000].
    #[arg(long, value_name = "NUMBER")]
    pub requests_per_minute: Option<String>,
    /// Most that one operation may come to, in fields; lists count each item of their page [default: 50000].
    #[arg(long, value_name = "NUMBER")]
    pub operation_cost: Option<String>,
    /// Flags of an issuer of tokens.
    #[command(flatten)]
    pub oidc: OidcArguments,
}

/// Flags by the name of their setting.
pub trait Flags {
    /// The settings file, where a flag names one.
    fn config(&self) -> Option<&Path>;
    /// Name and text of each flag; `None` for one that was not given.
    fn texts(&self) -> Vec<(&'static str, Option<&String>)>;
}

impl Flags for StoreArguments {
    fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn texts(&self) -> Vec<(&'static str, Option<&String>)> {
        vec![
            ("database", self.database.as_ref()),
            ("key_file", self.key_file.as_ref()),
            ("log_level", self.log_level.as_ref()),
            ("log_format", self.log_format.as_ref()),
        ]
    }
}

impl Flags for ServerArguments {
    fn config(&self) -> Option<&Path> {
        self.store.config()
    }

    fn texts(&self) -> Vec<(&'static str, Option<&String>)> {
        let mut texts = self.store.texts();
        texts.extend(self.retention.texts());
        texts.extend([
            ("listen", self.listen.as_ref()),
            ("public_url", self.public_url.as_ref()),
            ("graphiql", self.graphiql.as_ref()),
            ("graphiql_assets", self.graphiql_assets.as_ref()),
            ("introspection", self.introspection.as_ref()),
            ("allowed_origins", self.allowed_origins.as_ref()),
            ("workers", self.workers.as_ref()),
            ("allow_private_networks", self.allow_private_networks.as_ref()),
            ("allowed_provider_hosts", self.allowed_provider_hosts.as_ref()),
            ("files_root", self.files_root.as_ref()),
            ("body_bytes", self.body_bytes.as_ref()),
            ("operation_seconds", self.operation_seconds.as_ref()),
            ("operations_per_token", self.operations_per_token.as_ref()),
            ("streams_per_token", self.streams_per_token.as_ref()),
            ("subscriptions_per_token", self.subscriptions_per_token.as_ref()),
            ("requests_per_minute", self.requests_per_minute.as_ref()),
            ("operation_cost", self.operation_cost.as_ref()),
        ]);
        texts.extend(self.oidc.texts());
        texts
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// An object per line, for programs.
    Json,
}

/// What one token may ask for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// Longest time of a query or mutation.
    pub operation_time: Duration,
    /// Queries and mutations that run at the same time.
    pub operations: usize,
    /// Event streams and sockets that are open at the same time.
    pub streams: usize,
    /// Subscriptions that are open at the same time.
    pub subscriptions: usize,
    /// Requests, sockets and operations on sockets in a minute.
    pub requests_per_minute: NonZeroU32,
    /// The most that one operation may come to, in fields.
    pub cost: usize,
}

/// Where the secret keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// The text of CONCORD_SECRET_KEYS.
    Environment(SecretString),
    /// A file, which is made when missing: right for the one server of a SQLite file.
    FileOrNew(PathBuf),
    /// A file that has to be there: replicas that each made their own could not read each other's secrets.
    File(PathBuf),
}

/// The settings, understood.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Address under which others reach the server, where it differs.
    pub public_url: Option<Url>,
    /// The database.
    pub database: DatabaseAddress,
    /// The secret keys; `None` on PostgreSQL when nobody gave them.
    pub keys: Option<KeySource>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Whether a browser gets GraphiQL.
    pub graphiql: bool,
    /// Directory or URL of GraphiQL's scripts; `None` for the public CDN.
    pub graphiql_assets: Option<String>,
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// Web pages that may call, as scheme, host and port.
    pub allowed_origins: Vec<String>,
    /// Jobs that run at the same time.
    pub workers: usize,
    /// Whether a provider's address may lie in a private network.
    pub allow_private_networks: bool,
    /// The hosts that a provider's address may name.
    pub allowed_provider_hosts: AllowedHosts,
    /// Directory in which accounts of files must lie; `None` switches such accounts off.
    pub files_root: Option<FilesRoot>,
    /// What one token may ask for at once.
    pub limits: RequestLimits,
    /// The issuer of tokens that is trusted, if any.
    pub oidc: OidcSettings,
    /// How long is kept what nobody works with any more.
    pub retention: Retention,
    /// Variables that begin like ours but name no setting; most likely a slip.
    pub unknown_variables: Vec<String>,
}

/// Why the settings cannot be used. Each is a sentence.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("The settings file `{path}` cannot be read: {reason}.")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The file has a key that means nothing.
    #[error("The settings file `{path}` has the unknown key `{key}`. The keys are: {known}.")]
    UnknownKey {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// All keys.
        known: String,
    },
    /// The file has secret keys in it.
    #[error(
        "The settings file `{path}` has secret keys in it. Put them in the variable CONCORD_SECRET_KEYS or in a file of \
         their own (key_file), which nobody else may read."
    )]
    SecretInFile {
        /// The file.
        path: String,
    },
    /// A value cannot be understood.
    #[error("The setting `{name}` is `{value}` ({origin}), and {reason}.")]
    Value {
        /// The setting.
        name: &'static str,
        /// The value, without secrets.
        value: String,
        /// Where it stands.
        origin: String,
        /// What is wrong and what to write.
        reason: String,
    },
    /// Nobody gave the keys.
    #[error(
        "No secret keys were given, and on PostgreSQL they cannot lie beside the database. Set CONCORD_SECRET_KEYS to \
         `main:` and 32 random bytes in base64 (`openssl rand -base64 32`), or name a file with --key-file."
    )]
    NoKeys,
    /// An issuer without an audience.
    #[error(
        "The setting oidc_issuer needs oidc_audience beside it: the name under which the issuer makes tokens for this \
         server. Without it, tokens for any other program of the issuer would be accepted."
    )]
    NoAudience,
    /// Two places that say where a user belongs.
    #[error(
        "Set either oidc_organization_claim or oidc_organization, not both: one says that users belong to different \
         organizations, the other that all belong to one."
    )]
    TwoOrganizations,
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl Settings {
    /// Reads the settings of this process.
    pub fn load(flags: &impl Flags) -> Result<Self, SettingsError> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
            .collect();
        Self::resolve(flags, &environment)
    }

    /// Reads the settings from flags and the given variables; only the settings file is read from the machine.
    pub fn resolve(flags: &impl Flags, environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut layers = Layers::default();
        let config = environment.get("CONCORD_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        if let Some(path) = flags.config().map(Path::to_owned).or(config) {
            layers.add_file(&path)?;
        }
        let unknown_variables = layers.add_environment(environment);
        for (name, text) in flags.texts() {
            if let Some(text) = text {
                layers.set(name, text.clone(), format!("from --{}", name.replace('_', "-")));
            }
        }
        layers.understand(unknown_variables)
    }

    /// Opens the secret keys; the second value says that a key file was made just now.
    pub fn open_keys(&self, random: Arc<dyn Random>) -> Result<(KeyRing, KeyFile), SettingsError> {
        match self.keys.as_ref().ok_or(SettingsError::NoKeys)? {
            KeySource::Environment(keys) => Ok((KeyRing::parse(keys, "CONCORD_SECRET_KEYS", random)?, KeyFile::Found)),
            KeySource::FileOrNew(path) => Ok(KeyRing::load_or_create(path, random)?),
            KeySource::File(path) => Ok((KeyRing::load(path, random)?, KeyFile::Found)),
        }
    }
}

/// The texts of the settings, each with the place it came from.
#[derive(Default)]
struct Layers(BTreeMap<&'static str, (String, String)>);

impl Layers {
    fn set(&mut self, name: &'static str, text: String, origin: String) {
        self.0.insert(name, (text, origin));
    }

    fn add_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        let shown = path.display().to_string();
        let failed = |reason: String| SettingsError::File { path: shown.clone(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| failed(place_in_toml(&text, &error)))?;
        for (key, value) in table {
            let Some(name) = NAMES.into_iter().find(|name| *name == key) else {
                let known: Vec<&str> = NAMES.into_iter().filter(|name| *name != SECRET_KEYS).collect();
                return Err(SettingsError::UnknownKey { path: shown, key, known: known.join(", ") });
            };
            if name == SECRET_KEYS {
                return Err(SettingsError::SecretInFile { path: shown });
            }
            let text = text_of(&value).ok_or_else(|| failed(format!("the value of `{key}` has the wrong form")))?;
            self.set(name, text, format!("from the file `{shown}`"));
        }
        Ok(())
    }

    /// Returns the variables that name no setting.
    fn add_environment(&mut self, environment: &BTreeMap<String, String>) -> Vec<String> {
        // These are for developers and are read elsewhere.
        let others = ["CONFIG", "TEST_POSTGRES_URL", "REQUIRE_POSTGRES", "DEV_DATA"];
        let mut unknown = Vec::new();
        for (variable, text) in environment {
            let Some(rest) = variable.strip_prefix(VARIABLE_PREFIX) else { continue };
            match NAMES.into_iter().find(|name| name.to_ascii_uppercase() == rest) {
                // An empty variable is how a script leaves one out.
                Some(_) if text.is_empty() => {}
                Some(name) => self.set(name, text.clone(), format!("from {variable}")),
                None if others.contains(&rest) => {}
                None => unknown.push(variable.clone()),
            }
        }
        unknown
    }

    /// The value of a setting: understood where it was given, else the default.
    fn take<T>(
        &self,
        name: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        let Some((text, origin)) = self.0.get(name) else { return Ok(default) };
        let value = || redact(text).chars().take(200).collect();
        parse(text.trim()).map_err(|reason| SettingsError::Value {
            name,
            value: value(),
            origin: origin.clone(),
            reason,
        })
    }

    fn understand(self, unknown_variables: Vec<String>) -> Result<Settings, SettingsError> {
        let database = self.take("database", DatabaseAddress::Sqlite("concord.db".into()), |text| {
            DatabaseAddress::parse(text).map_err(|error| error.to_string())
        })?;
        let key_file = self.take("key_file", None, |text| match text {
            "" => Err("it names no file".to_owned()),
            path => Ok(Some(PathBuf::from(path))),
        })?;
        let secret_keys = self.0.get(SECRET_KEYS).map(|(text, _)| SecretString::from(text.as_str()));
        let keys = match (secret_keys, key_file, &database) {
            (Some(keys), _, _) => Some(KeySource::Environment(keys)),
            (None, Some(path), DatabaseAddress::Sqlite(_)) => Some(KeySource::FileOrNew(path)),
            (None, Some(path), DatabaseAddress::Postgres(_)) => Some(KeySource::File(path)),
            (None, None, DatabaseAddress::Sqlite(file)) => Some(KeySource::FileOrNew(KeyRing::file_beside(file))),
            (None, None, DatabaseAddress::Postgres(_)) => None,
        };
        Ok(Settings {
            listen: self.take("listen", SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), parse_address)?,
            public_url: self.take("public_url", None, |text| parse_public_url(text).map(Some))?,
            database,
            keys,
            log_level: self.take("log_level", LogLevel::Info, parse_log_level)?,
            log_format: self.take("log_format", LogFormat::Text, parse_log_format)?,
            graphiql: self.take("graphiql", true, parse_switch)?,
            graphiql_assets: self.take("graphiql_assets", None, |text| Ok(Some(text.to_owned())))?,
            introspection: self.take("introspection", true, parse_switch)?,
            allowed_origins: self.take("allowed_origins", Vec::new(), parse_origins)?,
            workers: self.take("workers", 2, |text| parse_number(text, 0, 64))?,
            allow_private_networks: self.take("allow_private_networks", false, parse_switch)?,
            allowed_provider_hosts: self.take("allowed_provider_hosts", AllowedHosts::Any, parse_hosts)?,
            files_root: self.take("files_root", None, |text| match text {
                "" => Err("it names no directory".to_owned()),
                path => Ok(Some(FilesRoot::new(path))),
            })?,
            limits: RequestLimits {
                body_bytes: self.take("body_bytes", 1 << 20, |text| parse_number(text, 1024, 1 << 30))?,
                operation_time: Duration::from_secs(
                    self.take("operation_seconds", 60, |text| parse_number(text, 1, 3600))?,
                ),
                operations: self.take("operations_per_token", 16, |text| parse_number(text, 1, 10_000))?,
                streams: self.take("streams_per_token", 64, |text| parse_number(text, 0, 10_000))?,
                subscriptions: self.take("subscriptions_per_token", 256, |text| parse_number(text, 0, 100_000))?,
                requests_per_minute: self.take(
                    "requests_per_minute",
                    Limits::default().requests_per_minute,
                    |text| {
                        let most = NonZeroU32::new(1_000_000).expect("a million is not zero");
                        parse_number(text, NonZeroU32::MIN, most)
                    },
                )?,
                cost: self.take("operation_cost", DEFAULT_COST_LIMIT, |text| parse_number(text, 1000, 10_000_000))?,
            },
            oidc: OidcSettings {
                issuer: self.take("oidc_issuer", None, parse_issuer)?,
                audience: self.take("oidc_audience", None, parse_some)?,
                roles_claim: self.take("oidc_roles_claim", None, parse_some)?,
                organization_claim: self.take("oidc_organization_claim", None, parse_some)?,
                organization: self.take("oidc_organization", None, parse_some)?,
                algorithms: self.take("oidc_algorithms", OidcSettings::ALGORITHMS.to_vec(), parse_algorithms)?,
                is_type_required: self.take("oidc_require_at_jwt", false, parse_switch)?,
            },
            retention: Retention {
                raw_days: self.take("retention_raw_days", None, parse_days)?,
                event_days: self.take("retention_event_days", None, parse_days)?,
                contact_days: self.take("retention_contact_days", None, parse_days)?,
            },
            unknown_variables,
        })
    }
}

/// Line and reason of a mistake in TOML, without the line itself, which may hold a password.
fn place_in_toml(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
    let reason = error.message().lines().next().unwrap_or("it is not TOML");
    line.map_or(reason.to_owned(), |line| format!("{reason} in line {line}"))
}

/// The text that a flag would have; lists become texts with commas.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>().map(|i| i.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// Reads `IP:PORT` or `localhost:PORT`.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        format!("`{text}` is not an address to listen on; write IP:PORT, such as 127.0.0.1:8080 or [::]:8080")
    })
}

fn parse_public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if is_web && is_plain { Ok(url) } else { Err("it has to be like https://concord.example".into()) }
}

fn parse_origins(text: &str) -> Result<Vec<String>, String> {
    let one = |text: &str| {
        let refuse = || format!("`{text}` is not an origin; write scheme and host, such as https://portal.example");
        let url = Url::parse(text).map_err(|_| refuse())?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let is_plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if is_web && is_plain { Ok(url.origin().ascii_serialization()) } else { Err(refuse()) }
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

fn parse_hosts(text: &str) -> Result<AllowedHosts, String> {
    text.split(',').map(|host| HostPattern::parse(host.trim())).collect::<Result<_, _>>().map(AllowedHosts::Only)
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("it has to be on or off".into()),
    }
}

fn parse_number<T: FromStr + PartialOrd + fmt::Display>(text: &str, least: T, most: T) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("it has to be a whole number from {least} to {most}"))
}

fn parse_days(text: &str) -> Result<Option<u32>, String> {
    parse_number(text, 1, 36_500).map(Some)
}

fn parse_log_level(text: &str) -> Result<LogLevel, String> {
    match text.to_ascii_lowercase().as_str() {
        "error" => Ok(LogLevel::Error),
        "warn" => Ok(LogLevel::Warn),
        "info" => Ok(LogLevel::Info),
        "debug" => Ok(LogLevel::Debug),
        "trace" => Ok(LogLevel::Trace),
        _ => Err("it has to be error, warn, info, debug or trace".into()),
    }
}

fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text.to_ascii_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("it has to be text or json".into()),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
