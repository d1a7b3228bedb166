//! The one place that turns errors into GraphQL: `userErrors` for what the caller can put right, top-level errors with
//! `extensions.code` for the rest.

use async_graphql::{Enum, Error, ErrorExtensions as _, Interface, SimpleObject};

use super::object::account::ProviderAccountObject;
use super::object::node::Node;
use super::object::sync_run::SyncRunObject;
use crate::connector::{ConnectorError, is_of_billing};
use crate::domain::access::Forbidden;
use crate::domain::provider::ConnectionMethod;
use crate::service::reconciliation::ReconciliationError;
use crate::service::setup::{AccountError, IntegrationError};
use crate::service::sync::SyncError;
use crate::service::{Internal, ReadError};

/// A reason why a whole field could not be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The caller's arguments cannot be used; the text is a full sentence that says what to do.
    BadInput(String),
    /// The caller lacks a role.
    Forbidden(String),
    /// A provider did not answer a live question.
    ProviderUnavailable(String),
    /// Our fault; logged with the id under which support finds it.
    Internal {
        /// Id of the request.
        correlation_id: String,
    },
}

impl Failure {
    /// The caller's arguments cannot be used.
    pub fn bad_input(sentence: impl Into<String>) -> Self {
        Self::BadInput(sentence.into())
    }
}

impl From<Forbidden> for Failure {
    fn from(error: Forbidden) -> Self {
        Self::Forbidden(error.to_string())
    }
}

impl From<Internal> for Failure {
    fn from(error: Internal) -> Self {
        Self::Internal { correlation_id: error.correlation_id }
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Forbidden(error) => error.into(),
            SyncError::Internal(error) => error.into(),
            other => Self::BadInput(format!("{other}.")),
        }
    }
}

impl From<ReconciliationError> for Failure {
    fn from(error: ReconciliationError) -> Self {
        match error {
            ReconciliationError::Forbidden(error) => error.into(),
            ReconciliationError::Internal(error) => error.into(),
            other => Self::BadInput(format!("{other}.")),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Forbidden(error) => error.into(),
            ReadError::Internal(error) => error.into(),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Forbidden(error) => error.into(),
            AccountError::Internal(error) => error.into(),
            AccountError::Provider { error, .. } => Self::ProviderUnavailable(format!("{error}.")),
            other => Self::BadInput(format!("{other}.")),
        }
    }
}

impl From<IntegrationError> for Failure {
    fn from(error: IntegrationError) -> Self {
        match error {
            IntegrationError::Forbidden(error) => error.into(),
            IntegrationError::Internal(error) => error.into(),
            other => Self::BadInput(format!("{other}.")),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let (code, message) = match failure {
            Failure::BadInput(message) => ("BAD_USER_INPUT", message),
            Failure::Forbidden(message) => ("FORBIDDEN", message),
            Failure::ProviderUnavailable(message) => ("PROVIDER_UNAVAILABLE", message),
            Failure::Internal { correlation_id } => (
                "INTERNAL",
                format!(
                    "Something went wrong on our side. Please try again; if it stays, tell your operator the \
                     correlation ID {correlation_id}."
                ),
            ),
        };
        Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
    }
}

/// Machine-readable reason of a user error. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// An input value is malformed, out of range or contradicts another.
    InvalidInput,
    /// The object that an ID refers to does not exist or is not visible to the caller.
    NotFound,
    /// The object's status does not allow the action.
    InvalidTransition,
    /// The object changed since the caller read it.
    StaleVersion,
    /// One of the records is already part of another mapping that holds.
    MappingConflict,
    /// The list that the caller saw has changed since.
    ListChanged,
    /// The provider account is not connected, or no longer.
    ProviderNotAuthorized,
    /// The provider understood the request and refused it.
    ProviderRejected,
    /// The provider could not be reached or asked us to wait.
    ProviderUnavailable,
    /// A job of the same kind is already running for this integration.
    JobAlreadyRunning,
}

