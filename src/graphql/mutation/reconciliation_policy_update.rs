//! `reconciliationPolicyUpdate`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::chosen_integration::chosen_integration;
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::node::Node;
use crate::graphql::object::policy::ReconciliationPolicy;
use crate::graphql::object::report_part::audience;
use crate::service::policy::{UpdatePolicy, UpdatePolicyError};

/// More switches than there are can only be a mistake.
const MOST_SWITCHES: usize = 100;

/// A switch of a policy to change.
#[derive(InputObject)]
pub struct PolicySwitchInput {
    /// Name, such as `priceSource`; see `reconciliationPolicy`.
    name: String,
    /// Value, such as `PRICE_BOOK`.
    value: String,
}

/// Input of `reconciliationPolicyUpdate`.
#[derive(InputObject)]
pub struct ReconciliationPolicyUpdateInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Version that the caller read; refused when it is no longer the one in force. Not checked when omitted.
    expected_version: Option<i64>,
    /// Name of 1 to 100 characters; as before when omitted.
    name: Option<String>,
    /// Switches to change; the others stay as they are.
    switches: Option<Vec<PolicySwitchInput>>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `reconciliationPolicyUpdate`.
#[derive(SimpleObject)]
pub struct ReconciliationPolicyUpdatePayload {
    /// Version now in force. Null when it was not done.
    reconciliation_policy: Option<ReconciliationPolicy>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `reconciliationPolicyUpdate`.
#[derive(Default)]
pub struct ReconciliationPolicyUpdate;

#[Object]
impl ReconciliationPolicyUpdate {
    /// Changes the rules of the next reports of an integration; a new version is made, and reports that are there keep theirs. Needs the role FINANCE.
    async fn reconciliation_policy_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: ReconciliationPolicyUpdateInput,
    ) -> Option<Result<ReconciliationPolicyUpdatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object, integration| ReconciliationPolicyUpdatePayload {
            reconciliation_policy: Some(object),
            integration: Some(IntegrationObject(integration)),
            user_errors: Vec::new(),
        };
        let refusal = |error| ReconciliationPolicyUpdatePayload {
            reconciliation_policy: None,
            integration: None,
            user_errors: vec![error],
        };
        let not_found = || Ok(refusal(UserError::not_found(&["input", "integrationId"], "integration")));
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(Ok(refusal(error))),
            Err(failure) => return Some(Err(failure)),
        };
        let integration_id = chosen.id;
        let switches = input.switches.unwrap_or_default();
        if switches.len() > MOST_SWITCHES {
            let message = format!("Give at most {MOST_SWITCHES} switches.");
            return Some(Ok(refusal(UserError::input(&["input", "switches"], message))));
        }
        let names: Vec<String> = switches.iter().map(|switch| switch.name.clone()).collect();
        let command = UpdatePolicy {
            integration_id,
            expected_version: input.expected_version,
            name: input.name,
            switches: switches.into_iter().map(|switch| (switch.name, switch.value)).collect(),
            reason: input.reason,
        };
        Some(match services(ctx).policy.update(caller(ctx), command).await {
            Ok(policy) => Ok(done(ReconciliationPolicy::new(policy, audience(ctx)), chosen)),
            Err(UpdatePolicyError::NotFound) => not_found(),
            Err(UpdatePolicyError::Stale(_)) => {
                let integration = services(ctx).setup.find(caller(ctx), integration_id).await;
                match integration {
                    Ok(Some(found)) => Ok(refusal(UserError::stale(
                        &["input", "expectedVersion"],
                        Node::Integration(IntegrationObject(found)),
                    ))),
                    Ok(None) => not_found(),
                    Err(error) => Err(error.into()),
                }
            }
            Err(UpdatePolicyError::BadName) => {
                Ok(refusal(UserError::input(&["input", "name"], "Give the policy a name of 1 to 100 characters.")))
            }
            Err(UpdatePolicyError::ReasonTooLong) => {
                Ok(refusal(UserError::input(&["input", "reason"], "Give a reason of at most 500 characters.")))
            }
            Err(UpdatePolicyError::Switch(error)) => {
                // The last one of a name is the one that is too much.
                let at = names.iter().rposition(|name| *name == error.switch).map(|at| at.to_string());
                let mut path = vec!["input", "switches"];
                if let Some(at) = &at {
                    path.extend([at.as_str(), "value"]);
                }
                Ok(refusal(UserError::input(&path, error.message)))
            }
            Err(UpdatePolicyError::Forbidden(error)) => Err(error.into()),
            Err(UpdatePolicyError::Internal(error)) => Err(error.into()),
        })
    }
}
