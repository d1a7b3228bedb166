//! Webhooks: where a provider tells us that something changed, and which lists are read again because of it.
//!
//! What a provider tells is a hint and never data: it is not signed, so everything is asked for again.
//!
//! What a message asks for is wanted until a run that began after it has read it. A run takes what is wanted when it is
//! made ([`Webhook::take`]); when it succeeds, that is done ([`Webhook::succeed`]). When it does not, what it had taken is
//! put off, and each further try waits longer than the one before ([`Webhook::fail`]). When a single list was refused, that
//! one alone is put off and tried apart from the others: one that is refused for good keeps no other waiting.
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
    /// Lists that wait to be read again as soon as they can be.
    pub wanted: Datasets,
    /// Since when they wait.
    pub wanted_since: Option<DateTime<Utc>>,
    /// Lists that the run under way has taken; should it not succeed, they wait again.
    pub reading: Datasets,
    /// Lists that could not be read and are tried again at [`Self::retry_at`], apart from the others.
    pub put_off: Datasets,
    /// Tries in a row that put something off.
    pub failure_count: i32,
    /// Before which moment no run is made for what was put off.
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

/// How long to wait for more of the kind before a run begins: one change at a provider often makes several messages.
pub const SETTLE: TimeDelta = TimeDelta::seconds(1);

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
            put_off: Datasets::NONE,
            failure_count: 0,
            retry_at: None,
            delivery_count: 0,
            last_delivered_at: None,
            created_at,
            version: 1,
        }
    }

    /// Lists are to be read again. What was put off stays put off: a message does not make it readable.
    pub fn want(&mut self, lists: Datasets, now: DateTime<Utc>) {
        self.wanted = self.wanted.with(lists.without(self.put_off));
        self.wanted_since = self.wanted_since.or(Some(now)).filter(|_| !self.wanted.is_empty());
    }

    /// The lists that a run may be made for now; none when nothing waits, or not long enough. What was put off is read
    /// apart from the others, so that it takes none of them along should it fail again.
    pub fn due(&self, now: DateTime<Utc>) -> Datasets {
        let is_settled = self.wanted_since.is_none_or(|since| since <= now - SETTLE);
        let is_patient = self.retry_at.is_none_or(|at| at <= now);
        match self.wanted {
            // With what a run had taken that nobody saw end.
            wanted if !wanted.is_empty() && is_settled => wanted.with(self.reading),
            wanted if wanted.is_empty() && is_patient => self.put_off,
            _ => Datasets::NONE,
        }
    }

    /// What no run has read yet.
    pub fn unread(&self) -> Datasets {
        self.wanted.with(self.reading).with(self.put_off)
    }

    /// A run that reads these lists is made. No other run works then, so that what one had taken that never came to an
    /// end waits again or is taken.
    pub fn take(&mut self, lists: Datasets) {
        let unread = self.unread();
        self.wanted = self.wanted.with(self.reading).without(lists);
        self.wanted_since = self.wanted_since.filter(|_| !self.wanted.is_empty());
        self.put_off = self.put_off.without(lists);
        self.reading = unread.without(self.wanted).without(self.put_off);
    }

    /// The run succeeded.
    pub fn succeed(&mut self) {
        self.reading = Datasets::NONE;
        if self.put_off.is_empty() {
            self.failure_count = 0;
            self.retry_at = None;
        }
    }

    /// The run did not succeed: because of one list, or for a reason that holds for all of them.
    pub fn fail(&mut self, refused: Option<Dataset>, now: DateTime<Utc>) {
        let taken = std::mem::replace(&mut self.reading, Datasets::NONE);
        let put_off = refused.map_or(taken, |list| taken.without(taken.without(Datasets::of(&[list]))));
        if !put_off.is_empty() {
            self.put_off = self.put_off.with(put_off);
            // A message may have come for it while the run worked.
            self.wanted = self.wanted.without(put_off);
            // Few enough doublings that the wait fits, and enough to reach the longest one.
            let doublings = self.failure_count.clamp(0, 10);
            self.failure_count = self.failure_count.saturating_add(1);
            self.retry_at = Some(now + (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT));
        }
        self.want(taken, now);
    }

    /// Takes over what waits at a webhook that this one replaces.
    pub fn inherit(&mut self, old: &Self) {
        self.put_off = self.put_off.with(old.put_off);
        self.wanted = self.wanted.with(old.wanted).without(self.put_off);
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
        webhook.fail(None, now);
        assert_eq!((webhook.failure_count, webhook.retry_at), (0, None), "it had taken nothing");
        webhook.want(lists, now);
        assert_eq!((webhook.due(now), webhook.due(now + SETTLE)), (Datasets::NONE, lists), "more may come");
        let mut waits = Vec::new();
        for _ in 0..100 {
            assert_eq!(webhook.due(webhook.retry_at.unwrap_or(now + SETTLE)), lists);
            webhook.take(lists);
            webhook.fail(None, now);
            webhook.want(lists, now);
            assert_eq!(
                (webhook.wanted, webhook.put_off),
                (Datasets::NONE, lists),
                "a message does not make it readable"
            );
            assert_eq!(webhook.due(now + SETTLE), Datasets::NONE);
            waits.push(webhook.retry_at.map(|at| (at - now).num_minutes()));
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
        assert_eq!(waits[99], Some(60));
        webhook.take(lists);
        webhook.succeed();
        webhook.want(lists, now);
        assert_eq!((webhook.due(now + SETTLE), webhook.failure_count), (lists, 0), "a success forgets the failures");
    }

    #[test]
    fn a_list_that_was_refused_is_tried_apart_from_the_others() {
        let now = DateTime::UNIX_EPOCH;
        let [one, two, three] =
            [Dataset::Companies, Dataset::Subscriptions, Dataset::VendorInvoices].map(|list| Datasets::of(&[list]));
        let mut webhook = webhook();
        webhook.want(one.with(two), now);
        webhook.take(one.with(two));
        // A message for the refused one came while the run worked.
        webhook.want(one.with(three), now);
        webhook.fail(Some(Dataset::Companies), now);
        assert_eq!((webhook.wanted, webhook.put_off, webhook.reading), (two.with(three), one, Datasets::NONE));
        assert_eq!(webhook.due(now + SETTLE), two.with(three));
        // A success of the others does not shorten its wait.
        webhook.take(two.with(three));
        webhook.succeed();
        assert_eq!((webhook.failure_count, webhook.due(now + TimeDelta::seconds(59))), (1, Datasets::NONE));
        assert_eq!(webhook.due(now + TimeDelta::seconds(60)), one);
        // When both wait, the others go first.
        webhook.want(two, now);
        assert_eq!(webhook.due(now + TimeDelta::seconds(60)), two);
        // A list that nothing was wanted of puts nothing off.
        webhook.take(two);
        webhook.fail(Some(Dataset::Customers), now);
        assert_eq!((webhook.wanted, webhook.put_off, webhook.failure_count), (two, one, 1));
        let mut new = self::webhook();
        new.want(one, now);
        new.inherit(&webhook);
        assert_eq!((new.wanted, new.put_off, new.retry_at), (two, one, webhook.retry_at), "a replaced one hands it on");
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
