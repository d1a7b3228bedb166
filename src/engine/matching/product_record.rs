//! A Pax8 product with the terms it is sold at, and a PSA item, in the form in which they are compared.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::license::term;
use crate::domain::id::ExternalId;
use crate::domain::mapping::MappingScope;
use crate::domain::money::Currency;
use crate::domain::record::{
    BillCycle, BillingTerm, Cost, Known, Pax8Product, Price, PsaProduct, Subscription, VendorPrice,
};

/// What is mapped: a product at one billing term and commitment. Both missing stands for the whole product.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductTerm {
    /// Product at Pax8.
    pub product: ExternalId,
    /// How often it is charged.
    pub billing_term: Option<BillingTerm>,
    /// Commitment as Pax8 writes it.
    pub commitment_term: Option<String>,
}

/// A term without differences of spelling: product, billing, months of commitment.
pub(super) type TermKey = (ExternalId, Option<BillingTerm>, Option<u16>);

impl ProductTerm {
    /// The mapping that holds for every term without one of its own.
    pub fn whole(product: ExternalId) -> Self {
        Self { product, billing_term: None, commitment_term: None }
    }

    /// The key without differences of spelling: `1-Year` and `1 Year` are one commitment, and none is month to month.
    pub(super) fn folded(&self) -> TermKey {
        let months = self.commitment_term.as_deref().and_then(term::months);
        let months = months.or((self.billing_term == Some(BillingTerm::Monthly)).then_some(1));
        (self.product.clone(), self.billing_term, months)
    }
}

/// What one unit costs and should bring in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VariantPrice {
    /// Currency, where Pax8 says.
    pub currency: Option<Currency>,
    /// What the MSP pays.
    pub cost: Option<Cost>,
    /// What Pax8 suggests that the customer pays.
    pub price: Option<Price>,
}

/// A term at which a product is sold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SoldVariant {
    /// How often it is charged; `None` for a word that this version does not know, which never maps.
    pub billing_term: Option<BillingTerm>,
    /// Commitment as Pax8 writes it.
    pub commitment_term: Option<String>,
    /// Prices of the first unit, one for each currency.
    pub prices: Vec<VariantPrice>,
}

/// A product in the Pax8 catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProductRecord {
    /// Id at Pax8.
    pub key: ExternalId,
    /// Name.
    pub name: String,
    /// Vendor.
    pub vendor: Option<String>,
    /// Stock keeping units: Pax8's and the vendor's.
    pub part_numbers: Vec<String>,
    /// Terms at which it is sold. Empty where the list knows none: then the product is judged once, as a whole, and the
    /// term in its name has to agree.
    pub variants: Vec<SoldVariant>,
}

impl ProductRecord {
    /// A product with the terms that its prices and subscriptions show; prices of other products are passed over.
    pub fn new<'a>(product: &Pax8Product, prices: impl IntoIterator<Item = &'a VendorPrice>) -> Self {
        let mut variants: Vec<SoldVariant> = Vec::new();
        for price in prices.into_iter().filter(|price| price.product_external_id == product.external_id) {
            // Ranges above the first are discounts for quantity; an item's price is that of one unit.
            if price.range_start.is_some_and(|start| start > Decimal::ONE) {
                continue;
            }
            let billing_term = price.billing_term.as_ref().and_then(Known::known).copied();
            let amounts = VariantPrice { currency: price.currency, cost: price.cost, price: price.suggested_price };
            let known = variants.iter_mut().find(|variant| {
                variant.billing_term == billing_term && variant.commitment_term == price.commitment_term
            });
            match known {
                Some(variant) => variant.prices.push(amounts),
                None => variants.push(SoldVariant {
                    billing_term,
                    commitment_term: price.commitment_term.clone(),
                    prices: vec![amounts],
                }),
            }
        }
        Self {
            key: product.external_id.clone(),
            name: product.name.clone(),
            vendor: product.vendor_name.clone(),
            part_numbers: product.sku.iter().chain(&product.vendor_sku).cloned().collect(),
            variants,
        }
    }

    /// Every product with every term at which it is priced or in use, each term once whatever its spelling.
    pub fn of_catalog<'a>(
        products: impl IntoIterator<Item = &'a Pax8Product>,
        prices: impl IntoIterator<Item = &'a VendorPrice>,
        subscriptions: impl IntoIterator<Item = &'a Subscription>,
    ) -> Vec<Self> {
        let mut prices_of: HashMap<&ExternalId, Vec<&VendorPrice>> = HashMap::new();
        for price in prices {
            prices_of.entry(&price.product_external_id).or_default().push(price);
        }
        let mut uses_of: HashMap<&ExternalId, Vec<&Subscription>> = HashMap::new();
        for subscription in subscriptions {
            uses_of.entry(&subscription.product_external_id).or_default().push(subscription);
        }
        products
            .into_iter()
            .map(|product| {
                let prices = prices_of.remove(&product.external_id).unwrap_or_default();
                let mut record = Self::new(product, prices);
                let priced = std::mem::take(&mut record.variants);
                let used = uses_of.remove(&product.external_id).unwrap_or_default();
                let used = used.into_iter().map(|subscription| SoldVariant {
                    billing_term: subscription.billing_term.as_ref().and_then(Known::known).copied(),
                    commitment_term: subscription.commitment_term.clone(),
                    prices: vec![VariantPrice {
                        currency: subscription.currency,
                        cost: subscription.cost,
                        price: subscription.price,
                    }],
                });
                let mut merged: Vec<(MappingScope, SoldVariant)> = Vec::new();
                let priced_count = priced.len();
                for (at, variant) in priced.into_iter().chain(used).enumerate() {
                    // A word that this version does not know maps nothing, and must not pass for the whole product.
                    if variant.billing_term.is_none() {
                        continue;
                    }
                    let scope = MappingScope::of_term(
                        variant.billing_term.map(Known::Known).as_ref(),
                        variant.commitment_term.as_deref(),
                    );
                    match merged.iter_mut().find(|(known, _)| *known == scope) {
                        // What a subscription costs may be a price agreed long ago; the list's price wins.
                        Some((_, known)) if at < priced_count => known.prices.extend(variant.prices),
                        Some(_) => {}
                        None => merged.push((scope, variant)),
                    }
                }
                record.variants = merged.into_iter().map(|(_, variant)| variant).collect();
                record
            })
            .collect()
    }
}

