//! What a finished report makes of the discrepancies: settled ones that are found otherwise are reopened, those that no
//! report finds any more close themselves, and rules hide and show. Closed months stay as they are.
//!
//! Only a report by the policy in force, as of today or later than the one before, speaks for its months. Others answer
//! "what if", can be read and compared, and change nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Days, Utc};

use super::comparison::Findings;
use crate::domain::access::{Actor, Caller};
use crate::domain::audit::Change;
use crate::domain::closing::BillingPeriod;
use crate::domain::decision::{DiscrepancyState, FoundMonth};
use crate::domain::discrepancy::{DiscrepancyStatus, EffectSums};
use crate::domain::id::{DiscrepancyId, DiscrepancyNoteId, ReportId, SuppressionRuleId};
use crate::domain::money::OutOfRange;
use crate::domain::period::Period;
use crate::domain::run::ReconciliationRun;
use crate::domain::suppression::SuppressionRule;
use crate::service::Core;
use crate::storage::change::Compared;
use crate::storage::discrepancy;
use crate::storage::note::Note;
use crate::storage::{StorageError, Tx, integration, note, period, policy, report, state, suppression};

/// Holds the months of a run, before anything else of the integration: whoever needs several of these locks takes them
/// in this order.
pub(super) async fn hold(tx: &Tx, run: &ReconciliationRun) -> Result<Vec<BillingPeriod>, StorageError> {
    integration::hold(tx, run.organization_id, run.integration_id).await?;
    let months: Vec<Period> = run.period_from.through(run.period_to).collect();
    period::hold(tx, run.organization_id, run.integration_id, &months).await
}

/// Lets a report speak for those of its months that it may, and gives the discrepancies their new states.
pub(super) async fn settle(
    core: &Core,
    tx: &Tx,
    run: &ReconciliationRun,
    (report_id, read_at): (ReportId, DateTime<Utc>),
    held: Vec<BillingPeriod>,
    findings: &mut Findings<'_>,
) -> Result<(), StorageError> {
    let organization = run.organization_id;
    let now = core.clock.now();
    let months = may_speak(tx, run, read_at, held, now).await?;
    let mut before: BTreeMap<ReportId, Vec<Period>> = BTreeMap::new();
    let mut open = Vec::with_capacity(months.len());
    for month in months {
        open.push(month.period);
        if let Some(report) = month.report_id.filter(|report| *report != report_id) {
            before.entry(report).or_default().push(month.period);
        }
        let spoken = month.clone().spoken_for_by(report_id);
        if spoken != month {
            period::update(tx, organization, &spoken).await?;
        }
    }
    discrepancy::widen(tx, organization, report_id, now).await?;
    let changed = changed(findings, report_id, &before).await?;
    let mut ids: BTreeSet<DiscrepancyId> =
        state::touched(tx, organization, report_id, &open).await?.into_iter().collect();
    ids.extend(&changed);
    let rules = suppression::holding_on(&**tx, organization, run.integration_id, run.as_of).await?;
    let mut settling = Settling { core, tx, run, report_id, read_at, rules, changed, reopened: 0, gone: 0, hidden: 0 };
    // In one order, so that nobody who holds several waits for somebody who waits for them.
    settling.go_through(&Vec::from_iter(ids)).await?;
    settling.audit(&open).await
}

/// The months that a report may speak for.
async fn may_speak(
    tx: &Tx,
    run: &ReconciliationRun,
    read_at: DateTime<Utc>,
    held: Vec<BillingPeriod>,
    now: DateTime<Utc>,
) -> Result<Vec<BillingPeriod>, StorageError> {
    let in_force = policy::current(&**tx, run.organization_id, run.integration_id).await?;
    let in_force = in_force.map_or(0, |policy| policy.version);
    // Today is where the people are, which may be tomorrow already.
    let tomorrow = now.date_naive().checked_add_days(Days::new(1));
    if run.policy_version != in_force || tomorrow.is_some_and(|tomorrow| run.as_of > tomorrow) {
        return Ok(Vec::new());
    }
    let speaking: Vec<ReportId> = held.iter().filter_map(|month| month.report_id).collect();
    let speaking = report::by_ids(&**tx, run.organization_id, &speaking).await?;
    let is_later = |month: &BillingPeriod| {
        let other = speaking.iter().find(|report| Some(report.id) == month.report_id);
        other.is_none_or(|other| run.as_of >= other.as_of && read_at >= other.read_at)
    };
    Ok(held.into_iter().filter(|month| !month.state.is_closed() && is_later(month)).collect())
}

type Sums = HashMap<DiscrepancyId, BTreeMap<Period, EffectSums>>;

fn add_up(sums: &mut Sums, found: &[Compared], months: &[Period]) -> Result<(), StorageError> {
    for Compared { discrepancy_id, period, amounts } in found.iter().filter(|found| months.contains(&found.period)) {
        let sum = sums.entry(*discrepancy_id).or_default().entry(*period).or_default();
        let added = sum.add(amounts.effect, amounts.cost_effect);
        added.map_err(|OutOfRange| StorageError::TooLarge(format!("of {period}")))?;
    }
    Ok(())
}

