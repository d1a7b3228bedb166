//! Leases: a right that ends by itself when its holder does not come back.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbBackend;
use sea_orm::sea_query::{Expr, SimpleExpr};

/// The time that leases are measured by: the database's own where several replicas share it, read where the row is
/// written, because a statement may wait for its row longer than a lease lasts.
pub fn time(backend: DbBackend, now: DateTime<Utc>) -> SimpleExpr {
    if backend == DbBackend::Postgres { Expr::cust("clock_timestamp()") } else { Expr::value(now) }
}

/// When a lease of some length ends that begins now.
pub fn end(backend: DbBackend, now: DateTime<Utc>, length: TimeDelta) -> SimpleExpr {
    if backend == DbBackend::Postgres {
        Expr::cust(format!("clock_timestamp() + interval '{} seconds'", length.num_seconds()))
    } else {
        Expr::value(now + length)
    }
}
