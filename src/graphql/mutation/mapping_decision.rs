//! What the mutations that decide about a mapping have in common.

use async_graphql::{Context, ID};

use crate::domain::id::MappingId;
use crate::domain::mapping::Mapping;
use crate::graphql::context::{caller, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode};
use crate::graphql::object::mapping::node;
use crate::service::mapping::{Decide, DecideError, MAX_REASON, Verdict};

/// The mapping that a global id of either kind names.
pub(super) fn mapping_id(id: &ID) -> Option<MappingId> {
    let (kind, id) = decode(id)?;
    matches!(kind, NodeKind::CustomerMapping | NodeKind::ProductMapping).then_some(MappingId(id))
}

/// Decides about one mapping.
pub(super) async fn decide(
    ctx: &Context<'_>,
    verdict: Verdict,
    id: &ID,
    expected_version: Option<i64>,
    reason: Option<String>,
) -> Result<Mapping, DecideError> {
    let mapping_id = mapping_id(id).ok_or(DecideError::NotFound)?;
    let command = Decide { mapping_id, expected_version, reason };
    let mapping = &services(ctx).mapping;
    match verdict {
        Verdict::Confirm => mapping.confirm(caller(ctx), command).await,
        Verdict::Reject => mapping.reject(caller(ctx), command).await,
        Verdict::Reopen => mapping.reopen(caller(ctx), command).await,
        Verdict::Remove => mapping.remove(caller(ctx), command).await,
    }
}

/// Where the arguments of a decision stand in the input.
pub(super) struct DecisionPaths<'a> {
    /// The mapping.
    pub mapping: &'a [&'a str],
    /// The version that the decision was made on.
    pub version: &'a [&'a str],
}

/// The arguments of a decision about one mapping.
pub(super) const ONE: DecisionPaths<'static> =
    DecisionPaths { mapping: &["input", "mappingId"], version: &["input", "expectedVersion"] };

/// Why a decision was refused, for the caller.
pub(super) fn refused(error: DecideError, paths: &DecisionPaths<'_>) -> Result<UserError, Failure> {
    Ok(match error {
        DecideError::NotFound => UserError::not_found(paths.mapping, "mapping"),
        DecideError::Stale(current) => UserError::stale(paths.version, node(*current)),
        DecideError::NeverSuggested(current) => UserError::invalid_transition(
            paths.mapping,
            "The mapping was never a suggestion, so it cannot become one again. Reject or remove it, or map another \
             pair.",
            node(*current),
        ),
        DecideError::Conflict(rival) => UserError::mapping_conflict(paths.mapping, rival.map(|rival| node(*rival))),
        DecideError::ReasonTooLong => {
            UserError::input(&["input", "reason"], format!("Give a reason of at most {MAX_REASON} characters."))
        }
        DecideError::Forbidden(error) => return Err(error.into()),
        DecideError::Internal(error) => return Err(error.into()),
    })
}
