//! Rev.io as a PSA: which list serves which entity, the joins between lists, and what is missing in the settings.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::NaiveDate;
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use super::PROVIDER;
use super::convert::{self, Joins, LineKind, Reading};
use super::settings::{EntitySurface, Paths, RevioSecrets, RevioSettings, Surface};
use super::surface::{BillingSurface, Listed, Parts, PsaSurface};
use super::wire::Record;
use crate::connector::http::Recorder;
use crate::connector::json::{Reason, folded, parse_zone};
use crate::connector::psa::words;
use crate::connector::{AccountCheck, ConnectorError, Cursor, Page, Psa, PsaInvoiceDocument, Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::provider::{Capability, CapabilityKind, CapabilityState};
use crate::domain::record::{AgreementLine, Contact, Customer, PsaInvoiceLine, PsaProduct};
use crate::environment::Clock;

/// A Rev.io account.
pub struct Revio {
    psa: Option<PsaSurface>,
    billing: Option<BillingSurface>,
    reading: Reading,
    paths: Paths,
    entity_surface: EntitySurface,
    tenant: String,
    /// What lines are joined to; read again whenever a list of lines begins.
    joins: Mutex<Option<Arc<Read>>>,
    /// Whether a filter for several bills turned out to find none, so that bills are asked for one by one.
    asks_singly: AtomicBool,
}

/// Agreements and products as read, with what could not be read.
#[derive(Default)]
struct Read {
    joins: Joins,
    rejected: Vec<Rejected>,
}

/// A list of an entity on one of the surfaces.
#[derive(Clone, Copy)]
struct List<'a> {
    surface: Surface,
    /// Path on the PSA surface with the name of its setting.
    path: (&'static str, Option<&'a str>),
    /// Name on the Billing surface.
    name: &'static str,
    customer: Option<&'a ExternalId>,
}

