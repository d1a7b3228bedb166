//! What people granted: codes, and the families of refresh tokens that came from them.
//!
//! A secret that comes a second time is taken for a stolen one, and ends its whole family (RFC 9700, 4.14.2). It knows
//! nothing about HTTP, and of access tokens no more than that they belong to a grant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::digest::{SHA256, digest};

use super::failure::Failure;
use super::request::AuthorizationRequest;
use super::side::{OFFLINE_ACCESS, Person, Side};
use crate::environment::Clock;
use crate::sandbox::http::token::{Tokens, Unguessables};

/// For how long a code can be exchanged.
const CODE_SECONDS: i64 = 60;

/// For how long refresh tokens are good, counted from the consent: then the person has to consent again.
const REFRESH_DAYS: i64 = 90;

/// What the people of one side granted.
pub struct Grants {
    side: Side,
    clock: Arc<dyn Clock>,
    unguessables: Arc<Unguessables>,
    tokens: Arc<Tokens>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of the last grant.
    last: u64,
    codes: HashMap<String, Code>,
    refresh_tokens: HashMap<String, RefreshToken>,
    /// The grants that still hold.
    grants: HashMap<u64, Grant>,
}

struct Code {
    grant: u64,
    redirect_uri: String,
    challenge: String,
    expires: DateTime<Utc>,
    is_used: bool,
}

struct RefreshToken {
    grant: u64,
    is_used: bool,
}

struct Grant {
    person: &'static Person,
    scopes: Vec<&'static str>,
    expires: DateTime<Utc>,
}

/// What an exchange gives.
#[derive(Debug)]
pub struct Exchanged {
    /// Opens the lists.
    pub access_token: String,
    /// Gives the next access token; none without the scope for it.
    pub refresh_token: Option<String>,
    /// Scopes of the access token.
    pub scopes: Vec<&'static str>,
}

impl Grants {
    /// Nothing granted yet.
    pub fn new(side: Side, clock: Arc<dyn Clock>, unguessables: Arc<Unguessables>, tokens: Arc<Tokens>) -> Self {
        Self { side, clock, unguessables, tokens, state: Mutex::default() }
    }

    /// A code for what a person agreed to.
    pub fn consent(&self, person: &'static Person, request: &AuthorizationRequest) -> String {
        let now = self.clock.now();
        let code = format!("{}-code-{}", self.side.name(), self.unguessables.next());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let grant = state.last;
        let expires = now + TimeDelta::days(REFRESH_DAYS);
        state.grants.insert(grant, Grant { person, scopes: request.scopes.clone(), expires });
        let entry = Code {
            grant,
            redirect_uri: request.way_back.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            expires: now + TimeDelta::seconds(CODE_SECONDS),
            is_used: false,
        };
        state.codes.insert(code.clone(), entry);
        code
    }

    /// Exchanges a code. Whoever fails has used it all the same: a code that travelled twice is not tried again.
    pub fn exchange(&self, code: &str, redirect_uri: &str, verifier: &str) -> Result<Exchanged, Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = state.codes.get_mut(code) else { return Err(Failure::grant("the code is not known")) };
        let grant = found.grant;
        if std::mem::replace(&mut found.is_used, true) {
            self.end_for_reuse(&mut state, grant);
            return Err(Failure::grant("the code was used before; what it gave is revoked"));
        }
        let failure = if self.clock.now() >= found.expires {
            Some("the code has expired")
        } else if found.redirect_uri != redirect_uri {
            Some("redirect_uri is not the one that the code was given for")
        } else if found.challenge != challenge_of(verifier) {
            Some("code_verifier is not the one whose challenge came with the request")
        } else {
            None
        };
        if let Some(failure) = failure {
            state.grants.remove(&grant);
            return Err(Failure::grant(failure));
        }
        self.give(&mut state, grant, None)
    }

    /// Exchanges a refresh token for its follower, for all of its scopes or some.
    pub fn refresh(&self, token: &str, scopes: Option<Vec<&'static str>>) -> Result<Exchanged, Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = state.refresh_tokens.get(token) else {
            return Err(Failure::grant("the refresh token is not known"));
        };
        let (grant, is_used) = (found.grant, found.is_used);
        if is_used {
            self.end_for_reuse(&mut state, grant);
            return Err(Failure::grant("the refresh token was used before; its whole family is revoked"));
        }
        let granted = state.grants.get(&grant).filter(|granted| self.clock.now() < granted.expires);
        let Some(granted) = granted else {
            return Err(Failure::grant("the refresh token has expired or was revoked"));
        };
        let is_more = scopes.as_ref().is_some_and(|some| some.iter().any(|scope| !granted.scopes.contains(scope)));
        if is_more {
            return Err(Failure::new("invalid_scope", "scope asks for more than was granted"));
        }
        if let Some(found) = state.refresh_tokens.get_mut(token) {
            found.is_used = true;
        }
        self.give(&mut state, grant, scopes)
    }

    /// Ends the grant that a token belongs to, an access token or a refresh token; unknown ones belong to none.
    pub fn revoke(&self, token: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = state.refresh_tokens.get(token).map(|found| found.grant).or_else(|| self.tokens.grant_of(token));
        if let Some(grant) = grant {
            self.end(&mut state, grant);
        }
    }

    /// Ends every grant, as if each person had withdrawn the access at the provider.
    pub fn revoke_all(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<u64> = state.grants.keys().copied().collect();
        for grant in all {
            self.end(&mut state, grant);
        }
    }

    fn give(&self, state: &mut State, number: u64, scopes: Option<Vec<&'static str>>) -> Result<Exchanged, Failure> {
        let Some(grant) = state.grants.get(&number) else { return Err(Failure::grant("the grant was revoked")) };
        let scopes = scopes.unwrap_or_else(|| grant.scopes.clone());
        let access_token = self.tokens.issue(self.side.rights(grant.person, &scopes), Some(number));
        let refresh_token = grant.scopes.contains(&OFFLINE_ACCESS).then(|| {
            let token = format!("{}-refresh-{}", self.side.name(), self.unguessables.next());
            state.refresh_tokens.insert(token.clone(), RefreshToken { grant: number, is_used: false });
            token
        });
        Ok(Exchanged { access_token, refresh_token, scopes })
    }

    fn end_for_reuse(&self, state: &mut State, grant: u64) {
        if self.end(state, grant) {
            self.tokens.counts.reuse_detected.add_one();
        }
    }

    /// Whether the grant held until now.
    fn end(&self, state: &mut State, grant: u64) -> bool {
        self.tokens.revoke_grant(grant);
        state.grants.remove(&grant).is_some()
    }
}

/// The challenge that belongs to a verifier (RFC 7636, `S256`).
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
