//! Lists of mappings: filtered, ordered, page by page, and counted.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::mapping::{Column, Entity, Model};
use entity::{company, customer, pax8_product, psa_product};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Func, LikeExpr, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::{confidence_column, domain, of_integration, words};
use crate::domain::id::{IntegrationId, OrganizationId};
use crate::domain::mapping::{Mapping, MappingKind, MappingOrigin, MappingStatus};
use crate::storage::page::{self, Position, Slice, SortKey, SortValue, Window};
use crate::storage::text::Word;
use crate::storage::{StorageError, search};

/// Where a mapping without a confidence stands among the others: behind them, because a person chose it.
const CHOSEN: i64 = 1_000_001;

/// Conditions on mappings; every one that is given has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MappingFilter {
    /// Any of these states.
    pub statuses: Option<Vec<MappingStatus>>,
    /// Any of these origins.
    pub origins: Option<Vec<MappingOrigin>>,
    /// Any of these companies or products at Pax8.
    pub pax8_records: Option<Vec<Uuid>>,
    /// Any of these customers or items at the PSA.
    pub psa_records: Option<Vec<Uuid>>,
    /// Words that occur on either side.
    pub search: Option<String>,
    /// Least confidence, in millionths.
    pub confidence_at_least: Option<u32>,
    /// Largest confidence, in millionths.
    pub confidence_at_most: Option<u32>,
}

/// What a list of mappings is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MappingSort {
    /// How sure the machine is; pairs that a person chose come last.
    #[default]
    Confidence,
    /// When the mapping changed last.
    UpdatedAt,
    /// Name of the Pax8 record.
    Pax8Name,
}

/// Order of a list of mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MappingOrder {
    /// What by.
    pub sort: MappingSort,
    /// Whether larger values come first.
    pub is_descending: bool,
}

impl MappingOrder {
    /// What cursors of this order look like.
    pub fn like(self) -> Vec<SortValue> {
        let first = match self.sort {
            MappingSort::Confidence => SortValue::Integer(0),
            MappingSort::UpdatedAt => SortValue::Instant(DateTime::<Utc>::UNIX_EPOCH),
            MappingSort::Pax8Name => SortValue::Text(String::new()),
        };
        vec![first, SortValue::Id(Uuid::nil())]
    }
}

/// Ids of the records on one side whose text contains a pattern.
fn records_like(organization_id: OrganizationId, kind: MappingKind, is_pax8: bool, pattern: &str) -> SelectStatement {
    let like = || LikeExpr::new(pattern.to_owned()).escape('\\');
    macro_rules! select {
        ($table:ident) => {
            Query::select()
                .column($table::Column::Id)
                .from($table::Entity)
                .and_where(Expr::col($table::Column::OrganizationId).eq(organization_id.0))
                .and_where(Expr::col($table::Column::SearchText).like(like()))
                .to_owned()
        };
    }
    match (kind, is_pax8) {
        (MappingKind::Customer, true) => select!(company),
        (MappingKind::Customer, false) => select!(customer),
        (MappingKind::Product, true) => select!(pax8_product),
        (MappingKind::Product, false) => select!(psa_product),
    }
}

fn filtered(
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
    filter: &MappingFilter,
) -> Select<Entity> {
    let mut query = of_integration(organization_id, integration_id, kind);
    if let Some(statuses) = &filter.statuses {
        query = query.filter(Column::Status.is_in(words(statuses)));
    }
    if let Some(origins) = &filter.origins {
        query = query.filter(Column::Origin.is_in(origins.iter().map(|origin| origin.word())));
    }
    if let Some(records) = &filter.pax8_records {
        query = query.filter(Column::Pax8RecordId.is_in(records.iter().copied()));
    }
    if let Some(records) = &filter.psa_records {
        query = query.filter(Column::PsaRecordId.is_in(records.iter().copied()));
    }
    if let Some(least) = filter.confidence_at_least {
        query = query.filter(Column::Confidence.gte(confidence_column(least)));
    }
    if let Some(most) = filter.confidence_at_most {
        query = query.filter(Column::Confidence.lte(confidence_column(most)));
    }
    for pattern in filter.search.as_deref().map(search::patterns).unwrap_or_default() {
        let on = |is_pax8| records_like(organization_id, kind, is_pax8, &pattern);
        query = query.filter(
            Condition::any()
                .add(Column::Pax8RecordId.in_subquery(on(true)))
                .add(Column::PsaRecordId.in_subquery(on(false))),
        );
    }
    query
}

