//! A report in full, readable without what it was made from: records are named by their ids at the providers, and the
//! names they had are beside.

use std::cmp::Reverse;
use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Audience;
use super::hidden::{Hidden, hide, with_hidden};
pub use super::names::Names;
use super::policy::{shown, switches};
use super::totals::{GroupTotals, Vendors, groups};
use crate::digest::hexadecimal;
use crate::domain::discrepancy::magnitude;
use crate::domain::money::{OutOfRange, difference};
use crate::domain::suppression::SuppressionRule;
use crate::engine::billing::{
    CurrencyTotals, Discrepancy, Input, KeyResult, PeriodEnd, Report, Side, TieOut, TieOutBasis, Verdict,
};

/// Shape of the document; changes when a reader has to change.
pub const FORMAT: &str = "concord-report-1";

/// Name of the policy whose switches all have their default value.
pub const DEFAULT_POLICY: &str = "Default policy";

/// A switch of the policy and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

impl Switch {
    /// The value that a reader may see.
    pub fn value_for(&self, audience: Audience) -> &str {
        shown(&self.name, &self.value, audience)
    }
}

/// What the report says about the whole. Amounts are exact decimals, written as texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Shape of the document.
    pub format: String,
    /// First month.
    pub period_from: String,
    /// Last month.
    pub period_to: String,
    /// The day that counted as today.
    pub as_of: String,
    /// Version of the engine.
    pub engine_version: u32,
    /// What the report was made from, as one number in hexadecimal.
    pub fingerprint: String,
    /// How the account writes the end of service periods: `INCLUSIVE` or `EXCLUSIVE`.
    pub period_end: String,
    /// Name of the policy, with its version where it has one.
    #[serde(default)]
    pub policy_name: String,
    /// Rules that it was made by.
    pub policy: Vec<Switch>,
    /// Verdict on the whole.
    pub verdict: String,
    /// Sums per currency.
    pub totals: Vec<Totals>,
    /// Counts and sums per currency, side and class, which add up to the source lines.
    pub footing: Vec<Footing>,
    /// The same by reason.
    pub coverage: Vec<Coverage>,
    /// Months that rest on drafts, by currency and side: their figures may still change.
    #[serde(default)]
    pub provisional: Vec<Provisional>,
    /// Every vendor invoice against its head.
    pub tie_outs: Vec<InvoiceTieOut>,
    /// Records that could not be taken in.
    pub left_out: Vec<LeftOut>,
    /// What rules hide, by rule and currency. It counts all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<Hidden>,
    /// Number of keys.
    pub key_count: u64,
    /// Number of discrepancies.
    pub discrepancy_count: u64,
}

/// Sums of one currency over all keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Currency.
    pub currency: String,
    /// Keys.
    pub keys: u64,
    /// Keys with an unknown amount; the sums leave unknown amounts out.
    pub incomplete_keys: u64,
    /// What Pax8 charged.
    pub cost: Decimal,
    /// What should have been billed.
    pub expected: Decimal,
    /// What was billed.
    pub billed: Decimal,
    /// Effects below zero: billed too little.
    pub leakage: Decimal,
    /// Effects above zero: billed too much.
    pub overbilling: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
    /// Expected amounts that rest on mappings nobody confirmed.
    pub expected_on_suggested: Decimal,
}

impl Totals {
    /// Billed minus expected.
    pub fn difference(&self) -> Result<Decimal, OutOfRange> {
        difference(self.billed, self.expected)
    }

    /// Billed minus cost.
    pub fn margin(&self) -> Result<Decimal, OutOfRange> {
        difference(self.billed, self.cost)
    }
}

/// Count and sum of the lines of one currency, side and class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Footing {
    /// Currency; `None` for lines that name none.
    pub currency: Option<String>,
    /// Side: `PAX8` or `PSA`.
    pub side: String,
    /// Class.
    pub class: String,
    /// Lines.
    pub count: u64,
    /// Lines among them whose amount is unknown.
    pub unknown: u64,
    /// Sum of the known amounts.
    pub amount: Decimal,
}

/// Lines of one class that share a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Currency; `None` for lines that name none.
    pub currency: Option<String>,
    /// Side: `PAX8` or `PSA`.
    pub side: String,
    /// Class.
    pub class: String,
    /// Why; `None` for what was compared.
    pub reason: Option<String>,
    /// Lines.
    pub count: u64,
    /// Sum of the known amounts.
    pub amount: Decimal,
}

