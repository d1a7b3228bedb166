//! `discrepancyReopen`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::discrepancy_work::{discrepancy_id, refused};
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::discrepancy::DiscrepancyObject;
use crate::service::discrepancy::{Decide, Verdict};

/// Input of `discrepancyReopen`.
#[derive(InputObject)]
pub struct DiscrepancyReopenInput {
    /// Global ID of the discrepancy.
    discrepancy_id: ID,
    /// Version that the caller read; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Why, in up to 2,000 characters.
    reason: Option<String>,
}

/// Payload of `discrepancyReopen`.
#[derive(SimpleObject)]
pub struct DiscrepancyReopenPayload {
    /// Discrepancy, now open again. Null when it was not done.
    discrepancy: Option<DiscrepancyObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `discrepancyReopen`.
#[derive(Default)]
pub struct DiscrepancyReopen;

#[Object]
impl DiscrepancyReopen {
    /// Takes a decision back, or shows what a rule hides; it waits for somebody again. Needs the role FINANCE.
    async fn discrepancy_reopen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: DiscrepancyReopenInput,
    ) -> Option<Result<DiscrepancyReopenPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object| DiscrepancyReopenPayload { discrepancy: Some(object), user_errors: Vec::new() };
        let refusal = |error| DiscrepancyReopenPayload { discrepancy: None, user_errors: vec![error] };
        let decided = async {
            let id = discrepancy_id(&input.discrepancy_id)?;
            let verdict = Verdict::Reopen;
            let command = Decide { id, expected_version: input.expected_version, verdict, reason: input.reason };
            services(ctx).discrepancy.decide(caller(ctx), command).await
        };
        Some(match decided.await {
            Ok(discrepancy) => Ok(done(DiscrepancyObject(discrepancy))),
            Err(error) => refused(error, "reason").map(refusal),
        })
    }
}
