//! A small world for the tests of mapping: an integration with records on both sides, on a database of its own.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use concord::connector::oauth::delegated::GrantedTokens;
use concord::connector::{ConnectorError, Marketplace, Psa};
use concord::domain::access::{Actor, Caller, Role, Roles};
use concord::domain::id::{OrganizationId, TokenId};
use concord::domain::integration::Integration;
use concord::domain::mapping::{Mapping, MappingKind, MappingStatus};
use concord::domain::provider::ProviderAccount;
use concord::domain::record::{
    Address, BillCycle, BillingTerm, Company, Cost, Customer, Known, Pax8Product, Price, PsaProduct, VendorPrice,
};
use concord::domain::run::MatchCount;
use concord::environment::{FixedClock, RandomIds};
use concord::service::Recording;
use concord::service::mapping::{CreateCustomerMapping, Rematch, RematchError};
use concord::service::sealing::SealedPlace;
use concord::service::setup::CreateIntegration;
use concord::service::{Connectors, Core, PublicAddress, Services};
use concord::storage::account::SealedCredentials;
use concord::storage::audit::Seal;
use concord::storage::provider_token::NewTokens;
use concord::storage::source::company::CompanyTable;
use concord::storage::source::customer::CustomerTable;
use concord::storage::source::pax8_product::Pax8ProductTable;
use concord::storage::source::psa_product::PsaProductTable;
use concord::storage::source::vendor_price::VendorPriceTable;
use concord::storage::source::{self, Incoming, Pull, SourceTable};
use concord::storage::{Store, account, mapping, organization};
use rust_decimal::Decimal;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::postgres::TestDatabase;

/// Keeps nothing secret; the tests of mapping do not look at seals.
struct PlainSeal;

impl Seal for PlainSeal {
    fn mac(&self, _: &'static str, bytes: &[u8]) -> String {
        format!("{} bytes", bytes.len())
    }
}

/// Reaches nobody.
struct NoConnectors;

#[async_trait]
impl Connectors for NoConnectors {
    async fn marketplace(
        &self,
        _: &ProviderAccount,
        _: &SealedCredentials,
        _: Recording,
    ) -> Result<Arc<dyn Marketplace>, ConnectorError> {
        Err(ConnectorError::Unsupported("the tests of mapping reach nobody".into()))
    }

    async fn psa(
        &self,
        _: &ProviderAccount,
        _: &SealedCredentials,
        _: Recording,
    ) -> Result<Arc<dyn Psa>, ConnectorError> {
        Err(ConnectorError::Unsupported("the tests of mapping reach nobody".into()))
    }

    fn seal(&self, _: &ProviderAccount, _: SealedPlace, _: &secrecy::SecretString) -> String {
        "sealed".to_owned()
    }

    fn seal_tokens(&self, _: &ProviderAccount, _: &GrantedTokens, _: &str) -> NewTokens {
        unreachable!("nobody is authorized in these tests")
    }
}

/// An integration with records on both sides.
pub struct World {
    _database: TestDatabase,
    pub services: Services,
    pub clock: Arc<FixedClock>,
    /// An operator.
    pub caller: Caller,
    pub integration: Integration,
    pub pax8: ProviderAccount,
    pub psa: ProviderAccount,
}

/// A caller of an organization with these roles.
pub fn caller(organization_id: OrganizationId, name: &str, roles: impl Into<Roles>) -> Caller {
    Caller {
        organization_id,
        actor: Actor::Token { id: TokenId(Uuid::nil()), name: name.to_owned() },
        roles: roles.into(),
        correlation_id: format!("test-{name}"),
    }
}

impl World {
    /// Opens a database and makes an integration without records.
    pub async fn open(database: TestDatabase) -> Self {
        let store = Store::connect(&database.url).await.expect("the database opens");
        store.migrate().await.expect("the schema is made");
        let start: DateTime<Utc> = "2026-09-01T08:00:00Z".parse().expect("a moment");
        let clock = Arc::new(FixedClock::at(start));
        let core = Core {
            store,
            clock: clock.clone(),
            ids: Arc::new(RandomIds),
            seal: Arc::new(PlainSeal),
            connectors: Arc::new(NoConnectors),
            public_address: PublicAddress::default(),
            work: Arc::new(Notify::new()),
            random: Arc::new(concord::secret::CountingRandom::default()),
        };
        let services = Services::new(core);
        let organization_id = Self::organization(&services, "Northgate").await;
        let admin = caller(organization_id, "admin", Role::Admin);
        let command = CreateIntegration { name: "Main".into() };
        let integration = services.setup.create(&admin, command).await.expect("the integration is made");
        let pair = account::pair(services.core.store.read(), organization_id, integration.id).await;
        let (pax8, psa) = pair.expect("both accounts");
        let caller = caller(organization_id, "Ann", Role::Operator);
        Self { _database: database, services, clock, caller, integration, pax8, psa }
    }

