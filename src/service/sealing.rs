//! Where sealed values stand, and what binds each to its place: moved to another account or another column, it does not
//! open.

use crate::domain::id::{OrganizationId, ProviderAccountId};

/// A column with a sealed value that belongs to a provider account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedPlace {
    /// Keys of the account.
    Secret,
    /// Secret of the application that a person consented to, or is about to.
    ApplicationSecret,
    /// Access and refresh token.
    Tokens,
    /// Secret that binds a code to us, of an attempt that is under way.
    CodeVerifier,
}

impl SealedPlace {
    /// The bytes that a value is bound to.
    pub fn associated(self, organization_id: OrganizationId, account_id: ProviderAccountId) -> Vec<u8> {
        let row = format!("provider_account:{organization_id}:{account_id}");
        match self {
            Self::Secret => row,
            Self::ApplicationSecret => format!("{row}:application_secret"),
            Self::Tokens => format!("{row}:tokens"),
            Self::CodeVerifier => format!("{row}:code_verifier"),
        }
        .into_bytes()
    }
}
