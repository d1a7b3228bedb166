//! Following a stream of stored, numbered events: from a place on, without gaps, to the final event.
//!
//! Events are read from storage by their number. A notification only says that there is something to read; when one is
//! missed, because it came from another replica or the receiver lagged, the next look finds the events all the same.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use uuid::Uuid;

use crate::domain::run::Numbered;
use crate::storage::StorageError;

/// How long to wait for a notification before looking anyway.
const LOOK: Duration = Duration::from_secs(2);

/// Reads a stream of events.
pub trait EventSource: Send + Sync {
    /// Event of the stream.
    type Event: Send;

    /// Events after a place, in order; some, not necessarily all.
    fn after(&self, sequence: i64) -> impl Future<Output = Result<Vec<Numbered<Self::Event>>, StorageError>> + Send;

    /// Whether no event will follow this one.
    fn is_final(event: &Self::Event) -> bool;

    /// Whether the run has ended, so that nothing follows what is stored.
    fn is_over(&self) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

struct State<S: EventSource> {
    source: S,
    stream: Uuid,
    notifications: Receiver<Uuid>,
    sequence: i64,
    buffer: VecDeque<Numbered<S::Event>>,
    is_done: bool,
}

/// The events of a stream after a place, each once and in order; completes after the final one. Subscribe to
/// `notifications` before anything is read, so that nothing falls in between.
pub fn follow<S: EventSource>(
    source: S,
    stream_id: Uuid,
    after: i64,
    notifications: Receiver<Uuid>,
) -> impl Stream<Item = Result<Numbered<S::Event>, StorageError>> {
    let state =
        State { source, stream: stream_id, notifications, sequence: after, buffer: VecDeque::new(), is_done: false };
    stream::unfold(state, |mut state| async move {
        loop {
            if let Some(event) = state.buffer.pop_front() {
                state.sequence = event.sequence;
                state.is_done = S::is_final(&event.event);
                return Some((Ok(event), state));
            }
            if state.is_done {
                return None;
            }
            // The order matters: a run that is over now has stored everything that the look after it finds.
            let is_over = match state.source.is_over().await {
                Ok(is_over) => is_over,
                Err(error) => return failed(error, state),
            };
            match state.source.after(state.sequence).await {
                Ok(events) => state.buffer.extend(events),
                Err(error) => return failed(error, state),
            }
            if state.buffer.is_empty() {
                if is_over {
                    return None;
                }
                mentioned(&mut state.notifications, state.stream, LOOK).await;
            }
        }
    })
}

type Step<S> = Option<(Result<Numbered<<S as EventSource>::Event>, StorageError>, State<S>)>;

fn failed<S: EventSource>(error: StorageError, mut state: State<S>) -> Step<S> {
    state.is_done = true;
    Some((Err(error), state))
}

/// Waits until the stream is mentioned, or long enough to look anyway.
pub(super) async fn mentioned(notifications: &mut Receiver<Uuid>, stream: Uuid, patience: Duration) {
    let mentioned = async {
        loop {
            match notifications.recv().await {
                Ok(id) if id == stream => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return,
                // The store is going away; the timeout ends the wait.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    // Looking too early or too late are both fine.
    let _ = timeout(patience, mentioned).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use chrono::DateTime;
    use futures_util::StreamExt as _;
    use tokio::sync::broadcast;

    use super::*;

    /// Events that appear one look at a time; the last is final.
    struct Slow(Mutex<i64>, i64);

    impl EventSource for Slow {
        type Event = i64;

        async fn after(&self, sequence: i64) -> Result<Vec<Numbered<i64>>, StorageError> {
            let mut stored = self.0.lock().expect("no test panics while it holds the lock");
            *stored = (*stored + 1).min(self.1);
            let numbered = |sequence| Numbered { sequence, occurred_at: DateTime::UNIX_EPOCH, event: sequence };
            Ok((sequence + 1..=*stored).map(numbered).collect())
        }

        fn is_final(event: &i64) -> bool {
            *event == 5
        }

        async fn is_over(&self) -> Result<bool, StorageError> {
            Ok(*self.0.lock().expect("no test panics while it holds the lock") >= self.1)
        }
    }

    async fn numbers(source: Slow, after: i64) -> Vec<i64> {
        let (sender, receiver) = broadcast::channel(1);
        // A channel of one that is flooded: the receiver lags all the time.
        let stream_id = Uuid::nil();
        for _ in 0..10 {
            let _ = sender.send(stream_id);
        }
        let events = follow(source, stream_id, after, receiver);
        events.map(|event| event.expect("the source never fails").sequence).collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn every_event_comes_once_and_the_stream_ends_after_the_final_one() {
        assert_eq!(numbers(Slow(Mutex::new(0), 5), 0).await, [1, 2, 3, 4, 5]);
        assert_eq!(numbers(Slow(Mutex::new(3), 5), 2).await, [3, 4, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_seen_everything_is_not_kept_waiting() {
        assert_eq!(numbers(Slow(Mutex::new(5), 5), 5).await, [0; 0]);
    }
}
