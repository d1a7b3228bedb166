//! `integrationCreate`.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::integration::IntegrationObject;
use crate::service::setup::{CreateIntegration, IntegrationError};

/// Input of `integrationCreate`.
#[derive(InputObject)]
pub struct IntegrationCreateInput {
    /// Name of the integration, 1 to 200 characters; unique among the caller's integrations.
    name: String,
}

/// Payload of `integrationCreate`.
#[derive(SimpleObject)]
pub struct IntegrationCreatePayload {
    /// New integration, with two accounts to connect. Null when it was not made.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `integrationCreate`.
#[derive(Default)]
pub struct IntegrationCreate;

#[Object]
impl IntegrationCreate {
    /// Makes an integration: a Pax8 account and a PSA account, to be connected. Needs the role ADMIN.
    async fn integration_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: IntegrationCreateInput,
    ) -> Option<Result<IntegrationCreatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let command = CreateIntegration { name: input.name };
        let refused = |message: &str| {
            let errors = vec![UserError::input(&["input", "name"], message)];
            Ok(IntegrationCreatePayload { integration: None, user_errors: errors })
        };
        Some(match services(ctx).setup.create(caller(ctx), command).await {
            Ok(created) => {
                Ok(IntegrationCreatePayload { integration: Some(IntegrationObject(created)), user_errors: Vec::new() })
            }
            Err(IntegrationError::BadName) => refused("Give the integration a name of 1 to 200 characters."),
            Err(IntegrationError::NameTaken) => {
                refused("Another integration already has this name. Choose a different one.")
            }
            Err(other) => Err(other.into()),
        })
    }
}
