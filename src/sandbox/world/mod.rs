//! The world that the sandbox serves: the records of both systems as text, from a directory or made from a seed.
//!
//! A world is a set of files. A seeded one is written to memory in the layout of a directory and read back from there,
//! so that both kinds are served by the same code and a written world gives the same answers.

mod catalog;
mod customers;
pub mod derived;
mod errors;
mod items;
mod names;
mod psa_billing;
mod psa_files;
mod random;
mod subscriptions;
mod table;
mod vendor_billing;
mod vendor_files;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDate};
use thiserror::Error;

pub use errors::Kind;
pub use psa_billing::Planted;
pub use table::{BadLine, Record, Table};

use random::Random;
use subscriptions::{Ground, Window};

/// Texts of files by their path inside the world's directory.
pub type Files = BTreeMap<String, String>;

/// Seed of the world that everybody sees who asks for none.
pub const DEFAULT_SEED: u64 = 20_261_006;

/// Day on which the default world is read.
pub fn default_today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 6).expect("a day of the calendar")
}

/// Why a world could not be read or written.
#[derive(Debug, Error)]
pub enum WorldError {
    /// A file could not be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// File.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// File.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// A line is not a JSON object.
    #[error("cannot read line {line} of `{path}`: {reason}")]
    Line {
        /// File inside the directory.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Reason.
        reason: String,
    },
    /// The day is too early or too late for a calendar of several years around it.
    #[error("cannot make a world for {0}: the year must lie between 2000 and 2200")]
    Day(NaiveDate),
}

/// The records of both systems.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    files: Files,
    today: NaiveDate,
    planted: Vec<Planted>,
    /// Companies at Pax8.
    pub companies: Table,
    /// Contacts by company, each record `{"companyId", "content"}`.
    pub company_contacts: Table,
    /// Products at Pax8.
    pub products: Table,
    /// Prices by product, each record `{"productId", "content"}`.
    pub pricing: Table,
    /// Orders, made from the subscriptions.
    pub orders: Table,
    /// Subscriptions in their present state.
    pub subscriptions: Table,
    /// States of subscriptions, grouped by subscription.
    pub history: Table,
    /// Invoices of Pax8.
    pub invoices: Table,
    /// Items by the id of their invoice.
    pub invoice_items: BTreeMap<String, Table>,
    /// Items of the drafts of this month's and the next month's invoice, made from the subscriptions.
    pub draft_items: [Table; 2],
    /// Use by resource group, grouped by subscription.
    pub usage_summaries: Table,
    /// Metered use, grouped by summary.
    pub usage_lines: Table,
    /// Customers of the PSA.
    pub customers: Table,
    /// Contacts of the PSA, grouped by customer.
    pub customer_contacts: Table,
    /// Items of the PSA's catalog.
    pub psa_products: Table,
    /// Contracts of the PSA.
    pub agreements: Table,
    /// Recurring lines, grouped by contract.
    pub agreement_lines: Table,
    /// Invoices of the PSA with their lines.
    pub psa_invoices: Table,
}

impl World {
    /// Makes a world: the same seed and day give the same bytes on every machine.
    pub fn seeded(seed: u64, today: NaiveDate) -> Result<Self, WorldError> {
        if !(2000..=2200).contains(&today.year()) {
            return Err(WorldError::Day(today));
        }
        let window = Window::ending(today);
        let products = catalog::products(seed);
        let people = customers::people(seed, today);
        let mut items = items::catalog(seed, &products, window.oldest_day(), window.months[2].first_day());
        let ground = Ground { window, products: &products, catalog: &items, people: &people };
        let subscriptions = subscriptions::subscriptions(seed, &ground);
        let prices = subscriptions::customer_prices(seed, &ground, &subscriptions);
        items.price_book.extend(prices);
        let ground = Ground { window, products: &products, catalog: &items, people: &people };
        let slips = errors::slips(seed, &ground, &subscriptions);
        let charged = vendor_billing::bill(seed, &ground, &subscriptions, &slips);
        let billed = psa_billing::bill(seed, &ground, &subscriptions, &charged, &slips);
        let mut files = vendor_files::write(seed, &ground, &subscriptions, &charged);
        files.extend(psa_files::write(seed, &ground, &billed));
        Ok(Self { planted: billed.planted, ..Self::from_files(files, Some(today))? })
    }

