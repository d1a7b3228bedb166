//! Query strings: filters, pages and sorting, with the refusals of the vendor.

use rust_decimal::Decimal;
use url::form_urlencoded;

use super::reply::Refusal;
use crate::domain::money::parse_decimal;
use crate::sandbox::json::{Members, array, members, text};
use crate::sandbox::world::Record;

/// The parameters of a request, in their order.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string.
    pub fn parse(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// A parameter; the first one where there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// A parameter that has to be one of a few words.
    pub fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            Some(value) if !words.contains(&value) => {
                Err(Refusal::parameter(name, &format!("`{value}` is not one of {}", words.join(", "))))
            }
            value => Ok(value),
        }
    }

    /// A whole number between two limits.
    pub fn number(&self, name: &str, default: usize, limits: (usize, usize)) -> Result<usize, Refusal> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.parse().ok().filter(|number| (limits.0..=limits.1).contains(number)).ok_or_else(|| {
            Refusal::parameter(name, &format!("must be a whole number from {} to {}", limits.0, limits.1))
        })
    }
}

/// A member as text, also of an object inside (`address.city`).
pub fn member(record: &Record, path: &str) -> Option<String> {
    member_of(&record.members(), path)
}

fn member_of(outer: &Members<'_>, path: &str) -> Option<String> {
    match path.split_once('.') {
        None => text(outer, path),
        Some((name, rest)) => member_of(&members(outer.get(name)?.get()).ok()?, rest),
    }
}

/// Keeps the records whose member is the parameter's value.
pub fn keep_equal(records: &mut Vec<&Record>, path: &str, value: Option<&str>) {
    if let Some(value) = value {
        records.retain(|record| member(record, path).as_deref() == Some(value));
    }
}

/// How values of a sortable field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As text, without regard to case.
    Text,
    /// As numbers.
    Number,
}

/// Whether a list wants a direction beside the field that it is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `sort=name` will do.
    Optional,
    /// Only `sort=name,asc` and `sort=name,desc` are documented.
    Required,
}

/// Sorts as `sort=field` or `sort=field,desc` asks; equal records keep their order.
pub fn sort(
    records: &mut [&Record],
    query: &Query,
    fields: &[(&'static str, &'static str, Order)],
    direction: Direction,
) -> Result<(), Refusal> {
    let Some(wanted) = query.get("sort") else { return Ok(()) };
    let (name, wanted_direction) = match (wanted.split_once(','), direction) {
        (Some(both), _) => both,
        (None, Direction::Optional) => (wanted, "asc"),
        (None, Direction::Required) => return Err(Refusal::parameter("sort", "has to say asc or desc after a comma")),
    };
    let is_descending = match wanted_direction {
        "asc" => false,
        "desc" => true,
        _ => return Err(Refusal::parameter("sort", "the direction is asc or desc")),
    };
    let Some(&(_, path, order)) = fields.iter().find(|(field, _, _)| *field == name) else {
        let known: Vec<&str> = fields.iter().map(|(field, _, _)| *field).collect();
        return Err(Refusal::parameter("sort", &format!("`{name}` is not one of {}", known.join(", "))));
    };
    let key = |record: &Record| -> (Option<Decimal>, Option<String>) {
        let value = member(record, path);
        match order {
            Order::Text => (None, value.map(|value| value.to_lowercase())),
            Order::Number => (value.and_then(|value| parse_decimal(&value).ok()), None),
        }
    };
    records.sort_by_cached_key(|record| key(record));
    if is_descending {
        records.reverse();
    }
    Ok(())
}

/// One page in the vendor's envelope. A list without rows has no `content` at all.
pub fn page<'a>(records: &[&'a str], query: &Query) -> Result<String, Refusal> {
    let number = query.number("page", 0, (0, 1_000_000))?;
    let size = query.number("size", 10, (1, 200))?;
    let rows: Vec<&'a str> = records.iter().copied().skip(number * size).take(size).collect();
    let content = if rows.is_empty() { String::new() } else { format!("\"content\":{},", array(rows)) };
    let (total, pages) = (records.len(), records.len().div_ceil(size));
    Ok(format!(
        r#"{{{content}"page":{{"size":{size},"totalElements":{total},"totalPages":{pages},"number":{number}}}}}"#
    ))
}

/// The page of a list of records.
pub fn page_of(records: &[&Record], query: &Query) -> Result<String, Refusal> {
    page(&records.iter().map(|record| record.raw()).collect::<Vec<_>>(), query)
}
