//! Lists of companies, customers and products: searched, filtered, ordered by name, page by page.

use chrono::{DateTime, Utc};
use entity::{agreement_line, company, customer, exclusion, mapping, pax8_product, psa_product};
use sea_orm::sea_query::{Expr, ExprTrait as _, LikeExpr, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QuerySelect, Select,
};
use uuid::Uuid;

use super::mapping::ACTIVE;
use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::source::company::CompanyTable;
use super::source::customer::CustomerTable;
use super::source::pax8_product::Pax8ProductTable;
use super::source::psa_product::PsaProductTable;
use super::source::{SourceTable, Stored};
use super::text::Word;
use super::{StorageError, account, search};
use crate::domain::id::{ExternalId, IntegrationId, OrganizationId, ProviderAccountId};
use crate::domain::mapping::RecordKind;

/// Conditions on records; every one that is given has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Words that have to occur.
    pub search: Option<String>,
    /// Whether the record has an active mapping.
    pub is_mapped: Option<bool>,
    /// Whether the record is excluded.
    pub is_excluded: Option<bool>,
    /// Whether the record is gone; gone records are left out when nothing is said.
    pub is_archived: Option<bool>,
}

/// What a list of records is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordSort {
    /// Name.
    #[default]
    Name,
    /// When the record was read last.
    LastSeenAt,
}

/// Order of a list of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordOrder {
    /// What by.
    pub sort: RecordSort,
    /// Whether larger values come first.
    pub is_descending: bool,
}

impl RecordOrder {
    /// What cursors of this order look like.
    pub fn like(self) -> Vec<SortValue> {
        let first = match self.sort {
            RecordSort::Name => SortValue::Text(String::new()),
            RecordSort::LastSeenAt => SortValue::Instant(DateTime::<Utc>::UNIX_EPOCH),
        };
        vec![first, SortValue::Id(Uuid::nil())]
    }
}

/// A table of records that can be mapped.
pub trait RecordTable: SourceTable {
    /// Its kind.
    const RECORD: RecordKind;
    /// Column with the name.
    fn name_column() -> <Self::Entity as EntityTrait>::Column;
    /// Column with the searchable text.
    fn search_column() -> <Self::Entity as EntityTrait>::Column;
    /// The name of a row.
    fn name(model: &<Self::Entity as EntityTrait>::Model) -> String;
}

macro_rules! record_tables {
    ($($table:ident = $module:ident, $kind:ident;)*) => {$(
        impl RecordTable for $table {
            const RECORD: RecordKind = RecordKind::$kind;

            fn name_column() -> $module::Column {
                $module::Column::Name
            }

            fn search_column() -> $module::Column {
                $module::Column::SearchText
            }

            fn name(model: &$module::Model) -> String {
                model.name.clone()
            }
        }
    )*};
}

record_tables! {
    CompanyTable = company, Company;
    CustomerTable = customer, Customer;
    Pax8ProductTable = pax8_product, Pax8Product;
    PsaProductTable = psa_product, PsaProduct;
}

/// Ids of the records of a kind with an active mapping.
fn mapped(organization_id: OrganizationId, kind: RecordKind) -> SelectStatement {
    let column = match kind {
        RecordKind::Company | RecordKind::Pax8Product => mapping::Column::Pax8RecordId,
        RecordKind::Customer | RecordKind::PsaProduct => mapping::Column::PsaRecordId,
    };
    Query::select()
        .column(column)
        .from(mapping::Entity)
        .and_where(Expr::col(mapping::Column::OrganizationId).eq(organization_id.0))
        .and_where(Expr::col(mapping::Column::Status).is_in(ACTIVE.map(Word::word)))
        .to_owned()
}

/// Ids of the records of a kind that are left out.
fn excluded(organization_id: OrganizationId, kind: RecordKind) -> SelectStatement {
    Query::select()
        .column(exclusion::Column::RecordId)
        .from(exclusion::Entity)
        .and_where(Expr::col(exclusion::Column::OrganizationId).eq(organization_id.0))
        .and_where(Expr::col(exclusion::Column::RecordKind).eq(kind.word()))
        .and_where(Expr::col(exclusion::Column::EndedAt).is_null())
        .to_owned()
}

fn filtered<T: RecordTable>(
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    filter: &RecordFilter,
) -> Select<T::Entity>
where
    <T::Entity as EntityTrait>::Model: Sync,
{
    let columns = T::columns();
    let mut query = T::Entity::find()
        .filter(columns.organization_id.eq(organization_id.0))
        .filter(columns.account_id.eq(account_id.0));
    query = match filter.is_archived {
        None | Some(false) => query.filter(columns.gone_at.is_null()),
        Some(true) => query.filter(columns.gone_at.is_not_null()),
    };
    for pattern in filter.search.as_deref().map(search::patterns).unwrap_or_default() {
        query = query.filter(T::search_column().like(LikeExpr::new(pattern).escape('\\')));
    }
    if let Some(is_mapped) = filter.is_mapped {
        let ids = mapped(organization_id, T::RECORD);
        query = query.filter(if is_mapped { columns.id.in_subquery(ids) } else { columns.id.not_in_subquery(ids) });
    }
    if let Some(is_excluded) = filter.is_excluded {
        let ids = excluded(organization_id, T::RECORD);
        query = query.filter(if is_excluded { columns.id.in_subquery(ids) } else { columns.id.not_in_subquery(ids) });
    }
    query
}

