//! What a reconciliation says. Everything in it is in canonical order; ids and names are looked up in the
//! [`super::Input`] that it was made from.

use std::ops::Range;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use thiserror::Error;

use super::fingerprint::Fingerprint;
use super::input::PeriodEnd;
use super::intern::{
    AgreementLineRef, CompanyRef, CustomerRef, ItemRef, ProductRef, PsaLineRef, SubscriptionRef, VendorInvoiceRef,
    VendorLineRef,
};
use super::policy::Policy;
use crate::domain::discrepancy::{DiscrepancyType, Severity};
use crate::domain::id::DiscrepancyId;
use crate::domain::money::{Currency, ExactSum, OutOfRange};
use crate::domain::period::Period;

/// Why no report can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReconcileError {
    /// An amount left the range in which it is exact.
    #[error("cannot reconcile: {0}")]
    OutOfRange(#[from] OutOfRange),
    /// The classes do not add up to the source lines: a fault of this program, never of the data.
    #[error("cannot reconcile: the {side} side in {currency} does not foot: classes {classes}, source {source_total}")]
    DoesNotFoot {
        /// Side that does not foot.
        side: &'static str,
        /// Currency, or `?` for lines without one.
        currency: String,
        /// Sum over the classes.
        classes: Decimal,
        /// Sum of the source lines.
        source_total: Decimal,
    },
    /// The effects of a key's discrepancies do not add up to its difference: a fault of this program.
    #[error("cannot reconcile: the discrepancies of {key} explain {explained} of a difference of {difference}")]
    DoesNotExplain {
        /// Key in words.
        key: String,
        /// Sum of the effects.
        explained: Decimal,
        /// Billed minus expected.
        difference: Decimal,
    },
    /// The last period lies before the first, or the range is longer than is useful.
    #[error("cannot reconcile {first} to {last}: the range has to have between 1 and 600 months")]
    BadPeriods {
        /// First period.
        first: Period,
        /// Last period.
        last: Period,
    },
}

/// The customer of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCustomer {
    /// A PSA customer.
    Customer(CustomerRef),
    /// A Pax8 company without one.
    Missing(CompanyRef),
}

/// The item of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyItem {
    /// A PSA item.
    Item(ItemRef),
    /// A Pax8 product without one.
    Missing(ProductRef),
}

/// Which side a line is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Charged by Pax8.
    Vendor,
    /// Billed by the PSA.
    Psa,
}

/// The verdict on a key and its lines; each has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Billed is what was expected.
    Matched,
    /// The difference is within tolerance.
    Tolerated,
    /// Something is wrong.
    Discrepant,
    /// The PSA's invoice is not due yet.
    ExpectedLater,
    /// There is no key to judge it on.
    Unmapped,
    /// Something needed to judge it is unknown.
    NotCompared,
    /// Left out on purpose.
    Excluded,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] = [
        Self::Matched,
        Self::Tolerated,
        Self::Discrepant,
        Self::ExpectedLater,
        Self::Unmapped,
        Self::NotCompared,
        Self::Excluded,
    ];

    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "MATCHED",
            Self::Tolerated => "TOLERATED",
            Self::Discrepant => "DISCREPANT",
            Self::ExpectedLater => "EXPECTED_LATER",
            Self::Unmapped => "UNMAPPED",
            Self::NotCompared => "NOT_COMPARED",
            Self::Excluded => "EXCLUDED",
        }
    }
}

/// Why lines were not compared, were left out or have no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A rebate, fee or credit of the account: never billed to customers.
    AccountLevel,
    /// On an invoice that was credited in full; its replacement counts.
    CreditedInvoice,
    /// On an invoice that was withdrawn.
    VoidInvoice,
    /// The company, customer or product is excluded.
    ExcludedRecord,
    /// An item of the MSP that no Pax8 product is mapped to.
    OwnItem,
    /// The line names no company.
    NoCompany,
    /// The line names no product or item.
    NoProduct,
    /// The head of the invoice is missing.
    NoInvoice,
    /// Neither line nor invoice names a currency.
    NoCurrency,
    /// The kind of charge is unknown to this version.
    UnknownKind,
    /// No reference price is known.
    NoPrice,
    /// A line has no amount or quantity.
    NoAmount,
    /// The PSA's invoice is not due yet.
    NotDueYet,
    /// On a draft of Pax8 whose invoice has come; the invoice counts.
    DraftSuperseded,
    /// Metered use billed in a month that Pax8 has only drafted; a draft leaves use out.
    UseNotInDraft,
}

