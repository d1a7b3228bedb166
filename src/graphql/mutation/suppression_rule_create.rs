//! `suppressionRuleCreate`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::chosen_integration::chosen_integration;
use super::suppression_subject::Subjects;
use crate::domain::access::Role;
use crate::domain::suppression::SuppressionConditions;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::discrepancy::DiscrepancyType;
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::suppression_rule::SuppressionRuleObject;
use crate::graphql::scalar::{CurrencyCode, Date, Decimal};
use crate::service::discrepancy::{CreateRule, SuppressError};

/// Input of `suppressionRuleCreate`.
#[derive(InputObject)]
pub struct SuppressionRuleCreateInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Types to hide; every type when omitted.
    types: Option<Vec<DiscrepancyType>>,
    /// Global ID of the only PSA customer that it is about.
    psa_customer_id: Option<ID>,
    /// Global ID of the only PSA product that it is about.
    psa_product_id: Option<ID>,
    /// Global ID of the only Pax8 product that it is about.
    pax8_product_id: Option<ID>,
    /// Only currency that it is about. It is no condition by itself.
    currency_code: Option<CurrencyCode>,
    /// Largest amount of a month to hide, in major units: effect and cost effect together, whatever their signs.
    largest_amount: Option<Decimal>,
    /// Name of who answers for it, in up to 200 characters; the caller when omitted.
    owner: Option<String>,
    /// Why, in 1 to 2,000 characters.
    reason: String,
    /// Last day on which it holds; at most 366 days from today.
    expires_on: Date,
}

/// Payload of `suppressionRuleCreate`.
#[derive(SimpleObject)]
pub struct SuppressionRuleCreatePayload {
    /// Rule. Null when it was not done.
    suppression_rule: Option<SuppressionRuleObject>,
    /// Integration that it was done for. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `suppressionRuleCreate`.
#[derive(Default)]
pub struct SuppressionRuleCreate;

#[Object]
impl SuppressionRuleCreate {
    /// Hides discrepancies that are known and accepted, until a day. What nobody has taken up is hidden at once; reports go on counting all of it and say what is hidden. Needs the role FINANCE.
    async fn suppression_rule_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: SuppressionRuleCreateInput,
    ) -> Option<Result<SuppressionRuleCreatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object, integration| SuppressionRuleCreatePayload {
            suppression_rule: Some(object),
            integration: Some(IntegrationObject(integration)),
            user_errors: Vec::new(),
        };
        let refusal = |error| SuppressionRuleCreatePayload {
            suppression_rule: None,
            integration: None,
            user_errors: vec![error],
        };
        let field = |name| ["input", name];
        let not_found = |what| Ok(refusal(UserError::not_found(&field("integrationId"), what)));
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(Ok(refusal(error))),
            Err(failure) => return Some(Err(failure)),
        };
        let integration_id = chosen.id;
        let conditions = SuppressionConditions {
            kinds: input.types.unwrap_or_default().into_iter().map(Into::into).collect(),
            customer: None,
            psa_product: None,
            pax8_product: None,
            currency: input.currency_code.map(|code| code.0),
            largest_amount: input.largest_amount.map(|amount| amount.0),
        };
        let subjects = Subjects {
            customer: input.psa_customer_id,
            psa_product: input.psa_product_id,
            pax8_product: input.pax8_product_id,
        };
        let conditions = match subjects.into_conditions(ctx, integration_id, conditions).await {
            Ok(Ok(conditions)) => conditions,
            Ok(Err(error)) => return Some(Ok(refusal(error))),
            Err(failure) => return Some(Err(failure)),
        };
        let command = CreateRule {
            integration_id,
            conditions,
            owner: input.owner,
            reason: input.reason,
            expires_on: input.expires_on.0,
        };
        Some(match services(ctx).discrepancy.create_rule(caller(ctx), command).await {
            Ok(rule) => Ok(done(SuppressionRuleObject(rule), chosen)),
            Err(SuppressError::NotFound) => not_found("integration"),
            Err(SuppressError::NoCondition) => Ok(refusal(UserError::input(
                &["input"],
                "Give a type, a customer, a product or a largest amount: a rule that hides everything is none.",
            ))),
            Err(SuppressError::BadAmount) => Ok(refusal(UserError::input(
                &field("largestAmount"),
                "Give an amount from 0 to nine million million, with at most six decimal places.",
            ))),
            Err(SuppressError::BadReason) => {
                Ok(refusal(UserError::input(&field("reason"), "Give a reason of 1 to 2,000 characters.")))
            }
            Err(SuppressError::BadOwner) => {
                Ok(refusal(UserError::input(&field("owner"), "Give a name of at most 200 characters.")))
            }
            Err(SuppressError::BadDay { earliest, latest }) => {
                Ok(refusal(UserError::input(&field("expiresOn"), format!("Choose a day from {earliest} to {latest}."))))
            }
            Err(SuppressError::Forbidden(error)) => Err(error.into()),
            Err(SuppressError::Internal(error)) => Err(error.into()),
        })
    }
}
