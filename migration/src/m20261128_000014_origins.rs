//! Which keys and which consent tokens belong to, and the addresses that each was given for.

use crate::table::{ColumnSpec, Kind::*};

/// What accounts get besides.
pub const COLUMNS: &[ColumnSpec] = &[
    // Another one with every change of the keys; nothing for keys from before this change.
    ColumnSpec { table: "provider_account", name: "secret_origin", kind: OptionalText, default: None },
    // Nothing for keys from before this change, until the settings change for the first time.
    ColumnSpec { table: "provider_account", name: "secret_addresses", kind: OptionalText, default: None },
    ColumnSpec { table: "provider_authorization", name: "origin", kind: Text, default: Some("''") },
    ColumnSpec { table: "provider_authorization", name: "addresses", kind: OptionalText, default: None },
];

/// Tokens of keys said what they belong to in another way. They are fetched anew.
pub const STATEMENTS: &[&str] = &["DELETE FROM provider_token WHERE method = 'KEYS'"];
