//! Spreading the work of one comparison over threads. It is cut into the same parts whatever the number of threads, and
//! the parts are put together in their order, so that the report cannot depend on who did which.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Lines of a part: enough that taking the next one costs nothing, few enough that nobody waits long for the last.
const PART: NonZeroUsize = NonZeroUsize::new(1 << 14).expect("it is not zero");

/// How many threads a comparison may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    count: NonZeroUsize,
    part: NonZeroUsize,
}

impl Threads {
    /// The caller's own, and no other.
    pub const ONE: Self = Self { count: NonZeroUsize::MIN, part: PART };

    /// At most so many, the caller's own included. What is little work stays on one.
    pub fn up_to(count: NonZeroUsize) -> Self {
        Self { count, part: PART }
    }

    /// With parts of so many lines, to see on small inputs what happens on large ones.
    pub fn with_parts_of(self, lines: NonZeroUsize) -> Self {
        Self { part: lines, ..self }
    }

    /// The numbers below a count, part by part.
    pub(super) fn parts(self, count: usize) -> Vec<Range<usize>> {
        (0..count).step_by(self.part.get()).map(|start| start..count.min(start + self.part.get())).collect()
    }

    /// A list, part by part.
    pub(super) fn chunks<T>(self, list: &[T]) -> Vec<&[T]> {
        list.chunks(self.part.get()).collect()
    }

    /// A list to be changed, part by part.
    pub(super) fn chunks_mut<T>(self, list: &mut [T]) -> Vec<&mut [T]> {
        list.chunks_mut(self.part.get()).collect()
    }

    /// Does every job, and gives what came of them in their order.
    pub(super) fn each<J: Send, R: Send>(self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        let hands = self.count.get().min(jobs.len());
        if hands < 2 {
            return jobs.into_iter().map(work).collect();
        }
        let waiting = Mutex::new(jobs.into_iter().enumerate());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let hand = || {
            let mut done = Vec::new();
            while let Some((place, job)) = next() {
                done.push((place, work(job)));
            }
            done
        };
        let mut done = thread::scope(|scope| {
            // Where the system has no thread to give, the others do its share.
            let others: Vec<_> =
                (1..hands).filter_map(|_| thread::Builder::new().spawn_scoped(scope, hand).ok()).collect();
            let mut done = hand();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            done
        });
        done.sort_unstable_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// Does two things, at the same time where there is another thread.
    pub(super) fn both<A: Send, B>(self, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
        if self.count.get() < 2 {
            return (first(), second());
        }
        let waiting = Mutex::new(Some(first));
        let take = || waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread::scope(|scope| {
            let other = thread::Builder::new().spawn_scoped(scope, || take().map(|first| first())).ok();
            let second = second();
            // Nobody may have begun with the first.
            let first = match (take(), other) {
                (Some(first), _) => Some(first()),
                (None, Some(other)) => other.join().unwrap_or_else(|panic| resume_unwind(panic)),
                (None, None) => None,
            };
            (first.expect("one of two threads took it"), second)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(count: usize) -> Threads {
        Threads::up_to(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for count in [1, 2, 5] {
            let squares = threads(count).each((0..100).collect(), |number: u64| number * number);
            assert_eq!(squares, (0..100).map(|number| number * number).collect::<Vec<_>>());
        }
    }

    #[test]
    fn both_things_are_done() {
        for count in [1, 2] {
            assert_eq!(threads(count).both(|| 1, || "two"), (1, "two"));
        }
    }

    #[test]
    fn parts_cover_every_number_once() {
        let parts = Threads::ONE.with_parts_of(NonZeroUsize::new(4).unwrap());
        assert_eq!(parts.parts(9), [0..4, 4..8, 8..9]);
        assert_eq!(parts.parts(8), [0..4, 4..8]);
        assert!(parts.parts(0).is_empty());
    }

    #[test]
    #[should_panic(expected = "the third job")]
    fn a_panic_is_the_callers() {
        threads(2).each(vec![1, 2, 3, 4], |number| assert_ne!(number, 3, "the third job"));
    }
}
