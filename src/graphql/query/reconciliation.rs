//! Reconciliation runs, reports, discrepancies and subscriptions.

use async_graphql::{Context, ID, Object};
use chrono::DateTime;
use uuid::Uuid;

use crate::domain::id::{DiscrepancyId, IntegrationId, ReconciliationRunId, ReportId};
use crate::domain::period::Period;
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::discrepancy::{DiscrepancyConnection, DiscrepancyFilterInput, DiscrepancyObject};
use crate::graphql::object::reconciliation_run::{ReconciliationRunConnection, ReconciliationRunObject};
use crate::graphql::object::report::ReconciliationReportObject;
use crate::graphql::object::subscription::{
    Pax8SubscriptionConnection, Pax8SubscriptionFilter, Pax8SubscriptionObject,
};
use crate::graphql::page::{self, List, PageArguments};
use crate::graphql::scalar::Month;
use crate::storage::page::SortValue;

/// Reconciliation runs, reports, discrepancies and subscriptions.
#[derive(Default)]
pub struct ReconciliationQuery;

/// The integration that an id names, or the default one; `None` when there is none.
pub(super) async fn integration(ctx: &Context<'_>, id: Option<ID>) -> Result<Option<IntegrationId>, Failure> {
    let setup = &services(ctx).setup;
    let found = match id {
        None => setup.default(caller(ctx)).await?,
        Some(id) => match decode_as(&id, NodeKind::Integration) {
            None => None,
            Some(id) => setup.find(caller(ctx), IntegrationId(id)).await?,
        },
    };
    Ok(found.map(|integration| integration.id))
}

#[Object]
impl ReconciliationQuery {
    /// Reconciliation run with this ID; null when there is none.
    async fn reconciliation_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the run.")] id: ID,
    ) -> Option<Result<ReconciliationRunObject, Failure>> {
        let id = ReconciliationRunId(decode_as(&id, NodeKind::ReconciliationRun)?);
        let found = services(ctx).reconciliation.find(caller(ctx), id).await;
        found.map_err(Failure::from).transpose().map(|found| found.map(ReconciliationRunObject))
    }

    /// Reconciliation runs of an integration, latest first; null when there is no such integration.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn reconciliation_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the integration; the default one when omitted.")] integration_id: Option<ID>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<ReconciliationRunConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            let like = [SortValue::Instant(DateTime::UNIX_EPOCH), SortValue::Id(Uuid::nil())];
            let list = List::new("reconciliation runs", &like).of(integration.0);
            let window = page.window(&list)?;
            let service = &services(ctx).reconciliation;
            let slice = service.page(caller(ctx), integration, &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                true => Some(service.count(caller(ctx), integration).await?),
                false => None,
            };
            Ok(Some(ReconciliationRunConnection::new(page::parts(slice, &list, ReconciliationRunObject), total)))
        };
        found.await.transpose()
    }

    /// Latest month that has invoices on both sides, which a run compares when no month is given; null when there is
    /// none, or no such integration.
    async fn latest_reconcilable_month(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the integration; the default one when omitted.")] integration_id: Option<ID>,
    ) -> Option<Result<Month, Failure>> {
        let found = async {
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            let latest: Option<Period> = services(ctx).reconciliation.latest_month(caller(ctx), integration).await?;
            Ok(latest.map(Month))
        };
        found.await.transpose()
    }

    /// Report with this ID; null when there is none.
    async fn reconciliation_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the report.")] id: ID,
    ) -> Option<Result<ReconciliationReportObject, Failure>> {
        let id = ReportId(decode_as(&id, NodeKind::ReconciliationReport)?);
        let found = services(ctx).reconciliation.report(caller(ctx), id).await.map_err(Failure::from);
        found.transpose().map(|found| ReconciliationReportObject::read(ctx, found?))
    }

    /// Discrepancy with this ID; null when there is none.
    async fn discrepancy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the discrepancy.")] id: ID,
    ) -> Option<Result<DiscrepancyObject, Failure>> {
        let id = DiscrepancyId(decode_as(&id, NodeKind::Discrepancy)?);
        let found = services(ctx).reconciliation.discrepancies_by_ids(caller(ctx), &[id]).await;
        found.map(|mut found| found.pop()).map_err(Failure::from).transpose().map(|found| found.map(DiscrepancyObject))
    }

    /// Discrepancies of an integration over all reports, those of the latest month first; null when there is no such
    /// integration.
    #[expect(clippy::too_many_arguments, reason = "a page has four arguments of its own")]
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn discrepancies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the integration; the default one when omitted.")] integration_id: Option<ID>,
        #[graphql(desc = "Keeps the discrepancies that satisfy every given condition.")] filter: Option<
            DiscrepancyFilterInput,
        >,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<DiscrepancyConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            let like = [SortValue::Text(String::new()), SortValue::Id(Uuid::nil())];
            let list = List::new("all discrepancies", &like).of(integration.0);
            let window = page.window(&list)?;
            let filter = filter.unwrap_or_default().into_filter(ctx, integration).await?;
            let service = &services(ctx).reconciliation;
            let slice = service.discrepancies(caller(ctx), integration, &filter, &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                true => Some(service.discrepancy_count(caller(ctx), integration, &filter).await?),
                false => None,
            };
            Ok(Some(DiscrepancyConnection::new(page::parts(slice, &list, DiscrepancyObject), total)))
        };
        found.await.transpose()
    }

    /// Subscriptions at Pax8 as they were last read, by their IDs there; null when there is no such integration.
    #[expect(clippy::too_many_arguments, reason = "a page has four arguments of its own")]
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn pax8_subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the integration; the default one when omitted.")] integration_id: Option<ID>,
        #[graphql(desc = "Keeps the subscriptions that satisfy every given condition.")] filter: Option<
            Pax8SubscriptionFilter,
        >,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<Pax8SubscriptionConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let Some(integration_id) = integration(ctx, integration_id).await? else { return Ok(None) };
            let list = List::new("subscriptions", &[SortValue::Text(String::new())]).of(integration_id.0);
            let window = page.window(&list)?;
            let filter = filter.unwrap_or_default().into_filter(ctx, integration_id).await?;
            let service = &services(ctx).reconciliation;
            let slice = service.subscriptions(caller(ctx), integration_id, &filter, &window).await?;
            let Some(slice) = slice else { return Ok(None) };
            let total = match page::is_selected(ctx, "totalCount") {
                true => Some(service.subscription_count(caller(ctx), integration_id, &filter).await?),
                false => None,
            };
            let object = |stored| Pax8SubscriptionObject { stored, integration_id };
            Ok(Some(Pax8SubscriptionConnection::new(page::parts(slice, &list, object), total)))
        };
        found.await.transpose()
    }
}
