//! The algorithms: matching and reconciliation. Pure: no IO, clock, randomness, database or GraphQL.

pub mod billing;
pub mod matching;
