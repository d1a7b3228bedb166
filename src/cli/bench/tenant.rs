//! A tenant whose synced records are the made-up lines: what a sync would have left in the database, put there through
//! storage alone, in large batches.

use rust_decimal::Decimal;

use super::lines;
use crate::domain::access::Caller;
use crate::domain::id::{ExternalId, IntegrationId, MappingId, ProviderAccountId};
use crate::domain::integration::{Integration, SetupStage};
use crate::domain::mapping::{Decision, Mapping, MappingKind, MappingOrigin, MappingRole, MappingScope, MappingState};
use crate::domain::provider::{AccountStatus, ConnectorKind, ProviderAccount, Side};
use crate::domain::record::{Address, Company, Customer, Pax8Product};
use crate::service::Core;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_invoice::PsaInvoiceTable;
use crate::storage::source::psa_invoice_line::PsaInvoiceLineTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::vendor_invoice::VendorInvoiceTable;
use crate::storage::source::vendor_invoice_line::VendorInvoiceLineTable;
use crate::storage::source::{Incoming, Presence, Pull, SourceTable, all, apply};
use crate::storage::{StorageError, account, integration, mapping};

/// Records of one transaction.
const CHUNK: usize = 5_000;

/// A tenant that can be reconciled.
pub(super) struct Tenant {
    pub(super) caller: Caller,
    pub(super) integration_id: IntegrationId,
    pub(super) pax8: ProviderAccountId,
    pub(super) psa: ProviderAccountId,
}

impl Tenant {
    /// Makes the integration of a new organization and fills it.
    pub(super) async fn make(core: &Core, caller: Caller, count: u64, seed: u64) -> Result<Self, StorageError> {
        let tenant = Self {
            caller,
            integration_id: IntegrationId(core.ids.next()),
            pax8: ProviderAccountId(core.ids.next()),
            psa: ProviderAccountId(core.ids.next()),
        };
        tenant.connect(core).await?;
        let customers = 0..lines::customers(count);
        tenant.put::<CompanyTable>(core, tenant.pax8, customers.clone().map(company)).await?;
        tenant.put::<CustomerTable>(core, tenant.psa, customers.clone().map(customer)).await?;
        tenant.put::<Pax8ProductTable>(core, tenant.pax8, (0..lines::items()).map(product)).await?;
        let items = (0..lines::items()).map(lines::item).map(|item| (item.external_id.clone(), item));
        tenant.put::<PsaProductTable>(core, tenant.psa, items).await?;
        let charged = std::iter::once(lines::vendor_invoice()).map(|head| (head.external_id.clone(), head));
        tenant.put::<VendorInvoiceTable>(core, tenant.pax8, charged).await?;
        let billed = customers.map(lines::psa_invoice).map(|head| (head.external_id.clone(), head));
        tenant.put::<PsaInvoiceTable>(core, tenant.psa, billed).await?;
        let charges = lines::lines(count, seed).map(|line| lines::charge(&line));
        let charges = charges.map(|line| (line.external_id.clone(), line));
        tenant.put::<VendorInvoiceLineTable>(core, tenant.pax8, charges).await?;
        let bills = lines::lines(count, seed).filter_map(|line| lines::bill(&line));
        let bills = bills.map(|line| (line.external_id.clone(), line));
        tenant.put::<PsaInvoiceLineTable>(core, tenant.psa, bills).await?;
        tenant.map::<CompanyTable, CustomerTable>(core, MappingKind::Customer).await?;
        tenant.map::<Pax8ProductTable, PsaProductTable>(core, MappingKind::Product).await?;
        Ok(tenant)
    }

