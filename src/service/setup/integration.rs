//! Making an integration and changing its settings.

use thiserror::Error;

use super::SetupService;
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{IntegrationId, ProviderAccountId};
use crate::domain::integration::Integration;
use crate::domain::provider::{ProviderAccount, Side};
use crate::domain::schedule::Schedule;
use crate::service::{Internal, OrInternal as _};
use crate::storage::page::{Slice, Window};
use crate::storage::{StorageError, account, integration, organization};

/// Longest name of an integration, in characters.
const MAX_NAME: usize = 200;

/// How long a recording of traffic lasts unless it is switched on again.
const DEBUG_HOURS: i64 = 24;

/// A new integration.
#[derive(Debug, Clone)]
pub struct CreateIntegration {
    /// Name.
    pub name: String,
}

/// New settings; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UpdateSettings {
    /// Integration.
    pub integration_id: Option<IntegrationId>,
    /// Version that the caller read.
    pub expected_version: Option<i64>,
    /// Name.
    pub name: Option<String>,
    /// Whether traffic is recorded.
    pub is_debug: Option<bool>,
    /// Cron expression.
    pub schedule_cron: Option<String>,
    /// Zone of the cron expression.
    pub schedule_time_zone: Option<chrono_tz::Tz>,
    /// Whether scheduled syncs run.
    pub is_schedule_enabled: Option<bool>,
    /// Whether customers are synced.
    pub syncs_customers: Option<bool>,
    /// Whether products are synced.
    pub syncs_products: Option<bool>,
    /// Confidence from which the machine maps by itself, in millionths.
    pub mapping_floor: Option<u32>,
}

