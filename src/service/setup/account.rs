//! Connecting a provider account: credentials are sealed before they are stored, and tried at once.

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::SetupService;
use crate::connector::setting::SettingError;
use crate::connector::{AccountCheck, ConnectorError, is_of_billing};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{ExternalId, ProviderAccountId};
use crate::domain::integration::{Integration, SetupStage};
use crate::domain::provider::{AccountFailure, AccountStatus, ConnectionMethod, ConnectorKind, ProviderAccount, Side};
use crate::service::sealing::SealedPlace;
use crate::service::{Internal, OrInternal as _, Recording};
use crate::storage::account::{SealedCredentials, StoredKeys};
use crate::storage::provider_token::{self, TokenKey};
use crate::storage::source::company::CompanyTable;
use crate::storage::{Tx, account, authorization, integration, organization, record};

/// Where the person is whom a sign-in needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Person {
    /// Back from the provider just now.
    Returned,
    /// Not known here; perhaps on the way.
    Elsewhere,
}

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
    /// No application is known that a person could consent to.
    #[error("no application was given, and the account was never authorized with one")]
    NoApplication,
    /// Nothing is kept for this way of connecting.
    #[error("nothing is kept for this way of connecting")]
    NothingKept(ConnectionMethod),
    /// What is kept was given for other addresses than those of the settings.
    #[error("what is kept for this way of connecting was given for other addresses")]
    KeptForOtherAddresses(ConnectionMethod),
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
            method: ConnectionMethod::Keys,
            client_id: client_id.clone(),
            settings: settings.clone(),
            time_zone: time_zone.unwrap_or(known.time_zone),
            status: AccountStatus::NotConnected,
            failure: None,
            failure_message: None,
            authorizing_until: None,
            verified_at: None,
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
        let candidate = with_credentials(known.clone());
        if connector == ConnectorKind::Files {
            self.check_files_are_own(caller).await?;
        }
        core.connectors.check(&candidate, secret.as_ref())?;
        self.webhooks().part_from(caller, &known, &candidate).await?;

        let tx = core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, account_id).await.internal(caller)?;
        let before = found.ok_or(AccountError::NotFound)?;
        let mut changed = with_credentials(before.clone());
        self.pin_addresses(&tx, caller, &before).await?;
        let sealed = secret.map(|secret| core.connectors.seal(&changed, SealedPlace::Secret, &secret));
        let addresses = core.connectors.addresses(&changed, ConnectionMethod::Keys)?;
        self.webhooks().forget_replaced(&tx, caller, &before, &mut changed).await?;
        account::update(&tx, &changed, core.clock.now()).await.internal(caller)?;
        self.replace_keys(&tx, caller, account_id, sealed.map(|sealed| (sealed, addresses))).await?;
        // Whoever is on the way to the provider would bring back the settings of before.
        authorization::void_attempts(&tx, caller.organization_id, account_id).await.internal(caller)?;
        self.audit_account(&tx, caller, "provider_account.credentials_set", Some(&before), &changed).await?;
        tx.commit().await.internal(caller)?;
        self.verify(caller, account_id).await
    }

    /// Refuses files where an organization could name those of another.
    async fn check_files_are_own(&self, caller: &Caller) -> Result<(), AccountError> {
        let core = &self.core;
        if core.connectors.shares_files() && organization::count(core.store.read()).await.internal(caller)? > 1 {
            let message = "several organizations share the files root of this server; the operator gives each its own \
                           with `{organization}` in the path of --files-root";
            return Err(SettingError::new("directory", message).into());
        }
        Ok(())
    }

    /// Asks the provider for as little as proves that the account works, and remembers the answer.
    pub async fn verify(&self, caller: &Caller, id: ProviderAccountId) -> Result<ProviderAccount, AccountError> {
        self.tried(caller, id, Person::Elsewhere).await
    }

    /// The same after a person came back from the provider, who is no longer on the way then.
    pub(super) async fn verify_returned(
        &self,
        caller: &Caller,
        id: ProviderAccountId,
    ) -> Result<ProviderAccount, AccountError> {
        self.tried(caller, id, Person::Returned).await
    }

    async fn tried(
        &self,
        caller: &Caller,
        id: ProviderAccountId,
        person: Person,
    ) -> Result<ProviderAccount, AccountError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let read = core.store.read();
        let found = account::find(read, caller.organization_id, id).await.internal(caller)?;
        let asked = found.ok_or(AccountError::NotFound)?;
        if asked.connector.is_none() {
            return Err(AccountError::NoCredentials);
        }
        let credentials = account::credentials(read, caller.organization_id, id).await.internal(caller)?;
        let owner = integration::find(read, caller.organization_id, asked.integration_id).await.internal(caller)?;
        let settings = owner.ok_or(AccountError::NotFound)?.settings;
        let recording = Recording::of(&settings, core.clock.now());
        let mut checked = self.ask(&asked, &credentials, recording).await;
        if let Ok(check) = &mut checked {
            check.remarks.extend(self.other_companies(caller, &asked, &check.companies).await?);
        }

        let tx = core.store.begin().await.internal(caller)?;
        // Everybody holds the integration before its accounts, so that nobody waits in a circle.
        let owner = integration::lock(&tx, caller.organization_id, asked.integration_id).await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let (Some(owner), Some(mut changed)) = (owner, found) else { return Err(AccountError::NotFound) };
        let before = changed.clone();
        if changed.version != asked.version {
            // Somebody else changed the account while the provider was asked, so that the answer is about what was there
            // before; unless it was the refusal itself that ended the consent.
            let is_ended = changed.status == AccountStatus::ReconnectNeeded;
            // The person is back all the same, unless they set out once more.
            if person == Person::Returned && changed.authorizing_until == asked.authorizing_until {
                changed.authorizing_until = None;
                changed.version += 1;
                account::update(&tx, &changed, core.clock.now()).await.internal(caller)?;
                tx.commit().await.internal(caller)?;
            }
            return match checked {
                Err(error) if is_ended => Err(AccountError::Provider { error, account: Some(Box::new(changed)) }),
                _ => Ok(changed),
            };
        }
        let now = core.clock.now();
        changed.version += 1;
        if person == Person::Returned {
            changed.authorizing_until = None;
        }
        match &checked {
            Ok(check) => {
                changed.status = AccountStatus::Connected;
                changed.display_name = check.display_name.clone().or(changed.display_name);
                changed.remarks.clone_from(&check.remarks);
                changed.capabilities.clone_from(&check.capabilities);
                changed.failure = None;
                changed.failure_message = None;
                changed.connected_at = changed.connected_at.or(Some(now));
                changed.verified_at = Some(now);
            }
            Err(error) => {
                let is_refused = matches!(error, ConnectorError::Unauthorized { .. });
                changed.status = match changed.connected_at {
                    Some(_) if is_refused => AccountStatus::ReconnectNeeded,
                    _ => AccountStatus::Failed,
                };
                changed.failure = Some(kind_of(error));
                let said = error.to_string();
                let said = said.trim_end_matches('.');
                changed.failure_message = Some(format!("{said}. {}", advice(&changed, error)));
                changed.capabilities = Vec::new();
                changed.remarks = Vec::new();
            }
        }
        account::update(&tx, &changed, now).await.internal(caller)?;
        if checked.is_ok() {
            self.advance(&tx, caller, owner).await?;
        }
        self.audit_account(&tx, caller, "provider_account.verify", Some(&before), &changed).await?;
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
        credentials: &SealedCredentials,
        recording: Recording,
    ) -> Result<AccountCheck, ConnectorError> {
        match account.side {
            Side::Pax8 => self.core.connectors.marketplace(account, credentials, recording).await?.verify().await,
            Side::Psa => self.core.connectors.psa(account, credentials, recording).await?.verify().await,
        }
    }

    /// Says when none of the companies that an account shows was read with it before: it is somebody else's, most likely.
    async fn other_companies(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
        shown: &[ExternalId],
    ) -> Result<Option<String>, Internal> {
        let owner = (caller.organization_id, account.id);
        let are_others = record::are_others::<CompanyTable>(self.core.store.read(), owner, shown).await;
        Ok(are_others.internal(caller)?.then(|| {
            format!(
                "None of the first {} companies that this login shows was read with this account before, so it probably \
                 belongs to somebody else. A sync would mark all companies that were read before as gone: connect the \
                 login that they belong to, or make another integration for this one.",
                shown.len()
            )
        }))
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

    /// Replaces the keys of an account with others for these addresses, or forgets them. Tokens of the keys before are void:
    /// they speak for somebody else, perhaps.
    pub(super) async fn replace_keys(
        &self,
        tx: &Tx,
        caller: &Caller,
        account_id: ProviderAccountId,
        keys: Option<(String, String)>,
    ) -> Result<(), Internal> {
        let organization_id = caller.organization_id;
        let origin = self.core.ids.next().to_string();
        let tokens = TokenKey { organization_id, account_id, method: ConnectionMethod::Keys };
        provider_token::void(tx, tokens, &origin).await.internal(caller)?;
        let keys = keys.map(|(sealed, addresses)| StoredKeys { sealed, origin, addresses: Some(addresses) });
        account::set_keys(tx, organization_id, account_id, keys).await.internal(caller)
    }

    /// Writes down for which addresses an account was given what it keeps, where nobody did: before they change.
    pub(super) async fn pin_addresses(
        &self,
        tx: &Tx,
        caller: &Caller,
        before: &ProviderAccount,
    ) -> Result<(), Internal> {
        let owner = (before.organization_id, before.id);
        // Settings that cannot be used have never led anywhere.
        let addresses = |method| self.core.connectors.addresses(before, method).unwrap_or_default();
        account::pin_addresses(tx, owner, addresses(ConnectionMethod::Keys)).await.internal(caller)?;
        authorization::pin_addresses(tx, owner, addresses(ConnectionMethod::Delegated)).await.internal(caller)?;
        Ok(())
    }

    pub(super) async fn audit_account(
        &self,
        tx: &Tx,
        caller: &Caller,
        action: &'static str,
        before: Option<&ProviderAccount>,
        after: &ProviderAccount,
    ) -> Result<(), Internal> {
        let change = Change {
            action,
            subject_kind: "provider_account",
            subject_id: Some(after.id.0),
            before: before.map(summary),
            after: Some(summary(after)),
            reason: None,
        };
        self.core.audit(tx, caller, change).await.internal(caller)
    }
}

