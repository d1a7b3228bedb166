//! What a finished report makes of the discrepancies: settled ones that are found again otherwise are reopened, those
//! that are found no more close themselves, and rules hide and show. Closed months stay as they are.

use std::collections::HashMap;

use crate::domain::access::{Actor, Caller, Roles};
use crate::domain::audit::Change;
use crate::domain::decision::{DiscrepancyState, FoundMonth};
use crate::domain::discrepancy::DiscrepancyStatus;
use crate::domain::id::{DiscrepancyId, DiscrepancyNoteId, ReportId};
use crate::domain::period::Period;
use crate::domain::run::ReconciliationRun;
use crate::service::Core;
use crate::storage::note::Note;
use crate::storage::{StorageError, Tx, note, period, state};

/// Name under which the server writes notes of its own.
const AUTHOR: &str = "Concord";

/// Lets a report speak for those of its months that are not closed, and gives the discrepancies their new states.
pub(super) async fn settle(
    core: &Core,
    tx: &Tx,
    run: &ReconciliationRun,
    report_id: ReportId,
) -> Result<(), StorageError> {
    let (organization, integration) = (run.organization_id, run.integration_id);
    let months: Vec<Period> = run.period_from.through(run.period_to).collect();
    let held = period::hold(tx, organization, integration, &months).await?;
    let open: Vec<Period> = held.iter().filter(|month| !month.state.is_closed()).map(|month| month.period).collect();
    let before: Vec<ReportId> =
        held.iter().filter(|month| !month.state.is_closed()).filter_map(|month| month.report_id).collect();
    period::speak(tx, organization, integration, &open, report_id).await?;
    let mut settling = Settling { core, tx, run, report_id, open: &open, reopened: 0, gone: 0, hidden: 0 };
    let mut ids = state::touched(tx, organization, report_id, &open).await?;
    ids.extend(state::vanished(tx, organization, &before, &open).await?);
    // In one order, so that nobody who holds several waits for somebody who waits for them.
    ids.sort_unstable();
    settling.go_through(&ids).await?;
    settling.audit().await
}

struct Settling<'a> {
    core: &'a Core,
    tx: &'a Tx,
    run: &'a ReconciliationRun,
    report_id: ReportId,
    open: &'a [Period],
    reopened: u64,
    gone: u64,
    hidden: u64,
}

impl Settling<'_> {
    async fn go_through(&mut self, ids: &[DiscrepancyId]) -> Result<(), StorageError> {
        let (tx, organization, now) = (self.tx, self.run.organization_id, self.core.clock.now());
        for chunk in ids.chunks(state::BATCH) {
            let held = state::lock(tx, organization, chunk).await?;
            let found = state::months_in(tx, organization, self.report_id, chunk, self.open).await?;
            let mut changed: HashMap<DiscrepancyState, Vec<DiscrepancyId>> = HashMap::new();
            let mut notes = Vec::new();
            for row in held {
                let found = found.get(&row.id).map_or(&[][..], Vec::as_slice);
                let new = row.state.clone().after_report(found, now);
                if new == row.state {
                    continue;
                }
                match new.status() {
                    DiscrepancyStatus::Reopened => self.reopened += 1,
                    DiscrepancyStatus::Suppressed => self.hidden += 1,
                    _ => self.gone += 1,
                }
                if let Some(text) = self.note(&row.state, &new, found) {
                    notes.push(Note {
                        id: DiscrepancyNoteId(self.core.ids.next()),
                        discrepancy_id: row.id,
                        author: AUTHOR.to_owned(),
                        text,
                        created_at: now,
                    });
                }
                changed.entry(new).or_default().push(row.id);
            }
            for (new, ids) in changed {
                state::set(tx, organization, &ids, &new, now).await?;
            }
            note::insert(tx, organization, &notes).await?;
        }
        Ok(())
    }

    /// Why something that a person settled waits for one again.
    fn note(&self, old: &DiscrepancyState, new: &DiscrepancyState, found: &[FoundMonth]) -> Option<String> {
        if !matches!(new, DiscrepancyState::Reopened) {
            return None;
        }
        let months: Vec<String> = found.iter().map(|month| month.period.to_string()).collect();
        let months = months.join(", ");
        Some(match old {
            DiscrepancyState::Resolved { decision, .. } | DiscrepancyState::WrittenOff { decision } => format!(
                "Reopened: the reconciliation of {} to {} finds it in {months} in a way that the decision of {} does \
                 not cover.",
                self.run.period_from, self.run.period_to, decision.decided_by
            ),
            DiscrepancyState::Gone { .. } => format!("Reopened: it is found again, in {months}."),
            DiscrepancyState::Suppressed { .. } => {
                format!("Shown again: no rule hides it any more in {months}.")
            }
            DiscrepancyState::Open | DiscrepancyState::InReview | DiscrepancyState::Reopened => return None,
        })
    }

    /// One entry for all of it: what the machine does by itself is remembered as well.
    async fn audit(&self) -> Result<(), StorageError> {
        let Self { core, tx, run, report_id, open, reopened, gone, hidden } = self;
        if (*reopened, *gone, *hidden) == (0, 0, 0) {
            return Ok(());
        }
        let caller = Caller {
            organization_id: run.organization_id,
            actor: Actor::Job,
            roles: Roles::NONE,
            correlation_id: run.id.to_string(),
        };
        let after = serde_json::json!({
            "reportId": report_id.0,
            "months": open.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "reopened": reopened,
            "closed": gone,
            "hidden": hidden,
        });
        let change = Change {
            action: "discrepancy.settle",
            subject_kind: "reconciliation_run",
            subject_id: Some(run.id.0),
            before: None,
            after: Some(after.to_string()),
            reason: None,
        };
        core.audit(tx, &caller, change).await
    }
}
