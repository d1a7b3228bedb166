//! Closing months, and reopening them: with two different people where the organization asks for it.

use std::collections::HashSet;

use thiserror::Error;

use super::{Core, Internal, OrInternal as _, ReadError, TooLong, said};
use crate::domain::access::{Actor, Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::closing::{BillingPeriod, ClosingError, ClosingRequest, Hands, PeriodState, Person};
use crate::domain::id::IntegrationId;
use crate::domain::period::Period;
use crate::report::totals::GroupTotals;
use crate::storage::page::{Slice, Window};
use crate::storage::text::Word as _;
use crate::storage::{integration, organization, period, token, total};

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// Closing months.
#[derive(Clone)]
pub struct ClosingService {
    core: Core,
}

/// What is done with a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosingStep {
    /// It is closed, or that is asked for.
    Close {
        /// Unsettled discrepancies that are knowingly left.
        unsettled: u32,
    },
    /// It is reopened, or that is asked for.
    Reopen,
    /// What was asked for is taken back, or refused by the second person.
    Withdraw,
}

/// A month to close or reopen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePeriod {
    /// Integration.
    pub integration_id: IntegrationId,
    /// Month.
    pub period: Period,
    /// Version that the caller read; not checked when `None`.
    pub expected_version: Option<i64>,
    /// What to do.
    pub step: ClosingStep,
    /// Why.
    pub reason: Option<String>,
}

/// Why a month was not closed or reopened.
#[derive(Debug, Error)]
pub enum PeriodError {
    /// No such integration.
    #[error("there is no such integration")]
    NotFound,
    /// No report speaks for the month.
    #[error("the month has not been reconciled")]
    NotReconciled,
    /// It changed since the caller read it; this is its present state.
    #[error("the month changed since it was read")]
    Stale(Box<BillingPeriod>),
    /// Another number of discrepancies is unsettled than the caller knew of.
    #[error("{0} discrepancies are unsettled")]
    Unsettled(u64),
    /// The state of the month does not allow it.
    #[error("{error}")]
    Refused {
        /// Why.
        error: ClosingError,
        /// Its present state.
        present: Box<BillingPeriod>,
    },
    /// The reason is too long.
    #[error("the reason has more than {MAX_REASON} characters")]
    ReasonTooLong,
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<ReadError> for PeriodError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Forbidden(error) => Self::Forbidden(error),
            ReadError::Internal(error) => Self::Internal(error),
        }
    }
}

