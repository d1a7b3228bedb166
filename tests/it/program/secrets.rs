//! `concord secrets`: stored secrets under another key, beside others who write, and killed on the way.

use std::sync::Arc;
use std::time::Duration;

use concord::app::App;
use concord::domain::access::Caller;
use concord::domain::id::ProviderAccountId;
use concord::environment::SystemClock;
use concord::secret::{KeyRing, Sealed, SystemRandom};
use concord::service::sealing::SealedPlace;
use concord::service::setup::CreateIntegration;
use concord::storage::account::{self, StoredKeys};
use secrecy::{ExposeSecret as _, SecretString};

use super::command::{Said, concord, run_with};
use super::harness::{self, each_database};

const OLD: &str = "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OTHER_NEW: &str = "new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const LOST: &str = "lost:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";

fn ring(keys: &str) -> KeyRing {
    KeyRing::parse(&SecretString::from(keys), "the test", Arc::new(SystemRandom)).expect("good keys")
}

/// An account whose secret is known.
struct Account {
    caller: Caller,
    id: ProviderAccountId,
    secret: String,
}

/// Two accounts with secrets, sealed by the first of these keys.
async fn accounts(app: &App, organization: &str, integration: &str, keys: &str) -> Vec<Account> {
    let caller = app.access.operator(organization).await.expect("the organization is made");
    let command = CreateIntegration { name: integration.to_owned() };
    let made = app.services.setup.create(&caller, command).await.expect("the integration is made");
    let store = &app.services.core.store;
    let (pax8, psa) = account::pair(store.read(), caller.organization_id, made.id).await.expect("two accounts");
    let mut accounts = Vec::new();
    for account in [pax8, psa] {
        let secret = format!("secret of {}", account.id);
        let account = Account { caller: caller.clone(), id: account.id, secret };
        seal(app, &account, keys).await;
        accounts.push(account);
    }
    accounts
}

async fn seal(app: &App, account: &Account, keys: &str) {
    let organization_id = account.caller.organization_id;
    let associated = SealedPlace::Secret.associated(organization_id, account.id);
    let sealed = ring(keys).seal(&SecretString::from(account.secret.as_str()), &associated);
    let tx = app.services.core.store.begin().await.expect("a transaction");
    let keys = StoredKeys { sealed: sealed.0, ..StoredKeys::default() };
    account::set_keys(&tx, organization_id, account.id, Some(keys)).await.expect("the secret is set");
    tx.commit().await.expect("it is kept");
}

/// Whether the secret of an account opens with these keys, sealed by the first one.
async fn opens(app: &App, account: &Account, keys: &str) -> bool {
    let organization_id = account.caller.organization_id;
    let stored = account::credentials(app.services.core.store.read(), organization_id, account.id).await;
    let sealed = Sealed(stored.expect("the account is read").keys.expect("it has keys").sealed);
    let ring = ring(keys);
    let opened = ring.open(&sealed, &SealedPlace::Secret.associated(organization_id, account.id));
    sealed.key_id() == Some(ring.sealing_key_id())
        && opened.is_ok_and(|opened| opened.expose_secret() == account.secret)
}

