//! Reconciliation: readable cases, properties, and a regression check against a data set with known answers.

mod case;
mod fixtures;
mod fuzz;
mod properties;
mod reference;
