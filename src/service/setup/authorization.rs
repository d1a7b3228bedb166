//! Connecting with the consent of a person: sending them to the provider, taking what they come back with, and giving the
//! consent back. The rules are those of RFC 9700 (best current practice for OAuth 2.0).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::warn;
use url::Url;

use super::SetupService;
use super::account::AccountError;
use crate::connector::address::{Place, place_of_url};
use crate::connector::oauth::application::Application;
use crate::connector::oauth::delegated::{Authorizer, GrantError, GrantedTokens};
use crate::connector::oauth::refusal;
use crate::connector::setting::SettingError;
use crate::digest::sha256;
use crate::domain::access::{Actor, Caller, Role, User};
use crate::domain::id::{ProviderAccountId, TokenId};
use crate::domain::provider::{AccountFailure, AccountStatus, ConnectionMethod, ConnectorKind, ProviderAccount, Side};
use crate::secret::unguessable;
use crate::service::reach::goes_to_the_same;
use crate::service::sealing::SealedPlace;
use crate::service::{Internal, OrInternal as _};
use crate::storage::authorization::{self, Attempt, StoredAuthorization};
use crate::storage::provider_token::{self, TokenKey};
use crate::storage::text::Word as _;
use crate::storage::{account, integration, organization, token};

/// How long a person may be on the way.
pub const ATTEMPT_MINUTES: i64 = 10;

/// For how long a state that was used, or is too old, is told apart from one that was never there.
const TOLD_APART: TimeDelta = TimeDelta::days(1);

/// How long a person waits for the connection to be tried.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest text that is looked at in what a person comes back with, in characters.
const LONGEST_PARAMETER: usize = 4096;

/// An application to connect with, and what its account is read with afterwards.
#[derive(Debug)]
pub struct NewApplication {
    /// The application.
    pub application: Application,
    /// Its secret; `None` for an application without one.
    pub secret: Option<SecretString>,
    /// Settings of the connector as JSON; `None` keeps those that the account has.
    pub settings: Option<String>,
    /// Keys that the consent does not cover, as JSON; `None` keeps those that the account has.
    pub keys: Option<SecretString>,
}

/// Sends a person to the provider.
#[derive(Debug)]
pub struct StartAuthorization {
    /// Account.
    pub account_id: ProviderAccountId,
    /// Zone in which the provider's instants become days; `None` leaves it as it is.
    pub time_zone: Option<chrono_tz::Tz>,
    /// Application; `None` uses the one that the account was authorized with before.
    pub application: Option<NewApplication>,
}

/// A person can go.
#[derive(Debug, Clone)]
pub struct StartedAuthorization {
    /// The account, now authorizing unless it works.
    pub account: ProviderAccount,
    /// Where to.
    pub url: Url,
    /// Until when they have to be back.
    pub expires_at: DateTime<Utc>,
}

/// What a person came back with: the parameters of the callback.
#[derive(Default)]
pub struct Returned {
    /// Brings back which attempt this is.
    pub state: Option<String>,
    /// To be exchanged for tokens.
    pub code: Option<SecretString>,
    /// Who the provider says it is.
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub description: Option<String>,
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").field("issuer", &self.issuer).field("error", &self.error).finish_non_exhaustive()
    }
}

/// A person came back, and the account was connected or at least authorized.
#[derive(Debug, Clone)]
pub struct Authorized {
    /// The account.
    pub account: ProviderAccount,
    /// Name of its integration.
    pub integration_name: String,
    /// Name of its tenant.
    pub organization_name: String,
    /// Who began it. Whoever sees the page may be somebody else, who was sent a link.
    pub starter: Actor,
}

