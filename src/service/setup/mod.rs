//! Setting up: integrations, their provider accounts and settings.

mod account;
mod authorization;
mod disconnect;
mod integration;
mod parting;

pub use account::{AccountError, Credentials, CredentialsSet};
pub use authorization::{
    ATTEMPT_MINUTES, Authorized, NewApplication, ReturnError, Returned, StartAuthorization, StartedAuthorization,
};
pub use disconnect::Disconnected;
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
