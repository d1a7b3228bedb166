//! How the values of the business are written in columns. A value that a newer program wrote is an error here, never a
//! default; a value that a *provider* invented stays as it came.

use crate::domain::audit::ActorKind;
use crate::domain::closing::PeriodStatus;
use crate::domain::decision::Resolution;
use crate::domain::discrepancy::DiscrepancyStatus;
use crate::domain::integration::{SetupStage, WritePolicy};
use crate::domain::mapping::{ExclusionReason, MappingKind, MappingOrigin, MappingRole, MappingStatus, RecordKind};
use crate::domain::money::Currency;
use crate::domain::provider::{
    AccountFailure, AccountStatus, CapabilityKind, CapabilityState, ConnectionMethod, ConnectorKind, Side,
};
use crate::domain::record::{
    BillCycle, BillingTerm, ChargeType, CompanyStatus, CustomerStatus, Known, PsaInvoiceStatus, SubscriptionStatus,
    VendorInvoiceStatus, VendorLineKind,
};
use crate::domain::run::{ChangeKind, Dataset, ReconciliationPhase, RunStatus, SyncPhase, SyncTrigger};
use crate::domain::webhook::WebhookStatus;
use crate::engine::billing::{Class, Reason, Verdict};
use crate::report::totals::Dimension;

use super::StorageError;

/// A value with one fixed word.
pub trait Word: Sized + Copy + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The word of the value.
    fn word(self) -> &'static str;

    /// The value of a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
    }

    /// The value of a word in a column of our own.
    fn read(word: &str) -> Result<Self, StorageError> {
        Self::from_word(word)
            .ok_or_else(|| StorageError::Corrupt(format!("`{word}` is not a {}", std::any::type_name::<Self>())))
    }
}

macro_rules! words {
    ($($name:ident { $($value:ident = $word:literal),* $(,)? })*) => {$(
        impl Word for $name {
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$value, $word)),*];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word),*
                }
            }
        }
    )*};
}

