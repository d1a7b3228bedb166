//! A directory as a PSA: JSON Lines, the same as CSV, or the neutral CSV form.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::NaiveDate;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::index::Index;
use super::psa_convert::{self as convert, Agreement, Identifiers};
use super::table::{self, Format, Row, TableFile};
use super::{off_thread, side_of};
use crate::connector::json::{Reason, decimal};
use crate::connector::{AccountCheck, ConnectorError, Cursor, Page, Psa, PsaInvoiceDocument, Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::provider::{Capability, CapabilityKind, CapabilityState};
use crate::domain::record::{AgreementLine, Contact, Customer, Price, PsaInvoice, PsaInvoiceLine, PsaProduct};

/// Invoices of one page when they are put together from lines.
const PAGE_INVOICES: usize = 200;

const CUSTOMERS: [&str; 3] = ["customers.jsonl", "csv/customers.csv", "customers.csv"];
const PRODUCTS: [&str; 3] = ["products.jsonl", "csv/products.csv", "products.csv"];
const AGREEMENTS: [&str; 3] = ["agreements.jsonl", "csv/agreements.csv", "agreements.csv"];
const LINES: [&str; 3] = ["agreement_lines.jsonl", "csv/agreement_lines.csv", "agreement_lines.csv"];
const INVOICES: [&str; 5] =
    ["invoices.jsonl", "csv/invoice_lines.csv", "invoice_lines.csv", "csv/invoices.csv", "invoices.csv"];

/// A directory in the place of a PSA.
#[derive(Debug, Clone)]
pub struct FilePsa(Arc<Files>);

#[derive(Debug)]
struct Files {
    folder: PathBuf,
    agreements: OnceLock<Agreements>,
    identifiers: OnceLock<Identifiers>,
    invoices: OnceLock<Index>,
}

/// Agreements by id, and the rows that could not be read.
#[derive(Debug, Default)]
struct Agreements {
    by_id: HashMap<ExternalId, Agreement>,
    rejected: Vec<Rejected>,
}

impl FilePsa {
    /// Opens `DIR/psa`, or `DIR` itself when it holds such files.
    pub fn open(directory: &Path) -> Result<Self, ConnectorError> {
        let folder = side_of(directory, "psa", &[&CUSTOMERS[..], &INVOICES[..]].concat())?;
        Ok(Self(Arc::new(Files {
            folder,
            agreements: OnceLock::new(),
            identifiers: OnceLock::new(),
            invoices: OnceLock::new(),
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

impl Files {
    fn file(&self, names: &[&str]) -> Option<TableFile> {
        TableFile::first(&self.folder, names)
    }

    fn list<T>(
        &self,
        names: &[&str],
        after: Option<&Cursor>,
        convert: impl Fn(&Fields<'_>, &mut Vec<String>) -> Result<T, Reason>,
    ) -> Result<Page<T>, ConnectorError> {
        let files: Vec<_> = self.file(names).into_iter().collect();
        table::page(&files, after, |_, row, _| Some(convert::pulled(&row.json, &convert)))
    }

    fn agreements(&self) -> Result<&Agreements, ConnectorError> {
        if let Some(agreements) = self.agreements.get() {
            return Ok(agreements);
        }
        let mut agreements = Agreements::default();
        if let Some(file) = self.file(&AGREEMENTS) {
            let mut rows = file.rows()?;
            while let Some(row) = rows.next_row()? {
                let read = row.and_then(|Row { json, line, .. }| {
                    convert::pulled(&json, convert::agreement).map_err(|rejected| file.located(line, rejected))
                });
                match read {
                    Ok(Pulled { record: (id, agreement), .. }) => drop(agreements.by_id.insert(id, agreement)),
                    Err(rejected) => agreements.rejected.push(rejected),
                }
            }
        }
        Ok(self.agreements.get_or_init(|| agreements))
    }

    fn identifiers(&self) -> Result<&Identifiers, ConnectorError> {
        if let Some(identifiers) = self.identifiers.get() {
            return Ok(identifiers);
        }
        let mut identifiers = Identifiers::new();
        if let Some(file) = self.file(&PRODUCTS) {
            let mut rows = file.rows()?;
            while let Some(row) = rows.next_row()? {
                // A row that cannot be read is reported by the list of products.
                let Ok(Row { json, .. }) = row else { continue };
                let Ok(Pulled { record, .. }) = convert::pulled(&json, convert::product) else { continue };
                for code in [record.sku, record.identifier].into_iter().flatten() {
                    identifiers.insert(code.trim().to_owned(), record.external_id.clone());
                }
            }
        }
        Ok(self.identifiers.get_or_init(|| identifiers))
    }

    fn agreement_lines(&self, after: Option<&Cursor>) -> Result<Page<AgreementLine>, ConnectorError> {
        let (agreements, identifiers) = (self.agreements()?, self.identifiers()?);
        let mut page = self.list(&LINES, after, |fields, notes| {
            convert::agreement_line(fields, notes, &agreements.by_id, identifiers)
        })?;
        if page.next.is_none() {
            page.rejected.extend(agreements.rejected.iter().cloned());
        }
        Ok(page)
    }

    fn invoices(
        &self,
        since: Option<NaiveDate>,
        after: Option<&Cursor>,
    ) -> Result<Page<PsaInvoiceDocument>, ConnectorError> {
        let identifiers = self.identifiers()?;
        match self.file(&INVOICES) {
            Some(file) if file.format == Format::Csv => self.invoices_of_lines(&file, since, after, identifiers),
            Some(file) => {
                let is_wanted = |date| since.is_none_or(|since| date >= since);
                table::page(&[file], after, |file, row, _| {
                    let mut pulled = convert::pulled(&row.json, |fields, notes| document(fields, notes, identifiers));
                    if let Ok(pulled) = &mut pulled {
                        for rejected in &mut pulled.record.rejected {
                            rejected.location = Some((file.name.clone(), row.line));
                        }
                    }
                    Some(pulled).filter(|pulled| {
                        pulled.as_ref().map_or(true, |pulled| is_wanted(pulled.record.invoice.invoice_date))
                    })
                })
            }
            None => Ok(Page { records: Vec::new(), rejected: Vec::new(), next: None, total: Some(0) }),
        }
    }

    /// Invoices of a file that has a row for every line, wherever in the file the lines of an invoice stand.
    fn invoices_of_lines(
        &self,
        file: &TableFile,
        since: Option<NaiveDate>,
        after: Option<&Cursor>,
        identifiers: &Identifiers,
    ) -> Result<Page<PsaInvoiceDocument>, ConnectorError> {
        let index = match self.invoices.get() {
            Some(index) => index,
            None => {
                let built = Index::build(vec![file.clone()], &["invoiceid", "invoicenumber"])?;
                self.invoices.get_or_init(|| built)
            }
        };
        let start = after.map_or(Ok(0), |cursor| {
            let wrong = |_| ConnectorError::Unsupported(format!("`{}` is not a place in a directory", cursor.0));
            cursor.0.parse::<usize>().map_err(wrong)
        })?;
        let mut page = Page { records: Vec::new(), rejected: Vec::new(), next: None, total: None };
        let end = index.keys().len().min(start + PAGE_INVOICES);
        for key in index.keys().get(start..end).unwrap_or_default() {
            let rows: Vec<Row> = index.rows(key)?.into_iter().map(|(_, row)| row).collect();
            let (document, rejected) = assembled(file, &rows, identifiers);
            page.rejected.extend(rejected);
            page.records.extend(
                document.filter(|pulled| since.is_none_or(|since| pulled.record.invoice.invoice_date >= since)),
            );
        }
        if end < index.keys().len() {
            page.next = Some(Cursor(end.to_string()));
        } else {
            page.rejected.extend(index.rejected.iter().cloned());
        }
        Ok(page)
    }

    fn check(&self) -> AccountCheck {
        let mut check =
            AccountCheck { display_name: Some(self.folder.display().to_string()), ..AccountCheck::default() };
        for (kind, names, consequence) in [
            (CapabilityKind::Customers, &CUSTOMERS[..], "no company can be mapped"),
            (CapabilityKind::Products, &PRODUCTS[..], "no product can be mapped"),
            (CapabilityKind::Agreements, &LINES[..], "agreements cannot be compared"),
            (CapabilityKind::Invoices, &INVOICES[..], "nothing can be reconciled"),
        ] {
            let (state, advice) = match self.file(names) {
                Some(_) => (CapabilityState::Available, None),
                None => {
                    let alternatives = names.join("`, `");
                    let advice = format!("There is none of the files `{alternatives}`: {consequence}.");
                    (CapabilityState::Unsupported, Some(advice))
                }
            };
            check.remarks.extend(advice.clone());
            check.capabilities.push(Capability { kind, state, advice });
        }
        check
    }
}

/// An invoice with its lines in one row.
fn document(
    fields: &Fields<'_>,
    notes: &mut Vec<String>,
    identifiers: &Identifiers,
) -> Result<PsaInvoiceDocument, Reason> {
    let mut invoice = convert::invoice(fields, notes)?;
    invoice.total = decimal("total", fields.get(&["total"]))?.map(Price);
    let sent = fields.get(&["lines"]).map_or("[]", RawValue::get);
    let elements: Vec<&RawValue> =
        serde_json::from_str(sent).map_err(|error| format!("lines is not a list: {error}"))?;
    let mut document = PsaInvoiceDocument { invoice, lines: Vec::new(), rejected: Vec::new() };
    for (position, element) in elements.iter().enumerate() {
        let id = document.invoice.external_id.clone();
        let line =
            convert::pulled(element.get(), |fields, _| convert::invoice_line(fields, &id, position, identifiers));
        match line {
            Ok(line) => document.lines.push(line),
            Err(rejected) => document.rejected.push(named(&document.invoice, position, rejected)),
        }
    }
    Ok(document)
}

fn named(invoice: &PsaInvoice, position: usize, rejected: Rejected) -> Rejected {
    let reason = format!("line {} of invoice `{}`: {}", position + 1, invoice.external_id, rejected.reason);
    Rejected { reason, ..rejected }
}

/// An invoice whose head is repeated in every row; the first readable head counts.
fn assembled(
    file: &TableFile,
    rows: &[Row],
    identifiers: &Identifiers,
) -> (Option<Pulled<PsaInvoiceDocument>>, Vec<Rejected>) {
    let mut rejected = Vec::new();
    let mut head: Option<(PsaInvoice, Vec<String>)> = None;
    let mut lines: Vec<Pulled<PsaInvoiceLine>> = Vec::new();
    for (position, row) in rows.iter().enumerate() {
        let read = convert::pulled(&row.json, |fields, notes| {
            let invoice = convert::invoice(fields, notes)?;
            let line = convert::invoice_line(fields, &invoice.external_id, position, identifiers)?;
            Ok((invoice, line))
        });
        match read {
            Ok(Pulled { record: (invoice, line), raw, notes }) => {
                head.get_or_insert((invoice, notes));
                lines.push(Pulled { record: line, raw, notes: Vec::new() });
            }
            Err(error) => rejected.push(file.located(row.line, error)),
        }
    }
    let document = head.map(|(invoice, notes)| {
        let raw =
            format!(r#"{{"lines":[{}]}}"#, rows.iter().map(|row| row.json.as_str()).collect::<Vec<_>>().join(","));
        Pulled { record: PsaInvoiceDocument { invoice, lines, rejected: Vec::new() }, raw, notes }
    });
    (document, rejected)
}

#[async_trait]
impl Psa for FilePsa {
    async fn verify(&self) -> Result<AccountCheck, ConnectorError> {
        self.read(|files| Ok(files.check())).await
    }

    async fn customers(&self, after: Option<Cursor>) -> Result<Page<Customer>, ConnectorError> {
        self.read(move |files| files.list(&CUSTOMERS, after.as_ref(), convert::customer)).await
    }

    /// Files hold no contacts.
    async fn contacts(&self, _: &ExternalId, _: Option<Cursor>) -> Result<Page<Contact>, ConnectorError> {
        Ok(Page { records: Vec::new(), rejected: Vec::new(), next: None, total: Some(0) })
    }

    async fn products(&self, after: Option<Cursor>) -> Result<Page<PsaProduct>, ConnectorError> {
        self.read(move |files| files.list(&PRODUCTS, after.as_ref(), convert::product)).await
    }

    async fn agreement_lines(&self, after: Option<Cursor>) -> Result<Page<AgreementLine>, ConnectorError> {
        self.read(move |files| files.agreement_lines(after.as_ref())).await
    }

    async fn invoices(
        &self,
        since: Option<NaiveDate>,
        after: Option<Cursor>,
    ) -> Result<Page<PsaInvoiceDocument>, ConnectorError> {
        self.read(move |files| files.invoices(since, after.as_ref())).await
    }
}
