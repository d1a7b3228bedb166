//! The endpoints for programs: codes and refresh tokens become tokens, and tokens are revoked. It knows nothing about
//! pages.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::AuthorizationServer;
use super::failure::{Failure, document, outage};
use super::grants::Exchanged;
use super::request::{scopes, single};
use crate::sandbox::http::query::Query;
use crate::sandbox::json::Object;

/// Gives tokens.
pub async fn token(State(server): State<Arc<AuthorizationServer>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refusal) = server.budget.spend() {
        return outage(&refusal);
    }
    match server.exchange(&headers, &body) {
        Ok(exchanged) => document(StatusCode::OK, server.written(&exchanged)),
        Err(failure) => {
            server.tokens.counts.refused.add_one();
            failure.response()
        }
    }
}

/// Takes tokens back (RFC 7009).
pub async fn revoke(State(server): State<Arc<AuthorizationServer>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refusal) = server.budget.spend() {
        return outage(&refusal);
    }
    server.tokens.counts.revocation.add_one();
    let revoked = form(&headers, &body).and_then(|form| {
        server.authenticate(&headers, &form)?;
        let token = single(&form, "token")?.ok_or_else(|| Failure::request("token is missing"))?;
        server.grants.revoke(token);
        Ok(())
    });
    match revoked {
        Ok(()) => document(StatusCode::OK, String::new()),
        Err(failure) => failure.response(),
    }
}

impl AuthorizationServer {
    fn exchange(&self, headers: &HeaderMap, body: &[u8]) -> Result<Exchanged, Failure> {
        let form = form(headers, body)?;
        let grant_type = single(&form, "grant_type")?;
        // Counted before the client is known, so that a client that hammers in vain is seen.
        match grant_type {
            Some("authorization_code") => self.tokens.counts.authorization_code.add_one(),
            Some("refresh_token") => self.tokens.counts.refresh_token.add_one(),
            _ => {}
        }
        self.authenticate(headers, &form)?;
        let needed = |name| single(&form, name)?.ok_or_else(|| Failure::request(format!("{name} is missing")));
        match grant_type {
            Some("authorization_code") => {
                let verifier = needed("code_verifier")?;
                let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
                if !(43..=128).contains(&verifier.len()) || !verifier.chars().all(is_allowed) {
                    return Err(Failure::request("code_verifier is not of the form that RFC 7636 asks for"));
                }
                self.grants.exchange(needed("code")?, needed("redirect_uri")?, verifier)
            }
            Some("refresh_token") => {
                let narrowed = single(&form, "scope")?.map(|text| scopes(self.side, text)).transpose()?;
                self.grants.refresh(needed("refresh_token")?, narrowed)
            }
            Some(_) => Err(Failure::new("unsupported_grant_type", "grant_type is not one of this endpoint")),
            None => Err(Failure::request("grant_type is missing")),
        }
    }

    fn authenticate(&self, headers: &HeaderMap, form: &Query) -> Result<(), Failure> {
        let (id, secret) = (single(form, "client_id")?, single(form, "client_secret")?);
        let is_known = match headers.get(AUTHORIZATION) {
            Some(_) if secret.is_some() => return Err(Failure::request("the client authenticates in two ways")),
            Some(header) => {
                let given = header.to_str().ok().and_then(basic);
                let is_same = id.is_none_or(|id| id == self.side.client_id());
                is_same && given.is_some_and(|(id, secret)| self.is_client(&id, &secret))
            }
            None => self.is_client(id.unwrap_or_default(), secret.unwrap_or_default()),
        };
        if is_known { Ok(()) } else { Err(Failure::new("invalid_client", "client id or client secret is wrong")) }
    }

    fn is_client(&self, id: &str, secret: &str) -> bool {
        id == self.side.client_id() && secret == self.side.client_secret()
    }

    fn written(&self, exchanged: &Exchanged) -> String {
        let object = Object::new()
            .text("access_token", &exchanged.access_token)
            .value("expires_in", self.tokens.seconds())
            .text("token_type", "Bearer")
            .text("scope", &exchanged.scopes.join(" "));
        match &exchanged.refresh_token {
            Some(token) => object.text("refresh_token", token).finish(),
            None => object.finish(),
        }
    }
}

fn form(headers: &HeaderMap, body: &[u8]) -> Result<Query, Failure> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Failure::request("the body has to be application/x-www-form-urlencoded"));
    }
    match std::str::from_utf8(body) {
        Ok(text) => Ok(Query::parse(Some(text))),
        Err(_) => Err(Failure::request("the body is not UTF-8")),
    }
}

/// Id and secret of a client in the header, where both are written as in a form (RFC 6749, 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = scheme.eq_ignore_ascii_case("basic").then_some(()).and_then(|()| decoded.split_once(':'))?;
    let plain = |text: &str| {
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    Some((plain(id), plain(secret)))
}
