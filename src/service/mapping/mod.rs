//! Mapping: what the machine proposes, and what people decide about it. People outrank the machine: a rejected pair is
//! never proposed again, a confirmed one never undone by a run, and whoever decides second is told who was first.

mod create;
mod decide;
mod decide_all;
mod exclude;
pub mod explanation;
mod floor;
mod look;
mod preview;
mod read;
mod rematch;

pub(in crate::service) use create::term_scope;
pub use create::{CreateCustomerMapping, CreateMappingError, CreateProductMapping, MappingField};
pub use decide::{Decide, DecideError, MAX_REASON};
pub use decide_all::{ConfirmAll, ConfirmAllError, MAX_BULK, SuggestionList, Verdict};
pub use exclude::{Exclude, ExcludeError};
pub use floor::GuardedFloor;
pub(in crate::service) use floor::keep as keep_floor;
pub use preview::{Preview, PreviewPair, PreviewPairs, Replay};
pub use read::MappingList;

pub use super::ReadError;
pub use look::{DuplicateCustomer, ExclusionSuggestion};
pub use rematch::{Rematch, RematchError};

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

use super::Core;
use crate::domain::mapping::{Decision, Mapping};
use crate::storage::text::Word as _;

/// Name under which the machine takes its own suggestions back. A pair that carries it may be proposed again.
const MACHINE: &str = "Concord";

/// Mapping.
#[derive(Clone)]
pub struct MappingService {
    core: Core,
    /// Those who look at what a matching would find wait for each other, so that they leave room for everybody else.
    looks: Arc<Semaphore>,
}

/// Matchings for the eye alone that run at once.
const LOOKS: usize = 2;

impl MappingService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core, looks: Arc::new(Semaphore::new(LOOKS)) }
    }
}

/// What the machine says when it takes a suggestion back.
fn withdrawal(now: DateTime<Utc>, reason: &str) -> Decision {
    Decision { decided_by: MACHINE.to_owned(), decided_at: now, reason: Some(reason.to_owned()) }
}

/// A mapping for the audit chain.
pub(super) fn snapshot(mapping: &Mapping) -> String {
    serde_json::json!({
        "kind": mapping.kind.word(),
        "status": mapping.state.status().word(),
        "origin": mapping.origin.word(),
        "pax8RecordId": mapping.pax8_record_id,
        "psaRecordId": mapping.psa_record_id,
        "billingTerm": mapping.scope.billing_term,
        "commitmentTerm": mapping.scope.commitment_term,
        "customerScope": mapping.scope.customer,
        "factor": mapping.factor.to_string(),
        "role": mapping.role.word(),
        "confidenceMillionths": mapping.state.evidence().map(|evidence| evidence.confidence),
        "version": mapping.version,
    })
    .to_string()
}
