//! The local stand-in for Pax8 and for a PSA (Rev.io PSA with its Billing): the same paths, envelopes and refusals,
//! over a world that is made from a seed or read from a directory.
//!
//! It knows nothing about Concord's storage, connectors or engines, so that it can contradict them; only what sends its
//! webhooks is the HTTP client of the house.

pub mod http;
pub mod json;
pub mod world;

pub use http::{Options, RunningSandbox, Side, StartError, WorldSource, credentials, start};
pub use world::{DEFAULT_SEED, Kind, Planted, World, WorldError, default_today};
