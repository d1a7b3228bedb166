//! Who is calling: the bearer token of a request, and the trait that turns it into an identity. The transport knows
//! nothing about tokens, roles or organizations; it carries what the authenticator found to the resolvers.

use std::any::Any;
use std::sync::Arc;

use async_graphql::Data;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::{HeaderMap, header};
use tokio::time::Instant;

/// Turns a bearer token into an identity.
#[async_trait::async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Says whose token this is.
    async fn authenticate(&self, bearer: &str) -> Result<Identity, AuthenticationFailure>;

    /// Says whether an identity that opened a stream or socket may go on; asked at intervals while it is open.
    async fn still_valid(&self, identity: &Identity) -> Result<(), AuthenticationFailure>;

    /// Has an item whenever there is a reason to ask `still_valid` about an identity at once.
    fn changes(&self, _: &Identity) -> BoxStream<'static, ()> {
        stream::pending().boxed()
    }
}

/// Why a caller is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationFailure {
    /// No token came with the request.
    #[error(
        "This endpoint needs a token: send the header `Authorization: Bearer TOKEN`. `concord token create` makes one."
    )]
    Missing,
    /// What came is not a bearer token.
    #[error(
        "The authorization cannot be read: send it as `Authorization: Bearer TOKEN`, once, with nothing behind it."
    )]
    Malformed,
    /// Nobody knows the token.
    #[error("The token is not known here: check that it was copied whole, or make one with `concord token create`.")]
    Unknown,
    /// The token was good once.
    #[error("The token has expired: sign in again, or make a new one with `concord token create`.")]
    Expired,
    /// Somebody withdrew the token.
    #[error("The token was revoked: ask an administrator for a new one.")]
    Revoked,
    /// The token is not good enough, for a reason that the authenticator gives as a full sentence.
    #[error("{0}")]
    Refused(String),
    /// The token could not be checked; the text is for the log alone.
    #[error("The token could not be checked right now: try again in a moment.")]
    Unavailable(String),
    /// The same, and who was asked has logged why, so that strangers cannot fill the log.
    #[error("The token could not be checked right now: try again in a moment.")]
    Undecided,
}

/// A caller that was let in. Carries a value of the authenticator's choice, which resolvers find under its own type
/// (`context.data::<Caller>()`).
#[derive(Clone)]
pub struct Identity {
    key: Arc<str>,
    caller: Arc<dyn Carried>,
    ends_at: Option<Instant>,
}

impl Identity {
    /// An identity; those with an equal `key` (the token's id) share their limits.
    pub fn new<T: Clone + Send + Sync + 'static>(key: impl Into<Arc<str>>, caller: T) -> Self {
        Self { key: key.into(), caller: Arc::new(Holder(caller)), ends_at: None }
    }

    /// The same identity, whose streams and sockets end at that moment.
    pub fn ending_at(mut self, ends_at: Option<Instant>) -> Self {
        self.ends_at = ends_at;
        self
    }

    /// What callers with shared limits have in common.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The carried value, when it is a `T`.
    pub fn caller<T: 'static>(&self) -> Option<&T> {
        self.caller.as_any().downcast_ref()
    }

    pub(super) fn put_into(&self, data: &mut Data) {
        self.caller.put_into(data);
    }

    /// When streams and sockets of this identity end; they do not by themselves when `None`.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.ends_at
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").field("key", &self.key).finish_non_exhaustive()
    }
}

trait Carried: Send + Sync {
    fn put_into(&self, data: &mut Data);
    fn as_any(&self) -> &dyn Any;
}

struct Holder<T>(T);

impl<T: Clone + Send + Sync + 'static> Carried for Holder<T> {
    fn put_into(&self, data: &mut Data) {
        // The concrete type is known only here, and the library files data by its type.
        data.insert(self.0.clone());
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }
}

/// The bearer token of the `Authorization` header.
pub(super) fn bearer_of(headers: &HeaderMap) -> Result<&str, AuthenticationFailure> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthenticationFailure::Missing)?;
    if values.next().is_some() {
        return Err(AuthenticationFailure::Malformed);
    }
    bearer_in(value.to_str().map_err(|_| AuthenticationFailure::Malformed)?)
}

/// The token in `Bearer TOKEN`.
pub(super) fn bearer_in(authorization: &str) -> Result<&str, AuthenticationFailure> {
    let (scheme, token) = authorization.trim().split_once(' ').ok_or(AuthenticationFailure::Malformed)?;
    let token = token.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if scheme.eq_ignore_ascii_case("bearer") && is_token { Ok(token) } else { Err(AuthenticationFailure::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_is_a_bearer_token() {
        assert_eq!(bearer_in("Bearer abc"), Ok("abc"));
        assert_eq!(bearer_in("bearer  abc "), Ok("abc"));
        for malformed in ["", "Bearer", "Bearer ", "abc", "Basic abc", "Bearer a b", "Bearer a\u{e9}"] {
            assert_eq!(bearer_in(malformed), Err(AuthenticationFailure::Malformed), "{malformed}");
        }
    }

    #[test]
    fn two_authorizations_are_malformed() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer_of(&headers), Err(AuthenticationFailure::Missing));
        headers.append(header::AUTHORIZATION, "Bearer a".parse().unwrap());
        assert_eq!(bearer_of(&headers), Ok("a"));
        headers.append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
        assert_eq!(bearer_of(&headers), Err(AuthenticationFailure::Malformed));
    }
}
