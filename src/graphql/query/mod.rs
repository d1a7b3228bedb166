//! Queries: what can be asked, one file for each family of objects.

mod audit;
mod integration;
mod mapping;
mod node;
mod reconciliation;
pub mod work;

use async_graphql::MergedObject;

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    node::NodeQuery,
    integration::IntegrationQuery,
    audit::AuditQuery,
    mapping::MappingQuery,
    reconciliation::ReconciliationQuery,
    work::WorkQuery,
);
