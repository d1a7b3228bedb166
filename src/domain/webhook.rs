//! Webhooks: where a provider tells us that something changed, and which lists are read again because of it.
//!
//! What a provider tells is a hint and never data: it is not signed, so everything is asked for again.
//!
//! What a message asks for is wanted until a run that began after it has read it. A run takes what is wanted when it is
//! made ([`Webhook::take`]); when it succeeds, that is done ([`Webhook::succeed`]); when it does not, it is wanted again,
//! and the next try waits longer than the one before ([`Webhook::fail`]).
//!
//! A message that looks like an earlier one is left out only where that loses nothing. While what it asks for is wanted,
//! it changes nothing anyway. Later it asks again, because the same change may have happened a second time (from five
//! seats to six, back to five, and to six again, or a topic whose messages tell no details), unless it is the same
//! delivery, told by the moment of sending ([`is_sent_again`]).

use chrono::{DateTime, TimeDelta, Utc};

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
    /// Lists that the run under way has taken; should it not succeed, they wait again.
    pub reading: Datasets,
    /// Runs in a row that had taken something and did not succeed.
    pub failure_count: i32,
    /// Before which moment no run is made for it alone, because the last one failed.
    pub retry_at: Option<DateTime<Utc>>,
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

/// Wait after the first run that failed; it doubles with each further one.
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);

/// The wait does not grow beyond this: the schedule of an integration is seldom slower.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

impl Webhook {
    /// One that the provider does not know yet, and over which nothing came in.
    pub fn registering(
        id: WebhookId,
        (organization_id, integration_id, account_id): (OrganizationId, IntegrationId, ProviderAccountId),
        url: String,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            organization_id,
            integration_id,
            account_id,
            status: WebhookStatus::Registering,
            url,
            is_manual: false,
            external_id: None,
            topics: Vec::new(),
            unknown_topics: Vec::new(),
            wanted: Datasets::NONE,
            wanted_since: None,
            reading: Datasets::NONE,
            failure_count: 0,
            retry_at: None,
            delivery_count: 0,
            last_delivered_at: None,
            created_at,
            version: 1,
        }
    }

    /// Lists are to be read again.
    pub fn want(&mut self, lists: Datasets, now: DateTime<Utc>) {
        self.wanted = self.wanted.with(lists);
        self.wanted_since = self.wanted_since.or(Some(now)).filter(|_| !self.wanted.is_empty());
    }

    /// Whether something waits that a run may be made for now.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        !self.wanted.is_empty() && self.retry_at.is_none_or(|at| at <= now)
    }

    /// What no run has read yet.
    pub fn unread(&self) -> Datasets {
        self.wanted.with(self.reading)
    }

    /// A run that reads these lists is made. No other run works then, so that what one had taken that never came to an
    /// end is taken again.
    pub fn take(&mut self, lists: Datasets) {
        let unread = self.unread();
        self.wanted = unread.without(lists);
        self.wanted_since = self.wanted_since.filter(|_| !self.wanted.is_empty());
        self.reading = unread.without(self.wanted);
    }

    /// The run succeeded.
    pub fn succeed(&mut self) {
        self.reading = Datasets::NONE;
        self.failure_count = 0;
        self.retry_at = None;
    }

    /// The run did not succeed.
    pub fn fail(&mut self, now: DateTime<Utc>) {
        if self.reading.is_empty() {
            return;
        }
        self.want(self.reading, now);
        self.reading = Datasets::NONE;
        // Few enough doublings that the wait fits, and enough to reach the longest one.
        let doublings = self.failure_count.clamp(0, 10);
        self.failure_count = self.failure_count.saturating_add(1);
        self.retry_at = Some(now + (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT));
    }

    /// Takes over what waits at a webhook that this one replaces.
    pub fn inherit(&mut self, old: &Self) {
        self.wanted = self.wanted.with(old.wanted);
        self.wanted_since = self.wanted_since.into_iter().chain(old.wanted_since).min();
        self.reading = self.reading.with(old.reading);
        self.failure_count = old.failure_count;
        self.retry_at = old.retry_at;
    }

    /// Remembers a topic that this version does not know.
    pub fn note_unknown(&mut self, topic: &str) {
        if self.unknown_topics.len() < UNKNOWN_TOPICS && !self.unknown_topics.iter().any(|known| known == topic) {
            self.unknown_topics.push(topic.to_owned());
        }
    }
}

/// How long the provider waits for an answer before it sends again. Its moment of sending may be told in whole seconds,
/// so that an equal text that comes sooner is taken for another message of the same second.
const SENDS_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(10);

/// Whether a delivery whose text, moment of sending included, first came in at a moment is that one sent again: because
/// no answer reached the provider, or by somebody who has kept it. What it asked for was wanted then and is not lost.
pub fn is_sent_again(first: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - first >= SENDS_AGAIN_AFTER
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

    fn webhook() -> Webhook {
        let id = uuid::Uuid::from_u128;
        let owner = (OrganizationId(id(2)), IntegrationId(id(3)), ProviderAccountId(id(4)));
        let new = Webhook::registering(WebhookId(id(1)), owner, String::new(), DateTime::UNIX_EPOCH);
        Webhook { status: WebhookStatus::Active, ..new }
    }

    #[test]
    fn what_is_wanted_stays_wanted_until_it_was_read() {
        let now = DateTime::UNIX_EPOCH;
        let [one, two, three] =
            [Dataset::Companies, Dataset::Subscriptions, Dataset::VendorInvoices].map(|list| Datasets::of(&[list]));
        let mut webhook = webhook();
        webhook.want(one, now);
        webhook.want(one.with(two), now + TimeDelta::seconds(1));
        assert_eq!((webhook.wanted, webhook.wanted_since), (one.with(two), Some(now)));
        webhook.take(one.with(three));
        assert_eq!((webhook.wanted, webhook.reading), (two, one), "a run takes what it reads");
        webhook.want(one, now);
        webhook.succeed();
        assert_eq!((webhook.wanted, webhook.reading), (one.with(two), Datasets::NONE), "it came after the run began");
        // A run that nobody saw end is made up for by the next one.
        webhook.take(Datasets::ALL);
        assert_eq!((webhook.wanted, webhook.wanted_since), (Datasets::NONE, None));
        webhook.take(one);
        assert_eq!((webhook.wanted, webhook.reading), (two, one));
        let mut new = Webhook { reading: Datasets::NONE, ..self::webhook() };
        new.inherit(&webhook);
        assert_eq!(new.unread(), one.with(two), "a webhook that is replaced loses nothing");
    }

    #[test]
    fn each_failure_is_waited_for_longer_up_to_a_limit() {
        let (now, lists) = (DateTime::UNIX_EPOCH, Datasets::of(&[Dataset::Companies]));
        let mut webhook = webhook();
        webhook.fail(now);
        assert_eq!((webhook.failure_count, webhook.retry_at), (0, None), "it had taken nothing");
        webhook.want(lists, now);
        let mut waits = Vec::new();
        for _ in 0..100 {
            assert!(webhook.is_due(webhook.retry_at.unwrap_or(now)));
            webhook.take(lists);
            webhook.fail(now);
            assert!(!webhook.is_due(now) && webhook.wanted == lists);
            waits.push(webhook.retry_at.map(|at| (at - now).num_minutes()));
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
        assert_eq!(waits[99], Some(60));
        webhook.take(lists);
        webhook.succeed();
        webhook.want(lists, now);
        assert!(webhook.is_due(now), "a success forgets the failures");
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
