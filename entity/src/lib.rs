//! SeaORM models: the columns of every table, with raw ids and no rules. `storage` alone uses them.
//!
//! Foreign keys are declared in `migration`, composite and beginning with the organization, so that the database itself
//! refuses a reference across tenants.

pub mod value;

pub mod agreement_line;
pub mod api_token;
pub mod audit_event;
pub mod audit_head;
pub mod authorization_attempt;
pub mod billing_period;
pub mod company;
pub mod customer;
pub mod discrepancy;
pub mod discrepancy_note;
pub mod discrepancy_occurrence;
pub mod event;
pub mod event_stream;
pub mod exclusion;
pub mod integration;
pub mod job;
pub mod mapping;
pub mod mapping_candidate;
pub mod matching_memory;
pub mod organization;
pub mod pax8_product;
pub mod policy;
pub mod price_book_entry;
pub mod provider_account;
pub mod provider_authorization;
pub mod provider_token;
pub mod psa_invoice;
pub mod psa_invoice_line;
pub mod psa_product;
pub mod reconciliation_run;
pub mod record_version;
pub mod report;
pub mod report_line;
pub mod report_total;
pub mod run_change;
pub mod subscription;
pub mod subscription_revision;
pub mod suppression_rule;
pub mod sync_issue;
pub mod sync_run;
pub mod vendor_invoice;
pub mod vendor_invoice_line;
pub mod vendor_price;
pub mod webhook;
pub mod webhook_delivery;
