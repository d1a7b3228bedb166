//! A fetched page on its way into storage.

use std::collections::HashMap;

use crate::connector::draft::Drafts;
use crate::connector::{Page, PsaInvoiceDocument, Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::record::{
    AgreementLine, Company, Customer, Known, Pax8Product, PsaInvoice, PsaInvoiceLine, PsaProduct, Subscription,
    VendorInvoice, VendorInvoiceLine, VendorPrice,
};
use crate::domain::run::{Dataset, SyncIssue};
use crate::storage::source::agreement_line::AgreementLineTable;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_invoice::PsaInvoiceTable;
use crate::storage::source::psa_invoice_line::PsaInvoiceLineTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::subscription::SubscriptionRevisionTable;
use crate::storage::source::subscription::SubscriptionTable;
use crate::storage::source::vendor_invoice::VendorInvoiceTable;
use crate::storage::source::vendor_invoice_line::VendorInvoiceLineTable;
use crate::storage::source::vendor_price::VendorPriceTable;
use crate::storage::source::{self, Applied, Incoming, Pull};
use crate::storage::{StorageError, Tx, sync_work};

use crate::environment::Ids;

/// Records of one list.
pub(super) enum Rows {
    Nothing,
    Companies(Vec<Incoming<Company>>),
    Pax8Products(Vec<Incoming<Pax8Product>>),
    Subscriptions(Vec<Incoming<Subscription>>),
    History(Vec<Incoming<Subscription>>),
    VendorInvoices(Vec<Incoming<VendorInvoice>>),
    VendorInvoiceLines { lines: Vec<Incoming<VendorInvoiceLine>>, completed_invoice: Option<CompletedInvoice> },
    Drafts { invoices: Vec<Incoming<VendorInvoice>>, lines: Vec<Incoming<VendorInvoiceLine>> },
    VendorPrices { prices: Vec<Incoming<VendorPrice>>, completed_products: Vec<String> },
    Customers(Vec<Incoming<Customer>>),
    PsaProducts(Vec<Incoming<PsaProduct>>),
    AgreementLines(Vec<Incoming<AgreementLine>>),
    PsaInvoices { invoices: Vec<Incoming<PsaInvoice>>, lines: Vec<Incoming<PsaInvoiceLine>>, completed: Vec<String> },
}

/// An invoice whose last page of lines has come.
pub(super) struct CompletedInvoice {
    pub external_id: String,
    /// Number of its lines, where the provider says.
    pub counted: Option<u64>,
}

/// A list that ended before as many records were seen as the provider counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortfall {
    /// Whose list it is, where it is one of details.
    pub external_id: Option<String>,
    pub seen: u64,
    pub counted: u64,
}

impl Shortfall {
    fn of(external_id: Option<String>, seen: u64, counted: Option<u64>) -> Option<Self> {
        counted.filter(|counted| seen < *counted).map(|counted| Self { external_id, seen, counted })
    }
}

/// What became of a page: counts, and the records that are gone with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub created: u64,
    pub changed: u64,
    pub gone: u64,
    /// The details that came to an end with this page were not all there.
    pub shortfall: Option<Shortfall>,
}

impl Outcome {
    fn add(&mut self, applied: Applied) {
        self.created += applied.created;
        self.changed += applied.changed;
    }
}

