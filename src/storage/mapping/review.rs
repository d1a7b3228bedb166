//! What people found about the mappings that the machine had made.

use entity::mapping::{Column, Entity};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select};

use super::super::StorageError;
use super::super::text::Word as _;
use super::{confidence_column, domain, of_integration};
use crate::domain::id::{IntegrationId, OrganizationId};
use crate::domain::mapping::{Mapping, MappingKind, MappingStatus};

/// Reviews of one outcome at one confidence.
#[derive(Debug, FromQueryResult)]
struct Counted {
    confidence: i32,
    status: String,
    times: i64,
}

/// Mappings that the machine had proposed, whoever chose them later, and that are not limited to a customer.
fn proposed(organization_id: OrganizationId, integration_id: IntegrationId, kind: MappingKind) -> Select<Entity> {
    of_integration(organization_id, integration_id, kind)
        .filter(Column::Confidence.is_not_null())
        .filter(Column::CustomerScope.eq(""))
}

/// Another pair of the same Pax8 record and term, or of the whole record, that a person confirmed.
fn confirmed_instead() -> SelectStatement {
    let other = || Alias::new("other");
    let same = |column: Column| Expr::col((other(), column)).equals((Entity, column));
    let same_or_whole = |column: Column| same(column).or(Expr::col((other(), column)).eq(""));
    Query::select()
        .expr(Expr::val(1))
        .from_as(Entity, other())
        .and_where(same(Column::OrganizationId))
        .and_where(same(Column::IntegrationId))
        .and_where(same(Column::Kind))
        .and_where(same(Column::Pax8RecordId))
        .and_where(same(Column::PsaRecordId).not())
        .and_where(same_or_whole(Column::BillingTerm))
        .and_where(same_or_whole(Column::CommitmentTerm))
        .and_where(Expr::col((other(), Column::CustomerScope)).eq(""))
        .and_where(Expr::col((other(), Column::Status)).eq(MappingStatus::Confirmed.word()))
        .to_owned()
}

/// Rejected, or taken away because a person decided for another pair, which still holds.
fn was_wrong() -> Condition {
    let replaced = Condition::all()
        .add(Column::Status.eq(MappingStatus::Removed.word()))
        .add(Column::IsReplaced.eq(true))
        .add(Expr::exists(confirmed_instead()));
    Condition::any().add(Column::Status.eq(MappingStatus::Rejected.word())).add(replaced)
}

/// How often mappings of which confidence, in millionths, were found right or wrong.
pub async fn reviews(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
) -> Result<Vec<(u32, bool, u64)>, StorageError> {
    let query = proposed(organization_id, integration_id, kind)
        .select_only()
        .column(Column::Confidence)
        .column(Column::Status)
        .column_as(Column::Id.count(), "times")
        .filter(Condition::any().add(Column::Status.eq(MappingStatus::Confirmed.word())).add(was_wrong()))
        .group_by(Column::Confidence)
        .group_by(Column::Status)
        .order_by_asc(Column::Confidence)
        .order_by_asc(Column::Status);
    let counted = query.into_model::<Counted>().all(db).await?;
    let review = |row: Counted| {
        let corrupt = || StorageError::Corrupt("a mapping has a negative confidence".to_owned());
        let confidence = u32::try_from(row.confidence).map_err(|_| corrupt())?;
        let is_right = row.status == MappingStatus::Confirmed.word();
        Ok((confidence, is_right, u64::try_from(row.times).map_err(|_| corrupt())?))
    };
    counted.into_iter().map(review).collect()
}

/// The mapping that the machine was surest of and that was wrong, from a confidence on.
pub async fn surest_mistake(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
    at_least: u32,
) -> Result<Option<Mapping>, StorageError> {
    let query = proposed(organization_id, integration_id, kind)
        .filter(Column::Confidence.gte(confidence_column(at_least)))
        .filter(was_wrong())
        .order_by_desc(Column::Confidence)
        .order_by_asc(Column::Id);
    query.one(db).await?.map(domain).transpose()
}

/// The suggestions below a floor, by Pax8 record, term and id.
pub async fn suggestions_below(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    kind: MappingKind,
    floor: u32,
) -> Result<Vec<Mapping>, StorageError> {
    let query = proposed(organization_id, integration_id, kind)
        .filter(Column::Status.eq(MappingStatus::Suggested.word()))
        .filter(Column::Confidence.lt(confidence_column(floor)))
        .order_by_asc(Column::Pax8RecordId)
        .order_by_asc(Column::BillingTerm)
        .order_by_asc(Column::CommitmentTerm)
        .order_by_asc(Column::Id);
    query.all(db).await?.into_iter().map(domain).collect()
}
