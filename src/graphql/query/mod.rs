//! Queries: what can be asked, one file for each family of objects.

mod api_token;
mod audit;
mod integration;
mod mapping;
pub mod node;
mod reconciliation;
pub mod work;

use async_graphql::MergedObject;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    integration::IntegrationQuery,
    audit::AuditQuery,
    api_token::ApiTokenQuery,
    mapping::MappingQuery,
    reconciliation::ReconciliationQuery,
    work::WorkQuery,
);
