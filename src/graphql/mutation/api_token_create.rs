//! `apiTokenCreate`.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::api_token::ApiTokenObject;
use crate::graphql::query::node::UserRole;
use crate::secret::SystemRandom;
use crate::service::api_token::{ApiTokenError, NewToken};

/// Input of `apiTokenCreate`.
#[derive(InputObject)]
pub struct ApiTokenCreateInput {
    /// Name that tells the token apart, 1 to 200 characters; its decisions are kept under it.
    name: String,
    /// What it may do; at least one role.
    roles: Vec<UserRole>,
    /// Days until it stops working, 1 to 3650; it works until it is revoked when omitted.
    expires_in_days: Option<i32>,
}

/// Payload of `apiTokenCreate`.
#[derive(SimpleObject)]
pub struct ApiTokenCreatePayload {
    /// New token. Null when it was not made.
    api_token: Option<ApiTokenObject>,
    /// Token itself, as it goes into `Authorization: Bearer ...`. It is shown here, once; only its hash is kept. Null
    /// when it was not made.
    secret: Option<String>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `apiTokenCreate`.
#[derive(Default)]
pub struct ApiTokenCreate;

#[Object]
impl ApiTokenCreate {
    /// Makes an API token of the caller's organization. Needs the role ADMIN.
    async fn api_token_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: ApiTokenCreateInput,
    ) -> Option<Result<ApiTokenCreatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let ApiTokenCreateInput { name, roles, expires_in_days: days } = input;
        let command = NewToken { name, roles: roles.into_iter().map(Role::from).collect(), days };
        let refused = |field: &str, message: String| {
            let user_errors = vec![UserError::input(&["input", field], message)];
            Ok(ApiTokenCreatePayload { api_token: None, secret: None, user_errors })
        };
        Some(match services(ctx).api_token.create(caller(ctx), &SystemRandom, command).await {
            Ok((stored, secret)) => Ok(ApiTokenCreatePayload {
                api_token: Some(ApiTokenObject(stored)),
                secret: Some(secret.expose().to_owned()),
                user_errors: Vec::new(),
            }),
            Err(ApiTokenError::Name(bad)) => refused("name", bad.to_string()),
            Err(ApiTokenError::NoRole) => refused("roles", "Give the token at least one role.".to_owned()),
            Err(ApiTokenError::Lifetime) => {
                refused("expiresInDays", "Let the token work for 1 to 3650 days, or leave this out.".to_owned())
            }
            Err(ApiTokenError::NotFound) => Err(Failure::bad_input("There is no such token.")),
            Err(ApiTokenError::Forbidden(error)) => Err(error.into()),
            Err(ApiTokenError::Internal(error)) => Err(error.into()),
        })
    }
}