impl Reason {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountLevel => "ACCOUNT_LEVEL",
            Self::CreditedInvoice => "CREDITED_INVOICE",
            Self::VoidInvoice => "VOID_INVOICE",
            Self::ExcludedRecord => "EXCLUDED_RECORD",
            Self::OwnItem => "OWN_ITEM",
            Self::NoCompany => "NO_COMPANY",
            Self::NoProduct => "NO_PRODUCT",
            Self::NoInvoice => "NO_INVOICE",
            Self::NoCurrency => "NO_CURRENCY",
            Self::UnknownKind => "UNKNOWN_KIND",
            Self::NoPrice => "NO_PRICE",
            Self::NoAmount => "NO_AMOUNT",
            Self::NotDueYet => "NOT_DUE_YET",
            Self::DraftSuperseded => "DRAFT_SUPERSEDED",
            Self::UseNotInDraft => "USE_NOT_IN_DRAFT",
        }
    }
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyResult {
    /// Customer.
    pub customer: KeyCustomer,
    /// Item.
    pub item: KeyItem,
    /// Month.
    pub period: Period,
    /// Currency.
    pub currency: Currency,
    /// Companies at Pax8 whose lines or subscriptions are on the key.
    pub companies: Box<[CompanyRef]>,
    /// Products at Pax8 whose lines or subscriptions are on the key.
    pub products: Box<[ProductRef]>,
    /// What Pax8 charged, without tax; `None` when a line does not say.
    pub cost: Option<Decimal>,
    /// What should have been billed; `None` when a price is unknown.
    pub expected: Option<Decimal>,
    /// What was billed; `None` when a line has no amount or the invoice is not due yet.
    pub billed: Option<Decimal>,
    /// Billed minus expected; `None` when one of them is.
    pub difference: Option<Decimal>,
    /// Billed minus cost; `None` when one of them is.
    pub margin: Option<Decimal>,
    /// Seats of the subscriptions behind recurring charges; `None` when the history does not say.
    pub subscribed_quantity: Option<Decimal>,
    /// Units of recurring charges on the vendor's invoice; `None` when a line does not say.
    pub charged_quantity: Option<Decimal>,
    /// Units of recurring lines on the PSA's invoice; `None` when a line does not say.
    pub billed_quantity: Option<Decimal>,
    /// Verdict.
    pub class: Class,
    /// Why it was not compared or was left out, where it was.
    pub reason: Option<Reason>,
    /// Whether a mapping that nobody confirmed stands behind it.
    pub rests_on_suggested: bool,
    /// Whether its month and currency rest on drafts, so that it may still change.
    pub is_provisional: bool,
    /// Discrepancies, as positions in [`Report::discrepancies`].
    pub discrepancies: Vec<u32>,
    pub(super) vendor_lines: Range<u32>,
    pub(super) psa_lines: Range<u32>,
}

/// A difference that somebody has to understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// Derived from the identity: the same from month to month.
    pub id: DiscrepancyId,
    /// What is wrong.
    pub kind: DiscrepancyType,
    /// How much it weighs, with what Pax8 charged too much.
    pub severity: Severity,
    /// How much it weighs by the effect alone, which tells nothing about cost.
    pub effect_severity: Severity,
    /// Customer of its key; `None` for use that Pax8 links to nobody.
    pub customer: Option<KeyCustomer>,
    /// Item of its key.
    pub item: KeyItem,
    /// Month.
    pub period: Period,
    /// Currency.
    pub currency: Currency,
    /// Company at Pax8, where there is one.
    pub company: Option<CompanyRef>,
    /// Product at Pax8, where there is one.
    pub product: Option<ProductRef>,
    /// Subscription, where there is one.
    pub subscription: Option<SubscriptionRef>,
    /// First line of the chain of agreement lines that bills it, where there is one.
    pub agreement_line: Option<AgreementLineRef>,
    /// Units that should be there; `None` when unknown.
    pub expected_quantity: Option<Decimal>,
    /// Units that are there; `None` when unknown.
    pub actual_quantity: Option<Decimal>,
    /// Amount that should have been billed.
    pub expected_amount: Decimal,
    /// Amount that was billed.
    pub actual_amount: Decimal,
    /// Billed minus expected; negative when the customer was billed too little.
    pub effect: Decimal,
    /// What Pax8 charged too much; negative when it charged too little.
    pub cost_effect: Decimal,
    /// Number shared by the two halves of a pair.
    pub pair: Option<u32>,
    /// What happened and what to do, without any cost figure.
    pub sentence: String,
    /// The same with cost figures, for readers who may see cost; `None` where cost plays no part.
    pub cost_sentence: Option<String>,
    /// Why it arose, where the history of the two sides shows it, without any cost figure.
    pub root_cause: Option<String>,
    /// Lines on the vendor's invoices.
    pub vendor_lines: Vec<VendorLineRef>,
    /// Lines on the PSA's invoices.
    pub psa_lines: Vec<PsaLineRef>,
}

