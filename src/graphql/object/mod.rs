//! Objects of the schema: what a client sees of a thing of the business.

pub mod account;
pub mod audit_event;
pub mod candidate;
pub mod company;
pub mod customer;
pub mod discrepancy;
pub mod exclusion;
pub mod explanation;
pub mod integration;
pub mod job;
pub mod mapping;
pub mod mapping_list;
pub mod node;
pub mod pax8_product;
pub mod psa_product;
pub mod reconciliation_run;
pub mod record;
pub mod record_reference;
pub mod report;
pub mod report_download;
pub mod report_part;
pub mod subscription;
pub mod sync_run;
