//! Leaving records out of the worklists, and bringing them back.

use thiserror::Error;
use uuid::Uuid;

use super::{MAX_REASON, MappingService};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::ExclusionId;
use crate::domain::mapping::{ExclusionReason, RecordKind};
use crate::service::{Internal, OrInternal as _, TooLong, said};
use crate::storage::exclusion::{self, Exclusion};
use crate::storage::text::Word as _;
use crate::storage::{StorageError, record};

/// A record to leave out.
#[derive(Debug, Clone)]
pub struct Exclude {
    /// Kind of the record.
    pub kind: RecordKind,
    /// Record (our id).
    pub record_id: Uuid,
    /// Why.
    pub reason: ExclusionReason,
    /// Why, in the caller's words.
    pub note: Option<String>,
}

/// Why nothing was left out or brought back.
#[derive(Debug, Error)]
pub enum ExcludeError {
    /// No such record or exclusion, as far as the caller may know.
    #[error("there is no such record")]
    NotFound,
    /// The record is left out already, for another reason.
    #[error("the record is left out already")]
    Excluded(Option<Box<Exclusion>>),
    /// OTHER needs a note.
    #[error("the reason OTHER needs a note")]
    NoteMissing,
    /// The note is too long.
    #[error("the note has more than {MAX_REASON} characters")]
    NoteTooLong,
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl MappingService {
    /// Leaves a record out. Its mappings stay as they are.
    pub async fn exclude(&self, caller: &Caller, command: Exclude) -> Result<Exclusion, ExcludeError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let note = said(command.note, MAX_REASON).map_err(|TooLong| ExcludeError::NoteTooLong)?;
        if note.is_none() && command.reason == ExclusionReason::Other {
            return Err(ExcludeError::NoteMissing);
        }
        let organization_id = caller.organization_id;
        let owner = record::owner(core.store.read(), organization_id, command.kind, command.record_id);
        let owner = owner.await.internal(caller)?.ok_or(ExcludeError::NotFound)?;
        let created = Exclusion {
            id: ExclusionId(core.ids.next()),
            organization_id,
            integration_id: owner.integration_id,
            record_kind: command.kind,
            record_id: command.record_id,
            reason: command.reason,
            note,
            created_by: caller.actor.name().to_owned(),
            created_at: core.clock.now(),
            ended_at: None,
            ended_by: None,
        };
        let tx = core.store.begin().await.internal(caller)?;
        match exclusion::insert(&tx, std::slice::from_ref(&created)).await {
            Err(StorageError::Conflict(_)) => {
                drop(tx);
                let records = [command.record_id];
                let held = exclusion::of_records(core.store.read(), organization_id, &records).await;
                return match held.internal(caller)?.pop() {
                    // Repeating it is harmless.
                    Some(held) if held.reason == created.reason && held.note == created.note => Ok(held),
                    held => Err(ExcludeError::Excluded(held.map(Box::new))),
                };
            }
            other => other.internal(caller)?,
        }
        let change = Change {
            action: "exclusion.create",
            subject_kind: "exclusion",
            subject_id: Some(created.id.0),
            before: None,
            after: Some(snapshot(&created)),
            reason: created.note.clone(),
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(created)
    }

    /// Brings a record back. Repeating it is harmless.
    pub async fn end_exclusion(&self, caller: &Caller, id: ExclusionId) -> Result<Exclusion, ExcludeError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let now = core.clock.now();
        let tx = core.store.begin().await.internal(caller)?;
        let found = exclusion::lock(&tx, caller.organization_id, id).await.internal(caller)?;
        let old = found.ok_or(ExcludeError::NotFound)?;
        if old.ended_at.is_some() {
            return Ok(old);
        }
        let name = caller.actor.name();
        exclusion::end(&tx, caller.organization_id, id, name, now).await.internal(caller)?;
        let ended = Exclusion { ended_at: Some(now), ended_by: Some(name.to_owned()), ..old.clone() };
        let change = Change {
            action: "exclusion.end",
            subject_kind: "exclusion",
            subject_id: Some(id.0),
            before: Some(snapshot(&old)),
            after: Some(snapshot(&ended)),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(ended)
    }
}

/// An exclusion for the audit chain.
fn snapshot(exclusion: &Exclusion) -> String {
    serde_json::json!({
        "recordKind": exclusion.record_kind.word(),
        "recordId": exclusion.record_id,
        "reason": exclusion.reason.word(),
        "note": exclusion.note,
        "endedAt": exclusion.ended_at,
    })
    .to_string()
}
