//! Loaders of synced records by the ids they have at their provider, which is how reports and subscriptions name them.

use std::collections::HashMap;
use std::hash::Hash;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};

use super::context::caller;
use super::error::Failure;
use super::loader::{AccountsOf, LoadError, StoreLoader};
use crate::domain::id::{DiscrepancyId, IntegrationId, OrganizationId, ProviderAccountId, ReportId};
use crate::domain::period::Period;
use crate::domain::provider::Side;
use crate::domain::record::{
    Company, Customer, Pax8Product, PsaInvoiceLine, PsaProduct, Subscription, VendorInvoiceLine,
};
use crate::storage::discrepancy::{Occurrence, StoredDiscrepancy};
use crate::storage::note::Note;
use crate::storage::report::StoredReport;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_invoice_line::PsaInvoiceLineTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::vendor_invoice_line::VendorInvoiceLineTable;
use crate::storage::source::{SourceTable, Stored, by_external_ids};
use crate::storage::{StorageError, billing, discrepancy, note, period, report};

macro_rules! record_keys {
    ($($(#[$doc:meta])* $key:ident($table:ty) -> $record:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $key(pub RecordKey);

        impl Loader<$key> for StoreLoader {
            type Value = Stored<$record>;
            type Error = LoadError;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, LoadError> {
                let found = self.records::<$table>(keys.iter().map(|key| &key.0)).await?;
                Ok(found.into_iter().map(|(key, stored)| ($key(key), stored)).collect())
            }
        }
    )*};
}

/// A record by its id at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordKey {
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Account that it was read from.
    pub account_id: ProviderAccountId,
    /// Its id there.
    pub external_id: String,
}

record_keys! {
    /// A company at Pax8.
    CompanyKey(CompanyTable) -> Company;
    /// A customer at the PSA.
    CustomerKey(CustomerTable) -> Customer;
    /// A product at Pax8.
    Pax8ProductKey(Pax8ProductTable) -> Pax8Product;
    /// An item at the PSA.
    PsaProductKey(PsaProductTable) -> PsaProduct;
    /// A line on an invoice from Pax8.
    VendorLineKey(VendorInvoiceLineTable) -> VendorInvoiceLine;
    /// A line on an invoice of the PSA.
    PsaLineKey(PsaInvoiceLineTable) -> PsaInvoiceLine;
}

impl StoreLoader {
    async fn records<'a, T: SourceTable>(
        &self,
        keys: impl Iterator<Item = &'a RecordKey>,
    ) -> Result<Vec<(RecordKey, Stored<T::Record>)>, StorageError> {
        let mut accounts: HashMap<(OrganizationId, ProviderAccountId), Vec<String>> = HashMap::new();
        for key in keys {
            accounts.entry((key.organization_id, key.account_id)).or_default().push(key.external_id.clone());
        }
        let mut found = Vec::new();
        for ((organization_id, account_id), external_ids) in accounts {
            for stored in by_external_ids::<T>(self.0.read(), organization_id, account_id, &external_ids).await? {
                let external_id = stored.identity.external_id.clone();
                found.push((RecordKey { organization_id, account_id, external_id }, stored));
            }
        }
        Ok(found)
    }
}

/// All states of a subscription at Pax8, the earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HistoryKey(pub RecordKey);

impl Loader<HistoryKey> for StoreLoader {
    type Value = Vec<Stored<Subscription>>;
    type Error = LoadError;

    async fn load(&self, keys: &[HistoryKey]) -> Result<HashMap<HistoryKey, Self::Value>, LoadError> {
        let mut accounts: HashMap<(OrganizationId, ProviderAccountId), Vec<String>> = HashMap::new();
        for HistoryKey(key) in keys {
            accounts.entry((key.organization_id, key.account_id)).or_default().push(key.external_id.clone());
        }
        let mut found: HashMap<HistoryKey, Self::Value> = HashMap::new();
        for ((organization_id, account_id), external_ids) in accounts {
            let states = billing::revisions(self.0.read(), organization_id, account_id, &external_ids).await?;
            for state in states {
                let external_id = state.record.external_id.to_string();
                found
                    .entry(HistoryKey(RecordKey { organization_id, account_id, external_id }))
                    .or_default()
                    .push(state);
            }
        }
        Ok(found)
    }
}

/// A discrepancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DiscrepancyKey(pub OrganizationId, pub DiscrepancyId);

impl Loader<DiscrepancyKey> for StoreLoader {
    type Value = StoredDiscrepancy;
    type Error = LoadError;

    async fn load(&self, keys: &[DiscrepancyKey]) -> Result<HashMap<DiscrepancyKey, Self::Value>, LoadError> {
        let mut found = HashMap::new();
        for (organization, ids) in super::loader::by_tenant(keys, |key| (key.0, key.1)) {
            for stored in discrepancy::by_ids(self.0.read(), organization, &ids).await? {
                found.insert(DiscrepancyKey(organization, stored.id), stored);
            }
        }
        Ok(found)
    }
}

/// The months of a discrepancy, as the latest report of each found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OccurrencesKey(pub OrganizationId, pub IntegrationId, pub DiscrepancyId);

