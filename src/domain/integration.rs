//! An integration: one Pax8 account and one PSA account, joined; its settings and its way through set-up.

use chrono::{DateTime, Utc};

use super::id::{IntegrationId, OrganizationId};
use super::schedule::Schedule;

/// Stage of the set-up wizard, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetupStage {
    /// Nothing is connected yet.
    InitialConfiguration,
    /// Pax8 is to be connected.
    ConnectPax8,
    /// The PSA is to be connected.
    ConnectPsa,
    /// Settings are to be chosen.
    Settings,
    /// The first sync is to run.
    FirstSync,
    /// Mappings that the machine made are to be reviewed.
    ReviewAutomatic,
    /// Records without a mapping are to be mapped or excluded.
    MapManually,
    /// Records without a counterpart are to be created or excluded.
    CreateMissing,
    /// Everything is to be confirmed.
    ReviewAll,
    /// Set-up is done; schedules run.
    Complete,
}

/// What may be written to the other systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WritePolicy {
    /// Nothing; the default until set-up is complete.
    ReadOnly,
    /// What a person approved; the default afterwards.
    Review,
    /// What the plan says.
    Automatic,
}

/// Confidence from which the machine maps a pair by itself, in millionths.
pub const DEFAULT_MAPPING_FLOOR: u32 = 980_000;

/// What is synced, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationSettings {
    /// Whether traffic with the providers is recorded, with secrets removed.
    pub is_debug: bool,
    /// When recording switches itself off.
    pub debug_until: Option<DateTime<Utc>>,
    /// Cron expression of five fields.
    pub schedule_cron: String,
    /// Time zone that the expression is read in.
    pub schedule_time_zone: chrono_tz::Tz,
    /// Whether scheduled syncs run.
    pub is_schedule_enabled: bool,
    /// Whether customers are synced.
    pub syncs_customers: bool,
    /// Whether products are synced.
    pub syncs_products: bool,
    /// Confidence from which the machine maps by itself, in millionths.
    pub mapping_floor: u32,
}

impl Default for IntegrationSettings {
    /// Everything is synced, and nothing runs by itself: that is for when set-up is complete, unless somebody switches it
    /// on.
    fn default() -> Self {
        Self {
            is_debug: false,
            debug_until: None,
            schedule_cron: Schedule::default().cron().to_owned(),
            schedule_time_zone: chrono_tz::UTC,
            is_schedule_enabled: false,
            syncs_customers: true,
            syncs_products: true,
            mapping_floor: DEFAULT_MAPPING_FLOOR,
        }
    }
}

impl IntegrationSettings {
    /// Whether traffic is recorded at a moment: a recording ends by itself.
    pub fn records_at(&self, moment: DateTime<Utc>) -> bool {
        self.is_debug && self.debug_until.is_none_or(|until| moment < until)
    }
}

/// One Pax8 account and one PSA account, joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Id.
    pub id: IntegrationId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Name chosen by a person; unique among the tenant's integrations that are not archived.
    pub name: String,
    /// Whether operations without an integration use this one.
    pub is_default: bool,
    /// Stage of set-up.
    pub setup_stage: SetupStage,
    /// What may be written.
    pub write_policy: WritePolicy,
    /// Settings.
    pub settings: IntegrationSettings,
    /// Next scheduled sync.
    pub next_run_at: Option<DateTime<Utc>>,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When set-up was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it was archived.
    pub archived_at: Option<DateTime<Utc>>,
}

impl Integration {
    /// A new one, of which nothing is set up.
    pub fn new(id: IntegrationId, organization_id: OrganizationId, name: String, created_at: DateTime<Utc>) -> Self {
        Self {
            id,
            organization_id,
            name,
            is_default: false,
            setup_stage: SetupStage::ConnectPax8,
            write_policy: WritePolicy::ReadOnly,
            settings: IntegrationSettings::default(),
            next_run_at: None,
            version: 1,
            created_at,
            completed_at: None,
            archived_at: None,
        }
    }
}
