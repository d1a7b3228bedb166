//! What the mutations about webhooks refuse alike.

use crate::graphql::error::{Failure, ProviderNotAuthorizedError, UserError, UserErrorCode};
use crate::graphql::object::account::ProviderAccountObject;
use crate::service::webhook::WebhookError;

/// The reason for the person in front of the screen. `account` and `topics` are where the input names them.
pub(super) fn refusal(account: &[&str], topics: &[&str], error: WebhookError) -> Result<UserError, Failure> {
    let list = |topics: Vec<String>| if topics.is_empty() { "none".to_owned() } else { topics.join(", ") };
    Ok(match error {
        WebhookError::NotFound => UserError::not_found(account, "provider account"),
        WebhookError::NotPax8 => {
            UserError::input(account, "Only accounts that are connected to Pax8 can have a webhook.")
        }
        WebhookError::NotConnected(found) => UserError::ProviderNotAuthorized(ProviderNotAuthorizedError {
            code: UserErrorCode::ProviderNotAuthorized,
            message: "The account must be connected before Pax8 can be asked. Connect it first.".to_owned(),
            field: Some(account.iter().map(|part| (*part).to_owned()).collect()),
            account: ProviderAccountObject(*found),
        }),
        WebhookError::NoPublicUrl => UserError::input(
            &[],
            "Pax8 cannot send to this server, because its public address is not set. Set public_url (--public-url, \
             CONCORD_PUBLIC_URL) to the https address under which Pax8 reaches it, and start it again.",
        ),
        WebhookError::OpenPublicUrl => UserError::input(
            &[],
            "The public address of this server (public_url) begins with http, so that Pax8 would send secrets in the \
             open. Set it to an https address, and start the server again.",
        ),
        WebhookError::UnknownTopic { topic, known } => {
            UserError::input(topics, format!("There is no topic `{topic}`. Choose from: {}.", list(known)))
        }
        WebhookError::NoTopic => UserError::input(topics, "Choose at least one topic."),
        WebhookError::Busy => UserError::input(
            account,
            "A webhook of this account is being registered at this moment. Wait for it, then try again.",
        ),
        WebhookError::NotRegistered => {
            UserError::input(account, "The account has no webhook. Register one with `providerWebhookRegister` first.")
        }
        WebhookError::Manual => UserError::input(
            account,
            "The webhook was set up by hand, so that it can be tried at Pax8 alone. Send a test there, and look at \
             `lastDeliveredAt`.",
        ),
        WebhookError::LeftToPerson(sentence) => UserError::input(account, sentence),
        WebhookError::Provider(error) => UserError::provider(&[], &error, None),
        WebhookError::Forbidden(error) => return Err(error.into()),
        WebhookError::Internal(error) => return Err(error.into()),
    })
}
