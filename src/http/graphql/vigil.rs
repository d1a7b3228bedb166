//! How long an open stream or socket may go on: until its token ends, or until a look finds that it was withdrawn.
//! Looks come at intervals, and at once when the authenticator has a reason for one.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use super::Endpoint;
use crate::http::identity::{AuthenticationFailure, Identity};

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// A look at whether the caller may go on.
    Look,
    /// The end: nobody has to be asked.
    End,
}

/// Watches over one caller's stream or socket.
pub(super) struct Vigil {
    interval: Interval,
    changes: BoxStream<'static, ()>,
    ends_at: Option<Instant>,
}

impl Vigil {
    /// Over a caller who was just let in.
    pub(super) fn over(endpoint: &Endpoint, identity: &Identity) -> Self {
        let every = endpoint.limits().recheck_interval;
        // After a delay the next look is a whole interval away.
        let mut interval = interval_at(Instant::now() + every, every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // An authenticator that has nothing more to say leaves the intervals.
        let changes = endpoint.0.authenticator.changes(identity).chain(stream::pending()).boxed();
        Self { interval, changes, ends_at: identity.ends_at() }
    }

    /// Waits for what is due next. Waiting may be given up at any point; looking may not, so it is left to the caller.
    pub(super) async fn due(&mut self) -> Due {
        let end = async {
            match self.ends_at {
                Some(ends_at) => sleep_until(ends_at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = end => Due::End,
            _ = self.changes.next() => Due::Look,
            _ = self.interval.tick() => Due::Look,
        }
    }
}

/// Whether a caller may go on, now that something is due.
pub(super) async fn verdict(endpoint: &Endpoint, identity: &Identity, due: Due) -> Result<(), AuthenticationFailure> {
    match due {
        Due::Look => endpoint.recheck(identity).await,
        Due::End => Err(AuthenticationFailure::Expired),
    }
}
