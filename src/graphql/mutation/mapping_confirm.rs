//! `mappingConfirm`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::mapping_decision::{ONE, decide, refused};
use crate::domain::access::Role;
use crate::graphql::context::require_any;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::mapping::Mapping;
use crate::service::mapping::Verdict;

/// Input of `mappingConfirm`.
#[derive(InputObject)]
pub struct MappingConfirmInput {
    /// Global ID of the mapping.
    mapping_id: ID,
    /// Version that the decision was made on; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `mappingConfirm`.
#[derive(SimpleObject)]
pub struct MappingConfirmPayload {
    /// Mapping, now confirmed. Null when it was not done.
    mapping: Option<Mapping>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `mappingConfirm`.
#[derive(Default)]
pub struct MappingConfirm;

#[Object]
impl MappingConfirm {
    /// Says that a pair is the same. The machine's own suggestion for the record ends; what a person confirmed stands in the way. Needs the role OPERATOR.
    async fn mapping_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to decide.")] input: MappingConfirmInput,
    ) -> Option<Result<MappingConfirmPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let outcome = decide(ctx, Verdict::Confirm, &input.mapping_id, input.expected_version, input.reason).await;
        Some(match outcome {
            Ok(mapping) => Ok(MappingConfirmPayload { mapping: Some(mapping.into()), user_errors: Vec::new() }),
            Err(error) => {
                refused(error, &ONE).map(|error| MappingConfirmPayload { mapping: None, user_errors: vec![error] })
            }
        })
    }
}
