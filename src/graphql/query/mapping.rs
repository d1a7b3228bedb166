//! Queries for one mapping, in whatever status it is.

use async_graphql::{Context, ID, Object};

use crate::domain::mapping::MappingKind;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, decode};
use crate::graphql::object::mapping::{Mapping, find};

/// Mappings.
#[derive(Default)]
pub struct MappingQuery;

#[Object]
impl MappingQuery {
    /// Mapping with this ID, in whatever status; null when there is none.
    async fn mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the mapping.")] id: ID,
    ) -> Option<Result<Mapping, Failure>> {
        let (kind, id) = decode(&id)?;
        let kind = match kind {
            NodeKind::CustomerMapping => MappingKind::Customer,
            NodeKind::ProductMapping => MappingKind::Product,
            _ => return None,
        };
        find(ctx, kind, id).await.map(|found| found.map(Into::into)).transpose()
    }
}
