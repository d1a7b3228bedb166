//! Two customers, one item, one month: Acme has 12 seats and is billed for 10, Birch has 5 and is billed for 5.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use concord::connector::oauth::delegated::GrantedTokens;
use concord::connector::{ConnectorError, Marketplace, Psa};
use concord::domain::access::{Actor, Caller, Role, Roles};
use concord::domain::id::{IntegrationId, MappingId, OrganizationId, ProviderAccountId, ReconciliationRunId, ReportId};
use concord::domain::integration::{Integration, SetupStage};
use concord::domain::mapping::{
    Decision, Mapping, MappingKind, MappingOrigin, MappingRole, MappingScope, MappingState,
};
use concord::domain::money::{Currency, parse_decimal};
use concord::domain::period::Period;
use concord::domain::provider::{AccountStatus, ConnectorKind, ProviderAccount, Side};
use concord::domain::record::{
    Address, BillCycle, BillingTerm, ChargeType, Company, Cost, Customer, Known, Pax8Product, Price, PsaInvoice,
    PsaInvoiceLine, PsaProduct, Subscription, VendorInvoice, VendorInvoiceLine, VendorLineKind,
};
use concord::domain::run::{Numbered, ReconciliationEvent, ReconciliationRun};
use concord::environment::{Clock, CountingIds, FixedClock, Ids};
use concord::report::document::Document;
use concord::service::Recording;
use concord::service::reconciliation::StartReconciliation;
use concord::service::sealing::SealedPlace;
use concord::service::{Connectors, Core, PublicAddress, Services};
use concord::storage::account::SealedCredentials;
use concord::storage::audit::Seal;
use concord::storage::job::Claim;
use concord::storage::provider_token::NewTokens;
use concord::storage::source::company::CompanyTable;
use concord::storage::source::customer::CustomerTable;
use concord::storage::source::pax8_product::Pax8ProductTable;
use concord::storage::source::psa_invoice::PsaInvoiceTable;
use concord::storage::source::psa_invoice_line::PsaInvoiceLineTable;
use concord::storage::source::psa_product::PsaProductTable;
use concord::storage::source::subscription::SubscriptionTable;
use concord::storage::source::vendor_invoice::VendorInvoiceTable;
use concord::storage::source::vendor_invoice_line::VendorInvoiceLineTable;
use concord::storage::source::{Incoming, Presence, Pull, SourceTable, all, apply};
use concord::storage::{Store, account, integration, job, mapping, organization, reconciliation};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, Statement};
use tokio::sync::Notify;

use crate::postgres::{TestDatabase, databases, sqlite};

struct NoSeal;

impl Seal for NoSeal {
    fn mac(&self, _: &'static str, bytes: &[u8]) -> String {
        bytes.len().to_string()
    }
}

struct NoConnectors;

fn none() -> ConnectorError {
    ConnectorError::Unsupported("a reconciliation talks to nobody".into())
}

#[async_trait]
impl Connectors for NoConnectors {
    async fn marketplace(
        &self,
        _account: &ProviderAccount,
        _credentials: &SealedCredentials,
        _recording: Recording,
    ) -> Result<Arc<dyn Marketplace>, ConnectorError> {
        Err(none())
    }

    async fn psa(
        &self,
        _account: &ProviderAccount,
        _credentials: &SealedCredentials,
        _recording: Recording,
    ) -> Result<Arc<dyn Psa>, ConnectorError> {
        Err(none())
    }

    fn seal(&self, _: &ProviderAccount, _: SealedPlace, _: &secrecy::SecretString) -> String {
        "sealed".to_owned()
    }

    fn seal_tokens(&self, _: &ProviderAccount, _: &GrantedTokens, _: &str) -> NewTokens {
        unreachable!("nobody is authorized in these tests")
    }
}

/// A tenant with an integration, in a database of its own.
pub struct World {
    pub services: Services,
    pub clock: Arc<FixedClock>,
    pub organization_id: OrganizationId,
    pub integration_id: IntegrationId,
    pax8: ProviderAccountId,
    psa: ProviderAccountId,
    _database: TestDatabase,
}

/// The same world in a database of each kind that this machine has.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for database in databases().await {
        worlds.push(World::new(database).await);
    }
    worlds
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a test writes good days")
}

