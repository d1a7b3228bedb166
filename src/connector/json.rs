//! Reading values from JSON text as the provider wrote it: decimals digit by digit, dates in the shapes that occur,
//! and a reason that names the field when a value cannot be read. Nothing here goes through a float or a JSON tree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::{ConnectorError, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::money::{Currency, parse_decimal};
use crate::domain::record::Known;
use crate::domain::run::{NOT_A_DECIMAL, NOT_TEXT_BUT};

/// Why a row cannot be read, as a sentence fragment.
pub type Reason = String;

/// A value, or the reason why it cannot be read; `None` means that the provider did not say.
pub type Read<T> = Result<Option<T>, Reason>;

/// A field as it stands in the provider's JSON; `None` when it is absent or `null`.
pub type Field<'a> = Option<&'a RawValue>;

/// Declares what a provider sends: every field optional, every value still in the provider's own digits.
macro_rules! wire {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[expect(missing_docs, reason = "the names are the provider's own")]
        pub struct $name<'a> {
            $($(#[$attribute])* #[serde(borrow, default)] pub $field: $crate::connector::json::Field<'a>,)*
        }
    )*};
}
pub(crate) use wire;

/// A short mark of some records as they were sent, to recognize a page that comes again.
pub fn fingerprint<'a>(records: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    records.for_each(|record| record.hash(&mut hasher));
    hasher.finish()
}

/// The text of a record with U+0000 replaced, because PostgreSQL refuses it, and whether there was any.
///
/// In JSON it can only stand as the escape `\u0000`; `\\u0000` is an escaped backslash followed by letters.
pub fn without_nul(json: &str) -> (Cow<'_, str>, bool) {
    if !json.contains("\\u0000") {
        return (Cow::Borrowed(json), false);
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json;
    let mut is_changed = false;
    while let Some(at) = rest.find('\\') {
        clean.push_str(&rest[..at]);
        let escape = &rest[at..];
        if let Some(after) = escape.strip_prefix("\\u0000") {
            clean.push_str("\\ufffd");
            rest = after;
            is_changed = true;
        } else {
            let length = escape.chars().take(2).map(char::len_utf8).sum();
            clean.push_str(&escape[..length]);
            rest = &escape[length..];
        }
    }
    clean.push_str(rest);
    (Cow::Owned(clean), is_changed)
}

/// Note on a record in which U+0000 was replaced.
pub const NUL_NOTE: &str = "a text held U+0000, which was replaced by U+FFFD";

/// An object's fields by name, as written.
pub fn object(json: &str) -> Result<HashMap<Cow<'_, str>, &RawValue>, Reason> {
    serde_json::from_str(json).map_err(|error| format!("the row is not a JSON object: {error}"))
}

/// The text of a field: a JSON text, or a number or truth value as written. Blank is as good as absent.
pub fn text(name: &str, field: Field<'_>) -> Read<String> {
    let Some(raw) = field else { return Ok(None) };
    let written = raw.get();
    let text = match written.as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str::<String>(written).map_err(|error| format!("{name} is not text: {error}"))?
        }
        Some(b'{' | b'[') => return Err(format!("{name}{NOT_TEXT_BUT}{}", short(written))),
        _ if written == "null" => return Ok(None),
        _ => written.to_owned(),
    };
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

/// The text of a field that a record cannot do without.
pub fn required_text(name: &str, field: Field<'_>) -> Result<String, Reason> {
    text(name, field)?.ok_or_else(|| format!("{name} is missing"))
}

/// An id.
pub fn id(name: &str, field: Field<'_>) -> Read<ExternalId> {
    Ok(text(name, field)?.map(|text| ExternalId::from(text.trim())))
}

/// An id that a record cannot do without.
pub fn required_id(name: &str, field: Field<'_>) -> Result<ExternalId, Reason> {
    id(name, field)?.ok_or_else(|| format!("{name} is missing"))
}

/// A decimal number, in the provider's own digits.
pub fn decimal(name: &str, field: Field<'_>) -> Read<Decimal> {
    let Some(text) = text(name, field)? else { return Ok(None) };
    parse_decimal(&text).map(Some).map_err(|_| format!("{name} `{}`{NOT_A_DECIMAL}", short(&text)))
}

