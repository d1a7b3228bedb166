//! `providerAccountDisconnect`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::provider_account_verify::answer;
use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::service::setup::AccountError;

/// Input of `providerAccountDisconnect`.
#[derive(InputObject)]
pub struct ProviderAccountDisconnectInput {
    /// Global ID of the account.
    provider_account_id: ID,
}

/// Payload of `providerAccountDisconnect`.
#[derive(SimpleObject)]
pub struct ProviderAccountDisconnectPayload {
    /// Account, now without credentials. Null when it was not done.
    account: Option<ProviderAccountObject>,
    /// Whether the consent was given back at the provider; null when there was none, or the provider offers no way. When
    /// false, the account's remarks say what to do.
    is_revoked: Option<bool>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `providerAccountDisconnect`.
#[derive(Default)]
pub struct ProviderAccountDisconnect;

#[Object]
impl ProviderAccountDisconnect {
    /// Gives the consent back at the provider, where it offers that, removes the webhook there and here, and forgets every
    /// secret of the account; what could not be removed at the provider is said in the account's remarks. What was read
    /// stays, and so do mappings, settings and the client ID. Needs the role ADMIN.
    async fn provider_account_disconnect(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which account to disconnect.")] input: ProviderAccountDisconnectInput,
    ) -> Option<Result<ProviderAccountDisconnectPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let outcome = match decode_as(&input.provider_account_id, NodeKind::ProviderAccount) {
            None => Err(AccountError::NotFound),
            Some(id) => services(ctx).setup.disconnect(caller(ctx), ProviderAccountId(id)).await,
        };
        let (is_revoked, outcome) = match outcome {
            Ok(done) => (done.is_revoked, Ok(done.account)),
            Err(error) => (None, Err(error)),
        };
        let answered = answer(&["input", "providerAccountId"], outcome);
        Some(answered.map(|(account, user_errors)| ProviderAccountDisconnectPayload {
            account,
            is_revoked,
            user_errors,
        }))
    }
}
