//! `providerCredentialsSet`.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, SimpleObject};
use secrecy::SecretString;
use serde_json::Value;

use super::connection_settings::{RevioParts, advanced_settings, revio_settings, settings};
use super::provider_account_verify::answer;
use crate::connector::pax8;
use crate::connector::psa::revio;
use crate::connector::setting::SettingError;
use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::ConnectorKind;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::graphql::scalar::TimeZone;
use crate::service::setup::{AccountError, Credentials, CredentialsSet};

/// Credentials of the Pax8 partner API, as created under Integrations in the Pax8 portal.
#[derive(InputObject)]
pub struct Pax8CredentialsInput {
    /// Client ID.
    client_id: String,
    /// Client secret. Stored encrypted and never shown.
    client_secret: String,
    /// Address of the API; `https://api.pax8.com/v1` when omitted.
    base_url: Option<String>,
    /// Address of the token endpoint; `https://api.pax8.com/v1/token` when omitted.
    token_url: Option<String>,
    /// Audience that tokens are asked for; `https://api.pax8.com` when omitted.
    audience: Option<String>,
    /// Requests a minute, at most 1000; 700 when omitted.
    requests_per_minute: Option<u32>,
}

/// Credentials of Rev.io PSA, and of Rev.io Billing behind it.
#[derive(InputObject)]
pub struct RevioPsaCredentialsInput {
    /// Tenant host, for example `example.psarev.io`.
    tenant: String,
    /// API key. Stored encrypted and never shown.
    api_key: String,
    /// Address of the PSA's API; `https://api.psarev.io` when omitted.
    base_url: Option<String>,
    /// Address where the API key is exchanged for a token; `/api/v1/auth/api-key/exchange` below the PSA's API when
    /// omitted.
    auth_url: Option<String>,
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

/// A directory of files on the server.
#[derive(InputObject)]
pub struct FilesInput {
    /// Directory, inside the files root that the operator has set.
    directory: String,
}

/// Credentials of one connector.
#[derive(OneofObject)]
pub enum CredentialsInput {
    /// Pax8.
    Pax8(Pax8CredentialsInput),
    /// Rev.io PSA.
    RevioPsa(RevioPsaCredentialsInput),
    /// Files, for either side.
    Files(FilesInput),
}

/// Input of `providerCredentialsSet`.
#[derive(InputObject)]
pub struct ProviderCredentialsSetInput {
    /// Global ID of the account.
    provider_account_id: ID,
    /// Time zone in which the provider's moments become days; stays as it is when omitted, `UTC` at first.
    time_zone: Option<TimeZone>,
    /// Exactly one kind of credentials.
    credentials: CredentialsInput,
}

/// Payload of `providerCredentialsSet`.
#[derive(SimpleObject)]
pub struct ProviderCredentialsSetPayload {
    /// Account with its new credentials, also when they do not work yet. Null when nothing was stored.
    account: Option<ProviderAccountObject>,
    /// Reasons why the account does not work; empty when it does.
    user_errors: Vec<UserError>,
}

/// The inputs that the settings of a connector came from.
struct Origin {
    /// Kind of credentials.
    kind: &'static str,
    /// Setting and input.
    fields: Vec<(&'static str, &'static str)>,
    /// The input of all other settings.
    otherwise: Option<&'static str>,
}

impl Origin {
    fn path(&self, field: Option<&'static str>) -> Vec<&'static str> {
        ["input", "credentials", self.kind].into_iter().chain(field).collect()
    }

    fn error(&self, error: &SettingError) -> UserError {
        let field = self.fields.iter().find(|(setting, _)| *setting == error.setting).map(|(_, field)| *field);
        UserError::input(&self.path(field.or(self.otherwise)), format!("Nothing was stored: {error}."))
    }

    /// Refuses a rate beyond what the provider documents.
    fn check_rate(&self, requests_per_minute: Option<u32>, most: u32) -> Result<(), Box<UserError>> {
        if requests_per_minute.is_none_or(|requests| (1..=most).contains(&requests)) {
            return Ok(());
        }
        let message = format!("The requests a minute have to be from 1 to {most}, which is what the provider allows.");
        Err(Box::new(UserError::input(&self.path(Some("requestsPerMinute")), message)))
    }
}

impl CredentialsInput {
    fn origin(&self) -> Origin {
        match self {
            Self::Pax8(_) => Origin {
                kind: "pax8",
                fields: vec![
                    ("client_id", "clientId"),
                    ("client_secret", "clientSecret"),
                    ("base_url", "baseUrl"),
                    ("token_url", "tokenUrl"),
                ],
                otherwise: None,
            },
            Self::RevioPsa(input) => {
                let mut fields = vec![
                    ("tenant", "tenant"),
                    ("api_key", "apiKey"),
                    ("billing.password", "billingPassword"),
                    ("subscription_key", "billingSubscriptionKey"),
                ];
                let is_given = [
                    ("api_base", "baseUrl", input.base_url.is_some()),
                    ("auth_url", "authUrl", input.auth_url.is_some()),
                    // Made of the base address when it is not given itself.
                    ("auth_url", "baseUrl", input.base_url.is_some()),
                    ("billing.base_url", "billingBaseUrl", input.billing_base_url.is_some()),
                    ("billing.user", "billingUsername", input.billing_username.is_some()),
                ];
                fields.extend(is_given.into_iter().filter(|(_, _, is_given)| *is_given).map(|(s, f, _)| (s, f)));
                let otherwise = input.advanced_settings.as_ref().map(|_| "advancedSettings");
                Origin { kind: "revioPsa", fields, otherwise }
            }
            Self::Files(_) => Origin { kind: "files", fields: Vec::new(), otherwise: Some("directory") },
        }
    }

