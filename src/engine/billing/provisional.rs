//! Months that rest on drafts. Pax8 forecasts an invoice before it sends it, and a PSA may show one before it is final:
//! what is compared then may still change, so such a month is provisional, and a report with one is never clean.

use std::collections::{BTreeMap, BTreeSet};

use super::amount::Amount;
use super::expected::{Charge, ChargeKind};
use super::input::{Cycle, Input, InvoiceStanding};
use super::intern::{PsaLineRef, VendorInvoiceRef, VendorLineRef};
use super::judge::Bill;
use super::key::{AccountKey, Place};
use super::report::{Class, KeyResult, ProvisionalRow, Reason, Side};
use crate::domain::money::{Currency, OutOfRange};
use crate::domain::period::Period;

/// Months and currencies in which Pax8 has an invoice that counts, so that its drafts no longer do. Empty where there
/// is no draft.
pub(super) fn superseded(input: &Input) -> BTreeSet<(Period, Currency)> {
    let invoices = || input.vendor_invoices.rows.iter().flatten();
    if !invoices().any(|invoice| invoice.standing == InvoiceStanding::Draft) {
        return BTreeSet::new();
    }
    let counts = |invoice: VendorInvoiceRef| {
        input.vendor_invoices.get(invoice).filter(|invoice| invoice.standing == InvoiceStanding::Counts)
    };
    let by_head = invoices()
        .filter(|invoice| invoice.standing == InvoiceStanding::Counts)
        .filter_map(|invoice| Some((Period::of(invoice.date), invoice.currency?)));
    // An invoice may name its currency on its lines alone.
    let by_line = input.vendor_lines.iter().filter_map(|line| {
        let invoice = counts(line.invoice)?;
        Some((Period::of(invoice.date), line.currency.or(invoice.currency)?))
    });
    by_head.chain(by_line).collect()
}

#[derive(Default)]
struct Sum {
    count: u64,
    amount: Amount,
}

/// What is compared of drafts, by month, currency and side.
#[derive(Default)]
pub(super) struct Provisional(BTreeMap<(u16, Currency, Side), Sum>);

impl Provisional {
    /// The drafts among the lines that have a key.
    pub(super) fn of(input: &Input, vendor: &[Place], psa: &[Place]) -> Result<Self, OutOfRange> {
        let mut found = Self::default();
        if input.vendor_invoices.rows.iter().flatten().any(|invoice| invoice.standing == InvoiceStanding::Draft) {
            for place in vendor {
                let line = input.vendor_line(VendorLineRef(place.line()));
                let invoice = input.vendor_invoices.get(line.invoice);
                if invoice.is_some_and(|invoice| invoice.standing == InvoiceStanding::Draft) {
                    found.add(*place, Side::Vendor, line.cost_total.known())?;
                }
            }
        }
        if input.psa_invoices.rows.iter().flatten().any(|invoice| invoice.standing == InvoiceStanding::Draft) {
            for place in psa {
                let line = input.psa_line(PsaLineRef(place.line()));
                let invoice = input.psa_invoices.get(line.invoice);
                if invoice.is_some_and(|invoice| invoice.standing == InvoiceStanding::Draft) {
                    found.add(*place, Side::Psa, line.amount.known())?;
                }
            }
        }
        Ok(found)
    }

    fn add(&mut self, place: Place, side: Side, amount: Option<Amount>) -> Result<(), OutOfRange> {
        let sum = self.0.entry((place.period(), place.account().currency(), side)).or_default();
        sum.count += 1;
        sum.amount = sum.amount.plus(amount.unwrap_or_default())?;
        Ok(())
    }

    /// Whether a month rests on drafts of either side.
    pub(super) fn has(&self, period: u16, currency: Currency) -> bool {
        [Side::Vendor, Side::Psa].into_iter().any(|side| self.0.contains_key(&(period, currency, side)))
    }

    /// Says of a key with metered use that its charge is still to come: what Pax8 forecasts leaves use out, so that a
    /// bill for use is no error, and what should have been billed is not known.
    pub(super) fn await_use(&self, key: &mut KeyResult, period: u16, charges: &[Charge], bills: &[Bill]) {
        let is_forecast = self.0.contains_key(&(period, key.currency, Side::Vendor));
        let is_charged = charges.iter().any(|charge| charge.kind == ChargeKind::Usage);
        if is_forecast && !is_charged && !bills.is_empty() && key.class != Class::Excluded {
            (key.class, key.reason) = (Class::ExpectedLater, Some(Reason::UseNotInDraft));
            (key.cost, key.expected, key.difference, key.margin) = (None, None, None, None);
        }
    }

    /// The rows of the report.
    pub(super) fn rows(&self, periods: &[Period]) -> Result<Vec<ProvisionalRow>, OutOfRange> {
        let row = |(key, sum): (&(u16, Currency, Side), &Sum)| {
            let (period, currency, side) = *key;
            let amount = sum.amount.to_decimal()?;
            Ok(ProvisionalRow { period: periods[usize::from(period)], currency, side, count: sum.count, amount })
        };
        self.0.iter().map(row).collect()
    }
}

/// Whether an account is about metered use: by its item, or by what was ever charged on it.
pub(super) fn is_metered(input: &Input, account: AccountKey, charges: &[Charge]) -> bool {
    let by_item = account
        .known_item()
        .and_then(|item| input.items.get(item))
        .is_some_and(|item| item.cycle == Some(Cycle::Usage) || item.markup_percent.known().is_some());
    by_item || charges.iter().any(|charge| charge.kind == ChargeKind::Usage)
}
