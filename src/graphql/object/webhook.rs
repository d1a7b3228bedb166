//! A webhook: where a provider tells us of changes.

use async_graphql::Object;
use chrono::{DateTime, Utc};

use crate::domain::webhook::Webhook;

/// Where a provider tells us of changes by itself. Its secrets are never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderWebhookObject(pub Webhook);

/// Where a provider tells us of changes by itself. What it tells is never taken for a fact: the lists that it is about
/// are read again.
#[Object(name = "ProviderWebhook")]
impl ProviderWebhookObject {
    /// Address that the provider sends to, with asterisks in place of its secret part.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// Topics that it was registered for, in the provider's words; empty when they were chosen at the provider by hand.
    async fn topics(&self) -> &[String] {
        &self.0.topics
    }

    /// Topics that came in and that this version does not know. Subscriptions and invoices are read again for them.
    async fn unknown_topics(&self) -> &[String] {
        &self.0.unknown_topics
    }

    /// Whether a person set it up at the provider by hand.
    async fn is_manual(&self) -> bool {
        self.0.is_manual
    }

    /// Timestamp of when it was registered.
    async fn registered_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Timestamp of when the latest message came in; null before the first one.
    async fn last_delivered_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_delivered_at
    }

    /// Number of messages that came in, repeated ones included.
    async fn delivery_count(&self) -> i64 {
        self.0.delivery_count
    }
}
