//! Subscriptions at Pax8 as they are stored, with their states.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal as Number;

use super::company::Pax8CompanyObject;
use super::pax8_product::Pax8ProductObject;
use super::record_reference::{pax8_companies, pax8_company, pax8_product, pax8_products};
use super::report_part::for_finance;
use crate::domain::id::IntegrationId;
use crate::domain::money::Money as Amount;
use crate::domain::provider::Side;
use crate::domain::record::{BillingTerm, Known, Subscription, SubscriptionStatus};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::page::page_types;
use crate::graphql::record_loader::{HistoryKey, load_one, record_key};
use crate::graphql::scalar::{Date, Decimal, Money};
use crate::storage::billing::SubscriptionFilter;
use crate::storage::source::Stored;

/// State of a subscription at Pax8. It has no effect on what Pax8 charges: start and end do. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Pax8SubscriptionStatus {
    /// Runs.
    Active,
    /// Ended.
    Canceled,
    /// Waits for Pax8 to act.
    PendingManual,
    /// Waits for the vendor's system.
    PendingAutomated,
    /// Runs until its cancellation takes effect.
    PendingCancel,
    /// Waits for provisioning answers.
    WaitingForDetails,
    /// Runs as a trial.
    Trial,
    /// Was a trial and was converted into another subscription.
    Converted,
    /// Waits for activation.
    PendingActivation,
    /// Was activated.
    Activated,
    /// Pax8 reported a state that this API does not know yet.
    Unrecognized,
}

impl Pax8SubscriptionStatus {
    fn of(status: &Known<SubscriptionStatus>) -> Self {
        match status {
            Known::Known(SubscriptionStatus::Active) => Self::Active,
            Known::Known(SubscriptionStatus::Canceled) => Self::Canceled,
            Known::Known(SubscriptionStatus::PendingManual) => Self::PendingManual,
            Known::Known(SubscriptionStatus::PendingAutomated) => Self::PendingAutomated,
            Known::Known(SubscriptionStatus::PendingCancel) => Self::PendingCancel,
            Known::Known(SubscriptionStatus::WaitingForDetails) => Self::WaitingForDetails,
            Known::Known(SubscriptionStatus::Trial) => Self::Trial,
            Known::Known(SubscriptionStatus::Converted) => Self::Converted,
            Known::Known(SubscriptionStatus::PendingActivation) => Self::PendingActivation,
            Known::Known(SubscriptionStatus::Activated) => Self::Activated,
            Known::Unrecognized(_) => Self::Unrecognized,
        }
    }

    fn known(self) -> Option<SubscriptionStatus> {
        Some(match self {
            Self::Active => SubscriptionStatus::Active,
            Self::Canceled => SubscriptionStatus::Canceled,
            Self::PendingManual => SubscriptionStatus::PendingManual,
            Self::PendingAutomated => SubscriptionStatus::PendingAutomated,
            Self::PendingCancel => SubscriptionStatus::PendingCancel,
            Self::WaitingForDetails => SubscriptionStatus::WaitingForDetails,
            Self::Trial => SubscriptionStatus::Trial,
            Self::Converted => SubscriptionStatus::Converted,
            Self::PendingActivation => SubscriptionStatus::PendingActivation,
            Self::Activated => SubscriptionStatus::Activated,
            Self::Unrecognized => return None,
        })
    }
}

/// How often a subscription is charged. New terms may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Pax8BillingTerm {
    /// Every month.
    Monthly,
    /// Every year.
    Annual,
    /// Every two years.
    TwoYear,
    /// Every three years.
    ThreeYear,
    /// Once.
    OneTime,
    /// By use, after the fact.
    Arrears,
    /// During a trial.
    Trial,
    /// On activation.
    Activation,
    /// A rebate.
    Rebate,
    /// Something else, which this version does not know.
    Unrecognized,
}

impl Pax8BillingTerm {
    fn of(term: &Known<BillingTerm>) -> Self {
        match term {
            Known::Known(BillingTerm::Monthly) => Self::Monthly,
            Known::Known(BillingTerm::Annual) => Self::Annual,
            Known::Known(BillingTerm::TwoYear) => Self::TwoYear,
            Known::Known(BillingTerm::ThreeYear) => Self::ThreeYear,
            Known::Known(BillingTerm::OneTime) => Self::OneTime,
            Known::Known(BillingTerm::Arrears) => Self::Arrears,
            Known::Known(BillingTerm::Trial) => Self::Trial,
            Known::Known(BillingTerm::Activation) => Self::Activation,
            Known::Known(BillingTerm::Rebate) => Self::Rebate,
            Known::Unrecognized(_) => Self::Unrecognized,
        }
    }
}