/// Why an integration was not made or changed.
#[derive(Debug, Error)]
pub enum IntegrationError {
    /// No such integration.
    #[error("there is no such integration")]
    NotFound,
    /// The name cannot be used.
    #[error("the name must have 1 to {MAX_NAME} characters")]
    BadName,
    /// The name belongs to another integration.
    #[error("another integration has this name")]
    NameTaken,
    /// The schedule cannot be used; the text says why.
    #[error("{0}")]
    BadSchedule(String),
    /// The floor is out of range.
    #[error("the floor must be from 0.5 to 1")]
    BadFloor,
    /// The integration changed in the meantime; this is its present state.
    #[error("the integration changed in the meantime")]
    Stale(Box<Integration>),
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl SetupService {
    /// Makes an integration with two accounts that are not connected. The first of a tenant is its default.
    pub async fn create(&self, caller: &Caller, command: CreateIntegration) -> Result<Integration, IntegrationError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let now = core.clock.now();
        let name = checked_name(&command.name)?;
        let tx = core.store.begin().await.internal(caller)?;
        // Two people who make the first one at once: the second sees the first's.
        organization::lock(&tx, caller.organization_id).await.internal(caller)?;
        let is_default = integration::default(&*tx, caller.organization_id).await.internal(caller)?.is_none();
        let id = IntegrationId(core.ids.next());
        let created = Integration { is_default, ..Integration::new(id, caller.organization_id, name, now) };
        match integration::insert(&tx, &created).await {
            Err(StorageError::Conflict(_)) => return Err(IntegrationError::NameTaken),
            other => other.internal(caller)?,
        }
        for side in [Side::Pax8, Side::Psa] {
            let account = ProviderAccount::unconnected(
                ProviderAccountId(core.ids.next()),
                caller.organization_id,
                created.id,
                side,
            );
            account::insert(&tx, &account, now).await.internal(caller)?;
        }
        let change = Change {
            action: "integration.create",
            subject_kind: "integration",
            subject_id: Some(created.id.0),
            before: None,
            after: Some(summary(&created)),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(created)
    }

    /// Changes settings. A recording of traffic ends by itself after a day.
    pub async fn update_settings(
        &self,
        caller: &Caller,
        command: UpdateSettings,
    ) -> Result<Integration, IntegrationError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let now = core.clock.now();
        let id = command.integration_id.ok_or(IntegrationError::NotFound)?;
        let tx = core.store.begin().await.internal(caller)?;
        let found = integration::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let mut changed = found.ok_or(IntegrationError::NotFound)?;
        if command.expected_version.is_some_and(|expected| expected != changed.version) {
            return Err(IntegrationError::Stale(Box::new(changed)));
        }
        let before = summary(&changed);
        if let Some(name) = &command.name {
            changed.name = checked_name(name)?;
        }
        let settings = &mut changed.settings;
        if let Some(is_debug) = command.is_debug {
            settings.is_debug = is_debug;
            settings.debug_until = is_debug.then(|| now + chrono::TimeDelta::hours(DEBUG_HOURS));
        }
        settings.schedule_time_zone = command.schedule_time_zone.unwrap_or(settings.schedule_time_zone);
        settings.is_schedule_enabled = command.is_schedule_enabled.unwrap_or(settings.is_schedule_enabled);
        settings.syncs_customers = command.syncs_customers.unwrap_or(settings.syncs_customers);
        settings.syncs_products = command.syncs_products.unwrap_or(settings.syncs_products);
        if let Some(floor) = command.mapping_floor {
            if !(500_000..=1_000_000).contains(&floor) {
                return Err(IntegrationError::BadFloor);
            }
            settings.mapping_floor = floor;
        }
        let cron = command.schedule_cron.unwrap_or_else(|| settings.schedule_cron.clone());
        let schedule = Schedule::parse(&cron, settings.schedule_time_zone.name())
            .map_err(|error| IntegrationError::BadSchedule(error.to_string()))?;
        settings.schedule_cron = cron;
        changed.next_run_at = if settings.is_schedule_enabled { schedule.next_after(now) } else { None };
        changed.version += 1;
        match integration::update(&tx, &changed).await {
            Err(StorageError::Conflict(_)) => return Err(IntegrationError::NameTaken),
            other => other.internal(caller)?,
        }
        let change = Change {
            action: "integration.settings_update",
            subject_kind: "integration",
            subject_id: Some(changed.id.0),
            before: Some(before),
            after: Some(summary(&changed)),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(changed)
    }

    /// Makes an integration the one that operations without one use.
    pub async fn set_default(&self, caller: &Caller, id: IntegrationId) -> Result<Integration, IntegrationError> {
        caller.require(Role::Admin)?;
        let core = &self.core;
        let tx = core.store.begin().await.internal(caller)?;
        // Two people who choose at once: the second sees what the first chose.
        organization::lock(&tx, caller.organization_id).await.internal(caller)?;
        let found = integration::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let mut chosen = found.filter(|found| found.archived_at.is_none()).ok_or(IntegrationError::NotFound)?;
        if chosen.is_default {
            return Ok(chosen);
        }
        let before = integration::default(&*tx, caller.organization_id).await.internal(caller)?;
        if let Some(before) = &before {
            let changed = Integration { is_default: false, version: before.version + 1, ..before.clone() };
            integration::update(&tx, &changed).await.internal(caller)?;
        }
        chosen.is_default = true;
        chosen.version += 1;
        integration::update(&tx, &chosen).await.internal(caller)?;
        let name = |integration: &Integration| {
            serde_json::json!({ "id": integration.id.to_string(), "name": integration.name }).to_string()
        };
        let change = Change {
            action: "integration.default_set",
            subject_kind: "integration",
            subject_id: Some(chosen.id.0),
            before: before.as_ref().map(name),
            after: Some(name(&chosen)),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(chosen)
    }

    /// An integration of the caller's tenant.
    pub async fn find(&self, caller: &Caller, id: IntegrationId) -> Result<Option<Integration>, IntegrationError> {
        caller.require(Role::Viewer)?;
        Ok(integration::find(self.core.store.read(), caller.organization_id, id).await.internal(caller)?)
    }

    /// The integration that operations without one use.
    pub async fn default(&self, caller: &Caller) -> Result<Option<Integration>, IntegrationError> {
        caller.require(Role::Viewer)?;
        Ok(integration::default(self.core.store.read(), caller.organization_id).await.internal(caller)?)
    }

    /// A page of the tenant's integrations.
    pub async fn page(&self, caller: &Caller, window: &Window) -> Result<Slice<Integration>, IntegrationError> {
        caller.require(Role::Viewer)?;
        Ok(integration::page(self.core.store.read(), caller.organization_id, window).await.internal(caller)?)
    }

    /// How many integrations the tenant has.
    pub async fn count(&self, caller: &Caller) -> Result<u64, IntegrationError> {
        caller.require(Role::Viewer)?;
        Ok(integration::count(self.core.store.read(), caller.organization_id).await.internal(caller)?)
    }
}

fn checked_name(name: &str) -> Result<String, IntegrationError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.contains('\0') {
        return Err(IntegrationError::BadName);
    }
    Ok(name.to_owned())
}

fn summary(integration: &Integration) -> String {
    let settings = &integration.settings;
    serde_json::json!({
        "name": integration.name,
        "debug": settings.is_debug,
        "debugUntil": settings.debug_until,
        "scheduleCron": settings.schedule_cron,
        "scheduleTimeZone": settings.schedule_time_zone.name(),
        "scheduleEnabled": settings.is_schedule_enabled,
        "syncCustomers": settings.syncs_customers,
        "syncProducts": settings.syncs_products,
        "mappingFloorMillionths": settings.mapping_floor,
    })
    .to_string()
}
