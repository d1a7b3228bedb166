//! The records that Concord reads from a marketplace and from a PSA, in their neutral form.
//!
//! A connector makes them, storage keeps them, the engines read them. `None` means that the provider did not say;
//! it is never a zero. Cost is what the MSP pays, price is what its customer pays; they are different types.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::id::ExternalId;
use super::money::Currency;

/// What the MSP pays, in major units of the currency named beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cost(pub Decimal);

/// What the MSP's customer pays, in major units of the currency named beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Price(pub Decimal);

/// A value of a list that the provider may extend: what we know, or the text as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Known<T> {
    /// A value this version knows.
    Known(T),
    /// A value it does not know; kept as written and reported as a sync issue.
    Unrecognized(String),
}

impl<T> Known<T> {
    /// The known value, when it is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unrecognized(_) => None,
        }
    }
}

/// A postal address; every part may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Address {
    /// Street and number.
    pub street: Option<String>,
    /// Additional line.
    pub street2: Option<String>,
    /// City or town.
    pub city: Option<String>,
    /// State, province or region: code or name.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country: two-letter code where the provider gives one.
    pub country: Option<String>,
}

/// State of a company at Pax8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompanyStatus {
    /// May order.
    Active,
    /// Lacks contacts; may not order.
    Inactive,
    /// Deleted at Pax8.
    Deleted,
}

/// A company at Pax8: a customer of the MSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Id at Pax8.
    pub external_id: ExternalId,
    /// Name.
    pub name: String,
    /// State; unknown states are kept.
    pub status: Option<Known<CompanyStatus>>,
    /// Address.
    pub address: Address,
    /// Telephone number as written.
    pub phone: Option<String>,
    /// Web site as written.
    pub website: Option<String>,
    /// Reference that the MSP gave the company, often its id in the PSA, but not always.
    pub partner_reference: Option<String>,
    /// Whether Pax8 bills the company itself.
    pub is_billed_by_pax8: Option<bool>,
    /// Whether the company may order for itself.
    pub is_self_service_allowed: Option<bool>,
    /// Whether orders need approval.
    pub is_order_approval_required: Option<bool>,
    /// When Pax8 last changed the record.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A contact of a company or of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Id at the provider.
    pub external_id: Option<ExternalId>,
    /// Company or customer it belongs to.
    pub owner_external_id: ExternalId,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number as written.
    pub phone: Option<String>,
    /// Roles as the provider names them (Admin, Billing, Technical), with whether the contact is the primary one.
    pub roles: Vec<(String, bool)>,
}

/// State of a customer at the PSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerStatus {
    /// A customer that is served.
    Active,
    /// Not a customer yet.
    Prospect,
    /// No longer served, closed or deactivated.
    Inactive,
    /// Being set up.
    Pending,
}

/// A customer at the PSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Id at the PSA.
    pub external_id: ExternalId,
    /// Name.
    pub name: String,
    /// Short name or code that the PSA shows beside the name.
    pub identifier: Option<String>,
    /// State; unknown states are kept.
    pub status: Option<Known<CustomerStatus>>,
    /// Kind as the PSA names it (client, vendor ...).
    pub kind: Option<String>,
    /// Address.
    pub address: Address,
    /// Telephone number as written.
    pub phone: Option<String>,
    /// Web site as written.
    pub website: Option<String>,
    /// E-mail address for bills.
    pub email: Option<String>,
    /// Account number.
    pub account_number: Option<String>,
    /// Currency in which the customer is billed.
    pub currency: Option<Currency>,
    /// The record that counts, where this one was merged into it or is its child.
    pub parent_external_id: Option<ExternalId>,
    /// Whether the PSA marks the record as deleted.
    pub is_deleted: bool,
    /// When the PSA last changed the record.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A product in the Pax8 catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pax8Product {
    /// Id at Pax8.
    pub external_id: ExternalId,
    /// Name.
    pub name: String,
    /// Vendor, such as Microsoft.
    pub vendor_name: Option<String>,
    /// Stock keeping unit of Pax8.
    pub sku: Option<String>,
    /// Stock keeping unit of the vendor, as written: plain, `productId:skuId`, or a JSON text.
    pub vendor_sku: Option<String>,
    /// One paragraph.
    pub short_description: Option<String>,
    /// Whether ordering binds the buyer for a term.
    pub requires_commitment: Option<bool>,
}

/// How often an item is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BillCycle {
    /// Every month.
    Monthly,
    /// Every year.
    Annual,
    /// Once.
    OneTime,
    /// By use, in arrears.
    Usage,
}

