//! Reconciliation: what Pax8 charged, what should have been billed, and what the PSA billed, joined on one line.
//!
//! Pure, exact and deterministic: the same [`Input`] and [`Policy`] give the same [`Report`]. Records go into an
//! [`InputBuilder`] one at a time; `build` puts them into canonical order; [`reconcile`] does the rest:
//!
//! 1. `place` puts every line on an account (customer, item, currency) and a period, which `key` finds, or sets it aside
//!    with a reason; `provisional` says which periods rest on drafts.
//! 2. `expected` computes what each charge should have been billed with, from `price` and `quantity`.
//! 3. `judge` compares an account: `adhoc` matches what does not recur, `assign` says which line bills which
//!    subscription, `compare` names the difference.
//! 4. `pair` settles what accounts left: billed in the wrong place, billed for nothing, or not billed at all.
//! 5. `summary` gives each key its class and proves that the effects explain every difference; `cause` says why a
//!    difference arose; `footing` proves that the classes add up to the source lines.
//!
//! `threads` spreads steps 1 to 3 and 5 over several threads, which change nothing but the time.
//!
//! It knows nothing of files, databases, or what people decided about earlier discrepancies.

mod adhoc;
mod amount;
mod assign;
mod builder;
mod cause;
mod chain;
mod compare;
mod expected;
mod finding;
mod fingerprint;
mod footing;
mod input;
mod intern;
mod judge;
mod key;
mod pair;
mod place;
mod policy;
mod price;
mod provisional;
mod quantity;
mod report;
mod run;
mod sentence;
mod summary;
mod threads;
mod tie_out;

pub use builder::{CompanyMapping, InputBuilder, InputError, ProductMapping};
pub use fingerprint::Fingerprint;
pub use input::{ExclusionReason, Input, MappingRole, PeriodEnd, Standing};
pub use intern::{
    AgreementLineRef, AgreementRef, CompanyRef, CustomerRef, ItemRef, ProductRef, PsaInvoiceRef, PsaLineRef,
    SubscriptionRef, VendorInvoiceRef, VendorLineRef,
};
pub use policy::{
    Credits, PeriodBasis, PeriodRule, Policy, PriceSource, Proration, QuantitySource, SeverityLimits, Tolerance,
};
pub use report::{
    Bridge, BridgePart, Class, CoverageRow, CurrencyTotals, Discrepancy, FootingRow, KeyCustomer, KeyItem, KeyResult,
    ProvisionalRow, Reason, ReconcileError, Report, Side, TieOut, TieOutBasis, TieOutSums, Verdict, bridge_part,
};
pub use run::{reconcile, reconcile_on};
pub use threads::Threads;

/// Grows with every change that can change a report.
pub const ENGINE_VERSION: u32 = 2;
