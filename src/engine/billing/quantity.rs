//! What a subscription was on a day, by its history.

use chrono::NaiveDate;

use super::amount::Amount;
use super::input::{Change, Commitment, Revision, SubscriptionRow};
use crate::domain::record::BillingTerm;

impl SubscriptionRow {
    /// First day on which a state counts: its billing start where that moved, else the day of the update.
    fn effective(&self, at: usize) -> Option<NaiveDate> {
        let revision = &self.revisions[at];
        let updated = revision.updated_at.map(|moment| moment.date_naive());
        match at.checked_sub(1).map(|before| self.revisions[before].billing_start) {
            Some(before) if revision.billing_start.is_some() && revision.billing_start != before => {
                revision.billing_start
            }
            Some(_) => updated,
            None => updated.or(revision.billing_start).or(revision.start),
        }
    }

    /// The state that counts on a day; `None` before the first one known.
    pub(super) fn state_on(&self, day: NaiveDate) -> Option<&Revision> {
        let count = self.revisions.len();
        let at = (0..count).rev().find(|at| self.effective(*at).is_some_and(|from| from <= day))?;
        self.revisions.get(at)
    }

    /// The state that counts on a day, else the earliest one known.
    pub(super) fn state_near(&self, day: NaiveDate) -> Option<&Revision> {
        self.state_on(day).or_else(|| self.revisions.first())
    }

    /// First day billed.
    pub(super) fn start(&self) -> Option<NaiveDate> {
        self.revisions.iter().filter_map(|revision| revision.start).min()
    }

    /// Last day billed; `None` while it runs.
    pub(super) fn end(&self) -> Option<NaiveDate> {
        let last = self.revisions.last()?;
        last.end.or_else(|| {
            // A cancellation without an end date ends it on the day that it was made.
            last.is_canceled.then(|| self.effective(self.revisions.len() - 1)).flatten()
        })
    }

    /// Seats on a day; zero after the end, `None` where the history does not say.
    pub(super) fn quantity_on(&self, day: NaiveDate) -> Option<Amount> {
        if self.end().is_some_and(|end| end < day) {
            return Some(Amount::ZERO);
        }
        self.state_on(day)?.quantity.known()
    }

    /// Whether it runs on a day.
    pub(super) fn is_active_on(&self, day: NaiveDate) -> bool {
        self.start().is_some_and(|start| start <= day) && self.end().is_none_or(|end| day <= end)
    }

    /// How many states begin on a day.
    pub(super) fn changes_on(&self, day: NaiveDate) -> usize {
        (0..self.revisions.len()).filter(|at| self.effective(*at) == Some(day)).count()
    }

    /// Changes of the number of seats, the oldest first.
    pub(super) fn changes(&self) -> Vec<Change> {
        let change = |at: usize| {
            let (before, after) = (self.revisions[at - 1].quantity.known()?, self.revisions[at].quantity.known()?);
            Some(Change { day: self.effective(at)?, before, after })
        };
        (1..self.revisions.len()).filter_map(change).filter(|change| change.before != change.after).collect()
    }

    /// Every quantity it ever had.
    pub(super) fn quantities(&self) -> impl Iterator<Item = Amount> + '_ {
        self.revisions.iter().filter_map(|revision| revision.quantity.known())
    }

    /// Commitment on a day; month to month where none is given.
    pub(super) fn commitment_on(&self, day: NaiveDate, term: BillingTerm) -> Option<Commitment> {
        let state = self.state_near(day)?;
        Some(state.commitment.clone().unwrap_or_else(|| default_commitment(term)))
    }
}

/// The commitment of a subscription that names none.
pub(super) fn default_commitment(term: BillingTerm) -> Commitment {
    if term == BillingTerm::OneTime { Commitment::OneTime } else { Commitment::Monthly }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::billing::amount::Maybe;
    use crate::engine::billing::intern::{CompanyRef, ProductRef};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn state(seats: i128, updated: &str, billing_start: &str, end: Option<&str>) -> Revision {
        Revision {
            updated_at: Some(day(updated).and_hms_opt(9, 0, 0).unwrap().and_utc()),
            billing_start: Some(day(billing_start)),
            start: Some(day("2026-01-10")),
            end: end.map(day),
            is_canceled: end.is_some(),
            quantity: Maybe::from(Amount(seats * Amount::ONE.0)),
            price: Maybe::UNKNOWN,
            currency: None,
            term: Some(BillingTerm::Monthly),
            commitment: None,
            company: CompanyRef(0),
            product: ProductRef(0),
        }
    }

    fn check(states: Vec<Revision>, expected: &[(&str, Option<i128>)]) {
        let row = SubscriptionRow { revisions: states };
        for (on, seats) in expected {
            let seats = seats.map(|seats| Amount(seats * Amount::ONE.0));
            assert_eq!(row.quantity_on(day(on)), seats, "{on}");
        }
    }

    #[test]
    fn a_state_counts_from_its_update() {
        let states = vec![state(5, "2026-01-10", "2026-01-10", None), state(7, "2026-03-02", "2026-01-10", None)];
        check(
            states,
            &[("2026-01-09", None), ("2026-01-10", Some(5)), ("2026-03-01", Some(5)), ("2026-03-02", Some(7))],
        );
    }

    #[test]
    fn a_state_counts_from_its_billing_start_where_that_moved() {
        let states = vec![state(5, "2026-01-10", "2026-01-10", None), state(7, "2026-03-02", "2026-04-01", None)];
        check(states, &[("2026-03-31", Some(5)), ("2026-04-01", Some(7))]);
    }

    #[test]
    fn nothing_is_left_after_the_end() {
        let states =
            vec![state(5, "2026-01-10", "2026-01-10", None), state(5, "2026-03-02", "2026-01-10", Some("2026-03-31"))];
        check(states, &[("2026-03-31", Some(5)), ("2026-04-01", Some(0))]);
    }
}
