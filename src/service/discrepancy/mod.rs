//! Work on discrepancies: who looks after one, what was decided about it, what people wrote, and rules that hide.
//!
//! A decision is about the months and amounts that the person saw. What is said about a month that is closed stays.

mod decide;
mod suppress;

use chrono::NaiveDate;
use thiserror::Error;

pub use self::decide::{Decide, Verdict};
pub use self::suppress::{CreateRule, SuppressError};
use super::{Core, Internal, OrInternal as _, TooLong, said};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{DiscrepancyId, DiscrepancyNoteId};
use crate::domain::period::Period;
use crate::storage::discrepancy::StoredDiscrepancy;
use crate::storage::note::{self, Note};
use crate::storage::{Tx, state};

/// Longest note or reason, in characters.
pub const MAX_TEXT: usize = 2_000;

/// Longest time that a decision may hold ahead, in days: three years, the longest commitment.
pub const LONGEST_DECISION: u64 = 3 * 366;

/// Longest name of a person, in characters.
pub const MAX_NAME: usize = 200;

/// Work on discrepancies.
#[derive(Clone)]
pub struct DiscrepancyService {
    core: Core,
}

/// Why nothing was done.
#[derive(Debug, Error)]
pub enum WorkError {
    /// No such discrepancy, as far as the caller may know.
    #[error("there is no such discrepancy")]
    NotFound,
    /// It changed since the caller read it; this is its present state.
    #[error("the discrepancy changed since it was read")]
    Stale(Box<StoredDiscrepancy>),
    /// All its months are closed; this is the last of them.
    #[error("the month {period} is closed")]
    Closed {
        /// Month.
        period: Period,
        /// Its present state.
        present: Box<StoredDiscrepancy>,
    },
    /// It is settled already, in another way.
    #[error("the discrepancy is settled already")]
    Settled(Box<StoredDiscrepancy>),
    /// A text is missing.
    #[error("a text is missing")]
    TextMissing,
    /// A text is too long.
    #[error("a text is too long")]
    TextTooLong,
    /// The day is over already, or too far away.
    #[error("the day is over already, or more than {LONGEST_DECISION} days away")]
    BadDay,
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// Who is to look after a discrepancy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign {
    /// Discrepancy.
    pub id: DiscrepancyId,
    /// Version that the caller read; not checked when `None`.
    pub expected_version: Option<i64>,
    /// Name, or `Some(None)` for nobody; as before when `None`.
    pub assignee: Option<Option<String>>,
    /// Day by which it is to be settled, or `Some(None)` for none; as before when `None`.
    pub due_on: Option<Option<NaiveDate>>,
}

/// Both who keeps the mappings and who answers for the money may look into a discrepancy.
fn may_work(caller: &Caller) -> Result<(), Forbidden> {
    caller.require(Role::Finance).or_else(|_| caller.require(Role::Operator))
}

impl From<TooLong> for WorkError {
    fn from(_: TooLong) -> Self {
        Self::TextTooLong
    }
}

impl DiscrepancyService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Says who looks after a discrepancy. With somebody it is in review; what is settled or hidden stays so.
    pub async fn assign(&self, caller: &Caller, command: Assign) -> Result<StoredDiscrepancy, WorkError> {
        may_work(caller)?;
        let assignee = command.assignee.map(|assignee| said(assignee, MAX_NAME)).transpose()?;
        let core = &self.core;
        let now = core.clock.now();
        let tx = core.store.begin().await.internal(caller)?;
        let old = lock(&tx, caller, command.id, command.expected_version).await?;
        let new_state = match &assignee {
            None => old.state.clone(),
            Some(Some(_)) => old.state.clone().take_up(),
            Some(None) => old.state.clone().put_down(),
        };
        let assignee = assignee.unwrap_or_else(|| old.assignee.clone());
        let due_on = command.due_on.unwrap_or(old.due_on);
        if (&assignee, due_on, &new_state) == (&old.assignee, old.due_on, &old.state) {
            return Ok(old);
        }
        if new_state != old.state {
            state::set(&tx, caller.organization_id, &[old.id], &new_state, now).await.internal(caller)?;
        }
        let values = (assignee.as_deref(), due_on);
        state::assign(&tx, caller.organization_id, old.id, values, now).await.internal(caller)?;
        let new = lock(&tx, caller, old.id, None).await?;
        core.audit(&tx, caller, change("discrepancy.assign", &old, &new, None)).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(new)
    }

    /// Writes a note, which stays.
    pub async fn add_note(&self, caller: &Caller, id: DiscrepancyId, text: String) -> Result<Note, WorkError> {
        may_work(caller)?;
        let text = said(Some(text), MAX_TEXT)?.ok_or(WorkError::TextMissing)?;
        let core = &self.core;
        let tx = core.store.begin().await.internal(caller)?;
        let old = lock(&tx, caller, id, None).await?;
        let note = Note {
            id: DiscrepancyNoteId(core.ids.next()),
            discrepancy_id: old.id,
            author: caller.actor.name().to_owned(),
            text,
            created_at: core.clock.now(),
        };
        note::insert(&tx, caller.organization_id, std::slice::from_ref(&note)).await.internal(caller)?;
        let change = Change {
            action: "discrepancy.note",
            subject_kind: "discrepancy",
            subject_id: Some(id.0),
            before: None,
            after: Some(serde_json::json!({ "noteId": note.id.0, "text": note.text }).to_string()),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(note)
    }
}

/// The discrepancy, held, in the version that the caller read.
async fn lock(
    tx: &Tx,
    caller: &Caller,
    id: DiscrepancyId,
    expected_version: Option<i64>,
) -> Result<StoredDiscrepancy, WorkError> {
    let found = state::lock(tx, caller.organization_id, &[id]).await.internal(caller)?.pop();
    let found = found.ok_or(WorkError::NotFound)?;
    if expected_version.is_some_and(|expected| expected != found.version) {
        return Err(WorkError::Stale(Box::new(found)));
    }
    Ok(found)
}

fn change(action: &'static str, old: &StoredDiscrepancy, new: &StoredDiscrepancy, reason: Option<String>) -> Change {
    Change {
        action,
        subject_kind: "discrepancy",
        subject_id: Some(old.id.0),
        before: Some(decide::snapshot(old)),
        after: Some(decide::snapshot(new)),
        reason,
    }
}
