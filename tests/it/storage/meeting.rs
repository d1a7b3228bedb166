//! Two writers who meet on one row, as two replicas do: the second one begins while the transaction of the first is open,
//! and decides by what the first one left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use concord::domain::id::{IntegrationId, OrganizationId, ProviderAccountId};
use concord::domain::integration::Integration;
use concord::domain::provider::{ConnectionMethod, ProviderAccount, Side};
use concord::storage::account::{self, StoredKeys};
use concord::storage::authorization::{self, Attempt};
use concord::storage::provider_token::{self, InUse, NewTokens, TokenKey};
use concord::storage::sealed::{self, SealedColumn, SealedRow};
use concord::storage::{StorageError, Store, Tx, integration, organization};
use uuid::Uuid;

use crate::postgres::databases;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
const ORIGIN: &str = "the consent";
const ORGANIZATION: OrganizationId = OrganizationId(Uuid::from_u128(1));
const ACCOUNT: ProviderAccountId = ProviderAccountId(Uuid::from_u128(3));
const KEY: TokenKey =
    TokenKey { organization_id: ORGANIZATION, account_id: ACCOUNT, method: ConnectionMethod::Delegated };

/// Two replicas over one database, with an account that has keys, a consent with its tokens, and a person on the way.
struct Replicas {
    one: Store,
    two: Store,
}

/// How the transaction of the first writer ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Commit,
    RollBack,
}

impl Replicas {
    async fn over(url: &str) -> Self {
        let one = Store::connect(url).await.expect("it opens");
        one.migrate().await.expect("it is migrated");
        let tx = one.begin().await.expect("a transaction");
        organization::find_or_create(&tx, ORGANIZATION, "default", NOW).await.expect("made");
        let owner = Integration::new(IntegrationId(Uuid::from_u128(2)), ORGANIZATION, "Met".into(), NOW);
        integration::insert(&tx, &owner).await.expect("made");
        let pax8 = ProviderAccount::unconnected(ACCOUNT, ORGANIZATION, owner.id, Side::Pax8);
        account::insert(&tx, &pax8, NOW).await.expect("made");
        let keys = StoredKeys { sealed: "v1.old.keys".into(), origin: "the keys".into(), addresses: None };
        account::set_keys(&tx, ORGANIZATION, ACCOUNT, Some(keys)).await.expect("stored");
        provider_token::replace(&tx, KEY, tokens("v1.old.first")).await.expect("stored");
        authorization::insert_attempt(&tx, &attempt()).await.expect("stored");
        tx.commit().await.expect("stored");
        Self { two: Store::connect(url).await.expect("it opens"), one }
    }

    /// Lets the second writer begin while the first one's transaction is open, and gives what each of them was answered.
    async fn meet<A, B>(
        &self,
        first: impl AsyncFnOnce(&Tx) -> Result<A, StorageError>,
        end: End,
        second: impl AsyncFnOnce(&Tx) -> Result<B, StorageError>,
    ) -> (A, B) {
        let tx = self.one.begin().await.expect("a transaction");
        let answer = first(&tx).await.expect("nobody is in the way of the first");
        let has_ended = AtomicBool::new(false);
        let ending = async {
            // Time enough for the second one to come to the row.
            tokio::time::sleep(Duration::from_millis(200)).await;
            has_ended.store(true, Ordering::SeqCst);
            match end {
                End::Commit => tx.commit().await,
                End::RollBack => {
                    drop(tx);
                    Ok(())
                }
            }
        };
        let following = async {
            let tx = self.two.begin().await?;
            let answer = second(&tx).await?;
            assert!(has_ended.load(Ordering::SeqCst), "the second one waits for the first");
            tx.commit().await?;
            Ok::<_, StorageError>(answer)
        };
        let (ended, answer_of_second) = tokio::join!(ending, following);
        ended.expect("the first one ends");
        (answer, answer_of_second.expect("the second one goes on after it"))
    }

    async fn found(&self) -> provider_token::StoredTokens {
        provider_token::find(self.two.read(), KEY).await.expect("it reads").expect("the row is there")
    }
}

fn tokens(sealed: &str) -> NewTokens {
    NewTokens {
        origin: ORIGIN.into(),
        sealed: sealed.into(),
        issued_at: NOW,
        access_expires_at: Some(NOW + TimeDelta::hours(1)),
    }
}

fn in_use(number: i64) -> InUse<'static> {
    InUse { key: KEY, origin: ORIGIN, number }
}

fn attempt() -> Attempt {
    Attempt {
        state_hash: "the state".into(),
        organization_id: ORGANIZATION,
        account_id: ACCOUNT,
        starter: "{}".into(),
        connector: "PAX8".into(),
        settings: "{}".into(),
        secret: None,
        time_zone: "UTC".into(),
        application: "{}".into(),
        application_secret: None,
        code_verifier: "v1.old.verifier".into(),
        redirect_uri: "https://concord.example/oauth/callback/pax8".into(),
        created_at: NOW,
        expires_at: NOW + TimeDelta::minutes(10),
        used_at: None,
    }
}

