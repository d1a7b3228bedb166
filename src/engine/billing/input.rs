//! What a reconciliation looks at, in compact form and in one canonical order, so that the order in which records came
//! in cannot matter. Made by [`super::InputBuilder`].

use chrono::{DateTime, NaiveDate, Utc};

use super::amount::{Amount, Maybe};
use super::intern::{
    AgreementLineRef, AgreementRef, CompanyRef, CustomerRef, ItemRef, ProductRef, PsaInvoiceRef, PsaLineRef, Reference,
    Sealed, SubscriptionRef, Texts, VendorInvoiceRef, VendorLineRef,
};
use crate::domain::money::Currency;
use crate::domain::period::Period;
use crate::domain::record::{BillingTerm, Known};

/// Why a record is left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExclusionReason {
    /// The MSP uses it itself.
    InternalUse,
    /// Pax8 bills the customer itself.
    BilledByPax8,
    /// It is not sold on.
    NotResold,
    /// Not a customer yet.
    Prospect,
    /// Another reason.
    Other,
}

/// Whether a person agreed to a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// A person did.
    Confirmed,
    /// The machine mapped it by itself; nobody looked yet.
    Suggested,
}

/// What a mapped product is in the PSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MappingRole {
    /// It is billed as the item.
    Billed,
    /// It is part of the item's price: nothing is expected for it, its cost counts.
    Included,
}

/// Whether the last day of a service period, as Pax8 writes it, lies inside the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodEnd {
    /// 1 to 31 October is a month.
    Inclusive,
    /// 1 October to 1 November is a month.
    Exclusive,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CompanyRow {
    pub(super) name: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CustomerRow {
    pub(super) name: Box<str>,
    pub(super) parent: Option<CustomerRef>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ProductRow {
    pub(super) name: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Cycle {
    Monthly,
    Annual,
    Usage,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ItemRow {
    pub(super) name: Box<str>,
    pub(super) unit_price: Maybe,
    pub(super) currency: Option<Currency>,
    pub(super) cycle: Option<Cycle>,
    pub(super) markup_percent: Maybe,
}

/// One state of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Revision {
    pub(super) updated_at: Option<DateTime<Utc>>,
    pub(super) billing_start: Option<NaiveDate>,
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    pub(super) is_canceled: bool,
    pub(super) quantity: Maybe,
    pub(super) price: Maybe,
    pub(super) currency: Option<Currency>,
    pub(super) term: Option<BillingTerm>,
    pub(super) commitment: Option<Commitment>,
    pub(super) company: CompanyRef,
    pub(super) product: ProductRef,
}

/// A subscription with its states, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SubscriptionRow {
    pub(super) revisions: Vec<Revision>,
}

/// A quantity or a price that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// First day of what came after.
    pub(super) day: NaiveDate,
    pub(super) before: Amount,
    pub(super) after: Amount,
}

/// For how long a subscription binds, whatever the spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Commitment {
    /// Month to month; also where there is none.
    Monthly,
    OneTime,
    Years(u8),
    /// Another one, in folded spelling.
    Other(Box<str>),
}