/// Why a person who came back has not connected the account. The text is for the page that they see.
#[derive(Debug, Error)]
pub enum ReturnError {
    /// Nobody was sent away with this state.
    #[error("This sign-in was not begun here, or it was begun again since. Go back to Concord and begin anew.")]
    UnknownState,
    /// It was used before.
    #[error("This sign-in was finished before. Nothing was changed now. Go back to Concord to see how it ended.")]
    UsedState,
    /// It took too long.
    #[error(
        "This sign-in took longer than {ATTEMPT_MINUTES} minutes and is no longer good. Go back to Concord and begin anew."
    )]
    ExpiredState,
    /// The answer comes from somebody else than whom the person was sent to.
    #[error(
        "The answer does not come from the provider that you were sent to, so it was not used. Go back to Concord and \
         begin anew; if it happens again, tell your administrator, who can name the issuer of the application."
    )]
    WrongIssuer,
    /// The person said no.
    #[error("You declined, so nothing was connected. If that was a mistake, go back to Concord and begin anew.")]
    Denied,
    /// The provider sent the person back with an error.
    #[error("The provider ended the sign-in ({0}). Go back to Concord and begin anew.")]
    Refused(String),
    /// There is neither a code nor an error.
    #[error("The provider's answer is incomplete. Go back to Concord and begin anew.")]
    Incomplete,
    /// Whoever began it may not do so any more.
    #[error("Whoever began this sign-in may no longer connect accounts. Ask an administrator to begin anew.")]
    StarterGone,
    /// The consent is stored, and trying it takes long.
    #[error("You are signed in, and trying the connection takes longer than usual. Look at the account in Concord.")]
    StillTrying,
    /// The code was not accepted, or the account cannot be used; the text is a full sentence.
    #[error("{0}")]
    Provider(String),
    /// Our fault.
    #[error("Something went wrong on our side. Please try again; if it stays, tell your operator the ID {}.", .0.correlation_id)]
    Internal(#[from] Internal),
}

/// Who began an attempt, as it is stored.
#[derive(Serialize, Deserialize)]
enum Starter {
    Token { id: uuid::Uuid, name: String },
    User { issuer: String, subject: String, name: String },
    CommandLine,
}

impl SetupService {
    /// Sends a person to the provider; an earlier attempt of the account that is still under way is void.
    pub async fn start_authorization(
        &self,
        caller: &Caller,
        command: StartAuthorization,
    ) -> Result<StartedAuthorization, AccountError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let found = account::find(core.store.read(), caller.organization_id, command.account_id).await;
        let known = found.internal(caller)?.ok_or(AccountError::NotFound)?;
        let redirect_uri = self.redirect_uri(known.side)?;
        let NewApplication { application, secret, settings, keys } = match command.application {
            Some(application) => application,
            None => self.known_application(caller, &known).await?,
        };
        let connector = match known.side {
            Side::Pax8 => ConnectorKind::Pax8,
            Side::Psa => ConnectorKind::RevioPsa,
        };
        // Settings of another connector mean nothing to this one.
        let is_same_connector = known.connector == Some(connector);
        let kept = if is_same_connector { known.settings.as_str() } else { "{}" };
        let candidate = ProviderAccount {
            connector: Some(connector),
            settings: laid_over(kept, settings.as_deref()),
            time_zone: command.time_zone.unwrap_or(known.time_zone),
            ..known.clone()
        };
        core.connectors.check_settings(&candidate, keys.as_ref())?;
        let authorizer = core.connectors.authorizer(&candidate, application.clone(), secret.clone())?;
        let (state, verifier) = (unguessable(&*core.random), unguessable(&*core.random));
        let sent = authorizer.authorization_url(&redirect_uri, &state, &verifier);
        let url = sent.map_err(|error| AccountError::Provider { error, account: None })?;

