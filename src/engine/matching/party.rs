//! A company or a customer in the one form in which both are compared.

use std::collections::HashSet;

use crate::domain::id::ExternalId;
use crate::domain::record::{Address, Company, CompanyStatus, Customer, CustomerStatus, Known};

/// A Pax8 company or a PSA customer, as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartyRecord {
    /// Id at its provider.
    pub key: ExternalId,
    /// Name.
    pub name: String,
    /// Other ids it is known by: partner reference at Pax8; identifier and account number at the PSA.
    pub references: Vec<String>,
    /// Web site as written.
    pub website: Option<String>,
    /// E-mail addresses; more may be added from contacts.
    pub emails: Vec<String>,
    /// Telephone number as written.
    pub phone: Option<String>,
    /// Address.
    pub address: Address,
    /// Whether it is in use.
    pub standing: Standing,
    /// The record that counts instead of this one.
    pub parent: Option<ExternalId>,
    /// Whether it has agreements; `None` where nobody looked.
    pub has_agreements: Option<bool>,
    /// Whether Pax8 bills it itself.
    pub is_billed_by_pax8: bool,
    /// Whether the provider marks it as the account's owner.
    pub is_own: bool,
}

/// Whether a record is in use, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// In use, or nobody said otherwise.
    Active,
    /// Being set up.
    Pending,
    /// Not a customer yet.
    Prospect,
    /// No longer served.
    Inactive,
    /// Deleted.
    Deleted,
}

impl PartyRecord {
    /// Customers of a PSA, each with whether it is among those that have agreements.
    pub fn of_customers<'a>(
        customers: impl IntoIterator<Item = &'a Customer>,
        with_agreements: &HashSet<ExternalId>,
    ) -> Vec<Self> {
        let customers = customers.into_iter().map(|customer| Self {
            // Without any agreement lines nobody knows who has agreements.
            has_agreements: (!with_agreements.is_empty()).then(|| with_agreements.contains(&customer.external_id)),
            ..Self::from(customer)
        });
        customers.collect()
    }
}

impl From<&Company> for PartyRecord {
    fn from(company: &Company) -> Self {
        let standing = match company.status.as_ref().and_then(Known::known) {
            Some(CompanyStatus::Deleted) => Standing::Deleted,
            // Inactive at Pax8 means that contacts are missing, not that the company is gone.
            Some(CompanyStatus::Active | CompanyStatus::Inactive) | None => Standing::Active,
        };
        Self {
            key: company.external_id.clone(),
            name: company.name.clone(),
            references: company.partner_reference.iter().cloned().collect(),
            website: company.website.clone(),
            emails: Vec::new(),
            phone: company.phone.clone(),
            address: company.address.clone(),
            standing,
            parent: None,
            has_agreements: None,
            is_billed_by_pax8: company.is_billed_by_pax8 == Some(true),
            is_own: false,
        }
    }
}

impl From<&Customer> for PartyRecord {
    fn from(customer: &Customer) -> Self {
        let standing = match customer.status.as_ref().and_then(Known::known) {
            _ if customer.is_deleted => Standing::Deleted,
            Some(CustomerStatus::Inactive) => Standing::Inactive,
            Some(CustomerStatus::Prospect) => Standing::Prospect,
            Some(CustomerStatus::Pending) => Standing::Pending,
            Some(CustomerStatus::Active) | None => Standing::Active,
        };
        Self {
            key: customer.external_id.clone(),
            name: customer.name.clone(),
            references: customer.identifier.iter().chain(&customer.account_number).cloned().collect(),
            website: customer.website.clone(),
            emails: customer.email.iter().cloned().collect(),
            phone: customer.phone.clone(),
            address: customer.address.clone(),
            standing,
            parent: customer.parent_external_id.clone(),
            has_agreements: None,
            is_billed_by_pax8: false,
            is_own: customer.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("owner")),
        }
    }
}
