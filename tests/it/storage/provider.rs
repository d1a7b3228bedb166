//! Both providers of a test, as lists that the test writes down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::NaiveDate;
use concord::connector::oauth::delegated::GrantedTokens;
use concord::connector::{
    AccountCheck, ConnectorError, Cursor, Marketplace, Page, Psa, PsaInvoiceDocument, Pulled, Rejected,
};
use concord::domain::id::ExternalId;
use concord::domain::provider::ProviderAccount;
use concord::domain::record::{
    Address, AgreementLine, Company, Contact, Customer, Known, Pax8Product, PsaInvoice, PsaInvoiceLine, PsaProduct,
    Subscription, UsageLine, UsageSummary, VendorInvoice, VendorInvoiceLine, VendorLineKind, VendorPrice,
};
use concord::service::Connectors;
use concord::service::Recording;
use concord::service::sealing::SealedPlace;
use concord::storage::account::SealedCredentials;
use concord::storage::provider_token::NewTokens;

type Answer<T> = Result<Page<T>, ConnectorError>;

/// What the providers answer.
#[derive(Default)]
pub struct Script {
    pub companies: Vec<Page<Company>>,
    pub subscriptions: Vec<Page<Subscription>>,
    pub histories: BTreeMap<String, Vec<Pulled<Subscription>>>,
    pub prices: BTreeMap<String, Vec<Pulled<VendorPrice>>>,
    pub vendor_invoices: Vec<Page<VendorInvoice>>,
    /// Lines by invoice; an invoice that is missing here is not found.
    pub vendor_lines: BTreeMap<String, Vec<Pulled<VendorInvoiceLine>>>,
    /// Lines of the drafts of this month and of the next one; none where none is written down.
    pub drafts: BTreeMap<u8, Answer<VendorInvoiceLine>>,
    pub customers: Vec<Page<Customer>>,
    pub psa_invoices: Vec<Page<PsaInvoiceDocument>>,
}

/// Both providers.
#[derive(Clone, Default)]
pub struct Provider(Arc<Mutex<Script>>);

