//! Months: the report that speaks for each, and whether it is closed.

use async_graphql::{Context, Enum, Object};
use chrono::{DateTime, Utc};

use super::report::ReconciliationReportObject;
use crate::domain::closing::{BillingPeriod, Closing, ClosingRequest, PeriodState, PeriodStatus as Status};
use crate::graphql::context::caller;
use crate::graphql::error::Failure;
use crate::graphql::page::page_types;
use crate::graphql::record_loader::{ReportKey, UnsettledKey, load_one};
use crate::graphql::scalar::Month;

/// Whether a month is closed. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum BillingPeriodStatus {
    /// Reports and decisions change what is said about it.
    Open,
    /// Somebody asked to close it; a second person has to agree.
    Closing,
    /// What is said about it stays.
    Closed,
    /// It is closed, and somebody asked to reopen it; a second person has to agree.
    Reopening,
}

/// A month of an integration that was reconciled or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingPeriodObject(pub BillingPeriod);

impl BillingPeriodObject {
    fn closing(&self) -> Option<&Closing> {
        match &self.0.state {
            PeriodState::Closed(closing) | PeriodState::Reopening { closing, .. } => Some(closing),
            PeriodState::Open | PeriodState::Closing(_) => None,
        }
    }

    fn request(&self) -> Option<&ClosingRequest> {
        match &self.0.state {
            PeriodState::Closing(request) | PeriodState::Reopening { request, .. } => Some(request),
            PeriodState::Open | PeriodState::Closed(_) => None,
        }
    }
}

/// A month of an integration that was reconciled or closed.
#[Object(name = "BillingPeriod")]
impl BillingPeriodObject {
    /// Month.
    async fn period(&self) -> Month {
        Month(self.0.period)
    }

    /// Whether it is closed.
    async fn status(&self) -> BillingPeriodStatus {
        self.0.state.status().into()
    }

    /// Report that speaks for the month: the latest one, or the one that it was closed with; null when there is none.
    async fn report(&self, ctx: &Context<'_>) -> Option<Result<ReconciliationReportObject, Failure>> {
        let found = load_one(ctx, ReportKey(caller(ctx).organization_id, self.0.report_id?)).await;
        found.transpose().map(|found| ReconciliationReportObject::read(ctx, found?))
    }

    /// Names of who closed it; null while it is open.
    async fn closed_by(&self) -> Option<&str> {
        self.closing().map(|closing| closing.by.as_str())
    }

    /// Timestamp of when it was closed; null while it is open.
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.closing().map(|closing| closing.at)
    }

    /// Why it was closed; null when nothing was said.
    async fn close_reason(&self) -> Option<&str> {
        self.closing().and_then(|closing| closing.reason.as_deref())
    }

    /// Discrepancies that somebody still has to settle: those that were knowingly left when it was closed; while it is
    /// open, those that are there now, which is the number that `periodClose` asks for. Null without a report.
    async fn unsettled_count(&self, ctx: &Context<'_>) -> Option<Result<u64, Failure>> {
        if let Some(closing) = self.closing() {
            return Some(Ok(closing.unsettled.into()));
        }
        let key = UnsettledKey(caller(ctx).organization_id, self.0.report_id?, self.0.period);
        Some(load_one(ctx, key).await.map(Option::unwrap_or_default))
    }

    /// Whether one person alone closed it; null while it is open.
    async fn is_single_handed(&self) -> Option<bool> {
        self.closing().map(|closing| closing.is_single_handed)
    }

    /// Name of who asked to close or reopen it; null when nothing is asked.
    async fn requested_by(&self) -> Option<&str> {
        self.request().map(|request| request.by.name.as_str())
    }

    /// Timestamp of when that was asked; null when nothing is.
    async fn requested_at(&self) -> Option<DateTime<Utc>> {
        self.request().map(|request| request.at)
    }

    /// Why it was asked; null when nothing was said.
    async fn request_reason(&self) -> Option<&str> {
        self.request().and_then(|request| request.reason.as_deref())
    }

    /// Grows by one with every change of the status.
    async fn version(&self) -> i64 {
        self.0.version
    }
}

page_types!(BillingPeriodConnection, BillingPeriodEdge, BillingPeriodObject);
