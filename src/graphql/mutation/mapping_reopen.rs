//! `mappingReopen`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::mapping_decision::{ONE, decide, refused};
use crate::domain::access::Role;
use crate::graphql::context::require_any;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::mapping::Mapping;
use crate::service::mapping::Verdict;

/// Input of `mappingReopen`.
#[derive(InputObject)]
pub struct MappingReopenInput {
    /// Global ID of the mapping.
    mapping_id: ID,
    /// Version that the decision was made on; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `mappingReopen`.
#[derive(SimpleObject)]
pub struct MappingReopenPayload {
    /// Mapping, now waiting for a decision. Null when it was not done.
    mapping: Option<Mapping>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `mappingReopen`.
#[derive(Default)]
pub struct MappingReopen;

#[Object]
impl MappingReopen {
    /// Takes a decision back, so that the pair waits for one again. A pair that a person chose was never a suggestion and cannot be reopened. Needs the role OPERATOR.
    async fn mapping_reopen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to decide.")] input: MappingReopenInput,
    ) -> Option<Result<MappingReopenPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let outcome = decide(ctx, Verdict::Reopen, &input.mapping_id, input.expected_version, input.reason).await;
        Some(match outcome {
            Ok(mapping) => Ok(MappingReopenPayload { mapping: Some(mapping.into()), user_errors: Vec::new() }),
            Err(error) => {
                refused(error, &ONE).map(|error| MappingReopenPayload { mapping: None, user_errors: vec![error] })
            }
        })
    }
}
