//! `syncRunStart`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::chosen_integration::chosen_integration;
use crate::domain::access::Role;
use crate::domain::provider::Side;
use crate::domain::run::SyncTrigger;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, JobAlreadyRunningError, ProviderNotAuthorizedError, UserError, UserErrorCode};
use crate::graphql::object::account::ProviderAccountObject;
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::sync_run::SyncRunObject;
use crate::service::sync::SyncError;

/// Input of `syncRunStart`.
#[derive(InputObject)]
pub struct SyncRunStartInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
}

/// Payload of `syncRunStart`.
#[derive(SimpleObject)]
pub struct SyncRunStartPayload {
    /// Run that was started; follow it with `syncRunEvents`. Null when none was.
    sync_run: Option<SyncRunObject>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `syncRunStart`.
#[derive(Default)]
pub struct SyncRunStart;

#[Object]
impl SyncRunStart {
    /// Starts a sync. It goes on by itself; the answer comes at once. Needs the role OPERATOR.
    async fn sync_run_start(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to sync.")] input: SyncRunStartInput,
    ) -> Option<Result<SyncRunStartPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator]) {
            return Some(Err(forbidden));
        }
        let refused = |error| Ok(SyncRunStartPayload { sync_run: None, integration: None, user_errors: vec![error] });
        let field = ["input", "integrationId"];
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(refused(error)),
            Err(failure) => return Some(Err(failure)),
        };
        Some(match services(ctx).sync.start(caller(ctx), chosen.id, SyncTrigger::Manual).await {
            Ok(run) => Ok(SyncRunStartPayload {
                sync_run: Some(SyncRunObject(run)),
                integration: Some(IntegrationObject(chosen)),
                user_errors: Vec::new(),
            }),
            Err(SyncError::NotFound) => refused(UserError::not_found(&field, "integration")),
            Err(SyncError::NotConnected(account)) => {
                refused(UserError::ProviderNotAuthorized(ProviderNotAuthorizedError {
                    code: UserErrorCode::ProviderNotAuthorized,
                    message: format!(
                        "Both accounts must be connected before a sync can run, and the one of {} is not. Connect it first.",
                        match account.side {
                            Side::Pax8 => "Pax8",
                            Side::Psa => "the PSA",
                        }
                    ),
                    field: None,
                    account: ProviderAccountObject(*account),
                }))
            }
            Err(SyncError::AlreadyRunning(run)) => refused(UserError::JobAlreadyRunning(JobAlreadyRunningError {
                code: UserErrorCode::JobAlreadyRunning,
                message: "A sync of this integration is already running. Follow that one instead.".to_owned(),
                field: None,
                sync_run: run.map(|run| SyncRunObject(*run)),
            })),
            Err(other) => Err(other.into()),
        })
    }
}
