//! What a resolver finds in its context: who calls, and the services.

use async_graphql::Context;

use crate::domain::access::{Caller, Role};
use crate::service::Services;

use super::error::Failure;

/// Who calls. The transport puts it there before any resolver runs.
pub fn caller<'a>(ctx: &Context<'a>) -> &'a Caller {
    ctx.data::<Caller>().expect("the transport authenticates every operation before it runs")
}

/// The services. The schema is built with them.
pub fn services<'a>(ctx: &Context<'a>) -> &'a Services {
    ctx.data::<Services>().expect("the schema is built with the services")
}

/// Refuses a caller who lacks the role.
pub fn require(ctx: &Context<'_>, role: Role) -> Result<(), Failure> {
    caller(ctx).require(role).map_err(Failure::from)
}
