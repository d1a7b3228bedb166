//! What the server says about itself (RFC 8414). It knows nothing about grants.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::AuthorizationServer;
use crate::sandbox::http::reply;
use crate::sandbox::json::{Object, array, quoted};

/// The document.
pub async fn show(State(server): State<Arc<AuthorizationServer>>) -> Response {
    let issuer = &server.issuer;
    let list = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        array(words.iter().map(String::as_str))
    };
    let scopes: Vec<&str> = server.side.scopes().iter().map(|scope| scope.name).collect();
    let authentication = list(&["client_secret_post", "client_secret_basic"]);
    let document = Object::new()
        .text("issuer", issuer)
        .text("authorization_endpoint", &format!("{issuer}/authorize"))
        .text("token_endpoint", &format!("{issuer}/token"))
        .text("revocation_endpoint", &format!("{issuer}/revoke"))
        .raw("response_types_supported", &list(&["code"]))
        .raw("response_modes_supported", &list(&["query"]))
        .raw("grant_types_supported", &list(&["authorization_code", "refresh_token"]))
        .raw("code_challenge_methods_supported", &list(&["S256"]))
        .raw("scopes_supported", &list(&scopes))
        .raw("token_endpoint_auth_methods_supported", &authentication)
        .raw("revocation_endpoint_auth_methods_supported", &authentication)
        .value("authorization_response_iss_parameter_supported", true)
        .finish();
    reply::json(StatusCode::OK, document)
}
