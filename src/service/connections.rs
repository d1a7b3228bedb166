//! The connections to the providers: opens an account's secret and builds the connector that it names. A connection is
//! kept while its account stays as it is, because its token and its rate budget belong to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::info;
use url::Url;

use super::{Connectors, Recording};
use crate::connector::address::{Network, Place, place_of_url};
use crate::connector::file::{FileMarketplace, FilePsa};
use crate::connector::http::{Exchange, Recorder};
use crate::connector::pax8::{Pax8, Pax8Secret, Pax8Settings};
use crate::connector::psa::revio::{Revio, RevioSecrets, RevioSettings};
use crate::connector::setting::SettingError;
use crate::connector::{ConnectorError, Marketplace, Psa};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::{ConnectorKind, ProviderAccount, Side};
use crate::environment::Clock;
use crate::secret::{KeyRing, Sealed, redact};

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

/// Settings that can be used.
enum Understood {
    Pax8(Pax8Settings),
    Revio(Box<RevioSettings>),
    Files(PathBuf),
}

fn parsed<T: DeserializeOwned>(settings: &str) -> Result<T, SettingError> {
    serde_json::from_str(settings)
        .map_err(|error| SettingError::new("", format!("the settings of the account cannot be read: {error}")))
}

fn revio_secrets(secret: &SecretString) -> Result<RevioSecrets, ConnectorError> {
    let row: RevioSecretRow = serde_json::from_str(secret.expose_secret())
        .map_err(|_| ConnectorError::Unsupported("the stored secret cannot be read".to_owned()))?;
    // An empty text is how a form leaves a field out.
    let given = |text: Option<String>| text.filter(|text| !text.is_empty()).map(SecretString::from);
    Ok(RevioSecrets {
        api_key: given(row.api_key),
        billing_password: given(row.billing_password),
        subscription_key: given(row.subscription_key),
    })
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
    fn check_url(&self, setting: &str, text: &str) -> Result<(), SettingError> {
        let refuse =
            |why: &str| Err(SettingError::new(setting, format!("the address `{}` ({setting}) {why}", redact(text))));
        let Ok(url) = Url::parse(text) else { return refuse("is not a URL such as https://api.example.com") };
        if !url.username().is_empty() || url.password().is_some() {
            // Settings are stored and shown in the clear, so this text is not repeated.
            let message =
                format!("the address ({setting}) contains a user name or a password; set them as credentials instead");
            return Err(SettingError::new(setting, message));
        }
        let Some(place) = place_of_url(&url) else { return refuse("names no host") };
        if place == Place::Private && !self.reach.private_networks {
            return refuse("lies in a private network; the operator can allow that with --allow-private-networks on");
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if place == Place::Loopback => Ok(()),
            _ => refuse("must begin with https:// unless it is on this machine"),
        }
    }

    fn directory(&self, settings: &str) -> Result<PathBuf, SettingError> {
        let FilesRow { directory } = parsed(settings)?;
        let refuse = |message: String| SettingError::new("directory", message);
        let Some(root) = &self.reach.files_root else {
            return Err(refuse(
                "accounts of files are switched off; the operator can allow a directory with --files-root".to_owned(),
            ));
        };
        let inside = |path: &Path| {
            let (path, root) = (path.canonicalize().ok()?, root.canonicalize().ok()?);
            path.starts_with(&root).then_some(path)
        };
        inside(&root.join(&directory)).ok_or_else(|| {
            refuse(format!(
                "the directory `{}` does not exist inside the files root of this server",
                directory.display()
            ))
        })
    }

    /// The settings of an account, each of them usable.
    fn settings(&self, account: &ProviderAccount, connector: ConnectorKind) -> Result<Understood, SettingError> {
        let zone = account.time_zone.name().to_owned();
        let network = if self.reach.private_networks { Network::Private } else { Network::Public };
        Ok(match connector {
            ConnectorKind::Pax8 => {
                let settings: Pax8Settings = parsed(&account.settings)?;
                let client_id = account.client_id.clone().unwrap_or_default();
                let settings = Pax8Settings { client_id, time_zone: zone, network, ..settings };
                settings.check()?;
                self.check_url("base_url", &settings.base_url)?;
                self.check_url("token_url", &settings.token_url)?;
                Understood::Pax8(settings)
            }
            ConnectorKind::RevioPsa => {
                let settings: RevioSettings = parsed(&account.settings)?;
                let settings = RevioSettings { time_zone: zone, network, ..settings };
                settings.check()?;
                self.check_url("api_base", &settings.api_base)?;
                self.check_url("auth_url", &settings.auth_url)?;
                for base in settings.api_base_by_prefix.values() {
                    self.check_url("api_base_by_prefix", base)?;
                }
                if let Some(billing) = &settings.billing {
                    self.check_url("billing.base_url", &billing.base_url)?;
                }
                Understood::Revio(Box::new(settings))
            }
            ConnectorKind::Files => Understood::Files(self.directory(&account.settings)?),
        })
    }

    /// Puts a connector together; nothing is sent. `secret` is asked for by those that need one.
    fn build(
        &self,
        account: &ProviderAccount,
        secret: impl FnOnce() -> Result<SecretString, ConnectorError>,
        recording: Recording,
    ) -> Result<Connection, ConnectorError> {
        let recorder = || -> Option<Arc<dyn Recorder>> {
            (recording == Recording::On).then(|| Arc::new(LogRecorder(account.id)) as Arc<dyn Recorder>)
        };
        let Some(connector) = account.connector else {
            return Err(ConnectorError::Unsupported("the account has no credentials; set them first".to_owned()));
        };
        let clock = Arc::clone(&self.clock);
        Ok(match (self.settings(account, connector)?, account.side) {
            (Understood::Pax8(settings), _) => {
                let secret = Pax8Secret { client_secret: secret()? };
                Connection::Marketplace(Arc::new(Pax8::connect(&settings, &secret, clock, recorder())?))
            }
            (Understood::Revio(settings), _) => {
                let secrets = revio_secrets(&secret()?)?;
                Connection::Psa(Arc::new(Revio::connect(&settings, &secrets, clock, recorder())?))
            }
            (Understood::Files(directory), Side::Pax8) => {
                Connection::Marketplace(Arc::new(FileMarketplace::open_in_zone(&directory, account.time_zone)?))
            }
            (Understood::Files(directory), Side::Psa) => Connection::Psa(Arc::new(FilePsa::open(&directory)?)),
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
        let connection = self.build(account, || self.secret(account, sealed), recording)?;
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

    fn check(&self, account: &ProviderAccount, secret: Option<&SecretString>) -> Result<(), SettingError> {
        let Some(connector) = account.connector else { return Ok(()) };
        if connector == ConnectorKind::Pax8 && account.client_id.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(SettingError::new("client_id", "the client ID is empty"));
        }
        let needs_secret = match self.settings(account, connector)? {
            // What they hold is read when the account is tried.
            Understood::Files(_) => return Ok(()),
            Understood::Pax8(_) => "client_secret",
            Understood::Revio(_) => "api_key",
        };
        let secret = secret.ok_or_else(|| SettingError::new(needs_secret, "the secret is empty"))?;
        if connector == ConnectorKind::RevioPsa && revio_secrets(secret).is_ok_and(|secrets| secrets.api_key.is_none())
        {
            return Err(SettingError::new(needs_secret, "the API key is empty"));
        }
        match self.build(account, || Ok(secret.clone()), Recording::Off) {
            Ok(_) => Ok(()),
            Err(error) => Err(SettingError::new("", error.to_string())),
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