/// Lines of drafts that are compared, because no invoice has taken their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisional {
    /// Month.
    pub period: String,
    /// Currency.
    pub currency: String,
    /// Side whose drafts they are: `PAX8` or `PSA`.
    pub side: String,
    /// Lines.
    pub count: u64,
    /// Sum of the known amounts.
    pub amount: Decimal,
}

/// How an invoice's lines compare with its head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceTieOut {
    /// Invoice.
    pub invoice_id: String,
    /// Currency, where known.
    pub currency: Option<String>,
    /// Lines.
    pub lines: u64,
    /// Total of the head.
    pub total: Option<Decimal>,
    /// Balance carried over from earlier invoices.
    pub carried_balance: Option<Decimal>,
    /// Sum of the amounts due.
    pub amount_due: Decimal,
    /// Sum of the costs, without tax.
    pub cost_total: Decimal,
    /// Sum of the sales tax.
    pub sales_tax: Decimal,
    /// Which sum equals the total; `None` when none does.
    pub ties: Option<String>,
    /// Total minus the sum of amounts due.
    pub residue: Option<Decimal>,
    /// Why the invoice does not count, where it does not.
    pub ignored: Option<String>,
    /// Invoice that replaces it.
    pub replacement_id: Option<String>,
}

/// A record that could not be taken in, so that nothing of it was compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Kind of record.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// PSA customer; `None` when there is none.
    pub customer_id: Option<String>,
    /// Company that has no PSA customer, when there is none.
    pub unmapped_company_id: Option<String>,
    /// PSA item; `None` when there is none.
    pub item_id: Option<String>,
    /// Product that has no PSA item, when there is none.
    pub unmapped_product_id: Option<String>,
    /// Month.
    pub period: String,
    /// Currency.
    pub currency: String,
    /// Companies at Pax8.
    pub company_ids: Vec<String>,
    /// Products at Pax8.
    pub product_ids: Vec<String>,
    /// What Pax8 charged.
    pub cost: Option<Decimal>,
    /// What should have been billed.
    pub expected: Option<Decimal>,
    /// What was billed.
    pub billed: Option<Decimal>,
    /// Billed minus expected.
    pub difference: Option<Decimal>,
    /// Billed minus cost.
    pub margin: Option<Decimal>,
    /// Seats of the subscriptions.
    pub subscribed_quantity: Option<Decimal>,
    /// Units on the vendor's invoice.
    pub charged_quantity: Option<Decimal>,
    /// Units on the PSA's invoice.
    pub billed_quantity: Option<Decimal>,
    /// Verdict.
    pub class: String,
    /// Why it was not compared or was left out.
    pub reason: Option<String>,
    /// Whether a mapping that nobody confirmed stands behind it.
    pub rests_on_suggested: bool,
    /// Whether its month and currency rest on drafts, so that it may still change.
    #[serde(default)]
    pub is_provisional: bool,
    /// Its discrepancies, as positions in the document.
    pub discrepancies: Vec<u32>,
    /// Lines on the vendor's invoices.
    pub vendor_line_ids: Vec<String>,
    /// Lines on the PSA's invoices.
    pub psa_line_ids: Vec<String>,
}

/// A difference that somebody has to understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Id, the same from month to month.
    pub id: String,
    /// What is wrong.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much it weighs.
    pub severity: String,
    /// How much it weighs by the effect alone, for readers who may not know about cost.
    pub effect_severity: String,
    /// PSA customer; `None` when there is none.
    pub customer_id: Option<String>,
    /// Company at Pax8.
    pub company_id: Option<String>,
    /// PSA item; `None` when there is none.
    pub item_id: Option<String>,
    /// Product at Pax8.
    pub product_id: Option<String>,
    /// Subscription at Pax8.
    pub subscription_id: Option<String>,
    /// First line of the chain of agreement lines that bills it.
    pub agreement_line_id: Option<String>,
    /// Month.
    pub period: String,
    /// Currency.
    pub currency: String,
    /// Units that should be there.
    pub expected_quantity: Option<Decimal>,
    /// Units that are there.
    pub actual_quantity: Option<Decimal>,
    /// Amount that should have been billed.
    pub expected: Decimal,
    /// Amount that was billed.
    pub actual: Decimal,
    /// Billed minus expected.
    pub effect: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
    /// Number that the two halves of a pair share.
    pub pair: Option<u32>,
    /// What happened and what to do, without any cost.
    pub sentence: String,
    /// The same with cost.
    pub cost_sentence: Option<String>,
    /// Why it arose, where the history shows it, without any cost.
    #[serde(default)]
    pub root_cause: Option<String>,
    /// Whether a mapping that nobody confirmed stands behind it.
    pub rests_on_suggested: bool,
    /// Lines on the vendor's invoices.
    pub vendor_line_ids: Vec<String>,
    /// Lines on the PSA's invoices.
    pub psa_line_ids: Vec<String>,
    /// Id of the rule that hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_by: Option<String>,
}

