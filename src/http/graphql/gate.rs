//! How much one caller may do at once: a semaphore for each key, made when needed and forgotten when idle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Idle keys are swept out when the map has grown to this size.
const SWEEP_AT: usize = 1024;

/// Lets a bounded number of holders of the same key through.
#[derive(Debug)]
pub(super) struct Gate {
    permits: usize,
    keys: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
}

impl Gate {
    /// A gate for `permits` holders of each key.
    pub(super) fn new(permits: usize) -> Self {
        Self { permits, keys: Mutex::default() }
    }

    /// Waits for a turn; none when `patience` runs out.
    pub(super) async fn enter(&self, key: &Arc<str>, patience: Duration) -> Option<Pass> {
        let semaphore = self.semaphore(key);
        let permit = tokio::time::timeout(patience, Arc::clone(&semaphore).acquire_owned()).await.ok()?.ok()?;
        Some(Pass { _permit: permit, _semaphore: semaphore })
    }

    /// Takes a turn if one is free now.
    pub(super) fn try_enter(&self, key: &Arc<str>) -> Option<Pass> {
        let semaphore = self.semaphore(key);
        let permit = Arc::clone(&semaphore).try_acquire_owned().ok()?;
        Some(Pass { _permit: permit, _semaphore: semaphore })
    }

    fn semaphore(&self, key: &Arc<str>) -> Arc<Semaphore> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = keys.get(key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if keys.len() >= SWEEP_AT {
            keys.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(self.permits));
        keys.insert(Arc::clone(key), Arc::downgrade(&semaphore));
        semaphore
    }
}

/// A turn; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Pass {
    _permit: OwnedSemaphorePermit,
    // Keeps the key alive as long as anybody is inside.
    _semaphore: Arc<Semaphore>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_has_its_own_turns() {
        let gate = Gate::new(1);
        let (anna, bert): (Arc<str>, Arc<str>) = ("anna".into(), "bert".into());
        let pass = gate.enter(&anna, Duration::ZERO).await.expect("the first turn is free");
        assert!(gate.enter(&anna, Duration::from_millis(1)).await.is_none());
        assert!(gate.try_enter(&bert).is_some());
        drop(pass);
        assert!(gate.try_enter(&anna).is_some());
    }
}
