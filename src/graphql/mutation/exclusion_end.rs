//! `exclusionEnd`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::id::ExclusionId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::exclusion::ExclusionObject;
use crate::service::mapping::ExcludeError;

/// Input of `exclusionEnd`.
#[derive(InputObject)]
pub struct ExclusionEndInput {
    /// Global ID of the exclusion.
    exclusion_id: ID,
}

/// Payload of `exclusionEnd`.
#[derive(SimpleObject)]
pub struct ExclusionEndPayload {
    /// Exclusion, now ended. Null when it was not done.
    exclusion: Option<ExclusionObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `exclusionEnd`.
#[derive(Default)]
pub struct ExclusionEnd;

#[Object]
impl ExclusionEnd {
    /// Brings a record back to the worklists. Repeating it is harmless. Needs the role OPERATOR.
    async fn exclusion_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to bring back.")] input: ExclusionEndInput,
    ) -> Option<Result<ExclusionEndPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let not_found = || ExclusionEndPayload {
            exclusion: None,
            user_errors: vec![UserError::not_found(&["input", "exclusionId"], "exclusion")],
        };
        let Some(id) = decode_as(&input.exclusion_id, NodeKind::Exclusion) else {
            return Some(Ok(not_found()));
        };
        Some(match services(ctx).mapping.end_exclusion(caller(ctx), ExclusionId(id)).await {
            Ok(exclusion) => {
                Ok(ExclusionEndPayload { exclusion: Some(ExclusionObject(exclusion)), user_errors: Vec::new() })
            }
            Err(ExcludeError::Forbidden(error)) => Err(error.into()),
            Err(ExcludeError::Internal(error)) => Err(error.into()),
            Err(
                ExcludeError::NotFound
                | ExcludeError::Excluded(_)
                | ExcludeError::NoteMissing
                | ExcludeError::NoteTooLong,
            ) => Ok(not_found()),
        })
    }
}
