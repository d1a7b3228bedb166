//! How long an installation keeps what it no longer works with. Nothing is removed unless somebody said so.

use chrono::{DateTime, TimeDelta, Utc};

/// Days after which something goes; `None` keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// The provider's own text of record versions that were replaced.
    pub raw_days: Option<u32>,
    /// Progress of runs that have ended.
    pub event_days: Option<u32>,
    /// Addresses, telephones, emails and web sites of companies and customers that are gone.
    pub contact_days: Option<u32>,
}

/// Moments before which something is to go; `None` keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    /// Of replaced record versions.
    pub raw: Option<DateTime<Utc>>,
    /// Of runs that have ended.
    pub event: Option<DateTime<Utc>>,
    /// Of companies and customers that are gone.
    pub contact: Option<DateTime<Utc>>,
}

impl Retention {
    /// Whether everything is kept.
    pub fn keeps_everything(self) -> bool {
        self == Self::default()
    }

    /// What is to go at a moment.
    pub fn cutoffs(self, now: DateTime<Utc>) -> Cutoffs {
        let before = |days: Option<u32>| days.map(|days| now - TimeDelta::days(i64::from(days)));
        Cutoffs { raw: before(self.raw_days), event: before(self.event_days), contact: before(self.contact_days) }
    }
}
