//! What each role has to see of an answer, and where an answer is otherwise.
//!
//! An administrator sees everything; the answer to any other role has to be the same, except where a description says
//! that a role is needed: there is nothing there but one refusal, and the neighbours survive.

use serde_json::{Value, json};

use super::document::{Asked, Document};
use super::schema::Schema;

/// A field whose description does not say `Needs the role X.`, and that is not the same for everyone all the same.
pub enum Exception {
    /// Needs the role where the object, or the item, that an administrator sees is of this sort.
    NeedsWhere(&'static str, fn(&Value, &Value) -> bool),
    /// Answers differently, but answers, without the role.
    DiffersWithout(&'static str),
    /// Differs from request to request, or from caller to caller.
    NeverTheSame,
}

use Exception::{DiffersWithout, NeedsWhere, NeverTheSame};

fn is_about_cost(signal: &Value, _: &Value) -> bool {
    signal["kind"] == "COST"
}

fn is_of_pax8(part: &Value, _: &Value) -> bool {
    part["provider"] == "PAX8"
}

fn is_for_administrators(_: &Value, node: &Value) -> bool {
    node["__typename"] == "AuditEvent" || node["__typename"] == "ApiToken"
}

/// The exceptions. Everything here is conditional in its description too.
pub const EXCEPTIONS: &[(&str, Exception)] = &[
    ("MatchSignal.contribution", NeedsWhere("FINANCE", is_about_cost)),
    ("MatchSignal.pax8Value", NeedsWhere("FINANCE", is_about_cost)),
    ("MatchSignal.psaValue", NeedsWhere("FINANCE", is_about_cost)),
    ("ReportCoverage.amount", NeedsWhere("FINANCE", is_of_pax8)),
    ("ReportProvisionalPart.amount", NeedsWhere("FINANCE", is_of_pax8)),
    ("SuppressionRule.largestAmount", NeedsWhere("FINANCE", |_, _| true)),
    ("Query.node", NeedsWhere("ADMIN", is_for_administrators)),
    ("Query.nodes", NeedsWhere("ADMIN", is_for_administrators)),
    ("DiscrepancyOccurrence.severity", DiffersWithout("FINANCE")),
    ("DiscrepancyOccurrenceEdge.cursor", DiffersWithout("FINANCE")),
    ("PolicySwitch.value", DiffersWithout("FINANCE")),
    ("ReconciliationPolicySwitch.value", DiffersWithout("FINANCE")),
    ("ReportComparison.changedCount", DiffersWithout("FINANCE")),
    ("ReportComparison.changes", DiffersWithout("FINANCE")),
    ("SyncIssue.message", DiffersWithout("FINANCE")),
    ("ReportDownload.hasCost", DiffersWithout("FINANCE")),
    ("ApiToken.lastUsedAt", NeverTheSame),
    ("ReportDownload.path", NeverTheSame),
    ("ReportDownload.expiresAt", NeverTheSame),
    ("Viewer.displayName", NeverTheSame),
    ("Viewer.roles", NeverTheSame),
];

/// Descriptions that speak of roles and are about no field of an answer: what is asked with, and explanations.
pub const SPEAK_OF_ROLES: &[&str] = &[
    "ApiToken.roles",
    "DiscrepancyOccurrenceFilter.severities",
    "DiscrepancyOrderField.MAGNITUDE",
    "DiscrepancyOrderField.SEVERITY",
    "OrganizationSettings.twoPersonPeriodClose",
];

/// Fails when a description speaks of a role in a way that this test does not know.
pub fn check_descriptions(schema: &Schema) {
    let mut unknown = Vec::new();
    for (place, description) in schema.described() {
        let is_known = description.contains("Needs the role ")
            || EXCEPTIONS.iter().any(|(known, _)| *known == place)
            || SPEAK_OF_ROLES.contains(&place.as_str());
        if !is_known {
            unknown.push(format!("{place}: {description}"));
        }
    }
    assert!(
        unknown.is_empty(),
        "say `Needs the role X.`, or list these in EXCEPTIONS or SPEAK_OF_ROLES:\n{}",
        unknown.join("\n")
    );
}

/// Whether the role is one of those that are needed, or has it included.
pub fn is_enough(role: &str, needed: &[&str]) -> bool {
    needed.is_empty() || role == "ADMIN" || needed.contains(&role) || needed.contains(&"VIEWER")
}

/// What is wrong with an answer, given what an administrator sees.
pub fn complaints(document: &Document, role: &str, owner: &Value, seen: &Value) -> Vec<String> {
    let errors = seen["errors"].as_array().cloned().unwrap_or_default();
    let mut verdict = Verdict { role, errors, complaints: Vec::new() };
    verdict.object(&document.asked, &owner["data"], &seen["data"], &mut Vec::new());
    for error in &verdict.errors {
        verdict.complaints.push(format!("{role}: nothing explains the error {error}"));
    }
    verdict.complaints
}

struct Verdict<'a> {
    role: &'a str,
    /// Errors that nothing has explained yet.
    errors: Vec<Value>,
    complaints: Vec<String>,
}

impl Verdict<'_> {
    fn complain(&mut self, asked: &Asked, path: &[Value], what: impl std::fmt::Display) {
        let path = Value::from(path);
        self.complaints.push(format!("{}: {}.{} at {path} {what}", self.role, asked.on, asked.field.name));
    }

