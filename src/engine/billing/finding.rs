//! A discrepancy while it is being found: references and amounts, not yet words.

use super::amount::{Amount, Maybe};
use super::expected::Charge;
use super::intern::{AgreementLineRef, CompanyRef, ProductRef, PsaLineRef, SubscriptionRef, VendorLineRef};
use super::key::AccountKey;
use super::report::{KeyCustomer, KeyItem};
use crate::domain::discrepancy::DiscrepancyType;
use crate::domain::money::Currency;

/// The other half of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counterpart {
    Customer(KeyCustomer),
    Item(KeyItem),
    Currency(Currency),
}

/// A difference on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) account: AccountKey,
    pub(super) period: u16,
    pub(super) kind: DiscrepancyType,
    pub(super) subscription: Option<SubscriptionRef>,
    pub(super) company: Option<CompanyRef>,
    pub(super) product: Option<ProductRef>,
    /// First line of the chain of agreement lines.
    pub(super) chain: Option<AgreementLineRef>,
    pub(super) expected_quantity: Maybe,
    pub(super) actual_quantity: Maybe,
    pub(super) expected: Amount,
    pub(super) actual: Amount,
    pub(super) cost_effect: Amount,
    pub(super) expected_price: Maybe,
    pub(super) actual_price: Maybe,
    pub(super) pair: Option<u32>,
    pub(super) counterpart: Option<Counterpart>,
    pub(super) vendor_lines: Vec<VendorLineRef>,
    pub(super) psa_lines: Vec<PsaLineRef>,
}

impl Finding {
    pub(super) fn new(kind: DiscrepancyType, account: AccountKey, period: u16) -> Self {
        Self {
            account,
            period,
            kind,
            subscription: None,
            company: None,
            product: None,
            chain: None,
            expected_quantity: Maybe::UNKNOWN,
            actual_quantity: Maybe::UNKNOWN,
            expected: Amount::ZERO,
            actual: Amount::ZERO,
            cost_effect: Amount::ZERO,
            expected_price: Maybe::UNKNOWN,
            actual_price: Maybe::UNKNOWN,
            pair: None,
            counterpart: None,
            vendor_lines: Vec::new(),
            psa_lines: Vec::new(),
        }
    }

    /// A charge that nothing bills.
    pub(super) fn unbilled(kind: DiscrepancyType, account: AccountKey, charge: &Charge) -> Self {
        Self {
            expected_quantity: charge.quantity,
            actual_quantity: Amount::ZERO.into(),
            expected: charge.expected.known().unwrap_or_default(),
            expected_price: charge.price,
            ..Self::new(kind, account, charge.period)
        }
        .about(charge)
    }

    /// Names what a charge is about.
    pub(super) fn about(mut self, charge: &Charge) -> Self {
        self.subscription = self.subscription.or(charge.subscription);
        self.company = self.company.or(Some(charge.company));
        self.product = self.product.or(Some(charge.product));
        self.vendor_lines.extend(charge.line);
        self
    }
}
