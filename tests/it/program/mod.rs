//! The whole program: a server over a database of its own, the stand-ins of both providers, and clients over real
//! sockets.

pub mod harness;

mod audit;
mod audited;
mod authorization;
mod authorization_refused;
mod authorization_replaced;
mod bad_input;
mod bench;
mod callers;
mod command;
mod connecting;
mod cost;
mod downloads;
mod independent;
mod issuer;
mod kept_tokens;
mod log;
mod matrix;
mod meeting;
mod planted;
mod purge;
mod reach;
mod reconcile;
mod resume;
mod roles;
mod scheduler;
mod secrets;
mod statements;
mod tenants;
mod webhooks;
mod webhooks_parting;
mod webhooks_wanted;
mod wizard;