/// A reason why a mutation did not do what was asked, which the caller can act on. Read `code` to branch, `message` to
/// show. Types that carry more data implement this interface; new ones may be added at any time.
#[derive(Clone, Interface)]
#[graphql(
    field(name = "code", ty = "&UserErrorCode", desc = "Machine-readable reason."),
    field(name = "message", ty = "&String", desc = "Sentence for the person in front of the screen."),
    field(
        name = "field",
        ty = "&Option<Vec<String>>",
        desc = "Path to the input value at fault, for example `[\"input\", \"name\"]`; null when no single value is."
    )
)]
pub enum UserError {
    /// See the type.
    Input(InputError),
    /// See the type.
    NotFound(NotFoundError),
    /// See the type.
    InvalidTransition(InvalidTransitionError),
    /// See the type.
    StaleVersion(StaleVersionError),
    /// See the type.
    MappingConflict(MappingConflictError),
    /// See the type.
    ListChanged(ListChangedError),
    /// See the type.
    ProviderNotAuthorized(ProviderNotAuthorizedError),
    /// See the type.
    Provider(ProviderError),
    /// See the type.
    JobAlreadyRunning(JobAlreadyRunningError),
}

macro_rules! user_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, SimpleObject)]
        pub struct $name {
            /// Machine-readable reason.
            pub code: UserErrorCode,
            /// Sentence for the person in front of the screen.
            pub message: String,
            /// Path to the input value at fault; null when no single value is.
            pub field: Option<Vec<String>>,
            $($(#[$field_doc])* pub $field: $type,)*
        }
    };
}

user_error! {
    /// An input value is malformed, out of range or contradicts another.
    InputError {}
}
user_error! {
    /// The object that an ID refers to does not exist or is not visible to the caller.
    NotFoundError {}
}
user_error! {
    /// The object's status does not allow the action.
    InvalidTransitionError {
        /// Object in its present state.
        subject: Node,
    }
}
user_error! {
    /// The object changed since the caller read it. Read it again, then decide again.
    StaleVersionError {
        /// Object in its present state.
        subject: Node,
    }
}
user_error! {
    /// One of the records is already part of another mapping that holds.
    MappingConflictError {
        /// Mapping that stands in the way.
        conflicting_mapping: Option<Node>,
    }
}
user_error! {
    /// The list that the caller saw has changed since. Read it again, then decide again.
    ListChangedError {
        /// Number of items on the list now.
        count: u64,
        /// Fingerprint of the list now.
        fingerprint: String,
    }
}
user_error! {
    /// The provider account is not connected, or no longer.
    ProviderNotAuthorizedError {
        /// Account to connect.
        account: ProviderAccountObject,
    }
}
user_error! {
    /// The provider understood the request and refused it, or could not be reached.
    ProviderError {
        /// Error code as the provider gave it.
        provider_code: Option<String>,
        /// Seconds to wait before trying again, when the provider said so.
        retry_after_seconds: Option<u64>,
    }
}
user_error! {
    /// A job of the same kind is already running for this integration.
    JobAlreadyRunningError {
        /// Run to follow instead; null when it has just ended, or is not a sync run.
        sync_run: Option<SyncRunObject>,
    }
}

fn path(field: &[&str]) -> Option<Vec<String>> {
    if field.is_empty() { None } else { Some(field.iter().map(|part| (*part).to_owned()).collect()) }
}

impl UserError {
    /// An input value cannot be used; `message` is a full sentence.
    pub fn input(field: &[&str], message: impl Into<String>) -> Self {
        Self::Input(InputError { code: UserErrorCode::InvalidInput, message: message.into(), field: path(field) })
    }

    /// There is no such object, as far as the caller may know. `what` completes "There is no ... with this ID."
    pub fn not_found(field: &[&str], what: &str) -> Self {
        let message = format!("There is no {what} with this ID. It may have been removed, or belong to somebody else.");
        Self::NotFound(NotFoundError { code: UserErrorCode::NotFound, message, field: path(field) })
    }

    /// The object changed in the meantime.
    pub fn stale(field: &[&str], subject: Node) -> Self {
        let message = "Somebody changed this in the meantime. Read it again, then decide again.".to_owned();
        Self::StaleVersion(StaleVersionError {
            code: UserErrorCode::StaleVersion,
            message,
            field: path(field),
            subject,
        })
    }

