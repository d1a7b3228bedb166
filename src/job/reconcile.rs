//! The job of a reconciliation run.

use crate::service::Services;
use crate::storage::StorageError;
use crate::storage::job::Claim;

/// Carries out a reconciliation run.
pub(super) async fn execute(services: &Services, claim: &Claim) -> Result<(), StorageError> {
    services.reconciliation.execute(claim).await
}

/// Ends a reconciliation run that was begun too often without coming to an end.
pub(super) async fn give_up(services: &Services, claim: &Claim, sentence: String) -> Result<(), StorageError> {
    services.reconciliation.fail(claim, sentence).await
}