/// Count and sum of the lines of one currency, side and class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FootingRow {
    /// Currency; `None` for lines that name none.
    pub currency: Option<Currency>,
    /// Side.
    pub side: Side,
    /// Class.
    pub class: Class,
    /// Lines.
    pub count: u64,
    /// Lines among them whose amount is unknown.
    pub unknown: u64,
    /// Sum of the known amounts: cost without tax on the vendor's side, price on the PSA's.
    pub amount: Decimal,
}

/// Sums of one currency over all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// Currency.
    pub currency: Currency,
    /// Keys.
    pub keys: u64,
    /// Keys whose cost, expected or billed amount is unknown; the sums leave the unknown amounts out.
    pub incomplete_keys: u64,
    /// What Pax8 charged on keys.
    pub cost: Decimal,
    /// What should have been billed.
    pub expected: Decimal,
    /// What was billed.
    pub billed: Decimal,
    /// Effects below zero, summed: billed too little.
    pub leakage: Decimal,
    /// Effects above zero, summed: billed too much.
    pub overbilling: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
    /// Expected amounts that rest on mappings nobody confirmed.
    pub expected_on_suggested: Decimal,
}

/// Lines of drafts that are compared, because no invoice has taken their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionalRow {
    /// Month.
    pub period: Period,
    /// Currency.
    pub currency: Currency,
    /// Side whose drafts they are.
    pub side: Side,
    /// Lines.
    pub count: u64,
    /// Sum of the known amounts: cost without tax on the vendor's side, price on the PSA's.
    pub amount: Decimal,
}

/// Lines that were not compared, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// Currency; `None` for lines that name none.
    pub currency: Option<Currency>,
    /// Side.
    pub side: Side,
    /// Class.
    pub class: Class,
    /// Why; `None` for what was compared.
    pub reason: Option<Reason>,
    /// Lines.
    pub count: u64,
    /// Sum of the known amounts.
    pub amount: Decimal,
}

/// How an invoice's lines compare with its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TieOut {
    /// Invoice.
    pub invoice: VendorInvoiceRef,
    /// Currency, where known.
    pub currency: Option<Currency>,
    /// Lines.
    pub lines: u64,
    /// Total of the head.
    pub total: Option<Decimal>,
    /// Balance carried over from earlier invoices.
    pub carried_balance: Option<Decimal>,
    /// Sums of the lines.
    pub sums: TieOutSums,
    /// The sum that equals the total, the first in this order: amount due, amount due without tax, cost with tax,
    /// cost; `None` when none does or the head has no total.
    pub ties: Option<TieOutBasis>,
    /// Total minus the sum of amounts due; `None` when the head has no total.
    pub residue: Option<Decimal>,
    /// Why the invoice does not count, where it does not.
    pub ignored: Option<Reason>,
    /// The invoice that replaces it, where it was credited and one with the same currency follows, or took the place of
    /// a draft.
    pub replacement: Option<VendorInvoiceRef>,
}

/// Sums of an invoice's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TieOutSums {
    /// Amounts due.
    pub amount_due: Decimal,
    /// Costs, without tax.
    pub cost_total: Decimal,
    /// Sales tax.
    pub sales_tax: Decimal,
}

/// Which sum of an invoice's lines equals its total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TieOutBasis {
    /// Amounts due.
    AmountDue,
    /// Amounts due without sales tax.
    AmountDueWithoutTax,
    /// Costs and sales tax.
    CostWithTax,
    /// Costs.
    Cost,
}

/// The verdict on the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Everything was compared, excluded or is not yet due, and nothing is wrong.
    Clean,
    /// Nothing wrong was found, but not everything could be compared, an invoice does not tie out, or a month rests on
    /// drafts.
    Incomplete,
    /// Something is wrong.
    Discrepant,
    /// Nothing could be compared.
    NotCompared,
}

impl Verdict {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "CLEAN",
            Self::Incomplete => "INCOMPLETE",
            Self::Discrepant => "DISCREPANT",
            Self::NotCompared => "NOT_COMPARED",
        }
    }
}

/// A difference taken apart; the parts add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bridge {
    /// Other number of units, missing lines included.
    pub quantity: Decimal,
    /// Other price.
    pub price: Decimal,
    /// Changes inside a period.
    pub proration: Decimal,
    /// Credits not given.
    pub credit: Decimal,
    /// Rounded prices.
    pub rounding: Decimal,
    /// The rest.
    pub other: Decimal,
}

