//! Runs: one execution of a sync or of a reconciliation, its states, counts and events.

use chrono::{DateTime, NaiveDate, Utc};

use super::id::{IntegrationId, OrganizationId, ReconciliationRunId, ReportId, SyncRunId};
use super::period::Period;
use super::provider::Side;

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunStatus {
    /// Waits for a worker.
    Queued,
    /// Works.
    Running,
    /// Finished, and nothing was odd.
    Succeeded,
    /// Finished; some records were left out or odd.
    SucceededWithIssues,
    /// Could not finish.
    Failed,
    /// Stopped by a person.
    Canceled,
}

impl RunStatus {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::SucceededWithIssues | Self::Failed | Self::Canceled => true,
        }
    }
}

/// What a sync run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SyncPhase {
    /// Not begun.
    Waiting,
    /// Reads the marketplace.
    ReadingPax8,
    /// Reads the PSA.
    ReadingPsa,
    /// Compares the two.
    Matching,
    /// Plans what to change on either side.
    Planning,
    /// Changes what was planned.
    Applying,
    /// Finished.
    Done,
}

/// What set a sync run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// A list that a sync run reads, in the order in which it reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dataset {
    /// Companies at Pax8.
    Companies,
    /// Products at Pax8.
    Pax8Products,
    /// Prices at Pax8, for the products in use.
    VendorPrices,
    /// Subscriptions at Pax8.
    Subscriptions,
    /// All states of the subscriptions.
    SubscriptionHistory,
    /// Invoices from Pax8.
    VendorInvoices,
    /// Their lines.
    VendorInvoiceLines,
    /// Drafts of the coming invoices from Pax8 with their lines.
    DraftInvoices,
    /// Customers at the PSA.
    Customers,
    /// Items of the PSA.
    PsaProducts,
    /// Recurring lines of agreements.
    AgreementLines,
    /// Invoices of the PSA with their lines.
    PsaInvoices,
}

impl Dataset {
    /// Every list, in the order in which a run reads them.
    pub const ALL: [Self; 12] = [
        Self::Companies,
        Self::Pax8Products,
        Self::Subscriptions,
        Self::SubscriptionHistory,
        Self::VendorInvoices,
        Self::VendorInvoiceLines,
        Self::DraftInvoices,
        Self::VendorPrices,
        Self::Customers,
        Self::PsaProducts,
        Self::AgreementLines,
        Self::PsaInvoices,
    ];

    /// Side that the list is read from.
    pub fn side(self) -> Side {
        match self {
            Self::Companies
            | Self::Pax8Products
            | Self::VendorPrices
            | Self::Subscriptions
            | Self::SubscriptionHistory
            | Self::VendorInvoices
            | Self::VendorInvoiceLines
            | Self::DraftInvoices => Side::Pax8,
            Self::Customers | Self::PsaProducts | Self::AgreementLines | Self::PsaInvoices => Side::Psa,
        }
    }

    /// Lists that are read for the rows of this one, so that they have to be read after it.
    pub fn dependents(self) -> Datasets {
        match self {
            Self::Subscriptions => Datasets::of(&[Self::SubscriptionHistory, Self::VendorPrices]),
            Self::VendorInvoices => Datasets::of(&[Self::VendorInvoiceLines, Self::VendorPrices]),
            Self::VendorInvoiceLines => Datasets::of(&[Self::VendorPrices]),
            Self::Companies
            | Self::Pax8Products
            | Self::VendorPrices
            | Self::SubscriptionHistory
            | Self::DraftInvoices
            | Self::Customers
            | Self::PsaProducts
            | Self::AgreementLines
            | Self::PsaInvoices => Datasets::NONE,
        }
    }

    /// Word used in events, logs and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Companies => "companies",
            Self::Pax8Products => "pax8_products",
            Self::VendorPrices => "vendor_prices",
            Self::Subscriptions => "subscriptions",
            Self::SubscriptionHistory => "subscription_history",
            Self::VendorInvoices => "vendor_invoices",
            Self::VendorInvoiceLines => "vendor_invoice_lines",
            Self::DraftInvoices => "draft_invoices",
            Self::Customers => "customers",
            Self::PsaProducts => "psa_products",
            Self::AgreementLines => "agreement_lines",
            Self::PsaInvoices => "psa_invoices",
        }
    }
}

/// Some of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Datasets(u16);