impl Finding {
    /// What it costs, whoever pays: the size of the effect and of the cost effect together.
    pub fn magnitude(&self) -> Result<Decimal, OutOfRange> {
        magnitude(self.effect, self.cost_effect)
    }

    /// By what a reader orders: what it costs, as far as the reader may see.
    pub fn weight_for(&self, audience: Audience) -> Decimal {
        match audience {
            Audience::WithCost => self.magnitude().unwrap_or(Decimal::MAX),
            Audience::WithoutCost => self.effect.abs(),
        }
    }

    /// The sentence that a reader may see.
    pub fn sentence_for(&self, audience: Audience) -> &str {
        match audience {
            Audience::WithCost => self.cost_sentence.as_deref().unwrap_or(&self.sentence),
            Audience::WithoutCost => &self.sentence,
        }
    }

    /// How much it weighs for a reader.
    pub fn severity_for(&self, audience: Audience) -> &str {
        match audience {
            Audience::WithCost => &self.severity,
            Audience::WithoutCost => &self.effect_severity,
        }
    }
}

/// A report in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// The whole.
    pub summary: Summary,
    /// Every key, by customer, item, currency and period.
    pub keys: Vec<Key>,
    /// Every discrepancy, by key and type.
    pub discrepancies: Vec<Finding>,
    /// Names of what is mentioned.
    pub names: Names,
    /// Sums by customer, product, vendor, type and month.
    #[serde(default)]
    pub groups: Vec<GroupTotals>,
}

/// What a report says beyond what the engine knows.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// Records that could not be taken in.
    pub left_out: Vec<LeftOut>,
    /// Short codes of the PSA's items, by id.
    pub item_codes: HashMap<String, String>,
    /// Vendors of the products at Pax8, by id.
    pub vendors: Vendors,
    /// Name of the policy; `None` for the default one.
    pub policy_name: Option<String>,
    /// Rules that hide discrepancies and hold on the day from which the run looks; the first that fits does.
    pub rules: Vec<SuppressionRule>,
}

impl Document {
    /// The document of a report.
    pub fn of(input: &Input, report: &Report, extras: Extras) -> Result<Self, OutOfRange> {
        let mut names = Names::default();
        let keys = report.keys.iter().map(|key| names.key(input, report, key)).collect::<Vec<_>>();
        let mut findings: Vec<Finding> =
            report.discrepancies.iter().map(|discrepancy| names.finding(input, discrepancy)).collect();
        for key in report.keys.iter().filter(|key| key.rests_on_suggested) {
            for at in &key.discrepancies {
                findings[*at as usize].rests_on_suggested = true;
            }
        }
        names.item_codes =
            names.items.keys().filter_map(|id| Some((id.clone(), extras.item_codes.get(id)?.clone()))).collect();
        let vendors: Vec<(&String, &String)> =
            names.products.keys().filter_map(|id| extras.vendors.get(id).map(|vendor| (id, vendor))).collect();
        let hidden = hide(&report.discrepancies, &mut findings, &extras.rules)?;
        let groups = groups(&keys, &findings, &names, &extras.vendors)?;
        let mut summary = summary(input, report, extras.left_out);
        summary.hidden = hidden;
        if !vendors.is_empty() {
            let parts = vendors.iter().flat_map(|(id, vendor)| [id.as_bytes(), vendor.as_bytes()]);
            summary.fingerprint = told(&summary.fingerprint, parts);
        }
        if let Some(name) = extras.policy_name {
            summary.fingerprint = told(&summary.fingerprint, [name.as_bytes()]);
            summary.policy_name = name;
        }
        summary.fingerprint = with_hidden(summary.fingerprint, &findings);
        Ok(Self { summary, keys, discrepancies: findings, names, groups })
    }
}

