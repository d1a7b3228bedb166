//! What the storage promises, on every database of this machine: nothing read twice into two rows, nothing lost between
//! two writers, one order everywhere.

mod audit;
mod events;
mod gone;
mod jobs;
mod keys;
mod meeting;
mod pages;
mod provider;
mod pulls;
mod schema;
mod tenants;
mod transactions;
mod values;
mod world;
