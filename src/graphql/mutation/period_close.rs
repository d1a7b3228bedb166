//! `periodClose`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::period_change::{Changed, PeriodChange};
use crate::domain::access::Role;
use crate::graphql::context::require_any;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::billing_period::BillingPeriodObject;
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::scalar::Month;
use crate::service::closing::ClosingStep;

/// Input of `periodClose`.
#[derive(InputObject)]
pub struct PeriodCloseInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Month.
    period: Month,
    /// Version of the month that the caller read; refused when it is no longer the present one. Not checked when omitted.
    expected_version: Option<i64>,
    /// Number of unsettled discrepancies that are knowingly left; 0 when omitted, and refused when it is another number.
    unsettled_count: Option<u32>,
    /// Why, in up to 500 characters.
    reason: Option<String>,
}

/// Payload of `periodClose`.
#[derive(SimpleObject)]
pub struct PeriodClosePayload {
    /// Month as it is now. Null when it was not done.
    billing_period: Option<BillingPeriodObject>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `periodClose`.
#[derive(Default)]
pub struct PeriodClose;

#[Object]
impl PeriodClose {
    /// Closes a month, so that what is said about it stays. Where two people have to, the first asks for it and the second, with the same mutation, closes it. Needs the role FINANCE.
    async fn period_close(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: PeriodCloseInput,
    ) -> Option<Result<PeriodClosePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |changed: Changed| PeriodClosePayload {
            billing_period: Some(changed.month),
            integration: Some(changed.integration),
            user_errors: Vec::new(),
        };
        let refusal = |error| PeriodClosePayload { billing_period: None, integration: None, user_errors: vec![error] };
        let change = PeriodChange {
            integration_id: input.integration_id,
            period: input.period.0,
            expected_version: input.expected_version,
            step: ClosingStep::Close { unsettled: input.unsettled_count.unwrap_or(0) },
            reason: input.reason,
        };
        Some(change.run(ctx).await.map(|outcome| match outcome {
            Ok(changed) => done(changed),
            Err(error) => refusal(error),
        }))
    }
}
