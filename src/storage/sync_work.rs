//! What a sync run still has to ask for, record by record: histories and prices, which have no list of their own.

use entity::{
    psa_invoice_line, record_version, subscription, subscription_revision, vendor_invoice, vendor_invoice_line,
    vendor_price,
};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::source::SourceTable as _;
use super::source::psa_invoice_line::PsaInvoiceLineTable;
use super::source::subscription::SubscriptionTable;
use super::source::vendor_invoice::VendorInvoiceTable;
use super::source::vendor_invoice_line::VendorInvoiceLineTable;
use super::source::vendor_price::VendorPriceTable;
use super::source::{self, Pull};
use super::text::Word as _;
use super::{StorageError, Tx};
use crate::domain::id::{OrganizationId, ProviderAccountId};
use crate::domain::record::VendorInvoiceStatus;

/// Present subscriptions whose history was not read since their present state was first seen, by external id.
pub async fn subscriptions_without_history(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<String>, StorageError> {
    let state = Query::select()
        .expr(Expr::cust("1"))
        .from(subscription_revision::Entity)
        .inner_join(
            record_version::Entity,
            Expr::col((record_version::Entity, record_version::Column::RecordId))
                .equals((subscription::Entity, subscription::Column::Id))
                .and(
                    Expr::col((record_version::Entity, record_version::Column::OrganizationId))
                        .equals((subscription::Entity, subscription::Column::OrganizationId)),
                )
                // Without the kind the index of open versions does not apply, and every version is looked at.
                .and(Expr::col((record_version::Entity, record_version::Column::Kind)).eq(SubscriptionTable::KIND))
                .and(Expr::col((record_version::Entity, record_version::Column::ObservedTo)).is_null()),
        )
        .and_where(
            Expr::col((subscription_revision::Entity, subscription_revision::Column::OrganizationId))
                .equals((subscription::Entity, subscription::Column::OrganizationId)),
        )
        .and_where(
            Expr::col((subscription_revision::Entity, subscription_revision::Column::AccountId))
                .equals((subscription::Entity, subscription::Column::AccountId)),
        )
        .and_where(
            Expr::col((subscription_revision::Entity, subscription_revision::Column::SubscriptionExternalId))
                .equals((subscription::Entity, subscription::Column::ExternalId)),
        )
        .and_where(
            Expr::col((subscription_revision::Entity, subscription_revision::Column::LastSeenAt))
                .gte(Expr::col((record_version::Entity, record_version::Column::ObservedFrom))),
        )
        .to_owned();
    let mut query = subscription::Entity::find()
        .select_only()
        .column(subscription::Column::ExternalId)
        .filter(subscription::Column::OrganizationId.eq(organization_id.0))
        .filter(subscription::Column::AccountId.eq(account_id.0))
        .filter(subscription::Column::GoneAt.is_null())
        .filter(Expr::exists(state).not())
        .order_by_asc(subscription::Column::ExternalId)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(subscription::Column::ExternalId.gt(after));
    }
    Ok(query.into_tuple().all(db).await?)
}

/// Products that somebody subscribes to or was charged for, by external id: a catalog has thousands, and each price
/// list is a request of its own.
pub async fn products_in_use(
    db: &impl ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<String>, StorageError> {
    let mut subscribed = subscription::Entity::find()
        .select_only()
        .column(subscription::Column::ProductExternalId)
        .distinct()
        .filter(subscription::Column::OrganizationId.eq(organization_id.0))
        .filter(subscription::Column::AccountId.eq(account_id.0))
        .order_by_asc(subscription::Column::ProductExternalId)
        .limit(limit);
    let mut charged = vendor_invoice_line::Entity::find()
        .select_only()
        .column(vendor_invoice_line::Column::ProductExternalId)
        .distinct()
        .filter(vendor_invoice_line::Column::OrganizationId.eq(organization_id.0))
        .filter(vendor_invoice_line::Column::AccountId.eq(account_id.0))
        .filter(vendor_invoice_line::Column::ProductExternalId.is_not_null())
        .order_by_asc(vendor_invoice_line::Column::ProductExternalId)
        .limit(limit);
    if let Some(after) = after {
        subscribed = subscribed.filter(subscription::Column::ProductExternalId.gt(after));
        charged = charged.filter(vendor_invoice_line::Column::ProductExternalId.gt(after));
    }
    let mut products: Vec<String> = subscribed.into_tuple().all(db).await?;
    let charged: Vec<String> = charged.into_tuple().all(db).await?;
    products.extend(charged);
    products.sort_unstable();
    products.dedup();
    products.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(products)
}

/// Number of lines of an invoice that a pull has found.
pub async fn lines_seen(tx: &Tx, pull: Pull, invoice: &str) -> Result<u64, StorageError> {
    Ok(vendor_invoice_line::Entity::find()
        .filter(vendor_invoice_line::Column::OrganizationId.eq(pull.organization_id.0))
        .filter(vendor_invoice_line::Column::AccountId.eq(pull.account_id.0))
        .filter(vendor_invoice_line::Column::InvoiceExternalId.eq(invoice))
        .filter(vendor_invoice_line::Column::LastSeenRun.eq(pull.run_id.map(|run| run.0)))
        .count(&**tx)
        .await?)
}

/// Marks the drafts that Pax8 no longer forecasts, with their lines, and says how many drafts that were.
pub async fn mark_drafts_gone(tx: &Tx, pull: Pull) -> Result<u64, StorageError> {
    let drafts = Condition::all().add(vendor_invoice::Column::Status.eq(VendorInvoiceStatus::Draft.word()));
    let gone = source::mark_gone_where::<VendorInvoiceTable>(tx, pull, drafts).await?;
    if gone > 0 {
        mark_lines_of_gone_invoices(tx, pull).await?;
    }
    Ok(gone)
}

/// Marks the lines of invoices that are gone: nobody asks for them any more.
pub async fn mark_lines_of_gone_invoices(tx: &Tx, pull: Pull) -> Result<(), StorageError> {
    let gone: Vec<String> = vendor_invoice::Entity::find()
        .select_only()
        .column(vendor_invoice::Column::ExternalId)
        .filter(vendor_invoice::Column::OrganizationId.eq(pull.organization_id.0))
        .filter(vendor_invoice::Column::AccountId.eq(pull.account_id.0))
        .filter(vendor_invoice::Column::GoneAt.eq(pull.now))
        .into_tuple()
        .all(&**tx)
        .await?;
    mark_lines_gone(tx, pull, &gone).await?;
    Ok(())
}

/// Marks lines that a complete read of these invoices no longer found.
pub async fn mark_lines_gone(tx: &Tx, pull: Pull, invoices: &[String]) -> Result<u64, StorageError> {
    let column = vendor_invoice_line::Column::InvoiceExternalId;
    source::mark_children_gone::<VendorInvoiceLineTable>(tx, pull, column, invoices).await
}

/// Marks lines that these invoices of the PSA no longer have.
pub async fn mark_psa_lines_gone(tx: &Tx, pull: Pull, invoices: &[String]) -> Result<u64, StorageError> {
    let column = psa_invoice_line::Column::InvoiceExternalId;
    source::mark_children_gone::<PsaInvoiceLineTable>(tx, pull, column, invoices).await
}

/// Marks prices that a complete read of these products no longer found.
pub async fn mark_prices_gone(tx: &Tx, pull: Pull, products: &[String]) -> Result<u64, StorageError> {
    let column = vendor_price::Column::ProductExternalId;
    source::mark_children_gone::<VendorPriceTable>(tx, pull, column, products).await
}
