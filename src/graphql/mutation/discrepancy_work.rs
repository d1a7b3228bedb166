//! What the mutations on discrepancies have in common.

use async_graphql::ID;

use crate::domain::decision::DecisionScope;
use crate::domain::id::DiscrepancyId;
use crate::graphql::error::{Failure, UserError};
use crate::graphql::id::{NodeKind, decode_as};
use crate::graphql::object::decision::ScopeKind;
use crate::graphql::object::discrepancy::DiscrepancyObject;
use crate::graphql::object::node::Node;
use crate::graphql::scalar::Date;
use crate::service::discrepancy::{LONGEST_DECISION, MAX_NAME, MAX_TEXT, WorkError};
use crate::storage::discrepancy::StoredDiscrepancy;

/// The discrepancy that a global id names.
pub(super) fn discrepancy_id(id: &ID) -> Result<DiscrepancyId, WorkError> {
    decode_as(id, NodeKind::Discrepancy).map(DiscrepancyId).ok_or(WorkError::NotFound)
}

/// The months that a decision is to hold for; what is wrong with the day when there can be none.
pub(super) fn scope(kind: Option<ScopeKind>, until: Option<Date>) -> Result<DecisionScope, &'static str> {
    match (kind.unwrap_or_default(), until) {
        (ScopeKind::ThesePeriods, None) => Ok(DecisionScope::ThesePeriods),
        (ScopeKind::WhileUnchanged, None) => Ok(DecisionScope::WhileUnchanged),
        (ScopeKind::Until, Some(day)) => Ok(DecisionScope::Until(day.0)),
        (ScopeKind::Until, None) => Err("Say until which day the decision holds."),
        (ScopeKind::ThesePeriods | ScopeKind::WhileUnchanged, Some(_)) => {
            Err("Give a day together with the scope UNTIL alone.")
        }
    }
}

fn node(discrepancy: StoredDiscrepancy) -> Node {
    Node::Discrepancy(DiscrepancyObject(discrepancy))
}

/// Why nothing was done, for the caller. `text` is the name of the input that holds the person's words.
pub(super) fn refused(error: WorkError, text: &str) -> Result<UserError, Failure> {
    let (id, text) = (["input", "discrepancyId"], ["input", text]);
    Ok(match error {
        WorkError::NotFound => UserError::not_found(&id, "discrepancy"),
        WorkError::Stale(present) => UserError::stale(&["input", "expectedVersion"], node(*present)),
        WorkError::Closed { period, present } => UserError::invalid_transition(
            &id,
            format!(
                "All its months are closed, the last of them is {period}, so what is said about it stays. Reopen a month \
                 first."
            ),
            node(*present),
        ),
        WorkError::Settled(present) => UserError::invalid_transition(
            &id,
            "The discrepancy is settled already, in another way. Reopen it first.",
            node(*present),
        ),
        WorkError::TextMissing => UserError::input(&text, "Say something here."),
        WorkError::TextTooLong => {
            UserError::input(&text, format!("Write at most {MAX_TEXT} characters, and at most {MAX_NAME} for a name."))
        }
        WorkError::BadDay => UserError::input(
            &["input", "until"],
            format!("The day is over already, or more than {LONGEST_DECISION} days away. Give another one."),
        ),
        WorkError::Forbidden(error) => return Err(error.into()),
        WorkError::Internal(error) => return Err(error.into()),
    })
}