/// The outcome of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// First period.
    pub first: Period,
    /// Last period.
    pub last: Period,
    /// Day from which the run looked.
    pub as_of: NaiveDate,
    /// Version of the engine.
    pub engine_version: u32,
    /// What it was made from.
    pub fingerprint: Fingerprint,
    /// Rules that it was made by.
    pub policy: Policy,
    /// How the account writes the end of service periods.
    pub period_end: PeriodEnd,
    /// Verdict on the whole.
    pub verdict: Verdict,
    /// Every key, by customer, item, currency and period.
    pub keys: Vec<KeyResult>,
    /// Every discrepancy, by key and type; what has no key comes last.
    pub discrepancies: Vec<Discrepancy>,
    /// Sums per currency.
    pub totals: Vec<CurrencyTotals>,
    /// Counts and sums per currency, side and class; they equal those of the source lines.
    pub footing: Vec<FootingRow>,
    /// What was compared, what was not, and why.
    pub coverage: Vec<CoverageRow>,
    /// Months that rest on drafts, by currency and side.
    pub provisional: Vec<ProvisionalRow>,
    /// Every vendor invoice of the periods against its head.
    pub tie_out: Vec<TieOut>,
    pub(super) key_vendor_lines: Vec<VendorLineRef>,
    pub(super) key_psa_lines: Vec<PsaLineRef>,
}

impl Report {
    /// The vendor's lines behind a key.
    pub fn vendor_lines(&self, key: &KeyResult) -> &[VendorLineRef] {
        &self.key_vendor_lines[key.vendor_lines.start as usize..key.vendor_lines.end as usize]
    }

    /// The PSA's lines behind a key.
    pub fn psa_lines(&self, key: &KeyResult) -> &[PsaLineRef] {
        &self.key_psa_lines[key.psa_lines.start as usize..key.psa_lines.end as usize]
    }

    /// The difference of a key taken apart by what caused it.
    pub fn bridge(&self, key: &KeyResult) -> Result<Bridge, OutOfRange> {
        let mut parts = [ExactSum::default(); BridgePart::ALL.len()];
        for at in &key.discrepancies {
            let discrepancy = &self.discrepancies[*at as usize];
            parts[bridge_part(discrepancy.kind) as usize].add(discrepancy.effect)?;
        }
        if let Some(difference) = key.difference {
            let mut rest = ExactSum::of([difference])?;
            for part in parts {
                rest.subtract(part.total()?)?;
            }
            // What is within tolerance has no discrepancy.
            parts[BridgePart::Other as usize].merge(rest)?;
        }
        let part = |part: BridgePart| parts[part as usize].total();
        Ok(Bridge {
            quantity: part(BridgePart::Quantity)?,
            price: part(BridgePart::Price)?,
            proration: part(BridgePart::Proration)?,
            credit: part(BridgePart::Credit)?,
            rounding: part(BridgePart::Rounding)?,
            other: part(BridgePart::Other)?,
        })
    }
}

/// A part of a [`Bridge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BridgePart {
    /// Other number of units, missing lines included.
    Quantity,
    /// Other price.
    Price,
    /// Changes inside a period.
    Proration,
    /// Credits not given.
    Credit,
    /// Rounded prices.
    Rounding,
    /// The rest.
    Other,
}

impl BridgePart {
    /// Every part.
    pub const ALL: [Self; 6] =
        [Self::Quantity, Self::Price, Self::Proration, Self::Credit, Self::Rounding, Self::Other];
}

/// The part that the effect of a discrepancy of this type belongs to.
pub fn bridge_part(kind: DiscrepancyType) -> BridgePart {
    use DiscrepancyType as Type;
    match kind {
        Type::QuantityUnder
        | Type::QuantityOver
        | Type::NeverBilled
        | Type::NewNotBilled
        | Type::ProductMissingInPsa
        | Type::CustomerMissingInPsa
        | Type::CanceledStillBilled
        | Type::DuplicateBilling
        | Type::UsageNotBilled
        | Type::OneTimeNotBilled => BridgePart::Quantity,
        Type::WrongPrice | Type::UsageStaleAmount => BridgePart::Price,
        Type::ProrationNotBilled => BridgePart::Proration,
        Type::CreditNotPassed => BridgePart::Credit,
        Type::Rounding => BridgePart::Rounding,
        Type::WrongBillingCycle
        | Type::WrongProduct
        | Type::WrongCustomer
        | Type::Pax8DuplicateCharge
        | Type::Pax8QuantityMismatch
        | Type::OrphanedBilling
        | Type::CostIncrease
        | Type::BelowMarginFloor
        | Type::CurrencyMismatch
        | Type::UsageUnassigned => BridgePart::Other,
    }
}
