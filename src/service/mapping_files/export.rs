//! Exporting mappings and exclusions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::format::{self, CustomerRow, ProductRow};
use super::{ImportError, MappingFilesService};
use crate::domain::access::{Caller, Role};
use crate::domain::id::{ExternalId, IntegrationId, OrganizationId};
use crate::domain::mapping::{ExclusionReason, Mapping, MappingKind, MappingScope, MappingStatus};
use crate::domain::provider::ProviderAccount;
use crate::domain::record::{BillingTerm, Known};
use crate::service::OrInternal as _;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::subscription::SubscriptionTable;
use crate::storage::source::vendor_price::VendorPriceTable;
use crate::storage::source::{self, Presence, SourceTable, Stored};
use crate::storage::{StorageError, account, exclusion, integration, mapping};

/// Relation of a row about a record whose suggestion nobody decided yet: the row says nothing about the mapping.
pub(in crate::service) const UNDECIDED: &str = "undecided";

/// Mappings and exclusions of an integration as files. What was rejected is not part of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFiles {
    /// `customer_mapping.csv`.
    pub customers: String,
    /// `product_mapping.csv`.
    pub products: String,
}

impl MappingFilesService {
    /// Exports mappings and exclusions, ordered by the ids at Pax8.
    pub async fn export(&self, caller: &Caller, integration_id: IntegrationId) -> Result<MappingFiles, ImportError> {
        caller.require(Role::Viewer)?;
        let (db, organization_id) = (self.core.store.read(), caller.organization_id);
        let found = integration::find(db, organization_id, integration_id).await.internal(caller)?;
        found.ok_or(ImportError::NotFound)?;
        let (pax8, _) = account::pair(db, organization_id, integration_id).await.internal(caller)?;
        let exclusions = exclusion::all(db, organization_id, integration_id).await.internal(caller)?;
        let exclusions: HashMap<Uuid, ExclusionReason> =
            exclusions.into_iter().map(|exclusion| (exclusion.record_id, exclusion.reason)).collect();
        let scene = Scene { organization_id, integration_id, pax8, exclusions };
        let customers = self.customer_rows(&scene).await.internal(caller)?;
        let products = self.product_rows(&scene).await.internal(caller)?;
        Ok(MappingFiles { customers: format::write_customers(customers), products: format::write_products(products) })
    }

    async fn active(&self, scene: &Scene, kind: MappingKind) -> Result<Active, StorageError> {
        let db = self.core.store.read();
        let mappings = mapping::all(db, scene.organization_id, scene.integration_id, kind, &mapping::ACTIVE).await?;
        let mut active = Active::default();
        for mapping in mappings {
            if mapping.state.status() == MappingStatus::Confirmed {
                *active.shares.entry(mapping.psa_record_id).or_default() += 1;
            }
            active.by_record.entry(mapping.pax8_record_id).or_default().push(mapping);
        }
        Ok(active)
    }

    async fn targets<T: SourceTable>(
        &self,
        scene: &Scene,
        active: &Active,
    ) -> Result<HashMap<Uuid, Stored<T::Record>>, StorageError> {
        let ids: Vec<Uuid> = active.shares.keys().copied().collect();
        let found = source::by_ids::<T>(self.core.store.read(), scene.organization_id, &ids).await?;
        Ok(found.into_iter().map(|stored| (stored.identity.id, stored)).collect())
    }

    async fn customer_rows(&self, scene: &Scene) -> Result<Vec<CustomerRow>, StorageError> {
        let db = self.core.store.read();
        let active = self.active(scene, MappingKind::Customer).await?;
        let customers = self.targets::<CustomerTable>(scene, &active).await?;
        let companies =
            source::all::<CompanyTable>(db, scene.organization_id, scene.pax8.id, Presence::Everything).await?;
        let mut rows = Vec::new();
        for company in companies {
            let id = company.identity.id;
            let exclusion = scene.exclusions.get(&id).copied();
            let mapping = active.by_record.get(&id).and_then(|mappings| mappings.first());
            // A company that is gone matters only for what was decided about it.
            if company.identity.gone_at.is_some() && mapping.is_none() && exclusion.is_none() {
                continue;
            }
            let confirmed = mapping.filter(|mapping| mapping.state.status() == MappingStatus::Confirmed);
            let customer = confirmed.and_then(|mapping| customers.get(&mapping.psa_record_id));
            let relation = match (confirmed, mapping, exclusion) {
                (None, Some(_), _) => UNDECIDED,
                (_, _, Some(ExclusionReason::BilledByPax8)) => "bill_on_behalf",
                (_, _, Some(ExclusionReason::InternalUse)) => "internal",
                (None, None, _) => "orphan",
                (Some(mapping), _, _) if active.shares[&mapping.psa_record_id] > 1 => "two_pax8",
                (Some(_), _, _) => "one_to_one",
            };
            rows.push(CustomerRow {
                company: company.identity.external_id,
                company_name: company.record.name,
                customer: customer.map(|customer| customer.identity.external_id.clone()),
                customer_name: customer.map(|customer| customer.record.name.clone()).unwrap_or_default(),
                relation: relation.to_owned(),
                is_billable: Some(!exclusion.is_some_and(ExclusionReason::expects_no_billing)),
                exclusion,
                ..CustomerRow::default()
            });
        }
        Ok(rows)
    }

