//! `suppressionRuleEnd`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::id::SuppressionRuleId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::suppression_rule::SuppressionRuleObject;
use crate::service::discrepancy::SuppressError;

/// Input of `suppressionRuleEnd`.
#[derive(InputObject)]
pub struct SuppressionRuleEndInput {
    /// Global ID of the rule.
    suppression_rule_id: ID,
    /// Why, in up to 2,000 characters.
    reason: Option<String>,
}

/// Payload of `suppressionRuleEnd`.
#[derive(SimpleObject)]
pub struct SuppressionRuleEndPayload {
    /// Rule, now ended. Null when it was not done.
    suppression_rule: Option<SuppressionRuleObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `suppressionRuleEnd`.
#[derive(Default)]
pub struct SuppressionRuleEnd;

#[Object]
impl SuppressionRuleEnd {
    /// Ends a rule before its time; what it hid waits for somebody again. Needs the role FINANCE.
    async fn suppression_rule_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: SuppressionRuleEndInput,
    ) -> Option<Result<SuppressionRuleEndPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object| SuppressionRuleEndPayload { suppression_rule: Some(object), user_errors: Vec::new() };
        let refusal = |error| SuppressionRuleEndPayload { suppression_rule: None, user_errors: vec![error] };
        let not_found = || Ok(refusal(UserError::not_found(&["input", "suppressionRuleId"], "rule")));
        let Some(id) = decode_as(&input.suppression_rule_id, NodeKind::SuppressionRule) else {
            return Some(not_found());
        };
        let ended = services(ctx).discrepancy.end_rule(caller(ctx), SuppressionRuleId(id), input.reason).await;
        Some(match ended {
            Ok(rule) => Ok(done(SuppressionRuleObject(rule))),
            Err(SuppressError::NotFound) => not_found(),
            Err(SuppressError::Forbidden(error)) => Err(error.into()),
            Err(SuppressError::Internal(error)) => Err(error.into()),
            // The others are about rules that are made.
            Err(_) => Ok(refusal(UserError::input(&["input", "reason"], "Give a reason of at most 2,000 characters."))),
        })
    }
}