fn decimal(text: &str) -> Decimal {
    parse_decimal(text).expect("a test writes good numbers")
}

fn moment() -> DateTime<Utc> {
    "2026-10-20T09:00:00Z".parse().expect("a moment")
}

impl World {
    pub async fn on_sqlite() -> Self {
        Self::new(sqlite()).await
    }

    async fn new(database: TestDatabase) -> Self {
        let store = Store::connect(&database.url).await.expect("the database opens");
        store.migrate().await.expect("the schema is made");
        let clock = Arc::new(FixedClock::at(moment()));
        let ids: Arc<CountingIds> = Arc::default();
        let core = Core {
            store: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            seal: Arc::new(NoSeal),
            connectors: Arc::new(NoConnectors),
            public_address: PublicAddress::default(),
            work: Arc::new(Notify::new()),
            random: Arc::new(concord::secret::CountingRandom::default()),
        };
        let tx = store.begin().await.expect("a transaction");
        let organization_id = OrganizationId(ids.next());
        let organization_id =
            organization::find_or_create(&tx, organization_id, "default", moment()).await.expect("made");
        let integration_id = IntegrationId(ids.next());
        let new = Integration::new(integration_id, organization_id, "Northwind".into(), moment());
        let owner = Integration { is_default: true, setup_stage: SetupStage::Complete, ..new };
        integration::insert(&tx, &owner).await.expect("made");
        let (pax8, psa) = (ProviderAccountId(ids.next()), ProviderAccountId(ids.next()));
        for (id, side) in [(pax8, Side::Pax8), (psa, Side::Psa)] {
            let connection = ProviderAccount {
                connector: Some(ConnectorKind::Files),
                status: AccountStatus::Connected,
                ..ProviderAccount::unconnected(id, organization_id, integration_id, side)
            };
            account::insert(&tx, &connection, moment()).await.expect("made");
        }
        tx.commit().await.expect("stored");
        let services = Services::new(core);
        let world = Self { services, clock, organization_id, integration_id, pax8, psa, _database: database };
        world.fill().await;
        world
    }

    async fn put<T: SourceTable>(&self, account_id: ProviderAccountId, rows: Vec<(&str, T::Record)>) {
        let core = &self.services.core;
        let tx = core.store.begin().await.expect("a transaction");
        let pull = Pull { organization_id: self.organization_id, account_id, run_id: None, now: core.clock.now() };
        let page = rows
            .into_iter()
            .map(|(id, record)| Incoming { external_id: id.into(), raw: core.ids.next().to_string(), record })
            .collect();
        apply::<T>(&tx, &*core.ids, pull, page).await.expect("stored");
        tx.commit().await.expect("stored");
    }

    async fn fill(&self) {
        self.put::<CompanyTable>(self.pax8, vec![("a", company("a", "Acme")), ("b", company("b", "Birch"))]).await;
        self.put::<Pax8ProductTable>(self.pax8, vec![("p", product())]).await;
        self.put::<SubscriptionTable>(
            self.pax8,
            vec![("s1", subscription("s1", "a", "12")), ("s2", subscription("s2", "b", "5"))],
        )
        .await;
        self.put::<CustomerTable>(
            self.psa,
            vec![("101", customer("101", "Acme Inc")), ("102", customer("102", "Birch Ltd"))],
        )
        .await;
        self.put::<PsaProductTable>(self.psa, vec![("2001", item())]).await;
        self.month(day("2026-10-05"), "").await;
        self.map(MappingKind::Customer, &[("a", "101"), ("b", "102")]).await;
        self.map(MappingKind::Product, &[("p", "2001")]).await;
    }

    /// The same charges and bills in another month.
    pub async fn add_month(&self, invoice_date: NaiveDate) {
        self.month(invoice_date, &format!("-{}", Period::of(invoice_date))).await;
    }

