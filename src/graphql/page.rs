//! Pages: the arguments of a list, its cursors, and the types of a page.

use async_graphql::{Context, Enum, OutputType, SimpleObject};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike as _, Utc};
use uuid::Uuid;

use super::error::Failure;
use crate::storage::page::{self, End, Position, Slice, SortValue, Window};

/// Items of a page when the caller does not say.
pub(super) const DEFAULT_SIZE: u64 = 25;

/// Most items of a page.
pub(super) const MAX_SIZE: u64 = 100;

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
pub enum SortDirection {
    /// Smallest, earliest or alphabetically first item first.
    Asc,
    /// Largest, latest or alphabetically last item first.
    #[default]
    Desc,
}

impl SortDirection {
    /// Whether the largest, latest or last item comes first.
    pub fn is_descending(self) -> bool {
        self == Self::Desc
    }
}

/// Where a page begins and ends.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PageInfo {
    /// Whether items come before the page.
    pub has_previous_page: bool,
    /// Whether items come after the page.
    pub has_next_page: bool,
    /// Cursor of the first item; null on an empty page.
    pub start_cursor: Option<String>,
    /// Cursor of the last item; null on an empty page.
    pub end_cursor: Option<String>,
}

/// A list in one order: what a cursor belongs to. A cursor of anything else is refused, because it would point at an
/// arbitrary place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Names list, parent, order and direction, for comparison alone.
    name: String,
    like: Vec<SortValue>,
}

impl List {
    /// A list with a single order; `like` has the kinds of values that it is ordered by.
    pub fn new(name: &str, like: &[SortValue]) -> Self {
        Self { name: name.to_owned(), like: like.to_vec() }
    }

    /// The same list of one parent.
    pub fn of(self, parent: Uuid) -> Self {
        Self { name: format!("{} {}", self.name, parent.simple()), ..self }
    }

    /// The same list in an order that the caller chose.
    pub fn by(self, order: impl std::fmt::Debug, is_descending: bool) -> Self {
        let direction = if is_descending { "desc" } else { "asc" };
        Self { name: format!("{} {order:?} {direction}", self.name), ..self }
    }

    /// The cursor of a position in this list.
    pub fn cursor(&self, position: &Position) -> String {
        let values = position.0.iter().map(|value| match value {
            SortValue::Text(text) => format!("t{text}"),
            SortValue::Integer(number) => format!("i{number}"),
            SortValue::Instant(moment) => format!("m{}", moment.timestamp_micros()),
            SortValue::Id(id) => format!("u{id}"),
        });
        let parts: Vec<String> = std::iter::once(self.name.clone()).chain(values).collect();
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&parts).expect("a list of texts is always JSON"))
    }

    /// The position of a cursor; `None` when it is none of this list in this order.
    fn position(&self, cursor: &str) -> Option<Position> {
        if cursor.len() > 4096 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let parts: Vec<String> = serde_json::from_slice(&bytes).ok()?;
        let (name, values) = parts.split_first()?;
        if *name != self.name {
            return None;
        }
        let position = values.iter().map(|value| sort_value(value)).collect::<Option<Vec<_>>>().map(Position)?;
        page::check(&position, &self.like).is_ok().then_some(position)
    }
}

fn sort_value(text: &str) -> Option<SortValue> {
    let mut chars = text.chars();
    let kind = chars.next()?;
    let rest = chars.as_str();
    Some(match kind {
        't' if !rest.contains('\0') => SortValue::Text(rest.to_owned()),
        'i' => SortValue::Integer(rest.parse().ok()?),
        'm' => SortValue::Instant(storable(DateTime::<Utc>::from_timestamp_micros(rest.parse().ok()?)?)?),
        'u' => SortValue::Id(Uuid::try_parse(rest).ok()?),
        _ => return None,
    })
}

/// The arguments that every list takes.
#[derive(Debug, Clone, Default)]
pub struct PageArguments {
    /// `first`.
    pub first: Option<i32>,
    /// `after`.
    pub after: Option<String>,
    /// `last`.
    pub last: Option<i32>,
    /// `before`.
    pub before: Option<String>,
}

impl PageArguments {
    /// The part of a list that is asked for.
    pub fn window(&self, list: &List) -> Result<Window, Failure> {
        let (end, size) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(Failure::bad_input("Give either `first` or `last`, not both."));
            }
            (None, Some(last)) => (End::Last, Some(("last", last))),
            (first, None) => (End::First, first.map(|first| ("first", first))),
        };
        let limit = match size {
            None => DEFAULT_SIZE,
            Some((name, size)) => u64::try_from(size)
                .ok()
                .filter(|size| (1..=MAX_SIZE).contains(size))
                .ok_or_else(|| Failure::bad_input(format!("`{name}` must be from 1 to {MAX_SIZE}, not {size}.")))?,
        };
        let cursor = |name: &str, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            list.position(text).map(Some).ok_or_else(|| {
                Failure::bad_input(format!(
                    "`{name}` is not a cursor of this list in this order. Pass a cursor that the same list returned in \
                     the same order, or leave it out."
                ))
            })
        };
        Ok(Window { end, limit, after: cursor("after", &self.after)?, before: cursor("before", &self.before)? })
    }
}

