//! `discrepancyWriteOff`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::discrepancy_work::{discrepancy_id, refused, scope};
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::decision::ScopeKind;
use crate::graphql::object::discrepancy::DiscrepancyObject;
use crate::graphql::scalar::Date;
use crate::service::discrepancy::{Decide, Verdict};

/// Input of `discrepancyWriteOff`.
#[derive(InputObject)]
pub struct DiscrepancyWriteOffInput {
    /// Global ID of the discrepancy.
    discrepancy_id: ID,
    /// Version that the caller read; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Why, in 1 to 2,000 characters.
    reason: String,
    /// Months that the decision holds for; `THESE_PERIODS` when omitted.
    scope: Option<ScopeKind>,
    /// Last day on which a month may begin that the decision holds for; with the scope `UNTIL` alone.
    until: Option<Date>,
}

/// Payload of `discrepancyWriteOff`.
#[derive(SimpleObject)]
pub struct DiscrepancyWriteOffPayload {
    /// Discrepancy, now written off. Null when it was not done.
    discrepancy: Option<DiscrepancyObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `discrepancyWriteOff`.
#[derive(Default)]
pub struct DiscrepancyWriteOff;

#[Object]
impl DiscrepancyWriteOff {
    /// Gives a discrepancy up. Found again in a way that the decision does not cover, it is reopened. Needs the role FINANCE.
    async fn discrepancy_write_off(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: DiscrepancyWriteOffInput,
    ) -> Option<Result<DiscrepancyWriteOffPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object| DiscrepancyWriteOffPayload { discrepancy: Some(object), user_errors: Vec::new() };
        let refusal = |error| DiscrepancyWriteOffPayload { discrepancy: None, user_errors: vec![error] };
        let scope = match scope(input.scope, input.until) {
            Ok(scope) => scope,
            Err(message) => return Some(Ok(refusal(UserError::input(&["input", "until"], message)))),
        };
        let decided = async {
            let id = discrepancy_id(&input.discrepancy_id)?;
            let (verdict, reason) = (Verdict::WriteOff(scope), Some(input.reason));
            let command = Decide { id, expected_version: input.expected_version, verdict, reason };
            services(ctx).discrepancy.decide(caller(ctx), command).await
        };
        Some(match decided.await {
            Ok(discrepancy) => Ok(done(DiscrepancyObject(discrepancy))),
            Err(error) => refused(error, "reason").map(refusal),
        })
    }
}
