//! Connecting a provider account: credentials are sealed before they are stored, and tried at once.

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::SetupService;
use crate::connector::setting::SettingError;
use crate::connector::{AccountCheck, ConnectorError};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::ProviderAccountId;
use crate::domain::integration::{Integration, SetupStage};
use crate::domain::provider::{AccountStatus, ConnectorKind, ProviderAccount, Side};
use crate::service::{Internal, OrInternal as _, Recording};
use crate::storage::{Tx, account, integration};

/// New credentials of an account.
#[derive(Debug)]
pub struct CredentialsSet {
    /// Account.
    pub account_id: ProviderAccountId,
    /// Zone in which the provider's instants become days; `None` leaves it as it is.
    pub time_zone: Option<chrono_tz::Tz>,
    /// Connector with its settings and secrets.
    pub credentials: Credentials,
}

/// Credentials of one connector.
#[derive(Debug)]
pub struct Credentials {
    /// Connector.
    pub connector: ConnectorKind,
    /// Client id or user name, which is shown.
    pub client_id: Option<String>,
    /// Settings as JSON, without secrets.
    pub settings: String,
    /// Secrets as JSON.
    pub secret: Option<SecretString>,
}

/// Why an account was not connected.
#[derive(Debug, Error)]
pub enum AccountError {
    /// No such account.
    #[error("there is no such provider account")]
    NotFound,
    /// The connector belongs to the other side.
    #[error("these credentials belong to the other side of the integration")]
    WrongSide,
    /// A setting or secret cannot be used; nothing was stored.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Nothing was set yet.
    #[error("the account has no credentials yet")]
    NoCredentials,
    /// The provider, or its settings, stand in the way; the account keeps what was set and says so.
    #[error("{error}")]
    Provider {
        /// Why.
        error: ConnectorError,
        /// The account as it is now, when it was saved.
        account: Option<Box<ProviderAccount>>,
    },
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl SetupService {
    /// Stores credentials and tries them at once. Data and mappings of the account stay.
    pub async fn set_credentials(
        &self,
        caller: &Caller,
        command: CredentialsSet,
    ) -> Result<ProviderAccount, AccountError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let CredentialsSet { account_id, time_zone, credentials } = command;
        let side = match credentials.connector {
            ConnectorKind::Pax8 => Some(Side::Pax8),
            ConnectorKind::RevioPsa => Some(Side::Psa),
            ConnectorKind::Files => None,
        };
        let Credentials { connector, client_id, settings, secret } = credentials;
        let secret = secret.filter(|secret| !secret.expose_secret().is_empty());
        let with_credentials = |known: ProviderAccount| ProviderAccount {
            connector: Some(connector),
            client_id: client_id.clone(),
            settings: settings.clone(),
            time_zone: time_zone.unwrap_or(known.time_zone),
            status: AccountStatus::NotConnected,
            failure_message: None,
            version: known.version + 1,
            ..known
        };
        // Before anything is replaced: what cannot work must not take the place of what works. It is looked at outside
        // the transaction, because a directory may be slow to look at.
        let found = account::find(core.store.read(), caller.organization_id, account_id).await.internal(caller)?;
        let known = found.ok_or(AccountError::NotFound)?;
        if side.is_some_and(|side| side != known.side) {
            return Err(AccountError::WrongSide);
        }
        core.connectors.check(&with_credentials(known), secret.as_ref())?;

        let tx = core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, account_id).await.internal(caller)?;
        let changed = with_credentials(found.ok_or(AccountError::NotFound)?);
        let sealed = secret.map(|secret| core.connectors.seal(&changed, &secret)).transpose();
        let sealed = sealed.map_err(|error| AccountError::Provider { error, account: None })?;
        account::update(&tx, &changed, core.clock.now()).await.internal(caller)?;
        account::set_secret(&tx, caller.organization_id, account_id, sealed).await.internal(caller)?;
        self.audit_account(&tx, caller, "provider_account.credentials_set", &changed).await?;
        tx.commit().await.internal(caller)?;
        self.verify(caller, account_id).await
    }

    /// Asks the provider for as little as proves that the account works, and remembers the answer.
    pub async fn verify(&self, caller: &Caller, id: ProviderAccountId) -> Result<ProviderAccount, AccountError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let read = core.store.read();
        let found = account::find(read, caller.organization_id, id).await.internal(caller)?;
        let asked = found.ok_or(AccountError::NotFound)?;
        if asked.connector.is_none() {
            return Err(AccountError::NoCredentials);
        }
        let sealed = account::secret(read, caller.organization_id, id).await.internal(caller)?;
        let owner = integration::find(read, caller.organization_id, asked.integration_id).await.internal(caller)?;
        let settings = owner.ok_or(AccountError::NotFound)?.settings;
        let recording = Recording::of(&settings, core.clock.now());
        let checked = self.ask(&asked, sealed.as_deref(), recording).await;

        let tx = core.store.begin().await.internal(caller)?;
        // Everybody holds the integration before its accounts, so that nobody waits in a circle.
        let owner = integration::lock(&tx, caller.organization_id, asked.integration_id).await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let (Some(owner), Some(mut changed)) = (owner, found) else { return Err(AccountError::NotFound) };
        if changed.version != asked.version {
            // Somebody set other credentials while the provider was asked; this answer is about the old ones.
            return Ok(changed);
        }
        let now = core.clock.now();
        changed.version += 1;
        match &checked {
            Ok(check) => {
                changed.status = AccountStatus::Connected;
                changed.display_name = check.display_name.clone().or(changed.display_name);
                changed.remarks.clone_from(&check.remarks);
                changed.failure_message = None;
                changed.connected_at = changed.connected_at.or(Some(now));
                changed.verified_at = Some(now);
            }
            Err(error) => {
                changed.status = match error {
                    ConnectorError::Unauthorized { .. } if changed.connected_at.is_some() => {
                        AccountStatus::ReconnectNeeded
                    }
                    _ => AccountStatus::Failed,
                };
                changed.failure_message = Some(error.to_string());
            }
        }
        account::update(&tx, &changed, now).await.internal(caller)?;
        if checked.is_ok() {
            self.advance(&tx, caller, owner).await?;
        }
        self.audit_account(&tx, caller, "provider_account.verify", &changed).await?;
        tx.commit().await.internal(caller)?;
        match checked {
            Ok(_) => Ok(changed),
            Err(error) => Err(AccountError::Provider { error, account: Some(Box::new(changed)) }),
        }
    }

    /// An account of the caller's tenant.
    pub async fn find_account(
        &self,
        caller: &Caller,
        id: ProviderAccountId,
    ) -> Result<Option<ProviderAccount>, AccountError> {
        caller.require(Role::Viewer)?;
        Ok(account::find(self.core.store.read(), caller.organization_id, id).await.internal(caller)?)
    }

    async fn ask(
        &self,
        account: &ProviderAccount,
        sealed: Option<&str>,
        recording: Recording,
    ) -> Result<AccountCheck, ConnectorError> {
        match account.side {
            Side::Pax8 => self.core.connectors.marketplace(account, sealed, recording).await?.verify().await,
            Side::Psa => self.core.connectors.psa(account, sealed, recording).await?.verify().await,
        }
    }

    /// Moves set-up on when an account became connected; the integration is held.
    async fn advance(&self, tx: &Tx, caller: &Caller, owner: Integration) -> Result<(), AccountError> {
        let mut changed = owner;
        let (pax8, psa) = account::pair(&**tx, caller.organization_id, changed.id).await.internal(caller)?;
        let stage = match (pax8.status.is_usable(), psa.status.is_usable()) {
            (true, true) => SetupStage::FirstSync,
            (true, false) => SetupStage::ConnectPsa,
            (false, _) => SetupStage::ConnectPax8,
        };
        if stage > changed.setup_stage {
            changed.setup_stage = stage;
            changed.version += 1;
            integration::update(tx, &changed).await.internal(caller)?;
        }
        Ok(())
    }

    async fn audit_account(
        &self,
        tx: &Tx,
        caller: &Caller,
        action: &'static str,
        account: &ProviderAccount,
    ) -> Result<(), AccountError> {
        let after = serde_json::json!({
            "connector": account.connector.map(|connector| format!("{connector:?}")),
            "clientId": account.client_id,
            "status": format!("{:?}", account.status),
        });
        let change = Change {
            action,
            subject_kind: "provider_account",
            subject_id: Some(account.id.0),
            before: None,
            after: Some(after.to_string()),
            reason: None,
        };
        Ok(self.core.audit(tx, caller, change).await.internal(caller)?)
    }
}
