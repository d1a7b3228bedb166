//! The fields of a row by their folded names, so that `addressLine1`, `address_line_1` and `Address Line 1` are one.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::connector::json::{Field, Reason, folded, object};

/// The fields of one row.
pub struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Takes a JSON object apart.
    pub fn parse(json: &'a str) -> Result<Self, Reason> {
        Ok(Self(object(json)?.into_iter().map(|(name, value)| (folded(&name), value)).collect()))
    }

    /// The first field of these names (folded) that says something.
    pub fn get(&self, names: &[&str]) -> Field<'a> {
        names.iter().filter_map(|name| self.0.get(*name).copied()).find(|raw| !matches!(raw.get(), "null" | "\"\""))
    }
}
