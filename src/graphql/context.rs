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

/// Refuses a caller who has none of the roles. Mutations ask before they look at their input, so that who may not change
/// anything learns nothing about what is there; the services ask again.
pub fn require_any(ctx: &Context<'_>, roles: &[Role]) -> Result<(), Failure> {
    let caller = caller(ctx);
    let mut refusals = roles.iter().map(|role| caller.require(*role));
    match refusals.next() {
        None => Ok(()),
        Some(first) => {
            first.or_else(|refusal| refusals.find(Result::is_ok).unwrap_or(Err(refusal))).map_err(Failure::from)
        }
    }
}

/// Refuses a caller who lacks the role.
pub fn require(ctx: &Context<'_>, role: Role) -> Result<(), Failure> {
    caller(ctx).require(role).map_err(Failure::from)
}
