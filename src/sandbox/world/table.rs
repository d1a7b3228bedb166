//! Records as text with the few members by which they are looked up.

use std::collections::HashMap;

use crate::sandbox::json::{Members, members, text};

/// A record, character by character as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    raw: String,
    id: String,
}

impl Record {
    /// The record's text.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Its id; empty where it has none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its members.
    pub fn members(&self) -> Members<'_> {
        members(&self.raw).expect("records are checked when they are read")
    }

    /// A member as text; `None` where it is absent or `null`.
    pub fn text(&self, name: &str) -> Option<String> {
        text(&self.members(), name)
    }
}

/// Records in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    records: Vec<Record>,
    by_id: HashMap<String, usize>,
    groups: HashMap<String, Vec<usize>>,
}

/// A line that is not a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Table {
    /// Reads one JSON object per line; `group` names the member by which records belong together.
    pub fn read(text_of_file: &str, id: &str, group: &str) -> Result<Self, BadLine> {
        let mut table = Self::default();
        for (index, line) in text_of_file.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bad = |error: serde_json::Error| BadLine { line: index + 1, reason: error.to_string() };
            let raw = line.trim().to_owned();
            let (id, group) = {
                let members = members(&raw).map_err(bad)?;
                (text(&members, id).unwrap_or_default(), text(&members, group))
            };
            let position = table.records.len();
            if !id.is_empty() {
                table.by_id.entry(id.clone()).or_insert(position);
            }
            if let Some(group) = group {
                table.groups.entry(group).or_default().push(position);
            }
            table.records.push(Record { raw, id });
        }
        Ok(table)
    }

    /// All records.
    pub fn all(&self) -> &[Record] {
        &self.records
    }

    /// The record with an id.
    pub fn get(&self, id: &str) -> Option<&Record> {
        self.by_id.get(id).map(|&position| &self.records[position])
    }

    /// The records of a group.
    pub fn group(&self, name: &str) -> Vec<&Record> {
        self.groups.get(name).map_or_else(Vec::new, |group| group.iter().map(|&at| &self.records[at]).collect())
    }
}