impl Provider {
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list in one page, counted by the provider.
pub fn page<T>(records: Vec<Pulled<T>>) -> Page<T> {
    let total = u64::try_from(records.len()).ok();
    Page { records, rejected: Vec::new(), next: None, total }
}

/// A list in pages, each with the count that the provider told with it.
pub fn pages<T>(pages: Vec<(Vec<Pulled<T>>, Option<u64>)>) -> Vec<Page<T>> {
    let last = pages.len() - 1;
    let page = |(at, (records, total)): (usize, (Vec<Pulled<T>>, Option<u64>))| Page {
        records,
        rejected: Vec::new(),
        next: (at < last).then(|| Cursor((at + 1).to_string())),
        total,
    };
    pages.into_iter().enumerate().map(page).collect()
}

pub fn pulled<T: std::fmt::Debug>(record: T) -> Pulled<T> {
    Pulled { raw: format!("{record:?}"), record, notes: Vec::new() }
}

pub fn rejected(reason: &str) -> Rejected {
    Rejected { external_id: None, location: None, reason: reason.to_owned() }
}

pub fn company(id: &str, name: &str) -> Pulled<Company> {
    pulled(Company {
        external_id: id.into(),
        name: name.to_owned(),
        status: None,
        address: Address::default(),
        phone: None,
        website: None,
        partner_reference: None,
        is_billed_by_pax8: None,
        is_self_service_allowed: None,
        is_order_approval_required: None,
        updated_at: None,
    })
}

pub fn subscription(id: &str, product: &str, quantity: i64) -> Subscription {
    Subscription {
        external_id: id.into(),
        company_external_id: "c1".into(),
        product_external_id: product.into(),
        parent_external_id: None,
        quantity: Some(quantity.into()),
        start_date: None,
        end_date: None,
        created_at: None,
        updated_at: None,
        billing_start: None,
        status: None,
        price: None,
        cost: None,
        currency: None,
        billing_term: None,
        commitment_term: None,
        commitment_end: None,
    }
}

pub fn price(product: &str, suggested: i64) -> Pulled<VendorPrice> {
    pulled(VendorPrice {
        product_external_id: product.into(),
        billing_term: None,
        commitment_term: None,
        currency: None,
        range_start: None,
        range_end: None,
        cost: None,
        suggested_price: Some(concord::domain::record::Price(suggested.into())),
        charge_type: None,
    })
}

pub fn vendor_invoice(id: &str) -> Pulled<VendorInvoice> {
    pulled(VendorInvoice {
        external_id: id.into(),
        invoice_date: NaiveDate::from_ymd_opt(2026, 3, 1).expect("a day"),
        due_date: None,
        status: None,
        total: None,
        balance: None,
        carried_balance: None,
        currency: None,
        company_external_id: None,
    })
}

pub fn vendor_line(id: &str, invoice: &str, product: &str) -> Pulled<VendorInvoiceLine> {
    pulled(VendorInvoiceLine {
        external_id: id.into(),
        invoice_external_id: invoice.into(),
        kind: Known::Known(VendorLineKind::Subscription),
        company_external_id: None,
        company_name: None,
        subscription_external_id: None,
        product_external_id: Some(product.into()),
        product_name: None,
        sku: None,
        description: None,
        period_start: None,
        period_end: None,
        term: None,
        quantity: None,
        charge_type: None,
        price: None,
        subtotal: None,
        cost: None,
        cost_total: None,
        amount_due: None,
        sales_tax: None,
        currency: None,
        is_billed_by_pax8: false,
    })
}

/// A line of a draft: seats of a month.
pub fn draft_line(subscription: &str, start: &str) -> Pulled<VendorInvoiceLine> {
    let line = vendor_line("sent without an id", "draft", "p").record;
    pulled(VendorInvoiceLine {
        subscription_external_id: Some(subscription.into()),
        period_start: Some(start.parse().expect("a day")),
        term: Some(Known::Known(concord::domain::record::BillingTerm::Monthly)),
        currency: Some(concord::domain::money::Currency::USD),
        ..line
    })
}

/// An invoice of the PSA with these lines.
pub fn psa_invoice(id: &str, lines: &[&str]) -> Pulled<PsaInvoiceDocument> {
    let line = |line: &&str| {
        pulled(PsaInvoiceLine {
            external_id: (*line).into(),
            invoice_external_id: id.into(),
            agreement_line_external_id: None,
            product_external_id: None,
            description: None,
            quantity: None,
            unit_price: None,
            amount: None,
            period_start: None,
            period_end: None,
        })
    };
    pulled(PsaInvoiceDocument {
        invoice: PsaInvoice {
            external_id: id.into(),
            number: None,
            customer_external_id: "k1".into(),
            invoice_date: NaiveDate::from_ymd_opt(2026, 3, 1).expect("a day"),
            currency: None,
            total: None,
            status: None,
        },
        lines: lines.iter().map(line).collect(),
        rejected: Vec::new(),
    })
}

fn nothing<T>() -> Answer<T> {
    Ok(Page { records: Vec::new(), rejected: Vec::new(), next: None, total: Some(0) })
}

fn at<T: Clone>(pages: &[Page<T>], after: Option<Cursor>) -> Answer<T> {
    let place = after.map_or(0, |cursor| cursor.0.parse().expect("a cursor of ours"));
    if pages.is_empty() { nothing() } else { Ok(pages[place].clone()) }
}

fn of<T: Clone>(lists: &BTreeMap<String, Vec<Pulled<T>>>, id: &ExternalId) -> Answer<T> {
    match lists.get(id.as_str()) {
        Some(records) => Ok(page(records.clone())),
        None => Err(ConnectorError::NotFound { provider: "Pax8", what: format!("`{id}`") }),
    }
}

#[async_trait]
impl Marketplace for Provider {
    async fn verify(&self) -> Result<AccountCheck, ConnectorError> {
        Ok(AccountCheck::default())
    }
    async fn companies(&self, after: Option<Cursor>) -> Answer<Company> {
        at(&self.script().companies, after)
    }
    async fn contacts(&self, _: &ExternalId, _: Option<Cursor>) -> Answer<Contact> {
        nothing()
    }
    async fn products(&self, _: Option<Cursor>) -> Answer<Pax8Product> {
        nothing()
    }
    async fn prices(&self, product: &ExternalId, _: Option<&ExternalId>) -> Answer<VendorPrice> {
        of(&self.script().prices, product)
    }
    async fn subscriptions(&self, after: Option<Cursor>) -> Answer<Subscription> {
        at(&self.script().subscriptions, after)
    }
    async fn subscription_history(&self, subscription: &ExternalId) -> Answer<Subscription> {
        of(&self.script().histories, subscription)
    }
    async fn invoices(&self, _: Option<NaiveDate>, after: Option<Cursor>) -> Answer<VendorInvoice> {
        at(&self.script().vendor_invoices, after)
    }
    async fn invoice_lines(&self, invoice: &VendorInvoice, _: Option<Cursor>) -> Answer<VendorInvoiceLine> {
        of(&self.script().vendor_lines, &invoice.external_id)
    }
    async fn draft_lines(&self, month_offset: u8, _: Option<Cursor>) -> Answer<VendorInvoiceLine> {
        self.script().drafts.get(&month_offset).cloned().unwrap_or_else(nothing)
    }
    async fn usage_summaries(&self, _: &ExternalId, _: Option<Cursor>) -> Answer<UsageSummary> {
        nothing()
    }
    async fn usage_lines(&self, _: &ExternalId, _: NaiveDate, _: Option<Cursor>) -> Answer<UsageLine> {
        nothing()
    }
}

#[async_trait]
impl Psa for Provider {
    async fn verify(&self) -> Result<AccountCheck, ConnectorError> {
        Ok(AccountCheck::default())
    }
    async fn customers(&self, after: Option<Cursor>) -> Answer<Customer> {
        at(&self.script().customers, after)
    }
    async fn contacts(&self, _: &ExternalId, _: Option<Cursor>) -> Answer<Contact> {
        nothing()
    }
    async fn products(&self, _: Option<Cursor>) -> Answer<PsaProduct> {
        nothing()
    }
    async fn agreement_lines(&self, _: Option<Cursor>) -> Answer<AgreementLine> {
        nothing()
    }
    async fn invoices(&self, _: Option<NaiveDate>, after: Option<Cursor>) -> Answer<PsaInvoiceDocument> {
        at(&self.script().psa_invoices, after)
    }
}

#[async_trait]
impl Connectors for Provider {
    async fn marketplace(
        &self,
        _: &ProviderAccount,
        _: &SealedCredentials,
        _: Recording,
    ) -> Result<Arc<dyn Marketplace>, ConnectorError> {
        Ok(Arc::new(self.clone()))
    }
    async fn psa(
        &self,
        _: &ProviderAccount,
        _: &SealedCredentials,
        _: Recording,
    ) -> Result<Arc<dyn Psa>, ConnectorError> {
        Ok(Arc::new(self.clone()))
    }
    fn seal(&self, _: &ProviderAccount, _: SealedPlace, _: &secrecy::SecretString) -> String {
        "sealed".to_owned()
    }

    fn seal_tokens(&self, _: &ProviderAccount, _: &GrantedTokens, _: &str) -> NewTokens {
        unreachable!("nobody is authorized in these tests")
    }
}
