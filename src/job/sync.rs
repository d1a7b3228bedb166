//! The job of a sync run.

use crate::domain::run::RunStatus;
use crate::service::Services;
use crate::storage::StorageError;
use crate::storage::job::Claim;

/// Carries out a sync run.
pub(super) async fn execute(services: &Services, claim: &Claim) -> Result<(), StorageError> {
    services.sync.execute(claim).await
}

/// Ends a sync run that was begun too often without coming to an end.
pub(super) async fn give_up(services: &Services, claim: &Claim, sentence: String) -> Result<(), StorageError> {
    services.sync.fail(claim, RunStatus::Failed, Some(sentence)).await
}
