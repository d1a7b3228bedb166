//! What a run found otherwise than the run before it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::domain::discrepancy::EffectSums;
use crate::domain::id::{DiscrepancyId, OrganizationId, ReportId};
use crate::domain::money::OutOfRange;
use crate::domain::period::Period;
use crate::domain::run::{ChangeKind, ReconciliationRun};
use crate::storage::change::{self, Amounts, Compared, RunChange, Spanned};
use crate::storage::{StorageError, Tx};

/// Earlier runs that are looked at for one to compare with.
const LOOK_BACK: u64 = 50;

/// What reports found, read at most once in the transaction that ends a run.
pub(super) struct Findings<'a> {
    tx: &'a Tx,
    organization_id: OrganizationId,
    read: HashMap<ReportId, Arc<[Compared]>>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(tx: &'a Tx, organization_id: OrganizationId) -> Self {
        Self { tx, organization_id, read: HashMap::new() }
    }

    /// What a report found, in no order.
    pub(super) async fn of(&mut self, report_id: ReportId) -> Result<Arc<[Compared]>, StorageError> {
        if let Some(known) = self.read.get(&report_id) {
            return Ok(Arc::clone(known));
        }
        let found: Arc<[Compared]> = change::compared(&**self.tx, self.organization_id, report_id).await?.into();
        self.read.insert(report_id, Arc::clone(&found));
        Ok(found)
    }
}

/// Keeps what is new, changed or gone since the run before, and says which report that run had.
pub(super) async fn record(
    findings: &mut Findings<'_>,
    run: &ReconciliationRun,
    report_id: ReportId,
) -> Result<Option<ReportId>, StorageError> {
    let (tx, organization) = (findings.tx, run.organization_id);
    let earlier = change::earlier_reports(&**tx, organization, run.integration_id, run.id, LOOK_BACK).await?;
    let months = (run.period_from, run.period_to);
    let Some((previous, their_months)) = choose(&earlier, months) else { return Ok(None) };
    if previous != report_id {
        let (before, after) = (findings.of(previous).await?, findings.of(report_id).await?);
        let changes = changes(&before, &after, overlap(months, their_months).map(|_| months));
        let changes = changes.map_err(|OutOfRange| StorageError::TooLarge("of a comparison".to_owned()))?;
        change::insert(tx, organization, run.id, &changes).await?;
    }
    Ok(Some(previous))
}

fn overlap(left: (Period, Period), right: (Period, Period)) -> Option<(Period, Period)> {
    let (from, to) = (left.0.max(right.0), left.1.min(right.1));
    (from <= to).then_some((from, to))
}

/// The latest report of some of the same months, else the latest one of earlier months.
fn choose(earlier: &[Spanned], months: (Period, Period)) -> Option<Spanned> {
    let same = earlier.iter().find(|(_, theirs)| overlap(months, *theirs).is_some());
    same.or_else(|| earlier.iter().find(|(_, theirs)| theirs.1 < months.0)).copied()
}

#[derive(Default)]
struct Sums {
    was_known: bool,
    before: Option<EffectSums>,
    after: Option<EffectSums>,
}

fn add(side: &mut Option<EffectSums>, amounts: Amounts) -> Result<(), OutOfRange> {
    side.get_or_insert_default().add(amounts.effect, amounts.cost_effect)
}

fn total(side: Option<EffectSums>) -> Result<Option<Amounts>, OutOfRange> {
    let totals = side.map(EffectSums::totals).transpose()?;
    Ok(totals.map(|(effect, cost_effect)| Amounts { effect, cost_effect }))
}

