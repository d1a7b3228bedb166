//! The migrations, the same for SQLite and PostgreSQL; forward only.

mod table;

mod m20261122_000001_tenants;
mod m20261122_000002_sources;
mod m20261122_000003_mappings;
mod m20261122_000004_runs;
mod m20261122_000005_reports;
mod m20261122_000006_audit;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::{DbErr, MigrationTrait};

/// All changes of the schema, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_tenants::Migration),
            Box::new(m20261122_000002_sources::Migration),
            Box::new(m20261122_000003_mappings::Migration),
            Box::new(m20261122_000004_runs::Migration),
            Box::new(m20261122_000005_reports::Migration),
            Box::new(m20261122_000006_audit::Migration),
        ]
    }
}

/// Why a change is never taken back: a newer program may have written what an older schema cannot hold.
pub(crate) fn forward_only() -> DbErr {
    DbErr::Migration("migrations of Concord are forward only; restore a backup instead".to_owned())
}
