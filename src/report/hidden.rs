//! What rules hide: marked in a report and added up, never taken out of its sums.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::document::{Finding, told};
use crate::domain::id::DiscrepancyId;
use crate::domain::money::{ExactSum, OutOfRange};
use crate::domain::period::Period;
use crate::domain::suppression::{SuppressionFacts, SuppressionRule};
use crate::engine::billing::Discrepancy;

/// What one rule hides in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hidden {
    /// Id of the rule.
    pub rule_id: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it hides.
    pub reason: String,
    /// Last day on which it holds.
    pub expires_on: String,
    /// Currency.
    pub currency: String,
    /// Discrepancies, each month by itself.
    pub discrepancies: u64,
    /// Effects below zero: billed too little.
    pub leakage: Decimal,
    /// Effects above zero: billed too much.
    pub overbilling: Decimal,
    /// What Pax8 charged too much.
    pub cost_effect: Decimal,
}

#[derive(Default)]
struct Sums {
    discrepancies: u64,
    leakage: ExactSum,
    overbilling: ExactSum,
    cost_effect: ExactSum,
}

/// Marks what the rules hide and adds it up.
pub(super) fn hide(
    discrepancies: &[Discrepancy],
    findings: &mut [Finding],
    rules: &[SuppressionRule],
) -> Result<Vec<Hidden>, OutOfRange> {
    let mut sums: BTreeMap<(usize, String), Sums> = BTreeMap::new();
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    // Several charges of one month may make one discrepancy; a rule looks at all of them together.
    let mut effects: HashMap<(DiscrepancyId, Period), (ExactSum, ExactSum)> = HashMap::new();
    for discrepancy in discrepancies {
        let (effect, cost_effect) = effects.entry((discrepancy.id, discrepancy.period)).or_default();
        effect.add(discrepancy.effect)?;
        cost_effect.add(discrepancy.cost_effect)?;
    }
    for (discrepancy, finding) in discrepancies.iter().zip(findings) {
        let (effect, cost_effect) = effects[&(discrepancy.id, discrepancy.period)];
        let magnitude = ExactSum::of([effect.total()?.abs(), cost_effect.total()?.abs()])?.total()?;
        let facts = SuppressionFacts {
            kind: discrepancy.kind,
            customer: finding.customer_id.as_deref(),
            psa_product: finding.item_id.as_deref(),
            pax8_product: finding.product_id.as_deref(),
            currency: discrepancy.currency,
            magnitude,
        };
        let Some(at) = rules.iter().position(|rule| rule.conditions.hold_for(&facts)) else { continue };
        finding.hidden_by = Some(rules[at].id.to_string());
        let sums = sums.entry((at, finding.currency.clone())).or_default();
        sums.discrepancies += 1;
        let side = if finding.effect.is_sign_negative() { &mut sums.leakage } else { &mut sums.overbilling };
        side.add(finding.effect)?;
        sums.cost_effect.add(finding.cost_effect)?;
    }
    let row = |((at, currency), sums): ((usize, String), Sums)| {
        let rule = &rules[at];
        Ok(Hidden {
            rule_id: rule.id.to_string(),
            owner: rule.owner.clone(),
            reason: rule.reason.clone(),
            expires_on: rule.expires_on.to_string(),
            currency,
            discrepancies: sums.discrepancies,
            leakage: sums.leakage.total()?,
            overbilling: sums.overbilling.total()?,
            cost_effect: sums.cost_effect.total()?,
        })
    };
    sums.into_iter().map(row).collect()
}

/// The fingerprint, told of what the engine never saw: which rule hides what. A rule that hides nothing leaves the
/// report as it is.
pub(super) fn with_hidden(fingerprint: String, findings: &[Finding]) -> String {
    let hidden = || (0_u64..).zip(findings).filter_map(|(at, finding)| Some((at, finding.hidden_by.as_ref()?)));
    if hidden().next().is_none() {
        return fingerprint;
    }
    let places: Vec<[u8; 8]> = hidden().map(|(at, _)| at.to_be_bytes()).collect();
    let rules = hidden().map(|(_, rule)| rule.as_bytes());
    told(&fingerprint, places.iter().map(<[u8; 8]>::as_slice).zip(rules).flat_map(|(place, rule)| [place, rule]))
}