impl Document {
    /// The discrepancies that cost a reader most first; equal ones in the order of the document.
    pub fn costliest(&self, audience: Audience) -> Vec<&Finding> {
        let mut found: Vec<(Decimal, usize, &Finding)> = self
            .discrepancies
            .iter()
            .enumerate()
            .map(|(at, finding)| (finding.weight_for(audience), at, finding))
            .collect();
        found.sort_unstable_by_key(|(weight, at, _)| (Reverse(*weight), *at));
        found.into_iter().map(|(_, _, finding)| finding).collect()
    }
}

impl Names {
    fn key(&mut self, input: &Input, report: &Report, key: &KeyResult) -> Key {
        let (customer_id, unmapped_company_id) = self.customer_of(input, key.customer);
        let (item_id, unmapped_product_id) = self.item_of(input, key.item);
        Key {
            customer_id,
            unmapped_company_id,
            item_id,
            unmapped_product_id,
            period: key.period.to_string(),
            currency: key.currency.to_string(),
            company_ids: key.companies.iter().map(|company| self.company(input, *company)).collect(),
            product_ids: key.products.iter().map(|product| self.product(input, *product)).collect(),
            cost: key.cost,
            expected: key.expected,
            billed: key.billed,
            difference: key.difference,
            margin: key.margin,
            subscribed_quantity: key.subscribed_quantity,
            charged_quantity: key.charged_quantity,
            billed_quantity: key.billed_quantity,
            class: key.class.as_str().to_owned(),
            reason: key.reason.map(|reason| reason.as_str().to_owned()),
            rests_on_suggested: key.rests_on_suggested,
            is_provisional: key.is_provisional,
            discrepancies: key.discrepancies.clone(),
            vendor_line_ids: report
                .vendor_lines(key)
                .iter()
                .map(|line| input.vendor_line_id(*line).to_owned())
                .collect(),
            psa_line_ids: report.psa_lines(key).iter().map(|line| input.psa_line_id(*line).to_owned()).collect(),
        }
    }

    fn finding(&mut self, input: &Input, found: &Discrepancy) -> Finding {
        let (customer_id, missing_company) =
            found.customer.map_or((None, None), |customer| self.customer_of(input, customer));
        let (item_id, missing_product) = self.item_of(input, found.item);
        Finding {
            id: found.id.to_string(),
            kind: found.kind.as_str().to_owned(),
            severity: found.severity.as_str().to_owned(),
            effect_severity: found.effect_severity.as_str().to_owned(),
            customer_id,
            company_id: found.company.map(|company| self.company(input, company)).or(missing_company),
            item_id,
            product_id: found.product.map(|product| self.product(input, product)).or(missing_product),
            subscription_id: found.subscription.map(|of| input.subscription_id(of).to_owned()),
            agreement_line_id: found.agreement_line.map(|line| input.agreement_line_id(line).to_owned()),
            period: found.period.to_string(),
            currency: found.currency.to_string(),
            expected_quantity: found.expected_quantity,
            actual_quantity: found.actual_quantity,
            expected: found.expected_amount,
            actual: found.actual_amount,
            effect: found.effect,
            cost_effect: found.cost_effect,
            pair: found.pair,
            sentence: found.sentence.clone(),
            cost_sentence: found.cost_sentence.clone(),
            root_cause: found.root_cause.clone(),
            rests_on_suggested: false,
            vendor_line_ids: found.vendor_lines.iter().map(|line| input.vendor_line_id(*line).to_owned()).collect(),
            psa_line_ids: found.psa_lines.iter().map(|line| input.psa_line_id(*line).to_owned()).collect(),
            hidden_by: None,
        }
    }
}

fn side(side: Side) -> String {
    match side {
        Side::Vendor => "PAX8",
        Side::Psa => "PSA",
    }
    .to_owned()
}

fn totals(totals: &CurrencyTotals) -> Totals {
    Totals {
        currency: totals.currency.to_string(),
        keys: totals.keys,
        incomplete_keys: totals.incomplete_keys,
        cost: totals.cost,
        expected: totals.expected,
        billed: totals.billed,
        leakage: totals.leakage,
        overbilling: totals.overbilling,
        cost_effect: totals.cost_effect,
        expected_on_suggested: totals.expected_on_suggested,
    }
}

