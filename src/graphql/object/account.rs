//! A provider account.

use async_graphql::{Enum, ID, Object};
use chrono::{DateTime, Utc};

use crate::domain::provider::{AccountStatus, ConnectorKind, ProviderAccount, Side};
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::scalar::TimeZone;

/// A system this API talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Side")]
pub enum Provider {
    /// The Pax8 marketplace.
    #[graphql(name = "PAX8")]
    Pax8,
    /// The professional services automation system.
    Psa,
}

/// Software that speaks to a provider. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ConnectorKind")]
pub enum Connector {
    /// The Pax8 partner API.
    #[graphql(name = "PAX8")]
    Pax8,
    /// Rev.io PSA with Rev.io Billing behind it.
    RevioPsa,
    /// A directory of files on the server.
    Files,
}

/// Whether Concord may act for an account at this moment. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "AccountStatus")]
pub enum ProviderAccountStatus {
    /// Never connected, or disconnected.
    NotConnected,
    /// A person was sent to the provider and has not come back yet.
    Authorizing,
    /// Works: the green dot.
    Connected,
    /// Works, but the consent ends soon.
    Expiring,
    /// The credentials were refused; connect again. Data and mappings stay.
    ReconnectNeeded,
    /// The last attempt to connect failed; see `failureMessage`.
    Failed,
}

/// Our access to an account at a provider. Secrets are write-only and never returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAccountObject(pub ProviderAccount);

/// Our access to an account at a provider. Secrets are write-only and never returned.
#[Object(name = "ProviderAccount")]
impl ProviderAccountObject {
    /// Global ID of the account.
    pub async fn id(&self) -> ID {
        encode(NodeKind::ProviderAccount, self.0.id.0)
    }

    /// System the account belongs to.
    async fn provider(&self) -> Provider {
        self.0.side.into()
    }

    /// Software that speaks to it; null until credentials were set.
    async fn connector(&self) -> Option<Connector> {
        self.0.connector.map(Into::into)
    }

    /// Whether we may act for the account at this moment.
    async fn status(&self) -> ProviderAccountStatus {
        self.0.status.into()
    }

    /// Name of the account at the provider; null while it is not known.
    async fn display_name(&self) -> Option<&str> {
        self.0.display_name.as_deref()
    }

    /// Client ID or user name in use; null until credentials were set, and for files. The secret is never shown.
    async fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// Time zone in which the provider's moments become days.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone)
    }

    /// Why the account does not work, as a sentence; null while it does.
    async fn failure_message(&self) -> Option<&str> {
        self.0.failure_message.as_deref()
    }

    /// What the last verification found out, such as missing permissions, as sentences.
    async fn remarks(&self) -> &[String] {
        &self.0.remarks
    }

    /// Timestamp of when the account was first connected; null before.
    async fn connected_at(&self) -> Option<DateTime<Utc>> {
        self.0.connected_at
    }

    /// Timestamp of when the provider last answered a verification well; null before.
    async fn last_verified_at(&self) -> Option<DateTime<Utc>> {
        self.0.verified_at
    }

    /// Grows by one with every change.
    async fn version(&self) -> i64 {
        self.0.version
    }
}
