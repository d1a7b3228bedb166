//! What is remembered: rows in, domain types out. The one place that knows the database.
//!
//! SQLite has one writer connection, whose transactions take the write lock at once, beside a pool of readers that
//! cannot write. PostgreSQL has one pool. Everything above sees a [`Store`] and a [`Tx`] and nothing of the difference.

pub mod account;
pub mod audit;
pub mod audit_chain;
pub mod authorization;
pub mod billing;
pub mod candidate;
pub mod change;
pub mod discrepancy;
pub mod event;
pub mod exclusion;
pub mod integration;
pub mod job;
mod lease;
pub mod mapping;
pub mod memory;
pub mod note;
pub mod organization;
pub mod page;
pub mod period;
pub mod policy;
pub mod provider_token;
pub mod reconciliation;
pub mod record;
pub mod report;
pub mod retention;
mod row_lock;
pub mod sealed;
pub mod search;
pub mod source;
pub mod state;
pub mod sum;
pub mod suppression;
pub mod sync_run;
pub mod sync_work;
pub mod text;
pub mod token;
pub mod total;
pub mod webhook;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqlErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use thiserror::Error;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Why the database did not do what was asked.
#[derive(Debug, Error)]
pub enum StorageError {
    /// A unique key stands in the way: somebody else was first.
    #[error("the row conflicts with another one: {0}")]
    Conflict(String),
    /// A job was claimed by another worker in the meantime; this one must stop writing.
    #[error("the lease of the job was lost to another worker")]
    LeaseLost,
    /// A row holds what this version cannot read.
    #[error("a row cannot be read: {0}")]
    Corrupt(String),
    /// An amount that does not fit a column of computed amounts (nine million million of the major unit and more).
    #[error("the amount {0} is too large to be stored")]
    TooLarge(String),
    /// A cursor from another list.
    #[error("{0}")]
    ForeignCursor(page::ForeignCursor),
    /// The URL of the database cannot be used.
    #[error("the database URL cannot be used: {0}")]
    Url(String),
    /// The database refused or failed.
    #[error("the database failed: {0}")]
    Database(#[source] DbErr),
}

impl From<DbErr> for StorageError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(message)) => Self::Conflict(message),
            _ => Self::Database(error),
        }
    }
}

/// Key of the advisory lock under which replicas that start together migrate one after the other.
const MIGRATION_LOCK: i64 = 0x636f_6e63_6f72_6431;

/// Channel on which PostgreSQL tells other replicas that a stream has new events.
const CHANNEL: &str = "concord_event";

/// A database.
#[derive(Clone)]
pub struct Store {
    write: DatabaseConnection,
    read: DatabaseConnection,
    notifications: broadcast::Sender<Uuid>,
    /// Statements run outside transactions.
    reads: Arc<AtomicU64>,
}

