//! Settling discrepancies, and taking it back.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::{DiscrepancyService, LONGEST_DECISION, MAX_TEXT, WorkError, change, lock};
use crate::domain::access::{Caller, Role};
use crate::domain::decision::{DecidedMonth, Decision, DecisionScope, DiscrepancyState, Resolution};
use crate::domain::id::{DiscrepancyId, IntegrationId};
use crate::domain::period::Period;
use crate::service::{OrInternal as _, said};
use crate::storage::discrepancy::StoredDiscrepancy;
use crate::storage::text::Word as _;
use crate::storage::{period, state};

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is settled, in this way, for these months.
    Resolve(Resolution, DecisionScope),
    /// It is given up, for these months; needs a reason.
    WriteOff(DecisionScope),
    /// It waits for somebody again.
    Reopen,
}

/// A decision about a discrepancy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decide {
    /// Discrepancy.
    pub id: DiscrepancyId,
    /// Version that the caller read; not checked when `None`.
    pub expected_version: Option<i64>,
    /// What is decided.
    pub verdict: Verdict,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

impl DiscrepancyService {
    /// Decides about a discrepancy. Repeating a decision is harmless; another one needs the first to be taken back.
    pub async fn decide(&self, caller: &Caller, command: Decide) -> Result<StoredDiscrepancy, WorkError> {
        caller.require(Role::Finance)?;
        let reason = said(command.reason, MAX_TEXT)?;
        let core = &self.core;
        let now = core.clock.now();
        let organization = caller.organization_id;
        let scope = match command.verdict {
            Verdict::WriteOff(_) if reason.is_none() => return Err(WorkError::TextMissing),
            Verdict::Resolve(_, scope) | Verdict::WriteOff(scope) => Some(scope),
            Verdict::Reopen => None,
        };
        if let Some(DecisionScope::Until(day)) = scope {
            let today = now.date_naive();
            let latest = today.checked_add_days(Days::new(LONGEST_DECISION)).unwrap_or(NaiveDate::MAX);
            if day < today || day > latest {
                return Err(WorkError::BadDay);
            }
        }
        let tx = core.store.begin().await.internal(caller)?;
        let ids = [command.id];
        let known = state::spoken_months(&*tx, organization, &ids).await.internal(caller)?;
        // The months first and the discrepancy after them, as a report does that speaks for them.
        let mut months: BTreeMap<IntegrationId, Vec<Period>> = BTreeMap::new();
        for month in known.values().flatten() {
            months.entry(month.integration_id).or_default().push(month.found.period);
        }
        for (integration, months) in &months {
            period::hold(&tx, organization, *integration, months).await.internal(caller)?;
        }
        let old = lock(&tx, caller, command.id, command.expected_version).await?;
        let mut seen = state::spoken_months(&*tx, organization, &ids).await.internal(caller)?;
        let seen = seen.remove(&old.id).unwrap_or_default();
        if let Some(last) = seen.iter().map(|month| month.found.period).max()
            && state::are_closed(&seen)
        {
            return Err(WorkError::Closed { period: last, present: Box::new(old) });
        }
        let seen = state::by_month(&seen).internal(caller)?;
        let decision = |scope| Decision {
            scope,
            reason: reason.clone(),
            decided_by: caller.actor.name().to_owned(),
            decided_at: now,
            months: seen
                .iter()
                .map(|month| DecidedMonth {
                    period: month.period,
                    effect: month.effect,
                    cost_effect: month.cost_effect,
                })
                .collect(),
        };
        let new_state = match command.verdict {
            Verdict::Resolve(resolution, scope) => DiscrepancyState::Resolved { resolution, decision: decision(scope) },
            Verdict::WriteOff(scope) => DiscrepancyState::WrittenOff { decision: decision(scope) },
            Verdict::Reopen => old.state.clone().reopen(),
        };
        if new_state == old.state || says_the_same(&old.state, &new_state) {
            return Ok(old);
        }
        if old.state.decision().is_some() && !matches!(command.verdict, Verdict::Reopen) {
            return Err(WorkError::Settled(Box::new(old)));
        }
        state::set(&tx, organization, &[old.id], &new_state, now).await.internal(caller)?;
        let new = lock(&tx, caller, old.id, None).await?;
        let action = match command.verdict {
            Verdict::Resolve(..) => "discrepancy.resolve",
            Verdict::WriteOff(_) => "discrepancy.write_off",
            Verdict::Reopen => "discrepancy.reopen",
        };
        core.audit(&tx, caller, change(action, &old, &new, reason)).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(new)
    }
}

/// Whether a decision is the one that holds already, but for who repeated it when.
fn says_the_same(old: &DiscrepancyState, new: &DiscrepancyState) -> bool {
    let resolution = |state: &DiscrepancyState| match state {
        DiscrepancyState::Resolved { resolution, .. } => Some(*resolution),
        _ => None,
    };
    let (Some(before), Some(after)) = (old.decision(), new.decision()) else { return false };
    old.status() == new.status()
        && resolution(old) == resolution(new)
        && (before.scope, &before.reason, &before.months) == (after.scope, &after.reason, &after.months)
}

/// A discrepancy for the audit chain.
pub(super) fn snapshot(discrepancy: &StoredDiscrepancy) -> String {
    let state = &discrepancy.state;
    let decision = state.decision();
    let resolution = match state {
        DiscrepancyState::Resolved { resolution, .. } => Some(resolution.word()),
        _ => None,
    };
    let scope = decision.map(|decision| match decision.scope {
        DecisionScope::ThesePeriods => "these months".to_owned(),
        DecisionScope::Until(day) => format!("until {day}"),
        DecisionScope::WhileUnchanged => "while unchanged".to_owned(),
    });
    serde_json::json!({
        "status": state.status().word(),
        "resolution": resolution,
        "scope": scope,
        "months": decision.map(|decision| {
            decision.months.iter().map(|month| month.period.to_string()).collect::<Vec<_>>()
        }),
        "assignee": discrepancy.assignee,
        "dueOn": discrepancy.due_on.map(|day| day.to_string()),
    })
    .to_string()
}
