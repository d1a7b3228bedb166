//! Who made a token, and which user of an issuer asked to close a month.

use crate::table::{ColumnSpec, Kind::*};

/// What tokens and months get besides.
pub const COLUMNS: &[ColumnSpec] = &[
    ColumnSpec { table: "api_token", name: "created_by", kind: OptionalText, default: None },
    ColumnSpec { table: "billing_period", name: "requested_by_user", kind: OptionalText, default: None },
];
