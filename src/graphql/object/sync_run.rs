//! A sync run and what it reports.

use std::borrow::Cow;

use async_graphql::{Context, Enum, ID, Object, SimpleObject, Union};
use chrono::{DateTime, Utc};

use super::account::Provider;
use super::job::{JobProgress, JobStatus};
use crate::domain::access::Role;
use crate::domain::run::{
    Dataset, DatasetCount, MatchCount, Numbered, SyncCounts, SyncEvent, SyncIssue, SyncPhase as Phase, SyncRun,
    SyncTrigger as Trigger,
};
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::id::{NodeKind, encode};
use crate::graphql::page::{self, List, PageArguments, page_types};
use crate::storage::page::SortValue;

/// What set a sync run off. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Trigger")]
pub enum SyncTrigger {
    /// The set-up wizard.
    Setup,
    /// A person.
    Manual,
    /// The schedule.
    Schedule,
    /// A message of the provider.
    Webhook,
}

/// What a sync run is doing. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Phase")]
pub enum SyncPhase {
    /// Not begun.
    Waiting,
    /// Reads Pax8.
    #[graphql(name = "READING_PAX8")]
    ReadingPax8,
    /// Reads the PSA.
    ReadingPsa,
    /// Compares the two.
    Matching,
    /// Plans what to change on either side. Not reported yet.
    Planning,
    /// Changes what was planned. Not reported yet.
    Applying,
    /// Finished.
    Done,
}

/// A list that a sync run reads. New values may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Dataset")]
pub enum SyncDataset {
    /// Companies at Pax8.
    Companies,
    /// Products at Pax8.
    #[graphql(name = "PAX8_PRODUCTS")]
    Pax8Products,
    /// Prices at Pax8, for the products in use.
    VendorPrices,
    /// Subscriptions at Pax8.
    Subscriptions,
    /// All states of the subscriptions.
    SubscriptionHistory,
    /// Invoices from Pax8.
    VendorInvoices,
    /// Lines of the invoices from Pax8.
    VendorInvoiceLines,
    /// Drafts of the coming invoices from Pax8 with their lines.
    DraftInvoices,
    /// Customers at the PSA.
    Customers,
    /// Items of the PSA.
    PsaProducts,
    /// Recurring lines of agreements at the PSA.
    AgreementLines,
    /// Invoices of the PSA with their lines.
    PsaInvoices,
}

/// How far one list was read.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct SyncDatasetCount {
    /// List.
    pub dataset: SyncDataset,
    /// Records read.
    pub read: u64,
    /// Records that were new.
    pub created: u64,
    /// Records that had changed.
    pub changed: u64,
    /// Records that a complete pull no longer found.
    pub gone: u64,
    /// Rows that could not be read; see the issues of the run.
    pub rejected: u64,
    /// Records in all; null where the provider does not say.
    pub total: Option<u64>,
}

impl From<&(Dataset, DatasetCount)> for SyncDatasetCount {
    fn from((dataset, count): &(Dataset, DatasetCount)) -> Self {
        let DatasetCount { read, created, changed, gone, rejected, total } = *count;
        Self { dataset: (*dataset).into(), read, created, changed, gone, rejected, total }
    }
}

/// What matching found for one kind of record.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct SyncMatchCount {
    /// Mapped by the machine; to be reviewed.
    pub suggested: u64,
    /// Mapped before, by a person or by the machine.
    pub kept: u64,
    /// Without a mapping, but with candidates: they wait for a person.
    pub with_candidates: u64,
    /// Without a mapping and without candidates.
    pub unmatched: u64,
}

impl From<MatchCount> for SyncMatchCount {
    fn from(count: MatchCount) -> Self {
        let MatchCount { suggested, kept, with_candidates, unmatched } = count;
        Self { suggested, kept, with_candidates, unmatched }
    }
}

/// What a sync run has read and matched.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct SyncResults {
    /// Per list, in the order in which they are read.
    #[graphql(complexity = "cost::list(child_complexity)")]
    pub datasets: Vec<SyncDatasetCount>,
    /// Customers.
    pub customers: SyncMatchCount,
    /// Products, each term by itself.
    pub products: SyncMatchCount,
}

impl From<&SyncCounts> for SyncResults {
    fn from(counts: &SyncCounts) -> Self {
        Self {
            datasets: counts.datasets.iter().map(Into::into).collect(),
            customers: counts.customers.into(),
            products: counts.products.into(),
        }
    }
}

fn progress(counts: &SyncCounts) -> JobProgress {
    let done = counts.datasets.iter().map(|(_, count)| count.read).sum();
    JobProgress { done, total: None }
}

/// A record that a sync run had to leave out, or found odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncIssueObject(SyncIssue);

impl From<SyncIssue> for SyncIssueObject {
    fn from(issue: SyncIssue) -> Self {
        Self(issue)
    }
}

/// A record that a sync run had to leave out, or found odd.
#[Object(name = "SyncIssue")]
impl SyncIssueObject {
    /// Provider that the record comes from.
    async fn provider(&self) -> Provider {
        self.0.side.into()
    }

    /// List that the record is on.
    async fn dataset(&self) -> SyncDataset {
        self.0.dataset.into()
    }

