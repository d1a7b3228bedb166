//! Who has the token of an account: somebody who keeps it beyond the process, or nobody, and then it is fetched.
//!
//! Keeping them is not done here: tokens outlive a process and are shared by several.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::{FetchedToken, TokenFetch, UNSTATED_LIFETIME, usable_until};
use crate::connector::ConnectorError;
use crate::environment::Clock;

/// An access token with its place in the row of renewals.
#[derive(Debug, Clone)]
pub struct HeldToken {
    /// Access token.
    pub token: SecretString,
    /// Grows with every renewal, over all processes.
    pub number: i64,
    /// Until when it is used.
    pub use_until: DateTime<Utc>,
}

/// Keeps the tokens of an account and renews them, one renewal at a time over all processes.
#[async_trait]
pub trait TokenKeeper: Send + Sync {
    /// Provider as people call it.
    fn provider(&self) -> &'static str;

    /// A token that is good for a while, renewed when the kept one ends within `margin`, or is the one that was refused.
    async fn token(&self, refused: Option<i64>, margin: TimeDelta) -> Result<HeldToken, ConnectorError>;
}

/// Keeps nothing: what is asked for is fetched.
pub(super) struct Unkept {
    fetch: Box<dyn TokenFetch>,
    clock: Arc<dyn Clock>,
    fetches: AtomicI64,
}

impl Unkept {
    /// Fetches so.
    pub(super) fn new(fetch: Box<dyn TokenFetch>, clock: Arc<dyn Clock>) -> Self {
        Self { fetch, clock, fetches: AtomicI64::new(0) }
    }
}

#[async_trait]
impl TokenKeeper for Unkept {
    fn provider(&self) -> &'static str {
        self.fetch.provider()
    }

    async fn token(&self, _: Option<i64>, margin: TimeDelta) -> Result<HeldToken, ConnectorError> {
        let FetchedToken { token, expires_at } = self.fetch.fetch().await?;
        let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        let now = self.clock.now();
        let use_until = usable_until(now, expires_at.unwrap_or(now + UNSTATED_LIFETIME), margin);
        Ok(HeldToken { token, number, use_until })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use super::*;
    use crate::connector::http::Authorization as _;
    use crate::connector::oauth::TokenSource;
    use crate::environment::FixedClock;

    /// Gives out tokens of one minute, and counts.
    struct Counting {
        clock: Arc<FixedClock>,
        asked: AtomicU64,
    }

    #[async_trait]
    impl TokenKeeper for Counting {
        fn provider(&self) -> &'static str {
            "Test"
        }

        async fn token(&self, refused: Option<i64>, _: TimeDelta) -> Result<HeldToken, ConnectorError> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            let number = i64::try_from(asked).expect("a test asks seldom");
            assert_ne!(refused, Some(number), "a refused token is not given out again");
            let use_until = self.clock.now() + TimeDelta::minutes(1);
            Ok(HeldToken { token: format!("token-{number}").into(), number, use_until })
        }
    }

    #[tokio::test]
    async fn callers_share_one_token_until_it_ends_or_is_refused() {
        let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH));
        let keeper = Arc::new(Counting { clock: Arc::clone(&clock), asked: AtomicU64::new(0) });
        let source = TokenSource::over(keeper.clone(), clock.clone(), Duration::ZERO);
        let all = async || {
            let credentials = futures_util::future::join_all((0..50).map(|_| source.credential())).await;
            let versions = credentials.into_iter().map(|credential| credential.expect("a token").version);
            versions.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(all().await.into_iter().collect::<Vec<_>>(), [1]);
        clock.advance(TimeDelta::minutes(1));
        assert_eq!(all().await.into_iter().collect::<Vec<_>>(), [2]);
        // Fifty callers are refused at once, and give up the same token.
        for _ in 0..50 {
            assert!(source.give_up(2).await);
        }
        assert_eq!(all().await.into_iter().collect::<Vec<_>>(), [3]);
        assert!(source.give_up(2).await, "an old refusal does not touch the new token");
        assert_eq!(all().await.into_iter().collect::<Vec<_>>(), [3]);
        assert_eq!(keeper.asked.load(Ordering::SeqCst), 3);
    }
}
