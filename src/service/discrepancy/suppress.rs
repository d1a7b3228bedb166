//! Rules that hide discrepancies which are known and accepted, until a day.

use chrono::{DateTime, Days, NaiveDate, Utc};
use thiserror::Error;
use tracing::warn;

use super::{DiscrepancyService, MAX_NAME, MAX_TEXT};
use crate::domain::access::{Actor, Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::decision::{DiscrepancyState, FoundMonth};
use crate::domain::discrepancy::{DiscrepancyStatus, magnitude};
use crate::domain::id::{DiscrepancyId, IntegrationId, OrganizationId, SuppressionRuleId};
use crate::domain::suppression::{SuppressionConditions, SuppressionFacts, SuppressionRule};
use crate::service::{Internal, OrInternal as _, ReadError, TooLong, said};
use crate::storage::discrepancy::{self, DiscrepancyFilter, StoredDiscrepancy};
use crate::storage::page::{Slice, Window};
use crate::storage::{StorageError, Tx, integration, state, suppression};

/// Longest time that a rule may hold, in days: what is hidden is looked at once a year.
const LONGEST: u64 = 366;

/// A rule to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRule {
    /// Integration.
    pub integration_id: IntegrationId,
    /// What it hides.
    pub conditions: SuppressionConditions,
    /// Who answers for it; the caller when left out.
    pub owner: Option<String>,
    /// Why.
    pub reason: String,
    /// Last day on which it holds.
    pub expires_on: NaiveDate,
}

