//! What all long work has in common.

use async_graphql::{Enum, SimpleObject};

use crate::domain::run::RunStatus;

/// Status of long work. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "RunStatus")]
pub enum JobStatus {
    /// Waits for a worker.
    Queued,
    /// Works.
    Running,
    /// Finished, and nothing was odd.
    Succeeded,
    /// Finished; some records were left out or odd.
    SucceededWithIssues,
    /// Could not finish.
    Failed,
    /// Stopped by a person.
    Canceled,
}

/// How far long work is.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct JobProgress {
    /// Items done.
    pub done: u64,
    /// Items in all; null while it is not known.
    pub total: Option<u64>,
}
