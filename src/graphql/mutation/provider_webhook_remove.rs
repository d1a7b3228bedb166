//! `providerWebhookRemove`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::provider_webhook::refusal;
use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::service::webhook::{Removed, WebhookError};

/// Input of `providerWebhookRemove`.
#[derive(InputObject)]
pub struct ProviderWebhookRemoveInput {
    /// Global ID of the Pax8 account.
    provider_account_id: ID,
}

/// Payload of `providerWebhookRemove`.
#[derive(SimpleObject)]
pub struct ProviderWebhookRemovePayload {
    /// Account, whose webhook takes nothing any more. Null when nothing was done.
    account: Option<ProviderAccountObject>,
    /// Reasons why it was not done, or why Pax8 still has the webhook; doing it again tries that again. Empty when all
    /// was done.
    user_errors: Vec<UserError>,
}

/// `providerWebhookRemove`.
#[derive(Default)]
pub struct ProviderWebhookRemove;

#[Object]
impl ProviderWebhookRemove {
    /// Removes the webhook of an account, here and at Pax8; what the account's remarks say of one that it had is not said
    /// any more, unless Pax8 was asked and has not deleted it. Where the account is not connected, this says that a person
    /// has seen to it. Needs the role ADMIN.
    async fn provider_webhook_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose webhook.")] input: ProviderWebhookRemoveInput,
    ) -> Option<Result<ProviderWebhookRemovePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let field = ["input", "providerAccountId"];
        let outcome = match decode_as(&input.provider_account_id, NodeKind::ProviderAccount) {
            None => Err(WebhookError::NotFound),
            Some(id) => services(ctx).webhook.remove(caller(ctx), ProviderAccountId(id)).await,
        };
        Some(match outcome {
            Ok(Removed { account, left_behind }) => {
                let left = left_behind.map(|error| refusal(&field, &field, error)).transpose();
                left.map(|error| ProviderWebhookRemovePayload {
                    account: Some(ProviderAccountObject(account)),
                    user_errors: error.into_iter().collect(),
                })
            }
            Err(error) => refusal(&field, &field, error)
                .map(|error| ProviderWebhookRemovePayload { account: None, user_errors: vec![error] }),
        })
    }
}
