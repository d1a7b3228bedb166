//! Taking away what is kept no longer, a few rows at a time. A row stays where it is; what goes is what it says.
//!
//! Record versions and runs are told apart by time alone; whether anything still needs what they say is decided where
//! this is called.

use chrono::{DateTime, Utc};
use entity::{company, customer, event, event_stream, reconciliation_run, record_version, sync_run};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::row_lock::RowLock as _;
use super::source::SourceTable as _;
use super::source::company::CompanyTable;
use super::source::customer::CustomerTable;
use super::{StorageError, Tx, search};
use crate::domain::id::OrganizationId;

/// What can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Texts of record versions that were replaced before a moment, and of every version of a gone company or customer
    /// whose contact data go.
    RawTexts,
    /// Events, but the last one, of runs that ended before a moment.
    Events,
    /// Contact data of companies that are gone since before a moment.
    Companies,
    /// Contact data of customers that are gone since before a moment.
    Customers,
}

impl Leftover {
    /// Everything, in the order in which it goes.
    pub const ALL: [Self; 4] = [Self::RawTexts, Self::Events, Self::Companies, Self::Customers];
}

fn replaced(organization_id: OrganizationId, before: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(record_version::Column::OrganizationId.eq(organization_id.0))
        .add(record_version::Column::ObservedTo.lt(before))
        .add(record_version::Column::Raw.ne(""))
}

/// Streams of runs that ended before a moment.
fn ended(organization_id: OrganizationId, before: DateTime<Utc>) -> [SelectStatement; 2] {
    let sync = Query::select()
        .column(sync_run::Column::Id)
        .from(sync_run::Entity)
        .and_where(sync_run::Column::OrganizationId.eq(organization_id.0))
        .and_where(sync_run::Column::FinishedAt.lt(before))
        .to_owned();
    let reconciliation = Query::select()
        .column(reconciliation_run::Column::Id)
        .from(reconciliation_run::Entity)
        .and_where(reconciliation_run::Column::OrganizationId.eq(organization_id.0))
        .and_where(reconciliation_run::Column::FinishedAt.lt(before))
        .to_owned();
    [sync, reconciliation]
}

/// Events of such runs. The last one stays: who follows an ended run is told how it ended.
fn told(organization_id: OrganizationId, before: DateTime<Utc>) -> Condition {
    let last = Query::select()
        .column(event_stream::Column::LastSequence)
        .from(event_stream::Entity)
        .and_where(
            Expr::col((event_stream::Entity, event_stream::Column::Id))
                .equals((event::Entity, event::Column::StreamId)),
        )
        .and_where(event_stream::Column::OrganizationId.eq(organization_id.0))
        .to_owned();
    let [sync, reconciliation] = ended(organization_id, before);
    let is_of_run = event::Column::StreamId.in_subquery(sync).or(event::Column::StreamId.in_subquery(reconciliation));
    Condition::all().add(event::Column::OrganizationId.eq(organization_id.0)).add(is_of_run).add(
        Expr::col((event::Entity, event::Column::Sequence))
            .lt(Expr::expr(sea_orm::sea_query::SimpleExpr::SubQuery(None, Box::new(last.into())))),
    )
}

/// Records of a kind of which the provider's text is kept: it may hold what no column holds.
fn with_text(organization_id: OrganizationId, kind: &str) -> SelectStatement {
    Query::select()
        .column(record_version::Column::RecordId)
        .from(record_version::Entity)
        .and_where(record_version::Column::OrganizationId.eq(organization_id.0))
        .and_where(record_version::Column::Kind.eq(kind))
        .and_where(record_version::Column::Raw.ne(""))
        .to_owned()
}

fn gone_companies(organization_id: OrganizationId, before: DateTime<Utc>) -> Condition {
    use company::Column;
    let has_contact = [Column::Street, Column::Street2, Column::City, Column::Region, Column::PostalCode]
        .into_iter()
        .chain([Column::Phone, Column::Website])
        .fold(Condition::any(), |any, column| any.add(column.is_not_null()))
        .add(Column::Id.in_subquery(with_text(organization_id, CompanyTable::KIND)));
    Condition::all().add(Column::OrganizationId.eq(organization_id.0)).add(Column::GoneAt.lt(before)).add(has_contact)
}

fn gone_customers(organization_id: OrganizationId, before: DateTime<Utc>) -> Condition {
    use customer::Column;
    let has_contact = [Column::Street, Column::Street2, Column::City, Column::Region, Column::PostalCode]
        .into_iter()
        .chain([Column::Phone, Column::Website, Column::Email])
        .fold(Condition::any(), |any, column| any.add(column.is_not_null()))
        .add(Column::Id.in_subquery(with_text(organization_id, CustomerTable::KIND)));
    Condition::all().add(Column::OrganizationId.eq(organization_id.0)).add(Column::GoneAt.lt(before)).add(has_contact)
}

