//! A PostgreSQL cluster of the tests' own: one per checkout, in the temporary folder, on a Unix socket alone.
//!
//! Test processes come and go (`cargo nextest` has one per test), and nothing of theirs runs when they end. So each
//! process that uses the cluster holds a shared lock on a file for as long as it lives, and a watchdog (this test
//! binary, started again) stops the cluster when nobody has held it for a while.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Tells the watchdog its cluster; set for it alone.
const WATCHDOG_VARIABLE: &str = "CONCORD_TEST_CLUSTER_WATCHDOG";
/// How often the watchdog looks, and how many times nobody may be there.
const WATCH_EVERY: Duration = Duration::from_secs(1);
const IDLE_LOOKS: u32 = 15;

/// This process's share in the cluster; the system takes it back when the process ends, however it ends.
static SHARE: OnceLock<File> = OnceLock::new();

/// A cluster's folder and programs.
struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    /// Who runs it when we are root, whom PostgreSQL refuses.
    user: Option<User>,
}

struct User {
    name: String,
    uid: u32,
    gid: u32,
}

/// Starts the cluster of this checkout, or joins it; returns the URL of its database `postgres`.
pub fn join(programs: &Path) -> Result<String, String> {
    let cluster = Cluster::of_this_checkout(programs)?;
    let starting = cluster.lock_file("starting")?;
    starting.lock().map_err(|error| format!("cannot lock the test cluster: {error}"))?;
    let share = cluster.lock_file("users")?;
    share.lock_shared().map_err(|error| format!("cannot join the test cluster: {error}"))?;
    if !cluster.is_running() {
        cluster.start()?;
    }
    if cluster.lock_file("watchdog")?.try_lock().is_ok() {
        cluster.start_watchdog()?;
    }
    // A second thread cannot come here: the caller asks once per process.
    let _ = SHARE.set(share);
    Ok(cluster.url())
}

