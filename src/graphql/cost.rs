//! What an operation may come to, reckoned from the document before anything runs. A field counts one; a list counts
//! its fields once for every item that it may return, so that lists inside lists multiply as their work does. What
//! reads the database by itself, instead of together with its neighbours, counts its statements too.
//!
//! The names are used by the `complexity` attributes of the fields.

use super::page::{DEFAULT_SIZE, MAX_SIZE};

/// The most that one operation may come to. The largest page of a screen, a hundred lines with all their fields and
/// what explains each, comes to less than half; a hundred items in each of a hundred items come to more.
pub const DEFAULT_LIMIT: usize = 50_000;

/// Nothing counts more, so that the sum over a document of many thousand fields still fits.
const CEILING: usize = 1_000_000_000;

/// Items of a list without pages whose length only the data knows: months of a discrepancy, mappings of a product.
const USUAL_LENGTH: usize = 10;

/// What a statement counts beside the fields that come of it.
const STATEMENT: usize = 25;

/// What a field with several statements of its own counts.
const STATEMENTS: usize = 4 * STATEMENT;

/// What a field counts that matches all records of an integration.
const MATCHING: usize = 50 * STATEMENTS;

fn items(count: usize, child: usize) -> usize {
    count.saturating_mul(child).saturating_add(1).min(CEILING)
}

/// A page. A size that will be refused counts as the nearest that is not.
pub(super) fn page(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let size = first.into_iter().chain(last).max().map_or(DEFAULT_SIZE, |size| u64::try_from(size).unwrap_or(0));
    let size = usize::try_from(size.clamp(1, MAX_SIZE)).unwrap_or(CEILING);
    STATEMENT.saturating_add(items(size, child)).min(CEILING)
}

/// A list without pages.
pub(super) fn list(child: usize) -> usize {
    items(USUAL_LENGTH, child)
}

/// An answer for each of the things that the caller names.
pub(super) fn each(named: usize, child: usize) -> usize {
    items(named, child)
}

/// A field with several statements of its own.
pub(super) fn statements(child: usize) -> usize {
    STATEMENTS.saturating_add(child).min(CEILING)
}

/// A field that matches all records of an integration.
pub(super) fn matching(child: usize) -> usize {
    MATCHING.saturating_add(child).min(CEILING)
}

/// A list without pages, with several statements of its own.
pub(super) fn listed_statements(child: usize) -> usize {
    STATEMENTS.saturating_add(list(child)).min(CEILING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_its_items_whatever_size_is_asked_for() {
        let cases = [
            (None, None, 25),
            (Some(1), None, 1),
            (None, Some(40), 40),
            (Some(3), Some(7), 7),
            (Some(0), None, 1),
            (Some(-5), None, 1),
            (Some(i32::MIN), Some(i32::MIN), 1),
            (Some(i32::MAX), None, 100),
        ];
        for (first, last, size) in cases {
            assert_eq!(page(first, last, 10), STATEMENT + 1 + size * 10, "{first:?} {last:?}");
        }
    }

    #[test]
    fn nothing_overflows() {
        for cost in [
            page(None, None, usize::MAX),
            list(usize::MAX),
            each(usize::MAX, usize::MAX),
            statements(usize::MAX),
            listed_statements(usize::MAX),
        ] {
            assert_eq!(cost, CEILING);
        }
    }
}
