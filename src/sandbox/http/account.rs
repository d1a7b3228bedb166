//! What the holder of a token may see. It knows nothing about how the token was got.

use axum::http::StatusCode;

use super::reply::Refusal;

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Every list.
    Everything,
    /// Every list but the invoices, and at the PSA, whose surface has none, the contacts.
    WithoutInvoices,
    /// No list, because the account is not a partner's.
    OfAnotherKind,
    /// No list, because the scope that lists need was not granted.
    OutsideScope,
}

impl Rights {
    /// Refuses the paths that these rights do not open.
    pub fn check(self, segments: &[&str]) -> Result<(), Refusal> {
        let refuse = |message: &str| Err(Refusal::new(StatusCode::FORBIDDEN, message));
        match (self, segments) {
            (Self::WithoutInvoices, ["invoices", ..] | ["billing", "api", "v1", "contacts", ..]) => {
                refuse("The user does not have the permission that this needs")
            }
            (Self::Everything | Self::WithoutInvoices, _) => Ok(()),
            (Self::OfAnotherKind, _) => refuse("Access denied for this account type"),
            (Self::OutsideScope, _) => refuse("Insufficient scope"),
        }
    }
}
