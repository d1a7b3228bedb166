//! The rules of an integration's reports.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::engine::billing::Policy;
use crate::graphql::page::page_types;
use crate::report::Audience;
use crate::report::policy::{meaning, shown, switches};
use crate::storage::policy::PolicyVersion;

/// A version of the rules of an integration's reports. It never changes; a change makes a new one.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ReconciliationPolicy {
    /// Number of the version; 0 is the default policy, which nobody made.
    pub version: i64,
    /// Name.
    pub name: String,
    /// Every switch with its value.
    pub switches: Vec<ReconciliationPolicySwitch>,
    /// Why the version was made; null when nothing was said.
    pub reason: Option<String>,
    /// Name of who made it; null for the default policy.
    pub created_by: Option<String>,
    /// Timestamp of when it was made; null for the default policy.
    pub created_at: Option<DateTime<Utc>>,
}

/// A switch of a policy.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ReconciliationPolicySwitch {
    /// Name, such as `priceSource`.
    pub name: String,
    /// Value, such as `PRICE_BOOK`. Without the role FINANCE, the markup on cost and the lowest margin are left out of it.
    pub value: String,
    /// Value that it has when nobody says otherwise.
    pub default_value: String,
    /// What it decides and which values it takes, as a sentence for people.
    pub description: String,
}

impl ReconciliationPolicy {
    /// A version, as far as the caller may see it.
    pub fn new(policy: PolicyVersion, audience: Audience) -> Self {
        let defaults = switches(&Policy::default());
        let is_stored = policy.version > 0;
        let switch = |(name, value): (String, String)| ReconciliationPolicySwitch {
            default_value: defaults
                .iter()
                .find(|(known, _)| *known == name)
                .map_or_else(String::new, |(_, value)| value.clone()),
            description: meaning(&name).to_owned(),
            value: shown(&name, &value, audience).to_owned(),
            name,
        };
        Self {
            version: policy.version,
            name: policy.name,
            switches: policy.switches.into_iter().map(switch).collect(),
            reason: policy.reason,
            created_by: is_stored.then_some(policy.created_by),
            created_at: is_stored.then_some(policy.created_at),
        }
    }
}

page_types!(ReconciliationPolicyConnection, ReconciliationPolicyEdge, ReconciliationPolicy);