    /// Reads a directory. What a directory lacks is empty; its day is that of the last invoice of Pax8.
    pub fn from_directory(directory: &Path) -> Result<Self, WorldError> {
        let mut files = Files::new();
        let listed = directory.join("pax8/invoice_items");
        let mut paths: Vec<String> = FILES.iter().map(|&path| path.to_owned()).collect();
        if listed.is_dir() {
            let failed = |source| WorldError::Read { path: listed.clone(), source };
            for entry in std::fs::read_dir(&listed).map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                if let Some(name) = name.to_str().filter(|name| name.ends_with(".jsonl")) {
                    paths.push(format!("{ITEMS}{name}"));
                }
            }
        }
        for path in paths {
            let file = directory.join(&path);
            match std::fs::read_to_string(&file) {
                Ok(text) => drop(files.insert(path, text)),
                // A directory need not have everything, but it must be there.
                Err(error) if error.kind() == io::ErrorKind::NotFound && directory.is_dir() => {}
                Err(source) => return Err(WorldError::Read { path: file, source }),
            }
        }
        Self::from_files(files, None)
    }

    /// Writes the files into a directory, which is made when missing.
    pub fn write_to(&self, directory: &Path) -> Result<(), WorldError> {
        for (path, text) in &self.files {
            let file = directory.join(path);
            let failed = |source| WorldError::Write { path: file.clone(), source };
            let parent = file.parent().expect("a joined path has a parent");
            std::fs::create_dir_all(parent).map_err(failed)?;
            std::fs::write(&file, text).map_err(failed)?;
        }
        Ok(())
    }

    /// Texts of the files by their path.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Day on which both systems are read.
    pub fn today(&self) -> NaiveDate {
        self.today
    }

    /// What was put wrong, and where; empty for a world from a directory.
    pub fn planted(&self) -> &[Planted] {
        &self.planted
    }

    /// Reads the texts of files; without a day, it is that of the last invoice of Pax8.
    fn from_files(files: Files, today: Option<NaiveDate>) -> Result<Self, WorldError> {
        let table = |path: &str, id: &str, group: &str| {
            let text = files.get(path).map_or("", String::as_str);
            Table::read(text, id, group).map_err(|BadLine { line, reason }| WorldError::Line {
                path: path.to_owned(),
                line,
                reason,
            })
        };
        let invoices = table("pax8/invoices.jsonl", "id", "")?;
        let mut invoice_items = BTreeMap::new();
        for path in files.keys().filter(|path| path.starts_with(ITEMS)) {
            let id = path[ITEMS.len()..].trim_end_matches(".jsonl").to_owned();
            invoice_items.insert(id, table(path, "id", "")?);
        }
        let dates = invoices.all().iter().filter_map(|invoice| invoice.text("invoiceDate")?.parse().ok());
        let today = today.or_else(|| dates.max()).unwrap_or_else(default_today);
        let subscriptions = table("pax8/subscriptions.jsonl", "id", "companyId")?;
        let products = table("pax8/products.jsonl", "id", "")?;
        let companies = table("pax8/companies.jsonl", "id", "")?;
        let draft_items = derived::drafts(&subscriptions, &products, &companies, &invoices, today);
        Ok(Self {
            today,
            planted: Vec::new(),
            company_contacts: table("pax8/contacts.jsonl", "companyId", "")?,
            pricing: table("pax8/pricing.jsonl", "productId", "")?,
            orders: derived::orders(&subscriptions),
            history: table("pax8/subscription_history.jsonl", "", "id")?,
            invoices,
            invoice_items,
            draft_items,
            usage_summaries: table("pax8/usage_summaries.jsonl", "id", "subscriptionId")?,
            usage_lines: table("pax8/usage_lines.jsonl", "", "usageSummaryId")?,
            customers: table("psa/customers.jsonl", "id", "")?,
            customer_contacts: table("psa/contacts.jsonl", "id", "customerId")?,
            psa_products: table("psa/products.jsonl", "id", "")?,
            agreements: table("psa/agreements.jsonl", "id", "customerId")?,
            agreement_lines: table("psa/agreement_lines.jsonl", "id", "agreementId")?,
            psa_invoices: table("psa/invoices.jsonl", "id", "customerId")?,
            subscriptions,
            products,
            companies,
            files,
        })
    }
}

const ITEMS: &str = "pax8/invoice_items/";

const FILES: &[&str] = &[
    "pax8/companies.jsonl",
    "pax8/contacts.jsonl",
    "pax8/products.jsonl",
    "pax8/pricing.jsonl",
    "pax8/subscriptions.jsonl",
    "pax8/subscription_history.jsonl",
    "pax8/invoices.jsonl",
    "pax8/usage_summaries.jsonl",
    "pax8/usage_lines.jsonl",
    "psa/customers.jsonl",
    "psa/contacts.jsonl",
    "psa/products.jsonl",
    "psa/agreements.jsonl",
    "psa/agreement_lines.jsonl",
    "psa/invoices.jsonl",
    "psa/price_book.csv",
    "gold/customer_mapping.csv",
    "gold/product_mapping.csv",
];

/// A text that differs for every serial number.
pub fn unguessable(serial: u64) -> String {
    Random::for_part(serial, "tokens").uuid()
}

/// A person to talk to.
struct Person {
    given: &'static str,
    family: &'static str,
    email: String,
}

/// The people of a company or customer; both systems know the same ones.
fn people_of(seed: u64, owner: &str, place: &customers::Place) -> Vec<Person> {
    let mut random = Random::for_part(seed, owner);
    let count = 1 + random.below(2);
    let people = (0..count).map(|_| {
        let (given, family) = names::person(&mut random);
        let domain = if place.domain.is_empty() { "mail.example" } else { &place.domain };
        let email = format!("{given}.{family}@{domain}").to_ascii_lowercase();
        Person { given, family, email }
    });
    people.collect()
}
