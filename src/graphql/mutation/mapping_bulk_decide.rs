//! `mappingBulkDecide`.

use async_graphql::{Context, Enum, ID, InputObject, Object, PathSegment, SimpleObject};
use uuid::Uuid;

use super::mapping_decision::{DecisionPaths, mapping_id, refused};
use crate::domain::access::Role;
use crate::domain::id::MappingId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::cost;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::mapping::Mapping;
use crate::service::mapping::{Decide, MAX_BULK, Verdict};

/// A decision about mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Verdict")]
pub enum MappingDecision {
    /// The pair is the same.
    Confirm,
    /// The pair is not the same.
    Reject,
    /// The pair waits for a decision again.
    Reopen,
    /// The mapping is taken away without a judgement.
    Remove,
}

/// Input of `mappingBulkDecide`.
#[derive(InputObject)]
pub struct MappingBulkDecideInput {
    /// Decision for every mapping of the list.
    decision: MappingDecision,
    /// Global IDs of the mappings, at most 100.
    mapping_ids: Vec<ID>,
    /// Versions that the decision was made on, one for each mapping, in the same order. Not checked when omitted.
    expected_versions: Option<Vec<i64>>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Outcome of a decision about one mapping.
#[derive(SimpleObject)]
pub struct MappingDecisionResult {
    /// Mapping after the decision. Null when it was not done; then there is a user error, or an error at this path.
    mapping: Option<Mapping>,
    /// Reasons why this mapping was not decided on; empty when it was.
    user_errors: Vec<UserError>,
}

/// Payload of `mappingBulkDecide`.
#[derive(SimpleObject)]
pub struct MappingBulkDecidePayload {
    /// Outcome for each mapping, in the order of the input. Null when nothing was done at all.
    results: Option<Vec<MappingDecisionResult>>,
    /// Reasons why nothing was done at all; empty otherwise.
    user_errors: Vec<UserError>,
}

/// Says that one of the mappings could not be decided on for a reason of ours.
fn report(ctx: &Context<'_>, at: usize, failure: Failure) {
    let mut error = async_graphql::Error::from(failure).into_server_error(ctx.item.pos);
    error.path = vec![
        PathSegment::Field(ctx.item.node.response_key().node.to_string()),
        PathSegment::Field("results".to_owned()),
        PathSegment::Index(at),
        PathSegment::Field("mapping".to_owned()),
    ];
    ctx.add_error(error);
}

/// `mappingBulkDecide`.
#[derive(Default)]
pub struct MappingBulkDecide;

#[Object]
impl MappingBulkDecide {
    /// Decides about at most 100 mappings. Each stands for itself: one that cannot be decided holds up none of the
    /// others. Needs the role OPERATOR.
    #[graphql(complexity = "cost::each(input.mapping_ids.len(), child_complexity)")]
    async fn mapping_bulk_decide(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to decide.")] input: MappingBulkDecideInput,
    ) -> Option<Result<MappingBulkDecidePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let refuse = |field: &str, message: String| {
            let error = UserError::input(&["input", field], message);
            Some(Ok(MappingBulkDecidePayload { results: None, user_errors: vec![error] }))
        };
        let count = input.mapping_ids.len();
        if count == 0 || count > MAX_BULK {
            return refuse("mappingIds", format!("Give from 1 to {MAX_BULK} mappings, not {count}."));
        }
        if input.expected_versions.as_ref().is_some_and(|versions| versions.len() != count) {
            return refuse("expectedVersions", "Give one version for each mapping, in the same order.".to_owned());
        }
        let commands = input
            .mapping_ids
            .iter()
            .enumerate()
            .map(|(at, id)| Decide {
                // No mapping has the nil id, so what is no mapping's id is answered as one that does not exist.
                mapping_id: mapping_id(id).unwrap_or(MappingId(Uuid::nil())),
                expected_version: input.expected_versions.as_ref().map(|versions| versions[at]),
                reason: input.reason.clone(),
            })
            .collect();
        let outcomes = match services(ctx).mapping.decide_many(caller(ctx), input.decision.into(), commands).await {
            Ok(outcomes) => outcomes,
            Err(forbidden) => return Some(Err(forbidden.into())),
        };
        let mut results = Vec::with_capacity(outcomes.len());
        for (at, outcome) in outcomes.into_iter().enumerate() {
            results.push(match outcome {
                Ok(mapping) => MappingDecisionResult { mapping: Some(mapping.into()), user_errors: Vec::new() },
                Err(error) => {
                    let place = at.to_string();
                    let paths = DecisionPaths {
                        mapping: &["input", "mappingIds", &place],
                        version: &["input", "expectedVersions", &place],
                    };
                    match refused(error, &paths) {
                        Ok(error) => MappingDecisionResult { mapping: None, user_errors: vec![error] },
                        Err(failure) => {
                            // What was decided before and after it stays decided, so it has to be said too.
                            report(ctx, at, failure);
                            MappingDecisionResult { mapping: None, user_errors: Vec::new() }
                        }
                    }
                }
            });
        }
        Some(Ok(MappingBulkDecidePayload { results: Some(results), user_errors: Vec::new() }))
    }
}