    async fn connect(&self, core: &Core) -> Result<(), StorageError> {
        let now = core.clock.now();
        let tx = core.store.begin().await?;
        let new = Integration::new(self.integration_id, self.caller.organization_id, "Bench".to_owned(), now);
        let owner = Integration { is_default: true, setup_stage: SetupStage::Complete, ..new };
        integration::insert(&tx, &owner).await?;
        for (id, side) in [(self.pax8, Side::Pax8), (self.psa, Side::Psa)] {
            let connection = ProviderAccount {
                connector: Some(ConnectorKind::Files),
                status: AccountStatus::Connected,
                ..ProviderAccount::unconnected(id, self.caller.organization_id, self.integration_id, side)
            };
            account::insert(&tx, &connection, now).await?;
        }
        tx.commit().await
    }

    async fn put<T: SourceTable>(
        &self,
        core: &Core,
        account_id: ProviderAccountId,
        mut records: impl Iterator<Item = (ExternalId, T::Record)>,
    ) -> Result<(), StorageError> {
        let organization_id = self.caller.organization_id;
        let pull = Pull { organization_id, account_id, run_id: None, now: core.clock.now() };
        loop {
            let next = records.by_ref().take(CHUNK);
            // What the provider wrote is not read again; the id stands for it.
            let page: Vec<_> = next
                .map(|(id, record)| Incoming { raw: id.to_string(), external_id: id.to_string(), record })
                .collect();
            if page.is_empty() {
                return Ok(());
            }
            let tx = core.store.begin().await?;
            apply::<T>(&tx, &*core.ids, pull, page).await?;
            tx.commit().await?;
        }
    }

    /// Maps the records of both sides that have the same number.
    async fn map<L: SourceTable, R: SourceTable>(&self, core: &Core, kind: MappingKind) -> Result<(), StorageError> {
        let (read, organization_id, now) = (core.store.read(), self.caller.organization_id, core.clock.now());
        let left = all::<L>(read, organization_id, self.pax8, Presence::Present).await?;
        let right = all::<R>(read, organization_id, self.psa, Presence::Present).await?;
        // Both come in the order of their ids, which is that of their numbers.
        let mappings: Vec<Mapping> = left
            .iter()
            .zip(&right)
            .map(|(left, right)| Mapping {
                id: MappingId(core.ids.next()),
                organization_id,
                integration_id: self.integration_id,
                kind,
                pax8_record_id: left.identity.id,
                psa_record_id: right.identity.id,
                scope: MappingScope::default(),
                state: MappingState::Confirmed {
                    evidence: None,
                    decision: Decision { decided_by: "Bench".to_owned(), decided_at: now, reason: None },
                },
                origin: MappingOrigin::Manual,
                factor: Decimal::ONE,
                role: MappingRole::Billed,
                version: 1,
                created_at: now,
                updated_at: now,
            })
            .collect();
        let tx = core.store.begin().await?;
        mapping::insert_all(&tx, &mappings).await?;
        tx.commit().await
    }
}

fn company(number: u64) -> (ExternalId, Company) {
    let external_id = lines::id("company", number);
    let company = Company {
        external_id: external_id.clone(),
        name: format!("Company {number}"),
        status: None,
        address: Address::default(),
        phone: None,
        website: None,
        partner_reference: None,
        is_billed_by_pax8: None,
        is_self_service_allowed: None,
        is_order_approval_required: None,
        updated_at: None,
    };
    (external_id, company)
}

fn customer(number: u64) -> (ExternalId, Customer) {
    let external_id = lines::id("customer", number);
    let customer = Customer {
        external_id: external_id.clone(),
        name: format!("Customer {number}"),
        identifier: None,
        status: None,
        kind: None,
        address: Address::default(),
        phone: None,
        website: None,
        email: None,
        account_number: None,
        currency: None,
        parent_external_id: None,
        is_deleted: false,
        updated_at: None,
    };
    (external_id, customer)
}

fn product(number: u64) -> (ExternalId, Pax8Product) {
    let external_id = lines::id("product", number);
    let product = Pax8Product {
        external_id: external_id.clone(),
        name: format!("Product {number}"),
        vendor_name: None,
        sku: None,
        vendor_sku: None,
        short_description: None,
        requires_commitment: None,
    };
    (external_id, product)
}
