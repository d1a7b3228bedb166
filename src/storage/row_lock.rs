//! Rows that are held against other writers until a transaction ends.

use sea_orm::sea_query::LockType;
use sea_orm::{EntityTrait, QuerySelect as _, Select};

/// A query whose rows are held against whoever holds or changes them too.
pub trait RowLock: Sized {
    /// The same query; nothing changes on SQLite, which has one writer.
    ///
    /// On PostgreSQL rows are not held as strongly as to stop others that begin to refer to them (`FOR UPDATE` would). The
    /// database looks up what a row refers to whenever that row is added, and again when it is changed twice in one
    /// transaction, in an order that nobody here has in hand: with the stronger lock, whoever holds an account and changes
    /// it twice waits for whoever holds its integration and waits for the account.
    fn held(self) -> Self;
}

impl<E: EntityTrait> RowLock for Select<E> {
    fn held(self) -> Self {
        self.lock(LockType::NoKeyUpdate)
    }
}
