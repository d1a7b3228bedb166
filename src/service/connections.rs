//! The connections to the providers: opens an account's secrets and builds the connector that it names. A connection is
//! kept while its account stays as it is, because its token and its rate budget belong to it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tracing::info;

use super::kept_tokens::{KeeperParts, KeptTokens, revocable, sealed_tokens};
use super::reach::{Reach, Understood, parsed};
use super::sealing::SealedPlace;
use super::{Connectors, Recording};
use crate::connector::file::{FileMarketplace, FilePsa};
use crate::connector::http::{ClientSettings, Exchange, ProviderClient, Recorder, parse_base_url};
use crate::connector::oauth::application::Application;
use crate::connector::oauth::delegated::{Authorizer, GrantedTokens, TokenRenewal};
use crate::connector::oauth::kept::TokenKeeper;
use crate::connector::pax8::{self, Pax8, Pax8Proof};
use crate::connector::psa::revio::{self, Revio, RevioSecrets};
use crate::connector::setting::SettingError;
use crate::connector::webhook::ProviderWebhooks;
use crate::connector::{ConnectorError, Marketplace, Psa};
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::{ConnectionMethod, ConnectorKind, ProviderAccount, Side};
use crate::secret::Sealed;
use crate::storage::account::{SealedCredentials, StoredKeys};
use crate::storage::provider_token::{NewTokens, TokenKey};

#[derive(Clone)]
enum Connection {
    Pax8(Arc<Pax8>),
    Marketplace(Arc<dyn Marketplace>),
    Psa(Arc<dyn Psa>),
}

/// A connection, and what keeps the tokens that it acts with when a person consented.
#[derive(Clone)]
struct Opened {
    connection: Connection,
    keeper: Option<Arc<dyn TokenKeeper>>,
}

/// What a connection was built from; another secret or setting makes another connection. Tokens are no part of it: they
/// are renewed under a connection that stays.
#[derive(PartialEq)]
struct Recipe {
    settings: String,
    secrets: Vec<Option<String>>,
    recording: Recording,
}

/// How long before its end an access token is renewed when a run begins, so that it does not end in the middle.
const AHEAD: TimeDelta = TimeDelta::minutes(15);

/// Time for one request of an authorization: shorter than the lease of a renewal.
const AUTHORIZATION_TIMEOUT: Duration = Duration::from_secs(20);

/// The connections of this process.
pub struct Connections {
    parts: KeeperParts,
    reach: Reach,
    open: Mutex<HashMap<ProviderAccountId, (Recipe, Opened)>>,
}

#[derive(Deserialize)]
struct RevioSecretRow {
    api_key: Option<String>,
    billing_password: Option<String>,
    subscription_key: Option<String>,
}

fn revio_secrets(secret: &SecretString) -> Result<RevioSecrets, ConnectorError> {
    let row: RevioSecretRow = serde_json::from_str(secret.expose_secret())
        .map_err(|_| ConnectorError::Unsupported("the stored secret cannot be read".to_owned()))?;
    // An empty text is how a form leaves a field out.
    let given = |text: Option<String>| text.filter(|text| !text.is_empty()).map(SecretString::from);
    Ok(RevioSecrets {
        api_key: given(row.api_key),
        consent: None,
        billing_password: given(row.billing_password),
        subscription_key: given(row.subscription_key),
    })
}

fn without_credentials() -> ConnectorError {
    ConnectorError::Unsupported("the account has no credentials; set them first".to_owned())
}

/// Longest secret that is taken, in bytes: what providers give out has some kilobytes at most.
const LONGEST_SECRET: usize = 16 * 1024;

/// Refuses what is too long for a secret: every log line is searched for those that are known.
fn check_length(setting: &str, secret: Option<&SecretString>) -> Result<(), SettingError> {
    if secret.is_some_and(|secret| secret.expose_secret().len() > LONGEST_SECRET) {
        return Err(SettingError::new(setting, format!("the secret is longer than {LONGEST_SECRET} bytes")));
    }
    Ok(())
}

