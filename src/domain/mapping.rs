//! Mappings: the statement that two records are the same, and who decided it. People outrank the machine.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use thiserror::Error;
use uuid::Uuid;

use super::id::{IntegrationId, MappingId, OrganizationId};
use super::record::{BillingTerm, Known};

/// What is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MappingKind {
    /// A company at Pax8 and a customer at the PSA.
    Customer,
    /// A product at Pax8 (for a term) and an item of the PSA.
    Product,
}

/// How a mapping came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MappingOrigin {
    /// The matching found the pair.
    Automatic,
    /// A person chose the pair, or imported it.
    Manual,
    /// The record on the other side was made from this one.
    Created,
}

/// What a product mapping means for billing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MappingRole {
    /// The item bills the product.
    Billed,
    /// The product is part of a bundle: its quantity is compared, its price expects nothing.
    Included,
}

/// Why the machine proposed a pair: the explanation of `engine::matching` as JSON, and the confidence in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Confidence in millionths.
    pub confidence: u32,
    /// The explanation as the mapping service writes and reads it.
    pub explanation: String,
}

/// Who decided, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Name of the person or token.
    pub decided_by: String,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Why, in the words of the person.
    pub reason: Option<String>,
}

/// State of a mapping, with exactly what exists in that state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingState {
    /// The machine mapped it above the floor; to be reviewed.
    Suggested {
        /// Why.
        evidence: Evidence,
    },
    /// Holds.
    Confirmed {
        /// Why the machine had proposed it, if it had.
        evidence: Option<Evidence>,
        /// Who decided.
        decision: Decision,
    },
    /// Does not hold, and is never proposed again.
    Rejected {
        /// Why the machine had proposed it, if it had.
        evidence: Option<Evidence>,
        /// Who decided.
        decision: Decision,
    },
    /// Taken away without a judgement about the pair.
    Removed {
        /// Why the machine had proposed it, if it had.
        evidence: Option<Evidence>,
        /// Whether a person decided for another record instead.
        is_replaced: bool,
        /// Who decided.
        decision: Decision,
    },
}

/// The pair was never a suggestion, so it cannot become one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the mapping was never a suggestion; reject or remove it, or map another pair")]
pub struct NeverSuggested;

/// State without its contents, for filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MappingStatus {
    /// See [`MappingState::Suggested`].
    Suggested,
    /// See [`MappingState::Confirmed`].
    Confirmed,
    /// See [`MappingState::Rejected`].
    Rejected,
    /// See [`MappingState::Removed`].
    Removed,
}

impl MappingState {
    /// The state without its contents.
    pub fn status(&self) -> MappingStatus {
        match self {
            Self::Suggested { .. } => MappingStatus::Suggested,
            Self::Confirmed { .. } => MappingStatus::Confirmed,
            Self::Rejected { .. } => MappingStatus::Rejected,
            Self::Removed { .. } => MappingStatus::Removed,
        }
    }