impl Rows {
    /// Number of records.
    pub fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Companies(rows) => rows.len(),
            Self::Pax8Products(rows) => rows.len(),
            Self::Subscriptions(rows) | Self::History(rows) => rows.len(),
            Self::VendorInvoices(rows) => rows.len(),
            Self::VendorInvoiceLines { lines, .. } | Self::Drafts { lines, .. } => lines.len(),
            Self::VendorPrices { prices, .. } => prices.len(),
            Self::Customers(rows) => rows.len(),
            Self::PsaProducts(rows) => rows.len(),
            Self::AgreementLines(rows) => rows.len(),
            Self::PsaInvoices { invoices, .. } => invoices.len(),
        }
    }

    /// Applies the records. `is_clean` says that nothing of the page was rejected: only then may children that did not
    /// come be marked as gone.
    pub async fn apply(self, tx: &Tx, ids: &dyn Ids, pull: Pull, is_clean: bool) -> Result<Outcome, StorageError> {
        let mut outcome = Outcome::default();
        match self {
            Self::Nothing => {}
            Self::Companies(rows) => outcome.add(source::apply::<CompanyTable>(tx, ids, pull, rows).await?),
            Self::Pax8Products(rows) => outcome.add(source::apply::<Pax8ProductTable>(tx, ids, pull, rows).await?),
            Self::Subscriptions(rows) => outcome.add(source::apply::<SubscriptionTable>(tx, ids, pull, rows).await?),
            Self::History(rows) => outcome.add(source::apply::<SubscriptionRevisionTable>(tx, ids, pull, rows).await?),
            Self::VendorInvoices(rows) => outcome.add(source::apply::<VendorInvoiceTable>(tx, ids, pull, rows).await?),
            Self::VendorInvoiceLines { lines, completed_invoice } => {
                outcome.add(source::apply::<VendorInvoiceLineTable>(tx, ids, pull, lines).await?);
                if let Some(CompletedInvoice { external_id, counted }) = completed_invoice.filter(|_| is_clean) {
                    let seen = sync_work::lines_seen(tx, pull, &external_id).await?;
                    outcome.shortfall = Shortfall::of(Some(external_id.clone()), seen, counted);
                    if outcome.shortfall.is_none() {
                        outcome.gone = sync_work::mark_lines_gone(tx, pull, &[external_id]).await?;
                    }
                }
            }
            Self::Drafts { invoices, lines } => {
                let completed: Vec<String> = invoices.iter().map(|invoice| invoice.external_id.clone()).collect();
                source::apply::<VendorInvoiceTable>(tx, ids, pull, invoices).await?;
                outcome.add(source::apply::<VendorInvoiceLineTable>(tx, ids, pull, lines).await?);
                if is_clean {
                    outcome.gone = sync_work::mark_lines_gone(tx, pull, &completed).await?;
                }
            }
            Self::VendorPrices { prices, completed_products } => {
                outcome.add(source::apply::<VendorPriceTable>(tx, ids, pull, prices).await?);
                if is_clean {
                    outcome.gone = sync_work::mark_prices_gone(tx, pull, &completed_products).await?;
                }
            }
            Self::Customers(rows) => outcome.add(source::apply::<CustomerTable>(tx, ids, pull, rows).await?),
            Self::PsaProducts(rows) => outcome.add(source::apply::<PsaProductTable>(tx, ids, pull, rows).await?),
            Self::AgreementLines(rows) => outcome.add(source::apply::<AgreementLineTable>(tx, ids, pull, rows).await?),
            Self::PsaInvoices { invoices, lines, completed } => {
                outcome.add(source::apply::<PsaInvoiceTable>(tx, ids, pull, invoices).await?);
                source::apply::<PsaInvoiceLineTable>(tx, ids, pull, lines).await?;
                // An invoice comes with all its lines, so it does not matter here what else of the page was rejected.
                sync_work::mark_psa_lines_gone(tx, pull, &completed).await?;
            }
        }
        Ok(outcome)
    }
}

/// What the end of a list says about the records that were not on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Completion {
    /// So many are gone.
    Gone(u64),
    /// Nothing: fewer were seen than the provider counts, because the list shifted while it was read or ended early.
    Shifted(Shortfall),
    /// Nothing: there were records before, and an empty answer without a count is what a broken one looks like.
    Empty,
}

