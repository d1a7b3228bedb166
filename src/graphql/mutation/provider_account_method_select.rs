//! `providerAccountMethodSelect`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::provider_account_verify::answer;
use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::{ConnectionMethodObject, ProviderAccountObject};
use crate::service::setup::AccountError;

/// Input of `providerAccountMethodSelect`.
#[derive(InputObject)]
pub struct ProviderAccountMethodSelectInput {
    /// Global ID of the account.
    provider_account_id: ID,
    /// Way of connecting to use from now on.
    method: ConnectionMethodObject,
}

/// Payload of `providerAccountMethodSelect`.
#[derive(SimpleObject)]
pub struct ProviderAccountMethodSelectPayload {
    /// Account with what trying the other way showed. Null when it was not done.
    account: Option<ProviderAccountObject>,
    /// Reasons why it was not done, or does not work; empty when it does.
    user_errors: Vec<UserError>,
}

/// `providerAccountMethodSelect`.
#[derive(Default)]
pub struct ProviderAccountMethodSelect;

#[Object]
impl ProviderAccountMethodSelect {
    /// Goes over from keys to the consent of a person, or back, with what is kept of the other way, and tries it at
    /// once. Data, mappings and both kinds of credentials stay. Needs the role ADMIN.
    async fn provider_account_method_select(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Account and way of connecting.")] input: ProviderAccountMethodSelectInput,
    ) -> Option<Result<ProviderAccountMethodSelectPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let outcome = match decode_as(&input.provider_account_id, NodeKind::ProviderAccount) {
            None => Err(AccountError::NotFound),
            Some(id) => {
                let setup = &services(ctx).setup;
                setup.select_method(caller(ctx), ProviderAccountId(id), input.method.into()).await
            }
        };
        let answered = answer(&["input", "providerAccountId"], outcome);
        Some(answered.map(|(account, user_errors)| ProviderAccountMethodSelectPayload { account, user_errors }))
    }
}
