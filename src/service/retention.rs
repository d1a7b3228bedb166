//! Keeping no longer than was said: what goes, tenant by tenant, a little at a time, and that it went is in the audit.
//!
//! What may go was chosen by what is still read. The texts of replaced record versions are read by nobody; reports take
//! of a company or customer its name alone; who follows a run that has ended needs its last event. A company or customer
//! that comes back brings its contact data with it, because a sync writes every row anew.

use chrono::{DateTime, Utc};

use super::Core;
use super::access::operator;
use crate::domain::access::{Actor, Caller};
use crate::domain::audit::Change;
use crate::domain::id::OrganizationId;
use crate::domain::retention::{Cutoffs, Retention};
use crate::storage::StorageError;
use crate::storage::audit_chain::{self, ChainOwner};
use crate::storage::retention::{self, Leftover};

/// Rows of one transaction: few enough that others do not wait.
const BATCH: u64 = 500;

/// How much goes of one organization, or would go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// Name of the organization.
    pub organization: String,
    /// Texts of record versions that were replaced.
    pub raw_texts: u64,
    /// Events of runs that have ended.
    pub events: u64,
    /// Gone companies that had contact data.
    pub companies: u64,
    /// Gone customers that had contact data.
    pub customers: u64,
}

impl Purged {
    fn at(&mut self, leftover: Leftover) -> &mut u64 {
        match leftover {
            Leftover::RawTexts => &mut self.raw_texts,
            Leftover::Events => &mut self.events,
            Leftover::Companies => &mut self.companies,
            Leftover::Customers => &mut self.customers,
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        [self.raw_texts, self.events, self.companies, self.customers] == [0; 4]
    }
}

/// Keeping no longer than was said.
#[derive(Clone)]
pub struct RetentionService {
    core: Core,
}

impl RetentionService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// What a purge would take away now, of each organization that has something.
    pub async fn preview(&self, retention: Retention) -> Result<Vec<Purged>, StorageError> {
        let cutoffs = retention.cutoffs(self.core.clock.now());
        let mut all = Vec::new();
        for owner in self.owners().await? {
            let purged = self.count(&owner, cutoffs).await?;
            if !purged.is_empty() {
                all.push(purged);
            }
        }
        Ok(all)
    }

    /// Takes away what is kept no longer. May be stopped at any moment and started again. What is about to go is in the
    /// audit of its organization before the first of it goes, so that nothing goes unrecorded.
    pub async fn purge(&self, retention: Retention, actor: &Actor) -> Result<Vec<Purged>, StorageError> {
        let core = &self.core;
        let cutoffs = retention.cutoffs(core.clock.now());
        let mut all = Vec::new();
        for owner in self.owners().await? {
            let found = self.count(&owner, cutoffs).await?;
            if found.is_empty() {
                continue;
            }
            let caller = Caller { actor: actor.clone(), ..operator(core, owner.id) };
            let tx = core.store.begin().await?;
            core.audit(&tx, &caller, change(owner.id, retention, &found)).await?;
            tx.commit().await?;
            let mut purged = Purged { organization: found.organization, ..Purged::default() };
            for leftover in Leftover::ALL {
                let Some(before) = cutoff(cutoffs, leftover) else { continue };
                loop {
                    let tx = core.store.begin().await?;
                    let removed = retention::remove(&tx, owner.id, leftover, before, BATCH).await?;
                    tx.commit().await?;
                    *purged.at(leftover) += removed;
                    if removed == 0 {
                        break;
                    }
                }
            }
            all.push(purged);
        }
        Ok(all)
    }

    async fn owners(&self) -> Result<Vec<ChainOwner>, StorageError> {
        audit_chain::owners(self.core.store.read()).await
    }

    async fn count(&self, owner: &ChainOwner, cutoffs: Cutoffs) -> Result<Purged, StorageError> {
        let organization = owner.name.clone().unwrap_or_else(|| owner.id.to_string());
        let mut purged = Purged { organization, ..Purged::default() };
        for leftover in Leftover::ALL {
            if let Some(before) = cutoff(cutoffs, leftover) {
                *purged.at(leftover) = retention::count(self.core.store.read(), owner.id, leftover, before).await?;
            }
        }
        Ok(purged)
    }
}

fn cutoff(cutoffs: Cutoffs, leftover: Leftover) -> Option<DateTime<Utc>> {
    match leftover {
        Leftover::RawTexts => cutoffs.raw,
        Leftover::Events => cutoffs.event,
        Leftover::Companies | Leftover::Customers => cutoffs.contact,
    }
}

fn change(organization_id: OrganizationId, retention: Retention, found: &Purged) -> Change {
    let Retention { raw_days, event_days, contact_days } = retention;
    let counts = serde_json::json!({
        "rawTexts": found.raw_texts,
        "runEvents": found.events,
        "companyContacts": found.companies,
        "customerContacts": found.customers,
    });
    let kept = serde_json::json!({ "rawDays": raw_days, "eventDays": event_days, "contactDays": contact_days });
    Change {
        action: "retention.purge",
        subject_kind: "organization",
        subject_id: Some(organization_id.0),
        before: Some(counts.to_string()),
        after: Some(serde_json::json!({ "keptFor": kept }).to_string()),
        reason: None,
    }
}
