//! People whom an issuer of tokens vouches for: who one is, what they may do and for which organization, all taken from
//! the claims of a token that was found good. Knows nothing of signatures and little of where keys come from.

use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::info;

use super::Core;
use super::access::{Admission, TokenFailure};
use crate::connector::ConnectorError;
use crate::connector::oidc::IssuerKeys;
use crate::domain::access::{Actor, Caller, MAX_NAME, Role, Roles, User, is_own_name};
use crate::domain::id::OrganizationId;
use crate::environment::Clock;
use crate::secret::jwt::{Expectation, JwtError, SignedToken, VerifiedToken};
use crate::storage::organization;

/// Which organization a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// The one that a claim names; it has to be there already.
    Claim(String),
    /// One for everybody; the operator named it, so it is made when missing.
    Everybody(String),
}

/// What the operator says about an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// Which tokens are accepted.
    pub expectation: Expectation,
    /// Claim with the roles.
    pub roles_claim: String,
    /// Organization of its users.
    pub membership: Membership,
}

/// The users of one issuer.
#[derive(Clone)]
pub struct Issuer {
    settings: Arc<IssuerSettings>,
    keys: IssuerKeys,
}

impl Issuer {
    /// The users of the issuer that the settings name; it is asked for its keys when the first of them comes.
    pub fn new(settings: IssuerSettings, clock: Arc<dyn Clock>) -> Result<Self, ConnectorError> {
        let keys = IssuerKeys::new(&settings.expectation.issuer, clock)?;
        Ok(Self { settings: Arc::new(settings), keys })
    }

    /// Who shows a token.
    pub(super) async fn admit(&self, core: &Core, bearer: &str) -> Result<Admission, TokenFailure> {
        let verified = self.verified(core, bearer).await?;
        let settings = &self.settings;
        let organization_id = organization_of(core, &settings.membership, &verified.claims).await?;
        let issuer = settings.expectation.issuer.clone();
        let name = display_name(&verified.claims, &verified.subject);
        let caller = Caller {
            organization_id,
            actor: Actor::User(User { issuer, subject: verified.subject, name }),
            roles: claim(&verified.claims, &settings.roles_claim).map(roles_in).unwrap_or_default(),
            correlation_id: String::new(),
        };
        Ok(Admission { caller, ends_at: Some(verified.ends_at) })
    }

    async fn verified(&self, core: &Core, bearer: &str) -> Result<VerifiedToken, TokenFailure> {
        let expectation = &self.settings.expectation;
        let token = SignedToken::read(bearer, expectation)?;
        let present = self.keys.present().await?;
        let outcome = token.verify(&present.keys, expectation, core.clock.now());
        if outcome != Err(JwtError::UnknownKey) {
            return Ok(outcome?);
        }
        match self.keys.newer_than(&present).await? {
            Some(newer) => Ok(token.verify(&newer.keys, expectation, core.clock.now())?),
            None => Err(JwtError::UnknownKey.into()),
        }
    }
}

async fn organization_of(
    core: &Core,
    membership: &Membership,
    claims: &Map<String, Value>,
) -> Result<OrganizationId, TokenFailure> {
    let name = match membership {
        Membership::Everybody(name) => name,
        Membership::Claim(path) => match claim(claims, path) {
            Some(Value::String(name)) => name,
            _ => return Err(TokenFailure::NoOrganization),
        },
    };
    if let Some(id) = organization::by_name(core.store.read(), name).await? {
        return Ok(id);
    }
    if let Membership::Claim(_) = membership {
        return Err(TokenFailure::UnknownOrganization);
    }
    let tx = core.store.begin().await?;
    let new_id = OrganizationId(core.ids.next());
    let id = organization::find_or_create(&tx, new_id, name, core.clock.now()).await?;
    tx.commit().await?;
    info!(organization.id = %id, "made the organization `{name}`, to which the settings say that all users belong");
    Ok(id)
}

/// The claim of that name, else the one at the end of the path that its dots make: names of claims are often addresses.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
}

/// The roles that a claim grants: an array of texts, or one text with blanks or commas. What is no role of ours is one
/// of another program.
fn roles_in(value: &Value) -> Roles {
    let in_text = |text: &str| -> Vec<Role> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        words.filter_map(|word| word.parse().ok()).collect()
    };
    match value {
        Value::String(text) => in_text(text).into_iter().collect(),
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).filter_map(|text| text.parse().ok()).collect(),
        _ => Roles::NONE,
    }
}

/// The name of a person, for decisions and the audit. Some issuers let people choose it, so nobody gets one of ours.
fn display_name(claims: &Map<String, Value>, subject: &str) -> String {
    let texts = ["name", "preferred_username", "email"].into_iter().filter_map(|name| claims.get(name)?.as_str());
    let mut names = texts.chain([subject]).map(|text| {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.trim().chars().take(MAX_NAME).collect::<String>()
    });
    let found = names.find(|name| !name.is_empty() && !is_own_name(name));
    found.unwrap_or_else(|| format!("User {}", subject.chars().take(MAX_NAME - 5).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Map<String, Value> {
        value.as_object().expect("claims are an object").clone()
    }

    #[test]
    fn roles_are_found_wherever_an_issuer_puts_them() {
        for (claim_name, given, expected) in [
            ("roles", json!({ "roles": ["operator", "FINANCE", "owner"] }), "OPERATOR,FINANCE"),
            ("roles", json!({ "roles": "openid operator  finance" }), "OPERATOR,FINANCE"),
            ("roles", json!({ "roles": "viewer,admin" }), "VIEWER,ADMIN"),
            ("realm_access.roles", json!({ "realm_access": { "roles": ["buyer"] } }), "BUYER"),
            ("https://x.example/roles", json!({ "https://x.example/roles": ["viewer"] }), "VIEWER"),
            ("roles", json!({ "roles": ["owner", 7, ["admin"], { "admin": true }] }), ""),
            ("roles", json!({ "roles": { "admin": true } }), ""),
            ("roles", json!({ "groups": ["admin"] }), ""),
            ("a.b.c", json!({ "a": { "b": ["admin"] } }), ""),
            ("a.b", json!({ "a": "admin" }), ""),
        ] {
            let found = claim(&claims(&given), claim_name).map(roles_in).unwrap_or_default();
            assert_eq!(found.to_string(), expected, "{claim_name} in {given}");
        }
    }

    #[test]
    fn a_name_is_the_best_that_is_there_and_none_of_ours() {
        for (given, expected) in [
            (json!({ "name": " Ada Lovelace ", "email": "ada@example.com" }), "Ada Lovelace"),
            (json!({ "name": " ", "preferred_username": "ada", "email": "ada@example.com" }), "ada"),
            (json!({ "name": 7, "email": "ada@example.com" }), "ada@example.com"),
            (json!({}), "s-1"),
            (json!({ "name": "Concord", "preferred_username": "schedule", "email": "COMMAND LINE" }), "s-1"),
            (json!({ "name": "Ada\nConcord" }), "Ada Concord"),
        ] {
            assert_eq!(display_name(&claims(&given), "s-1"), expected, "{given}");
        }
        assert_eq!(display_name(&Map::new(), "concord"), "User concord");
        let long = display_name(&claims(&json!({ "name": "é".repeat(500) })), "s-1");
        assert_eq!(long.chars().count(), MAX_NAME);
    }
}
