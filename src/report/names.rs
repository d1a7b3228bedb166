//! Names of the records that a report mentions, collected while it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::billing::{CompanyRef, Input, KeyCustomer, KeyItem, ProductRef};

/// Names of the records that the report mentions, by id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Names {
    /// Companies at Pax8.
    pub companies: BTreeMap<String, String>,
    /// Customers at the PSA.
    pub customers: BTreeMap<String, String>,
    /// Products at Pax8.
    pub products: BTreeMap<String, String>,
    /// Items at the PSA.
    pub items: BTreeMap<String, String>,
    /// Short codes of the items at the PSA.
    pub item_codes: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn company(&mut self, input: &Input, company: CompanyRef) -> String {
        let id = input.company_id(company).to_owned();
        self.companies.entry(id.clone()).or_insert_with(|| input.company_name(company).to_owned());
        id
    }

    pub(super) fn product(&mut self, input: &Input, product: ProductRef) -> String {
        let id = input.product_id(product).to_owned();
        self.products.entry(id.clone()).or_insert_with(|| input.product_name(product).to_owned());
        id
    }

    pub(super) fn customer_of(&mut self, input: &Input, customer: KeyCustomer) -> (Option<String>, Option<String>) {
        match customer {
            KeyCustomer::Customer(customer) => {
                let id = input.customer_id(customer).to_owned();
                self.customers.entry(id.clone()).or_insert_with(|| input.customer_name(customer).to_owned());
                (Some(id), None)
            }
            KeyCustomer::Missing(company) => (None, Some(self.company(input, company))),
        }
    }

    pub(super) fn item_of(&mut self, input: &Input, item: KeyItem) -> (Option<String>, Option<String>) {
        match item {
            KeyItem::Item(item) => {
                let id = input.item_id(item).to_owned();
                self.items.entry(id.clone()).or_insert_with(|| input.item_name(item).to_owned());
                (Some(id), None)
            }
            KeyItem::Missing(product) => (None, Some(self.product(input, product))),
        }
    }
}
