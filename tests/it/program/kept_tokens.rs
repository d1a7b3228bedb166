//! Kept tokens beside a provider that behaves oddly: what it answers is written in the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use concord::app::KeyedSeal;
use concord::connector::ConnectorError;
use concord::connector::oauth::delegated::{GrantError, GrantedTokens, TokenRenewal};
use concord::connector::oauth::kept::TokenKeeper as _;
use concord::domain::provider::ConnectionMethod;
use concord::environment::{Clock as _, FixedClock, RandomIds};
use concord::secret::{KeyRing, SystemRandom};
use concord::service::kept_tokens::{KeeperParts, KeptTokens};
use concord::storage::authorization;
use concord::storage::provider_token::TokenKey;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::authorization::{account_of, consented, pax8_of};
use super::command::tamper;
use super::harness::{self, Integration, Program, each_database};

/// The tokens of the consent of an account, renewed by somebody who is asked in the test.
async fn kept(
    program: &Program,
    clock: &Arc<FixedClock>,
    integration: &Integration,
    renewal: Arc<dyn TokenRenewal>,
) -> KeptTokens {
    let (organization_id, account_id) = pax8_of(program, integration).await;
    let store = program.app.services.core.store.clone();
    let consent = authorization::find(store.read(), organization_id, account_id).await.expect("it reads");
    let keys = KeyRing::parse(&SecretString::from(harness::SECRET_KEYS), "the test", Arc::new(SystemRandom));
    let keys = Arc::new(keys.expect("a good key"));
    let parts = KeeperParts {
        store,
        keys: Arc::clone(&keys),
        clock: clock.clone(),
        ids: Arc::new(RandomIds),
        seal: Arc::new(KeyedSeal(keys)),
        renewals: TaskTracker::new(),
    };
    let key = TokenKey { organization_id, account_id, method: ConnectionMethod::Delegated };
    KeptTokens::new(parts, key, consent.expect("a consent").origin, renewal)
}

type Answer = BoxFuture<'static, Result<GrantedTokens, GrantError>>;

/// Renews as the test says.
struct Renewal<F>(F);

#[async_trait]
impl<F: Fn() -> Answer + Send + Sync> TokenRenewal for Renewal<F> {
    fn provider(&self) -> &'static str {
        "Test"
    }

    fn needs_refresh_token(&self) -> bool {
        true
    }

    async fn renew(&self, _: Option<&SecretString>) -> Result<GrantedTokens, GrantError> {
        (self.0)().await
    }

    async fn give_back(&self, _: &SecretString) -> Result<bool, ConnectorError> {
        Ok(false)
    }
}

#[tokio::test]
async fn a_token_that_ends_at_once_is_handed_out_all_the_same() {
    for database in each_database().await {
        let (program, clock, _, integration) = consented(database).await;
        let renewals = Arc::new(AtomicU64::new(0));
        let (counter, time) = (Arc::clone(&renewals), clock.clone());
        let brief = move || -> Answer {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            let tokens = GrantedTokens {
                access: format!("brief-access-{number}").into(),
                refresh: Some(format!("brief-refresh-{number}").into()),
                expires_at: Some(time.now()),
                scopes: None,
            };
            Box::pin(async { Ok(tokens) })
        };
        let tokens = kept(&program, &clock, &integration, Arc::new(Renewal(brief))).await;
        clock.advance(TimeDelta::days(1));
        let ask = || timeout(Duration::from_secs(30), tokens.token(None, TimeDelta::minutes(5)));
        ask().await.expect("it ends").expect("a token");
        assert_eq!(renewals.load(Ordering::SeqCst), 1, "one renewal for one call");
        let many = futures_util::future::join_all((0..20).map(|_| ask())).await;
        assert!(many.into_iter().all(|outcome| outcome.is_ok_and(|token| token.is_ok())));
        assert!(renewals.load(Ordering::SeqCst) <= 21, "one for each call at most");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_refusal_of_a_spent_token_does_not_end_the_newer_ones() {
    for database in each_database().await {
        let (program, clock, admin, integration) = consented(database).await;
        // Somebody else has renewed when this one asks, so that its refresh token is spent.
        let url = program.database.url.clone();
        let late = move || -> Answer {
            let url = url.clone();
            Box::pin(async move {
                let newer = "UPDATE provider_token SET number = number + 1, lease_holder = NULL, lease_until = NULL";
                tamper(&url, &[newer]).await;
                Err(GrantError::InvalidGrant("spent".to_owned()))
            })
        };
        let tokens = kept(&program, &clock, &integration, Arc::new(Renewal(late))).await;
        clock.advance(TimeDelta::days(1));
        let token = tokens.token(None, TimeDelta::minutes(5)).await.expect("the newer token is used");
        assert_eq!(token.number, 2);
        assert_eq!(account_of(&admin, &integration.pax8).await["status"], json!("CONNECTED"));
        program.stop().await;
    }
}
