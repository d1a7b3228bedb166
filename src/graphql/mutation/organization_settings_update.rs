//! `organizationSettingsUpdate`.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};

use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::query::work::{OrganizationSettings, settings};

/// Input of `organizationSettingsUpdate`.
#[derive(InputObject)]
pub struct OrganizationSettingsUpdateInput {
    /// Whether two different people have to; null goes by how many may. Stays as it is when omitted.
    two_person_period_close: MaybeUndefined<bool>,
}

/// Payload of `organizationSettingsUpdate`.
#[derive(SimpleObject)]
pub struct OrganizationSettingsUpdatePayload {
    /// Settings as they are now. Null when it was not done.
    organization_settings: Option<OrganizationSettings>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `organizationSettingsUpdate`.
#[derive(Default)]
pub struct OrganizationSettingsUpdate;

#[Object]
impl OrganizationSettingsUpdate {
    /// Says whether two different people have to close and reopen a month. Needs the role ADMIN.
    async fn organization_settings_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: OrganizationSettingsUpdateInput,
    ) -> Option<Result<OrganizationSettingsUpdatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let done =
            |object| OrganizationSettingsUpdatePayload { organization_settings: Some(object), user_errors: Vec::new() };
        let changed = async {
            match input.two_person_period_close {
                MaybeUndefined::Undefined => {}
                value => services(ctx).closing.ask_for_two(caller(ctx), value.take()).await?,
            }
            settings(ctx).await
        };
        Some(changed.await.map(done))
    }
}
