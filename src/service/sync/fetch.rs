//! Fetching the next page of a list. Talks to the providers and reads our own rows; writes nothing.

use chrono::NaiveDate;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::checkpoint::Place;
use super::rows::{self, CompletedInvoice, Rows};
use crate::connector::{ConnectorError, Cursor, Marketplace, Page, Psa, Rejected, draft};
use crate::domain::id::ExternalId;
use crate::domain::provider::ProviderAccount;
use crate::domain::record::{Known, VendorInvoiceStatus};
use crate::domain::run::{Dataset, SyncIssue};
use crate::storage::source::vendor_invoice::VendorInvoiceTable;
use crate::storage::source::{self, Presence};
use crate::storage::{StorageError, Store, sync_work};

/// Records whose details are asked for together.
const PARENTS: u64 = 40;

/// Requests for details under way at the same time.
const CONCURRENCY: usize = 4;

/// A page, ready to be applied.
pub(super) struct Batch {
    pub rows: Rows,
    pub issues: Vec<SyncIssue>,
    /// Records in all, where the provider says.
    pub total: Option<u64>,
    /// Where the list goes on; `None` when it is done.
    pub next: Option<Place>,
    /// Whether the provider was asked: only what was asked for can turn out to be gone.
    pub is_pulled: bool,
}

impl Batch {
    /// A list that is not asked for.
    pub fn skipped() -> Self {
        Self { rows: Rows::Nothing, issues: Vec::new(), total: None, next: None, is_pulled: false }
    }
}

/// Why a page could not be fetched.
pub(super) enum FetchError {
    Provider(ConnectorError),
    Storage(StorageError),
}

impl From<ConnectorError> for FetchError {
    fn from(error: ConnectorError) -> Self {
        Self::Provider(error)
    }
}

impl From<StorageError> for FetchError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Both providers, and our own rows for what has to be asked record by record.
pub(super) struct Source<'a> {
    pub store: &'a Store,
    pub pax8_account: &'a ProviderAccount,
    pub marketplace: &'a dyn Marketplace,
    pub psa: &'a dyn Psa,
    /// Today where the Pax8 account is.
    pub today: NaiveDate,
}

fn listed<T>(
    dataset: Dataset,
    page: Page<T>,
    id: impl Fn(&T) -> &ExternalId + Copy,
    rows: impl FnOnce(Vec<source::Incoming<T>>) -> Rows,
) -> Batch {
    let issues = rows::issues(dataset, &page, id);
    let next = page.next.map(|cursor| Place { cursor: Some(cursor), parent: None });
    Batch { rows: rows(rows::incoming(page.records, id)), issues, total: page.total, next, is_pulled: true }
}

