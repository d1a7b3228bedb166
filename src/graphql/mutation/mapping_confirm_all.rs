//! `mappingConfirmAll`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::chosen_integration::chosen_integration;
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::mapping::MappingKind;
use crate::service::mapping::{ConfirmAll, ConfirmAllError, SuggestionList};

/// Input of `mappingConfirmAll`.
#[derive(InputObject)]
pub struct MappingConfirmAllInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Which mappings.
    kind: MappingKind,
    /// Number of mappings on the list that the caller saw: `suggestedCount` of the integration's summary.
    expected_count: u64,
    /// Fingerprint of the list that the caller saw: `suggestionFingerprint` of the integration's summary.
    expected_fingerprint: String,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `mappingConfirmAll`.
#[derive(SimpleObject)]
pub struct MappingConfirmAllPayload {
    /// Number of mappings that are confirmed now. Null when it was not done.
    confirmed_count: Option<u64>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `mappingConfirmAll`.
#[derive(Default)]
pub struct MappingConfirmAll;

#[Object]
impl MappingConfirmAll {
    /// Confirms every mapping that waits for a decision, provided that the list is the one that the caller saw. Needs
    /// the role OPERATOR.
    async fn mapping_confirm_all(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which list to confirm.")] input: MappingConfirmAllInput,
    ) -> Option<Result<MappingConfirmAllPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let refused =
            |error| Ok(MappingConfirmAllPayload { confirmed_count: None, integration: None, user_errors: vec![error] });
        let not_found = || UserError::not_found(&["input", "integrationId"], "integration");
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(refused(error)),
            Err(failure) => return Some(Err(failure)),
        };
        let command = ConfirmAll {
            integration_id: chosen.id,
            kind: input.kind.into(),
            seen: SuggestionList { count: input.expected_count, fingerprint: input.expected_fingerprint },
            reason: input.reason,
        };
        Some(match services(ctx).mapping.confirm_all(caller(ctx), command).await {
            Ok(confirmed) => Ok(MappingConfirmAllPayload {
                confirmed_count: Some(confirmed),
                integration: Some(IntegrationObject(chosen)),
                user_errors: Vec::new(),
            }),
            Err(ConfirmAllError::NotFound) => refused(not_found()),
            Err(ConfirmAllError::ListChanged(list)) => {
                refused(UserError::list_changed(&["input", "expectedFingerprint"], list.count, list.fingerprint))
            }
            Err(ConfirmAllError::ReasonTooLong) => {
                refused(UserError::input(&["input", "reason"], "Give a reason of at most 500 characters."))
            }
            Err(ConfirmAllError::Forbidden(error)) => Err(error.into()),
            Err(ConfirmAllError::Internal(error)) => Err(error.into()),
        })
    }
}
