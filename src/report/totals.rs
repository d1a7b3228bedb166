//! The sums of a report by customer, product, vendor, type and month.
//!
//! Sums of different currencies stay apart, and what is unknown is left out and counted.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::document::{Finding, Key, Names};
use super::words::or_missing;
use crate::domain::money::{ExactSum, OutOfRange};

/// What sums are made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Dimension {
    /// PSA customer, or the company that has none.
    Customer,
    /// PSA item, or the product that has none.
    Product,
    /// Vendor of the products at Pax8.
    Vendor,
    /// Type of discrepancy.
    Type,
    /// Month.
    Month,
}

/// Sums over one customer, product, vendor, type or month, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupTotals {
    /// What the sums are made over.
    pub dimension: Dimension,
    /// Id of the customer or product at the PSA, `pax8:` and the id there for one that has none; name of the vendor,
    /// type or month. `None` for lines of several vendors, or of one that is not known.
    pub subject: Option<String>,
    /// What a person calls it.
    pub label: String,
    /// Currency.
    pub currency: String,
    /// Keys; of a type, those that have such a discrepancy.
    pub keys: u64,
    /// Keys whose cost, expected or billed amount is unknown; the sums leave the unknown amounts out.
    pub incomplete_keys: u64,
    /// Discrepancies, each month by itself.
    pub discrepancies: u64,
    /// What Pax8 charged; of a type, on those keys.
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
}

/// Discrepancies added up. Leakage and overbilling are never netted.
#[derive(Default)]
pub(super) struct FindingSums {
    pub discrepancies: u64,
    pub leakage: ExactSum,
    pub overbilling: ExactSum,
    pub cost_effect: ExactSum,
}

impl FindingSums {
    /// Adds one.
    pub fn add(&mut self, finding: &Finding) -> Result<(), OutOfRange> {
        self.discrepancies += 1;
        let side = if finding.effect.is_sign_negative() { &mut self.leakage } else { &mut self.overbilling };
        side.add(finding.effect)?;
        self.cost_effect.add(finding.cost_effect)
    }
}

#[derive(Default)]
struct Sums {
    keys: u64,
    incomplete_keys: u64,
    cost: ExactSum,
    expected: ExactSum,
    billed: ExactSum,
    findings: FindingSums,
}

impl Sums {
    fn add_key(&mut self, key: &Key) -> Result<(), OutOfRange> {
        self.keys += 1;
        self.incomplete_keys += u64::from(key.cost.is_none() || key.expected.is_none() || key.billed.is_none());
        self.cost.add(key.cost.unwrap_or_default())?;
        self.expected.add(key.expected.unwrap_or_default())?;
        self.billed.add(key.billed.unwrap_or_default())
    }
}

/// One group: dimension, subject, currency.
type Group<'a> = (Dimension, Option<Cow<'a, str>>, &'a str);

/// The vendors of the products at Pax8, by product id.
pub type Vendors = HashMap<String, String>;

