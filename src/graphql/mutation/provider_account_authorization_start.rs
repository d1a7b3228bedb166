//! `providerAccountAuthorizationStart`.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;

use super::connection_settings::{RevioParts, advanced_settings, revio_settings, settings};
use super::provider_account_verify::answer;
use crate::connector::oauth::application::{Application, ClientAuthentication};
use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::graphql::scalar::TimeZone;
use crate::service::setup::{AccountError, NewApplication, StartAuthorization};

/// How an application proves itself at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ClientAuthentication")]
pub enum ClientAuthenticationMethod {
    /// With its secret in the body of the request.
    Body,
    /// With its secret in the header `Authorization: Basic`.
    Basic,
}

/// An application that is registered with the provider. What is left out keeps the provider's documented default, where
/// there is one.
#[derive(InputObject)]
pub struct OAuthApplicationInput {
    /// Client ID that the provider gave to the application.
    client_id: String,
    /// Client secret; omitted for an application without one. Stored encrypted and never shown.
    client_secret: Option<String>,
    /// Address where a person consents; Pax8: `https://login.pax8.com/authorize`.
    authorize_url: Option<String>,
    /// Address where tokens come from; Pax8: `https://login.pax8.com/oauth/token`.
    token_url: Option<String>,
    /// Address where consent is given back (RFC 7009); none when omitted.
    revocation_url: Option<String>,
    /// Issuer that the provider names when it sends a person back (`iss`, RFC 9207). When omitted, an issuer that is named has
    /// to have the scheme, host and port of `authorizeUrl`.
    issuer: Option<String>,
    /// Whether an answer without `iss` is refused too; false when omitted.
    issuer_required: Option<bool>,
    /// Audience that tokens are asked for; Pax8: `https://api.pax8.com`.
    audience: Option<String>,
    /// Scopes that are asked for; Pax8: `Manage:Pax8Data` and `offline_access`, others: `offline_access`.
    scopes: Option<Vec<String>>,
    /// What the login page is told to show (`prompt`); `consent` when omitted, nothing when empty.
    prompt: Option<String>,
    /// Whether the code is bound to this server by PKCE with S256; true when omitted.
    pkce: Option<bool>,
    /// How the application proves itself; in the body when omitted.
    client_authentication: Option<ClientAuthenticationMethod>,
    /// Days after which a person has to consent again; Pax8: 90, others: unknown.
    consent_days: Option<u32>,
}

/// What a Pax8 account is read with once it is authorized.
#[derive(InputObject)]
pub struct Pax8ConnectionInput {
    /// Address of the API; `https://api.pax8.com/v1` when omitted.
    base_url: Option<String>,
    /// Requests a minute, at most 1000; 700 when omitted.
    requests_per_minute: Option<u32>,
}

/// What a Rev.io account is read with once it is authorized.
#[derive(InputObject)]
pub struct RevioPsaConnectionInput {
    /// Tenant host, for example `example.psarev.io`.
    tenant: String,
    /// Address of the PSA's API; `https://api.psarev.io` when omitted.
    base_url: Option<String>,
    /// Address of the Billing API; `https://restapi.rev.io/v1` when omitted.
    billing_base_url: Option<String>,
    /// User of the Billing API, `name@clientcode`; products, agreements and invoices need it.
    billing_username: Option<String>,
    /// Password of the Billing API. Stored encrypted and never shown.
    billing_password: Option<String>,
    /// Subscription key of the Billing API, where the tenant's gateway asks for one (`Ocp-Apim-Subscription-Key`). Stored
    /// encrypted and never shown.
    billing_subscription_key: Option<String>,
    /// Requests a minute, at most 500; 450 when omitted.
    requests_per_minute: Option<u32>,
    /// Further settings of the connector as a JSON object, such as paths and field names of a tenant that differs.
    advanced_settings: Option<String>,
}

/// Input of `providerAccountAuthorizationStart`.
#[derive(InputObject)]
pub struct ProviderAccountAuthorizationStartInput {
    /// Global ID of the account.
    provider_account_id: ID,
    /// Time zone in which the provider's moments become days; stays as it is when omitted, `UTC` at first.
    time_zone: Option<TimeZone>,
    /// Application to consent to; the one of the last time when omitted.
    application: Option<OAuthApplicationInput>,
    /// How a Pax8 account is read afterwards; stays as it is when omitted.
    pax8: Option<Pax8ConnectionInput>,
    /// How a Rev.io account is read afterwards; stays as it is when omitted.
    revio_psa: Option<RevioPsaConnectionInput>,
}