        let now = core.clock.now();
        let expires_at = now + TimeDelta::minutes(ATTEMPT_MINUTES);
        let keys = match keys {
            None => None,
            Some(keys) => Some(self.with_kept_keys(caller, &known, &candidate, keys).await?),
        };
        let seal = |place, secret: &SecretString| core.connectors.seal(&candidate, place, secret);
        let attempt = Attempt {
            state_hash: sha256(state.expose_secret().as_bytes()),
            organization_id: caller.organization_id,
            account_id: candidate.id,
            starter: starter(&caller.actor),
            connector: connector.word().to_owned(),
            settings: candidate.settings.clone(),
            secret: keys.as_ref().map(|keys| seal(SealedPlace::Secret, keys)),
            time_zone: candidate.time_zone.name().to_owned(),
            application: serde_json::to_string(&application).expect("texts are always JSON"),
            application_secret: secret.as_ref().map(|secret| seal(SealedPlace::ApplicationSecret, secret)),
            code_verifier: seal(SealedPlace::CodeVerifier, &verifier),
            redirect_uri,
            created_at: now,
            expires_at,
            used_at: None,
        };
        // By itself, because it is about all accounts, and nobody holds two of them.
        let tx = core.store.begin().await.internal(caller)?;
        authorization::remove_ended(&tx, caller.organization_id, now - TOLD_APART).await.internal(caller)?;
        tx.commit().await.internal(caller)?;

