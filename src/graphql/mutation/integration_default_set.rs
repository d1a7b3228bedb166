//! `integrationDefaultSet`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::access::Role;
use crate::domain::id::IntegrationId;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::integration::IntegrationObject;
use crate::service::setup::IntegrationError;

/// Input of `integrationDefaultSet`.
#[derive(InputObject)]
pub struct IntegrationDefaultSetInput {
    /// Global ID of the integration.
    integration_id: ID,
}

/// Payload of `integrationDefaultSet`.
#[derive(SimpleObject)]
pub struct IntegrationDefaultSetPayload {
    /// Integration, now the default one. Null when it was not done.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `integrationDefaultSet`.
#[derive(Default)]
pub struct IntegrationDefaultSet;

#[Object]
impl IntegrationDefaultSet {
    /// Makes an integration the one that operations without an integration use, for everybody in the organization. The
    /// first one that was made is it at first. Needs the role ADMIN.
    async fn integration_default_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which integration.")] input: IntegrationDefaultSetInput,
    ) -> Option<Result<IntegrationDefaultSetPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let field = ["input", "integrationId"];
        let refused = |error| Ok(IntegrationDefaultSetPayload { integration: None, user_errors: vec![error] });
        let Some(id) = decode_as(&input.integration_id, NodeKind::Integration) else {
            return Some(refused(UserError::not_found(&field, "integration")));
        };
        Some(match services(ctx).setup.set_default(caller(ctx), IntegrationId(id)).await {
            Ok(changed) => Ok(IntegrationDefaultSetPayload {
                integration: Some(IntegrationObject(changed)),
                user_errors: Vec::new(),
            }),
            Err(IntegrationError::NotFound) => refused(UserError::not_found(&field, "integration")),
            Err(other) => Err(other.into()),
        })
    }
}