#[tokio::test]
async fn secrets_are_sealed_again_and_those_that_do_not_open_are_named() {
    for database in each_database().await {
        let url = &database.url;
        let app = harness::app(url, Arc::new(SystemClock)).await;
        let mut sealed = accounts(&app, "Acme", "One", OLD).await;
        sealed.extend(accounts(&app, "Borealis", "Two", OLD).await);
        let lost = sealed.pop().expect("an account");
        seal(&app, &lost, LOST).await;

        run_with(url, OLD, &["secrets", "status"]).await.check(
            1,
            &[
                "Key `test` seals 3 secrets and proves 2 audit events. It is the first one",
                "Key `lost` seals 1 secret and proves 0 audit events. It is missing here: those secrets cannot be opened.",
            ],
        );
        let rotated = run_with(url, &format!("{NEW},{OLD}"), &["secrets", "rotate"]).await;
        rotated.check(
            1,
            &[
                "3 secrets were sealed again with the key `new`.",
                "0 secrets were sealed with it before.",
                "Not opened: the PSA account of the integration `Two` of the organization `Borealis`.",
                "sealed with the key `lost`, which is not among the secret keys of this server. Add that key",
            ],
        );
        for account in &sealed {
            assert!(opens(&app, account, NEW).await, "{} on {url}", account.id);
            assert!(!rotated.text.contains(&account.secret));
        }
        // Started again: nothing is done twice.
        let again = run_with(url, &format!("{NEW},{OLD}"), &["secrets", "rotate"]).await;
        again.check(
            1,
            &["0 secrets were sealed again", "3 secrets were sealed with it before.", "1 secret was not opened"],
        );
        let status = run_with(url, &format!("{NEW},{OLD},{LOST}"), &["secrets", "status"]).await;
        status.check(
            0,
            &[
                "Key `test` seals 0 secrets and proves 2 audit events. It has to stay: without it `concord audit verify`",
                "Key `lost` seals 1 secret and proves 0 audit events. Run `concord secrets rotate` before it is removed.",
                "Key `new` seals 3 secrets and proves 2 audit events.",
            ],
        );
        let found = run_with(url, &format!("{NEW},{OLD},{LOST}"), &["secrets", "rotate"]).await;
        found.check(0, &["1 secret was sealed again", "3 secrets were sealed with it before."]);
        assert!(opens(&app, &lost, NEW).await, "it opens");
        run_with(url, &format!("{NEW},{OLD},{LOST}"), &["secrets", "status"])
            .await
            .check(0, &["Key `lost` seals 0 secrets and proves 0 audit events. It may be removed."]);
        // Another key under the same id is not the key.
        let wrong = run_with(url, &format!("{OTHER_NEW},{OLD}"), &["secrets", "rotate"]).await;
        wrong.check(
            1,
            &["0 secrets were sealed again", "does not open with the key `new`: the key is not the one that sealed it"],
        );
        assert!(opens(&app, &lost, NEW).await, "it stays as it was");

        run_with(url, OTHER_NEW, &["doctor", "--listen", "127.0.0.1:0"])
            .await
            .check(0, &["warning  The secret key `test` is missing: 2 audit events cannot be checked without it."]);
        run_with(url, LOST, &["doctor", "--listen", "127.0.0.1:0"]).await.check(
            1,
            &["error    The secret key `new` is missing: stored secrets that it seals, 4 in number, cannot be"],
        );

        // Acme once, Borealis once in each of two runs; told by whom, from what and to what.
        let sql = "SELECT count(*) AS count FROM audit_event WHERE action = 'secrets.rotate' \
                   AND actor_kind = 'COMMAND_LINE' AND before LIKE '%\"sealedBy\":{%' AND after LIKE '%\"new\":%'";
        assert_eq!(harness::count_rows(url, sql).await, 3, "on {url}");
        run_with(url, &format!("{NEW},{OLD}"), &["audit", "verify"])
            .await
            .check(0, &["Acme: intact", "Borealis: intact"]);
        run_with(url, NEW, &["audit", "verify"])
            .await
            .check(1, &["Acme: broken at event 1", "the key `test` is not among the secret keys of this server"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealing_again_survives_being_killed_and_others_who_write() {
    for database in each_database().await {
        let url = &database.url;
        let app = harness::app(url, Arc::new(SystemClock)).await;
        let mut sealed = Vec::new();
        for number in 0..60 {
            let organization = if number % 2 == 0 { "Acme" } else { "Borealis" };
            sealed.extend(accounts(&app, organization, &format!("Number {number}"), OLD).await);
        }
        let keys = format!("{NEW},{OLD}");
        for milliseconds in [60, 90, 120, 150, 180] {
            let mut started = concord(url, &keys).args(["secrets", "rotate"]).spawn().expect("it starts");
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            started.kill().await.expect("it ends");
        }
        // Two at once, while somebody enters credentials on a server that has both keys.
        let runs: Vec<_> =
            (0..2).map(|_| concord(url, &keys).args(["secrets", "rotate"]).spawn().expect("it starts")).collect();
        for account in sealed.iter_mut().step_by(7) {
            account.secret = "entered meanwhile".to_owned();
            seal(&app, account, &keys).await;
        }
        for mut run in runs {
            assert!(run.wait().await.expect("it ends").success(), "on {url}");
        }
        run_with(url, &keys, &["secrets", "rotate"])
            .await
            .check(0, &["0 secrets were sealed again", "120 secrets were sealed with it before."]);
        for account in &sealed {
            assert!(opens(&app, account, NEW).await, "{} on {url}", account.id);
        }
        run_with(url, &keys, &["audit", "verify"]).await.check(0, &["Acme: intact", "Borealis: intact"]);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_that_is_lost_is_not_replaced_and_its_database_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, keys) = (folder.path().join("concord.db"), folder.path().join("concord.db.key"));
    let url = format!("sqlite://{}", file.display());
    let run = async |arguments: &[&str]| {
        let output = concord(&url, "").env_remove("CONCORD_SECRET_KEYS").args(arguments).output().await;
        Said::of(&output.expect("the program runs"))
    };
    run(&["token", "create", "--role", "admin"]).await.check(0, &["A key file was made beside the database"]);
    for path in [&file, &keys] {
        let mode = std::fs::metadata(path).expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let away = folder.path().join("away");
    std::fs::rename(&keys, &away).expect("it moves");
    let serve: &[&str] = &["serve", "--listen", "127.0.0.1:0"];
    for command in [serve, &["audit", "verify"], &["token", "list"]] {
        run(command).await.check(1, &["needs the key `", "0 secrets and proves 1 audit events", "from a backup"]);
        assert!(!keys.exists(), "{command:?} made a new one");
    }
    std::fs::rename(&away, &keys).expect("it comes back");
    run(&["audit", "verify"]).await.check(0, &["default: intact, 1 events"]);
}
