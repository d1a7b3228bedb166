//! Why the matching proposed a pair.

use async_graphql::{Context, Enum, Object, SimpleObject};
use rust_decimal::Decimal as Number;

use super::report_part::for_finance;
use crate::domain::mapping::Evidence;
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::scalar::Decimal;
use crate::service::mapping::explanation::{self, StoredExplanation, StoredRunnerUp, StoredSignal};

/// Confidence from which a pair is HIGH, in millionths.
const HIGH: u32 = 980_000;

/// Confidence from which a pair is MEDIUM, in millionths.
const MEDIUM: u32 = 800_000;

/// How sure the matching was, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum MatchConfidenceLevel {
    /// From `0.98`: sure enough to confirm in bulk.
    High,
    /// From `0.8`: worth a look.
    Medium,
    /// Little speaks for it, or much against it.
    Low,
}

/// How sure the matching was.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct MatchConfidence {
    /// From `0` to `1`, where `1` is certain.
    pub score: Decimal,
    /// The score in words.
    pub level: MatchConfidenceLevel,
}

impl MatchConfidence {
    /// A confidence in millionths.
    pub fn of_millionths(millionths: u32) -> Self {
        let level = match millionths {
            HIGH.. => MatchConfidenceLevel::High,
            MEDIUM.. => MatchConfidenceLevel::Medium,
            _ => MatchConfidenceLevel::Low,
        };
        Self { score: Decimal::of_millionths(millionths), level }
    }
}

/// What the matching compares. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum MatchSignalKind {
    /// How many records could be meant before anything is compared.
    Prior,
    /// Names, word by word; rare words weigh more.
    Name,
    /// Words that only one of the names has.
    NameLeftover,
    /// Words that differ and mean the same in this integration, as confirmed pairs show.
    LearnedWords,
    /// One name is the initials of the other.
    Acronym,
    /// Legal forms such as LLC or GmbH.
    LegalForm,
    /// Numbers of a site or branch.
    SiteNumber,
    /// Domains of website or e-mail.
    Domain,
    /// The domain of one record spells the name of the other.
    DomainSpellsName,
    /// Telephone numbers.
    Phone,
    /// Street and house number.
    Street,
    /// Postal codes.
    PostalCode,
    /// Cities.
    City,
    /// The partner's reference at Pax8 against the PSA's ids.
    Reference,
    /// Whether the PSA record is in use.
    Standing,
    /// The PSA record was merged into another, which counts.
    MergedInto,
    /// Stock keeping unit or the vendor's part number.
    PartNumber,
    /// Vendors.
    Vendor,
    /// Product without vendor and term.
    Family,
    /// Plan, segment, qualifiers and numbers of a product: E3 is not E5.
    Edition,
    /// The product was renamed by its vendor.
    Renamed,
    /// Terms of commitment and billing.
    Term,
    /// Unit prices.
    Price,
    /// Unit costs.
    Cost,
    /// An item at price zero for a product that costs something.
    ZeroPriced,
    /// Something that this version has no word for.
    Other,
}

impl MatchSignalKind {
    /// The kind that a stored word stands for.
    pub fn of_word(word: &str) -> Self {
        match word {
            "PRIOR" => Self::Prior,
            "NAME" => Self::Name,
            "NAME_LEFTOVER" => Self::NameLeftover,
            "LEARNED_WORDS" => Self::LearnedWords,
            "ACRONYM" => Self::Acronym,
            "LEGAL_FORM" => Self::LegalForm,
            "SITE_NUMBER" => Self::SiteNumber,
            "DOMAIN" => Self::Domain,
            "DOMAIN_SPELLS_NAME" => Self::DomainSpellsName,
            "PHONE" => Self::Phone,
            "STREET" => Self::Street,
            "POSTAL_CODE" => Self::PostalCode,
            "CITY" => Self::City,
            "REFERENCE" => Self::Reference,
            "STANDING" => Self::Standing,
            "MERGED_INTO" => Self::MergedInto,
            "PART_NUMBER" => Self::PartNumber,
            "VENDOR" => Self::Vendor,
            "FAMILY" => Self::Family,
            "EDITION" => Self::Edition,
            "RENAMED" => Self::Renamed,
            "TERM" => Self::Term,
            "PRICE" => Self::Price,
            "COST" => Self::Cost,
            "ZERO_PRICED" => Self::ZeroPriced,
            _ => Self::Other,
        }
    }
}

/// One thing that spoke for or against a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchSignal(StoredSignal);