    /// An organization by name.
    pub async fn organization(services: &Services, name: &str) -> OrganizationId {
        let core = &services.core;
        let tx = core.store.begin().await.expect("a transaction");
        let id = OrganizationId(core.ids.next());
        let found = organization::find_or_create(&tx, id, name, core.clock.now()).await.expect("an organization");
        tx.commit().await.expect("the transaction ends");
        found
    }

    async fn apply<T: SourceTable>(&self, account: &ProviderAccount, records: Vec<(String, String, T::Record)>) {
        let core = &self.services.core;
        let tx = core.store.begin().await.expect("a transaction");
        let pull = Pull {
            organization_id: self.caller.organization_id,
            account_id: account.id,
            run_id: None,
            now: core.clock.now(),
        };
        let page =
            records.into_iter().map(|(external_id, raw, record)| Incoming { external_id, raw, record }).collect();
        source::apply::<T>(&tx, &*core.ids, pull, page).await.expect("the records are stored");
        tx.commit().await.expect("the transaction ends");
    }

    /// Companies at Pax8: id, name, web domain. Phone and address follow from the domain.
    pub async fn companies(&self, rows: &[(&str, &str, &str)]) {
        let company = |row: &(&str, &str, &str)| {
            let (id, name, domain) = row;
            let record = Company {
                external_id: (*id).into(),
                name: (*name).to_owned(),
                status: None,
                address: address(domain),
                phone: Some(phone(domain)),
                website: Some(format!("https://www.{domain}")),
                partner_reference: None,
                is_billed_by_pax8: Some(false),
                is_self_service_allowed: None,
                is_order_approval_required: None,
                updated_at: None,
            };
            ((*id).to_owned(), format!("{row:?}"), record)
        };
        self.apply::<CompanyTable>(&self.pax8, rows.iter().map(company).collect()).await;
    }

    /// Customers at the PSA, in the same way. Without a domain nothing but the name is known.
    pub async fn customers(&self, rows: &[(&str, &str, &str)]) {
        let customer = |row: &(&str, &str, &str)| {
            let (id, name, domain) = row;
            let record = Customer {
                external_id: (*id).into(),
                name: (*name).to_owned(),
                identifier: None,
                status: None,
                kind: None,
                address: if domain.is_empty() { Address::default() } else { address(domain) },
                phone: Some(phone(domain)).filter(|_| !domain.is_empty()),
                website: Some((*domain).to_owned()).filter(|domain| !domain.is_empty()),
                email: None,
                account_number: None,
                currency: None,
                parent_external_id: None,
                is_deleted: false,
                updated_at: None,
            };
            ((*id).to_owned(), format!("{row:?}"), record)
        };
        self.apply::<CustomerTable>(&self.psa, rows.iter().map(customer).collect()).await;
    }

    /// Products at Pax8: id, name, terms as `billing/commitment`.
    pub async fn products(&self, rows: &[(&str, &str, &[&str])]) {
        let product = |row: &(&str, &str, &[&str])| {
            let (id, name, _) = row;
            let record = Pax8Product {
                external_id: (*id).into(),
                name: (*name).to_owned(),
                vendor_name: Some("Microsoft".into()),
                sku: Some(format!("MST-{id}")),
                vendor_sku: None,
                short_description: None,
                requires_commitment: None,
            };
            ((*id).to_owned(), format!("{row:?}"), record)
        };
        self.apply::<Pax8ProductTable>(&self.pax8, rows.iter().map(product).collect()).await;
        let prices = rows.iter().flat_map(|(id, _, terms)| {
            terms.iter().map(move |term| {
                let (billing, commitment) = term.split_once('/').expect("billing/commitment");
                let record = VendorPrice {
                    product_external_id: (*id).into(),
                    billing_term: Some(BillingTerm::parse(billing)),
                    commitment_term: Some(commitment.to_owned()),
                    currency: None,
                    range_start: None,
                    range_end: None,
                    cost: Some(Cost(Decimal::new(1850, 2))),
                    suggested_price: Some(Price(Decimal::new(2200, 2))),
                    charge_type: None,
                };
                (format!("{id} {term}"), format!("{id} {term}"), record)
            })
        });
        self.apply::<VendorPriceTable>(&self.pax8, prices.collect()).await;
    }