/// An item in the PSA's catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemRecord {
    /// Id at the PSA.
    pub key: ExternalId,
    /// Name.
    pub name: String,
    /// Short code.
    pub identifier: Option<String>,
    /// Vendor or manufacturer.
    pub vendor: Option<String>,
    /// Category, which is the vendor's name at some MSPs.
    pub category: Option<String>,
    /// Stock keeping units and the vendor's part number.
    pub part_numbers: Vec<String>,
    /// What a customer pays for one unit.
    pub price: Option<Price>,
    /// What the MSP pays for one unit.
    pub cost: Option<Cost>,
    /// Currency of price and cost.
    pub currency: Option<Currency>,
    /// How often it is billed, where the PSA says so in a field of its own.
    pub bill_cycle: Option<BillCycle>,
    /// Whether it may still be sold.
    pub is_active: bool,
}

impl From<&PsaProduct> for ItemRecord {
    fn from(product: &PsaProduct) -> Self {
        Self {
            key: product.external_id.clone(),
            name: product.name.clone(),
            identifier: product.identifier.clone(),
            vendor: product.vendor_name.clone().filter(|vendor| !vendor.trim().is_empty()),
            category: product.category.clone(),
            part_numbers: product.sku.iter().chain(&product.vendor_sku).cloned().collect(),
            price: product.unit_price,
            cost: product.unit_cost,
            currency: product.currency,
            bill_cycle: product.bill_cycle.as_ref().and_then(Known::known).copied(),
            is_active: product.is_active,
        }
    }
}

/// The part numbers in a field, in the form in which they are compared: plain, `productId:skuId` with or without a
/// segment behind it, or the quoted values of a JSON text.
pub(super) fn part_numbers(written: &[String]) -> Vec<String> {
    let mut numbers: Vec<String> = Vec::new();
    for text in written {
        let pieces: Vec<&str> = if text.trim_start().starts_with('{') {
            text.split('"').filter(|piece| piece.bytes().any(|byte| byte.is_ascii_digit())).collect()
        } else {
            vec![text.as_str()]
        };
        for piece in pieces {
            let folded = piece.trim().to_lowercase();
            let parts: Vec<&str> = folded.split(':').map(str::trim).collect();
            let number = parts[..parts.len().min(2)].join(":");
            let is_specific = number.len() >= 5 && number.bytes().any(|byte| byte.is_ascii_digit());
            if is_specific && !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_numbers_are_read_from_every_notation() {
        let read = |text: &str| part_numbers(&[text.to_owned()]);
        assert_eq!(read("CFQ7TTC0LH18:0001:Commercial"), read("cfq7ttc0lh18:0001"));
        assert_eq!(read(r#"{"productId":"CFQ7TTC0LH18:0001"}"#), ["cfq7ttc0lh18:0001"]);
        assert!(read("").is_empty() && read("n/a").is_empty() && read("Server").is_empty());
    }

    #[test]
    fn a_term_is_one_key_in_all_spellings() {
        let term = |commitment: Option<&str>| ProductTerm {
            product: "p".into(),
            billing_term: Some(BillingTerm::Monthly),
            commitment_term: commitment.map(str::to_owned),
        };
        assert_eq!(term(Some("1-Year")).folded(), term(Some("1 Year")).folded());
        assert_eq!(term(Some("Monthly")).folded(), term(None).folded());
        assert_ne!(term(Some("3-Year")).folded(), term(Some("1-Year")).folded());
    }
}
