//! The reasons of the machine as they are kept: JSON of our own, so that a stored reason can be read by every later
//! version, whatever the engine calls things by then.

use serde::{Deserialize, Serialize};

use crate::domain::mapping::Evidence;
use crate::engine::matching::{Confidence, Explanation, Signal, SignalKind};

/// Why a pair was mapped or offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredExplanation {
    /// One sentence for people.
    pub summary: String,
    /// What was compared, strongest first.
    pub signals: Vec<StoredSignal>,
    /// The best rival.
    pub runner_up: Option<StoredRunnerUp>,
    /// The contradiction that kept the pair from being mapped, as a phrase.
    pub veto: Option<String>,
    /// Part of the evidence that comes from what people decided, in thousandths of a bit.
    #[serde(default)]
    pub learned: i32,
    /// Version of the rules that judged.
    pub rules_version: u32,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredSignal {
    /// What was compared, as a word in capitals.
    pub kind: String,
    /// Value at Pax8.
    pub pax8: String,
    /// Value at the PSA.
    pub psa: String,
    /// Contribution in thousandths of a bit.
    pub weight: i32,
}

/// The best rival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRunnerUp {
    /// PSA record, as the provider calls it.
    pub external_id: String,
    /// Confidence in millionths.
    pub confidence: u32,
    /// How much more evidence the explained record has, in thousandths of a bit.
    pub distance: i32,
}

impl StoredExplanation {
    /// What spoke most for the pair, as people call it; `None` where nothing did. Costs are not for everyone.
    pub fn led_by(&self) -> Option<String> {
        let mut shown: Vec<&StoredSignal> = self.signals.iter().filter(|signal| signal.weight > 0).collect();
        shown.retain(|signal| signal.kind != word(SignalKind::Cost));
        shown.sort_by_key(|signal| -signal.weight);
        let names: Vec<String> = shown.iter().take(2).filter_map(|signal| kind_of(&signal.kind)).collect();
        (!names.is_empty()).then(|| names.join(" and "))
    }
}

/// What people call the comparison that a word stands for.
fn kind_of(text: &str) -> Option<String> {
    SignalKind::ALL.iter().find(|kind| word(**kind) == text).map(ToString::to_string)
}

/// The word of a comparison.
pub fn word(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Prior => "PRIOR",
        SignalKind::Name => "NAME",
        SignalKind::NameLeftover => "NAME_LEFTOVER",
        SignalKind::LearnedWords => "LEARNED_WORDS",
        SignalKind::Acronym => "ACRONYM",
        SignalKind::LegalForm => "LEGAL_FORM",
        SignalKind::SiteNumber => "SITE_NUMBER",
        SignalKind::Domain => "DOMAIN",
        SignalKind::DomainSpellsName => "DOMAIN_SPELLS_NAME",
        SignalKind::Phone => "PHONE",
        SignalKind::Street => "STREET",
        SignalKind::PostalCode => "POSTAL_CODE",
        SignalKind::City => "CITY",
        SignalKind::Reference => "REFERENCE",
        SignalKind::Standing => "STANDING",
        SignalKind::MergedInto => "MERGED_INTO",
        SignalKind::PartNumber => "PART_NUMBER",
        SignalKind::Vendor => "VENDOR",
        SignalKind::Family => "FAMILY",
        SignalKind::Edition => "EDITION",
        SignalKind::Renamed => "RENAMED",
        SignalKind::Term => "TERM",
        SignalKind::Price => "PRICE",
        SignalKind::Cost => "COST",
        SignalKind::ZeroPriced => "ZERO_PRICED",
    }
}

impl From<&Signal> for StoredSignal {
    fn from(signal: &Signal) -> Self {
        Self {
            kind: word(signal.kind).to_owned(),
            pax8: signal.left.clone(),
            psa: signal.right.clone(),
            weight: signal.weight.millibits(),
        }
    }
}

impl From<&Explanation> for StoredExplanation {
    fn from(explanation: &Explanation) -> Self {
        Self {
            summary: explanation.summary.clone(),
            signals: explanation.signals.iter().map(StoredSignal::from).collect(),
            runner_up: explanation.runner_up.as_ref().map(|rival| StoredRunnerUp {
                external_id: rival.target.as_str().to_owned(),
                confidence: rival.confidence.millionths(),
                distance: rival.distance.millibits(),
            }),
            veto: explanation.veto.as_ref().map(ToString::to_string),
            learned: explanation.learned.millibits(),
            rules_version: explanation.rules_version,
        }
    }
}

/// The evidence of a verdict.
pub(super) fn evidence(confidence: Confidence, explanation: &Explanation) -> Evidence {
    let stored = StoredExplanation::from(explanation);
    Evidence {
        confidence: confidence.millionths(),
        explanation: serde_json::to_string(&stored).expect("texts and numbers are always JSON"),
    }
}

/// Reads the reasons back; `None` for what this version cannot read.
pub fn read(evidence: &Evidence) -> Option<StoredExplanation> {
    serde_json::from_str(&evidence.explanation).ok()
}
