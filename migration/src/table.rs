//! A table as data, and how it becomes the same table on both databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Type of a column.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Text that is compared, ordered or unique: byte order on both databases.
    Key,
    OptionalKey,
    Text,
    OptionalText,
    Date,
    OptionalDate,
    Timestamp,
    OptionalTimestamp,
    Boolean,
    OptionalBoolean,
    Integer,
    OptionalInteger,
    Big,
    OptionalBig,
    Uuid,
    OptionalUuid,
    Blob,
}

impl Kind {
    fn is_optional(self) -> bool {
        matches!(
            self,
            Self::OptionalKey
                | Self::OptionalText
                | Self::OptionalDate
                | Self::OptionalTimestamp
                | Self::OptionalBoolean
                | Self::OptionalInteger
                | Self::OptionalBig
                | Self::OptionalUuid
        )
    }

    fn column(self, name: &'static str, backend: DbBackend) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self {
            Self::Key | Self::OptionalKey | Self::Text | Self::OptionalText => column.text(),
            Self::Date | Self::OptionalDate => column.date(),
            Self::Timestamp | Self::OptionalTimestamp => column.timestamp_with_time_zone(),
            Self::Boolean | Self::OptionalBoolean => column.boolean(),
            Self::Integer | Self::OptionalInteger => column.integer(),
            Self::Big | Self::OptionalBig => column.big_integer(),
            Self::Uuid | Self::OptionalUuid => column.uuid(),
            Self::Blob => column.blob(),
        };
        if !self.is_optional() {
            column.not_null();
        }
        // SQLite orders text by bytes already; PostgreSQL would follow the locale of the cluster.
        if matches!(self, Self::Key | Self::OptionalKey) && backend == DbBackend::Postgres {
            column.extra("COLLATE \"C\"");
        }
        column
    }
}

/// Columns of a key, and the condition of a partial one.
type Unique = (&'static [&'static str], Option<&'static str>);

/// Columns that refer, the table they refer to, and its columns.
type Reference = (&'static [&'static str], &'static str, &'static [&'static str]);

/// A table.
pub(crate) struct TableSpec {
    pub name: &'static str,
    pub primary_key: &'static [&'static str],
    pub columns: &'static [(&'static str, Kind)],
    pub uniques: &'static [Unique],
    pub indexes: &'static [&'static [&'static str]],
    pub references: &'static [Reference],
    /// Whether the columns that every synced record has come first.
    pub is_source: bool,
}

/// A column that a table gets later. Rows that are there already have `default` in it: an expression of SQL, or nothing
/// for a column that may be null.
pub(crate) struct ColumnSpec {
    pub table: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    pub default: Option<&'static str>,
}

impl ColumnSpec {
    /// Adds the column.
    pub async fn add(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let mut column = self.kind.column(self.name, manager.get_database_backend());
        if let Some(default) = self.default {
            column.default(Expr::cust(default));
        }
        let mut change = Table::alter();
        change.table(self.table).add_column(&mut column);
        manager.alter_table(change).await
    }
}

/// What every synced record has: who it belongs to, what it is called there, and when it was seen.
const SOURCE_COLUMNS: &[(&str, Kind)] = &[
    ("id", Kind::Uuid),
    ("organization_id", Kind::Uuid),
    ("account_id", Kind::Uuid),
    ("external_id", Kind::Key),
    ("content_hash", Kind::Text),
    ("first_seen_run", Kind::OptionalUuid),
    ("last_seen_run", Kind::OptionalUuid),
    ("first_seen_at", Kind::Timestamp),
    ("last_seen_at", Kind::Timestamp),
    ("gone_at", Kind::OptionalTimestamp),
];

impl TableSpec {
    /// A table of synced records; its own columns follow the common ones.
    pub const fn source(name: &'static str) -> Self {
        Self {
            name,
            primary_key: &["id"],
            columns: &[],
            uniques: &[(&["organization_id", "id"], None), (&["organization_id", "account_id", "external_id"], None)],
            indexes: &[],
            references: &[(&["organization_id", "account_id"], "provider_account", &["organization_id", "id"])],
            is_source: true,
        }
    }

    /// Creates the table with its keys and indexes.
    pub async fn create(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let mut table = Table::create();
        table.table(self.name);
        for (name, kind) in if self.is_source { SOURCE_COLUMNS } else { &[] }.iter().chain(self.columns) {
            table.col(kind.column(name, backend));
        }
        let mut primary_key = Index::create();
        for column in self.primary_key {
            primary_key.col(*column);
        }
        table.primary_key(&mut primary_key);
        for (columns, target, target_columns) in self.references {
            let mut reference = ForeignKey::create();
            reference.name(self.part_name("fk", columns));
            for (column, target_column) in columns.iter().zip(*target_columns) {
                reference.from(self.name, *column).to(*target, *target_column);
            }
            table.foreign_key(&mut reference);
        }
        manager.create_table(table).await?;
        for (columns, condition) in self.uniques {
            let mut index = Index::create();
            index
                .unique()
                .table(self.name)
                .name(self.part_name(if condition.is_some() { "up" } else { "uq" }, columns));
            for column in *columns {
                index.col(*column);
            }
            if let Some(condition) = condition {
                index.and_where(Expr::cust(*condition));
            }
            manager.create_index(index).await?;
        }
        for columns in self.indexes {
            let mut index = Index::create();
            index.table(self.name).name(self.part_name("ix", columns));
            for column in *columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    /// A name of at most 63 bytes, which is where PostgreSQL cuts: the tenant column is left out, the rest abbreviated.
    fn part_name(&self, prefix: &str, columns: &[&str]) -> String {
        let columns: Vec<String> = columns
            .iter()
            .filter(|column| **column != "organization_id" || columns.len() == 1)
            .map(|column| column.split('_').map(|word| word.get(..3).unwrap_or(word)).collect())
            .collect();
        let mut name = format!("{prefix}_{}_{}", self.name, columns.join("_"));
        name.truncate(63);
        name
    }
}
