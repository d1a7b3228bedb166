//! Why a pair was mapped, offered or refused: typed signals, the runner-up, and one sentence for people.

use std::fmt::{self, Write as _};

use super::score::{Confidence, Weight};
use crate::domain::id::ExternalId;

/// The reasons behind one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence that a billing clerk understands.
    pub summary: String,
    /// What was compared, strongest first.
    pub signals: Vec<Signal>,
    /// The best rival, where there is one.
    pub runner_up: Option<RunnerUp>,
    /// The contradiction that keeps the pair from being mapped by itself.
    pub veto: Option<Veto>,
    /// Part of the evidence that comes from what people decided about other pairs, but for costs; included in the signals.
    pub learned: Weight,
    /// Version of the rules that judged.
    pub rules_version: u32,
}

/// The best rival of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerUp {
    /// PSA record.
    pub target: ExternalId,
    /// How sure the engine is of it.
    pub confidence: Confidence,
    /// How much more evidence the explained candidate has; negative when it has less.
    pub distance: Weight,
}

/// One comparison and what it contributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// What was compared.
    pub kind: SignalKind,
    /// Value at Pax8.
    pub left: String,
    /// Value at the PSA.
    pub right: String,
    /// Contribution.
    pub weight: Weight,
}

/// What a signal compares. More may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignalKind {
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
    /// Registrable domains of web site or e-mail.
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
    /// The reference that the MSP entered at Pax8 against the PSA's ids.
    Reference,
    /// Whether the PSA record is in use.
    Standing,
    /// The PSA record was merged into another, which counts.
    MergedInto,
    /// Stock keeping unit or the vendor's part number.
    PartNumber,
    /// Vendors.
    Vendor,
    /// Product family without vendor and term.
    Family,
    /// Plan, segment, qualifiers and numbers of a product.
    Edition,
    /// A product was renamed by its vendor.
    Renamed,
    /// Term of commitment and billing.
    Term,
    /// Unit price.
    Price,
    /// Unit cost.
    Cost,
    /// An item at price zero for a product that costs something.
    ZeroPriced,
}

impl SignalKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Prior,
        Self::Name,
        Self::NameLeftover,
        Self::LearnedWords,
        Self::Acronym,
        Self::LegalForm,
        Self::SiteNumber,
        Self::Domain,
        Self::DomainSpellsName,
        Self::Phone,
        Self::Street,
        Self::PostalCode,
        Self::City,
        Self::Reference,
        Self::Standing,
        Self::MergedInto,
        Self::PartNumber,
        Self::Vendor,
        Self::Family,
        Self::Edition,
        Self::Renamed,
        Self::Term,
        Self::Price,
        Self::Cost,
        Self::ZeroPriced,
    ];
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prior => "prior",
            Self::Name => "name",
            Self::NameLeftover => "words left over",
            Self::LearnedWords => "words learned",
            Self::Acronym => "acronym",
            Self::LegalForm => "legal form",
            Self::SiteNumber => "site number",
            Self::Domain => "web domain",
            Self::DomainSpellsName => "web domain spells the name",
            Self::Phone => "telephone",
            Self::Street => "street",
            Self::PostalCode => "postal code",
            Self::City => "city",
            Self::Reference => "reference",
            Self::Standing => "standing",
            Self::MergedInto => "merged record",
            Self::PartNumber => "part number",
            Self::Vendor => "vendor",
            Self::Family => "product",
            Self::Edition => "edition",
            Self::Renamed => "former product name",
            Self::Term => "term",
            Self::Price => "price",
            Self::Cost => "cost",
            Self::ZeroPriced => "zero price",
        })
    }
}

/// A contradiction: the pair is never mapped by itself, whatever else agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Veto {
    /// The names carry different site numbers, or one has none and too little else agrees.
    SiteNumber {
        /// Number at Pax8.
        left: String,
        /// Number at the PSA.
        right: String,
    },
    /// A word that names another entity of the same family (Holdings, Foundation, West) is on one side only.
    SiblingWord(String),
    /// Only one attribute speaks for the pair.
    SingleEvidence,
    /// Attributes that should be a company's own contradict each other.
    AttributesDisagree,
    /// Another record has the very name, this one only resembles it.
    BetterName(String),
    /// The PSA record is closed, a prospect or deleted.
    NotServed,
    /// Different vendors.
    Vendor(String, String),
    /// Different plan or edition.
    Edition(String, String),
    /// Different market segment: commercial, education, nonprofit, government.
    Segment(String, String),
    /// A qualifier such as trial or add-on is on one side only.
    Qualifier(String),
    /// Different numbers: sizes, years, cores.
    Number(String, String),
    /// Different term of commitment or billing.
    Term(String, String),
    /// The PSA item can no longer be sold.
    InactiveItem,
    /// The PSA item costs nothing, the product does not.
    ZeroPriced,
    /// The product was renamed, and neither a part number nor a price confirms which one is meant.
    UnprovenRename(String),
}

