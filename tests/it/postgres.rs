//! Databases for tests: each test gets its own, on SQLite and on PostgreSQL.
//!
//! ```ignore
//! for database in databases().await {
//!     let store = Store::open(&database.url).await;
//!     …
//! }
//! ```
//!
//! Without PostgreSQL the tests on it are skipped, and the run says so; `CONCORD_REQUIRE_POSTGRES=1` makes that a
//! failure.

mod available;
mod cluster;

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::sync::OnceLock;

use concord::secret::{Random, SystemRandom};
use sea_orm::{ConnectionTrait, Statement};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use url::Url;

use available::Available;

/// A database that is gone when this value is.
pub struct TestDatabase {
    /// What a program is given as `--database`.
    pub url: String,
    cleanup: Cleanup,
}

enum Cleanup {
    Folder(#[expect(dead_code, reason = "held for its drop, which removes the folder")] TempDir),
    Database { server: Url, name: String },
}

/// A new, empty SQLite file; it is not made yet.
pub fn sqlite() -> TestDatabase {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let url = format!("sqlite://{}", folder.path().join("concord.db").display());
    TestDatabase { url, cleanup: Cleanup::Folder(folder) }
}

/// A new, empty database on PostgreSQL, where there is one.
pub async fn database() -> Option<TestDatabase> {
    let server = server()?;
    let mut connection = connect(server).await;
    Some(create(server, &mut connection, "template0").await)
}

/// A new database on PostgreSQL that `migrate` has made ready. It is called once for each `kind` (a lower-case word) and
/// build of the tests, with the URL of a template that is then copied.
pub async fn migrated(kind: &str, migrate: impl AsyncFnOnce(&str)) -> Option<TestDatabase> {
    let server = server()?;
    let mut connection = connect(server).await;
    let template = template(server, &mut connection, kind, migrate).await;
    Some(create(server, &mut connection, &template).await)
}

/// A new, empty database of each kind that this machine has: SQLite, then PostgreSQL.
pub async fn databases() -> Vec<TestDatabase> {
    let mut databases = vec![sqlite()];
    databases.extend(database().await);
    databases
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Cleanup::Database { server, name } = &self.cleanup else { return };
        // The runtime of the test cannot be waited for in a destructor, so this has one of its own.
        let drop = async || {
            let mut connection = PgConnection::connect(server.as_str()).await?;
            execute(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            connection.close().await
        };
        let dropped = std::thread::scope(|scope| scope.spawn(|| block_on(drop())).join());
        // A second panic while a test fails would hide the first.
        if !matches!(dropped, Ok(Ok(()))) && !std::thread::panicking() {
            panic!("cannot drop the test database `{name}`");
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(future)
}

/// The server's database `postgres`, found or started once per process.
fn server() -> Option<&'static Url> {
    static SERVER: OnceLock<Option<Url>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let available = Available::on_this_machine();
        let url = match &available {
            Available::Named(url) => url.clone(),
            Available::Installed(programs) => match cluster::join(programs) {
                Ok(url) => url,
                Err(error) => panic!("PostgreSQL is installed but the tests cannot start it: {error}"),
            },
            Available::Missing => {
                // The test harness captures what `eprintln!` writes, and this has to be seen.
                let _ = writeln!(std::io::stderr(), "\n{available}.\n");
                return None;
            }
        };
        Some(Url::parse(&url).unwrap_or_else(|error| panic!("{} is no URL: {error}", available::URL_VARIABLE)))
    });
    assert!(
        server.is_some() || !available::is_required(),
        "{} is set, and there is no PostgreSQL on this machine: `apt-get install postgresql`, or set {}",
        available::REQUIRE_VARIABLE,
        available::URL_VARIABLE
    );
    server.as_ref()
}

async fn connect(server: &Url) -> PgConnection {
    match PgConnection::connect(server.as_str()).await {
        Ok(connection) => connection,
        Err(error) => panic!("cannot connect to the PostgreSQL server of the tests: {error}"),
    }
}

/// Every name in these statements is made here, of letters, digits and `_`.
async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(statement)).await.map(drop)
}

