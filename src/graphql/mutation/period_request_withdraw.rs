//! `periodRequestWithdraw`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::period_change::{Changed, PeriodChange};
use crate::domain::access::Role;
use crate::graphql::context::require_any;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::billing_period::BillingPeriodObject;
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::scalar::Month;
use crate::service::closing::ClosingStep;

/// Input of `periodRequestWithdraw`.
#[derive(InputObject)]
pub struct PeriodRequestWithdrawInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Month.
    period: Month,
    /// Version of the month that the caller read; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `periodRequestWithdraw`.
#[derive(SimpleObject)]
pub struct PeriodRequestWithdrawPayload {
    /// Month as it is now. Null when it was not done.
    billing_period: Option<BillingPeriodObject>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `periodRequestWithdraw`.
#[derive(Default)]
pub struct PeriodRequestWithdraw;

#[Object]
impl PeriodRequestWithdraw {
    /// Takes back, or declines, that a month be closed or reopened. Needs the role FINANCE.
    async fn period_request_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: PeriodRequestWithdrawInput,
    ) -> Option<Result<PeriodRequestWithdrawPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |changed: Changed| PeriodRequestWithdrawPayload {
            billing_period: Some(changed.month),
            integration: Some(changed.integration),
            user_errors: Vec::new(),
        };
        let refusal =
            |error| PeriodRequestWithdrawPayload { billing_period: None, integration: None, user_errors: vec![error] };
        let change = PeriodChange {
            integration_id: input.integration_id,
            period: input.period.0,
            expected_version: input.expected_version,
            step: ClosingStep::Withdraw,
            reason: input.reason,
        };
        Some(change.run(ctx).await.map(|outcome| match outcome {
            Ok(changed) => done(changed),
            Err(error) => refusal(error),
        }))
    }
}