/// The same of each of the keys of a connector.
fn check_lengths(connector: ConnectorKind, keys: &SecretString) -> Result<(), SettingError> {
    if connector != ConnectorKind::RevioPsa {
        return check_length("client_secret", Some(keys));
    }
    let Ok(secrets) = revio_secrets(keys) else { return check_length("api_key", Some(keys)) };
    check_length("api_key", secrets.api_key.as_ref())?;
    check_length("billing.password", secrets.billing_password.as_ref())?;
    check_length("subscription_key", secrets.subscription_key.as_ref())
}

impl Connections {
    /// No connection is open yet.
    pub fn new(parts: KeeperParts, reach: Reach) -> Self {
        Self { parts, reach, open: Mutex::default() }
    }

    fn opened(
        &self,
        account: &ProviderAccount,
        place: SealedPlace,
        sealed: &str,
    ) -> Result<SecretString, ConnectorError> {
        self.parts
            .keys
            .open(&Sealed(sealed.to_owned()), &place.associated(account.organization_id, account.id))
            .map_err(|error| ConnectorError::Unsupported(format!("the stored secret cannot be opened: {error}")))
    }

    fn may_be_sent(&self, account: &ProviderAccount, keys: &StoredKeys) -> Result<(), ConnectorError> {
        self.reach.check_addresses(account, ConnectionMethod::Keys, keys.addresses.as_deref())
    }

    fn keys(&self, account: &ProviderAccount, keys: &StoredKeys) -> Result<SecretString, ConnectorError> {
        self.opened(account, SealedPlace::Secret, &keys.sealed)
    }