impl Datasets {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Every list.
    pub const ALL: Self = Self((1 << Dataset::ALL.len()) - 1);

    /// These lists.
    pub fn of(lists: &[Dataset]) -> Self {
        Self(lists.iter().fold(0, |bits, list| bits | Self::bit(*list)))
    }

    fn bit(list: Dataset) -> u16 {
        1 << list as u16
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Whether a list is among them.
    pub fn contains(self, list: Dataset) -> bool {
        self.0 & Self::bit(list) != 0
    }

    /// These and those.
    pub fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without those.
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Those of these that are among those, too.
    pub fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// The lists, in the order in which a run reads them.
    pub fn iter(self) -> impl Iterator<Item = Dataset> {
        Dataset::ALL.into_iter().filter(move |list| self.contains(*list))
    }
}

/// How far one list was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DatasetCount {
    /// Records read so far.
    pub read: u64,
    /// Records that were new.
    pub created: u64,
    /// Records that had changed.
    pub changed: u64,
    /// Records that a complete pull no longer found.
    pub gone: u64,
    /// Rows that could not be read.
    pub rejected: u64,
    /// Records in all, where the provider says.
    pub total: Option<u64>,
}

/// What the matching of one kind found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatchCount {
    /// Mapped by the machine in this run.
    pub suggested: u64,
    /// Mapped before, by a person or by the machine.
    pub kept: u64,
    /// Without a mapping, but with candidates: they wait for a person.
    pub with_candidates: u64,
    /// Without a mapping and without candidates.
    pub unmatched: u64,
}

/// Everything counted by a sync run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncCounts {
    /// Per list, in the order of [`Dataset::ALL`].
    pub datasets: Vec<(Dataset, DatasetCount)>,
    /// Customers.
    pub customers: MatchCount,
    /// Products, per term.
    pub products: MatchCount,
}

/// One execution of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRun {
    /// Id.
    pub id: SyncRunId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// State.
    pub status: RunStatus,
    /// What it is doing.
    pub phase: SyncPhase,
    /// What set it off.
    pub trigger: SyncTrigger,
    /// Lists that it reads; what is on the others stays as it is.
    pub datasets: Datasets,
    /// Who asked for it; `None` for the schedule.
    pub requested_by: Option<String>,
    /// What was counted.
    pub counts: SyncCounts,
    /// Records left out or odd.
    pub issue_count: i64,
    /// Why it failed, as a sentence.
    pub failure: Option<String>,
    /// Whether a person asked it to stop.
    pub is_cancel_requested: bool,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A record that a sync run left out, or found odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncIssue {
    /// Side that the record comes from.
    pub side: Side,
    /// List that the record is on.
    pub dataset: Dataset,
    /// The provider's id, where it could be read.
    pub external_id: Option<String>,
    /// File and line, for files.
    pub location: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Whether the record was left out; otherwise it was kept as it is.
    pub is_rejected: bool,
}

/// How a message goes on after a quoted value that had to be a number.
pub const NOT_A_DECIMAL: &str = " is not a decimal";

/// How a message begins to quote a value that had to be a text or a number and is neither.
pub const NOT_TEXT_BUT: &str = " is not text but ";

/// Stands for a value that the reader may not see.
const HIDDEN: &str = "(hidden: it may be a cost, which needs the role FINANCE)";

impl SyncIssue {
    /// The message for readers who may not know about cost. Which of a provider's numbers are costs is the connector's
    /// business, so every number that could not be read is hidden, and the message says so.
    pub fn message_without_amounts(&self) -> String {
        let message = self.message.as_str();
        if let Some(at) = message.find(NOT_TEXT_BUT) {
            return [&message[..at], NOT_TEXT_BUT, HIDDEN].concat();
        }
        // A connector quotes no grave accent inside a value, so the last two before the verdict are the quotes.
        let Some((said, after)) = message.rsplit_once(NOT_A_DECIMAL) else { return message.to_owned() };
        let opening = said.rmatch_indices('`').nth(1).map_or(0, |(at, _)| at);
        [&said[..opening], HIDDEN, NOT_A_DECIMAL, after].concat()
    }
}

