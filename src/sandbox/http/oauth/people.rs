//! The steps of a person in a browser, from the request to the decision. It knows nothing about tokens.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::AuthorizationServer;
use super::failure::Failure;
use super::pages::{self, Sheet};
use super::request::{AuthorizationRequest, Unacceptable};
use super::side::Person;
use super::steps::{Stage, Step};
use crate::sandbox::http::credentials;
use crate::sandbox::http::query::Query;

const GONE: &str = "This page was answered before, or has waited for more than ten minutes.";
const TOO_MANY_TRIES: &str = "That was wrong too often.";

/// The request that sends a person here.
pub async fn authorize(State(server): State<Arc<AuthorizationServer>>, RawQuery(query): RawQuery) -> Response {
    let query = Query::parse(query.as_deref());
    match AuthorizationRequest::read(server.side, &server.issuer, &server.redirect_uris, &query) {
        Ok(request) => server.ask(server.steps.first(request), "", None),
        Err(Unacceptable::Stranger(sentence)) => pages::dead_end(server.side, sentence),
        Err(Unacceptable::Told(way_back, failure)) => pages::redirect(&way_back.with_failure(&failure)),
    }
}

/// User and password.
pub async fn log_in(State(server): State<Arc<AuthorizationServer>>, body: Bytes) -> Response {
    let form = form(&body);
    let Some(step) = server.taken(&form).filter(|step| matches!(step.stage, Stage::Password)) else {
        return pages::dead_end(server.side, GONE);
    };
    let field = |name| form.get(name).unwrap_or_default();
    match Person::find(field("user"), field("password")) {
        Some(person) => server.ask(step.at(Stage::Code(person)), "", None),
        None => server.ask_again(step, field("user"), "Email or password is wrong. Try again."),
    }
}

/// The one-time code.
pub async fn check_code(State(server): State<Arc<AuthorizationServer>>, body: Bytes) -> Response {
    let form = form(&body);
    let step = server.taken(&form);
    let Some((step, person)) = step.and_then(|step| match step.stage {
        Stage::Code(person) => Some((step, person)),
        Stage::Password | Stage::Consent(_) => None,
    }) else {
        return pages::dead_end(server.side, GONE);
    };
    if form.get("code").map(str::trim) == Some(credentials::ONE_TIME_CODE) {
        server.ask(step.at(Stage::Consent(person)), "", None)
    } else {
        server.ask_again(step, "", "That code is wrong. Try again.")
    }
}

/// The decision.
pub async fn decide(State(server): State<Arc<AuthorizationServer>>, body: Bytes) -> Response {
    let form = form(&body);
    let step = server.taken(&form);
    let Some((step, person)) = step.and_then(|step| match step.stage {
        Stage::Consent(person) => Some((step, person)),
        Stage::Password | Stage::Code(_) => None,
    }) else {
        return pages::dead_end(server.side, GONE);
    };
    let way_back = &step.request.way_back;
    match form.get("choice") {
        Some("accept") => pages::redirect(&way_back.with_code(&server.grants.consent(person, &step.request))),
        _ => pages::redirect(&way_back.with_failure(&Failure::new("access_denied", "The user denied the access."))),
    }
}

impl AuthorizationServer {
    fn taken(&self, form: &Query) -> Option<Step> {
        self.steps.take(form.get("transaction")?)
    }

    /// Shows the page of a step.
    fn ask(&self, step: Step, user: &str, complaint: Option<&str>) -> Response {
        let transaction = self.steps.wait(step.clone());
        let sheet = Sheet { side: self.side, request: &step.request, transaction: &transaction };
        match step.stage {
            Stage::Password => sheet.password(user, complaint),
            Stage::Code(person) => sheet.code(person, complaint),
            Stage::Consent(person) => sheet.consent(person),
        }
    }

    fn ask_again(&self, step: Step, user: &str, complaint: &str) -> Response {
        match step.again() {
            Some(step) => self.ask(step, user, Some(complaint)),
            None => pages::dead_end(self.side, TOO_MANY_TRIES),
        }
    }
}

fn form(body: &[u8]) -> Query {
    Query::parse(Some(&String::from_utf8_lossy(body)))
}