words! {
    ActorKind {
        Token = "TOKEN", User = "USER", CommandLine = "COMMAND_LINE", Schedule = "SCHEDULE", Job = "JOB",
    }
    Side { Pax8 = "PAX8", Psa = "PSA" }
    ConnectorKind { Pax8 = "PAX8", RevioPsa = "REVIO_PSA", Files = "FILES" }
    AccountStatus {
        NotConnected = "NOT_CONNECTED", Authorizing = "AUTHORIZING", Connected = "CONNECTED",
        Expiring = "EXPIRING", ReconnectNeeded = "RECONNECT_NEEDED", Failed = "FAILED",
    }
    ConnectionMethod { Keys = "KEYS", Delegated = "DELEGATED" }
    AccountFailure {
        Authorization = "AUTHORIZATION", Connection = "CONNECTION", Permission = "PERMISSION", Settings = "SETTINGS",
    }
    CapabilityKind {
        Customers = "CUSTOMERS", Products = "PRODUCTS", Subscriptions = "SUBSCRIPTIONS", Agreements = "AGREEMENTS",
        Invoices = "INVOICES",
    }
    CapabilityState {
        Available = "AVAILABLE", Empty = "EMPTY", Forbidden = "FORBIDDEN", Unsupported = "UNSUPPORTED",
    }
    SetupStage {
        InitialConfiguration = "INITIAL_CONFIGURATION", ConnectPax8 = "CONNECT_PAX8", ConnectPsa = "CONNECT_PSA",
        Settings = "SETTINGS", FirstSync = "FIRST_SYNC", ReviewAutomatic = "REVIEW_AUTOMATIC",
        MapManually = "MAP_MANUALLY", CreateMissing = "CREATE_MISSING", ReviewAll = "REVIEW_ALL",
        Complete = "COMPLETE",
    }
    WritePolicy { ReadOnly = "READ_ONLY", Review = "REVIEW", Automatic = "AUTOMATIC" }
    MappingKind { Customer = "CUSTOMER", Product = "PRODUCT" }
    MappingOrigin { Automatic = "AUTOMATIC", Manual = "MANUAL", Created = "CREATED" }
    MappingRole { Billed = "BILLED", Included = "INCLUDED" }
    MappingStatus {
        Suggested = "SUGGESTED", Confirmed = "CONFIRMED", Rejected = "REJECTED", Removed = "REMOVED",
    }
    RecordKind {
        Company = "COMPANY", Customer = "CUSTOMER", Pax8Product = "PAX8_PRODUCT", PsaProduct = "PSA_PRODUCT",
    }
    ExclusionReason {
        InternalUse = "INTERNAL_USE", BilledByPax8 = "BILLED_BY_PAX8", NotResold = "NOT_RESOLD",
        Prospect = "PROSPECT", Other = "OTHER",
    }
    RunStatus {
        Queued = "QUEUED", Running = "RUNNING", Succeeded = "SUCCEEDED",
        SucceededWithIssues = "SUCCEEDED_WITH_ISSUES", Failed = "FAILED", Canceled = "CANCELED",
    }
    SyncPhase {
        Waiting = "WAITING", ReadingPax8 = "READING_PAX8", ReadingPsa = "READING_PSA", Matching = "MATCHING",
        Planning = "PLANNING", Applying = "APPLYING", Done = "DONE",
    }
    WebhookStatus { Registering = "REGISTERING", Active = "ACTIVE" }
    SyncTrigger { Setup = "SETUP", Manual = "MANUAL", Schedule = "SCHEDULE", Webhook = "WEBHOOK" }
    ReconciliationPhase {
        Waiting = "WAITING", Loading = "LOADING", Comparing = "COMPARING", Storing = "STORING", Done = "DONE",
    }
    Verdict {
        Clean = "CLEAN", Incomplete = "INCOMPLETE", Discrepant = "DISCREPANT", NotCompared = "NOT_COMPARED",
    }
    Class {
        Matched = "MATCHED", Tolerated = "TOLERATED", Discrepant = "DISCREPANT", ExpectedLater = "EXPECTED_LATER",
        Unmapped = "UNMAPPED", NotCompared = "NOT_COMPARED", Excluded = "EXCLUDED",
    }
    Reason {
        AccountLevel = "ACCOUNT_LEVEL", CreditedInvoice = "CREDITED_INVOICE", VoidInvoice = "VOID_INVOICE",
        ExcludedRecord = "EXCLUDED_RECORD", OwnItem = "OWN_ITEM", NoCompany = "NO_COMPANY", NoProduct = "NO_PRODUCT",
        NoInvoice = "NO_INVOICE", NoCurrency = "NO_CURRENCY", UnknownKind = "UNKNOWN_KIND", NoPrice = "NO_PRICE",
        NoAmount = "NO_AMOUNT", NotDueYet = "NOT_DUE_YET", DraftSuperseded = "DRAFT_SUPERSEDED",
        UseNotInDraft = "USE_NOT_IN_DRAFT",
    }
    DiscrepancyStatus {
        Open = "OPEN", InReview = "IN_REVIEW", Resolved = "RESOLVED", WrittenOff = "WRITTEN_OFF",
        Suppressed = "SUPPRESSED", Reopened = "REOPENED",
    }
    Resolution {
        CorrectedInPsa = "CORRECTED_IN_PSA", CorrectedByVendor = "CORRECTED_BY_VENDOR",
        MappingFixed = "MAPPING_FIXED", AcceptedByContract = "ACCEPTED_BY_CONTRACT", InternalUse = "INTERNAL_USE",
        Timing = "TIMING", Immaterial = "IMMATERIAL", Disputed = "DISPUTED", DataError = "DATA_ERROR",
    }
    PeriodStatus { Open = "OPEN", Closing = "CLOSING", Closed = "CLOSED", Reopening = "REOPENING" }
    ChangeKind { New = "NEW", Changed = "CHANGED", Gone = "GONE" }
    Dimension {
        Customer = "CUSTOMER", Product = "PRODUCT", Vendor = "VENDOR", Type = "TYPE", Month = "MONTH",
    }
    CompanyStatus { Active = "ACTIVE", Inactive = "INACTIVE", Deleted = "DELETED" }
    CustomerStatus { Active = "ACTIVE", Prospect = "PROSPECT", Inactive = "INACTIVE", Pending = "PENDING" }
    SubscriptionStatus {
        Active = "ACTIVE", Canceled = "CANCELED", PendingManual = "PENDING_MANUAL",
        PendingAutomated = "PENDING_AUTOMATED", PendingCancel = "PENDING_CANCEL",
        WaitingForDetails = "WAITING_FOR_DETAILS", Trial = "TRIAL", Converted = "CONVERTED",
        PendingActivation = "PENDING_ACTIVATION", Activated = "ACTIVATED",
    }
    BillingTerm {
        Monthly = "MONTHLY", Annual = "ANNUAL", TwoYear = "TWO_YEAR", ThreeYear = "THREE_YEAR",
        OneTime = "ONE_TIME", Arrears = "ARREARS", Trial = "TRIAL", Activation = "ACTIVATION", Rebate = "REBATE",
    }
    BillCycle { Monthly = "MONTHLY", Annual = "ANNUAL", OneTime = "ONE_TIME", Usage = "USAGE" }
    ChargeType { PerUnit = "PER_UNIT", Flat = "FLAT" }
    VendorLineKind {
        Subscription = "SUBSCRIPTION", Prorate = "PRORATE", OneTime = "ONE_TIME", Rebate = "REBATE",
        ServiceCharge = "SERVICE_CHARGE", ServiceCredit = "SERVICE_CREDIT", PaymentCredit = "PAYMENT_CREDIT",
        InvoiceCredit = "INVOICE_CREDIT",
    }
    VendorInvoiceStatus {
        Unpaid = "UNPAID", Paid = "PAID", Void = "VOID", Carried = "CARRIED", NothingDue = "NOTHING_DUE",
        Credited = "CREDITED", Draft = "DRAFT",
    }
    PsaInvoiceStatus { Draft = "DRAFT", Open = "OPEN", Paid = "PAID", Void = "VOID", Credited = "CREDITED" }
}

