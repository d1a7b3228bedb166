//! `discrepancyNoteAdd`.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::discrepancy_work::{discrepancy_id, refused};
use crate::domain::access::Role;
use crate::graphql::context::{caller, require_any, services};
use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::decision::DiscrepancyNote;

/// Input of `discrepancyNoteAdd`.
#[derive(InputObject)]
pub struct DiscrepancyNoteAddInput {
    /// Global ID of the discrepancy.
    discrepancy_id: ID,
    /// Text of 1 to 2,000 characters.
    text: String,
}

/// Payload of `discrepancyNoteAdd`.
#[derive(SimpleObject)]
pub struct DiscrepancyNoteAddPayload {
    /// Note. Null when it was not done.
    note: Option<DiscrepancyNote>,
    /// Reasons why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// `discrepancyNoteAdd`.
#[derive(Default)]
pub struct DiscrepancyNoteAdd;

#[Object]
impl DiscrepancyNoteAdd {
    /// Writes a note about a discrepancy, which stays. Needs the role OPERATOR or FINANCE.
    async fn discrepancy_note_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to do.")] input: DiscrepancyNoteAddInput,
    ) -> Option<Result<DiscrepancyNoteAddPayload, Failure>> {
        if let Err(forbidden) = require_any(ctx, &[Role::Operator, Role::Finance]) {
            return Some(Err(forbidden));
        }
        let done = |object| DiscrepancyNoteAddPayload { note: Some(object), user_errors: Vec::new() };
        let refusal = |error| DiscrepancyNoteAddPayload { note: None, user_errors: vec![error] };
        let written = async {
            let id = discrepancy_id(&input.discrepancy_id)?;
            services(ctx).discrepancy.add_note(caller(ctx), id, input.text).await
        };
        Some(match written.await {
            Ok(note) => Ok(done(DiscrepancyNote::from(note))),
            Err(error) => refused(error, "text").map(refusal),
        })
    }
}