/// A truth value: a JSON one, or one of the words that files use.
pub fn boolean(name: &str, field: Field<'_>) -> Read<bool> {
    let Some(text) = text(name, field)? else { return Ok(None) };
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Ok(Some(true)),
        "false" | "no" | "n" | "0" => Ok(Some(false)),
        _ => Err(format!("{name} `{}` is neither true nor false", short(&text))),
    }
}

/// A currency.
pub fn currency(name: &str, field: Field<'_>) -> Read<Currency> {
    let Some(text) = text(name, field)? else { return Ok(None) };
    Currency::parse(&text).map(Some).map_err(|error| format!("{name} {error}"))
}

/// A day; an instant is taken as the day that it is in the account's time zone.
pub fn day(name: &str, field: Field<'_>, zone: Tz) -> Read<NaiveDate> {
    let Some(text) = text(name, field)? else { return Ok(None) };
    let moment = parse_moment(&text).ok_or_else(|| format!("{name} `{}` is not a date", short(&text)))?;
    Ok(Some(moment.day(zone)))
}

/// A day that a record cannot do without.
pub fn required_day(name: &str, field: Field<'_>, zone: Tz) -> Result<NaiveDate, Reason> {
    day(name, field, zone)?.ok_or_else(|| format!("{name} is missing"))
}

/// An instant; a plain date is the beginning of that day in the account's time zone.
pub fn instant(name: &str, field: Field<'_>, zone: Tz) -> Read<DateTime<Utc>> {
    let Some(text) = text(name, field)? else { return Ok(None) };
    let moment = parse_moment(&text).ok_or_else(|| format!("{name} `{}` is not a timestamp", short(&text)))?;
    Ok(Some(moment.instant(zone)))
}

/// The time zone of an account, by its IANA name.
pub fn parse_zone(text: &str) -> Result<Tz, ConnectorError> {
    let unknown =
        |_| ConnectorError::Unsupported(format!("the setting `time_zone` is not an IANA time zone: `{text}`"));
    text.trim().parse().map_err(unknown)
}

/// A value of a provider's list, folded so that case, blanks, hyphens and underscores do not matter.
pub fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Reads a value of a list that may be extended; an unknown one is kept as written and noted.
pub fn known<T>(
    name: &str,
    field: Field<'_>,
    notes: &mut Vec<String>,
    recognize: impl Fn(&str) -> Option<T>,
) -> Read<Known<T>> {
    let Some(text) = text(name, field)? else { return Ok(None) };
    Ok(Some(match recognize(&folded(&text)) {
        Some(value) => Known::Known(value),
        None => {
            notes.push(unknown_note(name, &text));
            Known::Unrecognized(text)
        }
    }))
}

/// Note on a value that this version does not know.
pub fn unknown_note(name: &str, text: &str) -> String {
    format!("{name} `{}` is not known to this version and was kept as written", short(text))
}

/// A value that nothing depends on: when it cannot be read it is left out and noted, and the record stays.
pub fn lenient<T>(value: Read<T>, notes: &mut Vec<String>) -> Option<T> {
    value.unwrap_or_else(|reason| {
        notes.push(format!("{reason} and was left out"));
        None
    })
}

/// A rejected row with the id that could be read from it.
pub fn rejected(json: &str, id_names: &[&str], reason: Reason) -> Rejected {
    let external_id = object(json)
        .ok()
        .and_then(|fields| id_names.iter().find_map(|name| id(name, fields.get(*name).copied()).ok().flatten()));
    Rejected { external_id, location: None, reason }
}