    async fn product_rows(&self, scene: &Scene) -> Result<Vec<ProductRow>, StorageError> {
        let db = self.core.store.read();
        let (organization_id, pax8) = (scene.organization_id, scene.pax8.id);
        let active = self.active(scene, MappingKind::Product).await?;
        let items = self.targets::<PsaProductTable>(scene, &active).await?;
        let mut scopes: HashMap<ExternalId, BTreeSet<MappingScope>> = HashMap::new();
        let mut sold = |product: ExternalId, billing: Option<&Known<BillingTerm>>, commitment: Option<&str>| {
            // A term that this version does not know cannot be mapped, so it is not listed either.
            if let Some(Known::Known(_)) = billing {
                scopes.entry(product).or_default().insert(MappingScope::of_term(billing, commitment));
            }
        };
        for price in source::all::<VendorPriceTable>(db, organization_id, pax8, Presence::Present).await? {
            let price = price.record;
            sold(price.product_external_id, price.billing_term.as_ref(), price.commitment_term.as_deref());
        }
        for subscription in source::all::<SubscriptionTable>(db, organization_id, pax8, Presence::Present).await? {
            let used = subscription.record;
            sold(used.product_external_id, used.billing_term.as_ref(), used.commitment_term.as_deref());
        }
        let products = source::all::<Pax8ProductTable>(db, organization_id, pax8, Presence::Everything).await?;
        let mut rows = Vec::new();
        for product in products {
            let id = product.identity.id;
            let exclusion = scene.exclusions.get(&id).copied();
            let mappings = active.by_record.get(&id).map_or(&[][..], Vec::as_slice);
            let by_scope: BTreeMap<&MappingScope, &Mapping> =
                mappings.iter().map(|mapping| (&mapping.scope, mapping)).collect();
            let is_covered = |scope: &MappingScope| {
                mappings
                    .iter()
                    .any(|mapping| mapping.state.status() == MappingStatus::Confirmed && mapping.scope.covers(scope))
            };
            let mut listed: BTreeSet<MappingScope> = by_scope.keys().map(|scope| (*scope).clone()).collect();
            let offered = scopes.remove(&product.record.external_id).unwrap_or_default();
            listed.extend(offered.into_iter().filter(|scope| !is_covered(scope)));
            if listed.is_empty() && exclusion.is_some() {
                listed.insert(MappingScope::default());
            }
            for scope in listed {
                let mapping = by_scope.get(&scope).copied();
                let confirmed = mapping.filter(|mapping| mapping.state.status() == MappingStatus::Confirmed);
                let item = confirmed.and_then(|mapping| items.get(&mapping.psa_record_id));
                let relation = match (confirmed, mapping) {
                    (None, Some(_)) => UNDECIDED,
                    (None, None) => "missing_in_psa",
                    (Some(mapping), _) if active.is_group(mapping) => "group",
                    (Some(_), _) => "one_item",
                };
                rows.push(ProductRow {
                    product: product.identity.external_id.clone(),
                    product_name: product.record.name.clone(),
                    sku: product.record.sku.clone().unwrap_or_default(),
                    billing_term: scope.billing_term,
                    commitment_term: scope.commitment_term,
                    item: item.map(|item| item.identity.external_id.clone()),
                    identifier: item.and_then(|item| item.record.identifier.clone()).unwrap_or_default(),
                    item_name: item.map(|item| item.record.name.clone()).unwrap_or_default(),
                    relation: relation.to_owned(),
                    customer_scope: scope.customer,
                    factor: confirmed.map(|mapping| mapping.factor),
                    role: confirmed.map(|mapping| mapping.role),
                    exclusion,
                    ..ProductRow::default()
                });
            }
        }
        Ok(rows)
    }
}

/// Whose mappings are exported.
struct Scene {
    organization_id: OrganizationId,
    integration_id: IntegrationId,
    pax8: ProviderAccount,
    exclusions: HashMap<Uuid, ExclusionReason>,
}

/// Active mappings by Pax8 record, and how many confirmed ones share a PSA record.
#[derive(Default)]
struct Active {
    by_record: HashMap<Uuid, Vec<Mapping>>,
    shares: HashMap<Uuid, u32>,
}

impl Active {
    /// Whether another product is billed as the same item.
    fn is_group(&self, mapping: &Mapping) -> bool {
        let own = self.by_record.get(&mapping.pax8_record_id).map_or(&[][..], Vec::as_slice);
        let own = own
            .iter()
            .filter(|own| own.psa_record_id == mapping.psa_record_id && own.state.status() == MappingStatus::Confirmed);
        self.shares.get(&mapping.psa_record_id).is_some_and(|shares| *shares as usize > own.count())
    }
}
