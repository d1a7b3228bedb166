//! Provider accounts: one side's connection, and the states it can be in.

use chrono::{DateTime, Utc};

use super::id::{IntegrationId, OrganizationId, ProviderAccountId};

/// Side of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The Pax8 marketplace.
    Pax8,
    /// The professional services automation system.
    Psa,
}

/// Software that speaks to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectorKind {
    /// The Pax8 partner API.
    Pax8,
    /// Rev.io PSA with Rev.io Billing behind it.
    RevioPsa,
    /// A directory of files in the shapes of either side.
    Files,
}

/// Whether Concord may act for an account at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountStatus {
    /// Never connected, or disconnected.
    NotConnected,
    /// A person was sent to the provider and has not come back yet.
    Authorizing,
    /// Works: the green dot.
    Connected,
    /// Works, but the consent ends soon.
    Expiring,
    /// The credentials were refused; a person has to connect again. Data and mappings stay.
    ReconnectNeeded,
    /// The last attempt to connect failed.
    Failed,
}

impl AccountStatus {
    /// Whether a run may use the account.
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Connected | Self::Expiring)
    }
}

/// One side's connection. The secret is not part of it: storage hands it out sealed, to the connector alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccount {
    /// Id.
    pub id: ProviderAccountId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration that it is a side of.
    pub integration_id: IntegrationId,
    /// Side.
    pub side: Side,
    /// Connector; `None` until credentials were given.
    pub connector: Option<ConnectorKind>,
    /// State.
    pub status: AccountStatus,
    /// Name of the account at the provider, once known.
    pub display_name: Option<String>,
    /// Client id or user name; not a secret.
    pub client_id: Option<String>,
    /// Settings of the connector as JSON, without secrets.
    pub settings: String,
    /// Zone in which the provider's instants become days.
    pub time_zone: chrono_tz::Tz,
    /// Why the account failed, as a sentence.
    pub failure_message: Option<String>,
    /// What the last verification found out, as sentences.
    pub remarks: Vec<String>,
    /// When it was connected last.
    pub connected_at: Option<DateTime<Utc>>,
    /// When the provider last answered without an authorization error.
    pub verified_at: Option<DateTime<Utc>>,
    /// Grows by one with every change.
    pub version: i64,
}
