//! Billing periods and ranges of days. A period is the calendar month of an invoice date.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};
use thiserror::Error;

/// The text is not a month such as `2026-09`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a month such as 2026-09")]
pub struct NotAPeriod(pub String);

/// A calendar month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(NaiveDate);

impl Period {
    /// The month that a day lies in.
    pub fn of(day: NaiveDate) -> Self {
        Self(day.with_day(1).expect("every month has a first day"))
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Result<Self, NotAPeriod> {
        let refuse = || NotAPeriod(text.chars().take(32).collect());
        let (year, month) = text.trim().split_once('-').ok_or_else(refuse)?;
        if year.len() != 4 || month.len() != 2 || !text.trim().bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(refuse());
        }
        let year = year.parse().map_err(|_| refuse())?;
        let month = month.parse().map_err(|_| refuse())?;
        NaiveDate::from_ymd_opt(year, month, 1).map(Self).ok_or_else(refuse)
    }

    /// First day of the month.
    pub fn first_day(self) -> NaiveDate {
        self.0
    }

    /// Last day of the month.
    pub fn last_day(self) -> NaiveDate {
        (self.0 + Months::new(1)) - Days::new(1)
    }

    /// Number of days in the month.
    pub fn days(self) -> i64 {
        i64::from(self.last_day().day())
    }

    /// The month after.
    pub fn next(self) -> Self {
        Self(self.0 + Months::new(1))
    }

    /// The month before.
    pub fn previous(self) -> Self {
        Self(self.0 - Months::new(1))
    }

    /// Every month from this one to `last`, both included; empty when `last` is earlier.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |period| Some(period.next())).take_while(move |period| *period <= last)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_strictly_and_know_their_days() {
        let february = Period::parse("2028-02").expect("a month");
        assert_eq!((february.days(), february.to_string().as_str()), (29, "2028-02"));
        assert_eq!(february.previous().previous().to_string(), "2027-12");
        for text in ["2026", "2026-13", "2026-9", "26-09", "2026-09-01", "x"] {
            assert!(Period::parse(text).is_err(), "`{text}` was accepted");
        }
    }

    #[test]
    fn a_range_of_months_includes_both_ends() {
        let months = |a, b| Period::parse(a).unwrap().through(Period::parse(b).unwrap()).count();
        assert_eq!(
            (months("2026-11", "2027-01"), months("2026-11", "2026-11"), months("2026-11", "2026-10")),
            (3, 1, 0)
        );
    }
}
