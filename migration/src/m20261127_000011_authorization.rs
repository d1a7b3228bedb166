//! Authorization of provider accounts: the application that a person consents to, tokens, and attempts that are under way.

use crate::table::{ColumnSpec, Kind::*, TableSpec};

/// What it makes.
pub const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "provider_authorization",
        primary_key: &["organization_id", "account_id"],
        columns: &[
            ("organization_id", Uuid),
            ("account_id", Uuid),
            // The application at the provider, without its secret.
            ("application", Text),
            // Sealed.
            ("application_secret", OptionalText),
        ],
        uniques: &[],
        indexes: &[],
        references: &[(&["organization_id", "account_id"], "provider_account", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "provider_token",
        primary_key: &["organization_id", "account_id", "method"],
        columns: &[
            ("organization_id", Uuid),
            ("account_id", Uuid),
            // Keys or consent: an account may go over and back.
            ("method", Key),
            // Digest of the sealed keys that they were fetched with; empty for a consent.
            ("origin", Text),
            // Access and refresh token, sealed; nothing once a consent has ended, and before keys were used.
            ("tokens", OptionalText),
            // Grows with every token that is stored.
            ("number", Big),
            ("issued_at", OptionalTimestamp),
            ("access_expires_at", OptionalTimestamp),
            // Who renews the tokens at the moment, and until when nobody else may.
            ("lease_holder", OptionalText),
            ("lease_until", OptionalTimestamp),
        ],
        uniques: &[],
        indexes: &[],
        references: &[(&["organization_id", "account_id"], "provider_account", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "authorization_attempt",
        // Of the state: whoever reads the table cannot finish an attempt.
        primary_key: &["state_hash"],
        columns: &[
            ("state_hash", Key),
            ("organization_id", Uuid),
            ("account_id", Uuid),
            // Who began it, in whose name it is finished.
            ("starter", Text),
            ("connector", Text),
            ("settings", Text),
            // Sealed: what the consent does not cover, such as a password for another surface.
            ("secret", OptionalText),
            ("time_zone", Text),
            ("application", Text),
            // Sealed.
            ("application_secret", OptionalText),
            // Sealed.
            ("code_verifier", Text),
            ("redirect_uri", Text),
            ("created_at", Timestamp),
            ("expires_at", Timestamp),
            ("used_at", OptionalTimestamp),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "account_id"]],
        references: &[(&["organization_id", "account_id"], "provider_account", &["organization_id", "id"])],
        is_source: false,
    },
];

/// What provider accounts get besides.
pub const COLUMNS: &[ColumnSpec] = &[
    ColumnSpec { table: "provider_account", name: "method", kind: Text, default: Some("'KEYS'") },
    ColumnSpec { table: "provider_account", name: "application_id", kind: OptionalText, default: None },
    ColumnSpec { table: "provider_account", name: "granted_scopes", kind: Text, default: Some("'[]'") },
    ColumnSpec { table: "provider_account", name: "consent_ends_at", kind: OptionalTimestamp, default: None },
    ColumnSpec { table: "provider_account", name: "authorizing_until", kind: OptionalTimestamp, default: None },
    ColumnSpec { table: "provider_account", name: "failure", kind: OptionalText, default: None },
    ColumnSpec { table: "provider_account", name: "capabilities", kind: Text, default: Some("'[]'") },
];