        let tx = core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, command.account_id).await.internal(caller)?;
        let before = found.ok_or(AccountError::NotFound)?;
        let changed =
            ProviderAccount { authorizing_until: Some(expires_at), version: before.version + 1, ..before.clone() };
        authorization::void_attempts(&tx, caller.organization_id, changed.id).await.internal(caller)?;
        authorization::insert_attempt(&tx, &attempt).await.internal(caller)?;
        account::update(&tx, &changed, now).await.internal(caller)?;
        self.audit_account(&tx, caller, "provider_account.authorization_start", Some(&before), &changed).await?;
        tx.commit().await.internal(caller)?;
        Ok(StartedAuthorization { account: changed, url, expires_at })
    }

    /// Takes what a person came back with. The state is good for one use, whatever comes of it.
    pub async fn complete_authorization(
        &self,
        side: Side,
        returned: Returned,
        correlation_id: &str,
    ) -> Result<Authorized, ReturnError> {
        let attempt = self.use_state(side, &returned, correlation_id).await?;
        let caller = match self.starter_of(&attempt, correlation_id).await {
            Err(error @ ReturnError::StarterGone) => {
                let server = Caller::server(attempt.organization_id, Actor::Job, correlation_id.to_owned());
                self.note_return(&server, &attempt, &error).await?;
                return Err(error);
            }
            starter => starter?,
        };
        let found = account::find(self.core.store.read(), attempt.organization_id, attempt.account_id).await;
        let known = found.internal(&caller)?.ok_or(ReturnError::UnknownState)?;
        let outcome = self.tokens_for(&attempt, &known, returned).await;
        let outcome = match outcome {
            Ok((tokens, authorizer)) => {
                let taken = self.take_consent(&caller, &attempt, &known, &tokens, &authorizer).await;
                if taken.is_err() && self.keeps_nothing(&attempt).await {
                    // Nobody would know of it.
                    let token = tokens.refresh.as_ref().unwrap_or(&tokens.access);
                    if let Err(error) = authorizer.revoke(token).await {
                        warn!("a consent that was not stored could not be given back: {error}");
                    }
                }
                taken
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            self.note_return(&caller, &attempt, &error).await?;
            return Err(error);
        }
        // It goes on when the person is no longer made to wait.
        let (service, id, asking) = (self.clone(), attempt.account_id, caller.clone());
        let verifying = tokio::spawn(async move { service.verify_returned(&asking, id).await });
        let account = match tokio::time::timeout(PATIENCE, verifying).await {
            Err(_) | Ok(Err(_)) => return Err(ReturnError::StillTrying),
            Ok(Ok(verified)) => verified,
        };
        let account = match account {
            Ok(account) => account,
            Err(AccountError::Provider { account: Some(account), .. }) => *account,
            Err(AccountError::Internal(internal)) => return Err(internal.into()),
            Err(other) => return Err(ReturnError::Provider(format!("{other}."))),
        };
        let read = self.core.store.read();
        let owner = integration::find(read, account.organization_id, account.integration_id).await;
        let integration_name = owner.internal(&caller)?.map(|owner| owner.name).unwrap_or_default();
        let tenant = organization::name(read, account.organization_id).await;
        let organization_name = tenant.internal(&caller)?.unwrap_or_default();
        Ok(Authorized { account, integration_name, organization_name, starter: caller.actor })
    }

    /// Goes over to the other way of connecting, with what is kept for it, and tries it at once.
    pub async fn select_method(
        &self,
        caller: &Caller,
        id: ProviderAccountId,
        method: ConnectionMethod,
    ) -> Result<ProviderAccount, AccountError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let tx = core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let before = found.ok_or(AccountError::NotFound)?;
        let credentials = account::credentials(&*tx, caller.organization_id, id).await.internal(caller)?;
        let is_files = before.connector == Some(ConnectorKind::Files);
        let (is_there, given_for) = match method {
            ConnectionMethod::Keys => {
                let given_for = credentials.keys.as_ref().and_then(|keys| keys.addresses.clone());
                (credentials.keys.is_some() || is_files, given_for)
            }
            ConnectionMethod::Delegated => {
                let consent = TokenKey { organization_id: caller.organization_id, account_id: id, method };
                let tokens = provider_token::find(&*tx, consent).await.internal(caller)?;
                let given_for = credentials.authorization.and_then(|consent| consent.addresses);
                (!is_files && tokens.is_some_and(|tokens| tokens.sealed.is_some()), given_for)
            }
        };
        if !is_there {
            return Err(AccountError::NothingKept(method));
        }
        if let Some(given_for) = given_for
            && given_for != core.connectors.addresses(&before, method)?
        {
            return Err(AccountError::KeptForOtherAddresses(method));
        }
        if before.method != method {
            let changed = ProviderAccount { method, verified_at: None, version: before.version + 1, ..before.clone() };
            account::update(&tx, &changed, core.clock.now()).await.internal(caller)?;
            self.audit_account(&tx, caller, "provider_account.method_select", Some(&before), &changed).await?;
        }
        tx.commit().await.internal(caller)?;
        self.verify(caller, id).await
    }

    /// Where the provider sends a person back to: an address of its own for each side, so that an answer of one provider
    /// is never taken for one of the other.
    fn redirect_uri(&self, side: Side) -> Result<String, AccountError> {
        let path = match side {
            Side::Pax8 => "oauth/callback/pax8",
            Side::Psa => "oauth/callback/psa",
        };
        let unusable = |message: &str| SettingError::new("public_url", message);
        let url = self.core.public_address.join(path);
        let url =
            url.ok_or_else(|| unusable("the address of this server is not known; the operator sets public_url"))?;
        if url.scheme() != "https" && place_of_url(&url) != Some(Place::Loopback) {
            let message = "the address of this server (public_url) has to begin with https:// before a person can come \
                           back to it from a provider; the operator sets it";
            return Err(unusable(message).into());
        }
        Ok(url.into())
    }

    /// Keys laid over those that the account has: what only the other way of connecting needs stays, as long as it goes to
    /// the addresses that it was given for.
    async fn with_kept_keys(
        &self,
        caller: &Caller,
        known: &ProviderAccount,
        candidate: &ProviderAccount,
        keys: SecretString,
    ) -> Result<SecretString, AccountError> {
        let connectors = &self.core.connectors;
        let read = self.core.store.read();
        let stored = account::credentials(read, caller.organization_id, known.id).await.internal(caller)?;
        let Some(kept) = stored.keys.filter(|_| known.connector == candidate.connector) else { return Ok(keys) };
        let given_for = match kept.addresses {
            Some(addresses) => addresses,
            None => connectors.addresses(known, ConnectionMethod::Keys)?,
        };
        let now = connectors.addresses(candidate, ConnectionMethod::Keys)?;
        let opened = connectors.open(known, SealedPlace::Secret, &kept.sealed);
        let opened = opened.map_err(|error| AccountError::Provider { error, account: None })?;
        let mut fields = read_object(opened.expose_secret());
        fields.retain(|name, _| goes_to_the_same(name, &given_for, &now));
        let kept = serde_json::Value::Object(fields).to_string();
        Ok(laid_over(&kept, Some(keys.expose_secret())).into())
    }

    /// The application that an account was authorized with before.
    async fn known_application(
        &self,
        caller: &Caller,
        known: &ProviderAccount,
    ) -> Result<NewApplication, AccountError> {
        let found = authorization::find(self.core.store.read(), caller.organization_id, known.id).await;
        let stored = found.internal(caller)?.ok_or(AccountError::NoApplication)?;
        let application = serde_json::from_str(&stored.application)
            .map_err(|error| SettingError::new("", format!("the application cannot be read: {error}")))?;
        let secret = stored.application_secret.as_deref();
        let open = |sealed| self.core.connectors.open(known, SealedPlace::ApplicationSecret, sealed);
        let secret = secret.map(open).transpose();
        let secret = secret.map_err(|error| AccountError::Provider { error, account: None })?;
        Ok(NewApplication { application, secret, settings: None, keys: None })
    }

    /// Finds the attempt of a state and uses it up.
    async fn use_state(&self, side: Side, returned: &Returned, correlation_id: &str) -> Result<Attempt, ReturnError> {
        let state = returned.state.as_deref().filter(|state| (1..=LONGEST_PARAMETER).contains(&state.len()));
        let hash = sha256(state.ok_or(ReturnError::UnknownState)?.as_bytes());
        let log = |error| Internal::log(correlation_id, &error);
        let store = &self.core.store;
        let now = self.core.clock.now();
        // Strangers may call: only a state that is there is worth a transaction that writes.
        if !authorization::is_attempt(store.read(), &hash).await.map_err(log)? {
            return Err(ReturnError::UnknownState);
        }
        let tx = store.begin().await.map_err(log)?;
        let found = authorization::lock_attempt(&tx, &hash).await.map_err(log)?;
        let attempt = found.ok_or(ReturnError::UnknownState)?;
        // Asked for at the other side's address, it is nobody's: providers are told apart by where they answer.
        let expected = ConnectorKind::read(&attempt.connector).map_err(log)?;
        if (expected == ConnectorKind::Pax8) != (side == Side::Pax8) {
            return Err(ReturnError::UnknownState);
        }
        if attempt.used_at.is_some() {
            return Err(ReturnError::UsedState);
        }
        authorization::use_attempt(&tx, &hash, now).await.map_err(log)?;
        tx.commit().await.map_err(log)?;
        if attempt.expires_at <= now { Err(ReturnError::ExpiredState) } else { Ok(attempt) }
    }

    /// Whoever began the attempt, as far as they still may: it is finished in their name.
    async fn starter_of(&self, attempt: &Attempt, correlation_id: &str) -> Result<Caller, ReturnError> {
        let server = Caller::server(attempt.organization_id, Actor::Job, correlation_id.to_owned());
        let starter: Starter = serde_json::from_str(&attempt.starter).map_err(|_| ReturnError::StarterGone)?;
        let (actor, roles) = match starter {
            Starter::CommandLine => (Actor::CommandLine, Role::Admin.into()),
            // Had the role when it began, ten minutes ago at most; an issuer cannot be asked about a person.
            Starter::User { issuer, subject, name } => {
                (Actor::User(User { issuer, subject, name }), Role::Admin.into())
            }
            Starter::Token { id, name } => {
                let found = token::find(self.core.store.read(), TokenId(id)).await.internal(&server)?;
                let works = found.filter(|token| {
                    let is_over = token.expires_at.is_some_and(|end| end <= self.core.clock.now());
                    token.revoked_at.is_none() && !is_over && token.organization_id == attempt.organization_id
                });
                let roles = works.ok_or(ReturnError::StarterGone)?.roles;
                (Actor::Token { id: TokenId(id), name }, roles)
            }
        };
        let caller = Caller { actor, roles, ..server };
        caller.require(Role::Admin).map_err(|_| ReturnError::StarterGone)?;
        Ok(caller)
    }

    /// Exchanges what a person came back with, when it comes from whom they were sent to.
    async fn tokens_for(
        &self,
        attempt: &Attempt,
        known: &ProviderAccount,
        returned: Returned,
    ) -> Result<(GrantedTokens, Authorizer), ReturnError> {
        let unusable = |message: String| ReturnError::Provider(format!("The sign-in cannot be finished: {message}."));
        let application: Application =
            serde_json::from_str(&attempt.application).map_err(|error| unusable(error.to_string()))?;
        if !application.admits_issuer(returned.issuer.as_deref()) {
            return Err(ReturnError::WrongIssuer);
        }
        if let Some(error) = returned.error {
            return Err(match error.as_str() {
                "access_denied" => ReturnError::Denied,
                _ => ReturnError::Refused(refusal(&error, returned.description.as_deref())),
            });
        }
        let code = returned.code.filter(|code| (1..=LONGEST_PARAMETER).contains(&code.expose_secret().len()));
        let code = code.ok_or(ReturnError::Incomplete)?;
        let connectors = &self.core.connectors;
        let open = |place, sealed: &str| connectors.open(known, place, sealed).map_err(|e| unusable(e.to_string()));
        let verifier = open(SealedPlace::CodeVerifier, &attempt.code_verifier)?;
        let secret = attempt.application_secret.as_deref();
        let secret = secret.map(|sealed| open(SealedPlace::ApplicationSecret, sealed)).transpose()?;
        let authorizer =
            connectors.authorizer(known, application, secret).map_err(|error| unusable(error.to_string()))?;
        match authorizer.exchange(&attempt.redirect_uri, &code, &verifier).await {
            Ok(tokens) => Ok((tokens, authorizer)),
            Err(GrantError::InvalidGrant(words)) => Err(ReturnError::Provider(format!(
                "The provider did not accept the sign-in ({words}). Go back to Concord and begin anew."
            ))),
            Err(GrantError::Connector(error)) => {
                Err(ReturnError::Provider(format!("{error}. Go back to Concord and begin anew.")))
            }
        }
    }

    /// Goes over to what was granted, away from a webhook that belonged to the credentials before.
    async fn take_consent(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        known: &ProviderAccount,
        tokens: &GrantedTokens,
        authorizer: &Authorizer,
    ) -> Result<(), ReturnError> {
        self.part_before_consent(caller, attempt, known, authorizer.application()).await?;
        self.store_consent(caller, attempt, tokens, authorizer).await
    }

    /// Stores what was granted and makes it the way that the account is used.
    async fn store_consent(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        tokens: &GrantedTokens,
        authorizer: &Authorizer,
    ) -> Result<(), ReturnError> {
        let core = &self.core;
        let application = authorizer.application();
        let tx = core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, attempt.organization_id, attempt.account_id).await.internal(caller)?;
        let is_wanted = authorization::lock_attempt(&tx, &attempt.state_hash).await.internal(caller)?.is_some();
        // Somebody disconnected the account, set its keys or began anew while the person was away.
        let before = found.filter(|_| is_wanted).ok_or(ReturnError::UnknownState)?;
        let now = core.clock.now();
        let connector = ConnectorKind::read(&attempt.connector).internal(caller)?;
        let zone = attempt.time_zone.parse().unwrap_or(before.time_zone);
        let asked = &application.scopes;
        let mut changed = ProviderAccount {
            connector: Some(connector),
            method: ConnectionMethod::Delegated,
            application_id: Some(application.client_id.clone()),
            settings: attempt.settings.clone(),
            time_zone: zone,
            granted_scopes: tokens.scopes.clone().unwrap_or_else(|| asked.clone()),
            consent_ends_at: application.consent_days.map(|days| now + TimeDelta::days(i64::from(days))),
            failure: None,
            failure_message: None,
            consent_reminder: None,
            verified_at: None,
            version: before.version + 1,
            // The person is on the way until the consent was tried.
            ..before.clone()
        };
        self.pin_addresses(&tx, caller, &before).await?;
        let addresses = |method| {
            let addresses = core.connectors.addresses(&changed, method);
            addresses.map_err(|error| ReturnError::Provider(format!("{error}.")))
        };
        let stored = StoredAuthorization {
            application: attempt.application.clone(),
            application_secret: attempt.application_secret.clone(),
            origin: attempt.state_hash.clone(),
            addresses: Some(addresses(ConnectionMethod::Delegated)?),
        };
        let sealed = core.connectors.seal_tokens(&changed, tokens, &stored.origin);
        authorization::replace(&tx, (attempt.organization_id, attempt.account_id), stored).await.internal(caller)?;
        let consent = TokenKey {
            organization_id: attempt.organization_id,
            account_id: attempt.account_id,
            method: ConnectionMethod::Delegated,
        };
        provider_token::replace(&tx, consent, sealed).await.internal(caller)?;
        if let Some(sealed) = attempt.secret.clone() {
            let keys = Some((sealed, addresses(ConnectionMethod::Keys)?));
            self.replace_keys(&tx, caller, attempt.account_id, keys).await?;
        }
        self.webhooks().forget_replaced(&tx, caller, &before, &mut changed).await?;
        account::update(&tx, &changed, now).await.internal(caller)?;
        self.audit_account(&tx, caller, "provider_account.authorize", Some(&before), &changed).await?;
        Ok(tx.commit().await.internal(caller)?)
    }

    /// Whether no consent of the account is kept: neither this one, whose storing may have succeeded although its answer
    /// got lost, nor an earlier one, which a provider may end together with the one that is given back.
    async fn keeps_nothing(&self, attempt: &Attempt) -> bool {
        let method = ConnectionMethod::Delegated;
        let key = TokenKey { organization_id: attempt.organization_id, account_id: attempt.account_id, method };
        let found = provider_token::find(self.core.store.read(), key).await;
        found.is_ok_and(|found| found.is_none_or(|stored| stored.sealed.is_none()))
    }

    /// Remembers at the account that a person came back without connecting it. What works goes on working, and what
    /// somebody did since counts.
    async fn note_return(&self, caller: &Caller, attempt: &Attempt, why: &ReturnError) -> Result<(), ReturnError> {
        let core = &self.core;
        let tx = core.store.begin().await.internal(caller)?;
        let found = account::lock(&tx, attempt.organization_id, attempt.account_id).await.internal(caller)?;
        let is_wanted = authorization::lock_attempt(&tx, &attempt.state_hash).await.internal(caller)?.is_some();
        let Some(before) = found.filter(|_| is_wanted) else { return Ok(()) };
        let mut changed = ProviderAccount { authorizing_until: None, version: before.version + 1, ..before.clone() };
        if !before.status.is_usable() {
            changed.failure_message = Some(why.to_string());
            // A consent that is gone is gone, whatever came of the attempt.
            if before.status != AccountStatus::ReconnectNeeded {
                changed.status = AccountStatus::Failed;
                changed.failure = Some(AccountFailure::Authorization);
            }
        }
        account::update(&tx, &changed, core.clock.now()).await.internal(caller)?;
        self.audit_account(&tx, caller, "provider_account.authorization_failed", Some(&before), &changed).await?;
        Ok(tx.commit().await.internal(caller)?)
    }
}

/// Settings with others laid over them: what only the other way of connecting needs stays.
fn laid_over(kept: &str, given: Option<&str>) -> String {
    let mut settings = read_object(kept);
    settings.extend(given.map(read_object).unwrap_or_default());
    serde_json::Value::Object(settings).to_string()
}

fn read_object(text: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(text).unwrap_or_default()
}

fn starter(actor: &Actor) -> String {
    let starter = match actor {
        Actor::Token { id, name } => Starter::Token { id: id.0, name: name.clone() },
        Actor::User(User { issuer, subject, name }) => {
            Starter::User { issuer: issuer.clone(), subject: subject.clone(), name: name.clone() }
        }
        Actor::CommandLine | Actor::Schedule | Actor::Job => Starter::CommandLine,
    };
    serde_json::to_string(&starter).expect("texts are always JSON")
}