fn tie_out(input: &Input, row: &TieOut) -> InvoiceTieOut {
    let basis = |basis: TieOutBasis| match basis {
        TieOutBasis::AmountDue => "AMOUNT_DUE",
        TieOutBasis::AmountDueWithoutTax => "AMOUNT_DUE_WITHOUT_TAX",
        TieOutBasis::CostWithTax => "COST_WITH_TAX",
        TieOutBasis::Cost => "COST",
    };
    InvoiceTieOut {
        invoice_id: input.vendor_invoice_id(row.invoice).to_owned(),
        currency: row.currency.map(|currency| currency.to_string()),
        lines: row.lines,
        total: row.total,
        carried_balance: row.carried_balance,
        amount_due: row.sums.amount_due,
        cost_total: row.sums.cost_total,
        sales_tax: row.sums.sales_tax,
        ties: row.ties.map(|found| basis(found).to_owned()),
        residue: row.residue,
        ignored: row.ignored.map(|reason| reason.as_str().to_owned()),
        replacement_id: row.replacement.map(|invoice| input.vendor_invoice_id(invoice).to_owned()),
    }
}

/// A report is never clean while a record is missing from it.
fn verdict(report: &Report, left_out: &[LeftOut]) -> Verdict {
    match report.verdict {
        Verdict::Clean if !left_out.is_empty() => Verdict::Incomplete,
        verdict => verdict,
    }
}

/// The engine never saw what was left out, so the fingerprint has to be told of it.
fn fingerprint(report: &Report, left_out: &[LeftOut]) -> String {
    if left_out.is_empty() {
        return report.fingerprint.to_string();
    }
    let parts = left_out.iter().flat_map(|record| [&record.kind, &record.id, &record.reason]);
    told(&report.fingerprint.to_string(), parts.map(String::as_bytes))
}

/// A fingerprint that is told of more: equal ones were told the same in the same order.
pub(super) fn told<'a>(fingerprint: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(fingerprint.as_bytes());
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    hexadecimal(context.finish().as_ref())
}

fn summary(input: &Input, report: &Report, mut left_out: Vec<LeftOut>) -> Summary {
    left_out.sort_unstable();
    Summary {
        format: FORMAT.to_owned(),
        period_from: report.first.to_string(),
        period_to: report.last.to_string(),
        as_of: report.as_of.to_string(),
        engine_version: report.engine_version,
        fingerprint: fingerprint(report, &left_out),
        period_end: match report.period_end {
            PeriodEnd::Inclusive => "INCLUSIVE",
            PeriodEnd::Exclusive => "EXCLUSIVE",
        }
        .to_owned(),
        policy_name: DEFAULT_POLICY.to_owned(),
        policy: switches(&report.policy)
            .into_iter()
            .map(|(name, value)| Switch { name: name.to_owned(), value })
            .collect(),
        verdict: verdict(report, &left_out).as_str().to_owned(),
        totals: report.totals.iter().map(totals).collect(),
        footing: report
            .footing
            .iter()
            .map(|row| Footing {
                currency: row.currency.map(|currency| currency.to_string()),
                side: side(row.side),
                class: row.class.as_str().to_owned(),
                count: row.count,
                unknown: row.unknown,
                amount: row.amount,
            })
            .collect(),
        coverage: report
            .coverage
            .iter()
            .map(|row| Coverage {
                currency: row.currency.map(|currency| currency.to_string()),
                side: side(row.side),
                class: row.class.as_str().to_owned(),
                reason: row.reason.map(|reason| reason.as_str().to_owned()),
                count: row.count,
                amount: row.amount,
            })
            .collect(),
        provisional: report
            .provisional
            .iter()
            .map(|row| Provisional {
                period: row.period.to_string(),
                currency: row.currency.to_string(),
                side: side(row.side),
                count: row.count,
                amount: row.amount,
            })
            .collect(),
        tie_outs: report.tie_out.iter().map(|row| tie_out(input, row)).collect(),
        left_out,
        hidden: Vec::new(),
        key_count: report.keys.len() as u64,
        discrepancy_count: report.discrepancies.len() as u64,
    }
}
