//! The connections to the providers: opens an account's secret and builds the connector that it names. A connection is
//! kept while its account stays as it is, because its token and its rate budget belong to it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tracing::info;
use url::{Host, Url};

use super::{Connectors, Recording};
use crate::connector::file::{FileMarketplace, FilePsa};
use crate::connector::http::{Exchange, Recorder};
use crate::connector::pax8::{Pax8, Pax8Secret, Pax8Settings};
use crate::connector::psa::revio::{Revio, RevioSecrets, RevioSettings};
use crate::connector::{ConnectorError, Marketplace, Psa};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::{ConnectorKind, ProviderAccount};
use crate::environment::Clock;
use crate::secret::{KeyRing, Sealed};

/// What the operator allows connections to reach.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Whether a provider's address may lie in a private network. Loopback always may: a gateway or a sandbox on the same
    /// machine is the operator's own.
    pub private_networks: bool,
    /// Directory in which accounts of files must lie; `None` allows none.
    pub files_root: Option<PathBuf>,
}

#[derive(Clone)]
enum Connection {
    Marketplace(Arc<dyn Marketplace>),
    Psa(Arc<dyn Psa>),
}

/// What a connection was built from; another secret or setting makes another connection.
type Recipe = (String, Option<String>, Recording);

/// The connections of this process.
pub struct Connections {
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    reach: Reach,
    open: Mutex<HashMap<ProviderAccountId, (Recipe, Connection)>>,
}

#[derive(Deserialize)]
struct RevioSecretRow {
    api_key: Option<String>,
    billing_password: Option<String>,
    subscription_key: Option<String>,
}

#[derive(Deserialize)]
struct FilesRow {
    directory: PathBuf,
}

fn unreadable(what: &str, error: &serde_json::Error) -> ConnectorError {
    ConnectorError::Unsupported(format!("the {what} of the account cannot be read: {error}"))
}

/// What binds a sealed secret to its row: moved to another one, it does not open.
fn associated(account: &ProviderAccount) -> Vec<u8> {
    format!("provider_account:{}:{}", account.organization_id, account.id).into_bytes()
}

impl Connections {
    /// No connection is open yet.
    pub fn new(keys: Arc<KeyRing>, clock: Arc<dyn Clock>, reach: Reach) -> Self {
        Self { keys, clock, reach, open: Mutex::default() }
    }

    fn secret(&self, account: &ProviderAccount, sealed: Option<&str>) -> Result<SecretString, ConnectorError> {
        let sealed = sealed
            .ok_or_else(|| ConnectorError::Unsupported("the account has no credentials; set them first".to_owned()))?;
        self.keys
            .open(&Sealed(sealed.to_owned()), &associated(account))
            .map_err(|error| ConnectorError::Unsupported(format!("the stored secret cannot be opened: {error}")))
    }

    /// Refuses an address that would carry a secret in the open or reach into the operator's network.
    fn check_url(&self, setting: &str, text: &str) -> Result<(), ConnectorError> {
        let refuse = |why: &str| Err(ConnectorError::Unsupported(format!("the address `{text}` ({setting}) {why}")));
        let Ok(url) = Url::parse(text) else { return refuse("is not a URL such as https://api.example.com") };
        if !url.username().is_empty() || url.password().is_some() {
            // Settings are stored and shown in the clear, so this text is not repeated.
            return Err(ConnectorError::Unsupported(format!(
                "the address ({setting}) contains a user name or a password; set them as credentials instead"
            )));
        }
        let (is_loopback, is_private) = match url.host() {
            Some(Host::Ipv4(ip)) => (ip.is_loopback(), is_private(IpAddr::V4(ip))),
            Some(Host::Ipv6(ip)) => (ip.is_loopback(), is_private(IpAddr::V6(ip))),
            Some(Host::Domain(name)) => {
                let is_loopback = name.eq_ignore_ascii_case("localhost");
                (is_loopback, name.ends_with(".local") || name.ends_with(".internal"))
            }
            None => return refuse("names no host"),
        };
        if is_private && !is_loopback && !self.reach.private_networks {
            return refuse("lies in a private network; the operator can allow that with --allow-private-networks on");
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_loopback => Ok(()),
            _ => refuse("must begin with https:// unless it is on this machine"),
        }
    }

    fn directory(&self, settings: &str) -> Result<PathBuf, ConnectorError> {
        let FilesRow { directory } = serde_json::from_str(settings).map_err(|error| unreadable("settings", &error))?;
        let Some(root) = &self.reach.files_root else {
            return Err(ConnectorError::Unsupported(
                "accounts of files are switched off; the operator can allow a directory with --files-root".to_owned(),
            ));
        };
        let inside = |path: &Path| {
            let (path, root) = (path.canonicalize().ok()?, root.canonicalize().ok()?);
            path.starts_with(&root).then_some(path)
        };
        inside(&root.join(&directory)).ok_or_else(|| {
            ConnectorError::Unsupported(format!(
                "the directory `{}` does not exist inside the files root of this server",
                directory.display()
            ))
        })
    }

