//! Reading the audit chain.

use super::{Core, OrInternal as _, ReadError};
use crate::domain::access::{Caller, Role};
use crate::domain::audit::AuditEvent;
use crate::storage::audit::{self, AuditFilter};
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

    /// How many events a filter keeps.
    pub async fn count(&self, caller: &Caller, filter: &AuditFilter) -> Result<u64, ReadError> {
        caller.require(Role::Admin)?;
        Ok(audit::count(self.core.store.read(), caller.organization_id, filter).await.internal(caller)?)
    }
}
