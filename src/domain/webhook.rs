//! Webhooks: where a provider tells us that something changed, and which lists are read again because of it.
//!
//! What a provider tells is a hint and never data: it is not signed, so everything is asked for again.

use chrono::{DateTime, Utc};

use super::id::{IntegrationId, OrganizationId, ProviderAccountId, WebhookId};
use super::run::{Dataset, Datasets};

/// How far a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookStatus {
    /// The provider is being asked to send to it. It takes what comes all the same.
    Registering,
    /// The provider sends to it.
    Active,
}

/// Where a provider tells us of changes of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Id.
    pub id: WebhookId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration that the account is a side of.
    pub integration_id: IntegrationId,
    /// Account.
    pub account_id: ProviderAccountId,
    /// State.
    pub status: WebhookStatus,
    /// Address with its secret part hidden.
    pub url: String,
    /// Whether a person set it up at the provider by hand.
    pub is_manual: bool,
    /// The provider's id of it; `None` for one that a person set up.
    pub external_id: Option<String>,
    /// Topics that it was registered for, in the provider's words; empty when a person chose them at the provider.
    pub topics: Vec<String>,
    /// Topics that came in and mean nothing to this version.
    pub unknown_topics: Vec<String>,
    /// Lists that wait to be read again.
    pub wanted: Datasets,
    /// Since when they wait.
    pub wanted_since: Option<DateTime<Utc>>,
    /// Messages that came in, repeated ones included.
    pub delivery_count: i64,
    /// When the last one came in.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Grows by one with every change of its registration.
    pub version: i64,
}

/// How many unknown topics are remembered.
const UNKNOWN_TOPICS: usize = 20;

impl Webhook {
    /// Remembers a topic that this version does not know.
    pub fn note_unknown(&mut self, topic: &str) {
        if self.unknown_topics.len() < UNKNOWN_TOPICS && !self.unknown_topics.iter().any(|known| known == topic) {
            self.unknown_topics.push(topic.to_owned());
        }
    }
}

/// The lists that a topic is about; `None` for one that this version does not know.
///
/// The provider publishes its topics by an API alone, and its pages have spelled them differently (`SUBSCRIPTION`,
/// `subscription/create`), so that the first word that says what it is about decides.
pub fn lists_of(topic: &str) -> Option<Datasets> {
    topic.split(|character: char| !character.is_ascii_alphanumeric()).find_map(|word| {
        let lists: &[Dataset] = match word.to_ascii_uppercase().as_str() {
            "INVOICE" | "INVOICES" => &[Dataset::VendorInvoices, Dataset::VendorInvoiceLines, Dataset::DraftInvoices],
            // An order or a provisioning that ends is a subscription that begins or changes.
            "SUBSCRIPTION" | "SUBSCRIPTIONS" | "ORDER" | "ORDERS" | "PROVISIONING" => {
                &[Dataset::Subscriptions, Dataset::SubscriptionHistory, Dataset::VendorPrices]
            }
            "PRODUCT" | "PRODUCTS" => &[Dataset::Pax8Products],
            "COMPANY" | "COMPANIES" | "CLIENT" | "CLIENTS" => &[Dataset::Companies],
            _ => return None,
        };
        Some(Datasets::of(lists))
    })
}

/// The lists that are read again for a topic that this version does not know: those that money hangs on.
pub fn lists_of_unknown() -> Datasets {
    Datasets::of(&[
        Dataset::Subscriptions,
        Dataset::SubscriptionHistory,
        Dataset::VendorInvoices,
        Dataset::VendorInvoiceLines,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(topic: &str) -> Option<Vec<&'static str>> {
        lists_of(topic).map(|lists| lists.iter().map(Dataset::as_str).collect())
    }

    #[test]
    fn a_topic_says_which_lists_are_read_again() {
        let invoices = vec!["vendor_invoices", "vendor_invoice_lines", "draft_invoices"];
        let subscriptions = vec!["subscriptions", "subscription_history", "vendor_prices"];
        for (topic, lists) in [
            ("INVOICE", Some(invoices)),
            ("SUBSCRIPTION", Some(subscriptions.clone())),
            ("subscription/create", Some(subscriptions.clone())),
            ("SUBSCRIPTION_COMPLETED", Some(subscriptions.clone())),
            ("PROVISIONING", Some(subscriptions)),
            ("PRODUCT", Some(vec!["pax8_products"])),
            ("CLIENT", Some(vec!["companies"])),
            ("Company.Updated", Some(vec!["companies"])),
            ("QUOTE", None),
            ("", None),
            ("SUBSCRIPTIONLIKE", None),
        ] {
            assert_eq!(words(topic), lists, "{topic}");
        }
    }
}
