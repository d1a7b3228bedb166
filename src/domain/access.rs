//! Who asks, and what they may do. Knows nothing of tokens, sockets or rows.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use super::id::{OrganizationId, TokenId};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// May look at everything but cost and margin.
    Viewer,
    /// May sync and decide about mappings.
    Operator,
    /// May see cost and margin and resolve discrepancies.
    Finance,
    /// May order and change licenses.
    Buyer,
    /// May do everything.
    Admin,
}

impl Role {
    /// Every role, in the order in which they are written.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Operator, Self::Finance, Self::Buyer, Self::Admin];

    /// The name in capitals, as the API and the database write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "VIEWER",
            Self::Operator => "OPERATOR",
            Self::Finance => "FINANCE",
            Self::Buyer => "BUYER",
            Self::Admin => "ADMIN",
        }
    }

    /// Whether who has this role may do what `other` may.
    pub fn includes(self, other: Self) -> bool {
        self == Self::Admin || self == other || other == Self::Viewer
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a role; the roles are viewer, operator, finance, buyer and admin")]
pub struct NotARole(pub String);

impl FromStr for Role {
    type Err = NotARole;

    /// Reads a role in any case.
    fn from_str(text: &str) -> Result<Self, NotARole> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| NotARole(text.chars().take(32).collect()))
    }
}

/// A set of roles, as it was granted; what they include is asked with `allow`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u8);

impl Roles {
    /// No role at all.
    pub const NONE: Self = Self(0);

    /// Whether what `role` may is allowed, by that role or one that includes it.
    pub fn allow(self, role: Role) -> bool {
        self.iter().any(|granted| granted.includes(role))
    }

    /// The granted roles in order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.0 & role.bit() != 0)
    }

    /// Whether nothing was granted.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self(role.bit())
    }
}

impl FromStr for Roles {
    type Err = NotARole;

    /// Reads `operator,finance`, in any case and order; the empty text is no set of roles.
    fn from_str(text: &str) -> Result<Self, NotARole> {
        text.split(',').map(str::parse).collect()
    }
}

/// Writes `OPERATOR,FINANCE`, always in the same order; this is also what is stored.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, role) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(role.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Longest name of a token or person, in characters.
pub const MAX_NAME: usize = 200;

/// Whether a name is one that the program gives itself, or reads like one: decisions carry nothing but names.
pub fn is_own_name(name: &str) -> bool {
    let bare =
        |text: &str| -> String { text.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let name = bare(name);
    [Actor::CommandLine, Actor::Schedule, Actor::Job].iter().any(|actor| bare(actor.name()) == name)
}

/// A person, as an issuer of tokens names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// The issuer's address.
    pub issuer: String,
    /// The issuer's own id of the person, which it never gives to somebody else.
    pub subject: String,
    /// Name, which may change and which others may have too.
    pub name: String,
}

impl User {
    /// What tells the person apart from everybody else, whatever the name is.
    pub fn key(&self) -> String {
        // An issuer's address has no blank in it, so that no two pairs read the same.
        format!("{} {}", self.issuer, self.subject)
    }
}

/// Who does something, for decisions and the audit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A program or person with an API token.
    Token {
        /// The token.
        id: TokenId,
        /// Its name when it was used, because it may be renamed or deleted later.
        name: String,
    },
    /// A person with a token of an issuer that the operator trusts.
    User(User),
    /// Somebody at the machine, with the command line.
    CommandLine,
    /// The server itself, because a schedule said so.
    Schedule,
    /// The server itself, in the course of a job that somebody else started.
    Job,
}

impl Actor {
    /// Name for lists of decisions and audit events.
    pub fn name(&self) -> &str {
        match self {
            Self::Token { name, .. } => name,
            Self::User(user) => &user.name,
            Self::CommandLine => "Command line",
            Self::Schedule => "Schedule",
            Self::Job => "Concord",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { name, .. } => write!(f, "the token `{name}`"),
            Self::User(user) => write!(f, "the user `{}`", user.name),
            Self::CommandLine => f.write_str("the command line"),
            Self::Schedule => f.write_str("the schedule"),
            Self::Job => f.write_str("a job of the server"),
        }
    }
}

/// The caller lacks a role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("This needs the role {missing}, and {who}. Ask an administrator for a token with the role {missing}.")]
pub struct Forbidden {
    /// Role that would do.
    pub missing: Role,
    who: String,
}