/// Discrepancies that the report finds otherwise than those that spoke before it, in the months where they did.
async fn changed(
    findings: &mut Findings<'_>,
    report_id: ReportId,
    before: &BTreeMap<ReportId, Vec<Period>>,
) -> Result<HashSet<DiscrepancyId>, StorageError> {
    if before.is_empty() {
        return Ok(HashSet::new());
    }
    let (mut old, mut new) = (Sums::new(), Sums::new());
    let mut months: Vec<Period> = Vec::new();
    for (report, own) in before {
        add_up(&mut old, &findings.of(*report).await?, own)?;
        months.extend(own);
    }
    add_up(&mut new, &findings.of(report_id).await?, &months)?;
    let ids = old.keys().chain(new.keys());
    Ok(ids.filter(|id| old.get(id) != new.get(id)).copied().collect())
}

struct Settling<'a> {
    core: &'a Core,
    tx: &'a Tx,
    run: &'a ReconciliationRun,
    report_id: ReportId,
    read_at: DateTime<Utc>,
    /// Rules that hold now, which may not be those that the report was made with.
    rules: Vec<SuppressionRule>,
    changed: HashSet<DiscrepancyId>,
    reopened: u64,
    gone: u64,
    hidden: u64,
}

impl Settling<'_> {
    async fn go_through(&mut self, ids: &[DiscrepancyId]) -> Result<(), StorageError> {
        let (tx, organization, now) = (self.tx, self.run.organization_id, self.core.clock.now());
        for chunk in ids.chunks(state::BATCH) {
            let held = state::lock(tx, organization, chunk).await?;
            let mut spoken = state::spoken_months(&**tx, organization, chunk).await?;
            let mut new_states: HashMap<DiscrepancyState, Vec<DiscrepancyId>> = HashMap::new();
            let (mut read_again, mut notes) = (Vec::new(), Vec::new());
            for row in held {
                let months = spoken.remove(&row.id).unwrap_or_default();
                if state::are_closed(&months) {
                    continue;
                }
                let mut found = state::by_month(&months)?;
                for month in &mut found {
                    month.suppressed_by = self.hides_now(&row.state, month.suppressed_by);
                }
                let new = row.state.clone().after_report(&found, now);
                if new == row.state {
                    if self.changed.contains(&row.id) {
                        read_again.push(row.id);
                    }
                    continue;
                }
                match new.status() {
                    DiscrepancyStatus::Reopened => self.reopened += 1,
                    DiscrepancyStatus::Suppressed => self.hidden += 1,
                    _ => self.gone += 1,
                }
                if let Some(text) = self.note(&row.state, &new, &found) {
                    notes.push(Note {
                        id: DiscrepancyNoteId(self.core.ids.next()),
                        discrepancy_id: row.id,
                        author: Actor::Job.name().to_owned(),
                        text,
                        created_at: now,
                    });
                }
                new_states.entry(new).or_default().push(row.id);
            }
            for (new, ids) in new_states {
                state::set(tx, organization, &ids, &new, now).await?;
            }
            state::touch(tx, organization, &read_again, now).await?;
            note::insert(tx, organization, &notes).await?;
        }
        Ok(())
    }

    /// The rule that hides a month now. One that ended while the report was made hides nothing any more; one that was
    /// made meanwhile goes on hiding what it hid, because the report could not know it.
    fn hides_now(&self, state: &DiscrepancyState, in_report: Option<SuppressionRuleId>) -> Option<SuppressionRuleId> {
        let holds = |id: SuppressionRuleId| self.rules.iter().find(|rule| rule.id == id);
        match (in_report.and_then(holds), state) {
            (Some(rule), _) => Some(rule.id),
            (None, DiscrepancyState::Suppressed { rule_id }) => {
                holds(*rule_id).filter(|rule| rule.created_at > self.read_at).map(|rule| rule.id)
            }
            (None, _) => None,
        }
    }

    /// Why something that was settled, hidden or gone waits for somebody again, and what had been decided.
    fn note(&self, old: &DiscrepancyState, new: &DiscrepancyState, found: &[FoundMonth]) -> Option<String> {
        if !matches!(new, DiscrepancyState::Reopened) {
            return None;
        }
        let months: Vec<String> = found.iter().map(|month| month.period.to_string()).collect();
        let months = months.join(", ");
        let run = format!("the reconciliation of {} to {}", self.run.period_from, self.run.period_to);
        Some(match old {
            DiscrepancyState::Resolved { decision, .. } | DiscrepancyState::WrittenOff { decision } => {
                let how = match old {
                    DiscrepancyState::WrittenOff { .. } => "wrote it off".to_owned(),
                    _ => "settled it".to_owned(),
                };
                let reason = decision.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                format!(
                    "Reopened: {run} finds it in {months} in a way that the decision does not cover with which {} {how} \
                     on {}{reason}",
                    decision.decided_by,
                    decision.decided_at.date_naive()
                )
            }
            DiscrepancyState::Gone { .. } => format!("Reopened: {run} finds it again, in {months}."),
            DiscrepancyState::Suppressed { .. } => format!("Shown again: no rule hides it any more in {months}."),
            DiscrepancyState::Open | DiscrepancyState::InReview | DiscrepancyState::Reopened => return None,
        })
    }

    /// One entry for all of it: what the machine does by itself is remembered as well.
    async fn audit(&self, open: &[Period]) -> Result<(), StorageError> {
        let Self { core, tx, run, report_id, reopened, gone, hidden, .. } = self;
        if (*reopened, *gone, *hidden) == (0, 0, 0) {
            return Ok(());
        }
        let caller = Caller::server(run.organization_id, Actor::Job, run.id.to_string());
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
