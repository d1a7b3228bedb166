//! Talking to the other systems: one trait for a marketplace, one for a PSA, and a folder for each connector.
//!
//! A connector turns a provider's pages into neutral records (`domain::record`) and keeps the raw text beside each. It
//! knows nothing about storage, mappings or billing rules. `wire.rs` is what a provider sends, `convert.rs` what we
//! make of it.

pub mod address;
pub mod draft;
pub mod failure;
pub mod file;
pub mod http;
pub mod json;
pub mod oauth;
pub mod oidc;
pub mod pax8;
pub mod psa;
pub mod setting;
pub mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use thiserror::Error;

use crate::domain::id::ExternalId;
use crate::domain::provider::Capability;
use crate::domain::record::{
    AgreementLine, Company, Contact, Customer, Pax8Product, PsaInvoice, PsaInvoiceLine, PsaProduct, Subscription,
    UsageLine, UsageSummary, VendorInvoice, VendorInvoiceLine, VendorPrice,
};

/// Where the next page begins; opaque, small, and good for as long as the sync run that stored it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// A record as read, beside the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled<T> {
    /// The neutral record.
    pub record: T,
    /// The provider's own JSON (or a JSON object made of a CSV row), character by character, with U+0000 replaced.
    pub raw: String,
    /// What was odd but kept, such as a status that this version does not know; each becomes a sync issue.
    pub notes: Vec<String>,
}

/// A row that could not be read. It is reported and counted, and nothing else is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The provider's id, where it could be read.
    pub external_id: Option<ExternalId>,
    /// File and line (1-based), for files.
    pub location: Option<(String, u64)>,
    /// Why, as a sentence fragment: ``amount `12,50` is not a decimal``.
    pub reason: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Records of the page.
    pub records: Vec<Pulled<T>>,
    /// Rows of the page that could not be read.
    pub rejected: Vec<Rejected>,
    /// Next page; `None` on the last one.
    pub next: Option<Cursor>,
    /// Number of records over all pages, where the provider says.
    pub total: Option<u64>,
}

/// An invoice of a PSA with its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsaInvoiceDocument {
    /// Head.
    pub invoice: PsaInvoice,
    /// Lines.
    pub lines: Vec<Pulled<PsaInvoiceLine>>,
    /// Lines that could not be read.
    pub rejected: Vec<Rejected>,
}

/// What a provider says about the account when asked whether the connection works.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountCheck {
    /// Name of the account, where the provider tells one.
    pub display_name: Option<String>,
    /// What is missing or was found out, each as a full sentence for a person.
    pub remarks: Vec<String>,
    /// What asking for one page of each list showed.
    pub capabilities: Vec<Capability>,
    /// Companies on the page that was read, by which an account is known again. Empty where ids are small numbers, which
    /// every account has.
    pub companies: Vec<ExternalId>,
}

/// Whether the credentials of Rev.io Billing were refused, which are others than those that the account is connected with.
pub fn is_of_billing(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Unauthorized { provider, .. } if *provider == psa::revio::BILLING)
}

/// Why a provider could not be used. Every variant says who can act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectorError {
    /// Key, secret or token refused (401, `access_denied`): a person has to connect again.
    #[error("{provider} refused the credentials: {message}")]
    Unauthorized {
        /// Provider as people call it.
        provider: &'static str,
        /// The provider's words, without secrets.
        message: String,
    },
    /// The credentials are good but do not allow this (403).
    #[error("{provider} does not allow this: {message}")]
    Forbidden {
        /// Provider as people call it.
        provider: &'static str,
        /// The provider's words, without secrets.
        message: String,
    },
    /// There is no such record (404).
    #[error("{provider} does not know {what}")]
    NotFound {
        /// Provider as people call it.
        provider: &'static str,
        /// Record that was asked for.
        what: String,
    },
    /// The request was understood and refused (400, 409, 422).
    #[error("{provider} refused the request: {message}")]
    Refused {
        /// Provider as people call it.
        provider: &'static str,
        /// The provider's code, where it gives one.
        code: Option<String>,
        /// The provider's words, without secrets.
        message: String,
    },
    /// Still limited after waiting as told (429).
    #[error("{provider} asks to wait")]
    RateLimited {
        /// Provider as people call it.
        provider: &'static str,
        /// How long to wait, where the provider says.
        retry_after: Option<Duration>,
    },
    /// Not reachable, timed out or answering 5xx, also after trying again.
    #[error("{provider} cannot be reached: {message}")]
    Unavailable {
        /// Provider as people call it.
        provider: &'static str,
        /// What happened, without secrets.
        message: String,
    },
    /// Answered with something that is not its API: HTML, broken JSON, a missing envelope.
    #[error("{provider} answered something that is not its API: {message}")]
    Malformed {
        /// Provider as people call it.
        provider: &'static str,
        /// What was found where.
        message: String,
    },
    /// The account was connected anew, or disconnected, while something was under way with what it had before.
    #[error("the connection to {provider} was replaced or ended while this was under way")]
    Superseded {
        /// Provider as people call it.
        provider: &'static str,
    },
    /// The connector cannot do this, by its nature or for lack of a setting; names the setting.
    #[error("{0}")]
    Unsupported(String),
}

