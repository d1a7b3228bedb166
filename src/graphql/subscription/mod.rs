//! Subscriptions: what a client can follow.

pub mod follow;
mod provider_account_changed;
mod reconciliation_run_events;
mod sync_run_events;

use async_graphql::MergedSubscription;

/// What a client can follow.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    sync_run_events::SyncRunEvents,
    provider_account_changed::ProviderAccountChanged,
    reconciliation_run_events::ReconciliationRunEvents,
);
