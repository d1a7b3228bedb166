//! Matching products, term by term, with the items of the PSA.

use std::collections::HashSet;

use uuid::Uuid;

use super::extent::Extent;
use super::plan::{Standing, Verdict};
use super::{Ids, MappingService, Rematch, RematchError, Scene, by_id, reversed};
use crate::domain::mapping::{MappingKind, MappingScope, MappingStatus};
use crate::domain::record::{BillingTerm, Known};
use crate::domain::run::MatchCount;
use crate::engine::matching::{
    Decisions, ItemRecord, Outcome, ProductInput, ProductMatch, ProductRecord, ProductTerm, digest, item_digests,
    match_products, match_touched_products,
};
use crate::service::mapping::explanation::evidence;
use crate::storage::StorageError;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::subscription::SubscriptionTable;
use crate::storage::source::vendor_price::VendorPriceTable;
use crate::storage::source::{self, Presence};

/// Both sides as the engine wants them, with the ids of their rows.
pub(in crate::service::mapping) struct Goods {
    pub products: Vec<ProductRecord>,
    pub items: Vec<ItemRecord>,
    pub decisions: Decisions<ProductTerm>,
    pub product_ids: Ids,
    pub item_ids: Ids,
}

impl MappingService {
    pub(super) async fn rematch_products(
        &self,
        command: Rematch<'_>,
        scene: &Scene,
    ) -> Result<MatchCount, RematchError> {
        let mut standing = self.standing(command, MappingKind::Product).await?;
        let Goods { products, items, decisions, product_ids, item_ids } = self.goods(command, scene, &standing).await?;
        let policy = self.policy(scene, MappingKind::Product).await?;
        let product_digests = products.iter().map(digest).collect();
        let records = by_id(products.iter().map(|product| &product.key), product_digests, &product_ids)
            .chain(by_id(items.iter().map(|item| &item.key), item_digests(&items, &products), &item_ids))
            .collect();
        let owner = command.owner(MappingKind::Product);
        let mut seen = self.extent(owner, &policy, &standing, (&product_ids, &item_ids), records).await?;
        let mut kept: Vec<(Uuid, MappingScope)> = Vec::new();
        if seen.extent != Extent::All {
            for product in &products {
                let Some(id) = product_ids.get(&product.key) else { continue };
                kept.extend(terms_of(product).map(|scope| (*id, scope)));
            }
        }
        let extent = seen.extent.clone();
        let (matches, lessons, is_all) = self
            .run_engine(command, move || {
                let (products, items, decisions, policy) = (&products, &items, &decisions, &policy);
                let input = ProductInput { products, items, decisions, policy };
                extent.matched(
                    |touched| {
                        let found = match_touched_products(&input, touched);
                        (found.matches, found.lessons)
                    },
                    || {
                        let found = match_products(&input);
                        (found.matches, found.lessons)
                    },
                )
            })
            .await?;
        seen.note(lessons, is_all);
        let affected: HashSet<&Uuid> =
            matches.iter().filter_map(|found| product_ids.get(&found.term.product)).collect();
        kept.retain(|(id, _)| !affected.contains(id));
        let verdicts = matches.into_iter().filter_map(|found| verdict(found, &product_ids, &item_ids));
        Ok(self.write(command, &mut standing, verdicts, kept, seen).await?)
    }

    pub(in crate::service::mapping) async fn goods(
        &self,
        command: Rematch<'_>,
        scene: &Scene,
        standing: &Standing,
    ) -> Result<Goods, StorageError> {
        let (db, organization_id) = (self.core.store.read(), command.organization_id);
        let (pax8, psa) = (scene.pax8.id, scene.psa.id);
        let products = source::all::<Pax8ProductTable>(db, organization_id, pax8, Presence::Present).await?;
        let prices = source::all::<VendorPriceTable>(db, organization_id, pax8, Presence::Present).await?;
        let subscriptions = source::all::<SubscriptionTable>(db, organization_id, pax8, Presence::Present).await?;
        let items = source::all::<PsaProductTable>(db, organization_id, psa, Presence::Present).await?;
        let product_ids: Ids =
            products.iter().map(|stored| (stored.record.external_id.clone(), stored.identity.id)).collect();
        let item_ids: Ids =
            items.iter().map(|stored| (stored.record.external_id.clone(), stored.identity.id)).collect();
        let decisions = decisions(standing, &product_ids, &item_ids);
        let products = ProductRecord::of_catalog(
            products.iter().map(|stored| &stored.record),
            prices.iter().map(|stored| &stored.record),
            subscriptions.iter().map(|stored| &stored.record),
        );
        let items = items.iter().map(|stored| ItemRecord::from(&stored.record)).collect();
        Ok(Goods { products, items, decisions, product_ids, item_ids })
    }
}

/// The scopes at which a product is judged.
fn terms_of(product: &ProductRecord) -> impl Iterator<Item = MappingScope> + '_ {
    let whole = product.variants.is_empty().then(MappingScope::default);
    let terms = product.variants.iter();
    whole.into_iter().chain(terms.map(|term| scope_of(term.billing_term, term.commitment_term.as_deref())))
}

pub(in crate::service::mapping) fn scope_of(
    billing_term: Option<BillingTerm>,
    commitment_term: Option<&str>,
) -> MappingScope {
    MappingScope::of_term(billing_term.map(Known::Known).as_ref(), commitment_term)
}

fn decisions(standing: &Standing, products: &Ids, items: &Ids) -> Decisions<ProductTerm> {
    let (products, items) = (reversed(products), reversed(items));
    let mut decisions = Decisions::default();
    for mapping in standing.mappings() {
        // What was decided for one customer says nothing about the others.
        if !mapping.scope.customer.is_empty() {
            continue;
        }
        let pair = (products.get(&mapping.pax8_record_id), items.get(&mapping.psa_record_id));
        let (Some(product), Some(item)) = pair else { continue };
        let billing = Some(mapping.scope.billing_term.as_str()).filter(|text| !text.is_empty());
        let billing_term = match billing.map(BillingTerm::parse) {
            Some(Known::Unrecognized(_)) => continue,
            Some(Known::Known(term)) => Some(term),
            None => None,
        };
        let commitment_term = Some(mapping.scope.commitment_term.clone()).filter(|text| !text.is_empty());
        let term = ProductTerm { product: (*product).clone(), billing_term, commitment_term };
        let pair = (term, (*item).clone());
        match mapping.state.status() {
            MappingStatus::Confirmed => decisions.confirmed.push(pair),
            MappingStatus::Rejected => decisions.rejected.push(pair),
            MappingStatus::Suggested | MappingStatus::Removed => {}
        }
    }
    decisions
}

fn verdict(found: ProductMatch, products: &Ids, items: &Ids) -> Option<Verdict> {
    let mapped = match &found.outcome {
        Outcome::Mapped { target, confidence, explanation } => {
            items.get(target).map(|id| (*id, evidence(*confidence, explanation)))
        }
        Outcome::Confirmed { .. } | Outcome::Open { .. } => None,
    };
    let candidates = found
        .candidates
        .iter()
        .filter_map(|candidate| {
            let id = items.get(&candidate.target)?;
            Some((*id, evidence(candidate.confidence, &candidate.explanation)))
        })
        .collect();
    Some(Verdict {
        pax8_record_id: *products.get(&found.term.product)?,
        scope: scope_of(found.term.billing_term, found.term.commitment_term.as_deref()),
        mapped,
        candidates,
    })
}
