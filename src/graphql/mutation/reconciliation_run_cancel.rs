//! `reconciliationRunCancel`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::id::ReconciliationRunId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::node::Node;
use crate::graphql::object::reconciliation_run::ReconciliationRunObject;
use crate::service::reconciliation::ReconciliationError;

/// Input of `reconciliationRunCancel`.
#[derive(InputObject)]
pub struct ReconciliationRunCancelInput {
    /// Global ID of the run.
    reconciliation_run_id: ID,
}

/// Payload of `reconciliationRunCancel`.
#[derive(SimpleObject)]
pub struct ReconciliationRunCancelPayload {
    /// Run, which stops at its next step. Null when it was not done.
    reconciliation_run: Option<ReconciliationRunObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `reconciliationRunCancel`.
#[derive(Default)]
pub struct ReconciliationRunCancel;

#[Object]
impl ReconciliationRunCancel {
    /// Asks a reconciliation run to stop. No report comes of it. Needs the role OPERATOR or FINANCE.
    async fn reconciliation_run_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which run to stop.")] input: ReconciliationRunCancelInput,
    ) -> Option<Result<ReconciliationRunCancelPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator, Role::Finance]) {
            return Some(Err(forbidden));
        }
        let field = ["input", "reconciliationRunId"];
        let refused = |error| Ok(ReconciliationRunCancelPayload { reconciliation_run: None, user_errors: vec![error] });
        let Some(id) = decode_as(&input.reconciliation_run_id, NodeKind::ReconciliationRun) else {
            return Some(refused(UserError::not_found(&field, "reconciliation run")));
        };
        Some(match services(ctx).reconciliation.cancel(caller(ctx), ReconciliationRunId(id)).await {
            Ok(run) => Ok(ReconciliationRunCancelPayload {
                reconciliation_run: Some(ReconciliationRunObject(run)),
                user_errors: Vec::new(),
            }),
            Err(ReconciliationError::NotFound) => refused(UserError::not_found(&field, "reconciliation run")),
            Err(ReconciliationError::Ended(run)) => refused(UserError::invalid_transition(
                &field,
                "The run has already ended; there is nothing to stop.",
                Node::ReconciliationRun(ReconciliationRunObject(*run)),
            )),
            Err(other) => Err(other.into()),
        })
    }
}
