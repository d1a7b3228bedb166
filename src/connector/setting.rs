//! Settings of a connector that cannot be used: said before they are stored, and with the name of the one to blame.

use std::fmt::Display;

use thiserror::Error;

use super::ConnectorError;

/// Why a connector cannot be set up so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SettingError {
    /// The setting, in the connector's own words (`limits.concurrency`); empty when it is none in particular.
    pub setting: String,
    /// What is wrong, as a sentence fragment.
    pub message: String,
}

impl SettingError {
    /// A setting is to blame.
    pub fn new(setting: &str, message: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), message: message.into() }
    }
}

/// A stored setting can turn bad: an operator may forbid later what was allowed.
impl From<SettingError> for ConnectorError {
    fn from(error: SettingError) -> Self {
        Self::Unsupported(error.message)
    }
}

/// Whether a number lies between two limits, themselves allowed.
pub fn between<T: PartialOrd + Display>(setting: &str, value: T, limits: (T, T)) -> Result<(), SettingError> {
    if (&limits.0..=&limits.1).contains(&&value) {
        return Ok(());
    }
    let message = format!("the setting `{setting}` is {value} and has to be from {} to {}", limits.0, limits.1);
    Err(SettingError::new(setting, message))
}

/// How a client behaves, as it is set: numbers from outside, which have to be bounded before they are used.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Requests a minute.
    pub requests_per_minute: u32,
    /// The provider's own limit of them.
    pub documented_per_minute: u32,
    /// Requests under way at the same time.
    pub concurrency: usize,
    /// Time for one request, in seconds.
    pub timeout_seconds: u64,
    /// How often a read is tried.
    pub max_tries: usize,
    /// Wait before the second try, in milliseconds.
    pub first_delay_milliseconds: u64,
    /// Longest wait that the provider may ask for, in seconds.
    pub max_retry_after_seconds: u64,
}

/// More than any stand-in on the same machine answers.
const OWN_MACHINE_PER_MINUTE: u32 = 1_000_000;

impl Manners {
    /// Whether every number can be used; `prefix` stands before the names of the settings. A stand-in on this machine
    /// has no limit that anybody documented.
    pub fn check(&self, prefix: &str, is_on_this_machine: bool) -> Result<(), SettingError> {
        let most = if is_on_this_machine { OWN_MACHINE_PER_MINUTE } else { self.documented_per_minute };
        let name = |setting: &str| format!("{prefix}{setting}");
        between(&name("requests_per_minute"), self.requests_per_minute, (1, most))?;
        between(&name("concurrency"), self.concurrency, (1, 32))?;
        between(&name("timeout_seconds"), self.timeout_seconds, (1, 600))?;
        between(&name("max_tries"), self.max_tries, (1, 10))?;
        between(&name("first_delay_milliseconds"), self.first_delay_milliseconds, (0, 60_000))?;
        between(&name("max_retry_after_seconds"), self.max_retry_after_seconds, (0, 3600))
    }
}

/// Longest time before its end that a token is replaced, in seconds.
pub const LONGEST_SKEW_SECONDS: u64 = 3600;
