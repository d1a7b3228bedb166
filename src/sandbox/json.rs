//! JSON as text: records are kept and sent as they were written, so that no digit of a number is touched.

use std::collections::BTreeMap;
use std::fmt::Write;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::domain::money::plain;

/// The members of a JSON object, each as the text it was written with.
pub type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Splits the text of an object into its members.
pub fn members(raw: &str) -> Result<Members<'_>, serde_json::Error> {
    serde_json::from_str(raw)
}

/// The text of a JSON string; any other value as it is written; `None` for `null`.
pub fn scalar(value: &RawValue) -> Option<String> {
    let written = value.get();
    match written.as_bytes().first() {
        Some(b'"') => serde_json::from_str(written).ok(),
        _ if written == "null" => None,
        _ => Some(written.to_owned()),
    }
}

/// A member of an object as text (see [`scalar`]); `None` where it is absent, too.
pub fn text(members: &Members<'_>, name: &str) -> Option<String> {
    members.get(name).copied().and_then(scalar)
}

/// The text of a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}

/// Writes an object member by member, in the order of the calls.
#[derive(Debug)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

impl Object {
    /// An object without members.
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    /// A member whose value is already JSON. Names are words of the program and need no escaping.
    pub fn raw(mut self, name: &str, value: &str) -> Self {
        let comma = if self.0.len() > 1 { "," } else { "" };
        write!(self.0, "{comma}\"{name}\":{value}").expect("writing to a string succeeds");
        self
    }

    /// A string.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &quoted(value))
    }

    /// A string, or `null`.
    pub fn text_or_null(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A number with exactly its digits.
    pub fn number(self, name: &str, value: Decimal) -> Self {
        self.raw(name, &plain(value, 0))
    }

    /// A whole number or a truth value.
    pub fn value(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.raw(name, &value.to_string())
    }

    /// The finished text.
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A JSON array of values that are already JSON.
pub fn array<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.into_iter().collect();
    format!("[{}]", values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_texts_their_signs() {
        let written = Object::new()
            .text("name", "say \"yes\"")
            .number("rate", Decimal::new(144_500, 6))
            .text_or_null("end", None)
            .value("seats", 3)
            .finish();
        assert_eq!(written, r#"{"name":"say \"yes\"","rate":0.1445,"end":null,"seats":3}"#);
    }

    #[test]
    fn a_member_is_its_text_or_nothing() {
        let members = members(r#"{"a":"x\u0041","b":12.50,"c":null,"d":true}"#).expect("an object");
        let of = |name| text(&members, name);
        assert_eq!((of("a"), of("b")), (Some("xA".to_owned()), Some("12.50".to_owned())));
        assert_eq!((of("c"), of("d"), of("e")), (None, Some("true".to_owned()), None));
    }
}