/// Why no rule was made or ended.
#[derive(Debug, Error)]
pub enum SuppressError {
    /// No such integration or rule, as far as the caller may know.
    #[error("there is no such integration or rule")]
    NotFound,
    /// It would hide everything.
    #[error("the rule has no condition")]
    NoCondition,
    /// The amount is below zero.
    #[error("the amount is below zero")]
    BadAmount,
    /// The reason is missing or too long.
    #[error("the reason must have 1 to {MAX_TEXT} characters")]
    BadReason,
    /// The name of the owner is too long.
    #[error("the name of the owner has more than {MAX_NAME} characters")]
    BadOwner,
    /// The day is over, or too far away.
    #[error("the day must lie between {earliest} and {latest}")]
    BadDay {
        /// First day that can be chosen.
        earliest: NaiveDate,
        /// Last day that can be chosen.
        latest: NaiveDate,
    },
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl DiscrepancyService {
    /// Makes a rule, and hides at once what it fits and nobody has taken up.
    pub async fn create_rule(&self, caller: &Caller, command: CreateRule) -> Result<SuppressionRule, SuppressError> {
        caller.require(Role::Finance)?;
        let reason = said(Some(command.reason), MAX_TEXT).ok().flatten().ok_or(SuppressError::BadReason)?;
        let owner = said(command.owner, MAX_NAME).map_err(|TooLong| SuppressError::BadOwner)?;
        if command.conditions.is_empty() {
            return Err(SuppressError::NoCondition);
        }
        if command.conditions.largest_amount.is_some_and(|amount| amount.is_sign_negative() && !amount.is_zero()) {
            return Err(SuppressError::BadAmount);
        }
        let core = &self.core;
        let (now, organization) = (core.clock.now(), caller.organization_id);
        let earliest = now.date_naive();
        let latest = earliest.checked_add_days(Days::new(LONGEST)).unwrap_or(NaiveDate::MAX);
        if command.expires_on < earliest || command.expires_on > latest {
            return Err(SuppressError::BadDay { earliest, latest });
        }
        let found = integration::find(core.store.read(), organization, command.integration_id).await;
        found.internal(caller)?.ok_or(SuppressError::NotFound)?;
        let mut conditions = command.conditions;
        conditions.kinds.sort_unstable();
        conditions.kinds.dedup();
        let rule = SuppressionRule {
            id: SuppressionRuleId(core.ids.next()),
            organization_id: organization,
            integration_id: command.integration_id,
            conditions,
            owner: owner.unwrap_or_else(|| caller.actor.name().to_owned()),
            reason,
            expires_on: command.expires_on,
            created_by: caller.actor.name().to_owned(),
            created_at: now,
            ended: None,
            version: 1,
        };
        let tx = core.store.begin().await.internal(caller)?;
        match suppression::insert(&tx, &rule).await {
            Err(StorageError::TooLarge(_)) => return Err(SuppressError::BadAmount),
            other => other.internal(caller)?,
        }
        let hidden = hide(&tx, &rule, now).await.internal(caller)?;
        let change = Change {
            action: "suppression_rule.create",
            subject_kind: "suppression_rule",
            subject_id: Some(rule.id.0),
            before: None,
            after: Some(snapshot(&rule, hidden)),
            reason: Some(rule.reason.clone()),
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(rule)
    }

    /// Ends a rule before its time; what it hid waits for somebody again. Repeating it is harmless.
    pub async fn end_rule(
        &self,
        caller: &Caller,
        id: SuppressionRuleId,
        reason: Option<String>,
    ) -> Result<SuppressionRule, SuppressError> {
        caller.require(Role::Finance)?;
        let reason = said(reason, MAX_TEXT).map_err(|TooLong| SuppressError::BadReason)?;
        let core = &self.core;
        let (now, organization) = (core.clock.now(), caller.organization_id);
        let tx = core.store.begin().await.internal(caller)?;
        let found = suppression::lock(&tx, organization, id).await.internal(caller)?;
        let old = found.ok_or(SuppressError::NotFound)?;
        if old.ended.is_some() {
            return Ok(old);
        }
        let by = caller.actor.name().to_owned();
        let ended = SuppressionRule { ended: Some((by, now)), version: old.version + 1, ..old.clone() };
        suppression::end(&tx, &ended).await.internal(caller)?;
        let shown = show(&tx, organization, id, now).await.internal(caller)?;
        let change = Change {
            action: "suppression_rule.end",
            subject_kind: "suppression_rule",
            subject_id: Some(id.0),
            before: Some(snapshot(&old, shown)),
            after: Some(snapshot(&ended, 0)),
            reason,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        tx.commit().await.internal(caller)?;
        Ok(ended)
    }

    /// Shows again what rules hid that have expired by this day, for every tenant. The server does it by itself; one rule
    /// that fails does not keep the others waiting.
    pub async fn show_expired(&self) -> Result<(), StorageError> {
        let core = &self.core;
        for rule in suppression::expired_that_hide(core.store.read(), core.clock.now().date_naive()).await? {
            if let Err(error) = self.expire(&rule).await {
                warn!(suppression_rule.id = %rule.id, "rule `{}` has expired and cannot be ended: {error}", rule.id);
            }
        }
        Ok(())
    }

    async fn expire(&self, rule: &SuppressionRule) -> Result<(), StorageError> {
        let core = &self.core;
        let organization = rule.organization_id;
        let tx = core.store.begin().await?;
        let shown = show(&tx, organization, rule.id, core.clock.now()).await?;
        if shown == 0 {
            // Another replica was faster, or all of it lies in closed months.
            return Ok(());
        }
        let caller = Caller::server(organization, Actor::Schedule, rule.id.to_string());
        let change = Change {
            action: "suppression_rule.expire",
            subject_kind: "suppression_rule",
            subject_id: Some(rule.id.0),
            before: Some(snapshot(rule, shown)),
            after: Some(snapshot(rule, 0)),
            reason: None,
        };
        core.audit(&tx, &caller, change).await?;
        tx.commit().await
    }

    /// A page of the rules of an integration, the latest first.
    pub async fn rules(
        &self,
        caller: &Caller,
        integration_id: IntegrationId,
        window: &Window,
    ) -> Result<Slice<SuppressionRule>, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(suppression::page(read, caller.organization_id, integration_id, window).await.internal(caller)?)
    }

    /// How many rules an integration has had.
    pub async fn rule_count(&self, caller: &Caller, integration_id: IntegrationId) -> Result<u64, ReadError> {
        caller.require(Role::Viewer)?;
        let read = self.core.store.read();
        Ok(suppression::count(read, caller.organization_id, integration_id).await.internal(caller)?)
    }
}

/// Hides what a new rule fits in all its months, as long as nobody has taken it up and one of them is open.
async fn hide(tx: &Tx, rule: &SuppressionRule, now: DateTime<Utc>) -> Result<usize, StorageError> {
    let (organization, integration) = (rule.organization_id, rule.integration_id);
    let filter = DiscrepancyFilter {
        kinds: (!rule.conditions.kinds.is_empty()).then(|| rule.conditions.kinds.clone()),
        statuses: Some(vec![DiscrepancyStatus::Open, DiscrepancyStatus::Reopened]),
        customers: rule.conditions.customer.clone().map(|id| vec![id]),
        companies: None,
        psa_products: rule.conditions.psa_product.clone().map(|id| vec![id]),
        currency: rule.conditions.currency,
    };
    let candidates = discrepancy::ids(&**tx, organization, integration, &filter).await?;
    let mut hidden = 0;
    for chunk in candidates.chunks(state::BATCH) {
        let held = state::lock(tx, organization, chunk).await?;
        let spoken = state::spoken_months(&**tx, organization, chunk).await?;
        let mut fitting: Vec<DiscrepancyId> = Vec::new();
        for row in held {
            let months = spoken.get(&row.id).map_or(&[][..], Vec::as_slice);
            let is_waiting = matches!(row.state, DiscrepancyState::Open | DiscrepancyState::Reopened);
            // What another integration found as well is not this one's to hide.
            let is_own = months.iter().all(|month| month.integration_id == integration);
            let is_open = !months.is_empty() && !state::are_closed(months);
            if is_waiting && is_own && is_open && months.iter().all(|month| fits(rule, &row, &month.found)) {
                fitting.push(row.id);
            }
        }
        hidden += fitting.len();
        state::set(tx, organization, &fitting, &DiscrepancyState::Suppressed { rule_id: rule.id }, now).await?;
    }
    Ok(hidden)
}

fn fits(rule: &SuppressionRule, row: &StoredDiscrepancy, month: &FoundMonth) -> bool {
    let Ok(magnitude) = magnitude(month.effect, month.cost_effect) else { return false };
    rule.conditions.hold_for(&SuppressionFacts {
        kind: row.kind,
        customer: row.customer_external_id.as_deref(),
        psa_product: row.psa_product_external_id.as_deref(),
        pax8_product: row.pax8_product_external_id.as_deref(),
        currency: row.currency,
        magnitude,
    })
}

/// Shows again what a rule hid, but for what lies in closed months alone; says how many.
async fn show(
    tx: &Tx,
    organization: OrganizationId,
    id: SuppressionRuleId,
    now: DateTime<Utc>,
) -> Result<usize, StorageError> {
    let mut shown = 0;
    for chunk in state::hidden_by(&**tx, organization, id).await?.chunks(state::BATCH) {
        let held = state::lock(tx, organization, chunk).await?;
        let spoken = state::spoken_months(&**tx, organization, chunk).await?;
        let is_open = |row: &StoredDiscrepancy| !spoken.get(&row.id).is_some_and(|months| state::are_closed(months));
        let hidden = DiscrepancyState::Suppressed { rule_id: id };
        let still = held.iter().filter(|row| row.state == hidden && is_open(row));
        let still: Vec<DiscrepancyId> = still.map(|row| row.id).collect();
        state::set(tx, organization, &still, &DiscrepancyState::Reopened, now).await?;
        shown += still.len();
    }
    Ok(shown)
}

/// A rule for the audit chain.
fn snapshot(rule: &SuppressionRule, hidden: usize) -> String {
    let conditions = &rule.conditions;
    serde_json::json!({
        "types": conditions.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "psaCustomer": conditions.customer,
        "psaProduct": conditions.psa_product,
        "pax8Product": conditions.pax8_product,
        "currency": conditions.currency.map(|currency| currency.to_string()),
        "largestAmount": conditions.largest_amount.map(|amount| amount.to_string()),
        "owner": rule.owner,
        "expiresOn": rule.expires_on.to_string(),
        "endedAt": rule.ended.as_ref().map(|(_, at)| at),
        "hiddenDiscrepancies": hidden,
    })
    .to_string()
}