/// Payload of `providerAccountAuthorizationStart`.
#[derive(SimpleObject)]
pub struct ProviderAccountAuthorizationStartPayload {
    /// Account, now authorizing unless it works; follow it with `providerAccountChanged`. Null when it was not done.
    account: Option<ProviderAccountObject>,
    /// Address at the provider to open in a browser. It is good for one sign-in, and for nobody else. Null when it was
    /// not done.
    authorization_url: Option<String>,
    /// Timestamp after which the address is no longer good, ten minutes from now. Null when it was not done.
    expires_at: Option<DateTime<Utc>>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// The input that a setting came from.
const FIELDS: [(&str, &str); 9] = [
    ("client_id", "clientId"),
    ("client_secret", "clientSecret"),
    ("authorize_url", "authorizeUrl"),
    ("token_url", "tokenUrl"),
    ("revocation_url", "revocationUrl"),
    ("issuer", "issuer"),
    ("scopes", "scopes"),
    ("consent_days", "consentDays"),
    ("audience", "audience"),
];

const READING_FIELDS: [(&str, &str); 8] = [
    ("billing.password", "billingPassword"),
    ("subscription_key", "billingSubscriptionKey"),
    ("base_url", "baseUrl"),
    ("requests_per_minute", "requestsPerMinute"),
    ("api_base", "baseUrl"),
    ("tenant", "tenant"),
    ("billing.base_url", "billingBaseUrl"),
    ("limits.requests_per_minute", "requestsPerMinute"),
];

impl OAuthApplicationInput {
    fn application(self, defaults: Application) -> (Application, Option<SecretString>) {
        let secret = self.client_secret.filter(|secret| !secret.is_empty()).map(SecretString::from);
        let application = Application {
            client_id: self.client_id.trim().to_owned(),
            authorize_url: self.authorize_url.unwrap_or(defaults.authorize_url),
            token_url: self.token_url.unwrap_or(defaults.token_url),
            revocation_url: self.revocation_url.or(defaults.revocation_url),
            issuer: self.issuer.or(defaults.issuer),
            is_issuer_required: self.issuer_required.unwrap_or(defaults.is_issuer_required),
            audience: self.audience.or(defaults.audience),
            scopes: self.scopes.unwrap_or(defaults.scopes),
            prompt: self.prompt.or(defaults.prompt).filter(|prompt| !prompt.is_empty()),
            uses_pkce: self.pkce.unwrap_or(defaults.uses_pkce),
            client_authentication: self.client_authentication.map_or(defaults.client_authentication, Into::into),
            consent_days: self.consent_days.or(defaults.consent_days),
        };
        (application, secret)
    }
}

/// What an input says of how the account is read: settings, and keys that the consent does not cover.
type Reading = (Option<String>, Option<SecretString>);

impl ProviderAccountAuthorizationStartInput {
    fn reading(&self) -> Result<Reading, Box<UserError>> {
        let path = |side: &'static str, field: &'static str| ["input", side, field];
        match (&self.pax8, &self.revio_psa) {
            (None, None) => Ok((None, None)),
            (Some(_), Some(_)) => {
                let message = "An account belongs to one side: give `pax8` or `revioPsa`, not both.";
                Err(Box::new(UserError::input(&["input"], message)))
            }
            (Some(input), None) => {
                let all = settings(vec![
                    ("base_url", input.base_url.clone().map(Into::into)),
                    ("requests_per_minute", input.requests_per_minute.map(Into::into)),
                ]);
                Ok((Some(Value::Object(all).to_string()), None))
            }
            (None, Some(input)) => {
                let advanced = advanced_settings(input.advanced_settings.as_deref())
                    .map_err(|message| UserError::input(&path("revioPsa", "advancedSettings"), message))?;
                let all = revio_settings(RevioParts {
                    tenant: Some(input.tenant.clone()),
                    api_base: input.base_url.clone(),
                    auth_url: None,
                    billing_base_url: input.billing_base_url.clone(),
                    billing_user: input.billing_username.clone(),
                    requests_per_minute: input.requests_per_minute,
                    advanced,
                });
                // An empty text is how a form leaves a field out.
                let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).map(Into::into);
                let keys = settings(vec![
                    ("billing_password", given(&input.billing_password)),
                    ("subscription_key", given(&input.billing_subscription_key)),
                ]);
                let keys = (!keys.is_empty()).then(|| SecretString::from(Value::Object(keys).to_string()));
                Ok((Some(Value::Object(all).to_string()), keys))
            }
        }
    }
}