    /// Why the machine proposed the pair.
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Suggested { evidence } => Some(evidence),
            Self::Confirmed { evidence, .. } | Self::Rejected { evidence, .. } | Self::Removed { evidence, .. } => {
                evidence.as_ref()
            }
        }
    }

    /// Who decided.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Suggested { .. } => None,
            Self::Confirmed { decision, .. } | Self::Rejected { decision, .. } | Self::Removed { decision, .. } => {
                Some(decision)
            }
        }
    }

    /// Repeating a decision keeps the first one, so that a retry is harmless.
    pub fn confirm(self, decision: Decision) -> Self {
        match self {
            Self::Suggested { evidence } => Self::Confirmed { evidence: Some(evidence), decision },
            Self::Rejected { evidence, .. } | Self::Removed { evidence, .. } => Self::Confirmed { evidence, decision },
            Self::Confirmed { .. } => self,
        }
    }

    /// Repeating a decision keeps the first one, so that a retry is harmless.
    pub fn reject(self, decision: Decision) -> Self {
        match self {
            Self::Suggested { evidence } => Self::Rejected { evidence: Some(evidence), decision },
            Self::Confirmed { evidence, .. } | Self::Removed { evidence, .. } => Self::Rejected { evidence, decision },
            Self::Rejected { .. } => self,
        }
    }

    /// Takes the mapping away without saying that the pair is wrong.
    pub fn remove(self, decision: Decision) -> Self {
        match self {
            Self::Suggested { evidence } => Self::Removed { evidence: Some(evidence), is_replaced: false, decision },
            Self::Confirmed { evidence, .. } | Self::Rejected { evidence, .. } => {
                Self::Removed { evidence, is_replaced: false, decision }
            }
            Self::Removed { .. } => self,
        }
    }

    /// Takes the mapping away because a person decided for another record.
    pub fn replace(self, decision: Decision) -> Self {
        match self.remove(decision) {
            Self::Removed { evidence, decision, .. } => Self::Removed { evidence, is_replaced: true, decision },
            other => other,
        }
    }

    /// The machine finds the pair (again). What a person decided stays; a pair that was only taken away comes back.
    pub fn propose(self, evidence: Evidence) -> Self {
        match self {
            Self::Suggested { .. } | Self::Removed { .. } => Self::Suggested { evidence },
            Self::Confirmed { .. } | Self::Rejected { .. } => self,
        }
    }

    /// A pair that a person chose was never a suggestion and cannot become one.
    pub fn reopen(self) -> Result<Self, NeverSuggested> {
        match self {
            Self::Suggested { .. } => Ok(self),
            Self::Removed { .. } => Err(NeverSuggested),
            Self::Confirmed { evidence, .. } | Self::Rejected { evidence, .. } => {
                evidence.map(|evidence| Self::Suggested { evidence }).ok_or(NeverSuggested)
            }
        }
    }
}

/// For which charges of a Pax8 product a mapping counts. Empty texts, never null: a unique index sees nulls as distinct.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MappingScope {
    /// Billing term (`Monthly`); empty for the whole product, and for customers.
    pub billing_term: String,
    /// Commitment term (`1-Year`, `Monthly` where there is none); empty for the whole product, and for customers.
    pub commitment_term: String,
    /// PSA customer (its external id) that the mapping is limited to; empty for everyone. A limited one wins.
    pub customer: String,
}

impl MappingScope {
    /// The scope of one way to buy a product, whatever its spelling. Where nothing binds the buyer the commitment is
    /// `Monthly`, and `One-Time` for what is bought once.
    pub fn of_term(billing_term: Option<&Known<BillingTerm>>, commitment_term: Option<&str>) -> Self {
        let billing = match billing_term {
            Some(Known::Known(term)) => term.as_str().to_owned(),
            Some(Known::Unrecognized(text)) => text.trim().to_owned(),
            None => String::new(),
        };
        let commitment = match commitment_term.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => Self::commitment(text),
            None if billing == BillingTerm::OneTime.as_str() => billing.clone(),
            None if billing.is_empty() => String::new(),
            None => BillingTerm::Monthly.as_str().to_owned(),
        };
        Self { billing_term: billing, commitment_term: commitment, customer: String::new() }
    }

    /// The one spelling of a commitment: `Monthly`, `1-Year`, `2-Year`, `3-Year`, `One-Time`, or the text as it came.
    pub fn commitment(text: &str) -> String {
        match BillingTerm::parse(text) {
            Known::Known(BillingTerm::Annual) => "1-Year".to_owned(),
            Known::Known(term) => term.as_str().to_owned(),
            Known::Unrecognized(text) => text.trim().to_owned(),
        }
    }

    /// Whether a mapping of this scope counts for charges of the other one.
    pub fn covers(&self, other: &Self) -> bool {
        let covers = |own: &str, other: &str| own.is_empty() || own == other;
        covers(&self.billing_term, &other.billing_term)
            && covers(&self.commitment_term, &other.commitment_term)
            && covers(&self.customer, &other.customer)
    }
}