    /// The object's status does not allow the action; `message` is a full sentence.
    pub fn invalid_transition(field: &[&str], message: impl Into<String>, subject: Node) -> Self {
        let (code, message) = (UserErrorCode::InvalidTransition, message.into());
        Self::InvalidTransition(InvalidTransitionError { code, message, field: path(field), subject })
    }

    /// Another mapping of the record holds.
    pub fn mapping_conflict(field: &[&str], conflicting_mapping: Option<Node>) -> Self {
        let message = match &conflicting_mapping {
            Some(_) => "Another mapping of this record holds. Remove or reject that one first, then try again.",
            None => "Somebody else changed the mappings of this record at the same moment. Read them again.",
        };
        Self::MappingConflict(MappingConflictError {
            code: UserErrorCode::MappingConflict,
            message: message.to_owned(),
            field: path(field),
            conflicting_mapping,
        })
    }

    /// The list that the caller saw has changed since.
    pub fn list_changed(field: &[&str], count: u64, fingerprint: String) -> Self {
        let message = "The list changed since you saw it. Read it again, then decide again.".to_owned();
        let (code, field) = (UserErrorCode::ListChanged, path(field));
        Self::ListChanged(ListChangedError { code, message, field, count, fingerprint })
    }

    /// What a provider answered to an account that is connected in some way, where that is known.
    pub fn provider(field: &[&str], error: &ConnectorError, method: Option<ConnectionMethod>) -> Self {
        let field = path(field);
        let again = match method {
            _ if is_of_billing(error) => {
                "Set the user and password of Rev.io Billing again (`providerCredentialsSet`, or \
                 `providerAccountAuthorizationStart` for a login)."
            }
            Some(ConnectionMethod::Keys) => {
                "Check the keys and set them again, or connect with a login at the provider \
                 (`providerAccountAuthorizationStart`)."
            }
            Some(ConnectionMethod::Delegated) => {
                "Authorize the account again (`providerAccountAuthorizationStart`), or connect with keys \
                 (`providerCredentialsSet`)."
            }
            None => "Connect the account again, with keys or with a login at the provider.",
        };
        let (code, message, provider_code, retry_after_seconds) = match error {
            ConnectorError::Unauthorized { provider, message } => (
                UserErrorCode::ProviderRejected,
                format!("{provider} refused the credentials: {message}. {again}"),
                None,
                None,
            ),
            ConnectorError::Forbidden { provider, message } => (
                UserErrorCode::ProviderRejected,
                format!("{provider} does not allow this: {message}. Ask for the missing permission there."),
                None,
                None,
            ),
            ConnectorError::NotFound { provider, what } => (
                UserErrorCode::ProviderRejected,
                format!("{provider} does not know {what}. Check the address in the settings of the account."),
                None,
                None,
            ),
            ConnectorError::Refused { provider, code, message } => (
                UserErrorCode::ProviderRejected,
                format!("{provider} refused the request: {message}."),
                code.clone(),
                None,
            ),
            ConnectorError::RateLimited { provider, retry_after } => (
                UserErrorCode::ProviderUnavailable,
                format!("{provider} asks to wait before the next request. Try again later."),
                None,
                retry_after.map(|wait| wait.as_secs()),
            ),
            ConnectorError::Unavailable { provider, message } => (
                UserErrorCode::ProviderUnavailable,
                format!("{provider} cannot be reached: {message}. Check the address and try again."),
                None,
                None,
            ),
            ConnectorError::Malformed { provider, message } => (
                UserErrorCode::ProviderUnavailable,
                format!(
                    "{provider} answered something that is not its API: {message}. Check the address in the settings \
                     of the account; a login page or a proxy may stand in between."
                ),
                None,
                None,
            ),
            ConnectorError::Superseded { provider } => (
                UserErrorCode::ProviderUnavailable,
                format!(
                    "The connection to {provider} was replaced or ended while this was under way. Look at the account, then \
                     try again."
                ),
                None,
                None,
            ),
            ConnectorError::Unsupported(message) => {
                let message = message.trim_end_matches('.');
                (
                    UserErrorCode::ProviderRejected,
                    format!("The account cannot be used as it is set: {message}."),
                    None,
                    None,
                )
            }
        };
        Self::Provider(ProviderError { code, message, field, provider_code, retry_after_seconds })
    }
}