    /// ID of the record at the provider; null where it could not be read.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// File and line; null unless the record comes from a file.
    async fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// What is wrong with the record. A value that may be a cost is quoted for the role FINANCE alone; for others the
    /// message says that it is hidden.
    async fn message(&self, ctx: &Context<'_>) -> Cow<'_, str> {
        if caller(ctx).roles.allow(Role::Finance) {
            Cow::Borrowed(&self.0.message)
        } else {
            Cow::Owned(self.0.message_without_amounts())
        }
    }

    /// Whether the record was left out; otherwise it was kept as it is.
    async fn is_rejected(&self) -> bool {
        self.0.is_rejected
    }
}

page_types!(SyncIssueConnection, SyncIssueEdge, SyncIssueObject);

/// One execution of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRunObject(pub SyncRun);

/// One execution of a sync.
#[Object(name = "SyncRun")]
impl SyncRunObject {
    /// Global ID of the run.
    pub async fn id(&self) -> ID {
        encode(NodeKind::SyncRun, self.0.id.0)
    }

    /// Status.
    async fn status(&self) -> JobStatus {
        self.0.status.into()
    }

    /// What it is doing.
    async fn phase(&self) -> SyncPhase {
        self.0.phase.into()
    }

    /// What set it off.
    async fn trigger(&self) -> SyncTrigger {
        self.0.trigger.into()
    }

    /// Lists that it reads, in that order: all, or those that a message of the provider was about. What is on the others
    /// stays as it is.
    async fn datasets(&self) -> Vec<SyncDataset> {
        self.0.datasets.iter().map(Into::into).collect()
    }

    /// Who asked for it; null for the schedule and for messages of a provider.
    async fn requested_by(&self) -> Option<&str> {
        self.0.requested_by.as_deref()
    }

    /// How far it is.
    async fn progress(&self) -> JobProgress {
        progress(&self.0.counts)
    }

    /// What it has read and matched.
    async fn results(&self) -> SyncResults {
        (&self.0.counts).into()
    }

    /// Records left out or odd.
    async fn issue_count(&self) -> i64 {
        self.0.issue_count
    }

    /// Records left out or odd, in the order in which they were found.
    #[graphql(complexity = "cost::page(first, last, child_complexity)")]
    async fn issues(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first so many items: 1 to 100, and 25 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last so many items, 1 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Option<Result<SyncIssueConnection, Failure>> {
        let page = PageArguments { first, after, last, before };
        Some(
            async {
                let list = List::new("issues", &[SortValue::Integer(0)]).of(self.0.id.0);
                let window = page.window(&list)?;
                let slice = services(ctx).sync.issues(caller(ctx), self.0.id, &window).await?;
                let total = u64::try_from(self.0.issue_count).ok();
                Ok(SyncIssueConnection::new(page::parts(slice, &list, Into::into), total))
            }
            .await,
        )
    }

    /// Why it failed, as a sentence that says what to do; null unless it failed.
    async fn failure_message(&self) -> Option<&str> {
        self.0.failure.as_deref()
    }

    /// Whether somebody asked it to stop.
    async fn is_cancel_requested(&self) -> bool {
        self.0.is_cancel_requested
    }

    /// Timestamp of when it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Timestamp of when it began; null before.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// Timestamp of when it ended; null before.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}

page_types!(SyncRunConnection, SyncRunEdge, SyncRunObject);

/// Something a sync run reports.
#[derive(Debug, Clone, PartialEq, Eq, Union)]
pub enum SyncRunEvent {
    /// See the type.
    Progressed(SyncRunProgressed),
    /// See the type.
    IssueRaised(SyncRunIssueRaised),
    /// See the type.
    Finished(SyncRunFinished),
}

/// The run moved on.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct SyncRunProgressed {
    /// Position in the run's stream of events, from 1, without gaps.
    pub sequence: i64,
    /// Timestamp of the event.
    pub occurred_at: DateTime<Utc>,
    /// Status at that moment.
    pub status: JobStatus,
    /// Step at that moment.
    pub phase: SyncPhase,
    /// List that was being read; null between lists.
    pub dataset: Option<SyncDataset>,
    /// Records handled by then.
    pub progress: JobProgress,
    /// What was read and matched by then.
    pub results: SyncResults,
}

/// A record had to be left out, or was odd.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct SyncRunIssueRaised {
    /// Position in the run's stream of events, from 1, without gaps.
    pub sequence: i64,
    /// Timestamp of the event.
    pub occurred_at: DateTime<Utc>,
    /// What is wrong.
    pub issue: SyncIssueObject,
}

/// The run reached a final status. The stream completes after this event.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct SyncRunFinished {
    /// Position in the run's stream of events, from 1, without gaps.
    pub sequence: i64,
    /// Timestamp of the event.
    pub occurred_at: DateTime<Utc>,
    /// Final status.
    pub status: JobStatus,
    /// What was read and matched.
    pub results: SyncResults,
    /// Why it failed, as a sentence that says what to do; null unless it failed.
    pub failure_message: Option<String>,
}

impl From<Numbered<SyncEvent>> for SyncRunEvent {
    fn from(numbered: Numbered<SyncEvent>) -> Self {
        let Numbered { sequence, occurred_at, event } = numbered;
        match event {
            SyncEvent::Progressed { status, phase, dataset, counts } => Self::Progressed(SyncRunProgressed {
                sequence,
                occurred_at,
                status: status.into(),
                phase: phase.into(),
                dataset: dataset.map(Into::into),
                progress: progress(&counts),
                results: (&counts).into(),
            }),
            SyncEvent::IssueRaised(issue) => {
                Self::IssueRaised(SyncRunIssueRaised { sequence, occurred_at, issue: issue.into() })
            }
            SyncEvent::Finished { status, counts, failure } => Self::Finished(SyncRunFinished {
                sequence,
                occurred_at,
                status: status.into(),
                results: (&counts).into(),
                failure_message: failure,
            }),
        }
    }
}
