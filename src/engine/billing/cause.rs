//! Why a difference arose, where the history of both sides shows it: which change one side made and the other missed.
//!
//! A cause is a fact with its date, never a guess: what the records do not show has none. No cause names a cost.

use chrono::NaiveDate;

use super::amount::{Amount, Maybe};
use super::finding::Finding;
use super::input::{AgreementLineRow, Change, Input, LineKind, SubscriptionRow};
use super::intern::AgreementLineRef;
use super::judge::Judge;
use super::key::AccountKey;
use super::report::Report;
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::{OutOfRange, plain};
use crate::domain::period::Period;

/// What causes are read from.
pub(super) struct History<'a> {
    pub(super) judge: &'a Judge<'a>,
    pub(super) report: &'a Report,
    /// Account and period of each key, sorted.
    pub(super) accounts: &'a [(AccountKey, u16)],
}

/// Since when an agreement line is as it is, and what came before it.
struct Run<'a> {
    since: Option<NaiveDate>,
    before: Option<&'a AgreementLineRow>,
}

impl History<'_> {
    /// The cause of a finding; `None` where the history shows none.
    pub(super) fn cause(&self, finding: &Finding) -> Result<Option<String>, OutOfRange> {
        match finding.kind {
            Type::QuantityUnder | Type::QuantityOver => self.quantity(finding),
            Type::WrongPrice => self.price(finding),
            Type::CanceledStillBilled => self.ended(finding),
            Type::NewNotBilled | Type::NeverBilled => Ok(self.unbilled(finding)),
            Type::ProrationNotBilled | Type::CreditNotPassed => self.inside(finding),
            Type::UsageStaleAmount => self.stale(finding),
            Type::DuplicateBilling => Ok(self.duplicate(finding)),
            Type::WrongCustomer | Type::WrongProduct | Type::CurrencyMismatch => Ok(self.began(finding)),
            Type::Pax8QuantityMismatch => self.not_followed(finding),
            // These say all there is to say, or their cause would be a cost.
            Type::Rounding
            | Type::ProductMissingInPsa
            | Type::CustomerMissingInPsa
            | Type::UsageNotBilled
            | Type::OneTimeNotBilled
            | Type::WrongBillingCycle
            | Type::Pax8DuplicateCharge
            | Type::OrphanedBilling
            | Type::CostIncrease
            | Type::BelowMarginFloor
            | Type::UsageUnassigned => Ok(None),
        }
    }

    fn input(&self) -> &Input {
        self.judge.input
    }

    fn subscription(&self, finding: &Finding) -> Option<&SubscriptionRow> {
        self.input().subscriptions.get(finding.subscription?)
    }

    fn period(&self, finding: &Finding) -> Period {
        self.judge.periods[usize::from(finding.period)]
    }

    /// The day on which a charge counts its units and finds its price.
    fn day(&self, finding: &Finding) -> NaiveDate {
        let starts = finding.vendor_lines.iter().filter_map(|line| self.input().vendor_line(*line).start);
        starts.max().unwrap_or_else(|| self.period(finding).first_day())
    }

    /// Whether the finding is about whole months or years, not about changes inside them.
    fn is_recurring(&self, finding: &Finding) -> bool {
        finding.vendor_lines.iter().all(|line| self.input().vendor_line(*line).kind == LineKind::Subscription)
    }

    /// The agreement lines that billed, each once.
    fn agreement_lines(&self, finding: &Finding) -> Vec<AgreementLineRef> {
        let lines = finding.psa_lines.iter().filter_map(|line| self.input().psa_line(*line).agreement_line);
        let mut lines: Vec<AgreementLineRef> = lines.collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// The only agreement line that billed.
    fn agreement_line(&self, finding: &Finding) -> Option<AgreementLineRef> {
        let lines = self.agreement_lines(finding);
        if let &[line] = &lines[..] { Some(line) } else { None }
    }

    /// Follows a line back to where it got the value that it has.
    fn run_of(&self, line: AgreementLineRef, value: fn(&AgreementLineRow) -> Maybe) -> Option<Run<'_>> {
        let rows = &self.input().agreement_lines;
        let mut row = rows.get(line)?;
        let mut at = line;
        for _ in 0..rows.rows.len() {
            let Some(earlier) = self.judge.chains.before(at) else { break };
            let before = rows.get(earlier)?;
            if value(before) != value(row) || earlier == line {
                return Some(Run { since: row.from, before: Some(before) });
            }
            (row, at) = (before, earlier);
        }
        Some(Run { since: row.from, before: None })
    }

    /// How the agreement lines stood to a change of the other side.
    fn not_moved(&self, finding: &Finding, day: NaiveDate, value: fn(&AgreementLineRow) -> Maybe) -> String {
        let Some(line) = self.agreement_line(finding) else {
            return if self.agreement_lines(finding).is_empty() { "the PSA" } else { "the agreement lines" }.to_owned()
                + " did not follow";
        };
        match self.run_of(line, value).and_then(|run| run.since) {
            Some(since) if since <= day => format!("the agreement line has not changed since {since}"),
            Some(since) => format!("the agreement line that began on {since} did not follow"),
            None => "the agreement line did not follow".to_owned(),
        }
    }

    fn quantity(&self, finding: &Finding) -> Result<Option<String>, OutOfRange> {
        let Some(row) = self.subscription(finding).filter(|_| self.is_recurring(finding)) else { return Ok(None) };
        let (Some(wanted), Some(found)) = (finding.expected_quantity.known(), finding.actual_quantity.known()) else {
            return Ok(None);
        };
        let day = self.day(finding);
        if finding.psa_lines.is_empty() {
            let last = finding.chain.and_then(|chain| self.input().agreement_lines.get(self.judge.chains.last(chain)));
            let ended = last.and_then(|last| last.to).filter(|to| *to < self.period(finding).first_day());
            return Ok(ended.map(|to| format!("The agreement line ended on {to}; the subscription goes on.")));
        }
        let missing = wanted.minus(found)?;
        let factor = self.judge.calculator.factor(finding.account, row, day);
        let changes: Vec<Change> = row.changes().into_iter().filter(|change| change.day <= day).collect();
        if let Some(now) = row.quantity_on(day) {
            for (at, change) in changes.iter().enumerate().rev() {
                if now.minus(change.before)?.times(factor)? == missing {
                    let missed = &changes[at..];
                    let line = self.not_moved(finding, change.day, |line| line.quantity);
                    return Ok(Some(format!("{}; {line}.", seats(change.before, now, missed)?)));
                }
            }
        }
        let Some(line) = self.agreement_line(finding) else { return Ok(None) };
        let Some(Run { since: Some(since), before: Some(before) }) = self.run_of(line, |line| line.quantity) else {
            return Ok(None);
        };
        let now = self.input().agreement_lines.get(line).map_or(Maybe::UNKNOWN, |line| line.quantity);
        let (Some(before), Some(now)) = (before.quantity.known(), now.known()) else { return Ok(None) };
        if now.minus(before)? != found.minus(wanted)? {
            return Ok(None);
        }
        let unchanged = changes.last().map(|change| change.day).or_else(|| row.start());
        let Some(unchanged) = unchanged else { return Ok(None) };
        Ok(Some(format!(
            "The agreement line went from {} to {} on {since}; the subscription has not changed since {unchanged}.",
            units(before)?,
            units(now)?
        )))
    }

    fn price(&self, finding: &Finding) -> Result<Option<String>, OutOfRange> {
        let (Some(wanted), Some(found)) = (finding.expected_price.known(), finding.actual_price.known()) else {
            return Ok(None);
        };
        let changes = self.judge.calculator.price_changes(finding.account, self.day(finding));
        let digits = finding.account.currency().minor_digits();
        let money = |price: Amount| -> Result<String, OutOfRange> {
            Ok(format!("{} {}", plain(price.to_decimal()?, digits), finding.account.currency()))
        };
        if let Some((at, change)) = changes.iter().enumerate().rev().find(|(_, change)| change.before == found) {
            let line = self.not_moved(finding, change.day, |line| line.unit_price);
            let when = when(&changes[at..]);
            return Ok(Some(format!(
                "The reference price went from {} to {} {when}; {line}.",
                money(found)?,
                money(wanted)?
            )));
        }
        let run = self.agreement_line(finding).and_then(|line| self.run_of(line, |line| line.unit_price));
        let Some(Run { since: Some(since), before: Some(before) }) = run else { return Ok(None) };
        if before.unit_price != wanted.into() {
            return Ok(None);
        }
        Ok(Some(format!(
            "The price on the agreement line went from {} to {} on {since}; the reference price did not.",
            money(wanted)?,
            money(found)?
        )))
    }

    fn ended(&self, finding: &Finding) -> Result<Option<String>, OutOfRange> {
        let Some(end) = self.subscription(finding).and_then(SubscriptionRow::end) else { return Ok(None) };
        let line = self.agreement_line(finding).and_then(|line| self.input().agreement_lines.get(line));
        Ok(Some(match line {
            Some(line) => match line.to {
                Some(to) => format!("The subscription ended on {end}; the agreement line ends on {to}."),
                None => format!("The subscription ended on {end}; the agreement line has no end."),
            },
            None => format!("The subscription ended on {end}; the PSA goes on billing it."),
        }))
    }

    fn unbilled(&self, finding: &Finding) -> Option<String> {
        let start = self.subscription(finding)?.start()?;
        let (customer, item) = (finding.account.known_customer()?, finding.account.known_item()?);
        let (customer_name, item_name) = (self.input().customer_name(customer), self.input().item_name(item));
        if self.input().agreement_lines.ids.is_empty() {
            return Some(format!("The subscription began on {start}; nothing in the PSA bills it."));
        }
        if let Some(end) = self.judge.agreed_until(customer, item) {
            let is_over = end.filter(|end| *end < self.period(finding).first_day());
            let line = is_over.map_or_else(
                || format!("the agreement lines that {customer_name} has for {item_name} do not bill it"),
                |end| format!("the last agreement line of {customer_name} for {item_name} ended on {end}"),
            );
            return Some(format!("The subscription began on {start}; {line}."));
        }
        let billed = self.items_billed(finding);
        let rest = match billed {
            0 => String::new(),
            1 => ", but is billed for another item".to_owned(),
            many => format!(", but is billed for {many} other items"),
        };
        Some(format!("The subscription began on {start}; {customer_name} has no agreement line for {item_name}{rest}."))
    }

    /// How many other items the customer was billed for in the month.
    fn items_billed(&self, finding: &Finding) -> usize {
        let customer = finding.account.customer();
        let first = self.accounts.partition_point(|(account, _)| account.customer() < customer);
        let keys = self.accounts[first..].iter().zip(&self.report.keys[first..]);
        keys.take_while(|((account, _), _)| account.customer() == customer)
            .filter(|((account, period), key)| {
                *period == finding.period
                    && account.item() != finding.account.item()
                    && key.billed.is_some_and(|billed| !billed.is_zero())
            })
            .count()
    }

    /// The change inside a month or a term that a proration or a credit is for.
    fn inside(&self, finding: &Finding) -> Result<Option<String>, OutOfRange> {
        let Some(row) = self.subscription(finding) else { return Ok(None) };
        let start = finding.vendor_lines.first().and_then(|line| self.input().vendor_line(*line).start);
        let (Some(start), Some(quantity)) = (start, finding.expected_quantity.known()) else { return Ok(None) };
        let factor = self.judge.calculator.factor(finding.account, row, start);
        for change in row.changes() {
            if change.day == start && change.after.minus(change.before)?.times(factor)? == quantity {
                return Ok(Some(format!("{}.", seats(change.before, change.after, &[change])?)));
            }
        }
        let is_first = row.start() == Some(start)
            && row.quantity_on(start).is_some_and(|first| first.times(factor).is_ok_and(|first| first == quantity));
        Ok(is_first.then(|| format!("The subscription began on {start}, within the month.")))
    }

    /// In which other months the same amount was billed for use.
    fn stale(&self, finding: &Finding) -> Result<Option<String>, OutOfRange> {
        let first = self.accounts.partition_point(|(account, _)| *account < finding.account);
        let mut months: Vec<String> = Vec::new();
        for ((account, period), key) in self.accounts[first..].iter().zip(&self.report.keys[first..]) {
            if *account != finding.account {
                break;
            }
            let mut lines = self.report.psa_lines(key).iter();
            if *period != finding.period
                && lines.any(|line| self.input().psa_line(*line).amount == finding.actual.into())
            {
                months.push(key.period.to_string());
            }
        }
        let amount = format!(
            "{} {}",
            plain(finding.actual.to_decimal()?, finding.account.currency().minor_digits()),
            finding.account.currency()
        );
        if !months.is_empty() {
            return Ok(Some(format!("The same {amount} was billed in {} too.", listed(&months))));
        }
        let since = self.agreement_line(finding).and_then(|line| self.input().agreement_lines.get(line)?.from);
        Ok(since.map(|since| format!("An agreement line has billed a fixed {amount} since {since}.")))
    }

    fn duplicate(&self, finding: &Finding) -> Option<String> {
        let chains = self.judge.chains;
        let own = finding.chain?;
        let since = |line: AgreementLineRef| self.input().agreement_lines.get(line).and_then(|row| row.from);
        let began = since(own)?;
        let other = self.agreement_lines(finding).into_iter().map(|line| chains.head(line)).find(|head| *head != own);
        Some(match other.and_then(since) {
            Some(first) if first == began => format!("Both agreement lines began on {began}."),
            Some(first) => {
                let (first, second) = (first.min(began), first.max(began));
                format!("A second agreement line began on {second}; the first has billed since {first}.")
            }
            None => format!("The second agreement line began on {began}."),
        })
    }

    /// When the line began that bills in the wrong place, and when what it should bill did.
    fn began(&self, finding: &Finding) -> Option<String> {
        let line = self.input().agreement_lines.get(finding.chain?)?.from?;
        let start = self.subscription(finding).and_then(SubscriptionRow::start);
        let product = finding.product.map_or("", |product| self.input().product_name(product));
        Some(match start {
            Some(start) if Period::of(start) == Period::of(line) => {
                format!(
                    "The agreement line began on {line}, when the subscription to {product} began at Pax8 ({start})."
                )
            }
            Some(start) => {
                format!("The agreement line began on {line}; the subscription to {product} began at Pax8 on {start}.")
            }
            None => format!("The agreement line began on {line}."),
        })
    }

    /// The change of its own subscription that the vendor's invoice does not have, or has too early.
    fn not_followed(&self, finding: &Finding) -> Result<Option<String>, OutOfRange> {
        let Some(row) = self.subscription(finding) else { return Ok(None) };
        let (Some(now), Some(charged)) = (finding.expected_quantity.known(), finding.actual_quantity.known()) else {
            return Ok(None);
        };
        let day = self.day(finding);
        let changes = row.changes();
        let (past, future): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(|change| change.day <= day);
        if let Some(at) = past.iter().rposition(|change| change.before == charged) {
            let went = seats(charged, now, &past[at..])?;
            return Ok(Some(format!("{went}; the invoice did not follow.")));
        }
        let Some(early) = future.iter().find(|change| change.after == charged) else { return Ok(None) };
        let went = seats(early.before, early.after, std::slice::from_ref(early))?;
        Ok(Some(format!("{went}, after {day}, the first day charged; the invoice has the change already.")))
    }
}

fn units(quantity: Amount) -> Result<String, OutOfRange> {
    Ok(plain(quantity.to_decimal()?, 0))
}

/// "Seats went from 17 to 18 on 2026-09-12 at Pax8".
fn seats(before: Amount, after: Amount, changes: &[Change]) -> Result<String, OutOfRange> {
    Ok(format!("Seats went from {} to {} {} at Pax8", units(before)?, units(after)?, when(changes)))
}

/// The day of one change, or the first and last day of several.
fn when(changes: &[Change]) -> String {
    match changes {
        [] => String::new(),
        [first, .., last] if first.day != last.day => format!("between {} and {}", first.day, last.day),
        [first, ..] => format!("on {}", first.day),
    }
}

/// "a, b and c".
fn listed(words: &[String]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => words.concat(),
    }
}
