//! The settings of an issuer of tokens. Each is understood where all settings are; whether they are enough is said when
//! somebody needs them.

use clap::Args;
use url::Url;

use super::settings::SettingsError;
use crate::connector::oidc::is_trustworthy;
use crate::secret::jwt::{Expectation, SigningAlgorithm};
use crate::service::user::{IssuerSettings, Membership};

/// Claim with the roles, where nothing else is said.
const DEFAULT_ROLES_CLAIM: &str = "roles";

/// Organization of all users, where nothing else is said.
const DEFAULT_ORGANIZATION: &str = "default";

/// Flags of an issuer of tokens.
#[derive(Debug, Clone, Default, Args)]
pub struct OidcArguments {
    /// OpenID Connect issuer whose tokens (JWT) are accepted beside API tokens, exactly as its tokens name it [default: none].
    #[arg(long, value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// Audience that its tokens must be meant for; needed with the issuer.
    #[arg(long, value_name = "NAME")]
    pub oidc_audience: Option<String>,
    /// Claim with the roles; a path such as realm_access.roles is followed [default: roles].
    #[arg(long, value_name = "CLAIM")]
    pub oidc_roles_claim: Option<String>,
    /// Claim with the name of the user's organization [default: none, all belong to the next one].
    #[arg(long, value_name = "CLAIM")]
    pub oidc_organization_claim: Option<String>,
    /// Organization of all users, where no claim names it [default: default].
    #[arg(long, value_name = "NAME")]
    pub oidc_organization: Option<String>,
    /// How its tokens may be signed, separated by commas [default: RS256,ES256].
    #[arg(long, value_name = "NAME[,NAME]")]
    pub oidc_algorithms: Option<String>,
    /// Whether its tokens have to say that they are access tokens (`typ` is `at+jwt`, RFC 9068): on or off [default: off].
    #[arg(long, value_name = "ON|OFF")]
    pub oidc_require_at_jwt: Option<String>,
}

impl OidcArguments {
    /// Name and text of each flag.
    pub(super) fn texts(&self) -> [(&'static str, Option<&String>); 7] {
        [
            ("oidc_issuer", self.oidc_issuer.as_ref()),
            ("oidc_audience", self.oidc_audience.as_ref()),
            ("oidc_roles_claim", self.oidc_roles_claim.as_ref()),
            ("oidc_organization_claim", self.oidc_organization_claim.as_ref()),
            ("oidc_organization", self.oidc_organization.as_ref()),
            ("oidc_algorithms", self.oidc_algorithms.as_ref()),
            ("oidc_require_at_jwt", self.oidc_require_at_jwt.as_ref()),
        ]
    }
}

/// The settings of an issuer, each understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// The issuer, exactly as its tokens name it.
    pub issuer: Option<String>,
    /// The audience.
    pub audience: Option<String>,
    /// Claim with the roles.
    pub roles_claim: Option<String>,
    /// Claim with the organization.
    pub organization_claim: Option<String>,
    /// Organization of all users.
    pub organization: Option<String>,
    /// How tokens may be signed.
    pub algorithms: Vec<SigningAlgorithm>,
    /// Whether tokens have to say that they are access tokens.
    pub is_type_required: bool,
}

impl OidcSettings {
    /// How tokens may be signed, where nothing else is said.
    pub const ALGORITHMS: [SigningAlgorithm; 2] = [SigningAlgorithm::Rs256, SigningAlgorithm::Es256];

    /// Whether somebody set anything.
    pub fn is_begun(&self) -> bool {
        let texts = [&self.issuer, &self.audience, &self.roles_claim, &self.organization_claim, &self.organization];
        texts.iter().any(|text| text.is_some()) || self.algorithms != Self::ALGORITHMS || self.is_type_required
    }

    /// The settings together; `None` where no issuer is trusted.
    pub fn understood(&self) -> Result<Option<IssuerSettings>, SettingsError> {
        let Some(issuer) = self.issuer.clone() else { return Ok(None) };
        let Some(audience) = self.audience.clone() else { return Err(SettingsError::NoAudience) };
        let roles_claim = self.roles_claim.clone().unwrap_or_else(|| DEFAULT_ROLES_CLAIM.to_owned());
        let membership = match (&self.organization_claim, &self.organization) {
            (Some(_), Some(_)) => return Err(SettingsError::TwoOrganizations),
            (Some(claim), None) => Membership::Claim(claim.clone()),
            (None, Some(name)) => Membership::Everybody(name.clone()),
            (None, None) => Membership::Everybody(DEFAULT_ORGANIZATION.to_owned()),
        };
        let (algorithms, is_type_required) = (self.algorithms.clone(), self.is_type_required);
        let expectation = Expectation { issuer, audience, algorithms, is_type_required };
        Ok(Some(IssuerSettings { expectation, roles_claim, membership }))
    }
}

/// Reads an issuer, which stays as it was written: tokens have to name it to the last character.
pub(super) fn parse_issuer(text: &str) -> Result<Option<String>, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    // The parser forgives blanks that no token would have.
    let is_written_well = is_plain && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_written_well && is_trustworthy(&url) {
        Ok(Some(text.to_owned()))
    } else {
        Err("it has to be like https://login.example/tenant, and http is for this machine alone".into())
    }
}

pub(super) fn parse_some(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() { Err("it is empty".into()) } else { Ok(Some(text.to_owned())) }
}

pub(super) fn parse_algorithms(text: &str) -> Result<Vec<SigningAlgorithm>, String> {
    let words = text.split(',').map(str::trim);
    words.map(|word| word.parse().map_err(|error: crate::secret::jwt::NotAnAlgorithm| error.to_string())).collect()
}
