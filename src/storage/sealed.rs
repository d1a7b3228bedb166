//! Sealed values wherever they stand, as texts with the row they belong to. What they hold, and which key opens them, is
//! the business of whoever asks.

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Func, Order, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait as _, QueryResult};
use uuid::Uuid;

use super::{StorageError, Tx};
use crate::domain::id::{OrganizationId, ProviderAccountId};
use crate::domain::provider::Side;
use crate::storage::{account, integration};

/// A column of sealed values, in a table with the column `organization_id` and one that tells its rows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealedColumn {
    /// Table.
    pub table: &'static str,
    /// Column that tells the rows of a tenant apart.
    pub key: &'static str,
    /// Column that tells several values of one key apart, where there are several.
    pub part: Option<&'static str>,
    /// Column; a row without a secret has nothing in it.
    pub column: &'static str,
}

/// A sealed value and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Row.
    pub id: Uuid,
    /// Which of several values; empty where there is one.
    pub part: String,
    /// The sealed text.
    pub text: String,
}

/// How many values carry the id of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Id of the key; empty where a text has none.
    pub key_id: String,
    /// Values.
    pub count: u64,
}

fn row(found: &QueryResult) -> Result<SealedRow, StorageError> {
    Ok(SealedRow {
        organization_id: OrganizationId(found.try_get("", "organization_id")?),
        id: found.try_get("", "id")?,
        part: found.try_get("", "part")?,
        text: found.try_get("", "sealed")?,
    })
}

/// Which of several values of a key, as a text.
fn part_of(place: SealedColumn) -> SimpleExpr {
    place.part.map_or_else(|| Expr::cust("''"), |part| Expr::col(Alias::new(part)))
}

/// At most `limit` sealed values behind a place, tenant by tenant.
pub async fn batch(
    db: &impl ConnectionTrait,
    place: SealedColumn,
    after: Option<&SealedRow>,
    limit: u64,
) -> Result<Vec<SealedRow>, StorageError> {
    let column = |name: &'static str| Expr::col(Alias::new(name));
    let mut query = Query::select();
    query
        .column(Alias::new("organization_id"))
        .expr_as(column(place.key), Alias::new("id"))
        .expr_as(part_of(place), Alias::new("part"))
        .expr_as(column(place.column), Alias::new("sealed"))
        .from(Alias::new(place.table))
        .and_where(column(place.column).ne(""))
        .order_by(Alias::new("organization_id"), Order::Asc)
        .order_by(Alias::new(place.key), Order::Asc)
        .limit(limit);
    if let Some(part) = place.part {
        query.order_by(Alias::new(part), Order::Asc);
    }
    if let Some(SealedRow { organization_id, id, part, .. }) = after {
        let is_later_part = column(place.key).eq(*id).and(part_of(place).gt(part.as_str()));
        let is_later_row =
            column("organization_id").eq(organization_id.0).and(column(place.key).gt(*id).or(is_later_part));
        query.and_where(column("organization_id").gt(organization_id.0).or(is_later_row));
    }
    db.query_all(&query).await?.iter().map(row).collect()
}

/// The sealed value of a row as it is now.
pub async fn find(
    db: &impl ConnectionTrait,
    place: SealedColumn,
    read: &SealedRow,
) -> Result<Option<SealedRow>, StorageError> {
    let column = |name: &'static str| Expr::col(Alias::new(name));
    let query = Query::select()
        .column(Alias::new("organization_id"))
        .expr_as(column(place.key), Alias::new("id"))
        .expr_as(part_of(place), Alias::new("part"))
        .expr_as(column(place.column), Alias::new("sealed"))
        .from(Alias::new(place.table))
        .and_where(column("organization_id").eq(read.organization_id.0))
        .and_where(column(place.key).eq(read.id))
        .and_where(part_of(place).eq(read.part.as_str()))
        .and_where(column(place.column).ne(""))
        .to_owned();
    db.query_one(&query).await?.as_ref().map(row).transpose()
}

/// Puts another text in the place of the one that was read; false when somebody else was faster.
pub async fn replace(tx: &Tx, place: SealedColumn, read: &SealedRow, text: &str) -> Result<bool, StorageError> {
    let column = |name: &'static str| Expr::col(Alias::new(name));
    let query = Query::update()
        .table(Alias::new(place.table))
        .value(Alias::new(place.column), text)
        .and_where(column("organization_id").eq(read.organization_id.0))
        .and_where(column(place.key).eq(read.id))
        .and_where(part_of(place).eq(read.part.as_str()))
        .and_where(column(place.column).eq(read.text.as_str()))
        .to_owned();
    Ok(tx.execute(&query).await?.rows_affected() == 1)
}

/// The key id in `v1.<key id>.…`.
fn key_id(backend: DbBackend, column: &'static str) -> SimpleExpr {
    match backend {
        DbBackend::Postgres => Expr::cust(format!("split_part({column}, '.', 2)")),
        _ => Expr::cust(format!("substr({column}, 4, max(0, instr(substr({column}, 4), '.') - 1))")),
    }
}

async fn uses(
    db: &impl ConnectionTrait,
    table: &'static str,
    column: &'static str,
) -> Result<Vec<KeyUse>, StorageError> {
    let key = key_id(db.get_database_backend(), column);
    let query = Query::select()
        .expr_as(key.clone(), Alias::new("key_id"))
        .expr_as(Func::count(Expr::col(Alias::new(column))), Alias::new("count"))
        .from(Alias::new(table))
        .and_where(Expr::col(Alias::new(column)).ne(""))
        .add_group_by([key])
        .to_owned();
    let read = |found: &QueryResult| -> Result<KeyUse, StorageError> {
        let count: i64 = found.try_get("", "count")?;
        Ok(KeyUse { key_id: found.try_get("", "key_id")?, count: u64::try_from(count).unwrap_or(0) })
    };
    db.query_all(&query).await?.iter().map(read).collect()
}

/// Which keys seal how many values of a column.
pub async fn sealing_keys(db: &impl ConnectionTrait, place: SealedColumn) -> Result<Vec<KeyUse>, StorageError> {
    uses(db, place.table, place.column).await
}

/// Which keys prove how many audit events, of all organizations.
pub async fn audit_keys(db: &impl ConnectionTrait) -> Result<Vec<KeyUse>, StorageError> {
    uses(db, "audit_event", "mac").await
}

/// What a person calls the row of a sealed value.
pub async fn describe(db: &impl ConnectionTrait, place: SealedColumn, row: &SealedRow) -> Result<String, StorageError> {
    let organization = entity::organization::Entity::find_by_id(row.organization_id.0).one(db).await?;
    let organization = organization.map_or_else(|| row.organization_id.to_string(), |found| found.name);
    // Each place belongs to an account.
    if let Some(found) = account::find(db, row.organization_id, ProviderAccountId(row.id)).await? {
        let owner = integration::find(db, row.organization_id, found.integration_id).await?;
        let owner = owner.map_or_else(|| found.integration_id.to_string(), |integration| integration.name);
        let side = match found.side {
            Side::Pax8 => "Pax8",
            Side::Psa => "PSA",
        };
        return Ok(format!("the {side} account of the integration `{owner}` of the organization `{organization}`"));
    }
    Ok(format!("the row `{}` of {} of the organization `{organization}`", row.id, place.table))
}