    fn object(&mut self, below: &[Asked], owner: &Value, seen: &Value, path: &mut Vec<Value>) {
        for asked in below {
            if asked.is_conditional && owner["__typename"] != asked.on.as_str() {
                continue;
            }
            path.push(json!(asked.alias));
            self.field(asked, owner, (&owner[&asked.alias], &seen[&asked.alias]), path);
            path.pop();
        }
    }

    fn field(&mut self, asked: &Asked, of: &Value, (owner, seen): (&Value, &Value), path: &mut Vec<Value>) {
        let place = format!("{}.{}", asked.on, asked.field.name);
        let exception = EXCEPTIONS.iter().find(|(known, _)| *known == place).map(|(_, exception)| exception);
        if !is_enough(self.role, &asked.needed) {
            self.refused(asked, &asked.needed, seen, path);
            return;
        }
        match exception {
            Some(NeedsWhere(role, is_where)) if !is_enough(self.role, &[role]) && is_where(of, owner) => {
                self.refused(asked, &[role], seen, path);
            }
            Some(NeverTheSame) => {}
            Some(DiffersWithout(role)) if !is_enough(self.role, &[role]) => self.forget_refusals(path),
            _ => self.value(asked, of, (owner, seen), path),
        }
    }

    /// There is nothing but one refusal, which names a role that would do.
    fn refused(&mut self, asked: &Asked, needed: &[&str], seen: &Value, path: &mut [Value]) {
        let here = Value::from(&*path);
        let (found, others): (Vec<Value>, Vec<Value>) = self.errors.drain(..).partition(|error| error["path"] == here);
        self.errors = others;
        let is_refusal = |error: &Value| {
            let message = error["message"].as_str().unwrap_or_default();
            error["extensions"]["code"] == "FORBIDDEN" && needed.iter().any(|role| message.contains(role))
        };
        if found.len() != 1 || !found.iter().all(is_refusal) {
            self.complain(asked, path, format_args!("needs {needed:?}, and the errors are {found:?}"));
        }
        if !seen.is_null() {
            self.complain(asked, path, format_args!("needs {needed:?}, and answers {seen}"));
        }
    }

    fn forget_refusals(&mut self, path: &[Value]) {
        self.errors.retain(|error| {
            let is_below = error["path"].as_array().is_some_and(|found| found.starts_with(path));
            !(is_below && error["extensions"]["code"] == "FORBIDDEN")
        });
    }

    fn value(&mut self, asked: &Asked, of: &Value, (owner, seen): (&Value, &Value), path: &mut Vec<Value>) {
        match (owner, seen) {
            (Value::Array(owners), Value::Array(items)) if asked.is_composite => {
                if owners.len() != items.len() {
                    self.complain(asked, path, format_args!("has {} items, not {}", items.len(), owners.len()));
                    return;
                }
                for (at, pair) in owners.iter().zip(items).enumerate() {
                    path.push(json!(at));
                    self.item(asked, of, pair, path);
                    path.pop();
                }
            }
            (Value::Object(_), Value::Object(_)) if asked.is_composite => {
                if owner["__typename"] != seen["__typename"] {
                    self.complain(asked, path, format_args!("is a {}", seen["__typename"]));
                }
                self.object(&asked.below, owner, seen, path);
            }
            _ if owner == seen => {}
            _ => self.complain(asked, path, format_args!("answers {seen}, not {owner}")),
        }
    }

    /// An item of a list; one that may not be seen does not take its neighbours along.
    fn item(&mut self, asked: &Asked, of: &Value, (owner, seen): (&Value, &Value), path: &mut Vec<Value>) {
        let is_list_of_nodes = asked.field.type_name == "Node";
        if is_list_of_nodes {
            self.field(asked, of, (owner, seen), path);
        } else {
            self.value(asked, of, (owner, seen), path);
        }
    }
}