impl fmt::Display for Veto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SiteNumber { left, right } => {
                write!(f, "the site numbers differ ({} and {})", or_none(left), or_none(right))
            }
            Self::SiblingWord(word) => write!(f, "`{word}` on one side only usually means a sister company"),
            Self::SingleEvidence => f.write_str("a single agreeing attribute is not enough"),
            Self::AttributesDisagree => f.write_str("web site, telephone and address contradict the name"),
            Self::BetterName(name) => write!(f, "another customer is called exactly `{name}`"),
            Self::NotServed => f.write_str("the PSA record is closed or only a prospect"),
            Self::Vendor(left, right) => write!(f, "the vendors differ ({left} and {right})"),
            Self::Edition(left, right) => write!(f, "the editions differ ({} and {})", or_none(left), or_none(right)),
            Self::Segment(left, right) => write!(f, "the segments differ ({left} and {right})"),
            Self::Qualifier(word) => write!(f, "only one side says `{word}`"),
            Self::Number(left, right) => write!(f, "the numbers differ ({} and {})", or_none(left), or_none(right)),
            Self::Term(left, right) => write!(f, "the terms differ ({left} and {right})"),
            Self::InactiveItem => f.write_str("the PSA item is inactive or marked as old"),
            Self::ZeroPriced => f.write_str("the PSA item has no price"),
            Self::UnprovenRename(name) => write!(f, "`{name}` is a former name that was also used for another product"),
        }
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// What agrees and what differs, as a sentence for the person who decides.
pub(super) fn summarize(signals: &[Signal], veto: Option<&Veto>) -> String {
    const MOST: usize = 4;
    let mut agreeing: Vec<String> = Vec::new();
    let mut differing: Vec<String> = Vec::new();
    for signal in signals.iter().filter(|signal| signal.kind != SignalKind::Prior) {
        let (list, phrase) = if signal.weight >= Weight::from_millibits(1000) {
            // Being in use speaks for a record and is nothing that two records have in common.
            if signal.kind == SignalKind::Standing {
                continue;
            }
            (&mut agreeing, signal.kind.to_string())
        } else if signal.weight <= Weight::from_millibits(-1000) {
            (&mut differing, difference(signal))
        } else {
            continue;
        };
        if list.len() < MOST && !list.contains(&phrase) {
            list.push(phrase);
        }
    }
    let mut sentence = match (agreeing.is_empty(), differing.is_empty()) {
        (false, true) => format!("Same {}", list(&agreeing)),
        (false, false) => format!("Same {}, but {}", list(&agreeing), list(&differing)),
        (true, false) => format!("Little agrees, and {}", list(&differing)),
        (true, true) => "Little was known to compare".to_owned(),
    };
    let learned = signals.iter().filter(|signal| signal.kind == SignalKind::LearnedWords);
    for Signal { left, right, .. } in learned {
        let _ = match (left.is_empty(), right.is_empty()) {
            (false, false) => write!(sentence, ", counting `{left}` and `{right}` as the same"),
            _ => write!(sentence, ", passing over `{left}{right}`"),
        };
    }
    if let Some(veto) = veto {
        let _ = write!(sentence, ": {veto}");
    }
    sentence.push('.');
    sentence
}

/// What a signal against a pair says. Costs are named and never shown: the sentence is for every reader.
fn difference(signal: &Signal) -> String {
    let Signal { kind, left, right, .. } = signal;
    match kind {
        SignalKind::NameLeftover => match (left.as_str(), right.as_str()) {
            (one, "") => format!("only Pax8 says `{one}`"),
            ("", one) => format!("only the PSA says `{one}`"),
            (one, other) if one == other => format!("only one side says `{one}`"),
            (one, other) => format!("`{one}` stands against `{other}`"),
        },
        SignalKind::Standing if right.starts_with("has ") => format!("the PSA record {right}"),
        SignalKind::Standing => format!("the PSA record is {right}"),
        SignalKind::Reference => "the reference at Pax8 names another record".to_owned(),
        SignalKind::ZeroPriced => "the PSA item has no price".to_owned(),
        other => format!("the {other} differs"),
    }
}

fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(signals: &[(SignalKind, &str, &str, i32)], veto: Option<Veto>, expected: &str) {
        let signals: Vec<Signal> = signals
            .iter()
            .map(|(kind, left, right, bits)| Signal {
                kind: *kind,
                left: (*left).to_owned(),
                right: (*right).to_owned(),
                weight: Weight::from_millibits(bits * 1000),
            })
            .collect();
        assert_eq!(summarize(&signals, veto.as_ref()), expected);
    }

    #[test]
    fn a_sentence_says_what_agrees_what_differs_and_what_stands_against_it() {
        use SignalKind::{City, Cost, LearnedWords, Name, NameLeftover, Phone, Prior, Standing};
        check(&[(Prior, "", "", -10), (City, "Tucson", "Tucson", 0)], None, "Little was known to compare.");
        check(&[(Phone, "1", "1", 9), (Name, "A", "A", 5)], None, "Same telephone and name.");
        check(
            &[(Phone, "1", "1", 9), (NameLeftover, "view", "viw", -4)],
            None,
            "Same telephone, but `view` stands against `viw`.",
        );
        check(
            &[(Name, "A", "A", 9), (NameLeftover, "", "west", -4)],
            Some(Veto::SingleEvidence),
            "Same name, but only the PSA says `west`: a single agreeing attribute is not enough.",
        );
        check(
            &[(Name, "A", "B", -7), (Standing, "", "has no agreements", -4)],
            None,
            "Little agrees, and the name differs and the PSA record has no agreements.",
        );
        check(&[(Name, "A", "A", 9), (Standing, "", "has agreements", 1)], None, "Same name.");
        check(&[(Name, "A", "A", 9), (Cost, "5.00", "7.00", -3)], None, "Same name, but the cost differs.");
        check(
            &[(Name, "A", "A", 9), (LearnedWords, "orthopedics", "bones", 0)],
            None,
            "Same name, counting `orthopedics` and `bones` as the same.",
        );
    }
}