/// A cloud marketplace: Pax8, or files in its shapes.
///
/// Lists may shift while they are read; callers de-duplicate by id. No list promises an order.
#[async_trait]
pub trait Marketplace: Send + Sync {
    /// Asks for as little as proves that the account works.
    async fn verify(&self) -> Result<AccountCheck, ConnectorError>;
    /// Companies.
    async fn companies(&self, after: Option<Cursor>) -> Result<Page<Company>, ConnectorError>;
    /// Contacts of a company.
    async fn contacts(&self, company: &ExternalId, after: Option<Cursor>) -> Result<Page<Contact>, ConnectorError>;
    /// Products.
    async fn products(&self, after: Option<Cursor>) -> Result<Page<Pax8Product>, ConnectorError>;
    /// Prices of a product; for one company where given.
    async fn prices(
        &self,
        product: &ExternalId,
        company: Option<&ExternalId>,
    ) -> Result<Page<VendorPrice>, ConnectorError>;
    /// Subscriptions in their present state.
    async fn subscriptions(&self, after: Option<Cursor>) -> Result<Page<Subscription>, ConnectorError>;
    /// All states of a subscription.
    async fn subscription_history(&self, subscription: &ExternalId) -> Result<Page<Subscription>, ConnectorError>;
    /// Invoices dated on or after `since`, or all.
    async fn invoices(
        &self,
        since: Option<NaiveDate>,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoice>, ConnectorError>;
    /// Lines of an invoice.
    async fn invoice_lines(
        &self,
        invoice: &VendorInvoice,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoiceLine>, ConnectorError>;
    /// Lines of the draft of this month's (`month_offset` 0) or the next month's (1) invoice.
    async fn draft_lines(
        &self,
        month_offset: u8,
        after: Option<Cursor>,
    ) -> Result<Page<VendorInvoiceLine>, ConnectorError>;
    /// Summaries of metered use of a subscription.
    async fn usage_summaries(
        &self,
        subscription: &ExternalId,
        after: Option<Cursor>,
    ) -> Result<Page<UsageSummary>, ConnectorError>;
    /// Metered use of a summary on one day.
    async fn usage_lines(
        &self,
        summary: &ExternalId,
        usage_date: NaiveDate,
        after: Option<Cursor>,
    ) -> Result<Page<UsageLine>, ConnectorError>;
}

/// A PSA: Rev.io PSA, or files from any other.
#[async_trait]
pub trait Psa: Send + Sync {
    /// Asks for as little as proves that the account works.
    async fn verify(&self) -> Result<AccountCheck, ConnectorError>;
    /// Customers.
    async fn customers(&self, after: Option<Cursor>) -> Result<Page<Customer>, ConnectorError>;
    /// Contacts of a customer.
    async fn contacts(&self, customer: &ExternalId, after: Option<Cursor>) -> Result<Page<Contact>, ConnectorError>;
    /// Items of the catalog.
    async fn products(&self, after: Option<Cursor>) -> Result<Page<PsaProduct>, ConnectorError>;
    /// Recurring lines of all agreements, also ended ones.
    async fn agreement_lines(&self, after: Option<Cursor>) -> Result<Page<AgreementLine>, ConnectorError>;
    /// Invoices with their lines, dated on or after `since`, or all.
    async fn invoices(
        &self,
        since: Option<NaiveDate>,
        after: Option<Cursor>,
    ) -> Result<Page<PsaInvoiceDocument>, ConnectorError>;
}
