//! Acting with kept tokens: one token for all callers of this process, from whoever keeps them.
//!
//! Keeping them is not done here: tokens outlive a process and are shared by several.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::connector::ConnectorError;
use crate::connector::http::{Authorization, Credential, secret_header};
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

/// What the process knows.
#[derive(Default)]
struct Known {
    outcome: Option<Result<(Credential, HeldToken), ConnectorError>>,
    /// The provider refused this one before its time.
    refused: Option<i64>,
}

/// Gives the callers of this process their token. Callers that find none wait for the one who asks the keeper and share
/// what it brings, an error too: fifty pages that start at once ask once.
pub struct KeptSource {
    keeper: Arc<dyn TokenKeeper>,
    clock: Arc<dyn Clock>,
    margin: TimeDelta,
    /// Number of times that the keeper has answered.
    answers: AtomicU64,
    known: Mutex<Known>,
}

impl fmt::Debug for KeptSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSource").finish_non_exhaustive()
    }
}

impl KeptSource {
    /// A source that has no token yet; one that ends within `margin` is not used.
    pub fn new(keeper: Arc<dyn TokenKeeper>, clock: Arc<dyn Clock>, margin: TimeDelta) -> Self {
        Self { keeper, clock, margin, answers: AtomicU64::new(0), known: Mutex::default() }
    }
}

#[async_trait]
impl Authorization for KeptSource {
    async fn credential(&self) -> Result<Credential, ConnectorError> {
        let seen = self.answers.load(Ordering::SeqCst);
        let mut known = self.known.lock().await;
        let is_shared = self.answers.load(Ordering::SeqCst) != seen;
        match &known.outcome {
            Some(Ok((credential, held))) if is_shared || self.clock.now() < held.use_until => {
                return Ok(credential.clone());
            }
            Some(Err(error)) if is_shared => return Err(error.clone()),
            _ => {}
        }
        let held = self.keeper.token(known.refused, self.margin).await;
        self.answers.fetch_add(1, Ordering::SeqCst);
        let outcome = held.and_then(|held| {
            let value = format!("Bearer {}", held.token.expose_secret());
            let authorization = secret_header(self.keeper.provider(), &value)?;
            Ok((Credential { authorization, version: held.number.unsigned_abs() }, held))
        });
        let answer = outcome.as_ref().map(|(credential, _)| credential.clone()).map_err(Clone::clone);
        known.outcome = Some(outcome);
        answer
    }

    async fn give_up(&self, version: u64) -> bool {
        let mut known = self.known.lock().await;
        // Somebody else may have renewed it meanwhile; their token is the better one.
        if let Some(Ok((credential, held))) = &known.outcome
            && credential.version == version
        {
            known.refused = Some(held.number);
            known.outcome = None;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let source = KeptSource::new(keeper.clone(), clock.clone(), TimeDelta::zero());
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