/// An item in the PSA's catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsaProduct {
    /// Id at the PSA.
    pub external_id: ExternalId,
    /// Name or description.
    pub name: String,
    /// Short code that the PSA shows beside the name.
    pub identifier: Option<String>,
    /// Vendor or manufacturer.
    pub vendor_name: Option<String>,
    /// Stock keeping unit.
    pub sku: Option<String>,
    /// The vendor's part number.
    pub vendor_sku: Option<String>,
    /// Category as the PSA names it.
    pub category: Option<String>,
    /// What a customer pays for one unit, without a price of its own.
    pub unit_price: Option<Price>,
    /// What the MSP pays for one unit, as noted at the PSA.
    pub unit_cost: Option<Cost>,
    /// Currency of price and cost.
    pub currency: Option<Currency>,
    /// How often it is billed; unknown cycles are kept.
    pub bill_cycle: Option<Known<BillCycle>>,
    /// Percentage put on the cost, for items priced by markup (15 means cost x 1.15).
    pub markup_percent: Option<Decimal>,
    /// Whether the item may still be sold.
    pub is_active: bool,
    /// When the PSA last changed the record.
    pub updated_at: Option<DateTime<Utc>>,
}

/// For how long a charge of Pax8 runs. The words differ between subscriptions, prices and invoice items
/// (`2-Year`, `2 Year`, `1-Time`, `One-time`); the connector folds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BillingTerm {
    /// Every month.
    Monthly,
    /// Every year.
    Annual,
    /// Every two years.
    TwoYear,
    /// Every three years.
    ThreeYear,
    /// Once.
    OneTime,
    /// By use, after the fact.
    Arrears,
    /// During a trial.
    Trial,
    /// On activation.
    Activation,
    /// A rebate.
    Rebate,
}

impl BillingTerm {
    /// The word used in mappings, files and GraphQL text: `Monthly`, `Annual`, `2-Year` ...
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "Monthly",
            Self::Annual => "Annual",
            Self::TwoYear => "2-Year",
            Self::ThreeYear => "3-Year",
            Self::OneTime => "One-Time",
            Self::Arrears => "Arrears",
            Self::Trial => "Trial",
            Self::Activation => "Activation",
            Self::Rebate => "Rebate",
        }
    }

    /// Reads any of the spellings seen at Pax8: case, blanks, hyphens and underscores do not matter.
    pub fn parse(text: &str) -> Known<Self> {
        let folded: String =
            text.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
        Known::Known(match folded.as_str() {
            "monthly" | "1month" => Self::Monthly,
            "annual" | "1year" | "yearly" => Self::Annual,
            "2year" => Self::TwoYear,
            "3year" => Self::ThreeYear,
            "onetime" | "1time" => Self::OneTime,
            "arrears" => Self::Arrears,
            "trial" => Self::Trial,
            "activation" => Self::Activation,
            "rebate" => Self::Rebate,
            _ => return Known::Unrecognized(text.to_owned()),
        })
    }
}

/// State of a subscription at Pax8. It has no effect on what Pax8 charges: start and end do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Pax8's own and its documentation does not define most of them")]
pub enum SubscriptionStatus {
    Active,
    Canceled,
    PendingManual,
    PendingAutomated,
    PendingCancel,
    WaitingForDetails,
    Trial,
    Converted,
    PendingActivation,
    Activated,
}

/// One state of a subscription at Pax8, current or past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Id at Pax8.
    pub external_id: ExternalId,
    /// Company that uses it.
    pub company_external_id: ExternalId,
    /// Product subscribed to.
    pub product_external_id: ExternalId,
    /// Subscription that this one is an add-on of.
    pub parent_external_id: Option<ExternalId>,
    /// Seats.
    pub quantity: Option<Decimal>,
    /// First day billed.
    pub start_date: Option<NaiveDate>,
    /// Last day billed; set when a cancellation was received.
    pub end_date: Option<NaiveDate>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When this state began.
    pub updated_at: Option<DateTime<Utc>>,
    /// Effective date of this state.
    pub billing_start: Option<NaiveDate>,
    /// State; unknown states are kept.
    pub status: Option<Known<SubscriptionStatus>>,
    /// What the customer should pay for one seat, by Pax8's list.
    pub price: Option<Price>,
    /// What the MSP pays for one seat.
    pub cost: Option<Cost>,
    /// Currency of price and cost.
    pub currency: Option<Currency>,
    /// How often it is charged; unknown terms are kept.
    pub billing_term: Option<Known<BillingTerm>>,
    /// Commitment as written (`1-Year`); `None` when month to month.
    pub commitment_term: Option<String>,
    /// When the commitment ends.
    pub commitment_end: Option<NaiveDate>,
}

/// What kind of charge a line of a Pax8 invoice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VendorLineKind {
    /// A period of a subscription.
    Subscription,
    /// A change inside a period.
    Prorate,
    /// A purchase.
    OneTime,
    /// Money back for the account.
    Rebate,
    /// A fee for the account.
    ServiceCharge,
    /// Seats taken back.
    ServiceCredit,
    /// A payment that is credited.
    PaymentCredit,
    /// An invoice that is credited.
    InvoiceCredit,
}

