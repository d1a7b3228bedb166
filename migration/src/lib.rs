//! The migrations, the same for SQLite and PostgreSQL; forward only.

mod table;

mod m20261122_000001_tenants;
mod m20261122_000002_sources;
mod m20261122_000003_mappings;
mod m20261122_000004_runs;
mod m20261122_000005_reports;
mod m20261122_000006_audit;
mod m20261126_000007_work;
mod m20261126_000009_matching;
mod m20261127_000011_authorization;
mod m20261127_000012_callers;
mod m20261127_000013_webhooks;
mod m20261128_000014_origins;
mod m20261128_000015_webhook_wanted;
mod m20261128_000016_put_off;
mod m20261128_000017_reminders;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::{DbErr, MigrationName, MigrationTrait, SchemaManager};
use sea_orm_migration::sea_orm::ConnectionTrait as _;
use table::{ColumnSpec, TableSpec};

/// All changes of the schema, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            NewTables::boxed("m20261122_000001_tenants", m20261122_000001_tenants::TABLES),
            NewTables::boxed("m20261122_000002_sources", m20261122_000002_sources::TABLES),
            NewTables::boxed("m20261122_000003_mappings", m20261122_000003_mappings::TABLES),
            NewTables::boxed("m20261122_000004_runs", m20261122_000004_runs::TABLES),
            NewTables::boxed("m20261122_000005_reports", m20261122_000005_reports::TABLES),
            NewTables::boxed("m20261122_000006_audit", m20261122_000006_audit::TABLES),
            NewTables::boxed("m20261126_000007_work", m20261126_000007_work::TABLES),
            Box::new(NewColumns {
                name: "m20261126_000008_work_columns",
                columns: m20261126_000007_work::COLUMNS,
                statements: m20261126_000007_work::STATEMENTS,
            }),
            NewTables::boxed("m20261126_000009_matching", m20261126_000009_matching::TABLES),
            Box::new(NewColumns {
                name: "m20261126_000010_matching_columns",
                columns: m20261126_000009_matching::COLUMNS,
                statements: &[],
            }),
            NewTables::boxed("m20261127_000011_authorization", m20261127_000011_authorization::TABLES),
            Box::new(NewColumns {
                name: "m20261127_000011_authorization_columns",
                columns: m20261127_000011_authorization::COLUMNS,
                statements: &[],
            }),
            Box::new(NewColumns {
                name: "m20261127_000012_callers",
                columns: m20261127_000012_callers::COLUMNS,
                statements: &[],
            }),
            Box::new(m20261127_000013_webhooks::Webhooks),
            Box::new(NewColumns {
                name: "m20261128_000014_origins",
                columns: m20261128_000014_origins::COLUMNS,
                statements: m20261128_000014_origins::STATEMENTS,
            }),
            Box::new(NewColumns {
                name: "m20261128_000015_webhook_wanted",
                columns: m20261128_000015_webhook_wanted::COLUMNS,
                statements: &[],
            }),
            Box::new(NewColumns {
                name: "m20261128_000016_put_off",
                columns: m20261128_000016_put_off::COLUMNS,
                statements: m20261128_000016_put_off::STATEMENTS,
            }),
            Box::new(NewColumns {
                name: "m20261128_000017_reminders",
                columns: m20261128_000017_reminders::COLUMNS,
                statements: &[],
            }),
        ]
    }
}

/// A change that makes tables.
struct NewTables {
    /// Under which databases remember that they have it.
    name: &'static str,
    tables: &'static [TableSpec],
}

impl NewTables {
    fn boxed(name: &'static str, tables: &'static [TableSpec]) -> Box<dyn MigrationTrait> {
        Box::new(Self { name, tables })
    }
}

impl MigrationName for NewTables {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for NewTables {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in self.tables {
            table.create(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only())
    }
}

/// A change that gives columns to tables that may have rows.
struct NewColumns {
    /// Under which databases remember that they have it.
    name: &'static str,
    /// What it adds.
    columns: &'static [ColumnSpec],
    /// What it does besides, in words that both databases understand.
    statements: &'static [&'static str],
}

#[async_trait::async_trait]
impl MigrationTrait for NewColumns {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in self.columns {
            column.add(manager).await?;
        }
        for statement in self.statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only())
    }
}

impl MigrationName for NewColumns {
    fn name(&self) -> &str {
        self.name
    }
}

/// Why a change is never taken back: a newer program may have written what an older schema cannot hold.
fn forward_only() -> DbErr {
    DbErr::Migration("migrations of Concord are forward only; restore a backup instead".to_owned())
}
