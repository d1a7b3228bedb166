//! A directory as a marketplace. Records are in Pax8's shapes, so that they are converted by Pax8's own rules.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::NaiveDate;
use chrono_tz::Tz;

use super::index::Index;
use super::portal_csv::{self, Told};
use super::table::{self, TableFile, Taken};
use super::{off_thread, side_of};
use crate::connector::json::Reason;
use crate::connector::pax8::convert::{self, Account, LineOrigin};
use crate::connector::pax8::{price_page, wire};
use crate::connector::{AccountCheck, ConnectorError, Cursor, Marketplace, Page};
use crate::domain::id::ExternalId;
use crate::domain::provider::{Capability, CapabilityKind, CapabilityState};
use crate::domain::record::{
    Company, Contact, Pax8Product, Subscription, UsageLine, UsageSummary, VendorInvoice, VendorInvoiceLine, VendorPrice,
};

/// What each file is needed for, as the end of a sentence.
const PURPOSES: [(&str, &str); 8] = [
    ("companies.jsonl", "companies are known only from invoice downloads"),
    ("products.jsonl", "products are known only from invoice downloads"),
    ("pricing.jsonl", "list prices are not known"),
    ("subscriptions.jsonl", "subscribed quantities cannot be compared"),
    ("subscription_history.jsonl", "past quantities are not known"),
    ("invoices.jsonl", "invoices are known only from invoice downloads"),
    ("usage_summaries.jsonl", "metered use cannot be explained"),
    ("usage_lines.jsonl", "metered use cannot be explained line by line"),
];

/// A directory in the place of Pax8.
#[derive(Debug, Clone)]
pub struct FileMarketplace(Arc<Files>);

#[derive(Debug)]
struct Files {
    folder: PathBuf,
    account: Account,
    downloads: Vec<TableFile>,
    told: OnceLock<Told>,
    prices: OnceLock<Index>,
    histories: OnceLock<Index>,
    summaries: OnceLock<Index>,
    usage: OnceLock<Index>,
    lines: OnceLock<Index>,
}

impl FileMarketplace {
    /// Opens `DIR/pax8`, or `DIR` itself when it holds such files. Moments become days in UTC.
    pub fn open(directory: &Path) -> Result<Self, ConnectorError> {
        Self::open_in_zone(directory, Tz::UTC)
    }

    /// The same with the time zone of the account.
    pub fn open_in_zone(directory: &Path, zone: Tz) -> Result<Self, ConnectorError> {
        let folder = side_of(directory, "pax8", &["companies.jsonl", "invoices.jsonl", "invoice_csv"])?;
        let downloads = portal_csv::downloads(&folder)?;
        Ok(Self(Arc::new(Files {
            folder,
            account: Account { zone },
            downloads,
            told: OnceLock::new(),
            prices: OnceLock::new(),
            histories: OnceLock::new(),
            summaries: OnceLock::new(),
            usage: OnceLock::new(),
            lines: OnceLock::new(),
        })))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, ConnectorError> + Send + 'static,
    ) -> Result<T, ConnectorError> {
        let files = Arc::clone(&self.0);
        off_thread(move || work(&files)).await
    }
}

/// The value of a cell that is filled by a reading that may fail; two first readers may both read, with one result.
fn filled<T>(cell: &OnceLock<T>, fill: impl FnOnce() -> Result<T, ConnectorError>) -> Result<&T, ConnectorError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = fill()?;
    Ok(cell.get_or_init(|| value))
}

impl Files {
    fn file(&self, name: &str) -> Vec<TableFile> {
        TableFile::find(&self.folder, name).into_iter().collect()
    }

    fn told(&self) -> Result<&Told, ConnectorError> {
        filled(&self.told, || portal_csv::gather(&self.downloads))
    }

