//! What rules hide: marked in a report and added up, never taken out of its sums.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::document::{Finding, told};
use super::totals::FindingSums;
use crate::domain::discrepancy::{EffectSums, magnitude};
use crate::domain::id::DiscrepancyId;
use crate::domain::money::OutOfRange;
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

/// Marks what the rules hide and adds it up.
pub(super) fn hide(
    discrepancies: &[Discrepancy],
    findings: &mut [Finding],
    rules: &[SuppressionRule],
) -> Result<Vec<Hidden>, OutOfRange> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let mut sums: BTreeMap<(usize, String), FindingSums> = BTreeMap::new();
    // Several charges of one month may make one discrepancy; a rule looks at all of them together.
    let mut effects: HashMap<(DiscrepancyId, Period), EffectSums> = HashMap::new();
    for discrepancy in discrepancies {
        let sums = effects.entry((discrepancy.id, discrepancy.period)).or_default();
        sums.add(discrepancy.effect, discrepancy.cost_effect)?;
    }
    for (discrepancy, finding) in discrepancies.iter().zip(findings) {
        let (effect, cost_effect) = effects[&(discrepancy.id, discrepancy.period)].totals()?;
        let facts = SuppressionFacts {
            kind: discrepancy.kind,
            customer: finding.customer_id.as_deref(),
            psa_product: finding.item_id.as_deref(),
            pax8_product: finding.product_id.as_deref(),
            currency: discrepancy.currency,
            magnitude: magnitude(effect, cost_effect)?,
        };
        let Some(at) = rules.iter().position(|rule| rule.conditions.hold_for(&facts)) else { continue };
        finding.hidden_by = Some(rules[at].id.to_string());
        sums.entry((at, finding.currency.clone())).or_default().add(finding)?;
    }
    let row = |((at, currency), sums): ((usize, String), FindingSums)| {
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
