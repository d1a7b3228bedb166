//! `reconciliationRunStart`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::chosen_integration::chosen_integration;
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::reconciliation_run::ReconciliationRunObject;
use crate::graphql::scalar::{Date, Month};
use crate::service::reconciliation::{ReconciliationError, StartReconciliation};

/// Input of `reconciliationRunStart`.
#[derive(InputObject)]
pub struct ReconciliationRunStartInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// First month to compare; `periodTo` when omitted.
    period_from: Option<Month>,
    /// Last month to compare; the latest month with invoices on both sides when omitted. At most 36 months at once.
    period_to: Option<Month>,
    /// Day that counts as today: what is not due by then is expected later. Today in the integration's time zone when
    /// omitted.
    as_of: Option<Date>,
    /// Version of the integration's policy; the one in force when omitted, and 0 for the default policy. A report by
    /// another version than the one in force, or as of an earlier day than the last one, answers "what if": it changes
    /// nothing about discrepancies and months.
    policy_version: Option<i64>,
}

/// Payload of `reconciliationRunStart`.
#[derive(SimpleObject)]
pub struct ReconciliationRunStartPayload {
    /// Run that was started; follow it with `reconciliationRunEvents`. Null when none was.
    reconciliation_run: Option<ReconciliationRunObject>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `reconciliationRunStart`.
#[derive(Default)]
pub struct ReconciliationRunStart;

#[Object]
impl ReconciliationRunStart {
    /// Starts a comparison of what Pax8 charged with what the PSA billed. It goes on by itself; the answer comes at
    /// once. Needs the role OPERATOR or FINANCE.
    async fn reconciliation_run_start(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to compare.")] input: ReconciliationRunStartInput,
    ) -> Option<Result<ReconciliationRunStartPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator, Role::Finance]) {
            return Some(Err(forbidden));
        }
        let refused = |error| {
            Ok(ReconciliationRunStartPayload { reconciliation_run: None, integration: None, user_errors: vec![error] })
        };
        let field = ["input", "integrationId"];
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(refused(error)),
            Err(failure) => return Some(Err(failure)),
        };
        let command = StartReconciliation {
            integration_id: chosen.id,
            period_from: input.period_from.map(|month| month.0),
            period_to: input.period_to.map(|month| month.0),
            as_of: input.as_of.map(|day| day.0),
            policy_version: input.policy_version,
        };
        Some(match services(ctx).reconciliation.start(caller(ctx), command).await {
            Ok(run) => Ok(ReconciliationRunStartPayload {
                reconciliation_run: Some(ReconciliationRunObject(run)),
                integration: Some(IntegrationObject(chosen)),
                user_errors: Vec::new(),
            }),
            Err(ReconciliationError::NotFound) => refused(UserError::not_found(&field, "integration")),
            Err(ReconciliationError::Archived) => {
                refused(UserError::input(&field, "The integration is archived. Choose one that is not."))
            }
            Err(ReconciliationError::NoPeriod) => refused(UserError::input(
                &["input", "periodTo"],
                "No month has invoices on both sides yet. Sync first, or name the months to compare.",
            )),
            Err(ReconciliationError::BadPeriods { from, to }) => refused(UserError::input(
                &["input", "periodFrom"],
                format!("The months from {from} to {to} cannot be compared at once. Choose 1 to 36 months."),
            )),
            Err(ReconciliationError::NoPolicy(version)) => refused(UserError::input(
                &["input", "policyVersion"],
                format!("The integration has no version {version} of its policy. See `policyVersions`."),
            )),
            Err(other) => Err(other.into()),
        })
    }
}
