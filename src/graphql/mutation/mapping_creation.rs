//! What the mutations that map by hand have in common.

use crate::graphql::error::{Failure, UserError};
use crate::graphql::object::mapping::node;
use crate::service::mapping::{CreateMappingError, MappingField};

/// Why a pair was not mapped, for the caller; `name` gives the input field of a value.
pub(super) fn refused(
    error: CreateMappingError,
    name: impl Fn(MappingField) -> &'static str,
) -> Result<UserError, Failure> {
    Ok(match error {
        CreateMappingError::NotFound(field) => {
            let what = match field {
                MappingField::Pax8Record => "record at Pax8",
                MappingField::PsaRecord => "record at the PSA",
                _ => "customer at the PSA",
            };
            UserError::not_found(&["input", name(field)], what)
        }
        CreateMappingError::Input(field, message) => UserError::input(&["input", name(field)], message),
        CreateMappingError::Conflict(rival) => {
            UserError::mapping_conflict(&["input", name(MappingField::Pax8Record)], rival.map(|rival| node(*rival)))
        }
        CreateMappingError::Forbidden(error) => return Err(error.into()),
        CreateMappingError::Internal(error) => return Err(error.into()),
    })
}