#[tokio::test]
async fn of_two_who_would_renew_tokens_one_may() {
    for (end, may_second) in [(End::Commit, false), (End::RollBack, true)] {
        for database in databases().await {
            let replicas = Replicas::over(&database.url).await;
            let take =
                async |tx: &Tx, holder: &str, number| provider_token::take_lease(tx, in_use(number), holder, NOW).await;
            let number = replicas.found().await.number;
            let (first, second) = replicas
                .meet(async |tx| take(tx, "one", number).await, end, async |tx| take(tx, "two", number).await)
                .await;
            assert_eq!((first, second), (true, may_second), "{end:?}");
        }
    }
}

#[tokio::test]
async fn of_two_who_bring_a_state_back_one_finds_it_unused() {
    for (end, is_used) in [(End::Commit, true), (End::RollBack, false)] {
        for database in databases().await {
            let replicas = Replicas::over(&database.url).await;
            let bring = async |tx: &Tx| {
                let found = authorization::lock_attempt(tx, "the state").await?.expect("it is known");
                if found.used_at.is_none() {
                    authorization::use_attempt(tx, "the state", NOW).await?;
                }
                Ok(found)
            };
            let (first, second) = replicas.meet(bring, end, bring).await;
            assert_eq!((first.used_at, second.used_at.is_some()), (None, is_used), "{end:?}");
            assert_eq!(second.code_verifier.is_empty(), is_used, "its secrets went with its use");
        }
    }
}

#[tokio::test]
async fn a_renewal_that_comes_after_a_disconnection_stores_nothing_and_one_before_it_is_forgotten() {
    for database in databases().await {
        let replicas = Replicas::over(&database.url).await;
        let disconnect = async |tx: &Tx| {
            account::lock(tx, ORGANIZATION, ACCOUNT).await?;
            provider_token::void(tx, KEY, "nobody").await
        };
        let renew = async |tx: &Tx| provider_token::renew(tx, in_use(1), "one", tokens("v1.old.second")).await;
        let tx = replicas.one.begin().await.expect("a transaction");
        assert!(provider_token::take_lease(&tx, in_use(1), "one", NOW).await.expect("it is asked for"));
        tx.commit().await.expect("taken");
        let ((), is_stored) = replicas.meet(disconnect, End::Commit, renew).await;
        let left = replicas.found().await;
        assert_eq!((is_stored, left.sealed, left.origin.as_str(), left.number), (false, None, "nobody", 2));

        let tx = replicas.one.begin().await.expect("a transaction");
        provider_token::replace(&tx, KEY, tokens("v1.old.third")).await.expect("connected again");
        tx.commit().await.expect("stored");
        let number = replicas.found().await.number;
        let renew = async |tx: &Tx| {
            assert!(provider_token::take_lease(tx, in_use(number), "one", NOW).await?);
            provider_token::renew(tx, in_use(number), "one", tokens("v1.old.fourth")).await
        };
        let (is_stored, ()) = replicas.meet(renew, End::Commit, disconnect).await;
        let left = replicas.found().await;
        assert_eq!((is_stored, left.sealed, left.number), (true, None, number + 2), "the number goes on");
    }
}

#[tokio::test]
async fn a_refusal_does_not_forget_what_was_renewed_while_it_waited() {
    for database in databases().await {
        let replicas = Replicas::over(&database.url).await;
        let renew = async |tx: &Tx| {
            assert!(provider_token::take_lease(tx, in_use(1), "one", NOW).await?);
            provider_token::renew(tx, in_use(1), "one", tokens("v1.old.second")).await
        };
        let refuse = async |tx: &Tx| provider_token::forget(tx, in_use(1)).await;
        let (is_stored, is_forgotten) = replicas.meet(renew, End::Commit, refuse).await;
        assert_eq!((is_stored, is_forgotten), (true, false));
        assert_eq!(replicas.found().await.sealed.as_deref(), Some("v1.old.second"));
    }
}

/// `concord secrets rotate` works while the server does.
#[tokio::test]
async fn keys_that_are_sealed_anew_and_pinned_at_once_lose_neither() {
    let place = SealedColumn { table: "provider_account", key: "id", part: None, column: "secret" };
    for is_pinned_first in [true, false] {
        for database in databases().await {
            let replicas = Replicas::over(&database.url).await;
            let read = SealedRow {
                organization_id: ORGANIZATION,
                id: ACCOUNT.0,
                part: String::new(),
                text: "v1.old.keys".to_owned(),
            };
            let rotate = async |tx: &Tx| sealed::replace(tx, place, &read, "v1.new.keys").await;
            let pin = async |tx: &Tx| {
                account::lock(tx, ORGANIZATION, ACCOUNT).await?;
                account::pin_addresses(tx, (ORGANIZATION, ACCOUNT), "[\"https://api.pax8.com\"]".to_owned()).await
            };
            let is_sealed = if is_pinned_first {
                replicas.meet(pin, End::Commit, rotate).await.1
            } else {
                replicas.meet(rotate, End::Commit, pin).await.0
            };
            let keys = account::credentials(replicas.two.read(), ORGANIZATION, ACCOUNT).await.expect("it reads").keys;
            let keys = keys.expect("they are kept");
            assert_eq!((is_sealed, keys.sealed.as_str()), (true, "v1.new.keys"));
            assert_eq!(keys.addresses.as_deref(), Some("[\"https://api.pax8.com\"]"));
        }
    }
}