    async fn month(&self, date: NaiveDate, suffix: &str) {
        let (vendor, acme, birch) = (format!("vi{suffix}"), format!("pa{suffix}"), format!("pb{suffix}"));
        let charges = [(format!("v1{suffix}"), "a", "s1", "12"), (format!("v2{suffix}"), "b", "s2", "5")];
        let invoice = VendorInvoice {
            external_id: vendor.as_str().into(),
            invoice_date: date,
            due_date: None,
            status: None,
            total: Some(decimal("314.50")),
            balance: None,
            carried_balance: None,
            currency: Some(Currency::USD),
            company_external_id: None,
        };
        self.put::<VendorInvoiceTable>(self.pax8, vec![(vendor.as_str(), invoice)]).await;
        let rows = charges
            .iter()
            .map(|(id, company, of, seats)| (id.as_str(), charge(id, &vendor, (company, of), seats, date)))
            .collect();
        self.put::<VendorInvoiceLineTable>(self.pax8, rows).await;
        let heads =
            vec![(acme.as_str(), bill_head(&acme, "101", date)), (birch.as_str(), bill_head(&birch, "102", date))];
        self.put::<PsaInvoiceTable>(self.psa, heads).await;
        let lines = [(format!("b1{suffix}"), &acme, "10"), (format!("b2{suffix}"), &birch, "5")];
        let rows = lines.iter().map(|(id, of, seats)| (id.as_str(), bill(id, of, seats, date))).collect();
        self.put::<PsaInvoiceLineTable>(self.psa, rows).await;
    }

    /// Charges Acme for seats that were added inside October.
    pub async fn charge_acme_for_added_seats(&self, seats: &str) {
        let added = charge("v1-added", "vi", ("a", "s1"), seats, day("2026-10-05"));
        let added = VendorInvoiceLine { kind: Known::Known(VendorLineKind::Prorate), ..added };
        self.put::<VendorInvoiceLineTable>(self.pax8, vec![("v1-added", added)]).await;
    }

    /// Corrects what Acme is billed in October.
    pub async fn bill_acme(&self, seats: &str) {
        self.put::<PsaInvoiceLineTable>(self.psa, vec![("b1", bill("b1", "pa", seats, day("2026-10-05")))]).await;
    }

    /// Gives Acme's line of October an amount.
    pub async fn bill_acme_with_amount(&self, amount: &str) {
        let line = PsaInvoiceLine { amount: Some(Price(decimal(amount))), ..bill("b1", "pa", "10", day("2026-10-05")) };
        self.put::<PsaInvoiceLineTable>(self.psa, vec![("b1", line)]).await;
    }

    async fn map(&self, kind: MappingKind, pairs: &[(&str, &str)]) {
        let (pax8, psa) = match kind {
            MappingKind::Customer => {
                (self.ids::<CompanyTable>(self.pax8).await, self.ids::<CustomerTable>(self.psa).await)
            }
            MappingKind::Product => {
                (self.ids::<Pax8ProductTable>(self.pax8).await, self.ids::<PsaProductTable>(self.psa).await)
            }
        };
        let core = &self.services.core;
        let tx = core.store.begin().await.expect("a transaction");
        for (left, right) in pairs {
            let decision = Decision { decided_by: "Ann".into(), decided_at: moment(), reason: None };
            let pair = Mapping {
                id: MappingId(core.ids.next()),
                organization_id: self.organization_id,
                integration_id: self.integration_id,
                kind,
                pax8_record_id: pax8[*left],
                psa_record_id: psa[*right],
                scope: MappingScope::default(),
                state: MappingState::Confirmed { evidence: None, decision },
                origin: MappingOrigin::Manual,
                factor: Decimal::ONE,
                role: MappingRole::Billed,
                version: 1,
                created_at: moment(),
                updated_at: moment(),
            };
            mapping::insert(&tx, &pair).await.expect("stored");
        }
        tx.commit().await.expect("stored");
    }

    async fn ids<T: SourceTable>(&self, account_id: ProviderAccountId) -> BTreeMap<String, uuid::Uuid> {
        let read = self.services.core.store.read();
        let records = all::<T>(read, self.organization_id, account_id, Presence::Present).await.expect("readable");
        records.into_iter().map(|stored| (stored.identity.external_id, stored.identity.id)).collect()
    }

    pub fn october(&self) -> Period {
        Period::of(day("2026-10-01"))
    }

    pub fn caller(&self, role: Role) -> Caller {
        Caller {
            organization_id: self.organization_id,
            actor: Actor::CommandLine,
            roles: Roles::from(role),
            correlation_id: "test".into(),
        }
    }