/// Who asks, for which organization, with which rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Tenant whose data is meant; nothing of another one can be reached.
    pub organization_id: OrganizationId,
    /// Who it is.
    pub actor: Actor,
    /// What was granted.
    pub roles: Roles,
    /// Joins log lines, audit events and error messages of one request.
    pub correlation_id: String,
}

impl Caller {
    /// The server itself, for the audit of what it does by itself: nothing is granted to it.
    pub fn server(organization_id: OrganizationId, actor: Actor, correlation_id: String) -> Self {
        Self { organization_id, actor, roles: Roles::NONE, correlation_id }
    }

    /// Goes on only when the caller has the role, or one that includes it.
    pub fn require(&self, role: Role) -> Result<(), Forbidden> {
        if self.roles.allow(role) {
            return Ok(());
        }
        let granted: Vec<&str> = self.roles.iter().map(Role::as_str).collect();
        let who = match granted.as_slice() {
            [] => format!("{} has no role", self.actor),
            granted => format!("{} has {}", self.actor, granted.join(" and ")),
        };
        Err(Forbidden { missing: role, who })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn roles(text: &str) -> Roles {
        text.parse().expect("the roles of the test exist")
    }

    fn caller(roles: Roles) -> Caller {
        Caller {
            organization_id: OrganizationId(Uuid::nil()),
            actor: Actor::Token { id: TokenId(Uuid::nil()), name: "wizard".into() },
            roles,
            correlation_id: "c-1".into(),
        }
    }

    #[test]
    fn roles_read_in_any_case_and_write_in_one_order() {
        assert_eq!(roles("Finance, OPERATOR,finance").to_string(), "OPERATOR,FINANCE");
        assert_eq!(roles("admin").to_string(), "ADMIN");
        assert_eq!(Roles::NONE.to_string(), "");
        let all: Roles = Role::ALL.into_iter().collect();
        assert_eq!(all.to_string(), "VIEWER,OPERATOR,FINANCE,BUYER,ADMIN");
        assert_eq!(roles(&all.to_string()), all);
    }

    #[test]
    fn nobody_has_a_name_of_the_program() {
        for name in [
            "Concord",
            " concord ",
            "CONCORD.",
            "Con-cord",
            "\u{ff23}oncord",
            "Schedule",
            "command  line",
            "C\u{200b}oncord",
        ] {
            assert!(is_own_name(name), "{name}");
        }
        for name in ["Concord Ltd", "Concorde", "Ada", "", "Scheduler"] {
            assert!(!is_own_name(name), "{name}");
        }
    }

    #[test]
    fn an_unknown_role_is_named() {
        for (text, named) in [("root", "root"), ("", ""), ("admin,", ""), ("viewer;admin", "viewer;admin")] {
            assert_eq!(text.parse::<Roles>(), Err(NotARole(named.into())));
        }
    }

    #[test]
    fn who_has_what() {
        // Columns: VIEWER, OPERATOR, FINANCE, BUYER, ADMIN.
        for (granted, allowed) in [
            ("viewer", [true, false, false, false, false]),
            ("operator", [true, true, false, false, false]),
            ("finance", [true, false, true, false, false]),
            ("buyer", [true, false, false, true, false]),
            ("operator,buyer", [true, true, false, true, false]),
            ("admin", [true, true, true, true, true]),
        ] {
            assert_eq!(Role::ALL.map(|role| roles(granted).allow(role)), allowed, "of {granted}");
        }
        assert_eq!(Role::ALL.map(|role| Roles::NONE.allow(role)), [false; 5]);
    }

    #[test]
    fn a_missing_role_is_a_sentence() {
        assert_eq!(caller(roles("admin")).require(Role::Finance), Ok(()));
        let error = caller(roles("operator,buyer")).require(Role::Finance).expect_err("there is no FINANCE");
        assert_eq!(
            error.to_string(),
            "This needs the role FINANCE, and the token `wizard` has OPERATOR and BUYER. Ask an administrator for a \
             token with the role FINANCE."
        );
        let error = caller(Roles::NONE).require(Role::Viewer).expect_err("there is no role");
        assert!(error.to_string().contains("the token `wizard` has no role"), "{error}");
        assert_eq!(error.missing, Role::Viewer);
    }
}