async fn create(server: &Url, connection: &mut PgConnection, template: &str) -> TestDatabase {
    let mut mark = [0_u8; 10];
    SystemRandom.fill(&mut mark);
    let name = mark.iter().fold("concord_test_".to_owned(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    });
    execute(connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await.expect("a database is created");
    let mut url = server.clone();
    url.set_path(&name);
    TestDatabase { url: url.into(), cleanup: Cleanup::Database { server: server.clone(), name } }
}

/// Name of the migrated template of this build, made by whoever comes first.
async fn template(server: &Url, connection: &mut PgConnection, kind: &str, migrate: impl AsyncFnOnce(&str)) -> String {
    let ours = format!("concord_{kind}_{:08x}", hash(env!("CARGO_MANIFEST_DIR")) >> 32);
    let name = format!("{ours}_{:016x}", hash(build()));
    // One lock per server serves threads, processes and machines alike; it goes with the connection.
    let lock = i64::from_ne_bytes(hash(&ours).to_ne_bytes());
    sqlx::query("SELECT pg_advisory_lock($1)").bind(lock).execute(&mut *connection).await.expect("the lock comes");
    let existing: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_database WHERE starts_with(datname, $1)")
        .bind(format!("{ours}_"))
        .fetch_all(&mut *connection)
        .await
        .expect("the databases are listed");
    if !existing.contains(&name) {
        for old in existing {
            execute(connection, format!("DROP DATABASE {old} WITH (FORCE)")).await.expect("an old template goes");
        }
        // Under its final name it is complete, also when the migration is killed half-way.
        let draft = format!("{ours}_draft");
        execute(connection, format!("CREATE DATABASE {draft} TEMPLATE template0")).await.expect("a draft is created");
        let mut url = server.clone();
        url.set_path(&draft);
        migrate(url.as_str()).await;
        sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1")
            .bind(&draft)
            .execute(&mut *connection)
            .await
            .expect("connections that were left open are closed");
        execute(connection, format!("ALTER DATABASE {draft} RENAME TO {name}")).await.expect("the draft is renamed");
    }
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(lock).execute(connection).await.expect("the lock goes");
    name
}

/// Differs after each build of the tests, and with it the migrations.
fn build() -> (std::path::PathBuf, u64, Option<std::time::SystemTime>) {
    let path = std::env::current_exe().expect("the test binary has a path");
    let metadata = path.metadata().expect("the test binary is there");
    (path, metadata.len(), metadata.modified().ok())
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[tokio::test]
async fn each_database_is_new_and_is_dropped() {
    let (Some(one), Some(two)) = (database().await, database().await) else { return };
    assert_ne!(one.url, two.url);
    for database in [&one, &two] {
        let mut connection = PgConnection::connect(&database.url).await.expect("the database is there");
        connection.execute("CREATE TABLE probe (id bigint PRIMARY KEY)").await.expect("no other test made it");
        connection.execute("INSERT INTO probe VALUES (7)").await.expect("a row goes in");
        let id: i64 = sqlx::query_scalar("SELECT id FROM probe").fetch_one(&mut connection).await.expect("a row");
        assert_eq!(id, 7);
    }
    let url = one.url.clone();
    // A connection left open does not keep it.
    let _open = PgConnection::connect(&url).await.expect("the database is there");
    drop(one);
    let gone = PgConnection::connect(&url).await.expect_err("the database is gone").to_string();
    assert!(gone.contains("does not exist"), "{gone}");
    assert!(PgConnection::connect(&two.url).await.is_ok(), "the other one stays");
}

#[tokio::test]
async fn a_migrated_database_is_a_copy_of_one_template() {
    let migrate = async |url: &str| {
        let mut connection = PgConnection::connect(url).await.expect("the template is there");
        connection.execute("CREATE TABLE migrated AS SELECT 7::bigint AS id").await.expect("it was empty");
    };
    let (one, two) = tokio::join!(migrated("probe", migrate), migrated("probe", migrate));
    let (Some(one), Some(two)) = (one, two) else { return };
    for database in [&one, &two] {
        let mut connection = PgConnection::connect(&database.url).await.expect("the database is there");
        let ids: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM migrated").fetch_all(&mut connection).await.expect("it was migrated");
        assert_eq!(ids, [7]);
        connection.execute("DELETE FROM migrated").await.expect("one copy changes");
    }
}

#[tokio::test]
async fn each_kind_of_database_keeps_text_and_whole_numbers() {
    for database in databases().await {
        // What the program itself connects with, because not everything that reads a URL knows sockets.
        let create = if database.url.starts_with("sqlite:") { "?mode=rwc" } else { "" };
        let connection = sea_orm::Database::connect(format!("{}{create}", database.url)).await.expect("it opens");
        connection.execute_unprepared("CREATE TABLE probe (name text, count bigint)").await.expect("a table");
        connection.execute_unprepared("INSERT INTO probe VALUES ('Ünï', 9007199254740993)").await.expect("a row");
        let statement = Statement::from_string(connection.get_database_backend(), "SELECT name, count FROM probe");
        let row = connection.query_one_raw(statement).await.expect("the query runs").expect("there is a row");
        let row: (String, i64) = (row.try_get("", "name").expect("text"), row.try_get("", "count").expect("a number"));
        assert_eq!(row, ("Ünï".to_owned(), 9_007_199_254_740_993), "in {}", database.url);
    }
}

#[test]
fn a_sqlite_file_goes_with_its_value() {
    let database = sqlite();
    let path = std::path::PathBuf::from(database.url.strip_prefix("sqlite://").expect("it is a SQLite URL"));
    std::fs::write(&path, "").expect("the folder is there");
    drop(database);
    assert!(!path.exists());
}