/// Marks what a pull of a list no longer found, when the pull was complete: nothing was rejected, and as many records
/// were seen as the provider counts. A list that shifted while it was read may have hidden a record.
pub(super) async fn mark_gone(
    tx: &Tx,
    pull: Pull,
    dataset: Dataset,
    total: Option<u64>,
) -> Result<Completion, StorageError> {
    async fn of<T: source::SourceTable>(tx: &Tx, pull: Pull, total: Option<u64>) -> Result<Completion, StorageError> {
        let seen = source::seen::<T>(tx, pull).await?;
        if let Some(shortfall) = Shortfall::of(None, seen, total) {
            return Ok(Completion::Shifted(shortfall));
        }
        if seen == 0 && total.is_none() && source::count::<T>(&**tx, pull.organization_id, pull.account_id).await? > 0 {
            return Ok(Completion::Empty);
        }
        Ok(Completion::Gone(source::mark_gone::<T>(tx, pull).await?))
    }
    match dataset {
        Dataset::Companies => of::<CompanyTable>(tx, pull, total).await,
        Dataset::Pax8Products => of::<Pax8ProductTable>(tx, pull, total).await,
        Dataset::Subscriptions => of::<SubscriptionTable>(tx, pull, total).await,
        Dataset::VendorInvoices => {
            let completion = of::<VendorInvoiceTable>(tx, pull, total).await?;
            if matches!(completion, Completion::Gone(1..)) {
                sync_work::mark_lines_of_gone_invoices(tx, pull).await?;
            }
            Ok(completion)
        }
        // Nothing forecast is an answer like any other: there is no count to compare with.
        Dataset::DraftInvoices => Ok(Completion::Gone(sync_work::mark_drafts_gone(tx, pull).await?)),
        Dataset::Customers => of::<CustomerTable>(tx, pull, total).await,
        Dataset::PsaProducts => of::<PsaProductTable>(tx, pull, total).await,
        Dataset::AgreementLines => of::<AgreementLineTable>(tx, pull, total).await,
        Dataset::PsaInvoices => {
            let completion = of::<PsaInvoiceTable>(tx, pull, total).await?;
            // Every invoice was seen with its lines, so lines that were not seen are gone with theirs.
            if matches!(completion, Completion::Gone(_)) {
                source::mark_gone::<PsaInvoiceLineTable>(tx, pull).await?;
            }
            Ok(completion)
        }
        // Histories only grow; lines and prices are marked with their invoice and product.
        Dataset::SubscriptionHistory | Dataset::VendorInvoiceLines | Dataset::VendorPrices => Ok(Completion::Gone(0)),
    }
}

/// The issues of a page.
pub(super) fn issues<T>(dataset: Dataset, page: &Page<T>, id: impl Fn(&T) -> &ExternalId) -> Vec<SyncIssue> {
    let mut issues: Vec<SyncIssue> = page.rejected.iter().map(|rejected| rejected_issue(dataset, rejected)).collect();
    for pulled in &page.records {
        issues.extend(pulled.notes.iter().map(|note| note_issue(dataset, id(&pulled.record), note)));
    }
    issues
}

pub(super) fn rejected_issue(dataset: Dataset, rejected: &Rejected) -> SyncIssue {
    SyncIssue {
        side: dataset.side(),
        dataset,
        external_id: rejected.external_id.as_ref().map(ToString::to_string),
        location: rejected.location.as_ref().map(|(file, line)| format!("{file}:{line}")),
        message: rejected.reason.clone(),
        is_rejected: true,
    }
}

/// Somebody should look: either the list moved while it was read, or the provider does not give all that it counts.
pub(super) fn shortfall_issue(dataset: Dataset, shortfall: Shortfall) -> SyncIssue {
    let Shortfall { external_id, seen, counted } = shortfall;
    SyncIssue {
        side: dataset.side(),
        dataset,
        external_id,
        location: None,
        message: format!(
            "the provider counts {counted} records and {seen} different ones were read; the records known so far are kept"
        ),
        is_rejected: false,
    }
}

pub(super) fn note_issue(dataset: Dataset, id: &ExternalId, note: &str) -> SyncIssue {
    SyncIssue {
        side: dataset.side(),
        dataset,
        external_id: Some(id.to_string()),
        location: None,
        message: note.to_owned(),
        is_rejected: false,
    }
}

/// Records of a page with their provider's ids.
pub(super) fn incoming<T>(records: Vec<Pulled<T>>, id: impl Fn(&T) -> &ExternalId) -> Vec<Incoming<T>> {
    records
        .into_iter()
        .map(|Pulled { record, raw, .. }| Incoming { external_id: id(&record).to_string(), raw, record })
        .collect()
}

