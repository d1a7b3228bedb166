//! Deciding about one mapping.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::decide_all::Verdict;
use super::{MappingService, floor, snapshot, withdrawal};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::MappingId;
use crate::domain::mapping::{Decision, Mapping, MappingStatus};
use crate::service::{Internal, OrInternal as _};
use crate::storage::mapping::Withdrawal;
use crate::storage::{StorageError, Tx, integration, mapping};

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// A decision about a mapping.
#[derive(Debug, Clone)]
pub struct Decide {
    /// Mapping.
    pub mapping_id: MappingId,
    /// Version that the caller read; not checked when `None`.
    pub expected_version: Option<i64>,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

/// Why nothing was decided.
#[derive(Debug, Error)]
pub enum DecideError {
    /// No such mapping, as far as the caller may know.
    #[error("there is no such mapping")]
    NotFound,
    /// The mapping changed since the caller read it; this is its present state.
    #[error("the mapping changed since it was read")]
    Stale(Box<Mapping>),
    /// The mapping was never a suggestion, so it cannot become one again.
    #[error("the mapping was never a suggestion")]
    NeverSuggested(Box<Mapping>),
    /// Another mapping of the record holds; `None` when it has gone again since.
    #[error("another mapping of the record holds")]
    Conflict(Option<Box<Mapping>>),
    /// The reason is too long.
    #[error("the reason has more than {MAX_REASON} characters")]
    ReasonTooLong,
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl MappingService {
    /// Says that a pair is the same. The machine's own suggestion for the record ends, a person's decision does not.
    pub async fn confirm(&self, caller: &Caller, command: Decide) -> Result<Mapping, DecideError> {
        self.decide(caller, Verdict::Confirm, command).await
    }

    /// Says that a pair is not the same; it is never proposed again.
    pub async fn reject(&self, caller: &Caller, command: Decide) -> Result<Mapping, DecideError> {
        self.decide(caller, Verdict::Reject, command).await
    }

    /// Takes a decision back, so that the pair waits for one again.
    pub async fn reopen(&self, caller: &Caller, command: Decide) -> Result<Mapping, DecideError> {
        self.decide(caller, Verdict::Reopen, command).await
    }

    /// Takes a mapping away without a judgement about the pair. The machine offers the pair, but does not map it again.
    pub async fn remove(&self, caller: &Caller, command: Decide) -> Result<Mapping, DecideError> {
        self.decide(caller, Verdict::Remove, command).await
    }

    pub(super) async fn decide(
        &self,
        caller: &Caller,
        verdict: Verdict,
        command: Decide,
    ) -> Result<Mapping, DecideError> {
        caller.require(Role::Operator)?;
        if command.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
            return Err(DecideError::ReasonTooLong);
        }
        let core = &self.core;
        let now = core.clock.now();
        let db = core.store.read();
        let found = mapping::find(db, caller.organization_id, command.mapping_id).await.internal(caller)?;
        let integration_id = found.ok_or(DecideError::NotFound)?.integration_id;
        let tx = core.store.begin().await.internal(caller)?;
        // Decisions of an integration follow each other: each sees the floor that the one before left.
        integration::hold(&tx, caller.organization_id, integration_id).await.internal(caller)?;
        let found = mapping::lock(&tx, caller.organization_id, command.mapping_id).await.internal(caller)?;
        let old = found.ok_or(DecideError::NotFound)?;
        if command.expected_version.is_some_and(|expected| expected != old.version) {
            return Err(DecideError::Stale(Box::new(old)));
        }
        let decision = Decision {
            decided_by: caller.actor.name().to_owned(),
            decided_at: now,
            reason: command.reason.clone().filter(|reason| !reason.trim().is_empty()),
        };
        let state = match verdict {
            Verdict::Confirm => old.state.clone().confirm(decision),
            Verdict::Reject => old.state.clone().reject(decision),
            Verdict::Remove => old.state.clone().remove(decision),
            Verdict::Reopen => match old.state.clone().reopen() {
                Ok(state) => state,
                Err(_) => return Err(DecideError::NeverSuggested(Box::new(old))),
            },
        };
        if state == old.state {
            return Ok(old);
        }
        let new = Mapping { state, version: old.version + 1, updated_at: now, ..old.clone() };
        make_room(&tx, caller, &old, &new, now).await?;
        match mapping::update(&tx, &new).await {
            Err(StorageError::Conflict(_)) => {
                // Two people confirmed rivals at once and met at the unique index; the other one was first.
                drop(tx);
                let rival = mapping::rival(core.store.read(), &new).await.internal(caller)?;
                return Err(DecideError::Conflict(rival.map(Box::new)));
            }
            other => other.internal(caller)?,
        }
        let risen = match verdict {
            Verdict::Confirm | Verdict::Reject => {
                floor::keep(&tx, core, caller, new.integration_id, new.kind).await.internal(caller)?
            }
            // What a person opened again waits, however sure the machine is.
            Verdict::Reopen | Verdict::Remove => None,
        };
        let change = Change {
            action: verdict.action(),
            subject_kind: "mapping",
            subject_id: Some(new.id.0),
            before: Some(snapshot(&old)),
            after: Some(snapshot(&new)),
            reason: command.reason,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        if let Some(rise) = risen {
            core.audit(&tx, caller, rise).await.internal(caller)?;
        }
        tx.commit().await.internal(caller)?;
        Ok(new)
    }
}

/// A mapping that becomes active ends the machine's other suggestion for the same charges. What a person confirmed
/// stands in the way.
async fn make_room(
    tx: &Tx,
    caller: &Caller,
    old: &Mapping,
    new: &Mapping,
    now: DateTime<Utc>,
) -> Result<(), DecideError> {
    let is_active = |mapping: &Mapping| mapping::ACTIVE.contains(&mapping.state.status());
    if is_active(old) || !is_active(new) {
        return Ok(());
    }
    let Some(rival) = mapping::rival(&**tx, new).await.internal(caller)? else {
        return Ok(());
    };
    let may_end = new.state.status() == MappingStatus::Confirmed && rival.state.status() == MappingStatus::Suggested;
    if !may_end {
        return Err(DecideError::Conflict(Some(Box::new(rival))));
    }
    let withdrawal = withdrawal(now, "Another pair was confirmed.");
    let ids = [rival.id.0];
    mapping::withdraw_suggestions(tx, caller.organization_id, &ids, Withdrawal::Replaced, &withdrawal)
        .await
        .internal(caller)?;
    Ok(())
}
