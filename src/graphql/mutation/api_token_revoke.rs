//! `apiTokenRevoke`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::id::TokenId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::api_token::ApiTokenObject;
use crate::service::api_token::ApiTokenError;

/// Input of `apiTokenRevoke`.
#[derive(InputObject)]
pub struct ApiTokenRevokeInput {
    /// Global ID of the token.
    api_token_id: ID,
}

/// Payload of `apiTokenRevoke`.
#[derive(SimpleObject)]
pub struct ApiTokenRevokePayload {
    /// Token, now revoked. Null when it was not done.
    api_token: Option<ApiTokenObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `apiTokenRevoke`.
#[derive(Default)]
pub struct ApiTokenRevoke;

#[Object]
impl ApiTokenRevoke {
    /// Takes an API token back, for good. Its open sockets and event streams end at once; a query or mutation that runs
    /// is finished. Needs the role ADMIN.
    async fn api_token_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: ApiTokenRevokeInput,
    ) -> Option<Result<ApiTokenRevokePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let not_found = || {
            let user_errors = vec![UserError::not_found(&["input", "apiTokenId"], "token")];
            Ok(ApiTokenRevokePayload { api_token: None, user_errors })
        };
        let Some(id) = decode_as(&input.api_token_id, NodeKind::ApiToken) else { return Some(not_found()) };
        Some(match services(ctx).api_token.revoke(caller(ctx), TokenId(id)).await {
            Ok(token) => Ok(ApiTokenRevokePayload { api_token: Some(ApiTokenObject(token)), user_errors: Vec::new() }),
            Err(ApiTokenError::Forbidden(error)) => Err(error.into()),
            Err(ApiTokenError::Internal(error)) => Err(error.into()),
            // The others are about tokens that are made.
            Err(_) => not_found(),
        })
    }
}
