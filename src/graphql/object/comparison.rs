//! What a run found otherwise than the run before it.

use async_graphql::{Context, Enum, Object};
use rust_decimal::Decimal as Number;

use super::discrepancy::DiscrepancyObject;
use super::report::ReconciliationReportObject;
use super::report_part::{for_finance, internal};
use crate::domain::id::{ReconciliationRunId, ReportId};
use crate::domain::money::Money as Amount;
use crate::domain::run::ChangeKind;
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::page::{self, List, PageArguments, page_types};
use crate::graphql::record_loader::{DiscrepancyKey, ReportKey, load_one};
use crate::graphql::scalar::Money;
use crate::storage::change::{Amounts, RunChange};
use crate::storage::discrepancy::StoredDiscrepancy;
use crate::storage::page::SortValue;

/// How a discrepancy differs from the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ChangeKind")]
pub enum ReportChangeKind {
    /// The run before did not have it.
    New,
    /// Its amounts are others.
    Changed,
    /// It is not found any more in the months that the run looked at.
    Gone,
}

/// What a run found otherwise than the run before it: the latest one of some of the same months, else the latest one of
/// earlier months. The same discrepancy is recognized from month to month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportComparisonObject {
    pub(super) run_id: ReconciliationRunId,
    pub(super) previous: ReportId,
}

/// What a run found otherwise than the run before it: the latest one of some of the same months, else the latest one of
/// earlier months. The same discrepancy is recognized from month to month.
#[Object(name = "ReportComparison")]
impl ReportComparisonObject {
    /// Report of the run before; null when it is not there any more.
    async fn previous_report(&self, ctx: &Context<'_>) -> Option<Result<ReconciliationReportObject, Failure>> {
        let found = load_one(ctx, ReportKey(caller(ctx).organization_id, self.previous)).await;
        found.transpose().map(|found| ReconciliationReportObject::read(ctx, found?))
    }

    /// Number of discrepancies that are new.
    #[graphql(complexity = "cost::statements(child_complexity)")]
    async fn new_count(&self, ctx: &Context<'_>) -> Option<Result<u64, Failure>> {
        Some(self.count(ctx, ChangeKind::New).await)
    }

    /// Number of discrepancies whose amounts changed. Without the role FINANCE, those whose effect did.
    #[graphql(complexity = "cost::statements(child_complexity)")]
    async fn changed_count(&self, ctx: &Context<'_>) -> Option<Result<u64, Failure>> {
        Some(self.count(ctx, ChangeKind::Changed).await)
    }

    /// Number of discrepancies that are gone.
    #[graphql(complexity = "cost::statements(child_complexity)")]
    async fn gone_count(&self, ctx: &Context<'_>) -> Option<Result<u64, Failure>> {
        Some(self.count(ctx, ChangeKind::Gone).await)
    }

    /// Discrepancies that changed, those whose effect changed most first. Without the role FINANCE, those whose effect is
    /// the same are left out.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps changes of this kind.")] kind: Option<ReportChangeKind>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<ReportChangeConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let list = List::new("changes", &[SortValue::Integer(0)]).of(self.run_id.0);
            let window = page.window(&list)?;
            let service = &services(ctx).reconciliation;
            let kind: Option<ChangeKind> = kind.map(Into::into);
            let slice = service.changes(caller(ctx), self.run_id, kind, &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                true => {
                    let counts = service.change_counts(caller(ctx), self.run_id).await?;
                    let counts = counts.iter().filter(|(found, _)| kind.is_none_or(|kind| kind == *found));
                    Some(counts.map(|(_, count)| count).sum())
                }
                false => None,
            };
            Ok(ReportChangeConnection::new(page::parts(slice, &list, ReportChangeObject), total))
        };
        Some(found.await)
    }
}

impl ReportComparisonObject {
    async fn count(&self, ctx: &Context<'_>, kind: ChangeKind) -> Result<u64, Failure> {
        let counts = services(ctx).reconciliation.change_counts(caller(ctx), self.run_id).await?;
        Ok(counts.into_iter().find(|(found, _)| *found == kind).map_or(0, |(_, count)| count))
    }
}

/// A discrepancy that a run found otherwise than the run before it. Amounts are sums over the months of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportChangeObject(RunChange);

impl ReportChangeObject {
    async fn of(&self, ctx: &Context<'_>) -> Result<StoredDiscrepancy, Failure> {
        let key = DiscrepancyKey(caller(ctx).organization_id, self.0.discrepancy_id);
        let found = load_one(ctx, key).await?;
        found.ok_or_else(|| internal(ctx, &Vanished(self.0.discrepancy_id.0)))
    }

    async fn money(
        &self,
        ctx: &Context<'_>,
        amounts: Option<Amounts>,
        read: fn(Amounts) -> Number,
    ) -> Option<Result<Money, Failure>> {
        let amount = read(amounts?);
        Some(self.of(ctx).await.map(|found| Amount::new(amount, found.currency).into()))
    }

    async fn cost_money(&self, ctx: &Context<'_>, amounts: Option<Amounts>) -> Option<Result<Money, Failure>> {
        if let Err(error) = for_finance(ctx, || ()) {
            return Some(Err(error));
        }
        self.money(ctx, amounts, |amounts| amounts.cost_effect).await
    }
}

/// The database keeps this from happening.
#[derive(Debug, thiserror::Error)]
#[error("a change belongs to discrepancy `{0}`, which is not there")]
struct Vanished(uuid::Uuid);

/// A discrepancy that a run found otherwise than the run before it. Amounts are sums over the months of a report.
#[Object(name = "ReportChange")]
impl ReportChangeObject {
    /// How it differs.
    async fn kind(&self) -> ReportChangeKind {
        self.0.kind.into()
    }

    /// Discrepancy, as it is now.
    async fn discrepancy(&self, ctx: &Context<'_>) -> Result<DiscrepancyObject, Failure> {
        self.of(ctx).await.map(DiscrepancyObject)
    }

    /// Effect in the run before; null when it was not there.
    async fn effect_before(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.money(ctx, self.0.before, |amounts| amounts.effect).await
    }

    /// Effect in this run; null when it is gone.
    async fn effect_after(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.money(ctx, self.0.after, |amounts| amounts.effect).await
    }

    /// Cost effect in the run before; null when it was not there. Needs the role FINANCE.
    async fn cost_effect_before(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost_money(ctx, self.0.before).await
    }

    /// Cost effect in this run; null when it is gone. Needs the role FINANCE.
    async fn cost_effect_after(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        self.cost_money(ctx, self.0.after).await
    }
}

page_types!(ReportChangeConnection, ReportChangeEdge, ReportChangeObject);