/// Makes a new SQLite file that nobody else on the machine may read: it holds prices, and SQLite's own files beside it get
/// its mode. What cannot be made is told by opening it.
#[cfg(unix)]
fn make_private(url: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some((path, _)) = url.strip_prefix("sqlite://").and_then(|rest| rest.split_once("?mode=rwc")) else { return };
    // Written in another way than the file is called.
    if path.contains('%') {
        return;
    }
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

#[cfg(not(unix))]
fn make_private(_: &str) {}

impl Store {
    /// Opens `sqlite://FILE` (created when missing) or `postgres://...`.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        let (notifications, _) = broadcast::channel(1024);
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let mut options = ConnectOptions::new(url);
            options.max_connections(20).connect_timeout(Duration::from_secs(10)).sqlx_logging(false);
            // A plan that is made while a table is empty reads the whole table, and would be kept while a first sync
            // fills it: each look for a page of ids would take longer than the one before.
            options.map_sqlx_postgres_opts(|options| options.options([("plan_cache_mode", "force_custom_plan")]));
            let pool = Database::connect(options).await?;
            let (read, reads) = counted(pool.clone());
            let store = Self { write: pool, read, notifications, reads };
            store.listen();
            return Ok(store);
        }
        if !url.starts_with("sqlite:") {
            return Err(StorageError::Url("it must begin with `sqlite://` or `postgres://`".to_owned()));
        }
        // Each connection would see a database of its own.
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(StorageError::Url("a database in memory cannot be used; name a file".to_owned()));
        }
        let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
        make_private(&url);
        let mut writer = ConnectOptions::new(&url);
        writer.max_connections(1).acquire_timeout(Duration::from_secs(60)).sqlx_logging(false);
        writer.map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Normal)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(30))
        });
        let write = connect_patiently(&writer).await?;
        let mut readers = ConnectOptions::new(&url);
        readers.max_connections(8).acquire_timeout(Duration::from_secs(60)).sqlx_logging(false);
        readers.map_sqlx_sqlite_opts(|options| {
            options.foreign_keys(true).busy_timeout(Duration::from_secs(30)).pragma("query_only", "true")
        });
        let (read, reads) = counted(Database::connect(readers).await?);
        Ok(Self { write, read, notifications, reads })
    }

    /// Brings the schema up to date. Replicas that start together do it one after the other.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        // One transaction for all: on SQLite it holds the write lock from its beginning, so that a second process (a
        // token is made while the server starts) waits and then finds nothing left to do.
        let tx = self.begin().await?;
        if self.backend() == DbBackend::Postgres {
            let lock = Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT pg_advisory_xact_lock($1)",
                [MIGRATION_LOCK.into()],
            );
            tx.execute_raw(lock).await?;
        }
        Migrator::up(&*tx, None).await?;
        tx.commit().await
    }

    /// The same database, telling of each statement that runs: for measurements, which must not depend on a log.
    pub fn watched(mut self, watcher: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let watcher = Arc::new(watcher);
        for connection in [&mut self.write, &mut self.read] {
            let watcher = Arc::clone(&watcher);
            connection.set_metric_callback(move |statement| watcher(&statement.statement.sql));
        }
        self
    }

    /// For reading outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// How many statements ran outside transactions so far: what a page costs is the difference.
    pub fn read_statements(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Begins a transaction that may write; on SQLite it holds the write lock from here on, so keep it short and never
    /// call another system inside it.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = begun(&self.write, options).await?;
        Ok(Tx {
            transaction,
            touched: Mutex::default(),
            audited: Mutex::default(),
            notifications: self.notifications.clone(),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        Ok(self.read.ping().await?)
    }

    /// Streams that received events, as their ids. A receiver that lags reads the streams it follows again.
    pub fn notifications(&self) -> broadcast::Receiver<Uuid> {
        self.notifications.subscribe()
    }

    fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }

    /// Hears of events that other replicas stored. When the connection breaks it is made again; who follows a stream
    /// also polls, so nothing depends on a notification that was missed.
    fn listen(&self) {
        let pool = self.write.get_postgres_connection_pool().clone();
        let notifications = self.notifications.clone();
        tokio::spawn(async move {
            loop {
                if let Ok(mut listener) = sqlx::postgres::PgListener::connect_with(&pool).await
                    && listener.listen(CHANNEL).await.is_ok()
                {
                    while let Ok(notification) = listener.recv().await {
                        if let Ok(stream) = notification.payload().parse() {
                            // Nobody following is not an error.
                            let _ = notifications.send(stream);
                        }
                    }
                }
                if pool.is_closed() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }
}

/// How long a process that opens a SQLite file waits for others that open it at the same moment.
const OPENING: Duration = Duration::from_secs(30);

/// Opens the writer of a SQLite file. The first one to open a file turns it to write-ahead logging, for which SQLite
/// takes a lock without minding the busy timeout: whoever comes at that moment is refused at once and has to ask again.
async fn connect_patiently(options: &ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let pauses = ConstantBuilder::default().with_delay(Duration::from_millis(20)).with_jitter().without_max_times();
    let connect = (|| Database::connect(options.clone())).retry(pauses).when(is_locked);
    match tokio::time::timeout(OPENING, connect).await {
        Ok(connection) => connection,
        // One last time, for the error.
        Err(_) => Database::connect(options.clone()).await,
    }
}

/// Begins a transaction, to its end: a caller that goes away while `BEGIN` is under way would leave the connection in a
/// transaction that the driver does not know of and nobody ends, and the next one would get it so from the pool.
async fn begun(connection: &DatabaseConnection, options: TransactionOptions) -> Result<DatabaseTransaction, DbErr> {
    let connection = connection.clone();
    let beginning = tokio::spawn(async move { connection.begin_with_options(options).await });
    match beginning.await {
        Ok(begun) => begun,
        Err(broken) => Err(DbErr::Custom(format!("beginning a transaction broke off: {broken}"))),
    }
}

/// Whether SQLite says that somebody else holds the file (`SQLITE_BUSY`, also with an extended code).
fn is_locked(error: &DbErr) -> bool {
    const BUSY: u32 = 5;
    let (DbErr::Conn(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == BUSY)
}

/// A connection that counts its statements.
fn counted(mut connection: DatabaseConnection) -> (DatabaseConnection, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    connection.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (connection, count)
}

/// A transaction that may write. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx {
    transaction: DatabaseTransaction,
    touched: Mutex<BTreeSet<Uuid>>,
    /// Ends of audit chains that this transaction moved, to be logged with the commit.
    audited: Mutex<Vec<audit::Head>>,
    notifications: broadcast::Sender<Uuid>,
}

impl Tx {
    /// Makes everything lasting, then tells who follows the streams that were written to.
    pub async fn commit(self) -> Result<(), StorageError> {
        self.transaction.commit().await?;
        for head in self.audited.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            head.log();
        }
        for stream in self.touched.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            // Nobody following is not an error.
            let _ = self.notifications.send(stream);
        }
        Ok(())
    }

    /// Remembers that a stream has new events; on PostgreSQL the other replicas hear of it with the commit.
    async fn touch(&self, stream: Uuid) -> Result<(), StorageError> {
        let is_new = self.touched.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(stream);
        if is_new && self.transaction.get_database_backend() == DbBackend::Postgres {
            let statement = Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT pg_notify($1, $2)",
                [CHANNEL.into(), stream.to_string().into()],
            );
            self.transaction.execute_raw(statement).await?;
        }
        Ok(())
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}
