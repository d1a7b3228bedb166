//! `providerWebhookRegister`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use secrecy::ExposeSecret as _;

use super::provider_webhook::refusal;
use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::graphql::object::webhook::ProviderWebhookObject;
use crate::service::webhook::{RegisterWebhook, Registered, WebhookError};

/// Input of `providerWebhookRegister`.
#[derive(InputObject)]
pub struct ProviderWebhookRegisterInput {
    /// Global ID of the Pax8 account.
    provider_account_id: ID,
    /// Topics to be told of, as Pax8 calls them, such as `INVOICE`; all that this version knows when left out.
    topics: Option<Vec<String>>,
    /// Whether somebody sets the webhook up at Pax8 by hand. Pax8 is not asked then, and the payload has the address and
    /// the header to paste there, once.
    #[graphql(default)]
    manual: bool,
}

/// Payload of `providerWebhookRegister`.
#[derive(SimpleObject)]
pub struct ProviderWebhookRegisterPayload {
    /// Account. Null when nothing was done.
    account: Option<ProviderAccountObject>,
    /// Webhook that was registered. Null when none was.
    webhook: Option<ProviderWebhookObject>,
    /// Address to paste at Pax8, with its secret. Shown once; null unless `manual`.
    url: Option<String>,
    /// Authorization to paste at Pax8, which is a secret. Shown once; null unless `manual`.
    authorization: Option<String>,
    /// What is left to do, as sentences. Null when nothing was done.
    remarks: Option<Vec<String>>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `providerWebhookRegister`.
#[derive(Default)]
pub struct ProviderWebhookRegister;

#[Object]
impl ProviderWebhookRegister {
    /// Asks Pax8 to tell this server of changes, with new secrets. A webhook that the account had before is deleted at
    /// Pax8 when the new one is there. Needs the setting `public_url`. Needs the role ADMIN.
    async fn provider_webhook_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which account, and what to be told of.")] input: ProviderWebhookRegisterInput,
    ) -> Option<Result<ProviderWebhookRegisterPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let ProviderWebhookRegisterInput { provider_account_id, topics, manual: is_manual } = input;
        let outcome = match decode_as(&provider_account_id, NodeKind::ProviderAccount).map(ProviderAccountId) {
            None => Err(WebhookError::NotFound),
            Some(account_id) => {
                let command = RegisterWebhook { account_id, topics, is_manual };
                services(ctx).webhook.register(caller(ctx), command).await
            }
        };
        Some(match outcome {
            Ok(Registered { account, webhook, address, remarks }) => Ok(ProviderWebhookRegisterPayload {
                account: Some(ProviderAccountObject(account)),
                webhook: Some(ProviderWebhookObject(webhook)),
                url: address.as_ref().map(|address| address.url.expose_secret().to_owned()),
                authorization: address.as_ref().map(|address| address.authorization.expose_secret().to_owned()),
                remarks: Some(remarks),
                user_errors: Vec::new(),
            }),
            Err(error) => refusal(&["input", "providerAccountId"], &["input", "topics"], error).map(|error| {
                ProviderWebhookRegisterPayload {
                    account: None,
                    webhook: None,
                    url: None,
                    authorization: None,
                    remarks: None,
                    user_errors: vec![error],
                }
            }),
        })
    }
}