/// Every group of a report, the costliest of a dimension first; months in order.
pub fn groups(
    keys: &[Key],
    findings: &[Finding],
    names: &Names,
    vendors: &Vendors,
) -> Result<Vec<GroupTotals>, OutOfRange> {
    let mut sums: BTreeMap<Group<'_>, Sums> = BTreeMap::new();
    for key in keys {
        let subjects = Subjects::of_key(key, vendors);
        for (dimension, subject) in subjects.each(&key.period) {
            let group = sums.entry((dimension, subject, &key.currency)).or_default();
            group.add_key(key)?;
            for at in &key.discrepancies {
                group.findings.add(&findings[*at as usize])?;
            }
        }
        let mut kinds: Vec<&str> = key.discrepancies.iter().map(|at| findings[*at as usize].kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            sums.entry((Dimension::Type, Some(Cow::Borrowed(kind)), &key.currency)).or_default().add_key(key)?;
        }
    }
    let mut has_key = vec![false; findings.len()];
    for at in keys.iter().flat_map(|key| &key.discrepancies) {
        has_key[*at as usize] = true;
    }
    for (finding, has_key) in findings.iter().zip(has_key) {
        let kind = (Dimension::Type, Some(Cow::Borrowed(finding.kind.as_str())), finding.currency.as_str());
        sums.entry(kind).or_default().findings.add(finding)?;
        if has_key {
            continue;
        }
        // What is charged to nobody has no key, and counts all the same.
        for (dimension, subject) in Subjects::of_finding(finding, vendors).each(&finding.period) {
            sums.entry((dimension, subject, &finding.currency)).or_default().findings.add(finding)?;
        }
    }
    let mut groups = Vec::with_capacity(sums.len());
    for ((dimension, subject, currency), sums) in sums {
        groups.push(GroupTotals {
            dimension,
            label: label(dimension, subject.as_deref(), names),
            subject: subject.map(Cow::into_owned),
            currency: currency.to_owned(),
            keys: sums.keys,
            incomplete_keys: sums.incomplete_keys,
            discrepancies: sums.findings.discrepancies,
            cost: sums.cost.total()?,
            expected: sums.expected.total()?,
            billed: sums.billed.total()?,
            leakage: sums.findings.leakage.total()?,
            overbilling: sums.findings.overbilling.total()?,
            cost_effect: sums.findings.cost_effect.total()?,
        });
    }
    // By what customers were billed wrongly, not by cost: the order is seen by readers who may not know about cost.
    groups.sort_by_cached_key(|group| {
        let weight = match group.dimension {
            Dimension::Month => Decimal::ZERO,
            _ => group.overbilling.saturating_sub(group.leakage),
        };
        (group.dimension, group.currency.clone(), Reverse(weight), group.subject.clone())
    });
    Ok(groups)
}

/// What a line belongs to.
struct Subjects<'a> {
    customer: Option<Cow<'a, str>>,
    product: Option<Cow<'a, str>>,
    vendor: Option<Cow<'a, str>>,
}

impl<'a> Subjects<'a> {
    fn of_key(key: &'a Key, vendors: &'a Vendors) -> Self {
        let mut of_products = key.product_ids.iter().map(|id| vendors.get(id));
        let first = of_products.next().flatten();
        Self {
            customer: or_missing(key.customer_id.as_deref(), key.unmapped_company_id.as_deref()),
            product: or_missing(key.item_id.as_deref(), key.unmapped_product_id.as_deref()),
            vendor: first.filter(|first| of_products.all(|other| other == Some(*first))).map(Cow::from),
        }
    }

    fn of_finding(finding: &'a Finding, vendors: &'a Vendors) -> Self {
        Self {
            customer: or_missing(finding.customer_id.as_deref(), finding.company_id.as_deref()),
            product: or_missing(finding.item_id.as_deref(), finding.product_id.as_deref()),
            vendor: finding.product_id.as_ref().and_then(|id| vendors.get(id)).map(Cow::from),
        }
    }

    fn each(self, period: &'a str) -> [(Dimension, Option<Cow<'a, str>>); 4] {
        [
            (Dimension::Customer, self.customer),
            (Dimension::Product, self.product),
            (Dimension::Vendor, self.vendor),
            (Dimension::Month, Some(Cow::Borrowed(period))),
        ]
    }
}

fn label(dimension: Dimension, subject: Option<&str>, names: &Names) -> String {
    let Some(subject) = subject else {
        return match dimension {
            Dimension::Vendor => "Several or unknown vendors",
            _ => "Nobody",
        }
        .to_owned();
    };
    let name = match (dimension, subject.strip_prefix("pax8:")) {
        (Dimension::Customer, None) => names.customers.get(subject),
        (Dimension::Customer, Some(id)) => names.companies.get(id),
        (Dimension::Product, None) => names.items.get(subject),
        (Dimension::Product, Some(id)) => names.products.get(id),
        (Dimension::Vendor | Dimension::Type | Dimension::Month, _) => None,
    };
    name.cloned().unwrap_or_else(|| subject.to_owned())
}
