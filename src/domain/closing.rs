//! Closing a month: the report that speaks for it stays, and what was decided about it stays. A month is closed and
//! reopened by two different people where the organization asks for it.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::id::{IntegrationId, ReportId, TokenId};
use super::period::Period;

/// Somebody who closes or reopens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Token; `None` for the command line and for users.
    pub token_id: Option<TokenId>,
    /// What tells a user of an issuer apart from every other; `None` for everybody else.
    pub user_key: Option<String>,
}

impl Person {
    /// Whether it is the same one, as far as can be known: several tokens of one name are one person's, and so are a
    /// token and a user of one name. Users are told apart by their issuer, whatever they are called.
    fn is(&self, other: &Self) -> bool {
        match (&self.user_key, &other.user_key) {
            (Some(one), Some(two)) => one == two,
            _ => self.name == other.name || (self.token_id.is_some() && self.token_id == other.token_id),
        }
    }
}

/// What somebody asked for and a second person has to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClosingRequest {
    /// Who.
    pub by: Person,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
    /// Unsettled discrepancies that are knowingly left.
    pub unsettled: u32,
}

/// How a month was closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Closing {
    /// Who, both where there were two.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
    /// Unsettled discrepancies that were knowingly left.
    pub unsettled: u32,
    /// Whether one person alone closed it.
    pub is_single_handed: bool,
}

/// Whether a month is closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeriodState {
    /// It is not.
    Open,
    /// One person asked to close it.
    Closing(ClosingRequest),
    /// It is.
    Closed(Closing),
    /// It is, and one person asked to reopen it.
    Reopening {
        /// How it was closed.
        closing: Closing,
        /// What is asked.
        request: ClosingRequest,
    },
}

/// Status of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodStatus {
    /// Reports and decisions change what is said about it.
    Open,
    /// A second person has to agree to close it.
    Closing,
    /// What is said about it stays.
    Closed,
    /// Closed; a second person has to agree to reopen it.
    Reopening,
}

impl PeriodStatus {
    /// Whether what is said about the month stays.
    pub fn is_closed(self) -> bool {
        match self {
            Self::Closed | Self::Reopening => true,
            Self::Open | Self::Closing => false,
        }
    }
}

/// Why a month was not closed or reopened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClosingError {
    /// The same person asked for it.
    #[error("another person has to agree")]
    SamePerson,
    /// It is so already.
    #[error("the month is in that state already")]
    Already,
    /// It is asked for the opposite.
    #[error("something else was asked for the month")]
    OtherRequest,
}

/// How many people it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// One, and the month is marked so.
    One,
    /// Two different people.
    Two,
}

impl PeriodState {
    /// Status.
    pub fn status(&self) -> PeriodStatus {
        match self {
            Self::Open => PeriodStatus::Open,
            Self::Closing(_) => PeriodStatus::Closing,
            Self::Closed(_) => PeriodStatus::Closed,
            Self::Reopening { .. } => PeriodStatus::Reopening,
        }
    }

    /// Whether what is said about the month stays.
    pub fn is_closed(&self) -> bool {
        self.status().is_closed()
    }

    /// Closes the month, or asks for it.
    pub fn close(self, request: ClosingRequest, hands: Hands) -> Result<Self, ClosingError> {
        let closed = |by: String, request: ClosingRequest, is_single_handed| {
            let ClosingRequest { at, reason, unsettled, .. } = request;
            Self::Closed(Closing { by, at, reason, unsettled, is_single_handed })
        };
        match (self, hands) {
            (Self::Open | Self::Closing(_), Hands::One) => Ok(closed(request.by.name.clone(), request, true)),
            (Self::Open, Hands::Two) => Ok(Self::Closing(request)),
            (Self::Closing(first), Hands::Two) if first.by.is(&request.by) => Err(ClosingError::SamePerson),
            (Self::Closing(first), Hands::Two) => {
                let by = format!("{} and {}", first.by.name, request.by.name);
                let reason = request.reason.or(first.reason);
                Ok(closed(by, ClosingRequest { reason, ..request }, false))
            }
            (Self::Closed(_), _) => Err(ClosingError::Already),
            (Self::Reopening { .. }, _) => Err(ClosingError::OtherRequest),
        }
    }

    /// Reopens the month, or asks for it.
    pub fn reopen(self, request: ClosingRequest, hands: Hands) -> Result<Self, ClosingError> {
        match (self, hands) {
            (Self::Closed(_) | Self::Reopening { .. }, Hands::One) => Ok(Self::Open),
            (Self::Closed(closing), Hands::Two) => Ok(Self::Reopening { closing, request }),
            (Self::Reopening { request: first, .. }, Hands::Two) if first.by.is(&request.by) => {
                Err(ClosingError::SamePerson)
            }
            (Self::Reopening { .. }, Hands::Two) => Ok(Self::Open),
            (Self::Open, _) => Err(ClosingError::Already),
            (Self::Closing(_), _) => Err(ClosingError::OtherRequest),
        }
    }

