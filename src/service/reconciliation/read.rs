//! Reading runs, reports and discrepancies. What tells about cost needs FINANCE.

use super::ReconciliationService;
use crate::domain::access::{Caller, Role};
use crate::domain::id::{DiscrepancyId, IntegrationId, ProviderAccountId, ReconciliationRunId, ReportId};
use crate::domain::provider::Side;
use crate::domain::record::Subscription;
use crate::domain::run::{ChangeKind, ReconciliationRun};
use crate::report::document::Document;
use crate::report::json;
use crate::report::totals::GroupTotals;
use crate::service::{Internal, OrInternal as _, ReadError};
use crate::storage::billing::{self, SubscriptionFilter};
use crate::storage::change::{self, ChangeFilter, RunChange};
use crate::storage::discrepancy::{
    self, DiscrepancyFilter, EffectSum, Occurrence, OccurrenceFilter, OccurrenceOrder, StoredDiscrepancy,
};
use crate::storage::page::{Slice, Window};
use crate::storage::report::{self, LineFilter, LineOrder, ReportLine, StoredReport};
use crate::storage::source::Stored;
use crate::storage::total::{self, TotalFilter};
use crate::storage::{account, reconciliation};

impl ReconciliationService {
    /// A run of the caller's tenant.
    pub async fn find(&self, caller: &Caller, id: ReconciliationRunId) -> Result<Option<ReconciliationRun>, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(reconciliation::find(self.core.store.read(), caller.organization_id, id).await.internal(caller)?)
    }

    /// A page of an integration's runs, latest first.
    pub async fn page(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        window: &Window,
    ) -> Result<Slice<ReconciliationRun>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(reconciliation::page(read, caller.organization_id, integration_id, window).await.internal(caller)?)
    }

    /// How many runs an integration has had.
    pub async fn count(&self, caller: &Caller, integration_id: IntegrationId) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(reconciliation::count(read, caller.organization_id, integration_id).await.internal(caller)?)
    }

    /// A report of the caller's tenant.
    pub async fn report(&self, caller: &Caller, id: ReportId) -> Result<Option<StoredReport>, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(report::find(self.core.store.read(), caller.organization_id, id).await.internal(caller)?)
    }

    /// The reports with these ids, in no order.
    pub async fn reports(&self, caller: &Caller, ids: &[ReportId]) -> Result<Vec<StoredReport>, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(report::by_ids(self.core.store.read(), caller.organization_id, ids).await.internal(caller)?)
    }

    /// A report in full, which has every cost in it.
    pub async fn document(&self, caller: &Caller, id: ReportId) -> Result<Option<Document>, ReadError> {
        caller.require(Role::Finance)?;
        let packed = report::document(self.core.store.read(), caller.organization_id, id).await.internal(caller)?;
        let document = packed.map(|packed| json::unpack(&packed)).transpose();
        Ok(document.map_err(|error| Internal::log(&caller.correlation_id, &error))?)
    }

    /// A page of the lines of a report.
    pub async fn lines(
        &self,
        caller: &Caller,
        id: ReportId,
        filter: &LineFilter,
        order: (LineOrder, bool),
        window: &Window,
    ) -> Result<Slice<ReportLine>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(report::line_page(read, caller.organization_id, id, filter, order, window).await.internal(caller)?)
    }

    /// How many lines of a report a filter keeps.
    pub async fn line_count(&self, caller: &Caller, id: ReportId, filter: &LineFilter) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(report::line_count(self.core.store.read(), caller.organization_id, id, filter).await.internal(caller)?)
    }

    /// A page of the discrepancies of a report. Without FINANCE the effect alone decides about their order and about
    /// what the filter keeps, because size and severity with cost would tell about cost.
    pub async fn occurrences(
        &self,
        caller: &Caller,
        id: ReportId,
        filter: &OccurrenceFilter,
        (order, is_descending): (OccurrenceOrder, bool),
        window: &Window,
    ) -> Result<Slice<Occurrence>, ReadError> {
        caller.require(Role::Viewer)?;
        let (filter, order) = (&visible_to(caller, filter), order_for(caller, order));
        let read = self.core.store.read();
        let page =
            discrepancy::occurrence_page(read, caller.organization_id, id, filter, (order, is_descending), window);
        Ok(page.await.internal(caller)?)
    }

    /// How many discrepancies of a report a filter keeps.
    pub async fn occurrence_count(
        &self,
        caller: &Caller,
        id: ReportId,
        filter: &OccurrenceFilter,
    ) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let (read, filter) = (self.core.store.read(), &visible_to(caller, filter));
        Ok(discrepancy::occurrence_count(read, caller.organization_id, id, filter).await.internal(caller)?)
    }

    /// Sums over the discrepancies of a report, per type and currency.
    pub async fn effect_sums(
        &self,
        caller: &Caller,
        id: ReportId,
        filter: &OccurrenceFilter,
    ) -> Result<Vec<EffectSum>, ReadError> {
        caller.require(Role::Viewer)?;
        let (read, filter) = (self.core.store.read(), &visible_to(caller, filter));
        Ok(discrepancy::effect_sums(read, caller.organization_id, id, filter).await.internal(caller)?)
    }

    /// A page of an integration's discrepancies over all reports, those of the latest month first.
    pub async fn discrepancies(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        filter: &DiscrepancyFilter,
        window: &Window,
    ) -> Result<Slice<StoredDiscrepancy>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        let page = discrepancy::page(read, caller.organization_id, integration_id, filter, window);
        Ok(page.await.internal(caller)?)
    }

    /// How many discrepancies of an integration a filter keeps.
    pub async fn discrepancy_count(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        filter: &DiscrepancyFilter,
    ) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(discrepancy::count(read, caller.organization_id, integration_id, filter).await.internal(caller)?)
    }

    /// The discrepancies with these ids, in no order.
    pub async fn discrepancies_by_ids(
        &self,
        caller: &Caller,
        ids: &[DiscrepancyId],
    ) -> Result<Vec<StoredDiscrepancy>, ReadError> {
        caller.require(Role::Viewer)?;
        Ok(discrepancy::by_ids(self.core.store.read(), caller.organization_id, ids).await.internal(caller)?)
    }

    /// The months of these discrepancies of an integration, each as the latest report of that month found it.
    pub async fn latest_occurrences(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        ids: &[DiscrepancyId],
    ) -> Result<Vec<Occurrence>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        let found = discrepancy::latest_occurrences(read, caller.organization_id, integration_id, ids);
        Ok(found.await.internal(caller)?)
    }

    /// A page of what a run found otherwise than the run before it. Without FINANCE, only changes of the effect.
    pub async fn changes(
        &self,
        caller: &Caller,
        id: ReconciliationRunId,
        kind: Option<ChangeKind>,
        window: &Window,
    ) -> Result<Slice<RunChange>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        let filter = ChangeFilter { kind, is_about_effects: !caller.roles.allow(Role::Finance) };
        Ok(change::page(read, caller.organization_id, id, filter, window).await.internal(caller)?)
    }

    /// How many changes of each kind a run has. Without FINANCE, only changes of the effect.
    pub async fn change_counts(
        &self,
        caller: &Caller,
        id: ReconciliationRunId,
    ) -> Result<Vec<(ChangeKind, u64)>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        let filter = ChangeFilter { kind: None, is_about_effects: !caller.roles.allow(Role::Finance) };
        Ok(change::counts(read, caller.organization_id, id, filter).await.internal(caller)?)
    }

    /// A page of the sums of a report.
    pub async fn totals(
        &self,
        caller: &Caller,
        id: ReportId,
        filter: TotalFilter,
        window: &Window,
    ) -> Result<Slice<GroupTotals>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(total::page(read, caller.organization_id, id, filter, window).await.internal(caller)?)
    }

    /// How many sums a report has.
    pub async fn total_count(&self, caller: &Caller, id: ReportId, filter: TotalFilter) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(total::count(read, caller.organization_id, id, filter).await.internal(caller)?)
    }

    /// A page of the subscriptions at Pax8 that are stored, by their ids there.
    pub async fn subscriptions(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        filter: &SubscriptionFilter,
        window: &Window,
    ) -> Result<Option<Slice<Stored<Subscription>>>, ReadError> {
        caller.require(Role::Viewer)?;
        let (read, organization) = (self.core.store.read(), caller.organization_id);
        let Some(pax8) = self.pax8(caller, integration_id).await? else { return Ok(None) };
        Ok(Some(billing::subscription_page(read, organization, pax8, filter, window).await.internal(caller)?))
    }

    /// How many subscriptions at Pax8 a filter keeps.
    pub async fn subscription_count(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        filter: &SubscriptionFilter,
    ) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let (read, organization) = (self.core.store.read(), caller.organization_id);
        let Some(pax8) = self.pax8(caller, integration_id).await? else { return Ok(0) };
        Ok(billing::subscription_count(read, organization, pax8, filter).await.internal(caller)?)
    }

    async fn pax8(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
    ) -> Result<Option<ProviderAccountId>, ReadError> {
        let (read, organization) = (self.core.store.read(), caller.organization_id);
        let accounts = account::of_integrations(read, organization, &[integration_id]).await.internal(caller)?;
        Ok(accounts.into_iter().find(|account| account.side == Side::Pax8).map(|account| account.id))
    }
}

/// The filter with the severities that the caller may know.
fn visible_to(caller: &Caller, filter: &OccurrenceFilter) -> OccurrenceFilter {
    let filter = filter.clone();
    if caller.roles.allow(Role::Finance) {
        return filter;
    }
    // Nobody sets the second list but this place; it takes the place of the first.
    OccurrenceFilter { effect_severities: filter.severities, severities: None, ..filter }
}

/// The order, without what the caller may not know.
pub fn order_for(caller: &Caller, order: OccurrenceOrder) -> OccurrenceOrder {
    match order {
        order if caller.roles.allow(Role::Finance) => order,
        OccurrenceOrder::Magnitude | OccurrenceOrder::EffectSize => OccurrenceOrder::EffectSize,
        OccurrenceOrder::Severity | OccurrenceOrder::EffectSeverity => OccurrenceOrder::EffectSeverity,
        OccurrenceOrder::Effect => OccurrenceOrder::Effect,
        OccurrenceOrder::Key => OccurrenceOrder::Key,
    }
}
