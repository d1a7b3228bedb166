//! `discrepancyAssign`.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::discrepancy_work::{discrepancy_id, refused};
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::discrepancy::DiscrepancyObject;
use crate::graphql::scalar::Date;
use crate::service::discrepancy::Assign;

/// Input of `discrepancyAssign`.
#[derive(InputObject)]
pub struct DiscrepancyAssignInput {
    /// Global ID of the discrepancy.
    discrepancy_id: ID,
    /// Version that the caller read; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Name of who looks after it, in up to 200 characters; nobody when null, as before when omitted.
    assignee: MaybeUndefined<String>,
    /// Day by which it is to be settled; none when null, as before when omitted.
    due_on: MaybeUndefined<Date>,
}

/// Payload of `discrepancyAssign`.
#[derive(SimpleObject)]
pub struct DiscrepancyAssignPayload {
    /// Discrepancy as it is now. Null when it was not done.
    discrepancy: Option<DiscrepancyObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `discrepancyAssign`.
#[derive(Default)]
pub struct DiscrepancyAssign;

#[Object]
impl DiscrepancyAssign {
    /// Says who looks after a discrepancy and until when. With somebody it is in review, with nobody open; what is settled or hidden stays so. Needs the role OPERATOR or FINANCE.
    async fn discrepancy_assign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: DiscrepancyAssignInput,
    ) -> Option<Result<DiscrepancyAssignPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator, Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object| DiscrepancyAssignPayload { discrepancy: Some(object), user_errors: Vec::new() };
        let refusal = |error| DiscrepancyAssignPayload { discrepancy: None, user_errors: vec![error] };
        let assigned = async {
            let id = discrepancy_id(&input.discrepancy_id)?;
            let (assignee, due_on) = (input.assignee, input.due_on.map_value(|day| day.0));
            let command = Assign {
                id,
                expected_version: input.expected_version,
                assignee: assignee.into(),
                due_on: due_on.into(),
            };
            services(ctx).discrepancy.assign(caller(ctx), command).await
        };
        Some(match assigned.await {
            Ok(discrepancy) => Ok(done(DiscrepancyObject(discrepancy))),
            Err(error) => refused(error, "assignee").map(refusal),
        })
    }
}
