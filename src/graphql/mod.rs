//! The schema: what clients see. Translates input into commands of the services and outcomes into payloads; knows
//! nothing of SQL or of the providers.

pub mod context;
mod cost;
pub mod error;
pub mod executor;
pub mod id;
pub mod loader;
pub mod loader_mapping;
pub mod loader_node;
pub mod mutation;
pub mod object;
pub mod page;
pub mod query;
pub mod ready;
pub mod record_loader;
pub mod scalar;
pub mod subscription;

use async_graphql::dataloader::DataLoader;

use crate::service::Services;
use loader::StoreLoader;
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

/// The schema with everything its resolvers need.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Nesting that a query of a screen never needs.
const MAX_DEPTH: usize = 15;

pub use cost::DEFAULT_LIMIT as DEFAULT_COST_LIMIT;

/// What a client may find out about the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspection {
    /// Everything; the default, as GraphiQL needs it.
    Open,
    /// Nothing, and no suggestions either.
    Closed,
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .limit_depth(MAX_DEPTH)
        .register_output_type::<error::UserError>()
}

/// How the schema answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaSettings {
    /// What a client may find out about it.
    pub introspection: Introspection,
    /// The most that one operation may come to, in fields.
    pub cost_limit: usize,
}

impl Default for SchemaSettings {
    fn default() -> Self {
        Self { introspection: Introspection::Open, cost_limit: DEFAULT_COST_LIMIT }
    }
}

/// The schema over the services.
pub fn schema(services: Services, settings: SchemaSettings) -> Schema {
    let loader = DataLoader::new(StoreLoader(services.core.store.clone()), tokio::spawn);
    let builder = builder().limit_complexity(settings.cost_limit).data(services).data(loader);
    match settings.introspection {
        Introspection::Open => builder,
        Introspection::Closed => builder.disable_introspection().disable_suggestions(),
    }
    .finish()
}

/// The schema as text, in a stable order.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
    let text = builder().finish().sdl_with_options(options);
    format!("{}\n", text.trim_end())
}