impl MatchSignal {
    fn kind(&self) -> MatchSignalKind {
        MatchSignalKind::of_word(&self.0.kind)
    }

    /// A value that tells about cost when the signal is about cost.
    fn shown<T>(&self, ctx: &Context<'_>, value: impl FnOnce() -> T) -> Result<T, Failure> {
        if self.kind() == MatchSignalKind::Cost { for_finance(ctx, value) } else { Ok(value()) }
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// One thing that spoke for or against a pair.
#[Object]
impl MatchSignal {
    /// What was compared.
    #[graphql(name = "kind")]
    async fn signal_kind(&self) -> MatchSignalKind {
        self.kind()
    }

    /// Value on the Pax8 side, as compared; null when missing. Of COST it needs the role FINANCE.
    async fn pax8_value(&self, ctx: &Context<'_>) -> Option<Result<String, Failure>> {
        self.shown(ctx, || given(&self.0.pax8)).transpose()
    }

    /// Value on the PSA side, as compared; null when missing. Of COST it needs the role FINANCE.
    async fn psa_value(&self, ctx: &Context<'_>) -> Option<Result<String, Failure>> {
        self.shown(ctx, || given(&self.0.psa)).transpose()
    }

    /// Evidence in bits: each bit doubles the odds, and negative evidence speaks against the pair. Null only where it
    /// is hidden: of COST it needs the role FINANCE.
    async fn contribution(&self, ctx: &Context<'_>) -> Option<Result<Decimal, Failure>> {
        Some(self.shown(ctx, || bits(self.0.weight)))
    }
}

/// The best rival of a pair.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct MatchRunnerUp {
    /// ID of the rival at the PSA.
    pub external_id: String,
    /// How sure the matching was of the rival.
    pub confidence: MatchConfidence,
    /// How much more evidence the pair has than its rival, in bits; negative when it has less.
    pub distance: Decimal,
}

impl From<StoredRunnerUp> for MatchRunnerUp {
    fn from(rival: StoredRunnerUp) -> Self {
        Self {
            external_id: rival.external_id,
            confidence: MatchConfidence::of_millionths(rival.confidence),
            distance: bits(rival.distance),
        }
    }
}

/// Why the matching proposed a pair.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct MatchExplanation {
    /// One sentence for the person who decides.
    pub summary: String,
    /// What spoke for and against, the weightiest first.
    #[graphql(complexity = "cost::list(child_complexity)")]
    pub signals: Vec<MatchSignal>,
    /// The best rival; null when there was none.
    pub runner_up: Option<MatchRunnerUp>,
    /// The contradiction that kept the pair from being mapped by itself; null when there was none.
    pub veto: Option<String>,
    /// Part of the evidence that comes from what people decided about other pairs, costs aside, in bits; `0` as shipped.
    pub learned: Decimal,
    /// Version of the matching rules.
    pub rules_version: u32,
}

impl From<StoredExplanation> for MatchExplanation {
    fn from(stored: StoredExplanation) -> Self {
        Self {
            summary: stored.summary,
            signals: stored.signals.into_iter().map(MatchSignal).collect(),
            runner_up: stored.runner_up.map(Into::into),
            veto: stored.veto,
            learned: bits(stored.learned),
            rules_version: stored.rules_version,
        }
    }
}

impl MatchExplanation {
    /// The stored reasons; `None` for what this version cannot read.
    pub fn of_evidence(evidence: &Evidence) -> Option<Self> {
        explanation::read(evidence).map(Into::into)
    }
}

/// Thousandths of a bit.
fn bits(thousandths: i32) -> Decimal {
    Decimal(Number::new(i64::from(thousandths), 3).normalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::matching::SignalKind;

    #[test]
    fn every_signal_of_the_engine_has_a_value_of_its_own() {
        let kinds = SignalKind::ALL;
        let found: std::collections::BTreeSet<String> =
            kinds.iter().map(|kind| format!("{:?}", MatchSignalKind::of_word(explanation::word(*kind)))).collect();
        assert_eq!(found.len(), kinds.len());
        assert!(!found.contains("Other"));
    }

    #[test]
    fn a_confidence_is_exact() {
        let confidence = MatchConfidence::of_millionths(980_000);
        assert_eq!((confidence.score.0.to_string().as_str(), confidence.level), ("0.98", MatchConfidenceLevel::High));
        assert_eq!(MatchConfidence::of_millionths(979_999).level, MatchConfidenceLevel::Medium);
    }
}