    fn build(
        &self,
        account: &ProviderAccount,
        sealed: Option<&str>,
        recording: Recording,
    ) -> Result<Connection, ConnectorError> {
        let recorder = || -> Option<Arc<dyn Recorder>> {
            (recording == Recording::On).then(|| Arc::new(LogRecorder(account.id)) as Arc<dyn Recorder>)
        };
        let Some(connector) = account.connector else {
            return Err(ConnectorError::Unsupported("the account has no credentials; set them first".to_owned()));
        };
        let zone = account.time_zone.name().to_owned();
        Ok(match (connector, account.side) {
            (ConnectorKind::Pax8, _) => {
                let settings: Pax8Settings =
                    serde_json::from_str(&account.settings).map_err(|error| unreadable("settings", &error))?;
                let client_id = account.client_id.clone().unwrap_or_default();
                let settings = Pax8Settings { client_id, time_zone: zone, ..settings };
                self.check_url("base_url", &settings.base_url)?;
                self.check_url("token_url", &settings.token_url)?;
                let secret = Pax8Secret { client_secret: self.secret(account, sealed)? };
                Connection::Marketplace(Arc::new(Pax8::connect(
                    &settings,
                    &secret,
                    Arc::clone(&self.clock),
                    recorder(),
                )?))
            }
            (ConnectorKind::RevioPsa, _) => {
                let settings: RevioSettings =
                    serde_json::from_str(&account.settings).map_err(|error| unreadable("settings", &error))?;
                let settings = RevioSettings { time_zone: zone, ..settings };
                self.check_url("auth_url", &settings.auth_url)?;
                self.check_url("api_base", &settings.api_base)?;
                for base in settings.api_base_by_prefix.values() {
                    self.check_url("api_base_by_prefix", base)?;
                }
                if let Some(billing) = &settings.billing {
                    self.check_url("billing.base_url", &billing.base_url)?;
                }
                let secret = self.secret(account, sealed)?;
                let row: RevioSecretRow = serde_json::from_str(secret.expose_secret())
                    .map_err(|_| ConnectorError::Unsupported("the stored secret cannot be read".to_owned()))?;
                let secrets = RevioSecrets {
                    api_key: row.api_key.map(SecretString::from),
                    billing_password: row.billing_password.map(SecretString::from),
                    subscription_key: row.subscription_key.map(SecretString::from),
                };
                Connection::Psa(Arc::new(Revio::connect(&settings, &secrets, Arc::clone(&self.clock), recorder())?))
            }
            (ConnectorKind::Files, crate::domain::provider::Side::Pax8) => {
                let directory = self.directory(&account.settings)?;
                Connection::Marketplace(Arc::new(FileMarketplace::open_in_zone(&directory, account.time_zone)?))
            }
            (ConnectorKind::Files, crate::domain::provider::Side::Psa) => {
                Connection::Psa(Arc::new(FilePsa::open(&self.directory(&account.settings)?)?))
            }
        })
    }

    fn connection(
        &self,
        account: &ProviderAccount,
        sealed: Option<&str>,
        recording: Recording,
    ) -> Result<Connection, ConnectorError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let recipe = (format!("{}|{}", account.time_zone, account.settings), sealed.map(str::to_owned), recording);
        // Files may be replaced under an open connection, so they are opened anew each time.
        if account.connector != Some(ConnectorKind::Files)
            && let Some((known, connection)) = open.get(&account.id)
            && *known == recipe
        {
            return Ok(connection.clone());
        }
        let connection = self.build(account, sealed, recording)?;
        if account.connector == Some(ConnectorKind::Files) {
            // Whole files need not stay in memory until the next sync.
            open.remove(&account.id);
            return Ok(connection);
        }
        open.insert(account.id, (recipe, connection.clone()));
        Ok(connection)
    }
}

/// Writes traffic to the log. The client has taken the secrets out before.
struct LogRecorder(ProviderAccountId);

impl Recorder for LogRecorder {
    fn record(&self, exchange: Exchange) {
        let Exchange { provider, method, url, request_headers, request_body, status, response } = exchange;
        info!(
            provider_account.id = %self.0,
            ?request_headers,
            request_body,
            response,
            "{provider} was asked {method} {url} and answered {status:?}"
        );
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            ip.is_private() || ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast() || is_shared || a == 0
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_private(IpAddr::V4(ip)) || ip.is_loopback(),
            None => ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local(),
        },
    }
}

#[async_trait]
impl Connectors for Connections {
    async fn marketplace(
        &self,
        account: &ProviderAccount,
        sealed_secret: Option<&str>,
        recording: Recording,
    ) -> Result<Arc<dyn Marketplace>, ConnectorError> {
        match self.connection(account, sealed_secret, recording)? {
            Connection::Marketplace(marketplace) => Ok(marketplace),
            Connection::Psa(_) => {
                Err(ConnectorError::Unsupported("the account is not one of a marketplace".to_owned()))
            }
        }
    }

