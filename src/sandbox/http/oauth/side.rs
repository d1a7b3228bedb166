//! The two providers as authorization servers: what they are called, whom they know and what can be asked of them.

use crate::sandbox::http::account::Rights;
use crate::sandbox::http::credentials;

/// One of the two providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Pax8.
    Pax8,
    /// Rev.io PSA.
    Psa,
}

/// Something that an application may ask for.
#[derive(Debug)]
pub struct Scope {
    /// As it is written in a request.
    pub name: &'static str,
    /// As the consent page says it.
    pub plain: &'static str,
}

/// Scope for a refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";

const PAX8_DATA: &str = "Manage:Pax8Data";
const PSA_DATA: &str = "psa:read";

const PAX8_SCOPES: &[Scope] = &[
    Scope { name: PAX8_DATA, plain: "See and manage your companies, subscriptions, orders and invoices at Pax8" },
    Scope { name: OFFLINE_ACCESS, plain: "Keep this access while you are away, for up to 90 days" },
    Scope { name: "openid", plain: "Know that it is you" },
    Scope { name: "profile", plain: "See your name" },
    Scope { name: "email", plain: "See your email address" },
];

const PSA_SCOPES: &[Scope] = &[
    Scope { name: PSA_DATA, plain: "See your customers and contacts at Rev.io PSA" },
    Scope { name: OFFLINE_ACCESS, plain: "Keep this access while you are away, for up to 90 days" },
    Scope { name: "openid", plain: "Know that it is you" },
    Scope { name: "profile", plain: "See your name" },
    Scope { name: "email", plain: "See your email address" },
];

impl Side {
    /// As it stands in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pax8 => "pax8",
            Self::Psa => "psa",
        }
    }

    /// As people know it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pax8 => "Pax8",
            Self::Psa => "Rev.io PSA",
        }
    }

    /// Who it is as an authorization server of the sandbox at an origin.
    pub fn issuer(self, origin: &str) -> String {
        format!("{origin}/oauth/{}", self.name())
    }

    /// Client id of its one application.
    pub fn client_id(self) -> &'static str {
        match self {
            Self::Pax8 => credentials::PAX8_APP_CLIENT_ID,
            Self::Psa => credentials::PSA_APP_CLIENT_ID,
        }
    }

    /// Client secret of its one application.
    pub fn client_secret(self) -> &'static str {
        match self {
            Self::Pax8 => credentials::PAX8_APP_CLIENT_SECRET,
            Self::Psa => credentials::PSA_APP_CLIENT_SECRET,
        }
    }

    /// The audience that a request has to name; `None` where it need not name any.
    pub fn audience(self) -> Option<&'static str> {
        match self {
            Self::Pax8 => Some(credentials::PAX8_AUDIENCE),
            Self::Psa => None,
        }
    }

    /// Everything that can be asked for.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Pax8 => PAX8_SCOPES,
            Self::Psa => PSA_SCOPES,
        }
    }

    /// What a token with these scopes opens for a person.
    pub fn rights(self, person: &Person, scopes: &[&'static str]) -> Rights {
        let data = match self {
            Self::Pax8 => PAX8_DATA,
            Self::Psa => PSA_DATA,
        };
        if scopes.contains(&data) { person.rights } else { Rights::OutsideScope }
    }
}

/// Somebody who can log in, at either side.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    /// Name to log in with.
    pub user: &'static str,
    /// The account that the consent page names.
    pub account: &'static str,
    /// What this person may see at all.
    pub rights: Rights,
}

const PEOPLE: &[Person] = &[
    Person { user: credentials::PARTNER_USER, account: "Lanternfield IT Partners", rights: Rights::Everything },
    Person { user: credentials::VENDOR_USER, account: "Cloudmaker (vendor)", rights: Rights::OfAnotherKind },
    Person { user: credentials::READER_USER, account: "Lanternfield IT Partners", rights: Rights::WithoutInvoices },
];

impl Person {
    /// The person with this name and password.
    pub fn find(user: &str, password: &str) -> Option<&'static Self> {
        let is_meant = |person: &&Self| person.user.eq_ignore_ascii_case(user.trim());
        PEOPLE.iter().find(is_meant).filter(|_| password == credentials::USER_PASSWORD)
    }
}