/// What changed, the largest effects first. Of the report before, the months `within` count where they are given: what
/// it found in months that nobody looked at again is not gone.
fn changes(
    before: &[Compared],
    after: &[Compared],
    within: Option<(Period, Period)>,
) -> Result<Vec<RunChange>, OutOfRange> {
    let mut all: HashMap<DiscrepancyId, Sums> = HashMap::with_capacity(after.len());
    for found in before {
        let sums = all.entry(found.discrepancy_id).or_default();
        sums.was_known = true;
        if within.is_none_or(|(from, to)| from <= found.period && found.period <= to) {
            add(&mut sums.before, found.amounts)?;
        }
    }
    for found in after {
        add(&mut all.entry(found.discrepancy_id).or_default().after, found.amounts)?;
    }
    let mut changes = Vec::new();
    for (discrepancy_id, Sums { was_known, before, after }) in all {
        let (before, after) = (total(before)?, total(after)?);
        let kind = match (was_known, before, after) {
            (false, _, _) => ChangeKind::New,
            (true, Some(_), None) => ChangeKind::Gone,
            (true, before, Some(after)) if before != Some(after) => ChangeKind::Changed,
            (true, _, _) => continue,
        };
        changes.push(RunChange { discrepancy_id, kind, before, after });
    }
    // By the effects alone: readers see the order who may not know about cost.
    let size = |change: &RunChange| {
        let effect = |amounts: Option<Amounts>| amounts.map_or(Decimal::ZERO, |amounts| amounts.effect);
        effect(change.after).saturating_sub(effect(change.before)).abs()
    };
    changes.sort_by_cached_key(|change| (Reverse(size(change)), change.discrepancy_id));
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn month(text: &str) -> Period {
        Period::parse(text).expect("a month")
    }

    fn found(id: u128, period: &str, effect: i64) -> Compared {
        let amounts = Amounts { effect: Decimal::new(effect, 2), cost_effect: Decimal::ZERO };
        Compared { discrepancy_id: DiscrepancyId(Uuid::from_u128(id)), period: month(period), amounts }
    }

    fn kinds(before: &[Compared], after: &[Compared], within: Option<(&str, &str)>) -> Vec<(u128, ChangeKind)> {
        let within = within.map(|(from, to)| (month(from), month(to)));
        let changes = changes(before, after, within).expect("in range");
        changes.into_iter().map(|change| (change.discrepancy_id.0.as_u128(), change.kind)).collect()
    }

    #[test]
    fn a_second_look_at_a_month_says_what_is_new_changed_and_gone() {
        let before = [found(1, "2026-09", -100), found(2, "2026-09", -200), found(3, "2026-09", -300)];
        let after = [found(1, "2026-09", -100), found(2, "2026-09", -250), found(4, "2026-09", -1_000)];
        let expected = [(4, ChangeKind::New), (3, ChangeKind::Gone), (2, ChangeKind::Changed)];
        assert_eq!(kinds(&before, &after, Some(("2026-09", "2026-09"))), expected);
    }

    #[test]
    fn months_that_nobody_looked_at_again_are_not_gone() {
        let before = [found(1, "2026-08", -100), found(2, "2026-08", -200), found(2, "2026-09", -200)];
        let after = [found(2, "2026-09", -200)];
        assert_eq!(kinds(&before, &after, Some(("2026-09", "2026-09"))), []);
        // It grew by a month.
        let longer = [found(2, "2026-09", -200), found(2, "2026-10", -200)];
        assert_eq!(kinds(&before, &longer, Some(("2026-09", "2026-10"))), [(2, ChangeKind::Changed)]);
    }

    #[test]
    fn another_month_is_compared_with_the_one_before() {
        let before = [found(1, "2026-08", -100), found(2, "2026-08", -200)];
        let after = [found(2, "2026-09", -200), found(3, "2026-09", -5)];
        assert_eq!(kinds(&before, &after, None), [(1, ChangeKind::Gone), (3, ChangeKind::New)]);
    }

    #[test]
    fn the_latest_report_of_the_same_months_is_the_one_before() {
        let report = |id: u128, from: &str, to: &str| (ReportId(Uuid::from_u128(id)), (month(from), month(to)));
        let earlier =
            [report(3, "2026-11", "2026-11"), report(2, "2026-09", "2026-10"), report(1, "2026-08", "2026-08")];
        let chosen = |from, to| choose(&earlier, (month(from), month(to))).map(|(id, _)| id.0.as_u128());
        assert_eq!(chosen("2026-10", "2026-10"), Some(2));
        assert_eq!(chosen("2026-12", "2026-12"), Some(3));
        assert_eq!(chosen("2026-07", "2026-07"), None);
    }
}