    fn index<'a>(&self, cell: &'a OnceLock<Index>, name: &str, key: &[&str]) -> Result<&'a Index, ConnectorError> {
        filled(cell, || Index::build(self.file(name), key))
    }

    fn prices(&self) -> Result<&Index, ConnectorError> {
        self.index(&self.prices, "pricing.jsonl", &["productid"])
    }

    fn histories(&self) -> Result<&Index, ConnectorError> {
        self.index(&self.histories, "subscription_history.jsonl", &["id"])
    }

    fn summaries(&self) -> Result<&Index, ConnectorError> {
        self.index(&self.summaries, "usage_summaries.jsonl", &["subscriptionid"])
    }

    fn usage(&self) -> Result<&Index, ConnectorError> {
        self.index(&self.usage, "usage_lines.jsonl", &["usagesummaryid"])
    }

    /// A page of a file of records, or all that the downloads tell when there is no such file.
    fn list<T>(
        &self,
        name: &str,
        told: fn(&Told) -> &[String],
        after: Option<&Cursor>,
        convert: impl Fn(&str, &mut Vec<String>) -> Result<T, Reason>,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Page<T>, ConnectorError> {
        let take = |json: &str| -> Taken<T> {
            let pulled = convert::pulled(json, &convert);
            Some(pulled).filter(|pulled| pulled.as_ref().map_or(true, |pulled| is_wanted(&pulled.record)))
        };
        let files = self.file(name);
        if !files.is_empty() {
            return table::page(&files, after, |_, row, _| take(&row.json));
        }
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
        for json in told(self.told()?) {
            match take(json) {
                Some(Ok(pulled)) => page.records.push(pulled),
                Some(Err(rejected)) => page.rejected.push(rejected),
                None => {}
            }
        }
        Ok(page)
    }

    /// All records of a key.
    fn looked_up<T>(
        &self,
        index: &Index,
        key: &str,
        convert: impl Fn(&str, &mut Vec<String>) -> Result<Option<T>, Reason>,
    ) -> Result<Page<T>, ConnectorError> {
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
        for (file, row) in index.rows(key)? {
            match convert::pulled(&row.json, &convert) {
                Ok(pulled) => {
                    if let Some(record) = pulled.record {
                        page.records.push(crate::connector::Pulled { record, raw: pulled.raw, notes: pulled.notes });
                    }
                }
                Err(rejected) => page.rejected.push(file.located(row.line, rejected)),
            }
        }
        Ok(page)
    }

    fn invoice_lines(
        &self,
        invoice: &VendorInvoice,
        after: Option<&Cursor>,
    ) -> Result<Page<VendorInvoiceLine>, ConnectorError> {
        let id = invoice.external_id.as_str();
        let line = |json: &str, notes: &mut Vec<String>, position: u64| {
            let origin = LineOrigin { invoice: invoice.external_id.clone(), currency: invoice.currency, position };
            convert::invoice_line(json, notes, self.account, &origin)
        };
        // An id comes from data, and data must not choose files elsewhere.
        let is_plain = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let own = if is_plain { self.file(&format!("invoice_items/{id}.jsonl")) } else { Vec::new() };
        if !own.is_empty() {
            return table::page(&own, after, |_, row, position| {
                let at = *position;
                *position += 1;
                Some(convert::pulled(&row.json, |json, notes| line(json, notes, at)))
            });
        }
        let index = filled(&self.lines, || Index::build(self.downloads.clone(), &["invoiceid"]))?;
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
        for (position, (file, row)) in (0_u64..).zip(index.rows(id)?) {
            match convert::pulled(&row.json, |json, notes| line(json, notes, position)) {
                Ok(pulled) => page.records.push(pulled),
                Err(rejected) => page.rejected.push(file.located(row.line, rejected)),
            }
        }
        Ok(page)
    }

    fn prices_of(&self, product: &ExternalId) -> Result<Page<VendorPrice>, ConnectorError> {
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
        for (file, row) in self.prices()?.rows(product.as_str())? {
            let sent: Result<wire::ProductPricing<'_>, _> = serde_json::from_str(&row.json);
            let entries = sent.map_err(|error| error.to_string()).and_then(|sent| match sent.content {
                Some(content) => wire::List::parse(content.get()).map(|list| list.content),
                // A row may also be one entry, without the reply around it.
                None => serde_json::from_str(&row.json).map(|entry| vec![entry]).map_err(|error| error.to_string()),
            });
            match entries {
                Ok(entries) => {
                    let read = price_page(entries.iter().map(|entry| entry.get()), product);
                    page.records.extend(read.records);
                    let rejected = read.rejected.into_iter();
                    page.rejected.extend(rejected.map(|rejected| file.located(row.line, rejected)));
                }
                Err(reason) => page.rejected.push(file.reject(row.line, reason)),
            }
        }
        Ok(page)
    }

    fn check(&self) -> AccountCheck {
        let mut check =
            AccountCheck { display_name: Some(self.folder.display().to_string()), ..AccountCheck::default() };
        for (name, consequence) in PURPOSES {
            if self.file(name).is_empty() {
                check.remarks.push(format!("The file `{name}` is missing: {consequence}."));
            }
        }
        let has_lines = self.folder.join("invoice_items").is_dir() || !self.downloads.is_empty();
        if !has_lines {
            check.remarks.push(
                "There is neither a folder `invoice_items` nor a folder `invoice_csv`: nothing can be reconciled."
                    .to_owned(),
            );
        }
        let has = |name| !self.file(name).is_empty();
        let found = [
            (CapabilityKind::Customers, has("companies.jsonl") || !self.downloads.is_empty()),
            (CapabilityKind::Subscriptions, has("subscriptions.jsonl")),
            (CapabilityKind::Invoices, has_lines),
        ];
        check.capabilities.extend(found.map(|(kind, is_there)| match is_there {
            true => Capability { kind, state: CapabilityState::Available, advice: None },
            false => {
                let advice = "The files for this are missing; the remarks name them.".to_owned();
                Capability { kind, state: CapabilityState::Unsupported, advice: Some(advice) }
            }
        }));
        check
    }
}

#[async_trait]
impl Marketplace for FileMarketplace {
    async fn verify(&self) -> Result<AccountCheck, ConnectorError> {
        self.read(|files| Ok(files.check())).await
    }