impl Word for Dataset {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Companies, "companies"),
        (Self::Pax8Products, "pax8_products"),
        (Self::VendorPrices, "vendor_prices"),
        (Self::Subscriptions, "subscriptions"),
        (Self::SubscriptionHistory, "subscription_history"),
        (Self::VendorInvoices, "vendor_invoices"),
        (Self::VendorInvoiceLines, "vendor_invoice_lines"),
        (Self::DraftInvoices, "draft_invoices"),
        (Self::Customers, "customers"),
        (Self::PsaProducts, "psa_products"),
        (Self::AgreementLines, "agreement_lines"),
        (Self::PsaInvoices, "psa_invoices"),
    ];

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// Marks a value that the provider invented, so that it cannot be taken for one of our words.
const UNRECOGNIZED: char = '?';

/// The column text of a value that may be unknown.
pub fn of_known<T: Word>(value: &Known<T>) -> String {
    match value {
        Known::Known(value) => value.word().to_owned(),
        Known::Unrecognized(text) => format!("{UNRECOGNIZED}{text}"),
    }
}

/// The value of a column text that may be unknown.
pub fn known<T: Word>(text: String) -> Known<T> {
    match T::from_word(&text) {
        Some(value) => Known::Known(value),
        None => Known::Unrecognized(text.strip_prefix(UNRECOGNIZED).map(str::to_owned).unwrap_or(text)),
    }
}

/// A currency column.
pub fn required_currency(text: &str) -> Result<Currency, StorageError> {
    Currency::parse(text).map_err(|error| StorageError::Corrupt(error.to_string()))
}

/// A currency column that may be empty.
pub fn currency(text: Option<&str>) -> Result<Option<Currency>, StorageError> {
    text.map(required_currency).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_read_back() {
        fn check<T: Word + PartialEq + std::fmt::Debug>() {
            for (value, word) in T::WORDS {
                assert_eq!((T::from_word(word), value.word()), (Some(*value), *word));
            }
        }
        check::<RunStatus>();
        check::<Dataset>();
        check::<SetupStage>();
        check::<VendorLineKind>();
        check::<Class>();
        check::<Reason>();
        assert_eq!(Dataset::WORDS.len(), Dataset::ALL.len());
    }

    #[test]
    fn an_invented_status_is_never_one_of_ours() {
        let invented: Known<CompanyStatus> = Known::Unrecognized("ACTIVE".into());
        assert_eq!(of_known(&invented), "?ACTIVE");
        assert_eq!(known::<CompanyStatus>(of_known(&invented)), invented);
    }
}
