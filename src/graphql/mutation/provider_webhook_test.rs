//! `providerWebhookTest`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::provider_webhook::refusal;
use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::service::webhook::WebhookError;

/// Input of `providerWebhookTest`.
#[derive(InputObject)]
pub struct ProviderWebhookTestInput {
    /// Global ID of the Pax8 account.
    provider_account_id: ID,
    /// Topic to try, one of those that the webhook was registered for.
    topic: String,
}

/// Payload of `providerWebhookTest`.
#[derive(SimpleObject)]
pub struct ProviderWebhookTestPayload {
    /// Account. Null when nothing was done.
    account: Option<ProviderAccountObject>,
    /// Whether the sample came in within eight seconds. Pax8 may take minutes; look at `lastDeliveredAt` then. Null when
    /// nothing was done.
    is_delivered: Option<bool>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `providerWebhookTest`.
#[derive(Default)]
pub struct ProviderWebhookTest;

#[Object]
impl ProviderWebhookTest {
    /// Asks Pax8 to send the sample message of a topic, and tells whether it came in within a few seconds. Needs the
    /// role ADMIN.
    async fn provider_webhook_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to try.")] input: ProviderWebhookTestInput,
    ) -> Option<Result<ProviderWebhookTestPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let outcome = match decode_as(&input.provider_account_id, NodeKind::ProviderAccount) {
            None => Err(WebhookError::NotFound),
            Some(id) => services(ctx).webhook.test(caller(ctx), ProviderAccountId(id), &input.topic).await,
        };
        Some(match outcome {
            Ok((account, is_delivered)) => Ok(ProviderWebhookTestPayload {
                account: Some(ProviderAccountObject(account)),
                is_delivered: Some(is_delivered),
                user_errors: Vec::new(),
            }),
            Err(error) => refusal(&["input", "providerAccountId"], &["input", "topic"], error).map(|error| {
                ProviderWebhookTestPayload { account: None, is_delivered: None, user_errors: vec![error] }
            }),
        })
    }
}
