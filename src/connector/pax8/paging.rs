//! Where a list of Pax8 goes on. Its counters may be missing or wrong, so that what was read counts as well: a list
//! neither ends silently in the middle nor goes on for ever.

use super::wire::List;
use crate::connector::json::fingerprint;
use crate::connector::{ConnectorError, Cursor};

/// A page to read, with what the pages before it told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Number of the page, from 0. We count ourselves: an answer may carry another number.
    pub number: u64,
    /// Fingerprint of the page before.
    before: Option<u64>,
    /// Largest number of records over all pages that a page before told.
    total: Option<u64>,
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub enum Following {
    /// Another page.
    Page(Cursor),
    /// Nothing.
    End,
    /// The page is the one before once more, so that nobody knows what follows.
    Unknown,
}

impl Place {
    /// The place that a cursor stands for; the first page without one.
    pub fn read(after: Option<&Cursor>) -> Result<Self, ConnectorError> {
        let Some(Cursor(text)) = after else { return Ok(Self::default()) };
        Self::parse(text)
            .ok_or_else(|| ConnectorError::Unsupported(format!("`{text}` is not a page of a list of Pax8")))
    }

    fn parse(text: &str) -> Option<Self> {
        let [number, before, total] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
        let before = match before {
            "" => None,
            text => Some(u64::from_str_radix(text, 16).ok()?),
        };
        let total = match total {
            "" => None,
            text => Some(text.parse().ok()?),
        };
        Some(Self { number: number.parse().ok()?, before, total })
    }

    /// Number of records over all pages, as far as any page told.
    pub fn total(&self, list: &List<'_>) -> Option<u64> {
        list.page.and_then(|page| page.total_elements).max(self.total)
    }

    /// What follows this page of a list with so many records to a page.
    pub fn following(&self, list: &List<'_>, size: u32) -> Following {
        if list.content.is_empty() {
            return Following::End;
        }
        let fingerprint = fingerprint(list.content.iter().map(|element| element.get()));
        // Lines without an id may fill two pages alike; then the number tells the pages apart.
        let is_confirmed = list.page.and_then(|page| page.number) == Some(self.number);
        if !is_confirmed && self.before == Some(fingerprint) {
            return Following::Unknown;
        }
        let Some(next) = self.number.checked_add(1) else { return Following::End };
        // The counters do not always agree with each other, so only the number of pages ends the list; without it, a
        // page that is not full does.
        let is_last = match list.page.and_then(|page| page.total_pages) {
            Some(pages) => next >= pages,
            None => (list.content.len() as u64) < u64::from(size),
        };
        if is_last {
            return Following::End;
        }
        let total = self.total(list).map_or(String::new(), |total| total.to_string());
        Following::Page(Cursor(format!("{next}:{fingerprint:x}:{total}")))
    }
}
