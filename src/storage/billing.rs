//! What a reconciliation reads of the synced records: the months that have invoices, the lines of some months, and
//! subscriptions with their states.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use entity::{psa_invoice, psa_invoice_line, subscription, subscription_revision, vendor_invoice, vendor_invoice_line};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait as _,
    Select,
};
use uuid::Uuid;

use super::StorageError;
use super::page::{self, Position, Slice, SortKey, SortValue, Window};
use super::source::psa_invoice_line::PsaInvoiceLineTable;
use super::source::subscription::SubscriptionRevisionTable;
use super::source::subscription::SubscriptionTable;
use super::source::vendor_invoice_line::VendorInvoiceLineTable;
use super::source::{Presence, SourceTable as _, Stored, batch_where};
use super::text::Word;
use crate::domain::id::{OrganizationId, ProviderAccountId};
use crate::domain::period::Period;
use crate::domain::record::{
    PsaInvoiceLine, PsaInvoiceStatus, Subscription, SubscriptionStatus, VendorInvoiceLine, VendorInvoiceStatus,
};

/// Months in which Pax8 dated an invoice that counts.
pub async fn vendor_months(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<BTreeSet<Period>, StorageError> {
    use vendor_invoice::Column;
    // A draft is no invoice yet: a month that has nothing else is provisional, and has to be named to be reconciled.
    let withdrawn =
        [VendorInvoiceStatus::Void, VendorInvoiceStatus::Credited, VendorInvoiceStatus::Draft].map(Word::word);
    let days: Vec<NaiveDate> = vendor_invoice::Entity::find()
        .select_only()
        .column(Column::InvoiceDate)
        .distinct()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::AccountId.eq(account_id.0))
        .filter(Column::GoneAt.is_null())
        .filter(Condition::any().add(Column::Status.is_null()).add(Column::Status.is_not_in(withdrawn)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(days.into_iter().map(Period::of).collect())
}

/// Months in which the PSA dated an invoice that counts.
pub async fn psa_months(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<BTreeSet<Period>, StorageError> {
    use psa_invoice::Column;
    let withdrawn = [PsaInvoiceStatus::Draft, PsaInvoiceStatus::Void, PsaInvoiceStatus::Credited].map(Word::word);
    let days: Vec<NaiveDate> = psa_invoice::Entity::find()
        .select_only()
        .column(Column::InvoiceDate)
        .distinct()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::AccountId.eq(account_id.0))
        .filter(Column::GoneAt.is_null())
        .filter(Condition::any().add(Column::Status.is_null()).add(Column::Status.is_not_in(withdrawn)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(days.into_iter().map(Period::of).collect())
}

/// Which lines are read.
#[derive(Debug, Clone, Copy)]
pub struct LineWindow {
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Account.
    pub account_id: ProviderAccountId,
    /// Months of the invoices; `None` for every month. Lines of an invoice that is not there are always read, because
    /// nobody knows their month.
    pub months: Option<(Period, Period)>,
}

impl LineWindow {
    fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        self.months.map(|(first, last)| (first.first_day(), last.last_day()))
    }
}

/// Lines of the vendor's invoices, in the order of their external ids, in batches.
pub async fn vendor_lines(
    db: &impl ConnectionTrait,
    window: &LineWindow,
    after: Option<&str>,
    size: u64,
) -> Result<Vec<Stored<VendorInvoiceLine>>, StorageError> {
    use vendor_invoice::Column;
    let mut condition = Condition::all();
    if let Some((from, to)) = window.days() {
        let elsewhere = vendor_invoice::Entity::find()
            .select_only()
            .column(Column::ExternalId)
            .filter(Column::OrganizationId.eq(window.organization_id.0))
            .filter(Column::AccountId.eq(window.account_id.0))
            .filter(Condition::any().add(Column::InvoiceDate.lt(from)).add(Column::InvoiceDate.gt(to)));
        condition =
            condition.add(vendor_invoice_line::Column::InvoiceExternalId.not_in_subquery(elsewhere.into_query()));
    }
    let (organization, account) = (window.organization_id, window.account_id);
    batch_where::<VendorInvoiceLineTable>(db, organization, account, Presence::Present, condition, after, size).await
}

/// Lines of the PSA's invoices, in the order of their external ids, in batches.
pub async fn psa_lines(
    db: &impl ConnectionTrait,
    window: &LineWindow,
    after: Option<&str>,
    size: u64,
) -> Result<Vec<Stored<PsaInvoiceLine>>, StorageError> {
    use psa_invoice::Column;
    let mut condition = Condition::all();
    if let Some((from, to)) = window.days() {
        let elsewhere = psa_invoice::Entity::find()
            .select_only()
            .column(Column::ExternalId)
            .filter(Column::OrganizationId.eq(window.organization_id.0))
            .filter(Column::AccountId.eq(window.account_id.0))
            .filter(Condition::any().add(Column::InvoiceDate.lt(from)).add(Column::InvoiceDate.gt(to)));
        condition = condition.add(psa_invoice_line::Column::InvoiceExternalId.not_in_subquery(elsewhere.into_query()));
    }
    let (organization, account) = (window.organization_id, window.account_id);
    batch_where::<PsaInvoiceLineTable>(db, organization, account, Presence::Present, condition, after, size).await
}

/// All states of these subscriptions, each subscription's the earliest first.
pub async fn revisions(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    subscriptions: &[String],
) -> Result<Vec<Stored<Subscription>>, StorageError> {
    use subscription_revision::Column;
    let models = subscription_revision::Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::AccountId.eq(account_id.0))
        .filter(Column::SubscriptionExternalId.is_in(subscriptions))
        .filter(Column::GoneAt.is_null())
        .order_by_asc(Column::ProviderUpdatedAt)
        .order_by_asc(Column::ExternalId)
        .all(db)
        .await?;
    models.into_iter().map(SubscriptionRevisionTable::stored).collect()
}

/// Conditions on subscriptions at Pax8; every one that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionFilter {
    /// Any of these companies, by their ids at Pax8.
    pub companies: Option<Vec<String>>,
    /// Any of these products, by their ids at Pax8.
    pub products: Option<Vec<String>>,
    /// Any of these states.
    pub statuses: Option<Vec<SubscriptionStatus>>,
}

fn subscriptions(
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    filter: &SubscriptionFilter,
) -> Select<subscription::Entity> {
    use subscription::Column;
    let mut query = subscription::Entity::find()
        .filter(Column::OrganizationId.eq(organization_id.0))
        .filter(Column::AccountId.eq(account_id.0))
        .filter(Column::GoneAt.is_null());
    if let Some(companies) = &filter.companies {
        query = query.filter(Column::CompanyExternalId.is_in(companies));
    }
    if let Some(products) = &filter.products {
        query = query.filter(Column::ProductExternalId.is_in(products));
    }
    if let Some(statuses) = &filter.statuses {
        query = query.filter(Column::Status.is_in(statuses.iter().map(|status| status.word())));
    }
    query
}

/// A page of the subscriptions at Pax8, by their external ids.
pub async fn subscription_page(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    filter: &SubscriptionFilter,
    window: &Window,
) -> Result<Slice<Stored<Subscription>>, StorageError> {
    use subscription::{Column, Model};
    let keys = [SortKey::ascending(Expr::col(Column::ExternalId))];
    let position = |model: &Model| Position(vec![SortValue::Text(model.external_id.clone())]);
    let query = subscriptions(organization_id, account_id, filter);
    page::read(db, query, &keys, window, position).await?.try_map(SubscriptionTable::stored)
}

/// How many subscriptions at Pax8 a filter keeps.
pub async fn subscription_count(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    filter: &SubscriptionFilter,
) -> Result<u64, StorageError> {
    Ok(subscriptions(organization_id, account_id, filter).count(db).await?)
}

/// The subscriptions at Pax8 with these ids of ours, in no order, each with the account it was read from.
pub async fn subscriptions_by_ids(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<(ProviderAccountId, Stored<Subscription>)>, StorageError> {
    let found = subscription::Entity::find()
        .filter(subscription::Column::OrganizationId.eq(organization_id.0))
        .filter(subscription::Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await?;
    let read =
        |model: subscription::Model| Ok((ProviderAccountId(model.account_id), SubscriptionTable::stored(model)?));
    found.into_iter().map(read).collect()
}
