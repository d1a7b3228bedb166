//! What connections may reach: which addresses and directories the operator allows, what the settings of an account say, and
//! which addresses its keys and tokens are sent to.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::connector::ConnectorError;
use crate::connector::address::{AllowedHosts, Network, Place, place_of_url};
use crate::connector::pax8::Pax8Settings;
use crate::connector::psa::revio::RevioSettings;
use crate::connector::setting::SettingError;
use crate::domain::id::OrganizationId;
use crate::domain::provider::{ConnectionMethod, ConnectorKind, ProviderAccount};
use crate::secret::redact;

/// What the operator allows connections to reach.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Whether a provider's address may lie in a private network. Loopback may without: a gateway or a sandbox on the same
    /// machine is the operator's own.
    pub private_networks: bool,
    /// The hosts that providers may be at; those on this machine are no exception.
    pub hosts: AllowedHosts,
    /// Directory in which accounts of files must lie; `None` allows none.
    pub files_root: Option<FilesRoot>,
}

/// Directory in which accounts of files must lie, of all organizations or of each its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesRoot(String);

/// Stands in the path of a files root for the id of an organization. An id cannot lead elsewhere, as a name could.
const OWN: &str = "{organization}";

impl FilesRoot {
    /// The directory of that path; with `{organization}` in it each organization has its own.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// Whether an organization can name the files of another.
    pub fn is_shared(&self) -> bool {
        !self.0.contains(OWN)
    }

    fn of(&self, organization: OrganizationId) -> PathBuf {
        PathBuf::from(self.0.replace(OWN, &organization.0.to_string()))
    }
}

#[derive(Deserialize)]
struct FilesRow {
    directory: PathBuf,
}

/// Settings that can be used.
pub enum Understood {
    /// Of Pax8.
    Pax8(Box<Pax8Settings>),
    /// Of Rev.io PSA.
    Revio(Box<RevioSettings>),
    /// A directory.
    Files(PathBuf),
}

/// What is sent to an address.
#[derive(PartialEq)]
enum Sent {
    /// Tokens, of keys or of a consent.
    Tokens,
    /// Keys alone.
    Keys,
}

impl Understood {
    /// The addresses that keys and tokens are sent to, each with the setting that names it.
    fn addresses(&self) -> Vec<(&'static str, Sent, &str)> {
        match self {
            Self::Pax8(settings) => {
                let webhooks = settings.webhook_base_url.as_deref();
                let fixed = [
                    ("base_url", Sent::Tokens, settings.base_url.as_str()),
                    ("token_url", Sent::Keys, settings.token_url.as_str()),
                ];
                fixed.into_iter().chain(webhooks.map(|base| ("webhook_base_url", Sent::Tokens, base))).collect()
            }
            Self::Revio(settings) => {
                let by_prefix = settings.api_base_by_prefix.values();
                let billing = settings.billing.as_ref().map(|billing| billing.base_url.as_str());
                let fixed = [
                    ("api_base", Sent::Tokens, settings.api_base.as_str()),
                    ("auth_url", Sent::Keys, settings.auth_url.as_str()),
                ];
                fixed
                    .into_iter()
                    .chain(by_prefix.map(|base| ("api_base_by_prefix", Sent::Tokens, base.as_str())))
                    .chain(billing.map(|base| (BILLING, Sent::Keys, base)))
                    .collect()
            }
            Self::Files(_) => Vec::new(),
        }
    }
}

/// The setting of the address that the secrets of Rev.io Billing are sent to.
const BILLING: &str = "billing.base_url";

/// Whether one of the keys of an account goes to the same addresses by two texts of [`Reach::addresses`]: those of Billing
/// go to Billing alone, and all others to all others.
pub fn goes_to_the_same(key: &str, before: &str, after: &str) -> bool {
    let is_of_billing = matches!(key, "billing_password" | "subscription_key");
    let of = |addresses: &'_ str| -> Vec<String> {
        let named = addresses.split(' ').filter(|named| named.starts_with(BILLING) == is_of_billing);
        named.map(str::to_owned).collect()
    };
    of(before) == of(after)
}