    /// Somebody of another tenant.
    pub fn stranger(&self, role: Role) -> Caller {
        Caller { organization_id: OrganizationId(uuid::Uuid::from_u128(0xbad)), ..self.caller(role) }
    }

    pub async fn start(&self) -> ReconciliationRun {
        self.start_months(None, None).await
    }

    async fn start_months(&self, period_from: Option<Period>, period_to: Option<Period>) -> ReconciliationRun {
        let command = StartReconciliation {
            integration_id: self.integration_id,
            period_from,
            period_to,
            as_of: None,
            policy_version: None,
        };
        self.services.reconciliation.start(&self.caller(Role::Operator), command).await.expect("started")
    }

    pub async fn claim(&self) -> Option<Claim> {
        let tx = self.services.core.store.begin().await.expect("a transaction");
        let claim = job::claim(&tx, "worker", self.clock.now()).await.expect("readable");
        tx.commit().await.expect("stored");
        claim
    }

    /// Changes rows behind the program's back.
    pub async fn change(&self, sql: &str) {
        let tx = self.services.core.store.begin().await.expect("a transaction");
        let statement = Statement::from_string(tx.get_database_backend(), sql);
        tx.execute_raw(statement).await.expect("stored");
        tx.commit().await.expect("stored");
    }

    /// Lets every lease run out. PostgreSQL measures them by its own clock, which a test cannot move.
    pub async fn let_leases_run_out(&self) {
        self.clock.advance(job::LEASE * 2);
        self.change("UPDATE job SET lease_until = '2020-01-01 00:00:00+00:00' WHERE lease_until IS NOT NULL").await;
    }

    pub async fn reconcile(&self) -> ReconciliationRun {
        self.reconcile_months(None, None).await
    }

    pub async fn reconcile_months(&self, from: Option<Period>, to: Option<Period>) -> ReconciliationRun {
        let run = self.start_months(from, to).await;
        let claim = self.claim().await.expect("a job waits");
        self.services.reconciliation.execute(&claim).await.expect("finishes");
        self.find(run.id).await
    }

    /// Carries out a run until it was polled so often; says whether it came to its end.
    pub async fn execute_for(&self, claim: &Claim, polls: usize) -> bool {
        let service = self.services.reconciliation.clone();
        let mut work = Box::pin(async move { service.execute(claim).await });
        let mut left = polls;
        std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(false);
            }
            left -= 1;
            work.as_mut().poll(context).map(|done| done.map(|()| true).expect("nothing fails"))
        })
        .await
    }

    /// The run, when nobody writes any more.
    pub async fn settled(&self, id: ReconciliationRunId) -> ReconciliationRun {
        let tx = self.services.core.store.begin().await.expect("a transaction");
        tx.commit().await.expect("it ends");
        self.find(id).await
    }

    pub async fn find(&self, id: ReconciliationRunId) -> ReconciliationRun {
        let found = self.services.reconciliation.find(&self.caller(Role::Viewer), id).await;
        found.expect("readable").expect("there")
    }

    pub async fn document(&self, id: ReportId) -> Document {
        let found = self.services.reconciliation.document(&self.caller(Role::Finance), id).await;
        found.expect("readable").expect("there")
    }

    pub async fn events(&self, id: ReconciliationRunId) -> Vec<Numbered<ReconciliationEvent>> {
        let read = self.services.core.store.read();
        reconciliation::events_after(read, self.organization_id, id, 0, 100).await.expect("readable")
    }

    pub async fn stored_discrepancies(&self) -> i64 {
        self.number("SELECT COUNT(*) AS n FROM discrepancy").await
    }

    pub async fn report_count(&self) -> i64 {
        self.number("SELECT COUNT(*) AS n FROM report").await
    }

    pub async fn visible_report_count(&self) -> i64 {
        self.number("SELECT COUNT(*) AS n FROM report WHERE is_complete").await
    }

    async fn number(&self, sql: &str) -> i64 {
        let read = self.services.core.store.read();
        let statement = Statement::from_string(read.get_database_backend(), sql);
        let row = read.query_one_raw(statement).await.expect("readable").expect("a row");
        row.try_get("", "n").expect("a number")
    }
}