/// The beginning of a value, for a message.
pub fn short(text: &str) -> String {
    // Messages quote with grave accents, and who hides a value has to find where it begins.
    let mut short: String = text.chars().take(64).map(|c| if c == '`' { '\'' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A date or a moment as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// A day, or a moment without an offset.
    Local(NaiveDateTime),
    /// Midnight in UTC, written as such (`2026-08-01T00:00:00Z`): a plain date that was widened to a moment, which
    /// means the 1st for an account in Denver too.
    Widened(NaiveDate),
    /// A moment with an offset.
    Instant(DateTime<Utc>),
}

impl Moment {
    fn day(self, zone: Tz) -> NaiveDate {
        match self {
            Self::Local(local) => local.date(),
            Self::Widened(day) => day,
            Self::Instant(instant) => instant.with_timezone(&zone).date_naive(),
        }
    }

    fn instant(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Instant(instant) => instant,
            Self::Widened(day) => day.and_time(NaiveTime::MIN).and_utc(),
            // A local time that a clock change skipped has no instant; read as UTC it is off by some hours at most.
            Self::Local(local) => {
                zone.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |local| local.to_utc())
            }
        }
    }
}

/// The shapes that occur: `2021-01-01`, `2021-01-01T08:30:00Z`, an offset with or without colon, and no offset.
fn parse_moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(Moment::Local(day.and_time(NaiveTime::MIN)));
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        if text.ends_with('Z') && moment.time() == NaiveTime::MIN {
            return Some(Moment::Widened(moment.date_naive()));
        }
        return Some(Moment::Instant(moment.to_utc()));
    }
    if let Ok(moment) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(Moment::Instant(moment.to_utc()));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|shape| NaiveDateTime::parse_from_str(text, shape).ok())
        .map(Moment::Local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect("a test writes good JSON")
    }

    #[test]
    fn decimals_keep_the_provider_s_digits() {
        let read = |json| decimal("amount", Some(raw(json)));
        assert_eq!(read("1234567890123.4567").unwrap().unwrap().to_string(), "1234567890123.4567");
        assert_eq!(read("9007199254740993").unwrap().unwrap().to_string(), "9007199254740993");
        assert_eq!(read("\"12.50\"").unwrap().unwrap().to_string(), "12.50");
        assert_eq!(read("1e2").unwrap().unwrap().to_string(), "100");
        assert_eq!(read("\"\"").unwrap(), None);
        assert_eq!(read("\"12,50\"").unwrap_err(), "amount `12,50` is not a decimal");
        assert_eq!(read("{}").unwrap_err(), "amount is not text but {}");
    }

    #[test]
    fn dates_are_read_in_every_shape_and_in_the_account_s_zone() {
        let denver: Tz = "America/Denver".parse().unwrap();
        let read = |json, zone| day("startDate", Some(raw(json)), zone).unwrap().unwrap().to_string();
        assert_eq!(read("\"2021-01-01\"", denver), "2021-01-01");
        assert_eq!(read("\"2021-01-01T08:30:00Z\"", denver), "2021-01-01");
        assert_eq!(read("\"2021-01-01T03:30:00Z\"", denver), "2020-12-31");
        assert_eq!(read("\"2021-01-01T00:00:00Z\"", denver), "2021-01-01");
        assert_eq!(read("\"2020-12-01T23:20:13.153-0700\"", Tz::UTC), "2020-12-02");
        assert_eq!(read("\"2020-12-01T23:20:13.153-0700\"", denver), "2020-12-01");
        assert_eq!(read("\"2020-12-01T23:20:13\"", denver), "2020-12-01");
        let moment = instant("updatedDate", Some(raw("\"2020-12-01T13:20:13.153-0700\"")), Tz::UTC).unwrap().unwrap();
        assert_eq!(moment.to_rfc3339(), "2020-12-01T20:20:13.153+00:00");
        assert_eq!(
            day("startDate", Some(raw("\"01/02/2021\"")), Tz::UTC).unwrap_err(),
            "startDate `01/02/2021` is not a date"
        );
    }

    #[test]
    fn nul_is_replaced_and_an_escaped_backslash_is_not_taken_for_it() {
        assert_eq!(without_nul(r#"{"a":"x\u0000y"}"#), (Cow::Borrowed(r#"{"a":"x\ufffdy"}"#), true));
        assert_eq!(without_nul(r#"{"a":"x\\u0000y"}"#), (Cow::Borrowed(r#"{"a":"x\\u0000y"}"#), false));
        assert_eq!(without_nul(r#"{"a":"é\n"}"#), (Cow::Borrowed(r#"{"a":"é\n"}"#), false));
    }
}
