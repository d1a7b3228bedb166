//! Reading mappings, candidates, exclusions and records.

use uuid::Uuid;

use super::MappingService;
use crate::domain::access::{Caller, Role};
use crate::domain::id::{IntegrationId, MappingId, ProviderAccountId};
use crate::domain::mapping::{Mapping, MappingKind, MappingOrigin, MappingStatus};
use crate::service::{OrInternal as _, ReadError};
use crate::storage::candidate::{self, Candidate};
use crate::storage::exclusion::{self, Exclusion};
use crate::storage::mapping::{self, MappingFilter, MappingOrder};
use crate::storage::page::{Slice, Window};
use crate::storage::record::{self, RecordFilter, RecordOrder, RecordTable};
use crate::storage::source::{self, SourceTable, Stored};

/// A list of mappings, as asked for.
#[derive(Debug, Clone)]
pub struct MappingList {
    /// Integration.
    pub integration_id: IntegrationId,
    /// What is mapped.
    pub kind: MappingKind,
    /// Conditions.
    pub filter: MappingFilter,
}

impl MappingService {
    /// A mapping of the caller's tenant.
    pub async fn find(&self, caller: &Caller, id: MappingId) -> Result<Option<Mapping>, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(mapping::find(self.core.store.read(), caller.organization_id, id).await.internal(caller)?)
    }

    /// A page of mappings.
    pub async fn page(
        &self,
        caller: &Caller,
        list: &MappingList,
        order: MappingOrder,
        window: &Window,
    ) -> Result<Slice<Mapping>, ReadError> {
        caller.require(Role::Viewer)?;
        let (db, organization) = (self.core.store.read(), caller.organization_id);
        let page = mapping::page(db, organization, list.integration_id, list.kind, &list.filter, order, window);
        Ok(page.await.internal(caller)?)
    }

    /// How many mappings a list has.
    pub async fn count(&self, caller: &Caller, list: &MappingList) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        let count = mapping::count(db, caller.organization_id, list.integration_id, list.kind, &list.filter);
        Ok(count.await.internal(caller)?)
    }

    /// How many mappings of an integration are in which state and came about how.
    pub async fn status_counts(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        kind: MappingKind,
    ) -> Result<Vec<(MappingStatus, MappingOrigin, u64)>, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        Ok(mapping::status_counts(db, caller.organization_id, integration_id, kind).await.internal(caller)?)
    }

    /// A page of an account's records.
    pub async fn records<T: RecordTable>(
        &self,
        caller: &Caller,
        account_id: ProviderAccountId,
        filter: &RecordFilter,
        order: RecordOrder,
        window: &Window,
    ) -> Result<Slice<Stored<T::Record>>, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        let page = record::page::<T>(db, caller.organization_id, account_id, filter, order, window);
        Ok(page.await.internal(caller)?)
    }

    /// How many records a filter keeps.
    pub async fn record_count<T: RecordTable>(
        &self,
        caller: &Caller,
        account_id: ProviderAccountId,
        filter: &RecordFilter,
    ) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        Ok(record::count::<T>(db, caller.organization_id, account_id, filter).await.internal(caller)?)
    }

    /// Records by our ids; one statement however many.
    pub async fn records_by_ids<T: SourceTable>(
        &self,
        caller: &Caller,
        ids: &[Uuid],
    ) -> Result<Vec<Stored<T::Record>>, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(source::by_ids::<T>(self.core.store.read(), caller.organization_id, ids).await.internal(caller)?)
    }

    /// Mappings by id.
    pub async fn by_ids(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Mapping>, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(mapping::by_ids(self.core.store.read(), caller.organization_id, ids).await.internal(caller)?)
    }

    /// Active mappings of Pax8 records.
    pub async fn active_of_pax8(&self, caller: &Caller, records: &[Uuid]) -> Result<Vec<Mapping>, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        Ok(mapping::active_of_pax8_records(db, caller.organization_id, records).await.internal(caller)?)
    }

    /// Active mappings of PSA records.
    pub async fn active_of_psa(&self, caller: &Caller, records: &[Uuid]) -> Result<Vec<Mapping>, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        Ok(mapping::active_of_psa_records(db, caller.organization_id, records).await.internal(caller)?)
    }

    /// Candidates of Pax8 records.
    pub async fn candidates(&self, caller: &Caller, records: &[Uuid]) -> Result<Vec<Candidate>, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        Ok(candidate::of_pax8_records(db, caller.organization_id, records).await.internal(caller)?)
    }

    /// Exclusions of records that hold.
    pub async fn exclusions_of(&self, caller: &Caller, records: &[Uuid]) -> Result<Vec<Exclusion>, ReadError> {
        caller.require(Role::Viewer)?;
        let db = self.core.store.read();
        Ok(exclusion::of_records(db, caller.organization_id, records).await.internal(caller)?)
    }
}