/// Conditions on subscriptions. A subscription has to satisfy every one that is given.
#[derive(Debug, Clone, Default, InputObject)]
pub struct Pax8SubscriptionFilter {
    /// Keeps subscriptions in one of these states.
    statuses: Option<Vec<Pax8SubscriptionStatus>>,
    /// Keeps subscriptions of any of these Pax8 companies; global IDs, at most 100. An unknown one matches nothing.
    pax8_company_ids: Option<Vec<ID>>,
    /// Keeps subscriptions to any of these Pax8 products; global IDs, at most 100. An unknown one matches nothing.
    pax8_product_ids: Option<Vec<ID>>,
}

impl Pax8SubscriptionFilter {
    /// The filter as storage takes it, for the records of an integration.
    pub async fn into_filter(self, ctx: &Context<'_>, of: IntegrationId) -> Result<SubscriptionFilter, Failure> {
        let known = |status: Pax8SubscriptionStatus| {
            status.known().ok_or_else(|| Failure::bad_input("`UNRECOGNIZED` cannot be filtered for."))
        };
        let statuses = self.statuses.map(|statuses| statuses.into_iter().map(known).collect()).transpose()?;
        Ok(SubscriptionFilter {
            companies: pax8_companies(ctx, of, "pax8CompanyIds", self.pax8_company_ids).await?,
            products: pax8_products(ctx, of, "pax8ProductIds", self.pax8_product_ids).await?,
            statuses,
        })
    }
}

fn money(subscription: &Subscription, amount: Option<Number>) -> Option<Money> {
    Some(Amount::new(amount?, subscription.currency?).into())
}

fn term(subscription: &Subscription) -> Option<Pax8BillingTerm> {
    subscription.billing_term.as_ref().map(Pax8BillingTerm::of)
}

/// A subscription at Pax8, as it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pax8SubscriptionObject {
    /// Subscription.
    pub stored: Stored<Subscription>,
    /// Integration whose account it was read from.
    pub integration_id: IntegrationId,
}

/// A subscription at Pax8, as it was last read.
#[Object(name = "Pax8Subscription")]
impl Pax8SubscriptionObject {
    /// Global ID of the subscription.
    pub async fn id(&self) -> ID {
        encode(NodeKind::Pax8Subscription, self.stored.identity.id)
    }

    /// ID of the subscription at Pax8.
    async fn external_id(&self) -> &str {
        &self.stored.identity.external_id
    }

    /// Company that holds it; null when the company is not synchronized yet.
    async fn pax8_company(&self, ctx: &Context<'_>) -> Option<Result<Pax8CompanyObject, Failure>> {
        pax8_company(ctx, self.integration_id, Some(self.stored.record.company_external_id.as_str())).await
    }

    /// Product subscribed to; null when the product is not synchronized yet.
    async fn pax8_product(&self, ctx: &Context<'_>) -> Option<Result<Pax8ProductObject, Failure>> {
        pax8_product(ctx, self.integration_id, Some(self.stored.record.product_external_id.as_str())).await
    }

    /// ID at Pax8 of the subscription that this one is an add-on of; null when it stands alone.
    async fn parent_external_id(&self) -> Option<&str> {
        self.stored.record.parent_external_id.as_ref().map(|id| id.as_str())
    }

    /// State; null when Pax8 does not say.
    async fn status(&self) -> Option<Pax8SubscriptionStatus> {
        self.stored.record.status.as_ref().map(Pax8SubscriptionStatus::of)
    }

    /// Seats; null when Pax8 does not say.
    async fn quantity(&self) -> Option<Decimal> {
        self.stored.record.quantity.map(Decimal)
    }

    /// How often it is charged; null when Pax8 does not say.
    async fn billing_term(&self) -> Option<Pax8BillingTerm> {
        term(&self.stored.record)
    }

    /// Commitment as Pax8 writes it, such as `1-Year`; null when month to month.
    async fn commitment_term(&self) -> Option<&str> {
        self.stored.record.commitment_term.as_deref()
    }

