//! `providerAccountVerify`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::id::ProviderAccountId;
use crate::domain::provider::ConnectionMethod;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::account::ProviderAccountObject;
use crate::service::setup::AccountError;

/// Input of `providerAccountVerify`.
#[derive(InputObject)]
pub struct ProviderAccountVerifyInput {
    /// Global ID of the account.
    provider_account_id: ID,
}

/// Payload of `providerAccountVerify`.
#[derive(SimpleObject)]
pub struct ProviderAccountVerifyPayload {
    /// Account with what was found out. Null when there is none.
    account: Option<ProviderAccountObject>,
    /// Reasons why the account does not work; empty when it does.
    user_errors: Vec<UserError>,
}

/// What `verify` and `set credentials` answer alike.
pub(super) fn answer(
    account_field: &[&str],
    outcome: Result<crate::domain::provider::ProviderAccount, AccountError>,
) -> Result<(Option<ProviderAccountObject>, Vec<UserError>), Failure> {
    Ok(match outcome {
        Ok(account) => (Some(ProviderAccountObject(account)), Vec::new()),
        Err(AccountError::NotFound) => (None, vec![UserError::not_found(account_field, "provider account")]),
        Err(AccountError::WrongSide) => {
            let message = "These credentials belong to the other side. Set Pax8 credentials on the Pax8 account and \
                           PSA credentials on the PSA account.";
            (None, vec![UserError::input(account_field, message)])
        }
        Err(AccountError::NoCredentials) => {
            let message = "The account has no credentials yet. Set them with `providerCredentialsSet` first.";
            (None, vec![UserError::input(account_field, message)])
        }
        Err(AccountError::NoApplication) => {
            let message = "No application is kept. Give the one that is registered with the provider.";
            (None, vec![UserError::input(&["input", "application"], message)])
        }
        Err(AccountError::NothingKept(method)) => {
            let message = match method {
                ConnectionMethod::Keys => "No keys are kept. Set them with `providerCredentialsSet`.",
                ConnectionMethod::Delegated => "No consent is kept. Begin with `providerAccountAuthorizationStart`.",
            };
            (None, vec![UserError::input(&["input", "method"], message)])
        }
        Err(AccountError::KeptForOtherAddresses(method)) => {
            let message = match method {
                ConnectionMethod::Keys => {
                    "The keys that are kept were given for other addresses than the account has now, so they are not sent \
                     there. Set the keys again with `providerCredentialsSet`."
                }
                ConnectionMethod::Delegated => {
                    "The consent that is kept was given for other addresses than the account has now, so its tokens are \
                     not sent there. Begin anew with `providerAccountAuthorizationStart`."
                }
            };
            (None, vec![UserError::input(&["input", "method"], message)])
        }
        Err(AccountError::Provider { error, account }) => {
            let told = UserError::provider(&[], &error, account.as_ref().map(|account| account.method));
            (account.map(|account| ProviderAccountObject(*account)), vec![told])
        }
        Err(other) => return Err(other.into()),
    })
}

/// `providerAccountVerify`.
#[derive(Default)]
pub struct ProviderAccountVerify;

#[Object]
impl ProviderAccountVerify {
    /// Asks the provider for as little as proves that the account works. Needs the role OPERATOR.
    async fn provider_account_verify(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which account to try.")] input: ProviderAccountVerifyInput,
    ) -> Option<Result<ProviderAccountVerifyPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let field = ["input", "providerAccountId"];
        let outcome = match decode_as(&input.provider_account_id, NodeKind::ProviderAccount) {
            None => Err(AccountError::NotFound),
            Some(id) => services(ctx).setup.verify(caller(ctx), ProviderAccountId(id)).await,
        };
        Some(
            answer(&field, outcome).map(|(account, user_errors)| ProviderAccountVerifyPayload { account, user_errors }),
        )
    }
}
