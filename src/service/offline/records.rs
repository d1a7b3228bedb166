//! Reading a directory completely: lines and prices go straight into the comparison, and what mappings are made from is
//! kept.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use chrono::NaiveDate;

use super::text_of;
use crate::connector::draft::{self, Draft};
use crate::connector::file::{FileMarketplace, FilePsa};
use crate::connector::{ConnectorError, Cursor, Marketplace as _, Page, Psa as _, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::period::Period;
use crate::domain::record::{Company, Customer, Pax8Product, PsaProduct, Subscription, VendorInvoice, VendorPrice};
use crate::service::mapping_files::{PRICES, read_prices};
use crate::service::reconciliation::intake::Intake;

/// What a directory says.
#[derive(Default)]
pub(super) struct Records {
    pub(super) intake: Intake,
    pub(super) companies: Vec<Company>,
    pub(super) products: Vec<Pax8Product>,
    pub(super) vendor_prices: Vec<VendorPrice>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) customers: Vec<Customer>,
    pub(super) items: Vec<PsaProduct>,
    /// Customers with agreement lines.
    pub(super) customers_with_agreements: HashSet<ExternalId>,
    /// The latest day on which something was recorded.
    pub(super) latest_day: Option<NaiveDate>,
    vendor_months: BTreeSet<Period>,
    psa_months: BTreeSet<Period>,
}

impl Records {
    pub(super) async fn read(directory: &Path) -> Result<Self, ConnectorError> {
        let (pax8, psa) = (FileMarketplace::open(directory)?, FilePsa::open(directory)?);
        let mut records = Self::default();
        records.read_catalog(&pax8).await?;
        records.read_subscriptions(&pax8).await?;
        records.read_vendor_invoices(&pax8).await?;
        records.read_psa(&psa).await?;
        records.read_price_book(directory)?;
        Ok(records)
    }

    /// The latest month in which both sides have invoices.
    pub(super) fn latest_common_month(&self) -> Option<Period> {
        self.vendor_months.iter().rev().find(|month| self.psa_months.contains(month)).copied()
    }

    fn saw(&mut self, day: Option<NaiveDate>) {
        self.latest_day = self.latest_day.max(day);
    }

    fn reject(&mut self, side: &str, rejected: Vec<Rejected>) {
        for row in rejected {
            let place = row.location.map(|(file, line)| format!("{side}/{file}:{line}"));
            let id = place.or(row.external_id.map(|id| id.to_string())).unwrap_or_else(|| side.to_owned());
            self.intake.leave_out("row", id, row.reason);
        }
    }

