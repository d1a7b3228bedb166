//! One id type per entity, so that a run is never looked up as a report.

use std::fmt;

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

ids! {
    /// The tenant that owns everything else.
    OrganizationId,
    /// An API token.
    TokenId,
    /// One Pax8 account and one PSA account, joined.
    IntegrationId,
    /// One side's connection.
    ProviderAccountId,
    /// A company at Pax8.
    CompanyId,
    /// A customer at the PSA.
    CustomerId,
    /// A product in the Pax8 catalog.
    Pax8ProductId,
    /// An item in the PSA's catalog.
    PsaProductId,
    /// A subscription at Pax8.
    SubscriptionId,
    /// A mapping of either kind.
    MappingId,
    /// An exclusion.
    ExclusionId,
    /// A sync run.
    SyncRunId,
    /// A reconciliation run.
    ReconciliationRunId,
    /// A stored report.
    ReportId,
    /// A discrepancy; derived from its identity (UUIDv5), so that files and server agree.
    DiscrepancyId,
    /// What somebody wrote about a discrepancy.
    DiscrepancyNoteId,
    /// A rule that hides discrepancies.
    SuppressionRuleId,
    /// An audit event.
    AuditEventId,
    /// A unit of durable work.
    JobId,
    /// A webhook.
    WebhookId,
}

/// A provider's own id of a record: opaque text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalId(Box<str>);

impl ExternalId {
    /// The text as the provider wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Box<str>>> From<T> for ExternalId {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
