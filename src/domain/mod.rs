//! The words of the business and their rules. Knows no database, network, clock or randomness.

pub mod access;
pub mod audit;
pub mod closing;
pub mod decision;
pub mod discrepancy;
pub mod id;
pub mod integration;
pub mod mapping;
pub mod money;
pub mod period;
pub mod provider;
pub mod record;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod suppression;
pub mod webhook;