/// A moment that both databases keep and order: within the years of four digits.
pub fn storable(moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (0..=9999).contains(&moment.year()).then_some(moment)
}

/// Whether the caller selected a field of the list, such as `totalCount`, which costs a statement of its own.
pub fn is_selected(ctx: &Context<'_>, field: &str) -> bool {
    ctx.look_ahead().field(field).exists()
}

/// The parts that every page type is made of.
pub struct PageParts<N> {
    /// Items with their cursors.
    pub items: Vec<(String, N)>,
    /// Where the page begins and ends.
    pub info: PageInfo,
}

/// Turns a part of a list into the parts of a page.
pub fn parts<T, N: OutputType>(slice: Slice<T>, list: &List, mut object: impl FnMut(T) -> N) -> PageParts<N> {
    let Slice { items, has_previous, has_next } = slice;
    let items: Vec<(String, N)> =
        items.into_iter().map(|(position, item)| (list.cursor(&position), object(item))).collect();
    let info = PageInfo {
        has_previous_page: has_previous,
        has_next_page: has_next,
        start_cursor: items.first().map(|(cursor, _)| cursor.clone()),
        end_cursor: items.last().map(|(cursor, _)| cursor.clone()),
    };
    PageParts { items, info }
}

/// Declares the two types of a page: `page_types!(IntegrationConnection, IntegrationEdge, Integration)`.
///
/// The node type must be `Clone`, because a page offers its items as `edges` and as `nodes`.
macro_rules! page_types {
    ($connection:ident, $edge:ident, $node:ty) => {
        /// A page of a list.
        #[derive(async_graphql::SimpleObject)]
        pub struct $connection {
            /// Items of the page with their cursors.
            pub edges: Vec<$edge>,
            /// Items of the page.
            pub nodes: Vec<$node>,
            /// Where the page begins and ends.
            pub page_info: $crate::graphql::page::PageInfo,
            /// Number of items over all pages, with the filter applied; null when it was not asked for.
            pub total_count: Option<u64>,
        }

        /// One item of a page, with its cursor.
        #[derive(async_graphql::SimpleObject)]
        pub struct $edge {
            /// Position of the item in the list.
            pub cursor: String,
            /// Item at this position.
            pub node: $node,
        }

        impl $connection {
            /// A page of these items.
            pub fn new(parts: $crate::graphql::page::PageParts<$node>, total_count: Option<u64>) -> Self {
                let nodes = parts.items.iter().map(|(_, node)| node.clone()).collect();
                let edges = parts.items.into_iter().map(|(cursor, node)| $edge { cursor, node }).collect();
                Self { edges, nodes, page_info: parts.info, total_count }
            }
        }
    };
}
pub(crate) use page_types;

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        List::new("things", &[SortValue::Text(String::new()), SortValue::Id(Uuid::nil())])
    }

    #[test]
    fn a_cursor_reads_back_and_a_foreign_one_is_refused() {
        let position = Position(vec![SortValue::Text("Ünï:code".into()), SortValue::Id(Uuid::from_u128(5))]);
        let list = list().of(Uuid::from_u128(1)).by("Name", true);
        let arguments = PageArguments { after: Some(list.cursor(&position)), ..PageArguments::default() };
        assert_eq!(arguments.window(&list).map(|window| window.after), Ok(Some(position.clone())));
        let others = [
            self::list().of(Uuid::from_u128(1)).by("Name", false),
            self::list().of(Uuid::from_u128(1)).by("Age", true),
            self::list().of(Uuid::from_u128(2)).by("Name", true),
            List::new("others", &[]).of(Uuid::from_u128(1)).by("Name", true),
        ];
        let foreign = others.map(|other| other.cursor(&position));
        let malformed =
            [list.cursor(&Position(vec![SortValue::Integer(1)])), "x".into(), String::new(), "*".repeat(10_000)];
        for cursor in foreign.into_iter().chain(malformed) {
            let arguments = PageArguments { before: Some(cursor), ..PageArguments::default() };
            assert!(arguments.window(&list).is_err());
        }
    }

    #[test]
    fn sizes_out_of_range_and_both_ends_are_refused() {
        let window = |first, last| PageArguments { first, last, ..PageArguments::default() }.window(&list());
        assert_eq!(window(None, None).map(|window| window.limit), Ok(25));
        assert_eq!(window(None, Some(100)).map(|window| window.limit), Ok(100));
        for (first, last) in [(Some(0), None), (Some(-1), None), (Some(101), None), (Some(1), Some(1))] {
            assert!(window(first, last).is_err());
        }
    }
}
