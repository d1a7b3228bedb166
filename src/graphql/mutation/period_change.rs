//! What the mutations on months have in common.

use async_graphql::{Context, ID};

use super::chosen_integration::chosen_integration;
use crate::domain::closing::ClosingError;
use crate::domain::id::IntegrationId;
use crate::domain::period::Period;
use crate::graphql::context::{caller, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::billing_period::BillingPeriodObject;
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::node::Node;
use crate::service::closing::{ChangePeriod, ClosingStep, MAX_REASON, PeriodError};

/// A month to close or reopen, as the inputs have it.
pub(super) struct PeriodChange {
    pub integration_id: Option<ID>,
    pub period: Period,
    pub expected_version: Option<i64>,
    pub step: ClosingStep,
    pub reason: Option<String>,
}

/// What a change came to.
pub(super) struct Changed {
    /// The month as it is now.
    pub month: BillingPeriodObject,
    /// Its integration.
    pub integration: IntegrationObject,
}

impl PeriodChange {
    /// Does it.
    pub async fn run(self, ctx: &Context<'_>) -> Result<Result<Changed, UserError>, Failure> {
        let not_found = || UserError::not_found(&["input", "integrationId"], "integration");
        let chosen = match chosen_integration(ctx, self.integration_id.as_ref()).await? {
            Ok(chosen) => chosen,
            Err(error) => return Ok(Err(error)),
        };
        let integration_id = chosen.id;
        let command = ChangePeriod {
            integration_id,
            period: self.period,
            expected_version: self.expected_version,
            step: self.step,
            reason: self.reason,
        };
        let error = match services(ctx).closing.change(caller(ctx), command).await {
            Ok(month) => {
                return Ok(Ok(Changed { month: BillingPeriodObject(month), integration: IntegrationObject(chosen) }));
            }
            Err(error) => error,
        };
        let month = ["input", "period"];
        Ok(Err(match error {
            PeriodError::NotFound => not_found(),
            PeriodError::NotReconciled => {
                UserError::input(&month, format!("No report speaks for {}. Reconcile the month first.", self.period))
            }
            PeriodError::Unsettled(count) => UserError::input(
                &["input", "unsettledCount"],
                format!(
                    "{count} discrepancies of {} are unsettled. Settle them, or say that you leave {count}.",
                    self.period
                ),
            ),
            PeriodError::ReasonTooLong => {
                UserError::input(&["input", "reason"], format!("Give a reason of at most {MAX_REASON} characters."))
            }
            PeriodError::Stale(_) => {
                UserError::stale(&["input", "expectedVersion"], integration(ctx, integration_id).await?)
            }
            PeriodError::Refused { error, .. } => {
                let sentence = match error {
                    ClosingError::SamePerson => {
                        "You asked for it yourself, so that somebody else with the role FINANCE has to agree."
                    }
                    ClosingError::Already => "There is nothing to do: the month is in that state already.",
                    ClosingError::OtherRequest => {
                        "Something else was asked for the month. Agree to it or withdraw it first."
                    }
                };
                UserError::invalid_transition(&month, sentence, integration(ctx, integration_id).await?)
            }
            PeriodError::Forbidden(error) => return Err(error.into()),
            PeriodError::Internal(error) => return Err(error.into()),
        }))
    }
}

/// The integration whose months are to be read again.
async fn integration(ctx: &Context<'_>, id: IntegrationId) -> Result<Node, Failure> {
    let found = services(ctx).setup.find(caller(ctx), id).await?;
    let found = found.ok_or_else(|| Failure::bad_input("There is no such integration any more."))?;
    Ok(Node::Integration(IntegrationObject(found)))
}