impl Loader<OccurrencesKey> for StoreLoader {
    type Value = Vec<Occurrence>;
    type Error = LoadError;

    async fn load(&self, keys: &[OccurrencesKey]) -> Result<HashMap<OccurrencesKey, Self::Value>, LoadError> {
        let mut integrations: HashMap<(OrganizationId, IntegrationId), Vec<DiscrepancyId>> = HashMap::new();
        for OccurrencesKey(organization, integration, id) in keys {
            integrations.entry((*organization, *integration)).or_default().push(*id);
        }
        let mut found: HashMap<OccurrencesKey, Self::Value> = HashMap::new();
        for ((organization, integration), ids) in integrations {
            let occurrences = discrepancy::latest_occurrences(self.0.read(), organization, integration, &ids).await?;
            for occurrence in occurrences {
                let key = OccurrencesKey(organization, integration, occurrence.discrepancy_id);
                found.entry(key).or_default().push(occurrence);
            }
        }
        Ok(found)
    }
}

/// Notes of a discrepancy that are shown at once.
const NOTES: usize = 100;

/// The latest notes of a discrepancy, the latest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NotesKey(pub OrganizationId, pub DiscrepancyId);

impl Loader<NotesKey> for StoreLoader {
    type Value = Vec<Note>;
    type Error = LoadError;

    async fn load(&self, keys: &[NotesKey]) -> Result<HashMap<NotesKey, Self::Value>, LoadError> {
        let mut found = HashMap::new();
        for (organization, ids) in super::loader::by_tenant(keys, |key| (key.0, key.1)) {
            let notes = note::latest(self.0.read(), organization, &ids, NOTES).await?;
            found.extend(notes.into_iter().map(|(id, notes)| (NotesKey(organization, id), notes)));
        }
        Ok(found)
    }
}

/// Discrepancies that somebody still has to settle in a month of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnsettledKey(pub OrganizationId, pub ReportId, pub Period);

impl Loader<UnsettledKey> for StoreLoader {
    type Value = u64;
    type Error = LoadError;

    async fn load(&self, keys: &[UnsettledKey]) -> Result<HashMap<UnsettledKey, u64>, LoadError> {
        let mut found = HashMap::new();
        for (organization, mut reports) in super::loader::by_tenant(keys, |key| (key.0, key.1)) {
            reports.sort_unstable();
            reports.dedup();
            for (report, month, count) in period::unsettled_counts(self.0.read(), organization, &reports).await? {
                found.insert(UnsettledKey(organization, report, month), count);
            }
        }
        Ok(found)
    }
}

/// The discrepancies of a line of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineKey(pub OrganizationId, pub ReportId, pub i32);

impl Loader<LineKey> for StoreLoader {
    type Value = Vec<Occurrence>;
    type Error = LoadError;

    async fn load(&self, keys: &[LineKey]) -> Result<HashMap<LineKey, Self::Value>, LoadError> {
        let mut reports: HashMap<(OrganizationId, ReportId), Vec<i32>> = HashMap::new();
        for LineKey(organization, report, position) in keys {
            reports.entry((*organization, *report)).or_default().push(*position);
        }
        let mut found: HashMap<LineKey, Self::Value> = HashMap::new();
        for ((organization, report), positions) in reports {
            for occurrence in discrepancy::of_lines(self.0.read(), organization, report, &positions).await? {
                let Some(position) = occurrence.report_line_position else { continue };
                found.entry(LineKey(organization, report, position)).or_default().push(occurrence);
            }
        }
        Ok(found)
    }
}

/// A report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportKey(pub OrganizationId, pub ReportId);

impl Loader<ReportKey> for StoreLoader {
    type Value = StoredReport;
    type Error = LoadError;

    async fn load(&self, keys: &[ReportKey]) -> Result<HashMap<ReportKey, Self::Value>, LoadError> {
        let mut found = HashMap::new();
        for (organization, ids) in super::loader::by_tenant(keys, |key| (key.0, key.1)) {
            for stored in report::by_ids(self.0.read(), organization, &ids).await? {
                found.insert(ReportKey(organization, stored.id), stored);
            }
        }
        Ok(found)
    }
}

/// Loads one value of the caller's tenant.
pub async fn load_one<K>(ctx: &Context<'_>, key: K) -> Result<Option<<StoreLoader as Loader<K>>::Value>, Failure>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    StoreLoader: Loader<K, Error = LoadError>,
{
    let loader = ctx.data_unchecked::<DataLoader<StoreLoader>>();
    loader.load_one(key).await.map_err(|error| error.logged(&caller(ctx).correlation_id))
}

/// The key of a record of one side of an integration; `None` when the side is not there.
pub async fn record_key(
    ctx: &Context<'_>,
    integration_id: IntegrationId,
    side: Side,
    external_id: &str,
) -> Result<Option<RecordKey>, Failure> {
    let organization_id = caller(ctx).organization_id;
    let accounts = load_one(ctx, AccountsOf(organization_id, integration_id)).await?.unwrap_or_default();
    let account = accounts.into_iter().find(|account| account.side == side);
    let external_id = external_id.to_owned();
    Ok(account.map(|account| RecordKey { organization_id, account_id: account.id, external_id }))
}