fn company(id: &str, name: &str) -> Company {
    Company {
        external_id: id.into(),
        name: name.into(),
        status: None,
        address: Address::default(),
        phone: None,
        website: None,
        partner_reference: None,
        is_billed_by_pax8: None,
        is_self_service_allowed: None,
        is_order_approval_required: None,
        updated_at: None,
    }
}

fn product() -> Pax8Product {
    Pax8Product {
        external_id: "p".into(),
        name: "Microsoft 365 Business Premium".into(),
        vendor_name: None,
        sku: None,
        vendor_sku: None,
        short_description: None,
        requires_commitment: None,
    }
}

fn subscription(id: &str, company: &str, seats: &str) -> Subscription {
    Subscription {
        external_id: id.into(),
        company_external_id: company.into(),
        product_external_id: "p".into(),
        parent_external_id: None,
        quantity: Some(decimal(seats)),
        start_date: Some(day("2026-01-01")),
        end_date: None,
        created_at: None,
        updated_at: Some("2026-01-01T00:00:00Z".parse().expect("a moment")),
        billing_start: Some(day("2026-01-01")),
        status: None,
        price: None,
        cost: Some(Cost(decimal("18.50"))),
        currency: Some(Currency::USD),
        billing_term: Some(Known::Known(BillingTerm::Monthly)),
        commitment_term: None,
        commitment_end: None,
    }
}

fn customer(id: &str, name: &str) -> Customer {
    Customer {
        external_id: id.into(),
        name: name.into(),
        identifier: None,
        status: None,
        kind: None,
        address: Address::default(),
        phone: None,
        website: None,
        email: None,
        account_number: None,
        currency: Some(Currency::USD),
        parent_external_id: None,
        is_deleted: false,
        updated_at: None,
    }
}

fn item() -> PsaProduct {
    PsaProduct {
        external_id: "2001".into(),
        name: "M365 Business Premium".into(),
        identifier: Some("M365-BP".into()),
        vendor_name: None,
        sku: None,
        vendor_sku: None,
        category: None,
        unit_price: Some(Price(decimal("22.00"))),
        unit_cost: None,
        currency: Some(Currency::USD),
        bill_cycle: Some(Known::Known(BillCycle::Monthly)),
        markup_percent: None,
        is_active: true,
        updated_at: None,
    }
}

fn charge(id: &str, invoice: &str, (company, of): (&str, &str), seats: &str, date: NaiveDate) -> VendorInvoiceLine {
    let total = decimal(seats) * decimal("18.50");
    VendorInvoiceLine {
        external_id: id.into(),
        invoice_external_id: invoice.into(),
        kind: Known::Known(VendorLineKind::Subscription),
        company_external_id: Some(company.into()),
        company_name: None,
        subscription_external_id: Some(of.into()),
        product_external_id: Some("p".into()),
        product_name: None,
        sku: None,
        description: None,
        period_start: Some(Period::of(date).first_day()),
        period_end: Some(Period::of(date).last_day()),
        term: Some(Known::Known(BillingTerm::Monthly)),
        quantity: Some(decimal(seats)),
        charge_type: Some(Known::Known(ChargeType::PerUnit)),
        price: None,
        subtotal: None,
        cost: Some(Cost(decimal("18.50"))),
        cost_total: Some(Cost(total)),
        amount_due: Some(Cost(total)),
        sales_tax: None,
        currency: Some(Currency::USD),
        is_billed_by_pax8: false,
    }
}

fn bill_head(id: &str, customer: &str, date: NaiveDate) -> PsaInvoice {
    PsaInvoice {
        external_id: id.into(),
        number: None,
        customer_external_id: customer.into(),
        invoice_date: Period::of(date).first_day(),
        currency: Some(Currency::USD),
        total: None,
        status: None,
    }
}

fn bill(id: &str, invoice: &str, seats: &str, date: NaiveDate) -> PsaInvoiceLine {
    PsaInvoiceLine {
        external_id: id.into(),
        invoice_external_id: invoice.into(),
        agreement_line_external_id: None,
        product_external_id: Some("2001".into()),
        description: None,
        quantity: Some(decimal(seats)),
        unit_price: Some(Price(decimal("22.00"))),
        amount: Some(Price(decimal(seats) * decimal("22.00"))),
        period_start: Some(Period::of(date).first_day()),
        period_end: Some(Period::of(date).last_day()),
    }
}
