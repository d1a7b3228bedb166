//! Kinds of discrepancies, how much they weigh, and what makes two of them the same from month to month.

use std::fmt;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::id::DiscrepancyId;
use super::money::{Currency, ExactSum, OutOfRange};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// What is wrong. The list may grow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DiscrepancyType {
            $($(#[$doc])* $name,)*
        }

        impl DiscrepancyType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in capitals, as GraphQL and texts write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Reads a name in capitals.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
            }
        }
    };
}

kinds! {
    /// The recurring PSA line has fewer units than the subscription.
    QuantityUnder = "QUANTITY_UNDER",
    /// The recurring PSA line has more units than the subscription.
    QuantityOver = "QUANTITY_OVER",
    /// Right item and quantity, another unit price than the reference price.
    WrongPrice = "WRONG_PRICE",
    /// The unit price was rounded before it was multiplied.
    Rounding = "ROUNDING",
    /// An old subscription that no PSA line bills.
    NeverBilled = "NEVER_BILLED",
    /// A recent subscription that no PSA line bills.
    NewNotBilled = "NEW_NOT_BILLED",
    /// The product has no PSA item.
    ProductMissingInPsa = "PRODUCT_MISSING_IN_PSA",
    /// The company has no PSA customer.
    CustomerMissingInPsa = "CUSTOMER_MISSING_IN_PSA",
    /// The subscription ended and the PSA goes on billing it.
    CanceledStillBilled = "CANCELED_STILL_BILLED",
    /// An increase inside a period was not billed.
    ProrationNotBilled = "PRORATION_NOT_BILLED",
    /// A credit of the vendor was not given to the customer.
    CreditNotPassed = "CREDIT_NOT_PASSED",
    /// Metered use was not billed.
    UsageNotBilled = "USAGE_NOT_BILLED",
    /// Metered use was billed with another amount.
    UsageStaleAmount = "USAGE_STALE_AMOUNT",
    /// A purchase was not billed.
    OneTimeNotBilled = "ONE_TIME_NOT_BILLED",
    /// The recurring line is also on a second agreement of the customer.
    DuplicateBilling = "DUPLICATE_BILLING",
    /// A yearly item is billed as a twelfth every month.
    WrongBillingCycle = "WRONG_BILLING_CYCLE",
    /// Billed on another item.
    WrongProduct = "WRONG_PRODUCT",
    /// Billed to another customer.
    WrongCustomer = "WRONG_CUSTOMER",
    /// Pax8 charged the same subscription and period twice.
    Pax8DuplicateCharge = "PAX8_DUPLICATE_CHARGE",
    /// Pax8 charged another quantity than the subscription's.
    Pax8QuantityMismatch = "PAX8_QUANTITY_MISMATCH",
    /// Billed, with nothing at Pax8 that explains it.
    OrphanedBilling = "ORPHANED_BILLING",
    /// The unit cost rose from one period to the next.
    CostIncrease = "COST_INCREASE",
    /// The margin is lower than the policy asks for.
    BelowMarginFloor = "BELOW_MARGIN_FLOOR",
    /// Charged in one currency, billed in another.
    CurrencyMismatch = "CURRENCY_MISMATCH",
    /// Metered use that Pax8 links to no company.
    UsageUnassigned = "USAGE_UNASSIGNED",
}

impl DiscrepancyType {
    /// Whether it is an observation: worth knowing, but nothing was billed wrongly and Pax8 charged nothing wrongly.
    pub fn is_observation(self) -> bool {
        matches!(self, Self::CostIncrease | Self::BelowMarginFloor)
    }
}

impl DiscrepancyType {
    /// The name in small letters, as the CSV files write it (`cancelled_still_billed`).
    pub fn file_name(self) -> String {
        match self {
            // The files keep the spelling that they began with.
            Self::CanceledStillBilled => "cancelled_still_billed".to_owned(),
            other => other.as_str().to_ascii_lowercase(),
        }
    }

