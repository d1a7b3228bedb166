//! Importing a price book: dated prices that the PSA's API cannot carry.

use std::collections::HashSet;

use super::format::{PRICES, RejectedRow, read_prices};
use super::{ImportError, MappingFilesService};
use crate::domain::access::{Caller, Role};
use crate::domain::audit::Change;
use crate::domain::id::{IntegrationId, OrganizationId, ProviderAccountId};
use crate::domain::record::PriceBookEntry;
use crate::service::OrInternal as _;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::price_book_entry::PriceBookEntryTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::{self, Applied, Incoming, Pull, SourceTable};
use crate::storage::{StorageError, account, integration};

/// A price book to import.
#[derive(Debug, Clone)]
pub struct ImportPrices {
    /// Integration.
    pub integration_id: IntegrationId,
    /// The file's text.
    pub csv: String,
}

/// What an import of prices did. Prices that the file does not name stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPrices {
    /// Prices that were new, changed, and as before.
    pub applied: Applied,
    /// Rows that could not be used.
    pub rejected: Vec<RejectedRow>,
}

impl MappingFilesService {
    /// Imports a price book beside the PSA. The same file again changes nothing.
    pub async fn import_prices(&self, caller: &Caller, command: ImportPrices) -> Result<ImportedPrices, ImportError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let (db, organization_id) = (core.store.read(), caller.organization_id);
        let found = integration::find(db, organization_id, command.integration_id).await.internal(caller)?;
        found.ok_or(ImportError::NotFound)?;
        let (_, psa) = account::pair(db, organization_id, command.integration_id).await.internal(caller)?;
        let (rows, mut rejected) = read_prices(&command.csv)?;
        let products = rows.iter().map(|line| line.row.product_external_id.as_str());
        let products = known::<PsaProductTable>(db, organization_id, psa.id, products).await.internal(caller)?;
        let customers = rows.iter().filter_map(|line| line.row.customer_external_id.as_ref().map(|id| id.as_str()));
        let customers = known::<CustomerTable>(db, organization_id, psa.id, customers).await.internal(caller)?;

        let mut incoming = Vec::with_capacity(rows.len());
        let mut seen: HashSet<String> = HashSet::new();
        for line in rows {
            let entry = line.row;
            let customer = entry.customer_external_id.as_ref().map_or("", |id| id.as_str());
            let reason = if !products.contains(entry.product_external_id.as_str()) {
                Some(format!("The PSA has no product `{}`.", entry.product_external_id))
            } else if !customer.is_empty() && !customers.contains(customer) {
                Some(format!("The PSA has no customer `{customer}`."))
            } else if !seen.insert(key(&entry)) {
                Some("An earlier row has a price for the same product, customer, currency and day.".to_owned())
            } else {
                None
            };
            match reason {
                Some(reason) => rejected.push(RejectedRow { file: PRICES, line: line.line, reason }),
                None => incoming.push(Incoming { external_id: key(&entry), raw: raw(&entry), record: entry }),
            }
        }
        rejected.sort_by_key(|row| row.line);

        let now = core.clock.now();
        let pull = Pull { organization_id, account_id: psa.id, run_id: None, now };
        let tx = core.store.begin().await.internal(caller)?;
        let applied = source::apply::<PriceBookEntryTable>(&tx, &*core.ids, pull, incoming).await.internal(caller)?;
        if applied.created + applied.changed > 0 {
            let after = serde_json::json!({
                "created": applied.created,
                "changed": applied.changed,
                "unchanged": applied.unchanged,
                "rejected": rejected.len(),
            });
            let change = Change {
                action: "prices.import",
                subject_kind: "integration",
                subject_id: Some(command.integration_id.0),
                before: None,
                after: Some(after.to_string()),
                reason: None,
            };
            core.audit(&tx, caller, change).await.internal(caller)?;
        }
        tx.commit().await.internal(caller)?;
        Ok(ImportedPrices { applied, rejected })
    }
}

/// Which of these external ids an account knows.
async fn known<T: SourceTable>(
    db: &impl sea_orm::ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
    ids: impl Iterator<Item = &str>,
) -> Result<HashSet<String>, StorageError> {
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = source::by_external_ids::<T>(db, organization_id, account_id, &ids).await?;
    Ok(found.into_iter().map(|stored| stored.identity.external_id).collect())
}

/// A price book has no ids: a price is known by what it is for and since when.
fn key(entry: &PriceBookEntry) -> String {
    format!(
        "{}|{}|{}|{}",
        entry.product_external_id,
        entry.customer_external_id.as_ref().map_or("", |id| id.as_str()),
        entry.currency,
        entry.effective_from.map(|day| day.to_string()).unwrap_or_default()
    )
}

/// The row as JSON, in a fixed form, so that the same row has the same content hash.
fn raw(entry: &PriceBookEntry) -> String {
    serde_json::json!({
        "productId": entry.product_external_id.as_str(),
        "customerId": entry.customer_external_id.as_ref().map(|id| id.as_str()),
        "currency": entry.currency.as_str(),
        "unitPrice": entry.unit_price.0.to_string(),
        "effectiveDate": entry.effective_from.map(|day| day.to_string()),
        "endDate": entry.effective_to.map(|day| day.to_string()),
    })
    .to_string()
}