impl Cluster {
    fn of_this_checkout(programs: &Path) -> Result<Self, String> {
        let uid = tempfile::tempfile()
            .and_then(|file| file.metadata())
            .map_err(|error| format!("cannot write to the temporary folder: {error}"))?
            .uid();
        let user = if uid == 0 { Some(unprivileged_user()?) } else { None };
        let mut hasher = DefaultHasher::new();
        (env!("CARGO_MANIFEST_DIR"), programs, uid).hash(&mut hasher);
        let name = format!("concord-test-{:016x}", hasher.finish());
        // The path of a socket has at most 107 bytes, and some systems have a long temporary folder.
        let folder = Some(std::env::temp_dir().join(&name))
            .filter(|folder| folder.as_os_str().len() < 80)
            .unwrap_or_else(|| Path::new("/tmp").join(&name));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&folder)
            .map_err(|error| format!("cannot create `{}`: {error}", folder.display()))?;
        let owner = fs::symlink_metadata(&folder).map_err(|error| format!("cannot read `{name}`: {error}"))?;
        if !owner.is_dir() || owner.uid() != uid {
            return Err(format!("`{}` belongs to somebody else; remove it", folder.display()));
        }
        Ok(Self { folder, programs: programs.to_owned(), user })
    }

    /// Owned by whoever runs the server, and thrown away with it.
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.data().display())
    }

    fn lock_file(&self, name: &str) -> Result<File, String> {
        let path = self.folder.join(name);
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| format!("cannot open `{}`: {error}", path.display()))
    }

    /// A program of PostgreSQL, run by a user whom it accepts.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = match &self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid));
                command.arg("--clear-groups").arg(program);
                command
            }
        };
        // The folder we are in may be closed to that user.
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.env("LC_ALL", "C").env_remove("PGDATA").env_remove("PGPORT").env_remove("PGHOST");
        command
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Command {
        let mut command = self.program("pg_ctl");
        command.arg("--pgdata").arg(self.data().join("cluster")).args(arguments);
        command
    }

    fn is_running(&self) -> bool {
        self.pg_ctl(&["status"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn start(&self) -> Result<(), String> {
        let data = self.data();
        if data.exists() {
            fs::remove_dir_all(&data).map_err(|error| format!("cannot remove `{}`: {error}", data.display()))?;
        }
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&data)
            .map_err(|error| format!("cannot create `{}`: {error}", data.display()))?;
        if let Some(user) = &self.user {
            std::os::unix::fs::chown(&data, Some(user.uid), Some(user.gid))
                .map_err(|error| format!("cannot give `{}` to `{}`: {error}", data.display(), user.name))?;
        }
        let mut initdb = self.program("initdb");
        initdb.arg("--pgdata").arg(data.join("cluster"));
        initdb.args(["--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync"]);
        run(initdb, "initdb", &data)?;
        // What is lost with the machine's power is thrown away anyhow, so nothing waits for the disk.
        let options = format!(
            "-k {} -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
             -c max_connections=300 -c shared_buffers=64MB -c log_min_messages=fatal",
            data.display()
        );
        let log = data.join("log");
        let mut start = self.pg_ctl(&["--wait", "--options", &options, "--log"]);
        start.arg(&log).arg("start");
        run(start, "pg_ctl start", &data)
            .map_err(|error| format!("{error}\n{}", fs::read_to_string(&log).unwrap_or_default()))
    }

    fn start_watchdog(&self) -> Result<(), String> {
        let this = std::env::current_exe().map_err(|error| format!("cannot find the test binary: {error}"))?;
        Command::new(this)
            .args(["--exact", "postgres::cluster::watchdog"])
            .env(WATCHDOG_VARIABLE, &self.programs)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests; the watchdog has to see their end.
            .process_group(0)
            .spawn()
            .map(drop)
            .map_err(|error| format!("cannot start the watchdog of the test cluster: {error}"))
    }

    /// Stops the cluster once nobody has used it for a while.
    fn watch(&self) -> Result<(), String> {
        let watching = self.lock_file("watchdog")?;
        if watching.try_lock().is_err() {
            return Ok(());
        }
        let mut idle = 0;
        while idle < IDLE_LOOKS {
            std::thread::sleep(WATCH_EVERY);
            let is_idle = self.lock_file("users")?.try_lock().is_ok();
            idle = if is_idle { idle + 1 } else { 0 };
        }
        let starting = self.lock_file("starting")?;
        starting.lock().map_err(|error| format!("cannot lock the test cluster: {error}"))?;
        if self.lock_file("users")?.try_lock().is_err() {
            // Somebody joined at the last moment. They saw a watchdog, so there has to be one.
            drop((starting, watching));
            return self.watch();
        }
        let stopped = run(self.pg_ctl(&["--mode=immediate", "stop"]), "pg_ctl stop", &self.folder);
        fs::remove_dir_all(self.data()).map_err(|error| format!("cannot remove the test cluster: {error}"))?;
        stopped
    }
}

/// Not a test: the process that stops the cluster begins here, and any other leaves at once.
#[test]
fn watchdog() -> Result<(), String> {
    match std::env::var_os(WATCHDOG_VARIABLE) {
        Some(programs) => Cluster::of_this_checkout(Path::new(&programs))?.watch(),
        None => Ok(()),
    }
}

/// Output goes to a file, because a server that inherits a pipe keeps its reader waiting for ever.
fn run(mut command: Command, what: &str, folder: &Path) -> Result<(), String> {
    let path = folder.join("output");
    let output = File::create(&path).map_err(|error| format!("cannot create `{}`: {error}", path.display()))?;
    let copy = output.try_clone().map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    let status =
        command.stdout(output).stderr(copy).status().map_err(|error| format!("{what} cannot be run: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{what} failed ({status}): {}", fs::read_to_string(&path).unwrap_or_default()))
}

/// The user `postgres` that the package makes, else `nobody`.
fn unprivileged_user() -> Result<User, String> {
    let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("cannot read /etc/passwd: {error}"))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| user_named(name, &users))
        .ok_or_else(|| "PostgreSQL refuses to be run by root, and there is no user `postgres`".into())
}

fn user_named(name: &str, users: &str) -> Option<User> {
    let fields: Vec<&str> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?;
    Some(User { name: name.into(), uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
}

#[test]
fn users_are_read_from_the_systems_list() {
    let users = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:1:2::/:\npostgres:x:104:108:PostgreSQL:/var:/bin/bash\n";
    let user = user_named("postgres", users).expect("the user is in the list");
    assert_eq!((user.uid, user.gid), (104, 108));
    assert!(user_named("nobody", users).is_none());
}
