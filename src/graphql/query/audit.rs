//! Audit events.

use async_graphql::{Context, Object};

use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::decode;
use crate::graphql::object::audit_event::{AuditEventConnection, AuditEventFilter, AuditEventObject};
use crate::graphql::page::{self, List, PageArguments};
use crate::storage::audit::AuditFilter;
use crate::storage::page::SortValue;

/// Audit events.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Who changed what, latest first. Needs the role ADMIN.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Keeps the events that satisfy every given condition.")] filter: Option<AuditEventFilter>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<AuditEventConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(
            async {
                let list = List::new("audit events", &[SortValue::Integer(0)]);
                let window = page.window(&list)?;
                let filter = filter.unwrap_or_default();
                let subject_id = match &filter.subject_id {
                    None => None,
                    Some(id) => {
                        let unknown = || Failure::bad_input("`subjectId` is not an ID of this API.");
                        Some(decode(id).ok_or_else(unknown)?.1)
                    }
                };
                let AuditEventFilter { action, actor, correlation_id, since, until, .. } = filter;
                for (name, moment) in [("since", since), ("until", until)] {
                    if moment.is_some_and(|moment| page::storable(moment).is_none()) {
                        return Err(Failure::bad_input(format!("`{name}` must lie in the years 0 to 9999.")));
                    }
                }
                let filter = AuditFilter { subject_id, action, actor, correlation_id, since, until };
                let audit = &services(ctx).audit;
                let slice = audit.page(caller(ctx), &filter, &window).await?;
                let total = match page::is_selected(ctx, "totalCount") {
                    true => Some(audit.count(caller(ctx), &filter).await?),
                    false => None,
                };
                Ok(AuditEventConnection::new(page::parts(slice, &list, AuditEventObject), total))
            }
            .await,
        )
    }
}
