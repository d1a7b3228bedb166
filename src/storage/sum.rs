//! Exact sums in SQL, the same on both databases.
//!
//! A plain `SUM` over 64-bit numbers fails on SQLite when it overflows and becomes another type on PostgreSQL. So the
//! millions and the rest are added apart, which cannot overflow below a million rows of the largest amount, and are
//! put together here in 128 bits.

use rust_decimal::Decimal;
use sea_orm::sea_query::{BinOper, Expr, ExprTrait as _, Func, SimpleExpr};
use sea_orm::{EntityTrait, FromQueryResult, QuerySelect, Select};

use super::StorageError;
use crate::domain::money::Micros;

/// By how much an amount in millionths is divided; any divisor would do.
const PART: i64 = 1_000_000;

/// The two halves of a sum, as selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Halves {
    /// Sum of the millions.
    pub high: Option<i64>,
    /// Sum of the rests.
    pub low: Option<i64>,
}

/// A sum of amounts in millionths, exact whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MicrosSum(pub i128);

impl MicrosSum {
    /// Puts the halves together; without rows the sum is zero.
    pub fn of(high: Option<i64>, low: Option<i64>) -> Self {
        Self(i128::from(high.unwrap_or(0)) * i128::from(PART) + i128::from(low.unwrap_or(0)))
    }

    /// The sum as a decimal without needless zeros.
    pub fn to_decimal(self) -> Result<Decimal, StorageError> {
        Decimal::try_from_i128_with_scale(self.0, Micros::SCALE)
            .map(|sum| sum.normalize())
            .map_err(|_| StorageError::Corrupt("a sum of amounts is out of range".to_owned()))
    }
}

/// Selects the exact sum of an expression over a column of millionths, as two columns to be given to
/// [`MicrosSum::of`].
pub fn select<E: EntityTrait>(query: Select<E>, amount: impl Into<SimpleExpr>, high: &str, low: &str) -> Select<E> {
    let amount = amount.into();
    // Both databases cut toward zero and give the rest the sign of the dividend.
    let millions = amount.clone().binary(BinOper::Div, PART);
    let rest = amount.binary(BinOper::Mod, PART);
    query.column_as(sum(millions), high).column_as(sum(rest), low)
}

/// `SUM` is numeric on PostgreSQL.
fn sum(expression: SimpleExpr) -> SimpleExpr {
    SimpleExpr::from(Func::cast_as(Expr::expr(expression).sum(), "bigint"))
}