    /// Last day the buyer is bound; null when not bound.
    async fn commitment_end_date(&self) -> Option<Date> {
        self.stored.record.commitment_end.map(Date)
    }

    /// What the customer should pay for one unit by Pax8's list; null when Pax8 does not say.
    async fn unit_price(&self) -> Option<Money> {
        money(&self.stored.record, self.stored.record.price.map(|price| price.0))
    }

    /// What the MSP pays for one unit; null when Pax8 does not say. Needs the role FINANCE.
    async fn partner_cost(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        let record = &self.stored.record;
        for_finance(ctx, || money(record, record.cost.map(|cost| cost.0))).transpose()
    }

    /// First day of the subscription; null when Pax8 does not say.
    async fn start_date(&self) -> Option<Date> {
        self.stored.record.start_date.map(Date)
    }

    /// Last day of the subscription; null when open-ended.
    async fn end_date(&self) -> Option<Date> {
        self.stored.record.end_date.map(Date)
    }

    /// Day billing begins; null when Pax8 does not say.
    async fn billing_start_date(&self) -> Option<Date> {
        self.stored.record.billing_start.map(Date)
    }

    /// Its states so far, the earliest first; empty when Pax8 gave no history.
    #[graphql(complexity = "cost::list(child_complexity)")]
    async fn history(&self, ctx: &Context<'_>) -> Option<Result<Vec<Pax8SubscriptionRevision>, Failure>> {
        let states = async {
            let external_id = &self.stored.identity.external_id;
            let Some(key) = record_key(ctx, self.integration_id, Side::Pax8, external_id).await? else {
                return Ok(Vec::new());
            };
            let states = load_one(ctx, HistoryKey(key)).await?.unwrap_or_default();
            Ok(states.into_iter().map(|stored| Pax8SubscriptionRevision(stored.record)).collect())
        };
        Some(states.await)
    }

    /// Timestamp of when the subscription was first read from Pax8.
    async fn first_synced_at(&self) -> DateTime<Utc> {
        self.stored.identity.first_seen_at
    }

    /// Timestamp of when the subscription was last read from Pax8.
    async fn last_synced_at(&self) -> DateTime<Utc> {
        self.stored.identity.last_seen_at
    }

    /// Whether the subscription was gone at the last complete sync.
    async fn is_archived(&self) -> bool {
        self.stored.identity.gone_at.is_some()
    }
}

page_types!(Pax8SubscriptionConnection, Pax8SubscriptionEdge, Pax8SubscriptionObject);

/// One state of a subscription at Pax8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pax8SubscriptionRevision(Subscription);

/// One state of a subscription at Pax8.
#[Object]
impl Pax8SubscriptionRevision {
    /// Timestamp of when the state began; null when Pax8 does not say.
    async fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.0.updated_at
    }

    /// State; null when Pax8 does not say.
    async fn status(&self) -> Option<Pax8SubscriptionStatus> {
        self.0.status.as_ref().map(Pax8SubscriptionStatus::of)
    }

    /// Seats; null when Pax8 does not say.
    async fn quantity(&self) -> Option<Decimal> {
        self.0.quantity.map(Decimal)
    }

    /// How often it was charged; null when Pax8 does not say.
    async fn billing_term(&self) -> Option<Pax8BillingTerm> {
        term(&self.0)
    }

    /// Commitment as Pax8 writes it; null when month to month.
    async fn commitment_term(&self) -> Option<&str> {
        self.0.commitment_term.as_deref()
    }

    /// What the customer should have paid for one unit by Pax8's list; null when Pax8 does not say.
    async fn unit_price(&self) -> Option<Money> {
        money(&self.0, self.0.price.map(|price| price.0))
    }

    /// What the MSP paid for one unit; null when Pax8 does not say. Needs the role FINANCE.
    async fn partner_cost(&self, ctx: &Context<'_>) -> Option<Result<Money, Failure>> {
        for_finance(ctx, || money(&self.0, self.0.cost.map(|cost| cost.0))).transpose()
    }

    /// Last day of the subscription as it was known then; null when open-ended.
    async fn end_date(&self) -> Option<Date> {
        self.0.end_date.map(Date)
    }

    /// Effective date of the state; null when Pax8 does not say.
    async fn billing_start_date(&self) -> Option<Date> {
        self.0.billing_start.map(Date)
    }
}