/// The statement that a Pax8 record and a PSA record are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Id.
    pub id: MappingId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// What is mapped.
    pub kind: MappingKind,
    /// Company or product at Pax8 (our id).
    pub pax8_record_id: Uuid,
    /// Customer or item at the PSA (our id).
    pub psa_record_id: Uuid,
    /// For which charges it counts.
    pub scope: MappingScope,
    /// State.
    pub state: MappingState,
    /// How it came about.
    pub origin: MappingOrigin,
    /// Units of the PSA item for one unit at Pax8; 1 by default.
    pub factor: Decimal,
    /// What it means for billing.
    pub role: MappingRole,
    /// Grows by one with every change.
    pub version: i64,
    /// When it came into being.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Kind of record that can be excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// A company at Pax8.
    Company,
    /// A customer at the PSA.
    Customer,
    /// A product at Pax8.
    Pax8Product,
    /// An item of the PSA.
    PsaProduct,
}

/// Why a record is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExclusionReason {
    /// The MSP's own use; nothing is billed.
    InternalUse,
    /// Pax8 bills the customer itself; nothing is billed.
    BilledByPax8,
    /// Not sold on.
    NotResold,
    /// Not a customer yet.
    Prospect,
    /// Another reason, said in the note.
    Other,
}

impl ExclusionReason {
    /// Whether a company excluded for this reason expects no billing (`billable=no` in files).
    pub fn expects_no_billing(self) -> bool {
        matches!(self, Self::InternalUse | Self::BilledByPax8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(by: &str) -> Decision {
        Decision { decided_by: by.into(), decided_at: DateTime::UNIX_EPOCH, reason: None }
    }

    fn suggested() -> MappingState {
        MappingState::Suggested { evidence: Evidence { confidence: 990_000, explanation: "{}".into() } }
    }

    #[test]
    fn a_repeated_decision_keeps_the_first() {
        let once = suggested().confirm(decision("Ann"));
        assert_eq!(once.clone().confirm(decision("Bob")), once);
        let once = suggested().reject(decision("Ann"));
        assert_eq!(once.clone().reject(decision("Bob")), once);
        let once = suggested().remove(decision("Ann"));
        assert_eq!(once.clone().remove(decision("Bob")), once);
    }

    #[test]
    fn only_what_was_suggested_can_be_suggested_again() {
        let rejected = suggested().reject(decision("Ann"));
        assert_eq!(rejected.reopen(), Ok(suggested()));
        let chosen = MappingState::Confirmed { evidence: None, decision: decision("Ann") };
        assert_eq!(chosen.reopen(), Err(NeverSuggested));
        assert_eq!(suggested().remove(decision("Ann")).reopen(), Err(NeverSuggested), "nobody judged it");
    }

    #[test]
    fn the_machine_never_undoes_a_decision() {
        let evidence = Evidence { confidence: 999_000, explanation: "{}".into() };
        for decided in [suggested().confirm(decision("Ann")), suggested().reject(decision("Ann"))] {
            assert_eq!(decided.clone().propose(evidence.clone()), decided);
        }
        let back = suggested().remove(decision("Concord")).propose(evidence.clone());
        assert_eq!(back, MappingState::Suggested { evidence });
    }

    #[test]
    fn a_term_has_one_spelling_and_a_wider_scope_covers_it() {
        let scope = |billing: &str, commitment| MappingScope::of_term(Some(&BillingTerm::parse(billing)), commitment);
        assert_eq!(scope("annual", Some("1 Year")), scope("Annual", Some("1-Year")));
        assert_eq!(scope("Monthly", None).commitment_term, "Monthly");
        assert_eq!(scope("1-Time", None).commitment_term, "One-Time");
        assert_eq!(MappingScope::of_term(None, None), MappingScope::default());
        assert!(MappingScope::default().covers(&scope("Monthly", None)));
        assert!(!scope("Monthly", None).covers(&scope("Monthly", Some("1-Year"))));
    }

    #[test]
    fn a_changed_mind_is_a_new_decision() {
        let state = suggested().reject(decision("Ann")).confirm(decision("Bob"));
        assert_eq!(state.status(), MappingStatus::Confirmed);
        assert_eq!(state.decision().map(|decision| decision.decided_by.as_str()), Some("Bob"));
        assert!(state.evidence().is_some());
    }
}
