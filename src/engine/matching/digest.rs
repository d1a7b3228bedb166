//! Digests of PSA records, so that whoever remembers them sees what a change may have touched.
//!
//! Only equality counts: a digest may differ between releases of the program.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use super::party::PartyRecord;
use super::product_record::{ItemRecord, ProductRecord, part_numbers};
use crate::domain::id::ExternalId;

/// A digest of a value.
pub fn digest(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Digests of customers, in the order given. That of a record that counts changes with those that lead to it.
pub fn customer_digests(customers: &[PartyRecord]) -> Vec<u64> {
    let known: HashMap<&ExternalId, &PartyRecord> =
        customers.iter().map(|customer| (&customer.key, customer)).collect();
    let mut leading: BTreeMap<&ExternalId, BTreeSet<u64>> = BTreeMap::new();
    for customer in customers {
        let mut seen = BTreeSet::from([&customer.key]);
        let mut at = customer;
        while let Some(parent) = at.parent.as_ref().and_then(|parent| known.get(parent)) {
            if !seen.insert(&parent.key) {
                break;
            }
            leading.entry(&parent.key).or_default().insert(digest(customer));
            at = parent;
        }
    }
    customers.iter().map(|customer| digest(&(customer, leading.get(&customer.key)))).collect()
}

/// Digests of items, in the order given. That of an item changes with the products that own its part numbers.
pub fn item_digests(items: &[ItemRecord], products: &[ProductRecord]) -> Vec<u64> {
    let mut owners: HashMap<String, BTreeSet<&ExternalId>> = HashMap::new();
    for product in products {
        for number in part_numbers(&product.part_numbers) {
            owners.entry(number).or_default().insert(&product.key);
        }
    }
    let owners_of = |item: &ItemRecord| -> Vec<Option<&BTreeSet<&ExternalId>>> {
        part_numbers(&item.part_numbers).iter().map(|number| owners.get(number)).collect()
    };
    items.iter().map(|item| digest(&(item, owners_of(item)))).collect()
}