/// A page of an account's records.
pub async fn page<T: RecordTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    filter: &RecordFilter,
    order: RecordOrder,
    window: &Window,
) -> Result<Slice<Stored<T::Record>>, StorageError>
where
    <T::Entity as EntityTrait>::Model: FromQueryResult + Send + Sync,
{
    let columns = T::columns();
    let first = match order.sort {
        RecordSort::Name => Expr::col(T::name_column()),
        RecordSort::LastSeenAt => Expr::col(columns.last_seen_at),
    };
    let id = Expr::col(columns.id);
    let keys = if order.is_descending {
        [SortKey::descending(first), SortKey::descending(id)]
    } else {
        [SortKey::ascending(first), SortKey::ascending(id)]
    };
    let position = |model: &<T::Entity as EntityTrait>::Model| {
        let identity = T::identity(model);
        let first = match order.sort {
            RecordSort::Name => SortValue::Text(T::name(model)),
            RecordSort::LastSeenAt => SortValue::Instant(identity.last_seen_at),
        };
        Position(vec![first, SortValue::Id(identity.id)])
    };
    let query = filtered::<T>(organization_id, account_id, filter);
    page::read(db, query, &keys, window, position).await?.try_map(T::stored)
}

/// How many records a filter keeps.
pub async fn count<T: RecordTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    filter: &RecordFilter,
) -> Result<u64, StorageError>
where
    <T::Entity as EntityTrait>::Model: FromQueryResult + Send + Sync,
{
    Ok(filtered::<T>(organization_id, account_id, filter).count(db).await?)
}

/// Whether an account has records here, and none of these is or was among them.
pub async fn are_others<T: RecordTable>(
    db: &impl ConnectionTrait,
    (organization_id, account_id): (OrganizationId, ProviderAccountId),
    external_ids: &[ExternalId],
) -> Result<bool, StorageError>
where
    <T::Entity as EntityTrait>::Model: FromQueryResult + Send + Sync,
{
    let columns = T::columns();
    let known = T::Entity::find()
        .filter(columns.organization_id.eq(organization_id.0))
        .filter(columns.account_id.eq(account_id.0))
        .filter(columns.external_id.is_in(external_ids.iter().map(ExternalId::as_str)));
    if external_ids.is_empty() || known.count(db).await? > 0 {
        return Ok(false);
    }
    Ok(count::<T>(db, organization_id, account_id, &RecordFilter::default()).await? > 0)
}

/// To whom a record belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordOwner {
    /// Record (our id).
    pub id: Uuid,
    /// The provider's id.
    pub external_id: String,
    /// Name.
    pub name: String,
    /// Account that it was read from.
    pub account_id: ProviderAccountId,
    /// Integration of the account.
    pub integration_id: IntegrationId,
}

/// To whom a record of the tenant belongs.
pub async fn owner(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    kind: RecordKind,
    id: Uuid,
) -> Result<Option<RecordOwner>, StorageError> {
    match kind {
        RecordKind::Company => owner_in::<CompanyTable>(db, organization_id, id).await,
        RecordKind::Customer => owner_in::<CustomerTable>(db, organization_id, id).await,
        RecordKind::Pax8Product => owner_in::<Pax8ProductTable>(db, organization_id, id).await,
        RecordKind::PsaProduct => owner_in::<PsaProductTable>(db, organization_id, id).await,
    }
}

async fn owner_in<T: RecordTable>(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    id: Uuid,
) -> Result<Option<RecordOwner>, StorageError> {
    let columns = T::columns();
    let row: Option<(Uuid, String, String)> = T::Entity::find()
        .select_only()
        .column(columns.account_id)
        .column(columns.external_id)
        .column(T::name_column())
        .filter(columns.organization_id.eq(organization_id.0))
        .filter(columns.id.eq(id))
        .into_tuple()
        .one(db)
        .await?;
    let Some((account_id, external_id, name)) = row else {
        return Ok(None);
    };
    let account_id = ProviderAccountId(account_id);
    let account = account::find(db, organization_id, account_id).await?;
    let account =
        account.ok_or_else(|| StorageError::Corrupt(format!("record `{id}` belongs to no provider account")))?;
    Ok(Some(RecordOwner { id, external_id, name, account_id, integration_id: account.integration_id }))
}

/// External ids of the customers that have agreement lines, also ended ones.
pub async fn customers_with_agreements(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<Vec<String>, StorageError> {
    let query = agreement_line::Entity::find()
        .select_only()
        .column(agreement_line::Column::CustomerExternalId)
        .distinct()
        .filter(agreement_line::Column::OrganizationId.eq(organization_id.0))
        .filter(agreement_line::Column::AccountId.eq(account_id.0))
        .filter(agreement_line::Column::GoneAt.is_null());
    Ok(query.into_tuple().all(db).await?)
}