impl Commitment {
    pub(super) fn fold(text: &str) -> Self {
        match BillingTerm::parse(text) {
            Known::Known(BillingTerm::Monthly) => Self::Monthly,
            Known::Known(BillingTerm::OneTime) => Self::OneTime,
            Known::Known(BillingTerm::Annual) => Self::Years(1),
            Known::Known(BillingTerm::TwoYear) => Self::Years(2),
            Known::Known(BillingTerm::ThreeYear) => Self::Years(3),
            Known::Known(other) => Self::Other(other.as_str().into()),
            Known::Unrecognized(text) if text.trim().is_empty() => Self::Monthly,
            Known::Unrecognized(text) => Self::Other(text.trim().to_lowercase().into()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AgreementLineRow {
    pub(super) agreement: AgreementRef,
    pub(super) customer: CustomerRef,
    pub(super) item: Option<ItemRef>,
    pub(super) quantity: Maybe,
    pub(super) included: Maybe,
    pub(super) unit_price: Maybe,
    pub(super) currency: Option<Currency>,
    pub(super) bills_in_arrears: bool,
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
}

impl AgreementLineRow {
    pub(super) fn is_active_on(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum InvoiceStanding {
    Counts,
    /// A draft: of Pax8 it counts until the invoice comes, of the PSA it counts; either makes the month provisional.
    Draft,
    Credited,
    Void,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct VendorInvoiceRow {
    pub(super) date: NaiveDate,
    pub(super) standing: InvoiceStanding,
    pub(super) total: Maybe,
    pub(super) carried_balance: Maybe,
    pub(super) currency: Option<Currency>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PsaInvoiceRow {
    pub(super) date: NaiveDate,
    pub(super) customer: CustomerRef,
    pub(super) standing: InvoiceStanding,
    pub(super) currency: Option<Currency>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LineKind {
    Subscription,
    Prorate,
    OneTime,
    ServiceCredit,
    /// Rebates, fees and credits of the account.
    Account,
    Unrecognized,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct VendorLine {
    pub(super) invoice: VendorInvoiceRef,
    pub(super) company: Option<CompanyRef>,
    pub(super) subscription: Option<SubscriptionRef>,
    pub(super) product: Option<ProductRef>,
    pub(super) currency: Option<Currency>,
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    pub(super) kind: LineKind,
    pub(super) term: Option<BillingTerm>,
    pub(super) is_flat: bool,
    pub(super) is_billed_by_pax8: bool,
    pub(super) quantity: Maybe,
    pub(super) subtotal: Maybe,
    pub(super) cost: Maybe,
    pub(super) cost_total: Maybe,
    pub(super) amount_due: Maybe,
    pub(super) sales_tax: Maybe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PsaLine {
    pub(super) invoice: PsaInvoiceRef,
    pub(super) agreement_line: Option<AgreementLineRef>,
    pub(super) item: Option<ItemRef>,
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    pub(super) quantity: Maybe,
    pub(super) unit_price: Maybe,
    pub(super) amount: Maybe,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BookPrice {
    pub(super) item: ItemRef,
    pub(super) customer: Option<CustomerRef>,
    pub(super) currency: Currency,
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
    pub(super) price: Amount,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ListPrice {
    pub(super) product: ProductRef,
    pub(super) term: Option<BillingTerm>,
    pub(super) commitment: Commitment,
    pub(super) currency: Option<Currency>,
    pub(super) range_start: Maybe,
    pub(super) range_end: Maybe,
    pub(super) price: Amount,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CompanyRule {
    pub(super) company: CompanyRef,
    pub(super) customer: CustomerRef,
    pub(super) standing: Standing,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ProductRule {
    pub(super) product: ProductRef,
    pub(super) customer: Option<CustomerRef>,
    pub(super) term: Option<BillingTerm>,
    pub(super) commitment: Option<Commitment>,
    pub(super) item: ItemRef,
    pub(super) factor: Amount,
    pub(super) role: MappingRole,
    pub(super) standing: Standing,
}

/// Everything that a reconciliation looks at, sealed.
pub struct Input {
    pub(super) first: Period,
    pub(super) last: Period,
    pub(super) as_of: NaiveDate,
    pub(super) period_end: PeriodEnd,
    pub(super) companies: Sealed<CompanyRow>,
    pub(super) customers: Sealed<CustomerRow>,
    pub(super) products: Sealed<ProductRow>,
    pub(super) items: Sealed<ItemRow>,
    pub(super) subscriptions: Sealed<SubscriptionRow>,
    pub(super) agreements: Sealed<()>,
    pub(super) agreement_lines: Sealed<AgreementLineRow>,
    pub(super) vendor_invoices: Sealed<VendorInvoiceRow>,
    pub(super) psa_invoices: Sealed<PsaInvoiceRow>,
    pub(super) vendor_lines: Vec<VendorLine>,
    pub(super) vendor_line_ids: Texts,
    pub(super) psa_lines: Vec<PsaLine>,
    pub(super) psa_line_ids: Texts,
    pub(super) book_prices: Vec<BookPrice>,
    pub(super) list_prices: Vec<ListPrice>,
    /// Of each company, sorted.
    pub(super) company_rules: Vec<CompanyRule>,
    /// Sorted by product.
    pub(super) product_rules: Vec<ProductRule>,
    pub(super) excluded_companies: Vec<(CompanyRef, ExclusionReason)>,
    pub(super) excluded_customers: Vec<(CustomerRef, ExclusionReason)>,
    pub(super) excluded_products: Vec<(ProductRef, ExclusionReason)>,
    pub(super) digest: [u8; 32],
}

impl Input {
    /// Id of a company at Pax8.
    pub fn company_id(&self, company: CompanyRef) -> &str {
        self.companies.id(company)
    }

    /// Name of a company; its id where the record is missing.
    pub fn company_name(&self, company: CompanyRef) -> &str {
        self.companies.get(company).map_or_else(|| self.companies.id(company), |row| &row.name)
    }

    /// Id of a customer at the PSA.
    pub fn customer_id(&self, customer: CustomerRef) -> &str {
        self.customers.id(customer)
    }

    /// Name of a customer; its id where the record is missing.
    pub fn customer_name(&self, customer: CustomerRef) -> &str {
        self.customers.get(customer).map_or_else(|| self.customers.id(customer), |row| &row.name)
    }

    /// Id of a product at Pax8.
    pub fn product_id(&self, product: ProductRef) -> &str {
        self.products.id(product)
    }

    /// Name of a product; its id where the record is missing.
    pub fn product_name(&self, product: ProductRef) -> &str {
        self.products.get(product).map_or_else(|| self.products.id(product), |row| &row.name)
    }

    /// Id of an item at the PSA.
    pub fn item_id(&self, item: ItemRef) -> &str {
        self.items.id(item)
    }

    /// Name of an item; its id where the record is missing.
    pub fn item_name(&self, item: ItemRef) -> &str {
        self.items.get(item).map_or_else(|| self.items.id(item), |row| &row.name)
    }

    /// Id of a subscription at Pax8.
    pub fn subscription_id(&self, subscription: SubscriptionRef) -> &str {
        self.subscriptions.id(subscription)
    }

    /// Id of an agreement at the PSA.
    pub fn agreement_id(&self, agreement: AgreementRef) -> &str {
        self.agreements.id(agreement)
    }

    /// Id of an agreement line at the PSA.
    pub fn agreement_line_id(&self, line: AgreementLineRef) -> &str {
        self.agreement_lines.id(line)
    }

    /// Id of an invoice of Pax8.
    pub fn vendor_invoice_id(&self, invoice: VendorInvoiceRef) -> &str {
        self.vendor_invoices.id(invoice)
    }

    /// Id of a line of an invoice of Pax8.
    pub fn vendor_line_id(&self, line: VendorLineRef) -> &str {
        self.vendor_line_ids.get(line.index())
    }

    /// Id of a line of an invoice of the PSA.
    pub fn psa_line_id(&self, line: PsaLineRef) -> &str {
        self.psa_line_ids.get(line.index())
    }

    /// First and last period reconciled.
    pub fn periods(&self) -> (Period, Period) {
        (self.first, self.last)
    }

    /// The day from which the run looks.
    pub fn as_of(&self) -> NaiveDate {
        self.as_of
    }

    /// How the account writes the end of service periods, as its whole-month lines show.
    pub fn period_end(&self) -> PeriodEnd {
        self.period_end
    }

    /// Numbers of vendor lines and of PSA lines, those outside the periods included.
    pub fn line_counts(&self) -> (usize, usize) {
        (self.vendor_lines.len(), self.psa_lines.len())
    }

    pub(super) fn vendor_line(&self, line: VendorLineRef) -> &VendorLine {
        &self.vendor_lines[line.index()]
    }

    pub(super) fn psa_line(&self, line: PsaLineRef) -> &PsaLine {
        &self.psa_lines[line.index()]
    }

    /// The customer that counts, where records were merged. A circle of parents ends where it began.
    pub(super) fn counting_customer(&self, customer: CustomerRef) -> CustomerRef {
        let mut counting = customer;
        for _ in 0..16 {
            match self.customers.get(counting).and_then(|row| row.parent) {
                Some(parent) if parent != customer => counting = parent,
                _ => return counting,
            }
        }
        customer
    }

    pub(super) fn item_cycle(&self, item: ItemRef) -> Option<Cycle> {
        self.items.get(item).and_then(|row| row.cycle)
    }
}
