//! Reading and checking the audit chain.

use super::{Core, OrInternal as _, ReadError};
use crate::domain::access::{Caller, Role};
use crate::domain::audit::AuditEvent;
use crate::domain::id::OrganizationId;
use crate::storage::StorageError;
use crate::storage::audit::{self, AuditFilter};
use crate::storage::audit_chain::{self, Anchor, Break, ChainOwner, Intact, StoredEvent};
use crate::storage::page::{Slice, Window};

/// The audit chain.
#[derive(Clone)]
pub struct AuditService {
    core: Core,
}

impl AuditService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// A page of events, latest first.
    pub async fn page(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        window: &Window,
    ) -> Result<Slice<AuditEvent>, ReadError> {
        caller.require(Role::Admin)?;
        Ok(audit::page(self.core.store.read(), caller.organization_id, filter, window).await.internal(caller)?)
    }

    /// Every organization whose chain can be walked: for commands on the operator's own machine.
    pub async fn owners(&self) -> Result<Vec<ChainOwner>, StorageError> {
        audit_chain::owners(self.core.store.read()).await
    }

    /// Checks the chain of an organization: for commands on the operator's own machine.
    pub async fn verify(
        &self,
        organization_id: OrganizationId,
        anchors: &[Anchor],
    ) -> Result<Result<Intact, Break>, StorageError> {
        audit_chain::verify(self.core.store.read(), &*self.core.seal, organization_id, anchors).await
    }

    /// Events of an organization behind a place, as they are stored: for commands on the operator's own machine.
    pub async fn batch(&self, organization_id: OrganizationId, after: i64) -> Result<Vec<StoredEvent>, StorageError> {
        audit_chain::batch(self.core.store.read(), organization_id, after).await
    }

    /// How many events a filter keeps.
    pub async fn count(&self, caller: &Caller, filter: &AuditFilter) -> Result<u64, ReadError> {
        caller.require(Role::Admin)?;
        Ok(audit::count(self.core.store.read(), caller.organization_id, filter).await.internal(caller)?)
    }
}