impl Source<'_> {
    /// The next page of a list.
    pub async fn fetch(&self, dataset: Dataset, place: &Place) -> Result<Batch, FetchError> {
        let after = place.cursor.clone();
        Ok(match dataset {
            Dataset::Companies => {
                listed(dataset, self.marketplace.companies(after).await?, |r| &r.external_id, Rows::Companies)
            }
            Dataset::Pax8Products => {
                listed(dataset, self.marketplace.products(after).await?, |r| &r.external_id, Rows::Pax8Products)
            }
            Dataset::Subscriptions => {
                listed(dataset, self.marketplace.subscriptions(after).await?, |r| &r.external_id, Rows::Subscriptions)
            }
            Dataset::VendorInvoices => {
                listed(dataset, self.marketplace.invoices(None, after).await?, |r| &r.external_id, Rows::VendorInvoices)
            }
            Dataset::Customers => {
                listed(dataset, self.psa.customers(after).await?, |r| &r.external_id, Rows::Customers)
            }
            Dataset::PsaProducts => {
                listed(dataset, self.psa.products(after).await?, |r| &r.external_id, Rows::PsaProducts)
            }
            Dataset::AgreementLines => {
                listed(dataset, self.psa.agreement_lines(after).await?, |r| &r.external_id, Rows::AgreementLines)
            }
            Dataset::PsaInvoices => {
                let page = self.psa.invoices(None, after).await?;
                let (total, next) = (page.total, page.next.clone());
                let (rows, issues) = rows::documents(page);
                Batch {
                    rows,
                    issues,
                    total,
                    next: next.map(|cursor| Place { cursor: Some(cursor), parent: None }),
                    is_pulled: true,
                }
            }
            Dataset::SubscriptionHistory => self.histories(place).await?,
            Dataset::VendorPrices => self.prices(place).await?,
            Dataset::VendorInvoiceLines => self.lines(place).await?,
            Dataset::DraftInvoices => self.drafts(place).await?,
        })
    }

    async fn histories(&self, place: &Place) -> Result<Batch, FetchError> {
        let account = self.pax8_account;
        let parents = sync_work::subscriptions_without_history(
            self.store.read(),
            account.organization_id,
            account.id,
            place.parent.as_deref(),
            PARENTS,
        )
        .await?;
        let dataset = Dataset::SubscriptionHistory;
        let next = next_parents(&parents);
        let pages = self.each(parents, |id| async move { self.marketplace.subscription_history(&id).await }).await?;
        let (mut records, mut issues) = (Vec::new(), Vec::new());
        for (_, page) in pages {
            issues.extend(rows::issues(dataset, &page, |record| &record.external_id));
            records.extend(rows::history(page.records));
        }
        Ok(Batch { rows: Rows::History(records), issues, total: None, next, is_pulled: true })
    }

    async fn prices(&self, place: &Place) -> Result<Batch, FetchError> {
        let account = self.pax8_account;
        let after = place.parent.as_deref();
        let read = self.store.read();
        let parents = sync_work::products_in_use(read, account.organization_id, account.id, after, PARENTS).await?;
        let dataset = Dataset::VendorPrices;
        let next = next_parents(&parents);
        let pages = self.each(parents, |id| async move { self.marketplace.prices(&id, None).await }).await?;
        let (mut records, mut issues, mut products) = (Vec::new(), Vec::new(), Vec::new());
        for (product, page) in pages {
            issues.extend(rows::issues(dataset, &page, |record| &record.product_external_id));
            records.extend(rows::prices(page.records));
            products.push(product);
        }
        let rows = Rows::VendorPrices { prices: records, completed_products: products };
        Ok(Batch { rows, issues, total: None, next, is_pulled: true })
    }

    /// One page of the lines of the invoice in hand, or of the next one.
    async fn lines(&self, place: &Place) -> Result<Batch, FetchError> {
        let account = self.pax8_account;
        let dataset = Dataset::VendorInvoiceLines;
        let read = self.store.read();
        let after = place.parent.as_deref();
        let invoices =
            source::batch::<VendorInvoiceTable>(read, account.organization_id, account.id, Presence::Present, after, 1)
                .await?;
        let Some(invoice) = invoices.into_iter().next() else {
            let rows = Rows::VendorInvoiceLines { lines: Vec::new(), completed_invoice: None };
            return Ok(Batch { rows, issues: Vec::new(), total: None, next: None, is_pulled: true });
        };
        if invoice.record.status == Some(Known::Known(VendorInvoiceStatus::Draft)) {
            // The lines of a draft come with it.
            let next = Place { cursor: None, parent: Some(invoice.identity.external_id) };
            let rows = Rows::VendorInvoiceLines { lines: Vec::new(), completed_invoice: None };
            return Ok(Batch { rows, issues: Vec::new(), total: None, next: Some(next), is_pulled: true });
        }
        let page = match self.marketplace.invoice_lines(&invoice.record, place.cursor.clone()).await {
            // A list may name an invoice that cannot be opened any more; the run goes on and says so. Its lines stay:
            // they were charged, and nothing says that they were not.
            Err(error @ ConnectorError::NotFound { .. }) => {
                let note = format!("the lines of the invoice cannot be read: {error}");
                let issues = vec![rows::note_issue(dataset, &invoice.record.external_id, &note)];
                let next = Place { cursor: None, parent: Some(invoice.identity.external_id) };
                let rows = Rows::VendorInvoiceLines { lines: Vec::new(), completed_invoice: None };
                return Ok(Batch { rows, issues, total: None, next: Some(next), is_pulled: true });
            }
            other => other?,
        };
        let issues = rows::issues(dataset, &page, |record| &record.external_id);
        let is_complete = page.next.is_none();
        let next = match page.next {
            Some(Cursor(cursor)) => Place { cursor: Some(Cursor(cursor)), parent: place.parent.clone() },
            None => Place { cursor: None, parent: Some(invoice.identity.external_id.clone()) },
        };
        let rows = Rows::VendorInvoiceLines {
            lines: rows::incoming(page.records, |record| &record.external_id),
            completed_invoice: is_complete
                .then_some(CompletedInvoice { external_id: invoice.identity.external_id, counted: page.total }),
        };
        Ok(Batch { rows, issues, total: None, next: Some(next), is_pulled: true })
    }

    /// The drafts of this month's invoices, then those of the next month's.
    async fn drafts(&self, place: &Place) -> Result<Batch, FetchError> {
        let dataset = Dataset::DraftInvoices;
        let month_offset = u8::from(place.parent.is_some());
        let next = (month_offset == 0).then(|| Place { cursor: None, parent: Some("0".to_owned()) });
        let drafts = match draft::read(self.marketplace, month_offset, self.today).await {
            // A forecast is worth having, but no reason to stop: the account may lack the permission, and Pax8 says
            // itself that this list may time out. As a rejected row, it keeps known drafts from being taken for gone.
            Err(
                error @ (ConnectorError::Forbidden { .. }
                | ConnectorError::NotFound { .. }
                | ConnectorError::Refused { .. }
                | ConnectorError::Unavailable { .. }),
            ) => {
                let month = if month_offset == 0 { "this" } else { "the next" };
                let reason = format!("the draft of {month} month's invoice cannot be read: {error}");
                let issue = rows::rejected_issue(dataset, &Rejected { external_id: None, location: None, reason });
                return Ok(Batch { rows: Rows::Nothing, issues: vec![issue], total: None, next, is_pulled: true });
            }
            other => other?,
        };
        let (rows, issues) = rows::drafts(drafts);
        Ok(Batch { rows, issues, total: None, next, is_pulled: true })
    }

    /// Asks for the details of several records, a few at a time, and keeps their order. A record that the provider no
    /// longer knows has no details.
    async fn each<T, F>(
        &self,
        parents: Vec<String>,
        ask: impl Fn(ExternalId) -> F,
    ) -> Result<Vec<(String, Page<T>)>, ConnectorError>
    where
        F: Future<Output = Result<Page<T>, ConnectorError>>,
    {
        stream::iter(parents.into_iter().map(|parent| {
            let answer = ask(ExternalId::from(parent.as_str()));
            async move {
                match answer.await {
                    Err(ConnectorError::NotFound { .. }) => {
                        Ok((parent, Page { records: vec![], rejected: vec![], next: None, total: None }))
                    }
                    other => other.map(|page| (parent, page)),
                }
            }
        }))
        .buffered(CONCURRENCY)
        .try_collect()
        .await
    }
}

/// Where a list goes on that is read record by record; done when there were fewer records than asked for.
fn next_parents(parents: &[String]) -> Option<Place> {
    let is_full = parents.len() as u64 == PARENTS;
    parents.last().filter(|_| is_full).map(|last| Place { cursor: None, parent: Some(last.clone()) })
}