impl ClosingService {
    /// A service over the core.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Closes or reopens a month, or asks for it.
    pub async fn change(&self, caller: &Caller, command: ChangePeriod) -> Result<BillingPeriod, PeriodError> {
        caller.require(Role::Finance)?;
        let reason = said(command.reason, MAX_REASON).map_err(|TooLong| PeriodError::ReasonTooLong)?;
        let core = &self.core;
        let organization = caller.organization_id;
        let read = core.store.read();
        let found = integration::find(read, organization, command.integration_id).await.internal(caller)?;
        found.ok_or(PeriodError::NotFound)?;
        let hands = self.hands(caller).await?;
        let tx = core.store.begin().await.internal(caller)?;
        let months = [command.period];
        let held = period::hold(&tx, organization, command.integration_id, &months).await.internal(caller)?;
        let old = held.into_iter().next().ok_or(PeriodError::NotReconciled)?;
        if command.expected_version.is_some_and(|expected| expected != old.version) {
            return Err(PeriodError::Stale(Box::new(old)));
        }
        let Some(report_id) = old.report_id else { return Err(PeriodError::NotReconciled) };
        let (action, unsettled) = match command.step {
            ClosingStep::Close { unsettled } => {
                let count = period::unsettled_count(&*tx, organization, report_id, command.period).await;
                let count = count.internal(caller)?;
                if !old.state.is_closed() && count != u64::from(unsettled) {
                    return Err(PeriodError::Unsettled(count));
                }
                ("period.close", unsettled)
            }
            ClosingStep::Reopen => ("period.reopen", 0),
            ClosingStep::Withdraw => ("period.withdraw", 0),
        };
        let request = ClosingRequest { by: person(caller), at: core.clock.now(), reason: reason.clone(), unsettled };
        let state = match command.step {
            ClosingStep::Close { .. } => old.state.clone().close(request, hands),
            ClosingStep::Reopen => old.state.clone().reopen(request, hands),
            ClosingStep::Withdraw => old.state.clone().withdraw(),
        };
        let state = match state {
            Ok(state) => state,
            Err(error) => return Err(PeriodError::Refused { error, present: Box::new(old) }),
        };
        let new = BillingPeriod { state, version: old.version + 1, ..old.clone() };
        period::update(&tx, organization, &new).await.internal(caller)?;
        let change = Change {
            action,
            subject_kind: "integration",
            subject_id: Some(command.integration_id.0),
            before: Some(snapshot(&old)),
            after: Some(snapshot(&new)),
            reason,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(new)
    }

    /// How many people it takes: what the organization says, else two where two or more may. Nobody can count the users
    /// of an issuer, and who has one is rarely alone: a user needs a second person.
    pub async fn hands(&self, caller: &Caller) -> Result<Hands, ReadError> {
        caller.require(Role::Viewer)?;
        let (core, id) = (&self.core, caller.organization_id);
        let said = organization::needs_second_person(core.store.read(), id).await.internal(caller)?;
        let needs_two = match said {
            Some(needs_two) => needs_two,
            None if matches!(caller.actor, Actor::User(_)) => true,
            None => {
                let tokens = token::working(core.store.read(), id, core.clock.now()).await.internal(caller)?;
                let people: HashSet<&str> = tokens
                    .iter()
                    .filter(|token| token.roles.allow(Role::Finance))
                    .map(|token| token.name.as_str())
                    .collect();
                people.len() >= 2
            }
        };
        Ok(if needs_two { Hands::Two } else { Hands::One })
    }

    /// Says whether two people close a month; `None` goes by how many may.
    pub async fn ask_for_two(&self, caller: &Caller, needs_two: Option<bool>) -> Result<(), ReadError> {
        caller.require(Role::Admin)?;
        let (core, id) = (&self.core, caller.organization_id);
        let tx = core.store.begin().await.internal(caller)?;
        organization::lock(&tx, id).await.internal(caller)?;
        let before = organization::needs_second_person(&*tx, id).await.internal(caller)?;
        if before == needs_two {
            return Ok(());
        }
        organization::set_needs_second_person(&tx, id, needs_two).await.internal(caller)?;
        let snapshot = |value: Option<bool>| Some(serde_json::json!({ "twoPersonPeriodClose": value }).to_string());
        let change = Change {
            action: "organization.settings_update",
            subject_kind: "organization",
            subject_id: Some(id.0),
            before: snapshot(before),
            after: snapshot(needs_two),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(())
    }

    /// What the organization says about it.
    pub async fn asked_for_two(&self, caller: &Caller) -> Result<Option<bool>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(organization::needs_second_person(read, caller.organization_id).await.internal(caller)?)
    }

    /// A page of the months of an integration, the latest first.
    pub async fn page(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        window: &Window,
    ) -> Result<Slice<BillingPeriod>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(period::page(read, caller.organization_id, integration_id, window).await.internal(caller)?)
    }

    /// How many months an integration has.
    pub async fn count(&self, caller: &Caller, integration_id: IntegrationId) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(period::count(read, caller.organization_id, integration_id).await.internal(caller)?)
    }

    /// The sums of each month of an integration, from the report that speaks for it.
    pub async fn trend(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        months: (Period, Period),
    ) -> Result<Vec<GroupTotals>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(total::by_month(read, caller.organization_id, integration_id, months).await.internal(caller)?)
    }
}

fn person(caller: &Caller) -> Person {
    let (token_id, user_key) = match &caller.actor {
        Actor::Token { id, .. } => (Some(*id), None),
        Actor::User(user) => (None, Some(user.key())),
        Actor::CommandLine | Actor::Schedule | Actor::Job => (None, None),
    };
    Person { name: caller.actor.name().to_owned(), token_id, user_key }
}

fn snapshot(month: &BillingPeriod) -> String {
    let (closing, request) = match &month.state {
        PeriodState::Open => (None, None),
        PeriodState::Closing(request) => (None, Some(request)),
        PeriodState::Closed(closing) => (Some(closing), None),
        PeriodState::Reopening { closing, request } => (Some(closing), Some(request)),
    };
    serde_json::json!({
        "period": month.period.to_string(),
        "status": month.state.status().word(),
        "reportId": month.report_id.map(|id| id.0),
        "requestedBy": request.map(|request| &request.by.name),
        "closedBy": closing.map(|closing| &closing.by),
        "unsettled": closing.map(|closing| closing.unsettled),
        "isSingleHanded": closing.map(|closing| closing.is_single_handed),
    })
    .to_string()
}
