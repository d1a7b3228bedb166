//! `mappingReject`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::mapping_decision::{ONE, decide, refused};
use crate::domain::access::Role;
use crate::domain::mapping::Mapping as Stored;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::mapping::Mapping;
use crate::graphql::object::mapping_preview::MappingFloor;
use crate::service::mapping::Verdict;

/// Input of `mappingReject`.
#[derive(InputObject)]
pub struct MappingRejectInput {
    /// Global ID of the mapping.
    mapping_id: ID,
    /// Version that the decision was made on; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `mappingReject`.
#[derive(SimpleObject)]
pub struct MappingRejectPayload {
    /// Mapping, now rejected. Null when it was not done.
    mapping: Option<Mapping>,
    /// Floor for mappings of its kind, which a rejected automatic mapping raises at once: suggestions below it become
    /// candidates. Null when it was not done.
    floor: Option<MappingFloor>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `mappingReject`.
#[derive(Default)]
pub struct MappingReject;

#[Object]
impl MappingReject {
    /// Says that a pair is not the same; it is never proposed again. Needs the role OPERATOR.
    async fn mapping_reject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to decide.")] input: MappingRejectInput,
    ) -> Option<Result<MappingRejectPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let outcome = decide(ctx, Verdict::Reject, &input.mapping_id, input.expected_version, input.reason).await;
        Some(match outcome {
            Ok(mapping) => floor_after(ctx, &mapping).await.map(|floor| MappingRejectPayload {
                mapping: Some(mapping.into()),
                floor,
                user_errors: Vec::new(),
            }),
            Err(error) => refused(error, &ONE).map(|error| MappingRejectPayload {
                mapping: None,
                floor: None,
                user_errors: vec![error],
            }),
        })
    }
}

async fn floor_after(ctx: &Context<'_>, mapping: &Stored) -> Result<Option<MappingFloor>, Failure> {
    let floor = services(ctx).mapping.floor(caller(ctx), mapping.integration_id, mapping.kind).await?;
    Ok(floor.map(MappingFloor::from))
}
