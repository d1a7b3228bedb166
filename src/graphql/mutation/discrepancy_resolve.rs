//! `discrepancyResolve`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::discrepancy_work::{discrepancy_id, refused, scope};
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::decision::{Resolution, ScopeKind};
use crate::graphql::object::discrepancy::DiscrepancyObject;
use crate::graphql::scalar::Date;
use crate::service::discrepancy::{Decide, Verdict};

/// Input of `discrepancyResolve`.
#[derive(InputObject)]
pub struct DiscrepancyResolveInput {
    /// Global ID of the discrepancy.
    discrepancy_id: ID,
    /// Version that the caller read; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// How it was settled.
    resolution: Resolution,
    /// Months that the decision holds for; `THESE_PERIODS` when omitted.
    scope: Option<ScopeKind>,
    /// Last day on which a month may begin that the decision holds for; with the scope `UNTIL` alone.
    until: Option<Date>,
    /// Why, in up to 2,000 characters.
    reason: Option<String>,
}

/// Payload of `discrepancyResolve`.
#[derive(SimpleObject)]
pub struct DiscrepancyResolvePayload {
    /// Discrepancy, now settled. Null when it was not done.
    discrepancy: Option<DiscrepancyObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `discrepancyResolve`.
#[derive(Default)]
pub struct DiscrepancyResolve;

#[Object]
impl DiscrepancyResolve {
    /// Settles a discrepancy. Found again in a way that the decision does not cover, it is reopened. Needs the role FINANCE.
    async fn discrepancy_resolve(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: DiscrepancyResolveInput,
    ) -> Option<Result<DiscrepancyResolvePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object| DiscrepancyResolvePayload { discrepancy: Some(object), user_errors: Vec::new() };
        let refusal = |error| DiscrepancyResolvePayload { discrepancy: None, user_errors: vec![error] };
        let scope = match scope(input.scope, input.until) {
            Ok(scope) => scope,
            Err(message) => return Some(Ok(refusal(UserError::input(&["input", "until"], message)))),
        };
        let decided = async {
            let id = discrepancy_id(&input.discrepancy_id)?;
            let verdict = Verdict::Resolve(input.resolution.into(), scope);
            let command = Decide { id, expected_version: input.expected_version, verdict, reason: input.reason };
            services(ctx).discrepancy.decide(caller(ctx), command).await
        };
        Some(match decided.await {
            Ok(discrepancy) => Ok(done(DiscrepancyObject(discrepancy))),
            Err(error) => refused(error, "reason").map(refusal),
        })
    }
}
