//! Agreement lines that follow each other: a change of quantity or price at a PSA ends a line and starts another.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::input::{AgreementLineRow, Input};
use super::intern::{AgreementLineRef, AgreementRef, CustomerRef, ItemRef, Reference};

/// The chains of agreement lines.
pub(super) struct Chains {
    /// First line of the chain of each line.
    heads: Vec<AgreementLineRef>,
    /// The line that each line follows.
    before: Vec<Option<AgreementLineRef>>,
    /// Last line of the chain of each first line.
    lasts: Vec<AgreementLineRef>,
}

/// Where and when lines change.
type Change = (AgreementRef, CustomerRef, Option<ItemRef>, NaiveDate);

/// Lines that end the day before, and lines that begin.
#[derive(Default)]
struct Changing {
    ended: Vec<AgreementLineRef>,
    begun: Vec<AgreementLineRef>,
}

impl Chains {
    pub(super) fn new(input: &Input) -> Self {
        let rows = &input.agreement_lines.rows;
        let mut changes: BTreeMap<Change, Changing> = BTreeMap::new();
        for (line, row) in (0_u32..).map(AgreementLineRef).zip(rows) {
            let Some(row) = row else { continue };
            if let Some(from) = row.from {
                changes.entry((row.agreement, row.customer, row.item, from)).or_default().begun.push(line);
            }
            if let Some(next) = row.to.and_then(|to| to.checked_add_days(Days::new(1))) {
                changes.entry((row.agreement, row.customer, row.item, next)).or_default().ended.push(line);
            }
        }
        let mut before: Vec<Option<AgreementLineRef>> = vec![None; rows.len()];
        for changing in changes.into_values() {
            for (ended, begun) in links(rows, changing) {
                before[begun.index()] = Some(ended);
            }
        }
        let lines = || (0_u32..).take(rows.len()).map(AgreementLineRef);
        let heads: Vec<AgreementLineRef> = lines().map(|line| head(&before, line)).collect();
        let mut lasts: Vec<AgreementLineRef> = lines().collect();
        let from = |line: AgreementLineRef| rows[line.index()].as_ref().and_then(|row| row.from);
        for line in lines() {
            let last = &mut lasts[heads[line.index()].index()];
            if from(*last) < from(line) {
                *last = line;
            }
        }
        Self { heads, before, lasts }
    }

    pub(super) fn head(&self, line: AgreementLineRef) -> AgreementLineRef {
        self.heads[line.index()]
    }

    /// The line that a line follows.
    pub(super) fn before(&self, line: AgreementLineRef) -> Option<AgreementLineRef> {
        self.before[line.index()]
    }

    /// Last line of a chain, by its first.
    pub(super) fn last(&self, head: AgreementLineRef) -> AgreementLineRef {
        self.lasts[head.index()]
    }
}

fn head(before: &[Option<AgreementLineRef>], line: AgreementLineRef) -> AgreementLineRef {
    let mut head = line;
    // A line that ends before it begins could close a circle; no chain is longer than there are lines.
    for _ in 0..before.len() {
        match before[head.index()] {
            Some(earlier) if earlier != line => head = earlier,
            _ => break,
        }
    }
    head
}

/// Which line follows which. A new price leaves the quantity alone, so lines of one quantity belong together; of what
/// is left only a single pair is certain. Whatever stays open is settled later by the quantities of subscriptions.
fn links(rows: &[Option<AgreementLineRow>], changing: Changing) -> Vec<(AgreementLineRef, AgreementLineRef)> {
    let Changing { mut ended, mut begun } = changing;
    let mut links = Vec::new();
    ended.retain(|old| {
        let follows = |new: &AgreementLineRef| match (&rows[old.index()], &rows[new.index()]) {
            (Some(old), Some(new)) => old.quantity == new.quantity && old.unit_price != new.unit_price,
            _ => false,
        };
        let Some(at) = begun.iter().position(follows) else { return true };
        links.push((*old, begun.remove(at)));
        false
    });
    if let (&[old], &[new]) = (&ended[..], &begun[..])
        && old != new
    {
        links.push((old, new));
    }
    links
}
