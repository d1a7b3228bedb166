//! `exclusionCreate`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::mapping::RecordKind;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode};
use crate::graphql::object::exclusion::{ExclusionObject, ExclusionReason};
use crate::graphql::object::node::Node;
use crate::service::mapping::{Exclude, ExcludeError};

/// Input of `exclusionCreate`.
#[derive(InputObject)]
pub struct ExclusionCreateInput {
    /// Global ID of the company, customer or product.
    record_id: ID,
    /// Why it is left out.
    reason: ExclusionReason,
    /// Why, in up to 500 characters; required for `OTHER`.
    note: Option<String>,
}

/// Payload of `exclusionCreate`.
#[derive(SimpleObject)]
pub struct ExclusionCreatePayload {
    /// Exclusion. Null when it was not done.
    exclusion: Option<ExclusionObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `exclusionCreate`.
#[derive(Default)]
pub struct ExclusionCreate;

fn record_kind(kind: NodeKind) -> Option<RecordKind> {
    match kind {
        NodeKind::Pax8Company => Some(RecordKind::Company),
        NodeKind::PsaCustomer => Some(RecordKind::Customer),
        NodeKind::Pax8Product => Some(RecordKind::Pax8Product),
        NodeKind::PsaProduct => Some(RecordKind::PsaProduct),
        _ => None,
    }
}

#[Object]
impl ExclusionCreate {
    /// Leaves a company, customer or product out of the worklists. Its mappings stay, and it still stands in the coverage
    /// of reports. Needs the role OPERATOR.
    async fn exclusion_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to leave out.")] input: ExclusionCreateInput,
    ) -> Option<Result<ExclusionCreatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let refused = |error| Ok(ExclusionCreatePayload { exclusion: None, user_errors: vec![error] });
        let not_found = || UserError::not_found(&["input", "recordId"], "company, customer or product");
        let found = decode(&input.record_id).and_then(|(kind, id)| Some((record_kind(kind)?, id)));
        let Some((kind, record_id)) = found else {
            return Some(refused(not_found()));
        };
        let command = Exclude { kind, record_id, reason: input.reason.into(), note: input.note };
        Some(match services(ctx).mapping.exclude(caller(ctx), command).await {
            Ok(exclusion) => {
                Ok(ExclusionCreatePayload { exclusion: Some(ExclusionObject(exclusion)), user_errors: Vec::new() })
            }
            Err(ExcludeError::NotFound) => refused(not_found()),
            Err(ExcludeError::Excluded(held)) => {
                let message = "The record is left out already, for another reason. Bring it back first.";
                refused(match held {
                    Some(held) => UserError::invalid_transition(
                        &["input", "recordId"],
                        message,
                        Node::Exclusion(ExclusionObject(*held)),
                    ),
                    None => UserError::input(&["input", "recordId"], message),
                })
            }
            Err(ExcludeError::NoteMissing) => {
                refused(UserError::input(&["input", "note"], "Say in a note why the record is left out."))
            }
            Err(ExcludeError::NoteTooLong) => {
                refused(UserError::input(&["input", "note"], "Give a note of at most 500 characters."))
            }
            Err(ExcludeError::Forbidden(error)) => Err(error.into()),
            Err(ExcludeError::Internal(error)) => Err(error.into()),
        })
    }
}