/// Reads settings.
pub fn parsed<T: DeserializeOwned>(settings: &str) -> Result<T, SettingError> {
    serde_json::from_str(settings)
        .map_err(|error| SettingError::new("", format!("the settings of the account cannot be read: {error}")))
}

impl Reach {
    /// The network that connections may go to.
    pub fn network(&self) -> Network {
        if self.private_networks { Network::Private } else { Network::Public }
    }

    /// Refuses an address that would carry a secret in the open or reach into the operator's network.
    pub fn check_url(&self, setting: &str, text: &str) -> Result<(), SettingError> {
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
        if place == Place::Private && !self.private_networks {
            return refuse("lies in a private network; the operator can allow that with --allow-private-networks on");
        }
        if !self.hosts.include(&url) {
            return refuse(
                "is at a host that the operator does not allow; the operator adds it to --allowed-provider-hosts",
            );
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if place == Place::Loopback => Ok(()),
            _ => refuse("must begin with https:// unless it is on this machine"),
        }
    }

    /// Whether an organization could name the files of another.
    pub fn shares_files(&self) -> bool {
        self.files_root.as_ref().is_some_and(FilesRoot::is_shared)
    }

    fn directory(&self, organization: OrganizationId, settings: &str) -> Result<PathBuf, SettingError> {
        let FilesRow { directory } = parsed(settings)?;
        let refuse = |message: String| SettingError::new("directory", message);
        let Some(root) = &self.files_root else {
            return Err(refuse(
                "accounts of files are switched off; the operator can allow a directory with --files-root".to_owned(),
            ));
        };
        let own = root.of(organization);
        let inside = |path: &Path| {
            let (path, root) = (path.canonicalize().ok()?, own.canonicalize().ok()?);
            path.starts_with(&root).then_some(path)
        };
        inside(&own.join(&directory)).ok_or_else(|| {
            let place = match root.is_shared() {
                true => "the files root of this server".to_owned(),
                false => format!("the directory of this organization, whose name has its id, `{}`", organization.0),
            };
            refuse(format!("the directory `{}` does not exist inside {place}", directory.display()))
        })
    }

    /// The settings of an account, each of them usable.
    pub fn settings(&self, account: &ProviderAccount, connector: ConnectorKind) -> Result<Understood, SettingError> {
        let zone = account.time_zone.name().to_owned();
        let network = self.network();
        let understood = match connector {
            ConnectorKind::Pax8 => {
                let settings: Pax8Settings = parsed(&account.settings)?;
                let client_id = account.client_id.clone().unwrap_or_default();
                let settings = Pax8Settings { client_id, time_zone: zone, network, ..settings };
                settings.check()?;
                Understood::Pax8(Box::new(settings))
            }
            ConnectorKind::RevioPsa => {
                let settings: RevioSettings = parsed(&account.settings)?;
                let settings = RevioSettings { time_zone: zone, network, ..settings };
                settings.check()?;
                Understood::Revio(Box::new(settings))
            }
            ConnectorKind::Files => Understood::Files(self.directory(account.organization_id, &account.settings)?),
        };
        for (setting, _, address) in understood.addresses() {
            self.check_url(setting, address)?;
        }
        Ok(understood)
    }

    /// The addresses that keys, or the tokens of a consent, are sent to by the settings of an account, as text to be compared.
    pub fn addresses(&self, account: &ProviderAccount, method: ConnectionMethod) -> Result<String, SettingError> {
        // A directory is no address, and may be slow to look at.
        let Some(connector) = account.connector.filter(|connector| *connector != ConnectorKind::Files) else {
            return Ok(String::new());
        };
        let understood = self.settings(account, connector)?;
        let addresses = understood.addresses().into_iter();
        let addresses = addresses.filter(|(_, sent, _)| method == ConnectionMethod::Keys || *sent == Sent::Tokens);
        Ok(addresses.map(|(setting, _, address)| format!("{setting}={address}")).collect::<Vec<_>>().join(" "))
    }