impl std::fmt::Debug for Revio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revio").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Revio {
    /// Prepares the account; nothing is sent yet.
    pub fn connect(
        settings: &RevioSettings,
        secrets: &RevioSecrets,
        clock: Arc<dyn Clock>,
        recorder: Option<Arc<dyn Recorder>>,
    ) -> Result<Self, ConnectorError> {
        let parts = Parts { settings, secrets, clock, recorder };
        let psa = PsaSurface::connect(&parts)?;
        let billing = BillingSurface::connect(&parts, psa.as_ref())?;
        Ok(Self {
            psa,
            billing,
            reading: Reading {
                fields: settings.fields.clone(),
                zone: parse_zone(&settings.time_zone)?,
                bill_profile_cycle: words::bill_cycle(&folded(&settings.bill_profile_cycle)),
            },
            paths: settings.paths.clone(),
            entity_surface: settings.entity_surface.clone(),
            tenant: settings.tenant.clone(),
            joins: Mutex::new(None),
            asks_singly: AtomicBool::new(false),
        })
    }

    fn billing(&self) -> Result<&BillingSurface, ConnectorError> {
        self.billing.as_ref().ok_or_else(|| {
            ConnectorError::Unsupported(
                "this is read from Rev.io Billing, whose user and password (`billing`) are not set".to_owned(),
            )
        })
    }

    fn customer_list(&self) -> List<'_> {
        let path = ("paths.customers", self.paths.customers.as_deref());
        List { surface: self.entity_surface.customers, path, name: "Customers", customer: None }
    }

    fn product_list(&self) -> List<'_> {
        let path = ("paths.products", self.paths.products.as_deref());
        List { surface: self.entity_surface.products, path, name: "Products", customer: None }
    }

    fn agreement_list(&self) -> List<'_> {
        let path = ("paths.recurring_services", self.paths.recurring_services.as_deref());
        List { surface: self.entity_surface.agreements, path, name: "Services", customer: None }
    }

    fn line_list(&self) -> List<'_> {
        let path = ("paths.contract_lines", self.paths.contract_lines.as_deref());
        List { surface: self.entity_surface.agreements, path, name: "ServiceProduct", customer: None }
    }

    fn invoice_list(&self) -> List<'_> {
        let path = ("paths.invoices", self.paths.invoices.as_deref());
        List { surface: self.entity_surface.invoices, path, name: "Bills", customer: None }
    }

    async fn listed(
        &self,
        list: List<'_>,
        after: Option<&Cursor>,
        size: Option<u32>,
    ) -> Result<Listed, ConnectorError> {
        match list.surface {
            Surface::Billing => {
                let customer = list.customer.map(|customer| ("search.customer_id", customer.to_string()));
                let filter: Vec<_> = customer.into_iter().collect();
                self.billing()?.page(list.name, &filter, after, size).await
            }
            Surface::Psa => {
                let psa = self
                    .psa
                    .as_ref()
                    .ok_or_else(|| ConnectorError::Unsupported("the API key of Rev.io PSA is not set".to_owned()))?;
                let (setting, path) = list.path;
                let path = path.ok_or_else(|| {
                    ConnectorError::Unsupported(format!(
                        "the setting `{setting}` is not set, so that Rev.io PSA cannot be asked for this"
                    ))
                })?;
                psa.page(path, list.customer.map(ExternalId::as_str), after, size).await
            }
        }
    }

    /// Reads one page and converts it record by record.
    async fn page<T>(
        &self,
        list: List<'_>,
        after: Option<Cursor>,
        id: &[String],
        convert: impl Fn(&Record<'_>, &mut Vec<String>) -> Result<T, Reason>,
    ) -> Result<Page<T>, ConnectorError> {
        let listed = self.listed(list, after.as_ref(), None).await?;
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: listed.next, total: None };
        for record in listed.records {
            match convert::pulled(record.get(), id, &convert) {
                Ok(pulled) => page.records.push(pulled),
                Err(rejected) => page.rejected.push(rejected),
            }
        }
        Ok(page)
    }

    /// Reads a list to its end.
    async fn whole<T>(
        &self,
        list: List<'_>,
        id: &[String],
        convert: impl Fn(&Record<'_>, &mut Vec<String>) -> Result<T, Reason>,
    ) -> Result<(Vec<T>, Vec<Rejected>), ConnectorError> {
        let (mut records, mut rejected, mut next) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.page(list, next, id, &convert).await?;
            records.extend(page.records.into_iter().map(|pulled| pulled.record));
            rejected.extend(page.rejected);
            next = page.next;
            if next.is_none() {
                return Ok((records, rejected));
            }
        }
    }

    /// What lines are joined to: read when a list of lines begins, kept while it goes on.
    async fn joins(&self, is_beginning: bool) -> Result<Arc<Read>, ConnectorError> {
        let mut kept = self.joins.lock().await;
        if let Some(read) = kept.as_ref().filter(|_| !is_beginning) {
            return Ok(Arc::clone(read));
        }
        let fields = &self.reading.fields;
        let (agreements, rejected) = self
            .whole(self.agreement_list(), &fields.agreement.id, |record, notes| self.reading.agreement(record, notes))
            .await?;
        // Products that cannot be read are reported by their own list.
        let products = match self
            .whole(self.product_list(), &fields.product.id, |record, _| self.reading.product_terms(record))
            .await
        {
            Ok((products, _)) => products,
            // A tenant without a list of products still has agreements; only what they would inherit is unknown.
            Err(ConnectorError::Unsupported(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let joins = Joins { agreements: agreements.into_iter().collect(), products: products.into_iter().collect() };
        let read = Arc::new(Read { joins, rejected });
        *kept = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Adds the lines to bills of the Billing surface.
    async fn fill(&self, page: &mut Page<PsaInvoiceDocument>) -> Result<(), ConnectorError> {
        let billing = self.billing()?;
        let bills: HashMap<ExternalId, usize> =
            (0..).zip(&page.records).map(|(at, pulled)| (pulled.record.invoice.external_id.clone(), at)).collect();
        let ids: Vec<ExternalId> =
            page.records.iter().map(|pulled| pulled.record.invoice.external_id.clone()).collect();
        let mut chunks: Vec<&[ExternalId]> = ids.chunks(self.chunk_size(billing)).collect();
        chunks.reverse();
        while let Some(chunk) = chunks.pop() {
            let before = found(page);
            for (list, kind) in [("Charges", LineKind::Charge), ("Credits", LineKind::Credit)] {
                self.fill_from(billing, list, kind, chunk, &bills, page).await?;
            }
            // Nobody documents that a repeated filter means any of its values. Where it means all of them, no line of
            // several bills is found, and the first bill alone tells whether that is so.
            if chunk.len() > 1 && found(page) == before {
                for (list, kind) in [("Charges", LineKind::Charge), ("Credits", LineKind::Credit)] {
                    self.fill_from(billing, list, kind, &chunk[..1], &bills, page).await?;
                }
                if found(page) > before {
                    self.asks_singly.store(true, Ordering::Relaxed);
                    chunks = chunks.into_iter().flat_map(|chunk| chunk.chunks(1).rev()).collect();
                    chunks.extend(chunk[1..].chunks(1).rev());
                }
            }
        }
        Ok(())
    }

    fn chunk_size(&self, billing: &BillingSurface) -> usize {
        if self.asks_singly.load(Ordering::Relaxed) { 1 } else { billing.bills_per_request }
    }

    async fn fill_from(
        &self,
        billing: &BillingSurface,
        list: &str,
        kind: LineKind,
        ids: &[ExternalId],
        bills: &HashMap<ExternalId, usize>,
        page: &mut Page<PsaInvoiceDocument>,
    ) -> Result<(), ConnectorError> {
        let filter: Vec<_> = ids.iter().map(|id| ("search.bill_id", id.to_string())).collect();
        let mut next = None;
        loop {
            let listed = billing.page(list, &filter, next.as_ref(), None).await?;
            for record in &listed.records {
                self.place(record, kind, ids, bills, page);
            }
            next = listed.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// Puts a line on its bill. Lines of other bills are skipped: a server may ignore the filter.
    fn place(
        &self,
        record: &RawValue,
        kind: LineKind,
        asked: &[ExternalId],
        bills: &HashMap<ExternalId, usize>,
        page: &mut Page<PsaInvoiceDocument>,
    ) {
        let id = &self.reading.fields.invoice_line.id;
        let bill = match Record::parse(record.get()).and_then(|record| self.reading.invoice_of(&record)) {
            Ok(Some(bill)) if asked.contains(&bill) => bill,
            Ok(_) => return,
            Err(reason) => {
                let failed: Result<Pulled<()>, Rejected> = convert::pulled(record.get(), id, |_, _| Err(reason));
                page.rejected.extend(failed.err());
                return;
            }
        };
        let Some(document) = bills.get(&bill).map(|at| &mut page.records[*at].record) else { return };
        let line: Result<Pulled<PsaInvoiceLine>, Rejected> =
            convert::pulled(record.get(), id, |record, _| self.reading.invoice_line(record, &bill, kind));
        match line {
            Ok(line) => document.lines.push(line),
            Err(rejected) => document.rejected.push(rejected),
        }
    }

    /// An invoice whose lines are inside it.
    fn document(&self, record: &Record<'_>, notes: &mut Vec<String>) -> Result<PsaInvoiceDocument, Reason> {
        let fields = &self.reading.fields;
        let invoice = self.reading.invoice(record, notes)?;
        let mut document = PsaInvoiceDocument { invoice, lines: Vec::new(), rejected: Vec::new() };
        let sent = record.get(&fields.invoice.lines).map_or("[]", RawValue::get);
        let elements: Vec<&RawValue> =
            serde_json::from_str(sent).map_err(|error| format!("the lines are not a list: {error}"))?;
        for element in elements {
            let id = document.invoice.external_id.clone();
            let line = convert::pulled(element.get(), &fields.invoice_line.id, |record, _| {
                self.reading.invoice_line(record, &id, LineKind::Charge)
            });
            match line {
                Ok(line) => document.lines.push(line),
                Err(rejected) => document.rejected.push(rejected),
            }
        }
        Ok(document)
    }
}

/// Lines on a page, read or rejected.
fn found(page: &Page<PsaInvoiceDocument>) -> usize {
    page.records.iter().map(|pulled| pulled.record.lines.len() + pulled.record.rejected.len()).sum()
}

#[async_trait]
impl Psa for Revio {
    async fn verify(&self) -> Result<AccountCheck, ConnectorError> {
        let mut check = AccountCheck { display_name: Some(self.tenant.clone()), ..AccountCheck::default() };
        let mut refusals = Vec::new();
        let lists = [
            (CapabilityKind::Customers, "customers", self.customer_list()),
            (CapabilityKind::Products, "products", self.product_list()),
            (CapabilityKind::Agreements, "agreements", self.line_list()),
            (CapabilityKind::Invoices, "invoices", self.invoice_list()),
        ];
        for (kind, entity, list) in lists {
            let (state, advice) = match self.listed(list, None, Some(1)).await {
                Ok(listed) if listed.records.is_empty() => {
                    let advice = format!("Rev.io shows no {entity} to this login. Check that it is the right tenant.");
                    (CapabilityState::Empty, Some(advice))
                }
                Ok(_) => (CapabilityState::Available, None),
                Err(ConnectorError::Unsupported(reason)) => {
                    (CapabilityState::Unsupported, Some(format!("The {entity} cannot be read: {reason}.")))
                }
                Err(ConnectorError::NotFound { what, .. }) => {
                    let advice = format!(
                        "The {entity} cannot be read because {what} does not exist at this tenant; set its path, or read \
                         them from the other surface with `entity_surface`."
                    );
                    (CapabilityState::Unsupported, Some(advice))
                }
                Err(ConnectorError::Forbidden { message, .. }) => {
                    let advice = format!(
                        "The {entity} cannot be read because the user may not ({message}). Give the user of the key or of \
                         the login this right at Rev.io, or ask for a wider scope, then verify again."
                    );
                    refusals.push(message);
                    (CapabilityState::Forbidden, Some(advice))
                }
                Err(error) => return Err(error),
            };
            if !state.is_readable() {
                check.remarks.extend(advice.clone());
            }
            check.capabilities.push(Capability { kind, state, advice });
        }
        let is_readable = |capability: &Capability| capability.state.is_readable();
        if !refusals.is_empty() && !check.capabilities.iter().any(is_readable) {
            // Whoever may read nothing is somebody else's; nothing could be done with the account.
            let words = refusals.swap_remove(0);
            let others = check.capabilities.iter().filter(|found| found.state == CapabilityState::Unsupported);
            let others: Vec<&str> = others.filter_map(|found| found.advice.as_deref()).collect();
            let mut message = format!(
                "this login may read no customers, products, agreements or invoices; a user of the tenant with the right to \
                 read them is needed ({words})"
            );
            if !others.is_empty() {
                message = format!("{message}. {}", others.join(" ").trim_end_matches('.'));
            }
            return Err(ConnectorError::Forbidden { provider: PROVIDER, message });
        }
        check.display_name = check.display_name.filter(|name| !name.is_empty());
        Ok(check)
    }

    async fn customers(&self, after: Option<Cursor>) -> Result<Page<Customer>, ConnectorError> {
        let id = &self.reading.fields.customer.id;
        self.page(self.customer_list(), after, id, |record, notes| self.reading.customer(record, notes)).await
    }

    async fn contacts(&self, customer: &ExternalId, after: Option<Cursor>) -> Result<Page<Contact>, ConnectorError> {
        let path = ("paths.contacts", self.paths.contacts.as_deref());
        let surface = self.entity_surface.customers;
        let list = List { surface, path, name: "Contacts", customer: Some(customer) };
        let id = &self.reading.fields.contact.id;
        self.page(list, after, id, |record, _| self.reading.contact(record, customer)).await
    }

    async fn products(&self, after: Option<Cursor>) -> Result<Page<PsaProduct>, ConnectorError> {
        let id = &self.reading.fields.product.id;
        self.page(self.product_list(), after, id, |record, notes| self.reading.product(record, notes)).await
    }

    async fn agreement_lines(&self, after: Option<Cursor>) -> Result<Page<AgreementLine>, ConnectorError> {
        let read = self.joins(after.is_none()).await?;
        let id = &self.reading.fields.agreement_line.id;
        let convert =
            |record: &Record<'_>, notes: &mut Vec<String>| self.reading.agreement_line(record, notes, &read.joins);
        let mut page = self.page(self.line_list(), after, id, convert).await?;
        if page.next.is_none() {
            page.rejected.extend(read.rejected.iter().cloned());
        }
        Ok(page)
    }

    async fn invoices(
        &self,
        since: Option<NaiveDate>,
        after: Option<Cursor>,
    ) -> Result<Page<PsaInvoiceDocument>, ConnectorError> {
        let id = &self.reading.fields.invoice.id;
        let list = self.invoice_list();
        let mut page = match list.surface {
            Surface::Psa => self.page(list, after, id, |record, notes| self.document(record, notes)).await?,
            Surface::Billing => {
                self.page(list, after, id, |record, notes| {
                    let invoice = self.reading.invoice(record, notes)?;
                    Ok(PsaInvoiceDocument { invoice, lines: Vec::new(), rejected: Vec::new() })
                })
                .await?
            }
        };
        // No filter by date is documented for bills; old ones are dropped before anything is asked about them.
        page.records.retain(|pulled| since.is_none_or(|since| pulled.record.invoice.invoice_date >= since));
        if list.surface == Surface::Billing {
            self.fill(&mut page).await?;
        }
        Ok(page)
    }
}