/// Whether a line's price counts once or for each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChargeType {
    /// Times the quantity.
    PerUnit,
    /// Once, whatever the quantity.
    Flat,
}

/// State of a Pax8 invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VendorInvoiceStatus {
    /// Open.
    Unpaid,
    /// Paid.
    Paid,
    /// Withdrawn before it counted.
    Void,
    /// Its balance moved to the next invoice.
    Carried,
    /// Nothing to pay.
    NothingDue,
    /// Withdrawn in full; a new invoice replaces it.
    Credited,
    /// Not an invoice yet: what Pax8 forecasts for the next one. It counts until the invoice comes.
    Draft,
}

/// The head of an invoice from Pax8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorInvoice {
    /// Id at Pax8.
    pub external_id: ExternalId,
    /// Day of the invoice; its month is the period.
    pub invoice_date: NaiveDate,
    /// Day by which it is to be paid.
    pub due_date: Option<NaiveDate>,
    /// State; unknown states are kept.
    pub status: Option<Known<VendorInvoiceStatus>>,
    /// Amount due.
    pub total: Option<Decimal>,
    /// Amount still open.
    pub balance: Option<Decimal>,
    /// Amount open from earlier invoices.
    pub carried_balance: Option<Decimal>,
    /// Currency.
    pub currency: Option<Currency>,
    /// Company, where the invoice is for one.
    pub company_external_id: Option<ExternalId>,
}

/// A line of an invoice from Pax8, or of the draft of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorInvoiceLine {
    /// Id at Pax8, or one made from invoice and position where Pax8 gave none.
    pub external_id: ExternalId,
    /// Invoice that the line is on.
    pub invoice_external_id: ExternalId,
    /// Kind; unknown kinds are kept.
    pub kind: Known<VendorLineKind>,
    /// Company; `None` on lines of the account itself.
    pub company_external_id: Option<ExternalId>,
    /// Company's name as printed.
    pub company_name: Option<String>,
    /// Subscription; `None` where there is none.
    pub subscription_external_id: Option<ExternalId>,
    /// Product.
    pub product_external_id: Option<ExternalId>,
    /// Product's name as printed.
    pub product_name: Option<String>,
    /// Stock keeping unit of Pax8.
    pub sku: Option<String>,
    /// Free text of the line.
    pub description: Option<String>,
    /// First day of the service period.
    pub period_start: Option<NaiveDate>,
    /// Last day of the service period as written; whether it is inside the period depends on the account.
    pub period_end: Option<NaiveDate>,
    /// Term; unknown terms are kept.
    pub term: Option<Known<BillingTerm>>,
    /// Units; fractional for use, negative on credits.
    pub quantity: Option<Decimal>,
    /// Whether the price counts once or for each unit; unknown types are kept.
    pub charge_type: Option<Known<ChargeType>>,
    /// Unit price to the customer by Pax8's list.
    pub price: Option<Price>,
    /// Amount to the customer by Pax8's list.
    pub subtotal: Option<Price>,
    /// Unit cost. On prorated lines it is already prorated and cut: never multiply it back.
    pub cost: Option<Cost>,
    /// Cost of the line.
    pub cost_total: Option<Cost>,
    /// What the line adds to the invoice.
    pub amount_due: Option<Cost>,
    /// Sales tax of the line.
    pub sales_tax: Option<Cost>,
    /// Currency; the invoice's where the line does not say.
    pub currency: Option<Currency>,
    /// Whether Pax8 bills the customer itself.
    pub is_billed_by_pax8: bool,
}

/// A price that Pax8 asks for a product, for one term, commitment, currency and range of quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorPrice {
    /// Product.
    pub product_external_id: ExternalId,
    /// Term; unknown terms are kept.
    pub billing_term: Option<Known<BillingTerm>>,
    /// Commitment as written.
    pub commitment_term: Option<String>,
    /// Currency, where Pax8 says.
    pub currency: Option<Currency>,
    /// First quantity at this price.
    pub range_start: Option<Decimal>,
    /// Last quantity at this price; `None` without end.
    pub range_end: Option<Decimal>,
    /// What the MSP pays for one unit.
    pub cost: Option<Cost>,
    /// What Pax8 suggests that the customer pays for one unit.
    pub suggested_price: Option<Price>,
    /// Whether the price counts once or for each unit.
    pub charge_type: Option<Known<ChargeType>>,
}

