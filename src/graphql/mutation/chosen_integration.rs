//! Which integration an operation is about, when its input may leave that out.

use async_graphql::{Context, ID};

use crate::domain::id::IntegrationId;
use crate::domain::integration::Integration;
use crate::graphql::context::{caller, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};

/// The integration that an input names, or the default one of the caller's organization. Ask for the role first.
pub(super) async fn chosen_integration(
    ctx: &Context<'_>,
    id: Option<&ID>,
) -> Result<Result<Integration, UserError>, Failure> {
    let field = ["input", "integrationId"];
    let setup = &services(ctx).setup;
    Ok(match id {
        Some(id) => {
            let id = decode_as(id, NodeKind::Integration).map(IntegrationId);
            let found = match id {
                None => None,
                Some(id) => setup.find(caller(ctx), id).await?,
            };
            found.ok_or_else(|| UserError::not_found(&field, "integration"))
        }
        None => setup.default(caller(ctx)).await?.ok_or_else(|| {
            UserError::input(&field, "There is no integration yet. Make one with `integrationCreate` first.")
        }),
    })
}