    /// Takes back what was asked for.
    pub fn withdraw(self) -> Result<Self, ClosingError> {
        match self {
            Self::Closing(_) => Ok(Self::Open),
            Self::Reopening { closing, .. } => Ok(Self::Closed(closing)),
            Self::Open | Self::Closed(_) => Err(ClosingError::Already),
        }
    }
}

/// A month of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingPeriod {
    /// Integration.
    pub integration_id: IntegrationId,
    /// Month.
    pub period: Period,
    /// The report that speaks for it: the latest one, or the one that it was closed with.
    pub report_id: Option<ReportId>,
    /// Whether it is closed.
    pub state: PeriodState,
    /// Grows by one with every change of the state.
    pub version: i64,
}

impl BillingPeriod {
    /// Lets a report speak for a month that is not closed. What somebody asked about another report is asked no more,
    /// because nobody can agree to what the first person did not see.
    pub fn spoken_for_by(self, report_id: ReportId) -> Self {
        if self.report_id == Some(report_id) || self.state.is_closed() {
            return self;
        }
        Self { report_id: Some(report_id), state: PeriodState::Open, version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str) -> ClosingRequest {
        let by = Person { name: name.to_owned(), token_id: None, user_key: None };
        ClosingRequest { by, at: DateTime::UNIX_EPOCH, reason: None, unsettled: 0 }
    }

    #[test]
    fn two_people_close_and_two_reopen() {
        let asked = PeriodState::Open.close(request("Ada"), Hands::Two).expect("asked");
        assert_eq!(asked.status(), PeriodStatus::Closing);
        assert!(!asked.is_closed());
        assert_eq!(asked.clone().close(request("Ada"), Hands::Two), Err(ClosingError::SamePerson));
        assert_eq!(asked.clone().reopen(request("Bob"), Hands::Two), Err(ClosingError::OtherRequest));
        let closed = asked.close(request("Bob"), Hands::Two).expect("closed");
        let PeriodState::Closed(closing) = &closed else { panic!("{closed:?}") };
        assert_eq!((closing.by.as_str(), closing.is_single_handed), ("Ada and Bob", false));
        assert_eq!(closed.clone().close(request("Bob"), Hands::Two), Err(ClosingError::Already));

        let asked = closed.clone().reopen(request("Bob"), Hands::Two).expect("asked");
        assert!(asked.is_closed());
        assert_eq!(asked.clone().withdraw(), Ok(closed));
        assert_eq!(asked.clone().reopen(request("Bob"), Hands::Two), Err(ClosingError::SamePerson));
        assert_eq!(asked.reopen(request("Ada"), Hands::Two), Ok(PeriodState::Open));
    }

    #[test]
    fn users_are_told_apart_by_their_issuer_and_not_by_their_names() {
        let user = |name: &str, subject: &str| {
            let by = Person { name: name.to_owned(), token_id: None, user_key: Some(format!("issuer {subject}")) };
            ClosingRequest { by, ..request(name) }
        };
        let asked = PeriodState::Open.close(user("Ada", "s-1"), Hands::Two).expect("asked");
        assert_eq!(asked.clone().close(user("Ada Lovelace", "s-1"), Hands::Two), Err(ClosingError::SamePerson));
        assert_eq!(asked.clone().close(request("Ada"), Hands::Two), Err(ClosingError::SamePerson), "her token");
        assert!(asked.close(user("Ada", "s-2"), Hands::Two).expect("closed").is_closed(), "her namesake");
    }

    #[test]
    fn another_report_takes_the_request_back() {
        let report = |number| ReportId(uuid::Uuid::from_u128(number));
        let state = PeriodState::Open.close(request("Ada"), Hands::Two).expect("asked");
        let integration_id = IntegrationId(uuid::Uuid::nil());
        let period = Period::parse("2026-10").expect("a month");
        let month = BillingPeriod { integration_id, period, report_id: Some(report(1)), state, version: 3 };
        assert_eq!(month.clone().spoken_for_by(report(1)), month);
        let other = month.spoken_for_by(report(2));
        assert_eq!((other.state.status(), other.version), (PeriodStatus::Open, 4));
        let closed = PeriodState::Open.close(request("Ada"), Hands::One).expect("closed");
        let closed = BillingPeriod { state: closed, ..other };
        assert_eq!(closed.clone().spoken_for_by(report(1)), closed);
    }

    #[test]
    fn one_person_closes_alone_and_it_is_marked() {
        let closed = PeriodState::Open.close(request("Ada"), Hands::One).expect("closed");
        let PeriodState::Closed(closing) = &closed else { panic!("{closed:?}") };
        assert!(closing.is_single_handed);
        assert_eq!(closed.reopen(request("Ada"), Hands::One), Ok(PeriodState::Open));
    }
}
