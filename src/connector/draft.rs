//! Drafts of coming invoices. Pax8 forecasts lines without ids and without a head; here they become invoices like
//! others, with ids of our own that stay the same from pull to pull.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};

use super::{ConnectorError, Marketplace, Pulled, Rejected};
use crate::domain::id::ExternalId;
use crate::domain::money::Currency;
use crate::domain::period::Period;
use crate::domain::record::{
    BillingTerm, Known, VendorInvoice, VendorInvoiceLine, VendorInvoiceStatus, VendorLineKind,
};

/// Day of the month on which Pax8 dates its invoices.
const INVOICE_DAY: u64 = 5;

/// The draft of an invoice in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Head. It has no total: a forecast ties out with nothing.
    pub invoice: Pulled<VendorInvoice>,
    /// Lines.
    pub lines: Vec<Pulled<VendorInvoiceLine>>,
}

/// The drafts of a month, one for each currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drafts {
    /// Drafts.
    pub drafts: Vec<Draft>,
    /// Lines that could not be read.
    pub rejected: Vec<Rejected>,
}

/// Reads the drafts of this month's (`month_offset` 0) or the next month's (1) invoices. All pages are read at once,
/// because what tells two equal lines apart is known only with the whole.
pub async fn read(marketplace: &dyn Marketplace, month_offset: u8, today: NaiveDate) -> Result<Drafts, ConnectorError> {
    let (mut lines, mut rejected) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let page = marketplace.draft_lines(month_offset, after).await?;
        lines.extend(page.records);
        rejected.extend(page.rejected);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let this_month = Period::of(today);
    let asked = if month_offset == 0 { this_month } else { this_month.next() };
    Ok(Drafts { drafts: assembled(lines, asked), rejected })
}

/// Makes invoices of the lines of a month.
fn assembled(mut lines: Vec<Pulled<VendorInvoiceLine>>, asked: Period) -> Vec<Draft> {
    let month = month_of(&lines).unwrap_or(asked);
    // The same lines in another order have to get the same ids.
    lines.sort_by(|one, other| one.raw.cmp(&other.raw));
    let mut by_currency: BTreeMap<Option<Currency>, Vec<Pulled<VendorInvoiceLine>>> = BTreeMap::new();
    for line in lines {
        by_currency.entry(line.record.currency).or_default().push(line);
    }
    by_currency.into_iter().map(|(currency, lines)| draft(month, currency, lines)).collect()
}

/// The month that seats are charged for in advance. Pax8 counts "this month" by a clock of its own, so that the lines
/// know better than we do.
fn month_of(lines: &[Pulled<VendorInvoiceLine>]) -> Option<Period> {
    let mut months: BTreeMap<Period, u64> = BTreeMap::new();
    for line in lines.iter().map(|line| &line.record) {
        let is_monthly = line.kind == Known::Known(VendorLineKind::Subscription)
            && line.term == Some(Known::Known(BillingTerm::Monthly));
        if let Some(start) = line.period_start.filter(|_| is_monthly) {
            *months.entry(Period::of(start)).or_default() += 1;
        }
    }
    months.into_iter().max_by_key(|(month, count)| (*count, *month)).map(|(month, _)| month)
}

fn draft(month: Period, currency: Option<Currency>, lines: Vec<Pulled<VendorInvoiceLine>>) -> Draft {
    let id = match currency {
        Some(currency) => format!("draft-{month}-{currency}"),
        None => format!("draft-{month}"),
    };
    let date = month.first_day() + Days::new(INVOICE_DAY - 1);
    let raw = serde_json::json!({
        "id": &id,
        "invoiceDate": date.to_string(),
        "status": "Draft",
        "currencyCode": currency.map(|currency| currency.to_string()),
    });
    let invoice = VendorInvoice {
        external_id: ExternalId::from(id.as_str()),
        invoice_date: date,
        due_date: None,
        status: Some(Known::Known(VendorInvoiceStatus::Draft)),
        total: None,
        balance: None,
        carried_balance: None,
        currency,
        company_external_id: None,
    };
    let mut ordinals: HashMap<String, u64> = HashMap::new();
    let line = |mut line: Pulled<VendorInvoiceLine>| {
        let record = &mut line.record;
        let subject = record.subscription_external_id.as_ref().or(record.product_external_id.as_ref());
        let start = record.period_start.map_or("-".to_owned(), |start| start.to_string());
        let key = format!("{id}/{}/{}/{start}", subject.map_or("-", ExternalId::as_str), kind(&record.kind));
        let ordinal = ordinals.entry(key.clone()).or_default();
        *ordinal += 1;
        record.external_id = ExternalId::from(format!("{key}/{ordinal}"));
        record.invoice_external_id = ExternalId::from(id.as_str());
        line
    };
    let lines = lines.into_iter().map(line).collect();
    Draft { invoice: Pulled { record: invoice, raw: raw.to_string(), notes: Vec::new() }, lines }
}

