//! An application that is registered with a provider: where a person consents to it, and where its tokens come from.
//! Every address, scope and audience can be set; the defaults are what the providers document or what was seen of them.

use serde::{Deserialize, Serialize};
use url::{Origin, Url};

use crate::connector::setting::SettingError;

/// How an application proves itself at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// With its secret in the form.
    #[default]
    Body,
    /// With its secret in the header `Authorization: Basic`.
    Basic,
}

/// An application without its secret; stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Application {
    /// Client id.
    pub client_id: String,
    /// Where a person is sent to.
    pub authorize_url: String,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: String,
    /// Where consent is given back (RFC 7009); `None` when the provider offers nothing.
    pub revocation_url: Option<String>,
    /// Who the provider says it is when a person comes back (RFC 9207); another name is refused, and with
    /// `is_issuer_required` a missing one too. Without it, whoever is named has to be where the person was sent to.
    pub issuer: Option<String>,
    /// Whether the provider always says who it is.
    pub is_issuer_required: bool,
    /// What tokens are for; `None` when the provider does not ask.
    pub audience: Option<String>,
    /// What is asked of the person.
    pub scopes: Vec<String>,
    /// What the login page is told to show; `consent` is what OpenID Connect wants for a refresh token.
    pub prompt: Option<String>,
    /// Whether the code is bound to us by a secret of its own (PKCE, RFC 7636, always with S256).
    pub uses_pkce: bool,
    /// How the application proves itself.
    pub client_authentication: ClientAuthentication,
    /// Days after which a person has to consent again; `None` when the provider does not say.
    pub consent_days: Option<u32>,
}

impl Default for Application {
    /// Nothing is known yet but the manners.
    fn default() -> Self {
        Self {
            client_id: String::new(),
            authorize_url: String::new(),
            token_url: String::new(),
            revocation_url: None,
            issuer: None,
            is_issuer_required: false,
            audience: None,
            scopes: vec!["offline_access".to_owned()],
            prompt: Some("consent".to_owned()),
            uses_pkce: true,
            client_authentication: ClientAuthentication::Body,
            consent_days: None,
        }
    }
}

/// Longest time that a consent is said to last, in days.
const LONGEST_CONSENT_DAYS: u32 = 3650;

impl Application {
    /// Whether an answer that names this issuer, or none, comes from where a person was sent to.
    pub fn admits_issuer(&self, given: Option<&str>) -> bool {
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin()).filter(Origin::is_tuple);
        match (given, &self.issuer) {
            (None, _) => !self.is_issuer_required,
            (Some(given), Some(expected)) => given == expected,
            (Some(given), None) => origin(given).is_some_and(|issuer| origin(&self.authorize_url) == Some(issuer)),
        }
    }

    /// An application at Pax8. The login host, the audience and the 90 days are documented; the token endpoint follows
    /// the habits of the login software that Pax8 recommends libraries of, and no endpoint to revoke at is known.
    pub fn at_pax8() -> Self {
        Self {
            authorize_url: "https://login.pax8.com/authorize".to_owned(),
            token_url: "https://login.pax8.com/oauth/token".to_owned(),
            audience: Some("https://api.pax8.com".to_owned()),
            scopes: vec!["Manage:Pax8Data".to_owned(), "offline_access".to_owned()],
            consent_days: Some(90),
            ..Self::default()
        }
    }

    /// Whether everything that is needed is there; addresses are judged by who knows where connections may go.
    pub fn check(&self) -> Result<(), SettingError> {
        let needed = [
            ("client_id", &self.client_id, "the client ID of the application is empty"),
            ("authorize_url", &self.authorize_url, "the address where a person consents is not set"),
            ("token_url", &self.token_url, "the address where tokens come from is not set"),
        ];
        for (setting, value, message) in needed {
            if value.trim().is_empty() {
                return Err(SettingError::new(setting, message));
            }
        }
        if self.scopes.iter().any(|scope| scope.is_empty() || !scope.bytes().all(is_scope_character)) {
            return Err(SettingError::new("scopes", "a scope is empty or has a character that no scope may have"));
        }
        if self.is_issuer_required && self.issuer.is_none() {
            return Err(SettingError::new("issuer", "the issuer is required but not set"));
        }
        match self.consent_days {
            Some(days) if !(1..=LONGEST_CONSENT_DAYS).contains(&days) => {
                let message = format!("the consent has to last from 1 to {LONGEST_CONSENT_DAYS} days");
                Err(SettingError::new("consent_days", message))
            }
            _ => Ok(()),
        }
    }
}

/// Characters of a scope (RFC 6749, section 3.3).
fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let whole = Application { client_id: "app".to_owned(), ..Application::at_pax8() };
        assert_eq!(whole.check(), Ok(()));
        let blamed = |application: Application| application.check().expect_err("it cannot be used").setting;
        assert_eq!(blamed(Application::at_pax8()), "client_id");
        assert_eq!(blamed(Application { token_url: " ".to_owned(), ..whole.clone() }), "token_url");
        assert_eq!(blamed(Application { scopes: vec!["a b".to_owned()], ..whole.clone() }), "scopes");
        assert_eq!(blamed(Application { is_issuer_required: true, ..whole.clone() }), "issuer");
        assert_eq!(blamed(Application { consent_days: Some(0), ..whole }), "consent_days");
    }

    #[test]
    fn an_answer_comes_from_where_the_person_was_sent() {
        let unnamed =
            Application { authorize_url: "https://login.pax8.com/authorize?x=1".to_owned(), ..Application::default() };
        for (given, is_admitted) in [
            (None, true),
            (Some("https://login.pax8.com/"), true),
            (Some("https://login.pax8.com:443/tenant"), true),
            (Some("http://login.pax8.com/"), false),
            (Some("https://login.pax8.com.evil.example/"), false),
            (Some("https://evil.example"), false),
            (Some("login.pax8.com"), false),
            (Some("urn:login"), false),
            (Some(""), false),
        ] {
            assert_eq!(unnamed.admits_issuer(given), is_admitted, "{given:?}");
        }
        let named = Application { issuer: Some("https://sts.example/".to_owned()), ..unnamed };
        assert!(named.admits_issuer(Some("https://sts.example/")) && named.admits_issuer(None));
        assert!(
            !named.admits_issuer(Some("https://sts.example")) && !named.admits_issuer(Some("https://login.pax8.com/"))
        );
        let promised = Application { is_issuer_required: true, ..named };
        assert!(!promised.admits_issuer(None));
    }
}
