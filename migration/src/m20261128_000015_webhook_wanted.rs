//! What was told of and is being read: it stays wanted until a run has read it.

use crate::table::{ColumnSpec, Kind::*};

/// What webhooks get besides.
pub const COLUMNS: &[ColumnSpec] = &[
    // Lists that the run under way has taken: they are wanted again unless it succeeds.
    ColumnSpec { table: "webhook", name: "reading", kind: Key, default: Some("''") },
    ColumnSpec { table: "webhook", name: "failure_count", kind: Integer, default: Some("0") },
    // After a failure, no run is made for them before this moment.
    ColumnSpec { table: "webhook", name: "retry_at", kind: OptionalTimestamp, default: None },
];
