//! What a comparison is made from, wherever it was read: records go in one by one, and what does not fit is kept aside
//! to be said in the report.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::domain::id::ExternalId;
use crate::domain::mapping::{self, MappingScope};
use crate::domain::period::Period;
use crate::domain::record::{BillingTerm, Known, Pax8Product, PsaProduct};
use crate::domain::suppression::SuppressionRule;
use crate::engine::billing::{
    ExclusionReason, InputBuilder, InputError, MappingRole, Policy, ProductMapping, ReconcileError, Standing, Threads,
    reconcile_on,
};
use crate::environment::threads;
use crate::report::document::{Document, Extras, LeftOut};
use crate::report::totals::Vendors;

use rust_decimal::Decimal;

/// Records on their way into a comparison.
#[derive(Default)]
pub struct Intake {
    /// Takes them.
    pub builder: InputBuilder,
    left_out: Vec<LeftOut>,
    /// Short codes of the PSA's items, by external id.
    item_codes: HashMap<String, String>,
    /// Vendors of the products at Pax8, by external id.
    vendors: Vendors,
    /// Rules that hide discrepancies on the day from which the run looks.
    pub rules: Vec<SuppressionRule>,
}

/// The rules of a comparison and what people call them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Name; `None` for the default policy.
    pub name: Option<String>,
    /// Rules.
    pub policy: Policy,
}

/// Which item a product is billed as, for which of its charges.
pub struct ProductRule<'a> {
    /// Product at Pax8.
    pub product: &'a ExternalId,
    /// Charges that it is about.
    pub scope: &'a MappingScope,
    /// Item at the PSA.
    pub item: &'a ExternalId,
    /// Units of the item for one unit of the product.
    pub factor: Decimal,
    /// Whether it is billed or included.
    pub role: mapping::MappingRole,
    /// Whether a person agreed.
    pub standing: Standing,
}

impl Intake {
    /// Keeps what the engine could not take in.
    pub fn check(&mut self, taken: Result<(), InputError>) {
        if let Err(error) = taken {
            self.left_out.push(LeftOut {
                kind: error.kind.to_owned(),
                reason: format!("{} {}", error.field, error.source),
                id: error.id,
            });
        }
    }

    /// Keeps a record that did not get as far as the engine.
    pub fn leave_out(&mut self, kind: &str, id: String, reason: String) {
        self.left_out.push(LeftOut { kind: kind.to_owned(), id, reason });
    }

    /// Takes an item of the PSA with its short code.
    pub fn add_item(&mut self, item: &PsaProduct) {
        if let Some(code) = &item.identifier {
            self.item_codes.insert(item.external_id.to_string(), code.clone());
        }
        let taken = self.builder.add_psa_product(item);
        self.check(taken);
    }

    /// Takes a product of Pax8 with its vendor.
    pub fn add_product(&mut self, product: &Pax8Product) {
        if let Some(vendor) = &product.vendor_name {
            self.vendors.insert(product.external_id.to_string(), vendor.clone());
        }
        self.builder.add_pax8_product(product);
    }

    /// Takes a product mapping; the reason when it says nothing that this version understands.
    pub fn map_product(&mut self, rule: &ProductRule<'_>) -> Result<(), String> {
        let scope = rule.scope;
        let billing_term = match scope.billing_term.as_str() {
            "" => None,
            term => match BillingTerm::parse(term) {
                Known::Known(term) => Some(term),
                Known::Unrecognized(term) => return Err(format!("the billing term `{term}` is not known")),
            },
        };
        let customer = (!scope.customer.is_empty()).then(|| ExternalId::from(scope.customer.as_str()));
        let taken = self.builder.map_product(ProductMapping {
            product: rule.product,
            billing_term,
            commitment_term: (!scope.commitment_term.is_empty()).then_some(scope.commitment_term.as_str()),
            customer: customer.as_ref(),
            item: rule.item,
            factor: rule.factor,
            role: match rule.role {
                mapping::MappingRole::Billed => MappingRole::Billed,
                mapping::MappingRole::Included => MappingRole::Included,
            },
            standing: rule.standing,
        });
        self.check(taken);
        Ok(())
    }

    /// Compares what was taken in, in these months, as of a day.
    pub fn compare(
        self,
        (first, last): (Period, Period),
        as_of: NaiveDate,
        NamedPolicy { name: policy_name, policy }: NamedPolicy,
    ) -> Result<Document, ReconcileError> {
        let Self { builder, left_out, item_codes, vendors, rules } = self;
        let input = builder.build(first, last, as_of);
        let report = reconcile_on(Threads::up_to(threads()), &input, &policy)?;
        Ok(Document::of(&input, &report, Extras { left_out, item_codes, vendors, policy_name, rules })?)
    }
}

/// The engine's word for a reason to leave a record out.
pub fn exclusion_reason(reason: mapping::ExclusionReason) -> ExclusionReason {
    match reason {
        mapping::ExclusionReason::InternalUse => ExclusionReason::InternalUse,
        mapping::ExclusionReason::BilledByPax8 => ExclusionReason::BilledByPax8,
        mapping::ExclusionReason::NotResold => ExclusionReason::NotResold,
        mapping::ExclusionReason::Prospect => ExclusionReason::Prospect,
        mapping::ExclusionReason::Other => ExclusionReason::Other,
    }
}