/// Records that are told apart by counting, in an order that does not depend on the provider's: the same records in
/// another order must get the same keys.
fn in_fixed_order<T>(mut records: Vec<Pulled<T>>) -> impl Iterator<Item = Pulled<T>> {
    records.sort_by(|one, other| one.raw.cmp(&other.raw));
    records.into_iter()
}

/// The states of a subscription have no ids of their own: a state is known by when it was made and when it took effect.
pub(super) fn history(records: Vec<Pulled<Subscription>>) -> Vec<Incoming<Subscription>> {
    let mut occurrences: HashMap<String, u32> = HashMap::new();
    in_fixed_order(records)
        .map(|Pulled { record, raw, .. }| {
            let moment = record.updated_at.or(record.created_at).map_or(String::new(), |at| at.to_rfc3339());
            let start = record.billing_start.map_or(String::new(), |day| day.to_string());
            let key = format!("{}@{moment}@{start}", record.external_id);
            let occurrence = occurrences.entry(key.clone()).or_default();
            *occurrence += 1;
            Incoming { external_id: format!("{key}#{occurrence}"), raw, record }
        })
        .collect()
}

/// A price has no id of its own: it is known by what it is for.
pub(super) fn prices(records: Vec<Pulled<VendorPrice>>) -> Vec<Incoming<VendorPrice>> {
    let mut occurrences: HashMap<String, u32> = HashMap::new();
    in_fixed_order(records)
        .map(|Pulled { record, raw, .. }| {
            let term = match &record.billing_term {
                None => "",
                Some(Known::Known(term)) => term.as_str(),
                Some(Known::Unrecognized(text)) => text,
            };
            let key = format!(
                "{}|{term}|{}|{}|{}",
                record.product_external_id,
                record.commitment_term.as_deref().unwrap_or(""),
                record.currency.map_or(String::new(), |currency| currency.to_string()),
                record.range_start.map_or(String::new(), |start| start.normalize().to_string()),
            );
            let occurrence = occurrences.entry(key.clone()).or_default();
            *occurrence += 1;
            Incoming { external_id: format!("{key}#{occurrence}"), raw, record }
        })
        .collect()
}

/// Drafts of invoices, taken apart into heads and lines, with the issues of the lines.
pub(super) fn drafts(found: Drafts) -> (Rows, Vec<SyncIssue>) {
    let dataset = Dataset::DraftInvoices;
    let mut issues: Vec<SyncIssue> = found.rejected.iter().map(|rejected| rejected_issue(dataset, rejected)).collect();
    let (mut invoices, mut lines) = (Vec::new(), Vec::new());
    for draft in found.drafts {
        for line in &draft.lines {
            issues.extend(line.notes.iter().map(|note| note_issue(dataset, &line.record.external_id, note)));
        }
        lines.extend(incoming(draft.lines, |line| &line.external_id));
        invoices.extend(incoming(vec![draft.invoice], |invoice| &invoice.external_id));
    }
    (Rows::Drafts { invoices, lines }, issues)
}

/// Invoices of a PSA, taken apart into heads and lines, with the issues of both.
pub(super) fn documents(page: Page<PsaInvoiceDocument>) -> (Rows, Vec<SyncIssue>) {
    let dataset = Dataset::PsaInvoices;
    let mut issues: Vec<SyncIssue> = page.rejected.iter().map(|rejected| rejected_issue(dataset, rejected)).collect();
    let (mut invoices, mut lines, mut completed) = (Vec::new(), Vec::new(), Vec::new());
    for Pulled { record: document, raw, notes } in page.records {
        let id = document.invoice.external_id.clone();
        issues.extend(notes.iter().map(|note| note_issue(dataset, &id, note)));
        if document.rejected.is_empty() {
            completed.push(id.to_string());
        }
        issues.extend(document.rejected.iter().map(|rejected| rejected_issue(dataset, rejected)));
        for line in &document.lines {
            issues.extend(line.notes.iter().map(|note| note_issue(dataset, &line.record.external_id, note)));
        }
        lines.extend(incoming(document.lines, |line| &line.external_id));
        invoices.push(Incoming { external_id: id.to_string(), raw, record: document.invoice });
    }
    (Rows::PsaInvoices { invoices, lines, completed }, issues)
}
