//! The budget of requests: so many in a minute, then 429 with the seconds to wait.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};

use super::reply::Refusal;
use crate::environment::Clock;

/// Counts the requests of one surface.
pub struct Budget {
    clock: Arc<dyn Clock>,
    per_minute: Option<u32>,
    /// Beginning of the present minute, and requests in it.
    minute: Mutex<Option<(DateTime<Utc>, u32)>>,
}

impl Budget {
    /// A budget; `None` has no end.
    pub fn new(clock: Arc<dyn Clock>, per_minute: Option<u32>) -> Self {
        Self { clock, per_minute, minute: Mutex::default() }
    }

    /// Takes one request out of the budget.
    pub fn spend(&self) -> Result<(), Refusal> {
        let Some(limit) = self.per_minute else { return Ok(()) };
        let now = self.clock.now();
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, count) = minute.filter(|(began, _)| now - *began < TimeDelta::minutes(1)).unwrap_or((now, 0));
        if count >= limit {
            let left = TimeDelta::minutes(1) - (now - began);
            let seconds = u64::try_from(left.num_seconds()).unwrap_or(0) + 1;
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests in this minute");
            return Err(Refusal { retry_after: Some(seconds.min(60)), ..refusal });
        }
        *minute = Some((began, count + 1));
        Ok(())
    }
}