/// `providerAccountAuthorizationStart`.
#[derive(Default)]
pub struct ProviderAccountAuthorizationStart;

#[Object]
impl ProviderAccountAuthorizationStart {
    /// Begins to connect an account with a login at the provider, and returns the address to open in a browser. An
    /// earlier sign-in of the account that is still under way is void. What works goes on working until the person has
    /// consented; data, mappings and keys stay. Needs the role ADMIN.
    async fn provider_account_authorization_start(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Account, and the application to consent to.")] input: ProviderAccountAuthorizationStartInput,
    ) -> Option<Result<ProviderAccountAuthorizationStartPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        Some(start(ctx, input).await)
    }
}

async fn start(
    ctx: &Context<'_>,
    input: ProviderAccountAuthorizationStartInput,
) -> Result<ProviderAccountAuthorizationStartPayload, Failure> {
    let refused = |account, user_errors| ProviderAccountAuthorizationStartPayload {
        account,
        authorization_url: None,
        expires_at: None,
        user_errors,
    };
    let field = ["input", "providerAccountId"];
    let setup = &services(ctx).setup;
    let id = decode_as(&input.provider_account_id, NodeKind::ProviderAccount).map(ProviderAccountId);
    let found = match id {
        None => None,
        Some(id) => setup.find_account(caller(ctx), id).await?,
    };
    let Some(known) = found else {
        return Ok(refused(None, vec![UserError::not_found(&field, "provider account")]));
    };
    let is_pax8 = known.side == crate::domain::provider::Side::Pax8;
    if if is_pax8 { input.revio_psa.is_some() } else { input.pax8.is_some() } {
        let message = "The account belongs to the other side: give `pax8` for Pax8 and `revioPsa` for the PSA.";
        return Ok(refused(
            None,
            vec![UserError::input(&["input", if is_pax8 { "revioPsa" } else { "pax8" }], message)],
        ));
    }
    let (settings, keys) = match input.reading() {
        Ok(reading) => reading,
        Err(error) => return Ok(refused(None, vec![*error])),
    };
    let defaults = if is_pax8 { Application::at_pax8() } else { Application::default() };
    let application = match input.application {
        Some(given) => {
            let (application, secret) = given.application(defaults);
            Some(NewApplication { application, secret, settings, keys })
        }
        None if settings.is_some() => {
            let message = "Give the application beside what the account is read with.";
            return Ok(refused(None, vec![UserError::input(&["input", "application"], message)]));
        }
        None => None,
    };
    let time_zone = input.time_zone.map(|zone| zone.0);
    let command = StartAuthorization { account_id: known.id, time_zone, application };
    match setup.start_authorization(caller(ctx), command).await {
        Ok(started) => Ok(ProviderAccountAuthorizationStartPayload {
            account: Some(ProviderAccountObject(started.account)),
            authorization_url: Some(started.url.into()),
            expires_at: Some(started.expires_at),
            user_errors: Vec::new(),
        }),
        Err(AccountError::Setting(error)) => {
            let side = if is_pax8 { "pax8" } else { "revioPsa" };
            let in_application = FIELDS.iter().find(|(setting, _)| *setting == error.setting).map(|(_, field)| *field);
            let in_reading =
                READING_FIELDS.iter().find(|(setting, _)| *setting == error.setting).map(|(_, field)| *field);
            let path = match (in_application, in_reading) {
                (Some(field), _) => vec!["input", "application", field],
                (None, _) if error.setting == "public_url" => Vec::new(),
                (None, field) => ["input", side].into_iter().chain(field).collect(),
            };
            Ok(refused(None, vec![UserError::input(&path, format!("Nothing was begun: {error}."))]))
        }
        Err(other) => {
            let (account, user_errors) = answer(&field, Err(other))?;
            Ok(refused(account, user_errors))
        }
    }
}