/// The name of the Pax8 record of a row.
fn pax8_name(kind: MappingKind) -> SimpleExpr {
    macro_rules! name_of {
        ($table:ident) => {
            Query::select()
                .column($table::Column::Name)
                .from($table::Entity)
                .and_where(
                    Expr::col(($table::Entity, $table::Column::OrganizationId))
                        .equals((Entity, Column::OrganizationId)),
                )
                .and_where(Expr::col(($table::Entity, $table::Column::Id)).equals((Entity, Column::Pax8RecordId)))
                .to_owned()
        };
    }
    let select = match kind {
        MappingKind::Customer => name_of!(company),
        MappingKind::Product => name_of!(pax8_product),
    };
    SimpleExpr::from(Func::coalesce([SimpleExpr::SubQuery(None, Box::new(select.into())), Expr::value("")]))
}

/// A page of an integration's mappings.
pub async fn page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
    filter: &MappingFilter,
    order: MappingOrder,
    window: &Window,
) -> Result<Slice<Mapping>, StorageError> {
    let expression: SimpleExpr = match order.sort {
        MappingSort::Confidence => Expr::col((Entity, Column::Confidence)).if_null(Expr::value(CHOSEN)),
        MappingSort::UpdatedAt => Expr::col((Entity, Column::UpdatedAt)),
        MappingSort::Pax8Name => pax8_name(kind),
    };
    let id = Expr::col((Entity, Column::Id));
    let keys = if order.is_descending {
        [SortKey::descending(expression), SortKey::descending(id)]
    } else {
        [SortKey::ascending(expression), SortKey::ascending(id)]
    };
    let position = |model: &Model| {
        let first = match order.sort {
            MappingSort::Confidence => SortValue::Integer(model.confidence.map_or(CHOSEN, i64::from)),
            MappingSort::UpdatedAt => SortValue::Instant(model.updated_at),
            // The row does not know the name; it is put in below, for the rows of the page alone.
            MappingSort::Pax8Name => SortValue::Text(String::new()),
        };
        Position(vec![first, SortValue::Id(model.id)])
    };
    let query = filtered(organization_id, integration_id, kind, filter);
    let mut slice = page::read(db, query, &keys, window, position).await?.try_map(domain)?;
    if order.sort == MappingSort::Pax8Name {
        let ids: Vec<Uuid> = slice.items.iter().map(|(_, mapping)| mapping.pax8_record_id).collect();
        let names = names(db, organization_id, kind, &ids).await?;
        for (position, mapping) in &mut slice.items {
            let name = names.get(&mapping.pax8_record_id).cloned().unwrap_or_default();
            position.0[0] = SortValue::Text(name);
        }
    }
    Ok(slice)
}

async fn names(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    kind: MappingKind,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, StorageError> {
    macro_rules! names {
        ($table:ident) => {
            $table::Entity::find()
                .select_only()
                .column($table::Column::Id)
                .column($table::Column::Name)
                .filter($table::Column::OrganizationId.eq(organization_id.0))
                .filter($table::Column::Id.is_in(ids.iter().copied()))
                .into_tuple()
                .all(db)
                .await?
        };
    }
    let pairs: Vec<(Uuid, String)> = match kind {
        MappingKind::Customer => names!(company),
        MappingKind::Product => names!(pax8_product),
    };
    Ok(pairs.into_iter().collect())
}

/// How many mappings a filter keeps.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
    filter: &MappingFilter,
) -> Result<u64, StorageError> {
    Ok(filtered(organization_id, integration_id, kind, filter).count(db).await?)
}

/// How many mappings of an integration are in which state and came about how.
pub async fn status_counts(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
) -> Result<Vec<(MappingStatus, MappingOrigin, u64)>, StorageError> {
    let counts: Vec<(String, String, i64)> = of_integration(organization_id, integration_id, kind)
        .select_only()
        .column(Column::Status)
        .column(Column::Origin)
        .expr(Expr::col(Column::Id).count())
        .group_by(Column::Status)
        .group_by(Column::Origin)
        .order_by_asc(Column::Status)
        .order_by_asc(Column::Origin)
        .into_tuple()
        .all(db)
        .await?;
    counts
        .into_iter()
        .map(|(status, origin, count)| {
            Ok((MappingStatus::read(&status)?, MappingOrigin::read(&origin)?, u64::try_from(count).unwrap_or(0)))
        })
        .collect()
}