    /// Items of the PSA: id, name.
    pub async fn items(&self, rows: &[(&str, &str)]) {
        let item = |row: &(&str, &str)| {
            let (id, name) = row;
            let record = PsaProduct {
                external_id: (*id).into(),
                name: (*name).to_owned(),
                identifier: None,
                vendor_name: Some("Microsoft".into()),
                sku: None,
                vendor_sku: None,
                category: None,
                unit_price: Some(Price(Decimal::new(2200, 2))),
                unit_cost: Some(Cost(Decimal::new(1850, 2))),
                currency: None,
                bill_cycle: Some(Known::Known(BillCycle::Monthly)),
                markup_percent: None,
                is_active: true,
                updated_at: None,
            };
            ((*id).to_owned(), format!("{row:?}"), record)
        };
        self.apply::<PsaProductTable>(&self.psa, rows.iter().map(item).collect()).await;
    }

    /// Our id of a record.
    pub async fn id<T: SourceTable>(&self, account: &ProviderAccount, external_id: &str) -> Uuid {
        let store = &self.services.core.store;
        let ids = [external_id.to_owned()];
        let found = source::by_external_ids::<T>(store.read(), self.caller.organization_id, account.id, &ids).await;
        found.expect("the records are read").first().expect("there is such a record").identity.id
    }

    /// Matches again.
    pub async fn rematch(&self) -> Result<(), RematchError> {
        self.counted_rematch().await.map(drop)
    }

    /// Matches again, and says what became of customers and products.
    pub async fn counted_rematch(&self) -> Result<(MatchCount, MatchCount), RematchError> {
        self.clock.advance(TimeDelta::hours(1));
        let command = Rematch {
            organization_id: self.caller.organization_id,
            integration_id: self.integration.id,
            run_id: None,
            claim: None,
        };
        self.services.mapping.rematch(command).await
    }

    /// Maps a company by hand.
    pub async fn map_by_hand(&self, company: &str, customer: &str) -> Mapping {
        let command = CreateCustomerMapping {
            company_id: self.id::<CompanyTable>(&self.pax8, company).await,
            customer_id: self.id::<CustomerTable>(&self.psa, customer).await,
        };
        self.services.mapping.create_customer_mapping(&self.caller, command).await.expect("mapped by hand")
    }

    /// The first mapping of a company.
    pub async fn mapping_of(&self, company: &str) -> Mapping {
        let id = self.id::<CompanyTable>(&self.pax8, company).await;
        let mappings = self.mappings(MappingKind::Customer).await;
        mappings.into_iter().find(|mapping| mapping.pax8_record_id == id).expect("the company has a mapping")
    }

    /// A PSA that says "Bones" where Pax8 says "Orthopedics": of three such pairs one has more in common than the name.
    pub async fn of_bones(database: TestDatabase) -> Self {
        let world = Self::open(database).await;
        world
            .companies(&[
                ("c1", "Kestrel Orthopedics", "kestrel.example"),
                ("c2", "Larkspur Orthopedics", "larkspur.example"),
                ("c3", "Marigold Orthopedics", "marigold.example"),
            ])
            .await;
        world
            .customers(&[
                ("101", "Kestrel Bones", "kestrel-old.example"),
                ("102", "Larkspur Bones", "larkspur-old.example"),
                ("103", "Marigold Bones", "marigold.example"),
            ])
            .await;
        world
    }

    /// All mappings of a kind, as stored.
    pub async fn mappings(&self, kind: MappingKind) -> Vec<Mapping> {
        let all = [MappingStatus::Suggested, MappingStatus::Confirmed, MappingStatus::Rejected, MappingStatus::Removed];
        let db = self.services.core.store.read();
        let found = mapping::all(db, self.caller.organization_id, self.integration.id, kind, &all).await;
        found.expect("the mappings are read")
    }

    /// The customer mappings as `company status customer`, by our reading of external ids, sorted.
    pub async fn told(&self) -> Vec<String> {
        let (store, organization) = (&self.services.core.store, self.caller.organization_id);
        let mut told = Vec::new();
        for mapping in self.mappings(MappingKind::Customer).await {
            let company = source::by_ids::<CompanyTable>(store.read(), organization, &[mapping.pax8_record_id]).await;
            let customer = source::by_ids::<CustomerTable>(store.read(), organization, &[mapping.psa_record_id]).await;
            told.push(format!(
                "{} {:?} {}",
                company.expect("a company")[0].identity.external_id,
                mapping.state.status(),
                customer.expect("a customer")[0].identity.external_id,
            ));
        }
        told.sort();
        told
    }
}

fn phone(domain: &str) -> String {
    let digits = domain.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 10_000_000);
    format!("(520) {:03}-{:04}", digits / 10_000, digits % 10_000)
}

fn address(domain: &str) -> Address {
    let number = domain.bytes().fold(1_u64, |sum, byte| (sum * 17 + u64::from(byte)) % 9_973);
    Address {
        street: Some(format!("{number} Speedway Boulevard")),
        street2: None,
        city: Some("Tucson".into()),
        region: Some("AZ".into()),
        postal_code: Some(format!("85{:03}", number % 1000)),
        country: Some("US".into()),
    }
}