    /// Whether the files list it among the discrepancies; the others stand in a file of their own.
    pub fn is_in_discrepancy_file(self) -> bool {
        !matches!(
            self,
            Self::OrphanedBilling
                | Self::CostIncrease
                | Self::BelowMarginFloor
                | Self::CurrencyMismatch
                | Self::UsageUnassigned
        )
    }
}

impl fmt::Display for DiscrepancyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much a discrepancy weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warning,
    /// To be settled first.
    Critical,
}

impl Severity {
    /// The name in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What something costs, whoever pays: the size of its effect and of its cost effect together.
pub fn magnitude(effect: Decimal, cost_effect: Decimal) -> Result<Decimal, OutOfRange> {
    ExactSum::of([effect.abs(), cost_effect.abs()]).and_then(ExactSum::total)
}

/// Effects and cost effects of several charges or months, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EffectSums {
    effect: ExactSum,
    cost_effect: ExactSum,
}

impl EffectSums {
    /// Adds one.
    pub fn add(&mut self, effect: Decimal, cost_effect: Decimal) -> Result<(), OutOfRange> {
        self.effect.add(effect)?;
        self.cost_effect.add(cost_effect)
    }

    /// Effect and cost effect of all.
    pub fn totals(self) -> Result<(Decimal, Decimal), OutOfRange> {
        Ok((self.effect.total()?, self.cost_effect.total()?))
    }
}

/// What people, or the passing of time, decided about a discrepancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DiscrepancyStatus {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks into it.
    InReview,
    /// Settled, with a resolution.
    Resolved,
    /// Given up, with a reason.
    WrittenOff,
    /// Hidden by a rule.
    Suppressed,
    /// Was settled, and was found again.
    Reopened,
}

/// What makes two findings the same discrepancy: everything but the period, which is an occurrence of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DiscrepancyIdentity<'a> {
    /// What is wrong.
    pub kind: DiscrepancyType,
    /// PSA customer, or `pax8:` and the company's id.
    pub customer: &'a str,
    /// PSA item, or `pax8:` and the product's id.
    pub item: &'a str,
    /// Currency.
    pub currency: Currency,
    /// Id of the subscription, or of the first line of the chain of agreement lines, or of the single line.
    pub subject: &'a str,
}

/// Namespace of the ids of discrepancies. Changing it would orphan every note and decision.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_2c0e_58a4_5b1f_9d37_c1a6_0c84_77e2);

impl DiscrepancyIdentity<'_> {
    /// The id: derived from the identity alone, so that files and server agree.
    pub fn id(&self) -> DiscrepancyId {
        // Each part is preceded by its length: no two identities give the same bytes.
        let mut bytes = Vec::with_capacity(128);
        for part in [self.kind.as_str(), self.customer, self.item, self.currency.as_str(), self.subject] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        DiscrepancyId(Uuid::new_v5(&NAMESPACE, &bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity<'a>(customer: &'a str, item: &'a str) -> DiscrepancyIdentity<'a> {
        let kind = DiscrepancyType::QuantityUnder;
        DiscrepancyIdentity { kind, customer, item, currency: Currency::USD, subject: "s" }
    }

    #[test]
    fn an_identity_gives_one_id_for_ever() {
        assert_eq!(identity("1", "2").id(), identity("1", "2").id());
        assert_ne!(identity("1", "23").id(), identity("12", "3").id());
        assert_eq!(identity("104", "2015").id().0.get_version_num(), 5);
    }

    #[test]
    fn files_list_twenty_types() {
        assert_eq!(DiscrepancyType::ALL.iter().filter(|kind| kind.is_in_discrepancy_file()).count(), 20);
        assert_eq!(DiscrepancyType::CanceledStillBilled.file_name(), "cancelled_still_billed");
        assert_eq!(DiscrepancyType::QuantityUnder.file_name(), "quantity_under");
    }

    #[test]
    fn names_are_read_back() {
        for kind in DiscrepancyType::ALL {
            assert_eq!(DiscrepancyType::parse(kind.as_str()), Some(*kind));
        }
    }
}
