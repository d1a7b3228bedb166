//! `providerCredentialsSet`.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, SimpleObject};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::provider_account_verify::answer;
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::ConnectorKind;
use crate::graphql::context::{caller, services};
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
    /// Requests a minute; 450 when omitted.
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

/// Settings under the names of the connector's own settings; what was left out keeps the connector's default.
fn settings(parts: Vec<(&str, Option<Value>)>) -> Map<String, Value> {
    parts.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect()
}

impl CredentialsInput {
    fn credentials(self) -> Result<Credentials, Box<UserError>> {
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
                let mut all = match input.advanced_settings.as_deref().map(serde_json::from_str::<Map<_, _>>) {
                    None => Map::new(),
                    Some(Ok(advanced)) => advanced,
                    Some(Err(error)) => {
                        let message = format!("The advanced settings are not a JSON object: {error}.");
                        let field = ["input", "credentials", "revioPsa", "advancedSettings"];
                        return Err(Box::new(UserError::input(&field, message)));
                    }
                };
                let auth_url = input.auth_url.or_else(|| {
                    let base = input.base_url.as_deref()?;
                    Some(format!("{}/api/v1/auth/api-key/exchange", base.trim_end_matches('/')))
                });
                // The Billing surface is used when a user of it is named.
                let billing = input.billing_username.map(|user| {
                    let base_url = input.billing_base_url.map(Into::into);
                    Value::Object(settings(vec![("base_url", base_url), ("user", Some(user.into()))]))
                });
                let limits = input
                    .requests_per_minute
                    .map(|requests| Value::Object(settings(vec![("requests_per_minute", Some(requests.into()))])));
                all.extend(settings(vec![
                    ("tenant", Some(input.tenant.clone().into())),
                    ("api_base", input.base_url.map(Into::into)),
                    ("auth_url", auth_url.map(Into::into)),
                    ("billing", billing),
                    ("limits", limits),
                ]));
                let secrets = serde_json::json!({
                    "api_key": input.api_key,
                    "billing_password": input.billing_password,
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
    /// Needs the role ADMIN.
    async fn provider_credentials_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Account and credentials.")] input: ProviderCredentialsSetInput,
    ) -> Option<Result<ProviderCredentialsSetPayload, Failure>> {
        let field = ["input", "providerAccountId"];
        let credentials = match input.credentials.credentials() {
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
        Some(
            answer(&field, outcome)
                .map(|(account, user_errors)| ProviderCredentialsSetPayload { account, user_errors }),
        )
    }
}