    async fn companies(&self, after: Option<Cursor>) -> Result<Page<Company>, ConnectorError> {
        self.read(move |files| {
            let convert = |json: &str, notes: &mut Vec<String>| convert::company(json, notes, files.account);
            files.list("companies.jsonl", |told| &told.companies, after.as_ref(), convert, |_| true)
        })
        .await
    }

    /// Files hold no contacts.
    async fn contacts(&self, _: &ExternalId, _: Option<Cursor>) -> Result<Page<Contact>, ConnectorError> {
        Ok(Page { records: Vec::new(), rejected: Vec::new(), next: None, total: Some(0) })
    }

    async fn products(&self, after: Option<Cursor>) -> Result<Page<Pax8Product>, ConnectorError> {
        self.read(move |files| {
            let convert = |json: &str, _: &mut Vec<String>| convert::product(json);
            let mut page = files.list("products.jsonl", |told| &told.products, after.as_ref(), convert, |_| true)?;
            if page.next.is_none() {
                // A price that names no product is nobody's; it is reported here, so that it is reported at all.
                page.rejected.extend(files.prices()?.rejected.iter().cloned());
            }
            Ok(page)
        })
        .await
    }

    async fn prices(
        &self,
        product: &ExternalId,
        _company: Option<&ExternalId>,
    ) -> Result<Page<VendorPrice>, ConnectorError> {
        let product = product.clone();
        self.read(move |files| files.prices_of(&product)).await
    }

    async fn subscriptions(&self, after: Option<Cursor>) -> Result<Page<Subscription>, ConnectorError> {
        self.read(move |files| {
            let convert = |json: &str, notes: &mut Vec<String>| convert::subscription(json, notes, files.account);
            let mut page = files.list("subscriptions.jsonl", |_| &[], after.as_ref(), convert, |_| true)?;
            if page.next.is_none() {
                // States and uses that name no subscription are nobody's; they are reported here.
                for index in [files.histories()?, files.summaries()?, files.usage()?] {
                    page.rejected.extend(index.rejected.iter().cloned());
                }
            }
            Ok(page)
        })
        .await
    }

    async fn subscription_history(&self, subscription: &ExternalId) -> Result<Page<Subscription>, ConnectorError> {
        let key = subscription.clone();
        self.read(move |files| {
            files.looked_up(files.histories()?, key.as_str(), |json, notes| {
                convert::subscription(json, notes, files.account).map(Some)
            })
        })
        .await
    }

    async fn invoices(
        &self,
        since: Option<NaiveDate>,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoice>, ConnectorError> {
        self.read(move |files| {
            let convert = |json: &str, notes: &mut Vec<String>| convert::invoice(json, notes, files.account);
            let is_wanted = |invoice: &VendorInvoice| since.is_none_or(|since| invoice.invoice_date >= since);
            let mut page = files.list("invoices.jsonl", |told| &told.invoices, after.as_ref(), convert, is_wanted)?;
            if page.next.is_none() && files.file("invoices.jsonl").is_empty() {
                let index = filled(&files.lines, || Index::build(files.downloads.clone(), &["invoiceid"]))?;
                page.rejected.extend(index.rejected.iter().cloned());
            }
            Ok(page)
        })
        .await
    }

    async fn invoice_lines(
        &self,
        invoice: &VendorInvoice,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoiceLine>, ConnectorError> {
        let invoice = invoice.clone();
        self.read(move |files| files.invoice_lines(&invoice, after.as_ref())).await
    }

    /// A directory holds at most the draft of one month, the one after its last invoices.
    async fn draft_lines(
        &self,
        month_offset: u8,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoiceLine>, ConnectorError> {
        self.read(move |files| {
            let drafts = if month_offset == 0 { Vec::new() } else { files.file("draft_items.jsonl") };
            table::page(&drafts, after.as_ref(), |_, row, position| {
                let at = *position;
                *position += 1;
                let origin = LineOrigin { invoice: ExternalId::from("draft"), currency: None, position: at };
                Some(convert::pulled(&row.json, |json, notes| {
                    convert::invoice_line(json, notes, files.account, &origin)
                }))
            })
        })
        .await
    }

    async fn usage_summaries(
        &self,
        subscription: &ExternalId,
        _: Option<Cursor>,
    ) -> Result<Page<UsageSummary>, ConnectorError> {
        let key = subscription.clone();
        self.read(move |files| {
            let convert = |json: &str, _: &mut Vec<String>| convert::usage_summary(json, &key).map(Some);
            files.looked_up(files.summaries()?, key.as_str(), convert)
        })
        .await
    }

    async fn usage_lines(
        &self,
        summary: &ExternalId,
        usage_date: NaiveDate,
        _: Option<Cursor>,
    ) -> Result<Page<UsageLine>, ConnectorError> {
        let key = summary.clone();
        self.read(move |files| {
            let convert = |json: &str, _: &mut Vec<String>| {
                let line = convert::usage_line(json, &key, files.account)?;
                Ok(Some(line).filter(|line| line.usage_date == Some(usage_date)))
            };
            files.looked_up(files.usage()?, key.as_str(), convert)
        })
        .await
    }
}