    async fn psa(
        &self,
        account: &ProviderAccount,
        sealed_secret: Option<&str>,
        recording: Recording,
    ) -> Result<Arc<dyn Psa>, ConnectorError> {
        match self.connection(account, sealed_secret, recording)? {
            Connection::Psa(psa) => Ok(psa),
            Connection::Marketplace(_) => {
                Err(ConnectorError::Unsupported("the account is not one of a PSA".to_owned()))
            }
        }
    }

    fn seal(&self, account: &ProviderAccount, secret: &SecretString) -> Result<String, ConnectorError> {
        Ok(self.keys.seal(secret, &associated(account)).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::SystemClock;
    use crate::secret::CountingRandom;

    fn connections(reach: Reach) -> Connections {
        let keys = SecretString::from("test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned());
        let random = Arc::new(CountingRandom::default());
        let keys = KeyRing::parse(&keys, "the test", random).expect("a good key");
        Connections::new(Arc::new(keys), Arc::new(SystemClock), reach)
    }

    #[test]
    fn a_secret_never_travels_in_the_open_nor_into_the_operators_network() {
        let connections = connections(Reach::default());
        for good in ["https://api.pax8.com/v1", "http://127.0.0.1:9000/v1", "http://localhost:1", "http://[::1]:80"] {
            assert_eq!(connections.check_url("base_url", good), Ok(()), "{good}");
        }
        let bad = [
            "http://api.pax8.com",
            "ftp://127.0.0.1",
            "https://10.0.0.5",
            "https://192.168.1.1/v1",
            "https://169.254.169.254/latest",
            "https://100.64.0.1",
            "https://[fd00::1]",
            "https://[::ffff:10.0.0.1]",
            "https://vault.internal",
            "https://user:secret@api.pax8.com",
            "not a url",
        ];
        for bad in bad {
            assert!(connections.check_url("base_url", bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn private_networks_are_the_operators_choice_but_never_in_the_open() {
        let connections = connections(Reach { private_networks: true, files_root: None });
        assert_eq!(connections.check_url("base_url", "https://10.0.0.5"), Ok(()));
        assert!(connections.check_url("base_url", "http://10.0.0.5").is_err());
    }

    #[test]
    fn a_connection_is_kept_until_its_account_or_its_recording_changes() {
        let connections = connections(Reach::default());
        let mut account = ProviderAccount {
            id: ProviderAccountId(uuid::Uuid::from_u128(1)),
            organization_id: crate::domain::id::OrganizationId(uuid::Uuid::from_u128(2)),
            integration_id: crate::domain::id::IntegrationId(uuid::Uuid::from_u128(3)),
            side: crate::domain::provider::Side::Pax8,
            connector: Some(ConnectorKind::Pax8),
            status: crate::domain::provider::AccountStatus::Connected,
            display_name: None,
            client_id: Some("client".to_owned()),
            settings: "{}".to_owned(),
            time_zone: chrono_tz::UTC,
            failure_message: None,
            remarks: Vec::new(),
            connected_at: None,
            verified_at: None,
            version: 1,
        };
        let sealed = connections.seal(&account, &SecretString::from("secret")).expect("sealed");
        let open = |account: &ProviderAccount, recording| match connections
            .connection(account, Some(&sealed), recording)
            .expect("a connection")
        {
            Connection::Marketplace(marketplace) => Arc::as_ptr(&marketplace).cast::<()>() as usize,
            Connection::Psa(_) => panic!("Pax8 is no PSA"),
        };
        let first = open(&account, Recording::Off);
        assert_eq!(open(&account, Recording::Off), first, "its token and its rate budget are kept");
        let recorded = open(&account, Recording::On);
        assert_eq!(open(&account, Recording::On), recorded);
        account.settings = r#"{"page_size":100}"#.to_owned();
        let changed = open(&account, Recording::On);
        assert_eq!(open(&account, Recording::On), changed);
        // A row moved to another account does not open.
        account.id = ProviderAccountId(uuid::Uuid::from_u128(9));
        assert!(connections.connection(&account, Some(&sealed), Recording::Off).is_err());
    }

    #[test]
    fn files_outside_the_root_are_refused() {
        let root = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(root.path().join("inside")).expect("a directory");
        let connections = connections(Reach { private_networks: false, files_root: Some(root.path().join("inside")) });
        for directory in ["..", "../..", "/etc", "missing"] {
            let settings = serde_json::json!({ "directory": directory }).to_string();
            assert!(connections.directory(&settings).is_err(), "{directory} was accepted");
        }
        assert!(connections.directory(r#"{"directory":"."}"#).is_ok());
    }
}