/// Use of a metered product by one resource group in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSummary {
    /// Id at Pax8.
    pub external_id: ExternalId,
    /// Company; `None` where nobody linked the use to one.
    pub company_external_id: Option<ExternalId>,
    /// Subscription.
    pub subscription_external_id: Option<ExternalId>,
    /// Product.
    pub product_external_id: Option<ExternalId>,
    /// Group of resources.
    pub resource_group: Option<String>,
    /// What the MSP pays.
    pub cost: Option<Cost>,
    /// What the customer should pay by Pax8's list.
    pub charges: Option<Price>,
    /// Currency.
    pub currency: Option<Currency>,
}

/// One metered use. It has no id at Pax8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine {
    /// Summary that the line belongs to.
    pub summary_external_id: ExternalId,
    /// Day of use.
    pub usage_date: Option<NaiveDate>,
    /// Product used.
    pub product_external_id: Option<ExternalId>,
    /// Product's name.
    pub product_name: Option<String>,
    /// Unit of the quantity.
    pub unit: Option<String>,
    /// Units used.
    pub quantity: Option<Decimal>,
    /// What the MSP pays.
    pub cost: Option<Cost>,
    /// What the customer should pay by Pax8's list.
    pub charges: Option<Price>,
    /// Currency.
    pub currency: Option<Currency>,
}

/// A recurring line of an agreement at the PSA. A change of quantity or price ends a line and starts another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementLine {
    /// Id at the PSA.
    pub external_id: ExternalId,
    /// Agreement (contract, service) that it belongs to.
    pub agreement_external_id: ExternalId,
    /// Agreement's name.
    pub agreement_name: Option<String>,
    /// Customer that is billed.
    pub customer_external_id: ExternalId,
    /// Item billed.
    pub product_external_id: Option<ExternalId>,
    /// Text on the bill.
    pub description: Option<String>,
    /// Units.
    pub quantity: Option<Decimal>,
    /// Units that are part of another price; only the rest is billed.
    pub included_quantity: Option<Decimal>,
    /// Price of one unit.
    pub unit_price: Option<Price>,
    /// Cost of one unit as noted at the PSA.
    pub unit_cost: Option<Cost>,
    /// Currency.
    pub currency: Option<Currency>,
    /// How often it is billed; unknown cycles are kept.
    pub bill_cycle: Option<Known<BillCycle>>,
    /// Whether it is billed after the service instead of before it.
    pub bills_in_arrears: bool,
    /// Whether the customer is billed at all.
    pub is_billable: bool,
    /// First day.
    pub effective_from: Option<NaiveDate>,
    /// Last day; `None` while it runs.
    pub effective_to: Option<NaiveDate>,
}

/// State of an invoice at the PSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PsaInvoiceStatus {
    /// Made, not yet final.
    Draft,
    /// Sent or open.
    Open,
    /// Paid.
    Paid,
    /// Withdrawn.
    Void,
    /// Credited in full.
    Credited,
}

/// The head of an invoice at the PSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsaInvoice {
    /// Id at the PSA.
    pub external_id: ExternalId,
    /// Number printed on it.
    pub number: Option<String>,
    /// Customer billed.
    pub customer_external_id: ExternalId,
    /// Day of the invoice; its month is the period.
    pub invoice_date: NaiveDate,
    /// Currency.
    pub currency: Option<Currency>,
    /// Total as the PSA gives it.
    pub total: Option<Price>,
    /// State; unknown states are kept.
    pub status: Option<Known<PsaInvoiceStatus>>,
}

/// A line of an invoice at the PSA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsaInvoiceLine {
    /// Id at the PSA, unique over all invoices; made from invoice and line number where the PSA numbers per invoice.
    pub external_id: ExternalId,
    /// Invoice that the line is on.
    pub invoice_external_id: ExternalId,
    /// Recurring line that caused it.
    pub agreement_line_external_id: Option<ExternalId>,
    /// Item billed.
    pub product_external_id: Option<ExternalId>,
    /// Text on the bill.
    pub description: Option<String>,
    /// Units.
    pub quantity: Option<Decimal>,
    /// Price of one unit.
    pub unit_price: Option<Price>,
    /// Amount of the line.
    pub amount: Option<Price>,
    /// First day of the service period.
    pub period_start: Option<NaiveDate>,
    /// Last day of the service period, included.
    pub period_end: Option<NaiveDate>,
}

/// A dated price of an item: for everyone, or for one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBookEntry {
    /// Item at the PSA.
    pub product_external_id: ExternalId,
    /// Customer at the PSA; `None` for everyone.
    pub customer_external_id: Option<ExternalId>,
    /// Currency.
    pub currency: Currency,
    /// What the customer pays for one unit.
    pub unit_price: Price,
    /// First day.
    pub effective_from: Option<NaiveDate>,
    /// Last day, included; `None` without end.
    pub effective_to: Option<NaiveDate>,
}
