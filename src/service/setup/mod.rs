//! Setting up: integrations, their provider accounts and settings.

mod account;
mod integration;

pub use account::{AccountError, Credentials, CredentialsSet};
pub use integration::{CreateIntegration, IntegrationError, UpdateSettings};

use super::Core;

/// Setting up.
#[derive(Clone)]
pub struct SetupService {
    core: Core,
}

impl SetupService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }
}