    /// Every record of a list, page by page.
    async fn each<T>(
        &mut self,
        side: &str,
        mut fetch: impl AsyncFnMut(Option<Cursor>) -> Result<Page<T>, ConnectorError>,
        mut take: impl FnMut(&mut Self, T),
    ) -> Result<(), ConnectorError> {
        let mut after = None;
        loop {
            let page = fetch(after).await?;
            for pulled in page.records {
                take(self, pulled.record);
            }
            self.reject(side, page.rejected);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn read_catalog(&mut self, pax8: &FileMarketplace) -> Result<(), ConnectorError> {
        self.each(
            PAX8,
            async |after| pax8.companies(after).await,
            |records, company| {
                records.intake.builder.add_company(&company);
                records.companies.push(company);
            },
        )
        .await?;
        self.each(
            PAX8,
            async |after| pax8.products(after).await,
            |records, product| {
                records.intake.add_product(&product);
                records.products.push(product);
            },
        )
        .await?;
        let products: Vec<ExternalId> = self.products.iter().map(|product| product.external_id.clone()).collect();
        for product in products {
            let page = pax8.prices(&product, None).await?;
            self.reject(PAX8, page.rejected);
            for pulled in page.records {
                let taken = self.intake.builder.add_vendor_price(&pulled.record);
                self.intake.check(taken);
                self.vendor_prices.push(pulled.record);
            }
        }
        Ok(())
    }

    fn add_subscription(&mut self, state: &Subscription) {
        let moments = [state.created_at, state.updated_at];
        self.saw(moments.into_iter().flatten().map(|moment| moment.date_naive()).max());
        let taken = self.intake.builder.add_subscription(state);
        self.intake.check(taken);
    }

    async fn read_subscriptions(&mut self, pax8: &FileMarketplace) -> Result<(), ConnectorError> {
        self.each(
            PAX8,
            async |after| pax8.subscriptions(after).await,
            |records, subscription| {
                records.add_subscription(&subscription);
                records.subscriptions.push(subscription);
            },
        )
        .await?;
        let subscriptions: Vec<ExternalId> = self.subscriptions.iter().map(|found| found.external_id.clone()).collect();
        for subscription in subscriptions {
            let page = pax8.subscription_history(&subscription).await?;
            self.reject(PAX8, page.rejected);
            for pulled in page.records {
                self.add_subscription(&pulled.record);
            }
        }
        Ok(())
    }

    async fn read_vendor_invoices(&mut self, pax8: &FileMarketplace) -> Result<(), ConnectorError> {
        let mut invoices: Vec<VendorInvoice> = Vec::new();
        self.each(
            PAX8,
            async |after| pax8.invoices(None, after).await,
            |records, invoice| {
                records.saw(Some(invoice.invoice_date));
                records.vendor_months.insert(Period::of(invoice.invoice_date));
                let taken = records.intake.builder.add_vendor_invoice(&invoice);
                records.intake.check(taken);
                invoices.push(invoice);
            },
        )
        .await?;
        for invoice in &invoices {
            self.each(
                PAX8,
                async |after| pax8.invoice_lines(invoice, after).await,
                |records, line| {
                    let taken = records.intake.builder.add_vendor_line(&line);
                    records.intake.check(taken);
                },
            )
            .await?;
        }
        self.read_draft(pax8).await
    }

    /// What Pax8 forecasts for the month after the last invoices.
    async fn read_draft(&mut self, pax8: &FileMarketplace) -> Result<(), ConnectorError> {
        // The lines say which month it is; where they do not, it is the one after the last invoice.
        let last = self.vendor_months.last().map(|month| month.first_day()).or(self.latest_day);
        let drafts = draft::read(pax8, 1, last.unwrap_or_default()).await?;
        self.reject(PAX8, drafts.rejected);
        for Draft { invoice, lines } in drafts.drafts {
            let taken = self.intake.builder.add_vendor_invoice(&invoice.record);
            self.intake.check(taken);
            for line in lines {
                let taken = self.intake.builder.add_vendor_line(&line.record);
                self.intake.check(taken);
            }
        }
        Ok(())
    }

    async fn read_psa(&mut self, psa: &FilePsa) -> Result<(), ConnectorError> {
        self.each(
            PSA,
            async |after| psa.customers(after).await,
            |records, customer| {
                records.intake.builder.add_customer(&customer);
                records.customers.push(customer);
            },
        )
        .await?;
        self.each(
            PSA,
            async |after| psa.products(after).await,
            |records, item| {
                records.intake.add_item(&item);
                records.items.push(item);
            },
        )
        .await?;
        self.each(
            PSA,
            async |after| psa.agreement_lines(after).await,
            |records, line| {
                records.customers_with_agreements.insert(line.customer_external_id.clone());
                let taken = records.intake.builder.add_agreement_line(&line);
                records.intake.check(taken);
            },
        )
        .await?;
        self.each(
            PSA,
            async |after| psa.invoices(None, after).await,
            |records, document| {
                records.saw(Some(document.invoice.invoice_date));
                records.psa_months.insert(Period::of(document.invoice.invoice_date));
                records.intake.builder.add_psa_invoice(&document.invoice);
                records.reject(PSA, document.rejected);
                for line in document.lines {
                    let taken = records.intake.builder.add_psa_line(&line.record);
                    records.intake.check(taken);
                }
            },
        )
        .await
    }

    /// Dated prices, which no PSA's list of records carries.
    fn read_price_book(&mut self, directory: &Path) -> Result<(), ConnectorError> {
        let failed = |message: String| ConnectorError::Unavailable { provider: "the directory", message };
        for folder in [directory.join(PSA), directory.join(PSA).join("csv"), directory.to_owned()] {
            let unreadable = |error| failed(format!("cannot read `{PRICES}`: {error}"));
            let Some(text) = text_of(&folder, PRICES).map_err(unreadable)? else { continue };
            let (rows, rejected) = read_prices(&text).map_err(|error| failed(error.message))?;
            for row in rejected {
                self.intake.leave_out("row", format!("{PSA}/{}:{}", row.file, row.line), row.reason);
            }
            for line in rows {
                let taken = self.intake.builder.add_book_price(&line.row);
                self.intake.check(taken);
            }
            break;
        }
        Ok(())
    }
}

const PAX8: &str = "pax8";
const PSA: &str = "psa";
