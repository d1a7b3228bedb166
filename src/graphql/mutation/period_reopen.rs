//! `periodReopen`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::period_change::{Changed, PeriodChange};
use crate::domain::access::Role;
use crate::graphql::context::require_any;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::billing_period::BillingPeriodObject;
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::scalar::Month;
use crate::service::closing::ClosingStep;

/// Input of `periodReopen`.
#[derive(InputObject)]
pub struct PeriodReopenInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Month.
    period: Month,
    /// Version of the month that the caller read; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `periodReopen`.
#[derive(SimpleObject)]
pub struct PeriodReopenPayload {
    /// Month as it is now. Null when it was not done.
    billing_period: Option<BillingPeriodObject>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `periodReopen`.
#[derive(Default)]
pub struct PeriodReopen;

#[Object]
impl PeriodReopen {
    /// Reopens a closed month. Where two people have to, the first asks for it and the second, with the same mutation, reopens it. Needs the role FINANCE.
    async fn period_reopen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: PeriodReopenInput,
    ) -> Option<Result<PeriodReopenPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |changed: Changed| PeriodReopenPayload {
            billing_period: Some(changed.month),
            integration: Some(changed.integration),
            user_errors: Vec::new(),
        };
        let refusal = |error| PeriodReopenPayload { billing_period: None, integration: None, user_errors: vec![error] };
        let change = PeriodChange {
            integration_id: input.integration_id,
            period: input.period.0,
            expected_version: input.expected_version,
            step: ClosingStep::Reopen,
            reason: input.reason,
        };
        Some(change.run(ctx).await.map(|outcome| match outcome {
            Ok(changed) => done(changed),
            Err(error) => refusal(error),
        }))
    }
}
