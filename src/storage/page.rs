//! Pages by keyset: a page begins after a position, not after a number of rows, so that a list that grows is never
//! read twice or skipped.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Order, SimpleExpr};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use uuid::Uuid;

use super::StorageError;

/// One part of a position, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortValue {
    /// Text.
    Text(String),
    /// Number.
    Integer(i64),
    /// Moment.
    Instant(DateTime<Utc>),
    /// Id.
    Id(Uuid),
}

impl SortValue {
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => text.clone().into(),
            Self::Integer(number) => (*number).into(),
            Self::Instant(moment) => (*moment).into(),
            Self::Id(id) => (*id).into(),
        }
    }

    fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Where a row stands in a list: the values it is ordered by, ending in its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position(pub Vec<SortValue>);

/// From which end a page is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first so many rows.
    First,
    /// The last so many rows.
    Last,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// From which end.
    pub end: End,
    /// How many rows, 1 to 100.
    pub limit: u64,
    /// Rows after this one alone.
    pub after: Option<Position>,
    /// Rows before this one alone.
    pub before: Option<Position>,
}

impl Window {
    /// The first rows of a list.
    pub fn first(limit: u64) -> Self {
        Self { end: End::First, limit, after: None, before: None }
    }
}

/// A part of a list, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// Rows with their positions.
    pub items: Vec<(Position, T)>,
    /// Whether rows come before.
    pub has_previous: bool,
    /// Whether rows come after.
    pub has_next: bool,
}

impl<T> Slice<T> {
    /// The same part with its rows turned into something else.
    pub fn try_map<U>(self, f: impl FnMut(T) -> Result<U, StorageError>) -> Result<Slice<U>, StorageError> {
        let mut f = f;
        let items = self
            .items
            .into_iter()
            .map(|(position, item)| Ok((position, f(item)?)))
            .collect::<Result<_, StorageError>>()?;
        Ok(Slice { items, has_previous: self.has_previous, has_next: self.has_next })
    }
}

/// One thing that a list is ordered by. It must never be null: wrap a nullable column in `coalesce`.
#[derive(Clone)]
pub struct SortKey {
    /// What is compared.
    pub expression: SimpleExpr,
    /// Whether larger values come first.
    pub is_descending: bool,
}

impl SortKey {
    /// Smaller values first.
    pub fn ascending(expression: impl Into<SimpleExpr>) -> Self {
        Self { expression: expression.into(), is_descending: false }
    }

    /// Larger values first.
    pub fn descending(expression: impl Into<SimpleExpr>) -> Self {
        Self { expression: expression.into(), is_descending: true }
    }
}

/// The position in a cursor does not belong to this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not belong to this list")]
pub struct ForeignCursor;

/// Reads the part of a list that a window asks for. `position` says where a row stands, by the same keys.
pub async fn read<E>(
    db: &impl ConnectionTrait,
    query: Select<E>,
    keys: &[SortKey],
    window: &Window,
    position: impl Fn(&E::Model) -> Position,
) -> Result<Slice<E::Model>, StorageError>
where
    E: EntityTrait<Model: FromQueryResult + Send + Sync>,
{
    let backwards = window.end == End::Last;
    let mut query = query.limit(window.limit + 1);
    if let Some(after) = &window.after {
        query = query.filter(beyond(keys, after, false)?);
    }
    if let Some(before) = &window.before {
        query = query.filter(beyond(keys, before, true)?);
    }
    for key in keys {
        let order = if key.is_descending == backwards { Order::Asc } else { Order::Desc };
        query = query.order_by(key.expression.clone(), order);
    }
    let mut models = query.all(db).await?;
    let has_more = models.len() as u64 > window.limit;
    models.truncate(usize::try_from(window.limit).unwrap_or(usize::MAX));
    if backwards {
        models.reverse();
    }
    Ok(Slice {
        has_previous: if backwards { has_more } else { window.after.is_some() },
        has_next: if backwards { window.before.is_some() } else { has_more },
        items: models.into_iter().map(|model| (position(&model), model)).collect(),
    })
}

/// Rows on one side of a position: `k1 > v1 or (k1 = v1 and (k2 > v2 or ...))`.
fn beyond(keys: &[SortKey], position: &Position, is_before: bool) -> Result<Condition, StorageError> {
    if keys.len() != position.0.len() {
        return Err(StorageError::ForeignCursor(ForeignCursor));
    }
    let mut condition: Option<Condition> = None;
    for (key, value) in keys.iter().zip(&position.0).rev() {
        let expression = key.expression.clone();
        let bound = Expr::value(value.value());
        let strict = if key.is_descending == is_before { expression.gt(bound) } else { expression.lt(bound) };
        condition = Some(match condition {
            None => Condition::all().add(strict),
            Some(inner) => Condition::any()
                .add(strict)
                .add(Condition::all().add(key.expression.clone().eq(Expr::value(value.value()))).add(inner)),
        });
    }
    Ok(condition.unwrap_or_else(Condition::all))
}

/// Checks that a position from outside has the kinds of values that a list is ordered by.
pub fn check(position: &Position, like: &[SortValue]) -> Result<(), ForeignCursor> {
    let fits = position.0.len() == like.len() && position.0.iter().zip(like).all(|(a, b)| a.same_kind(b));
    if fits { Ok(()) } else { Err(ForeignCursor) }
}