    fn credentials(self, origin: &Origin) -> Result<Credentials, Box<UserError>> {
        match &self {
            Self::Pax8(input) => origin.check_rate(input.requests_per_minute, pax8::REQUESTS_PER_MINUTE)?,
            Self::RevioPsa(input) => origin.check_rate(input.requests_per_minute, revio::REQUESTS_PER_MINUTE)?,
            Self::Files(_) => {}
        }
        Ok(match self {
            Self::Pax8(input) => Credentials {
                connector: ConnectorKind::Pax8,
                settings: Value::Object(settings(vec![
                    ("base_url", input.base_url.map(Into::into)),
                    ("token_url", input.token_url.map(Into::into)),
                    ("audience", input.audience.map(Into::into)),
                    ("requests_per_minute", input.requests_per_minute.map(Into::into)),
                ]))
                .to_string(),
                secret: Some(SecretString::from(input.client_secret)),
                client_id: Some(input.client_id),
            },
            Self::RevioPsa(input) => {
                let advanced = advanced_settings(input.advanced_settings.as_deref())
                    .map_err(|message| UserError::input(&origin.path(Some("advancedSettings")), message))?;
                let auth_url = input.auth_url.or_else(|| {
                    let base = input.base_url.as_deref()?;
                    Some(format!("{}/api/v1/auth/api-key/exchange", base.trim_end_matches('/')))
                });
                let all = revio_settings(RevioParts {
                    tenant: Some(input.tenant.clone()),
                    api_base: input.base_url,
                    auth_url,
                    billing_base_url: input.billing_base_url,
                    billing_user: input.billing_username,
                    requests_per_minute: input.requests_per_minute,
                    advanced,
                });
                let secrets = serde_json::json!({
                    "api_key": input.api_key,
                    "billing_password": input.billing_password,
                    "subscription_key": input.billing_subscription_key,
                });
                Credentials {
                    connector: ConnectorKind::RevioPsa,
                    client_id: Some(input.tenant),
                    settings: Value::Object(all).to_string(),
                    secret: Some(SecretString::from(secrets.to_string())),
                }
            }
            Self::Files(input) => Credentials {
                connector: ConnectorKind::Files,
                client_id: None,
                settings: serde_json::json!({ "directory": input.directory }).to_string(),
                secret: None,
            },
        })
    }
}

/// `providerCredentialsSet`.
#[derive(Default)]
pub struct ProviderCredentialsSet;

#[Object]
impl ProviderCredentialsSet {
    /// Stores the credentials of an account, encrypted, and tries them at once. Data and mappings of the account stay.
    /// Settings that cannot be used are refused, and the account keeps what it had. Another client ID, or another address,
    /// may be another partner: the webhook of the account is removed then, and its remarks say so. Needs the role ADMIN.
    async fn provider_credentials_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Account and credentials.")] input: ProviderCredentialsSetInput,
    ) -> Option<Result<ProviderCredentialsSetPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let field = ["input", "providerAccountId"];
        let origin = input.credentials.origin();
        let credentials = match input.credentials.credentials(&origin) {
            Ok(credentials) => credentials,
            Err(error) => {
                return Some(Ok(ProviderCredentialsSetPayload { account: None, user_errors: vec![*error] }));
            }
        };
        let outcome = match decode_as(&input.provider_account_id, NodeKind::ProviderAccount) {
            None => Err(AccountError::NotFound),
            Some(id) => {
                let command = CredentialsSet {
                    account_id: ProviderAccountId(id),
                    time_zone: input.time_zone.map(|zone| zone.0),
                    credentials,
                };
                services(ctx).setup.set_credentials(caller(ctx), command).await
            }
        };
        if let Err(AccountError::Setting(error)) = &outcome {
            let user_errors = vec![origin.error(error)];
            return Some(Ok(ProviderCredentialsSetPayload { account: None, user_errors }));
        }
        Some(
            answer(&field, outcome)
                .map(|(account, user_errors)| ProviderCredentialsSetPayload { account, user_errors }),
        )
    }
}
