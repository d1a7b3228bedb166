//! How often one caller may ask: so many requests in a minute for each key, refilled evenly, with a minute's worth at
//! once after a pause.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Keys that have asked nothing for a while are swept out when the map has grown to this size. Only callers that
/// were let in have a key, so strangers cannot fill it.
const SWEEP_AT: usize = 1024;

/// Lets each key through so many times in a minute.
#[derive(Debug)]
pub(in crate::http) struct Pace {
    limiter: DefaultKeyedRateLimiter<Arc<str>>,
    clock: DefaultClock,
}

impl Pace {
    /// A pace of so many requests in a minute.
    pub(in crate::http) fn new(per_minute: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::hashmap(Quota::per_minute(per_minute)), clock: DefaultClock::default() }
    }

    /// Counts a request; the time to wait when it comes too soon.
    pub(in crate::http) fn step(&self, key: &Arc<str>) -> Result<(), Duration> {
        if self.limiter.len() >= SWEEP_AT {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|soon| soon.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_own_pace() {
        let pace = Pace::new(NonZeroU32::new(2).expect("two is not zero"));
        let (anna, bert): (Arc<str>, Arc<str>) = ("anna".into(), "bert".into());
        assert_eq!((pace.step(&anna), pace.step(&anna)), (Ok(()), Ok(())));
        let wait = pace.step(&anna).expect_err("the third comes too soon");
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
        assert_eq!(pace.step(&bert), Ok(()));
    }
}