/// How much there is to take away.
pub async fn count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    leftover: Leftover,
    before: DateTime<Utc>,
) -> Result<u64, StorageError> {
    Ok(match leftover {
        Leftover::RawTexts => {
            record_version::Entity::find().filter(replaced(organization_id, before)).count(db).await?
        }
        Leftover::Events => event::Entity::find().filter(told(organization_id, before)).count(db).await?,
        Leftover::Companies => {
            company::Entity::find().filter(gone_companies(organization_id, before)).count(db).await?
        }
        Leftover::Customers => {
            customer::Entity::find().filter(gone_customers(organization_id, before)).count(db).await?
        }
    })
}

/// Takes at most `limit` rows' worth away and says how many that were; none when nothing is left.
pub async fn remove(
    tx: &Tx,
    organization_id: OrganizationId,
    leftover: Leftover,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<u64, StorageError> {
    match leftover {
        Leftover::RawTexts => {
            let ids: Vec<Uuid> = record_version::Entity::find()
                .select_only()
                .column(record_version::Column::Id)
                .filter(replaced(organization_id, before))
                .order_by_asc(record_version::Column::Id)
                .limit(limit)
                .into_tuple()
                .all(&**tx)
                .await?;
            forget_texts(tx, organization_id, record_version::Column::Id, &ids).await
        }
        Leftover::Events => {
            let keys: Vec<(Uuid, i64)> = event::Entity::find()
                .select_only()
                .column(event::Column::StreamId)
                .column(event::Column::Sequence)
                .filter(told(organization_id, before))
                .order_by_asc(event::Column::StreamId)
                .order_by_asc(event::Column::Sequence)
                .limit(limit)
                .into_tuple()
                .all(&**tx)
                .await?;
            let mut removed = 0;
            for of_stream in keys.chunk_by(|one, other| one.0 == other.0) {
                let sequences = of_stream.iter().map(|(_, sequence)| *sequence);
                let deleted = event::Entity::delete_many()
                    .filter(event::Column::OrganizationId.eq(organization_id.0))
                    .filter(event::Column::StreamId.eq(of_stream[0].0))
                    .filter(event::Column::Sequence.is_in(sequences))
                    .exec(&**tx)
                    .await?;
                removed += deleted.rows_affected;
            }
            Ok(removed)
        }
        Leftover::Companies => {
            // Held, so that a sync that finds one of them again waits, and brings its contact data back afterwards.
            let found: Vec<company::Model> = company::Entity::find()
                .filter(gone_companies(organization_id, before))
                .order_by_asc(company::Column::Id)
                .limit(limit)
                .held()
                .all(&**tx)
                .await?;
            for model in &found {
                let known = [Some(model.name.as_str()), Some(&model.external_id), model.partner_reference.as_deref()];
                company::Entity::update_many()
                    .set(company::ActiveModel { search_text: Set(search::folded(known)), ..no_company_contact() })
                    .filter(company::Column::Id.eq(model.id))
                    .filter(company::Column::OrganizationId.eq(organization_id.0))
                    .exec(&**tx)
                    .await?;
            }
            let ids: Vec<Uuid> = found.iter().map(|model| model.id).collect();
            forget_texts(tx, organization_id, record_version::Column::RecordId, &ids).await?;
            Ok(ids.len() as u64)
        }
        Leftover::Customers => {
            let found: Vec<customer::Model> = customer::Entity::find()
                .filter(gone_customers(organization_id, before))
                .order_by_asc(customer::Column::Id)
                .limit(limit)
                .held()
                .all(&**tx)
                .await?;
            for model in &found {
                let known = [
                    Some(model.name.as_str()),
                    Some(&model.external_id),
                    model.identifier.as_deref(),
                    model.account_number.as_deref(),
                ];
                customer::Entity::update_many()
                    .set(customer::ActiveModel { search_text: Set(search::folded(known)), ..no_customer_contact() })
                    .filter(customer::Column::Id.eq(model.id))
                    .filter(customer::Column::OrganizationId.eq(organization_id.0))
                    .exec(&**tx)
                    .await?;
            }
            let ids: Vec<Uuid> = found.iter().map(|model| model.id).collect();
            forget_texts(tx, organization_id, record_version::Column::RecordId, &ids).await?;
            Ok(ids.len() as u64)
        }
    }
}

fn no_company_contact() -> company::ActiveModel {
    company::ActiveModel {
        street: Set(None),
        street2: Set(None),
        city: Set(None),
        region: Set(None),
        postal_code: Set(None),
        phone: Set(None),
        website: Set(None),
        ..Default::default()
    }
}

fn no_customer_contact() -> customer::ActiveModel {
    customer::ActiveModel {
        street: Set(None),
        street2: Set(None),
        city: Set(None),
        region: Set(None),
        postal_code: Set(None),
        phone: Set(None),
        website: Set(None),
        email: Set(None),
        ..Default::default()
    }
}

/// Empties the texts of record versions. That there was a version, when, and its hash stay known.
async fn forget_texts(
    tx: &Tx,
    organization_id: OrganizationId,
    column: record_version::Column,
    ids: &[Uuid],
) -> Result<u64, StorageError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let emptied = record_version::Entity::update_many()
        .col_expr(record_version::Column::Raw, Expr::value(""))
        .filter(record_version::Column::OrganizationId.eq(organization_id.0))
        .filter(column.is_in(ids.iter().copied()))
        .exec(&**tx)
        .await?;
    Ok(emptied.rows_affected)
}
