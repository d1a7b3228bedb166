//! The rules of a reconciliation as a value: named switches with documented defaults. A switch that is here has an
//! effect; what is not implemented has no value to choose.

use rust_decimal::Decimal;

use crate::domain::money::RoundingMode;

/// Where the reference price of an item comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PriceSource {
    /// Dated prices: the customer's own, else everyone's, else the item's price. The default.
    #[default]
    PriceBook,
    /// The price on the customer's agreement line of that day, else as `PriceBook`; differences of price are then
    /// never found, because the agreement is the contract.
    AgreementLine,
    /// The price of the item alone.
    ItemPrice,
    /// What Pax8 suggests that the customer pays: its price list, else the price on the subscription.
    VendorSuggested,
    /// The cost of each vendor line plus this percentage.
    CostPlus(Decimal),
}

/// Which quantity a recurring charge should be billed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum QuantitySource {
    /// The subscription's quantity on the first day of the line, by its history. The default.
    #[default]
    SubscriptionHistory,
    /// The quantity that the vendor charged.
    VendorInvoice,
}

/// Whether changes inside a period are billed to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Proration {
    /// They are billed by days. The default.
    #[default]
    PassThrough,
    /// The MSP bears them; nothing is expected.
    Absorb,
}

/// Whether credits of the vendor are given to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Credits {
    /// They are. The default.
    #[default]
    PassThrough,
    /// The MSP keeps service credits and negative prorations; nothing is expected.
    Keep,
}

/// Which date decides the period of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PeriodBasis {
    /// The date of the invoice. The default.
    #[default]
    InvoiceDate,
    /// The first day of the line's service period; the invoice date where a line has none.
    ServiceStart,
}

/// How the lines of one side find their period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PeriodRule {
    /// Date that decides.
    pub basis: PeriodBasis,
    /// Months added to it; 0 by default.
    pub shift_months: i32,
}

/// A difference that is accepted: at most the larger of both limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tolerance {
    /// Amount in major units; 0 by default.
    pub absolute: Decimal,
    /// Percentage of the expected amount; 0 by default.
    pub percent: Decimal,
}

/// From which |effect| + cost effect on a discrepancy weighs more, in major units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeverityLimits {
    /// From here on it is a warning; 1 by default.
    pub warning: Decimal,
    /// From here on it is critical; 100 by default.
    pub critical: Decimal,
}

impl Default for SeverityLimits {
    fn default() -> Self {
        Self { warning: Decimal::ONE, critical: Decimal::ONE_HUNDRED }
    }
}

/// The rules of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Where reference prices come from.
    pub price_source: PriceSource,
    /// Which quantity counts.
    pub quantity_source: QuantitySource,
    /// What happens with changes inside a period.
    pub proration: Proration,
    /// What happens with the vendor's credits.
    pub credits: Credits,
    /// How an expected amount is rounded, once per vendor line.
    pub rounding_mode: RoundingMode,
    /// To how many decimal places; `None` is the minor unit of the currency.
    pub rounding_scale: Option<u32>,
    /// Which differences are accepted.
    pub tolerance: Tolerance,
    /// Day of the period's month from which a customer without any PSA invoice counts as not billed; before it what
    /// is missing is expected later. 5 by default, the day on which Pax8 dates its invoices.
    pub missing_invoice_counts_from_day: u32,
    /// When a discrepancy is a warning and when it is critical.
    pub severity: SeverityLimits,
    /// Lowest margin as a fraction of what is billed; `None`, the default, asks for none.
    pub margin_floor: Option<Decimal>,
    /// Period of vendor lines.
    pub vendor_period: PeriodRule,
    /// Period of PSA lines.
    pub psa_period: PeriodRule,
    /// Months added besides to the period of PSA lines whose agreement line bills in arrears; 0 by default. With -1
    /// the invoice of November is compared with October.
    pub arrears_shift_months: i32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            price_source: PriceSource::default(),
            quantity_source: QuantitySource::default(),
            proration: Proration::default(),
            credits: Credits::default(),
            rounding_mode: RoundingMode::default(),
            rounding_scale: None,
            tolerance: Tolerance::default(),
            missing_invoice_counts_from_day: 5,
            severity: SeverityLimits::default(),
            margin_floor: None,
            vendor_period: PeriodRule::default(),
            psa_period: PeriodRule::default(),
            arrears_shift_months: 0,
        }
    }
}
