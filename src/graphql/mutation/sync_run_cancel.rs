//! `syncRunCancel`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::id::SyncRunId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::node::Node;
use crate::graphql::object::sync_run::SyncRunObject;
use crate::service::sync::SyncError;

/// Input of `syncRunCancel`.
#[derive(InputObject)]
pub struct SyncRunCancelInput {
    /// Global ID of the run.
    sync_run_id: ID,
}

/// Payload of `syncRunCancel`.
#[derive(SimpleObject)]
pub struct SyncRunCancelPayload {
    /// Run, which stops at its next page. Null when it was not asked to.
    sync_run: Option<SyncRunObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `syncRunCancel`.
#[derive(Default)]
pub struct SyncRunCancel;

#[Object]
impl SyncRunCancel {
    /// Asks a sync run to stop. What it has read stays. Needs the role OPERATOR.
    async fn sync_run_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which run to stop.")] input: SyncRunCancelInput,
    ) -> Option<Result<SyncRunCancelPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let field = ["input", "syncRunId"];
        let refused = |error| Ok(SyncRunCancelPayload { sync_run: None, user_errors: vec![error] });
        let Some(id) = decode_as(&input.sync_run_id, NodeKind::SyncRun) else {
            return Some(refused(UserError::not_found(&field, "sync run")));
        };
        Some(match services(ctx).sync.cancel(caller(ctx), SyncRunId(id)).await {
            Ok(run) => Ok(SyncRunCancelPayload { sync_run: Some(SyncRunObject(run)), user_errors: Vec::new() }),
            Err(SyncError::NotFound) => refused(UserError::not_found(&field, "sync run")),
            Err(SyncError::Ended(run)) => refused(UserError::invalid_transition(
                &field,
                "The run has already ended; there is nothing to stop.",
                Node::SyncRun(SyncRunObject(*run)),
            )),
            Err(other) => Err(other.into()),
        })
    }
}