/// What the audit says of an account; nothing in it is secret.
fn summary(account: &ProviderAccount) -> String {
    serde_json::json!({
        "connector": account.connector.map(|connector| format!("{connector:?}")),
        "method": format!("{:?}", account.method),
        "clientId": account.client_id,
        "applicationId": account.application_id,
        "status": format!("{:?}", account.status),
        "scopes": account.granted_scopes,
        "settings": account.settings,
        "timeZone": account.time_zone.name(),
        "authorizingUntil": account.authorizing_until.map(|until| until.to_rfc3339()),
    })
    .to_string()
}

/// What an error means for the account.
fn kind_of(error: &ConnectorError) -> AccountFailure {
    match error {
        ConnectorError::Unauthorized { .. } => AccountFailure::Authorization,
        ConnectorError::Forbidden { .. } => AccountFailure::Permission,
        ConnectorError::NotFound { .. }
        | ConnectorError::RateLimited { .. }
        | ConnectorError::Unavailable { .. }
        | ConnectorError::Superseded { .. }
        | ConnectorError::Malformed { .. } => AccountFailure::Connection,
        ConnectorError::Refused { .. } | ConnectorError::Unsupported(_) => AccountFailure::Settings,
    }
}

/// What a person can do about it, as a sentence.
fn advice(account: &ProviderAccount, error: &ConnectorError) -> &'static str {
    if matches!(error, ConnectorError::Superseded { .. }) {
        return "Look at the account, then verify it again.";
    }
    if is_of_billing(error) {
        return "Set the user and password of Rev.io Billing again.";
    }
    match (kind_of(error), account.method) {
        (AccountFailure::Authorization, ConnectionMethod::Keys) => {
            "Check the keys and set them again, or connect with a login at the provider instead."
        }
        (AccountFailure::Authorization, ConnectionMethod::Delegated) => {
            "Authorize the account again, or connect with keys instead."
        }
        (AccountFailure::Permission, _) => {
            "Ask for the missing permission at the provider, or connect with a login that has it."
        }
        (AccountFailure::Connection, _) => "Check the addresses in the settings of the account, then verify it again.",
        (AccountFailure::Settings, _) => "Put the settings of the account right, then verify it again.",
    }
}
