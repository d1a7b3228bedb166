//! `integrationSettingsUpdate`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use rust_decimal::prelude::ToPrimitive as _;

use super::chosen_integration::chosen_integration;
use crate::domain::access::Role;
use crate::domain::money::Micros;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::integration::IntegrationObject;
use crate::graphql::object::node::Node;
use crate::graphql::scalar::{Decimal, TimeZone};
use crate::service::setup::{IntegrationError, UpdateSettings};

/// When syncs start by themselves. What is left out stays as it is.
#[derive(InputObject)]
pub struct SyncScheduleInput {
    /// Cron expression of five fields, for example `0 * * * *` for every hour.
    cron: Option<String>,
    /// Time zone that the expression is read in.
    time_zone: Option<TimeZone>,
    /// Whether scheduled syncs run.
    is_enabled: Option<bool>,
}

/// Input of `integrationSettingsUpdate`. What is left out stays as it is.
#[derive(InputObject)]
pub struct IntegrationSettingsUpdateInput {
    /// Global ID of the integration; the default one when omitted.
    integration_id: Option<ID>,
    /// Version that the caller read; the change is refused when it is no longer the present one. Not checked when
    /// omitted.
    expected_version: Option<i64>,
    /// Name of the integration.
    name: Option<String>,
    /// Whether traffic with the providers is recorded; switches itself off after 24 hours.
    debug: Option<bool>,
    /// When syncs start by themselves.
    schedule: Option<SyncScheduleInput>,
    /// Whether customers are synced.
    sync_customers: Option<bool>,
    /// Whether products are synced.
    sync_products: Option<bool>,
    /// Confidence from `0.5` to `1` from which the machine maps a pair by itself; at most six decimal places.
    mapping_floor: Option<Decimal>,
}

/// Payload of `integrationSettingsUpdate`.
#[derive(SimpleObject)]
pub struct IntegrationSettingsUpdatePayload {
    /// Integration with its new settings. Null when it was not changed.
    integration: Option<IntegrationObject>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `integrationSettingsUpdate`.
#[derive(Default)]
pub struct IntegrationSettingsUpdate;

#[Object]
impl IntegrationSettingsUpdate {
    /// Changes the settings of an integration. Needs the role ADMIN.
    async fn integration_settings_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: IntegrationSettingsUpdateInput,
    ) -> Option<Result<IntegrationSettingsUpdatePayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Admin]) {
            return Some(Err(forbidden));
        }
        let refused = |error| Ok(IntegrationSettingsUpdatePayload { integration: None, user_errors: vec![error] });
        let bad_floor = || {
            refused(UserError::input(
                &["input", "mappingFloor"],
                "The floor must be from 0.5 to 1, with at most six decimal places.",
            ))
        };
        let mapping_floor = match input.mapping_floor {
            None => None,
            Some(floor) => match Micros::from_decimal(floor.0).ok().and_then(|floor| floor.0.to_u32()) {
                None => return Some(bad_floor()),
                floor => floor,
            },
        };
        let chosen = match chosen_integration(ctx, input.integration_id.as_ref()).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(error)) => return Some(refused(error)),
            Err(failure) => return Some(Err(failure)),
        };
        let schedule = input.schedule.unwrap_or(SyncScheduleInput { cron: None, time_zone: None, is_enabled: None });
        let command = UpdateSettings {
            integration_id: Some(chosen.id),
            expected_version: input.expected_version,
            name: input.name,
            is_debug: input.debug,
            schedule_cron: schedule.cron,
            schedule_time_zone: schedule.time_zone.map(|zone| zone.0),
            is_schedule_enabled: schedule.is_enabled,
            syncs_customers: input.sync_customers,
            syncs_products: input.sync_products,
            mapping_floor,
        };
        Some(match services(ctx).setup.update_settings(caller(ctx), command).await {
            Ok(changed) => Ok(IntegrationSettingsUpdatePayload {
                integration: Some(IntegrationObject(changed)),
                user_errors: Vec::new(),
            }),
            Err(IntegrationError::NotFound) => {
                refused(UserError::not_found(&["input", "integrationId"], "integration"))
            }
            Err(IntegrationError::BadName) => {
                refused(UserError::input(&["input", "name"], "Give the integration a name of 1 to 200 characters."))
            }
            Err(IntegrationError::NameTaken) => refused(UserError::input(
                &["input", "name"],
                "Another integration already has this name. Choose a different one.",
            )),
            Err(IntegrationError::BadSchedule(message)) => {
                refused(UserError::input(&["input", "schedule", "cron"], message))
            }
            Err(IntegrationError::BadFloor) => bad_floor(),
            Err(IntegrationError::Stale(current)) => {
                refused(UserError::stale(&["input", "expectedVersion"], Node::Integration(IntegrationObject(*current))))
            }
            Err(other) => Err(other.into()),
        })
    }
}