/// One execution of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationRun {
    /// Id.
    pub id: ReconciliationRunId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration.
    pub integration_id: IntegrationId,
    /// State.
    pub status: RunStatus,
    /// What it is doing.
    pub phase: ReconciliationPhase,
    /// First month.
    pub period_from: Period,
    /// Last month.
    pub period_to: Period,
    /// The day that counts as today.
    pub as_of: NaiveDate,
    /// Report, once there is one.
    pub report_id: Option<ReportId>,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// Why it failed, as a sentence.
    pub failure: Option<String>,
    /// Whether a person asked it to stop.
    pub is_cancel_requested: bool,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Version of the integration's policy that it goes by; 0 is the default policy.
    pub policy_version: i64,
    /// Report of the run before, which it is compared with.
    pub previous_report_id: Option<ReportId>,
}

/// What a run says about a discrepancy otherwise than the run before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The run before did not have it.
    New,
    /// Its amounts are others.
    Changed,
    /// It is not found any more in the months that the run looked at.
    Gone,
}

/// Kind of durable work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Carries out a sync run.
    Sync,
    /// Carries out a reconciliation run.
    Reconcile,
}

/// What a sync run reports, stored and numbered before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncEvent {
    /// The run moved on.
    Progressed {
        /// Status at that moment.
        status: RunStatus,
        /// Step at that moment.
        phase: SyncPhase,
        /// List that was being read.
        dataset: Option<Dataset>,
        /// What was counted by then.
        counts: SyncCounts,
    },
    /// A record was left out or odd.
    IssueRaised(SyncIssue),
    /// The run reached a final status; no event follows.
    Finished {
        /// Final status.
        status: RunStatus,
        /// What was counted.
        counts: SyncCounts,
        /// Why it failed, as a sentence.
        failure: Option<String>,
    },
}

/// Step of a reconciliation run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReconciliationPhase {
    /// Not begun.
    Waiting,
    /// Reads the records.
    Loading,
    /// Compares them.
    Comparing,
    /// Stores the report.
    Storing,
    /// Finished.
    Done,
}

/// What a reconciliation run reports, stored and numbered before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReconciliationEvent {
    /// The run moved on.
    Progressed {
        /// Status at that moment.
        status: RunStatus,
        /// Step at that moment.
        phase: ReconciliationPhase,
        /// Lines of both sides read by then.
        lines: u64,
    },
    /// The run reached a final status; no event follows.
    Finished {
        /// Final status.
        status: RunStatus,
        /// Report, when there is one.
        report_id: Option<ReportId>,
        /// Why it failed, as a sentence.
        failure: Option<String>,
    },
}

/// An event with its place in the stream of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered<E> {
    /// Place, from 1, without gaps.
    pub sequence: i64,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// What happened.
    pub event: E,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_put_together_and_taken_apart() {
        assert_eq!(Datasets::ALL.iter().collect::<Vec<_>>(), Dataset::ALL);
        let (one, other) =
            (Datasets::of(&[Dataset::VendorPrices, Dataset::Companies]), Datasets::of(&Dataset::ALL[..2]));
        assert_eq!(
            one.iter().collect::<Vec<_>>(),
            [Dataset::Companies, Dataset::VendorPrices],
            "in the order of a run"
        );
        assert_eq!(one.without(other), Datasets::of(&[Dataset::VendorPrices]));
        assert_eq!(one.with(other).without(one), Datasets::of(&[Dataset::Pax8Products]));
        assert!(one.without(Datasets::ALL).is_empty() && Datasets::ALL == Datasets::of(&Dataset::ALL));
    }

    #[test]
    fn a_number_that_could_not_be_read_is_hidden_and_the_rest_stays() {
        let clean = |message: &str| {
            let (side, dataset, message) = (Side::Pax8, Dataset::VendorInvoiceLines, message.to_owned());
            SyncIssue { side, dataset, external_id: None, location: None, message, is_rejected: true }
                .message_without_amounts()
        };
        assert_eq!(clean("costTotal `12,50` is not a decimal"), format!("costTotal {HIDDEN} is not a decimal"));
        assert_eq!(
            clean("line 2 of invoice `7`: cost `1 is not a decimal` is not a decimal and was left out"),
            format!("line 2 of invoice `7`: cost {HIDDEN} is not a decimal and was left out")
        );
        assert_eq!(clean("cost is not text but {\"amount\": 12.5}"), format!("cost is not text but {HIDDEN}"));
        let others = ["startDate `soon` is not a date", "status `X` is not known to this version", "no id"];
        for message in others {
            assert_eq!(clean(message), message);
        }
    }
}
