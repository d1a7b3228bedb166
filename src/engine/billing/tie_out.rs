//! Each vendor invoice against its head: which sum of its lines, if any, is its total.

use super::amount::Amount;
use super::input::{Input, InvoiceStanding, VendorInvoiceRow};
use super::intern::VendorInvoiceRef;
use super::provisional;
use super::report::{Reason, TieOut, TieOutBasis, TieOutSums};
use crate::domain::money::{Currency, OutOfRange};
use crate::domain::period::Period;

#[derive(Default, Clone, Copy)]
struct Sums {
    lines: u64,
    amount_due: Amount,
    cost_total: Amount,
    sales_tax: Amount,
    /// A line lacks one of the amounts: no sum is the whole.
    is_incomplete: bool,
    currency: Option<Currency>,
}

/// Ties out the invoices dated in the periods of the run.
pub(super) fn tie_out(input: &Input) -> Result<Vec<TieOut>, OutOfRange> {
    let mut sums = vec![Sums::default(); input.vendor_invoices.ids.len()];
    for line in &input.vendor_lines {
        let sum = &mut sums[line.invoice.0 as usize];
        sum.lines += 1;
        sum.currency = sum.currency.or(line.currency);
        match (line.amount_due.known(), line.cost_total.known()) {
            (Some(due), Some(cost)) => {
                sum.amount_due = sum.amount_due.plus(due)?;
                sum.cost_total = sum.cost_total.plus(cost)?;
            }
            _ => sum.is_incomplete = true,
        }
        sum.sales_tax = sum.sales_tax.plus(line.sales_tax.known().unwrap_or_default())?;
    }
    let superseded = provisional::superseded(input);
    let mut rows = Vec::new();
    for (reference, sum) in (0_u32..).map(VendorInvoiceRef).zip(&sums) {
        let Some(invoice) = input.vendor_invoices.get(reference) else { continue };
        let period = Period::of(invoice.date);
        if period < input.first || input.last < period {
            continue;
        }
        let currency = invoice.currency.or(sum.currency);
        let ignored = match invoice.standing {
            InvoiceStanding::Draft => currency
                .is_some_and(|currency| superseded.contains(&(period, currency)))
                .then_some(Reason::DraftSuperseded),
            InvoiceStanding::Counts => None,
            InvoiceStanding::Credited => Some(Reason::CreditedInvoice),
            InvoiceStanding::Void => Some(Reason::VoidInvoice),
        };
        rows.push(TieOut { ignored, ..one(input, reference, invoice, sum)? });
    }
    Ok(rows)
}

fn one(
    input: &Input,
    reference: VendorInvoiceRef,
    invoice: &VendorInvoiceRow,
    sum: &Sums,
) -> Result<TieOut, OutOfRange> {
    let total = invoice.total.known();
    let bases = [
        (TieOutBasis::AmountDue, sum.amount_due),
        (TieOutBasis::AmountDueWithoutTax, sum.amount_due.minus(sum.sales_tax)?),
        (TieOutBasis::CostWithTax, sum.cost_total.plus(sum.sales_tax)?),
        (TieOutBasis::Cost, sum.cost_total),
    ];
    let ties = total
        .filter(|_| !sum.is_incomplete)
        .and_then(|total| bases.into_iter().find(|(_, amount)| *amount == total))
        .map(|(basis, _)| basis);
    let decimal = |amount: Option<Amount>| amount.map(Amount::to_decimal).transpose();
    Ok(TieOut {
        invoice: reference,
        currency: invoice.currency.or(sum.currency),
        lines: sum.lines,
        total: decimal(total)?,
        carried_balance: decimal(invoice.carried_balance.known())?,
        sums: TieOutSums {
            amount_due: sum.amount_due.to_decimal()?,
            cost_total: sum.cost_total.to_decimal()?,
            sales_tax: sum.sales_tax.to_decimal()?,
        },
        ties,
        residue: decimal(total.map(|total| total.minus(sum.amount_due)).transpose()?)?,
        ignored: None,
        replacement: replacement(input, reference, invoice),
    })
}

/// The first invoice that counts, has the same currency and is dated on or after a withdrawn one in its month or the
/// next; for a draft, in its month.
fn replacement(input: &Input, withdrawn: VendorInvoiceRef, row: &VendorInvoiceRow) -> Option<VendorInvoiceRef> {
    let month = Period::of(row.date);
    let (first, last) = match row.standing {
        InvoiceStanding::Counts => return None,
        InvoiceStanding::Draft => (month.first_day(), month.last_day()),
        InvoiceStanding::Credited | InvoiceStanding::Void => (row.date, month.next().last_day()),
    };
    (0_u32..)
        .map(VendorInvoiceRef)
        .take(input.vendor_invoices.ids.len())
        .filter(|other| *other != withdrawn)
        .filter_map(|other| Some((input.vendor_invoices.get(other)?, other)))
        .filter(|(other, _)| other.standing == InvoiceStanding::Counts && other.currency == row.currency)
        .filter(|(other, _)| first <= other.date && other.date <= last)
        .min_by_key(|(other, reference)| (other.date, *reference))
        .map(|(_, reference)| reference)
}
