//! The work around reports: rules, months, what is hidden, and how sums develop.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::DateTime;
use uuid::Uuid;

use super::reconciliation::integration;
use crate::domain::closing::Hands;
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::object::billing_period::{BillingPeriodConnection, BillingPeriodObject};
use crate::graphql::object::policy::{ReconciliationPolicy, ReconciliationPolicyConnection};
use crate::graphql::object::report_part::audience;
use crate::graphql::object::report_total::ReportGroupTotals;
use crate::graphql::object::suppression_rule::{SuppressionRuleConnection, SuppressionRuleObject};
use crate::graphql::page::{self, List, PageArguments};
use crate::graphql::scalar::Month;
use crate::storage::page::SortValue;

/// Most months of a trend.
const MOST_MONTHS: usize = 60;

/// The work around reports.
#[derive(Default)]
pub struct WorkQuery;

/// The tenant that the caller belongs to.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct OrganizationSettings {
    /// Whether two different people have to close and reopen a month; null goes by how many may: two when two or more
    /// tokens of different names have the role FINANCE, and two for every user of an issuer of tokens.
    pub two_person_period_close: Option<bool>,
    /// Whether two different people have to do it now.
    pub needs_second_person: bool,
}

/// What the caller's organization says.
pub async fn settings(ctx: &Context<'_>) -> Result<OrganizationSettings, Failure> {
    let closing = &services(ctx).closing;
    Ok(OrganizationSettings {
        two_person_period_close: closing.asked_for_two(caller(ctx)).await?,
        needs_second_person: closing.hands(caller(ctx)).await? == Hands::Two,
    })
}

#[Object]
impl WorkQuery {
    /// Settings of the caller's organization.
    #[graphql(complexity = "cost::statements(child_complexity)")]
    async fn organization_settings(&self, ctx: &Context<'_>) -> Option<Result<OrganizationSettings, Failure>> {
        Some(settings(ctx).await)
    }

    /// Rules that the reports of an integration are made by, in the version in force or in the given one; null when there
    /// is no such integration or version.
    async fn reconciliation_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the integration; the default one when omitted.")] integration_id: Option<ID>,
        #[graphql(desc = "Version; the one in force when omitted, and 0 for the default policy.")] version: Option<i64>,
    ) -> Option<Result<ReconciliationPolicy, Failure>> {
        let found = async {
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            let policy = &services(ctx).policy;
            Ok(match version {
                None => Some(policy.current(caller(ctx), integration).await?),
                Some(version) => policy.find(caller(ctx), integration, version).await?,
            })
        };
        found.await.transpose().map(|found| found.map(|policy| ReconciliationPolicy::new(policy, audience(ctx))))
    }

    /// Versions of the rules of an integration, the latest first, without the default policy; null when there is no such
    /// integration.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn reconciliation_policies(
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
    ) -> Option<Result<ReconciliationPolicyConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            let list = List::new("policies", &[SortValue::Integer(0)]).of(integration.0);
            let window = page.window(&list)?;
            let slice = services(ctx).policy.page(caller(ctx), integration, &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                // Versions are numbered without gaps.
                true => Some(services(ctx).policy.current(caller(ctx), integration).await?.version.unsigned_abs()),
                false => None,
            };
            let parts = page::parts(slice, &list, |policy| ReconciliationPolicy::new(policy, audience(ctx)));
            Ok(Some(ReconciliationPolicyConnection::new(parts, total)))
        };
        found.await.transpose()
    }

    /// Rules that hide discrepancies of an integration, also expired and ended ones, the latest first; null when there is
    /// no such integration.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn suppression_rules(
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
    ) -> Option<Result<SuppressionRuleConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            let like = [SortValue::Instant(DateTime::UNIX_EPOCH), SortValue::Id(Uuid::nil())];
            let list = List::new("suppression rules", &like).of(integration.0);
            let window = page.window(&list)?;
            let service = &services(ctx).discrepancy;
            let slice = service.rules(caller(ctx), integration, &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                true => Some(service.rule_count(caller(ctx), integration).await?),
                false => None,
            };
            Ok(Some(SuppressionRuleConnection::new(page::parts(slice, &list, SuppressionRuleObject), total)))
        };
        found.await.transpose()
    }

    /// Months of an integration that were reconciled, the latest first; null when there is no such integration.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn billing_periods(
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
    ) -> Option<Result<BillingPeriodConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            let list = List::new("billing periods", &[SortValue::Text(String::new())]).of(integration.0);
            let window = page.window(&list)?;
            let service = &services(ctx).closing;
            let slice = service.page(caller(ctx), integration, &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                true => Some(service.count(caller(ctx), integration).await?),
                false => None,
            };
            Ok(Some(BillingPeriodConnection::new(page::parts(slice, &list, BillingPeriodObject), total)))
        };
        found.await.transpose()
    }

    /// How the sums of an integration develop: one entry per month and currency, in order, each from the report that
    /// speaks for the month; null when there is no such integration.
    #[graphql(complexity = "cost::listed_statements(child_complexity)")]
    async fn billing_trend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the integration; the default one when omitted.")] integration_id: Option<ID>,
        #[graphql(desc = "First month.")] period_from: Month,
        #[graphql(desc = "Last month; at most 60 months at once.")] period_to: Month,
    ) -> Option<Result<Vec<ReportGroupTotals>, Failure>> {
        let months = (period_from.0, period_to.0);
        let found = async {
            let count = months.0.through(months.1).take(MOST_MONTHS + 1).count();
            if count == 0 || count > MOST_MONTHS {
                return Err(Failure::bad_input(format!(
                    "The months from {} to {} cannot be shown at once. Choose 1 to {MOST_MONTHS} months.",
                    months.0, months.1
                )));
            }
            let Some(integration) = integration(ctx, integration_id).await? else { return Ok(None) };
            Ok(Some(services(ctx).closing.trend(caller(ctx), integration, months).await?))
        };
        let found = found.await.transpose()?;
        Some(found.map(|groups| groups.into_iter().map(ReportGroupTotals::from).collect()))
    }
}