fn kind(kind: &Known<VendorLineKind>) -> &str {
    match kind {
        Known::Known(VendorLineKind::Subscription) => "subscription",
        Known::Known(VendorLineKind::Prorate) => "prorate",
        Known::Known(VendorLineKind::OneTime) => "one-time",
        Known::Known(VendorLineKind::Rebate) => "rebate",
        Known::Known(VendorLineKind::ServiceCharge) => "service-charge",
        Known::Known(VendorLineKind::ServiceCredit) => "service-credit",
        Known::Known(VendorLineKind::PaymentCredit) => "payment-credit",
        Known::Known(VendorLineKind::InvoiceCredit) => "invoice-credit",
        Known::Unrecognized(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::pax8::convert::{Account, LineOrigin, invoice_line, pulled};

    fn line(json: &str) -> Pulled<VendorInvoiceLine> {
        let origin = LineOrigin { invoice: ExternalId::from("draft-1"), currency: None, position: 0 };
        pulled(json, |json, notes| invoice_line(json, notes, Account { zone: chrono_tz::Tz::UTC }, &origin)).unwrap()
    }

    fn item(subscription: &str, kind: &str, start: &str, quantity: u32, currency: &str) -> Pulled<VendorInvoiceLine> {
        let subscription = if subscription.is_empty() { "null".to_owned() } else { format!("\"{subscription}\"") };
        line(&format!(
            r#"{{"type":"{kind}","subscriptionId":{subscription},"productId":"p1","startPeriod":"{start}","term":"Monthly",
            "quantity":{quantity},"costTotal":1.5,"currencyCode":"{currency}"}}"#
        ))
    }

    fn ids(drafts: &[Draft]) -> Vec<&str> {
        let lines = |draft: &Draft| draft.lines.len();
        assert!(drafts.iter().all(|draft| lines(draft) > 0));
        drafts.iter().flat_map(|draft| &draft.lines).map(|line| line.record.external_id.as_str()).collect()
    }

    #[test]
    fn lines_become_an_invoice_for_each_currency_with_ids_that_stay() {
        let lines = vec![
            item("s1", "subscription", "2026-11-01", 3, "USD"),
            item("s1", "prorate", "2026-10-12", 1, "USD"),
            item("s1", "prorate", "2026-10-12", 2, "USD"),
            item("", "one-time", "2026-10-20", 1, "USD"),
            item("s2", "subscription", "2026-11-01", 5, "GBP"),
        ];
        let asked = Period::parse("2026-12").unwrap();
        let drafts = assembled(lines.clone(), asked);
        assert_eq!(
            ids(&drafts),
            [
                "draft-2026-11-GBP/s2/subscription/2026-11-01/1",
                "draft-2026-11-USD/p1/one-time/2026-10-20/1",
                "draft-2026-11-USD/s1/prorate/2026-10-12/1",
                "draft-2026-11-USD/s1/prorate/2026-10-12/2",
                "draft-2026-11-USD/s1/subscription/2026-11-01/1",
            ],
            "sorted by what was sent"
        );
        let heads: Vec<_> = drafts.iter().map(|draft| &draft.invoice.record).collect();
        assert_eq!(heads[1].external_id.as_str(), "draft-2026-11-USD");
        assert_eq!(heads[1].invoice_date.to_string(), "2026-11-05");
        assert_eq!(heads[1].status, Some(Known::Known(VendorInvoiceStatus::Draft)));
        assert_eq!(heads[1].total, None);

        let mut reversed = lines;
        reversed.reverse();
        assert_eq!(assembled(reversed, asked), drafts, "the order of the lines does not matter");
    }

    #[test]
    fn without_seats_the_month_that_was_asked_for_counts() {
        let drafts = assembled(vec![item("s1", "prorate", "2026-10-12", 1, "USD")], Period::parse("2026-11").unwrap());
        assert_eq!(ids(&drafts), ["draft-2026-11-USD/s1/prorate/2026-10-12/1"]);
        assert_eq!(assembled(Vec::new(), Period::parse("2026-11").unwrap()), []);
    }
}
