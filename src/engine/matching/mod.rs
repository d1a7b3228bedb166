//! The mapping engine: which Pax8 record and which PSA record are the same, how sure that is, and why.
//!
//! Pure and deterministic: no IO, clock or randomness; scores are summed in a fixed order and ties are broken by id.
//! The pair is judged by additive evidence in bits (Fellegi-Sunter with term frequencies), contradictions are vetoes,
//! and the confidence weighs a candidate against its rivals, so that two good candidates leave a record open.
//!
//! | step | companies | products |
//! | --- | --- | --- |
//! | records | `party` | `product_record` |
//! | taken apart | `company_name`, `legal_form`, `domain_name`, `phone`, `address` | `license` |
//! | who meets whom | `index`, `customer` | `index`, `product` |
//! | evidence and vetoes | `customer_evidence`, `name`, `abbreviation` | `product_family`, `variant` |
//! | confidence, outcome, reasons | `score`, `assign`, `explain` | the same |
//! | what decisions teach | `lesson`, `floor` | the same |
//!
//! Knows nothing about storage or review: what people decided comes in as [`Decisions`].

mod abbreviation;
mod address;
mod assign;
mod company_name;
mod customer;
mod customer_evidence;
mod digest;
mod domain_name;
mod explain;
mod floor;
mod index;
mod legal_form;
mod lesson;
pub mod license;
mod linear;
pub mod list;
mod name;
mod normalize;
mod party;
mod phone;
mod product;
mod product_family;
mod product_record;
mod score;
mod variant;

use std::collections::BTreeSet;

use crate::domain::id::ExternalId;

pub use customer::{
    CustomerInput, CustomerMatch, CustomerMatcher, CustomerMatches, DuplicateCustomers, match_customers,
    match_touched_customers,
};
pub use digest::{customer_digests, digest, item_digests};
pub use explain::{Explanation, RunnerUp, Signal, SignalKind, Veto};
pub use floor::{FloorRise, MappingFloor, Review, guarded_floor, reviewed_precision};
pub use lesson::{LearnedAlias, Lessons};
pub use party::{PartyRecord, Standing};
pub use product::{ProductInput, ProductMatch, ProductMatcher, ProductMatches, match_products, match_touched_products};
pub use product_record::{ItemRecord, ProductRecord, ProductTerm, SoldVariant, VariantPrice};
pub use score::{Confidence, Weight};

/// Version of rules and weights; every explanation names it, so that a stored reason can be read later.
pub const RULES_VERSION: u32 = 1;

/// What an integration wants from the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchingPolicy {
    /// Least confidence at which a pair is mapped by itself.
    pub floor: Confidence,
    /// How many candidates are kept for each record.
    pub candidates_per_record: usize,
    /// Names under which the MSP itself appears; companies called so are its own.
    pub own_names: Vec<String>,
}

impl Default for MatchingPolicy {
    fn default() -> Self {
        Self { floor: Confidence::from_millionths(980_000), candidates_per_record: 5, own_names: Vec::new() }
    }
}

/// What people decided about pairs; `L` is the key of a Pax8 record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions<L> {
    /// Pairs that hold, whatever the engine thinks.
    pub confirmed: Vec<(L, ExternalId)>,
    /// Pairs that are never proposed again.
    pub rejected: Vec<(L, ExternalId)>,
}

impl<L> Default for Decisions<L> {
    fn default() -> Self {
        Self { confirmed: Vec::new(), rejected: Vec::new() }
    }
}

/// What changed since the records were matched last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// Pax8 records that are new or changed.
    pub pax8: BTreeSet<ExternalId>,
    /// PSA records that are new or changed.
    pub psa: BTreeSet<ExternalId>,
    /// Pax8 records whose last verdict names a PSA record that changed or is gone.
    pub named: BTreeSet<ExternalId>,
}

/// What became of one Pax8 record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A person confirmed the pair; it is not judged again.
    Confirmed {
        /// PSA record.
        target: ExternalId,
    },
    /// The best candidate is sure enough to be mapped by itself.
    Mapped {
        /// PSA record.
        target: ExternalId,
        /// How sure.
        confidence: Confidence,
        /// Why.
        explanation: Box<Explanation>,
    },
    /// A person has to decide.
    Open {
        /// Why the engine did not.
        reason: OpenReason,
    },
}

impl Outcome {
    /// The PSA record that the Pax8 record stands for, where there is one.
    pub fn target(&self) -> Option<&ExternalId> {
        match self {
            Self::Confirmed { target } | Self::Mapped { target, .. } => Some(target),
            Self::Open { .. } => None,
        }
    }
}

/// Why a record stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenReason {
    /// No record resembles it.
    NoCandidate,
    /// The best candidate is below the floor for want of evidence.
    BelowFloor,
    /// Another candidate is about as good.
    Ambiguous,
    /// The best candidate contradicts the record.
    Vetoed,
}

/// A possible partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// PSA record.
    pub target: ExternalId,
    /// How sure.
    pub confidence: Confidence,
    /// Why.
    pub explanation: Explanation,
}

/// A reason to leave a company out of the worklists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExclusionReason {
    /// The company is the MSP itself: internal use, a lab, licenses that are not for resale.
    InternalUse,
    /// Pax8 bills the company itself.
    BilledByPax8,
}

impl From<ExclusionReason> for crate::domain::mapping::ExclusionReason {
    fn from(reason: ExclusionReason) -> Self {
        match reason {
            ExclusionReason::InternalUse => Self::InternalUse,
            ExclusionReason::BilledByPax8 => Self::BilledByPax8,
        }
    }
}