    /// Refuses to send anything to an address that it was not given for: whoever may change the settings of an account must
    /// not learn its secrets that way.
    pub fn check_addresses(
        &self,
        account: &ProviderAccount,
        method: ConnectionMethod,
        given_for: Option<&str>,
    ) -> Result<(), ConnectorError> {
        let what = match method {
            ConnectionMethod::Keys => {
                "the keys of the account were given for other addresses than its settings name; set them"
            }
            ConnectionMethod::Delegated => {
                "the consent was given for other addresses than the settings of the account name; authorize it"
            }
        };
        match given_for {
            Some(given_for) if given_for != self.addresses(account, method)? => {
                Err(ConnectorError::Unsupported(format!("{what} again")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::address::HostPattern;

    #[test]
    fn a_secret_never_travels_in_the_open_nor_into_the_operators_network() {
        let reach = Reach::default();
        for good in ["https://api.pax8.com/v1", "http://127.0.0.1:9000/v1", "http://localhost:1", "http://[::1]:80"] {
            assert_eq!(reach.check_url("base_url", good), Ok(()), "{good}");
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
            assert!(reach.check_url("base_url", bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn private_networks_are_the_operators_choice_but_never_in_the_open() {
        let reach = Reach { private_networks: true, ..Reach::default() };
        assert_eq!(reach.check_url("base_url", "https://10.0.0.5"), Ok(()));
        assert!(reach.check_url("base_url", "http://10.0.0.5").is_err());
    }

    #[test]
    fn hosts_that_the_operator_names_are_the_only_ones() {
        let hosts =
            ["api.pax8.com", "127.0.0.1:9000", "10.0.0.5"].map(|host| HostPattern::parse(host).expect("a host"));
        let reach = Reach { hosts: AllowedHosts::Only(hosts.into()), ..Reach::default() };
        for good in ["https://api.pax8.com/v1", "http://127.0.0.1:9000/v1"] {
            assert_eq!(reach.check_url("base_url", good), Ok(()), "{good}");
        }
        for bad in ["https://evil.example", "http://127.0.0.1:5432", "http://localhost:9000", "http://api.pax8.com"] {
            assert!(reach.check_url("base_url", bad).is_err(), "{bad} was accepted");
        }
        let private = reach.check_url("base_url", "https://10.0.0.5").expect_err("the network is not allowed");
        assert!(private.to_string().contains("--allow-private-networks"), "{private}");
    }

    #[test]
    fn files_outside_the_root_are_refused() {
        let root = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(root.path().join("inside")).expect("a directory");
        let inside = root.path().join("inside").display().to_string();
        let reach = Reach { files_root: Some(FilesRoot::new(inside)), ..Reach::default() };
        let organization = OrganizationId(uuid::Uuid::from_u128(1));
        for directory in ["..", "../..", "/etc", "missing"] {
            let settings = serde_json::json!({ "directory": directory }).to_string();
            assert!(reach.directory(organization, &settings).is_err(), "{directory} was accepted");
        }
        assert!(reach.directory(organization, r#"{"directory":"."}"#).is_ok());
        assert!(reach.shares_files());
    }

    #[test]
    fn each_organization_has_files_of_its_own() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let [ours, theirs] = [1, 2].map(|number| OrganizationId(uuid::Uuid::from_u128(number)));
        for organization in [ours, theirs] {
            let exports = root.path().join(organization.0.to_string()).join("exports");
            std::fs::create_dir_all(exports).expect("a directory");
        }
        let path = root.path().join("{organization}").display().to_string();
        let reach = Reach { files_root: Some(FilesRoot::new(path)), ..Reach::default() };
        assert!(!reach.shares_files());
        let directory = |name: &str| reach.directory(ours, &serde_json::json!({ "directory": name }).to_string());
        let expected = root.path().join(ours.0.to_string()).join("exports").canonicalize().expect("it was made");
        assert_eq!(directory("exports"), Ok(expected));
        let foreign = format!("../{}/exports", theirs.0);
        let absolute = root.path().join(theirs.0.to_string()).display().to_string();
        for name in ["..", foreign.as_str(), absolute.as_str(), "missing"] {
            let error = directory(name).expect_err(name).to_string();
            assert!(error.contains(&format!("its id, `{}`", ours.0)) && !error.contains("of this server"), "{error}");
        }
    }
}
