//! Integrations and sync runs.

use async_graphql::{Context, ID, Object};
use uuid::Uuid;

use crate::domain::id::{IntegrationId, SyncRunId};
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::integration::{IntegrationConnection, IntegrationObject};
use crate::graphql::object::sync_run::SyncRunObject;
use crate::graphql::page::{self, List, PageArguments};
use crate::storage::page::SortValue;

/// Integrations and sync runs.
#[derive(Default)]
pub struct IntegrationQuery;

#[Object]
impl IntegrationQuery {
    /// Integrations visible to the caller, by name.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn integrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<IntegrationConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(
            async {
                let list = List::new("integrations", &[SortValue::Text(String::new()), SortValue::Id(Uuid::nil())]);
                let window = page.window(&list)?;
                let setup = &services(ctx).setup;
                let slice = setup.page(caller(ctx), &window).await?;
                let total = match page::is_selected(ctx, "totalCount") {
                    true => Some(setup.count(caller(ctx)).await?),
                    false => None,
                };
                Ok(IntegrationConnection::new(page::parts(slice, &list, IntegrationObject), total))
            }
            .await,
        )
    }

    /// Integration with this ID, or the default one when no ID is given; null when there is none.
    async fn integration(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the integration.")] id: Option<ID>,
    ) -> Option<Result<IntegrationObject, Failure>> {
        let setup = &services(ctx).setup;
        let found = match id {
            None => setup.default(caller(ctx)).await,
            Some(id) => setup.find(caller(ctx), IntegrationId(decode_as(&id, NodeKind::Integration)?)).await,
        };
        found.map_err(Failure::from).transpose().map(|found| found.map(IntegrationObject))
    }

    /// Sync run with this ID; null when there is none.
    async fn sync_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the run.")] id: ID,
    ) -> Option<Result<SyncRunObject, Failure>> {
        let id = SyncRunId(decode_as(&id, NodeKind::SyncRun)?);
        let found = services(ctx).sync.find(caller(ctx), id).await;
        found.map_err(Failure::from).transpose().map(|found| found.map(SyncRunObject))
    }
}