    /// What keeps the tokens of an account that a person consented to.
    fn keeper(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Arc<dyn TokenKeeper>, ConnectorError> {
        let Some(authorization) = &credentials.authorization else {
            return Err(ConnectorError::Unsupported("the account was not authorized; authorize it first".to_owned()));
        };
        self.reach.check_addresses(account, ConnectionMethod::Delegated, authorization.addresses.as_deref())?;
        let application = parsed::<Application>(&authorization.application)?;
        let secret = authorization.application_secret.as_deref();
        let secret = secret.map(|sealed| self.opened(account, SealedPlace::ApplicationSecret, sealed)).transpose()?;
        let authorizer = self.authorizer_of(account, application, secret, recording)?;
        Ok(self.kept(account, ConnectionMethod::Delegated, authorization.origin.clone(), Arc::new(authorizer)))
    }

    /// Tokens that all replicas share.
    fn kept(
        &self,
        account: &ProviderAccount,
        method: ConnectionMethod,
        origin: String,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Arc<dyn TokenKeeper> {
        let key = TokenKey { organization_id: account.organization_id, account_id: account.id, method };
        Arc::new(KeptTokens::new(self.parts.clone(), key, origin, renewal))
    }

    fn recorder(account: &ProviderAccount, recording: Recording) -> Option<Arc<dyn Recorder>> {
        (recording == Recording::On).then(|| Arc::new(LogRecorder(account.id)) as Arc<dyn Recorder>)
    }

    /// Puts together what speaks for an application; nothing is sent.
    fn authorizer_of(
        &self,
        account: &ProviderAccount,
        application: Application,
        secret: Option<SecretString>,
        recording: Recording,
    ) -> Result<Authorizer, SettingError> {
        application.check()?;
        check_length("client_secret", secret.as_ref())?;
        self.reach.check_url("authorize_url", &application.authorize_url)?;
        self.reach.check_url("token_url", &application.token_url)?;
        if let Some(revocation_url) = &application.revocation_url {
            self.reach.check_url("revocation_url", revocation_url)?;
        }
        let provider = match account.side {
            Side::Pax8 => pax8::PROVIDER,
            Side::Psa => revio::PROVIDER,
        };
        let unusable = |error: ConnectorError| SettingError::new("token_url", error.to_string());
        let base = parse_base_url("token_url", &application.token_url).map_err(unusable)?;
        let manners = ClientSettings {
            timeout: AUTHORIZATION_TIMEOUT,
            max_tries: 2,
            network: self.reach.network(),
            ..ClientSettings::new(provider, base, AUTHORIZATIONS_PER_MINUTE)
        };
        let clock = Arc::clone(&self.parts.clock);
        let client = ProviderClient::new(manners, Arc::clone(&clock)).map_err(unusable)?;
        let client = client.with_recorder(Self::recorder(account, recording));
        Ok(Authorizer::new(client, application, secret, clock))
    }

    /// Puts a connector together; nothing is sent. `proof` is asked for by those that need one.
    fn build(
        &self,
        account: &ProviderAccount,
        proof: impl FnOnce() -> Result<Proof, ConnectorError>,
        recording: Recording,
    ) -> Result<Opened, ConnectorError> {
        let Some(connector) = account.connector else {
            return Err(without_credentials());
        };
        let (clock, recorder) = (Arc::clone(&self.parts.clock), Self::recorder(account, recording));
        let without_consent = |connection| Opened { connection, keeper: None };
        Ok(match (self.reach.settings(account, connector)?, account.side) {
            (Understood::Pax8(settings), _) => {
                let Proof { secret, origin, keeper } = proof()?;
                let keeper = match (keeper, secret) {
                    (Some(keeper), _) => keeper,
                    (None, Some(secret)) => {
                        let credentials =
                            pax8::client_credentials(&settings, secret, Arc::clone(&clock), recorder.clone())?;
                        self.kept(account, ConnectionMethod::Keys, origin, Arc::new(credentials))
                    }
                    (None, None) => return Err(ConnectorError::Unsupported("the client secret is not set".to_owned())),
                };
                let proof = Pax8Proof::Kept(Arc::clone(&keeper));
                let keeper = Some(keeper);
                let connected = Pax8::connect(&settings, proof, clock, recorder)?;
                Opened { connection: Connection::Pax8(Arc::new(connected)), keeper }
            }
            (Understood::Revio(settings), _) => {
                let Proof { secret, keeper, .. } = proof()?;
                let secrets = secret.as_ref().map(revio_secrets).transpose()?.unwrap_or_default();
                let secrets = RevioSecrets { consent: keeper.clone(), ..secrets };
                let connected = Revio::connect(&settings, &secrets, clock, recorder)?;
                Opened { connection: Connection::Psa(Arc::new(connected)), keeper }
            }
            (Understood::Files(directory), Side::Pax8) => without_consent(Connection::Marketplace(Arc::new(
                FileMarketplace::open_in_zone(&directory, account.time_zone)?,
            ))),
            (Understood::Files(directory), Side::Psa) => {
                without_consent(Connection::Psa(Arc::new(FilePsa::open(&directory)?)))
            }
        })
    }

    fn proof(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Proof, ConnectorError> {
        Ok(match account.method {
            ConnectionMethod::Keys => {
                let keys = credentials.keys.as_ref().ok_or_else(without_credentials)?;
                self.may_be_sent(account, keys)?;
                Proof { secret: Some(self.keys(account, keys)?), origin: keys.origin.clone(), keeper: None }
            }
            ConnectionMethod::Delegated => Proof {
                origin: String::new(),
                // What the consent does not cover, such as a password for another surface. Without it that surface is
                // said to be missing; the consent goes on.
                secret: match &credentials.keys {
                    Some(keys) if self.may_be_sent(account, keys).is_ok() => Some(self.keys(account, keys)?),
                    _ => None,
                },
                keeper: Some(self.keeper(account, credentials, recording)?),
            },
        })
    }

    fn connection(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Opened, ConnectorError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let recipe = Recipe {
            settings: format!("{:?}|{}|{}", account.method, account.time_zone, account.settings),
            secrets: credentials.fixed().map(|text| text.map(str::to_owned)).to_vec(),
            recording,
        };
        // Files may be replaced under an open connection, so they are opened anew each time.
        if account.connector != Some(ConnectorKind::Files)
            && let Some((known, opened)) = open.get(&account.id)
            && *known == recipe
        {
            self.remember_secrets(account, credentials);
            return Ok(opened.clone());
        }
        let opened = self.build(account, || self.proof(account, credentials, recording), recording)?;
        if account.connector == Some(ConnectorKind::Files) {
            // Whole files need not stay in memory until the next sync.
            open.remove(&account.id);
            return Ok(opened);
        }
        open.insert(account.id, (recipe, opened.clone()));
        Ok(opened)
    }

    /// Opens the secrets of a connection that is kept, so that they count among those in use and stay hidden in logs.
    fn remember_secrets(&self, account: &ProviderAccount, credentials: &SealedCredentials) {
        let keys = credentials.keys.as_ref().map(|keys| (SealedPlace::Secret, keys.sealed.as_str()));
        let application = credentials.authorization.as_ref().and_then(|consent| consent.application_secret.as_deref());
        let application = application.map(|sealed| (SealedPlace::ApplicationSecret, sealed));
        for (place, sealed) in keys.into_iter().chain(application) {
            // One that cannot be opened any more is in no connection either.
            let _ = self.opened(account, place, sealed);
        }
    }

    /// A connection for a run, with a token that does not end soon.
    async fn fresh(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Connection, ConnectorError> {
        let Opened { connection, keeper } = self.connection(account, credentials, recording)?;
        if let Some(keeper) = keeper {
            keeper.token(None, AHEAD).await?;
        }
        Ok(connection)
    }
}

/// What an account proves itself with.
struct Proof {
    secret: Option<SecretString>,
    /// Names the keys.
    origin: String,
    keeper: Option<Arc<dyn TokenKeeper>>,
}

/// Far more than a person who connects, and tokens that are renewed, ever need.
const AUTHORIZATIONS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).expect("it is not zero");

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
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Arc<dyn Marketplace>, ConnectorError> {
        match self.fresh(account, credentials, recording).await? {
            Connection::Pax8(pax8) => Ok(pax8),
            Connection::Marketplace(marketplace) => Ok(marketplace),
            Connection::Psa(_) => {
                Err(ConnectorError::Unsupported("the account is not one of a marketplace".to_owned()))
            }
        }
    }

    async fn psa(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Arc<dyn Psa>, ConnectorError> {
        match self.fresh(account, credentials, recording).await? {
            Connection::Psa(psa) => Ok(psa),
            Connection::Pax8(_) | Connection::Marketplace(_) => {
                Err(ConnectorError::Unsupported("the account is not one of a PSA".to_owned()))
            }
        }
    }

    async fn webhooks(
        &self,
        account: &ProviderAccount,
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<Arc<dyn ProviderWebhooks>, ConnectorError> {
        match self.fresh(account, credentials, recording).await? {
            Connection::Pax8(pax8) => Ok(pax8),
            Connection::Marketplace(_) | Connection::Psa(_) => {
                Err(ConnectorError::Unsupported("the account's connector knows no webhooks".to_owned()))
            }
        }
    }

    fn check(&self, account: &ProviderAccount, secret: Option<&SecretString>) -> Result<(), SettingError> {
        let Some(connector) = account.connector else { return Ok(()) };
        if connector == ConnectorKind::Pax8 && account.client_id.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(SettingError::new("client_id", "the client ID is empty"));
        }
        let needs_secret = match self.reach.settings(account, connector)? {
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
        check_lengths(connector, secret)?;
        let proof = || Ok(Proof { secret: Some(secret.clone()), origin: String::new(), keeper: None });
        match self.build(account, proof, Recording::Off) {
            Ok(_) => Ok(()),
            Err(error) => Err(SettingError::new("", error.to_string())),
        }
    }

    fn check_settings(&self, account: &ProviderAccount, keys: Option<&SecretString>) -> Result<(), SettingError> {
        let Some(connector) = account.connector else { return Ok(()) };
        if let Some(keys) = keys {
            check_lengths(connector, keys)?;
        }
        self.reach.settings(account, connector).map(drop)
    }

    fn shares_files(&self) -> bool {
        self.reach.shares_files()
    }

    fn authorizer(
        &self,
        account: &ProviderAccount,
        application: Application,
        secret: Option<SecretString>,
    ) -> Result<Authorizer, SettingError> {
        self.authorizer_of(account, application, secret, Recording::Off)
    }

    fn seal(&self, account: &ProviderAccount, place: SealedPlace, secret: &SecretString) -> String {
        self.parts.keys.seal(secret, &place.associated(account.organization_id, account.id)).0
    }

    fn open(
        &self,
        account: &ProviderAccount,
        place: SealedPlace,
        sealed: &str,
    ) -> Result<SecretString, ConnectorError> {
        self.opened(account, place, sealed)
    }

    fn forget(&self, id: ProviderAccountId) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn seal_tokens(&self, account: &ProviderAccount, tokens: &GrantedTokens, origin: &str) -> NewTokens {
        sealed_tokens(&self.parts.keys, (account.organization_id, account.id), tokens, origin, self.parts.clock.now())
    }

    fn addresses(&self, account: &ProviderAccount, method: ConnectionMethod) -> Result<String, SettingError> {
        self.reach.addresses(account, method)
    }

    fn revocable(&self, account: &ProviderAccount, sealed: &str) -> Result<SecretString, ConnectorError> {
        revocable(&self.parts.keys, (account.organization_id, account.id), sealed)
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::app::KeyedSeal;
    use crate::domain::id::{IntegrationId, OrganizationId};
    use crate::environment::{CountingIds, SystemClock};
    use crate::secret::{CountingRandom, KeyRing};
    use crate::storage::Store;

    async fn connections(reach: Reach) -> (Connections, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let store = Store::connect(&format!("sqlite://{}/test.db", folder.path().display())).await;
        let keys = SecretString::from("test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned());
        let random = Arc::new(CountingRandom::default());
        let keys = Arc::new(KeyRing::parse(&keys, "the test", random).expect("a good key"));
        let parts = KeeperParts {
            store: store.expect("a new file opens"),
            keys: Arc::clone(&keys),
            clock: Arc::new(SystemClock),
            ids: Arc::new(CountingIds::default()),
            seal: Arc::new(KeyedSeal(keys)),
            renewals: TaskTracker::new(),
        };
        (Connections::new(parts, reach), folder)
    }

    #[tokio::test]
    async fn a_connection_is_kept_until_its_account_or_its_recording_changes() {
        let (connections, _folder) = connections(Reach::default()).await;
        let id = uuid::Uuid::from_u128;
        let (organization_id, integration_id) = (OrganizationId(id(2)), IntegrationId(id(3)));
        let mut account = ProviderAccount {
            connector: Some(ConnectorKind::Pax8),
            client_id: Some("client".to_owned()),
            ..ProviderAccount::unconnected(ProviderAccountId(id(1)), organization_id, integration_id, Side::Pax8)
        };
        let sealed = connections.seal(&account, SealedPlace::Secret, &SecretString::from("secret"));
        let credentials =
            SealedCredentials { keys: Some(StoredKeys { sealed, ..StoredKeys::default() }), authorization: None };
        let open = |account: &ProviderAccount, recording| match connections
            .connection(account, &credentials, recording)
            .expect("a connection")
            .connection
        {
            Connection::Pax8(pax8) => Arc::as_ptr(&pax8).cast::<()>() as usize,
            Connection::Marketplace(_) | Connection::Psa(_) => panic!("Pax8 is Pax8"),
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
        assert!(connections.connection(&account, &credentials, Recording::Off).is_err());
    }
}
