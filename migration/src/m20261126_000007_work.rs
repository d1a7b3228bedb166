//! Work on discrepancies: policies, decisions, notes, rules that hide, months that are closed, and comparisons.

use crate::table::{ColumnSpec, Kind::*, TableSpec};

/// What it makes.
pub const TABLES: &[TableSpec] = &[
    // A version is never changed; the highest one is in force.
    TableSpec {
        name: "policy",
        primary_key: &["organization_id", "integration_id", "version"],
        columns: &[
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("version", Big),
            ("name", Text),
            ("switches", Text),
            ("reason", OptionalText),
            ("created_by", Text),
            ("created_at", Timestamp),
        ],
        uniques: &[],
        indexes: &[],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "discrepancy_note",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("discrepancy_id", Uuid),
            ("author", Text),
            ("text", Text),
            ("created_at", Timestamp),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "discrepancy_id", "created_at", "id"]],
        references: &[(&["organization_id", "discrepancy_id"], "discrepancy", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "suppression_rule",
        primary_key: &["id"],
        columns: &[
            ("id", Uuid),
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            // Conditions; what is null or empty is no condition.
            ("kinds", Text),
            ("customer_external_id", OptionalText),
            ("psa_product_external_id", OptionalText),
            ("pax8_product_external_id", OptionalText),
            ("currency", OptionalText),
            ("largest_amount", OptionalBig),
            ("owner", Text),
            ("reason", Text),
            ("expires_on", Date),
            ("created_by", Text),
            ("created_at", Timestamp),
            ("ended_by", OptionalText),
            ("ended_at", OptionalTimestamp),
            ("version", Big),
        ],
        uniques: &[(&["organization_id", "id"], None)],
        indexes: &[&["organization_id", "integration_id", "created_at", "id"]],
        references: &[(&["organization_id", "integration_id"], "integration", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "billing_period",
        primary_key: &["organization_id", "integration_id", "period"],
        columns: &[
            ("organization_id", Uuid),
            ("integration_id", Uuid),
            ("period", Key),
            // The report that speaks for the month: the latest one, or the one that it was closed with.
            ("report_id", OptionalUuid),
            ("status", Key),
            // Who asked to close or reopen it, while a second person has to agree.
            ("requested_by", OptionalText),
            ("requested_by_id", OptionalUuid),
            ("requested_at", OptionalTimestamp),
            ("request_reason", OptionalText),
            ("closed_by", OptionalText),
            ("closed_at", OptionalTimestamp),
            ("close_reason", OptionalText),
            ("unsettled", OptionalInteger),
            ("is_single_handed", Boolean),
            ("version", Big),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "report_id"]],
        references: &[
            (&["organization_id", "integration_id"], "integration", &["organization_id", "id"]),
            (&["organization_id", "report_id"], "report", &["organization_id", "id"]),
        ],
        is_source: false,
    },
    // What a run found otherwise than the run before it.
    TableSpec {
        name: "run_change",
        primary_key: &["organization_id", "run_id", "position"],
        columns: &[
            ("organization_id", Uuid),
            ("run_id", Uuid),
            ("position", Integer),
            ("discrepancy_id", Uuid),
            ("change", Key),
            ("effect_before", OptionalBig),
            ("cost_effect_before", OptionalBig),
            ("effect_after", OptionalBig),
            ("cost_effect_after", OptionalBig),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "discrepancy_id"]],
        references: &[(&["organization_id", "discrepancy_id"], "discrepancy", &["organization_id", "id"])],
        is_source: false,
    },
    TableSpec {
        name: "report_total",
        primary_key: &["organization_id", "report_id", "position"],
        columns: &[
            ("organization_id", Uuid),
            ("report_id", Uuid),
            ("position", Integer),
            ("dimension", Key),
            ("subject", OptionalKey),
            ("label", Text),
            ("currency", Key),
            ("keys", Big),
            ("incomplete_keys", Big),
            ("discrepancies", Big),
            // Sums may be larger than any amount, and nothing is ordered by them.
            ("cost", Text),
            ("expected", Text),
            ("billed", Text),
            ("leakage", Text),
            ("overbilling", Text),
            ("cost_effect", Text),
        ],
        uniques: &[],
        indexes: &[&["organization_id", "report_id", "dimension", "position"]],
        references: &[(&["organization_id", "report_id"], "report", &["organization_id", "id"])],
        is_source: false,
    },
];

const fn nullable(table: &'static str, name: &'static str, kind: crate::table::Kind) -> ColumnSpec {
    ColumnSpec { table, name, kind, default: None }
}

const fn no(table: &'static str, name: &'static str) -> ColumnSpec {
    ColumnSpec { table, name, kind: Boolean, default: Some("false") }
}

/// What it adds to tables that are there.
pub const COLUMNS: &[ColumnSpec] = &[
    // Null: with two or more people who may.
    nullable("organization", "needs_second_person", OptionalBoolean),
    nullable("reconciliation_run", "policy_version", OptionalBig),
    nullable("reconciliation_run", "previous_report_id", OptionalUuid),
    nullable("report", "policy_version", OptionalBig),
    no("report", "is_provisional"),
    no("report_line", "is_provisional"),
    nullable("discrepancy_occurrence", "root_cause", OptionalText),
    nullable("discrepancy_occurrence", "suppression_rule_id", OptionalUuid),
    nullable("discrepancy", "assignee", OptionalText),
    nullable("discrepancy", "due_on", OptionalDate),
    nullable("discrepancy", "resolution", OptionalText),
    nullable("discrepancy", "decision_scope", OptionalText),
    nullable("discrepancy", "decision_until", OptionalDate),
    nullable("discrepancy", "decision_reason", OptionalText),
    nullable("discrepancy", "decided_by", OptionalText),
    nullable("discrepancy", "decided_at", OptionalTimestamp),
    // The months that it was made on with their amounts, as JSON.
    nullable("discrepancy", "decided_months", OptionalText),
    nullable("discrepancy", "suppression_rule_id", OptionalUuid),
];

/// What it does besides.
pub const STATEMENTS: &[&str] =
    &["CREATE INDEX ix_discrepancy_suprul ON discrepancy (organization_id, suppression_rule_id)", SPEAKING];

/// Lets the latest report that covers a month speak for it.
const SPEAKING: &str = "\
INSERT INTO billing_period (organization_id, integration_id, period, report_id, status, is_single_handed, version) \
SELECT report.organization_id, report.integration_id, month.period, report.id, 'OPEN', false, 1 \
FROM report JOIN (SELECT DISTINCT organization_id, report_id, period FROM report_line) month \
ON month.organization_id = report.organization_id AND month.report_id = report.id \
WHERE report.is_complete AND NOT EXISTS (SELECT 1 FROM report later \
WHERE later.organization_id = report.organization_id AND later.integration_id = report.integration_id \
AND later.is_complete AND later.period_from <= month.period AND month.period <= later.period_to \
AND (later.created_at > report.created_at OR (later.created_at = report.created_at AND later.id > report.id)))";
