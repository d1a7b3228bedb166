//! A tenant with a connected integration, on a database of its own.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use concord::app::KeyedSeal;
use concord::domain::access::Caller;
use concord::domain::id::{OrganizationId, SyncRunId};
use concord::domain::integration::Integration;
use concord::domain::provider::{ConnectorKind, ProviderAccount, Side};
use concord::domain::run::{RunStatus, SyncRun, SyncTrigger};
use concord::environment::{Clock, FixedClock, Ids, RandomIds};
use concord::secret::{CountingRandom, KeyRing};
use concord::service::access::AccessService;
use concord::service::setup::{CreateIntegration, Credentials, CredentialsSet};
use concord::service::{Core, Services};
use concord::storage::source::Pull;
use concord::storage::{Store, account, job};
use sea_orm::{ConnectionTrait, Statement};
use secrecy::SecretString;

use super::provider::Provider;
use crate::postgres::{TestDatabase, databases};

/// Says something while somebody waits for a lock in this PostgreSQL database.
pub const WAITING: &str =
    "SELECT 'x' FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A tenant with a connected integration.
pub struct World {
    pub store: Store,
    pub app: App,
    pub provider: Provider,
    pub clock: Arc<FixedClock>,
    pub caller: Caller,
    pub integration: Integration,
    pub pax8: ProviderAccount,
    pub psa: ProviderAccount,
    pub database: TestDatabase,
}

/// A moment in the past, so that what was asked for then is due by the clock of any database.
pub fn morning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_600_000_000, 0).expect("a moment")
}

/// The use cases of a process.
pub struct App {
    pub services: Services,
    pub access: AccessService,
}

/// The seal of the audit chain.
pub fn seal() -> KeyedSeal {
    let text = SecretString::from("test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned());
    let keys = KeyRing::parse(&text, "the test", Arc::new(CountingRandom::default())).expect("a good key");
    KeyedSeal(Arc::new(keys))
}

/// The use cases over a database, as one more replica.
pub fn replica(store: Store, clock: Arc<FixedClock>, provider: Provider) -> App {
    let core = Core {
        store,
        clock,
        ids: Arc::new(RandomIds),
        seal: Arc::new(seal()),
        connectors: Arc::new(provider),
        public_address: concord::service::PublicAddress::default(),
        work: Arc::default(),
        random: Arc::new(concord::secret::CountingRandom::default()),
    };
    App { services: Services::new(core.clone()), access: AccessService::new(core) }
}

/// A world on each kind of database that this machine has.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for database in databases().await {
        worlds.push(World::on(database).await);
    }
    worlds
}

impl World {
    async fn on(database: TestDatabase) -> Self {
        let store = Store::connect(&database.url).await.expect("the database opens");
        store.migrate().await.expect("the schema is made");
        let (clock, provider) = (Arc::new(FixedClock::at(morning())), Provider::default());
        let app = replica(store.clone(), Arc::clone(&clock), provider.clone());
        let caller = app.access.operator("default").await.expect("an organization");
        let command = CreateIntegration { name: "Acme".to_owned() };
        let integration = app.services.setup.create(&caller, command).await.expect("an integration");
        let (pax8, psa) = account::pair(store.read(), caller.organization_id, integration.id).await.expect("accounts");
        let mut world = Self { store, app, provider, clock, caller, integration, pax8, psa, database };
        world.pax8 = world.connect(world.pax8.clone(), None).await;
        world.psa = world.connect(world.psa.clone(), None).await;
        world
    }

    /// Sets credentials of files, which this world's provider takes.
    pub async fn connect(&self, account: ProviderAccount, time_zone: Option<chrono_tz::Tz>) -> ProviderAccount {
        let settings = "{}".to_owned();
        let credentials = Credentials { connector: ConnectorKind::Files, client_id: None, settings, secret: None };
        let command = CredentialsSet { account_id: account.id, time_zone, credentials };
        self.app.services.setup.set_credentials(&self.caller, command).await.expect("the provider accepts them")
    }

    pub fn organization(&self) -> OrganizationId {
        self.caller.organization_id
    }

    pub fn ids(&self) -> RandomIds {
        RandomIds
    }

    /// A pull of one side, a minute after the one before.
    pub fn pull(&self, side: Side) -> Pull {
        self.clock.advance(TimeDelta::minutes(1));
        let account = if side == Side::Pax8 { &self.pax8 } else { &self.psa };
        Pull {
            organization_id: self.organization(),
            account_id: account.id,
            run_id: Some(SyncRunId(RandomIds.next())),
            now: self.clock.now(),
        }
    }

    /// Runs a whole sync.
    pub async fn sync(&self) -> SyncRun {
        self.clock.advance(TimeDelta::hours(1));
        let sync = &self.app.services.sync;
        let run = sync.start(&self.caller, self.integration.id, SyncTrigger::Manual).await.expect("it starts");
        let tx = self.store.begin().await.expect("a transaction");
        let claim = job::claim(&tx, "test", self.clock.now()).await.expect("jobs are read").expect("a job waits");
        tx.commit().await.expect("the claim stands");
        sync.execute(&claim).await.expect("the work is recorded");
        let run = sync.find(&self.caller, run.id).await.expect("it is read").expect("it is there");
        assert!(matches!(run.status, RunStatus::Succeeded | RunStatus::SucceededWithIssues), "{run:?}");
        run
    }

    /// One column of the rows of a statement, as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Statement::from_string(self.store.read().get_database_backend(), sql);
        let rows = self.store.read().query_all_raw(statement).await.expect("the statement runs");
        rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
    }

    /// A statement that writes, in a transaction of its own.
    pub async fn run(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        let tx = self.store.begin().await.expect("a transaction");
        tx.execute_unprepared(sql).await?;
        tx.commit().await.expect("it is kept");
        Ok(())
    }
}
