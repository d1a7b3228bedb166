//! What is left to a person at a provider stays said.

use crate::table::{ColumnSpec, Kind::*};

/// What accounts get besides: sentences about a webhook and a consent that they had, and the provider's ids of webhooks
/// that may still be there, as JSON.
pub const COLUMNS: &[ColumnSpec] = &[
    ColumnSpec { table: "provider_account", name: "webhook_reminder", kind: OptionalText, default: None },
    ColumnSpec { table: "provider_account", name: "webhooks_left", kind: Text, default: Some("'[]'") },
    ColumnSpec { table: "provider_account", name: "consent_reminder", kind: OptionalText, default: None },
];
