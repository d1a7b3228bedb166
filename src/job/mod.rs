//! Durable work: claiming jobs, carrying them out with a lease that is kept alive, and starting what a schedule asks for.
//!
//! A worker may die at any moment. Its lease runs out, another worker claims the job with a larger number and goes on
//! from the checkpoint; should the first one wake up again, every transaction of its job refuses it.

mod purge;
mod reconcile;
mod runner;
mod scheduler;
mod sync;

pub use purge::purge_daily;
pub use runner::Runner;
pub use scheduler::Scheduler;
