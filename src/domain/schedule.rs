//! When an integration syncs by itself: a cron expression in a time zone.
//!
//! Daylight saving: a time of day that is skipped runs right after the gap, and one that comes twice runs once; a
//! schedule by the hour or minute goes on evenly through both.

use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use thiserror::Error;

/// Why a text is not a schedule. Each is a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// The cron expression has not five fields.
    #[error(
        "The schedule `{cron}` needs five fields, but has {count}. They are minute, hour, day of the month, month and \
         day of the week. For example, `0 * * * *` is every full hour. Seconds are not supported: a sync runs at most \
         once a minute."
    )]
    NotFiveFields {
        /// What was given.
        cron: String,
        /// How many fields it has.
        count: usize,
    },
    /// A field cannot be read.
    #[error("The schedule `{cron}` cannot be read: {reason}. For example, `*/15 6-20 * * MON-FRI` is well formed.")]
    Unreadable {
        /// What was given.
        cron: String,
        /// What is wrong.
        reason: String,
    },
    /// It names no moment, such as the 31st of February.
    #[error("The schedule `{cron}` never comes: no date matches it. Change the day or the month.")]
    Never {
        /// What was given.
        cron: String,
    },
    /// The time zone does not exist.
    #[error(
        "`{0}` is not a time zone. Write a name of the IANA list, such as `UTC`, `Europe/Berlin` or `America/Denver`."
    )]
    UnknownTimeZone(String),
}

/// A cron expression with its time zone.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    cron: Cron,
    time_zone: Tz,
}

impl Schedule {
    /// Reads five cron fields and the name of a time zone.
    pub fn parse(cron: &str, time_zone: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let text = fields.join(" ");
        if fields.len() != 5 {
            return Err(ScheduleError::NotFiveFields { cron: shortened(&text), count: fields.len() });
        }
        let parsed =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(&text).map_err(
                |error| ScheduleError::Unreadable {
                    cron: shortened(&text),
                    reason: error.to_string().trim_end_matches('.').to_owned(),
                },
            )?;
        let time_zone = time_zone.trim();
        let zone = time_zone.parse().map_err(|_| ScheduleError::UnknownTimeZone(shortened(time_zone)))?;
        let schedule = Self { text, cron: parsed, time_zone: zone };
        // Any moment serves: what never comes after this one never comes at all.
        let start = DateTime::<Utc>::UNIX_EPOCH;
        if schedule.next_after(start).is_none() {
            return Err(ScheduleError::Never { cron: shortened(&schedule.text) });
        }
        Ok(schedule)
    }

    /// The cron expression.
    pub fn cron(&self) -> &str {
        &self.text
    }

    /// The time zone in which the expression is read.
    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// The first moment of the schedule that is later than `instant`; `None` beyond the end of the calendar.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.time_zone.from_utc_datetime(&instant.naive_utc());
        self.cron.find_next_occurrence(&local, false).ok().map(|next| next.to_utc())
    }
}

/// Every full hour, UTC.
impl Default for Schedule {
    fn default() -> Self {
        Self::parse("0 * * * *", "UTC").expect("the default schedule is well formed")
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.time_zone == other.time_zone
    }
}

impl Eq for Schedule {}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.time_zone)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({self})")
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cron: &str, time_zone: &str, after: &str, expected: &[&str]) {
        let schedule = Schedule::parse(cron, time_zone).expect("the schedule of the test is well formed");
        let mut at: DateTime<Utc> = after.parse().expect("the moment of the test is well formed");
        for moment in expected {
            at = schedule.next_after(at).expect("there is a next moment");
            assert_eq!(at.format("%Y-%m-%dT%H:%MZ").to_string(), *moment, "{schedule} after {after}");
        }
    }

    #[test]
    fn the_default_is_every_full_hour() {
        assert_eq!(Schedule::default().to_string(), "0 * * * * (UTC)");
        check("0 * * * *", "UTC", "2026-09-30T22:59:59.999999Z", &["2026-09-30T23:00Z", "2026-10-01T00:00Z"]);
        check("0 * * * *", "UTC", "2026-09-30T23:00:00Z", &["2026-10-01T00:00Z"]);
    }

    #[test]
    fn the_time_zone_counts() {
        check("30 6 * * MON-FRI", "Europe/Berlin", "2026-07-03T12:00:00Z", &["2026-07-06T04:30Z"]);
        check("30 6 1 * *", "Asia/Kolkata", "2026-07-03T12:00:00Z", &["2026-08-01T01:00Z"]);
        check("*/15 * * * *", "UTC", "2026-07-03T12:07:00Z", &["2026-07-03T12:15Z", "2026-07-03T12:30Z"]);
    }

    #[test]
    fn a_time_that_the_clock_skips_runs_right_after_the_gap() {
        // 2026-03-08 in New York: 02:00 to 03:00 does not exist.
        check("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", &["2026-03-08T07:00Z", "2026-03-09T06:30Z"]);
    }

    #[test]
    fn a_time_that_comes_twice_runs_once() {
        // 2026-11-01 in New York: 01:00 to 02:00 comes twice.
        check("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", &["2026-11-01T05:30Z", "2026-11-02T06:30Z"]);
    }

    #[test]
    fn an_hourly_schedule_goes_on_evenly_through_a_change() {
        check(
            "0 * * * *",
            "America/New_York",
            "2026-11-01T04:30:00Z",
            &["2026-11-01T05:00Z", "2026-11-01T06:00Z", "2026-11-01T07:00Z"],
        );
        check("0 * * * *", "America/New_York", "2026-03-08T06:30:00Z", &["2026-03-08T07:00Z", "2026-03-08T08:00Z"]);
    }

    #[test]
    fn each_error_is_a_sentence() {
        for (cron, time_zone, expected) in [
            ("* * * *", "UTC", "The schedule `* * * *` needs five fields, but has 4."),
            ("*/5 * * * * *", "UTC", "The schedule `*/5 * * * * *` needs five fields, but has 6."),
            ("@hourly", "UTC", "The schedule `@hourly` needs five fields, but has 1."),
            ("", "UTC", "The schedule `` needs five fields, but has 0."),
            ("61 * * * *", "UTC", "The schedule `61 * * * *` cannot be read: "),
            ("x * * * *", "UTC", "The schedule `x * * * *` cannot be read: "),
            ("0 0 31 2 *", "UTC", "The schedule `0 0 31 2 *` never comes"),
            ("0 * * * *", "Mars/Olympus", "`Mars/Olympus` is not a time zone."),
            ("0 * * * *", "", "`` is not a time zone."),
        ] {
            let error = Schedule::parse(cron, time_zone).expect_err("it is not a schedule").to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(error.ends_with('.') && !error.contains(".."), "{error}");
        }
    }
}
