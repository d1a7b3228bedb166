//! API tokens.

use async_graphql::{Context, Object};
use chrono::DateTime;
use uuid::Uuid;

use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::object::api_token::{ApiTokenConnection, ApiTokenObject};
use crate::graphql::page::{self, List, PageArguments};
use crate::storage::page::SortValue;

/// API tokens.
#[derive(Default)]
pub struct ApiTokenQuery;

#[Object]
impl ApiTokenQuery {
    /// API tokens of the caller's organization, the latest first; those that work no longer too. Needs the role ADMIN.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn api_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<ApiTokenConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        let found = async {
            let list = List::new("API tokens", &[SortValue::Instant(DateTime::UNIX_EPOCH), SortValue::Id(Uuid::nil())]);
            let window = page.window(&list)?;
            let service = &services(ctx).api_token;
            let slice = service.page(caller(ctx), &window).await?;
            let total = match page::is_selected(ctx, "totalCount") {
                true => Some(service.count(caller(ctx)).await?),
                false => None,
            };
            Ok(ApiTokenConnection::new(page::parts(slice, &list, ApiTokenObject), total))
        };
        Some(found.await)
    }
}
